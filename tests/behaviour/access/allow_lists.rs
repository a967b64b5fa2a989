//! Grants that name the only fields they show, and delegations in a simulation.

use guanxi::api::call;
use guanxi::base::Label;
use guanxi::engine::{Action, Grant, Level, grant};
use guanxi::model::Account;
use guanxi::schema::{EntityType, FieldType};
use guanxi::{Changes, Code, Condition, RecordId, Value};
use guanxi_tests::{House, database, refusal};
use serde_json::json;

fn showing(house: &House, entity: &str, level: Level, fields: &str) -> RecordId {
    let role = house.role(&format!("{entity} {fields}"), &[]);
    let changes =
        Changes::new().set(grant::ROLE, role).set(grant::ENTITY, entity).set(grant::ACTION, Action::Read);
    let changes = changes.set(grant::LEVEL, level).set(grant::VISIBLE_FIELDS, fields);
    let _ = house.create(Grant::NAME, &changes);
    role
}

#[test]
fn what_a_grant_does_not_name_is_hidden_and_so_is_every_later_field() {
    let house = database();
    let lin = house.user("lin", &[showing(&house, Account::NAME, Level::All, "name, city")]);
    let changes = Changes::new().set("name", "加喜").set("city", "上海").set("phone", "13812345678");
    let id = house.create(Account::NAME, &changes);
    let row = lin.get(Account::NAME, id).unwrap();
    assert_eq!(row.value("city").unwrap(), Value::from("上海"));
    assert_eq!(row.value("phone").unwrap(), Value::Null);
    let kind = FieldType::Text;
    let later =
        house.admin.define_field(Account::NAME, "later", Label::new("后来", "Later"), kind, |_| ()).unwrap();
    house.change(Account::NAME, id, &Changes::new().set(later.as_str(), "secret"));
    let row = lin.get(Account::NAME, id).unwrap();
    assert_eq!(row.value(later.as_str()).unwrap(), Value::Null);
    for field in ["phone", later.as_str()] {
        let asks = Condition::Compare(field.into(), guanxi::engine::Comparison::Equal, Value::from("secret"));
        let code = refusal(lin.count(Account::NAME, &asks));
        assert!(matches!(code, Code::UnknownField | Code::FieldNotPermitted), "{code:?}");
        let sorted = json!({"entity": "account", "sort": [field]});
        assert!(call(&lin, "record.list", &sorted).is_err());
    }
    assert_eq!(lin.search("secret", None, 5, 0).unwrap().total, 0);
    // Another grant that shows everything of one's own shows it there.
    let both = house.user(
        "both",
        &[
            showing(&house, Account::NAME, Level::All, "name"),
            house.role("own", &[(Account::NAME, Action::Read, Level::Own)]),
        ],
    );
    let mine =
        house.create(Account::NAME, &Changes::new().set("name", "x").set("city", "北京").owner(both.user()));
    assert_eq!(both.get(Account::NAME, mine).unwrap().value("city").unwrap(), Value::from("北京"));
    assert_eq!(both.get(Account::NAME, id).unwrap().value("city").unwrap(), Value::Null);
}

#[test]
fn a_list_of_a_wildcard_hides_in_every_entity_and_one_of_names_that_are_not_there_hides_everything() {
    let house = database();
    let id = house.create(Account::NAME, &Changes::new().set("name", "加喜").set("city", "上海"));
    let wide = house.user("wide", &[showing(&house, "*", Level::All, "name")]);
    assert_eq!(wide.get(Account::NAME, id).unwrap().value("city").unwrap(), Value::Null);
    let nothing = house.user("nothing", &[showing(&house, Account::NAME, Level::All, "no_such_field")]);
    assert_eq!(nothing.get(Account::NAME, id).unwrap().value("name").unwrap(), Value::Null);
    let system = house.user("system", &[showing(&house, "sys.*", Level::All, "name")]);
    house.change("sys.user", house.admin.user(), &Changes::new().set("email", "a@example.test"));
    let row = system.get("sys.user", house.admin.user()).unwrap();
    assert_eq!((row.value("email").unwrap(), row.title().is_empty()), (Value::Null, false));
    let wrong = json!({"role": "salesperson", "entity": "account", "action": "read", "level": "own", "visible_fields": "nmae"});
    assert_eq!(refusal(call(&house.admin, "role.grant", &wrong)), Code::UnknownField);
}

#[test]
fn a_simulated_delegation_tells_what_the_delegate_comes_to_for_whom() {
    let house = database();
    let own = house.role(
        "own",
        &[(Account::NAME, Action::Read, Level::Own), (Account::NAME, Action::Export, Level::Own)],
    );
    let (lin, wang) = (house.user("lin", &[own]), house.user("wang", &[]));
    for _ in 0..3 {
        let _ = house.create(Account::NAME, &Changes::new().set("name", "x").owner(lin.user()));
    }
    let until = "2026-12-22T00:00:00Z";
    let planned =
        json!({"changes": [{"do": "delegate", "delegator": "lin", "delegate": "wang", "until": until}]});
    let told = call(&house.admin, "access.simulate", &planned).unwrap();
    let rows = told["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "to export is not delegated: {told}");
    let row = &rows[0];
    assert_eq!(
        (&row["user"], &row["acting_for"], &row["action"], &row["was"], &row["becomes"], &row["opened"]),
        (
            &json!(wang.user().to_string()),
            &json!(lin.user().to_string()),
            &json!("read"),
            &json!("none"),
            &json!("own"),
            &json!(3)
        )
    );
    assert!(house.crm.session_for("wang").unwrap().act_for(lin.user()).is_err(), "nothing is kept");
    let id = call(&lin, "delegation.grant", &json!({"delegate": wang.user().to_string(), "until": until}))
        .unwrap()["id"]
        .clone();
    let planned = json!({"changes": [{"do": "delete", "entity": "sys.delegation", "id": id}]});
    let told = call(&house.admin, "access.simulate", &planned).unwrap();
    assert_eq!(
        (&told["rows"][0]["closed"], &told["rows"][0]["becomes"]),
        (&json!(3), &json!("none")),
        "{told}"
    );
}
