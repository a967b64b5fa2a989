//! Methods on users, roles and settings.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::{Secret, methods};
use crate::api::json::{changes_from_json, owner_from_json};
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{
    Changes, Grant, HandedOver, Offboarding, OffboardingPlan, Role, RoleAssignment, Session, Settings, User,
    UserKind, grant, role_assignment, user,
};
use crate::schema::{EntityType, FieldName};

use super::records::write;

methods! {
    /// Says who is signed in.
    "session.whoami" (session, _given: WhoAmI {}) -> "{id, name, kind, locale}" {
        let row = session.get(User::NAME, session.user())?;
        let kind = row.value(user::KIND)?;
        Ok(json!({
            "id": session.user().to_string(),
            "name": row.title(),
            "kind": kind.as_text().unwrap_or(UserKind::Person.code()),
            "locale": session.locale().tag(),
        }))
    }

    /// Lists the open sessions of a user, the oldest first: one's own, and those of others for administrators.
    "session.list" (session, given: ListSessions {
        /// The user, by id or name; oneself if not said.
        user: Option<String>,
    }) -> "{sessions: [{id, user, since, is_this}]}" {
        let user = user_or_self(session, given.user.as_deref())?;
        let open = session.open_sessions(user)?;
        let json = open.iter().map(|open| json!({
            "id": open.id.to_string(),
            "user": open.user.to_string(),
            "since": open.since.to_string(),
            "is_this": open.is_this,
        }));
        Ok(json!({"sessions": json.collect::<Vec<_>>()}))
    }

    /// Ends open sessions of a user at their next call: one's own, and those of others for administrators.
    "session.end" (session, given: EndSessions {
        /// The user, by id or name; oneself if not said.
        user: Option<String>,
        /// The session, as `session.list` tells it; all of the user's if not said.
        id: Option<RecordId>,
    }) -> "{ended}" {
        let user = user_or_self(session, given.user.as_deref())?;
        Ok(json!({"ended": session.end_sessions(user, given.id)?}))
    }

    /// Creates a user, with a password and roles if they are given.
    "user.create" (session, given: CreateUser {
        /// Values by field name; `name` is the name to sign in with.
        values: Map<String, Json>,
        /// The password.
        password: Option<Secret<String>>,
        /// Names of roles.
        roles: Option<Vec<Json>>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        // The password stays out of what is remembered of the request.
        let request = json!([given.values, given.roles]);
        write(session, "user.create", given.idempotency_key.as_deref(), &request, |transaction| {
            let reader = transaction.reader();
            let entity = reader.registry().entity(User::NAME)?;
            let changes = changes_from_json(&reader, entity, &given.values)?;
            let id = transaction.create_record(User::NAME, changes)?;
            for role in given.roles.iter().flatten() {
                let name = role.as_str().ok_or_else(|| Error::new(Code::InvalidArgument).field("roles"))?;
                assign(transaction, id, name, None)?;
            }
            if let Some(password) = &given.password {
                transaction.set_password(id, password)?;
            }
            Ok(json!({"id": id.to_string()}))
        })
    }

    /// Sets a user's password.
    "user.set_password" (session, given: SetPassword {
        /// The user, by id or name.
        user: String,
        /// The password.
        password: Secret<String>,
    }) -> "{}" {
        let user = session.read(|reader| owner_from_json(&reader, &Json::from(given.user.as_str())))?;
        session.set_password(user, &given.password)?;
        Ok(json!({}))
    }

    /// Makes a code by which a user sets a new password, once and for a limited time: for oneself, or for a user whose
    /// password one may set. The host hands it over.
    "user.issue_recovery_code" (session, given: IssueRecoveryCode {
        /// The user, by id or name.
        user: String,
    }) -> "{code, until}" {
        let user = user_or_self(session, Some(&given.user))?;
        let code = session.issue_recovery_code(user)?;
        Ok(json!({"code": code.reveal().as_str(), "until": code.until.to_string()}))
    }

    /// Closes every way in of somebody who leaves, and hands over what is theirs. It can be called again and goes on
    /// with what is left.
    "user.offboard" (session, given: Offboard {
        /// The user, by id or name.
        user: String,
        /// Who gets the records of the trade, by id or name; they stay if nobody is said.
        heir: Option<String>,
        /// Who gets the records of some entities instead: users by API name of the entity.
        heirs: Option<Map<String, Json>>,
        /// To whom those report who reported to the leaver; the leaver's own superior if not said.
        superior: Option<String>,
        /// Whether it is only looked at.
        dry_run: Option<bool>,
    }) -> "{sessions, roles, subordinates, entities: [{entity, owned, handed_over, heir, left: [{id, error}], refused}], complete, stopped}" {
        let user = user_or_self(session, Some(&given.user))?;
        let plan = session.read(|reader| {
            let named = |name: &Json| owner_from_json(&reader, name);
            let known = |name: &Option<String>| name.as_deref().map(Json::from).as_ref().map(named).transpose();
            let heirs = given.heirs.iter().flatten();
            let heirs = heirs.map(|(entity, heir)| {
                Ok((reader.registry().entity(entity)?.api_name.clone(), named(heir)?))
            });
            Ok(OffboardingPlan {
                heir: known(&given.heir)?,
                heirs: heirs.collect::<Result<_>>()?,
                superior: known(&given.superior)?,
                dry_run: given.dry_run.unwrap_or(false),
            })
        })?;
        Ok(offboarding_to_json(session, &session.offboard(user, &plan)?))
    }

    /// Lets a user work in another unit, and brings the records along that are the user's. It can be called again and
    /// goes on with what is left.
    "user.move" (session, given: MoveUser {
        /// The user, by id or name.
        user: String,
        /// The unit, by its id; none if not said.
        unit: Option<RecordId>,
    }) -> "{entities: [{entity, owned, handed_over, heir, left: [{id, error}], refused}], stopped}" {
        let user = user_or_self(session, Some(&given.user))?;
        let moved = session.move_to_unit(user, given.unit)?;
        let entities = moved.entities.iter().map(|entity| handed_over_to_json(session, entity));
        Ok(json!({
            "entities": entities.collect::<Vec<_>>(),
            "stopped": moved.stopped.as_ref().map(|error| error.to_json(session.locale())),
        }))
    }

    /// Gives a user a role.
    "role.assign" (session, given: AssignRole {
        /// The user, by id or name.
        user: String,
        /// The name of the role.
        role: String,
        /// The guide before whose end the role counts for nothing; it counts at once if not said.
        guide: Option<String>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let guide = given.guide.as_deref();
        let request = guide.map_or_else(
            || json!([given.user, given.role]),
            |guide| json!([given.user, given.role, guide]),
        );
        write(session, "role.assign", given.idempotency_key.as_deref(), &request, |transaction| {
            let user = owner_from_json(&transaction.reader(), &Json::from(given.user.as_str()))?;
            Ok(json!({"id": assign(transaction, user, &given.role, guide)?.to_string()}))
        })
    }

    /// Lets a role do something.
    "role.grant" (session, given: GrantRole {
        /// The name of the role.
        role: String,
        /// The entity, or `*`.
        entity: String,
        /// create, read, update, delete, assign, export, import, share, approve, administer.
        action: String,
        /// none, own, own_and_subordinates, unit, unit_and_children, all.
        level: String,
        /// Fields that the grant does not show, separated by commas; of one that forbids, the fields that alone it
        /// forbids.
        hidden_fields: Option<String>,
        /// Fields of which the grant shows masks, separated by commas.
        masked_fields: Option<String>,
        /// Fields of which it shows masks in lists, and the values in a record that is opened.
        list_masked_fields: Option<String>,
        /// Fields that the grant to create or update leaves as they are.
        read_only_fields: Option<String>,
        /// The only fields that the grant shows, separated by commas; what is not named is hidden, and so is every
        /// field that comes to be later.
        visible_fields: Option<String>,
        /// The only fields that the grant to create or update lets be set, separated by commas; what is not named is left
        /// as it is, and so is every field that comes to be later.
        writable_fields: Option<String>,
        /// allow, or deny: what is forbidden stays so, whatever else allows it.
        effect: Option<String>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let request = json!([
            given.role,
            given.entity,
            given.action,
            given.level,
            given.hidden_fields,
            given.masked_fields,
            given.list_masked_fields,
            given.read_only_fields,
            given.effect
        ]);
        // Requests that were made before there were such lists are the same ones.
        let request = match (&given.visible_fields, &given.writable_fields) {
            (visible, Some(writable)) => json!([request, visible, writable]),
            (Some(visible), None) => json!([request, visible]),
            (None, None) => request,
        };
        write(session, "role.grant", given.idempotency_key.as_deref(), &request, |transaction| {
            let reader = transaction.reader();
            let entity = match given.entity.as_str() {
                "*" | "sys.*" => given.entity.clone(),
                name => {
                    let entity = reader.registry().entity(name)?;
                    let lists = [
                        &given.hidden_fields,
                        &given.masked_fields,
                        &given.list_masked_fields,
                        &given.read_only_fields,
                        &given.visible_fields,
                        &given.writable_fields,
                    ];
                    // A name that is misspelt would leave its field in sight.
                    let named = lists.into_iter().flatten().flat_map(|names| names.split(','));
                    named
                        .map(str::trim)
                        .filter(|name| !name.is_empty())
                        .try_for_each(|name| entity.field(FieldName::Name(name)).map(|_| ()))?;
                    entity.api_name.clone()
                }
            };
            let role = role_named(transaction, &given.role)?;
            let changes = Changes::new()
                .set(grant::ROLE, role)
                .set(grant::ENTITY, entity)
                .set(grant::ACTION, given.action.as_str())
                .set(grant::LEVEL, given.level.as_str())
                .set(grant::HIDDEN_FIELDS, given.hidden_fields.clone())
                .set(grant::MASKED_FIELDS, given.masked_fields.clone())
                .set(grant::LIST_MASKED_FIELDS, given.list_masked_fields.clone())
                .set(grant::READ_ONLY_FIELDS, given.read_only_fields.clone())
                .set(grant::VISIBLE_FIELDS, given.visible_fields.clone())
                .set(grant::WRITABLE_FIELDS, given.writable_fields.clone())
                .set(grant::EFFECT, given.effect.clone());
            Ok(json!({"id": transaction.create_record(Grant::NAME, changes)?.to_string()}))
        })
    }

    /// Reads the settings of the organisation.
    "settings.get" (session, _given: GetSettings {}) -> "{base_currency, time_zone, first_weekday, fiscal_year_start, max_attachment_bytes}" {
        to_json(&session.crm().settings())
    }

    /// Changes settings of the organisation; what is not named stays.
    "settings.set" (session, given: SetSettings {
        /// Settings by name.
        settings: Map<String, Json>,
    }) -> "{base_currency, time_zone, first_weekday, fiscal_year_start, max_attachment_bytes}" {
        let mut merged = to_json(&session.crm().settings())?;
        if let Some(object) = merged.as_object_mut() {
            object.extend(given.settings.clone());
        }
        let changed: Settings = serde_json::from_value(merged.clone())
            .map_err(|error| Error::new(Code::InvalidArgument).field("settings").rule(&error.to_string()))?;
        session.change_settings(changed)?;
        Ok(merged)
    }
}

fn handed_over_to_json(session: &Session, entity: &HandedOver) -> Json {
    let error = |error: &Error| error.to_json(session.locale());
    let left = entity.left.iter().map(|(id, why)| json!({"id": id.to_string(), "error": error(why)}));
    json!({
        "entity": entity.entity,
        "owned": entity.owned,
        "handed_over": entity.handed_over,
        "heir": entity.heir.map(|heir| heir.to_string()),
        "left": left.collect::<Vec<_>>(),
        "refused": entity.refused.as_ref().map(error),
    })
}

fn offboarding_to_json(session: &Session, done: &Offboarding) -> Json {
    let entities = done.entities.iter().map(|entity| handed_over_to_json(session, entity));
    json!({
        "sessions": done.sessions,
        "roles": done.roles,
        "subordinates": done.subordinates,
        "entities": entities.collect::<Vec<_>>(),
        "complete": done.is_complete(),
        "stopped": done.stopped.as_ref().map(|error| error.to_json(session.locale())),
    })
}

pub(super) fn user_or_self(session: &Session, user: Option<&str>) -> Result<RecordId> {
    match user {
        None => Ok(session.user()),
        Some(user) => session.read(|reader| owner_from_json(&reader, &Json::from(user))),
    }
}

fn to_json(settings: &Settings) -> Result<Json> {
    serde_json::to_value(settings).map_err(|error| Error::new(Code::Panic).because(error))
}

fn role_named(transaction: &crate::engine::Transaction<'_>, name: &str) -> Result<RecordId> {
    let found = transaction.reader().find_by_title(Role::NAME, name)?;
    let missing = || Error::new(Code::ReferenceMissing).entity(Role::NAME).field("name").value(name);
    found.first().copied().ok_or_else(missing)
}

fn assign(
    transaction: &mut crate::engine::Transaction<'_>,
    user: RecordId,
    role: &str,
    guide: Option<&str>,
) -> Result<RecordId> {
    let role = role_named(transaction, role)?;
    let changes = Changes::new().set(role_assignment::USER, user).set(role_assignment::ROLE, role);
    let changes = changes.set(role_assignment::GUIDE, guide.map(str::to_owned));
    transaction.create_record(RoleAssignment::NAME, changes)
}
