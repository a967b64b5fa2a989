//! Modules of a database: which there are, and which are switched off.

use crate::access::Action;
use crate::base::{Label, Result};
use crate::engine::{Reader, Session};
use crate::schema::{Module, Registry};

/// A module as a user may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleState {
    /// Its stable code.
    pub code: String,
    /// What people read.
    pub label: Label,
    /// The key of its icon.
    pub icon: String,
    /// Its place in a host's navigation.
    pub order: i32,
    /// Whether it is on.
    pub on: bool,
    /// The modules that it does not work without, by code.
    pub requires: Vec<String>,
    /// Its entities that the user may read, by API name; none while it is off.
    pub entities: Vec<String>,
}

impl Session {
    /// The modules in the order of navigation: for whoever may administer everything all of them, for others
    /// those in which they may read something.
    ///
    /// # Errors
    /// `access.session_ended`.
    pub fn modules(&self) -> Result<Vec<ModuleState>> {
        self.read(|reader| {
            let all = reader.may("sys.role", Action::Administer);
            let registry = reader.registry();
            // One that was taken back is told as long as it can be switched on again.
            let told = registry.modules().iter().filter(|module| !module.is_withdrawn() || module.is_off());
            let states = told.map(|module| state(reader, registry, module));
            let mut states: Vec<ModuleState> =
                states.filter(|state| all || !state.entities.is_empty()).collect();
            states.sort_by(|one, other| (one.order, &one.code).cmp(&(other.order, &other.code)));
            Ok(states)
        })
    }

    /// Switches a module off or on, which is an entry of the ledger. While it is off, nobody reaches its
    /// entities; what is stored of them, its history, indexes, counters and rollups, goes on being kept, so that
    /// all of it is there when the module is switched on again.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; those of
    /// [`Registry::switch_module`].
    pub fn switch_module(&self, code: &str, on: bool) -> Result<()> {
        self.check_may("sys.role", Action::Administer)?;
        let switch = |registry: &mut Registry| registry.switch_module(code, on);
        self.crm().change_registry(self.user(), "module.switch", switch)
    }
}

fn state(reader: Reader<'_>, registry: &Registry, module: &Module) -> ModuleState {
    let code = module.definition.code();
    let own = registry.entities().iter().filter(|entity| entity.module() == code && !entity.is_withdrawn());
    let readable = own.filter(|entity| reader.may(&entity.api_name, Action::Read));
    ModuleState {
        label: module.definition.label.clone(),
        icon: module.definition.icon.clone(),
        order: module.definition.order,
        on: !module.is_off(),
        requires: registry.modules_needed_by(&code).into_iter().collect(),
        entities: readable.map(|entity| entity.api_name.clone()).collect(),
        code,
    }
}
