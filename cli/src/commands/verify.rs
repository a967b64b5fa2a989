//! `guanxi verify`: the whole database against itself, with its progress.

use std::path::PathBuf;

use clap::Args;
use guanxi::engine::{Action, VerifyReport};
use guanxi::{Result, Session, api};
use serde_json::Value as Json;

use crate::exit::Ended;
use crate::host::Host;
use crate::{output, progress};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Verify {
    /// Directory of the database
    path: PathBuf,
}

impl Verify {
    /// Verifies the database.
    ///
    /// # Errors
    /// Those of `ledger.verify`, naming the first place that is wrong.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        if host.wants_json() {
            output::json(&api::call(&session, "ledger.verify", &Json::Null)?)?;
        } else {
            tell(&verify(&session)?)?;
        }
        Ok(Ended::Done)
    }
}

/// As the method does it, but with progress, which a method cannot give.
fn verify(session: &Session) -> Result<VerifyReport> {
    session.check_may("sys.role", Action::Administer)?;
    let bar = progress::bar(0);
    let report = session.crm().verify(session.patience(), &mut |so_far| {
        bar.set_length(so_far.of_entries);
        bar.set_position(so_far.entries);
        bar.set_message(so_far.records.to_string());
    });
    bar.finish_and_clear();
    report
}

fn tell(report: &VerifyReport) -> Result<()> {
    let hash: String = report.head.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    output::line(&format!(
        "no fault: entries {}, forgotten {}, records {}, derived_keys {}, attachments {}",
        report.entries, report.forgotten, report.records, report.derived_keys, report.attachments
    ))?;
    output::line(&format!("head {} {hash}", report.head.position))
}
