//! Lookups and rollups: figures over other records, held against a walk over all of them by hand.

mod links;
mod refusals;
mod shop;

use std::sync::Arc;

use guanxi::engine::{Action, Level, Question, Session};
use guanxi::{Condition, Find, RecordId, Value, WriteOptions};
use guanxi_tests::House;
use proptest::collection::vec;
use proptest::prelude::*;

use shop::{ORDER, Shop, Step, World, step};

/// A database with the shop, and a clerk who sees all orders and customers but only the clerk's own lines.
fn stage() -> (House, Session) {
    let house = House::with(|options| options.extension(Arc::new(Shop)));
    let clerk = clerk(&house);
    (house, clerk)
}

fn clerk(house: &House) -> Session {
    let all = |entity| (entity, Action::Read, Level::All);
    let grants = [all(shop::CUSTOMER), all(shop::ORDER), (shop::LINE, Action::Read, Level::Own)];
    let role = house.role("clerk", &grants);
    house.user("clerk", &[role])
}

/// A tree of customers with orders, so that what follows meets something.
fn opening() -> Vec<Step> {
    let customers = [None, Some(0), Some(1), None].map(Step::Customer);
    let orders = (0..6).map(|number| Step::Order(Some(number), number % 3));
    customers.into_iter().chain(orders).collect()
}

fn play(house: &House, owners: &[RecordId; 2], world: &mut World, steps: &[Step], commit: bool) {
    let mut played = world.clone();
    let mut transaction = house.admin.begin(WriteOptions::default()).unwrap();
    steps.iter().for_each(|step| played.play(&mut transaction, owners, step));
    if commit {
        transaction.commit().unwrap();
        *world = played;
    }
}

/// A list of one field says of it what a list of all fields says, and nothing of the others, whatever the
/// condition and the order look at.
fn check_columns(session: &Session, find: &Find) {
    let whole = session.list(ORDER, find).unwrap();
    let registry = session.crm().registry();
    let names: Vec<&str> =
        registry.entity(ORDER).unwrap().fields().iter().map(|field| field.api_name.as_str()).collect();
    for name in &names {
        let question = Question { fields: vec![(*name).into()], ..find.clone().into() };
        let few = session.query(ORDER, &question).unwrap();
        assert_eq!(few.next, whole.next);
        assert_eq!(few.rows.len(), whole.rows.len());
        for (row, all) in few.rows.iter().zip(&whole.rows) {
            assert_eq!(row.record.id, all.record.id);
            for other in &names {
                let expected = if other == name { all.value(*name).unwrap() } else { Value::Null };
                assert_eq!(row.value(*other).unwrap(), expected, "{other} of a list of {name}");
            }
        }
    }
}

/// Filters and orders by a figure, against the same by hand.
fn check_lists(house: &House, world: &World, least: i64) {
    let standing: Vec<RecordId> =
        world.orders.iter().filter(|(_, order)| !order.deleted).map(|(id, _)| *id).collect();
    let number = |id: &RecordId| world.of_order(*id, "quantity", None).parse::<i64>().ok();
    let filter = |name: &str| {
        Condition::Compare(name.into(), guanxi::engine::Comparison::GreaterOrEqual, least.into())
    };
    let find = Find {
        filter: filter("quantity"),
        sort: vec![("quantity".into(), guanxi::engine::Direction::Descending)],
        limit: 2,
        ..Find::default()
    };
    let mut expected: Vec<RecordId> =
        standing.iter().filter(|id| number(id) >= Some(least)).copied().collect();
    expected.sort_by_key(|id| std::cmp::Reverse((number(id), *id)));
    check_columns(&house.admin, &find);
    check_columns(&house.admin, &Find { sort: Vec::new(), filter: filter("tenfold"), ..find.clone() });
    let (mut found, mut page) = (Vec::new(), find.clone());
    loop {
        let rows = house.admin.list(ORDER, &page).unwrap();
        found.extend(rows.rows.iter().map(|row| row.record.id));
        match rows.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(found, expected);
    assert_eq!(house.admin.count(ORDER, &filter("quantity")).unwrap(), expected.len() as u64);
    assert!(!house.admin.explain(ORDER, &find).unwrap().scan);
    let tenfold =
        |id: &&RecordId| world.of_order(**id, "tenfold", None).parse::<i64>().unwrap() >= least * 10;
    let counted =
        Condition::Compare("tenfold".into(), guanxi::engine::Comparison::GreaterOrEqual, (least * 10).into());
    let expected = standing.iter().filter(tenfold).count();
    assert_eq!(house.admin.count(ORDER, &counted).unwrap(), expected as u64);
}

/// Customers filtered and ordered by figures, which have indexes, against the same by hand.
fn check_customers(house: &House, world: &World, least: i64) {
    let standing: Vec<RecordId> =
        world.customers.iter().filter(|(_, (_, deleted))| !deleted).map(|(id, _)| *id).collect();
    for name in ["tree_total", "tree_largest", "of_trees", "largest_tree", "below"] {
        let number = |id: &RecordId| world.of_customer(*id, name).parse::<i64>().ok();
        let find = Find {
            filter: Condition::Compare(name.into(), guanxi::engine::Comparison::Less, least.into()),
            sort: vec![(name.into(), guanxi::engine::Direction::Ascending)],
            limit: 100,
            ..Find::default()
        };
        let below = |id: &&RecordId| number(id).is_some_and(|number| number < least);
        let mut expected: Vec<RecordId> = standing.iter().filter(below).copied().collect();
        expected.sort_by_key(|id| (number(id), *id));
        let page = house.admin.list(shop::CUSTOMER, &find).unwrap();
        assert_eq!(page.rows.iter().map(|row| row.record.id).collect::<Vec<_>>(), expected, "{name}");
        let told = house.admin.explain(shop::CUSTOMER, &find).unwrap();
        assert_eq!((told.scan, told.index), (false, format!("x.{name}")));
        let none = Condition::IsNull(name.into());
        let missing = standing.iter().filter(|id| number(id).is_none()).count();
        assert_eq!(house.admin.count(shop::CUSTOMER, &none).unwrap(), missing as u64, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 16,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn figures_are_what_a_walk_over_all_records_comes_to(
        before in vec(step(), 0..30),
        batches in vec((vec(step(), 1..14), any::<bool>(), prop_oneof![3 => Just(true), 1 => Just(false)]), 1..6),
        least in -4_i64..8,
    ) {
        let (mut house, clerk) = stage();
        let owners = [house.admin.user(), clerk.user()];
        drop(clerk);
        let mut world = World::default();
        play(&house, &owners, &mut world, &opening(), true);
        play(&house, &owners, &mut world, &before, true);
        shop::define(&house.admin);
        let mut clerk = house.crm.session_for("clerk").unwrap();
        world.check(&house.admin, None);
        for (steps, reopen, commit) in &batches {
            play(&house, &owners, &mut world, steps, *commit);
            if *reopen {
                drop(clerk);
                house = house.reopened();
                clerk = house.crm.session_for("clerk").unwrap();
            }
            world.check(&house.admin, None);
            check_lists(&house, &world, least);
            check_customers(&house, &world, least);
        }
        world.check(&clerk, Some(1));
        let _ = house.verified();
    }
}
