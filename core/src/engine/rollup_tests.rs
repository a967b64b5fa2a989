//! A figure that is wrong in the store, which no door of a host can make it: verification finds it.

use std::sync::Arc;

use crate::base::{Code, Label, Patience, RecordId, Result, ValueKind};
use crate::engine::{Changes, Crm, Extension, Key, KeyCost, Options, Registrar, Session};
use crate::schema::{EntityDefinition, FieldDefinition, FieldType, RollupDefinition, RollupFunction};
use crate::storage::{Keyspace, RangeRequest};

const THING: &str = "shelf.thing";

/// Things that may lie on another thing.
struct Shelf;

impl Extension for Shelf {
    fn id(&self) -> &str {
        "shelf"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        let field = |local, name: &str, kind| {
            FieldDefinition::new("shelf", local, name, Label::new("字段", name), kind)
        };
        let over = |function| RollupDefinition::new(function, THING, "on");
        registrar.entity(EntityDefinition {
            namespace: "shelf".to_owned(),
            local: 1,
            name: "thing".to_owned(),
            label: Label::new("物", "Thing"),
            title: "name".to_owned(),
            data_subject: false,
            fields: vec![
                field(1, "name", FieldType::Text),
                field(2, "on", FieldType::Reference { entity: THING.to_owned() }),
                field(3, "weight", FieldType::Int),
                field(4, "things", FieldType::Rollup(over(RollupFunction::Count))),
                field(
                    5,
                    "heaviest",
                    FieldType::Rollup(over(RollupFunction::Max).of("weight", ValueKind::Int)),
                ),
            ],
            ..EntityDefinition::default()
        });
        Ok(())
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
    let table = admin.write(|transaction| {
        let table = transaction.create_record(THING, Changes::new().set("name", "table"))?;
        for weight in [3, 9, 4] {
            let changes = Changes::new().set("name", "book").set("on", table).set("weight", weight);
            transaction.create_record(THING, changes)?;
        }
        Ok(table)
    });
    (folder, admin, table.unwrap())
}

/// The rows of the rollups, whose keys begin with 5 and 6.
fn rows(crm: &Crm) -> Vec<(Vec<u8>, Vec<u8>)> {
    let snapshot = crm.snapshot().unwrap();
    let of = |first| RangeRequest::prefix(Keyspace::Aggregate, &[first], 100);
    [5, 6].iter().flat_map(|first| snapshot.scan(&of(*first)).unwrap().rows).collect()
}

#[test]
fn verification_finds_every_row_of_a_rollup_that_is_wrong_or_lost_or_strays() {
    let (_folder, admin, table) = shelf();
    let crm = admin.crm().clone();
    assert!(crm.verify(&Patience::default()).is_ok());
    let standing = rows(&crm);
    assert_eq!(standing.len(), 4, "one count, and three values to pick from");
    let stray = |row: &(Vec<u8>, Vec<u8>)| (row.0.iter().chain(&[1]).copied().collect(), Some(row.1.clone()));
    let wrong = standing.iter().map(|(key, value)| {
        let mut value = value.clone();
        *value.last_mut().unwrap() ^= 2;
        (key.clone(), Some(value))
    });
    let lost = standing.iter().map(|(key, _)| (key.clone(), None));
    for (key, planted) in wrong.chain(lost).chain(standing.iter().map(stray)).collect::<Vec<_>>() {
        let put = |value: Option<Vec<u8>>| {
            let nobody = RecordId::from_bytes([0; 16]);
            crm.system_write(nobody, "test", |view, _| {
                match value {
                    Some(value) => view.put(Keyspace::Aggregate, key.clone(), value),
                    None => view.remove(Keyspace::Aggregate, key.clone()),
                }
                Ok(())
            })
            .unwrap();
        };
        put(planted.clone());
        let error = crm.verify(&Patience::default()).unwrap_err();
        assert_eq!(error.code(), Code::IndexMismatch, "{key:?} {planted:?}");
        let before = standing.iter().find(|(known, _)| *known == key).map(|(_, value)| value.clone());
        put(before);
        assert!(crm.verify(&Patience::default()).is_ok());
    }
    // Nothing is kept of a table on which nothing lies.
    let things = admin.list(THING, &crate::engine::Find::default()).unwrap();
    let books = things.rows.iter().map(|row| row.record.id).filter(|id| *id != table);
    for book in books {
        admin.write(|transaction| transaction.delete_record(THING, book)).unwrap();
    }
    assert_eq!(rows(&crm), []);
}
