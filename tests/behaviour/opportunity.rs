//! The life of a deal: stages, outcomes, reasons and the history of its steps.

use guanxi::engine::{Find, Listing, Ref};
use guanxi::features::reports::{Figure, GroupBy, Report};
use guanxi::model::opportunity::stage_change;
use guanxi::model::{Opportunity, Stage, StageChange, Status, opportunity, stage};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, Locale, Money, RecordId, Result, Value};
use guanxi_tests::{House, database, moment, refusal};

const DAY: i64 = 86_400_000_000;

fn deal(house: &House) -> Ref<Opportunity> {
    house.admin.write(|transaction| transaction.create(opportunity::titled("执照变更代办"))).unwrap()
}

fn row(house: &House, deal: Ref<Opportunity>) -> Listing {
    house.admin.get(Opportunity::NAME, deal.id()).unwrap()
}

fn text(row: &Listing, field: &str) -> String {
    row.value(field).unwrap().as_text().unwrap_or_default().to_owned()
}

fn stage(house: &House, name: &str) -> RecordId {
    house.admin.read(|reader| reader.find_by_title(Stage::NAME, name)).unwrap()[0]
}

fn set(house: &House, deal: Ref<Opportunity>, changes: &Changes) -> Result<()> {
    let changed = house
        .admin
        .write(|transaction| transaction.update_record(Opportunity::NAME, deal.id(), changes.clone()));
    changed.map(|_| ())
}

fn history(house: &House, deal: Ref<Opportunity>) -> Vec<Listing> {
    let find = Find {
        filter: stage_change::OPPORTUNITY.is(deal.id()),
        sort: vec![stage_change::AT.ascending()],
        ..Find::default()
    };
    house.admin.list(StageChange::NAME, &find).unwrap().rows
}

#[test]
fn a_new_deal_is_open_in_the_first_stage() {
    let house = database();
    let row = row(&house, deal(&house));
    assert_eq!(row.value(opportunity::STAGE).unwrap(), stage(&house, "Prospecting").into());
    assert_eq!(text(&row, "status"), "open");
    assert!(row.value("closed_on").unwrap().is_null());
    assert!(history(&house, Ref::new(row.record.id)).is_empty());
}

#[test]
fn a_won_deal_is_closed_today_by_the_organisation_s_calendar() {
    let house = database();
    let deal = deal(&house);
    house.clock.set(moment("2026-11-30T17:00:00Z"));
    house.admin.write(|transaction| deal.win(transaction)).unwrap();
    let row = row(&house, deal);
    assert_eq!(text(&row, "status"), "won");
    assert_eq!(row.value("stage").unwrap(), stage(&house, "Won").into());
    // It is the first of December in Shanghai.
    assert_eq!(row.value("closed_on").unwrap(), Value::Date("2026-12-01".parse().unwrap()));
}

#[test]
fn a_day_of_closing_that_stands_is_kept() {
    let house = database();
    let deal = deal(&house);
    let day: guanxi::Date = "2026-01-05".parse().unwrap();
    set(&house, deal, &Changes::new().set("closed_on", day)).unwrap();
    house.admin.write(|transaction| deal.win(transaction)).unwrap();
    assert_eq!(row(&house, deal).value("closed_on").unwrap(), Value::Date(day));
}

#[test]
fn a_deal_is_lost_or_voided_only_with_a_reason() {
    let house = database();
    let (lost, void) = (deal(&house), deal(&house));
    for reason in ["", "   "] {
        assert_eq!(refusal(house.admin.write(|txn| lost.lose(txn, reason))), Code::ReasonRequired);
        assert_eq!(refusal(house.admin.write(|txn| void.void(txn, reason))), Code::ReasonRequired);
    }
    assert_eq!(text(&row(&house, lost), "status"), "open");
    house.admin.write(|txn| lost.lose(txn, " too dear ")).unwrap();
    house.admin.write(|txn| void.void(txn, "a test")).unwrap();
    assert_eq!(text(&row(&house, lost), "status"), "lost");
    assert_eq!(text(&row(&house, lost), "close_reason"), "too dear");
    assert_eq!(text(&row(&house, void), "status"), "void");
    let unreasoned = deal(&house);
    let to_lost = Changes::new().set("stage", stage(&house, "Lost"));
    assert_eq!(refusal(set(&house, unreasoned, &to_lost)), Code::ReasonRequired);
}

#[test]
fn a_closed_deal_stays_closed() {
    let house = database();
    let deal = deal(&house);
    house.admin.write(|transaction| deal.win(transaction)).unwrap();
    assert_eq!(refusal(house.admin.write(|txn| deal.lose(txn, "no"))), Code::InvalidTransition);
    assert_eq!(refusal(house.admin.write(|txn| deal.void(txn, "no"))), Code::InvalidTransition);
    let back = Changes::new().set("stage", stage(&house, "Engaging"));
    assert_eq!(refusal(set(&house, deal, &back)), Code::InvalidTransition);
    let emptied = Changes::new().set("stage", Value::Null);
    assert_eq!(refusal(set(&house, deal, &emptied)), Code::InvalidTransition);
    // Nor is anything else of it changed, and winning what is won changes nothing.
    let thanks = Changes::new().set("note", "thanks").set("amount", Money::cny(5));
    assert_eq!(refusal(set(&house, deal, &thanks)), Code::RecordLocked);
    house.admin.write(|transaction| deal.win(transaction)).unwrap();
    assert_eq!(history(&house, deal).len(), 1);
}

#[test]
fn each_step_is_a_row_with_the_whole_days_before_it() {
    let house = database();
    let deal = deal(&house);
    house.clock.advance_micros(3 * DAY + DAY / 2);
    set(&house, deal, &Changes::new().set("stage", stage(&house, "Engaging"))).unwrap();
    house.clock.advance_micros(DAY - 1);
    house.admin.write(|txn| deal.lose(txn, "no budget")).unwrap();
    let steps = history(&house, deal);
    let told: Vec<_> = steps
        .iter()
        .map(|step| {
            let id = |field: &str| step.value(field).unwrap().as_id().unwrap();
            (id("from_stage"), id("to_stage"), step.value("days").unwrap(), text(step, "reason"))
        })
        .collect();
    let at = |name: &str| stage(&house, name);
    assert_eq!(
        told,
        [
            (at("Prospecting"), at("Engaging"), Value::Int(3), String::new()),
            (at("Engaging"), at("Lost"), Value::Int(0), "no budget".to_owned()),
        ]
    );
}

#[test]
fn the_rows_of_the_history_are_the_deal_owner_s_and_written_by_nobody_else() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let deal = lin.write(|transaction| transaction.create(opportunity::titled("deal"))).unwrap();
    lin.write(|transaction| deal.win(transaction)).unwrap();
    let rows = lin.list(StageChange::NAME, &Find::default()).unwrap().rows;
    assert_eq!(rows.len(), 1);
    let forged = Changes::new()
        .set(stage_change::OPPORTUNITY, deal.id())
        .set(stage_change::TO, stage(&house, "Won"))
        .set(stage_change::AT, house.crm.now());
    let made = lin.write(|transaction| transaction.create_record(StageChange::NAME, forged.clone()));
    assert_eq!(refusal(made), Code::ReadOnlyField);
    let changed = lin.write(|transaction| {
        transaction.update_record(StageChange::NAME, rows[0].record.id, Changes::new().set("days", 99))
    });
    assert_eq!(refusal(changed), Code::ReadOnlyField);
}

#[test]
fn stages_are_data_and_a_deal_follows_the_outcome_of_its_stage() {
    let house = database();
    let signed = Changes::new().set("name", "Signed").set("position", 3).set("outcome", "won");
    let signed = house.create(Stage::NAME, &signed);
    let deal = deal(&house);
    set(&house, deal, &Changes::new().set("stage", signed)).unwrap();
    assert_eq!(text(&row(&house, deal), "status"), "won");
    // The first of the stages with an outcome, by position, is where a verb leads.
    let other = self::deal(&house);
    house.admin.write(|transaction| other.win(transaction)).unwrap();
    assert_eq!(row(&house, other).value("stage").unwrap(), signed.into());
    let deleted = house.admin.write(|transaction| transaction.delete_record(Stage::NAME, signed));
    assert_eq!(refusal(deleted), Code::Referenced);
}

#[test]
fn the_pipeline_counts_and_sums_exactly() {
    let house = database();
    for (cents, outcome) in [(10, Status::Won), (20, Status::Won), (70, Status::Lost), (5, Status::Open)] {
        house
            .admin
            .write(|transaction| {
                let amount = Money::new(guanxi::Decimal::new(cents, 2)?, guanxi::Currency::CNY);
                let day = |text: &str| text.parse::<guanxi::Date>();
                let draft = opportunity::titled("deal")
                    .with(opportunity::AMOUNT, amount)
                    .with(opportunity::ENGAGED_ON, day("2026-11-20")?);
                let deal = transaction.create(draft)?;
                match outcome {
                    Status::Won => deal.win(transaction),
                    Status::Lost => deal.lose(transaction, "no"),
                    _ => Ok(()),
                }
            })
            .unwrap();
    }
    let won = house.admin.report(&opportunity::won()).unwrap();
    let yuan = |text: &str| Figure::Amount(format!("CNY {text}").parse().unwrap());
    let number = |text: &str| Figure::Number(text.parse().unwrap());
    assert_eq!(won.rows[0].figures, [Figure::Count(2), yuan("0.3"), yuan("0.15"), number("2")]);
    let totals = house.admin.report(&opportunity::totals()).unwrap();
    assert_eq!(totals.rows[0].figures, [Figure::Count(4), number("0.666667"), number("2")]);
    let stages = house.admin.report(&opportunity::by_stage()).unwrap();
    let told: Vec<_> = stages.rows.iter().map(|row| (row.labels[0].as_str(), row.figures.clone())).collect();
    assert_eq!(
        told,
        [
            ("Lost", vec![Figure::Count(1), yuan("0.7")]),
            ("Prospecting", vec![Figure::Count(1), yuan("0.05")]),
            ("Won", vec![Figure::Count(2), yuan("0.3")]),
        ]
    );
    assert_eq!(house.admin.count(Opportunity::NAME, &Condition::Everything).unwrap(), 4);
    assert_eq!(house.admin.count(Stage::NAME, &stage::OUTCOME.is(Status::Open)).unwrap(), 3);
}

#[test]
fn a_report_names_codes_in_the_language_of_its_session() {
    let house = database();
    let deal = deal(&house);
    house.admin.write(|transaction| deal.win(transaction)).unwrap();
    let by_status = Report {
        group_by: vec![GroupBy { path: vec![opportunity::STATUS.into()], bucket: None }],
        ..opportunity::totals()
    };
    let label = |locale: Locale| {
        let table = house.admin.with_locale(locale).report(&by_status).unwrap();
        table.rows[0].labels[0].clone()
    };
    assert_eq!([label(Locale::English), label(Locale::SimplifiedChinese)], ["Won", "赢单"]);
}
