//! `guanxi user`: who leaves, who moves to another unit, and the tokens by which programs sign in.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use guanxi::Result;
use guanxi::api::call;
use serde_json::{Map, Value as Json, json};

use crate::arguments::cut_at_first;
use crate::commands::access::{rows, told};
use crate::commands::text;
use crate::exit::Ended;
use crate::host::Host;
use crate::output;

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct User {
    #[command(subcommand)]
    work: Work,
}

/// What is done.
#[derive(Debug, Subcommand)]
enum Work {
    /// Close every way in of somebody who leaves, and hand over what is theirs
    Offboard(Offboard),
    /// Let somebody work in another unit, and bring their records along
    Move(Move),
    /// Issue a token by which a service account signs in; it is told this once
    IssueToken(IssueToken),
    /// List the tokens of a service account
    Tokens(Tokens),
    /// Take a token back
    RevokeToken(RevokeToken),
}

#[derive(Debug, Args)]
struct Offboard {
    /// Directory of the database
    path: PathBuf,
    /// Who leaves, by id or name
    leaver: String,
    /// Who gets the records of the trade, by id or name; they stay if nobody is said
    #[arg(long, value_name = "USER")]
    heir: Option<String>,
    /// Who gets the records of one entity instead, as crm.account=wang; may be given several times
    #[arg(long = "heir-of", value_name = "ENTITY=USER", value_parser = cut_at_first)]
    heirs: Vec<(String, String)>,
    /// To whom those report who reported to the leaver
    #[arg(long, value_name = "USER")]
    superior: Option<String>,
    /// Only tell what there is
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct Move {
    /// Directory of the database
    path: PathBuf,
    /// Who moves, by id or name
    mover: String,
    /// The unit, by its id; none if not said
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
}

#[derive(Debug, Args)]
struct IssueToken {
    /// Directory of the database
    path: PathBuf,
    /// The service account, by id or name
    account: String,
    /// What the token is for
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Until when it is good, as 2026-12-01T00:00:00Z; without end if not said
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
}

#[derive(Debug, Args)]
struct Tokens {
    /// Directory of the database
    path: PathBuf,
    /// The service account, by id or name
    account: String,
}

#[derive(Debug, Args)]
struct RevokeToken {
    /// Directory of the database
    path: PathBuf,
    /// The service account, by id or name
    account: String,
    /// The token, by its id
    id: String,
}

impl User {
    /// Does it, and writes what became of it.
    ///
    /// # Errors
    /// Those of the named methods.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            Work::Offboard(offboard) => offboard.run(host),
            Work::Move(moved) => {
                let given = json!({"user": moved.mover, "unit": moved.unit});
                let answer = call(&host.session(&moved.path)?, "user.move", &given)?;
                handed_over(host, &answer)
            }
            Work::IssueToken(issue) => issue.run(host),
            Work::Tokens(tokens) => {
                let given = json!({"user": tokens.account});
                let answer = call(&host.session(&tokens.path)?, "token.list", &given)?;
                rows(host, &answer, "tokens", &["id", "label", "issued", "until", "holds"])
            }
            Work::RevokeToken(revoke) => {
                let given = json!({"user": revoke.account, "id": revoke.id});
                told(host, &revoke.path, "token.revoke", &given)
            }
        }
    }
}

impl Offboard {
    fn run(&self, host: &Host) -> Result<Ended> {
        let heirs = self.heirs.iter().map(|(entity, heir)| (entity.clone(), Json::from(heir.as_str())));
        let given = json!({
            "user": self.leaver,
            "heir": self.heir,
            "heirs": heirs.collect::<Map<String, Json>>(),
            "superior": self.superior,
            "dry_run": self.dry_run,
        });
        let answer = call(&host.session(&self.path)?, "user.offboard", &given)?;
        if !host.wants_json() {
            for name in ["sessions", "roles", "subordinates", "complete"] {
                let value = answer.get(name).map(ToString::to_string).unwrap_or_default();
                output::line(&format!("{name}: {value}"))?;
            }
        }
        handed_over(host, &answer)
    }
}

impl IssueToken {
    fn run(&self, host: &Host) -> Result<Ended> {
        let given = json!({"user": self.account, "label": self.label, "until": self.until});
        let answer = call(&host.session(&self.path)?, "token.issue", &given)?;
        match host.wants_json() {
            true => output::json(&answer)?,
            false => output::line(text(&answer, "token"))?,
        }
        Ok(Ended::Done)
    }
}

/// What became of records that change hands.
fn handed_over(host: &Host, answer: &Json) -> Result<Ended> {
    rows(host, answer, "entities", &["entity", "owned", "handed_over", "heir"])
}
