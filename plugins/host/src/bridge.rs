//! Turns a loaded plugin into an extension of a database, and contains its failures.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use guanxi::base::{Code, Error, Result};
use guanxi::engine::{BeforeSave, Crm, Extension, Registrar, Save};
use guanxi_plugin_abi as abi;

use crate::frame::{Collected, NativeHook, collect, run_hook};
use crate::functions::HOST;
use crate::{LoadedPlugin, Manifest, OnFault, load};

/// Loads plugins from their packages and adds them to an open database, in the order given. Each
/// addition is an entry of the ledger, with id and version.
///
/// # Errors
/// Those of [`load`]; what the plugin's registration gives; `plugin.conflict` if the database has a
/// plugin of the same id already.
pub fn install(crm: &Crm, packages: &[PathBuf]) -> Result<Vec<Manifest>> {
    let mut manifests = Vec::new();
    for plugin in load(packages)? {
        let manifest = plugin.manifest().clone();
        let extension = NativeExtension::register(crm, &plugin)?;
        crm.install(&extension, &format!("{} {}", manifest.id(), manifest.version()))?;
        manifests.push(manifest);
    }
    Ok(manifests)
}

/// One plugin of one database.
struct NativeExtension {
    id: String,
    on_fault: OnFault,
    /// What the plugin registered, until it is declared.
    collected: Mutex<Option<Collected>>,
}

impl NativeExtension {
    fn register(crm: &Crm, plugin: &LoadedPlugin) -> Result<Self> {
        let manifest = plugin.manifest();
        let registry = crm.registry();
        let collected = Collected {
            plugin: manifest.id().to_owned(),
            capabilities: manifest.capabilities().map(str::to_owned).collect(),
            entities: registry.entities().iter().map(|entity| entity.api_name.clone()).collect(),
            fields: Vec::new(),
            hooks: Vec::new(),
        };
        let init = plugin.init();
        let failed =
            |status: i32| Error::new(code_of(status)).plugin(manifest.id()).rule("registration failed");
        // SAFETY: the table is constant, and the registrar is good until the function returns.
        let outcome = collect(collected, |registrar| unsafe { init(&raw const HOST, registrar) });
        match outcome {
            Some((status, collected)) if status >= 0 => Ok(Self {
                id: manifest.id().to_owned(),
                on_fault: manifest.on_fault(),
                collected: Mutex::new(Some(collected)),
            }),
            Some((status, _)) => Err(failed(status)),
            None => Err(failed(abi::GUANXI_ERR_PLUGIN_FAULT)),
        }
    }
}

impl Extension for NativeExtension {
    fn id(&self) -> &str {
        &self.id
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        let collected = self.collected.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(collected) = collected else {
            return Err(Error::new(Code::PluginConflict).plugin(&self.id));
        };
        for (entity, field) in collected.fields {
            registrar.field(&entity, field);
        }
        for (entity, order, hook) in collected.hooks {
            let rule = Rule { plugin: self.id.clone(), on_fault: self.on_fault, hook };
            registrar.before_save(&entity, order, Arc::new(rule));
        }
        Ok(())
    }
}

/// A hook of a plugin as a rule of the engine.
struct Rule {
    plugin: String,
    on_fault: OnFault,
    hook: NativeHook,
}

impl BeforeSave for Rule {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let (status, rejection) = run_hook(&self.hook, &self.plugin, save);
        match (status, rejection) {
            (0.., None) => Ok(()),
            // A plugin that said why it refuses has refused, whatever status it returned with.
            (_, Some((field, message))) => {
                Err(Error::new(Code::PluginRejected).plugin(&self.plugin).field(&field).said(message))
            }
            (status, None) => match self.on_fault {
                OnFault::Reject => {
                    Err(Error::new(Code::PluginFault).plugin(&self.plugin).rule(code_of(status).key()))
                }
                OnFault::Skip => Ok(()),
            },
        }
    }
}

/// The code of a status; what no code has is a fault of the plugin.
fn code_of(status: i32) -> Code {
    Code::ALL.iter().find(|code| code.number() == -status).copied().unwrap_or(Code::PluginFault)
}
