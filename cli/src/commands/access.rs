//! `guanxi access`: who may do what to a record and why, what a planned change would open or close, with whom single
//! records are shared, and by which rules others are.

use std::fs;
use std::path::PathBuf;

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
    /// Share records by what they say
    #[command(subcommand)]
    Rule(Rule),
    /// Let records follow the access to what they refer to
    #[command(subcommand)]
    Inherit(Inherit),
    /// Go on with marking records for rules that are new
    Mark(Database),
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
            Work::Rule(rule) => rule.run(host),
            Work::Inherit(inherit) => inherit.run(host),
            Work::Mark(database) => database.mark(host),
        }
    }
}

impl Explain {
    fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let given = json!({"entity": self.entity, "id": self.id, "user": self.user, "action": self.action});
        let answer = call(&session, "access.explain", &given)?;
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
        for fields in ["hidden_fields", "masked_fields"] {
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
        let given = json!({
            "entity": self.entity,
            "id": self.id,
            "action": self.action,
            "limit": self.limit,
            "cursor": self.cursor,
        });
        let answer = call(&session, "access.who", &given)?;
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
        let failed = |error: std::io::Error| {
            Error::new(Code::Io).field("file").value(&self.file.to_string_lossy()).because(error)
        };
        let changes = parse_json("changes", &fs::read_to_string(&self.file).map_err(failed)?)?;
        let session = host.session(&self.path)?;
        let answer = call(&session, "access.simulate", &json!({"changes": changes, "limit": self.limit}))?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        let columns = ["user", "entity", "action", "was", "becomes", "opened", "closed"];
        write(&columns, list(&answer, "rows").iter().map(|row| cells(row, &columns)))?;
        match answer.get("more").and_then(Json::as_bool) {
            Some(true) => output::line("there is more").map(|()| Ended::Done),
            _ => Ok(Ended::Done),
        }
    }
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
