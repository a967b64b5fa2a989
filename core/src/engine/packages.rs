//! Packages of metadata in a database: held against it, installed, rolled back, removed and given out.

use crate::access::Action;
use crate::base::{Code, Label, Result};
use crate::engine::package_records::{check, current};
use crate::engine::{Crm, SchemaPlan, Session};
use crate::schema::{
    CUSTOMER, EntityOverride, FieldOverride, InstalledPackage, Package, Registry, RegistryChange,
    record_changes,
};

/// What is done with a package.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a step is made once for a call, and never kept in numbers")]
pub enum PackageStep {
    /// It is installed, in place of an older version.
    Install(Package),
    /// The version before is in force again.
    RollBack(String),
    /// All that it declares is withdrawn.
    Remove(String),
}

impl PackageStep {
    /// The namespace of the package.
    fn package(&self) -> &str {
        match self {
            Self::Install(package) => &package.package,
            Self::RollBack(package) | Self::Remove(package) => package,
        }
    }

    fn apply(&self, registry: &mut Registry) -> Result<RegistryChange> {
        match self {
            Self::Install(package) => {
                let change = registry.install(package.clone())?;
                check(registry, package)?;
                Ok(change)
            }
            Self::RollBack(package) => registry.roll_back(package),
            Self::Remove(package) => registry.remove(package),
        }
    }

    /// What it is called in the ledger.
    fn cause(&self) -> &'static str {
        match self {
            Self::Install(_) => "schema.install_package",
            Self::RollBack(_) => "schema.roll_back_package",
            Self::Remove(_) => "schema.remove_package",
        }
    }
}

/// Adds to a plan what a package declares beside the registry.
fn tell_records(plan: &mut SchemaPlan, before: Option<Package>, after: Option<Package>) {
    plan.changes.extend(record_changes(&before.unwrap_or_default(), &after.unwrap_or_default()));
    plan.commits = plan.commits.max(u64::from(!plan.changes.is_empty()));
}

impl Session {
    /// The packages that were ever installed, in the order in which they came.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything.
    pub fn packages(&self) -> Result<Vec<InstalledPackage>> {
        self.check_may("sys.role", Action::Administer)?;
        Ok(self.crm().registry().packages().to_vec())
    }

    /// What a step would change, without doing it.
    ///
    /// # Errors
    /// As [`Session::change_package`].
    pub fn plan_package(&self, step: &PackageStep) -> Result<SchemaPlan> {
        self.check_may("sys.role", Action::Administer)?;
        let before = current(&self.crm().registry(), step.package());
        let mut after = None;
        let mut plan = self.crm().plan_change(|registry| {
            let change = step.apply(registry)?;
            after = current(registry, step.package());
            Ok(change)
        })?;
        tell_records(&mut plan, before, after);
        Ok(plan)
    }

    /// Installs, rolls back or removes a package, all of it or nothing: its elements of the registry with one entry of
    /// the ledger that lists what changed, and its roles and views. Indexes and counters of large tables are then built
    /// in chunks, as [`Session::define_index`] does, and values are moved into fields of another type, as
    /// [`Session::retype_field`] does.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `schema.package_missing`,
    /// `schema.invalid_definition`, `schema.duplicate_definition`, `schema.invalid_expression` and the like,
    /// after which nothing of it is there; `schema.not_unique` where standing values are not what a unique field
    /// or rule asks for, or a role of somebody else bears the name, and all that refuses a role, a grant or a view,
    /// after which the version before is in force; those of [`Session::build_indexes`].
    pub fn change_package(&self, step: &PackageStep) -> Result<SchemaPlan> {
        self.check_may("sys.role", Action::Administer)?;
        let before = self.crm().registry();
        let was = current(&before, step.package());
        self.take_step(step, was.as_ref())?;
        let mut plan = self.crm().plan(&before, &self.crm().registry())?;
        let is = current(&self.crm().registry(), step.package());
        let built = self.crm().build_indexes(self.user(), self.patience());
        let fits = !built.as_ref().is_err_and(|error| error.code() == Code::NotUnique);
        if let (false, PackageStep::Install(package)) = (fits, step) {
            // What stands does not fit what the package asks for, so nothing of it is to be there.
            let name = package.package.clone();
            let back = match was {
                Some(_) => PackageStep::RollBack(name),
                None => PackageStep::Remove(name),
            };
            self.take_step(&back, is.as_ref())?;
            self.crm().build_indexes(self.user(), self.patience())?;
        }
        built?;
        self.move_pending()?;
        tell_records(&mut plan, was, is);
        Ok(plan)
    }

    /// Changes the registry and the records of a package in one transaction.
    fn take_step(&self, step: &PackageStep, was: Option<&Package>) -> Result<()> {
        Crm::change_registry_and(
            self,
            step.cause(),
            |registry| step.apply(registry),
            |transaction| {
                let is = current(&transaction.registry, step.package());
                transaction.settle_records(step.package(), (was, is.as_ref()))
            },
        )
    }

    /// What a namespace has in this database, as a package: `x` for the customer's own.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `schema.package_missing`.
    pub fn export_package(&self, namespace: &str) -> Result<Package> {
        self.check_may("sys.role", Action::Administer)?;
        self.crm().registry().package_of(namespace)
    }

    /// Changes what people read of an entity of a lower layer for this customer, in place of what was changed before. A
    /// change that says nothing takes that back.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; those of
    /// [`Registry::declare_entity_override`].
    pub fn override_entity(&self, entity: &str, label: Option<Label>, help: Option<Label>) -> Result<()> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        let changed = EntityOverride { namespace: CUSTOMER.to_owned(), label, help };
        self.change_schema("schema.override_entity", |registry| {
            registry.declare_entity_override(&known.api_name, &changed)
        })
    }

    /// Changes a field of a lower layer for this customer, in place of what was changed before.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; those of
    /// [`Registry::declare_override`].
    pub fn override_field(&self, entity: &str, changed: FieldOverride) -> Result<()> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_may(&known.api_name, Action::Administer)?;
        let field = known.field(changed.field.as_str().into())?;
        self.read(|reader| reader.check_field(known, field.id()))?;
        let expressions = changed.default.iter().chain(&changed.required_when);
        self.check_expressions(known, expressions.map(String::as_str))?;
        let changed = FieldOverride { namespace: CUSTOMER.to_owned(), ..changed };
        self.change_schema("schema.override_field", |registry| {
            registry.declare_override(&known.api_name, &changed)
        })
    }
}
