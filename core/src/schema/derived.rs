//! Indexes and counters as their authors declare them, and as a database numbers them.
//!
//! Both get permanent numbers from the same row as fields, so that no key of the store is ever read as
//! something else. What they are made of never changes; who wants another one declares another one.

use serde::{Deserialize, Serialize};

use crate::base::{COLLATION_VERSION, Code, Collation, Error, FieldId, Result, ValueKind};
use crate::schema::computation::changes_with_time;
use crate::schema::links::reads_others;
use crate::schema::{Entity, Field, FieldName, FieldType, Registry, RegistryChange, SystemField};
use crate::schema::{valid_name, valid_namespace};

/// Most fields of one index: what three long texts take in a key of the store leaves room for the rest.
const MAX_INDEX_FIELDS: usize = 4;
/// Most texts among them.
const MAX_INDEX_TEXTS: usize = 3;
/// Most fields by which one counter groups.
const MAX_GROUP_FIELDS: usize = 3;
/// Most fields that one counter sums.
const MAX_SUMS: usize = 4;
/// Longest code of an enum by which a counter groups, in bytes.
pub(super) const MAX_GROUP_CODE: usize = 128;

/// One field of an index, and which way it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexField {
    /// The field by API name, or the name of a system field such as `created_at`.
    pub field: String,
    /// Largest first.
    #[serde(default)]
    pub descending: bool,
    /// How its text sorts. One that does not sort by code points gives the order of lists that ask for the
    /// same collation, and finds no texts.
    #[serde(default, skip_serializing_if = "Collation::is_plain")]
    pub collation: Collation,
}

impl IndexField {
    fn new(field: &str, descending: bool) -> Self {
        Self { field: field.to_owned(), descending, collation: Collation::default() }
    }
}

/// An index as its author defines it. Its identity is (namespace, local) within the entity, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexDefinition {
    /// Who defines it: `crm`, a plugin's id, or `x` for the customer's own.
    #[serde(default)]
    pub namespace: String,
    /// The author's number for it within the entity, never reused.
    pub local: u32,
    /// Name in the API, without namespace.
    pub name: String,
    /// The fields in their order, at most 4. A list that fixes the first of them and sorts by the rest
    /// reads what it shows and nothing else. One of them may have several codes or references, for each of which
    /// a record stands in the index; it serves lists that name values of that field.
    pub fields: Vec<IndexField>,
    /// Whether it has the moments at which something is to be done with records, in their order and whatever the
    /// access classes. It is of one field of moments, leaves out records that have none, and is read by the clock of
    /// the engine and by no list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub due: bool,
}

impl IndexDefinition {
    /// An index without fields, to which they are added.
    #[must_use]
    pub fn new(namespace: &str, local: u32, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), local, name: name.to_owned(), fields: Vec::new(), due: false }
    }

    /// An index of the moments in a field at which something is to be done.
    #[must_use]
    pub fn of_due(namespace: &str, local: u32, name: &str, field: &str) -> Self {
        Self { due: true, ..Self::new(namespace, local, name).rising(field) }
    }

    /// Sorts the text of the field that was added last so.
    #[must_use]
    pub fn collated(mut self, collation: Collation) -> Self {
        self.fields.last_mut().into_iter().for_each(|field| field.collation = collation);
        self
    }

    /// Adds a field, smallest first.
    #[must_use]
    pub fn rising(mut self, field: &str) -> Self {
        self.fields.push(IndexField::new(field, false));
        self
    }

    /// Adds a field, largest first.
    #[must_use]
    pub fn falling(mut self, field: &str) -> Self {
        self.fields.push(IndexField::new(field, true));
        self
    }

    /// The name under which the API knows it: `namespace.name`.
    #[must_use]
    pub fn api_name(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }
}

/// A counter as its author defines it: how many records there are for each combination of values, and what
/// some of their fields come to. Its identity is (namespace, local) within the entity, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterDefinition {
    /// Who defines it.
    #[serde(default)]
    pub namespace: String,
    /// The author's number for it within the entity, never reused.
    pub local: u32,
    /// Name in the API, without namespace.
    pub name: String,
    /// The fields by which it groups, at most 3: enums, references, whole numbers, days, or true and false.
    /// Owner and unit of the records are always known besides.
    pub group_by: Vec<String>,
    /// The fields that it sums, at most 4: whole numbers, decimals and amounts.
    #[serde(default)]
    pub sums: Vec<String>,
}

impl CounterDefinition {
    /// A counter of combinations of the values of these fields.
    #[must_use]
    pub fn new(namespace: &str, local: u32, name: &str, group_by: &[&str]) -> Self {
        Self {
            namespace: namespace.to_owned(),
            local,
            name: name.to_owned(),
            group_by: group_by.iter().map(|field| (*field).to_owned()).collect(),
            sums: Vec::new(),
        }
    }

    /// Sums a field too.
    #[must_use]
    pub fn summing(mut self, field: &str) -> Self {
        self.sums.push(field.to_owned());
        self
    }

    /// The name under which the API knows it: `namespace.name`.
    #[must_use]
    pub fn api_name(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }
}

/// One component of the keys of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    field: u32,
    /// Whether its bytes are complemented, so that what is largest comes first.
    pub turned: bool,
    /// How its text sorts.
    #[serde(default, skip_serializing_if = "Collation::is_plain")]
    pub collation: Collation,
    /// Whether its keys are the cells in which places lie.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cells: bool,
}

impl Component {
    /// The field.
    #[must_use]
    pub fn field(&self) -> FieldId {
        FieldId::new(self.field)
    }
}

/// An index with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredIndex {
    number: u32,
    /// The name under which the API knows it.
    pub api_name: String,
    /// What its author defined.
    pub definition: IndexDefinition,
    /// The last one is never turned: an index whose last field falls is kept the other way round, and read
    /// backwards. Ids therefore always follow the direction of the last field.
    components: Vec<Component>,
    /// Whether every record is in it; until then no query reads it.
    pub complete: bool,
    /// By which tables the keys of its texts were made, if they sort by a collation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    collation_version: Option<u32>,
}

impl DeclaredIndex {
    /// Whether its keys came from other tables of collation than those of this engine.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.collation_version.is_some_and(|version| version != COLLATION_VERSION)
    }

    /// The number as this database gave it, from the row of the fields' numbers.
    #[must_use]
    pub fn id(&self) -> FieldId {
        FieldId::new(self.number)
    }

    /// What its keys are made of.
    #[must_use]
    pub fn components(&self) -> &[Component] {
        &self.components
    }
}

/// A counter with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredCounter {
    number: u32,
    /// The name under which the API knows it.
    pub api_name: String,
    /// What its author defined.
    pub definition: CounterDefinition,
    group_by: Vec<u32>,
    sums: Vec<u32>,
    /// Whether every record is counted; until then no query reads it.
    pub complete: bool,
}

impl DeclaredCounter {
    /// The number as this database gave it, from the row of the fields' numbers.
    #[must_use]
    pub fn id(&self) -> FieldId {
        FieldId::new(self.number)
    }

    /// The fields by which it groups, in their order.
    pub fn group_by(&self) -> impl ExactSizeIterator<Item = FieldId> + '_ {
        self.group_by.iter().map(|number| FieldId::new(*number))
    }

    /// The fields that it sums, in their order.
    pub fn sums(&self) -> impl ExactSizeIterator<Item = FieldId> + '_ {
        self.sums.iter().map(|number| FieldId::new(*number))
    }
}

impl Entity {
    /// Field and kind of values of what a definition names.
    pub(super) fn component(&self, name: &str) -> Result<(FieldId, ValueKind)> {
        if let Some(field) = self.fields().iter().find(|field| field.api_name == name) {
            return Ok((field.id(), field.definition.kind.value_kind()));
        }
        match SystemField::from_name(name) {
            Some(system @ (SystemField::Owner | SystemField::Unit)) => Ok((system.id(), ValueKind::Id)),
            Some(system) => Ok((system.id(), ValueKind::DateTime)),
            None => {
                let field = self.field(FieldName::Name(name))?;
                Ok((field.id(), field.definition.kind.value_kind()))
            }
        }
    }

    fn components_of(&self, definition: &IndexDefinition) -> Result<Vec<Component>> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field(&definition.name).rule(rule));
        if !(1..=MAX_INDEX_FIELDS).contains(&definition.fields.len()) {
            return fault("an index has 1 to 4 fields");
        }
        if definition.due {
            self.check_due(definition)?;
        }
        let reversed = definition.fields.last().is_some_and(|field| field.descending);
        let mut components: Vec<Component> = Vec::new();
        let (mut texts, mut lists) = (0_usize, 0_usize);
        for field in &definition.fields {
            let (id, kind) = self.component(&field.field)?;
            let of_list = self.field_by_id(id).is_some_and(|field| field.definition.kind.has_several());
            let cells = self.field_by_id(id).is_some_and(|field| field.definition.kind.has_cells());
            let named = self.field_by_id(id).is_some_and(|field| field.definition.kind.names_entity());
            texts = texts.saturating_add(usize::from(kind == ValueKind::Text || of_list || named));
            lists = lists.saturating_add(usize::from(of_list));
            if lists > 1 {
                return fault("an index has at most one field of several values");
            }
            let has_order = is_ordered(kind) || of_list || cells || named;
            if !has_order || components.iter().any(|known| known.field() == id) {
                return fault("fields of an index are different, and have an order");
            }
            let formula = self.field_by_id(id).and_then(Field::formula);
            if formula.is_some_and(|formula| changes_with_time(self, formula)) {
                return fault("what changes with time has no index");
            }
            if reads_others(self, &[id].into()) {
                return fault("what follows from other records has no index");
            }
            let turned = field.descending != reversed;
            if self.collation_of(id, field.collation) != field.collation {
                return fault("only texts have a collation");
            }
            components.push(Component { field: id.number(), turned, collation: field.collation, cells });
        }
        if texts > MAX_INDEX_TEXTS { fault("an index has at most 3 texts") } else { Ok(components) }
    }

    fn check_due(&self, definition: &IndexDefinition) -> Result<()> {
        let of_moments = match definition.fields.as_slice() {
            [field] => !field.descending && self.component(&field.field)?.1 == ValueKind::DateTime,
            _ => false,
        };
        if of_moments {
            return Ok(());
        }
        let fault = Error::new(Code::InvalidDefinition).field(&definition.name);
        Err(fault.rule("what is due stands in one field of moments, the earliest first"))
    }

    /// How the values of a field sort where a collation is asked for: texts by it, codes and the rest as ever.
    #[must_use]
    pub fn collation_of(&self, field: FieldId, asked: Collation) -> Collation {
        let collated = self.field_by_id(field).is_some_and(|field| field.definition.kind.is_collated());
        if collated { asked } else { Collation::default() }
    }

    /// The indexes whose keys came from other tables of collation.
    pub fn outdated_indexes(&self) -> impl Iterator<Item = &DeclaredIndex> {
        self.indexes().iter().filter(|index| index.is_outdated())
    }

    fn groups_of(&self, definition: &CounterDefinition) -> Result<(Vec<u32>, Vec<u32>)> {
        let fault = |rule: &str| Error::new(Code::InvalidDefinition).field(&definition.name).rule(rule);
        if definition.group_by.is_empty()
            || definition.group_by.len() > MAX_GROUP_FIELDS
            || definition.sums.len() > MAX_SUMS
        {
            return Err(fault("a counter groups by 1 to 3 fields, and sums at most 4"));
        }
        let group_by = definition.group_by.iter().map(|name| {
            let field = self.field(FieldName::Name(name))?;
            match &field.definition.kind {
                FieldType::Enum { codes } if codes.iter().all(|code| code.code.len() <= MAX_GROUP_CODE) => {}
                FieldType::Reference { .. } | FieldType::Int | FieldType::Date | FieldType::Bool => {}
                _ => return Err(fault("a counter groups by enums, references, int, date and bool")),
            }
            Ok(field.id().number())
        });
        let sums = definition.sums.iter().map(|name| {
            let field = self.field(FieldName::Name(name))?;
            match &field.definition.kind {
                FieldType::Int | FieldType::Decimal | FieldType::Money => Ok(field.id().number()),
                _ => Err(fault("a counter sums int, decimal and money")),
            }
        });
        Ok((group_by.collect::<Result<_>>()?, sums.collect::<Result<_>>()?))
    }
}

/// Whether values of a kind have sort keys by which an index may order them.
pub(super) fn is_ordered(kind: ValueKind) -> bool {
    matches!(
        kind,
        ValueKind::Bool
            | ValueKind::Int
            | ValueKind::Decimal
            | ValueKind::Money
            | ValueKind::Text
            | ValueKind::Date
            | ValueKind::DateTime
            | ValueKind::Id
            | ValueKind::Time
            | ValueKind::Duration
    )
}

pub(super) fn check_names(namespace: &str, name: &str) -> Result<()> {
    if valid_name(name) && valid_namespace(namespace) {
        return Ok(());
    }
    let rule = "names are lower-case letters, digits and underscores, at most 63";
    Err(Error::new(Code::InvalidDefinition).field(name).rule(rule))
}

/// What becomes of a declaration where this one or one of its name stands already: nothing to do, or an error.
fn standing<'a>(
    entity: &Entity,
    mut others: impl Iterator<Item = (bool, bool, &'a str)>,
    api_name: &str,
) -> Result<Option<RegistryChange>> {
    let met = others.find(|(same_identity, _, name)| *same_identity || *name == api_name);
    match met {
        None => Ok(None),
        Some((true, true, _)) => Ok(Some(RegistryChange::Nothing)),
        Some((true, false, _)) => Err(Error::new(Code::InvalidDefinition)
            .entity(&entity.api_name)
            .field(api_name)
            .rule("an index and a counter never change")),
        Some((false, ..)) => {
            Err(Error::new(Code::DuplicateDefinition).entity(&entity.api_name).field(api_name))
        }
    }
}

impl Registry {
    /// Declares an index of an entity that stands already.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `schema.invalid_definition` (an index never changes),
    /// `schema.duplicate_definition`.
    pub fn declare_index(&mut self, entity: &str, definition: &IndexDefinition) -> Result<RegistryChange> {
        check_names(&definition.namespace, &definition.name).map_err(|error| error.entity(entity))?;
        let number = self.next_number();
        let entity = self.entity_mut(entity)?;
        let api_name = definition.api_name();
        let others = entity.indexes().iter().map(|known| {
            let (namespace, local) = (&known.definition.namespace, known.definition.local);
            let same = (namespace, local) == (&definition.namespace, definition.local);
            (same, known.definition == *definition, known.api_name.as_str())
        });
        if let Some(change) = standing(entity, others, &api_name)? {
            return Ok(change);
        }
        let components = entity.components_of(definition).map_err(|error| error.entity(&entity.api_name))?;
        let definition = definition.clone();
        let collated = components.iter().any(|part| !part.collation.is_plain());
        let collation_version = collated.then_some(COLLATION_VERSION);
        let index =
            DeclaredIndex { number, api_name, definition, components, complete: true, collation_version };
        entity.indexes_mut().push(index);
        self.take_number(number);
        Ok(RegistryChange::Changed)
    }

    /// Declares a counter of an entity that stands already.
    ///
    /// # Errors
    /// As [`Registry::declare_index`].
    pub fn declare_counter(
        &mut self,
        entity: &str,
        definition: &CounterDefinition,
    ) -> Result<RegistryChange> {
        check_names(&definition.namespace, &definition.name).map_err(|error| error.entity(entity))?;
        let number = self.next_number();
        let entity = self.entity_mut(entity)?;
        let api_name = definition.api_name();
        let others = entity.counters().iter().map(|known| {
            let (namespace, local) = (&known.definition.namespace, known.definition.local);
            let same = (namespace, local) == (&definition.namespace, definition.local);
            (same, known.definition == *definition, known.api_name.as_str())
        });
        if let Some(change) = standing(entity, others, &api_name)? {
            return Ok(change);
        }
        let (group_by, sums) =
            entity.groups_of(definition).map_err(|error| error.entity(&entity.api_name))?;
        let definition = definition.clone();
        let counter = DeclaredCounter { number, api_name, definition, group_by, sums, complete: true };
        entity.counters_mut().push(counter);
        self.take_number(number);
        Ok(RegistryChange::Changed)
    }

    /// Says of the indexes, counters and unique rules of an entity with these numbers, and of rollups of its
    /// records, whether every record is in them; and of those that are being swept away that they are gone.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn set_complete(
        &mut self,
        entity: &str,
        numbers: &[FieldId],
        complete: bool,
    ) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        for index in entity.indexes_mut().iter_mut().filter(|index| numbers.contains(&index.id())) {
            index.complete = complete;
        }
        for counter in entity.counters_mut().iter_mut().filter(|counter| numbers.contains(&counter.id())) {
            counter.complete = complete;
        }
        entity.set_unique_complete(numbers, complete);
        entity.set_temporal_complete(numbers, complete);
        self.set_rollups_complete(numbers, complete);
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Says of indexes whose keys came from other tables of collation that they are not complete.
    pub fn suspend_outdated(&mut self) -> RegistryChange {
        let mut change = RegistryChange::Nothing;
        for entity in self.entities_mut() {
            for index in entity.indexes_mut().iter_mut().filter(|index| index.is_outdated() && index.complete)
            {
                index.complete = false;
                change = RegistryChange::Changed;
            }
        }
        self.touch(change);
        change
    }

    /// Says of an index that none of its keys is left, so that it may be built by the tables of this engine.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn renew_index(&mut self, entity: &str, number: FieldId) -> Result<RegistryChange> {
        let indexes = self.entity_mut(entity)?.indexes_mut().iter_mut();
        indexes
            .filter(|index| index.id() == number)
            .for_each(|index| index.collation_version = Some(COLLATION_VERSION));
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Takes back the indexes and counters of an entity with these numbers. Their keys are still to be swept away.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn drop_kept(&mut self, entity: &str, numbers: &[FieldId]) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        entity.drop_kept(|index| numbers.contains(&index.id()), |counter| numbers.contains(&counter.id()));
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// The number that the next index of an author would have in an entity: one that none ever had.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn next_local_index(&self, entity: &str, namespace: &str) -> Result<u32> {
        let entity = self.entity(entity)?;
        let own = entity.indexes().iter().map(|index| &index.definition);
        let own = own.filter(|definition| definition.namespace == namespace);
        Ok(own.map(|definition| definition.local).fold(entity.retired_local(), u32::max).saturating_add(1))
    }

    /// The number that the next counter of an author would have in an entity: one that none ever had.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn next_local_counter(&self, entity: &str, namespace: &str) -> Result<u32> {
        let entity = self.entity(entity)?;
        let own = entity.counters().iter().map(|counter| &counter.definition);
        let own = own.filter(|definition| definition.namespace == namespace);
        Ok(own.map(|definition| definition.local).fold(entity.retired_local(), u32::max).saturating_add(1))
    }
}
