//! What a package declares beside the registry: roles with their grants, saved views, and commands. They are compared
//! by what the documents of two versions say.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::base::{Code, Error, Label, Result, locale_tag};
use crate::schema::Package;

/// Most roles, views or commands of a package, and grants of a role.
const MAX_ITEMS: usize = 500;
/// Longest name of a role or view.
const MAX_NAME: usize = 255;

/// A role of a package.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PackageRole {
    /// Its name, by which people are assigned it.
    pub name: String,
    /// Its name in further languages, by BCP 47 tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub translations: BTreeMap<String, String>,
    /// What it allows and forbids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<PackageGrant>,
}

/// A grant of a role, in the words of `role.grant`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PackageGrant {
    /// The entity by API name, or `*` for every entity of the trade.
    pub entity: String,
    /// What may be done.
    pub action: String,
    /// To whose records.
    pub level: String,
    /// `allow` or `deny`; it allows where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// Fields that it does not show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden_fields: Vec<String>,
    /// Fields of which it shows masks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked_fields: Vec<String>,
    /// Fields of which it shows masks in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list_masked_fields: Vec<String>,
    /// Fields that it leaves as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read_only_fields: Vec<String>,
    /// The only fields that it shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub visible_fields: Vec<String>,
    /// The only fields that it lets be set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable_fields: Vec<String>,
}

impl PackageGrant {
    /// All fields that it names.
    pub fn fields(&self) -> impl Iterator<Item = &String> {
        let lists = [
            &self.hidden_fields,
            &self.masked_fields,
            &self.list_masked_fields,
            &self.read_only_fields,
            &self.visible_fields,
            &self.writable_fields,
        ];
        lists.into_iter().flatten()
    }
}

/// A saved view of a package, for everyone or for the holders of a role.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PackageView {
    /// Its name, by which people find it.
    pub name: String,
    /// Its name in further languages, by BCP 47 tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub translations: BTreeMap<String, String>,
    /// The entity, by API name.
    pub entity: String,
    /// The role, by name; everyone if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What it lists: {columns, filter, sort, group, collation}.
    pub definition: Json,
}

/// Something that people do by its name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PackageCommand {
    /// The method that does it.
    pub method: String,
    /// What people read, in few words.
    pub label: Label,
    /// The entity that it is about; that of the organisation as a whole if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// What must be allowed to whoever is offered it: an action on the entity, such as `update`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

impl Package {
    /// Checks names and numbers of what it declares beside the registry.
    pub(super) fn check_records(&self) -> Result<()> {
        let fault =
            |field: &str, rule: &str| Err(Error::new(Code::InvalidDefinition).field(field).rule(rule));
        let grants = self.roles.iter().map(|role| role.grants.len());
        let sizes = [self.roles.len(), self.views.len(), self.commands.len()];
        if sizes.into_iter().chain(grants).any(|size| size > MAX_ITEMS) {
            return fault("package", "at most 500 roles, views, commands, and grants of a role");
        }
        let right = |name: &str| !name.trim().is_empty() && name.len() <= MAX_NAME;
        let mut names = BTreeSet::new();
        if self.roles.iter().any(|role| !right(&role.name) || !names.insert(&role.name)) {
            return fault("roles", "each role has a name of its own");
        }
        let mut names = BTreeSet::new();
        let own = |view: &PackageView| (view.entity.clone(), view.role.clone(), view.name.clone());
        if self.views.iter().any(|view| !right(&view.name) || !names.insert(own(view))) {
            return fault("views", "each view of an entity and a role has a name of its own");
        }
        let texts = self.roles.iter().map(|role| &role.translations);
        let mut texts = texts.chain(self.views.iter().map(|view| &view.translations)).flatten();
        let wrong = |(tag, text): (&String, &String)| {
            !right(text) || locale_tag(tag).map_or(true, |written| written != *tag)
        };
        if texts.any(wrong) {
            return fault(
                "translations",
                "a name stands in a language under its BCP 47 tag, in at most 255 bytes",
            );
        }
        if self.commands.iter().any(|command| command.label.is_partial()) {
            return fault("commands", "labels stand in zh and en");
        }
        if self.commands.iter().any(|command| command.action.is_some() && command.entity.is_none()) {
            return fault("commands", "an action is allowed on an entity");
        }
        Ok(())
    }
}
