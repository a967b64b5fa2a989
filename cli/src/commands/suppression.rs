//! `guanxi privacy suppression`: the list of those who must not come back unnoticed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use guanxi::Result;
use guanxi::api::call;
use serde_json::{Value as Json, json};

use crate::commands::list;
use crate::exit::Ended;
use crate::host::Host;
use crate::output;
use crate::table::{Table, cell};

/// Arguments on the list.
#[derive(Debug, Args)]
pub struct Suppression {
    #[command(subcommand)]
    work: Work,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Put an identifier on the list, or all of a person's record
    Add(Add),
    /// Tell which identifiers of a person's record would be put on the list
    Preview(OfPerson),
    /// Tell whether an identifier is on the list
    Check(Identifier),
    /// List the hashes
    List(Rows),
    /// Take a hash off the list
    Remove(Remove),
}

#[derive(Debug, Args)]
struct Add {
    /// Directory of the database
    path: PathBuf,
    /// email, phone or identity_number; or the entity of a person with `--id`
    kind: String,
    /// The identifier
    #[arg(required_unless_present = "id", conflicts_with = "id")]
    value: Option<String>,
    /// The record of the person
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// What explains it; it is kept, so it should name nobody
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The rights request for it, by its id
    #[arg(long, value_name = "ID")]
    request: Option<String>,
}

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
struct Identifier {
    /// Directory of the database
    path: PathBuf,
    /// email, phone or identity_number
    kind: String,
    /// The identifier
    value: String,
}

#[derive(Debug, Args)]
struct Rows {
    /// Directory of the database
    path: PathBuf,
    /// Most rows
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: u64,
    /// Where the page before ended
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

#[derive(Debug, Args)]
struct Remove {
    /// Directory of the database
    path: PathBuf,
    /// The name of the hash, as `list` and `check` tell it
    hash: String,
    /// Why; the ledger keeps it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

const COLUMNS: [&str; 7] = ["hash", "kind", "cause", "at", "by", "request", "reason"];

impl Suppression {
    /// Does it, and writes the answer.
    ///
    /// # Errors
    /// Those of the named methods.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            Work::Add(add) => add.run(host),
            Work::Preview(person) => {
                let given = json!({"entity": person.entity, "id": person.id});
                let answer = call(&host.session(&person.path)?, "suppression.preview", &given)?;
                rows(host, &answer, &["field", "kind", "listed"])
            }
            Work::Check(asked) => {
                let given = json!({"identifiers": [{"kind": asked.kind, "value": asked.value}]});
                let answer = call(&host.session(&asked.path)?, "suppression.check", &given)?;
                let listed =
                    list(&answer, "rows").first().and_then(|row| row.get("listed")).and_then(Json::as_bool);
                match listed == Some(true) || host.wants_json() {
                    true => rows(host, &answer, &COLUMNS),
                    false => said("not listed"),
                }
            }
            Work::List(page) => {
                let given = json!({"limit": page.limit, "cursor": page.after});
                let answer = call(&host.session(&page.path)?, "suppression.list", &given)?;
                rows(host, &answer, &COLUMNS)?;
                match answer.get("cursor").and_then(Json::as_str).filter(|_| !host.wants_json()) {
                    Some(cursor) => said(&format!("more: --after {cursor}")),
                    None => Ok(Ended::Done),
                }
            }
            Work::Remove(remove) => {
                let given = json!({"hash": remove.hash, "reason": remove.reason});
                let answer = call(&host.session(&remove.path)?, "suppression.remove", &given)?;
                if host.wants_json() { rows(host, &answer, &[]) } else { said("removed") }
            }
        }
    }
}

impl Add {
    fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let answer = match &self.id {
            Some(id) => {
                let given =
                    json!({"entity": self.kind, "id": id, "reason": self.reason, "request": self.request});
                call(&session, "suppression.add_person", &given)?
            }
            None => {
                let given = json!({
                    "kind": self.kind, "value": self.value, "reason": self.reason, "request": self.request,
                });
                call(&session, "suppression.add", &given)?
            }
        };
        if host.wants_json() {
            return rows(host, &answer, &[]);
        }
        said(&format!("added: {}", answer.get("added").map(cell).unwrap_or_default()))
    }
}

fn said(line: &str) -> Result<Ended> {
    output::line(line)?;
    Ok(Ended::Done)
}

/// The rows of an answer as a table, or the answer in JSON.
fn rows(host: &Host, answer: &Json, columns: &[&str]) -> Result<Ended> {
    if host.wants_json() {
        output::json(answer)?;
        return Ok(Ended::Done);
    }
    let mut table = Table::new(columns.iter().copied());
    for row in list(answer, "rows") {
        table.push(
            columns.iter().map(|name| row.get(*name).map(cell).unwrap_or_default()).collect::<Vec<_>>(),
        );
    }
    let mut drawn = Vec::new();
    table.write(&mut drawn)?;
    output::line(&String::from_utf8_lossy(&drawn))?;
    Ok(Ended::Done)
}
