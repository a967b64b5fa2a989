//! `guanxi restore`: a database made anew from backups, verified before it is put in its place.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use guanxi::base::Label;
use guanxi::engine::{BackupFolder, RestoreReport};
use guanxi::{Code, Error, KeyCost, Locale, RestoreOptions, Result};
use serde_json::json;

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

/// Files to read from.
struct Sources {
    data: Vec<Box<dyn Read>>,
    keys: Option<Box<dyn Read>>,
}

impl Restore {
    /// Restores the database.
    ///
    /// # Errors
    /// Those of `guanxi::restore`, and of keys.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let mut sources = self.sources()?;
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
        let data = sources.data.iter_mut().map(|source| source as &mut dyn Read).collect();
        let keys = sources.keys.as_mut().map(|keys| keys as &mut dyn Read);
        let report = guanxi::restore(data, keys, &key, &self.target, &options)?;
        bar.finish_and_clear();
        tell(&report, host)?;
        Ok(Ended::Done)
    }

    fn sources(&self) -> Result<Sources> {
        let mut sources = Sources { data: Vec::new(), keys: None };
        for path in &self.source {
            match path.is_dir() {
                true => self.add_folder(path, &mut sources)?,
                false => sources.data.push(opened(path)?),
            }
        }
        if let Some(keys) = &self.keys {
            sources.keys = Some(opened(keys)?);
        }
        Ok(sources)
    }

    fn add_folder(&self, path: &Path, sources: &mut Sources) -> Result<()> {
        let folder = BackupFolder::open(path)?;
        let catalogue = folder.list()?;
        let mut databases: Vec<[u8; 16]> =
            catalogue.backups.iter().map(|file| file.header.database).collect();
        databases.dedup();
        let refused = |rule: &str| Error::new(Code::BackupChain).rule(rule).value(&path.to_string_lossy());
        let [database] = databases.as_slice() else {
            return Err(refused("a folder with the backups of one database"));
        };
        let chain = catalogue.chain(database, self.up_to);
        if chain.is_empty() {
            return Err(refused("a folder with a whole chain of backups"));
        }
        for file in chain {
            sources.data.push(Box::new(folder.read(file)?));
        }
        if let Some(file) = catalogue.newest_keys(database) {
            sources.keys = Some(Box::new(folder.read(file)?));
        }
        Ok(())
    }
}

fn opened(path: &Path) -> Result<Box<dyn Read>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let failed =
        |error: io::Error| Error::new(Code::Io).field("source").value(&path.to_string_lossy()).because(error);
    Ok(Box::new(File::open(path).map_err(failed)?))
}

fn tell(report: &RestoreReport, host: &Host) -> Result<()> {
    let replaced = report.replaced.as_ref().map(|path| path.to_string_lossy());
    warn(report, host.locale());
    if host.wants_json() {
        return output::json(&json!({
            "restored_to": report.restored_to.position,
            "backups": report.backups,
            "records": report.verified.records,
            "keys": report.keys,
            "emptied": report.emptied,
            "attachments_left_out": report.attachments_left_out,
            "replaced": replaced,
        }));
    }
    output::line(&format!(
        "restored to entry {} from {} backups and verified: records {}, emptied {}",
        report.restored_to.position, report.backups, report.verified.records, report.emptied
    ))?;
    if let Some(path) = replaced {
        let kept = Label::new("原数据库保留在", "the database that stood there is now");
        output::line(&format!("{} {}", kept.text(host.locale()), output::visible(&path)))?;
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
