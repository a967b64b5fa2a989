//! Following what changes: who may see a record is told that it changed, and nobody else; and extensions are told of
//! what was committed.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use guanxi::api::call;
use guanxi::engine::{
    Action, AfterCommit, EntryKind, Extension, Happening, HookPoint, Level, MAX_HOOK_DEPTH, RecordChange,
    RecordHook, Registrar,
};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{CancelToken, Changes, Code, Error, Patience, RecordId, Result, Session};
use guanxi_tests::{House, database, refusal};
use serde_json::json;

fn named(name: &str) -> Changes {
    Changes::new().set("name", name)
}

fn head(house: &House) -> u64 {
    house.crm.head().unwrap().position
}

/// Everything behind a position that a session is told of, asked for piece by piece.
fn told(session: &Session, mut after: u64, limit: usize) -> Vec<RecordChange> {
    let mut all = Vec::new();
    loop {
        let mut found = session.changes_after(after, &[], limit).unwrap();
        all.append(&mut found.changes);
        assert!(found.position >= after);
        after = found.position;
        if !found.more {
            return all;
        }
    }
}

#[test]
fn what_was_created_changed_and_deleted_is_told_in_that_order() {
    let house = database();
    let before = head(&house);
    let id = house.create(Account::NAME, &named("加喜"));
    house.change(Account::NAME, id, &Changes::new().set("city", "上海"));
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, id)).unwrap();
    let changes = told(&house.admin, before, 0);
    let kinds: Vec<_> = changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [EntryKind::Create, EntryKind::Update, EntryKind::Delete]);
    assert!(changes.iter().all(|change| change.record == id && change.entity == "crm.account"));
    assert!(changes.iter().all(|change| change.actor == house.admin.user()));
    assert_eq!(changes[1].fields, ["city"]);
    assert!(changes.is_sorted_by_key(|change| change.position));
}

#[test]
fn whoever_may_not_see_a_record_is_not_told_of_it() {
    let house = database();
    let worker = house.worker("wang");
    let before = head(&house);
    let hidden = house.create(Account::NAME, &named("秘密"));
    let own = worker.write(|transaction| transaction.create_record(Account::NAME, named("王的"))).unwrap();
    house.change(Account::NAME, hidden, &Changes::new().set("city", "北京"));
    let seen: Vec<_> = told(&worker, before, 0).iter().map(|change| change.record).collect();
    assert_eq!(seen, [own]);
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, hidden)).unwrap();
    assert_eq!(told(&worker, before, 0).len(), 1);
}

#[test]
fn a_hidden_field_is_not_named() {
    let house = database();
    let all = [("*", Action::Read, Level::All)];
    let reader = house.user("li", &[house.role_hiding("without phones", &all, "phone")]);
    let id = house.create(Account::NAME, &named("加喜"));
    let before = head(&house);
    house.change(Account::NAME, id, &Changes::new().set("phone", "021-62518888").set("city", "上海"));
    assert_eq!(told(&reader, before, 0)[0].fields, ["city"]);
    assert_eq!(told(&house.admin, before, 0)[0].fields.len(), 2);
}

#[test]
fn entities_that_are_named_are_all_that_is_told_and_those_out_of_reach_are_refused() {
    let house = database();
    let before = head(&house);
    let _company = house.create(Account::NAME, &named("加喜"));
    let person = house.create(Contact::NAME, &named("李雷"));
    let found = house.admin.changes_after(before, &[Contact::NAME], 0).unwrap();
    assert_eq!(found.changes.iter().map(|change| change.record).collect::<Vec<_>>(), [person]);
    assert_eq!(refusal(house.admin.changes_after(before, &["crm.nothing"], 0)), Code::UnknownEntity);
    let blind = house.user("zhao", &[]);
    assert_eq!(refusal(blind.changes_after(before, &[Contact::NAME], 0)), Code::NotPermitted);
    assert!(told(&blind, before, 0).is_empty());
}

#[test]
fn pieces_of_any_size_tell_the_same_also_after_a_reopen() {
    let house = database();
    let before = head(&house);
    for number in 0..23 {
        let _made = house.create(Account::NAME, &named(&format!("公司{number}")));
    }
    let whole = told(&house.admin, before, 0);
    assert_eq!(whole.len(), 23);
    for limit in [1, 2, 7, 1_000, usize::MAX] {
        assert_eq!(told(&house.admin, before, limit), whole);
    }
    let house = house.reopened();
    assert_eq!(told(&house.admin, whole[10].position, 0)[..12], whole[11..]);
}

#[test]
fn more_entries_than_one_question_looks_at_are_told_by_several() {
    let house = database();
    let before = head(&house);
    house
        .admin
        .write(|transaction| {
            for number in 0..1_500 {
                transaction.create_record(Account::NAME, named(&format!("公司{number}")))?;
            }
            Ok(())
        })
        .unwrap();
    let first = house.admin.changes_after(before, &[Contact::NAME], 0).unwrap();
    assert_eq!((first.changes.len(), first.position - before, first.more), (0, 1_024, true));
    assert_eq!(told(&house.admin, before, 0).len(), 1_500);
}

#[test]
fn who_waits_is_woken_by_a_write_and_not_before() {
    let house = database();
    let after = head(&house);
    let patient = house.admin.with_patience(Patience::default().within(Duration::from_millis(30)));
    assert_eq!(refusal(patient.wait_for_changes(after)), Code::DeadlineExceeded);
    let waiter = house.admin.clone();
    let waiting = thread::spawn(move || waiter.wait_for_changes(after).unwrap());
    let id = house.create(Account::NAME, &named("加喜"));
    assert!(waiting.join().unwrap() > after);
    assert_eq!(told(&house.admin, after, 0)[0].record, id);
}

#[test]
fn waiting_is_cancelled_from_another_thread() {
    let house = database();
    let after = head(&house);
    let token = CancelToken::new();
    let waiter = house.admin.with_patience(Patience::with_token(token.clone()));
    let waiting = thread::spawn(move || refusal(waiter.wait_for_changes(after)));
    token.cancel();
    assert_eq!(waiting.join().unwrap(), Code::Cancelled);
}

#[test]
fn a_named_method_tells_the_newest_position_and_then_what_follows_it() {
    let house = database();
    let begun = call(&house.admin, "record.changes", &json!({})).unwrap();
    assert_eq!(begun["position"], json!(head(&house)));
    let id = house.create(Account::NAME, &named("加喜"));
    let given = json!({"after": begun["position"], "entities": ["crm.account"]});
    let found = call(&house.admin, "record.changes", &given).unwrap();
    assert_eq!(found["changes"][0]["id"], json!(id.to_string()));
    assert_eq!(found["changes"][0]["kind"], json!("create"));
    assert_eq!((&found["more"], &found["position"]), (&json!(false), &json!(head(&house))));
    let refused = call(&house.admin, "record.changes", &json!({"entities": [1]}));
    assert_eq!(refusal(refused), Code::InvalidArgument);
}

/// An extension that is told of commits, and writes the record once more each time; it refuses deletions behind them.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<RecordId>>>);

impl Listener {
    fn times(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Extension for Listener {
    fn id(&self) -> &str {
        "cn.example.listens"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        registrar.after_commit(Account::NAME, 0, Arc::new(self.clone()));
        registrar.record_hook(Account::NAME, 0, HookPoint::AfterDelete, Arc::new(self.clone()));
        Ok(())
    }
}

impl AfterCommit for Listener {
    fn after_commit(&self, session: &Session, entity: &str, record: RecordId) {
        self.0.lock().unwrap().push(record);
        let changes = Changes::new().set("city", self.times().to_string());
        session.write(|transaction| transaction.update_record(entity, record, changes.clone())).unwrap();
    }
}

impl RecordHook for Listener {
    fn run(&self, _: &mut Happening<'_, '_>) -> Result<()> {
        Err(Error::new(Code::PluginRejected))
    }
}

#[test]
fn what_is_written_behind_a_commit_is_told_of_in_turn_and_comes_to_an_end() {
    let house = database();
    let listener = Listener::default();
    house.crm.install(&listener, "listens").unwrap();
    let id = house.create(Account::NAME, &named("加喜"));
    assert_eq!(listener.times(), MAX_HOOK_DEPTH);
    let known = house.admin.get(Account::NAME, id).unwrap();
    assert_eq!(known.value("city").unwrap().as_text(), Some(MAX_HOOK_DEPTH.to_string().as_str()));
    // The next commit is told of as the first one was.
    house.change(Account::NAME, id, &Changes::new().set("city", "上海"));
    assert_eq!(listener.times(), 2 * MAX_HOOK_DEPTH);
}

#[test]
fn of_a_deletion_that_was_taken_back_no_extension_is_told() {
    let house = database();
    let id = house.create(Account::NAME, &named("加喜"));
    let listener = Listener::default();
    house.crm.install(&listener, "listens").unwrap();
    house
        .admin
        .write(|transaction| {
            assert_eq!(refusal(transaction.delete_record(Account::NAME, id)), Code::PluginRejected);
            transaction.create_record(Contact::NAME, named("李雷")).map(drop)
        })
        .unwrap();
    assert!(house.admin.get(Account::NAME, id).is_ok());
    assert_eq!(listener.times(), 0);
}
