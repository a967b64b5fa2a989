//! The configuration: typed, audited, given out and taken in as a whole, with values of users' own and secrets.

use guanxi::{Code, Locale, Session, Value, api};
use guanxi_tests::{House, PASSWORD, database};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(session, method, &given)
}

fn set(session: &Session, settings: Json) -> guanxi::Result<Json> {
    call(session, "configuration.set", json!({"settings": settings}))
}

fn get(session: &Session, name: &str) -> Json {
    let told = call(session, "configuration.get", json!({"settings": [name]})).unwrap();
    told["settings"][name].clone()
}

fn label(text: &str) -> Json {
    json!({"zh": text, "en": text})
}

/// A house with a package that has a secret, a number with bounds, and a choice of each user's own.
fn house() -> House {
    let house = database();
    let codes = json!([{"code": "blue", "label": label("blue")}, {"code": "red", "label": label("red")}]);
    let package = json!({
        "package": "cn.post", "version": "1.0.0", "label": label("Post"),
        "settings": [
            {"name": "server.token", "label": label("Token"), "kind": {"type": "text"}, "secret": true},
            {"name": "server.port", "label": label("Port"), "kind": {"type": "int"}, "default": 587, "min": 1, "max": 65535},
            {"name": "colour", "label": label("Colour"), "kind": {"type": "enum", "codes": codes}, "scope": "user", "default": "blue"},
        ],
    });
    call(&house.admin, "schema.install_package", json!({"package": package})).unwrap();
    house
}

#[test]
fn settings_have_types_defaults_and_bounds_and_what_stands_among_the_old_settings_is_the_same() {
    let house = house();
    assert_eq!(get(&house.admin, "regional.currency"), "CNY");
    assert_eq!(get(&house.admin, "cn.post.server.port"), 587);
    let told = set(&house.admin, json!({"regional.currency": "USD", "cn.post.server.port": 25})).unwrap();
    let expected = json!([
        {"setting": "cn.post.server.port", "old": null, "new": 25},
        {"setting": "regional.currency", "old": "CNY", "new": "USD"},
    ]);
    assert_eq!(told["changes"], expected);
    assert_eq!(call(&house.admin, "settings.get", json!({})).unwrap()["base_currency"], "USD");
    call(&house.admin, "settings.set", json!({"settings": {"first_weekday": "sunday"}})).unwrap();
    assert_eq!(get(&house.admin, "regional.week_starts"), "sunday");
    let house = house.reopened();
    assert_eq!(get(&house.admin, "regional.currency"), "USD");
    assert_eq!(house.crm.configured("cn.post.server.port").unwrap(), Value::Int(25));
    let given = json!({"settings": ["cn.post.server.port", "regional.currency"]});
    call(&house.admin, "configuration.reset", given).unwrap();
    assert_eq!(
        (get(&house.admin, "regional.currency"), get(&house.admin, "cn.post.server.port")),
        (json!("CNY"), json!(587))
    );
    let _ = house.verified();
}

#[test]
fn every_setting_that_is_wrong_is_named_and_nothing_is_half_done() {
    let house = house();
    let before = call(&house.admin, "configuration.export", json!({})).unwrap();
    let head = house.crm.head().unwrap();
    let wrong = json!({
        "regional.currency": "XYZZY",
        "regional.time_zone": "Mars/Olympus",
        "regional.fiscal_year_start": 13,
        "regional.week_starts": "someday",
        "history.retention_days": {"nothing": 3},
        "cn.post.server.port": 70000,
        "cn.post.colour": "green",
        "attachments.max_bytes": "many",
        "nothing.at_all": 1,
        "cn.post.server.token": "good",
    });
    for method in ["configuration.set", "configuration.import"] {
        let error = call(&house.admin, method, json!({"settings": wrong})).unwrap_err();
        assert_eq!(error.code(), Code::InvalidConfiguration);
        let named = error.field_name().unwrap();
        for name in wrong.as_object().unwrap().keys().filter(|name| *name != "cn.post.server.token") {
            assert!(named.split(", ").any(|known| known == name), "{name} in {named}");
        }
        assert!(error.rule_name().unwrap().contains("cn.post.server.port: schema.out_of_range (<= 65535)"));
        assert!(!error.to_string().contains("good"));
    }
    let own = json!({"settings": {"regional.currency": "USD"}, "own": true});
    assert_eq!(call(&house.admin, "configuration.set", own).unwrap_err().code(), Code::InvalidConfiguration);
    assert_eq!(call(&house.admin, "configuration.export", json!({})).unwrap(), before);
    assert_eq!(house.crm.head().unwrap(), head, "no entry of what was refused");
    let lin = house.user_as("lin", "director");
    assert_eq!(set(&lin, json!({"regional.currency": "USD"})).unwrap_err().code(), Code::NotPermitted);
    assert_eq!(call(&lin, "configuration.export", json!({})).unwrap_err().code(), Code::NotPermitted);
}

#[test]
fn a_user_s_own_value_comes_first_and_is_nobody_else_s() {
    let house = house();
    let lin = house.user_as("lin", "salesperson");
    let own = |session: &Session, settings: Json| {
        call(session, "configuration.set", json!({"settings": settings, "own": true}))
    };
    own(&lin, json!({"cn.post.colour": "red", "regional.locale": "zh-Hans"})).unwrap();
    assert_eq!(
        (get(&lin, "cn.post.colour"), get(&house.admin, "cn.post.colour")),
        (json!("red"), json!("blue"))
    );
    assert_eq!(house.crm.session_for("lin").unwrap().locale(), Locale::SimplifiedChinese);
    assert_eq!(house.crm.session_for("admin").unwrap().locale(), Locale::English);
    call(&house.admin, "user.set_password", json!({"user": "lin", "password": PASSWORD})).unwrap();
    // A new password ends the sessions that there were.
    let lin = house.crm.sign_in("lin", PASSWORD).unwrap();
    assert_eq!(lin.locale(), Locale::SimplifiedChinese);
    let exported = call(&house.admin, "configuration.export", json!({})).unwrap();
    assert!(exported["settings"].get("cn.post.colour").is_none());
    let given = json!({"settings": ["cn.post.colour"], "own": true});
    call(&lin, "configuration.reset", given).unwrap();
    assert_eq!(get(&lin, "cn.post.colour"), "blue");
}

#[test]
fn a_secret_is_told_to_no_session_and_stands_in_no_export_ledger_or_bundle() {
    let house = house();
    set(&house.admin, json!({"cn.post.server.token": "hush-hush"})).unwrap();
    let told = set(&house.admin, json!({"cn.post.server.token": "hush-hush-2"})).unwrap();
    assert_eq!(told["changes"], json!([{"setting": "cn.post.server.token", "secret": true}]));
    for (method, given) in [
        ("configuration.describe", json!({})),
        ("configuration.get", json!({})),
        ("configuration.get", json!({"settings": ["cn.post.server.token"]})),
        ("configuration.export", json!({})),
        ("ledger.list", json!({"limit": 1000})),
        ("database.support_bundle", json!({})),
        ("schema.export_package", json!({"package": "cn.post"})),
    ] {
        let told = call(&house.admin, method, given).unwrap().to_string();
        assert!(!told.contains("hush"), "{method}");
    }
    let described = call(&house.admin, "configuration.describe", json!({})).unwrap();
    let settings = described["settings"].as_array().unwrap();
    let token = settings.iter().find(|setting| setting["setting"] == "cn.post.server.token").unwrap();
    assert_eq!(
        (&token["secret"], &token["is_set"], &token["value"]),
        (&json!(true), &json!(true), &json!(null))
    );
    let kept = house.crm.configured("cn.post.server.token").unwrap();
    assert_eq!(kept, Value::Text("hush-hush-2".into()), "the host's own connector reads it");
}

#[test]
fn each_change_is_an_entry_with_what_was_and_what_is() {
    let house = house();
    let head = house.crm.head().unwrap().position;
    set(&house.admin, json!({"regional.currency": "EUR", "cn.post.server.port": 26})).unwrap();
    set(&house.admin, json!({"regional.currency": "EUR"})).unwrap();
    let told = call(&house.admin, "ledger.list", json!({"after": head})).unwrap();
    let entries = told["entries"].as_array().unwrap();
    assert_eq!(entries.iter().filter(|entry| entry["kind"] == "settings").count(), 1);
    assert_eq!(
        (&entries[0]["kind"], &entries[0]["cause"]),
        (&json!("settings"), &json!("configuration.change"))
    );
    let text = entries[0].to_string().replace('\\', "");
    assert!(text.contains(r#""new":"EUR","old":"CNY""#), "{text}");
}

#[test]
fn what_one_database_gives_out_another_takes_and_a_dry_run_only_tells() {
    let house = house();
    set(&house.admin, json!({"regional.time_zone": "Europe/Berlin", "cn.post.server.port": 26})).unwrap();
    let exported = call(&house.admin, "configuration.export", json!({})).unwrap();
    let other = self::house();
    let given = |dry_run: bool| json!({"settings": exported["settings"], "dry_run": dry_run});
    let before = call(&other.admin, "configuration.export", json!({})).unwrap();
    let dry = call(&other.admin, "configuration.import", given(true)).unwrap();
    assert_eq!(call(&other.admin, "configuration.export", json!({})).unwrap(), before);
    assert_eq!(call(&other.admin, "configuration.import", given(false)).unwrap(), dry);
    assert_eq!(dry["changes"].as_array().unwrap().len(), 2);
    assert_eq!(call(&other.admin, "configuration.export", json!({})).unwrap(), exported);
}

#[test]
fn the_settings_of_a_package_go_with_it_and_come_back_with_their_values() {
    let house = house();
    set(&house.admin, json!({"cn.post.server.port": 26})).unwrap();
    let exported = call(&house.admin, "schema.export_package", json!({"package": "cn.post"})).unwrap();
    assert_eq!(exported["package"]["settings"].as_array().unwrap().len(), 3);
    call(&house.admin, "schema.remove_package", json!({"package": "cn.post"})).unwrap();
    let error = set(&house.admin, json!({"cn.post.server.port": 27})).unwrap_err();
    assert_eq!(error.code(), Code::InvalidConfiguration);
    let mut again = exported["package"].clone();
    again["version"] = json!("1.1.0");
    let plan = call(&house.admin, "schema.install_package", json!({"package": again})).unwrap();
    assert_eq!(
        (&plan["changes"][0]["element"], &plan["changes"][0]["change"]),
        (&json!("setting"), &json!("restored"))
    );
    assert_eq!(get(&house.admin, "cn.post.server.port"), 26);
    for (name, value) in [
        ("default", json!(0)),
        ("kind", json!({"type": "reference", "entity": "crm.account"})),
        ("kind", json!({"type": "text"})),
        ("colour", json!("red")),
        ("administered_with", json!("nothing")),
    ] {
        let mut wrong = again.clone();
        wrong["version"] = json!("1.2.0");
        wrong["settings"][1][name] = value;
        let refused = call(&house.admin, "schema.install_package", json!({"package": wrong})).unwrap_err();
        assert!(matches!(refused.code(), Code::InvalidDefinition | Code::UnknownEntity), "{name}: {refused}");
    }
}
