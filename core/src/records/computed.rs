//! Values that follow from the others of a record: formulas, worked out when it is read or indexed.

use crate::base::{Date, FieldId, Result, Timestamp, Value};
use crate::records::Record;
use crate::schema::Entity;
use crate::schema::expr::Facts;

/// The moment that counts as now, and the day on which it falls for the organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Now.
    pub now: Timestamp,
    /// Today.
    pub today: Date,
}

impl Moment {
    /// A moment for what does not depend on one, as no formula does that an index is kept on.
    pub const ANY: Self = Self { now: Timestamp::from_micros(0), today: Date::EPOCH };
}

/// What an expression reads where there is no record: no field has a value.
impl Facts for Moment {
    fn value(&self, _field: FieldId) -> Result<Value> {
        Ok(Value::Null)
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn today(&self) -> Date {
        self.today
    }
}

/// What an expression reads of a record.
#[derive(Debug)]
pub struct RecordFacts<'a> {
    /// The record.
    pub record: &'a Record,
    /// When it is looked at.
    pub moment: Moment,
}

impl Facts for RecordFacts<'_> {
    fn value(&self, field: FieldId) -> Result<Value> {
        Ok(self.record.value(field))
    }

    fn now(&self) -> Timestamp {
        self.moment.now
    }

    fn today(&self) -> Date {
        self.moment.today
    }
}

impl Record {
    /// Works out the formulas of its entity, from the values of lookups and rollups too as far as they are
    /// there. One that cannot be worked out, as a division by zero, has no value: a record that stands is
    /// never unreadable because of it.
    pub fn compute(&mut self, entity: &Entity, moment: Moment) {
        let follows_others = |field: FieldId| {
            let field = entity.field_by_id(field);
            field.is_some_and(|field| field.definition.kind.follows_others())
        };
        self.computed.retain(follows_others);
        self.work_out(entity, moment, &|_| true);
    }

    /// Gives a lookup or rollup the value that was found for it.
    pub(super) fn work_out_as(&mut self, field: FieldId, value: Value) {
        if value.is_null() {
            self.computed.remove(field);
        } else {
            self.computed.insert(field, value);
        }
    }

    /// Works out the formulas that follow from the record alone.
    pub(super) fn compute_alone(&mut self, entity: &Entity, moment: Moment) {
        self.computed.clear();
        self.work_out(entity, moment, &|field| !entity.is_far(field));
    }

    fn work_out(&mut self, entity: &Entity, moment: Moment, wanted: &dyn Fn(FieldId) -> bool) {
        for (field, formula) in entity.formulas().filter(|(field, _)| wanted(field.id())) {
            let value = formula.evaluate(&RecordFacts { record: self, moment }).unwrap_or_default();
            if !value.is_null() {
                self.computed.insert(field.id(), value);
            }
        }
    }

    /// Puts something else in place of the value of a field, if it has one.
    pub fn mask(&mut self, field: FieldId, cover: impl Fn(&Value) -> Value) {
        for values in [&mut self.values, &mut self.computed] {
            if let Some(covered) = values.get(field).map(&cover) {
                values.insert(field, covered);
            }
        }
    }

    /// Takes away the values of other fields than those that are shown.
    pub fn show_only(&mut self, shown: impl Fn(FieldId) -> bool) {
        self.values.retain(&shown);
        self.computed.retain(&shown);
    }
}
