//! Conditions on a whole reference to a record of one of several entities: its entity and its id.

use guanxi::base::Label;
use guanxi::engine::{Action, Explanation, Find, Level, Ref};
use guanxi::model::{Account, Contact};
use guanxi::schema::{AnyReference, EntityType, FieldType, RecordReference, TypedField};
use guanxi::{Changes, Code, Condition, RecordId, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

/// The field as a vendor would name it.
const ABOUT: TypedField<Contact, AnyReference<(Account, Contact)>> = TypedField::new("x", 1, "about");

/// Contacts that are about an account, about another contact and about nothing, with their ids.
struct Stage {
    house: House,
    account: RecordId,
    contacts: [RecordId; 3],
}

fn stage() -> Stage {
    let house = database();
    let entities = [Account::NAME, Contact::NAME].map(str::to_owned).to_vec();
    let kind = FieldType::AnyReference { entities };
    let name = house.admin.define_field(Contact::NAME, "about", Label::new("关于", "About"), kind, |_| ());
    assert_eq!(name.unwrap(), "x.about");
    let account = house.create(Account::NAME, &Changes::new().set("name", "加喜"));
    let contact = |about: Option<RecordReference>| {
        let changes = Changes::new().set("name", "林");
        let changes = about.into_iter().fold(changes, |changes, about| changes.set("x.about", about));
        house.create(Contact::NAME, &changes)
    };
    let none = contact(None);
    let first = contact(Some(RecordReference::new(Account::NAME, account)));
    let second = contact(Some(RecordReference::new(Contact::NAME, first)));
    Stage { house, account, contacts: [first, second, none] }
}

impl Stage {
    fn run(&self, method: &str, filter: &Json) -> guanxi::Result<Json> {
        api::call(&self.house.admin, method, &json!({"entity": "contact", "filter": filter}))
    }

    /// Which of the contacts meet a condition, by their places.
    fn met(&self, filter: &Json) -> Vec<usize> {
        let answer = self.run("query.run", filter).unwrap();
        let rows =
            answer["rows"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned());
        self.places(rows.map(|id| id.parse().unwrap()))
    }

    fn places(&self, ids: impl Iterator<Item = RecordId>) -> Vec<usize> {
        let mut places: Vec<usize> =
            ids.map(|id| self.contacts.iter().position(|known| *known == id).unwrap()).collect();
        places.sort_unstable();
        places
    }

    fn found(&self, filter: Condition) -> Vec<usize> {
        let page = self.house.admin.list(Contact::NAME, &Find { filter, ..Find::default() }).unwrap();
        self.places(page.rows.iter().map(|row| row.record.id))
    }

    fn explained(&self, filter: Condition) -> Explanation {
        self.house.admin.explain(Contact::NAME, &Find { filter, ..Find::default() }).unwrap()
    }

    /// Every form of the question, each with the places that it finds.
    fn check(&self) {
        let (account, [first, ..]) = (self.account, self.contacts);
        let to_account = json!({"entity": "crm.account", "id": account.to_string()});
        let to_contact = json!({"entity": "crm.contact", "id": first.to_string()});
        let mixed_up = json!({"entity": "crm.contact", "id": account.to_string()});
        for (filter, places) in [
            (json!({"x.about": to_account}), vec![0]),
            (json!({"field": "x.about", "op": "eq", "value": to_contact}), vec![1]),
            (json!({"field": "x.about", "op": "eq", "value": mixed_up}), vec![]),
            (json!({"field": "x.about", "op": "eq", "value": null}), vec![2]),
            (json!({"field": "x.about", "op": "ne", "value": to_account}), vec![1, 2]),
            (
                json!({"field": "x.about", "op": "in", "value": [to_account, to_contact, mixed_up]}),
                vec![0, 1],
            ),
            (json!({"field": "x.about", "op": "not_in", "value": [to_account]}), vec![1, 2]),
            (json!({"expression": format!("x.about == reference('crm.account', '{account}')")}), vec![0]),
            (json!({"expression": format!("x.about != reference('crm.account', '{account}')")}), vec![1, 2]),
            (
                json!({"expression": format!(
                    "x.about in [reference('crm.account', id('{account}')), reference('crm.contact', '{first}')]"
                )}),
                vec![0, 1],
            ),
            (json!({"expression": "x.about == null"}), vec![2]),
        ] {
            assert_eq!(self.met(&filter), places, "{filter}");
            let count = self.run("query.count", &filter).unwrap();
            assert_eq!(count["count"], places.len(), "{filter}");
        }
        assert_eq!(self.found(ABOUT.refers_to(Ref::<Account>::new(account))), [0]);
        assert_eq!(self.found(ABOUT.is(Ref::<Contact>::new(first))), [1]);
        assert_eq!(self.found(ABOUT.is_not(Ref::<Account>::new(account))), [1, 2]);
        let both = [RecordReference::new(Account::NAME, account), RecordReference::new(Contact::NAME, first)];
        assert_eq!(self.found(ABOUT.is_one_of(both)), [0, 1]);
        assert_eq!(self.found(Condition::refers_to("x.about", Account::NAME, account)), [0]);
        assert_eq!(self.found(ABOUT.is_empty()), [2]);
        // The second contact is about the first one, which is about the account.
        let about_some =
            Condition::of_some(Contact::NAME, "x.about", ABOUT.refers_to(Ref::<Account>::new(account)));
        assert!(self.found(about_some).is_empty(), "nothing that is about the account is about a contact");
        let about_first =
            Condition::of_some(Contact::NAME, "x.about", ABOUT.refers_to(Ref::<Contact>::new(first)));
        assert_eq!(self.found(about_first), [0]);
    }
}

#[test]
fn a_whole_reference_is_found_by_equality_in_every_form_of_the_question() {
    let stage = stage();
    stage.check();
}

#[test]
fn with_an_index_on_the_field_the_index_answers_and_without_one_the_records() {
    let stage = stage();
    let about = || Condition::refers_to("x.about", Account::NAME, stage.account);
    let explained = stage.explained(about());
    assert_eq!((explained.index.as_str(), explained.scan, explained.residual), ("id", true, 1));
    assert_eq!(explained.count.name(), "scan");
    let given = json!({"entity": "contact", "field": "x.about"});
    api::call(&stage.house.admin, "schema.index_field", &given).unwrap();
    stage.check();
    for filter in [
        about(),
        Condition::In("x.about".into(), vec![RecordReference::new(Contact::NAME, stage.contacts[0]).into()]),
    ] {
        let explained = stage.explained(filter);
        assert_eq!((explained.index.as_str(), explained.scan, explained.residual), ("x.about", false, 0));
        assert_eq!(explained.count.name(), "index");
    }
    let source = format!("x.about == reference('crm.account', '{}')", stage.account);
    let given = json!({"entity": "contact", "filter": {"expression": source}});
    let explained = api::call(&stage.house.admin, "query.explain", &given).unwrap();
    assert_eq!((&explained["index"], &explained["scan"]), (&json!("x.about"), &json!(false)), "{explained}");
    // A record that no longer refers leaves the index, and so does one that is deleted.
    stage.house.change(Contact::NAME, stage.contacts[0], &Changes::new().set("x.about", guanxi::Value::Null));
    assert!(stage.found(about()).is_empty());
    let _ = stage.house.verified();
}

#[test]
fn what_is_no_whole_reference_is_refused_and_so_is_any_order_of_them() {
    let stage = stage();
    let id = stage.account.to_string();
    let whole = json!({"entity": "crm.account", "id": id});
    for (operator, value, code) in [
        ("eq", json!(id), Code::WrongType),
        ("in", json!([id]), Code::WrongType),
        ("eq", json!({"id": id}), Code::WrongType),
        ("eq", json!({"entity": "crm.account"}), Code::WrongType),
        ("eq", json!({"entity": "crm.account", "id": id, "name": "加喜"}), Code::UnknownField),
        ("eq", json!({"entity": "crm.product", "id": id}), Code::NotInValueSet),
        ("lt", whole.clone(), Code::InvalidFilter),
        ("between", json!([whole, whole]), Code::InvalidFilter),
        ("contains", whole.clone(), Code::InvalidFilter),
        ("under", whole, Code::InvalidFilter),
    ] {
        let filter = json!({"field": "x.about", "op": operator, "value": value});
        let error = stage.run("query.run", &filter).unwrap_err();
        assert_eq!(error.code(), code, "{filter}: {error}");
        assert!(error.to_string().contains("x.about"), "{error}");
    }
    for source in [
        format!("x.about == '{id}'"),
        format!("x.about == id('{id}')"),
        format!("x.about == reference('crm.product', '{id}')"),
        format!("x.about == reference(name, '{id}')"),
        format!("x.about < reference('crm.account', '{id}')"),
        "x.about == reference('crm.account')".to_owned(),
    ] {
        let error = stage.run("query.count", &json!({"expression": source})).unwrap_err();
        assert_eq!(error.code(), Code::InvalidExpression, "{source}: {error}");
    }
    // An id that is none meets nothing, as any expression that cannot be worked out.
    assert!(stage.met(&json!({"expression": "x.about == reference('crm.account', 'no id')"})).is_empty());
}

#[test]
fn who_does_not_see_the_field_asks_by_it_in_vain() {
    let stage = stage();
    let read = [("crm.contact", Action::Read, Level::All)];
    let blind = stage.house.user("blind", &[stage.house.role_hiding("blind", &read, "x.about")]);
    let by = |name: &str| {
        let filter = Condition::refers_to(name, Account::NAME, stage.account);
        let error = blind.count(Contact::NAME, &filter).unwrap_err();
        (error.code(), error.to_string().replace(name, "NAME"))
    };
    assert_eq!(by("x.about"), by("x.abouu"));
    let lin =
        stage.house.user("lin", &[stage.house.role("own", &[("crm.contact", Action::Read, Level::Own)])]);
    let about = Condition::refers_to("x.about", Account::NAME, stage.account);
    assert_eq!(lin.count(Contact::NAME, &about).unwrap(), 0, "records of others are not counted");
    stage.house.change(Contact::NAME, stage.contacts[0], &Changes::new().owner(lin.user()));
    assert_eq!(lin.count(Contact::NAME, &about).unwrap(), 1);
}

#[test]
fn a_renamed_entity_is_meant_by_each_of_its_names() {
    let house = database();
    let call = |method: &str, given: Json| api::call(&house.admin, method, &given).unwrap();
    call("schema.define_entity", json!({"name": "project", "label_zh": "项目", "label_en": "Project"}));
    let field = json!({
        "entity": "account", "name": "any", "field_type": "any_reference", "label_zh": "任", "label_en": "Any",
        "targets": ["x.project", "crm.contact"], "indexed": true,
    });
    call("schema.define_field", field);
    let create = |entity: &str, values: Json| {
        call("record.create", json!({"entity": entity, "values": values}))["id"].as_str().unwrap().to_owned()
    };
    let project = create("x.project", json!({"name": "甲"}));
    create("account", json!({"name": "加喜", "x.any": {"entity": "x.project", "id": project}}));
    call("schema.rename_entity", json!({"entity": "x.project", "name": "job"}));
    create("account", json!({"name": "乙", "x.any": {"entity": "x.job", "id": project}}));
    for name in ["x.project", "x.job"] {
        let whole = json!({"x.any": {"entity": name, "id": project}});
        let stated = json!({"expression": format!("x.any == reference('{name}', '{project}')")});
        for filter in [whole, stated] {
            let counted = call("query.count", json!({"entity": "account", "filter": filter}));
            assert_eq!(counted["count"], 2, "{filter}");
            let explained = call("query.explain", json!({"entity": "account", "filter": filter}));
            assert_eq!(explained["index"], "x.any", "{explained}");
        }
    }
    let _ = house.verified();
}
