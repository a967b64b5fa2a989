//! Relations: records linked in roles, for some days or for good, seen by whoever sees both ends.

use guanxi::base::Label;
use guanxi::engine::{Action, Level, LinkFind, NewRelation, Total};
use guanxi::model::{Account, Contact};
use guanxi::schema::{Cardinality, EntityType, OnDelete, RelationDefinition, RelationSide};
use guanxi::{Changes, Code, Condition, Date, RecordId, Result, Session, Value, api};
use guanxi_tests::{House, database, refusal};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn call(house: &House, method: &str, given: Json) -> Result<Json> {
    api::call(&house.admin, method, &given)
}

fn side(zh: &str, en: &str) -> Json {
    json!({"entities": ["account"], "label": {"zh": zh, "en": en}, "on_delete": "cascade"})
}

/// Holdings of accounts in accounts, for some days, with a share.
fn holding() -> Json {
    json!({
        "name": "holding", "label_zh": "持股", "label_en": "Holding", "validity": true,
        "from": {"name": "holder", "entities": ["account"], "label": {"zh": "股东", "en": "Shareholder"}},
        "to": {"name": "company", "entities": ["account"], "label": {"zh": "公司", "en": "Company"}, "on_delete": "cascade"},
        "fields": [{"name": "share", "label": {"zh": "比例", "en": "Share"}, "kind": {"type": "percent"}}],
    })
}

fn account(house: &House, name: &str) -> RecordId {
    house.create(Account::NAME, &Changes::new().set("name", name))
}

fn link(house: &House, from: RecordId, to: RecordId, days: (Option<&str>, Option<&str>)) -> Result<RecordId> {
    let given = json!({
        "relation": "x.holding", "from": from.to_string(), "to": to.to_string(),
        "valid_from": days.0, "valid_to": days.1, "values": {"share": "12.5"},
    });
    let given = without_nulls(given);
    Ok(call(house, "relation.link", given)?["id"].as_str().unwrap().parse().unwrap())
}

fn without_nulls(given: Json) -> Json {
    let members = given.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    Json::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// The titles at the other ends, with their roles.
fn others(session: &Session, id: RecordId, more: Json) -> Vec<(String, String)> {
    let mut given = json!({"relation": "x.holding", "entity": "account", "id": id.to_string()});
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let told = api::call(session, "relation.list", &given).unwrap();
    let text = |row: &Json, name: &str| row[name].as_str().unwrap().to_owned();
    told["rows"].as_array().unwrap().iter().map(|row| (text(row, "title"), text(row, "role"))).collect()
}

fn pair(title: &str, role: &str) -> (String, String) {
    (title.to_owned(), role.to_owned())
}

#[test]
fn links_are_found_from_either_end_in_their_roles_and_on_their_days() {
    let house = database();
    assert_eq!(call(&house, "schema.define_relation", holding()).unwrap(), json!({"relation": "x.holding"}));
    let [mother, daughter, bank] = ["母公司", "子公司", "银行"].map(|name| account(&house, name));
    link(&house, mother, daughter, (Some("2020-01-01"), Some("2024-01-01"))).unwrap();
    link(&house, bank, daughter, (Some("2022-01-01"), None)).unwrap();
    let house = house.reopened();
    assert_eq!(others(&house.admin, mother, json!({})), [pair("子公司", "Company")]);
    assert_eq!(
        others(&house.admin, daughter, json!({})),
        [pair("母公司", "Shareholder"), pair("银行", "Shareholder")]
    );
    assert_eq!(others(&house.admin, daughter, json!({"side": "holder"})), []);
    for (day, names) in [
        ("2019-12-31", vec![]),
        ("2020-01-01", vec!["母公司"]),
        ("2023-12-31", vec!["母公司", "银行"]),
        ("2024-01-01", vec!["银行"]),
    ] {
        let found = others(&house.admin, daughter, json!({"at": day}));
        assert_eq!(found.iter().map(|(title, _)| title.as_str()).collect::<Vec<_>>(), names, "{day}");
        let given =
            json!({"relation": "x.holding", "entity": "account", "id": daughter.to_string(), "at": day});
        let counted = call(&house, "relation.count", given).unwrap();
        assert_eq!(counted, json!({"count": names.len(), "more": false}));
    }
    let find = LinkFind { limit: 1, ..LinkFind::default() };
    let first = house.admin.links("x.holding", "account", daughter, &find).unwrap();
    assert_eq!((first.rows.len(), first.rows[0].id), (1, mother));
    let find = LinkFind { after: first.next, ..find };
    let second = house.admin.links("x.holding", "account", daughter, &find).unwrap();
    assert_eq!((second.rows.len(), second.rows[0].id), (1, bank));
    let share = second.rows[0].link.value("share").unwrap();
    assert_eq!(share, Value::Decimal("12.5".parse().unwrap()));
    let _ = house.verified();
}

#[test]
fn no_pair_is_linked_twice_on_one_day_and_a_refusal_leaves_nothing_behind() {
    let house = database();
    call(&house, "schema.define_relation", holding()).unwrap();
    let [mother, daughter] = ["母公司", "子公司"].map(|name| account(&house, name));
    let first = link(&house, mother, daughter, (Some("2020-01-01"), Some("2022-01-01"))).unwrap();
    for (days, code) in [
        ((Some("2021-12-31"), None), Code::ValidityOverlap),
        ((None, Some("2020-01-02")), Code::ValidityOverlap),
        ((None, None), Code::ValidityOverlap),
        ((Some("2023-01-02"), Some("2023-01-01")), Code::InvalidPeriod),
    ] {
        let error = link(&house, mother, daughter, days).unwrap_err();
        assert_eq!((error.code(), error.entity_name()), (code, Some("x.holding")), "{days:?}");
    }
    assert_eq!(refusal(link(&house, mother, mother, (None, None))), Code::LinkedToItself);
    let second = link(&house, mother, daughter, (Some("2022-01-01"), None)).unwrap();
    let earlier =
        json!({"entity": "x.holding", "id": second.to_string(), "values": {"valid_from": "2021-01-01"}});
    assert_eq!(refusal(call(&house, "record.update", earlier)), Code::ValidityOverlap);
    assert_eq!(house.admin.count("x.holding", &Condition::Everything).unwrap(), 2);
    let delete = json!({"entity": "x.holding", "id": first.to_string()});
    call(&house, "record.delete", delete.clone()).unwrap();
    link(&house, mother, daughter, (Some("2021-01-01"), Some("2022-01-01"))).unwrap();
    assert_eq!(refusal(call(&house, "record.undelete", delete)), Code::ValidityOverlap);
    let _ = house.verified();
}

#[test]
fn a_link_is_ended_on_a_day_and_deleted_where_it_held_on_none() {
    let house = database();
    call(&house, "schema.define_relation", holding()).unwrap();
    let [mother, daughter] = ["母公司", "子公司"].map(|name| account(&house, name));
    let unlink = |given: Json| call(&house, "relation.unlink", given);
    let pair = json!({"relation": "x.holding", "from": mother.to_string(), "to": daughter.to_string()});
    assert_eq!(refusal(unlink(pair.clone())), Code::RecordNotFound);
    let id = link(&house, mother, daughter, (Some("2020-01-01"), None)).unwrap();
    let ended = unlink(pair.clone()).unwrap();
    assert_eq!(ended, json!({"id": id.to_string(), "outcome": "ended", "valid_to": "2026-11-22"}));
    assert_eq!(refusal(unlink(pair.clone())), Code::RecordNotFound, "it has ended");
    let coming = link(&house, mother, daughter, (Some("2027-01-01"), None)).unwrap();
    let deleted = unlink(pair).unwrap();
    assert_eq!(deleted, json!({"id": coming.to_string(), "outcome": "deleted", "valid_to": null}));
    assert_eq!(house.admin.count("x.holding", &Condition::Everything).unwrap(), 1);
    let wrong = json!({"relation": "crm.account", "id": id.to_string()});
    assert_eq!(refusal(unlink(wrong)), Code::UnknownEntity);
}

#[test]
fn one_to_one_and_symmetric_relations_hold_on_every_day() {
    let house = database();
    let define = |name: &str, cardinality: &str, symmetric: bool| {
        let given = json!({
            "name": name, "label_zh": name, "label_en": name, "cardinality": cardinality,
            "symmetric": symmetric, "from": side("甲", "one"), "to": side("乙", "other"),
        });
        call(&house, "schema.define_relation", given)
    };
    define("twin", "one_to_one", true).unwrap();
    define("main_bank", "many_to_one", false).unwrap();
    define("partner", "many_to_many", true).unwrap();
    assert_eq!(refusal(define("odd", "many_to_one", true)), Code::InvalidDefinition);
    let [a, b, c] = ["a", "b", "c"].map(|name| account(&house, name));
    let link = |relation: &str, from: RecordId, to: RecordId| {
        house.admin.write(|transaction| transaction.link(relation, from, to, Changes::new()))
    };
    link("x.twin", a, b).unwrap();
    assert_eq!(refusal(link("x.twin", b, a)), Code::ValidityOverlap, "it stands once");
    assert_eq!(refusal(link("x.twin", c, a)), Code::LinkedAlready);
    assert_eq!(refusal(link("x.twin", b, c)), Code::LinkedAlready);
    link("x.main_bank", a, c).unwrap();
    link("x.main_bank", b, c).unwrap();
    assert_eq!(refusal(link("x.main_bank", a, b)), Code::LinkedAlready);
    link("x.main_bank", c, a).unwrap();
    link("x.partner", b, a).unwrap();
    link("x.partner", a, c).unwrap();
    let find = LinkFind { side: Some("from".to_owned()), ..LinkFind::default() };
    let found = house.admin.links("x.partner", "account", a, &find).unwrap();
    assert_eq!(found.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [c, b], "from both sides");
    let deleted = house.admin.write(|transaction| transaction.delete_record("account", a));
    deleted.unwrap();
    assert_eq!(house.admin.count("x.partner", &Condition::Everything).unwrap(), 0, "links go with an end");
    link("x.twin", c, b).unwrap();
    let _ = house.verified();
}

#[test]
fn a_side_takes_records_of_several_entities() {
    let house = database();
    let relation = RelationDefinition {
        cardinality: Cardinality::ManyToOne,
        to_itself: true,
        ..RelationDefinition::new(
            RelationSide::new(&["account", "contact"], Label::new("担保人", "Guarantor")),
            RelationSide {
                on_delete: OnDelete::Cascade,
                ..RelationSide::new(&["account"], Label::new("被担保人", "Guaranteed"))
            },
        )
    };
    let label = Label::new("担保", "Guarantee");
    let new = NewRelation { name: "guarantee".into(), label, relation, fields: Vec::new() };
    house.admin.define_relation(new).unwrap();
    let (firm, other) = (account(&house, "firm"), account(&house, "other"));
    let person = house.create(Contact::NAME, &Changes::new().set("name", "林").set("account", firm));
    let link = |from: RecordId, to: RecordId| {
        house.admin.write(|transaction| transaction.link("x.guarantee", from, to, Changes::new()))
    };
    link(person, firm).unwrap();
    link(firm, firm).unwrap();
    assert_eq!(refusal(link(person, other)), Code::LinkedAlready);
    assert_eq!(refusal(link(RecordId::from_bytes([7; 16]), other)), Code::ReferenceMissing);
    let found = house.admin.links("x.guarantee", "account", firm, &LinkFind::default()).unwrap();
    let rows: Vec<(&str, &str)> =
        found.rows.iter().map(|row| (row.entity.as_str(), row.title.as_str())).collect();
    assert_eq!(rows, [("crm.account", "firm"), ("crm.contact", "林")], "one with itself is told once");
    let delete =
        |entity: &str, id: RecordId| house.admin.write(|transaction| transaction.delete_record(entity, id));
    assert_eq!(refusal(delete("contact", person)), Code::Referenced);
    let _ = house.verified();
}

#[test]
fn a_link_exists_for_whoever_sees_both_ends_and_for_nobody_else() {
    let house = database();
    let mut given = holding();
    given["validity"] = json!(false);
    call(&house, "schema.define_relation", given).unwrap();
    let rollup = json!({
        "entity": "account", "name": "holders", "field_type": "rollup", "label_zh": "股东数", "label_en": "Holders",
        "child": "x.holding", "by": "company", "function": "count", "readers": "visible",
    });
    call(&house, "schema.define_field", rollup).unwrap();
    let role = house.role(
        "clerk",
        &[
            ("crm.account", Action::Read, Level::Own),
            ("x.holding", Action::Read, Level::All),
            ("x.holding", Action::Update, Level::All),
            ("x.holding", Action::Create, Level::All),
        ],
    );
    let clerk = house.user("clerk", &[role]);
    let own = |name: &str| house.create(Account::NAME, &Changes::new().set("name", name).owner(clerk.user()));
    let (mine, too, hidden) = (own("mine"), own("too"), account(&house, "hidden"));
    let shown = link(&house, too, mine, (None, None)).unwrap();
    let unseen = link(&house, hidden, mine, (None, None)).unwrap();
    assert_eq!(others(&clerk, mine, json!({})), [pair("too", "Shareholder")]);
    assert_eq!(others(&house.admin, mine, json!({})).len(), 2);
    let asked = json!({"relation": "x.holding", "entity": "account", "id": mine.to_string()});
    assert_eq!(api::call(&clerk, "relation.count", &asked).unwrap()["count"], 1);
    let counted = |session: &Session, total: &str| {
        let mut asked = asked.clone();
        asked["total"] = json!(total);
        api::call(session, "relation.count", &asked)
    };
    assert_eq!(counted(&clerk, "exact").unwrap(), json!({"count": 1, "more": false}));
    assert_eq!(counted(&clerk, "none").unwrap(), json!({"count": 0, "more": true}));
    assert_eq!(counted(&house.admin, "exact").unwrap(), json!({"count": 2, "more": false}));
    assert_eq!(refusal(counted(&clerk, "about")), Code::InvalidArgument);
    // What is bounded is what is looked at, so a reader who sees few waits no longer than one who sees all.
    let up_to = |session: &Session, most| {
        let find = LinkFind::default();
        session.read(|reader| reader.count_links("x.holding", "account", mine, &find, Total::Bounded(most)))
    };
    assert_eq!((up_to(&house.admin, 1).unwrap(), up_to(&clerk, 2).unwrap()), ((1, true), (1, false)));
    let asked = json!({"relation": "x.holding", "entity": "account", "id": hidden.to_string()});
    assert_eq!(refusal(api::call(&clerk, "relation.list", &asked)), Code::RecordNotFound);
    assert!(clerk.get("x.holding", shown).is_ok());
    assert_eq!(refusal(clerk.get("x.holding", unseen)), Code::RecordNotFound);
    assert_eq!(clerk.count("x.holding", &Condition::Everything).unwrap(), 1);
    let listed = clerk.list("x.holding", &guanxi::Find::default()).unwrap();
    assert_eq!(listed.rows.iter().map(|row| row.record.id).collect::<Vec<_>>(), [shown]);
    let told = clerk.get("account", mine).unwrap().value("x.holders").unwrap();
    assert_eq!(told, Value::Int(1), "a rollup of what the reader sees");
    assert_eq!(house.admin.get("account", mine).unwrap().value("x.holders").unwrap(), Value::Int(2));
    assert_eq!(refusal(clerk.history("x.holding", unseen, None, 0)), Code::RecordNotFound);
    let changed = clerk.write(|transaction| {
        transaction.update_record("x.holding", unseen, Changes::new().set("share", Value::Null))
    });
    assert_eq!(refusal(changed), Code::RecordNotFound);
    let linked = clerk.write(|transaction| transaction.link("x.holding", mine, hidden, Changes::new()));
    assert_eq!(refusal(linked), Code::ReferenceMissing);
    let place = house.crm.head().unwrap().position;
    let past =
        clerk.list_as_of("x.holding", &Condition::Everything, guanxi::engine::At::Position(place), None, 0);
    assert_eq!(past.unwrap().rows.len(), 1);
    assert_eq!(house.admin.count("x.holding", &Condition::Everything).unwrap(), 2);
    let role = house.role_hiding("half", &[("*", Action::Read, Level::All)], "share");
    assert!(house.user("half", &[role]).links("x.holding", "account", mine, &LinkFind::default()).is_ok());
}

#[test]
fn a_relation_is_described_moved_in_a_package_and_withdrawn_with_it() {
    let house = database();
    call(&house, "schema.define_relation", holding()).unwrap();
    let told = call(&house, "schema.describe", json!({"entity": "x.holding"})).unwrap();
    assert_eq!(
        told["entities"][0]["relation"],
        json!({
            "cardinality": "many_to_many", "symmetric": false, "to_itself": false, "validity": true,
            "from": {"name": "holder", "entities": ["crm.account"], "label": "Shareholder", "on_delete": "restrict"},
            "to": {"name": "company", "entities": ["crm.account"], "label": "Company", "on_delete": "cascade"},
        })
    );
    let told = call(&house, "schema.describe", json!({"entity": "account"})).unwrap();
    assert_eq!(
        (&told["entities"][0]["relations"], &told["entities"][0]["relation"]),
        (&json!(["x.holding"]), &Json::Null)
    );
    let exported = call(&house, "schema.export_package", json!({"package": "x"})).unwrap()["package"].clone();
    let other = database();
    call(&other, "schema.install_package", json!({"package": exported})).unwrap();
    let [a, b] = ["a", "b"].map(|name| account(&other, name));
    link(&other, a, b, (None, None)).unwrap();
    assert_eq!(refusal(link(&other, a, b, (None, None))), Code::ValidityOverlap);

    let label = json!({"zh": "名", "en": "name"});
    let package = |version: &str, cardinality: &str| {
        json!({
            "package": "cn.group", "version": version, "label": label,
            "entities": [{
                "local": 1, "name": "guarantee", "label": label,
                "relation": {
                    "from": {"entities": ["crm.account"], "label": label},
                    "to": {"entities": ["crm.account"], "label": label}, "cardinality": cardinality,
                },
                "fields": [{"local": 5, "name": "sum", "label": label, "kind": {"type": "money"}}],
            }],
        })
    };
    let install = |package: Json| call(&house, "schema.install_package", json!({"package": package}));
    let plan = install(package("1.0.0", "many_to_one")).unwrap();
    assert!(plan["changes"].as_array().unwrap().iter().any(|change| change["name"] == "cn.group.guarantee"));
    let [a, b, c] = ["a", "b", "c"].map(|name| account(&house, name));
    let link = |from: RecordId, to: RecordId| {
        house.admin.write(|transaction| transaction.link("cn.group.guarantee", from, to, Changes::new()))
    };
    let standing = link(a, b).unwrap();
    assert_eq!(refusal(link(a, c)), Code::LinkedAlready);
    assert_eq!(
        refusal(install(package("1.1.0", "one_to_one"))),
        Code::InvalidDefinition,
        "none becomes stricter"
    );
    let plan = install(package("1.1.0", "many_to_many")).unwrap();
    assert_eq!(plan["changes"][0]["properties"][0]["property"], "relation");
    link(a, c).unwrap();
    let mut searched = package("1.2.0", "many_to_many");
    searched["entities"][0]["fields"][0]["search"] = json!("code");
    assert_eq!(refusal(install(searched)), Code::InvalidDefinition);
    let mut misspelt = package("1.2.0", "many_to_many");
    misspelt["entities"][0]["relation"]["simmetric"] = json!(true);
    assert_eq!(install(misspelt).unwrap_err().field_name(), Some("entities.1.relation.simmetric"));
    let mut taken = package("1.2.0", "many_to_many");
    taken["entities"][0]["fields"][0]["local"] = json!(2);
    assert_eq!(refusal(install(taken)), Code::InvalidDefinition);
    call(&house, "schema.remove_package", json!({"package": "cn.group"})).unwrap();
    assert_eq!(refusal(link(b, c)), Code::Withdrawn);
    assert!(house.admin.get("cn.group.guarantee", standing).is_ok());
    let _ = house.reopened().verified();
}

#[test]
fn whoever_may_not_administer_declares_no_relation() {
    let house = database();
    let role = house.role("clerk", &[("crm.account", Action::Administer, Level::All)]);
    let clerk = house.user("clerk", &[role]);
    assert_eq!(refusal(api::call(&clerk, "schema.define_relation", &holding())), Code::NotPermitted);
    let mut unknown = holding();
    unknown["to"]["entities"] = json!(["nobody"]);
    assert_eq!(refusal(call(&house, "schema.define_relation", unknown)), Code::UnknownEntity);
    let mut emptied = holding();
    emptied["to"]["on_delete"] = json!("set_null");
    assert_eq!(refusal(call(&house, "schema.define_relation", emptied)), Code::InvalidDefinition);
    let told = call(&house, "schema.describe", json!({"entity": "account"})).unwrap();
    assert_eq!(told["entities"][0]["relations"], json!([]), "nothing of it is there");
}

/// A step of the model: link two of a few records for some days, end such a link, or delete one.
#[derive(Debug, Clone)]
enum Step {
    Link(usize, usize, Option<i8>, Option<i8>),
    End(usize, i8),
    Delete(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end = || prop_oneof![1 => Just(None), 4 => (1..12_i8).prop_map(Some)];
    let linked = (0..4_usize, 0..4_usize, end(), end())
        .prop_map(|(from, to, begin, end)| Step::Link(from, to, begin, end));
    let ended = (0..8_usize, 1..12_i8).prop_map(|(link, day)| Step::End(link, day));
    vec(prop_oneof![6 => linked, 2 => ended, 1 => (0..8_usize).prop_map(Step::Delete)], 1..24)
}

/// A link as the model has it: ends, and the months in which it holds, one by one.
type Held = (usize, usize, Vec<i8>, Option<i8>, Option<i8>);

fn months(begin: Option<i8>, end: Option<i8>) -> Vec<i8> {
    (0..=13)
        .filter(|month| begin.is_none_or(|begin| begin <= *month) && end.is_none_or(|end| *month < end))
        .collect()
}

fn clashes(cardinality: usize, symmetric: bool, one: &Held, other: &Held) -> bool {
    let same_day = one.2.iter().any(|month| other.2.contains(month));
    let same = one.0 == other.0 && one.1 == other.1;
    let crossed = symmetric && one.0 == other.1 && one.1 == other.0;
    let shared = match (cardinality, symmetric) {
        (0, _) => false,
        (1, _) => one.0 == other.0,
        (_, false) => one.0 == other.0 || one.1 == other.1,
        (_, true) => [one.0, one.1].iter().any(|end| [other.0, other.1].contains(end)),
    };
    same_day && (same || crossed || shared)
}

fn day(month: i8) -> Date {
    if month > 12 { Date::new(2031, 1, 1).unwrap() } else { Date::new(2030, month.max(1), 1).unwrap() }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn links_clash_as_a_table_of_months_says(cardinality in 0..3_usize, symmetric: bool, steps in steps()) {
        let symmetric = symmetric && cardinality != 1;
        let house = database();
        let relation = RelationDefinition {
            cardinality: [Cardinality::ManyToMany, Cardinality::ManyToOne, Cardinality::OneToOne][cardinality],
            symmetric,
            validity: true,
            ..RelationDefinition::new(
                RelationSide::new(&["account"], Label::new("甲", "one")),
                RelationSide::new(&["account"], Label::new("乙", "other")),
            )
        };
        let new = NewRelation { name: "tie".into(), label: Label::new("联", "Tie"), relation, fields: Vec::new() };
        house.admin.define_relation(new).unwrap();
        let ids: Vec<RecordId> = (0..4).map(|number| account(&house, &format!("a{number}"))).collect();
        let mut held: Vec<(RecordId, Held)> = Vec::new();
        for step in steps {
            match step {
                Step::Link(from, to, begin, end) => {
                    let wanted: Held = (from, to, months(begin, end), begin, end);
                    let backwards = begin.zip(end).is_some_and(|(begin, end)| end < begin);
                    let may = from != to && !backwards
                        && held.iter().all(|(_, other)| !clashes(cardinality, symmetric, &wanted, other));
                    let changes = Changes::new()
                        .set("valid_from", begin.map(day))
                        .set("valid_to", end.map(day));
                    let made = house.admin.write(|transaction| {
                        transaction.link("x.tie", ids[from], ids[to], changes.clone())
                    });
                    prop_assert_eq!(made.is_ok(), may, "{:?}", (from, to, begin, end));
                    held.extend(made.ok().map(|id| (id, wanted)));
                }
                Step::End(place, month) => {
                    let Some((id, link)) = held.get(place).cloned() else { continue };
                    let ended = house.admin.write(|transaction| transaction.unlink("x.tie", id, Some(day(month))));
                    if link.3.is_some_and(|begin| begin >= month) {
                        prop_assert!(ended.is_ok());
                        held.remove(place);
                    } else if link.4.is_some_and(|end| end <= month) {
                        prop_assert_eq!(refusal(ended), Code::RecordNotFound);
                    } else {
                        prop_assert!(ended.is_ok());
                        held[place].1 = (link.0, link.1, months(link.3, Some(month)), link.3, Some(month));
                    }
                }
                Step::Delete(place) => {
                    if place < held.len() {
                        let (id, _) = held.remove(place);
                        house.admin.write(|transaction| transaction.delete_record("x.tie", id)).unwrap();
                    }
                }
            }
        }
        for month in 1..12_i8 {
            for (number, id) in ids.iter().enumerate() {
                let find = LinkFind { at: Some(day(month)), ..LinkFind::default() };
                let page = house.admin.links("x.tie", "account", *id, &find).unwrap();
                let mut found: Vec<RecordId> = page.rows.iter().map(|row| row.link.record.id).collect();
                found.sort_unstable();
                let wanted = held.iter().filter(|(_, link)| {
                    (link.0 == number || link.1 == number) && link.2.contains(&month)
                });
                let mut wanted: Vec<RecordId> = wanted.map(|(id, _)| *id).collect();
                wanted.sort_unstable();
                prop_assert_eq!(found, wanted);
            }
        }
        let _ = house.verified();
    }
}
