//! What a package declares beside the registry, in a database: its roles and views as records that bear the package's
//! key, and its commands.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::access::{Action, Effect, Grant, Level, Role, grant, role};
use crate::base::{Code, Error, RecordId, Result, Value};
use crate::engine::views::view;
use crate::engine::{Changes, Command, FieldSelector, Transaction, View, ViewDefinition};
use crate::schema::{
    CUSTOMER, Codes, EntityType, FieldName, Package, PackageCommand, PackageGrant, PackageView, Registry,
};

/// The version of a package that is in force.
pub(super) fn current(registry: &Registry, package: &str) -> Option<Package> {
    let is_it = |known: &&crate::schema::InstalledPackage| {
        known.versions.last().is_some_and(|version| version.package == package)
    };
    registry.packages().iter().find(is_it).and_then(|installed| installed.current()).cloned()
}

/// Refuses roles, views and commands that name what there is not.
pub(super) fn check(registry: &Registry, package: &Package) -> Result<()> {
    for role in &package.roles {
        let grants = role.grants.iter();
        let mut checked = grants.map(|grant| check_grant(registry, grant));
        checked
            .try_for_each(|checked| checked.map_err(|error| error.rule(&format!("role {}", role.name))))?;
    }
    package.views.iter().try_for_each(|view| check_view(registry, view))?;
    package.commands.iter().try_for_each(|known| command_of(known).map(drop))?;
    package.guides.iter().try_for_each(|guide| guide.check_in(registry))?;
    let named = package.commands.iter().filter_map(|command| command.entity.as_deref());
    { named }.try_for_each(|entity| registry.entity(entity).map(drop))
}

fn check_grant(registry: &Registry, grant: &PackageGrant) -> Result<()> {
    let wrong = |field: &str, said: &str| Error::new(Code::InvalidDefinition).field(field).value(said);
    if !is_code::<Action>(&grant.action) {
        return Err(wrong("action", &grant.action));
    }
    if !is_code::<Level>(&grant.level) {
        return Err(wrong("level", &grant.level));
    }
    if let Some(effect) = grant.effect.as_ref().filter(|effect| !is_code::<Effect>(effect)) {
        return Err(wrong("effect", effect));
    }
    match grant.entity.as_str() {
        "*" | "sys.*" => Ok(()),
        // A name that is misspelt would leave its field in sight.
        name => {
            let entity = registry.entity(name)?;
            grant.fields().try_for_each(|field| entity.field(FieldName::Name(field)).map(drop))
        }
    }
}

fn is_code<C: Codes>(said: &str) -> bool {
    C::ALL.iter().any(|(_, code, _, _)| *code == said)
}

fn check_view(registry: &Registry, view: &PackageView) -> Result<()> {
    let entity = registry.entity(&view.entity)?;
    let definition = definition_of(&view.definition)?;
    let sorted = definition.sort.iter().map(|name| name.strip_prefix('-').unwrap_or(name));
    let named = sorted.chain(definition.group.as_deref());
    { named }.try_for_each(|name| FieldSelector::Name(name.to_owned()).resolve(entity).map(drop))
}

fn definition_of(json: &Json) -> Result<ViewDefinition> {
    let wrong = |error: serde_json::Error| {
        Error::new(Code::InvalidDefinition).field("definition").rule(&error.to_string())
    };
    serde_json::from_value(json.clone()).map_err(wrong)
}

/// A command as palettes have it.
pub(super) fn command_of(known: &PackageCommand) -> Result<Command> {
    let command = Command::new(&known.method, known.label.clone());
    let Some((action, entity)) = known.action.as_deref().zip(known.entity.as_deref()) else {
        return Ok(command.about(known.entity.as_deref()));
    };
    let wrong = || Error::new(Code::InvalidDefinition).field("action").value(action);
    let needed = Action::from_code(action).ok_or_else(wrong)?;
    Ok(command.about(Some(entity)).needing(entity, needed))
}

/// Under which name records bear the key of a package.
fn source_of(package: &str) -> String {
    format!("package:{package}")
}

type Place = (&'static str, String);

/// The keys of a package's records: grants and views before the roles that they name.
fn places_of(package: &Package) -> Vec<Place> {
    let grants = package.roles.iter().flat_map(|role| {
        (0..role.grants.len()).map(move |number| (Grant::NAME, format!("{}/{number}", role.name)))
    });
    let views = package.views.iter().map(|view| (View::NAME, key_of_view(view)));
    let roles = package.roles.iter().map(|role| (Role::NAME, role.name.clone()));
    grants.chain(views).chain(roles).collect()
}

fn key_of_view(view: &PackageView) -> String {
    format!("{}/{}/{}", view.entity, view.role.as_deref().unwrap_or_default(), view.name)
}

impl Transaction<'_> {
    /// Makes the records of a package what its version in force says.
    pub(super) fn settle_records(
        &mut self,
        package: &str,
        (before, after): (Option<&Package>, Option<&Package>),
    ) -> Result<()> {
        let source = source_of(package);
        let kept = after.map(|after| self.put_records(&source, after)).transpose()?;
        let kept = kept.unwrap_or_default();
        // The customer's own package only adds, until it is taken back.
        let only_adds = package == CUSTOMER && after.is_some();
        match before.filter(|_| !only_adds) {
            Some(before) => self.drop_records(&source, before, &kept),
            None => Ok(()),
        }
    }

    fn put_records(&mut self, source: &str, package: &Package) -> Result<BTreeSet<Place>> {
        for said in &package.roles {
            let changes = Changes::new().set(role::NAME, said.name.as_str());
            let changes = self.in_languages((Role::NAME, source, &said.name), changes, &said.translations)?;
            let id = self.upsert_record(Role::NAME, source, &said.name, changes)?.id();
            for (number, grant) in said.grants.iter().enumerate() {
                let changes = self.grant_of(id, grant)?;
                self.upsert_record(Grant::NAME, source, &format!("{}/{number}", said.name), changes)?;
            }
        }
        for said in &package.views {
            let role = said.role.as_deref().map(|name| self.role_of(name)).transpose()?;
            let definition = serde_json::to_string(&definition_of(&said.definition)?)
                .map_err(|error| Error::new(Code::Panic).because(error))?;
            let entity = self.registry.entity(&said.entity)?.api_name.clone();
            let changes = Changes::new()
                .set(view::NAME, said.name.as_str())
                .set(view::ENTITY, entity)
                .set(view::DEFINITION, definition)
                .set(view::ROLE, role);
            let key = key_of_view(said);
            let changes = self.in_languages((View::NAME, source, &key), changes, &said.translations)?;
            self.upsert_record(View::NAME, source, &key, changes)?;
        }
        Ok(places_of(package).into_iter().collect())
    }

    /// Changes that give the name of a record in the languages that a package says, and in no others.
    fn in_languages(
        &self,
        (entity, source, key): (&str, &str, &str),
        changes: Changes,
        texts: &BTreeMap<String, String>,
    ) -> Result<Changes> {
        let standing = self.reader().find_by_external_id(entity, source, key)?;
        let standing = standing.map(|listing| listing.translations("name")).transpose()?;
        let gone = match standing {
            Some(Value::Map(standing)) => {
                standing.into_keys().filter(|tag| !texts.contains_key(tag)).collect()
            }
            _ => Vec::new(),
        };
        let changes = gone.iter().fold(changes, |changes, tag| changes.translate("name", tag, None));
        let said = texts.iter();
        Ok(said.fold(changes, |changes, (tag, text)| changes.translate("name", tag, Some(text))))
    }

    fn grant_of(&self, role: RecordId, said: &PackageGrant) -> Result<Changes> {
        let entity = match said.entity.as_str() {
            "*" | "sys.*" => said.entity.clone(),
            name => self.registry.entity(name)?.api_name.clone(),
        };
        let list = |fields: &[String]| (!fields.is_empty()).then(|| fields.join(", "));
        Ok(Changes::new()
            .set(grant::ROLE, role)
            .set(grant::ENTITY, entity)
            .set(grant::ACTION, said.action.as_str())
            .set(grant::LEVEL, said.level.as_str())
            .set(grant::EFFECT, said.effect.clone())
            .set(grant::HIDDEN_FIELDS, list(&said.hidden_fields))
            .set(grant::MASKED_FIELDS, list(&said.masked_fields))
            .set(grant::LIST_MASKED_FIELDS, list(&said.list_masked_fields))
            .set(grant::READ_ONLY_FIELDS, list(&said.read_only_fields))
            .set(grant::VISIBLE_FIELDS, list(&said.visible_fields))
            .set(grant::WRITABLE_FIELDS, list(&said.writable_fields)))
    }

    fn role_of(&self, name: &str) -> Result<RecordId> {
        let missing = || Error::new(Code::ReferenceMissing).entity(Role::NAME).field("name").value(name);
        self.reader().find_by_title(Role::NAME, name)?.first().copied().ok_or_else(missing)
    }

    /// Deletes the records that a version had and the one in force has not. A role that people have stays, and allows
    /// nothing.
    fn drop_records(&mut self, source: &str, package: &Package, kept: &BTreeSet<Place>) -> Result<()> {
        for (entity, key) in places_of(package).into_iter().filter(|place| !kept.contains(place)) {
            let Some(found) = self.reader().find_by_external_id(entity, source, &key)? else { continue };
            match self.delete_record(entity, found.record.id) {
                Err(error) if error.code() == Code::Referenced && entity == Role::NAME => {}
                deleted => deleted?,
            }
        }
        Ok(())
    }
}
