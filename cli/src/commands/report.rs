//! `guanxi report`: groups and measures of one entity, or the pipeline of opportunities.

use std::io;
use std::path::PathBuf;

use clap::Args;
use guanxi::{Result, api};
use serde_json::{Value as Json, json};

use crate::commands::list;
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, parse_json};
use crate::table::{self, Table};

/// The tables of `opportunity.pipeline`: name, group and measures of each, in the words of the method.
const PIPELINE: [(&str, &[&str]); 3] = [
    ("stages", &["stage", "count", "amount"]),
    ("totals", &["count", "win_rate", "mean_days"]),
    ("won", &["count", "amount", "mean_amount", "mean_days"]),
];

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Report {
    /// Directory of the database
    path: PathBuf,
    /// Entity whose records are counted; without it, the pipeline of opportunities
    entity: Option<String>,
    /// Group: a field, `reference.field`, or `field:month` with day, week, month, quarter or year
    #[arg(long, value_name = "FIELD", requires = "entity")]
    group_by: Vec<String>,
    /// Measure: count, sum:FIELD, mean:FIELD, or JSON such as {"mean_days": ["engaged_on", "closed_on"]}
    #[arg(long, value_name = "MEASURE", requires = "entity", default_value = "count")]
    measure: Vec<String>,
    /// Condition in JSON, as for `find`
    #[arg(long, value_name = "JSON", requires = "entity")]
    filter: Option<String>,
}

impl Report {
    /// Works the report out.
    ///
    /// # Errors
    /// Those of `report.run` and `opportunity.pipeline`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let (method, request) = self.request()?;
        let session = host.session(&self.path)?;
        let answer = api::call(&session, method, &request)?;
        if host.wants_json() {
            output::json(&answer)?;
        } else if self.entity.is_some() {
            write(self.group_by.iter().chain(&self.measure), &answer)?;
        } else {
            for (number, (name, headings)) in PIPELINE.into_iter().enumerate() {
                let gap = if number == 0 { "" } else { "\n" };
                output::line(&format!("{gap}{name}"))?;
                write(headings, answer.get(name).unwrap_or(&Json::Null))?;
            }
        }
        Ok(Ended::Done)
    }

    /// The method that answers, and its parameters.
    fn request(&self) -> Result<(&'static str, Json)> {
        let Some(entity) = &self.entity else { return Ok(("opportunity.pipeline", Json::Null)) };
        let filter = self.filter.as_deref().map(|text| parse_json("filter", text)).transpose()?;
        let measures = self.measure.iter().map(|said| measure(said)).collect::<Result<Vec<_>>>()?;
        let request =
            json!({"entity": entity, "filter": filter, "group_by": self.group_by, "measures": measures});
        Ok(("report.run", request))
    }
}

/// A measure as `report.run` takes it.
fn measure(said: &str) -> Result<Json> {
    if said.trim_start().starts_with('{') {
        return parse_json("measure", said);
    }
    Ok(match said.split_once(':') {
        Some((name @ ("sum" | "mean"), field)) => json!({name: field}),
        _ => json!(said),
    })
}

/// Writes a table of `report.run`: the labels of the groups, then the figures.
fn write<S: AsRef<str>>(headings: impl IntoIterator<Item = S>, answer: &Json) -> Result<()> {
    let mut table = Table::new(headings);
    for row in list(answer, "rows") {
        table.push(list(row, "labels").iter().chain(list(row, "figures")).map(table::cell));
    }
    table.write(io::stdout().lock())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_read_from_words_and_from_json() {
        assert_eq!(measure("count").unwrap(), json!("count"));
        assert_eq!(measure("sum:amount").unwrap(), json!({"sum": "amount"}));
        assert_eq!(measure("mean:x.score").unwrap(), json!({"mean": "x.score"}));
        let days = r#"{"mean_days": ["engaged_on", "closed_on"]}"#;
        assert_eq!(measure(days).unwrap(), json!({"mean_days": ["engaged_on", "closed_on"]}));
        assert_eq!(measure("{").unwrap_err().code(), guanxi::Code::InvalidJson);
    }
}
