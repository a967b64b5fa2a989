//! Checkpoints of the ledger, and what is proven by them.
//!
//! The chain alone shows an alteration to whoever kept an older head of it. Whoever has the key of the database
//! can write the whole chain anew; that is noticed only by what the database does not have: a signature of a key
//! that is kept elsewhere, or a checkpoint that was kept elsewhere (an anchor). A signing key beside the
//! database protects against those who do not have it, and against nobody else.

use crate::base::{Code, Error, Result};
use crate::engine::signing::{ED25519, Signed, is_signed_by};
use crate::engine::{Crm, Head, Session};
use crate::records::{
    self, Checkpoint, EntryProof, LedgerCheck, LedgerReport, LedgerTree, TreeHash, newest_checkpoint,
};
use crate::storage::Snapshot;

/// Most checkpoints of one page.
const MAX_PAGE: usize = 1_000;
/// How often a checkpoint is made again because another one came first.
const MAX_RETRIES: u32 = 20;

impl Session {
    /// Makes a checkpoint at the newest durable entry, signed by the signer that the database was opened with;
    /// the newest one again, if nothing was entered since. The first one reads the whole ledger, each later one
    /// what was entered since.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; what the signer refuses;
    /// `ledger.broken`, `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn checkpoint_ledger(&self) -> Result<Checkpoint> {
        let crm = self.administered()?;
        for _ in 0..MAX_RETRIES {
            if let Some(made) = crm.make_checkpoint(self)? {
                return Ok(made);
            }
            self.patience().check()?;
        }
        Err(Error::new(Code::Conflict).rule("another checkpoint came first"))
    }

    /// Checkpoints behind a number, oldest first: 0 means 100 of them, and there are never more than 1,000.
    ///
    /// # Errors
    /// `access.not_permitted`; `storage.damaged`.
    pub fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<Checkpoint>> {
        let limit = if limit == 0 { 100 } else { limit.min(MAX_PAGE) };
        records::checkpoints(self.administered()?.durable_snapshot()?.as_ref(), after, limit)
    }

    /// Proves that an entry is in the ledger, by the tree of a checkpoint, or of all entries where none is named.
    ///
    /// # Errors
    /// `access.not_permitted`; `input.invalid_argument` for an entry that the tree does not have, and for a
    /// checkpoint that there is not; `ledger.broken`.
    pub fn prove_entry(
        &self,
        position: u64,
        checkpoint: Option<u64>,
    ) -> Result<(EntryProof, Option<Checkpoint>)> {
        let snapshot = self.administered()?.durable_snapshot()?;
        let found = match checkpoint {
            Some(sequence) => {
                let missing = || Error::new(Code::InvalidArgument).field("checkpoint").rule("a checkpoint");
                let next = records::checkpoints(snapshot.as_ref(), sequence.saturating_sub(1), 1)?.pop();
                Some(next.filter(|found| found.sequence == sequence).ok_or_else(missing)?)
            }
            None => None,
        };
        let size = match &found {
            Some(checkpoint) => checkpoint.position,
            None => snapshot.head()?.position,
        };
        let mut tree = LedgerTree::new(snapshot.as_ref(), self.patience());
        let proof = records::prove(snapshot.as_ref(), &mut tree, position, size)?;
        Ok((proof, found))
    }

    /// Verifies the ledger: the chain of the whole or of a range, every checkpoint, and what was kept elsewhere.
    /// Checkpoints must be signed by one of the keys of Ed25519, if some are given, and else by the signer
    /// that the database was opened with, if there is one; without either their signatures are not looked at.
    ///
    /// # Errors
    /// `access.not_permitted`; `ledger.broken` naming the entry; `ledger.checkpoint_invalid` naming checkpoint
    /// or anchor; `input.invalid_argument` for a range that there is not; `engine.cancelled`.
    pub fn verify_ledger(&self, check: &LedgerCheck, keys: &[[u8; 32]]) -> Result<LedgerReport> {
        let crm = self.administered()?;
        let snapshot = crm.durable_snapshot()?;
        let trusts = |checkpoint: &Checkpoint| crm.trusts_checkpoint(checkpoint, keys);
        records::verify_ledger(snapshot.as_ref(), check, &trusts, self.patience())
    }
}

impl Crm {
    /// Makes a checkpoint, or nothing where another one came first.
    fn make_checkpoint(&self, session: &Session) -> Result<Option<Checkpoint>> {
        let snapshot = self.durable_snapshot()?;
        let head = snapshot.head()?;
        let newest = newest_checkpoint(snapshot.as_ref())?;
        if let Some(newest) = &newest
            && newest.position == head.position
        {
            return Ok(Some(newest.clone()));
        }
        let mut tree = LedgerTree::new(snapshot.as_ref(), session.patience());
        let root = tree.root(head.position)?;
        let made = self.signed(self.statement_at(head, root, newest.as_ref(), snapshot.as_ref())?)?;
        let mut is_first = false;
        self.engine_write(session.patience(), |view| {
            let before = newest_checkpoint(view)?.map_or(0, |before| before.sequence);
            is_first = before.saturating_add(1) == made.sequence;
            if is_first {
                tree.keep(view);
                made.put(view);
            }
            Ok(())
        })?;
        Ok(is_first.then_some(made))
    }

    fn statement_at(
        &self,
        head: Head,
        root: TreeHash,
        before: Option<&Checkpoint>,
        snapshot: &dyn Snapshot,
    ) -> Result<Checkpoint> {
        Ok(Checkpoint {
            origin: records::hash_at(snapshot, head.position.min(1))?,
            sequence: before.map_or(0, |before| before.sequence).saturating_add(1),
            position: head.position,
            hash: head.hash,
            root,
            // The wall clock may step back; checkpoints do not.
            at: before.map_or(self.now(), |before| self.now().max(before.at)),
            previous: before.map_or([0; 32], Checkpoint::digest),
            algorithm: String::new(),
            key: Vec::new(),
            signature: Vec::new(),
        })
    }

    fn signed(&self, mut checkpoint: Checkpoint) -> Result<Checkpoint> {
        if let Some(signed) = self.sign(&checkpoint.statement())? {
            checkpoint.algorithm = signed.algorithm;
            checkpoint.key = signed.key;
            checkpoint.signature = signed.signature;
        }
        checkpoint.check_limits()?;
        Ok(checkpoint)
    }

    fn trusts_checkpoint(&self, checkpoint: &Checkpoint, keys: &[[u8; 32]]) -> Result<bool> {
        let Checkpoint { algorithm, key, signature, .. } = checkpoint;
        let statement = &checkpoint.statement();
        Ok(self.trusts(&Signed { algorithm, key, signature, statement }, keys)?.unwrap_or(true))
    }
}

/// Whether a checkpoint is signed by a key of Ed25519.
pub(crate) fn is_good(checkpoint: &Checkpoint, key: &[u8; 32]) -> bool {
    checkpoint.algorithm == ED25519
        && checkpoint.key == key
        && is_signed_by(key, &checkpoint.statement(), &checkpoint.signature)
}
