//! The methods that need no session, since no database is open: they make, restore, salvage and upgrade
//! databases, and look at backups. What they may do is the host's to decide, for whoever holds a key and the
//! files may do everything.
//!
//! Their secrets stand in the JSON of the call as those of `key.add` do. What takes long tells its progress
//! to the listener of the call's patience.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::api::declare::{Secret, methods};
use crate::api::json::{restore_report_to_json, with};
use crate::api::{salvage_report_to_json, salvage_to_folder};
use crate::base::{Code, Error, Result};
use crate::engine::{
    BackupHeader, Key, KeyCost, Options, RestoreOptions, RestoreSource, Settings, UpgradePolicy,
    header_to_json, open_backup, restore_from, verify_backup,
};
use crate::model::Trade;

use super::keys::key_from_json;

methods! {
    /// Creates a database with the built-in model and its first user, who administers it.
    "database.create" without_session (_patience, given: CreateDatabase {
        /// The directory that is made, by custom `name.guanxi`.
        path: String,
        /// The key that will open it, in the form of `key.add`.
        key: Secret<Map<String, Json>>,
        /// Name of the first user.
        administrator_name: String,
        /// Password of the first user, at least 8 characters.
        administrator_password: Secret<String>,
        /// ISO 4217 code of amounts that name no currency; CNY if not said.
        currency: Option<String>,
        /// IANA name of the zone in which days begin and end; Asia/Shanghai if not said.
        time_zone: Option<String>,
    }) -> "{path, identity}" {
        let usual = Settings::default();
        let settings = Settings {
            base_currency: given.currency.clone().unwrap_or_else(|| usual.base_currency.clone()),
            time_zone: given.time_zone.clone().unwrap_or_else(|| usual.time_zone.clone()),
            ..usual
        };
        let options = options(key_from_json("key", &given.key)?).settings(settings);
        let options = options.administrator(&given.administrator_name, &given.administrator_password);
        let made = options.create(&given.path)?;
        Ok(json!({"path": given.path, "identity": made.identity().to_string()}))
    }

    /// Upgrades a database that an older engine wrote to the newest format. `upgraded_from` is the old
    /// format, and null where there was nothing to do.
    "database.upgrade" without_session (patience, given: UpgradeDatabase {
        /// The directory of the database, which nobody has open.
        path: String,
        /// A key that opens it, in the form of `key.add`.
        key: Secret<Map<String, Json>>,
        /// Whether its files are copied first, to `PATH.format-` and the old number; true if not said.
        copy: Option<bool>,
    }) -> "{upgraded_from}" {
        patience.check()?;
        let policy = match given.copy {
            Some(false) => UpgradePolicy::WithoutSnapshot,
            _ => UpgradePolicy::Snapshot,
        };
        let opened = options(key_from_json("key", &given.key)?).upgrade(policy).open(&given.path)?;
        Ok(json!({"upgraded_from": opened.recovery().upgraded_from}))
    }

    /// Reads what is left of a damaged database, and changes nothing of its files: JSON Lines for each entity
    /// and for the ledger, attachments, and a report.
    "database.salvage" without_session (patience, given: SalvageDatabase {
        /// The directory of the damaged database, which nobody has open.
        path: String,
        /// A key that opened it, in the form of `key.add`.
        key: Secret<Map<String, Json>>,
        /// The folder that is made.
        folder: String,
    }) -> "{whole, way, header_broken, has_registry, records, uncertain_records, lost_record_rows, withheld_records, entries, lost_entries, broken_entries, chain_breaks, attachments, lost_attachments, journal, keys_of_persons, lost_pages, losses}" {
        let key = key_from_json("key", &given.key)?;
        let report = salvage_to_folder(&given.path, &key, &given.folder, patience)?;
        Ok(salvage_report_to_json(&report))
    }

    /// Restores a database from backups, and verifies it whole before it is put in its place. Whatever goes
    /// wrong, the place is left as it was. Without the backup of keys, the records of persons come back empty.
    "backup.restore" without_session (patience, given: RestoreBackup {
        /// The directory of the database that is made.
        path: String,
        /// The full backup and every increment after it, in any order; or a folder with the backups of one
        /// database, for its newest whole chain and its newest backup of keys.
        sources: Vec<Json>,
        /// A key that opened the database when the newest of them was made, in the form of `key.add`.
        key: Secret<Map<String, Json>>,
        /// The backup of the keys of persons.
        keys: Option<String>,
        /// What opens the backup of keys, if that is another key.
        key_of_keys: Option<Secret<Map<String, Json>>>,
        /// The last entry of the ledger that is restored.
        up_to: Option<u64>,
        /// Takes the place of a database that stands there, which is renamed and kept.
        replace: Option<bool>,
        /// Name of one more user, who administers the database, for when the backup of keys is lost and every
        /// user with it.
        administrator_name: Option<String>,
        /// Password of that user, at least 8 characters.
        administrator_password: Option<Secret<String>>,
    }) -> "{restored_to, backups, records, keys, emptied, attachments_left_out, replaced}" {
        let key = key_from_json("key", &given.key)?;
        let sources = given.sources.iter().map(|source| {
            let refused = || Error::new(Code::InvalidArgument).field("sources").rule("a list of paths");
            source.as_str().map(path).ok_or_else(refused)
        });
        let sources = sources.collect::<Result<_>>()?;
        let options = restore_options(&given)?.patience(patience.clone());
        let report = restore_from(sources, given.keys.as_deref().map(path), &key, &given.path, &options)?;
        Ok(restore_report_to_json(&report))
    }

    /// Tells what a backup says of itself, which stands in clear and is not proved.
    "backup.inspect" without_session (_patience, given: InspectBackup {
        /// The file.
        file: String,
    }) -> "{kind, id, database, from, to, at, key}" {
        Ok(header_to_json(&BackupHeader::read(&mut open_backup("file", Path::new(&given.file))?)?))
    }

    /// Reads a backup from end to end: every byte of it is then as it was written.
    "backup.verify" without_session (patience, given: VerifyBackup {
        /// The file.
        file: String,
        /// A key that opened the database when it was made, in the form of `key.add`.
        key: Secret<Map<String, Json>>,
    }) -> "{kind, id, database, from, to, at, key, bytes, records, persons, entries, attachment_rows, files, subject_keys}" {
        let key = key_from_json("key", &given.key)?;
        let report = verify_backup(&mut open_backup("file", Path::new(&given.file))?, &key, patience)?;
        let counts = report.counts;
        Ok(with(header_to_json(&report.header), [
            ("bytes", json!(report.bytes)),
            ("records", json!(counts.records)),
            ("persons", json!(counts.persons)),
            ("entries", json!(counts.entries)),
            ("attachment_rows", json!(counts.attachments)),
            ("files", json!(counts.files)),
            ("subject_keys", json!(counts.keys)),
        ]))
    }
}

fn options(key: Key) -> Options {
    Options::default().extension(Arc::new(Trade)).key(key)
}

fn restore_options(given: &RestoreBackup) -> Result<RestoreOptions> {
    let mut options = RestoreOptions::default().replace(given.replace.unwrap_or(false));
    if let Some(position) = given.up_to {
        options = options.up_to(position);
    }
    if let Some(key) = &given.key_of_keys {
        options = options.key_of_keys(key_from_json("key_of_keys", key)?);
    }
    let missing = |field: &str| Err(Error::new(Code::MissingParameter).field(field));
    match (&given.administrator_name, &given.administrator_password) {
        (None, None) => Ok(options),
        (Some(name), Some(password)) => Ok(options.administrator(name, password, KeyCost::default())),
        (None, Some(_)) => missing("administrator_name"),
        (Some(_), None) => missing("administrator_password"),
    }
}

fn path(text: &str) -> RestoreSource {
    RestoreSource::Path(PathBuf::from(text))
}
