//! Links as their readers see them: one exists for whoever sees both of its ends, and for nobody else.
//!
//! What is looked at is whether the reader reaches the records at the ends, deleted or not: a link that stands
//! has ends that stand, and what is told of one of the past goes by the permissions of today.

use crate::access::{Permit, Read};
use crate::base::{Code, EntityId, Error, FieldId, RecordId, Result};
use crate::records::query::sight::Sight;
use crate::records::row::{load_envelope, load_many};
use crate::records::{Filter, Record};
use crate::schema::{Ends, Entity};
use crate::storage::{Keyspace, RangeRequest, continue_after, successor};

use crate::records::derived::link_of;

/// Links that are fetched at once.
const BATCH: usize = 64;

/// Whether a reader may fail to see the ends of records of an entity, so that each of them is looked at.
pub(super) fn may_hide_ends(sight: &Sight<'_>) -> bool {
    let Some(ends) = sight.entity.ends().filter(|_| !sight.permit.is_bootstrap()) else { return false };
    let reaches_all = |name: &String| {
        let permit = sight.registry.entity(name).ok().and_then(|entity| sight.permit_for(entity.id()));
        permit.is_some_and(Permit::<Read>::reaches_everything)
    };
    let fields = [ends.from, ends.to].into_iter().filter_map(|field| sight.entity.field_by_id(field));
    !fields.flat_map(|field| field.definition.kind.targets()).all(reaches_all)
}

/// Whether the reader sees both ends of a record, if it is a link.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn sees_ends(sight: &Sight<'_>, record: &Record) -> Result<bool> {
    let Some(ends) = sight.entity.ends().filter(|_| !sight.permit.is_bootstrap()) else { return Ok(true) };
    for field in [ends.from, ends.to] {
        let Some((entity, id)) = end_of(sight, record, field) else { return Ok(false) };
        let Some(permit) = sight.permit_for(entity) else { return Ok(false) };
        let envelope = load_envelope(sight.snapshot, entity, id)?;
        if !envelope.is_some_and(|envelope| permit.allows(id, &envelope.access_class())) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn end_of(sight: &Sight<'_>, record: &Record, field: FieldId) -> Option<(EntityId, RecordId)> {
    let kind = &sight.entity.field_by_id(field)?.definition.kind;
    let value = record.peek(field);
    let (name, id) = kind.references(&value).next()?;
    Some((sight.registry.entity(name).ok()?.id(), id))
}

/// The record at an end of a link, with its entity.
#[must_use]
pub fn end(entity: &Entity, link: &Record, field: FieldId) -> Option<(String, RecordId)> {
    let kind = &entity.field_by_id(field)?.definition.kind;
    let value = link.peek(field);
    kind.references(&value).next().map(|(name, id)| (name.to_owned(), id))
}

/// Which links of a record are walked through.
#[derive(Debug, Clone)]
pub struct LinkWalk {
    /// The record.
    pub of: RecordId,
    /// The ends at which it stands, in the order of the walk.
    pub sides: Vec<FieldId>,
    /// The last link that was looked at, and the end at which the record stood.
    pub after: Option<(FieldId, RecordId)>,
}

/// Hands the links of a record that the reader sees to a function, with the end at which the record stands,
/// until it says that it has enough. Those that the reader does not see, and those that a condition leaves
/// out, count as looked at; after so many looks the walk stops. Gives the last one that was looked at, if
/// there may be more. Links of other records are not read.
///
/// # Errors
/// `storage.conflict` for a stale permit, `access.field_not_permitted` where the reader does not see the
/// sides; `engine.cancelled`, `engine.deadline_exceeded`, and what the function gives.
pub fn walk_links(
    sight: &Sight<'_>,
    walk: &LinkWalk,
    looks: usize,
    visit: &mut dyn FnMut(FieldId, Record) -> Result<bool>,
) -> Result<Option<(FieldId, RecordId)>> {
    let ends = sight.entity.ends().ok_or_else(|| no_relation(sight.entity))?;
    sight.check(&Filter::Everything, [ends.from, ends.to].into_iter())?;
    let begun = walk.after.and_then(|(side, _)| walk.sides.iter().position(|known| *known == side));
    let mut left = looks.max(1);
    for side in walk.sides.iter().skip(begun.unwrap_or(0)) {
        let mut after = walk.after.filter(|(known, _)| known == side).map(|(_, id)| id);
        loop {
            sight.patience.check()?;
            let (ids, more) = next_links(sight, (walk.of, *side), after, BATCH.min(left))?;
            for (id, link) in ids.iter().zip(load_many(sight.snapshot, sight.entity.id(), &ids)?) {
                after = Some(*id);
                let Some(link) = link else { continue };
                if is_new(walk, ends, *side, &link) && is_seen(sight, &link)? && !visit(*side, link)? {
                    return Ok(Some((*side, *id)));
                }
            }
            left = left.saturating_sub(ids.len());
            match after.filter(|_| more) {
                Some(last) if left == 0 => return Ok(Some((*side, last))),
                Some(_) => {}
                None => break,
            }
        }
    }
    Ok(None)
}

/// A link of a record to itself stands at both ends, and is told once.
fn is_new(walk: &LinkWalk, ends: Ends, side: FieldId, link: &Record) -> bool {
    let first = walk.sides.first().copied();
    let itself = |field: FieldId| link.peek(field).as_id().or_else(|| link.peek(field).part("id").as_id());
    first == Some(side) || [ends.from, ends.to].into_iter().any(|field| itself(field) != Some(walk.of))
}

fn is_seen(sight: &Sight<'_>, link: &Record) -> Result<bool> {
    let reached = !link.is_deleted() && sight.permit.allows(link.id, &link.envelope.access_class());
    Ok(reached && sees_ends(sight, link)?)
}

/// The links that refer to a record by one field, behind one of them, and whether there are more.
pub(super) fn next_links(
    sight: &Sight<'_>,
    (of, side): (RecordId, FieldId),
    after: Option<RecordId>,
    most: usize,
) -> Result<(Vec<RecordId>, bool)> {
    let prefix = link_of(of, sight.entity.id(), side);
    let mut range = RangeRequest::prefix(Keyspace::Index, &prefix, most);
    if let Some(after) = after {
        range.low = successor(&[&prefix[..], after.as_bytes()].concat());
    }
    let mut ids = Vec::new();
    loop {
        let page = sight.snapshot.scan(&range)?;
        ids.extend(page.rows.iter().filter_map(|(key, _)| RecordId::from_suffix(key)));
        match page.rows.into_iter().last() {
            Some((last, _)) if page.more && ids.len() < most => continue_after(&mut range, last),
            _ => return Ok((ids, page.more)),
        }
    }
}

fn no_relation(entity: &Entity) -> Error {
    Error::new(Code::UnknownEntity).entity(&entity.api_name).rule("a relation")
}
