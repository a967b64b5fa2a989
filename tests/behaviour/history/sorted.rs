//! Lists of the past in an order, against sorting by hand what lists without one give.

use guanxi::api::call;
use guanxi::engine::{Action, At, Direction, Find, Level, PastRecord};
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session};
use guanxi_tests::{House, database, refusal};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// What happens to one of some accounts: which, its city, how many work there; or it goes or comes back.
#[derive(Debug, Clone)]
enum Step {
    Create(u8, Option<i64>),
    Change(usize, u8, Option<i64>),
    Delete(usize),
    Undelete(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let count = || proptest::option::weighted(0.8, 0_i64..4);
    prop_oneof![
        3 => (0_u8..3, count()).prop_map(|(city, count)| Step::Create(city, count)),
        4 => (any::<usize>(), 0_u8..3, count()).prop_map(|(which, city, count)| Step::Change(which, city, count)),
        1 => any::<usize>().prop_map(Step::Delete),
        1 => any::<usize>().prop_map(Step::Undelete),
    ]
}

fn changes(city: u8, count: Option<i64>) -> Changes {
    Changes::new().set("city", format!("City {city}")).set("employees", count)
}

fn act(house: &House, ids: &mut Vec<RecordId>, step: &Step) {
    house.clock.advance_micros(5_000);
    let pick = |which: &usize| (!ids.is_empty()).then(|| ids[which % ids.len()]);
    match step {
        Step::Create(city, count) => {
            ids.push(house.create(Account::NAME, &changes(*city, *count).set("name", "某公司")));
        }
        Step::Change(which, city, count) => {
            let Some(id) = pick(which) else { return };
            let changes = changes(*city, *count);
            let _ = house
                .admin
                .write(|transaction| transaction.update_record(Account::NAME, id, changes.clone()));
        }
        Step::Delete(which) => {
            let Some(id) = pick(which) else { return };
            let _ = house.admin.write(|transaction| transaction.delete_record(Account::NAME, id));
        }
        Step::Undelete(which) => {
            let Some(id) = pick(which) else { return };
            let _ = house.admin.write(|transaction| transaction.undelete_record(Account::NAME, id));
        }
    }
}

/// City and number of a row, as texts that sort as they do.
fn values(row: &PastRecord) -> (String, String) {
    let text = |field: &str| match row.value(field).unwrap() {
        guanxi::engine::PastValue::Known(value) => value.to_string(),
        erased => panic!("{erased:?}"),
    };
    (text("city"), text("employees"))
}

/// All rows of a list without an order.
fn walked(session: &Session, condition: &Condition, at: At) -> Vec<PastRecord> {
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let page = session.list_as_of(Account::NAME, condition, at, cursor, 2).unwrap();
        rows.extend(page.rows);
        cursor = page.next;
        if cursor.is_none() {
            return rows;
        }
    }
}

/// All rows of a list with an order, two to a page.
fn sorted(session: &Session, find: &Find, at: At) -> Vec<RecordId> {
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let page = session.list_as_of_sorted(Account::NAME, find, at, cursor.as_ref()).unwrap();
        assert!(page.rows.len() <= 2);
        rows.extend(page.rows.iter().map(|row| row.id));
        cursor = page.next;
        if cursor.is_none() {
            return rows;
        }
    }
}

fn play(steps: &[Step], temporal: bool) {
    let house = database();
    if temporal {
        house.admin.define_temporal_index(Account::NAME).unwrap();
    }
    let begin = house.crm.head().unwrap().position;
    let mut ids = Vec::new();
    steps.iter().for_each(|step| act(&house, &mut ids, step));
    let last = house.crm.head().unwrap().position;
    let few = Condition::Compare("employees".into(), guanxi::engine::Comparison::Less, 2.into());
    for position in (begin..=last).step_by(3) {
        let at = At::Position(position);
        for filter in [Condition::Everything, few.clone()] {
            let mut rows = walked(&house.admin, &filter, at);
            // No two of these orders agree: by city and number, and by number falling, with ties by creation.
            rows.sort_by_key(|row| (values(row), row.id));
            let expected: Vec<RecordId> = rows.iter().map(|row| row.id).collect();
            let rising = [("city".into(), Direction::Ascending), ("employees".into(), Direction::Ascending)];
            let find = Find { filter: filter.clone(), sort: rising.into(), limit: 2, ..Find::default() };
            assert_eq!(sorted(&house.admin, &find, at), expected);
            rows.sort_by(|one, other| (values(other).1, one.id).cmp(&(values(one).1, other.id)));
            let expected: Vec<RecordId> = rows.iter().map(|row| row.id).collect();
            let falling = vec![("employees".into(), Direction::Descending)];
            let find = Find { filter, sort: falling, limit: 2, ..Find::default() };
            assert_eq!(sorted(&house.admin, &find, at), expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_list_of_the_past_is_sorted_by_what_the_records_were(steps in vec(step(), 0..30), temporal in any::<bool>()) {
        play(&steps, temporal);
    }
}

#[test]
fn a_sorted_list_of_the_past_is_asked_for_by_name_and_refuses_what_has_no_past() {
    let house = database();
    for (name, count) in [("a", 3), ("b", 1), ("c", 2)] {
        let _ = house.create(Account::NAME, &Changes::new().set("name", name).set("employees", count));
    }
    let place = house.crm.head().unwrap().position;
    let given = |more: Json| {
        let mut given = json!({"entity": "account", "position": place, "sort": ["-employees"], "limit": 2});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        given
    };
    let names = |told: &Json| -> String {
        let rows = told["rows"].as_array().unwrap().iter();
        rows.map(|row| row["values"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = call(&house.admin, "record.list_as_of", &given(json!({}))).unwrap();
    assert_eq!((names(&first).as_str(), &first["looked_at"]), ("ac", &json!(3)));
    let next = json!({"entity": "account", "sort": ["-employees"], "limit": 2, "cursor": first["cursor"]});
    let second = call(&house.admin, "record.list_as_of", &next).unwrap();
    assert_eq!((names(&second).as_str(), &second["cursor"]), ("b", &Json::Null));
    let other = json!({"entity": "account", "sort": ["employees"], "cursor": first["cursor"]});
    assert_eq!(refusal(call(&house.admin, "record.list_as_of", &other)), Code::InvalidCursor);
    for (wrong, code) in [
        (json!({"sort": ["nothing"]}), Code::UnknownField),
        (json!({"chunk": 5}), Code::InvalidArgument),
        (json!({"sort": []}), Code::InvalidArgument),
    ] {
        assert_eq!(refusal(call(&house.admin, "record.list_as_of", &given(wrong.clone()))), code, "{wrong}");
    }
    let role = house.role_hiding("blind", &[("crm.account", Action::Read, Level::All)], "employees");
    let blind = house.user("blind", &[role]);
    assert_eq!(refusal(call(&blind, "record.list_as_of", &given(json!({})))), Code::UnknownField);
}
