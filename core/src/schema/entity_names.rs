//! The names of entities: one may get another name, and is still found by those that it bore. Whatever an author wrote
//! stays as it was written, in references, layouts, packages and values, and finds the entity under any of its names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::base::{Code, EntityId, Error, Result, Value};
use crate::schema::{
    CUSTOMER, Entity, EntityDefinition, Field, FieldDefinition, FieldType, Registry, RegistryChange,
    valid_name, valid_namespace,
};

/// The namespaces that may be left out.
const IMPLIED: [&str; 2] = ["crm", "sys"];

/// A name without the namespaces that may be left out.
fn short(name: &str) -> &str {
    let without = |namespace: &&str| name.strip_prefix(*namespace).and_then(|rest| rest.strip_prefix('.'));
    IMPLIED.iter().find_map(without).unwrap_or(name)
}

impl Entity {
    /// The names in the API that it bore before.
    #[must_use]
    pub fn former_names(&self) -> &[String] {
        &self.former_names
    }

    /// Its name in the API, and then those that it bore before.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.api_name).chain(&self.former_names)
    }

    /// Whether a name is its own, or one that it bore; `crm.` and `sys.` may be left out.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.names().any(|known| known == name || short(known) == name)
    }
}

impl Registry {
    /// Gives an entity of the customer's own another name. Whatever names it by the old one still finds it, and no
    /// other entity gets that.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.withdrawn`; `schema.invalid_definition` for an entity of another author, and
    /// for what is no name; `schema.duplicate_definition` for a name that another entity bears or bore.
    pub fn rename_entity(&mut self, entity: &str, name: &str) -> Result<RegistryChange> {
        let known = self.entity(entity)?;
        let fault = |rule: &str| Error::new(Code::InvalidDefinition).entity(&known.api_name).rule(rule);
        if known.definition.namespace != CUSTOMER {
            return Err(fault("an entity of the customer's own"));
        }
        if known.is_withdrawn() {
            return Err(Error::new(Code::Withdrawn).entity(&known.api_name));
        }
        if !valid_name(name) {
            return Err(fault("names are lower-case letters, digits and underscores, at most 63").value(name));
        }
        let definition = EntityDefinition { name: name.to_owned(), ..known.definition.clone() };
        self.check_name_free(&definition.api_name(), Some(known.id()))?;
        self.take_name(&definition)
    }

    /// Makes entities that stand under other names bear those that their author gives them now, before anything else
    /// of the author's names them.
    ///
    /// # Errors
    /// `schema.invalid_definition` for two of one number; `schema.duplicate_definition` for a name that another
    /// entity bears or bore.
    pub fn take_names(&mut self, entities: &[EntityDefinition]) -> Result<RegistryChange> {
        let mut change = RegistryChange::Nothing;
        let mut numbers = BTreeSet::new();
        for definition in entities {
            if !numbers.insert((&definition.namespace, definition.local)) {
                let error = Error::new(Code::InvalidDefinition).entity(&definition.api_name());
                return Err(error.rule("each entity has a number of its own"));
            }
            if self.take_name(definition)? == RegistryChange::Changed {
                change = RegistryChange::Changed;
            }
        }
        Ok(change)
    }

    /// Makes an entity that stands under another name bear the one that its author gives it now.
    pub(super) fn take_name(&mut self, definition: &EntityDefinition) -> Result<RegistryChange> {
        let name = definition.api_name();
        let mut entities = self.entities().iter();
        if entities.any(|known| known.api_name == name) {
            return Ok(RegistryChange::Nothing);
        }
        let same = |known: &&Entity| {
            let known = &known.definition;
            (known.namespace.as_str(), known.local) == (&definition.namespace, definition.local)
        };
        let standing = self.entities().iter().find(same).map(Entity::id);
        self.check_name_free(&name, standing)?;
        let Some(standing) = standing else { return Ok(RegistryChange::Nothing) };
        for entity in self.entities_mut().filter(|known| known.id() == standing) {
            entity.former_names.retain(|known| *known != name);
            entity.former_names.push(std::mem::replace(&mut entity.api_name, name.clone()));
            entity.definition.name.clone_from(&definition.name);
        }
        self.index();
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Remembers names that an entity bore elsewhere before it came here.
    pub(super) fn learn_entity_names(&mut self, entity: &str, names: Vec<String>) -> Result<RegistryChange> {
        let known = self.entity(entity)?;
        let (id, namespace) = (known.id(), known.definition.namespace.clone());
        let fresh = |name: &String| known.names().all(|known| known != name);
        let names: Vec<String> = names.into_iter().filter(fresh).collect();
        for name in &names {
            // Only what was the author's own can have been the entity's.
            let of_author = name
                .rsplit_once('.')
                .is_some_and(|(space, own)| space == namespace && valid_namespace(space) && valid_name(own));
            if !of_author {
                let error = Error::new(Code::InvalidDefinition).entity(entity).value(name);
                return Err(error.rule("former names are names of the author's own"));
            }
            self.check_name_free(name, Some(id))?;
        }
        if names.is_empty() {
            return Ok(RegistryChange::Nothing);
        }
        for entity in self.entities_mut().filter(|known| known.id() == id) {
            entity.former_names.extend(names.iter().cloned());
        }
        self.index();
        Ok(RegistryChange::Changed)
    }

    /// Refuses a name that another entity bears or bore, since whatever finds that by it would be led astray.
    fn check_name_free(&self, name: &str, by: Option<EntityId>) -> Result<()> {
        let bears = |known: &Entity| Some(known.id()) != by && known.names().any(|known| known == name);
        match self.entities().iter().any(bears) {
            true => Err(Error::new(Code::DuplicateDefinition).entity(name)),
            false => Ok(()),
        }
    }

    /// The name that the entity has now which bore exactly this one; the name itself where none did.
    #[must_use]
    pub fn present_name<'n>(&'n self, name: &'n str) -> &'n str {
        let bore = self.by_former_name.get(name).and_then(|position| self.entities().get(*position));
        bore.map_or(name, |entity| &entity.api_name)
    }

    /// The places of entities by the names that they bore.
    pub(super) fn places_by_former_names(&self) -> HashMap<String, usize> {
        let positions = self.entities().iter().enumerate();
        let names = positions.flat_map(|(position, entity)| {
            entity.former_names.iter().map(move |name| (name.clone(), position))
        });
        names.collect()
    }

    /// Whether two names are those of one entity.
    fn is_one_entity(&self, one: &str, other: &str) -> bool {
        let id = |name: &str| self.entity(name).map(Entity::id);
        one == other || id(one).is_ok_and(|one| id(other).is_ok_and(|other| one == other))
    }

    /// The type of a field that stands already, with the entities that it leads to under the names by which the field
    /// has called them so far: they stand in values, and a name is no other entity.
    pub(super) fn spelled_as_before(
        &self,
        entity: &str,
        definition: &FieldDefinition,
        mut kind: FieldType,
    ) -> FieldType {
        let fields = self.entity(entity).map(Entity::fields).unwrap_or_default();
        let Some(old) = fields.iter().find(|field| field.definition.is_same_as(definition)) else {
            return kind;
        };
        let mut standing = old.declared().kind.clone();
        let old: Vec<String> = names_in(&mut standing).into_iter().map(|name| name.clone()).collect();
        for name in names_in(&mut kind) {
            if let Some(spelled) = old.iter().find(|old| self.is_one_entity(old, name)) {
                name.clone_from(spelled);
            }
        }
        kind
    }

    /// Calls the entities at the ends of a relation that stands as it has called them so far.
    pub(super) fn spell_sides(&self, definition: &mut EntityDefinition) {
        let old =
            self.entity(&definition.api_name()).ok().and_then(|known| known.definition.relation.as_ref());
        let (Some(old), Some(new)) = (old, &mut definition.relation) else { return };
        for (old, new) in [(&old.from, &mut new.from), (&old.to, &mut new.to)] {
            for name in &mut new.entities {
                if let Some(spelled) = old.entities.iter().find(|old| self.is_one_entity(old, name)) {
                    name.clone_from(spelled);
                }
            }
        }
    }

    /// Tells the fields that may refer to several entities by which names else these are called.
    pub(super) fn hand_out_names(&mut self) {
        let called = |registry: &Self, field: &Field| -> BTreeMap<String, String> {
            if !names_entities(&field.definition.kind) {
                return BTreeMap::new();
            }
            let targets = field.definition.kind.targets().into_iter();
            let names = targets.filter_map(|target| Some((target, registry.entity(target).ok()?)));
            let names = names.flat_map(|(target, entity)| entity.names().map(move |name| (name, target)));
            let names = names.filter(|(name, target)| name != target);
            names.map(|(name, target)| (name.clone(), target.clone())).collect()
        };
        let aliases: Vec<Vec<BTreeMap<String, String>>> = self
            .entities()
            .iter()
            .map(|entity| entity.fields().iter().map(|field| called(self, field)).collect())
            .collect();
        for (entity, aliases) in self.entities_mut().zip(aliases) {
            for (field, aliases) in entity.fields_mut().iter_mut().zip(aliases) {
                field.entity_names = aliases;
            }
        }
    }
}

/// Whether values of a type name entities.
fn names_entities(kind: &FieldType) -> bool {
    match kind {
        FieldType::AnyReference { .. } => true,
        FieldType::Rows { columns } => columns.iter().any(|column| names_entities(&column.kind)),
        _ => false,
    }
}

/// Every place in a type where an entity is named.
fn names_in(kind: &mut FieldType) -> Vec<&mut String> {
    match kind {
        FieldType::Reference { entity } | FieldType::MultiReference { entity } => vec![entity],
        FieldType::AnyReference { entities } => entities.iter_mut().collect(),
        FieldType::Rows { columns } => {
            columns.iter_mut().flat_map(|column| names_in(&mut column.kind)).collect()
        }
        FieldType::Rollup(rollup) => vec![&mut rollup.entity],
        _ => Vec::new(),
    }
}

impl Field {
    /// A value with the entities in it under the names by which the field calls them.
    pub(super) fn spelled(&self, value: Value) -> Value {
        match self.entity_names.is_empty() {
            true => value,
            false => spelled(&self.definition.kind, value, &self.entity_names),
        }
    }
}

fn spelled(kind: &FieldType, value: Value, names: &BTreeMap<String, String>) -> Value {
    match (kind, value) {
        (FieldType::AnyReference { .. }, Value::Map(mut parts)) => {
            let known = parts.get("entity").and_then(Value::as_text).and_then(|name| names.get(name));
            if let Some(known) = known {
                parts.insert("entity".to_owned(), known.as_str().into());
            }
            Value::Map(parts)
        }
        (FieldType::Rows { columns }, Value::List(rows)) => {
            let row = |row: Value| {
                let Value::Map(mut parts) = row else { return row };
                for column in columns {
                    if let Some(part) = parts.remove(&column.name) {
                        parts.insert(column.name.clone(), spelled(&column.kind, part, names));
                    }
                }
                Value::Map(parts)
            };
            Value::List(rows.into_iter().map(row).collect())
        }
        (_, value) => value,
    }
}
