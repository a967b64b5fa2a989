//! An index whose keys came from other tables of collation, as an engine with a newer version of them finds it.

use std::sync::Arc;

use crate::base::{COLLATION_VERSION, Collation, Label, Patience, RecordId, Result};
use crate::engine::crm::store_registry;
use crate::engine::{Changes, Crm, Direction, Extension, Find, Key, KeyCost, Options, Registrar, Session};
use crate::schema::{EntityDefinition, FieldDefinition, FieldType, IndexDefinition};
use crate::storage::{Keyspace, RangeRequest, Snapshot};

const THING: &str = "shelf.thing";

/// Things with a name.
struct Shelf;

impl Extension for Shelf {
    fn id(&self) -> &str {
        "shelf"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        registrar.entity(EntityDefinition {
            namespace: "shelf".to_owned(),
            local: 1,
            name: "thing".to_owned(),
            label: Label::new("物", "Thing"),
            title: "name".to_owned(),
            fields: vec![FieldDefinition::new(
                "shelf",
                1,
                "name",
                Label::new("名称", "Name"),
                FieldType::Text,
            )],
            ..EntityDefinition::default()
        });
        Ok(())
    }
}

fn options() -> Options {
    Options::default()
        .extension(Arc::new(Shelf))
        .key(Key::raw([7; 32]))
        .key_cost(KeyCost { memory_kib: 64, passes: 1, lanes: 1 })
        .administrator("admin", "a long password")
        .trust_host()
}

/// As an engine leaves it whose tables sort the other way round: the version of the index is another one, and so
/// are its keys.
fn outdate(crm: &Crm) {
    let registry = crm.registry();
    let entity = registry.entity(THING).unwrap();
    let number = entity.indexes().iter().find(|index| index.api_name == "x.by_name").unwrap().id();
    let json = String::from_utf8(registry.to_json().unwrap()).unwrap();
    let older =
        json.replace(&format!("\"collation_version\":{COLLATION_VERSION}"), "\"collation_version\":0");
    assert_ne!(json, older, "the registry says by which tables the keys were made");
    let prefix = [&[1][..], &entity.id().number().to_be_bytes(), &number.number().to_be_bytes()].concat();
    let nobody = RecordId::from_bytes([0; 16]);
    let written = crm.system_write(nobody, "test", |view, _| {
        let keys = view.scan(&RangeRequest::prefix(Keyspace::Index, &prefix, 1_000))?.rows;
        assert_eq!(keys.len(), 4);
        for (mut key, value) in keys {
            view.remove(Keyspace::Index, key.clone());
            let (from, to) = (prefix.len() + 5, key.len() - 18);
            key.get_mut(from..to).unwrap().iter_mut().for_each(|byte| *byte = !*byte);
            view.put(Keyspace::Index, key, value);
        }
        store_registry(view, older.as_bytes());
        Ok(())
    });
    written.unwrap();
}

fn names(session: &Session) -> (String, bool) {
    let sort = vec![("name".into(), Direction::Ascending)];
    let find = Find { sort, collation: Collation::Pinyin, ..Find::default() };
    let page = session.list(THING, &find).unwrap();
    let names = page.rows.iter().map(|row| row.value("name").unwrap().to_string()).collect::<Vec<_>>();
    (names.join(" "), session.explain(THING, &find).unwrap().streamed)
}

#[test]
fn an_index_by_other_tables_is_made_anew_before_anything_reads_it() {
    for build_at_once in [1_000, 2] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names");
        let crm = options().create(&path).unwrap();
        let admin = crm.session_for("admin").unwrap();
        let by_name = IndexDefinition::new("x", 0, "by_name").rising("name").collated(Collation::Pinyin);
        admin.define_index(THING, by_name).unwrap();
        admin
            .write(|transaction| {
                for name in ["赵", "安", "王", "陈"] {
                    transaction.create_record(THING, Changes::new().set("name", name))?;
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(names(&admin), ("安 陈 王 赵".to_owned(), true));
        outdate(&crm);
        drop((admin, crm));

        let crm = options().build_at_once(build_at_once).open(&path).unwrap();
        let admin = crm.session_for("admin").unwrap();
        let large = build_at_once < 4;
        assert_eq!(names(&admin), ("安 陈 王 赵".to_owned(), !large), "no query reads keys of other tables");
        if large {
            let change = Changes::new().set("name", "白");
            admin.write(|transaction| transaction.create_record(THING, change.clone())).unwrap();
            admin.build_indexes().unwrap();
            assert_eq!(names(&admin), ("安 白 陈 王 赵".to_owned(), true));
        }
        crm.verify(&Patience::default()).unwrap();
    }
}
