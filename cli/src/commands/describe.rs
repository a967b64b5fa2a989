//! `guanxi describe`: which methods and entities there are, and what each is made of.

use std::io;
use std::path::PathBuf;

use clap::Args;
use guanxi::{Result, Session, api};
use serde_json::{Value as Json, json};

use crate::commands::{list, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, visible};
use crate::table::Table;

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Describe {
    /// Directory of the database
    path: PathBuf,
    /// A method or an entity; if not said, all of them are listed
    name: Option<String>,
}

impl Describe {
    /// Describes.
    ///
    /// # Errors
    /// `schema.unknown_entity` if the name is neither a method nor an entity.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let methods = api::call(&session, "api.describe", &Json::Null)?;
        let methods = list(&methods, "methods");
        match &self.name {
            None => describe_all(host, &session, methods)?,
            Some(name) => match methods.iter().find(|method| text(method, "name") == name) {
                Some(method) => describe_method(host, method)?,
                None => describe_entity(host, &session, name)?,
            },
        }
        Ok(Ended::Done)
    }
}

fn describe_all(host: &Host, session: &Session, methods: &[Json]) -> Result<()> {
    let schema = api::call(session, "schema.describe", &Json::Null)?;
    if host.wants_json() {
        return output::json(&json!({"methods": methods, "schema": schema}));
    }
    list_of(["method", "help"], ["name", "help"], methods)?;
    output::line("")?;
    list_of(["entity", "label"], ["name", "label"], list(&schema, "entities"))
}

fn list_of(headings: [&str; 2], names: [&str; 2], items: &[Json]) -> Result<()> {
    let mut table = Table::new(headings);
    for item in items {
        table.push(names.map(|name| text(item, name)));
    }
    table.write(io::stdout().lock())
}

fn describe_method(host: &Host, method: &Json) -> Result<()> {
    if host.wants_json() {
        return output::json(method);
    }
    let shown = |name| visible(text(method, name));
    output::line(&format!("{}: {}\nreturns {}", shown("name"), shown("help"), shown("returns")))?;
    let parameters = list(method, "parameters");
    if parameters.is_empty() {
        return Ok(());
    }
    output::line("")?;
    let mut table = Table::new(["parameter", "type", "required", "help"]);
    for parameter in parameters {
        let shown = |name| text(parameter, name);
        table.push([shown("name"), shown("type"), mark(parameter, "required"), shown("help")]);
    }
    table.write(io::stdout().lock())
}

fn describe_entity(host: &Host, session: &Session, name: &str) -> Result<()> {
    let schema = api::call(session, "schema.describe", &json!({"entity": name}))?;
    if host.wants_json() {
        return output::json(&schema);
    }
    for entity in list(&schema, "entities") {
        output::line(&visible(&format!("{}: {}", text(entity, "name"), text(entity, "label"))))?;
        if !text(entity, "help").is_empty() {
            output::line(&visible(text(entity, "help")))?;
        }
        output::line("")?;
        let mut table = Table::new(["field", "label", "type", "required", "unique", "indexed", "of", "help"]);
        for field in list(entity, "fields") {
            let codes: Vec<&str> = list(field, "codes").iter().map(|code| text(code, "code")).collect();
            let of = format!("{}{}", text(field, "target"), codes.join(", "));
            let marks = ["required", "unique", "indexed"].map(|name| mark(field, name));
            let facts = ["name", "label", "type"].map(|name| text(field, name));
            table.push(facts.into_iter().chain(marks).chain([of.as_str(), text(field, "help")]));
        }
        table.write(io::stdout().lock())?;
    }
    Ok(())
}

/// How a table says yes.
fn mark(item: &Json, name: &str) -> &'static str {
    if item.get(name).and_then(Json::as_bool) == Some(true) { "yes" } else { "" }
}
