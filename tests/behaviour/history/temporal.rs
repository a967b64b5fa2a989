//! Temporal indexes: lists of the past are the same with and without one, and with one read no history.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use guanxi::api::call;
use guanxi::base::Label;
use guanxi::engine::At;
use guanxi::model::{Account, Contact};
use guanxi::schema::{EntityType, FieldType};
use guanxi::{CancelToken, Changes, Code, Condition, Patience, RecordId, Session, Settings};
use guanxi_tests::{House, database, refusal};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{DAY, account};
use crate::backup::{full, keys, opened};

#[derive(Debug, Clone)]
enum Step {
    Create(u8),
    Update(usize, u8),
    Long(usize),
    Empty(usize),
    Delete(usize),
    Undelete(usize),
    Erase(usize),
    Define,
    Remove,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<u8>().prop_map(Step::Create),
        6 => (any::<usize>(), any::<u8>()).prop_map(|(which, text)| Step::Update(which, text)),
        1 => any::<usize>().prop_map(Step::Long),
        1 => any::<usize>().prop_map(Step::Empty),
        2 => any::<usize>().prop_map(Step::Delete),
        2 => any::<usize>().prop_map(Step::Undelete),
        1 => any::<usize>().prop_map(Step::Erase),
        1 => Just(Step::Define),
        1 => Just(Step::Remove),
    ]
}

fn act(house: &House, ids: &mut Vec<RecordId>, step: &Step) {
    house.clock.advance_micros(7_000);
    let pick = |which: &usize| if ids.is_empty() { None } else { Some(ids[which % ids.len()]) };
    let change = |which: &usize, changes: Changes| {
        let Some(id) = pick(which) else { return };
        let changed =
            house.admin.write(|transaction| transaction.update_record(Contact::NAME, id, changes.clone()));
        assert!(changed.is_ok() || refusal(changed) == Code::RecordNotFound);
    };
    match step {
        Step::Create(text) => {
            let name = format!("name {}", text % 5);
            ids.push(house.create(Contact::NAME, &Changes::new().set("name", name)));
        }
        Step::Update(which, text) => {
            let field = ["name", "position"][usize::from(text % 2)];
            change(which, Changes::new().set(field, format!("name {}", text % 5)));
        }
        // Too large for one row of an index.
        Step::Long(which) => change(which, Changes::new().set("position", "长".repeat(50_000))),
        Step::Empty(which) => change(which, Changes::new().set("position", guanxi::Value::Null)),
        Step::Delete(which) => {
            let Some(id) = pick(which) else { return };
            let _ = house.admin.write(|transaction| transaction.delete_record(Contact::NAME, id));
        }
        Step::Undelete(which) => {
            let Some(id) = pick(which) else { return };
            let _ = house.admin.write(|transaction| transaction.undelete_record(Contact::NAME, id));
        }
        Step::Erase(which) => {
            let Some(id) = pick(which) else { return };
            let _ = house.admin.erase(Contact::NAME, id);
        }
        Step::Define => house.admin.define_temporal_index(Contact::NAME).unwrap(),
        Step::Remove => {
            let removed = house.admin.remove_temporal_index(Contact::NAME);
            assert!(removed.is_ok() || refusal(removed) == Code::InvalidDefinition);
        }
    }
}

/// What lists gave at every entry of the ledger, and how many records nobody could decide on.
fn answers(session: &Session, last: u64) -> Vec<(Vec<String>, u64)> {
    let conditions = [
        Condition::Everything,
        Condition::Compare("name".into(), guanxi::engine::Comparison::Equal, "name 3".into()),
        Condition::IsNull("position".into()),
    ];
    let mut answers = Vec::new();
    for position in 0..=last {
        for condition in &conditions {
            let (mut rows, mut undecided, mut cursor) = (Vec::new(), 0, None);
            loop {
                let at = At::Position(position);
                let page = session.list_as_of(Contact::NAME, condition, at, cursor, 3).unwrap();
                rows.extend(page.rows.iter().map(|row| format!("{} {:?}", row.id, row.state)));
                undecided += page.undecided;
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            answers.push((rows, undecided));
        }
    }
    answers
}

fn play(steps: &[Step]) {
    let house = database();
    let mut ids = Vec::new();
    let begin = house.crm.head().unwrap().position;
    steps.iter().for_each(|step| act(&house, &mut ids, step));
    let last = house.crm.head().unwrap().position.min(begin + 40);
    let _ = house.verified();
    let stood = answers(&house.admin, last);
    house.admin.define_temporal_index(Contact::NAME).unwrap();
    assert_eq!(answers(&house.admin, last), stood, "with an index");
    let _ = house.verified();
    let (backup, _) = full(&house.admin);
    let (_, crm, _) = opened(&house, &[&backup], Some(&keys(&house.admin)));
    let restored = crm.session_for(guanxi_tests::ADMIN).unwrap();
    assert_eq!(answers(&restored, last), stood, "restored");
    house.admin.remove_temporal_index(Contact::NAME).unwrap();
    assert_eq!(answers(&house.admin, last), stood, "without one");
    let _ = house.reopened().verified();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lists_of_the_past_are_the_same_with_a_temporal_index_and_without(steps in vec(step(), 0..30)) {
        play(&steps);
    }
}

/// How many entries of the ledger a list reads.
fn entries_read(session: &Session, entity: &str, at: At) -> u64 {
    let read = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&read);
    let listening = Patience::default().telling(move |told| {
        if told.phase == "history" {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    session.with_patience(listening).list_as_of(entity, &Condition::Everything, at, None, 0).unwrap();
    read.load(Ordering::Relaxed)
}

fn pending(house: &House) -> Json {
    call(&house.admin, "schema.pending_builds", &json!({})).unwrap()["builds"].clone()
}

fn describe(house: &House) -> Json {
    let told = call(&house.admin, "schema.describe", &json!({"entity": "account"})).unwrap();
    told["entities"][0]["temporal_index"].clone()
}

#[test]
fn a_list_of_the_past_reads_no_entries_where_versions_are_kept() {
    let house = database();
    let cities: Vec<String> = (0..30).map(|number| format!("city {number}")).collect();
    let cities: Vec<&str> = cities.iter().map(String::as_str).collect();
    let (id, positions) = account(&house, &cities);
    let early = At::Position(positions[1]);
    assert!(entries_read(&house.admin, Account::NAME, early) >= 29);
    let plan =
        call(&house.admin, "schema.define_temporal_index", &json!({"entity": "account", "dry_run": true}));
    assert_eq!(plan.unwrap()["records"], 1);
    assert_eq!(describe(&house), Json::Null);
    call(&house.admin, "schema.define_temporal_index", &json!({"entity": "account"})).unwrap();
    assert_eq!((describe(&house), pending(&house)), (json!({"complete": true}), json!([])));
    for position in &positions {
        assert_eq!(entries_read(&house.admin, Account::NAME, At::Position(*position)), 0, "{position}");
    }
    house.change(Account::NAME, id, &Changes::new().set("city", "later"));
    assert_eq!(entries_read(&house.admin, Account::NAME, early), 0);
    let twice = call(&house.admin, "schema.define_temporal_index", &json!({"entity": "account"}));
    assert!(twice.is_ok());
    let clerk = house.user_as("clerk", "salesperson");
    assert_eq!(refusal(clerk.define_temporal_index(Account::NAME)), Code::NotPermitted);
    call(&house.admin, "schema.remove_temporal_index", &json!({"entity": "account"})).unwrap();
    assert_eq!((describe(&house), pending(&house)), (Json::Null, json!([])));
    assert!(entries_read(&house.admin, Account::NAME, early) >= 30);
    let again = call(&house.admin, "schema.remove_temporal_index", &json!({"entity": "account"}));
    assert_eq!(refusal(again), Code::InvalidDefinition);
    let _ = house.verified();
}

#[test]
fn versions_of_many_records_are_taken_in_in_chunks_and_what_is_missing_is_read_from_the_ledger() {
    let house = House::with(|options| options.build_at_once(5));
    let ids: Vec<RecordId> = (0..12).map(|number| account(&house, &[&format!("c{number}"), "x"]).0).collect();
    let place = At::Position(house.crm.head().unwrap().position);
    house.change(Account::NAME, ids[11], &Changes::new().set("city", "y"));
    let cities = |house: &House| -> Vec<String> {
        let page = house.admin.list_as_of(Account::NAME, &Condition::Everything, place, None, 0).unwrap();
        page.rows.iter().map(|row| format!("{:?}", row.value("city").unwrap())).collect()
    };
    let stood = cities(&house);
    let token = CancelToken::default();
    let inner = token.clone();
    let impatient = Patience::with_token(token).telling(move |told| {
        if told.phase == "indexes" {
            inner.cancel();
        }
    });
    let stopped = house.admin.with_patience(impatient).define_temporal_index(Account::NAME);
    assert_eq!(refusal(stopped), Code::Cancelled);
    let told = json!([
        {"entity": "crm.account", "kind": "temporal", "name": "temporal_index", "done": 5, "total": 12},
    ]);
    assert_eq!((pending(&house), describe(&house)), (told, json!({"complete": false})));
    // A record that is not in yet has the version that is made meanwhile, and none before it.
    house.change(Account::NAME, ids[11], &Changes::new().set("city", "z"));
    house.change(Account::NAME, ids[2], &Changes::new().set("city", "z"));
    assert_eq!(cities(&house), stood);
    let _ = house.verified();
    let house = house.reopened();
    house.admin.build_indexes().unwrap();
    assert_eq!((pending(&house), describe(&house)), (json!([]), json!({"complete": true})));
    assert_eq!(cities(&house), stood);
    assert_eq!(entries_read(&house.admin, Account::NAME, place), 0);
    let _ = house.verified();
}

#[test]
fn an_author_declares_a_temporal_index_and_a_later_version_takes_it_back() {
    let house = database();
    let install = |version: &str, temporal: bool| {
        let label = json!({"zh": "物", "en": "Thing"});
        let package = json!({
            "package": "cn.shelf", "version": version, "label": label,
            "entities": [{
                "local": 1, "name": "thing", "label": label, "title": "name", "temporal_index": temporal,
                "fields": [{"local": 1, "name": "name", "label": label, "kind": {"type": "text"}}],
            }],
        });
        call(&house.admin, "schema.install_package", &json!({"package": package})).unwrap()
    };
    install("1.0.0", true);
    let id = house.create("cn.shelf.thing", &Changes::new().set("name", "a"));
    let place = At::Position(house.crm.head().unwrap().position);
    house.change("cn.shelf.thing", id, &Changes::new().set("name", "b"));
    assert_eq!(entries_read(&house.admin, "cn.shelf.thing", place), 0);
    assert_eq!(refusal(house.admin.remove_temporal_index("cn.shelf.thing")), Code::InvalidDefinition);
    let _ = house.verified();
    install("1.1.0", false);
    assert_eq!(pending(&house), json!([]));
    assert!(entries_read(&house.admin, "cn.shelf.thing", place) > 0);
    let _ = house.reopened().verified();
}

#[test]
fn versions_go_with_what_is_pruned_from_the_ledger() {
    let house = database();
    let label = Label::new("长文", "Long");
    house.admin.define_field(Account::NAME, "long", label, FieldType::Text, |_| {}).unwrap();
    house.admin.define_temporal_index(Account::NAME).unwrap();
    let (id, positions) = account(&house, &["上海", "北京", "广州", "深圳"]);
    house.change(Account::NAME, id, &Changes::new().set("x.long", "长".repeat(50_000)));
    house.clock.advance_micros(DAY);
    house.change(Account::NAME, id, &Changes::new().set("city", "成都"));
    let history_days = [("account".to_owned(), 3)].into();
    house.admin.change_settings(Settings { history_days, ..Settings::default() }).unwrap();
    let at = |position: u64| {
        let page =
            house.admin.list_as_of(Account::NAME, &Condition::Everything, At::Position(position), None, 0);
        page.map(|page| page.rows.iter().map(|row| format!("{:?}", row.value("city"))).collect::<Vec<_>>())
    };
    let stood = at(positions[4]).unwrap();
    let pruned = call(&house.admin, "history.prune", &json!({})).unwrap();
    assert!(pruned["entities"][0]["versions"].as_u64().unwrap() > 1, "{pruned}");
    assert_eq!(refusal(at(positions[0])), Code::HistoryExpired);
    assert_eq!(at(positions[4]).unwrap(), stood);
    assert_eq!(entries_read(&house.admin, Account::NAME, At::Position(positions[4])), 0);
    // A version that ended before what is told would be found by verification.
    let _ = house.verified();
}
