//! `guanxi privacy`: what people agreed to, what must be kept, what must go, and what is to be shown of it.

use clap::{Args, Subcommand};
use guanxi::Result;

use crate::commands::compliance::{Consent, Discover, Hold, Report, Retention};
use crate::exit::Ended;
use crate::host::Host;

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Privacy {
    #[command(subcommand)]
    work: Work,
}

/// What is done.
#[derive(Debug, Subcommand)]
enum Work {
    /// Record what a person said on the use of their data, list it, or ask whether data may be used
    Consent(Consent),
    /// Place, release and list legal holds
    Hold(Hold),
    /// Tell what rules of retention would remove, or remove it
    Retention(Retention),
    /// Write the report of compliance
    Report(Report),
    /// Find personal data in texts of fields that are not declared to have any
    Discover(Discover),
}

impl Privacy {
    /// Does it, and writes the answer.
    ///
    /// # Errors
    /// Those of the named methods.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            Work::Consent(consent) => consent.run(host),
            Work::Hold(hold) => hold.run(host),
            Work::Retention(retention) => retention.run(host),
            Work::Report(report) => report.run(host),
            Work::Discover(discover) => discover.run(host),
        }
    }
}
