//! Methods that forget a person with a receipt, list receipts, and look whether one is true.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{cursor_from_text, cursor_to_text, hex};
use crate::base::{Code, Error, Locale, RecordId, Result};
use crate::engine::{ErasureReason, ErasureReceipt, SignatureOf};

use super::checkpoints::{bytes_from_json, from_hex};

methods! {
    /// Forgets a person and gives the receipt: empties the record, destroys the key of its history, and forgets what was
    /// proposed to correct in it. The receipt says what is left of it where, and until when. It cannot be taken back.
    "privacy.erase" (session, given: ErasePerson {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The legal basis, or whatever explains it, at most 500 bytes. It is kept, so it should name nobody.
        basis: Option<String>,
        /// The rights request for it.
        request: Option<RecordId>,
        /// Whether keyed hashes of e-mail addresses, phone and identity numbers stay on the list of those who must not come
        /// back unnoticed; as the setting `privacy.suppress_erased` says if not said.
        suppress: Option<bool>,
    }) -> "{id, statement, text, algorithm, key, signature, readable}" {
        let reason = ErasureReason { basis: given.basis.clone(), request: given.request, suppress: given.suppress };
        receipt_to_json(&session.erase_for(&given.entity, given.id, &reason)?, session.locale())
    }

    /// Lists receipts of erasures, oldest first.
    "privacy.receipts" (session, given: ListReceipts {
        /// Those of one record that was erased; all if not said.
        subject: Option<RecordId>,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{receipts: [{id, statement, text, algorithm, key, signature, readable}], cursor}" {
        let after = given.cursor.as_deref().map(cursor_from_text).transpose()?;
        let limit = given.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let (receipts, next) = session.erasure_receipts(given.subject, after, limit)?;
        let receipts: Vec<Json> =
            receipts.iter().map(|receipt| receipt_to_json(receipt, session.locale())).collect::<Result<_>>()?;
        Ok(json!({"receipts": receipts, "cursor": next.as_ref().map(cursor_to_text).transpose()?}))
    }

    /// Looks whether a receipt of an erasure is true: its signature, its place in the ledger, and whether the person is
    /// still forgotten. `signature` is null where there is none, or nobody to say whose it should be.
    "privacy.verify_receipt" (session, given: VerifyReceipt {
        /// The receipt, as `privacy.erase` gave it.
        receipt: Map<String, Json>,
        /// Public keys of Ed25519 as 64 hexadecimal digits: the receipt must be signed by one of them. Without any, it
        /// must be signed by the signer that the database is open with, if there is one.
        keys: Option<Vec<Json>>,
    }) -> "{holds, signature, in_ledger, stored, key_destroyed, record_empty}" {
        let keys = given.keys.iter().flatten().map(|key| bytes_from_json("keys", Some(key)));
        let keys: Vec<[u8; 32]> = keys.collect::<Result<_>>()?;
        let check = session.verify_erasure_receipt(&receipt_from_json(&given.receipt)?, &keys)?;
        Ok(json!({
            "holds": check.holds(),
            "signature": check.signature,
            "in_ledger": check.in_ledger,
            "stored": check.stored,
            "key_destroyed": check.key_destroyed,
            "record_empty": check.record_empty,
        }))
    }
}

/// A receipt as JSON; `text` is what is signed, behind `guanxi.erasure.receipt.v1` and a zero byte.
pub(super) fn receipt_to_json(receipt: &ErasureReceipt, locale: Locale) -> Result<Json> {
    let unreadable = |error| Error::new(Code::Panic).because(error);
    let signed = receipt.signature.as_ref();
    Ok(json!({
        "id": receipt.id.to_string(),
        "statement": serde_json::to_value(&receipt.statement).map_err(unreadable)?,
        "text": receipt.text,
        "algorithm": signed.map(|signed| signed.algorithm.as_str()),
        "key": signed.map(|signed| hex(&signed.key)),
        "signature": signed.map(|signed| hex(&signed.signature)),
        "readable": receipt.readable(locale),
    }))
}

fn receipt_from_json(json: &Map<String, Json>) -> Result<ErasureReceipt> {
    let text = |name: &'static str| {
        let missing = || Error::new(Code::MissingParameter).field(name);
        json.get(name).and_then(Json::as_str).ok_or_else(missing)
    };
    let id = text("id")?;
    let id = id.parse().map_err(|_| Error::new(Code::InvalidArgument).field("id").value(id))?;
    let signature = match json.get("algorithm") {
        None | Some(Json::Null) => None,
        Some(_) => Some(SignatureOf {
            algorithm: text("algorithm")?.to_owned(),
            key: from_hex("key", text("key")?)?,
            signature: from_hex("signature", text("signature")?)?,
        }),
    };
    ErasureReceipt::parse(id, text("text")?, signature)
}
