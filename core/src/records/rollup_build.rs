//! Rollups put together from the records themselves: when they are declared, restored and verified.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Code, Error, FieldId, Patience, RecordId, Result};
use crate::records::Record;
use crate::records::reindex::MAX_RECORDS;
use crate::records::rollup::{Ends, FIGURE, LISTED, Trees, change, figure_key, part};
use crate::records::row::for_each_record;
use crate::records::tally::{Tally, build_position, for_each_row};
use crate::records::view::WriteView;
use crate::schema::{Entity, Registry, Rollup};
use crate::storage::{Keyspace, RowVisitor, Snapshot};

/// All rollups that are kept, the lowest first.
fn kept(registry: &Registry) -> Vec<(&Entity, &Arc<Rollup>)> {
    let of = |entity| Entity::rolled_up(entity).iter().map(move |rollup| (entity, rollup));
    let mut kept: Vec<_> = registry.entities().iter().flat_map(of).collect();
    kept.sort_by_key(|(_, rollup)| rollup.depth);
    kept
}

/// Builds the rollups that are new in a registry, within the transaction that publishes it; but for those
/// that are to be built in chunks.
///
/// # Errors
/// `input.limit_exceeded` for one over more than a million records; `storage.damaged`.
pub fn build_rollups(view: &mut WriteView<'_>, old: &Registry, new: &Registry) -> Result<()> {
    let known: Vec<FieldId> = kept(old).iter().map(|(_, rollup)| rollup.id()).collect();
    let fresh = kept(new).into_iter().filter(|(_, rollup)| rollup.complete && !known.contains(&rollup.id()));
    let fresh: Vec<_> = fresh.collect();
    // The upper ones first: what is added below goes up to them.
    for (child, rollup) in fresh.into_iter().rev() {
        let (mut parts, mut records) = (Vec::new(), 0_u64);
        let snapshot: &dyn Snapshot = view;
        for_each_record(snapshot, child.id(), &Patience::default(), &mut |record| {
            records = records.saturating_add(1);
            if records > MAX_RECORDS {
                let rule = "records <= 1000000 for a new rollup";
                return Err(Error::new(Code::LimitExceeded).entity(&child.api_name).rule(rule));
            }
            parts.extend(part(snapshot, rollup, &record)?);
            Ok(())
        })?;
        for part in parts {
            change(view, rollup, None, Some(&part))?;
        }
    }
    Ok(())
}

/// Takes records into a rollup that is being built, if a number is that of one.
pub(super) fn take_in(
    view: &mut WriteView<'_>,
    entity: &Entity,
    number: FieldId,
    records: &[Record],
) -> Result<()> {
    for rollup in entity.rolled_up().iter().filter(|rollup| rollup.id() == number) {
        for record in records {
            let part = part(view, rollup, record)?;
            change(view, rollup, None, part.as_ref())?;
        }
    }
    Ok(())
}

/// Works out all figures of some rollups, and hands every row of theirs to a function: those of values that
/// are picked from at once, the figures when all are known. Rollups over others read what is stored of these.
fn work_out(
    snapshot: &dyn Snapshot,
    rollups: &[(&Entity, &Arc<Rollup>)],
    patience: &Patience,
    visit: RowVisitor<'_>,
) -> Result<()> {
    let (mut figures, trees) = (BTreeMap::<Vec<u8>, Tally>::new(), Trees::default());
    for (child, rollup) in rollups {
        let mut branches = BTreeMap::<RecordId, Ends>::new();
        let upto = (!rollup.complete).then(|| build_position(snapshot, rollup.id())).transpose()?;
        for_each_record(snapshot, child.id(), patience, &mut |record| {
            let taken = upto.is_none_or(|upto| record.id <= upto);
            let Some(part) = part(snapshot, rollup, &record)?.filter(|_| taken) else { return Ok(()) };
            if rollup.figure.function.picks() {
                let (key, value) = part.listed(rollup);
                visit(&key, &value)?;
                if rollup.tree.is_some() {
                    for id in trees.upwards(snapshot, rollup, part.parent)? {
                        branches.entry(id).or_default().take(&part.value);
                    }
                }
                return Ok(());
            }
            for id in trees.upwards(snapshot, rollup, part.parent)? {
                let figure = figures.entry(figure_key(rollup.id(), id)).or_default();
                figure.merge(&Tally::of_one(&part.value), false);
            }
            Ok(())
        })?;
        for (id, ends) in branches {
            let Some(above) = trees.next_above(snapshot, rollup, id)? else { continue };
            ends.rows(rollup, (above, id)).iter().try_for_each(|(key, value)| visit(key, value))?;
        }
    }
    figures.iter().try_for_each(|(key, tally)| visit(key, &tally.encode()))
}

/// The levels of the rollups of a registry, the lowest first: each is worked out from what is stored of those
/// below it.
pub(super) fn levels(registry: &Registry) -> usize {
    kept(registry).last().map_or(0, |(_, rollup)| rollup.depth.saturating_add(1))
}

/// Hands every row of the rollups of one level to a function.
pub(super) fn rows_of_level(
    snapshot: &dyn Snapshot,
    registry: &Registry,
    level: usize,
    patience: &Patience,
    visit: RowVisitor<'_>,
) -> Result<()> {
    let of_level: Vec<_> = kept(registry).into_iter().filter(|(_, rollup)| rollup.depth == level).collect();
    work_out(snapshot, &of_level, patience, visit)
}

/// Holds every row of every rollup against the records.
///
/// # Errors
/// `ledger.index_mismatch`, naming the rollup where a row of it is wrong.
pub(super) fn verify_rollups(
    snapshot: &dyn Snapshot,
    registry: &Registry,
    patience: &Patience,
) -> Result<()> {
    let mut expected = 0_u64;
    for (child, rollup) in kept(registry) {
        work_out(snapshot, &[(child, rollup)], patience, &mut |key, value| {
            expected = expected.saturating_add(1);
            match snapshot.get(Keyspace::Aggregate, key)? {
                Some(found) if found == value => Ok(()),
                _ => Err(mismatch(registry, rollup)),
            }
        })?;
    }
    let mut found = 0_u64;
    for first in [FIGURE, LISTED] {
        for_each_row(snapshot, &[first], &mut |_, _| {
            found = found.saturating_add(1);
            Ok(())
        })?;
    }
    if found == expected { Ok(()) } else { Err(Error::new(Code::IndexMismatch).rule("stray rollups")) }
}

fn mismatch(registry: &Registry, rollup: &Rollup) -> Error {
    let error = Error::new(Code::IndexMismatch).rule("rollup");
    match registry.entity_by_id(rollup.parent) {
        Ok(entity) => {
            let field = entity.field_by_id(rollup.id()).map_or("", |field| field.api_name.as_str());
            error.entity(&entity.api_name).field(field)
        }
        Err(_) => error,
    }
}
