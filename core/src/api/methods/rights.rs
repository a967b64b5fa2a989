//! Methods of requests by which people ask for rights that laws of data protection give them.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{cursor_from_text, cursor_to_text, listing_to_json, with};
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{
    NewRightsRequest, PrivacyLaw, RequestChannel, RightsKind, RightsPage, RightsRecord, RightsStep,
};
use crate::schema::Codes;

use super::audit::moment;

methods! {
    /// Enters a request by which somebody asks for a right. Its clock begins with its receipt: under GDPR a month, under
    /// CCPA 45 days and 10 working days to confirm it, under PIPL and others the days of a setting.
    "rights.receive" (session, given: ReceiveRequest {
        /// access, rectification, erasure, restriction, objection, portability, withdrawal, opt_out or explanation.
        kind: String,
        /// gdpr, ccpa, pipl or other.
        law: String,
        /// The entity of the person's record, if it is known whose request it is.
        entity: Option<String>,
        /// The person's record.
        subject: Option<RecordId>,
        /// When it came, RFC 3339; now if not said.
        received_at: Option<String>,
        /// email, phone, post, in_person, web, app or agent.
        channel: Option<String>,
        /// By what people know the request.
        reference: Option<String>,
        /// Who asks, where that is not the person.
        requester: Option<String>,
        /// What is asked for.
        details: Option<String>,
    }) -> "{id, due_at}" {
        let request = NewRightsRequest {
            kind: code::<RightsKind>("kind", &given.kind)?,
            law: code::<PrivacyLaw>("law", &given.law)?,
            subject: subject(given.entity.as_deref(), given.subject)?,
            received_at: moment("received_at", given.received_at.as_deref())?,
            channel: given.channel.as_deref().map(|said| code::<RequestChannel>("channel", said)).transpose()?,
            reference: given.reference.clone(),
            requester: given.requester.clone(),
            details: given.details.clone(),
        };
        let id = session.receive_rights_request(&request)?;
        // Who enters requests may not be who reads them.
        let due = session.rights_request(id).ok().map(|request| request.due_at.to_string());
        Ok(json!({"id": id.to_string(), "due_at": due}))
    }

    /// Does a step with a rights request: confirm its receipt, ask_identity, identified (with `how`, and the person's
    /// record if it was not known), start, extend (with `reason`, once), fulfil (with `what`, and `result` or `receipt`),
    /// refuse (with `reason`), withdraw, or lift a restriction, objection or opt-out (with `reason`). To fulfil a
    /// restriction locks the person's record and hides it from everybody but who handles requests, and to lift it undoes
    /// both.
    "rights.step" (session, given: StepRequest {
        /// The rights request.
        id: RecordId,
        /// confirm, ask_identity, identified, start, extend, fulfil, refuse, withdraw or lift.
        step: String,
        /// Why.
        reason: Option<String>,
        /// By what it was found out who asks.
        how: Option<String>,
        /// What was done.
        what: Option<String>,
        /// The entity of the person's record, if it is known whose request it is.
        entity: Option<String>,
        /// The person's record.
        subject: Option<RecordId>,
        /// What the person was given, an attachment of the request.
        result: Option<RecordId>,
        /// The receipt of an erasure.
        receipt: Option<RecordId>,
    }) -> "{}" {
        let reason = || given.reason.clone().unwrap_or_default();
        let step = match given.step.as_str() {
            "confirm" => RightsStep::Confirm,
            "ask_identity" => RightsStep::AskIdentity,
            "identified" => RightsStep::Identified {
                how: given.how.clone().unwrap_or_default(),
                subject: subject(given.entity.as_deref(), given.subject)?,
            },
            "start" => RightsStep::Start,
            "extend" => RightsStep::Extend { reason: reason() },
            "fulfil" => RightsStep::Fulfil {
                what: given.what.clone().unwrap_or_default(),
                result: given.result,
                receipt: given.receipt,
            },
            "refuse" => RightsStep::Refuse { reason: reason() },
            "withdraw" => RightsStep::Withdraw,
            "lift" => RightsStep::Lift { reason: reason() },
            other => return Err(Error::new(Code::InvalidArgument).field("step").value(other)),
        };
        session.step_rights_request(given.id, &step)?;
        Ok(json!({}))
    }

    /// Reads a rights request.
    "rights.get" (session, given: GetRequest {
        /// The rights request.
        id: RecordId,
    }) -> "{request: record with {overdue}}" {
        Ok(json!({"request": request_to_json(&session.rights_request(given.id)?)?}))
    }

    /// Lists rights requests that are not answered, those that are due first before the others.
    "rights.due" (session, given: DueRequests {
        /// Those alone that are due before this moment, RFC 3339.
        before: Option<String>,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{requests: [record with {overdue}], cursor}" {
        let after = given.cursor.as_deref().map(cursor_from_text).transpose()?;
        let before = moment("before", given.before.as_deref())?;
        page_to_json(&session.rights_due(before, after, size(given.limit))?)
    }

    /// Lists all rights requests, or those about one person.
    "rights.list" (session, given: ListRequests {
        /// The person's record.
        subject: Option<RecordId>,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{requests: [record with {overdue}], cursor}" {
        let after = given.cursor.as_deref().map(cursor_from_text).transpose()?;
        page_to_json(&session.rights_requests(given.subject, after, size(given.limit))?)
    }

    /// Tells what holds of a person by requests that were fulfilled: restricted, objected, opted_out,
    /// consent_withdrawn. Whoever sees the record is told.
    "privacy.flags" (session, given: FlagsOfPerson {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
    }) -> "{flags: [{kind, since, request}]}" {
        let flags = session.privacy_flags(&given.entity, given.id)?;
        let flags = flags.iter().map(|flag| json!({
            "kind": flag.kind.name(),
            "since": flag.since.to_string(),
            "request": flag.request.to_string(),
        }));
        Ok(json!({"flags": flags.collect::<Vec<_>>()}))
    }
}

fn size(limit: Option<u64>) -> usize {
    limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// A code of a closed list.
fn code<C: Codes + Copy>(field: &str, said: &str) -> Result<C> {
    let known = C::ALL.iter().find(|(_, code, _, _)| *code == said);
    let refused = || Error::new(Code::InvalidArgument).field(field).value(said);
    known.map(|(choice, _, _, _)| *choice).ok_or_else(refused)
}

fn subject(entity: Option<&str>, id: Option<RecordId>) -> Result<Option<(String, RecordId)>> {
    match (entity, id) {
        (None, None) => Ok(None),
        (Some(entity), Some(id)) => Ok(Some((entity.to_owned(), id))),
        (None, Some(_)) => Err(Error::new(Code::MissingParameter).field("entity")),
        (Some(_), None) => Err(Error::new(Code::MissingParameter).field("subject")),
    }
}

fn page_to_json(page: &RightsPage) -> Result<Json> {
    let requests = page.requests.iter().map(request_to_json).collect::<Result<Vec<_>>>()?;
    Ok(json!({"requests": requests, "cursor": page.next.as_ref().map(cursor_to_text).transpose()?}))
}

fn request_to_json(request: &RightsRecord) -> Result<Json> {
    Ok(with(listing_to_json(&request.listing)?, [("overdue", json!(request.is_overdue))]))
}
