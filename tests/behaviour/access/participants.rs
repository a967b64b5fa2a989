//! Who takes part in a decision about a record reads it for as long as the process is open, and no longer.

use guanxi::api::call;
use guanxi::engine::{
    Action, At, Effect, Level, NewRightsRequest, NewShare, PrivacyLaw, Process, RecordShare, RightsKind,
    RightsRequest, RightsStep, ShareLevel, Sharee, Verdict,
};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session};
use guanxi_tests::{House, database, refusal};
use serde_json::json;

/// The entity of approvals of a host: a request for one, whose record a process is.
const APPROVAL: &str = "x.approval";

/// A house in which approvals are records of the host's own.
fn house() -> House {
    let house = database();
    let given = json!({"name": "approval", "label_zh": "审批", "label_en": "Approval"});
    call(&house.admin, "schema.define_entity", &given).unwrap();
    house
}

fn account_of(session: &Session, name: &str) -> RecordId {
    let changes = Changes::new().set("name", name);
    session.write(|transaction| transaction.create_record(Account::NAME, changes.clone())).unwrap()
}

fn approval(session: &Session) -> Process {
    let made = session
        .write(|transaction| transaction.create_record(APPROVAL, Changes::new().set("name", "a discount")));
    Process { entity: APPROVAL.to_owned(), id: made.unwrap() }
}

fn sees(session: &Session, id: RecordId) -> bool {
    let seen = session.get(Account::NAME, id).is_ok();
    assert_eq!(session.count(Account::NAME, &Condition::Everything).unwrap() == 1, seen);
    seen
}

#[test]
fn a_participant_reads_the_record_until_the_process_ends_and_the_past_knows_it() {
    let house = house();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let record = account_of(&lin, "加喜");
    let process = approval(&lin);
    assert!(!sees(&wang, record));
    let share = lin.involve(Account::NAME, record, Sharee::User(wang.user()), &process).unwrap();
    assert!(sees(&wang, record));
    let again = lin.involve(Account::NAME, record, Sharee::User(wang.user()), &process).unwrap();
    assert_eq!(again, share, "once said it stands");
    let changed = wang.write(|transaction| {
        transaction.update_record(Account::NAME, record, Changes::new().set("note", "x")).map(drop)
    });
    assert_eq!(refusal(changed), Code::NotPermitted, "it is read, and no more");
    let told = house.admin.explain_access(wang.user(), Account::NAME, record, Action::Read).unwrap();
    assert_eq!((told.verdict, told.shares[0].process.clone()), (Verdict::Granted, Some(process.clone())));
    let listed = lin.shares(Account::NAME, record).unwrap();
    assert_eq!(
        (listed.len(), listed[0].process.clone(), listed[0].level),
        (1, Some(process.clone()), ShareLevel::Read)
    );
    let open = house.crm.head().unwrap().position;
    assert_eq!(refusal(wang.end_involvement(&process)), Code::RecordNotFound, "whose process it is not");
    assert_eq!(lin.end_involvement(&process).unwrap(), 1);
    assert!(!sees(&wang, record));
    assert_eq!(lin.end_involvement(&process).unwrap(), 0);
    let at = (Action::Read, At::Position(open));
    let told = house.admin.explain_access_at(wang.user(), Account::NAME, record, at).unwrap();
    assert_eq!((told.verdict, told.shares[0].process.clone()), (Verdict::Granted, Some(process)));
    let _ = house.verified();
}

#[test]
fn what_somebody_was_given_besides_stays_and_a_deleted_process_ends_by_itself() {
    let house = house();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let record = account_of(&lin, "x");
    let (first, second) = (approval(&lin), approval(&lin));
    let with = Sharee::User(wang.user());
    for process in [&first, &second] {
        lin.involve(Account::NAME, record, with, process).unwrap();
    }
    lin.share(Account::NAME, record, &NewShare::new(with, ShareLevel::Edit)).unwrap();
    assert_eq!(lin.shares(Account::NAME, record).unwrap().len(), 3);
    lin.unshare(Account::NAME, record, with).unwrap();
    assert_eq!(refusal(lin.unshare(Account::NAME, record, with)), Code::RecordNotFound);
    assert!(sees(&wang, record), "two processes are open");
    lin.end_involvement(&first).unwrap();
    assert!(sees(&wang, record), "one is");
    lin.write(|transaction| transaction.delete_record(APPROVAL, second.id)).unwrap();
    assert!(!sees(&wang, record));
    lin.write(|transaction| transaction.undelete_record(APPROVAL, second.id)).unwrap();
    assert!(!sees(&wang, record), "what comes back opens nothing by itself");
    let _ = house.verified();
}

#[test]
fn nobody_lets_others_take_part_beyond_what_they_may_share_and_it_opens_no_kind_of_work() {
    let house = house();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let reader = house.user_who_may("reader", &[Action::Read, Action::Create, Action::Update]);
    let record = account_of(&lin, "x");
    let process = approval(&lin);
    let with = Sharee::User(wang.user());
    assert_eq!(
        refusal(wang.involve(Account::NAME, record, Sharee::User(lin.user()), &approval(&wang))),
        Code::RecordNotFound
    );
    let own = approval(&reader);
    let mine = account_of(&reader, "mine");
    assert_eq!(
        refusal(reader.involve(Account::NAME, mine, with, &own)),
        Code::NotPermitted,
        "without the right to share"
    );
    assert_eq!(
        refusal(lin.involve(Account::NAME, record, with, &own)),
        Code::RecordNotFound,
        "a process of others"
    );
    let nothing = Process { entity: APPROVAL.to_owned(), id: record };
    assert_eq!(refusal(lin.involve(Account::NAME, record, with, &nothing)), Code::RecordNotFound);
    // Nobody makes one last by the door of all records.
    let stated = Changes::new().set("entity", Account::NAME).set("record", record.to_string());
    let stated = stated.set("level", "read").set("user", wang.user()).set("process", process.to_string());
    let made = house.admin.write(|transaction| transaction.create_record(RecordShare::NAME, stated.clone()));
    assert_eq!(refusal(made), Code::ReadOnlyField);
    // Who reads no accounts at all reads none by it; what is forbidden of the owner stays so.
    let nobody = house.user("nobody", &[]);
    lin.involve(Account::NAME, record, Sharee::User(nobody.user()), &process).unwrap();
    assert_eq!(refusal(nobody.get(Account::NAME, record)), Code::NotPermitted);
    let unit = house.unit("unit");
    house.change("sys.user", lin.user(), &Changes::new().set("unit", unit));
    let denied = account_of(&lin, "denied");
    let role = house.role("role", &[(Account::NAME, Action::Read, Level::Own)]);
    house.grant(role, Effect::Deny, (Account::NAME, Action::Read, Level::Unit), "");
    let session = house.user("denied", &[role]);
    house.change("sys.user", session.user(), &Changes::new().set("unit", unit));
    lin.involve(Account::NAME, denied, Sharee::User(session.user()), &process).unwrap();
    assert_eq!(refusal(session.get(Account::NAME, denied)), Code::RecordNotFound);
}

#[test]
fn whoever_works_on_a_rights_request_reads_the_person_until_it_is_answered() {
    let house = database();
    let works: Vec<_> = [Action::Read, Action::Update]
        .into_iter()
        .map(|action| (RightsRequest::NAME, action, Level::All))
        .chain([(Contact::NAME, Action::Read, Level::Own)])
        .collect();
    let role = house.role("privacy", &works);
    let (clerk, idle) = (house.user("clerk", &[role]), house.user("idle", &[role]));
    let person = house.create(Contact::NAME, &Changes::new().set("name", "林先生"));
    for (step, number) in [
        (RightsStep::Fulfil { what: "sent".into(), result: None, receipt: None }, 0),
        (RightsStep::Refuse { reason: "not theirs".into() }, 1),
        (RightsStep::Withdraw, 2),
    ] {
        let request =
            NewRightsRequest::new(RightsKind::Objection, PrivacyLaw::Pipl).of(Contact::NAME, person);
        let id = house.admin.receive_rights_request(&request).unwrap();
        assert_eq!(refusal(clerk.get(Contact::NAME, person)), Code::RecordNotFound, "{number}");
        clerk.step_rights_request(id, &RightsStep::Start).unwrap();
        assert!(clerk.get(Contact::NAME, person).is_ok());
        assert_eq!(refusal(idle.get(Contact::NAME, person)), Code::RecordNotFound, "who takes no part");
        let told = clerk.explain_access(clerk.user(), Contact::NAME, person, Action::Read).unwrap();
        let process = Process { entity: RightsRequest::NAME.to_owned(), id };
        assert_eq!(told.shares[0].process, Some(process));
        clerk.step_rights_request(id, &step).unwrap();
        assert_eq!(refusal(clerk.get(Contact::NAME, person)), Code::RecordNotFound, "{number}");
    }
    let _ = house.verified();
}

#[test]
fn the_methods_say_the_same() {
    let house = house();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let record = account_of(&lin, "x");
    let process = approval(&lin);
    let given = json!({"entity": "account", "id": record.to_string(), "user": wang.user().to_string(),
        "process_entity": APPROVAL, "process": process.id.to_string()});
    let share = call(&lin, "record.involve", &given).unwrap()["id"].clone();
    let told = call(&lin, "record.shares", &json!({"entity": "account", "id": record.to_string()})).unwrap();
    let named = json!({"entity": APPROVAL, "id": process.id.to_string()});
    assert_eq!((&told["shares"][0]["id"], &told["shares"][0]["process"]), (&share, &named));
    let asked = json!({"entity": "account", "id": record.to_string(), "user": "wang"});
    let told = call(&house.admin, "access.explain", &asked).unwrap();
    assert_eq!(told["shares"][0]["process"], named);
    let end = json!({"process_entity": APPROVAL, "process": process.id.to_string()});
    assert_eq!(call(&lin, "record.end_involvement", &end).unwrap(), json!({"ended": 1}));
    assert!(!sees(&wang, record));
}
