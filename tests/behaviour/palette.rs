//! The command palette: what a person may do or open, by how its name begins.

use guanxi::engine::{Action, Level};
use guanxi::{Changes, Code, Locale, Session, api};
use guanxi_tests::database;
use serde_json::{Value as Json, json};

fn find(session: &Session, text: &str) -> Vec<(String, String, String)> {
    let told = api::call(session, "palette.find", &json!({"text": text})).unwrap();
    let items = told["items"].as_array().unwrap().iter();
    let text = |item: &Json, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    items.map(|item| (text(item, "kind"), text(item, "label"), text(item, "method"))).collect()
}

fn item(kind: &str, label: &str, method: &str) -> (String, String, String) {
    (kind.to_owned(), label.to_owned(), method.to_owned())
}

#[test]
fn commands_and_entities_are_found_in_chinese_english_and_pinyin() {
    let house = database();
    let chinese = house.admin.with_locale(Locale::SimplifiedChinese);
    let expected = [
        item("entity", "客户", "record.list"),
        item("command", "导入客户", "import.csv"),
        item("command", "新建客户", "record.create"),
    ];
    for typed in ["客户", "kehu", "kh", "Account"] {
        let mut found = find(&chinese, typed);
        found.retain(|(_, label, _)| label.ends_with("客户"));
        assert_eq!(found, expected, "{typed}");
    }
    let new = ["New Account", "New Plugin account"].map(|label| item("command", label, "record.create"));
    assert_eq!(find(&house.admin, "new acco"), new);
    assert_eq!(find(&chinese, "xsld"), [item("command", "销售漏斗", "opportunity.pipeline")]);
    assert_eq!(find(&house.admin, "ccount"), []);
    let long = json!({"text": "a".repeat(65)});
    assert_eq!(api::call(&house.admin, "palette.find", &long).unwrap_err().code(), Code::LimitExceeded);
    let few = api::call(&house.admin, "palette.find", &json!({"limit": 3})).unwrap();
    assert_eq!(few["items"].as_array().unwrap().len(), 3);
}

#[test]
fn every_command_names_a_method_that_there_is() {
    let house = database();
    let commands = house.admin.commands().unwrap();
    assert!(commands.len() > 10);
    for command in commands {
        assert!(api::methods().iter().any(|method| method.name == command.method), "{}", command.method);
    }
}

#[test]
fn nobody_is_offered_what_they_may_not_do_or_see() {
    let house = database();
    let read = [("crm.account", Action::Read, Level::Own)];
    let lin = house.user("lin", &[house.role("reader", &read)]);
    assert_eq!(find(&lin, "account"), [item("entity", "Account", "record.list")]);
    for typed in ["module", "inspect", "opportunity", "pipeline", "user"] {
        assert_eq!(find(&lin, typed), [], "{typed}");
    }
    assert!(!find(&house.admin, "inspect").is_empty());
    // A module that is off offers nothing.
    assert!(!find(&house.admin, "opportunity").is_empty());
    // The work around sales requires them, and goes first.
    for module in ["work", "sales"] {
        api::call(&house.admin, "module.switch", &json!({"module": module, "on": false})).unwrap();
    }
    assert_eq!(find(&house.admin, "opportunity"), []);
    assert_eq!(find(&house.admin, "pipeline"), []);
}

#[test]
fn views_and_records_at_hand_are_found_by_those_who_see_them() {
    let house = database();
    let lin = house.user_as("lin", "director");
    let chen = house.user_as("chen", "salesperson");
    let view = |session: &Session, name: &str, more: Json| {
        let mut given = json!({"name": name, "entity": "account", "filter": null});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        api::call(session, "view.save", &given).unwrap()
    };
    view(&lin, "上海大客户", json!({}));
    view(&house.admin, "上海重点", json!({"audience": "role", "role": "director"}));
    view(&house.admin, "上海全部", json!({"audience": "everyone"}));
    view(&house.admin, "上海大客户", json!({"audience": "everyone"}));
    let names = |session: &Session| -> Vec<String> {
        find(session, "shanghai").into_iter().map(|(_, label, _)| label).collect()
    };
    assert_eq!(
        names(&lin),
        ["上海全部", "上海大客户", "上海重点"],
        "one's own takes the place of everyone's"
    );
    assert_eq!(names(&chen), ["上海全部", "上海大客户"]);
    let id = house.create("crm.account", &Changes::new().set("name", "上海加喜"));
    let asked = json!({"entity": "account", "id": id.to_string()});
    for method in ["recent.add", "favourite.add"] {
        api::call(&lin, method, &asked).unwrap();
    }
    let found = api::call(&lin, "palette.find", &json!({"text": "shjx"})).unwrap();
    let expected = json!([{"kind": "favourite", "label": "上海加喜", "method": "record.get",
        "entity": "crm.account", "id": id.to_string()}]);
    assert_eq!(found["items"], expected, "once, though it was looked at lately too");
    assert_eq!(find(&lin, "")[0].1, "上海加喜");
    assert_eq!(find(&chen, "shjx"), []);
    house.admin.write(|transaction| transaction.delete_record("crm.account", id)).unwrap();
    assert_eq!(find(&lin, "shjx"), []);
}
