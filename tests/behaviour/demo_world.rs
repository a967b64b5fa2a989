//! The demo world: made from a seed, the same each time, and true to itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use guanxi::base::SeededRandom;
use guanxi::engine::{Listing, Pool, User};
use guanxi::model::{
    Account, Activity, Lead, Opportunity, OwnerChange, Quota, Stage, StageChange, Task, account, activity,
    lead, opportunity, owner_change, stage, task,
};
use guanxi::schema::EntityType;
use guanxi::{CancelToken, Code, Condition, Patience, RecordId, Session, Value};
use guanxi_demo::{Made, PEOPLE, World};
use guanxi_tests::{House, options, refusal};

/// A world that begins when the clock of a house stands.
fn world(seed: u64, accounts: usize) -> World {
    World { seed, accounts, until: "2028-12-01".parse().unwrap() }
}

fn made(seed: u64, accounts: usize) -> (House, Made) {
    let house = House::with(|options| options.random(Arc::new(SeededRandom::new(1))));
    let made = world(seed, accounts).fill(&house.admin, &house.clock).unwrap();
    (house, made)
}

/// All records of an entity.
fn all(session: &Session, entity: &str) -> Vec<Listing> {
    let mut rows = Vec::new();
    session
        .read(|reader| {
            reader.scan(entity, &Condition::Everything, &mut |row| {
                rows.push(row);
                Ok(())
            })
        })
        .unwrap();
    rows
}

fn text(row: &Listing, field: &str) -> String {
    row.value(field).unwrap().as_text().unwrap_or_default().to_owned()
}

fn id(row: &Listing, field: &str) -> Option<RecordId> {
    row.value(field).unwrap().as_id()
}

/// The id of the record to which a reference to any entity leads, and the entity.
fn referred(row: &Listing, field: &str) -> Option<(String, RecordId)> {
    let value = row.value(field).unwrap();
    Some((value.part("entity").as_text()?.to_owned(), value.part("id").as_id()?))
}

fn count(made: &Made, entity: &str) -> u64 {
    made.counts.iter().find(|(name, _)| *name == entity).unwrap().1
}

#[test]
fn one_seed_makes_one_history_and_another_seed_another_one() {
    let [one, again, other] = [(7, 20), (7, 20), (8, 20)].map(|(seed, accounts)| made(seed, accounts).1);
    assert_eq!(one, again);
    assert_ne!(one.head, other.head);
}

#[test]
fn a_world_is_of_the_size_that_was_asked_for_and_has_something_of_everything() {
    let (house, made) = made(3, 150);
    assert_eq!(count(&made, Account::NAME), 150);
    assert_eq!(count(&made, User::NAME), PEOPLE as u64 + 1);
    for (entity, count) in &made.counts {
        assert!(*count > 0, "{entity}");
    }
    let admin = &house.admin;
    let of = |entity: &str, field: &str| -> BTreeSet<String> {
        all(admin, entity).iter().map(|row| text(row, field)).collect()
    };
    let named =
        |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    assert_eq!(of(Opportunity::NAME, "status"), named(&["open", "won", "lost"]));
    assert!(of(Lead::NAME, "status").is_superset(&named(&["converted", "dead", "recycled"])));
    assert!(of(OwnerChange::NAME, "kind").is_superset(&named(&["recycled", "claimed"])));
    assert!(of(Task::NAME, "status").is_superset(&named(&["open", "done"])));
    let names: Vec<String> = all(admin, Account::NAME).iter().map(Listing::title).collect();
    assert!(names.iter().any(|name| name.is_ascii()) && names.iter().any(|name| name.contains("有限公司")));
    let pools: Vec<RecordId> = all(admin, Pool::NAME).iter().map(|row| row.record.id).collect();
    let pooled =
        all(admin, Account::NAME).iter().filter(|row| pools.contains(&row.record.envelope.owner)).count();
    assert!((1..150).contains(&pooled), "{pooled} accounts are in the pool");
    let commented = all(admin, Opportunity::NAME)
        .iter()
        .filter(|deal| !admin.comments(Opportunity::NAME, deal.record.id, 1, None).unwrap().rows.is_empty())
        .count();
    assert!(commented > 0);
    assert!(
        all(admin, Opportunity::NAME).iter().any(|deal| !deal.value(opportunity::TEAM).unwrap().is_null())
    );
    assert!(all(admin, Quota::NAME).len() > 8 * PEOPLE / 2);
}

#[test]
fn deals_of_a_world_went_through_their_stages_in_order_and_closed_with_a_day_and_a_reason() {
    let (house, _) = made(5, 100);
    let admin = &house.admin;
    let place: BTreeMap<RecordId, i64> = all(admin, Stage::NAME)
        .iter()
        .map(|row| match row.value(stage::POSITION).unwrap() {
            Value::Int(position) => (row.record.id, position),
            other => panic!("a stage at {other:?}"),
        })
        .collect();
    let first = place.iter().min_by_key(|(_, position)| **position).map(|(stage, _)| *stage);
    let mut steps: BTreeMap<RecordId, Vec<Listing>> = BTreeMap::new();
    for step in all(admin, StageChange::NAME) {
        steps.entry(id(&step, "opportunity").unwrap()).or_default().push(step);
    }
    for deal in all(admin, Opportunity::NAME) {
        let mut steps = steps.remove(&deal.record.id).unwrap_or_default();
        steps.sort_by_key(|step| match step.value("at").unwrap() {
            Value::DateTime(at) => at,
            other => panic!("a step at {other:?}"),
        });
        // A deal begins in the first stage, and what is written down are the steps from there.
        let mut before = first;
        for step in &steps {
            assert_eq!(id(step, "from_stage"), before);
            let next = id(step, "to_stage");
            if let Some(before) = before {
                assert!(place[&before] < place[&next.unwrap()]);
            }
            before = next;
        }
        assert_eq!(id(&deal, "stage"), before);
        let (status, closed) = (text(&deal, "status"), deal.value(opportunity::CLOSED_ON).unwrap());
        assert_eq!(status == "open", closed.is_null(), "{status}");
        assert_eq!(status == "lost", !text(&deal, "close_reason").is_empty());
        if let (Value::Date(closed), Value::Date(engaged)) =
            (closed, deal.value(opportunity::ENGAGED_ON).unwrap())
        {
            assert!(engaged <= closed);
        }
    }
    assert!(steps.is_empty(), "steps of deals that are not there");
}

#[test]
fn owners_of_a_world_are_those_to_whom_its_history_gave_them() {
    let (house, _) = made(9, 100);
    let admin = &house.admin;
    let mut changes: BTreeMap<String, Vec<Listing>> = BTreeMap::new();
    for change in all(admin, OwnerChange::NAME) {
        changes.entry(text(&change, "record")).or_default().push(change);
    }
    for entity in [Account::NAME, Lead::NAME] {
        for row in all(admin, entity) {
            let Some(mut changes) = changes.remove(&row.record.id.to_string()) else { continue };
            changes.sort_by_key(|change| match change.value(owner_change::AT).unwrap() {
                Value::DateTime(at) => at,
                other => panic!("a change at {other:?}"),
            });
            for pair in changes.windows(2) {
                assert_eq!(referred(&pair[0], "to_owner"), referred(&pair[1], "from_owner"));
            }
            let last = referred(changes.last().unwrap(), "to_owner").unwrap().1;
            assert_eq!(last, row.record.envelope.owner);
        }
    }
    assert!(changes.is_empty(), "owners of records that are not there");
}

#[test]
fn what_was_done_in_a_world_was_done_with_somebody_who_is_there_and_within_its_days() {
    let (house, made) = made(11, 100);
    let admin = &house.admin;
    let mut newest: BTreeMap<RecordId, Value> = BTreeMap::new();
    for row in all(admin, Activity::NAME) {
        let (entity, party) = referred(&row, "regarding").unwrap();
        admin.get(&entity, party).unwrap();
        let at = row.value(activity::AT).unwrap();
        let Value::DateTime(moment) = at else { panic!("an activity at {at:?}") };
        assert!(moment <= house.crm.now());
        if let Some(account) = id(&row, "account") {
            let known = newest.entry(account).or_insert_with(|| at.clone());
            if let Value::DateTime(other) = known
                && *other < moment
            {
                *known = at;
            }
        }
    }
    for row in all(admin, Account::NAME) {
        assert_eq!(row.value(account::LAST_ACTIVITY_AT).unwrap(), newest[&row.record.id], "{}", row.title());
    }
    for row in all(admin, Task::NAME) {
        let (entity, party) = referred(&row, task::REGARDING.name()).unwrap();
        admin.get(&entity, party).unwrap();
    }
    for row in all(admin, Lead::NAME).iter().filter(|row| text(row, "status") == "converted") {
        for (field, entity) in [
            (lead::ACCOUNT.name(), Account::NAME),
            (lead::CONTACT.name(), "crm.contact"),
            (lead::OPPORTUNITY.name(), Opportunity::NAME),
        ] {
            admin.get(entity, id(row, field).unwrap()).unwrap();
        }
    }
    assert_eq!(house.crm.flush().unwrap(), made.head);
    let _ = house.verified();
}

#[test]
fn a_world_that_is_given_up_leaves_nothing_and_one_that_is_too_large_is_not_begun() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo.guanxi");
    let token = CancelToken::new();
    token.cancel();
    let create = |accounts: usize, patience: &Patience| {
        world(1, accounts).create(options(), &path, guanxi_tests::ADMIN, patience)
    };
    assert_eq!(refusal(create(5, &Patience::with_token(token))), Code::Cancelled);
    assert!(!path.exists());
    for wrong in [0, guanxi_demo::MAX_ACCOUNTS + 1] {
        assert_eq!(refusal(create(wrong, &Patience::default())), Code::OutOfRange);
    }
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let patience = Patience::default().telling(move |progress| {
        if progress.phase == "history" {
            listener.lock().unwrap().push(progress.done);
        }
    });
    create(2, &patience).unwrap();
    let told = told.lock().unwrap();
    assert_eq!(
        (told.len(), told.last()),
        (guanxi_demo::DAYS as usize, Some(&u64::from(guanxi_demo::DAYS - 1)))
    );
}
