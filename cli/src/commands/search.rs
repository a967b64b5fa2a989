//! `guanxi search`: records by words, parts of words and sounds, with what matched.

use std::path::PathBuf;

use clap::Args;
use guanxi::{Result, api};
use serde_json::{Value as Json, json};

use crate::commands::{list, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, has_colours, highlighted, visible};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Search {
    /// Directory of the database
    path: PathBuf,
    /// What to look for
    text: String,
    /// Search this entity alone
    #[arg(long, value_name = "ENTITY")]
    entity: Option<String>,
    /// Most hits
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: u64,
}

impl Search {
    /// Searches.
    ///
    /// # Errors
    /// Those of `search.find`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let request = json!({"text": self.text, "entity": self.entity, "limit": self.limit});
        let answer = api::call(&session, "search.find", &request)?;
        if host.wants_json() {
            output::json(&answer)?;
            return Ok(Ended::Done);
        }
        let hits = list(&answer, "hits");
        let bold = has_colours();
        for hit in hits {
            tell(hit, bold)?;
        }
        let total = answer.get("total").and_then(Json::as_u64).unwrap_or_default();
        output::line(&format!("{} of {total}", hits.len()))?;
        Ok(Ended::Done)
    }
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
