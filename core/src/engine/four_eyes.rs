//! Two people for what gives rights: changes of the kinds that the setting `access.four_eyes` names are refused at the
//! commit of every transaction, by whichever door they came, unless a second person has agreed to exactly them.
//!
//! What takes rights away needs nobody else, so that a revocation never waits. To take away what forbids gives rights.

use std::collections::BTreeSet;

use crate::access::{
    self, Action, Delegation, Effect, Grant, InheritedAccess, PluginAccount, Policy, PoolMember, Position,
    PositionHolder, PositionRole, PrivilegeKind, PrivilegeRequest, RecordShare, RoleAssignment, ShareLevel,
    SharingRule, TeamMember, TeamRole, Unit, User, UserStatus, grant, inherited_access, pool_member,
    position, position_holder, position_role, role_assignment, share, sharing_rule, team_member, team_role,
    unit, user,
};
use crate::base::{Code, Error, RecordId, Result, Value};
use crate::engine::configuration::{FOUR_EYES, privileges_of};
use crate::engine::{Crm, SettingChange, Transaction};
use crate::records::{self, Entered, EntryKind, Record};
use crate::schema::{Entity, EntityType, FieldName};
use crate::storage::Snapshot;

/// What a sharing rule says of with whom it shares, and how far.
const RULE: [FieldName<'static>; 6] = [
    sharing_rule::LEVEL.selector(),
    sharing_rule::USER.selector(),
    sharing_rule::TEAM.selector(),
    sharing_rule::ROLE.selector(),
    sharing_rule::UNIT.selector(),
    sharing_rule::BELOW.selector(),
];
/// What a reference says of how far records follow.
const SETTING: [FieldName<'static>; 1] = [inherited_access::LEVEL.selector()];
/// What says who is a member of which pool.
const MEMBER: [FieldName<'static>; 5] = [
    pool_member::POOL.selector(),
    pool_member::USER.selector(),
    pool_member::TEAM.selector(),
    pool_member::UNIT.selector(),
    pool_member::BELOW.selector(),
];

/// What became of a record of the organisation.
struct Changed<'a> {
    entity: &'a Entity,
    /// As it is now, or as it was deleted.
    record: Record,
    entered: Entered<'a>,
}

impl Changed<'_> {
    fn is_deletion(&self) -> bool {
        self.entered.kind == EntryKind::Delete
    }

    fn says(&self, name: FieldName<'static>, code: &str) -> bool {
        self.entity.field(name).is_ok_and(|field| self.record.peek(field.id()).as_text() == Some(code))
    }

    fn names(&self, name: FieldName<'static>) -> Option<RecordId> {
        self.entity.field(name).ok().and_then(|field| self.record.peek(field.id()).as_id())
    }

    fn touches(&self, names: &[FieldName<'static>]) -> bool {
        let fields = names.iter().filter_map(|name| self.entity.field(*name).ok());
        let fields: Vec<_> = fields.map(crate::schema::Field::id).collect();
        self.entered.changes.iter().any(|change| fields.contains(&change.field))
    }

    /// Whether it changes one field and nothing else.
    fn is_of(&self, name: FieldName<'static>) -> bool {
        self.entity.field(name).is_ok_and(|field| self.entered.is_of(field.id()))
    }

    /// The kinds of changes that it is of.
    fn kinds(&self, policy: &Policy) -> Vec<PrivilegeKind> {
        let frees = |roles: &[RecordId]| roles.iter().any(|role| policy.forbids_something(*role));
        let role = |name| self.names(name).into_iter().collect::<Vec<RecordId>>();
        let given = |gives: bool, kind| if gives { vec![kind] } else { Vec::new() };
        // To take away a role gives something where the role forbids something.
        let of_roles = |roles: &[RecordId], kind| given(!self.is_deletion() || frees(roles), kind);
        match self.entity.api_name.as_str() {
            Grant::NAME => {
                let denies = self.says(grant::EFFECT.selector(), Effect::Deny.code());
                let gives = match self.entered.kind {
                    EntryKind::Create => !denies,
                    EntryKind::Delete => denies,
                    _ => true,
                };
                given(gives, PrivilegeKind::Grants)
            }
            // That a guide is done gives what was agreed on when the role was assigned.
            RoleAssignment::NAME if self.is_of(role_assignment::GUIDE_DONE_AT.selector()) => Vec::new(),
            RoleAssignment::NAME => {
                of_roles(&role(role_assignment::ROLE.selector()), PrivilegeKind::Assignments)
            }
            TeamRole::NAME => of_roles(&role(team_role::ROLE.selector()), PrivilegeKind::Assignments),
            TeamMember::NAME => {
                let team = self.names(team_member::TEAM.selector());
                let roles = team.map(|team| policy.roles_of_team(team)).unwrap_or_default();
                of_roles(roles, PrivilegeKind::Assignments)
            }
            PositionRole::NAME => of_roles(&role(position_role::ROLE.selector()), PrivilegeKind::Positions),
            PositionHolder::NAME => {
                let held = self.names(position_holder::POSITION.selector());
                let roles = held.map(|held| policy.roles_of_position(held)).unwrap_or_default();
                of_roles(roles, PrivilegeKind::Positions)
            }
            Position::NAME => {
                let lines = [position::UNIT.selector(), position::REPORTS_TO.selector()];
                given(
                    self.entered.kind == EntryKind::Update && self.touches(&lines),
                    PrivilegeKind::Positions,
                )
            }
            RecordShare::NAME => {
                let full = self.says(share::LEVEL.selector(), ShareLevel::Full.code());
                given(full && !self.is_deletion(), PrivilegeKind::FullShares)
            }
            Delegation::NAME => given(!self.is_deletion(), PrivilegeKind::Delegations),
            Unit::NAME => given(self.is_moved(&[unit::PARENT.selector()]), PrivilegeKind::Lines),
            User::NAME => self.kinds_of_user(),
            PluginAccount::NAME => given(!self.is_deletion(), PrivilegeKind::Users),
            _ => self.kind_of_opening().into_iter().collect(),
        }
    }

    /// The kind of what opens records beside roles.
    fn kind_of_opening(&self) -> Option<PrivilegeKind> {
        let (off, fields, kind) = match self.entity.api_name.as_str() {
            SharingRule::NAME => (Some(sharing_rule::OFF.selector()), &RULE[..], PrivilegeKind::SharingRules),
            InheritedAccess::NAME => {
                (Some(inherited_access::OFF.selector()), &SETTING[..], PrivilegeKind::InheritedAccess)
            }
            PoolMember::NAME => (None, &MEMBER[..], PrivilegeKind::Pools),
            _ => return None,
        };
        self.opens(off, fields).then_some(kind)
    }

    /// Whether it opens records that were not open before: by being there, or switched on, or by what fields say now.
    fn opens(&self, off: Option<FieldName<'static>>, fields: &[FieldName<'static>]) -> bool {
        let is_off = off.is_some_and(|off| self.names_true(off));
        match self.entered.kind {
            _ if is_off => false,
            EntryKind::Create => true,
            EntryKind::Update => {
                self.entered.brings_back()
                    || off.is_some_and(|off| self.is_no_longer(off))
                    || self.widens(fields)
            }
            _ => false,
        }
    }

    /// Whether one of the fields says more than before: a higher level, somebody else, or a yes.
    fn widens(&self, names: &[FieldName<'static>]) -> bool {
        let fields = names.iter().filter_map(|name| self.entity.field(*name).ok());
        let fields: Vec<_> = fields.map(crate::schema::Field::id).collect();
        let level = |value: &Value| value.as_text().and_then(ShareLevel::from_code);
        self.entered.changes.iter().filter(|change| fields.contains(&change.field)).any(|change| {
            match (level(&change.old), level(&change.new)) {
                (Some(old), Some(new)) => new > old,
                _ => !matches!(change.new, Value::Null | Value::Bool(false)),
            }
        })
    }

    /// Whether a field said yes before.
    fn is_no_longer(&self, name: FieldName<'static>) -> bool {
        let Ok(field) = self.entity.field(name) else { return false };
        let mut changes = self.entered.changes.iter();
        changes.any(|change| change.field == field.id() && change.old == Value::Bool(true))
    }

    fn names_true(&self, name: FieldName<'static>) -> bool {
        self.entity.field(name).is_ok_and(|field| *self.record.peek(field.id()) == Value::Bool(true))
    }

    fn is_moved(&self, lines: &[FieldName<'static>]) -> bool {
        self.entered.kind == EntryKind::Update && self.touches(lines)
    }

    fn kinds_of_user(&self) -> Vec<PrivilegeKind> {
        let active = self.says(user::STATUS.selector(), UserStatus::Active.code());
        let again = self.touches(&[user::STATUS.selector()]) || self.entered.brings_back();
        let comes = active && (self.entered.kind == EntryKind::Create || again);
        let lines = [user::UNIT.selector(), user::REPORTS_TO.selector(), user::PARTITION.selector()];
        let comes = comes.then_some(PrivilegeKind::Users);
        comes.into_iter().chain(self.is_moved(&lines).then_some(PrivilegeKind::Lines)).collect()
    }
}

impl Transaction<'_> {
    /// Refuses what needs a second person, unless one has agreed.
    pub(super) fn check_four_eyes(&self) -> Result<()> {
        let configuration = self.crm().configuration();
        let needed = configuration.four_eyes();
        if needed.is_empty() || self.agreed || self.is_founding() {
            return Ok(());
        }
        for entered in self.view().entered() {
            let Ok(entity) = self.registry.entity_by_id(entered.entity) else { continue };
            if !entity.api_name.starts_with("sys.") {
                continue;
            }
            let Some(record) = records::stored_for_rule(self.view(), entity.id(), entered.record)? else {
                continue;
            };
            let changed = Changed { entity, record, entered };
            if let Some(kind) = changed.kinds(self.base_policy()).iter().find(|kind| needed.contains(kind)) {
                let refused = Error::new(Code::FourEyes).entity(&entity.api_name).record(entered.record);
                return Err(refused.rule(&format!("{}: access.request", kind.code())));
            }
        }
        Ok(())
    }

    /// While changes need a second person, nobody sets the credentials of another one who could be that person.
    pub(super) fn check_credential_of(&self, user: RecordId) -> Result<()> {
        let needed = !self.crm().configuration().four_eyes().is_empty();
        if !needed || user == self.user() || self.is_founding() || !will_approve(self.base_policy(), user) {
            return Ok(());
        }
        let refused = Error::new(Code::FourEyes).entity(User::NAME).record(user);
        Err(refused.rule("the credentials of who approves are their own"))
    }
}

/// Whether somebody is a second person at all.
pub(super) fn approves(policy: &Policy, user: RecordId) -> bool {
    policy.permits(user, PrivilegeRequest::NAME, Action::Approve)
}

/// Whether somebody is one, or is from when a guide is done.
fn will_approve(policy: &Policy, user: RecordId) -> bool {
    let mut waiting = policy.waiting_for(user, PrivilegeRequest::NAME, Action::Approve);
    approves(policy, user) || waiting.next().is_some()
}

impl Crm {
    /// Refuses to take anything off the list of what needs a second person, but for who has one, and to begin it
    /// where there are not two who approve.
    pub(super) fn check_four_eyes_setting(
        &self,
        snapshot: &dyn Snapshot,
        changes: &[SettingChange],
    ) -> Result<()> {
        let Some(change) = changes.iter().find(|change| change.setting == FOUR_EYES) else { return Ok(()) };
        let (old, new) = (privileges_of(&change.old), privileges_of(&change.new));
        if !old.is_subset(&new) {
            return Err(Error::new(Code::FourEyes).field(FOUR_EYES).rule("access.request"));
        }
        self.check_two_approve(snapshot, &new)
    }

    /// Refuses a list of what needs a second person where there are not two who approve.
    pub(super) fn check_two_approve(
        &self,
        snapshot: &dyn Snapshot,
        kinds: &BTreeSet<PrivilegeKind>,
    ) -> Result<()> {
        let policy = self.policy(snapshot)?;
        let two = policy.users_after(None).filter(|user| approves(&policy, *user)).nth(1).is_some();
        if kinds.is_empty() || two {
            return Ok(());
        }
        let rule = format!("{FOUR_EYES}: at least two active users approve");
        Err(Error::new(Code::InvalidConfiguration).field(FOUR_EYES).rule(&rule))
    }
}

/// Users whom changes give something by name.
pub(super) fn named_by(entity: &str) -> Option<FieldName<'static>> {
    match entity {
        RoleAssignment::NAME => Some(role_assignment::USER.selector()),
        TeamMember::NAME => Some(team_member::USER.selector()),
        PositionHolder::NAME => Some(position_holder::USER.selector()),
        Delegation::NAME => Some(access::delegation::DELEGATE.selector()),
        RecordShare::NAME => Some(share::USER.selector()),
        SharingRule::NAME => Some(sharing_rule::USER.selector()),
        PoolMember::NAME => Some(pool_member::USER.selector()),
        _ => None,
    }
}
