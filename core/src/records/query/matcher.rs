//! A condition made ready to be held against many records: sets are hashed, trees walked once, and what
//! lies beyond a reference is looked up once for many rows, or beforehand where it picks few.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::base::{Date, EntityId, FieldId, RecordId, Result, Value};
use crate::records::filter::{compares, reads, whole};
use crate::records::ordered::ordered;
use crate::records::query::ends::{may_hide_ends, next_links, sees_ends};
use crate::records::query::plan::Plan;
use crate::records::query::run::collect_ids;
use crate::records::query::sight::Sight;
use crate::records::row::{load, load_many};
use crate::records::{Circle, Comparison, Filter, Moment, Period, Record, RecordFacts};
use crate::schema::expr::{Expression, Facts};

/// Records beyond references that are kept for the rows to come.
const CACHED: usize = 4_096;
/// Most records beyond a reference that are looked up beforehand.
const SEMI_JOIN: usize = 1_000;
/// Most records of a tree that are gathered beforehand; above that each row is walked up from.
const TREE: usize = 10_000;
/// Most alternatives for which what lies beyond references is looked up beforehand.
const FEW_PARTS: usize = 8;
/// Links that are read at once.
const LINKS: usize = 64;
/// Most steps from a record of a tree to the one that it is below.
const TREE_DEPTH: usize = 64;

/// One of several values that a field may equal.
#[derive(Debug)]
pub(super) struct Among {
    pub field: FieldId,
    /// What equal values have in common, whole.
    wholes: HashSet<Vec<u8>>,
    /// Their sort keys.
    pub points: BTreeSet<Vec<u8>>,
}

/// A condition made ready.
pub(super) enum Test<'a> {
    Everything,
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Compare(FieldId, Comparison, Value),
    Among(Among),
    IsNull(FieldId),
    Through(FieldId, Box<Beyond<'a>>),
    /// Some record beyond refers to the record by this field, and meets the condition there.
    Has(FieldId, Box<Beyond<'a>>),
    /// The record is one of these.
    These(BTreeSet<RecordId>),
    Under(FieldId, RecordId),
    Near(FieldId, Circle),
    Holds(Arc<Expression>, Moment),
    /// The record holds on a day, between these two fields.
    HeldOn(FieldId, FieldId, Date),
    /// The reader sees both ends of the link that the record is.
    Ends,
}

/// A condition at the other end of a reference.
pub(super) struct Beyond<'a> {
    sight: Sight<'a>,
    test: Test<'a>,
}

/// Holds records against a condition.
pub struct Matcher<'a> {
    sight: Sight<'a>,
    pub(super) test: Test<'a>,
    cache: Cache,
}

pub(super) type Cache = RefCell<HashMap<(EntityId, RecordId), Option<Rc<Record>>>>;

impl<'a> Matcher<'a> {
    /// Makes a condition ready, whose fields the reader sees.
    ///
    /// # Errors
    /// Those of [`Sight`], `storage.damaged`, `storage.io`.
    pub fn new(sight: &Sight<'a>, filter: &Filter) -> Result<Self> {
        sight.check(filter, std::iter::empty())?;
        Self::of_checked(sight, filter)
    }

    /// The same for a condition that was checked.
    pub(super) fn of_checked(sight: &Sight<'a>, filter: &Filter) -> Result<Self> {
        let test = ready(sight, filter, true)?;
        let test = if may_hide_ends(sight) { Test::All(vec![test, Test::Ends]) } else { test };
        Ok(Self { sight: *sight, test, cache: RefCell::default() })
    }

    /// Whether lookups and rollups of a record decide on it: its condition looks at one, or the order does. Before
    /// texts are put into another language all is worked out.
    pub(super) fn needs_far(&self, order: impl Iterator<Item = FieldId>) -> bool {
        let is_far = |field: FieldId| self.sight.entity.is_far(field);
        let decides = || self.test.looks_at(&is_far) || { order }.any(is_far);
        self.sight.entity.has_far() && (self.sight.language.is_some() || decides())
    }

    /// Whether the condition is met where no record can be seen.
    pub(in crate::records) fn holds_of_nothing(&self) -> bool {
        self.test.holds_of_nothing()
    }

    /// Whether a record meets the condition.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn matches(&self, record: &Record) -> Result<bool> {
        self.test.is_met(record, &self.sight, &self.cache)
    }
}

/// Makes a condition ready. Where every record must meet it, what lies beyond references is looked up
/// beforehand if it picks few.
fn ready<'a>(sight: &Sight<'a>, filter: &Filter, of_all: bool) -> Result<Test<'a>> {
    let each = |parts: &[Filter], of_all: bool| -> Result<Vec<Test<'a>>> {
        parts.iter().map(|part| ready(sight, part, of_all)).collect()
    };
    Ok(match filter {
        Filter::Everything => Test::Everything,
        Filter::All(parts) => Test::All(each(parts, of_all)?),
        Filter::Any(parts) => match one_of(parts) {
            Some((field, values)) => Test::Among(Among::of(field, values)),
            // Each of a few alternatives may have an index that answers it.
            None => Test::Any(each(parts, of_all && parts.len() <= FEW_PARTS)?),
        },
        Filter::Not(inner) => Test::Not(Box::new(ready(sight, inner, false)?)),
        Filter::Compare(field, comparison, value) => {
            let test = Test::Compare(*field, *comparison, value.clone());
            looked_up_first(sight, *field, test, of_all, &|far| {
                Test::Compare(far, *comparison, value.clone())
            })?
        }
        Filter::In(field, values) => {
            let of = |field| Test::Among(Among::of(field, values.iter()));
            looked_up_first(sight, *field, of(*field), of_all, &of)?
        }
        Filter::IsNull(field) => Test::IsNull(*field),
        // It was refused before.
        Filter::Within(..) => Test::Any(Vec::new()),
        Filter::Through(field, inner) => {
            let beyond = sight.beyond(*field)?;
            let beyond = Beyond { sight: beyond, test: ready(&beyond, inner, of_all)? };
            match if of_all { beyond.few()? } else { None } {
                Some(ids) => Test::Among(Among::of_ids(*field, &ids)),
                None => Test::Through(*field, Box::new(beyond)),
            }
        }
        Filter::Has(referring) => {
            let (beyond, by) = sight.referring(referring)?;
            let beyond = Beyond { sight: beyond, test: ready(&beyond, &referring.meets, of_all)? };
            match if of_all { beyond.referred_to(by)? } else { None } {
                Some(ids) => Test::These(ids),
                None => Test::Has(by, Box::new(beyond)),
            }
        }
        Filter::Near(field, circle) => Test::Near(*field, *circle),
        Filter::HeldOn(day) => match sight.entity.validity().map(|validity| (validity.from, validity.to)) {
            Some((Some(from), Some(to))) => Test::HeldOn(from, to, *day),
            // It was refused before.
            _ => Test::Any(Vec::new()),
        },
        Filter::Holds(stated) => match stated.expression() {
            Some(expression) => Test::Holds(Arc::clone(expression), sight.moment),
            // It was refused before.
            None => Test::Any(Vec::new()),
        },
        Filter::Under(field, root) => match tree(sight, *field, *root)? {
            Some(parents) => Test::Among(Among::of_ids(*field, &parents)),
            None => Test::Under(*field, *root),
        },
    })
}

/// A condition on a lookup, with the references beside it that lead to a value that meets it, where the index of the
/// field looked up finds few records: the index of the reference then finds the rest. What a condition says that is
/// met where there is no value cannot be told so.
fn looked_up_first<'a>(
    sight: &Sight<'a>,
    field: FieldId,
    test: Test<'a>,
    of_all: bool,
    of: &dyn Fn(FieldId) -> Test<'a>,
) -> Result<Test<'a>> {
    let lookup = sight.entity.lookups().iter().find(|lookup| lookup.field == field);
    let Some(lookup) = lookup.filter(|_| of_all && !sight.alone && sight.language.is_none()) else {
        return Ok(test);
    };
    let permit = sight.permit_for(lookup.target).filter(|permit| permit.shows(lookup.far));
    let Some(permit) = permit else { return Ok(test) };
    let entity = sight.registry.entity_by_id(lookup.target)?;
    let beyond = Beyond { sight: Sight { entity, permit, fields: None, ..*sight }, test: of(lookup.far) };
    Ok(match beyond.few()? {
        Some(ids) => Test::All(vec![Test::Among(Among::of_ids(lookup.through, &ids)), test]),
        None => test,
    })
}

/// The field and values of alternatives that all say what one field equals.
fn one_of(parts: &[Filter]) -> Option<(FieldId, impl Iterator<Item = &Value>)> {
    let field = match parts.first()? {
        Filter::Compare(field, Comparison::Equal, _) | Filter::In(field, _) => *field,
        _ => return None,
    };
    let alike = |part: &Filter| match part {
        Filter::Compare(other, Comparison::Equal, _) | Filter::In(other, _) => *other == field,
        _ => false,
    };
    let values = parts.iter().flat_map(|part| match part {
        Filter::Compare(_, _, value) => std::slice::from_ref(value),
        Filter::In(_, values) => values.as_slice(),
        _ => &[],
    });
    parts.iter().all(alike).then_some((field, values))
}

impl Among {
    fn of<'v>(field: FieldId, values: impl Iterator<Item = &'v Value>) -> Self {
        let (mut wholes, mut points) = (HashSet::new(), BTreeSet::new());
        for value in values.filter(|value| !value.is_null()) {
            wholes.insert(whole(value));
            points.insert(ordered(value));
        }
        Self { field, wholes, points }
    }

    fn of_ids(field: FieldId, ids: &[RecordId]) -> Self {
        let values: Vec<Value> = ids.iter().map(|id| Value::Id(*id)).collect();
        Self::of(field, values.iter())
    }

    fn has(&self, record: &Record) -> bool {
        let value = record.peek(self.field);
        value.items().any(|value| !value.is_null() && self.wholes.contains(&whole(value)))
    }
}

impl Beyond<'_> {
    /// The records that meet the condition, if an index finds them and they are few. A condition that is met
    /// where no record can be seen picks those rows too, and is none of these.
    fn few(&self) -> Result<Option<Vec<RecordId>>> {
        if self.test.holds_of_nothing() || may_hide_ends(&self.sight) {
            return Ok(None);
        }
        let plan = Plan::choose(&self.sight, &self.test, &[])?;
        if plan.is_scan() || plan.size(&self.sight)?.at_most() > SEMI_JOIN as u64 {
            return Ok(None);
        }
        let cache = Cache::default();
        let matches = |record: &Record| self.test.is_met(record, &self.sight, &cache);
        let far = self.test.looks_at(&|field| self.sight.entity.is_far(field));
        let ids = collect_ids(&self.sight, &plan, (SEMI_JOIN.saturating_add(1), far), &matches)?;
        Ok((ids.len() <= SEMI_JOIN).then_some(ids))
    }

    /// The records to which those refer by a field that meet the condition, if an index finds these and they are
    /// few.
    fn referred_to(&self, by: FieldId) -> Result<Option<BTreeSet<RecordId>>> {
        if matches!(self.test, Test::Everything) {
            return Ok(None);
        }
        let Some(ids) = self.few()? else { return Ok(None) };
        let Some(field) = self.sight.entity.field_by_id(by) else { return Ok(None) };
        let mut found = BTreeSet::new();
        for record in load_many(self.sight.snapshot, self.sight.entity.id(), &ids)?.into_iter().flatten() {
            found.extend(field.definition.kind.references(&record.peek(by)).map(|(_, id)| id));
        }
        Ok((found.len() <= SEMI_JOIN).then_some(found))
    }

    /// Whether a record that the reader sees refers to one by a field, and meets the condition. It reads the links
    /// to that one record alone, up to the first that does.
    fn refers(&self, to: RecordId, by: FieldId, cache: &Cache) -> Result<bool> {
        let sight = &self.sight;
        let mut after = None;
        loop {
            sight.patience.check()?;
            let (ids, more) = next_links(sight, (to, by), after, LINKS)?;
            for id in &ids {
                if let Some(record) = look_up(sight, cache, *id)?
                    && self.test.is_met(&record, sight, cache)?
                {
                    return Ok(true);
                }
            }
            match ids.last() {
                Some(last) if more => after = Some(*last),
                _ => return Ok(false),
            }
        }
    }
}

impl Test<'_> {
    pub fn is_met(&self, record: &Record, sight: &Sight<'_>, cache: &Cache) -> Result<bool> {
        Ok(match self {
            Self::All(parts) => !any(parts, |part| Ok(!part.is_met(record, sight, cache)?))?,
            Self::Any(parts) => any(parts, |part| part.is_met(record, sight, cache))?,
            Self::Not(inner) => !inner.is_met(record, sight, cache)?,
            Self::Through(field, beyond) => match reference(record, *field) {
                Some(id) => match look_up(&beyond.sight, cache, id)? {
                    Some(far) => beyond.test.is_met(&far, &beyond.sight, cache)?,
                    None => beyond.test.holds_of_nothing(),
                },
                None => beyond.test.holds_of_nothing(),
            },
            Self::Has(by, beyond) => beyond.refers(record.id, *by, cache)?,
            Self::Under(field, root) => is_under(record, *field, *root, sight, cache)?,
            Self::Ends => sees_ends(sight, record)?,
            plain => plain.holds(record),
        })
    }

    /// Whether the condition speaks of such fields alone, and of nothing beyond references.
    pub fn looks_only_at(&self, known: impl Fn(FieldId) -> bool + Copy) -> bool {
        match self {
            Self::Everything => true,
            Self::All(parts) | Self::Any(parts) => parts.iter().all(|part| part.looks_only_at(known)),
            Self::Not(inner) => inner.looks_only_at(known),
            Self::Compare(field, ..) | Self::IsNull(field) | Self::Near(field, _) => known(*field),
            Self::Among(among) => known(among.field),
            Self::Holds(expression, _) => expression.fields().iter().all(|field| known(*field)),
            Self::HeldOn(from, to, _) => known(*from) && known(*to),
            Self::Through(..) | Self::Has(..) | Self::These(_) | Self::Under(..) | Self::Ends => false,
        }
    }

    /// Whether the condition speaks of such a field of the record itself.
    pub fn looks_at(&self, wanted: &dyn Fn(FieldId) -> bool) -> bool {
        match self {
            Self::Everything | Self::Has(..) | Self::These(_) | Self::Ends => false,
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.looks_at(wanted)),
            Self::Not(inner) => inner.looks_at(wanted),
            Self::Compare(field, ..) | Self::IsNull(field) | Self::Near(field, _) => wanted(*field),
            Self::Among(among) => wanted(among.field),
            Self::Holds(expression, _) => reads(expression, wanted),
            Self::HeldOn(from, to, _) => wanted(*from) || wanted(*to),
            Self::Through(field, _) | Self::Under(field, _) => wanted(*field),
        }
    }

    /// Whether a record meets a condition that looks at nothing beyond references.
    pub fn holds(&self, record: &Record) -> bool {
        match self {
            Self::Everything => true,
            Self::All(parts) => parts.iter().all(|part| part.holds(record)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(record)),
            Self::Not(inner) => !inner.holds(record),
            Self::Compare(field, comparison, wanted) => compares(&record.peek(*field), *comparison, wanted),
            Self::Among(among) => among.has(record),
            Self::IsNull(field) => record.peek(*field).is_null(),
            Self::Near(field, circle) => circle.holds(&record.peek(*field)),
            Self::HeldOn(from, to, day) => Period::between(record, Some(*from), Some(*to)).contains(*day),
            Self::Holds(expression, moment) => is_true(expression, &RecordFacts { record, moment: *moment }),
            Self::These(ids) => ids.contains(&record.id),
            Self::Through(..) | Self::Has(..) | Self::Under(..) | Self::Ends => false,
        }
    }

    /// Whether the condition is met where no record can be seen, so that no field has a value.
    fn holds_of_nothing(&self) -> bool {
        match self {
            Self::Everything | Self::IsNull(_) => true,
            Self::All(parts) => parts.iter().all(Self::holds_of_nothing),
            Self::Any(parts) => parts.iter().any(Self::holds_of_nothing),
            Self::Not(inner) => !inner.holds_of_nothing(),
            Self::Compare(..)
            | Self::Among(_)
            | Self::Has(..)
            | Self::These(_)
            | Self::Under(..)
            | Self::Near(..)
            | Self::HeldOn(..)
            | Self::Ends => false,
            Self::Holds(expression, moment) => is_true(expression, moment),
            Self::Through(_, beyond) => beyond.test.holds_of_nothing(),
        }
    }
}

/// One that cannot be worked out is not true: a list does not fail because of one record.
fn is_true(expression: &Expression, facts: &dyn Facts) -> bool {
    matches!(expression.holds(facts), Ok(Some(true)))
}

fn any<T>(parts: &[T], mut holds: impl FnMut(&T) -> Result<bool>) -> Result<bool> {
    for part in parts {
        if holds(part)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn reference(record: &Record, field: FieldId) -> Option<RecordId> {
    record.peek(field).as_id()
}

/// A record that the reader sees.
fn look_up(sight: &Sight<'_>, cache: &Cache, id: RecordId) -> Result<Option<Rc<Record>>> {
    let place = (sight.entity.id(), id);
    if let Some(known) = cache.borrow().get(&place) {
        return Ok(known.clone());
    }
    let seen = |record: &Record| {
        !record.is_deleted() && sight.permit.allows(record.id, &record.envelope.access_class())
    };
    let mut found = load(sight.snapshot, sight.entity.id(), id)?.filter(seen);
    if let Some(record) = &found
        && !sees_ends(sight, record)?
    {
        found = None;
    }
    if let Some(record) = &mut found {
        sight.complete(std::slice::from_mut(record), true)?;
        sight.translate(std::slice::from_mut(record));
    }
    let found = found.map(Rc::new);
    let mut cache = cache.borrow_mut();
    if cache.len() >= CACHED {
        cache.clear();
    }
    cache.insert(place, found.clone());
    Ok(found)
}

/// Walks up from a record. The depth bounds the walk, so a circle ends it too.
fn is_under(
    record: &Record,
    field: FieldId,
    root: RecordId,
    sight: &Sight<'_>,
    cache: &Cache,
) -> Result<bool> {
    let mut above = reference(record, field);
    for _ in 0..TREE_DEPTH {
        match above {
            Some(id) if id == root => return Ok(true),
            Some(id) => above = look_up(sight, cache, id)?.and_then(|record| reference(&record, field)),
            None => return Ok(false),
        }
    }
    Ok(false)
}

/// The root of a tree and the records below it whose children belong to it too; nothing if they are many.
pub(super) fn tree(sight: &Sight<'_>, field: FieldId, root: RecordId) -> Result<Option<Vec<RecordId>>> {
    let mut parents = BTreeSet::from([root]);
    let mut frontier = vec![root];
    for _ in 1..TREE_DEPTH {
        let mut below = Vec::new();
        for some in frontier.chunks(SEMI_JOIN) {
            let test = Test::Among(Among::of_ids(field, some));
            let plan = Plan::choose(sight, &test, &[])?;
            let cache = Cache::default();
            let matches = |record: &Record| test.is_met(record, sight, &cache);
            below.extend(collect_ids(sight, &plan, (TREE.saturating_add(1), false), &matches)?);
        }
        frontier = below.into_iter().filter(|id| parents.insert(*id)).collect();
        if frontier.is_empty() || parents.len() > TREE {
            break;
        }
    }
    Ok((parents.len() <= TREE).then(|| parents.into_iter().collect()))
}
