//! Where keys and passwords come from: a file, the environment, the terminal, and never an argument.

use std::env::{self, VarError};
use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use guanxi::base::Label;
use guanxi::{Code, Error, Key, Locale, Result};
use zeroize::Zeroizing;

use crate::arguments::KeyKind;

/// Largest file of a key, in bytes.
const MAX_KEY_FILE: u64 = 4_096;

/// Who is asked for a secret, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Once, for a secret that stands.
    Once,
    /// Twice, for a new secret, which a slip of the finger would lose.
    Twice,
}

/// Which key is asked for: where it may stand, and what people are told.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The file, if one is named.
    pub file: Option<&'a Path>,
    /// What it is made of, if that is said.
    pub kind: Option<KeyKind>,
    variable: &'static str,
    prompt: (&'static str, &'static str),
}

impl<'a> Wanted<'a> {
    /// The key that opens a database, in `GUANXI_KEY` if there is no file.
    pub fn present(file: Option<&'a Path>, kind: Option<KeyKind>) -> Self {
        Self { file, kind, variable: "GUANXI_KEY", prompt: ("数据库密钥", "Key of the database") }
    }

    /// The key that is to open it, in `GUANXI_NEW_KEY` if there is no file.
    pub fn coming(file: Option<&'a Path>, kind: Option<KeyKind>) -> Self {
        Self { file, kind, variable: "GUANXI_NEW_KEY", prompt: ("新的密钥", "New key") }
    }
}

/// A key: from its file if there is one, else from its variable, else from the terminal.
///
/// # Errors
/// `storage.io` if the file cannot be read; `input.invalid_argument` for a key of another form;
/// `input.missing_parameter` where nobody can be asked.
pub fn key(wanted: Wanted<'_>, locale: Locale, asked: Asked) -> Result<Key> {
    let Wanted { file, kind, variable: name, prompt: (zh, en) } = wanted;
    if let Some(path) = file {
        return key_of(&read(path)?, kind);
    }
    let words = match variable(name)? {
        Some(words) => words,
        None => ask("key", &Label::new(zh, en), locale, asked)?,
    };
    key_of(words.as_bytes(), kind.or((!is_hexadecimal(&words)).then_some(KeyKind::Passphrase)))
}

/// A password: from `GUANXI_PASSWORD`, else from the terminal.
///
/// # Errors
/// `input.missing_parameter` where nobody can be asked; `input.invalid_argument` if two inputs differ.
pub fn password(user: &str, locale: Locale, asked: Asked) -> Result<Zeroizing<String>> {
    let prompt = Label::new(&format!("{user} 的密码"), &format!("Password of {user}"));
    match variable("GUANXI_PASSWORD")? {
        Some(password) => Ok(password),
        None => ask("password", &prompt, locale, asked),
    }
}

/// The password that comes after one that is to be changed: from `GUANXI_NEW_PASSWORD`, else from the terminal, twice.
///
/// # Errors
/// As [`password`].
pub fn new_password(user: &str, locale: Locale) -> Result<Zeroizing<String>> {
    let prompt = Label::new(&format!("{user} 的新密码"), &format!("New password of {user}"));
    match variable("GUANXI_NEW_PASSWORD")? {
        Some(password) => Ok(password),
        None => ask("password", &prompt, locale, Asked::Twice),
    }
}

/// The user to sign in: from `GUANXI_USER`, else from the terminal.
///
/// # Errors
/// `input.missing_parameter` where nobody can be asked.
pub fn user(locale: Locale) -> Result<String> {
    if let Some(name) = variable("GUANXI_USER")? {
        return Ok(name.to_string());
    }
    let missing =
        || Error::new(Code::MissingParameter).field("user").rule("--as, GUANXI_USER, or a terminal");
    if !io::stdin().is_terminal() {
        return Err(missing());
    }
    eprint!("{}", Label::new("用户：", "User: ").text(locale));
    io::stderr().flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let name = line.trim();
    if name.is_empty() { Err(missing()) } else { Ok(name.to_owned()) }
}

fn variable(name: &str) -> Result<Option<Zeroizing<String>>> {
    match env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(Zeroizing::new(value))),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::new(Code::InvalidUtf8).field(name)),
    }
}

fn ask(field: &str, prompt: &Label, locale: Locale, asked: Asked) -> Result<Zeroizing<String>> {
    let again = Label::new("再输一次", "once more");
    let read = |prompt: String| {
        let nobody = || Error::new(Code::MissingParameter).field(field).rule("environment, file or terminal");
        rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|error| nobody().because(error))
    };
    let first = read(format!("{}: ", prompt.text(locale)))?;
    if asked == Asked::Twice && read(format!("{} ({}): ", prompt.text(locale), again.text(locale)))? != first
    {
        return Err(Error::new(Code::InvalidArgument).field(field).rule("the same words twice"));
    }
    Ok(first)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let failed = |error: io::Error| {
        Error::new(Code::Io).field("key_file").value(&path.to_string_lossy()).because(error)
    };
    // With the room for everything from the start, growing leaves no copy behind.
    let room = usize::try_from(MAX_KEY_FILE.saturating_add(1)).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_KEY_FILE.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() < room { Ok(bytes) } else { Err(refused("a file of at most 4096 bytes")) }
}

fn refused(rule: &str) -> Error {
    Error::new(Code::InvalidArgument).field("key").rule(rule)
}

fn key_of(bytes: &[u8], kind: Option<KeyKind>) -> Result<Key> {
    match kind {
        Some(KeyKind::Raw) => raw(bytes).ok_or_else(|| refused("32 bytes, or 64 hexadecimal digits")),
        Some(KeyKind::Passphrase) => passphrase(bytes),
        Some(KeyKind::Recovery) => Key::recovery(line_of(bytes)?),
        // A passphrase of 31 letters and its line feed are 32 bytes, too; chance makes no such key.
        None if is_line(bytes) && !is_hexadecimal(line_of(bytes)?) => passphrase(bytes),
        None => raw(bytes).map_or_else(|| passphrase(bytes), Ok),
    }
}

fn raw(bytes: &[u8]) -> Option<Key> {
    let mut key = Zeroizing::new([0_u8; 32]);
    if bytes.len() == key.len() {
        key.copy_from_slice(bytes);
        return Some(Key::raw(*key));
    }
    let text = line_of(bytes).ok().filter(|text| is_hexadecimal(text))?;
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(Key::raw(*key))
}

fn passphrase(bytes: &[u8]) -> Result<Key> {
    let line = line_of(bytes)?;
    if line.is_empty() || line.contains(['\n', '\r']) {
        return Err(refused("a passphrase in one line"));
    }
    Ok(Key::from_passphrase(line))
}

/// The text without the end of its line.
fn line_of(bytes: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::new(Code::InvalidUtf8).field("key"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text))
}

/// Whether the bytes are a line of text with its end.
fn is_line(bytes: &[u8]) -> bool {
    let ended = bytes.ends_with(b"\n");
    ended && line_of(bytes).is_ok_and(|line| !line.contains(char::is_control))
}

fn is_hexadecimal(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(bytes: &[u8], kind: Option<KeyKind>) -> String {
        key_of(bytes, kind).map_or_else(|error| error.code().key().to_owned(), |key| format!("{key:?}"))
    }

    #[test]
    fn thirty_two_bytes_and_sixty_four_digits_are_a_raw_key() {
        assert_eq!(kind_of(&[7; 32], None), "Key(raw)");
        assert_eq!(kind_of(&[0xFF; 32], None), "Key(raw)");
        assert_eq!(kind_of("07".repeat(32).as_bytes(), None), "Key(raw)");
        assert_eq!(kind_of(format!("{}\r\n", "aB".repeat(32)).as_bytes(), None), "Key(raw)");
    }

    #[test]
    fn other_text_is_a_passphrase_even_if_its_line_is_as_long_as_a_key() {
        assert_eq!(kind_of(b"correct horse\n", None), "Key(passphrase)");
        assert_eq!(kind_of("正确的马\n".as_bytes(), None), "Key(passphrase)");
        assert_eq!(kind_of(format!("{}\n", "x".repeat(31)).as_bytes(), None), "Key(passphrase)");
    }

    #[test]
    fn the_kind_that_is_said_holds() {
        assert_eq!(kind_of("07".repeat(32).as_bytes(), Some(KeyKind::Passphrase)), "Key(passphrase)");
        assert_eq!(kind_of(b"correct horse", Some(KeyKind::Raw)), "input.invalid_argument");
        assert_eq!(kind_of(b"correct horse", Some(KeyKind::Recovery)), "input.invalid_argument");
    }

    #[test]
    fn two_lines_no_line_and_other_encodings_are_refused() {
        assert_eq!(kind_of(b"one\ntwo\n", None), "input.invalid_argument");
        assert_eq!(kind_of(b"\n", None), "input.invalid_argument");
        assert_eq!(kind_of(&[0xFF; 31], None), "input.invalid_utf8");
    }
}
