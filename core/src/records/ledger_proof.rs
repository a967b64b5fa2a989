//! Verification of the ledger by itself: the chain of the whole or of a range, its checkpoints, anchors that
//! were kept elsewhere, and the proof of one entry.

use std::collections::BTreeMap;

use crate::base::{Code, Error, Patience, Result};
use crate::records::checkpoints::{Checkpoint, checkpoints};
use crate::records::ledger::chain_link;
use crate::records::ledger_follow::{Course, Said, follow};
use crate::records::ledger_search::read_span;
use crate::records::merkle::TreeHash;
use crate::records::merkle_nodes::{LedgerTree, root_by_path};
use crate::storage::{Head, Snapshot};

/// Checkpoints of one read.
const ROWS: usize = 500;

/// What shows that an entry is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryProof {
    /// The entry's position.
    pub position: u64,
    /// The chain's hash at the entry before it; zeros for the first.
    pub before: TreeHash,
    /// What the chain covers of the entry.
    pub chained: Vec<u8>,
    /// How many entries the tree has.
    pub size: u64,
    /// The hashes from the leaf to the root, the lowest first.
    pub path: Vec<TreeHash>,
    /// The root of the tree.
    pub root: TreeHash,
}

impl EntryProof {
    /// The chain's hash at the entry.
    #[must_use]
    pub fn hash(&self) -> TreeHash {
        chain_link(&self.before, self.position, &self.chained)
    }

    /// Whether the path leads from the entry to the root.
    #[must_use]
    pub fn holds(&self) -> bool {
        root_by_path(&self.hash(), self.position, self.size, &self.path) == Some(self.root)
    }
}

/// Proves an entry in the tree over the first `size` entries.
///
/// # Errors
/// `input.invalid_argument` for an entry that is not among them; `ledger.broken`, `storage.damaged`,
/// `engine.cancelled`, `engine.deadline_exceeded`.
pub fn prove(
    snapshot: &dyn Snapshot,
    tree: &mut LedgerTree<'_>,
    position: u64,
    size: u64,
) -> Result<EntryProof> {
    let head = snapshot.head()?.position;
    if size > head || position == 0 || position > size {
        return Err(Error::new(Code::InvalidArgument).field("position").rule("an entry of the tree"));
    }
    let before = hash_at(snapshot, position.saturating_sub(1))?;
    let entry = read_span(snapshot, position, position)?.pop();
    let chained = entry.map(|entry| entry.record.chained).unwrap_or_default();
    let path = tree.path(position, size)?;
    Ok(EntryProof { position, before, chained, size, path, root: tree.root(size)? })
}

/// The chain's hash at a position; zeros before the first entry.
///
/// # Errors
/// `ledger.broken`, `storage.damaged`.
pub fn hash_at(snapshot: &dyn Snapshot, position: u64) -> Result<TreeHash> {
    match position {
        0 => Ok([0; 32]),
        _ => Ok(read_span(snapshot, position, position)?.first().map(|entry| entry.hash).unwrap_or_default()),
    }
}

/// What is to be verified, and against what.
#[derive(Debug, Clone, Default)]
pub struct LedgerCheck {
    /// The first entry; 0 for that of the ledger.
    pub first: u64,
    /// The last entry; 0 for that of the ledger.
    pub last: u64,
    /// Checkpoints and heads that were kept outside of the database: position and hash, and a root if known.
    pub anchors: Vec<(Head, Option<TreeHash>)>,
    /// How many threads follow the chain at most: 0 and 1 for that of the call alone, and never more than eight. The
    /// others have ended when the call returns.
    pub threads: usize,
}

/// What a verification of the ledger found, when it found no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LedgerReport {
    /// The first entry that was looked at.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// Checkpoints that lie among them.
    pub checkpoints: u64,
    /// How many of them are signed, each by the key that was given.
    pub signed: u64,
    /// Anchors that were held against the ledger.
    pub anchors: u64,
    /// The newest entry.
    pub head: Head,
}

/// Follows the chain through entries, and holds checkpoints and anchors against it. `trusts` says whether the
/// signature of a checkpoint is good.
///
/// # Errors
/// `ledger.broken` naming the entry; `ledger.checkpoint_invalid` naming the checkpoint or the anchor;
/// `storage.damaged`, `engine.cancelled`, `engine.deadline_exceeded`.
pub fn verify_ledger(
    snapshot: &dyn Snapshot,
    check: &LedgerCheck,
    trusts: &dyn Fn(&Checkpoint) -> Result<bool>,
    patience: &Patience,
) -> Result<LedgerReport> {
    let head = snapshot.head()?;
    let (first, last) = bounds(check, head)?;
    let mut report = LedgerReport { first, last, head, ..LedgerReport::default() };
    let mut expected: BTreeMap<u64, Said> = BTreeMap::new();
    for (anchor, root) in &check.anchors {
        if anchor.position > head.position {
            return Err(invalid("the ledger is shorter than an anchor", anchor.position));
        }
        report.anchors = report.anchors.saturating_add(1);
        expected.entry(anchor.position).or_default().push((anchor.hash, *root));
    }
    let (among, signed) = verify_checkpoints(snapshot, (first, last), head, trusts)?;
    report.checkpoints = u64::try_from(among.len()).unwrap_or(u64::MAX);
    report.signed = signed;
    for checkpoint in among {
        expected.entry(checkpoint.position).or_default().push((checkpoint.hash, Some(checkpoint.root)));
    }
    let outside: Vec<u64> =
        expected.keys().copied().filter(|place| !(first..=last).contains(place)).collect();
    let mut tree = LedgerTree::new(snapshot, patience);
    for position in outside {
        let said = expected.remove(&position).unwrap_or_default();
        let root = if position == 0 { None } else { Some(tree.root(position)?) };
        hold(&said, position, hash_at(snapshot, position)?, root)?;
    }
    let course =
        Course { snapshot, bounds: (first, last), places: &expected, threads: check.threads, patience };
    follow(course, &mut |place| {
        let said = expected.get(&place.position).map(Vec::as_slice).unwrap_or_default();
        let root = match place.root {
            Some(root) => root,
            None => tree.root(place.position)?,
        };
        hold(said, place.position, place.hash, Some(root))
    })?;
    Ok(report)
}

fn bounds(check: &LedgerCheck, head: Head) -> Result<(u64, u64)> {
    let last = if check.last == 0 { head.position } else { check.last };
    let first = check.first.max(1);
    if last > head.position || first > last.max(1) {
        let rule = format!("a range up to {}, the newest entry", head.position);
        return Err(Error::new(Code::InvalidArgument).field("last").rule(&rule));
    }
    Ok((first, last))
}

fn hold(
    said: &[(TreeHash, Option<TreeHash>)],
    position: u64,
    hash: TreeHash,
    root: Option<TreeHash>,
) -> Result<()> {
    for (said_hash, said_root) in said {
        if *said_hash != hash {
            return Err(invalid("another chain", position));
        }
        if said_root.is_some() && *said_root != root {
            return Err(invalid("another tree", position));
        }
    }
    Ok(())
}

/// Every checkpoint follows on the one before it; gives those of a range, and how many are signed.
fn verify_checkpoints(
    snapshot: &dyn Snapshot,
    (first, last): (u64, u64),
    head: Head,
    trusts: &dyn Fn(&Checkpoint) -> Result<bool>,
) -> Result<(Vec<Checkpoint>, u64)> {
    let origin = hash_at(snapshot, head.position.min(1))?;
    let (mut among, mut signed) = (Vec::new(), 0_u64);
    let mut before: Option<Checkpoint> = None;
    loop {
        let after = before.as_ref().map_or(0, |before| before.sequence);
        let page = checkpoints(snapshot, after, ROWS)?;
        if page.is_empty() {
            return Ok((among, signed));
        }
        for checkpoint in page {
            check_succession(before.as_ref(), &checkpoint, (origin, head))?;
            if !trusts(&checkpoint)? {
                return Err(invalid("signature", checkpoint.position));
            }
            if (first..=last).contains(&checkpoint.position) {
                signed = signed.saturating_add(u64::from(checkpoint.is_signed()));
                among.push(checkpoint.clone());
            }
            before = Some(checkpoint);
        }
    }
}

fn check_succession(
    before: Option<&Checkpoint>,
    checkpoint: &Checkpoint,
    (origin, head): (TreeHash, Head),
) -> Result<()> {
    let (sequence, position, digest) = match before {
        Some(before) => (before.sequence, before.position, before.digest()),
        None => (0, 0, [0; 32]),
    };
    let follows = checkpoint.sequence == sequence.saturating_add(1)
        && checkpoint.position > position
        && checkpoint.previous == digest
        && before.is_none_or(|before| before.at <= checkpoint.at);
    if !follows {
        return Err(invalid("the order of checkpoints", checkpoint.position));
    }
    if checkpoint.origin != origin || checkpoint.position > head.position {
        return Err(invalid("another ledger", checkpoint.position));
    }
    Ok(())
}

fn invalid(rule: &str, position: u64) -> Error {
    Error::new(Code::CheckpointInvalid).rule(rule).record(position)
}
