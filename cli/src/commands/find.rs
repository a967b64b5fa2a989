//! `guanxi find`: a page of records as a table or JSON.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use clap::Args;
use guanxi::{Code, Error, RecordId, Result, Session, api};
use serde_json::{Value as Json, json};

use crate::arguments::cut_at_first;
use crate::commands::{list, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, parse_json};
use crate::table::{self, Table};

/// Facts of every record that may be columns beside its fields, and the entity that they refer to.
const FACTS: [(&str, Option<&str>); 9] = [
    ("id", None),
    ("title", None),
    ("number", None),
    ("version", None),
    ("owner", Some("sys.user")),
    ("unit", Some("sys.unit")),
    ("created_at", None),
    ("modified_at", None),
    ("tags", None),
];

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Find {
    /// Directory of the database
    path: PathBuf,
    /// Entity of the records
    entity: String,
    /// Condition in JSON: {"all": […]}, {"any": […]}, {"not": …}, or {"field": …, "op": …, "value": …}
    /// with eq, ne, lt, le, gt, ge, in, is_null and others
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Value that a field must have; a reference is named by its title; no value asks for empty fields
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = cut_at_first)]
    equal: Vec<(String, String)>,
    /// Field to sort by; with a minus sign before it, falling
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    sort: Vec<String>,
    /// Most records
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: u64,
    /// Where the page before ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Columns of the table: fields, id, title, number, version, owner, unit, created_at, modified_at, tags
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    columns: Vec<String>,
}

impl Find {
    /// Lists the records.
    ///
    /// # Errors
    /// Those of `record.list`; `schema.unknown_field` for a column that there is not.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let fields = Fields::of(&session, &self.entity)?;
        let filter = self.condition(&fields)?;
        let request = json!({
            "entity": self.entity,
            "filter": filter,
            "sort": self.sort,
            "limit": self.limit,
            "cursor": self.cursor,
        });
        let page = api::call(&session, "record.list", &request)?;
        if host.wants_json() {
            output::json(&page)?;
            return Ok(Ended::Done);
        }
        let rows = list(&page, "rows");
        let columns = self.columns_for(&fields, rows)?;
        let mut titles = Titles { session: &session, known: HashMap::new() };
        let mut table = Table::new(columns.iter().map(|column| &column.name));
        for row in rows {
            let cells = columns.iter().map(|column| titles.cell(row, column));
            table.push(cells.collect::<Result<Vec<_>>>()?);
        }
        table.write(io::stdout().lock())?;
        if let Some(cursor) = page.get("cursor").and_then(Json::as_str) {
            eprintln!("there are more: --cursor {cursor}");
        }
        Ok(Ended::Done)
    }

    /// The condition of `--filter` and those of `--where`, which all must hold.
    fn condition(&self, fields: &Fields) -> Result<Json> {
        let filter = self.filter.as_deref().map(|text| parse_json("filter", text)).transpose()?;
        if self.equal.is_empty() {
            return Ok(filter.unwrap_or_default());
        }
        let equal = self
            .equal
            .iter()
            .map(|(name, value)| json!({"field": name, "op": "eq", "value": fields.value(name, value)}));
        Ok(json!({"all": filter.into_iter().chain(equal).collect::<Vec<_>>()}))
    }

    /// The columns asked for; else every field that has a value on this page, and the id.
    fn columns_for(&self, fields: &Fields, rows: &[Json]) -> Result<Vec<Column>> {
        if self.columns.is_empty() {
            let has_value = |column: &&Column| rows.iter().any(|row| !column.value(row).is_null());
            let mut columns: Vec<Column> = fields.columns.iter().filter(has_value).cloned().collect();
            columns.extend(fact("id"));
            return Ok(columns);
        }
        let unknown = |name: &str| Error::new(Code::UnknownField).entity(&self.entity).field(name);
        let column =
            |name: &String| fields.named(name).cloned().or_else(|| fact(name)).ok_or_else(|| unknown(name));
        self.columns.iter().map(column).collect()
    }
}

/// One column of the table.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    /// The type of the field; none for a fact of the record.
    kind: Option<String>,
    /// The entity whose records stand in it as ids.
    target: Option<String>,
}

impl Column {
    fn value<'json>(&self, row: &'json Json) -> &'json Json {
        let place = if self.kind.is_some() { row.get("values") } else { Some(row) };
        place.and_then(|place| place.get(&self.name)).unwrap_or(&Json::Null)
    }
}

fn fact(name: &str) -> Option<Column> {
    let (name, target) = FACTS.into_iter().find(|(known, _)| *known == name)?;
    Some(Column { name: name.to_owned(), kind: None, target: target.map(str::to_owned) })
}

/// The fields of the entity that the user may see.
struct Fields {
    columns: Vec<Column>,
}

impl Fields {
    fn of(session: &Session, entity: &str) -> Result<Self> {
        let schema = api::call(session, "schema.describe", &json!({"entity": entity}))?;
        let fields = list(&schema, "entities").first().map_or(&[][..], |entity| list(entity, "fields"));
        let column = |field: &Json| Column {
            name: text(field, "name").to_owned(),
            kind: Some(text(field, "type").to_owned()),
            target: field.get("target").and_then(Json::as_str).map(str::to_owned),
        };
        Ok(Self { columns: fields.iter().map(column).collect() })
    }

    /// The field of this name, or the only one whose name ends so after its namespace.
    fn named(&self, name: &str) -> Option<&Column> {
        let bare = |column: &&Column| column.name.rsplit('.').next() == Some(name);
        let mut alike = self.columns.iter().filter(bare);
        let only = match (alike.next(), alike.next()) {
            (Some(column), None) => Some(column),
            _ => None,
        };
        self.columns.iter().find(|column| column.name == name).or(only)
    }

    /// What somebody wrote behind `FIELD=` as JSON of the field's type. What does not fit is left as
    /// text, for the engine to refuse by its own rule.
    fn value(&self, name: &str, said: &str) -> Json {
        let column = self.named(name);
        match column.and_then(|column| column.kind.as_deref()) {
            _ if said.is_empty() => Json::Null,
            Some("int") => said.parse::<i64>().map_or_else(|_| json!(said), |number| json!(number)),
            Some("bool") => said.parse::<bool>().map_or_else(|_| json!(said), |value| json!(value)),
            Some("reference") if said.parse::<RecordId>().is_err() => json!({"title": said}),
            _ => json!(said),
        }
    }
}

/// The titles of records that others refer to, each read once.
struct Titles<'session> {
    session: &'session Session,
    known: HashMap<String, String>,
}

impl Titles<'_> {
    fn cell(&mut self, row: &Json, column: &Column) -> Result<String> {
        let value = column.value(row);
        match (&column.target, value.as_str()) {
            (Some(entity), Some(id)) => self.title(entity, id),
            _ => Ok(table::cell(value)),
        }
    }

    /// The title of a record; its id if the user may not see it.
    fn title(&mut self, entity: &str, id: &str) -> Result<String> {
        if let Some(known) = self.known.get(id) {
            return Ok(known.clone());
        }
        let title = match api::call(self.session, "record.get", &json!({"entity": entity, "id": id})) {
            Ok(record) => text(&record, "title").to_owned(),
            Err(error) if matches!(error.code(), Code::RecordNotFound | Code::NotPermitted) => id.to_owned(),
            Err(error) => return Err(error),
        };
        self.known.insert(id.to_owned(), title.clone());
        Ok(title)
    }
}
