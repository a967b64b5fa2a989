//! The rules of words: no markers of unfinished work, no paths of a machine, English, and clean lines.

use crate::lexer::{Kind, Token};
use crate::{SourceFile, Violation};

/// Words that mark unfinished work, written in two halves so that this file does not hold them.
const MARKERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), CURRENCY_MARKER];

/// The marker that is a word of the trade inside a literal: ISO 4217 writes "no currency" with it.
const CURRENCY_MARKER: &str = concat!("X", "XX");

/// Folders at the root of somebody's machine.
const MACHINE_FOLDERS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Checks the lines of a file of any kind.
pub fn text_violations(file: &SourceFile) -> Vec<Violation> {
    let mut found = Vec::new();
    let extension = file.extension();
    let is_page = matches!(extension, "md" | "toml");
    let has_lines = is_page || extension == "rs";
    let has_paths = matches!(extension, "md" | "rs" | "toml" | "sh" | "c" | "h" | "py");
    for (number, line) in (1..).zip(file.text.split('\n')) {
        let mut report = |rule: String| found.push(Violation::new(&file.path, number, rule));
        if is_page {
            markers_in(line).for_each(|marker| report(marker_rule(marker)));
        }
        if has_paths || file.path.starts_with(".ci/") {
            machine_folders_in(line).for_each(|folder| report(format!("no path of a machine: {folder}")));
        }
        if has_lines && line.contains('\t') {
            report("a line has no tab".to_owned());
        }
        if has_lines && line.ends_with(char::is_whitespace) {
            report("a line has no white space at its end".to_owned());
        }
    }
    found
}

/// Checks the words of a file of code for markers of unfinished work.
pub fn marker_violations(path: &str, tokens: &[Token<'_>]) -> Vec<Violation> {
    let mut found = Vec::new();
    for token in tokens {
        for (line, text) in (token.line..).zip(token.text.lines()) {
            let marked =
                markers_in(text).filter(|marker| token.kind != Kind::Literal || *marker != CURRENCY_MARKER);
            found.extend(marked.map(|marker| Violation::new(path, line, marker_rule(marker))));
        }
    }
    found
}

fn marker_rule(marker: &str) -> String {
    format!("no marker of unfinished work: {marker}")
}

/// The markers that stand in a line as whole words.
fn markers_in(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|character: char| character != '_' && !character.is_alphanumeric());
    words.filter(|word| MARKERS.contains(word))
}

/// The folders of a machine that a line names from the root; `../work/` and addresses of pages do not.
fn machine_folders_in(line: &str) -> impl Iterator<Item = &'static str> {
    let at_the_root =
        |start: &str| !start.ends_with(|last: char| last.is_alphanumeric() || "._-~}".contains(last));
    MACHINE_FOLDERS.into_iter().filter(move |folder| {
        line.match_indices(folder).any(|(position, _)| line.get(..position).is_some_and(at_the_root))
    })
}

/// Checks that identifiers and comments are English. A comment may cite data: what stands in double
/// quotes or backticks, as in an example of the documentation, is a literal.
pub fn language_violations(path: &str, tokens: &[Token<'_>]) -> Vec<Violation> {
    let mut found = Vec::new();
    for token in tokens.iter().filter(|token| token.kind != Kind::Literal) {
        for (line, text) in (token.line..).zip(token.text.lines()) {
            if outside_of_citations(text).any(is_east_asian) {
                found.push(Violation::new(
                    path,
                    line,
                    "identifiers and comments are English; data stands in literals",
                ));
            }
        }
    }
    found
}

fn outside_of_citations(text: &str) -> impl Iterator<Item = char> {
    let mut closing = None;
    text.chars().filter(move |character| {
        match (closing, *character) {
            (None, '"' | '`') => closing = Some(*character),
            (Some(quote), other) if quote == other => closing = None,
            _ => return closing.is_none(),
        }
        false
    })
}

/// Whether a character is of the blocks that the Unicode Standard gives to East Asian scripts, their
/// punctuation and their forms of full width.
fn is_east_asian(character: char) -> bool {
    matches!(character,
        '\u{1100}'..='\u{11FF}'
        | '\u{2E80}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FE30}'..='\u{FE4F}'
        | '\u{FF00}'..='\u{FFEF}'
        | '\u{20000}'..='\u{3FFFF}')
}
