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

use std::fmt::Write as _;

use tantivy::TantivyDocument;
use tantivy::schema::{
    BytesOptions, FAST, Field, INDEXED, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing,
    TextOptions,
};
use tantivy::tokenizer::{Token as IndexToken, TokenStream, Tokenizer};

use super::analysis::{Analyzer, SLOTS, Slot, analyze};
use super::visibility::Pair;
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
    /// When it was last changed, in microseconds since 1970; 0 where that is not known.
    pub changed: i64,
    /// Whose it is; all zeros where it is nobody's.
    pub owner: [u8; 16],
    /// Number of the field, how it is analyzed, its text. A field may come several times.
    pub fields: Vec<(u32, Analyzer, String)>,
}

impl Document {
    /// Its entity and access class.
    pub(super) fn pair(&self) -> Pair {
        (self.kind, self.class)
    }
}

/// The terms of one value in one dictionary.
pub(super) struct Analyzed {
    /// The dictionary.
    pub(super) slot: Slot,
    /// Place and qualified term.
    pub(super) terms: Vec<(u32, String)>,
}

/// Every value of a document by its terms, in the order of its fields.
pub(super) fn analyzed(document: &Document) -> impl Iterator<Item = Analyzed> {
    document.fields.iter().flat_map(|(field, analyzer, text)| {
        let ending = Scope { kind: document.kind, field: *field }.ending();
        let mut by_slot: [Vec<(u32, String)>; SLOTS] = Default::default();
        for token in analyze(*analyzer, text) {
            if let Some(terms) = by_slot.get_mut(token.slot as usize) {
                let mut term = token.text;
                term.push_str(&ending);
                terms.push((token.position, term));
            }
        }
        let all = Slot::ALL.into_iter().zip(by_slot);
        all.filter(|(_, terms)| !terms.is_empty()).map(|(slot, terms)| Analyzed { slot, terms })
    })
}

/// The upper and the lower half of an id.
pub(super) fn halves_of(record: RecordId) -> [u64; 2] {
    let (high, low) = record.as_bytes().split_at(8);
    [high, low].map(|half| half.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes)))
}

/// The id of these halves.
pub(super) fn record_of([high, low]: [u64; 2]) -> RecordId {
    RecordId::from_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

/// Who owns a record, as the index keeps it: eight bytes are enough to put one's own first.
pub(super) fn owner_number(owner: &[u8; 16]) -> u64 {
    let [high, low] = halves_of(RecordId::from_bytes(*owner));
    high ^ low
}

/// A moment as the index keeps it: whole seconds since 1970.
pub(super) fn second_of(changed: i64) -> u64 {
    u64::try_from(changed.div_euclid(1_000_000)).unwrap_or_default()
}

/// Name of the field with the record's 16 bytes, by which its rows are found.
const RECORD: &str = "rid";
/// Names of the fast fields with the upper and the lower half of them, which are read at once for each hit.
pub(super) const RECORD_HALVES: [&str; 2] = ["rhi", "rlo"];
/// Name of the fast field with the number of the entity.
pub(super) const KIND: &str = "kind";
/// Name of the fast field with the number of the access class.
pub(super) const CLASS: &str = "class";
/// Name of the fast field with the second of the last change.
pub(super) const CHANGED: &str = "changed";
/// Name of the fast field with the owner's number.
pub(super) const OWNER: &str = "owner";
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
        let mut term = String::from(text);
        term.push_str(&self.ending());
        term
    }

    /// What stands behind the text of a term.
    fn ending(self) -> String {
        let mut ending = String::from(SEPARATOR);
        for mut number in [self.kind, self.field] {
            while number >= 0x40 {
                ending.push(char::from(low_bits(number) | 0x40));
                number >>= 6;
            }
            ending.push(char::from(low_bits(number)));
        }
        ending
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
    halves: [Field; 2],
    kind: Field,
    class: Field,
    changed: Field,
    owner: Field,
    slots: [Field; SLOTS],
}

impl Fields {
    /// The one layout of this version of the engine.
    pub(super) fn new() -> Self {
        let mut builder = Schema::builder();
        let record = builder.add_bytes_field(RECORD, BytesOptions::default().set_indexed());
        let halves = RECORD_HALVES.map(|name| builder.add_u64_field(name, FAST));
        let kind = builder.add_u64_field(KIND, NumericOptions::from(INDEXED) | FAST);
        let class = builder.add_u64_field(CLASS, FAST);
        let changed = builder.add_u64_field(CHANGED, FAST);
        let owner = builder.add_u64_field(OWNER, FAST);
        let slots = Slot::ALL.map(|slot| builder.add_text_field(name_of(slot), options(slot)));
        Self { schema: builder.build(), record, halves, kind, class, changed, owner, slots }
    }

    /// The schema, to compare with that of an index that was found.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The field of a slot.
    pub(super) fn of(&self, slot: Slot) -> Field {
        let [first, ..] = self.slots;
        self.slots.get(slot as usize).copied().unwrap_or(first) // there is one for each
    }

    /// The slot of a field.
    pub(super) fn slot_of(&self, field: Field) -> Option<Slot> {
        let place = self.slots.iter().position(|slot| *slot == field)?;
        Slot::ALL.get(place).copied()
    }

    /// A document as tantivy takes it.
    pub(super) fn document(&self, document: &Document) -> TantivyDocument {
        let mut row = TantivyDocument::new();
        row.add_bytes(self.record, document.record.as_bytes());
        for (field, half) in self.halves.iter().zip(halves_of(document.record)) {
            row.add_u64(*field, half);
        }
        row.add_u64(self.kind, u64::from(document.kind));
        row.add_u64(self.class, u64::from(document.class));
        row.add_u64(self.changed, second_of(document.changed));
        row.add_u64(self.owner, owner_number(&document.owner));
        for Analyzed { slot, terms } in analyzed(document) {
            let mut lines = String::with_capacity(terms.len().saturating_mul(ROOM_OF_A_LINE));
            for (position, term) in &terms {
                if !lines.is_empty() {
                    lines.push_str(LINE_END);
                }
                // To write to a text cannot fail.
                let _ = write!(lines, "{position}\t{term}");
            }
            row.add_text(self.of(slot), lines);
        }
        row
    }
}

/// About what a line takes, in bytes.
const ROOM_OF_A_LINE: usize = 24;
/// Between the lines of an analyzed value: a control character, which terms never contain, and above
/// the seven bits of which scopes are made.
const LINE_END: &str = "\u{85}";

fn name_of(slot: Slot) -> &'static str {
    match slot {
        Slot::Name => "name",
        Slot::Text => "text",
        Slot::Latin => "lat",
        Slot::Word => "word",
        Slot::Fragment => "frag",
        Slot::Pinyin => "py",
        Slot::Initials => "ini",
        Slot::Digits => "dig",
        Slot::Email => "email",
    }
}

/// Positions only where phrases are asked: without them `88888` would find every number with `8888`.
fn options(slot: Slot) -> TextOptions {
    let record = match slot {
        Slot::Name | Slot::Text | Slot::Latin | Slot::Word | Slot::Fragment | Slot::Pinyin | Slot::Digits => {
            IndexRecordOption::WithFreqsAndPositions
        }
        Slot::Initials | Slot::Email => IndexRecordOption::WithFreqs,
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
