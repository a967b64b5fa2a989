//! Methods by which people let others act for them, and act for others.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::owner_from_json;
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{NewDelegation, Session};

use super::audit::moment;
use super::records::write;

methods! {
    /// Lets somebody act for one for a period: read and change the records that one reaches, and nothing else. For
    /// another one by who administers that user.
    "delegation.grant" (session, given: GrantDelegation {
        /// For whom, by id or name; for oneself if not said.
        delegator: Option<String>,
        /// Who acts, by id or name.
        delegate: String,
        /// From when on, RFC 3339; from now on if not said.
        from: Option<String>,
        /// From when on no longer, RFC 3339.
        until: String,
        /// Only about records of these entities; all of them if not said.
        entities: Option<Vec<Json>>,
        /// Why.
        note: Option<String>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let missing = || Error::new(Code::MissingParameter).field("until");
        let until = moment("until", Some(&given.until))?.ok_or_else(missing)?;
        let from = moment("from", given.from.as_deref())?;
        let wrong = || Error::new(Code::InvalidArgument).field("entities").rule("a list of names");
        let named = |name: &Json| name.as_str().map(str::to_owned).ok_or_else(wrong);
        let entities: Vec<String> = given.entities.iter().flatten().map(named).collect::<Result<_>>()?;
        let request = json!([given.delegator, given.delegate, given.from, given.until, entities, given.note]);
        write(session, "delegation.grant", given.idempotency_key.as_deref(), &request, |transaction| {
            let reader = transaction.reader();
            let named = |said: &str| owner_from_json(&reader, &Json::from(said));
            let delegator = given.delegator.as_deref().map(named).transpose()?;
            let delegation = NewDelegation {
                delegator,
                from,
                entities: entities.clone(),
                note: given.note.clone(),
                ..NewDelegation::new(named(&given.delegate)?, until)
            };
            Ok(json!({"id": transaction.delegate(&delegation)?.to_string()}))
        })
    }

    /// Takes a delegation back.
    "delegation.end" (session, given: EndDelegation {
        /// The delegation.
        id: RecordId,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{}" {
        let request = json!([given.id.to_string()]);
        write(session, "delegation.end", given.idempotency_key.as_deref(), &request, |transaction| {
            transaction.end_delegation(given.id)?;
            Ok(json!({}))
        })
    }

    /// Lists the delegations by oneself and to oneself.
    "delegation.list" (session, _given: ListDelegations {}) -> "{delegations: [{id, delegator, delegate, from, until, entities, holds}]}" {
        let rows = session.delegations()?;
        let json = rows.iter().map(|row| json!({
            "id": row.id.to_string(),
            "delegator": row.delegator.to_string(),
            "delegate": row.delegate.to_string(),
            "from": row.from.map(|from| from.to_string()),
            "until": row.until.to_string(),
            "entities": row.entities,
            "holds": row.holds,
        }));
        Ok(json!({"delegations": json.collect::<Vec<_>>()}))
    }

    /// Calls another method for somebody whose delegation to one holds. The ledger names both.
    "delegation.call" (session, given: CallForAnother {
        /// For whom, by id or name.
        delegator: String,
        /// The method.
        method: String,
        /// What it takes.
        given: Option<Json>,
    }) -> "what the method gives" {
        let delegator = session.read(|reader| owner_from_json(&reader, &Json::from(given.delegator.as_str())))?;
        call_for(session, delegator, &given.method, given.given.as_ref())
    }
}

fn call_for(session: &Session, delegator: RecordId, method: &str, given: Option<&Json>) -> Result<Json> {
    let acting = session.act_for(delegator)?;
    crate::api::call(&acting, method, given.unwrap_or(&json!({})))
}
