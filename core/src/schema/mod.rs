//! Floor 1: what an entity is. Definitions, the registry with its permanent numbers, and validation.
//!
//! It deliberately does not know the store, permissions, or any noun of the trade; built-in, plugin
//! and customer's own elements are the same to it.
//! Invariants: a number once given to an entity or field is never given again; an element that no
//! loaded extension declares any more stays readable.

mod changes;
mod composite;
mod computation;
pub(crate) mod declare;
mod definition;
mod derived;
mod document;
mod entity_names;
mod evolution;
pub mod expr;
mod field;
mod field_keys;
mod field_type;
mod guides;
mod identifiers;
mod layers;
mod layouts;
mod links;
mod mask;
mod modules;
mod newer;
mod package;
mod package_records;
mod person_name;
mod personal_identifiers;
mod phone;
mod privacy;
mod record_types;
mod registry;
mod relations;
mod retype;
mod rollup;
mod row_formulas;
mod rules;
mod settings;
mod states;
mod system;
mod temporal;
mod translations;
mod type_help;
mod typed;
mod unique;
mod validate;
mod validity;
mod value_sets;

pub use changes::{ChangeKind, Element, PropertyChange, SchemaChange, record_changes};
pub use definition::{EntityDefinition, FieldDefinition, OnDelete, SearchClass, valid_name, valid_namespace};
pub use derived::{
    Component, CounterDefinition, DeclaredCounter, DeclaredIndex, IndexDefinition, IndexField,
};
pub use evolution::Deprecation;
pub use field::Field;
pub use field_keys::FieldKeys;
pub use field_type::{EnumCode, FieldType, OpaqueType, RowColumn, SerialDate, SerialPart};
pub use guides::{GuideDefinition, GuideEvidence, GuideStep};
pub use identifiers::Scheme;
pub use layers::{CUSTOMER, EntityOverride, FieldOverride, Layer};
pub use layouts::{Device, LAYOUT_FACTS, LayoutDefinition, LayoutKind, SectionDefinition};
pub use links::{Figure, Lookup, Rollup, Source};
pub use mask::{MaskForm, mask};
pub use modules::{CUSTOM_MODULE, Module, ModuleDefinition, SYSTEM_MODULE};
pub use package::{EntityExtension, InstalledPackage, Package, Requirement};
pub use package_records::{PackageCommand, PackageGrant, PackageRole, PackageView};
pub use person_name::display_name;
pub use personal_identifiers::{IdentifierKind, identifiers_in};
pub use phone::{PhoneRegion, has_unparsed_phone, is_phone};
pub use privacy::Privacy;
pub use record_types::{RecordType, RecordTypeDefinition, RecordTypes, RecordTypesDefinition};
pub use registry::{Entity, FieldName, Registry, RegistryChange};
pub use relations::{Cardinality, Ends, FIRST_RELATION_FIELD, RelationDefinition, RelationSide};
pub use retype::Lens;
pub use rollup::{RollupDefinition, RollupFunction, RollupReaders};
pub use row_formulas::RowFormulas;
pub use rules::{FieldNames, Rule, RuleDefinition, Severity, compile_condition};
pub use settings::{Setting, SettingDefinition, SettingScope};
pub use states::{StateMachine, StateMachineDefinition, Step, Transition};
pub use system::SystemField;
pub use temporal::TemporalIndex;
pub(crate) use translations::with_translation;
pub use translations::{label_of, translation};
pub use type_help::{FIELD_TYPES, TypeHelp};
pub use typed::{
    AnyReference, Bool, Choice, Choices, Codes, Columns, DateOnly, DateTime, DecimalNumber, Email,
    EntityType, EntityTypes, FieldKind, Int, MoneyAmount, Phone, RecordReference, Reference, Rows, Text,
    TypedField,
};
pub use unique::{Normalizer, Reveal, UniqueDefinition, UniqueField, UniqueRule};
pub use validate::{is_email, normalize_value, parse_as, parse_text};
pub use validity::{Exclusion, Gathering, ValidTime, Validity};
pub use value_sets::{ValueSet, ValueSetDefinition, ValueSetOverride};
