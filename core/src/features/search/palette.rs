//! The command palette: what a person may do or open, by the beginning of a word of its name in Chinese, in English,
//! or in pinyin.
//!
//! It looks at commands, entities and views, which are as many as the schema is large, and at the bounded lists of
//! records that a user has looked at lately or keeps at hand. Other records are found by searching.

use std::collections::BTreeSet;

use super::folding::{Class, fold};
use super::pinyin::readings;
use crate::base::{Code, Error, Label, RecordId, Result};
use crate::engine::{Command, Listing, Session};

/// Longest text that is looked for, in characters.
const MAX_TYPED: usize = 64;
/// Most items of one answer.
const MAX_ITEMS: usize = 100;

/// What an item of the palette is; of two that match alike the first kind stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PaletteKind {
    /// A record that the user keeps at hand.
    Favourite,
    /// A record that the user has looked at lately.
    Recent,
    /// A saved view.
    View,
    /// The list of an entity.
    Entity,
    /// Something to be done.
    Command,
}

impl PaletteKind {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Favourite => "favourite",
            Self::Recent => "recent",
            Self::View => "view",
            Self::Entity => "entity",
            Self::Command => "command",
        }
    }
}

/// Something to be done or opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaletteItem {
    /// What it is.
    pub kind: PaletteKind,
    /// What people read.
    pub label: Label,
    /// The method that does or opens it.
    pub method: String,
    /// The entity that it is about, by API name.
    pub entity: Option<String>,
    /// The record or view.
    pub record: Option<RecordId>,
}

impl Session {
    /// What the user may do or open whose name has a word that begins with a text, best first, at most 100; with
    /// an empty text what is at hand comes first. Nothing is in it that the user may not do or see.
    ///
    /// # Errors
    /// `input.limit_exceeded` for a text of more than 64 characters; `access.session_ended`.
    pub fn palette(&self, text: &str, limit: usize) -> Result<Vec<PaletteItem>> {
        if text.chars().count() > MAX_TYPED {
            return Err(Error::new(Code::LimitExceeded).field("text").rule("text <= 64 characters"));
        }
        let typed = Typed::of(text);
        let locale = self.locale();
        let mut found: Vec<(u8, PaletteItem)> = Vec::new();
        for item in self.palette_items()? {
            let ranks = [&item.label.zh, &item.label.en].into_iter().filter_map(|name| typed.rank(name));
            if let Some(rank) = ranks.min() {
                found.push((rank, item));
            }
        }
        found.sort_by(|(left_rank, left), (right_rank, right)| {
            let place = |rank: &u8, item: &PaletteItem| (*rank, item.kind);
            let names = || left.label.text(locale).cmp(right.label.text(locale));
            // What is at hand stays in the order in which it lies there.
            let at_hand = left.kind <= PaletteKind::Recent;
            let by_name = || if at_hand { std::cmp::Ordering::Equal } else { names() };
            place(left_rank, left).cmp(&place(right_rank, right)).then_with(by_name)
        });
        let mut seen = BTreeSet::new();
        let once = |item: &PaletteItem| {
            // A record that is kept at hand and was looked at lately is told once.
            let opened = item.record.filter(|_| item.method == "record.get");
            opened.is_none_or(|record| seen.insert(record))
        };
        let items = found.into_iter().map(|(_, item)| item).filter(once);
        Ok(items.take(limit.min(MAX_ITEMS)).collect())
    }

    fn palette_items(&self) -> Result<Vec<PaletteItem>> {
        let mut items = Vec::new();
        for (kind, listings) in
            [(PaletteKind::Favourite, self.favourites()?), (PaletteKind::Recent, self.recent()?)]
        {
            for listing in &listings {
                items.extend(opening(kind, listing)?);
            }
        }
        items.extend(self.views_at_hand()?.into_iter().map(|view| PaletteItem {
            kind: PaletteKind::View,
            label: view.label,
            method: "view.run".to_owned(),
            entity: Some(view.entity),
            record: Some(view.id),
        }));
        items.extend(self.commands()?.into_iter().map(|command: Command| PaletteItem {
            kind: if command.is_entity { PaletteKind::Entity } else { PaletteKind::Command },
            label: command.label,
            method: command.method,
            entity: command.entity,
            record: None,
        }));
        Ok(items)
    }
}

/// The item that opens a record; none for one whose title the user does not see.
fn opening(kind: PaletteKind, listing: &Listing) -> Result<Option<PaletteItem>> {
    let title = listing.title();
    Ok((!title.is_empty()).then_some(PaletteItem {
        kind,
        label: Label::new(&title, &title),
        method: "record.get".to_owned(),
        entity: Some(listing.entity()?.api_name.clone()),
        record: Some(listing.record.id),
    }))
}

/// What was typed, as names are compared with it.
struct Typed {
    words: Vec<Vec<char>>,
}

/// One character of a name.
struct Sign {
    character: char,
    /// Whether a word begins with it; every Chinese character is one.
    begins: bool,
}

impl Typed {
    fn of(text: &str) -> Self {
        Self { words: words(&signs(text)) }
    }

    /// How well a name matches, 0 the best; nothing where it does not.
    fn rank(&self, name: &str) -> Option<u8> {
        let signs = signs(name);
        let Some(first) = self.words.first() else { return Some(0) };
        let places = |word: &[char]| -> Option<usize> {
            (0..signs.len()).find(|place| begins_with(&signs, *place, word))
        };
        if self.words.iter().all(|word| places(word).is_some()) {
            return Some(if places(first) == Some(0) { 0 } else { 1 });
        }
        let letters: String = self.words.concat().into_iter().collect();
        if !letters.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        let characters: Vec<char> = signs.iter().map(|sign| sign.character).collect();
        let readings = readings(&characters);
        (0..signs.len())
            .find(|place| is_read_as(readings.get(*place..).unwrap_or_default(), &letters))
            .map(|place| if place == 0 { 2 } else { 3 })
    }
}

/// A name in folded letters, without what stands between words.
fn signs(text: &str) -> Vec<Sign> {
    let mut signs = Vec::new();
    let mut before = Class::Gap;
    for letter in fold(text) {
        if letter.class != Class::Gap {
            let begins = letter.class == Class::Ideograph || before != Class::Word;
            signs.push(Sign { character: letter.character, begins });
        }
        before = letter.class;
    }
    signs
}

/// Words of what was typed; Chinese characters in a row are one.
fn words(signs: &[Sign]) -> Vec<Vec<char>> {
    let mut words: Vec<Vec<char>> = Vec::new();
    for sign in signs {
        let is_word = sign.character.is_alphanumeric() && sign.character.is_ascii();
        match words.last_mut() {
            Some(word) if !(sign.begins && is_word) => word.push(sign.character),
            _ => words.push(vec![sign.character]),
        }
    }
    words
}

/// Whether the signs from a place on, where a word begins, are those of a word.
fn begins_with(signs: &[Sign], place: usize, word: &[char]) -> bool {
    let here = signs.get(place..).unwrap_or_default();
    here.first().is_some_and(|sign| sign.begins)
        && here.len() >= word.len()
        && here.iter().zip(word).all(|(sign, character)| sign.character == *character)
}

/// Whether typed letters are the pinyin of the characters from the first one on: of each its syllable or its
/// initial, of the last one any beginning.
fn is_read_as(readings: &[Vec<&'static str>], letters: &str) -> bool {
    let mut reached = BTreeSet::from([0_usize]);
    for choices in readings {
        if choices.is_empty() {
            return false;
        }
        let mut next = BTreeSet::new();
        for rest in reached.iter().filter_map(|place| letters.get(*place..).map(|rest| (place, rest))) {
            let (place, rest) = rest;
            for reading in choices {
                if reading.starts_with(rest) {
                    return true;
                }
                if rest.starts_with(reading) {
                    next.insert(place.saturating_add(reading.len()));
                }
                if reading.as_bytes().first() == rest.as_bytes().first() {
                    next.insert(place.saturating_add(1));
                }
            }
        }
        if next.contains(&letters.len()) {
            return true;
        }
        reached = next;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_by_words_characters_syllables_and_initials() {
        let rank = |typed: &str, name: &str| Typed::of(typed).rank(name);
        for (typed, name, expected) in [
            ("cust", "Customer", Some(0)),
            ("CUSTOMER", "New customer", Some(1)),
            ("new cus", "New Customer", Some(0)),
            ("ustomer", "Customer", None),
            ("客户", "新建客户", Some(1)),
            ("新建客", "新建客户", Some(0)),
            ("xinjian", "新建客户", Some(2)),
            ("xjkh", "新建客户", Some(2)),
            ("xinjkeh", "新建客户", Some(2)),
            ("kehu", "新建客户", Some(3)),
            ("kh", "新建客户", Some(3)),
            ("ke hu", "新建客户", Some(3)),
            ("hk", "新建客户", None),
            ("", "anything", Some(0)),
        ] {
            assert_eq!(rank(typed, name), expected, "{typed} in {name}");
        }
    }
}
