//! Published test vectors and known answers for the ciphers, and properties of sealed values.

use std::io::Write as _;

use crate::base::{Code, OsRandom};
use crate::storage::sealing::SEALING_OVERHEAD;
use crate::storage::xaes::Xaes;
use crate::storage::{seal, unseal};

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn check(key: &[u8], nonce: &[u8], aad: &[u8], plain: &[u8], expected: &[u8]) {
    let xaes = Xaes::new(key.try_into().unwrap());
    let nonce = nonce.try_into().unwrap();
    let mut text = plain.to_vec();
    let tag = xaes.seal(nonce, aad, &mut text).unwrap();
    assert_eq!([text.as_slice(), &tag].concat(), expected);
    xaes.open(nonce, aad, &mut text, &tag).unwrap();
    assert_eq!(text, plain);
}

#[test]
fn xaes_gives_the_published_vectors() {
    // c2sp.org/XAES-256-GCM, "Test vectors": one with MSB(L) = 0, one with MSB(L) = 1.
    let nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX";
    let first = bytes("ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
    check(&[1; 32], nonce, b"", b"XAES-256-GCM", &first);
    let second = bytes("986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
    check(&[3; 32], nonce, b"c2sp.org/XAES-256-GCM", b"XAES-256-GCM", &second);
}

#[test]
fn xaes_gives_the_vectors_of_the_shared_collection() {
    let shared = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared"));
    let place = "data/crypto/xaes/xaes_vectors.json";
    let Ok(text) = std::fs::read_to_string(shared.join(place)) else {
        assert!(!shared.exists(), "../shared is there, and {place} is not");
        // The harness keeps what the macros print of a test that passes to itself.
        let _ = writeln!(std::io::stderr(), "skipped: ../shared/{place} is absent");
        return;
    };
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let vectors = document["vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let field = |name: &str| vector[name].as_str().unwrap();
        check(
            &bytes(field("key")),
            field("nonce_ascii").as_bytes(),
            field("aad_ascii").as_bytes(),
            field("plaintext_ascii").as_bytes(),
            &bytes(field("ciphertext")),
        );
    }
}

#[test]
fn a_sealed_value_opens_only_as_what_it_was_sealed_as() {
    let sealed = seal(&[5; 32], b"entry 7", "王小明".as_bytes(), &OsRandom);
    assert_eq!(sealed.len(), "王小明".len() + SEALING_OVERHEAD);
    assert_eq!(unseal(&[5; 32], b"entry 7", &sealed).unwrap().as_slice(), "王小明".as_bytes());
    assert_eq!(unseal(&[6; 32], b"entry 7", &sealed).unwrap_err().code(), Code::Damaged);
    assert_eq!(unseal(&[5; 32], b"entry 8", &sealed).unwrap_err().code(), Code::Damaged);
    for at in 1..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(unseal(&[5; 32], b"entry 7", &changed).unwrap_err().code(), Code::Damaged);
    }
    for length in 0..sealed.len() {
        assert_eq!(unseal(&[5; 32], b"entry 7", &sealed[..length]).unwrap_err().code(), Code::Damaged);
    }
    assert_eq!(unseal(&[5; 32], b"", &[9; 60]).unwrap_err().code(), Code::NewerFormat);
}

#[test]
fn the_same_value_sealed_twice_looks_different() {
    let sealed = || seal(&[5; 32], b"", b"value", &OsRandom);
    assert_ne!(sealed(), sealed());
}
