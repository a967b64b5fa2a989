//! Nobody gives more than they have: what a change of the organisation opens, held against its author's own rights.
//!
//! It compares whole policies, the one before a change and the one after it, and does not look at single records:
//! so it does not matter by how many steps, in which order, or by which door a change comes about.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::access::permit::{FieldProfile, Reach};
use crate::access::policy::{GrantFact, UserFact};
use crate::access::pools::sees_pools;
use crate::access::{Action, Effect, Level, Policy, Role, ShareLevel, WaitingRole};
use crate::base::{FieldId, RecordId};
use crate::schema::{Codes, EntityType};

/// What a change would give beyond its author's own rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// The entity by API name, `*` or `sys.*`.
    pub entity: String,
    /// The action.
    pub action: Action,
    /// To whose records.
    pub level: Level,
    /// The field of which it would show, or let be set, more.
    pub field: Option<FieldId>,
}

/// What somebody may do to records of an entity by an action, where they may do it to some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Right {
    allowed: Level,
    denied: Level,
}

/// The rights of all who have the same roles, by entity and action.
type Rights = BTreeMap<(String, Action), Right>;

/// What tells rights apart: whether they are those after a change, whether they are those ahead of guides, and the roles
/// that count and that wait.
type Held<'a> = (bool, bool, &'a [RecordId], &'a [WaitingRole]);

/// Whose records somebody reaches at each level, with pools or without, before a change and after it.
type Reaches = BTreeMap<(Level, bool), (Reach, Reach)>;

impl Policy {
    /// Whether somebody administers the organisation as a whole, and is therefore bounded by nothing.
    #[must_use]
    pub fn administers(&self, principal: RecordId) -> bool {
        self.permits(principal, Role::NAME, Action::Administer)
    }

    /// What would go beyond the rights that the author of a change has by this policy, if it were followed by
    /// another one: rights that anybody gains and grants that any role gains, be it because something is allowed or
    /// because a denial, a mask or a hidden field is lifted, or because lines of units or of reporting change. Who
    /// administers the organisation stays so. `entities` are all that there are, by API name.
    #[must_use]
    pub fn beyond(&self, author: RecordId, after: &Self, entities: &[&str]) -> Option<Beyond> {
        if self.administers(author) {
            return None;
        }
        let bounds = Bounds::new(self, after, author, entities);
        let of_roles = bounds.of_administrators().or_else(|| bounds.of_grants());
        of_roles.or_else(|| bounds.of_openings()).or_else(|| bounds.of_people())
    }

    /// What somebody else has beyond one's own rights, by this policy or a later one, or will have when the guides are done
    /// that roles of theirs wait for.
    #[must_use]
    pub fn stronger(
        &self,
        author: RecordId,
        after: &Self,
        other: RecordId,
        entities: &[&str],
    ) -> Option<Beyond> {
        if self.administers(author) {
            return None;
        }
        let bounds = Bounds::new(self, after, author, entities);
        let other = after.people.users.get(&other)?;
        let reaches = bounds.reaches(other, false);
        let rights = bounds.rights(after, other.id, true);
        let stronger = bounds.of_user(other, &rights, &Rights::new(), &reaches);
        stronger.or_else(|| bounds.of_opened(other.id, false))
    }
}

impl Policy {
    /// The people whose rights, or whose lines of reporting and of units, another policy has otherwise.
    #[must_use]
    pub fn differing(&self, after: &Self) -> Vec<RecordId> {
        let bounds = Bounds::new(self, after, RecordId::from_bytes([0; 16]), &[]);
        let everybody: BTreeSet<RecordId> =
            self.people.users.keys().chain(after.people.users.keys()).copied().collect();
        let differs = |user: &RecordId| {
            let (old, new) = (self.people.users.get(user), after.people.users.get(user));
            old != new
                || self.roles_of(*user) != after.roles_of(*user)
                || self.waiting(*user) != after.waiting(*user)
                || self.teams_of(*user) != after.teams_of(*user)
                || !bounds.have_same_grants(*user)
                || self.opened_to(*user) != after.opened_to(*user)
                || self.rules.inherited != after.rules.inherited
                || new.is_some_and(|new| bounds.reaches(new, true).values().any(|(was, is)| was != is))
        };
        everybody.into_iter().filter(differs).collect()
    }

    /// The fields of an entity that are shown otherwise by another policy, to somebody who reads it by both, in any
    /// of the records, and whether more is shown of them.
    #[must_use]
    pub fn shown_otherwise(&self, after: &Self, user: RecordId, entity: &str) -> Vec<(FieldId, bool)> {
        let rings = [Level::Own, Level::All];
        let profiles = rings.map(|level| {
            let of = |policy: &Self| policy.profile(user, entity, Action::Read, level);
            (of(self), of(after))
        });
        let fields: BTreeSet<FieldId> =
            profiles.iter().flat_map(|(was, is)| was.unset().chain(is.unset())).collect();
        let moved = fields.into_iter().filter_map(|field| {
            let (was, is) = profiles.iter().find(|(was, is)| shows(was, field) != shows(is, field))?;
            Some((field, shows(is, field) > shows(was, field)))
        });
        moved.collect()
    }

    /// The fields of an entity that may be set by another policy and not by this one, or the other way round, by somebody
    /// who creates or changes records by both, in any of them, and whether they may by the other one.
    #[must_use]
    pub fn set_otherwise(
        &self,
        after: &Self,
        user: RecordId,
        entity: &str,
        action: Action,
    ) -> Vec<(FieldId, bool)> {
        let mut moved = BTreeMap::new();
        for level in [Level::Own, Level::All] {
            let unset = |policy: &Self| -> BTreeSet<FieldId> {
                policy.profile(user, entity, action, level).unset().collect()
            };
            let (was, is) = (unset(self), unset(after));
            for field in was.symmetric_difference(&is) {
                moved.entry(*field).or_insert_with(|| was.contains(field));
            }
        }
        moved.into_iter().collect()
    }
}

struct Bounds<'a> {
    before: &'a Policy,
    after: &'a Policy,
    author: RecordId,
    /// Entities and wildcards of which grants may speak.
    names: Vec<String>,
    own: Rights,
    /// What rules open to the author.
    opened: BTreeSet<(&'a str, Action, u32)>,
    /// What the author does not see or set, where there is such.
    limits: BTreeMap<(String, Action), FieldProfile>,
}

impl<'a> Bounds<'a> {
    fn new(before: &'a Policy, after: &'a Policy, author: RecordId, entities: &[&str]) -> Self {
        let grants = [before, after].into_iter().flat_map(|policy| policy.rules.grants.values().flatten());
        let named = grants.map(|grant| grant.entity.as_str()).chain(["*", "sys.*"]);
        let names: BTreeSet<String> = named.chain(entities.iter().copied()).map(str::to_owned).collect();
        let names: Vec<String> = names.into_iter().collect();
        let opened = before.opened_to(author);
        let (own, limits) = (Rights::new(), BTreeMap::new());
        let mut bounds = Self { before, after, author, names, own, opened, limits };
        bounds.own = bounds.rights(before, author, false);
        let limits = bounds.own.keys().filter_map(|(entity, action)| {
            let profile = before.profile(author, entity, *action, Level::All);
            (profile != FieldProfile::default()).then(|| ((entity.clone(), *action), profile))
        });
        bounds.limits = limits.collect();
        bounds
    }

    /// What the roles of somebody allow and forbid, whether the module of an entity is on or off. Ahead of their guides,
    /// it is also what roles allow that wait for one.
    fn rights(&self, policy: &Policy, principal: RecordId, ahead: bool) -> Rights {
        let waiting = policy.waiting(principal).iter().filter(|_| ahead);
        let coming = waiting.filter_map(|waiting| policy.rules.grants.get(&waiting.role)).flatten();
        let coming: Vec<&GrantFact> = coming.filter(|grant| grant.effect == Effect::Allow).collect();
        let mut rights = Rights::new();
        for entity in &self.names {
            for (action, _, _, _) in Action::ALL {
                let of = |effect| policy.stated(principal, entity, *action, effect);
                let coming = coming.iter().filter(|grant| grant.action == *action && grant.is_of(entity));
                let coming = coming.map(|grant| grant.level).max().unwrap_or(Level::None);
                let right = Right { allowed: of(Effect::Allow).max(coming), denied: of(Effect::Deny) };
                if right.allowed > Level::None && right.denied < Level::All {
                    rights.insert((entity.clone(), *action), right);
                }
            }
        }
        rights
    }

    /// The author may give an action at a level: it is allowed to the author at no lesser one, and none of it
    /// forbidden.
    fn holds(&self, entity: &str, action: Action, level: Level) -> bool {
        let own = self.own.get(&(entity.to_owned(), action));
        own.is_some_and(|own| own.denied == Level::None && own.allowed >= level)
    }

    /// Who administers the organisation is made to do so, or not to, by such as do so themselves.
    fn of_administrators(&self) -> Option<Beyond> {
        let unmade = |user: &&RecordId| self.before.administers(**user) && !self.after.administers(**user);
        self.before.people.users.keys().find(unmade).map(|_| Beyond {
            entity: Role::NAME.to_owned(),
            action: Action::Administer,
            level: Level::All,
            field: None,
        })
    }

    /// Grants that roles gain, and denials that they lose, whoever has these roles.
    fn of_grants(&self) -> Option<Beyond> {
        let none = Vec::new();
        let (before, after) = (&self.before.rules.grants, &self.after.rules.grants);
        let roles: BTreeSet<&RecordId> = before.keys().chain(after.keys()).collect();
        roles.into_iter().find_map(|role| {
            let (old, new) = (before.get(role).unwrap_or(&none), after.get(role).unwrap_or(&none));
            let given = lacking(new, old).filter(|grant| grant.effect == Effect::Allow);
            let lifted = lacking(old, new).filter(|grant| grant.effect == Effect::Deny);
            given.chain(lifted).find_map(|grant| self.of_grant(grant))
        })
    }

    fn of_grant(&self, grant: &GrantFact) -> Option<Beyond> {
        let lifted = grant.effect == Effect::Deny;
        // One that forbids and names fields forbids these alone.
        let of_fields = lifted && grant.is_of_fields();
        if grant.level == Level::None && !of_fields {
            return None;
        }
        let beyond =
            |field| Beyond { entity: grant.entity.clone(), action: grant.action, level: grant.level, field };
        let within = |name: &&String| grant.is_of(name) || **name == grant.entity;
        self.names.iter().filter(within).find_map(|name| {
            if !of_fields && !self.holds(name, grant.action, grant.level) {
                return Some(beyond(None));
            }
            let limits = self.before.stated_profile(self.author, name, grant.action, Level::All);
            let profile = FieldProfile {
                hidden: grant.hidden.clone(),
                masked: grant.masked.clone(),
                masked_in_lists: grant.masked_in_lists.clone(),
                read_only: grant.read_only.clone(),
            };
            let field = if lifted {
                // What was withheld by the denial is given when it goes.
                limits.unset().find(|field| profile.unset().any(|lifted| lifted == *field))
            } else {
                surplus(&profile, None, &limits, grant.action)
            };
            field.map(|field| beyond(Some(field)))
        })
    }

    /// Rights that people gain.
    fn of_people(&self) -> Option<Beyond> {
        let (before, after) = (&self.before.people, &self.after.people);
        let lines = |policy: &Policy| -> Vec<_> {
            let users = policy.people.users.values();
            users.map(|user| (user.id, user.unit, user.reports_to)).collect()
        };
        let of_pools = before.pools != after.pools || !after.pools.is_empty() && before.teams != after.teams;
        let moved = of_pools || lines(self.before) != lines(self.after) || before.children != after.children;
        let mut known: HashMap<Held<'_>, Rc<Rights>> = HashMap::new();
        for (id, user) in &after.users {
            let old = before.users.get(id);
            if let Some(beyond) = self.of_opened(*id, true) {
                return Some(beyond);
            }
            let same = old == Some(user)
                && self.before.roles_of(*id) == self.after.roles_of(*id)
                && self.before.waiting(*id) == self.after.waiting(*id)
                && self.have_same_grants(*id);
            if same && !moved {
                continue;
            }
            let reaches = self.reaches(user, old.is_some());
            if same && reaches.values().all(|(before, after)| before == after) {
                continue;
            }
            let mut of = |later: bool, ahead: bool| {
                let policy = if later { self.after } else { self.before };
                let rights = known.entry((later, ahead, policy.roles_of(*id), policy.waiting(*id)));
                Rc::clone(rights.or_insert_with(|| Rc::new(self.rights(policy, *id, ahead))))
            };
            let stands =
                old.is_some_and(|old| old.partition == user.partition && (old.active || !user.active));
            // What waits for a guide is had when that is done, by whoever is moved or let in before.
            let waits = !self.after.waiting(*id).is_empty();
            for ahead in [false, true].into_iter().filter(|ahead| waits || !ahead) {
                let had = if stands { of(false, ahead) } else { Rc::default() };
                if let Some(beyond) = self.of_user(user, &of(true, ahead), &had, &reaches) {
                    return Some(beyond);
                }
            }
        }
        None
    }

    /// Rules and settings that are new or open more: they may concern any record of the entity.
    fn of_openings(&self) -> Option<Beyond> {
        let (before, after) = (&self.before.rules, &self.after.rules);
        let shared = after.sharing.iter().flat_map(|(entity, facts)| {
            let known = before.sharing.get(entity).map(Vec::as_slice).unwrap_or_default();
            facts.iter().filter(|fact| !known.contains(fact)).map(|fact| (fact.entity.as_str(), fact.level))
        });
        let followed = after.inherited.iter().flat_map(|(entity, facts)| {
            let known = before.inherited.get(entity).map(Vec::as_slice).unwrap_or_default();
            facts.iter().filter(|fact| !known.contains(fact)).map(|fact| (fact.entity.as_str(), fact.level))
        });
        shared.chain(followed).find_map(|(entity, level)| {
            level.actions().iter().find_map(|action| self.of_whole(entity, *action))
        })
    }

    /// What opens records whoever owns them is given by who may do as much to all of them, and sees all of their
    /// fields.
    fn of_whole(&self, entity: &str, action: Action) -> Option<Beyond> {
        let beyond = |field| Beyond { entity: entity.to_owned(), action, level: Level::All, field };
        if !self.holds(entity, action, Level::All) {
            return Some(beyond(None));
        }
        let limits = self.limits.get(&(entity.to_owned(), action))?;
        surplus(&FieldProfile::default(), None, limits, action).map(|field| beyond(Some(field)))
    }

    /// What a rule opens to somebody now that it did not before, unless it opens it to the author too, or the author may
    /// do as much to all records.
    fn of_opened(&self, user: RecordId, known: bool) -> Option<Beyond> {
        let after = self.after.opened_to(user);
        let before = if known { self.before.opened_to(user) } else { BTreeSet::new() };
        let mut gained =
            after.into_iter().filter(|opened| !before.contains(opened) && !self.opened.contains(opened));
        gained.find_map(|(entity, action, _)| self.of_whole(entity, action))
    }

    /// Records that follow from what somebody comes to reach are not the author's to give where the author does not
    /// follow them too.
    fn follows_beyond(&self, (entity, action): (&str, Action), has: &Rights) -> bool {
        self.after.inherited().any(|fact| {
            let follows = fact.parent == entity && ShareLevel::needed_for(action) <= Some(fact.level);
            let child = (fact.entity.clone(), action);
            let own = self.own.get(&child).is_some_and(|own| own.denied == Level::None);
            follows && ShareLevel::needed_for(action).is_some() && has.contains_key(&child) && !own
        })
    }

    fn have_same_grants(&self, user: RecordId) -> bool {
        let (before, after) = (&self.before.rules.grants, &self.after.rules.grants);
        let waiting = self.after.waiting(user).iter().map(|waiting| &waiting.role);
        self.after.roles_of(user).iter().chain(waiting).all(|role| before.get(role) == after.get(role))
    }

    /// Whose records somebody reaches at the levels that follow lines of the organisation.
    fn reaches(&self, user: &UserFact, known: bool) -> Reaches {
        let levels = [Level::Own, Level::OwnAndSubordinates, Level::Unit, Level::UnitAndChildren];
        let reach = |(level, action)| {
            let before = match known {
                true => self.before.compile_reach(user.id, level, action),
                false => Reach::default(),
            };
            ((level, sees_pools(action)), (before, self.after.compile_reach(user.id, level, action)))
        };
        let actions = [Action::Read, Action::Update];
        levels.into_iter().flat_map(|level| actions.map(|action| (level, action))).map(reach).collect()
    }

    /// What somebody has that goes beyond what they had and beyond what the author has.
    fn of_user(&self, user: &UserFact, has: &Rights, had: &Rights, reaches: &Reaches) -> Option<Beyond> {
        has.iter().find_map(|((entity, action), right)| {
            let before = had.get(&(entity.clone(), *action));
            let beyond =
                |field| Beyond { entity: entity.clone(), action: *action, level: right.allowed, field };
            let place = (right.denied, sees_pools(*action));
            let freed = reaches.get(&place).is_some_and(|(before, after)| before != after);
            let rises =
                before.is_none_or(|had| right.allowed > had.allowed || right.denied < had.denied || freed);
            let given =
                self.holds(entity, *action, right.allowed) && !self.follows_beyond((entity, *action), has);
            if rises && !given || !self.is_near(user, rises) {
                return Some(beyond(None));
            }
            if !self.reaches_gains((entity, *action), user.id, (right, before), reaches) {
                return Some(beyond(None));
            }
            let field = self.field_beyond(user.id, (entity, *action), (right, before));
            field.map(|field| beyond(Some(field)))
        })
    }

    /// Who works in a partition gives nothing to anybody beyond it.
    fn is_near(&self, user: &UserFact, rises: bool) -> bool {
        let own = self.before.partition_of(self.author);
        !rises || own == Some(0) || own == Some(user.partition)
    }

    /// Whether the author reaches those whose records somebody comes to reach.
    fn reaches_gains(
        &self,
        (entity, action): (&str, Action),
        user: RecordId,
        (right, before): (&Right, Option<&Right>),
        reaches: &Reaches,
    ) -> bool {
        let pools = sees_pools(action);
        let Some((_, after)) = reaches.get(&(right.allowed, pools)) else { return true };
        let had = |reached: &dyn Fn(&Reach) -> bool| match before.map(|had| had.allowed) {
            None => false,
            Some(Level::All) => true,
            Some(level) => reaches.get(&(level, pools)).is_some_and(|(before, _)| reached(before)),
        };
        let owners = after.owners.iter().copied();
        let owners: Vec<RecordId> =
            owners.filter(|owner| !had(&|reach| reach.owners.contains(owner))).collect();
        let units = after.units.iter().copied();
        let units: Vec<RecordId> = units.filter(|unit| !had(&|reach| reach.units.contains(unit))).collect();
        if owners.is_empty() && units.is_empty() {
            return true;
        }
        let own = self.own.get(&(entity.to_owned(), action));
        let Some(own) = own.filter(|own| own.denied == Level::None) else { return false };
        let reach = self.before.reach(self.author, own.allowed, action);
        if reach.all {
            return true;
        }
        let people = &self.before.people;
        let in_unit =
            |owner: RecordId| self.before.unit_of(owner).is_some_and(|unit| reach.units.contains(&unit));
        // Whoever and whatever is new opens nothing that was there before.
        owners.iter().all(|owner| {
            *owner == user
                || !(people.users.contains_key(owner) || people.pools.contains_key(owner))
                || reach.owners.contains(owner)
                || in_unit(*owner)
        }) && units.iter().all(|unit| reach.units.contains(unit) || !people.units.contains(unit))
    }

    /// A field of which somebody comes to see, or to set, more than before and more than the author.
    fn field_beyond(
        &self,
        user: RecordId,
        (entity, action): (&str, Action),
        (right, before): (&Right, Option<&Right>),
    ) -> Option<FieldId> {
        let limits = self.limits.get(&(entity.to_owned(), action))?;
        let rings = [Level::Own, Level::OwnAndSubordinates, Level::Unit, Level::UnitAndChildren, Level::All];
        rings.into_iter().filter(|level| *level <= right.allowed).find_map(|level| {
            let has = self.after.profile(user, entity, action, level);
            let had = before.filter(|had| level <= had.allowed);
            let had = had.map(|_| self.before.profile(user, entity, action, level));
            surplus(&has, had.as_ref(), limits, action)
        })
    }
}

/// The grants of one list that another one has not.
fn lacking<'g>(list: &'g [GrantFact], other: &'g [GrantFact]) -> impl Iterator<Item = &'g GrantFact> {
    list.iter().filter(move |grant| !other.contains(grant))
}

/// How much a profile shows of a field, nothing being 0.
fn shows(profile: &FieldProfile, field: FieldId) -> u8 {
    match field {
        field if profile.hidden.contains(&field) => 0,
        field if profile.masked.contains(&field) => 1,
        field if profile.masked_in_lists.contains(&field) => 2,
        _ => 3,
    }
}

/// A field of which a profile shows more, or lets more be set, than it did before and than its author's limits allow.
fn surplus(
    has: &FieldProfile,
    had: Option<&FieldProfile>,
    limits: &FieldProfile,
    action: Action,
) -> Option<FieldId> {
    // Of what is not seen nothing is set either, so that is compared for reading alone.
    let sees = |field: &FieldId| {
        let most = had.map_or(0, |had| shows(had, *field)).max(shows(limits, *field));
        action == Action::Read && shows(has, *field) > most
    };
    let sets = |field: &FieldId| {
        !has.read_only.contains(field) && had.is_none_or(|had| had.read_only.contains(field))
    };
    limits.unset().find(sees).or_else(|| limits.read_only.iter().copied().find(sets))
}
