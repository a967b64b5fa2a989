//! Saved views: lists that a user, the holders of a role, the members of a team, the people of a unit or everyone
//! finds by a name.
//!
//! A view is a record of the entity `sys.view`, which only administrators reach as such. Through the calls of
//! this file everybody keeps views of their own, finds those that are meant for them, and whoever may
//! administer `sys.view` keeps those of roles, teams, units and everyone. Running a view gives nobody more than a list
//! does.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::access::{Action, Read, Role, Team, Unit};
use crate::base::{Code, Collation, Error, Label, MAX_JSON_BYTES, RecordId, Result};
use crate::engine::reader::found;
use crate::engine::{BeforeSave, Changes, Reader, Save, Session, WriteOptions};
use crate::records::{self, Comparison, FarPermits, Filter, Query, Record, links_by};
use crate::schema::{Entity, EntityType, IndexDefinition, Registry, label_of};

pub use view::View;

/// Longest definition of a view, as JSON.
const MAX_DEFINITION: usize = MAX_JSON_BYTES / 256;

/// Most views of one audience.
const MAX_OF_AUDIENCE: usize = 1_000;

/// What every record tells of itself beside its fields and system fields, and may be a column.
const FACTS: [&str; 5] = ["id", "title", "number", "version", "tags"];

/// Lists that are found by a name.
pub mod view {
    use crate::access::{Role, Team, Unit, User};
    use crate::schema::declare::entity;
    use crate::schema::{OnDelete, Reference, Text};

    entity! {
        /// A list that is found by a name: columns, condition and order of the records of an entity.
        View = ("sys", 20, "view", "视图", "View",
            "按名称保存的列表：某实体的列、筛选条件和排序。", title "name", data_subject false);
        /// What the list is called, by which a user finds one view of an entity. It may stand in several languages.
        NAME: Text = 1, "name", "名称", "Name",
            "列表的叫法，用户据此查找；可有多种语言的译文。",
            [required = true, translatable = true];
        /// The entity whose records it lists, by API name.
        ENTITY: Text = 2, "entity", "实体", "Entity",
            "所列记录的实体，填写 API 名称。", [required = true, indexed = true];
        /// Columns, condition, order and grouping, as JSON.
        DEFINITION: Text = 3, "definition", "定义", "Definition",
            "列、筛选条件、排序和分组，JSON 格式。", [required = true];
        /// The user whose it is, for a view of one's own.
        USER: Reference<User> = 4, "user", "用户", "User",
            "个人视图的所有者。", [on_delete = OnDelete::Cascade];
        /// The role whose holders find it.
        ROLE: Reference<Role> = 5, "role", "角色", "Role",
            "拥有该角色的用户可见。", [on_delete = OnDelete::Cascade];
        /// The unit whose people find it, with those of the units below. It was called `team` before there were
        /// teams.
        UNIT: Reference<Unit> = 6, "for_unit", "部门", "Unit",
            "该部门及其下级部门的人员可见。", [on_delete = OnDelete::Cascade, former_names = vec!["team".into()]];
        /// The team whose members find it; neither user, role, unit nor team for everyone's.
        TEAM: Reference<Team> = 7, "for_team", "团队", "Team",
            "该团队的成员可见；用户、角色、部门、团队均为空时对所有人可见。", [on_delete = OnDelete::Cascade];
    }
}

/// The index by which everyone's views are found among those of others. The number 1 was that of `by_audience`, which
/// knew no teams: an index never changes, and a database that has it keeps it.
pub(super) fn audiences() -> IndexDefinition {
    IndexDefinition::new("sys", 2, "audiences")
        .rising("user")
        .rising("role")
        .rising("for_unit")
        .rising("for_team")
}

/// For whom a view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// For one user, before others of its name.
    User(RecordId),
    /// For the holders of a role.
    Role(RecordId),
    /// For the members of a team.
    Team(RecordId),
    /// For the people of a unit and of those below it.
    Unit(RecordId),
    /// For everyone.
    Everyone,
}

impl Audience {
    fn user(self) -> Option<RecordId> {
        if let Self::User(user) = self { Some(user) } else { None }
    }

    fn role(self) -> Option<RecordId> {
        if let Self::Role(role) = self { Some(role) } else { None }
    }

    fn team(self) -> Option<RecordId> {
        if let Self::Team(team) = self { Some(team) } else { None }
    }

    fn unit(self) -> Option<RecordId> {
        if let Self::Unit(unit) = self { Some(unit) } else { None }
    }
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
    /// What people read: the name, in the languages that it has.
    pub label: Label,
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
        for name in columns {
            reader.readable(entity, &name.into())?;
        }
        for name in sorted.chain(self.group.as_deref()) {
            reader.visible(entity, &name.into())?;
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
    /// one of a role, a team, a unit or everyone; `schema.unknown_entity`, `schema.unknown_field`,
    /// `record.reference_missing`; `schema.required` without a name; `input.limit_exceeded`, also for more than
    /// 1,000 views of one audience; `storage.newer_format` where the one of this name is of a newer engine.
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
        self.write_with(WriteOptions::default().cause("view.save"), |transaction| {
            let standing = of_audience(transaction.reader(), audience, None, MAX_OF_AUDIENCE)?;
            let count = standing.len();
            let same = standing.into_iter().find(|view| view.name == name && view.entity == entity);
            let same = same.map(StoredView::understood).transpose()?;
            if same.is_none() && count >= MAX_OF_AUDIENCE {
                let error = Error::new(Code::LimitExceeded).entity(View::NAME);
                return Err(error.rule(&format!("views of one audience <= {MAX_OF_AUDIENCE}")));
            }
            let changes = Changes::new()
                .set(view::NAME, name)
                .set(view::ENTITY, entity.as_str())
                .set(view::DEFINITION, json.as_str())
                .set(view::USER, audience.user())
                .set(view::ROLE, audience.role())
                .set(view::TEAM, audience.team())
                .set(view::UNIT, audience.unit());
            match same {
                Some(view) => transaction.update_in_own_right(View::NAME, view.id, changes).map(|()| view.id),
                None => transaction.create_in_own_right(View::NAME, changes),
            }
        })
    }

    /// The views that this user finds, of one entity or of all that the user may read, by entity and name:
    /// of several of a name the user's own, else that of a role, else that of a team, else that of the user's unit or
    /// the nearest one above it, else everyone's. They are found by who they are for, however many views others have. Views of a newer
    /// engine, which this one does not understand, are left out.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `access.not_permitted`.
    pub fn views(&self, entity: Option<&str>) -> Result<Vec<SavedView>> {
        let found = self.nearest_views(entity)?;
        Ok(found.into_iter().filter_map(|view| view.understood().ok()).collect())
    }

    /// The view that this user finds by a name, or by what people read of it in any language.
    ///
    /// # Errors
    /// As [`Session::views`]; `record.not_found` naming no record where there is none; `storage.newer_format` for one
    /// of a newer engine, naming what is not understood.
    pub fn view(&self, entity: &str, name: &str) -> Result<SavedView> {
        let mut found = self.nearest_views(Some(entity))?;
        let read = |view: &StoredView| {
            let Label { zh, en, others } = &view.label;
            [zh, en].into_iter().chain(others.values()).any(|text| text == name)
        };
        let place = found.iter().position(|view| view.name == name).or_else(|| found.iter().position(read));
        let missing = || Error::new(Code::RecordNotFound).entity(View::NAME).field("name").value(name);
        found.swap_remove(place.ok_or_else(missing)?).understood()
    }

    /// The views that this user finds, the nearest of each entity and name.
    fn nearest_views(&self, entity: Option<&str>) -> Result<Vec<StoredView>> {
        self.read(|reader| {
            let entity = entity.map(|name| reader.registry().entity(name)).transpose()?;
            entity.map(|entity| reader.permit(entity)).transpose()?;
            let name = entity.map(|entity| entity.api_name.as_str());
            meant(reader, name, MAX_OF_AUDIENCE)
        })
    }

    /// Deletes a view: one's own, or any with the right to administer `sys.view`.
    ///
    /// # Errors
    /// `record.not_found` alike for a view that is not there, and for one of somebody else;
    /// `access.not_permitted` for one of a role, a team, a unit or everyone.
    pub fn delete_view(&self, id: RecordId) -> Result<()> {
        let missing = || Error::new(Code::RecordNotFound).entity(View::NAME).record(id);
        let view = self.read(|reader| {
            let known = reader.registry().entity(View::NAME)?;
            let permit = reader.policy.bootstrap::<Read>(known.id());
            let found = found(records::get(reader.snapshot, &permit, known, id))?;
            found.map(|record| read_view(known, &record)).transpose()
        })?;
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
        self.audience_named(Role::NAME, name)
    }

    /// The team of a name, for a view of its members.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer `sys.view`; `record.reference_missing`.
    pub fn team_named(&self, name: &str) -> Result<RecordId> {
        self.audience_named(Team::NAME, name)
    }

    /// The unit of a name, for a view of its people.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer `sys.view`; `record.reference_missing`;
    /// `record.reference_ambiguous` for a name that several units have.
    pub fn unit_named(&self, name: &str) -> Result<RecordId> {
        self.audience_named(Unit::NAME, name)
    }

    fn audience_named(&self, entity: &str, name: &str) -> Result<RecordId> {
        self.check_may(View::NAME, Action::Administer)?;
        let error = |code| Error::new(code).entity(entity).field("name").value(name);
        match self.read(|reader| reader.find_by_title(entity, name))?.as_slice() {
            [id] => Ok(*id),
            [] => Err(error(Code::ReferenceMissing)),
            _ => Err(error(Code::ReferenceAmbiguous)),
        }
    }
}

/// A view as it lies, whether or not this engine understands what it lists.
pub(super) struct StoredView {
    id: RecordId,
    name: String,
    label: Label,
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
        let team = value(view::TEAM.selector())?.as_id();
        let unit = value(view::UNIT.selector())?.as_id();
        let of_some = user.map(Audience::User).or(role.map(Audience::Role)).or(team.map(Audience::Team));
        let audience = of_some.or(unit.map(Audience::Unit)).unwrap_or(Audience::Everyone);
        // It was right when it was saved, so what is not understood comes from a newer engine.
        let definition = serde_json::from_str(&definition).map_err(|error| {
            let newer = Error::new(Code::NewerFormat).entity(View::NAME).record(record.id);
            newer.field("definition").rule(&error.to_string())
        });
        let (name, of) = (text(view::NAME.selector())?, text(view::ENTITY.selector())?);
        let texts = entity.translations_of(entity.field(view::NAME.selector())?);
        let label = label_of(&name, &texts.map(|kept| record.value(kept.id())).unwrap_or_default());
        Ok(Self { id: record.id, name, label, entity: of, audience, definition })
    }

    /// The same, of its entity by the name that this has now.
    fn now(mut self, registry: &Registry) -> Self {
        if let Ok(entity) = registry.entity(&self.entity) {
            self.entity.clone_from(&entity.api_name);
        }
        self
    }

    /// The view, if this engine understands all that it lists.
    pub(super) fn understood(self) -> Result<SavedView> {
        let Self { id, name, label, entity, audience, definition } = self;
        Ok(SavedView { id, name, label, entity, audience, definition: definition? })
    }
}

/// The views that are meant for the reader, of one entity or of all that the reader may read, at most so many of each
/// audience: of several of a name the nearest one.
pub(super) fn meant(reader: Reader<'_>, entity: Option<&str>, most: usize) -> Result<Vec<StoredView>> {
    let units = reader.policy.units_of(reader.user);
    let roles = reader.policy.roles_of(reader.user).iter().copied().map(Audience::Role);
    let teams = reader.policy.teams_of(reader.user).iter().copied().map(Audience::Team);
    let own = [Audience::User(reader.user)].into_iter().chain(roles).chain(teams);
    let audiences = own.chain(units.iter().copied().map(Audience::Unit)).chain([Audience::Everyone]);
    let mut views = Vec::new();
    for audience in audiences {
        views.extend(of_audience(reader, audience, entity, most)?);
    }
    views.retain(|view| reader.may(&view.entity, Action::Read));
    let rank = |view: &StoredView| match view.audience {
        Audience::Unit(unit) => units.iter().position(|own| *own == unit),
        _ => None,
    };
    let place = |view: &StoredView| {
        let audience = match view.audience {
            Audience::User(_) => 0,
            Audience::Role(_) => 1,
            Audience::Team(_) => 2,
            Audience::Unit(_) => 3,
            Audience::Everyone => 4,
        };
        (view.entity.clone(), view.name.clone(), audience, rank(view), view.audience, view.id)
    };
    views.sort_by_key(place);
    views.dedup_by(|other, first| (&other.entity, &other.name) == (&first.entity, &first.name));
    Ok(views)
}

/// The views of one audience, of one entity or of all, in the engine's own right.
fn of_audience(
    reader: Reader<'_>,
    audience: Audience,
    entity: Option<&str>,
    most: usize,
) -> Result<Vec<StoredView>> {
    let known = reader.registry().entity(View::NAME)?;
    let permit = reader.policy.bootstrap::<Read>(known.id());
    let field = |selector| known.field(selector).map(crate::schema::Field::id);
    let [user, role] = [field(view::USER.selector())?, field(view::ROLE.selector())?];
    let [team, unit] = [field(view::TEAM.selector())?, field(view::UNIT.selector())?];
    let by = |target, field| links_by(reader.snapshot, target, (known.id(), field), most);
    let read = |record: &Record| Ok(StoredView::of(known, record)?.now(reader.registry()));
    let ids = match audience {
        Audience::User(id) => by(id, user)?,
        Audience::Role(id) => by(id, role)?,
        Audience::Team(id) => by(id, team)?,
        Audience::Unit(id) => by(id, unit)?,
        Audience::Everyone => {
            let nobody = [user, role, unit, team].map(Filter::IsNull).into_iter();
            let of_entity = entity.map(|name| {
                let of = field(view::ENTITY.selector())?;
                let called = reader.registry().entity(name)?.names();
                let called = called.map(|name| Filter::Compare(of, Comparison::Equal, name.as_str().into()));
                let mut called: Vec<Filter> = called.collect();
                Ok::<_, Error>(match called.len() {
                    1 => called.remove(0),
                    _ => Filter::Any(called),
                })
            });
            let filter = Filter::All(nobody.chain(of_entity.transpose()?).collect());
            let query = Query { filter, limit: most, ..Query::default() };
            let records = records::find(&reader.sight(known, &permit, &FarPermits::new()), &query)?.records;
            return records.iter().map(read).collect();
        }
    };
    let records = records::get_many(reader.snapshot, &permit, known, &ids)?;
    let views = records.iter().map(read).collect::<Result<Vec<_>>>()?;
    // What names a user is that user's, whatever else it names.
    let meant =
        |view: &StoredView| view.audience == audience && entity.is_none_or(|name| view.entity == name);
    Ok(views.into_iter().filter(meant).collect())
}

/// The view that a record keeps.
pub(super) fn read_view(entity: &Entity, record: &Record) -> Result<SavedView> {
    StoredView::of(entity, record)?.understood()
}
