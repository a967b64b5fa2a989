//! `guanxi search`: records by words, parts of words and sounds, with what matched.

use std::path::PathBuf;

use clap::Args;
use guanxi::{Result, Session, api};
use serde_json::{Value as Json, json};

use crate::commands::{list, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, has_colours, highlighted, visible};
use crate::progress::shown;

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Search {
    /// Directory of the database
    path: PathBuf,
    /// What to look for
    #[arg(required_unless_present_any = ["similar", "settle"])]
    text: Option<String>,
    /// Find what is similar to a record of the entity instead
    #[arg(long, value_name = "ID", requires = "entity", conflicts_with_all = ["text", "filter", "sort", "facets", "closest"])]
    similar: Option<String>,
    /// First bring the search index up to date, however far it is behind
    #[arg(long)]
    settle: bool,
    /// Search this entity alone
    #[arg(long, value_name = "ENTITY")]
    entity: Option<String>,
    /// A condition as JSON that hits of the entity meet, too
    #[arg(long, value_name = "JSON", requires = "entity")]
    filter: Option<String>,
    /// Fields of the entity in order, parted by commas; `-amount` falls
    #[arg(
        long,
        value_name = "FIELDS",
        requires = "entity",
        allow_hyphen_values = true,
        value_delimiter = ','
    )]
    sort: Vec<String>,
    /// Fields of the entity whose values are counted, parted by commas
    #[arg(long, value_name = "FIELDS", requires = "entity", value_delimiter = ',')]
    facets: Vec<String>,
    /// Find records that have only some of the words where none has all
    #[arg(long)]
    closest: bool,
    /// Most hits
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: u64,
    /// Hits to pass over
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    offset: u64,
}

impl Search {
    /// Searches.
    ///
    /// # Errors
    /// Those of `search.find`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        if self.settle {
            shown(&session, |session| api::call(session, "search.settle", &json!({})))?;
        }
        let answer = match (&self.similar, &self.text) {
            (Some(id), _) => {
                let of = json!({"entity": self.entity, "id": id, "limit": self.limit, "offset": self.offset});
                api::call(&session, "search.similar", &of)?
            }
            (None, Some(text)) => self.found(&session, text)?,
            (None, None) => return Ok(Ended::Done),
        };
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        tell_reading(&answer)?;
        let hits = list(&answer, "hits");
        let bold = has_colours();
        for hit in hits {
            tell(hit, bold)?;
        }
        let total = answer.get("total").and_then(Json::as_u64).unwrap_or_default();
        output::line(&format!("{} of {total}", hits.len()))?;
        Ok(Ended::Done)
    }

    fn found(&self, session: &Session, words: &str) -> Result<Json> {
        let filter = self.filter.as_deref().map(|filter| output::parse_json("filter", filter)).transpose()?;
        let request = json!({
            "text": words,
            "entity": self.entity,
            "filter": filter,
            "sort": self.sort,
            "facets": self.facets,
            "closest": self.closest,
            "limit": self.limit,
            "offset": self.offset,
        });
        api::call(session, "search.find", &request)
    }
}

/// How the text was read, where that is not as it was typed.
fn tell_reading(answer: &Json) -> Result<()> {
    let faults = list(answer, "faults");
    for fault in faults {
        let place = fault.get("place").and_then(Json::as_u64).unwrap_or_default().saturating_add(1);
        output::line(&format!("at character {place}: {}", text(fault, "rule")))?;
    }
    if !faults.is_empty() {
        output::line(&format!("read as: {}", visible(text(answer, "read_as"))))?;
    }
    if answer.get("near") == Some(&Json::Bool(true)) {
        let corrected = visible(text(answer, "corrected"));
        let words = if corrected.is_empty() { String::new() } else { format!(": {corrected}") };
        output::line(&format!("nothing is written like this; the nearest{words}"))?;
    }
    if let Some(progress) = answer.get("incomplete").filter(|progress| !progress.is_null()) {
        let count = |name| progress.get(name).and_then(Json::as_u64).unwrap_or_default();
        let (done, total, entries) = (count("done"), count("total"), count("entries"));
        let changes = format!("{entries} changes are not looked at yet");
        output::line(&format!("incomplete: {done} of {total} records are searched, {changes}"))?;
    }
    for facet in list(answer, "facets") {
        let counts = list(facet, "values").iter().map(|value| {
            let shown = value.get("value").map(|value| match value {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            });
            let count = value.get("count").and_then(Json::as_u64).unwrap_or_default();
            format!("{} {count}", visible(&shown.unwrap_or_default()))
        });
        let counts = counts.collect::<Vec<_>>().join(", ");
        output::line(&format!("{}: {counts}", visible(text(facet, "field"))))?;
    }
    Ok(())
}

/// One hit: its title and place, and below them each field that matched.
fn tell(hit: &Json, bold: bool) -> Result<()> {
    let shown = |name| visible(text(hit, name));
    output::line(&format!("{}  {} {}", shown("title"), shown("entity"), shown("id")))?;
    for highlight in list(hit, "highlights") {
        let ranges: Vec<(usize, usize)> = list(highlight, "ranges").iter().filter_map(range).collect();
        let matched = highlighted(text(highlight, "text"), &ranges, bold);
        output::line(&format!("  {}: {matched}", visible(text(highlight, "field"))))?;
    }
    Ok(())
}

/// A range of bytes, `[start, end]`.
fn range(json: &Json) -> Option<(usize, usize)> {
    let place = |number: usize| usize::try_from(json.get(number)?.as_u64()?).ok();
    Some((place(0)?, place(1)?))
}
