//! The parts of `guanxi privacy` on consents, holds, retention, the report of compliance and the search for personal data.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use guanxi::api::call;
use guanxi::{Code, Error, Result, Session};
use serde_json::{Value as Json, json};

use crate::commands::{list, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::table::{Table, cell};
use crate::{output, progress};

/// Records that are named of each finding.
const MAX_NAMED: usize = 100;

/// Arguments on consents.
#[derive(Debug, Args)]
pub struct Consent {
    #[command(subcommand)]
    work: ConsentWork,
}

#[derive(Debug, Subcommand)]
enum ConsentWork {
    /// Record what a person said: given and withdrawn alike
    Record(Record),
    /// Tell whether data of a person may be used, and why
    Check(Check),
    /// List what a person said
    List(OfPerson),
}

/// Whom it is about.
#[derive(Debug, Args)]
struct OfPerson {
    /// Directory of the database
    path: PathBuf,
    /// The entity of the person
    entity: String,
    /// The person, by the record's id
    id: String,
}

#[derive(Debug, Args)]
struct Record {
    #[command(flatten)]
    person: OfPerson,
    /// given, withdrawn, objected, objection_ended, restricted or restriction_ended
    #[arg(long, value_name = "DECISION")]
    decision: String,
    /// The code of the purpose; all of them if not said
    #[arg(long, value_name = "CODE")]
    purpose: Option<String>,
    /// any, email, sms, phone, post, messenger, app, in_person, export or processing
    #[arg(long, value_name = "CHANNEL")]
    channel: String,
    /// When the person said it, as 2026-12-01T00:00:00Z; now if not said
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
    /// File with the text that the person was shown
    #[arg(long, value_name = "FILE")]
    shown: Option<PathBuf>,
    /// The version of that text
    // An id of its own, since `--version` is that of the program.
    #[arg(id = "version_shown", long = "text-version", value_name = "VERSION")]
    version: Option<String>,
    /// How it was said
    #[arg(long, value_name = "TEXT")]
    method: Option<String>,
    /// What else is to be said
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

#[derive(Debug, Args)]
struct Check {
    #[command(flatten)]
    person: OfPerson,
    /// The code of the purpose
    #[arg(long, value_name = "CODE")]
    purpose: String,
    /// One channel
    #[arg(long, value_name = "CHANNEL")]
    channel: String,
    /// The moment; now if not said
    #[arg(long, value_name = "MOMENT")]
    at: Option<String>,
}

impl Consent {
    /// Does it, and writes the answer.
    ///
    /// # Errors
    /// Those of the named methods.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            ConsentWork::Record(record) => record.run(host),
            ConsentWork::Check(check) => check.run(host),
            ConsentWork::List(person) => {
                let given = json!({"entity": person.entity, "id": person.id, "limit": 1000});
                let columns = ["at", "decision", "purpose", "channel", "version", "method", "recorded_by"];
                rows(host, &host.session(&person.path)?, "consent.list", &given, ("consents", &columns))
            }
        }
    }
}

impl Record {
    fn run(&self, host: &Host) -> Result<Ended> {
        let shown = self.shown.as_deref().map(read).transpose()?;
        let given = json!({
            "entity": self.person.entity, "id": self.person.id, "purpose": self.purpose, "channel": self.channel,
            "decision": self.decision, "at": self.at, "shown": shown, "version": self.version,
            "method": self.method, "note": self.note,
        });
        made(host, &host.session(&self.person.path)?, "consent.record", &given)
    }
}

impl Check {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({
            "entity": self.person.entity, "id": self.person.id, "purpose": self.purpose, "channel": self.channel,
            "at": self.at,
        });
        let answer = call(&host.session(&self.person.path)?, "consent.check", &given)?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        let said = if answer.get("allowed") == Some(&Json::Bool(true)) { "allowed" } else { "refused" };
        output::line(&format!("{said}: {} {}", text(&answer, "reason"), text(&answer, "basis")))?;
        Ok(Ended::Done)
    }
}

/// Arguments on legal holds.
#[derive(Debug, Args)]
pub struct Hold {
    #[command(subcommand)]
    work: HoldWork,
}

#[derive(Debug, Subcommand)]
enum HoldWork {
    /// Hold a record, or the records of an entity
    Place(Place),
    /// Release a hold
    Release(Release),
    /// List holds
    List(Holds),
}

#[derive(Debug, Args)]
struct Place {
    /// Directory of the database
    path: PathBuf,
    /// The entity
    entity: String,
    /// The record, by its id; records of the entity if not said
    id: Option<String>,
    /// Those of them alone for which this expression is true
    #[arg(long, value_name = "EXPRESSION")]
    condition: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// From when on; from now on if not said
    #[arg(long, value_name = "MOMENT")]
    from: Option<String>,
    /// From when on no longer; until it is released if not said
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
}

#[derive(Debug, Args)]
struct Release {
    /// Directory of the database
    path: PathBuf,
    /// The hold, by its id
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Args)]
struct Holds {
    /// Directory of the database
    path: PathBuf,
    /// On this entity alone
    #[arg(long, value_name = "ENTITY")]
    entity: Option<String>,
    /// Those that are over, too
    #[arg(long)]
    all: bool,
}

impl Hold {
    /// Does it, and writes the answer.
    ///
    /// # Errors
    /// Those of the named methods.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            HoldWork::Place(place) => {
                let given = json!({
                    "entity": place.entity, "id": place.id, "condition": place.condition, "reason": place.reason,
                    "from": place.from, "until": place.until,
                });
                made(host, &host.session(&place.path)?, "hold.place", &given)
            }
            HoldWork::Release(release) => {
                let given = json!({"id": release.id, "reason": release.reason});
                let answer = call(&host.session(&release.path)?, "hold.release", &given)?;
                if host.wants_json() {
                    output::json(&answer)?;
                }
                Ok(Ended::Done)
            }
            HoldWork::List(holds) => {
                let given = json!({"entity": holds.entity, "all": holds.all, "limit": 1000});
                let columns = ["id", "entity", "record", "condition", "reason", "from", "until", "in_force"];
                rows(host, &host.session(&holds.path)?, "hold.list", &given, ("holds", &columns))
            }
        }
    }
}

/// Arguments on rules of retention.
#[derive(Debug, Args)]
pub struct Retention {
    #[command(subcommand)]
    work: RetentionWork,
}

#[derive(Debug, Subcommand)]
enum RetentionWork {
    /// Tell what a rule would remove
    Preview(Preview),
    /// Remove what active rules are about
    Run(Run),
}

#[derive(Debug, Args)]
struct Preview {
    /// Directory of the database
    path: PathBuf,
    /// The code of the rule
    rule: String,
    /// Most rows
    #[arg(long, value_name = "ROWS")]
    limit: Option<u64>,
}

#[derive(Debug, Args)]
struct Run {
    /// Directory of the database
    path: PathBuf,
    /// The code of one rule
    #[arg(long, value_name = "CODE")]
    rule: Option<String>,
    /// Most records that are looked at
    #[arg(long, value_name = "RECORDS")]
    limit: Option<u64>,
}

impl Retention {
    /// Does it, and writes the answer.
    ///
    /// # Errors
    /// Those of the named methods.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            RetentionWork::Preview(preview) => preview.run(host),
            RetentionWork::Run(run) => run.run(host),
        }
    }
}

impl Preview {
    fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let answer = call(&session, "retention.preview", &json!({"rule": self.rule, "limit": self.limit}))?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        let due = answer.get("due").map(cell).unwrap_or_default();
        output::line(&format!("due: {due}, until: {}", text(&answer, "until")))?;
        table(&["id", "kept", "rule"], list(&answer, "rows"))
    }
}

impl Run {
    fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let given = json!({"rule": self.rule, "limit": self.limit});
        let answer = progress::shown(&session, |session: &Session| call(session, "retention.run", &given))?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        for run in list(&answer, "runs") {
            let number = |name: &str| run.get(name).map(cell).unwrap_or_default();
            output::line(&format!(
                "{}: removed {}, kept {}",
                text(run, "rule"),
                number("removed"),
                number("kept")
            ))?;
            table(&["id", "kept", "rule"], list(run, "rows"))?;
        }
        Ok(Ended::Done)
    }
}

/// Arguments of the report.
#[derive(Debug, Args)]
pub struct Report {
    /// Directory of the database
    path: PathBuf,
    /// From this moment on; the last thirty days if not said
    #[arg(long, value_name = "MOMENT")]
    from: Option<String>,
    /// Before this moment; up to now if not said
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    /// From how many days without a sign-in on a user is told
    #[arg(long, value_name = "DAYS")]
    inactive_days: Option<u64>,
    /// A section by its code; all of them if none is said
    #[arg(long, value_name = "CODE")]
    section: Vec<String>,
    /// markdown or csv; `--json` gives JSON
    #[arg(long, value_name = "FORMAT", default_value = "markdown")]
    format: String,
}

impl Report {
    /// Does it, and writes the answer.
    ///
    /// # Errors
    /// Those of the named methods.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let format = if host.wants_json() { "json" } else { self.format.as_str() };
        let sections = (!self.section.is_empty()).then_some(&self.section);
        let given = json!({
            "from": self.from, "until": self.until, "inactive_days": self.inactive_days, "sections": sections,
            "format": format,
        });
        let answer = progress::shown(&session, |session: &Session| call(session, "privacy.report", &given))?;
        match host.wants_json() {
            true => output::json(&answer)?,
            false => output::line(text(&answer, "text").trim_end())?,
        }
        Ok(Ended::Done)
    }
}

/// Arguments of the search for personal data.
#[derive(Debug, Args)]
pub struct Discover {
    /// Directory of the database
    path: PathBuf,
    /// An entity; all of them if none is said
    #[arg(long, value_name = "ENTITY")]
    entity: Vec<String>,
}

impl Discover {
    /// Does it, and writes the answer.
    ///
    /// # Errors
    /// Those of the named methods.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let answer = progress::shown(&session, |session: &Session| self.whole(session))?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        table(&["entity", "field", "kind", "count", "records"], list(&answer, "findings"))?;
        let skipped: Vec<&str> = list(&answer, "skipped").iter().filter_map(Json::as_str).collect();
        if !skipped.is_empty() {
            output::line(&format!("skipped: {}", skipped.join(", ")))?;
        }
        Ok(Ended::Done)
    }

    /// Calls until nothing is left, and puts the findings together.
    fn whole(&self, session: &Session) -> Result<Json> {
        let entities = (!self.entity.is_empty()).then_some(&self.entity);
        let (mut findings, mut skipped) = (BTreeMap::<[String; 3], Json>::new(), Vec::new());
        let (mut cursor, mut looked_at) = (Json::Null, 0_u64);
        loop {
            let answer = call(session, "privacy.discover", &json!({"entities": entities, "cursor": cursor}))?;
            for finding in list(&answer, "findings") {
                let key = ["entity", "field", "kind"].map(|name| text(finding, name).to_owned());
                let known = findings.entry(key).or_insert(Json::Null);
                *known = joined(known, finding);
            }
            skipped.extend(list(&answer, "skipped").iter().cloned());
            looked_at = looked_at.saturating_add(number(&answer, "looked_at"));
            cursor = answer.get("cursor").cloned().unwrap_or(Json::Null);
            let stopped = answer.get("stopped").cloned().unwrap_or(Json::Null);
            if cursor.is_null() || !stopped.is_null() {
                let findings: Vec<Json> = findings.into_values().collect();
                return Ok(json!({
                    "findings": findings, "skipped": skipped, "looked_at": looked_at, "cursor": cursor,
                    "stopped": stopped,
                }));
            }
        }
    }
}

/// Two parts of a finding as one.
fn joined(known: &Json, more: &Json) -> Json {
    if known.is_null() {
        return more.clone();
    }
    let ids = list(known, "ids").iter().chain(list(more, "ids")).take(MAX_NAMED);
    let sum = |name: &str| number(known, name).saturating_add(number(more, name));
    let text = |name: &str| text(more, name);
    json!({
        "entity": text("entity"), "field": text("field"), "kind": text("kind"), "count": sum("count"),
        "records": sum("records"), "ids": ids.collect::<Vec<_>>(),
    })
}

fn number(answer: &Json, name: &str) -> u64 {
    answer.get(name).and_then(Json::as_u64).unwrap_or(0)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|error| Error::new(Code::Io).field("file").value(&path.to_string_lossy()).because(error))
}

/// Calls a method that makes something, and writes its id.
fn made(host: &Host, session: &Session, method: &str, given: &Json) -> Result<Ended> {
    let answer = call(session, method, given)?;
    match host.wants_json() {
        true => output::json(&answer)?,
        false => output::line(text(&answer, "id"))?,
    }
    Ok(Ended::Done)
}

/// Calls a method that lists something, and writes the rows.
fn rows(
    host: &Host,
    session: &Session,
    method: &str,
    given: &Json,
    (name, columns): (&str, &[&str]),
) -> Result<Ended> {
    let answer = call(session, method, given)?;
    if host.wants_json() {
        output::json(&answer)?;
        return Ok(Ended::Done);
    }
    table(columns, list(&answer, name))
}

fn table(columns: &[&str], rows: &[Json]) -> Result<Ended> {
    let mut table = Table::new(columns.iter().copied());
    for row in rows {
        table.push(columns.iter().map(|column| row.get(*column).map(cell).unwrap_or_default()));
    }
    let mut text = Vec::new();
    table.write(&mut text)?;
    output::line(&String::from_utf8_lossy(&text)).map(|()| Ended::Done)
}
