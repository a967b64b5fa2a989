//! A record that is marked anew, since a rule or what it follows has changed, was changed by nobody.

use guanxi::api::call;
use guanxi::engine::{Action, At, NewInheritance, NewSharingRule, Principals, ShareLevel, Verdict};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{CancelToken, Changes, Code, Condition, Patience, RecordId, Session};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

use crate::backup::{full, keys, opened, since, state};

/// What a record says of its last change, and what its history lists.
#[derive(Debug, PartialEq)]
struct Changed {
    version: u64,
    at: guanxi::Timestamp,
    by: RecordId,
    history: Vec<(u64, RecordId)>,
}

fn changed(session: &Session, entity: &str, id: RecordId) -> Changed {
    let envelope = session.get(entity, id).unwrap().record.envelope;
    let history = session.history(entity, id, None, 0).unwrap().versions;
    Changed {
        version: envelope.version,
        at: envelope.modified.at(),
        by: envelope.modified_by,
        history: history.iter().map(|version| (version.position, version.actor)).collect(),
    }
}

fn set(session: &Session, entity: &str, id: RecordId, changes: Changes) -> guanxi::Result<()> {
    session.write(|transaction| transaction.update_record(entity, id, changes.clone()).map(drop))
}

fn large_ones(with: &Session) -> NewSharingRule {
    NewSharingRule {
        name: "large ones".to_owned(),
        entity: "account".to_owned(),
        criteria: "employees >= 100".to_owned(),
        with: Principals::User(with.user()),
        level: ShareLevel::Edit,
        reason: None,
    }
}

fn rule(house: &House, with: &Session) -> RecordId {
    house.admin.define_sharing_rule(&large_ones(with)).unwrap()
}

/// An account that a rule will reach, and a contact that follows it.
fn people(house: &House, lin: &Session) -> (RecordId, RecordId) {
    let (entity, field) = ("contact".to_owned(), "account".to_owned());
    let follows = NewInheritance { entity, field, level: ShareLevel::Read, reason: None };
    house.admin.inherit_access(&follows).unwrap();
    let made = lin.write(|transaction| {
        let large = Changes::new().set("name", "加喜").set("employees", 500);
        let account = transaction.create_record(Account::NAME, large)?;
        let person = Changes::new().set("name", "林先生").set("account", account);
        Ok((account, transaction.create_record(Contact::NAME, person)?))
    });
    let (account, contact) = made.unwrap();
    house.clock.advance_micros(1_000_000);
    set(lin, Account::NAME, account, Changes::new().set("city", "上海")).unwrap();
    house.clock.advance_micros(1_000_000);
    (account, contact)
}

fn marks_of(house: &House, record: RecordId) -> Vec<Json> {
    let asked = json!({"kinds": ["mark"], "record": record.to_string()});
    call(&house.admin, "ledger.query", &asked).unwrap()["entries"].as_array().unwrap().clone()
}

#[test]
fn a_rule_that_comes_and_goes_changes_no_version_no_history_and_nobody_is_said_to_have_changed_it() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    house.admin.define_temporal_index(Account::NAME).unwrap();
    let (account, contact) = people(&house, &lin);
    let of = |session: &Session| {
        (changed(session, Account::NAME, account), changed(session, Contact::NAME, contact))
    };
    let before = of(&lin);
    assert_eq!((before.0.version, before.0.history.len(), before.1.history.len()), (2, 2, 1));
    let closed = house.crm.head().unwrap().position;
    let id = rule(&house, &wang);
    assert_eq!((of(&wang), of(&lin)), (of(&lin), before), "who reaches them now is told the same");
    let opened = house.crm.head().unwrap().position;
    assert_eq!(wang.search("加喜", None, 10, 0).unwrap().total, 1, "the index of search has heard of it");
    // The ledger tells of it, of the rule's author, and of nothing but marks.
    let told = marks_of(&house, account);
    assert_eq!((told.len(), marks_of(&house, contact).len()), (1, 1), "{told:?}");
    assert_eq!(told[0]["actor"], json!(house.admin.user().to_string()));
    // Who read the record before writes as if nothing had been.
    let version = lin.get(Account::NAME, account).unwrap().record.envelope.version;
    house.admin.remove_sharing_rule(id).unwrap();
    house.admin.mark_records().unwrap();
    let closed_again = house.crm.head().unwrap().position;
    let expecting = |version| Changes::new().set("note", "x").expect_version(version);
    set(&lin, Account::NAME, account, expecting(version)).unwrap();
    assert_eq!(refusal(set(&lin, Account::NAME, account, expecting(version))), Code::VersionConflict);
    let history = lin.history(Account::NAME, account, None, 0).unwrap().versions;
    assert_eq!(history.len(), 3);
    let values = |at| lin.get_as_of(Account::NAME, account, at).unwrap();
    for position in [opened, closed_again] {
        let (then, listed) = (values(At::Position(position)), history[1].position);
        assert_eq!((then.state.version, then.state.position), (2, Some(listed)));
        assert_eq!((then.state.modified_at, then.state.modified_by), (history[1].at, lin.user()));
        // The temporal index says the same as the ledger.
        let page = lin.list_as_of(Account::NAME, &Condition::Everything, At::Position(position), None, 0);
        assert_eq!(page.unwrap().rows[0].state, then.state);
    }
    // An entry that marks is none to go on behind.
    for mark in marks_of(&house, account) {
        let refused = lin.history(Account::NAME, account, mark["position"].as_u64(), 0);
        assert_eq!(refusal(refused), Code::InvalidCursor);
    }
    // Who could do what is decided by the marks of then.
    for (entity, id, action) in
        [(Account::NAME, account, Action::Update), (Contact::NAME, contact, Action::Read)]
    {
        for (position, expected) in [(closed, false), (opened, true), (closed_again, false)] {
            let at = (action, At::Position(position));
            let told = house.admin.explain_access_at(wang.user(), entity, id, at).unwrap();
            assert_eq!(told.verdict == Verdict::Granted, expected, "{entity} at {position}");
            let who = house.admin.who_might(entity, id, at, (None, 0)).unwrap();
            assert_eq!(who.rows.iter().any(|row| row.user == wang.user()), expected);
        }
    }
    let _ = house.verified();
    drop((lin, wang));
    let house = house.reopened();
    let lin = house.crm.session_for("lin").unwrap();
    assert_eq!(lin.history(Account::NAME, account, None, 0).unwrap().versions, history);
    let _ = house.verified();
}

#[test]
fn a_person_whose_write_says_nothing_new_is_not_said_to_have_changed_what_a_rule_marks() {
    let house = House::with(|options| options.build_at_once(10));
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    for number in 0..30 {
        let _ = house.create(Account::NAME, &Changes::new().set("name", format!("a{number}")));
    }
    let (account, contact) = people(&house, &lin);
    let before = (changed(&lin, Account::NAME, account), changed(&lin, Contact::NAME, contact));
    let token = CancelToken::new();
    let patience = Patience::with_token(token.clone()).telling(move |progress| {
        if progress.phase == "access" && progress.done >= 10 {
            token.cancel();
        }
    });
    let admin = house.admin.with_patience(patience);
    assert_eq!(refusal(admin.define_sharing_rule(&large_ones(&wang))), Code::Cancelled);
    assert!(
        house.admin.sharing_rules().unwrap()[0].pending.is_some(),
        "the pass has not come to the account"
    );
    assert_eq!(refusal(wang.get(Account::NAME, account)), Code::RecordNotFound);
    // Somebody writes what the record says already, which marks it, and what follows it.
    set(&lin, Account::NAME, account, Changes::new().set("city", "上海")).unwrap();
    assert!(wang.get(Account::NAME, account).is_ok());
    assert!(wang.get(Contact::NAME, contact).is_ok());
    assert_eq!((changed(&lin, Account::NAME, account), changed(&lin, Contact::NAME, contact)), before);
    house.admin.mark_records().unwrap();
    assert_eq!((changed(&lin, Account::NAME, account), changed(&lin, Contact::NAME, contact)), before);
    // What changes the record is a change, though it is marked otherwise by it.
    set(&lin, Account::NAME, account, Changes::new().set("employees", 5)).unwrap();
    let after = changed(&lin, Account::NAME, account);
    assert_eq!((after.version, after.history.len()), (before.0.version + 1, before.0.history.len() + 1));
    assert_eq!(changed(&lin, Contact::NAME, contact), before.1, "what follows it is marked and not changed");
    let _ = house.verified();
}

#[test]
fn in_one_transaction_a_record_that_was_marked_is_changed_from_what_it_is_now() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let (account, contact) = people(&house, &lin);
    let _ = rule(&house, &wang);
    lin.write(|transaction| {
        transaction.update_record(Account::NAME, account, Changes::new().set("employees", 5))?;
        transaction.update_record(Contact::NAME, contact, Changes::new().set("position", "经理"))?;
        transaction.update_record(Account::NAME, account, Changes::new().set("employees", 600))?;
        transaction.delete_record(Contact::NAME, contact)?;
        transaction.undelete_record(Contact::NAME, contact)
    })
    .unwrap();
    assert!(wang.get(Contact::NAME, contact).is_ok());
    let kinds: Vec<&str> = lin
        .history(Contact::NAME, contact, None, 0)
        .unwrap()
        .versions
        .iter()
        .map(|version| version.kind.name())
        .collect();
    assert_eq!(kinds, ["undelete", "delete", "update", "create"]);
    let _ = house.verified();
}

#[test]
fn backups_bring_marks_back_as_they_were() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let (account, contact) = people(&house, &lin);
    let first = full(&house.admin);
    let id = rule(&house, &wang);
    let second = since(&house.admin, &first.1);
    set(&lin, Account::NAME, account, Changes::new().set("note", "x")).unwrap();
    house.admin.remove_sharing_rule(id).unwrap();
    house.admin.mark_records().unwrap();
    let again = rule(&house, &wang);
    assert_ne!(again, id);
    let third = since(&house.admin, &second.1);
    let parts = [first.0.as_slice(), &second.0, &third.0];
    let (_, there, _) = opened(&house, &parts, Some(&keys(&house.admin)));
    let admin = there.session_for("admin").unwrap();
    assert_eq!(state(&admin), state(&house.admin));
    for (entity, id) in [(Account::NAME, account), (Contact::NAME, contact)] {
        assert_eq!(changed(&admin, entity, id), changed(&house.admin, entity, id));
    }
    assert!(there.session_for("wang").unwrap().get(Contact::NAME, contact).is_ok());
    let _ = there.verify(&Patience::default()).unwrap();
}
