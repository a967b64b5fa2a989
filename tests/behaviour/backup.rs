//! Backups: sealed, whole or refused, restored to what was, up to any entry; and what a folder keeps.

mod chain;
mod folder;
mod persons;
mod scheduled;
mod streams;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use guanxi::engine::{BackupHeader, BackupScope, Find, Record, RestoreReport};
use guanxi::{Crm, Key, RecordId, RestoreOptions, Result, Session};
use guanxi_tests::{House, KEY, options};

/// A full backup, and what it says of itself.
pub fn full(session: &Session) -> (Vec<u8>, BackupHeader) {
    let mut bytes = Vec::new();
    let report = session.backup(&mut bytes, BackupScope::Everything).unwrap();
    assert_eq!(report.bytes, u64::try_from(bytes.len()).unwrap());
    (bytes, report.header)
}

/// What changed since another backup.
pub fn since(session: &Session, before: &BackupHeader) -> (Vec<u8>, BackupHeader) {
    let mut bytes = Vec::new();
    let report = session.backup(&mut bytes, BackupScope::Since(before)).unwrap();
    (bytes, report.header)
}

/// The keys of persons.
pub fn keys(session: &Session) -> Vec<u8> {
    let mut bytes = Vec::new();
    session.backup_keys(&mut bytes).unwrap();
    bytes
}

/// Restores to a path.
pub fn restored(
    backups: &[&[u8]],
    keys: Option<&[u8]>,
    path: &Path,
    options: &RestoreOptions,
) -> Result<RestoreReport> {
    let mut readers = backups.to_vec();
    let sources = readers.iter_mut().map(|reader| reader as &mut dyn Read).collect();
    let mut keys = keys;
    let keys = keys.as_mut().map(|keys| keys as &mut dyn Read);
    guanxi::restore(sources, keys, &Key::raw(KEY), path, options)
}

/// Restores beside the house, and opens what came out.
pub fn opened(house: &House, backups: &[&[u8]], keys: Option<&[u8]>) -> (RestoreReport, Crm, PathBuf) {
    let path = house.folder().join("restored.guanxi");
    let report = restored(backups, keys, &path, &RestoreOptions::default()).unwrap();
    (report, options().open(&path).unwrap(), path)
}

/// Every record that stands, by entity, as lists give it.
pub fn state(session: &Session) -> BTreeMap<(String, RecordId), Record> {
    let mut all = BTreeMap::new();
    for entity in session.crm().registry().entities() {
        let find = Find { limit: 10_000, ..Find::default() };
        for row in session.list(&entity.api_name, &find).unwrap().rows {
            all.insert((entity.api_name.clone(), row.record.id), row.record);
        }
    }
    all
}

/// What stands in the folder of the house.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
