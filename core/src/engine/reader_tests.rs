//! What a reader answers while the store refuses to read: the refusal, never that there is nothing.

use std::sync::Arc;

use crate::base::{Code, Error, Label, RecordId, Result};
use crate::engine::{Changes, Extension, Key, KeyCost, Options, Reader, Registrar, Session};
use crate::schema::{EntityDefinition, FieldDefinition, FieldType, RelationDefinition, RelationSide};
use crate::storage::{Head, Keyspace, LogEntry, Page, RangeRequest, Snapshot};

const BOOK: &str = "shelf.book";
const CITES: &str = "shelf.cites";

/// Books with a title of their own, that cite each other.
struct Shelf;

impl Extension for Shelf {
    fn id(&self) -> &str {
        "shelf"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        let title = FieldDefinition::new("shelf", 1, "title", Label::new("书名", "Title"), FieldType::Text);
        let side = |name: &str| RelationSide {
            name: name.to_owned(),
            ..RelationSide::new(&[BOOK], Label::new("书", "Book"))
        };
        registrar.entity(EntityDefinition {
            namespace: "shelf".to_owned(),
            local: 1,
            name: "book".to_owned(),
            label: Label::new("书", "Book"),
            title: "title".to_owned(),
            fields: vec![FieldDefinition { unique: true, ..title }],
            ..EntityDefinition::default()
        });
        registrar.entity(EntityDefinition {
            namespace: "shelf".to_owned(),
            local: 2,
            name: "cites".to_owned(),
            label: Label::new("引用", "Cites"),
            relation: Some(RelationDefinition {
                from: side("citing"),
                to: side("cited"),
                ..Default::default()
            }),
            ..EntityDefinition::default()
        });
        Ok(())
    }
}

/// A view whose records cannot be read.
struct Refusing<'s>(Box<dyn Snapshot + 's>);

impl Snapshot for Refusing<'_> {
    fn get_many(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Vec<u8>>>> {
        match keys.iter().any(|(keyspace, _)| *keyspace == Keyspace::Records) {
            true => Err(Error::new(Code::Io)),
            false => self.0.get_many(keys),
        }
    }

    fn scan(&self, range: &RangeRequest) -> Result<Page> {
        self.0.scan(range)
    }

    fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>> {
        self.0.read_log(after, max)
    }

    fn head(&self) -> Result<Head> {
        self.0.head()
    }
}

fn shelf() -> (tempfile::TempDir, Session, RecordId) {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::default()
        .key(Key::raw([7; 32]))
        .key_cost(KeyCost { memory_kib: 64, passes: 1, lanes: 1 })
        .administrator("admin", "a long password")
        .extension(Arc::new(Shelf))
        .trust_host();
    let crm = options.create(folder.path().join("shelf")).unwrap();
    let admin = crm.session_for("admin").unwrap();
    let link = admin.write(|transaction| {
        let citing = transaction.create_record(BOOK, Changes::new().set("title", "水经注"))?;
        let cited = transaction.create_record(BOOK, Changes::new().set("title", "水经"))?;
        transaction.link(CITES, citing, cited, Changes::new())
    });
    (folder, admin, link.unwrap())
}

#[test]
fn a_record_that_cannot_be_read_is_not_told_to_be_missing() {
    let (_folder, admin, link) = shelf();
    let crm = admin.crm().clone();
    admin
        .read(|reader| {
            let refusing = Refusing(crm.snapshot()?);
            let refused = Reader { snapshot: &refusing, ..reader };
            let nobody = RecordId::from_bytes([1; 16]);
            assert!(reader.reaches(CITES, link)? && !reader.reaches(CITES, nobody)?);
            assert_eq!(reader.find_by_title(BOOK, "水经")?.len(), 1);
            assert_eq!(reader.find_by_title(BOOK, "山海经")?, []);
            assert_eq!(refused.reaches(CITES, link).unwrap_err().code(), Code::Io);
            assert_eq!(refused.reaches(BOOK, nobody).unwrap_err().code(), Code::Io);
            assert_eq!(refused.find_by_title(BOOK, "水经").unwrap_err().code(), Code::Io);
            Ok(())
        })
        .unwrap();
}
