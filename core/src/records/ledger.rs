//! The ledger: one entry for each change, a header with commitments in the chain, values sealed beside it.
//!
//! A commitment is HMAC-SHA-256 under a salt that lies sealed with the values: it proves a value to
//! whoever holds the subject's key, and says nothing to anybody once that key is destroyed. The chain
//! hash is SHA-256 over the hash before, the position and the header with its commitments, so the
//! chain verifies without any key. FORMAT.md, chapter "Ledger entry", describes every byte.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::base::{Code, EntityId, Error, FieldId, Random, RecordId, Result, Stamp, Value};
use crate::records::codec::{Reader, Writer, damaged, decode_value, encode_value};
use crate::records::view::Sealer;
use crate::storage::{Head, LogEntry, LogRecord, Snapshot, seal, unseal};

const FORMAT: u8 = 1;
const CHAIN_DOMAIN: &[u8] = b"guanxi.ledger.chain.v1";
const COMMITMENT_DOMAIN: &[u8] = b"guanxi.ledger.commitment.v1";

/// What an entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

impl EntryKind {
    const ALL: [(Self, u8, &'static str); 15] = [
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
    ];

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _, _)| *kind == self).map_or("", |(_, _, name)| name)
    }

    /// Whether such an entry says what became of one record.
    pub(super) fn is_of_record(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Delete | Self::Erase)
    }

    fn number(self) -> u8 {
        Self::ALL.iter().find(|(kind, _, _)| *kind == self).map_or(0, |(_, number, _)| *number)
    }

    fn from_number(number: u8) -> Result<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == number).map(|(kind, _, _)| *kind).ok_or_else(damaged)
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
    /// The values, or `None` if their subject was forgotten.
    pub changes: Option<Vec<FieldChange>>,
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
pub(super) fn seal_entry(entry: &PendingEntry, key: &[u8; 32], random: &dyn Random) -> Result<LogRecord> {
    let mut salt = [0_u8; 32];
    random.fill(&mut salt);
    let salted = salted(&salt)?;
    let mut header = encode_header(entry);
    let mut values = Writer::default();
    values.raw(&salt);
    header.varint(entry.changes.len() as u128);
    for change in &entry.changes {
        let (old, new) = (encode_value(&change.old), encode_value(&change.new));
        header.varint(u128::from(change.field.number()));
        header.raw(&commitment(&salted, change.field, &old, &new));
        values.varint(u128::from(change.field.number()));
        values.bytes(&old);
        values.bytes(&new);
    }
    let chained = header.finish();
    let sealed = seal(key, &Sha256::digest(&chained), &values.finish(), random);
    Ok(LogRecord { chained, sealed })
}

fn encode_header(entry: &PendingEntry) -> Writer {
    let mut header = Writer::default();
    header.raw(&[FORMAT, entry.kind.number()]);
    header.raw(&entry.stamp.hlc.to_be_bytes());
    header.raw(&entry.stamp.replica.to_be_bytes());
    header.raw(entry.actor.as_bytes());
    header.raw(&entry.on_behalf_of.map_or([0; 16], |id| *id.as_bytes()));
    header.raw(&entry.subject.map_or([0; 16], |id| *id.as_bytes()));
    header.raw(&entry.schema_version.to_be_bytes());
    header.raw(&entry.entity.number().to_be_bytes());
    header.raw(entry.record.as_bytes());
    header.bytes(entry.cause.as_bytes());
    header
}

/// The function of commitments under a salt. Its key is set up once for all fields of an entry.
fn salted(salt: &[u8; 32]) -> Result<Hmac<Sha256>> {
    Hmac::<Sha256>::new_from_slice(salt).map_err(|_| Error::new(Code::Panic))
}

fn commitment(salted: &Hmac<Sha256>, field: FieldId, old: &[u8], new: &[u8]) -> [u8; 32] {
    let mut mac = salted.clone();
    mac.update(COMMITMENT_DOMAIN);
    mac.update(&field.number().to_be_bytes());
    for part in [old, new] {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// A field and the commitment to its values.
pub(super) type Commitment = (FieldId, [u8; 32]);

/// Reads an entry, opens its values and checks them against their commitments.
///
/// # Errors
/// `ledger.broken` naming the position when a value does not match its commitment.
pub(super) fn open_entry(entry: &LogEntry, sealer: &Sealer) -> Result<LedgerEntry> {
    let at = |error: Error| error.record(entry.position);
    let (mut ledger, commitments) = decode_header(entry).map_err(at)?;
    if let Some(key) = sealer.find_key(ledger.subject)? {
        let aad = Sha256::digest(&entry.record.chained);
        let broken = || Error::new(Code::LedgerBroken).rule("sealed values").record(entry.position);
        let plain = unseal(&key, &aad, &entry.record.sealed).map_err(|_| broken())?;
        ledger.changes = Some(open_values(&plain, &commitments).map_err(|_| broken())?);
    }
    Ok(ledger)
}

/// Reads what stands in the clear of an entry, and the commitments to its values.
pub(super) fn decode_header(entry: &LogEntry) -> Result<(LedgerEntry, Vec<Commitment>)> {
    let mut reader = Reader::new(&entry.record.chained);
    if reader.byte()? != FORMAT {
        return Err(Error::new(Code::NewerFormat).rule("ledger entry"));
    }
    let present = |bytes: [u8; 16]| (bytes != [0; 16]).then(|| RecordId::from_bytes(bytes));
    let ledger = LedgerEntry {
        position: entry.position,
        hash: entry.hash,
        kind: EntryKind::from_number(reader.byte()?)?,
        stamp: Stamp {
            hlc: u64::from_be_bytes(reader.array()?),
            replica: u32::from_be_bytes(reader.array()?),
        },
        actor: RecordId::from_bytes(reader.array()?),
        on_behalf_of: present(reader.array()?),
        subject: present(reader.array()?),
        schema_version: u32::from_be_bytes(reader.array()?),
        entity: EntityId::new(u32::from_be_bytes(reader.array()?)),
        record: RecordId::from_bytes(reader.array()?),
        cause: reader.text()?,
        changes: None,
    };
    let count = reader.unsigned::<usize>()?;
    let mut commitments = Vec::new();
    for _ in 0..count {
        commitments.push((FieldId::new(reader.unsigned()?), reader.array()?));
    }
    Ok((ledger, commitments))
}

fn open_values(plain: &[u8], commitments: &[Commitment]) -> Result<Vec<FieldChange>> {
    let mut reader = Reader::new(plain);
    let salted = salted(&reader.array()?)?;
    let mut changes = Vec::with_capacity(commitments.len());
    for (field, expected) in commitments {
        let number = FieldId::new(reader.unsigned()?);
        let (old, new) = (reader.bytes()?, reader.bytes()?);
        if number != *field || commitment(&salted, number, old, new) != *expected {
            return Err(damaged());
        }
        changes.push(FieldChange { field: number, old: decode_value(old)?, new: decode_value(new)? });
    }
    Ok(changes)
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

/// Which records changed after a position, within the next `max` entries, and the last of those.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn changed_after(
    snapshot: &dyn Snapshot,
    position: u64,
    max: usize,
) -> Result<(BTreeSet<(EntityId, RecordId)>, Head)> {
    let entries = snapshot.read_log(position, max)?;
    let mut changed = BTreeSet::new();
    for entry in &entries {
        let (header, _) = decode_header(entry)?;
        if header.kind.is_of_record() {
            changed.insert((header.entity, header.record));
        }
    }
    let last = entries.last().map(|entry| Head { position: entry.position, hash: entry.hash });
    Ok((changed, last.unwrap_or(Head { position, hash: [0; 32] })))
}
