//! From records to what the index takes of them: the texts of their fields, and those of their attachments.
//!
//! A text of an attachment stands under the fields that name the attachment, so that it is found by those who may read
//! one of these, and under a number of its own where no field names it, as whoever sees the record sees that one too.

use std::collections::BTreeSet;

use super::analysis::Analyzer;
use super::index::Change;
use super::pinyin::{folded_names, read_otherwise};
use super::schema::Document;
use crate::base::{Code, EntityId, RecordId, Result, Value};
use crate::engine::{ATTACHED, Crm, Record};
use crate::schema::{Entity, Field, FieldType, Registry, SearchClass};

/// Longest text that is analyzed as one, in characters.
const LONGEST_PIECE: usize = 100_000;
/// Texts of attachments that are searched of one record, in bytes together.
const MOST_OF_ATTACHMENTS: usize = 4 << 20;

/// What documents are made with.
pub(super) struct Making<'a> {
    crm: &'a Crm,
    registry: &'a Registry,
    readings: Vec<(String, Vec<String>)>,
    /// Whether texts of attachments are looked for.
    with_attachments: bool,
}

impl<'a> Making<'a> {
    /// With everything that is searched.
    pub(super) fn of(crm: &'a Crm, registry: &'a Registry) -> Result<Self> {
        let readings = folded_names(&crm.readings());
        Ok(Self { crm, registry, readings, with_attachments: crm.any_attachment_text()? })
    }

    /// A record as it is now, or that it is gone; nothing for one that nobody searches.
    pub(super) fn change(&self, entity: EntityId, id: RecordId) -> Result<Option<Change>> {
        if !self.registry.entity_by_id(entity).is_ok_and(is_searchable) {
            return Ok(None);
        }
        Ok(Some(match self.crm.record_unchecked(entity, id)? {
            Some(record) => Change::Upsert(self.document(&record)?),
            None => Change::Delete(id),
        }))
    }

    /// A record as the index takes it, with names that are read otherwise by their folded names.
    pub(super) fn document(&self, record: &Record) -> Result<Document> {
        let mut fields = texts(self.registry, record.entity, record);
        if !self.readings.is_empty() {
            let titles = fields.iter().filter(|(_, analyzer, _)| *analyzer == Analyzer::Title);
            let read = titles.flat_map(|(field, _, text)| {
                let read = read_otherwise(text, &self.readings).into_iter();
                read.map(move |text| (*field, Analyzer::Reading, text))
            });
            let read: Vec<_> = read.collect();
            fields.extend(read);
        }
        if self.with_attachments {
            fields.extend(self.attached(record)?);
        }
        Ok(Document {
            record: record.id,
            kind: record.entity.number(),
            class: record.envelope.class.number(),
            changed: record.envelope.modified.at().micros(),
            owner: *record.envelope.owner.as_bytes(),
            fields,
        })
    }

    /// The texts of a record's attachments. One that is damaged is not found, and a verification tells of it.
    fn attached(&self, record: &Record) -> Result<Vec<(u32, Analyzer, String)>> {
        let texts = match self.crm.attachment_texts_unchecked(record, MOST_OF_ATTACHMENTS) {
            Err(error) if error.code() == Code::Damaged => return Ok(Vec::new()),
            texts => texts?,
        };
        let mut fields = Vec::new();
        for (id, text) in texts {
            let naming = fields_naming(self.registry, record, id);
            for piece in pieces(&text) {
                fields.extend(naming.iter().map(|field| (*field, Analyzer::Text, piece.to_owned())));
            }
        }
        Ok(fields)
    }
}

/// A text in pieces that an analyzer takes whole, which end between words where there is a space.
fn pieces(text: &str) -> Vec<&str> {
    let (mut rest, mut pieces) = (text, Vec::new());
    while let Some((end, _)) = rest.char_indices().nth(LONGEST_PIECE) {
        let (piece, _) = rest.split_at(end);
        let end = piece.rfind(char::is_whitespace).filter(|end| *end > 0).unwrap_or(end);
        let (piece, left) = rest.split_at(end);
        pieces.push(piece);
        rest = left;
    }
    pieces.push(rest);
    pieces
}

/// The fields that name an attachment, or the number that stands for none.
pub(super) fn fields_naming(registry: &Registry, record: &Record, attachment: RecordId) -> Vec<u32> {
    let fields = registry.entity_by_id(record.entity).map(Entity::fields).unwrap_or_default();
    let names = |field: &&Field| {
        matches!(field.definition.kind, FieldType::Attachment)
            && record.value(field.id()).as_id() == Some(attachment)
    };
    let naming: Vec<u32> = fields.iter().filter(names).map(|field| field.id().number()).collect();
    if naming.is_empty() { vec![ATTACHED.number()] } else { naming }
}

/// Some records as the index would take them, those left out that are gone, and without what is attached to them.
pub(super) fn created(crm: &Crm, records: &BTreeSet<(EntityId, RecordId)>) -> Result<Vec<Change>> {
    let registry = crm.registry();
    let making = Making { with_attachments: false, ..Making::of(crm, &registry)? };
    let mut changes = Vec::new();
    for (entity, id) in records {
        let change = making.change(*entity, *id)?;
        changes.extend(change.filter(|change| matches!(change, Change::Upsert(_))));
    }
    Ok(changes)
}

/// Whether records of an entity are found.
pub(super) fn is_searchable(entity: &Entity) -> bool {
    entity.fields().iter().any(|field| field.definition.search.is_some())
}

/// The texts of a record's fields, each by the number of its field.
pub(super) fn texts(registry: &Registry, entity: EntityId, record: &Record) -> Vec<(u32, Analyzer, String)> {
    let fields = registry.entity_by_id(entity).map(Entity::fields).unwrap_or_default();
    let texts = fields.iter().filter_map(|field| {
        let analyzer = analyzer(field.definition.search?);
        let texts = text_in_all_languages(registry, entity, field, record);
        Some(texts.into_iter().map(move |text| (field.id().number(), analyzer, text)))
    });
    texts.flatten().collect()
}

/// The text of a field, and its translations, which are found as the text itself is.
fn text_in_all_languages(
    registry: &Registry,
    entity: EntityId,
    field: &Field,
    record: &Record,
) -> Vec<String> {
    let kept = registry.entity_by_id(entity).ok().and_then(|entity| entity.translations_of(field));
    let translations = match kept.map(|kept| record.value(kept.id())) {
        Some(Value::Map(texts)) => texts.into_values().collect(),
        _ => Vec::new(),
    };
    let texts = std::iter::once(record.value(field.id())).chain(translations);
    texts.filter_map(|text| text.as_text().map(str::to_owned)).collect()
}

fn analyzer(class: SearchClass) -> Analyzer {
    match class {
        SearchClass::Title => Analyzer::Title,
        SearchClass::Body => Analyzer::Text,
        SearchClass::Phone => Analyzer::Phone,
        SearchClass::Email => Analyzer::Email,
        SearchClass::Code => Analyzer::Code,
    }
}
