//! What a search asks for: the text with its entities, fields, synonyms and boosts, and its clauses.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::analysis::{Address, Word, parts_addresses, telephone_digits};
use super::folding::{Class, Letter, fold, folded, runs, spell};
use super::schema::Scope;

/// Longest query, in characters.
pub const MAX_QUERY_CHARACTERS: usize = 256;

/// Fields by a name in small letters, each given by the numbers of its entity and its own.
pub(super) type FieldNames = BTreeMap<String, Vec<(u32, u32)>>;

/// Other words for a word, by the folded word.
pub(super) type Synonyms = HashMap<String, Vec<String>>;

/// What makes some records come earlier than their words alone would have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Boosts {
    /// What hits of an entity count, by its number; 1 where it is not said.
    pub entities: BTreeMap<u32, f32>,
    /// What is added for a record that was changed now, as a part of its score; 0 for nothing.
    pub recent: f32,
    /// Days after which half of that is left.
    pub half_life_days: f32,
    /// The moment that age is counted from, in microseconds since 1970.
    pub now: i64,
    /// What is added for a record of this owner, as a part of its score.
    pub owned: Option<([u8; 16], f32)>,
}

impl Default for Boosts {
    fn default() -> Self {
        Self { entities: BTreeMap::new(), recent: 0.0, half_life_days: 30.0, now: 0, owned: None }
    }
}

/// A question to the index: every word of the text must match somewhere in the record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// What was typed.
    pub(super) text: String,
    /// Numbers of the entities to look in; all where it is empty.
    pub(super) kinds: Vec<u32>,
    /// The fields that a word may be bound to, by the name that stands before the colon.
    pub(super) fields: Arc<FieldNames>,
    /// The only fields to look in; all where it is empty.
    pub(super) only: Vec<(u32, u32)>,
    /// Other words for words.
    pub(super) synonyms: Arc<Synonyms>,
    /// What comes earlier.
    pub(super) boosts: Boosts,
    /// What finds in a field count, by the numbers of its entity and its own; 1 where it is not said.
    pub(super) field_weights: Arc<BTreeMap<(u32, u32), f32>>,
    /// Whether records that have only some of the words are found where none has all.
    pub(super) closest: bool,
}

impl Query {
    /// Looks for a text in every entity.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Looks in records of these entities only.
    #[must_use]
    pub fn within(mut self, kinds: &[u32]) -> Self {
        self.kinds.extend_from_slice(kinds);
        self
    }

    /// Looks in these fields only, each given by the numbers of its entity and its own.
    #[must_use]
    pub fn only(mut self, fields: &[(u32, u32)]) -> Self {
        self.only.extend_from_slice(fields);
        self
    }

    /// Makes a name stand for fields, so that `name:word` looks in these alone.
    #[must_use]
    pub fn field(mut self, name: &str, fields: &[(u32, u32)]) -> Self {
        let names = Arc::make_mut(&mut self.fields);
        names.entry(name.to_lowercase()).or_default().extend_from_slice(fields);
        self
    }

    /// Takes the names of fields that were worked out before.
    pub(super) fn named(mut self, fields: Arc<FieldNames>) -> Self {
        self.fields = fields;
        self
    }

    /// Makes words stand for each other.
    #[must_use]
    pub fn synonyms(mut self, groups: &[Vec<String>]) -> Self {
        self.synonyms = Arc::new(synonyms(groups));
        self
    }

    /// Sets what comes earlier.
    #[must_use]
    pub fn boosts(mut self, boosts: Boosts) -> Self {
        self.boosts = boosts;
        self
    }

    /// Sets what finds in fields count, each given by the numbers of its entity and its own.
    #[must_use]
    pub fn field_weights(mut self, weights: BTreeMap<(u32, u32), f32>) -> Self {
        self.field_weights = Arc::new(weights);
        self
    }

    /// Where no record has all of the words, finds those that have some, the closest first.
    #[must_use]
    pub fn closest(mut self) -> Self {
        self.closest = true;
        self
    }

    /// Whether records of an entity are asked for.
    pub(super) fn asks_for(&self, kind: u32) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether a field is asked for.
    pub(super) fn asks_for_field(&self, scope: Scope) -> bool {
        self.asks_for(scope.kind) && (self.only.is_empty() || self.only.contains(&(scope.kind, scope.field)))
    }
}

/// The others of its group, for each word.
pub(super) fn synonyms(groups: &[Vec<String>]) -> Synonyms {
    let mut all = Synonyms::new();
    for group in groups {
        for (place, word) in group.iter().enumerate() {
            let others = group.iter().enumerate().filter(|(other, _)| *other != place);
            let key = folded(word.trim());
            all.entry(key).or_default().extend(others.map(|(_, other)| other.clone()));
        }
    }
    all
}

/// One thing that must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Clause {
    /// A run of characters without spaces, folded.
    Ideographs(String),
    /// A word; the last one of a query may be unfinished.
    Word {
        /// The word.
        word: Word,
        /// Whether more letters may follow.
        unfinished: bool,
        /// Whether it stands beside another script without a space, and so may be the end of a word.
        inner: bool,
    },
    /// A piece of an e-mail address with its @.
    Address(Address),
    /// A whole query that looks like a telephone number.
    Telephone {
        /// Its digits together.
        digits: String,
        /// The same query word by word.
        apart: Vec<Clause>,
    },
    /// Words at neighbouring places of one field, as they are written.
    Phrase(Vec<String>),
    /// Characters without spaces exactly as they are written.
    Exactly(String),
}

/// The clauses of a text without syntax, in its order.
pub(super) fn clauses(text: &str) -> Vec<Clause> {
    let mut clauses = Vec::new();
    for piece in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        let letters = fold(piece);
        if letters.iter().any(|letter| letter.character == '@') {
            clauses.extend(addresses(&spell(&letters)));
            continue;
        }
        words(&letters, &mut clauses);
    }
    if let Some(Clause::Word { unfinished, .. }) = clauses.last_mut() {
        *unfinished = !text.ends_with(char::is_whitespace);
    }
    clauses
}

/// The clauses of a text in quotation marks: neighbouring words in their order, each script by itself.
pub(super) fn phrase(text: &str) -> Vec<Clause> {
    let letters = fold(text);
    if letters.iter().any(|letter| letter.character == '@') {
        return addresses(&spell(&letters));
    }
    let mut clauses = Vec::new();
    let mut words: Vec<String> = Vec::new();
    for (class, run) in runs(&letters) {
        match class {
            Class::Word => words.push(Word::of(run).whole),
            Class::Ideograph => {
                if !words.is_empty() {
                    clauses.push(Clause::Phrase(std::mem::take(&mut words)));
                }
                clauses.push(Clause::Exactly(spell(run)));
            }
            Class::Gap => {}
        }
    }
    if !words.is_empty() {
        clauses.push(Clause::Phrase(words));
    }
    clauses
}

fn addresses(text: &str) -> Vec<Clause> {
    text.split(parts_addresses)
        .map(Address::of)
        .filter(|address| !address.parts.is_empty())
        .map(Clause::Address)
        .collect()
}

fn words(letters: &[Letter], clauses: &mut Vec<Clause>) {
    let all: Vec<(Class, &[Letter])> = runs(letters).collect();
    let beside = |place: usize| {
        let at = |place: Option<usize>| place.and_then(|place| all.get(place)).map(|(class, _)| *class);
        [at(place.checked_sub(1)), at(place.checked_add(1))].contains(&Some(Class::Ideograph))
    };
    for (place, (class, run)) in all.iter().enumerate() {
        match class {
            Class::Ideograph => clauses.push(Clause::Ideographs(spell(run))),
            Class::Word => {
                let (word, inner) = (Word::of(run), beside(place));
                clauses.push(Clause::Word { word, unfinished: false, inner });
            }
            Class::Gap => {}
        }
    }
}

/// The digits of a query that consists of nothing but a telephone number in its usual spellings, at
/// least four of them and not written in one run, which an ordinary word covers.
pub(super) fn telephone(text: &str) -> Option<String> {
    let text = folded(text);
    let marks = |character: char| " -()+.\u{2010}\u{2011}\u{2012}\u{2013}".contains(character);
    let shaped = text.chars().all(|character| character.is_ascii_digit() || marks(character));
    let digits = telephone_digits(text.trim());
    (shaped && digits.len() >= 4 && digits != text).then_some(digits)
}
