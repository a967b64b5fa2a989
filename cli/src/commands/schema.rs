//! `guanxi schema`: packages of metadata, held against a database, installed, taken back, and given out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use guanxi::{Code, Error, Result, api};
use serde_json::{Value as Json, json};

use crate::commands::{list, text};
use crate::exit::Ended;
use crate::host::Host;
use crate::output::{self, parse_json};
use crate::table::{self, Table};

/// Arguments of the command.
#[derive(Debug, Args)]
pub struct Schema {
    #[command(subcommand)]
    work: Work,
}

/// What is to be done with packages.
#[derive(Debug, Subcommand)]
enum Work {
    /// List the packages that were ever installed, with their versions
    List(List),
    /// Tell what a package would change, and change nothing
    Diff(Install),
    /// Install a package, in place of an older version of it
    Install(Install),
    /// Go back to the version of a package that was in force before
    RollBack(Named),
    /// Withdraw what a package declares; what is stored stays and can be read
    Remove(Named),
    /// Write what a namespace has as a package: `x` for the customer's own
    Export(Named),
}

#[derive(Debug, Args)]
struct List {
    /// Directory of the database
    path: PathBuf,
}

#[derive(Debug, Args)]
struct Install {
    /// Directory of the database
    path: PathBuf,
    /// The package, a file in JSON
    file: PathBuf,
}

#[derive(Debug, Args)]
struct Named {
    /// Directory of the database
    path: PathBuf,
    /// Namespace of the package
    package: String,
}

impl Schema {
    /// Lists, compares, installs, takes back or writes.
    ///
    /// # Errors
    /// `storage.io` for the file; those of the methods `schema.*`.
    pub fn run(&self, host: &Host) -> Result<Ended> {
        match &self.work {
            Work::List(arguments) => arguments.run(host),
            Work::Diff(arguments) => arguments.run(host, true),
            Work::Install(arguments) => arguments.run(host, false),
            Work::RollBack(arguments) => arguments.change(host, "schema.roll_back_package"),
            Work::Remove(arguments) => arguments.change(host, "schema.remove_package"),
            Work::Export(arguments) => arguments.export(host),
        }
    }
}

impl List {
    fn run(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let told = api::call(&session, "schema.packages", &Json::Null)?;
        if host.wants_json() {
            output::json(&told)?;
            return Ok(Ended::Done);
        }
        let mut table = Table::new(["package", "version", "label", "in force", "versions"]);
        for package in list(&told, "packages") {
            let versions: Vec<&str> = list(package, "versions").iter().filter_map(Json::as_str).collect();
            let active = table::cell(package.get("active").unwrap_or(&Json::Null));
            let [name, version, label] = ["package", "version", "label"].map(|name| text(package, name));
            table.push([name, version, label, &active, &versions.join(", ")]);
        }
        table.write(io::stdout().lock())?;
        Ok(Ended::Done)
    }
}

impl Install {
    fn run(&self, host: &Host, dry_run: bool) -> Result<Ended> {
        let package = parse_json("file", &read(&self.file)?)?;
        let session = host.session(&self.path)?;
        let plan =
            api::call(&session, "schema.install_package", &json!({"package": package, "dry_run": dry_run}))?;
        tell(host, &plan)
    }
}

impl Named {
    fn change(&self, host: &Host, method: &str) -> Result<Ended> {
        let session = host.session(&self.path)?;
        tell(host, &api::call(&session, method, &json!({"package": self.package}))?)
    }

    fn export(&self, host: &Host) -> Result<Ended> {
        let session = host.session(&self.path)?;
        let told = api::call(&session, "schema.export_package", &json!({"package": self.package}))?;
        output::json(told.get("package").unwrap_or(&Json::Null))?;
        Ok(Ended::Done)
    }
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file)
        .map_err(|error| Error::new(Code::Io).field("file").value(&file.to_string_lossy()).because(error))
}

/// What was or would be changed, a line for each element.
fn tell(host: &Host, plan: &Json) -> Result<Ended> {
    if host.wants_json() {
        output::json(plan)?;
        return Ok(Ended::Done);
    }
    let mut table = Table::new(["change", "element", "entity", "name", "layer", "properties"]);
    for change in list(plan, "changes") {
        let properties: Vec<&str> =
            list(change, "properties").iter().map(|property| text(property, "property")).collect();
        let cells =
            ["change", "element", "entity", "name", "layer"].map(|name| text(change, name).to_owned());
        table.push(cells.into_iter().chain([properties.join(", ")]));
    }
    table.write(io::stdout().lock())?;
    eprintln!("records to be read: {}", table::cell(plan.get("records").unwrap_or(&Json::Null)));
    Ok(Ended::Done)
}
