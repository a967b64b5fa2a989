//! The signs of a query: `"a phrase"`, `-unwanted`, `a OR b`, `(groups)`, `field:word`, `beginning*`,
//! and of fields with an order `amount:>1000` and `created:2026-01-01..2026-03-31`.
//!
//! No text is refused for its signs: what makes no sense is a [`Fault`] with its place, and the text is
//! read the most likely way without it. `OR` binds more tightly than standing side by side.

use std::fmt;

use super::folding::{Class, fold, folded};
use super::query::{Clause, MAX_QUERY_CHARACTERS, Query, clauses, phrase, telephone};
use crate::base::{Code, Error, Result};

/// Deepest nesting of groups.
const MAX_DEPTH: usize = 16;

/// Something in the text of a query that makes no sense there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it begins, in characters from the beginning of the text.
    pub place: usize,
    /// How many characters it takes.
    pub length: usize,
    /// What is wrong: `unclosed_quote`, `unclosed_group`, `group_not_opened`, `empty_group`, `nested_too_deeply`,
    /// `or_without_word`, `unknown_field`, `field_without_word`, `nothing_wanted`, `range_inside_group`,
    /// `wrong_value` for a comparison with what is no value of the field.
    pub rule: &'static str,
}

/// What a text asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// One thing.
    Clause(Clause),
    /// All of several.
    All(Vec<Node>),
    /// Any of several.
    Any(Vec<Node>),
    /// What must not match; stands in [`Node::All`] beside something that must.
    Not(Box<Node>),
    /// In some fields only: numbers of entity and field.
    Within(Vec<(u32, u32)>, Box<Node>),
}

/// A comparison of a field with values, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The name before the colon.
    pub field: String,
    /// `=`, `>`, `>=`, `<`, `<=` or `..`.
    pub operator: &'static str,
    /// The value, of `..` the lower bound; empty where there is none.
    pub low: String,
    /// The upper bound of `..`; empty where there is none.
    pub high: String,
    /// Where it begins, in characters from the beginning of the text.
    pub place: usize,
    /// How many characters it takes.
    pub length: usize,
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, operator, low, high, .. } = self;
        match *operator {
            ".." => write!(formatter, "{field}:{low}..{high}"),
            operator => write!(formatter, "{field}:{operator}{low}"),
        }
    }
}

/// A text as it was understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Parsed {
    /// What must match; nothing where only comparisons are asked for.
    pub(super) node: Option<Node>,
    /// The comparisons, all of which must hold.
    pub(super) comparisons: Vec<Comparison>,
    /// What made no sense.
    pub(super) faults: Vec<Fault>,
    /// The text as it was read, in plain signs.
    pub(super) read_as: String,
}

/// Takes the text of a query apart.
///
/// # Errors
/// [`Code::InvalidArgument`] for an empty text, [`Code::LimitExceeded`] above 256 characters,
/// [`Code::NothingMatches`] where no letter, digit or ideograph is left to look up.
pub(super) fn parse(query: &Query) -> Result<Parsed> {
    let refused = |code, rule| Error::new(code).field("text").rule(rule);
    let text = &query.text;
    if text.trim().is_empty() {
        return Err(refused(Code::InvalidArgument, "not_empty"));
    }
    if text.chars().count() > MAX_QUERY_CHARACTERS {
        return Err(refused(Code::LimitExceeded, "at_most_256_characters"));
    }
    if let Some(digits) = telephone(text) {
        let node = Some(Node::Clause(Clause::Telephone { digits, apart: clauses(text) }));
        let read_as = text.trim().to_owned();
        return Ok(Parsed { node, comparisons: Vec::new(), faults: Vec::new(), read_as });
    }
    let mut parser = Parser {
        characters: text.chars().collect(),
        place: 0,
        query,
        faults: Vec::new(),
        comparisons: Vec::new(),
        has_ideographs: fold(text).iter().any(|letter| letter.class == Class::Ideograph),
    };
    let group = parser.group(0);
    parser.faults.sort_by_key(|fault| fault.place);
    let words = group.as_ref().map(|(_, words)| words.clone()).into_iter();
    let read_as: Vec<String> = words.chain(parser.comparisons.iter().map(ToString::to_string)).collect();
    let node = group.map(|(node, _)| node);
    if node.is_none() && parser.comparisons.is_empty() {
        return Err(refused(Code::NothingMatches, "has_a_letter_or_digit"));
    }
    let Parser { faults, comparisons, .. } = parser;
    Ok(Parsed { node, comparisons, faults, read_as: read_as.join(" ") })
}

/// A node and how it is written.
type Written = (Node, String);

struct Parser<'a> {
    characters: Vec<char>,
    place: usize,
    query: &'a Query,
    faults: Vec<Fault>,
    comparisons: Vec<Comparison>,
    /// Whether the text has characters without spaces.
    has_ideographs: bool,
}

/// One member of a group on its way.
struct Member {
    written: Written,
    unwanted: bool,
    /// Whether it is joined to the one before by OR.
    or: bool,
    place: usize,
}

impl Parser<'_> {
    fn next(&self) -> Option<char> {
        self.characters.get(self.place).copied()
    }

    fn fault(&mut self, place: usize, length: usize, rule: &'static str) {
        self.faults.push(Fault { place, length, rule });
    }

    fn step(&mut self) {
        self.place = self.place.saturating_add(1);
    }

    fn skip_spaces(&mut self) {
        while self.next().is_some_and(|next| next.is_whitespace() || next.is_control()) {
            self.step();
        }
    }

    /// Everything up to the end of the group.
    fn group(&mut self, depth: usize) -> Option<Written> {
        let mut members: Vec<Member> = Vec::new();
        let mut or: Option<usize> = None;
        loop {
            self.skip_spaces();
            let place = self.place;
            match self.next() {
                None => break,
                Some(')') if depth > 0 => break,
                Some(')') => {
                    self.step();
                    self.fault(place, 1, "group_not_opened");
                }
                Some(_) if self.takes_or() => {
                    if members.is_empty() || or.is_some() {
                        let length = self.place.saturating_sub(place);
                        self.fault(place, length, "or_without_word");
                    } else {
                        or = Some(place);
                    }
                }
                Some(_) => {
                    let unwanted = self.takes_not();
                    if let Some(written) = self.member(depth) {
                        members.push(Member { written, unwanted, or: or.take().is_some(), place });
                    }
                }
            }
        }
        if let Some(place) = or {
            self.fault(place, 1, "or_without_word");
        }
        self.join(members)
    }

    /// Whether a word of its own is next, as it is written; then it is passed over.
    fn takes(&mut self, word: &str) -> bool {
        let end = self.place.saturating_add(word.len());
        let here = self.characters.get(self.place..end).unwrap_or_default();
        let alone = self.characters.get(end).is_none_or(|next| next.is_whitespace() || *next == '(');
        let found = here.iter().copied().eq(word.chars()) && alone;
        if found {
            self.place = end;
        }
        found
    }

    fn takes_or(&mut self) -> bool {
        self.takes("OR") || self.takes("|")
    }

    /// Whether what follows is unwanted. A minus before a digit or a space is a sign like any other.
    fn takes_not(&mut self) -> bool {
        if self.takes("AND") {
            self.skip_spaces();
        }
        if self.takes("NOT") {
            self.skip_spaces();
            return true;
        }
        let after = self.characters.get(self.place.saturating_add(1));
        let minus = self.next() == Some('-')
            && after.is_some_and(|next| next.is_alphabetic() || matches!(next, '"' | '(' | '“'));
        if minus {
            self.step();
        }
        minus
    }

    fn member(&mut self, depth: usize) -> Option<Written> {
        let place = self.place;
        match self.next()? {
            '(' => self.inner_group(depth),
            quote @ ('"' | '“' | '”') => self.quoted(quote),
            _ => match self.field_name() {
                Some((name, scopes)) => self.bound(place, &name, scopes, depth),
                // A name that no field has is passed over; what stands behind it is read.
                None if self.place > place => self.member(depth),
                None => self.word(),
            },
        }
    }

    fn inner_group(&mut self, depth: usize) -> Option<Written> {
        let place = self.place;
        self.step();
        if depth >= MAX_DEPTH {
            self.fault(place, 1, "nested_too_deeply");
            return self.member(depth);
        }
        let group = self.group(depth.saturating_add(1));
        if self.next() == Some(')') {
            self.step();
        } else {
            self.fault(place, 1, "unclosed_group");
        }
        if group.is_none() {
            self.fault(place, self.place.saturating_sub(place), "empty_group");
        }
        group.map(|(node, words)| (node, format!("({words})")))
    }

    fn quoted(&mut self, quote: char) -> Option<Written> {
        let place = self.place;
        self.step();
        let closes = |next: &char| if quote == '"' { *next == '"' } else { matches!(next, '“' | '”') };
        let rest = self.characters.get(self.place..).unwrap_or_default();
        let Some(length) = rest.iter().position(closes) else {
            self.fault(place, 1, "unclosed_quote");
            return self.member(0);
        };
        let text: String = rest.iter().take(length).collect();
        self.place = self.place.saturating_add(length).saturating_add(1);
        let found = match telephone(&text) {
            Some(digits) => vec![Clause::Telephone { digits, apart: clauses(&text) }],
            None => phrase(&text),
        };
        all(found).map(|node| (node, format!("\"{}\"", text.trim())))
    }

    /// The name of a field with its colon, where it is one; then it is passed over.
    fn field_name(&mut self) -> Option<(String, Vec<(u32, u32)>)> {
        let rest = self.characters.get(self.place..).unwrap_or_default();
        let signs = |next: &char| next.is_alphanumeric() || matches!(next, '_' | '.');
        let length = rest.iter().take_while(|next| signs(next)).count();
        if length == 0 || !matches!(rest.get(length), Some(':' | '：')) {
            return None;
        }
        let name: String = rest.iter().take(length).collect();
        let scopes = self.query.fields.get(&name.to_lowercase()).cloned();
        // `https://` and `10:30` are no fields.
        let after = rest.get(length.saturating_add(1));
        let is_name = name.starts_with(|first: char| first.is_alphabetic()) && after != Some(&'/');
        if scopes.is_none() && is_name {
            self.fault(self.place, length, "unknown_field");
        }
        if scopes.is_some() || is_name {
            self.place = self.place.saturating_add(length).saturating_add(1);
        }
        scopes.map(|scopes| (name, scopes))
    }

    /// What stands behind the name of a field.
    fn bound(&mut self, place: usize, name: &str, scopes: Vec<(u32, u32)>, depth: usize) -> Option<Written> {
        if let Some(comparison) = self.comparison(name) {
            self.compare(place, comparison, depth);
            return None;
        }
        let end = self.place;
        self.skip_spaces();
        if self.next().is_none_or(|next| next == ')') {
            self.fault(place, end.saturating_sub(place), "field_without_word");
            return None;
        }
        if scopes.is_empty() {
            return self.equals(place, name, depth);
        }
        let (node, words) = self.member(depth)?;
        Some((Node::Within(scopes, Box::new(node)), format!("{name}:{words}")))
    }

    /// A comparison holds of all hits, so it has no place inside of a group.
    fn compare(&mut self, place: usize, comparison: Comparison, depth: usize) {
        let length = self.place.saturating_sub(place);
        let comparison = Comparison { place, length, ..comparison };
        if depth > 0 {
            self.fault(place, length, "range_inside_group");
        } else {
            self.comparisons.push(comparison);
        }
    }

    /// A value behind the name of a field that has no words of its own, a code or a number.
    fn equals(&mut self, place: usize, name: &str, depth: usize) -> Option<Written> {
        let quoted = self.next() == Some('"');
        if quoted {
            self.step();
        }
        let rest = self.characters.get(self.place..).unwrap_or_default();
        let ends = |next: &char| match quoted {
            true => *next == '"',
            false => next.is_whitespace() || *next == ')',
        };
        let value: String = rest.iter().take_while(|next| !ends(next)).collect();
        self.place = self.place.saturating_add(value.chars().count());
        if quoted && self.next().is_some() {
            self.step();
        }
        let (field, high) = (name.to_owned(), String::new());
        let comparison = Comparison { field, operator: "=", low: value, high, place, length: 0 };
        self.compare(place, comparison, depth);
        None
    }

    fn comparison(&mut self, field: &str) -> Option<Comparison> {
        let rest = self.characters.get(self.place..).unwrap_or_default();
        let word: String =
            rest.iter().take_while(|next| !next.is_whitespace() && !matches!(next, '(' | ')')).collect();
        let made = |operator, low: &str, high: &str| Comparison {
            field: field.to_owned(),
            operator,
            low: low.to_owned(),
            high: high.to_owned(),
            place: 0,
            length: 0,
        };
        let found = [">=", "<=", ">", "<", "="]
            .iter()
            .find_map(|operator| {
                let value = word.strip_prefix(operator).filter(|value| !value.is_empty());
                value.map(|value| made(operator, value, ""))
            })
            .or_else(|| {
                let (low, high) = word.split_once("..").filter(|ends| *ends != ("", ""))?;
                Some(made("..", low, high))
            })?;
        self.place = self.place.saturating_add(word.chars().count());
        Some(found)
    }

    /// One word, up to a space or a sign; several clauses where it has several scripts.
    fn word(&mut self) -> Option<Written> {
        let rest = self.characters.get(self.place..).unwrap_or_default();
        let ends = |next: &char| next.is_whitespace() || next.is_control() || matches!(next, '(' | ')' | '"');
        let length = rest.iter().take_while(|next| !ends(next)).count();
        let text: String = rest.iter().take(length).collect();
        self.place = self.place.saturating_add(length.max(1));
        let mut found = clauses(&text);
        // A letter before or behind Chinese may be the end of a word: `T 正邦` of `ST 正邦`.
        for clause in &mut found {
            if let Clause::Word { word, inner, .. } = clause {
                *inner |= self.has_ideographs && word.whole.chars().count() == 1;
            }
        }
        if let Some(Clause::Word { unfinished, .. }) = found.last_mut() {
            *unfinished = self.next().is_none() || text.ends_with('*');
        }
        let node = all(found)?;
        let others = self.query.synonyms.get(&folded(&text)).map(Vec::as_slice).unwrap_or_default();
        let others: Vec<Node> = others.iter().filter_map(|other| all(phrase(other))).collect();
        let node =
            if others.is_empty() { node } else { Node::Any(std::iter::once(node).chain(others).collect()) };
        Some((node, text))
    }

    /// A group of its members: those joined by OR first, then all of these, without what is unwanted.
    fn join(&mut self, members: Vec<Member>) -> Option<Written> {
        if !members.is_empty() && members.iter().all(|member| member.unwanted) {
            let place = members.first().map_or(0, |member| member.place);
            self.fault(place, 1, "nothing_wanted");
            let plain = members.into_iter().map(|member| Member { unwanted: false, ..member });
            return self.join(plain.collect());
        }
        let mut wanted: Vec<(Vec<Node>, Vec<String>)> = Vec::new();
        let (mut unwanted, mut left_out) = (Vec::new(), Vec::new());
        for Member { written: (node, words), unwanted: not, or, .. } in members {
            match wanted.last_mut() {
                _ if not => {
                    unwanted.push(Node::Not(Box::new(node)));
                    left_out.push(format!("-{words}"));
                }
                Some((nodes, written)) if or => {
                    nodes.push(node);
                    written.push(words);
                }
                _ => wanted.push((vec![node], vec![words])),
            }
        }
        let (mut nodes, mut written) = (Vec::new(), Vec::new());
        for (mut either, words) in wanted {
            written.push(words.join(" OR "));
            nodes.extend(if either.len() > 1 { Some(Node::Any(either)) } else { either.pop() });
        }
        nodes.append(&mut unwanted);
        written.append(&mut left_out);
        let node = if nodes.len() > 1 { Node::All(nodes) } else { nodes.pop()? };
        Some((node, written.join(" ")))
    }
}

fn all(clauses: Vec<Clause>) -> Option<Node> {
    let mut nodes: Vec<Node> = clauses.into_iter().map(Node::Clause).collect();
    if nodes.len() > 1 { Some(Node::All(nodes)) } else { nodes.pop() }
}
