//! A person who was erased is in no byte that the holder of the key can read: not in the tables, used or freed, nor in
//! the journal, the keys, the index and the attachments.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::super::feed::Feed;
use crate::base::{Date, Label, ManualClock, Patience, RecordId, Timestamp, Value, fold};
use crate::engine::{
    BackupScope, Changes, Condition, Crm, Extension, Key, KeyCost, Options, Registrar, RestoreOptions,
    Session, WriteOptions, everything, restore,
};
use crate::schema::{
    CounterDefinition, EntityDefinition, FieldDefinition, FieldType, IndexDefinition, Privacy, SearchClass,
};

const PERSON: &str = "house.person";
/// What is kept of the person, as nobody else has it.
const NAME: &str = "龘靐齉 Quirinius Zxyvanthorpe";
const OTHER_NAME: &str = "Wilhelmgard Qjokkmokk";
const PHONE: &str = "+8613987654321";
const EMAIL: &str = "qzx.vanthorpe@zwyrlon.example";
const CITY: &str = "Ylvabrunnkvistad";
const NOTE: &str = "Kxwelldorbin Süßmützenträger 2026";
const TAG: &str = "tag-qwzjxkvy";
const OUTSIDE: &str = "erp-zzqxkwvj-77";
const FILE: &str = "pqzwxyvkj attached content";
const WHOLE: [&str; 9] = [NAME, OTHER_NAME, PHONE, EMAIL, CITY, NOTE, TAG, OUTSIDE, FILE];
/// How many bytes of a value are too many.
const PIECE: usize = 8;

struct House;

impl Extension for House {
    fn id(&self) -> &str {
        "house"
    }

    fn declare(&self, registrar: &mut Registrar) -> crate::base::Result<()> {
        let field = |local, name: &str, kind, search| {
            let field = FieldDefinition::new("house", local, name, Label::new("字段", name), kind);
            FieldDefinition { search, ..field.with_privacy(Privacy::Personal) }
        };
        let title = field(1, "name", FieldType::Text, Some(SearchClass::Title));
        registrar.entity(EntityDefinition {
            namespace: "house".to_owned(),
            local: 1,
            name: "person".to_owned(),
            label: Label::new("人", "Person"),
            title: "name".to_owned(),
            data_subject: true,
            fields: vec![
                FieldDefinition { indexed: true, translatable: true, ..title },
                field(2, "phone", FieldType::Phone, Some(SearchClass::Phone)),
                FieldDefinition {
                    unique: true,
                    ..field(3, "email", FieldType::Email, Some(SearchClass::Email))
                },
                field(4, "city", FieldType::Text, Some(SearchClass::Code)),
                field(5, "note", FieldType::Text, Some(SearchClass::Body)),
                field(6, "born", FieldType::Date, None),
            ],
            indexes: vec![IndexDefinition::new("house", 1, "by_city").rising("city").falling("name")],
            counters: vec![CounterDefinition::new("house", 1, "of_birth", &["born"])],
            temporal_index: true,
            ..EntityDefinition::default()
        });
        Ok(())
    }
}

fn key() -> Key {
    Key::raw([7; 32])
}

fn options() -> Options {
    Options::default()
        .key(key())
        .key_cost(KeyCost { memory_kib: 64, passes: 1, lanes: 1 })
        .administrator("admin", "a long password")
        .extension(Arc::new(House))
        .clock(Arc::new(ManualClock::at(Timestamp::from_micros(1_795_000_000_000_000))))
        .trust_host()
}

/// Every piece of every value as it is written, folded, and in both byte orders of UTF-16.
fn pieces() -> HashSet<[u8; PIECE]> {
    let mut all = HashSet::new();
    for value in WHOLE {
        for text in [value.to_owned(), fold(value), value.to_lowercase(), value.to_uppercase()] {
            let wide: Vec<u16> = text.encode_utf16().collect();
            let little: Vec<u8> = wide.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let big: Vec<u8> = wide.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            for bytes in [text.into_bytes(), little, big] {
                all.extend(bytes.windows(PIECE).map(|piece| <[u8; PIECE]>::try_from(piece).unwrap()));
            }
        }
    }
    all
}

fn found_in(text: &[u8], pieces: &HashSet<[u8; PIECE]>) -> usize {
    text.windows(PIECE).filter(|piece| pieces.contains(*piece)).count()
}

/// How many pieces the holder of the key finds in the files of a closed database.
fn readable(path: &Path) -> usize {
    let pieces = pieces();
    everything(path, &key()).unwrap().iter().map(|text| found_in(text, &pieces)).sum()
}

/// How many pieces stand in clear in any file under a folder.
fn raw(path: &Path) -> usize {
    let pieces = pieces();
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: std::path::PathBuf| match path.is_dir() {
        true => raw(&path),
        false => found_in(&fs::read(path).unwrap(), &pieces),
    };
    entries.map(of).sum()
}

fn in_index(crm: &Crm) -> usize {
    let feed = Feed::of(crm).unwrap();
    let state = feed.caught_up(crm, &Patience::default()).unwrap();
    let terms = state.index.terms();
    // Terms of fragments are shorter than a piece.
    let pieces =
        ["zxyvanthorpe", "qjokkmokk", "13987654321", "zwyrlon", "ylvabrunnkvistad", "kxwelldorbin", "靐齉"];
    let holds = |term: &[u8], piece: &str| {
        term.windows(piece.len()).any(|part| part.eq_ignore_ascii_case(piece.as_bytes()))
    };
    pieces.iter().filter(|piece| terms.iter().any(|term| holds(term, piece))).count()
}

/// A person with everything that the engine may keep of one, changed and read and searched for.
fn person(session: &Session) -> RecordId {
    let changes = Changes::new()
        .set("name", OTHER_NAME)
        .set("phone", "13987654321")
        .set("email", EMAIL)
        .set("city", CITY)
        .set("note", NOTE)
        .set("born", Date::new(1987, 6, 5).unwrap())
        .tags(vec![TAG.to_owned()])
        .external_id("erp", OUTSIDE)
        .original(OTHER_NAME, Timestamp::from_micros(1_700_000_000_000_000));
    let id = session.write(|transaction| transaction.create_record(PERSON, changes.clone())).unwrap();
    let renamed = Changes::new().set("name", NAME).translate("name", "de", Some(OTHER_NAME));
    session.write(|transaction| transaction.update_record(PERSON, id, renamed.clone())).unwrap();
    session.attach(PERSON, id, &format!("{OTHER_NAME}.txt"), "text/plain", &mut FILE.as_bytes()).unwrap();
    let large = FILE.repeat(10_000);
    session.attach(PERSON, id, "large.txt", "text/plain", &mut large.as_bytes()).unwrap();
    let proposed = [("note", Value::from(OTHER_NAME))];
    session.propose_correction(PERSON, id, &proposed, NAME).unwrap();
    assert_eq!(session.search("Zxyvanthorpe", None, 5, 0).unwrap().total, 1);
    id
}

#[test]
fn an_erased_person_is_in_no_byte_that_the_holder_of_the_key_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let crm = options().create(&path).unwrap();
    let session = crm.session_for("admin").unwrap();
    // Others, so that neither tables nor index are empty without the person, and so many that they go to the
    // files of the index and do not wait in memory.
    for hundred in 0..15 {
        let create = |transaction: &mut crate::engine::Transaction<'_>| {
            for number in 0..100 {
                let name = format!("person {hundred} {number}");
                let changes = Changes::new().set("name", name).set("city", "Shanghai");
                transaction.create_record(PERSON, changes)?;
            }
            Ok(())
        };
        session.write(create).unwrap();
    }
    let id = person(&session);
    assert!(in_index(&crm) > 5, "the search finds what is there");
    drop((session, crm));
    assert!(readable(&path) > 100, "and so does the search of bytes");
    assert_eq!(raw(&path), 0, "nothing stands in clear");
    let crm = options().open(&path).unwrap();
    let session = crm.session_for("admin").unwrap();
    let receipt = session.erase(PERSON, id).unwrap();
    assert_eq!((receipt.statement.keys_destroyed, receipt.statement.attachments), (2, 2));
    assert!(session.purge_search().unwrap() > 0);
    assert_eq!(in_index(&crm), 0);
    session.compact().unwrap();
    drop((session, crm));
    assert_eq!((readable(&path), raw(&path)), (0, 0));
    let in_use = everything(&path, &key()).unwrap();
    let subject = receipt.statement.subject.parse::<RecordId>().unwrap();
    assert!(in_use.iter().any(|text| text.windows(16).any(|part| part == subject.as_bytes())));
    let blobs = fs::read_dir(path.join("blobs")).unwrap().count();
    assert_eq!(blobs, 0, "the file of the large attachment is gone");
    let crm = options().open(&path).unwrap();
    let session = crm.session_for("admin").unwrap();
    assert_eq!(session.count(PERSON, &Condition::Everything).unwrap(), 1_500);
    let check = session.verify_erasure_receipt(&receipt, &[]).unwrap();
    assert!(check.holds(), "{check:?}");
    crm.verify(&Patience::default()).unwrap();
}

#[test]
fn an_older_backup_that_is_restored_with_the_keys_of_today_has_no_byte_of_an_erased_person() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let crm = options().create(&path).unwrap();
    let session = crm.session_for("admin").unwrap();
    let id = person(&session);
    let (mut backup, mut keys_before, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    session.backup(&mut backup, BackupScope::Everything).unwrap();
    session.backup_keys(&mut keys_before).unwrap();
    assert_eq!(found_in(&backup, &pieces()), 0, "a backup is sealed");
    session.erase(PERSON, id).unwrap();
    session.backup_keys(&mut keys).unwrap();
    assert_eq!(session.suppression_list(None, 0).unwrap().rows.len(), 2, "phone and e-mail address");
    drop((session, crm));
    let restored = |keys: &[u8], name: &str| {
        let path = folder.path().join(name);
        let (mut backup, mut keys) = (backup.as_slice(), keys);
        let choice = RestoreOptions::from(options());
        restore(vec![&mut backup], Some(&mut keys), &key(), &path, &choice).unwrap();
        let crm = options().open(&path).unwrap();
        let session = crm.session_for("admin").unwrap();
        let found = session.search("Zxyvanthorpe", None, 5, 0).unwrap().total;
        drop((session, crm));
        (found, readable(&path), raw(&path))
    };
    let (found, pieces, raw) = restored(&keys_before, "before.guanxi");
    assert!(
        found == 1 && pieces > 100 && raw == 0,
        "with the keys of before, which is why they are kept shortly"
    );
    assert_eq!(restored(&keys, "after.guanxi"), (0, 0, 0));
}

#[test]
fn a_key_that_was_destroyed_leaves_the_file_of_keys_with_the_next_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let crm = options().create(&path).unwrap();
    let session = crm.session_for("admin").unwrap();
    let made = |name: &str| {
        let changes = Changes::new().set("name", name);
        session.write_with(WriteOptions::default(), |transaction| {
            transaction.create_record(PERSON, changes.clone())
        })
    };
    let (gone, stays) = (made(NAME).unwrap(), made("stays").unwrap());
    session.checkpoint().unwrap();
    session.erase(PERSON, gone).unwrap();
    session.compact().unwrap();
    let history = session.history(PERSON, stays, None, 10).unwrap();
    assert_eq!(history.versions.len(), 1, "the keys of the others are whole");
    drop((session, crm));
    let keys = fs::read(path.join("keys")).unwrap();
    let later = fs::metadata(path.join("keys.copy"));
    assert!(!keys.is_empty() && later.is_err());
    let crm = options().open(&path).unwrap();
    let session = crm.session_for("admin").unwrap();
    let versions = session.history(PERSON, stays, None, 10).unwrap().versions;
    assert!(versions.iter().all(|version| !version.changes.is_empty()));
    crm.verify(&Patience::default()).unwrap();
}
