//! The rules of exceptions: where unsafe code may stand and how it is argued, and which lints are silenced.

use crate::Violation;
use crate::lexer::{Kind, Token};

/// The folders in which unsafe code may stand.
const UNSAFE_FOLDERS: [&str; 3] = ["ffi/", "plugins/host/", "plugins/sdk/"];

/// Most lines between the end of a `SAFETY:` comment and what it argues for.
const SAFETY_DISTANCE: usize = 3;

/// Checks one file of Rust, given as its code and its comments.
pub fn violations(path: &str, code: &[Token<'_>], comments: &[Token<'_>]) -> Vec<Violation> {
    let mut found = unsafe_violations(path, code, &safety_comments(comments));
    found.extend(lint_violations(path, code));
    found
}

fn unsafe_violations(path: &str, code: &[Token<'_>], arguments: &[(usize, usize)]) -> Vec<Violation> {
    let is_allowed = UNSAFE_FOLDERS.iter().any(|folder| path.starts_with(folder));
    let mut found = Vec::new();
    let mut rest = code;
    while let [token, after @ ..] = rest {
        rest = after;
        if !token.is_word("unsafe") || is_pointer_type(after) {
            continue;
        }
        if !is_allowed {
            let rule = format!("unsafe code stands only in {}", UNSAFE_FOLDERS.join(", "));
            found.push(Violation::new(path, token.line, rule));
        } else if needs_argument(after) && !is_argued(token.line, arguments) {
            let rule =
                format!("a `SAFETY:` comment ends at most {SAFETY_DISTANCE} lines above an unsafe block");
            found.push(Violation::new(path, token.line, rule));
        }
    }
    found
}

/// Whether `unsafe` stands in the type of a pointer to a function, which does nothing by itself.
fn is_pointer_type(after: &[Token<'_>]) -> bool {
    let named = after.iter().skip_while(|token| token.is_word("extern") || token.kind == Kind::Literal);
    let mut named = named.take(2);
    named.next().is_some_and(|token| token.is_word("fn"))
        && named.next().is_some_and(|token| token.is_mark("("))
}

fn needs_argument(after: &[Token<'_>]) -> bool {
    after.first().is_some_and(|next| next.is_mark("{") || next.is_word("impl"))
}

fn is_argued(line: usize, arguments: &[(usize, usize)]) -> bool {
    arguments.iter().any(|(first, last)| *first <= line && line <= last + SAFETY_DISTANCE)
}

/// First and last lines of the comments that hold `SAFETY:`; comments on lines that follow are one.
fn safety_comments(comments: &[Token<'_>]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for comment in comments {
        match found.last_mut() {
            Some((_, last)) if *last + 1 == comment.line => *last = comment.last_line(),
            _ if comment.text.contains("SAFETY:") => found.push((comment.line, comment.last_line())),
            _ => {}
        }
    }
    found
}

fn lint_violations(path: &str, code: &[Token<'_>]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut rest = code;
    while let [token, after @ ..] = rest {
        rest = after;
        let inside = attribute_of(token, after);
        if calls(inside, "allow") {
            let rule =
                "an attribute `allow` is forbidden: `expect` says the reason and notices when it is gone";
            found.push(Violation::new(path, token.line, rule));
        }
        if calls(inside, "expect") && !inside.iter().any(|token| token.is_word("reason")) {
            found.push(Violation::new(path, token.line, "an attribute `expect` says its reason"));
        }
    }
    found
}

/// The tokens of the attribute that a `#` begins; nothing where it begins none.
fn attribute_of<'code, 'text>(token: &Token<'text>, after: &'code [Token<'text>]) -> &'code [Token<'text>] {
    let body = match after {
        [mark, rest @ ..] if mark.is_mark("!") => rest,
        other => other,
    };
    if !token.is_mark("#") || !body.first().is_some_and(|open| open.is_mark("[")) {
        return &[];
    }
    let mut depth = 0_usize;
    let end = body.iter().position(|token| {
        depth += usize::from(token.is_mark("["));
        depth -= usize::from(token.is_mark("]"));
        depth == 0
    });
    end.and_then(|end| body.split_at_checked(end)).map_or(body, |(inside, _)| inside)
}

fn calls(inside: &[Token<'_>], name: &str) -> bool {
    let followers = inside.iter().skip(1);
    inside.iter().zip(followers).any(|(word, open)| word.is_word(name) && open.is_mark("("))
}
