//! What stands around deals: teams with shares, competitors, forecasts, quotas, snapshots of the pipeline, and warnings.

use std::collections::BTreeMap;

use guanxi::engine::{Draft, Find, Listing, Ref, ShareLevel, WriteOptions, unit};
use guanxi::features::reports::Bucket;
use guanxi::model::competitor::competition;
use guanxi::model::pipeline_snapshot::{self, SnapshotEvery, snapshot};
use guanxi::model::quota::{self, QuotaOf};
use guanxi::model::{
    Competition, Competitor, ForecastCategory, ForecastOf, Opportunity, PipelineSchedule, PipelineSnapshot,
    Quota, Stage, Task, TeamMember, opportunity, stage,
};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, Date, Decimal, Money, RecordId, Session, Timestamp, Value, api};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

const DAY: i64 = 86_400_000_000;

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn yuan(text: &str) -> Money {
    format!("CNY {text}").parse().unwrap()
}

fn stage_of(house: &House, name: &str) -> RecordId {
    house.admin.read(|reader| reader.find_by_title(Stage::NAME, name)).unwrap()[0]
}

fn deal(house: &House, owner: RecordId, amount: i64, stage: &str, expected: &str) -> Ref<Opportunity> {
    let draft: Draft<Opportunity> = opportunity::titled("deal")
        .with(opportunity::AMOUNT, Money::cny(amount))
        .with(opportunity::STAGE, stage_of(house, stage))
        .with(opportunity::EXPECTED_ON, date(expected))
        .owner(owner);
    house.admin.write(|transaction| transaction.create(draft.clone())).unwrap()
}

fn won(house: &House, owner: RecordId, amount: i64, closed: &str) -> Ref<Opportunity> {
    won_by(house, owner, amount, closed, &[])
}

/// As [`won`], with the team that it had; who has which share of a deal is settled when it closes.
fn won_by(
    house: &House,
    owner: RecordId,
    amount: i64,
    closed: &str,
    team: &[TeamMember],
) -> Ref<Opportunity> {
    let deal = deal(house, owner, amount, "Prospecting", closed);
    let changes = Changes::new().set(opportunity::CLOSED_ON, date(closed));
    house.change(Opportunity::NAME, deal.id(), &changes);
    set_team(house, deal, team).unwrap();
    house.admin.write(|transaction| deal.win(transaction)).unwrap();
    deal
}

fn member(user: RecordId, share: Option<&str>) -> TeamMember {
    TeamMember { user, role: None, share: share.map(|share| share.parse().unwrap()) }
}

fn set_team(house: &House, deal: Ref<Opportunity>, team: &[TeamMember]) -> Result<(), guanxi::Error> {
    house.admin.write(|transaction| deal.set_team(transaction, team, None))
}

#[test]
fn the_shares_of_a_team_are_the_whole_through_every_door() {
    let house = database();
    let [lin, wang] = ["lin", "wang"].map(|name| house.user_as(name, "salesperson").user());
    let deal = deal(&house, lin, 100, "Prospecting", "2026-12-01");
    let team = |shares: [Option<&str>; 2]| [member(lin, shares[0]), member(wang, shares[1])];
    for shares in [[Some("60"), Some("30")], [Some("60"), Some("40.1")], [Some("60"), None]] {
        assert_eq!(refusal(set_team(&house, deal, &team(shares))), Code::TeamShares);
    }
    assert_eq!(refusal(set_team(&house, deal, &team([Some("110"), Some("-10")]))), Code::OutOfRange);
    assert_eq!(refusal(set_team(&house, deal, &[member(lin, None), member(lin, None)])), Code::NotUnique);
    for shares in [[Some("66.5"), Some("33.5")], [None, None], [None, Some("100")]] {
        set_team(&house, deal, &team(shares)).unwrap();
    }
    // The door of all records is held to the same.
    let row = json!([{"user": lin.to_string(), "share": "50"}]);
    let given = json!({"entity": "opportunity", "id": deal.id().to_string(), "values": {"team": row}});
    assert_eq!(refusal(api::call(&house.admin, "record.update", &given)), Code::TeamShares);
    set_team(&house, deal, &[]).unwrap();
    assert!(house.admin.get(Opportunity::NAME, deal.id()).unwrap().value("team").unwrap().is_null());
}

#[test]
fn a_team_sees_its_deal_where_that_is_said_and_not_otherwise() {
    let house = database();
    let wang = house.user_as("wang", "salesperson");
    let deal = deal(&house, house.admin.user(), 100, "Prospecting", "2026-12-01");
    set_team(&house, deal, &[member(wang.user(), None)]).unwrap();
    assert_eq!(refusal(wang.get(Opportunity::NAME, deal.id())), Code::RecordNotFound);
    let given = json!({"id": deal.id().to_string(), "access": "read",
        "team": [{"user": wang.user().to_string(), "role": "售前", "share": 100}]});
    api::call(&house.admin, "opportunity.set_team", &given).unwrap();
    assert!(wang.get(Opportunity::NAME, deal.id()).is_ok());
    let changed = wang.write(|transaction| deal.set_team(transaction, &[], Some(ShareLevel::Read)));
    assert_eq!(refusal(changed), Code::NotPermitted);
}

#[test]
fn a_competitor_stands_once_in_a_deal_and_is_not_forgotten_while_it_does() {
    let house = database();
    let deal = deal(&house, house.admin.user(), 100, "Prospecting", "2026-12-01");
    let rival = house.create(Competitor::NAME, &Changes::new().set("name", "对手"));
    let stands = Changes::new()
        .set(competition::OPPORTUNITY, deal.id())
        .set(competition::COMPETITOR, rival)
        .set(competition::THREAT, guanxi::model::competitor::Threat::High)
        .set(competition::STRENGTH, "便宜")
        .set(competition::PRICE, Money::cny(90));
    let _ = house.create(Competition::NAME, &stands);
    let again = house.admin.write(|transaction| transaction.create_record(Competition::NAME, stands.clone()));
    assert_eq!(refusal(again), Code::NotUnique);
    let deleted = house.admin.write(|transaction| transaction.delete_record(Competitor::NAME, rival));
    assert_eq!(refusal(deleted), Code::Referenced);
    house.change(Opportunity::NAME, deal.id(), &Changes::new().set(opportunity::LOST_TO, rival));
    house.admin.write(|transaction| deal.lose(transaction, "price")).unwrap();
}

/// Deals of two people; a manager to whom one of them reports.
struct Market {
    house: House,
    lin: Session,
    wang: Session,
    manager: Session,
}

fn market() -> Market {
    let house = database();
    let [lin, wang] = ["lin", "wang"].map(|name| house.user_as(name, "salesperson"));
    let manager = house.user_as("manager", "manager");
    house.change("sys.user", lin.user(), &Changes::new().set("reports_to", manager.user()));
    house.change(
        Stage::NAME,
        stage_of(&house, "Negotiating"),
        &Changes::new().set(stage::FORECAST, ForecastCategory::Commit),
    );
    let _ = deal(&house, lin.user(), 1_000, "Prospecting", "2026-11-30");
    let _ = deal(&house, lin.user(), 333, "Negotiating", "2026-12-01");
    let best = deal(&house, wang.user(), 500, "Engaging", "2026-12-31");
    let said = Changes::new().set(opportunity::FORECAST, ForecastCategory::BestCase);
    house.change(Opportunity::NAME, best.id(), &said);
    let _ = won(&house, lin.user(), 700, "2026-12-05");
    let beyond = deal(&house, lin.user(), 9_999, "Prospecting", "2027-01-01");
    house.admin.write(|transaction| deal_lost(transaction, beyond)).unwrap();
    let _ = deal(&house, lin.user(), 9_999, "Prospecting", "2027-01-01");
    Market { house, lin, wang, manager }
}

fn deal_lost(
    transaction: &mut guanxi::engine::Transaction<'_>,
    deal: Ref<Opportunity>,
) -> guanxi::Result<()> {
    deal.lose(transaction, "no need")
}

fn ask(by_person: bool) -> ForecastOf {
    ForecastOf {
        from: date("2026-11-01"),
        to: date("2026-12-31"),
        bucket: Bucket::Month,
        by_person,
        filter: Condition::Everything,
    }
}

type Line = (String, &'static str, u64, String, String);

fn lines(session: &Session) -> Vec<Line> {
    let text = |amounts: &[Money]| amounts.iter().map(Money::to_string).collect::<Vec<_>>().join("+");
    let rows = session.forecast(&ask(false)).unwrap();
    let line = |row: &guanxi::model::ForecastRow| {
        (row.period.to_string(), row.category.code(), row.deals, text(&row.amounts), text(&row.weighted))
    };
    rows.iter().map(line).collect()
}

#[test]
fn a_forecast_is_of_the_deals_that_one_sees_by_month_and_category() {
    let market = market();
    let line = |period: &str, category, deals, amount: &str, weighted: &str| {
        (period.to_owned(), category, deals, amount.to_owned(), weighted.to_owned())
    };
    let mine = vec![
        line("2026-11-01", "pipeline", 1, "CNY 1000", "CNY 100.00"),
        line("2026-12-01", "commit", 1, "CNY 333", "CNY 233.10"),
        line("2026-12-01", "closed", 1, "CNY 700", "CNY 700"),
    ];
    let normal = |lines: Vec<Line>| -> Vec<(String, &'static str, u64, Money, Money)> {
        lines
            .into_iter()
            .map(|line| (line.0, line.1, line.2, line.3.parse().unwrap(), line.4.parse().unwrap()))
            .collect()
    };
    assert_eq!(normal(lines(&market.lin)), normal(mine.clone()));
    assert_eq!(normal(lines(&market.manager)), normal(mine.clone()), "of those who report to the manager");
    assert_eq!(
        normal(lines(&market.wang)),
        normal(vec![line("2026-12-01", "best_case", 1, "CNY 500", "CNY 150")])
    );
    let mut all = mine;
    all.insert(1, line("2026-12-01", "best_case", 1, "CNY 500", "CNY 150"));
    assert_eq!(normal(lines(&market.house.admin)), normal(all));
    let nobody = market.house.user("nobody", &[]);
    assert_eq!(refusal(nobody.forecast(&ask(false))), Code::NotPermitted);
}

#[test]
fn a_forecast_by_person_gives_each_their_share_and_keeps_currencies_apart() {
    let market = market();
    let (lin, wang) = (market.lin.user(), market.wang.user());
    let shares = [member(lin, Some("62.5")), member(wang, Some("37.5"))];
    let _ = won_by(&market.house, lin, 100, "2026-11-10", &shares);
    let dollars: Money = "USD 10".parse().unwrap();
    let foreign = deal(&market.house, lin, 1, "Prospecting", "2026-11-12");
    market.house.change(Opportunity::NAME, foreign.id(), &Changes::new().set(opportunity::AMOUNT, dollars));
    let of = ForecastOf { to: date("2026-11-30"), ..ask(true) };
    let rows = market.house.admin.forecast(&of).unwrap();
    let told: BTreeMap<(RecordId, &str), Vec<Money>> =
        rows.iter().map(|row| ((row.person.unwrap(), row.category.code()), row.amounts.clone())).collect();
    let expected = BTreeMap::from([
        ((lin, "closed"), vec![yuan("62.5")]),
        ((wang, "closed"), vec![yuan("37.5")]),
        ((lin, "pipeline"), vec![yuan("1000"), dollars]),
    ]);
    assert_eq!(told, expected);
    let given = json!({"from": "2026-11-01", "to": "2026-11-30", "by_person": true, "filter": {"owner": wang.to_string()}});
    let told = api::call(&market.house.admin, "opportunity.forecast", &given).unwrap();
    assert_eq!(told["rows"], json!([]));
}

#[test]
fn quotas_are_filled_by_shares_of_won_deals_and_rolled_up_over_reports_and_units() {
    let market = market();
    let house = &market.house;
    let (lin, wang, manager) = (market.lin.user(), market.wang.user(), market.manager.user());
    let shares = [member(lin, Some("25")), member(wang, Some("75"))];
    let _ = won_by(house, wang, 1_000, "2026-11-20", &shares);
    let north = house.create("sys.unit", &Changes::new().set(unit::NAME, "华北"));
    let below = house.create("sys.unit", &Changes::new().set(unit::NAME, "北京").set(unit::PARENT, north));
    house.change("sys.user", wang, &Changes::new().set("unit", below));
    let quarter = (date("2026-10-01"), date("2026-12-31"));
    let set = |of: QuotaOf, amount: i64| {
        house.admin.write(|transaction| quota::set(transaction, of, quarter, Money::cny(amount))).unwrap()
    };
    let first = set(QuotaOf::User(lin), 1);
    let own = set(QuotaOf::User(lin), 950);
    assert_eq!(first, own, "the same days, another amount");
    let (rolled, unit) = (set(QuotaOf::WithReports(manager), 3_000), set(QuotaOf::Unit(north), 600));
    let november = house
        .admin
        .write(|transaction| {
            quota::set(
                transaction,
                QuotaOf::User(lin),
                (date("2026-11-01"), date("2026-11-30")),
                Money::cny(500),
            )
        })
        .unwrap();
    let attained = |session: &Session| -> BTreeMap<RecordId, (Money, u64, Decimal)> {
        let rows = session.attainment(&Condition::Everything).unwrap();
        rows.into_iter().map(|row| (row.quota, (row.won, row.deals, row.rate))).collect()
    };
    let rate = |text: &str| text.parse::<Decimal>().unwrap();
    let expected = BTreeMap::from([
        (own, (yuan("950"), 2, rate("1"))),
        (rolled, (yuan("950"), 2, rate("0.3167"))),
        (unit, (yuan("750"), 1, rate("1.25"))),
        (november, (yuan("250"), 1, rate("0.5"))),
    ]);
    assert_eq!(attained(&house.admin), expected);
    // Each reads their own quota, by the deals that they see: what is another's deal is not told.
    let told = attained(&market.lin);
    assert_eq!(
        told.keys().copied().collect::<Vec<_>>(),
        [own, november]
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(told[&own], (yuan("700"), 1, rate("0.7368")));
    assert!(attained(&market.wang).is_empty());
}

#[test]
fn nobody_sets_their_own_quota_and_none_is_of_nothing() {
    let market = market();
    let house = &market.house;
    let days = (date("2026-10-01"), date("2026-12-31"));
    let set = |session: &Session, of: QuotaOf, days, amount: i64| {
        session.write(|transaction| quota::set(transaction, of, days, Money::cny(amount)))
    };
    let lin = market.lin.user();
    let quota = set(&market.manager, QuotaOf::User(lin), days, 1_000).unwrap();
    assert_eq!(refusal(set(&market.lin, QuotaOf::User(lin), days, 1)), Code::NotPermitted);
    let lowered = Changes::new().set(quota::AMOUNT, Money::cny(1));
    let refused =
        market.lin.write(|transaction| transaction.update_record(Quota::NAME, quota, lowered.clone()));
    assert_eq!(refusal(refused), Code::NotPermitted);
    let away = Changes::new().set(quota::USER, market.wang.user());
    let refused = market.lin.write(|transaction| transaction.update_record(Quota::NAME, quota, away.clone()));
    assert_eq!(refusal(refused), Code::NotPermitted);
    assert!(set(&market.manager, QuotaOf::User(market.wang.user()), days, 1).is_err(), "who is not theirs");
    let backwards = (days.1, days.0);
    assert_eq!(refusal(set(&house.admin, QuotaOf::User(lin), backwards, 1)), Code::OutOfRange);
    assert_eq!(refusal(set(&house.admin, QuotaOf::Unit(lin), days, 0)), Code::OutOfRange);
    let given = json!({"user": lin.to_string(), "from": "2026-10-01", "to": "2026-12-31",
        "amount": "CNY 2000"});
    assert_eq!(api::call(&house.admin, "quota.set", &given).unwrap()["id"], quota.to_string());
    let told = api::call(&market.manager, "quota.attainment", &json!({})).unwrap();
    assert_eq!((&told["rows"][0]["rate"], &told["rows"][0]["deals"]), (&json!("0.35"), &json!(1)));
}

fn snapshots(session: &Session) -> Vec<Listing> {
    session.list(PipelineSnapshot::NAME, &Find::default()).unwrap().rows
}

#[test]
fn the_pipeline_is_written_down_each_day_and_what_was_stays() {
    let market = market();
    let house = &market.house;
    let schedule = Changes::new()
        .set(pipeline_snapshot::NAME, "daily")
        .set(pipeline_snapshot::EVERY, SnapshotEvery::Day)
        .set(pipeline_snapshot::HOUR_OF_DAY, 2);
    let schedule = house.create(PipelineSchedule::NAME, &schedule);
    let next = || house.admin.get(PipelineSchedule::NAME, schedule).unwrap().value("next_at").unwrap();
    // It is noon of the 22nd in Shanghai.
    assert_eq!(next(), Value::DateTime(moment("2026-11-22T18:00:00Z")));
    house.clock.set(moment("2026-11-22T18:00:00Z"));
    house.admin.tick(0).unwrap();
    assert_eq!(next(), Value::DateTime(moment("2026-11-23T18:00:00Z")));
    let rows = snapshots(&house.admin);
    let told: Vec<(Value, Value, Value)> = rows
        .iter()
        .map(|row| {
            (row.value("amount").unwrap(), row.value("weighted").unwrap(), row.value("category").unwrap())
        })
        .collect();
    let line = |amount: &str, weighted: &str, category: ForecastCategory| {
        (Value::Money(yuan(amount)), Value::Money(yuan(weighted)), Value::from(category))
    };
    for expected in [
        line("1000", "100.00", ForecastCategory::Pipeline),
        line("333", "233.10", ForecastCategory::Commit),
        line("500", "150.00", ForecastCategory::BestCase),
        line("9999", "999.90", ForecastCategory::Pipeline),
    ] {
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
    assert_eq!(rows.len(), 4);
    assert_eq!(snapshots(&market.wang).len(), 1, "each reads what is of their deals");
    // Late, once; and what was stays as it was, whoever wants it otherwise.
    house.clock.set(moment("2026-11-27T01:00:00Z"));
    house.admin.tick(0).unwrap();
    house.admin.tick(0).unwrap();
    assert_eq!(snapshots(&house.admin).len(), 8);
    let first = rows[0].record.id;
    let other = Changes::new().set(snapshot::DEALS, 7);
    let refused = house
        .admin
        .write(|transaction| transaction.update_record(PipelineSnapshot::NAME, first, other.clone()));
    assert_eq!(refusal(refused), Code::NotPermitted);
    let forged =
        Changes::new().set(snapshot::TITLE, "x").set(snapshot::AT, house.crm.now()).set(snapshot::DEALS, 1);
    let refused =
        house.admin.write(|transaction| transaction.create_record(PipelineSnapshot::NAME, forged.clone()));
    assert_eq!(refusal(refused), Code::NotPermitted);
    // Each Monday, from then on.
    house.change(
        PipelineSchedule::NAME,
        schedule,
        &Changes::new().set(pipeline_snapshot::EVERY, SnapshotEvery::Week),
    );
    assert_eq!(next(), Value::DateTime(moment("2026-11-29T18:00:00Z")));
    house.change(PipelineSchedule::NAME, schedule, &Changes::new().set(pipeline_snapshot::ACTIVE, false));
    assert!(next().is_null());
    let _ = house.verified();
}

#[test]
fn what_was_changes_hands_and_outlives_its_schedule_and_nobody_writes_it_under_its_cause() {
    let market = market();
    let house = &market.house;
    let schedule = Changes::new()
        .set(pipeline_snapshot::NAME, "daily")
        .set(pipeline_snapshot::EVERY, SnapshotEvery::Day);
    let schedule = house.create(PipelineSchedule::NAME, &schedule);
    house.clock.set(moment("2026-11-23T00:00:00Z"));
    house.admin.tick(0).unwrap();
    let rows = snapshots(&house.admin);
    let mine = rows.iter().find(|row| row.record.envelope.owner == market.wang.user()).unwrap().record.id;
    house.change(PipelineSnapshot::NAME, mine, &Changes::new().owner(market.manager.user()));
    house.admin.write(|transaction| transaction.delete_record(PipelineSchedule::NAME, schedule)).unwrap();
    let left = snapshots(&house.admin);
    assert_eq!(left.len(), rows.len());
    assert!(left.iter().all(|row| row.value(snapshot::SCHEDULE).unwrap().is_null()));
    let forged =
        Changes::new().set(snapshot::TITLE, "x").set(snapshot::AT, house.crm.now()).set(snapshot::DEALS, 1);
    let as_schedule = WriteOptions::default().cause("pipeline.snapshot");
    let refused = market.lin.write_with(as_schedule, |transaction| {
        transaction.create_record(PipelineSnapshot::NAME, forged.clone())
    });
    assert_eq!(refusal(refused), Code::NotPermitted);
    let _ = house.verified();
}

#[test]
fn the_owner_of_a_deal_that_stagnates_is_warned_once_and_not_of_one_that_is_worked_at() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    house.change(Stage::NAME, stage_of(&house, "Prospecting"), &Changes::new().set("stagnant_days", 10));
    let idle = deal(&house, lin.user(), 1, "Prospecting", "2026-12-31");
    let closed = deal(&house, lin.user(), 1, "Prospecting", "2026-12-31");
    house.admin.write(|transaction| closed.win(transaction)).unwrap();
    let tasks = || lin.list(Task::NAME, &Find::default()).unwrap().rows;
    let later = |days: i64| {
        house.clock.set(Timestamp::from_micros(house.crm.now().micros() + days * DAY));
        house.admin.tick(0).unwrap();
    };
    later(9);
    assert!(tasks().is_empty());
    later(2);
    later(2);
    let told = tasks();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].value("regarding").unwrap().part("id").as_id(), Some(idle.id()));
    // Work begins the time anew.
    let values = json!({"subject": "谈", "kind": "meeting",
        "regarding": {"entity": "crm.opportunity", "id": idle.id().to_string()}});
    api::call(&lin, "activity.record", &json!({"values": values})).unwrap();
    later(9);
    assert_eq!(tasks().len(), 1);
    later(2);
    assert_eq!(tasks().len(), 2);
}

#[test]
fn a_day_that_moves_later_is_counted_and_one_that_moves_earlier_is_not() {
    let house = database();
    let deal = deal(&house, house.admin.user(), 1, "Prospecting", "2026-12-01");
    for day in ["2026-12-10", "2026-12-05", "2026-12-06", "2026-12-06"] {
        house.change(Opportunity::NAME, deal.id(), &Changes::new().set(opportunity::EXPECTED_ON, date(day)));
    }
    let row = house.admin.get(Opportunity::NAME, deal.id()).unwrap();
    assert_eq!(row.value(opportunity::SLIPPED).unwrap(), Value::Int(2));
}
