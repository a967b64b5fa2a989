//! Temporal indexes: of the entities that have one every version of a record is kept whole, so that what a record was at
//! a moment costs a look at two keys, however often it was changed since.

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, FieldId, Result};
use crate::schema::{Entity, Registry, RegistryChange};

/// The temporal index of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemporalIndex {
    number: u32,
    /// Whether the versions of all records are in it.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    complete: bool,
    /// Whether the customer asked for it, whatever the author of the entity says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    own: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_yes(complete: &bool) -> bool {
    *complete
}

impl TemporalIndex {
    /// The number as this database gave it.
    #[must_use]
    pub fn id(&self) -> FieldId {
        FieldId::new(self.number)
    }

    /// Whether the versions of all records are in it. Until then, what is not in it is read from the ledger.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

impl Entity {
    /// Where every version of its records is kept, if anywhere.
    #[must_use]
    pub fn temporal(&self) -> Option<&TemporalIndex> {
        self.temporal.as_ref()
    }

    /// Says whether every version is in the temporal index of this number.
    pub(super) fn set_temporal_complete(&mut self, numbers: &[FieldId], complete: bool) {
        let known = self.temporal.as_mut().filter(|index| numbers.contains(&index.id()));
        known.into_iter().for_each(|index| index.complete = complete);
    }
}

impl Registry {
    /// Gives an entity a temporal index where its author says so or the customer asked for it, and takes it back where
    /// nobody does any more; its keys are then still to be swept away.
    pub(super) fn settle_temporal(&mut self, entity: &str) -> Result<RegistryChange> {
        let number = self.next_number();
        let entity = self.entity_mut(entity)?;
        let wanted =
            entity.definition.temporal_index || entity.temporal.as_ref().is_some_and(|index| index.own);
        match (wanted, entity.temporal.take()) {
            (true, None) => {
                entity.temporal = Some(TemporalIndex { number, complete: true, own: false });
                self.take_number(number);
                Ok(RegistryChange::Changed)
            }
            (false, Some(index)) => {
                entity.unique_parts_mut().1.push(index.number);
                self.touch(RegistryChange::Changed);
                Ok(RegistryChange::Changed)
            }
            (_, standing) => {
                entity.temporal = standing;
                Ok(RegistryChange::Nothing)
            }
        }
    }

    /// Gives an entity a temporal index of the customer's own, or takes that back.
    ///
    /// # Errors
    /// `schema.unknown_entity`; `schema.invalid_definition` where there is none to be taken back, or the author of the
    /// entity declares it.
    pub fn set_temporal_index(&mut self, entity: &str, wanted: bool) -> Result<RegistryChange> {
        let known = self.entity(entity)?;
        let name = known.api_name.clone();
        let fault = |rule: &str| {
            let error = Error::new(Code::InvalidDefinition).entity(&name).field("temporal_index");
            Err(error.rule(rule))
        };
        let own = known.temporal().is_some_and(|index| index.own);
        if own == wanted {
            return if wanted {
                Ok(RegistryChange::Nothing)
            } else {
                fault("a temporal index of the customer")
            };
        }
        if wanted && known.temporal().is_none() {
            let number = self.next_number();
            let entity = self.entity_mut(&name)?;
            entity.temporal = Some(TemporalIndex { number, complete: true, own: true });
            self.take_number(number);
            return Ok(RegistryChange::Changed);
        }
        let entity = self.entity_mut(&name)?;
        entity.temporal.iter_mut().for_each(|index| index.own = wanted);
        self.touch(RegistryChange::Changed);
        self.settle_temporal(&name).map(|_| RegistryChange::Changed)
    }
}
