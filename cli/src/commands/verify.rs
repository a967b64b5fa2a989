//! `guanxi verify`: the whole database against itself, with its progress.

use std::path::PathBuf;

use clap::Args;
use guanxi::engine::{Head, QuickReport, VerifyReport};
use guanxi::{Result, api};
use serde_json::json;

use crate::exit::Ended;
use crate::host::Host;
use crate::{output, progress};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Verify {
    /// Directory of the database
    path: PathBuf,
    /// Only read every row and follow the ledger's chain; compare nothing else
    #[arg(long)]
    quick: bool,
}

impl Verify {
    /// Verifies the database.
    ///
    /// # Errors
    /// Those of `database.verify`, naming the first place that is wrong.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let mode = if self.quick { "quick" } else { "full" };
        if host.wants_json() {
            output::json(&api::call(&session, "database.verify", &json!({"mode": mode}))?)?;
        } else if self.quick {
            tell_quick(&progress::shown(&session, guanxi::Session::verify_quickly)?)?;
        } else {
            tell(&progress::shown(&session, guanxi::Session::verify)?)?;
        }
        Ok(Ended::Done)
    }
}

fn tell(report: &VerifyReport) -> Result<()> {
    output::line(&format!(
        "no fault: entries {}, forgotten {}, records {}, derived_keys {}, attachments {}",
        report.entries, report.forgotten, report.records, report.derived_keys, report.attachments
    ))?;
    tell_head(report.head)
}

fn tell_quick(report: &QuickReport) -> Result<()> {
    output::line(&format!("no fault: entries {}, rows {}", report.entries, report.rows))?;
    tell_head(report.head)
}

fn tell_head(head: Head) -> Result<()> {
    let hash: String = head.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    output::line(&format!("head {} {hash}", head.position))
}
