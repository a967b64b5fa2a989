//! What a rule sees beside the record that is being saved, in its own right: records that say what is to be done, who
//! is there to do it, and whether a condition is met. Nothing of it is told to the user who saves.

use std::collections::BTreeSet;

use crate::access::{Assign, Permit, Read, Showing};
use crate::base::{Code, Error, FieldId, Patience, RecordId, Result, Value};
use crate::engine::condition::resolve_for_rule;
use crate::engine::extension::FollowUp;
use crate::engine::opening::check_criteria;
use crate::engine::{Action, Condition, FieldSelector, Listing, Reader, Save};
use crate::records::{self, Direction, Query, Record, RecordFacts, Sight, SortField};
use crate::schema::{Entity, Field, FieldNames, compile_condition};

/// Most records that a rule is shown at once.
const MAX_SEEN: usize = 1_000;

/// A record as a rule sees it, whole.
#[derive(Debug)]
pub struct Seen<'a> {
    entity: &'a Entity,
    record: Record,
}

impl Seen<'_> {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> RecordId {
        self.record.id
    }

    /// Who owns it.
    #[must_use]
    pub fn owner(&self) -> RecordId {
        self.record.envelope.owner
    }

    /// The value of a field; [`Value::Null`] if it has none.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn value(&self, field: impl Into<FieldSelector>) -> Result<Value> {
        Ok(self.record.value(field.into().resolve(self.entity)?))
    }
}

impl Reader<'_> {
    /// Whether a record meets criteria, such as rules are made with; nothing where the user does not see all fields, of
    /// which they speak, as they are.
    ///
    /// # Errors
    /// `schema.invalid_expression` where they are not understood any more; `access.not_permitted`.
    pub fn meets(&self, row: &Listing, criteria: &str) -> Result<Option<bool>> {
        let entity = row.entity()?;
        let criteria = compile_condition(criteria, &FieldNames::of(entity))?;
        let permit = self.permit(entity)?;
        let class = row.record.envelope.access_class();
        // A row of a list has masks where the record by itself has none.
        let masked: BTreeSet<FieldId> = permit.masked_in(&class, Showing::List).collect();
        let shows = |field: &FieldId| permit.shows_in(|| class.clone(), *field) && !masked.contains(field);
        if !criteria.fields().iter().all(shows) {
            return Ok(None);
        }
        let facts = RecordFacts { record: &row.record, moment: self.moment()? };
        Ok(Some(criteria.holds(&facts)? == Some(true)))
    }
}

impl<'a> Save<'a> {
    /// The live records of an entity that meet a condition, in the partition of the owner of the record that is being
    /// saved, rising by a field and then by their ids; at most 1,000 are looked at.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `schema.wrong_type`, `storage.damaged`.
    pub fn seen(&self, entity: &str, met: &Condition, by: impl Into<FieldSelector>) -> Result<Vec<Seen<'a>>> {
        let partition = self.policy.partition_of_owner(self.owner());
        let mut seen = self.seen_anywhere(entity, met, by)?;
        seen.retain(|seen| Some(seen.record.envelope.partition) == partition);
        Ok(seen)
    }

    /// As [`Save::seen`], in whatever partition: for records that hold for the whole organisation, and for those that
    /// belong to the record that is being saved.
    ///
    /// # Errors
    /// As [`Save::seen`].
    pub fn seen_anywhere(
        &self,
        entity: &str,
        met: &Condition,
        by: impl Into<FieldSelector>,
    ) -> Result<Vec<Seen<'a>>> {
        let entity = self.registry.entity(entity)?;
        let filter = resolve_for_rule(entity, met, self.phones)?;
        let sort = vec![SortField::new(by.into().resolve(entity)?, Direction::Ascending)];
        let query = Query { filter, sort, limit: MAX_SEEN, ..Query::default() };
        let permit = self.policy.bootstrap::<Read>(entity.id());
        let patience = Patience::default();
        let page =
            records::find(&Sight::new(self.snapshot, self.registry, entity, &permit, &patience), &query)?;
        Ok(page.records.into_iter().map(|record| Seen { entity, record }).collect())
    }

    /// A live record of which more than one value is asked for; nothing where there is none.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `storage.damaged`.
    pub fn seen_one(&self, entity: &str, record: RecordId) -> Result<Option<Seen<'a>>> {
        let entity = self.registry.entity(entity)?;
        let record = records::get_for_rule(self.snapshot, entity.id(), record)?;
        Ok(record.map(|record| Seen { entity, record }))
    }

    /// Whether whoever makes a new record named its owner, and did not leave it to be their own.
    #[must_use]
    pub fn names_owner(&self) -> bool {
        self.old.is_none() && self.owner_named
    }

    /// Whether somebody may own the record that is being saved: an active user of the partition of its owner.
    #[must_use]
    pub fn may_own(&self, user: RecordId) -> bool {
        let partition = self.policy.partition_of_owner(self.owner());
        self.policy.is_active(user) && self.policy.partition_of(user) == partition
    }

    /// Whether somebody is away: has let another one act for them now, about records of this entity among others.
    #[must_use]
    pub fn is_away(&self, user: RecordId) -> bool {
        let about = |entities: &BTreeSet<String>| {
            entities.is_empty() || entities.iter().any(|name| self.entity.is_called(name))
        };
        let mut delegations = self.policy.delegations();
        delegations.any(|fact| fact.delegator == user && fact.holds_at(self.now) && about(&fact.entities))
    }

    /// Whether the record that is being saved meets criteria, by what is stored of it; not where a value is missing that
    /// they ask for.
    ///
    /// # Errors
    /// `schema.invalid_expression` where they are not understood any more.
    pub fn meets(&self, criteria: &str) -> Result<bool> {
        let criteria = compile_condition(criteria, &FieldNames::of(self.entity))?;
        let facts = RecordFacts { record: self.record, moment: self.settings.moment(self.now)? };
        Ok(criteria.holds(&facts)? == Some(true))
    }

    /// How many of other records of one entity, which the rule sees, meet criteria as [`Save::meets`] says.
    ///
    /// # Errors
    /// As [`Save::meets`].
    pub fn count_meeting(&self, seen: &[Seen<'_>], criteria: &str) -> Result<usize> {
        let Some(first) = seen.first() else { return Ok(0) };
        let criteria = compile_condition(criteria, &FieldNames::of(first.entity))?;
        let moment = self.settings.moment(self.now)?;
        let mut times = 0_usize;
        for one in seen {
            let facts = RecordFacts { record: &one.record, moment };
            times = times.saturating_add(usize::from(criteria.holds(&facts)? == Some(true)));
        }
        Ok(times)
    }

    /// Whether the record that is being saved was deleted and is brought back by it.
    #[must_use]
    pub fn brings_back(&self) -> bool {
        self.old.is_some_and(Record::is_deleted)
    }

    /// Refuses criteria on records of an entity that are not understood, that name a field which the user who saves
    /// does not see in clear, or that speak of the time or of what is worked out.
    ///
    /// # Errors
    /// `schema.invalid_expression`, `schema.unknown_entity`, `access.not_permitted`.
    pub fn check_criteria(&self, entity: &str, criteria: &str) -> Result<()> {
        let entity = self.registry.entity(entity)?;
        let shown: Vec<FieldId> = match self.user {
            None => entity.fields().iter().map(Field::id).collect(),
            Some(user) => {
                let permit = self.policy.decide::<Read>(user, entity.id(), &entity.api_name)?;
                entity.fields().iter().map(Field::id).filter(|field| permit.shows(*field)).collect()
            }
        };
        check_criteria(entity, &compile_condition(criteria, &FieldNames::shown(entity, &shown))?)
    }

    /// Whether the save changes a field that people set, beside those that the engine keeps.
    #[must_use]
    pub fn changes_what_is_said(&self) -> bool {
        self.changed_by_people().next().is_some()
    }

    /// As [`Save::changes_what_is_said`], but for references that are emptied, as they are when what they name goes.
    #[must_use]
    pub fn changes_what_stays(&self) -> bool {
        let is_emptied = |field: &Field| {
            !field.definition.kind.targets().is_empty() && self.record.peek(field.id()).is_null()
        };
        self.changed_by_people().any(|field| !is_emptied(field))
    }

    /// The names of the fields that people set and that the save changes.
    #[must_use]
    pub fn said_changes(&self) -> Vec<&str> {
        self.changed_by_people().map(|field| field.api_name.as_str()).collect()
    }

    fn changed_by_people(&self) -> impl Iterator<Item = &Field> {
        let old = |field: &Field| self.old.map(|old| old.value(field.id())).unwrap_or_default();
        // What keeps the translations of a text is set with the text, though not by its own name.
        let is_said =
            |field: &&Field| !field.definition.read_only || field.definition.translation_of.is_some();
        let said = self.entity.fields().iter().filter(is_said);
        said.filter(move |field| self.record.value(field.id()) != old(field))
    }

    /// Refuses a user who does not administer records of this entity: what such a record says holds for others.
    ///
    /// # Errors
    /// `access.not_permitted`.
    pub fn check_user_administers(&self) -> Result<()> {
        let name = &self.entity.api_name;
        match self.user {
            Some(user) if !self.policy.permits(user, name, Action::Administer) => {
                Err(Error::new(Code::NotPermitted).entity(name).rule(Action::Administer.code()))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a user who does not see the values of a field of an entity in clear.
    ///
    /// # Errors
    /// `access.field_not_permitted`, `access.not_permitted`, `schema.unknown_field`.
    pub fn check_user_sees(&self, entity: &str, field: impl Into<FieldSelector>) -> Result<()> {
        let Some(user) = self.user else { return Ok(()) };
        let entity = self.registry.entity(entity)?;
        let field = field.into();
        let permit = self.policy.decide::<Read>(user, entity.id(), &entity.api_name)?;
        let checked = permit.check_field(field.resolve(entity)?, field.said());
        checked.map_err(|error| error.entity(&entity.api_name))
    }

    /// Refuses a user out of whose reach another record is.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`.
    pub fn check_user_reaches(&self, entity: &str, record: RecordId) -> Result<()> {
        let Some(user) = self.user else { return Ok(()) };
        let entity = self.registry.entity(entity)?;
        let permit = self.policy.decide::<Read>(user, entity.id(), &entity.api_name)?;
        match records::reaches(self.snapshot, &permit, entity, record)? {
            true => Ok(()),
            false => Err(Error::new(Code::RecordNotFound).entity(&entity.api_name).record(record)),
        }
    }

    /// Whether somebody else sees the values of a field of the record that is being saved in clear, by what their roles
    /// give them. What is shared with them singly is not looked at, so that no is no certain answer.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn shows_to(&self, user: RecordId, field: impl Into<FieldSelector>) -> Result<bool> {
        let field = field.into().resolve(self.entity)?;
        let decided = self.policy.decide::<Read>(user, self.entity.id(), &self.entity.api_name);
        let class = self.record.envelope.access_class();
        let shows = |permit: Permit<Read>| permit.allows(self.record.id, &class) && permit.shows(field);
        Ok(self.policy.is_active(user) && decided.is_ok_and(shows))
    }

    /// Refuses a user who may not give the record to somebody else, as it was before the save.
    ///
    /// # Errors
    /// `access.not_permitted`.
    pub fn check_user_assigns(&self) -> Result<()> {
        let Some(user) = self.user else { return Ok(()) };
        let name = &self.entity.api_name;
        let permit = self.policy.decide::<Assign>(user, self.entity.id(), name)?;
        let allowed = |old: &Record| permit.allows(old.id, &old.envelope.access_class());
        match self.old.is_none_or(allowed) {
            true => Ok(()),
            false => {
                let refused = Error::new(Code::NotPermitted).entity(name).record(self.record.id);
                Err(refused.rule(Action::Assign.code()))
            }
        }
    }

    /// Gives this record to somebody else in the same transaction, once it is saved, in the rule's own right. The rules
    /// of owners are asked as for any change.
    pub fn also_assign(&mut self, to: RecordId) {
        self.follow_ups.push(FollowUp::Assign(self.entity.api_name.clone(), self.record.id, to));
    }
}
