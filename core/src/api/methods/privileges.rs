//! Methods by which a second person agrees to changes that give rights.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{changes_from_json, owner_from_json};
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{
    NewDelegation, NewShare, PrivilegeChange, PrivilegeKind, Reader, RequestStatus, RequestedPrivileges,
    ShareLevel,
};

use super::access::page_of;
use super::audit::moment;
use super::sharing::sharee;

methods! {
    /// Asks a second person to agree to changes that one could make if none were needed. Nothing of them is done yet.
    "access.request" (session, given: RequestPrivileges {
        /// The changes in their order, as `access.simulate` takes them, and `{do: four_eyes, kinds}`, which makes
        /// another list of what needs a second person.
        changes: Vec<Json>,
        /// Why.
        reason: Option<String>,
        /// From when on nobody can agree to it any more, RFC 3339, within 90 days; in seven days if not said.
        expires: Option<String>,
    }) -> "{id}" {
        let expires = moment("expires", given.expires.as_deref())?;
        let planned = session.read(|reader| {
            let mut made = BTreeMap::new();
            given.changes.iter().map(|change| planned(&reader, &mut made, change)).collect::<Result<Vec<_>>>()
        })?;
        let id = session.request_privileges(&planned, given.reason.as_deref(), expires)?;
        Ok(json!({"id": id.to_string()}))
    }

    /// Lists requests that wait for a second person or were decided: those that one may read, or has made.
    "access.requests" (session, given: ListRequests {
        /// pending, approved, refused or withdrawn; all of them if not said.
        status: Option<String>,
        /// Most rows of the page; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{requests: [{id, changes, reason, status, open, expires, requester, decided_by, decided_at, note}], cursor}" {
        let wrong = |said: &str| Error::new(Code::InvalidArgument).field("status").value(said);
        let status = given.status.as_deref();
        let status = status.map(|said| RequestStatus::from_code(said).ok_or_else(|| wrong(said))).transpose()?;
        let page = session.privilege_requests(status, page_of(given.cursor.as_deref(), given.limit)?)?;
        let rows: Vec<Json> = page.rows.iter().map(request_to_json).collect();
        Ok(json!({"requests": rows, "cursor": page.next.map(|next| next.to_string())}))
    }

    /// Agrees to a request and does what it asks for. For somebody else than who asked or gains, who could have made
    /// the changes alone and may approve requests.
    "access.approve" (session, given: ApproveRequest {
        /// The request.
        id: RecordId,
        /// What is said about it.
        note: Option<String>,
    }) -> "{}" {
        session.approve_privileges(given.id, given.note.as_deref())?;
        Ok(json!({}))
    }

    /// Refuses a request, for who could approve it.
    "access.refuse" (session, given: RefuseRequest {
        /// The request.
        id: RecordId,
        /// What is said about it.
        note: Option<String>,
    }) -> "{}" {
        session.refuse_privileges(given.id, given.note.as_deref())?;
        Ok(json!({}))
    }

    /// Takes back a request that one has made.
    "access.withdraw" (session, given: WithdrawRequest {
        /// The request.
        id: RecordId,
    }) -> "{}" {
        session.withdraw_privileges(given.id)?;
        Ok(json!({}))
    }
}

fn request_to_json(told: &RequestedPrivileges) -> Json {
    json!({
        "id": told.id.to_string(),
        "changes": told.changes,
        "reason": told.reason,
        "status": told.status.code(),
        "open": told.is_open,
        "expires": told.expires.to_string(),
        "requester": told.requester.map(|user| user.to_string()),
        "decided_by": told.decided_by.map(|user| user.to_string()),
        "decided_at": told.decided_at.map(|at| at.to_string()),
        "note": told.note,
    })
}

/// A planned change. Records that are created get their ids here, so that later changes may name them.
pub(super) fn planned(
    reader: &Reader<'_>,
    made: &mut BTreeMap<String, RecordId>,
    change: &Json,
) -> Result<PrivilegeChange> {
    let mut change = change.as_object().cloned().ok_or_else(|| wrong("objects"))?;
    stand_in(&mut change, made);
    let text = |name: &str| change.get(name).and_then(Json::as_str);
    let id = || text("id").and_then(|id| id.parse().ok()).ok_or_else(|| wrong("an id"));
    match text("do") {
        Some("create") => {
            let (entity, values) = of_organisation(reader, &change)?;
            let id = reader.new_id();
            made.extend(text("as").map(|name| (format!("@{name}"), id)));
            Ok(PrivilegeChange::Create { entity, id, values })
        }
        Some("update") => {
            let (entity, values) = of_organisation(reader, &change)?;
            Ok(PrivilegeChange::Update { entity, id: id()?, values })
        }
        Some("delete") => {
            let (entity, _) = of_organisation(reader, &change)?;
            Ok(PrivilegeChange::Delete { entity, id: id()? })
        }
        Some("share") => planned_share(reader, &change, id()?),
        Some("delegate") => planned_delegation(reader, &change),
        Some("four_eyes") => planned_four_eyes(&change),
        _ => Err(wrong("do: create, update, delete, share, delegate or four_eyes")),
    }
}

fn wrong(rule: &str) -> Error {
    Error::new(Code::InvalidArgument).field("changes").rule(rule)
}

/// The entity and the values of a change of the organisation.
fn of_organisation(
    reader: &Reader<'_>,
    change: &Map<String, Json>,
) -> Result<(String, crate::engine::Changes)> {
    let entity = change.get("entity").and_then(Json::as_str).filter(|entity| entity.starts_with("sys."));
    let entity = entity.ok_or_else(|| wrong("an entity of sys"))?;
    let values = change.get("values").and_then(Json::as_object).cloned().unwrap_or_default();
    let values = changes_from_json(reader, reader.registry().entity(entity)?, &values)?;
    Ok((entity.to_owned(), values))
}

fn planned_share(reader: &Reader<'_>, change: &Map<String, Json>, id: RecordId) -> Result<PrivilegeChange> {
    let text = |name: &str| change.get(name).and_then(Json::as_str);
    let level = text("level").and_then(ShareLevel::from_code);
    let share = NewShare {
        with: sharee(reader, text("user"), text("team"))?,
        level: level.ok_or_else(|| wrong("level: read, edit or full"))?,
        from: moment("from", text("from"))?,
        until: moment("until", text("until"))?,
        reason: text("reason").map(str::to_owned),
    };
    let entity = text("entity").ok_or_else(|| wrong("an entity"))?.to_owned();
    Ok(PrivilegeChange::Share { entity, id, share })
}

fn planned_delegation(reader: &Reader<'_>, change: &Map<String, Json>) -> Result<PrivilegeChange> {
    let text = |name: &str| change.get(name).and_then(Json::as_str);
    let user = |name: &str| text(name).map(|said| owner_from_json(reader, &Json::from(said))).transpose();
    let until = moment("until", text("until"))?.ok_or_else(|| wrong("until"))?;
    let entities = change.get("entities").and_then(Json::as_array).into_iter().flatten();
    let delegate = user("delegate")?.ok_or_else(|| wrong("delegate"))?;
    Ok(PrivilegeChange::Delegate(NewDelegation {
        delegator: user("delegator")?,
        from: moment("from", text("from"))?,
        entities: entities.filter_map(Json::as_str).map(str::to_owned).collect(),
        note: text("note").map(str::to_owned),
        ..NewDelegation::new(delegate, until)
    }))
}

fn planned_four_eyes(change: &Map<String, Json>) -> Result<PrivilegeChange> {
    let kinds = change.get("kinds").and_then(Json::as_array).ok_or_else(|| wrong("a list of kinds"))?;
    let kind = |kind: &Json| kind.as_str().and_then(PrivilegeKind::from_code);
    let kinds = kinds.iter().map(|said| kind(said).ok_or_else(|| wrong("a kind").value(&said.to_string())));
    Ok(PrivilegeChange::FourEyes(kinds.collect::<Result<BTreeSet<_>>>()?))
}

/// Puts the ids of records that are created in the place of their names.
fn stand_in(change: &mut Map<String, Json>, made: &BTreeMap<String, RecordId>) {
    for value in change.values_mut() {
        match value {
            Json::Object(values) => stand_in(values, made),
            value => {
                if let Some(id) = value.as_str().and_then(|name| made.get(name)) {
                    *value = Json::from(id.to_string());
                }
            }
        }
    }
}
