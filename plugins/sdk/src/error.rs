//! What can go wrong between a plugin and its host, and how a hook refuses a record.

use std::fmt;

use guanxi_plugin_abi::guanxi_status;

/// The host did not do what the plugin asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    status: guanxi_status,
    subject: String,
}

impl Error {
    /// An error of this status, a `GUANXI_ERR_*` number of [`crate::abi`], about a field or entity.
    #[must_use]
    pub fn new(status: guanxi_status, subject: &str) -> Self {
        Self { status, subject: subject.to_owned() }
    }

    /// The status: one of the `GUANXI_ERR_*` numbers of [`crate::abi`], below 0.
    #[must_use]
    pub fn status(&self) -> guanxi_status {
        self.status
    }

    /// The field or entity that it speaks of; empty if it speaks of none.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`: status {}", self.subject, self.status)
    }
}

impl std::error::Error for Error {}

/// Why a hook does not let a record pass.
///
/// Made with [`Reject::new`] it is a refusal, with words for the person who saves. Made from an
/// [`Error`] by `?` it is a failure of the plugin; the record is not saved then either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject(pub(crate) Reason);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    Refused { field: String, message_zh: String, message_en: String },
    Failed(Error),
}

impl Reject {
    /// A refusal: the field at fault, or an empty text, and a sentence in each language, without full
    /// stop.
    #[must_use]
    pub fn new(field: &str, message_zh: &str, message_en: &str) -> Self {
        Self(Reason::Refused {
            field: field.to_owned(),
            message_zh: message_zh.to_owned(),
            message_en: message_en.to_owned(),
        })
    }
}

impl From<Error> for Reject {
    fn from(error: Error) -> Self {
        Self(Reason::Failed(error))
    }
}
