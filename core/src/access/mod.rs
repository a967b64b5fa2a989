//! Floor 2: who may. Users, units, roles and grants become a policy; a policy mints permits.
//!
//! It is pure: it deliberately knows no store and reads nothing by itself; the engine hands it the facts.
//! Invariants: whatever no role grants is denied; only this room can make a [`Permit`], so a check that
//! was forgotten does not compile; a permit is good for one policy epoch.

mod bounds;
mod class;
mod delegating;
mod directory;
mod explain;
mod level;
mod numbered;
mod opening;
mod permit;
mod plugin_accounts;
mod policy;
mod pools;
mod positions;
mod privileges;
mod sharing;

pub use bounds::Beyond;
pub use class::{AccessClass, ClassId, Mark, Marks, RIGHTS_REQUESTS};
pub use delegating::{Delegation, DelegationFact, delegation};
pub use directory::{
    Grant, Partition, Role, RoleAssignment, Unit, User, UserKind, UserStatus, grant, partition, role,
    role_assignment, unit, user,
};
pub use explain::{AccessPath, Decision, Place, Reason, SharePath, Verdict};
pub use level::{Action, Effect, Level};
pub use numbered::Numbered;
pub use opening::{
    InheritedAccess, InheritedFact, MAX_PARENTS, ParentPath, Principals, RulePath, SharingFact, SharingRule,
    inherited_access, sharing_rule,
};
pub use permit::{
    ActionKind, Administer, Assign, Create, Delete, Lock, Permit, Read, Share, Showing, Update,
};
pub use plugin_accounts::{PluginAccount, plugin_account};
pub use policy::{
    FollowingFact, GrantFact, People, Policy, Rules, TeamFacts, UnitFact, UserFact, WaitingRole, Way,
};
pub use pools::{Pool, PoolCover, PoolFact, PoolMember, pool, pool_member};
pub use positions::{
    HolderFact, Position, PositionFact, PositionFacts, PositionHolder, PositionRole, position,
    position_holder, position_role,
};
pub use privileges::{PrivilegeKind, PrivilegeRequest, RequestStatus, privilege_request};
pub use sharing::{
    NOBODY, Process, RecordShare, ShareFact, ShareLevel, Sharee, Shares, Team, TeamMember, TeamRole, share,
    team, team_member, team_role,
};
