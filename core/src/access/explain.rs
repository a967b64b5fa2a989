//! Why somebody may do something to a record, or may not: worked out upwards from the record, for those who ask.
//!
//! Permits are compiled downwards, from a person to all that the person reaches. This goes from one record up the
//! lines of reporting and of units, so that it tells the steps of each line, and so that who may see a record is
//! known without compiling what everybody reaches.

use crate::access::policy::GrantFact;
use crate::access::pools::sees_pools;
use crate::access::{
    AccessClass, Action, Effect, InheritedFact, Level, ParentPath, Policy, Process, RulePath, ShareFact,
    ShareLevel, Sharee,
};
use crate::base::{RecordId, Timestamp};

/// Why a grant reaches a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is the person's own.
    Owner,
    /// It is of a pool that the person is a member of.
    Pool(RecordId),
    /// Its owner reports to the person: from the owner up to the person.
    Reporting(Vec<RecordId>),
    /// It belongs to the person's unit.
    Unit(RecordId),
    /// It belongs to a unit below the person's: from its unit up to the person's.
    UnitBelow(Vec<RecordId>),
    /// The grant reaches everybody's.
    Everybody,
}

/// A grant that reaches a record, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPath {
    /// The role that grants or forbids.
    pub role: RecordId,
    /// The team by which the person has the role, where it is not the person's own.
    pub team: Option<RecordId>,
    /// The position by which the person has the role, where neither is so.
    pub position: Option<RecordId>,
    /// The grant.
    pub grant: RecordId,
    /// The entity that it names, or a wildcard.
    pub entity: String,
    /// Its level.
    pub level: Level,
    /// Why it reaches the record.
    pub reason: Reason,
}

/// A share by which a record is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharePath {
    /// The share.
    pub share: RecordId,
    /// What it lets be done.
    pub level: ShareLevel,
    /// The team that it is with, where it is not with the person.
    pub team: Option<RecordId>,
    /// From when on it holds no longer, if it ends.
    pub until: Option<Timestamp>,
    /// The process in which the person takes part, with which it ends.
    pub process: Option<Process>,
}

/// What is decided, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is decided.
    pub verdict: Verdict,
    /// The grants that allow it where it is granted, or forbid it where it is denied.
    pub paths: Vec<AccessPath>,
    /// The shares that give it where it is granted.
    pub shares: Vec<SharePath>,
    /// The sharing rules that give it where it is granted.
    pub rules: Vec<RulePath>,
    /// The records beyond that give it where it is granted.
    pub parents: Vec<ParentPath>,
}

impl Decision {
    /// A refusal that no grant says.
    #[must_use]
    pub fn refused(verdict: Verdict) -> Self {
        Self { verdict, paths: vec![], shares: vec![], rules: vec![], parents: vec![] }
    }
}

/// What is decided about a person, an action and a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed.
    Granted,
    /// The person is not known, or may not sign in.
    Inactive,
    /// The module of the entity is off.
    ModuleOff,
    /// No role of the person grants the action.
    NotGranted,
    /// The record is of another partition than the person's.
    OtherPartition,
    /// A grant forbids it.
    Denied,
    /// The record is of somebody whose processing is restricted, and the person does not handle requests of people.
    Restricted,
    /// Grants allow the action to other records, and neither a grant, a share, a rule nor a record beyond to this one.
    OutOfReach,
    /// The action is granted, but not to read the record, without which nothing else is done to it.
    Unread,
    /// The record is a link, and the person does not see both of its ends.
    EndUnread,
}

impl Verdict {
    /// The code by which hosts know it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Inactive => "inactive",
            Self::ModuleOff => "module_off",
            Self::NotGranted => "not_granted",
            Self::OtherPartition => "other_partition",
            Self::Denied => "denied",
            Self::Restricted => "restricted",
            Self::OutOfReach => "out_of_reach",
            Self::Unread => "unread",
            Self::EndUnread => "end_unread",
        }
    }
}

/// A record's place in the lines of the organisation.
#[derive(Debug)]
pub struct Place {
    class: AccessClass,
    /// Its owner, and everybody above in the line of reporting.
    superiors: Vec<RecordId>,
    /// Its unit, and all units above.
    units: Vec<RecordId>,
    /// Its shares that hold.
    shares: Vec<ShareFact>,
    /// The records that it follows, by the settings that say so.
    beyond: Vec<(RecordId, Self)>,
}

impl Place {
    /// The same of a record that follows others: a setting, and where each of these stands.
    #[must_use]
    pub fn following(self, beyond: Vec<(RecordId, Self)>) -> Self {
        Self { beyond, ..self }
    }
}

impl Policy {
    /// Where a record of a class stands, with its shares that hold.
    #[must_use]
    pub fn place(&self, class: AccessClass, shares: Vec<ShareFact>) -> Place {
        let superior = |user: RecordId| self.people.users.get(&user).and_then(|user| user.reports_to);
        let above = |unit: RecordId| self.people.parents.get(&unit).copied();
        let (superiors, units) = (upwards(Some(class.owner), superior), upwards(class.unit, above));
        Place { class, superiors, units, shares, beyond: Vec::new() }
    }

    /// What is decided about somebody's action on a record, by the grants that say so: those that allow it, or that
    /// forbid it, and the shares that give it. That to change needs to read, too, is not looked at.
    #[must_use]
    pub fn explain(&self, principal: RecordId, entity: &str, action: Action, place: &Place) -> Decision {
        self.decided_by(principal, entity, action, place).0
    }

    /// The same, and whether the record is reached by its class, whatever else reaches it.
    fn decided_by(
        &self,
        principal: RecordId,
        entity: &str,
        action: Action,
        place: &Place,
    ) -> (Decision, bool) {
        let refused = |verdict: Verdict| (Decision::refused(verdict), false);
        if !self.is_active(principal) {
            return refused(Verdict::Inactive);
        }
        if self.is_off(entity) {
            return refused(Verdict::ModuleOff);
        }
        let mut granted = false;
        let (mut allowing, mut denying) = (Vec::new(), Vec::new());
        for grant in self.grants_of(principal, entity).filter(|grant| grant.action == action) {
            let denies = grant.effect == Effect::Deny;
            if denies && grant.is_of_fields() {
                continue;
            }
            granted |= !denies && grant.level > Level::None;
            if let Some(reason) = self.reason(principal, (grant.level, action), place) {
                let paths = if denies { &mut denying } else { &mut allowing };
                paths.push(self.path(principal, grant, reason));
            }
        }
        if !granted {
            return refused(Verdict::NotGranted);
        }
        if !denying.is_empty() {
            return (Decision { paths: denying, ..Decision::refused(Verdict::Denied) }, false);
        }
        if !self.partitions(principal, entity, action).contain(place.class.partition) {
            return refused(Verdict::OtherPartition);
        }
        if place.class.marks.are_restricted() && !self.handles_requests(principal) {
            return refused(Verdict::Restricted);
        }
        let shares = self.share_paths(principal, action, place);
        let (rules, mut parents) = self.openings(principal, entity, action, &place.class);
        let by_class = !(allowing.is_empty() && rules.is_empty() && parents.is_empty());
        parents.extend(self.followed_by_shares(principal, entity, action, place));
        let reached = by_class || !(shares.is_empty() && parents.is_empty());
        let verdict = if reached { Verdict::Granted } else { Verdict::OutOfReach };
        (Decision { verdict, paths: allowing, shares, rules, parents }, by_class)
    }

    /// The records beyond that give somebody an action on a record because they, or records beyond them, are shared singly.
    /// What their classes give is among the marks of the record.
    fn followed_by_shares(
        &self,
        principal: RecordId,
        entity: &str,
        action: Action,
        place: &Place,
    ) -> Vec<ParentPath> {
        let given = |fact: &&InheritedFact, beyond: &Place| {
            let by =
                [Action::Read, action].map(|action| self.decided_by(principal, &fact.parent, action, beyond));
            let granted = by.iter().all(|(decision, _)| decision.verdict == Verdict::Granted);
            granted && !by.iter().all(|(_, by_class)| *by_class)
        };
        let facts = self.inherited_for(entity, action).filter(|fact| {
            let mut beyond = place.beyond.iter().filter(|(setting, _)| *setting == fact.id);
            beyond.any(|(_, beyond)| given(fact, beyond))
        });
        let paths = facts.map(|fact| ParentPath {
            setting: fact.id,
            field: fact.field,
            parent: fact.parent.clone(),
            shared: true,
        });
        paths.collect()
    }

    /// The shares that give somebody an action on a record.
    fn share_paths(&self, principal: RecordId, action: Action, place: &Place) -> Vec<SharePath> {
        let Some(needed) = ShareLevel::needed_for(action) else { return Vec::new() };
        let given = place.shares.iter().filter(|share| share.level >= needed).filter_map(|share| {
            let team = match share.with {
                Sharee::User(user) => (user == principal).then_some(None),
                Sharee::Team(team) => self.teams_of(principal).contains(&team).then_some(Some(team)),
            };
            let process = share.process.clone();
            Some(SharePath { share: share.id, level: share.level, team: team?, until: share.until, process })
        });
        given.collect()
    }

    fn path(&self, principal: RecordId, grant: &GrantFact, reason: Reason) -> AccessPath {
        let (role, entity, level) = (grant.role, grant.entity.clone(), grant.level);
        let team = self.people.by_team.get(&(principal, role)).copied();
        let position = self.people.by_position.get(&(principal, role)).copied();
        AccessPath { role, team, position, grant: grant.id, entity, level, reason }
    }

    /// Whether the records of somebody are within one's own work: one's own, those of who reports to one by whatever
    /// line, and those of who is in a team of one's own.
    #[must_use]
    pub fn works_with(&self, principal: RecordId, owner: RecordId) -> bool {
        let together = |team: &RecordId| self.teams_of(owner).contains(team);
        principal == owner
            || self.reach(principal, Level::OwnAndSubordinates, Action::Read).owners.contains(&owner)
            || self.teams_of(principal).iter().any(together)
    }

    /// The users behind one, in the order of their ids.
    pub fn users_after(&self, after: Option<RecordId>) -> impl Iterator<Item = RecordId> + '_ {
        let behind = move |user: &RecordId| after.is_none_or(|after| *user > after);
        self.people.users.keys().copied().filter(behind)
    }

    /// Why a level reaches a record; nothing where it does not.
    fn reason(&self, principal: RecordId, (level, action): (Level, Action), place: &Place) -> Option<Reason> {
        let (unit, owner) = (self.unit_of(principal), place.class.owner);
        if level >= Level::Own && owner == principal {
            return Some(Reason::Owner);
        }
        if level >= Level::Own && sees_pools(action) && self.pools_of(principal).any(|pool| pool == owner) {
            return Some(Reason::Pool(owner));
        }
        if level >= Level::OwnAndSubordinates
            && let Some(line) = line(&place.superiors, principal)
        {
            return Some(Reason::Reporting(line));
        }
        if level >= Level::Unit
            && let Some(unit) = unit.filter(|unit| place.class.unit == Some(*unit))
        {
            return Some(Reason::Unit(unit));
        }
        if level >= Level::UnitAndChildren
            && let Some(line) = unit.and_then(|unit| line(&place.units, unit))
        {
            return Some(Reason::UnitBelow(line));
        }
        (level == Level::All).then_some(Reason::Everybody)
    }
}

/// A node and all above it; a circle ends where it comes back to itself.
fn upwards(from: Option<RecordId>, above: impl Fn(RecordId) -> Option<RecordId>) -> Vec<RecordId> {
    let mut line = Vec::new();
    let mut here = from;
    while let Some(node) = here.filter(|node| !line.contains(node)) {
        line.push(node);
        here = above(node);
    }
    line
}

/// The part of a line up to a node, if it leads there.
fn line(whole: &[RecordId], to: RecordId) -> Option<Vec<RecordId>> {
    let end = whole.iter().position(|node| *node == to)?;
    whole.get(..=end).map(<[RecordId]>::to_vec)
}
