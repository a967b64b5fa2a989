//! Definitions of entities and fields as their authors give them, before a database numbers them.

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Label, Result, ValueKind};
use crate::schema::{CounterDefinition, IndexDefinition};

/// What values a field takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldType {
    /// Text in Unicode form NFC, at most `MAX_TEXT_BYTES`.
    Text,
    /// True or false.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// An exact decimal.
    Decimal,
    /// An amount in a currency.
    Money,
    /// A day.
    Date,
    /// A moment.
    #[serde(rename = "datetime")]
    DateTime,
    /// One code of a closed list.
    Enum {
        /// The codes with their labels, in their order.
        codes: Vec<EnumCode>,
    },
    /// A record of another entity; deleting that record is refused while this one refers to it.
    Reference {
        /// Name of the entity referred to.
        entity: String,
    },
    /// A phone number, E.164 where it parses, otherwise kept as it came.
    Phone,
    /// An e-mail address (RFC 5321 with a domain), its domain in lower case.
    Email,
}

impl FieldType {
    /// The stable name of the type, as JSON and plugins use it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Decimal => "decimal",
            Self::Money => "money",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Enum { .. } => "enum",
            Self::Reference { .. } => "reference",
            Self::Phone => "phone",
            Self::Email => "email",
        }
    }

    /// The kind of the values that are stored.
    #[must_use]
    pub fn value_kind(&self) -> ValueKind {
        match self {
            Self::Text | Self::Enum { .. } | Self::Phone | Self::Email => ValueKind::Text,
            Self::Bool => ValueKind::Bool,
            Self::Int => ValueKind::Int,
            Self::Decimal => ValueKind::Decimal,
            Self::Money => ValueKind::Money,
            Self::Date => ValueKind::Date,
            Self::DateTime => ValueKind::DateTime,
            Self::Reference { .. } => ValueKind::Id,
        }
    }

    /// The type with this stable name, for the types that have no parameters.
    ///
    /// # Errors
    /// `schema.invalid_definition` for an unknown name.
    pub fn from_name(name: &str) -> Result<Self> {
        let simple = [
            Self::Text,
            Self::Bool,
            Self::Int,
            Self::Decimal,
            Self::Money,
            Self::Date,
            Self::DateTime,
            Self::Phone,
            Self::Email,
        ];
        simple
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| Error::new(Code::InvalidDefinition).rule("field type").value(name))
    }
}

/// One code of an enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnumCode {
    /// The stable code, as stored.
    pub code: String,
    /// What people read.
    pub label: Label,
}

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
    pub namespace: String,
    /// The author's number for it within the entity, never reused.
    pub local: u32,
    /// Name in the API, without namespace.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// What values it takes.
    pub kind: FieldType,
    /// A record cannot be saved without it.
    #[serde(default)]
    pub required: bool,
    /// No two records have the same value (compared folded).
    #[serde(default)]
    pub unique: bool,
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
            kind,
            required: false,
            unique: false,
            indexed: false,
            read_only: false,
            search: None,
            synonyms: Vec::new(),
        }
    }

    /// Whether an index is kept on it: if it says so, if it is unique, and on every reference.
    #[must_use]
    pub fn is_indexed(&self) -> bool {
        self.indexed || self.unique || matches!(self.kind, FieldType::Reference { .. })
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
        if self.label.zh.is_empty() || self.label.en.is_empty() {
            return fault("labels stand in zh and en");
        }
        match &self.kind {
            FieldType::Enum { codes } if codes.is_empty() => fault("an enum has at least one code"),
            _ => Ok(()),
        }
    }
}

/// An entity as its author defines it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityDefinition {
    /// Who defines it.
    pub namespace: String,
    /// The author's number for it, never reused.
    pub local: u32,
    /// Name in the API, without namespace.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// The field by which people know a record; references are resolved by it.
    pub title: String,
    /// Whether each record is a person with rights to be forgotten, whose values are sealed under
    /// a key of their own.
    #[serde(default)]
    pub data_subject: bool,
    /// The fields.
    pub fields: Vec<FieldDefinition>,
    /// The indexes besides those of single fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IndexDefinition>,
    /// The counters by values of fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<CounterDefinition>,
}

impl EntityDefinition {
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
