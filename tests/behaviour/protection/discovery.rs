//! Personal data in texts of which nobody said so: found by check digits and tables, told without a value.

use std::collections::BTreeMap;
use std::fs;

use guanxi::engine::{Action, Level, User, UserKind, UserStatus, role_assignment, user};
use guanxi::features::privacy::{Coverage, Discover, PersonalKind};
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{CancelToken, Changes, Code, Patience, RecordId, Session};
use guanxi_tests::{House, database, refusal, shared_data};
use serde_json::{Value as Json, json};

use super::call;

fn with_notes() -> House {
    let house = database();
    for (name, privacy) in [("remark", "none"), ("secret", "personal")] {
        let field = json!({"entity": "account", "name": name, "field_type": "text", "label_zh": "备注", "label_en": "Remark", "privacy": privacy});
        call(&house.admin, "schema.define_field", field).unwrap();
    }
    house
}

fn note(house: &House, text: &str) {
    let _ = house.create(Account::NAME, &Changes::new().set("name", "a").set("x.remark", text));
}

/// How many things of each kind are told of texts, each of which is a record.
fn found<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<(String, u64)> {
    let house = with_notes();
    texts.into_iter().for_each(|text| note(&house, text.as_ref()));
    let asked = Discover { entities: vec![Account::NAME.to_owned()], ..Discover::default() };
    let told = house.admin.discover_personal_data(&asked).unwrap();
    let remarks = told.findings.into_iter().filter(|finding| finding.field == "x.remark");
    remarks.map(|finding| (finding.kind.name().to_owned(), finding.count)).collect()
}

/// The check character of 17 digits by the weights of GB 11643, which is another way than Horner's.
fn identity(body: &str) -> String {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: usize =
        body.bytes().zip(weights).map(|(digit, weight)| usize::from(digit - b'0') * weight).sum();
    format!("{body}{}", char::from(b"10X98765432"[sum % 11]))
}

/// A number with its check digit of Luhn, found by trying all ten.
fn card(body: &str) -> String {
    let right = |number: &str| {
        let doubled = |(place, digit): (usize, u8)| {
            let digit = u32::from(digit - b'0');
            if place % 2 == 1 { [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][digit as usize] } else { digit }
        };
        number.bytes().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
    };
    (0..10).map(|digit| format!("{body}{digit}")).find(|number| right(number)).unwrap()
}

/// The same with another last character.
fn spoiled(number: &str) -> String {
    let (body, last) = number.split_at(number.len() - 1);
    let other = if last == "4" { "5" } else { "4" };
    format!("{body}{other}")
}

#[test]
fn generated_numbers_are_told_apart_by_their_check_digits() {
    let bodies: Vec<String> = (0..200)
        .map(|number: u32| {
            let region = ["110105", "310115", "440308", "513321", "650102"][number as usize % 5];
            format!(
                "{region}19{:02}{:02}{:02}{:03}",
                50 + number % 50,
                1 + number % 12,
                1 + number % 28,
                number
            )
        })
        .collect();
    let right: Vec<String> = bodies.iter().map(|body| identity(body)).collect();
    let texts = |numbers: &[String]| -> Vec<String> {
        numbers.iter().map(|number| format!("证件{number}，请核对")).collect()
    };
    assert_eq!(found(texts(&right)), [("resident_identity".to_owned(), 200)]);
    let wrong: Vec<String> = right.iter().map(|number| spoiled(number)).collect();
    assert_eq!(found(texts(&wrong)), []);
    let cards: Vec<String> =
        (0..200).map(|number: u32| card(&format!("6222{:012}", u64::from(number) * 7_919_317))).collect();
    assert_eq!(found(texts(&cards)), [("bank_card".to_owned(), 200)]);
    let wrong: Vec<String> = cards.iter().map(|number| spoiled(number)).collect();
    assert_eq!(found(texts(&wrong)), []);
}

#[test]
fn what_is_written_in_other_ways_is_found_too_and_once() {
    for (text, kinds) in [
        ("手机 138-1234-5678", &["phone"][..]),
        ("１３８１２３４５６７８", &["phone"]),
        ("+86 138 1234 5678", &["phone"]),
        ("电话：010-88993108", &["phone"]),
        ("call +44 20 7946 0958 now", &["phone"]),
        ("请联系lin@jiaxi.cn。", &["email"]),
        ("write to Lin.Wang+x@jiaxi.com.cn, please", &["email"]),
        ("13812345678@163.com", &["email"]),
        ("110105 19491231 002X", &["resident_identity"]),
        ("11010519491231002x", &["resident_identity"]),
        ("卡号 4111 1111 1111 1111", &["bank_card"]),
        ("3782-822463-10005", &["bank_card"]),
    ] {
        let told: Vec<String> = found([text]).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(told, kinds, "{text}");
    }
    let several = "13812345678 13912345678，lin@jiaxi.cn;wang@jiaxi.cn";
    assert_eq!(found([several]), [("phone".to_owned(), 2), ("email".to_owned(), 2)]);
}

#[test]
fn numbers_of_nobody_are_not_told() {
    for text in [
        "91110000600037341L",
        "订单 20261122000012345678",
        "2026-11-22 10:00:00",
        "4111 1111 1111 1112",
        "ABC13812345678DEF",
        "a @ b",
        "@lin",
        "lin@localhost",
        "12800.00 元",
        "110105194912310021",
        "110105203012310020",
        "000000000000000000",
        "4111111111111111111111111111",
        "ISBN 978-7-111-64124-7",
    ] {
        assert_eq!(found([text]), [], "{text}");
    }
}

#[test]
fn published_credit_codes_are_nobodys_and_published_identity_numbers_somebodys() {
    let Some(folder) = shared_data("chinese/uscc") else { return };
    let read =
        |name: &str| -> Json { serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap() };
    let codes = read("uscc_vectors.json");
    let codes: Vec<&str> =
        codes["valid"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert!(codes.len() > 200);
    assert_eq!(found(codes), []);
    let people = read("id_and_phone_vectors.json");
    let list = |name: &str| people[name].as_array().unwrap().clone();
    let numbers: Vec<String> = list("stdnum_ric")
        .iter()
        .filter_map(|one| {
            let valid = one.get("valid").and_then(Json::as_bool).unwrap_or(true);
            valid.then(|| one["id"].as_str().unwrap().to_owned())
        })
        .collect();
    let count = u64::try_from(numbers.len()).unwrap();
    assert_eq!(found(&numbers), [("resident_identity".to_owned(), count)]);
    let mobiles: Vec<String> =
        list("mobile_valid").iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    assert_eq!(found(&mobiles), [("phone".to_owned(), 1)]);
    let wrong: Vec<String> =
        list("mobile_invalid").iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    assert_eq!(found(&wrong), []);
}

#[test]
fn it_tells_where_and_how_many_and_never_what() {
    let house = with_notes();
    let texts = Changes::new().set("name", "a").set("x.remark", "13812345678").set("x.secret", "13812345679");
    let id = house.create(Account::NAME, &texts);
    let told = call(&house.admin, "privacy.discover", json!({})).unwrap();
    let finding = json!({
        "entity": "crm.account", "field": "x.remark", "kind": "phone", "count": 1, "records": 1, "ids": [id.to_string()],
    });
    assert_eq!(told["findings"], json!([finding]), "what is declared needs no telling");
    assert!(!told.to_string().contains("1381234567"));
    assert!(told["cursor"].is_null() && told["stopped"].is_null());
    (0..150).for_each(|_| note(&house, "lin@jiaxi.cn"));
    let asked = Discover { entities: vec!["account".to_owned()], ..Discover::default() };
    let findings = house.admin.discover_personal_data(&asked).unwrap().findings;
    let mails = findings.iter().find(|finding| finding.kind == PersonalKind::Email).unwrap();
    assert_eq!((mails.records, mails.ids.len()), (150, 100));
}

#[test]
fn it_is_for_who_reads_everything_and_stops_and_goes_on() {
    let house = with_notes();
    (0..30).for_each(|_| note(&house, "lin@jiaxi.cn"));
    let clerk = house.user_as("clerk", "director");
    assert_eq!(refusal(clerk.discover_personal_data(&Discover::default())), Code::NotPermitted);
    let keeper = [
        ("sys.*", Action::Read, Level::All),
        ("sys.*", Action::Administer, Level::All),
        ("crm.account", Action::Read, Level::Own),
    ];
    let keeper = house.user("keeper", &[house.role("keeper", &keeper)]);
    let told = keeper.discover_personal_data(&Discover::default()).unwrap();
    assert!(told.skipped.contains(&"crm.account".to_owned()) && told.findings.is_empty());
    assert_eq!(
        refusal(call(&house.admin, "privacy.discover", json!({"entities": ["nothing"]}))),
        Code::UnknownEntity
    );
    let (mut count, mut looked, mut after) = (0, 0, None);
    for _ in 0..100 {
        let asked = Discover { limit: 7, after, ..Discover::default() };
        let told = house.admin.discover_personal_data(&asked).unwrap();
        count += told.findings.iter().map(|finding| finding.count).sum::<u64>();
        looked += told.looked_at;
        after = told.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(count, 30, "each once");
    let whole = house.admin.discover_personal_data(&Discover::default()).unwrap();
    assert_eq!(whole.looked_at, looked);
    let token = CancelToken::default();
    token.cancel();
    let stopped = house.admin.with_patience(Patience::with_token(token));
    let told = call(&stopped, "privacy.discover", json!({}));
    assert!(told.is_err() || !told.unwrap()["stopped"].is_null());
}

#[test]
fn one_call_covers_the_partitions_of_several_users_and_goes_on_where_it_stopped() {
    let (house, officers, _) = officers();
    let mut expected = BTreeMap::new();
    for (number, officer) in officers.iter().enumerate() {
        let made = officer.write(|transaction| {
            (0..20 * (number + 1)).try_for_each(|row| {
                let notes = if row % 3 == 0 { "13812345678" } else { "nothing" };
                let changes = Changes::new().set("name", format!("a{row}")).set("x.remark", notes);
                transaction.create_record(Account::NAME, changes).map(drop)
            })
        });
        made.unwrap();
        expected.insert(officer.user(), officer.discover_personal_data(&Discover::default()).unwrap());
    }
    let asked = |limit| Discover { entities: vec![Account::NAME.to_owned()], limit, after: None };
    let (first, others) = officers.split_first().unwrap();
    let whole = first.discover_across(others, &asked(0), None).unwrap();
    assert!(whole.next.is_none() && whole.stopped.is_none());
    let names: Vec<Option<&str>> = whole.partitions.iter().map(|part| part.partition.as_deref()).collect();
    assert_eq!(names, [None, Some("north"), Some("south")]);
    for part in &whole.partitions {
        assert_eq!(part.coverage, Coverage::Complete);
        assert_eq!(part.found.findings, expected[&part.user].findings);
    }
    // In small steps it comes to the same, whatever the order of the sessions, and says of each how far it has come.
    let (mut after, mut counted, mut looked, mut told) = (None, BTreeMap::new(), 0, Vec::new());
    loop {
        let step = officers[2].discover_across(&officers[..2], &asked(7), after.as_ref()).unwrap();
        for part in &step.partitions {
            let count: u64 = part.found.findings.iter().map(|finding| finding.count).sum();
            *counted.entry(part.user).or_insert(0) += count;
            looked += part.found.looked_at;
            assert_eq!(
                part.found.looked_at > 0,
                [Coverage::Complete, Coverage::Part].contains(&part.coverage)
            );
        }
        told.push(step.partitions.iter().map(|part| part.coverage).collect::<Vec<_>>());
        after = step.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(looked, 20 + 40 + 60);
    let of = |user: &RecordId| expected[user].findings.iter().map(|finding| finding.count).sum::<u64>();
    assert!(counted.iter().all(|(user, count)| of(user) == *count), "{counted:?}");
    assert_eq!(told[0], [Coverage::Part, Coverage::Waiting, Coverage::Waiting]);
    assert_eq!(told.last().unwrap(), &[Coverage::Before, Coverage::Before, Coverage::Complete]);
    // Without the session of the partition where it goes on, with one partition twice, and with one who may not, nothing
    // is looked at.
    let cursor = officers[2].discover_across(&officers[..2], &asked(7), None).unwrap().next;
    let refused = officers[2].discover_across(&officers[1..2], &asked(7), cursor.as_ref());
    assert_eq!(refusal(refused), Code::InvalidCursor);
    let twice = first.discover_across(&officers, &asked(0), None);
    assert_eq!(refusal(twice), Code::InvalidArgument);
    let other = with_notes();
    let far = first.discover_across(std::slice::from_ref(&other.admin), &asked(0), None);
    assert_eq!(refusal(far), Code::InvalidArgument);
    let reader = house.user("reads", &[house.role("reads", &[("crm.account", Action::Read, Level::All)])]);
    assert_eq!(refusal(reader.discover_across(others, &asked(0), None)), Code::NotPermitted);
}

#[test]
fn hosts_that_call_by_name_cover_partitions_by_the_tokens_of_their_accounts() {
    let (house, officers, role) = officers();
    for officer in &officers {
        let changes = Changes::new().set("name", "a").set("x.remark", "13812345678");
        officer.write(|transaction| transaction.create_record(Account::NAME, changes.clone())).unwrap();
    }
    let mut tokens = Vec::new();
    for (number, officer) in officers.iter().enumerate().skip(1) {
        let known = house.admin.get(User::NAME, officer.user()).unwrap();
        let partition = known.value(user::PARTITION).unwrap();
        let made = house.admin.write(|transaction| {
            let changes = Changes::new()
                .set(user::NAME, format!("robot {number}"))
                .set(user::KIND, UserKind::Service)
                .set(user::PARTITION, partition.clone());
            let made = transaction.create_record(User::NAME, changes)?;
            let changes = Changes::new().set(role_assignment::USER, made).set(role_assignment::ROLE, role);
            transaction.create_record("sys.role_assignment", changes)?;
            Ok(made)
        });
        let token = house.admin.issue_token(made.unwrap(), "", None).unwrap();
        tokens.push(token.reveal().to_string());
    }
    let told =
        call(&officers[0], "privacy.discover_across", json!({"tokens": tokens, "entities": ["account"]}));
    let told = told.unwrap();
    let counts: Vec<&Json> =
        told["partitions"].as_array().unwrap().iter().map(|part| &part["findings"][0]["count"]).collect();
    assert_eq!(counts, [&json!(1); 3], "{told}");
    assert!(told["partitions"].as_array().unwrap().iter().all(|part| part["coverage"] == "complete"));
    assert!(!told.to_string().contains("1381234"), "no value");
    let wrong = call(&officers[0], "privacy.discover_across", json!({"tokens": ["no token"]}));
    assert_eq!(refusal(wrong), Code::SignInFailed);
}

/// Those who handle the requests of three partitions, the organisation's own and two beside it, and the role by which
/// they do.
fn officers() -> (House, Vec<Session>, RecordId) {
    let house = with_notes();
    let rights = [Action::Create, Action::Read, Action::Update, Action::Administer];
    let all = ["crm.account", "sys.rights_request"];
    let grants: Vec<_> =
        all.iter().flat_map(|entity| rights.map(|action| (*entity, action, Level::All))).collect();
    let role = house.role("officer", &grants);
    let mut officers = vec![house.user("officer", &[role])];
    for name in ["north", "south"] {
        let partition = house.partition(name);
        let made = house.admin.write(|transaction| {
            let changes = Changes::new()
                .set(user::NAME, name)
                .set(user::STATUS, UserStatus::Active)
                .set(user::PARTITION, partition);
            let made = transaction.create_record(User::NAME, changes)?;
            let changes = Changes::new().set(role_assignment::USER, made).set(role_assignment::ROLE, role);
            transaction.create_record("sys.role_assignment", changes)
        });
        made.unwrap();
        officers.push(house.crm.session_for(name).unwrap());
    }
    (house, officers, role)
}

#[test]
fn who_handles_requests_looks_through_their_own_partition_and_holds_there_and_nobody_crosses() {
    let (house, officers, _) = officers();
    let asked = Discover { entities: vec![Account::NAME.to_owned()], ..Discover::default() };
    let mut ids = Vec::new();
    for (number, officer) in officers.iter().enumerate() {
        let notes = vec!["13812345678"; number + 1].join(" and ");
        let changes = Changes::new().set("name", "a").set("x.remark", notes.as_str());
        ids.push(
            officer.write(|transaction| transaction.create_record(Account::NAME, changes.clone())).unwrap(),
        );
    }
    // One session after the other is how somebody looks who answers for all of them: each tells of its own alone.
    for (number, officer) in officers.iter().enumerate() {
        let told = officer.discover_personal_data(&asked).unwrap();
        assert_eq!((told.looked_at, told.skipped.len(), told.findings.len()), (1, 0, 1));
        let finding = &told.findings[0];
        assert_eq!((finding.count, finding.ids.as_slice()), (number as u64 + 1, &ids[number..=number]));
        let hold = |id: RecordId| {
            let given = json!({"entity": "account", "id": id.to_string(), "reason": "诉讼"});
            call(officer, "hold.place", given)
        };
        hold(ids[number]).unwrap();
        assert_eq!(refusal(hold(ids[(number + 1) % 3])), Code::RecordNotFound);
        let listed = call(officer, "hold.list", json!({})).unwrap();
        assert_eq!(listed["holds"].as_array().map(Vec::len), Some(1), "{listed}");
    }
    // Of another entity nothing is read, so nothing of it is looked through.
    let contacts = Discover { entities: vec!["crm.contact".to_owned()], ..Discover::default() };
    assert_eq!(officers[1].discover_personal_data(&contacts).unwrap().skipped, ["crm.contact"]);
    let reader = house.user("reads", &[house.role("reads", &[("crm.account", Action::Read, Level::All)])]);
    assert_eq!(refusal(reader.discover_personal_data(&asked)), Code::NotPermitted);
}
