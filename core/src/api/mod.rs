//! Floor 8: every public verb once more as a named method, with JSON in and out.
//!
//! The C interface's long tail, the command line and scripting hosts use nothing else. Each method is
//! declared once, with typed parameters, and `api.describe` is made from the declarations. Most are called
//! with a session; those that make, restore or salvage a database are called without one.
//! Invariants: a parameter that no method knows is refused; amounts never pass through a float.

mod declare;
mod described;
mod json;
mod methods;
mod planned;
mod salvage;
mod words;

pub use declare::{Method, Parameter, SessionUse};
pub use json::{
    changes_from_json, condition_from_json, explanation_to_json, key_slot_to_json, listing_to_json,
    restore_report_to_json,
};
pub use salvage::{salvage_report_to_json, salvage_to_folder};

use std::borrow::Cow;

use crate::base::{Code, Error, MAX_JSON_BYTES, Patience, Result};
use crate::engine::Session;
use declare::{Caller, Run, Secret};
use serde_json::{Map, Value as Json};

/// Every method, in the order of their names.
#[must_use]
pub fn methods() -> Vec<&'static Method> {
    methods::all()
}

/// Calls a method with a session.
///
/// # Errors
/// `input.unknown_method`, `input.session_not_taken` for a method that is called without a session,
/// `input.missing_parameter`, `input.unknown_parameter`, `input.invalid_argument` for a parameter of the
/// wrong type, and those of the method.
pub fn call(session: &Session, name: &str, parameters: &Json) -> Result<Json> {
    let answer = match find(name) {
        Ok(method) => match method.run {
            Run::With(run) => check(method, parameters).and_then(|given| run(session, &given)),
            Run::Either(run) => {
                check(method, parameters).and_then(|given| run(&Caller { session: Some(session) }, &given))
            }
            Run::Without(_) => Err(Error::new(Code::SessionNotTaken).entity(method.name)),
        },
        // What the engine does not know, an extension may.
        Err(_) => session.run_action(name, parameters),
    };
    answer.inspect_err(|error| session.crm().count_refusal(error))
}

/// Calls a method that needs no session, because no database is open: one that makes, restores or salvages
/// a database, or looks at a backup. How long it may take, who may cancel it, and who is told how far it is,
/// is its patience.
///
/// ```
/// use guanxi::{Patience, api};
/// use serde_json::json;
///
/// # fn main() -> guanxi::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("jiaxi.guanxi");
/// let given = json!({
///     "path": path,
///     "key": {"raw": "07".repeat(32)},
///     "administrator_name": "lin@jiaxi.cn",
///     "administrator_password": "a long password",
/// });
/// let patience = Patience::default().telling(|so_far| println!("{} {}", so_far.phase, so_far.done));
/// api::call_without_session("database.create", &given, &patience)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`call`], but `input.session_required` for a method that needs a session.
pub fn call_without_session(name: &str, parameters: &Json, patience: &Patience) -> Result<Json> {
    let method = find(name)?;
    match method.run {
        Run::Without(run) => run(patience, &*check(method, parameters)?),
        Run::Either(run) => run(&Caller { session: None }, &*check(method, parameters)?),
        Run::With(_) => Err(Error::new(Code::SessionRequired).entity(method.name)),
    }
}

/// Calls a method with parameters as JSON text; empty text is no parameters.
///
/// # Errors
/// `input.invalid_json` with line and column, `input.limit_exceeded`; as [`call`].
pub fn call_text(session: &Session, name: &str, parameters: &str) -> Result<Json> {
    call(session, name, &*parse(parameters)?)
}

/// As [`call_without_session`], with parameters as JSON text; empty text is no parameters.
///
/// # Errors
/// `input.invalid_json` with line and column, `input.limit_exceeded`; as [`call_without_session`].
pub fn call_text_without_session(name: &str, parameters: &str, patience: &Patience) -> Result<Json> {
    call_without_session(name, &*parse(parameters)?, patience)
}

fn find(name: &str) -> Result<&'static Method> {
    let found = methods().into_iter().find(|method| method.name == name);
    found.ok_or_else(|| Error::new(Code::UnknownMethod).value(name))
}

/// The parameters, if the method has no others and all that it needs are there.
fn check<'a>(method: &Method, parameters: &'a Json) -> Result<Cow<'a, Map<String, Json>>> {
    let given = match parameters {
        Json::Null => Cow::Owned(Map::new()),
        Json::Object(given) => Cow::Borrowed(given),
        _ => return Err(Error::new(Code::InvalidArgument).rule("parameters are a JSON object")),
    };
    declare::check(method, &given)?;
    Ok(given)
}

/// What a text says. It may hold a key or a password, and is wiped as such; the text is the host's.
fn parse(parameters: &str) -> Result<Secret<Json>> {
    if parameters.len() > MAX_JSON_BYTES {
        return Err(Error::new(Code::LimitExceeded).rule("JSON <= 16 MiB"));
    }
    if parameters.trim().is_empty() {
        return Ok(Secret(Json::Null));
    }
    let parsed = serde_json::from_str(parameters).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Error::new(Code::InvalidJson).rule(&place)
    })?;
    Ok(Secret(parsed))
}
