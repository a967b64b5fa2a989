//! Records that the storage keeps as they were decoded, and the memory that one takes.
//!
//! What is kept follows from the bytes of a row alone: who may see the record, what formulas and lookups say, and
//! which of its fields the registry still knows is worked out whenever it is read. So neither a change of the
//! registry nor one of a policy makes a kept record wrong.

use std::sync::Arc;

use crate::base::Value;
use crate::records::Record;
use crate::storage::{Keyspace, Recalled, Snapshot};

/// What a part of a map takes beside its name and value, in a B-tree that is half full.
const PART_BYTES: usize = 64;

/// What is known of a record before its row is looked for.
pub(super) enum Known {
    /// The record as the view sees it.
    Here(Record),
    /// It must be read, and is read so often that it should be kept.
    Wanted,
    /// It must be read.
    Unknown,
}

/// What is known of the record under a key.
pub(super) fn known(snapshot: &dyn Snapshot, key: &[u8]) -> Known {
    match snapshot.recall(Keyspace::Records, key) {
        Recalled::Made(made) => {
            made.downcast_ref::<Record>().map_or(Known::Unknown, |record| Known::Here(record.clone()))
        }
        Recalled::Wanted => Known::Wanted,
        Recalled::Nothing => Known::Unknown,
    }
}

/// Keeps a record that was decoded from the whole of the row under its key.
pub(super) fn keep(snapshot: &dyn Snapshot, key: &[u8], record: &Record) {
    snapshot.remember(Keyspace::Records, key, Arc::new(record.clone()), bytes_of(record));
}

/// The memory that a record takes, in bytes.
fn bytes_of(record: &Record) -> usize {
    let envelope = &record.envelope;
    let author = envelope.original_author.as_ref().map_or(0, String::capacity);
    let reason = envelope.lock_reason.as_ref().map_or(0, String::capacity);
    let external = envelope
        .external_ids
        .iter()
        .map(|id| size_of_val(id).saturating_add(id.source.capacity()).saturating_add(id.key.capacity()));
    let tags = envelope.tags.iter().map(|tag| size_of_val(tag).saturating_add(tag.capacity()));
    let clocks = envelope.field_clocks.len().saturating_mul(PART_BYTES);
    let unknown = record.unknown.iter().map(|item| size_of_val(item).saturating_add(item.payload.capacity()));
    let values = record.values.iter().map(|(_, value)| heap_bytes(value));
    let own = [size_of::<Record>(), size_of_val(&**envelope), record.values.table_bytes()];
    let each = own.into_iter().chain([author, reason, clocks]).chain(external).chain(tags);
    each.chain(unknown).chain(values).fold(0, usize::saturating_add)
}

/// The memory that a value takes beside its place.
fn heap_bytes(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.capacity(),
        Value::List(values) => {
            let places = values.capacity().saturating_mul(size_of::<Value>());
            values.iter().map(heap_bytes).fold(places, usize::saturating_add)
        }
        Value::Map(parts) => {
            let part = |(name, value): (&String, &Value)| {
                let place = PART_BYTES.saturating_add(size_of::<Value>());
                place.saturating_add(name.capacity()).saturating_add(heap_bytes(value))
            };
            parts.iter().map(part).fold(0, usize::saturating_add)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::base::{EntityId, FieldId, RecordId, Stamp};
    use crate::records::Envelope;

    use super::*;

    fn record() -> Record {
        let id = RecordId::from_bytes([1; 16]);
        Record::new(id, EntityId::new(2), Envelope::new(id, None, id, Stamp::default()))
    }

    #[test]
    fn every_byte_of_a_text_counts_wherever_it_stands() {
        let text = || "x".repeat(1_000);
        let none = bytes_of(&record());
        let of_value = |value: Value| {
            let mut record = record();
            record.set(FieldId::new(70), value);
            bytes_of(&record)
        };
        let map = BTreeMap::from([("part".to_owned(), Value::Text(text()))]);
        for value in [Value::Text(text()), Value::List(vec![Value::Text(text())]), Value::Map(map)] {
            assert!(of_value(value) >= none + 1_000);
        }
        let mut tagged = record();
        tagged.envelope.tags.push(text());
        assert!(bytes_of(&tagged) >= none + 1_000);
        let mut locked = record();
        locked.envelope.lock_reason = Some(text());
        assert!(bytes_of(&locked) >= none + 1_000);
    }
}
