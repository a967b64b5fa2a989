//! The log of slow queries: which entity, in which shape, read how and at what cost, and no value of anybody.

use guanxi::{Code, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn call(house: &House, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(&house.admin, method, &given)
}

fn threshold(house: &House, milliseconds: u64, rows: u64) {
    let settings = json!({"queries.slow_threshold_ms": milliseconds, "queries.slow_threshold_rows": rows});
    call(house, "configuration.set", json!({"settings": settings})).unwrap();
}

fn slow(house: &House) -> Json {
    call(house, "database.slow_queries", json!({"limit": 300})).unwrap()
}

fn accounts(house: &House, names: &[&str]) {
    for name in names {
        let values = json!({"name": name, "city": "上海秘密"});
        call(house, "record.create", json!({"entity": "account", "values": values})).unwrap();
    }
}

#[test]
fn a_query_that_reads_much_is_told_by_shape_plan_and_cost_and_by_no_value() {
    let house = database();
    accounts(&house, &["甲", "乙", "丙"]);
    threshold(&house, 3_600_000, 3);
    let filter = json!({"all": [{"city": "上海秘密"}, {"any": [{"field": "employees", "op": "gt", "value": 424_242}, {"name": "乙"}]},
        {"field": "owner.name", "op": "eq", "value": "admin"}]});
    call(&house, "record.list", json!({"entity": "account", "filter": filter, "sort": ["-city"]})).unwrap();
    // One that reads less is not slow.
    call(&house, "record.list", json!({"entity": "account", "filter": {"name": "甲"}})).unwrap();
    call(&house, "record.count", json!({"entity": "account", "filter": {"city": "上海秘密"}})).unwrap();
    let told = slow(&house);
    let queries = told["queries"].as_array().unwrap();
    assert_eq!((told["total"].as_u64(), queries.len()), (Some(2), 2), "{told}");
    assert_eq!((&queries[0]["kind"], &queries[0]["shape"]), (&json!("count"), &json!("all(city eq)")));
    assert_eq!(queries[0]["plan"], json!({"index": "id", "scan": true}));
    let list = &queries[1];
    assert_eq!(
        list["shape"],
        "all(all(city eq), any(employees gt, all(name eq)), owner.(name eq)); sort -city"
    );
    assert_eq!((&list["entity"], &list["kind"]), (&json!("crm.account"), &json!("list")));
    assert_eq!(
        (&list["plan"], &list["rows_read"], &list["rows_given"]),
        (&json!({"index": "owner", "scan": false}), &json!(3), &json!(1))
    );
    assert_eq!(list["user"], house.admin.user().to_string());
    for secret in ["上海秘密", "424242", "乙", "admin"] {
        assert!(!told.to_string().contains(secret), "{secret}");
    }
}

#[test]
fn a_threshold_of_nothing_keeps_the_newest_and_counts_all() {
    let house = database();
    accounts(&house, &["甲"]);
    call(&house, "record.count", json!({"entity": "account"})).unwrap();
    assert_eq!(slow(&house)["total"], 0, "a clock that stands still finds nothing slow");
    threshold(&house, 0, 1_000_000);
    for _ in 0..205 {
        call(&house, "record.count", json!({"entity": "account"})).unwrap();
    }
    let told = slow(&house);
    assert!(told["total"].as_u64().unwrap() >= 205);
    assert_eq!((told["queries"].as_array().unwrap().len(), &told["threshold_micros"]), (200, &json!(0)));
    assert_eq!(call(&house, "database.inspect", json!({})).unwrap()["slow_queries"], told["total"]);
    // It is kept in memory alone, and the threshold in the database.
    let house = house.reopened();
    assert_eq!((&slow(&house)["total"], &slow(&house)["threshold_micros"]), (&json!(0), &json!(0)));
}

#[test]
fn administrators_alone_read_the_log_and_support_is_told_no_name_that_a_customer_gave() {
    let house = database();
    let lin = house.user_as("lin", "director");
    let refused = api::call(&lin, "database.slow_queries", &json!({})).unwrap_err();
    assert_eq!(refused.code(), Code::NotPermitted);
    let field = json!({"entity": "account", "name": "merger_plan", "field_type": "text", "label_zh": "并购", "label_en": "Merger"});
    call(&house, "schema.define_field", field).unwrap();
    threshold(&house, 0, 1_000_000);
    call(&house, "record.count", json!({"entity": "account", "filter": {"x.merger_plan": "Acme"}})).unwrap();
    assert_eq!(slow(&house)["queries"][0]["shape"], "all(x.merger_plan eq)");
    let bundle = call(&house, "database.support_bundle", json!({})).unwrap();
    let shape = bundle["slow_queries"][0]["shape"].as_str().unwrap();
    assert!(shape.starts_with("all(field ") && shape.ends_with(" eq)"), "{shape}");
    let text = bundle["slow_queries"].to_string();
    for secret in ["merger_plan", "Acme", &house.admin.user().to_string()] {
        assert!(!text.contains(secret), "{secret}");
    }
}
