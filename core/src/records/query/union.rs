//! Conditions of which one is enough, answered by an index each: the records that any of the indexes finds.
//!
//! Where all of the indexes have their keys in the order asked, the ranges are merged into one list, in which the
//! keys of a record follow each other, and it is taken once. Otherwise the alternatives are read one after the
//! other, and a record that an earlier one finds too is passed over by holding that condition against it, so that
//! no list of what was met is kept.

use std::cmp::Reverse;

use crate::base::FieldId;
use crate::records::derived::Index;
use crate::records::query::bounds::conjuncts;
use crate::records::query::matcher::Test;
use crate::records::query::plan::{MAX_LANES, Order, Plan, Planner};
use crate::records::query::sight::Sight;

/// Conditions with alternatives that are looked at.
const MAX_UNIONS: usize = 2;
/// Most alternatives of one of them.
const MAX_ALTERNATIVES: usize = 32;

/// The plans that read several indexes, one for each alternative of a condition.
pub(super) fn unions<'t>(sight: &Sight<'_>, planner: &Planner<'t>) -> Vec<Plan<'t>> {
    let mut found = Vec::new();
    let with_alternatives = planner.conditions.iter().enumerate().filter_map(|(place, test)| match test {
        Test::Any(_) if !planner.of_class.contains(&place) => Some((place, alternatives(test)?)),
        _ => None,
    });
    for (place, parts) in with_alternatives.take(MAX_UNIONS) {
        let ways: Vec<Way<'t>> = parts
            .into_iter()
            .map(|part| {
                let others = planner.conditions.iter().enumerate().filter(|(other, _)| *other != place);
                let mut conditions: Vec<&'t Test<'t>> = others.map(|(_, test)| *test).collect();
                conjuncts(part, &mut conditions);
                let alone = Planner::new(sight, conditions, planner.sort);
                let fewer = alone.classes.len() < planner.classes.len();
                let plans = alone.plans(sight.entity).into_iter();
                Way { part, plans: plans.filter(|plan| fewer || plan.is_picking()).collect() }
            })
            .collect();
        // One that no index answers has all records read, whatever the others do.
        if ways.iter().any(|way| way.plans.is_empty()) {
            continue;
        }
        found.extend(merged(&ways, planner).or_else(|| one_by_one(ways)));
    }
    found
}

/// An alternative, and the plans that answer it.
struct Way<'t> {
    part: &'t Test<'t>,
    plans: Vec<Plan<'t>>,
}

/// The alternatives of a condition, those of its alternatives among them; nothing if they are too many.
fn alternatives<'t>(test: &'t Test<'t>) -> Option<Vec<&'t Test<'t>>> {
    let (mut waiting, mut found) = (vec![test], Vec::new());
    while let Some(test) = waiting.pop() {
        match test {
            Test::Any(parts) => waiting.extend(parts.iter().rev()),
            part => found.push(part),
        }
        if found.len().saturating_add(waiting.len()) > MAX_ALTERNATIVES {
            return None;
        }
    }
    Some(found)
}

fn rank(plan: &Plan<'_>) -> (bool, usize, Reverse<usize>) {
    (plan.is_exact(), plan.used.len(), Reverse(plan.residual))
}

/// All ranges in one list, if each alternative has an index in the order asked, by the same components.
fn merged<'t>(ways: &[Way<'t>], planner: &Planner<'t>) -> Option<Plan<'t>> {
    // A field that one alternative fixes orders nothing there, and something among the others.
    let in_order = |plan: &&Plan<'t>| plan.order == Order::Streamed && plan.tail.len() == planner.sort.len();
    let chosen = ways.iter().map(|way| way.plans.iter().filter(in_order).rev().max_by_key(|plan| rank(plan)));
    let chosen: Vec<&Plan<'t>> = chosen.collect::<Option<_>>()?;
    let first = *chosen.first()?;
    let alike = chosen.iter().all(|plan| plan.tail == first.tail && plan.reverse == first.reverse);
    let lanes = chosen.iter().fold(0_usize, |sum, plan| sum.saturating_add(plan.lane_count()));
    if !alike || lanes > MAX_LANES.max(planner.classes.len()) {
        return None;
    }
    let residual = chosen.iter().map(|plan| plan.residual).max().unwrap_or(0);
    let parts = ways.iter().map(|way| way.part);
    let (tail, reverse) = (first.tail.clone(), first.reverse);
    let alternatives: Vec<(Plan<'t>, &'t Test<'t>)> = chosen.into_iter().cloned().zip(parts).collect();
    let whole = together(alternatives)?;
    Some(Plan { tail, reverse, order: Order::Streamed, residual, several: true, ..whole })
}

/// One alternative after the other.
fn one_by_one(ways: Vec<Way<'_>>) -> Option<Plan<'_>> {
    together(ways.into_iter().map(Way::best).collect::<Option<_>>()?)
}

impl<'t> Way<'t> {
    fn best(self) -> Option<(Plan<'t>, &'t Test<'t>)> {
        Some((self.plans.into_iter().rev().max_by_key(rank)?, self.part))
    }
}

fn together<'t>(alternatives: Vec<(Plan<'t>, &'t Test<'t>)>) -> Option<Plan<'t>> {
    let (first, _) = alternatives.first()?;
    let mut used: Vec<FieldId> = Vec::new();
    for (plan, _) in &alternatives {
        let new: Vec<FieldId> = plan.used.iter().copied().filter(|field| !used.contains(field)).collect();
        used.extend(new);
    }
    let most = alternatives.iter().map(|(plan, _)| plan.residual).max().unwrap_or(0);
    Some(Plan {
        index: Index::by_id(first.index.entity),
        name: "any".to_owned(),
        used,
        ranges: Vec::new(),
        tail: Vec::new(),
        classes: Vec::new(),
        reverse: false,
        order: Order::Gathered,
        // What tells apart the records of the alternatives is held against each of them.
        residual: most.saturating_add(1),
        several: false,
        said: Vec::new(),
        these: None,
        alternatives,
    })
}
