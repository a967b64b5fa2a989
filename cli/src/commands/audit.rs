//! `guanxi audit`: what the ledger says, of whom and of what, and how others verify it.

use std::fs;
use std::path::{self, Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use guanxi::Result;
use guanxi::api::call;
use guanxi::engine::Ed25519Key;
use serde_json::{Value as Json, json};

use crate::commands::{list, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, parse_json, visible};
use crate::progress;
use crate::secrets::Asked;
use crate::table::{Table, cell};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Audit {
    #[command(subcommand)]
    work: Work,
}

/// What is to be done with the ledger.
#[derive(Debug, Subcommand)]
enum Work {
    /// Look for entries: who did what to which record, when and why
    Query(Query),
    /// Make a checkpoint of the ledger, signed if there is a key for that
    Checkpoint(Checkpoint),
    /// Tell the newest entry and the checkpoints, in JSON, to be kept elsewhere
    Heads(Heads),
    /// Verify chain and checkpoints, and what was kept elsewhere
    Verify(Verify),
    /// Write the ledger as lines of JSON, which others can verify
    Export(Export),
    /// Write what was entered since the last archive, with values, up to the newest signed checkpoint
    Archive(Archive),
    /// Hold an archive or an export against the ledger: whole, the same entries, and the values that they commit to
    VerifyArchive(Archive),
    /// Take values out of entries that are archived and older than `audit.retention_days`, or tell what would go
    Drop(DropArchived),
}

#[derive(Debug, Args)]
struct Archive {
    /// Directory of the database
    path: PathBuf,
    /// The file
    file: PathBuf,
}

#[derive(Debug, Args)]
struct DropArchived {
    /// Directory of the database
    path: PathBuf,
    /// Do it: the values are in the archives alone from then on. Without it, it is only said what would go
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
struct Checkpoint {
    /// Directory of the database
    path: PathBuf,
    /// File with the secret key of Ed25519 that signs: 32 bytes, or 64 hexadecimal digits. It does not belong
    /// beside the database
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Heads {
    /// Directory of the database
    path: PathBuf,
}

#[derive(Debug, Args)]
struct Verify {
    /// Directory of the database
    path: PathBuf,
    /// The first entry of a range; without a range everything that is stored is verified
    #[arg(long, value_name = "POSITION")]
    first: Option<u64>,
    /// The last entry of a range
    #[arg(long, value_name = "POSITION")]
    last: Option<u64>,
    /// Public key of Ed25519, in hexadecimal digits, by which checkpoints must be signed; several if said
    /// several times
    #[arg(long = "trusted-key", value_name = "KEY")]
    keys: Vec<String>,
    /// File with what `audit heads` told earlier
    #[arg(long, value_name = "FILE")]
    anchors: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Export {
    /// Directory of the database
    path: PathBuf,
    /// The file, which must not stand yet
    file: PathBuf,
    /// The first entry
    #[arg(long, value_name = "POSITION")]
    first: Option<u64>,
    /// The last entry
    #[arg(long, value_name = "POSITION")]
    last: Option<u64>,
    /// With the values of entries, where the user may see all of them
    #[arg(long)]
    values: bool,
}

#[derive(Debug, Args)]
struct Query {
    /// Directory of the database
    path: PathBuf,
    /// Who did it, by id or name
    #[arg(long, value_name = "USER")]
    actor: Option<String>,
    /// On whose behalf, by id or name
    #[arg(long, value_name = "USER")]
    on_behalf_of: Option<String>,
    /// The entity
    #[arg(long, value_name = "ENTITY")]
    entity: Option<String>,
    /// The record, by its id
    #[arg(long, value_name = "ID")]
    record: Option<String>,
    /// A field of the entity
    #[arg(long, value_name = "FIELD", requires = "entity")]
    field: Option<String>,
    /// A kind of entries, such as update, read or sign_in_refused; several if said several times
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// The cause: the verb, import or plugin
    #[arg(long, value_name = "CAUSE")]
    cause: Option<String>,
    /// From this moment on, in RFC 3339
    #[arg(long, value_name = "MOMENT")]
    from: Option<String>,
    /// Before this moment
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    /// Oldest first
    #[arg(long)]
    rising: bool,
    /// The position that the page before told
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// Most entries
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: u64,
}

impl Audit {
    /// Asks, verifies or writes.
    ///
    /// # Errors
    /// Those of the methods `ledger.*` and `audit.*`; `storage.io` for the files.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            Work::Query(query) => query.run(host),
            Work::Checkpoint(checkpoint) => checkpoint.run(host),
            Work::Heads(heads) => {
                output::json(&call(&host.session(&heads.path)?, "ledger.heads", &json!({"limit": 1000}))?)?;
                Ok(Ended::Done)
            }
            Work::Verify(verify) => verify.run(host),
            Work::Export(export) => export.run(host),
            Work::Archive(archive) => archive.run(host, "audit.archive", "archived"),
            Work::VerifyArchive(archive) => archive.run(host, "audit.verify_archive", "no fault"),
            Work::Drop(drop) => drop.run(host),
        }
    }
}

impl Checkpoint {
    fn run(&self, host: &Host) -> Result<Ended> {
        let mut options = host.options(host.key(Asked::Once)?);
        if let Some(file) = &self.signing_key {
            options = options.checkpoint_signer(Arc::new(Ed25519Key::from_file(file)?));
        }
        let session = host.session_of(&self.path, options)?;
        let made = call(&session, "ledger.checkpoint", &json!({}))?;
        if host.wants_json() {
            output::json(&made)?;
            return Ok(Ended::Done);
        }
        for name in ["sequence", "position", "hash", "root", "algorithm", "key"] {
            output::line(&format!("{name}: {}", made.get(name).map(cell).unwrap_or_default()))?;
        }
        Ok(Ended::Done)
    }
}

impl Verify {
    fn run(&self, host: &Host) -> Result<Ended> {
        let anchors = self.anchors.as_deref().map(read_anchors).transpose()?;
        let keys = if self.keys.is_empty() { Json::Null } else { json!(self.keys) };
        let given = json!({"first": self.first, "last": self.last, "keys": keys, "anchors": anchors});
        let (session, _bar) = progress::told(host.session(&self.path)?);
        let report = call(&session, "ledger.verify", &given)?;
        tell(host, "no fault", &report, &["first", "last", "entries", "checkpoints", "signed", "anchors"])
    }
}

impl Export {
    fn run(&self, host: &Host) -> Result<Ended> {
        let (session, _bar) = progress::told(host.session(&self.path)?);
        let given = json!({"path": path::absolute(&self.file)?, "first": self.first, "last": self.last, "values": self.values});
        let done = call(&session, "audit.export", &given)?;
        tell(host, "written", &done, &["first", "last", "entries", "with_values", "checkpoints"])
    }
}

impl Archive {
    fn run(&self, host: &Host, method: &str, what: &str) -> Result<Ended> {
        let (session, _bar) = progress::told(host.session(&self.path)?);
        let done = call(&session, method, &json!({"path": path::absolute(&self.file)?}))?;
        tell(host, what, &done, &["first", "last", "entries", "with_values", "checkpoints"])
    }
}

impl DropArchived {
    fn run(&self, host: &Host) -> Result<Ended> {
        let (session, _bar) = progress::told(host.session(&self.path)?);
        let answer = call(&session, "audit.drop_archived", &json!({"dry_run": !self.yes}))?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        output::line(&format!("archived: {}", answer.get("archived").map(cell).unwrap_or_default()))?;
        let columns = ["class", "until", "last", "entries"];
        let mut table = Table::new(columns);
        for row in list(&answer, "classes") {
            table.push(columns.map(|name| row.get(name).map(cell).unwrap_or_default()).to_vec());
        }
        let mut drawn = Vec::new();
        table.write(&mut drawn)?;
        output::line(&String::from_utf8_lossy(&drawn))?;
        Ok(Ended::Done)
    }
}

/// The anchors of a file: the answer of `ledger.heads`, or a list.
fn read_anchors(path: &Path) -> Result<Json> {
    let said = parse_json("anchors", &fs::read_to_string(path)?)?;
    let Some(head) = said.get("head") else { return Ok(said) };
    Ok(std::iter::once(head).chain(list(&said, "checkpoints")).cloned().collect())
}

/// Figures of an answer in one line, or the answer in JSON.
fn tell(host: &Host, what: &str, answer: &Json, names: &[&str]) -> Result<Ended> {
    if host.wants_json() {
        output::json(answer)?;
        return Ok(Ended::Done);
    }
    let figures =
        names.iter().map(|name| format!("{name} {}", answer.get(*name).map(cell).unwrap_or_default()));
    output::line(&format!("{what}: {}", figures.collect::<Vec<_>>().join(", ")))?;
    Ok(Ended::Done)
}

impl Query {
    fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let answer = call(&session, "ledger.query", &self.request())?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        let mut table =
            Table::new(["position", "at", "kind", "actor", "entity", "record", "cause", "changes"]);
        for entry in list(&answer, "entries") {
            table.push(row(entry));
        }
        let mut drawn = Vec::new();
        table.write(&mut drawn)?;
        output::line(&String::from_utf8_lossy(&drawn))?;
        if let Some(after) = answer.get("after").and_then(Json::as_u64) {
            output::line(&format!("more: --after {after}"))?;
        }
        Ok(Ended::Done)
    }

    fn request(&self) -> Json {
        let kinds = if self.kinds.is_empty() { Json::Null } else { json!(self.kinds) };
        json!({
            "actor": self.actor,
            "on_behalf_of": self.on_behalf_of,
            "entity": self.entity,
            "record": self.record,
            "field": self.field,
            "kinds": kinds,
            "cause": self.cause,
            "from": self.from,
            "until": self.until,
            "order": if self.rising { "rising" } else { "falling" },
            "after": self.after,
            "limit": self.limit,
        })
    }
}

/// An entry as a line: what changed is told by the names of its fields.
fn row(entry: &Json) -> Vec<String> {
    let fields = list(entry, "changes").iter().map(|change| visible(text(change, "field")));
    let fields: Vec<String> = fields.filter(|name| !name.is_empty()).collect();
    let position = entry.get("position").map(cell).unwrap_or_default();
    let told = ["at", "kind", "actor", "entity", "record", "cause"].map(|name| visible(text(entry, name)));
    std::iter::once(position).chain(told).chain([fields.join(", ")]).collect()
}
