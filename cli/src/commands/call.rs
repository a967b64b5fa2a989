//! `guanxi call`: any named method, with JSON in and out.

use std::io::{self, Read as _};
use std::path::PathBuf;

use clap::Args;
use guanxi::base::MAX_JSON_BYTES;
use guanxi::{Code, Error, Result, api};
use zeroize::Zeroizing;

use crate::exit::Ended;
use crate::host::Host;
use crate::output;

/// The text that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Call {
    /// Directory of the database
    path: PathBuf,
    /// Name of the method; `describe` lists them
    method: String,
    /// Parameters as a JSON object; `-` reads them from standard input, where no other user sees them
    parameters: Option<String>,
}

impl Call {
    /// Calls the method.
    ///
    /// # Errors
    /// Those of the method, and of `api::call_text`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let parameters = match self.parameters.as_deref() {
            Some(STANDARD_INPUT) => standard_input()?,
            given => Zeroizing::new(given.unwrap_or_default().to_owned()),
        };
        output::json(&api::call_text(&session, &self.method, &parameters)?)?;
        Ok(Ended::Done)
    }
}

/// The text of standard input, up to a byte more than a method accepts, which then says so.
fn standard_input() -> Result<Zeroizing<String>> {
    let most = u64::try_from(MAX_JSON_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().take(most).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Error::new(Code::InvalidUtf8).field("parameters"),
        _ => Error::from(error),
    })?;
    Ok(text)
}
