//! Where a package goes: into one stream of JSON, or into a folder with JSON, a page for people, and attachments.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::package::PACKAGE_SCHEMA;
use super::page::Page;
use crate::base::{Code, Error, Locale, RecordId, Result};

/// The files of a folder.
const DOCUMENT: &str = "package.json";
const PAGE: &str = "index.html";
const SCHEMA: &str = "package.schema.json";
const ATTACHMENTS: &str = "attachments";

/// Takes the parts of a package, in their order.
pub(super) trait Sink {
    /// The members with which it begins.
    fn begin(&mut self, head: &Json) -> Result<()>;
    /// A list begins.
    fn section(&mut self, name: &'static str) -> Result<()>;
    /// One of the list.
    fn item(&mut self, item: &Json) -> Result<()>;
    /// A content, where it takes contents: where it lies.
    fn content(&mut self, id: RecordId, name: &str, content: &mut dyn Read) -> Result<Option<String>>;
    /// Whether it takes contents.
    fn takes_contents(&self) -> bool;
    /// The members with which it ends.
    fn end(&mut self, tail: &Json) -> Result<()>;
}

/// One JSON document, written as it comes.
pub(super) struct Document<W: Write> {
    out: W,
    /// How many of the list stand, if one is open.
    open: Option<u64>,
}

impl<W: Write> Document<W> {
    pub fn new(out: W) -> Self {
        Self { out, open: None }
    }

    fn close(&mut self) -> Result<()> {
        if self.open.take().is_some() {
            write!(self.out, "\n  ]")?;
        }
        Ok(())
    }
}

impl<W: Write> Sink for Document<W> {
    fn begin(&mut self, head: &Json) -> Result<()> {
        write!(self.out, "{{")?;
        for (place, (name, member)) in head.as_object().into_iter().flatten().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(self.out, "{comma}\n  {}: {member}", Json::from(name.as_str()))?;
        }
        Ok(())
    }

    fn section(&mut self, name: &'static str) -> Result<()> {
        self.close()?;
        write!(self.out, ",\n  {}: [", Json::from(name))?;
        self.open = Some(0);
        Ok(())
    }

    fn item(&mut self, item: &Json) -> Result<()> {
        let count = self.open.get_or_insert(0);
        let comma = if *count == 0 { "" } else { "," };
        *count = count.saturating_add(1);
        Ok(write!(self.out, "{comma}\n    {item}")?)
    }

    fn content(&mut self, _: RecordId, _: &str, _: &mut dyn Read) -> Result<Option<String>> {
        Ok(None)
    }

    fn takes_contents(&self) -> bool {
        false
    }

    fn end(&mut self, tail: &Json) -> Result<()> {
        self.close()?;
        for (name, member) in tail.as_object().into_iter().flatten() {
            write!(self.out, ",\n  {}: {member}", Json::from(name.as_str()))?;
        }
        writeln!(self.out, "\n}}")?;
        Ok(self.out.flush()?)
    }
}

/// A folder that nobody had before.
pub(super) struct Folder {
    path: PathBuf,
    document: Document<BufWriter<File>>,
    page: Page<BufWriter<File>>,
}

impl Folder {
    pub fn create(path: &Path, locale: Locale) -> Result<Self> {
        fs::create_dir(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::new(Code::AlreadyExists).because(error),
            _ => Error::from(error),
        })?;
        let begun = Self::files(path, locale);
        if begun.is_err() {
            remove(path);
        }
        begun
    }

    fn files(path: &Path, locale: Locale) -> Result<Self> {
        let file = |name: &str| File::create_new(path.join(name)).map(BufWriter::new);
        fs::write(path.join(SCHEMA), PACKAGE_SCHEMA)?;
        let (document, page) = (Document::new(file(DOCUMENT)?), Page::new(file(PAGE)?, locale));
        Ok(Self { path: path.to_owned(), document, page })
    }
}

/// Takes a package away that did not come to its end: half of it is of no use, and lies about.
pub(super) fn remove(path: &Path) {
    // What stands in its way is told by the error with which it ended.
    let _ = fs::remove_dir_all(path);
}

impl Sink for Folder {
    fn begin(&mut self, head: &Json) -> Result<()> {
        self.document.begin(head)?;
        self.page.begin(head)
    }

    fn section(&mut self, name: &'static str) -> Result<()> {
        self.document.section(name)?;
        self.page.section(name)
    }

    fn item(&mut self, item: &Json) -> Result<()> {
        self.document.item(item)?;
        self.page.item(item)
    }

    fn content(&mut self, id: RecordId, name: &str, content: &mut dyn Read) -> Result<Option<String>> {
        let folder = self.path.join(ATTACHMENTS);
        fs::create_dir_all(&folder)?;
        let name = format!("{id}{}", extension(name));
        let mut file = File::create_new(folder.join(&name))?;
        io::copy(content, &mut file)
            .map_err(|error| error.downcast::<Error>().unwrap_or_else(Error::from))?;
        Ok(Some(format!("{ATTACHMENTS}/{name}")))
    }

    fn takes_contents(&self) -> bool {
        true
    }

    fn end(&mut self, tail: &Json) -> Result<()> {
        self.document.end(tail)?;
        self.page.end(tail)
    }
}

/// The ending of a name by which systems know what a file is, if it is a plain one. The rest of the name is whatever
/// somebody typed, and stands in the document.
fn extension(name: &str) -> String {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    let plain =
        !ending.is_empty() && ending.len() <= 8 && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain { format!(".{}", ending.to_ascii_lowercase()) } else { String::new() }
}
