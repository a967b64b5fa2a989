//! What this engine makes of a database with which a newer one has worked.

use std::sync::Arc;

use crate::base::{Code, Label, Patience, RecordId};
use crate::engine::crm::store_registry;
use crate::engine::views::view;
use crate::engine::{
    Audience, Changes, Extension, Key, KeyCost, Options, PackageStep, Registrar, Session, View,
    ViewDefinition,
};
use crate::schema::{EntityDefinition, EntityType, FieldDefinition, FieldType};

const THING: &str = "shelf.thing";

struct Shelf;

impl Extension for Shelf {
    fn id(&self) -> &str {
        "shelf"
    }

    fn declare(&self, registrar: &mut Registrar) -> crate::base::Result<()> {
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
    let nobody = RecordId::from_bytes([0; 16]);
    crm.system_write(nobody, "test", |view, _| {
        store_registry(view, newer.as_bytes());
        Ok(())
    })
    .unwrap();
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
