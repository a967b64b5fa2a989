//! How extensions come into a database: all of what one declares, with whatever belongs to its coming, in one transaction.
//!
//! What lies in memory alone, its hooks, works and commands, is shown to others when that transaction is durable and
//! before the next writer has its turn. So nobody writes past the hooks of an extension that is there, and of one whose
//! coming failed, or died half-way, nothing is.

use std::sync::{Arc, MutexGuard, PoisonError};

use crate::base::{Code, Error, RecordId, Result};
use crate::engine::actions::Performers;
use crate::engine::extension::Hook;
use crate::engine::guides;
use crate::engine::{
    Crm, EntryKind, Extension, Registrar, Session, Transaction, WriteOptions, organisation, package_records,
};
use crate::records::{WriteContext, WriteView, note};
use crate::schema::{Package, Registry, RegistryChange};

/// What is written together with what an extension declares.
type Beside<'w> = &'w mut dyn FnMut(&mut WriteView<'_>, &WriteContext) -> Result<()>;

/// What an extension declares, with all that do by name what they did before it.
struct Coming {
    registrar: Registrar,
    performers: Arc<Performers>,
}

impl Crm {
    /// Adds an extension to the open database: all of it, or nothing.
    ///
    /// # Errors
    /// What the extension refuses; `schema.duplicate_definition`; `plugin.conflict` if one of the
    /// same id is there already.
    pub fn install(&self, extension: &dyn Extension, note_text: &str) -> Result<()> {
        self.install_with(extension, &mut |view, context| {
            note(view, context, EntryKind::Plugin, nobody(), note_text);
            Ok(())
        })
    }

    /// Adds an extension that is not there, together with something that is written.
    pub(super) fn install_with(&self, extension: &dyn Extension, beside: Beside<'_>) -> Result<()> {
        let registrar = Registrar::of(extension)?;
        let alone = self.alone_with_registry();
        self.check_is_new(extension)?;
        self.apply(&alone, registrar, Some(beside)).map_err(|error| error.plugin(extension.id()))
    }

    /// Adds an extension that is not there, together with what a session writes under the registry as it will be. Rules
    /// of the extension are not asked about that.
    pub(super) fn install_as(
        session: &Session,
        extension: &dyn Extension,
        cause: &str,
        mut beside: impl FnMut(&mut Transaction<'_>) -> Result<()>,
    ) -> Result<()> {
        let crm = session.crm();
        let registrar = Registrar::of(extension)?;
        let _alone = crm.alone_with_registry();
        crm.check_is_new(extension)?;
        let refused = |error: Error| error.plugin(extension.id());
        let coming = Coming::of(crm, registrar).map_err(refused)?;
        let next = crm.next_registry(|registry| coming.declare(registry)).map_err(refused)?;
        session.write_until(
            WriteOptions::default().cause(cause),
            |transaction| {
                next.as_ref().map_or(Ok(()), |next| next.write_within(transaction))?;
                beside(transaction)
            },
            &mut || {
                next.iter().for_each(|next| crm.show_registry(&next.after));
                coming.show(crm);
            },
        )
    }

    /// The turn to change the registry, in which nothing else comes. Extensions say before it what they declare, since that
    /// is code of theirs.
    fn alone_with_registry(&self) -> MutexGuard<'_, ()> {
        self.inner.changing_registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_is_new(&self, extension: &dyn Extension) -> Result<()> {
        match self.loaded_plugins().contains(extension.id()) {
            true => Err(Error::new(Code::PluginConflict).plugin(extension.id())),
            false => Ok(()),
        }
    }

    /// Gives the entities that everybody reads.
    pub(super) fn install_all(&self, extensions: &[Arc<dyn Extension>]) -> Result<Vec<String>> {
        let mut own = Registrar::default();
        organisation::declare(&mut own);
        self.apply(&self.alone_with_registry(), own, None)?;
        let shared = extensions.iter().map(|extension| {
            let mut registrar = Registrar::of(extension.as_ref())?;
            let shared = std::mem::take(&mut registrar.shared);
            let alone = self.alone_with_registry();
            self.apply(&alone, registrar, None).map_err(|error| error.plugin(extension.id()))?;
            Ok(shared)
        });
        Ok(shared.collect::<Result<Vec<_>>>()?.concat())
    }

    fn apply(
        &self,
        _alone: &MutexGuard<'_, ()>,
        registrar: Registrar,
        beside: Option<Beside<'_>>,
    ) -> Result<()> {
        let coming = Coming::of(self, registrar)?;
        let next = self.next_registry(|registry| coming.declare(registry))?;
        if next.is_none() && beside.is_none() {
            coming.show(self);
            return Ok(());
        }
        let write = |view: &mut WriteView<'_>, context: &WriteContext| {
            next.as_ref().map_or(Ok(()), |next| next.write_alone(self, (view, context), nobody()))?;
            beside.map_or(Ok(()), |beside| beside(view, context))
        };
        self.system_write_and(nobody(), &coming.registrar.extension, write, &mut || {
            next.iter().for_each(|next| self.show_registry(&next.after));
            coming.show(self);
        })
    }
}

fn nobody() -> RecordId {
    RecordId::from_bytes([0; 16])
}

impl Coming {
    /// What a registrar has collected, for who holds what changes the registry.
    fn of(crm: &Crm, mut registrar: Registrar) -> Result<Self> {
        let performers = Arc::new(crm.performers().with(&mut registrar)?);
        Ok(Self { registrar, performers })
    }

    /// Declares all that lies in the registry.
    fn declare(&self, registry: &mut Registry) -> Result<RegistryChange> {
        let registrar = &self.registrar;
        let mut change = RegistryChange::Nothing;
        let mut merge = |next: RegistryChange| {
            if next == RegistryChange::Changed {
                change = next;
            }
        };
        for module in &registrar.modules {
            merge(registry.declare_module(module)?);
        }
        for set in &registrar.value_sets {
            merge(registry.declare_value_set(set)?);
        }
        merge(registry.take_names(&registrar.entities)?);
        for entity in &registrar.entities {
            merge(registry.declare_entity(entity)?);
        }
        for setting in &registrar.settings {
            merge(registry.declare_setting(setting)?);
        }
        for (entity, field) in &registrar.fields {
            merge(registry.declare_field(entity, field)?);
        }
        for (entity, index) in &registrar.indexes {
            merge(registry.declare_index(entity, index)?);
        }
        for (entity, counter) in &registrar.counters {
            merge(registry.declare_counter(entity, counter)?);
        }
        for (entity, rule) in &registrar.rules {
            merge(registry.declare_rule(entity, rule)?);
        }
        for (entity, machine) in &registrar.states {
            merge(registry.declare_states(entity, machine)?);
        }
        for (entity, rule) in &registrar.unique {
            merge(registry.declare_unique(entity, rule)?);
        }
        for (entity, types) in &registrar.record_types {
            merge(registry.declare_record_types(entity, types)?);
        }
        for (entity, layout) in &registrar.layouts {
            merge(registry.declare_layout(entity, layout)?);
        }
        for package in &registrar.packages {
            merge(install_package(registry, &registrar.extension, package)?);
        }
        for hook in &registrar.hooks {
            registry.entity(&hook.entity)?;
        }
        guides::check(&registrar.guides, registry)?;
        Ok(change)
    }

    /// Shows others what lies in memory alone.
    fn show(&self, crm: &Crm) {
        let (inner, registrar) = (&crm.inner, &self.registrar);
        *inner.performers.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&self.performers);
        let mut hooks = inner.hooks.write().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Hook> = hooks.iter().chain(&registrar.hooks).cloned().collect();
        all.sort_by(|left, right| (left.order, &left.extension).cmp(&(right.order, &right.extension)));
        *hooks = Arc::new(all);
        let mut due = inner.due.write().unwrap_or_else(PoisonError::into_inner);
        *due = Arc::new(due.iter().chain(&registrar.due).cloned().collect());
        let mut commands = inner.commands.write().unwrap_or_else(PoisonError::into_inner);
        *commands = Arc::new(commands.iter().chain(&registrar.commands).cloned().collect());
        let mut guides = inner.guides.write().unwrap_or_else(PoisonError::into_inner);
        *guides = Arc::new(guides.iter().chain(&registrar.guides).cloned().collect());
        let mut extractors = inner.extractors.write().unwrap_or_else(PoisonError::into_inner);
        extractors.extend(registrar.extractors.iter().cloned());
        // What the organisation itself declares is no extension.
        if !registrar.extension.is_empty() {
            let mut plugins = inner.plugins.write().unwrap_or_else(PoisonError::into_inner);
            plugins.insert(registrar.extension.clone());
        }
    }
}

/// Installs the package of metadata of an extension, which is in its namespace and declares no records.
fn install_package(registry: &mut Registry, extension: &str, package: &Package) -> Result<RegistryChange> {
    let wrong = |field: &str, rule: &str| Error::new(Code::InvalidDefinition).field(field).rule(rule);
    if package.package != extension {
        return Err(wrong("package", "the id of the plugin").value(&package.package));
    }
    if !package.roles.is_empty() || !package.views.is_empty() {
        return Err(wrong("roles", "roles and views are installed by a user"));
    }
    let change = registry.install(package.clone())?;
    package_records::check(registry, package)?;
    Ok(change)
}
