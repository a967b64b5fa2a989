//! Single records that are shared with a user or a team: what is stored of a share, and what it comes to at a moment.
//!
//! Rules reach records by access classes; a share reaches one record. Whoever decides is handed the shares of the one
//! who asks and of nobody else, so the shares of others cost nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::access::{Action, Numbered};
use crate::base::{EntityId, RecordId, Timestamp};
use crate::schema::declare::{codes, entity};

/// Who owns shares: nobody, so that all of a partition are of one access class and are found by one look.
pub const NOBODY: RecordId = RecordId::from_bytes([0; 16]);

codes! {
    /// What a share lets be done; each level contains the one before it.
    ShareLevel {
        /// See the record.
        Read = "read", "查看", "Read";
        /// Change its values and attachments, too.
        Edit = "edit", "编辑", "Edit";
        /// Share it on, give it to another owner, lock and delete it, too.
        Full = "full", "完全", "Full";
    }
}

impl ShareLevel {
    /// The least level that lets an action be done to a record; nothing for what no share gives.
    #[must_use]
    pub const fn needed_for(action: Action) -> Option<Self> {
        match action {
            Action::Read => Some(Self::Read),
            Action::Update => Some(Self::Edit),
            Action::Delete | Action::Assign | Action::Share | Action::Lock => Some(Self::Full),
            Action::Create | Action::Export | Action::Import | Action::Approve | Action::Administer => None,
        }
    }

    /// The actions that it gives.
    #[must_use]
    pub const fn actions(self) -> &'static [Action] {
        match self {
            Self::Read => &[Action::Read],
            Self::Edit => &[Action::Read, Action::Update],
            Self::Full => {
                &[Action::Read, Action::Update, Action::Delete, Action::Assign, Action::Share, Action::Lock]
            }
        }
    }
}

/// People who work together.
pub mod team {
    use super::entity;
    use crate::schema::Text;

    entity! {
        /// People who work together. Its members have its roles, and see what is shared with it.
        Team = ("sys", 8, "team", "团队", "Team",
            "共同工作的一组人；成员拥有其角色，并可查看与其共享的记录。", title "name", data_subject false);
        /// The name by which people know the team, which no two teams share.
        NAME: Text = 1, "name", "名称", "Name", "团队的名称，不可重复。", [required = true, unique = true, indexed = true];
    }
}

/// Who belongs to which team.
pub mod team_member {
    use super::{Team, entity};
    use crate::access::User;
    use crate::schema::{OnDelete, Reference, Text};

    entity! {
        /// A user belongs to a team.
        TeamMember = ("sys", 9, "team_member", "团队成员", "Team member",
            "用户属于某个团队。", title "note", data_subject false);
        /// The team that this is about.
        TEAM: Reference<Team> = 1, "team", "团队", "Team", "所指的团队。",
            [required = true, indexed = true, on_delete = OnDelete::Cascade];
        /// The user who belongs to the team.
        USER: Reference<User> = 2, "user", "用户", "User", "属于该团队的用户。",
            [required = true, indexed = true, on_delete = OnDelete::Cascade];
        /// Why it is so.
        NOTE: Text = 3, "note", "说明", "Note", "如此设置的原因。", [];
    }
}

/// Which roles a team has.
pub mod team_role {
    use super::{Team, entity};
    use crate::access::Role;
    use crate::schema::{OnDelete, Reference, Text};

    entity! {
        /// A team has a role, and with it all of its members.
        TeamRole = ("sys", 10, "team_role", "团队角色", "Team role",
            "团队拥有某个角色，其全体成员随之拥有。", title "note", data_subject false);
        /// The team that this is about.
        TEAM: Reference<Team> = 1, "team", "团队", "Team", "所指的团队。",
            [required = true, indexed = true, on_delete = OnDelete::Cascade];
        /// The role that all members have by it.
        ROLE: Reference<Role> = 2, "role", "角色", "Role", "全体成员由此拥有的角色。", [required = true, indexed = true];
        /// Why it is so.
        NOTE: Text = 3, "note", "说明", "Note", "如此设置的原因。", [];
    }
}

/// Which record is shared with whom.
pub mod share {
    use super::{ShareLevel, Team, entity};
    use crate::access::User;
    use crate::schema::{Choice, DateTime, OnDelete, Reference, Text};

    entity! {
        /// A record is shared with a user or a team.
        RecordShare = ("sys", 7, "share", "共享", "Share",
            "某条记录与用户或团队共享。", title "reason", data_subject false);
        /// The entity of the record, by API name.
        ENTITY: Text = 1, "entity", "实体", "Entity", "记录所属实体的 API 名称。", [required = true];
        /// The record, by its id.
        RECORD: Text = 2, "record", "记录", "Record", "记录的编号。", [required = true, indexed = true];
        /// What it lets be done.
        LEVEL: Choice<ShareLevel> = 3, "level", "级别", "Level", "允许对记录做什么。", [required = true];
        /// The user with whom it is shared, if it is none of a team.
        USER: Reference<User> = 4, "user", "用户", "User",
            "共享给哪个用户；与团队二选一。", [indexed = true, on_delete = OnDelete::Cascade];
        /// The team with whose members it is shared.
        TEAM: Reference<Team> = 5, "team", "团队", "Team",
            "共享给哪个团队的成员。", [indexed = true, on_delete = OnDelete::Cascade];
        /// The moment from which it holds; from its making if there is none.
        FROM: DateTime = 6, "from", "开始时间", "From", "生效时刻；为空表示自建立时起。", [];
        /// The moment from which it holds no longer; none for one that does not end.
        UNTIL: DateTime = 7, "until", "到期时间", "Until", "失效时刻；为空表示不限期。", [];
        /// Why it is shared.
        REASON: Text = 8, "reason", "原因", "Reason", "共享的原因。", [];
        /// The process that it is for, as entity and id of its record: it ends with that.
        PROCESS: Text = 9, "process", "流程", "Process",
            "因参与某流程而共享时，该流程记录的实体和编号；流程结束时随之取消。", [indexed = true, read_only = true];
    }
}

pub use share::RecordShare;
pub use team::Team;
pub use team_member::TeamMember;
pub use team_role::TeamRole;

/// With whom a record is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sharee {
    /// A user.
    User(RecordId),
    /// Whoever belongs to a team now.
    Team(RecordId),
}

/// A process that people take part in, by its record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its entity, by API name.
    pub entity: String,
    /// Its record.
    pub id: RecordId,
}

impl fmt::Display for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.entity, self.id)
    }
}

impl Process {
    /// What a text says of one; nothing where it says nothing that can be understood.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let (entity, id) = text.split_once(':')?;
        Some(Self { entity: entity.to_owned(), id: id.parse().ok()? })
    }
}

/// A share as decisions see one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareFact {
    /// The share's record.
    pub id: RecordId,
    /// The entity of what is shared.
    pub entity: EntityId,
    /// What is shared.
    pub record: RecordId,
    /// With whom.
    pub with: Sharee,
    /// What it lets be done.
    pub level: ShareLevel,
    /// From when on it holds.
    pub from: Option<Timestamp>,
    /// From when on it holds no longer.
    pub until: Option<Timestamp>,
    /// The process that it is for, with which it ends.
    pub process: Option<Process>,
}

impl ShareFact {
    /// Whether somebody has given it to a user or team, for no process.
    #[must_use]
    pub fn is_given_to(&self, with: Sharee) -> bool {
        self.with == with && self.process.is_none()
    }

    /// Whether it holds at a moment.
    #[must_use]
    pub fn holds_at(&self, moment: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= moment) && self.until.is_none_or(|until| moment < until)
    }
}

/// The records that are shared with somebody, between two moments at which one of the shares begins or ends.
#[derive(Debug, Default)]
pub struct Shares {
    /// By entity, and by what may be done to them.
    records: BTreeMap<(EntityId, Action), Numbered<RecordId>>,
    /// From when on this is so.
    since: Timestamp,
    /// From when on it is no longer so.
    next: Option<Timestamp>,
}

impl Shares {
    /// What the shares of somebody come to at a moment.
    #[must_use]
    pub fn at(facts: &[ShareFact], moment: Timestamp) -> Self {
        let mut records: BTreeMap<(EntityId, ShareLevel), BTreeSet<RecordId>> = BTreeMap::new();
        for fact in facts.iter().filter(|fact| fact.holds_at(moment)) {
            let levels = [ShareLevel::Read, ShareLevel::Edit, ShareLevel::Full];
            for level in levels.into_iter().filter(|level| *level <= fact.level) {
                records.entry((fact.entity, level)).or_default().insert(fact.record);
            }
        }
        let turns = facts.iter().flat_map(|fact| [fact.from, fact.until]).flatten();
        let records = records.into_iter().flat_map(|((entity, level), ids)| {
            let ids: Numbered<RecordId> = ids.into_iter().collect();
            let needs = move |action: &&Action| ShareLevel::needed_for(**action) == Some(level);
            level.actions().iter().filter(needs).map(move |action| ((entity, *action), ids.clone()))
        });
        Self { records: records.collect(), since: moment, next: turns.filter(|turn| *turn > moment).min() }
    }

    /// Whether this is also what they come to at another moment.
    #[must_use]
    pub fn is_of(&self, moment: Timestamp) -> bool {
        self.since <= moment && self.next.is_none_or(|next| moment < next)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records of an entity to which they let an action be done, rising.
    #[must_use]
    pub fn of(&self, entity: EntityId, action: Action) -> Numbered<RecordId> {
        self.records.get(&(entity, action)).cloned().unwrap_or_default()
    }

    /// The same with records of an entity that follow those that are shared, by what may be done to them.
    #[must_use]
    pub fn with_followers(&self, entity: EntityId, followers: BTreeMap<Action, BTreeSet<RecordId>>) -> Self {
        let mut records = self.records.clone();
        for (action, mut ids) in followers {
            ids.extend(self.of(entity, action).iter());
            records.insert((entity, action), ids.into_iter().collect());
        }
        Self { records, ..*self }
    }
}
