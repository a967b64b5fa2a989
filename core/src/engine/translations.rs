//! Texts of records in other languages: set beside the text itself, and read in its place.

use crate::base::{Code, Error, FieldId, Result, Value, locale_tag};
use crate::engine::{FieldSelector, Listing};
use crate::records::Record;
use crate::schema::{Entity, FieldName, PhoneRegion, normalize_value, translation, with_translation};

/// Most languages of one text.
const MAX_LANGUAGES: usize = 100;

/// What the field that keeps the translations of a text is to have, once the text in a language is another one.
pub(super) fn translated(
    entity: &Entity,
    record: &Record,
    selector: &FieldSelector,
    (locale, text): (&str, Option<String>),
) -> Result<(FieldId, Value)> {
    let field = selector.field(entity)?;
    let kept =
        entity.translations_of(field).filter(|_| field.definition.translatable && !field.is_withdrawn());
    let kept = kept.ok_or_else(|| Error::new(Code::NotTranslatable).field(&field.api_name))?;
    let tag = locale_tag(locale)?;
    let text = text.map_or(Value::Null, Value::Text);
    let text = normalize_value(field, text, PhoneRegion::INTERNATIONAL)?;
    let texts = with_translation(record.value(kept.id()), &tag, text);
    match &texts {
        Value::Map(texts) if texts.len() > MAX_LANGUAGES => {
            let error = Error::new(Code::LimitExceeded).field(&field.api_name);
            Err(error.rule(&format!("languages <= {MAX_LANGUAGES}")))
        }
        _ => Ok((kept.id(), texts)),
    }
}

impl Listing {
    /// The same record with its texts in a language, where it has them, in place of the texts themselves.
    ///
    /// # Errors
    /// `input.invalid_argument` for what is no BCP 47 tag; `schema.unknown_entity` if the plugin of its entity
    /// is gone.
    pub fn in_language(mut self, tag: &str) -> Result<Self> {
        let tag = locale_tag(tag)?;
        let texts = self.entity()?.fields().iter().filter_map(|kept| {
            let field = self.entity().ok()?.translates(kept)?;
            let value = self.record.value(kept.id());
            Some((field.id(), Value::from(translation(&value, &tag)?)))
        });
        let texts: Vec<(FieldId, Value)> = texts.collect();
        texts.into_iter().for_each(|(field, text)| self.record.set(field, text));
        Ok(self)
    }

    /// The text of a translatable field in every language that it has one in, by BCP 47 tag; not the text
    /// itself.
    ///
    /// # Errors
    /// `schema.unknown_field`, `schema.not_translatable`.
    pub fn translations(&self, field: &str) -> Result<Value> {
        let entity = self.entity()?;
        let field = entity.field(FieldName::Name(field))?;
        let kept = entity.translations_of(field);
        let kept = kept.ok_or_else(|| Error::new(Code::NotTranslatable).field(&field.api_name))?;
        Ok(self.record.value(kept.id()))
    }
}
