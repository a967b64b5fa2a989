//! `guanxi stats`, `guanxi inspect`, `guanxi support`: what a database is like, for people and for support.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use clap::Args;
use guanxi::{Code, Error, Result, Session, api};
use serde_json::Value as Json;

use crate::exit::Ended;
use crate::host::Host;
use crate::table::{Table, cell};
use crate::{output, progress};

/// Arguments of `stats`.
#[derive(Debug, Args)]
pub struct Stats {
    /// Directory of the database
    path: PathBuf,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// Directory of the database
    path: PathBuf,
}

/// Arguments of `support`.
#[derive(Debug, Args)]
pub struct Support {
    /// Directory of the database
    path: PathBuf,
    /// File that the bundle is written to, which must not stand yet
    file: PathBuf,
}

impl Stats {
    /// Tells sizes and counts.
    ///
    /// # Errors
    /// Those of `database.statistics`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let answer = api::call(&session, "database.statistics", &Json::Null)?;
        if host.wants_json() {
            output::json(&answer)?;
        } else {
            in_tables(&answer)?;
        }
        Ok(Ended::Done)
    }
}

/// The tables of the database as a table, then the other figures, a line for each.
fn in_tables(answer: &Json) -> Result<()> {
    let columns = ["rows", "stored_bytes", "overhead_bytes"];
    let mut table = Table::new(["table"].into_iter().chain(columns));
    for (name, size) in answer.get("tables").and_then(Json::as_object).into_iter().flatten() {
        let figures = columns.iter().map(|column| size.get(column).map(cell).unwrap_or_default());
        table.push(std::iter::once(name.clone()).chain(figures));
    }
    let mut text = Vec::new();
    table.write(&mut text)?;
    output::line(&String::from_utf8_lossy(&text))?;
    let others = answer.as_object().into_iter().flatten().filter(|(_, figure)| figure.is_number());
    others.into_iter().try_for_each(|(name, figure)| output::line(&format!("{name}: {}", cell(figure))))
}

impl Inspect {
    /// Looks over the database.
    ///
    /// # Errors
    /// Those of `database.inspect`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let inspection = progress::shown(&session, Session::inspect)?;
        if host.wants_json() {
            output::json(&inspection.to_json())?;
        } else {
            let text = inspection.text(host.locale());
            text.lines().try_for_each(|line| output::line(&output::visible(line)))?;
        }
        Ok(Ended::Done)
    }
}

impl Support {
    /// Writes the bundle.
    ///
    /// # Errors
    /// Those of `database.support_bundle`; `storage.already_exists`, `storage.io` for the file.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let failed = |error: std::io::Error| {
            let code = match error.kind() {
                std::io::ErrorKind::AlreadyExists => Code::AlreadyExists,
                _ => Code::Io,
            };
            Error::new(code).field("file").value(&self.file.to_string_lossy()).because(error)
        };
        let file = File::options().write(true).create_new(true).open(&self.file).map_err(failed)?;
        let mut file = BufWriter::new(file);
        progress::shown(&session, |session| session.support_bundle(&mut file))?;
        file.flush().map_err(failed)?;
        Ok(Ended::Done)
    }
}
