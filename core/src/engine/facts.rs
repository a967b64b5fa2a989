//! Facts: what holds of a key on some days. They are superseded by others from a day on, and corrected by
//! ordinary changes; history keeps what was known before.

use std::sync::Arc;

use crate::base::{Code, Date, Error, RecordId, Result, Value};
use crate::engine::{Changes, FieldSelector, Listing, Reader, Session, Transaction};
use crate::records::{self, Period};
use crate::schema::{Entity, normalize_value};

impl Session {
    /// The fact of a key that holds on a day. See [`Reader::fact`].
    ///
    /// # Errors
    /// As [`Reader::fact`].
    pub fn fact(&self, entity: &str, key: &Changes, day: Date) -> Result<Listing> {
        self.read(|reader| reader.fact(entity, key, day))
    }
}

impl Reader<'_> {
    /// The fact of a key that holds on a day, found by its index.
    ///
    /// # Errors
    /// `schema.unknown_entity` for one whose records are no facts; `schema.required` for a field of the key that
    /// is not said, `schema.unknown_field` for one that is none; `access.field_not_permitted`;
    /// `record.not_found` where nothing holds that the user sees.
    pub fn fact(&self, entity: &str, key: &Changes, day: Date) -> Result<Listing> {
        let known = self.registry().entity(entity)?;
        let values = self.key_of(known, key)?;
        let none = || Error::new(Code::RecordNotFound).entity(&known.api_name).rule("a fact of this day");
        let id = records::find_held(self.snapshot, known, &values, Some(day))?.ok_or_else(none)?;
        self.get(&known.api_name, id).map_err(|error| match error.code() {
            // Whether the user may not see it, or nobody has said it, is not told.
            Code::RecordNotFound => none(),
            _ => error,
        })
    }

    /// The values of a key in the order of its fields, which the user sees.
    pub(super) fn key_of(&self, entity: &Entity, key: &Changes) -> Result<Vec<Value>> {
        let no_facts = || Error::new(Code::UnknownEntity).entity(&entity.api_name).rule("an entity of facts");
        let fields = entity.fact_key().ok_or_else(no_facts)?;
        let mut said = Vec::new();
        for (selector, value) in &key.values {
            let field = selector.field(entity)?;
            if fields.iter().all(|known| known.id() != field.id()) {
                let other = Error::new(Code::UnknownField).entity(&entity.api_name).field(&field.api_name);
                return Err(other.rule("a field of the key"));
            }
            let value = normalize_value(field, value.clone(), self.crm.phone_region());
            said.push((field.id(), value.map_err(|error| error.entity(&entity.api_name))?));
        }
        let values = fields.into_iter().map(|field| {
            self.check_field(entity, field.id())?;
            let value = said.iter().find(|(id, value)| *id == field.id() && !value.is_null());
            let missing = || Error::new(Code::Required).entity(&entity.api_name).field(&field.api_name);
            value.map(|(_, value)| value.clone()).ok_or_else(missing)
        });
        values.collect()
    }
}

impl Transaction<'_> {
    /// Ends a fact on a day, and lets another one follow up to the day on which the first would have ended. It
    /// has the key and the values of the first, but for what the changes say.
    ///
    /// # Errors
    /// `record.not_found` also for a fact that does not hold on that day; `schema.invalid_period` where it
    /// would not have held on any day before; `schema.key_fixed` for changes of the key; as
    /// [`Transaction::update_record`] and [`Transaction::create_record`]. Nothing of it is done then.
    pub fn supersede(
        &mut self,
        entity: &str,
        fact: RecordId,
        at: Date,
        changes: Changes,
    ) -> Result<RecordId> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(entity)?;
        let no_facts = || Error::new(Code::UnknownEntity).entity(&entity.api_name).rule("an entity of facts");
        let key = entity.fact_key().ok_or_else(no_facts)?;
        let validity = entity.validity().ok_or_else(no_facts)?;
        let days = validity.from.zip(validity.to).ok_or_else(no_facts)?;
        let (Some(first), Some(end)) = (entity.field_by_id(days.0), entity.field_by_id(days.1)) else {
            return Err(no_facts());
        };
        let old = self.readable(entity, fact)?;
        let period = Period::of(validity, &old);
        if !period.contains(at) {
            let missing = Error::new(Code::RecordNotFound).entity(&entity.api_name).record(fact);
            return Err(missing.rule("a fact of this day"));
        }
        let refused = |code: Code, field: &str| Error::new(code).entity(&entity.api_name).field(field);
        if period.from == Some(at) {
            return Err(refused(Code::InvalidPeriod, &first.api_name).rule("a day behind the first one"));
        }
        for (selector, _) in &changes.values {
            let field = selector.field(entity)?;
            if key.iter().any(|known| known.id() == field.id()) {
                return Err(refused(Code::KeyFixed, &field.api_name));
            }
        }
        let named = |field: &crate::schema::Field| FieldSelector::Name(field.api_name.clone());
        let next = Changes::new().set(named(first), at).set(named(end), period.to);
        let next = Changes { values: [next.values, changes.values.clone()].concat(), ..changes };
        self.all_or_nothing(|transaction| {
            let ended = Changes::new().set(named(end), at);
            transaction.update_record(&entity.api_name, fact, ended)?;
            transaction.create_like(entity, &old, next)
        })
    }
}
