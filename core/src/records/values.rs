//! The values of a record, in the order of their fields' numbers.

use crate::base::{FieldId, Value};

/// Values by field. Records are read far more often than changed, and come with their fields in rising order,
/// so that they stand one behind the other in memory rather than in a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values(Vec<(FieldId, Value)>);

impl Values {
    /// None, with room for some.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// The value of a field, if it has one.
    #[must_use]
    pub fn get(&self, field: FieldId) -> Option<&Value> {
        let place = self.place(field).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// Gives a field a value in place of the one that it had.
    pub(super) fn insert(&mut self, field: FieldId, value: Value) {
        if self.0.last().is_none_or(|(last, _)| *last < field) {
            self.0.push((field, value));
            return;
        }
        match self.place(field) {
            Ok(place) => {
                if let Some(entry) = self.0.get_mut(place) {
                    entry.1 = value;
                }
            }
            Err(place) => self.0.insert(place, (field, value)),
        }
    }

    /// Takes the value of a field away.
    pub(super) fn remove(&mut self, field: FieldId) {
        if let Ok(place) = self.place(field) {
            self.0.remove(place);
        }
    }

    /// Takes the values of other fields away.
    pub(super) fn retain(&mut self, kept: impl Fn(FieldId) -> bool) {
        self.0.retain(|(field, _)| kept(*field));
    }

    /// Takes all values away.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether no field has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields that have a value, rising.
    pub fn fields(&self) -> impl Iterator<Item = FieldId> + '_ {
        self.0.iter().map(|(field, _)| *field)
    }

    /// The fields that have a value, rising, and their values.
    pub fn iter(&self) -> impl Iterator<Item = (FieldId, &Value)> {
        self.0.iter().map(|(field, value)| (*field, value))
    }

    fn place(&self, field: FieldId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&field, |(known, _)| *known)
    }
}
