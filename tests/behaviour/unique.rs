//! Unique rules: what no two records have in common, within a scope, where a condition holds, at any time.

use std::collections::{BTreeMap, BTreeSet};

use guanxi::engine::{Action, Level};
use guanxi::{CancelToken, Code, Patience, Session, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

use crate::backup::{full, keys, opened};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

/// Accounts with a code, a project, a shelf, and whether they are active.
fn fields(house: &House) {
    for (name, kind) in [("code", "text"), ("shelf", "int"), ("active", "bool")] {
        let field = json!({"entity": "account", "name": name, "field_type": kind, "label_zh": name, "label_en": name});
        call(&house.admin, "schema.define_field", field).unwrap();
    }
    let parent = json!({"entity": "account", "name": "above", "field_type": "reference", "target": "account", "label_zh": "上级", "label_en": "Above"});
    call(&house.admin, "schema.define_field", parent).unwrap();
}

fn house() -> House {
    let house = database();
    fields(&house);
    house
}

fn define(session: &Session, rule: Json) -> guanxi::Result<Json> {
    call(session, "schema.define_unique", json!({"entity": "account", "rule": rule}))
}

fn create(session: &Session, values: Json) -> guanxi::Result<String> {
    let mut values = values;
    if values.get("name").is_none() {
        values["name"] = json!("某公司");
    }
    let made = call(session, "record.create", json!({"entity": "account", "values": values}))?;
    Ok(made["id"].as_str().unwrap().to_owned())
}

fn change(session: &Session, id: &str, values: Json) -> guanxi::Result<()> {
    call(session, "record.update", json!({"entity": "account", "id": id, "values": values})).map(drop)
}

fn act(session: &Session, method: &str, id: &str) -> guanxi::Result<()> {
    call(session, method, json!({"entity": "account", "id": id})).map(drop)
}

fn described(house: &House) -> Json {
    call(&house.admin, "schema.describe", json!({"entity": "account"})).unwrap()["entities"][0]["unique"]
        .clone()
}

fn in_parent() -> Json {
    json!({"name": "code_in_parent", "fields": [{"field": "x.above"}, {"field": "x.code"}]})
}

#[test]
fn a_code_is_unique_within_its_parent_and_nowhere_else() {
    let house = house();
    let admin = &house.admin;
    assert_eq!(define(admin, in_parent()).unwrap(), json!({"unique": "x.code_in_parent"}));
    let (one, two) = (create(admin, json!({})).unwrap(), create(admin, json!({})).unwrap());
    let first = create(admin, json!({"x.above": one, "x.code": "A-1"})).unwrap();
    let other = create(admin, json!({"x.above": two, "x.code": "A-1"})).unwrap();
    // Whoever lacks one of the values takes no part.
    create(admin, json!({"x.code": "A-1"})).unwrap();
    create(admin, json!({"x.code": "A-1"})).unwrap();
    let error = create(admin, json!({"x.above": one, "x.code": " ａ-1"})).unwrap_err();
    assert_eq!(error.code(), Code::NotUnique);
    assert_eq!(
        (error.entity_name(), error.rule_name(), error.field_name()),
        (Some("crm.account"), Some("x.code_in_parent"), Some("x.above, x.code"))
    );
    assert_eq!(change(admin, &other, json!({"x.above": one})).unwrap_err().code(), Code::NotUnique);
    change(admin, &other, json!({"x.code": "A-2"})).unwrap();
    change(admin, &other, json!({"x.above": one})).unwrap();
    // A deleted record gives its place away, and does not get it back from another one.
    act(admin, "record.delete", &first).unwrap();
    change(admin, &other, json!({"x.code": "a-1"})).unwrap();
    assert_eq!(act(admin, "record.undelete", &first).unwrap_err().code(), Code::NotUnique);
    change(admin, &other, json!({"x.code": null})).unwrap();
    act(admin, "record.undelete", &first).unwrap();
    let house = house.reopened();
    let error = change(&house.admin, &other, json!({"x.code": "A-1"})).unwrap_err();
    assert_eq!(error.code(), Code::NotUnique);
    let told = &described(&house)[0];
    assert_eq!((&told["name"], &told["complete"]), (&json!("x.code_in_parent"), &json!(true)));
    let _ = house.verified();
}

#[test]
fn a_condition_says_who_takes_part_and_a_normalizer_how_texts_are_compared() {
    let house = house();
    let admin = &house.admin;
    let exact = json!({"name": "live_code", "condition": "x.active == true", "fields": [{"field": "x.code", "normalizer": "exact"}]});
    define(admin, exact).unwrap();
    let first = create(admin, json!({"x.code": "k", "x.active": true})).unwrap();
    create(admin, json!({"x.code": "K", "x.active": true})).unwrap();
    create(admin, json!({"x.code": "k", "x.active": false})).unwrap();
    let third = create(admin, json!({"x.code": "k"})).unwrap();
    assert_eq!(change(admin, &third, json!({"x.active": true})).unwrap_err().code(), Code::NotUnique);
    change(admin, &first, json!({"x.active": false})).unwrap();
    change(admin, &third, json!({"x.active": true})).unwrap();
    assert_eq!(change(admin, &first, json!({"x.active": true})).unwrap_err().code(), Code::NotUnique);
    let by_owner = json!({"name": "shelf_of_owner", "fields": [{"field": "owner"}, {"field": "x.shelf"}]});
    define(admin, by_owner).unwrap();
    create(admin, json!({"x.shelf": 7})).unwrap();
    assert_eq!(create(admin, json!({"x.shelf": 7})).unwrap_err().code(), Code::NotUnique);
    let all = [("crm.account", Action::Create, Level::All), ("crm.account", Action::Read, Level::All)];
    let li = house.user("li", &[house.role("maker", &all)]);
    create(&li, json!({"x.shelf": 7})).unwrap();
    let _ = house.verified();
}

#[test]
fn what_stands_is_held_against_a_new_rule_which_is_refused_whole_where_it_is_broken() {
    let house = house();
    let admin = &house.admin;
    let ids: Vec<String> = ["a", "b", "A", "c", "b"]
        .iter()
        .map(|code| create(admin, json!({"x.code": code})).unwrap())
        .collect();
    let rule = || json!({"name": "code", "fields": [{"field": "x.code"}]});
    let error = define(admin, rule()).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::NotUnique, Some("x.code")));
    let said = error.rule_name().unwrap().to_owned();
    assert!(said.starts_with("x.code: 4 records"), "{said}");
    for id in [0, 1, 2, 4] {
        assert!(said.contains(&ids[id]), "{said} names {}", ids[id]);
    }
    assert_eq!(described(&house), json!([]));
    let _ = house.verified();
    for id in [2, 4] {
        change(admin, &ids[id], json!({"x.code": format!("n{id}")})).unwrap();
    }
    define(admin, rule()).unwrap();
    assert_eq!(create(admin, json!({"x.code": "C"})).unwrap_err().code(), Code::NotUnique);
    let _ = house.verified();
    call(admin, "schema.remove_unique", json!({"entity": "account", "name": "code"})).unwrap();
    create(admin, json!({"x.code": "C"})).unwrap();
    let _ = house.verified();
    assert_eq!(define(admin, rule()).unwrap_err().code(), Code::NotUnique);
    let error =
        call(admin, "schema.remove_unique", json!({"entity": "account", "name": "code"})).unwrap_err();
    assert_eq!(error.code(), Code::InvalidDefinition);
}

#[test]
fn a_large_table_is_taken_in_by_chunks_that_go_on_after_an_interruption() {
    let house = House::with(|options| options.build_at_once(10));
    fields(&house);
    let ids: Vec<String> = (0..45)
        .map(|number| create(&house.admin, json!({"x.code": format!("k{number}")})).unwrap())
        .collect();
    let interrupted = |house: &House| {
        let token = CancelToken::default();
        let inner = token.clone();
        let impatient = Patience::with_token(token).telling(move |told| {
            if told.phase == "indexes" && told.done >= 20 {
                inner.cancel();
            }
        });
        house.admin.with_patience(impatient)
    };
    let rule = json!({"name": "code", "fields": [{"field": "x.code"}]});
    assert_eq!(define(&interrupted(&house), rule.clone()).unwrap_err().code(), Code::Cancelled);
    assert_eq!(described(&house)[0]["complete"], json!(false));
    let _ = house.verified();
    let admin = &house.admin;
    // It binds at once whoever is in; one that is not may be met by its fellow later.
    assert_eq!(create(admin, json!({"x.code": "K3"})).unwrap_err().code(), Code::NotUnique);
    let late = create(admin, json!({"x.code": "K44"})).unwrap();
    change(admin, &ids[44], json!({"x.code": "moved"})).unwrap();
    let error = create(admin, json!({"x.code": "k44"})).unwrap_err();
    assert_eq!(error.code(), Code::NotUnique, "the key of the record that came later still stands");
    act(admin, "record.delete", &ids[2]).unwrap();
    create(admin, json!({"x.code": "k2"})).unwrap();
    let _ = house.verified();
    let house = house.reopened();
    let admin = &house.admin;
    admin.build_indexes().unwrap();
    assert_eq!(described(&house)[0]["complete"], json!(true));
    assert_eq!(change(admin, &late, json!({"x.code": "moved"})).unwrap_err().code(), Code::NotUnique);
    let _ = house.verified();
}

#[test]
fn a_large_table_that_breaks_a_rule_loses_it_again_with_all_its_keys() {
    let house = House::with(|options| options.build_at_once(10));
    fields(&house);
    let admin = &house.admin;
    let ids: Vec<String> =
        (0..45).map(|number| create(admin, json!({"x.shelf": number % 40})).unwrap()).collect();
    let error = define(admin, json!({"name": "shelf", "fields": [{"field": "x.shelf"}]})).unwrap_err();
    assert_eq!(error.code(), Code::NotUnique);
    let said = error.rule_name().unwrap();
    assert!(
        said.starts_with("x.shelf: 10 records") && said.contains(&ids[44]) && said.contains(&ids[4]),
        "{said}"
    );
    assert_eq!(described(&house), json!([]));
    create(admin, json!({"x.shelf": 1})).unwrap();
    let _ = house.verified();
    // A package that asks for the same is not installed.
    let package = json!({
        "package": "acme", "version": "1.0.0", "label": {"zh": "甲", "en": "A"},
        "extends": [{
            "entity": "crm.account",
            "fields": [{"local": 1, "name": "seal", "label": {"zh": "印", "en": "Seal"}, "kind": {"type": "text"}}],
            "unique": [{"name": "shelf", "fields": [{"field": "x.shelf"}]}],
        }],
    });
    let error = call(admin, "schema.install_package", json!({"package": package})).unwrap_err();
    assert_eq!(error.code(), Code::NotUnique);
    let installed = call(admin, "schema.packages", json!({})).unwrap();
    assert_eq!(installed["packages"][0]["active"], json!(false));
    assert_eq!(described(&house), json!([]));
    let _ = house.verified();
}

#[test]
fn a_rule_travels_in_packages_and_goes_with_them() {
    let house = house();
    let admin = &house.admin;
    define(admin, in_parent()).unwrap();
    let exported = call(admin, "schema.export_package", json!({"package": "x"})).unwrap()["package"].clone();
    let elsewhere = database();
    let plan =
        call(&elsewhere.admin, "schema.install_package", json!({"package": exported, "dry_run": true}))
            .unwrap();
    let changes = plan["changes"].as_array().unwrap();
    let told = changes.iter().find(|change| change["element"] == "unique").unwrap();
    assert_eq!(
        (&told["name"], &told["change"], &told["reads_records"]),
        (&json!("x.code_in_parent"), &json!("added"), &json!(true))
    );
    call(&elsewhere.admin, "schema.install_package", json!({"package": exported})).unwrap();
    assert_eq!(described(&elsewhere)[0]["name"], "x.code_in_parent");
    // A vendor's goes with the vendor.
    let package = |version: &str, unique: Json| {
        json!({"package": "acme", "version": version, "label": {"zh": "甲", "en": "A"}, "extends": [{
            "entity": "crm.account",
            "fields": [{"local": 1, "name": "seal", "label": {"zh": "印", "en": "Seal"}, "kind": {"type": "text"}}],
            "unique": unique,
        }]})
    };
    let install = |package: Json| call(admin, "schema.install_package", json!({"package": package}));
    let seal = json!([{"name": "seal", "fields": [{"field": "acme.seal"}], "condition": "acme.seal != '-'"}]);
    install(package("1.0.0", seal)).unwrap();
    create(admin, json!({"acme.seal": "s"})).unwrap();
    create(admin, json!({"acme.seal": "-"})).unwrap();
    create(admin, json!({"acme.seal": "-"})).unwrap();
    assert_eq!(create(admin, json!({"acme.seal": "S"})).unwrap_err().code(), Code::NotUnique);
    let other = json!([{"name": "seal", "fields": [{"field": "acme.seal"}]}]);
    let error = install(package("1.1.0", other)).unwrap_err();
    assert_eq!(
        (error.code(), error.rule_name()),
        (Code::InvalidDefinition, Some("a unique rule never changes"))
    );
    install(package("1.1.0", json!([]))).unwrap();
    create(admin, json!({"acme.seal": "S"})).unwrap();
    let _ = house.verified();
    let misspelt = json!([{"name": "seal", "fields": [{"field": "acme.seal", "normaliser": "exact"}]}]);
    let error = install(package("1.2.0", misspelt)).unwrap_err();
    assert_eq!(error.field_name(), Some("extends.1.unique.1.fields.1.normaliser"));
}

#[test]
fn what_no_rule_can_be_is_refused() {
    let house = house();
    let admin = &house.admin;
    let refused = |rule: Json| {
        let error = define(admin, rule).unwrap_err();
        (error.code(), error.rule_name().unwrap_or_default().to_owned())
    };
    let invalid = |rule: &str| (Code::InvalidDefinition, rule.to_owned());
    assert_eq!(refused(json!({"name": "n", "fields": []})), invalid("a unique rule has 1 to 4 fields"));
    let twice = json!({"name": "n", "fields": [{"field": "x.code"}, {"field": "code"}]});
    assert_eq!(refused(twice), invalid("fields of a unique rule are different, and can be compared"));
    let moment = json!({"name": "n", "fields": [{"field": "created_at"}]});
    assert_eq!(refused(moment), invalid("fields of a unique rule are different, and can be compared"));
    let exact = json!({"name": "n", "fields": [{"field": "x.shelf", "normalizer": "exact"}]});
    assert_eq!(refused(exact), invalid("only a text is compared as it is written"));
    let timely = json!({"name": "n", "condition": "year(today()) > 2000", "fields": [{"field": "x.code"}]});
    assert_eq!(refused(timely), invalid("what changes with time is not unique"));
    assert_eq!(
        refused(json!({"name": "n", "condition": "x.code", "fields": [{"field": "x.code"}]})).0,
        Code::InvalidExpression
    );
    assert_eq!(refused(json!({"name": "n", "fields": [{"field": "nothing"}]})).0, Code::UnknownField);
    assert_eq!(described(&house), json!([]));
}

#[test]
fn who_may_not_see_a_field_is_not_told_of_it() {
    let house = house();
    define(&house.admin, in_parent()).unwrap();
    let above = create(&house.admin, json!({})).unwrap();
    create(&house.admin, json!({"x.above": above, "x.code": "k"})).unwrap();
    let mine = create(&house.admin, json!({"x.above": above, "x.code": "m"})).unwrap();
    let all =
        [Action::Read, Action::Update, Action::Administer].map(|action| ("crm.account", action, Level::All));
    let blind = house.user("blind", &[house.role_hiding("blind", &all, "x.above")]);
    let error = change(&blind, &mine, json!({"x.code": "k"})).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::NotUnique, Some("x.code")));
    assert!(!error.to_string().contains("above"), "{error}");
    let told = call(&blind, "schema.describe", json!({"entity": "account"})).unwrap();
    assert_eq!(told["entities"][0]["unique"], json!([]));
    let rule = json!({"name": "n", "fields": [{"field": "x.above"}]});
    assert_eq!(define(&blind, rule).unwrap_err().code(), Code::UnknownField);
    let rule = json!({"name": "n", "fields": [{"field": "x.code"}], "condition": "x.above != null"});
    assert_eq!(define(&blind, rule).unwrap_err().code(), Code::InvalidExpression);
    let reader = house.user("reader", &[house.role("reader", &[("crm.account", Action::Read, Level::All)])]);
    assert_eq!(define(&reader, in_parent()).unwrap_err().code(), Code::NotPermitted);
}

/// What the model knows of one record.
#[derive(Clone, Default)]
struct Known {
    code: Option<String>,
    shelf: Option<i64>,
    active: Option<bool>,
    deleted: bool,
}

/// The values of a record by three rules, where it takes part: told apart by the number of the rule.
fn parts(known: &Known) -> Vec<(u8, String)> {
    if known.deleted {
        return Vec::new();
    }
    let mut parts = Vec::new();
    if let (Some(shelf), Some(code)) = (known.shelf, &known.code) {
        parts.push((1, format!("{shelf}/{}", code.to_lowercase())));
    }
    if let (Some(true), Some(code)) = (known.active, &known.code) {
        parts.push((2, code.clone()));
    }
    if let (Some(shelf), Some(active)) = (known.shelf.filter(|shelf| *shelf > 2), known.active) {
        parts.push((3, format!("{shelf}/{active}")));
    }
    parts
}

/// Declares a rule, which is taken if what stands keeps it; else after everything is deleted.
fn add_rule(admin: &Session, rule: &Json, number: u8, all: &mut BTreeMap<String, Known>) {
    let mut seen = BTreeSet::new();
    let of_rule = all.values().flat_map(parts).filter(|(rule, _)| *rule == number);
    let twice: Vec<_> = of_rule.filter(|part| !seen.insert(part.clone())).collect();
    if !twice.is_empty() {
        assert_eq!(define(admin, rule.clone()).unwrap_err().code(), Code::NotUnique);
        for (id, known) in all.iter_mut().filter(|(_, known)| !known.deleted) {
            act(admin, "record.delete", id).unwrap();
            known.deleted = true;
        }
    }
    define(admin, rule.clone()).unwrap();
}

/// Creates, changes, deletes or brings back a record, and says in the model what it would be then.
fn write_something(
    admin: &Session,
    chosen: Option<&String>,
    known: &mut Known,
    random: &mut impl FnMut(u64) -> u64,
) -> guanxi::Result<String> {
    match chosen {
        Some(id) if known.deleted => {
            known.deleted = false;
            act(admin, "record.undelete", id).map(|()| id.clone())
        }
        Some(id) if random(5) == 0 => {
            known.deleted = true;
            act(admin, "record.delete", id).map(|()| id.clone())
        }
        _ => {
            known.code = (random(6) > 0).then(|| ["a", "A", "b", "B", "c"][random(5) as usize].to_owned());
            known.shelf = (random(6) > 0).then(|| random(6) as i64);
            known.active = (random(4) > 0).then(|| random(2) == 0);
            let values = json!({"x.code": known.code, "x.shelf": known.shelf, "x.active": known.active});
            match chosen {
                Some(id) => change(admin, id, values).map(|()| id.clone()),
                None => create(admin, values),
            }
        }
    }
}

#[test]
fn whatever_is_written_the_rules_say_what_a_list_of_all_records_says() {
    let house = house();
    let admin = &house.admin;
    let rules = [
        json!({"name": "one", "fields": [{"field": "x.shelf"}, {"field": "x.code"}]}),
        json!({"name": "two", "fields": [{"field": "x.code", "normalizer": "exact"}], "condition": "x.active"}),
        json!({"name": "three", "fields": [{"field": "x.active"}, {"field": "x.shelf"}], "condition": "x.shelf > 2"}),
    ];
    let mut pending = rules.into_iter();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let (mut all, mut declared) = (BTreeMap::<String, Known>::new(), 0_u8);
    let (mut taken, mut refused) = (0, 0);
    for step in 0..700 {
        if step % 150 == 0 && declared < 3 {
            add_rule(admin, &pending.next().unwrap(), declared + 1, &mut all);
            declared += 1;
        }
        let ids: Vec<String> = all.keys().cloned().collect();
        let chosen =
            (!ids.is_empty() && random(3) > 0).then(|| ids[random(ids.len() as u64) as usize].clone());
        let mut known = chosen.as_ref().map(|id| all[id].clone()).unwrap_or_default();
        let outcome = write_something(admin, chosen.as_ref(), &mut known, &mut random);
        let mine: Vec<_> = parts(&known).into_iter().filter(|(rule, _)| *rule <= declared).collect();
        let others = all.iter().filter(|(id, _)| Some(*id) != chosen.as_ref());
        let clash = others.flat_map(|(_, other)| parts(other)).any(|part| mine.contains(&part));
        match outcome {
            Ok(id) => {
                assert!(!clash, "step {step} was taken");
                all.insert(id, known);
                taken += 1;
            }
            Err(error) => {
                assert!(clash, "step {step}: {error}");
                assert_eq!(error.code(), Code::NotUnique);
                refused += 1;
            }
        }
    }
    assert!(taken > 150 && refused > 100, "{taken} {refused}");
    let _ = house.verified();
    // A backup has no unique keys; the restored database makes them anew.
    let (backup, _) = full(&house.admin);
    let (_, restored, _) = opened(&house, &[&backup], Some(&keys(&house.admin)));
    let session = restored.session_for(guanxi_tests::ADMIN).unwrap();
    restored.verify(&Patience::default()).unwrap();
    let standing = all.iter().find(|(_, known)| parts(known).iter().any(|(rule, _)| *rule == 1));
    let (_, known) = standing.unwrap();
    let values = json!({"x.code": known.code, "x.shelf": known.shelf});
    assert_eq!(create(&session, values).unwrap_err().code(), Code::NotUnique);
}
