//! Requests for rights: their clocks, their steps, and what they leave behind.

use guanxi::engine::{
    Action, FlagKind, Level, NewRightsRequest, PrivacyLaw, RightsKind, RightsStatus, RightsStep,
};
use guanxi::{Changes, Code, RecordId};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

use super::contact;

fn received(house: &House, law: PrivacyLaw, at: &str) -> RecordId {
    let request =
        NewRightsRequest { received_at: Some(moment(at)), ..NewRightsRequest::new(RightsKind::Access, law) };
    house.admin.receive_rights_request(&request).unwrap()
}

fn step(house: &House, id: RecordId, step: RightsStep) -> guanxi::Result<()> {
    house.admin.step_rights_request(id, &step)
}

fn identified() -> RightsStep {
    RightsStep::Identified { how: "called back at the known number".to_owned(), subject: None }
}

fn fulfil(what: &str) -> RightsStep {
    RightsStep::Fulfil { what: what.to_owned(), result: None, receipt: None }
}

#[test]
fn each_law_has_its_clock_which_ends_with_a_day_of_the_organisation() {
    let house = database();
    let due = |law, at| house.admin.rights_request(received(&house, law, at)).unwrap().due_at.to_string();
    // Days begin at 16:00 UTC in Shanghai. A month that is too short ends it with its last day.
    house.clock.set(moment("2027-03-01T00:00:00Z"));
    assert_eq!(due(PrivacyLaw::Gdpr, "2026-11-22T04:00:00Z"), "2026-12-22T16:00:00Z");
    assert_eq!(due(PrivacyLaw::Gdpr, "2026-11-22T16:30:00Z"), "2026-12-23T16:00:00Z", "already the next day");
    assert_eq!(due(PrivacyLaw::Gdpr, "2027-01-31T04:00:00Z"), "2027-02-28T16:00:00Z");
    assert_eq!(due(PrivacyLaw::Ccpa, "2026-11-22T04:00:00Z"), "2027-01-06T16:00:00Z");
    // 2026-11-22 is a Sunday: fifteen working days end on Friday, 11 December.
    assert_eq!(due(PrivacyLaw::Pipl, "2026-11-22T04:00:00Z"), "2026-12-11T16:00:00Z");
    assert_eq!(due(PrivacyLaw::Other, "2026-11-22T04:00:00Z"), "2026-12-22T16:00:00Z");
    let ccpa =
        house.admin.rights_request(received(&house, PrivacyLaw::Ccpa, "2026-11-22T04:00:00Z")).unwrap();
    assert_eq!(
        ccpa.listing.value("confirm_by").unwrap(),
        guanxi::Value::DateTime(moment("2026-12-04T16:00:00Z"))
    );
    let set = json!({"settings": {"rights.pipl_working_days": 5}});
    guanxi::api::call(&house.admin, "configuration.set", &set).unwrap();
    assert_eq!(due(PrivacyLaw::Pipl, "2026-11-22T04:00:00Z"), "2026-11-27T16:00:00Z");
    let future = NewRightsRequest {
        received_at: Some(moment("2027-03-02T00:00:00Z")),
        ..NewRightsRequest::new(RightsKind::Access, PrivacyLaw::Gdpr)
    };
    assert_eq!(refusal(house.admin.receive_rights_request(&future)), Code::InvalidArgument);
}

#[test]
fn more_time_is_taken_once_before_it_is_due_and_as_far_as_the_law_goes() {
    let house = database();
    let extend = || RightsStep::Extend { reason: "many records".to_owned() };
    let id = received(&house, PrivacyLaw::Gdpr, "2026-11-22T04:00:00Z");
    let silent = RightsStep::Extend { reason: " ".to_owned() };
    assert_eq!(refusal(step(&house, id, silent)), Code::ReasonRequired);
    step(&house, id, extend()).unwrap();
    assert_eq!(house.admin.rights_request(id).unwrap().due_at, moment("2027-02-22T16:00:00Z"));
    assert_eq!(refusal(step(&house, id, extend())), Code::InvalidTransition);
    let pipl = received(&house, PrivacyLaw::Pipl, "2026-11-22T04:00:00Z");
    assert_eq!(refusal(step(&house, pipl, extend())), Code::InvalidTransition, "PIPL has no number");
    let late = received(&house, PrivacyLaw::Ccpa, "2026-11-22T04:00:00Z");
    house.clock.set(moment("2027-01-06T16:00:00Z"));
    assert_eq!(refusal(step(&house, late, extend())), Code::InvalidTransition, "it is due");
}

#[test]
fn what_is_due_comes_first_and_what_is_answered_is_not_listed() {
    let house = database();
    let gdpr = received(&house, PrivacyLaw::Gdpr, "2026-11-22T04:00:00Z");
    let pipl = received(&house, PrivacyLaw::Pipl, "2026-11-20T04:00:00Z");
    let ccpa = received(&house, PrivacyLaw::Ccpa, "2026-11-01T04:00:00Z");
    let due = |before: Option<&str>| {
        let page = house.admin.rights_due(before.map(moment), None, 0).unwrap();
        page.requests
            .iter()
            .map(|request| (request.listing.record.id, request.is_overdue))
            .collect::<Vec<_>>()
    };
    assert_eq!(due(None), [(pipl, false), (ccpa, false), (gdpr, false)]);
    assert_eq!(due(Some("2026-12-17T00:00:00Z")), [(pipl, false), (ccpa, false)]);
    house.clock.set(moment("2026-12-17T00:00:00Z"));
    assert_eq!(due(None), [(pipl, true), (ccpa, true), (gdpr, false)]);
    step(&house, pipl, RightsStep::Refuse { reason: "not the person".to_owned() }).unwrap();
    step(&house, ccpa, identified()).unwrap();
    step(&house, ccpa, fulfil("sent a copy")).unwrap();
    assert_eq!(due(None), [(gdpr, false)]);
    let refused = house.admin.rights_request(pipl).unwrap();
    assert_eq!((refused.status, refused.is_overdue), (RightsStatus::Refused, false));
    assert_eq!(house.admin.rights_requests(None, None, 0).unwrap().requests.len(), 3);
}

#[test]
fn a_request_goes_its_way_step_by_step_and_the_ledger_has_every_one() {
    let house = database();
    let person = contact(&house, "林先生");
    let request = NewRightsRequest::new(RightsKind::Access, PrivacyLaw::Gdpr);
    let id = house.admin.receive_rights_request(&request).unwrap();
    assert_eq!(refusal(step(&house, id, fulfil("sent a copy"))), Code::InvalidTransition);
    step(&house, id, RightsStep::Confirm).unwrap();
    step(&house, id, RightsStep::AskIdentity).unwrap();
    assert_eq!(house.admin.rights_request(id).unwrap().status, RightsStatus::Verifying);
    let silent = RightsStep::Identified { how: String::new(), subject: None };
    assert_eq!(refusal(step(&house, id, silent)), Code::ReasonRequired);
    let whose = RightsStep::Identified {
        how: "shown in person".to_owned(),
        subject: Some(("contact".to_owned(), person)),
    };
    step(&house, id, whose.clone()).unwrap();
    assert_eq!(refusal(step(&house, id, whose)), Code::InvalidTransition);
    let attached = house
        .admin
        .attach("sys.rights_request", id, "copy.json", "application/json", &mut &b"{}"[..])
        .unwrap();
    let with =
        |result| RightsStep::Fulfil { what: "sent a copy".to_owned(), result: Some(result), receipt: None };
    assert_eq!(refusal(step(&house, id, with(person))), Code::ReferenceMissing);
    step(&house, id, with(attached.id)).unwrap();
    for again in [RightsStep::Withdraw, RightsStep::Start, RightsStep::Confirm, fulfil("again")] {
        assert_eq!(refusal(step(&house, id, again)), Code::InvalidTransition);
    }
    let stands = house.admin.rights_request(id).unwrap();
    assert_eq!(stands.status, RightsStatus::Fulfilled);
    assert_eq!(stands.subject, Some(("crm.contact".to_owned(), person)));
    assert_eq!(stands.listing.value("decided_by").unwrap(), guanxi::Value::Id(house.admin.user()));
    let versions = house.admin.history("sys.rights_request", id, None, 0).unwrap().versions;
    let causes: Vec<&str> = versions.iter().rev().map(|version| version.cause.as_str()).collect();
    assert_eq!(
        causes,
        ["rights.receive", "rights.confirm", "rights.ask_identity", "rights.identified", "rights.fulfil",]
    );
    assert_eq!(house.admin.rights_requests(Some(person), None, 0).unwrap().requests.len(), 1);
    let _ = house.verified();
}

#[test]
fn whose_request_it_is_does_not_change_once_it_is_said() {
    let house = database();
    let (lin, wang) = (contact(&house, "林先生"), contact(&house, "王女士"));
    let request = NewRightsRequest::new(RightsKind::Erasure, PrivacyLaw::Pipl).of("contact", lin);
    let id = house.admin.receive_rights_request(&request).unwrap();
    let other = RightsStep::Identified { how: "x".to_owned(), subject: Some(("contact".to_owned(), wang)) };
    assert_eq!(refusal(step(&house, id, other)), Code::InvalidTransition);
    let company = house.create("account", &Changes::new().set("name", "加喜"));
    let of_company = NewRightsRequest::new(RightsKind::Erasure, PrivacyLaw::Pipl).of("account", company);
    assert_eq!(refusal(house.admin.receive_rights_request(&of_company)), Code::InvalidDefinition);
}

#[test]
fn a_restricted_person_stands_as_it_is_and_is_told_until_the_restriction_is_lifted() {
    let house = database();
    let person = contact(&house, "林先生");
    let ask = |kind| {
        let id = house
            .admin
            .receive_rights_request(&NewRightsRequest::new(kind, PrivacyLaw::Gdpr).of("contact", person))
            .unwrap();
        let first = if kind == RightsKind::Restriction { identified() } else { RightsStep::Start };
        step(&house, id, first).unwrap();
        id
    };
    let flags = |session: &guanxi::Session| {
        let flags = session.privacy_flags("contact", person).unwrap();
        flags.iter().map(|flag| flag.kind).collect::<Vec<_>>()
    };
    let restriction = ask(RightsKind::Restriction);
    assert!(flags(&house.admin).is_empty(), "asked for and not decided");
    step(&house, restriction, fulfil("locked")).unwrap();
    for kind in [RightsKind::OptOut, RightsKind::Objection, RightsKind::Withdrawal] {
        let id = ask(kind);
        step(&house, id, fulfil("told everybody")).unwrap();
    }
    let all = [FlagKind::Restricted, FlagKind::Objected, FlagKind::OptedOut, FlagKind::ConsentWithdrawn];
    assert_eq!(flags(&house.admin), all);
    let read = house.role("reads", &[("crm.contact", Action::Read, Level::All)]);
    let reader = house.user("reader", &[read]);
    assert_eq!(refusal(reader.privacy_flags("contact", person)), Code::RecordNotFound, "it is hidden, too");
    let nobody = house.user("nobody", &[]);
    assert_eq!(refusal(nobody.privacy_flags("contact", person)), Code::NotPermitted);
    let set = Changes::new().set("position", "厂长");
    let change =
        || house.admin.write(|transaction| transaction.update_record("contact", person, set.clone()));
    assert_eq!(refusal(change()), Code::RecordLocked);
    assert_eq!(refusal(house.admin.erase("contact", person)), Code::RecordLocked);
    step(&house, restriction, RightsStep::Lift { reason: "settled".to_owned() }).unwrap();
    change().unwrap();
    assert!(!flags(&house.admin).contains(&FlagKind::Restricted));
    assert_eq!(flags(&reader), all[1..], "whoever sees the record is told");
    let again = RightsStep::Lift { reason: "settled".to_owned() };
    assert_eq!(refusal(step(&house, restriction, again)), Code::InvalidTransition);
}

#[test]
fn requests_are_worked_on_by_those_who_may_and_in_no_other_way() {
    let house = database();
    let id = received(&house, PrivacyLaw::Gdpr, "2026-11-22T04:00:00Z");
    let stranger = house.user_as("lin", "director");
    let request = NewRightsRequest::new(RightsKind::Access, PrivacyLaw::Gdpr);
    assert_eq!(refusal(stranger.receive_rights_request(&request)), Code::NotPermitted);
    assert_eq!(refusal(stranger.step_rights_request(id, &RightsStep::Confirm)), Code::NotPermitted);
    assert_eq!(refusal(stranger.rights_due(None, None, 0)), Code::NotPermitted);
    let grants = [Action::Create, Action::Read, Action::Update]
        .map(|action| ("sys.rights_request", action, Level::All));
    let officer = house.user("officer", &[house.role("officer", &grants)]);
    officer.step_rights_request(id, &RightsStep::Confirm).unwrap();
    let own = officer.receive_rights_request(&request).unwrap();
    assert_eq!(officer.rights_due(None, None, 0).unwrap().requests.len(), 2);
    let set = |changes: Changes| {
        refusal(
            house
                .admin
                .write(|transaction| transaction.update_record("sys.rights_request", own, changes.clone())),
        )
    };
    assert_eq!(set(Changes::new().set("status", "fulfilled")), Code::ReadOnlyField);
    assert_eq!(set(Changes::new().set("due_at", moment("2030-01-01T00:00:00Z"))), Code::ReadOnlyField);
    assert_eq!(set(Changes::new().tags(vec!["x".to_owned()])), Code::NotPermitted);
    assert!(house.admin.privacy_flags("contact", contact(&house, "x")).unwrap().is_empty());
}

#[test]
fn an_erasure_is_asked_for_done_and_shown_by_its_receipt() {
    let house = database();
    let person = contact(&house, "林先生");
    let call = |method: &str, given| guanxi::api::call(&house.admin, method, &given).unwrap();
    let request = call("rights.receive", json!({
        "kind": "erasure", "law": "gdpr", "entity": "contact", "subject": person.to_string(), "channel": "email",
    }))["id"].clone();
    call("rights.step", json!({"id": request, "step": "identified", "how": "known address"}));
    let receipt = call(
        "privacy.erase",
        json!({
            "entity": "contact", "id": person.to_string(), "basis": "GDPR 17(1)(b)", "request": request,
        }),
    );
    assert_eq!(receipt["statement"]["request"], request);
    call("rights.step", json!({"id": request, "step": "fulfil", "what": "erased", "receipt": receipt["id"]}));
    let stands = call("rights.get", json!({"id": request}));
    assert_eq!(stands["request"]["values"]["receipt"], receipt["id"]);
    assert_eq!(
        (&stands["request"]["overdue"], &stands["request"]["values"]["status"]),
        (&json!(false), &json!("fulfilled"))
    );
    let listed = call("rights.list", json!({"subject": person.to_string()}));
    assert_eq!(listed["requests"].as_array().unwrap().len(), 1, "what was asked for stays, by id alone");
    let unknown = guanxi::api::call(&house.admin, "rights.step", &json!({"id": request, "step": "forget"}));
    assert_eq!(refusal(unknown), Code::InvalidArgument);
}
