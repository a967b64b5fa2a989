//! Where a text answers a query: the pieces to show in bold.
//!
//! It works on any text at hand, which must be masked already: the index stores none. It marks what
//! is written like the query; a match by pinyin, initials or misspelling is not marked.

use std::ops::Range;

use super::analysis::Address;
use super::folding::{Class, Letter, fold};
use super::query::{Clause, clauses, telephone};
use super::syntax::Node;

/// Byte ranges of `text` that match words of `query`, ascending, apart, on boundaries of characters.
#[must_use]
pub fn highlight(text: &str, query: &str) -> Vec<Range<usize>> {
    let letters = fold(text);
    let mut ranges = Vec::new();
    if let Some(digits) = telephone(query) {
        mark_number(&letters, &digits, &mut ranges);
    }
    for clause in clauses(query) {
        mark(&letters, &clause, &mut ranges);
    }
    joined(ranges)
}

/// The same for what a query was read as: what is unwanted is not marked.
pub(super) fn marks(text: &str, node: &Node) -> Vec<Range<usize>> {
    let letters = fold(text);
    let mut ranges = Vec::new();
    mark_node(&letters, node, &mut ranges);
    joined(ranges)
}

fn mark_node(letters: &[Letter], node: &Node, ranges: &mut Vec<Range<usize>>) {
    match node {
        Node::Clause(clause) => mark(letters, clause, ranges),
        Node::All(nodes) | Node::Any(nodes) => {
            nodes.iter().for_each(|node| mark_node(letters, node, ranges));
        }
        Node::Within(_, node) => mark_node(letters, node, ranges),
        Node::Not(_) => {}
    }
}

fn mark(letters: &[Letter], clause: &Clause, ranges: &mut Vec<Range<usize>>) {
    match clause {
        Clause::Ideographs(text) | Clause::Exactly(text) => mark_everywhere(letters, text, ranges),
        Clause::Phrase(words) => words.iter().for_each(|word| mark_words(letters, word, false, ranges)),
        Clause::Word { word, unfinished, inner } => {
            let before = ranges.len();
            mark_words(letters, &word.whole, *unfinished, ranges);
            if ranges.len() == before {
                word.parts.iter().for_each(|part| mark_words(letters, part, false, ranges));
            }
            if ranges.len() == before && (*inner || word.whole.len() > 1) {
                mark_everywhere(letters, &word.whole, ranges);
            }
            if word.whole.len() >= 4 && word.whole.bytes().all(|byte| byte.is_ascii_digit()) {
                mark_number(letters, &word.whole, ranges);
            }
        }
        Clause::Address(Address { whole, .. }) => mark_everywhere(letters, whole, ranges),
        Clause::Telephone { digits, apart } => {
            mark_number(letters, digits, ranges);
            apart.iter().for_each(|clause| mark(letters, clause, ranges));
        }
    }
}

/// Marks every place where folded letters spell a text.
fn mark_everywhere(letters: &[Letter], text: &str, ranges: &mut Vec<Range<usize>>) {
    let length = text.chars().count();
    if length == 0 {
        return;
    }
    ranges.extend(letters.windows(length).filter(|window| begins_with(window, text)).filter_map(span));
}

/// Marks words, and parts of words in camel case, that are a text, or begin with it.
fn mark_words(letters: &[Letter], text: &str, beginning: bool, ranges: &mut Vec<Range<usize>>) {
    let length = text.chars().count();
    let mut mark = |run: &[Letter]| {
        if (run.len() == length || beginning) && begins_with(run, text) {
            ranges.extend(run.get(..length).and_then(span));
        }
    };
    for run in letters.split(|letter| letter.class != Class::Word) {
        mark(run);
        run.chunk_by(|left, right| {
            left.character.is_ascii_digit() == right.character.is_ascii_digit()
                && (left.upper || !right.upper)
        })
        .for_each(&mut mark);
    }
}

/// Marks digits wherever they follow each other, even with the signs between that numbers are
/// written with.
fn mark_number(letters: &[Letter], digits: &str, ranges: &mut Vec<Range<usize>>) {
    let is_digit = |letter: &&Letter| letter.character.is_ascii_digit();
    if letters.iter().filter(is_digit).count() < digits.len() {
        return;
    }
    for number in
        letters.split(|letter| !letter.character.is_ascii_digit() && !" -().".contains(letter.character))
    {
        let written: Vec<Letter> = number.iter().filter(is_digit).copied().collect();
        mark_everywhere(&written, digits, ranges);
    }
}

fn begins_with(letters: &[Letter], text: &str) -> bool {
    let mut letters = letters.iter();
    text.chars().all(|wanted| letters.next().is_some_and(|letter| letter.character == wanted))
}

fn span(letters: &[Letter]) -> Option<Range<usize>> {
    Some(letters.first()?.start..letters.last()?.end)
}

fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}
