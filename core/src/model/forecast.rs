//! Forecast: what deals are expected to bring in, by span of time, category and person, from the deals that the one who
//! asks may see.

use std::collections::BTreeMap;

use crate::base::{Currency, Date, Decimal, Money, RecordId, Result, Value};
use crate::engine::{Comparison, Condition, Find, Listing, Reader, Session};
use crate::features::reports::Bucket;
use crate::model::{Opportunity, Stage, Status, deal_team, opportunity, stage};
use crate::schema::declare::codes;
use crate::schema::{DateOnly, EntityType, TypedField};

/// Most stages of a pipeline.
const MAX_STAGES: usize = 1_000;

codes! {
    /// As what a deal stands in a forecast.
    ForecastCategory {
        /// It may come.
        Pipeline = "pipeline", "管道", "Pipeline";
        /// It comes if all goes well.
        BestCase = "best_case", "最佳情况", "Best case";
        /// Its owner stands by it.
        Commit = "commit", "承诺", "Commit";
        /// It has come.
        Closed = "closed", "已成交", "Closed";
        /// It is left out.
        Omitted = "omitted", "不计入", "Omitted";
    }
}

/// What a forecast is of.
#[derive(Debug, Clone)]
pub struct ForecastOf {
    /// The first day: of open deals that on which they are expected to close, of won ones that on which they did.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// The spans of time.
    pub bucket: Bucket,
    /// Whether it is told by person, with the shares of teams.
    pub by_person: bool,
    /// Which deals.
    pub filter: Condition,
}

/// One line of a forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct ForecastRow {
    /// The first day of the span.
    pub period: Date,
    /// Whose, where it is told by person.
    pub person: Option<RecordId>,
    /// As what.
    pub category: ForecastCategory,
    /// How many deals, those without amount among them.
    pub deals: u64,
    /// Their amounts, by currency.
    pub amounts: Vec<Money>,
    /// The same, each weighed by the chance of winning in its stage, and rounded to the minor unit.
    pub weighted: Vec<Money>,
}

/// What stages say of the deals in them.
pub(super) struct Stages(BTreeMap<RecordId, (Decimal, Option<ForecastCategory>)>);

impl Stages {
    /// The stages that the reader sees.
    pub(super) fn of(reader: &Reader<'_>) -> Result<Self> {
        let page = reader.find(Stage::NAME, &Find { limit: MAX_STAGES, ..Find::default() })?;
        let said = |row: &Listing| {
            let chance = match row.value(stage::PROBABILITY)? {
                Value::Int(chance) => Decimal::new(i128::from(chance.clamp(0, 100)), 2)?,
                _ => Decimal::ZERO,
            };
            Ok((row.record.id, (chance, category_in(&row.value(stage::FORECAST)?))))
        };
        Ok(Self(page.rows.iter().map(said).collect::<Result<_>>()?))
    }

    /// As what a deal stands, and with what chance.
    pub(super) fn stand(&self, deal: &Listing) -> Result<(ForecastCategory, Decimal)> {
        let status = deal.value(opportunity::STATUS)?;
        let stage = deal.value(opportunity::STAGE)?.as_id().and_then(|stage| self.0.get(&stage));
        Ok(match status.as_text().and_then(Status::from_code) {
            Some(Status::Won) => (ForecastCategory::Closed, Decimal::from(1)),
            Some(Status::Lost | Status::Void) | None => (ForecastCategory::Omitted, Decimal::ZERO),
            Some(Status::Open) => {
                let own = category_in(&deal.value(opportunity::FORECAST)?);
                let category = own.or(stage.and_then(|(_, category)| *category));
                (
                    category.unwrap_or(ForecastCategory::Pipeline),
                    stage.map_or(Decimal::ZERO, |(chance, _)| *chance),
                )
            }
        })
    }
}

/// The category that a value says; an open deal has not closed, so that it is no more than promised.
fn category_in(value: &Value) -> Option<ForecastCategory> {
    let said = value.as_text().and_then(ForecastCategory::from_code)?;
    Some(if said == ForecastCategory::Closed { ForecastCategory::Commit } else { said })
}

/// Amounts by currency, exact.
#[derive(Debug, Default)]
pub(super) struct Sums(BTreeMap<Currency, Decimal>);

impl Sums {
    /// Adds a part of an amount.
    pub(super) fn add(&mut self, money: Money, part: Decimal) -> Result<()> {
        let sum = self.0.entry(money.currency).or_insert(Decimal::ZERO);
        *sum = sum.checked_add(money.amount.checked_mul(part)?)?;
        Ok(())
    }

    /// The sums, rounded to the minor unit of each currency.
    pub(super) fn rounded(&self) -> Vec<Money> {
        let money = |(currency, sum): (&Currency, &Decimal)| {
            Money::new(sum.rounded(currency.minor_digits().unwrap_or(2)), *currency)
        };
        self.0.iter().map(money).collect()
    }

    /// The sum in one currency, exact.
    pub(super) fn of(&self, currency: Currency) -> Decimal {
        self.0.get(&currency).copied().unwrap_or(Decimal::ZERO)
    }
}

/// Days of deals that are this one or earlier.
pub(super) fn up_to(field: TypedField<Opportunity, DateOnly>, to: Date) -> Condition {
    Condition::Compare(field.into(), Comparison::LessOrEqual, to.into())
}

/// Deals that are won, or expected to close if they are open, from one day to another.
fn within(from: Date, to: Date) -> Condition {
    let between = |field: TypedField<Opportunity, DateOnly>| vec![field.at_least(from), up_to(field, to)];
    let of = |status: Status, days: Vec<Condition>| {
        Condition::All([vec![opportunity::STATUS.is(status)], days].concat())
    };
    Condition::Any(vec![
        of(Status::Open, between(opportunity::EXPECTED_ON)),
        of(Status::Won, between(opportunity::CLOSED_ON)),
    ])
}

#[derive(Default)]
struct Cell {
    deals: u64,
    amounts: Sums,
    weighted: Sums,
}

impl Session {
    /// What open and won deals come to, by span of time, category and person, the earliest first: of those that the user
    /// sees, and with the amounts that the user sees. Deals that are left out of forecasts are told as such.
    ///
    /// # Errors
    /// As [`Reader::scan`].
    pub fn forecast(&self, of: &ForecastOf) -> Result<Vec<ForecastRow>> {
        self.read(|reader| {
            let stages = Stages::of(&reader)?;
            let mut cells: BTreeMap<(Date, Option<RecordId>, ForecastCategory), Cell> = BTreeMap::new();
            let filter = Condition::All(vec![within(of.from, of.to), of.filter.clone()]);
            reader.scan(Opportunity::NAME, &filter, &mut |deal| {
                let (category, chance) = stages.stand(&deal)?;
                let closed = category == ForecastCategory::Closed;
                let day = if closed { opportunity::CLOSED_ON } else { opportunity::EXPECTED_ON };
                let Value::Date(day) = deal.value(day)? else { return Ok(()) };
                let period = of.bucket.begin(day, reader.settings())?;
                let whose = match of.by_person {
                    true => deal_team::credits(&deal)?
                        .into_iter()
                        .map(|(user, part)| (Some(user), part))
                        .collect(),
                    false => vec![(None, Decimal::from(1))],
                };
                for (person, part) in whose {
                    let cell = cells.entry((period, person, category)).or_default();
                    cell.deals = cell.deals.saturating_add(1);
                    if let Value::Money(amount) = deal.value(opportunity::AMOUNT)? {
                        cell.amounts.add(amount, part)?;
                        cell.weighted.add(amount, part.checked_mul(chance)?)?;
                    }
                }
                Ok(())
            })?;
            let rows = cells.into_iter().map(|((period, person, category), cell)| ForecastRow {
                period,
                person,
                category,
                deals: cell.deals,
                amounts: cell.amounts.rounded(),
                weighted: cell.weighted.rounded(),
            });
            Ok(rows.collect())
        })
    }
}
