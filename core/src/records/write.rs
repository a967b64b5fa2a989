//! Create, change and delete: the permit checked against both images, everything derived kept in step.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{ActionKind, Assign, Create, Delete, Permit, Update};
use crate::base::{Code, EntityId, Error, FieldId, RecordId, Result, Stamp, Value};
use crate::records::attachments::{Emptied, remove_all};
use crate::records::classes::{Staleness, intern};
use crate::records::derived::{
    Derived, add_to_counter, derive, for_each_link, is_unfinished, live_counter, number_counter,
};
use crate::records::envelope::{ENTERED, LOCK, MARKED};
use crate::records::holds::{Holds, check_unheld};
use crate::records::ledger::{EntryKind, FieldChange, PendingEntry};
use crate::records::marking::{Marking, mark, mark_followers, moves_followed};
use crate::records::rollup::{move_figure_keys, move_rollups};
use crate::records::tally::move_tallies;
use crate::records::temporal::{forget_versions, keep_version};
use crate::records::unique::{field_of, rule_of, told_fields};
use crate::records::validity::check_validity;
use crate::records::view::WriteView;
use crate::records::{Envelope, Record, row};
use crate::schema::{Entity, Field, UniqueRule};
use crate::storage::{Keyspace, Snapshot};

/// Who changes, when and why.
#[derive(Debug, Clone)]
pub struct WriteContext {
    /// Who.
    pub actor: RecordId,
    /// For whom, if for somebody else.
    pub on_behalf_of: Option<RecordId>,
    /// By which verb, import or plugin.
    pub cause: String,
    /// When.
    pub stamp: Stamp,
    /// The registry's version.
    pub schema_version: u32,
    /// What changes of this entity make stale.
    pub stales: Staleness,
    /// The fields that the caller named. What rules set beside them they set in their own right, so only
    /// these are held against the permit's mask.
    pub named: BTreeSet<FieldId>,
    /// What gives records their marks.
    pub marking: Arc<Marking>,
    /// What is kept whatever anybody asks.
    pub holds: Arc<dyn Holds>,
}

/// Stores a new record; class and record number are given here, and so is the subject of one that is a person. Any other
/// has the subject that it comes with: the person of whom it tells, under whose key its history is sealed.
///
/// # Errors
/// `access.not_permitted` if owner and unit are out of the permit's reach, `schema.required`,
/// `schema.not_unique`, `storage.conflict` for a stale permit.
pub fn create(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    permit: &Permit<Create>,
    entity: &Entity,
    mut record: Record,
) -> Result<Record> {
    permit.check(entity.id(), view.epoch())?;
    permit.check_actor(context.actor)?;
    if !permit.allows(record.id, &record.envelope.access_class()) {
        return Err(Error::new(Code::NotPermitted).entity(&entity.api_name).rule("create for this owner"));
    }
    check_shown(entity, &context.named, permit, &record)?;
    check_required(entity, &record)?;
    mark(view, context, &mut record)?;
    record.envelope.class = intern(view, &record.envelope.access_class())?;
    record.envelope.record_number = add_to_counter(view, number_counter(entity.id()), 1)?;
    if entity.definition.data_subject {
        record.envelope.subject = Some(record.id);
    }
    let changes = everything(&record);
    link(view, None, &mut record);
    apply(view, context, (entity, &|field| permit.shows(field)), None, &record)?;
    enter(view, context, EntryKind::Create, (&record, None), changes);
    Ok(record)
}

/// Stores a changed record. Changing owner or unit needs a permit to assign.
///
/// # Errors
/// As [`create`]; `record.version_conflict` if the stored record is not `old`.
pub fn update(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    permit: &Permit<Update>,
    assign: Option<&Permit<Assign>>,
    entity: &Entity,
    old: &Record,
    mut new: Record,
) -> Result<Record> {
    permit.check(entity.id(), view.epoch())?;
    permit.check_actor(context.actor)?;
    check_current(view, entity, old)?;
    if !permit.allows(old.id, &old.envelope.access_class()) {
        return Err(Error::new(Code::NotPermitted).entity(&entity.api_name).record(old.id).rule("update"));
    }
    let given = !new.envelope.access_class().is_placed_as(&old.envelope.access_class());
    if given {
        check_assign(view, entity, assign, old, &new)?;
    }
    if mark(view, context, &mut new)? || given {
        new.envelope.class = intern(view, &new.envelope.access_class())?;
    }
    let changes = differences(old, &new);
    check_shown(entity, &context.named, permit, old)?;
    check_required(entity, &new)?;
    if changes.is_empty() && new.envelope == old.envelope {
        return Ok(new);
    }
    if is_marked_alone(old, &new, &changes) {
        // A rule has changed, and the pass over the records has not come to this one; nobody changed the record.
        let new = put_marked(view, context, entity, old, new)?;
        mark_followers(view, context, (entity, new.id))?;
        return Ok(new);
    }
    // What a record is marked by follows from it, and from what others say of it.
    if changes.iter().any(|change| !LOCK.contains(&change.field) && change.field != MARKED) {
        check_unlocked(permit, entity, old)?;
    }
    renew(context, old, &mut new, &changes);
    let previous = link(view, Some(old), &mut new);
    apply(view, context, (entity, &|field| permit.shows(field)), Some(old), &new)?;
    enter(view, context, EntryKind::Update, (&new, previous), changes);
    if new.envelope.class != old.envelope.class {
        mark_followers(view, context, (entity, new.id))?;
    }
    Ok(new)
}

/// Deletes a record softly: it leaves every list and index, and its row stays until it is purged. Records
/// that the same transaction deletes, before this one or after it, may refer to it.
///
/// # Errors
/// `record.referenced` while another record refers to it; `record.legal_hold`; as [`update`].
pub fn delete(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    permit: &Permit<Delete>,
    entity: &Entity,
    old: &Record,
    going: &BTreeSet<RecordId>,
) -> Result<()> {
    permit.check(entity.id(), view.epoch())?;
    permit.check_actor(context.actor)?;
    check_current(view, entity, old)?;
    check_deletes(permit, entity, old)?;
    check_unlocked(permit, entity, old)?;
    check_unheld(view, context.holds.as_ref(), entity, old)?;
    // A record's references to itself go with it.
    for_each_link(view, old.id, &mut |link| {
        if link.source == old.id || going.contains(&link.source) {
            return Ok(());
        }
        Err(Error::new(Code::Referenced).entity(&entity.api_name).record(old.id))
    })?;
    let mut new = old.clone();
    renew(context, old, &mut new, &[]);
    new.envelope.deleted_at = Some(context.stamp.at());
    let previous = link(view, Some(old), &mut new);
    apply(view, context, (entity, &|field| permit.shows(field)), Some(old), &new)?;
    enter(view, context, EntryKind::Delete, (&new, previous), Vec::new());
    Ok(())
}

/// Refuses who may not delete a record, before it is looked at what refers to it.
///
/// # Errors
/// `access.not_permitted`.
pub fn check_deletes(permit: &Permit<Delete>, entity: &Entity, old: &Record) -> Result<()> {
    match permit.allows(old.id, &old.envelope.access_class()) {
        true => Ok(()),
        false => Err(Error::new(Code::NotPermitted).entity(&entity.api_name).record(old.id).rule("delete")),
    }
}

/// Brings a deleted record back: it is in every list, index and counter again, as it was. Its entry in the
/// ledger is a change that says the record is no longer deleted.
///
/// # Errors
/// `record.not_found` for a record that is not there, is not deleted, or is out of reach;
/// `schema.required`, `schema.not_unique` where another record has taken a value that is unique.
pub fn undelete(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    permit: &Permit<Delete>,
    entity: &Entity,
    old: &Record,
    mut new: Record,
) -> Result<()> {
    permit.check(entity.id(), view.epoch())?;
    permit.check_actor(context.actor)?;
    let missing = || Error::new(Code::RecordNotFound).entity(&entity.api_name).record(old.id);
    let stored = row::load(view, entity.id(), old.id)?.ok_or_else(missing)?;
    if !stored.is_deleted() || stored.envelope.version != old.envelope.version {
        return Err(missing());
    }
    if !permit.allows(old.id, &old.envelope.access_class()) {
        return Err(Error::new(Code::NotPermitted).entity(&entity.api_name).record(old.id).rule("undelete"));
    }
    new.envelope.deleted_at = None;
    // What it belongs to may be of another class by now.
    if mark(view, context, &mut new)? {
        let class = new.envelope.access_class();
        if !permit.allows(new.id, &class) {
            return Err(missing());
        }
        new.envelope.class = intern(view, &class)?;
    }
    check_required(entity, &new)?;
    let changes = differences(old, &new);
    renew(context, old, &mut new, &changes);
    let previous = link(view, Some(old), &mut new);
    apply(view, context, (entity, &|field| permit.shows(field)), Some(old), &new)?;
    enter(view, context, EntryKind::Update, (&new, previous), changes);
    // What refers to it may have come back before it.
    mark_followers(view, context, (entity, new.id))
}

/// Stores what the engine has worked out anew of a live record, WITHOUT a permit: whoever changed the definition
/// changed it for all records. A lock does not hold it back, since nobody says anything new of the record.
pub(super) fn put_worked_out(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    entity: &Entity,
    old: &Record,
    mut new: Record,
) -> Result<()> {
    if differences(old, &new).is_empty() {
        return Ok(());
    }
    if mark(view, context, &mut new)? {
        new.envelope.class = intern(view, &new.envelope.access_class())?;
    }
    let moved = new.envelope.class != old.envelope.class;
    let changes = differences(old, &new);
    renew(context, old, &mut new, &changes);
    let previous = link(view, Some(old), &mut new);
    apply(view, context, (entity, &|_| true), Some(old), &new)?;
    enter(view, context, EntryKind::Update, (&new, previous), changes);
    if moved { mark_followers(view, context, (entity, old.id)) } else { Ok(()) }
}

/// Stores a live record of which nothing but its marks, and with them its class, is new, WITHOUT a permit. A lock does
/// not hold it back. Its version, and when and by whom it was changed, stay: what is entered is that it was marked.
pub(super) fn put_marked(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    entity: &Entity,
    old: &Record,
    mut new: Record,
) -> Result<Record> {
    let changes = differences(old, &new);
    let previous = link(view, Some(old), &mut new);
    new.envelope.marked_behind = marked_behind(&old.envelope, new.envelope.newest_entry);
    apply(view, context, (entity, &|_| true), Some(old), &new)?;
    enter(view, context, EntryKind::Mark, (&new, previous), changes);
    Ok(new)
}

/// What a record that is marked anew says of the entry that made its version, where the position of the new entry is
/// known.
pub(super) fn marked_behind(old: &Envelope, newest: Option<u64>) -> Option<u64> {
    newest.map(|_| old.version_entry().unwrap_or(0))
}

/// Whether nothing of a record is new but its marks and its class.
fn is_marked_alone(old: &Record, new: &Record, changes: &[FieldChange]) -> bool {
    let mut unmarked = new.envelope.clone();
    (unmarked.marks, unmarked.class) = (old.envelope.marks.clone(), old.envelope.class);
    unmarked == old.envelope && changes.iter().all(|change| change.field == MARKED)
}

/// Empties a record for ever: no value, name, key or tag of it stays, only that it was. It is deleted
/// first if it is not yet. Its attachments go with it. The key of its history, and the files that are
/// given back, are the caller's to destroy once this is durable.
///
/// # Errors
/// As [`delete`].
pub fn erase(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    permit: &Permit<Delete>,
    entity: &Entity,
    id: RecordId,
    going: &BTreeSet<RecordId>,
) -> Result<Emptied> {
    let missing = || Error::new(Code::RecordNotFound).entity(&entity.api_name).record(id);
    let old = row::load(view, entity.id(), id)?.ok_or_else(missing)?;
    permit.check(entity.id(), view.epoch())?;
    if !permit.allows(old.id, &old.envelope.access_class()) {
        return Err(missing());
    }
    if old.is_deleted() {
        check_unheld(view, context.holds.as_ref(), entity, &old)?;
    } else {
        delete(view, context, permit, entity, &old, going)?;
    }
    let deleted = row::load(view, entity.id(), id)?.ok_or_else(missing)?;
    let emptied = remove_all(view, entity.id(), id)?;
    let mut empty = deleted.clone().emptied();
    let previous = link(view, Some(&deleted), &mut empty);
    row::put(view, true, &empty, context.schema_version)?;
    forget_versions(view, entity, id, None)?;
    enter(view, context, EntryKind::Erase, (&empty, previous), Vec::new());
    Ok(emptied)
}

/// Enters something into the ledger that changes no record: a sign-in, a schema change, a plugin.
pub fn note(view: &mut WriteView<'_>, context: &WriteContext, kind: EntryKind, about: RecordId, text: &str) {
    let change = FieldChange { field: FieldId::new(0), old: Value::Null, new: Value::Text(text.to_owned()) };
    enter_note(view, context, &Note { kind, entity: EntityId::new(0), record: about, changes: vec![change] });
}

/// What an entry says that changes no record.
#[derive(Debug, Clone)]
pub struct Note {
    /// The kind.
    pub kind: EntryKind,
    /// The entity; 0 for none.
    pub entity: EntityId,
    /// The record, or zeros.
    pub record: RecordId,
    /// What it says, under numbers among those of fields.
    pub changes: Vec<FieldChange>,
}

/// Enters something that changes no record.
pub fn enter_note(view: &mut WriteView<'_>, context: &WriteContext, note: &Note) {
    view.record_entry(PendingEntry {
        kind: note.kind,
        stamp: context.stamp,
        actor: context.actor,
        on_behalf_of: context.on_behalf_of,
        cause: context.cause.clone(),
        schema_version: context.schema_version,
        entity: note.entity,
        record: note.record,
        subject: None,
        previous: None,
        changes: note.changes.clone(),
    });
}

/// Gives a changed record the version, time and author of its change.
fn renew(context: &WriteContext, old: &Record, new: &mut Record, changes: &[FieldChange]) {
    let envelope = &mut new.envelope;
    envelope.version = old.envelope.version.saturating_add(1);
    envelope.marked_behind = None;
    envelope.modified = context.stamp;
    envelope.modified_by = context.actor;
    envelope.field_clocks.extend(changes.iter().map(|change| (change.field, context.stamp)));
}

/// Refuses to change a record that somebody has locked, whoever it was. What the engine itself keeps up, such as the
/// top of a tree, it keeps up there too.
pub(super) fn check_unlocked<A: ActionKind>(
    permit: &Permit<A>,
    entity: &Entity,
    record: &Record,
) -> Result<()> {
    if record.envelope.locked_by.is_none() || permit.is_bootstrap() {
        return Ok(());
    }
    Err(Error::new(Code::RecordLocked).entity(&entity.api_name).record(record.id).rule("locked by a person"))
}

fn check_shown<A: ActionKind>(
    entity: &Entity,
    named: &BTreeSet<FieldId>,
    permit: &Permit<A>,
    record: &Record,
) -> Result<()> {
    let class = record.envelope.access_class();
    for field in named {
        let name = entity.field_by_id(*field).map_or("", |field| field.api_name.as_str());
        permit.check_sets(&class, *field, name).map_err(|error| error.entity(&entity.api_name))?;
    }
    Ok(())
}

fn check_required(entity: &Entity, record: &Record) -> Result<()> {
    let missing =
        entity.fields().iter().find(|field| field.is_required() && record.peek(field.id()).is_null());
    match missing {
        Some(field) => Err(Error::new(Code::Required).entity(&entity.api_name).field(&field.api_name)),
        None => Ok(()),
    }
}

fn check_current(view: &WriteView<'_>, entity: &Entity, old: &Record) -> Result<()> {
    let stored = row::load(view, entity.id(), old.id)?;
    // To be marked anew leaves the version as it is, and gives another class, and another entry.
    let row_of = |envelope: &Envelope| (envelope.version, envelope.newest_entry, envelope.class);
    match stored {
        Some(stored) if row_of(&stored.envelope) == row_of(&old.envelope) && !stored.is_deleted() => Ok(()),
        _ => Err(Error::new(Code::VersionConflict).entity(&entity.api_name).record(old.id)),
    }
}

fn check_assign(
    view: &WriteView<'_>,
    entity: &Entity,
    assign: Option<&Permit<Assign>>,
    old: &Record,
    new: &Record,
) -> Result<()> {
    let refused = || Error::new(Code::NotPermitted).entity(&entity.api_name).record(old.id).rule("assign");
    let permit = assign.ok_or_else(refused)?;
    permit.check(entity.id(), view.epoch())?;
    let reached = permit.allows(old.id, &old.envelope.access_class())
        && permit.allows(new.id, &new.envelope.access_class());
    if reached { Ok(()) } else { Err(refused()) }
}

/// Everything that a new record says, so that the ledger alone can make it anew.
fn everything(record: &Record) -> Vec<FieldChange> {
    let said = record.entered_values();
    said.map(|(field, new)| FieldChange { field, old: Value::Null, new }).collect()
}

fn differences(old: &Record, new: &Record) -> Vec<FieldChange> {
    let mut fields: BTreeSet<FieldId> = old.values.fields().chain(new.values.fields()).collect();
    fields.extend(ENTERED.map(|(field, _)| field));
    let changed = fields.into_iter().filter_map(|field| {
        let (before, after) = (old.peek(field), new.peek(field));
        let differ = before != after;
        differ.then(|| FieldChange { field, old: before.into_owned(), new: after.into_owned() })
    });
    changed.collect()
}

/// Stores the row and brings indexes, unique keys, counters and rollups from the old image to the new. An error
/// names no field that its reader may not see.
fn apply(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    (entity, shows): (&Entity, &dyn Fn(FieldId) -> bool),
    old: Option<&Record>,
    new: &Record,
) -> Result<()> {
    if let Some(field) = entity.held() {
        let refused = Error::new(Code::NewerFormat).entity(&entity.api_name).field(field);
        return Err(refused.rule("records have keys by it that only a newer version makes"));
    }
    let before = old.map(|old| derive(entity, old)).unwrap_or_default();
    let after = derive(entity, new);
    for (key, value) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
        // While a unique rule is being built, another record may have what this one has.
        if !is_unfinished(entity, key.0, &key.1) || view.get(key.0, &key.1)?.as_ref() == Some(value) {
            view.remove(key.0, key.1.clone());
        }
    }
    check_unique(view, (entity, shows), new, &before, &after)?;
    check_validity(view, entity, old, new)?;
    for (key, value) in after.into_iter().filter(|(key, value)| before.get(key) != Some(value)) {
        view.put(key.0, key.1, value);
    }
    let counted = |record: &&Record| !record.is_deleted();
    let old_class = old.filter(counted).map(|record| record.envelope.class);
    let new_class = Some(new).filter(counted).map(|record| record.envelope.class);
    if old_class != new_class {
        if let Some(class) = old_class {
            add_to_counter(view, live_counter(entity.id(), class), -1)?;
        }
        if let Some(class) = new_class {
            add_to_counter(view, live_counter(entity.id(), class), 1)?;
        }
    }
    move_tallies(view, entity, old, Some(new))?;
    move_rollups(view, entity, old, new)?;
    move_figure_keys(view, entity, old, new)?;
    row::put(view, old.is_some(), new, context.schema_version)?;
    // One that was marked anew is of the version that it was.
    if old.is_none_or(|old| old.envelope.version != new.envelope.version) {
        keep_version(view, entity, new);
    }
    view.outdate(context.stales);
    if moves_followed(view, context, (old, new))? {
        view.outdate(Staleness::Permits);
    }
    Ok(())
}

fn check_unique(
    view: &WriteView<'_>,
    (entity, shows): (&Entity, &dyn Fn(FieldId) -> bool),
    record: &Record,
    before: &Derived,
    after: &Derived,
) -> Result<()> {
    let fresh = after.keys().filter(|key| key.0 == Keyspace::Unique && !before.contains_key(*key));
    for (keyspace, key) in fresh {
        let holder = view.get(*keyspace, key)?.and_then(|id| RecordId::from_suffix(&id));
        if let Some(holder) = holder.filter(|holder| *holder != record.id) {
            let by =
                rule_of(entity, key).map(UniqueRule::id).or_else(|| field_of(entity, key).map(Field::id));
            return Err(not_unique((entity, shows), record, key).held_by(holder, by));
        }
    }
    Ok(())
}

/// Another record has the key of this one.
fn not_unique((entity, shows): (&Entity, &dyn Fn(FieldId) -> bool), record: &Record, key: &[u8]) -> Error {
    let error = Error::new(Code::NotUnique).entity(&entity.api_name);
    let Some(rule) = rule_of(entity, key) else { return error.field(&unique_field(entity, record, key)) };
    let error = error.rule(&rule.definition.api_name());
    match told_fields(entity, rule, shows) {
        none if none.is_empty() => error,
        names => error.field(&names),
    }
}

/// The name of the field whose unique key this is, or `external_id`.
fn unique_field(entity: &Entity, record: &Record, key: &[u8]) -> String {
    let is_it = |field: &&crate::schema::Field| {
        field.definition.unique && row::unique_key(entity.id(), field.id(), &record.peek(field.id())) == key
    };
    entity
        .fields()
        .iter()
        .find(is_it)
        .map_or_else(|| "external_id".to_owned(), |field| field.api_name.clone())
}

/// Links a row to the entry that is about to be entered, and gives the record's entry before it.
pub(super) fn link(view: &WriteView<'_>, old: Option<&Record>, new: &mut Record) -> Option<u64> {
    new.envelope.newest_entry = view.next_position();
    old.and_then(|old| old.envelope.newest_entry)
}

/// Enters what was done to a record, with the position of the record's entry before it.
pub(super) fn enter(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    kind: EntryKind,
    (record, previous): (&Record, Option<u64>),
    changes: Vec<FieldChange>,
) {
    view.record_entry(PendingEntry {
        kind,
        stamp: context.stamp,
        actor: context.actor,
        on_behalf_of: context.on_behalf_of,
        cause: context.cause.clone(),
        schema_version: context.schema_version,
        entity: record.entity,
        record: record.id,
        subject: record.envelope.subject,
        previous,
        changes,
    });
}
