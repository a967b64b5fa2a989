//! The two languages of user-visible text, a label that has both and may have more, and tags of languages.

use std::collections::BTreeMap;

use crate::base::{Code, Error, Result};

/// Most further languages of one text.
const MAX_OTHERS: usize = 100;

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
    /// The same in further languages, by BCP 47 tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, String>,
}

impl Label {
    /// A label from its Chinese and its English text.
    #[must_use]
    pub fn new(zh: &str, en: &str) -> Self {
        Self { zh: zh.to_owned(), en: en.to_owned(), others: BTreeMap::new() }
    }

    /// The same label with its text in a further language.
    #[must_use]
    pub fn also(mut self, tag: &str, text: &str) -> Self {
        self.others.insert(tag.to_owned(), text.to_owned());
        self
    }

    /// Whether it lacks a language, or has one that is not one of the further ones; see [`Label::fault`].
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.zh.is_empty() || self.en.is_empty() || self.fault().is_some()
    }

    /// What is wrong with its further languages: each stands under its BCP 47 tag as [`locale_tag`] writes it, has a
    /// text, and is neither Chinese in simplified characters nor English, which have their own places; and there are
    /// at most 100.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let own = |tag: &str| ["zh", "zh-Hans", "en"].contains(&tag);
        let wrong = |(tag, text): (&String, &String)| {
            text.is_empty() || own(tag) || locale_tag(tag).map_or(true, |written| written != *tag)
        };
        if self.others.len() > MAX_OTHERS {
            return Some("a text stands in at most 100 further languages");
        }
        self.others
            .iter()
            .any(wrong)
            .then_some("further languages have a BCP 47 tag and a text, and are neither zh-Hans nor en")
    }

    /// The text in a language.
    #[must_use]
    pub fn text(&self, locale: Locale) -> &str {
        match locale {
            Locale::English => &self.en,
            Locale::SimplifiedChinese => &self.zh,
        }
    }

    /// The text in a language, or the nearest that there is.
    #[must_use]
    pub fn spoken(&self, language: &Language) -> &str {
        in_language(&self.others, &language.tag).map_or_else(|| self.text(language.locale), String::as_str)
    }
}

/// A language that somebody asks for, of those that texts may stand in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language {
    tag: String,
    locale: Locale,
}

impl Language {
    /// The language of a BCP 47 tag. Texts that do not stand in it are told in Chinese or English where it is one of
    /// these, and else in the locale that is given.
    ///
    /// # Errors
    /// As [`locale_tag`].
    pub fn of_tag(tag: &str, otherwise: Locale) -> Result<Self> {
        let tag = locale_tag(tag)?;
        let locale = Locale::parse(&tag).unwrap_or(otherwise);
        Ok(Self { tag, locale })
    }

    /// The one of the engine's own languages that stands in for it.
    #[must_use]
    pub fn locale(&self) -> Locale {
        self.locale
    }
}

impl From<Locale> for Language {
    fn from(locale: Locale) -> Self {
        Self { tag: locale.tag().to_owned(), locale }
    }
}

/// What stands under a tag, else under the longest part of it that has something, as `zh-Hans` for `zh-Hans-CN`.
pub(crate) fn in_language<'t, T>(texts: &'t BTreeMap<String, T>, tag: &str) -> Option<&'t T> {
    let mut asked = tag;
    loop {
        if let Some(text) = texts.get(asked) {
            return Some(text);
        }
        (asked, _) = asked.rsplit_once('-')?;
    }
}

/// A BCP 47 tag as it is stored: the language in small letters, a script with a capital, a region in capitals.
///
/// # Errors
/// `input.invalid_argument` for what is no tag of a language, with or without script and region.
pub fn locale_tag(tag: &str) -> Result<String> {
    let wrong = || Error::new(Code::InvalidArgument).field("locale").value(tag);
    let mut written: Vec<String> = Vec::new();
    for (place, part) in tag.replace('_', "-").split('-').enumerate() {
        let letters = part.bytes().all(|byte| byte.is_ascii_alphabetic());
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        let part = part.to_ascii_lowercase();
        written.push(match (place, part.len()) {
            (0, 2 | 3) if letters => part,
            (1, 4) if letters => {
                let mut letters = part.chars();
                letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
            }
            (1 | 2, 2) if letters => part.to_ascii_uppercase(),
            (1 | 2, 3) if digits => part,
            _ => return Err(wrong()),
        });
    }
    Ok(written.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_written_in_one_way_and_what_is_none_is_refused() {
        for (said, written) in
            [("EN", "en"), ("zh_hans", "zh-Hans"), ("ZH-HANS-cn", "zh-Hans-CN"), ("es-419", "es-419")]
        {
            assert_eq!(locale_tag(said).unwrap(), written);
        }
        for wrong in ["", "e", "english", "en-", "-en", "en--US", "zh-CN-Hans", "en-US-x", "e1"] {
            assert_eq!(locale_tag(wrong).unwrap_err().code(), Code::InvalidArgument, "{wrong}");
        }
    }

    #[test]
    fn a_label_is_told_in_the_language_that_is_asked_for_or_the_nearest_that_it_has() {
        let label = Label::new("客户", "Account").also("de", "Kunde").also("zh-Hant", "客戶");
        for (tag, text) in [
            ("de-AT", "Kunde"),
            ("zh-Hant-TW", "客戶"),
            ("zh-Hans-CN", "客户"),
            ("zh", "客户"),
            ("en-GB", "Account"),
            ("fr", "客户"),
        ] {
            let language = Language::of_tag(tag, Locale::SimplifiedChinese).unwrap();
            assert_eq!(label.spoken(&language), text, "{tag}");
        }
        assert_eq!(label.spoken(&Locale::English.into()), "Account");
        assert!(!label.is_partial());
        for wrong in [("de", ""), ("DE", "Kunde"), ("zh", "客户"), ("en", "Account"), ("deutsch", "Kunde")]
        {
            assert!(Label::new("客户", "Account").also(wrong.0, wrong.1).is_partial(), "{wrong:?}");
        }
    }
}
