//! Translations of texts: a field that is translatable has another one beside it, which the engine declares and in
//! which a record keeps the text in further languages, as a map by BCP 47 tag.

use std::collections::BTreeMap;

use crate::base::{Code, Error, Label, Result, Value};
use crate::schema::{Entity, Field, FieldDefinition, FieldType};

/// Numbers of authors from this one on are those of fields of translations.
pub(super) const TRANSLATIONS: u32 = 1 << 31;

/// The number of the field that keeps the translations of an author's field.
pub(super) fn translations_local(local: u32) -> u32 {
    local | TRANSLATIONS
}

impl FieldDefinition {
    /// The field that keeps its translations, if it has any.
    pub(super) fn translations(&self) -> Option<Self> {
        let label = |text: &str, word: &str| format!("{text}{word}");
        let label = Label::new(&label(&self.label.zh, "译文"), &label(&self.label.en, ", translations"));
        let (name, local) = (format!("{}_translations", self.name), translations_local(self.local));
        let field = Self::new(&self.namespace, local, &name, label, FieldType::Json);
        let (privacy, purposes) = (self.privacy, self.purposes.clone());
        self.translatable.then_some(Self {
            translation_of: Some(self.local),
            read_only: true,
            privacy,
            purposes,
            ..field
        })
    }
}

impl Entity {
    /// The field whose translations another field keeps.
    #[must_use]
    pub fn translates(&self, kept: &Field) -> Option<&Field> {
        let local = kept.definition.translation_of?;
        let namespace = &kept.definition.namespace;
        let own =
            |field: &&Field| field.definition.local == local && field.definition.namespace == *namespace;
        self.fields().iter().find(own)
    }

    /// The field that keeps the translations of a field, if that is or was translatable.
    #[must_use]
    pub fn translations_of(&self, field: &Field) -> Option<&Field> {
        let (namespace, local) = (&field.definition.namespace, field.definition.local);
        self.fields().iter().find(|kept| {
            kept.definition.translation_of == Some(local) && kept.definition.namespace == *namespace
        })
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

/// The text in a language among translations: that of the tag itself, else of the longest part of it that has
/// one, as `zh-Hans` for `zh-Hans-CN`.
#[must_use]
pub fn translation<'t>(texts: &'t Value, tag: &str) -> Option<&'t str> {
    let Value::Map(texts) = texts else { return None };
    let mut asked = tag;
    loop {
        if let Some(text) = texts.get(asked).and_then(Value::as_text) {
            return Some(text);
        }
        (asked, _) = asked.rsplit_once('-')?;
    }
}

/// Translations with one text more, or without one.
pub(crate) fn with_translation(texts: Value, tag: &str, text: Value) -> Value {
    let mut texts = match texts {
        Value::Map(texts) => texts,
        _ => BTreeMap::new(),
    };
    match text {
        Value::Null => drop(texts.remove(tag)),
        text => drop(texts.insert(tag.to_owned(), text)),
    }
    if texts.is_empty() { Value::Null } else { Value::Map(texts) }
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
    fn a_text_is_found_by_its_tag_or_by_the_longest_part_of_it() {
        let texts = with_translation(Value::Null, "zh", "账本".into());
        let texts = with_translation(texts, "en", "Ledger".into());
        assert_eq!(translation(&texts, "zh-Hans-CN"), Some("账本"));
        assert_eq!((translation(&texts, "en"), translation(&texts, "de")), (Some("Ledger"), None));
        let texts = with_translation(texts, "en", Value::Null);
        assert_eq!(with_translation(texts, "zh", Value::Null), Value::Null);
    }
}
