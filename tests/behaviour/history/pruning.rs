//! Values of versions that are older than what the settings keep, taken out of the ledger.

use guanxi::api::call;
use guanxi::engine::{At, BackupScope, EntryKind};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{CancelToken, Changes, Code, Condition, Patience, Settings};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::{Value as Json, json};

use super::{DAY, account, known};
use crate::backup::{full, keys, opened};

fn keep(house: &House, days: u32) {
    let history_days = [("account".to_owned(), days)].into();
    house.admin.change_settings(Settings { history_days, ..Settings::default() }).unwrap();
}

fn prune(house: &House, dry_run: bool) -> Json {
    call(&house.admin, "history.prune", &json!({"dry_run": dry_run})).unwrap()["entities"].clone()
}

#[test]
fn versions_beyond_what_is_kept_lose_their_values_and_the_ledger_verifies_as_before() {
    let house = database();
    let (id, positions) = account(&house, &["上海", "北京", "广州", "深圳"]);
    let contact = house.create(Contact::NAME, &Changes::new().set("name", "林"));
    assert_eq!(prune(&house, false), json!([]), "without a policy everything is kept");
    keep(&house, 2);
    let (_, before) = full(&house.admin);
    let report = house.crm.verify(&Patience::default()).unwrap();
    let would = prune(&house, true);
    assert_eq!(would[0]["versions"], json!(2), "{would}");
    let values = |position: u64| {
        let given = json!({"after": position - 1, "limit": 1});
        call(&house.admin, "ledger.list", &given).unwrap()["entries"][0].clone()
    };
    let hash = values(positions[0])["hash"].clone();
    assert_ne!(values(positions[0])["changes"], Json::Null, "a dry run takes nothing");
    assert_eq!(prune(&house, false), would);
    // The header stands, with the fields and their commitments; the values are gone, and no person's were.
    let entry = values(positions[0]);
    assert_eq!((&entry["changes"], &entry["hash"], &entry["kind"]), (&Json::Null, &hash, &json!("create")));
    let given = json!({"record": id.to_string(), "last": positions[0]});
    let told = call(&house.admin, "ledger.query", &given).unwrap();
    assert_eq!(told["entries"][0]["changes"][0]["new"], json!({"pruned": true}));
    let after = house.crm.verify(&Patience::default()).unwrap();
    assert_eq!((after.forgotten, after.records), (report.forgotten, report.records));
    // What is kept is told as ever, the state at the bound too.
    let at = |house: &House, position: usize| {
        house.admin.get_as_of(Account::NAME, id, At::Position(positions[position]))
    };
    assert_eq!(at(&house, 2).unwrap().value("city").unwrap(), known("北京"));
    // A policy that is loosened later does not bring half a history back.
    keep(&house, 3_000);
    assert_eq!(at(&house, 1).unwrap().value("city").unwrap(), known("上海"));
    assert_eq!(refusal(at(&house, 0)), Code::HistoryExpired);
    let page = house.admin.history(Account::NAME, id, None, 0).unwrap();
    assert_eq!(page.versions.len(), 3);
    assert_eq!(refusal(house.admin.history(Account::NAME, id, page.next, 0)), Code::HistoryExpired);
    let long_ago = At::Time(moment("2026-11-22T08:00:00Z"));
    let list = house.admin.list_as_of(Account::NAME, &Condition::Everything, long_ago, None, 0);
    assert_eq!(refusal(list), Code::HistoryExpired);
    assert_eq!(house.admin.history(Contact::NAME, contact, None, 0).unwrap().versions.len(), 1);
    // It is entered, and it is over: the next call finds nothing.
    assert_eq!(prune(&house, false)[0]["versions"], json!(0));
    let given = json!({"cause": "history.prune"});
    let noted = call(&house.admin, "ledger.query", &given).unwrap();
    assert_eq!(noted["entries"].as_array().unwrap().len(), 1);
    assert_eq!(noted["entries"][0]["kind"], json!(EntryKind::Settings.name()));
    // An increment would be made of what is gone only where the backup before is older.
    let mut increment = Vec::new();
    house.admin.backup(&mut increment, BackupScope::Since(&before)).unwrap();
    let house = house.reopened();
    assert_eq!(refusal(at(&house, 0)), Code::HistoryExpired);
    house.crm.checkpoint().unwrap();
    let _ = house.verified();
}

#[test]
fn an_increment_is_not_made_of_entries_that_were_pruned() {
    let house = database();
    let (_, before) = full(&house.admin);
    let (_, positions) = account(&house, &["上海", "北京"]);
    let _ = positions;
    house.clock.advance_micros(3 * DAY);
    keep(&house, 1);
    assert_eq!(prune(&house, false)[0]["versions"], json!(3));
    let refused = house.admin.backup(&mut Vec::new(), BackupScope::Since(&before));
    assert_eq!(refusal(refused), Code::BackupChain);
    let (bytes, _) = full(&house.admin);
    let keys = keys(&house.admin);
    let (_, crm, _) = opened(&house, &[&bytes], Some(&keys));
    crm.verify(&Patience::default()).unwrap();
}

#[test]
fn a_pruning_that_was_interrupted_is_gone_on_with_and_others_write_meanwhile() {
    let house = House::with(|options| options.build_at_once(25));
    let (id, _) = account(&house, &[]);
    for step in 0..60 {
        house.change(Account::NAME, id, &Changes::new().set("city", format!("city {step}")));
    }
    house.clock.advance_micros(3 * DAY);
    keep(&house, 1);
    let token = CancelToken::default();
    let inner = token.clone();
    let impatient = Patience::with_token(token).telling(move |told| {
        assert!(told.phase != "history" || told.total >= told.done);
        if told.phase == "history" && told.total - told.done < 30 {
            inner.cancel();
        }
    });
    assert_eq!(refusal(house.admin.with_patience(impatient).prune_history(false)), Code::Cancelled);
    let _ = house.verified();
    house.change(Account::NAME, id, &Changes::new().set("city", "now"));
    let house = house.reopened();
    let left = prune(&house, true)[0]["versions"].as_u64().unwrap();
    assert!((1..30).contains(&left), "{left}");
    assert_eq!(prune(&house, false)[0]["versions"], json!(left));
    assert_eq!(house.admin.history(Account::NAME, id, None, 0).unwrap().versions.len(), 1);
    let _ = house.verified();
    let seller = house.user_as("seller", "salesperson");
    assert_eq!(refusal(seller.prune_history(true)), Code::NotPermitted);
}
