//! The search index as a thing that is made: anew in steps after a loss, by the weights and readings of a database;
//! and what is found by likeness.

use std::fs;

use guanxi::engine::{Action, Bulk, Level};
use guanxi::{CancelToken, Changes, Code, Patience, RecordId, Session, api};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, parameters: &Json) -> Json {
    api::call(session, method, parameters).unwrap()
}

fn titles(answer: &Json) -> Vec<&str> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["title"].as_str().unwrap()).collect()
}

fn named(house: &House, name: &str) -> RecordId {
    house.create("account", &Changes::new().set("name", name))
}

/// More accounts than one step takes.
const MANY: usize = 7_000;

/// A database of many accounts whose index is gone.
fn without_index() -> House {
    let house = database();
    let rows: Vec<Changes> =
        (0..MANY).map(|number| Changes::new().set("name", format!("加喜 {number:05}"))).collect();
    assert!(house.admin.bulk_create("account", &rows, &Bulk::default()).unwrap().next.is_none());
    call(&house.admin, "search.settle", &json!({}));
    let path = house.path().join("index");
    house.reopened_after(|| fs::remove_dir_all(path).unwrap())
}

#[test]
fn an_index_that_was_lost_is_made_anew_in_steps_the_newest_first_and_every_answer_says_so() {
    let house = without_index();
    let progress = call(&house.admin, "search.progress", &json!({}));
    assert_eq!(progress["progress"]["done"], 0);
    let answer = call(&house.admin, "search.find", &json!({"text": "加喜", "limit": 1}));
    let (done, total) = (&answer["incomplete"]["done"], &answer["incomplete"]["total"]);
    assert!(total.as_u64().unwrap() >= MANY as u64 && done.as_u64() < total.as_u64(), "{answer}");
    assert!(answer["total"].as_u64().unwrap() < MANY as u64);
    // The second step takes the rest, so the newest and the oldest are asked for in one database each.
    assert_eq!(call(&house.admin, "search.find", &json!({"text": "加喜"}))["total"], MANY);
    let house = without_index();
    let newest = json!({"text": format!("\"加喜 {:05}\"", MANY - 1)});
    let answer = call(&house.admin, "search.find", &newest);
    assert_eq!((titles(&answer).len(), answer["incomplete"].is_null()), (1, false));
    let answer = call(&house.admin, "search.find", &json!({"text": "加喜"}));
    assert_eq!((&answer["total"], &answer["incomplete"]), (&json!(MANY), &Json::Null));
    assert_eq!(
        call(&house.admin, "search.progress", &json!({})),
        json!({"progress": null, "texts": {"waiting": 0, "failed": 0}})
    );
}

#[test]
fn an_answer_that_is_incomplete_tells_nobody_how_many_records_there_are_beside_those_within_reach() {
    let house = without_index();
    let role = house.role("clerk", &[("crm.account", Action::Read, Level::Own)]);
    let lin = house.user("lin", &[role]);
    let _ = house.create("account", &Changes::new().set("name", "加喜").owner(lin.user()));
    let answer = call(&lin, "search.find", &json!({"text": "加喜"}));
    let told = |name: &str| answer["incomplete"][name].as_u64().unwrap();
    assert!(told("done") <= told("total") && told("total") < 100, "{answer}");
}

#[test]
fn what_is_written_while_the_index_is_made_anew_is_found_at_once() {
    let house = without_index();
    let answer = call(&house.admin, "search.find", &json!({"text": "加喜", "limit": 1}));
    assert!(!answer["incomplete"].is_null());
    let id = named(&house, "恒远贸易");
    house.change("account", id, &Changes::new().set("name", "恒远实业"));
    let found = |text: &str| call(&house.admin, "search.find", &json!({"text": text}))["total"].clone();
    assert_eq!((found("\"恒远实业\""), found("\"恒远贸易\"")), (json!(1), json!(0)));
}

#[test]
fn making_an_index_anew_tells_how_far_it_is_and_is_cancelled_and_goes_on_where_it_was() {
    let house = without_index();
    let token = CancelToken::default();
    let inner = token.clone();
    let patience = Patience::with_token(token).telling(move |told| {
        if told.phase == "search" && told.done > 0 {
            inner.cancel();
        }
    });
    let impatient = house.admin.with_patience(patience);
    assert_eq!(refusal(api::call(&impatient, "search.settle", &json!({}))), Code::Cancelled);
    drop(impatient);
    let house = house.reopened();
    let progress = call(&house.admin, "search.progress", &json!({}));
    assert!(progress["progress"]["done"].as_u64().unwrap() > 0, "{progress}");
    call(&house.admin, "search.settle", &json!({}));
    assert_eq!(call(&house.admin, "search.find", &json!({"text": "加喜"}))["total"], MANY);
}

#[test]
fn progress_and_settling_are_for_administrators() {
    let house = database();
    let role = house.role("reader", &[("crm.account", Action::Read, Level::All)]);
    let lin = house.user("lin", &[role]);
    for method in ["search.progress", "search.settle"] {
        assert_eq!(refusal(api::call(&lin, method, &json!({}))), Code::NotPermitted, "{method}");
    }
}

#[test]
fn records_with_telling_words_in_common_are_similar_and_the_record_itself_is_not_among_them() {
    let house = database();
    let first = named(&house, "上海加喜企业服务有限公司");
    for name in ["北京加喜企业服务有限公司", "加喜企业咨询", "恒远钢铁贸易", "Acme Trading"]
    {
        let _ = named(&house, name);
    }
    let contact = house.create("contact", &Changes::new().set("name", "加喜王五"));
    let of = |id: RecordId, entity: &str| json!({"entity": entity, "id": id.to_string()});
    let answer = call(&house.admin, "search.similar", &of(first, "account"));
    assert_eq!(titles(&answer)[..2], ["北京加喜企业服务有限公司", "加喜企业咨询"]);
    assert!(!titles(&answer).contains(&"上海加喜企业服务有限公司"));
    assert!(!titles(&answer).contains(&"Acme Trading"));
    assert_eq!(answer["total"], titles(&answer).len());
    let mut among = of(contact, "contact");
    among["among"] = json!("account");
    let answer = call(&house.admin, "search.similar", &among);
    assert!(titles(&answer).iter().all(|title| title.contains("加喜")) && !titles(&answer).is_empty());
}

#[test]
fn what_is_similar_is_worked_out_of_visible_records_and_fields_alone() {
    let house = database();
    let role = house.role_hiding("clerk", &[("crm.account", Action::Read, Level::Own)], "note");
    let lin = house.user("lin", &[role]);
    let words = "专利年费监控 trademark renewal";
    let with = |name: &str| Changes::new().set("name", name).set("note", words);
    let mine = house.create("account", &with("钢铁").owner(lin.user()));
    let _ = house.create("account", &with("化工").owner(lin.user()));
    let _ = house.create("account", &with("纺织"));
    let of = json!({"entity": "account", "id": mine.to_string()});
    assert_eq!(call(&house.admin, "search.similar", &of)["total"], 2);
    assert_eq!(call(&lin, "search.similar", &of)["total"], 0, "by a field that is hidden");
    let foreign = house.create("account", &with("矿业"));
    let of = json!({"entity": "account", "id": foreign.to_string()});
    assert_eq!(refusal(api::call(&lin, "search.similar", &of)), Code::RecordNotFound);
}

#[test]
fn what_finds_in_entities_and_fields_count_is_a_setting_of_the_database() {
    let house = database();
    let _ = house.create("account", &Changes::new().set("name", "钢铁").set("note", "加喜 的 老 客户"));
    let _ = named(&house, "加喜钢铁贸易");
    let _ = house.create("contact", &Changes::new().set("name", "加喜"));
    let first = || {
        let answer = call(&house.admin, "search.find", &json!({"text": "加喜"}));
        titles(&answer)[0].to_owned()
    };
    assert_eq!(first(), "加喜");
    let set = |weights: Json| {
        let change = json!({"settings": {"search.weights": weights}});
        call(&house.admin, "configuration.set", &change);
    };
    set(json!({"crm.contact": 0.1}));
    assert_eq!(first(), "加喜钢铁贸易");
    set(json!({"crm.contact": 0.1, "crm.account.note": 50, "crm.nothing": 3, "crm.account": "heavy"}));
    assert_eq!(first(), "钢铁");
}

#[test]
fn names_are_found_by_the_readings_that_a_database_sets() {
    let house = database();
    let _ = named(&house, "乐嘉贸易");
    let total = |text: &str| call(&house.admin, "search.find", &json!({"text": text}))["total"].clone();
    assert_eq!((total("lejia"), total("yaojia")), (json!(1), json!(0)));
    let set = |readings: Json| {
        let change = json!({"settings": {"search.readings": readings}});
        call(&house.admin, "configuration.set", &change);
    };
    set(json!({"樂嘉": "yao jia", "wrong": "too few", "也": "No 1"}));
    assert_eq!((total("lejia"), total("yaojia"), total("yjmy")), (json!(1), json!(1), json!(1)));
    let _ = named(&house, "新乐嘉");
    assert_eq!(total("xinyaojia"), json!(1));
    set(json!({}));
    assert_eq!((total("lejia"), total("yaojia")), (json!(2), json!(0)));
}

/// A file system of its own at a folder, as large as it is said, or nothing where that is not permitted.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(folder: &std::path::Path, options: &str) -> Option<Self> {
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder)
            .stderr(std::process::Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(folder.to_owned()))
    }

    fn grow(&self) {
        let grown =
            std::process::Command::new("mount").args(["-o", "remount,size=256m"]).arg(&self.0).status();
        assert!(grown.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_for_the_index_refuses_no_commit_and_no_search_and_is_used_when_there_is_room() {
    let house = database();
    let _ = named(&house, "加喜 first");
    call(&house.admin, "search.settle", &json!({}));
    let folder = house.path().join("index");
    let mut disk = None;
    let house = house.reopened_after(|| {
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        disk = SmallDisk::mount(&folder, "size=300k");
    });
    let Some(disk) = disk else {
        println!("skipped: no file system may be mounted here");
        return;
    };
    let total = || call(&house.admin, "search.find", &json!({"text": "加喜", "limit": 1}));
    let mut written = 1;
    for round in 0..8 {
        let name = |number: usize| format!("加喜 {round} {number} Kunstdorf{number}");
        let rows: Vec<Changes> = (0..1_500).map(|number| Changes::new().set("name", name(number))).collect();
        for row in house.admin.bulk_create("account", &rows, &Bulk::default()).unwrap().rows {
            row.outcome.unwrap();
        }
        written += rows.len();
        let answer = total();
        let found = answer["total"].as_u64().unwrap();
        assert!(found > 0 && found <= written as u64, "{answer}");
        assert_eq!(found < written as u64, !answer["incomplete"].is_null(), "{answer}");
    }
    assert!(!total()["incomplete"].is_null(), "the disk was not full");
    disk.grow();
    call(&house.admin, "search.settle", &json!({}));
    let answer = total();
    assert_eq!((&answer["total"], &answer["incomplete"]), (&json!(written), &Json::Null));
}

#[test]
fn an_index_that_is_first_made_on_a_full_disk_answers_from_memory_the_newest_first_and_is_made_when_there_is_room()
 {
    let house = database();
    let rows: Vec<Changes> = (0..MANY)
        .map(|number| Changes::new().set("name", format!("加喜 {number:05} {number:05}x")))
        .collect();
    assert!(house.admin.bulk_create("account", &rows, &Bulk::default()).unwrap().next.is_none());
    let folder = house.path().join("index");
    let mut disk = None;
    let house = house.reopened_after(|| {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        disk = SmallDisk::mount(&folder, "size=4k");
    });
    let Some(disk) = disk else {
        println!("skipped: no file system may be mounted here");
        return;
    };
    let newest = json!({"text": format!("\"加喜 {:05}\"", MANY - 1)});
    let answer = call(&house.admin, "search.find", &newest);
    assert_eq!((titles(&answer).len(), answer["incomplete"].is_null()), (1, false), "{answer}");
    let all = || call(&house.admin, "search.find", &json!({"text": "加喜", "limit": 1}));
    for _ in 0..100 {
        let answer = all();
        assert!(answer["total"].as_u64().unwrap() >= 1_000, "{answer}");
    }
    let new = named(&house, "恒远贸易");
    let found = |text: &str| call(&house.admin, "search.find", &json!({"text": text}))["total"].clone();
    let before = all()["total"].as_u64().unwrap();
    assert!(found("恒远") == 1 || before < MANY as u64, "what is new is found, unless no more can wait");
    house.change("account", new, &Changes::new().set("name", "恒远实业"));
    assert_eq!(found("\"恒远贸易\""), 0);
    assert_eq!(refusal(api::call(&house.admin, "search.settle", &json!({}))), Code::Io);
    assert_eq!(all()["total"].as_u64().unwrap(), before, "an attempt that fails loses nothing");
    disk.grow();
    call(&house.admin, "search.settle", &json!({}));
    let answer = all();
    assert_eq!((&answer["total"], &answer["incomplete"]), (&json!(MANY), &Json::Null));
    assert_eq!(found("恒远实业"), 1);
}

#[test]
fn an_index_whose_files_are_lost_and_take_nothing_while_it_is_open_is_made_anew_in_memory() {
    let house = database();
    let _ = named(&house, "恒远贸易");
    call(&house.admin, "search.settle", &json!({}));
    let folder = house.path().join("index");
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "no folder").unwrap();
    // So many at once are written to the files, and do not wait in memory.
    let rows: Vec<Changes> =
        (0..1_500).map(|number| Changes::new().set("name", format!("加喜 {number:05}"))).collect();
    assert!(house.admin.bulk_create("account", &rows, &Bulk::default()).unwrap().next.is_none());
    let find = |text: &str| call(&house.admin, "search.find", &json!({"text": text, "limit": 1}));
    let answers: Vec<Json> = (0..10).map(|_| find("加喜")).collect();
    let last = answers.iter().find(|answer| answer["incomplete"].is_null()).expect("an end");
    assert_eq!((&last["total"], &find("恒远")["total"]), (&json!(1_500), &json!(1)));
    fs::remove_file(&folder).unwrap();
    call(&house.admin, "search.settle", &json!({}));
    assert_eq!((&find("加喜")["total"], &find("恒远")["total"]), (&json!(1_500), &json!(1)));
}
