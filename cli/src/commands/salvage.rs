//! `guanxi salvage`: what can still be read of a damaged database, as files that other programs read.

use std::path::PathBuf;

use clap::Args;
use guanxi::base::Label;
use guanxi::engine::SalvageReport;
use guanxi::{Result, api};

use crate::exit::Ended;
use crate::host::Host;
use crate::secrets::Asked;
use crate::{output, progress};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Salvage {
    /// Directory of the damaged database, which is not changed and which nobody may have open
    path: PathBuf,
    /// Folder to make: JSON Lines for each entity and the ledger, attachments, and a report
    folder: PathBuf,
}

impl Salvage {
    /// Salvages. Whoever has the key may read everything, so nobody signs in.
    ///
    /// # Errors
    /// Those of `salvage_to_folder`, and of keys.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let key = host.key(Asked::Once)?;
        let bar = progress::bar(0);
        let patience = progress::telling(host.patience(), &bar);
        let report = api::salvage_to_folder(&self.path, &key, &self.folder, &patience);
        bar.finish_and_clear();
        let report = report?;
        if host.wants_json() {
            output::json(&api::salvage_report_to_json(&report))?;
        } else {
            tell(host, &report)?;
        }
        Ok(if report.is_whole() { Ended::Done } else { Ended::DoneInPart })
    }
}

fn tell(host: &Host, report: &SalvageReport) -> Result<()> {
    let line = |zh: &str, en: &str, found: u64, lost: u64| {
        let lost_word = Label::new("最多丢失", "lost at most");
        let (name, lost_word) = (Label::new(zh, en), lost_word.text(host.locale()).to_owned());
        output::line(&format!("{}: {found}, {lost_word} {lost}", name.text(host.locale())))
    };
    let records = report.records.saturating_add(report.uncertain_records);
    line("记录", "records", records, report.lost_record_rows)?;
    line("账本条目", "entries of the ledger", report.entries, report.lost_entries)?;
    line("附件", "attachments", report.attachments, report.lost_attachments)?;
    let pages = Label::new("丢失的页", "lost pages");
    output::line(&format!("{}: {}", pages.text(host.locale()), report.losses.len()))?;
    let breaks = Label::new("账本链断点", "breaks of the ledger's chain");
    output::line(&format!("{}: {}", breaks.text(host.locale()), report.chain_breaks))?;
    if report.uncertain_records > 0 {
        let text = Label::new("可能不是最新版本的记录", "records that may not be the newest version");
        output::line(&format!("{}: {}", text.text(host.locale()), report.uncertain_records))?;
    }
    Ok(())
}
