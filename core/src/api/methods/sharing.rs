//! Methods that share single records, take shares back, and tell of them.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::owner_from_json;
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{NewShare, Process, Reader, ShareLevel, SharedWith, Sharee, Team};
use crate::schema::EntityType;

use super::access::process_to_json;
use super::audit::moment;
use super::bulk::ids;
use super::records::write;

methods! {
    /// Shares a record with a user or a team, or changes the share that they have. It takes the right to share the
    /// record; nobody gives more than they have.
    "record.share" (session, given: ShareRecord {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The user with whom, by id or name; this, or `team`.
        user: Option<String>,
        /// The team with whose members, by id or name.
        team: Option<String>,
        /// read, edit (values and attachments, too) or full (share on, assign, lock and delete, too); each as far as
        /// they are granted the action on some records of the entity.
        level: String,
        /// From when on, RFC 3339; from now on if not said.
        from: Option<String>,
        /// From when on no longer, RFC 3339; without end if not said.
        until: Option<String>,
        /// Why.
        reason: Option<String>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let span = (given.from.as_deref(), given.until.as_deref());
        let share = share_with(&given.level, span, given.reason.as_deref())?;
        let terms = json!([given.level, given.from, given.until, given.reason]);
        let request = json!([given.entity, given.id.to_string(), given.user, given.team, terms]);
        write(session, "record.share", given.idempotency_key.as_deref(), &request, |transaction| {
            let with = sharee(&transaction.reader(), given.user.as_deref(), given.team.as_deref())?;
            Ok(json!({"id": transaction.share_record(&given.entity, given.id, &share(with))?.to_string()}))
        })
    }

    /// Shares many records with a user or a team in one transaction, as `record.share` does each: all of them, or none
    /// where one is refused.
    "record.share_all" (session, given: ShareAllRecords {
        /// The entity.
        entity: String,
        /// The records, at most 10000.
        ids: Vec<Json>,
        /// The user with whom, by id or name; this, or `team`.
        user: Option<String>,
        /// The team with whose members, by id or name.
        team: Option<String>,
        /// read, edit or full, as of `record.share`.
        level: String,
        /// From when on, RFC 3339; from now on if not said.
        from: Option<String>,
        /// From when on no longer, RFC 3339; without end if not said.
        until: Option<String>,
        /// Why.
        reason: Option<String>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{ids}" {
        let span = (given.from.as_deref(), given.until.as_deref());
        let share = share_with(&given.level, span, given.reason.as_deref())?;
        let ids = ids("ids", &given.ids)?;
        let terms = json!([given.level, given.from, given.until, given.reason]);
        let request = json!([given.entity, given.ids, given.user, given.team, terms]);
        write(session, "record.share_all", given.idempotency_key.as_deref(), &request, |transaction| {
            let with = sharee(&transaction.reader(), given.user.as_deref(), given.team.as_deref())?;
            let made = transaction.share_all(&given.entity, &ids, &share(with))?;
            Ok(json!({"ids": made.iter().map(ToString::to_string).collect::<Vec<_>>()}))
        })
    }

    /// Takes back what is shared of a record with a user or a team. What they shared on stays.
    "record.unshare" (session, given: UnshareRecord {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The user, by id or name; this, or `team`.
        user: Option<String>,
        /// The team, by id or name.
        team: Option<String>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{}" {
        let request = json!([given.entity, given.id.to_string(), given.user, given.team]);
        write(session, "record.unshare", given.idempotency_key.as_deref(), &request, |transaction| {
            let with = sharee(&transaction.reader(), given.user.as_deref(), given.team.as_deref())?;
            transaction.unshare_record(&given.entity, given.id, with)?;
            Ok(json!({}))
        })
    }

    /// Lists with whom a record is shared: all of it for who may share it, and for others what is with them.
    "record.shares" (session, given: SharesOfRecord {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
    }) -> "{shares: [{id, user, team, level, from, until, reason, by, at, holds, process: {entity, id}}]}" {
        let shares = session.shares(&given.entity, given.id)?;
        Ok(json!({"shares": shares.iter().map(share_to_json).collect::<Vec<_>>()}))
    }

    /// Lets a user or a team that takes part in a process, such as an approval, read a record until the process ends. The
    /// process is a record that one may change; of the record that it is about it takes the right to share.
    "record.involve" (session, given: InvolveInRecord {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The user, by id or name; this, or `team`.
        user: Option<String>,
        /// The team, by id or name; this or `user`.
        team: Option<String>,
        /// The entity of the process.
        process_entity: String,
        /// The record of the process.
        process: RecordId,
    }) -> "{id}" {
        let process = Process { entity: given.process_entity.clone(), id: given.process };
        let with = session.read(|reader| sharee(&reader, given.user.as_deref(), given.team.as_deref()))?;
        let id = session.involve(&given.entity, given.id, with, &process)?;
        Ok(json!({"id": id.to_string()}))
    }

    /// Ends what people read because they take part in a process. By who may change its record.
    "record.end_involvement" (session, given: EndInvolvement {
        /// The entity of the process.
        process_entity: String,
        /// The record of the process.
        process: RecordId,
    }) -> "{ended}" {
        let process = Process { entity: given.process_entity.clone(), id: given.process };
        Ok(json!({"ended": session.end_involvement(&process)?}))
    }
}

/// What is shared, for how long and why; with whom is said later.
fn share_with(
    level: &str,
    (from, until): (Option<&str>, Option<&str>),
    reason: Option<&str>,
) -> Result<impl Fn(Sharee) -> NewShare> {
    let level = share_level("level", level)?;
    let (from, until) = (moment("from", from)?, moment("until", until)?);
    Ok(move |with| NewShare { with, level, from, until, reason: reason.map(str::to_owned) })
}

/// How far something is shared, by what a caller says of it.
pub(super) fn share_level(name: &str, code: &str) -> Result<ShareLevel> {
    let wrong = || Error::new(Code::InvalidArgument).field(name).rule("read, edit or full").value(code);
    ShareLevel::from_code(code).ok_or_else(wrong)
}

/// With whom, by what a caller says of it.
pub(super) fn sharee(reader: &Reader<'_>, user: Option<&str>, team: Option<&str>) -> Result<Sharee> {
    match (user, team) {
        (Some(user), None) => {
            let found = owner_from_json(reader, &Json::from(user)).map_err(|error| error.field("user"));
            found.map(Sharee::User)
        }
        (None, Some(team)) => {
            let missing = || Error::new(Code::ReferenceMissing).entity(Team::NAME).field("team").value(team);
            match team.parse() {
                Ok(id) => Ok(Sharee::Team(id)),
                Err(_) => {
                    let found = reader.find_by_title(Team::NAME, team)?;
                    found.first().copied().map(Sharee::Team).ok_or_else(missing)
                }
            }
        }
        _ => Err(Error::new(Code::InvalidArgument).field("user").rule("either user or team")),
    }
}

fn share_to_json(share: &SharedWith) -> Json {
    let (user, team) = match share.with {
        Sharee::User(user) => (Some(user.to_string()), None),
        Sharee::Team(team) => (None, Some(team.to_string())),
    };
    json!({
        "id": share.id.to_string(),
        "user": user,
        "team": team,
        "level": share.level.code(),
        "from": share.from.map(|from| from.to_string()),
        "until": share.until.map(|until| until.to_string()),
        "reason": share.reason,
        "by": share.by.to_string(),
        "at": share.at.to_string(),
        "holds": share.holds,
        "process": process_to_json(share.process.as_ref()),
    })
}
