//! The rule of direction inside the core: a room names only the rooms that the map permits it.
//!
//! Every path that begins with `crate`, `super` or `self` counts, in imports and in code, in tests too;
//! paths in comments and in literals do not. `core/src/lib.rs` is the roof and may name everything.

use crate::Violation;
use crate::lexer::{Kind, Token};
use crate::map::{Map, PAGE};
use crate::places::ROOMS;

/// A path as it is written, word by word, and the line on which its last word stands.
#[derive(Default)]
struct Reference<'text> {
    segments: Vec<&'text str>,
    line: usize,
}

impl<'text> Reference<'text> {
    fn with(&self, token: &Token<'text>) -> Self {
        let segments = self.segments.iter().copied().chain([token.text]).collect();
        Self { segments, line: token.line }
    }

    /// The path from the root of the crate, for one that is written in the module `here`.
    fn resolved(&self, here: &[&'text str]) -> Vec<&'text str> {
        let mut path = here.to_vec();
        for segment in &self.segments {
            match *segment {
                "crate" => path.clear(),
                "self" => {}
                "super" => drop(path.pop()),
                name => path.push(name),
            }
        }
        path
    }
}

/// Checks the paths in the code of one file; a file outside of the core's rooms has none to check.
pub fn violations(path: &str, code: &[Token<'_>], map: &Map) -> Vec<Violation> {
    let Some(module) = module_of(path) else { return Vec::new() };
    let room = room_of(&module);
    let Some(row) = map.room(&room) else { return Vec::new() };
    let mut found = Vec::new();
    for (target, line) in targets(code, &module) {
        let target_room = room_of(&target);
        let objection = match map.room(&target_room) {
            Some(_) => row.objection(&room, &target_room),
            None => Some(on_the_roof(&target)),
        };
        found.extend(objection.map(|rule| Violation::new(path, line, rule)));
    }
    found
}

fn on_the_roof(target: &[&str]) -> String {
    let path = ["crate"].iter().chain(target).copied().collect::<Vec<_>>().join("::");
    format!("{path} is in no room of {PAGE}: a thing is named where it lives, not on the roof")
}

/// The module path of a file, from the root of the crate; none for the roof and for other packages.
fn module_of(path: &str) -> Option<Vec<&str>> {
    let module = path.strip_prefix(ROOMS)?.strip_suffix(".rs").filter(|module| *module != "lib")?;
    Some(module.strip_suffix("/mod").unwrap_or(module).split('/').collect())
}

/// The room in which a path lies: its first segment, or its first two on the landing.
fn room_of(path: &[&str]) -> String {
    let length = if path.first() == Some(&"features") { 2 } else { 1 };
    path.iter().take(length).copied().collect::<Vec<_>>().join("/")
}

/// Every path of a file, from the root of the crate, with its line.
fn targets<'text>(code: &[Token<'text>], module: &[&'text str]) -> Vec<(Vec<&'text str>, usize)> {
    let mut found = Vec::new();
    let mut scope = Scope { file: module, inline: Vec::new(), depth: 0 };
    let mut previous = "";
    let mut rest = code;
    while let [token, after @ ..] = rest {
        if begins_path(previous, token, after) {
            let mut references = Vec::new();
            rest = read_path(rest, &Reference::default(), &mut references);
            let here = scope.path();
            found.extend(references.iter().map(|reference| (reference.resolved(&here), reference.line)));
        } else {
            scope.pass(token, after);
            rest = after;
        }
        previous = token.text;
    }
    found
}

/// Whether a token is the first of a path that is told from a known module. `pub(crate)` names nobody.
fn begins_path(previous: &str, token: &Token<'_>, after: &[Token<'_>]) -> bool {
    let continues = after.first().is_some_and(|next| next.is_mark("::"));
    let is_start = if token.is_word("crate") {
        continues || previous != "("
    } else {
        continues && (token.is_word("super") || token.is_word("self"))
    };
    is_start && previous != "::"
}

/// Reads a path, or a tree of them in braces, and gives back the tokens behind it.
fn read_path<'code, 'text>(
    code: &'code [Token<'text>],
    stem: &Reference<'text>,
    found: &mut Vec<Reference<'text>>,
) -> &'code [Token<'text>] {
    match code {
        [word, mark, rest @ ..] if word.kind == Kind::Word && mark.is_mark("::") => {
            read_path(rest, &stem.with(word), found)
        }
        [open, rest @ ..] if open.is_mark("{") => read_group(rest, stem, found),
        [last, rest @ ..] if last.kind == Kind::Word || last.is_mark("*") => {
            found.push(stem.with(last));
            rest
        }
        _ => {
            found.push(Reference { segments: stem.segments.clone(), line: stem.line });
            code
        }
    }
}

fn read_group<'code, 'text>(
    mut code: &'code [Token<'text>],
    stem: &Reference<'text>,
    found: &mut Vec<Reference<'text>>,
) -> &'code [Token<'text>] {
    while let [token, after @ ..] = code {
        if token.is_mark("}") {
            return after;
        }
        code = if token.is_mark(",") { after } else { skip_alias(read_path(code, stem, found)) };
    }
    code
}

/// Passes over what may follow a path inside braces, which is `as` and a name.
fn skip_alias<'code, 'text>(code: &'code [Token<'text>]) -> &'code [Token<'text>] {
    let end = code.iter().position(|token| token.is_mark(",") || token.is_mark("}"));
    end.and_then(|end| code.split_at_checked(end)).map_or(&[], |(_, rest)| rest)
}

/// The module in which a token stands: that of its file, and the modules written out inside it.
struct Scope<'file, 'text> {
    file: &'file [&'text str],
    /// Names of the open modules, each with the depth of braces around it.
    inline: Vec<(usize, &'text str)>,
    depth: usize,
}

impl<'text> Scope<'_, 'text> {
    fn path(&self) -> Vec<&'text str> {
        self.file.iter().copied().chain(self.inline.iter().map(|(_, name)| *name)).collect()
    }

    fn pass(&mut self, token: &Token<'text>, after: &[Token<'text>]) {
        if let (true, [name, open, ..]) = (token.is_word("mod"), after)
            && open.is_mark("{")
        {
            self.inline.push((self.depth, name.text));
        } else if token.is_mark("{") {
            self.depth += 1;
        } else if token.is_mark("}") {
            self.depth = self.depth.saturating_sub(1);
            self.inline.pop_if(|(depth, _)| *depth == self.depth);
        }
    }
}
