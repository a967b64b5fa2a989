//! Translations of texts: a field that is translatable has another one beside it, which the engine declares and in
//! which a record keeps the text in further languages, as a map by BCP 47 tag.

use std::collections::BTreeMap;

use crate::base::{Label, Value, in_language};
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
        let help = "The text in further languages, by BCP 47 tag; the engine keeps it.";
        let help = Some(Label::new("该文本的其他语言译文，按 BCP 47 标记保存，由引擎维护。", help));
        let (privacy, purposes) = (self.privacy, self.purposes.clone());
        self.translatable.then_some(Self {
            translation_of: Some(self.local),
            read_only: true,
            help,
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

/// The text in a language among translations: that of the tag itself, else of the longest part of it that has
/// one, as `zh-Hans` for `zh-Hans-CN`.
#[must_use]
pub fn translation<'t>(texts: &'t Value, tag: &str) -> Option<&'t str> {
    let Value::Map(texts) = texts else { return None };
    in_language(texts, tag).and_then(Value::as_text)
}

/// What people read of a record that is known by a text: that in each language, and the text itself where the engine's
/// own languages have none.
#[must_use]
pub fn label_of(text: &str, texts: &Value) -> Label {
    let own = |tag: &str| translation(texts, tag).unwrap_or(text);
    let mut label = Label::new(own("zh-Hans"), own("en"));
    if let Value::Map(texts) = texts {
        let others = texts.iter().filter(|(tag, _)| !["zh", "zh-Hans", "en"].contains(&tag.as_str()));
        let others = others.filter_map(|(tag, text)| Some((tag.clone(), text.as_text()?.to_owned())));
        label.others = others.collect();
    }
    label
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
    fn a_text_is_found_by_its_tag_or_by_the_longest_part_of_it() {
        let texts = with_translation(Value::Null, "zh", "账本".into());
        let texts = with_translation(texts, "en", "Ledger".into());
        assert_eq!(translation(&texts, "zh-Hans-CN"), Some("账本"));
        assert_eq!((translation(&texts, "en"), translation(&texts, "de")), (Some("Ledger"), None));
        let label = label_of("Buch", &texts);
        assert_eq!((label.zh.as_str(), label.en.as_str(), label.others.len()), ("账本", "Ledger", 0));
        let texts = with_translation(texts, "en", Value::Null);
        assert_eq!(label_of("Buch", &texts).en, "Buch");
        assert_eq!(with_translation(texts, "zh", Value::Null), Value::Null);
    }
}
