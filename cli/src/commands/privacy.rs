//! `guanxi privacy`: what is kept of one person handed out, put right, erased, and the requests for it; what people
//! agreed to, what must be kept, what must go, and what is to be shown of it.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use guanxi::api::call;
use guanxi::{Code, Error, Result};
use serde_json::{Value as Json, json};

use crate::commands::compliance::{Consent, Discover, Hold, Report, Retention};
use crate::commands::suppression::Suppression;
use crate::commands::{list, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, parse_json, visible};
use crate::table::{Table, cell};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Privacy {
    #[command(subcommand)]
    work: Work,
}

/// What is asked.
#[derive(Debug, Subcommand)]
enum Work {
    /// Write all that is kept of one person into a new folder
    Package(Package),
    /// Forget a person for ever, and give the receipt
    Erase(Erase),
    /// List receipts of erasures
    Receipts(Receipts),
    /// Look whether a receipt of an erasure is true
    VerifyReceipt(VerifyReceipt),
    /// Show copies of a value that is wrong, or put it right
    Rectify(Rectify),
    /// Tell what a person has asked for that holds now
    Flags(Flags),
    /// Enter, list and work on requests of people for rights of theirs
    Request(Request),
    /// Record what a person said on the use of their data, list it, or ask whether data may be used
    Consent(Consent),
    /// Place, release and list legal holds
    Hold(Hold),
    /// Tell what rules of retention would remove, or remove it
    Retention(Retention),
    /// Keep the list of those who must not come back unnoticed
    Suppression(Suppression),
    /// Write the report of compliance
    Report(Report),
    /// Find personal data in texts of fields that are not declared to have any
    Discover(Discover),
}

#[derive(Debug, Args)]
struct Package {
    /// Directory of the database
    path: PathBuf,
    /// The entity
    entity: String,
    /// The record, by its id
    id: String,
    /// The folder that is made
    folder: PathBuf,
}

#[derive(Debug, Args)]
struct Erase {
    /// Directory of the database
    path: PathBuf,
    /// The entity
    entity: String,
    /// The record, by its id
    id: String,
    /// The legal basis, or whatever explains it; it is kept, so it should name nobody
    #[arg(long, value_name = "TEXT")]
    basis: Option<String>,
    /// The rights request for it, by its id
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Also take what is left out of the search index and out of freed pages, which writes all files anew
    #[arg(long)]
    compact: bool,
    /// Do it: it cannot be taken back
    #[arg(long, required = true)]
    yes: bool,
}

#[derive(Debug, Args)]
struct Receipts {
    /// Directory of the database
    path: PathBuf,
    /// Those of one record that was erased
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
}

#[derive(Debug, Args)]
struct VerifyReceipt {
    /// Directory of the database
    path: PathBuf,
    /// The receipt, as `privacy erase --json` wrote it
    file: PathBuf,
    /// A public key of Ed25519, 64 hexadecimal digits, by which it must be signed; may be given several times
    #[arg(long = "key", value_name = "DIGITS")]
    keys: Vec<String>,
}

#[derive(Debug, Args)]
struct Rectify {
    /// Directory of the database
    path: PathBuf,
    /// The entity
    entity: String,
    /// The record, by its id
    id: String,
    /// The field that is wrong
    field: String,
    /// The value that is right
    value: String,
    /// What was wrong, where the field has been put right already
    #[arg(long, value_name = "TEXT")]
    old: Option<String>,
    /// Put it right; without this copies are shown and nothing is changed
    #[arg(long)]
    apply: bool,
    /// With `--apply`, change every copy that is shown and may be changed
    #[arg(long, requires = "apply")]
    copies: bool,
}

#[derive(Debug, Args)]
struct Flags {
    /// Directory of the database
    path: PathBuf,
    /// The entity
    entity: String,
    /// The record, by its id
    id: String,
}

#[derive(Debug, Args)]
struct Request {
    #[command(subcommand)]
    work: RequestWork,
}

#[derive(Debug, Subcommand)]
enum RequestWork {
    /// Enter a request
    Receive(Receive),
    /// Do a step with a request
    Step(Step),
    /// List requests that are not answered, those that are due first before the others
    Due(Due),
    /// List all requests, or those about one person
    List(ListRequests),
}

#[derive(Debug, Args)]
struct Receive {
    /// Directory of the database
    path: PathBuf,
    /// access, rectification, erasure, restriction, objection, portability, withdrawal, opt_out or explanation
    kind: String,
    /// gdpr, ccpa, pipl or other
    law: String,
    /// The entity of the person's record
    #[arg(long, requires = "subject")]
    entity: Option<String>,
    /// The person's record, by its id
    #[arg(long, value_name = "ID", requires = "entity")]
    subject: Option<String>,
    /// When it came, as 2026-12-01T00:00:00Z; now if not said
    #[arg(long, value_name = "MOMENT")]
    received: Option<String>,
    /// email, phone, post, in_person, web, app or agent
    #[arg(long)]
    channel: Option<String>,
    /// By what people know the request
    #[arg(long, value_name = "TEXT")]
    reference: Option<String>,
    /// Who asks, where that is not the person
    #[arg(long, value_name = "TEXT")]
    requester: Option<String>,
    /// What is asked for
    #[arg(long, value_name = "TEXT")]
    details: Option<String>,
}

#[derive(Debug, Args)]
struct Step {
    /// Directory of the database
    path: PathBuf,
    /// The request, by its id
    id: String,
    /// confirm, ask_identity, identified, start, extend, fulfil, refuse, withdraw or lift
    step: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// By what it was found out who asks
    #[arg(long, value_name = "TEXT")]
    how: Option<String>,
    /// What was done
    #[arg(long, value_name = "TEXT")]
    what: Option<String>,
    /// The entity of the person's record, if that was not known
    #[arg(long, requires = "subject")]
    entity: Option<String>,
    /// The person's record, by its id
    #[arg(long, value_name = "ID", requires = "entity")]
    subject: Option<String>,
    /// What the person was given, an attachment of the request
    #[arg(long, value_name = "ID")]
    result: Option<String>,
    /// The receipt of an erasure
    #[arg(long, value_name = "ID")]
    receipt: Option<String>,
}

#[derive(Debug, Args)]
struct Due {
    /// Directory of the database
    path: PathBuf,
    /// Those alone that are due before this moment, as 2026-12-01T00:00:00Z
    #[arg(long, value_name = "MOMENT")]
    before: Option<String>,
    /// Most rows
    #[arg(long, default_value_t = 100)]
    limit: u64,
    /// Where the page before ended
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
struct ListRequests {
    /// Directory of the database
    path: PathBuf,
    /// The person's record, by its id
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// Most rows
    #[arg(long, default_value_t = 100)]
    limit: u64,
    /// Where the page before ended
    #[arg(long)]
    cursor: Option<String>,
}

impl Privacy {
    /// Does it.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            Work::Package(work) => work.run(host),
            Work::Erase(work) => work.run(host),
            Work::Receipts(work) => work.run(host),
            Work::VerifyReceipt(work) => work.run(host),
            Work::Rectify(work) => work.run(host),
            Work::Flags(work) => work.run(host),
            Work::Consent(consent) => consent.run(host),
            Work::Hold(hold) => hold.run(host),
            Work::Retention(retention) => retention.run(host),
            Work::Suppression(suppression) => suppression.run(host),
            Work::Report(report) => report.run(host),
            Work::Discover(discover) => discover.run(host),
            Work::Request(Request { work }) => match work {
                RequestWork::Receive(work) => work.run(host),
                RequestWork::Step(work) => work.run(host),
                RequestWork::Due(work) => work.run(host),
                RequestWork::List(work) => work.run(host),
            },
        }
    }
}

impl Package {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({"entity": self.entity, "id": self.id, "folder": self.folder});
        let answer = call(&host.session(&self.path)?, "privacy.package", &given)?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        for count in ["records", "versions", "attachments", "comments", "corrections", "entries"] {
            output::line(&format!("{count}: {}", answer.get(count).map(cell).unwrap_or_default()))?;
        }
        let kinds: Vec<&str> = list(&answer, "left_out").iter().filter_map(Json::as_str).collect();
        if !kinds.is_empty() {
            output::line(&format!("left out: {}", kinds.join(", ")))?;
        }
        Ok(Ended::Done)
    }
}

impl Erase {
    fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let given = json!({
            "entity": self.entity, "id": self.id, "basis": self.basis, "request": self.request,
        });
        let receipt = call(&session, "privacy.erase", &given)?;
        if self.compact {
            call(&session, "search.purge", &json!({}))?;
            call(&session, "database.compact", &json!({}))?;
        }
        write_receipt(host, &receipt)?;
        Ok(Ended::Done)
    }
}

fn write_receipt(host: &Host, receipt: &Json) -> Result<()> {
    match host.wants_json() {
        true => output::json(receipt),
        false => text(receipt, "readable").lines().try_for_each(|line| output::line(&visible(line))),
    }
}

impl Receipts {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({"subject": self.subject, "limit": 1_000});
        let answer = call(&host.session(&self.path)?, "privacy.receipts", &given)?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        let rows = list(&answer, "receipts").iter().map(|receipt| {
            let statement = receipt.get("statement").cloned().unwrap_or_default();
            let of = ["subject", "entity", "at", "by", "keys_destroyed"];
            [vec![text(receipt, "id").to_owned()], cells(&statement, &of)].concat()
        });
        table(&["receipt", "subject", "entity", "at", "by", "keys"], rows)?;
        Ok(Ended::Done)
    }
}

impl VerifyReceipt {
    fn run(&self, host: &Host) -> Result<Ended> {
        let failed = |error: std::io::Error| {
            Error::new(Code::Io).field("file").value(&self.file.to_string_lossy()).because(error)
        };
        let receipt = parse_json("receipt", &fs::read_to_string(&self.file).map_err(failed)?)?;
        let given = json!({"receipt": receipt, "keys": self.keys});
        let answer = call(&host.session(&self.path)?, "privacy.verify_receipt", &given)?;
        match host.wants_json() {
            true => output::json(&answer)?,
            false => {
                let columns = ["holds", "signature", "in_ledger", "stored", "key_destroyed", "record_empty"];
                for name in columns {
                    output::line(&format!("{name}: {}", answer.get(name).map(cell).unwrap_or_default()))?;
                }
            }
        }
        Ok(Ended::Done)
    }
}

impl Rectify {
    fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let mut given = json!({
            "entity": self.entity,
            "id": self.id,
            "field": self.field,
            "value": self.value,
            "old": self.old,
        });
        let shown = match !self.apply || self.copies {
            true => call(&session, "privacy.copies", &given)?,
            false => json!({"copies": []}),
        };
        if self.apply {
            let open = |copy: &&Json| copy.get("read_only").and_then(Json::as_bool) == Some(false);
            let place = |copy: &Json| json!({"entity": copy["entity"], "record": copy["record"], "field": copy["field"]});
            let chosen: Vec<Json> = list(&shown, "copies").iter().filter(open).map(place).collect();
            if let Some(members) = given.as_object_mut() {
                members.insert("copies".to_owned(), Json::Array(chosen));
            }
            let done = call(&session, "privacy.rectify", &given)?;
            match host.wants_json() {
                true => output::json(&done)?,
                false => table(&["records", "copies"], [cells(&done, &["records", "copies"])].into_iter())?,
            }
            return Ok(Ended::Done);
        }
        if host.wants_json() {
            output::json(&shown)?;
            return Ok(Ended::Done);
        }
        let columns = ["entity", "record", "field", "text", "becomes", "read_only"];
        table(&columns, list(&shown, "copies").iter().map(|copy| cells(copy, &columns)))?;
        Ok(Ended::Done)
    }
}

impl Flags {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({"entity": self.entity, "id": self.id});
        let answer = call(&host.session(&self.path)?, "privacy.flags", &given)?;
        rows(host, &answer, "flags", &["kind", "since", "request"])
    }
}

impl Receive {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({
            "kind": self.kind,
            "law": self.law,
            "entity": self.entity,
            "subject": self.subject,
            "received_at": self.received,
            "channel": self.channel,
            "reference": self.reference,
            "requester": self.requester,
            "details": self.details,
        });
        let answer = call(&host.session(&self.path)?, "rights.receive", &given)?;
        match host.wants_json() {
            true => output::json(&answer)?,
            false => output::line(&format!("{} due {}", text(&answer, "id"), text(&answer, "due_at")))?,
        }
        Ok(Ended::Done)
    }
}

impl Step {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({
            "id": self.id,
            "step": self.step,
            "reason": self.reason,
            "how": self.how,
            "what": self.what,
            "entity": self.entity,
            "subject": self.subject,
            "result": self.result,
            "receipt": self.receipt,
        });
        let answer = call(&host.session(&self.path)?, "rights.step", &given)?;
        if host.wants_json() {
            output::json(&answer)?;
        }
        Ok(Ended::Done)
    }
}

impl Due {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({"before": self.before, "limit": self.limit, "cursor": self.cursor});
        requests(host, &call(&host.session(&self.path)?, "rights.due", &given)?)
    }
}

impl ListRequests {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({"subject": self.subject, "limit": self.limit, "cursor": self.cursor});
        requests(host, &call(&host.session(&self.path)?, "rights.list", &given)?)
    }
}

fn requests(host: &Host, answer: &Json) -> Result<Ended> {
    if host.wants_json() {
        output::json(answer)?;
        return Ok(Ended::Done);
    }
    let found = list(answer, "requests").iter().map(|request| {
        let values = request.get("values").cloned().unwrap_or_default();
        let of = ["kind", "law", "status", "subject", "due_at"];
        [cells(request, &["id"]), cells(&values, &of), cells(request, &["overdue"])].concat()
    });
    table(&["id", "kind", "law", "status", "subject", "due", "overdue"], found)?;
    match text(answer, "cursor") {
        "" => Ok(Ended::Done),
        cursor => output::line(&format!("cursor: {cursor}")).map(|()| Ended::Done),
    }
}

/// Writes the rows of an answer: as they came, or as a table.
pub(super) fn rows(host: &Host, answer: &Json, name: &str, columns: &[&str]) -> Result<Ended> {
    match host.wants_json() {
        true => output::json(answer)?,
        false => table(columns, list(answer, name).iter().map(|row| cells(row, columns)))?,
    }
    Ok(Ended::Done)
}

fn cells(row: &Json, columns: &[&str]) -> Vec<String> {
    columns.iter().map(|column| row.get(*column).map(cell).unwrap_or_default()).collect()
}

fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<()> {
    let mut table = Table::new(columns.iter().copied());
    rows.for_each(|row| table.push(row));
    let mut text = Vec::new();
    table.write(&mut text)?;
    output::line(&String::from_utf8_lossy(&text))
}
