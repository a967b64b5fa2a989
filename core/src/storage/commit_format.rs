//! The text of a record of the journal: the commits of one group, one after the other.

use crate::base::{Code, Error, Result};
use crate::storage::bytes::Fields;
use crate::storage::log_format::encode_entry;
use crate::storage::memtable::Changed;
use crate::storage::store::{ChainLink, CommitId, Head, Keyspace, LogRecord, WriteSet};
use crate::storage::tables::{Stretch, Table, stretches};

/// One commit with its place in the log.
pub(super) struct Commit {
    /// The caller's name for it, or zeros.
    pub(super) id: CommitId,
    /// Keys and what they became by table, entries of the log among them.
    pub(super) changes: Vec<Stretch>,
}

impl Commit {
    /// A write set whose entries follow a head, and the head after it.
    ///
    /// # Errors
    /// [`Code::LimitExceeded`] for an entry whose chained part is above 4 GiB.
    pub(super) fn of(writes: WriteSet, mut head: Head, chain: ChainLink) -> Result<(Self, Head)> {
        let of_keyspaces = writes.changes.into_iter();
        let mut changes =
            stretches(of_keyspaces.map(|((keyspace, key), value)| (Table::Of(keyspace), (key, value))));
        let keys = writes.subject_keys.into_iter();
        let keys = keys.map(|(subject, sealed)| (subject.to_vec(), Some(sealed)));
        changes.push((Table::SubjectKeys, keys.collect()));
        let mut log = Vec::with_capacity(writes.log.len().saturating_add(writes.emptied.len()));
        for entry in writes.emptied {
            let record = LogRecord { sealed: Vec::new(), ..entry.record };
            log.push((entry.position.to_be_bytes().to_vec(), Some(encode_entry(&entry.hash, &record)?)));
        }
        for record in writes.log {
            let position = head.position.saturating_add(1);
            head = Head { position, hash: chain(&head.hash, position, &record.chained) };
            log.push((position.to_be_bytes().to_vec(), Some(encode_entry(&head.hash, &record)?)));
        }
        changes.push((Table::Log, log));
        Ok((Self { id: writes.id, changes }, head))
    }

    /// Every change for itself.
    pub(super) fn into_each(self) -> impl Iterator<Item = (Table, Changed)> {
        self.changes
            .into_iter()
            .flat_map(|(table, stretch)| stretch.into_iter().map(move |changed| (table, changed)))
    }

    /// How many rows it changes, and the bytes of their keys and values.
    pub(super) fn size(&self) -> (usize, usize) {
        let each = self.changes.iter().flat_map(|(_, stretch)| stretch);
        each.fold((0, 0), |(count, bytes), (key, value)| {
            let row = key.len().saturating_add(value.as_ref().map_or(0, Vec::len));
            (count.saturating_add(1), bytes.saturating_add(row))
        })
    }

    /// Appends the commit to a text.
    pub(super) fn encode(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(&self.id);
        let (count, bytes) = self.size();
        // A table, a byte and two lengths stand beside each key and value.
        text.reserve(bytes.saturating_add(count.saturating_mul(10)).saturating_add(size_of::<u32>()));
        text.extend_from_slice(&length(count));
        let each = self
            .changes
            .iter()
            .flat_map(|(table, stretch)| stretch.iter().map(move |changed| (*table, changed)));
        for (table, (key, value)) in each {
            text.push(number(table));
            text.extend_from_slice(&length(key.len()));
            text.extend_from_slice(key);
            match value {
                None => text.push(0),
                Some(value) => {
                    text.push(1);
                    text.extend_from_slice(&length(value.len()));
                    text.extend_from_slice(value);
                }
            }
        }
    }

    /// The commits of a text.
    ///
    /// # Errors
    /// [`Code::Damaged`], [`Code::NewerFormat`] for a table that is not known here.
    pub(super) fn decode_all(text: &[u8]) -> Result<Vec<Self>> {
        let mut fields = Fields::of(text);
        let mut commits = Vec::new();
        while !fields.is_empty() {
            commits.push(Self::decode(&mut fields)?);
        }
        Ok(commits)
    }

    fn decode(fields: &mut Fields<'_>) -> Result<Self> {
        let damaged = || Error::new(Code::Damaged).rule("journal record");
        let id = fields.array().ok_or_else(damaged)?;
        let count = fields.u32().ok_or_else(damaged)?;
        let mut changes = Vec::new();
        for _ in 0..count {
            let [number] = fields.array().ok_or_else(damaged)?;
            let mut known = Table::all().chain([Table::SubjectKeys]);
            let table = known.find(|table| self::number(*table) == number);
            let table = table.ok_or_else(|| Error::new(Code::NewerFormat).rule("journal record"))?;
            let key = sized(fields).ok_or_else(damaged)?;
            let value = match fields.array().ok_or_else(damaged)? {
                [0] => None,
                [1] => Some(sized(fields).ok_or_else(damaged)?),
                _ => return Err(damaged()),
            };
            changes.push((table, (key, value)));
        }
        Ok(Self { id, changes: stretches(changes.into_iter()) })
    }
}

/// Four bytes of a length. What is longer does not pass the limits of a commit.
fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

fn sized(fields: &mut Fields<'_>) -> Option<Vec<u8>> {
    let length = usize::try_from(fields.u32()?).ok()?;
    fields.take(length).map(<[u8]>::to_vec)
}

/// The number of a table in the journal, for ever.
fn number(table: Table) -> u8 {
    match table {
        Table::Of(Keyspace::Meta) => 1,
        Table::Of(Keyspace::Records) => 2,
        Table::Of(Keyspace::Index) => 3,
        Table::Of(Keyspace::Unique) => 4,
        Table::Of(Keyspace::Aggregate) => 5,
        Table::Of(Keyspace::Attachments) => 6,
        Table::SubjectKeys => 254,
        Table::Log => 255,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commits_of_a_record_come_back_and_every_cut_is_noticed() {
        let mut writes = WriteSet { id: [7; 16], ..WriteSet::default() };
        writes.changes.insert((Keyspace::Meta, b"put".to_vec()), Some(b"value".to_vec()));
        writes.changes.insert((Keyspace::Attachments, Vec::new()), None);
        writes.log.push(LogRecord { chained: b"chained".to_vec(), sealed: Vec::new() });
        let link = |_: &[u8; 32], _, _: &[u8]| [9; 32];
        let mut text = Vec::new();
        let mut head = Head::default();
        for _ in 0..2 {
            let (commit, next) = Commit::of(writes.clone(), head, link).unwrap();
            commit.encode(&mut text);
            head = next;
        }
        assert_eq!(head.position, 2);
        let commits = Commit::decode_all(&text).unwrap();
        assert_eq!(commits.len(), 2);
        assert_eq!(commits[1].id, [7; 16]);
        let each: Vec<_> = commits.into_iter().nth(1).unwrap().into_each().collect();
        assert_eq!(each[0].1, (b"put".to_vec(), Some(b"value".to_vec())));
        assert_eq!(each[1].1, (Vec::new(), None));
        assert_eq!(each[2].1.0, 2_u64.to_be_bytes());
        let half = text.len() / 2;
        for cut in (1..text.len()).filter(|cut| *cut != half) {
            assert!(Commit::decode_all(&text[..cut]).is_err(), "{cut}");
        }
    }
}
