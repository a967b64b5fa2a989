//! What a package says of itself in `manifest.toml`, checked to the letter before anything is loaded.

use std::collections::{BTreeMap, BTreeSet};

use guanxi::base::{Code, Error, Label, Result};
use guanxi_plugin_abi::{GUANXI_PLUGIN_ABI_MAJOR, GUANXI_PLUGIN_ABI_MINOR};
use serde::{Deserialize, Serialize};

/// SHA-256 of a file.
pub(crate) type Digest = [u8; 32];

/// Longest id, version or capability, and longest name, in bytes.
const MAX_WORD: usize = 128;
/// What a digest begins with in the manifest.
const SHA_256: &str = "sha256:";
/// What capabilities there are, each with the entity it is for.
const ACTIONS: [&str; 4] = ["schema", "hook", "read", "write"];
/// What capabilities there are that are for no entity.
const PLAIN: [&str; 8] = ["package", "action", "job", "migration", "model", "account", "report", "connector"];
/// The capability to call a method, with its name behind a colon.
const CALL: &str = "call";
/// The capability to read texts out of attachments, with their media type behind a colon.
const EXTRACT: &str = "extract";
/// How long a hook may take if nothing is said, in milliseconds.
const HOOK_BUDGET_MS: u32 = 50;
/// How long an action, a job, or what is behind a commit may take if nothing is said, in milliseconds.
const WORK_BUDGET_MS: u32 = 2_000;
/// Longest budget, in milliseconds.
const MAX_BUDGET_MS: u32 = 600_000;
/// First labels of ids that belong to the engine and to the customer's own fields.
const RESERVED: [&str; 3] = ["crm", "guanxi", "x"];
/// File names of libraries on the platforms there are.
const LIBRARIES: [&str; 3] = ["plugin.so", "plugin.dylib", "plugin.dll"];

/// What happens to a save when the plugin's hook fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFault {
    /// The save is refused: a check that cannot be made does not pass.
    Reject,
    /// The save goes on without the hook, for plugins that check nothing.
    Skip,
}

/// A manifest whose every part is acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    id: String,
    version: String,
    abi: (u32, u32),
    name: Label,
    capabilities: BTreeSet<String>,
    on_fault: OnFault,
    requires: Requires,
    conflicts: Vec<String>,
    schema_version: u32,
    budget_ms: Budgets,
    files: BTreeMap<String, Digest>,
}

/// What a plugin needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requires {
    /// The engine, by a requirement on versions as cargo has them, such as `>=0.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<String>,
    /// Other plugins, each by its id and a requirement on its version: `cn.example.base >=1`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
}

impl Requires {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// How long calls into a plugin may take, in milliseconds; longer ones count as faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budgets {
    /// A hook within a transaction.
    pub hook: u32,
    /// An action, a job, a migration, and what is behind a commit.
    pub work: u32,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { hook: HOOK_BUDGET_MS, work: WORK_BUDGET_MS }
    }
}

impl Budgets {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// The manifest as it stands in the file. A field that is not known is an error, for it may be one that
/// restricts the plugin.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    version: String,
    abi: String,
    capabilities: Vec<String>,
    on_fault: OnFault,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    conflicts: Vec<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    schema_version: u32,
    name: Label,
    #[serde(default, skip_serializing_if = "Requires::is_nothing")]
    requires: Requires,
    #[serde(default, skip_serializing_if = "Budgets::is_usual")]
    budget_ms: Budgets,
    files: BTreeMap<String, String>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Manifest {
    /// The manifest of a package that is still to be made, for a plugin that every host of this major version of
    /// the plugin interface can load, as the plugin kit makes them.
    ///
    /// `id` is in reversed domain order such as `cn.example.score`, `version` by semver.org,
    /// `capabilities` are such as `schema:crm.account` and `hook:crm.account`.
    ///
    /// # Errors
    /// `plugin.manifest`, naming the field and the rule.
    pub fn new(
        id: &str,
        version: &str,
        name: Label,
        capabilities: &[&str],
        on_fault: OnFault,
    ) -> Result<Self> {
        let manifest = Self {
            id: id.to_owned(),
            version: version.to_owned(),
            abi: (GUANXI_PLUGIN_ABI_MAJOR, 0),
            name,
            capabilities: distinct(id, capabilities.iter().map(|&capability| capability.to_owned()))?,
            on_fault,
            requires: Requires::default(),
            conflicts: Vec::new(),
            schema_version: 0,
            budget_ms: Budgets::default(),
            files: BTreeMap::new(),
        };
        manifest.checked()
    }

    /// The same manifest, but that the plugin needs a minor version of the interface.
    ///
    /// # Errors
    /// `plugin.abi_mismatch` for one that this host does not have.
    pub fn with_abi_minor(mut self, minor: u32) -> Result<Self> {
        self.abi.1 = minor;
        self.checked()
    }

    /// The same manifest, but that the plugin needs other things, and does not go together with plugins of these ids.
    ///
    /// # Errors
    /// `plugin.manifest`.
    pub fn with_needs(mut self, requires: Requires, conflicts: Vec<String>) -> Result<Self> {
        (self.requires, self.conflicts) = (requires, conflicts);
        self.checked()
    }

    /// The same manifest, with how far the plugin's migrations go.
    #[must_use]
    pub fn with_schema_version(mut self, version: u32) -> Self {
        self.schema_version = version;
        self
    }

    /// The same manifest, with how long calls into the plugin may take.
    ///
    /// # Errors
    /// `plugin.manifest` for nothing, and for more than ten minutes.
    pub fn with_budgets(mut self, budgets: Budgets) -> Result<Self> {
        self.budget_ms = budgets;
        self.checked()
    }

    /// Reads the text of a `manifest.toml`.
    ///
    /// # Errors
    /// `plugin.manifest` for anything malformed, missing or unknown, naming the field and the rule;
    /// `plugin.abi_mismatch` for another version of the plugin interface.
    pub fn parse(text: &str) -> Result<Self> {
        let manifest = Self::parse_linked(text)?;
        if manifest.targets().next().is_none() {
            return Err(wrong(&manifest.id, "files", "at least one library"));
        }
        Ok(manifest)
    }

    /// Reads the text of a manifest for a plugin that is linked into the host, and needs no library.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn parse_linked(text: &str) -> Result<Self> {
        let written: Written =
            toml::from_str(text).map_err(|error| Error::new(Code::PluginManifest).because(error))?;
        let Written {
            id,
            version,
            abi,
            capabilities,
            on_fault,
            conflicts,
            schema_version,
            name,
            requires,
            budget_ms,
            files,
        } = written;
        let abi = parse_abi(&abi).ok_or_else(|| wrong(&id, "abi", "major.minor").value(&abi))?;
        let capabilities = distinct(&id, capabilities)?;
        let mut digests = BTreeMap::new();
        for (path, digest) in files {
            let parsed = parse_digest(&digest).ok_or_else(|| {
                wrong(&id, "files", "sha256: and 64 lower-case hexadecimal digits").value(&digest)
            })?;
            digests.insert(path, parsed);
        }
        let files = digests;
        let manifest = Self {
            id,
            version,
            abi,
            name,
            capabilities,
            on_fault,
            requires,
            conflicts,
            schema_version,
            budget_ms,
            files,
        };
        manifest.checked()
    }

    /// The text of `manifest.toml`.
    ///
    /// # Errors
    /// `plugin.manifest` if it cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        let (major, minor) = self.abi;
        let written = Written {
            id: self.id.clone(),
            version: self.version.clone(),
            abi: format!("{major}.{minor}"),
            capabilities: self.capabilities.iter().cloned().collect(),
            on_fault: self.on_fault,
            conflicts: self.conflicts.clone(),
            schema_version: self.schema_version,
            name: self.name.clone(),
            requires: self.requires.clone(),
            budget_ms: self.budget_ms,
            files: self.files.iter().map(|(path, digest)| (path.clone(), digest_text(digest))).collect(),
        };
        toml::to_string(&written)
            .map_err(|error| Error::new(Code::PluginManifest).plugin(&self.id).because(error))
    }

    /// The plugin's identifier, which is also the namespace of its fields.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The plugin's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Major version of the plugin interface, and the lowest minor version that the plugin needs.
    #[must_use]
    pub fn abi(&self) -> (u32, u32) {
        self.abi
    }

    /// What people call the plugin.
    #[must_use]
    pub fn name(&self) -> &Label {
        &self.name
    }

    /// What the plugin asks leave for, such as `schema:crm.account`, sorted.
    pub fn capabilities(&self) -> impl Iterator<Item = &str> {
        self.capabilities.iter().map(String::as_str)
    }

    /// What happens to a save when the plugin's hook fails.
    #[must_use]
    pub fn on_fault(&self) -> OnFault {
        self.on_fault
    }

    /// What the plugin needs.
    #[must_use]
    pub fn requires(&self) -> &Requires {
        &self.requires
    }

    /// The plugins with which it does not go together.
    #[must_use]
    pub fn conflicts(&self) -> &[String] {
        &self.conflicts
    }

    /// How far its migrations go; 0 for a plugin that has none.
    #[must_use]
    pub fn schema_version(&self) -> u32 {
        self.schema_version
    }

    /// How long calls into it may take.
    #[must_use]
    pub fn budgets(&self) -> Budgets {
        self.budget_ms
    }

    /// The platforms that it has a library for.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.files.keys().filter_map(|path| library_target(path))
    }

    /// The version, which can be compared with others.
    pub(crate) fn semantic_version(&self) -> Result<semver::Version> {
        version_of(&self.version).ok_or_else(|| wrong(&self.id, "version", "semver.org").value(&self.version))
    }

    /// The files of the package with their digests.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &Digest)> {
        self.files.iter().map(|(path, digest)| (path.as_str(), digest))
    }

    /// The same manifest with one file more: its path in the package, and its digest.
    pub(crate) fn with_file(mut self, path: String, digest: Digest) -> Result<Self> {
        self.files.insert(path, digest);
        self.checked()
    }

    /// Path and digest of the library for a target.
    ///
    /// # Errors
    /// `plugin.wrong_target`, with the targets there are.
    pub(crate) fn library(&self, target: &str) -> Result<(&str, &Digest)> {
        let mut libraries = self.files.iter();
        let found = libraries.find(|(path, _)| library_target(path) == Some(target));
        found.map(|(path, digest)| (path.as_str(), digest)).ok_or_else(|| {
            let targets: Vec<_> = self.targets().collect();
            Error::new(Code::PluginTarget)
                .plugin(&self.id)
                .rule(&format!("for {}, not for {target}", targets.join(", ")))
        })
    }

    fn checked(self) -> Result<Self> {
        self.check_identity()?;
        self.check_abi()?;
        for capability in &self.capabilities {
            if !is_capability(capability) {
                return Err(wrong(&self.id, "capabilities", "schema:<entity>, hook:<entity> and the like")
                    .value(capability));
            }
        }
        self.check_needs()?;
        let mut targets = BTreeSet::new();
        for path in self.files.keys() {
            if is_other_file(path) {
                continue;
            }
            let target = library_target(path)
                .ok_or_else(|| wrong(&self.id, "files", "bin/<target>/plugin.so").value(path))?;
            if !targets.insert(target) {
                return Err(wrong(&self.id, "files", "one library for each target").value(path));
            }
        }
        Ok(self)
    }

    fn check_needs(&self) -> Result<()> {
        let said = self.requires.core.as_deref().map(|core| (core, is_requirement(core)));
        let plugins =
            self.requires.plugins.iter().map(|said| (said.as_str(), parse_requirement(said).is_some()));
        if let Some((said, _)) = said.into_iter().chain(plugins).find(|(_, good)| !good) {
            return Err(
                wrong(&self.id, "requires", "an id and a version, such as cn.example.base >=1").value(said)
            );
        }
        if let Some(said) = self.conflicts.iter().find(|said| !is_id(said) || **said == self.id) {
            return Err(wrong(&self.id, "conflicts", "ids of other plugins").value(said));
        }
        let budgets = [self.budget_ms.hook, self.budget_ms.work];
        if budgets.iter().any(|budget| *budget == 0 || *budget > MAX_BUDGET_MS) {
            return Err(wrong(&self.id, "budget_ms", "1 to 600000"));
        }
        Ok(())
    }

    fn check_identity(&self) -> Result<()> {
        if !is_id(&self.id) {
            return Err(wrong("", "id", "reversed domain order in lower case").value(&self.id));
        }
        if self.version.len() > MAX_WORD || !is_version(&self.version) {
            return Err(wrong(&self.id, "version", "semver.org").value(&self.version));
        }
        for name in [&self.name.zh, &self.name.en] {
            if name.trim().is_empty() || name.len() > MAX_WORD || name.chars().any(char::is_control) {
                return Err(wrong(&self.id, "name", "1 to 128 bytes of text in each language").value(name));
            }
        }
        Ok(())
    }

    fn check_abi(&self) -> Result<()> {
        let (major, minor) = self.abi;
        if major == GUANXI_PLUGIN_ABI_MAJOR && (0..=GUANXI_PLUGIN_ABI_MINOR).contains(&minor) {
            return Ok(());
        }
        Err(Error::new(Code::PluginAbi).plugin(&self.id).field("abi").rule(&format!(
            "it needs {major}.{minor}, this engine has {GUANXI_PLUGIN_ABI_MAJOR}.{GUANXI_PLUGIN_ABI_MINOR}"
        )))
    }
}

/// Where the library for a target lies in a package.
pub(crate) fn library_path(target: &str) -> String {
    let extension = match target {
        apple if apple.contains("-apple-") => "dylib",
        windows if windows.contains("-windows-") => "dll",
        _ => "so",
    };
    format!("bin/{target}/plugin.{extension}")
}

/// Whether a path is that of a file beside the libraries: the package of metadata, or a guide for people.
fn is_other_file(path: &str) -> bool {
    let guide = path.strip_prefix("doc/").is_some_and(|name| !name.contains('/'));
    path == crate::package::METADATA || (guide && crate::archive::is_plain(path))
}

/// An id in reversed domain order, in no namespace of the engine's.
pub(crate) fn is_id(id: &str) -> bool {
    let mut labels = id.split('.');
    let reserved = labels.clone().next().is_some_and(|label| RESERVED.contains(&label));
    id.len() <= MAX_WORD && labels.clone().count() >= 2 && labels.all(is_word) && !reserved
}

fn is_requirement(said: &str) -> bool {
    semver::VersionReq::parse(said).is_ok()
}

/// An id and a requirement on its version, `cn.example.base >=1`.
pub(crate) fn parse_requirement(said: &str) -> Option<(&str, semver::VersionReq)> {
    let (id, version) = said.split_once(' ')?;
    Some((id, semver::VersionReq::parse(version).ok()?)).filter(|(id, _)| is_id(id))
}

/// A version that can be compared.
pub(crate) fn version_of(said: &str) -> Option<semver::Version> {
    semver::Version::parse(said).ok()
}

/// The target in `bin/<target>/plugin.so`; `None` for any other path.
fn library_target(path: &str) -> Option<&str> {
    let (target, file) = path.strip_prefix("bin/")?.split_once('/')?;
    let is_plain = !target.is_empty()
        && target.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (is_plain && LIBRARIES.contains(&file)).then_some(target)
}

fn wrong(id: &str, field: &str, rule: &str) -> Error {
    let error = Error::new(Code::PluginManifest).field(field).rule(rule);
    if id.is_empty() { error } else { error.plugin(id) }
}

fn distinct(id: &str, capabilities: impl IntoIterator<Item = String>) -> Result<BTreeSet<String>> {
    let mut distinct = BTreeSet::new();
    for capability in capabilities {
        if let Some(twice) = distinct.replace(capability) {
            return Err(wrong(id, "capabilities", "each once").value(&twice));
        }
    }
    Ok(distinct)
}

/// A letter, then letters, digits, underscores and hyphens; all ASCII and lower case.
fn is_word(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
}

/// Both halves of a media type (RFC 6838 §4.2) in small letters, or a star for every second half.
pub(crate) fn is_media_type(media_type: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && name.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$&-^_.+".contains(&byte)
            })
    };
    let halves = media_type.split_once('/');
    halves.is_some_and(|(kind, rest)| is_name(kind) && (rest == "*" || is_name(rest)))
}

fn is_capability(capability: &str) -> bool {
    if capability.len() > MAX_WORD {
        return false;
    }
    match capability.split_once(':') {
        None => PLAIN.contains(&capability),
        Some((EXTRACT, media_type)) => is_media_type(media_type),
        Some((action, named)) => {
            (ACTIONS.contains(&action) || action == CALL) && named.split('.').all(is_word)
        }
    }
}

/// `1.2.0` or `1.2.0-rc.1`, by semver.org; build metadata is not taken, for it does not order versions.
fn is_version(version: &str) -> bool {
    version_of(version).is_some_and(|version| {
        let numbers = [version.major, version.minor, version.patch];
        version.build.is_empty() && numbers.into_iter().all(|number| u32::try_from(number).is_ok())
    })
}

fn parse_abi(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((parse_number(major)?, parse_number(minor)?))
}

/// A number in its only spelling: no sign, no leading zero.
fn parse_number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| number.to_string() == text)
}

fn parse_digest(text: &str) -> Option<Digest> {
    parse_digits(text.strip_prefix(SHA_256)?)
}

/// A digest out of hexadecimal digits in lower case.
pub(crate) fn parse_digits(hexadecimal: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    let (pairs, rest) = hexadecimal.as_bytes().as_chunks::<2>();
    if pairs.len() != digest.len() || !rest.is_empty() {
        return None;
    }
    for (byte, &[high, low]) in digest.iter_mut().zip(pairs) {
        *byte = nibble(high)? << 4 | nibble(low)?;
    }
    Some(digest)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn digest_text(digest: &Digest) -> String {
    format!("{SHA_256}{}", digits(digest))
}

/// A digest in hexadecimal digits.
pub(crate) fn digits(digest: &Digest) -> String {
    digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
