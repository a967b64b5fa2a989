//! Who may do what to a record, and why: explained for one person, or listed for all.

use crate::access::{AccessPath, Action, Read, Role, Showing, Verdict};
use crate::base::{Code, Error, MAX_PAGE_ROWS, RecordId, Result};
use crate::engine::{Reader, Session};
use crate::records::Record;
use crate::schema::{Entity, EntityType};

/// People that are looked at between two looks at the clock.
const AT_ONCE: usize = 256;

/// Why somebody may do something to a record, or may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessExplanation {
    /// What is decided.
    pub verdict: Verdict,
    /// The grants that say so: those that allow it where it is granted, those that forbid it where it is denied.
    pub paths: Vec<AccessPath>,
    /// Fields of the record of which the person sees nothing, by API name, where the person reads it.
    pub hidden: Vec<String>,
    /// Fields of which the person sees masks alone, where the record is opened.
    pub masked: Vec<String>,
}

/// Somebody who may do something to a record, and by which grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitled {
    /// The person.
    pub user: RecordId,
    /// The grants that allow it.
    pub paths: Vec<AccessPath>,
}

/// One page of those who may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntitledPage {
    /// They, in the order of their ids.
    pub rows: Vec<Entitled>,
    /// Behind whom the next page goes on, if there is more.
    pub next: Option<RecordId>,
}

impl Session {
    /// Why somebody may do an action to a record, or may not: the grants with their roles and levels and why each
    /// reaches the record, or the rule that refuses it. Everybody asks about themselves, administrators of the
    /// organisation about everybody, and both of records alone that they see.
    ///
    /// # Errors
    /// `access.not_permitted` about somebody else without the right to administer everything, or without that to
    /// read the entity; `record.not_found`, alike for a record that is hidden and one that is not there;
    /// `schema.unknown_entity`.
    pub fn explain_access(
        &self,
        principal: RecordId,
        entity: &str,
        id: RecordId,
        action: Action,
    ) -> Result<AccessExplanation> {
        self.read(|reader| {
            if principal != self.user() {
                check_administers(&reader)?;
            }
            let entity = reader.registry().entity(entity)?;
            let record = reader.stored(&reader.permit(entity)?, entity, id)?;
            explained(&reader, principal, (entity, &record), action)
        })
    }

    /// Who may do an action to a record, a page at a time, and by which grants. It looks at each person once, and
    /// compiles nobody's rights.
    ///
    /// # Errors
    /// As [`Session::explain_access`] about somebody else; `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn who_may(
        &self,
        entity: &str,
        id: RecordId,
        action: Action,
        (after, limit): (Option<RecordId>, usize),
    ) -> Result<EntitledPage> {
        let limit = if limit == 0 { 100 } else { limit.min(MAX_PAGE_ROWS) };
        self.read(|reader| {
            check_administers(&reader)?;
            let entity = reader.registry().entity(entity)?;
            let record = reader.stored(&reader.permit(entity)?, entity, id)?;
            let mut rows: Vec<Entitled> = Vec::new();
            for (number, user) in reader.policy.users_after(after).enumerate() {
                if number % AT_ONCE == 0 {
                    self.patience().check()?;
                }
                let (verdict, paths) = decided(&reader, user, (entity, &record), action)?;
                if verdict != Verdict::Granted {
                    continue;
                }
                if rows.len() == limit {
                    let next = rows.last().map(|row| row.user);
                    return Ok(EntitledPage { rows, next });
                }
                rows.push(Entitled { user, paths });
            }
            Ok(EntitledPage { rows, next: None })
        })
    }
}

fn check_administers(reader: &Reader<'_>) -> Result<()> {
    match reader.policy.administers(reader.user) {
        true => Ok(()),
        false => Err(Error::new(Code::NotPermitted).entity(Role::NAME).rule(Action::Administer.code())),
    }
}

/// What is decided, with all that an action asks for beside its own grant.
fn decided(
    reader: &Reader<'_>,
    principal: RecordId,
    (entity, record): (&Entity, &Record),
    action: Action,
) -> Result<(Verdict, Vec<AccessPath>)> {
    let policy = reader.policy;
    let place = policy.place(record.envelope.access_class());
    let (verdict, paths) = policy.explain(principal, &entity.api_name, action, &place);
    if verdict != Verdict::Granted || action == Action::Create {
        return Ok((verdict, paths));
    }
    if policy.explain(principal, &entity.api_name, Action::Read, &place).0 != Verdict::Granted {
        return Ok((Verdict::Unread, Vec::new()));
    }
    if entity.ends().is_some() {
        let theirs = Reader { user: principal, ..*reader };
        if !theirs.sees_ends(&theirs.permit(entity)?, entity, record)? {
            return Ok((Verdict::EndUnread, Vec::new()));
        }
    }
    Ok((verdict, paths))
}

fn explained(
    reader: &Reader<'_>,
    principal: RecordId,
    (entity, record): (&Entity, &Record),
    action: Action,
) -> Result<AccessExplanation> {
    let (verdict, paths) = decided(reader, principal, (entity, record), action)?;
    let permit = reader.policy.decide::<Read>(principal, entity.id(), &entity.api_name);
    let class = record.envelope.access_class();
    let name = |field| entity.field_by_id(field).map(|field| field.api_name.clone());
    let (mut hidden, mut masked) = (Vec::new(), Vec::new());
    if let (Verdict::Granted, Ok(permit)) = (verdict, &permit) {
        hidden = permit.hidden_in(&class).iter().copied().filter_map(name).collect();
        masked = permit.masked_in(&class, Showing::Detail).filter_map(name).collect();
    }
    // A field of which whoever asks sees nothing anywhere is not told of.
    let shown = reader.readable_fields(&entity.api_name)?;
    let known = |field: &String| {
        entity.fields().iter().any(|known| known.api_name == *field && shown.contains(&known.id()))
    };
    hidden.retain(known);
    masked.retain(known);
    Ok(AccessExplanation { verdict, paths, hidden, masked })
}
