//! `guanxi purge`: records that were deleted long enough ago go for good.

use std::path::PathBuf;

use clap::Args;
use guanxi::base::Label;
use guanxi::{Result, Session};
use serde_json::json;

use crate::exit::Ended;
use crate::host::Host;
use crate::{output, progress};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Purge {
    /// Directory of the database
    path: PathBuf,
    /// Say how many records would go, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Purge {
    /// Purges the records that the settings no longer keep. One that was cut off is gone on with.
    ///
    /// # Errors
    /// Those of `record.purge`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let purged = progress::shown(&session, |session: &Session| session.purge_deleted(self.dry_run))?;
        if host.wants_json() {
            let told = purged.iter().map(|entity| {
                json!({
                    "entity": entity.entity, "until": entity.until.to_string(), "records": entity.records,
                    "locked": entity.locked, "held": entity.held,
                })
            });
            output::json(&json!({"entities": told.collect::<Vec<_>>()}))?;
            return Ok(Ended::Done);
        }
        let said = match self.dry_run {
            true => Label::new("将清除", "would go"),
            false => Label::new("已清除", "purged"),
        };
        let said = said.text(host.locale());
        let (locked, held) = (Label::new("已锁定", "locked"), Label::new("保全中", "held"));
        for entity in &purged {
            let (locked, held) = (locked.text(host.locale()), held.text(host.locale()));
            output::line(&format!(
                "{}: {said} {}, {locked} {}, {held} {}",
                entity.entity, entity.records, entity.locked, entity.held
            ))?;
        }
        Ok(Ended::Done)
    }
}
