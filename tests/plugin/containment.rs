//! A plugin that fails is held: it is counted, stopped, and takes no wrong data with it.

use std::path::Path;

use guanxi::{Changes, Code, Condition, RecordId, Session};
use guanxi_plugin_host::{
    Budgets, Loader, MAX_FAULTS, Manifest, OnFault, Requires, clear, conduct, health, pack,
};

use crate::vendor::{full, library, manifest, plain};
use crate::{House, PASSWORD, house, options};

const BAD: [&str; 3] = ["schema:crm.account", "hook:crm.account", "package"];

fn create(session: &Session, name: &str) -> guanxi::Result<RecordId> {
    session.write(|transaction| transaction.create_record("account", Changes::new().set("name", name)))
}

fn code(session: &Session, name: &str) -> Code {
    create(session, name).unwrap_err().code()
}

fn with_bad(house: &House, number: &str, manifest: Manifest) {
    let place = house.place.path();
    let package = pack(&library(place, "bad", &[("BAD", number)]), place, manifest).unwrap();
    Loader::unsigned().install(&house.crm, &[package]).unwrap();
}

fn path(house: &House) -> std::path::PathBuf {
    house.place.path().join("house.guanxi")
}

#[test]
fn three_faults_bring_a_plugin_into_quarantine_and_its_saves_are_refused_until_it_is_cleared() {
    let house = house();
    with_bad(&house, "10", manifest("cn.example.bad", "1.0.0", &BAD));
    for fault in 1..=MAX_FAULTS {
        assert_eq!(code(&house.admin, "a"), Code::PluginFault);
        assert_eq!(health(&path(&house), "cn.example.bad").unwrap().faults, fault);
    }
    assert_eq!(code(&house.admin, "a"), Code::PluginQuarantined);
    assert_eq!(house.admin.count("account", &Condition::Everything).unwrap(), 0);
    // The next process has not forgotten it.
    let path = path(&house);
    let package = house.place.path().join("cn.example.bad-1.0.0.gxplugin");
    drop((house.admin, house.crm));
    let open = |path: &Path| {
        let crm = options().open(path).unwrap();
        Loader::unsigned().install(&crm, std::slice::from_ref(&package)).unwrap();
        let admin = crm.sign_in("admin", PASSWORD).unwrap();
        (crm, admin)
    };
    let (crm, admin) = open(&path);
    assert_eq!(code(&admin, "a"), Code::PluginQuarantined);
    drop((crm, admin));
    clear(&path, "cn.example.bad").unwrap();
    let (_crm, admin) = open(&path);
    assert_eq!(code(&admin, "a"), Code::PluginFault);
}

#[test]
fn a_plugin_that_checks_nothing_may_be_passed_over_when_it_fails() {
    let house = house();
    let name = guanxi::base::Label::new("坏", "Bad");
    let manifest = Manifest::new("cn.example.bad", "1.0.0", name, &BAD, OnFault::Skip).unwrap();
    with_bad(&house, "10", manifest.with_abi_minor(2).unwrap());
    for _ in 0..=MAX_FAULTS {
        create(&house.admin, "a").unwrap();
    }
    assert!(health(&path(&house), "cn.example.bad").unwrap().quarantined);
}

#[test]
fn a_call_beyond_its_budget_is_a_fault_although_it_succeeds() {
    let house = house();
    let budgets = Budgets { hook: 1, work: 1_000 };
    let manifest = manifest("cn.example.bad", "1.0.0", &BAD).with_budgets(budgets).unwrap();
    with_bad(&house, "4", manifest);
    for _ in 0..MAX_FAULTS {
        create(&house.admin, "a").unwrap();
    }
    assert_eq!(code(&house.admin, "a"), Code::PluginQuarantined);
}

#[test]
fn what_the_host_refuses_a_plugin_is_no_fault_by_which_a_user_could_stop_it() {
    let house = house();
    with_bad(&house, "13", manifest("cn.example.bad", "1.0.0", &BAD));
    let before = conduct();
    for _ in 0..=MAX_FAULTS {
        create(&house.admin, "a").unwrap();
    }
    assert_eq!(health(&path(&house), "cn.example.bad").unwrap().faults, 0);
    assert!(conduct().bad_arguments > before.bad_arguments);
}

#[test]
fn a_handle_that_was_kept_is_stale_and_counted() {
    let house = house();
    let package = full(house.place.path(), "1.0.0", 1, &[]);
    Loader::unsigned().install_as(&house.admin, &[package]).unwrap();
    let before = conduct();
    create(&house.admin, "stale").unwrap();
    create(&house.admin, "stale").unwrap();
    assert!(conduct().stale_handles > before.stale_handles);
}

#[test]
fn a_hook_that_calls_the_engine_is_told_so_and_does_not_wait_for_itself() {
    let house = house();
    let package = full(house.place.path(), "1.0.0", 1, &[]);
    Loader::unsigned().install_as(&house.admin, &[package]).unwrap();
    let refused = create(&house.admin, "call").unwrap_err();
    assert_eq!(refused.code(), Code::PluginRejected);
    assert!(refused.message(guanxi::Locale::English).contains("reentrant"), "{refused}");
}

#[test]
fn hooks_that_write_without_end_are_stopped_and_nothing_of_the_transaction_is_kept() {
    let house = house();
    let package = full(house.place.path(), "1.0.0", 1, &[]);
    Loader::unsigned().install_as(&house.admin, &[package]).unwrap();
    let refused = house
        .admin
        .write(|transaction| {
            transaction.create_record("account", Changes::new().set("name", "good"))?;
            // The plugin hides that it was refused; the transaction remembers.
            transaction.create_record("account", Changes::new().set("name", "loop")).map(drop)
        })
        .unwrap_err();
    assert_eq!(refused.code(), Code::PluginDepth);
    assert_eq!(house.admin.count("account", &Condition::Everything).unwrap(), 0);
    house.crm.verify(house.admin.patience()).unwrap();
    create(&house.admin, "after").unwrap();
}

#[test]
fn hooks_behind_commits_that_write_without_end_are_stopped_too() {
    let house = house();
    let package = full(house.place.path(), "1.0.0", 1, &[]);
    Loader::unsigned().install_as(&house.admin, &[package]).unwrap();
    create(&house.admin, "again").unwrap();
    // The first, and what each of eight hooks within each other wrote.
    assert_eq!(house.admin.count("account", &Condition::Everything).unwrap(), 9);
}

#[test]
fn a_plugin_in_which_a_process_died_is_not_loaded_again_until_it_is_cleared() {
    let house = house();
    let place = house.place.path();
    let package = full(place, "1.0.0", 1, &[]);
    Loader::unsigned().install_as(&house.admin, std::slice::from_ref(&package)).unwrap();
    let path = path(&house);
    drop((house.admin, house.crm));
    // What a process leaves that dies inside of a call: the second of the numbers is above zero.
    let guard = path.join("plugins/cn.example.full.guard");
    let mut bytes = std::fs::read(&guard).unwrap();
    assert_eq!(bytes[4..8], [0; 4]);
    bytes[4] = 1;
    std::fs::write(&guard, bytes).unwrap();
    let crm = options().open(&path).unwrap();
    let other = plain(place, Requires::default(), &[]);
    let error = Loader::unsigned().install(&crm, &[other, package.clone()]).unwrap_err();
    assert_eq!((error.code(), error.plugin_name()), (Code::PluginCrashed, Some("cn.example.full")));
    assert!(!crm.loaded_plugins().contains("cn.example.bad"), "none is loaded before all are checked");
    drop(crm);
    clear(&path, "cn.example.full").unwrap();
    let crm = options().open(&path).unwrap();
    Loader::unsigned().install(&crm, &[package]).unwrap();
}
