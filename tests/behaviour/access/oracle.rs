//! The oracle of access: each question answered for one record by walking the lines of the plan upwards.
//!
//! The engine compiles sets from the top down; nothing here does, so that both cannot err alike.

use guanxi::Code;
use guanxi::engine::{Action, Level, ShareLevel};

use super::organisation::{ENTITIES, FIELD, Given, Grant, Plan, Shown, With};

/// Answers questions about one plan: about users as themselves, or about what whoever stands in for them may do.
pub struct Oracle<'a> {
    pub plan: &'a Plan,
    /// The entities that a delegation is about; all of them if nothing is said.
    about: Option<Vec<&'static str>>,
}

/// Whose a record is, and the unit in which it was made.
#[derive(Clone, Copy)]
struct Belonging {
    owner: usize,
    unit: Option<usize>,
    partition: Option<usize>,
}

/// Whether `node` is `root`, or comes to it on its way up.
fn is_under(node: usize, root: usize, above: impl Fn(usize) -> Option<usize>, most: usize) -> bool {
    let mut here = Some(node);
    for _ in 0..=most {
        match here {
            Some(found) if found == root => return true,
            Some(found) => here = above(found),
            None => return false,
        }
    }
    false
}

impl<'a> Oracle<'a> {
    pub fn new(plan: &'a Plan) -> Self {
        Self { plan, about: None }
    }

    /// Those for whom a user stands in now, each with an oracle of what the user may do for them.
    pub fn stood_in_for(&self, delegate: usize) -> Vec<(usize, Self)> {
        let users = &self.plan.users;
        let mut found = Vec::new();
        for delegator in (0..users.len()).filter(|delegator| *delegator != delegate) {
            let near = users[delegator].partition == users[delegate].partition;
            let holding: Vec<_> = self
                .plan
                .stand_ins
                .iter()
                .filter(|said| {
                    near && users[delegator].active
                        && (said.delegator, said.delegate) == (delegator, delegate)
                        && said.term.holds()
                })
                .collect();
            if !holding.is_empty() {
                let named: Option<Vec<&'static str>> = holding.iter().map(|said| said.entity).collect();
                found.push((delegator, Self { plan: self.plan, about: named }));
            }
        }
        found
    }

    /// What a user sees of the number of employees of an account that the user sees.
    pub fn shown(&self, user: usize, record: usize) -> Shown {
        let thing = &self.plan.records[record];
        let what = self.belonging(record);
        let reads = || self.readings(user, thing.entity);
        let reaching: Vec<&Grant> =
            reads().filter(|grant| self.reaches_at(user, grant.level, what)).collect();
        let counting = if reaching.is_empty() { self.widest(user, thing.entity) } else { reaching };
        self.least_forbidden(user, thing.entity, counting.iter().map(|grant| grant.shows).max())
    }

    /// What a user may ask by the number of employees: whoever does not see it in all records asks in vain.
    pub fn asked_by_field(&self, user: usize, entity: &str) -> Option<Code> {
        let of_all = self.widest(user, entity).iter().map(|grant| grant.shows).max();
        let of_some = self.readings(user, entity).map(|grant| grant.shows).max();
        match (self.least_forbidden(user, entity, of_all), self.least_forbidden(user, entity, of_some)) {
            (Shown::Value, _) => None,
            (_, Shown::Nothing) => Some(Code::UnknownField),
            _ => Some(Code::FieldNotPermitted),
        }
    }

    /// The grants by which a user reads anything of an entity.
    fn readings<'s>(&'s self, user: usize, entity: &'s str) -> impl Iterator<Item = &'s Grant> {
        self.grants(user, entity, Action::Read).filter(|grant| !grant.deny && grant.level != Level::None)
    }

    fn widest<'s>(&'s self, user: usize, entity: &'s str) -> Vec<&'s Grant> {
        let most = self.readings(user, entity).map(|grant| grant.level).max();
        self.readings(user, entity).filter(|grant| Some(grant.level) == most).collect()
    }

    fn least_forbidden(&self, user: usize, entity: &str, shown: Option<Shown>) -> Shown {
        let forbidding = self.grants(user, entity, Action::Read).filter(|grant| grant.deny);
        let least = forbidding.map(|grant| grant.shows).min().unwrap_or(Shown::Value);
        shown.unwrap_or(Shown::Value).min(least)
    }

    /// The level at which a user may do an action on an entity.
    pub fn level(&self, user: usize, entity: &str, action: Action) -> Level {
        let allowing = self.grants(user, entity, action).filter(|grant| !grant.deny);
        let most = allowing.map(|grant| grant.level).max().unwrap_or(Level::None);
        if self.may(user, entity, action) { most } else { Level::None }
    }

    /// The records of an entity that a user sees; none where no grant lets the user read at all.
    pub fn visible(&self, user: usize, entity: &str) -> Option<Vec<usize>> {
        self.may(user, entity, Action::Read).then(|| {
            let all = self.plan.records.iter().enumerate().filter(|(_, record)| record.entity == entity);
            let seen = all.filter(|(number, _)| self.reaches(user, *number, Action::Read));
            seen.map(|(number, _)| number).collect()
        })
    }

    /// The refusal of a change or deletion; none where it is permitted.
    pub fn change(&self, user: usize, record: usize, action: Action) -> Option<Code> {
        self.unseen(user, record).or_else(|| {
            let allowed = self.reaches(user, record, action);
            (!allowed).then_some(Code::NotPermitted)
        })
    }

    /// The refusal to set a field of a record.
    pub fn setting(&self, user: usize, record: usize, field: &str) -> Option<Code> {
        let refused = self.change(user, record, Action::Update);
        refused.or_else(|| (!self.sets(user, record, field)).then_some(Code::FieldNotPermitted))
    }

    /// Whether somebody who may change a record may set a field of it: the grants to change it that reach it decide, or
    /// the widest ones where none does; and nobody sets what they do not see as it is.
    pub fn sets(&self, user: usize, record: usize, field: &str) -> bool {
        let entity = self.plan.records[record].entity;
        let what = self.belonging(record);
        let changing = || self.grants(user, entity, Action::Update);
        let allowing = || changing().filter(|grant| !grant.deny && grant.level != Level::None);
        let reaching: Vec<&Grant> =
            allowing().filter(|grant| self.reaches_at(user, grant.level, what)).collect();
        let most = allowing().map(|grant| grant.level).max();
        let widest = || allowing().filter(|grant| Some(grant.level) == most).collect();
        let counting: Vec<&Grant> = if reaching.is_empty() { widest() } else { reaching };
        let leaves = |grant: &Grant| grant.only.is_some_and(|only| only != field);
        let seen = field != FIELD || entity != ENTITIES[0] || self.shown(user, record) == Shown::Value;
        seen && counting.iter().any(|grant| !leaves(grant))
            && !changing().any(|grant| grant.deny && leaves(grant))
    }

    /// The refusal to give a record to another owner.
    pub fn assignment(&self, user: usize, record: usize, owner: usize) -> Option<Code> {
        let thing = &self.plan.records[record];
        let refused = self.change(user, record, Action::Update);
        if thing.owner == owner || self.unseen(user, record).is_some() {
            return refused;
        }
        let after = self.belonging_of(owner);
        if !self.may(user, thing.entity, Action::Update) {
            return refused;
        }
        // Beyond the partition nobody is known, and nobody owns anything anew who may not sign in.
        if after.partition != self.plan.users[user].partition || !self.plan.users[owner].active {
            return Some(Code::ReferenceMissing);
        }
        if refused.is_some() {
            return refused;
        }
        // Who has a record by a share has it whoever owns it, but for what is forbidden.
        let allowed = self.reaches(user, record, Action::Assign)
            && self.reaches_it(user, record, Action::Assign, after);
        (!allowed).then_some(Code::NotPermitted)
    }

    /// The refusal to make a record for an owner.
    pub fn creation(&self, user: usize, entity: &str, owner: usize) -> Option<Code> {
        let what = self.belonging_of(owner);
        let known = what.partition == self.plan.users[user].partition && self.plan.users[owner].active;
        if self.may(user, entity, Action::Create) && !known {
            return Some(Code::ReferenceMissing);
        }
        let allowed = self.reaches_what(user, entity, Action::Create, what);
        (!allowed).then_some(Code::NotPermitted)
    }

    fn unseen(&self, user: usize, record: usize) -> Option<Code> {
        if !self.may(user, self.plan.records[record].entity, Action::Read) {
            return Some(Code::NotPermitted);
        }
        (!self.reaches(user, record, Action::Read)).then_some(Code::RecordNotFound)
    }

    fn belonging_of(&self, owner: usize) -> Belonging {
        let person = &self.plan.users[owner];
        Belonging { owner, unit: person.unit, partition: person.partition }
    }

    pub fn may(&self, user: usize, entity: &str, action: Action) -> bool {
        if self.about.as_ref().is_some_and(|about| !about.contains(&entity)) {
            return false;
        }
        let any_level =
            self.grants(user, entity, action).any(|grant| !grant.deny && grant.level != Level::None);
        let forbids_all = |grant: &Grant| grant.denies_records() && grant.level == Level::All;
        any_level && !self.grants(user, entity, action).any(forbids_all)
    }

    fn belonging(&self, record: usize) -> Belonging {
        let thing = &self.plan.records[record];
        Belonging { unit: thing.unit, ..self.belonging_of(thing.owner) }
    }

    pub fn reaches(&self, user: usize, record: usize, action: Action) -> bool {
        self.reaches_it(user, record, action, self.belonging(record))
    }

    /// A record that belongs somewhere is reached by grants, or because it is shared. A share opens a record to who
    /// has the action on some, and nothing that a grant forbids, and nothing beyond the partition.
    fn reaches_it(&self, user: usize, record: usize, action: Action, what: Belonging) -> bool {
        let entity = self.plan.records[record].entity;
        let forbidden = || {
            let mut denials = self.grants(user, entity, action).filter(|grant| grant.denies_records());
            denials.any(|grant| self.reaches_at(user, grant.level, what))
        };
        let near = self.plan.users[user].partition == what.partition;
        let shared = near && self.may(user, entity, action) && self.has_share(user, record, action);
        let follows = || near && self.may(user, entity, action) && self.follows(user, record, action);
        self.reaches_what(user, entity, action, what) || (shared || follows()) && !forbidden()
    }

    /// Whether somebody may read the account of a contact and do as much to it, whatever lets them.
    fn follows(&self, user: usize, record: usize, action: Action) -> bool {
        let needed = match action {
            Action::Read => ShareLevel::Read,
            Action::Update => ShareLevel::Edit,
            Action::Delete | Action::Assign => ShareLevel::Full,
            _ => return false,
        };
        let account = self.plan.records[record].account.filter(|_| self.plan.follows >= Some(needed));
        // What a delegation is about are the records that are asked for.
        let whole = Self { plan: self.plan, about: None };
        account.is_some_and(|account| {
            [Action::Read, action].into_iter().all(|action| whole.reaches(user, account, action))
        })
    }

    fn has_share(&self, user: usize, record: usize, action: Action) -> bool {
        let gives = |given: &Given| match action {
            Action::Read => true,
            Action::Update => given.level != ShareLevel::Read,
            Action::Delete | Action::Assign => given.level == ShareLevel::Full,
            _ => false,
        };
        let shares = &self.plan.shares;
        let stands = |place: usize, given: &Given| {
            let mut later = shares.iter().skip(place + 1);
            let replaced = later.any(|other| (other.record, other.with) == (given.record, given.with));
            !replaced && given.term.holds()
        };
        let mine = |given: &Given| match given.with {
            With::User(other) => other == user,
            With::Team(team) => self.plan.teams[team].members.contains(&user),
        };
        let mut all = shares.iter().enumerate();
        all.any(|(place, given)| {
            given.record == record && mine(given) && gives(given) && stands(place, given)
        })
    }

    /// The union of all grants of all roles, but for what any of them forbids and what is of another partition.
    fn reaches_what(&self, user: usize, entity: &str, action: Action, what: Belonging) -> bool {
        let reaches = |grant: &&Grant| self.reaches_at(user, grant.level, what);
        let grants = || self.grants(user, entity, action).filter(reaches);
        let about = self.about.as_ref().is_none_or(|about| about.contains(&entity));
        let near = self.plan.users[user].partition == what.partition;
        about && near && grants().any(|grant| !grant.deny) && !grants().any(Grant::denies_records)
    }

    fn grants<'s>(&'s self, user: usize, entity: &'s str, action: Action) -> impl Iterator<Item = &'s Grant> {
        let teams = self.plan.teams.iter().filter(move |team| team.members.contains(&user));
        let roles = self.plan.users[user].roles.iter().chain(teams.flat_map(|team| &team.roles));
        let grants = roles.flat_map(|role| &self.plan.roles[*role]);
        grants.filter(move |grant| grant.action == action && (grant.entity == "*" || grant.entity == entity))
    }

    fn reaches_at(&self, user: usize, level: Level, what: Belonging) -> bool {
        let own = what.owner == user;
        let superior = |user: usize| self.plan.users[user].reports_to;
        let below = own || is_under(what.owner, user, superior, self.plan.users.len());
        let unit = self.plan.users[user].unit;
        let in_unit = below || (unit.is_some() && what.unit == unit);
        match level {
            Level::None => false,
            Level::Own => own,
            Level::OwnAndSubordinates => below,
            Level::Unit => in_unit,
            Level::UnitAndChildren => {
                let above = |unit: usize| self.plan.units[unit];
                let under = unit
                    .zip(what.unit)
                    .is_some_and(|(mine, other)| is_under(other, mine, above, self.plan.units.len()));
                in_unit || under
            }
            Level::All => true,
        }
    }
}
