//! What goes to the two outputs: answers as JSON or text, and errors with cause and remedy.

use std::error::Error as _;
use std::io::{self, IsTerminal as _, Write as _};

use guanxi::base::Label;
use guanxi::{Code, Error, Locale, Result};
use serde_json::Value as Json;

/// How a terminal shows a match (ECMA-48, SGR 1 and 0).
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// Writes an answer as JSON that people can read, too.
///
/// # Errors
/// `storage.io`.
pub fn json(answer: &Json) -> Result<()> {
    line(&format!("{answer:#}"))
}

/// Writes one line to standard output.
///
/// # Errors
/// `storage.io`.
pub fn line(text: &str) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// Reads JSON that stands on the command line.
///
/// # Errors
/// `input.invalid_json` with line and column.
pub fn parse_json(field: &str, text: &str) -> Result<Json> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Error::new(Code::InvalidJson).field(field).rule(&place)
    })
}

/// Tells an error on standard error: message, cause and remedy.
pub fn complain(error: &Error, locale: Locale, as_json: bool) {
    let text = if as_json { error.to_json(locale).to_string() } else { in_words(error, locale) };
    // Where even this output is gone, the exit status still speaks.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn in_words(error: &Error, locale: Locale) -> String {
    let code = error.code();
    let mut lines = vec![format!("guanxi: {}: {}", code.key(), error.message(locale))];
    let mut add = |zh: &str, en: &str, text: &str| {
        lines.push(format!("  {}: {text}", Label::new(zh, en).text(locale)));
    };
    if let Some(source) = error.source() {
        add("详情", "detail", &source.to_string());
    }
    add("原因", "cause", code.cause(locale));
    add("办法", "remedy", code.remedy(locale));
    lines.iter().map(|line| visible(line)).collect::<Vec<_>>().join("\n")
}

/// Whether an error says only that nobody reads the answer any more, as behind `| head`.
pub fn is_closed_pipe(error: &Error) -> bool {
    let system = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    system.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The text in one line, and without characters that would command the terminal or turn the order of
/// letters round (the explicit directional formatting characters of UAX #9): what stands in a record was
/// perhaps sent by a stranger.
pub fn visible(text: &str) -> String {
    let shown = |character: char| match character {
        '\t' | '\n' | '\r' => ' ',
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        other if other.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    };
    text.chars().map(shown).collect()
}

/// Whether answers may have colours: on a terminal, unless `NO_COLOR` is set (no-color.org).
pub fn has_colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The text in one line with its matches, which are ranges of bytes in order, made bold if asked for.
/// A range that is not of this text is passed over.
pub fn highlighted(text: &str, ranges: &[(usize, usize)], bold: bool) -> String {
    let mut shown = String::new();
    let mut at = 0;
    for (start, end) in ranges {
        if let (true, Some(before), Some(matched)) = (bold, text.get(at..*start), text.get(*start..*end)) {
            shown.extend([visible(before).as_str(), BOLD, visible(matched).as_str(), PLAIN]);
            at = *end;
        }
    }
    shown.push_str(&visible(text.get(at..).unwrap_or_default()));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_cannot_command_the_terminal() {
        assert_eq!(visible("a\u{1b}[31mb\u{202E}c\nd\u{9b}"), "a\u{FFFD}[31mb\u{FFFD}c d\u{FFFD}");
        assert_eq!(visible("上海加喜 é"), "上海加喜 é");
    }

    #[test]
    fn matches_are_bold_on_a_terminal_and_plain_elsewhere() {
        let ranges = [(6, 12), (13, 15)];
        assert_eq!(
            highlighted("上海加喜 ab", &ranges, true),
            "上海\u{1b}[1m加喜\u{1b}[0m \u{1b}[1mab\u{1b}[0m"
        );
        assert_eq!(highlighted("上海加喜 ab", &ranges, false), "上海加喜 ab");
    }

    #[test]
    fn ranges_that_do_not_fit_the_text_are_passed_over() {
        assert_eq!(highlighted("加喜", &[(1, 2), (3, 99)], true), "加喜");
    }
}
