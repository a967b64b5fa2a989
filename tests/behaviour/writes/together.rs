//! What stands together: transactions, points to go back to, repeated requests, and two databases.

use std::sync::mpsc;
use std::time::Duration;

use guanxi::engine::{Find, Upserted};
use guanxi::features::reports::{Bucket, GroupBy, Measure, Report};
use guanxi::model::{Account, Opportunity, Product, account, opportunity, product};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, Durability, Error, Patience, Result, Settings, WriteOptions};
use guanxi_tests::{House, PASSWORD, database, moment, options, refusal};
use serde_json::json;

fn count(house: &House, entity: &str) -> u64 {
    house.admin.count(entity, &Condition::Everything).unwrap()
}

fn named(name: &str) -> Changes {
    Changes::new().set("name", name)
}

#[test]
fn a_closure_that_fails_leaves_nothing_behind() {
    let house = database();
    let before = house.crm.head().unwrap();
    let failed: Result<()> = house.admin.write(|transaction| {
        let buyer = transaction.create(account::named("加喜"))?;
        transaction.create(opportunity::titled("deal").with(opportunity::ACCOUNT, buyer))?;
        Err(Error::new(Code::NothingMatches))
    });
    assert_eq!(refusal(failed), Code::NothingMatches);
    assert_eq!((count(&house, Account::NAME), count(&house, Opportunity::NAME)), (0, 0));
    assert_eq!(house.crm.head().unwrap(), before);
    assert_eq!(house.admin.search("加喜", None, 10, 0).unwrap().total, 0);
}

#[test]
fn a_transaction_that_is_dropped_leaves_nothing_and_lets_the_next_begin() {
    let house = database();
    let mut transaction = house.admin.begin(WriteOptions::default()).unwrap();
    transaction.create(account::named("x")).unwrap();
    drop(transaction);
    assert_eq!(count(&house, Account::NAME), 0);
    let _ = house.create(Account::NAME, &named("y"));
}

#[test]
fn what_was_written_since_a_point_is_taken_back_and_may_be_written_again() {
    let house = database();
    let kept = house.create(Product::NAME, &named("kept"));
    house
        .admin
        .write(|transaction| {
            let point = transaction.savepoint();
            for _ in 0..3 {
                let made = transaction.create(product::named("made"))?;
                transaction.delete_record(Product::NAME, kept)?;
                let inner = transaction.savepoint();
                transaction.update_record(Product::NAME, made.id(), named("renamed"))?;
                transaction.roll_back_to(inner);
                assert_eq!(transaction.get(made)?.value(product::NAME)?.as_deref(), Some("made"));
                transaction.roll_back_to(point);
            }
            let reader = transaction.reader();
            assert_eq!(reader.count(Product::NAME, &Condition::Everything)?, 1);
            assert_eq!(reader.find_by_title(Product::NAME, "made")?, []);
            transaction.create(product::named("made"))
        })
        .unwrap();
    assert_eq!(count(&house, Product::NAME), 2);
    let _ = house.verified();
}

#[test]
fn an_upsert_makes_a_record_once_and_then_changes_it() {
    let house = database();
    let upsert = |name: &str| {
        house.admin.write(|transaction| transaction.upsert_record("account", "erp", "K-1", named(name)))
    };
    let Ok(Upserted::Created(id)) = upsert("one") else { panic!("a first upsert creates") };
    assert_eq!(upsert("one").unwrap(), Upserted::Unchanged(id));
    assert_eq!(upsert("two").unwrap(), Upserted::Updated(id));
    assert_eq!(count(&house, Account::NAME), 1);
    let again = house
        .admin
        .write(|transaction| transaction.create_record("account", named("three").external_id("erp", "K-1")));
    let error = again.unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::NotUnique, Some("external_id")));
    // The key of another system, or of another entity, is another key.
    let other = named("four").external_id("erp2", "K-1");
    let _ = house.create("account", &other);
    let _ = house.create("contact", &named("five").external_id("erp", "K-1"));
}

#[test]
fn a_repeated_request_gets_the_first_answer_and_writes_nothing() {
    let house = database();
    let call = |name: &str, key: &str| {
        let request = json!({"entity": "account", "values": {"name": name}, "idempotency_key": key});
        guanxi::api::call(&house.admin, "record.create", &request)
    };
    let first = call("加喜", "key").unwrap();
    let head = house.crm.head().unwrap();
    assert_eq!(call("加喜", "key").unwrap(), first);
    assert_eq!(house.crm.head().unwrap(), head);
    assert_eq!(refusal(call("other", "key")), Code::IdempotencyMismatch);
    assert_eq!(house.crm.head().unwrap(), head);
    assert_ne!(call("加喜", "another key").unwrap(), first);
    assert_eq!(count(&house, Account::NAME), 2);
}

#[test]
fn a_request_that_failed_may_be_repeated_under_its_key() {
    let house = database();
    let call = |values: serde_json::Value| {
        let request = json!({"entity": "product", "values": values, "idempotency_key": "key"});
        guanxi::api::call(&house.admin, "record.create", &request)
    };
    let holder = house.create(Product::NAME, &named("taken"));
    assert_eq!(refusal(call(json!({"name": "taken"}))), Code::NotUnique);
    house.admin.write(|transaction| transaction.delete_record(Product::NAME, holder)).unwrap();
    call(json!({"name": "taken"})).unwrap();
}

#[test]
fn an_idempotency_key_belongs_to_its_user() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let request = json!({"entity": "account", "values": {"name": "x"}, "idempotency_key": "key"});
    let first = guanxi::api::call(&house.admin, "record.create", &request).unwrap();
    assert_ne!(guanxi::api::call(&lin, "record.create", &request).unwrap(), first);
}

#[test]
fn a_write_inside_of_a_write_is_refused_and_does_not_wait_for_itself() {
    let house = database();
    house
        .admin
        .write(|transaction| {
            let inner = house.admin.write(|inner| inner.create(account::named("inner")));
            assert_eq!(refusal(inner), Code::Reentrant);
            assert_eq!(refusal(house.crm.sign_in("admin", PASSWORD)), Code::Reentrant);
            assert_eq!(refusal(house.admin.change_settings(Settings::default())), Code::Reentrant);
            assert_eq!(refusal(house.admin.set_password(house.admin.user(), PASSWORD)), Code::Reentrant);
            assert_eq!(house.admin.count(Account::NAME, &Condition::Everything)?, 0);
            transaction.create(account::named("outer"))
        })
        .unwrap();
    assert_eq!(count(&house, Account::NAME), 1);
}

#[test]
fn a_writer_waits_for_its_turn_no_longer_than_its_patience() {
    let house = database();
    let (held, wait_held) = mpsc::channel();
    let (done, wait_done) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let session = house.admin.clone();
        scope.spawn(move || {
            session
                .write(|transaction| {
                    held.send(()).unwrap();
                    wait_done.recv().unwrap();
                    transaction.create(account::named("first"))
                })
                .unwrap();
        });
        wait_held.recv().unwrap();
        let hasty = house.admin.with_patience(Patience::default().within(Duration::from_millis(5)));
        assert_eq!(refusal(hasty.write(|_| Ok(()))), Code::DeadlineExceeded);
        let cancelled = house.admin.with_patience(Patience::default());
        cancelled.cancel_token().cancel();
        assert_eq!(refusal(cancelled.write(|_| Ok(()))), Code::Cancelled);
        // Readers wait for nobody, and see what stands.
        assert_eq!(count(&house, Account::NAME), 0);
        done.send(()).unwrap();
    });
    assert_eq!(count(&house, Account::NAME), 1);
}

#[test]
fn many_threads_write_at_once_and_nothing_is_lost() {
    let house = database();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let session = house.admin.clone();
            scope.spawn(move || {
                for number in 0..10 {
                    let name = format!("{thread}-{number}");
                    session.write(|transaction| transaction.create(account::named(&name))).unwrap();
                }
            });
        }
    });
    let page = house.admin.list(Account::NAME, &Find::default()).unwrap();
    let mut numbers: Vec<u64> = page.rows.iter().map(|row| row.record.envelope.record_number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    let _ = house.verified();
}

#[test]
fn threads_that_write_at_once_share_flushes() {
    let house = database();
    let before = house.crm.statistics().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let session = house.admin.clone();
            scope.spawn(move || {
                for number in 0..30 {
                    let name = format!("{thread}-{number}");
                    session.write(|transaction| transaction.create(account::named(&name))).unwrap();
                }
            });
        }
    });
    let after = house.crm.statistics().unwrap();
    let (commits, groups) = (after.commits - before.commits, after.groups - before.groups);
    assert_eq!(commits, 240);
    // While one group becomes durable, the next writers go on: all but the first few have company.
    assert!(groups < commits * 3 / 4, "{groups} groups of {commits} commits");
}

#[test]
fn relaxed_commits_are_made_durable_many_at_a_time() {
    let house = House::with(|options| options.durability(Durability::Relaxed));
    let before = house.crm.statistics().unwrap();
    for number in 0..100 {
        let name = number.to_string();
        house.admin.write(|transaction| transaction.create(account::named(&name))).unwrap();
    }
    let after = house.crm.statistics().unwrap();
    let (commits, syncs) = (after.commits - before.commits, after.syncs - before.syncs);
    assert_eq!((count(&house, Account::NAME), commits), (100, 100));
    assert!(syncs < commits / 2, "{syncs} flushes of {commits} commits");
}

#[test]
fn two_databases_are_open_at_once_and_know_nothing_of_each_other() {
    let (one, other) = (database(), database());
    let id = one
        .admin
        .write(|transaction| {
            // One thread may write to both, since they have two writers.
            let inner = other.admin.write(|inner| inner.create(account::named("other")));
            inner.unwrap();
            transaction.create(account::named("one"))
        })
        .unwrap();
    assert_eq!((count(&one, Account::NAME), count(&other, Account::NAME)), (1, 1));
    assert_eq!(refusal(other.admin.get(Account::NAME, id.id())), Code::RecordNotFound);
    assert_eq!(other.admin.search("one", None, 10, 0).unwrap().total, 0);
}

#[test]
fn what_was_written_stands_after_the_database_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let crm = options().create(&path).unwrap();
    let session = crm.sign_in("admin", PASSWORD).unwrap();
    let changes = named("加喜").external_id("erp", "7").tags(vec!["重点".to_owned()]);
    let changes = changes.original("旧系统", moment("2020-01-01T00:00:00Z"));
    let id = session.write(|transaction| transaction.create_record("account", changes.clone())).unwrap();
    let before = session.get("account", id).unwrap();
    drop((session, crm));
    let crm = options().open(&path).unwrap();
    let session = crm.sign_in("admin", PASSWORD).unwrap();
    let after = session.get("account", id).unwrap();
    assert_eq!(after, before);
    assert_eq!(after.record.envelope.tags, ["重点"]);
    assert_eq!(after.record.envelope.original_author.as_deref(), Some("旧系统"));
    assert!(session.read(|reader| reader.find_by_external_id("account", "erp", "7")).unwrap().is_some());
}

/// The first days of the groups of a report of opportunities.
fn first_days(house: &House, field: &str, bucket: Bucket) -> Vec<String> {
    let report = Report {
        entity: Opportunity::NAME.to_owned(),
        filter: Condition::Everything,
        group_by: vec![GroupBy { path: vec![field.into()], bucket: Some(bucket) }],
        measures: vec![Measure::Count],
    };
    house.admin.report(&report).unwrap().rows.into_iter().map(|row| row.labels[0].clone()).collect()
}

#[test]
fn reports_obey_the_organisation_s_calendar_from_the_next_call_on() {
    let house = database();
    house.clock.set(moment("2026-11-21T17:00:00Z"));
    // A Wednesday in the last quarter of a year that begins in April.
    let deal =
        Changes::new().set("title", "x").set("engaged_on", "2017-02-15".parse::<guanxi::Date>().unwrap());
    let _ = house.create(Opportunity::NAME, &deal);
    let spans = [
        (Bucket::Day, "2017-02-15"),
        (Bucket::Week, "2017-02-13"),
        (Bucket::Month, "2017-02-01"),
        (Bucket::Quarter, "2017-01-01"),
        (Bucket::Year, "2017-01-01"),
    ];
    for (bucket, first) in spans {
        assert_eq!(first_days(&house, "engaged_on", bucket), [first]);
    }
    assert_eq!(first_days(&house, "created_at", Bucket::Day), ["2026-11-22"]);
    let settings = Settings {
        base_currency: "USD".to_owned(),
        time_zone: "America/New_York".to_owned(),
        first_weekday: "sunday".to_owned(),
        fiscal_year_start: 2,
        max_attachment_bytes: 1 << 20,
        ..Settings::default()
    };
    house.admin.change_settings(settings.clone()).unwrap();
    let spans = [
        (Bucket::Week, "2017-02-12"),
        (Bucket::Month, "2017-02-01"),
        (Bucket::Quarter, "2017-02-01"),
        (Bucket::Year, "2017-02-01"),
    ];
    for (bucket, first) in spans {
        assert_eq!(first_days(&house, "engaged_on", bucket), [first]);
    }
    assert_eq!(first_days(&house, "created_at", Bucket::Day), ["2026-11-21"]);
    let bad = Settings { time_zone: "Mars/Olympus".to_owned(), ..settings };
    assert_eq!(refusal(house.admin.change_settings(bad)), Code::InvalidArgument);
}

#[test]
fn an_amount_without_currency_is_in_the_organisation_s() {
    let house = House::with(|options| {
        options.settings(Settings { base_currency: "EUR".to_owned(), ..Settings::default() })
    });
    let values = json!({"entity": "opportunity", "values": {"title": "x", "amount": "12.50"}});
    let made = guanxi::api::call(&house.admin, "record.create", &values).unwrap();
    let row =
        guanxi::api::call(&house.admin, "record.get", &json!({"entity": "opportunity", "id": made["id"]}));
    assert_eq!(row.unwrap()["values"]["amount"], json!({"amount": "12.50", "currency": "EUR"}));
}
