//! Checkpoints, proofs and anchors, against a Merkle tree that is worked out by its definition.

use std::sync::Arc;

use guanxi::api::{call, call_without_session};
use guanxi::engine::{CheckpointSigner, Ed25519Key};
use guanxi::model::account;
use guanxi::{Code, Patience, RestoreOptions, Result, Session};
use guanxi_tests::{House, database, options, refusal};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::backup::{full, keys, restored, since};

const SECRET: [u8; 32] = [9; 32];

fn signed() -> House {
    House::with(|options| options.checkpoint_signer(Arc::new(Ed25519Key::from_secret(&SECRET))))
}

fn public(secret: &[u8; 32]) -> String {
    hex(&Ed25519Key::from_secret(secret).public())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &Json) -> Vec<u8> {
    let digits: Vec<u32> = text.as_str().unwrap().chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

fn write(house: &House, count: usize) {
    let made = house.admin.write(|transaction| {
        for number in 0..count {
            transaction.create(account::named(&format!("加喜 {number}")))?;
        }
        Ok(())
    });
    made.unwrap();
}

fn told(session: &Session, method: &str, given: &Json) -> Json {
    call(session, method, given).unwrap_or_else(|error| panic!("{method} {given}: {error}"))
}

/// The chain's hash at every entry.
fn hashes(session: &Session) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let page = told(session, "ledger.list", &json!({"after": all.len(), "limit": 1000}));
        let entries = page["entries"].as_array().unwrap();
        if entries.is_empty() {
            return all;
        }
        all.extend(entries.iter().map(|entry| unhex(&entry["hash"])));
    }
}

/// RFC 9162, section 2.1.1, word for word.
fn root(leaves: &[Vec<u8>]) -> Vec<u8> {
    let hash = |mark: u8, parts: [&[u8]; 2]| {
        Sha256::new().chain_update([mark]).chain_update(parts[0]).chain_update(parts[1]).finalize().to_vec()
    };
    match leaves {
        [] => Sha256::digest([]).to_vec(),
        [one] => hash(0, [one, &[]]),
        _ => {
            let half = leaves.len().next_power_of_two() / 2;
            hash(1, [&root(&leaves[..half]), &root(&leaves[half..])])
        }
    }
}

/// Checks a proof without any database.
fn holds(proof: &Json, further: &Json) -> Result<bool> {
    let mut given = further.clone();
    given["proof"] = proof.clone();
    let answer = call_without_session("ledger.check_proof", &given, &Patience::default())?;
    Ok(answer["holds"].as_bool().unwrap())
}

#[test]
fn every_entry_of_a_ledger_of_any_size_is_proven_by_the_tree_of_the_definition() {
    let house = database();
    for count in [1, 2, 5, 16] {
        write(&house, count);
        let leaves = hashes(&house.admin);
        for position in 1..=leaves.len() {
            let proof = told(&house.admin, "ledger.prove", &json!({"position": position}));
            assert_eq!(unhex(&proof["root"]), root(&leaves), "{position} of {}", leaves.len());
            assert_eq!(unhex(&proof["hash"]), leaves[position - 1]);
            assert!(holds(&proof, &json!({"root": proof["root"]})).unwrap());
            let length = proof["path"].as_array().unwrap().len();
            assert!(length <= leaves.len().next_power_of_two().ilog2() as usize);
        }
    }
}

#[test]
fn proofs_over_several_blocks_hold_before_and_after_nodes_are_kept() {
    let house = database();
    write(&house, 2_500);
    let leaves = hashes(&house.admin);
    for round in 0..2 {
        for position in [1, 2, 1023, 1024, 1025, 2048, 2049, leaves.len() - 1, leaves.len()] {
            let proof = told(&house.admin, "ledger.prove", &json!({"position": position}));
            assert_eq!(unhex(&proof["root"]), root(&leaves), "{position}, round {round}");
            assert!(holds(&proof, &json!({})).unwrap(), "{position}, round {round}");
        }
        let checkpoint = told(&house.admin, "ledger.checkpoint", &json!({}));
        assert_eq!(unhex(&checkpoint["root"]), root(&leaves));
    }
    write(&house, 700);
    let checkpoint = told(&house.admin, "ledger.checkpoint", &json!({}));
    assert_eq!(unhex(&checkpoint["root"]), root(&hashes(&house.admin)));
    assert_eq!(checkpoint["sequence"], 2);
    let earlier = told(&house.admin, "ledger.prove", &json!({"position": 77, "checkpoint": 1}));
    assert_eq!(unhex(&earlier["root"]), root(&leaves));
    assert!(holds(&earlier, &json!({})).unwrap());
    assert!(house.verified() > 3_000);
}

#[test]
fn a_proof_that_was_altered_in_any_part_does_not_hold() {
    let house = signed();
    write(&house, 9);
    told(&house.admin, "ledger.checkpoint", &json!({}));
    let proof = told(&house.admin, "ledger.prove", &json!({"position": 5, "checkpoint": 1}));
    let key = json!({"key": public(&SECRET)});
    assert!(holds(&proof, &key).unwrap());
    assert!(!holds(&proof, &json!({"key": public(&[8; 32])})).unwrap());
    assert!(!holds(&proof, &json!({"root": "00".repeat(32)})).unwrap());
    let flipped = |text: &Json| {
        let text = text.as_str().unwrap();
        let first = if text.starts_with('0') { '1' } else { '0' };
        let rest = text.chars().skip(1);
        json!(std::iter::once(first).chain(rest).collect::<String>())
    };
    let mut altered = Vec::new();
    for name in ["before", "chained", "hash", "root"] {
        let mut proof = proof.clone();
        proof[name] = flipped(&proof[name]);
        altered.push(proof);
    }
    for (name, value) in [("position", json!(6)), ("size", json!(proof["size"].as_u64().unwrap() + 1))] {
        let mut proof = proof.clone();
        proof[name] = value;
        altered.push(proof);
    }
    for step in 0..proof["path"].as_array().unwrap().len() {
        let mut one = proof.clone();
        one["path"][step] = flipped(&one["path"][step]);
        altered.push(one);
        let mut shorter = proof.clone();
        shorter["path"].as_array_mut().unwrap().remove(step);
        altered.push(shorter);
    }
    for name in ["root", "hash", "previous", "origin", "signature", "key"] {
        let mut proof = proof.clone();
        proof["checkpoint"][name] = flipped(&proof["checkpoint"][name]);
        altered.push(proof);
    }
    for proof in altered {
        assert!(!holds(&proof, &key).unwrap_or(false), "{proof}");
    }
}

#[test]
fn a_checkpoint_is_made_once_for_each_state_and_signed_by_the_key_outside() {
    let house = signed();
    let first = told(&house.admin, "ledger.checkpoint", &json!({}));
    assert_eq!(told(&house.admin, "ledger.checkpoint", &json!({})), first);
    assert_eq!(first["key"], public(&SECRET));
    write(&house, 1);
    let second = told(&house.admin, "ledger.checkpoint", &json!({}));
    assert_eq!(second["previous"], hex(&Sha256::digest(unhex(&first["statement"]))));
    let heads = told(&house.admin, "ledger.heads", &json!({}));
    assert_eq!(heads["checkpoints"], json!([first, second]));
    let keys = json!({"keys": [public(&SECRET)]});
    let report = told(&house.admin, "ledger.verify", &keys);
    assert_eq!((&report["checkpoints"], &report["signed"]), (&json!(2), &json!(2)));
    let other = json!({"keys": [public(&[8; 32])]});
    assert_eq!(refusal(call(&house.admin, "ledger.verify", &other)), Code::CheckpointInvalid);
}

#[test]
fn checkpoints_of_another_signer_do_not_pass() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.guanxi");
    let with = |secret: [u8; 32]| options().checkpoint_signer(Arc::new(Ed25519Key::from_secret(&secret)));
    let crm = with(SECRET).create(&path).unwrap();
    told(&crm.session_for("admin").unwrap(), "ledger.checkpoint", &json!({}));
    drop(crm);
    let crm = with([8; 32]).open(&path).unwrap();
    let admin = crm.session_for("admin").unwrap();
    assert_eq!(refusal(call(&admin, "ledger.verify", &json!({}))), Code::CheckpointInvalid);
}

#[test]
fn an_anchor_that_was_kept_elsewhere_notices_another_ledger() {
    let house = database();
    write(&house, 5);
    let kept = told(&house.admin, "ledger.heads", &json!({}))["head"].clone();
    write(&house, 5);
    let verify = |anchors: Json| call(&house.admin, "ledger.verify", &json!({"anchors": anchors}));
    assert_eq!(verify(json!([kept])).unwrap()["anchors"], 1);
    let mut other = kept.clone();
    other["hash"] = json!("ab".repeat(32));
    assert_eq!(refusal(verify(json!([other]))), Code::CheckpointInvalid);
    // A ledger that was cut off behind an older state: the anchor knows of more entries.
    let mut longer = kept.clone();
    longer["position"] = json!(1_000_000);
    assert_eq!(refusal(verify(json!([longer]))), Code::CheckpointInvalid);
    let in_range = json!({"anchors": [kept], "first": 3, "last": 4});
    assert_eq!(told(&house.admin, "ledger.verify", &in_range)["entries"], 2);
}

#[test]
fn what_a_signer_refuses_is_no_checkpoint() {
    struct Refuses;
    impl CheckpointSigner for Refuses {
        fn algorithm(&self) -> &str {
            "of the host"
        }
        fn key(&self) -> Vec<u8> {
            Vec::new()
        }
        fn sign(&self, _statement: &[u8]) -> Result<Vec<u8>> {
            Err(guanxi::Error::new(Code::Cancelled))
        }
    }
    let house = House::with(|options| options.checkpoint_signer(Arc::new(Refuses)));
    assert_eq!(refusal(call(&house.admin, "ledger.checkpoint", &json!({}))), Code::Cancelled);
    assert_eq!(told(&house.admin, "ledger.heads", &json!({}))["checkpoints"], json!([]));
}

#[test]
fn nobody_without_the_right_makes_checkpoints_or_proves() {
    let house = database();
    let seller = house.user_as("seller", "sales");
    for (method, given) in [
        ("ledger.checkpoint", json!({})),
        ("ledger.heads", json!({})),
        ("ledger.prove", json!({"position": 1})),
        ("ledger.verify", json!({"first": 1, "last": 2})),
    ] {
        assert_eq!(refusal(call(&seller, method, &given)), Code::NotPermitted, "{method}");
    }
    for (method, given) in [
        ("ledger.prove", json!({"position": 0})),
        ("ledger.prove", json!({"position": 1_000_000})),
        ("ledger.prove", json!({"position": 1, "checkpoint": 4})),
        ("ledger.verify", json!({"first": 5, "last": 4})),
        ("ledger.verify", json!({"last": 1_000_000})),
        ("ledger.verify", json!({"keys": ["abc"]})),
        ("ledger.verify", json!({"anchors": [{"position": "one"}]})),
    ] {
        assert_eq!(refusal(call(&house.admin, method, &given)), Code::InvalidArgument, "{method} {given}");
    }
}

#[test]
fn a_restore_to_an_earlier_entry_takes_no_later_checkpoint_along_and_an_anchor_tells_of_it() {
    let house = database();
    told(&house.admin, "ledger.checkpoint", &json!({}));
    let (base, header) = full(&house.admin);
    let place = house.crm.head().unwrap().position;
    write(&house, 3);
    let later = told(&house.admin, "ledger.checkpoint", &json!({}));
    let (next, _) = since(&house.admin, &header);
    let path = house.folder().join("earlier.guanxi");
    let up_to = RestoreOptions::default().up_to(place);
    restored(&[&base, &next], Some(&keys(&house.admin)), &path, &up_to).unwrap();
    let admin = options().open(&path).unwrap().session_for("admin").unwrap();
    assert_eq!(told(&admin, "ledger.verify", &json!({}))["checkpoints"], 1);
    assert_eq!(told(&admin, "ledger.checkpoint", &json!({}))["sequence"], 2);
    told(&admin, "ledger.verify", &json!({}));
    let anchored = call(&admin, "ledger.verify", &json!({"anchors": [later]}));
    assert_eq!(refusal(anchored), Code::CheckpointInvalid);
    let whole = house.folder().join("whole.guanxi");
    restored(&[&base, &next], Some(&keys(&house.admin)), &whole, &RestoreOptions::default()).unwrap();
    let admin = options().open(&whole).unwrap().session_for("admin").unwrap();
    assert_eq!(told(&admin, "ledger.verify", &json!({"anchors": [later]}))["checkpoints"], 2);
}
