//! Rules that a company writes for its own records, and what they refuse.

use std::sync::Arc;

use guanxi::base::{Label, Locale};
use guanxi::engine::{Action, Extension, Level, Registrar};
use guanxi::model::{Account, account};
use guanxi::schema::{EntityType, FieldType, RuleDefinition, Severity};
use guanxi::{Changes, Code, Condition, Result, Value};
use guanxi_tests::{ADMIN, House, PASSWORD, database, options};
use serde_json::json;

fn rule(name: &str, condition: &str) -> RuleDefinition {
    RuleDefinition {
        namespace: String::new(),
        name: name.to_owned(),
        condition: condition.to_owned(),
        message: Label::new("员工数不能为负", "there are no fewer than no employees"),
        severity: Severity::Error,
        active: true,
    }
}

fn firm(house: &House, employees: Option<i64>) -> Result<guanxi::RecordId> {
    let changes = Changes::new().set("name", "加喜").set("employees", Value::from(employees));
    house.admin.write(|transaction| transaction.create_record("account", changes.clone()))
}

#[test]
fn a_record_that_breaks_a_rule_is_refused_in_the_words_of_the_rule() {
    let house = database();
    let name = house.admin.define_rule("account", rule("staffed", "employees >= 0")).unwrap();
    assert_eq!(name, "x.staffed");
    let error = firm(&house, Some(-1)).unwrap_err();
    assert_eq!(error.code(), Code::RuleBroken);
    assert_eq!((error.entity_name(), error.field_name()), (Some("crm.account"), Some("employees")));
    assert_eq!(error.rule_name(), Some("x.staffed"));
    assert!(error.message(Locale::SimplifiedChinese).contains("员工数不能为负"));
    assert!(error.message(Locale::English).contains("no fewer than no employees"));
    assert_eq!(house.admin.count(Account::NAME, &Condition::Everything).unwrap(), 0);
    let id = firm(&house, Some(5)).unwrap();
    let worse = Changes::new().set("employees", -5);
    let changed = house.admin.write(|transaction| transaction.update_record("account", id, worse.clone()));
    assert_eq!(changed.unwrap_err().code(), Code::RuleBroken);
    assert_eq!(house.admin.get("account", id).unwrap().value("employees").unwrap(), Value::Int(5));
}

#[test]
fn a_condition_over_a_missing_value_is_met_as_a_check_in_sql_is() {
    let house = database();
    house.admin.define_rule("account", rule("staffed", "employees >= 0")).unwrap();
    firm(&house, None).unwrap();
    house.admin.define_rule("account", rule("counted", "employees != null")).unwrap();
    assert_eq!(firm(&house, None).unwrap_err().rule_name(), Some("x.counted"));
}

#[test]
fn a_warning_lets_the_record_pass_and_tells_whoever_saves_it() {
    let house = database();
    let mild = RuleDefinition { severity: Severity::Warning, ..rule("large", "employees < 10000") };
    house.admin.define_rule("account", mild).unwrap();
    let warnings = house.admin.write(|transaction| {
        transaction.create(account::named("加喜").with(account::EMPLOYEES, 20_000))?;
        Ok(transaction.take_warnings())
    });
    let warnings = warnings.unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!((warnings[0].entity.as_str(), warnings[0].field.as_str()), ("crm.account", "employees"));
}

#[test]
fn a_rule_is_changed_and_set_aside_under_its_name_and_each_change_is_in_the_ledger() {
    let house = database();
    let before = house.admin.crm().head().unwrap().position;
    house.admin.define_rule("account", rule("staffed", "employees >= 0")).unwrap();
    house.admin.define_rule("account", rule("staffed", "employees >= 0")).unwrap();
    assert_eq!(house.admin.crm().head().unwrap().position, before + 1, "nothing changed the second time");
    house.admin.define_rule("account", rule("staffed", "employees >= 10")).unwrap();
    assert!(firm(&house, Some(5)).is_err());
    let aside = RuleDefinition { active: false, ..rule("staffed", "employees >= 10") };
    house.admin.define_rule("account", aside).unwrap();
    firm(&house, Some(5)).unwrap();
    assert_eq!(house.admin.crm().registry().entity("account").unwrap().rules().len(), 1);
}

#[test]
fn a_rule_holds_after_the_database_was_closed_and_over_fields_of_the_customer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.guanxi");
    let crm = options().create(&path).unwrap();
    let session = crm.sign_in(ADMIN, PASSWORD).unwrap();
    let label = Label::new("评分", "Score");
    let field = session.define_field("account", "score", label, FieldType::Int, |_| {}).unwrap();
    session.define_rule("account", rule("scored", "x.score in [1, 2, 3] || industry == 'IT'")).unwrap();
    drop((session, crm));
    let crm = options().open(&path).unwrap();
    let session = crm.sign_in(ADMIN, PASSWORD).unwrap();
    let make =
        |changes: Changes| session.write(|transaction| transaction.create_record("account", changes.clone()));
    let named = || Changes::new().set("name", "加喜").set("industry", "law");
    assert_eq!(make(named().set(field.as_str(), 4)).unwrap_err().rule_name(), Some("x.scored"));
    make(named().set(field.as_str(), 2)).unwrap();
    make(named().set(field.as_str(), 4).set("industry", "IT")).unwrap();
}

#[test]
fn a_condition_that_is_not_right_is_told_with_its_place() {
    let house = database();
    for (condition, place) in [
        ("employees >", "line 1, column 12"),
        ("employees > 'many'", "line 1, column"),
        ("salaries > 1", "line 1, column 1: there is no such field"),
        ("kind == 'planet'", "the field has no such code"),
        ("revenue > 1000", "an amount is compared with `money(…)`"),
        ("employees", "a condition is true or false"),
    ] {
        let error = house.admin.define_rule("account", rule("wrong", condition)).unwrap_err();
        assert_eq!((error.code(), error.entity_name()), (Code::InvalidExpression, Some("crm.account")));
        assert!(error.rule_name().is_some_and(|told| told.contains(place)), "{condition}: {error}");
    }
    let unnamed = rule("Not A Name", "true");
    assert_eq!(house.admin.define_rule("account", unnamed).unwrap_err().code(), Code::InvalidDefinition);
    assert_eq!(house.admin.define_rule("planet", rule("x", "true")).unwrap_err().code(), Code::UnknownEntity);
}

#[test]
fn only_who_administers_an_entity_gives_it_rules() {
    let house = database();
    let seller = house.user_as("seller", "salesperson");
    let error = seller.define_rule("account", rule("staffed", "employees >= 0")).unwrap_err();
    assert_eq!(error.code(), Code::NotPermitted);
}

#[test]
fn a_field_that_the_author_may_not_see_is_as_if_it_were_not_there() {
    let house = database();
    let grants = [Action::Read, Action::Administer].map(|action| ("crm.account", action, Level::All));
    let role = house.role_hiding("half-blind", &grants, "employees");
    let half_blind = house.user("half-blind", &[role]);
    let error = half_blind.define_rule("account", rule("staffed", "employees >= 0")).unwrap_err();
    assert!(error.rule_name().is_some_and(|told| told.contains("there is no such field")), "{error}");
    half_blind.define_rule("account", rule("named", "size(name) > 1")).unwrap();
    house.admin.define_rule("account", rule("staffed", "employees >= 0")).unwrap();
    let described = guanxi::api::call(&half_blind, "schema.describe", &json!({"entity": "account"})).unwrap();
    let rules = described["entities"][0]["rules"].as_array().unwrap().clone();
    assert_eq!(rules.iter().map(|rule| rule["name"].clone()).collect::<Vec<_>>(), ["x.named"]);
}

struct Vendor;

impl Extension for Vendor {
    fn id(&self) -> &str {
        "cn.vendor"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        let namespace = "cn.vendor".to_owned();
        registrar.rule("crm.account", RuleDefinition { namespace, ..rule("staffed", "employees >= 1") });
        Ok(())
    }
}

#[test]
fn a_rule_of_a_plugin_stands_beside_that_of_the_customer_and_neither_loosens_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.guanxi");
    let crm = options().extension(Arc::new(Vendor)).create(&path).unwrap();
    let session = crm.sign_in(ADMIN, PASSWORD).unwrap();
    session.define_rule("account", rule("staffed", "employees < 100")).unwrap();
    let refused_by = |employees: i64| {
        let changes = Changes::new().set("name", "加喜").set("employees", employees);
        let made = session.write(|transaction| transaction.create_record("account", changes.clone()));
        made.err().and_then(|error| error.rule_name().map(str::to_owned))
    };
    assert_eq!(refused_by(0).as_deref(), Some("cn.vendor.staffed"));
    assert_eq!(refused_by(100).as_deref(), Some("x.staffed"));
    assert_eq!(refused_by(50), None);
}

#[test]
fn rules_are_defined_described_and_met_through_named_methods() {
    let house = database();
    let call =
        |method: &str, parameters: &serde_json::Value| guanxi::api::call(&house.admin, method, parameters);
    let defined = call(
        "schema.define_rule",
        &json!({
            "entity": "account", "name": "staffed", "condition": "employees >= 0",
            "message_zh": "员工数不能为负", "message_en": "there are no fewer than no employees",
        }),
    );
    assert_eq!(defined.unwrap(), json!({"rule": "x.staffed"}));
    let described = call("schema.describe", &json!({"entity": "account"})).unwrap();
    let rules = &described["entities"][0]["rules"];
    assert_eq!(rules[0]["name"], "x.staffed");
    assert_eq!((&rules[0]["condition"], &rules[0]["severity"]), (&json!("employees >= 0"), &json!("error")));
    let functions = call("schema.functions", &json!({})).unwrap();
    assert!(
        functions["functions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|function| function["usage"] == "size(text or list)")
    );
    let refused =
        call("record.create", &json!({"entity": "account", "values": {"name": "x", "employees": -1}}));
    assert_eq!(refused.unwrap_err().code(), Code::RuleBroken);
}

#[test]
fn a_rule_asks_something_of_each_row_and_of_each_value_of_a_list() {
    let house = database();
    let call = |method: &str, given: &serde_json::Value| guanxi::api::call(&house.admin, method, given);
    let define = |name: &str, more: serde_json::Value| {
        let mut given = json!({"entity": "account", "name": name, "label_zh": name, "label_en": name});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call("schema.define_field", &given).unwrap();
    };
    let columns = json!([
        {"name": "product", "zh": "产品", "en": "Product", "type": "text"},
        {"name": "quantity", "zh": "数量", "en": "Quantity", "type": "int"},
    ]);
    define("lines", json!({"field_type": "rows", "columns": columns}));
    let codes = json!([{"code": "gold", "zh": "金", "en": "gold"}, {"code": "new", "zh": "新", "en": "new"}]);
    define("marks", json!({"field_type": "multi_enum", "codes": codes}));
    define(
        "large",
        json!({"field_type": "formula", "expression": "size(x.lines.filter(l, l.quantity > 3))"}),
    );
    let rule = |condition: &str| {
        let given = json!({
            "entity": "account", "name": "lines", "condition": condition, "message_zh": "数量", "message_en": "quantity",
        });
        call("schema.define_rule", &given)
    };
    let error = rule("x.lines.all(l, l.price > 0)").unwrap_err();
    assert_eq!(
        (error.code(), error.rule_name()),
        (Code::InvalidExpression, Some("line 1, column 17: the rows have no such column"))
    );
    rule("x.lines.all(l, l.quantity > 0) && (!x.marks.exists(m, m == 'gold') || x.lines.exists(l, l.quantity > 3))")
        .unwrap();
    let create = |marks: serde_json::Value, quantities: &[i64]| {
        let rows: Vec<_> =
            quantities.iter().map(|quantity| json!({"product": "证", "quantity": quantity})).collect();
        let values = json!({"name": "加喜", "x.marks": marks, "x.lines": rows});
        call("record.create", &json!({"entity": "account", "values": values}))
    };
    create(json!([]), &[]).unwrap();
    create(json!(["new"]), &[1]).unwrap();
    let made = create(json!(["gold"]), &[1, 4, 5]).unwrap();
    let read = call("record.get", &json!({"entity": "account", "id": made["id"]})).unwrap();
    assert_eq!(read["values"]["x.large"], 2);
    for (marks, quantities) in
        [(json!(["new"]), &[1, 0][..]), (json!(["gold"]), &[3]), (json!(["gold"]), &[])]
    {
        assert_eq!(create(marks, quantities).unwrap_err().code(), Code::RuleBroken, "{quantities:?}");
    }
    let found = json!({"entity": "account", "filter": {"expression": "x.lines.exists(l, l.quantity == 4)"}});
    assert_eq!(call("record.count", &found).unwrap()["count"], 1);
    let role = house.role_hiding("clerk", &[("crm.account", Action::Read, Level::All)], "x.lines");
    let clerk = house.user("clerk", &[role]);
    assert!(guanxi::api::call(&clerk, "record.count", &found).is_err(), "what is hidden is not asked");
}
