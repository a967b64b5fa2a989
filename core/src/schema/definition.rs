//! Definitions of entities and fields as their authors give them, before a database numbers them.

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Label, Result};
use crate::schema::privacy::are_purposes;
use crate::schema::translations::{TRANSLATIONS, translations_local};
use crate::schema::{
    CounterDefinition, Deprecation, FieldType, IndexDefinition, LayoutDefinition, MaskForm, Privacy,
    RecordTypesDefinition, RelationDefinition, Reveal, RollupReaders, RuleDefinition, StateMachineDefinition,
    UniqueDefinition, ValidTime,
};

/// How the text of a field is made searchable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchClass {
    /// A name: found by any part, and by pinyin.
    Title,
    /// Running text.
    Body,
    /// A phone number: found by any fragment of four digits.
    Phone,
    /// An e-mail address: found whole and by its parts.
    Email,
    /// A code or identifier: found whole and by fragments.
    Code,
}

/// A field as its author defines it. Its identity is (namespace, local), for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDefinition {
    /// Who defines it: `crm`, a plugin's id, or `x` for the customer's own.
    #[serde(default)]
    pub namespace: String,
    /// The author's number for it within the entity, never reused.
    pub local: u32,
    /// Name in the API, without namespace.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// What it is for, for people who fill it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Label>,
    /// What values it takes.
    pub kind: FieldType,
    /// For enum and multi_enum: the value set whose codes it takes, by API name. The type lists no codes of its own
    /// then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_set: Option<String>,
    /// What it tells of people. What follows from it inherits that; see [`Registry::privacy`].
    ///
    /// [`Registry::privacy`]: crate::schema::Registry::privacy
    #[serde(default, skip_serializing_if = "Privacy::is_none")]
    pub privacy: Privacy,
    /// What it may be used for, by stable codes; nothing said if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<String>,
    /// Which form its masks have; that of its type if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<MaskForm>,
    /// A record cannot be saved without it.
    #[serde(default)]
    pub required: bool,
    /// No two records have the same value (compared folded).
    #[serde(default)]
    pub unique: bool,
    /// Of a unique field: what a refused writer learns of a record that has the value and that they may not see.
    #[serde(default, skip_serializing_if = "Reveal::is_nothing")]
    pub reveal: Reveal,
    /// Lists sort and filter by it without reading every record.
    #[serde(default)]
    pub indexed: bool,
    /// Only verbs and extensions set it.
    #[serde(default)]
    pub read_only: bool,
    /// How it is searched, if it is.
    #[serde(default)]
    pub search: Option<SearchClass>,
    /// Headers under which imports find it, besides name and labels.
    #[serde(default)]
    pub synonyms: Vec<String>,
    /// For a reference, and for rows with references: what becomes of this record when one that it refers to is
    /// deleted.
    #[serde(default, skip_serializing_if = "OnDelete::is_restrict")]
    pub on_delete: OnDelete,
    /// For a reference to the entity itself: its records are a tree by it, and no record is above itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tree: bool,
    /// For a read-only reference to the entity itself: the API name of a tree's field. The engine keeps the
    /// topmost record of that tree here, and nothing in the topmost record itself. An index is kept on it
    /// only if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_of: Option<String>,
    /// The value of a new record that comes with none: an expression over the other fields.
    #[serde(default)]
    pub default: Option<String>,
    /// A condition under which a record cannot be saved without it: an expression over the fields.
    #[serde(default)]
    pub required_when: Option<String>,
    /// For a text: whether its values have translations.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub translatable: bool,
    /// Of a field that the engine declares itself: the author's number of the text whose translations it keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translation_of: Option<u32>,
    /// The name of the field whose code decides which codes of this one may be chosen, as each
    /// [`EnumCode::only_with`](crate::schema::EnumCode::only_with) says.
    #[serde(default)]
    pub controlled_by: Option<String>,
    /// Whether it is no longer to be used, though it still works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecation>,
    /// The author's number of the field whose name and values it took over, under a type of its own. It says so
    /// for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retypes: Option<u32>,
    /// The names in the API that it bore before, under which it is still found, as long as no other field bears
    /// them. A registry keeps them beside the definition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_names: Vec<String>,
}

/// What becomes of a record that refers to one that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// The deletion is refused, unless this record is deleted with it.
    #[default]
    Restrict,
    /// The reference is emptied.
    SetNull,
    /// This record is deleted too.
    Cascade,
}

impl OnDelete {
    fn is_restrict(&self) -> bool {
        *self == Self::Restrict
    }
}

impl FieldDefinition {
    /// A plain field.
    #[must_use]
    pub fn new(namespace: &str, local: u32, name: &str, label: Label, kind: FieldType) -> Self {
        Self {
            namespace: namespace.to_owned(),
            local,
            name: name.to_owned(),
            label,
            help: None,
            kind,
            value_set: None,
            privacy: Privacy::None,
            purposes: Vec::new(),
            mask: None,
            required: false,
            unique: false,
            reveal: Reveal::Nothing,
            indexed: false,
            read_only: false,
            search: None,
            synonyms: Vec::new(),
            on_delete: OnDelete::Restrict,
            tree: false,
            root_of: None,
            default: None,
            required_when: None,
            translatable: false,
            translation_of: None,
            controlled_by: None,
            deprecated: None,
            retypes: None,
            former_names: Vec::new(),
        }
    }

    /// Whether an index is kept on it: if it says so, if it is unique, and on every reference but the root of
    /// a tree.
    #[must_use]
    pub fn is_indexed(&self) -> bool {
        let refers = matches!(self.kind, FieldType::Reference { .. });
        self.indexed || self.unique || (refers && self.root_of.is_none())
    }

    /// Whether anything of it is said in expressions, which name other fields, or it names others by itself.
    #[must_use]
    pub fn has_expressions(&self) -> bool {
        let names = self.controlled_by.is_some() || self.kind.follows_others();
        self.expressions().next().is_some() || names
    }

    /// The same field as long as nothing of it names other fields; none for one that follows from others.
    #[must_use]
    pub(super) fn without_expressions(&self) -> Option<Self> {
        let follows = matches!(self.kind, FieldType::Formula { .. }) || self.kind.follows_others();
        let plain = Self { default: None, required_when: None, controlled_by: None, ..self.clone() };
        (!follows).then_some(plain)
    }

    /// The expressions: of the formula, the default, and the condition under which it is required.
    pub fn expressions(&self) -> impl Iterator<Item = &str> {
        let formula = match &self.kind {
            FieldType::Formula { expression, .. } => Some(expression),
            _ => None,
        };
        [formula, self.default.as_ref(), self.required_when.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// The name under which the API knows it: plain for the entity's own namespace, otherwise
    /// `namespace.name`.
    #[must_use]
    pub fn api_name(&self, entity_namespace: &str) -> String {
        if self.namespace == entity_namespace {
            self.name.clone()
        } else {
            format!("{}.{}", self.namespace, self.name)
        }
    }

    /// Whether another definition is of the same field.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.namespace == other.namespace && self.local == other.local
    }

    /// Checks name, namespace and properties.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming field and rule.
    pub fn check(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field(&self.name).rule(rule));
        if !valid_name(&self.name) {
            return fault("names are lower-case letters, digits and underscores, at most 63");
        }
        if !valid_namespace(&self.namespace) {
            return fault("namespaces are names joined by points");
        }
        let former = |name: &String| {
            name.len() <= 255 && valid_namespace(name.rsplit_once('.').map_or("x", |(space, _)| space))
        };
        let own_name = |name: &String| valid_name(name.rsplit('.').next().unwrap_or_default());
        if !self.former_names.iter().all(|name| former(name) && own_name(name)) {
            return fault("former names are names");
        }
        if self.label.is_partial() || self.help.as_ref().is_some_and(Label::is_partial) {
            return fault("labels stand in zh and en");
        }
        self.check_references()?;
        if self.translatable && !matches!(self.kind, FieldType::Text | FieldType::RichText) {
            return fault("only texts have translations");
        }
        if self.translation_of.map(translations_local) != (self.local >= TRANSLATIONS).then_some(self.local) {
            return fault("numbers from 2^31 on are those of the engine's own fields of translations");
        }
        match &self.kind {
            FieldType::Rollup(rollup) if self.indexed && rollup.readers == RollupReaders::Visible => {
                return fault("what each reader sees otherwise has no index");
            }
            // One record that many look up would take as many keys along as there are of these. Conditions on a
            // lookup are answered by the index of the field that it looks up.
            FieldType::Lookup { .. } if self.indexed => {
                return fault("a lookup has no index: the field that it looks up may have one");
            }
            _ => {}
        }
        let asked = self.unique || self.required || self.search.is_some();
        let said = self.default.is_some() || self.required_when.is_some();
        if self.kind.follows_others() && (asked || said) {
            return fault(
                "what follows from other records is not unique, and has no search, default or requirement",
            );
        }
        if self.reveal != Reveal::Nothing && !self.unique {
            return fault("only a unique field says what it reveals");
        }
        if self.unique && self.kind.is_composite() {
            return fault("lists and maps are not unique");
        }
        if self.indexed && !self.kind.is_indexable() {
            return fault("rows and maps have no index");
        }
        if matches!(self.kind, FieldType::Serial { .. }) && !(self.unique && self.read_only) {
            return fault("a serial number is unique and read-only");
        }
        if self.controlled_by.is_some() && self.kind.codes().is_none() {
            return fault("only codes are controlled by another field");
        }
        if !are_purposes(&self.purposes) {
            return fault("purposes are at most 32 codes, each once");
        }
        self.check_codes()
    }

    /// Checks what becomes of references, and what is made of them.
    fn check_references(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field(&self.name).rule(rule));
        if self.on_delete != OnDelete::Restrict && self.kind.targets().is_empty() {
            return fault("only a reference says what becomes of it on deletion");
        }
        let in_rows = match &self.kind {
            FieldType::Rows { columns } => {
                columns.iter().any(|column| column.required && !column.kind.targets().is_empty())
            }
            _ => self.required,
        };
        if self.on_delete == OnDelete::SetNull && in_rows {
            return fault("a required reference is not emptied");
        }
        let of_tree = self.tree || self.root_of.is_some();
        if of_tree && !matches!(self.kind, FieldType::Reference { .. }) {
            return fault("a tree is made of references");
        }
        if self.root_of.is_some() && (!self.read_only || self.tree || self.on_delete != OnDelete::Restrict) {
            return fault("the root of a tree is kept by the engine alone");
        }
        Ok(())
    }

    /// A field has codes of its own or those of a value set; of its own it keeps the ones that it had before.
    fn check_codes(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field(&self.name).rule(rule));
        match (&self.value_set, self.kind.codes()) {
            (Some(_), None) => fault("only codes come from a value set"),
            (Some(_), Some([])) => Ok(()),
            (Some(_), Some(codes)) if codes.iter().any(|code| code.active) => {
                fault("a field with a value set has no codes of its own")
            }
            _ => self.kind.check().map_err(|error| error.field(&self.name)),
        }
    }
}

/// An entity as its author defines it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EntityDefinition {
    /// Who defines it.
    #[serde(default)]
    pub namespace: String,
    /// The author's number for it, never reused.
    pub local: u32,
    /// Name in the API, without namespace.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// What its records are, for people who make them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Label>,
    /// Names under which files of other systems have its records, besides name and labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// The code of the module that it belongs to; see [`Entity::module`](crate::schema::Entity::module) for
    /// entities that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The field by which people know a record; references are resolved by it. A relation may leave it out.
    #[serde(default)]
    pub title: String,
    /// Whether each record is a person with rights to be forgotten, whose values are sealed under
    /// a key of their own.
    #[serde(default)]
    pub data_subject: bool,
    /// What makes its records links between two others. The fields of the sides and of validity follow from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<RelationDefinition>,
    /// What makes its records facts that hold on some days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_time: Option<ValidTime>,
    /// Whether every version of its records is kept, so that lists of the past read no history.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub temporal_index: bool,
    /// The fields.
    #[serde(default)]
    pub fields: Vec<FieldDefinition>,
    /// The indexes besides those of single fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IndexDefinition>,
    /// The counters by values of fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<CounterDefinition>,
    /// The rules that its records meet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleDefinition>,
    /// The state machines of its fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<StateMachineDefinition>,
    /// What no two records have in common, besides the values of unique fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<UniqueDefinition>,
    /// Its record types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_types: Option<RecordTypesDefinition>,
    /// Its layouts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layouts: Vec<LayoutDefinition>,
    /// The names in the API that it bore before, under which it is still found. A registry keeps them beside the
    /// definition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_names: Vec<String>,
}

impl EntityDefinition {
    /// The same entity without what a registry keeps apart from it: fields, indexes, counters, rules, states,
    /// unique rules, record types and layouts.
    #[must_use]
    pub fn bare(&self) -> Self {
        let mut bare = self.clone();
        bare.fields.clear();
        bare.indexes.clear();
        bare.counters.clear();
        bare.rules.clear();
        bare.states.clear();
        bare.unique.clear();
        bare.record_types = None;
        bare.layouts.clear();
        bare
    }

    /// The same entity in a module.
    #[must_use]
    pub fn in_module(mut self, code: &str) -> Self {
        self.module = Some(code.to_owned());
        self
    }

    /// The same entity with an index.
    #[must_use]
    pub fn with_index(mut self, index: IndexDefinition) -> Self {
        self.indexes.push(index);
        self
    }

    /// The same entity with a counter.
    #[must_use]
    pub fn with_counter(mut self, counter: CounterDefinition) -> Self {
        self.counters.push(counter);
        self
    }

    /// The name under which the API knows it: `namespace.name`.
    #[must_use]
    pub fn api_name(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }

    /// Checks the definition and all its fields.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming entity, field and rule.
    pub fn check(&self) -> Result<()> {
        let named = |error: Error| error.entity(&self.api_name());
        if !valid_name(&self.name) || !valid_namespace(&self.namespace) {
            return Err(named(Error::new(Code::InvalidDefinition).rule("name")));
        }
        for field in &self.fields {
            field.check().map_err(named)?;
        }
        if self.fields.iter().all(|field| field.name != self.title) {
            return Err(named(Error::new(Code::InvalidDefinition).field(&self.title).rule("title")));
        }
        Ok(())
    }
}

/// Whether a name is one: a lower-case ASCII letter, then letters, digits and underscores, at most 63.
#[must_use]
pub fn valid_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && name.len() <= 63
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Whether a namespace is one: names joined by points, at most 127 bytes.
#[must_use]
pub fn valid_namespace(namespace: &str) -> bool {
    namespace.len() <= 127 && namespace.split('.').all(valid_name)
}
