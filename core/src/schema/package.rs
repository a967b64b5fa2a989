//! Packages of metadata: what a vendor or a customer adds to a registry, as one document that can be held
//! against a database, installed, moved to another one, and taken back.
//!
//! A package declares elements of its own namespace alone. What a later version no longer declares is withdrawn:
//! its values and records stay, can be read and exported, and nobody makes new ones. No number is given twice,
//! so an element that comes back is the one that it was.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Label, Result};
use crate::schema::newer::check_known;
use crate::schema::{
    CUSTOMER, CounterDefinition, EntityDefinition, EntityOverride, Field, FieldDefinition, FieldName,
    FieldOverride, GuideDefinition, IndexDefinition, Layer, LayoutDefinition, ModuleDefinition,
    PackageCommand, PackageRole, PackageView, RecordTypesDefinition, Registry, RegistryChange,
    RuleDefinition, SettingDefinition, StateMachineDefinition, UniqueDefinition, ValueSet,
    ValueSetDefinition, ValueSetOverride, valid_namespace,
};

/// Most versions of a package that a database keeps to go back to.
const MAX_VERSIONS: usize = 10;

/// A package of metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Package {
    /// The namespace of all that it declares: `x` for the customer's own.
    pub package: String,
    /// Its version: three numbers joined by points, as semver.org has them.
    pub version: String,
    /// What people read.
    pub label: Label,
    /// The packages that must be there, with their least versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Requirement>,
    /// Its modules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModuleDefinition>,
    /// The code of the module of its entities that name none themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Its settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<SettingDefinition>,
    /// Its value sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub value_sets: Vec<ValueSetDefinition>,
    /// What it changes of value sets of lower layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub value_set_overrides: Vec<ValueSetOverride>,
    /// Its entities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<EntityDefinition>,
    /// What it adds to entities of others, and changes of their fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extends: Vec<EntityExtension>,
    /// Its roles with their grants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<PackageRole>,
    /// Its saved views.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<PackageView>,
    /// Its commands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<PackageCommand>,
    /// Its guides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guides: Vec<GuideDefinition>,
}

/// A package that another one stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// The package.
    pub package: String,
    /// The least version.
    pub version: String,
}

/// What a package adds to an entity of somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EntityExtension {
    /// The entity, by API name.
    pub entity: String,
    /// What people read in place of what a lower layer says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// What its records are, in place of what a lower layer says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Label>,
    /// Fields besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDefinition>,
    /// Indexes besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IndexDefinition>,
    /// Counters besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<CounterDefinition>,
    /// Rules besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleDefinition>,
    /// State machines besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<StateMachineDefinition>,
    /// Unique rules besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<UniqueDefinition>,
    /// Record types, where the entity has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_types: Option<RecordTypesDefinition>,
    /// Layouts besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layouts: Vec<LayoutDefinition>,
    /// What it changes of fields of lower layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<FieldOverride>,
}

impl EntityExtension {
    /// What it changes of what people read of the entity.
    fn of_entity(&self, namespace: &str) -> Option<EntityOverride> {
        let (label, help) = (self.label.clone(), self.help.clone());
        let says = label.is_some() || help.is_some();
        says.then(|| EntityOverride { namespace: namespace.to_owned(), label, help })
    }

    fn is_empty(&self) -> bool {
        *self == Self { entity: self.entity.clone(), ..Self::default() }
    }
}

/// A package as a database keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledPackage {
    /// Its versions, in the order in which they were installed; at most the last 10.
    pub versions: Vec<Package>,
    /// Whether the last of them is in force; not once it was removed.
    pub active: bool,
}

impl InstalledPackage {
    /// The version that is in force.
    #[must_use]
    pub fn current(&self) -> Option<&Package> {
        self.versions.last().filter(|_| self.active)
    }

    fn is(&self, package: &str) -> bool {
        self.versions.last().is_some_and(|version| version.package == package)
    }
}

impl Package {
    /// The package with its namespace in all that it declares, found consistent.
    ///
    /// # Errors
    /// `schema.invalid_definition`, naming element and rule.
    pub fn checked(mut self) -> Result<Self> {
        let fault = |rule: &str| Err(Error::new(Code::InvalidDefinition).field("package").rule(rule));
        if !valid_namespace(&self.package) || Layer::of(&self.package) == Layer::Core {
            return fault("a package has a namespace of its own");
        }
        if self.label.is_partial() {
            return fault("labels stand in zh and en");
        }
        self.check_records()?;
        version_of(&self.version)?;
        self.requires.iter().try_for_each(|required| version_of(&required.version).map(drop))?;
        let (namespace, mut foreign) = (self.package.clone(), None);
        let mut own = |said: &mut String| match said.is_empty() {
            true => said.clone_from(&namespace),
            false if *said != namespace => foreign = Some(said.clone()),
            false => {}
        };
        self.modules.iter_mut().for_each(|module| own(&mut module.namespace));
        self.settings.iter_mut().for_each(|setting| own(&mut setting.namespace));
        self.value_sets.iter_mut().for_each(|set| own(&mut set.namespace));
        self.value_set_overrides.iter_mut().for_each(|changed| own(&mut changed.namespace));
        self.guides.iter_mut().for_each(|guide| own(&mut guide.namespace));
        for entity in &mut self.entities {
            entity.module = entity.module.take().or_else(|| self.module.clone());
            own(&mut entity.namespace);
            entity.fields.iter_mut().for_each(|field| own(&mut field.namespace));
            *entity = entity.with_sides()?;
            entity.indexes.iter_mut().for_each(|index| own(&mut index.namespace));
            entity.counters.iter_mut().for_each(|counter| own(&mut counter.namespace));
            entity.rules.iter_mut().for_each(|rule| own(&mut rule.namespace));
            entity.states.iter_mut().for_each(|machine| own(&mut machine.namespace));
            entity.unique.iter_mut().for_each(|rule| own(&mut rule.namespace));
            entity.record_types.iter_mut().for_each(|types| own(&mut types.namespace));
            entity.layouts.iter_mut().for_each(|layout| own(&mut layout.namespace));
        }
        for extension in &mut self.extends {
            extension.fields.iter_mut().for_each(|field| own(&mut field.namespace));
            extension.indexes.iter_mut().for_each(|index| own(&mut index.namespace));
            extension.counters.iter_mut().for_each(|counter| own(&mut counter.namespace));
            extension.rules.iter_mut().for_each(|rule| own(&mut rule.namespace));
            extension.states.iter_mut().for_each(|machine| own(&mut machine.namespace));
            extension.unique.iter_mut().for_each(|rule| own(&mut rule.namespace));
            extension.record_types.iter_mut().for_each(|types| own(&mut types.namespace));
            extension.layouts.iter_mut().for_each(|layout| own(&mut layout.namespace));
            extension.overrides.iter_mut().for_each(|changed| own(&mut changed.namespace));
        }
        match foreign {
            Some(_) => fault("a package declares elements of its own namespace alone"),
            None => {
                self.check_extensions()?;
                self.check_guides().map(|()| self)
            }
        }
    }

    fn check_extensions(&self) -> Result<()> {
        if let Some((_, field)) = self.fields().find(|(_, field)| field.translation_of.is_some()) {
            let error = Error::new(Code::InvalidDefinition).field(&field.name);
            return Err(error.rule("the engine itself declares what keeps translations"));
        }
        let fields = self.extends.iter().flat_map(|extension| &extension.fields);
        match fields.into_iter().find(|field| field.required) {
            Some(field) => Err(Error::new(Code::InvalidDefinition)
                .field(&field.name)
                .rule("a field added later is not required; `required_when` is `true` where it is")),
            None => Ok(()),
        }
    }

    /// What it says of each entity, of its own and of others, beside fields.
    fn parts(&self) -> impl Iterator<Item = Parts<'_>> {
        let own = self.entities.iter().map(|entity| Parts {
            entity: entity.api_name(),
            indexes: &entity.indexes,
            counters: &entity.counters,
            rules: &entity.rules,
            states: &entity.states,
            unique: &entity.unique,
            record_types: entity.record_types.as_ref(),
            layouts: &entity.layouts,
        });
        let added = self.extends.iter().map(|added| Parts {
            entity: added.entity.clone(),
            indexes: &added.indexes,
            counters: &added.counters,
            rules: &added.rules,
            states: &added.states,
            unique: &added.unique,
            record_types: added.record_types.as_ref(),
            layouts: &added.layouts,
        });
        own.chain(added)
    }

    /// All fields that it declares, each with its entity's API name.
    fn fields(&self) -> impl Iterator<Item = (String, &FieldDefinition)> {
        let own = self.entities.iter();
        let own = own.flat_map(|entity| entity.fields.iter().map(|field| (entity.api_name(), field)));
        let added = self.extends.iter();
        own.chain(added.flat_map(|added| added.fields.iter().map(|field| (added.entity.clone(), field))))
    }
}

/// What a package says of one entity beside fields.
struct Parts<'p> {
    entity: String,
    indexes: &'p [IndexDefinition],
    counters: &'p [CounterDefinition],
    rules: &'p [RuleDefinition],
    states: &'p [StateMachineDefinition],
    unique: &'p [UniqueDefinition],
    record_types: Option<&'p RecordTypesDefinition>,
    layouts: &'p [LayoutDefinition],
}

/// A version as numbers that can be compared.
fn version_of(text: &str) -> Result<[u32; 3]> {
    let wrong = || {
        let error = Error::new(Code::InvalidDefinition).field("version").value(text);
        error.rule("a version is three numbers joined by points")
    };
    let parts: Vec<u32> =
        text.split('.').map(|part| part.parse().map_err(|_| wrong())).collect::<Result<_>>()?;
    parts.try_into().map_err(|_| wrong())
}

impl Registry {
    /// Installs a package, in place of an older version of it. The customer's own package only adds: what it does
    /// not name stays.
    ///
    /// # Errors
    /// `schema.duplicate_definition` for a namespace that an extension has; `schema.package_missing` for a
    /// requirement that is not met; `schema.invalid_definition` for a version
    /// that is not newer, and for what [`Registry::declare_field`] and the others refuse.
    pub fn install(&mut self, package: Package) -> Result<RegistryChange> {
        let package = package.checked()?;
        self.check_namespace(&package.package)?;
        let current = self.installed(&package.package).and_then(InstalledPackage::current);
        if current == Some(&package) {
            return Ok(RegistryChange::Nothing);
        }
        if let Some(current) = current
            && version_of(&current.version)? >= version_of(&package.version)?
        {
            let error = Error::new(Code::InvalidDefinition).field("version").value(&package.version);
            return Err(error.rule(&format!("a version after {}", current.version)));
        }
        self.take(package)
    }

    /// Goes back to the version of a package that was installed before the one in force; where there is none,
    /// the package is removed.
    ///
    /// # Errors
    /// `schema.package_missing` for a package that is not installed; as [`Registry::remove`].
    pub fn roll_back(&mut self, package: &str) -> Result<RegistryChange> {
        let installed = self.installed(package).filter(|installed| installed.active);
        let installed = installed.ok_or_else(|| missing(package, ""))?;
        let before = installed.versions.iter().rev().nth(1).cloned();
        let Some(before) = before else { return self.remove(package) };
        self.forget_newest(package);
        self.take(before)
    }

    /// Withdraws all that a package declares. What is stored stays and can be read.
    ///
    /// # Errors
    /// `schema.package_missing` for a package that is not installed; `schema.invalid_definition` while
    /// another one requires it.
    pub fn remove(&mut self, package: &str) -> Result<RegistryChange> {
        let current = self.installed(package).and_then(InstalledPackage::current).cloned();
        let current = current.ok_or_else(|| missing(package, ""))?;
        let requires = |other: &&Package| other.requires.iter().any(|required| required.package == package);
        let other = self.packages().iter().filter_map(InstalledPackage::current).find(requires);
        if let Some(other) = other {
            let error = Error::new(Code::InvalidDefinition).field("package").value(package);
            return Err(error.rule(&format!("required by {}", other.package)));
        }
        let nothing = Package { package: package.to_owned(), ..Package::default() };
        self.withdraw_missing(&current, &nothing);
        for installed in self.packages_mut().iter_mut().filter(|installed| installed.is(package)) {
            installed.active = false;
        }
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    /// What a namespace has in this registry, as a package that another database can install.
    ///
    /// # Errors
    /// `schema.package_missing` for a namespace that has nothing here; `storage.newer_format` as
    /// [`Registry::to_json`].
    pub fn package_of(&self, namespace: &str) -> Result<Package> {
        check_known(self.newer())?;
        if let Some(current) = self.installed(namespace).and_then(InstalledPackage::current)
            && namespace != CUSTOMER
        {
            return Ok(current.clone());
        }
        let mut package = Package {
            package: namespace.to_owned(),
            version: format!("0.0.{}", self.version()),
            label: Label::new(namespace, namespace),
            ..Package::default()
        };
        let modules = self.modules().iter().filter(|module| !module.is_withdrawn());
        let modules = modules.map(|module| &module.definition);
        package.modules = modules.filter(|module| module.namespace == namespace).cloned().collect();
        let settings = self.settings().iter().filter(|setting| !setting.is_withdrawn());
        let settings = settings.map(|setting| &setting.definition);
        package.settings = settings.filter(|setting| setting.namespace == namespace).cloned().collect();
        let sets = self.value_sets().iter();
        let own = sets.clone().filter(|set| !set.is_withdrawn()).map(|set| &set.definition);
        package.value_sets = own.filter(|set| set.namespace == namespace).cloned().collect();
        let changes = sets.flat_map(ValueSet::overrides);
        package.value_set_overrides =
            changes.filter(|changed| changed.namespace == namespace).cloned().collect();
        let is_own = |entity: &crate::schema::Entity| entity.definition.namespace == namespace;
        // What the author took back is nobody's to declare elsewhere.
        for entity in self.entities().iter().filter(|entity| !(is_own(entity) && entity.is_withdrawn())) {
            let extension = extension_of(entity, namespace);
            if is_own(entity) {
                package.entities.push(whole_of(entity, extension));
            } else if !extension.is_empty() {
                package.extends.push(extension);
            }
        }
        // These are not of the registry, so the version in force says which there are.
        if let Some(current) = self.installed(namespace).and_then(InstalledPackage::current).cloned() {
            let Package { roles, views, commands, guides, .. } = current;
            (package.roles, package.views) = (roles, views);
            (package.commands, package.guides) = (commands, guides);
        }
        let is_empty = package.entities.is_empty() && package.extends.is_empty();
        let has_sets = !(package.value_sets.is_empty() && package.value_set_overrides.is_empty());
        match is_empty && package.modules.is_empty() && package.settings.is_empty() && !has_sets {
            true => Err(missing(namespace, "")),
            false => Ok(package),
        }
    }

    /// A namespace that an extension has declared elements in is the extension's.
    fn check_namespace(&self, namespace: &str) -> Result<()> {
        if namespace == CUSTOMER || self.installed(namespace).is_some() {
            return Ok(());
        }
        let taken = self.entities().iter().any(|entity| {
            entity.definition.namespace == namespace || !extension_of(entity, namespace).is_empty()
        });
        if taken {
            Err(Error::new(Code::DuplicateDefinition).field("package").value(namespace))
        } else {
            Ok(())
        }
    }

    fn installed(&self, package: &str) -> Option<&InstalledPackage> {
        self.packages().iter().find(|installed| installed.is(package))
    }

    fn forget_newest(&mut self, package: &str) {
        for installed in self.packages_mut().iter_mut().filter(|installed| installed.is(package)) {
            // The one before is taken again as if it came new.
            installed.versions.pop();
            installed.versions.pop();
        }
    }

    /// Declares what a package says, and withdraws what the one before it said besides.
    fn take(&mut self, mut package: Package) -> Result<RegistryChange> {
        for required in &package.requires {
            let there = self.installed(&required.package).and_then(InstalledPackage::current);
            let version = there.map(|there| version_of(&there.version)).transpose()?;
            if version.is_none_or(|version| version_of(&required.version).is_ok_and(|least| version < least))
            {
                return Err(missing(&required.package, &required.version));
            }
        }
        self.declare_package(&package)?;
        self.check_targets(&package)?;
        self.check_modules(&package)?;
        let before = self.installed(&package.package).and_then(InstalledPackage::current).cloned();
        match before {
            Some(before) if package.package != CUSTOMER => self.withdraw_missing(&before, &package),
            // The customer's own package only adds.
            Some(before) => {
                let named = |guide: &GuideDefinition| package.guides.iter().any(|own| own.name == guide.name);
                let stays: Vec<_> = before.guides.into_iter().filter(|guide| !named(guide)).collect();
                package.guides.extend(stays);
            }
            None => {}
        }
        let name = package.package.clone();
        match self.packages_mut().iter_mut().find(|installed| installed.is(&name)) {
            Some(installed) => {
                installed.versions.push(package);
                let surplus = installed.versions.len().saturating_sub(MAX_VERSIONS);
                installed.versions.drain(..surplus);
                installed.active = true;
            }
            None => self.packages_mut().push(InstalledPackage { versions: vec![package], active: true }),
        }
        self.touch(RegistryChange::Changed);
        Ok(RegistryChange::Changed)
    }

    fn declare_package(&mut self, package: &Package) -> Result<()> {
        self.declare_modules(package)?;
        self.declare_value_sets(package)?;
        self.take_names(&package.entities)?;
        // What is said in expressions may name fields of any entity, so it comes once all of them are there.
        for entity in &package.entities {
            let plain = entity.fields.iter().filter_map(FieldDefinition::without_expressions);
            self.declare_entity(&EntityDefinition { fields: plain.collect(), ..entity.bare() })?;
        }
        for (entity, field) in package.fields() {
            if let Some(plain) = field.without_expressions() {
                self.declare_field(&entity, &plain)?;
            }
        }
        self.declare_in_order(package.fields().filter(|(_, field)| field.has_expressions()).collect())?;
        for parts in package.parts() {
            let entity = &parts.entity;
            parts.indexes.iter().try_for_each(|index| self.declare_index(entity, index).map(drop))?;
            parts.counters.iter().try_for_each(|counter| self.declare_counter(entity, counter).map(drop))?;
            parts.rules.iter().try_for_each(|rule| self.declare_rule(entity, rule).map(drop))?;
            parts.states.iter().try_for_each(|machine| self.declare_states(entity, machine).map(drop))?;
            parts.unique.iter().try_for_each(|rule| self.declare_unique(entity, rule).map(drop))?;
            parts.record_types.map_or(Ok(()), |types| self.declare_record_types(entity, types).map(drop))?;
            parts.layouts.iter().try_for_each(|layout| self.declare_layout(entity, layout).map(drop))?;
        }
        package.settings.iter().try_for_each(|setting| self.declare_setting(setting).map(drop))?;
        for extension in &package.extends {
            if let Some(changed) = extension.of_entity(&package.package) {
                self.declare_entity_override(&extension.entity, &changed)?;
            }
            for changed in &extension.overrides {
                self.declare_override(&extension.entity, changed)?;
            }
        }
        Ok(())
    }

    /// Declares fields that read each other, each once those are there that it reads.
    fn declare_in_order(&mut self, mut waiting: Vec<(String, &FieldDefinition)>) -> Result<()> {
        while !waiting.is_empty() {
            let mut refused = None;
            let before = waiting.len();
            waiting.retain(|(entity, field)| match self.declare_field(entity, field) {
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

    /// What references lead to must be there when all is declared.
    fn check_targets(&self, package: &Package) -> Result<()> {
        for (entity, field) in package.fields() {
            for target in field.kind.targets() {
                self.entity(target).map_err(|error| error.field(&format!("{entity}.{}", field.name)))?;
            }
        }
        Ok(())
    }

    /// Takes back the indexes and counters of a namespace that a package does not declare. Their keys are still to be
    /// swept away.
    fn drop_missing(&mut self, namespace: &str, after: &Package) {
        let locals = |of: &dyn Fn(&Parts<'_>) -> Vec<u32>| -> BTreeSet<(String, u32)> {
            let parts = after.parts().map(|parts| (self.canonical(&parts.entity), of(&parts)));
            parts
                .flat_map(|(entity, own)| own.into_iter().map(move |local| (entity.clone(), local)))
                .collect()
        };
        let indexes = locals(&|parts| parts.indexes.iter().map(|index| index.local).collect());
        let counters = locals(&|parts| parts.counters.iter().map(|counter| counter.local).collect());
        for entity in self.entities_mut() {
            let name = entity.api_name.clone();
            entity.drop_kept(
                |index| {
                    let IndexDefinition { namespace: of, local, .. } = &index.definition;
                    of == namespace && !indexes.contains(&(name.clone(), *local))
                },
                |counter| {
                    let CounterDefinition { namespace: of, local, .. } = &counter.definition;
                    of == namespace && !counters.contains(&(name.clone(), *local))
                },
            );
        }
    }

    /// Withdraws what one version of a package declares and another does not.
    fn withdraw_missing(&mut self, before: &Package, after: &Package) {
        let namespace = &before.package;
        self.withdraw_modules(namespace, after);
        self.withdraw_settings(namespace, after);
        self.drop_missing(namespace, after);
        self.withdraw_value_sets(namespace, after);
        let kept: BTreeSet<u32> = after.entities.iter().map(|entity| entity.local).collect();
        let fields: BTreeSet<(String, u32)> =
            after.fields().map(|(entity, field)| (self.canonical(&entity), field.local)).collect();
        let laid = self.laid_by(after);
        let rules = self.names_of(after, |parts| parts.rules.iter().map(|rule| &rule.name).collect());
        let machines =
            self.names_of(after, |parts| parts.states.iter().map(|machine| &machine.name).collect());
        let unique = self.names_of(after, |parts| parts.unique.iter().map(|rule| &rule.name).collect());
        let layouts: Vec<(String, &LayoutDefinition)> = after
            .parts()
            .flat_map(|parts| {
                let entity = self.canonical(&parts.entity);
                parts.layouts.iter().map(move |layout| (entity.clone(), layout))
            })
            .collect();
        let renamed = after.extends.iter().filter(|added| added.of_entity(namespace).is_some());
        let renamed: BTreeSet<String> = renamed.map(|added| self.canonical(&added.entity)).collect();
        let with_types = after.parts().filter(|parts| parts.record_types.is_some());
        let with_types: BTreeSet<String> = with_types.map(|parts| self.canonical(&parts.entity)).collect();
        for name in self.entities().iter().map(|entity| entity.api_name.clone()).collect::<Vec<_>>() {
            let Ok(entity) = self.entity_mut(&name) else { continue };
            if entity.definition.namespace == *namespace && !kept.contains(&entity.definition.local) {
                entity.withdraw();
            }
            if !renamed.contains(&name) {
                entity.overrides_mut().retain(|changed| changed.namespace != *namespace);
            }
            for field in entity.fields_mut() {
                let own = field.declared().namespace == *namespace;
                let author = field.declared().translation_of.unwrap_or(field.declared().local);
                if own && !fields.contains(&(name.clone(), author)) {
                    field.withdraw();
                }
                if !laid.contains(&(name.clone(), field.api_name.clone())) {
                    field.overrides_mut().retain(|changed| changed.namespace != *namespace);
                    field.apply_overrides();
                }
            }
            entity.rules_mut().retain(|rule| {
                let own = rule.definition.namespace == *namespace;
                !own || rules.contains(&(name.clone(), rule.definition.name.clone()))
            });
            entity.machines_mut().retain(|machine| {
                let own = machine.definition.namespace == *namespace;
                !own || machines.contains(&(name.clone(), machine.definition.name.clone()))
            });
            entity.layouts_mut().retain(|layout| {
                let kept =
                    |(of, known): &(String, &LayoutDefinition)| *of == name && known.is_same_as(layout);
                layout.namespace != *namespace || layouts.iter().any(kept)
            });
            let types = entity.record_types().map(|types| &types.definition.namespace);
            if types == Some(namespace) && !with_types.contains(&name) {
                entity.set_record_types(None);
            }
            entity.drop_unique(|rule| {
                let own = rule.definition.namespace == *namespace;
                own && !unique.contains(&(name.clone(), rule.definition.name.clone()))
            });
            entity.index();
        }
    }

    /// The fields of which a package changes something, each with its entity.
    fn laid_by(&self, package: &Package) -> BTreeSet<(String, String)> {
        let laid = package.extends.iter().flat_map(|added| {
            added.overrides.iter().map(|changed| (self.canonical(&added.entity), &changed.field))
        });
        laid.map(|(entity, field)| (entity.clone(), self.field_name(&entity, field))).collect()
    }

    /// The names that parts of a package bear, each with its entity.
    fn names_of<'p>(
        &self,
        package: &'p Package,
        names: impl Fn(&Parts<'p>) -> Vec<&'p String>,
    ) -> BTreeSet<(String, String)> {
        let named = package.parts().flat_map(|parts| {
            let entity = self.canonical(&parts.entity);
            names(&parts).into_iter().map(move |name| (entity.clone(), name.clone()))
        });
        named.collect()
    }

    /// The whole API name of an entity that a package names.
    pub(super) fn canonical(&self, entity: &str) -> String {
        self.entity(entity).map_or_else(|_| entity.to_owned(), |entity| entity.api_name.clone())
    }

    /// The whole API name of a field that a package names.
    fn field_name(&self, entity: &str, field: &str) -> String {
        let known = self.entity(entity).and_then(|entity| entity.field(FieldName::Name(field)));
        known.map_or_else(|_| field.to_owned(), |field: &Field| field.api_name.clone())
    }
}

/// An entity with all that its own namespace has declared of it.
fn whole_of(entity: &crate::schema::Entity, extension: EntityExtension) -> EntityDefinition {
    let EntityExtension { fields, indexes, counters, rules, states, unique, record_types, layouts, .. } =
        extension;
    let former_names = entity.former_names().to_vec();
    let bare = EntityDefinition { former_names, ..entity.definition.clone() };
    EntityDefinition { fields, indexes, counters, rules, states, unique, record_types, layouts, ..bare }
}

/// What a namespace adds to an entity.
fn extension_of(entity: &crate::schema::Entity, namespace: &str) -> EntityExtension {
    let fields = entity.fields().iter().filter(|field| !field.is_withdrawn());
    // What keeps translations is declared with the field whose they are.
    let fields = fields.filter(|field| field.declared().translation_of.is_none());
    let indexes = entity.indexes().iter().map(|index| &index.definition);
    let counters = entity.counters().iter().map(|counter| &counter.definition);
    let rules = entity.rules().iter().map(|rule| &rule.definition);
    let states = entity.machines().iter().map(|machine| &machine.definition);
    let unique = entity.unique_rules().iter().map(|rule| &rule.definition);
    let layouts = entity.layouts().iter().filter(|layout| layout.namespace == namespace);
    let overrides = entity.fields().iter().flat_map(Field::overrides);
    let of_entity = entity.overrides().iter().find(|changed| changed.namespace == namespace);
    EntityExtension {
        entity: entity.api_name.clone(),
        label: of_entity.and_then(|changed| changed.label.clone()),
        help: of_entity.and_then(|changed| changed.help.clone()),
        fields: fields
            .filter(|field| field.declared().namespace == namespace)
            .map(|field| FieldDefinition {
                former_names: field.former_names().to_vec(),
                ..field.declared().clone()
            })
            .collect(),
        indexes: indexes.filter(|index| index.namespace == namespace).cloned().collect(),
        counters: counters.filter(|counter| counter.namespace == namespace).cloned().collect(),
        rules: rules.filter(|rule| rule.namespace == namespace).cloned().collect(),
        states: states.filter(|machine| machine.namespace == namespace).cloned().collect(),
        unique: unique.filter(|rule| rule.namespace == namespace).cloned().collect(),
        record_types: entity
            .record_types()
            .map(|types| types.definition.clone())
            .filter(|types| types.namespace == namespace),
        layouts: layouts.filter_map(|layout| layout.standing(entity)).collect(),
        overrides: overrides.filter(|changed| changed.namespace == namespace).cloned().collect(),
    }
}

fn missing(package: &str, version: &str) -> Error {
    let error = Error::new(Code::PackageMissing).value(package);
    if version.is_empty() { error } else { error.rule(&format!("version {version} or later")) }
}
