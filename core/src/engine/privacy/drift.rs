//! Who may administer, and whether somebody reads everything: what an auditor asks of a policy beside its changes.

use crate::access::{Action, Level, Role};
use crate::base::{MAX_PAGE_ROWS, RecordId, Result};
use crate::engine::{Reader, Session};
use crate::schema::EntityType;

/// Somebody who may administer the organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Administrator {
    /// The user.
    pub user: RecordId,
    /// At which level.
    pub level: Level,
}

/// One page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdministratorPage {
    /// They, in the order of their ids.
    pub rows: Vec<Administrator>,
    /// Behind whom to go on, if there is more.
    pub next: Option<RecordId>,
}

impl Session {
    /// The active users who may administer the organisation, that is its roles, at any level.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `engine.cancelled`.
    pub fn administrators(&self, after: Option<RecordId>, limit: usize) -> Result<AdministratorPage> {
        self.check_may(Role::NAME, Action::Administer)?;
        let limit = if limit == 0 { 100 } else { limit.min(MAX_PAGE_ROWS) };
        self.read(|reader| {
            let mut rows: Vec<Administrator> = Vec::new();
            for user in reader.policy.users_after(after) {
                self.patience().check()?;
                let level = reader.policy.effective(user, Role::NAME, Action::Administer);
                if level == Level::None {
                    continue;
                }
                if rows.len() == limit {
                    let next = rows.last().map(|row| row.user);
                    return Ok(AdministratorPage { rows, next });
                }
                rows.push(Administrator { user, level });
            }
            Ok(AdministratorPage { rows, next: None })
        })
    }
}

impl Reader<'_> {
    /// Whether the user handles all requests of people of the partition for rights of theirs: reads and updates
    /// `sys.rights_request` at the level `all`.
    #[must_use]
    pub fn handles_requests(&self) -> bool {
        self.policy.handles_requests(self.user)
    }

    /// Whether the user reads all records of an entity, and all of their fields as they are.
    pub(crate) fn reads_everything_of(&self, entity: &str) -> bool {
        let Ok(known) = self.registry.entity(entity) else { return false };
        let level = self.policy.effective(self.user, &known.api_name, Action::Read);
        let shown = self.shown_fields(&known.api_name).unwrap_or_default();
        level == Level::All && known.fields().iter().all(|field| shown.contains(&field.id()))
    }
}
