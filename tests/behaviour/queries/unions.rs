//! Alternatives of a condition: each is answered by its own index, and every record is told once.

use guanxi::engine::{Action, Find, Level, Session, Size};
use guanxi::model::{Account, account};
use guanxi::schema::{CounterDefinition, EntityType, IndexDefinition};
use guanxi::{Condition, RecordId, api};
use guanxi_tests::{House, database};
use serde_json::{Value as Json, json};

fn stage(count: usize) -> House {
    let house = database();
    house
        .admin
        .write(|transaction| {
            for number in 0..count {
                let made = account::named(&format!("account {number:04}"))
                    .with(account::CITY, ["上海", "北京", "广州", "深圳"][number % 4])
                    .with(account::EMPLOYEES, i64::try_from(number * 7 % 50).unwrap());
                transaction.create(made)?;
            }
            Ok(())
        })
        .unwrap();
    let index = |name: &str| IndexDefinition::new("x", 0, name);
    for index in [
        index("by_city").rising("city").falling("employees"),
        index("by_size").rising("employees"),
        index("by_town").rising("city"),
    ] {
        house.admin.define_index("account", index).unwrap();
    }
    house
}

fn explain(session: &Session, filter: Json, sort: Json) -> Json {
    let given = json!({"entity": "account", "filter": filter, "sort": sort});
    api::call(session, "query.explain", &given).unwrap()
}

fn ids(session: &Session, filter: &Condition, limit: usize) -> Vec<RecordId> {
    let mut find = Find { filter: filter.clone(), limit, ..Find::default() };
    let mut found = Vec::new();
    loop {
        let page = session.list(Account::NAME, &find).unwrap();
        found.extend(page.rows.iter().map(|row| row.record.id));
        match page.next {
            Some(next) => find.after = Some(next),
            None => return found,
        }
    }
}

#[test]
fn alternatives_by_two_indexes_are_read_from_both_and_no_record_is_told_twice() {
    let house = stage(200);
    let either = json!({"any": [{"city": "上海"}, {"field": "employees", "op": "lt", "value": 3}]});
    let told = explain(&house.admin, either, json!([]));
    assert_eq!((&told["index"], &told["scan"]), (&json!("any"), &json!(false)), "{told}");
    assert_eq!(told["alternatives"][0]["index"], "x.by_city", "{told}");
    assert_eq!(told["alternatives"][1]["components"], json!(["employees"]), "{told}");
    let either = Condition::Any(vec![account::CITY.is("上海"), account::EMPLOYEES.below(3)]);
    let all = ids(&house.admin, &Condition::Everything, 1000);
    let by_hand = |number: usize| number.is_multiple_of(4) || number * 7 % 50 < 3;
    let expected: Vec<RecordId> =
        (0..200).filter(|number| by_hand(*number)).map(|number| all[number]).collect();
    for limit in [7, 1000] {
        assert_eq!(ids(&house.admin, &either, limit), expected);
    }
    assert_eq!(house.admin.count(Account::NAME, &either).unwrap(), u64::try_from(expected.len()).unwrap());
    // The rest of a condition stands beside its alternatives.
    let beside = Condition::All(vec![either, account::EMPLOYEES.at_least(1)]);
    let fewer = ids(&house.admin, &beside, 9);
    assert!(fewer.len() < expected.len() && fewer.iter().all(|id| expected.contains(id)));
}

#[test]
fn alternatives_that_are_in_order_already_are_merged_and_those_by_points_counted_without_records() {
    let house = stage(100);
    let points = json!({"any": [{"city": "上海"}, {"employees": 7}]});
    let told = explain(&house.admin, points.clone(), json!([]));
    assert_eq!(
        (&told["order"], &told["count"], &told["residual"]),
        (&json!("streamed"), &json!("index"), &json!(0)),
        "{told}"
    );
    let by_city = json!({"any": [{"city": "上海"}, {"city": "北京", "name": "account 0001"}]});
    let told = explain(&house.admin, by_city, json!(["-employees"]));
    assert_eq!((&told["order"], &told["scan"]), (&json!("streamed"), &json!(false)), "{told}");
    let given = json!({"entity": "account", "filter": points, "total": "exact", "limit": 100});
    let page = api::call(&house.admin, "query.run", &given).unwrap();
    assert_eq!(page["total"]["count"], page["rows"].as_array().unwrap().len());
}

#[test]
fn what_an_expression_says_with_or_and_not_is_answered_by_indexes() {
    let house = stage(60);
    let count = |source: &str| {
        let given = json!({"entity": "account", "filter": {"expression": source}, "total": "exact"});
        api::call(&house.admin, "query.count", &given).unwrap()["count"].as_u64().unwrap()
    };
    for (source, index) in [
        ("city == '上海' || city == '北京'", "x.by_town"),
        ("city == '上海' || employees > 45", "any"),
        ("!(city != '上海' && employees <= 45)", "any"),
        ("(city == '上海' && employees > 20) || (city == '北京' && employees < 9)", "any"),
        ("!(employees >= 9)", "x.by_size"),
        ("city.startsWith('上') || employees in [1, 7]", "any"),
    ] {
        let told = explain(&house.admin, json!({"expression": source}), json!([]));
        assert_eq!(
            (told["index"].as_str().unwrap(), &told["scan"]),
            (index, &json!(false)),
            "{source}: {told}"
        );
    }
    assert_eq!(count("city == '上海' || city == '北京'"), 30);
    let by_hand = (0_u64..60).filter(|number| number.is_multiple_of(4) || number * 7 % 50 > 45).count();
    for source in ["city == '上海' || employees > 45", "!(city != '上海' && employees <= 45)"] {
        assert_eq!(count(source), u64::try_from(by_hand).unwrap(), "{source}");
    }
    // One side that nothing bounds has all records read, and deep ones are no worse than that.
    assert!(
        explain(&house.admin, json!({"expression": "city == '上海' || size(name) > 3"}), json!([]))["scan"]
            .as_bool()
            .unwrap()
    );
    let mut deep = "employees == 1".to_owned();
    for number in 2..14 {
        deep = format!("(({deep}) || employees == {number}) && city == '上海'");
    }
    let _ = count(&deep);
}

#[test]
fn the_smaller_of_two_indexes_is_read_by_what_counters_and_keys_say_of_what_the_reader_sees() {
    let house = stage(800);
    house.admin.define_index("account", IndexDefinition::new("x", 0, "by_kind").rising("kind")).unwrap();
    let both = json!({"all": [{"city": "上海"}, {"field": "kind", "op": "is_null"}, {"field": "name", "op": "contains", "value": "1"}]});
    let told = explain(&house.admin, both, json!(["name"]));
    assert_eq!(told["index"], "x.by_city", "{told}");
    // A counter by the field knows how many there are where too many keys would have to be looked at.
    house.admin.define_counter("account", CounterDefinition::new("x", 0, "by_size", &["employees"])).unwrap();
    let told = explain(&house.admin, json!({"employees": 7, "name": "account 0001"}), json!([]));
    assert_eq!(told["keys"]["from"], "index", "{told}");
    let told = explain(&house.admin, json!({"field": "kind", "op": "is_null"}), json!([]));
    assert_eq!(told["keys"]["from"], "counters", "{told}");
    assert_eq!(told["keys"]["about"], 800, "{told}");
    let everything = house.admin.explain(Account::NAME, &Find::default()).unwrap();
    assert_eq!(everything.keys, Some(Size::Counters(800)));
    // Who sees nothing is told of nothing.
    let own = house.user("own", &[house.role("own", &[("crm.account", Action::Read, Level::Own)])]);
    for filter in [json!({"city": "上海"}), json!({"field": "kind", "op": "is_null"}), Json::Null] {
        assert_eq!(explain(&own, filter, json!([]))["keys"]["about"], 0);
    }
}
