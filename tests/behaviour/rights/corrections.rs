//! Requests for corrections: whoever reads a record says what is wrong with it, and whoever may change it decides.

use guanxi::engine::{
    Action, At, CorrectionStatus, CorrectionsOf, Level, MAX_OPEN_OF_PERSON, Process, Sharee, Verdict,
};
use guanxi::{Changes, Code, RecordId, Session, Value};
use guanxi_tests::{House, database, refusal};
use serde_json::json;

/// A house with a record, somebody who only reads it, and somebody who changes it.
struct Office {
    house: House,
    record: RecordId,
    reader: Session,
    keeper: Session,
}

fn office() -> Office {
    let house = database();
    let read = house.role("reads", &[("crm.account", Action::Read, Level::All)]);
    let keep = house.role(
        "keeps",
        &[("crm.account", Action::Read, Level::All), ("crm.account", Action::Update, Level::All)],
    );
    let (reader, keeper) = (house.user("reader", &[read]), house.user("keeper", &[keep]));
    let record = house.create("account", &Changes::new().set("name", "加喜").set("city", "上海"));
    Office { house, record, reader, keeper }
}

impl Office {
    fn propose(&self, session: &Session, city: &str) -> guanxi::Result<RecordId> {
        session.propose_correction("account", self.record, &[("city", Value::from(city))], "moved")
    }

    fn city(&self) -> String {
        let row = self.house.admin.get("account", self.record).unwrap();
        row.value("city").unwrap().as_text().unwrap().to_owned()
    }

    fn seen(&self, session: &Session, of: &CorrectionsOf) -> Vec<(RecordId, CorrectionStatus)> {
        let page = session.corrections(of, None, 0).unwrap();
        page.corrections.iter().map(|correction| (correction.id, correction.status)).collect()
    }
}

#[test]
fn who_may_not_change_a_record_proposes_and_who_may_accepts_with_the_author_as_cause() {
    let office = office();
    let set = Changes::new().set("city", "北京");
    let changed =
        office.reader.write(|transaction| transaction.update_record("account", office.record, set.clone()));
    assert_eq!(refusal(changed), Code::NotPermitted);
    let id = office.propose(&office.reader, "北京").unwrap();
    assert_eq!(office.city(), "上海", "nothing is changed by a proposal");
    assert_eq!(office.seen(&office.keeper, &CorrectionsOf::Undecided), [(id, CorrectionStatus::Open)]);
    let page = office.keeper.corrections(&CorrectionsOf::Undecided, None, 0).unwrap();
    assert_eq!(page.corrections[0].proposed, [("city".to_owned(), Value::from("北京"))].into());
    assert_eq!(
        (page.corrections[0].reason.as_str(), page.corrections[0].proposer),
        ("moved", Some(office.reader.user()))
    );
    office.keeper.accept_correction(id, Some("thank you")).unwrap();
    assert_eq!(office.city(), "北京");
    let newest = office.house.admin.history("account", office.record, None, 1).unwrap().versions.remove(0);
    assert_eq!(newest.actor, office.keeper.user());
    assert_eq!(newest.cause, format!("correction.accept by {}", office.reader.user()));
    let mine = office.reader.corrections(&CorrectionsOf::Mine, None, 0).unwrap().corrections.remove(0);
    assert_eq!((mine.status, mine.decided_by), (CorrectionStatus::Accepted, Some(office.keeper.user())));
    assert_eq!(mine.decision.as_deref(), Some("thank you"));
    // The same decision once more does nothing, and neither does another one.
    office.house.change("account", office.record, &Changes::new().set("city", "广州"));
    assert_eq!(refusal(office.keeper.accept_correction(id, None)), Code::InvalidTransition);
    assert_eq!(refusal(office.keeper.refuse_correction(id, "no")), Code::InvalidTransition);
    assert_eq!(refusal(office.reader.withdraw_correction(id)), Code::InvalidTransition);
    assert_eq!(office.city(), "广州");
    let _ = office.house.verified();
}

#[test]
fn only_who_may_change_all_of_it_decides_and_others_do_not_learn_that_it_is_there() {
    let office = office();
    let id = office.propose(&office.reader, "北京").unwrap();
    let read = office.house.role("reads too", &[("crm.account", Action::Read, Level::All)]);
    let other = office.house.user("other", &[read]);
    let stranger = office.house.user("stranger", &[]);
    for session in [&other, &stranger] {
        assert_eq!(refusal(session.accept_correction(id, None)), Code::RecordNotFound);
        assert_eq!(refusal(session.refuse_correction(id, "no")), Code::RecordNotFound);
        assert_eq!(refusal(session.withdraw_correction(id)), Code::RecordNotFound);
        assert_eq!(refusal(session.get("sys.correction_request", id)), Code::NotPermitted);
        assert!(office.seen(session, &CorrectionsOf::Undecided).is_empty());
    }
    assert!(office.seen(&other, &CorrectionsOf::Record("account".to_owned(), office.record)).is_empty());
    let of = CorrectionsOf::Record("account".to_owned(), office.record);
    assert_eq!(refusal(stranger.corrections(&of, None, 0)), Code::NotPermitted);
    assert_eq!(
        refusal(office.reader.accept_correction(id, None)),
        Code::NotPermitted,
        "nobody decides alone"
    );
    assert_eq!(refusal(office.keeper.refuse_correction(id, "  ")), Code::ReasonRequired);
    office.keeper.refuse_correction(id, "it has not moved").unwrap();
    assert_eq!(office.seen(&office.reader, &of), [(id, CorrectionStatus::Refused)]);
    let second = office.propose(&office.reader, "天津").unwrap();
    office.reader.withdraw_correction(second).unwrap();
    assert_eq!(refusal(office.keeper.accept_correction(second, None)), Code::InvalidTransition);
    assert_eq!(office.city(), "上海");
}

#[test]
fn to_whom_a_request_is_referred_reads_the_record_and_decides_until_it_is_decided() {
    let office = office();
    let house = &office.house;
    let own = [("crm.account", Action::Read, Level::Own)];
    let (reads, changes) = (
        house.role("reads own", &own),
        house.role("changes", &[own[0], ("crm.account", Action::Update, Level::All)]),
    );
    let (expert, editor) = (house.user("expert", &[reads]), house.user("editor", &[changes]));
    let sees = |session: &Session| session.get("account", office.record).is_ok();
    let id = office.propose(&office.reader, "北京").unwrap();
    let to = |session: &Session| Sharee::User(session.user());
    // It takes the right to share the record, and to decide; nobody refers a request to themselves.
    assert_eq!(refusal(office.keeper.refer_correction(id, to(&expert))), Code::NotPermitted);
    assert_eq!(refusal(office.reader.refer_correction(id, to(&expert))), Code::NotPermitted);
    assert_eq!(refusal(expert.refer_correction(id, to(&editor))), Code::RecordNotFound);
    assert_eq!(refusal(house.admin.refer_correction(id, to(&house.admin))), Code::InvalidArgument);
    assert_eq!((sees(&expert), sees(&editor)), (false, false));
    for session in [&expert, &editor] {
        assert_eq!(refusal(session.refuse_correction(id, "no")), Code::RecordNotFound);
        house.admin.refer_correction(id, to(session)).unwrap();
        house.admin.refer_correction(id, to(session)).unwrap();
        assert!(sees(session));
        assert_eq!(office.seen(session, &CorrectionsOf::Undecided), [(id, CorrectionStatus::Open)]);
    }
    let told = house.admin.explain_access(expert.user(), "account", office.record, Action::Read).unwrap();
    let process = Process { entity: "sys.correction_request".to_owned(), id };
    assert_eq!(told.shares[0].process, Some(process));
    let open = house.crm.head().unwrap().position;
    // Who only reads refuses, and does not accept; who may change the record accepts.
    assert_eq!(refusal(expert.accept_correction(id, None)), Code::NotPermitted);
    assert_eq!(office.city(), "上海");
    editor.accept_correction(id, None).unwrap();
    assert_eq!((office.city(), sees(&expert), sees(&editor)), ("北京".to_owned(), false, false));
    assert_eq!(refusal(expert.refuse_correction(id, "no")), Code::RecordNotFound);
    let at = (Action::Read, At::Position(open));
    let then = house.admin.explain_access_at(expert.user(), "account", office.record, at).unwrap();
    assert_eq!(then.verdict, Verdict::Granted, "the past knows it");
    // A refusal ends it as well, and so does whoever proposed it by taking it back.
    for withdrawn in [false, true] {
        let id = office.propose(&office.reader, "天津").unwrap();
        let given = json!({"id": id.to_string(), "user": "expert"});
        assert_eq!(guanxi::api::call(&house.admin, "correction.refer", &given).unwrap(), json!({}));
        assert!(sees(&expert));
        match withdrawn {
            true => office.reader.withdraw_correction(id).unwrap(),
            false => expert.refuse_correction(id, "it has not moved").unwrap(),
        }
        assert!(!sees(&expert));
    }
    assert_eq!(office.city(), "北京");
    let _ = house.verified();
}

#[test]
fn a_field_that_is_hidden_or_masked_takes_no_proposal_and_shows_none() {
    let office = office();
    let house = &office.house;
    let blind = house.role_hiding(
        "blind",
        &[("crm.account", Action::Read, Level::All), ("crm.account", Action::Update, Level::All)],
        "city",
    );
    let blind = house.user("blind", &[blind]);
    let propose = |field: &str, value: &str| {
        blind.propose_correction("account", office.record, &[(field, Value::from(value))], "moved")
    };
    assert_eq!(refusal(propose("city", "北京")), Code::UnknownField);
    assert_eq!(refusal(propose("no_such_field", "北京")), Code::UnknownField);
    let given = json!({
        "entity": "account", "id": office.record.to_string(), "values": {"city": {"no": "text"}}, "reason": "x",
    });
    let refused = guanxi::api::call(&blind, "correction.propose", &given);
    assert_eq!(refusal(refused), Code::UnknownField, "before its type is told");
    let id = office.propose(&office.reader, "北京").unwrap();
    assert!(office.seen(&blind, &CorrectionsOf::Undecided).is_empty());
    assert!(office.seen(&blind, &CorrectionsOf::Record("account".to_owned(), office.record)).is_empty());
    assert_eq!(refusal(blind.accept_correction(id, None)), Code::RecordNotFound);
    // Who proposed it still sees it, whatever becomes of the record.
    assert_eq!(office.seen(&office.reader, &CorrectionsOf::Mine).len(), 1);
}

#[test]
fn open_requests_are_bounded_and_what_is_proposed_is_what_the_field_takes() {
    let office = office();
    for number in 0..MAX_OPEN_OF_PERSON {
        office.propose(&office.reader, &format!("city {number}")).unwrap();
    }
    assert_eq!(refusal(office.propose(&office.reader, "one more")), Code::LimitExceeded);
    office.propose(&office.house.admin, "another person").unwrap();
    let first = office.seen(&office.reader, &CorrectionsOf::Mine)[0].0;
    office.reader.withdraw_correction(first).unwrap();
    office.propose(&office.reader, "one more").unwrap();
    let propose = |values: &[(&str, Value)], reason: &str| {
        refusal(office.house.admin.propose_correction("account", office.record, values, reason))
    };
    assert_eq!(propose(&[("city", Value::Int(5))], "x"), Code::WrongType);
    assert_eq!(propose(&[("city", Value::from("x"))], " "), Code::ReasonRequired);
    assert_eq!(propose(&[("city", Value::from("x"))], &"x".repeat(2_001)), Code::LimitExceeded);
    assert_eq!(propose(&[], "x"), Code::InvalidArgument);
    let user = office.house.admin.user();
    let of_system =
        office.house.admin.propose_correction("sys.user", user, &[("name", Value::from("x"))], "x");
    assert_eq!(refusal(of_system), Code::InvalidArgument);
    let nobody = RecordId::from_bytes([5; 16]);
    let missing = office.reader.propose_correction("account", nobody, &[("city", Value::from("x"))], "x");
    assert_eq!(refusal(missing), Code::RecordNotFound);
}

#[test]
fn requests_are_made_and_decided_by_their_methods_alone() {
    let office = office();
    let id = office.propose(&office.reader, "北京").unwrap();
    let admin = &office.house.admin;
    let set =
        |changes: Changes| {
            refusal(admin.write(|transaction| {
                transaction.update_record("sys.correction_request", id, changes.clone())
            }))
        };
    assert_eq!(set(Changes::new().set("status", "accepted")), Code::ReadOnlyField);
    assert_eq!(set(Changes::new().set("reason", "another")), Code::ReadOnlyField);
    assert_eq!(set(Changes::new().tags(vec!["x".to_owned()])), Code::NotPermitted);
    assert_eq!(office.seen(admin, &CorrectionsOf::Undecided), [(id, CorrectionStatus::Open)]);
}

#[test]
fn what_was_proposed_for_a_person_is_forgotten_with_the_person() {
    let house = database();
    let person = super::contact(&house, "林先生");
    let id =
        house.admin.propose_correction("contact", person, &[("name", Value::from("林女士"))], "x").unwrap();
    let decided =
        house.admin.propose_correction("contact", person, &[("position", Value::from("厂长"))], "x").unwrap();
    house.admin.accept_correction(decided, None).unwrap();
    let receipt = house.admin.erase("contact", person).unwrap();
    assert_eq!(receipt.statement.keys_destroyed, 3);
    assert!(house.admin.corrections(&CorrectionsOf::Mine, None, 0).unwrap().corrections.is_empty());
    for request in [id, decided] {
        assert_eq!(refusal(house.admin.get("sys.correction_request", request)), Code::RecordNotFound);
    }
    let ledger = guanxi::api::call(&house.admin, "ledger.list", &json!({"limit": 1000})).unwrap();
    assert!(!ledger.to_string().contains("林女士") && !ledger.to_string().contains("厂长"));
    let _ = house.verified();
}
