//! Methods on the list of those who must not come back unnoticed.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{SuppressedIdentifier, SuppressionReason};
use crate::schema::IdentifierKind;

methods! {
    /// Puts an identifier on the list of those who must not come back unnoticed, such as that of somebody who asked not to be
    /// entered again. A keyed hash of it is kept, and nothing else.
    "suppression.add" (session, given: AddSuppressed {
        /// `email`, `phone` or `identity_number`.
        kind: String,
        /// The identifier, in whatever way it is written.
        value: String,
        /// What explains it, at most 500 bytes. It is kept, so it should name nobody.
        reason: Option<String>,
        /// The rights request for it.
        request: Option<RecordId>,
    }) -> "{added}" {
        let why = SuppressionReason { reason: given.reason.clone(), request: given.request };
        Ok(json!({"added": session.suppress(kind("kind", &given.kind)?, &given.value, &why)?}))
    }

    /// Puts all identifiers of a person's record on the list of those who must not come back unnoticed.
    "suppression.add_person" (session, given: SuppressPerson {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// What explains it, at most 500 bytes. It is kept, so it should name nobody.
        reason: Option<String>,
        /// The rights request for it.
        request: Option<RecordId>,
    }) -> "{added}" {
        let why = SuppressionReason { reason: given.reason.clone(), request: given.request };
        Ok(json!({"added": session.suppress_person(&given.entity, given.id, &why)?}))
    }

    /// Tells which identifiers of a person's record would be put on the list, and which are on it. Nothing is changed.
    "suppression.preview" (session, given: PreviewSuppression {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
    }) -> "{rows: [{field, kind, listed}]}" {
        let rows = session.preview_suppression(&given.entity, given.id)?;
        let rows = rows.iter().map(|row| {
            json!({"field": row.field, "kind": row.kind.code(), "listed": row.listed})
        });
        Ok(json!({"rows": rows.collect::<Vec<_>>()}))
    }

    /// Tells which identifiers are on the list, in their order: for a host before it imports or sends. At most 1000.
    "suppression.check" (session, given: CheckSuppressed {
        /// Objects of `kind` and `value`.
        identifiers: Vec<Json>,
    }) -> "{rows: [{listed, hash, kind, cause, at, by, request, reason}]}" {
        let asked = given.identifiers.iter().map(|json| {
            let text = |name: &str| json.get(name).and_then(Json::as_str).ok_or_else(|| wrong("identifiers"));
            Ok((kind("identifiers", text("kind")?)?, text("value")?.to_owned()))
        });
        let found = session.look_up_suppressed(&asked.collect::<Result<Vec<_>>>()?)?;
        let rows = found.iter().map(|row| match row {
            Some(row) => row_to_json(row),
            None => json!({"listed": false}),
        });
        Ok(json!({"rows": rows.collect::<Vec<_>>()}))
    }

    /// Lists the hashes of those who must not come back unnoticed, in no order that says anything.
    "suppression.list" (session, given: ListSuppressed {
        /// Most rows; 100 if not said, 1000 at the most.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{rows: [{listed, hash, kind, cause, at, by, request, reason}], cursor}" {
        let limit = given.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let page = session.suppression_list(given.cursor.as_deref(), limit)?;
        Ok(json!({"rows": page.rows.iter().map(row_to_json).collect::<Vec<_>>(), "cursor": page.next}))
    }

    /// Takes an identifier off the list of those who must not come back unnoticed: the person wants to be entered again.
    "suppression.remove" (session, given: RemoveSuppressed {
        /// The name of its hash, 64 hexadecimal digits.
        hash: String,
        /// Why. The ledger keeps it.
        reason: String,
    }) -> "{}" {
        session.unsuppress(&given.hash, &given.reason)?;
        Ok(json!({}))
    }
}

fn wrong(field: &str) -> Error {
    Error::new(Code::InvalidArgument).field(field)
}

fn kind(field: &str, code: &str) -> Result<IdentifierKind> {
    IdentifierKind::from_code(code)
        .ok_or_else(|| wrong(field).rule("email, phone or identity_number").value(code))
}

fn row_to_json(row: &SuppressedIdentifier) -> Json {
    json!({
        "listed": true,
        "hash": row.hash,
        "kind": row.kind.code(),
        "cause": row.cause.code(),
        "at": row.at.to_string(),
        "by": row.by.to_string(),
        "request": row.request.map(|request| request.to_string()),
        "reason": row.reason,
    })
}
