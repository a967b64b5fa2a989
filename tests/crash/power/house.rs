//! The databases of the power cuts: how they begin, everything that is in one, and whether it is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

use guanxi::api::call;
use guanxi::engine::{BackupFolder, BackupKind, Find, Record};
use guanxi::model::{Contact, account, contact};
use guanxi::schema::EntityType;
use guanxi::{Changes, Crm, Key, Patience, RecordId, Session};
use guanxi_tests::{ADMIN, KEY, options};
use serde_json::json;

use super::disk::{Tree, read, write};
use super::recording::folder;

/// Where the database lies in its folder.
pub const HOUSE: &str = "house.guanxi";
/// Where its backups lie.
pub const BACKUPS: &str = "backups";
/// The name of the record that only the database has, and no backup.
pub const LATE: &str = "after the backup";
/// A content that lies in a file of its own.
pub const LARGE: usize = 70_000;

/// What a check found wrong.
pub type Checked<T = ()> = Result<T, String>;

pub fn ensure(holds: bool, what: &str) -> Checked {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

pub fn said<E: std::fmt::Debug>(what: &str) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error:?}")
}

/// Everything that is in a database.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Content {
    pub records: BTreeMap<(String, RecordId), Record>,
    /// The attachments of contacts, read whole: by the name of the contact.
    pub attachments: BTreeMap<String, Vec<Vec<u8>>>,
    /// What writers have added: their contacts' names, which are in no other part of this.
    pub written: BTreeSet<String>,
}

impl Content {
    /// What another content has less or more, in short.
    pub fn difference(&self, other: &Self) -> String {
        let missing = self.records.iter().filter(|(key, _)| !other.records.contains_key(*key));
        let added = other.records.iter().filter(|(key, _)| !self.records.contains_key(*key));
        let changed = self
            .records
            .iter()
            .filter(|(key, record)| other.records.get(*key).is_some_and(|now| now != *record));
        let (missing, added, changed) = (missing.count(), added.count(), changed.count());
        let files = (self.attachments.len(), other.attachments.len());
        format!("{missing} missing, {added} more, {changed} changed; persons with files {files:?}")
    }

    /// The same without the records of some names.
    pub fn without(&self, name: &str) -> Self {
        let mut content = self.clone();
        content.records.retain(|_, record| !format!("{record:?}").contains(name));
        content
    }
}

/// Opens a database with little memory for pages.
pub fn open(path: &Path, key: &[u8; 32]) -> guanxi::Result<Crm> {
    options().cache_bytes(1 << 18).key(Key::raw(*key)).open(path)
}

/// Opens and verifies a database.
pub fn opened(path: &Path, key: &[u8; 32]) -> Checked<Session> {
    let crm = open(path, key).map_err(said("does not open"))?;
    crm.verify(&Patience::default()).map_err(said("does not verify"))?;
    crm.session_for(ADMIN).map_err(said("has no administrator"))
}

pub fn content(session: &Session) -> Checked<Content> {
    let mut content = Content::default();
    for entity in session.crm().registry().entities() {
        let find = Find { limit: 5_000, ..Find::default() };
        let page = session.list(&entity.api_name, &find).map_err(said("does not list"))?;
        for row in page.rows {
            let title = row.title();
            let person = entity.api_name == Contact::NAME;
            if person {
                let files = attachments(session, row.record.id)?;
                if !files.is_empty() {
                    content.attachments.insert(title.clone(), files);
                }
            }
            if person && (title.starts_with("thread ") || title.starts_with("gone ")) {
                content.written.insert(title);
            } else {
                content.records.insert((entity.api_name.clone(), row.record.id), row.record);
            }
        }
    }
    Ok(content)
}

fn attachments(session: &Session, person: RecordId) -> Checked<Vec<Vec<u8>>> {
    let listed = session.attachments(Contact::NAME, person).map_err(said("attachments"))?;
    let mut files = Vec::new();
    for attachment in listed {
        let mut reader =
            session.read_attachment(Contact::NAME, person, attachment.id).map_err(said("attachment"))?;
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(said("attachment"))?;
        files.push(bytes);
    }
    Ok(files)
}

/// The ledger as an administrator reads it, without the entries of after a position.
pub fn ledger(session: &Session, until: u64) -> Checked<String> {
    let listed = call(session, "ledger.list", &json!({"limit": 1_000})).map_err(said("ledger"))?;
    let entries = listed["entries"].as_array().cloned().unwrap_or_default();
    let entries: Vec<_> = entries
        .into_iter()
        .filter(|entry| entry["position"].as_u64().is_some_and(|position| position <= until))
        .collect();
    Ok(json!(entries).to_string())
}

/// One more record, which a later open finds.
pub fn goes_on(path: &Path, key: &[u8; 32]) -> Checked {
    let session = opened(path, key)?;
    let made = session.write(|transaction| transaction.create(account::named("goes on")));
    let id = made.map_err(said("cannot be written"))?.id();
    drop(session);
    let session = opened(path, key)?;
    session.get("account", id).map(drop).map_err(said("has lost what was written after the crash"))
}

/// A folder with a database of a few records and files, and backups of it that end before the last of them.
pub fn furnished() -> &'static (Tree, Content) {
    static MADE: OnceLock<(Tree, Content)> = OnceLock::new();
    MADE.get_or_init(|| {
        let home = folder();
        let path = home.path().join(HOUSE);
        fs::create_dir(home.path().join(BACKUPS)).unwrap();
        let session = options().create(&path).unwrap().session_for(ADMIN).unwrap();
        let person = fill(&session);
        let backups = BackupFolder::open(home.path().join(BACKUPS)).unwrap();
        session.backup_to(&backups, BackupKind::Full).unwrap();
        let change = Changes::new().set("phone", "13812345678");
        session
            .write(|transaction| transaction.update_record(Contact::NAME, person, change.clone()))
            .unwrap();
        session.backup_to(&backups, BackupKind::Incremental).unwrap();
        session.backup_to(&backups, BackupKind::Keys).unwrap();
        session.write(|transaction| transaction.create(account::named(LATE))).unwrap();
        let content = content(&session).unwrap();
        drop(session);
        (read(home.path()), content)
    })
}

/// Two accounts, two persons, a small attachment and a large one.
fn fill(session: &Session) -> RecordId {
    let person = session
        .write(|transaction| {
            let firm = transaction.create(account::named("上海加喜企业服务有限公司"))?;
            transaction.create(account::named("Kunstdorf"))?;
            transaction.create(contact::named("Ottokar"))?;
            transaction.create(contact::named("林先生").with(contact::ACCOUNT, firm))
        })
        .unwrap();
    for (number, length) in [(1, 900), (2, LARGE as u64)] {
        let mut bytes = std::io::repeat(number).take(length);
        session.attach(Contact::NAME, person.id(), "file", "text/plain", &mut bytes).unwrap();
    }
    person.id()
}

/// The house as its backups have it.
pub fn backed_up() -> Content {
    furnished().1.without(LATE)
}

/// A folder that holds a tree.
pub fn placed(tree: &Tree) -> tempfile::TempDir {
    let home = folder();
    write(tree, home.path());
    home
}

/// The house with its usual key.
pub fn house(root: &Path) -> Checked<Content> {
    content(&opened(&root.join(HOUSE), &KEY)?)
}
