//! What a database remembers of the plugins that were loaded into it: the highest version of each, the bytes and the
//! key of its signature, how far its migrations have come, and whether nothing may be written without it.
//!
//! It is a fact of the database and not of the host, so that a host with an older package cannot bring an older plugin
//! back, and a host without the plugin does not write past its checks.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use crate::access::{Action, Role};
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::session::WriterTurn;
use crate::engine::{Crm, EntryKind, Extension, Session, Transaction};
use crate::records::{WriteView, note};
use crate::schema::EntityType;
use crate::storage::{Keyspace, RangeRequest, Snapshot};

/// Where what is remembered of a plugin lies, before its id.
const STATE: &[u8] = b"plugin.";
/// Most plugins of a database.
const MAX_PLUGINS: usize = 1_000;

/// What a database remembers of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PluginState {
    /// Its id.
    pub plugin: String,
    /// The highest version that was loaded.
    pub version: String,
    /// SHA-256 of the library that was loaded last, in hexadecimal digits; empty for one that is linked into the host.
    pub sha256: String,
    /// The id of the key that signed it; empty for a package without a signature.
    pub key: String,
    /// How far its migrations have come.
    pub schema_version: u32,
    /// Whether nothing is written while it is not loaded.
    pub required: bool,
}

impl PluginState {
    /// What the ledger says of a plugin that was loaded.
    fn told(&self) -> String {
        let mut text = format!("{} {}", self.plugin, self.version);
        for (name, said) in [("sha256", &self.sha256), ("key", &self.key)] {
            if !said.is_empty() {
                text.push_str(&format!(" {name}:{said}"));
            }
        }
        text
    }
}

fn place(plugin: &str) -> Vec<u8> {
    [STATE, plugin.as_bytes()].concat()
}

fn parse(bytes: &[u8]) -> Result<PluginState> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::new(Code::Damaged).rule("plugin state").because(error))
}

/// What is remembered of a plugin, if anything is.
fn known(snapshot: &dyn Snapshot, plugin: &str) -> Result<Option<PluginState>> {
    snapshot.get(Keyspace::Meta, &place(plugin))?.map(|bytes| parse(&bytes)).transpose()
}

fn remember(view: &mut WriteView<'_>, state: &PluginState) -> Result<()> {
    let bytes = serde_json::to_vec(state).map_err(|error| Error::new(Code::Panic).because(error))?;
    view.put(Keyspace::Meta, place(&state.plugin), bytes);
    Ok(())
}

pub(super) fn states(snapshot: &dyn Snapshot) -> Result<Vec<PluginState>> {
    let page = snapshot.scan(&RangeRequest::prefix(Keyspace::Meta, STATE, MAX_PLUGINS))?;
    page.rows.iter().map(|(_, value)| parse(value)).collect()
}

impl Crm {
    /// What the database remembers of a plugin; nothing for one that was never loaded.
    ///
    /// # Errors
    /// `storage.damaged`.
    pub fn plugin_state(&self, plugin: &str) -> Result<Option<PluginState>> {
        known(self.snapshot()?.as_ref(), plugin)
    }

    /// What the database remembers of all plugins, by their ids.
    ///
    /// # Errors
    /// `storage.damaged`.
    pub fn plugin_states(&self) -> Result<Vec<PluginState>> {
        states(self.snapshot()?.as_ref())
    }

    /// Adds a plugin to the open database as [`Crm::install`] does, and remembers what was loaded. The entry of the
    /// ledger names version, bytes and key.
    ///
    /// # Errors
    /// As [`Crm::install`].
    pub fn install_plugin(&self, extension: &dyn Extension, state: &PluginState) -> Result<()> {
        self.install_with(extension, &mut |view, context| {
            let required = known(view, &state.plugin)?.is_some_and(|known| known.required);
            remember(view, &PluginState { required, ..state.clone() })?;
            note(view, context, EntryKind::Plugin, RecordId::from_bytes([0; 16]), &state.told());
            Ok(())
        })
    }

    /// The plugins that are loaded now, by their ids; extensions of the host among them.
    #[must_use]
    pub fn loaded_plugins(&self) -> BTreeSet<String> {
        self.inner.plugins.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Refuses on a thread that is within a transaction.
    pub(super) fn check_outside(&self) -> Result<()> {
        WriterTurn::quiet(self).map(drop)
    }

    /// Refuses to write while a plugin is not there without which nothing is to be written.
    pub(super) fn check_required_plugins(&self) -> Result<()> {
        let required = self.inner.required_plugins.read().unwrap_or_else(PoisonError::into_inner);
        if required.is_empty() {
            return Ok(());
        }
        let loaded = self.inner.plugins.read().unwrap_or_else(PoisonError::into_inner);
        match required.iter().find(|plugin| !loaded.contains(*plugin)) {
            Some(missing) => Err(Error::new(Code::PluginRequired).plugin(missing)),
            None => Ok(()),
        }
    }
}

/// The ids of those without which nothing is written.
pub(super) fn required(states: &[PluginState]) -> BTreeSet<String> {
    states.iter().filter(|state| state.required).map(|state| state.plugin.clone()).collect()
}

impl Session {
    /// Says whether anything may be written while a plugin is not loaded. It holds from now on for everybody who opens
    /// the database.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `plugin.not_admitted` for a plugin that was
    /// never loaded here.
    pub fn require_plugin(&self, plugin: &str, is_required: bool) -> Result<()> {
        self.check_may(Role::NAME, Action::Administer)?;
        let (crm, actor) = (self.crm(), self.user());
        let text = format!("{plugin} {}", if is_required { "required" } else { "not required" });
        // What was remembered is read in the writer's turn, or what another one writes meanwhile would be lost.
        crm.system_write_and(
            actor,
            "plugin.require",
            |view, context| {
                let known = known(view, plugin)?;
                let known = known.ok_or_else(|| Error::new(Code::PluginNotAdmitted).plugin(plugin))?;
                remember(view, &PluginState { required: is_required, ..known })?;
                note(view, context, EntryKind::Plugin, actor, &text);
                Ok(())
            },
            &mut || {
                let required = &crm.inner.required_plugins;
                let mut required = required.write().unwrap_or_else(PoisonError::into_inner);
                match is_required {
                    true => required.insert(plugin.to_owned()),
                    false => required.remove(plugin),
                };
            },
        )
    }

    /// Adds a plugin as [`Crm::install_plugin`] does, and brings what it has stored to the newer form that `state` names:
    /// what it declares, what its migrations write and the notes of both are one transaction. So of a plugin whose
    /// migration fails nothing is there, and its version before is in force. A migration acts in the right of this user,
    /// who administers everything; it is given the version from which it starts, and hooks of the plugin are not asked.
    ///
    /// # Errors
    /// `access.not_permitted`; as [`Crm::install_plugin`]; what the migration gives.
    pub fn install_and_migrate(
        &self,
        extension: &dyn Extension,
        state: &PluginState,
        mut migrate: impl FnMut(&mut Transaction<'_>, u32) -> Result<()>,
    ) -> Result<()> {
        self.check_may(Role::NAME, Action::Administer)?;
        let cause = format!("plugin.migrate {}", state.plugin);
        Crm::install_as(self, extension, &cause, |transaction| {
            let known = known(transaction.view(), &state.plugin)?.unwrap_or_default();
            migrate(transaction, known.schema_version)?;
            remember(transaction.view_mut(), &PluginState { required: known.required, ..state.clone() })?;
            let (context, user) = (transaction.context().clone(), transaction.user());
            let migrated = format!("{} schema version {}", state.plugin, state.schema_version);
            for text in [state.told(), migrated] {
                note(transaction.view_mut(), &context, EntryKind::Plugin, user, &text);
            }
            Ok(())
        })
    }
}
