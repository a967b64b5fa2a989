//! The rules of shape: how a file begins, and how long files and functions are.

use crate::lexer::{Kind, Token};
use crate::{SourceFile, Violation};

/// Most lines of a file.
const FILE_LINES: usize = 1_000;
/// Most lines of the roof of a package, which holds documentation and re-exports.
const ROOF_LINES: usize = 250;
/// Most lines of a function, from the word `fn` to its closing brace.
const FUNCTION_LINES: usize = 70;
/// Fewest words of the line that says what a file is for.
const OPENING_WORDS: usize = 5;

/// Checks one file of Rust, of which `code` is everything but the comments.
pub fn violations(file: &SourceFile, code: &[Token<'_>]) -> Vec<Violation> {
    let mut found: Vec<Violation> = opening_violation(file).into_iter().collect();
    found.extend(length_violation(file));
    found.extend(function_violations(&file.path, code));
    found
}

fn opening_violation(file: &SourceFile) -> Option<Violation> {
    let opening = file.text.lines().next().and_then(|line| line.strip_prefix("//!"));
    let words = opening.map_or(0, |opening| opening.split_whitespace().count());
    let rule = format!("a file begins with `//!` and at least {OPENING_WORDS} words on what it is for");
    (words < OPENING_WORDS).then(|| Violation::new(&file.path, 1, rule))
}

fn length_violation(file: &SourceFile) -> Option<Violation> {
    let is_roof = file.path.rsplit('/').next() == Some("lib.rs");
    let (what, most) = if is_roof { ("a lib.rs", ROOF_LINES) } else { ("a file", FILE_LINES) };
    let lines = file.text.lines().count();
    let rule = format!("{what} has at most {most} lines, and this one has {lines}");
    (lines > most).then(|| Violation::new(&file.path, most + 1, rule))
}

fn function_violations(path: &str, code: &[Token<'_>]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut rest = code;
    while let [token, after @ ..] = rest {
        if let (true, Some(name)) = (token.is_word("fn"), name_of(after)) {
            let lines = last_line(after).map_or(0, |last| last + 1 - token.line);
            if lines > FUNCTION_LINES {
                let rule = format!("a function has at most {FUNCTION_LINES} lines, and {name} has {lines}");
                found.push(Violation::new(path, token.line, rule));
            }
        }
        rest = after;
    }
    found
}

/// The name behind the word `fn`; the type of a pointer to a function has none.
fn name_of<'text>(after: &[Token<'text>]) -> Option<&'text str> {
    after
        .iter()
        .find(|token| !token.is_mark("$"))
        .filter(|token| token.kind == Kind::Word)
        .map(|token| token.text)
}

/// The line of the closing brace of a function; none where it has no body. The first brace outside of
/// round and square brackets opens the body; a semicolon there says that none follows.
fn last_line(after: &[Token<'_>]) -> Option<usize> {
    let mut brackets = 0_usize;
    let mut braces = 0_usize;
    for token in after.iter().filter(|token| token.kind == Kind::Mark) {
        match token.text {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets = brackets.saturating_sub(1),
            ";" if brackets == 0 && braces == 0 => return None,
            "{" if brackets == 0 || braces > 0 => braces += 1,
            "}" if braces == 1 => return Some(token.line),
            "}" => braces = braces.saturating_sub(1),
            _ => {}
        }
    }
    None
}
