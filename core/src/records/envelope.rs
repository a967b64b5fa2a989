//! A record in memory: the envelope that every entity shares, and the values by field number.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::access::{AccessClass, ClassId, Mark, Marks, RIGHTS_REQUESTS};
use crate::base::{EntityId, FieldId, RecordId, Result, Stamp, Timestamp, Value};
use crate::records::Values;
use crate::records::codec::{Item, RawItem, Reader, Writer, damaged, text_of};
use crate::records::shared::Shared;
use crate::records::values::insert;
use crate::schema::SystemField;

/// Format of an encoded record.
const FORMAT: u8 = 1;
/// Numbers below this belong to the envelope.
const FIRST_FIELD: u32 = 64;
/// Bytes of a record of usual length.
const USUAL_RECORD: usize = 512;
/// Bytes of one value, about: as many of them are made room for.
const BYTES_OF_VALUE: usize = 20;

const OWNER: u32 = SystemField::Owner.id().number();
const UNIT: u32 = SystemField::Unit.id().number();
const PARTITION: u32 = 3;
const CLASS: u32 = 4;
const RECORD_NUMBER: u32 = 5;
const RECORD_TYPE: u32 = 6;
const CREATED_HLC: u32 = SystemField::CreatedAt.id().number();
const CREATED_REPLICA: u32 = 8;
const CREATED_BY: u32 = 9;
const MODIFIED_HLC: u32 = SystemField::ModifiedAt.id().number();
const MODIFIED_REPLICA: u32 = 11;
const MODIFIED_BY: u32 = 12;
const ORIGINAL_AUTHOR: u32 = 13;
const ORIGINAL_AT: u32 = 14;
const VERSION: u32 = 15;
const LIFECYCLE: u32 = 16;
const LOCKED_BY: u32 = 17;
const DELETED_AT: u32 = 18;
const PURGE_AFTER: u32 = 19;
const EXTERNAL_IDS: u32 = 20;
const SUBJECT: u32 = 21;
const TAGS: u32 = 22;
const FIELD_CLOCKS: u32 = 23;
const NEWEST_ENTRY: u32 = 24;
const LOCK_REASON: u32 = 25;
const MARKS: u32 = 26;

/// Facts of the envelope that a caller sets and the ledger therefore enters, with the names under which
/// it tells them. Everything else of an envelope follows from the entries themselves.
pub(super) const ENTERED: [(FieldId, &str); 11] = [
    (FieldId::new(OWNER), "owner"),
    (FieldId::new(UNIT), "unit"),
    (FieldId::new(PARTITION), "partition"),
    (FieldId::new(ORIGINAL_AUTHOR), "original_author"),
    (FieldId::new(ORIGINAL_AT), "original_at"),
    (FieldId::new(LOCKED_BY), "locked_by"),
    (DELETED, "deleted_at"),
    (FieldId::new(EXTERNAL_IDS), "external_ids"),
    (FieldId::new(TAGS), "tags"),
    (FieldId::new(LOCK_REASON), "lock_reason"),
    (MARKED, "access_marks"),
];

/// The marks of a record, by which rules reach it.
pub const MARKED: FieldId = FieldId::new(MARKS);

/// What locking a record and setting it free changes of it.
pub(super) const LOCK: [FieldId; 2] = [FieldId::new(LOCKED_BY), FieldId::new(LOCK_REASON)];

/// The fact that an entry changes which brings a deleted record back.
pub(super) const DELETED: FieldId = FieldId::new(DELETED_AT);

/// The name under which the ledger tells a fact of the envelope.
#[must_use]
pub fn entered_name(field: FieldId) -> Option<&'static str> {
    ENTERED.iter().find(|(known, _)| *known == field).map(|(_, name)| *name)
}

/// A key that another system knows a record by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExternalId {
    /// The other system.
    pub source: String,
    /// Its key.
    pub key: String,
}

/// What every record carries besides its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Owner.
    pub owner: RecordId,
    /// Unit that the record belongs to.
    pub unit: Option<RecordId>,
    /// Partition, by its number; 0 is the organisation's own.
    pub partition: u32,
    /// The sharing rules that it meets, and the classes of the records that it belongs to.
    pub marks: Marks,
    /// Interned access class of (partition, unit, owner, marks).
    pub class: ClassId,
    /// Number of the record within its entity, from 1, given at creation.
    pub record_number: u64,
    /// Record type; 0 is the only one so far.
    pub record_type: u32,
    /// When and on which replica it was created.
    pub created: Stamp,
    /// Who created it.
    pub created_by: RecordId,
    /// When and on which replica it was last changed.
    pub modified: Stamp,
    /// Who last changed it.
    pub modified_by: RecordId,
    /// Who created it in the system that it was imported from.
    pub original_author: Option<String>,
    /// When it was created there.
    pub original_at: Option<Timestamp>,
    /// 1 at creation, one more with every change.
    pub version: u64,
    /// Life-cycle state; 0 is active.
    pub lifecycle: u32,
    /// Who holds it locked.
    pub locked_by: Option<RecordId>,
    /// Why it was locked, or set free, when that was last done.
    pub lock_reason: Option<String>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// When a deleted record may be purged.
    pub purge_after: Option<Timestamp>,
    /// Keys of other systems.
    pub external_ids: Vec<ExternalId>,
    /// Whose key seals the values in the ledger; `None` is the database's own.
    pub subject: Option<RecordId>,
    /// Tags.
    pub tags: Vec<String>,
    /// When each field was last changed, for fields changed after creation.
    pub field_clocks: BTreeMap<FieldId, Stamp>,
    /// The position of the record's newest entry in the ledger, where its last writer knew it.
    pub(super) newest_entry: Option<u64>,
    /// The position of the entry that made the version, where the record was marked anew since; 0 where nobody knows it.
    pub(super) marked_behind: Option<u64>,
}

impl Envelope {
    /// The position of the record's newest entry in the ledger, where its last writer knew it.
    #[must_use]
    pub fn newest_entry(&self) -> Option<u64> {
        self.newest_entry
    }

    /// The position of the entry that made the version which the record has, where that is known. Entries behind it
    /// marked the record anew.
    #[must_use]
    pub fn version_entry(&self) -> Option<u64> {
        self.marked_behind.map_or(self.newest_entry, |position| Some(position).filter(|known| *known != 0))
    }

    /// The envelope of a record that is being created.
    #[must_use]
    pub fn new(owner: RecordId, unit: Option<RecordId>, by: RecordId, at: Stamp) -> Self {
        Self {
            owner,
            unit,
            partition: 0,
            marks: Marks::default(),
            class: ClassId::new(0),
            record_number: 0,
            record_type: 0,
            created: at,
            created_by: by,
            modified: at,
            modified_by: by,
            original_author: None,
            original_at: None,
            version: 1,
            lifecycle: 0,
            locked_by: None,
            lock_reason: None,
            deleted_at: None,
            purge_after: None,
            external_ids: Vec::new(),
            subject: None,
            tags: Vec::new(),
            field_clocks: BTreeMap::new(),
            newest_entry: None,
            marked_behind: None,
        }
    }

    /// An envelope to read another one into.
    fn nobodys() -> Self {
        let nobody = RecordId::from_bytes([0; 16]);
        Self::new(nobody, None, nobody, Stamp::default())
    }

    /// Whether the record is of somebody whose processing is restricted: it is locked by the request for that.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.locked_by.is_some() && self.lock_reason.as_deref().is_some_and(is_restriction)
    }

    /// The facts from which the access class is interned.
    #[must_use]
    pub fn access_class(&self) -> AccessClass {
        let Self { partition, unit, owner, .. } = *self;
        AccessClass { partition, unit, owner, marks: self.marks.clone() }
    }
}

/// Whether a reason for a lock is a request for a restriction, which nobody but the request itself gives.
#[must_use]
pub fn is_restriction(reason: &str) -> bool {
    reason.strip_prefix(RIGHTS_REQUESTS).is_some_and(|rest| rest.starts_with(' '))
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Identity.
    pub id: RecordId,
    /// Entity.
    pub entity: EntityId,
    /// What every record carries.
    pub envelope: Shared<Envelope>,
    /// Values by field; a field without value is absent.
    pub values: Values,
    /// Values of formulas, worked out from the others when the record was read; never stored.
    pub(super) computed: Values,
    /// Items that this version does not understand, kept as they came.
    pub(super) unknown: Vec<RawItem>,
}

impl Record {
    /// A record without values.
    #[must_use]
    pub fn new(id: RecordId, entity: EntityId, envelope: impl Into<Shared<Envelope>>) -> Self {
        Self {
            id,
            entity,
            envelope: envelope.into(),
            values: Values::default(),
            computed: Values::default(),
            unknown: Vec::new(),
        }
    }

    /// The value of a field or system field; [`Value::Null`] if it has none.
    #[must_use]
    pub fn value(&self, field: FieldId) -> Value {
        self.peek(field).into_owned()
    }

    /// The value as [`Record::value`] gives it, without a copy of the text where it only needs a look.
    #[must_use]
    pub fn peek(&self, field: FieldId) -> Cow<'_, Value> {
        match field.number() {
            OWNER => Cow::Owned(Value::Id(self.envelope.owner)),
            UNIT => Cow::Owned(self.envelope.unit.into()),
            PARTITION if self.envelope.partition == 0 => Cow::Owned(Value::Null),
            PARTITION => Cow::Owned(Value::Int(self.envelope.partition.into())),
            CREATED_HLC => Cow::Owned(Value::DateTime(self.envelope.created.at())),
            MODIFIED_HLC => Cow::Owned(Value::DateTime(self.envelope.modified.at())),
            ORIGINAL_AUTHOR => Cow::Owned(self.envelope.original_author.as_deref().into()),
            ORIGINAL_AT => Cow::Owned(self.envelope.original_at.map_or(Value::Null, Value::DateTime)),
            LOCKED_BY => Cow::Owned(self.envelope.locked_by.into()),
            LOCK_REASON => Cow::Owned(self.envelope.lock_reason.as_deref().into()),
            DELETED_AT => Cow::Owned(self.envelope.deleted_at.map_or(Value::Null, Value::DateTime)),
            EXTERNAL_IDS => {
                Cow::Owned(listed(self.envelope.external_ids.iter().map(|id| [&*id.source, &*id.key])))
            }
            TAGS => Cow::Owned(listed(self.envelope.tags.iter().map(String::as_str))),
            MARKS => Cow::Owned(listed(self.envelope.marks.iter().map(told_mark))),
            _ => self.stored(field).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
        }
    }

    /// Everything that the ledger enters of the record and that has a value: facts of the envelope, then
    /// fields.
    pub(super) fn entered_values(&self) -> impl Iterator<Item = (FieldId, Value)> + '_ {
        let facts = ENTERED.iter().map(|(field, _)| *field);
        let all = facts.chain(self.values.fields()).map(|field| (field, self.value(field)));
        all.filter(|(_, value)| !value.is_null())
    }

    /// The value of a field of the registry, stored or worked out, if it has one.
    #[must_use]
    pub fn stored(&self, field: FieldId) -> Option<&Value> {
        self.values.get(field).or_else(|| self.computed.get(field))
    }

    /// All values of fields of the registry, stored ones and then those that were worked out.
    pub fn all_values(&self) -> impl Iterator<Item = (FieldId, &Value)> {
        self.values.iter().chain(self.computed.iter())
    }

    /// Sets a value; [`Value::Null`] takes it away.
    pub fn set(&mut self, field: FieldId, value: Value) {
        if value.is_null() {
            self.values.remove(field);
        } else {
            self.values.insert(field, value);
        }
    }

    /// Sets a field, or a fact of the envelope that the ledger enters, to what an entry says.
    pub(super) fn set_entered(&mut self, field: FieldId, value: &Value) -> Result<()> {
        let envelope = &mut self.envelope;
        match (field.number(), value) {
            (OWNER, Value::Id(owner)) => envelope.owner = *owner,
            (UNIT, value) => envelope.unit = value.as_id(),
            (PARTITION, Value::Int(number)) => {
                envelope.partition = u32::try_from(*number).map_err(|_| damaged())?;
            }
            (PARTITION, _) => envelope.partition = 0,
            (ORIGINAL_AUTHOR, value) => envelope.original_author = value.as_text().map(str::to_owned),
            (ORIGINAL_AT, Value::DateTime(at)) => envelope.original_at = Some(*at),
            (ORIGINAL_AT, _) => envelope.original_at = None,
            (LOCKED_BY, value) => envelope.locked_by = value.as_id(),
            (LOCK_REASON, value) => envelope.lock_reason = value.as_text().map(str::to_owned),
            (DELETED_AT, Value::DateTime(at)) => envelope.deleted_at = Some(*at),
            (DELETED_AT, _) => envelope.deleted_at = None,
            (EXTERNAL_IDS, value) => {
                let pairs: Vec<(String, String)> = unlisted(value)?;
                envelope.external_ids =
                    pairs.into_iter().map(|(source, key)| ExternalId { source, key }).collect();
            }
            (TAGS, value) => envelope.tags = unlisted(value)?,
            (MARKS, value) => {
                let pairs: Vec<(u32, u32)> = unlisted(value)?;
                envelope.marks = Marks::new(pairs.into_iter().map(Mark::of_parts).collect());
            }
            (number, _) if number < FIRST_FIELD => return Err(damaged()),
            _ => self.set(field, value.clone()),
        }
        Ok(())
    }

    /// The record as erasure leaves it: that it was, and nothing of what it said.
    pub(super) fn emptied(self) -> Self {
        let mut empty = Self::new(self.id, self.entity, self.envelope);
        empty.envelope.external_ids.clear();
        empty.envelope.tags.clear();
        empty.envelope.field_clocks.clear();
        empty.envelope.original_author = None;
        empty.envelope.locked_by = None;
        empty.envelope.lock_reason = None;
        empty.envelope.marks = Marks::default();
        empty.envelope.marked_behind = None;
        empty
    }

    /// The record emptied, and deleted by the same step if it was not yet.
    pub(super) fn forgotten(self, at: Stamp, by: RecordId) -> Self {
        let mut record = self.emptied();
        if record.envelope.deleted_at.is_none() {
            record.envelope.version = record.envelope.version.saturating_add(1);
            record.envelope.modified = at;
            record.envelope.modified_by = by;
            record.envelope.deleted_at = Some(at.at());
        }
        record
    }

    /// Whether the record counts as deleted.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.envelope.deleted_at.is_some()
    }

    /// The bytes of the record.
    pub(super) fn encode(&self, schema_version: u32) -> Vec<u8> {
        let mut writer = Writer::with_room(USUAL_RECORD);
        writer.raw(&[FORMAT]);
        writer.varint(u128::from(schema_version));
        encode_envelope(&self.envelope, &mut writer);
        let mut unknown = self.unknown.iter().peekable();
        for (field, value) in self.values.iter() {
            while let Some(item) = unknown.next_if(|item| item.number < field.number()) {
                writer.item(item);
            }
            writer.value(field.number(), value);
        }
        unknown.for_each(|item| writer.item(item));
        writer.finish()
    }

    /// Reads the bytes of a record.
    pub(super) fn decode(entity: EntityId, id: RecordId, bytes: &[u8]) -> Result<Self> {
        Self::decode_fields(entity, id, bytes, None)
    }

    /// Reads the bytes of a record, with the values of these fields alone if there are any here. Such a record
    /// is for looking at, and must not be stored.
    pub(super) fn decode_fields(
        entity: EntityId,
        id: RecordId,
        bytes: &[u8],
        fields: Option<&BTreeSet<FieldId>>,
    ) -> Result<Self> {
        let record = Self::decode_where(entity, id, (bytes, fields), &|_| true)?;
        record.ok_or_else(damaged)
    }

    /// The same of a record whose envelope is as wanted; of another one no value is decoded.
    pub(super) fn decode_where(
        entity: EntityId,
        id: RecordId,
        (bytes, fields): (&[u8], Option<&BTreeSet<FieldId>>),
        is_wanted: &dyn Fn(&Envelope) -> bool,
    ) -> Result<Option<Self>> {
        let mut reader = begin(bytes)?;
        let (mut envelope, mut unknown) = (Envelope::nobodys(), Vec::new());
        let (mut values, mut in_envelope) = (Vec::new(), true);
        while !reader.is_empty() {
            let item = reader.item()?;
            if in_envelope && item.number >= FIRST_FIELD {
                if !is_wanted(&envelope) {
                    return Ok(None);
                }
                in_envelope = false;
                values.reserve(fields.map_or(bytes.len() / BYTES_OF_VALUE, BTreeSet::len));
            }
            let known = if item.number < FIRST_FIELD {
                decode_envelope_item(&item, &mut envelope)?
            } else if fields.is_some_and(|fields| !fields.contains(&FieldId::new(item.number))) {
                continue;
            } else {
                let value = item.value()?;
                if !value.is_null() {
                    insert(&mut values, FieldId::new(item.number), value);
                }
                true
            };
            if !known {
                unknown.push(item.to_raw());
            }
        }
        if in_envelope && !is_wanted(&envelope) {
            return Ok(None);
        }
        Ok(Some(Self { values: values.into(), unknown, ..Self::new(id, entity, envelope) }))
    }

    /// Reads the envelope alone, which stands before the values; these may be cut off.
    pub(super) fn decode_envelope(bytes: &[u8]) -> Result<Envelope> {
        let mut reader = begin(bytes)?;
        let mut envelope = Envelope::nobodys();
        while !reader.is_empty() && reader.number_of_next()? < FIRST_FIELD {
            decode_envelope_item(&reader.item()?, &mut envelope)?;
        }
        Ok(envelope)
    }
}

/// Checks the format, and gives a reader of the items.
fn begin(bytes: &[u8]) -> Result<Reader<'_>> {
    let mut reader = Reader::new(bytes);
    if reader.byte()? != FORMAT {
        return Err(damaged());
    }
    reader.unsigned::<u32>()?;
    Ok(reader)
}

/// The registry's version in the bytes of a record.
pub(super) fn schema_version(bytes: &[u8]) -> Result<u32> {
    let mut reader = Reader::new(bytes);
    if reader.byte()? != FORMAT {
        return Err(damaged());
    }
    reader.unsigned()
}

/// A list of the envelope as the ledger holds it: JSON text, or nothing for an empty list.
fn listed<T: Into<serde_json::Value>>(items: impl Iterator<Item = T>) -> Value {
    let items: Vec<T> = items.collect();
    if items.is_empty() { Value::Null } else { Value::Text(serde_json::Value::from(items).to_string()) }
}

/// A mark as the ledger holds it: its label, and the number of a class or 0.
fn told_mark(mark: Mark) -> serde_json::Value {
    let (label, beyond) = mark.parts();
    serde_json::Value::from(vec![label, beyond])
}

fn unlisted<T: serde::de::DeserializeOwned>(value: &Value) -> Result<Vec<T>> {
    value.as_text().map_or(Ok(Vec::new()), |json| serde_json::from_str(json).map_err(|_| damaged()))
}

fn encode_envelope(envelope: &Envelope, writer: &mut Writer) {
    let optional_id = |writer: &mut Writer, number: u32, id: Option<RecordId>| {
        if let Some(id) = id {
            writer.blob(number, id.as_bytes());
        }
    };
    let nonzero = |writer: &mut Writer, number: u32, value: u64| {
        if value != 0 {
            writer.unsigned(number, value);
        }
    };
    let moment = |writer: &mut Writer, number: u32, at: Option<Timestamp>| {
        if let Some(at) = at {
            writer.blob(number, &at.micros().to_be_bytes());
        }
    };
    writer.blob(OWNER, envelope.owner.as_bytes());
    optional_id(writer, UNIT, envelope.unit);
    nonzero(writer, PARTITION, u64::from(envelope.partition));
    writer.unsigned(CLASS, u64::from(envelope.class.number()));
    writer.unsigned(RECORD_NUMBER, envelope.record_number);
    nonzero(writer, RECORD_TYPE, u64::from(envelope.record_type));
    writer.unsigned(CREATED_HLC, envelope.created.hlc);
    nonzero(writer, CREATED_REPLICA, u64::from(envelope.created.replica));
    writer.blob(CREATED_BY, envelope.created_by.as_bytes());
    writer.unsigned(MODIFIED_HLC, envelope.modified.hlc);
    nonzero(writer, MODIFIED_REPLICA, u64::from(envelope.modified.replica));
    writer.blob(MODIFIED_BY, envelope.modified_by.as_bytes());
    if let Some(author) = &envelope.original_author {
        writer.blob(ORIGINAL_AUTHOR, author.as_bytes());
    }
    moment(writer, ORIGINAL_AT, envelope.original_at);
    writer.unsigned(VERSION, envelope.version);
    nonzero(writer, LIFECYCLE, u64::from(envelope.lifecycle));
    optional_id(writer, LOCKED_BY, envelope.locked_by);
    moment(writer, DELETED_AT, envelope.deleted_at);
    moment(writer, PURGE_AFTER, envelope.purge_after);
    encode_lists(envelope, writer);
}

fn encode_lists(envelope: &Envelope, writer: &mut Writer) {
    if !envelope.external_ids.is_empty() {
        let mut list = Writer::default();
        for external in &envelope.external_ids {
            list.bytes(external.source.as_bytes());
            list.bytes(external.key.as_bytes());
        }
        writer.blob(EXTERNAL_IDS, &list.finish());
    }
    if let Some(subject) = envelope.subject {
        writer.blob(SUBJECT, subject.as_bytes());
    }
    if !envelope.tags.is_empty() {
        let mut list = Writer::default();
        envelope.tags.iter().for_each(|tag| list.bytes(tag.as_bytes()));
        writer.blob(TAGS, &list.finish());
    }
    if !envelope.field_clocks.is_empty() {
        let mut list = Writer::default();
        for (field, stamp) in &envelope.field_clocks {
            list.varint(u128::from(field.number()));
            list.varint(u128::from(stamp.hlc));
            list.varint(u128::from(stamp.replica));
        }
        writer.blob(FIELD_CLOCKS, &list.finish());
    }
    if let Some(position) = envelope.newest_entry {
        let entries = (position, envelope.marked_behind);
        writer.blob(NEWEST_ENTRY, &encode_newest_entry(entries, envelope.version));
    }
    if let Some(reason) = &envelope.lock_reason {
        writer.blob(LOCK_REASON, reason.as_bytes());
    }
    if !envelope.marks.is_empty() {
        writer.blob(MARKS, &encode_marks(envelope));
    }
}

/// The class stands before the marks, for an older engine gives a record that changes hands another class and writes the
/// item back as it was.
fn encode_marks(envelope: &Envelope) -> Vec<u8> {
    let mut list = Writer::default();
    list.varint(u128::from(envelope.class.number()));
    for (label, beyond) in envelope.marks.iter().map(Mark::parts) {
        list.varint(u128::from(label));
        list.varint(u128::from(beyond));
    }
    list.finish()
}

/// The marks, if they are those of the class that the record has.
fn decode_marks(payload: &[u8], class: ClassId) -> Result<Marks> {
    let (mut list, mut marks) = (Reader::new(payload), BTreeSet::new());
    if list.unsigned::<u32>()? != class.number() {
        return Ok(Marks::default());
    }
    while !list.is_empty() {
        marks.insert(Mark::of_parts((list.unsigned()?, list.unsigned()?)));
    }
    Ok(Marks::new(marks))
}

/// The version stands beside the position, for an older engine writes the item back as it was when it
/// changes the record; a first version is left out. Behind it stands the entry that made the version, where
/// the record was marked anew since.
fn encode_newest_entry((position, marked_behind): (u64, Option<u64>), version: u64) -> Vec<u8> {
    let mut entry = Writer::default();
    entry.varint(u128::from(position));
    if version != 1 || marked_behind.is_some() {
        entry.varint(u128::from(version));
    }
    if let Some(made) = marked_behind {
        entry.varint(u128::from(made));
    }
    entry.finish()
}

/// The position, if it is that of the version that the record has, and the entry that made the version where that is
/// another one.
fn decode_newest_entry(payload: &[u8], version: u64) -> Result<(Option<u64>, Option<u64>)> {
    let mut entry = Reader::new(payload);
    let position = entry.unsigned()?;
    let of_version = if entry.is_empty() { 1 } else { entry.unsigned()? };
    let made = if entry.is_empty() { None } else { Some(entry.unsigned()?) };
    Ok(if of_version == version { (Some(position), made) } else { (None, None) })
}

/// Takes one item into the envelope; `false` for an item that this version does not know.
fn decode_envelope_item(item: &Item<'_>, envelope: &mut Envelope) -> Result<bool> {
    let narrow = |number: u64| u32::try_from(number).map_err(|_| damaged());
    let moment = || -> Result<Option<Timestamp>> {
        let bytes = item.payload.try_into().map_err(|_| damaged())?;
        Ok(Some(Timestamp::from_micros(i64::from_be_bytes(bytes))))
    };
    match item.number {
        OWNER => envelope.owner = item.id()?,
        UNIT => envelope.unit = Some(item.id()?),
        PARTITION => envelope.partition = narrow(item.unsigned()?)?,
        CLASS => envelope.class = ClassId::new(narrow(item.unsigned()?)?),
        RECORD_NUMBER => envelope.record_number = item.unsigned()?,
        RECORD_TYPE => envelope.record_type = narrow(item.unsigned()?)?,
        CREATED_HLC => envelope.created.hlc = item.unsigned()?,
        CREATED_REPLICA => envelope.created.replica = narrow(item.unsigned()?)?,
        CREATED_BY => envelope.created_by = item.id()?,
        MODIFIED_HLC => envelope.modified.hlc = item.unsigned()?,
        MODIFIED_REPLICA => envelope.modified.replica = narrow(item.unsigned()?)?,
        MODIFIED_BY => envelope.modified_by = item.id()?,
        ORIGINAL_AUTHOR => {
            envelope.original_author = Some(text_of(item.payload)?);
        }
        ORIGINAL_AT => envelope.original_at = moment()?,
        VERSION => envelope.version = item.unsigned()?,
        LIFECYCLE => envelope.lifecycle = narrow(item.unsigned()?)?,
        LOCKED_BY => envelope.locked_by = Some(item.id()?),
        LOCK_REASON => envelope.lock_reason = Some(text_of(item.payload)?),
        DELETED_AT => envelope.deleted_at = moment()?,
        PURGE_AFTER => envelope.purge_after = moment()?,
        SUBJECT => envelope.subject = Some(item.id()?),
        MARKS => envelope.marks = decode_marks(item.payload, envelope.class)?,
        NEWEST_ENTRY => {
            let entries = decode_newest_entry(item.payload, envelope.version)?;
            (envelope.newest_entry, envelope.marked_behind) = entries;
        }
        EXTERNAL_IDS | TAGS | FIELD_CLOCKS => decode_list(item, envelope)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn decode_list(item: &Item<'_>, envelope: &mut Envelope) -> Result<()> {
    let mut list = Reader::new(item.payload);
    while !list.is_empty() {
        match item.number {
            EXTERNAL_IDS => {
                envelope.external_ids.push(ExternalId { source: list.text()?, key: list.text()? });
            }
            TAGS => envelope.tags.push(list.text()?),
            _ => {
                let field = FieldId::new(list.unsigned()?);
                let stamp = Stamp { hlc: list.unsigned()?, replica: list.unsigned()? };
                envelope.field_clocks.insert(field, stamp);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::OpaqueValue;

    fn sample() -> Record {
        let id = |byte: u8| RecordId::from_bytes([byte; 16]);
        let stamp = Stamp { hlc: 7 << 16, replica: 3 };
        let mut envelope = Envelope::new(id(1), Some(id(2)), id(3), stamp);
        envelope.class = ClassId::new(9);
        envelope.record_number = 12;
        envelope.original_author = Some("旧系统".into());
        envelope.original_at = Some(Timestamp::from_micros(-5));
        envelope.external_ids = vec![ExternalId { source: "erp".into(), key: "K-1".into() }];
        envelope.tags = vec!["重点".into(), "vip".into()];
        envelope.field_clocks.insert(FieldId::new(70), stamp);
        envelope.subject = Some(id(4));
        envelope.deleted_at = Some(Timestamp::from_micros(99));
        envelope.newest_entry = Some(300);
        envelope.locked_by = Some(id(6));
        envelope.lock_reason = Some("合同审核".into());
        envelope.marks = Marks::new([Mark::Rule(3), Mark::Parent(3, ClassId::new(700))].into());
        let mut record = Record::new(id(5), EntityId::new(2), envelope);
        record.set(FieldId::new(64), Value::Text("加喜".into()));
        record.set(FieldId::new(70), Value::Int(-3));
        record
    }

    #[test]
    fn the_whole_envelope_comes_back_as_it_went() {
        let record = sample();
        let bytes = record.encode(3);
        assert_eq!(Record::decode(record.entity, record.id, &bytes).unwrap(), record);
    }

    #[test]
    fn a_newest_entry_that_is_not_of_the_present_version_is_forgotten() {
        for (version, made) in [(1, None), (2, None), (500, None), (1, Some(200)), (2, Some(0))] {
            let mut record = sample();
            (record.envelope.version, record.envelope.marked_behind) = (version, made);
            let item = encode_newest_entry((300, made), version);
            assert_eq!(Record::decode(record.entity, record.id, &record.encode(3)).unwrap(), record);
            assert_eq!(decode_newest_entry(&item, version).unwrap(), (Some(300), made));
            // An older engine changed the record, and wrote the item back as it was.
            assert_eq!(decode_newest_entry(&item, version + 1).unwrap(), (None, None));
        }
    }

    #[test]
    fn marks_that_are_not_of_the_present_class_are_forgotten() {
        let mut record = sample();
        let item = encode_marks(&record.envelope);
        assert_eq!(decode_marks(&item, record.envelope.class).unwrap(), record.envelope.marks);
        // An older engine gave the record to somebody else, and wrote the item back as it was.
        assert_eq!(decode_marks(&item, ClassId::new(10)).unwrap(), Marks::default());
        record.envelope.marks = Marks::default();
        assert_eq!(Record::decode(record.entity, record.id, &record.encode(3)).unwrap(), record);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn whatever_a_newer_version_adds_survives_a_rewrite_by_this_one(
            items in proptest::collection::btree_map(
                prop_oneof![40_u32..64, 1_000_u32..2_000], (prop_oneof![Just(13_u8), 16_u8..32], newer_payload()), 1..6,
            ),
            text in "\\PC{0,12}",
        ) {
            let mut newer = sample();
            newer.unknown = items
                .into_iter()
                .map(|(number, (kind, (wire, payload)))| RawItem { number, tag: (kind << 3) | wire, payload })
                .collect();
            let bytes = newer.encode(9);
            let mut older = Record::decode(newer.entity, newer.id, &bytes).unwrap();
            prop_assert_eq!(older.encode(9), bytes);
            older.set(FieldId::new(500), Value::Text(text.clone()));
            older.envelope.version += 1;
            let again = Record::decode(older.entity, older.id, &older.encode(3)).unwrap();
            let of_envelope = |item: &&RawItem| item.number < FIRST_FIELD;
            let kept: Vec<RawItem> = newer.unknown.iter().filter(of_envelope).cloned().collect();
            prop_assert_eq!(&again.unknown, &kept);
            for item in newer.unknown.iter().filter(|item| !of_envelope(item)) {
                let opaque = Value::Opaque(OpaqueValue::new(item.tag, &item.payload));
                prop_assert_eq!(again.value(FieldId::new(item.number)), opaque);
            }
            prop_assert_eq!(again.value(FieldId::new(500)), Value::Text(text));
        }
    }

    /// How a payload stands in the bytes, and the payload: nothing, a number, or bytes.
    fn newer_payload() -> impl Strategy<Value = (u8, Vec<u8>)> {
        prop_oneof![
            Just((0, Vec::new())),
            (0_u8..0x80).prop_map(|number| (1, vec![0x80 | number, 1])),
            proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| (2, bytes)),
        ]
    }

    #[test]
    fn items_of_a_newer_version_survive_a_rewrite() {
        let record = sample();
        let mut bytes = record.encode(3);
        // Number 40 of the envelope and number 65 with an unknown kind, in their places.
        let mut newer = Record::decode(record.entity, record.id, &bytes).unwrap();
        newer.unknown = vec![RawItem { number: 65, tag: (13 << 3) | 2, payload: vec![1, 2, 3] }];
        bytes = newer.encode(3);
        let again = Record::decode(record.entity, record.id, &bytes).unwrap();
        assert_eq!(again.encode(3), bytes);
        let opaque = Value::Opaque(OpaqueValue::new((13 << 3) | 2, &[1, 2, 3]));
        assert_eq!((again.unknown.len(), again.value(FieldId::new(65))), (0, opaque));
    }
}
