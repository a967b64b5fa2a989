//! What a caller wants a record to be: values, owner, external ids, tags, and what is expected of it.

use crate::base::{RecordId, Timestamp, Value};
use crate::engine::FieldSelector;
use crate::records::ExternalId;

/// Values and envelope facts to be set on a record; what is not named stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    pub(super) values: Vec<(FieldSelector, Value)>,
    pub(super) translations: Vec<(FieldSelector, String, Option<String>)>,
    pub(super) owner: Option<RecordId>,
    pub(super) external_ids: Vec<ExternalId>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) original: Option<(String, Timestamp)>,
    /// Whether the record goes to the unit where its owner works now.
    pub(super) follows_owner: bool,
    pub(super) expected_version: Option<u64>,
}

impl Changes {
    /// No changes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field; [`Value::Null`] empties it. A field named twice has the later value.
    #[must_use]
    pub fn set(mut self, field: impl Into<FieldSelector>, value: impl Into<Value>) -> Self {
        self.values.push((field.into(), value.into()));
        self
    }

    /// Sets the text of a translatable field in a language, which a BCP 47 tag names; none takes it away.
    /// Texts in other languages stay.
    #[must_use]
    pub fn translate(mut self, field: impl Into<FieldSelector>, locale: &str, text: Option<&str>) -> Self {
        self.translations.push((field.into(), locale.to_owned(), text.map(str::to_owned)));
        self
    }

    /// Gives the record to an owner; a new record without one is its creator's.
    #[must_use]
    pub fn owner(mut self, owner: RecordId) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Adds a key that another system knows the record by. A record has at most 1,000, of texts as long as those of
    /// fields.
    #[must_use]
    pub fn external_id(mut self, source: &str, key: &str) -> Self {
        self.external_ids.push(ExternalId { source: source.to_owned(), key: key.to_owned() });
        self
    }

    /// Replaces the tags: at most 1,000, each as long as a text of a field.
    #[must_use]
    pub fn tags(mut self, tags: Vec<String>) -> Self {
        self.tags = Some(tags);
        self
    }

    /// Says who made the record, and when, in the system that it comes from.
    #[must_use]
    pub fn original(mut self, author: &str, at: Timestamp) -> Self {
        self.original = Some((author.to_owned(), at));
        self
    }

    /// Refuses the change if the record is not of this version.
    #[must_use]
    pub fn expect_version(mut self, version: u64) -> Self {
        self.expected_version = Some(version);
        self
    }
}
