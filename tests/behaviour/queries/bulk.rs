//! Many records by one call: each with its outcome, in chunks, cancelled, resumed, and taken back.

use guanxi::engine::{Action, Bulk, BulkDone, Find, Level, Selection};
use guanxi::model::{Account, account};
use guanxi::schema::EntityType;
use guanxi::{CancelToken, Changes, Code, Condition, Patience, RecordId};
use guanxi_tests::{House, database, refusal};

/// Accounts in the order of their ids, which is by chance where the clock stands still.
fn accounts(house: &House, count: usize) -> Vec<RecordId> {
    let made = house.admin.write(|transaction| {
        let named = |number: usize| account::named(&format!("account {number}")).with(account::CITY, "上海");
        (0..count)
            .map(|number| Ok(transaction.create(named(number))?.id()))
            .collect::<guanxi::Result<Vec<_>>>()
    });
    let mut made = made.unwrap();
    made.sort_unstable();
    made
}

fn count(house: &House, city: &str) -> u64 {
    house.admin.count(Account::NAME, &account::CITY.is(city)).unwrap()
}

#[test]
fn a_mass_edit_goes_on_where_it_stopped_and_is_taken_back_where_nobody_changed_it_since() {
    let house = database();
    let ids = accounts(&house, 1_200);
    let selection = Selection::Matching(account::CITY.is("上海"));
    let changes = Changes::new().set(account::CITY, "北京");
    let token = CancelToken::default();
    let inner = token.clone();
    let impatient = Patience::with_token(token).telling(move |told| {
        if told.phase == "bulk" && told.done >= 500 {
            inner.cancel();
        }
    });
    let stopped =
        house.admin.with_patience(impatient).bulk_update("account", &selection, &changes, &Bulk::default());
    let stopped = stopped.unwrap();
    assert_eq!(stopped.stopped.map(|error| error.code()), Some(Code::Cancelled));
    assert_eq!((stopped.rows.len(), count(&house, "北京")), (500, 500));
    let bulk = Bulk { limit: 0, after: stopped.next };
    let rest = house.admin.bulk_update("account", &selection, &changes, &bulk).unwrap();
    assert_eq!((rest.batch, rest.rows.len(), rest.next), (stopped.batch, 700, None));
    assert_eq!(count(&house, "北京"), 1_200);
    house.change(Account::NAME, ids[5], &Changes::new().set(account::CITY, "深圳"));
    let undone = house.admin.undo_bulk(stopped.batch).unwrap();
    let failed: Vec<_> = undone
        .iter()
        .filter_map(|row| row.outcome.as_ref().err().map(|error| (row.id, error.code())))
        .collect();
    assert_eq!(failed, [(ids[5], Code::VersionConflict)]);
    assert_eq!((count(&house, "上海"), count(&house, "深圳")), (1_199, 1));
    // What was taken back is changed since, and is not taken back again.
    assert!(house.admin.undo_bulk(stopped.batch).unwrap().iter().all(|row| row.outcome.is_err()));
    assert_eq!(refusal(house.user_as("lin", "director").undo_bulk(stopped.batch)), Code::RecordNotFound);
    let _ = house.verified();
}

#[test]
fn each_record_has_its_own_outcome_and_a_refused_one_stays_as_it_is() {
    let house = database();
    let ids = accounts(&house, 4);
    let child = house.create(Account::NAME, &Changes::new().set("name", "child").set("parent", ids[1]));
    let named = Selection::Ids(vec![ids[2], ids[1], ids[2], RecordId::from_bytes([9; 16])]);
    let gone = house.admin.bulk_delete("account", &named, &Bulk::default()).unwrap();
    let outcomes: Vec<_> = gone
        .rows
        .iter()
        .map(|row| (row.id, row.outcome.as_ref().map_err(|error| error.code()).copied()))
        .collect();
    assert_eq!(outcomes[..2], [(ids[1], Err(Code::Referenced)), (ids[2], Ok(BulkDone::Deleted))]);
    assert_eq!(outcomes[2].1, Err(Code::RecordNotFound));
    assert_eq!(house.admin.count(Account::NAME, &Condition::Everything).unwrap(), 4);
    let one = Bulk { limit: 1, after: None };
    let first = house
        .admin
        .bulk_update("account", &Selection::Ids(vec![child, ids[0]]), &Changes::new().set("name", " "), &one)
        .unwrap();
    assert!(first.rows.iter().all(|row| row.id == child.min(ids[0])) && first.next.is_some());
    let _ = house.verified();
}

#[test]
fn a_seller_changes_no_more_in_bulk_than_one_by_one() {
    let house = database();
    let role = house.role(
        "reads all, changes own",
        &[("crm.account", Action::Read, Level::All), ("crm.account", Action::Update, Level::Own)],
    );
    let lin = house.user("lin", &[role]);
    accounts(&house, 3);
    let changes = Changes::new().set(account::CITY, "北京");
    let outcome = lin
        .bulk_update("account", &Selection::Matching(Condition::Everything), &changes, &Bulk::default())
        .unwrap();
    assert!(
        outcome
            .rows
            .iter()
            .all(|row| matches!(&row.outcome, Err(error) if error.code() == Code::NotPermitted))
    );
    assert_eq!(outcome.rows.len(), 3);
    let find = Find { filter: account::CITY.is("北京"), ..Find::default() };
    assert!(lin.list("account", &find).unwrap().rows.is_empty());
}

/// References of accounts to accounts, one for each thing that may become of them.
fn declare(house: &House) {
    use guanxi::base::Label;
    use guanxi::schema::{FieldType, OnDelete};
    let define = |name: &str, kind: FieldType, on_delete: OnDelete, unique: bool| {
        let label = Label::new("字段", "Field");
        let adjust = |field: &mut guanxi::schema::FieldDefinition| {
            field.on_delete = on_delete;
            field.unique = unique;
        };
        house.admin.define_field(Account::NAME, name, label, kind, adjust).unwrap();
    };
    let entity = || Account::NAME.to_owned();
    define("part_of", FieldType::Reference { entity: entity() }, OnDelete::Cascade, false);
    define("advised_by", FieldType::Reference { entity: entity() }, OnDelete::SetNull, false);
    define("friends", FieldType::MultiReference { entity: entity() }, OnDelete::SetNull, false);
    define("code", FieldType::Text, OnDelete::Restrict, true);
}

fn names(rows: &[guanxi::engine::BulkRow]) -> Vec<(RecordId, &'static str)> {
    let told = rows.iter().map(|row| {
        let outcome = row.outcome.as_ref().map_or_else(|error| error.code().key(), |done| done.name());
        (row.id, outcome)
    });
    let mut told: Vec<_> = told.collect();
    told.sort_unstable();
    told
}

fn sorted(mut told: Vec<(RecordId, &'static str)>) -> Vec<(RecordId, &'static str)> {
    told.sort_unstable();
    told
}

#[test]
fn a_mass_deletion_is_taken_back_with_what_went_along_and_the_references_that_were_emptied() {
    let house = database();
    declare(&house);
    let with = |name: &str, values: Changes| house.create(Account::NAME, &values.set("name", name));
    let [a, b] = ["a", "b"].map(|name| with(name, Changes::new().set("code", name)));
    let child = with("child", Changes::new().set("part_of", a));
    with("inner", Changes::new().set("part_of", child).set("advised_by", b));
    let friends = guanxi::Value::List(vec![a.into(), b.into()]);
    let friend = with("friend", Changes::new().set("friends", friends.clone()).set("advised_by", b));
    let state = || {
        let rows = house.admin.list(Account::NAME, &Find::default()).unwrap().rows;
        rows.into_iter().map(|row| (row.record.id, row.record.values.clone())).collect::<Vec<_>>()
    };
    let before = state();
    let gone = house.admin.bulk_delete("account", &Selection::Ids(vec![b, a]), &Bulk::default()).unwrap();
    assert!(gone.rows.iter().all(|row| row.outcome.is_ok()), "{:?}", gone.rows);
    let left = |house: &House| house.admin.count(Account::NAME, &Condition::Everything).unwrap();
    assert_eq!(left(&house), 1, "child and what is part of it went along");
    assert_eq!(
        house.admin.get(Account::NAME, friend).unwrap().value("friends").unwrap(),
        guanxi::Value::Null
    );
    let _ = house.verified();
    house.admin.undo_bulk(gone.batch).unwrap();
    assert_eq!(state(), before, "everything is as it was");
    assert_eq!(left(&house), 5);
    // Nothing is left to be taken back.
    let again = house.admin.undo_bulk(gone.batch).unwrap();
    assert!(
        again.iter().all(|row| row.outcome.as_ref().is_ok_and(|done| *done == BulkDone::Unchanged)),
        "{again:?}"
    );
    let _ = house.verified();
}

#[test]
fn records_that_went_in_a_circle_come_back_together_and_whose_place_is_taken_stays_away() {
    let house = database();
    declare(&house);
    let with = |name: &str, values: Changes| house.create(Account::NAME, &values.set("name", name));
    let a = with("a", Changes::new());
    let b = with("b", Changes::new().set("part_of", a));
    house.change(Account::NAME, a, &Changes::new().set("part_of", b));
    let taken = with("taken", Changes::new().set("code", "1"));
    let below = with("below", Changes::new().set("part_of", taken));
    let other = with("other", Changes::new().set("code", "2"));
    let selection = Selection::Ids(vec![a, taken, other]);
    let gone = house.admin.bulk_delete("account", &selection, &Bulk::default()).unwrap();
    assert_eq!(house.admin.count(Account::NAME, &Condition::Everything).unwrap(), 0);
    let newcomer = with("newcomer", Changes::new().set("code", "1"));
    let undelete = |id: RecordId| {
        house.admin.write(|transaction| transaction.undelete_record(Account::NAME, id)).unwrap();
    };
    undelete(other);
    house.change(Account::NAME, other, &Changes::new().set("name", "changed"));
    let undone = house.admin.undo_bulk(gone.batch).unwrap();
    let missing = Code::ReferenceMissing.key();
    let wanted = [
        (a, "restored"),
        (b, "restored"),
        (taken, Code::NotUnique.key()),
        (below, missing),
        (other, Code::VersionConflict.key()),
    ];
    assert_eq!(names(&undone), sorted(wanted.to_vec()));
    assert_eq!(house.admin.get(Account::NAME, a).unwrap().value("part_of").unwrap(), b.into());
    house.change(Account::NAME, newcomer, &Changes::new().set("code", "3"));
    let undone = house.admin.undo_bulk(gone.batch).unwrap();
    let wanted = [
        (a, "unchanged"),
        (b, "unchanged"),
        (taken, "restored"),
        (below, "restored"),
        (other, Code::VersionConflict.key()),
    ];
    assert_eq!(names(&undone), sorted(wanted.to_vec()), "a second call does what the first did not come to");
    let _ = house.verified();
}

#[test]
fn whoever_may_not_delete_brings_nothing_back() {
    let house = database();
    let ids = accounts(&house, 3);
    let gone = house.admin.bulk_delete("account", &Selection::Ids(ids.clone()), &Bulk::default()).unwrap();
    assert_eq!(refusal(house.user_as("lin", "director").undo_bulk(gone.batch)), Code::RecordNotFound);
    let undone = house.admin.undo_bulk(gone.batch).unwrap();
    assert_eq!(names(&undone), sorted(ids.iter().map(|id| (*id, "restored")).collect()));
    assert_eq!(house.admin.count(Account::NAME, &Condition::Everything).unwrap(), 3);
}
