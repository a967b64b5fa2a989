//! Grants that name the only fields they show or let be set, and delegations in a simulation.

use guanxi::api::call;
use guanxi::base::Label;
use guanxi::engine::{Action, Bulk, Effect, Grant, Level, RoleAssignment, Selection, grant, role_assignment};
use guanxi::features::exchange::ImportOptions;
use guanxi::features::rights::Rectification;
use guanxi::model::Account;
use guanxi::schema::{EntityType, FieldType};
use guanxi::{Changes, Code, Condition, RecordId, Session, Value};
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

/// A role that reads everything of accounts, and sets the only fields that it names.
fn setting(house: &House, name: &str, action: Action, level: Level, fields: &str) -> RecordId {
    let role = house.role(name, &[(Account::NAME, Action::Read, Level::All)]);
    list(house, role, (action, level, Effect::Allow), fields);
    role
}

fn list(house: &House, role: RecordId, (action, level, effect): (Action, Level, Effect), fields: &str) {
    let changes = Changes::new().set(grant::ROLE, role).set(grant::ENTITY, Account::NAME);
    let changes = changes.set(grant::ACTION, action).set(grant::LEVEL, level).set(grant::EFFECT, effect);
    let _ = house.create(Grant::NAME, &changes.set(grant::WRITABLE_FIELDS, fields));
}

fn update(session: &Session, id: RecordId, changes: Changes) -> guanxi::Result<()> {
    session.write(|transaction| transaction.update_record(Account::NAME, id, changes.clone()).map(drop))
}

fn city(house: &House, id: RecordId) -> Value {
    house.admin.get(Account::NAME, id).unwrap().value("city").unwrap()
}

#[test]
fn only_named_fields_are_set_by_every_door_that_writes_and_no_later_one() {
    let house = database();
    let role = setting(&house, "phones", Action::Update, Level::All, "phone, name");
    list(&house, role, (Action::Create, Level::All, Effect::Allow), "name, phone");
    house.grant(role, Effect::Allow, (Account::NAME, Action::Import, Level::All), "");
    let lin = house.user("lin", &[role]);
    let values = Changes::new().set("name", "加喜").set("city", "上海").set("phone", "13812345678");
    let id = house.create(Account::NAME, &values.external_id("erp", "1"));
    update(&lin, id, Changes::new().set("phone", "13987654321")).unwrap();
    let wrong = || Changes::new().set("city", "北京");
    assert_eq!(refusal(update(&lin, id, wrong())), Code::FieldNotPermitted);
    let both = Changes::new().set("phone", "13512345678").set("city", "北京");
    assert_eq!(refusal(update(&lin, id, both)), Code::FieldNotPermitted, "all or nothing");
    let upserted =
        lin.write(|transaction| transaction.upsert_record(Account::NAME, "erp", "1", wrong()).map(drop));
    assert_eq!(refusal(upserted), Code::FieldNotPermitted);
    let made =
        |changes: Changes| lin.write(|transaction| transaction.create_record(Account::NAME, changes.clone()));
    assert_eq!(refusal(made(wrong().set("name", "x"))), Code::FieldNotPermitted);
    let _ = made(Changes::new().set("name", "x")).unwrap();
    let given = json!({"entity": "account", "id": id.to_string(), "values": {"city": "北京"}});
    assert_eq!(refusal(call(&lin, "record.update", &given)), Code::FieldNotPermitted);
    let all = Selection::Matching(Condition::Everything);
    let edited = lin.bulk_update(Account::NAME, &all, &wrong(), &Bulk::default()).unwrap();
    assert!(
        edited
            .rows
            .iter()
            .all(|row| { row.outcome.as_ref().is_err_and(|error| error.code() == Code::FieldNotPermitted) })
    );
    let csv = "name,city\ny,北京\n";
    let imported = lin.import_csv(Account::NAME, csv.as_bytes(), &ImportOptions::default(), &mut |_| {});
    assert!(imported.is_err() || imported.unwrap().taken == 0);
    let rectified = Rectification {
        entity: Account::NAME.to_owned(),
        id,
        field: "city".to_owned(),
        value: Value::from("北京"),
        old: None,
    };
    assert_eq!(refusal(lin.rectify(&rectified, &[])), Code::FieldNotPermitted);
    // What it would have to set to take back somebody's mass edit it does not set either.
    let kind = FieldType::Text;
    let later =
        house.admin.define_field(Account::NAME, "later", Label::new("后来", "Later"), kind, |_| ()).unwrap();
    let changes = Changes::new().set(later.as_str(), "x");
    assert_eq!(refusal(update(&lin, id, changes)), Code::FieldNotPermitted);
    assert_eq!(city(&house, id), Value::from("上海"));
    let _ = house.verified();
}

#[test]
fn an_edit_is_taken_back_only_as_far_as_the_fields_may_still_be_set() {
    let house = database();
    let role = house.role("wide", &[(Account::NAME, Action::Read, Level::All)]);
    house.grant(role, Effect::Allow, (Account::NAME, Action::Update, Level::All), "");
    let (lin, id) =
        (house.user("lin", &[role]), house.create(Account::NAME, &Changes::new().set("name", "x")));
    let all = Selection::Matching(Condition::Everything);
    let changes = Changes::new().set("city", "北京");
    let edited = lin.bulk_update(Account::NAME, &all, &changes, &Bulk::default()).unwrap();
    list(&house, role, (Action::Update, Level::All, Effect::Deny), "name");
    let undone = lin.undo_bulk(edited.batch).unwrap();
    assert!(undone.iter().all(|row| row.outcome.is_err()), "{undone:?}");
    assert_eq!(city(&house, id), Value::from("北京"));
}

#[test]
fn what_one_role_leaves_another_one_sets_and_what_is_forbidden_nobody_sets() {
    let house = database();
    let phones = setting(&house, "phones", Action::Update, Level::All, "phone");
    let own = setting(&house, "own", Action::Update, Level::Own, "city");
    let lin = house.user("lin", &[phones, own]);
    let id = house.create(Account::NAME, &Changes::new().set("name", "x"));
    let mine = house.create(Account::NAME, &Changes::new().set("name", "y").owner(lin.user()));
    let place = || Changes::new().set("city", "北京");
    update(&lin, mine, place().set("phone", "13812345678")).unwrap();
    assert_eq!(refusal(update(&lin, id, place())), Code::FieldNotPermitted);
    assert_eq!(refusal(update(&lin, mine, Changes::new().set("note", "x"))), Code::FieldNotPermitted);
    let told = lin.explain_access(lin.user(), Account::NAME, mine, Action::Update).unwrap();
    assert!(told.read_only.contains(&"note".to_owned()) && !told.read_only.contains(&"city".to_owned()));
    let told = lin.explain_access(lin.user(), Account::NAME, id, Action::Update).unwrap();
    assert!(told.read_only.contains(&"city".to_owned()) && !told.read_only.contains(&"phone".to_owned()));
    let told = lin.explain_access(lin.user(), Account::NAME, id, Action::Read).unwrap();
    assert!(told.read_only.is_empty(), "to read sets nothing");
    let asked = json!({"entity": "account", "id": id.to_string(), "action": "update"});
    let told = call(&house.admin, "access.who", &asked).unwrap();
    let row = |user: RecordId| {
        let rows = told["rows"].as_array().unwrap();
        rows.iter().find(|row| row["user"] == json!(user.to_string())).unwrap().clone()
    };
    assert!(row(lin.user())["read_only_fields"].as_array().unwrap().contains(&json!("city")));
    assert_eq!(row(house.admin.user())["read_only_fields"], json!([]));
    // One that forbids and names the only fields forbids to set the others, whatever else lets them be set.
    let everything = house.user_as("everything", "director");
    let denies = house.role("denies", &[]);
    list(&house, denies, (Action::Update, Level::All, Effect::Deny), "city");
    let assigned = Changes::new().set(role_assignment::USER, everything.user());
    let _ = house.create(RoleAssignment::NAME, &assigned.set(role_assignment::ROLE, denies));
    update(&everything, id, place()).unwrap();
    assert_eq!(refusal(update(&everything, id, Changes::new().set("note", "x"))), Code::FieldNotPermitted);
    let wrong = json!({"role": "own", "entity": "account", "action": "update", "level": "own", "writable_fields": "ctiy"});
    assert_eq!(refusal(call(&house.admin, "role.grant", &wrong)), Code::UnknownField);
}

#[test]
fn nobody_lets_more_be_set_than_they_set_themselves_and_a_correction_waits_for_who_may() {
    let house = database();
    let role = setting(&house, "phones", Action::Update, Level::All, "phone");
    for action in [Action::Create, Action::Read, Action::Update] {
        for entity in ["sys.role", "sys.grant", "sys.role_assignment", "sys.user"] {
            house.grant(role, Effect::Allow, (entity, action, Level::All), "");
        }
    }
    let keeper = house.user("keeper", &[role]);
    let target = house.role("target", &[(Account::NAME, Action::Read, Level::All)]);
    let given = |fields: &str| {
        let changes = Changes::new().set(grant::ROLE, target).set(grant::ENTITY, Account::NAME);
        let changes = changes.set(grant::ACTION, Action::Update).set(grant::LEVEL, Level::All);
        let changes = changes.set(grant::WRITABLE_FIELDS, fields);
        keeper.write(|transaction| transaction.create_record(Grant::NAME, changes.clone()))
    };
    for fields in ["city", "phone, city", ""] {
        assert_eq!(refusal(given(fields)), Code::BeyondOwnRights, "{fields:?}");
    }
    let narrow = given("phone").unwrap();
    let wider = keeper.write(|transaction| {
        let changes = Changes::new().set(grant::WRITABLE_FIELDS, "phone, city");
        transaction.update_record(Grant::NAME, narrow, changes).map(drop)
    });
    assert_eq!(refusal(wider), Code::BeyondOwnRights);
    let id = house.create(Account::NAME, &Changes::new().set("name", "x").set("city", "上海"));
    let reader = house.user("reader", &[house.role("reads", &[(Account::NAME, Action::Read, Level::All)])]);
    let proposed =
        reader.propose_correction(Account::NAME, id, &[("city", Value::from("北京"))], "moved").unwrap();
    assert_eq!(refusal(keeper.accept_correction(proposed, None)), Code::RecordNotFound, "not theirs to set");
    house.admin.accept_correction(proposed, None).unwrap();
    assert_eq!(city(&house, id), Value::from("北京"));
}

#[test]
fn a_simulation_tells_which_fields_may_be_set_and_a_package_carries_the_list() {
    let house = database();
    let role = setting(&house, "phones", Action::Update, Level::All, "phone");
    let lin = house.user("lin", &[role]);
    let grants = guanxi::Find { filter: grant::ROLE.is(role), ..guanxi::Find::default() };
    let grants = house.admin.list(Grant::NAME, &grants).unwrap().rows;
    let listing = grants.iter().find(|row| row.value("action").unwrap() == Value::from("update")).unwrap();
    let planned = json!({"changes": [{"do": "update", "entity": "sys.grant", "id": listing.record.id.to_string(),
        "values": {"writable_fields": "city"}}]});
    let told = call(&house.admin, "access.simulate", &planned).unwrap();
    let row = &told["rows"][0];
    assert_eq!(
        (&row["user"], &row["action"], &row["opened"], &row["opened_fields"], &row["closed_fields"]),
        (&json!(lin.user().to_string()), &json!("update"), &json!(0), &json!(["city"]), &json!(["phone"])),
        "{told}"
    );
    let package = json!({
        "package": "cn.desk", "version": "1.0.0", "label": {"zh": "台", "en": "Desk"},
        "roles": [{"name": "Desk", "grants": [
            {"entity": "account", "action": "read", "level": "all", "visible_fields": ["name", "phone"]},
            {"entity": "account", "action": "update", "level": "all", "writable_fields": ["phone"]},
        ]}],
    });
    call(&house.admin, "schema.install_package", &json!({"package": package})).unwrap();
    let clerk = house.user_as("clerk", "Desk");
    let id = house.create(Account::NAME, &Changes::new().set("name", "x").set("city", "上海"));
    assert_eq!(clerk.get(Account::NAME, id).unwrap().value("city").unwrap(), Value::Null);
    update(&clerk, id, Changes::new().set("phone", "13812345678")).unwrap();
    assert_eq!(refusal(update(&clerk, id, Changes::new().set("name", "y"))), Code::FieldNotPermitted);
    let misspelt = json!({"package": "cn.other", "version": "1.0.0", "label": {"zh": "台", "en": "Desk"},
        "roles": [{"name": "Other", "grants": [
            {"entity": "account", "action": "update", "level": "all", "writable_fields": ["phnoe"]}]}]});
    let refused = call(&house.admin, "schema.install_package", &json!({"package": misspelt}));
    assert_eq!(refusal(refused), Code::UnknownField);
}

#[test]
fn a_denial_that_names_every_field_as_the_only_ones_forbids_no_record_and_every_later_field() {
    let house = database();
    let id = house.create(Account::NAME, &Changes::new().set("name", "x").set("city", "上海"));
    let registry = house.crm.registry();
    let every: Vec<String> =
        registry.entity(Account::NAME).unwrap().fields().iter().map(|field| field.api_name.clone()).collect();
    let role = house.role("all", &[(Account::NAME, Action::Read, Level::All)]);
    house.grant(role, Effect::Allow, (Account::NAME, Action::Update, Level::All), "");
    let lin = house.user("lin", &[role]);
    let denies = house.role("denies", &[]);
    list(&house, denies, (Action::Update, Level::All, Effect::Deny), &every.join(", "));
    let shows = Changes::new().set(grant::ROLE, denies).set(grant::ENTITY, Account::NAME);
    let shows = shows.set(grant::ACTION, Action::Read).set(grant::LEVEL, Level::All);
    let shows = shows.set(grant::EFFECT, Effect::Deny).set(grant::VISIBLE_FIELDS, every.join(","));
    let _ = house.create(Grant::NAME, &shows);
    let assigned = Changes::new().set(role_assignment::USER, lin.user());
    let _ = house.create(RoleAssignment::NAME, &assigned.set(role_assignment::ROLE, denies));
    // Both name fields, so they forbid fields and no record, and today there is none to forbid.
    assert_eq!(lin.get(Account::NAME, id).unwrap().value("city").unwrap(), Value::from("上海"));
    assert_eq!(lin.count(Account::NAME, &Condition::Everything).unwrap(), 1);
    update(&lin, id, Changes::new().set("city", "北京")).unwrap();
    let kind = FieldType::Text;
    let later =
        house.admin.define_field(Account::NAME, "later", Label::new("后来", "Later"), kind, |_| ()).unwrap();
    house.change(Account::NAME, id, &Changes::new().set(later.as_str(), "secret"));
    assert_eq!(lin.get(Account::NAME, id).unwrap().value(later.as_str()).unwrap(), Value::Null);
    let set = update(&lin, id, Changes::new().set(later.as_str(), "x"));
    assert_eq!(refusal(set), Code::FieldNotPermitted);
    update(&lin, id, Changes::new().set("city", "广州")).unwrap();
    // One that names nothing forbids the records.
    house.grant(denies, Effect::Deny, (Account::NAME, Action::Update, Level::All), "");
    assert_eq!(refusal(update(&lin, id, Changes::new().set("city", "上海"))), Code::NotPermitted);
}
