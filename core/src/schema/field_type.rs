//! The types of fields: which values each takes, and what its author says of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Label, RecordId, Result, Value, ValueKind};
use crate::schema::identifiers::Scheme;
use crate::schema::row_formulas::{formulas_of, work_out};
use crate::schema::{RollupDefinition, valid_name};

/// Most columns of the rows within a record.
const MAX_COLUMNS: usize = 64;

/// What values a field takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldType {
    /// Text in Unicode form NFC, at most `MAX_TEXT_BYTES`.
    Text,
    /// Text with marks as `CommonMark` has them, kept as it came but for Unicode form NFC.
    RichText,
    /// True or false.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// An exact decimal.
    Decimal,
    /// A share in hundredths, as an exact decimal: 12.5 is 12.5 %.
    Percent,
    /// An amount in a currency.
    Money,
    /// A day.
    Date,
    /// A moment.
    #[serde(rename = "datetime")]
    DateTime,
    /// A time of day without a zone.
    Time,
    /// A length of time.
    Duration,
    /// One code of a closed list.
    Enum {
        /// The codes with their labels, in their order; none where the field has a value set.
        #[serde(default)]
        codes: Vec<EnumCode>,
    },
    /// Any codes of a closed list, each once, in the order of the list.
    MultiEnum {
        /// The codes with their labels, in their order; none where the field has a value set.
        #[serde(default)]
        codes: Vec<EnumCode>,
    },
    /// A record of another entity. What its deletion means for this one is said by `on_delete`.
    Reference {
        /// Name of the entity referred to.
        entity: String,
    },
    /// Several records of another entity, each once. What the deletion of one means is said by `on_delete`.
    MultiReference {
        /// Name of the entity referred to.
        entity: String,
    },
    /// A record of one of several entities, as a map of `entity` and `id`.
    AnyReference {
        /// Names of the entities referred to.
        entities: Vec<String>,
    },
    /// Rows that belong to the record, as a list of maps by column.
    Rows {
        /// The columns.
        columns: Vec<RowColumn>,
    },
    /// A postal address, as a map of `country` (ISO 3166-1, two letters), `region_code` (GB/T 2260),
    /// `province`, `city`, `district`, `street`, `postal_code`, and `raw` for what was not taken apart.
    Address,
    /// A phone number, E.164 where it parses, otherwise kept as it was written; see
    /// [`is_phone`](crate::schema::is_phone).
    Phone,
    /// An e-mail address (RFC 5321 with a domain), its domain in lower case.
    Email,
    /// An absolute URL with scheme and host (RFC 3986).
    Url,
    /// A person's name, as a map of `full`, and of `family`, `given`, `middle`, `prefix`, `suffix` and
    /// `order` (`family_first` or `given_first`) where they are known.
    PersonName,
    /// A point on the earth in WGS 84, as a map of `latitude` and `longitude` in degrees.
    GeoPoint,
    /// One of the attachments of the record.
    Attachment,
    /// Any JSON.
    Json,
    /// A number that the engine gives once, when the record is made: texts, dates and a counter.
    Serial {
        /// What it is put together from.
        parts: Vec<SerialPart>,
    },
    /// An identifier that its scheme can check, written without separators.
    Identifier {
        /// The scheme.
        scheme: Scheme,
    },
    /// What an expression over the other fields of the record gives. Nobody sets it.
    Formula {
        /// The expression.
        expression: String,
        /// What it gives; null where its author leaves that to the expression.
        #[serde(default = "unsaid")]
        gives: ValueKind,
    },
    /// A field of the record that a reference of this one leads to, looked up when it is read. Nobody sets
    /// it. A reader who may not see that record or that field gets no value.
    Lookup {
        /// The reference, by its API name.
        through: String,
        /// The field of the entity referred to, by its API name.
        field: String,
        /// What it gives; null where its author leaves that to the field.
        #[serde(default = "unsaid")]
        gives: ValueKind,
    },
    /// What the records come to that refer to this one. Nobody sets it.
    Rollup(RollupDefinition),
    /// What this engine does not understand, because a newer one declared it. Nobody declares it, and nobody sets it.
    #[serde(skip)]
    Opaque(OpaqueType),
}

/// What is known of the type of a field that this engine does not understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaqueType {
    /// The name of the type, as the newer engine has it.
    pub said: String,
    /// Whether records have keys by it, as a reference has, so that this engine cannot write them.
    pub has_keys: bool,
    /// The entity of whose records it tells something, as a rollup does, so that this engine cannot write those.
    pub over: Option<String>,
}

pub(super) fn unsaid() -> ValueKind {
    ValueKind::Null
}

impl FieldType {
    /// The stable name of the type, as JSON and plugins use it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::RichText => "rich_text",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Decimal => "decimal",
            Self::Percent => "percent",
            Self::Money => "money",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Time => "time",
            Self::Duration => "duration",
            Self::Enum { .. } => "enum",
            Self::MultiEnum { .. } => "multi_enum",
            Self::Reference { .. } => "reference",
            Self::MultiReference { .. } => "multi_reference",
            Self::AnyReference { .. } => "any_reference",
            Self::Rows { .. } => "rows",
            Self::Address => "address",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Url => "url",
            Self::PersonName => "person_name",
            Self::GeoPoint => "geo_point",
            Self::Attachment => "attachment",
            Self::Json => "json",
            Self::Serial { .. } => "serial",
            Self::Identifier { .. } => "identifier",
            Self::Formula { .. } => "formula",
            Self::Lookup { .. } => "lookup",
            Self::Rollup(_) => "rollup",
            Self::Opaque(_) => "opaque",
        }
    }

    /// The kind of the values that are stored, or given by what is worked out.
    #[must_use]
    pub fn value_kind(&self) -> ValueKind {
        match self {
            Self::Text
            | Self::RichText
            | Self::Enum { .. }
            | Self::Phone
            | Self::Email
            | Self::Url
            | Self::Serial { .. }
            | Self::Identifier { .. } => ValueKind::Text,
            Self::Bool => ValueKind::Bool,
            Self::Int => ValueKind::Int,
            Self::Decimal | Self::Percent => ValueKind::Decimal,
            Self::Money => ValueKind::Money,
            Self::Date => ValueKind::Date,
            Self::DateTime => ValueKind::DateTime,
            Self::Time => ValueKind::Time,
            Self::Duration => ValueKind::Duration,
            Self::Reference { .. } | Self::Attachment => ValueKind::Id,
            Self::MultiEnum { .. } | Self::MultiReference { .. } | Self::Rows { .. } => ValueKind::List,
            Self::AnyReference { .. } | Self::Address | Self::PersonName | Self::GeoPoint | Self::Json => {
                ValueKind::Map
            }
            Self::Formula { gives, .. } | Self::Lookup { gives, .. } => *gives,
            Self::Rollup(rollup) => rollup.gives,
            Self::Opaque(_) => ValueKind::Opaque,
        }
    }

    /// Whether this engine does not understand it.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        matches!(self, Self::Opaque(_))
    }

    /// Whether a record may have several values in such a field.
    #[must_use]
    pub fn is_many(&self) -> bool {
        matches!(self, Self::MultiEnum { .. } | Self::MultiReference { .. } | Self::Rows { .. })
    }

    /// Whether an index may be kept on it: on a value with an order, on each of several codes or references, on the
    /// cell of a place, or on a whole reference to one of several entities.
    #[must_use]
    pub fn is_indexable(&self) -> bool {
        !self.is_composite() || self.has_several() || self.has_cells() || self.names_entity()
    }

    /// Whether a value says of which entity the record is that it refers to.
    #[must_use]
    pub fn names_entity(&self) -> bool {
        matches!(self, Self::AnyReference { .. })
    }

    /// Whether an index finds its values by where they lie, and puts them in no order that anybody asks for.
    #[must_use]
    pub fn has_cells(&self) -> bool {
        matches!(self, Self::GeoPoint)
    }

    /// Whether a record has several codes or references in it, each of which is found by an index.
    #[must_use]
    pub fn has_several(&self) -> bool {
        matches!(self, Self::MultiEnum { .. } | Self::MultiReference { .. })
    }

    /// Whether its values are texts that people sort as words, rather than codes.
    #[must_use]
    pub fn is_collated(&self) -> bool {
        self.value_kind() == ValueKind::Text && self.codes().is_none()
    }

    /// Whether its values are lists or maps.
    #[must_use]
    pub fn is_composite(&self) -> bool {
        matches!(self.value_kind(), ValueKind::List | ValueKind::Map)
    }

    /// Whether its values follow from the fields of records, so that nobody sets them.
    #[must_use]
    pub fn is_worked_out(&self) -> bool {
        matches!(self, Self::Formula { .. }) || self.follows_others()
    }

    /// Whether its values follow from other records than their own.
    #[must_use]
    pub fn follows_others(&self) -> bool {
        matches!(self, Self::Lookup { .. } | Self::Rollup(_))
    }

    /// The codes of a closed list.
    #[must_use]
    pub fn codes(&self) -> Option<&[EnumCode]> {
        match self {
            Self::Enum { codes } | Self::MultiEnum { codes } => Some(codes),
            _ => None,
        }
    }

    /// The type as it stands after another one: codes that it no longer lists are retired, since records may
    /// have them.
    #[must_use]
    pub(super) fn after(mut self, old: &Self) -> Self {
        if let Self::Enum { codes } | Self::MultiEnum { codes } = &mut self {
            let old = old.codes().unwrap_or_default().iter();
            let gone = old.filter(|old| codes.iter().all(|code| code.code != old.code));
            let gone: Vec<EnumCode> = gone.map(|code| EnumCode { active: false, ..code.clone() }).collect();
            codes.extend(gone);
        }
        self
    }

    /// The entities that it refers to, by itself or by columns of its rows.
    #[must_use]
    pub fn targets(&self) -> Vec<&String> {
        match self {
            Self::Reference { entity } | Self::MultiReference { entity } => vec![entity],
            Self::AnyReference { entities } => entities.iter().collect(),
            Self::Rows { columns } => columns.iter().flat_map(|column| column.kind.targets()).collect(),
            _ => Vec::new(),
        }
    }

    /// A value of this type without the records that go: nothing where no other is left.
    #[must_use]
    pub fn without(&self, value: &Value, going: &BTreeSet<RecordId>) -> Value {
        let goes = |id: Option<RecordId>| id.is_some_and(|id| going.contains(&id));
        match (self, value) {
            (Self::Rows { columns }, Value::List(rows)) => {
                // What is worked out of a row may follow from what goes.
                let formulas = formulas_of(columns).unwrap_or_default();
                let left = |row: &Value| {
                    let mut parts = without_in_row(columns, row, going);
                    work_out(columns, &formulas, &mut parts);
                    Value::Map(parts)
                };
                Value::List(rows.iter().map(left).collect())
            }
            (Self::MultiReference { .. }, Value::List(items)) => {
                let left: Vec<Value> = items.iter().filter(|item| !goes(item.as_id())).cloned().collect();
                if left.is_empty() { Value::Null } else { Value::List(left) }
            }
            (Self::Reference { .. }, value) if goes(value.as_id()) => Value::Null,
            (Self::AnyReference { .. }, value) if goes(value.part("id").as_id()) => Value::Null,
            (_, value) => value.clone(),
        }
    }

    /// The records that a value of this type refers to, each with the name of its entity.
    pub fn references<'a>(&'a self, value: &'a Value) -> impl Iterator<Item = (&'a str, RecordId)> {
        let single = match self {
            Self::Reference { entity } | Self::MultiReference { entity } => Some(entity.as_str()),
            _ => None,
        };
        let listed = value.items().filter_map(move |item| Some((single?, item.as_id()?)));
        let named = match self {
            Self::AnyReference { .. } => value.part("entity").as_text().zip(value.part("id").as_id()),
            _ => None,
        };
        let in_rows = match self {
            Self::Rows { columns } => in_rows(columns, value),
            _ => Vec::new(),
        };
        listed.chain(named).chain(in_rows)
    }

    /// The records that a value in a column refers to.
    fn of_column<'a>(&'a self, value: &'a Value) -> Vec<(&'a str, RecordId)> {
        match self {
            Self::Reference { entity } | Self::MultiReference { entity } => {
                value.items().filter_map(|item| Some((entity.as_str(), item.as_id()?))).collect()
            }
            Self::AnyReference { .. } => {
                value.part("entity").as_text().zip(value.part("id").as_id()).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The type with this stable name, for the types that have no parameters.
    ///
    /// # Errors
    /// `schema.invalid_definition` for an unknown name, and one that says not enough.
    pub fn from_name(name: &str) -> Result<Self> {
        let known: Option<Self> = serde_json::from_value(serde_json::json!({ "type": name })).ok();
        let whole = known.filter(|kind| kind.check().is_ok());
        whole.ok_or_else(|| Error::new(Code::InvalidDefinition).rule("field type").value(name))
    }

    /// Checks what the author says of the type.
    ///
    /// # Errors
    /// `schema.invalid_definition` naming the rule.
    pub fn check(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).rule(rule));
        match self {
            Self::Enum { codes } | Self::MultiEnum { codes } => check_codes(codes),
            Self::AnyReference { entities } if entities.is_empty() => fault("a reference names an entity"),
            Self::Rows { columns } => check_columns(columns),
            Self::Serial { parts } => check_parts(parts),
            Self::Rollup(rollup) => rollup.check(),
            Self::Opaque(_) => fault("a type that this version knows"),
            _ => Ok(()),
        }
    }
}

/// One code of an enum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnumCode {
    /// The stable code, as stored.
    pub code: String,
    /// What people read.
    pub label: Label,
    /// Whether it may be chosen; records that have it already keep it.
    #[serde(default = "yes")]
    pub active: bool,
    /// The name of a colour that hosts show it in.
    #[serde(default)]
    pub color: Option<String>,
    /// The codes of the controlling field with which it may be chosen; none for all of them.
    #[serde(default)]
    pub only_with: BTreeSet<String>,
}

impl EnumCode {
    /// A code that may be chosen.
    #[must_use]
    pub fn new(code: &str, label: Label) -> Self {
        Self { code: code.to_owned(), label, active: true, color: None, only_with: BTreeSet::new() }
    }
}

fn yes() -> bool {
    true
}

/// One column of the rows within a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowColumn {
    /// Its name, for ever.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// What values it takes: no rows, attachments or several references. A formula is worked out from other columns of
    /// the row, those before it among what is worked out, when the row is stored. What the deletion of a record
    /// means to which it refers is said by `on_delete` of the field.
    pub kind: FieldType,
    /// A row has a value in it.
    #[serde(default)]
    pub required: bool,
}

/// The records that columns of rows refer to.
fn in_rows<'a>(columns: &'a [RowColumn], rows: &'a Value) -> Vec<(&'a str, RecordId)> {
    let referring = || columns.iter().filter(|column| !column.kind.targets().is_empty());
    rows.items()
        .flat_map(|row| referring().flat_map(|column| column.kind.of_column(row.part(&column.name))))
        .collect()
}

fn without_in_row(columns: &[RowColumn], row: &Value, going: &BTreeSet<RecordId>) -> BTreeMap<String, Value> {
    let Value::Map(parts) = row else { return BTreeMap::new() };
    let kept = parts.iter().filter_map(|(name, part)| {
        let column = columns.iter().find(|column| column.name == *name);
        let part = column.map_or_else(|| part.clone(), |column| column.kind.without(part, going));
        (!part.is_null()).then(|| (name.clone(), part))
    });
    kept.collect()
}

/// One part of a serial number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum SerialPart {
    /// A text as it stands.
    Text {
        /// The text.
        text: String,
    },
    /// The day on which the record is made, in the zone of the organisation.
    Date {
        /// How much of it: `YYYY`, `YYYYMM` or `YYYYMMDD`.
        format: SerialDate,
    },
    /// The next number, with leading zeros. It begins again at 1 where the dates of the number change, if
    /// it has any.
    Counter {
        /// Fewest digits.
        digits: u8,
    },
}

/// How much of a day a serial number shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SerialDate {
    /// The year.
    #[serde(rename = "YYYY")]
    Year,
    /// Year and month.
    #[serde(rename = "YYYYMM")]
    Month,
    /// Year, month and day.
    #[serde(rename = "YYYYMMDD")]
    Day,
}

fn check_codes(codes: &[EnumCode]) -> Result<()> {
    let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).rule(rule));
    let mut seen = BTreeSet::new();
    if codes.is_empty() {
        return fault("an enum has at least one code");
    }
    if codes.iter().any(|code| code.code.is_empty() || !seen.insert(&code.code)) {
        return fault("each code stands once and is not empty");
    }
    Ok(())
}

fn check_columns(columns: &[RowColumn]) -> Result<()> {
    let fault = |rule: &str, name: &str| Err(Error::new(Code::InvalidDefinition).rule(rule).value(name));
    let mut seen = BTreeSet::new();
    if columns.is_empty() || columns.len() > MAX_COLUMNS {
        return fault("rows have 1 to 64 columns", "");
    }
    for column in columns {
        if !valid_name(&column.name) || !seen.insert(&column.name) {
            return fault("each column has a name of its own", &column.name);
        }
        if column.label.is_partial() {
            return fault("labels stand in zh and en", &column.name);
        }
        let nested = matches!(
            column.kind,
            FieldType::Rows { .. }
                | FieldType::MultiReference { .. }
                | FieldType::Lookup { .. }
                | FieldType::Rollup(_)
                | FieldType::Serial { .. }
                | FieldType::Attachment
        );
        if nested {
            return fault(
                "a column holds no rows, no several references, no attachments, and nothing that follows from others",
                &column.name,
            );
        }
        if column.required && column.kind.is_worked_out() {
            return fault("what is worked out is not required", &column.name);
        }
        column.kind.check()?;
    }
    formulas_of(columns).map(drop)
}

fn check_parts(parts: &[SerialPart]) -> Result<()> {
    let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).rule(rule));
    let counters = parts.iter().filter(|part| matches!(part, SerialPart::Counter { .. })).count();
    let too_wide = |part: &SerialPart| matches!(part, SerialPart::Counter { digits } if *digits > 18);
    if counters != 1 || parts.iter().any(too_wide) {
        return fault("a serial number has one counter of at most 18 digits");
    }
    Ok(())
}
