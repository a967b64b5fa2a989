//! A person whose processing is restricted: nobody but who handles requests comes to know of the record, by any door, by
//! whatever right, until the restriction is lifted; and nobody makes or lifts one but by a request.

use std::collections::BTreeMap;

use guanxi::engine::{
    Action, At, BackupScope, Carried, Comparison, Find, Level, NewDelegation, NewRightsRequest, NewShare,
    PrivacyLaw, RightsKind, RightsStep, ShareLevel, Sharee, Verdict,
};
use guanxi::features::reports::{Figure, GroupBy, Measure, Report};
use guanxi::model::{Account, Contact, contact};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, RestoreOptions, Session, Value};
use guanxi_tests::{House, database, moment, options, refusal};
use serde_json::json;

use crate::backup::restored;

/// The house, the person, and who handles requests.
struct Stage {
    house: House,
    person: RecordId,
    officer: Session,
}

fn stage() -> Stage {
    let house = database();
    let everything = [Action::Create, Action::Read, Action::Update, Action::Lock];
    let mut grants: Vec<_> = everything.map(|action| ("crm.contact", action, Level::All)).into();
    grants.extend(everything.map(|action| ("sys.rights_request", action, Level::All)));
    let officer = house.user("officer", &[house.role("officer", &grants)]);
    let person = house.create(
        Contact::NAME,
        &Changes::new().set("name", "林先生").set("phone", "13812345678").set("position", "厂长"),
    );
    let _ = house.create(Contact::NAME, &Changes::new().set("name", "王女士").set("position", "厂长"));
    Stage { house, person, officer }
}

impl Stage {
    fn restrict(&self) -> RecordId {
        let asked =
            NewRightsRequest::new(RightsKind::Restriction, PrivacyLaw::Gdpr).of(Contact::NAME, self.person);
        let id = self.officer.receive_rights_request(&asked).unwrap();
        let steps = [
            RightsStep::Identified { how: "called back".to_owned(), subject: None },
            RightsStep::Fulfil { what: "restricted".to_owned(), result: None, receipt: None },
        ];
        steps.iter().for_each(|step| self.officer.step_rights_request(id, step).unwrap());
        id
    }

    fn lift(&self, id: RecordId) {
        self.officer.step_rights_request(id, &RightsStep::Lift { reason: "settled".to_owned() }).unwrap();
    }
}

/// In how many ways somebody comes to know of the person: each by itself.
fn ways(session: &Session, person: RecordId) -> BTreeMap<&'static str, bool> {
    let manager = contact::POSITION.is("厂长");
    let counted = |group_by: Vec<GroupBy>| {
        let measures = vec![Measure::Count];
        let table =
            session.report(&Report { entity: "contact".into(), filter: manager.clone(), group_by, measures });
        let of_row = |figures: &[Figure]| match figures {
            [Figure::Count(count)] => *count,
            _ => 0,
        };
        table.unwrap().rows.iter().map(|row| of_row(&row.figures)).sum::<u64>() == 2
    };
    let carried = Carried {
        entity: Contact::NAME.to_owned(),
        records: vec![person],
        rows: 1,
        form: "csv".to_owned(),
        filter: None,
    };
    let at = At::Position(session.crm().head().unwrap().position);
    let is_it = |id: RecordId| id == person;
    let in_list =
        |find: Find| session.list(Contact::NAME, &find).unwrap().rows.iter().any(|row| is_it(row.record.id));
    let by_phone = Condition::Compare("phone".into(), Comparison::Equal, "+8613812345678".into());
    let past = session.list_as_of(Contact::NAME, &Condition::Everything, at, None, 100);
    BTreeMap::from([
        ("get", session.get(Contact::NAME, person).is_ok()),
        ("list", in_list(Find::default())),
        ("filtered", in_list(Find { filter: by_phone, ..Find::default() })),
        ("sorted", in_list(Find { sort: vec![contact::NAME.ascending()], ..Find::default() })),
        ("count", session.count(Contact::NAME, &manager).unwrap() == 2),
        ("count of all", session.count(Contact::NAME, &Condition::Everything).unwrap() == 2),
        ("report", counted(vec![])),
        ("report by owner", counted(vec![GroupBy { path: vec!["owner".into()], bucket: None }])),
        ("search", session.search("林先生", Some(Contact::NAME), 10, 0).unwrap().total == 1),
        ("title", !session.read(|reader| reader.find_by_title(Contact::NAME, "林先生")).unwrap().is_empty()),
        ("history", session.history(Contact::NAME, person, None, 10).is_ok()),
        ("as of", session.get_as_of(Contact::NAME, person, at).is_ok()),
        ("list as of", past.unwrap().rows.iter().any(|row| is_it(row.id))),
        ("export", session.note_export(&carried).is_ok()),
        ("flags", session.privacy_flags(Contact::NAME, person).is_ok()),
        ("explained", session.explain_access(session.user(), Contact::NAME, person, Action::Read).is_ok()),
        ("change", {
            let set = Changes::new().set("position", "厂长");
            let changed =
                session.write(|transaction| transaction.update_record(Contact::NAME, person, set.clone()));
            changed.err().is_none_or(|error| error.code() == Code::RecordLocked)
        }),
    ])
}

fn all(ways: &BTreeMap<&'static str, bool>, known: bool, who: &str) {
    let others: Vec<_> = ways.iter().filter(|(_, way)| **way != known).map(|(name, _)| *name).collect();
    assert!(others.is_empty(), "{who}: {others:?}");
}

#[test]
fn a_restricted_person_is_not_there_for_anybody_but_who_handles_requests_until_it_is_lifted() {
    let stage = stage();
    let (house, person) = (&stage.house, stage.person);
    let rights = [Action::Read, Action::Update, Action::Export];
    let everybody = house.role("all", &rights.map(|action| ("crm.contact", action, Level::All)));
    let own = house.role("own", &rights.map(|action| ("crm.contact", action, Level::Own)));
    // By a role, as the owner, and by a share.
    let reader = house.user("reader", &[everybody]);
    let owner = house.user("owner", &[own]);
    let friend = house.user("friend", &[own]);
    for session in [&owner, &friend] {
        let other = house.create(Contact::NAME, &Changes::new().set("name", "别人").owner(session.user()));
        assert!(session.get(Contact::NAME, other).is_ok());
        house.admin.write(|transaction| transaction.delete_record(Contact::NAME, other)).unwrap();
    }
    house.change(Contact::NAME, person, &Changes::new().owner(owner.user()));
    let share = NewShare::new(Sharee::User(friend.user()), ShareLevel::Full);
    house.admin.share(Contact::NAME, person, &share).unwrap();
    let before = house.crm.head().unwrap().position;
    all(&ways(&reader, person), true, "reader before");
    for session in [&owner, &friend] {
        assert!(session.get(Contact::NAME, person).is_ok());
    }
    let request = stage.restrict();
    all(&ways(&reader, person), false, "reader");
    for session in [&owner, &friend] {
        assert_eq!(refusal(session.get(Contact::NAME, person)), Code::RecordNotFound);
        assert_eq!(session.count(Contact::NAME, &Condition::Everything).unwrap(), 0);
        assert_eq!(session.list(Contact::NAME, &Find::default()).unwrap().rows.len(), 0);
        assert_eq!(session.search("林先生", None, 10, 0).unwrap().total, 0);
    }
    // Who handles requests, and the administrator, who handles everything.
    for session in [&stage.officer, &house.admin] {
        let mut known = ways(session, person);
        known.remove("export");
        all(&known, true, "who handles requests");
    }
    let explain = |who: &Session| {
        house.admin.explain_access(who.user(), Contact::NAME, person, Action::Read).unwrap().verdict
    };
    assert_eq!(explain(&reader), Verdict::Restricted);
    assert_eq!(explain(&owner), Verdict::Restricted);
    assert_eq!(explain(&stage.officer), Verdict::Granted);
    let who = house.admin.who_may(Contact::NAME, person, Action::Read, (None, 0)).unwrap();
    let who: Vec<RecordId> = who.rows.iter().map(|row| row.user).collect();
    assert_eq!(who.len(), 2, "the officer and the administrator");
    assert!(who.contains(&stage.officer.user()));
    let then = (Action::Read, At::Position(before));
    let then = house.admin.explain_access_at(owner.user(), Contact::NAME, person, then).unwrap();
    assert_eq!(then.verdict, Verdict::Granted, "the owner saw it then");
    let now = (Action::Read, At::Position(house.crm.head().unwrap().position));
    let now = house.admin.explain_access_at(owner.user(), Contact::NAME, person, now).unwrap();
    assert_eq!(now.verdict, Verdict::Restricted);
    stage.lift(request);
    all(&ways(&reader, person), true, "reader afterwards");
    assert!(owner.get(Contact::NAME, person).is_ok() && friend.get(Contact::NAME, person).is_ok());
    let _ = house.verified();
}

#[test]
fn what_refers_to_a_restricted_person_does_not_tell_of_it() {
    let stage = stage();
    let (house, person) = (&stage.house, stage.person);
    let field = json!({
        "entity": "account", "name": "friend", "field_type": "reference", "target": "contact",
        "label_zh": "朋友", "label_en": "Friend", "on_delete": "set_null",
    });
    guanxi::api::call(&house.admin, "schema.define_field", &field).unwrap();
    let people = json!({
        "entity": "account", "name": "people", "label_zh": "人数", "label_en": "People", "field_type": "rollup",
        "child": "contact", "by": "account", "function": "count", "readers": "visible",
    });
    guanxi::api::call(&house.admin, "schema.define_field", &people).unwrap();
    let company = house.create(Account::NAME, &Changes::new().set("name", "加喜").set("x.friend", person));
    house.change(Contact::NAME, person, &Changes::new().set("account", company));
    let role = house.role(
        "reads",
        &[("crm.contact", Action::Read, Level::All), ("crm.account", Action::Read, Level::All)],
    );
    let reader = house.user("reader", &[role]);
    let told = || {
        let given = json!({"entity": "account", "id": company.to_string()});
        guanxi::api::call(&reader, "record.get", &given).unwrap().to_string()
    };
    let count = || reader.get(Account::NAME, company).unwrap().value("x.people").unwrap();
    assert_eq!(count(), Value::Int(1));
    let request = stage.restrict();
    assert_eq!(count(), Value::Int(0));
    assert!(!told().contains("林先生"));
    stage.lift(request);
    assert_eq!(count(), Value::Int(1));
}

#[test]
fn whoever_stands_in_for_who_handles_requests_reaches_what_that_one_reaches() {
    let stage = stage();
    let stand_in = stage.house.user_who_may("stand-in", &[Action::Read]);
    let new = NewDelegation {
        delegator: Some(stage.officer.user()),
        ..NewDelegation::new(stand_in.user(), moment("2026-12-22T00:00:00Z"))
    };
    stage.house.admin.write(|transaction| transaction.delegate(&new)).unwrap();
    stage.restrict();
    assert_eq!(refusal(stand_in.get(Contact::NAME, stage.person)), Code::RecordNotFound);
    assert!(stand_in.act_for(stage.officer.user()).unwrap().get(Contact::NAME, stage.person).is_ok());
}

#[test]
fn nobody_makes_or_lifts_a_restriction_but_by_a_request_and_a_lock_of_ones_own_gives_way() {
    let stage = stage();
    let (officer, person) = (&stage.officer, stage.person);
    let lock = |reason: &str| {
        let locked =
            officer.write(|transaction| transaction.lock_record(Contact::NAME, person, Some(reason)));
        locked.map(drop).map_err(|error| error.code())
    };
    assert_eq!(lock(&format!("sys.rights_request {person}")), Err(Code::InvalidArgument));
    assert_eq!(lock("sys.rights_requests are many"), Ok(()), "that is none");
    let reader =
        stage.house.user("reader", &[stage.house.role("r", &[("crm.contact", Action::Read, Level::All)])]);
    assert!(reader.get(Contact::NAME, person).is_ok());
    let request = stage.restrict();
    assert_eq!(refusal(reader.get(Contact::NAME, person)), Code::RecordNotFound);
    for session in [officer, &stage.house.admin] {
        let unlocked = session.write(|transaction| transaction.unlock_record(Contact::NAME, person, None));
        assert_eq!(refusal(unlocked), Code::NotPermitted, "its request lifts it");
    }
    let requests = [
        ("sys.rights_request", Action::Read, Level::All),
        ("sys.rights_request", Action::Update, Level::Own),
    ];
    let few = stage.house.user(
        "few",
        &[stage.house.role("few", &[&[("crm.contact", Action::Read, Level::All)][..], &requests].concat())],
    );
    assert_eq!(refusal(few.get(Contact::NAME, person)), Code::RecordNotFound, "some requests are not all");
    stage.lift(request);
    assert!(reader.get(Contact::NAME, person).is_ok());
    let other = stage.house.admin.write(|transaction| transaction.lock_record(Contact::NAME, person, None));
    other.unwrap();
    let asked = NewRightsRequest::new(RightsKind::Restriction, PrivacyLaw::Gdpr).of(Contact::NAME, person);
    let id = officer.receive_rights_request(&asked).unwrap();
    let how = RightsStep::Identified { how: "x".to_owned(), subject: None };
    officer.step_rights_request(id, &how).unwrap();
    let fulfil = RightsStep::Fulfil { what: "x".to_owned(), result: None, receipt: None };
    assert_eq!(
        refusal(officer.step_rights_request(id, &fulfil)),
        Code::RecordLocked,
        "somebody else's lock stands"
    );
}

#[test]
fn a_restricted_person_stays_hidden_after_a_reopening_and_a_restore() {
    let stage = stage();
    let reader =
        stage.house.user("reader", &[stage.house.role("r", &[("crm.contact", Action::Read, Level::All)])]);
    let (mut backup, mut keys) = (Vec::new(), Vec::new());
    drop(reader);
    stage.restrict();
    stage.house.admin.backup(&mut backup, BackupScope::Everything).unwrap();
    stage.house.admin.backup_keys(&mut keys).unwrap();
    let (person, path) = (stage.person, stage.house.folder().join("restored.guanxi"));
    restored(&[&backup], Some(&keys), &path, &RestoreOptions::default()).unwrap();
    let house = {
        let Stage { house, officer, .. } = stage;
        drop(officer);
        house.reopened()
    };
    for crm in [options().open(&path).unwrap(), house.crm.clone()] {
        let seen = |name: &str| crm.session_for(name).unwrap().get(Contact::NAME, person).map(drop);
        assert_eq!(refusal(seen("reader")), Code::RecordNotFound);
        seen("officer").unwrap();
        let count = crm.session_for("reader").unwrap().count(Contact::NAME, &Condition::Everything).unwrap();
        assert_eq!(count, 1);
    }
}
