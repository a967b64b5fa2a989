//! Leads, activities, tasks and events: states, conversion, clocks and calendars.

use std::collections::{BTreeMap, VecDeque};

use guanxi::engine::{Action, Find, Grant, Level, Ref, grant};
use guanxi::model::{
    Account, Activity, ActivityKind, Contact, Conversion, Event, Lead, LeadStatus, Opportunity, Task,
    account, activity, contact, event, lead, opportunity, task,
};
use guanxi::schema::{EntityType, RecordReference, StateMachineDefinition};
use guanxi::{Changes, Code, Condition, Money, RecordId, Result, Session, Value, api};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

fn status_of(house: &House, entity: &str, id: RecordId) -> String {
    text(house, entity, id, "status")
}

fn text(house: &House, entity: &str, id: RecordId, field: &str) -> String {
    let row = house.admin.get(entity, id).unwrap();
    row.value(field).unwrap().as_text().unwrap_or_default().to_owned()
}

fn set(session: &Session, entity: &str, id: RecordId, changes: &Changes) -> Result<()> {
    session.write(|transaction| transaction.update_record(entity, id, changes.clone())).map(drop)
}

fn machine(house: &House, entity: &str) -> (StateMachineDefinition, Vec<String>) {
    let registry = house.crm.registry();
    let known = registry.entity(entity).unwrap();
    let definition = known.machines()[0].definition.clone();
    let field = known.field(definition.field.as_str().into()).unwrap();
    let codes = field.definition.kind.codes().unwrap().iter().map(|code| code.code.clone()).collect();
    (definition, codes)
}

/// The shortest way to each state, through the declared transitions alone.
fn ways(machine: &StateMachineDefinition) -> BTreeMap<String, Vec<String>> {
    let mut ways: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut next: VecDeque<Vec<String>> = machine.initial.iter().map(|state| vec![state.clone()]).collect();
    while let Some(way) = next.pop_front() {
        let state = way.last().unwrap().clone();
        if ways.contains_key(&state) {
            continue;
        }
        ways.insert(state.clone(), way.clone());
        for step in machine.transitions.iter().filter(|step| step.from.contains(&state)) {
            next.push_back([way.clone(), vec![step.to.clone()]].concat());
        }
    }
    ways
}

/// What the guards of the machine ask for, beside the state.
fn step_to(house: &House, entity: &str, from: &str, locked: &[String], to: &str) -> Changes {
    let changes = Changes::new().set("status", to);
    if entity != Lead::NAME || locked.iter().any(|state| state == from) {
        return changes;
    }
    match to {
        "unqualified" | "dead" => changes.set("reason", "no need"),
        "converted" => {
            let account = house.admin.write(|transaction| transaction.create(account::named("converted")));
            changes.set("converted_account", account.unwrap().id())
        }
        _ => changes,
    }
}

fn in_state(
    house: &House,
    owner: &Session,
    entity: &str,
    machine: &StateMachineDefinition,
    way: &[String],
) -> RecordId {
    let title = if entity == Lead::NAME { "name" } else { "subject" };
    let draft = Changes::new().set(title, "one").set("status", way[0].as_str()).owner(owner.user());
    let id = house.create(entity, &draft);
    for pair in way.windows(2) {
        house.change(entity, id, &step_to(house, entity, &pair[0], &machine.locked, &pair[1]));
    }
    assert_eq!(status_of(house, entity, id), *way.last().unwrap());
    id
}

/// Every pair of states, tried by every role that a database begins with: it is allowed where the machine declares it and the
/// role reaches the record, and refused by name otherwise.
fn every_edge_and_role(entity: &str) {
    let house = database();
    let (machine, states) = machine(&house, entity);
    let ways = ways(&machine);
    assert_eq!(ways.len(), states.len(), "every state is reached");
    let owner = house.user_as("owner", "salesperson");
    let superior = house.user_as("superior", "manager");
    house.change("sys.user", owner.user(), &Changes::new().set("reports_to", superior.user()));
    let roles = [
        (owner.clone(), None),
        (superior, None),
        (house.user_as("director", "director"), None),
        (house.admin.clone(), None),
        (house.user_as("stranger", "salesperson"), Some(Code::RecordNotFound)),
        (house.user("nobody", &[]), Some(Code::NotPermitted)),
        (
            house.user("reader", &[house.role("reads", &[(entity, Action::Read, Level::All)])]),
            Some(Code::NotPermitted),
        ),
    ];
    let mut tried = 0;
    for from in &states {
        for to in states.iter().filter(|to| *to != from) {
            let declared = machine.transitions.iter().any(|step| step.from.contains(from) && step.to == *to);
            for (session, refused) in &roles {
                let id = in_state(&house, &owner, entity, &machine, &ways[from]);
                let changes = step_to(&house, entity, from, &machine.locked, to);
                // Whoever converts sees the account.
                if to == "converted" && declared && refused.is_none() {
                    let mine =
                        session.write(|transaction| transaction.create(account::named("mine"))).unwrap();
                    let changes =
                        Changes::new().set("status", "converted").set("converted_account", mine.id());
                    assert!(set(session, entity, id, &changes).is_ok(), "{from} -> {to}");
                    continue;
                }
                if to == "converted" && refused.is_none() {
                    let refusal =
                        refusal(set(session, entity, id, &Changes::new().set("status", "converted")));
                    assert_eq!(refusal, Code::TransitionNotAllowed, "{from} -> {to}");
                    continue;
                }
                let expected = match (refused, declared) {
                    (Some(code), _) => Some(*code),
                    (None, false) => Some(Code::TransitionNotAllowed),
                    (None, true) => None,
                };
                let outcome = set(session, entity, id, &changes).err().map(|error| error.code());
                assert_eq!(outcome, expected, "{from} -> {to} by {:?}", session.user());
                let now = if expected.is_none() { to } else { from };
                assert_eq!(status_of(&house, entity, id), **now);
                tried += 1;
            }
        }
    }
    assert!(tried >= states.len() * (states.len() - 1));
}

#[test]
fn every_step_of_a_lead_is_taken_or_refused_as_declared_by_every_role() {
    every_edge_and_role(Lead::NAME);
}

#[test]
fn every_step_of_a_task_is_taken_or_refused_as_declared_by_every_role() {
    every_edge_and_role(Task::NAME);
}

/// A lead of the administrator's that is being contacted.
fn lead(house: &House, name: &str, company: Option<&str>) -> Ref<Lead> {
    let mut draft = lead::named(name)
        .with(lead::PHONE, "13800138000")
        .with(lead::EMAIL, "wang@jiaxi.cn")
        .with(lead::BUDGET, Money::cny(12_800))
        .with(lead::NEED, "执照变更");
    if let Some(company) = company {
        draft = draft.with(lead::COMPANY, company);
    }
    let lead = house.admin.write(|transaction| transaction.create(draft.clone())).unwrap();
    house.change(Lead::NAME, lead.id(), &Changes::new().set(lead::STATUS, LeadStatus::Contacting));
    lead
}

fn count(house: &House, entity: &str) -> u64 {
    house.admin.count(entity, &Condition::Everything).unwrap()
}

#[test]
fn a_lead_becomes_an_account_a_contact_and_a_deal_at_once() {
    let house = database();
    let lead = lead(&house, "王芳", Some("加喜企业服务有限公司"));
    let made = house.admin.write(|transaction| lead.convert(transaction, &Conversion::default())).unwrap();
    let deal = made.opportunity.unwrap();
    assert_eq!(text(&house, Account::NAME, made.account.id(), "name"), "加喜企业服务有限公司");
    assert_eq!(text(&house, Account::NAME, made.account.id(), "kind"), "organisation");
    assert_eq!(text(&house, Contact::NAME, made.contact.id(), "name"), "王芳");
    let row = house.admin.get(Opportunity::NAME, deal.id()).unwrap();
    assert_eq!(row.value(opportunity::AMOUNT).unwrap(), Value::Money(Money::cny(12_800)));
    assert_eq!(row.value(opportunity::ACCOUNT).unwrap(), Value::Id(made.account.id()));
    let row = house.admin.get(Lead::NAME, lead.id()).unwrap();
    assert_eq!(row.value(lead::STATUS).unwrap(), Value::from(LeadStatus::Converted));
    assert_eq!(row.value(lead::CONVERTED_AT).unwrap(), Value::DateTime(house.crm.now()));
    assert_eq!(made.made.len(), 3);
    let _ = house.verified();
}

#[test]
fn somebody_who_buys_for_themselves_becomes_a_person() {
    let house = database();
    let lead = lead(&house, "李雷", None);
    let made = house.admin.write(|transaction| lead.convert(transaction, &Conversion::default())).unwrap();
    assert_eq!(text(&house, Account::NAME, made.account.id(), "kind"), "person");
    assert_eq!(text(&house, Account::NAME, made.account.id(), "name"), "李雷");
}

#[test]
fn what_stands_already_is_found_and_not_made_again() {
    let house = database();
    let standing = house.admin.write(|transaction| {
        let account = transaction.create(account::named("加喜企业服务有限公司"))?;
        let person = contact::named("王芳女士").with(contact::PHONE, "+86 138 0013 8000");
        Ok((account, transaction.create(person.with(contact::ACCOUNT, account))?))
    });
    let (account, contact) = standing.unwrap();
    let lead = lead(&house, "王芳", Some("加喜企业服务有限公司"));
    let matches = house.admin.read(|reader| lead.matches(&reader)).unwrap();
    assert_eq!((matches.accounts, matches.contacts), (vec![account.id()], vec![contact.id()]));
    let made = house.admin.write(|transaction| lead.convert(transaction, &Conversion::default())).unwrap();
    assert_eq!((made.account, made.contact), (account, contact));
    assert_eq!((count(&house, Account::NAME), count(&house, Contact::NAME)), (1, 1));
}

#[test]
fn where_several_match_one_is_named_or_a_new_one_is_made() {
    let house = database();
    let twins: Vec<_> = (0..2)
        .map(|_| house.admin.write(|transaction| transaction.create(account::named("同名公司"))).unwrap())
        .collect();
    let lead = lead(&house, "王芳", Some("同名公司"));
    let convert = |wanted: &Conversion| house.admin.write(|transaction| lead.convert(transaction, wanted));
    assert_eq!(refusal(convert(&Conversion::default())), Code::AmbiguousMatch);
    assert_eq!(count(&house, Opportunity::NAME), 0, "nothing is half made");
    let chosen =
        Conversion { account: Some(twins[1].id()), without_opportunity: true, ..Conversion::default() };
    let made = convert(&chosen).unwrap();
    assert_eq!((made.account, made.opportunity), (twins[1], None));
}

#[test]
fn what_the_user_does_not_see_matches_nothing_and_is_not_told() {
    let house = database();
    house.admin.write(|transaction| transaction.create(account::named("加喜"))).unwrap();
    let lin = house.user_as("lin", "salesperson");
    let draft = lead::named("王芳").with(lead::COMPANY, "加喜");
    let lead = lin.write(|transaction| transaction.create(draft.clone())).unwrap();
    let matches = lin.read(|reader| lead.matches(&reader)).unwrap();
    assert!(matches.accounts.is_empty() && matches.contacts.is_empty());
}

#[test]
fn a_mask_of_a_lead_is_written_down_nowhere() {
    let house = database();
    let mut rights = vec![("*", Action::Create, Level::Own), ("*", Action::Update, Level::Own)];
    let read = [Account::NAME, Contact::NAME, Opportunity::NAME, "crm.stage"];
    rights.extend(read.map(|entity| (entity, Action::Read, Level::Own)));
    let role = house.role("desk", &rights);
    let masks = Changes::new()
        .set(grant::MASKED_FIELDS, "phone,email")
        .set(grant::ROLE, role)
        .set(grant::ENTITY, Lead::NAME)
        .set(grant::ACTION, Action::Read)
        .set(grant::LEVEL, Level::All);
    let _ = house.create(Grant::NAME, &masks);
    let lin = house.user("lin", &[role]);
    let lead = lead(&house, "王芳", Some("加喜"));
    house.change(Lead::NAME, lead.id(), &Changes::new().owner(lin.user()));
    let wanted = Conversion { without_opportunity: true, ..Conversion::default() };
    let made = lin.write(|transaction| lead.convert(transaction, &wanted)).unwrap();
    let row = house.admin.get(Contact::NAME, made.contact.id()).unwrap();
    assert!(row.value(contact::PHONE).unwrap().is_null() && row.value(contact::EMAIL).unwrap().is_null());
    assert_eq!(text(&house, Lead::NAME, lead.id(), "email"), "wang@jiaxi.cn");
}

#[test]
fn of_two_who_convert_one_lead_the_second_is_refused() {
    let house = database();
    let lead = lead(&house, "王芳", Some("加喜"));
    let convert = || house.admin.write(|transaction| lead.convert(transaction, &Conversion::default()));
    let outcomes = std::thread::scope(|scope| {
        let threads = [scope.spawn(convert), scope.spawn(convert)];
        threads.map(|thread| thread.join().unwrap().map_err(|error| error.code()))
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refused = outcomes.into_iter().find_map(Result::err);
    assert_eq!(refused, Some(Code::TransitionNotAllowed));
    assert_eq!((count(&house, Account::NAME), count(&house, Opportunity::NAME)), (1, 1));
}

#[test]
fn a_conversion_is_taken_back_with_what_it_made_and_without_what_it_found() {
    let house = database();
    let standing = house.admin.write(|transaction| transaction.create(account::named("加喜"))).unwrap();
    let lead = lead(&house, "王芳", Some("加喜"));
    let made = house.admin.write(|transaction| lead.convert(transaction, &Conversion::default())).unwrap();
    house.admin.write(|transaction| lead.undo_conversion(transaction)).unwrap();
    assert_eq!(status_of(&house, Lead::NAME, lead.id()), "qualified");
    assert!(house.admin.get(Account::NAME, standing.id()).is_ok());
    assert_eq!(refusal(house.admin.get(Contact::NAME, made.contact.id())), Code::RecordNotFound);
    assert_eq!(
        refusal(house.admin.get(Opportunity::NAME, made.opportunity.unwrap().id())),
        Code::RecordNotFound
    );
    // It can be converted once more, and taken back once only.
    let again = house.admin.write(|transaction| lead.undo_conversion(transaction));
    assert_eq!(refusal(again), Code::TransitionNotAllowed);
    house.admin.write(|transaction| lead.convert(transaction, &Conversion::default())).unwrap();
    let _ = house.verified();
}

#[test]
fn a_conversion_on_which_others_build_is_not_taken_back() {
    let house = database();
    let lead = lead(&house, "王芳", Some("加喜"));
    let made = house.admin.write(|transaction| lead.convert(transaction, &Conversion::default())).unwrap();
    let other = opportunity::titled("another").with(opportunity::ACCOUNT, made.account.id());
    house.admin.write(|transaction| transaction.create(other.clone())).unwrap();
    let undone = house.admin.write(|transaction| lead.undo_conversion(transaction));
    assert_eq!(refusal(undone), Code::Referenced);
    assert_eq!(status_of(&house, Lead::NAME, lead.id()), "converted");
    assert!(house.admin.get(Contact::NAME, made.contact.id()).is_ok(), "nothing is half undone");
}

#[test]
fn who_may_not_make_accounts_converts_nothing() {
    let house = database();
    let role = house.role(
        "leads",
        &[
            (Lead::NAME, Action::Create, Level::Own),
            (Lead::NAME, Action::Read, Level::Own),
            (Lead::NAME, Action::Update, Level::Own),
        ],
    );
    let lin = house.user("lin", &[role]);
    let lead = lin.write(|transaction| transaction.create(lead::named("王芳"))).unwrap();
    set(&lin, Lead::NAME, lead.id(), &Changes::new().set(lead::STATUS, LeadStatus::Contacting)).unwrap();
    let refused = lin.write(|transaction| lead.convert(transaction, &Conversion::default()));
    assert_eq!(refusal(refused), Code::NotPermitted);
}

#[test]
fn the_methods_convert_match_and_take_back() {
    let house = database();
    let lead = lead(&house, "王芳", Some("加喜"));
    let id = json!({"id": lead.id().to_string()});
    assert_eq!(api::call(&house.admin, "lead.matches", &id).unwrap()["accounts"], json!([]));
    let given = json!({"id": lead.id().to_string(), "title": "变更", "idempotency_key": "k"});
    let first = api::call(&house.admin, "lead.convert", &given).unwrap();
    assert_eq!(
        api::call(&house.admin, "lead.convert", &given).unwrap(),
        first,
        "the same request, the same answer"
    );
    assert_eq!(first["made"], json!(["account", "contact", "opportunity"]));
    let deal: RecordId = first["opportunity"].as_str().unwrap().parse().unwrap();
    assert_eq!(text(&house, Opportunity::NAME, deal, "title"), "变更");
    api::call(&house.admin, "lead.undo_conversion", &id).unwrap();
    assert_eq!(count(&house, Account::NAME), 0);
}

fn last_activity(house: &House, entity: &str, id: RecordId) -> Value {
    house.admin.get(entity, id).unwrap().value("last_activity_at").unwrap()
}

#[test]
fn work_with_an_effect_moves_the_clocks_of_the_party_and_its_account_and_no_other() {
    let house = database();
    let parties = house.admin.write(|transaction| {
        let account = transaction.create(account::named("加喜"))?;
        let other = transaction.create(account::named("other"))?;
        let person = transaction.create(contact::named("王芳").with(contact::ACCOUNT, account))?;
        let deal = transaction.create(opportunity::titled("deal").with(opportunity::ACCOUNT, account))?;
        Ok((account, other, person, deal))
    });
    let (account, other, person, deal) = parties.unwrap();
    let record = |draft: guanxi::engine::Draft<Activity>| {
        house.admin.write(|transaction| transaction.create(draft.clone())).unwrap()
    };
    let now = house.crm.now();
    record(activity::with(ActivityKind::Note, "only a note", account));
    let missed = activity::with(ActivityKind::Call, "nobody there", account);
    record(missed.with(activity::OUTCOME, activity::Outcome::NotReached));
    assert!(last_activity(&house, Account::NAME, account.id()).is_null());
    record(activity::with(ActivityKind::Call, "spoke", person));
    assert_eq!(last_activity(&house, Account::NAME, account.id()), Value::DateTime(now));
    house.clock.set(moment("2026-11-23T04:00:00Z"));
    record(activity::with(ActivityKind::Meeting, "met", deal));
    assert_eq!(last_activity(&house, Opportunity::NAME, deal.id()), Value::DateTime(house.crm.now()));
    assert_eq!(last_activity(&house, Account::NAME, account.id()), Value::DateTime(house.crm.now()));
    // What was done before moves no clock back, and what is planned moves none.
    let before = activity::with(ActivityKind::Visit, "last week", account);
    record(before.with(activity::AT, moment("2026-11-15T04:00:00Z")));
    let planned = activity::with(ActivityKind::Visit, "next week", account);
    record(planned.with(activity::AT, moment("2026-12-15T04:00:00Z")));
    assert_eq!(last_activity(&house, Account::NAME, account.id()), Value::DateTime(house.crm.now()));
    assert!(last_activity(&house, Account::NAME, other.id()).is_null());
    let _ = house.verified();
}

#[test]
fn a_lead_that_is_spoken_with_is_being_contacted_and_keeps_when_next() {
    let house = database();
    let lead = house.admin.write(|transaction| transaction.create(lead::named("王芳"))).unwrap();
    let values = json!({"subject": "第一次电话", "kind": "call", "next_contact_at": "2026-11-25T02:00:00Z",
        "regarding": {"entity": "crm.lead", "id": lead.id().to_string()}});
    api::call(&house.admin, "activity.record", &json!({"values": values})).unwrap();
    let row = house.admin.get(Lead::NAME, lead.id()).unwrap();
    assert_eq!(row.value(lead::STATUS).unwrap(), Value::from(LeadStatus::Contacting));
    assert_eq!(row.value(lead::NEXT_CONTACT_AT).unwrap(), Value::DateTime(moment("2026-11-25T02:00:00Z")));
}

#[test]
fn a_deal_moves_with_the_activity_by_the_right_of_whoever_records_it() {
    let house = database();
    let stage = house.admin.read(|reader| reader.find_by_title("crm.stage", "Engaging")).unwrap()[0];
    let deal = house.admin.write(|transaction| transaction.create(opportunity::titled("deal"))).unwrap();
    let values = json!({"subject": "谈", "kind": "meeting", "stage": stage.to_string(),
        "regarding": {"entity": "crm.opportunity", "id": deal.id().to_string()}});
    let role = house.role(
        "sees deals",
        &[
            (Opportunity::NAME, Action::Read, Level::All),
            ("*", Action::Create, Level::Own),
            ("crm.activity", Action::Read, Level::Own),
            ("crm.stage", Action::Read, Level::All),
        ],
    );
    let reader = house.user("reader", &[role]);
    let refused = api::call(&reader, "activity.record", &json!({"values": values}));
    assert_eq!(refusal(refused), Code::NotPermitted);
    assert_eq!(count(&house, Activity::NAME), 0, "the activity is not there without the step");
    api::call(&house.admin, "activity.record", &json!({"values": values})).unwrap();
    let row = house.admin.get(Opportunity::NAME, deal.id()).unwrap();
    assert_eq!(row.value(opportunity::STAGE).unwrap(), Value::Id(stage));
}

#[test]
fn a_timeline_has_what_was_done_with_the_account_its_people_and_deals_newest_first() {
    let house = database();
    let parties = house.admin.write(|transaction| {
        let account = transaction.create(account::named("加喜"))?;
        let person = transaction.create(contact::named("王芳").with(contact::ACCOUNT, account))?;
        let deal = transaction.create(opportunity::titled("deal").with(opportunity::ACCOUNT, account))?;
        Ok((account, person, deal))
    });
    let (account, person, deal) = parties.unwrap();
    let parties: [RecordReference; 3] = [account.into(), person.into(), deal.into()];
    for (hour, party) in parties.iter().enumerate() {
        let at = moment(&format!("2026-11-2{}T04:00:00Z", hour + 1));
        let draft =
            activity::with(ActivityKind::Call, &format!("call {hour}"), party.clone()).with(activity::AT, at);
        house.admin.write(|transaction| transaction.create(draft.clone())).unwrap();
    }
    let told = |entity: &str, id: RecordId| -> Vec<String> {
        let given = json!({"entity": entity, "id": id.to_string()});
        let rows = api::call(&house.admin, "party.timeline", &given).unwrap()["rows"].clone();
        rows.as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(told("account", account.id()), ["call 2", "call 1", "call 0"]);
    assert_eq!(told("contact", person.id()), ["call 1"]);
    let lin = house.user_as("lin", "salesperson");
    let page = lin.timeline(&account.into(), Find::default()).unwrap();
    assert!(page.rows.is_empty(), "each is seen by who may see the activity");
}

#[test]
fn a_task_reminds_once_when_its_moment_has_come_and_not_when_it_is_done() {
    let house = database();
    let remind = moment("2026-11-22T06:00:00Z");
    let draft = |subject: &str| task::about(subject).with(task::REMIND_AT, remind);
    let tasks = house
        .admin
        .write(|transaction| Ok((transaction.create(draft("a"))?, transaction.create(draft("b"))?)));
    let (waits, done) = tasks.unwrap();
    house.change(Task::NAME, done.id(), &Changes::new().set("status", "done"));
    assert_eq!(house.admin.next_due().unwrap(), Some(remind));
    house.clock.set(remind);
    assert_eq!(house.admin.tick(0).unwrap().done, 1);
    let row = house.admin.get(Task::NAME, waits.id()).unwrap();
    assert_eq!(row.value(task::REMINDED_AT).unwrap(), Value::DateTime(remind));
    assert!(row.value(task::REMIND_AT).unwrap().is_null());
    let row = house.admin.get(Task::NAME, done.id()).unwrap();
    assert_eq!(row.value(task::DONE_AT).unwrap(), Value::DateTime(moment("2026-11-22T04:00:00Z")));
    assert_eq!(house.admin.tick(0).unwrap().done, 0);
}

#[test]
fn events_that_come_again_are_told_for_each_time_with_those_that_come_once() {
    let house = database();
    let (nine, ten) = (moment("2026-11-23T01:00:00Z"), moment("2026-11-23T02:00:00Z"));
    let weekly = event::between("例会", nine, ten)
        .with(event::RULE, "FREQ=WEEKLY;BYDAY=MO")
        .with(event::ZONE, "Asia/Shanghai");
    let once = event::between("拜访", moment("2026-11-30T03:00:00Z"), moment("2026-11-30T05:00:00Z"));
    let over = event::between("over", moment("2026-11-20T03:00:00Z"), moment("2026-11-20T05:00:00Z"));
    house
        .admin
        .write(|transaction| {
            transaction.create(weekly.clone())?;
            transaction.create(once.clone())?;
            transaction.create(over.clone())
        })
        .unwrap();
    let given = json!({"from": "2026-11-30T00:00:00Z", "to": "2026-12-15T00:00:00Z"});
    let told = api::call(&house.admin, "event.occurrences", &given).unwrap();
    let times: Vec<(String, String)> = told["occurrences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|time| (time["subject"].as_str().unwrap().to_owned(), time["from"].as_str().unwrap().to_owned()))
        .collect();
    let expected = [
        ("例会", "2026-11-30T01:00:00Z"),
        ("拜访", "2026-11-30T03:00:00Z"),
        ("例会", "2026-12-07T01:00:00Z"),
        ("例会", "2026-12-14T01:00:00Z"),
    ];
    assert_eq!(times, expected.map(|(subject, from)| (subject.to_owned(), from.to_owned())));
    let lin = house.user_as("lin", "salesperson");
    assert_eq!(api::call(&lin, "event.occurrences", &given).unwrap()["occurrences"], json!([]));
    // A meeting that began before the span and reaches into it is told.
    let given = json!({"from": "2026-11-30T04:00:00Z", "to": "2026-11-30T04:30:00Z"});
    let told = api::call(&house.admin, "event.occurrences", &given).unwrap();
    assert_eq!(told["occurrences"][0]["subject"], "拜访");
}

#[test]
fn an_event_that_ends_before_it_begins_or_has_no_rule_that_is_one_is_refused() {
    let house = database();
    let create = |draft: guanxi::engine::Draft<Event>| {
        refusal(house.admin.write(|transaction| transaction.create(draft.clone())))
    };
    let (from, to) = (moment("2026-11-23T01:00:00Z"), moment("2026-11-23T02:00:00Z"));
    assert_eq!(create(event::between("x", to, from)), Code::OutOfRange);
    assert_eq!(
        create(event::between("x", from, to).with(event::RULE, "FREQ=SOMETIMES")),
        Code::InvalidArgument
    );
}
