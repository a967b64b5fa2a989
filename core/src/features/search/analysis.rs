//! The analyzers: what a value of a field is looked up by.
//!
//! Script by script (text without spaces as bigrams, other letters as words, names as syllables and
//! initials, numbers as 4-grams, words of names as pieces of three letters), because dictionaries kept apart answer prefixes and misspellings
//! far faster than one mixed dictionary. No word list is involved in matching Chinese: any two
//! neighbouring characters of a text find it, whatever a segmenter would have made of them.

use std::collections::BTreeSet;

use super::folding::{Class, Letter, fold, folded, runs, spell};
use super::pinyin::{initials, initials_of_mixed, readings, strings_of_initials, syllable_terms};

/// Version of the whole set of analyzers. An index written by another version is rebuilt.
pub const ANALYZER_VERSION: u32 = 3;

/// Longest word that is indexed or looked up, in characters; the rest of a longer one is ignored.
const LONGEST_WORD: usize = 64;
/// Longest e-mail address or domain that is indexed or looked up (RFC 5321 §4.5.3.1 allows 254).
const LONGEST_ADDRESS: usize = 256;
/// Length of the pieces that numbers are indexed by.
pub(super) const GRAM: usize = 4;
/// Up to so many first letters a name is indexed by each beginning of them, so that a few typed letters are one term and not
/// as many as there are names.
pub(super) const LONGEST_HEAD: usize = 4;
/// Length of the pieces that words of names are indexed by.
pub(super) const FRAGMENT: usize = 3;
/// Length of the shortest piece of a number that is found inside of it.
pub(super) const SHORTEST_GRAM: usize = 3;
/// Longest value that is indexed, in characters; the rest of a longer one is not found. A value of this
/// length takes about 40 MB while it is analyzed.
const LONGEST_VALUE: usize = 500_000;

/// How the text of a field is made searchable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Analyzer {
    /// A name or title: by fragment, word, pinyin and initials, and ranked above other text.
    Title,
    /// Prose: by fragment and word.
    Text,
    /// One or several telephone numbers: by any fragment, in whatever way they are written.
    Phone,
    /// One or several e-mail addresses: whole, by domain, by part.
    Email,
    /// A number or code with meaning of its own (credit code, order number): by word and fragment.
    Code,
    /// How a name is read where that is not as usual: syllables with spaces between.
    Reading,
}

/// How many dictionaries there are.
pub(super) const SLOTS: usize = 9;

/// The dictionary that a term stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Slot {
    /// Bigrams of titles.
    Name,
    /// Bigrams of prose.
    Text,
    /// Words of titles and codes.
    Latin,
    /// Words of prose.
    Word,
    /// Three neighbouring letters of the words of titles and codes, so that a piece from within a word finds
    /// it. Pairs would be too frequent: a query of several would walk over most records with Latin names.
    Fragment,
    /// Pairs of syllables of titles.
    Pinyin,
    /// Initials of titles.
    Initials,
    /// 4-grams of numbers and codes.
    Digits,
    /// E-mail addresses and their parts.
    Email,
}

impl Slot {
    /// Every slot, in the order of the index's fields.
    pub(super) const ALL: [Self; SLOTS] = [
        Self::Name,
        Self::Text,
        Self::Latin,
        Self::Word,
        Self::Fragment,
        Self::Pinyin,
        Self::Initials,
        Self::Digits,
        Self::Email,
    ];
}

/// A term at its place in the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// The dictionary.
    pub(super) slot: Slot,
    /// The term.
    pub(super) text: String,
    /// Its place; neighbouring places make a phrase.
    pub(super) position: u32,
}

/// The terms of a value, in ascending positions within each slot.
pub(super) fn analyze(analyzer: Analyzer, value: &str) -> Vec<Token> {
    let value = value.char_indices().nth(LONGEST_VALUE).map_or(value, |(end, _)| {
        value.get(..end).unwrap_or(value) // always the boundary of a character
    });
    let letters = fold(value);
    let mut tokens = Vec::new();
    match analyzer {
        Analyzer::Title => {
            let letters = closed_up(letters);
            bigrams(&letters, Slot::Name, &mut tokens);
            words(&letters, Slot::Latin, &mut tokens);
            fragments(&letters, &mut tokens);
            names(&letters, &mut tokens);
        }
        Analyzer::Text => {
            bigrams(&letters, Slot::Text, &mut tokens);
            words(&letters, Slot::Word, &mut tokens);
        }
        Analyzer::Phone => telephones(&letters, &mut tokens),
        Analyzer::Email => addresses(value, &mut tokens),
        Analyzer::Reading => read(value, &mut tokens),
        Analyzer::Code => {
            bigrams(&letters, Slot::Name, &mut tokens);
            words(&letters, Slot::Latin, &mut tokens);
            fragments(&letters, &mut tokens);
            code(&letters, &mut tokens);
        }
    }
    tokens
}

/// Letters without the spaces that stand between two characters of a script without spaces: names are
/// padded so, `万  科`.
fn closed_up(letters: Vec<Letter>) -> Vec<Letter> {
    let mut closed: Vec<Letter> = Vec::with_capacity(letters.len());
    let mut spaces: Vec<Letter> = Vec::new();
    for letter in letters {
        if letter.character.is_whitespace() {
            spaces.push(letter);
            continue;
        }
        let between = letter.class == Class::Ideograph
            && closed.last().is_some_and(|before| before.class == Class::Ideograph);
        if !between {
            closed.append(&mut spaces);
        }
        spaces.clear();
        closed.push(letter);
    }
    closed
}

/// The pieces of three letters of each word, and the shorter ones at its end.
fn fragments(letters: &[Letter], tokens: &mut Vec<Token>) {
    let mut position = 0_u32;
    for (_, run) in runs(letters).filter(|(class, _)| *class == Class::Word) {
        for start in 0..run.len() {
            let end = start.saturating_add(FRAGMENT).min(run.len());
            let text = run.get(start..end).map(spell).unwrap_or_default();
            tokens.push(Token { slot: Slot::Fragment, text, position });
            position = position.saturating_add(1);
        }
        position = position.saturating_add(1);
    }
}

/// Pairs of neighbouring characters, and the last one of each run.
fn bigrams(letters: &[Letter], slot: Slot, tokens: &mut Vec<Token>) {
    let mut position = 0_u32;
    for (class, run) in runs(letters) {
        if class != Class::Ideograph {
            position = position.saturating_add(1);
            continue;
        }
        for pair in run.chunks(1).zip(run.chunks(1).skip(1)) {
            let text = spell(pair.0) + &spell(pair.1);
            tokens.push(Token { slot, text, position });
            position = position.saturating_add(1);
        }
        if let Some(last) = run.last() {
            tokens.push(Token { slot, text: last.character.to_string(), position });
            position = position.saturating_add(1);
        }
    }
}

/// Words at their places; the parts of a word stand at its place, and a run of another script takes a
/// place of its own, so that it parts a phrase.
fn words(letters: &[Letter], slot: Slot, tokens: &mut Vec<Token>) {
    let runs = runs(letters).filter(|(class, _)| *class != Class::Gap);
    for (position, (_, run)) in (0_u32..).zip(runs).filter(|(_, (class, _))| *class == Class::Word) {
        let word = Word::of(run);
        let all = std::iter::once(word.whole).chain(word.parts);
        tokens.extend(all.map(|text| Token { slot, text, position }));
    }
}

/// A run of letters and digits, and what it is made of where case or digits part it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The whole run, cut to 64 characters.
    pub(super) whole: String,
    /// Its parts, where there are at least two: `GuanXi2026` has guan, xi and 2026.
    pub(super) parts: Vec<String>,
}

impl Word {
    /// Reads a run of the class [`Class::Word`].
    pub(super) fn of(run: &[Letter]) -> Self {
        let run = run.get(..LONGEST_WORD).unwrap_or(run);
        let parts: Vec<String> = run.chunk_by(|left, right| !parted(left, right)).map(spell).collect();
        Self { whole: spell(run), parts: if parts.len() > 1 { parts } else { Vec::new() } }
    }
}

fn parted(left: &Letter, right: &Letter) -> bool {
    let digits = |letter: &Letter| letter.character.is_ascii_digit();
    digits(left) != digits(right) || (!left.upper && right.upper)
}

fn names(letters: &[Letter], tokens: &mut Vec<Token>) {
    let mut base = 0_u32;
    let mut letters_read = BTreeSet::new();
    for (_, run) in runs(letters).filter(|(class, _)| *class == Class::Ideograph) {
        let name: Vec<char> = run.iter().map(|letter| letter.character).collect();
        let readings = readings(&name);
        for (text, offset) in syllable_terms(&readings) {
            tokens.push(Token { slot: Slot::Pinyin, text, position: base.saturating_add(offset) });
        }
        letters_read.append(&mut initials(&name, &readings));
        let length = u32::try_from(run.len()).unwrap_or(u32::MAX);
        base = base.saturating_add(length).saturating_add(1);
    }
    let all = letters.iter().filter(|letter| letter.class != Class::Gap);
    let name: Vec<char> = all.map(|letter| letter.character).collect();
    letters_read.append(&mut initials_of_mixed(&name));
    push_initials(letters_read, tokens);
}

/// Strings of first letters, and their beginnings of two letters and more.
fn push_initials(strings: BTreeSet<String>, tokens: &mut Vec<Token>) {
    let heads = |string: &String| -> Vec<String> {
        (2..=LONGEST_HEAD).map(|length| string.chars().take(length).collect()).collect()
    };
    let mut all: BTreeSet<String> = strings.iter().flat_map(heads).collect();
    all.extend(strings);
    tokens.extend(all.into_iter().map(|text| Token { slot: Slot::Initials, text, position: 0 }));
}

fn read(value: &str, tokens: &mut Vec<Token>) {
    let readings: Vec<Vec<&str>> = value.split_whitespace().map(|syllable| vec![syllable]).collect();
    for (text, position) in syllable_terms(&readings) {
        tokens.push(Token { slot: Slot::Pinyin, text, position });
    }
    push_initials(strings_of_initials(&readings), tokens);
}

fn telephones(letters: &[Letter], tokens: &mut Vec<Token>) {
    let mut base = 0_u32;
    for number in letters.split(|letter| parts_numbers(letter.character)) {
        base = push_grams(&telephone_digits(&spell(number)), base, tokens);
    }
}

fn parts_numbers(character: char) -> bool {
    character.is_alphabetic() || matches!(character, ',' | ';' | '/' | '、' | '|' | '\n')
}

/// The digits of one telephone number, without the prefix of mainland China (+86, 0086, or 86 before
/// an 11-digit mobile number, ITU-T E.164), so that a number is found however it is written.
pub(super) fn telephone_digits(written: &str) -> String {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let international = written.trim_start_matches(['(', ' ']).starts_with('+');
    let rest = match digits.strip_prefix("0086") {
        Some(rest) => Some(rest),
        None => digits
            .strip_prefix("86")
            .filter(|rest| international || (rest.len() == 11 && rest.starts_with('1'))),
    };
    rest.map_or_else(|| digits.clone(), str::to_owned)
}

fn push_grams(text: &str, base: u32, tokens: &mut Vec<Token>) -> u32 {
    let mut position = base;
    let last = grams(text, SHORTEST_GRAM).pop().filter(|_| text.len() >= GRAM);
    for gram in grams(text, GRAM).into_iter().chain(last) {
        tokens.push(Token { slot: Slot::Digits, text: gram, position });
        position = position.saturating_add(1);
    }
    position.saturating_add(1)
}

/// The pieces of `width` characters of a text, in order; a shorter text is one piece.
pub(super) fn grams(text: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    if characters.is_empty() {
        Vec::new()
    } else if characters.len() < width {
        vec![text.to_owned()]
    } else {
        characters.windows(width).map(|window| window.iter().collect()).collect()
    }
}

fn code(letters: &[Letter], tokens: &mut Vec<Token>) {
    let joined: String =
        letters.iter().filter(|letter| letter.class == Class::Word).map(|letter| letter.character).collect();
    if !joined.chars().any(|character| character.is_ascii_digit()) {
        return;
    }
    push_grams(&joined, 0, tokens);
    let text: String = joined.chars().take(LONGEST_WORD).collect();
    tokens.push(Token { slot: Slot::Latin, text, position: 0 });
}

/// Whether a character stands between addresses; none stands inside of one (RFC 5322 §3.2.3, quoted
/// local parts left aside).
pub(super) fn parts_addresses(character: char) -> bool {
    character.is_whitespace() || character.is_control() || ",;<>\"()".contains(character)
}

fn addresses(value: &str, tokens: &mut Vec<Token>) {
    let text = folded(value);
    for address in text.split(parts_addresses).filter(|address| !address.is_empty()) {
        let address = Address::of(address);
        let domain = address.domain.as_ref().map(|domain| format!("@{domain}"));
        let local: Vec<String> = domain.iter().flat_map(|_| address.local_terms()).collect();
        let terms = std::iter::once(address.whole).chain(domain).chain(address.parts).chain(local);
        tokens.extend(terms.map(|text| Token { slot: Slot::Email, text, position: 0 }));
    }
}

/// An e-mail address, or what somebody typed of one, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// All of it.
    pub(super) whole: String,
    /// Words on both sides of the @.
    pub(super) parts: Vec<String>,
    /// Words before the @.
    pub(super) local: Vec<String>,
    /// What follows the @, if anything does.
    pub(super) domain: Option<String>,
}

impl Address {
    /// The terms of the words before the @, which are told apart from the same words behind it.
    pub(super) fn local_terms(&self) -> Vec<String> {
        self.local.iter().map(|word| format!("{word}@")).collect()
    }

    /// Reads folded text without spaces.
    pub(super) fn of(text: &str) -> Self {
        let pieces = |text: &str| -> Vec<String> {
            text.split(|character: char| !character.is_alphanumeric())
                .filter(|piece| !piece.is_empty())
                .map(|piece| piece.chars().take(LONGEST_WORD).collect())
                .collect()
        };
        let cut = |text: &str| -> String { text.chars().take(LONGEST_ADDRESS).collect() };
        let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
        Self {
            whole: cut(text),
            parts: pieces(text),
            local: pieces(local),
            domain: Some(cut(domain)).filter(|domain| !domain.is_empty()),
        }
    }
}
