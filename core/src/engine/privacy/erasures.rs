//! Erasures by a rule of retention: the rows are emptied many at a time, then the keys go, then each person has a receipt.
//!
//! What a transaction has emptied stands beside it in the store until its keys are destroyed and its receipts are
//! written, so that an erasure that the end of a process interrupts is finished by the next run.

use crate::base::{Code, Error, RecordId, Result};
use crate::engine::erasing::{Erased, ErasureReason, ErasureReceipt, ErasureStatement, MAX_BASIS_BYTES};
use crate::engine::{Session, Transaction, WriteOptions};
use crate::records::hash_at;
use crate::storage::{Keyspace, RangeRequest, Snapshot};

/// What the keys begin with under which persons stand whose rows are empty and whose keys are about to go.
const ERASING: &[u8] = b"retention.erasing.";
/// Most persons that are finished at a time; a run empties fewer before it finishes them.
const MAX_PENDING: usize = 10_000;

/// A person whose row is empty, and what is to be said of the erasure; nothing where somebody else's receipt says it.
type Pending = (RecordId, Option<ErasureStatement>);

impl Session {
    /// Destroys the keys of persons whose rows are empty already, and writes their receipts.
    pub(super) fn finish_erasing(&self) -> Result<()> {
        let crm = self.crm();
        let (pending, origin, head) = {
            let snapshot = crm.inner.database.store.snapshot()?;
            let pending = erasing(snapshot.as_ref())?;
            if pending.is_empty() {
                return Ok(());
            }
            (pending, hash_at(snapshot.as_ref(), 1)?, snapshot.head()?)
        };
        // What the journal still has of the keys goes to their file first, and is destroyed there.
        crm.checkpoint()?;
        let mut receipts: Vec<(RecordId, Option<ErasureReceipt>)> = Vec::new();
        for (person, statement) in pending {
            crm.inner.database.subjects.destroy(person.as_bytes())?;
            let receipt = statement.map(|mut statement| {
                statement.stand_at(&origin, head);
                self.receipt_of(statement)
            });
            receipts.push((person, receipt.transpose()?));
        }
        crm.inner.database.store.forget_kept();
        let options = WriteOptions::default().cause("privacy.receipt");
        self.write_with(options, |transaction| {
            receipts
                .iter()
                .try_for_each(|(person, receipt)| transaction.finish_erasing(*person, receipt.as_ref()))
        })
    }
}

impl Transaction<'_> {
    /// Notes whose keys are to be destroyed once this transaction is durable, and what the receipt will say.
    pub(super) fn begin_erasing(
        &mut self,
        (entity, id): (&str, RecordId),
        (rule, basis): (&str, &str),
        erased: &Erased,
    ) -> Result<()> {
        // A character has at most four bytes.
        let basis: String = basis.chars().take(MAX_BASIS_BYTES / 4).collect();
        let reason = ErasureReason { basis: Some(basis), ..ErasureReason::default() };
        let statement = self.session().statement_of((entity, id), &reason, erased);
        let statement = ErasureStatement { rule: Some(rule.to_owned()), ..statement };
        let said = serde_json::to_vec(&statement).map_err(|error| Error::new(Code::Panic).because(error))?;
        for person in &erased.subjects {
            let said = if *person == id { said.clone() } else { Vec::new() };
            self.view_mut().put(Keyspace::Meta, erasing_key(*person), said);
        }
        Ok(())
    }

    fn finish_erasing(&mut self, person: RecordId, receipt: Option<&ErasureReceipt>) -> Result<()> {
        let key = erasing_key(person);
        if self.view().get(Keyspace::Meta, &key)?.is_none() {
            // Another call that ran at the same time has done it.
            return Ok(());
        }
        if let Some(receipt) = receipt {
            self.keep_receipt(receipt)?;
        }
        self.view_mut().remove(Keyspace::Meta, key);
        Ok(())
    }
}

fn erasing_key(person: RecordId) -> Vec<u8> {
    [ERASING, person.as_bytes()].concat()
}

fn erasing(snapshot: &dyn Snapshot) -> Result<Vec<Pending>> {
    let page = snapshot.scan(&RangeRequest::prefix(Keyspace::Meta, ERASING, MAX_PENDING))?;
    let pending = page.rows.iter().filter_map(|(key, said)| {
        // Nothing is said of the keys of corrections, nor by versions that wrote no receipts here.
        let statement = (!said.is_empty()).then(|| serde_json::from_slice(said));
        let damaged = |error| Error::new(Code::Damaged).rule("retention.erasing").because(error);
        let person = RecordId::from_suffix(key)?;
        Some(statement.transpose().map(|statement| (person, statement)).map_err(damaged))
    });
    pending.collect()
}
