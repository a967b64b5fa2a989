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
const ACTIONS: [&str; 2] = ["schema", "hook"];
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
    files: BTreeMap<String, Digest>,
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
    name: Label,
    files: BTreeMap<String, String>,
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
            files: BTreeMap::new(),
        };
        manifest.checked()
    }

    /// Reads the text of a `manifest.toml`.
    ///
    /// # Errors
    /// `plugin.manifest` for anything malformed, missing or unknown, naming the field and the rule;
    /// `plugin.abi_mismatch` for another version of the plugin interface.
    pub fn parse(text: &str) -> Result<Self> {
        let written: Written =
            toml::from_str(text).map_err(|error| Error::new(Code::PluginManifest).because(error))?;
        let Written { id, version, abi, capabilities, on_fault, name, files } = written;
        let abi = parse_abi(&abi).ok_or_else(|| wrong(&id, "abi", "major.minor").value(&abi))?;
        let capabilities = distinct(&id, capabilities)?;
        let mut digests = BTreeMap::new();
        for (path, digest) in files {
            let parsed = parse_digest(&digest).ok_or_else(|| {
                wrong(&id, "files", "sha256: and 64 lower-case hexadecimal digits").value(&digest)
            })?;
            digests.insert(path, parsed);
        }
        if digests.is_empty() {
            return Err(wrong(&id, "files", "at least one library"));
        }
        Self { id, version, abi, name, capabilities, on_fault, files: digests }.checked()
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
            name: self.name.clone(),
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

    /// The same manifest with one library more: its path in the package, and its digest.
    pub(crate) fn with_library(mut self, path: String, digest: Digest) -> Result<Self> {
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
            let targets: Vec<_> = self.files.keys().filter_map(|path| library_target(path)).collect();
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
                return Err(
                    wrong(&self.id, "capabilities", "schema:<entity> or hook:<entity>").value(capability)
                );
            }
        }
        let mut targets = BTreeSet::new();
        for path in self.files.keys() {
            let target = library_target(path)
                .ok_or_else(|| wrong(&self.id, "files", "bin/<target>/plugin.so").value(path))?;
            if !targets.insert(target) {
                return Err(wrong(&self.id, "files", "one library for each target").value(path));
            }
        }
        Ok(self)
    }

    fn check_identity(&self) -> Result<()> {
        let mut labels = self.id.split('.');
        let reserved = labels.clone().next().is_some_and(|label| RESERVED.contains(&label));
        if self.id.len() > MAX_WORD || labels.clone().count() < 2 || !labels.all(is_word) || reserved {
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
    format!("bin/{target}/plugin.{}", std::env::consts::DLL_EXTENSION)
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

fn is_capability(capability: &str) -> bool {
    let parts = capability.split_once(':').filter(|_| capability.len() <= MAX_WORD);
    parts.is_some_and(|(action, entity)| ACTIONS.contains(&action) && entity.split('.').all(is_word))
}

/// `1.2.0` or `1.2.0-rc.1`, by semver.org; build metadata is not taken, for it does not order versions.
fn is_version(version: &str) -> bool {
    let (numbers, label) = match version.split_once('-') {
        Some((numbers, label)) => (numbers, Some(label)),
        None => (version, None),
    };
    let is_identifier = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    numbers.split('.').count() == 3
        && numbers.split('.').all(|part| parse_number(part).is_some())
        && label.is_none_or(|label| label.split('.').all(is_identifier))
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
    let hexadecimal = text.strip_prefix(SHA_256)?;
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
    digest.iter().fold(SHA_256.to_owned(), |text, byte| text + &format!("{byte:02x}"))
}
