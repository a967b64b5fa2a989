//! Pools: they own records that nobody works at yet, and their members see these.
//!
//! A pool is an owner as a user is one, so its records are of classes as those of anybody. Whoever is granted to read
//! their own records of an entity reads those of the pools that they are members of, and no other action: to work at
//! one of them is to claim it first. What a pool hides until then, its members do not see, nor does anybody whose roles
//! reach beyond what is their own; whoever administers everybody's records of the entity sees all of it.

use std::collections::BTreeSet;

use crate::access::permit::{Fields, PoolProfile};
use crate::access::{Action, Level, Policy, Principals};
use crate::base::{FieldId, RecordId};
use crate::schema::declare::entity;

/// Pools that own records.
pub mod pool {
    use super::entity;
    use crate::schema::{Int, Text};

    entity! {
        /// A pool owns records that nobody works at yet. Its members see them, and claim them.
        Pool = ("sys", 23, "pool", "公海", "Pool",
            "拥有尚无人跟进的记录；成员可查看并领取。", title "name", data_subject false);
        /// What the pool is called. No two pools have the same name.
        NAME: Text = 1, "name", "名称", "Name", "公海的叫法，不可重复。", [required = true, unique = true, indexed = true];
        /// API names of fields, separated by commas, of which nothing is seen in the pool's records until one is claimed.
        HIDDEN_FIELDS: Text = 2, "hidden_fields", "领取前隐藏字段", "Hidden until the claim",
            "领取前不显示的字段（API 名称，以逗号分隔）；不可据此搜索、筛选、排序或汇总。", [];
        /// API names of fields, separated by commas, of which a mask is seen until then.
        MASKED_FIELDS: Text = 3, "masked_fields", "领取前脱敏字段", "Masked until the claim",
            "领取前以脱敏形式显示的字段（API 名称，以逗号分隔）；不可据此搜索、筛选、排序或汇总。", [];
        /// How many of its records one person opens in a day; any number if not said.
        VIEWS_PER_DAY: Int = 4, "views_per_day", "每日查看上限", "Views per day",
            "每人每天最多打开查看的公海记录数；为空则不限。", [];
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
    /// How many of its records one member opens in a day, if there is a limit.
    pub views_per_day: Option<u64>,
}

/// What is not to be seen of the records of a pool until they are claimed, in the fields of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolCover {
    /// Fields of which nothing is seen.
    pub hidden: BTreeSet<FieldId>,
    /// Fields of which masks are seen.
    pub masked: BTreeSet<FieldId>,
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

    /// How many records of a pool somebody opens in a day, by what limits members and whoever reaches its records as
    /// they do; nothing where there is no limit.
    #[must_use]
    pub fn views_per_day(&self, principal: RecordId, entity: &str, pool: RecordId) -> Option<u64> {
        let fact = self.people.pools.get(&pool)?;
        fact.views_per_day.filter(|_| !self.sees_through(principal, entity))
    }

    /// The fields of which pools, that are there still, hide or mask less by another policy than by this one.
    #[must_use]
    pub fn uncovered(&self, after: &Self) -> BTreeSet<FieldId> {
        let none = PoolCover::default();
        let mut uncovered = BTreeSet::new();
        for (pool, was) in self.rules.covers.iter().filter(|(pool, _)| after.is_pool(**pool)) {
            let is = after.rules.covers.get(pool).unwrap_or(&none);
            let covered = &is.hidden | &is.masked;
            uncovered.extend(&was.hidden - &is.hidden);
            uncovered.extend(&was.masked - &covered);
        }
        uncovered
    }

    /// Whether what pools hide is shown to somebody all the same.
    #[must_use]
    pub fn sees_through(&self, principal: RecordId, entity: &str) -> bool {
        self.effective(principal, entity, Action::Administer) == Level::All
    }

    /// What pools hide of their records from somebody, by pool. The organisation's own records are of no pool.
    fn covers_of(&self, principal: RecordId, entity: &str) -> Vec<(&RecordId, &PoolCover)> {
        let none = self.rules.covers.is_empty() || entity.starts_with("sys.");
        if none || self.sees_through(principal, entity) {
            return Vec::new();
        }
        let wide = self.effective(principal, entity, Action::Read) > Level::OwnAndSubordinates;
        let members: BTreeSet<RecordId> = self.pools_of(principal).collect();
        self.rules.covers.iter().filter(|(pool, _)| wide || members.contains(*pool)).collect()
    }

    /// Whether a pool hides or masks one of these fields from somebody, so that what follows from it in records of others
    /// would tell of it.
    pub(super) fn is_any_covered(
        &self,
        principal: RecordId,
        entity: &str,
        fields: &BTreeSet<FieldId>,
    ) -> bool {
        let covers = |cover: &PoolCover| {
            fields.iter().any(|field| cover.hidden.contains(field) || cover.masked.contains(field))
        };
        // Who is a member is asked for only where it makes a difference.
        self.rules.covers.values().any(covers)
            && self.covers_of(principal, entity).into_iter().any(|(_, cover)| covers(cover))
    }

    /// What pools hide from somebody in their records, beside what grants hide.
    pub(super) fn covered(&self, principal: RecordId, entity: &str, fields: &Fields) -> Vec<PoolProfile> {
        let cover = |(pool, cover): (&RecordId, &PoolCover)| {
            let mut profile = fields.of_owner(*pool).clone();
            profile.hidden.extend(&cover.hidden);
            profile.masked.extend(&cover.masked);
            PoolProfile { pool: *pool, profile, covered: &cover.hidden | &cover.masked }
        };
        self.covers_of(principal, entity).into_iter().map(cover).collect()
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
