//! `guanxi compact`: the file with all records written anew, without gaps.

use std::path::PathBuf;

use clap::Args;
use guanxi::base::Label;
use guanxi::engine::CopyReport;
use guanxi::{Result, Session};
use serde_json::json;

use crate::exit::Ended;
use crate::host::Host;
use crate::{output, progress};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Compact {
    /// Directory of the database
    path: PathBuf,
}

impl Compact {
    /// Compacts the database. One that was cut off is gone on with.
    ///
    /// # Errors
    /// Those of `database.compact`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        tell(host, &progress::shown(&session, Session::compact)?)?;
        Ok(Ended::Done)
    }
}

/// What writing everything anew came to.
pub fn tell(host: &Host, report: &CopyReport) -> Result<()> {
    let CopyReport { rows, bytes_before, bytes_after } = report;
    if host.wants_json() {
        return output::json(
            &json!({"rows": rows, "bytes_before": bytes_before, "bytes_after": bytes_after}),
        );
    }
    let done = Label::new("重写完成", "written anew");
    let text = done.text(host.locale());
    output::line(&format!("{text}: rows {rows}, bytes {bytes_before} -> {bytes_after}"))
}
