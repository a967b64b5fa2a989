//! What a report about a database reads of records and ledger: within bounds, and never a value.

use crate::base::{FieldId, Patience, RecordId, Result, Stamp, Timestamp};
use crate::records::derived::live_prefix;
use crate::records::ledger::{EntryKind, kind_and_stamp};
use crate::records::row::{RECORD_KEY, assemble};
use crate::schema::{Entity, FieldType};
use crate::storage::{Head, Keyspace, RangeRequest, Snapshot, continue_after};

/// Rows of one read.
const PAGE: usize = 500;
/// Entries of a stretch whose lengths stand for all of it.
const SAMPLES: u64 = 64;

/// What the ledger grew by in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// Entries.
    pub entries: u64,
    /// Their bytes; worked out from 64 entries of the stretch where there are more.
    pub bytes: u64,
}

/// What the ledger grew by between moments that rise, and from the last one to its newest entry. Stamps
/// rise with positions, so each moment is found by halving.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn growth(snapshot: &dyn Snapshot, moments: &[Timestamp]) -> Result<Vec<Growth>> {
    let head = snapshot.head()?;
    let mut starts = Vec::with_capacity(moments.len().saturating_add(1));
    for moment in moments {
        starts.push(first_at(snapshot, head, *moment)?);
    }
    starts.push(head.position.saturating_add(1));
    let stretches = starts.iter().zip(starts.iter().skip(1));
    stretches.map(|(start, end)| stretch(snapshot, *start, *end)).collect()
}

/// The first position whose entry is of a moment or later; one above the newest if there is none.
fn first_at(snapshot: &dyn Snapshot, head: Head, moment: Timestamp) -> Result<u64> {
    let (mut low, mut high) = (1, head.position.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        let entries = snapshot.read_log(middle.saturating_sub(1), 1)?;
        let Some(entry) = entries.first() else { break };
        if kind_and_stamp(entry)?.1.at() < moment {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    Ok(low)
}

fn stretch(snapshot: &dyn Snapshot, start: u64, end: u64) -> Result<Growth> {
    let entries = end.saturating_sub(start);
    let step = entries.div_ceil(SAMPLES).max(1);
    let (mut read, mut length) = (0_u64, 0_u64);
    let mut position = start;
    while position < end {
        for entry in snapshot.read_log(position.saturating_sub(1), 1)? {
            let bytes = entry.record.chained.len().saturating_add(entry.record.sealed.len());
            length = length.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            read += 1;
        }
        position = position.saturating_add(step);
    }
    Ok(Growth { entries, bytes: length.saturating_mul(entries).checked_div(read).unwrap_or(0) })
}

/// Position and stamp of the newest entry of a kind among the newest `most`.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn newest_of(snapshot: &dyn Snapshot, kind: EntryKind, most: u64) -> Result<Option<(u64, Stamp)>> {
    let head = snapshot.head()?.position;
    let last = head.saturating_sub(most);
    let mut upto = head;
    while upto > last {
        let after = upto.saturating_sub(PAGE as u64).max(last);
        let count = usize::try_from(upto - after).unwrap_or(PAGE);
        for entry in snapshot.read_log(after, count)?.iter().rev() {
            let (found, stamp) = kind_and_stamp(entry)?;
            if found == kind {
                return Ok(Some((entry.position, stamp)));
            }
        }
        upto = after;
    }
    Ok(None)
}

/// How many records an entity has, and how well those that were looked at are filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntitySurvey {
    /// Records that are not deleted.
    pub live: u64,
    /// Of those, how many were looked at: the newest ones.
    pub looked_at: u64,
    /// The phone numbers and e-mail addresses of the entity.
    pub fields: Vec<FieldSurvey>,
}

/// How often a field is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSurvey {
    /// The field.
    pub field: FieldId,
    /// Records that have no value in it.
    pub empty: u64,
}

/// Counts the records of an entity, and how many of the newest ones lack a phone number or an e-mail
/// address where the entity has such fields.
///
/// # Errors
/// `storage.damaged`, `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
pub fn survey(
    snapshot: &dyn Snapshot,
    entity: &Entity,
    most: u64,
    patience: &Patience,
) -> Result<EntitySurvey> {
    let live = live_records(snapshot, entity)?;
    let reaches = |kind: &FieldType| matches!(kind, FieldType::Phone | FieldType::Email);
    let fields = entity.fields().iter().filter(|field| reaches(&field.definition.kind));
    let fields = fields.map(|field| FieldSurvey { field: field.id(), empty: 0 }).collect();
    let mut survey = EntitySurvey { live, looked_at: 0, fields };
    if survey.fields.is_empty() || live == 0 {
        return Ok(survey);
    }
    let prefix = entity.id().number().to_be_bytes();
    let mut range = RangeRequest { reverse: true, ..RangeRequest::prefix(Keyspace::Records, &prefix, PAGE) };
    while survey.looked_at < most {
        patience.check()?;
        let page = snapshot.scan(&range)?;
        let last = page.rows.last().map(|(key, _)| key.clone());
        for (key, value) in page.rows {
            survey.look_at(snapshot, entity, (&key, value), most)?;
        }
        match last {
            Some(last) if page.more => continue_after(&mut range, last),
            _ => break,
        }
    }
    Ok(survey)
}

impl EntitySurvey {
    fn look_at(
        &mut self,
        snapshot: &dyn Snapshot,
        entity: &Entity,
        (key, value): (&[u8], Vec<u8>),
        most: u64,
    ) -> Result<()> {
        // Pieces of a large record have longer keys, and are read with it.
        let Some(id) = RecordId::from_suffix(key).filter(|_| key.len() == RECORD_KEY) else { return Ok(()) };
        let record = assemble(snapshot, entity.id(), id, value)?;
        if record.is_deleted() || self.looked_at >= most {
            return Ok(());
        }
        self.looked_at += 1;
        for field in &mut self.fields {
            field.empty += u64::from(record.value(field.field).is_null());
        }
        Ok(())
    }
}

/// How many records of an entity are not deleted, whoever may see them.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn live_records(snapshot: &dyn Snapshot, entity: &Entity) -> Result<u64> {
    let mut range = RangeRequest::prefix(Keyspace::Aggregate, &live_prefix(entity.id()), PAGE);
    let mut live = 0_u64;
    loop {
        let page = snapshot.scan(&range)?;
        for (_, value) in &page.rows {
            let counter = value.as_slice().try_into().map(u64::from_be_bytes);
            live = live.saturating_add(counter.map_err(|_| crate::records::codec::damaged())?);
        }
        match page.rows.into_iter().last() {
            Some((last, _)) if page.more => continue_after(&mut range, last),
            _ => return Ok(live),
        }
    }
}
