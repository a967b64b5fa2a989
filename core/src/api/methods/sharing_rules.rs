//! Methods of sharing rules by criteria, of references by which records follow others, and of pools.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::owner_from_json;
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{
    CriteriaRule, InheritanceSetting, MarkingProgress, NewInheritance, NewSharingRule, Pool, Principals,
    Reader, Role, Session, ShareLevel, SharingRuleChange, Team, Unit,
};
use crate::schema::EntityType;

use super::records::write;
use super::sharing::share_level;

methods! {
    /// Shares records of an entity that meet a condition with a user, a team, a role or a unit. Records that stand are
    /// marked in chunks before it answers; each is open as soon as it is marked. By who may do as much to all records.
    "access.rule.define" (session, given: DefineSharingRule {
        /// What the rule is called.
        name: String,
        /// The entity of the records.
        entity: String,
        /// The condition, as an expression over stored fields of the record, such as `industry == "retail"`.
        criteria: String,
        /// read, edit or full, as of `record.share`.
        level: String,
        /// The user with whom, by id or name; one of user, team, role and unit.
        user: Option<String>,
        /// The team with whose members, by id or name.
        team: Option<String>,
        /// The role with whose holders, by id or name.
        role: Option<String>,
        /// The unit with whose people, by id or name.
        unit: Option<String>,
        /// Whether people of the units below it are meant, too.
        below: Option<bool>,
        /// Why.
        reason: Option<String>,
    }) -> "{id}" {
        let said = Said { user: given.user, team: given.team, role: given.role, unit: given.unit, below: given.below };
        let wrong = || Error::new(Code::InvalidArgument).field("user").rule("one of user, team, role and unit");
        let rule = NewSharingRule {
            name: given.name,
            entity: given.entity,
            criteria: given.criteria,
            with: said.principals(session)?.ok_or_else(wrong)?,
            level: level(&given.level)?,
            reason: given.reason,
        };
        Ok(json!({"id": session.define_sharing_rule(&rule)?.to_string()}))
    }

    /// Changes a sharing rule; what is not said stays. A new condition makes another rule, whose id it gives; all else
    /// holds from the next call on.
    "access.rule.change" (session, given: ChangeSharingRule {
        /// The rule.
        id: RecordId,
        /// What it is called.
        name: Option<String>,
        /// Another condition.
        criteria: Option<String>,
        /// read, edit or full.
        level: Option<String>,
        /// Whether it is switched off.
        off: Option<bool>,
        /// The user with whom, by id or name.
        user: Option<String>,
        /// The team with whose members, by id or name.
        team: Option<String>,
        /// The role with whose holders, by id or name.
        role: Option<String>,
        /// The unit with whose people, by id or name.
        unit: Option<String>,
        /// Whether people of the units below it are meant, too.
        below: Option<bool>,
        /// Why.
        reason: Option<String>,
    }) -> "{id}" {
        let said = Said { user: given.user, team: given.team, role: given.role, unit: given.unit, below: given.below };
        let change = SharingRuleChange {
            name: given.name,
            criteria: given.criteria,
            with: said.principals(session)?,
            level: given.level.as_deref().map(level).transpose()?,
            off: given.off,
            reason: given.reason,
        };
        Ok(json!({"id": session.change_sharing_rule(given.id, &change)?.to_string()}))
    }

    /// Takes a sharing rule away. It opens nothing from the next call on.
    "access.rule.remove" (session, given: RemoveSharingRule {
        /// The rule.
        id: RecordId,
    }) -> "{}" {
        session.remove_sharing_rule(given.id)?;
        Ok(json!({}))
    }

    /// Lists the sharing rules that one may see, with how far records are marked for those that are new.
    "access.rules" (session, _given: ListSharingRules {}) -> "{rules: [{id, name, entity, criteria, level, user, team, role, unit, below, off, understood, reason, by, at, pending: {done, total}}]}" {
        let rules = session.sharing_rules()?;
        Ok(json!({"rules": rules.iter().map(rule_to_json).collect::<Vec<_>>()}))
    }

    /// Lets records that refer to others by a field follow the access to these: who may read the one may read the
    /// others, and with level edit or full do more to them as to it, by single shares, too.
    "access.inherit.define" (session, given: InheritAccess {
        /// The entity of the records that refer.
        entity: String,
        /// The field by which they refer.
        field: String,
        /// read, edit or full.
        level: String,
        /// Why.
        reason: Option<String>,
    }) -> "{id}" {
        let level = level(&given.level)?;
        let setting = NewInheritance { entity: given.entity, field: given.field, level, reason: given.reason };
        Ok(json!({"id": session.inherit_access(&setting)?.to_string()}))
    }

    /// Changes how much follows by a reference, and whether anything does. It holds from the next call on.
    "access.inherit.change" (session, given: ChangeInheritance {
        /// The setting.
        id: RecordId,
        /// read, edit or full.
        level: Option<String>,
        /// Whether it is switched off.
        off: Option<bool>,
    }) -> "{}" {
        let level = given.level.as_deref().map(level).transpose()?;
        session.change_inheritance(given.id, level, given.off)?;
        Ok(json!({}))
    }

    /// Lets records follow by a reference no longer.
    "access.inherit.remove" (session, given: StopInheriting {
        /// The setting.
        id: RecordId,
    }) -> "{}" {
        session.stop_inheriting(given.id)?;
        Ok(json!({}))
    }

    /// Lists the references by which records follow the access to others.
    "access.inherited" (session, _given: ListInheritances {}) -> "{settings: [{id, entity, field, parent, level, off, reason, pending: {done, total}}]}" {
        let settings = session.inheritances()?;
        Ok(json!({"settings": settings.iter().map(setting_to_json).collect::<Vec<_>>()}))
    }

    /// Goes on with marking records for sharing rules and references that are new, where that was interrupted.
    "access.mark" (session, _given: MarkRecords {}) -> "{}" {
        session.mark_records()?;
        Ok(json!({}))
    }

    /// Makes a record one's own that a pool owns which one is a member of. Of two who claim it the first gets it.
    "record.claim" (session, given: ClaimRecord {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{}" {
        let request = json!([given.entity, given.id.to_string()]);
        write(session, "record.claim", given.idempotency_key.as_deref(), &request, |transaction| {
            transaction.claim_record(&given.entity, given.id)?;
            Ok(json!({}))
        })
    }

    /// Gives a record to a pool that one is a member of.
    "record.release" (session, given: ReleaseRecord {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The pool, by id or name.
        pool: String,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{}" {
        let request = json!([given.entity, given.id.to_string(), given.pool]);
        write(session, "record.release", given.idempotency_key.as_deref(), &request, |transaction| {
            let pool = named(&transaction.reader(), Pool::NAME, ("pool", &given.pool))?;
            transaction.release_record(&given.entity, given.id, pool)?;
            Ok(json!({}))
        })
    }
}

fn level(code: &str) -> Result<ShareLevel> {
    share_level("level", code)
}

/// With whom, as a caller says it.
struct Said {
    user: Option<String>,
    team: Option<String>,
    role: Option<String>,
    unit: Option<String>,
    below: Option<bool>,
}

impl Said {
    /// Those who are meant; nothing where nobody is named.
    fn principals(&self, session: &Session) -> Result<Option<Principals>> {
        let below = self.below.unwrap_or(false);
        session.read(|reader| match (&self.user, &self.team, &self.role, &self.unit) {
            (None, None, None, None) => Ok(None),
            (Some(user), None, None, None) => {
                let found = owner_from_json(&reader, &Json::from(user.as_str()));
                found.map(|user| Some(Principals::User(user))).map_err(|error| error.field("user"))
            }
            (None, Some(team), None, None) => {
                named(&reader, Team::NAME, ("team", team)).map(|team| Some(Principals::Team(team)))
            }
            (None, None, Some(role), None) => {
                named(&reader, Role::NAME, ("role", role)).map(|role| Some(Principals::Role(role)))
            }
            (None, None, None, Some(unit)) => {
                let found = named(&reader, Unit::NAME, ("unit", unit));
                found.map(|unit| Some(Principals::Unit { unit, below }))
            }
            _ => {
                Err(Error::new(Code::InvalidArgument).field("user").rule("one of user, team, role and unit"))
            }
        })
    }
}

/// A record of the organisation by id or name.
fn named(reader: &Reader<'_>, entity: &str, (field, said): (&str, &str)) -> Result<RecordId> {
    if let Ok(id) = said.parse() {
        return Ok(id);
    }
    let missing = || Error::new(Code::ReferenceMissing).entity(entity).field(field).value(said);
    reader.find_by_title(entity, said)?.first().copied().ok_or_else(missing)
}

/// Whom a rule means, by kind.
pub(super) fn principals_to_json(with: Principals) -> Map<String, Json> {
    let (user, team, role, unit, below) = match with {
        Principals::User(user) => (Some(user), None, None, None, false),
        Principals::Team(team) => (None, Some(team), None, None, false),
        Principals::Role(role) => (None, None, Some(role), None, false),
        Principals::Unit { unit, below } => (None, None, None, Some(unit), below),
    };
    let ids = [("user", user), ("team", team), ("role", role), ("unit", unit)];
    let mut told: Map<String, Json> = ids
        .into_iter()
        .map(|(name, id)| (name.to_owned(), Json::from(id.map(|id| id.to_string()))))
        .collect();
    told.insert("below".to_owned(), Json::from(below));
    told
}

fn pending_to_json(pending: Option<MarkingProgress>) -> Json {
    pending.map_or(Json::Null, |pending| json!({"done": pending.done, "total": pending.total}))
}

fn rule_to_json(rule: &CriteriaRule) -> Json {
    let mut told = principals_to_json(rule.with);
    let facts = [
        ("id", Json::from(rule.id.to_string())),
        ("name", Json::from(rule.name.as_str())),
        ("entity", Json::from(rule.entity.as_str())),
        ("criteria", Json::from(rule.criteria.as_str())),
        ("level", Json::from(rule.level.code())),
        ("off", Json::from(rule.off)),
        ("understood", Json::from(rule.understood)),
        ("reason", Json::from(rule.reason.as_deref())),
        ("by", Json::from(rule.by.to_string())),
        ("at", Json::from(rule.at.to_string())),
        ("pending", pending_to_json(rule.pending)),
    ];
    told.extend(facts.map(|(name, value)| (name.to_owned(), value)));
    Json::Object(told)
}

fn setting_to_json(setting: &InheritanceSetting) -> Json {
    json!({
        "id": setting.id.to_string(),
        "entity": setting.entity,
        "field": setting.field,
        "parent": setting.parent,
        "level": setting.level.code(),
        "off": setting.off,
        "reason": setting.reason,
        "pending": pending_to_json(setting.pending),
    })
}
