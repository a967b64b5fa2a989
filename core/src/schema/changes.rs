//! What one registry has that another has not: what people read before they let a change through, and what the
//! ledger keeps of it.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::schema::{Entity, Field, Layer, Module, Package, Registry, Setting, ValueSet};

/// What kind of element a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Element {
    /// An entity.
    Entity,
    /// A field.
    Field,
    /// An index.
    Index,
    /// A counter.
    Counter,
    /// A rule.
    Rule,
    /// A state machine.
    States,
    /// A unique rule.
    Unique,
    /// The record types of an entity.
    RecordTypes,
    /// A layout.
    Layout,
    /// What a higher layer changes of a field, an entity or a value set.
    Override,
    /// A module; its change names no entity.
    Module,
    /// A setting; its change names no entity.
    Setting,
    /// A value set; its change names no entity.
    ValueSet,
    /// A role with its grants; its change names no entity.
    Role,
    /// A saved view; its change names its entity.
    View,
    /// A command; its change names no entity.
    Command,
    /// A guide; its change names no entity.
    Guide,
}

/// What becomes of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Something of it is other than before.
    Changed,
    /// Its author takes it back; what is stored stays and can be read.
    Withdrawn,
    /// It was taken back, and is there again.
    Restored,
}

/// One property that is other than before; null where it was not said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PropertyChange {
    /// The property, as definitions name it.
    pub property: String,
    /// What it was.
    pub before: Json,
    /// What it is.
    pub after: Json,
}

/// What becomes of one element of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaChange {
    /// The entity, by API name; empty for a module, a setting or a value set.
    pub entity: String,
    /// What kind of element it is.
    pub element: Element,
    /// The element's name in the API.
    pub name: String,
    /// The layer that it comes from.
    pub layer: &'static str,
    /// What becomes of it.
    pub change: ChangeKind,
    /// The properties that are other than before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<PropertyChange>,
    /// Whether every record is read for it, because keys or counts follow from what stands.
    pub reads_records: bool,
}

impl Registry {
    /// What another registry, that came from this one, has other than this one.
    #[must_use]
    pub fn changes_to(&self, after: &Self) -> Vec<SchemaChange> {
        let mut changes = modules(self, after);
        changes.extend(settings(self, after));
        changes.extend(value_sets(self, after));
        for entity in after.entities() {
            match self.entity_by_id(entity.id()) {
                Ok(before) => between(before, entity, &mut changes),
                Err(_) => {
                    let change = Some((ChangeKind::Added, Vec::new()));
                    push(&mut changes, entity, Part::entity(entity), change, false);
                    added(entity, &mut changes);
                }
            }
        }
        changes
    }
}

/// What one version of a package declares beside the registry that another one does not, as roles and views.
#[must_use]
pub fn record_changes(before: &Package, after: &Package) -> Vec<SchemaChange> {
    let parts = |package: &Package| {
        let namespace = &package.package;
        let roles = package.roles.iter().map(|role| Part::plain(Element::Role, &role.name, namespace, role));
        let views = package.views.iter().map(|view| Part::plain(Element::View, &view.name, namespace, view));
        let commands = package.commands.iter();
        let commands =
            commands.map(|command| Part::plain(Element::Command, &command.label.en, namespace, command));
        let guides = package.guides.iter();
        let guides = guides.map(|guide| Part::plain(Element::Guide, &guide.name, namespace, guide));
        roles.chain(views).chain(commands).chain(guides).collect::<Vec<_>>()
    };
    let of_view = |part: &Part| part.said.get("entity").filter(|_| part.element == Element::View).cloned();
    let place =
        |part: &Part| (part.element, part.name.clone(), of_view(part), part.said.get("role").cloned());
    let mut gone = parts(before);
    let mut changes = Vec::new();
    let mut push = |part: Part, change: Option<(ChangeKind, Vec<PropertyChange>)>| {
        let entity = of_view(&part).and_then(|entity| entity.as_str().map(str::to_owned));
        let said = change.map(|(change, properties)| told(part, change, properties));
        changes.extend(said.map(|said| SchemaChange { entity: entity.unwrap_or_default(), ..said }));
    };
    for part in parts(after) {
        let known = gone.iter().position(|known| place(known) == place(&part));
        let known = known.map(|known| gone.swap_remove(known));
        let change = part.since(known.as_ref());
        push(part, change);
    }
    gone.into_iter().for_each(|part| push(part, Some((ChangeKind::Withdrawn, Vec::new()))));
    changes
}

/// The modules that are other than before. Whether one is off is told as a property of it.
fn modules(before: &Registry, after: &Registry) -> Vec<SchemaChange> {
    let known = |code: &str| before.module(code).map(Part::module).ok();
    let fresh = after.modules().iter().filter(|module| !before.modules().contains(module));
    fresh.filter_map(|module| of_registry(Part::module(module), known)).collect()
}

/// The settings that are other than before.
fn settings(before: &Registry, after: &Registry) -> Vec<SchemaChange> {
    let named = |name: &str| {
        before.settings().iter().find(|setting| setting.definition.api_name() == name).map(Part::setting)
    };
    let fresh = after.settings().iter().filter(|setting| !before.settings().contains(setting));
    fresh.filter_map(|setting| of_registry(Part::setting(setting), named)).collect()
}

/// The value sets that are other than before, and what layers change of them.
fn value_sets(before: &Registry, after: &Registry) -> Vec<SchemaChange> {
    if before.value_sets() == after.value_sets() {
        return Vec::new();
    }
    let laid = |registry: &Registry| -> Vec<Part> {
        let sets = registry.value_sets().iter();
        let laid = sets.flat_map(|set| set.overrides().iter().map(|changed| (set.api_name(), changed)));
        laid.map(|(name, said)| Part::plain(Element::Override, &name, &said.namespace, said)).collect()
    };
    let known = |part: &Part, parts: Vec<Part>| {
        parts.into_iter().find(|other| (&other.name, &other.namespace) == (&part.name, &part.namespace))
    };
    let sets = |registry: &Registry| registry.value_sets().iter().map(Part::value_set).collect::<Vec<_>>();
    let of_sets = sets(after).into_iter().filter_map(|part| {
        let standing = known(&part, sets(before));
        of_registry(part, |_| standing)
    });
    let of_layers = laid(after).into_iter().filter_map(|part| {
        let standing = known(&part, laid(before));
        of_registry(part, |_| standing)
    });
    let gone = laid(before).into_iter().filter(|part| known(part, laid(after)).is_none());
    let gone = gone.map(|part| told(part, ChangeKind::Withdrawn, Vec::new()));
    of_sets.chain(of_layers).chain(gone).collect()
}

/// What becomes of an element that is of no entity.
fn of_registry(part: Part, known: impl FnOnce(&str) -> Option<Part>) -> Option<SchemaChange> {
    let (change, properties) = part.since(known(&part.name).as_ref())?;
    Some(told(part, change, properties))
}

fn told(part: Part, change: ChangeKind, properties: Vec<PropertyChange>) -> SchemaChange {
    let layer = Layer::of(&part.namespace).name();
    let (entity, element, name, reads_records) = (String::new(), part.element, part.name, false);
    SchemaChange { entity, element, name, layer, change, properties, reads_records }
}

/// One element as it is compared.
struct Part {
    element: Element,
    name: String,
    namespace: String,
    /// What it says, as JSON.
    said: Json,
    withdrawn: bool,
}

impl Part {
    fn entity(entity: &Entity) -> Self {
        let namespace = entity.definition.namespace.clone();
        let (name, withdrawn) = (entity.api_name.clone(), entity.is_withdrawn());
        Self { element: Element::Entity, name, namespace, said: json_of(&entity.definition), withdrawn }
    }

    fn field(field: &Field) -> Self {
        let (name, namespace) = (field.api_name.clone(), field.definition.namespace.clone());
        let (said, withdrawn) = (json_of(field.declared()), field.is_withdrawn());
        Self { element: Element::Field, name, namespace, said, withdrawn }
    }

    fn module(module: &Module) -> Self {
        let (name, namespace) = (module.definition.code(), module.definition.namespace.clone());
        let mut said = json_of(&module.definition);
        if let Some(members) = said.as_object_mut() {
            members.insert("off".to_owned(), Json::Bool(module.is_off()));
        }
        Self { element: Element::Module, name, namespace, said, withdrawn: module.is_withdrawn() }
    }

    fn setting(setting: &Setting) -> Self {
        let definition = &setting.definition;
        let (name, namespace) = (definition.api_name(), definition.namespace.clone());
        let (said, withdrawn) = (json_of(definition), setting.is_withdrawn());
        Self { element: Element::Setting, name, namespace, said, withdrawn }
    }

    fn value_set(set: &ValueSet) -> Self {
        let (name, namespace) = (set.api_name(), set.definition.namespace.clone());
        let (said, withdrawn) = (json_of(&set.definition), set.is_withdrawn());
        Self { element: Element::ValueSet, name, namespace, said, withdrawn }
    }

    fn plain(element: Element, name: &str, namespace: &str, definition: &impl Serialize) -> Self {
        let (name, namespace) = (name.to_owned(), namespace.to_owned());
        Self { element, name, namespace, said: json_of(definition), withdrawn: false }
    }

    /// What becomes of it, if anything does.
    fn since(&self, before: Option<&Self>) -> Option<(ChangeKind, Vec<PropertyChange>)> {
        let Some(before) = before else { return Some((ChangeKind::Added, Vec::new())) };
        let properties = properties(&before.said, &self.said);
        match (before.withdrawn, self.withdrawn) {
            (false, true) => Some((ChangeKind::Withdrawn, properties)),
            (true, false) => Some((ChangeKind::Restored, properties)),
            _ if properties.is_empty() => None,
            _ => Some((ChangeKind::Changed, properties)),
        }
    }
}

fn between(before: &Entity, after: &Entity, changes: &mut Vec<SchemaChange>) {
    let said = |entity: &Entity| (entity.definition.clone(), entity.is_withdrawn());
    if said(before) != said(after) {
        let entity = Part::entity(after);
        let change = entity.since(Some(&Part::entity(before)));
        push(changes, after, entity, change, false);
    }
    for field in after.fields() {
        let known = before.field_by_id(field.id());
        // Most fields are as they were, which is told without writing them as JSON.
        if known != Some(field) {
            let part = Part::field(field);
            let change = part.since(known.map(Part::field).as_ref());
            let reads_records = field.gained_keys(known).any() || field.renews_rows(known);
            push(changes, after, part, change, reads_records);
        }
    }
    differing(indexes(before), indexes(after), after, changes, true);
    differing(counters(before), counters(after), after, changes, true);
    differing(rules(before), rules(after), after, changes, false);
    differing(machines(before), machines(after), after, changes, false);
    differing(unique(before), unique(after), after, changes, true);
    differing(record_types(before), record_types(after), after, changes, false);
    differing(layouts(before), layouts(after), after, changes, false);
    differing(overrides(before), overrides(after), after, changes, false);
}

/// Elements that are known by their names: those that are new or changed, for which records may be read, and
/// those that are gone.
fn differing(
    before: Vec<Part>,
    after: Vec<Part>,
    entity: &Entity,
    changes: &mut Vec<SchemaChange>,
    reads_records: bool,
) {
    let mut gone = before;
    for part in after {
        let known =
            gone.iter().position(|known| (&known.name, &known.namespace) == (&part.name, &part.namespace));
        let known = known.map(|place| gone.swap_remove(place));
        let change = part.since(known.as_ref());
        push(changes, entity, part, change, reads_records);
    }
    for part in gone {
        push(changes, entity, part, Some((ChangeKind::Withdrawn, Vec::new())), false);
    }
}

/// The parts of an entity that is new.
fn added(entity: &Entity, changes: &mut Vec<SchemaChange>) {
    let fields = entity.fields().iter().map(Part::field);
    let kept = [indexes(entity), counters(entity), unique(entity)];
    let others = [rules(entity), machines(entity), record_types(entity), layouts(entity), overrides(entity)];
    for part in fields.chain(kept.into_iter().chain(others).flatten()) {
        push(changes, entity, part, Some((ChangeKind::Added, Vec::new())), false);
    }
}

fn indexes(entity: &Entity) -> Vec<Part> {
    let parts = entity.indexes().iter().map(|index| {
        Part::plain(Element::Index, &index.api_name, &index.definition.namespace, &index.definition)
    });
    let temporal = entity.temporal().map(|_| Part {
        element: Element::Index,
        name: "temporal_index".to_owned(),
        namespace: entity.definition.namespace.clone(),
        said: Json::Null,
        withdrawn: false,
    });
    parts.chain(temporal).collect()
}

fn counters(entity: &Entity) -> Vec<Part> {
    let parts = entity.counters().iter().map(|counter| {
        Part::plain(Element::Counter, &counter.api_name, &counter.definition.namespace, &counter.definition)
    });
    parts.collect()
}

fn rules(entity: &Entity) -> Vec<Part> {
    let parts = entity.rules().iter().map(|rule| {
        let definition = &rule.definition;
        Part::plain(Element::Rule, &definition.api_name(), &definition.namespace, definition)
    });
    parts.collect()
}

fn unique(entity: &Entity) -> Vec<Part> {
    let parts = entity.unique_rules().iter().map(|rule| {
        let definition = &rule.definition;
        Part::plain(Element::Unique, &definition.api_name(), &definition.namespace, definition)
    });
    parts.collect()
}

fn record_types(entity: &Entity) -> Vec<Part> {
    let parts = entity.record_types().into_iter().map(|types| {
        let definition = &types.definition;
        Part::plain(Element::RecordTypes, &definition.field, &definition.namespace, definition)
    });
    parts.collect()
}

fn layouts(entity: &Entity) -> Vec<Part> {
    let parts = entity.layouts().iter();
    parts.map(|layout| Part::plain(Element::Layout, &layout.name(), &layout.namespace, layout)).collect()
}

fn machines(entity: &Entity) -> Vec<Part> {
    let parts = entity.machines().iter().map(|machine| {
        let definition = &machine.definition;
        Part::plain(Element::States, &definition.api_name(), &definition.namespace, definition)
    });
    parts.collect()
}

fn overrides(entity: &Entity) -> Vec<Part> {
    let of_field = |field: &Field| -> Vec<Part> {
        let name = field.api_name.clone();
        let parts = field.overrides().iter();
        parts.map(|changed| Part::plain(Element::Override, &name, &changed.namespace, changed)).collect()
    };
    let of_entity = entity.overrides().iter();
    let of_entity = of_entity
        .map(|changed| Part::plain(Element::Override, &entity.api_name, &changed.namespace, changed));
    of_entity.chain(entity.fields().iter().flat_map(of_field)).collect()
}

fn push(
    changes: &mut Vec<SchemaChange>,
    entity: &Entity,
    part: Part,
    change: Option<(ChangeKind, Vec<PropertyChange>)>,
    reads_records: bool,
) {
    let Some((change, properties)) = change else { return };
    let layer = Layer::of(&part.namespace).name();
    let (entity, element, name) = (entity.api_name.clone(), part.element, part.name);
    changes.push(SchemaChange { entity, element, name, layer, change, properties, reads_records });
}

fn json_of(definition: &impl Serialize) -> Json {
    serde_json::to_value(definition).unwrap_or_default()
}

/// The properties of two definitions that differ.
fn properties(before: &Json, after: &Json) -> Vec<PropertyChange> {
    let none = Map::new();
    let (before, after) = (before.as_object().unwrap_or(&none), after.as_object().unwrap_or(&none));
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let said = |map: &Map<String, Json>, name: &String| map.get(name).cloned().unwrap_or_default();
    let changes = names.map(|name| PropertyChange {
        property: name.clone(),
        before: said(before, name),
        after: said(after, name),
    });
    changes.filter(|change| change.before != change.after).collect()
}
