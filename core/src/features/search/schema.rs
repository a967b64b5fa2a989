//! The layout of the index: one fixed set of tantivy fields for every entity and every custom field.
//!
//! tantivy's schemas cannot be altered, and a field that a person may not read must not match for
//! that person. So a term carries the field of the CRM that it came from behind its text: `加喜` of
//! field 12 of entity 3 stands in the dictionary as `加喜 NUL (3, 12)`. All fields with one word lie
//! side by side, therefore a query seeks the word once per segment, reads off which fields have it at
//! all, and keeps those the person may read. The cost follows the fields that really contain the
//! word, not the number of fields that exist; a new field costs nothing; and rarity (idf) is counted
//! per field, so a word is judged by how rare it is in names when it is found in a name.
//!
//! The price: a word that stands in n fields has n entries of a dictionary, and lengths (for BM25) are
//! those of all fields of a record with the same analyzer together. No stored text: what is shown
//! comes from the record.

use tantivy::TantivyDocument;
use tantivy::schema::{
    BytesOptions, FAST, Field, INDEXED, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing,
    TextOptions,
};
use tantivy::tokenizer::{Token as IndexToken, TokenStream, Tokenizer};

use super::analysis::{Analyzer, Slot, analyze};
use crate::base::RecordId;

/// A record as search sees it. Whoever builds it decides which fields are searchable at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The record.
    pub record: RecordId,
    /// Number of its entity.
    pub kind: u32,
    /// Number of its access class.
    pub class: u32,
    /// Number of the field, how it is analyzed, its text. A field may come several times.
    pub fields: Vec<(u32, Analyzer, String)>,
}

/// Name of the fast field with the record's 16 bytes.
pub(super) const RECORD: &str = "rid";
/// Name of the fast field with the number of the entity.
pub(super) const KIND: &str = "kind";
/// Name of the fast field with the number of the access class.
pub(super) const CLASS: &str = "class";
/// Name under which the tokenizer is registered.
pub(super) const TOKENIZER: &str = "analyzed";

/// Ends the text of a term; analyzed text has no control characters.
const SEPARATOR: char = '\0';

/// A field of an entity, as terms carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Scope {
    /// Number of the entity.
    pub(super) kind: u32,
    /// Number of the field.
    pub(super) field: u32,
}

impl Scope {
    /// The text of a term together with its scope. Numbers are written in seven-bit characters, six
    /// bits each, lowest first, the seventh bit saying that more follow, so that a term stays UTF-8.
    pub(super) fn qualify(self, text: &str) -> String {
        let mut term = format!("{text}{SEPARATOR}");
        for mut number in [self.kind, self.field] {
            while number >= 0x40 {
                term.push(char::from(low_bits(number) | 0x40));
                number >>= 6;
            }
            term.push(char::from(low_bits(number)));
        }
        term
    }

    /// Reads text and scope of a term of the dictionary; nothing where it is not one.
    pub(super) fn of_term(term: &[u8]) -> Option<(&str, Self)> {
        let end = term.iter().position(|byte| *byte == 0)?;
        let (text, scope) = term.split_at_checked(end)?;
        let mut bytes = scope.iter().skip(1).copied();
        let kind = number(&mut bytes)?;
        let field = number(&mut bytes)?;
        Some((std::str::from_utf8(text).ok()?, Self { kind, field }))
    }
}

fn low_bits(number: u32) -> u8 {
    number.to_le_bytes().first().map_or(0, |byte| byte & 0x3f)
}

fn number(bytes: &mut impl Iterator<Item = u8>) -> Option<u32> {
    let mut number = 0_u32;
    let mut shift = 0_u32;
    loop {
        let byte = bytes.next()?;
        number |= u32::from(byte & 0x3f).checked_shl(shift)?;
        if byte < 0x40 {
            return Some(number);
        }
        shift = shift.checked_add(6)?;
    }
}

/// The dictionary keys of one text in every scope: from the first one to below the second one.
pub(super) fn exact_range(text: &str) -> (Vec<u8>, Vec<u8>) {
    (format!("{text}{SEPARATOR}").into_bytes(), format!("{text}\u{1}").into_bytes())
}

/// The dictionary keys of every text with this beginning: from the first one to below the second
/// one. No byte of UTF-8 is as large as the one that ends the range.
pub(super) fn prefix_range(text: &str) -> (Vec<u8>, Vec<u8>) {
    let mut end = text.as_bytes().to_vec();
    end.push(0xff);
    (text.as_bytes().to_vec(), end)
}

/// The fields of the index.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    schema: Schema,
    /// The record, delete key.
    pub(super) record: Field,
    kind: Field,
    class: Field,
    slots: [(Slot, Field); 8],
}

impl Fields {
    /// The one layout of this version of the engine.
    pub(super) fn new() -> Self {
        let mut builder = Schema::builder();
        let record = builder.add_bytes_field(RECORD, BytesOptions::default().set_indexed().set_fast());
        let kind = builder.add_u64_field(KIND, NumericOptions::from(INDEXED) | FAST);
        let class = builder.add_u64_field(CLASS, FAST);
        let slots = Slot::ALL.map(|slot| (slot, builder.add_text_field(name_of(slot), options(slot))));
        Self { schema: builder.build(), record, kind, class, slots }
    }

    /// The schema, to compare with that of an index that was found.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The field of a slot.
    pub(super) fn of(&self, wanted: Slot) -> Option<Field> {
        self.slots.iter().find(|(slot, _)| *slot == wanted).map(|(_, field)| *field)
    }

    /// A document as tantivy takes it.
    pub(super) fn document(&self, document: &Document) -> TantivyDocument {
        let mut row = TantivyDocument::new();
        row.add_bytes(self.record, document.record.as_bytes());
        row.add_u64(self.kind, u64::from(document.kind));
        row.add_u64(self.class, u64::from(document.class));
        for (field, analyzer, text) in &document.fields {
            let scope = Scope { kind: document.kind, field: *field };
            let tokens = analyze(*analyzer, text);
            for (slot, index_field) in &self.slots {
                let lines: Vec<String> = tokens
                    .iter()
                    .filter(|token| token.slot == *slot)
                    .map(|token| format!("{}\t{}", token.position, scope.qualify(&token.text)))
                    .collect();
                if !lines.is_empty() {
                    row.add_text(*index_field, lines.join(LINE_END));
                }
            }
        }
        row
    }
}

/// Between the lines of an analyzed value: a control character, which terms never contain, and above
/// the seven bits of which scopes are made.
const LINE_END: &str = "\u{85}";

fn name_of(slot: Slot) -> &'static str {
    match slot {
        Slot::Name => "name",
        Slot::Text => "text",
        Slot::Latin => "lat",
        Slot::Word => "word",
        Slot::Pinyin => "py",
        Slot::Initials => "ini",
        Slot::Digits => "dig",
        Slot::Email => "email",
    }
}

/// Positions only where phrases are asked: without them `88888` would find every number with `8888`.
fn options(slot: Slot) -> TextOptions {
    let record = match slot {
        Slot::Name | Slot::Text | Slot::Pinyin | Slot::Digits => IndexRecordOption::WithFreqsAndPositions,
        Slot::Latin | Slot::Word | Slot::Initials | Slot::Email => IndexRecordOption::WithFreqs,
    };
    let indexing = TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(record);
    TextOptions::default().set_indexing_options(indexing)
}

/// Reads back the lines that [`Fields::document`] wrote; the analysis itself happened there, once
/// for all slots.
#[derive(Clone, Default)]
pub(super) struct LineTokenizer(IndexToken);

impl Tokenizer for LineTokenizer {
    type TokenStream<'a> = LineStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> LineStream<'a> {
        self.0.reset();
        LineStream { lines: text.split(LINE_END), token: &mut self.0 }
    }
}

/// The tokens of one analyzed value.
pub(super) struct LineStream<'a> {
    lines: std::str::Split<'a, &'static str>,
    token: &'a mut IndexToken,
}

impl TokenStream for LineStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((position, text)) = self.lines.next().and_then(|line| line.split_once('\t')) else {
            return false;
        };
        let Ok(position) = position.parse() else { return false };
        self.token.position = position;
        self.token.text.clear();
        self.token.text.push_str(text);
        true
    }

    fn token(&self) -> &IndexToken {
        self.token
    }

    fn token_mut(&mut self) -> &mut IndexToken {
        self.token
    }
}
