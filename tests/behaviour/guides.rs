//! Guides: steps that lead a newcomer, what the data shows of them, roles that wait for the end of one, and help.

use std::sync::Arc;

use guanxi::base::Label;
use guanxi::engine::{
    Action, ConfigurationChange, Effect, Extension, Find, Grant, Level, NewDelegation, Registrar,
    RoleAssignment, grant, role_assignment,
};
use guanxi::model::{Account, account};
use guanxi::schema::{EntityType, GuideDefinition, GuideStep};
use guanxi::{Changes, Code, Condition, RecordId, Result, Session, api};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::{Value as Json, json};

fn call(session: &Session, method: &str, given: Json) -> Json {
    api::call(session, method, &given).unwrap()
}

/// A package with one guide of two steps that the user says are done, and one that may be left out.
fn course(version: &str) -> Json {
    let step = |name: &str, optional: bool| {
        json!({"name": name, "label": {"zh": "步骤", "en": "Step"}, "text": {"zh": "请阅读", "en": "Read it"},
            "optional": optional})
    };
    json!({"package": "cn.school", "version": version, "label": {"zh": "课程", "en": "Course"},
        "guides": [{"name": "privacy", "label": {"zh": "个人信息保护", "en": "Personal data"},
            "steps": [step("law", false), step("film", true), step("rules", false)]}]})
}

const COURSE: &str = "cn.school.privacy";

/// A house with the course, an account that everybody may read who has the role, and somebody who is given it.
struct School {
    house: House,
    account: RecordId,
    li: Session,
    assignment: RecordId,
}

fn school() -> School {
    let house = database();
    call(&house.admin, "schema.install_package", json!({"package": course("1.0.0")}));
    let account = house.create(Account::NAME, &Changes::new().set(account::NAME, "加喜"));
    let _ = house.role("reader", &[(Account::NAME, Action::Read, Level::All)]);
    let li = house.user("li", &[]);
    let given = json!({"user": "li", "role": "reader", "guide": COURSE});
    let assignment = call(&house.admin, "role.assign", given)["id"].as_str().unwrap().parse().unwrap();
    School { house, account, li, assignment }
}

impl School {
    fn explained(&self) -> Json {
        let given = json!({"entity": "account", "id": self.account.to_string(), "user": "li"});
        call(&self.house.admin, "access.explain", given)
    }

    fn finish(&self) {
        for step in ["law", "rules"] {
            call(&self.li, "guide.complete", json!({"guide": COURSE, "step": step}));
        }
    }
}

#[test]
fn every_guide_that_is_shipped_points_at_methods_that_there_are_in_both_languages() {
    let house = database();
    let guides = house.crm.guides();
    let names: Vec<String> = guides.iter().map(GuideDefinition::api_name).collect();
    assert_eq!(names, ["sys.first_steps", "crm.first_deal"]);
    for step in guides.iter().flat_map(|guide| &guide.steps) {
        assert!(!step.text.zh.is_empty() && step.text.zh != step.text.en, "{}", step.name);
        if let Some(method) = &step.method {
            assert!(api::methods().iter().any(|known| known.name == method), "{method}");
        }
    }
}

#[test]
fn the_main_flow_is_followed_by_what_the_salesperson_does() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let show = |session: &Session| call(session, "guide.show", json!({"guide": "crm.first_deal"}));
    let done = |told: &Json| -> Vec<String> {
        let steps = told["steps"].as_array().unwrap().iter().filter(|step| step["done"] == true);
        steps.map(|step| step["step"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((done(&show(&lin)), show(&lin)["next"].clone()), (vec![], json!("lead")));
    let refused = api::call(&lin, "guide.complete", &json!({"guide": "crm.first_deal", "step": "lead"}));
    assert_eq!(refusal(refused), Code::GuideStepOpen);
    // What others do is nobody's step.
    call(
        &house.admin,
        "record.create",
        json!({"entity": "lead", "values": {"name": "王芳", "phone": "13800000001"}}),
    );
    assert!(done(&show(&lin)).is_empty());
    let lead =
        json!({"entity": "lead", "values": {"name": "李雷", "company": "加喜", "phone": "13800000002"}});
    let lead = call(&lin, "record.create", lead)["id"].clone();
    assert_eq!((done(&show(&lin)), show(&lin)["next"].clone()), (vec!["lead".to_owned()], json!("contact")));
    call(&lin, "guide.check", json!({"guide": "crm.first_deal"}));
    // Once it was counted, a step stays done.
    let gone = json!({"entity": "lead", "id": lead});
    call(&house.admin, "record.delete", gone);
    assert_eq!(done(&show(&lin)), ["lead"]);
    let listed = call(&lin, "guide.list", json!({}));
    let first = listed["guides"].as_array().unwrap().iter().find(|one| one["guide"] == "crm.first_deal");
    assert_eq!((&first.unwrap()["done"], &first.unwrap()["steps"]), (&json!(1), &json!(7)));
    let _ = house.verified();
}

#[test]
fn a_role_counts_for_nothing_until_its_guide_is_done_and_from_then_on_at_once() {
    let school = school();
    let reads = || school.li.count(Account::NAME, &Condition::Everything);
    assert_eq!(refusal(reads()), Code::NotPermitted);
    assert_eq!(refusal(school.li.get(Account::NAME, school.account)), Code::NotPermitted);
    let told = school.explained();
    assert_eq!((&told["verdict"], &told["waiting"][0]["guide"]), (&json!("not_granted"), &json!(COURSE)));
    let shown = call(&school.li, "guide.complete", json!({"guide": COURSE, "step": "law"}));
    assert_eq!((&shown["completed_at"], &shown["opens_role"]), (&Json::Null, &json!(true)));
    assert_eq!(refusal(reads()), Code::NotPermitted, "half of it is not all of it");
    let shown = call(&school.li, "guide.complete", json!({"guide": COURSE, "step": "rules"}));
    assert_eq!(shown["completed_at"], "2026-11-22T04:00:00Z");
    assert_eq!((&shown["opens_role"], &shown["next"]), (&json!(false), &json!("film")));
    assert_eq!(reads().unwrap(), 1);
    let told = school.explained();
    assert_eq!((&told["verdict"], &told["waiting"]), (&json!("granted"), &json!([])));
    // The next open finds it as it was, and so does a role that is assigned later.
    let again = json!({"user": "li", "role": "salesperson", "guide": COURSE});
    call(&school.house.admin, "role.assign", again);
    assert!(school.li.count("crm.lead", &Condition::Everything).is_ok());
    call(&school.house.admin, "guide.reset", json!({"guide": COURSE, "user": "li"}));
    assert_eq!(refusal(reads()), Code::NotPermitted, "who begins anew has the role no longer");
    assert_eq!(refusal(school.li.count("crm.lead", &Condition::Everything)), Code::NotPermitted);
    school.finish();
    assert_eq!(reads().unwrap(), 1);
    let _ = school.house.verified();
}

#[test]
fn what_a_role_forbids_it_forbids_before_its_guide_is_done() {
    let school = school();
    let reader = school.house.role("all", &[(Account::NAME, Action::Read, Level::All)]);
    let wang = school.house.user("wang", &[reader]);
    let reads = || wang.get(Account::NAME, school.account).map(drop);
    assert!(reads().is_ok());
    let silent = school.house.role("silent", &[]);
    let forbids = Changes::new()
        .set(grant::ROLE, silent)
        .set(grant::ENTITY, Account::NAME)
        .set(grant::ACTION, Action::Read)
        .set(grant::LEVEL, Level::All)
        .set(grant::EFFECT, Effect::Deny);
    let _ = school.house.create(Grant::NAME, &forbids);
    call(&school.house.admin, "role.assign", json!({"user": "wang", "role": "silent", "guide": COURSE}));
    assert!(reads().is_err());
}

#[test]
fn nobody_does_a_guide_for_others_and_no_other_door_opens_the_role() {
    let school = school();
    let admin = &school.house.admin;
    // The administrator's own guide is not li's.
    for step in ["law", "rules"] {
        call(admin, "guide.complete", json!({"guide": COURSE, "step": step}));
    }
    assert_eq!(refusal(school.li.count(Account::NAME, &Condition::Everything)), Code::NotPermitted);
    let now = moment("2026-11-22T04:00:00Z");
    let forged = Changes::new().set(role_assignment::GUIDE_DONE_AT, now);
    let id = school.assignment;
    let set = admin.write(|txn| txn.update_record(RoleAssignment::NAME, id, forged.clone()));
    assert_eq!(refusal(set), Code::ReadOnlyField);
    let progress = admin.list("sys.guide_progress", &Find::default()).unwrap().rows.remove(0).record.id;
    let other = Changes::new().set("user", school.li.user());
    let moved = admin.write(|txn| txn.update_record("sys.guide_progress", progress, other.clone()));
    assert_eq!(refusal(moved), Code::ReadOnlyField);
    let reset = json!({"guide": COURSE});
    assert_eq!(refusal(api::call(&school.li, "guide.reset", &reset)), Code::NotPermitted);
    let unknown = json!({"user": "li", "role": "reader", "guide": "cn.school.physics"});
    assert_eq!(refusal(api::call(admin, "role.assign", &unknown)), Code::GuideUnknown);
    let wrong = json!({"guide": COURSE, "step": "chemistry"});
    assert_eq!(refusal(api::call(&school.li, "guide.complete", &wrong)), Code::GuideUnknown);
    let lin = school.house.user_as("lin", "salesperson");
    let deputy = NewDelegation::new(lin.user(), moment("2026-12-31T00:00:00Z"));
    school.li.delegate(&deputy).unwrap();
    let acting = lin.act_for(school.li.user()).unwrap();
    assert_eq!(refusal(acting.complete_guide_step(COURSE, "law")), Code::NotPermitted);
    assert_eq!(refusal(acting.guides()), Code::NotPermitted);
}

#[test]
fn what_is_brought_back_counts_by_what_was_done_of_its_guide_since() {
    let school = school();
    let (admin, id) = (&school.house.admin, school.assignment);
    let reads = || school.li.count(Account::NAME, &Condition::Everything);
    let (delete, bring_back) = (
        || admin.write(|transaction| transaction.delete_record(RoleAssignment::NAME, id)),
        || admin.write(|transaction| transaction.undelete_record(RoleAssignment::NAME, id)),
    );
    delete().unwrap();
    school.finish();
    bring_back().unwrap();
    assert_eq!(reads().unwrap(), 1);
    delete().unwrap();
    let progress = admin.list("sys.guide_progress", &Find::default()).unwrap().rows.remove(0).record.id;
    call(admin, "guide.reset", json!({"guide": COURSE, "user": "li"}));
    bring_back().unwrap();
    assert_eq!(refusal(reads()), Code::NotPermitted);
    let back = admin.write(|transaction| transaction.undelete_record("sys.guide_progress", progress));
    assert_eq!(refusal(back), Code::InvalidArgument);
    school.finish();
    assert_eq!(reads().unwrap(), 1);
    let _ = school.house.verified();
}

#[test]
fn under_four_eyes_a_guide_opens_what_was_agreed_on_and_is_not_waived_by_one() {
    let school = school();
    let _ = school.house.user_as("second", "administrator");
    let wang = school.house.user("wang", &[]);
    let later = json!({"user": "wang", "role": "administrator", "guide": COURSE});
    call(&school.house.admin, "role.assign", later);
    let values = [("access.four_eyes".to_owned(), Some(json!(["assignments"])))].into();
    let change = ConfigurationChange { values, ..ConfigurationChange::default() };
    school.house.admin.change_configuration(&change).unwrap();
    let waived = Changes::new().set(role_assignment::GUIDE, guanxi::Value::Null);
    let id = school.assignment;
    let waive = school.house.admin.write(|txn| txn.update_record(RoleAssignment::NAME, id, waived.clone()));
    assert_eq!(refusal(waive), Code::FourEyes);
    // Nor does one person become the second one by the guide of somebody else.
    let taken = school.house.admin.set_password(wang.user(), "a password of another");
    assert_eq!(refusal(taken), Code::FourEyes);
    school.finish();
    assert_eq!(school.li.count(Account::NAME, &Condition::Everything).unwrap(), 1);
}

#[test]
fn a_package_brings_guides_changes_them_and_takes_them_back_and_a_role_that_waits_stays_closed() {
    let school = school();
    let admin = &school.house.admin;
    let mut longer = course("1.1.0");
    longer["guides"][0]["steps"][1]["optional"] = json!(false);
    let plan = call(admin, "schema.install_package", json!({"package": longer, "dry_run": true}));
    let change = &plan["changes"][0];
    assert_eq!((&change["element"], &change["name"]), (&json!("guide"), &json!("privacy")));
    call(admin, "schema.install_package", json!({"package": longer}));
    school.finish();
    assert_eq!(refusal(school.li.count(Account::NAME, &Condition::Everything)), Code::NotPermitted);
    call(admin, "schema.remove_package", json!({"package": "cn.school"}));
    let film = json!({"guide": COURSE, "step": "film"});
    assert_eq!(refusal(api::call(&school.li, "guide.complete", &film)), Code::GuideUnknown);
    assert_eq!(refusal(school.li.count(Account::NAME, &Condition::Everything)), Code::NotPermitted);
    // An administrator lets the role count without it.
    let freed = Changes::new().set(role_assignment::GUIDE, guanxi::Value::Null);
    school.house.change(RoleAssignment::NAME, school.assignment, &freed);
    assert_eq!(school.li.count(Account::NAME, &Condition::Everything).unwrap(), 1);
}

#[test]
fn guides_that_are_wrong_are_refused_whole() {
    let house = database();
    let wrong: [(&str, Json, Code); 7] = [
        ("/steps", json!([]), Code::InvalidDefinition),
        ("/steps/0/text", json!({"zh": "请阅读", "en": ""}), Code::InvalidDefinition),
        ("/steps/0/name", json!("rules"), Code::InvalidDefinition),
        ("/steps/0/field", json!("name"), Code::InvalidDefinition),
        ("/steps/0/entity", json!("crm.nothing"), Code::UnknownEntity),
        ("/steps/0/done", json!({"entity": "crm.lead", "values": {"colour": "red"}}), Code::UnknownField),
        ("/steps/0/done", json!({"entity": "crm.lead", "count": 0}), Code::InvalidDefinition),
    ];
    for (place, said, code) in wrong {
        let mut package = course("1.0.0");
        let (parent, name) = place.rsplit_once('/').unwrap();
        *package["guides"][0].pointer_mut(parent).unwrap().get_mut(name).unwrap_or(&mut Json::Null) =
            said.clone();
        if let Some(members) = package["guides"][0].pointer_mut(parent).unwrap().as_object_mut() {
            members.insert(name.to_owned(), said);
        }
        let installed = api::call(&house.admin, "schema.install_package", &json!({"package": package}));
        assert_eq!(refusal(installed), code, "{place}");
    }
    assert_eq!(house.crm.guides().len(), 2);
}

/// An extension that brings a guide.
struct Tour;

impl Extension for Tour {
    fn id(&self) -> &str {
        "cn.tour"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        registrar.guide(GuideDefinition {
            name: "welcome".to_owned(),
            label: Label::new("欢迎", "Welcome"),
            steps: vec![GuideStep {
                name: "look".to_owned(),
                label: Label::new("看一看", "Look around"),
                text: Label::new("浏览客户列表。", "Look at the list of accounts."),
                entity: Some(Account::NAME.to_owned()),
                field: Some("phone".to_owned()),
                method: Some("record.list".to_owned()),
                ..GuideStep::default()
            }],
            ..GuideDefinition::default()
        });
        Ok(())
    }
}

#[test]
fn an_extension_brings_guides_and_they_point_at_nothing_that_the_user_does_not_see() {
    let house = House::with(|options| options.extension(Arc::new(Tour)));
    let hiding = house.role_hiding("reader", &[(Account::NAME, Action::Read, Level::All)], "phone");
    let (reader, nobody) = (house.user("reader", &[hiding]), house.user("nobody", &[]));
    let step = |session: &Session| {
        call(session, "guide.show", json!({"guide": "cn.tour.welcome"}))["steps"][0].clone()
    };
    assert_eq!(step(&house.admin)["field"], "phone");
    assert_eq!(
        (step(&reader)["entity"].clone(), step(&reader)["field"].clone()),
        (json!("crm.account"), Json::Null)
    );
    assert_eq!(
        (step(&nobody)["entity"].clone(), step(&nobody)["text"].clone()),
        (Json::Null, json!("Look at the list of accounts."))
    );
    let chinese = json!({"guide": "cn.tour.welcome", "locale": "zh-Hans"});
    assert_eq!(call(&nobody, "guide.show", chinese)["steps"][0]["text"], "浏览客户列表。");
}

#[test]
fn help_tells_of_entities_fields_and_methods_in_both_languages_and_of_none_that_is_hidden() {
    let house = database();
    let entity = call(&house.admin, "help.show", json!({"entity": "lead", "locale": "zh-Hans"}));
    assert_eq!((&entity["name"], &entity["label"]), (&json!("crm.lead"), &json!("线索")));
    assert!(entity["methods"].as_array().unwrap().contains(&json!("lead.convert")));
    assert_eq!(entity["guides"][0], json!({"guide": "crm.first_deal", "step": "lead"}));
    let field = call(&house.admin, "help.show", json!({"entity": "lead", "field": "company"}));
    assert_eq!((&field["label"], field["help"].is_string()), (&json!("Company"), true));
    let english = call(&house.admin, "help.show", json!({"method": "opportunity.win"}));
    let chinese = call(&house.admin, "help.show", json!({"method": "opportunity.win", "locale": "zh-Hans"}));
    assert!(english["help"] != chinese["help"] && chinese["help"].as_str().unwrap().contains("赢单"));
    assert_eq!(english["guides"][0]["step"], "won");
    let hiding = house.role_hiding("reader", &[(Account::NAME, Action::Read, Level::All)], "phone");
    let reader = house.user("reader", &[hiding]);
    let hidden = json!({"entity": "account", "field": "phone"});
    assert_eq!(refusal(api::call(&reader, "help.show", &hidden)), Code::UnknownField);
    assert_eq!(refusal(api::call(&reader, "help.show", &json!({"entity": "lead"}))), Code::NotPermitted);
    let known = call(&reader, "help.show", json!({"entity": "account"}));
    let fields = known["fields"].as_array().unwrap();
    assert!(fields.len() > 3 && fields.iter().all(|field| field["name"] != "phone"));
    let both = json!({"entity": "lead", "method": "lead.convert"});
    assert_eq!(refusal(api::call(&house.admin, "help.show", &both)), Code::InvalidArgument);
    let none = json!({"method": "lead.fly"});
    assert_eq!(refusal(api::call(&house.admin, "help.show", &none)), Code::UnknownMethod);
}
