//! The keys of a database through the public doors: who may change them, and what the ledger says of it.

use std::path::PathBuf;
use std::sync::Arc;

use guanxi::api::call;
use guanxi::engine::{DatabaseIdentity, KeyKind};
use guanxi::{Code, Crm, Error, Key, KeyCost, KeyProvider, RecoveryKey, Result, Session};
use guanxi_tests::{KEY, database, moment, options, refusal};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const WORDS: &str = "unmistakable words";

/// A database in a folder of its own, with a session of its administrator.
struct Stage {
    path: PathBuf,
    _folder: TempDir,
}

impl Stage {
    fn new() -> (Self, Crm, Session) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.guanxi");
        let crm = options().create(&path).unwrap();
        let admin = crm.session_for("admin").unwrap();
        (Self { path, _folder: folder }, crm, admin)
    }

    fn opens(&self, key: &Key) -> bool {
        match options().key(key.clone()).open(&self.path) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.code(), Code::WrongKey);
                false
            }
        }
    }
}

/// What the ledger says of keys: cause, text, and whether a user did it.
fn told(session: &Session) -> Vec<(String, String, bool)> {
    let ledger = call(session, "ledger.list", &json!({"limit": 1000})).unwrap();
    let entries = ledger["entries"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "key");
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    let told = entries.map(|entry| {
        let by_user = entry["actor"] == session.user().to_string();
        (text(&entry["cause"]), text(&entry["changes"][0]["new"]), by_user)
    });
    told.collect()
}

#[test]
fn every_change_of_keys_is_an_entry_with_kind_and_slot_and_no_secret() {
    let (stage, crm, admin) = Stage::new();
    let words = Key::from_passphrase(WORDS);
    crm.add_key(&words).unwrap();
    let (recovery, slot) = admin.add_recovery_key("safe").unwrap();
    assert_eq!((slot.number, slot.kind, slot.label.as_deref()), (2, KeyKind::Recovery, Some("safe")));
    admin.upgrade_key_cost(&words, KeyCost { memory_kib: 128, passes: 1, lanes: 1 }).unwrap();
    admin.change_key(&words, &Key::raw([9; 32])).unwrap();
    admin.remove_key_slot(0).unwrap();
    crm.remove_key(&recovery.key()).unwrap();
    let expected = [
        ("key.add", "passphrase key in slot 1", false),
        ("key.add", "recovery key in slot 2", true),
        ("key.upgrade_cost", "passphrase key in slot 1", true),
        ("key.change", "raw key in slot 1", true),
        ("key.remove", "raw key in slot 0", true),
        ("key.remove", "recovery key in slot 2", false),
    ];
    let expected = expected.map(|(cause, text, by_user)| (cause.to_owned(), text.to_owned(), by_user));
    assert_eq!(told(&admin), expected);
    assert_eq!(crm.keys().len(), 1);
    drop((crm, admin));
    for key in [words, Key::raw(KEY), recovery.key()] {
        assert!(!stage.opens(&key));
    }
    assert!(stage.opens(&Key::raw([9; 32])));
}

#[test]
fn a_change_that_is_refused_is_no_entry_and_no_change() {
    let (stage, crm, admin) = Stage::new();
    let other = Key::raw([9; 32]);
    assert_eq!(refusal(crm.remove_key(&Key::raw(KEY))), Code::InvalidArgument);
    assert_eq!(refusal(admin.change_key(&other, &other)), Code::WrongKey);
    assert_eq!(refusal(admin.add_key(&other, "more than fifteen bytes")), Code::InvalidArgument);
    assert_eq!(refusal(admin.upgrade_key_cost(&Key::raw(KEY), KeyCost::PHONE)), Code::InvalidArgument);
    let within = admin.begin(guanxi::WriteOptions::default()).unwrap();
    assert_eq!(refusal(crm.add_key(&other)), Code::Reentrant);
    drop(within);
    assert_eq!(told(&admin), []);
    drop((crm, admin));
    assert!(stage.opens(&Key::raw(KEY)) && !stage.opens(&other));
}

#[test]
fn only_those_who_administer_everything_list_and_change_keys() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let key = Key::raw([9; 32]);
    let refusals = [
        refusal(lin.keys()),
        refusal(lin.add_key(&key, "")),
        refusal(lin.add_recovery_key("")),
        refusal(lin.change_key(&Key::raw(KEY), &key)),
        refusal(lin.remove_key_slot(0)),
        refusal(lin.upgrade_key_cost(&key, KeyCost::PHONE)),
    ];
    assert_eq!(refusals, [Code::NotPermitted; 6]);
    assert_eq!(house.admin.keys().unwrap().len(), 1);
}

#[test]
fn the_moment_and_label_of_a_key_are_told() {
    let house = database();
    house.admin.add_key(&Key::raw([9; 32]), "会计").unwrap();
    let slots = house.admin.keys().unwrap();
    assert_eq!((slots[0].created_at, slots[0].label.clone()), (None, None));
    assert_eq!(slots[1].created_at, Some(moment(guanxi_tests::NOON)));
    assert_eq!(slots[1].label.as_deref(), Some("会计"));
}

#[test]
fn the_identity_is_known_before_the_key_is() {
    let (stage, crm, admin) = Stage::new();
    let known = crm.identity();
    drop((crm, admin));
    assert_eq!(Crm::identity_at(&stage.path).unwrap(), known);
    assert_eq!(refusal(Crm::identity_at(stage.path.with_extension("none"))), Code::DatabaseNotFound);
}

/// A host's key store: keys by identity.
#[derive(Default)]
struct KeyStore(std::sync::Mutex<std::collections::BTreeMap<String, Key>>);

impl KeyProvider for KeyStore {
    fn key(&self, database: &DatabaseIdentity) -> Result<Key> {
        let known = self.0.lock().unwrap().get(&database.to_string()).cloned();
        known.ok_or_else(|| Error::new(Code::NotPermitted).rule("the key store is locked"))
    }
}

#[test]
fn a_host_keeps_keys_in_a_store_of_its_own_under_the_identities_of_databases() {
    let store = Arc::new(KeyStore::default());
    // The options of the other tests, which have a key.
    let with_store =
        || guanxi::options().key_provider(Arc::clone(&store) as Arc<dyn KeyProvider>).trust_host();
    let stages = [7_u8, 8].map(|byte| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.guanxi");
        let crm = options().key(Key::raw([byte; 32])).create(&path).unwrap();
        store.0.lock().unwrap().insert(crm.identity().to_string(), Key::raw([byte; 32]));
        (path, folder)
    });
    for (path, _) in &stages {
        let crm = with_store().open(path).unwrap();
        assert_eq!(crm.session_for("admin").unwrap().keys().unwrap().len(), 1);
    }
    // A wrong entry is a wrong key, and the host's own refusal comes through as it is.
    let identity = Crm::identity_at(&stages[0].0).unwrap().to_string();
    store.0.lock().unwrap().insert(identity.clone(), Key::raw([1; 32]));
    assert_eq!(refusal(with_store().open(&stages[0].0)), Code::WrongKey);
    store.0.lock().unwrap().remove(&identity);
    let error = with_store().open(&stages[0].0).unwrap_err();
    assert_eq!(error.rule_name(), Some("the key store is locked"));
    // A key that is given goes before the store; a new database is made with a key.
    with_store().key(Key::raw([7; 32])).open(&stages[0].0).unwrap();
    let new =
        with_store().administrator("admin", "a long password").create(stages[0].0.with_extension("new"));
    let error = new.unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::MissingParameter, Some("key")));
}

#[test]
fn the_methods_add_change_and_remove_keys_and_repeat_no_secret() {
    let (stage, crm, admin) = Stage::new();
    let raw: String = "0a".repeat(32);
    let added = call(&admin, "key.add", &json!({"key": {"passphrase": WORDS}, "label": "office"})).unwrap();
    assert_eq!(
        (&added["slot"], &added["kind"], &added["label"]),
        (&json!(1), &json!("passphrase"), &json!("office"))
    );
    let recovery = call(&admin, "key.add_recovery", &json!({})).unwrap();
    let text = recovery["recovery_key"].as_str().unwrap().to_owned();
    let change = json!({"old": {"passphrase": WORDS}, "new": {"raw": raw}});
    assert_eq!(call(&admin, "key.change", &change).unwrap()["kind"], "raw");
    call(&admin, "key.remove", &json!({"slot": 0})).unwrap();
    let bad = [
        json!({"passphrase": WORDS, "raw": raw}),
        json!({"passphrase": 5}),
        json!({"raw": "0a"}),
        json!({"raw": WORDS}),
        json!({"recovery": text.get(..30).unwrap()}),
        json!({"words": WORDS}),
        json!({"passphrase": ""}),
    ];
    let mut printed = vec![call(&admin, "key.list", &Json::Null).unwrap().to_string()];
    for key in bad {
        let error = call(&admin, "key.add", &json!({"key": key})).unwrap_err();
        assert_eq!((error.code(), error.field_name()), (Code::InvalidArgument, Some("key")), "{key}");
        printed.push(format!("{error:?} {}", error.to_json(guanxi::Locale::SimplifiedChinese)));
    }
    for wrong in [json!({"passphrase": WORDS}), json!({"raw": "0b".repeat(32)})] {
        let error = call(&admin, "key.change", &json!({"old": wrong, "new": {"raw": raw}})).unwrap_err();
        assert_eq!(error.code(), Code::WrongKey);
        printed.push(format!("{error:?} {}", error.to_json(guanxi::Locale::English)));
    }
    printed.push(call(&admin, "ledger.list", &json!({"limit": 1000})).unwrap().to_string());
    for (printed, secret) in printed.iter().flat_map(|printed| {
        [WORDS, raw.get(..12).unwrap(), text.get(..12).unwrap()].map(|secret| (printed, secret))
    }) {
        assert!(!printed.contains(secret), "{printed}");
    }
    drop((crm, admin));
    assert!(stage.opens(&Key::raw([10; 32])) && stage.opens(&Key::recovery(&text).unwrap()));
    assert!(!stage.opens(&Key::raw(KEY)) && !stage.opens(&Key::from_passphrase(WORDS)));
}

#[test]
fn nothing_public_that_holds_a_key_prints_it() {
    let (_stage, crm, admin) = Stage::new();
    let (recovery, _) = admin.add_recovery_key("").unwrap();
    let key = Key::from_passphrase(WORDS);
    let opened = options().key(key.clone()).administrator("admin", WORDS);
    let printed =
        format!("{crm:?} {admin:?} {recovery:?} {key:?} {opened:?} {:?} {:?}", crm.keys(), crm.identity());
    let revealed = recovery.reveal();
    let hex: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
    for secret in [
        WORDS,
        revealed.get(..6).unwrap(),
        hex.get(..16).unwrap(),
        "7, 7, 7, 7",
        "BwcHBwcH",
        "756e6d6973",
        "dW5taXN0",
    ] {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert!(RecoveryKey::generate(&guanxi::base::OsRandom).reveal() != revealed);
}
