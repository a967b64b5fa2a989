//! Delegation for a period: said by who is away, taken back, listed, and used by who stands in.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{Action, Administer, Delegation, DelegationFact, User, delegation};
use crate::base::{Code, Error, RecordId, Result, Timestamp, Value};
use crate::engine::organisation::delegation_of;
use crate::engine::{Changes, Session, Transaction, WriteOptions};
use crate::records::Record;
use crate::schema::{Entity, EntityType, FieldName};

/// Most delegations that stand of one person.
const MAX_DELEGATIONS: usize = 100;
/// Most entities that one names.
const MAX_ENTITIES: usize = 100;

/// Who is to act for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelegation {
    /// For whom; for oneself if nobody is said.
    pub delegator: Option<RecordId>,
    /// Who acts.
    pub delegate: RecordId,
    /// From when on; from now on if nothing is said.
    pub from: Option<Timestamp>,
    /// From when on no longer.
    pub until: Timestamp,
    /// Only about records of these entities, if some are said.
    pub entities: Vec<String>,
    /// Why.
    pub note: Option<String>,
}

impl NewDelegation {
    /// One for oneself, about records of all entities.
    #[must_use]
    pub fn new(delegate: RecordId, until: Timestamp) -> Self {
        Self { delegator: None, delegate, from: None, until, entities: Vec::new(), note: None }
    }
}

/// Who acts for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegated {
    /// The delegation.
    pub id: RecordId,
    /// For whom.
    pub delegator: RecordId,
    /// Who acts.
    pub delegate: RecordId,
    /// From when on, if that was said.
    pub from: Option<Timestamp>,
    /// From when on no longer.
    pub until: Timestamp,
    /// Only about records of these entities, if there are some.
    pub entities: BTreeSet<String>,
    /// Whether the delegate may act by it now.
    pub holds: bool,
}

impl Session {
    /// The same session, acting for somebody whose delegation to this user holds: it reads and changes the records
    /// that the other one reaches at that moment, and those alone, whatever the user's own rights are. It does not
    /// share, export, import, approve or administer, and changes nothing of the organisation. Records that it makes are
    /// the other's, and entries of the ledger name both. It ends with the delegation, and when the other one may no
    /// longer sign in.
    ///
    /// # Errors
    /// `access.session_ended` where no delegation holds; `access.not_permitted` in a session that acts for another one
    /// already, since nobody passes on what is another's.
    pub fn act_for(&self, delegator: RecordId) -> Result<Self> {
        if self.delegator().is_some() {
            return Err(in_person());
        }
        let acting = self.acting(delegator);
        acting.read(|_| Ok(()))?;
        Ok(acting)
    }

    /// Lets somebody act. See [`Transaction::delegate`].
    ///
    /// # Errors
    /// As [`Transaction::delegate`].
    pub fn delegate(&self, delegation: &NewDelegation) -> Result<RecordId> {
        let options = WriteOptions::default().cause("delegation.grant");
        self.write_with(options, |transaction| transaction.delegate(delegation))
    }

    /// Takes a delegation back. See [`Transaction::end_delegation`].
    ///
    /// # Errors
    /// As [`Transaction::end_delegation`].
    pub fn end_delegation(&self, id: RecordId) -> Result<()> {
        let options = WriteOptions::default().cause("delegation.end");
        self.write_with(options, |transaction| transaction.end_delegation(id))
    }

    /// The delegations by this user and to this user that were not taken back, in the order in which they were made.
    ///
    /// # Errors
    /// `access.session_ended`.
    pub fn delegations(&self) -> Result<Vec<Delegated>> {
        self.read(|reader| {
            let now = reader.crm.moment_of_access();
            let holding: BTreeSet<RecordId> =
                reader.policy.delegators_of(reader.user, now).map(|fact| fact.id).collect();
            let concerned = |fact: &&DelegationFact| [fact.delegator, fact.delegate].contains(&reader.user);
            let mut mine: Vec<&DelegationFact> = reader.policy.delegations().filter(concerned).collect();
            mine.sort_by_key(|fact| fact.id);
            let rows = mine.into_iter().map(|fact| Delegated {
                id: fact.id,
                delegator: fact.delegator,
                delegate: fact.delegate,
                from: fact.from,
                until: fact.until,
                entities: fact.entities.clone(),
                holds: match fact.delegate == reader.user {
                    true => holding.contains(&fact.id),
                    false => fact.holds_at(now) && reader.policy.is_active(fact.delegate),
                },
            });
            Ok(rows.collect())
        })
    }
}

impl Transaction<'_> {
    /// Lets somebody act for this user for a period, or for another one whom this user administers and who has no more
    /// rights. It gives the id of the delegation, which holds from the next call on.
    ///
    /// # Errors
    /// `access.not_permitted` for somebody else without the right to administer them, for a delegation to oneself,
    /// and while acting for another one; `access.beyond_own_rights` for somebody who may do more;
    /// `record.reference_missing` for who is not an active user of the same partition; `input.invalid_argument` for a
    /// period that is over; `schema.unknown_entity`; `input.limit_exceeded` beyond 100 delegations of one person, and
    /// 100 entities.
    pub fn delegate(&mut self, delegation: &NewDelegation) -> Result<RecordId> {
        let registry = Arc::clone(&self.registry);
        let names = delegation.entities.iter().map(|name| Ok(registry.entity(name)?.api_name.clone()));
        let entities: BTreeSet<String> = names.collect::<Result<_>>()?;
        let fact = DelegationFact {
            id: self.crm().new_id(),
            delegator: delegation.delegator.unwrap_or(self.user()),
            delegate: delegation.delegate,
            from: delegation.from,
            until: delegation.until,
            entities,
        };
        self.check_delegation(&fact)?;
        let names: Vec<&str> = fact.entities.iter().map(String::as_str).collect();
        let names = (!names.is_empty()).then(|| names.join(","));
        let changes = Changes::new()
            .set(delegation::DELEGATOR, fact.delegator)
            .set(delegation::DELEGATE, fact.delegate)
            .set(delegation::FROM, fact.from.map_or(Value::Null, Value::DateTime))
            .set(delegation::UNTIL, fact.until)
            .set(delegation::ENTITIES, names.map_or(Value::Null, Value::Text))
            .set(delegation::NOTE, delegation.note.clone().map_or(Value::Null, Value::Text))
            .owner(fact.delegator);
        self.create_in_own_right(Delegation::NAME, changes)
    }

    /// Takes a delegation back: one by this user or to this user, or of somebody whom this user administers.
    ///
    /// # Errors
    /// `record.not_found`, alike for one that is not there and one that does not concern this user;
    /// `access.not_permitted` while acting for another one.
    pub fn end_delegation(&mut self, id: RecordId) -> Result<()> {
        if self.session().delegator().is_some() {
            return Err(in_person());
        }
        let missing = || Error::new(Code::RecordNotFound).entity(Delegation::NAME).record(id);
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(Delegation::NAME)?;
        let record = crate::records::get_for_rule(self.view(), entity.id(), id)?.ok_or_else(missing)?;
        let fact = stated(entity, &record).ok_or_else(missing)?;
        let concerned = [fact.delegator, fact.delegate].contains(&self.user());
        if !concerned && !self.administers_user(fact.delegator)? {
            return Err(missing());
        }
        self.delete_in_own_right(Delegation::NAME, id)
    }

    /// Holds a delegation that comes through the door of all records to what is held against one that is given by its
    /// own.
    pub(super) fn check_stated_delegation(&self, entity: &Entity, record: &Record) -> Result<()> {
        if entity.api_name != Delegation::NAME {
            return Ok(());
        }
        let wrong =
            || Error::new(Code::InvalidArgument).entity(Delegation::NAME).rule("who, for whom, until when");
        let fact = stated(entity, record).ok_or_else(wrong)?;
        fact.entities.iter().try_for_each(|name| self.registry.entity(name).map(drop))?;
        self.check_delegation(&fact)
    }

    fn check_delegation(&self, fact: &DelegationFact) -> Result<()> {
        let error = |code: Code| Error::new(code).entity(Delegation::NAME);
        if self.session().delegator().is_some() {
            return Err(in_person());
        }
        if fact.delegate == self.user() || fact.delegate == fact.delegator {
            return Err(error(Code::NotPermitted).field("delegate").rule("somebody else"));
        }
        if fact.delegator != self.user() {
            if !self.administers_user(fact.delegator)? {
                return Err(error(Code::NotPermitted).field("delegator").rule(Action::Administer.code()));
            }
            self.check_not_stronger(fact.delegator)?;
        }
        let partition = self.policy.partition_of(fact.delegator);
        for (field, user) in [("delegator", fact.delegator), ("delegate", fact.delegate)] {
            if !self.policy.is_active(user) || self.policy.partition_of(user) != partition {
                return Err(error(Code::ReferenceMissing).field(field).value(&user.to_string()));
            }
        }
        let begins = fact.from.unwrap_or(fact.until.min(self.crm().moment_of_access()));
        if fact.until <= begins.max(self.crm().moment_of_access()) {
            return Err(error(Code::InvalidArgument).field("until").rule("later than from, and than now"));
        }
        if fact.entities.len() > MAX_ENTITIES {
            return Err(error(Code::LimitExceeded).field("entities").rule("at most 100 entities"));
        }
        let others = self.policy.delegations();
        let others = others.filter(|other| other.delegator == fact.delegator && other.id != fact.id);
        if others.count() >= MAX_DELEGATIONS {
            return Err(error(Code::LimitExceeded)
                .field("delegator")
                .rule("at most 100 delegations of one person"));
        }
        Ok(())
    }

    /// Whether the user administers another one: a user who is seen, and whom a grant to administer users reaches.
    fn administers_user(&self, user: RecordId) -> Result<bool> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(User::NAME)?;
        let Ok(permit) = self.policy.decide::<Administer>(self.user(), entity.id(), &entity.api_name) else {
            return Ok(false);
        };
        match self.readable(entity, user) {
            Ok(record) => Ok(permit.allows(record.id, &record.envelope.access_class())),
            Err(error) if matches!(error.code(), Code::RecordNotFound | Code::NotPermitted) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What is done for oneself alone.
fn in_person() -> Error {
    Error::new(Code::NotPermitted).entity(Delegation::NAME).rule("on behalf of another one")
}

fn stated(entity: &Entity, record: &Record) -> Option<DelegationFact> {
    let value = |name: FieldName<'static>| {
        entity.field(name).map(|field| record.value(field.id())).unwrap_or_default()
    };
    delegation_of(record.id, &value)
}
