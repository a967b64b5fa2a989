//! `guanxi restore`: a database made anew from backups, verified before it is put in its place.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use guanxi::base::Label;
use guanxi::engine::RestoreReport;
use guanxi::{KeyCost, Locale, RestoreOptions, RestoreSource, Result, api, restore_from};

use crate::exit::Ended;
use crate::host::Host;
use crate::secrets::{self, Asked};
use crate::{output, progress};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Restore {
    /// Directory of the database that is made
    target: PathBuf,
    /// The full backup and every increment after it, in any order; `-` is standard input. A folder of
    /// backups of one database stands for its newest whole chain and its newest backup of keys
    #[arg(required = true)]
    source: Vec<PathBuf>,
    /// The backup of the keys of persons; without it, every person's record is restored empty, that of
    /// users too
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// The last entry of the ledger that is restored
    #[arg(long, value_name = "POSITION")]
    up_to: Option<u64>,
    /// Make one more user, who administers the database, where the backup of keys and every user with it
    /// is lost; the password is in GUANXI_PASSWORD or asked for
    #[arg(long, value_name = "NAME")]
    administrator: Option<String>,
    /// Take the place of a database that stands there, which is renamed and kept
    #[arg(long)]
    replace: bool,
}

impl Restore {
    /// Restores the database.
    ///
    /// # Errors
    /// Those of `guanxi::restore_from`, and of keys.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let key = host.key(Asked::Once)?;
        let bar = progress::bar(0);
        let options = RestoreOptions::default()
            .replace(self.replace)
            .patience(progress::telling(host.patience(), &bar));
        let options = match self.up_to {
            Some(position) => options.up_to(position),
            None => options,
        };
        let options = match &self.administrator {
            Some(name) => {
                let password = secrets::password(name, host.locale(), Asked::Twice)?;
                options.administrator(name, &password, KeyCost::default())
            }
            None => options,
        };
        let sources = self.source.iter().map(|path| source(path)).collect();
        let keys = self.keys.as_deref().map(source);
        let report = restore_from(sources, keys, &key, &self.target, &options);
        bar.finish_and_clear();
        tell(&report?, host)?;
        Ok(Ended::Done)
    }
}

fn source(path: &Path) -> RestoreSource {
    match path.as_os_str() == "-" {
        true => RestoreSource::Stream(Box::new(io::stdin())),
        false => RestoreSource::Path(path.to_owned()),
    }
}

fn tell(report: &RestoreReport, host: &Host) -> Result<()> {
    warn(report, host.locale());
    if host.wants_json() {
        return output::json(&api::restore_report_to_json(report));
    }
    output::line(&format!(
        "restored to entry {} from {} backups and verified: records {}, emptied {}",
        report.restored_to.position, report.backups, report.verified.records, report.emptied
    ))?;
    if let Some(path) = &report.replaced {
        let kept = Label::new("原数据库保留在", "the database that stood there is now");
        output::line(&format!("{} {}", kept.text(host.locale()), output::visible(&path.to_string_lossy())))?;
    }
    Ok(())
}

/// Whoever forgot the backup of keys should know it before the old database is gone.
fn warn(report: &RestoreReport, locale: Locale) {
    if report.emptied > 0 {
        let text = Label::new(
            "部分个人记录已清空，因为没有其密钥：请确认提供了最新的密钥备份",
            "records of persons were emptied, for want of their keys: make sure that the newest backup of keys was given",
        );
        eprintln!("{}", text.text(locale));
    }
}
