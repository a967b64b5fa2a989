//! What a record was: the entries of its own, newest first, and its state at any of them.
//!
//! Each entry of a record names the one before it, and the row names the newest, so a walk reads the
//! record's own entries and no others. Where a link is missing, because an older version wrote the entry or
//! the row, the ledger is searched backwards up to the next entry of the record. A state is made from the
//! row by taking back what the entries after it did; of a person who was forgotten the entries still say
//! which fields had a value, and no longer which.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Code, Error, FieldId, Patience, RecordId, Result, Stamp, Timestamp, Value};
use crate::records::envelope::DELETED;
use crate::records::ledger::{decode_header, open_entry};
use crate::records::view::Sealer;
use crate::records::{EntryKind, FieldChange, LedgerEntry, Moment, Record};
use crate::schema::Entity;
use crate::storage::{LogEntry, Snapshot};

/// Entries of one read, where the ledger is searched.
const PAGE: u64 = 500;

/// A place in the history of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// After everything that was committed up to this moment, to the millisecond of the ledger's clock.
    Time(Timestamp),
    /// After the entry of the ledger at this position; 0 is before the first.
    Position(u64),
}

impl At {
    /// Whether an entry had been made by then.
    #[must_use]
    pub fn covers(self, position: u64, stamp: Stamp) -> bool {
        match self {
            Self::Time(moment) => stamp.at() <= moment,
            Self::Position(newest) => position <= newest,
        }
    }
}

/// A value that a field had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PastValue {
    /// This one; [`Value::Null`] for none.
    Known(Value),
    /// One that nobody can tell any more, since the person whose it was has been forgotten.
    Erased,
}

/// What an entry did to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionKind {
    /// It created the record.
    Created,
    /// It changed the record.
    Updated,
    /// It deleted the record.
    Deleted,
    /// It brought the deleted record back.
    Undeleted,
    /// It forgot the person.
    Erased,
}

impl VersionKind {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "create",
            Self::Updated => "update",
            Self::Deleted => "delete",
            Self::Undeleted => "undelete",
            Self::Erased => "erase",
        }
    }

    /// Whether the record is there after it.
    fn leaves_record(self) -> bool {
        matches!(self, Self::Created | Self::Updated | Self::Undeleted)
    }
}

/// One field that an entry changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastChange {
    /// The field, or a number of the envelope.
    pub field: FieldId,
    /// Before.
    pub old: PastValue,
    /// After.
    pub new: PastValue,
}

/// One entry of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordVersion {
    /// Its position in the ledger.
    pub position: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: RecordId,
    /// For whom.
    pub on_behalf_of: Option<RecordId>,
    /// By which verb, import or plugin.
    pub cause: String,
    /// What it did.
    pub kind: VersionKind,
    /// Which values it changed.
    pub changes: Vec<PastChange>,
}

/// A record as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastState {
    /// The position of the entry that made this version, where that is known without a search.
    pub position: Option<u64>,
    /// When that was.
    pub modified_at: Timestamp,
    /// Who that was.
    pub modified_by: RecordId,
    /// Its version then: 1 at creation, one more with every change.
    pub version: u64,
    /// The values that it had, facts of the envelope among them.
    pub values: BTreeMap<FieldId, PastValue>,
    /// The record as it was then, for conditions; nothing where its person was forgotten.
    pub record: Option<Record>,
}

/// Where a walk goes on.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// At this entry.
    At(u64),
    /// At the record's newest entry before this position.
    Before(u64),
    /// The record was created.
    End,
}

/// An entry of the record, and which fields it changes.
struct Step {
    entry: LogEntry,
    header: LedgerEntry,
    kind: VersionKind,
    /// Whether it marked the record anew, which makes no version.
    is_marking: bool,
    fields: Vec<FieldId>,
}

impl Step {
    fn of(entry: LogEntry) -> Result<Self> {
        let (header, commitments) = decode_header(&entry)?;
        let fields = commitments.fields();
        let kind = match header.kind {
            EntryKind::Create => VersionKind::Created,
            EntryKind::Delete => VersionKind::Deleted,
            EntryKind::Erase => VersionKind::Erased,
            _ if fields.contains(&DELETED) => VersionKind::Undeleted,
            _ => VersionKind::Updated,
        };
        let is_marking = header.kind == EntryKind::Mark;
        Ok(Self { entry, header, kind, is_marking, fields })
    }
}

/// The entries of one record, newest first.
struct Chain<'a> {
    snapshot: &'a dyn Snapshot,
    patience: &'a Patience,
    record: &'a Record,
    next: Next,
    /// Entries that were read so far.
    read: u64,
}

impl<'a> Chain<'a> {
    fn of(snapshot: &'a dyn Snapshot, record: &'a Record, patience: &'a Patience) -> Result<Self> {
        let next = match record.envelope.newest_entry {
            Some(newest) => Next::At(newest),
            None => Next::Before(snapshot.head()?.position.saturating_add(1)),
        };
        Ok(Self { snapshot, patience, record, next, read: 0 })
    }

    fn next(&mut self) -> Result<Option<Step>> {
        self.patience.check()?;
        let step = match self.next {
            Next::End => return Ok(None),
            Next::At(position) => self.read(position)?,
            Next::Before(position) => self.search(position)?,
        };
        self.next = match (step.kind, step.header.previous) {
            (VersionKind::Created, _) => Next::End,
            (_, Some(previous)) => Next::At(previous),
            (_, None) => Next::Before(step.entry.position),
        };
        Ok(Some(step))
    }

    /// The next entry that made a version.
    fn next_version(&mut self) -> Result<Option<Step>> {
        loop {
            match self.next()? {
                Some(step) if step.is_marking => {}
                step => return Ok(step),
            }
        }
    }

    /// Whether an entry behind a position changed a field, as far as the links between entries lead.
    fn changes(mut self, field: FieldId, since: u64) -> Result<bool> {
        while let Next::At(position) = self.next
            && position > since
        {
            match self.next()? {
                Some(step) if step.fields.contains(&field) => return Ok(true),
                Some(_) => {}
                None => return Ok(false),
            }
        }
        Ok(false)
    }

    /// The record's entry at a position, which a link named.
    fn read(&mut self, position: u64) -> Result<Step> {
        let broken = || Error::new(Code::LedgerBroken).rule("link to the entry before").record(position);
        let entry = self.snapshot.read_log(position.saturating_sub(1), 1)?.pop();
        self.tell(1);
        let step = Step::of(entry.filter(|entry| entry.position == position).ok_or_else(broken)?)?;
        if self.is_own(&step.header) { Ok(step) } else { Err(broken()) }
    }

    /// The record's newest entry before a position.
    fn search(&mut self, mut before: u64) -> Result<Step> {
        while before > 1 {
            self.patience.check()?;
            let after = before.saturating_sub(1).saturating_sub(PAGE);
            let count = before.saturating_sub(1).saturating_sub(after);
            let entries = self.snapshot.read_log(after, usize::try_from(count).unwrap_or(usize::MAX))?;
            self.tell(count);
            for entry in entries.into_iter().rev() {
                if self.is_own(&decode_header(&entry)?.0) {
                    return Step::of(entry);
                }
            }
            before = after.saturating_add(1);
        }
        Err(Error::new(Code::LedgerBroken).rule("no entry that creates the record"))
    }

    fn tell(&mut self, entries: u64) {
        self.read = self.read.saturating_add(entries);
        self.patience.tell("history", self.read, 0);
    }

    fn is_own(&self, header: &LedgerEntry) -> bool {
        header.kind.is_of_record() && (header.entity, header.record) == (self.record.entity, self.record.id)
    }
}

/// Whether a field of a record was changed behind a position of the ledger. Reads the headers of the record's
/// entries behind it.
///
/// # Errors
/// `ledger.broken`, `storage.damaged`, `storage.io`, `engine.cancelled`.
pub fn changed_since(
    snapshot: &dyn Snapshot,
    record: &Record,
    (field, since): (FieldId, u64),
    patience: &Patience,
) -> Result<bool> {
    Chain::of(snapshot, record, patience)?.changes(field, since)
}

/// Hands out the entries of a record, newest first.
pub struct Versions<'a> {
    chain: Chain<'a>,
    sealer: &'a Sealer,
}

impl<'a> Versions<'a> {
    /// The entries of a record from its newest on, or from the one before an entry of it.
    ///
    /// # Errors
    /// `input.invalid_cursor` where that is no entry of the record; `storage.damaged`, `storage.io`.
    pub fn of(
        (snapshot, sealer): (&'a dyn Snapshot, &'a Sealer),
        record: &'a Record,
        before: Option<u64>,
        patience: &'a Patience,
    ) -> Result<Self> {
        let mut chain = Chain::of(snapshot, record, patience)?;
        if let Some(position) = before {
            chain.next = Next::At(position);
            let step = chain.next().map_err(|error| match error.code() {
                Code::LedgerBroken => Error::new(Code::InvalidCursor),
                _ => error,
            })?;
            if step.is_none_or(|step| step.is_marking) {
                return Err(Error::new(Code::InvalidCursor));
            }
        }
        Ok(Self { chain, sealer })
    }

    /// The next entry that made a version, and whether another one is before it.
    ///
    /// # Errors
    /// `ledger.broken`, `storage.damaged`, `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn next(&mut self) -> Result<Option<(RecordVersion, bool)>> {
        let Some(step) = self.chain.next_version()? else { return Ok(None) };
        let Step { entry, header, kind, fields, .. } = step;
        let changes = match open_entry(&entry, self.sealer)?.changes {
            Some(changes) => changes.into_iter().map(PastChange::from).collect(),
            None => fields.into_iter().map(PastChange::erased).collect(),
        };
        let version = RecordVersion {
            position: entry.position,
            at: header.stamp.at(),
            actor: header.actor,
            on_behalf_of: header.on_behalf_of,
            cause: header.cause,
            kind,
            changes,
        };
        Ok(Some((version, kind != VersionKind::Created)))
    }
}

impl From<FieldChange> for PastChange {
    fn from(change: FieldChange) -> Self {
        let FieldChange { field, old, new } = change;
        Self { field, old: PastValue::Known(old), new: PastValue::Known(new) }
    }
}

impl PastChange {
    fn erased(field: FieldId) -> Self {
        Self { field, old: PastValue::Erased, new: PastValue::Erased }
    }
}

/// Goes back through the states of one record.
pub struct Rewind<'a> {
    chain: Chain<'a>,
    sealer: &'a Sealer,
    /// The row, with what later entries did taken back.
    record: Record,
    /// Whether an entry that was taken back no longer tells what it changed.
    is_lost: bool,
    /// The newest entry that was not taken back, once one was read.
    step: Option<Step>,
}

impl<'a> Rewind<'a> {
    /// Begins with the row of a record, deleted or not.
    ///
    /// # Errors
    /// `storage.io`.
    pub fn of(
        (snapshot, sealer): (&'a dyn Snapshot, &'a Sealer),
        record: &'a Record,
        patience: &'a Patience,
    ) -> Result<Self> {
        let chain = Chain::of(snapshot, record, patience)?;
        Ok(Self { chain, sealer, record: record.clone(), is_lost: false, step: None })
    }

    /// The state at a place, which is not after that of the call before; nothing where there was none.
    /// It reads the entries of the record from its newest one up to the one that made the state, or all of
    /// them where the record's person was forgotten.
    ///
    /// # Errors
    /// `ledger.broken`, `storage.damaged`, `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn to(&mut self, at: At) -> Result<Option<PastState>> {
        if self.chain.read == 0 && is_unchanged_since(&self.record, at) {
            return Ok(PastState::present(&self.record));
        }
        if matches!(at, At::Time(moment) if moment < self.record.envelope.created.at()) {
            return Ok(None);
        }
        loop {
            let step = match self.step.take() {
                Some(step) => step,
                None => match self.chain.next()? {
                    Some(step) => step,
                    None => return Ok(None),
                },
            };
            if at.covers(step.entry.position, step.header.stamp) {
                let state = if step.kind.leaves_record() { Some(self.state(&step)?) } else { None };
                self.step = Some(step);
                return Ok(state);
            }
            self.take_back(&step)?;
        }
    }

    fn take_back(&mut self, step: &Step) -> Result<()> {
        let changes = open_entry(&step.entry, self.sealer)?.changes;
        self.is_lost |= changes.is_none() || step.kind == VersionKind::Erased;
        let envelope = &mut self.record.envelope;
        match step.kind {
            VersionKind::Deleted => envelope.deleted_at = None,
            // Before it there was nothing, so nobody looks at the record any more.
            VersionKind::Created | VersionKind::Erased => return Ok(()),
            VersionKind::Updated | VersionKind::Undeleted => {}
        }
        envelope.version = envelope.version.saturating_sub(u64::from(!step.is_marking));
        for change in changes.into_iter().flatten() {
            self.record.set_entered(change.field, &change.old)?;
        }
        Ok(())
    }

    fn state(&mut self, step: &Step) -> Result<PastState> {
        let earlier = if step.is_marking { self.earlier().next_version()? } else { None };
        let maker = earlier.as_ref().unwrap_or(step);
        let state = PastState {
            position: Some(maker.entry.position),
            modified_at: maker.header.stamp.at(),
            modified_by: maker.header.actor,
            version: self.record.envelope.version,
            values: BTreeMap::new(),
            record: None,
        };
        if self.is_lost {
            let (fields, version) = self.erased_fields(step)?;
            let values = fields.into_iter().map(|field| (field, PastValue::Erased)).collect();
            return Ok(PastState { version, values, ..state });
        }
        let mut record = self.record.clone();
        record.envelope.modified = maker.header.stamp;
        record.envelope.modified_by = maker.header.actor;
        Ok(PastState { values: known(&record), record: Some(record), ..state })
    }

    /// The fields that ever had a value up to an entry, and the version that it made. The walk ends here.
    fn erased_fields(&mut self, step: &Step) -> Result<(BTreeSet<FieldId>, u64)> {
        let mut earlier = self.earlier();
        let (mut fields, mut version) = (BTreeSet::from_iter(step.fields.iter().copied()), 1_u64);
        let counts = |step: &Step| step.kind != VersionKind::Erased && !step.is_marking;
        let (mut kind, mut counted) = (step.kind, counts(step));
        while kind != VersionKind::Created {
            version = version.saturating_add(u64::from(counted));
            let Some(step) = earlier.next()? else { break };
            (kind, counted) = (step.kind, counts(&step));
            fields.extend(step.fields);
        }
        fields.remove(&DELETED);
        Ok((fields, version))
    }

    /// A walk of its own over the entries that were not read yet.
    fn earlier(&self) -> Chain<'a> {
        Chain { next: self.chain.next, ..self.chain }
    }
}

impl PastState {
    /// Works out the formulas of the entity from the values that the record had. What follows from other
    /// records has no value then.
    pub fn compute(&mut self, entity: &Entity, moment: Moment) {
        if let Some(record) = &mut self.record {
            record.compute_alone(entity, moment);
            let worked_out = record.computed.iter();
            self.values.extend(worked_out.map(|(field, value)| (field, PastValue::Known(value.clone()))));
        }
    }

    /// The state that a row tells; nothing of a deleted record.
    pub(super) fn present(record: &Record) -> Option<Self> {
        (!record.is_deleted()).then(|| Self { record: Some(record.clone()), ..Self::of(record) })
    }

    /// What a row tells of a record, deleted or not, without the record itself.
    pub(super) fn of(record: &Record) -> Self {
        let envelope = &record.envelope;
        Self {
            position: envelope.version_entry(),
            modified_at: envelope.modified.at(),
            modified_by: envelope.modified_by,
            version: envelope.version,
            values: known(record),
            record: None,
        }
    }
}

/// Every version of a record that can still be told, newest first, each as its row was: back to its creation, or to
/// the newest one whose values are gone.
///
/// # Errors
/// `ledger.broken`, `storage.damaged`, `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
pub(super) fn all_versions(
    source: (&dyn Snapshot, &Sealer),
    record: &Record,
    patience: &Patience,
) -> Result<Vec<Record>> {
    let mut rewind = Rewind::of(source, record, patience)?;
    let mut versions = Vec::new();
    while let Some(step) = rewind.chain.next()? {
        if step.kind == VersionKind::Erased {
            break;
        }
        if !step.is_marking {
            let mut version = rewind.record.clone();
            version.envelope.modified = step.header.stamp;
            version.envelope.modified_by = step.header.actor;
            version.envelope.newest_entry = Some(step.entry.position);
            version.envelope.marked_behind = None;
            versions.push(version);
        }
        rewind.take_back(&step)?;
        if rewind.is_lost {
            break;
        }
    }
    Ok(versions)
}

fn known(record: &Record) -> BTreeMap<FieldId, PastValue> {
    record.entered_values().map(|(field, value)| (field, PastValue::Known(value))).collect()
}

/// Whether the row alone says that the record was then as it is now.
fn is_unchanged_since(record: &Record, at: At) -> bool {
    match at {
        // When it was marked anew since, the entries say.
        At::Time(moment) => {
            record.envelope.marked_behind.is_none() && record.envelope.modified.at() <= moment
        }
        At::Position(position) => record.envelope.newest_entry.is_some_and(|newest| newest <= position),
    }
}

/// Whether the newest entry of a record forgot its person.
///
/// # Errors
/// `ledger.broken`, `storage.damaged`, `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
pub fn was_erased(snapshot: &dyn Snapshot, record: &Record, patience: &Patience) -> Result<bool> {
    // An entry of the transaction that asks is not in the ledger yet, and none of those that it makes of a
    // record that stands is one of erasure.
    let head = snapshot.head()?.position;
    if record.envelope.newest_entry.is_some_and(|newest| newest > head) {
        return Ok(false);
    }
    let newest = Chain::of(snapshot, record, patience)?.next()?;
    Ok(newest.is_some_and(|step| step.kind == VersionKind::Erased))
}

/// Refuses a position behind the newest entry.
///
/// # Errors
/// `input.invalid_argument` naming the newest entry; `storage.io`.
pub fn check_place(snapshot: &dyn Snapshot, at: At) -> Result<()> {
    let head = snapshot.head()?.position;
    match at {
        At::Position(position) if position > head => {
            let rule = format!("at most {head}, the newest entry");
            Err(Error::new(Code::InvalidArgument).field("position").rule(&rule))
        }
        _ => Ok(()),
    }
}

/// The position of the last entry that was made up to a place; 0 before the first. For a moment it looks at
/// as many entries as the ledger's length has binary digits.
///
/// # Errors
/// As [`check_place`]; `ledger.broken`, `storage.damaged`.
pub fn resolve(snapshot: &dyn Snapshot, at: At) -> Result<u64> {
    check_place(snapshot, at)?;
    match at {
        At::Position(position) => Ok(position),
        At::Time(_) => last_covered(snapshot, at, snapshot.head()?.position),
    }
}

/// The last position that a moment covers: stamps rise with positions.
fn last_covered(snapshot: &dyn Snapshot, at: At, head: u64) -> Result<u64> {
    let (mut covered, mut beyond) = (0, head.saturating_add(1));
    while beyond.saturating_sub(covered) > 1 {
        let middle = covered.midpoint(beyond);
        if at.covers(middle, stamp_at(snapshot, middle)?) {
            covered = middle;
        } else {
            beyond = middle;
        }
    }
    Ok(covered)
}

/// When the entry at a position was made; the beginning of time for position 0.
///
/// # Errors
/// `ledger.broken`, `storage.damaged`, `storage.io`.
pub fn stamp_at(snapshot: &dyn Snapshot, position: u64) -> Result<Stamp> {
    if position == 0 {
        return Ok(Stamp::default());
    }
    let missing = || Error::new(Code::LedgerBroken).rule("entries missing").record(position);
    let entry = snapshot.read_log(position.saturating_sub(1), 1)?.pop();
    let entry = entry.filter(|entry| entry.position == position).ok_or_else(missing)?;
    Ok(decode_header(&entry)?.0.stamp)
}
