//! What the records of this room say, by the constants of their entities.

use crate::base::{FieldId, Timestamp, Value};
use crate::records::Record;
use crate::schema::{Entity, FieldName};

/// The values of a record by the constants of its entity.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub entity: &'a Entity,
    pub record: &'a Record,
}

impl Values<'_> {
    pub fn value(&self, name: FieldName<'static>) -> Value {
        let field = self.entity.field(name).map(crate::schema::Field::id);
        field.map(|field: FieldId| self.record.value(field)).unwrap_or_default()
    }

    pub fn text(&self, name: FieldName<'static>) -> Option<String> {
        self.value(name).as_text().map(str::to_owned)
    }

    pub fn moment(&self, name: FieldName<'static>) -> Option<Timestamp> {
        match self.value(name) {
            Value::DateTime(moment) => Some(moment),
            _ => None,
        }
    }

    /// The codes of a list.
    pub fn codes(&self, name: FieldName<'static>) -> Vec<String> {
        self.value(name).items().filter_map(Value::as_text).map(str::to_owned).collect()
    }
}

/// The names in a text, with commas between them.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}
