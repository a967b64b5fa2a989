//! The ledger: one entry for each change, a header with commitments in the chain, values sealed beside it.
//!
//! The chain hash is SHA-256 over the hash before, the position and the header with its commitments, so
//! the chain verifies without any key, and goes on to when the key of a person is destroyed. FORMAT.md,
//! chapter "Ledger entry", describes every byte.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::base::{Code, EntityId, Error, FieldId, Random, RecordId, Result, Stamp, Value};
use crate::records::codec::{Reader, Writer, damaged, decode_value};
use crate::records::commitments::{Commitments, Root, SALT, SealedChange};
use crate::records::view::Sealer;
use crate::storage::{Head, LogEntry, LogRecord, Snapshot, seal, unseal};

/// The format that is read beside the present one.
const FORMAT_1: u8 = 1;
const FORMAT: u8 = 2;
pub(super) const CHAIN_DOMAIN: &[u8] = b"guanxi.ledger.chain.v1";

/// Bytes of a header, of the values of an entry and of one value, of usual length.
const USUAL_HEADER: usize = 192;
const USUAL_VALUES: usize = 512;
const USUAL_VALUE: usize = 64;

/// Flags of a header of format 2: which of the ids that most entries lack, or have twice, it names.
const ON_BEHALF: u8 = 1;
const SUBJECT_IS_RECORD: u8 = 2;
const SUBJECT_NAMED: u8 = 4;

/// Items behind the commitments of an entry. Versions that know none of them pass over what stands there.
const PREVIOUS: u32 = 1;

/// What stands in place of a field where an entry names several records: a list of their ids.
pub const NAMED_RECORDS: FieldId = FieldId::new(45);

/// What entries say that change no record: numbers among those of fields, and names.
const NOTE_FIELDS: [(FieldId, &str); 14] = [
    (NAMED_RECORDS, "records"),
    (FieldId::new(46), "fields"),
    (FieldId::new(47), "rows"),
    (FieldId::new(48), "form"),
    (FieldId::new(49), "filter"),
    (FieldId::new(50), "read_at"),
    (FieldId::new(51), "code"),
    (FieldId::new(52), "action"),
    (FieldId::new(53), "count"),
    (FieldId::new(54), "since"),
    (FieldId::new(55), "rule"),
    (FieldId::new(56), "person"),
    (FieldId::new(57), "first_entry"),
    (FieldId::new(58), "last_entry"),
];

/// The number under which an entry that changes no record says something.
#[must_use]
pub fn note_field(name: &str) -> Option<FieldId> {
    NOTE_FIELDS.iter().find(|(_, known)| *known == name).map(|(field, _)| *field)
}

/// The name of such a number.
#[must_use]
pub fn note_name(field: FieldId) -> Option<&'static str> {
    NOTE_FIELDS.iter().find(|(known, _)| *known == field).map(|(_, name)| *name)
}

/// What an entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EntryKind {
    /// A record was created.
    Create,
    /// A record was changed.
    Update,
    /// A record was deleted.
    Delete,
    /// A user signed in.
    SignIn,
    /// A sign-in was refused.
    SignInRefused,
    /// The registry changed.
    Schema,
    /// A setting of the organisation changed.
    Settings,
    /// A plugin was loaded.
    Plugin,
    /// Credentials of a user changed.
    Credential,
    /// A person was forgotten: the record's values and the key of its history are gone.
    Erase,
    /// A backup was written: everything left the database, sealed.
    Backup,
    /// The database was restored from backups, and this is its first entry since.
    Restore,
    /// A key that opens the database was added, changed or taken away, or the data key was changed.
    Key,
    /// An attachment was added to a record.
    Attach,
    /// An attachment was taken from a record.
    Detach,
    /// Records were read of which a policy wants to know who reads them.
    Read,
    /// Something left the database by a file or a stream: records, or the ledger itself.
    Export,
    /// A host printed records.
    Print,
    /// Somebody was refused what their roles do not grant.
    Denied,
    /// A rule over the ledger found something that a person should look at.
    Anomaly,
    /// Records that had been deleted long enough went for good.
    Purge,
    /// A record was marked anew, since a rule or a record that it follows has changed. Nobody changed the record itself.
    Mark,
    /// The text of an attachment was kept or taken away, by which search finds the attachment.
    Text,
}

impl EntryKind {
    const ALL: [(Self, u8, &'static str); 23] = [
        (Self::Create, 1, "create"),
        (Self::Update, 2, "update"),
        (Self::Delete, 3, "delete"),
        (Self::SignIn, 4, "sign_in"),
        (Self::SignInRefused, 5, "sign_in_refused"),
        (Self::Schema, 6, "schema"),
        (Self::Settings, 7, "settings"),
        (Self::Plugin, 8, "plugin"),
        (Self::Credential, 9, "credential"),
        (Self::Erase, 10, "erase"),
        (Self::Backup, 11, "backup"),
        (Self::Restore, 12, "restore"),
        (Self::Key, 13, "key"),
        (Self::Attach, 14, "attach"),
        (Self::Detach, 15, "detach"),
        (Self::Read, 16, "read"),
        (Self::Export, 17, "export"),
        (Self::Print, 18, "print"),
        (Self::Denied, 19, "denied"),
        (Self::Anomaly, 20, "anomaly"),
        (Self::Purge, 21, "purge"),
        (Self::Mark, 22, "mark"),
        (Self::Text, 23, "text"),
    ];

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _, _)| *kind == self).map_or("", |(_, _, name)| name)
    }

    /// The kind of a stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, _, known)| *known == name).map(|(kind, _, _)| *kind)
    }

    /// Whether the values of such an entry are those of a record or its attachments.
    #[must_use]
    pub fn tells_values(self) -> bool {
        self.is_of_record() || self.is_of_attachment()
    }

    /// Whether such an entry tells of an attachment.
    pub(crate) fn is_of_attachment(self) -> bool {
        matches!(self, Self::Attach | Self::Detach | Self::Text)
    }

    /// Whether the values of such an entry name records.
    pub(super) fn names_records(self) -> bool {
        matches!(self, Self::Read | Self::Export | Self::Print | Self::Anomaly | Self::Purge)
    }

    /// Whether such an entry is a change of one record that somebody has made.
    pub(crate) fn is_change(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Delete | Self::Erase)
    }

    /// Whether such an entry says what became of one record.
    pub(super) fn is_of_record(self) -> bool {
        self.is_change() || self == Self::Mark
    }

    /// Whether search finds something else of one record after such an entry.
    fn is_searched(self) -> bool {
        self.is_of_record() || matches!(self, Self::Detach | Self::Text)
    }

    pub(super) fn number(self) -> u8 {
        Self::ALL.iter().find(|(kind, _, _)| *kind == self).map_or(0, |(_, number, _)| *number)
    }

    fn from_number(number: u8) -> Result<Self> {
        let known = Self::ALL.iter().find(|(_, known, _)| *known == number).map(|(kind, _, _)| *kind);
        known.ok_or_else(|| Error::new(Code::NewerFormat).rule("kind of a ledger entry"))
    }
}

/// One field of an entry: what it was and what it became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// The field, or a number of the envelope.
    pub field: FieldId,
    /// Before.
    pub old: Value,
    /// After.
    pub new: Value,
}

/// An entry that is not in the chain yet.
#[derive(Debug, Clone)]
pub(super) struct PendingEntry {
    pub kind: EntryKind,
    pub stamp: Stamp,
    pub actor: RecordId,
    pub on_behalf_of: Option<RecordId>,
    pub cause: String,
    pub schema_version: u32,
    pub entity: EntityId,
    pub record: RecordId,
    pub subject: Option<RecordId>,
    /// The entry before it of the same record.
    pub previous: Option<u64>,
    pub changes: Vec<FieldChange>,
}

impl PendingEntry {
    pub fn subject(&self) -> Option<RecordId> {
        self.subject
    }
}

/// An entry as it is read back.
#[derive(Debug, Clone)]
pub struct LedgerEntry {
    /// Position, from 1.
    pub position: u64,
    /// The chain's hash here.
    pub hash: [u8; 32],
    /// What it records.
    pub kind: EntryKind,
    /// When.
    pub stamp: Stamp,
    /// Who.
    pub actor: RecordId,
    /// For whom.
    pub on_behalf_of: Option<RecordId>,
    /// By which verb, import or plugin.
    pub cause: String,
    /// The registry's version then.
    pub schema_version: u32,
    /// The entity; 0 where the entry is about none.
    pub entity: EntityId,
    /// The record; zeros where the entry is about none.
    pub record: RecordId,
    /// Whose key seals the values.
    pub subject: Option<RecordId>,
    /// The position of the entry before it of the same record. Entries that create a record have none, nor
    /// have those of older versions, and the first one that follows them.
    pub previous: Option<u64>,
    /// The fields that it changes, in the order of the values; they stand in the clear.
    pub fields: Vec<FieldId>,
    /// The values, or `None` if their subject was forgotten or they were pruned.
    pub changes: Option<Vec<FieldChange>>,
    /// Whether its values were taken out, because they are older than what its entity keeps.
    pub is_pruned: bool,
}

/// Links an entry to the one before it; the store calls this when it gives the position.
#[must_use]
pub fn chain_link(previous: &[u8; 32], position: u64, chained: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(CHAIN_DOMAIN)
        .chain_update(previous)
        .chain_update(position.to_be_bytes())
        .chain_update(chained)
        .finalize()
        .into()
}

/// Encodes and seals an entry.
pub(super) fn seal_entry(entry: &PendingEntry, key: &[u8; 32], random: &dyn Random) -> LogRecord {
    let mut salt = [0_u8; SALT];
    random.fill(&mut salt);
    let (mut header, mut values) = (Writer::with_room(USUAL_HEADER), Writer::with_room(USUAL_VALUES));
    write_header(&mut header, entry);
    values.raw(&salt);
    header.varint(entry.changes.len() as u128);
    let mut root = Root::new(&salt);
    let (mut old, mut new) = (Writer::with_room(USUAL_VALUE), Writer::with_room(USUAL_VALUE));
    for FieldChange { field, old: before, new: after } in &entry.changes {
        old.clear();
        old.value(0, before);
        new.clear();
        new.value(0, after);
        header.varint(u128::from(field.number()));
        root.add(&(*field, old.written(), new.written()));
        values.varint(u128::from(field.number()));
        values.bytes(old.written());
        values.bytes(new.written());
    }
    header.raw(&root.finish());
    if let Some(previous) = entry.previous {
        header.unsigned(PREVIOUS, previous);
    }
    let chained = header.finish();
    let sealed = seal(key, &Sha256::digest(&chained), &values.finish(), random);
    LogRecord { chained, sealed }
}

fn write_header(header: &mut Writer, entry: &PendingEntry) {
    let subject = match entry.subject {
        None => 0,
        Some(subject) if subject == entry.record => SUBJECT_IS_RECORD,
        Some(_) => SUBJECT_NAMED,
    };
    let flags = subject | if entry.on_behalf_of.is_some() { ON_BEHALF } else { 0 };
    header.raw(&[FORMAT, entry.kind.number(), flags]);
    header.raw(&entry.stamp.hlc.to_be_bytes());
    header.raw(&entry.stamp.replica.to_be_bytes());
    header.varint(u128::from(entry.schema_version));
    header.varint(u128::from(entry.entity.number()));
    let named = entry.subject.filter(|_| subject == SUBJECT_NAMED);
    for id in [Some(entry.actor), Some(entry.record), entry.on_behalf_of, named].into_iter().flatten() {
        header.raw(id.as_bytes());
    }
    header.bytes(entry.cause.as_bytes());
}

/// Reads an entry, opens its values and checks them against their commitments.
///
/// # Errors
/// `ledger.broken` naming the position when a value does not match its commitment.
pub(super) fn open_entry(entry: &LogEntry, sealer: &Sealer) -> Result<LedgerEntry> {
    let (mut ledger, commitments) = decode_header(entry).map_err(|error| error.record(entry.position))?;
    open_into((entry, &commitments), &mut ledger, sealer)?;
    Ok(ledger)
}

/// Opens the values of an entry whose header was read, and checks them against their commitments.
///
/// # Errors
/// As [`open_entry`].
pub(super) fn open_into(
    (entry, commitments): (&LogEntry, &Commitments),
    ledger: &mut LedgerEntry,
    sealer: &Sealer,
) -> Result<()> {
    if let Some(plain) = unseal_values(entry, ledger, sealer)? {
        let broken = |_| Error::new(Code::LedgerBroken).rule("sealed values").record(entry.position);
        ledger.changes = Some(open_values(&plain, commitments).map_err(broken)?);
    }
    Ok(())
}

/// Reads what stands in the clear of an entry, and the commitments to its values.
pub(super) fn decode_header(entry: &LogEntry) -> Result<(LedgerEntry, Commitments)> {
    let mut reader = Reader::new(&entry.record.chained);
    let format = reader.byte()?;
    let kind = EntryKind::from_number(reader.byte()?)?;
    let mut header = match format {
        FORMAT_1 => decode_ids_of_format_1(&mut reader, kind)?,
        FORMAT => decode_ids(&mut reader, kind)?,
        _ => return Err(Error::new(Code::NewerFormat).rule("ledger entry")),
    };
    (header.position, header.hash) = (entry.position, entry.hash);
    header.is_pruned = entry.record.sealed.is_empty();
    header.cause = reader.text()?;
    let commitments = match format {
        FORMAT_1 => Commitments::read_each(&mut reader)?,
        _ => Commitments::read_root(&mut reader)?,
    };
    header.fields = commitments.fields();
    while !reader.is_empty() {
        let item = reader.item()?;
        if item.number == PREVIOUS {
            header.previous = Some(item.unsigned()?);
        }
    }
    Ok((header, commitments))
}

fn decode_ids(reader: &mut Reader<'_>, kind: EntryKind) -> Result<LedgerEntry> {
    let flags = reader.byte()?;
    if flags & !(ON_BEHALF | SUBJECT_IS_RECORD | SUBJECT_NAMED) != 0 {
        return Err(Error::new(Code::NewerFormat).rule("ledger entry"));
    }
    let mut header = empty_header(kind, decode_stamp(reader)?);
    header.schema_version = reader.unsigned()?;
    header.entity = EntityId::new(reader.unsigned()?);
    let id = |reader: &mut Reader<'_>| Ok::<_, Error>(RecordId::from_bytes(reader.array()?));
    header.actor = id(reader)?;
    header.record = id(reader)?;
    header.on_behalf_of = (flags & ON_BEHALF != 0).then(|| id(reader)).transpose()?;
    header.subject = match flags & (SUBJECT_IS_RECORD | SUBJECT_NAMED) {
        0 => None,
        SUBJECT_IS_RECORD => Some(header.record),
        SUBJECT_NAMED => Some(id(reader)?),
        _ => return Err(damaged()),
    };
    Ok(header)
}

fn decode_ids_of_format_1(reader: &mut Reader<'_>, kind: EntryKind) -> Result<LedgerEntry> {
    let present = |bytes: [u8; 16]| (bytes != [0; 16]).then(|| RecordId::from_bytes(bytes));
    let mut header = empty_header(kind, decode_stamp(reader)?);
    header.actor = RecordId::from_bytes(reader.array()?);
    header.on_behalf_of = present(reader.array()?);
    header.subject = present(reader.array()?);
    header.schema_version = u32::from_be_bytes(reader.array()?);
    header.entity = EntityId::new(u32::from_be_bytes(reader.array()?));
    header.record = RecordId::from_bytes(reader.array()?);
    Ok(header)
}

fn decode_stamp(reader: &mut Reader<'_>) -> Result<Stamp> {
    Ok(Stamp { hlc: u64::from_be_bytes(reader.array()?), replica: u32::from_be_bytes(reader.array()?) })
}

/// An entry to read another one into.
fn empty_header(kind: EntryKind, stamp: Stamp) -> LedgerEntry {
    let nobody = RecordId::from_bytes([0; 16]);
    LedgerEntry {
        position: 0,
        hash: [0; 32],
        kind,
        stamp,
        actor: nobody,
        on_behalf_of: None,
        cause: String::new(),
        schema_version: 0,
        entity: EntityId::new(0),
        record: nobody,
        subject: None,
        previous: None,
        fields: Vec::new(),
        changes: None,
        is_pruned: false,
    }
}

/// A field with its encoded values before and after.
pub type RawChange = (FieldId, Vec<u8>, Vec<u8>);
/// A salt, and fields with their values as they lie beside it.
type RawValues = ([u8; SALT], Vec<RawChange>);

/// An entry with the bytes that its commitments are worked out from.
#[derive(Debug, Clone)]
pub struct OpenedEntry {
    /// What it says in the clear.
    pub entry: LedgerEntry,
    /// What the chain covers.
    pub chained: Vec<u8>,
    /// Salt and encoded values, or nothing where their subject was forgotten or they were pruned.
    pub values: Option<RawValues>,
}

/// Entries from a position on, at most `max`, with the bytes of their values.
///
/// # Errors
/// `ledger.broken` naming the position when a value does not match its commitment; `storage.damaged`.
pub fn read_raw(
    (snapshot, sealer): (&dyn Snapshot, &Sealer),
    first: u64,
    max: usize,
) -> Result<Vec<OpenedEntry>> {
    let entries = snapshot.read_log(first.saturating_sub(1), max)?;
    let open = |stored: LogEntry| {
        let (entry, commitments) = decode_header(&stored)?;
        let plain = unseal_values(&stored, &entry, sealer)?;
        let broken = |_| Error::new(Code::LedgerBroken).rule("sealed values").record(stored.position);
        let values = plain.map(|plain| {
            let (salt, fields) = split_values(&plain, &commitments).map_err(broken)?;
            let owned = fields.into_iter().map(|(field, old, new)| (field, old.to_vec(), new.to_vec()));
            Ok::<_, Error>((salt, owned.collect()))
        });
        Ok(OpenedEntry { entry, values: values.transpose()?, chained: stored.record.chained })
    };
    entries.into_iter().map(open).collect()
}

/// Holds values that come from elsewhere against what an entry commits to.
///
/// # Errors
/// `storage.damaged` where they are others.
pub fn check_committed(entry: &LogEntry, salt: &[u8; SALT], values: &[RawChange]) -> Result<()> {
    let (_, commitments) = decode_header(entry)?;
    let changes = values.iter().map(|(field, old, new)| (*field, old.as_slice(), new.as_slice()));
    commitments.check(salt, &changes.collect::<Vec<_>>())
}

/// The values of an entry before they are decoded, or nothing where their subject was forgotten or they were pruned.
fn unseal_values(
    entry: &LogEntry,
    header: &LedgerEntry,
    sealer: &Sealer,
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    if header.is_pruned {
        return Ok(None);
    }
    let Some(key) = sealer.find_key(header.subject)? else { return Ok(None) };
    let aad = Sha256::digest(&entry.record.chained);
    let broken = |_| Error::new(Code::LedgerBroken).rule("sealed values").record(entry.position);
    unseal(&key, &aad, &entry.record.sealed).map(Some).map_err(broken)
}

/// Salt and values, which are those that were committed to.
fn split_values<'v>(
    plain: &'v [u8],
    commitments: &Commitments,
) -> Result<([u8; SALT], Vec<SealedChange<'v>>)> {
    let mut reader = Reader::new(plain);
    let salt = reader.array()?;
    // As many fields were read of the header.
    let mut sealed: Vec<SealedChange<'_>> = Vec::with_capacity(commitments.count());
    for _ in 0..commitments.count() {
        sealed.push((FieldId::new(reader.unsigned()?), reader.bytes()?, reader.bytes()?));
    }
    commitments.check(&salt, &sealed)?;
    Ok((salt, sealed))
}

fn open_values(plain: &[u8], commitments: &Commitments) -> Result<Vec<FieldChange>> {
    let (_, sealed) = split_values(plain, commitments)?;
    sealed
        .into_iter()
        .map(|(field, old, new)| Ok(FieldChange { field, old: decode_value(old)?, new: decode_value(new)? }))
        .collect()
}

/// Reads the ledger in order.
#[derive(Debug)]
pub struct LedgerReader<'a> {
    sealer: &'a Sealer,
}

impl<'a> LedgerReader<'a> {
    /// A reader that opens values with these keys.
    #[must_use]
    pub fn new(sealer: &'a Sealer) -> Self {
        Self { sealer }
    }

    /// At most `max` entries after a position, oldest first.
    ///
    /// # Errors
    /// `ledger.broken`, `storage.damaged`, `storage.io`.
    pub fn read(&self, snapshot: &dyn Snapshot, after: u64, max: usize) -> Result<Vec<LedgerEntry>> {
        snapshot.read_log(after, max)?.iter().map(|entry| open_entry(entry, self.sealer)).collect()
    }
}

impl LedgerReader<'_> {
    /// The stamp of the newest entry, after which the clock goes on; zero for an empty ledger.
    ///
    /// # Errors
    /// As [`LedgerReader::read`].
    pub fn newest(&self, snapshot: &dyn Snapshot) -> Result<Stamp> {
        let head = snapshot.head()?;
        let newest = snapshot.read_log(head.position.saturating_sub(1), 1)?;
        newest.first().map_or(Ok(Stamp::default()), |entry| Ok(decode_header(entry)?.0.stamp))
    }
}

/// What an entry records and when, without a look at its values.
///
/// # Errors
/// `storage.damaged`.
pub(super) fn kind_and_stamp(entry: &LogEntry) -> Result<(EntryKind, Stamp)> {
    let (header, _) = decode_header(entry)?;
    Ok((header.kind, header.stamp))
}

/// Which records changed after a position, were marked anew, or lost or gained a text of an attachment, within the next
/// `max` entries, and the last of those.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn changed_after(
    snapshot: &dyn Snapshot,
    position: u64,
    max: usize,
) -> Result<(BTreeSet<(EntityId, RecordId)>, Head)> {
    let mut changed = BTreeSet::new();
    let last = walk(snapshot, position, max, &mut |_, header| {
        if header.kind.is_searched() {
            changed.insert((header.entity, header.record));
        }
    })?;
    Ok((changed, last))
}

/// A record that was created: the position of the entry that tells of it, its entity and its id.
pub type CreatedRecord = (u64, EntityId, RecordId);

/// Which records were created after a position, within the next `max` entries, by the positions of the entries that
/// tell of it, and the last of those entries.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn created_after(
    snapshot: &dyn Snapshot,
    position: u64,
    max: usize,
) -> Result<(Vec<CreatedRecord>, Head)> {
    let mut created = Vec::new();
    let last = walk(snapshot, position, max, &mut |position, header| {
        if header.kind == EntryKind::Create {
            created.push((position, header.entity, header.record));
        }
    })?;
    Ok((created, last))
}

/// What stands in the clear in the entries after a position, at most `max` of them.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn headers_after(snapshot: &dyn Snapshot, position: u64, max: usize) -> Result<Vec<LedgerEntry>> {
    let mut headers = Vec::new();
    let entries = snapshot.read_log(position, max)?;
    for entry in &entries {
        headers.push(decode_header(entry)?.0);
    }
    Ok(headers)
}

/// Hands the entries after a position to a function, at most `max` of them, and gives the last one.
fn walk(
    snapshot: &dyn Snapshot,
    position: u64,
    max: usize,
    visit: &mut dyn FnMut(u64, &LedgerEntry),
) -> Result<Head> {
    let entries = snapshot.read_log(position, max)?;
    for entry in &entries {
        visit(entry.position, &decode_header(entry)?.0);
    }
    let last = entries.last().map(|entry| Head { position: entry.position, hash: entry.hash });
    Ok(last.unwrap_or(Head { position, hash: [0; 32] }))
}
