//! What follows from other records: lookups, and rollups as they are kept or as the reader sees them.
//!
//! A reader gets no value of what the reader may not see: a record or a field that a lookup leads to, and an
//! entity or a field that a rollup goes over. A rollup that is being built has no value for anybody.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{RecordId, Result, Value};
use crate::records::query::ends::sees_ends;
use crate::records::query::matcher::{Matcher, tree as branch_of};
use crate::records::query::sight::Sight;
use crate::records::query::{scan_all, shared};
use crate::records::rollup::{Gathered, figures, part};
use crate::records::row::load_many;
use crate::records::{Filter, Record};
use crate::schema::{Lookup, Rollup, RollupReaders};

/// Records whose children are looked for at once.
const PLACES: usize = 500;

/// Gives records the values of their lookups and rollups.
pub(super) fn fill(sight: &Sight<'_>, records: &mut [Record]) -> Result<()> {
    for lookup in sight.entity.lookups().iter().filter(|lookup| sight.permit.reads(lookup.field)) {
        look_up(sight, lookup, records)?;
    }
    for rollup in sight.entity.rollups().iter().filter(|rollup| sight.permit.reads(rollup.id())) {
        match rollup.readers {
            RollupReaders::All if rollup.answers => look_at_figures(sight, rollup, records)?,
            RollupReaders::All => {}
            RollupReaders::Visible => gather(sight, rollup, records)?,
        }
    }
    Ok(())
}

fn look_up(sight: &Sight<'_>, lookup: &Lookup, records: &mut [Record]) -> Result<()> {
    let Some(permit) = sight.permit_for(lookup.target).filter(|permit| permit.shows(lookup.far)) else {
        return Ok(());
    };
    let entity = sight.registry.entity_by_id(lookup.target)?;
    let wanted: BTreeSet<RecordId> =
        records.iter().filter_map(|record| record.peek(lookup.through).as_id()).collect();
    let wanted: Vec<RecordId> = wanted.into_iter().collect();
    let far = Sight { entity, permit, alone: true, fields: None, language: None, ..*sight };
    let seen =
        |record: &Record| !record.is_deleted() && permit.allows(record.id, &record.envelope.access_class());
    let mut found = Vec::new();
    for record in load_many(sight.snapshot, entity.id(), &wanted)?.into_iter().flatten().filter(seen) {
        if sees_ends(&far, &record)? {
            found.push(record);
        }
    }
    far.complete(&mut found, false)?;
    let values: BTreeMap<RecordId, Value> =
        found.iter().map(|record| (record.id, record.value(lookup.far))).collect();
    for record in records {
        let value = record.peek(lookup.through).as_id().and_then(|id| values.get(&id).cloned());
        record.work_out_as(lookup.field, value.unwrap_or_default());
    }
    Ok(())
}

fn look_at_figures(sight: &Sight<'_>, rollup: &Rollup, records: &mut [Record]) -> Result<()> {
    let ids: Vec<RecordId> = records.iter().map(|record| record.id).collect();
    for (record, value) in records.iter_mut().zip(figures(sight.snapshot, rollup.figure, &ids)?) {
        record.work_out_as(rollup.id(), value);
    }
    Ok(())
}

/// Works a rollup out over the records that the reader sees.
fn gather(sight: &Sight<'_>, rollup: &Rollup, records: &mut [Record]) -> Result<()> {
    let Some(permit) = sight.permit_for(rollup.child) else { return Ok(()) };
    let entity = sight.registry.entity_by_id(rollup.child)?;
    let all = Sight { entity, permit, alone: true, fields: None, language: None, ..*sight };
    // Children that are shared singly are read once, and not again for each parent.
    let (beside, of_classes) = (shared::beside(&all, false)?, permit.of_classes());
    let within = Sight { permit: &of_classes, ..all };
    for record in records {
        let mut gathered = Gathered::default();
        let Some(places) = places(sight, rollup, record.id)? else { continue };
        let mut take = |child: &Record| {
            if let Some(part) = part(sight.snapshot, rollup, child)? {
                gathered.take(rollup, part);
            }
            Ok(())
        };
        for some in places.chunks(PLACES) {
            let of_these = Filter::In(rollup.by, some.iter().map(|id| Value::Id(*id)).collect());
            scan_all(&within, &of_these, &mut take)?;
            let matcher = Matcher::new(&all, &of_these)?;
            for child in &beside {
                if matcher.matches(child)? {
                    take(child)?;
                }
            }
        }
        record.work_out_as(rollup.id(), gathered.value(rollup.figure)?);
    }
    Ok(())
}

/// The records whose own count for one: itself, and in a tree those below it to which the reader sees the way.
/// Nothing where those are too many, or the reader does not see the tree.
fn places(sight: &Sight<'_>, rollup: &Rollup, id: RecordId) -> Result<Option<Vec<RecordId>>> {
    match rollup.tree {
        None => Ok(Some(vec![id])),
        Some(tree) if !sight.permit.shows(tree) => Ok(None),
        Some(tree) => branch_of(&Sight { alone: true, fields: None, language: None, ..*sight }, tree, id),
    }
}
