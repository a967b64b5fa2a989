//! The marks of records: which sharing rules they meet, and of which classes the records are that they belong to.
//!
//! Marks follow from a record and from what it refers to, so they are kept as everything derived is: every write gives a
//! record those that it is to have, whoever writes, and records that belong to one of another class now get theirs in
//! the same transaction. When a rule is new, the records that stand are marked in chunks; the position of that work is
//! part of its commits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::access::{AccessClass, MAX_PARENTS, Mark, Marks, NOBODY};
use crate::base::{
    Code, EntityId, Error, FieldId, MAX_AFFECTED_RECORDS, Patience, RecordId, Result, Timestamp, Value,
};
use crate::records::classes::{intern, interned};
use crate::records::codec::{Reader, damaged};
use crate::records::derived::{Index, links_by};
use crate::records::ordered::write_ordered;
use crate::records::reindex::next_records;
use crate::records::view::WriteView;
use crate::records::write::put_marked;
use crate::records::{Moment, Record, RecordFacts, WriteContext, row};
use crate::schema::Entity;
use crate::schema::expr::Expression;
use crate::storage::{Keyspace, RangeRequest, Snapshot};

/// Most records that one commit of a pass marks.
const MARK_CHUNK: u64 = 1_000;
/// What the position of a pass over the records of an entity lies under.
const PASS: &[u8] = b"access.pass.";

/// A reference by which records follow the access of others.
#[derive(Debug, Clone)]
pub struct Following {
    /// The label of its setting.
    pub label: u32,
    /// The entity whose records follow.
    pub entity: Arc<Entity>,
    /// The field by which they refer.
    pub field: FieldId,
    /// The entity that they refer to.
    pub parent: EntityId,
}

/// What gives records their marks, in the fields of one version of the registry.
#[derive(Debug, Default)]
pub struct Marking {
    rules: BTreeMap<EntityId, Vec<(u32, Expression)>>,
    following: Vec<Following>,
    /// Whether records keep marks that they had, too.
    keeping: bool,
    /// Where single shares lie: their entity, and the field by which they name the record.
    shares: Option<(EntityId, FieldId)>,
}

impl Marking {
    /// The criteria of rules with their labels, by entity, and the references by which records follow.
    #[must_use]
    pub fn new(rules: Vec<(EntityId, u32, Expression)>, following: Vec<Following>) -> Self {
        let mut marking = Self { following, ..Self::default() };
        for (entity, label, criteria) in rules {
            marking.rules.entry(entity).or_default().push((label, criteria));
        }
        marking
    }

    /// The same, that knows where single shares lie: their entity, and the field by which they name the record.
    #[must_use]
    pub fn with_shares(self, shares: Option<(EntityId, FieldId)>) -> Self {
        Self { shares, ..self }
    }

    /// The same, by which records keep the marks that they had: what a rule has opened is to be told apart from what
    /// another one will.
    #[must_use]
    pub fn keeping(&self) -> Self {
        let (rules, following) = (self.rules.clone(), self.following.clone());
        Self { rules, following, keeping: true, shares: self.shares }
    }

    /// The marks of a record. Criteria that cannot be worked out, or are unknown because a value is missing, are not
    /// met.
    fn marks_of(&self, snapshot: &dyn Snapshot, record: &Record) -> Result<Marks> {
        let mut marks: BTreeSet<Mark> = match self.keeping {
            true => record.envelope.marks.iter().filter(|mark| *mark != Mark::Restricted).collect(),
            false => BTreeSet::new(),
        };
        marks.extend(record.envelope.is_restricted().then_some(Mark::Restricted));
        for (label, criteria) in self.rules.get(&record.entity).into_iter().flatten() {
            let facts = RecordFacts { record, moment: Moment::ANY };
            if matches!(criteria.holds(&facts), Ok(Some(true))) {
                marks.insert(Mark::Rule(*label));
            }
        }
        for following in self.of_entity(record.entity) {
            let Some(beyond) = record.peek(following.field).as_id() else { continue };
            let envelope = row::load_envelope(snapshot, following.parent, beyond)?;
            if let Some(envelope) = envelope.filter(|envelope| envelope.deleted_at.is_none()) {
                marks.insert(Mark::Parent(following.label, envelope.class));
            }
        }
        Ok(Marks::new(marks))
    }

    /// The references by which records follow those of an entity.
    fn followers(&self, entity: EntityId) -> impl Iterator<Item = &Following> {
        self.following.iter().filter(move |known| known.parent == entity)
    }
}

/// Whether a change of a record may let others reach it, or what follows it, otherwise because something beyond is shared
/// singly: it comes or goes, is of another class, or follows another record.
pub(super) fn moves_followed(
    view: &WriteView<'_>,
    context: &WriteContext,
    (old, new): (Option<&Record>, &Record),
) -> Result<bool> {
    let marking = &context.marking;
    let live = |record: &&Record| !record.is_deleted();
    let (was, is) = (old.filter(live), Some(new).filter(live));
    let moved = was.map(|was| was.envelope.class) != is.map(|is| is.envelope.class);
    // Of one that is new nothing is shared yet.
    if moved && old.is_some() && marking.followers(new.entity).next().is_some() {
        let place = (new.entity, new.id, new.envelope.partition);
        if marking.is_shared(view, place)? {
            return Ok(true);
        }
    }
    for following in marking.of_entity(new.entity) {
        let beyond = |record: Option<&Record>| record.and_then(|record| record.peek(following.field).as_id());
        let (from, to) = (beyond(was), beyond(is));
        if !moved && from == to {
            continue;
        }
        for beyond in BTreeSet::from([from, to]).into_iter().flatten() {
            if marking.is_shared_above(view, (following.parent, beyond, new.envelope.partition), 0)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

impl Marking {
    fn of_entity(&self, entity: EntityId) -> impl Iterator<Item = &Following> {
        self.following.iter().filter(move |known| known.entity.id() == entity)
    }

    /// Whether a record of a partition is shared singly with anybody, be it that the share has ended.
    fn is_shared(&self, view: &WriteView<'_>, (_, id, partition): (EntityId, RecordId, u32)) -> Result<bool> {
        let Some((entity, field)) = self.shares else { return Ok(false) };
        let class = AccessClass { partition, unit: None, owner: NOBODY, marks: Marks::default() };
        let Some(class) = interned(view, &class)? else { return Ok(false) };
        let mut prefix = Index { entity, field }.prefix(class);
        write_ordered(&mut prefix, &Value::from(id.to_string().as_str()));
        Ok(!view.scan(&RangeRequest::prefix(Keyspace::Index, &prefix, 1))?.rows.is_empty())
    }

    /// Whether it is, or a record that it follows.
    fn is_shared_above(
        &self,
        view: &WriteView<'_>,
        place: (EntityId, RecordId, u32),
        depth: usize,
    ) -> Result<bool> {
        if depth > MAX_PARENTS || self.is_shared(view, place)? {
            return Ok(true);
        }
        let (entity, id, partition) = place;
        if self.of_entity(entity).next().is_none() {
            return Ok(false);
        }
        let Some(record) = row::load(view, entity, id)? else { return Ok(false) };
        for following in self.of_entity(entity) {
            let Some(beyond) = record.peek(following.field).as_id() else { continue };
            let above = (following.parent, beyond, partition);
            if self.is_shared_above(view, above, depth.saturating_add(1))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Gives a record that is about to be stored the marks that it is to have, and says whether they are other ones.
pub(super) fn mark(view: &WriteView<'_>, context: &WriteContext, record: &mut Record) -> Result<bool> {
    let marks = context.marking.marks_of(view, record)?;
    let others = marks != record.envelope.marks;
    if others {
        record.envelope.marks = marks;
    }
    Ok(others)
}

/// Marks the records anew that follow one whose class has changed, and those that follow these.
///
/// # Errors
/// `input.limit_exceeded` where they are more than 10,000; `storage.damaged`, `storage.io`.
pub(super) fn mark_followers(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    (entity, id): (&Entity, RecordId),
) -> Result<()> {
    let mut waiting = VecDeque::from([(entity.id(), id)]);
    let mut changed = 0_usize;
    while let Some((parent, beyond)) = waiting.pop_front() {
        for following in context.marking.followers(parent) {
            let place = (following.entity.id(), following.field);
            let most = MAX_AFFECTED_RECORDS.saturating_add(1);
            for id in links_by(view, beyond, place, most)? {
                if !remark(view, context, &following.entity, id)? {
                    continue;
                }
                changed = changed.saturating_add(1);
                if changed > MAX_AFFECTED_RECORDS {
                    let rule = format!("at most {MAX_AFFECTED_RECORDS} records follow the access of another");
                    return Err(Error::new(Code::LimitExceeded).entity(&entity.api_name).rule(&rule));
                }
                waiting.push_back((following.entity.id(), id));
            }
        }
    }
    Ok(())
}

/// Gives a live record the marks that it is to have, and says whether its class is another one now.
fn remark(view: &mut WriteView<'_>, context: &WriteContext, entity: &Entity, id: RecordId) -> Result<bool> {
    let Some(old) = row::load(view, entity.id(), id)?.filter(|old| !old.is_deleted()) else {
        return Ok(false);
    };
    let mut new = old.clone();
    if !mark(view, context, &mut new)? {
        return Ok(false);
    }
    new.envelope.class = intern(view, &new.envelope.access_class())?;
    let _ = put_marked(view, context, entity, &old, new)?;
    Ok(true)
}

/// How far a pass over the records of an entity has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkingPass {
    /// The record at which it stands.
    at: RecordId,
    /// Records that it has looked at.
    pub done: u64,
    /// The moment at which the first rule or reference was made for which it is; those before it are carried through.
    pub since: Timestamp,
}

impl MarkingPass {
    fn key(entity: EntityId) -> Vec<u8> {
        [PASS, &entity.number().to_be_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let (at, done) = (RecordId::from_bytes(reader.array()?), u64::from_be_bytes(reader.array()?));
        Ok(Self { at, done, since: Timestamp::from_micros(i64::from_be_bytes(reader.array()?)) })
    }

    /// The pass over the records of an entity, if one is to be made.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn of(snapshot: &dyn Snapshot, entity: EntityId) -> Result<Option<Self>> {
        snapshot.get(Keyspace::Meta, &Self::key(entity))?.map(|bytes| Self::decode(&bytes)).transpose()
    }

    /// Lets a pass over the records of an entity begin with the first one, whether or not one is being made.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn begin(view: &mut WriteView<'_>, entity: EntityId, since: Timestamp) -> Result<()> {
        let since = Self::of(view, entity)?.map_or(since, |standing| standing.since.min(since));
        Self { at: RecordId::from_bytes([0; 16]), done: 0, since }.stand(view, entity);
        Ok(())
    }

    /// Makes none over the records of an entity.
    pub fn forget(view: &mut WriteView<'_>, entity: EntityId) {
        view.remove(Keyspace::Meta, Self::key(entity));
    }

    fn stand(self, view: &mut WriteView<'_>, entity: EntityId) {
        let Self { at, done, since } = self;
        let stands = [&at.as_bytes()[..], &done.to_be_bytes(), &since.micros().to_be_bytes()].concat();
        view.put(Keyspace::Meta, Self::key(entity), stands);
    }

    /// The entities over whose records one is to be made.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.io`.
    pub fn pending(snapshot: &dyn Snapshot, most: usize) -> Result<Vec<EntityId>> {
        let page = snapshot.scan(&RangeRequest::prefix(Keyspace::Meta, PASS, most))?;
        let number = |key: &[u8]| key.last_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes));
        page.rows.iter().map(|(key, _)| number(key).map(EntityId::new).ok_or_else(damaged)).collect()
    }
}

/// What a chunk of a pass came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marked {
    /// Records that it looked at.
    pub looked_at: u64,
    /// Records that are marked otherwise now.
    pub changed: u64,
    /// Whether it was the last one.
    pub finished: bool,
}

/// Marks the next records of an entity. With the last one a pass over the records begins that follow them: until it has
/// come to one, that one follows the class that the record beyond was of, which opens nothing more, since a pass only
/// adds marks of rules that are new and takes away those of rules that are gone.
///
/// # Errors
/// `storage.damaged`, `storage.io`, `engine.cancelled`.
pub fn mark_chunk(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    entity: &Entity,
    most: u64,
    patience: &Patience,
) -> Result<Marked> {
    let Some(pass) = MarkingPass::of(view, entity.id())? else {
        return Ok(Marked { finished: true, ..Marked::default() });
    };
    let most = usize::try_from(most.clamp(1, MARK_CHUNK)).unwrap_or(1);
    let (records, more) = next_records(view, entity, (pass.at, most), patience)?;
    let looked_at = u64::try_from(records.len()).unwrap_or(u64::MAX);
    let mut marked = Marked { looked_at, finished: !more, ..Marked::default() };
    for record in &records {
        marked.changed = marked.changed.saturating_add(u64::from(remark(view, context, entity, record.id)?));
    }
    match records.last().filter(|_| more) {
        Some(last) => {
            let done = pass.done.saturating_add(looked_at);
            MarkingPass { at: last.id, done, ..pass }.stand(view, entity.id());
        }
        None => {
            MarkingPass::forget(view, entity.id());
            for following in context.marking.followers(entity.id()) {
                MarkingPass::begin(view, following.entity.id(), context.stamp.at())?;
            }
        }
    }
    Ok(marked)
}
