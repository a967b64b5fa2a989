//! `guanxi access`: who may do what to a record and why, what a planned change would open or close, with whom single
//! records are shared, and by which rules others are.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use guanxi::api::call;
use guanxi::{Code, Error, Result};
use serde_json::{Value as Json, json};

use crate::commands::rules::{Database, Inherit, Rule};
use crate::commands::{list, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, parse_json, visible};
use crate::table::{Table, cell};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Access {
    #[command(subcommand)]
    work: Work,
}

/// What is asked.
#[derive(Debug, Subcommand)]
enum Work {
    /// Tell why somebody may do something to a record, or may not
    Explain(Explain),
    /// List who may do something to a record
    Who(Who),
    /// Tell what planned changes of users, roles and grants would open or close; nothing is changed
    Simulate(Simulate),
    /// Share a record with a user or a team, or change the share that they have
    Share(Share),
    /// Take back what is shared of a record with a user or a team
    Unshare(Unshare),
    /// List with whom a record is shared
    Shares(Shares),
    /// Let a user or a team that takes part in a process read a record until it ends
    Involve(Involve),
    /// End what people read because they take part in a process
    EndInvolvement(ProcessPlace),
    /// Share records by what they say
    #[command(subcommand)]
    Rule(Rule),
    /// Let records follow the access to what they refer to
    #[command(subcommand)]
    Inherit(Inherit),
    /// Go on with marking records for rules that are new
    Mark(Database),
    /// Let somebody act for one, or for somebody whom one administers, for a period
    Delegate(Delegate),
    /// Take a delegation back
    Undelegate(One),
    /// List the delegations by oneself and to oneself
    Delegations(Place),
    /// Ask a second person to agree to changes
    Request(Request),
    /// List requests for changes
    Requests(Requests),
    /// Agree to a request, and do what it asks for
    Approve(Decision),
    /// Refuse a request
    Refuse(Decision),
    /// Take back a request of one's own
    Withdraw(One),
}

#[derive(Debug, Args)]
struct Place {
    /// Directory of the database
    path: PathBuf,
}

#[derive(Debug, Args)]
struct One {
    /// Directory of the database
    path: PathBuf,
    /// By its id
    id: String,
}

#[derive(Debug, Args)]
struct Delegate {
    /// Directory of the database
    path: PathBuf,
    /// Who acts, by id or name
    delegate: String,
    /// From when on no longer, as 2026-12-01T00:00:00Z
    #[arg(long, value_name = "MOMENT")]
    until: String,
    /// From when on; from now on if not said
    #[arg(long, value_name = "MOMENT")]
    from: Option<String>,
    /// For whom, by id or name; for oneself if not said
    #[arg(long = "for", value_name = "USER")]
    delegator: Option<String>,
    /// Only about records of an entity; may be given several times
    #[arg(long = "entity", value_name = "ENTITY")]
    entities: Vec<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

#[derive(Debug, Args)]
struct Request {
    /// Directory of the database
    path: PathBuf,
    /// File with the changes in JSON: a list, as `access.request` takes it
    file: PathBuf,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// From when on nobody can agree to it any more, as 2026-12-01T00:00:00Z
    #[arg(long, value_name = "MOMENT")]
    expires: Option<String>,
}

#[derive(Debug, Args)]
struct Requests {
    /// Directory of the database
    path: PathBuf,
    /// pending, approved, refused or withdrawn; all of them if not said
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Where the page before ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
struct Decision {
    /// Directory of the database
    path: PathBuf,
    /// The request, by its id
    id: String,
    /// What is said about it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// With whom a record is shared.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct With {
    /// The user, by id or name
    // An id of its own, since `--as` is of the id `user` in all commands.
    #[arg(id = "with_user", long = "user", value_name = "USER")]
    user: Option<String>,
    /// The team, by id or name
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
}

#[derive(Debug, Args)]
struct Share {
    /// Directory of the database
    path: PathBuf,
    /// The entity
    entity: String,
    /// The record, by its id
    id: String,
    #[command(flatten)]
    with: With,
    /// What it lets be done: read, edit or full
    #[arg(long, value_name = "LEVEL", default_value = "read")]
    level: String,
    /// From when on, as 2026-12-01T00:00:00Z; from now on if not said
    #[arg(long, value_name = "MOMENT")]
    from: Option<String>,
    /// From when on no longer; without end if not said
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
struct Involve {
    /// Directory of the database
    path: PathBuf,
    /// The entity
    entity: String,
    /// The record, by its id
    id: String,
    #[command(flatten)]
    with: With,
    /// The entity of the process
    #[arg(long, value_name = "ENTITY")]
    process_entity: String,
    /// The record of the process, by its id
    #[arg(long, value_name = "ID")]
    process: String,
}

#[derive(Debug, Args)]
struct ProcessPlace {
    /// Directory of the database
    path: PathBuf,
    /// The entity of the process
    process_entity: String,
    /// The record of the process, by its id
    process: String,
}

#[derive(Debug, Args)]
struct Unshare {
    /// Directory of the database
    path: PathBuf,
    /// The entity
    entity: String,
    /// The record, by its id
    id: String,
    #[command(flatten)]
    with: With,
}

#[derive(Debug, Args)]
struct Shares {
    /// Directory of the database
    path: PathBuf,
    /// The entity
    entity: String,
    /// The record, by its id
    id: String,
}

#[derive(Debug, Args)]
struct Explain {
    /// Directory of the database
    path: PathBuf,
    /// The entity
    entity: String,
    /// The record, by its id
    id: String,
    /// About whom, by id or name; oneself if not said
    #[arg(id = "about_user", long = "user", value_name = "USER")]
    user: Option<String>,
    /// The action
    #[arg(long, value_name = "ACTION", default_value = "read")]
    action: String,
    /// At a moment of the past, as 2026-12-01T00:00:00Z
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
}

#[derive(Debug, Args)]
struct Who {
    /// Directory of the database
    path: PathBuf,
    /// The entity
    entity: String,
    /// The record, by its id
    id: String,
    /// The action
    #[arg(long, value_name = "ACTION", default_value = "read")]
    action: String,
    /// Most rows of a page
    #[arg(long, value_name = "ROWS")]
    limit: Option<u64>,
    /// Where the page before ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// At a moment of the past, as 2026-12-01T00:00:00Z
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
}

#[derive(Debug, Args)]
struct Simulate {
    /// Directory of the database
    path: PathBuf,
    /// File with the changes in JSON: a list, as `access.simulate` takes it
    file: PathBuf,
    /// Most rows
    #[arg(long, value_name = "ROWS")]
    limit: Option<u64>,
}

impl Access {
    /// Asks, and writes the answer.
    ///
    /// # Errors
    /// Those of the named methods; `storage.io` for the file of changes.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            Work::Explain(explain) => explain.run(host),
            Work::Who(who) => who.run(host),
            Work::Simulate(simulate) => simulate.run(host),
            Work::Share(share) => share.run(host),
            Work::Unshare(unshare) => unshare.run(host),
            Work::Shares(shares) => shares.run(host),
            Work::Involve(involve) => involve.run(host),
            Work::EndInvolvement(process) => process.run(host),
            Work::Rule(rule) => rule.run(host),
            Work::Inherit(inherit) => inherit.run(host),
            Work::Mark(database) => database.mark(host),
            Work::Delegate(delegate) => delegate.run(host),
            Work::Undelegate(one) => told(host, &one.path, "delegation.end", &json!({"id": one.id})),
            Work::Delegations(place) => {
                let answer = call(&host.session(&place.path)?, "delegation.list", &json!({}))?;
                let columns = ["id", "delegator", "delegate", "from", "until", "entities", "holds"];
                rows(host, &answer, "delegations", &columns)
            }
            Work::Request(request) => request.run(host),
            Work::Requests(requests) => {
                let given = json!({"status": requests.status, "cursor": requests.cursor});
                let answer = call(&host.session(&requests.path)?, "access.requests", &given)?;
                let columns = ["id", "status", "open", "expires", "requester", "decided_by", "reason"];
                rows(host, &answer, "requests", &columns)
            }
            Work::Approve(decision) => decision.run(host, "access.approve"),
            Work::Refuse(decision) => decision.run(host, "access.refuse"),
            Work::Withdraw(one) => told(host, &one.path, "access.withdraw", &json!({"id": one.id})),
        }
    }
}

/// Calls a method that answers an id, or nothing.
pub(super) fn told(host: &Host, path: &Path, method: &str, given: &Json) -> Result<Ended> {
    let answer = call(&host.session(path)?, method, given)?;
    match (host.wants_json(), text(&answer, "id")) {
        (true, _) => output::json(&answer)?,
        (false, "") => {}
        (false, id) => output::line(id)?,
    }
    Ok(Ended::Done)
}

/// Writes a list of an answer, and where it goes on.
pub(super) fn rows(host: &Host, answer: &Json, name: &str, columns: &[&str]) -> Result<Ended> {
    if host.wants_json() {
        return output::json(answer).map(|()| Ended::Done);
    }
    write(columns, list(answer, name).iter().map(|row| cells(row, columns)))?;
    match text(answer, "cursor") {
        "" => Ok(Ended::Done),
        cursor => output::line(&format!("cursor: {cursor}")).map(|()| Ended::Done),
    }
}

/// The changes that a file says.
fn changes_in(file: &Path) -> Result<Json> {
    let failed = |error: std::io::Error| {
        Error::new(Code::Io).field("file").value(&file.to_string_lossy()).because(error)
    };
    parse_json("changes", &fs::read_to_string(file).map_err(failed)?)
}

impl Delegate {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({
            "delegator": self.delegator,
            "delegate": self.delegate,
            "from": self.from,
            "until": self.until,
            "entities": self.entities,
            "note": self.note,
        });
        told(host, &self.path, "delegation.grant", &given)
    }
}

impl Request {
    fn run(&self, host: &Host) -> Result<Ended> {
        let changes = changes_in(&self.file)?;
        let given = json!({"changes": changes, "reason": self.reason, "expires": self.expires});
        told(host, &self.path, "access.request", &given)
    }
}

impl Decision {
    fn run(&self, host: &Host, method: &str) -> Result<Ended> {
        told(host, &self.path, method, &json!({"id": self.id, "note": self.note}))
    }
}

impl Explain {
    fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let mut given =
            json!({"entity": self.entity, "id": self.id, "user": self.user, "action": self.action});
        let method = asked_at("access.explain", &mut given, self.at.as_deref());
        let answer = call(&session, method, &given)?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        output::line(&format!("verdict: {}", text(&answer, "verdict")))?;
        let columns = ["role", "entity", "level", "reason", "line"];
        write(&columns, list(&answer, "paths").iter().map(|path| cells(path, &columns)))?;
        let columns = ["share", "level", "team", "until"];
        if !list(&answer, "shares").is_empty() {
            write(&columns, list(&answer, "shares").iter().map(|share| cells(share, &columns)))?;
        }
        let columns = ["rule", "level", "user", "team", "role", "unit"];
        if !list(&answer, "rules").is_empty() {
            write(&columns, list(&answer, "rules").iter().map(|rule| cells(rule, &columns)))?;
        }
        let columns = ["setting", "entity", "field", "record"];
        if !list(&answer, "parents").is_empty() {
            write(&columns, list(&answer, "parents").iter().map(|parent| cells(parent, &columns)))?;
        }
        for fields in ["hidden_fields", "masked_fields", "read_only_fields"] {
            let names: Vec<&str> = list(&answer, fields).iter().filter_map(Json::as_str).collect();
            if !names.is_empty() {
                output::line(&format!("{fields}: {}", visible(&names.join(", "))))?;
            }
        }
        Ok(Ended::Done)
    }
}

impl Who {
    fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let mut given = json!({
            "entity": self.entity,
            "id": self.id,
            "action": self.action,
            "limit": self.limit,
            "cursor": self.cursor,
        });
        let method = asked_at("access.who", &mut given, self.at.as_deref());
        let answer = call(&session, method, &given)?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        let rows = list(&answer, "rows").iter().flat_map(ways);
        write(&["user", "by", "of", "level", "reason", "line"], rows)?;
        match text(&answer, "cursor") {
            "" => Ok(Ended::Done),
            cursor => output::line(&format!("cursor: {cursor}")).map(|()| Ended::Done),
        }
    }
}

impl Simulate {
    fn run(&self, host: &Host) -> Result<Ended> {
        let changes = changes_in(&self.file)?;
        let session = host.session(&self.path)?;
        let answer = call(&session, "access.simulate", &json!({"changes": changes, "limit": self.limit}))?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        let columns = ["user", "acting_for", "entity", "action", "was", "becomes", "opened", "closed"];
        write(&columns, list(&answer, "rows").iter().map(|row| cells(row, &columns)))?;
        match answer.get("more").and_then(Json::as_bool) {
            Some(true) => output::line("there is more").map(|()| Ended::Done),
            _ => Ok(Ended::Done),
        }
    }
}

/// The method that asks, of today or of a moment.
fn asked_at<'m>(method: &'m str, given: &mut Json, at: Option<&str>) -> &'m str {
    let Some(at) = at else { return method };
    if let Some(given) = given.as_object_mut() {
        given.insert("at".to_owned(), Json::from(at));
    }
    if method == "access.who" { "access.who_at" } else { "access.explain_at" }
}

/// Each way in which somebody may: a grant, a share, a rule, a record beyond, or for whom.
fn ways(row: &Json) -> Vec<Vec<String>> {
    let user = || vec![text(row, "user").to_owned()];
    let of = |way: &Json, columns: &[&str]| [user(), cells(way, columns)].concat();
    let grants =
        list(row, "paths").iter().map(|path| of(path, &["role", "entity", "level", "reason", "line"]));
    let shares = list(row, "shares").iter().map(|share| {
        let [by, level] = ["share", "level"].map(|name| text(share, name).to_owned());
        [user(), vec![by, String::new(), level, "share".to_owned(), text(share, "team").to_owned()]].concat()
    });
    let rules = list(row, "rules").iter().map(|rule| {
        let [by, level] = ["rule", "level"].map(|name| text(rule, name).to_owned());
        [user(), vec![by, String::new(), level, "rule".to_owned(), String::new()]].concat()
    });
    let parents = list(row, "parents").iter().map(|parent| {
        let [by, of, beyond] = ["setting", "entity", "record"].map(|name| text(parent, name).to_owned());
        [user(), vec![by, of, String::new(), "parent".to_owned(), beyond]].concat()
    });
    let delegators = list(row, "delegators").iter().filter_map(Json::as_str).map(|delegator| {
        let reason = "delegation".to_owned();
        [user(), vec![delegator.to_owned(), String::new(), String::new(), reason, String::new()]].concat()
    });
    grants.chain(shares).chain(rules).chain(parents).chain(delegators).collect()
}

impl Share {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({
            "entity": self.entity,
            "id": self.id,
            "user": self.with.user,
            "team": self.with.team,
            "level": self.level,
            "from": self.from,
            "until": self.until,
            "reason": self.reason,
        });
        let answer = call(&host.session(&self.path)?, "record.share", &given)?;
        match host.wants_json() {
            true => output::json(&answer)?,
            false => output::line(text(&answer, "id"))?,
        }
        Ok(Ended::Done)
    }
}

impl Involve {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({
            "entity": self.entity,
            "id": self.id,
            "user": self.with.user,
            "team": self.with.team,
            "process_entity": self.process_entity,
            "process": self.process,
        });
        told(host, &self.path, "record.involve", &given)
    }
}

impl ProcessPlace {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({"process_entity": self.process_entity, "process": self.process});
        told(host, &self.path, "record.end_involvement", &given)
    }
}

impl Unshare {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given =
            json!({"entity": self.entity, "id": self.id, "user": self.with.user, "team": self.with.team});
        let answer = call(&host.session(&self.path)?, "record.unshare", &given)?;
        if host.wants_json() {
            output::json(&answer)?;
        }
        Ok(Ended::Done)
    }
}

impl Shares {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({"entity": self.entity, "id": self.id});
        let answer = call(&host.session(&self.path)?, "record.shares", &given)?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        let columns = ["user", "team", "level", "from", "until", "holds", "reason"];
        write(&columns, list(&answer, "shares").iter().map(|share| cells(share, &columns)))?;
        Ok(Ended::Done)
    }
}

pub(super) fn cells(row: &Json, columns: &[&str]) -> Vec<String> {
    let value = |column: &&str| match row.get(*column) {
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" > "),
        other => other.map(cell).unwrap_or_default(),
    };
    columns.iter().map(value).collect()
}

pub(super) fn write(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<()> {
    let mut table = Table::new(columns.iter().copied());
    rows.for_each(|row| table.push(row));
    let mut text = Vec::new();
    table.write(&mut text)?;
    output::line(&String::from_utf8_lossy(&text))
}
