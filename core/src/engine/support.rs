//! The support bundle: what whoever helps needs to know of a database, and nothing of the customers in it.
//!
//! No name, value, user or path is in it. Names of entities and fields are there where the engine itself
//! defines them; those of vendors and customers are told by their numbers.

use std::io::Write;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::base::{Code, Error, Result};
use crate::engine::inspect::recovery_to_json;
use crate::engine::{Crm, Inspection, Session, SlowQuery};

/// Namespaces of the engine's own entities and fields.
const OWN: [&str; 2] = ["crm", "sys"];

impl Session {
    /// Writes the support bundle: one JSON document in UTF-8.
    ///
    /// # Errors
    /// As [`Session::inspect`]; `storage.io` where it cannot be written.
    pub fn support_bundle(&self, output: &mut dyn Write) -> Result<()> {
        let crm = self.administered()?;
        let inspection = anonymous(crm.inspect(self.patience())?);
        let bundle = json!({
            "guanxi": env!("CARGO_PKG_VERSION"),
            "platform": {
                "system": std::env::consts::OS,
                "architecture": std::env::consts::ARCH,
                "pointer_bits": usize::BITS,
                "threads": std::thread::available_parallelism().ok(),
            },
            "database": {
                "identity": crm.identity().to_string(),
                "path_sha256": path_hash(crm),
                "registry_version": crm.registry().version(),
                "recovery": recovery_to_json(crm.recovery()),
            },
            "inspection": inspection.to_json(),
            "settings": settings(crm)?,
            "slow_queries": slow_queries(crm),
            "extensions": crm.extensions(),
            "errors": crm.refusals(),
        });
        serde_json::to_writer_pretty(&mut *output, &bundle).map_err(std::io::Error::from)?;
        Ok(output.write_all(b"\n")?)
    }
}

impl Crm {
    /// How often named methods ended with each error since the open.
    fn refusals(&self) -> Json {
        let refusals = self.inner.refusals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        json!(*refusals)
    }

    /// The ids of extensions that check what is saved.
    fn extensions(&self) -> Vec<String> {
        let hooks = self.inner.hooks.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut ids: Vec<String> = hooks.iter().map(|hook| hook.extension.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

/// SHA-256 of the path, by which reports of one place are known as such.
fn path_hash(crm: &Crm) -> String {
    let path = std::path::absolute(crm.path()).unwrap_or_else(|_| crm.path().to_owned());
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The newest slow queries in their shapes, without whose they were.
fn slow_queries(crm: &Crm) -> Vec<Json> {
    crm.slow_queries().queries.iter().map(SlowQuery::anonymous_to_json).collect()
}

/// The settings, none of which names a person.
fn settings(crm: &Crm) -> Result<Json> {
    serde_json::to_value(crm.settings().as_ref()).map_err(|error| Error::new(Code::Panic).because(error))
}

/// The same report with numbers in place of names that vendors and customers gave.
fn anonymous(mut inspection: Inspection) -> Inspection {
    let is_own = |namespace: &str| OWN.contains(&namespace);
    for entity in &mut inspection.entities {
        if !is_own(&entity.namespace) {
            entity.name = format!("entity {}", entity.number);
        }
        for field in &mut entity.fields {
            if !is_own(&field.namespace) {
                field.name = format!("field {}", field.number);
            }
        }
    }
    inspection
}
