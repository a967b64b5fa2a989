//! By what people are known again: e-mail addresses, phone numbers and identity numbers, in one form each.

use crate::base::{Result, Value, fold};
use crate::schema::declare::codes;
use crate::schema::identifiers::Scheme;
use crate::schema::validate::normalize_kind;
use crate::schema::{Field, FieldType, PhoneRegion};

codes! {
    /// What kind of identifier it is.
    IdentifierKind {
        /// An e-mail address.
        Email = "email", "电子邮件", "E-mail";
        /// A phone number.
        Phone = "phone", "电话", "Phone";
        /// The identity number of a resident of China.
        IdentityNumber = "identity_number", "身份证号", "Identity number";
    }
}

impl IdentifierKind {
    fn of(kind: &FieldType) -> Option<Self> {
        match kind {
            FieldType::Email => Some(Self::Email),
            FieldType::Phone => Some(Self::Phone),
            FieldType::Identifier { scheme: Scheme::CnResidentIdentity } => Some(Self::IdentityNumber),
            _ => None,
        }
    }

    /// The form in which two ways of writing an identifier are one: that in which fields store it, and then width, case
    /// and script as in unique keys.
    ///
    /// # Errors
    /// Those of a field of the type, such as `schema.invalid_email`.
    pub fn normalized(self, text: &str, region: PhoneRegion) -> Result<String> {
        let kind = match self {
            Self::Email => FieldType::Email,
            Self::Phone => FieldType::Phone,
            Self::IdentityNumber => FieldType::Identifier { scheme: Scheme::CnResidentIdentity },
        };
        let stored = normalize_kind(&kind, Value::Text(text.trim().to_owned()), region)?;
        Ok(in_one_form(self, stored.as_text().unwrap_or_default()))
    }
}

/// What is stored is in one form already, but for numbers that did not parse and for capitals.
fn in_one_form(kind: IdentifierKind, stored: &str) -> String {
    let folded = fold(stored);
    match kind {
        IdentifierKind::Phone => {
            folded.chars().filter(|character| !matches!(character, ' ' | '-' | '(' | ')')).collect()
        }
        _ => folded,
    }
}

/// The identifiers in a stored value of a field, also within its rows, each in its one form.
#[must_use]
pub fn identifiers_in(field: &Field, value: &Value) -> Vec<(IdentifierKind, String)> {
    let mut found = Vec::new();
    collect(&field.definition.kind, value, &mut found);
    found
}

fn collect(kind: &FieldType, value: &Value, found: &mut Vec<(IdentifierKind, String)>) {
    if let FieldType::Rows { columns } = kind {
        for row in value.items() {
            columns.iter().for_each(|column| collect(&column.kind, row.part(&column.name), found));
        }
        return;
    }
    let text = value.as_text().filter(|text| !text.is_empty());
    if let (Some(kind), Some(text)) = (IdentifierKind::of(kind), text) {
        found.push((kind, in_one_form(kind, text)));
    }
}
