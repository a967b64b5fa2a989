//! Methods that show that nobody has altered the ledger: verification, checkpoints, anchors, proofs.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{head_to_json, hex, unhex, with};
use crate::base::{Code, Error, Result};
use crate::engine::{Checkpoint, EntryProof, Head, LedgerCheck, is_good};

use super::maintenance::report_to_json;

methods! {
    /// Verifies the ledger. Without a range it also verifies records, indexes, unique keys, counters and
    /// attachments of the whole database. Without a signature by a key that is kept elsewhere, and without anchors,
    /// it holds against everybody but those who have the key of the database.
    "ledger.verify" (session, given: Verify {
        /// The first entry of a range; that of the ledger if not said.
        first: Option<u64>,
        /// The last entry of a range; that of the ledger if not said.
        last: Option<u64>,
        /// Public keys of Ed25519 as 64 hexadecimal digits: every checkpoint must be signed by one of them. Without
        /// any, it must be signed by the signer that the database is open with, if there is one.
        keys: Option<Vec<Json>>,
        /// What `ledger.heads` told before and was kept elsewhere: checkpoints, or {position, hash}.
        anchors: Option<Vec<Json>>,
        /// How many threads follow the chain at most; that of the call alone if not said, and never more than eight.
        threads: Option<u64>,
    }) -> "{first, last, entries, checkpoints, signed, anchors, head}, and without a range {forgotten, records, derived_keys, attachments}" {
        let check = LedgerCheck {
            first: given.first.unwrap_or_default(),
            last: given.last.unwrap_or_default(),
            anchors: given.anchors.iter().flatten().map(anchor_from_json).collect::<Result<_>>()?,
            threads: given.threads.map_or(0, |threads| usize::try_from(threads).unwrap_or(usize::MAX)),
        };
        let keys: Vec<[u8; 32]> = given
            .keys
            .iter()
            .flatten()
            .map(|key| bytes_from_json("keys", Some(key)))
            .collect::<Result<_>>()?;
        let report = session.verify_ledger(&check, &keys)?;
        let found = [
            ("first", json!(report.first)),
            ("last", json!(report.last)),
            ("checkpoints", json!(report.checkpoints)),
            ("signed", json!(report.signed)),
            ("anchors", json!(report.anchors)),
        ];
        if given.first.is_some() || given.last.is_some() {
            let entries = report.last.saturating_add(1).saturating_sub(report.first);
            let answer = json!({"entries": entries, "head": head_to_json(report.head)});
            return Ok(with(answer, found));
        }
        Ok(with(report_to_json(&session.verify()?), found))
    }

    /// Makes a checkpoint of the ledger: the chain's hash and the root of a Merkle tree (RFC 9162) over all entries,
    /// signed if the database is open with a signer. If nothing was entered since the newest, that is given.
    "ledger.checkpoint" (session, _given: MakeCheckpoint {}) -> "{sequence, position, hash, root, at, origin, previous, algorithm, key, signature, statement}" {
        Ok(checkpoint_to_json(&session.checkpoint_ledger()?))
    }

    /// Gives what is to be kept outside of the database: the newest entry and the checkpoints. Whoever keeps it
    /// notices later if the ledger was cut off, exchanged or written anew.
    "ledger.heads" (session, given: Heads {
        /// Checkpoints behind this number; from the first if not said.
        after: Option<u64>,
        /// Most checkpoints; 100 if not said, 1000 at the most.
        limit: Option<u64>,
    }) -> "{head, checkpoints}" {
        let limit = given.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let found = session.checkpoints(given.after.unwrap_or_default(), limit)?;
        let head = session.crm().head()?;
        let found: Vec<Json> = found.iter().map(checkpoint_to_json).collect();
        Ok(json!({"head": head_to_json(head), "checkpoints": found}))
    }

    /// Proves that an entry is in the ledger: what the chain covers of it, and the hashes that lead from it to the
    /// root of the tree. Values are not in it.
    "ledger.prove" (session, given: Prove {
        /// The position of the entry.
        position: u64,
        /// The number of the checkpoint by whose tree it is proven; the tree of all entries if not said.
        checkpoint: Option<u64>,
    }) -> "{position, before, chained, hash, size, path, root, checkpoint}" {
        let (proof, checkpoint) = session.prove_entry(given.position, given.checkpoint)?;
        let told = checkpoint.as_ref().map(checkpoint_to_json);
        Ok(with(proof_to_json(&proof), [("checkpoint", told.unwrap_or_default())]))
    }

    /// Checks a proof of `ledger.prove`, without a database. With a checkpoint in it, the proof must be by the tree of
    /// that; with a key, the checkpoint must be signed by it.
    "ledger.check_proof" with_or_without_session (_caller, given: CheckProof {
        /// The proof.
        proof: Map<String, Json>,
        /// A public key of Ed25519 as 64 hexadecimal digits.
        key: Option<String>,
        /// The root that the caller knows from elsewhere, as 64 hexadecimal digits.
        root: Option<String>,
    }) -> "{holds, signed}" {
        let proof = proof_from_json(&given.proof)?;
        let checkpoint = given.proof.get("checkpoint").and_then(Json::as_object);
        let checkpoint = checkpoint.map(checkpoint_from_json).transpose()?;
        let known = given.root.as_deref().map(|root| bytes("root", root)).transpose()?;
        let key = given.key.as_deref().map(|key| bytes("key", key)).transpose()?;
        let of_checkpoint = checkpoint.as_ref().is_none_or(|checkpoint| {
            (checkpoint.position, checkpoint.root) == (proof.size, proof.root)
        });
        let signed = match (&key, &checkpoint) {
            (Some(key), Some(checkpoint)) => is_good(checkpoint, key),
            (Some(_), None) => return Err(Error::new(Code::MissingParameter).field("proof.checkpoint")),
            (None, _) => false,
        };
        let holds = proof.holds()
            && of_checkpoint
            && known.is_none_or(|root| root == proof.root)
            && (key.is_none() || signed);
        Ok(json!({"holds": holds, "signed": signed}))
    }
}

/// A checkpoint as data.
pub(super) fn checkpoint_to_json(checkpoint: &Checkpoint) -> Json {
    json!({
        "origin": hex(&checkpoint.origin),
        "sequence": checkpoint.sequence,
        "position": checkpoint.position,
        "hash": hex(&checkpoint.hash),
        "root": hex(&checkpoint.root),
        "at": checkpoint.at.to_string(),
        "previous": hex(&checkpoint.previous),
        "algorithm": checkpoint.algorithm,
        "key": hex(&checkpoint.key),
        "signature": hex(&checkpoint.signature),
        "statement": hex(&checkpoint.statement()),
    })
}

fn checkpoint_from_json(json: &Map<String, Json>) -> Result<Checkpoint> {
    let refused = |name: &str| Error::new(Code::InvalidArgument).field(name).rule("of a checkpoint");
    let number = |name: &str| json.get(name).and_then(Json::as_u64).ok_or_else(|| refused(name));
    let text = |name: &str| json.get(name).and_then(Json::as_str).ok_or_else(|| refused(name));
    Ok(Checkpoint {
        origin: bytes_from_json("origin", json.get("origin"))?,
        sequence: number("sequence")?,
        position: number("position")?,
        hash: bytes_from_json("hash", json.get("hash"))?,
        root: bytes_from_json("root", json.get("root"))?,
        at: text("at")?.parse().map_err(|_| refused("at"))?,
        previous: bytes_from_json("previous", json.get("previous"))?,
        algorithm: text("algorithm")?.to_owned(),
        key: from_hex("key", text("key")?)?,
        signature: from_hex("signature", text("signature")?)?,
    })
}

fn proof_to_json(proof: &EntryProof) -> Json {
    json!({
        "position": proof.position,
        "before": hex(&proof.before),
        "chained": hex(&proof.chained),
        "hash": hex(&proof.hash()),
        "size": proof.size,
        "path": proof.path.iter().map(|hash| hex(hash)).collect::<Vec<_>>(),
        "root": hex(&proof.root),
    })
}

fn proof_from_json(json: &Map<String, Json>) -> Result<EntryProof> {
    let refused = |name: &str| Error::new(Code::InvalidArgument).field(name).rule("of a proof");
    let number = |name: &str| json.get(name).and_then(Json::as_u64).ok_or_else(|| refused(name));
    let path = json.get("path").and_then(Json::as_array).ok_or_else(|| refused("path"))?;
    let chained = json.get("chained").and_then(Json::as_str).ok_or_else(|| refused("chained"))?;
    let proof = EntryProof {
        position: number("position")?,
        before: bytes_from_json("before", json.get("before"))?,
        chained: from_hex("chained", chained)?,
        size: number("size")?,
        path: path.iter().map(|hash| bytes_from_json("path", Some(hash))).collect::<Result<_>>()?,
        root: bytes_from_json("root", json.get("root"))?,
    };
    let said: [u8; 32] = bytes_from_json("hash", json.get("hash"))?;
    if said != proof.hash() {
        return Err(refused("hash").rule("the hash of what is chained"));
    }
    Ok(proof)
}

fn anchor_from_json(json: &Json) -> Result<(Head, Option<[u8; 32]>)> {
    let refused = || Error::new(Code::InvalidArgument).field("anchors").rule("{position, hash}");
    let position = json.get("position").and_then(Json::as_u64).ok_or_else(refused)?;
    let hash = bytes_from_json("anchors", json.get("hash"))?;
    let root = match json.get("root") {
        None | Some(Json::Null) => None,
        root => Some(bytes_from_json("anchors", root)?),
    };
    Ok((Head { position, hash }, root))
}

pub(super) fn bytes_from_json(name: &str, json: Option<&Json>) -> Result<[u8; 32]> {
    let refused = || Error::new(Code::InvalidArgument).field(name).rule("64 hexadecimal digits");
    bytes(name, json.and_then(Json::as_str).ok_or_else(refused)?)
}

fn bytes(name: &str, text: &str) -> Result<[u8; 32]> {
    let refused = || Error::new(Code::InvalidArgument).field(name).rule("64 hexadecimal digits");
    from_hex(name, text)?.try_into().map_err(|_| refused())
}

pub(super) fn from_hex(name: &str, text: &str) -> Result<Vec<u8>> {
    unhex(text).ok_or_else(|| Error::new(Code::InvalidArgument).field(name).rule("hexadecimal digits"))
}
