//! Which index a query reads, from where to where, and whether its order is the order asked.

use std::cmp::{Ordering, Reverse};

use crate::access::{AccessClass, ClassId, Permit, Read};
use crate::base::{Collation, FieldId, RecordId, Result};
use crate::records::SystemField;
use crate::records::derived::{INDEX_PREFIX, Index};
use crate::records::query::SortField;
use crate::records::query::bounds::{Keys, NULL, Range, Wanted, conjuncts, wanted};
use crate::records::query::matcher::Test;
use crate::records::query::sight::Sight;
use crate::records::query::union::unions;
use crate::records::tally::stand_in;
use crate::schema::{Component, DeclaredIndex, Entity};
use crate::storage::{Keyspace, RangeRequest, successor};

/// Most ranges that one query reads side by side, unless the permit alone reaches more classes.
pub(super) const MAX_LANES: usize = 4_096;
/// So many keys are gathered rather than waited for in a list that is in order already.
const FEW: u64 = 2_000;
/// Rows for which a list in order is read, where nothing more is known of it.
const PAGE: u64 = 100;
/// Most plans of which the keys are estimated before one is chosen.
const MAX_ESTIMATES: usize = 8;

/// How rows come to be in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The index gives the rows in the order asked.
    Streamed,
    /// All rows are read, and the best kept.
    Gathered,
}

/// One range of an index, behind the prefix of a class.
#[derive(Debug, Clone)]
pub(super) struct KeyRange {
    /// How many bytes of it are alike in all its keys, and do not order them.
    pub lead: usize,
    pub low: Vec<u8>,
    pub high: Vec<u8>,
}

/// A component of an index as the planner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub field: FieldId,
    /// Whether its bytes are complemented.
    pub turned: bool,
    /// How its text sorts. A text that does not sort by code points finds nothing: texts that are alike may
    /// have different places.
    collation: Collation,
    /// Whether its keys are cells of places, which order nothing that anybody asks for.
    cells: bool,
}

impl Part {
    fn plain(field: FieldId) -> Self {
        Self { field, turned: false, collation: Collation::default(), cells: false }
    }
}

/// One way to answer a query.
#[derive(Clone)]
pub(super) struct Plan<'t> {
    pub index: Index,
    /// The name of the index, for explanations.
    pub name: String,
    /// The components whose values the conditions fix or bound, in their order.
    pub used: Vec<FieldId>,
    pub ranges: Vec<KeyRange>,
    /// The components that order the rows.
    pub tail: Vec<Part>,
    /// The classes that the conditions leave of those of the permit.
    pub classes: Vec<ClassId>,
    pub reverse: bool,
    pub order: Order,
    /// How many of the conditions are left to be held against each record.
    pub residual: usize,
    /// Whether a record has several keys in the index, so that it may be met more than once.
    pub several: bool,
    /// The conditions that fix or bound the components.
    pub said: Vec<&'t Test<'t>>,
    /// The records themselves, where a condition names them: no index is read.
    pub these: Option<Vec<RecordId>>,
    /// The plans whose records are read together, each with the condition that it answers of several of which
    /// one is enough.
    pub alternatives: Vec<(Plan<'t>, &'t Test<'t>)>,
}

/// An index as the planner sees it.
struct Candidate {
    index: Index,
    name: String,
    components: Vec<Part>,
    /// The field for each of whose several values a record has a key.
    several: Option<FieldId>,
}

fn candidates(entity: &Entity) -> impl Iterator<Item = Candidate> + '_ {
    let by_id = Candidate {
        index: Index::by_id(entity.id()),
        name: "id".to_owned(),
        components: Vec::new(),
        several: None,
    };
    let has_several = move |field: FieldId| {
        entity.field_by_id(field).is_some_and(|field| field.definition.kind.has_several())
    };
    let of_lists = |index: &&DeclaredIndex| index.complete && !index.definition.due;
    let declared = entity.indexes().iter().filter(of_lists).map(move |index| Candidate {
        index: Index::declared(entity.id(), index),
        name: index.api_name.clone(),
        components: index.components().iter().map(part_of).collect(),
        several: index.components().iter().map(Component::field).find(|field| has_several(*field)),
    });
    let of_fields = entity.fields().iter().filter_map(move |field| {
        let index = Index::on(entity, field.id()).filter(|_| field.has_index())?;
        let rollup = entity.rollups().iter().find(|rollup| rollup.id() == field.id());
        if rollup.is_some_and(|rollup| !rollup.indexed || !rollup.answers) {
            return None;
        }
        let cells = field.definition.kind.has_cells();
        let components = vec![Part { cells, ..Part::plain(field.id()) }];
        let several = Some(field.id()).filter(|field| has_several(*field));
        Some(Candidate { index, name: field.api_name.clone(), components, several })
    });
    let owner = SystemField::Owner.id();
    let of_owner = Index::on(entity, owner).map(|index| Candidate {
        index,
        name: "owner".to_owned(),
        components: vec![Part::plain(owner)],
        several: None,
    });
    std::iter::once(by_id).chain(declared).chain(of_fields).chain(of_owner)
}

fn part_of(component: &Component) -> Part {
    let Component { turned, collation, cells, .. } = *component;
    Part { field: component.field(), turned, collation, cells }
}

/// What a plan is made from.
pub(super) struct Planner<'t> {
    pub conditions: Vec<&'t Test<'t>>,
    /// The places of the conditions that speak of owner and unit alone: they choose classes.
    pub of_class: Vec<usize>,
    pub classes: Vec<ClassId>,
    pub sort: &'t [SortField],
    /// The texts that are read in another language, of which no index knows.
    translated: Vec<FieldId>,
}

impl<'t> Planner<'t> {
    /// For conditions all of which a record must meet.
    pub fn new(sight: &Sight<'_>, conditions: Vec<&'t Test<'t>>, sort: &'t [SortField]) -> Self {
        let of_class: Vec<usize> = (0..conditions.len())
            .filter(|place| conditions.get(*place).is_some_and(|test| test.looks_only_at(is_of_class)))
            .collect();
        let chosen: Vec<&Test<'_>> =
            of_class.iter().filter_map(|place| conditions.get(*place).copied()).collect();
        let entity = sight.entity;
        let reached = |(_, class): &&(ClassId, AccessClass)| {
            chosen.is_empty() || {
                let record = stand_in(entity.id(), class);
                chosen.iter().all(|test| test.holds(&record))
            }
        };
        let classes = sight.permit.classes().iter().filter(reached).map(|(id, _)| *id).collect();
        let translated = sight.translated().into_iter().map(|(field, _)| field).collect();
        Self { conditions, of_class, classes, sort, translated }
    }

    /// The plans by one index each. Without a condition each of them reads every record, so that the first one in
    /// order is as good as any, or the first of all where none is.
    pub fn plans(&self, entity: &Entity) -> Vec<Plan<'t>> {
        let mut plans = candidates(entity).filter_map(|candidate| self.plan(candidate));
        if !self.conditions.is_empty() {
            return plans.collect();
        }
        let in_order = |plan: &Plan<'t>| plan.order == Order::Streamed;
        let first = plans.next();
        let better = first.as_ref().is_none_or(|first| !in_order(first)).then(|| plans.find(in_order));
        better.flatten().or(first).into_iter().collect()
    }

    /// The plan that reads records which a condition names.
    fn of_these(&self, entity: &Entity) -> Option<Plan<'t>> {
        let these = self.conditions.iter().find_map(|test| match test {
            Test::These(ids) => Some(ids.iter().copied().collect()),
            _ => None,
        })?;
        let order = if self.sort.is_empty() { Order::Streamed } else { Order::Gathered };
        Some(Plan {
            index: Index::by_id(entity.id()),
            name: "id".to_owned(),
            used: Vec::new(),
            ranges: Vec::new(),
            tail: Vec::new(),
            classes: self.classes.clone(),
            reverse: false,
            order,
            residual: self.conditions.len(),
            several: false,
            said: Vec::new(),
            these: Some(these),
            alternatives: Vec::new(),
        })
    }
}

impl<'t> Plan<'t> {
    /// The best way to answer a query.
    pub fn choose(sight: &Sight<'_>, test: &'t Test<'t>, sort: &'t [SortField]) -> Result<Self> {
        let mut conditions = Vec::new();
        conjuncts(test, &mut conditions);
        let planner = Planner::new(sight, conditions, sort);
        let mut plans = planner.plans(sight.entity);
        plans.extend(unions(sight, &planner));
        plans.extend(planner.of_these(sight.entity));
        best(plans, sight)
    }

    /// How many components the conditions fix or bound: of alternatives the fewest.
    fn depth(&self) -> usize {
        let fewest = self.alternatives.iter().map(|(plan, _)| plan.used.len()).min();
        fewest.unwrap_or(self.used.len())
    }

    /// Whether it finds records by what is asked of them, rather than in passing through all.
    pub fn is_picking(&self) -> bool {
        !self.used.is_empty() || !self.alternatives.is_empty() || self.these.is_some()
    }

    /// Whether every record that the permit reaches is read.
    pub fn is_scan(&self) -> bool {
        !self.is_picking() && (self.residual > 0 || self.order == Order::Gathered)
    }

    /// Whether the ranges hold the records that are wanted, and no others.
    pub fn is_exact(&self) -> bool {
        self.residual == 0
    }

    /// How two places in its ranges, without what does not order them, follow each other.
    pub fn compare(&self, left: &[u8], right: &[u8]) -> Ordering {
        if self.reverse { right.cmp(left) } else { left.cmp(right) }
    }

    /// Whether one index, and nothing else, says which records are looked at.
    pub fn is_of_one_index(&self) -> bool {
        self.alternatives.is_empty() && self.these.is_none()
    }

    /// The same for these classes alone.
    pub fn of_classes(&self, classes: Vec<ClassId>) -> Self {
        let Self { index, reverse, order, residual, several, .. } = *self;
        Self {
            index,
            name: self.name.clone(),
            used: self.used.clone(),
            ranges: self.ranges.clone(),
            tail: self.tail.clone(),
            classes,
            reverse,
            order,
            residual,
            several,
            said: self.said.clone(),
            these: self.these.clone(),
            alternatives: self.alternatives.clone(),
        }
    }

    /// How many ranges are read side by side.
    pub fn lane_count(&self) -> usize {
        let own = self.classes.len().saturating_mul(self.ranges.len());
        self.alternatives.iter().fold(own, |sum, (plan, _)| sum.saturating_add(plan.lane_count()))
    }

    /// The ranges of all classes, and how many bytes of their keys do not order them.
    pub fn lanes(&self) -> impl Iterator<Item = (RangeRequest, usize)> + '_ {
        let of_others = self.alternatives.iter().flat_map(|(plan, _)| plan.own_lanes(self.reverse));
        self.own_lanes(self.reverse).chain(of_others)
    }

    /// The one range of all classes, where a permit reaches every one of them and nothing is bounded: it holds the same
    /// records as the ranges of the classes, in another order.
    pub fn whole(&self, permit: &Permit<Read>) -> Option<RangeRequest> {
        let is_unbounded = match self.ranges.as_slice() {
            [range] => range.low.is_empty() && range.high.is_empty(),
            _ => false,
        };
        let is_all = permit.reaches_everything() && self.classes.len() == permit.classes().len();
        let is_alone = !self.several && self.is_of_one_index();
        let range = || RangeRequest::prefix(Keyspace::Index, &self.index.prefix_of_all(), 0);
        (is_unbounded && is_all && is_alone).then(range)
    }

    fn own_lanes(&self, reverse: bool) -> impl Iterator<Item = (RangeRequest, usize)> + '_ {
        self.classes.iter().flat_map(move |class| {
            self.ranges.iter().map(move |range| {
                let mut low = self.index.prefix(*class);
                let high = high_of(&low, range);
                low.extend_from_slice(&range.low);
                let request = RangeRequest { keyspace: Keyspace::Index, low, high, reverse, max_rows: 1 };
                (request, INDEX_PREFIX.saturating_add(range.lead))
            })
        })
    }
}

/// The end of a range of a class: one that ends at no key of its own ends where the class does.
fn high_of(prefix: &[u8], range: &KeyRange) -> Vec<u8> {
    let end_of_class = successor(prefix);
    if range.high.is_empty() { end_of_class } else { [prefix, &range.high].concat().min(end_of_class) }
}

impl<'t> Planner<'t> {
    /// The plan by an index, if there is one: where records have several keys, only values that are named find
    /// each of them.
    fn plan(&self, candidate: Candidate) -> Option<Plan<'t>> {
        let most = (MAX_LANES / self.classes.len().max(1)).max(1);
        let (mut leads, mut used, mut fixed) = (vec![Vec::new()], Vec::new(), Vec::new());
        let mut settled = self.of_class.clone();
        let mut components = candidate.components.iter().copied().peekable();
        let (mut bounds, mut none, mut said_by) = (None, None, Vec::<usize>::new());
        while let Some(Part { field, turned, collation, cells }) = components.peek().copied() {
            if !collation.is_plain() || self.translated.contains(&field) {
                break;
            }
            let kind = Keys { several: candidate.several == Some(field), cells };
            let Some(said) = wanted(&self.conditions, field, kind) else { break };
            match &said.points {
                Some(points) if points.len().saturating_mul(leads.len()) <= most => {
                    leads = leads
                        .iter()
                        .flat_map(|lead| points.iter().map(|point| joined(lead, point, turned)))
                        .collect();
                    if points.len() <= 1 && candidate.several != Some(field) {
                        fixed.push(field);
                    }
                    components.next();
                }
                None if said.ranges.len().saturating_mul(leads.len()) <= most => {
                    let turn = |range: &Range| if turned { range.turned() } else { range.clone() };
                    bounds = Some(said.ranges.iter().map(turn).collect::<Vec<_>>());
                    none = said.or_none.then_some(turned);
                }
                _ => break,
            }
            used.push(field);
            said_by.extend(&said.said_by);
            settle(&mut settled, &said);
            if bounds.is_some() {
                break;
            }
        }
        if candidate.several.is_some_and(|field| !used.contains(&field)) {
            return None;
        }
        let tail: Vec<Part> = components.collect();
        let ranges = ranges(leads, bounds.as_deref(), none);
        let reverse = self.sort.last().is_some_and(|sort| sort.falls());
        let order = if self.is_in_order(&tail, &fixed, reverse) { Order::Streamed } else { Order::Gathered };
        let residual = (0..self.conditions.len()).filter(|place| !settled.contains(place)).count();
        Some(Plan {
            index: candidate.index,
            name: candidate.name,
            used,
            ranges,
            tail,
            classes: self.classes.clone(),
            reverse: reverse && order == Order::Streamed,
            order,
            residual,
            several: candidate.several.is_some(),
            said: said_by.iter().filter_map(|place| self.conditions.get(*place).copied()).collect(),
            these: None,
            alternatives: Vec::new(),
        })
    }

    /// Whether the rest of an index orders rows as asked, read forwards or backwards. Fields that are fixed
    /// to one value order nothing. Ids follow the direction of the last field, as they do in the index.
    fn is_in_order(&self, tail: &[Part], fixed: &[FieldId], reverse: bool) -> bool {
        let asked = self.sort.iter().filter(|sort| !fixed.contains(&sort.field));
        let asked = asked.map(|sort| Part {
            field: sort.field,
            turned: sort.falls() != reverse,
            collation: sort.collation,
            cells: false,
        });
        let known = self.sort.iter().all(|sort| !self.translated.contains(&sort.field));
        known && asked.eq(tail.iter().copied())
    }
}

/// The ranges of keys behind some leads: what lies within bounds there, or all of it, and the keys without value
/// where those are wanted, complemented or not.
fn ranges(leads: Vec<Vec<u8>>, bounds: Option<&[Range]>, none: Option<bool>) -> Vec<KeyRange> {
    let (mut ranges, mut without) = (Vec::new(), Vec::new());
    for lead in leads {
        if let Some(turned) = none {
            let low = joined(&lead, &[NULL], turned);
            without.push(KeyRange { lead: lead.len(), high: successor(&low), low });
        }
        match bounds {
            Some(bounds) => ranges.extend(bounds.iter().map(|range| KeyRange {
                lead: lead.len(),
                low: range.low.key(&lead),
                high: range.high.key(&lead),
            })),
            None => ranges.push(KeyRange { lead: lead.len(), high: end_of(&lead), low: lead }),
        }
    }
    ranges.extend(without);
    ranges.retain(|range| range.high.is_empty() || range.low < range.high);
    ranges
}

/// Whether a field is alike in all records of an access class.
pub(super) fn is_of_class(field: FieldId) -> bool {
    [SystemField::Owner.id(), SystemField::Unit.id()].contains(&field)
}

fn joined(lead: &[u8], point: &[u8], turned: bool) -> Vec<u8> {
    let point = point.iter().map(|byte| if turned { !byte } else { *byte });
    lead.iter().copied().chain(point).collect()
}

/// The end of all keys with a lead; nothing for no lead.
fn end_of(lead: &[u8]) -> Vec<u8> {
    if lead.is_empty() { Vec::new() } else { successor(lead) }
}

fn settle(settled: &mut Vec<usize>, said: &Wanted) {
    if said.exact {
        settled.extend(&said.said_by);
    }
}

/// The plan that reads the least, as far as that is known cheaply. A list that is in order already is read until
/// its page is full, so it is preferred unless another index leaves few keys.
fn best<'t>(plans: Vec<Plan<'t>>, sight: &Sight<'_>) -> Result<Plan<'t>> {
    let (streamed, mut others): (Vec<Plan<'_>>, Vec<Plan<'_>>) =
        plans.into_iter().partition(|plan| plan.order == Order::Streamed && plan.these.is_none());
    // Of equals the first: they stand in the order in which they were declared.
    let rank = |plan: &Plan<'_>| (plan.is_exact(), plan.is_picking(), plan.depth(), Reverse(plan.residual));
    let streamed = match streamed.into_iter().rev().max_by_key(rank) {
        Some(plan) if plan.is_exact() => return Ok(plan),
        other => other,
    };
    others.sort_by_key(|plan| Reverse(rank(plan)));
    others.truncate(MAX_ESTIMATES);
    let mut sized: Vec<(u64, Plan<'_>)> = Vec::new();
    for plan in others {
        if plan.is_picking() || streamed.is_none() {
            let keys = if plan.is_picking() { plan.size(sight)?.at_most() } else { u64::MAX };
            sized.push((keys, plan));
        }
    }
    sized.sort_by_key(|(keys, plan)| (*keys, Reverse(plan.depth())));
    match (streamed, sized.into_iter().next()) {
        (Some(passing), Some((keys, picking))) => {
            let sooner = match keys {
                0..=FEW if !passing.is_picking() => true,
                u64::MAX => false,
                _ => is_sooner(keys, passing.size(sight)?.at_most()),
            };
            Ok(if sooner { picking } else { passing })
        }
        (Some(plan), None) | (None, Some((_, plan))) => Ok(plan),
        (None, None) => Err(crate::records::codec::damaged()),
    }
}

/// Whether so many keys that are all gathered are read sooner than a page of a list in order that has so many in
/// all. Where the records wanted are as many as the keys and lie anywhere in the list, a page of it ends after
/// that part of it.
fn is_sooner(keys: u64, all: u64) -> bool {
    keys < all && (keys <= FEW || all < u64::MAX && keys.saturating_mul(keys) < all.saturating_mul(PAGE))
}
