//! The house rules of the repository, as pure functions over the paths and texts of its files.
//!
//! A rule reads a [`Tree`] and answers with [`Violation`]s; only [`tree`] touches a disk. So every rule
//! is tested by planting its fault in a tree that exists in memory, and the same rules then read the
//! real one. What may name what is not written here: it is read out of `core/ARCHITECTURE.md`.

mod attributes;
mod imports;
mod lexer;
mod map;
mod packages;
mod places;
mod shape;
pub mod tree;
mod words;

use std::fmt;

use lexer::{Kind, Token};
use map::Map;

/// One file: its path from the root of the repository, with `/` between folders, and its text.
///
/// A file that is not UTF-8 has an empty text: no rule speaks of it but the one about places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Path from the root of the repository.
    pub path: String,
    /// Whole text.
    pub text: String,
}

impl SourceFile {
    fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

/// The files of a repository.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// Every file, in any order.
    pub files: Vec<SourceFile>,
}

impl Tree {
    /// The file at a path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a path names a file, or a folder with a file in it.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path.strip_prefix(path).is_some_and(is_whole_path))
    }
}

fn is_whole_path(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// A place where the house departs from a rule. It displays as `path:line: the rule's words`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What the rule asks for, in a sentence without full stop.
    pub rule: String,
}

impl Violation {
    fn new(path: &str, line: usize, rule: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule: rule.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

/// Every departure from every rule, once each, sorted by path and line.
#[must_use]
pub fn violations(tree: &Tree) -> Vec<Violation> {
    let map = Map::read(tree);
    let mut found = places::violations(tree, &map);
    found.extend(packages::violations(tree, &map));
    for file in &tree.files {
        found.extend(words::text_violations(file));
        if matches!(file.extension(), "rs" | "c" | "h") {
            let tokens = lexer::tokens(&file.text);
            found.extend(words::marker_violations(&file.path, &tokens));
            if file.extension() == "rs" {
                found.extend(rust_violations(file, &tokens, &map));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn rust_violations(file: &SourceFile, tokens: &[Token<'_>], map: &Map) -> Vec<Violation> {
    let (comments, code): (Vec<_>, Vec<_>) = tokens.iter().partition(|token| token.kind == Kind::Comment);
    let mut found = shape::violations(file, &code);
    found.extend(words::language_violations(&file.path, tokens));
    found.extend(attributes::violations(&file.path, &code, &comments));
    found.extend(imports::violations(&file.path, &code, map));
    found
}
