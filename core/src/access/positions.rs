//! Positions: posts of the organisation with roles and a superior, which whoever holds them for the time being has.

use std::collections::BTreeMap;

use crate::access::policy::{People, UserFact};
use crate::base::{RecordId, Timestamp};
use crate::schema::declare::entity;

/// Steps from a vacant position to the one above it, after which nobody is found.
const MAX_STEPS: usize = 64;

/// Posts of the organisation.
pub mod position {
    use super::entity;
    use crate::access::Unit;
    use crate::schema::{Reference, Text};

    entity! {
        /// A post of the organisation. Whoever holds it has its roles, and works in its unit and under its superior
        /// where nothing else is said of that user.
        Position = ("sys", 13, "position", "岗位", "Position",
            "组织中的岗位；任职者拥有其角色，本人未另行指定时随岗位归属部门和上级。", title "name", data_subject false);
        /// What the position is called. No two positions have the same name.
        NAME: Text = 1, "name", "名称", "Name", "岗位的叫法，不可重复。",
            [required = true, unique = true, indexed = true];
        /// The unit that it belongs to.
        UNIT: Reference<Unit> = 2, "unit", "部门", "Unit", "岗位所属的部门。", [indexed = true];
        /// The position to whose holder the holders of this one report.
        REPORTS_TO: Reference<Position> = 3, "reports_to", "上级岗位", "Reports to",
            "任职者向该岗位的任职者汇报；该岗位空缺时再向上一级。", [indexed = true];
    }
}

/// Which roles a position has.
pub mod position_role {
    use super::{Position, entity};
    use crate::access::Role;
    use crate::schema::{OnDelete, Reference, Text};

    entity! {
        /// A position has a role, and with it whoever holds the position.
        PositionRole = ("sys", 14, "position_role", "岗位角色", "Position role",
            "岗位拥有某个角色，任职者随之拥有。", title "note", data_subject false);
        /// The position that this is about.
        POSITION: Reference<Position> = 1, "position", "岗位", "Position", "所指的岗位。",
            [required = true, indexed = true, on_delete = OnDelete::Cascade];
        /// The role that its holders have.
        ROLE: Reference<Role> = 2, "role", "角色", "Role", "任职者由此拥有的角色。", [required = true, indexed = true];
        /// Why it is so.
        NOTE: Text = 3, "note", "说明", "Note", "如此设置的原因。", [];
    }
}

/// Who holds which position.
pub mod position_holder {
    use super::{Position, entity};
    use crate::access::User;
    use crate::schema::{DateTime, OnDelete, Reference, Text};

    entity! {
        /// A user holds a position for a period.
        PositionHolder = ("sys", 15, "position_holder", "任职", "Position holder",
            "用户在一段时间内担任某个岗位。", title "note", data_subject false);
        /// The position that is held.
        POSITION: Reference<Position> = 1, "position", "岗位", "Position", "所任的岗位。",
            [required = true, indexed = true, on_delete = OnDelete::Cascade];
        /// The user who holds it.
        USER: Reference<User> = 2, "user", "用户", "User", "任职的用户。",
            [required = true, indexed = true, on_delete = OnDelete::Cascade];
        /// The moment from which it is held; from the making of this if there is none.
        FROM: DateTime = 3, "from", "开始时间", "From", "任职开始的时刻；为空表示自建立时起。", [];
        /// The moment from which it is held no longer; none for one without end.
        UNTIL: DateTime = 4, "until", "结束时间", "Until", "任职结束的时刻；为空表示不限期。", [];
        /// Why the user holds it.
        NOTE: Text = 5, "note", "说明", "Note", "任职的缘由。", [];
    }
}

pub use position::Position;
pub use position_holder::PositionHolder;
pub use position_role::PositionRole;

/// A position as the policy sees one.
#[derive(Debug, Clone)]
pub struct PositionFact {
    /// The position.
    pub id: RecordId,
    /// Its unit.
    pub unit: Option<RecordId>,
    /// The position above it.
    pub reports_to: Option<RecordId>,
}

/// Who holds a position, and when.
#[derive(Debug, Clone)]
pub struct HolderFact {
    /// The position.
    pub position: RecordId,
    /// The user.
    pub user: RecordId,
    /// From when on.
    pub from: Option<Timestamp>,
    /// From when on no longer.
    pub until: Option<Timestamp>,
}

impl HolderFact {
    /// Whether the position is held at a moment.
    #[must_use]
    pub fn holds_at(&self, moment: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= moment) && self.until.is_none_or(|until| moment < until)
    }
}

/// The positions of the organisation, their roles and their holders.
#[derive(Debug, Clone, Default)]
pub struct PositionFacts {
    /// The positions.
    pub positions: Vec<PositionFact>,
    /// Pairs of a position and a role that it has.
    pub roles: Vec<(RecordId, RecordId)>,
    /// Who holds which one, whenever.
    pub holders: Vec<HolderFact>,
}

impl PositionFacts {
    /// The first moment behind one at which somebody begins to hold a position, or ends.
    #[must_use]
    pub fn next_turn(&self, moment: Timestamp) -> Option<Timestamp> {
        let turns = self.holders.iter().flat_map(|holder| [holder.from, holder.until]).flatten();
        turns.filter(|turn| *turn > moment).min()
    }

    /// Gives users the unit and the superior of the positions that they hold at a moment, where they have none of
    /// their own. Of several holders of the position above the one with the lowest id is the superior, and where it
    /// is vacant those above it are looked at.
    pub fn place(&self, users: &mut [UserFact], moment: Timestamp) {
        let positions: BTreeMap<RecordId, &PositionFact> =
            self.positions.iter().map(|position| (position.id, position)).collect();
        let mut holders: BTreeMap<RecordId, RecordId> = BTreeMap::new();
        let mut held: BTreeMap<RecordId, Vec<RecordId>> = BTreeMap::new();
        for holder in self.holders.iter().filter(|holder| holder.holds_at(moment)) {
            let first = holders.entry(holder.position).or_insert(holder.user);
            *first = holder.user.min(*first);
            held.entry(holder.user).or_default().push(holder.position);
        }
        held.values_mut().for_each(|held| held.sort_unstable());
        for user in users {
            let held = held.get(&user.id).into_iter().flatten().filter_map(|id| positions.get(id));
            for position in held {
                user.unit = user.unit.or(position.unit);
                if user.reports_to.is_none() {
                    user.reports_to = superior(&positions, &holders, position, user.id);
                }
            }
        }
    }
}

/// Who holds the nearest position above one that somebody else holds.
fn superior(
    positions: &BTreeMap<RecordId, &PositionFact>,
    holders: &BTreeMap<RecordId, RecordId>,
    position: &PositionFact,
    user: RecordId,
) -> Option<RecordId> {
    let mut above = position.reports_to;
    for _ in 0..MAX_STEPS {
        let here = positions.get(&above?)?;
        if let Some(holder) = holders.get(&here.id).filter(|holder| **holder != user) {
            return Some(*holder);
        }
        above = here.reports_to;
    }
    None
}

impl People {
    /// The same people, of whom some hold positions at a moment and have their roles.
    #[must_use]
    pub fn with_positions(mut self, facts: &PositionFacts, moment: Timestamp) -> Self {
        for (position, role) in &facts.roles {
            self.position_roles.entry(*position).or_default().push(*role);
        }
        for holder in facts.holders.iter().filter(|holder| holder.holds_at(moment)) {
            let known = self.roles.entry(holder.user).or_default();
            for role in self.position_roles.get(&holder.position).into_iter().flatten() {
                if !known.contains(role) {
                    known.push(*role);
                    self.by_position.insert((holder.user, *role), holder.position);
                }
            }
        }
        self
    }
}
