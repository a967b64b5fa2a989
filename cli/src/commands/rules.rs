//! `guanxi access rule`, `inherit` and `mark`: records that are shared by what they say, or because of what they refer
//! to.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use guanxi::Result;
use guanxi::api::call;
use serde_json::{Value as Json, json};

use crate::commands::access::{cells, told, write};
use crate::commands::list;
use crate::exit::Ended;
use crate::host::Host;
use crate::output;

/// Sharing rules.
#[derive(Debug, Subcommand)]
pub enum Rule {
    /// List sharing rules, with how far records are marked for new ones
    List(Database),
    /// Share records of an entity that meet a condition
    Define(Define),
    /// Change a sharing rule; what is not said stays
    Change(Change),
    /// Take a sharing rule away
    Remove(One),
}

/// References by which records follow the access to others.
#[derive(Debug, Subcommand)]
pub enum Inherit {
    /// List the references by which records follow others
    List(Database),
    /// Let records follow what they refer to by a field
    Define(DefineInheritance),
    /// Change how much follows, and whether anything does
    Change(ChangeInheritance),
    /// Let records follow no longer
    Remove(One),
}

/// A database.
#[derive(Debug, Args)]
pub struct Database {
    /// Directory of the database
    path: PathBuf,
}

/// One rule or setting.
#[derive(Debug, Args)]
pub struct One {
    /// Directory of the database
    path: PathBuf,
    /// The rule or setting, by its id
    id: String,
}

/// With whom a rule shares.
#[derive(Debug, Args)]
pub struct With {
    /// The user, by id or name
    // An id of its own, since `--as` is of the id `user` in all commands.
    #[arg(id = "with_user", long = "user", value_name = "USER")]
    user: Option<String>,
    /// The team, by id or name
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// The role, by id or name
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// The unit, by id or name
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// People of the units below it, too
    #[arg(long)]
    below: bool,
}

/// A rule that is to be.
#[derive(Debug, Args)]
pub struct Define {
    /// Directory of the database
    path: PathBuf,
    /// What the rule is called
    name: String,
    /// The entity of the records
    entity: String,
    /// The condition, as an expression over stored fields of the record
    criteria: String,
    #[command(flatten)]
    with: With,
    /// What it lets be done: read, edit or full
    #[arg(long, value_name = "LEVEL", default_value = "read")]
    level: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What is to be otherwise of a rule.
#[derive(Debug, Args)]
pub struct Change {
    /// Directory of the database
    path: PathBuf,
    /// The rule, by its id
    id: String,
    /// What it is called
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Another condition, which makes another rule
    #[arg(long, value_name = "EXPRESSION")]
    criteria: Option<String>,
    #[command(flatten)]
    with: With,
    /// What it lets be done: read, edit or full
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    /// Whether it is switched off
    #[arg(long, value_name = "true|false")]
    off: Option<bool>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// A reference by which records are to follow.
#[derive(Debug, Args)]
pub struct DefineInheritance {
    /// Directory of the database
    path: PathBuf,
    /// The entity of the records that refer
    entity: String,
    /// The field by which they refer
    field: String,
    /// How much follows: read, edit or full
    #[arg(long, value_name = "LEVEL", default_value = "read")]
    level: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What is to be otherwise of a reference.
#[derive(Debug, Args)]
pub struct ChangeInheritance {
    /// Directory of the database
    path: PathBuf,
    /// The setting, by its id
    id: String,
    /// How much follows: read, edit or full
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    /// Whether it is switched off
    #[arg(long, value_name = "true|false")]
    off: Option<bool>,
}

impl Rule {
    /// Does it, and writes the answer.
    ///
    /// # Errors
    /// Those of the named methods.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match self {
            Self::List(Database { path }) => {
                let columns = [
                    "id", "name", "entity", "criteria", "level", "user", "team", "role", "unit", "below",
                    "off", "pending",
                ];
                listed(host, path, ("access.rules", "rules"), &columns)
            }
            Self::Define(define) => {
                let given = json!({
                    "name": define.name,
                    "entity": define.entity,
                    "criteria": define.criteria,
                    "level": define.level,
                    "user": define.with.user,
                    "team": define.with.team,
                    "role": define.with.role,
                    "unit": define.with.unit,
                    "below": define.with.below,
                    "reason": define.reason,
                });
                told(host, &define.path, "access.rule.define", &given)
            }
            Self::Change(change) => {
                let given = json!({
                    "id": change.id,
                    "name": change.name,
                    "criteria": change.criteria,
                    "level": change.level,
                    "off": change.off,
                    "user": change.with.user,
                    "team": change.with.team,
                    "role": change.with.role,
                    "unit": change.with.unit,
                    "below": change.with.below,
                    "reason": change.reason,
                });
                told(host, &change.path, "access.rule.change", &given)
            }
            Self::Remove(One { path, id }) => told(host, path, "access.rule.remove", &json!({"id": id})),
        }
    }
}

impl Inherit {
    /// Does it, and writes the answer.
    ///
    /// # Errors
    /// Those of the named methods.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match self {
            Self::List(Database { path }) => {
                let columns = ["id", "entity", "field", "parent", "level", "off", "pending"];
                listed(host, path, ("access.inherited", "settings"), &columns)
            }
            Self::Define(DefineInheritance { path, entity, field, level, reason }) => {
                let given = json!({"entity": entity, "field": field, "level": level, "reason": reason});
                told(host, path, "access.inherit.define", &given)
            }
            Self::Change(ChangeInheritance { path, id, level, off }) => {
                told(host, path, "access.inherit.change", &json!({"id": id, "level": level, "off": off}))
            }
            Self::Remove(One { path, id }) => told(host, path, "access.inherit.remove", &json!({"id": id})),
        }
    }
}

impl Database {
    /// Goes on with marking records.
    ///
    /// # Errors
    /// Those of `access.mark`.
    pub fn mark(&self, host: &Host) -> Result<Ended> {
        told(host, &self.path, "access.mark", &json!({}))
    }
}

fn listed(host: &Host, path: &Path, (method, rows): (&str, &str), columns: &[&str]) -> Result<Ended> {
    let answer = call(&host.session(path)?, method, &json!({}))?;
    if host.wants_json() {
        output::json(&answer)?;
        return Ok(Ended::Done);
    }
    let row = |row: &Json| {
        let mut told = cells(row, columns);
        let pending = row.get("pending").filter(|pending| pending.is_object());
        if let (Some(last), Some(pending)) = (told.last_mut(), pending) {
            let number = |name: &str| pending.get(name).and_then(Json::as_u64).unwrap_or_default();
            *last = format!("{} of {}", number("done"), number("total"));
        }
        told
    };
    write(columns, list(&answer, rows).iter().map(row))?;
    Ok(Ended::Done)
}
