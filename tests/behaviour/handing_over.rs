//! Accounts that go to somebody else with what belongs to them, the to-do list, and what a stage asks of a deal.

use std::collections::BTreeSet;

use guanxi::engine::{Bulk, BulkDone, Selection, ShareLevel};
use guanxi::model::{
    Account, Along, Contact, Event, Lead, Opportunity, Stage, Task, TodoKind, Transfer, account, contact,
    event, lead, opportunity, task,
};
use guanxi::schema::{Codes, EntityType, RecordReference};
use guanxi::{Changes, Code, Condition, RecordId, Session, Timestamp, Value, api};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

const DAY: i64 = 86_400_000_000;

fn owner(house: &House, entity: &str, id: RecordId) -> RecordId {
    house.admin.get(entity, id).unwrap().record.envelope.owner
}

/// An account with one of everything that may go along, all of one owner, and a contact of somebody else's.
struct Book {
    account: RecordId,
    contact: RecordId,
    others: RecordId,
    open: RecordId,
    closed: RecordId,
    task: RecordId,
    done: RecordId,
    event: RecordId,
    past: RecordId,
}

fn book(house: &House, lin: RecordId, other: RecordId) -> Book {
    house
        .admin
        .write(|transaction| {
            let account = transaction.create(account::named("加喜").owner(lin))?;
            let about = || RecordReference::from(account);
            let person =
                |name: &str, owner| contact::named(name).with(contact::ACCOUNT, account).owner(owner);
            let deal =
                |title: &str| opportunity::titled(title).with(opportunity::ACCOUNT, account).owner(lin);
            let task = |subject: &str| task::about(subject).with(task::REGARDING, about()).owner(lin);
            let event = |from: &str, to: &str| {
                event::between("visit", moment(from), moment(to)).with(event::REGARDING, about()).owner(lin)
            };
            let closed = transaction.create(deal("closed"))?;
            closed.win(transaction)?;
            let done = transaction.create(task("done"))?;
            transaction.update_record(Task::NAME, done.id(), Changes::new().set("status", "done"))?;
            Ok(Book {
                account: account.id(),
                contact: transaction.create(person("王芳", lin))?.id(),
                others: transaction.create(person("李雷", other))?.id(),
                open: transaction.create(deal("open"))?.id(),
                closed: closed.id(),
                task: transaction.create(task("call"))?.id(),
                done: done.id(),
                event: transaction.create(event("2026-12-01T01:00:00Z", "2026-12-01T02:00:00Z"))?.id(),
                past: transaction.create(event("2026-11-01T01:00:00Z", "2026-11-01T02:00:00Z"))?.id(),
            })
        })
        .unwrap()
}

fn people(house: &House) -> (Session, Session, Session) {
    (
        house.user_as("lin", "salesperson"),
        house.user_as("wang", "salesperson"),
        house.user_as("zhao", "salesperson"),
    )
}

fn all() -> BTreeSet<Along> {
    <Along as Codes>::ALL.iter().map(|(kind, ..)| *kind).collect()
}

#[test]
fn an_account_goes_over_with_what_was_chosen_and_was_of_the_same_owner() {
    let house = database();
    let (lin, wang, zhao) = people(&house);
    let book = book(&house, lin.user(), zhao.user());
    let along = [Along::Contacts, Along::OpenOpportunities, Along::OpenTasks, Along::FutureEvents].into();
    let transfer = Transfer { to: wang.user(), along, keeps: None };
    let accounts = Selection::Ids(vec![book.account]);
    let preview = house.admin.preview_transfer(&accounts, &transfer).unwrap();
    assert_eq!((preview.accounts, preview.along.values().sum::<u64>(), preview.more), (1, 4, false));
    assert_eq!(owner(&house, Account::NAME, book.account), lin.user(), "a preview moves nothing");
    let outcome = house.admin.transfer(&accounts, &transfer, &Bulk::default()).unwrap();
    assert_eq!(*outcome.rows[0].outcome.as_ref().unwrap(), BulkDone::Updated);
    let gone = [
        (Account::NAME, book.account),
        (Contact::NAME, book.contact),
        (Opportunity::NAME, book.open),
        (Task::NAME, book.task),
        (Event::NAME, book.event),
    ];
    for (entity, id) in gone {
        assert_eq!(owner(&house, entity, id), wang.user(), "{entity}");
    }
    for (entity, id) in [(Opportunity::NAME, book.closed), (Task::NAME, book.done), (Event::NAME, book.past)]
    {
        assert_eq!(owner(&house, entity, id), lin.user(), "{entity} was not chosen");
    }
    assert_eq!(owner(&house, Contact::NAME, book.others), zhao.user(), "what is another's stays that one's");
    assert_eq!(refusal(lin.get(Account::NAME, book.account)), Code::RecordNotFound);
    let again = house.admin.transfer(&accounts, &transfer, &Bulk::default()).unwrap();
    assert_eq!(*again.rows[0].outcome.as_ref().unwrap(), BulkDone::Unchanged);
    let _ = house.verified();
}

#[test]
fn the_owner_before_keeps_what_is_said_for_as_long_as_is_said() {
    let house = database();
    let (lin, wang, zhao) = people(&house);
    let book = book(&house, lin.user(), zhao.user());
    let until = Timestamp::from_micros(house.crm.now().micros() + 30 * DAY);
    let keeps = Some((ShareLevel::Read, Some(until)));
    let transfer = Transfer { to: wang.user(), along: all(), keeps };
    let accounts = Selection::Matching(Condition::Everything);
    let outcome = house.admin.transfer(&accounts, &transfer, &Bulk::default()).unwrap();
    assert!(outcome.rows.iter().all(|row| row.outcome.is_ok()));
    assert!(lin.get(Account::NAME, book.account).is_ok());
    house.clock.set(until);
    assert_eq!(refusal(lin.get(Account::NAME, book.account)), Code::RecordNotFound);
}

#[test]
fn an_account_that_cannot_go_stays_whole_and_holds_up_no_other() {
    let house = database();
    let (lin, wang, zhao) = people(&house);
    let (locked, free) = (book(&house, lin.user(), zhao.user()), book(&house, lin.user(), zhao.user()));
    // A deal of it is locked, so none of it goes.
    house.admin.write(|transaction| transaction.lock_record(Opportunity::NAME, locked.open, None)).unwrap();
    let transfer = Transfer { to: wang.user(), along: all(), keeps: None };
    let accounts = Selection::Ids(vec![locked.account, free.account]);
    let outcome = house.admin.transfer(&accounts, &transfer, &Bulk::default()).unwrap();
    let refused: Vec<RecordId> =
        outcome.rows.iter().filter(|row| row.outcome.is_err()).map(|row| row.id).collect();
    assert_eq!(refused, [locked.account]);
    assert_eq!(owner(&house, Account::NAME, locked.account), lin.user());
    assert_eq!(owner(&house, Contact::NAME, locked.contact), lin.user());
    assert_eq!(owner(&house, Account::NAME, free.account), wang.user());
}

#[test]
fn a_transfer_that_stops_half_way_goes_on_and_is_taken_back_whole() {
    let house = database();
    let (lin, wang, zhao) = people(&house);
    let books: Vec<Book> = (0..5).map(|_| book(&house, lin.user(), zhao.user())).collect();
    // The accounts are named, so that those which have gone are not looked for again.
    let ids: Vec<String> = books.iter().map(|book| book.account.to_string()).collect();
    let first = json!({"ids": ids, "to": wang.user().to_string(), "along": ["contacts"], "limit": 2});
    let told = api::call(&house.admin, "party.transfer", &first).unwrap();
    let mut cursor = told["cursor"].as_str().map(str::to_owned);
    let batch = told["batch"].clone();
    let mut calls = 1;
    while let Some(at) = cursor {
        let mut next = first.clone();
        next["cursor"] = json!(at);
        let told = api::call(&house.admin, "party.transfer", &next).unwrap();
        assert_eq!(told["batch"], batch);
        cursor = told["cursor"].as_str().map(str::to_owned);
        calls += 1;
    }
    assert_eq!(calls, 3);
    assert!(books.iter().all(|book| owner(&house, Account::NAME, book.account) == wang.user()));
    api::call(&house.admin, "record.undo_bulk", &json!({"batch": batch})).unwrap();
    assert!(books.iter().all(|book| owner(&house, Account::NAME, book.account) == lin.user()));
    assert!(books.iter().all(|book| owner(&house, Contact::NAME, book.contact) == lin.user()));
}

#[test]
fn who_may_not_give_records_away_transfers_none() {
    let house = database();
    let (lin, wang, zhao) = people(&house);
    let book = book(&house, lin.user(), zhao.user());
    let transfer = Transfer { to: wang.user(), along: all(), keeps: None };
    let outcome = lin.transfer(&Selection::Ids(vec![book.account]), &transfer, &Bulk::default()).unwrap();
    assert_eq!(outcome.rows[0].outcome.as_ref().unwrap_err().code(), Code::NotPermitted);
    assert_eq!(owner(&house, Account::NAME, book.account), lin.user());
}

#[test]
fn a_to_do_list_has_what_waits_for_its_user_and_nothing_of_others() {
    let house = database();
    // Noon in Shanghai on 22 November.
    let (lin, wang, _) = people(&house);
    let past = moment("2026-11-22T02:00:00Z");
    let later = moment("2026-11-22T10:00:00Z");
    for session in [&lin, &wang] {
        session
            .write(|transaction| {
                transaction.create(task::about("late").with(task::DUE_AT, past))?;
                transaction.create(task::about("today").with(task::DUE_AT, later))?;
                transaction
                    .create(task::about("tomorrow").with(task::DUE_AT, moment("2026-11-23T10:00:00Z")))?;
                transaction.create(event::between("meeting", later, moment("2026-11-22T11:00:00Z")))?;
                transaction.create(lead::named("王芳").with(lead::NEXT_CONTACT_AT, later))?;
                let deal = opportunity::titled("deal")
                    .with(opportunity::EXPECTED_ON, "2026-11-20".parse::<guanxi::Date>().unwrap());
                transaction.create(deal)
            })
            .unwrap();
    }
    let kinds: Vec<(TodoKind, u64)> =
        lin.todo(10).unwrap().iter().map(|todo| (todo.kind, todo.count)).collect();
    let expected = [
        TodoKind::OverdueTasks,
        TodoKind::TasksToday,
        TodoKind::EventsToday,
        TodoKind::LeadsToContact,
        TodoKind::NewLeads,
        TodoKind::OverdueDeals,
    ];
    assert_eq!(kinds, expected.map(|kind| (kind, 1)));
    let told = api::call(&lin, "todo.list", &json!({})).unwrap();
    assert_eq!(told["kinds"][0]["kind"], "overdue_tasks");
    assert_eq!(told["kinds"].as_array().unwrap().len(), 6);
    assert!(house.user("nobody", &[]).todo(10).unwrap().is_empty());
}

#[test]
fn a_lead_that_is_over_waits_for_nobody() {
    let house = database();
    let lead = lead::named("王芳").with(lead::NEXT_CONTACT_AT, moment("2026-11-22T02:00:00Z"));
    let lead = house.admin.write(|transaction| transaction.create(lead.clone())).unwrap();
    let waits = || {
        let todo = house.admin.todo(10).unwrap();
        todo.iter().any(|todo| todo.kind == TodoKind::LeadsToContact)
    };
    assert!(waits());
    house.change(Lead::NAME, lead.id(), &Changes::new().set("status", "dead").set("reason", "gone"));
    assert!(!waits());
}

fn stage(house: &House, name: &str) -> RecordId {
    house.admin.read(|reader| reader.find_by_title(Stage::NAME, name)).unwrap()[0]
}

#[test]
fn a_deal_leaves_a_stage_when_it_has_what_the_stage_asks_for_and_is_lost_at_any_time() {
    let house = database();
    let criteria = Changes::new().set("exit_fields", "account, expected_on");
    house.change(Stage::NAME, stage(&house, "Prospecting"), &criteria);
    let deals = house.admin.write(|transaction| {
        Ok((transaction.create(opportunity::titled("a"))?, transaction.create(opportunity::titled("b"))?))
    });
    let (deal, lost) = deals.unwrap();
    let next = stage(&house, "Engaging");
    let go = |changes: Changes| {
        let changes = changes.set(opportunity::STAGE, next);
        house
            .admin
            .write(|transaction| transaction.update_record(Opportunity::NAME, deal.id(), changes.clone()))
    };
    assert_eq!(refusal(go(Changes::new())), Code::ExitCriteria);
    assert_eq!(refusal(house.admin.write(|transaction| deal.win(transaction))), Code::ExitCriteria);
    let account = house.create(Account::NAME, &Changes::new().set("name", "加喜"));
    let half = go(Changes::new().set(opportunity::ACCOUNT, account)).unwrap_err();
    assert_eq!(
        (half.code(), half.to_json(guanxi::Locale::English)["field"].clone()),
        (Code::ExitCriteria, json!("expected_on"))
    );
    let day: guanxi::Date = "2026-12-31".parse().unwrap();
    go(Changes::new().set(opportunity::ACCOUNT, account).set(opportunity::EXPECTED_ON, day)).unwrap();
    house.admin.write(|transaction| lost.lose(transaction, "no need")).unwrap();
}

#[test]
fn a_deal_stagnates_in_its_stage_unless_somebody_works_at_it() {
    let house = database();
    house.change(Stage::NAME, stage(&house, "Prospecting"), &Changes::new().set("stagnant_days", 10));
    let deal = house.admin.write(|transaction| transaction.create(opportunity::titled("deal"))).unwrap();
    let stagnant =
        || house.admin.get(Opportunity::NAME, deal.id()).unwrap().value(opportunity::STAGNANT_AT).unwrap();
    let after = |days: i64| Value::DateTime(Timestamp::from_micros(house.crm.now().micros() + days * DAY));
    assert_eq!(stagnant(), after(10));
    house.clock.set(Timestamp::from_micros(house.crm.now().micros() + 11 * DAY));
    let waits = house.admin.todo(10).unwrap();
    assert!(waits.iter().any(|todo| todo.kind == TodoKind::StagnantDeals && todo.count == 1));
    let values = json!({"subject": "谈", "kind": "meeting",
        "regarding": {"entity": "crm.opportunity", "id": deal.id().to_string()}});
    api::call(&house.admin, "activity.record", &json!({"values": values})).unwrap();
    assert_eq!(stagnant(), after(10));
    house.admin.write(|transaction| deal.win(transaction)).unwrap();
    assert!(stagnant().is_null());
}
