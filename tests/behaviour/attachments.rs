//! Attachments of records: what goes in comes out, for those alone who may, and nothing stays behind.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};

use guanxi::api::call;
use guanxi::engine::{Action, EntryKind, Level, Settings};
use guanxi::{Changes, Code, Patience, RecordId, Session};
use guanxi_tests::{House, NOON, database, moment, options, refusal};
use serde_json::json;

const DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// Larger than what lies in a row.
const LARGE: usize = 200_000;

fn text(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|number| ((number + seed) * 31 % 251) as u8).collect()
}

fn account(house: &House, name: &str) -> RecordId {
    house.create("account", &Changes::new().set("name", name))
}

fn contact(house: &House, name: &str) -> RecordId {
    house.create("contact", &Changes::new().set("name", name))
}

fn attach(session: &Session, entity: &str, record: RecordId, content: &[u8]) -> guanxi::Result<RecordId> {
    let attached = session.attach(entity, record, "合同.pdf", "application/pdf", &mut { content });
    attached.map(|attachment| attachment.id)
}

fn content(session: &Session, entity: &str, record: RecordId, id: RecordId) -> Vec<u8> {
    let mut bytes = Vec::new();
    session.read_attachment(entity, record, id).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn files(house: &House) -> usize {
    fs::read_dir(house.path().join("blobs")).unwrap().count()
}

fn attachments_verified(house: &House) -> u64 {
    house.crm.verify(&Patience::default()).unwrap().attachments
}

#[test]
fn an_attachment_comes_back_as_it_went_small_or_large() {
    let house = database();
    let record = account(&house, "加喜");
    let lengths = [0, 1, 48 * 1_024, 48 * 1_024 + 1, LARGE];
    let mut made = Vec::new();
    for length in lengths {
        made.push(attach(&house.admin, "account", record, &text(length, 0)).unwrap());
        // Ids are in order from one millisecond to the next.
        house.clock.advance_micros(1_000);
    }
    let admin = &house.admin;
    let listed = admin.attachments("account", record).unwrap();
    assert_eq!(listed.iter().map(|attachment| attachment.id).collect::<Vec<_>>(), made);
    assert_eq!(listed[0].created_at, moment(NOON));
    for (attachment, length) in listed.iter().zip(lengths) {
        assert_eq!(attachment.size, length as u64);
        assert_eq!(attachment.sha256, sha2_of(&text(length, 0)));
        assert_eq!(
            (attachment.name.as_str(), attachment.media_type.as_str()),
            ("合同.pdf", "application/pdf")
        );
        assert_eq!(attachment.created_by, admin.user());
        assert_eq!(content(admin, "account", record, attachment.id), text(length, 0));
    }
    assert_eq!((attachments_verified(&house), files(&house)), (5, 2));
    let mut reader = admin.read_attachment("account", record, made[4]).unwrap();
    reader.seek(SeekFrom::Start(130_000)).unwrap();
    let mut piece = [0; 100];
    reader.read_exact(&mut piece).unwrap();
    assert_eq!(piece, text(LARGE, 0)[130_000..130_100]);
}

fn sha2_of(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}

#[test]
fn an_attachment_is_there_after_the_database_was_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let crm = options().create(&path).unwrap();
    let admin = crm.session_for("admin").unwrap();
    let changes = Changes::new().set("name", "林");
    let record = admin.write(|transaction| transaction.create_record("contact", changes.clone())).unwrap();
    let made = [100, LARGE].map(|length| attach(&admin, "contact", record, &text(length, 3)).unwrap());
    drop((admin, crm));
    let crm = options().open(&path).unwrap();
    let admin = crm.session_for("admin").unwrap();
    for (id, length) in made.into_iter().zip([100, LARGE]) {
        assert_eq!(content(&admin, "contact", record, id), text(length, 3));
    }
    assert_eq!(crm.verify(&Patience::default()).unwrap().attachments, 2);
}

#[test]
fn nothing_of_an_attachment_can_be_found_in_the_files() {
    let house = database();
    let record = contact(&house, "林先生");
    for length in [20_000, LARGE] {
        let canary = b"canary-7f3a9c-".repeat(length / 14);
        house
            .admin
            .attach("contact", record, "canary-7f3a9c-.txt", "text/canary-7f3a9c-", &mut &*canary)
            .unwrap();
    }
    let folders = [house.path(), house.path().join("blobs"), house.path().join("index")];
    for folder in folders {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            assert!(!entry.display().to_string().contains("canary"));
            if entry.is_file() {
                let bytes = fs::read(&entry).unwrap();
                assert!(!bytes.windows(13).any(|window| window == b"canary-7f3a9c"), "{entry:?}");
            }
        }
    }
}

#[test]
fn equal_contents_of_one_person_are_one_file_and_those_of_two_are_two() {
    let house = database();
    let (lin, wang) = (contact(&house, "林"), contact(&house, "王"));
    let same = text(LARGE, 0);
    let first = attach(&house.admin, "contact", lin, &same).unwrap();
    let second = attach(&house.admin, "contact", lin, &same).unwrap();
    assert_eq!(files(&house), 1);
    let others = attach(&house.admin, "contact", wang, &same).unwrap();
    assert_eq!(files(&house), 2);
    house.admin.detach("contact", lin, first).unwrap();
    assert_eq!(files(&house), 2, "the second attachment still links the file");
    assert_eq!(content(&house.admin, "contact", lin, second), same);
    house.admin.detach("contact", lin, second).unwrap();
    assert_eq!(files(&house), 1);
    assert_eq!(content(&house.admin, "contact", wang, others), same);
    assert_eq!(attachments_verified(&house), 1);
    assert_eq!(refusal(house.admin.detach("contact", lin, second)), Code::RecordNotFound);
}

#[test]
fn an_erased_person_has_no_attachment_and_no_file_and_others_keep_theirs() {
    let house = database();
    let (lin, wang) = (contact(&house, "林"), contact(&house, "王"));
    let kept = attach(&house.admin, "contact", wang, &text(LARGE, 0)).unwrap();
    let gone = [50, LARGE].map(|length| attach(&house.admin, "contact", lin, &text(length, 0)).unwrap());
    assert_eq!(files(&house), 2);
    let mut open = house.admin.read_attachment("contact", lin, gone[1]).unwrap();
    house.admin.erase("contact", lin).unwrap();
    assert_eq!((files(&house), attachments_verified(&house)), (1, 1));
    assert_eq!(refusal(house.admin.attachments("contact", lin)), Code::RecordNotFound);
    assert_eq!(refusal(house.admin.read_attachment("contact", lin, gone[0])), Code::RecordNotFound);
    assert_eq!(content(&house.admin, "contact", wang, kept), text(LARGE, 0));
    let ledger = call(&house.admin, "ledger.list", &json!({"limit": 1000})).unwrap();
    let of_lin =
        ledger["entries"].as_array().unwrap().iter().filter(|entry| entry["record"] == lin.to_string());
    assert!(of_lin.clone().count() >= 4 && of_lin.clone().all(|entry| entry["changes"].is_null()));
    // Whoever had it open before has it open still, on systems where a file outlives its name.
    let mut bytes = Vec::new();
    if cfg!(unix) {
        open.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, text(LARGE, 0));
    }
}

#[test]
fn the_ledger_tells_who_attached_and_took_away_what() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let record = lin
        .write(|transaction| transaction.create_record("account", Changes::new().set("name", "x")))
        .unwrap();
    let after = house.crm.head().unwrap().position;
    let id = attach(&lin, "account", record, &text(10, 0)).unwrap();
    lin.detach("account", record, id).unwrap();
    let ledger = call(&house.admin, "ledger.list", &json!({"after": after})).unwrap();
    let entries = ledger["entries"].as_array().unwrap();
    let kinds: Vec<_> = entries
        .iter()
        .map(|entry| (entry["kind"].as_str().unwrap(), entry["cause"].as_str().unwrap()))
        .collect();
    let expected =
        [(EntryKind::Attach.name(), "attachment.add"), (EntryKind::Detach.name(), "attachment.remove")];
    assert_eq!(kinds, expected);
    for (entry, side, other) in [(&entries[0], "new", "old"), (&entries[1], "old", "new")] {
        assert_eq!(
            (&entry["actor"], &entry["record"]),
            (&json!(lin.user().to_string()), &json!(record.to_string()))
        );
        let said = |name: &str| {
            let change =
                entry["changes"].as_array().unwrap().iter().find(|change| change["field"] == name).unwrap();
            assert!(change[other].is_null());
            change[side].clone()
        };
        assert_eq!((said("attachment"), said("file_name")), (json!(id.to_string()), json!("合同.pdf")));
        assert_eq!((said("size"), said("media_type")), (json!(10), json!("application/pdf")));
        let digest: String = sha2_of(&text(10, 0)).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(said("sha256"), json!(digest));
    }
}

/// Every way to an attachment, with the code of its refusal.
fn tries(session: &Session, record: RecordId, id: RecordId) -> Vec<Result<usize, Code>> {
    let code = |error: guanxi::Error| error.code();
    let called = |method: &str, more: serde_json::Value| {
        let mut given = json!({"entity": "account", "record": record.to_string()});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(session, method, &given).map(|_| 1).map_err(code)
    };
    let one = json!({"attachment": id.to_string()});
    vec![
        session.attachments("account", record).map(|list| list.len()).map_err(code),
        session.read_attachment("account", record, id).map(|_| 1).map_err(code),
        called("attachment.list", json!({})),
        called("attachment.get", one.clone()),
        session.attach("account", record, "x", "", &mut &text(LARGE, 9)[..]).map(|_| 1).map_err(code),
        called("attachment.add", json!({"name": "x", "content": ""})),
        session.detach("account", record, id).map(|()| 1).map_err(code),
        called("attachment.remove", one),
    ]
}

#[test]
fn whoever_may_not_read_a_record_learns_nothing_of_its_attachments() {
    let house = database();
    let own = [("crm.account", Action::Read, Level::Own), ("crm.account", Action::Update, Level::Own)];
    let stranger = house.user("stranger", &[house.role("own", &own)]);
    let with = account(&house, "with");
    let id = attach(&house.admin, "account", with, &text(LARGE, 0)).unwrap();
    let without = account(&house, "without");
    let nowhere = RecordId::from_bytes([9; 16]);
    let nobody = house.user("nobody", &[]);
    let (before, ledger) = (files(&house), house.crm.head().unwrap().position);
    let expected: Vec<Result<usize, Code>> = vec![Err(Code::RecordNotFound); 8];
    for record in [with, without, nowhere] {
        for attachment in [id, nowhere] {
            assert_eq!(tries(&stranger, record, attachment), expected);
        }
    }
    let expected: Vec<Result<usize, Code>> = vec![Err(Code::NotPermitted); 8];
    for record in [with, without, nowhere] {
        assert_eq!(tries(&nobody, record, id), expected);
    }
    assert_eq!(files(&house), before);
    // The ledger says who was refused, and nothing else.
    let entered = call(&house.admin, "ledger.list", &json!({"after": ledger})).unwrap();
    assert!(
        entered["entries"].as_array().unwrap().iter().all(|entry| entry["kind"] == "denied"),
        "{entered}"
    );
    assert_eq!(content(&house.admin, "account", with, id), text(LARGE, 0));
}

#[test]
fn whoever_may_read_and_not_change_reads_and_neither_adds_nor_takes() {
    let house = database();
    let reader = house.user("reader", &[house.role("reader", &[("crm.account", Action::Read, Level::All)])]);
    let record = account(&house, "x");
    let id = attach(&house.admin, "account", record, &text(5, 0)).unwrap();
    let refused = Err(Code::NotPermitted);
    let expected = vec![Ok(1), Ok(1), Ok(1), Ok(1), refused, refused, refused, refused];
    assert_eq!(tries(&reader, record, id), expected);
    // An attachment is found under its own record alone.
    let other = account(&house, "y");
    assert_eq!(refusal(reader.read_attachment("account", other, id)), Code::RecordNotFound);
    assert_eq!(refusal(house.admin.detach("account", other, id)), Code::RecordNotFound);
    assert_eq!(files(&house), 0);
}

#[test]
fn the_attachments_of_a_deleted_record_are_out_of_reach() {
    let house = database();
    let record = account(&house, "x");
    let id = attach(&house.admin, "account", record, &text(LARGE, 0)).unwrap();
    house.admin.write(|transaction| transaction.delete_record("account", record)).unwrap();
    assert!(tries(&house.admin, record, id).iter().all(|tried| *tried == Err(Code::RecordNotFound)));
    assert_eq!(attachments_verified(&house), 1);
}

#[test]
fn a_file_whose_commit_never_came_is_swept_after_a_day_and_not_before() {
    let house = database();
    let record = account(&house, "x");
    let kept = attach(&house.admin, "account", record, &text(LARGE, 1)).unwrap();
    let blobs = house.path().join("blobs");
    let linked = fs::read_dir(&blobs).unwrap().next().unwrap().unwrap().path();
    // What a crash between file and commit leaves: a file under a name that no row has, and a draft.
    let orphan = blobs.join("ab".repeat(32));
    let draft = blobs.join("00112233aabbccdd.draft");
    let modified = fs::metadata(&linked).unwrap().modified().unwrap();
    for path in [&orphan, &draft] {
        fs::copy(&linked, path).unwrap();
        fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    }
    let sweep = || house.crm.sweep_attachments(&Patience::default()).unwrap();
    house.clock.advance_micros(DAY);
    assert_eq!((sweep().files, files(&house)), (0, 3));
    house.clock.advance_micros(1);
    let swept = sweep();
    let length = fs::metadata(&linked).unwrap().len();
    assert_eq!((swept.files, swept.bytes, files(&house)), (2, 2 * length, 1));
    assert_eq!(content(&house.admin, "account", record, kept), text(LARGE, 1));
    let within = house.admin.begin(guanxi::WriteOptions::default()).unwrap();
    assert_eq!(refusal(house.crm.sweep_attachments(&Patience::default())), Code::Reentrant);
    drop(within);
    assert_eq!(sweep().files, 0);
}

#[test]
fn a_content_that_is_attached_again_replaces_the_file_that_a_crash_left_of_it() {
    let house = database();
    let record = account(&house, "x");
    let blobs = house.path().join("blobs");
    let first = attach(&house.admin, "account", record, &text(LARGE, 1)).unwrap();
    let path = fs::read_dir(&blobs).unwrap().next().unwrap().unwrap().path();
    let left = fs::read(&path).unwrap();
    house.admin.detach("account", record, first).unwrap();
    assert_eq!(files(&house), 0);
    fs::write(&path, &left).unwrap();
    let again = attach(&house.admin, "account", record, &text(LARGE, 1)).unwrap();
    assert_eq!(files(&house), 1);
    assert_ne!(fs::read(&path).unwrap(), left, "the key of the file that was left is gone");
    assert_eq!(content(&house.admin, "account", record, again), text(LARGE, 1));
}

#[test]
fn a_missing_or_damaged_file_is_told_with_its_record_by_reading_and_by_verifying() {
    let house = database();
    let (sound, ill) = (account(&house, "sound"), account(&house, "ill"));
    let _ = attach(&house.admin, "account", sound, &text(LARGE, 1)).unwrap();
    let path = |known: &[std::path::PathBuf]| {
        let all = fs::read_dir(house.path().join("blobs")).unwrap().map(|entry| entry.unwrap().path());
        all.into_iter().find(|path| !known.contains(path)).unwrap()
    };
    let first = path(&[]);
    let id = attach(&house.admin, "account", ill, &text(LARGE, 2)).unwrap();
    let second = path(&[first]);
    let bytes = fs::read(&second).unwrap();
    let verify = || house.crm.verify(&Patience::default()).unwrap_err();
    let mut flipped = bytes.clone();
    flipped[150_000] ^= 1;
    let (cut, none) = (bytes[..bytes.len() - 1].to_vec(), Vec::new());
    for damage in [Some(flipped), Some(cut), Some(none), None] {
        match damage {
            Some(bytes) => fs::write(&second, bytes).unwrap(),
            None => fs::remove_file(&second).unwrap(),
        }
        let error = verify();
        assert_eq!((error.code(), error.rule_name()), (Code::Damaged, Some("attachment")));
        assert_eq!(error.record_name(), Some(ill.to_string().as_str()));
        assert_eq!(error.entity_name(), Some("crm.account"));
        let given = json!({"entity": "account", "record": ill.to_string(), "attachment": id.to_string()});
        assert_eq!(refusal(call(&house.admin, "attachment.get", &given)), Code::Damaged);
    }
    fs::write(&second, bytes).unwrap();
    assert_eq!(attachments_verified(&house), 2);
}

#[test]
fn what_is_too_large_misnamed_or_cannot_be_read_is_refused_and_leaves_nothing() {
    let house = database();
    let record = account(&house, "x");
    house.admin.change_settings(Settings { max_attachment_bytes: 100_000, ..Settings::default() }).unwrap();
    let before = house.crm.head().unwrap();
    for length in [100_001, 300_000] {
        assert_eq!(refusal(attach(&house.admin, "account", record, &text(length, 0))), Code::LimitExceeded);
    }
    for name in ["", "a/b", "a\\b", "a\nb", &"x".repeat(256)] {
        let error = house.admin.attach("account", record, name, "text/plain", &mut &b"x"[..]).unwrap_err();
        assert_eq!((error.code(), error.field_name()), (Code::InvalidArgument, Some("name")), "{name}");
    }
    let long = "x".repeat(256);
    let error = house.admin.attach("account", record, "x", &long, &mut &b"x"[..]).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::InvalidArgument, Some("media_type")));
    assert_eq!((files(&house), house.crm.head().unwrap()), (0, before));
    attach(&house.admin, "account", record, &text(100_000, 0)).unwrap();
    house.admin.change_settings(Settings { max_attachment_bytes: 10, ..Settings::default() }).unwrap();
    assert_eq!(refusal(attach(&house.admin, "account", record, &text(11, 0))), Code::LimitExceeded);
    attach(&house.admin, "account", record, &text(10, 0)).unwrap();
}

#[test]
fn the_methods_carry_a_content_both_ways_and_in_pieces() {
    let house = database();
    let record = account(&house, "x").to_string();
    // "foobar" of RFC 4648 §10.
    let given = json!({"entity": "account", "record": record, "name": "f.txt", "content": "Zm9vYmFy"});
    let made = call(&house.admin, "attachment.add", &given).unwrap();
    assert_eq!((&made["size"], &made["media_type"]), (&json!(6), &json!("application/octet-stream")));
    let listed =
        call(&house.admin, "attachment.list", &json!({"entity": "account", "record": record})).unwrap();
    assert_eq!(listed["attachments"], json!([made]));
    let piece = |more: serde_json::Value| {
        let mut given = json!({"entity": "account", "record": record, "attachment": made["id"]});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = call(&house.admin, "attachment.get", &given).unwrap();
        (
            answer["offset"].as_u64().unwrap(),
            answer["content"].as_str().unwrap().to_owned(),
            answer["more"] == true,
        )
    };
    assert_eq!(piece(json!({})), (0, "Zm9vYmFy".to_owned(), false));
    assert_eq!(piece(json!({"length": 3})), (0, "Zm9v".to_owned(), true));
    assert_eq!(piece(json!({"offset": 3, "length": 99})), (3, "YmFy".to_owned(), false));
    assert_eq!(piece(json!({"offset": u64::MAX, "length": u64::MAX})), (6, String::new(), false));
    let mut bad = given.clone();
    bad["content"] = json!("Zm9v!");
    let error = call(&house.admin, "attachment.add", &bad).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::InvalidArgument, Some("content")));
    bad["content"] = json!("AAAA".repeat((8 << 20) / 3 + 1));
    assert_eq!(refusal(call(&house.admin, "attachment.add", &bad)), Code::LimitExceeded);
    let remove = json!({"entity": "account", "record": record, "attachment": made["id"]});
    call(&house.admin, "attachment.remove", &remove).unwrap();
    assert_eq!(refusal(call(&house.admin, "attachment.remove", &remove)), Code::RecordNotFound);
}
