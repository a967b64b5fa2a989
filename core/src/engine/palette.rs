//! What a person may do by name: the commands that extensions declare, and those that every entity has.

use crate::access::Action;
use crate::base::{Label, Result};
use crate::engine::package_records::command_of;
use crate::engine::views::{StoredView, meant};
use crate::engine::{Audience, Reader, SavedView, Session};
use crate::schema::{Entity, InstalledPackage};

/// Most views of one audience that are looked at.
const MAX_VIEWS: usize = 200;

/// Something that people do by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The method that does it.
    pub method: String,
    /// What people read, in few words.
    pub label: Label,
    /// The entity that it is about, by API name; that of the organisation as a whole if there is none.
    pub entity: Option<String>,
    /// What its user must be allowed: an action on an entity, by API name.
    pub needs: Option<(String, Action)>,
    /// Whether its name is that of the entity itself.
    pub is_entity: bool,
}

impl Command {
    /// A command that everybody may give.
    #[must_use]
    pub fn new(method: &str, label: Label) -> Self {
        Self { method: method.to_owned(), label, entity: None, needs: None, is_entity: false }
    }

    /// The same command about an entity.
    #[must_use]
    pub fn about(mut self, entity: Option<&str>) -> Self {
        self.entity = entity.map(str::to_owned);
        self
    }

    /// The same command for those alone who may do an action on an entity.
    #[must_use]
    pub fn needing(mut self, entity: &str, action: Action) -> Self {
        self.needs = Some((entity.to_owned(), action));
        self
    }

    fn of_entity(method: &str, (zh, en): (&str, &str), entity: &Entity) -> Self {
        let label = entity.label();
        let label = Label::new(&format!("{zh}{}", label.zh), &format!("{en}{}", label.en));
        Self { entity: Some(entity.api_name.clone()), ..Self::new(method, label) }
    }
}

impl Session {
    /// The commands that the user may give: to open, to make and to bring in records of an entity, and those that
    /// extensions declare.
    ///
    /// # Errors
    /// `access.session_ended`.
    pub fn commands(&self) -> Result<Vec<Command>> {
        let declared = self.crm().declared_commands();
        self.read(|reader| {
            let entities = reader.registry().entities().iter();
            let mut commands: Vec<Command> =
                entities.flat_map(|entity| commands_of(reader, entity)).collect();
            let allowed = |command: &&Command| {
                command.needs.as_ref().is_none_or(|(entity, action)| reader.may(entity, *action))
            };
            commands.extend(declared.iter().filter(allowed).cloned());
            let packages = reader.registry().packages().iter().filter_map(InstalledPackage::current);
            let of_packages = packages.flat_map(|package| &package.commands).filter_map(|known| {
                // What is about an entity that the user does not see is not told.
                let seen = |name: &String| reader.may(name, Action::Read);
                command_of(known).ok().filter(|command| command.entity.as_ref().is_none_or(seen))
            });
            commands.extend(of_packages.filter(|command| allowed(&command)));
            Ok(commands)
        })
    }

    /// The views that this user finds, at most 200 of the user's own, of each role and unit, and of everyone. They
    /// are found by who they are for, however many views others have.
    ///
    /// # Errors
    /// `access.session_ended`, `storage.damaged`, `storage.io`.
    pub fn views_at_hand(&self) -> Result<Vec<SavedView>> {
        let found = self.read(|reader| meant(reader, None, MAX_VIEWS))?;
        Ok(found.into_iter().filter_map(|view| StoredView::understood(view).ok()).collect())
    }
}

fn commands_of(reader: Reader<'_>, entity: &Entity) -> Vec<Command> {
    let may = |action| reader.may(&entity.api_name, action);
    let stands = !entity.is_withdrawn();
    let mut commands = Vec::new();
    if may(Action::Read) {
        let open = Command::of_entity("record.list", ("", ""), entity);
        commands.push(Command { is_entity: true, ..open });
        if stands && may(Action::Create) {
            commands.push(Command::of_entity("record.create", ("新建", "New "), entity));
        }
        if stands && may(Action::Import) {
            commands.push(Command::of_entity("import.csv", ("导入", "Import "), entity));
        }
    }
    commands
}

impl SavedView {
    /// Whether it is the user's own.
    #[must_use]
    pub fn is_own(&self) -> bool {
        matches!(self.audience, Audience::User(_))
    }
}
