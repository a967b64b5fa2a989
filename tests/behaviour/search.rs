//! Searching: what is written in the text, conditions beside it, what each person may find, and an index that may
//! be lost or damaged at any time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use guanxi::engine::{Action, Level};
use guanxi::{Changes, Code, Session, api};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

fn find(session: &Session, request: &Json) -> Json {
    api::call(session, "search.find", request).unwrap()
}

fn titles(answer: &Json) -> Vec<String> {
    let hits = answer["hits"].as_array().unwrap().iter();
    hits.map(|hit| hit["title"].as_str().unwrap().to_owned()).collect()
}

/// Titles of all hits of a text, in their alphabetical order.
fn found(session: &Session, text: &str) -> Vec<String> {
    let answer = find(session, &json!({"text": text, "limit": 1_000}));
    let mut titles = titles(&answer);
    assert_eq!(answer["total"], titles.len());
    titles.sort();
    titles
}

fn filled() -> House {
    let house = database();
    for (name, industry, employees, phone) in [
        ("上海加喜企业服务有限公司", "services", 40, "021-58881234"),
        ("北京加喜贸易有限公司", "trade", 7, "13812345678"),
        ("Acme Trading", "trade", 1_200, "+44 20 7946 0958"),
        ("Global Trading", "trade", 90, ""),
    ] {
        let changes = Changes::new().set("name", name).set("industry", industry).set("employees", employees);
        let changes = if phone.is_empty() { changes } else { changes.set("phone", phone) };
        let _ = house.create("account", &changes);
    }
    let _ = house.create("contact", &Changes::new().set("name", "加喜王五").set("email", "wang.wu@jiaxi.cn"));
    house
}

#[test]
fn a_text_has_phrases_exclusions_alternatives_fields_and_beginnings() {
    let house = filled();
    for (text, expected) in [
        ("加喜", vec!["上海加喜企业服务有限公司", "加喜王五", "北京加喜贸易有限公司"]),
        ("加喜 -北京", vec!["上海加喜企业服务有限公司", "加喜王五"]),
        ("北京 OR acme", vec!["Acme Trading", "北京加喜贸易有限公司"]),
        ("\"acme trading\"", vec!["Acme Trading"]),
        ("\"trading acme\"", vec![]),
        ("name:trad*", vec!["Acme Trading", "Global Trading"]),
        ("email:jiaxi", vec!["加喜王五"]),
        ("name:jiaxi", vec!["上海加喜企业服务有限公司", "加喜王五", "北京加喜贸易有限公司"]),
        ("138 1234 5678", vec!["北京加喜贸易有限公司"]),
        ("345", vec!["北京加喜贸易有限公司"]),
        ("lobal", vec!["Global Trading"]),
    ] {
        assert_eq!(found(&house.admin, text), expected, "{text}");
    }
}

#[test]
fn what_makes_no_sense_is_told_by_its_place_and_what_is_left_is_found() {
    let house = filled();
    let answer = find(&house.admin, &json!({"text": "colour:北京 \"加喜"}));
    assert_eq!(titles(&answer), ["北京加喜贸易有限公司"]);
    assert_eq!(
        answer["faults"],
        json!([
            {"place": 0, "length": 6, "rule": "unknown_field"},
            {"place": 10, "length": 1, "rule": "unclosed_quote"},
        ])
    );
    assert_eq!(answer["read_as"], "北京 加喜");
    let answer = find(&house.admin, &json!({"text": "加喜 employees:>many", "entity": "account"}));
    assert_eq!(answer["faults"], json!([{"place": 3, "length": 15, "rule": "wrong_value"}]));
    assert_eq!(answer["total"], 2);
}

#[test]
fn a_misspelt_word_is_put_right_and_said_so() {
    let house = filled();
    let answer = find(&house.admin, &json!({"text": "acme tradign"}));
    assert_eq!((titles(&answer), &answer["near"]), (vec!["Acme Trading".to_owned()], &json!(true)));
    assert_eq!(answer["corrected"], "acme trading");
    assert_eq!(answer["hits"][0]["highlights"][0]["ranges"], json!([[0, 4], [5, 12]]));
    let answer = find(&house.admin, &json!({"text": "上海加西企业服务有限公司"}));
    assert_eq!(titles(&answer)[0], "上海加喜企业服务有限公司");
    let answer = find(&house.admin, &json!({"text": "acme 钢铁"}));
    assert_eq!(answer["total"], 0);
    let answer = find(&house.admin, &json!({"text": "acme 钢铁", "closest": true}));
    assert_eq!(titles(&answer), ["Acme Trading"]);
}

#[test]
fn a_search_goes_together_with_a_condition_an_order_facets_and_counts_by_entity() {
    let house = filled();
    let answer = find(&house.admin, &json!({"text": "加喜"}));
    assert_eq!(answer["entities"], json!({"crm.account": 2, "crm.contact": 1}));
    let request = json!({
        "text": "trading OR 加喜",
        "entity": "account",
        "filter": {"field": "employees", "op": "lt", "value": 1000},
        "sort": ["-employees"],
        "facets": ["industry"],
    });
    let answer = find(&house.admin, &request);
    assert_eq!(titles(&answer), ["Global Trading", "上海加喜企业服务有限公司", "北京加喜贸易有限公司"]);
    assert_eq!(answer["total"], 3);
    assert_eq!(
        answer["facets"],
        json!([{"field": "industry", "values": [{"value": "trade", "count": 2}, {"value": "services", "count": 1}]}])
    );
    let page = find(
        &house.admin,
        &json!({"text": "trading OR 加喜", "entity": "account", "sort": ["employees"], "limit": 1, "offset": 1}),
    );
    assert_eq!((titles(&page), &page["total"]), (vec!["上海加喜企业服务有限公司".to_owned()], &json!(4)));
    for (text, expected) in [
        ("加喜 employees:>10", 1),
        ("加喜 employees:7..40", 2),
        ("加喜 employees:..7", 1),
        ("trading employees:=90", 1),
    ] {
        let answer = find(&house.admin, &json!({"text": text, "entity": "account"}));
        assert_eq!((&answer["total"], &answer["faults"]), (&json!(expected), &json!([])), "{text}");
    }
    let code = |request: Json| refusal(api::call(&house.admin, "search.find", &request));
    assert_eq!(code(json!({"text": "加喜", "sort": ["name"]})), Code::MissingParameter);
    assert_eq!(code(json!({"text": "加喜", "entity": "account", "facets": ["colour"]})), Code::UnknownField);
    assert_eq!(code(json!({"text": "加喜", "entity": "account", "filter": 3})), Code::InvalidFilter);
}

#[test]
fn a_saved_search_tells_its_user_of_new_records_that_match_and_that_the_user_sees() {
    let house = filled();
    let reader = house.role("reader", &[("crm.account", Action::Read, Level::All)]);
    let lin = house.user("lin", &[reader]);
    let call = |session: &Session, method: &str, request: Json| api::call(session, method, &request).unwrap();
    let saved = call(&lin, "search.save", json!({"name": "喜", "text": "加喜 -北京", "alerts": true}));
    call(&lin, "search.save", json!({"name": "quiet", "text": "加喜"}));
    let alerts = |session: &Session| {
        let told = call(session, "search.alerts", json!({}));
        let named = told["alerts"].as_array().unwrap().iter().map(|alert| {
            let records = alert["records"].as_array().unwrap().iter();
            let mut titles: Vec<&str> = records.map(|record| record["title"].as_str().unwrap()).collect();
            titles.sort_unstable();
            format!("{}: {}", alert["name"].as_str().unwrap(), titles.join(", "))
        });
        (named.collect::<Vec<_>>(), told["until"].clone())
    };
    assert_eq!(alerts(&lin).0, Vec::<String>::new(), "what stood before is not new");
    let first = house.create("account", &Changes::new().set("name", "加喜一"));
    for (entity, name) in [("account", "北京加喜"), ("account", "别家"), ("contact", "加喜人")] {
        let _ = house.create(entity, &Changes::new().set("name", name));
    }
    let gone = house.create("account", &Changes::new().set("name", "加喜二"));
    house.admin.write(|transaction| transaction.delete_record("account", gone)).unwrap();
    house.change("account", first, &Changes::new().set("name", "加喜三"));
    let (told, until) = alerts(&lin);
    assert_eq!(told, ["喜: 加喜三"], "by what it is now and the reader sees");
    assert_eq!(alerts(&lin).0, told, "until it is acknowledged");
    assert_eq!(alerts(&house.admin).0, Vec::<String>::new());
    call(&lin, "search.acknowledge", json!({"until": until}));
    assert_eq!(alerts(&lin).0, Vec::<String>::new());
    let _ = house.create("account", &Changes::new().set("name", "加喜四"));
    drop(lin);
    let house = house.reopened();
    let lin = house.crm.session_for("lin").unwrap();
    assert_eq!(alerts(&lin).0, ["喜: 加喜四"]);
    let far = json!({"until": 1_000_000});
    assert_eq!(refusal(api::call(&lin, "search.acknowledge", &far)), Code::InvalidArgument);
    let names = |session: &Session| {
        let told = call(session, "search.saved", json!({}));
        told["searches"].as_array().unwrap().iter().map(|search| search["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&lin), ["quiet", "喜"]);
    assert_eq!(names(&house.admin), Vec::<Json>::new());
    let forget = json!({"id": saved["id"]});
    assert_eq!(refusal(api::call(&house.admin, "search.forget", &forget)), Code::RecordNotFound);
    call(&lin, "search.forget", forget);
    assert_eq!(names(&lin), ["quiet"]);
    assert_eq!(alerts(&lin).0, Vec::<String>::new());
    let entity = json!({"name": "x", "text": "x", "entity": "crm.contact"});
    assert_eq!(refusal(api::call(&lin, "search.save", &entity)), Code::NotPermitted);
}

#[test]
fn synonyms_are_a_setting_of_the_database() {
    let house = filled();
    assert_eq!(found(&house.admin, "global 贸易"), Vec::<String>::new());
    let change = json!({"settings": {"search.synonyms": [["贸易", "trading"], ["nonsense"], 3]}});
    api::call(&house.admin, "configuration.set", &change).unwrap();
    assert_eq!(found(&house.admin, "global 贸易"), ["Global Trading"]);
    assert_eq!(found(&house.admin, "贸易").len(), 3);
    let request = json!({"text": "环球", "synonyms": [["环球", "global"]]});
    assert_eq!(titles(&find(&house.admin, &request)), ["Global Trading"]);
}

#[test]
fn titles_complete_what_is_being_typed() {
    let house = filled();
    let complete = |text: &str| -> Vec<String> {
        let told = api::call(&house.admin, "search.complete", &json!({"text": text, "limit": 5})).unwrap();
        let titles = told["titles"].as_array().unwrap().iter();
        titles.map(|title| title["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(complete("glo"), ["Global Trading"]);
    assert_eq!(complete("北京加"), ["北京加喜贸易有限公司"]);
    assert_eq!(complete("bjjx"), ["北京加喜贸易有限公司"]);
    assert_eq!(complete("wang.wu@"), Vec::<String>::new(), "an address is no title");
    assert_eq!(complete("?"), Vec::<String>::new());
}

#[test]
fn nothing_of_a_hidden_record_or_field_is_in_hits_totals_counts_facets_corrections_and_completions() {
    let house = filled();
    let role = house.role_hiding("clerk", &[("crm.account", Action::Read, Level::All)], "phone,industry");
    let own = house.role("own", &[("crm.contact", Action::Read, Level::Own)]);
    let clerk = house.user("clerk", &[role, own]);
    let seen = house.create("account", &Changes::new().set("name", "加喜").set("phone", "13900001111"));
    for text in ["13900001111", "0000", "phone:1390", "138 1234 5678"] {
        assert_eq!(found(&house.admin, text).len(), 1, "{text}");
        assert_eq!(found(&clerk, text), Vec::<String>::new(), "{text}");
    }
    let answer = find(&clerk, &json!({"text": "加喜"}));
    assert_eq!((&answer["total"], &answer["entities"]), (&json!(3), &json!({"crm.account": 3})));
    let answer = find(&clerk, &json!({"text": "phone:加喜", "entity": "account"}));
    assert_eq!(answer["faults"][0]["rule"], "unknown_field", "a hidden field is one that there is not");
    let answer = find(&clerk, &json!({"text": "wagn"}));
    assert_eq!((&answer["total"], &answer["corrected"]), (&json!(0), &Json::Null));
    let request = json!({"text": "加喜", "entity": "account", "facets": ["industry"]});
    assert_eq!(refusal(api::call(&clerk, "search.find", &request)), Code::UnknownField);
    let request =
        json!({"text": "加喜", "entity": "account", "filter": {"field": "phone", "op": "eq", "value": "1"}});
    assert_eq!(refusal(api::call(&clerk, "search.find", &request)), Code::UnknownField);
    let told = api::call(&clerk, "search.complete", &json!({"text": "加喜王"})).unwrap();
    let titles = told["titles"].as_array().unwrap().iter();
    assert!(titles.clone().count() > 0 && titles.clone().all(|title| title["title"] != "加喜王五"));
    house.admin.write(|transaction| transaction.delete_record("account", seen)).unwrap();
    assert_eq!(find(&clerk, &json!({"text": "加喜"}))["total"], 2);
}

#[test]
fn the_order_of_hits_is_the_same_whatever_hidden_records_say() {
    let house = database();
    let reader = house.role("own", &[("*", Action::Read, Level::Own), ("*", Action::Create, Level::Own)]);
    let lin = house.user("lin", &[reader]);
    for name in ["金山 水木 水木", "金山 金山 水木"] {
        let changes = Changes::new().set("name", name);
        lin.write(|transaction| transaction.create_record("account", changes.clone())).unwrap();
    }
    let order = || titles(&find(&lin, &json!({"text": "金山 水木"})));
    let before = order();
    assert_eq!(before.len(), 2);
    for word in ["金山", "水木"] {
        for number in 0..40 {
            let _ = house.create("account", &Changes::new().set("name", format!("{word} {number}")));
        }
        assert_eq!(order(), before, "{word} is frequent among records that are hidden");
    }
}

#[test]
fn what_is_committed_is_found_in_the_next_call_and_costs_no_file_of_the_index() {
    let house = filled();
    found(&house.admin, "加喜");
    let before = files(&house.path());
    for number in 0..50 {
        let name = format!("Zwischenzeit {number}");
        let id = house.create("account", &Changes::new().set("name", name.as_str()));
        assert_eq!(found(&house.admin, &format!("\"{name}\"")), [name]);
        house.change("account", id, &Changes::new().set("name", "Umbenannt"));
        assert_eq!(found(&house.admin, "umbenannt").len(), number + 1);
    }
    assert_eq!(files(&house.path()), before);
    assert_eq!(found(&house.admin, "zwischenzeit"), Vec::<String>::new());
    let house = house.reopened();
    assert_eq!(found(&house.admin, "umbenannt").len(), 50);
}

/// The files of the index, with their bytes.
fn files(database: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(database.join("index")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// So many records that they go to the files of the index.
fn many(house: &House) {
    for hundred in 0..13 {
        let create = |transaction: &mut guanxi::engine::Transaction<'_>| {
            for number in 0..100 {
                let name = format!("Kunstdorf 上海加喜 {hundred} {number}");
                transaction.create_record("account", Changes::new().set("name", name))?;
            }
            Ok(())
        };
        house.admin.write(create).unwrap();
    }
    assert_eq!(total(&house.admin), 1_300);
    assert!(files(&house.path()).len() > 3);
}

fn total(session: &Session) -> u64 {
    let answer = find(session, &json!({"text": "kunstdorf 加喜", "limit": 1}));
    answer["total"].as_u64().unwrap()
}

#[test]
fn no_file_of_the_index_has_a_name_or_a_number_in_clear() {
    let house = database();
    many(&house);
    for (path, bytes) in files(&house.path()) {
        for word in ["kunstdorf", "Kunstdorf", "加喜"] {
            let word = word.as_bytes();
            assert!(!bytes.windows(word.len()).any(|part| part == word), "{}", path.display());
        }
    }
}

#[test]
fn an_index_with_any_file_missing_shortened_or_flipped_answers_as_before() {
    let mut house = database();
    many(&house);
    let whole = files(&house.path());
    for path in whole.keys() {
        for damage in 0..4 {
            let at = house.path();
            let mut bytes = whole[path].clone();
            let middle = bytes.len() / 2;
            house = house.reopened_after(|| {
                // The whole index as it was, but for one file.
                fs::remove_dir_all(at.join("index")).unwrap();
                fs::create_dir(at.join("index")).unwrap();
                whole.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
                match damage {
                    0 => fs::remove_file(path).unwrap(),
                    1 => fs::write(path, &bytes[..middle]).unwrap(),
                    2 => fs::write(path, []).unwrap(),
                    _ => {
                        if let Some(byte) = bytes.get_mut(middle) {
                            *byte ^= 0x10;
                        }
                        fs::write(path, &bytes).unwrap();
                    }
                }
            });
            assert_eq!(total(&house.admin), 1_300, "{} {damage}", path.display());
        }
    }
}

#[test]
fn an_index_that_is_deleted_or_overwritten_while_it_is_open_does_not_change_answers() {
    let house = database();
    many(&house);
    let path = house.path().join("index");
    for round in 0..6_u64 {
        for (place, (file, bytes)) in files(&house.path()).into_iter().enumerate() {
            match (round + u64::try_from(place).unwrap()) % 3 {
                // The index may have put it away itself by now, where parts of it became one.
                0 => drop(fs::remove_file(file)),
                1 => fs::write(file, &bytes[..bytes.len() / 3]).unwrap(),
                _ => fs::write(file, vec![0x5a; bytes.len()]).unwrap(),
            }
        }
        if round == 3 {
            // What merges parts may write into it meanwhile.
            while path.exists() {
                let _ = fs::remove_dir_all(&path);
            }
        }
        assert_eq!(total(&house.admin), 1_300 + round);
        let _ = house.create("account", &Changes::new().set("name", "Kunstdorf 加喜 more"));
        assert_eq!(total(&house.admin), 1_301 + round);
        // What is asked of the files themselves may fail once, and the next search makes them anew.
        let _ = house.admin.purge_search();
        assert_eq!(total(&house.admin), 1_301 + round);
    }
    let house = house.reopened();
    assert_eq!(total(&house.admin), 1_306);
}

/// A number below `end`, by a plain generator (Knuth's MMIX constants).
fn random(state: &mut u64, end: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap() % end
}

/// What a process that is killed now leaves behind: a copy of all files as they lie.
fn killed(path: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["", "index", "blobs"] {
        let copy = folder.path().join("house.guanxi").join(part);
        fs::create_dir_all(&copy).unwrap();
        for entry in fs::read_dir(path.join(part)).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.path().is_file() {
                fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
            }
        }
    }
    folder
}

#[test]
fn a_process_that_is_killed_at_any_moment_and_whose_index_is_damaged_at_random_answers_as_before() {
    let house = database();
    many(&house);
    let (mut expected, mut state) = (1_300, 20_261_130);
    for round in 0..10 {
        for _ in 0..random(&mut state, 30) {
            let _ = house.create("account", &Changes::new().set("name", "Kunstdorf 加喜 more"));
            expected += 1;
            if random(&mut state, 4) == 0 {
                assert_eq!(total(&house.admin), expected, "{round}");
            }
        }
        if random(&mut state, 3) == 0 {
            house.admin.purge_search().unwrap();
        }
        let folder = killed(&house.path());
        let copy = folder.path().join("house.guanxi");
        for (path, mut bytes) in files(&copy) {
            match random(&mut state, 6) {
                0 => fs::remove_file(path).unwrap(),
                1 => fs::write(path, &bytes[..random(&mut state, bytes.len())]).unwrap(),
                2 => {
                    let place = random(&mut state, bytes.len());
                    bytes[place] ^= 1_u8 << random(&mut state, 8);
                    fs::write(path, bytes).unwrap();
                }
                _ => {}
            }
        }
        let crm = guanxi_tests::options().open(&copy).unwrap();
        let admin = crm.session_for("admin").unwrap();
        assert_eq!(total(&admin), expected, "{round}");
        let more = Changes::new().set("name", "Kunstdorf 加喜 once more");
        admin.write(|transaction| transaction.create_record("account", more.clone())).unwrap();
        assert_eq!(total(&admin), expected + 1, "{round}");
    }
}
