//! A small lexer: enough of Rust to tell the words of code from comments and from literals.
//!
//! It deliberately does not parse: rules look for short runs of tokens. C is near enough in comments,
//! texts and words for the one rule that reads it. Source: "The Rust Reference", chapter "Lexical structure".

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A line comment up to its line's end, or a block comment, documentation or not.
    Comment,
    /// A text, byte text, C text, character or byte, raw or not.
    Literal,
    /// An identifier, keyword, number or lifetime.
    Word,
    /// One character of punctuation, or `::`.
    Mark,
}

/// A piece of a source text.
#[derive(Debug, Clone, Copy)]
pub struct Token<'text> {
    /// What it is.
    pub kind: Kind,
    /// Its characters, as written.
    pub text: &'text str,
    /// The line on which it begins, from 1.
    pub line: usize,
}

impl Token<'_> {
    /// Whether this is the given keyword or identifier.
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }

    /// Whether this is the given punctuation.
    pub fn is_mark(&self, mark: &str) -> bool {
        self.kind == Kind::Mark && self.text == mark
    }

    /// The line on which it ends, from 1.
    pub fn last_line(&self) -> usize {
        self.line + line_breaks(self.text)
    }
}

/// Cuts a source text into its tokens; white space is left out. Nothing is refused: what never closes
/// reaches to the end of the text.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = measure(rest, first);
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if let Some(kind) = kind {
            found.push(Token { kind, text: token, line });
        }
        line += line_breaks(token);
        rest = after;
    }
    found
}

fn line_breaks(text: &str) -> usize {
    text.matches('\n').count()
}

/// The kind of what a text begins with, none for white space, and its length in bytes, at least 1.
fn measure(rest: &str, first: char) -> (Option<Kind>, usize) {
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if rest.starts_with("//") {
        return (Some(Kind::Comment), rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Some(Kind::Comment), block_comment(rest));
    }
    if let Some(length) = literal(rest) {
        return (Some(Kind::Literal), length);
    }
    if let Some(length) = word(rest) {
        return (Some(Kind::Word), length);
    }
    let length = if rest.starts_with("::") { 2 } else { first.len_utf8() };
    (Some(Kind::Mark), length)
}

/// The length of a block comment; in Rust they nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut previous = ' ';
    for (position, character) in rest.char_indices() {
        match (previous, character) {
            ('/', '*') => depth += 1,
            ('*', '/') if depth == 1 => return position + 1,
            ('*', '/') => depth -= 1,
            _ => {
                previous = character;
                continue;
            }
        }
        // A character belongs to one delimiter only: `/*/` opens and does not close.
        previous = ' ';
    }
    rest.len()
}

fn literal(rest: &str) -> Option<usize> {
    ["", "b", "c", "r", "br", "cr"].into_iter().find_map(|prefix| {
        let body = rest.strip_prefix(prefix)?;
        let length = if prefix.ends_with('r') {
            raw_text(body)
        } else {
            quoted_text(body).or_else(|| quoted_character(body))
        };
        Some(prefix.len() + length?)
    })
}

/// The length of `"…"` or `#"…"#` with any number of `#`.
fn raw_text(body: &str) -> Option<usize> {
    let inside = body.trim_start_matches('#');
    let hashes = body.len() - inside.len();
    let content = inside.strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    Some(content.find(&closing).map_or(body.len(), |end| hashes + 1 + end + closing.len()))
}

fn quoted_text(body: &str) -> Option<usize> {
    let mut escaped = false;
    let content = body.strip_prefix('"')?;
    for (position, character) in content.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(position + 2),
            _ => {}
        }
    }
    Some(body.len())
}

/// The length of `'x'` or `'\…'`; none for a lifetime, which has no closing quote.
fn quoted_character(body: &str) -> Option<usize> {
    let mut characters = body.strip_prefix('\'')?.char_indices();
    let (_, first) = characters.next()?;
    let (position, second) = characters.next()?;
    if first == '\\' {
        let (end, _) = characters.find(|(_, character)| *character == '\'')?;
        return Some(end + 2);
    }
    (second == '\'').then_some(position + 2)
}

/// The length of an identifier, number or lifetime.
fn word(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('\'').unwrap_or(rest);
    let quote = rest.len() - body.len();
    let end = body.find(|character: char| character != '_' && !character.is_alphanumeric());
    let length = end.unwrap_or(body.len());
    (length > 0).then_some(quote + length)
}
