//! A full backup and its increments: every state between them, and chains that are none.

use std::io::Read;

use guanxi::engine::{Level, NewInheritance, NewSharingRule, Principals, ShareLevel};
use guanxi::model::{Account, Contact, opportunity};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Key, Money, RestoreOptions};
use guanxi_tests::{House, database, options, refusal};

use super::{full, keys, names, opened, restored, since, state};

/// Work of many kinds on a small house, after each of which `look` is called.
fn work(house: &House, look: &mut dyn FnMut()) {
    let admin = &house.admin;
    let group = house.create(Account::NAME, &Changes::new().set("name", "加喜集团").tags(vec!["vip".into()]));
    look();
    let person = Changes::new().set("name", "林先生").set("account", group).external_id("erp", "7");
    let person = house.create(Contact::NAME, &person);
    look();
    let deal = admin.write(|transaction| {
        let deal = opportunity::titled("执照变更").with(opportunity::AMOUNT, Money::cny(12_800));
        transaction.create(deal.with(opportunity::ACCOUNT, account_of(group)))
    });
    let deal = deal.unwrap();
    look();
    house.change(Account::NAME, group, &Changes::new().set("note", "备注".repeat(30_000)));
    look();
    let li = house.user_as("li", "salesperson");
    look();
    let rule = NewSharingRule {
        name: "short".to_owned(),
        entity: "account".to_owned(),
        criteria: "note == 'short'".to_owned(),
        with: Principals::User(li.user()),
        level: ShareLevel::Read,
        reason: None,
    };
    let rule = admin.define_sharing_rule(&rule).unwrap();
    let (entity, field) = ("contact".to_owned(), "account".to_owned());
    admin.inherit_access(&NewInheritance { entity, field, level: ShareLevel::Edit, reason: None }).unwrap();
    look();
    house.change(Contact::NAME, person, &Changes::new().owner(li.user()).tags(vec!["a".into(), "b".into()]));
    look();
    admin.write(|transaction| deal.win(transaction)).unwrap();
    look();
    house.change(Account::NAME, group, &Changes::new().set("note", "short"));
    look();
    admin.remove_sharing_rule(rule).unwrap();
    look();
    let gone = house.create(Contact::NAME, &Changes::new().set("name", "短暂"));
    admin.write(|transaction| transaction.delete_record(Contact::NAME, gone)).unwrap();
    look();
    let _ = house.role("reader", &[("account", guanxi::engine::Action::Read, Level::All)]);
    look();
}

fn account_of(id: guanxi::RecordId) -> guanxi::Ref<Account> {
    guanxi::Ref::new(id)
}

#[test]
fn every_entry_between_a_full_backup_and_its_increments_is_a_state_that_comes_back() {
    let house = database();
    let (base, mut header) = full(&house.admin);
    let mut states = vec![(house.crm.head().unwrap().position, state(&house.admin))];
    let mut increments = Vec::new();
    work(&house, &mut || {
        states.push((house.crm.head().unwrap().position, state(&house.admin)));
        if states.len().is_multiple_of(4) {
            let (bytes, next) = since(&house.admin, &header);
            increments.push(bytes);
            header = next;
        }
    });
    increments.push(since(&house.admin, &header).0);
    let keys = keys(&house.admin);
    let backups: Vec<&[u8]> = std::iter::once(&base).chain(&increments).map(Vec::as_slice).collect();
    assert!(backups.len() > 3);
    for (position, expected) in &states {
        let path = house.folder().join(format!("{position}.guanxi"));
        let report =
            restored(&backups, Some(&keys), &path, &RestoreOptions::default().up_to(*position)).unwrap();
        assert_eq!((report.restored_to.position, report.emptied), (*position, 0));
        let crm = options().open(&path).unwrap();
        let found = state(&crm.session_for("admin").unwrap());
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        assert_eq!(&found, expected, "entry {position}");
    }
}

#[test]
fn the_order_in_which_increments_are_given_makes_no_difference() {
    let house = database();
    let (base, header) = full(&house.admin);
    let _ = house.create(Account::NAME, &Changes::new().set("name", "one"));
    let (one, header) = since(&house.admin, &header);
    let _ = house.create(Account::NAME, &Changes::new().set("name", "two"));
    let (two, _) = since(&house.admin, &header);
    let (report, crm, _) = opened(&house, &[&two, &base, &one], Some(&keys(&house.admin)));
    assert_eq!(report.backups, 3);
    assert_eq!(state(&crm.session_for("admin").unwrap()), state(&house.admin));
}

#[test]
fn backups_that_make_no_chain_are_refused_and_leave_nothing() {
    let house = database();
    let (base, header) = full(&house.admin);
    let (one, second) = since(&house.admin, &header);
    let (two, _) = since(&house.admin, &second);
    let (again, _) = full(&house.admin);
    let other = database();
    let (foreign, foreign_header) = full(&other.admin);
    let keys = keys(&house.admin);
    let chains: [&[&[u8]]; 7] = [
        &[],
        &[&one],
        &[&base, &two],
        &[&base, &again],
        &[&base, &foreign],
        &[&base, &one, &one],
        &[&base, &keys],
    ];
    for (number, chain) in chains.iter().enumerate() {
        let path = house.folder().join("none.guanxi");
        let refused = restored(chain, None, &path, &RestoreOptions::default());
        assert_eq!(refusal(refused), Code::BackupChain, "chain {number}");
    }
    let path = house.folder().join("none.guanxi");
    let wrong = restored(&[&base], Some(&one), &path, &RestoreOptions::default());
    assert_eq!(refusal(wrong), Code::BackupChain);
    let follow = house.admin.backup(&mut Vec::new(), guanxi::engine::BackupScope::Since(&foreign_header));
    assert_eq!(refusal(follow), Code::BackupChain);
    assert_eq!(names(house.folder()), ["house.guanxi"]);
}

#[test]
fn an_entry_that_the_backups_do_not_reach_is_refused() {
    let house = database();
    let (base, header) = full(&house.admin);
    let (one, second) = since(&house.admin, &header);
    let path = house.folder().join("a.guanxi");
    for position in [0, header.to.position - 1, second.to.position + 1, u64::MAX] {
        let options = RestoreOptions::default().up_to(position);
        let error = restored(&[&base, &one], None, &path, &options).unwrap_err();
        assert_eq!((error.code(), error.field_name()), (Code::InvalidArgument, Some("up_to")));
    }
}

#[test]
fn a_place_that_is_taken_is_kept_or_renamed_but_never_lost() {
    let house = database();
    let ((base, _), keys) = (full(&house.admin), keys(&house.admin));
    let path = house.folder().join("a.guanxi");
    restored(&[&base], Some(&keys), &path, &RestoreOptions::default()).unwrap();
    let crm = options().open(&path).unwrap();
    let session = crm.session_for("admin").unwrap();
    let change = Changes::new().set("name", "only here");
    session.write(|transaction| transaction.create_record(Account::NAME, change.clone())).unwrap();
    let refused = restored(&[&base], Some(&keys), &path, &RestoreOptions::default());
    assert_eq!(refusal(refused), Code::AlreadyExists);
    let replace = RestoreOptions::default().replace(true);
    assert_eq!(refusal(restored(&[&base], Some(&keys), &path, &replace)), Code::Locked);
    let stood = state(&session);
    drop((session, crm));
    let cut = restored(&[&base[..base.len() - 1]], Some(&keys), &path, &replace);
    assert_eq!(refusal(cut), Code::Damaged);
    assert_eq!(names(house.folder()), ["a.guanxi", "house.guanxi"]);
    let report = restored(&[&base], Some(&keys), &path, &replace).unwrap();
    let before = report.replaced.unwrap();
    assert!(before.file_name().unwrap().to_str().unwrap().starts_with("a.guanxi.before-restore-"));
    let kept = options().open(&before).unwrap();
    assert_eq!(state(&kept.session_for("admin").unwrap()), stood);
    assert_eq!(names(house.folder()).len(), 3);
}

#[test]
fn a_restored_database_goes_on_with_the_chain_and_opens_with_its_passwords() {
    let house = database();
    let (base, header) = full(&house.admin);
    let (_, crm, _) = opened(&house, &[&base], Some(&keys(&house.admin)));
    let session = crm.sign_in("admin", guanxi_tests::PASSWORD).unwrap();
    let changes = Changes::new().set("name", "after");
    session.write(|transaction| transaction.create_record(Account::NAME, changes.clone())).unwrap();
    let (next, _) = since(&session, &header);
    let path = house.folder().join("again.guanxi");
    restored(&[&base, &next], Some(&keys(&session)), &path, &RestoreOptions::default()).unwrap();
    let again = options().open(&path).unwrap();
    assert_eq!(state(&again.session_for("admin").unwrap()), state(&session));
}

#[test]
fn a_key_that_was_taken_away_does_not_come_back() {
    let house = database();
    let (base, header) = full(&house.admin);
    house.crm.add_key(&Key::raw([1; 32])).unwrap();
    house.crm.remove_key(&Key::raw(guanxi_tests::KEY)).unwrap();
    let (next, _) = since(&house.admin, &header);
    let path = house.folder().join("a.guanxi");
    let refused = restored(&[&base, &next], None, &path, &RestoreOptions::default());
    assert_eq!(refusal(refused), Code::WrongKey);
    let keys = keys(&house.admin);
    let (mut base, mut next, mut keys) = (&base[..], &next[..], &keys[..]);
    let sources: Vec<&mut dyn Read> = vec![&mut base, &mut next];
    let (key, usual) = (Key::raw([1; 32]), RestoreOptions::default());
    guanxi::restore(sources, Some(&mut keys), &key, &path, &usual).unwrap();
    assert_eq!(refusal(options().open(&path)), Code::WrongKey);
    guanxi::options().key(Key::raw([1; 32])).open(&path).unwrap();
}

#[test]
fn an_idempotency_key_is_forgotten_by_a_backup() {
    let house = database();
    let request =
        serde_json::json!({"entity": "account", "values": {"name": "once"}, "idempotency_key": "k"});
    let make = |session| guanxi::api::call(session, "record.create", &request).unwrap();
    assert_eq!(make(&house.admin), make(&house.admin));
    let (base, _) = full(&house.admin);
    let (_, crm, _) = opened(&house, &[&base], Some(&keys(&house.admin)));
    let session = crm.session_for("admin").unwrap();
    assert_ne!(make(&session)["id"], make(&house.admin)["id"]);
}
