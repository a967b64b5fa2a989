//! A second person for what gives rights: which changes need one, the requests that wait for one, and what a request
//! rests on.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::access::{Action, Effect, Level, Policy};
use crate::base::RecordId;
use crate::schema::declare::{codes, entity};

codes! {
    /// A change by which somebody comes to rights, as the setting `access.four_eyes` names it.
    PrivilegeKind {
        /// Grants of roles that are made or changed, and denials that are taken away.
        Grants = "grants", "授权", "Grants";
        /// Roles that users, teams or positions are given, and members of teams.
        Assignments = "assignments", "角色分配", "Assignments of roles";
        /// Shares of the level `full`.
        FullShares = "full_shares", "完全共享", "Full shares";
        /// Delegations.
        Delegations = "delegations", "代理", "Delegations";
        /// Positions, and who holds them.
        Positions = "positions", "岗位", "Positions";
        /// Users who are made, or who may sign in again.
        Users = "users", "用户", "Users";
        /// Units, superiors and partitions of users, and the units above units.
        Lines = "lines", "组织关系", "Lines of the organisation";
        /// Sharing rules that are made, switched on, or open more.
        SharingRules = "sharing_rules", "共享规则", "Sharing rules";
        /// References by which records come to follow the access to others, or follow further.
        InheritedAccess = "inherited_access", "继承权限", "Inherited access";
        /// Members of pools.
        Pools = "pools", "公海成员", "Members of pools";
    }
}

codes! {
    /// What has become of a request for privileges.
    RequestStatus {
        /// It waits for a second person, until it expires.
        Pending = "pending", "待批准", "Pending";
        /// A second person has agreed, and it was done.
        Approved = "approved", "已批准", "Approved";
        /// A second person has refused it.
        Refused = "refused", "已拒绝", "Refused";
        /// Who asked has taken it back.
        Withdrawn = "withdrawn", "已撤回", "Withdrawn";
    }
}

/// Changes that wait for a second person.
pub mod privilege_request {
    use super::{RequestStatus, entity};
    use crate::access::User;
    use crate::schema::{Choice, DateTime, OnDelete, Reference, Text};

    entity! {
        /// Changes by which somebody would come to rights, and which a second person is asked to agree to.
        PrivilegeRequest = ("sys", 12, "privilege_request", "权限申请", "Privilege request",
            "会使某人获得权限、须由第二人同意的变更。", title "reason", data_subject false);
        /// The changes in JSON, exactly as they are done if they are agreed to.
        CHANGES: Text = 1, "changes", "变更内容", "Changes", "拟作的变更（JSON），批准后原样执行。", [required = true];
        /// Why they are asked for.
        REASON: Text = 2, "reason", "原因", "Reason", "申请的原因。", [];
        /// What has become of the request.
        STATUS: Choice<RequestStatus> = 3, "status", "状态", "Status", "申请的状态。", [required = true, indexed = true];
        /// The moment from which nobody can agree to it any more.
        EXPIRES: DateTime = 4, "expires", "失效时间", "Expires", "此时刻起不能再批准。", [required = true];
        /// What the changes rest on, as a hash: whoever agrees agrees to them as they were shown.
        BASE: Text = 5, "base", "依据", "Base", "变更所依据的状态的摘要；状态改变后不能再批准。", [required = true];
        /// The user who asks.
        REQUESTER: Reference<User> = 6, "requester", "申请人", "Requester", "提出申请的用户。",
            [indexed = true, on_delete = OnDelete::SetNull];
        /// The user who has agreed or refused.
        DECIDED_BY: Reference<User> = 7, "decided_by", "决定人", "Decided by", "批准或拒绝的用户。",
            [on_delete = OnDelete::SetNull];
        /// When that was.
        DECIDED_AT: DateTime = 8, "decided_at", "决定时间", "Decided at", "批准、拒绝或撤回的时刻。", [];
        /// What they said about it.
        NOTE: Text = 9, "note", "意见", "Note", "决定时的说明。", [];
    }
}

pub use privilege_request::PrivilegeRequest;

impl Policy {
    /// Whether somebody has a role that counts for nothing until a guide is done.
    #[must_use]
    pub fn is_waited_for(&self, role: RecordId) -> bool {
        self.people.waiting.values().flatten().any(|waiting| waiting.role == role)
    }

    /// Whether a role forbids anything, so that to take it away gives something.
    #[must_use]
    pub fn forbids_something(&self, role: RecordId) -> bool {
        let grants = self.rules.grants.get(&role).into_iter().flatten();
        grants.into_iter().any(|grant| grant.effect == Effect::Deny)
    }

    /// The roles of a team.
    #[must_use]
    pub fn roles_of_team(&self, team: RecordId) -> &[RecordId] {
        self.people.team_roles.get(&team).map(Vec::as_slice).unwrap_or_default()
    }

    /// The roles of a position.
    #[must_use]
    pub fn roles_of_position(&self, position: RecordId) -> &[RecordId] {
        self.people.position_roles.get(&position).map(Vec::as_slice).unwrap_or_default()
    }

    /// What the facts say of some users, roles, teams and units, as a text that differs where they do.
    #[must_use]
    pub fn said_of(&self, named: &BTreeSet<RecordId>) -> String {
        let mut said = String::new();
        let mut roles: BTreeSet<RecordId> = BTreeSet::new();
        for id in named {
            let members: Vec<RecordId> = self.members_of(*id).collect();
            let above = self.people.parents.get(id);
            let given = (self.roles_of(*id), self.roles_of_team(*id), self.roles_of_position(*id));
            // To write to a text never fails.
            let _ = writeln!(said, "{id} {:?} {given:?} {members:?} {above:?}", self.people.users.get(id));
            roles.insert(*id);
            roles.extend(given.1.iter().chain(given.2));
        }
        for role in roles {
            if let Some(grants) = self.rules.grants.get(&role) {
                let mut grants: Vec<String> = grants.iter().map(|grant| format!("{grant:?}")).collect();
                grants.sort();
                let _ = writeln!(said, "{role} {grants:?}");
            }
        }
        said
    }

    /// Who is meant where records are opened to some users, teams, roles, units and pools, as a text that differs where
    /// others are.
    #[must_use]
    pub fn said_of_opened(&self, named: &BTreeSet<RecordId>) -> String {
        let (roles, users) = (&self.people.roles, &self.people.users);
        let mut said = String::new();
        for id in named {
            let holders = roles.iter().filter(|(_, roles)| roles.contains(id)).map(|(user, _)| user);
            let inside = users.keys().filter(|user| self.units_of(**user).contains(id));
            let people: BTreeSet<&RecordId> = holders.chain(inside).collect();
            // To write to a text never fails.
            let _ = writeln!(said, "{id} {people:?} {:?}", self.people.pools.get(id));
        }
        said
    }

    /// Whether somebody has more by another policy than by this one: an action at a higher level, more of a field, or
    /// records that rules, pools and references open.
    #[must_use]
    pub fn has_more_by(&self, after: &Self, user: RecordId, entities: &[&str]) -> bool {
        let has_more = entities.iter().any(|entity| {
            let higher = |(action, _, _, _): &(Action, _, _, _)| {
                let (was, becomes) =
                    (self.effective(user, entity, *action), after.effective(user, entity, *action));
                becomes > was
            };
            let reads = self.effective(user, entity, Action::Read) > Level::None;
            let more = |(_, opened): &(_, bool)| *opened;
            let sets = |action: Action| {
                let may = self.effective(user, entity, action) > Level::None;
                may && self.set_otherwise(after, user, entity, action).iter().any(more)
            };
            <Action as crate::schema::Codes>::ALL.iter().any(higher)
                || sets(Action::Create)
                || sets(Action::Update)
                || reads && self.shown_otherwise(after, user, entity).iter().any(more)
        });
        has_more || self.is_opened_more_by(after, user, entities)
    }

    /// Whether rules, pools or references open something to somebody by another policy that they do not by this one. To
    /// who does an action to all records anyway nothing opens any.
    fn is_opened_more_by(&self, after: &Self, user: RecordId, entities: &[&str]) -> bool {
        let gains = |entity: &str, action: Action| {
            let level = after.effective(user, entity, action);
            level > Level::None && level < Level::All
        };
        let known = self.opened_to(user);
        let mut rules = after.opened_to(user).into_iter().filter(|opened| !known.contains(opened));
        let pools: BTreeSet<RecordId> = self.pools_of(user).collect();
        let mut new_pools = after.pools_of(user).filter(|pool| !pools.contains(pool));
        let standing: Vec<_> = self.inherited().collect();
        let mut followed = after.inherited().filter(|fact| !standing.contains(fact));
        rules.any(|(entity, action, _)| gains(entity, action))
            || new_pools.next().is_some() && entities.iter().any(|entity| gains(entity, Action::Read))
            || followed.any(|fact| fact.level.actions().iter().any(|action| gains(&fact.entity, *action)))
    }
}
