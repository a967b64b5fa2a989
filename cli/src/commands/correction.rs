//! `guanxi correction`: who may not change a record proposes how it should be, and who may decides.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use guanxi::Result;
use guanxi::api::call;
use serde_json::{Map, Value as Json, json};

use crate::arguments::cut_at_first;
use crate::commands::{privacy, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::output;

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Correction {
    #[command(subcommand)]
    work: Work,
}

/// What is asked.
#[derive(Debug, Subcommand)]
enum Work {
    /// Propose values for fields of a record
    Propose(Propose),
    /// List requests for corrections
    List(List),
    /// Give the record the values that a request proposes
    Accept(Accept),
    /// Refuse a request
    Refuse(Refuse),
    /// Refer a request to a user or a team, who take part in the decision
    Refer(Refer),
    /// Take back a request of one's own
    Withdraw(Withdraw),
}

#[derive(Debug, Args)]
struct Propose {
    /// Directory of the database
    path: PathBuf,
    /// The entity
    entity: String,
    /// The record, by its id
    id: String,
    /// A field and the value that it should have; nothing behind the sign empties it
    #[arg(long = "set", value_name = "FIELD=VALUE", required = true, value_parser = cut_at_first)]
    values: Vec<(String, String)>,
    /// Why the record is wrong
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Args)]
struct List {
    /// Directory of the database
    path: PathBuf,
    /// mine, undecided or record
    #[arg(default_value = "mine")]
    of: String,
    /// The entity, with `record`
    #[arg(long)]
    entity: Option<String>,
    /// The record, by its id, with `record`
    #[arg(long)]
    id: Option<String>,
    /// Most rows
    #[arg(long, default_value_t = 100)]
    limit: u64,
    /// Where the page before ended
    #[arg(long)]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
struct Accept {
    /// Directory of the database
    path: PathBuf,
    /// The request, by its id
    id: String,
    /// What whoever proposed it is told
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

#[derive(Debug, Args)]
struct Refuse {
    /// Directory of the database
    path: PathBuf,
    /// The request, by its id
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Args)]
struct Refer {
    /// Directory of the database
    path: PathBuf,
    /// The request, by its id
    id: String,
    /// The user, by id or name
    #[arg(long = "user", value_name = "USER", required_unless_present = "team")]
    to: Option<String>,
    /// The team, by id or name
    #[arg(long, conflicts_with = "to")]
    team: Option<String>,
}

#[derive(Debug, Args)]
struct Withdraw {
    /// Directory of the database
    path: PathBuf,
    /// The request, by its id
    id: String,
}

impl Correction {
    /// Does it.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            Work::Propose(work) => work.run(host),
            Work::List(work) => work.run(host),
            Work::Accept(work) => {
                done(host, &work.path, "correction.accept", &json!({"id": work.id, "note": work.note}))
            }
            Work::Refuse(work) => {
                done(host, &work.path, "correction.refuse", &json!({"id": work.id, "reason": work.reason}))
            }
            Work::Refer(work) => {
                let given = json!({"id": work.id, "user": work.to, "team": work.team});
                done(host, &work.path, "correction.refer", &given)
            }
            Work::Withdraw(work) => done(host, &work.path, "correction.withdraw", &json!({"id": work.id})),
        }
    }
}

fn done(host: &Host, path: &std::path::Path, method: &str, given: &Json) -> Result<Ended> {
    let answer = call(&host.session(path)?, method, given)?;
    if host.wants_json() {
        output::json(&answer)?;
    }
    Ok(Ended::Done)
}

impl Propose {
    fn run(&self, host: &Host) -> Result<Ended> {
        let value = |said: &String| if said.is_empty() { Json::Null } else { Json::from(said.as_str()) };
        let values: Map<String, Json> =
            self.values.iter().map(|(field, said)| (field.clone(), value(said))).collect();
        let given = json!({"entity": self.entity, "id": self.id, "values": values, "reason": self.reason});
        let answer = call(&host.session(&self.path)?, "correction.propose", &given)?;
        match host.wants_json() {
            true => output::json(&answer)?,
            false => output::line(text(&answer, "id"))?,
        }
        Ok(Ended::Done)
    }
}

impl List {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({
            "of": self.of,
            "entity": self.entity,
            "id": self.id,
            "limit": self.limit,
            "cursor": self.cursor,
        });
        let answer = call(&host.session(&self.path)?, "correction.list", &given)?;
        let columns = ["id", "entity", "record", "proposed", "reason", "status", "proposer", "decision"];
        privacy::rows(host, &answer, "corrections", &columns)
    }
}
