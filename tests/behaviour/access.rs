//! Who may do what: random organisations against a brute-force oracle written from the meaning of levels.

mod allow_lists;
mod borders;
mod delegation;
mod explained;
mod followed_shares;
mod four_eyes;
mod four_eyes_openings;
mod marked;
mod offboarding;
mod oracle;
mod organisation;
mod participants;
mod passwords;
mod past;
mod plugins;
mod positions;
mod published;
mod rule_worlds;
mod rules;
mod service_accounts;
mod shares;
mod sign_in;
mod standing_in;
mod teams;
mod worlds;

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use guanxi::engine::{Action, Find, Listing, Verdict};
use guanxi::features::reports::{Figure, GroupBy, Measure, Report};
use guanxi::model::account;
use guanxi::{Changes, Code, Condition, RecordId, Session, Value};
use proptest::prelude::*;

use oracle::Oracle;
use organisation::{Plan, Shown, Stage, Theatre, plan};

fn everything(entity: &str) -> Report {
    Report {
        entity: entity.to_owned(),
        filter: Condition::Everything,
        group_by: Vec::new(),
        measures: vec![Measure::Count],
    }
}

/// The ids of a whole list, page by page.
fn listed(session: &Session, entity: &str, filter: &Condition) -> guanxi::Result<BTreeSet<RecordId>> {
    let mut found = BTreeSet::new();
    let mut find = Find { filter: filter.clone(), limit: 3, ..Find::default() };
    loop {
        let page = session.list(entity, &find)?;
        for row in &page.rows {
            assert!(found.insert(row.record.id), "no record stands on two pages");
        }
        match page.next {
            Some(next) => find.after = Some(next),
            None => return Ok(found),
        }
    }
}

/// What one user reads of one entity, in every way there is; or what whoever stands in reads for the user.
fn check_reading(stage: &Stage<'_>, oracle: &Oracle<'_>, (session, user): (&Session, usize), entity: &str) {
    let Some(expected) = oracle.visible(user, entity) else {
        assert_eq!(listed(session, entity, &Condition::Everything).unwrap_err().code(), Code::NotPermitted);
        assert_eq!(session.count(entity, &Condition::Everything).unwrap_err().code(), Code::NotPermitted);
        assert_eq!(session.report(&everything(entity)).unwrap_err().code(), Code::NotPermitted);
        for (id, _) in stage.records_of(oracle.plan, entity) {
            assert_eq!(session.get(entity, id).unwrap_err().code(), Code::NotPermitted);
        }
        return;
    };
    let ids: BTreeSet<RecordId> = expected.iter().map(|record| stage.records[*record]).collect();
    let count = u64::try_from(ids.len()).unwrap();
    assert_eq!(listed(session, entity, &Condition::Everything).unwrap(), ids);
    assert_eq!(session.count(entity, &Condition::Everything).unwrap(), count);
    let table = session.report(&everything(entity)).unwrap();
    assert_eq!(table.rows[0].figures, [Figure::Count(count)]);
    for (id, number) in stage.records_of(oracle.plan, entity) {
        match session.get(entity, id) {
            Ok(row) => {
                assert!(ids.contains(&id) && row.record.id == id);
                check_field(oracle, user, (number, &row), false);
            }
            Err(error) => assert!(!ids.contains(&id) && error.code() == Code::RecordNotFound, "{error}"),
        }
    }
    assert_eq!(session.search("thing", Some(entity), 0, 0).unwrap().total, count);
    check_by_owner(stage, oracle, session, entity, &expected);
    if entity == "crm.account" {
        match oracle.asked_by_field(user, entity) {
            None => check_filtered(stage, oracle, session, &expected),
            Some(code) => check_asked_in_vain(session, code),
        }
        for row in session.list(entity, &Find { limit: 100, ..Find::default() }).unwrap().rows {
            let number = stage.records.iter().position(|id| *id == row.record.id).unwrap();
            check_field(oracle, user, (number, &row), true);
        }
    }
}

/// What a row shows of the number of employees.
fn check_field(oracle: &Oracle<'_>, user: usize, (number, row): (usize, &Listing), in_list: bool) {
    let thing = &oracle.plan.records[number];
    if thing.entity != "crm.account" {
        return;
    }
    let value = row.value(organisation::FIELD).unwrap();
    let shown = oracle.shown(user, number);
    let is_mask = |value: &Value| value.as_text().is_some_and(|text| text.contains("****"));
    match shown {
        Shown::Nothing => assert_eq!(value, Value::Null, "{user} {number}"),
        Shown::Mask => assert!(is_mask(&value), "{user} {number}: {value:?}"),
        Shown::MaskInLists if in_list => assert!(is_mask(&value), "{user} {number}: {value:?}"),
        _ => assert_eq!(value, Value::Int(thing.employees), "{user} {number}"),
    }
}

/// A field that is not seen in all records answers no filter, no order and no sum.
fn check_asked_in_vain(session: &Session, code: Code) {
    let large = account::EMPLOYEES.at_least(50);
    assert_eq!(session.count("crm.account", &large).unwrap_err().code(), code);
    let sorted = Find { sort: vec![account::EMPLOYEES.ascending()], ..Find::default() };
    assert_eq!(session.list("crm.account", &sorted).unwrap_err().code(), code);
    let measures = vec![Measure::Sum(organisation::FIELD.into())];
    assert_eq!(session.report(&Report { measures, ..everything("crm.account") }).unwrap_err().code(), code);
}

fn check_by_owner(
    stage: &Stage<'_>,
    oracle: &Oracle<'_>,
    session: &Session,
    entity: &str,
    expected: &[usize],
) {
    let report =
        Report { group_by: vec![GroupBy { path: vec!["owner".into()], bucket: None }], ..everything(entity) };
    let table = session.report(&report).unwrap();
    let mut found: Vec<(RecordId, u64)> = Vec::new();
    for row in &table.rows {
        let &[Figure::Count(count)] = row.figures.as_slice() else { panic!("one count for each owner") };
        found.push((row.group[0].as_id().unwrap(), count));
    }
    found.sort_unstable();
    let mut counted = std::collections::BTreeMap::new();
    for record in expected {
        let owner = stage.users[oracle.plan.records[*record].owner];
        *counted.entry(owner).or_insert(0_u64) += 1;
    }
    assert_eq!(found, counted.into_iter().collect::<Vec<_>>());
}

fn check_filtered(stage: &Stage<'_>, oracle: &Oracle<'_>, session: &Session, expected: &[usize]) {
    let large = account::EMPLOYEES.at_least(50);
    let ids: BTreeSet<RecordId> = expected
        .iter()
        .filter(|record| oracle.plan.records[**record].employees >= 50)
        .map(|record| stage.records[*record])
        .collect();
    assert_eq!(listed(session, "account", &large).unwrap(), ids);
    assert_eq!(session.count("account", &large).unwrap(), u64::try_from(ids.len()).unwrap());
    let of = |record: &usize| oracle.plan.records[*record].employees;
    let sum: i64 = expected.iter().map(of).sum();
    let measures = vec![Measure::Sum("employees".into())];
    let table = session.report(&Report { measures, ..everything("crm.account") }).unwrap();
    match &table.rows[0].figures[0] {
        Figure::Number(number) => assert_eq!(number.to_string(), sum.to_string()),
        other => assert!(expected.is_empty() && *other == Figure::Nothing, "{other:?}"),
    }
    let mut sorted: Vec<(i64, RecordId)> =
        expected.iter().map(|record| (of(record), stage.records[*record])).collect();
    sorted.sort_unstable();
    let mut find = Find { sort: vec![account::EMPLOYEES.ascending()], limit: 2, ..Find::default() };
    let mut met = Vec::new();
    loop {
        let page = session.list("account", &find).unwrap();
        met.extend(page.rows.iter().map(|row| row.record.id));
        let Some(next) = page.next else { break };
        find.after = Some(next);
    }
    assert_eq!(met, sorted.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
}

/// What one user may change: every write is tried and taken back.
fn check_writing(stage: &Stage<'_>, oracle: &Oracle<'_>, (session, user): (&Session, usize)) {
    let mut transaction = session.begin(guanxi::WriteOptions::default()).unwrap();
    for (record, id) in stage.records.iter().enumerate() {
        let entity = oracle.plan.records[record].entity;
        let before = transaction.savepoint();
        let changed = transaction.update_record(entity, *id, Changes::new().set("phone", "changed"));
        assert_eq!(changed.err().map(|error| error.code()), oracle.change(user, record, Action::Update));
        transaction.roll_back_to(before);
        let deleted = transaction.delete_record(entity, *id);
        assert_eq!(deleted.err().map(|error| error.code()), oracle.change(user, record, Action::Delete));
        transaction.roll_back_to(before);
        for (other, owner) in stage.users.iter().enumerate() {
            let given = transaction.update_record(entity, *id, Changes::new().owner(*owner));
            let expected = oracle.assignment(user, record, other);
            assert_eq!(given.err().map(|error| error.code()), expected, "{user} gives {record} to {other}");
            transaction.roll_back_to(before);
        }
    }
    for (other, owner) in stage.users.iter().enumerate() {
        for entity in organisation::ENTITIES {
            let before = transaction.savepoint();
            let changes = Changes::new().set("name", "new").owner(*owner);
            let made = transaction.create_record(entity, changes);
            assert_eq!(made.err().map(|error| error.code()), oracle.creation(user, entity, other));
            transaction.roll_back_to(before);
        }
    }
}

/// What administrators are told about who may what, and each person about themselves.
fn check_explanations(stage: &Stage<'_>, oracle: &Oracle<'_>) {
    let plan = oracle.plan;
    for (record, thing) in plan.records.iter().enumerate() {
        let (entity, id) = (thing.entity, stage.records[record]);
        let hidden = plan.users[thing.owner].partition.is_some();
        for action in [Action::Read, Action::Update, Action::Delete] {
            let may = |user: usize| match action {
                Action::Read => oracle.visible(user, entity).is_some_and(|records| records.contains(&record)),
                _ => oracle.change(user, record, action).is_none(),
            };
            for (user, session) in stage.sessions.iter().enumerate() {
                let own = session.explain_access(session.user(), entity, id, action);
                let told = stage.house.admin.explain_access(session.user(), entity, id, action);
                let sees = oracle.visible(user, entity).is_some_and(|records| records.contains(&record));
                if sees {
                    assert_eq!(own.unwrap().verdict == Verdict::Granted, may(user), "{action:?} {entity}");
                } else {
                    let code = own.unwrap_err().code();
                    assert!(code == Code::RecordNotFound || code == Code::NotPermitted);
                }
                match told {
                    Ok(told) => {
                        assert!(!hidden);
                        assert_eq!(told.verdict == Verdict::Granted, may(user), "{action:?} {told:?}");
                        let nothing = told.paths.is_empty() && told.shares.is_empty();
                        assert_eq!(nothing, !may(user) && told.verdict != Verdict::Denied);
                    }
                    Err(error) => assert!(hidden && error.code() == Code::RecordNotFound),
                }
            }
            if hidden {
                continue;
            }
            let mut listed = BTreeSet::new();
            let mut after = None;
            loop {
                let page = stage.house.admin.who_may(entity, id, action, (after, 2)).unwrap();
                let by_own_right =
                    page.rows.iter().filter(|row| !row.paths.is_empty() || !row.shares.is_empty());
                listed.extend(by_own_right.map(|row| row.user));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let of_plan = listed.iter().filter(|user| stage.users.contains(user)).copied();
            let expected = (0..plan.users.len()).filter(|user| may(*user)).map(|user| stage.users[user]);
            assert_eq!(of_plan.collect::<BTreeSet<_>>(), expected.collect::<BTreeSet<_>>());
        }
    }
}

fn check(plan: &Plan) {
    // One database serves for all worlds: to make one takes longer than to ask all questions of a world.
    static THEATRE: LazyLock<Mutex<Theatre>> = LazyLock::new(|| Mutex::new(Theatre::new()));
    let mut theatre = THEATRE.lock().unwrap_or_else(PoisonError::into_inner);
    let stage = Stage::set(&mut theatre, plan);
    let oracle = Oracle::new(plan);
    for (user, session) in stage.sessions.iter().enumerate() {
        for entity in organisation::ENTITIES {
            check_reading(&stage, &oracle, (session, user), entity);
        }
        check_writing(&stage, &oracle, (session, user));
        let stood_in_for = oracle.stood_in_for(user);
        for (other, id) in stage.users.iter().enumerate() {
            let acting = session.act_for(*id);
            match stood_in_for.iter().find(|(delegator, _)| *delegator == other) {
                None => assert_eq!(acting.err().map(|error| error.code()), Some(Code::SessionEnded)),
                Some((_, for_another)) => {
                    let acting = acting.unwrap();
                    for entity in organisation::ENTITIES {
                        check_reading(&stage, for_another, (&acting, other), entity);
                    }
                    check_writing(&stage, for_another, (&acting, other));
                }
            }
        }
    }
    check_explanations(&stage, &oracle);
    stage.strike(plan);
    if theatre.worlds.is_multiple_of(24) {
        let _ = theatre.house.verified();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        // Of each of these some thousands of things are asked, and of the many small ones some hundred.
        cases: worlds::in_the_long_form().map_or(24, |worlds| (worlds / 400).max(24)),
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn everybody_reads_and_changes_exactly_what_the_levels_of_their_roles_mean(plan in plan()) {
        check(&plan);
    }
}
