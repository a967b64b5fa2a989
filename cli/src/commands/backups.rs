//! `guanxi backups`: what a folder of backups holds, and which of it is no longer kept.
//!
//! Neither a database nor a key is needed: what a backup says of itself stands in clear.

use std::io;
use std::path::PathBuf;

use clap::Args;
use guanxi::base::{Clock as _, Label, SystemClock};
use guanxi::engine::{BackupCatalogue, BackupFile, BackupFolder, Rotation, RotationPolicy};
use guanxi::{Locale, Result};
use serde_json::{Value as Json, json};

use crate::exit::Ended;
use crate::host::Host;
use crate::output;
use crate::table::Table;

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Backups {
    /// Folder of the backups
    folder: PathBuf,
    /// Delete what the policy no longer keeps; never a backup that a kept one needs, nor the newest chain
    #[arg(long)]
    rotate: bool,
    /// With --rotate: say what would be deleted, and delete nothing
    #[arg(long, requires = "rotate")]
    dry_run: bool,
    /// How many of the newest full backups are kept, whatever their age
    #[arg(long, value_name = "COUNT", requires = "rotate", default_value_t = RotationPolicy::default().keep_full)]
    keep_full: u64,
    /// How many days full backups and increments are kept
    #[arg(long, value_name = "DAYS", requires = "rotate", default_value_t = RotationPolicy::default().keep_days)]
    keep_days: u64,
    /// How many days backups of keys are kept
    #[arg(long, value_name = "DAYS", requires = "rotate", default_value_t = RotationPolicy::default().keys_days)]
    keys_days: u64,
}

impl Backups {
    /// Lists the folder, or rotates it.
    ///
    /// # Errors
    /// `input.invalid_argument` for what is no folder, `storage.io`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let folder = BackupFolder::open(&self.folder)?;
        if self.rotate {
            return self.rotate(host, &folder);
        }
        let catalogue = folder.list()?;
        if host.wants_json() {
            let backups: Vec<Json> = catalogue.backups.iter().map(BackupFile::to_json).collect();
            output::json(&json!({"backups": backups, "unreadable": catalogue.unreadable}))?;
        } else {
            show(&catalogue, host.locale())?;
        }
        Ok(Ended::Done)
    }

    fn rotate(&self, host: &Host, folder: &BackupFolder) -> Result<Ended> {
        let policy = RotationPolicy {
            keep_full: self.keep_full,
            keep_days: self.keep_days,
            keys_days: self.keys_days,
        };
        let now = SystemClock.now();
        let Rotation { keep, delete } =
            if self.dry_run { folder.list()?.plan(policy, now) } else { folder.rotate(policy, now)? };
        if host.wants_json() {
            output::json(&json!({"keep": keep, "delete": delete}))?;
            return Ok(Ended::Done);
        }
        let word = match self.dry_run {
            true => Label::new("将删除", "would delete"),
            false => Label::new("已删除", "deleted"),
        };
        for name in &delete {
            output::line(&format!("{} {}", word.text(host.locale()), output::visible(name)))?;
        }
        output::line(&format!("{} {}", Label::new("保留", "kept").text(host.locale()), keep.len()))?;
        Ok(Ended::Done)
    }
}

fn show(catalogue: &BackupCatalogue, locale: Locale) -> Result<()> {
    let headings = [
        Label::new("名称", "name"),
        Label::new("类型", "kind"),
        Label::new("自", "from"),
        Label::new("至", "to"),
        Label::new("时间", "at"),
        Label::new("字节", "bytes"),
        Label::new("完整", "whole"),
    ];
    let mut table = Table::new(headings.iter().map(|heading| heading.text(locale)));
    let (yes, no) = (Label::new("是", "yes"), Label::new("否", "no"));
    for file in &catalogue.backups {
        let header = &file.header;
        let whole = if file.is_whole { &yes } else { &no };
        table.push([
            file.name.clone(),
            header.kind.name().to_owned(),
            header.from.position.to_string(),
            header.to.position.to_string(),
            header.at.to_string(),
            file.bytes.to_string(),
            whole.text(locale).to_owned(),
        ]);
    }
    table.write(io::stdout().lock())?;
    let unreadable = Label::new("无法读取", "no backup");
    for name in &catalogue.unreadable {
        output::line(&format!("{}: {}", unreadable.text(locale), output::visible(name)))?;
    }
    Ok(())
}
