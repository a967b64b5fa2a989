//! Rules of retention: what was kept long enough goes, what must stay stays, and everybody is told why.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use guanxi::engine::{CheckpointSigner, Ed25519Key, PastValue};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{CancelToken, Changes, Code, Date, Error, Patience, RecordId};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

use super::{DAY, call, entries, person};

fn rule(house: &House, more: Json) -> guanxi::Result<Json> {
    let mut values = json!({
        "code": "old", "name": "旧客户", "entity": "crm.account", "clock": "x.ended_on", "period": "P3Y",
        "action": "delete", "basis": "会计档案管理办法", "active": true,
    });
    values.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(&house.admin, "record.create", json!({"entity": "sys.retention_rule", "values": values}))
}

fn with_clock() -> House {
    let house = database();
    let field = json!({"entity": "account", "name": "ended_on", "field_type": "date", "label_zh": "结束", "label_en": "Ended"});
    call(&house.admin, "schema.define_field", field).unwrap();
    house
}

fn account(house: &House, name: &str, ended: Option<&str>) -> RecordId {
    let changes = Changes::new().set("name", name);
    let changes = match ended {
        Some(day) => changes.set("x.ended_on", day.parse::<Date>().unwrap()),
        None => changes,
    };
    house.create(Account::NAME, &changes)
}

fn preview(house: &House, rule: &str) -> Json {
    call(&house.admin, "retention.preview", json!({"rule": rule})).unwrap()
}

fn run(house: &House, given: Json) -> Json {
    call(&house.admin, "retention.run", given).unwrap()["runs"].clone()
}

fn is_there(house: &House, entity: &str, id: RecordId) -> bool {
    house.admin.get(entity, id).is_ok()
}

#[test]
fn a_rule_tells_what_would_go_and_takes_that_and_nothing_else() {
    let house = with_clock();
    rule(&house, json!({})).unwrap();
    // Today is 2026-11-22 for the organisation: a record of that day three years ago has been kept long enough.
    let due = account(&house, "due", Some("2023-11-22"));
    let [held, locked] = ["held", "locked"].map(|name| account(&house, name, Some("2020-01-01")));
    let young = account(&house, "young", Some("2023-11-23"));
    let endless = account(&house, "endless", None);
    call(&house.admin, "hold.place", json!({"entity": "account", "id": held.to_string(), "reason": "诉讼"}))
        .unwrap();
    call(&house.admin, "record.lock", json!({"entity": "account", "id": locked.to_string()})).unwrap();
    let told = preview(&house, "old");
    assert_eq!((&told["until"], &told["due"]), (&json!("2023-11-22"), &json!(3)));
    let kept: Vec<(&str, &Json)> = told["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["id"].as_str().unwrap(), &row["kept"]))
        .collect();
    let expected = [(due, json!(null)), (held, json!("hold")), (locked, json!("locked"))];
    let ids = expected.each_ref().map(|(id, _)| id.to_string());
    assert_eq!(
        kept,
        [(ids[0].as_str(), &expected[0].1), (&ids[1], &expected[1].1), (&ids[2], &expected[2].1)]
    );
    assert!(is_there(&house, Account::NAME, due), "a preview takes nothing");
    let runs = run(&house, json!({}));
    assert_eq!(
        (&runs[0]["rule"], &runs[0]["removed"], &runs[0]["kept"]),
        (&json!("old"), &json!(1), &json!(2))
    );
    assert!(runs[0]["cursor"].is_null() && runs[0]["stopped"].is_null());
    for (id, stays) in [(due, false), (held, true), (locked, true), (young, true), (endless, true)] {
        assert_eq!(is_there(&house, Account::NAME, id), stays);
    }
    let deleted = entries(&house, due).into_iter().find(|(kind, _, _)| kind == "delete").unwrap();
    assert_eq!(deleted.1, "retention.old", "the ledger says by which rule");
    house.admin.write(|transaction| transaction.undelete_record(Account::NAME, due)).unwrap();
    house.clock.advance_micros(DAY);
    assert_eq!(run(&house, json!({"rule": "old"}))[0]["removed"], 2, "that one, and what is a day older now");
    let _ = house.verified();
}

#[test]
fn no_rule_undercuts_what_another_one_must_keep() {
    let house = with_clock();
    let short = json!({"code": "short", "period": "P1Y"});
    rule(&house, short).unwrap();
    let long = json!({"code": "tax", "period": "P10Y", "min_period": "P10Y", "condition": "city == '上海'"});
    rule(&house, long).unwrap();
    let taxed = house.create(
        Account::NAME,
        &Changes::new()
            .set("name", "taxed")
            .set("city", "上海")
            .set("x.ended_on", "2020-01-01".parse::<Date>().unwrap()),
    );
    let other = account(&house, "other", Some("2020-01-01"));
    let told = preview(&house, "short");
    assert_eq!((&told["rows"][0]["kept"], &told["rows"][0]["rule"]), (&json!("minimum"), &json!("tax")));
    assert_eq!(run(&house, json!({"rule": "short"}))[0]["removed"], 1);
    assert!(is_there(&house, Account::NAME, taxed) && !is_there(&house, Account::NAME, other));
    for (period, minimum, right) in
        [("P1Y", "P5Y", false), ("P364D", "P1Y", false), ("P1Y", "P1Y", true), ("P60M", "P5Y", true)]
    {
        let code = format!("r_{}_{}", period.to_lowercase(), minimum.to_lowercase());
        let made = rule(&house, json!({"code": code, "period": period, "min_period": minimum}));
        assert_eq!(made.is_ok(), right, "{period} {minimum}");
    }
}

#[test]
fn rules_that_cannot_be_done_are_refused() {
    let house = with_clock();
    let code = |more: Json| refusal(rule(&house, more));
    assert_eq!(code(json!({"clock": "name"})), Code::InvalidArgument);
    assert_eq!(code(json!({"clock": "nothing"})), Code::UnknownField);
    assert_eq!(code(json!({"entity": "nothing"})), Code::UnknownEntity);
    assert_eq!(code(json!({"entity": "sys.user", "clock": "created_at"})), Code::InvalidArgument);
    assert_eq!(code(json!({"period": "3 years"})), Code::InvalidArgument);
    assert_eq!(code(json!({"condition": "name =="})), Code::InvalidExpression);
    assert_eq!(code(json!({"action": "erase"})), Code::InvalidArgument, "no person");
    assert_eq!(code(json!({"action": "anonymise"})), Code::InvalidArgument, "nothing personal");
    assert_eq!(code(json!({"code": "Old"})), Code::InvalidArgument);
    assert_eq!(code(json!({"basis": null})), Code::Required);
    rule(&house, json!({"active": false})).unwrap();
    assert_eq!(refusal(call(&house.admin, "retention.run", json!({"rule": "old"}))), Code::InvalidArgument);
    assert_eq!(refusal(call(&house.admin, "retention.run", json!({"rule": "none"}))), Code::ReferenceMissing);
    assert_eq!(run(&house, json!({})), json!([]), "none is on");
    let clerk = house.user_as("clerk", "director");
    for (method, given) in [("retention.preview", json!({"rule": "old"})), ("retention.run", json!({}))] {
        assert_eq!(refusal(call(&clerk, method, given)), Code::NotPermitted);
    }
}

#[test]
fn persons_are_anonymised_or_erased_or_purged() {
    let house = database();
    let people = |name: &str| {
        let changes = Changes::new().set("name", name).set("phone", "13812345678").set("position", "厂长");
        house.create(Contact::NAME, &changes)
    };
    let [veiled, erased, purged] = ["veiled", "erased", "purged"].map(people);
    let of = |code: &str, action: &str, name: &str| {
        let more = json!({
            "code": code, "entity": "crm.contact", "clock": "created_at", "period": "P10D", "action": action,
            "condition": format!("name == '{name}'"),
        });
        rule(&house, more).unwrap();
    };
    of("a_veil", "anonymise", "veiled");
    of("b_erase", "erase", "erased");
    of("c_purge", "purge", "purged");
    assert_eq!(run(&house, json!({}))[1]["removed"], 0, "not yet");
    house.clock.advance_micros(11 * DAY);
    let runs = run(&house, json!({}));
    let removed: Vec<&Json> = runs.as_array().unwrap().iter().map(|run| &run["removed"]).collect();
    assert_eq!(removed, [&json!(1), &json!(1), &json!(1)]);
    let left = house.admin.get(Contact::NAME, veiled).unwrap();
    assert_eq!(left.title(), "—");
    assert!(left.value("phone").unwrap().is_null() && left.value("position").unwrap().is_null());
    assert!(!is_there(&house, Contact::NAME, erased) && !is_there(&house, Contact::NAME, purged));
    let told = entries(&house, erased);
    assert!(told.iter().any(|(kind, cause, _)| kind == "erase" && cause == "retention.b_erase"));
    assert!(told.iter().all(|(_, _, told)| !told), "nothing of the person is told: {told:?}");
    let back = house.admin.write(|transaction| transaction.undelete_record(Contact::NAME, purged));
    assert_eq!(refusal(back), Code::RecordPurged);
    let again = run(&house, json!({}));
    assert!(again.as_array().unwrap().iter().all(|run| run["removed"] == 0), "{again}");
    let _ = house.verified();
    let house = house.reopened();
    assert!(entries(&house, erased).iter().all(|(_, _, told)| !told));
}

#[test]
fn each_person_that_a_rule_erases_has_a_receipt_that_names_the_rule_and_holds() {
    let signer = Arc::new(Ed25519Key::from_secret(&[9; 32]));
    let house = House::with(|options| options.checkpoint_signer(signer.clone()));
    let ids: Vec<RecordId> = (0..203).map(|number| person(&house, &format!("林{number}"))).collect();
    let corrected = json!({"entity": "contact", "id": ids[0].to_string(), "values": {"position": "厂长"}, "reason": "他说的"});
    call(&house.admin, "correction.propose", corrected).unwrap();
    house.admin.attach("contact", ids[1], "a.txt", "text/plain", &mut &b"content"[..]).unwrap();
    call(
        &house.admin,
        "hold.place",
        json!({"entity": "contact", "id": ids[2].to_string(), "reason": "诉讼"}),
    )
    .unwrap();
    let basis = "个人信息保护法第四十七条".repeat(40);
    let more = json!({
        "code": "gone", "entity": "crm.contact", "clock": "created_at", "period": "P10D", "action": "erase",
        "basis": basis,
    });
    rule(&house, more).unwrap();
    house.clock.advance_micros(11 * DAY);
    let before = house.crm.head().unwrap().position;
    assert_eq!(run(&house, json!({"rule": "gone"}))[0]["removed"], 202);
    let (mut told, mut after) = (BTreeSet::new(), None);
    loop {
        let (receipts, next) = house.admin.erasure_receipts(None, after, 50).unwrap();
        for receipt in receipts {
            let said = &receipt.statement;
            assert_eq!((said.entity.as_str(), said.rule.as_deref()), (Contact::NAME, Some("gone")));
            assert!(basis.starts_with(said.basis.as_deref().unwrap()) && said.basis.as_deref() != Some(""));
            assert_eq!(said.by, house.admin.user().to_string());
            assert!(said.position > before);
            let of_first = said.subject == ids[0].to_string();
            assert_eq!(said.keys_destroyed, if of_first { 2 } else { 1 }, "with that of the correction");
            assert_eq!(said.attachments, u64::from(said.subject == ids[1].to_string()));
            let check = house.admin.verify_erasure_receipt(&receipt, &[]).unwrap();
            assert!(check.holds() && check.signature == Some(true), "{check:?}");
            assert!(receipt.readable(guanxi::Locale::English).contains("Rule of retention: gone"));
            assert!(!receipt.text.contains("林"));
            assert!(told.insert(said.subject.clone()), "one receipt for each person");
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    let erased = ids.iter().filter(|id| **id != ids[2]).map(ToString::to_string);
    assert_eq!(told, erased.collect::<BTreeSet<_>>());
    assert_eq!(run(&house, json!({"rule": "gone"}))[0]["removed"], 0);
    assert_eq!(house.admin.erasure_receipts(Some(ids[0]), None, 10).unwrap().0.len(), 1);
    let _ = house.verified();
}

#[test]
fn a_run_stops_at_its_bound_or_when_it_is_cancelled_and_is_gone_on_with() {
    let house = with_clock();
    rule(&house, json!({})).unwrap();
    let ids: Vec<RecordId> =
        (0..450).map(|number| account(&house, &format!("{number}"), Some("2020-01-01"))).collect();
    call(&house.admin, "hold.place", json!({"entity": "account", "id": ids[0].to_string(), "reason": "x"}))
        .unwrap();
    let first = run(&house, json!({"rule": "old", "limit": 50}));
    assert_eq!((&first[0]["removed"], &first[0]["kept"]), (&json!(49), &json!(1)));
    let cursor = first[0]["cursor"].clone();
    assert!(cursor.is_string());
    let next = run(&house, json!({"rule": "old", "limit": 50, "cursor": cursor}));
    assert_eq!(
        (&next[0]["removed"], &next[0]["kept"]),
        (&json!(50), &json!(0)),
        "what stays is not looked at again"
    );
    let token = CancelToken::default();
    let inner = token.clone();
    let impatient = house.admin.with_patience(Patience::with_token(token).telling(move |told| {
        if told.phase == "retention" && told.done >= 200 {
            inner.cancel();
        }
    }));
    let stopped = impatient.run_retention("old", None, 0).unwrap();
    assert_eq!(stopped.stopped.as_ref().map(guanxi::Error::code), Some(Code::Cancelled));
    assert_eq!(stopped.removed, 199);
    let rest = house.admin.run_retention("old", stopped.next, 0).unwrap();
    assert_eq!((rest.removed, rest.kept), (152 - 1, 0));
    let _ = person(&house, "x");
    assert_eq!(preview(&house, "old")["due"], 1);
    let _ = house.verified();
}

/// Signs receipts, and at one of them does something that interrupts: cancels whoever waits, or fails.
struct Interrupting {
    key: Ed25519Key,
    signed: AtomicU64,
    cancels: Mutex<Option<CancelToken>>,
    fails_at: AtomicU64,
}

impl CheckpointSigner for Interrupting {
    fn algorithm(&self) -> &str {
        self.key.algorithm()
    }

    fn key(&self) -> Vec<u8> {
        self.key.key()
    }

    fn sign(&self, statement: &[u8]) -> guanxi::Result<Vec<u8>> {
        let number = self.signed.fetch_add(1, Ordering::SeqCst);
        if number == self.fails_at.load(Ordering::SeqCst) {
            return Err(Error::new(Code::Io));
        }
        if let Some(token) = self.cancels.lock().unwrap().as_ref().filter(|_| number == 100) {
            token.cancel();
        }
        self.key.sign(statement)
    }
}

/// Persons who are due to be erased, one of them held, and who signs.
fn leaving(count: usize) -> (House, Vec<RecordId>, Arc<Interrupting>) {
    let (signed, fails_at) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let key = Ed25519Key::from_secret(&[9; 32]);
    let signer = Arc::new(Interrupting { key, signed, cancels: Mutex::default(), fails_at });
    let house = House::with(|options| options.checkpoint_signer(signer.clone()));
    let ids: Vec<RecordId> = (0..count).map(|number| person(&house, &format!("林{number}"))).collect();
    let hold = json!({"entity": "contact", "id": ids[count - 1].to_string(), "reason": "诉讼"});
    call(&house.admin, "hold.place", hold).unwrap();
    let more = json!({
        "code": "gone", "entity": "crm.contact", "clock": "created_at", "period": "P10D", "action": "erase",
    });
    rule(&house, more).unwrap();
    house.clock.advance_micros(11 * DAY);
    (house, ids, signer)
}

/// Whoever is gone was erased once, has one receipt, which holds, and nothing of them can be read; the others stand
/// whole. Gives how many are gone.
fn gone_at_once(house: &House, ids: &[RecordId]) -> usize {
    let mut gone = 0;
    for id in ids {
        let erasures = entries(house, *id)
            .iter()
            .filter(|(kind, cause, _)| (kind.as_str(), cause.as_str()) == ("erase", "retention.gone"))
            .count();
        let receipts = house.admin.erasure_receipts(Some(*id), None, 10).unwrap().0;
        if is_there(house, Contact::NAME, *id) {
            assert_eq!((erasures, receipts.len()), (0, 0));
            let told = house.admin.history(Contact::NAME, *id, None, 0).unwrap();
            assert!(told.versions[0].changes.iter().all(|change| change.new != PastValue::Erased));
            continue;
        }
        gone += 1;
        assert_eq!((erasures, receipts.len()), (1, 1), "once, and with one receipt");
        let receipt = &receipts[0];
        assert_eq!((receipt.statement.rule.as_deref(), receipt.statement.keys_destroyed), (Some("gone"), 1));
        let check = house.admin.verify_erasure_receipt(receipt, &[]).unwrap();
        assert!(check.holds() && check.signature == Some(true), "{check:?}");
        let told = house.admin.history(Contact::NAME, *id, None, 0).unwrap();
        let values = || told.versions.iter().flat_map(|version| &version.changes);
        assert!(values().all(|change| change.old == PastValue::Erased && change.new == PastValue::Erased));
    }
    let _ = house.verified();
    gone
}

#[test]
fn who_cancels_a_run_that_erases_leaves_nobody_half_erased_and_its_counts_are_right() {
    let (house, ids, signer) = leaving(450);
    let token = CancelToken::default();
    *signer.cancels.lock().unwrap() = Some(token.clone());
    // It is cancelled while receipts of the first 200 are being signed, whose rows are empty already.
    let stopped =
        house.admin.with_patience(Patience::with_token(token)).run_retention("gone", None, 0).unwrap();
    assert_eq!(stopped.stopped.as_ref().map(Error::code), Some(Code::Cancelled));
    assert_eq!((stopped.removed, stopped.kept), (200, 0));
    assert_eq!(gone_at_once(&house, &ids), 200);
    let rest = house.admin.run_retention("gone", stopped.next, 0).unwrap();
    assert_eq!((rest.removed, rest.kept, rest.stopped.is_none()), (249, 1, true));
    assert_eq!(gone_at_once(&house, &ids), 449);
    assert_eq!(signer.signed.load(Ordering::SeqCst), 449, "nothing is signed twice");
    let again = house.admin.run_due_retention(0).unwrap();
    assert_eq!((again[0].removed, again[0].kept), (0, 1));
}

#[test]
fn a_run_whose_receipts_fail_is_finished_by_the_next_one_even_after_a_reopen_and_without_its_rule() {
    for without_rule in [false, true] {
        let (house, ids, signer) = leaving(230);
        // Some keys are destroyed and no receipt is written yet when the signer fails, in the first chunk.
        signer.fails_at.store(70, Ordering::SeqCst);
        assert_eq!(refusal(house.admin.run_retention("gone", None, 0)), Code::Io);
        assert!(house.admin.erasure_receipts(None, None, 10).unwrap().0.is_empty());
        let there = ids.iter().filter(|id| is_there(&house, Contact::NAME, **id)).count();
        assert_eq!(there, 30);
        let _ = house.verified();
        let house = house.reopened_with(|options| options.checkpoint_signer(signer));
        if without_rule {
            let rules = house.admin.list("sys.retention_rule", &guanxi::Find::default()).unwrap().rows;
            house.change("sys.retention_rule", rules[0].record.id, &Changes::new().set("active", false));
        }
        let removed: u64 = house.admin.run_due_retention(0).unwrap().iter().map(|run| run.removed).sum();
        let expected = if without_rule { 0 } else { 29 };
        assert_eq!(removed, expected);
        assert_eq!(gone_at_once(&house, &ids), 200 + usize::try_from(expected).unwrap());
    }
}
