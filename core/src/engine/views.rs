//! Saved views: lists that a user, the holders of a role or everyone finds by a name.
//!
//! A view is a record of the entity `sys.view`, which only administrators reach as such. Through the calls of
//! this file everybody keeps views of their own, finds those that are meant for them, and whoever may
//! administer `sys.view` keeps those of roles and of everyone. Running a view gives nobody more than a list
//! does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::access::{Action, Read, Role};
use crate::base::{Code, Collation, Error, MAX_JSON_BYTES, RecordId, Result};
use crate::engine::{BeforeSave, Changes, Condition, FieldSelector, Reader, Save, Session, WriteOptions};
use crate::records::{self, Comparison, FarPermits, Record};
use crate::schema::{Entity, EntityType};

pub use view::View;

/// Longest definition of a view, as JSON.
const MAX_DEFINITION: usize = MAX_JSON_BYTES / 256;

/// What every record tells of itself beside its fields and system fields, and may be a column.
const FACTS: [&str; 5] = ["id", "title", "number", "version", "tags"];

/// Lists that are found by a name.
pub mod view {
    use crate::access::{Role, User};
    use crate::schema::declare::entity;
    use crate::schema::{OnDelete, Reference, Text};

    entity! {
        /// A list that is found by a name.
        View = ("sys", 20, "view", "视图", "View", title "name", data_subject false);
        /// Name, by which a user finds one view of an entity.
        NAME: Text = 1, "name", "名称", "Name", [required = true];
        /// The entity, by API name.
        ENTITY: Text = 2, "entity", "实体", "Entity", [required = true, indexed = true];
        /// Columns, condition, order and grouping, as JSON.
        DEFINITION: Text = 3, "definition", "定义", "Definition", [required = true];
        /// The user whose it is.
        USER: Reference<User> = 4, "user", "用户", "User", [on_delete = OnDelete::Cascade];
        /// The role whose it is; neither user nor role for everyone's.
        ROLE: Reference<Role> = 5, "role", "角色", "Role", [on_delete = OnDelete::Cascade];
    }
}

/// For whom a view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// For one user, before others of its name.
    User(RecordId),
    /// For the holders of a role.
    Role(RecordId),
    /// For everyone.
    Everyone,
}

/// What a view lists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewDefinition {
    /// Fields and facts of records, by name, in their order.
    #[serde(default)]
    pub columns: Vec<String>,
    /// The condition, as the methods write it; null for none.
    #[serde(default)]
    pub filter: Json,
    /// Fields in order; `-amount` falls.
    #[serde(default)]
    pub sort: Vec<String>,
    /// The field by which rows stand together; they are sorted by it first.
    #[serde(default)]
    pub group: Option<String>,
    /// How texts sort.
    #[serde(default, skip_serializing_if = "Collation::is_plain")]
    pub collation: Collation,
}

/// A view.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedView {
    /// The record.
    pub id: RecordId,
    /// Name.
    pub name: String,
    /// The entity, by API name.
    pub entity: String,
    /// For whom it is.
    pub audience: Audience,
    /// What it lists.
    pub definition: ViewDefinition,
}

impl ViewDefinition {
    /// What the view sorts by: its group, then its order.
    #[must_use]
    pub fn order(&self) -> Vec<String> {
        let sorted_by_group = |group: &&String| {
            let first = self.sort.first().map(|first| first.strip_prefix('-').unwrap_or(first));
            first != Some(group.as_str())
        };
        self.group.iter().filter(sorted_by_group).chain(&self.sort).cloned().collect()
    }

    /// Names of fields that it has no right to or that there are not.
    fn check(&self, reader: Reader<'_>, entity: &Entity) -> Result<()> {
        let sorted = self.sort.iter().map(|name| name.strip_prefix('-').unwrap_or(name));
        let columns = self.columns.iter().map(String::as_str).filter(|name| !FACTS.contains(name));
        // A hidden field is refused as if it did not exist.
        let unknown = |name: &str| Error::new(Code::UnknownField).entity(&entity.api_name).field(name);
        for name in columns {
            let field = FieldSelector::Name(name.to_owned()).resolve(entity)?;
            reader.check_readable(entity, field).map_err(|_| unknown(name))?;
        }
        for name in sorted.chain(self.group.as_deref()) {
            let field = FieldSelector::Name(name.to_owned()).resolve(entity)?;
            reader.check_field(entity, field).map_err(|_| unknown(name))?;
        }
        Ok(())
    }
}

/// A view that is saved as a record has a definition that can be read.
pub(super) struct CheckView;

impl BeforeSave for CheckView {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let refused = || Error::new(Code::InvalidDefinition).entity(View::NAME).field("definition");
        let definition = save.value(view::DEFINITION)?;
        let text = definition.as_text().unwrap_or_default();
        let read = serde_json::from_str::<ViewDefinition>(text);
        read.map(drop)
            .map_err(|error| refused().rule("columns, filter, sort, group, collation").because(error))
    }
}

impl Session {
    /// Saves a view under a name, in place of the one of this name, entity and audience. Whoever hands in a
    /// condition has parsed it against the entity before.
    ///
    /// # Errors
    /// `access.not_permitted` for a view of another user, or without the right to administer `sys.view` for
    /// one of a role or of everyone; `schema.unknown_entity`, `schema.unknown_field`,
    /// `record.reference_missing`; `schema.required` without a name; `input.limit_exceeded`; `storage.newer_format`
    /// where the one of this name is of a newer engine.
    pub fn save_view(
        &self,
        name: &str,
        entity: &str,
        audience: Audience,
        definition: &ViewDefinition,
    ) -> Result<RecordId> {
        self.check_audience(audience)?;
        let entity = self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            reader.permit(known)?;
            definition.check(reader, known)?;
            Ok(known.api_name.clone())
        })?;
        let json =
            serde_json::to_string(definition).map_err(|error| Error::new(Code::Panic).because(error))?;
        if json.len() > MAX_DEFINITION {
            return Err(Error::new(Code::LimitExceeded).entity(View::NAME).field("definition"));
        }
        let (user, role) = match audience {
            Audience::User(user) => (Some(user), None),
            Audience::Role(role) => (None, Some(role)),
            Audience::Everyone => (None, None),
        };
        self.write_with(WriteOptions::default().cause("view.save"), |transaction| {
            let standing = saved(transaction.reader(), Some(&entity))?;
            let mut standing = standing.into_iter();
            let same = standing.find(|view| view.name == name && view.audience == audience);
            let same = same.map(StoredView::understood).transpose()?;
            let changes = Changes::new()
                .set(view::NAME, name)
                .set(view::ENTITY, entity.as_str())
                .set(view::DEFINITION, json.as_str())
                .set(view::USER, user)
                .set(view::ROLE, role);
            match same {
                Some(view) => transaction.update_in_own_right(View::NAME, view.id, changes).map(|()| view.id),
                None => transaction.create_in_own_right(View::NAME, changes),
            }
        })
    }

    /// The views that this user finds, of one entity or of all that the user may read, by entity and name:
    /// of several of a name the user's own, else that of a role, else everyone's. Views of a newer engine, which this
    /// one does not understand, are left out.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `access.not_permitted`.
    pub fn views(&self, entity: Option<&str>) -> Result<Vec<SavedView>> {
        let found = self.nearest_views(entity)?;
        Ok(found.into_values().filter_map(|view| view.understood().ok()).collect())
    }

    /// The view that this user finds by a name.
    ///
    /// # Errors
    /// As [`Session::views`]; `record.not_found` naming no record where there is none; `storage.newer_format` for one
    /// of a newer engine, naming what is not understood.
    pub fn view(&self, entity: &str, name: &str) -> Result<SavedView> {
        let found = self.nearest_views(Some(entity))?.into_values().find(|view| view.name == name);
        let missing = || Error::new(Code::RecordNotFound).entity(View::NAME).field("name").value(name);
        found.ok_or_else(missing)?.understood()
    }

    /// The views that this user finds, each under its entity and name.
    fn nearest_views(&self, entity: Option<&str>) -> Result<BTreeMap<(String, String), StoredView>> {
        self.read(|reader| {
            let entity = entity.map(|name| reader.registry().entity(name)).transpose()?;
            entity.map(|entity| reader.permit(entity)).transpose()?;
            let roles = reader.policy.roles_of(self.user());
            let mut found: BTreeMap<(String, String), StoredView> = BTreeMap::new();
            for view in saved(reader, entity.map(|entity| entity.api_name.as_str()))? {
                let meant = match view.audience {
                    Audience::User(user) => user == self.user(),
                    Audience::Role(role) => roles.contains(&role),
                    Audience::Everyone => true,
                };
                if !meant || !reader.may(&view.entity, Action::Read) {
                    continue;
                }
                let place = (view.entity.clone(), view.name.clone());
                let nearer = found.get(&place).is_none_or(|known| view.audience < known.audience);
                if nearer {
                    found.insert(place, view);
                }
            }
            Ok(found)
        })
    }

    /// Deletes a view: one's own, or any with the right to administer `sys.view`.
    ///
    /// # Errors
    /// `record.not_found` alike for a view that is not there, and for one of somebody else;
    /// `access.not_permitted` for one of a role or of everyone.
    pub fn delete_view(&self, id: RecordId) -> Result<()> {
        let missing = || Error::new(Code::RecordNotFound).entity(View::NAME).record(id);
        let view = self.read(|reader| saved(reader, None))?.into_iter().find(|view| view.id == id);
        let audience = view.ok_or_else(missing)?.audience;
        match (audience, self.check_audience(audience)) {
            (Audience::User(_), Err(_)) => return Err(missing()),
            (_, checked) => checked?,
        }
        let options = WriteOptions::default().cause("view.delete");
        self.write_with(options, |transaction| transaction.delete_in_own_right(View::NAME, id))
    }

    /// Refuses who may not keep views of this audience.
    fn check_audience(&self, audience: Audience) -> Result<()> {
        if audience == Audience::User(self.user()) {
            return Ok(());
        }
        self.check_may(View::NAME, Action::Administer)
    }

    /// The role of a name, for a view of its holders.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer `sys.view`; `record.reference_missing`.
    pub fn role_named(&self, name: &str) -> Result<RecordId> {
        self.check_may(View::NAME, Action::Administer)?;
        self.read(|reader| {
            let missing = || Error::new(Code::ReferenceMissing).entity(Role::NAME).field("name").value(name);
            reader.find_by_title(Role::NAME, name)?.first().copied().ok_or_else(missing)
        })
    }
}

/// A view as it lies, whether or not this engine understands what it lists.
struct StoredView {
    id: RecordId,
    name: String,
    entity: String,
    audience: Audience,
    definition: Result<ViewDefinition>,
}

impl StoredView {
    fn of(entity: &Entity, record: &Record) -> Result<Self> {
        let value = |name| Ok::<_, Error>(record.value(entity.field(name)?.id()));
        let text = |name| Ok::<_, Error>(value(name)?.as_text().unwrap_or_default().to_owned());
        let definition = text(view::DEFINITION.selector())?;
        let user = value(view::USER.selector())?.as_id();
        let role = value(view::ROLE.selector())?.as_id();
        let audience = match (user, role) {
            (Some(user), _) => Audience::User(user),
            (None, Some(role)) => Audience::Role(role),
            (None, None) => Audience::Everyone,
        };
        // It was right when it was saved, so what is not understood comes from a newer engine.
        let definition = serde_json::from_str(&definition).map_err(|error| {
            let newer = Error::new(Code::NewerFormat).entity(View::NAME).record(record.id);
            newer.field("definition").rule(&error.to_string())
        });
        let (name, of) = (text(view::NAME.selector())?, text(view::ENTITY.selector())?);
        Ok(Self { id: record.id, name, entity: of, audience, definition })
    }

    fn understood(self) -> Result<SavedView> {
        let Self { id, name, entity, audience, definition } = self;
        Ok(SavedView { id, name, entity, audience, definition: definition? })
    }
}

/// Every view, or those of an entity, in the engine's own right.
fn saved(reader: Reader<'_>, entity: Option<&str>) -> Result<Vec<StoredView>> {
    let known = reader.registry().entity(View::NAME)?;
    let permit = reader.policy.bootstrap::<Read>(known.id());
    let condition = match entity {
        Some(name) => Condition::Compare(view::ENTITY.into(), Comparison::Equal, name.into()),
        None => Condition::Everything,
    };
    let mut found = Vec::new();
    let filter = reader.resolve(known, &condition, reader.now)?;
    let far = FarPermits::new();
    records::scan_all(&reader.sight(known, &permit, &far), &filter, &mut |record| {
        found.push(StoredView::of(known, record)?);
        Ok(())
    })?;
    Ok(found)
}

/// The view that a record keeps.
pub(super) fn read_view(entity: &Entity, record: &Record) -> Result<SavedView> {
    StoredView::of(entity, record)?.understood()
}
