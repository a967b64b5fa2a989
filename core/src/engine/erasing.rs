//! Erasures: a person is forgotten, and a receipt says what was destroyed and what is left of it where.
//!
//! The key of the person goes when the record is durably empty, and the receipt is written last, so that none says more
//! than was done. If the process dies in between, the erasure is called again and gives a receipt then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::{Delete, NOBODY, Read};
use crate::base::{Code, EntityId, Error, RecordId, Result, hex, unhex};
use crate::engine::reader::found;
use crate::engine::signing::{SignatureOf, Signed};
use crate::engine::{
    Changes, Comparison, Condition, EntryKind, Find, Head, Listing, PageCursor, Session, Transaction,
    WriteOptions,
};
use crate::records::{self, hash_at};
use crate::schema::{EntityType, Registry};

pub use erasure_receipt::ErasureReceiptRecord;

/// What the bytes begin with that are signed.
const DOMAIN: &[u8] = b"guanxi.erasure.receipt.v1\0";
/// The version of the statement.
const VERSION: u32 = 1;
/// Longest basis, in bytes of UTF-8.
pub(super) const MAX_BASIS_BYTES: usize = 500;

/// What an erasure leaves behind to show that it was done.
pub mod erasure_receipt {
    use crate::schema::Text;
    use crate::schema::declare::entity;

    entity! {
        /// What an erasure destroyed, and where something is left of it for a while. It names the person by id alone.
        ErasureReceiptRecord = ("sys", 40, "erasure_receipt", "删除凭证", "Erasure receipt",
            "一次删除所销毁的内容，以及仍会暂存的位置；仅以标识指代当事人。", title "subject", data_subject false);
        /// The id of the record that was erased.
        SUBJECT: Text = 1, "subject", "当事人", "Subject",
            "被删除记录的标识。", [required = true, indexed = true, read_only = true];
        /// What the receipt says, as JSON; these bytes are signed.
        STATEMENT: Text = 2, "statement", "声明", "Statement",
            "凭证内容，JSON 格式；签名针对这些字节。", [required = true, read_only = true];
        /// The algorithm of the signature; none where the database has no signer.
        ALGORITHM: Text = 3, "algorithm", "签名算法", "Algorithm",
            "签名所用算法；数据库未配置签名者时为空。", [read_only = true];
        /// The key that signed, in hexadecimal digits.
        KEY: Text = 4, "signing_key", "签名公钥", "Signing key",
            "签名所用的公钥，十六进制。", [read_only = true];
        /// The signature, in hexadecimal digits.
        SIGNATURE: Text = 5, "signature", "签名", "Signature",
            "对声明的签名，十六进制。", [read_only = true];
    }
}

/// Why a person is erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErasureReason {
    /// The legal basis, or whatever explains it, at most 500 bytes. It is kept, so it should name nobody.
    pub basis: Option<String>,
    /// The request for it, a record of `sys.rights_request`.
    pub request: Option<RecordId>,
    /// Whether keyed hashes of the person's identifiers stay on the list of those who must not come back unnoticed; as
    /// the setting `privacy.suppress_erased` says if nothing is said.
    pub suppress: Option<bool>,
}

/// What an erasure did to the records of an entity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffectedRecords {
    /// The entity, by API name.
    pub entity: String,
    /// Records that were emptied for ever, with the keys of their histories.
    pub erased: u64,
    /// Records that were deleted because they refer to the person. Their histories stay.
    pub deleted: u64,
    /// Records whose reference to the person was emptied, or whose figures follow from the person.
    pub changed: u64,
}

/// Where something may be left of an erased person, and until when. The codes are those of the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remaining {
    /// Backups of the keys of persons that were made before, until they are deleted: with one of them, older backups
    /// say again what they held of the person.
    KeyBackups,
    /// Copies of the files that somebody made outside of the engine.
    FileCopies,
    /// Pages of the files that were freed and not used again, under their encryption, until the database is compacted.
    FreedPages,
    /// Parts of the search index, under their encryption, until it is purged or they are merged.
    SearchIndex,
    /// What other records say of the person in fields of theirs, until it is rectified there.
    OtherRecords,
}

impl Remaining {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::KeyBackups, Self::FileCopies, Self::FreedPages, Self::SearchIndex, Self::OtherRecords];
}

/// What a receipt says. Ids are texts, as everywhere in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureStatement {
    /// Version of the statement, 1.
    pub version: u32,
    /// The chain's hash at the first entry of the ledger, by which one database is told from another, in hexadecimal
    /// digits.
    pub origin: String,
    /// The entity of the record, by API name.
    pub entity: String,
    /// The id of the record, which is that of the person's key.
    pub subject: String,
    /// When, RFC 3339.
    pub at: String,
    /// Who erased.
    pub by: String,
    /// The basis, if one was given.
    pub basis: Option<String>,
    /// The request, if there is one.
    pub request: Option<String>,
    /// The code of the rule of retention that erased, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// How many keys were destroyed: that of the person and those of requests for corrections of the record. None for
    /// a person who was erased before.
    pub keys_destroyed: u64,
    /// What became of which records.
    pub affected: Vec<AffectedRecords>,
    /// How many attachments were taken away.
    pub attachments: u64,
    /// Of how many identifiers a keyed hash was put on the list of those who must not come back unnoticed.
    #[serde(default, skip_serializing_if = "is_none")]
    pub suppressed: u64,
    /// Where something may be left, and until when.
    pub remaining: Vec<Remaining>,
    /// The entry of the ledger with which the erasure ends, or, where a rule erased many, a later one.
    pub position: u64,
    /// The chain's hash there, in hexadecimal digits.
    pub hash: String,
}

/// A receipt of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureReceipt {
    /// The record that keeps it.
    pub id: RecordId,
    /// What it says.
    pub statement: ErasureStatement,
    /// The same as the text that is signed.
    pub text: String,
    /// How it is signed; nothing where the database has no signer.
    pub signature: Option<SignatureOf>,
}

/// What is found of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptCheck {
    /// Whether the signature holds; nothing where there is none, or nobody to say whose it should be.
    pub signature: Option<bool>,
    /// Whether the ledger has the entry of which it speaks, with this hash.
    pub in_ledger: bool,
    /// Whether the database keeps this very receipt.
    pub stored: bool,
    /// Whether the key of the person is gone.
    pub key_destroyed: bool,
    /// Whether the record is empty, or gone for good.
    pub record_empty: bool,
}

impl ReceiptCheck {
    /// Whether nothing speaks against it.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.signature != Some(false)
            && self.in_ledger
            && self.stored
            && self.key_destroyed
            && self.record_empty
    }
}

impl ErasureStatement {
    /// Says in which ledger it stands, by the hash of its first entry, and by which entry the erasure is done.
    pub(super) fn stand_at(&mut self, origin: &[u8], head: Head) {
        (self.origin, self.position, self.hash) = (hex(origin), head.position, hex(&head.hash));
    }
}

impl ErasureReceipt {
    /// A receipt that came from elsewhere, such as from the person.
    ///
    /// # Errors
    /// `input.invalid_argument` for a text that is no statement of version 1.
    pub fn parse(id: RecordId, text: &str, signature: Option<SignatureOf>) -> Result<Self> {
        let refused = || Error::new(Code::InvalidArgument).field("statement");
        let statement: ErasureStatement =
            serde_json::from_str(text).map_err(|error| refused().because(error))?;
        match statement.version == VERSION {
            true => Ok(Self { id, statement, text: text.to_owned(), signature }),
            false => Err(refused().rule("version 1")),
        }
    }

    fn of_row(row: &Listing) -> Result<Self> {
        let text = |field| Ok::<_, Error>(row.value(field)?.as_text().map(str::to_owned).unwrap_or_default());
        let damaged = || Error::new(Code::Damaged).entity(ErasureReceiptRecord::NAME).record(row.record.id);
        let bytes = |digits: String| unhex(&digits).ok_or_else(damaged);
        let algorithm = text(erasure_receipt::ALGORITHM)?;
        let signature = match algorithm.is_empty() {
            true => None,
            false => Some(SignatureOf {
                algorithm,
                key: bytes(text(erasure_receipt::KEY)?)?,
                signature: bytes(text(erasure_receipt::SIGNATURE)?)?,
            }),
        };
        Self::parse(row.record.id, &text(erasure_receipt::STATEMENT)?, signature)
    }
}

/// What an erasure did.
pub(super) struct Erased {
    /// Whose keys are to be destroyed.
    pub subjects: Vec<RecordId>,
    /// How many of those keys stood before.
    keys: u64,
    attachments: u64,
    suppressed: u64,
    affected: Vec<AffectedRecords>,
}

impl Session {
    /// Forgets a person: the record is emptied, and the key under which its whole history is sealed is
    /// destroyed, here and in every backup of the key file made from now on; so are the requests for corrections of the
    /// record. The ledger still verifies. The receipt says what is left of it where, and until when.
    /// The key goes after the record is durably empty; if the process dies in between, call it again.
    /// This cannot be taken back.
    ///
    /// # Errors
    /// `access.not_permitted` without the rights to administer and delete; `record.not_found`;
    /// `record.referenced` while other records refer to it; `record.locked`; `schema.invalid_definition` for an entity
    /// whose records are no persons.
    pub fn erase(&self, entity: &str, id: RecordId) -> Result<ErasureReceipt> {
        self.erase_for(entity, id, &ErasureReason::default())
    }

    /// As [`Session::erase`], with a reason that the receipt names.
    ///
    /// # Errors
    /// As [`Session::erase`]; `input.limit_exceeded` for a basis of more than 500 bytes.
    pub fn erase_for(&self, entity: &str, id: RecordId, reason: &ErasureReason) -> Result<ErasureReceipt> {
        self.check_administers(entity, id)?;
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        if !known.definition.data_subject {
            return Err(Error::new(Code::InvalidDefinition).entity(entity).rule("data subject"));
        }
        if reason.basis.as_ref().is_some_and(|basis| basis.len() > MAX_BASIS_BYTES) {
            let rule = format!("basis <= {MAX_BASIS_BYTES} bytes");
            return Err(Error::new(Code::LimitExceeded).field("basis").rule(&rule));
        }
        let options = WriteOptions::default().cause("record.erase");
        let erase = |transaction: &mut Transaction<'_>| transaction.erase_record(entity, id, reason);
        let (erased, head) = self.write_and(options, erase, None)?;
        // What the journal still has of the keys goes to their file first, and is destroyed there.
        self.crm().checkpoint()?;
        for subject in &erased.subjects {
            self.crm().inner.database.subjects.destroy(subject.as_bytes())?;
        }
        self.crm().inner.database.store.forget_kept();
        let mut statement = self.statement_of((&known.api_name, id), reason, &erased);
        let snapshot = self.crm().durable_snapshot()?;
        statement.stand_at(&hash_at(snapshot.as_ref(), 1)?, head);
        let receipt = self.receipt_of(statement)?;
        let options = WriteOptions::default().cause("privacy.receipt");
        let id = self.write_with(options, |transaction| transaction.keep_receipt(&receipt))?;
        Ok(ErasureReceipt { id, ..receipt })
    }

    /// What is to be said of an erasure, before it has its place in the ledger.
    pub(super) fn statement_of(
        &self,
        (entity, id): (&str, RecordId),
        reason: &ErasureReason,
        erased: &Erased,
    ) -> ErasureStatement {
        ErasureStatement {
            version: VERSION,
            origin: String::new(),
            entity: entity.to_owned(),
            subject: id.to_string(),
            at: self.crm().now().to_string(),
            by: self.user().to_string(),
            basis: reason.basis.clone(),
            request: reason.request.map(|request| request.to_string()),
            rule: None,
            keys_destroyed: erased.keys,
            affected: erased.affected.clone(),
            attachments: erased.attachments,
            suppressed: erased.suppressed,
            remaining: Remaining::ALL.to_vec(),
            position: 0,
            hash: String::new(),
        }
    }

    /// A receipt that says so, signed where the database has a signer, and kept by no record yet.
    pub(super) fn receipt_of(&self, statement: ErasureStatement) -> Result<ErasureReceipt> {
        let text =
            serde_json::to_string(&statement).map_err(|error| Error::new(Code::Panic).because(error))?;
        let signature = self.crm().sign(&signed_bytes(&text))?;
        Ok(ErasureReceipt { id: NOBODY, statement, text, signature })
    }

    /// Receipts of erasures, oldest first, a page at a time: all, or those of one record. `limit` 0 means 100.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to read `sys.erasure_receipt`; as [`Session::list`].
    pub fn erasure_receipts(
        &self,
        subject: Option<RecordId>,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<(Vec<ErasureReceipt>, Option<PageCursor>)> {
        let filter = subject.map_or(Condition::Everything, |subject| {
            let subject = subject.to_string();
            Condition::Compare(erasure_receipt::SUBJECT.into(), Comparison::Equal, subject.as_str().into())
        });
        let page =
            self.list(ErasureReceiptRecord::NAME, &Find { filter, after, limit, ..Find::default() })?;
        let receipts = page.rows.iter().map(ErasureReceipt::of_row).collect::<Result<Vec<_>>>()?;
        Ok((receipts, page.next))
    }

    /// Looks whether a receipt is true: its signature, by one of the keys of Ed25519 if some are given and else by the
    /// signer that the database was opened with; its place in the ledger; and whether the person is still forgotten.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `input.invalid_argument` for a statement with
    /// ids or hashes that are none; `storage.damaged`, `storage.io`.
    pub fn verify_erasure_receipt(
        &self,
        receipt: &ErasureReceipt,
        keys: &[[u8; 32]],
    ) -> Result<ReceiptCheck> {
        let crm = self.administered()?;
        let refused = |field: &str| Error::new(Code::InvalidArgument).field(field);
        let statement = &receipt.statement;
        let subject: RecordId = statement.subject.parse().map_err(|_| refused("subject"))?;
        let hash = unhex(&statement.hash).ok_or_else(|| refused("hash"))?;
        let snapshot = crm.durable_snapshot()?;
        let within = (1..=snapshot.head()?.position).contains(&statement.position);
        let bytes = signed_bytes(&receipt.text);
        let signature = match &receipt.signature {
            Some(signed) => crm.trusts(&Signed::of(signed, &bytes), keys)?,
            None => None,
        };
        Ok(ReceiptCheck {
            signature,
            in_ledger: within && hash_at(snapshot.as_ref(), statement.position)?.as_slice() == hash,
            stored: self.is_stored(receipt)?,
            key_destroyed: crm.inner.database.subjects.get(subject.as_bytes())?.is_none(),
            record_empty: self.is_empty(&statement.entity, subject)?,
        })
    }

    fn is_stored(&self, receipt: &ErasureReceipt) -> Result<bool> {
        let kept = self.read(|reader| found(reader.get(ErasureReceiptRecord::NAME, receipt.id)))?;
        let kept = kept.map(|row| ErasureReceipt::of_row(&row)).transpose()?;
        Ok(kept.is_some_and(|kept| kept == *receipt))
    }

    /// Whether a record was erased, or is gone for good.
    fn is_empty(&self, entity: &str, id: RecordId) -> Result<bool> {
        self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            let permit = reader.policy.bootstrap::<Read>(known.id());
            match found(records::get_standing(reader.snapshot, &permit, known, id))? {
                Some(record) => records::was_erased(reader.snapshot, &record, self.patience()),
                None => Ok(true),
            }
        })
    }
}

impl Transaction<'_> {
    /// Keeps a receipt in a record, whose id this gives.
    pub(super) fn keep_receipt(&mut self, receipt: &ErasureReceipt) -> Result<RecordId> {
        let mut changes = Changes::new()
            .set(erasure_receipt::SUBJECT, receipt.statement.subject.as_str())
            .set(erasure_receipt::STATEMENT, receipt.text.as_str());
        if let Some(signed) = &receipt.signature {
            changes = changes
                .set(erasure_receipt::ALGORITHM, signed.algorithm.as_str())
                .set(erasure_receipt::KEY, hex(&signed.key).as_str())
                .set(erasure_receipt::SIGNATURE, hex(&signed.signature).as_str());
        }
        self.create_in_own_right(ErasureReceiptRecord::NAME, changes)
    }

    pub(super) fn erase_record(
        &mut self,
        entity: &str,
        id: RecordId,
        reason: &ErasureReason,
    ) -> Result<Erased> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let first = self.view().entry_count();
        let permit = self.policy.decide::<Delete>(self.user(), entity.id(), &entity.api_name)?;
        let suppressed = self.suppress_erased(entity, id, (reason.suppress, reason.request))?;
        let going = match records::get_for_rule(self.view(), entity.id(), id)? {
            Some(live) if permit.allows(live.id, &live.envelope.access_class()) => {
                self.delete_dependents(entity, &live)?
            }
            _ => BTreeSet::new(),
        };
        let context = self.context_for(entity, BTreeSet::new());
        let emptied = records::erase(self.view_mut(), &context, &permit, entity, id, &going)?;
        self.unlinked.extend(emptied.files);
        self.forget_consents(entity, id)?;
        self.erase_comments(id)?;
        let mut subjects = self.erase_corrections(entity, id)?;
        subjects.push(id);
        // The entry of this erasure is sealed under a key, too, which one that was erased before gets for it.
        let mut keys = 0_u64;
        for subject in &subjects {
            let stood = self.crm().inner.database.subjects.get(subject.as_bytes())?.is_some();
            keys = keys.saturating_add(u64::from(stood));
        }
        Ok(Erased {
            subjects,
            keys,
            attachments: emptied.attachments,
            suppressed,
            affected: self.affected_since(first, &registry),
        })
    }

    /// Empties a record for ever in the engine's own right.
    pub(super) fn erase_in_own_right(&mut self, entity: &str, id: RecordId) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let permit = self.policy.bootstrap::<Delete>(entity.id());
        let context = self.context_for(entity, BTreeSet::new());
        let emptied = records::erase(self.view_mut(), &context, &permit, entity, id, &BTreeSet::new())?;
        self.unlinked.extend(emptied.files);
        Ok(())
    }

    /// What the transaction did to the records of each entity, from one of its entries on.
    fn affected_since(&self, first: usize, registry: &Registry) -> Vec<AffectedRecords> {
        let mut newest: BTreeMap<(EntityId, RecordId), EntryKind> = BTreeMap::new();
        let marks = |kind: EntryKind| kind == EntryKind::Mark;
        for (kind, entity, record) in self.view().entered_since(first).filter(|(kind, _, _)| !marks(*kind)) {
            newest.insert((entity, record), kind);
        }
        let mut affected: BTreeMap<String, AffectedRecords> = BTreeMap::new();
        for ((entity, _), kind) in newest {
            let Ok(entity) = registry.entity_by_id(entity) else { continue };
            let of = affected.entry(entity.api_name.clone()).or_default();
            let count = match kind {
                EntryKind::Erase => &mut of.erased,
                EntryKind::Delete => &mut of.deleted,
                _ => &mut of.changed,
            };
            *count = count.saturating_add(1);
        }
        let named = affected.into_iter().map(|(entity, of)| AffectedRecords { entity, ..of });
        named.collect()
    }
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

fn signed_bytes(text: &str) -> Vec<u8> {
    [DOMAIN, text.as_bytes()].concat()
}
