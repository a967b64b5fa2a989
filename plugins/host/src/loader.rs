//! Which packages are loaded, in which order they are checked, and into which database they go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use guanxi::Session;
use guanxi::base::{Code, Error, Result};
use guanxi::engine::{Crm, PluginState};
use guanxi_plugin_abi::{guanxi_plugin_entry, guanxi_plugin_init};

use crate::bridge::NativeExtension;
use crate::contain::Plugin;
use crate::guard::Guard;
use crate::manifest::{Manifest, digits, parse_requirement, version_of};
use crate::native::{Identity, ask, identity_of};
use crate::package::{Library, Package};
use crate::trust::{TrustStore, grants};

/// A plugin whose library is loaded and says what its manifest says.
#[derive(Debug, Clone)]
pub struct LoadedPlugin {
    manifest: Manifest,
    init: guanxi_plugin_init,
    metadata: Option<String>,
    sha256: String,
    key: String,
}

impl LoadedPlugin {
    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The function with which the plugin registers what it brings, to be called for each database.
    #[must_use]
    pub fn init(&self) -> guanxi_plugin_init {
        self.init
    }

    /// SHA-256 of the library in hexadecimal digits; empty for one that is linked into the host.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The name that the trust store gives the key that signed it; empty where signatures are not asked for.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// What a host accepts, and how it loads that.
#[derive(Debug, Clone)]
pub struct Loader {
    trust: Option<TrustStore>,
    allows_downgrade: bool,
}

/// What is to be there already: other plugins, by id, with their versions.
type Present = BTreeMap<String, String>;

impl Loader {
    /// Packages that a key of a trust store has signed, with no more capabilities than that key grants.
    #[must_use]
    pub fn trusting(store: TrustStore) -> Self {
        Self { trust: Some(store), allows_downgrade: false }
    }

    /// Packages without a signature too: whoever names their paths vouches for them, as for a program that is run. It is
    /// meant for development, and for hosts that ship their plugins with themselves.
    #[must_use]
    pub fn unsigned() -> Self {
        Self { trust: None, allows_downgrade: false }
    }

    /// Takes a version of a plugin that is lower than one which the database has seen.
    #[must_use]
    pub fn allow_downgrade(self) -> Self {
        Self { allows_downgrade: true, ..self }
    }

    /// Loads plugins from their packages. Those that others require come first, and else the order given holds.
    ///
    /// Everything that can be checked without loading is checked first, for all of them. The paths are
    /// absolute. A library that this process has loaded before, from whatever package, is not loaded again.
    ///
    /// # Errors
    /// In the order in which it is checked:
    /// - `plugin.path`, `plugin.too_large`, `plugin.archive`: the package is not safe from others, or none.
    /// - `plugin.signature`, `plugin.key_unknown`, `plugin.key_revoked`, `plugin.key_expired`: nobody whom the host
    ///   trusts has signed it.
    /// - `plugin.manifest`: its manifest is not acceptable.
    /// - `plugin.abi_mismatch`: it is for another version of the plugin interface.
    /// - `plugin.conflict`: two packages bear one id, or a plugin of that id is loaded already.
    /// - `plugin.capability`: it asks for more than its key grants.
    /// - `plugin.wrong_target`: it has no library for this platform.
    /// - `plugin.hash_mismatch`: a file is not the one that the manifest names.
    /// - `plugin.revoked`: the version or the library was taken back.
    /// - `plugin.requires`, `plugin.excludes`: what it needs is not there, or it does not go with what is.
    /// - `plugin.entry`: the library does not load, or says something else than the manifest.
    pub fn load(&self, packages: &[PathBuf]) -> Result<Vec<LoadedPlugin>> {
        self.checked(packages, &Present::new(), BTreeSet::new())?.into_iter().map(Checked::attach).collect()
    }

    /// Checks a package as [`Loader::load`] does, short of loading it.
    ///
    /// # Errors
    /// As [`Loader::load`], but for what it needs of others, and those of a library that does not load.
    pub fn inspect(&self, package: &std::path::Path) -> Result<Manifest> {
        let package = Package::open(package, self.trust.as_ref())?;
        self.check_package(&package)?;
        Ok(package.manifest)
    }

    /// Loads plugins from their packages and adds them to an open database. Each addition is an entry of the ledger,
    /// with id, version, hash and key.
    ///
    /// # Errors
    /// Those of [`Loader::load`]; `plugin.downgrade`; `plugin.crashed`; what the plugin's registration gives;
    /// `plugin.migration_needed` where a migration is due, which [`Loader::install_as`] runs. Of a plugin that is refused
    /// nothing is there; those before it in their order are.
    pub fn install(&self, crm: &Crm, packages: &[PathBuf]) -> Result<Vec<Manifest>> {
        self.install_for(crm, None, packages)
    }

    /// As [`Loader::install`], and runs migrations that are due in the right of an administrator: what the plugin declares
    /// and what they write is one transaction.
    ///
    /// # Errors
    /// As [`Loader::install`]; `access.not_permitted` where a migration is due and the user does not administer
    /// everything; what the migration gives.
    pub fn install_as(&self, session: &Session, packages: &[PathBuf]) -> Result<Vec<Manifest>> {
        self.install_for(session.crm(), Some(session), packages)
    }

    fn install_for(
        &self,
        crm: &Crm,
        session: Option<&Session>,
        packages: &[PathBuf],
    ) -> Result<Vec<Manifest>> {
        let checked = self.checked(packages, &present_in(crm)?, crm.loaded_plugins())?;
        checked.iter().try_for_each(|package| self.check_downgrade(crm, &package.manifest))?;
        let guards = checked.iter().map(|package| Guard::open(crm.path(), package.manifest.id()));
        let guards = guards.collect::<Result<Vec<_>>>()?;
        let mut manifests = Vec::new();
        for (package, guard) in checked.into_iter().zip(guards) {
            // From here on the process may die of the plugin, and the next one is to know.
            guard.enter();
            let attached = package.attach();
            guard.leave();
            let plugin = attached?;
            bring(crm, session, &plugin, guard)?;
            manifests.push(plugin.manifest);
        }
        Ok(manifests)
    }

    /// Adds a plugin that is linked into the host to an open database, through the same entry function. It is as
    /// trusted as the host; what its manifest says is held to all the same.
    ///
    /// # Safety
    /// The entry function is one of the plugin interface.
    ///
    /// # Errors
    /// As [`Loader::install`], but for those of packages.
    pub unsafe fn install_linked(
        &self,
        crm: &Crm,
        session: Option<&Session>,
        manifest: &Manifest,
        entry: guanxi_plugin_entry,
    ) -> Result<()> {
        if crm.loaded_plugins().contains(manifest.id()) {
            return Err(Error::new(Code::PluginConflict).plugin(manifest.id()));
        }
        check_needs(manifest, &present_in(crm)?)?;
        self.check_downgrade(crm, manifest)?;
        let identity = ask(entry).map_err(|error| error.plugin(manifest.id()))?;
        identity.check(manifest)?;
        let guard = Guard::open(crm.path(), manifest.id())?;
        let plugin = LoadedPlugin {
            manifest: manifest.clone(),
            init: identity.init,
            metadata: None,
            sha256: String::new(),
            key: String::new(),
        };
        bring(crm, session, &plugin, guard)
    }

    /// Checks packages whose ids are not among those that are taken, and puts them in order.
    fn checked(
        &self,
        packages: &[PathBuf],
        present: &Present,
        mut taken: BTreeSet<String>,
    ) -> Result<Vec<Checked>> {
        let opened = packages.iter().map(|path| Package::open(path, self.trust.as_ref()));
        let opened = opened.collect::<Result<Vec<_>>>()?;
        for id in opened.iter().map(|package| package.manifest.id()) {
            if !taken.insert(id.to_owned()) {
                return Err(Error::new(Code::PluginConflict).plugin(id));
            }
        }
        let checked = opened.into_iter().map(|package| {
            let library = self.check_package(&package)?;
            let metadata = package.metadata()?;
            let key = package.signer.map(|signer| signer.key).unwrap_or_default();
            Ok(Checked { manifest: package.manifest, library, metadata, key })
        });
        in_order(checked.collect::<Result<Vec<_>>>()?, present)
    }

    fn check_package(&self, package: &Package) -> Result<Library> {
        let manifest = &package.manifest;
        if let Some(signer) = &package.signer {
            let granted = |capability: &str| signer.grants.iter().any(|grant| grants(grant, capability));
            if let Some(beyond) = manifest.capabilities().find(|capability| !granted(capability)) {
                let error = Error::new(Code::PluginCapability).plugin(manifest.id());
                return Err(error.rule(beyond).value(&signer.key));
            }
        }
        let library = package.library()?;
        if let Some(trust) = &self.trust {
            trust.check_revoked(manifest.id(), manifest.version(), &digits(&library.digest))?;
        }
        Ok(library)
    }

    fn check_downgrade(&self, crm: &Crm, manifest: &Manifest) -> Result<()> {
        let Some(seen) = crm.plugin_state(manifest.id())? else { return Ok(()) };
        let highest = version_of(&seen.version);
        if self.allows_downgrade
            || highest.is_none_or(|highest| manifest.semantic_version().is_ok_and(|ours| ours >= highest))
        {
            return Ok(());
        }
        let error = Error::new(Code::PluginDowngrade).plugin(manifest.id()).value(manifest.version());
        Err(error.rule(&format!("at least {}", seen.version)))
    }
}

/// Loads plugins from their packages as [`Loader::unsigned`] does: whoever names the paths vouches.
///
/// # Errors
/// Those of [`Loader::load`].
pub fn load(packages: &[PathBuf]) -> Result<Vec<LoadedPlugin>> {
    Loader::unsigned().load(packages)
}

/// Checks a package as [`Loader::unsigned`] does, short of loading it.
///
/// # Errors
/// As [`Loader::inspect`].
pub fn inspect(package: &std::path::Path) -> Result<Manifest> {
    Loader::unsigned().inspect(package)
}

/// Loads plugins from their packages as [`Loader::unsigned`] does, and adds them to an open database.
///
/// # Errors
/// As [`Loader::install`].
pub fn install(crm: &Crm, packages: &[PathBuf]) -> Result<Vec<Manifest>> {
    Loader::unsigned().install(crm, packages)
}

/// A package that may be loaded.
struct Checked {
    manifest: Manifest,
    library: Library,
    metadata: Option<String>,
    key: String,
}

impl Checked {
    /// Finds the library among those that are known, or loads it, and compares it with the manifest.
    fn attach(self) -> Result<LoadedPlugin> {
        let Self { manifest, library, metadata, key } = self;
        let identity: Identity = identity_of(&library).map_err(|error| error.plugin(manifest.id()))?;
        identity.check(&manifest)?;
        let sha256 = digits(&library.digest);
        Ok(LoadedPlugin { manifest, init: identity.init, metadata, sha256, key })
    }
}

/// The plugins that are loaded into a database, with the highest version of each that it has seen.
fn present_in(crm: &Crm) -> Result<Present> {
    let loaded = crm.loaded_plugins();
    let states = crm.plugin_states()?.into_iter().filter(|state| loaded.contains(&state.plugin));
    Ok(states.map(|state| (state.plugin, state.version)).collect())
}

/// Those that others require first, and else as they came; what they need of others is there then.
fn in_order(mut waiting: Vec<Checked>, present: &Present) -> Result<Vec<Checked>> {
    let mut versions = present.clone();
    versions.extend(
        waiting.iter().map(|plugin| (plugin.manifest.id().to_owned(), plugin.manifest.version().to_owned())),
    );
    waiting.iter().try_for_each(|plugin| check_needs(&plugin.manifest, &versions))?;
    let mut there: BTreeSet<String> = present.keys().cloned().collect();
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let is_next = |plugin: &Checked| {
            let mut needs =
                plugin.manifest.requires().plugins.iter().filter_map(|said| parse_requirement(said));
            needs.all(|(id, _)| there.contains(id))
        };
        let Some(next) = waiting.iter().position(is_next) else {
            let stuck = waiting.first().map(|plugin| plugin.manifest.id().to_owned()).unwrap_or_default();
            return Err(Error::new(Code::PluginRequires).plugin(&stuck).rule("no circle"));
        };
        let plugin = waiting.remove(next);
        there.insert(plugin.manifest.id().to_owned());
        ordered.push(plugin);
    }
    Ok(ordered)
}

fn check_needs(manifest: &Manifest, present: &Present) -> Result<()> {
    let missing = |said: &str| Error::new(Code::PluginRequires).plugin(manifest.id()).rule(said);
    if let Some(said) = &manifest.requires().core {
        let wanted = semver::VersionReq::parse(said).map_err(|_| missing(said))?;
        let ours = version_of(env!("CARGO_PKG_VERSION"));
        if !ours.is_some_and(|ours| wanted.matches(&ours)) {
            return Err(missing(&format!("guanxi {said}")));
        }
    }
    for said in &manifest.requires().plugins {
        let (id, wanted) = parse_requirement(said).ok_or_else(|| missing(said))?;
        let there = present.get(id).and_then(|version| version_of(version));
        if !there.is_some_and(|there| wanted.matches(&there)) {
            return Err(missing(said));
        }
    }
    match manifest.conflicts().iter().find(|id| present.contains_key(*id)) {
        Some(other) => Err(Error::new(Code::PluginExcludes).plugin(manifest.id()).rule(other)),
        None => Ok(()),
    }
}

/// Has a plugin register what it brings into a database, and its stored data brought up to date.
fn bring(crm: &Crm, session: Option<&Session>, loaded: &LoadedPlugin, guard: Guard) -> Result<()> {
    let manifest = &loaded.manifest;
    let plugin = Arc::new(Plugin::new(manifest, guard));
    let extension = NativeExtension::register(crm, &plugin, loaded.init, loaded.metadata.as_deref())?;
    if extension.migrates_to() != manifest.schema_version() {
        let error = Error::new(Code::PluginEntry).plugin(manifest.id()).field("schema_version");
        return Err(error.rule("as in the manifest").value(&extension.migrates_to().to_string()));
    }
    let seen = crm.plugin_state(manifest.id())?.unwrap_or_default();
    if seen.schema_version > manifest.schema_version() {
        let error = Error::new(Code::PluginDowngrade).plugin(manifest.id()).field("schema_version");
        return Err(error.rule(&format!("at least {}", seen.schema_version)));
    }
    let highest =
        version_of(&seen.version).filter(|seen| manifest.semantic_version().is_ok_and(|ours| ours < *seen));
    let state = PluginState {
        plugin: manifest.id().to_owned(),
        version: highest.map_or_else(|| manifest.version().to_owned(), |highest| highest.to_string()),
        sha256: loaded.sha256.clone(),
        key: loaded.key.clone(),
        schema_version: manifest.schema_version(),
        required: seen.required,
    };
    match session {
        _ if seen.schema_version == manifest.schema_version() => crm.install_plugin(&extension, &state),
        Some(session) => session.install_and_migrate(&extension, &state, |transaction, from| {
            extension.migrate(transaction, from)
        }),
        None => Err(Error::new(Code::PluginMigration).plugin(manifest.id())),
    }
}
