//! Floor 8: every public verb once more as a named method, with JSON in and out.
//!
//! The C interface's long tail, the command line and scripting hosts use nothing else. Each method is
//! declared once, with typed parameters, and `api.describe` is made from the declarations.
//! Invariants: a parameter that no method knows is refused; amounts never pass through a float.

mod base64;
mod declare;
mod json;
mod methods;
mod salvage;

pub use declare::{Method, Parameter};
pub use json::{condition_from_json, key_slot_to_json, listing_to_json, value_to_json};
pub use salvage::{salvage_report_to_json, salvage_to_folder};

use crate::base::{Code, Error, MAX_JSON_BYTES, Result};
use crate::engine::Session;
use serde_json::Value as Json;

/// Every method, in the order of their names.
#[must_use]
pub fn methods() -> Vec<&'static Method> {
    methods::all()
}

/// Calls a method.
///
/// # Errors
/// `input.unknown_method`, `input.missing_parameter`, `input.unknown_parameter`,
/// `input.invalid_argument` for a parameter of the wrong type, and those of the method.
pub fn call(session: &Session, name: &str, parameters: &Json) -> Result<Json> {
    let found = methods().into_iter().find(|method| method.name == name);
    let called = found.ok_or_else(|| Error::new(Code::UnknownMethod).value(name));
    let answer = called.and_then(|method| answer(session, method, parameters));
    answer.inspect_err(|error| session.crm().count_refusal(error))
}

fn answer(session: &Session, method: &Method, parameters: &Json) -> Result<Json> {
    let given = match parameters {
        Json::Null => serde_json::Map::new(),
        Json::Object(given) => given.clone(),
        _ => return Err(Error::new(Code::InvalidArgument).rule("parameters are a JSON object")),
    };
    declare::check(method, &given)?;
    (method.run)(session, given)
}

/// Calls a method with parameters as JSON text; empty text is no parameters.
///
/// # Errors
/// `input.invalid_json` with line and column, `input.limit_exceeded`; as [`call`].
pub fn call_text(session: &Session, name: &str, parameters: &str) -> Result<Json> {
    if parameters.len() > MAX_JSON_BYTES {
        return Err(Error::new(Code::LimitExceeded).rule("JSON <= 16 MiB"));
    }
    if parameters.trim().is_empty() {
        return call(session, name, &Json::Null);
    }
    let parsed = serde_json::from_str(parameters).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Error::new(Code::InvalidJson).rule(&place)
    })?;
    call(session, name, &parsed)
}
