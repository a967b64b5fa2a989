//! The report of compliance tells what is open and what changed, in three forms and two languages.

use guanxi::engine::{Action, Carried, Level, NewShare, ShareLevel, Sharee};
use guanxi::features::privacy::ReportRequest;
use guanxi::model::Contact;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Locale, RecordId};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

use super::{DAY, call, person, purpose};

fn section<'r>(report: &'r Json, code: &str) -> &'r Vec<Json> {
    let sections = report["sections"].as_array().unwrap().iter();
    sections.clone().find(|section| section["code"] == code).unwrap()["rows"].as_array().unwrap()
}

/// A house in which every section has something to tell, the seller in it, and a person.
fn busy() -> (House, RecordId) {
    let house = database();
    let _ = house.user_as("sleeper", "salesperson");
    let seller = house.user_as("seller", "manager");
    let _ = house.role("nobody", &[("crm.account", Action::Read, Level::Own)]);
    house.clock.advance_micros(100 * DAY);
    let _ = house.crm.session_for("seller").unwrap();
    purpose(&house, "news", &["consent"]);
    let lin = person(&house, "=林先生");
    let said = json!({
        "entity": "contact", "id": lin.to_string(), "purpose": "news", "channel": "email", "decision": "withdrawn",
    });
    for _ in 0..2 {
        call(&house.admin, "consent.record", said.clone()).unwrap();
    }
    let share = NewShare::new(Sharee::User(seller.user()), ShareLevel::Read);
    house.admin.share(Contact::NAME, lin, &share).unwrap();
    let ours = seller.write(|txn| txn.create_record("account", Changes::new().set("name", "a"))).unwrap();
    let (entity, form) = ("account".to_owned(), "csv".to_owned());
    let carried = Carried { entity, records: vec![ours], rows: 1, form, filter: None };
    seller.note_export(&carried).unwrap();
    seller.note_export(&carried).unwrap();
    let held = json!({"entity": "contact", "id": lin.to_string(), "reason": "诉讼"});
    call(&house.admin, "hold.place", held).unwrap();
    let rule = json!({
        "code": "old", "name": "x", "entity": "crm.contact", "clock": "created_at", "period": "P0D",
        "action": "delete", "basis": "x", "active": true,
    });
    let processor = json!({"name": "=云|服务商", "role": "processor", "country": "CN"});
    for (entity, values) in [("sys.retention_rule", rule), ("sys.processor", processor)] {
        call(&house.admin, "record.create", json!({"entity": entity, "values": values})).unwrap();
    }
    let field = json!({
        "entity": "contact", "name": "illness", "field_type": "text", "label_zh": "病史", "label_en": "Illness",
        "privacy": "sensitive", "purposes": ["care"],
    });
    call(&house.admin, "schema.define_field", field).unwrap();
    house.clock.advance_micros(1);
    (house, lin)
}

#[test]
fn each_section_tells_what_it_is_about() {
    let (house, lin) = busy();
    let report = call(&house.admin, "privacy.report", json!({})).unwrap();
    let names =
        |code: &str| -> Vec<Json> { section(&report, code).iter().map(|row| row["name"].clone()).collect() };
    let due = json!({"rule": "old", "entity": "crm.contact", "count": 1});
    assert_eq!(section(&report, "overdue_deletions"), &[due]);
    let exports = section(&report, "exports");
    assert_eq!(names("exports"), ["seller"]);
    assert_eq!((&exports[0]["count"], &exports[0]["rows"]), (&json!(2), &json!(2)));
    assert_eq!(names("administrators"), ["admin"]);
    let nobodys = names("roles_of_nobody");
    assert!(nobodys.contains(&json!("nobody")) && !nobodys.contains(&json!("manager")), "{nobodys:?}");
    let mut idle = names("inactive_users");
    idle.sort_by_key(ToString::to_string);
    assert_eq!(idle, ["admin", "sleeper"], "the administrator came before the period, too");
    assert_eq!(section(&report, "shares_without_end")[0]["record"], lin.to_string());
    let bare = section(&report, "fields_without_purpose");
    assert!(bare.iter().any(|row| row["entity"] == "crm.contact" && row["field"] == "phone"));
    assert!(bare.iter().all(|row| row["field"] != "x.illness"));
    let unknown = json!({"purpose": "care", "entity": "crm.contact", "field": "x.illness"});
    assert_eq!(section(&report, "unregistered_purposes"), &[unknown]);
    let withdrawn = json!({"purpose": "news", "channel": "email", "decision": "withdrawn", "count": 2});
    assert_eq!(section(&report, "withdrawals"), &[withdrawn]);
    assert_eq!(names("processors_without_contract"), ["=云|服务商"]);
    assert_eq!(section(&report, "legal_holds")[0]["reason"], "诉讼");
}

#[test]
fn requests_that_are_not_answered_are_told_until_they_are_and_those_that_are_late_first() {
    let house = database();
    let lin = person(&house, "林先生").to_string();
    let receive = |kind: &str, law: &str| {
        let given = json!({"kind": kind, "law": law, "entity": "contact", "subject": lin});
        call(&house.admin, "rights.receive", given).unwrap()["id"].clone()
    };
    let late = receive("access", "gdpr");
    house.clock.advance_micros(40 * DAY);
    let (open, answered) = (receive("portability", "gdpr"), receive("objection", "ccpa"));
    for step in ["start", "fulfil"] {
        let given = json!({"id": answered, "step": step, "what": "done", "how": "by voice"});
        call(&house.admin, "rights.step", given).unwrap();
    }
    let report = call(&house.admin, "privacy.report", json!({"sections": ["rights_requests"]})).unwrap();
    let told: Vec<[&Json; 3]> = section(&report, "rights_requests")
        .iter()
        .map(|row| [&row["request"], &row["kind"], &row["overdue"]])
        .collect();
    let (yes, no) = (json!("yes"), json!("no"));
    assert_eq!(told, [[&late, &json!("access"), &yes], [&open, &json!("portability"), &no]]);
}

#[test]
fn changes_of_rights_are_those_of_the_period() {
    let (house, _) = busy();
    let rows = |from: Json| {
        let given = json!({"from": from, "sections": ["changes_of_rights"]});
        let report = call(&house.admin, "privacy.report", given).unwrap();
        assert_eq!(report["sections"].as_array().unwrap().len(), 1);
        section(&report, "changes_of_rights").clone()
    };
    let lately = rows(Json::Null);
    let shared =
        |row: &Json| row["entity"] == "sys.share" && row["kind"] == "create" && row["name"] == "admin";
    assert!(lately.iter().any(shared), "{lately:?}");
    assert!(lately.iter().all(|row| row["entity"] != "sys.role"), "that was before the period");
    assert!(rows(json!("2026-01-01T00:00:00Z")).iter().any(|row| row["entity"] == "sys.role"));
}

#[test]
fn it_is_written_for_people_in_both_languages() {
    let (house, _) = busy();
    let text = |locale: Locale, format: &str| {
        let session = house.admin.with_locale(locale);
        let told = call(&session, "privacy.report", json!({"format": format})).unwrap();
        told["text"].as_str().unwrap().to_owned()
    };
    let markdown = text(Locale::SimplifiedChinese, "markdown");
    assert!(markdown.contains("## 逾期未删除") && markdown.contains("=云\\|服务商"), "{markdown}");
    assert!(text(Locale::English, "markdown").contains("## Processors without a contract"));
    let csv = text(Locale::English, "csv");
    assert!(csv.contains("processors_without_contract,") && csv.contains("'=云|服务商,CN"), "{csv}");
    assert!(csv.lines().all(|line| !line.split(',').any(|cell| cell.starts_with('='))), "no formula");
}

#[test]
fn a_section_stops_at_its_bound_and_goes_on() {
    let house = database();
    for number in 0..7 {
        let _ = house.role(&format!("role {number}"), &[]);
    }
    house.clock.advance_micros(1);
    let (mut seen, mut after) = (Vec::new(), json!({}));
    for _ in 0..20 {
        let given = json!({"sections": ["roles_of_nobody"], "limit": 2, "after": after});
        let report = call(&house.admin, "privacy.report", given).unwrap();
        seen.extend(
            section(&report, "roles_of_nobody").iter().map(|row| row["name"].as_str().unwrap().to_owned()),
        );
        match report["sections"][0]["after"].as_str() {
            Some(next) => after = json!({"roles_of_nobody": next}),
            None => break,
        }
    }
    let ours: Vec<&String> = seen.iter().filter(|name| name.starts_with("role ")).collect();
    assert_eq!(ours.len(), 7, "{seen:?}");
    let changes = |limit: u64| {
        let (mut sum, mut calls, mut after) = (0, 0, json!({}));
        loop {
            let given = json!({"sections": ["changes_of_rights"], "from": "2026-01-01T00:00:00Z", "limit": limit, "after": after});
            let report = call(&house.admin, "privacy.report", given).unwrap();
            let rows = section(&report, "changes_of_rights");
            sum += rows.iter().map(|row| row["count"].as_u64().unwrap()).sum::<u64>();
            calls += 1;
            match report["sections"][0]["after"].as_str() {
                Some(next) if calls < 100 => after = json!({"changes_of_rights": next}),
                _ => return (sum, calls),
            }
        }
    };
    let ((whole, once), (parts, calls)) = (changes(0), changes(1));
    assert_eq!((whole, once), (parts, 1), "counts of parts add up");
    assert!(whole >= 7 && calls > 1, "{whole} {calls}");
    let fields = |after: Option<&str>| {
        let mut given = json!({"sections": ["fields_without_purpose"], "limit": 3});
        if let Some(after) = after {
            given["after"] = json!({"fields_without_purpose": after});
        }
        call(&house.admin, "privacy.report", given).unwrap()["sections"][0].clone()
    };
    let first = fields(None);
    let second = fields(first["after"].as_str());
    assert_eq!(first["rows"].as_array().unwrap().len(), 3);
    assert_ne!(first["rows"], second["rows"]);
}

#[test]
fn it_is_for_administrators_and_its_questions_are_checked() {
    let house = database();
    let clerk = house.user_as("clerk", "director");
    assert_eq!(refusal(clerk.compliance_report(&ReportRequest::default())), Code::NotPermitted);
    let code = |given: Json| refusal(call(&house.admin, "privacy.report", given));
    assert_eq!(code(json!({"sections": ["nothing"]})), Code::InvalidArgument);
    assert_eq!(code(json!({"after": {"nothing": "x"}})), Code::InvalidArgument);
    assert_eq!(code(json!({"after": {"exports": "x"}})), Code::InvalidCursor);
    assert_eq!(code(json!({"after": {"changes_of_rights": "x"}})), Code::InvalidCursor);
    assert_eq!(code(json!({"after": {"administrators": "x"}})), Code::InvalidCursor);
    assert_eq!(code(json!({"format": "pdf"})), Code::InvalidArgument);
    assert_eq!(
        code(json!({"from": "2026-11-22T00:00:00Z", "until": "2026-11-21T00:00:00Z"})),
        Code::InvalidArgument
    );
}
