//! Modules: parts of the whole that an organisation uses or does without. An entity belongs to one, and while its
//! module is off nobody reaches the entity; what is stored of it stays, and goes on being kept.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Label, Result};
use crate::schema::{
    Entity, FieldType, Layer, Package, Registry, RegistryChange, valid_name, valid_namespace,
};

/// The module of the engine's own entities, which is always on.
pub const SYSTEM_MODULE: &str = "system";
/// The module of entities whose author names none.
pub const CUSTOM_MODULE: &str = "custom";

/// A module as its author defines it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModuleDefinition {
    /// Who defines it.
    #[serde(default)]
    pub namespace: String,
    /// Its name, without namespace.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// The key of its icon, which hosts know.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// Its place in a host's navigation; a smaller one stands before a larger one.
    #[serde(default)]
    pub order: i32,
    /// The modules that it does not work without, by code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
}

impl ModuleDefinition {
    /// A module that requires no other.
    #[must_use]
    pub fn new(namespace: &str, name: &str, label: Label, icon: &str, order: i32) -> Self {
        let (namespace, name, icon) = (namespace.to_owned(), name.to_owned(), icon.to_owned());
        Self { namespace, name, label, icon, order, requires: Vec::new() }
    }

    /// The same module with others that it does not work without.
    #[must_use]
    pub fn requiring(mut self, modules: &[&str]) -> Self {
        self.requires.extend(modules.iter().map(|code| (*code).to_owned()));
        self
    }

    /// Its stable code: the name for the engine's own, otherwise `namespace.name`.
    #[must_use]
    pub fn code(&self) -> String {
        match Layer::of(&self.namespace) {
            Layer::Core => self.name.clone(),
            Layer::Package | Layer::Customer => format!("{}.{}", self.namespace, self.name),
        }
    }

    fn check(&self) -> Result<()> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field(&self.name).rule(rule));
        if !valid_name(&self.name) || !valid_namespace(&self.namespace) {
            return fault("names are lower-case letters, digits and underscores, at most 63");
        }
        if self.label.is_partial() {
            return fault("labels stand in zh and en");
        }
        if !self.icon.is_empty() && !valid_name(&self.icon) {
            return fault("the key of an icon is a name");
        }
        Ok(())
    }
}

/// A module of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// What its author defined.
    pub definition: ModuleDefinition,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    off: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    withdrawn: bool,
}

impl Module {
    /// Whether it is switched off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.off
    }

    /// Whether its author took it back.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }
}

impl Entity {
    /// The code of the module that it belongs to.
    #[must_use]
    pub fn module(&self) -> &str {
        match &self.definition.module {
            Some(module) => module,
            None if self.definition.namespace == "sys" => SYSTEM_MODULE,
            None => CUSTOM_MODULE,
        }
    }
}

impl Registry {
    /// The module with this code.
    ///
    /// # Errors
    /// `schema.unknown_module`.
    pub fn module(&self, code: &str) -> Result<&Module> {
        let found = self.modules().iter().find(|module| module.definition.code() == code);
        found.ok_or_else(|| Error::new(Code::UnknownModule).value(code))
    }

    /// Whether the module of an entity is switched off.
    #[must_use]
    pub fn is_off(&self, entity: &Entity) -> bool {
        self.module(entity.module()).is_ok_and(Module::is_off)
    }

    /// The modules that one does not work without: those that it names, and those that its entities' required
    /// references lead to.
    #[must_use]
    pub fn modules_needed_by(&self, code: &str) -> BTreeSet<String> {
        let named = self.module(code).map(|module| module.definition.requires.clone()).unwrap_or_default();
        let own = self.entities().iter().filter(|entity| entity.module() == code && !entity.is_withdrawn());
        let required = own.flat_map(Entity::fields).filter(|field| field.is_required());
        let required = required.filter(|field| !matches!(field.definition.kind, FieldType::Rows { .. }));
        let targets = required.filter_map(|field| match field.definition.kind.targets().as_slice() {
            [target] => self.entity(target).ok().map(|target| target.module().to_owned()),
            _ => None,
        });
        targets.chain(named).filter(|needed| needed != code).collect()
    }

    /// Declares a module; one that stands stays on or off as it is.
    ///
    /// # Errors
    /// `schema.invalid_definition`; `schema.unknown_module` for one that it requires;
    /// `schema.duplicate_definition` where somebody else has the code.
    pub fn declare_module(&mut self, definition: &ModuleDefinition) -> Result<RegistryChange> {
        definition.check()?;
        let code = definition.code();
        for required in &definition.requires {
            self.module(required)?;
        }
        let same = |module: &&mut Module| module.definition.code() == code;
        match self.modules_mut().iter_mut().find(same) {
            Some(known) if known.definition.namespace != definition.namespace => {
                return Err(Error::new(Code::DuplicateDefinition).field("module").value(&code));
            }
            Some(known) if known.definition == *definition && !known.withdrawn => {
                return Ok(RegistryChange::Nothing);
            }
            Some(known) => *known = Module { withdrawn: false, definition: definition.clone(), ..*known },
            None => {
                let module = Module { definition: definition.clone(), off: false, withdrawn: false };
                self.modules_mut().push(module);
            }
        }
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Switches a module off or on. No definition, number or record changes.
    ///
    /// # Errors
    /// `schema.unknown_module`; `schema.module_required` for the engine's own module, for one without which
    /// others that are on do not work, and for one that needs others which are off, naming them.
    pub fn switch_module(&mut self, code: &str, on: bool) -> Result<RegistryChange> {
        if self.module(code)?.off != on {
            return Ok(RegistryChange::Nothing);
        }
        let refused = |rule: &str| Err(Error::new(Code::ModuleRequired).value(code).rule(rule));
        if code == SYSTEM_MODULE {
            return refused("the engine's own module stays on");
        }
        let is_off = |code: &String| self.module(code).is_ok_and(Module::is_off);
        if on {
            let missing: Vec<String> = self.modules_needed_by(code).into_iter().filter(is_off).collect();
            if !missing.is_empty() {
                return refused(&format!("it requires {}", missing.join(", ")));
            }
        } else {
            let others = self.modules().iter().filter(|module| !module.off && !module.withdrawn);
            let codes = others.map(|module| module.definition.code());
            let dependants: Vec<String> =
                codes.filter(|other| self.modules_needed_by(other).contains(code)).collect();
            if !dependants.is_empty() {
                return refused(&format!("required by {}", dependants.join(", ")));
            }
        }
        for module in self.modules_mut().iter_mut().filter(|module| module.definition.code() == code) {
            module.off = !on;
        }
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// Declares the modules of a package, each behind those of the package that it requires.
    pub(super) fn declare_modules(&mut self, package: &Package) -> Result<()> {
        let mut waiting: Vec<&ModuleDefinition> = package.modules.iter().collect();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut refused = None;
            waiting.retain(|module| match self.declare_module(module) {
                Ok(_) => false,
                Err(error) => {
                    refused.get_or_insert(error);
                    true
                }
            });
            match refused {
                Some(error) if waiting.len() == before => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// A package does not come to stand on a module that is off.
    pub(super) fn check_modules(&self, package: &Package) -> Result<()> {
        let own = package.modules.iter().map(ModuleDefinition::code);
        let needed = own.flat_map(|code| self.modules_needed_by(&code));
        let off = needed.into_iter().find(|code| self.module(code).is_ok_and(Module::is_off));
        match off {
            Some(code) => Err(Error::new(Code::ModuleOff).field("module").value(&code)),
            None => Ok(()),
        }
    }

    /// Withdraws the modules of a namespace that a later version of its package does not declare.
    pub(super) fn withdraw_modules(&mut self, namespace: &str, kept: &Package) {
        let codes: BTreeSet<String> = kept.modules.iter().map(ModuleDefinition::code).collect();
        for module in self.modules_mut() {
            let own = module.definition.namespace == namespace;
            module.withdrawn |= own && !codes.contains(&module.definition.code());
        }
    }
}
