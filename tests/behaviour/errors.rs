//! Errors: texts for every code, no secret in any of them, and a code of its own for each way not to open.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use guanxi::engine::Find;
use guanxi::{Changes, Code, Crm, Key, Locale, Result};
use guanxi_tests::{PASSWORD, database, no_cost, options, refusal};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

#[test]
fn every_code_has_its_own_key_and_number_and_texts_in_both_languages() {
    let (mut keys, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for code in Code::ALL {
        assert!(keys.insert(code.key()) && numbers.insert(code.number()), "{code:?}");
        assert!(code.number() > 0 && code.key().split('.').count() == 2, "{code:?}");
        for locale in [Locale::English, Locale::SimplifiedChinese] {
            for text in [code.message(locale), code.cause(locale), code.remedy(locale)] {
                assert!(!text.trim().is_empty(), "{code:?}");
            }
        }
        assert_ne!(code.message(Locale::English), code.message(Locale::SimplifiedChinese));
    }
}

#[test]
fn the_method_of_errors_speaks_the_session_s_language() {
    let house = database();
    let chinese = house.admin.with_locale(Locale::SimplifiedChinese);
    for (session, locale) in [(&house.admin, Locale::English), (&chinese, Locale::SimplifiedChinese)] {
        let answer = guanxi::api::call(session, "api.errors", &serde_json::Value::Null).unwrap();
        let errors = answer["errors"].as_array().unwrap();
        assert_eq!(errors.len(), Code::ALL.len());
        for (told, code) in errors.iter().zip(Code::ALL) {
            assert_eq!((&told["code"], &told["number"]), (&code.key().into(), &code.number().into()));
            assert_eq!(told["message"], code.message(locale));
        }
    }
}

#[test]
fn nothing_that_is_shown_shows_a_secret() {
    let passphrase = "correct horse battery staple";
    let key = Key::from_passphrase(passphrase);
    let raw = Key::raw(*b"0123456789abcdefghijklmnopqrstuv");
    let password = "a password to keep";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let options = guanxi::options().key(key.clone()).key_cost(no_cost()).administrator("admin", password);
    let crm = options.clone().create(&path).unwrap();
    let session = crm.sign_in("admin", password).unwrap();
    let mut shown = vec![
        format!("{key:?} {raw:?} {options:?} {crm:?} {session:?}"),
        format!("{:?}", crm.sign_in("admin", "not the password").err().unwrap()),
        format!("{:?}", session.set_password(session.user(), "short").err().unwrap()),
    ];
    let ledger = guanxi::api::call(&session, "ledger.list", &serde_json::json!({"limit": 1000})).unwrap();
    shown.push(ledger.to_string());
    drop((session, crm));
    shown.push(format!(
        "{:?}",
        options.clone().key(Key::from_passphrase("wrong words")).open(&path).err().unwrap()
    ));
    shown.push(format!("{:?}", options.create(&path).err().unwrap()));
    let secrets = [passphrase, password, "0123456789abcdef", "not the password", "wrong words", "[48, 49"];
    for (text, secret) in shown.iter().flat_map(|text| secrets.map(|secret| (text, secret))) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(!shown.iter().any(|text| text.contains("short\"")));
}

#[test]
fn a_refused_record_repeats_no_stored_value() {
    let house = database();
    let _ = house.create("product", &Changes::new().set("name", "stored"));
    let taken = Changes::new().set("name", "ＳＴＯＲＥＤ");
    let error = house.admin.write(|txn| txn.create_record("product", taken.clone())).unwrap_err();
    assert!(!format!("{error:?} {}", error.to_json(Locale::English)).contains("stored"));
}

/// A closed database in a folder of its own.
fn closed() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    options().create(&path).unwrap();
    (folder, path)
}

fn opened(path: &Path) -> Result<Crm> {
    options().open(path)
}

#[test]
fn another_key_is_the_wrong_key_whatever_its_kind() {
    let (_folder, path) = closed();
    for key in [Key::raw([8; 32]), Key::from_passphrase("words")] {
        assert_eq!(refusal(options().key(key).open(&path)), Code::WrongKey);
    }
    opened(&path).unwrap();
}

#[test]
fn a_key_may_be_added_and_an_old_one_taken_away_but_never_the_last() {
    let (_folder, path) = closed();
    let second = Key::from_passphrase("second");
    let crm = opened(&path).unwrap();
    crm.add_key(&second).unwrap();
    drop(crm);
    let crm = options().key(second.clone()).open(&path).unwrap();
    crm.remove_key(&Key::raw(guanxi_tests::KEY)).unwrap();
    assert_eq!(refusal(crm.remove_key(&Key::raw(guanxi_tests::KEY))), Code::WrongKey);
    assert_eq!(refusal(crm.remove_key(&second)), Code::InvalidArgument);
    drop(crm);
    assert_eq!(refusal(opened(&path)), Code::WrongKey);
    options().key(second).open(&path).unwrap();
}

#[test]
fn a_passphrase_opens_however_its_letters_were_composed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let words = |text: &str| options().key(Key::from_passphrase(text));
    words("caf\u{e9} 关系").create(&path).unwrap();
    words("cafe\u{301} 关系").open(&path).unwrap();
    assert_eq!(refusal(words("cafe 关系").open(&path)), Code::WrongKey);
}

#[test]
fn what_is_no_database_is_told_from_what_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(refusal(opened(&folder.path().join("nothing"))), Code::DatabaseNotFound);
    assert_eq!(refusal(opened(folder.path())), Code::NotADatabase);
    let file = folder.path().join("file");
    fs::write(&file, "SQLite format 3\0").unwrap();
    assert_eq!(refusal(opened(&file)), Code::NotADatabase);
    let (_folder, path) = closed();
    fs::write(path.join("data"), vec![b'x'; 64 * 1_024]).unwrap();
    assert_eq!(refusal(opened(&path)), Code::NotADatabase);
}

#[test]
fn a_database_without_one_of_its_files_is_damaged() {
    let (_folder, path) = closed();
    fs::remove_file(path.join("keys")).unwrap();
    assert_eq!(refusal(opened(&path)), Code::Damaged);
}

#[test]
fn a_shortened_database_is_damaged_and_never_a_panic() {
    let (folder, path) = closed();
    let whole = fs::read(path.join("data")).unwrap();
    for kept in [1, 4_096, whole.len() / 2, whole.len() - 1] {
        let copy = folder.path().join(format!("{kept}.guanxi"));
        fs::create_dir(&copy).unwrap();
        fs::copy(path.join("keys"), copy.join("keys")).unwrap();
        fs::write(copy.join("data"), &whole[..kept]).unwrap();
        let code = options().verify_on_open(true).open(&copy).err().map(|error| error.code());
        // The very end of the file may be room that nothing uses.
        let fine = kept == whole.len() - 1 && code.is_none();
        assert!(fine || matches!(code, Some(Code::Damaged | Code::NotADatabase)), "{kept}: {code:?}");
    }
}

#[test]
fn a_database_that_is_open_is_locked_for_the_next() {
    let (_folder, path) = closed();
    let crm = opened(&path).unwrap();
    assert_eq!(refusal(opened(&path)), Code::Locked);
    let session = crm.session_for("admin").unwrap();
    drop(crm);
    // A session keeps its database open.
    assert_eq!(refusal(opened(&path)), Code::Locked);
    drop(session);
    opened(&path).unwrap();
}

#[test]
fn a_database_that_stands_is_not_created_again() {
    let (_folder, path) = closed();
    let before = fs::read(path.join("data")).unwrap();
    assert_eq!(refusal(options().create(&path)), Code::AlreadyExists);
    assert_eq!(fs::read(path.join("data")).unwrap(), before);
}

#[test]
fn what_could_not_be_created_leaves_nothing_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let weak = guanxi::options().key(Key::raw([7; 32])).key_cost(no_cost()).administrator("admin", "short");
    assert_eq!(refusal(weak.create(&path)), Code::WeakPassword);
    assert_eq!(refusal(guanxi::options().administrator("a", PASSWORD).create(&path)), Code::MissingParameter);
    assert_eq!(refusal(guanxi::options().key(Key::raw([7; 32])).create(&path)), Code::MissingParameter);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    options().create(&path).unwrap();
}

/// FORMAT.md, chapter "Superblock": the number of the format lies at byte 8 of either copy, and the last
/// 32 bytes of a block are the SHA-256 of the others.
#[test]
fn a_database_of_a_newer_format_asks_for_a_newer_engine() {
    let (_folder, path) = closed();
    for name in ["data", "keys"] {
        let file = path.join(name);
        let whole = fs::read(&file).unwrap();
        let mut newer = whole.clone();
        for block in newer.chunks_mut(4_096).take(2) {
            block[8..12].copy_from_slice(&3_u32.to_be_bytes());
            let checksum = Sha256::digest(&block[..4_064]);
            block[4_064..].copy_from_slice(&checksum);
        }
        fs::write(&file, &newer).unwrap();
        assert_eq!(refusal(opened(&path)), Code::NewerFormat, "{name}");
        fs::write(&file, &whole).unwrap();
        opened(&path).unwrap();
    }
}

#[test]
fn a_sign_in_fails_alike_for_unknown_suspended_and_wrong() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    house.admin.set_password(lin.user(), "the password of lin").unwrap();
    house.crm.sign_in("lin", "the password of lin").unwrap();
    house.crm.sign_in("ＬＩＮ", "the password of lin").unwrap();
    house.change("user", lin.user(), &Changes::new().set("status", "suspended"));
    let tell = |name: &str, password: &str| {
        let error = house.crm.sign_in(name, password).unwrap_err();
        (error.code(), error.message(Locale::English))
    };
    let unknown = tell("nobody", "the password of lin");
    assert_eq!(unknown.0, Code::SignInFailed);
    assert_eq!(tell("lin", "the password of lin"), unknown);
    assert_eq!(tell("admin", "not the password"), unknown);
    assert_eq!(tell("admin", ""), unknown);
    assert_eq!(refusal(house.crm.session_for("nobody")), Code::SignInFailed);
}

#[test]
fn a_host_that_is_not_trusted_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        guanxi::options().key(Key::raw([7; 32])).key_cost(no_cost()).administrator("admin", PASSWORD);
    let crm = options.create(folder.path().join("a.guanxi")).unwrap();
    assert_eq!(refusal(crm.session_for("admin")), Code::HostTrustRequired);
    let session = crm.sign_in("admin", PASSWORD).unwrap();
    assert!(session.list("account", &Find::default()).unwrap().rows.is_empty());
}
