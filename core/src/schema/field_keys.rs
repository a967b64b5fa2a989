//! The keys of fields: which fields have an index or no two equal values, and which of that is still being
//! built, because it was switched on while many records stood.

use crate::base::{FieldId, Result};
use crate::schema::{Entity, Field, FieldDefinition, Registry, RegistryChange, Reveal};

/// Which keys records have by a field, or get by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FieldKeys {
    /// Those of its index.
    pub index: bool,
    /// Those by which no two values are equal.
    pub unique: bool,
}

impl FieldKeys {
    /// Whether there are any.
    #[must_use]
    pub fn any(self) -> bool {
        self.index || self.unique
    }
}

impl Field {
    /// Whether records have keys of an index of it, complete or not: because its definition says so, or because
    /// they got them when it was to be unique.
    #[must_use]
    pub fn is_indexed(&self) -> bool {
        self.definition.is_indexed() || self.keeps_index
    }

    /// Whether every record is in its index, so that a query may read it.
    #[must_use]
    pub fn has_index(&self) -> bool {
        self.is_indexed() && !self.index_unfinished
    }

    /// Whether every value stands under its unique key, so that a record is found by one.
    #[must_use]
    pub fn finds_one(&self) -> bool {
        self.definition.unique && !self.unique_unfinished
    }

    /// What records have to get yet that stood when an index was switched on, or that no two values are equal.
    #[must_use]
    pub fn unfinished_keys(&self) -> FieldKeys {
        FieldKeys { index: self.index_unfinished, unique: self.unique_unfinished }
    }

    /// Which keys records that stand get that they had not by the field as it was before, if it was.
    #[must_use]
    pub fn gained_keys(&self, before: Option<&Self>) -> FieldKeys {
        let unique = |field: &Self| field.definition.unique;
        FieldKeys {
            index: self.is_indexed() && !before.is_some_and(Self::is_indexed),
            unique: unique(self) && !before.is_some_and(unique),
        }
    }
}

impl Entity {
    /// Whether no two records may have one value of a field. While keys that it had before are being swept away,
    /// it has none yet.
    #[must_use]
    pub fn keeps_unique(&self, field: &Field) -> bool {
        field.definition.unique && self.dropped().all(|dropped| dropped != field.id())
    }
}

impl Registry {
    /// Says of fields of an entity that records are still to get keys of theirs.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn put_off_keys(&mut self, entity: &str, later: &[(FieldId, FieldKeys)]) -> Result<()> {
        for field in self.entity_mut(entity)?.fields_mut() {
            let put_off = later.iter().find(|(number, _)| *number == field.id());
            if let Some((_, keys)) = put_off {
                field.index_unfinished |= keys.index;
                field.unique_unfinished |= keys.unique;
            }
        }
        self.touch(RegistryChange::Changed);
        Ok(())
    }

    /// Says of the fields of an entity that every record has its keys.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn finish_keys(&mut self, entity: &str) -> Result<()> {
        for field in self.entity_mut(entity)?.fields_mut() {
            (field.index_unfinished, field.unique_unfinished) = (false, false);
        }
        self.touch(RegistryChange::Changed);
        Ok(())
    }

    /// Takes back that no two values of some fields are equal, since values that stand are. The keys of it are still
    /// to be swept away; those of the index stay, and so does the index.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn allow_equal(&mut self, entity: &str, numbers: &[FieldId]) -> Result<()> {
        let entity = self.entity_mut(entity)?;
        let mut dropped = Vec::new();
        for field in entity.fields_mut().iter_mut().filter(|field| numbers.contains(&field.id())) {
            let definitions = [Some(&mut field.definition), field.declared.as_deref_mut()];
            definitions.into_iter().flatten().for_each(|definition: &mut FieldDefinition| {
                (definition.unique, definition.reveal) = (false, Reveal::Nothing);
            });
            field.keeps_index |= !field.definition.is_indexed();
            field.unique_unfinished = false;
            dropped.push(field.number);
        }
        entity.unique_parts_mut().1.extend(dropped);
        entity.index();
        self.touch(RegistryChange::Changed);
        Ok(())
    }
}
