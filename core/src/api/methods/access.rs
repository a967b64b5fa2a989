//! Methods that explain who may do what, and what a planned change would open or close.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::owner_from_json;
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{
    AccessChange, AccessExplanation, AccessPath, Action, Entitled, ParentRecord, Process, Reason, RulePath,
    Session, SharePath,
};

use super::history::place;
use super::privileges::planned;
use super::sharing_rules::principals_to_json;

methods! {
    /// Explains why somebody may do an action to a record, or may not: the grants that say so, with their roles and
    /// why they reach it, and the shares, sharing rules and records beyond that give it, or the rule that refuses. About others for administrators; of records that one sees.
    "access.explain" (session, given: ExplainAccess {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The user, by id or name; oneself if not said.
        user: Option<String>,
        /// create, read, update, delete, assign, export, import, share, approve, administer; read if not said.
        action: Option<String>,
    }) -> "{verdict, paths: [{role, team, position, grant, entity, level, reason, line}], shares: [{share, level, team, until, process: {entity, id}}], rules: [{rule, level, user, team, role, unit, below}], parents: [{setting, field, entity, record, shared}], delegators, hidden_fields, masked_fields, read_only_fields, waiting: [{role, guide}]}" {
        let user = match &given.user {
            None => session.user(),
            Some(user) => session.read(|reader| owner_from_json(&reader, &Json::from(user.as_str())))?,
        };
        let action = action(given.action.as_deref())?;
        let told = session.explain_access(user, &given.entity, given.id, action)?;
        explanation_to_json(session, &told)
    }

    /// Explains why somebody might have done an action to a record at a moment of the past, or might not, by the
    /// users, units, roles, grants, teams, shares and delegations of then, and by the owner that the record had.
    "access.explain_at" (session, given: ExplainAccessAt {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The user, by id or name; oneself if not said.
        user: Option<String>,
        /// As of `access.explain`.
        action: Option<String>,
        /// The moment; this or `position`.
        at: Option<String>,
        /// The entry of the ledger; this or `at`.
        position: Option<u64>,
    }) -> "{verdict, paths: [{role, team, position, grant, entity, level, reason, line}], shares: [{share, level, team, until, process: {entity, id}}], rules: [{rule, level, user, team, role, unit, below}], parents: [{setting, field, entity, record, shared}], delegators, hidden_fields, masked_fields, read_only_fields, waiting: [{role, guide}]}" {
        let user = match &given.user {
            None => session.user(),
            Some(user) => session.read(|reader| owner_from_json(&reader, &Json::from(user.as_str())))?,
        };
        let at = place("at", given.at.as_deref(), given.position)?;
        let action = action(given.action.as_deref())?;
        let told = session.explain_access_at(user, &given.entity, given.id, (action, at))?;
        explanation_to_json(session, &told)
    }

    /// Lists who may do an action to a record, and by which grants, shares, sharing rules and records beyond. For
    /// administrators.
    "access.who" (session, given: WhoMay {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// As of `access.explain`.
        action: Option<String>,
        /// Most rows of the page; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{rows: [{user, paths: [{role, team, position, grant, entity, level, reason, line}], shares: [{share, level, team, until, process: {entity, id}}], rules: [{rule, level, user, team, role, unit, below}], parents: [{setting, field, entity, record, shared}], delegators, read_only_fields}], cursor}" {
        let action = action(given.action.as_deref())?;
        let asked = page_of(given.cursor.as_deref(), given.limit)?;
        let page = session.who_may(&given.entity, given.id, action, asked)?;
        let rows = page.rows.iter().map(|row| entitled_to_json(session, row));
        let rows: Vec<Json> = rows.collect::<Result<_>>()?;
        Ok(json!({"rows": rows, "cursor": page.next.map(|next| next.to_string())}))
    }

    /// Lists who might have done an action to a record at a moment of the past, and by which grants and shares of
    /// then. For administrators.
    "access.who_at" (session, given: WhoMightAt {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// As of `access.explain`.
        action: Option<String>,
        /// The moment; this or `position`.
        at: Option<String>,
        /// The entry of the ledger; this or `at`.
        position: Option<u64>,
        /// Most rows of the page; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{position, moment, rows: [{user, paths: [{role, team, position, grant, entity, level, reason, line}], shares: [{share, level, team, until, process: {entity, id}}], delegators, read_only_fields}], undecided, cursor}" {
        let at = place("at", given.at.as_deref(), given.position)?;
        let action = action(given.action.as_deref())?;
        let asked = page_of(given.cursor.as_deref(), given.limit)?;
        let page = session.who_might(&given.entity, given.id, (action, at), asked)?;
        let rows = page.rows.iter().map(|row| entitled_to_json(session, row));
        let rows: Vec<Json> = rows.collect::<Result<_>>()?;
        Ok(json!({
            "position": page.position,
            "moment": page.moment.to_string(),
            "rows": rows,
            "undecided": ids_to_json(&page.undecided),
            "cursor": page.next.map(|next| next.to_string()),
        }))
    }

    /// Tells what a change of users, units, roles, positions, teams, grants, shares and delegations would open or
    /// close, by person, entity and action, with counts and some records; for a delegate, by whom they act for.
    /// Nothing of it is kept. For administrators.
    "access.simulate" (session, given: SimulateAccess {
        /// The changes in their order: `{do: create, entity, values, as}`, `{do: update, entity, id, values}`,
        /// `{do: delete, entity, id}`, of entities of `sys`; `{do: share, entity, id, user, team, level, from,
        /// until, reason}`; `{do: delegate, delegator, delegate, from, until, entities, note}`. Where `as` names a
        /// record that is created, `@name` stands for it in what follows.
        changes: Vec<Json>,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
    }) -> "{rows: [{user, acting_for, entity, action, was, becomes, opened, closed, opened_samples, closed_samples, opened_fields, closed_fields}], more}" {
        let limit = usize::try_from(given.limit.unwrap_or_default()).unwrap_or(usize::MAX);
        let impact = session.simulate_access(limit, |transaction| {
            let mut made = BTreeMap::new();
            given.changes.iter().try_for_each(|change| {
                let planned = planned(&transaction.reader(), &mut made, change)?;
                transaction.do_change(&planned)
            })
        })?;
        let rows: Vec<Json> = impact.rows.iter().map(change_to_json).collect();
        Ok(json!({"rows": rows, "more": impact.more}))
    }
}

fn action(name: Option<&str>) -> Result<Action> {
    let Some(name) = name else { return Ok(Action::Read) };
    let wrong = || Error::new(Code::InvalidArgument).field("action").value(name);
    Action::from_code(name).ok_or_else(wrong)
}

/// Behind whom a page begins, and how many rows it has at most.
pub(super) fn page_of(cursor: Option<&str>, limit: Option<u64>) -> Result<(Option<RecordId>, usize)> {
    let wrong = |_| Error::new(Code::InvalidCursor);
    let after = cursor.map(str::parse::<RecordId>).transpose().map_err(wrong)?;
    Ok((after, usize::try_from(limit.unwrap_or_default()).unwrap_or(usize::MAX)))
}

fn explanation_to_json(session: &Session, told: &AccessExplanation) -> Result<Json> {
    let waiting = told.waiting.iter();
    let waiting = waiting.map(|one| json!({"role": one.role.to_string(), "guide": one.guide}));
    Ok(json!({
        "verdict": told.verdict.code(),
        "paths": paths_to_json(session, &told.paths)?,
        "shares": shares_to_json(&told.shares),
        "rules": rules_to_json(&told.rules),
        "parents": parents_to_json(&told.parents),
        "delegators": ids_to_json(&told.delegators),
        "hidden_fields": told.hidden,
        "masked_fields": told.masked,
        "read_only_fields": told.read_only,
        "waiting": waiting.collect::<Vec<_>>(),
    }))
}

fn ids_to_json(ids: &[RecordId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn entitled_to_json(session: &Session, row: &Entitled) -> Result<Json> {
    Ok(json!({
        "user": row.user.to_string(),
        "paths": paths_to_json(session, &row.paths)?,
        "shares": shares_to_json(&row.shares),
        "rules": rules_to_json(&row.rules),
        "parents": parents_to_json(&row.parents),
        "delegators": ids_to_json(&row.delegators),
        "read_only_fields": row.read_only,
    }))
}

fn shares_to_json(shares: &[SharePath]) -> Vec<Json> {
    let json = shares.iter().map(|share| {
        json!({
            "share": share.share.to_string(),
            "level": share.level.code(),
            "team": share.team.map(|team| team.to_string()),
            "until": share.until.map(|until| until.to_string()),
            "process": process_to_json(share.process.as_ref()),
        })
    });
    json.collect()
}

/// A process that people take part in.
pub(super) fn process_to_json(process: Option<&Process>) -> Json {
    process.map_or(Json::Null, |process| json!({"entity": process.entity, "id": process.id.to_string()}))
}

fn rules_to_json(rules: &[RulePath]) -> Vec<Json> {
    let json = rules.iter().map(|rule| {
        let mut told = principals_to_json(rule.with);
        told.insert("rule".to_owned(), Json::from(rule.rule.to_string()));
        told.insert("level".to_owned(), Json::from(rule.level.code()));
        Json::Object(told)
    });
    json.collect()
}

fn parents_to_json(parents: &[ParentRecord]) -> Vec<Json> {
    let json = parents.iter().map(|parent| {
        json!({
            "setting": parent.setting.to_string(),
            "field": parent.field,
            "entity": parent.entity,
            "record": parent.record.map(|record| record.to_string()),
            "shared": parent.shared,
        })
    });
    json.collect()
}

/// Paths, with roles by their names where the user sees them.
fn paths_to_json(session: &Session, paths: &[AccessPath]) -> Result<Vec<Json>> {
    session.read(|reader| {
        let json = paths.iter().map(|path| {
            let (reason, line) = match &path.reason {
                Reason::Owner => ("owner", Vec::new()),
                Reason::Pool(pool) => ("pool", ids_to_json(&[*pool])),
                Reason::Reporting(line) => ("reporting", ids_to_json(line)),
                Reason::Unit(unit) => ("unit", ids_to_json(&[*unit])),
                Reason::UnitBelow(line) => ("unit_below", ids_to_json(line)),
                Reason::Everybody => ("everybody", Vec::new()),
            };
            let name = reader.get("sys.role", path.role).map(|role| role.title()).ok();
            json!({
                "role": name.unwrap_or_else(|| path.role.to_string()),
                "team": path.team.map(|team| team.to_string()),
                "position": path.position.map(|position| position.to_string()),
                "grant": path.grant.to_string(),
                "entity": path.entity,
                "level": path.level.code(),
                "reason": reason,
                "line": line,
            })
        });
        Ok(json.collect())
    })
}

fn change_to_json(change: &AccessChange) -> Json {
    json!({
        "user": change.user.to_string(),
        "acting_for": change.acting_for.map(|user| user.to_string()),
        "entity": change.entity,
        "action": change.action.code(),
        "was": change.was.code(),
        "becomes": change.becomes.code(),
        "opened": change.opened,
        "closed": change.closed,
        "opened_samples": ids_to_json(&change.opened_samples),
        "closed_samples": ids_to_json(&change.closed_samples),
        "opened_fields": change.opened_fields,
        "closed_fields": change.closed_fields,
    })
}
