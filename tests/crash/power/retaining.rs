//! A run of retention that erases persons and loses power: nobody is half erased, and the next run ends it.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use guanxi::api::call;
use guanxi::base::{Date, Label};
use guanxi::engine::{ErasureReceipt, PastValue};
use guanxi::model::{Contact, contact};
use guanxi::schema::{EntityType, FieldType};
use guanxi::{Changes, Code, Patience, RecordId, Session};
use guanxi_tests::KEY;
use serde_json::json;

use super::cuts::Left;
use super::disk::{Tree, read};
use super::house::{Checked, HOUSE, LARGE, ensure, opened, placed, said};
use super::operations::whole;

/// Those who have left long ago, and the last of them is held.
const LEAVING: usize = 6;
/// The rule, which the worker runs two persons at a time.
const RULE: &str = "gone";
const AT_ONCE: usize = 2;

/// The house with those who have left, each with two versions and an attachment in a file.
pub fn leaving() -> Tree {
    furnished().0.clone()
}

fn furnished() -> &'static (Tree, Vec<RecordId>) {
    static MADE: OnceLock<(Tree, Vec<RecordId>)> = OnceLock::new();
    MADE.get_or_init(|| {
        let home = placed(&whole());
        let session = opened(&home.path().join(HOUSE), &KEY).unwrap();
        let label = Label::new("离职", "Left on");
        session.define_field(Contact::NAME, "left_on", label, FieldType::Date, |_| {}).unwrap();
        let ids: Vec<RecordId> = (0..LEAVING).map(|number| leaver(&session, number)).collect();
        let held = json!({"entity": Contact::NAME, "id": ids[LEAVING - 1].to_string(), "reason": "诉讼"});
        call(&session, "hold.place", &held).unwrap();
        let values = json!({
            "code": RULE, "name": "离职人员", "entity": Contact::NAME, "clock": "x.left_on", "period": "P1Y",
            "action": "erase", "basis": "个人信息保护法第四十七条", "active": true,
        });
        let rule = json!({"entity": "sys.retention_rule", "values": values});
        call(&session, "record.create", &rule).unwrap();
        drop(session);
        (read(home.path()), ids)
    })
}

fn leaver(session: &Session, number: usize) -> RecordId {
    let name = format!("leaving {number}");
    let made = session.write(|transaction| transaction.create(contact::named(&name)));
    let id = made.unwrap().id();
    let left = Changes::new().set("x.left_on", "2020-01-01".parse::<Date>().unwrap()).set("position", "经理");
    session.write(|transaction| transaction.update_record(Contact::NAME, id, left.clone())).unwrap();
    let mut bytes = std::io::Read::take(std::io::repeat(7), LARGE as u64);
    session.attach(Contact::NAME, id, "file", "text/plain", &mut bytes).unwrap();
    id
}

/// Whoever stands is whole, whoever was told to be gone is, and nobody was erased twice.
pub fn retained(left: &Left<'_>) -> Checked<&'static str> {
    let path = left.root.join(HOUSE);
    let session = opened(&path, &KEY)?;
    let standing = standing(&session)?;
    let gone = LEAVING - standing.len();
    let told: usize = left
        .acknowledged
        .iter()
        .filter_map(|line| line.strip_prefix("removed ").and_then(|count| count.parse::<usize>().ok()))
        .sum();
    let range = told..=told + AT_ONCE;
    ensure(range.contains(&gone), &format!("{told} were told to be gone, and {gone} are"))?;
    let receipts = receipts(&session)?;
    ensure((told..=gone).contains(&receipts.len()), &format!("{} receipts of {gone}", receipts.len()))?;
    check_ended(&session)?;
    drop(session);
    check_ended(&opened(&path, &KEY)?)?;
    Ok(match gone {
        0 => "nobody gone",
        gone if gone == LEAVING - 1 => "all gone",
        _ => "some gone",
    })
}

/// Runs the rule to its end: all are gone but who is held, each once, with a receipt that holds.
fn check_ended(session: &Session) -> Checked {
    session.run_due_retention(0).map_err(said("cannot be gone on with"))?;
    session.crm().verify(&Patience::default()).map_err(said("does not verify"))?;
    let held = furnished().1[LEAVING - 1];
    let standing = standing(session)?;
    ensure(standing == BTreeSet::from([held]), &format!("{standing:?} stand"))?;
    let receipts = receipts(session)?;
    ensure(receipts.len() == LEAVING - 1, &format!("{} receipts", receipts.len()))?;
    for receipt in receipts {
        let said_of = &receipt.statement;
        ensure(said_of.keys_destroyed == 1, "a receipt of another number of keys")?;
        ensure(said_of.attachments == 1, "a receipt of another number of attachments")?;
        let check = session.verify_erasure_receipt(&receipt, &[]).map_err(said("receipt"))?;
        ensure(check.holds(), &format!("{check:?}"))?;
    }
    for id in &furnished().1[..LEAVING - 1] {
        let asked = json!({"record": id.to_string(), "kinds": ["erase"]});
        let told = call(session, "ledger.query", &asked).map_err(said("ledger"))?;
        let erasures = told["entries"].as_array().map_or(0, Vec::len);
        ensure(erasures == 1, &format!("{erasures} erasures of one person"))?;
        let history = session.history(Contact::NAME, *id, None, 0).map_err(said("history"))?;
        let mut values = history.versions.iter().flat_map(|version| &version.changes);
        let erased =
            values.all(|change| (&change.old, &change.new) == (&PastValue::Erased, &PastValue::Erased));
        ensure(erased, "history still tells of a person who is gone")?;
    }
    Ok(())
}

/// Who of them stands, of whom nothing is missing.
fn standing(session: &Session) -> Checked<BTreeSet<RecordId>> {
    let mut standing = BTreeSet::new();
    for (number, id) in furnished().1.iter().enumerate() {
        let row = match session.get(Contact::NAME, *id) {
            Err(error) if error.code() == Code::RecordNotFound => continue,
            row => row.map_err(said("does not read"))?,
        };
        ensure(row.title() == format!("leaving {number}"), "another name")?;
        let files = session.attachments(Contact::NAME, *id).map_err(said("attachments"))?;
        ensure(files.len() == 1, "an attachment of one who stands is gone")?;
        let history = session.history(Contact::NAME, *id, None, 0).map_err(said("history"))?;
        let mut changes = history.versions.iter().flat_map(|version| &version.changes);
        ensure(history.versions.len() == 2, "history of another length")?;
        ensure(changes.all(|change| change.new != PastValue::Erased), "a key of one who stands is gone")?;
        standing.insert(*id);
    }
    Ok(standing)
}

/// The receipts of them, one of each person at the most.
fn receipts(session: &Session) -> Checked<Vec<ErasureReceipt>> {
    let (receipts, _) = session.erasure_receipts(None, None, 100).map_err(said("receipts"))?;
    let subjects: BTreeSet<&String> = receipts.iter().map(|receipt| &receipt.statement.subject).collect();
    ensure(subjects.len() == receipts.len(), "two receipts of one person")?;
    Ok(receipts)
}
