//! What fields tell of people, and what they may be used for: declared by their authors, made stricter by higher
//! layers, and inherited by everything that follows from them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::base::{EntityId, FieldId};
use crate::schema::{Entity, Field, FieldDefinition, Registry, valid_name};

/// Most purposes of a field.
const MAX_PURPOSES: usize = 32;

/// What a field tells of people; a later one is stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    /// Nothing.
    #[default]
    None,
    /// Something of a person who is known or can be found out (PIPL, article 4).
    Personal,
    /// Something whose abuse harms a person's dignity or safety: health, biometrics, belief, accounts, whereabouts,
    /// and everything of children (PIPL, article 28).
    Sensitive,
}

impl Privacy {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Personal => "personal",
            Self::Sensitive => "sensitive",
        }
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// Whether purposes are stable codes, each once and not too many.
pub(super) fn are_purposes(purposes: &[String]) -> bool {
    let mut seen = BTreeSet::new();
    purposes.len() <= MAX_PURPOSES && purposes.iter().all(|code| valid_name(code) && seen.insert(code))
}

impl FieldDefinition {
    /// The same field with a class.
    #[must_use]
    pub fn with_privacy(mut self, privacy: Privacy) -> Self {
        self.privacy = privacy;
        self
    }
}

/// The purposes that two fields have in common. A field that names none leaves them to the other.
pub(super) fn common_purposes(one: &[String], other: &[String]) -> Vec<String> {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other.to_vec(),
        (_, true) => one.to_vec(),
        _ => one.iter().filter(|code| other.contains(code)).cloned().collect(),
    }
}

impl Registry {
    /// The class of a field: the strictest of its own, of those that higher layers ask for, and of those of all that
    /// its value follows from, in other records too.
    #[must_use]
    pub fn privacy(&self, entity: &Entity, field: FieldId) -> Privacy {
        let classes = self.followed(entity, field).into_iter().map(|field| field.definition.privacy);
        classes.max().unwrap_or_default()
    }

    /// What a field may be used for: its own purposes, as far as all that its value follows from has them too; nothing
    /// where nobody names any.
    #[must_use]
    pub fn purposes(&self, entity: &Entity, field: FieldId) -> Vec<String> {
        let fields = self.followed(entity, field).into_iter();
        let purposes = fields.map(|field| field.definition.purposes.as_slice());
        let named = purposes.filter(|purposes| !purposes.is_empty()).map(<[String]>::to_vec);
        named.reduce(|one, other| common_purposes(&one, &other)).unwrap_or_default()
    }

    /// A field, and every field that its value follows from.
    fn followed(&self, entity: &Entity, field: FieldId) -> Vec<&Field> {
        let mut open = vec![(entity.id(), field)];
        let mut seen: BTreeSet<(EntityId, FieldId)> = BTreeSet::new();
        let mut fields = Vec::new();
        while let Some(place) = open.pop() {
            let Ok(entity) = self.entity_by_id(place.0) else { continue };
            let Some(field) = entity.field_by_id(place.1).filter(|_| seen.insert(place)) else { continue };
            fields.push(field);
            open.extend(inputs(entity, field));
        }
        fields
    }
}

/// The fields that the value of one follows from directly.
fn inputs(entity: &Entity, field: &Field) -> Vec<(EntityId, FieldId)> {
    let (own, id) = (entity.id(), field.id());
    let text = entity.translates(field).map(|text| (own, text.id()));
    let formula = field.formula().into_iter().flat_map(|formula| formula.fields().iter());
    let lookups = entity.lookups().iter().filter(|lookup| lookup.field == id);
    let rollups = entity.rollups().iter().filter(|rollup| rollup.id() == id);
    let lookups = lookups.flat_map(|lookup| [(own, lookup.through), (lookup.target, lookup.far)]);
    let rollups =
        rollups.flat_map(|rollup| rollup.inputs().into_iter().map(move |field| (rollup.child, field)));
    text.into_iter().chain(formula.map(|field| (own, *field))).chain(lookups).chain(rollups).collect()
}
