//! The values of a record, in the order of their fields' numbers.

use crate::base::{FieldId, Value};
use crate::records::shared::Shared;

/// Values by field. Records are read far more often than changed, and come with their fields in rising order,
/// so that they stand one behind the other in memory rather than in a tree. Clones share them until one changes.
#[derive(Debug, Clone, Default)]
pub struct Values(Option<Shared<Vec<(FieldId, Value)>>>);

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.items() == other.items()
    }
}

impl Eq for Values {}

impl From<Vec<(FieldId, Value)>> for Values {
    /// Values whose fields rise.
    fn from(items: Vec<(FieldId, Value)>) -> Self {
        Self((!items.is_empty()).then(|| items.into()))
    }
}

impl Values {
    /// The value of a field, if it has one.
    #[must_use]
    pub fn get(&self, field: FieldId) -> Option<&Value> {
        let place = place(self.items(), field).ok()?;
        self.items().get(place).map(|(_, value)| value)
    }

    /// Gives a field a value in place of the one that it had.
    pub(super) fn insert(&mut self, field: FieldId, value: Value) {
        insert(self.0.get_or_insert_default(), field, value);
    }

    /// Takes the value of a field away.
    pub(super) fn remove(&mut self, field: FieldId) {
        if let Ok(place) = place(self.items(), field)
            && let Some(items) = &mut self.0
        {
            items.remove(place);
        }
    }

    /// Takes the values of other fields away.
    pub(super) fn retain(&mut self, kept: impl Fn(FieldId) -> bool) {
        if let Some(items) = self.0.as_mut().and_then(Shared::alone) {
            items.retain(|(field, _)| kept(*field));
        } else if !self.fields().all(&kept) {
            let stay = || self.items().iter().filter(|(field, _)| kept(*field));
            let mut items: Vec<(FieldId, Value)> = Vec::with_capacity(stay().count());
            items.extend(stay().cloned());
            *self = items.into();
        }
    }

    /// Takes all values away.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }

    /// Whether no field has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items().is_empty()
    }

    /// The fields that have a value, rising.
    pub fn fields(&self) -> impl Iterator<Item = FieldId> + '_ {
        self.items().iter().map(|(field, _)| *field)
    }

    /// The fields that have a value, rising, and their values.
    pub fn iter(&self) -> impl Iterator<Item = (FieldId, &Value)> {
        self.items().iter().map(|(field, value)| (*field, value))
    }

    /// Bytes of the places of the values.
    pub(super) fn table_bytes(&self) -> usize {
        let places = self.0.as_ref().map_or(0, |items| items.capacity());
        places.saturating_mul(size_of::<(FieldId, Value)>())
    }

    fn items(&self) -> &[(FieldId, Value)] {
        self.0.as_deref().map(Vec::as_slice).unwrap_or_default()
    }
}

/// Gives a field a value among others whose fields rise, in place of the one that it had.
pub(super) fn insert(items: &mut Vec<(FieldId, Value)>, field: FieldId, value: Value) {
    if items.last().is_none_or(|(last, _)| *last < field) {
        items.push((field, value));
        return;
    }
    match place(items, field) {
        Ok(place) => {
            if let Some(entry) = items.get_mut(place) {
                entry.1 = value;
            }
        }
        Err(place) => items.insert(place, (field, value)),
    }
}

/// Where the value of a field is, or would be. Most fields have values, so it is looked first where it is if none before
/// it is missing; it is nowhere behind that, since numbers rise by at least one.
fn place(items: &[(FieldId, Value)], field: FieldId) -> Result<usize, usize> {
    let Some((first, _)) = items.first() else { return Err(0) };
    let Some(offset) = field.number().checked_sub(first.number()) else { return Err(0) };
    let furthest = usize::try_from(offset).unwrap_or(usize::MAX);
    match items.get(furthest) {
        Some((known, _)) if *known == field => Ok(furthest),
        _ => {
            let before = items.get(..furthest).unwrap_or(items);
            before.binary_search_by_key(&field, |(known, _)| *known)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_is_where_a_search_of_all_finds_it(
            fields in prop::collection::btree_set(60_u32..120, 0..40), asked in 55_u32..130,
        ) {
            let items: Vec<(FieldId, Value)> =
                fields.iter().map(|number| (FieldId::new(*number), Value::Int((*number).into()))).collect();
            let numbers: Vec<u32> = fields.into_iter().collect();
            prop_assert_eq!(place(&items, FieldId::new(asked)), numbers.binary_search(&asked));
            let values = Values::from(items);
            let expected = numbers.contains(&asked).then(|| Value::Int(asked.into()));
            prop_assert_eq!(values.get(FieldId::new(asked)), expected.as_ref());
        }
    }
}
