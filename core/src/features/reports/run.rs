//! One report: what is asked, and the table that answers it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use sha2::{Digest, Sha256};

use crate::base::{
    Code, Currency, Decimal, Error, FieldId, Locale, Money, RecordId, Result, Value, ValueKind,
};
use crate::engine::{
    Condition, FieldSelector, GroupFigures, Listing, Matcher, Reader, Session, compare_values,
};
use crate::features::reports::Bucket;
use crate::features::reports::bucket::Calendar;
use crate::schema::{Entity, FieldType};

/// Most different values that are told apart for one figure of a group.
const MAX_DIFFERENT: usize = 1_000_000;

/// What is worked out for each group.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// How many records.
    Count,
    /// The sum of a whole, decimal or money field; records without value are left out.
    Sum(FieldSelector),
    /// The mean of such a field over the records that have a value, to 6 digits.
    Mean(FieldSelector),
    /// The smallest value of a number, an amount, a day, a moment, a time or a duration; records without value are
    /// left out.
    Least(FieldSelector),
    /// The largest value of such a field.
    Greatest(FieldSelector),
    /// How many different values a field has; each of several values counts, and none does not.
    Distinct(FieldSelector),
    /// How many of the records that meet the second condition meet the first too, from 0 to 1, to 6
    /// digits; none if no record meets the second.
    Share(Condition, Condition),
    /// The mean number of days from one date to another, over the records that have both, to 6 digits.
    MeanDays(FieldSelector, FieldSelector),
}

/// By what records are put together.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupBy {
    /// The field, or a path of two: a reference and a field of what it refers to (`owner.unit`).
    pub path: Vec<FieldSelector>,
    /// The span of time, for dates and moments.
    pub bucket: Option<Bucket>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The entity whose records are counted.
    pub entity: String,
    /// Which of them.
    pub filter: Condition,
    /// By what they are put together; nothing makes one row.
    pub group_by: Vec<GroupBy>,
    /// What is worked out.
    pub measures: Vec<Measure>,
}

/// A figure of the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Figure {
    /// No record had a value.
    Nothing,
    /// A count.
    Count(u64),
    /// A sum, mean or share.
    Number(Decimal),
    /// An amount.
    Amount(Money),
    /// A day, a moment, a time or a duration.
    Value(Value),
}

/// One row of the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportRow {
    /// What the group has in common, in the order of [`Report::group_by`].
    pub group: Vec<Value>,
    /// The same for people: titles of records, labels of codes.
    pub labels: Vec<String>,
    /// The figures, in the order of [`Report::measures`].
    pub figures: Vec<Figure>,
}

/// The answer, rows in the order of their groups.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// The rows.
    pub rows: Vec<ReportRow>,
}

impl Session {
    /// Works out a report over the records that this session may see.
    ///
    /// # Errors
    /// `schema.unknown_field`, `schema.wrong_type` for a measure that its field does not bear,
    /// `schema.currency_mismatch` for a figure over two currencies, `input.limit_exceeded` for more than a million
    /// different values to be counted, `access.field_not_permitted`,
    /// `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn report(&self, report: &Report) -> Result<Table> {
        self.read(|reader| Run::new(&reader, report)?.table(&reader))
    }
}

/// A measure with its fields resolved.
enum Gauge {
    Count,
    Sum(FieldId),
    Mean(FieldId),
    /// The value furthest to this side.
    Furthest(FieldId, Ordering),
    Distinct(FieldId),
    /// By the places of its two conditions.
    Share(usize, usize),
    MeanDays(FieldId, FieldId),
}

/// A grouping with its fields resolved.
struct Grouping {
    field: FieldId,
    /// The entity referred to and the field there, for a path of two.
    hop: Option<(String, FieldId)>,
    bucket: Option<Bucket>,
    /// The entity whose titles label the values, if the values are references.
    titles: Option<String>,
    /// The field whose codes label the values, if they are codes.
    codes: Option<(String, FieldId)>,
}

/// What has been gathered for one measure of one group.
#[derive(Clone, Default)]
struct Tally {
    count: u64,
    among: u64,
    number: Decimal,
    currency: Option<Currency>,
    furthest: Value,
    /// The different values, as they are written for programmers, by what is left of each that tells it from others.
    different: HashSet<[u8; 16]>,
}

struct Run<'a> {
    report: &'a Report,
    gauges: Vec<Gauge>,
    /// The conditions of shares, by their places.
    conditions: Vec<&'a Condition>,
    groupings: Vec<Grouping>,
    calendar: Calendar,
    /// Values found at the far end of a path, by the record referred to.
    hops: HashMap<(RecordId, FieldId), Value>,
}

/// What has been gathered for each group, by a text that tells the groups apart.
type Groups = BTreeMap<String, (Vec<Value>, Vec<Tally>)>;

impl<'a> Run<'a> {
    fn new(reader: &Reader<'_>, report: &'a Report) -> Result<Self> {
        let entity = reader.registry().entity(&report.entity)?;
        let mut conditions = Vec::new();
        let gauges = report.measures.iter().map(|measure| gauge(reader, entity, measure, &mut conditions));
        let gauges = gauges.collect::<Result<_>>()?;
        let groupings = report.group_by.iter().map(|group| grouping(reader, entity, group));
        Ok(Self {
            report,
            gauges,
            conditions,
            groupings: groupings.collect::<Result<_>>()?,
            calendar: Calendar::of(reader.settings())?,
            hops: HashMap::new(),
        })
    }

    fn table(mut self, reader: &Reader<'_>) -> Result<Table> {
        let mut groups = Groups::new();
        if !self.read_counters(reader, &mut groups)? {
            groups.clear();
            self.read_records(reader, &mut groups)?;
        }
        if groups.is_empty() && self.groupings.is_empty() {
            groups.insert(String::new(), (Vec::new(), vec![Tally::default(); self.gauges.len()]));
        }
        let rows = groups.into_values().map(|(group, tallies)| {
            let figures = self.gauges.iter().zip(tallies).map(|(gauge, tally)| tally.figure(gauge));
            let labels = group.iter().zip(&self.groupings).map(|(value, by)| label(reader, by, value));
            Ok(ReportRow { labels: labels.collect(), figures: figures.collect::<Result<_>>()?, group })
        });
        let mut rows: Vec<ReportRow> = rows.collect::<Result<_>>()?;
        rows.sort_by(|left, right| left.labels.cmp(&right.labels));
        Ok(Table { rows })
    }

    /// Counts, sums and means by fields that counters know; says whether they do.
    fn read_counters(&mut self, reader: &Reader<'_>, groups: &mut Groups) -> Result<bool> {
        let mut sums = Vec::new();
        let mut apart: Vec<FieldId> = self.groupings.iter().map(|grouping| grouping.field).collect();
        for gauge in &self.gauges {
            match gauge {
                Gauge::Count => {}
                Gauge::Sum(field) | Gauge::Mean(field) => sums.push(*field),
                // A counter that tells its values apart knows which there are.
                Gauge::Furthest(field, _) | Gauge::Distinct(field) => apart.push(*field),
                Gauge::Share(..) | Gauge::MeanDays(..) => return Ok(false),
            }
        }
        let report = self.report;
        reader.groups(&report.entity, &report.filter, (&apart, &sums), &mut |row, figures| {
            let tallies = self.tallies(reader, &row, groups)?;
            self.gauges
                .iter()
                .zip(tallies)
                .try_for_each(|(gauge, tally)| tally.take_group(gauge, &row, &figures))
        })
    }

    fn read_records(&mut self, reader: &Reader<'_>, groups: &mut Groups) -> Result<()> {
        let report = self.report;
        let entity = reader.registry().entity(&report.entity)?;
        let conditions = std::mem::take(&mut self.conditions);
        reader.matching(entity, &conditions, |matchers| {
            reader.scan(&report.entity, &report.filter, &mut |row| {
                let tallies = self.tallies(reader, &row, groups)?;
                self.gauges
                    .iter()
                    .zip(tallies)
                    .try_for_each(|(gauge, tally)| tally.take(gauge, &row, matchers))
            })
        })
    }

    /// The figures of the group that a row belongs to.
    fn tallies<'g>(
        &mut self,
        reader: &Reader<'_>,
        row: &Listing,
        groups: &'g mut Groups,
    ) -> Result<&'g mut Vec<Tally>> {
        let group = self.group_of(reader, row)?;
        // As they are written for programmers, no value is like another one, nor like two.
        let key = format!("{group:?}");
        let width = self.gauges.len();
        Ok(&mut groups.entry(key).or_insert_with(|| (group, vec![Tally::default(); width])).1)
    }

    fn group_of(&mut self, reader: &Reader<'_>, row: &Listing) -> Result<Vec<Value>> {
        let mut group = Vec::with_capacity(self.groupings.len());
        for grouping in &self.groupings {
            let mut value = row.record.value(grouping.field);
            if let (Some((entity, field)), Value::Id(id)) = (&grouping.hop, &value) {
                let key = (*id, *field);
                value = match self.hops.get(&key) {
                    Some(known) => known.clone(),
                    None => {
                        // What the asker may not see there is as if it had no value.
                        let far =
                            reader.get(entity, *id).map(|row| row.record.value(*field)).unwrap_or_default();
                        self.hops.entry(key).or_insert(far).clone()
                    }
                };
            }
            group.push(match grouping.bucket {
                Some(bucket) => bucket.floor(&value, &self.calendar)?,
                None => value,
            });
        }
        Ok(group)
    }
}

fn gauge<'a>(
    reader: &Reader<'_>,
    entity: &Entity,
    measure: &'a Measure,
    conditions: &mut Vec<&'a Condition>,
) -> Result<Gauge> {
    let shown = |selector: &FieldSelector| reader.comparable(entity, selector);
    let numeric = |selector: &FieldSelector| -> Result<FieldId> {
        let field = shown(selector)?;
        let kind = selector.field(entity)?.definition.kind.value_kind();
        if !matches!(kind, ValueKind::Int | ValueKind::Decimal | ValueKind::Money) {
            let name = &selector.field(entity)?.api_name;
            return Err(Error::new(Code::WrongType).entity(&entity.api_name).field(name).rule("a number"));
        }
        Ok(field)
    };
    let comparable = |selector: &FieldSelector| -> Result<FieldId> {
        let field = shown(selector)?;
        let kind = entity.field_by_id(field).map(|field| field.definition.kind.value_kind());
        // What an owner or a unit refers to has no order.
        if kind.map_or_else(|| referenced(entity, field).is_none(), has_furthest) {
            return Ok(field);
        }
        let refused = Error::new(Code::WrongType).entity(&entity.api_name).field(selector.said());
        Err(refused.rule("a number, an amount, a day, a moment, a time or a duration"))
    };
    let mut place = |condition: &'a Condition| {
        conditions.push(condition);
        conditions.len().saturating_sub(1)
    };
    Ok(match measure {
        Measure::Count => Gauge::Count,
        Measure::Sum(field) => Gauge::Sum(numeric(field)?),
        Measure::Mean(field) => Gauge::Mean(numeric(field)?),
        Measure::Least(field) => Gauge::Furthest(comparable(field)?, Ordering::Less),
        Measure::Greatest(field) => Gauge::Furthest(comparable(field)?, Ordering::Greater),
        Measure::Distinct(field) => Gauge::Distinct(shown(field)?),
        Measure::Share(part, whole) => Gauge::Share(place(part), place(whole)),
        Measure::MeanDays(from, to) => Gauge::MeanDays(shown(from)?, shown(to)?),
    })
}

/// Whether values of a kind have a smallest and a largest one for people, other than by how they are spelt.
fn has_furthest(kind: ValueKind) -> bool {
    use ValueKind::{Date, DateTime, Decimal, Duration, Int, Money, Time};
    matches!(kind, Int | Decimal | Money | Date | DateTime | Time | Duration)
}

fn grouping(reader: &Reader<'_>, entity: &Entity, group: &GroupBy) -> Result<Grouping> {
    let too_long = || Error::new(Code::InvalidArgument).field("group_by").rule("a path has one or two steps");
    let (first, second) = match group.path.as_slice() {
        [first] => (first, None),
        [first, second] => (first, Some(second)),
        _ => return Err(too_long()),
    };
    let field = reader.comparable(entity, first)?;
    let target = referenced(entity, field);
    let (hop, far_entity, far_field) = match second {
        None => (None, entity, field),
        Some(second) => {
            let target = target.clone().ok_or_else(|| Error::new(Code::WrongType).rule("reference"))?;
            let far = reader.registry().entity(&target)?;
            let far_field = reader.comparable(far, second)?;
            (Some((target, far_field)), far, far_field)
        }
    };
    let is_code = far_entity
        .field_by_id(far_field)
        .is_some_and(|field| matches!(field.definition.kind, FieldType::Enum { .. }));
    Ok(Grouping {
        field,
        titles: referenced(far_entity, far_field),
        codes: is_code.then(|| (far_entity.api_name.clone(), far_field)),
        hop,
        bucket: group.bucket,
    })
}

/// The entity that a field refers to.
fn referenced(entity: &Entity, field: FieldId) -> Option<String> {
    if field == crate::engine::SystemField::Owner.id() {
        return Some("sys.user".to_owned());
    }
    if field == crate::engine::SystemField::Unit.id() {
        return Some("sys.unit".to_owned());
    }
    match &entity.field_by_id(field)?.definition.kind {
        FieldType::Reference { entity } => Some(entity.clone()),
        _ => None,
    }
}

fn label(reader: &Reader<'_>, grouping: &Grouping, value: &Value) -> String {
    match (value, &grouping.titles, &grouping.codes) {
        (Value::Id(id), Some(entity), _) => {
            reader.get(entity, *id).map(|row| row.title()).unwrap_or_default()
        }
        (Value::Text(code), _, Some((entity, field))) => {
            let entity = reader.registry().entity(entity).ok();
            let field = entity.and_then(|entity| entity.field_by_id(*field));
            field
                .and_then(|field| code_label(&field.definition.kind, code, reader.locale()))
                .unwrap_or_else(|| code.clone())
        }
        (value, _, _) => value.to_string(),
    }
}

fn code_label(kind: &FieldType, code: &str, locale: Locale) -> Option<String> {
    let code = kind.codes()?.iter().find(|known| known.code == code)?;
    Some(code.label.text(locale).to_owned())
}

impl Tally {
    fn take(&mut self, gauge: &Gauge, row: &Listing, matchers: &[Matcher<'_>]) -> Result<()> {
        match gauge {
            Gauge::Count => self.count = self.count.saturating_add(1),
            Gauge::Sum(field) | Gauge::Mean(field) => self.add(row.record.value(*field))?,
            Gauge::Furthest(field, side) => self.go_to(row.record.value(*field), *side)?,
            Gauge::Distinct(field) => self.tell_apart(&row.record.value(*field))?,
            Gauge::Share(part, whole) => {
                let meets = |place: &usize| {
                    matchers.get(*place).map_or(Ok(false), |matcher| matcher.matches(&row.record))
                };
                if meets(whole)? {
                    self.among = self.among.saturating_add(1);
                    self.count = self.count.saturating_add(u64::from(meets(part)?));
                }
            }
            Gauge::MeanDays(from, to) => {
                if let (Value::Date(from), Value::Date(to)) = (row.record.value(*from), row.record.value(*to))
                {
                    self.add(Value::Int(i64::from(to.days()) - i64::from(from.days())))?;
                }
            }
        }
        Ok(())
    }

    /// Takes all records of a group that counters know.
    fn take_group(&mut self, gauge: &Gauge, row: &Listing, figures: &GroupFigures) -> Result<()> {
        let field = match gauge {
            Gauge::Sum(field) | Gauge::Mean(field) => field,
            Gauge::Furthest(..) | Gauge::Distinct(_) => return self.take(gauge, row, &[]),
            _ => {
                self.count = self.count.saturating_add(figures.count);
                return Ok(());
            }
        };
        for part in figures.sums.get(field).into_iter().flatten() {
            if let Some(currency) = part.currency {
                self.check_currency(currency)?;
            }
            self.count = self.count.saturating_add(part.count);
            self.number = self.number.checked_add(part.sum)?;
        }
        Ok(())
    }

    fn go_to(&mut self, value: Value, side: Ordering) -> Result<()> {
        if let Value::Money(money) = &value {
            self.check_currency(money.currency)?;
        }
        let further = self.furthest.is_null() || compare_values(&value, &self.furthest) == Some(side);
        if further && !value.is_null() {
            self.furthest = value;
        }
        Ok(())
    }

    fn tell_apart(&mut self, value: &Value) -> Result<()> {
        for value in value.items().filter(|value| !value.is_null()) {
            let digest: [u8; 32] = Sha256::digest(format!("{value:?}").as_bytes()).into();
            self.different.extend(digest.first_chunk::<16>());
        }
        if self.different.len() > MAX_DIFFERENT {
            return Err(Error::new(Code::LimitExceeded).rule("different values <= 1000000"));
        }
        Ok(())
    }

    fn check_currency(&mut self, currency: Currency) -> Result<()> {
        let known = *self.currency.get_or_insert(currency);
        if known == currency {
            return Ok(());
        }
        Err(Error::new(Code::CurrencyMismatch).value(&format!("{known} + {currency}")))
    }

    fn add(&mut self, value: Value) -> Result<()> {
        let number = match value {
            Value::Int(number) => Decimal::from(number),
            Value::Decimal(number) => number,
            Value::Money(money) => {
                self.check_currency(money.currency)?;
                money.amount
            }
            _ => return Ok(()),
        };
        self.count = self.count.saturating_add(1);
        self.number = self.number.checked_add(number)?;
        Ok(())
    }

    fn figure(&self, gauge: &Gauge) -> Result<Figure> {
        let with_currency = |number: Decimal| match self.currency {
            Some(currency) => Figure::Amount(Money::new(number, currency)),
            None => Figure::Number(number),
        };
        match gauge {
            Gauge::Count => Ok(Figure::Count(self.count)),
            Gauge::Distinct(_) => Ok(Figure::Count(u64::try_from(self.different.len()).unwrap_or(u64::MAX))),
            Gauge::Furthest(..) => Ok(match &self.furthest {
                Value::Null => Figure::Nothing,
                Value::Int(number) => Figure::Number(Decimal::from(*number)),
                Value::Decimal(number) => Figure::Number(number.normalized()),
                Value::Money(money) => Figure::Amount(Money::new(money.amount.normalized(), money.currency)),
                other => Figure::Value(other.clone()),
            }),
            Gauge::Sum(_) if self.count > 0 => Ok(with_currency(self.number.normalized())),
            Gauge::Mean(_) | Gauge::MeanDays(..) if self.count > 0 => {
                Ok(with_currency(ratio(self.number, self.count)?))
            }
            Gauge::Share(..) if self.among > 0 => {
                let part = i64::try_from(self.count).unwrap_or(i64::MAX);
                Ok(Figure::Number(ratio(Decimal::from(part), self.among)?))
            }
            _ => Ok(Figure::Nothing),
        }
    }
}

fn ratio(number: Decimal, count: u64) -> Result<Decimal> {
    let count = Decimal::from(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(number.checked_div(count)?.rounded(6).normalized())
}
