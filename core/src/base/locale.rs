//! The two languages of user-visible text, and a label that has both.

use crate::base::{Code, Error, Result};

/// A language in which the engine speaks to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Locale {
    /// English.
    #[default]
    English,
    /// Chinese in simplified characters (BCP 47 tag `zh-Hans`).
    SimplifiedChinese,
}

impl Locale {
    /// Reads a BCP 47 language tag: `en…` is English; `zh`, `zh-Hans…` and `zh-CN…` are Chinese.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for any other language.
    pub fn parse(tag: &str) -> Result<Self> {
        let lower = tag.to_ascii_lowercase().replace('_', "-");
        let primary = lower.split('-').next().unwrap_or_default();
        match primary {
            "en" => Ok(Self::English),
            "zh" => Ok(Self::SimplifiedChinese),
            _ => Err(Error::new(Code::InvalidArgument).field("locale").value(tag)),
        }
    }

    /// The BCP 47 tag: `en` or `zh-Hans`.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::SimplifiedChinese => "zh-Hans",
        }
    }
}

/// A text that people read, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Label {
    /// Chinese in simplified characters.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Label {
    /// A label from its Chinese and its English text.
    #[must_use]
    pub fn new(zh: &str, en: &str) -> Self {
        Self { zh: zh.to_owned(), en: en.to_owned() }
    }

    /// Whether it lacks a language.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.zh.is_empty() || self.en.is_empty()
    }

    /// The text in a language.
    #[must_use]
    pub fn text(&self, locale: Locale) -> &str {
        match locale {
            Locale::English => &self.en,
            Locale::SimplifiedChinese => &self.zh,
        }
    }
}
