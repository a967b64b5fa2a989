//! Which index a query reads, from where to where, and whether its order is the order asked.

use std::cmp::Reverse;

use crate::access::{AccessClass, ClassId};
use crate::base::{Collation, FieldId, Result};
use crate::records::SystemField;
use crate::records::derived::{INDEX_PREFIX, Index};
use crate::records::query::SortField;
use crate::records::query::bounds::{NULL, Wanted, conjuncts, wanted};
use crate::records::query::matcher::Test;
use crate::records::query::sight::Sight;
use crate::records::tally::stand_in;
use crate::schema::{Component, Entity};
use crate::storage::{Keyspace, RangeRequest, successor};

/// Most ranges that one query reads side by side, unless the permit alone reaches more classes.
const MAX_LANES: usize = 4_096;
/// Keys that an estimate reads at most.
const SAMPLE: u64 = 256;
/// Ranges that an estimate looks at, at most.
const SAMPLED_LANES: usize = 64;
/// So many keys are gathered rather than waited for in a list that is in order already.
const FEW: u64 = 2_000;

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
}

impl Part {
    fn plain(field: FieldId) -> Self {
        Self { field, turned: false, collation: Collation::default() }
    }
}

/// One way to answer a query.
#[derive(Debug)]
pub(super) struct Plan {
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
}

/// An index as the planner sees it.
struct Candidate {
    index: Index,
    name: String,
    components: Vec<Part>,
    /// The field for each of whose several values a record has a key.
    several: Option<FieldId>,
}

fn candidates(entity: &Entity) -> Vec<Candidate> {
    let by_id = Candidate {
        index: Index::by_id(entity.id()),
        name: "id".to_owned(),
        components: Vec::new(),
        several: None,
    };
    let has_several =
        |field: FieldId| entity.field_by_id(field).is_some_and(|field| field.definition.kind.has_several());
    let declared = entity.indexes().iter().filter(|index| index.complete).map(|index| Candidate {
        index: Index::declared(entity.id(), index),
        name: index.api_name.clone(),
        components: index.components().iter().map(part_of).collect(),
        several: index.components().iter().map(Component::field).find(|field| has_several(*field)),
    });
    let of_fields = entity.fields().iter().filter_map(|field| {
        let index = Index::on(entity, field.id()).filter(|_| field.has_index())?;
        let rollup = entity.rollups().iter().find(|rollup| rollup.id() == field.id());
        if rollup.is_some_and(|rollup| !rollup.indexed || !rollup.answers) {
            return None;
        }
        let components = vec![Part::plain(field.id())];
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
    std::iter::once(by_id).chain(declared).chain(of_fields).chain(of_owner).collect()
}

fn part_of(component: &Component) -> Part {
    Part { field: component.field(), turned: component.turned, collation: component.collation }
}

/// What a plan is made from.
struct Planner<'p> {
    conditions: Vec<&'p Test<'p>>,
    /// The places of the conditions that speak of owner and unit alone: they choose classes.
    of_class: Vec<usize>,
    classes: Vec<ClassId>,
    sort: &'p [SortField],
    /// The texts that are read in another language, of which no index knows.
    translated: Vec<FieldId>,
}

impl Plan {
    /// The best way to answer a query.
    pub fn choose(sight: &Sight<'_>, test: &Test<'_>, sort: &[SortField]) -> Result<Self> {
        let mut conditions = Vec::new();
        conjuncts(test, &mut conditions);
        let of_class: Vec<usize> = (0..conditions.len())
            .filter(|place| conditions.get(*place).is_some_and(|test| test.looks_only_at(is_of_class)))
            .collect();
        let chosen: Vec<&&Test<'_>> = of_class.iter().filter_map(|place| conditions.get(*place)).collect();
        let entity = sight.entity;
        let reached = |(_, class): &&(ClassId, AccessClass)| {
            chosen.is_empty() || {
                let record = stand_in(entity.id(), class);
                chosen.iter().all(|test| test.holds(&record))
            }
        };
        let classes = sight.permit.classes().iter().filter(reached).map(|(id, _)| *id).collect();
        let translated = sight.translated().into_iter().map(|(field, _)| field).collect();
        let planner = Planner { conditions, of_class, classes, sort, translated };
        let plans: Vec<Self> =
            candidates(entity).into_iter().filter_map(|candidate| planner.plan(candidate)).collect();
        best(plans, sight)
    }

    /// Whether every record that the permit reaches is read.
    pub fn is_scan(&self) -> bool {
        self.used.is_empty() && self.residual > 0 || (self.used.is_empty() && self.order == Order::Gathered)
    }

    /// Whether the ranges hold the records that are wanted, and no others.
    pub fn is_exact(&self) -> bool {
        self.residual == 0
    }

    /// About how many keys the ranges hold; few are counted, many are worked out from some of the ranges.
    pub fn estimate(&self, sight: &Sight<'_>) -> Result<u64> {
        let lanes = self.classes.len().saturating_mul(self.ranges.len());
        let step = lanes.div_ceil(SAMPLED_LANES).max(1);
        let (mut looked_at, mut keys, mut more) = (0_u64, 0_u64, false);
        for (number, range) in self.lanes().enumerate().filter(|(number, _)| number % step == 0) {
            let rows = usize::try_from(SAMPLE.saturating_sub(keys)).unwrap_or(1).max(1);
            let page = sight.snapshot.scan(&RangeRequest { max_rows: rows, ..range.0 })?;
            looked_at = number as u64 / step as u64 + 1;
            keys = keys.saturating_add(page.rows.len() as u64);
            more |= page.more;
            if keys >= SAMPLE {
                break;
            }
        }
        if more {
            return Ok(u64::MAX);
        }
        Ok(keys.saturating_mul(lanes as u64).checked_div(looked_at).unwrap_or(0))
    }

    /// The ranges of all classes, and how many bytes of their keys do not order them.
    pub fn lanes(&self) -> impl Iterator<Item = (RangeRequest, usize)> + '_ {
        self.classes.iter().flat_map(move |class| {
            let prefix = self.index.prefix(*class);
            self.ranges.iter().map(move |range| {
                let request = RangeRequest {
                    keyspace: Keyspace::Index,
                    low: [&prefix[..], &range.low].concat(),
                    high: high_of(&prefix, range),
                    reverse: self.reverse,
                    max_rows: 1,
                };
                (request, INDEX_PREFIX.saturating_add(range.lead))
            })
        })
    }
}

/// The end of a range of a class: one that ends at no key of its own ends where the class does.
fn high_of(prefix: &[u8], range: &KeyRange) -> Vec<u8> {
    let end_of_class = successor(prefix);
    let high = [prefix, &range.high].concat();
    if range.high.is_empty() { end_of_class } else { high.min(end_of_class) }
}

impl Planner<'_> {
    /// The plan by an index, if there is one: where records have several keys, only values that are named find
    /// each of them.
    fn plan(&self, candidate: Candidate) -> Option<Plan> {
        let most = (MAX_LANES / self.classes.len().max(1)).max(1);
        let (mut leads, mut used, mut fixed) = (vec![Vec::new()], Vec::new(), Vec::new());
        let mut settled = self.of_class.clone();
        let mut components = candidate.components.iter().copied().peekable();
        let (mut range, mut none) = (None, None);
        while let Some(Part { field, turned, collation }) = components.peek().copied() {
            if !collation.is_plain() || self.translated.contains(&field) {
                break;
            }
            let Some(said) = wanted(&self.conditions, field, candidate.several == Some(field)) else { break };
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
                Some(_) => break,
                None => {
                    range =
                        said.range.as_ref().map(|range| if turned { range.turned() } else { range.clone() });
                    none = said.or_none.then_some(turned);
                }
            }
            used.push(field);
            settle(&mut settled, &said);
            if range.is_some() {
                break;
            }
        }
        if candidate.several.is_some_and(|field| !used.contains(&field)) {
            return None;
        }
        let tail: Vec<Part> = components.collect();
        let without = leads.iter().zip(std::iter::repeat(none)).filter_map(|(lead, none)| {
            let low = joined(lead, &[NULL], none?);
            Some(KeyRange { lead: lead.len(), high: successor(&low), low })
        });
        let without: Vec<KeyRange> = without.collect();
        let ranges = leads.into_iter().map(|lead| match &range {
            Some(range) => {
                KeyRange { lead: lead.len(), low: range.low.key(&lead), high: range.high.key(&lead) }
            }
            None => KeyRange { lead: lead.len(), high: end_of(&lead), low: lead },
        });
        let ranges: Vec<KeyRange> =
            ranges.chain(without).filter(|range| range.high.is_empty() || range.low < range.high).collect();
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
        });
        let known = self.sort.iter().all(|sort| !self.translated.contains(&sort.field));
        known && asked.eq(tail.iter().copied())
    }
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

/// The plan with the most components used. A list that is in order already is preferred, unless conditions
/// that it does not use leave few keys of another index.
fn best(plans: Vec<Plan>, sight: &Sight<'_>) -> Result<Plan> {
    let (streamed, gathered): (Vec<Plan>, Vec<Plan>) =
        plans.into_iter().partition(|plan| plan.order == Order::Streamed);
    // Of equals the first: they stand in the order in which they were declared.
    let rank = |plan: &Plan| (plan.is_exact(), plan.used.len(), Reverse(plan.residual));
    let streamed = match streamed.into_iter().rev().max_by_key(rank) {
        Some(plan) if plan.is_exact() => return Ok(plan),
        other => other,
    };
    let known = streamed.as_ref().map_or(0, |plan| plan.used.len());
    let mut others: Vec<(u64, Plan)> = Vec::new();
    for plan in gathered {
        if plan.used.len() > known || streamed.is_none() {
            let keys = if plan.used.is_empty() { u64::MAX } else { plan.estimate(sight)? };
            others.push((keys, plan));
        }
    }
    others.sort_by_key(|(keys, plan)| (Reverse(plan.used.len()), *keys));
    let other = others.into_iter().next();
    match (streamed, other) {
        (Some(_), Some((keys, plan))) if keys <= FEW => Ok(plan),
        (Some(plan), _) | (None, Some((_, plan))) => Ok(plan),
        (None, None) => Err(crate::records::codec::damaged()),
    }
}
