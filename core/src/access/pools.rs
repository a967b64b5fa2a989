//! Pools: they own records that nobody works at yet, and their members see these.
//!
//! A pool is an owner as a user is one, so its records are of classes as those of anybody. Whoever is granted to read
//! their own records of an entity reads those of the pools that they are members of, and no other action: to work at
//! one of them is to claim it first.

use crate::access::{Action, Policy, Principals};
use crate::base::RecordId;
use crate::schema::declare::entity;

/// Pools that own records.
pub mod pool {
    use super::entity;
    use crate::schema::Text;

    entity! {
        /// A pool owns records that nobody works at yet. Its members see them, and claim them.
        Pool = ("sys", 23, "pool", "公海", "Pool",
            "拥有尚无人跟进的记录；成员可查看并领取。", title "name", data_subject false);
        /// What the pool is called. No two pools have the same name.
        NAME: Text = 1, "name", "名称", "Name", "公海的叫法，不可重复。", [required = true, unique = true, indexed = true];
    }
}

/// Who is a member of which pool.
pub mod pool_member {
    use super::{Pool, entity};
    use crate::access::{Team, Unit, User};
    use crate::schema::{Bool, OnDelete, Reference, Text};

    entity! {
        /// A user, the members of a team or the people of a unit are members of a pool.
        PoolMember = ("sys", 24, "pool_member", "公海成员", "Pool member",
            "用户、团队成员或部门人员是公海的成员。", title "note", data_subject false);
        /// The pool that this is about.
        POOL: Reference<Pool> = 1, "pool", "公海", "Pool", "所指的公海。",
            [required = true, indexed = true, on_delete = OnDelete::Cascade];
        /// The user who is a member; one of user, team and unit.
        USER: Reference<User> = 2, "user", "用户", "User", "成为成员的用户；用户、团队、部门三选一。",
            [indexed = true, on_delete = OnDelete::Cascade];
        /// The team whose members are.
        TEAM: Reference<Team> = 3, "team", "团队", "Team", "其成员成为公海成员的团队。",
            [indexed = true, on_delete = OnDelete::Cascade];
        /// The unit whose people are.
        UNIT: Reference<Unit> = 4, "member_unit", "部门", "Unit", "其人员成为公海成员的部门。",
            [indexed = true, on_delete = OnDelete::Cascade];
        /// Whether people of the units below it are, too.
        BELOW: Bool = 5, "below", "含下级部门", "Units below", "是否包含下级部门的人。", [];
        /// Why it is so.
        NOTE: Text = 6, "note", "说明", "Note", "如此设置的原因。", [];
    }
}

pub use pool::Pool;
pub use pool_member::PoolMember;

/// A pool as decisions see one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolFact {
    /// The pool's record.
    pub id: RecordId,
    /// The partition that its records are of.
    pub partition: u32,
    /// Its members.
    pub members: Vec<Principals>,
}

/// Whether an action is done to records of pools by their members.
pub(super) fn sees_pools(action: Action) -> bool {
    action == Action::Read
}

impl Policy {
    /// The pools that somebody is a member of.
    pub fn pools_of(&self, principal: RecordId) -> impl Iterator<Item = RecordId> + '_ {
        let own = self.partition_of(principal);
        let pools = self.people.pools.values().filter(move |pool| {
            own == Some(pool.partition) && pool.members.iter().any(|with| self.is_among(principal, *with))
        });
        pools.map(|pool| pool.id)
    }

    /// Whether there is such a pool.
    #[must_use]
    pub fn is_pool(&self, id: RecordId) -> bool {
        self.people.pools.contains_key(&id)
    }

    /// The partition of whoever owns records, a user or a pool; nothing for somebody whom nobody knows.
    #[must_use]
    pub fn partition_of_owner(&self, owner: RecordId) -> Option<u32> {
        self.partition_of(owner).or_else(|| self.people.pools.get(&owner).map(|pool| pool.partition))
    }
}
