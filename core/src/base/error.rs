//! The one error of the engine: opaque, with a stable code and the place it speaks of.
//!
//! It names no other room. Values of callers may stand in it only where the caller itself sent them;
//! keys, passphrases and values of records never do.

use std::fmt;

use crate::base::{Code, FieldId, Label, Locale, RecordId};

/// Result with the engine's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Longest piece of a caller's own value that an error repeats, in characters.
const MAX_QUOTED: usize = 80;

/// What went wrong, where, and by which rule. Match on [`Error::code`].
pub struct Error(Box<Inner>);

#[derive(Default)]
struct Inner {
    code: Option<Code>,
    entity: Option<String>,
    record: Option<String>,
    field: Option<String>,
    rule: Option<String>,
    value: Option<String>,
    plugin: Option<String>,
    concealed: Option<Code>,
    held: Option<(RecordId, Option<FieldId>)>,
    holder: Option<Holder>,
    said: Option<Label>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What a refused writer is told of the record that has the value which no two have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The record, which the writer sees.
    Record(RecordId),
    /// That it is one which the writer may not see.
    Unseen,
    /// Whose it is: the user and the user's name. The writer may not see the record.
    Owner {
        /// The user.
        id: RecordId,
        /// The name to sign in with.
        name: String,
    },
}

impl Holder {
    fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Record(id) => serde_json::json!({"reveals": "record", "record": id.to_string()}),
            Self::Unseen => serde_json::json!({"reveals": "existence"}),
            Self::Owner { id, name } => {
                serde_json::json!({"reveals": "owner", "owner": id.to_string(), "owner_name": name})
            }
        }
    }

    fn sentence(&self, locale: Locale) -> String {
        match (self, locale) {
            (Self::Record(id), _) => format!(" [{id}]"),
            (Self::Unseen, Locale::English) => "; you may not see that record".to_owned(),
            (Self::Unseen, Locale::SimplifiedChinese) => "；您无权查看该记录".to_owned(),
            (Self::Owner { name, .. }, Locale::English) => format!("; that record belongs to {name}"),
            (Self::Owner { name, .. }, Locale::SimplifiedChinese) => format!("；该记录的负责人是 {name}"),
        }
    }
}

impl Code {
    /// Whether it says what is wrong with one record, so that a work over many goes on with the next.
    #[must_use]
    pub(crate) fn is_of_record(self) -> bool {
        ["schema.", "record."].iter().any(|room| self.key().starts_with(room))
    }
}

impl Error {
    /// An error of this code.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self(Box::new(Inner { code: Some(code), ..Inner::default() }))
    }

    /// Names the entity, unless one is named already.
    #[must_use]
    pub fn entity(mut self, entity: &str) -> Self {
        self.0.entity.get_or_insert_with(|| entity.to_owned());
        self
    }

    /// Names the record, unless one is named already.
    #[must_use]
    pub fn record(mut self, record: impl fmt::Display) -> Self {
        self.0.record.get_or_insert_with(|| record.to_string());
        self
    }

    /// Names the field, parameter or column, unless one is named already.
    #[must_use]
    pub fn field(mut self, field: &str) -> Self {
        self.0.field.get_or_insert_with(|| field.to_owned());
        self
    }

    /// Names what the field named so far lies in: `lines` of `lines.2.quantity`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        let inner = self.0.field.take();
        self.0.field = Some(inner.map_or_else(|| outer.to_owned(), |inner| format!("{outer}.{inner}")));
        self
    }

    /// Names the rule that was broken.
    #[must_use]
    pub fn rule(mut self, rule: &str) -> Self {
        self.0.rule = Some(rule.to_owned());
        self
    }

    /// Repeats what the caller sent, cut to 80 characters. Never a stored value and never a secret.
    #[must_use]
    pub fn value(mut self, value: &str) -> Self {
        let mut quoted: String = value.chars().take(MAX_QUOTED).collect();
        if quoted.len() < value.len() {
            quoted.push('…');
        }
        self.0.value = Some(quoted);
        self
    }

    /// Names the plugin.
    #[must_use]
    pub fn plugin(mut self, plugin: &str) -> Self {
        self.0.plugin = Some(plugin.to_owned());
        self
    }

    /// A sentence in the words of a plugin or rule, which stands in place of the code's own message.
    #[must_use]
    pub fn said(mut self, message: Label) -> Self {
        self.0.said = Some(message);
        self
    }

    /// Says less than what happened: the ledger is told this code, and the caller sees no trace of it.
    #[must_use]
    pub(crate) fn concealing(mut self, happened: Code) -> Self {
        self.0.concealed = Some(happened);
        self
    }

    /// The code of what happened, where the caller is told another one.
    #[must_use]
    pub(crate) fn concealed(&self) -> Option<Code> {
        self.0.concealed
    }

    /// Keeps in mind which record has the value, and by which field or rule; nobody is told of it as it is.
    #[must_use]
    pub(crate) fn held_by(mut self, record: RecordId, by: Option<FieldId>) -> Self {
        self.0.held = Some((record, by));
        self
    }

    /// Which record has the value, and by which field or rule, for whoever decides what is told of it.
    #[must_use]
    pub(crate) fn held(&self) -> Option<(RecordId, Option<FieldId>)> {
        self.0.held
    }

    /// Tells of the record that has the value.
    #[must_use]
    pub(crate) fn holder(mut self, told: Holder) -> Self {
        self.0.holder = Some(told);
        self
    }

    /// What is told of the record that has the value, of an error that says that another one has it.
    #[must_use]
    pub fn held_value(&self) -> Option<&Holder> {
        self.0.holder.as_ref()
    }

    /// Keeps the error of a library as the source.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code.unwrap_or(Code::Panic)
    }

    /// The entity it speaks of.
    #[must_use]
    pub fn entity_name(&self) -> Option<&str> {
        self.0.entity.as_deref()
    }

    /// The record it speaks of.
    #[must_use]
    pub fn record_name(&self) -> Option<&str> {
        self.0.record.as_deref()
    }

    /// The field, parameter or column it speaks of.
    #[must_use]
    pub fn field_name(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The rule that was broken.
    #[must_use]
    pub fn rule_name(&self) -> Option<&str> {
        self.0.rule.as_deref()
    }

    /// The plugin it speaks of.
    #[must_use]
    pub fn plugin_name(&self) -> Option<&str> {
        self.0.plugin.as_deref()
    }

    /// What the caller sent, if the error repeats it.
    #[must_use]
    pub fn quoted_value(&self) -> Option<&str> {
        self.0.value.as_deref()
    }

    /// Whether the same call may succeed when it is made again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.code(),
            Code::Busy | Code::Conflict | Code::VersionConflict | Code::Locked | Code::DeadlineExceeded
        )
    }

    /// The sentence for people: what, where, by which rule.
    #[must_use]
    pub fn message(&self, locale: Locale) -> String {
        let said = self.0.said.as_ref().map(|said| said.text(locale));
        let head = said.unwrap_or_else(|| self.code().message(locale));
        let place: Vec<&str> = [&self.0.plugin, &self.0.entity, &self.0.field]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let mut message = head.to_owned();
        if !place.is_empty() {
            message = format!("{}: {message}", place.join("."));
        }
        if let Some(record) = &self.0.record {
            message = format!("{message} [{record}]");
        }
        if let Some(holder) = &self.0.holder {
            message.push_str(&holder.sentence(locale));
        }
        if let Some(rule) = &self.0.rule {
            message = format!("{message} ({rule})");
        }
        if let Some(value) = &self.0.value {
            message = format!("{message}: `{value}`");
        }
        message
    }

    /// Everything about the error as JSON, with the code's cause and remedy.
    #[must_use]
    pub fn to_json(&self, locale: Locale) -> serde_json::Value {
        serde_json::json!({
            "code": self.code().key(),
            "number": self.code().number(),
            "message": self.message(locale),
            "cause": self.code().cause(locale),
            "remedy": self.code().remedy(locale),
            "entity": self.0.entity,
            "record": self.0.record,
            "field": self.0.field,
            "rule": self.0.rule,
            "plugin": self.0.plugin,
            "holder": self.0.holder.as_ref().map(Holder::to_json),
            "retryable": self.is_retryable(),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code().key(), self.message(Locale::English))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")?;
        match &self.0.source {
            Some(source) => write!(formatter, " <- {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(Code::Io).because(error)
    }
}
