//! What people agreed to: the last word counts, nothing is overwritten, and nothing comes back by forgetting.

use guanxi::base::Timestamp;
use guanxi::engine::{Action, Channel, ConsentStatement, Decision};
use guanxi::model::Contact;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session};
use guanxi_tests::{House, database, refusal};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{DAY, call, entries, person, purpose};
use crate::backup::{full, keys, restored};

fn say(session: &Session, id: RecordId, more: Json) -> guanxi::Result<Json> {
    let mut given = json!({"entity": "contact", "id": id.to_string(), "purpose": "news", "channel": "email"});
    given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(session, "consent.record", given)
}

fn asked(session: &Session, id: RecordId, purpose: &str, channel: &str) -> guanxi::Result<Json> {
    let given = json!({"entity": "contact", "id": id.to_string(), "purpose": purpose, "channel": channel});
    call(session, "consent.check", given)
}

fn answer(house: &House, id: RecordId, purpose: &str, channel: &str) -> (bool, String) {
    let told = asked(&house.admin, id, purpose, channel).unwrap();
    (told["allowed"].as_bool().unwrap(), told["reason"].as_str().unwrap().to_owned())
}

fn is(allowed: bool, reason: &str) -> (bool, String) {
    (allowed, reason.to_owned())
}

#[test]
fn a_consent_is_given_and_withdrawn_by_one_call_and_the_last_word_counts() {
    let house = database();
    purpose(&house, "news", &["consent"]);
    let lin = person(&house, "林先生");
    assert_eq!(answer(&house, lin, "news", "email"), is(false, "no_consent"));
    let given = say(
        &house.admin,
        lin,
        json!({"decision": "given", "shown": "我同意", "version": "3", "method": "form"}),
    );
    let first = given.unwrap()["id"].clone();
    assert_eq!(answer(&house, lin, "news", "email"), is(true, "consent"));
    let told = asked(&house.admin, lin, "news", "email").unwrap();
    assert_eq!((&told["basis"], &told["statement"]), (&json!("consent"), &first));
    assert_eq!((&told["pipl"], &told["gdpr"]), (&json!("PIPL 13(1)(1)"), &json!("GDPR 6(1)(a)")));
    assert_eq!(answer(&house, lin, "news", "sms"), is(false, "no_consent"), "another channel");
    house.clock.advance_micros(DAY);
    say(&house.admin, lin, json!({"decision": "withdrawn", "channel": "any"})).unwrap();
    assert_eq!(answer(&house, lin, "news", "email"), is(false, "withdrawn"));
    // Yesterday it was allowed, and what was said then still stands as it was said.
    let given = json!({
        "entity": "contact", "id": lin.to_string(), "purpose": "news", "channel": "email",
        "at": "2026-11-22T05:00:00Z",
    });
    assert_eq!(call(&house.admin, "consent.check", given).unwrap()["allowed"], true);
    let told =
        call(&house.admin, "consent.list", json!({"entity": "contact", "id": lin.to_string()})).unwrap();
    let rows = told["consents"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["shown"], &rows[0]["version"], &rows[0]["method"]),
        (&json!("我同意"), &json!("3"), &json!("form"))
    );
    assert_eq!(rows[0]["recorded_by"], house.admin.user().to_string());
    let house = house.reopened();
    assert_eq!(answer(&house, lin, "news", "email"), is(false, "withdrawn"));
    // A paper that was signed before the withdrawal changes nothing; one that comes later does.
    say(&house.admin, lin, json!({"decision": "given", "at": "2026-11-22T06:00:00Z"})).unwrap();
    assert_eq!(answer(&house, lin, "news", "email"), is(false, "withdrawn"));
    say(&house.admin, lin, json!({"decision": "given"})).unwrap();
    assert_eq!(answer(&house, lin, "news", "email"), is(true, "consent"));
    let _ = house.verified();
}

#[test]
fn other_bases_objections_and_restrictions_decide_as_they_say() {
    let house = database();
    purpose(&house, "news", &["consent", "legitimate_interest"]);
    purpose(&house, "invoice", &["consent", "contract"]);
    purpose(&house, "tax", &["legal_obligation"]);
    let lin = person(&house, "lin");
    assert_eq!(answer(&house, lin, "news", "email"), is(true, "other_basis"));
    assert_eq!(asked(&house.admin, lin, "news", "email").unwrap()["gdpr"], "GDPR 6(1)(f)");
    assert_eq!(asked(&house.admin, lin, "news", "email").unwrap()["pipl"], Json::Null);
    say(&house.admin, lin, json!({"decision": "withdrawn", "purpose": null, "channel": "any"})).unwrap();
    assert_eq!(answer(&house, lin, "news", "email"), is(false, "withdrawn"), "no other basis in its place");
    assert_eq!(
        answer(&house, lin, "invoice", "email"),
        is(true, "other_basis"),
        "but for what a contract asks"
    );
    assert_eq!(answer(&house, lin, "tax", "processing"), is(true, "other_basis"));
    say(&house.admin, lin, json!({"decision": "given", "purpose": "news"})).unwrap();
    assert_eq!(answer(&house, lin, "news", "email"), is(true, "consent"));
    say(&house.admin, lin, json!({"decision": "objected", "purpose": "news", "channel": "any"})).unwrap();
    assert_eq!(answer(&house, lin, "news", "email"), is(false, "objected"), "whatever was agreed to");
    say(&house.admin, lin, json!({"decision": "objection_ended", "purpose": "news", "channel": "any"}))
        .unwrap();
    assert_eq!(answer(&house, lin, "news", "email"), is(true, "consent"));
    say(&house.admin, lin, json!({"decision": "restricted", "purpose": null, "channel": "any"})).unwrap();
    for code in ["news", "invoice", "tax"] {
        assert_eq!(answer(&house, lin, code, "export"), is(false, "restricted"), "{code}");
    }
    say(&house.admin, lin, json!({"decision": "restriction_ended", "purpose": null, "channel": "any"}))
        .unwrap();
    assert_eq!(answer(&house, lin, "tax", "export"), is(true, "other_basis"));
    call(&house.admin, "purpose.define", json!({"code": "tax", "active": false})).unwrap();
    assert_eq!(answer(&house, lin, "tax", "export"), is(false, "purpose_inactive"));
}

#[test]
fn what_is_wrong_is_refused() {
    let house = database();
    purpose(&house, "news", &["consent"]);
    purpose(&house, "tax", &["legal_obligation"]);
    let lin = person(&house, "lin");
    let code = |more: Json| refusal(say(&house.admin, lin, more));
    assert_eq!(code(json!({"decision": "given", "purpose": "nothing"})), Code::ReferenceMissing);
    assert_eq!(code(json!({"decision": "given", "purpose": null})), Code::MissingParameter);
    assert_eq!(code(json!({"decision": "given", "purpose": "tax"})), Code::InvalidArgument, "no basis of it");
    assert_eq!(code(json!({"decision": "agreed"})), Code::InvalidArgument);
    assert_eq!(code(json!({"decision": "given", "channel": "pigeon"})), Code::InvalidArgument);
    assert_eq!(
        code(json!({"decision": "given", "at": "2026-12-01T00:00:00Z"})),
        Code::InvalidArgument,
        "to come"
    );
    assert_eq!(code(json!({"decision": "given", "attachment": lin.to_string()})), Code::ReferenceMissing);
    assert_eq!(code(json!({"decision": "given", "note": "n".repeat(2_001)})), Code::LimitExceeded);
    assert_eq!(refusal(asked(&house.admin, lin, "news", "any")), Code::InvalidArgument);
    assert_eq!(refusal(asked(&house.admin, lin, "nothing", "email")), Code::ReferenceMissing);
    let company = house.create("account", &Changes::new().set("name", "加喜"));
    let given =
        json!({"entity": "account", "id": company.to_string(), "purpose": "news", "channel": "email"});
    assert_eq!(refusal(call(&house.admin, "consent.check", given)), Code::InvalidDefinition, "no person");
    let content = json!({"entity": "contact", "record": lin.to_string(), "name": "a.txt", "media_type": "text/plain", "content": "aGVsbG8="});
    let attached = call(&house.admin, "attachment.add", content).unwrap();
    say(&house.admin, lin, json!({"decision": "given", "attachment": attached["id"]})).unwrap();
    for wrong in
        [json!({"code": "News"}), json!({"code": "more", "name": "x"}), json!({"code": "", "name": "x"})]
    {
        assert!(call(&house.admin, "purpose.define", wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn who_changes_a_person_records_what_they_say_and_who_sees_the_person_reads_it() {
    let house = database();
    purpose(&house, "news", &["consent"]);
    let own = |name: &str, more: &[Action]| {
        let actions = [&[Action::Create, Action::Read], more].concat();
        house.user_who_may(name, &actions)
    };
    let (keeper, looker, other) =
        (own("keeper", &[Action::Update]), own("looker", &[]), own("other", &[Action::Update]));
    let make = |session: &Session| {
        session.write(|txn| txn.create_record("contact", Changes::new().set("name", "x"))).unwrap()
    };
    let (kept, seen) = (make(&keeper), make(&looker));
    say(&keeper, kept, json!({"decision": "given"})).unwrap();
    say(&keeper, kept, json!({"decision": "withdrawn"})).unwrap();
    assert_eq!(refusal(say(&looker, seen, json!({"decision": "given"}))), Code::NotPermitted);
    assert_eq!(refusal(say(&looker, seen, json!({"decision": "withdrawn"}))), Code::NotPermitted);
    assert_eq!(asked(&looker, seen, "news", "email").unwrap()["allowed"], false);
    for refused in [
        refusal(say(&other, kept, json!({"decision": "given"}))),
        refusal(asked(&other, kept, "news", "email")),
        refusal(call(&other, "consent.list", json!({"entity": "contact", "id": kept.to_string()}))),
        refusal(asked(&other, RecordId::from_bytes([9; 16]), "news", "email")),
    ] {
        assert_eq!(refused, Code::RecordNotFound, "alike for a hidden person and for nobody");
    }
    assert_eq!(refusal(keeper.count("sys.consent", &Condition::Everything)), Code::NotPermitted);
}

#[test]
fn statements_are_changed_by_nobody() {
    let house = database();
    purpose(&house, "news", &["consent"]);
    let lin = person(&house, "lin");
    let id = say(&house.admin, lin, json!({"decision": "withdrawn"})).unwrap()["id"].clone();
    let values = |values: Json| json!({"entity": "sys.consent", "id": id, "values": values});
    for (method, given) in [
        ("record.update", values(json!({"decision": "given"}))),
        ("record.update", values(json!({"note": "x"}))),
        ("record.update", values(json!({"owner": "admin"}))),
        ("record.delete", json!({"entity": "sys.consent", "id": id})),
    ] {
        let refused = refusal(call(&house.admin, method, given.clone()));
        assert!(
            [Code::NotPermitted, Code::ReadOnlyField].contains(&refused),
            "{method} {given}: {refused:?}"
        );
    }
    let made = json!({"entity": "sys.consent", "values": {"entity": "crm.contact", "subject": lin.to_string(), "channel": "email", "decision": "given", "purpose": "news", "at": "2026-11-22T00:00:00Z"}});
    let refused = refusal(call(&house.admin, "record.create", made));
    assert!([Code::NotPermitted, Code::ReadOnlyField].contains(&refused), "{refused:?}");
    assert_eq!(
        refusal(house.admin.erase("sys.consent", id.as_str().unwrap().parse().unwrap())),
        Code::InvalidDefinition
    );
    assert_eq!(answer(&house, lin, "news", "email"), is(false, "withdrawn"));
    assert_eq!(
        refusal(call(&house.admin, "purpose.define", json!({"code": "news", "legal_bases": ["whim"]}))),
        Code::NotInValueSet
    );
}

#[test]
fn statements_go_with_the_person_and_nothing_is_sent_to_who_was_forgotten() {
    let house = database();
    purpose(&house, "news", &["consent", "legitimate_interest"]);
    let [gone, stays] = ["gone", "stays"].map(|name| person(&house, name));
    let mut made = Vec::new();
    for id in [gone, stays] {
        let more = json!({"decision": "given", "shown": "the words that were shown", "note": "by a call"});
        made.push(say(&house.admin, id, more).unwrap()["id"].as_str().unwrap().parse::<RecordId>().unwrap());
    }
    let (base, _) = full(&house.admin);
    say(&house.admin, gone, json!({"decision": "withdrawn"})).unwrap();
    house.admin.erase(Contact::NAME, gone).unwrap();
    assert_eq!(
        refusal(asked(&house.admin, gone, "news", "email")),
        Code::RecordNotFound,
        "and no other basis"
    );
    assert_eq!(refusal(say(&house.admin, gone, json!({"decision": "given"}))), Code::RecordNotFound);
    assert_eq!(answer(&house, stays, "news", "email"), is(true, "consent"));
    assert_eq!(house.admin.count("sys.consent", &Condition::Everything).unwrap(), 1);
    let told = entries(&house, made[0]);
    assert!(told.len() >= 2 && told.iter().all(|(_, _, told)| !told), "{told:?}");
    assert!(entries(&house, made[1]).iter().all(|(_, _, told)| *told));
    let ledger = call(&house.admin, "ledger.list", json!({"limit": 1000})).unwrap().to_string();
    assert_eq!(ledger.matches("the words that were shown").count(), 1, "of the one who stays");
    let _ = house.verified();
    // An older backup with the keys of today has nothing of the person either.
    let path = house.folder().join("restored.guanxi");
    restored(&[&base[..]], Some(&keys(&house.admin)), &path, &guanxi::RestoreOptions::default()).unwrap();
    let crm = guanxi_tests::options().open(&path).unwrap();
    let session = crm.session_for("admin").unwrap();
    assert_eq!(refusal(asked(&session, gone, "news", "email")), Code::RecordNotFound);
    assert_eq!(session.count("sys.consent", &Condition::Everything).unwrap(), 1);
    assert_eq!(asked(&session, stays, "news", "email").unwrap()["allowed"], true);
    crm.verify(&guanxi::Patience::default()).unwrap();
}

#[test]
fn the_register_says_which_fields_serve_a_purpose_and_who_gets_data() {
    let house = database();
    purpose(&house, "care", &["consent"]);
    let field = json!({"entity": "contact", "name": "illness", "field_type": "text", "label_zh": "病史", "label_en": "Illness", "privacy": "sensitive", "purposes": ["care", "billing"]});
    call(&house.admin, "schema.define_field", field).unwrap();
    let told = call(&house.admin, "purpose.list", json!({})).unwrap()["purposes"].clone();
    let codes: Vec<&str> = told.as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["billing", "care"]);
    assert!(told[0]["id"].is_null(), "a code that only a field has");
    let serving = json!([{"entity": "crm.contact", "field": "x.illness", "privacy": "sensitive"}]);
    assert_eq!(told[1]["fields"], serving);
    let clerk = house.user_as("clerk", "salesperson");
    assert_eq!(
        refusal(call(
            &clerk,
            "purpose.define",
            json!({"code": "mine", "name": "x", "name_en": "x", "legal_bases": ["consent"]})
        )),
        Code::NotPermitted
    );
    let processor = |more: Json| {
        let mut values = json!({"name": "云服务商", "role": "processor", "country": "CN", "purposes": "care", "data_classes": ["personal"], "from": "2026-01-01"});
        values.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(&house.admin, "record.create", json!({"entity": "sys.processor", "values": values}))
    };
    processor(json!({})).unwrap();
    assert_eq!(refusal(processor(json!({"country": "china"}))), Code::InvalidArgument);
    assert_eq!(refusal(processor(json!({"purposes": "care, nothing"}))), Code::ReferenceMissing);
    assert_eq!(refusal(processor(json!({"until": "2025-01-01"}))), Code::InvalidArgument);
    assert_eq!(refusal(processor(json!({"transfer": "pigeon"}))), Code::NotInValueSet);
}

#[test]
fn a_user_who_moves_to_another_partition_takes_along_what_was_withdrawn() {
    let house = database();
    purpose(&house, "news", &["consent", "legitimate_interest"]);
    let lin = house.user_as("lin", "salesperson").user();
    say(&house.admin, lin, json!({"entity": "sys.user", "decision": "withdrawn", "channel": "any"})).unwrap();
    let allowed = || {
        let given = json!({"entity": "sys.user", "id": lin.to_string(), "purpose": "news", "channel": "sms"});
        call(&house.admin, "consent.check", given).unwrap()["allowed"].clone()
    };
    assert_eq!(allowed(), false);
    house.change("sys.user", lin, &Changes::new().set("partition", house.partition("north")));
    assert_eq!(allowed(), false);
}

/// What was said, by plain numbers: purpose (0 for all), channel (0 for any), decision, minute.
type Said = (usize, usize, usize, i64);

const PURPOSES: [(&str, &[&str]); 3] =
    [("news", &["consent", "legitimate_interest"]), ("offers", &["consent"]), ("invoice", &["contract"])];
const CHANNELS: [Channel; 3] = [Channel::Any, Channel::Email, Channel::Sms];
const DECISIONS: [Decision; 6] = [
    Decision::Given,
    Decision::Withdrawn,
    Decision::Objected,
    Decision::ObjectionEnded,
    Decision::Restricted,
    Decision::RestrictionEnded,
];

/// The policy, read off its description statement by statement.
fn oracle(said: &[Said], purpose: usize, channel: usize, minute: i64) -> &'static str {
    let (mut restricted, mut objected, mut consent) = (false, false, "nothing");
    let mut ordered: Vec<(usize, &Said)> = said.iter().enumerate().collect();
    ordered.sort_by_key(|(number, said)| (said.3, *number));
    for (_, (about, by, decision, at)) in ordered {
        let speaks = (*about == 0 || *about == purpose) && (*by == 0 || *by == channel) && *at <= minute;
        match (speaks, decision) {
            (true, 0) => consent = "given",
            (true, 1) => consent = "withdrawn",
            (true, 2 | 3) => objected = *decision == 2,
            (true, 4 | 5) => restricted = *decision == 4,
            _ => {}
        }
    }
    let (_, bases) = PURPOSES[purpose - 1];
    let has = |basis: &str| bases.contains(&basis);
    match (restricted, objected, consent) {
        (true, _, _) => "restricted",
        (_, true, _) => "objected",
        (_, _, "given") if has("consent") => "consent",
        (_, _, "withdrawn") if has("contract") => "other_basis",
        (_, _, "withdrawn") => "withdrawn",
        _ if has("contract") || has("legitimate_interest") => "other_basis",
        _ => "no_consent",
    }
}

fn statements() -> impl Strategy<Value = Vec<Said>> {
    vec((0..4_usize, 0..3_usize, 0..6_usize, 0..30_i64), 1..14).prop_map(|all| {
        // Nobody agrees to all purposes at once, nor to one that does not rest on it.
        let agrees = |said: &Said| said.2 != 0 || (1..3).contains(&said.0);
        all.into_iter().filter(agrees).collect()
    })
}

#[test]
fn answers_are_those_of_an_oracle_in_random_worlds() {
    let house = database();
    PURPOSES.iter().for_each(|(code, bases)| purpose(&house, code, bases));
    house.clock.advance_micros(DAY);
    let start = guanxi_tests::moment(guanxi_tests::NOON).micros();
    let at = |minute: i64| Timestamp::from_micros(start + minute * 60_000_000);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(40));
    let worlds = runner.run(&statements(), |said| {
        let id = person(&house, "x");
        house
            .admin
            .write(|txn| {
                for (about, by, decision, minute) in &said {
                    // Statements of one moment are told apart by when they were recorded.
                    let statement = ConsentStatement {
                        purpose: about.checked_sub(1).map(|place| PURPOSES[place].0.to_owned()),
                        at: Some(at(*minute)),
                        ..ConsentStatement::new("", CHANNELS[*by], DECISIONS[*decision])
                    };
                    txn.record_consent(Contact::NAME, id, &statement)?;
                }
                Ok(())
            })
            .unwrap();
        for purpose in 1..=3 {
            for (channel, by) in CHANNELS.into_iter().enumerate().skip(1) {
                for minute in [0, 10, 20, 29, 60] {
                    let asked = (PURPOSES[purpose - 1].0, by);
                    let told = house.admin.check_consent(Contact::NAME, id, asked, Some(at(minute))).unwrap();
                    let expected = oracle(&said, purpose, channel, minute);
                    prop_assert_eq!(told.reason.code(), expected, "{:?} {:?}", asked, &said);
                    prop_assert_eq!(told.allowed, ["consent", "other_basis"].contains(&expected));
                }
            }
        }
        Ok(())
    });
    worlds.unwrap();
    let _ = house.verified();
}
