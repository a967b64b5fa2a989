//! What this engine makes of a database with which a newer one has worked.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::access::Update;
use crate::base::{Code, Label, OpaqueValue, Patience, RecordId, Result, Value};
use crate::engine::crm::store_registry;
use crate::engine::views::view;
use crate::engine::{
    At, Audience, BackupScope, Changes, Condition, Crm, Extension, Find, Key, KeyCost, Options, PackageStep,
    Registrar, RestoreOptions, Session, View, ViewDefinition, restore,
};
use crate::records;
use crate::schema::{EntityDefinition, EntityType, FieldDefinition, FieldType};
use crate::storage::Keyspace;

const THING: &str = "shelf.thing";

struct Shelf;

impl Extension for Shelf {
    fn id(&self) -> &str {
        "shelf"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        let label = Label::new("名称", "Name");
        registrar.entity(EntityDefinition {
            namespace: "shelf".into(),
            local: 1,
            name: "thing".into(),
            label: Label::new("物", "Thing"),
            title: "name".into(),
            fields: vec![FieldDefinition::new("shelf", 1, "name", label, FieldType::Text)],
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

fn named(session: &Session, name: &str) -> RecordId {
    let changes = Changes::new().set("name", name);
    session.write(|transaction| transaction.create_record(THING, changes.clone())).unwrap()
}

/// Writes a registry as a newer engine would.
fn write_registry(crm: &Crm, json: &[u8]) {
    let nobody = RecordId::from_bytes([0; 16]);
    crm.system_write(nobody, "test", |view, _| {
        store_registry(view, json);
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_a_newer_engine_says_of_a_field_stays_while_records_are_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("newer");
    let crm = options().create(&path).unwrap();
    let admin = crm.session_for("admin").unwrap();
    let field = |session: &Session, name: &str| {
        session.define_field(THING, name, Label::new("色", "Hue"), FieldType::Text, |_| {})
    };
    field(&admin, "hue").unwrap();
    let id = named(&admin, "a");
    let json = String::from_utf8(crm.registry().to_json().unwrap()).unwrap();
    let newer = json.replace("\"name\":\"hue\"", "\"name\":\"hue\",\"shine\":{\"by\":\"night\"}");
    assert_ne!(json, newer);
    write_registry(&crm, newer.as_bytes());
    drop((admin, crm));

    let crm = options().open(&path).unwrap();
    let admin = crm.session_for("admin").unwrap();
    assert_eq!(admin.get(THING, id).unwrap().value("name").unwrap(), "a".into());
    named(&admin, "b");
    let refused = field(&admin, "tone").unwrap_err();
    assert_eq!(refused.code(), Code::NewerFormat);
    assert!(refused.rule_name().unwrap_or_default().ends_with("shine"), "{:?}", refused.rule_name());
    assert_eq!(admin.export_package("x").unwrap_err().code(), Code::NewerFormat);
    let removed = admin.change_package(&PackageStep::Remove("x".to_owned()));
    assert_eq!(removed.unwrap_err().code(), Code::PackageMissing);
    drop((admin, crm));
    let crm = options().open(&path).unwrap();
    assert!(crm.registry().newer().is_some(), "it is still there");
    crm.verify(&Patience::default()).unwrap();
}

#[test]
fn a_view_of_a_newer_engine_is_named_by_whoever_asks_for_it_and_hides_no_other() {
    let crm = options().create_in_memory().unwrap();
    let admin = crm.session_for("admin").unwrap();
    let plain = ViewDefinition { columns: vec!["name".to_owned()], ..ViewDefinition::default() };
    admin.save_view("plain", THING, Audience::Everyone, &plain).unwrap();
    let changes = Changes::new()
        .set(view::NAME, "newer")
        .set(view::ENTITY, THING)
        .set(view::DEFINITION, r#"{"columns":["name"],"spiral":true}"#);
    admin.write(|transaction| transaction.create_in_own_right(View::NAME, changes.clone())).unwrap();
    let names: Vec<String> = admin.views(Some(THING)).unwrap().into_iter().map(|view| view.name).collect();
    assert_eq!(names, ["plain"]);
    let asked = admin.view(THING, "newer").unwrap_err();
    assert_eq!(asked.code(), Code::NewerFormat);
    assert!(asked.rule_name().unwrap_or_default().contains("spiral"), "{:?}", asked.rule_name());
    let over = admin.save_view("newer", THING, Audience::Everyone, &plain).unwrap_err();
    assert_eq!(over.code(), Code::NewerFormat, "it is not written over");
}

/// The registry as a newer engine has it, in which the field is of a type that this one does not know.
fn with_newer_type(crm: &Crm) -> Vec<u8> {
    let mut registry: Json = serde_json::from_slice(&crm.registry().to_json().unwrap()).unwrap();
    let entities = registry["entities"].as_array_mut().unwrap();
    let thing = entities.iter_mut().find(|entity| entity["api_name"] == THING).unwrap();
    let fields = thing["fields"].as_array_mut().unwrap();
    let hue = fields.iter_mut().find(|field| field["api_name"] == "x.hue").unwrap();
    hue["definition"]["kind"] = json!({"type": "tensor", "rank": 3});
    serde_json::to_vec(&registry).unwrap()
}

/// Gives a record a value as a newer engine would, in whose place this one stands here.
fn paint(session: &Session, id: RecordId, value: &Value) {
    let painted = session.write(|transaction| {
        let registry = Arc::clone(&transaction.registry);
        let entity = registry.entity(THING)?;
        let old = records::get_for_rule(transaction.view(), entity.id(), id)?.unwrap();
        let mut new = old.clone();
        new.set(entity.field("x.hue".into())?.id(), value.clone());
        let permit = transaction.policy.bootstrap::<Update>(entity.id());
        let context = transaction.context_for(entity, BTreeSet::new());
        records::update(transaction.view_mut(), &context, &permit, None, entity, &old, new)
    });
    painted.unwrap();
}

/// The bytes of a value in a record: the tag, and what its lowest bits say follows.
fn bytes_of((tag, payload): &(u8, Vec<u8>)) -> Vec<u8> {
    let mut bytes = vec![*tag];
    if tag & 7 == 2 {
        // No payload here is so long that its length takes more than two bytes.
        let length = payload.len();
        match u8::try_from(length) {
            Ok(short) if short < 0x80 => bytes.push(short),
            _ => bytes.extend([(length & 0x7F) as u8 | 0x80, (length >> 7) as u8]),
        }
    }
    bytes.extend(payload);
    bytes
}

/// The row of a record as it lies in the store.
fn row(crm: &Crm, id: RecordId) -> Vec<u8> {
    let entity = crm.registry().entity(THING).unwrap().id().number();
    let key = [&entity.to_be_bytes()[..], id.as_bytes()].concat();
    crm.snapshot().unwrap().get(Keyspace::Records, &key).unwrap().unwrap()
}

fn has(row: &[u8], bytes: &[u8]) -> bool {
    row.windows(bytes.len()).any(|window| window == bytes)
}

/// A value of a kind that no version has had yet, in each of the three forms that can be passed over.
fn unknown() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let kind = prop_oneof![Just(13_u8), 16_u8..32];
    let varint = prop::collection::vec(0x80_u8..=0xFF, 0..8).prop_map(|mut bytes| {
        bytes.push(0x05);
        bytes
    });
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    let of = |wire: u8| move |(kind, payload): (u8, Vec<u8>)| ((kind << 3) | wire, payload);
    prop_oneof![
        1 => (kind.clone(), Just(Vec::new())).prop_map(of(0)),
        2 => (kind.clone(), varint).prop_map(of(1)),
        3 => (kind, bytes).prop_map(of(2)),
    ]
}

/// What happens to the records while the older engine has them.
#[derive(Debug, Clone)]
enum Work {
    Rename(usize, u8),
    Away(usize),
    Back(usize),
    Reopen,
}

fn work() -> impl Strategy<Value = Work> {
    prop_oneof![
        4 => (any::<usize>(), any::<u8>()).prop_map(|(which, name)| Work::Rename(which, name)),
        2 => any::<usize>().prop_map(Work::Away),
        2 => any::<usize>().prop_map(Work::Back),
        1 => Just(Work::Reopen),
    ]
}

fn backed_up(admin: &Session, path: &Path) {
    let (mut bytes, mut keys) = (Vec::new(), Vec::new());
    admin.backup(&mut bytes, BackupScope::Everything).unwrap();
    admin.backup_keys(&mut keys).unwrap();
    let mut reader = &bytes[..];
    let key = Key::raw([7; 32]);
    restore(vec![&mut reader], Some(&mut &keys[..]), &key, path, &RestoreOptions::default()).unwrap();
}

fn open(path: &Path) -> (Crm, Session) {
    let crm = options().open(path).unwrap();
    let admin = crm.session_for("admin").unwrap();
    (crm, admin)
}

fn carry(values: &[(u8, Vec<u8>)], work: &[Work]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("carried");
    let crm = options().create(&path).unwrap();
    let admin = crm.session_for("admin").unwrap();
    admin.define_field(THING, "hue", Label::new("色", "Hue"), FieldType::Json, |_| {}).unwrap();
    let value = |(tag, payload): &(u8, Vec<u8>)| Value::Opaque(OpaqueValue::new(*tag, payload));
    let ids: Vec<RecordId> = values.iter().map(|_| named(&admin, "a")).collect();
    ids.iter().zip(values).for_each(|(id, raw)| paint(&admin, *id, &value(raw)));
    let (understood, newer) = (crm.registry().to_json().unwrap(), with_newer_type(&crm));
    write_registry(&crm, &newer);
    drop((admin, crm));

    let (mut crm, mut admin) = open(&path);
    for step in work {
        let id = |which: &usize| ids[which % ids.len()];
        let done = match step {
            Work::Rename(which, name) => admin.write(|transaction| {
                let changes = Changes::new().set("name", format!("name {name}"));
                transaction.update_record(THING, id(which), changes).map(drop)
            }),
            Work::Away(which) => admin.write(|transaction| transaction.delete_record(THING, id(which))),
            Work::Back(which) => admin.write(|transaction| transaction.undelete_record(THING, id(which))),
            Work::Reopen => {
                drop((admin, crm));
                (crm, admin) = open(&path);
                Ok(())
            }
        };
        // What is away is found by nobody, and what is there does not come back.
        assert!(done.is_ok() || done.unwrap_err().code() == Code::RecordNotFound);
    }
    crm.verify(&Patience::default()).unwrap();
    let restored = folder.path().join("restored");
    backed_up(&admin, &restored);
    drop((admin, crm));
    for path in [path, restored] {
        let (crm, admin) = open(&path);
        for (id, raw) in ids.iter().zip(values) {
            let _ = admin.write(|transaction| transaction.undelete_record(THING, *id));
            let bytes = bytes_of(raw);
            assert!(has(&row(&crm, *id), &bytes), "{raw:?}");
            let told = admin.get(THING, *id).unwrap().value("x.hue").unwrap().to_json();
            let told = told["opaque"].as_str().unwrap().to_owned();
            let plain = [&[raw.0][..], &raw.1].concat();
            assert_eq!(crate::base::base64::decode(&told).unwrap(), plain);
            let versions = admin.history(THING, *id, None, 0).unwrap().versions;
            let painted = versions.iter().flat_map(|version| &version.changes);
            let hue = crm.registry().entity(THING).unwrap().field("x.hue".into()).unwrap().id();
            let painted: Vec<_> = painted.filter(|change| change.field == hue).collect();
            assert_eq!(painted.len(), 1, "nobody else has changed it");
        }
        crm.verify(&Patience::default()).unwrap();
        write_registry(&crm, &understood);
        drop((admin, crm));
        let (_crm, admin) = open(&path);
        for (id, raw) in ids.iter().zip(values) {
            assert_eq!(admin.get(THING, *id).unwrap().value("x.hue").unwrap(), value(raw), "as it was given");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_of_a_newer_engine_are_carried_byte_for_byte_through_everything_that_is_stored(
        values in prop::collection::vec(unknown(), 1..6),
        work in prop::collection::vec(work(), 0..12),
    ) {
        carry(&values, &work);
    }
}

#[test]
fn a_field_of_a_type_of_a_newer_engine_is_told_and_neither_set_nor_asked_by() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("opaque");
    let crm = options().create(&path).unwrap();
    let admin = crm.session_for("admin").unwrap();
    admin.define_field(THING, "hue", Label::new("色", "Hue"), FieldType::Json, |_| {}).unwrap();
    let id = named(&admin, "a");
    paint(&admin, id, &Value::from("plain"));
    let place = crm.head().unwrap().position;
    write_registry(&crm, &with_newer_type(&crm));
    drop((admin, crm));
    let (crm, admin) = open(&path);
    assert!(
        crm.registry().newer().is_some_and(|place| place.contains("x.hue")),
        "{:?}",
        crm.registry().newer()
    );
    let registry = crm.registry();
    let hue = registry.entity(THING).unwrap().field("x.hue".into()).unwrap();
    assert_eq!((hue.definition.kind.name(), &hue.definition.label), ("opaque", &Label::new("色", "Hue")));
    // What is of a kind that is known can be read as it is.
    assert_eq!(admin.get(THING, id).unwrap().value("x.hue").unwrap(), "plain".into());
    assert_eq!(
        admin.value_as_of(THING, id, "x.hue", At::Position(place)).unwrap(),
        records::PastValue::Known("plain".into())
    );
    fn refused<T>(result: Result<T>, asked: &str) {
        let error = result.err().unwrap();
        assert_eq!((error.code(), error.field_name()), (Code::NewerFormat, Some("x.hue")), "{asked}");
    }
    for value in
        [Value::from("red"), Value::Null, Value::Int(1), Value::Opaque(OpaqueValue::new(0x82, b"red"))]
    {
        let hue = || Changes::new().set("name", "b").set("x.hue", value.clone());
        refused(admin.write(|transaction| transaction.update_record(THING, id, hue())), "update");
        refused(admin.write(|transaction| transaction.create_record(THING, hue())), "create");
        let condition = Condition::In("x.hue".into(), vec![value.clone()]);
        refused(admin.count(THING, &condition), "count");
    }
    refused(admin.count(THING, &Condition::IsNull("x.hue".into())), "is null");
    let sort = vec![("x.hue".into(), records::Direction::Ascending)];
    refused(admin.list(THING, &Find { sort, ..Find::default() }), "sort");
    let stated = Condition::Holds(records::Stated::new("x.hue != null"));
    assert_eq!(admin.count(THING, &stated).unwrap_err().code(), Code::InvalidExpression);
    let field = admin.define_field(THING, "tone", Label::new("调", "Tone"), FieldType::Text, |_| {});
    assert_eq!(field.unwrap_err().code(), Code::NewerFormat);
}
