//! What a deletion does to the records that refer to the deleted one.

use guanxi::api::call;
use guanxi::base::{Label, MAX_AFFECTED_RECORDS};
use guanxi::engine::{Action, Level, VersionKind};
use guanxi::model::Account;
use guanxi::schema::{EntityType, FieldDefinition, FieldType, OnDelete};
use guanxi::{Changes, Code, Condition, RecordId, Result, Session, Value};
use guanxi_tests::{House, database, refusal};
use serde_json::json;

/// A reference of accounts to accounts.
fn declare(house: &House, name: &str, on_delete: OnDelete) {
    let label = Label::new("引用", "Reference");
    let kind = FieldType::Reference { entity: Account::NAME.to_owned() };
    house.admin.define_field(Account::NAME, name, label, kind, |field| field.on_delete = on_delete).unwrap();
}

fn houses() -> House {
    let house = database();
    for (name, on_delete) in
        [("part_of", OnDelete::Cascade), ("advised_by", OnDelete::SetNull), ("owes", OnDelete::Restrict)]
    {
        declare(&house, name, on_delete);
    }
    house
}

fn account(house: &House, name: &str, references: &[(&str, RecordId)]) -> RecordId {
    let named = Changes::new().set("name", name);
    house.create(
        Account::NAME,
        &references.iter().fold(named, |changes, (field, id)| changes.set(*field, *id)),
    )
}

fn delete(session: &Session, id: RecordId) -> Result<()> {
    session.write(|transaction| transaction.delete_record(Account::NAME, id))
}

fn left(house: &House) -> u64 {
    let _ = house.verified();
    house.admin.count(Account::NAME, &Condition::Everything).unwrap()
}

#[test]
fn a_deletion_takes_along_empties_or_is_refused_as_the_fields_say() {
    let house = houses();
    let root = account(&house, "root", &[]);
    let child = account(&house, "child", &[("part_of", root)]);
    let grandchild = account(&house, "grandchild", &[("part_of", child)]);
    let advised = account(&house, "advised", &[("advised_by", grandchild)]);
    let debtor = account(&house, "debtor", &[("owes", grandchild)]);
    let error = delete(&house.admin, root).unwrap_err();
    assert_eq!((error.code(), left(&house)), (Code::Referenced, 5));
    house.change(Account::NAME, debtor, &Changes::new().set("owes", Value::Null));
    let before = house.crm.head().unwrap().position;
    delete(&house.admin, root).unwrap();
    assert_eq!(left(&house), 2);
    assert_eq!(house.admin.get(Account::NAME, advised).unwrap().value("advised_by").unwrap(), Value::Null);
    // Each of them has an entry of its own.
    assert_eq!(house.crm.head().unwrap().position, before + 4);
    for (id, kind) in [
        (root, VersionKind::Deleted),
        (child, VersionKind::Deleted),
        (grandchild, VersionKind::Deleted),
        (advised, VersionKind::Updated),
    ] {
        assert_eq!(house.admin.history(Account::NAME, id, None, 1).unwrap().versions[0].kind, kind);
    }
}

#[test]
fn circles_are_deleted_whole_and_who_goes_along_holds_nothing_back() {
    let house = houses();
    let first = account(&house, "first", &[]);
    let second = account(&house, "second", &[("part_of", first), ("owes", first), ("advised_by", first)]);
    house.change(Account::NAME, first, &Changes::new().set("part_of", second).set("owes", second));
    house.change(Account::NAME, second, &Changes::new().set("owes", second));
    delete(&house.admin, first).unwrap();
    assert_eq!(left(&house), 0);
}

#[test]
fn what_goes_along_needs_the_right_to_delete_it_and_nothing_of_hidden_records_is_told() {
    let house = houses();
    let role = |name: &str, delete: Level, update: Level, read: Level| {
        let entity = "crm.account";
        let grants = [
            (entity, Action::Read, read),
            (entity, Action::Delete, delete),
            (entity, Action::Update, update),
        ];
        house.user(name, &[house.role(name, &grants)])
    };
    let blind = role("blind", Level::Own, Level::Own, Level::Own);
    let reader = role("reader", Level::Own, Level::Own, Level::All);
    for session in [&blind, &reader] {
        for field in ["part_of", "advised_by"] {
            let root = account(&house, "root", &[]);
            house.change(Account::NAME, root, &Changes::new().owner(session.user()));
            let other = account(&house, "of somebody else", &[(field, root)]);
            let before = house.crm.head().unwrap();
            let error = delete(session, root).unwrap_err();
            let told = format!("{error:?} {error}");
            if session.user() == blind.user() {
                assert_eq!(error.code(), Code::Referenced, "{field}");
                assert!(!told.contains(&other.to_string()), "{told}");
            } else {
                assert_eq!(error.code(), Code::NotPermitted, "{field}");
            }
            // The ledger says who was refused, and nothing else.
            let after = json!({"after": before.position});
            let entered = call(&house.admin, "ledger.list", &after).unwrap()["entries"].clone();
            assert!(entered.as_array().unwrap().iter().all(|entry| entry["kind"] == "denied"), "{entered}");
        }
    }
}

#[test]
fn a_person_who_is_erased_lets_go_of_those_who_refer_as_their_fields_say() {
    let house = database();
    let label = Label::new("联系人", "Contact");
    let kind = FieldType::Reference { entity: "crm.contact".to_owned() };
    let set_null = |field: &mut FieldDefinition| field.on_delete = OnDelete::SetNull;
    house.admin.define_field(Account::NAME, "known_by", label, kind, set_null).unwrap();
    let person = house.create("contact", &Changes::new().set("name", "林先生"));
    let company = account(&house, "加喜", &[("known_by", person)]);
    house.admin.erase("contact", person).unwrap();
    assert_eq!(house.admin.get(Account::NAME, company).unwrap().value("known_by").unwrap(), Value::Null);
    let _ = house.verified();
}

#[test]
fn a_deletion_that_would_take_along_too_many_is_refused_whole() {
    let house = houses();
    let root = account(&house, "root", &[]);
    let many = MAX_AFFECTED_RECORDS + 1;
    let made = house.admin.write(|transaction| {
        (0..many).try_for_each(|number| {
            let changes = Changes::new().set("name", format!("{number}")).set("part_of", root);
            transaction.create_record(Account::NAME, changes).map(drop)
        })
    });
    made.unwrap();
    assert_eq!(refusal(delete(&house.admin, root)), Code::LimitExceeded);
    let count = house.admin.count(Account::NAME, &Condition::Everything).unwrap();
    assert_eq!(count, u64::try_from(many).unwrap() + 1);
}

#[test]
fn only_references_say_what_becomes_of_them_and_a_required_one_is_not_emptied() {
    let house = database();
    let text = json!({
        "entity": "account", "name": "remark", "field_type": "text", "label_zh": "备注", "label_en": "Remark",
        "on_delete": "cascade",
    });
    assert_eq!(call(&house.admin, "schema.define_field", &text).unwrap_err().code(), Code::InvalidDefinition);
    let mut required = FieldDefinition::new(
        "x",
        1,
        "boss",
        Label::new("上级", "Boss"),
        FieldType::Reference { entity: "crm.account".to_owned() },
    );
    required.required = true;
    required.on_delete = OnDelete::SetNull;
    assert_eq!(required.check().unwrap_err().code(), Code::InvalidDefinition);
    let reference = json!({
        "entity": "account", "name": "group", "field_type": "reference", "target": "account",
        "label_zh": "集团", "label_en": "Group", "on_delete": "set_null",
    });
    call(&house.admin, "schema.define_field", &reference).unwrap();
    let told = call(&house.admin, "schema.describe", &json!({"entity": "account"})).unwrap();
    let fields = told["entities"][0]["fields"].as_array().unwrap();
    let group = fields.iter().find(|field| field["name"] == "x.group").unwrap();
    assert_eq!(group["on_delete"], "set_null");
}

/// References of accounts to several accounts, and to accounts or contacts.
fn declare_wide(house: &House, name: &str, several: bool, on_delete: OnDelete) {
    let entity = Account::NAME.to_owned();
    let kind = if several {
        FieldType::MultiReference { entity }
    } else {
        FieldType::AnyReference { entities: vec![entity, "crm.contact".to_owned()] }
    };
    let label = Label::new("引用", "Reference");
    house.admin.define_field(Account::NAME, name, label, kind, |field| field.on_delete = on_delete).unwrap();
}

fn any(id: RecordId) -> Value {
    Value::Map([("entity".to_owned(), Account::NAME.into()), ("id".to_owned(), id.into())].into())
}

#[test]
fn references_to_several_records_and_to_any_entity_do_as_they_say() {
    let house = database();
    for (name, several, on_delete) in [
        ("friends", true, OnDelete::SetNull),
        ("parents", true, OnDelete::Cascade),
        ("creditors", true, OnDelete::Restrict),
        ("regarding", false, OnDelete::SetNull),
        ("within", false, OnDelete::Cascade),
        ("about", false, OnDelete::Restrict),
    ] {
        declare_wide(&house, name, several, on_delete);
    }
    let [a, b, c] = ["a", "b", "c"].map(|name| account(&house, name, &[]));
    let list = |ids: &[RecordId]| Value::List(ids.iter().map(|id| Value::Id(*id)).collect());
    let with = |name: &str, values: Changes| house.create(Account::NAME, &values.set("name", name));
    let friend = with("friend", Changes::new().set("friends", list(&[a, b])).set("regarding", any(a)));
    let child = with("child", Changes::new().set("parents", list(&[b, a])));
    let inside = with("inside", Changes::new().set("within", any(child)));
    let debtor = with("debtor", Changes::new().set("creditors", list(&[c, inside])));
    let note = with("note", Changes::new().set("about", any(c)));
    assert_eq!(refusal(delete(&house.admin, a)), Code::Referenced, "the debtor holds back what would go");
    assert_eq!(left(&house), 8, "nothing of it was done");
    house.change(Account::NAME, debtor, &Changes::new().set("creditors", list(&[c])));
    let shown = house.admin.read(|reader| {
        reader.query(
            Account::NAME,
            &guanxi::engine::Question { display: true, ..guanxi::Find::default().into() },
        )
    });
    let titles = shown.unwrap().titles;
    assert_eq!((titles[&a].as_str(), titles[&b].as_str(), titles[&child].as_str()), ("a", "b", "child"));
    delete(&house.admin, a).unwrap();
    assert_eq!(left(&house), 5, "the child and what is within it went too");
    let row = house.admin.get(Account::NAME, friend).unwrap();
    assert_eq!(row.value("friends").unwrap(), list(&[b]), "one is taken out of the list");
    assert_eq!(row.value("regarding").unwrap(), Value::Null);
    delete(&house.admin, b).unwrap();
    let row = house.admin.get(Account::NAME, friend).unwrap();
    assert_eq!(row.value("friends").unwrap(), Value::Null, "an empty list is no value");
    assert_eq!(refusal(delete(&house.admin, c)), Code::Referenced);
    delete(&house.admin, note).unwrap();
    assert_eq!(refusal(delete(&house.admin, c)), Code::Referenced);
    house.change(Account::NAME, debtor, &Changes::new().set("creditors", Value::Null));
    delete(&house.admin, c).unwrap();
    assert_eq!(left(&house), 2);
}

#[test]
fn whoever_may_not_delete_a_record_is_not_told_whether_something_refers_to_it() {
    let house = database();
    let reads = house.role("reads", &[("crm.account", Action::Read, Level::All)]);
    let lin = house.user("lin", &[reads]);
    let [held, free] =
        ["held", "free"].map(|name| house.create("crm.account", &Changes::new().set("name", name)));
    let _ = house.create("crm.contact", &Changes::new().set("name", "林").set("account", held));
    let told = |id: RecordId| {
        let refused = lin.write(|transaction| transaction.delete_record("crm.account", id)).unwrap_err();
        (refused.code(), refused.to_string().replace(&id.to_string(), "ID"))
    };
    assert_eq!(told(held), told(free));
    assert_eq!(told(held).0, Code::NotPermitted);
}
