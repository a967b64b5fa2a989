//! Attachments: which files records have, where their bytes lie, and what of it still stands.
//!
//! A row says name, type, length and hash, and holds either the content itself or the key of its file,
//! sealed under the key of the record's data subject. A reverse row for each file says which rows link it.
//! A file is durable before the commit that links it, and goes after the commit that unlinks it: what a
//! crash leaves in between is a file that nothing links, which a sweep deletes.
//! FORMAT.md, chapter "Attachment", describes every byte.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::access::{Permit, Update};
use crate::base::{Code, EntityId, Error, FieldId, Patience, RecordId, Result, Timestamp, Value};
use crate::records::attachment_texts::{forget_text, verify_texts};
use crate::records::codec::{Reader, Writer, damaged};
use crate::records::ledger::{EntryKind, FieldChange};
use crate::records::view::{Sealer, WriteView};
use crate::records::{Record, WriteContext, row, write};
use crate::schema::{Entity, Registry};
use crate::storage::{
    BlobFile, BlobName, Blobs, DraftBlob, Keyspace, RangeRequest, Snapshot, continue_after, seal, unseal,
};

/// Largest content that lies in the row itself, in bytes.
pub const MAX_INLINE_BYTES: usize = 48 * 1_024;
/// Most attachments of one record.
const MAX_PER_RECORD: usize = 1_000;
/// Longest file name, in bytes of UTF-8.
const MAX_NAME_BYTES: usize = 255;
/// Longest media type, in bytes (RFC 6838 §4.2 allows 127 for each half).
const MAX_MEDIA_TYPE_BYTES: usize = 255;

/// Rows of one read.
pub(super) const PAGE: usize = 500;
const FORMAT: u8 = 1;
/// First byte of the keys of rows.
pub(super) const ROW: u8 = 1;
/// First byte of the keys of reverse rows.
const LINK: u8 = 2;
/// First byte of the keys of parts of texts.
pub(super) const TEXT: u8 = 3;
/// First byte of the keys of what waits to be read.
pub(super) const WAITING: u8 = 4;
/// First byte of the keys of what nobody reads until it is asked for again.
pub(super) const GIVEN_UP: u8 = 5;
/// Length of the name of a file.
const NAME_BYTES: usize = 32;

const NAME: u32 = 1;
const MEDIA_TYPE: u32 = 2;
const SIZE: u32 = 3;
const SHA256: u32 = 4;
const CREATED_AT: u32 = 5;
const CREATED_BY: u32 = 6;
const BLOB: u32 = 7;
const CONTENT_KEY: u32 = 8;
const CONTENT: u32 = 9;

/// What entries of the ledger say of an attachment: numbers among those of fields, and names.
pub const ATTACHMENT_FIELDS: [(FieldId, &str); 5] = [
    (FieldId::new(40), "attachment"),
    (FieldId::new(41), "file_name"),
    (FieldId::new(42), "media_type"),
    (FieldId::new(43), "size"),
    (FieldId::new(44), "sha256"),
];

/// A file that belongs to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: RecordId,
    /// What people call the file.
    pub name: String,
    /// Its media type, such as `application/pdf`, as the caller said.
    pub media_type: String,
    /// Length of the content in bytes.
    pub size: u64,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// When it was attached.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: RecordId,
}

/// A content that is ready to be attached.
#[derive(Debug)]
pub enum NewContent<'a> {
    /// So small that it lies in the row.
    Inline(Zeroizing<Vec<u8>>),
    /// A file without a name yet.
    Draft(DraftBlob<'a>),
}

/// A content that is there to be read.
#[derive(Debug)]
pub enum StoredContent {
    /// All of it.
    Inline(Zeroizing<Vec<u8>>),
    /// What it takes to read its file.
    File(BlobFile),
}

/// Where the bytes of a row are.
enum Place {
    /// Sealed, in the row.
    Inline(Vec<u8>),
    /// In a file, whose key is sealed in the row.
    File { name: BlobName, key: Vec<u8> },
}

/// A row of the table.
struct Stored {
    attachment: Attachment,
    place: Place,
}

/// The record's own part of the key of a row.
pub(super) fn place_key(entity: EntityId, record: RecordId, id: RecordId) -> Vec<u8> {
    [&entity.number().to_be_bytes()[..], record.as_bytes(), id.as_bytes()].concat()
}

/// The key of the row at a place.
pub(super) fn row_key(place: &[u8]) -> Vec<u8> {
    [&[ROW][..], place].concat()
}

fn record_prefix(entity: EntityId, record: RecordId) -> Vec<u8> {
    [&[ROW][..], &entity.number().to_be_bytes(), record.as_bytes()].concat()
}

fn link_prefix(name: &BlobName) -> Vec<u8> {
    [&[LINK][..], name.as_bytes()].concat()
}

fn link_key(name: &BlobName, place: &[u8]) -> Vec<u8> {
    [link_prefix(name).as_slice(), place].concat()
}

/// Refuses a name or type that no row takes.
///
/// # Errors
/// `input.invalid_argument` naming `name` or `media_type`.
pub fn check_names(name: &str, media_type: &str) -> Result<()> {
    let refused = |field, rule| Err(Error::new(Code::InvalidArgument).field(field).rule(rule));
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(['/', '\\']) || has_controls(name) {
        return refused("name", "1 to 255 bytes without control characters, / and \\");
    }
    if media_type.len() > MAX_MEDIA_TYPE_BYTES || has_controls(media_type) {
        return refused("media_type", "at most 255 bytes without control characters");
    }
    Ok(())
}

fn has_controls(text: &str) -> bool {
    text.contains(char::is_control)
}

/// Refuses unless a permit to change reaches a record that nobody has locked.
///
/// # Errors
/// `access.not_permitted`, `record.locked`.
pub fn check_changeable(permit: &Permit<Update>, entity: &Entity, record: &Record) -> Result<()> {
    check_reach(permit, entity, record)?;
    write::check_unlocked(permit, entity, record)
}

fn check_reach(permit: &Permit<Update>, entity: &Entity, record: &Record) -> Result<()> {
    if permit.allows(record.id, &record.envelope.access_class()) {
        return Ok(());
    }
    Err(Error::new(Code::NotPermitted).entity(&entity.api_name).record(record.id).rule("update"))
}

/// A record whose attachments change, its entity, and the permit to change it.
#[derive(Clone, Copy)]
pub struct Holder<'a> {
    /// What allows it.
    pub permit: &'a Permit<Update>,
    /// The entity of the record.
    pub entity: &'a Entity,
    /// The record as it stands.
    pub record: &'a Record,
}

impl Holder<'_> {
    /// Refuses unless the attachments of the record may be changed in this transaction.
    ///
    /// # Errors
    /// As [`attach`].
    pub fn check_write(&self, view: &WriteView<'_>, context: &WriteContext) -> Result<()> {
        self.permit.check(self.entity.id(), view.epoch())?;
        self.permit.check_actor(context.actor)?;
        check_changeable(self.permit, self.entity, self.record)
    }
}

/// Attaches a content to a record. A draft gets its name here, durably, before the commit links it.
///
/// # Errors
/// `access.not_permitted`, `storage.conflict` for a stale permit, `input.limit_exceeded` for too many
/// attachments, `storage.io`.
pub fn attach(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    holder: &Holder<'_>,
    attachment: Attachment,
    content: NewContent<'_>,
    (sealer, blobs): (&Sealer, &Blobs),
) -> Result<Attachment> {
    let Holder { entity, record, .. } = *holder;
    holder.check_write(view, context)?;
    if list(view, entity.id(), record.id)?.len() >= MAX_PER_RECORD {
        let error = Error::new(Code::LimitExceeded).entity(&entity.api_name).record(record.id);
        return Err(error.rule("1000 attachments of a record"));
    }
    let key = own_key(sealer, record.envelope.subject)?;
    let at = place_key(entity.id(), record.id, attachment.id);
    let place = match content {
        NewContent::Inline(bytes) => {
            Place::Inline(seal(&key, &associated(&at, CONTENT), &bytes, sealer.random.as_ref()))
        }
        NewContent::Draft(draft) => {
            let owner = record.envelope.subject.map_or([0; 16], |subject| *subject.as_bytes());
            let name = blobs.name_of(&owner, &attachment.sha256);
            let file = match linked_file(view, &name, &key)? {
                Some(file) => file,
                None => blobs.place(draft, &name)?,
            };
            view.put(Keyspace::Attachments, link_key(&name, &at), Vec::new());
            let key = seal(&key, &associated(&at, CONTENT_KEY), file.key.as_slice(), sealer.random.as_ref());
            Place::File { name, key }
        }
    };
    let stored = Stored { attachment, place };
    view.put(Keyspace::Attachments, row_key(&at), stored.encode());
    enter(view, context, EntryKind::Attach, record, &stored.attachment);
    Ok(stored.attachment)
}

/// Takes an attachment from a record; gives its file, if it had one, for the caller to delete once this is
/// durable and nothing links it.
///
/// # Errors
/// `record.not_found` for an attachment that the record does not have; as [`attach`].
pub fn detach(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    holder: &Holder<'_>,
    id: RecordId,
) -> Result<Option<BlobName>> {
    let Holder { entity, record, .. } = *holder;
    holder.check_write(view, context)?;
    let stored = load(view, entity, record.id, id)?;
    let name = unlink(view, &place_key(entity.id(), record.id, id), &stored)?;
    enter(view, context, EntryKind::Detach, record, &stored.attachment);
    Ok(name)
}

/// What was taken from a record with its attachments.
#[derive(Debug)]
pub struct Emptied {
    /// Files that nothing links any more.
    pub files: Vec<BlobName>,
    /// How many attachments there were.
    pub attachments: u64,
}

/// Takes every attachment from a record that is erased.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub(super) fn remove_all(view: &mut WriteView<'_>, entity: EntityId, record: RecordId) -> Result<Emptied> {
    let mut emptied = Emptied { files: Vec::new(), attachments: 0 };
    for stored in list(view, entity, record)? {
        emptied.files.extend(unlink(view, &place_key(entity, record, stored.attachment.id), &stored)?);
        emptied.attachments = emptied.attachments.saturating_add(1);
    }
    Ok(emptied)
}

/// The attachments of a record, in the order in which they came. The caller holds the record, and so the
/// right to read it.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn attachments(snapshot: &dyn Snapshot, record: &Record) -> Result<Vec<Attachment>> {
    let stored = list(snapshot, record.entity, record.id)?;
    Ok(stored.into_iter().map(|stored| stored.attachment).collect())
}

/// An attachment of a record with its content. The caller holds the record, and so the right to read it.
///
/// # Errors
/// `record.not_found` for an attachment that the record does not have; `storage.damaged`.
pub fn read_attachment(
    snapshot: &dyn Snapshot,
    entity: &Entity,
    record: &Record,
    id: RecordId,
    sealer: &Sealer,
) -> Result<(Attachment, StoredContent)> {
    let stored = load(snapshot, entity, record.id, id)?;
    let key = find_key(sealer, record.envelope.subject)?;
    let content = stored.open(&place_key(entity.id(), record.id, id), &key)?;
    Ok((stored.attachment, content))
}

/// Whether any row links a file.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn is_linked(snapshot: &dyn Snapshot, name: &BlobName) -> Result<bool> {
    let links = RangeRequest::prefix(Keyspace::Attachments, &link_prefix(name), 1);
    Ok(!snapshot.scan(&links)?.rows.is_empty())
}

/// Verifies every attachment: its record stands, its content is whole and is what the row says, links
/// are as many as files in rows, and texts open. Gives the number of attachments.
///
/// # Errors
/// `storage.damaged` naming entity and record, with the rule `attachment`; `engine.cancelled`.
pub(super) fn verify_attachments(
    snapshot: &dyn Snapshot,
    registry: &Registry,
    (sealer, blobs): (&Sealer, &Blobs),
    patience: &Patience,
) -> Result<u64> {
    let (mut count, mut files) = (0_u64, 0_u64);
    for_each_key(snapshot, ROW, patience, |key, value| {
        let Some((entity, record, id)) = split_place(key.get(1..).unwrap_or_default()) else {
            return Err(damaged().rule("attachment"));
        };
        let verified = verify_one(snapshot, (entity, record, id), &value, (sealer, blobs), patience);
        let is_file = verified.map_err(|error| match error.code() {
            Code::Damaged => {
                let name = registry.entity_by_id(entity).map_or("", |entity| entity.api_name.as_str());
                Error::new(Code::Damaged).entity(name).record(record).rule("attachment").because(error)
            }
            _ => error,
        })?;
        count = count.saturating_add(1);
        files = files.saturating_add(u64::from(is_file));
        patience.tell("attachments", count, 0);
        Ok(())
    })?;
    let mut links = 0_u64;
    for_each_key(snapshot, LINK, patience, |_, _| {
        links = links.saturating_add(1);
        Ok(())
    })?;
    if links != files {
        return Err(damaged().rule("attachment links"));
    }
    verify_texts(snapshot, sealer, patience)?;
    Ok(count)
}

/// Verifies one row; says whether its content lies in a file.
fn verify_one(
    snapshot: &dyn Snapshot,
    (entity, record, id): (EntityId, RecordId, RecordId),
    value: &[u8],
    (sealer, blobs): (&Sealer, &Blobs),
    patience: &Patience,
) -> Result<bool> {
    let owner = row::load(snapshot, entity, record)?.ok_or_else(damaged)?;
    let stored = Stored::decode(id, value)?;
    let at = place_key(entity, record, id);
    let key = find_key(sealer, owner.envelope.subject)?;
    let (digest, size, is_file): ([u8; 32], u64, bool) = match stored.open(&at, &key)? {
        StoredContent::Inline(bytes) => (Sha256::digest(&bytes).into(), bytes.len() as u64, false),
        StoredContent::File(file) => {
            let link = link_key(&file.name, &at);
            snapshot.get(Keyspace::Attachments, &link)?.ok_or_else(damaged)?;
            let mut reader = blobs.open(&file)?;
            let (mut hash, mut size) = (Sha256::new(), 0_u64);
            loop {
                patience.check()?;
                let text = reader.rest_of_block()?;
                if text.is_empty() {
                    break;
                }
                hash.update(text);
                let read = text.len();
                size = size.saturating_add(read as u64);
                reader.advance(read);
            }
            (hash.finalize().into(), size, true)
        }
    };
    let is_right = digest == stored.attachment.sha256 && size == stored.attachment.size;
    if is_right { Ok(is_file) } else { Err(damaged()) }
}

/// Visits every row whose key begins with a byte.
///
/// # Errors
/// `storage.io`, `engine.cancelled`, and those of the visit.
pub(super) fn for_each_key(
    snapshot: &dyn Snapshot,
    first: u8,
    patience: &Patience,
    mut visit: impl FnMut(&[u8], Vec<u8>) -> Result<()>,
) -> Result<()> {
    let mut range = RangeRequest::prefix(Keyspace::Attachments, &[first], PAGE);
    loop {
        patience.check()?;
        let page = snapshot.scan(&range)?;
        let last = page.rows.last().map(|(key, _)| key.clone());
        page.rows.into_iter().try_for_each(|(key, value)| visit(&key, value))?;
        match last {
            Some(last) if page.more => continue_after(&mut range, last),
            _ => return Ok(()),
        }
    }
}

/// Removes a row with its text and its link; gives the name of its file.
fn unlink(view: &mut WriteView<'_>, place: &[u8], stored: &Stored) -> Result<Option<BlobName>> {
    view.remove(Keyspace::Attachments, row_key(place));
    forget_text(view, place)?;
    Ok(match &stored.place {
        Place::Inline(_) => None,
        Place::File { name, .. } => {
            view.remove(Keyspace::Attachments, link_key(name, place));
            Some(*name)
        }
    })
}

/// The file of a name that another row links, whose key that row holds under the same subject's key.
fn linked_file(view: &WriteView<'_>, name: &BlobName, key: &[u8; 32]) -> Result<Option<BlobFile>> {
    let prefix = link_prefix(name);
    let page = view.scan(&RangeRequest::prefix(Keyspace::Attachments, &prefix, 1))?;
    let Some((link, _)) = page.rows.first() else { return Ok(None) };
    let place = link.get(prefix.len()..).unwrap_or_default();
    let (_, _, id) = split_place(place).ok_or_else(damaged)?;
    let value = view.get(Keyspace::Attachments, &row_key(place))?.ok_or_else(damaged)?;
    match Stored::decode(id, &value)?.open(place, key)? {
        StoredContent::File(file) if file.name == *name => Ok(Some(file)),
        _ => Err(damaged()),
    }
}

fn list(snapshot: &dyn Snapshot, entity: EntityId, record: RecordId) -> Result<Vec<Stored>> {
    let prefix = record_prefix(entity, record);
    let page = snapshot.scan(&RangeRequest::prefix(Keyspace::Attachments, &prefix, MAX_PER_RECORD))?;
    let rows = page.rows.iter();
    rows.map(|(key, value)| Stored::decode(RecordId::from_suffix(key).ok_or_else(damaged)?, value)).collect()
}

fn load(snapshot: &dyn Snapshot, entity: &Entity, record: RecordId, id: RecordId) -> Result<Stored> {
    let value = snapshot.get(Keyspace::Attachments, &row_key(&place_key(entity.id(), record, id)))?;
    Stored::decode(id, &value.ok_or_else(|| missing_attachment(id).entity(&entity.api_name))?)
}

/// That a record has no such attachment.
#[must_use]
pub fn missing_attachment(id: RecordId) -> Error {
    Error::new(Code::RecordNotFound).record(id).rule("attachment")
}

/// The key for what is sealed now, which is made if the subject has none.
pub(super) fn own_key(sealer: &Sealer, subject: Option<RecordId>) -> Result<Zeroizing<[u8; 32]>> {
    let Some(subject) = subject else { return Ok(sealer.database_key()) };
    let key = sealer.subjects.ensure_many(&[*subject.as_bytes()])?.pop();
    key.ok_or_else(|| Error::new(Code::Panic).rule("subject key"))
}

/// The key for what was sealed before.
pub(super) fn find_key(sealer: &Sealer, subject: Option<RecordId>) -> Result<Zeroizing<[u8; 32]>> {
    sealer.find_key(subject)?.ok_or_else(|| Error::new(Code::Damaged).rule("subject key"))
}

/// Binds a sealed part of a row to the row and to what it is.
pub(super) fn associated(place: &[u8], item: u32) -> Vec<u8> {
    [place, &item.to_be_bytes()].concat()
}

/// The entity, the record and the attachment of a place.
pub(super) fn split_place(place: &[u8]) -> Option<(EntityId, RecordId, RecordId)> {
    let (entity, rest) = place.split_first_chunk::<4>()?;
    let (record, rest) = rest.split_first_chunk::<16>()?;
    let id = <[u8; 16]>::try_from(rest).ok()?;
    let entity = EntityId::new(u32::from_be_bytes(*entity));
    Some((entity, RecordId::from_bytes(*record), RecordId::from_bytes(id)))
}

/// A row with where it stands, out of a table that may be damaged.
pub(super) struct RowOfAttachment {
    place: Vec<u8>,
    entity: EntityId,
    record: RecordId,
    stored: Stored,
}

impl RowOfAttachment {
    /// Reads a row; nothing for one of another kind.
    ///
    /// # Errors
    /// `storage.damaged`, `storage.newer_format`.
    pub fn read(key: &[u8], value: &[u8]) -> Result<Option<Self>> {
        let Some((&ROW, place)) = key.split_first() else { return Ok(None) };
        let Some((entity, record, id)) = split_place(place) else { return Ok(None) };
        let stored = Stored::decode(id, value)?;
        Ok(Some(Self { place: place.to_vec(), entity, record, stored }))
    }

    /// What it says of the attachment.
    pub fn attachment(&self) -> &Attachment {
        &self.stored.attachment
    }

    /// The entity of the record that it belongs to.
    pub fn entity(&self) -> EntityId {
        self.entity
    }

    /// The record that it belongs to.
    pub fn record(&self) -> RecordId {
        self.record
    }
}

/// The content of a row whose record may be lost: sealed under the key of the person that the record is,
/// or of the database.
///
/// # Errors
/// `storage.damaged` where neither opens it.
pub(super) fn open_row(row: &RowOfAttachment, sealer: &Sealer) -> Result<StoredContent> {
    if let Some(key) = sealer.subjects.get(row.record.as_bytes())?
        && let Ok(content) = row.stored.open(&row.place, &key)
    {
        return Ok(content);
    }
    row.stored.open(&row.place, &sealer.database_key())
}

/// Whether a row is one of an attachment itself.
pub(super) fn is_attachment(key: &[u8]) -> bool {
    key.first() == Some(&ROW)
}

/// The record that a row of any kind belongs to.
pub(super) fn record_of(key: &[u8]) -> Option<(EntityId, RecordId)> {
    let place = match key.split_first()? {
        (&ROW, place) => place,
        (&LINK, link) => link.get(NAME_BYTES..)?,
        (&TEXT, part) => part.split_last()?.1,
        (&WAITING | &GIVEN_UP, place) => place,
        _ => return None,
    };
    split_place(place).map(|(entity, record, _)| (entity, record))
}

/// The name of the file that a reverse row is about; nothing for a row of another kind.
pub(super) fn linked_name(key: &[u8]) -> Option<BlobName> {
    let link = key.split_first().filter(|(kind, _)| **kind == LINK).map(|(_, link)| link)?;
    link.first_chunk::<NAME_BYTES>().map(|name| BlobName::from_bytes(*name))
}

fn enter(
    view: &mut WriteView<'_>,
    context: &WriteContext,
    kind: EntryKind,
    record: &Record,
    attachment: &Attachment,
) {
    let digest: String = attachment.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let values = [
        Value::Id(attachment.id),
        Value::Text(attachment.name.clone()),
        Value::Text(attachment.media_type.clone()),
        Value::Int(i64::try_from(attachment.size).unwrap_or(i64::MAX)),
        Value::Text(digest),
    ];
    let changes = ATTACHMENT_FIELDS.iter().zip(values).map(|((field, _), value)| match kind {
        EntryKind::Detach => FieldChange { field: *field, old: value, new: Value::Null },
        _ => FieldChange { field: *field, old: Value::Null, new: value },
    });
    write::enter(view, context, kind, (record, None), changes.collect());
}

impl Stored {
    fn encode(&self) -> Vec<u8> {
        let Attachment { name, media_type, size, sha256, created_at, created_by, .. } = &self.attachment;
        let mut writer = Writer::default();
        writer.raw(&[FORMAT]);
        writer.value(NAME, &Value::Text(name.clone()));
        writer.value(MEDIA_TYPE, &Value::Text(media_type.clone()));
        writer.unsigned(SIZE, *size);
        writer.blob(SHA256, sha256);
        writer.value(CREATED_AT, &Value::DateTime(*created_at));
        writer.value(CREATED_BY, &Value::Id(*created_by));
        match &self.place {
            Place::File { name, key } => {
                writer.blob(BLOB, name.as_bytes());
                writer.blob(CONTENT_KEY, key);
            }
            Place::Inline(content) => writer.blob(CONTENT, content),
        }
        writer.finish()
    }

    fn decode(id: RecordId, bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != FORMAT {
            return Err(Error::new(Code::NewerFormat).rule("attachment"));
        }
        let mut attachment = Attachment {
            id,
            name: String::new(),
            media_type: String::new(),
            size: 0,
            sha256: [0; 32],
            created_at: Timestamp::from_micros(0),
            created_by: RecordId::from_bytes([0; 16]),
        };
        let (mut blob, mut key, mut content) = (None, None, None);
        while !reader.is_empty() {
            let item = reader.item()?;
            // The kinds of the envelope are none of a value.
            match (item.number, item.value()?) {
                (NAME, Value::Text(name)) => attachment.name = name,
                (MEDIA_TYPE, Value::Text(media_type)) => attachment.media_type = media_type,
                (CREATED_AT, Value::DateTime(at)) => attachment.created_at = at,
                (CREATED_BY, Value::Id(by)) => attachment.created_by = by,
                (SIZE, Value::Opaque(_)) => attachment.size = item.unsigned()?,
                (SHA256, Value::Opaque(_)) => attachment.sha256 = array(item.payload)?,
                (BLOB, Value::Opaque(_)) => {
                    blob = Some(BlobName::from_bytes(array::<NAME_BYTES>(item.payload)?))
                }
                (CONTENT_KEY, Value::Opaque(_)) => key = Some(item.payload),
                (CONTENT, Value::Opaque(_)) => content = Some(item.payload),
                _ => {}
            }
        }
        let place = match (blob, key, content) {
            (Some(name), Some(key), None) => Place::File { name, key: key.to_vec() },
            (None, None, Some(content)) => Place::Inline(content.to_vec()),
            _ => return Err(damaged()),
        };
        Ok(Self { attachment, place })
    }

    /// Opens what is sealed in the row at a place.
    fn open(&self, place: &[u8], key: &[u8; 32]) -> Result<StoredContent> {
        match &self.place {
            Place::Inline(sealed) => {
                let bytes = unseal(key, &associated(place, CONTENT), sealed)?;
                Ok(StoredContent::Inline(bytes))
            }
            Place::File { name, key: sealed } => {
                let plain = unseal(key, &associated(place, CONTENT_KEY), sealed)?;
                let bytes = plain.first_chunk::<32>().filter(|_| plain.len() == 32).ok_or_else(damaged)?;
                let key = Zeroizing::new(*bytes);
                Ok(StoredContent::File(BlobFile { name: *name, size: self.attachment.size, key }))
            }
        }
    }
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| damaged())
}
