//! A small database of each format, as the version of that time wrote it, opened by the engine of today.
//!
//! A sample is never written anew: a later format gets a sample of its own beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use guanxi::api::{call, call_without_session};
use guanxi::base::{ManualClock, SeededRandom};
use guanxi::engine::{At, Listing, PastValue, UpgradePolicy};
use guanxi::model::{Account, account, contact, opportunity};
use guanxi::schema::{EntityType, IndexDefinition};
use guanxi::{Code, Condition, Key, Money, Options, Patience, Session, Value};
use guanxi_tests::{ADMIN, PASSWORD, moment, options};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// What a sample holds.
struct Sample {
    folder: &'static str,
    /// Its files.
    files: &'static [&'static str],
    /// Entries of its ledger.
    entries: u64,
    /// The hash of the last of them, in hexadecimal digits.
    head: &'static str,
}

/// Those of format 2 were copied while they were open, so their newest commits are in the journal alone.
/// The entries of `v2-entries` have the second format of ledger entries, those of `v2` the first; those of
/// `v2-links` name the entry before them of the same record. `v2-counters` has counters by values and a
/// declared index.
/// `v2-schema` has of each thing that the registry declares one: packages, rollups, rules, relations, modules.
const SAMPLES: [Sample; 6] = [
    Sample {
        folder: "v1",
        files: &["data", "keys"],
        entries: 68,
        head: "442ff2f716baec28f719c81811e0f38c74702060db1954226e9adec83d016a2e",
    },
    Sample {
        folder: "v2",
        files: &["data", "journal", "keys"],
        entries: 68,
        head: "0ad4e298c5a29109aad70528539fb56a0f146f940011432e2e4ca10338a428ff",
    },
    Sample {
        folder: "v2-entries",
        files: &["data", "journal", "keys"],
        entries: 68,
        head: "18ca474bfef274f3de2a87e044996964d6e18007ceb6d1faff058f6cbdb79384",
    },
    Sample {
        folder: "v2-links",
        files: &["data", "journal", "keys"],
        entries: 70,
        head: "eb86426961b1c77ec1aca928004224b91ea1a52c7b4b410f4c4ecb425925b146",
    },
    Sample {
        folder: "v2-counters",
        files: &["data", "journal", "keys"],
        entries: 69,
        head: "da2f65ead5d408fe7c48dd14327c9c621cc1d620102d62531fbb62dbb70bc5cc",
    },
    Sample {
        folder: "v2-schema",
        files: &["data", "journal", "keys"],
        entries: 82,
        head: "d33b7394c7c38d8cdc943d969f1e8dc403e88422d317fa7e98a78725ad396465",
    },
];

impl Sample {
    fn home(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("format").join(self.folder)
    }

    /// The sample in a folder of its own, since opening may write.
    fn copied(&self) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sample.guanxi");
        fs::create_dir(&path).unwrap();
        for name in self.files {
            fs::copy(self.home().join(name), path.join(name)).unwrap();
        }
        (folder, path)
    }
}

/// Options under which the sample has always the same moments.
fn still() -> Options {
    options().clock(Arc::new(ManualClock::at(moment("2026-11-22T04:00:00Z"))))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the newest sample where it is absent.
#[test]
#[ignore = "writes the sample of a format, by hand, before the format is published"]
fn a_sample_is_written_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample.guanxi");
    let crm = still().random(Arc::new(SeededRandom::new(1))).create(&path).unwrap();
    let session = crm.sign_in(ADMIN, PASSWORD).unwrap();
    session
        .write(|transaction| {
            let group = transaction.create(account::named("加喜集团"))?;
            let buyer = account::named("上海加喜企业服务有限公司").with(account::CITY, "上海");
            let buyer = transaction.create(buyer.with(account::PARENT, group))?;
            let person = contact::named("林先生").with(contact::PHONE, "13812345678");
            transaction.create(person.with(contact::ACCOUNT, buyer))?;
            let deal = opportunity::titled("执照变更代办").with(opportunity::AMOUNT, Money::cny(12_800));
            let deal = transaction.create(deal.with(opportunity::ACCOUNT, buyer))?;
            deal.win(transaction)
        })
        .unwrap();
    let person = only(&session, "contact", "林先生").record.id;
    session.write(|transaction| transaction.delete_record("contact", person)).unwrap();
    session.write(|transaction| transaction.undelete_record("contact", person)).unwrap();
    session.note_recent("contact", person).unwrap();
    let index = IndexDefinition::new("x", 0, "by_city").rising("city").falling("name");
    session.define_index("account", index).unwrap();
    declare_more(&session);
    let head = crm.head().unwrap();
    println!("entries {}, head {}", head.position, hex(&head.hash));
    let newest = &SAMPLES[SAMPLES.len() - 1];
    assert!(!newest.home().exists(), "a sample is never overwritten; a new format has a new one");
    fs::create_dir(newest.home()).unwrap();
    for name in newest.files {
        fs::copy(path.join(name), newest.home().join(name)).unwrap();
    }
}

/// What the registry of the newest sample has besides: a package with facts, a rollup, a unique rule, an index
/// by pinyin, a relation with a link, a translation, a module that is off, and a setting.
fn declare_more(session: &Session) {
    let done = |method: &str, given: Json| call(session, method, &given).unwrap();
    let label = |zh: &str, en: &str| json!({"zh": zh, "en": en});
    let field = |local: u32, name: &str, kind: &str| json!({"local": local, "name": name, "label": label("字段", name), "kind": {"type": kind}});
    let mut fields = vec![
        field(1, "licence", "text"),
        field(2, "value", "text"),
        field(3, "valid_from", "date"),
        field(4, "valid_to", "date"),
    ];
    fields[0]["required"] = json!(true);
    let package = json!({
        "package": "cn.paper", "version": "1.0.0", "label": label("执照", "Papers"),
        "modules": [{"name": "papers", "label": label("执照", "Papers")}],
        "entities": [{"local": 1, "name": "fact", "label": label("事项", "Fact"), "title": "licence", "module": "cn.paper.papers",
            "valid_time": {"key": ["licence"]}, "fields": fields}],
    });
    done("schema.install_package", json!({"package": package}));
    let fact = json!({"licence": "91310000", "value": "100", "valid_from": "2020-01-01"});
    done("record.create", json!({"entity": "cn.paper.fact", "values": fact}));
    done(
        "schema.define_field",
        json!({"entity": "account", "name": "people", "label_zh": "人数", "label_en": "People",
        "field_type": "rollup", "child": "contact", "by": "account", "function": "count"}),
    );
    let rule = json!({"name": "once", "fields": [{"field": "name"}, {"field": "account"}]});
    done("schema.define_unique", json!({"entity": "contact", "rule": rule}));
    let by_reading = json!({"entity": "account", "name": "by_reading", "fields": [{"field": "name", "collation": "pinyin"}]});
    done("schema.define_index", by_reading);
    done(
        "schema.define_relation",
        json!({"name": "holding", "label_zh": "持股", "label_en": "Holding", "validity": true,
        "from": {"name": "holder", "entities": ["account"], "label": label("股东", "Shareholder")},
        "to": {"name": "company", "entities": ["account"], "label": label("公司", "Company")}}),
    );
    let id = |name: &str| only(session, "account", name).record.id.to_string();
    done(
        "relation.link",
        json!({"relation": "x.holding", "from": id("加喜集团"), "to": id("上海加喜企业服务有限公司"),
        "valid_from": "2020-01-01"}),
    );
    let product = done("record.create", json!({"entity": "product", "values": {"name": "帐簿"}}));
    done(
        "record.translate",
        json!({"entity": "product", "id": product["id"], "field": "name", "texts": {"en": "Ledger"}}),
    );
    done("configuration.set", json!({"settings": {"regional.week_starts": "sunday"}}));
    done("module.switch", json!({"module": "cn.paper.papers", "on": false}));
}

#[test]
fn what_the_registry_of_the_newest_sample_declares_works_as_it_did() {
    let (_folder, path) = SAMPLES[SAMPLES.len() - 1].copied();
    let crm = still().open(&path).unwrap();
    let session = crm.session_for(ADMIN).unwrap();
    let done = |method: &str, given: Json| call(&session, method, &given);
    let buyer = only(&session, "account", "上海加喜企业服务有限公司");
    assert_eq!(buyer.value("x.people").unwrap(), Value::Int(1));
    let twin =
        json!({"entity": "contact", "values": {"name": "林先生", "account": buyer.record.id.to_string()}});
    assert_eq!(done("record.create", twin).unwrap_err().code(), Code::NotUnique);
    let list = json!({"entity": "account", "sort": ["name"], "collation": "pinyin"});
    let plan = done("query.explain", list.clone()).unwrap();
    assert_eq!((&plan["index"], &plan["order"]), (&json!("x.by_reading"), &json!("streamed")));
    assert_eq!(done("query.run", list).unwrap()["rows"][0]["values"]["name"], "加喜集团");
    let links = json!({"relation": "x.holding", "entity": "account", "id": buyer.record.id.to_string()});
    assert_eq!(done("relation.list", links).unwrap()["rows"][0]["title"], "加喜集团");
    let product = only(&session, "product", "帐簿").record.id.to_string();
    let told = done("record.get", json!({"entity": "product", "id": product, "locale": "en"})).unwrap();
    assert_eq!(told["values"]["name"], "Ledger");
    let setting = done("configuration.get", json!({"settings": ["regional.week_starts"]})).unwrap();
    assert_eq!(setting["settings"]["regional.week_starts"], "sunday");
    let facts = json!({"entity": "cn.paper.fact"});
    assert_eq!(done("query.run", facts.clone()).unwrap_err().code(), Code::ModuleOff);
    done("module.switch", json!({"module": "cn.paper.papers", "on": true})).unwrap();
    assert_eq!(done("query.run", facts).unwrap()["rows"].as_array().unwrap().len(), 1);
    let overlapping = json!({"licence": "91310000", "value": "7", "valid_from": "2021-01-01"});
    let refused =
        done("record.create", json!({"entity": "cn.paper.fact", "values": overlapping})).unwrap_err();
    assert_eq!(refused.code(), Code::ValidityOverlap);
    crm.verify(&Patience::default()).unwrap();
}

fn only(session: &Session, entity: &str, title: &str) -> Listing {
    let found = session.read(|reader| reader.find_by_title(entity, title)).unwrap();
    assert_eq!(found.len(), 1, "{title}");
    session.get(entity, found[0]).unwrap()
}

#[test]
fn a_database_of_any_format_opens_verifies_and_holds_what_it_held() {
    SAMPLES.iter().for_each(holds_what_it_held);
}

fn holds_what_it_held(sample: &Sample) {
    let (_folder, path) = sample.copied();
    let crm = still().verify_on_open(true).open(&path).unwrap();
    // What the model has had added since is an entry of its own behind those of the sample.
    let report = crm.verify(&Patience::default()).unwrap();
    assert!(report.entries >= sample.entries);
    let session = crm.sign_in(ADMIN, PASSWORD).unwrap();
    let last = json!({"after": sample.entries - 1, "limit": 1});
    let last = call(&session, "ledger.list", &last).unwrap()["entries"][0].clone();
    assert_eq!((&last["position"], &last["hash"]), (&json!(sample.entries), &json!(sample.head)));
    assert_eq!(session.count(Account::NAME, &Condition::Everything).unwrap(), 2);
    let group = only(&session, "account", "加喜集团");
    let buyer = only(&session, "account", "上海加喜企业服务有限公司");
    assert_eq!(buyer.value("parent").unwrap(), group.record.id.into());
    assert_eq!(buyer.value("city").unwrap().as_text(), Some("上海"));
    let person = only(&session, "contact", "林先生");
    assert_eq!(person.value("phone").unwrap().as_text(), Some("+8613812345678"));
    assert_eq!(person.value("account").unwrap(), buyer.record.id.into());
    let deal = only(&session, "opportunity", "执照变更代办");
    assert_eq!(deal.value("status").unwrap().as_text(), Some("won"));
    assert_eq!(deal.value("amount").unwrap(), Money::cny(12_800).into());
    assert_eq!(deal.value("closed_on").unwrap(), Value::Date("2026-11-22".parse().unwrap()));
    assert_eq!(deal.record.envelope.version, 2);
    assert_eq!(session.count("stage_change", &Condition::Everything).unwrap(), 1);
    keeps_views_as_a_new_one_does(&session);
}

/// What was called `team` is the unit of a view, and teams have come since.
fn keeps_views_as_a_new_one_does(session: &Session) {
    let done = |method: &str, given: Json| call(session, method, &given).unwrap();
    let create = |entity: &str| {
        done("record.create", json!({"entity": entity, "values": {"name": "华东"}}))["id"].clone()
    };
    let [unit, team] = ["sys.unit", "sys.team"].map(create);
    for audience in ["unit", "team"] {
        done(
            "view.save",
            json!({"name": "near", "entity": "account", "audience": audience, audience: "华东"}),
        );
    }
    let of = |field: &str, id: &Json| {
        done("query.count", json!({"entity": "sys.view", "filter": {field: id}}))["count"].clone()
    };
    assert_eq!(
        [of("for_unit", &unit), of("team", &unit), of("for_team", &team)],
        [json!(1), json!(1), json!(1)]
    );
}

#[test]
fn a_database_of_any_format_is_searched_and_written_as_any_other() {
    SAMPLES.iter().for_each(is_searched_and_written);
}

fn is_searched_and_written(sample: &Sample) {
    let (_folder, path) = sample.copied();
    let crm = still().open(&path).unwrap();
    let session = crm.session_for(ADMIN).unwrap();
    assert_eq!(session.search("加喜", None, 10, 0).unwrap().total, 2);
    let buyer = only(&session, "account", "上海加喜企业服务有限公司");
    session
        .write(|transaction| {
            let change = guanxi::Changes::new().set("city", "北京");
            transaction.update_record(Account::NAME, buyer.record.id, change)?;
            transaction.create(account::named("新客户"))
        })
        .unwrap();
    let report = crm.verify(&Patience::default()).unwrap();
    assert!(report.entries > sample.entries);
    assert_eq!(session.search("新客户", None, 10, 0).unwrap().total, 1);
}

#[test]
fn what_was_in_a_database_of_any_format_is_told_whether_its_entries_are_linked_or_not() {
    SAMPLES.iter().for_each(tells_what_was);
}

fn tells_what_was(sample: &Sample) {
    let (_folder, path) = sample.copied();
    let crm = still().open(&path).unwrap();
    let session = crm.session_for(ADMIN).unwrap();
    let deal = only(&session, "opportunity", "执照变更代办").record.id;
    let buyer = only(&session, "account", "上海加喜企业服务有限公司").record.id;
    let old = session.history("opportunity", deal, None, 0).unwrap();
    let kinds: Vec<_> = old.versions.iter().map(|version| version.kind.name()).collect();
    assert_eq!(kinds, ["update", "create"]);
    let created = At::Position(old.versions[1].position);
    let status = |at: At| session.value_as_of("opportunity", deal, "status", at).unwrap();
    assert_eq!(status(created), PastValue::Known("open".into()));
    assert_eq!(status(At::Position(old.versions[0].position)), PastValue::Known("won".into()));
    // Changes of today are linked among each other, and the search goes on behind them.
    for city in ["北京", "广州"] {
        let change = guanxi::Changes::new().set("city", city);
        session.write(|transaction| transaction.update_record("account", buyer, change.clone())).unwrap();
    }
    let history = session.history("account", buyer, None, 0).unwrap();
    let kinds: Vec<_> = history.versions.iter().map(|version| version.kind.name()).collect();
    assert_eq!(kinds, ["update", "update", "create"]);
    let first = session.get_as_of("account", buyer, created).unwrap();
    assert_eq!(first.value("city").unwrap(), PastValue::Known("上海".into()));
    crm.verify(&Patience::default()).unwrap();
}

#[test]
fn a_database_of_an_older_format_is_copied_before_it_is_upgraded_and_only_once() {
    let sample = &SAMPLES[0];
    let (folder, path) = sample.copied();
    let refused = still().upgrade(UpgradePolicy::Refuse).open(&path).unwrap_err();
    assert_eq!(refused.code(), Code::UpgradeNeeded);
    let wrong = options().key(Key::raw([9; 32])).open(&path).unwrap_err();
    assert_eq!(wrong.code(), Code::WrongKey);
    let copy = folder.path().join("sample.guanxi.format-1");
    assert!(!copy.exists(), "who cannot open it makes no copies");
    for (from, upgraded) in [(Some(1), "upgraded"), (None, "as it is")] {
        let crm = still().open(&path).unwrap();
        assert_eq!(crm.recovery().upgraded_from, from, "{upgraded}");
        crm.session_for(ADMIN)
            .unwrap()
            .write(|transaction| transaction.create(account::named("新")))
            .unwrap();
    }
    for name in sample.files {
        let original = fs::read(sample.home().join(name)).unwrap();
        assert!(fs::read(copy.join(name)).unwrap() == original, "{name}");
    }
    let (folder, path) = sample.copied();
    drop(still().upgrade(UpgradePolicy::WithoutSnapshot).open(&path).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_method_upgrades_a_database_of_an_older_format_with_a_copy_or_without() {
    let patience = Patience::default();
    for copied in [true, false] {
        let (folder, path) = SAMPLES[0].copied();
        let key = json!({"raw": "07".repeat(32)});
        let given = json!({"path": path, "key": key, "copy": copied});
        for from in [json!(1), json!(null)] {
            let upgraded = call_without_session("database.upgrade", &given, &patience).unwrap();
            assert_eq!(upgraded, json!({"upgraded_from": from}));
        }
        assert_eq!(folder.path().join("sample.guanxi.format-1").exists(), copied);
        assert!(still().upgrade(UpgradePolicy::Refuse).open(&path).is_ok());
    }
}

#[test]
fn an_upgrade_that_was_cut_off_before_its_end_is_done_again() {
    let sample = &SAMPLES[0];
    let (_folder, path) = sample.copied();
    // Before the tables name a generation, whatever stands in the place of the journal is nobody's.
    fs::write(path.join("journal"), b"half a journal").unwrap();
    let crm = still().open(&path).unwrap();
    assert_eq!(crm.recovery().upgraded_from, Some(1));
    // The model of today may have declared more since.
    assert!(crm.verify(&Patience::default()).unwrap().entries >= sample.entries);
}

#[test]
fn what_stands_in_an_older_database_goes_on_and_becomes_the_default_pipeline_when_another_is_made() {
    SAMPLES.iter().for_each(is_taken_into_a_pipeline);
}

fn is_taken_into_a_pipeline(sample: &Sample) {
    let (_folder, path) = sample.copied();
    let crm = still().open(&path).unwrap();
    let session = crm.session_for(ADMIN).unwrap();
    let count = |entity: &str, none: bool| {
        let met = Condition::IsNull("pipeline".into());
        let met = if none { met } else { Condition::Not(Box::new(met)) };
        session.count(entity, &met).unwrap()
    };
    let (stages, deals) = (count("stage", true), count("opportunity", true));
    assert_eq!((count("stage", false), count("opportunity", false)), (0, 0));
    // Without any pipeline a deal begins in the first stage and ends in the one that is won.
    let done = |method: &str, given: Json| call(&session, method, &given).unwrap();
    let made =
        done("record.create", json!({"entity": "opportunity", "values": {"title": "续约"}}))["id"].clone();
    done("opportunity.win", json!({"id": made}));
    let stage = |name: &str, outcome: &str| json!({"name": name, "outcome": outcome});
    let given = json!({"name": "Renewals", "stages": [stage("Due", "open"), stage("Renewed", "won"), stage("Left", "lost")]});
    let made = done("pipeline.define", given)["id"].clone();
    while session.tick(0).unwrap().done > 0 {}
    assert_eq!((count("stage", true), count("opportunity", true)), (0, 0));
    assert_eq!((count("stage", false), count("opportunity", false)), (stages + 3, deals + 1));
    let listed = done("pipeline.list", json!({}));
    let rows = listed["rows"].as_array().unwrap();
    let of = |default: bool| rows.iter().find(|row| (row["is_default"] == json!(true)) == default).unwrap();
    let (pipeline, renewals) = (of(true)["id"].clone(), of(false));
    assert_eq!((&renewals["id"], renewals["stages"].as_array().unwrap().len()), (&made, 3));
    assert_eq!(of(true)["stages"].as_array().unwrap().len() as u64, stages);
    let deal = only(&session, "opportunity", "执照变更代办");
    assert_eq!(deal.value("status").unwrap().as_text(), Some("won"));
    assert_eq!(deal.value("pipeline").unwrap().to_string(), pipeline.as_str().unwrap());
}
