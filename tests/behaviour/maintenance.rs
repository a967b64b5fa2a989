//! Looking after a database: room given back, a new data key, verification, reports, the support bundle.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use guanxi::api::call;
use guanxi::engine::{FieldInspection, KeyKind};
use guanxi::model::{account, contact};
use guanxi::{Changes, Code, Key, Patience, Session};
use guanxi_tests::{House, KEY, database, moment, options, refusal};
use serde_json::{Value as Json, json};

const NEW: [u8; 32] = [0x2A; 32];

fn found(session: &Session, words: &str) -> u64 {
    session.search(words, None, 10, 0).unwrap().total
}

/// Accounts and contacts, some of whom have no phone number.
fn filled() -> House {
    let house = database();
    house
        .admin
        .write(|transaction| {
            for number in 0..30 {
                let firm = transaction.create(account::named(&format!("Kunstdorf {number}")))?;
                let person = contact::named(&format!("Ottokar {number}")).with(contact::ACCOUNT, firm);
                let phone = format!("+86139000{number:05}");
                transaction.create(if number % 3 == 0 {
                    person
                } else {
                    person.with(contact::PHONE, phone.as_str())
                })?;
            }
            Ok(())
        })
        .unwrap();
    house
}

#[test]
fn a_compacted_database_verifies_and_goes_on() {
    let house = filled();
    house.admin.checkpoint().unwrap();
    let report = house.admin.compact().unwrap();
    assert!(report.rows > 100 && report.bytes_after <= report.bytes_before, "{report:?}");
    let before = house.verified();
    house.admin.write(|transaction| transaction.create(account::named("afterwards"))).unwrap();
    assert_eq!(house.verified(), before + 1);
    assert_eq!(found(&house.admin, "Kunstdorf"), 30);
}

#[test]
fn long_work_tells_how_far_it_is_and_can_be_ended() {
    let house = filled();
    let told: Arc<Mutex<BTreeSet<&'static str>>> = Arc::default();
    let listener = Arc::clone(&told);
    let patience = Patience::default().telling(move |progress| {
        assert!(progress.total == 0 || progress.done <= progress.total, "{progress:?}");
        listener.lock().unwrap().insert(progress.phase);
    });
    let session = house.admin.with_patience(patience);
    session.compact().unwrap();
    session.verify().unwrap();
    session.inspect().unwrap();
    let told = told.lock().unwrap().clone();
    assert!(["rows", "ledger", "keys", "entities"].iter().all(|phase| told.contains(phase)), "{told:?}");

    let ended = house.admin.with_patience(Patience::default());
    ended.cancel_token().cancel();
    for refused in [
        refusal(ended.compact()),
        refusal(ended.verify()),
        refusal(ended.verify_quickly()),
        refusal(ended.inspect()),
        refusal(ended.change_data_key(&[Key::raw(NEW)])),
    ] {
        assert_eq!(refused, Code::Cancelled);
    }
    house.admin.verify().unwrap();
}

#[test]
fn under_a_new_data_key_everything_is_there_and_search_finds_at_once_and_after_a_reopen() {
    let house = filled();
    let content = vec![7; 100_000];
    let firm = house.create("account", &Changes::new().set(account::NAME, "with a file"));
    house.admin.attach("account", firm, "big.bin", "text/plain", &mut content.as_slice()).unwrap();
    assert_eq!(found(&house.admin, "Ottokar"), 30);
    let identity = house.crm.identity();

    house.admin.change_data_key(&[Key::raw(NEW), Key::from_passphrase("a second way in")]).unwrap();
    assert_eq!(found(&house.admin, "Ottokar"), 30);
    house.admin.write(|transaction| transaction.create(account::named("Ottokar again"))).unwrap();
    assert_eq!(found(&house.admin, "Ottokar"), 31);
    let report = house.crm.verify(&Patience::default()).unwrap();
    assert_eq!((report.attachments, report.forgotten), (1, 0));
    let kinds: Vec<KeyKind> = house.crm.keys().iter().map(|slot| slot.kind).collect();
    assert_eq!(kinds, [KeyKind::Raw, KeyKind::Passphrase]);

    let path = house.path();
    let House { crm, admin, .. } = &house;
    assert_eq!(crm.identity(), identity);
    let ledger = call(admin, "ledger.list", &json!({"limit": 1000})).unwrap();
    let entries = ledger["entries"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "key");
    let texts: Vec<&Json> = entries.map(|entry| &entry["changes"][0]["new"]).collect();
    assert_eq!(texts, [&json!("data key, opened by: raw, passphrase")]);

    let folder = copied(&path);
    let copy = folder.path().join("copy.guanxi");
    assert_eq!(refusal(options().key(Key::raw(KEY)).open(&copy)), Code::WrongKey);
    for key in [Key::raw(NEW), Key::from_passphrase("a second way in")] {
        let crm = options().key(key).open(&copy).unwrap();
        let admin = crm.session_for("admin").unwrap();
        assert_eq!(found(&admin, "Ottokar"), 31);
        let report = crm.verify(&Patience::default()).unwrap();
        assert_eq!((report.attachments, report.forgotten), (1, 0));
        let attachment = admin.attachments("account", firm).unwrap()[0].id;
        let mut read = Vec::new();
        admin.read_attachment("account", firm, attachment).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == content);
    }
}

/// A copy of a database in which nobody writes meanwhile.
fn copied(path: &std::path::Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.guanxi");
    for part in ["", "index", "blobs"] {
        std::fs::create_dir_all(copy.join(part)).unwrap();
        for entry in std::fs::read_dir(path.join(part)).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_file() {
                std::fs::copy(entry.path(), copy.join(part).join(entry.file_name())).unwrap();
            }
        }
    }
    folder
}

#[test]
fn who_searches_while_the_data_key_changes_leaves_nothing_behind_under_the_old_one() {
    let house = filled();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let searching = scope.spawn(|| {
            let (mut searches, mut number) = (0, 0);
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                number += 1;
                let name = format!("Kunstdorf more {number}");
                house.admin.write(|transaction| transaction.create(account::named(&name))).unwrap();
                // A search that the change turns away says so, and the next one finds.
                match house.admin.search("Kunstdorf", None, 1, 0) {
                    Ok(page) => assert!(page.total >= 30 + number - 1),
                    Err(error) => assert_eq!(error.code(), Code::Stopped),
                }
                searches += 1;
            }
            searches
        });
        for round in 0..3_u8 {
            house.admin.change_data_key(&[Key::raw([round; 32])]).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        assert!(searching.join().unwrap() > 0);
    });
    assert!(found(&house.admin, "Kunstdorf") >= 30);
    house.admin.verify().unwrap();
}

#[test]
fn a_backup_from_after_a_change_of_the_data_key_is_restored_with_its_whole_ledger() {
    let house = filled();
    house.admin.change_data_key(&[Key::raw(NEW)]).unwrap();
    house.admin.write(|transaction| transaction.create(account::named("afterwards"))).unwrap();
    let (mut backup, mut keys) = (Vec::new(), Vec::new());
    house.admin.backup(&mut backup, guanxi::engine::BackupScope::Everything).unwrap();
    house.admin.backup_keys(&mut keys).unwrap();
    let target = house.folder().join("again.guanxi");
    let report = guanxi::restore(
        vec![&mut backup.as_slice()],
        Some(&mut keys.as_slice()),
        &Key::raw(NEW),
        &target,
        &guanxi::RestoreOptions::default(),
    )
    .unwrap();
    assert_eq!((report.verified.forgotten, report.emptied), (0, 0));
    let crm = options().key(Key::raw(NEW)).open(&target).unwrap();
    assert_eq!(crm.verify(&Patience::default()).unwrap().forgotten, 0);
}

#[test]
fn both_depths_of_verification_answer_as_a_method() {
    let house = filled();
    let full = call(&house.admin, "database.verify", &json!({})).unwrap();
    assert_eq!(full["records"], call(&house.admin, "ledger.verify", &json!({})).unwrap()["records"]);
    let quick = call(&house.admin, "database.verify", &json!({"mode": "quick"})).unwrap();
    assert_eq!((&quick["entries"], &quick["mode"]), (&full["entries"], &json!("quick")));
    assert!(quick["rows"].as_u64() > full["derived_keys"].as_u64());
    assert_eq!(
        refusal(call(&house.admin, "database.verify", &json!({"mode": "deep"}))),
        Code::InvalidArgument
    );
}

#[test]
fn the_inspection_counts_what_is_there() {
    let house = database();
    house.clock.set(moment("2026-09-30T23:59:00Z"));
    let before = house.crm.head().unwrap().position;
    for number in 0..7 {
        let name = format!("autumn {number}");
        house.admin.write(|transaction| transaction.create(account::named(&name))).unwrap();
    }
    let in_autumn = house.crm.head().unwrap().position - before;
    house.clock.set(moment("2026-12-05T00:00:00Z"));
    house.admin.write(|transaction| transaction.create(contact::named("Ottokar"))).unwrap();
    let phone = contact::named("Ludmilla").with(contact::PHONE, "+8613900001111");
    house.admin.write(|transaction| transaction.create(phone.clone())).unwrap();
    let mut backup = Vec::new();
    house.admin.backup(&mut backup, guanxi::engine::BackupScope::Everything).unwrap();
    house.clock.set(moment("2026-12-08T12:00:00Z"));

    let inspection = house.admin.inspect().unwrap();
    assert_eq!(inspection.entries, house.crm.head().unwrap().position);
    assert_eq!(inspection.months.len(), 12);
    assert_eq!(inspection.months[11].month.to_string(), "2026-12-01");
    assert_eq!(inspection.months[0].month.to_string(), "2026-01-01");
    let by_month: Vec<u64> = inspection.months.iter().map(|month| month.entries).collect();
    // The clock stood in November when the database was made, and stamps never fall.
    assert_eq!(by_month[10], before + in_autumn);
    assert_eq!(by_month.iter().sum::<u64>(), inspection.entries);
    assert!(inspection.months[11].bytes > 0);
    let of = |name: &str| inspection.entities.iter().find(|entity| entity.name == name).unwrap();
    assert_eq!((of("crm.account").records, of("crm.contact").records), (7, 2));
    let empty = |field: &FieldInspection| (field.name.clone(), field.empty);
    let fields: Vec<(String, u64)> = of("crm.contact").fields.iter().map(empty).collect();
    assert!(fields.contains(&("phone".to_owned(), 1)), "{fields:?}");
    assert_eq!(of("crm.contact").looked_at, 2);
    assert_eq!((inspection.keys.as_slice(), inspection.days_since_backup()), (&["raw"][..], Some(3)));
    assert!(!inspection.unfinished_copy && !inspection.recovery.repaired);

    let answer = call(&house.admin, "database.inspect", &json!({})).unwrap();
    assert_eq!(answer["days_since_backup"], 3);
    assert!(answer["text"].as_str().unwrap().contains("last backup: 3 days ago"), "{}", answer["text"]);
    let chinese = inspection.text(guanxi::Locale::SimplifiedChinese);
    assert!(chinese.contains("最近备份: 3 天前") && chinese.contains('█'), "{chinese}");
}

/// Every text and number of a document that is long enough to be no accident.
fn values(json: &Json, found: &mut BTreeSet<String>) {
    match json {
        Json::String(text) if text.chars().count() > 3 => drop(found.insert(text.clone())),
        Json::Array(items) => items.iter().for_each(|item| values(item, found)),
        Json::Object(parts) => parts.values().for_each(|part| values(part, found)),
        _ => {}
    }
}

#[test]
fn the_support_bundle_says_nothing_of_customers_users_or_places() {
    let house = filled();
    let label = guanxi::base::Label::new("秘密暗号", "Geheimzeichen");
    let kind = guanxi::schema::FieldType::Email;
    house.admin.define_field("contact", "geheimzeichen", label, kind, |_| {}).unwrap();
    let wang = house.user_as("wangxiaohu", "salesperson");
    assert_eq!(refusal(call(&wang, "database.inspect", &json!({}))), Code::NotPermitted);
    assert_eq!(refusal(call(&house.admin, "account.melt", &json!({}))), Code::UnknownMethod);

    let mut bundle = Vec::new();
    house.admin.support_bundle(&mut bundle).unwrap();
    let text = String::from_utf8(bundle).unwrap();
    let mut held = BTreeSet::new();
    for entity in ["account", "contact", "sys.user", "sys.unit"] {
        let page = call(&house.admin, "record.list", &json!({"entity": entity, "limit": 1000})).unwrap();
        for row in page["rows"].as_array().unwrap() {
            values(&row["values"], &mut held);
            held.extend([row["id"].as_str().unwrap().to_owned(), row["title"].as_str().unwrap().to_owned()]);
        }
    }
    held.extend(["geheimzeichen", "Geheimzeichen", "秘密暗号", "wangxiaohu"].map(str::to_owned));
    held.extend(house.path().iter().map(|part| part.to_string_lossy().into_owned()));
    assert!(held.contains("Ottokar 7") && held.contains("+8613900000007"), "{held:?}");
    for value in held.iter().filter(|value| value.len() > 1 && *value != "active") {
        assert!(!text.contains(value.as_str()), "{value} in {text}");
    }
    let told: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(told["guanxi"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["errors"], json!({"access.not_permitted": 1, "input.unknown_method": 1}));
    assert!(text.contains("\"field ") && text.contains("crm.contact"), "{text}");
    assert_eq!(
        call(&house.admin, "database.support_bundle", &json!({})).unwrap()["platform"],
        told["platform"]
    );
}

#[test]
fn only_who_may_administer_everything_looks_after_a_database() {
    let house = filled();
    let wang = house.user_as("wang", "salesperson");
    let keys = json!({"keys": [{"passphrase": "words"}]});
    for (method, parameters) in [
        ("database.verify", json!({})),
        ("database.verify", json!({"mode": "quick"})),
        ("database.statistics", json!({})),
        ("database.inspect", json!({})),
        ("database.support_bundle", json!({})),
        ("database.compact", json!({})),
        ("database.change_data_key", keys),
        ("database.checkpoint", json!({})),
        ("database.flush", json!({})),
    ] {
        assert_eq!(refusal(call(&wang, method, &parameters)), Code::NotPermitted, "{method}");
        if method != "database.change_data_key" {
            call(&house.admin, method, &parameters).unwrap();
        }
    }
}

#[test]
fn a_checkpoint_empties_the_journal_into_the_tables() {
    let house = filled();
    call(&house.admin, "database.checkpoint", &json!({})).unwrap();
    let statistics = call(&house.admin, "database.statistics", &json!({})).unwrap();
    assert_eq!(statistics["memory_bytes"], 0);
    assert!(statistics["tables"]["records"]["rows"].as_u64().unwrap() >= 60);
    let flushed = call(&house.admin, "database.flush", &json!({})).unwrap();
    assert_eq!(flushed["position"], house.crm.head().unwrap().position);
}
