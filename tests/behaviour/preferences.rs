//! What a host remembers for a user: kept for that user alone, within bounds, and until it is taken away.

use guanxi::{Code, Session, api};
use guanxi_tests::{database, refusal};
use serde_json::{Map, Value as Json, json};

fn set(session: &Session, preferences: Json) -> guanxi::Result<Json> {
    api::call(session, "preference.set", &json!({"preferences": preferences}))
}

fn list(session: &Session, beginning: &str) -> Json {
    api::call(session, "preference.list", &json!({"beginning": beginning})).unwrap()["preferences"].clone()
}

#[test]
fn settings_are_kept_for_their_user_alone_until_they_are_taken_away() {
    let house = database();
    let (lin, manager) = (house.user("lin", &[]), house.user("manager", &[]));
    set(&lin, json!({"till.width": 58, "till.paper.size": "80mm", "desk.theme": {"dark": true}})).unwrap();
    set(&manager, json!({"till.width": 80})).unwrap();
    assert_eq!(list(&lin, "till."), json!({"till.width": 58, "till.paper.size": "80mm"}));
    assert_eq!(list(&manager, ""), json!({"till.width": 80}));
    assert_eq!(list(&house.admin, ""), json!({}));

    let left = set(&lin, json!({"till.width": null, "desk.theme": "夜间", "desk.none": null})).unwrap();
    assert_eq!(left["preferences"], 2);
    assert_eq!(list(&lin, ""), json!({"till.paper.size": "80mm", "desk.theme": "夜间"}));
    let again = house.crm.session_for("lin").unwrap();
    assert_eq!(list(&again, "desk"), json!({"desk.theme": "夜间"}), "another session of the same user");
}

#[test]
fn a_setting_has_a_name_of_two_parts_and_too_many_or_too_large_ones_leave_all_as_they_were() {
    let house = database();
    let lin = house.user("lin", &[]);
    for name in ["", "width", ".width", "till.", "till..width", "Till.width", "till.宽", "till width.a"] {
        assert_eq!(refusal(set(&lin, json!({name: 1}))), Code::InvalidArgument, "{name}");
    }
    assert_eq!(refusal(set(&lin, json!({format!("till.{}", "w".repeat(96)): 1}))), Code::LimitExceeded);
    set(&lin, json!({"till.width": 58})).unwrap();
    let many: Map<String, Json> = (0..200).map(|number| (format!("desk.n{number}"), json!(number))).collect();
    assert_eq!(refusal(set(&lin, Json::Object(many.clone()))), Code::LimitExceeded);
    assert_eq!(refusal(set(&lin, json!({"desk.long": "长".repeat(20_000)}))), Code::LimitExceeded);
    assert_eq!(list(&lin, ""), json!({"till.width": 58}));
    set(&lin, json!({"till.width": null})).unwrap();
    assert_eq!(set(&lin, Json::Object(many)).unwrap()["preferences"], 200);
}
