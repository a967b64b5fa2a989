//! Counts and sums: from counters where they answer, from the keys of an index where they hold what is
//! wanted and nothing else, and from the records otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::access::{AccessClass, ClassId, Marks};
use crate::base::{EntityId, FieldId, RecordId, Result, Value, ValueKind};
use crate::records::Filter;
use crate::records::derived::{live_counter, live_prefix, read_counters};
use crate::records::ordered::ordered;
use crate::records::query::answers::{Basis, KeptCount, Known, Question};
use crate::records::query::bounds::{Keys, NULL, conjuncts, wanted};
use crate::records::query::lanes::Merge;
use crate::records::query::matcher::{Matcher, Test};
use crate::records::query::plan::{Plan, is_of_class};
use crate::records::query::run::for_each;
use crate::records::query::shared;
use crate::records::query::sight::Sight;
use crate::records::tally::{
    ByValues, Combinations, Group, counter_prefix, group_of, group_of_one, read_groups, stand_in, write_whole,
};
use crate::schema::{DeclaredCounter, Entity, FieldType};
use crate::storage::{Family, Keyspace};

/// Keys that are counted at once.
const BATCH: usize = 1_024;
/// Most combinations of values that are looked for one by one.
const MAX_COMBINATIONS: usize = 256;
/// Most counters that are read to choose an index.
const MAX_LOOKS: usize = 256;

/// How far records are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// Not at all.
    None,
    /// Up to so many.
    Bounded(u64),
    /// All of them, however long it takes.
    Exact,
}

impl Total {
    /// As far as lists count unless said otherwise.
    pub const USUAL: Self = Self::Bounded(10_000);
}

/// What a count came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// How many there are, or how many were counted before the bound was met.
    pub count: u64,
    /// Whether there are more.
    pub more: bool,
    /// Where the count comes from.
    pub source: CountSource,
}

/// Where a count comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountSource {
    /// Counters that writes keep: it costs the same for any number of records.
    Counters,
    /// The keys of an index: no record is read.
    Index,
    /// The records.
    Scan,
}

impl CountSource {
    /// The stable name: `counters`, `index`, `scan`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counters => "counters",
            Self::Index => "index",
            Self::Scan => "scan",
        }
    }
}

/// How many records a permit reaches that meet a filter. What counters and the permit's classes answer is
/// always exact.
///
/// # Errors
/// As [`super::find`].
pub fn count(sight: &Sight<'_>, filter: &Filter, total: Total) -> Result<Counted> {
    sight.check(filter, std::iter::empty())?;
    if total == Total::None {
        return Ok(Counted { count: 0, more: true, source: CountSource::Counters });
    }
    let question = Question::count(sight, filter);
    let known = question.as_ref().map_or(Known::Nothing, |question| question.recall::<KeptCount>(sight));
    if let Known::Stands(kept) = &known {
        return Ok(by_counters(kept.count()));
    }
    let matcher = Matcher::of_checked(sight, filter)?;
    if let Some(counter) = Counter::for_test(sight.entity, &matcher.test, &[], &[]) {
        let question = question.filter(|_| known.is_wanted());
        let Some((question, basis)) = question.zip(Basis::of(sight)) else {
            return counter.count(sight, &matcher).map(by_counters);
        };
        let kept = Arc::new(counter.count_to_keep(sight, &matcher, (basis, &known))?);
        question.remember(sight, &kept);
        return Ok(by_counters(kept.count()));
    }
    let most = if let Total::Bounded(most) = total { most } else { u64::MAX };
    let plan = Plan::choose(sight, &matcher.test, &[])?;
    match plan.is_exact() {
        true => count_keys(sight, &plan, &matcher, most),
        false => count_rows(sight, &plan, &matcher, most),
    }
}

fn by_counters(count: u64) -> Counted {
    Counted { count, more: false, source: CountSource::Counters }
}

/// Where [`count`] would take its answer from.
pub(super) fn source(sight: &Sight<'_>, test: &Test<'_>) -> Result<CountSource> {
    if Counter::for_test(sight.entity, test, &[], &[]).is_some() {
        return Ok(CountSource::Counters);
    }
    let plan = Plan::choose(sight, test, &[])?;
    Ok(if plan.is_exact() { CountSource::Index } else { CountSource::Scan })
}

fn count_keys(sight: &Sight<'_>, plan: &Plan<'_>, matcher: &Matcher<'_>, most: u64) -> Result<Counted> {
    let mut merge = Merge::new(sight.snapshot, plan, None, usize::MAX)?;
    let mut count = 0_u64;
    while count <= most {
        sight.patience.check()?;
        let ids = merge.batch(sight.snapshot, BATCH)?;
        if ids.is_empty() {
            break;
        }
        count = count.saturating_add(ids.len() as u64);
    }
    if count <= most {
        count = count.saturating_add(beside(sight, matcher)?);
    }
    Ok(Counted { count: count.min(most), more: count > most, source: CountSource::Index })
}

fn count_rows(sight: &Sight<'_>, plan: &Plan<'_>, matcher: &Matcher<'_>, most: u64) -> Result<Counted> {
    let mut count = 0_u64;
    for_each(sight, plan, matcher.needs_far(std::iter::empty()), &mut |record| {
        count = count.saturating_add(u64::from(matcher.matches(&record)?));
        Ok(count <= most)
    })?;
    Ok(Counted { count: count.min(most), more: count > most, source: CountSource::Scan })
}

/// Hands groups of records that meet a filter to a function, with their counts and the sums of fields, if a
/// counter knows the fields that the groups are told apart by and those that are summed. Says whether one did.
///
/// # Errors
/// As [`super::find`], and what the function gives.
pub fn groups(
    sight: &Sight<'_>,
    filter: &Filter,
    (apart, sums): (&[FieldId], &[FieldId]),
    visit: &mut dyn FnMut(Group) -> Result<()>,
) -> Result<bool> {
    let matcher = Matcher::new(sight, filter)?;
    let Some(counter) = Counter::for_test(sight.entity, &matcher.test, apart, sums) else { return Ok(false) };
    counter.for_each(sight, &matcher.test, (apart, sums), visit)?;
    for record in shared::matching(sight, &matcher, matcher.needs_far(std::iter::empty()))? {
        visit(group_of_one(record, sums)?)?;
    }
    Ok(true)
}

/// Counters that answer a question: those of live records by class, or by values too.
enum Counter<'e> {
    Live,
    ByValues(&'e DeclaredCounter),
}

impl<'e> Counter<'e> {
    /// The counter with the fewest fields that knows all of those that the question looks at. Owner and unit
    /// are known of every class.
    fn for_test(entity: &'e Entity, test: &Test<'_>, apart: &[FieldId], sums: &[FieldId]) -> Option<Self> {
        let knows = |fields: &[FieldId]| {
            let known = |field: FieldId| is_of_class(field) || fields.contains(&field);
            test.looks_only_at(known) && apart.iter().all(|field| known(*field))
        };
        if sums.is_empty() && knows(&[]) {
            return Some(Self::Live);
        }
        let answers = |counter: &&DeclaredCounter| {
            let fields: Vec<FieldId> = counter.group_by().collect();
            counter.complete
                && knows(&fields)
                && sums.iter().all(|field| counter.sums().any(|summed| summed == *field))
        };
        let counters = entity.counters().iter().filter(answers);
        counters.min_by_key(|counter| counter.group_by().len()).map(Self::ByValues)
    }

    /// How many records of the reader's meet a condition.
    fn count(&self, sight: &Sight<'_>, matcher: &Matcher<'_>) -> Result<u64> {
        let mut count = 0_u64;
        self.for_each(sight, &matcher.test, (&[], &[]), &mut |group| {
            count = count.saturating_add(group.count);
            Ok(())
        })?;
        Ok(count.saturating_add(beside(sight, matcher)?))
    }

    /// The same, class by class, so that a change of one of them makes only that one be counted anew.
    fn count_to_keep(
        &self,
        sight: &Sight<'_>,
        matcher: &Matcher<'_>,
        (basis, known): (Basis, &Known<KeptCount>),
    ) -> Result<KeptCount> {
        let within = InClass::new(self, sight, &matcher.test);
        let before = if let Known::Stale(before, changes) = known { Some((before, changes)) } else { None };
        let by_class = match before {
            Some((before, changes)) => {
                let (mut by_class, classes) = (before.by_class.clone(), sight.permit.classes());
                for changed in &changes.classes {
                    let place = classes.binary_search_by_key(changed, |(class, _)| *class).ok();
                    if let Some((count, class)) =
                        place.and_then(|place| by_class.get_mut(place).zip(classes.get(place)))
                    {
                        *count = within.count(class)?;
                    }
                }
                by_class
            }
            None => {
                let counts = sight.permit.classes().iter().map(|class| within.count(class));
                counts.collect::<Result<_>>()?
            }
        };
        let beside = match before.filter(|(_, changes)| !changes.records) {
            Some((before, _)) => before.beside,
            None => beside(sight, matcher)?,
        };
        let sum = by_class.iter().copied().fold(0, u64::saturating_add);
        Ok(KeptCount { basis, counter: self.rows(sight.entity.id()), by_class, within: sum, beside })
    }

    /// Which rows it has, and the number that their keys have if they have one.
    fn rows(&self, entity: EntityId) -> (Option<Family>, Option<FieldId>) {
        let rows = |front: &[u8]| Family::of(Keyspace::Aggregate, front).map(|(family, _)| family);
        match self {
            Self::Live => (rows(&live_prefix(entity)), None),
            Self::ByValues(counter) => (rows(&counter_prefix(entity, counter.id())), Some(counter.id())),
        }
    }

    fn for_each(
        &self,
        sight: &Sight<'_>,
        test: &Test<'_>,
        (apart, sums): (&[FieldId], &[FieldId]),
        visit: &mut dyn FnMut(Group) -> Result<()>,
    ) -> Result<()> {
        let mut meets = |group: Group| {
            if group.count > 0 && test.holds(&group.record) { visit(group) } else { Ok(()) }
        };
        match self {
            Self::Live => live(sight, &mut meets),
            Self::ByValues(counter) => by_values(sight, counter, test, (apart, sums), &mut meets),
        }
    }
}

/// How many records meet a condition of those that are shared with the reader singly.
fn beside(sight: &Sight<'_>, matcher: &Matcher<'_>) -> Result<u64> {
    let found = shared::matching(sight, matcher, matcher.needs_far(std::iter::empty()))?;
    Ok(u64::try_from(found.len()).unwrap_or(u64::MAX))
}

/// How many records of one class meet a condition.
struct InClass<'a> {
    counter: &'a Counter<'a>,
    sight: &'a Sight<'a>,
    test: &'a Test<'a>,
    combinations: Combinations,
}

impl<'a> InClass<'a> {
    fn new(counter: &'a Counter<'a>, sight: &'a Sight<'a>, test: &'a Test<'a>) -> Self {
        let mut conditions = Vec::new();
        conjuncts(test, &mut conditions);
        let combinations = match counter {
            Counter::Live => Combinations::These(Vec::new()),
            Counter::ByValues(counter) => combinations(sight.entity, counter, &conditions),
        };
        Self { counter, sight, test, combinations }
    }

    fn count(&self, class: &(ClassId, AccessClass)) -> Result<u64> {
        let entity = self.sight.entity.id();
        self.sight.patience.check()?;
        let record = stand_in(entity, &class.1);
        let counter = match self.counter {
            Counter::Live => {
                let holds = self.test.holds(&record);
                return if holds { live_in(self.sight, &[class.0]) } else { Ok(0) };
            }
            Counter::ByValues(counter) => *counter,
        };
        let class = std::slice::from_ref(class);
        let mut count = 0_u64;
        for (values, tally) in
            read_groups(self.sight.snapshot, (entity, counter), class, &self.combinations, false)?
        {
            let group = group_of(counter, record.clone(), (&values, &tally), &[])?;
            if self.test.holds(&group.record) {
                count = count.saturating_add(group.count);
            }
        }
        Ok(count)
    }
}

/// How many live records each class has.
fn live(sight: &Sight<'_>, visit: &mut dyn FnMut(Group) -> Result<()>) -> Result<()> {
    let entity = sight.entity.id();
    for classes in sight.permit.classes().chunks(BATCH) {
        sight.patience.check()?;
        let keys: Vec<Vec<u8>> = classes.iter().map(|(class, _)| live_counter(entity, *class)).collect();
        for ((_, facts), count) in classes.iter().zip(read_counters(sight.snapshot, &keys)?) {
            visit(Group { record: stand_in(entity, facts), count, sums: BTreeMap::new() })?;
        }
    }
    Ok(())
}

/// How many live records these classes have.
pub(super) fn live_in(sight: &Sight<'_>, classes: &[ClassId]) -> Result<u64> {
    let keys: Vec<Vec<u8>> = classes.iter().map(|class| live_counter(sight.entity.id(), *class)).collect();
    Ok(read_counters(sight.snapshot, &keys)?.into_iter().fold(0, u64::saturating_add))
}

/// How many records of these classes meet all of some conditions, if a counter by their fields says so, and few
/// of its groups are to be read for that.
pub(super) fn known_count(
    sight: &Sight<'_>,
    conditions: &[&Test<'_>],
    classes: &[ClassId],
) -> Result<Option<u64>> {
    let knows = |counter: &&DeclaredCounter| {
        let fields: Vec<FieldId> = counter.group_by().collect();
        counter.complete && conditions.iter().all(|test| test.looks_only_at(|field| fields.contains(&field)))
    };
    let Some(counter) = sight.entity.counters().iter().find(knows) else { return Ok(None) };
    let groups = match combinations(sight.entity, counter, conditions) {
        Combinations::These(groups) if groups.len().saturating_mul(classes.len()) <= MAX_LOOKS => groups,
        _ => return Ok(None),
    };
    let anybodys = anybodys();
    let classes: Vec<(ClassId, AccessClass)> =
        classes.iter().map(|class| (*class, anybodys.clone())).collect();
    let counted = (sight.entity.id(), counter);
    let read = read_groups(sight.snapshot, counted, &classes, &Combinations::These(groups), false)?;
    let mut count = 0_u64;
    for (values, tally) in &read {
        let group = group_of(counter, stand_in(sight.entity.id(), &anybodys), (values, tally), &[])?;
        if conditions.iter().all(|test| test.holds(&group.record)) {
            count = count.saturating_add(group.count);
        }
    }
    Ok(Some(count))
}

/// What stands for every class, where none is told apart.
fn anybodys() -> AccessClass {
    AccessClass { partition: 0, unit: None, owner: RecordId::from_bytes([0; 16]), marks: Marks::default() }
}

/// What a counter says of the classes of a permit: class by class where owner or unit tells records apart, and
/// of all of them together otherwise.
fn by_values(
    sight: &Sight<'_>,
    counter: &DeclaredCounter,
    test: &Test<'_>,
    (apart, sums): (&[FieldId], &[FieldId]),
    visit: &mut dyn FnMut(Group) -> Result<()>,
) -> Result<()> {
    let by_class = test.looks_at(&is_of_class) || apart.iter().any(|field| is_of_class(*field));
    let together = if by_class { 1 } else { BATCH };
    let mut conditions = Vec::new();
    conjuncts(test, &mut conditions);
    let combinations = combinations(sight.entity, counter, &conditions);
    let mut found = ByValues::new();
    for classes in sight.permit.classes().chunks(together) {
        sight.patience.check()?;
        let counted = (sight.entity.id(), counter);
        let read = read_groups(sight.snapshot, counted, classes, &combinations, !sums.is_empty())?;
        if !by_class {
            for (values, tally) in read {
                found.entry(values).or_default().merge(&tally, false);
            }
            continue;
        }
        for (_, facts) in classes {
            for (values, tally) in &read {
                visit(group_of(counter, stand_in(sight.entity.id(), facts), (values, tally), sums)?)?;
            }
        }
    }
    let anybodys = anybodys();
    for (values, tally) in &found {
        visit(group_of(counter, stand_in(sight.entity.id(), &anybodys), (values, tally), sums)?)?;
    }
    Ok(())
}

/// Which combinations of values a condition leaves, as far as it says what the first fields of a counter are
/// equal to.
fn combinations(entity: &Entity, counter: &DeclaredCounter, conditions: &[&Test<'_>]) -> Combinations {
    let mut starts = vec![Vec::new()];
    for field in counter.group_by() {
        let points = wanted(conditions, field, Keys::default()).and_then(|wanted| wanted.points);
        let values = points.and_then(|points| whole_values(entity, field, &points));
        let Some(values) = values.filter(|values| starts.len() * values.len() <= MAX_COMBINATIONS) else {
            return Combinations::Under(starts);
        };
        let longer =
            starts.iter().flat_map(|start| values.iter().map(move |value| [&**start, value].concat()));
        starts = longer.collect();
    }
    Combinations::These(starts)
}

/// The values of a field whose sort keys are these, as the keys of counters have them. A code has the case in
/// which it was declared there; of other texts nothing is said.
fn whole_values(entity: &Entity, field: FieldId, points: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let codes = match &entity.field_by_id(field)?.definition.kind {
        FieldType::Enum { codes } => codes.iter().map(|code| Value::from(code.code.as_str())).collect(),
        kind if kind.value_kind() == ValueKind::Text => return None,
        _ => Vec::new(),
    };
    let whole = |value: &Value| {
        let mut key = Vec::new();
        write_whole(&mut key, value);
        key
    };
    let of_codes = codes.iter().filter(|code| points.contains(&ordered(code))).map(whole);
    let others = points.iter().filter(|point| codes.is_empty() || **point == [NULL]).cloned();
    Some(of_codes.chain(others).collect())
}
