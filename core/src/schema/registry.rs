//! The registry: every entity and field of one database, with the numbers that it gave them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::base::{Code, EntityId, Error, FieldId, Label, Result, fold};
use crate::schema::computation::{Computation, formulas_in_order};
use crate::schema::expr::Expression;
use crate::schema::links::Links;
use crate::schema::newer::{around_opaque, check_known, lost};
use crate::schema::{
    CUSTOMER, DeclaredCounter, DeclaredIndex, EntityDefinition, EntityOverride, Field, FieldDefinition,
    FieldType, InstalledPackage, LayoutDefinition, Module, RecordTypes, RecordTypesDefinition, Rule,
    RuleDefinition, Setting, StateMachine, TemporalIndex, UniqueRule, Validity, ValueSet,
};

/// Numbers below this are the envelope's; fields of the registry begin here.
const FIRST_FIELD: u32 = 64;

/// An entity with its number and fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entity {
    number: u32,
    /// The name under which the API knows it.
    pub api_name: String,
    /// What its author defined; `fields`, `indexes` and `counters` of it are empty here, see
    /// [`Entity::fields`], [`Entity::indexes`] and [`Entity::counters`].
    pub definition: EntityDefinition,
    fields: Vec<Field>,
    /// The names that it bore before, by which it is still found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) former_names: Vec<String>,
    /// What higher layers change of what people read, in the order of the layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    overrides: Vec<EntityOverride>,
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    machines: Vec<StateMachine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    indexes: Vec<DeclaredIndex>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counters: Vec<DeclaredCounter>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unique: Vec<UniqueRule>,
    /// Where every version of its records is kept, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) temporal: Option<TemporalIndex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record_types: Option<Box<RecordTypes>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    layouts: Vec<LayoutDefinition>,
    /// Unique rules, unique fields, indexes and counters that were taken back, whose keys are still to be swept away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<u32>,
    /// The greatest number that the customer gave an index or counter which was taken back: it is not given again.
    #[serde(default, skip_serializing_if = "is_zero")]
    retired_local: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    withdrawn: bool,
    #[serde(skip)]
    by_number: HashMap<u32, usize>,
    #[serde(skip)]
    by_name: HashMap<String, usize>,
    /// Places of the formulas, each behind those that it reads.
    #[serde(skip)]
    formulas: Vec<usize>,
    /// Lookups and rollups, which follow from all entities together.
    #[serde(skip)]
    links: Links,
    #[serde(skip)]
    validity: Option<Validity>,
    /// The field that keeps its records from being written, since this engine cannot make their keys.
    #[serde(skip)]
    pub(super) held: Option<String>,
}

/// How a caller names a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldName<'a> {
    /// By its name in the API.
    Name(&'a str),
    /// By the identity that its author gave it.
    Identity {
        /// The author.
        namespace: &'static str,
        /// The author's number.
        local: u32,
        /// The name, for errors.
        name: &'static str,
    },
}

impl<'a> From<&'a str> for FieldName<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl Entity {
    /// The number as this database gave it.
    #[must_use]
    pub fn id(&self) -> EntityId {
        EntityId::new(self.number)
    }

    /// The fields in the order of their numbers.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// What people read, by the highest layer that says it.
    #[must_use]
    pub fn label(&self) -> &Label {
        let said = self.overrides.iter().rev().find_map(|changed| changed.label.as_ref());
        said.unwrap_or(&self.definition.label)
    }

    /// What its records are, by the highest layer that says it.
    #[must_use]
    pub fn help(&self) -> Option<&Label> {
        let said = self.overrides.iter().rev().find_map(|changed| changed.help.as_ref());
        said.or(self.definition.help.as_ref())
    }

    /// What higher layers change of what people read, in the order of the layers.
    #[must_use]
    pub fn overrides(&self) -> &[EntityOverride] {
        &self.overrides
    }

    pub(super) fn overrides_mut(&mut self) -> &mut Vec<EntityOverride> {
        &mut self.overrides
    }

    /// The rules, in the order in which they were declared.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether an index or a unique rule is kept on a formula, so that its keys follow from what the formulas
    /// say.
    #[must_use]
    pub fn keeps_formulas(&self) -> bool {
        let components = || self.indexes.iter().flat_map(|index| index.components());
        let declared = |field: FieldId| components().any(|component| component.field() == field);
        let unique = |field: FieldId| self.unique.iter().any(|rule| rule.reads().any(|read| read == field));
        self.formulas().any(|(field, _)| field.is_indexed() || declared(field.id()) || unique(field.id()))
    }

    /// The formulas with their expressions, each behind those that it reads.
    pub fn formulas(&self) -> impl Iterator<Item = (&Field, &Expression)> {
        let fields = self.formulas.iter().filter_map(|place| self.fields.get(*place));
        fields.filter_map(|field| Some((field, field.formula()?)))
    }

    /// The declared indexes, in the order in which they were declared.
    #[must_use]
    pub fn indexes(&self) -> &[DeclaredIndex] {
        &self.indexes
    }

    /// The record types, if some are declared.
    #[must_use]
    pub fn record_types(&self) -> Option<&RecordTypes> {
        self.record_types.as_deref()
    }

    pub(super) fn set_record_types(&mut self, definition: Option<RecordTypesDefinition>) {
        let types = definition.map(|definition| Box::new(RecordTypes::compile(&definition, self)));
        self.record_types = types;
    }

    /// The greatest number of an index or counter of the customer that was taken back.
    pub(super) fn retired_local(&self) -> u32 {
        self.retired_local
    }

    /// Takes back indexes and counters, whose keys are then still to be swept away.
    pub(super) fn drop_kept(
        &mut self,
        index_goes: impl Fn(&DeclaredIndex) -> bool,
        counter_goes: impl Fn(&DeclaredCounter) -> bool,
    ) {
        let indexes = self.indexes.iter().filter(|index| index_goes(index));
        let indexes = indexes.map(|index| (index.id(), &index.definition.namespace, index.definition.local));
        let counters = self.counters.iter().filter(|counter| counter_goes(counter));
        let counters =
            counters.map(|counter| (counter.id(), &counter.definition.namespace, counter.definition.local));
        let mut retired = self.retired_local;
        for (number, namespace, local) in indexes.chain(counters) {
            self.dropped.push(number.number());
            if namespace == CUSTOMER {
                retired = retired.max(local);
            }
        }
        self.retired_local = retired;
        self.indexes.retain(|index| !index_goes(index));
        self.counters.retain(|counter| !counter_goes(counter));
    }

    /// The unique rules, and the numbers of those that were taken back.
    pub(super) fn unique_parts(&self) -> (&[UniqueRule], &[u32]) {
        (&self.unique, &self.dropped)
    }

    pub(super) fn unique_parts_mut(&mut self) -> (&mut Vec<UniqueRule>, &mut Vec<u32>) {
        (&mut self.unique, &mut self.dropped)
    }

    /// The declared counters, in the order in which they were declared.
    #[must_use]
    pub fn counters(&self) -> &[DeclaredCounter] {
        &self.counters
    }

    /// Whether its author took it back: its records stay and can be read, and nobody makes another one.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }

    pub(super) fn withdraw(&mut self) {
        self.withdrawn = true;
    }

    pub(super) fn set_withdrawn(&mut self, withdrawn: bool) {
        self.withdrawn = withdrawn;
    }

    pub(super) fn fields_mut(&mut self) -> &mut Vec<Field> {
        &mut self.fields
    }

    /// The state machines, in the order in which they were declared.
    #[must_use]
    pub fn machines(&self) -> &[StateMachine] {
        &self.machines
    }

    pub(super) fn machines_mut(&mut self) -> &mut Vec<StateMachine> {
        &mut self.machines
    }

    /// The layouts that were declared, in their order.
    #[must_use]
    pub fn layouts(&self) -> &[LayoutDefinition] {
        &self.layouts
    }

    pub(super) fn layouts_mut(&mut self) -> &mut Vec<LayoutDefinition> {
        &mut self.layouts
    }

    pub(super) fn rules_mut(&mut self) -> &mut Vec<Rule> {
        &mut self.rules
    }

    pub(super) fn indexes_mut(&mut self) -> &mut Vec<DeclaredIndex> {
        &mut self.indexes
    }

    pub(super) fn validity_kept(&self) -> Option<&Validity> {
        self.validity.as_ref()
    }

    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    pub(super) fn counters_mut(&mut self) -> &mut Vec<DeclaredCounter> {
        &mut self.counters
    }

    /// How many of the fields are kept in an index (those that say so, unique ones and references), and
    /// how many indexes and counters are declared besides.
    #[must_use]
    pub fn index_count(&self) -> usize {
        let of_fields = self.fields.iter().filter(|field| field.is_indexed()).count();
        of_fields.saturating_add(self.indexes.len()).saturating_add(self.counters.len())
    }

    /// The field with this number, if the entity has it.
    #[must_use]
    pub fn field_by_id(&self, id: FieldId) -> Option<&Field> {
        self.by_number.get(&id.number()).and_then(|position| self.fields.get(*position))
    }

    /// The field by which people know a record.
    ///
    /// # Errors
    /// `schema.unknown_field` if the definition names none.
    pub fn title(&self) -> Result<&Field> {
        self.field(FieldName::Name(&self.definition.title))
    }

    /// The field that a caller names: by API name, or by the bare name of a plugin's or customer's
    /// field when only one field has it.
    ///
    /// # Errors
    /// `schema.unknown_field` naming entity and field.
    pub fn field(&self, name: FieldName<'_>) -> Result<&Field> {
        let (found, said) = match name {
            FieldName::Name(name) => (self.named(name), name),
            FieldName::Identity { namespace, local, name } => {
                let identity = |field: &&Field| {
                    field.definition.namespace == namespace && field.definition.local == local
                };
                (self.fields.iter().find(identity), name)
            }
        };
        found.ok_or_else(|| Error::new(Code::UnknownField).entity(&self.api_name).field(said))
    }

    /// The field that a heading of a table means: its name, a label or a synonym, compared folded.
    #[must_use]
    pub fn field_for_heading(&self, heading: &str) -> Option<&Field> {
        // Underscores in a heading, a name or a synonym stand for spaces.
        let as_words = |text: &str| fold(&text.replace('_', " "));
        let wanted = as_words(heading);
        self.fields.iter().filter(|field| !field.withdrawn).find(|field| {
            let definition = &field.definition;
            [&field.api_name, &definition.name, &definition.label.zh, &definition.label.en]
                .into_iter()
                .chain(&definition.synonyms)
                .chain(&field.former_names)
                .any(|known| as_words(known) == wanted)
        })
    }

    /// The trees that its records make: for each the field that names the record above, and the one in which
    /// the topmost record is kept, if there is one.
    pub fn trees(&self) -> impl Iterator<Item = (&Field, Option<&Field>)> {
        self.fields.iter().filter(|field| field.definition.tree).map(|tree| {
            let is_root = |field: &&Field| field.definition.root_of.as_ref() == Some(&tree.api_name);
            (tree, self.fields.iter().find(is_root))
        })
    }

    /// A tree is made of references to its own entity, and its root is that of a tree.
    fn check_tree(&self, definition: &FieldDefinition) -> Result<()> {
        let fault = |rule: &str| {
            let error = Error::new(Code::InvalidDefinition).entity(&self.api_name);
            Err(error.field(&definition.name).rule(rule))
        };
        let is_own = |target: &str| self.is_called(target);
        let of_tree = definition.tree || definition.root_of.is_some();
        match &definition.kind {
            FieldType::Reference { entity } if of_tree && !is_own(entity) => {
                return fault("a tree refers to its own entity");
            }
            _ => {}
        }
        let Some(tree) = &definition.root_of else { return Ok(()) };
        let known = self.fields.iter().any(|field| field.definition.tree && field.api_name == *tree);
        if known { Ok(()) } else { fault("the root of a field that makes no tree") }
    }

    fn named(&self, name: &str) -> Option<&Field> {
        if let Some(position) = self.by_name.get(name) {
            return self.fields.get(*position);
        }
        let mut bare = self.fields.iter().filter(|field| field.definition.name == name);
        match (bare.next(), bare.next()) {
            (Some(field), None) => Some(field),
            (Some(_), Some(_)) => None,
            (None, _) => {
                let whole = |field: &&Field| field.former_names.iter().any(|known| known == name);
                let fields = || self.fields.iter();
                // Of several that bore a name the last one took it over from the others.
                fields().rfind(whole).or_else(|| fields().rfind(|field| field.was_named(name)))
            }
        }
    }

    pub(super) fn index(&mut self) {
        self.fields.sort_by_key(|field| field.number);
        let positions = || self.fields.iter().enumerate();
        self.by_number = positions().map(|(position, field)| (field.number, position)).collect();
        self.by_name = positions().map(|(position, field)| (field.api_name.clone(), position)).collect();
        self.compile();
        self.validity = self.validity_of_links().or_else(|| self.validity_of_facts());
    }

    /// Reads the expressions of fields and rules, which need the names of all fields.
    fn compile(&mut self) {
        let computations: Vec<Computation> = self
            .fields
            .iter()
            .map(|field| Computation::compile(self, &field.definition, &field.overrides))
            .collect();
        for (field, computation) in self.fields.iter_mut().zip(computations) {
            field.computation = computation;
        }
        self.formulas.clear();
        for (place, inputs) in formulas_in_order(&self.fields) {
            self.formulas.push(place);
            if let Some(field) = self.fields.get_mut(place) {
                field.computation.inputs = inputs;
            }
        }
        self.rules = self.rules.iter().map(|rule| rule.compile(self)).collect();
        self.machines = self.machines.iter().map(|machine| machine.compile(self)).collect();
        self.unique = self.unique.iter().map(|rule| rule.compile(self)).collect();
        let types = self.record_types.take();
        self.record_types = types.map(|types| Box::new(RecordTypes::compile(&types.definition, self)));
    }
}

/// Every entity of one database.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    entities: Vec<Entity>,
    by_number: HashMap<u32, usize>,
    by_name: HashMap<String, usize>,
    pub(super) by_former_name: HashMap<String, usize>,
    next_entity: u32,
    next_field: u32,
    version: u32,
    packages: Vec<InstalledPackage>,
    modules: Vec<Module>,
    settings: Vec<Setting>,
    value_sets: Vec<ValueSet>,
    /// Where a newer engine says something that this one does not know.
    newer: Option<String>,
}

/// What one declaration changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryChange {
    /// The registry had it already.
    Nothing,
    /// An entity or field is new, or a property of one changed.
    Changed,
}

impl RegistryChange {
    /// What this and another declaration changed together.
    fn or(self, other: Self) -> Self {
        if self == Self::Nothing { other } else { self }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    next_entity: u32,
    next_field: u32,
    entities: Vec<Entity>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    packages: Vec<InstalledPackage>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    modules: Vec<Module>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    settings: Vec<Setting>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    value_sets: Vec<ValueSet>,
}

impl Stored {
    /// The place of the first thing that was read and would not be written again.
    fn lost_of(&self, bytes: &[u8]) -> Result<Option<String>> {
        let failed = |error| Error::new(Code::Panic).because(error);
        // What this engine wrote itself comes out as it went in.
        if serde_json::to_vec(self).map_err(failed)? == bytes {
            return Ok(None);
        }
        let said = serde_json::from_slice(bytes).map_err(failed)?;
        Ok(lost(&said, &serde_json::to_value(self).map_err(failed)?))
    }
}

impl Registry {
    /// Reads a registry from the JSON that [`Registry::to_json`] made. Members that this engine does not know are passed
    /// over, fields that it does not understand are opaque, and [`Registry::newer`] says so.
    ///
    /// # Errors
    /// `storage.damaged`; `storage.newer_format` naming what this engine does not know elsewhere.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        let (stored, opaque) = match serde_json::from_slice::<Stored>(bytes) {
            Ok(stored) => (stored, None),
            Err(error) => around_opaque(bytes, error)?,
        };
        let newer = match &opaque {
            Some(opaque) => Some(opaque.place.clone()),
            None => stored.lost_of(bytes)?,
        };
        let mut registry = Self {
            newer,
            entities: stored.entities,
            next_entity: stored.next_entity,
            next_field: stored.next_field,
            version: stored.version,
            packages: stored.packages,
            modules: stored.modules,
            settings: stored.settings,
            value_sets: stored.value_sets,
            ..Self::default()
        };
        registry.index();
        registry.hand_out_codes();
        registry.take_in(opaque);
        Ok(registry)
    }

    /// Where a newer engine has said something in it that this one does not know, if it has: the registry can be read,
    /// and not be changed.
    #[must_use]
    pub fn newer(&self) -> Option<&str> {
        self.newer.as_deref()
    }

    /// The registry as JSON.
    ///
    /// # Errors
    /// `storage.newer_format` where something would be lost that a newer engine has said; `engine.panic` if
    /// serialisation fails, which it does not in practice.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        check_known(self.newer())?;
        let stored = Stored {
            version: self.version,
            next_entity: self.next_entity,
            next_field: self.next_field,
            entities: self.entities.clone(),
            packages: self.packages.clone(),
            modules: self.modules.clone(),
            settings: self.settings.clone(),
            value_sets: self.value_sets.clone(),
        };
        serde_json::to_vec(&stored).map_err(|error| Error::new(Code::Panic).because(error))
    }

    /// The packages that were ever installed, in the order in which they came.
    #[must_use]
    pub fn packages(&self) -> &[InstalledPackage] {
        &self.packages
    }

    pub(super) fn packages_mut(&mut self) -> &mut Vec<InstalledPackage> {
        &mut self.packages
    }

    /// The modules, in the order in which they came.
    #[must_use]
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    pub(super) fn modules_mut(&mut self) -> &mut Vec<Module> {
        &mut self.modules
    }

    /// The settings that packages and extensions declare, in the order in which they came.
    #[must_use]
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    pub(super) fn settings_mut(&mut self) -> &mut Vec<Setting> {
        &mut self.settings
    }

    /// The value sets, in the order in which they came.
    #[must_use]
    pub fn value_sets(&self) -> &[ValueSet] {
        &self.value_sets
    }

    pub(super) fn value_sets_mut(&mut self) -> &mut Vec<ValueSet> {
        &mut self.value_sets
    }

    /// Rises with every change.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Every entity, in the order of their numbers.
    #[must_use]
    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }

    /// The entity with this API name, or that bore it; `crm.` and `sys.` may be left out.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn entity(&self, name: &str) -> Result<&Entity> {
        let found = |names: &HashMap<String, usize>| {
            let qualified = || ["crm", "sys"].map(|namespace| format!("{namespace}.{name}"));
            names.get(name).or_else(|| qualified().iter().find_map(|full| names.get(full))).copied()
        };
        found(&self.by_name)
            .or_else(|| found(&self.by_former_name))
            .and_then(|position| self.entities.get(position))
            .ok_or_else(|| Error::new(Code::UnknownEntity).entity(name))
    }

    /// The entity with this number.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn entity_by_id(&self, id: EntityId) -> Result<&Entity> {
        self.by_number
            .get(&id.number())
            .and_then(|position| self.entities.get(*position))
            .ok_or_else(|| Error::new(Code::UnknownEntity).value(&id.number().to_string()))
    }

    /// Declares an entity with its fields; what stands already keeps its numbers.
    ///
    /// # Errors
    /// `schema.invalid_definition`, `schema.duplicate_definition`, `schema.unknown_module`.
    pub fn declare_entity(&mut self, definition: &EntityDefinition) -> Result<RegistryChange> {
        let definition = &definition.with_sides()?;
        definition.check()?;
        let name = definition.api_name();
        if let Some(module) = &definition.module {
            self.module(module).map_err(|error| error.entity(&name).field("module"))?;
        }
        let mut bare = definition.bare();
        let former_names = std::mem::take(&mut bare.former_names);
        let mut change = self.take_name(&bare)?;
        self.spell_sides(&mut bare);
        match self.by_name.get(&name).and_then(|position| self.entities.get_mut(*position)) {
            Some(entity) if entity.definition.local != definition.local => {
                return Err(Error::new(Code::DuplicateDefinition).entity(&name));
            }
            Some(entity) if entity.definition != bare || entity.withdrawn => {
                bare.check_relation_after(&entity.definition)?;
                entity.definition = bare;
                entity.withdrawn = false;
                change = RegistryChange::Changed;
            }
            Some(_) => {}
            None => {
                self.add_entity(&name, bare);
                change = RegistryChange::Changed;
            }
        }
        change = self.learn_entity_names(&name, former_names)?.or(change);
        // What is said in expressions is read once all names are there.
        let computed = |field: &&FieldDefinition| field.has_expressions();
        let plain = definition.fields.iter().filter(|field| !field.has_expressions());
        let mut merge = |next: RegistryChange| {
            if next == RegistryChange::Changed {
                change = next;
            }
        };
        for field in plain.chain(definition.fields.iter().filter(computed)) {
            merge(self.declare_field(&name, field)?);
        }
        merge(self.declare_valid_time(definition)?);
        for index in &definition.indexes {
            merge(self.declare_index(&name, index)?);
        }
        for counter in &definition.counters {
            merge(self.declare_counter(&name, counter)?);
        }
        for rule in &definition.rules {
            merge(self.declare_rule(&name, rule)?);
        }
        for machine in &definition.states {
            merge(self.declare_states(&name, machine)?);
        }
        for rule in &definition.unique {
            merge(self.declare_unique(&name, rule)?);
        }
        merge(self.settle_temporal(&name)?);
        if let Some(types) = &definition.record_types {
            merge(self.declare_record_types(&name, types)?);
        }
        for layout in &definition.layouts {
            merge(self.declare_layout(&name, layout)?);
        }
        self.touch(change);
        Ok(change)
    }

    /// Declares a field of an entity that stands already. One that takes the place of another one moves that aside.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.invalid_definition` (a type never changes),
    /// `schema.duplicate_definition` (the name belongs to another field); those of [`Registry::retype_field`].
    pub fn declare_field(&mut self, entity: &str, definition: &FieldDefinition) -> Result<RegistryChange> {
        let right_before = self.step_aside(entity, definition)?;
        let change = self.declare_in_place(entity, definition)?;
        right_before.map_or(Ok(change), |right| self.check_sayings(entity, &right).map(|()| change))
    }

    fn declare_in_place(&mut self, entity: &str, definition: &FieldDefinition) -> Result<RegistryChange> {
        definition.check().map_err(|error| error.entity(entity))?;
        let kind = self.inferred(entity, definition.kind.clone());
        let kind = kind.map_err(|error| error.entity(entity).field(&definition.name))?;
        let kind = self.spelled_as_before(entity, definition, kind);
        let mut definition = FieldDefinition { kind, ..definition.clone() };
        let former_names = std::mem::take(&mut definition.former_names);
        if let Some(name) = &mut definition.value_set {
            *name = self.value_set(name).map_or_else(|_| name.clone(), ValueSet::api_name);
        }
        let codes = self.codes_for(&definition).map_err(|error| error.entity(entity))?;
        let mut laid = definition.clone();
        laid.lay_codes(&codes);
        self.check_links(entity, &laid)?;
        self.check_searchable(entity, &definition)?;
        let number = self.next_number();
        let entity = self.entity_mut(entity)?;
        entity.check_tree(&definition)?;
        let api_name = definition.api_name(&entity.definition.namespace);
        let computation = Computation::of(entity, &laid).map_err(|error| error.entity(&entity.api_name))?;
        check_controller(entity, &definition)?;
        let identity = (definition.namespace.clone(), definition.local);
        let same = |field: &Field| field.definition.is_same_as(&definition);
        let named = entity.by_name.get(&api_name).and_then(|place| entity.fields.get(*place));
        if named.is_some_and(|field| !same(field)) {
            return Err(Error::new(Code::DuplicateDefinition).entity(&entity.api_name).field(&api_name));
        }
        let change = match entity.fields.iter_mut().find(|field| same(field)) {
            Some(field) => field
                .redeclare(definition.clone(), api_name)
                .map_err(|error| error.entity(&entity.api_name))?,
            None => {
                let moving = entity.before(&definition).is_some();
                let fresh = Field::fresh(number, api_name, definition.clone());
                entity.fields.push(Field { moving, computation, ..fresh });
                RegistryChange::Changed
            }
        };
        let own = |field: &&mut Field| {
            (&field.definition.namespace, field.definition.local) == (&identity.0, identity.1)
        };
        let learned = entity.fields.iter_mut().find(own).map(|field| {
            if definition.value_set.is_some() {
                field.take_codes(codes);
            }
            field.learn_names(former_names)
        });
        let change = if learned == Some(RegistryChange::Changed) { RegistryChange::Changed } else { change };
        entity.index();
        let named = entity.api_name.clone();
        // Nobody had this number before, so whoever bears it now took it.
        if entity.field_by_id(FieldId::new(number)).is_some() {
            self.next_field = number.saturating_add(1);
        }
        self.touch(change);
        match definition.translations() {
            Some(translations) => Ok(self.declare_field(&named, &translations)?.or(change)),
            None => Ok(change),
        }
    }

    /// Links are found from their ends, and a search would count those whose ends somebody may not see.
    fn check_searchable(&self, entity: &str, definition: &FieldDefinition) -> Result<()> {
        let entity = self.entity(entity)?;
        if definition.search.is_none() || entity.definition.relation.is_none() {
            return Ok(());
        }
        let error = Error::new(Code::InvalidDefinition).entity(&entity.api_name).field(&definition.name);
        Err(error.rule("fields of a relation are not searched"))
    }

    /// Declares a rule of an entity that stands already, in place of the one of the same author and name.
    /// Records that stand are held against it when they are next saved.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.invalid_definition`, `schema.invalid_expression`.
    pub fn declare_rule(&mut self, entity: &str, definition: &RuleDefinition) -> Result<RegistryChange> {
        let entity = self.entity_mut(entity)?;
        let rule = Rule::of(entity, definition).map_err(|error| error.entity(&entity.api_name))?;
        let same = |known: &&mut Rule| known.definition.api_name() == definition.api_name();
        let change = match entity.rules.iter_mut().find(same) {
            Some(known) if known.definition == *definition => RegistryChange::Nothing,
            Some(known) => {
                *known = rule;
                RegistryChange::Changed
            }
            None => {
                entity.rules.push(rule);
                RegistryChange::Changed
            }
        };
        self.touch(change);
        Ok(change)
    }

    /// The number that the next field, index or counter gets.
    pub(super) fn next_number(&self) -> u32 {
        self.next_field.max(FIRST_FIELD)
    }

    /// Gives a number away for ever.
    pub(super) fn take_number(&mut self, number: u32) {
        self.next_field = number.saturating_add(1);
        self.touch(RegistryChange::Changed);
    }

    pub(super) fn entity_mut(&mut self, name: &str) -> Result<&mut Entity> {
        let number = self.entity(name)?.number;
        let position = self.by_number.get(&number).copied();
        position
            .and_then(|position| self.entities.get_mut(position))
            .ok_or_else(|| Error::new(Code::UnknownEntity).entity(name))
    }

    pub(super) fn entities_mut(&mut self) -> impl Iterator<Item = &mut Entity> {
        self.entities.iter_mut()
    }

    /// The number that the next field of an author would have in an entity.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn next_local(&self, entity: &str, namespace: &str) -> Result<u32> {
        let own = self.entity(entity)?.fields.iter().filter(|field| {
            field.definition.namespace == namespace && field.definition.translation_of.is_none()
        });
        Ok(own.map(|field| field.definition.local).max().unwrap_or(0).saturating_add(1))
    }

    fn add_entity(&mut self, name: &str, definition: EntityDefinition) {
        let number = self.next_entity.max(1);
        self.next_entity = number.saturating_add(1);
        self.entities.push(Entity {
            number,
            api_name: name.to_owned(),
            definition,
            fields: Vec::new(),
            former_names: Vec::new(),
            overrides: Vec::new(),
            rules: Vec::new(),
            machines: Vec::new(),
            indexes: Vec::new(),
            counters: Vec::new(),
            unique: Vec::new(),
            temporal: None,
            record_types: None,
            layouts: Vec::new(),
            dropped: Vec::new(),
            retired_local: 0,
            withdrawn: false,
            by_number: HashMap::new(),
            by_name: HashMap::new(),
            formulas: Vec::new(),
            links: Links::default(),
            validity: None,
            held: None,
        });
        self.index();
    }

    pub(super) fn touch(&mut self, change: RegistryChange) {
        if change == RegistryChange::Changed {
            self.version = self.version.saturating_add(1);
            self.link();
        }
    }

    /// A copy with a field as it would be, for a look at what others make of it.
    pub(super) fn with_field(&self, entity: &str, definition: &FieldDefinition) -> Result<Self> {
        let mut trial = self.clone();
        let number = trial.next_number();
        let entity = trial.entity_mut(entity)?;
        match entity.fields.iter_mut().find(|field| field.definition.is_same_as(definition)) {
            Some(field) => field.definition = definition.clone(),
            None => {
                let api_name = definition.api_name(&entity.definition.namespace);
                entity.fields.push(Field::fresh(number, api_name, definition.clone()));
            }
        }
        entity.index();
        trial.link();
        Ok(trial)
    }

    pub(super) fn set_links(&mut self, links: Vec<Links>) {
        for (entity, links) in self.entities.iter_mut().zip(links) {
            entity.links = links;
        }
    }

    /// Says of the rollups with these numbers whether every record is in them.
    pub(super) fn set_rollups_complete(&mut self, numbers: &[FieldId], complete: bool) {
        let fields = self.entities.iter_mut().flat_map(|entity| &mut entity.fields);
        fields.filter(|field| numbers.contains(&field.id())).for_each(|field| field.complete = complete);
    }

    pub(super) fn index(&mut self) {
        for entity in &mut self.entities {
            entity.index();
        }
        let positions = || self.entities.iter().enumerate();
        self.by_number = positions().map(|(position, entity)| (entity.number, position)).collect();
        self.by_name = positions().map(|(position, entity)| (entity.api_name.clone(), position)).collect();
        self.by_former_name = self.places_by_former_names();
        self.link();
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The field that controls the codes of another one is a field of codes itself.
pub(super) fn check_controller(entity: &Entity, definition: &FieldDefinition) -> Result<()> {
    let Some(name) = &definition.controlled_by else { return Ok(()) };
    let controller = entity.field(FieldName::Name(name))?;
    match &controller.definition.kind {
        FieldType::Enum { .. } => Ok(()),
        _ => Err(Error::new(Code::InvalidDefinition)
            .entity(&entity.api_name)
            .field(&definition.name)
            .rule("codes are controlled by a field of one code")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ValueKind;
    use crate::schema::IndexDefinition;

    fn note(local: u32, name: &str) -> FieldDefinition {
        FieldDefinition::new("x", local, name, Label::new("备注", "Note"), FieldType::Text)
    }

    fn thing() -> EntityDefinition {
        EntityDefinition {
            namespace: "crm".into(),
            local: 1,
            name: "thing".into(),
            label: Label::new("物", "Thing"),
            title: "name".into(),
            data_subject: false,
            fields: vec![FieldDefinition::new("crm", 1, "name", Label::new("名称", "Name"), FieldType::Text)],
            ..EntityDefinition::default()
        }
    }

    #[test]
    fn numbers_survive_a_reopening_and_a_second_declaration() {
        let mut registry = Registry::default();
        registry.declare_entity(&thing()).unwrap();
        registry.declare_field("thing", &note(1, "note")).unwrap();
        let number = registry.entity("thing").unwrap().field("x.note".into()).unwrap().id();
        let mut again = Registry::from_json(&registry.to_json().unwrap()).unwrap();
        assert_eq!(again.declare_entity(&thing()).unwrap(), RegistryChange::Nothing);
        assert_eq!(again.entity("crm.thing").unwrap().field("note".into()).unwrap().id(), number);
        again.declare_field("thing", &note(2, "other")).unwrap();
        assert_ne!(again.entity("thing").unwrap().field("other".into()).unwrap().id(), number);
    }

    #[test]
    fn a_field_never_changes_its_type() {
        let mut registry = Registry::default();
        registry.declare_entity(&thing()).unwrap();
        registry.declare_field("thing", &note(1, "note")).unwrap();
        let other = FieldDefinition { kind: FieldType::Int, ..note(1, "note") };
        assert_eq!(registry.declare_field("thing", &other).unwrap_err().code(), Code::InvalidDefinition);
    }

    #[test]
    fn an_index_is_kept_on_no_formula_that_changes_with_time_or_by_its_author() {
        let mut registry = Registry::default();
        registry.declare_entity(&thing()).unwrap();
        let formula = |local: u32, name: &str, expression: &str, gives: ValueKind, indexed: bool| {
            let kind = FieldType::Formula { expression: expression.to_owned(), gives };
            FieldDefinition { kind, indexed, ..note(local, name) }
        };
        let refused = |registry: &mut Registry, definition: &FieldDefinition| {
            let error = registry.declare_field("thing", definition).unwrap_err();
            (error.code(), error.rule_name().unwrap_or_default().to_owned())
        };
        registry.declare_field("thing", &formula(1, "day", "today()", ValueKind::Date, false)).unwrap();
        registry.declare_field("thing", &formula(2, "long", "size(name)", ValueKind::Int, true)).unwrap();
        let with_time = (Code::InvalidDefinition, "what changes with time has no index".to_owned());
        let year = formula(3, "year", "year(x.day)", ValueKind::Int, true);
        assert_eq!(refused(&mut registry, &year), with_time);
        let declared = IndexDefinition::new("x", 1, "by_day").rising("x.day");
        let error = registry.declare_index("thing", &declared).unwrap_err();
        assert_eq!((error.code(), error.rule_name()), (with_time.0, Some(with_time.1.as_str())));
        let other = formula(2, "long", "size(name) + 1", ValueKind::Int, true);
        assert_eq!(refused(&mut registry, &other).0, Code::InvalidDefinition);
        let circle = formula(1, "day", "x.day", ValueKind::Date, false);
        assert_eq!(refused(&mut registry, &circle).0, Code::InvalidDefinition);
    }

    #[test]
    fn two_fields_cannot_bear_one_name() {
        let mut registry = Registry::default();
        registry.declare_entity(&thing()).unwrap();
        registry.declare_field("thing", &note(1, "note")).unwrap();
        let error = registry.declare_field("thing", &note(2, "note")).unwrap_err();
        assert_eq!((error.code(), error.field_name()), (Code::DuplicateDefinition, Some("x.note")));
    }
}
