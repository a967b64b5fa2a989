//! What is done with no database open, by name: making one, restoring it, salvaging it, looking at backups.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guanxi::api::{call, call_text_without_session, call_without_session};
use guanxi::model::{account, contact};
use guanxi::{CancelToken, Code, Error, Key, Patience, Result, Session};
use guanxi_tests::{ADMIN, House, KEY, database, options, refusal};
use serde_json::{Value as Json, json};

/// How the key of the tests is written in a call.
fn key() -> Json {
    json!({"raw": KEY.map(|byte| format!("{byte:02x}")).concat()})
}

fn done(method: &str, given: &Json) -> Result<Json> {
    call_without_session(method, given, &Patience::default())
}

fn told(error: &Error) -> (Code, Option<&str>) {
    (error.code(), error.field_name())
}

/// A house with a company, a person and an attachment, and a folder with a backup of it, an increment, and
/// the keys of persons.
struct Guarded {
    house: House,
    backups: PathBuf,
}

fn guarded() -> Guarded {
    let house = database();
    let made = |house: &House, name: &str| {
        let made = house.admin.write(|transaction| {
            transaction.create(contact::named(name))?;
            Ok(transaction.create(account::named(name))?.id())
        });
        made.unwrap()
    };
    let firm = made(&house, "加喜");
    let content = vec![7; 200_000];
    house.admin.attach("account", firm, "scan.pdf", "application/pdf", &mut content.as_slice()).unwrap();
    let backups = house.folder().join("backups");
    fs::create_dir(&backups).unwrap();
    let guarded = Guarded { house, backups };
    guarded.backup("full");
    for number in 0..150 {
        let _ = guarded.house.create("account", &guanxi::Changes::new().set("name", format!("n{number}")));
    }
    made(&guarded.house, "后来");
    guarded.backup("incremental");
    guarded.backup("keys");
    guarded
}

impl Guarded {
    fn backup(&self, kind: &str) {
        let given = json!({"folder": self.backups, "kind": kind});
        call(&self.house.admin, "backup.create", &given).unwrap();
    }

    /// The path of the backup of a kind.
    fn file(&self, kind: &str) -> PathBuf {
        let entries = fs::read_dir(&self.backups).unwrap().map(|entry| entry.unwrap().path());
        let is_of_kind = |path: &PathBuf| path.to_string_lossy().contains(&format!("-{kind}-"));
        entries.filter(|path| path.extension().is_some_and(|end| end == "gxb")).find(is_of_kind).unwrap()
    }

    fn target(&self) -> PathBuf {
        self.house.folder().join("restored.guanxi")
    }

    /// What restores the whole folder beside the house.
    fn given(&self) -> Json {
        json!({"path": self.target(), "sources": [self.backups], "key": key()})
    }

    /// As [`Guarded::given`], with one parameter otherwise.
    fn given_with(&self, name: &str, value: Json) -> Json {
        let mut given = self.given();
        given[name] = value;
        given
    }
}

fn opened(path: &Path) -> Session {
    options().open(path).unwrap().session_for(ADMIN).unwrap()
}

fn count(session: &Session, entity: &str) -> u64 {
    let counted = call(session, "record.count", &json!({"entity": entity})).unwrap();
    counted["count"].as_u64().unwrap()
}

/// Patience that keeps the names of the phases that it was told, and cancels when it is told one of them.
fn listening(cancel_at: Option<&'static str>) -> (Patience, Arc<Mutex<BTreeSet<&'static str>>>) {
    let token = CancelToken::new();
    let phases: Arc<Mutex<BTreeSet<&'static str>>> = Arc::default();
    let kept = Arc::clone(&phases);
    let patience = Patience::with_token(token.clone()).telling(move |so_far| {
        assert!(so_far.total == 0 || so_far.done <= so_far.total, "{so_far:?}");
        kept.lock().unwrap().insert(so_far.phase);
        if cancel_at == Some(so_far.phase) {
            token.cancel();
        }
    });
    (patience, phases)
}

#[test]
fn a_database_is_created_by_name_and_its_first_user_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jiaxi.guanxi");
    let given = json!({
        "path": path,
        "key": {"passphrase": "correct horse battery staple"},
        "administrator_name": "lin@jiaxi.cn",
        "administrator_password": "a long password",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
    });
    let made =
        call_text_without_session("database.create", &given.to_string(), &Patience::default()).unwrap();
    let opened = guanxi::options().key(Key::from_passphrase("correct horse battery staple"));
    let crm = opened.open(&path).unwrap();
    assert_eq!(made["identity"], crm.identity().to_string());
    let lin = crm.sign_in("lin@jiaxi.cn", "a long password").unwrap();
    let settings = call(&lin, "settings.get", &Json::Null).unwrap();
    assert_eq!(
        (&settings["base_currency"], &settings["time_zone"]),
        (&json!("EUR"), &json!("Europe/Berlin"))
    );
    assert_eq!(count(&lin, "account"), 0);
    assert_eq!(refusal(done("database.create", &given)), Code::AlreadyExists);
}

#[test]
fn a_database_is_not_created_with_a_weak_password_or_an_odd_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let given = |key: Json, password: &str| json!({"path": path, "key": key, "administrator_name": "lin", "administrator_password": password});
    assert_eq!(refusal(done("database.create", &given(key(), "short"))), Code::WeakPassword);
    for odd in
        [json!({}), json!({"raw": "07"}), json!({"passphrase": 5}), json!({"raw": "x", "recovery": "y"})]
    {
        let error = done("database.create", &given(odd, "a long password")).unwrap_err();
        assert_eq!(told(&error), (Code::InvalidArgument, Some("key")));
    }
    assert!(!path.exists());
}

#[test]
fn a_lost_database_comes_back_from_a_folder_with_progress() {
    let guarded = guarded();
    let (patience, phases) = listening(None);
    let report = call_without_session("backup.restore", &guarded.given(), &patience).unwrap();
    assert_eq!(
        (&report["backups"], &report["emptied"], &report["replaced"]),
        (&json!(2), &json!(0), &Json::Null)
    );
    let phases = phases.lock().unwrap();
    assert!(["backup", "ledger", "indexes"].iter().all(|phase| phases.contains(phase)), "{phases:?}");
    let session = opened(&guarded.target());
    assert_eq!((count(&session, "account"), count(&session, "contact")), (152, 2));
    session.verify().unwrap();
}

#[test]
fn single_files_are_restored_up_to_an_entry_and_without_keys_for_a_new_administrator() {
    let guarded = guarded();
    let full = guarded.file("full");
    let end = done("backup.inspect", &json!({"file": full})).unwrap()["to"].clone();
    let given = json!({
        "path": guarded.target(),
        "sources": [guarded.file("incremental"), full],
        "key": key(),
        "up_to": end["position"],
    });
    assert_eq!(refusal(done("backup.restore", &given)), Code::BackupChain, "nobody could sign in");
    let mut rescued = given.clone();
    rescued["administrator_name"] = json!("rescue");
    let error = done("backup.restore", &rescued).unwrap_err();
    assert_eq!(told(&error), (Code::MissingParameter, Some("administrator_password")));
    rescued["administrator_password"] = json!("another password");
    let report = done("backup.restore", &rescued).unwrap();
    assert_eq!((&report["restored_to"], &report["emptied"]), (&end, &json!(2)), "the contact and the user");
    let crm = options().open(guarded.target()).unwrap();
    let rescue = crm.sign_in("rescue", "another password").unwrap();
    assert_eq!(count(&rescue, "account"), 1);
}

#[test]
fn a_restore_takes_a_place_that_is_taken_only_when_asked_and_says_where_the_old_one_is() {
    let guarded = guarded();
    fs::create_dir(guarded.target()).unwrap();
    fs::write(guarded.target().join("mine"), "mine").unwrap();
    let error = done("backup.restore", &guarded.given()).unwrap_err();
    assert_eq!(error.code(), Code::AlreadyExists);
    assert_eq!(fs::read_dir(guarded.target()).unwrap().count(), 1, "the place is as it was");
    let report = done("backup.restore", &guarded.given_with("replace", json!(true))).unwrap();
    let old = Path::new(report["replaced"].as_str().unwrap());
    assert_eq!(fs::read_to_string(old.join("mine")).unwrap(), "mine");
    assert_eq!(count(&opened(&guarded.target()), "account"), 152);
}

#[test]
fn a_restore_that_cannot_be_done_names_the_reason_and_leaves_nothing() {
    let guarded = guarded();
    let before = fs::read_dir(guarded.house.folder()).unwrap().count();
    let missing = json!(guarded.backups.join("gone.gxb"));
    let cases = [
        ("key", json!({"raw": "08".repeat(32)}), Code::WrongKey, None),
        ("key", json!({"raw": "08"}), Code::InvalidArgument, Some("key")),
        ("key_of_keys", json!({"raw": "08"}), Code::InvalidArgument, Some("key_of_keys")),
        ("sources", json!([missing]), Code::InvalidArgument, Some("sources")),
        ("sources", json!([5]), Code::InvalidArgument, Some("sources")),
        ("sources", json!([]), Code::BackupChain, None),
        ("sources", json!([guarded.file("incremental")]), Code::BackupChain, None),
        ("sources", json!([guarded.house.folder()]), Code::BackupChain, None),
        ("keys", missing.clone(), Code::InvalidArgument, Some("keys")),
        ("keys", json!(guarded.file("full")), Code::BackupChain, None),
        ("up_to", json!(1), Code::InvalidArgument, Some("up_to")),
    ];
    for (name, value, code, field) in cases {
        let given = guarded.given_with(name, value);
        let error = done("backup.restore", &given).unwrap_err();
        assert_eq!(told(&error), (code, field), "{given}");
        assert_eq!(fs::read_dir(guarded.house.folder()).unwrap().count(), before, "{given}");
    }
}

#[test]
fn a_restore_is_cancelled_at_any_phase_or_runs_out_of_time_and_leaves_nothing() {
    let guarded = guarded();
    let before = fs::read_dir(guarded.house.folder()).unwrap().count();
    for phase in ["backup", "ledger", "indexes"] {
        let (patience, _) = listening(Some(phase));
        let cancelled = call_without_session("backup.restore", &guarded.given(), &patience);
        assert_eq!(refusal(cancelled), Code::Cancelled, "{phase}");
    }
    let hurried = Patience::default().within(Duration::ZERO);
    let late = call_without_session("backup.restore", &guarded.given(), &hurried);
    assert_eq!(refusal(late), Code::DeadlineExceeded);
    assert_eq!(fs::read_dir(guarded.house.folder()).unwrap().count(), before);
}

#[test]
fn a_backup_tells_what_it_is_without_a_key_and_is_proved_with_one() {
    let guarded = guarded();
    let listed = call(&guarded.house.admin, "backup.list", &json!({"folder": guarded.backups})).unwrap();
    for backup in listed["backups"].as_array().unwrap() {
        let file = guarded.file(backup["kind"].as_str().unwrap());
        let inspected = done("backup.inspect", &json!({"file": file})).unwrap();
        let verified = done("backup.verify", &json!({"file": file, "key": key()})).unwrap();
        for member in ["kind", "id", "database", "from", "to", "at", "key"] {
            assert_eq!((&inspected[member], &verified[member]), (&backup[member], &backup[member]));
        }
        assert_eq!(verified["bytes"], backup["bytes"]);
    }
    let full = done("backup.verify", &json!({"file": guarded.file("full"), "key": key()})).unwrap();
    assert_eq!((&full["files"], &full["subject_keys"]), (&json!(1), &json!(0)));
    let keys = done("backup.verify", &json!({"file": guarded.file("keys"), "key": key()})).unwrap();
    assert_eq!(keys["subject_keys"], 3, "two persons and a user");
}

#[test]
fn a_backup_that_was_changed_cut_or_is_none_does_not_verify() {
    let guarded = guarded();
    let bytes = fs::read(guarded.file("full")).unwrap();
    let file = guarded.house.folder().join("bad.gxb");
    let verified = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        refusal(done("backup.verify", &json!({"file": file, "key": key()})))
    };
    // Behind the head, which is tried byte by byte elsewhere: some places of every part of it.
    for place in (9_000..bytes.len()).step_by(bytes.len() / 40) {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        assert_eq!(verified(&changed), Code::Damaged, "byte {place}");
        assert_eq!(verified(&bytes[..place]), Code::Damaged, "cut at {place}");
    }
    assert_eq!(verified(b"no backup"), Code::Damaged);
    let wrong = json!({"file": guarded.file("full"), "key": {"passphrase": "wrong"}});
    assert_eq!(refusal(done("backup.verify", &wrong)), Code::WrongKey);
    for none in [guarded.backups.join("gone.gxb"), guarded.backups.join("\0"), guarded.backups.clone()] {
        let inspected = done("backup.inspect", &json!({"file": none})).unwrap_err();
        let verified = done("backup.verify", &json!({"file": none, "key": key()})).unwrap_err();
        assert_eq!(
            (told(&inspected), told(&verified)),
            ((Code::InvalidArgument, Some("file")), (Code::InvalidArgument, Some("file")))
        );
    }
}

#[test]
fn what_a_database_says_is_salvaged_by_name_into_a_folder_with_progress() {
    let Guarded { house, .. } = guarded();
    let (path, found) = (house.path(), house.folder().join("found"));
    let given = json!({"path": path, "key": key(), "folder": found});
    assert_eq!(refusal(done("database.salvage", &given)), Code::Locked, "somebody has it open");
    house.crm.checkpoint().unwrap();
    let copy = house.folder().join("copy.guanxi");
    copied(&path, &copy);
    let given = json!({"path": copy, "key": key(), "folder": found});
    let (patience, phases) = listening(None);
    let report = call_without_session("database.salvage", &given, &patience).unwrap();
    assert_eq!((&report["whole"], &report["lost_pages"]), (&json!(true), &json!(0)));
    assert!(!phases.lock().unwrap().is_empty());
    let written: Json = serde_json::from_slice(&fs::read(found.join("report.json")).unwrap()).unwrap();
    assert_eq!(written, report);
    let accounts = fs::read_to_string(found.join("crm.account.jsonl")).unwrap();
    assert_eq!(accounts.lines().count(), 152);
    assert!(accounts.contains("加喜") && accounts.contains("后来"));

    assert_eq!(refusal(done("database.salvage", &given)), Code::AlreadyExists, "the folder is there");
    let other = house.folder().join("other");
    let with = |name: &str, value: Json| {
        let mut given = json!({"path": copy, "key": key(), "folder": other});
        given[name] = value;
        given
    };
    let wrong = with("key", json!({"raw": "08".repeat(32)}));
    assert_eq!(refusal(done("database.salvage", &wrong)), Code::WrongKey);
    let gone = with("path", json!(house.folder().join("gone.guanxi")));
    assert_eq!(refusal(done("database.salvage", &gone)), Code::DatabaseNotFound);
    let hurried = Patience::default().within(Duration::ZERO);
    let late = call_without_session("database.salvage", &with("key", key()), &hurried);
    assert_eq!(refusal(late), Code::DeadlineExceeded);
    assert!(!other.exists(), "a salvage that gave nothing leaves nothing");
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copied(&entry, &target);
        } else {
            fs::copy(&entry, &target).unwrap();
        }
    }
}

#[test]
fn no_secret_of_a_call_stands_in_its_error() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "5ecre7-5ecre7";
    let given = |key: Json| {
        json!({
            "path": folder.path().join("a.guanxi"),
            "key": key,
            "administrator_name": "lin",
            "administrator_password": secret,
            "currency": "no currency",
        })
    };
    for key in
        [json!({"raw": secret}), json!({"recovery": secret}), json!({"passphrase": secret}), json!(secret)]
    {
        let error = done("database.create", &given(key)).unwrap_err();
        assert!(!format!("{error:?} {error}").contains(secret), "{error:?}");
    }
}
