//! Several pipelines, and deals that are opened again or laid aside.

use std::collections::BTreeMap;

use guanxi::engine::{Action, Draft, Find, Level, Listing, Ref};
use guanxi::model::opportunity::stage_change;
use guanxi::model::pipeline::{self, NewStage};
use guanxi::model::pipeline_snapshot::{self, SnapshotEvery, snapshot};
use guanxi::model::{
    Lead, Opportunity, Pipeline, PipelineSchedule, PipelineSnapshot, Stage, StageChange, Status, Task,
    WorkReport, opportunity, stage,
};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, Money, RecordId, Result, Session, Value, api};
use guanxi_tests::{House, database, refusal};
use serde_json::json;

const DAY: i64 = 86_400_000_000;

fn new_stage(name: &str, outcome: Status) -> NewStage {
    let probability = if outcome == Status::Open { Some(50) } else { None };
    NewStage {
        name: name.to_owned(),
        outcome,
        probability,
        exit_fields: None,
        stagnant_days: None,
        forecast: None,
    }
}

/// A pipeline of renewals: two open stages, and three in which a deal ends.
fn renewals(house: &House) -> Ref<Pipeline> {
    let stages = [
        new_stage("Expiring", Status::Open),
        new_stage("Offered", Status::Open),
        new_stage("Renewed", Status::Won),
        new_stage("Left", Status::Lost),
        new_stage("Mistaken", Status::Void),
    ];
    house.admin.write(|transaction| pipeline::define(transaction, "Renewals", None, &stages)).unwrap()
}

fn stage_of(house: &House, name: &str) -> RecordId {
    house.admin.read(|reader| reader.find_by_title(Stage::NAME, name)).unwrap()[0]
}

fn deal(
    session: &Session,
    draft: impl Fn(Draft<Opportunity>) -> Draft<Opportunity>,
) -> Result<Ref<Opportunity>> {
    session.write(|transaction| transaction.create(draft(opportunity::titled("deal"))))
}

fn row(house: &House, deal: Ref<Opportunity>) -> Listing {
    house.admin.get(Opportunity::NAME, deal.id()).unwrap()
}

fn id_in(row: &Listing, field: &str) -> RecordId {
    row.value(field).unwrap().as_id().unwrap()
}

fn set(session: &Session, deal: Ref<Opportunity>, changes: &Changes) -> Result<()> {
    session
        .write(|transaction| transaction.update_record(Opportunity::NAME, deal.id(), changes.clone()))
        .map(drop)
}

fn sales(house: &House) -> RecordId {
    house.admin.read(|reader| pipeline::default_in(&reader)).unwrap().unwrap()
}

#[test]
fn a_deal_goes_through_the_stages_of_its_own_pipeline_to_an_end_of_it() {
    let house = database();
    let renewals = renewals(&house);
    // By its pipeline, by its stage, or by neither.
    let by_pipeline = deal(&house.admin, |draft| draft.with(opportunity::PIPELINE, renewals)).unwrap();
    let offered = stage_of(&house, "Offered");
    let by_stage = deal(&house.admin, |draft| draft.with(opportunity::STAGE, offered)).unwrap();
    let by_neither = deal(&house.admin, |draft| draft).unwrap();
    for (deal, pipeline, stage) in [
        (by_pipeline, renewals.id(), "Expiring"),
        (by_stage, renewals.id(), "Offered"),
        (by_neither, sales(&house), "Prospecting"),
    ] {
        let row = row(&house, deal);
        assert_eq!(id_in(&row, "pipeline"), pipeline, "{stage}");
        assert_eq!(id_in(&row, "stage"), stage_of(&house, stage));
    }
    house.admin.write(|transaction| by_pipeline.win(transaction)).unwrap();
    house.admin.write(|transaction| by_stage.lose(transaction, "price")).unwrap();
    house.admin.write(|transaction| by_neither.void(transaction, "a test")).unwrap();
    for (deal, stage) in [(by_pipeline, "Renewed"), (by_stage, "Left"), (by_neither, "Void")] {
        assert_eq!(id_in(&row(&house, deal), "stage"), stage_of(&house, stage));
    }
}

#[test]
fn a_stage_of_another_pipeline_is_refused_and_a_deal_moves_whole() {
    let house = database();
    let renewals = renewals(&house);
    let moved = deal(&house.admin, |draft| draft).unwrap();
    let foreign = Changes::new().set(opportunity::STAGE, stage_of(&house, "Offered"));
    assert_eq!(refusal(set(&house.admin, moved, &foreign)), Code::StageOfAnotherPipeline);
    let mixed = deal(&house.admin, |draft| {
        draft.with(opportunity::PIPELINE, renewals).with(opportunity::STAGE, stage_of(&house, "Engaging"))
    });
    assert_eq!(refusal(mixed), Code::StageOfAnotherPipeline);
    house.clock.advance_micros(3 * DAY);
    house.admin.write(|transaction| moved.move_to(transaction, renewals, None)).unwrap();
    let now = row(&house, moved);
    assert_eq!(
        (id_in(&now, "stage"), id_in(&now, "pipeline")),
        (stage_of(&house, "Expiring"), renewals.id())
    );
    let find = Find { filter: stage_change::OPPORTUNITY.is(moved.id()), ..Find::default() };
    let steps = house.admin.list(StageChange::NAME, &find).unwrap().rows;
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].value(stage_change::DAYS).unwrap(), Value::Int(3));
    // A stage stays where it was made.
    let stays = house.admin.write(|transaction| {
        let changes = Changes::new().set(stage::PIPELINE, renewals.id());
        transaction.update_record(Stage::NAME, stage_of(&house, "Engaging"), changes)
    });
    assert_eq!(refusal(stays), Code::StageOfAnotherPipeline);
}

#[test]
fn a_pipeline_is_whole_is_made_by_who_administers_and_takes_no_deals_when_it_is_off() {
    let house = database();
    let define = |session: &Session, stages: &[NewStage]| {
        session.write(|transaction| pipeline::define(transaction, "Other", None, stages))
    };
    let [open, won, lost] =
        [("a", Status::Open), ("b", Status::Won), ("c", Status::Lost)].map(|(n, s)| new_stage(n, s));
    for stages in [
        vec![],
        vec![open.clone(), won.clone()],
        vec![open.clone(), lost.clone()],
        vec![won.clone(), lost.clone()],
        vec![won.clone(), open.clone(), lost.clone()],
    ] {
        assert_eq!(refusal(define(&house.admin, &stages)), Code::PipelineIncomplete);
    }
    let whole = [open, won, lost];
    assert_eq!(refusal(define(&house.user_as("lin", "salesperson"), &whole)), Code::NotPermitted);
    assert_eq!(refusal(define(&house.user_as("wang", "director"), &whole)), Code::NotPermitted);
    let made = define(&house.admin, &whole).unwrap();
    let inside = deal(&house.admin, |draft| draft.with(opportunity::PIPELINE, made)).unwrap();
    let outside = deal(&house.admin, |draft| draft).unwrap();
    house.change(Pipeline::NAME, made.id(), &Changes::new().set(pipeline::ACTIVE, false));
    let refused = deal(&house.admin, |draft| draft.with(opportunity::PIPELINE, made));
    assert_eq!(refusal(refused), Code::PipelineInactive);
    let refused = house.admin.write(|transaction| outside.move_to(transaction, made, None));
    assert_eq!(refusal(refused), Code::PipelineInactive);
    house.admin.write(|transaction| inside.win(transaction)).unwrap();
}

#[test]
fn another_pipeline_becomes_the_default_one_and_new_deals_are_of_it() {
    let house = database();
    let stands = deal(&house.admin, |draft| draft).unwrap();
    let (before, renewals) = (sales(&house), renewals(&house));
    api::call(&house.admin, "pipeline.set_default", &json!({"id": renewals.id().to_string()})).unwrap();
    assert_eq!(sales(&house), renewals.id());
    let new = deal(&house.admin, |draft| draft).unwrap();
    assert_eq!(id_in(&row(&house, new), "stage"), stage_of(&house, "Expiring"));
    // What stood stays where it was.
    assert_eq!(id_in(&row(&house, stands), "pipeline"), before);
    house.admin.write(|transaction| stands.win(transaction)).unwrap();
    assert_eq!(id_in(&row(&house, stands), "stage"), stage_of(&house, "Won"));
    let second = Changes::new().set(pipeline::IS_DEFAULT, true);
    let second =
        house.admin.write(|transaction| transaction.update_record(Pipeline::NAME, before, second.clone()));
    assert_eq!(refusal(second), Code::NotUnique);
}

#[test]
fn figures_are_told_by_pipeline_and_sum_to_those_of_all() {
    let house = database();
    let renewals = renewals(&house);
    let day: guanxi::Date = "2026-12-15".parse().unwrap();
    let of = |pipeline: RecordId, amount: i64| {
        deal(&house.admin, |draft| {
            let draft =
                draft.with(opportunity::AMOUNT, Money::cny(amount)).with(opportunity::EXPECTED_ON, day);
            draft.with(opportunity::PIPELINE, Ref::<Pipeline>::new(pipeline))
        })
        .unwrap()
    };
    for amount in [100, 200] {
        let _ = of(sales(&house), amount);
    }
    for amount in [1_000, 2_000, 4_000] {
        let _ = of(renewals.id(), amount);
    }
    let ask = |pipeline: Option<RecordId>| {
        let id = pipeline.map(|id| id.to_string());
        let given = json!({"from": "2026-12-01", "to": "2026-12-31", "pipeline": id});
        let rows = api::call(&house.admin, "opportunity.forecast", &given).unwrap();
        let table = api::call(&house.admin, "opportunity.pipeline", &json!({"pipeline": id})).unwrap();
        let stages = table["stages"]["rows"].as_array().unwrap().len();
        (rows["rows"][0]["deals"].as_u64().unwrap(), rows["rows"][0]["amounts"].clone(), stages)
    };
    let (two, three, all) = (ask(Some(sales(&house))), ask(Some(renewals.id())), ask(None));
    assert_eq!((two.0, two.2), (2, 1));
    assert_eq!((three.0, three.2), (3, 1));
    assert_eq!((all.0, all.2), (5, 2));
    assert!(two.1.to_string().contains("300") && three.1.to_string().contains("7000"));
    assert!(all.1.to_string().contains("7300"));
    // A snapshot tells them apart too.
    let plan = Changes::new()
        .set(pipeline_snapshot::NAME, "daily")
        .set(pipeline_snapshot::EVERY, SnapshotEvery::Day);
    let _ = house.create(PipelineSchedule::NAME, &plan);
    house.clock.advance_micros(DAY);
    let _ = house.admin.tick(100).unwrap();
    let rows = house.admin.list(PipelineSnapshot::NAME, &Find::default()).unwrap().rows;
    let told: BTreeMap<RecordId, Value> =
        rows.iter().map(|row| (id_in(row, "pipeline"), row.value(snapshot::DEALS).unwrap())).collect();
    assert_eq!(told, [(sales(&house), Value::Int(2)), (renewals.id(), Value::Int(3))].into());
}

#[test]
fn pipelines_are_listed_with_their_stages_as_far_as_one_sees_them() {
    let house = database();
    let _ = renewals(&house);
    let lin = house.user_as("lin", "salesperson");
    let told = api::call(&lin, "pipeline.list", &json!({})).unwrap();
    let rows = told["rows"].as_array().unwrap();
    let counts: BTreeMap<&str, (bool, usize)> = rows
        .iter()
        .map(|row| {
            let stages = row["stages"].as_array().unwrap().len();
            (row["name"].as_str().unwrap(), (row["is_default"] == json!(true), stages))
        })
        .collect();
    assert_eq!(counts, [("Sales", (true, 6)), ("Renewals", (false, 5))].into());
    let blind =
        house.user("blind", &[house.role("deals alone", &[(Opportunity::NAME, Action::Read, Level::All)])]);
    assert_eq!(refusal(api::call(&blind, "pipeline.list", &json!({}))), Code::NotPermitted);
}

#[test]
fn who_does_not_see_the_default_pipeline_makes_deals_in_it_all_the_same() {
    let house = database();
    let grants = [
        (Opportunity::NAME, Action::Create, Level::Own),
        (Opportunity::NAME, Action::Read, Level::Own),
        (Opportunity::NAME, Action::Update, Level::Own),
        (Stage::NAME, Action::Read, Level::All),
    ];
    let lin = house.user("lin", &[house.role("deals and stages", &grants)]);
    let made = deal(&lin, |draft| draft).unwrap();
    assert_eq!(id_in(&row(&house, made), "stage"), stage_of(&house, "Prospecting"));
    // It counts among those of the default one.
    let asked = json!({"pipeline": sales(&house).to_string()});
    let table = api::call(&house.admin, "opportunity.pipeline", &asked).unwrap();
    assert_eq!(table["stages"]["rows"].as_array().unwrap().len(), 1);
    // It goes on among the stages that it is in, also when another pipeline has become the default one.
    let (before, renewals) = (sales(&house), renewals(&house));
    api::call(&house.admin, "pipeline.set_default", &json!({"id": renewals.id().to_string()})).unwrap();
    house.admin.write(|transaction| made.win(transaction)).unwrap();
    let won = row(&house, made);
    assert_eq!((id_in(&won, "stage"), id_in(&won, "pipeline")), (stage_of(&house, "Won"), before));
}

#[test]
fn a_closed_deal_stays_as_it_is_until_who_may_assign_it_opens_it_with_a_reason() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let boss = house.user_as("boss", "manager");
    house.change("sys.user", lin.user(), &Changes::new().set("reports_to", boss.user()));
    let sold = deal(&lin, |draft| draft.with(opportunity::AMOUNT, Money::cny(5))).unwrap();
    lin.write(|transaction| sold.win(transaction)).unwrap();
    let renewals = renewals(&house);
    for changes in [
        Changes::new().set("amount", Money::cny(6)),
        Changes::new().set("note", "more"),
        Changes::new().set("closed_on", Value::Null),
        Changes::new().set("reopen_reason", "a mistake"),
        Changes::new().set("pipeline", renewals.id()),
    ] {
        for session in [&lin, &house.admin] {
            let code = refusal(set(session, sold, &changes));
            assert!(matches!(code, Code::RecordLocked | Code::InvalidTransition), "{changes:?}: {code:?}");
        }
    }
    // Its owner and its tags are no part of what it came to.
    house.change(Opportunity::NAME, sold.id(), &Changes::new().tags(["2026".to_owned()].into()));
    house.change(Opportunity::NAME, sold.id(), &Changes::new().owner(boss.user()));
    house.change(Opportunity::NAME, sold.id(), &Changes::new().owner(lin.user()));

    let reopen =
        |session: &Session, reason: &str| session.write(|transaction| sold.reopen(transaction, reason, None));
    assert_eq!(refusal(reopen(&boss, "  ")), Code::ReasonRequired);
    assert_eq!(refusal(reopen(&lin, "they came back")), Code::NotPermitted);
    house.clock.advance_micros(2 * DAY + DAY / 2);
    reopen(&boss, "they came back").unwrap();
    let open = row(&house, sold);
    assert_eq!(open.value("status").unwrap().as_text(), Some("open"));
    assert_eq!(id_in(&open, "stage"), stage_of(&house, "Prospecting"));
    assert!(open.value("closed_on").unwrap().is_null());
    assert_eq!(open.value("reopened").unwrap(), Value::Int(1));
    let find = Find {
        filter: stage_change::OPPORTUNITY.is(sold.id()),
        sort: vec![stage_change::AT.ascending()],
        ..Find::default()
    };
    let steps = house.admin.list(StageChange::NAME, &find).unwrap().rows;
    let told: Vec<_> = steps
        .iter()
        .map(|step| {
            let reason = step.value("reason").unwrap();
            (id_in(step, "to_stage"), step.value("days").unwrap(), reason.as_text().map(str::to_owned))
        })
        .collect();
    let expected = [
        (stage_of(&house, "Won"), Value::Int(0), None),
        (stage_of(&house, "Prospecting"), Value::Int(2), Some("they came back".to_owned())),
    ];
    assert_eq!(told, expected);
    // It is a deal as any other, and for the same reason it is opened again.
    set(&lin, sold, &Changes::new().set("amount", Money::cny(7))).unwrap();
    lin.write(|transaction| sold.win(transaction)).unwrap();
    reopen(&boss, "they came back").unwrap();
    assert_eq!(row(&house, sold).value("reopened").unwrap(), Value::Int(2));
    assert_eq!(refusal(reopen(&boss, "once more")), Code::InvalidTransition);
}

#[test]
fn only_closed_deals_are_laid_aside_and_their_owner_does_not_take_them_out_again() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let director = house.user_as("director", "director");
    let made = deal(&lin, |draft| draft).unwrap();
    let given = json!({"id": made.id().to_string()});
    assert_eq!(refusal(api::call(&lin, "opportunity.archive", &given)), Code::NotClosed);
    lin.write(|transaction| made.lose(transaction, "no need")).unwrap();
    let _ = api::call(&lin, "opportunity.archive", &given).unwrap();
    let at = row(&house, made).value("archived_at").unwrap();
    assert_eq!(at, Value::DateTime(house.crm.now()));
    assert_eq!(refusal(api::call(&lin, "opportunity.unarchive", &given)), Code::NotPermitted);
    let live = Condition::Any(vec![
        opportunity::ARCHIVED.is(false),
        Condition::IsNull(opportunity::ARCHIVED.into()),
    ]);
    assert_eq!(lin.count(Opportunity::NAME, &live).unwrap(), 0);
    let _ = api::call(&director, "opportunity.unarchive", &given).unwrap();
    assert!(row(&house, made).value("archived_at").unwrap().is_null());
    assert_eq!(lin.count(Opportunity::NAME, &live).unwrap(), 1);
    // One that is opened again is no longer laid aside.
    let _ = api::call(&lin, "opportunity.archive", &given).unwrap();
    let reopened = json!({"id": made.id().to_string(), "reason": "a new need", "idempotency_key": "k"});
    let _ = api::call(&director, "opportunity.reopen", &reopened).unwrap();
    let _ = api::call(&director, "opportunity.reopen", &reopened).unwrap();
    let now = row(&house, made);
    assert!(now.value("archived").unwrap().is_null() && now.value("archived_at").unwrap().is_null());
    assert_eq!(now.value("reopened").unwrap(), Value::Int(1));
}

/// Whether an edge is declared, by the registry.
fn edges(house: &House, entity: &str) -> (Vec<String>, Vec<(String, String)>) {
    let registry = house.crm.registry();
    let known = registry.entity(entity).unwrap();
    let machine = known.machines()[0].definition.clone();
    let field = known.field(machine.field.as_str().into()).unwrap();
    let states = field.definition.kind.codes().unwrap().iter().map(|code| code.code.clone()).collect();
    let edges = machine
        .transitions
        .iter()
        .flat_map(|step| step.from.iter().map(|from| (from.clone(), step.to.clone())).collect::<Vec<_>>());
    (states, edges.collect())
}

fn step(session: &Session, deal: Ref<Opportunity>, to: &str) -> Result<()> {
    session.write(|transaction| match to {
        "open" => deal.reopen(transaction, "a reason", None),
        "won" => deal.win(transaction),
        "lost" => deal.lose(transaction, "a reason"),
        _ => deal.void(transaction, "a reason"),
    })
}

#[test]
fn every_step_of_a_deal_is_taken_or_refused_as_declared_by_every_role() {
    let house = database();
    let (states, edges) = edges(&house, Opportunity::NAME);
    assert_eq!(states.len(), 4);
    let owner = house.user_as("owner", "salesperson");
    let superior = house.user_as("superior", "manager");
    house.change("sys.user", owner.user(), &Changes::new().set("reports_to", superior.user()));
    let reads =
        [Opportunity::NAME, Stage::NAME, Pipeline::NAME].map(|entity| (entity, Action::Read, Level::All));
    let roles = [
        (owner.clone(), None),
        (superior, None),
        (house.user_as("director", "director"), None),
        (house.admin.clone(), None),
        (house.user_as("stranger", "salesperson"), Some(Code::RecordNotFound)),
        (house.user("nobody", &[]), Some(Code::NotPermitted)),
        (house.user("reader", &[house.role("reads", &reads)]), Some(Code::NotPermitted)),
    ];
    for from in &states {
        for to in states.iter().filter(|to| *to != from) {
            let declared = edges.contains(&(from.clone(), to.clone()));
            for (session, refused) in &roles {
                let made = deal(&owner, |draft| draft).unwrap();
                if from != "open" {
                    step(&owner, made, from).unwrap();
                }
                let expected = match (refused, declared) {
                    (Some(code), _) => Some(*code),
                    (None, false) => Some(Code::InvalidTransition),
                    // Who may not assign a deal does not open it again.
                    (None, true) if to == "open" && session.user() == owner.user() => {
                        Some(Code::NotPermitted)
                    }
                    (None, true) => None,
                };
                let outcome = step(session, made, to).err().map(|error| error.code());
                assert_eq!(outcome, expected, "{from} -> {to} by {:?}", session.user());
                let now = if expected.is_none() { to } else { from };
                assert_eq!(row(&house, made).value("status").unwrap().as_text(), Some(now.as_str()));
            }
        }
    }
}

#[test]
fn every_machine_that_the_trade_declares_is_walked_by_a_test_of_its_own() {
    let house = database();
    let registry = house.crm.registry();
    let with_machines = registry.entities().iter().filter(|entity| !entity.machines().is_empty());
    let names: Vec<&str> = with_machines.map(|entity| entity.api_name.as_str()).collect();
    let mut walked = [Lead::NAME, Task::NAME, WorkReport::NAME, Opportunity::NAME];
    let mut names: Vec<&str> = names.into_iter().filter(|name| !name.starts_with("sys.")).collect();
    walked.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, walked);
}
