//! The policy of one epoch: the facts of the organisation, compiled, and the one place that decides.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::access::class::ClassTable;
use crate::access::delegating::Acting;
use crate::access::permit::{FieldProfile, Fields, Marked, Partitions, Reach, Scope};
use crate::access::pools::{PoolCover, PoolFact, sees_pools};
use crate::access::{
    AccessClass, Action, ActionKind, ClassId, Delegation, DelegationFact, Effect, InheritedFact, Level,
    Numbered, Permit, PluginAccount, PositionHolder, PrivilegeRequest, RIGHTS_REQUESTS, RecordShare,
    RoleAssignment, Sharee, Shares, SharingFact, TeamMember, User,
};
use crate::base::{Code, EntityId, Error, FieldId, RecordId, Result};
use crate::schema::EntityType;

/// Steps from a field to what it follows from, after which it is hidden rather than looked into.
const MAX_STEPS: usize = 16;
/// Rulings that a policy keeps, by principal and action; beyond them it begins anew.
const MAX_RULINGS: usize = 4_096;

/// A user as the policy sees one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFact {
    /// The user.
    pub id: RecordId,
    /// Whether the user may act.
    pub active: bool,
    /// The unit.
    pub unit: Option<RecordId>,
    /// The superior.
    pub reports_to: Option<RecordId>,
    /// The partition, by number; 0 is the organisation's own.
    pub partition: u32,
    /// Whether it is a program.
    pub service: bool,
}

/// A unit as the policy sees one.
#[derive(Debug, Clone)]
pub struct UnitFact {
    /// The unit.
    pub id: RecordId,
    /// The unit above.
    pub parent: Option<RecordId>,
}

/// A grant as the policy sees one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantFact {
    /// The grant's record.
    pub id: RecordId,
    /// The role.
    pub role: RecordId,
    /// The entity by API name, or `*`.
    pub entity: String,
    /// The action.
    pub action: Action,
    /// The level.
    pub level: Level,
    /// Whether it allows or forbids.
    pub effect: Effect,
    /// Fields that this grant does not show, by number. One that forbids and names some forbids these alone.
    pub hidden: BTreeSet<FieldId>,
    /// Fields of which it shows masks.
    pub masked: BTreeSet<FieldId>,
    /// Fields of which it shows masks in lists.
    pub masked_in_lists: BTreeSet<FieldId>,
    /// Fields that it leaves as they are.
    pub read_only: BTreeSet<FieldId>,
    /// Whether it names the only fields that it shows or lets be set, be it that none is left out of them today.
    pub lists_fields: bool,
}

impl GrantFact {
    /// Whether it speaks of fields alone, where it forbids. One that names all fields as the only ones forbids none of them,
    /// and those alone that come to be later.
    pub(super) fn is_of_fields(&self) -> bool {
        let all = [&self.hidden, &self.masked, &self.masked_in_lists, &self.read_only];
        self.lists_fields || all.iter().any(|fields| !fields.is_empty())
    }

    /// How much of a field it shows.
    pub(super) fn shows(&self, field: FieldId) -> Shown {
        match field {
            field if self.hidden.contains(&field) => Shown::Nothing,
            field if self.masked.contains(&field) => Shown::Masks,
            field if self.masked_in_lists.contains(&field) => Shown::MasksInLists,
            _ => Shown::Values,
        }
    }

    /// Whether it speaks of an entity. `*` is every entity but the organisation's own, which are granted by name or
    /// by `sys.*`, so that no wildcard hands out administration.
    pub(super) fn is_of(&self, entity: &str) -> bool {
        let system = entity.starts_with("sys.");
        match self.entity.as_str() {
            "*" => !system,
            "sys.*" => system,
            named => named == entity,
        }
    }
}

/// How much is shown of a field, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shown {
    Nothing,
    Masks,
    MasksInLists,
    Values,
}

/// A field whose values follow from fields of other records. Whoever does not see all of these does not see it.
#[derive(Debug, Clone)]
pub struct FollowingFact {
    /// The entity of the field, by API name.
    pub entity: String,
    /// The field.
    pub field: FieldId,
    /// Entities by API name, and those of their fields that it follows from.
    pub sources: Vec<(String, BTreeSet<FieldId>)>,
}

/// Who there is, and who has which role: what changes with the organisation alone.
#[derive(Debug, Default)]
pub struct People {
    pub(super) users: BTreeMap<RecordId, UserFact>,
    pub(super) reports: BTreeMap<RecordId, Vec<RecordId>>,
    pub(super) children: BTreeMap<RecordId, Vec<RecordId>>,
    /// The roles of each user, those of the user's teams among them, each once.
    pub(super) roles: BTreeMap<RecordId, Vec<RecordId>>,
    /// The teams by which a user has roles that nobody assigned to that user: by user and role.
    pub(super) by_team: BTreeMap<(RecordId, RecordId), RecordId>,
    /// The positions by which a user has roles by nothing else: by user and role.
    pub(super) by_position: BTreeMap<(RecordId, RecordId), RecordId>,
    /// The roles of each position.
    pub(super) position_roles: BTreeMap<RecordId, Vec<RecordId>>,
    /// The roles of each team.
    pub(super) team_roles: BTreeMap<RecordId, Vec<RecordId>>,
    /// The teams of each user.
    pub(super) teams: BTreeMap<RecordId, Vec<RecordId>>,
    pub(super) units: BTreeSet<RecordId>,
    pub(super) parents: BTreeMap<RecordId, RecordId>,
    /// Who may act for others, and by what.
    pub(super) delegations: BTreeMap<RecordId, Vec<DelegationFact>>,
    /// The roles of each user that count for nothing yet.
    pub(super) waiting: BTreeMap<RecordId, Vec<WaitingRole>>,
    /// The pools that own records.
    pub(super) pools: BTreeMap<RecordId, PoolFact>,
    /// Whether anybody works in a partition of their own.
    divided: bool,
}

/// A role that somebody was assigned, and that counts for nothing until a guide is done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WaitingRole {
    /// The role.
    pub role: RecordId,
    /// The guide, by its name.
    pub guide: String,
}

/// Who belongs to which team, and what teams have.
#[derive(Debug, Default)]
pub struct TeamFacts {
    /// Pairs of a team and a user who belongs to it.
    pub members: Vec<(RecordId, RecordId)>,
    /// Pairs of a team and a role that it has.
    pub roles: Vec<(RecordId, RecordId)>,
}

impl People {
    /// Users, units, pairs of a user and a role, and teams.
    #[must_use]
    pub fn new(
        users: Vec<UserFact>,
        units: Vec<UnitFact>,
        assignments: Vec<(RecordId, RecordId)>,
        teams: &TeamFacts,
    ) -> Self {
        let mut people = Self::default();
        for user in users {
            if let Some(superior) = user.reports_to {
                people.reports.entry(superior).or_default().push(user.id);
            }
            people.divided |= user.partition != 0;
            people.users.insert(user.id, user);
        }
        for unit in units {
            people.units.insert(unit.id);
            if let Some(parent) = unit.parent {
                people.parents.insert(unit.id, parent);
                people.children.entry(parent).or_default().push(unit.id);
            }
        }
        for (user, role) in assignments {
            people.roles.entry(user).or_default().push(role);
        }
        people.gather(teams);
        people
    }

    /// The same people, of whom some have roles that count for nothing yet.
    #[must_use]
    pub fn with_waiting(mut self, waiting: Vec<(RecordId, WaitingRole)>) -> Self {
        for (user, role) in waiting {
            self.waiting.entry(user).or_default().push(role);
        }
        self
    }

    /// The same people, of whom some may act for others.
    #[must_use]
    pub fn with_delegations(mut self, delegations: Vec<DelegationFact>) -> Self {
        for fact in delegations {
            self.delegations.entry(fact.delegate).or_default().push(fact);
        }
        self
    }

    /// The same people, with pools that own records.
    #[must_use]
    pub fn with_pools(mut self, pools: Vec<PoolFact>) -> Self {
        self.pools = pools.into_iter().map(|pool| (pool.id, pool)).collect();
        self
    }

    /// Gives members the roles of their teams.
    fn gather(&mut self, teams: &TeamFacts) {
        let mut roles: BTreeMap<RecordId, Vec<RecordId>> = BTreeMap::new();
        for (team, role) in &teams.roles {
            roles.entry(*team).or_default().push(*role);
        }
        for (team, user) in &teams.members {
            let own = self.teams.entry(*user).or_default();
            if own.contains(team) {
                continue;
            }
            own.push(*team);
            let known = self.roles.entry(*user).or_default();
            for role in roles.get(team).into_iter().flatten() {
                if !known.contains(role) {
                    known.push(*role);
                    self.by_team.insert((*user, *role), *team);
                }
            }
        }
        self.team_roles = roles;
    }
}

/// What roles grant, in the fields and entities of one version of the registry.
#[derive(Debug, Default)]
pub struct Rules {
    pub(super) grants: BTreeMap<RecordId, Vec<GrantFact>>,
    following: BTreeMap<String, Vec<FollowingFact>>,
    off: BTreeSet<String>,
    /// Sharing rules that are switched on, by entity.
    pub(super) sharing: BTreeMap<String, Vec<SharingFact>>,
    /// Settings that are switched on, by the entity whose records follow.
    pub(super) inherited: BTreeMap<String, Vec<InheritedFact>>,
    /// What pools hide of their records, where they hide anything.
    pub(super) covers: BTreeMap<RecordId, PoolCover>,
}

impl Rules {
    /// Grants of all roles, fields that follow from other records, and the entities that nobody reaches, because
    /// their module is off, by API name.
    #[must_use]
    pub fn new(grants: Vec<GrantFact>, following: Vec<FollowingFact>, off: BTreeSet<String>) -> Self {
        let mut rules = Self { off, ..Self::default() };
        for grant in grants {
            rules.grants.entry(grant.role).or_default().push(grant);
        }
        for fact in following {
            rules.following.entry(fact.entity.clone()).or_default().push(fact);
        }
        rules
    }

    /// The same, with what pools hide of their records.
    #[must_use]
    pub fn covering(mut self, covers: impl IntoIterator<Item = (RecordId, PoolCover)>) -> Self {
        self.covers.extend(covers.into_iter().filter(|(_, cover)| *cover != PoolCover::default()));
        self
    }

    /// The same, with what opens records beside roles.
    #[must_use]
    pub fn opening(mut self, sharing: Vec<SharingFact>, inherited: Vec<InheritedFact>) -> Self {
        for fact in sharing {
            self.sharing.entry(fact.entity.clone()).or_default().push(fact);
        }
        for fact in inherited {
            self.inherited.entry(fact.entity.clone()).or_default().push(fact);
        }
        self
    }
}

/// The compiled policy. A copy costs little: it has the same facts, and remembers the same decisions.
#[derive(Debug, Default, Clone)]
pub struct Policy {
    epoch: u64,
    pub(super) people: Arc<People>,
    pub(super) rules: Arc<Rules>,
    classes: Arc<ClassTable>,
    decided: Arc<Decided>,
    /// What is shared singly with those who are decided about. Of others it knows of none.
    shares: BTreeMap<RecordId, Arc<Shares>>,
    /// Who has the rights of another one.
    pub(super) acting: Option<Acting>,
}

/// What was decided before, by roles alone. The facts do not change, so neither does a decision.
#[derive(Debug, Default)]
struct Decided {
    rulings: RwLock<Rulings>,
    /// Whose records each level reaches, by principal.
    reaches: RwLock<HashMap<(RecordId, Level, bool), Arc<Reach>>>,
    /// What is left of that, with the level that is forbidden and the partitions.
    scopes: RwLock<HashMap<ScopeKey, Scope>>,
    everything: OnceLock<Scope>,
}

/// Who, what is allowed and what forbidden, the partitions, whether pools are seen, and whether the restricted is hidden.
type ScopeKey = (RecordId, Level, Level, Partitions, bool, bool);

/// By what somebody reaches a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By its class, as roles and rules say.
    Class,
    /// Because it is shared singly.
    Share,
}

/// By principal and action, then by name of the entity.
type Rulings = HashMap<(RecordId, Action), HashMap<String, Ruling>>;

/// What a permit is minted from.
#[derive(Debug, Clone)]
pub(super) struct Ruling {
    pub scope: Scope,
    fields: Arc<Fields>,
}

impl Policy {
    /// The policy of an epoch.
    #[must_use]
    pub fn new(
        epoch: u64,
        people: Arc<People>,
        rules: Arc<Rules>,
        classes: Vec<(ClassId, AccessClass)>,
    ) -> Self {
        Self { epoch, people, rules, classes: Arc::new(ClassTable::new(classes)), ..Self::default() }
    }

    /// The same policy for a transaction that has interned further classes.
    #[must_use]
    pub fn with_classes(&self, further: &[(ClassId, AccessClass)]) -> Self {
        self.of_epoch(self.epoch, further)
    }

    /// The number of an access class, where it is found at once; one that is not may be known all the same.
    #[must_use]
    pub fn number_of_class(&self, class: &AccessClass) -> Option<ClassId> {
        self.classes.number_of(class)
    }

    /// The policy of a later epoch that differs by further classes alone, if by anything.
    #[must_use]
    pub fn of_epoch(&self, epoch: u64, further: &[(ClassId, AccessClass)]) -> Self {
        if further.is_empty() {
            return Self { epoch, ..self.clone() };
        }
        let classes = Arc::new(self.classes.with(further));
        Self { epoch, classes, decided: Arc::default(), ..self.clone() }
    }

    /// The same policy where the registry, and with it the rules, has changed.
    #[must_use]
    pub fn with_rules(&self, rules: Rules) -> Self {
        Self { rules: Arc::new(rules), decided: Arc::default(), ..self.clone() }
    }

    /// The same policy, which knows what is shared singly with somebody.
    #[must_use]
    pub fn with_shares(&self, principal: RecordId, shares: Arc<Shares>) -> Self {
        let mut with = self.clone();
        with.shares.insert(principal, shares);
        with
    }

    /// The same policy where somebody has the rights of another one.
    pub(super) fn with_acting(&self, acting: Acting) -> Self {
        Self { acting: Some(acting), ..self.clone() }
    }

    /// The teams that a user belongs to.
    #[must_use]
    pub fn teams_of(&self, user: RecordId) -> &[RecordId] {
        self.people.teams.get(&user).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether what is shared with a user or a team is with somebody.
    pub(crate) fn is_with(&self, principal: RecordId, with: Sharee) -> bool {
        match with {
            Sharee::User(user) => user == principal,
            Sharee::Team(team) => self.teams_of(principal).contains(&team),
        }
    }

    /// The highest number of a class that it knows.
    #[must_use]
    pub fn newest_class(&self) -> Option<ClassId> {
        self.classes.newest()
    }

    /// The epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether the user exists and is active.
    #[must_use]
    pub fn is_active(&self, user: RecordId) -> bool {
        self.people.users.get(&user).is_some_and(|user| user.active)
    }

    /// Whether the user is a service account.
    #[must_use]
    pub fn is_service(&self, user: RecordId) -> bool {
        self.people.users.get(&user).is_some_and(|user| user.service)
    }

    /// The roles of a user.
    #[must_use]
    pub fn roles_of(&self, user: RecordId) -> &[RecordId] {
        self.people.roles.get(&user).map(Vec::as_slice).unwrap_or_default()
    }

    /// The unit of a user.
    #[must_use]
    pub fn unit_of(&self, user: RecordId) -> Option<RecordId> {
        self.people.users.get(&user).and_then(|user| user.unit)
    }

    /// The unit of a user and those above it, the nearest first.
    #[must_use]
    pub fn units_of(&self, user: RecordId) -> Vec<RecordId> {
        let mut units = Vec::new();
        let mut next = self.unit_of(user);
        while let Some(unit) = next.filter(|unit| !units.contains(unit)) {
            units.push(unit);
            next = self.people.parents.get(&unit).copied();
        }
        units
    }

    /// The partition that a user works in; nothing for somebody whom nobody knows.
    #[must_use]
    pub fn partition_of(&self, user: RecordId) -> Option<u32> {
        self.people.users.get(&user).map(|user| user.partition)
    }

    /// Whether the user may do an action to any record of an entity at all. What an entity is, and what concerns
    /// the organisation as a whole, is the same for everybody in every partition, so only who works in the
    /// organisation's own and reaches everybody's records administers it.
    #[must_use]
    pub fn permits(&self, principal: RecordId, entity: &str, action: Action) -> bool {
        if !self.lets(principal, entity, action) {
            return false;
        }
        let principal = self.subject(principal);
        let level = self.level(principal, entity, action);
        let enough = match action {
            Action::Administer => level == Level::All && self.partition_of(principal) == Some(0),
            _ => level > Level::None,
        };
        self.is_active(principal) && enough
    }

    /// Decides: the permit of a principal for an action on an entity.
    ///
    /// # Errors
    /// `access.session_ended` for a user who is not active, `schema.module_off` for an entity whose module is
    /// off, `access.not_permitted` when no role grants the action; naming entity and action.
    pub fn decide<A: ActionKind>(
        &self,
        principal: RecordId,
        entity: EntityId,
        entity_name: &str,
    ) -> Result<Permit<A>> {
        let ruling = self.ruling(principal, A::ACTION, entity_name)?;
        let shared = self.shared_beside(&ruling.scope, principal, entity, A::ACTION);
        Ok(Permit::mint(entity, Some(principal), self.epoch, (ruling.scope, shared), ruling.fields))
    }

    /// What is shared singly with somebody, beside what roles reach. Who reaches everybody's records, but for what is
    /// forbidden, gains nothing by a share.
    fn shared_beside(
        &self,
        scope: &Scope,
        principal: RecordId,
        entity: EntityId,
        action: Action,
    ) -> Numbered<RecordId> {
        let shares = self.shares.get(&self.subject(principal)).filter(|_| !scope.allowed.all);
        shares.map(|shares| shares.of(entity, action)).unwrap_or_default()
    }

    /// The records of an entity that shares let an action be done to, whatever else holds of them.
    #[must_use]
    pub fn shared(&self, principal: RecordId, entity: EntityId, action: Action) -> Numbered<RecordId> {
        self.shares.get(&principal).map(|shares| shares.of(entity, action)).unwrap_or_default()
    }

    /// The users who belong to a team.
    pub fn members_of(&self, team: RecordId) -> impl Iterator<Item = RecordId> + '_ {
        self.people.teams.iter().filter(move |(_, teams)| teams.contains(&team)).map(|(user, _)| *user)
    }

    /// By what somebody reaches a record by an action; nothing where it is out of reach.
    #[must_use]
    pub fn way_to(
        &self,
        principal: RecordId,
        (entity, name): (EntityId, &str),
        action: Action,
        (record, class): (RecordId, &AccessClass),
    ) -> Option<Way> {
        let scope = self.ruling(principal, action, name).ok()?.scope;
        if scope.contains(class) {
            return Some(Way::Class);
        }
        let shared = self.shared_beside(&scope, principal, entity, action);
        (scope.admits(class) && shared.binary_search(&record).is_ok()).then_some(Way::Share)
    }

    /// Why nobody, or somebody whose roles do not grant it, may do an action on an entity.
    #[must_use]
    pub fn refusal(&self, entity: &str, action: Action) -> Error {
        let code = if self.is_off(entity) { Code::ModuleOff } else { Code::NotPermitted };
        Error::new(code).entity(entity).rule(action.code())
    }

    pub(super) fn is_off(&self, entity: &str) -> bool {
        self.rules.off.contains(entity)
    }

    fn known_ruling(&self, principal: RecordId, action: Action, entity: &str) -> Option<Ruling> {
        let rulings = self.decided.rulings.read().unwrap_or_else(PoisonError::into_inner);
        rulings.get(&(principal, action))?.get(entity).cloned()
    }

    fn ruling(&self, principal: RecordId, action: Action, entity: &str) -> Result<Ruling> {
        if !self.lets(principal, entity, action) {
            return Err(self.refusal(entity, action));
        }
        self.ruled(self.subject(principal), action, entity, 0)
    }

    /// The ruling about somebody's own rights, so many steps beyond the records that it is about.
    pub(super) fn ruled(
        &self,
        principal: RecordId,
        action: Action,
        entity: &str,
        depth: usize,
    ) -> Result<Ruling> {
        match self.known_ruling(principal, action, entity) {
            Some(ruling) => Ok(ruling),
            None => self.rule(principal, action, entity, depth),
        }
    }

    fn rule(&self, principal: RecordId, action: Action, entity: &str, depth: usize) -> Result<Ruling> {
        if !self.is_active(principal) {
            return Err(Error::new(Code::SessionEnded));
        }
        let level = self.level(principal, entity, action);
        if level == Level::None {
            return Err(self.refusal(entity, action));
        }
        let fields = Arc::new(self.fields(principal, entity, action));
        let forbidden = self.stated(principal, entity, action, Effect::Deny);
        let partitions = self.partitions(principal, entity, action);
        let scope = self.scope(principal, (level, forbidden), partitions, action);
        let marked = Some(()).filter(|()| level < Level::All);
        let marked = marked.and_then(|()| self.marked(principal, entity, action, depth));
        let scope = marked.map_or_else(|| scope.clone(), |marked| self.widened(&scope, marked));
        let ruling = Ruling { scope, fields };
        let mut rulings = self.decided.rulings.write().unwrap_or_else(PoisonError::into_inner);
        if rulings.len() >= MAX_RULINGS {
            rulings.clear();
        }
        rulings.entry((principal, action)).or_default().insert(entity.to_owned(), ruling.clone());
        Ok(ruling)
    }

    /// The classes whose records somebody reaches by an action, rising.
    #[must_use]
    pub fn reached(
        &self,
        principal: RecordId,
        entity: &str,
        action: Action,
    ) -> Numbered<(ClassId, AccessClass)> {
        self.ruling(principal, action, entity)
            .map_or_else(|_| Numbered::default(), |ruling| ruling.scope.classes)
    }

    /// The level at which somebody may do an action now; none for whoever may not sign in.
    #[must_use]
    pub fn effective(&self, principal: RecordId, entity: &str, action: Action) -> Level {
        match self.is_active(principal) {
            true => self.level(principal, entity, action),
            false => Level::None,
        }
    }

    /// Whether somebody handles requests of people for rights of theirs, all of those of the partition: who does, reaches
    /// the records of people whose processing is restricted as any other, and nobody else does.
    #[must_use]
    pub fn handles_requests(&self, principal: RecordId) -> bool {
        let all = |action| self.effective(principal, RIGHTS_REQUESTS, action) == Level::All;
        all(Action::Read) && all(Action::Update)
    }

    /// THE BOOTSTRAP PERMIT: everything of an entity, for the engine itself, which must read the
    /// policy's own facts before there is a policy, and verifies what nobody may see as a whole.
    #[must_use]
    pub(crate) fn bootstrap<A: ActionKind>(&self, entity: EntityId) -> Permit<A> {
        Permit::mint(entity, None, self.epoch, (self.everything(), Numbered::default()), Arc::default())
    }

    /// The same for records of one owner in one partition.
    #[must_use]
    pub(crate) fn bootstrap_of<A: ActionKind>(
        &self,
        entity: EntityId,
        (owner, partition): (RecordId, u32),
    ) -> Permit<A> {
        let mut classes = self.classes.of(&[owner].into(), &BTreeSet::new(), &[]);
        classes.retain(|(_, class)| class.partition == partition);
        self.bootstrap(entity).narrowed(&classes)
    }

    /// The same for records of one owner, whatever their partition.
    #[must_use]
    pub(crate) fn bootstrap_of_owner<A: ActionKind>(&self, entity: EntityId, owner: RecordId) -> Permit<A> {
        self.bootstrap(entity).narrowed(&self.classes.of(&[owner].into(), &BTreeSet::new(), &[]))
    }

    /// The level of a principal. Nobody has one on an entity whose module is off, nor where everybody's records
    /// are forbidden.
    fn level(&self, principal: RecordId, entity: &str, action: Action) -> Level {
        if self.is_off(entity) || self.stated(principal, entity, action, Effect::Deny) == Level::All {
            return Level::None;
        }
        self.stated(principal, entity, action, Effect::Allow)
    }

    /// The highest level at which grants to a principal have an effect on records.
    pub(super) fn stated(&self, principal: RecordId, entity: &str, action: Action, effect: Effect) -> Level {
        let states = |grant: &&GrantFact| {
            let of_records = effect == Effect::Allow || !grant.is_of_fields();
            grant.action == action && grant.effect == effect && of_records
        };
        self.grants_of(principal, entity).filter(states).map(|grant| grant.level).max().unwrap_or(Level::None)
    }

    /// The partitions that a principal's records may be of. People, what they are assigned and what is shared with
    /// them belong to the partition that they work in; the organisation's other facts are its own, which all
    /// partitions read. Who works in the organisation's own partition keeps the people of all of them.
    pub(super) fn partitions(&self, principal: RecordId, entity: &str, action: Action) -> Partitions {
        let own = self.partition_of(principal).unwrap_or(u32::MAX);
        let system = entity.starts_with("sys.");
        let of_people = [
            User::NAME,
            RoleAssignment::NAME,
            TeamMember::NAME,
            RecordShare::NAME,
            Delegation::NAME,
            PositionHolder::NAME,
            PluginAccount::NAME,
            PrivilegeRequest::NAME,
        ];
        let of_people = of_people.contains(&entity);
        match own {
            _ if !self.people.divided => Partitions::All,
            0 if system => Partitions::All,
            _ if system && !of_people && action == Action::Read => Partitions::OneAndOwn(own),
            _ => Partitions::One(own),
        }
    }

    /// What a principal sees of the fields of an entity, and may set by an action: of each record by the grants that
    /// reach it.
    fn fields(&self, principal: RecordId, entity: &str, action: Action) -> Fields {
        let levels = self.rings(principal, entity, action);
        let mut fields =
            Fields { outermost: self.profile(principal, entity, action, Level::All), ..Fields::default() };
        for level in levels.into_iter().rev() {
            let profile = self.profile(principal, entity, action, level);
            let outer = fields.rings.last().map_or(&fields.outermost, |(_, outer)| outer);
            if profile != *outer {
                fields.rings.push((self.reach(principal, level, action), profile));
            }
        }
        fields.rings.reverse();
        fields.pools = self.covered(principal, entity, &fields);
        fields
    }

    /// The fields that a principal may not set in records of a class by an action to create or to change, though it is
    /// granted: those that are left as they are, and those that the principal does not see as they are.
    #[must_use]
    pub fn unset_in(
        &self,
        principal: RecordId,
        entity: &str,
        action: Action,
        class: &AccessClass,
    ) -> BTreeSet<FieldId> {
        self.fields(principal, entity, action).of(class).unset().collect()
    }

    /// The levels at which a principal is granted to read or to do an action, rising.
    fn rings(&self, principal: RecordId, entity: &str, action: Action) -> BTreeSet<Level> {
        let told = |grant: &&GrantFact| {
            let level = grant.level > Level::None && grant.level < Level::All;
            level && grant.effect == Effect::Allow && [Action::Read, action].contains(&grant.action)
        };
        self.grants_of(principal, entity).filter(told).map(|grant| grant.level).collect()
    }

    /// What a principal does not see of the fields of records at a level, by what grants say and by what follows from
    /// hidden fields of other entities, and what the principal may not set by an action. Where no grant reaches as
    /// far as the level, it is what the widest one says.
    pub(super) fn profile(
        &self,
        principal: RecordId,
        entity: &str,
        action: Action,
        level: Level,
    ) -> FieldProfile {
        let mut profile = self.stated_profile(principal, entity, action, level);
        for fact in self.rules.following.get(entity).into_iter().flatten() {
            if self.follows_hidden(principal, fact, 0) {
                profile.hidden.insert(fact.field);
            }
        }
        profile
    }

    /// As much of it as grants say.
    pub(super) fn stated_profile(
        &self,
        principal: RecordId,
        entity: &str,
        action: Action,
        level: Level,
    ) -> FieldProfile {
        let read_only = self.read_only(principal, entity, action, level);
        let mut profile = FieldProfile { read_only, ..FieldProfile::default() };
        for (field, shown) in self.shown_by_grants(principal, entity, level) {
            match shown {
                Shown::Nothing => profile.hidden.insert(field),
                Shown::Masks => profile.masked.insert(field),
                Shown::MasksInLists => profile.masked_in_lists.insert(field),
                Shown::Values => false,
            };
        }
        profile
    }

    /// The fields that no grant to an action sets in records at a level, or one forbids to set.
    fn read_only(
        &self,
        principal: RecordId,
        entity: &str,
        action: Action,
        level: Level,
    ) -> BTreeSet<FieldId> {
        let level = level.min(self.stated(principal, entity, action, Effect::Allow));
        let (mut every, mut forbidden): (Option<BTreeSet<FieldId>>, _) = (None, BTreeSet::new());
        for grant in self.grants_of(principal, entity).filter(|grant| grant.action == action) {
            match grant.effect {
                Effect::Deny => forbidden.extend(&grant.read_only),
                Effect::Allow if grant.level == Level::None || grant.level < level => {}
                Effect::Allow => {
                    every = Some(
                        every.map_or_else(|| grant.read_only.clone(), |every| &every & &grant.read_only),
                    );
                }
            }
        }
        forbidden.extend(every.unwrap_or_default());
        forbidden
    }

    fn follows_hidden(&self, principal: RecordId, fact: &FollowingFact, step: usize) -> bool {
        let hides = |(entity, fields): &(String, BTreeSet<FieldId>)| {
            if self.level(principal, entity, Action::Read) == Level::None {
                return true;
            }
            let shown = self.shown_by_grants(principal, entity, Level::All);
            let hidden = |field: &FieldId| shown.get(field).is_some_and(|shown| *shown < Shown::Values);
            let mut following = self.rules.following.get(entity).into_iter().flatten();
            fields.iter().any(hidden)
                || self.is_any_covered(principal, entity, fields)
                || following.any(|fact| {
                    fields.contains(&fact.field)
                        && self.follows_hidden(principal, fact, step.saturating_add(1))
                })
        };
        step > MAX_STEPS || fact.sources.iter().any(hides)
    }

    /// How much a principal sees of the fields of which grants say anything, in records at a level: the most that one
    /// of the grants that reach them shows, and no more than any leaves that forbids.
    fn shown_by_grants(&self, principal: RecordId, entity: &str, level: Level) -> BTreeMap<FieldId, Shown> {
        let level = level.min(self.stated(principal, entity, Action::Read, Effect::Allow));
        let reads = |grant: &&GrantFact| grant.action == Action::Read;
        let counts = |grant: &&GrantFact| match grant.effect {
            Effect::Deny => true,
            Effect::Allow => grant.level > Level::None && grant.level >= level,
        };
        let grants: Vec<&GrantFact> =
            self.grants_of(principal, entity).filter(reads).filter(counts).collect();
        let named = grants.iter().flat_map(|grant| {
            [&grant.hidden, &grant.masked, &grant.masked_in_lists].into_iter().flatten().copied()
        });
        let fields: BTreeSet<FieldId> = named.collect();
        let of = |effect: Effect| grants.iter().filter(move |grant| grant.effect == effect);
        let shown = |field: FieldId| {
            let most = of(Effect::Allow).map(|grant| grant.shows(field)).max();
            let least = of(Effect::Deny).map(|grant| grant.shows(field)).min();
            most.unwrap_or(Shown::Values).min(least.unwrap_or(Shown::Values))
        };
        fields.into_iter().map(|field| (field, shown(field))).collect()
    }

    /// The roles of a principal that count for nothing until a guide is done.
    #[must_use]
    pub fn waiting(&self, principal: RecordId) -> &[WaitingRole] {
        self.people.waiting.get(&principal).map(Vec::as_slice).unwrap_or_default()
    }

    /// Those of them that would allow an action on records of an entity.
    pub fn waiting_for(
        &self,
        principal: RecordId,
        entity: &str,
        action: Action,
    ) -> impl Iterator<Item = &WaitingRole> {
        let allows = move |grant: &GrantFact| {
            grant.action == action && grant.effect == Effect::Allow && grant.is_of(entity)
        };
        let would = move |waiting: &&WaitingRole| {
            self.rules.grants.get(&waiting.role).is_some_and(|grants| grants.iter().any(allows))
        };
        self.waiting(principal).iter().filter(would)
    }

    /// Grants of all roles of a principal for an entity. What a role forbids it forbids at once, though it waits for a guide.
    pub(super) fn grants_of<'a>(
        &'a self,
        principal: RecordId,
        entity: &'a str,
    ) -> impl Iterator<Item = &'a GrantFact> + 'a {
        let of = |role: &RecordId| self.rules.grants.get(role).into_iter().flatten();
        let held = self.people.roles.get(&principal).into_iter().flatten().flat_map(of);
        let waiting = self.waiting(principal).iter().flat_map(move |waiting| of(&waiting.role));
        let forbidding = waiting.filter(|grant| grant.effect == Effect::Deny);
        held.chain(forbidding).filter(move |grant| grant.is_of(entity))
    }

    /// What a level allows and another one forbids, within partitions.
    fn scope(
        &self,
        principal: RecordId,
        (level, forbidden): (Level, Level),
        partitions: Partitions,
        action: Action,
    ) -> Scope {
        let hides_restricted = self.classes.has_restricted() && !self.handles_requests(principal);
        if (level, forbidden, partitions) == (Level::All, Level::None, Partitions::All) && !hides_restricted {
            return self.everything();
        }
        let key = (principal, level, forbidden, partitions, sees_pools(action), hides_restricted);
        kept(&self.decided.scopes, key, || {
            let denied = (forbidden > Level::None).then(|| self.reach(principal, forbidden, action));
            let scope = Scope {
                allowed: self.reach(principal, level, action),
                marked: None,
                denied,
                partitions,
                hides_restricted,
                only: None,
                classes: Numbered::default(),
            };
            let allowed = &scope.allowed;
            let within = match allowed.all {
                true => self.classes.all().cloned().collect(),
                false => self.classes.of(&allowed.owners, &allowed.units, &[]),
            };
            let classes = within.into_iter().filter(|(_, class)| scope.contains(class)).collect();
            Scope { classes, ..scope }
        })
    }

    /// The same with what marks open beside it.
    fn widened(&self, scope: &Scope, marked: Arc<Marked>) -> Scope {
        let beside = self.classes.of(&scope.allowed.owners, &scope.allowed.units, &marked.labels());
        let scope = Scope { marked: Some(marked), ..scope.clone() };
        let classes = beside.into_iter().filter(|(_, class)| scope.contains(class)).collect();
        Scope { classes, ..scope }
    }

    /// The class with a number.
    pub(super) fn class(&self, number: ClassId) -> Option<&AccessClass> {
        self.classes.get(number)
    }

    pub(super) fn reach(&self, principal: RecordId, level: Level, action: Action) -> Arc<Reach> {
        let key = (principal, level, sees_pools(action));
        kept(&self.decided.reaches, key, || Arc::new(self.compile_reach(principal, level, action)))
    }

    pub(super) fn compile_reach(&self, principal: RecordId, level: Level, action: Action) -> Reach {
        let mut reach = Reach { all: level == Level::All, ..Reach::default() };
        if level >= Level::Own {
            reach.owners.insert(principal);
        }
        if level >= Level::OwnAndSubordinates {
            reach.owners = closure(principal, &self.people.reports);
        }
        if level >= Level::Own && sees_pools(action) {
            reach.owners.extend(self.pools_of(principal));
        }
        if let Some(unit) = self.unit_of(principal) {
            if level >= Level::UnitAndChildren {
                reach.units = closure(unit, &self.people.children);
            } else if level >= Level::Unit {
                reach.units.insert(unit);
            }
        }
        reach
    }

    fn everything(&self) -> Scope {
        let everything = || Scope {
            allowed: Arc::new(Reach { all: true, ..Reach::default() }),
            marked: None,
            denied: None,
            partitions: Partitions::All,
            hides_restricted: false,
            only: None,
            classes: self.classes.all().cloned().collect(),
        };
        self.decided.everything.get_or_init(everything).clone()
    }
}

/// What was worked out before under a key, or is now. The facts of a policy do not change.
fn kept<K: Eq + std::hash::Hash, V: Clone>(
    known: &RwLock<HashMap<K, V>>,
    key: K,
    work_out: impl FnOnce() -> V,
) -> V {
    if let Some(value) = known.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return value.clone();
    }
    let value = work_out();
    let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= MAX_RULINGS {
        known.clear();
    }
    known.insert(key, value.clone());
    value
}

/// A node and everything below it; circles end where they began.
fn closure(root: RecordId, below: &BTreeMap<RecordId, Vec<RecordId>>) -> BTreeSet<RecordId> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        if reached.insert(node) {
            waiting.extend(below.get(&node).into_iter().flatten());
        }
    }
    reached
}
