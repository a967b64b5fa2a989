//! Record types: which fields the records of an entity have by the code of one field, and what else holds of them.
//!
//! A field that no record type names belongs to all records, one that some name to the records of those alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, FieldId, Label, Result, ValueKind, fold};
use crate::schema::derived::check_names;
use crate::schema::expr::Expression;
use crate::schema::{Entity, Field, FieldName, FieldNames, FieldType, Registry, RegistryChange};

/// The record types of an entity as their author defines them. An entity has those of one author.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecordTypesDefinition {
    /// Who defines them.
    #[serde(default)]
    pub namespace: String,
    /// The field of one code whose value is the type of a record, by API name.
    pub field: String,
    /// The types.
    pub types: Vec<RecordTypeDefinition>,
}

/// A record type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecordTypeDefinition {
    /// The code of the field.
    pub code: String,
    /// What people read.
    pub label: Label,
    /// Whether records may become of this type; those that are stay.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub active: bool,
    /// The fields that records of this type have, besides those that belong to all, in the order of layouts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// The fields, of those or of all, without which a record of this type is not saved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// The values, as expressions, that come into fields which have none when a record becomes of this type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defaults: BTreeMap<String, String>,
    /// The codes that a field may have in this type, where not all of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub codes: BTreeMap<String, Vec<String>>,
    /// The names of the partitions whose records may become of this type; all records may if none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<String>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_yes(active: &bool) -> bool {
    *active
}

/// The record types of an entity.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordTypes {
    /// What their author defined.
    pub definition: RecordTypesDefinition,
    #[serde(skip)]
    field: Option<FieldId>,
    /// The fields that belong to some types and not to all.
    #[serde(skip)]
    typed: BTreeSet<FieldId>,
    #[serde(skip)]
    types: Vec<RecordType>,
}

/// A record type as it is worked out.
#[derive(Debug, Clone)]
pub struct RecordType {
    /// The code of the field.
    pub code: String,
    /// Whether records may become of this type.
    pub active: bool,
    /// Its own fields, in the order of layouts.
    pub fields: Vec<FieldId>,
    /// The fields without which a record of this type is not saved.
    pub required: Vec<FieldId>,
    /// What comes into fields without value.
    pub defaults: Vec<(FieldId, Expression)>,
    /// The codes that a field may have.
    pub codes: Vec<(FieldId, Vec<String>)>,
    /// The folded names of the partitions whose records may become of this type; all may if there are none.
    pub partitions: BTreeSet<String>,
}

impl RecordType {
    /// Whether records of a partition, by its folded name, may become of this type.
    #[must_use]
    pub fn is_open_to(&self, partition: Option<&str>) -> bool {
        self.active
            && (self.partitions.is_empty() || partition.is_some_and(|name| self.partitions.contains(name)))
    }
}

impl RecordTypes {
    /// The field whose code is the type.
    #[must_use]
    pub fn field(&self) -> Option<FieldId> {
        self.field
    }

    /// The type of a code.
    #[must_use]
    pub fn of_code(&self, code: &str) -> Option<&RecordType> {
        self.types.iter().find(|known| known.code == code)
    }

    /// Whether a record with a code, or with none, has no value in a field.
    #[must_use]
    pub fn excludes(&self, code: Option<&str>, field: FieldId) -> bool {
        let own = || code.and_then(|code| self.of_code(code));
        self.typed.contains(&field) && !own().is_some_and(|known| known.fields.contains(&field))
    }

    /// The types that are offered, in the order of their author.
    #[must_use]
    pub fn types(&self) -> &[RecordType] {
        &self.types
    }

    /// Reads what was stored. A name that means nothing any more is left out.
    pub(super) fn compile(definition: &RecordTypesDefinition, entity: &Entity) -> Self {
        let id = |name: &String| entity.field(FieldName::Name(name)).ok().map(Field::id);
        let names = FieldNames::of(entity);
        let types = definition.types.iter().map(|said| RecordType {
            code: said.code.clone(),
            active: said.active,
            fields: said.fields.iter().filter_map(id).collect(),
            required: said.required.iter().filter_map(id).collect(),
            defaults: said
                .defaults
                .iter()
                .filter_map(|(name, source)| Some((id(name)?, Expression::compile(source, &names).ok()?)))
                .collect(),
            codes: said.codes.iter().filter_map(|(name, codes)| Some((id(name)?, codes.clone()))).collect(),
            partitions: said.partitions.iter().map(|name| fold(name)).collect(),
        });
        let types: Vec<RecordType> = types.collect();
        let typed = types.iter().flat_map(|known| known.fields.iter().copied()).collect();
        Self { definition: definition.clone(), field: id(&definition.field), typed, types }
    }
}

impl RecordTypesDefinition {
    /// Refuses types that are not right for an entity.
    pub(super) fn check(&self, entity: &Entity) -> Result<()> {
        let fault = |name: &str, rule: &str| {
            let error = Error::new(Code::InvalidDefinition).entity(&entity.api_name);
            Err(error.field(name).rule(rule))
        };
        let field = entity.field(FieldName::Name(&self.field))?;
        check_names(&self.namespace, &field.definition.name)?;
        let FieldType::Enum { codes } = &field.definition.kind else {
            return fault(&self.field, "record types are the codes of a field of one code");
        };
        let mut seen = BTreeSet::new();
        for said in &self.types {
            if codes.iter().all(|code| code.code != said.code) || !seen.insert(&said.code) {
                return fault(&said.code, "each record type is a code of the field, and stands once");
            }
            if said.label.is_partial() {
                return fault(&said.code, "labels stand in zh and en");
            }
        }
        let typed: BTreeSet<FieldId> = self.typed(entity)?;
        self.types.iter().try_for_each(|said| {
            let checked = said.check(entity, field.id(), &typed);
            checked.map_err(|error| error.entity(&entity.api_name).field(&said.code))
        })
    }

    /// The fields that belong to some types and not to all.
    fn typed(&self, entity: &Entity) -> Result<BTreeSet<FieldId>> {
        let names = self.types.iter().flat_map(|said| &said.fields);
        names.map(|name| entity.field(FieldName::Name(name)).map(Field::id)).collect()
    }
}

impl RecordTypeDefinition {
    fn check(&self, entity: &Entity, type_field: FieldId, typed: &BTreeSet<FieldId>) -> Result<()> {
        let fault = |name: &str, rule: &str| {
            let place = format!("{}.{name}", self.code);
            Err(Error::new(Code::InvalidDefinition).field(&place).rule(rule))
        };
        let mut own = BTreeSet::new();
        for name in &self.fields {
            let field = entity.field(FieldName::Name(name))?;
            let definition = &field.definition;
            let of_all = definition.required || definition.name == entity.definition.title;
            if of_all || field.id() == type_field || definition.root_of.is_some() {
                return fault(name, "what every record has is of no record type alone");
            }
            if !own.insert(field.id()) {
                return fault(name, "a field stands once in a record type");
            }
        }
        let reaches = |field: &Field| !typed.contains(&field.id()) || own.contains(&field.id());
        for name in self.required.iter().chain(self.defaults.keys()).chain(self.codes.keys()) {
            let field = entity.field(FieldName::Name(name))?;
            let computed = field.formula().is_some() || field.definition.kind.follows_others();
            if !reaches(field) || computed || field.id() == type_field {
                return fault(name, "a record type speaks of fields that its records have");
            }
        }
        for (name, source) in &self.defaults {
            let field = entity.field(FieldName::Name(name))?;
            let given = Expression::compile(source, &FieldNames::of(entity))?.kind();
            let wanted = field.definition.kind.value_kind();
            if given != wanted && (wanted, given) != (ValueKind::Decimal, ValueKind::Int) {
                return fault(name, "a default gives what the field takes");
            }
        }
        for (name, allowed) in &self.codes {
            let field = entity.field(FieldName::Name(name))?;
            let known = field.definition.kind.codes().unwrap_or_default();
            if allowed.is_empty() || allowed.iter().any(|code| known.iter().all(|known| known.code != *code))
            {
                return fault(name, "the codes of a record type are among those of the field");
            }
        }
        Ok(())
    }
}

impl Registry {
    /// Declares the record types of an entity that stands already, in place of those that the same author
    /// declared before; none of them takes them back. Records that stand are held against them when they are next
    /// saved.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `schema.invalid_definition`,
    /// `schema.invalid_expression`; `schema.duplicate_definition` where another author declared some.
    pub fn declare_record_types(
        &mut self,
        entity: &str,
        definition: &RecordTypesDefinition,
    ) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        let named = |error: Error| error.entity(&entity.api_name);
        definition.check(entity).map_err(named)?;
        let known = entity.record_types().map(|known| known.definition.clone());
        if known.as_ref().is_some_and(|known| known.namespace != definition.namespace) {
            return Err(named(Error::new(Code::DuplicateDefinition).field(&definition.field)));
        }
        let wanted = (!definition.types.is_empty()).then(|| definition.clone());
        if known == wanted {
            return Ok(RegistryChange::Nothing);
        }
        entity.set_record_types(wanted);
        entity.index();
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }
}
