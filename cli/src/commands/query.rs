//! `guanxi query`: a list by simple terms or a filter in JSON, how many rows it has, and how it is read.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use guanxi::{Code, Error, Result, Session, api};
use serde_json::{Value as Json, json};

use crate::commands::{list, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, parse_json};
use crate::table::{self, Table};

/// The signs of terms, longer ones first, with the operators that they stand for.
const SIGNS: [(&str, &str); 7] =
    [("!=", "ne"), (">=", "ge"), ("<=", "le"), ("~", "contains"), ("=", "eq"), (">", "gt"), ("<", "lt")];

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Query {
    /// Directory of the database
    path: PathBuf,
    /// Entity of the records
    entity: String,
    /// Conditions, all of which must hold: a filter in JSON, or FIELD=VALUE, FIELD!=VALUE, FIELD>=VALUE,
    /// FIELD<=VALUE, FIELD>VALUE, FIELD<VALUE, FIELD~PART; a field may lie along references, as
    /// account.owner.name; no value asks for empty fields
    #[arg(value_name = "CONDITION")]
    conditions: Vec<String>,
    /// Field to sort by; with a minus sign before it, falling
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    sort: Vec<String>,
    /// How texts sort: code_point, pinyin, stroke, or surname for names of persons
    #[arg(long, value_name = "NAME", default_value = "code_point")]
    collation: String,
    /// Language in which texts are told, compared and sorted where they have a translation: a BCP 47 tag
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// Columns of the table, and fields of the answer
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    fields: Vec<String>,
    /// Most records
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: u64,
    /// Where the page before ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// How far all records that meet the conditions are counted
    #[arg(long, value_enum, default_value_t = Total::None)]
    total: Total,
    /// Tell how the list would be read, and read nothing
    #[arg(long)]
    explain: bool,
}

/// How far records are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Total {
    /// Not at all.
    None,
    /// To 10,000.
    Bounded,
    /// All of them.
    Exact,
}

impl Total {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bounded => "bounded",
            Self::Exact => "exact",
        }
    }
}

impl Query {
    /// Lists the records, or explains how.
    ///
    /// # Errors
    /// Those of `query.run` and `query.explain`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let filter = self.filter(&session)?;
        if self.explain {
            return self.explain(host, &session, &filter);
        }
        let request = json!({
            "entity": self.entity,
            "filter": filter,
            "sort": self.sort,
            "collation": self.collation,
            "locale": self.language,
            "fields": (!self.fields.is_empty()).then_some(&self.fields),
            "display": true,
            "total": self.total.name(),
            "limit": self.limit,
            "cursor": self.cursor,
        });
        let page = api::call(&session, "query.run", &request)?;
        if host.wants_json() {
            output::json(&page)?;
            return Ok(Ended::Done);
        }
        self.table(&page)?.write(io::stdout().lock())?;
        if let Some(total) = page.get("total").filter(|total| !total.is_null()) {
            let more = if total.get("more") == Some(&Json::Bool(true)) { "more than " } else { "" };
            eprintln!(
                "{more}{} records ({})",
                table::cell(total.get("count").unwrap_or(&Json::Null)),
                text(total, "source")
            );
        }
        if let Some(cursor) = page.get("cursor").and_then(Json::as_str) {
            eprintln!("there are more: --cursor {cursor}");
        }
        Ok(Ended::Done)
    }

    fn explain(&self, host: &Host, session: &Session, filter: &Json) -> Result<Ended> {
        let request = json!({
            "entity": self.entity,
            "filter": filter,
            "sort": self.sort,
            "collation": self.collation,
            "locale": self.language,
        });
        let explained = api::call(session, "query.explain", &request)?;
        if host.wants_json() {
            output::json(&explained)?;
            return Ok(Ended::Done);
        }
        let mut table = Table::new(["", ""]);
        for (name, value) in explained.as_object().into_iter().flatten() {
            table.push([name.clone(), table::cell(value)]);
        }
        table.write(io::stdout().lock())?;
        Ok(Ended::Done)
    }

    /// All conditions, which must hold together.
    fn filter(&self, session: &Session) -> Result<Json> {
        let conditions = self.conditions.iter().map(|said| {
            if said.trim_start().starts_with('{') {
                return parse_json("filter", said);
            }
            self.term(session, said)
        });
        Ok(json!({"all": conditions.collect::<Result<Vec<_>>>()?}))
    }

    fn term(&self, session: &Session, said: &str) -> Result<Json> {
        let wrong = || Error::new(Code::InvalidFilter).value(said).rule("FIELD=VALUE, or a filter in JSON");
        let places = SIGNS.iter().filter_map(|(sign, operator)| Some((said.find(sign)?, *sign, *operator)));
        // The first sign of the text ends the field; of those at one place the longer one.
        let (_, sign, operator) = places.min_by_key(|(place, _, _)| *place).ok_or_else(wrong)?;
        let (field, value) = said.split_once(sign).ok_or_else(wrong)?;
        let field = field.trim();
        if value.is_empty() {
            return Ok(json!({"field": field, "op": operator, "value": null}));
        }
        // A value that is right as text is taken so; numbers and titles of references are tried after it.
        let mut refused = None;
        let typed = [
            Some(json!(value)),
            value.parse::<i64>().ok().map(|number| json!(number)),
            value.parse::<bool>().ok().map(|value| json!(value)),
            Some(json!({"title": value})),
        ];
        for value in typed.into_iter().flatten() {
            let term = json!({"field": field, "op": operator, "value": value});
            let request = json!({"entity": self.entity, "filter": term});
            match api::call(session, "query.explain", &request) {
                Ok(_) => return Ok(term),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(wrong))
    }

    /// A column for each field asked for, else for each that has a value; references by the titles of what
    /// they refer to.
    fn table(&self, page: &Json) -> Result<Table> {
        let rows = list(page, "rows");
        let mut columns: Vec<String> = self.fields.clone();
        if columns.is_empty() {
            for row in rows {
                let names = row.get("values").and_then(Json::as_object).into_iter().flatten();
                for (name, _) in names.filter(|(name, _)| !columns.contains(name)).collect::<Vec<_>>() {
                    columns.push(name.clone());
                }
            }
        }
        let shown = |row: &Json, name: &str| {
            let value = row.get("values").and_then(|values| values.get(name)).or_else(|| row.get(name));
            let value = value.unwrap_or(&Json::Null);
            let title = value.as_str().and_then(|id| page.get("titles")?.get(id));
            table::cell(title.unwrap_or(value))
        };
        let mut table = Table::new(columns.iter().map(String::as_str).chain(["id"]));
        for row in rows {
            let cells = columns.iter().map(|name| shown(row, name)).chain([text(row, "id").to_owned()]);
            table.push(cells.collect::<Vec<_>>());
        }
        Ok(table)
    }
}
