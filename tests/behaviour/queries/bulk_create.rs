//! Many records created by one call: each with its outcome, in chunks, cancelled, resumed, and taken back.

use guanxi::engine::{Action, Bulk, BulkDone, Level};
use guanxi::model::{Account, account};
use guanxi::schema::EntityType;
use guanxi::{CancelToken, Changes, Code, Condition, Patience, api};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

fn rows(count: usize) -> Vec<Changes> {
    (0..count).map(|number| Changes::new().set("name", format!("account {number}"))).collect()
}

fn standing(house: &House) -> u64 {
    house.admin.count(Account::NAME, &Condition::Everything).unwrap()
}

fn call(house: &House, method: &str, given: Json) -> guanxi::Result<Json> {
    api::call(&house.admin, method, &given)
}

#[test]
fn a_mass_creation_goes_on_where_it_stopped_and_is_taken_back_where_nobody_changed_it_since() {
    let house = database();
    let rows = rows(1_100);
    let token = CancelToken::default();
    let inner = token.clone();
    let impatient = Patience::with_token(token).telling(move |told| {
        if told.phase == "bulk" && told.done >= 500 {
            inner.cancel();
        }
    });
    let stopped =
        house.admin.with_patience(impatient).bulk_create("account", &rows, &Bulk::default()).unwrap();
    assert_eq!(stopped.stopped.map(|error| error.code()), Some(Code::Cancelled));
    assert_eq!((stopped.rows.len(), standing(&house)), (500, 500));
    let bulk = Bulk { limit: 0, after: stopped.next.clone() };
    let rest = house.admin.bulk_create("account", &rows, &bulk).unwrap();
    assert_eq!((rest.batch, rest.first, rest.rows.len(), rest.next), (stopped.batch, 500, 600, None));
    // Each row stands once, and is where its place in the rows says.
    let made: Vec<_> = stopped.rows.iter().chain(&rest.rows).collect();
    assert_eq!((made.len(), standing(&house)), (1_100, 1_100));
    for number in [0, 499, 500, 1_099] {
        assert_eq!(
            house.admin.get(Account::NAME, made[number].id).unwrap().title(),
            format!("account {number}")
        );
    }
    house.change(Account::NAME, made[3].id, &Changes::new().set(account::CITY, "深圳"));
    let _ = house.create(Account::NAME, &Changes::new().set("name", "child").set("parent", made[4].id));
    let undone = house.admin.undo_bulk(stopped.batch).unwrap();
    let mut kept: Vec<_> = undone
        .iter()
        .filter_map(|row| row.outcome.as_ref().err().map(|error| (row.id, error.code())))
        .collect();
    kept.sort_unstable_by_key(|(id, _)| *id);
    let mut told = vec![(made[3].id, Code::VersionConflict), (made[4].id, Code::Referenced)];
    told.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!((undone.len(), kept, standing(&house)), (1_100, told, 3));
    // A second call takes back what the first did not come to, and nothing twice.
    let again = house.admin.undo_bulk(stopped.batch).unwrap();
    let unchanged = again.iter().filter(|row| matches!(row.outcome, Ok(BulkDone::Unchanged)));
    assert_eq!((unchanged.count(), standing(&house)), (1_098, 3));
    assert_eq!(refusal(house.user_as("lin", "director").undo_bulk(stopped.batch)), Code::RecordNotFound);
    let _ = house.verified();
}

#[test]
fn each_row_has_its_own_outcome_and_a_cursor_of_another_kind_is_refused() {
    let house = database();
    let given = json!({"entity": "account", "limit": 4, "rows": [
        {"name": "a"}, {"name": "b", "employees": "many"}, {"city": "上海"}, 7, {"name": "e", "no_such": 1},
        {"name": "f", "industry": "IT"}]});
    let first = call(&house, "record.bulk_create", given.clone()).unwrap();
    let told = |answer: &Json| -> Vec<(u64, String)> {
        let rows = answer["rows"].as_array().unwrap().iter();
        let told = rows.map(|row| {
            let code = row["error"]["code"].as_str().unwrap_or(row["outcome"].as_str().unwrap());
            assert_eq!(row["id"].is_null(), row["outcome"] == "refused");
            (row["row"].as_u64().unwrap(), code.to_owned())
        });
        told.collect()
    };
    let expected = ["created", "schema.wrong_type", "schema.required", "input.invalid_argument"];
    let expected: Vec<(u64, String)> = (0..).zip(expected.map(str::to_owned)).collect();
    assert_eq!(told(&first), expected);
    let mut rest = given.clone();
    rest["cursor"] = first["cursor"].clone();
    let second = call(&house, "record.bulk_create", rest.clone()).unwrap();
    assert_eq!(told(&second), [(4, "schema.unknown_field".to_owned()), (5, "created".to_owned())]);
    assert_eq!((&second["cursor"], &second["batch"], standing(&house)), (&Json::Null, &first["batch"], 2));
    rest["rows"] = json!([{"name": "too few"}]);
    assert_eq!(call(&house, "record.bulk_create", rest).unwrap_err().code(), Code::InvalidCursor);
    let other = json!({"entity": "account", "ids": [], "cursor": first["cursor"]});
    assert_eq!(call(&house, "record.bulk_delete", other).unwrap_err().code(), Code::InvalidCursor);
    call(&house, "record.undo_bulk", json!({"batch": first["batch"]})).unwrap();
    assert_eq!(standing(&house), 0);
}

#[test]
fn a_seller_creates_no_more_in_bulk_than_one_by_one() {
    let house = database();
    let reads = house.role("reads", &[("crm.account", Action::Read, Level::All)]);
    let creates = house.role(
        "creates own",
        &[("crm.account", Action::Read, Level::All), ("crm.account", Action::Create, Level::Own)],
    );
    let (lin, wang) = (house.user("lin", &[reads]), house.user("wang", &[creates]));
    assert_eq!(refusal(lin.bulk_create("account", &rows(2), &Bulk::default())), Code::NotPermitted);
    let mut given = rows(2);
    given[1] = given[1].clone().owner(lin.user());
    let made = wang.bulk_create("account", &given, &Bulk::default()).unwrap();
    let codes: Vec<_> =
        made.rows.iter().map(|row| row.outcome.as_ref().err().map(guanxi::Error::code)).collect();
    assert_eq!(codes, [None, Some(Code::NotPermitted)]);
    // Taken back in the right to delete, which this user has not.
    let undone = wang.undo_bulk(made.batch).unwrap();
    assert_eq!(undone[0].outcome.as_ref().err().map(guanxi::Error::code), Some(Code::NotPermitted));
    assert_eq!(standing(&house), 1);
}
