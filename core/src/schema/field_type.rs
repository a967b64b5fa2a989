//! The types of fields: which values each takes, and what its author says of them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Label, RecordId, Result, Value, ValueKind};
use crate::schema::identifiers::Scheme;
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
        /// The codes with their labels, in their order.
        codes: Vec<EnumCode>,
    },
    /// Any codes of a closed list, each once, in the order of the list.
    MultiEnum {
        /// The codes with their labels, in their order.
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
    /// A phone number, E.164 where it parses, otherwise kept as it came.
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
        }
    }

    /// Whether a record may have several values in such a field.
    #[must_use]
    pub fn is_many(&self) -> bool {
        matches!(self, Self::MultiEnum { .. } | Self::MultiReference { .. } | Self::Rows { .. })
    }

    /// Whether an index may be kept on it: on a value with an order, on each of several codes or references, or on
    /// the cell of a place.
    #[must_use]
    pub fn is_indexable(&self) -> bool {
        !self.is_composite() || self.has_several() || self.has_cells()
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

    /// The entities that it refers to.
    #[must_use]
    pub fn targets(&self) -> &[String] {
        match self {
            Self::Reference { entity } | Self::MultiReference { entity } => std::slice::from_ref(entity),
            Self::AnyReference { entities } => entities,
            _ => &[],
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
        listed.chain(named)
    }

    /// The type with this stable name, for the types that have no parameters.
    ///
    /// # Errors
    /// `schema.invalid_definition` for an unknown name, and one that says not enough.
    pub fn from_name(name: &str) -> Result<Self> {
        serde_json::from_value(serde_json::json!({ "type": name }))
            .map_err(|_| Error::new(Code::InvalidDefinition).rule("field type").value(name))
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
    /// What values it takes: no rows, and nothing that is worked out.
    pub kind: FieldType,
    /// A row has a value in it.
    #[serde(default)]
    pub required: bool,
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
                | FieldType::Formula { .. }
                | FieldType::Lookup { .. }
                | FieldType::Rollup(_)
                | FieldType::Serial { .. }
                | FieldType::Reference { .. }
                | FieldType::MultiReference { .. }
                | FieldType::AnyReference { .. }
                | FieldType::Attachment
        );
        if nested {
            return fault("a column holds neither rows nor references nor what is worked out", &column.name);
        }
        column.kind.check()?;
    }
    Ok(())
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
