//! Receipts of erasures: what they say, who signs them, and what makes one of them false.

use std::sync::Arc;

use guanxi::engine::{Action, BackupScope, Ed25519Key, ErasureReason, Level, Remaining};
use guanxi::{Changes, Code, RestoreOptions};
use guanxi_tests::{House, database, options, refusal};
use serde_json::{Value as Json, json};

use super::contact;
use crate::backup::restored;

fn call(house: &House, method: &str, given: Json) -> guanxi::Result<Json> {
    guanxi::api::call(&house.admin, method, &given)
}

/// A house whose ledger and receipts are signed.
fn signed() -> (House, [u8; 32]) {
    let key = Ed25519Key::from_secret(&[9; 32]);
    let public = key.public();
    let signer = Arc::new(key);
    (House::with(|options| options.checkpoint_signer(signer.clone())), public)
}

#[test]
fn a_receipt_says_what_was_destroyed_and_what_may_be_left_and_names_nobody() {
    let house = database();
    let id = contact(&house, "林先生");
    house.admin.attach("contact", id, "a.txt", "text/plain", &mut &b"content"[..]).unwrap();
    let field = json!({
        "entity": "account", "name": "friend", "field_type": "reference", "target": "contact",
        "label_zh": "朋友", "label_en": "Friend", "on_delete": "set_null",
    });
    call(&house, "schema.define_field", field).unwrap();
    let company = house.create("account", &Changes::new().set("name", "加喜").set("x.friend", id));
    let before = house.crm.head().unwrap().position;
    let reason = ErasureReason { basis: Some("GDPR 17(1)(b)".to_owned()), ..ErasureReason::default() };
    let receipt = house.admin.erase_for("contact", id, &reason).unwrap();
    let statement = &receipt.statement;
    assert_eq!((statement.subject.as_str(), statement.entity.as_str()), (&*id.to_string(), "crm.contact"));
    assert_eq!((statement.keys_destroyed, statement.attachments), (1, 1));
    assert_eq!(statement.by, house.admin.user().to_string());
    assert_eq!(statement.basis.as_deref(), Some("GDPR 17(1)(b)"));
    assert_eq!(statement.remaining, Remaining::ALL);
    let affected: Vec<(&str, u64, u64, u64)> =
        statement.affected.iter().map(|of| (of.entity.as_str(), of.erased, of.deleted, of.changed)).collect();
    assert_eq!(affected, [("crm.account", 0, 0, 1), ("crm.contact", 1, 0, 0)]);
    assert!(statement.position > before && statement.position <= house.crm.head().unwrap().position);
    assert!(house.admin.get("account", company).unwrap().value("x.friend").unwrap().is_null());
    for text in [receipt.text.clone(), receipt.readable(guanxi::Locale::English)] {
        assert!(text.contains(&id.to_string()) && !text.contains("林") && !text.contains("13812345678"));
    }
    assert!(receipt.readable(guanxi::Locale::SimplifiedChinese).contains("删除凭证"));
    let listed = call(&house, "privacy.receipts", json!({"subject": id.to_string()})).unwrap();
    assert_eq!(listed["receipts"][0]["text"], json!(receipt.text));
    assert_eq!(listed["receipts"].as_array().unwrap().len(), 1);
    let other = contact(&house, "another");
    let listed = call(&house, "privacy.receipts", json!({"subject": other.to_string()})).unwrap();
    assert_eq!(listed["receipts"], json!([]));
}

#[test]
fn a_receipt_holds_as_long_as_the_person_is_forgotten_and_no_byte_of_it_is_another() {
    let (house, public) = signed();
    let (id, other) = (contact(&house, "林先生"), contact(&house, "王女士"));
    let answer = call(&house, "privacy.erase", json!({"entity": "contact", "id": id.to_string()})).unwrap();
    let digits: String = public.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&answer["algorithm"], &answer["key"]), (&json!("ed25519"), &json!(digits)));
    let verify = |receipt: &Json, keys: Json| {
        call(&house, "privacy.verify_receipt", json!({"receipt": receipt, "keys": keys}))
    };
    for keys in [json!([]), json!([digits])] {
        let check = verify(&answer, keys).unwrap();
        assert_eq!(
            check,
            json!({
                "holds": true, "signature": true, "in_ledger": true, "stored": true,
                "key_destroyed": true, "record_empty": true,
            })
        );
    }
    let wrong_key = verify(&answer, json!(["00".repeat(32)])).unwrap();
    assert_eq!((&wrong_key["holds"], &wrong_key["signature"]), (&json!(false), &json!(false)));
    // A receipt that speaks of somebody else: its signature is none, and that person is there.
    let mut forged = answer.clone();
    forged["text"] = json!(answer["text"].as_str().unwrap().replace(&id.to_string(), &other.to_string()));
    let check = verify(&forged, json!([])).unwrap();
    for (name, holds) in [
        ("holds", false),
        ("signature", false),
        ("in_ledger", true),
        ("stored", false),
        ("key_destroyed", false),
        ("record_empty", false),
    ] {
        assert_eq!(check[name], json!(holds), "{name}");
    }
    let mut moved = answer.clone();
    let hash = answer["statement"]["hash"].as_str().unwrap();
    moved["text"] = json!(answer["text"].as_str().unwrap().replace(hash, &"00".repeat(32)));
    assert_eq!(verify(&moved, json!([])).unwrap()["in_ledger"], json!(false));
    for text in ["", "{}", "[]", "null", "{\"version\":2}"] {
        let mut broken = answer.clone();
        broken["text"] = json!(text);
        assert_eq!(verify(&broken, json!([])).unwrap_err().code(), Code::InvalidArgument, "{text}");
    }
}

#[test]
fn a_second_erasure_gives_a_receipt_that_destroyed_nothing() {
    let house = database();
    let id = contact(&house, "林先生");
    assert_eq!(house.admin.erase("contact", id).unwrap().statement.keys_destroyed, 1);
    let again = house.admin.erase("contact", id).unwrap();
    assert_eq!((again.statement.keys_destroyed, again.signature.is_none()), (0, true));
    let check = house.admin.verify_erasure_receipt(&again, &[]).unwrap();
    assert!(check.holds() && check.signature.is_none());
    assert_eq!(house.admin.erasure_receipts(Some(id), None, 10).unwrap().0.len(), 2);
    let _ = house.verified();
}

#[test]
fn receipts_are_made_by_erasures_alone_and_read_by_those_who_may() {
    let house = database();
    let id = contact(&house, "林先生");
    let receipt = house.admin.erase("contact", id).unwrap();
    let set = Changes::new().set("statement", "{}");
    let changed = house
        .admin
        .write(|transaction| transaction.update_record("sys.erasure_receipt", receipt.id, set.clone()));
    assert_eq!(refusal(changed), Code::ReadOnlyField);
    let made = Changes::new().set("subject", id.to_string().as_str()).set("statement", "{}");
    let made =
        house.admin.write(|transaction| transaction.create_record("sys.erasure_receipt", made.clone()));
    assert_eq!(refusal(made), Code::ReadOnlyField);
    let role = house.role(
        "erases",
        &[
            ("crm.contact", Action::Read, Level::All),
            ("crm.contact", Action::Delete, Level::All),
            ("crm.contact", Action::Administer, Level::All),
        ],
    );
    let officer = house.user("officer", &[role]);
    let other = contact(&house, "王女士");
    assert_eq!(officer.erase("contact", other).unwrap().statement.keys_destroyed, 1);
    assert_eq!(refusal(officer.erasure_receipts(None, None, 10)), Code::NotPermitted);
    assert_eq!(refusal(officer.verify_erasure_receipt(&receipt, &[])), Code::NotPermitted);
    let long = ErasureReason { basis: Some("x".repeat(501)), ..ErasureReason::default() };
    assert_eq!(refusal(house.admin.erase_for("contact", id, &long)), Code::LimitExceeded);
}

#[test]
fn a_receipt_of_the_future_is_not_in_the_ledger_of_an_older_backup_and_the_person_stays_erased() {
    let house = database();
    let id = contact(&house, "林先生");
    let (mut backup, mut keys) = (Vec::new(), Vec::new());
    house.admin.backup(&mut backup, BackupScope::Everything).unwrap();
    let receipt = house.admin.erase("contact", id).unwrap();
    house.admin.backup_keys(&mut keys).unwrap();
    let path = house.folder().join("restored.guanxi");
    let choice = RestoreOptions::default();
    restored(&[&backup], Some(&keys), &path, &choice).unwrap();
    let crm = options().open(&path).unwrap();
    let session = crm.session_for("admin").unwrap();
    let check = session.verify_erasure_receipt(&receipt, &[]).unwrap();
    assert!(check.key_destroyed && check.record_empty, "{check:?}");
    assert!(!check.in_ledger && !check.stored && !check.holds(), "{check:?}");
}
