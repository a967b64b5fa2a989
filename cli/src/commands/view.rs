//! `guanxi view`: saved views, listed, run, saved and deleted.

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use guanxi::{Result, api};
use serde_json::{Value as Json, json};

use crate::commands::{list, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, parse_json};
use crate::table::{self, Table};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct View {
    #[command(subcommand)]
    work: Work,
}

/// What is to be done with views.
#[derive(Debug, Subcommand)]
enum Work {
    /// List the views that the user finds
    List(List),
    /// List the records of a view
    Run(Run),
    /// Save a view, in place of the one of this name
    Save(Save),
    /// Delete a view
    Delete(Delete),
}

#[derive(Debug, Args)]
struct List {
    /// Directory of the database
    path: PathBuf,
    /// Entity of the views; all if not said
    entity: Option<String>,
}

#[derive(Debug, Args)]
struct Run {
    /// Directory of the database
    path: PathBuf,
    /// Entity of the records
    entity: String,
    /// Name of the view
    name: String,
    /// Most records
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: u64,
    /// Where the page before ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
struct Save {
    /// Directory of the database
    path: PathBuf,
    /// Entity of the records
    entity: String,
    /// Name of the view
    name: String,
    /// Columns: fields, id, title, number, version, owner, unit, created_at, modified_at, tags
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// Condition in JSON, as for `find`
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Field to sort by; with a minus sign before it, falling
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    sort: Vec<String>,
    /// Field by which records stand together
    #[arg(long, value_name = "FIELD")]
    group: Option<String>,
    /// For whom it is
    #[arg(long, value_enum, default_value_t = Audience::Own)]
    audience: Audience,
    /// For the audience `role`: the name of the role
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// For the audience `team`: the name of the team
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// For the audience `unit`: the name of the unit
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
}

/// For whom a view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Audience {
    /// The user alone.
    Own,
    /// The holders of a role.
    Role,
    /// The members of a team.
    Team,
    /// The people of a unit and of those below it.
    Unit,
    /// Everyone.
    Everyone,
}

#[derive(Debug, Args)]
struct Delete {
    /// Directory of the database
    path: PathBuf,
    /// The view's id; `view list` gives it
    id: String,
}

impl View {
    /// Does it.
    ///
    /// # Errors
    /// Those of `view.list`, `view.run`, `view.save` and `view.delete`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let (path, method, request) = self.request()?;
        let session = host.session(path)?;
        let answer = api::call(&session, method, &request)?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        match &self.work {
            Work::List(_) => write_views(&answer)?,
            Work::Run(_) => write_rows(&answer)?,
            Work::Save(_) | Work::Delete(_) => output::line(text(&answer, "id"))?,
        }
        Ok(Ended::Done)
    }

    /// The database, the method that answers, and its parameters.
    fn request(&self) -> Result<(&PathBuf, &'static str, Json)> {
        Ok(match &self.work {
            Work::List(List { path, entity }) => (path, "view.list", json!({"entity": entity})),
            Work::Run(Run { path, entity, name, limit, cursor }) => {
                let request = json!({"entity": entity, "name": name, "limit": limit, "cursor": cursor});
                (path, "view.run", request)
            }
            Work::Save(save) => (&save.path, "view.save", save.request()?),
            Work::Delete(Delete { path, id }) => (path, "view.delete", json!({"id": id})),
        })
    }
}

impl Save {
    fn request(&self) -> Result<Json> {
        let filter = self.filter.as_deref().map(|text| parse_json("filter", text)).transpose()?;
        let audience = self.audience.to_possible_value();
        Ok(json!({
            "entity": self.entity,
            "name": self.name,
            "columns": self.columns,
            "filter": filter,
            "sort": self.sort,
            "group": self.group,
            "audience": audience.as_ref().map(clap::builder::PossibleValue::get_name),
            "role": self.role,
            "team": self.team,
            "unit": self.unit,
        }))
    }
}

fn write_views(answer: &Json) -> Result<()> {
    let columns = ["name", "entity", "audience", "role", "team", "unit", "id"];
    let mut table = Table::new(columns);
    for view in list(answer, "views") {
        table.push(columns.map(|column| text(view, column)));
    }
    table.write(io::stdout().lock())
}

fn write_rows(answer: &Json) -> Result<()> {
    let columns = list(answer, "columns");
    let mut table = Table::new(std::iter::once("title").chain(columns.iter().map(|it| text(it, "label"))));
    for row in list(answer, "rows") {
        let cells = columns.iter().map(|column| {
            let cell = row.get("cells").and_then(|cells| cells.get(text(column, "name")));
            table::cell(cell.unwrap_or(&Json::Null))
        });
        table.push(std::iter::once(text(row, "title").to_owned()).chain(cells));
    }
    table.write(io::stdout().lock())?;
    if let Some(cursor) = answer.get("cursor").and_then(Json::as_str) {
        eprintln!("there are more: --cursor {cursor}");
    }
    Ok(())
}
