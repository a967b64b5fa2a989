//! The policy of one epoch: the facts of the organisation, compiled, and the one place that decides.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::access::class::ClassTable;
use crate::access::permit::Scope;
use crate::access::{AccessClass, Action, ActionKind, ClassId, Level, Permit};
use crate::base::{Code, EntityId, Error, FieldId, RecordId, Result};

/// Steps from a field to what it follows from, after which it is hidden rather than looked into.
const MAX_STEPS: usize = 16;
/// Rulings that a policy keeps, by principal and action; beyond them it begins anew.
const MAX_RULINGS: usize = 4_096;

/// A user as the policy sees one.
#[derive(Debug, Clone)]
pub struct UserFact {
    /// The user.
    pub id: RecordId,
    /// Whether the user may act.
    pub active: bool,
    /// The unit.
    pub unit: Option<RecordId>,
    /// The superior.
    pub reports_to: Option<RecordId>,
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
#[derive(Debug, Clone)]
pub struct GrantFact {
    /// The role.
    pub role: RecordId,
    /// The entity by API name, or `*`.
    pub entity: String,
    /// The action.
    pub action: Action,
    /// The level.
    pub level: Level,
    /// Fields that this grant does not show, by number.
    pub hidden: BTreeSet<FieldId>,
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
    users: BTreeMap<RecordId, UserFact>,
    reports: BTreeMap<RecordId, Vec<RecordId>>,
    children: BTreeMap<RecordId, Vec<RecordId>>,
    roles: BTreeMap<RecordId, Vec<RecordId>>,
}

impl People {
    /// Users, units, and pairs of a user and a role.
    #[must_use]
    pub fn new(users: Vec<UserFact>, units: Vec<UnitFact>, assignments: Vec<(RecordId, RecordId)>) -> Self {
        let mut people = Self::default();
        for user in users {
            if let Some(superior) = user.reports_to {
                people.reports.entry(superior).or_default().push(user.id);
            }
            people.users.insert(user.id, user);
        }
        for unit in units {
            if let Some(parent) = unit.parent {
                people.children.entry(parent).or_default().push(unit.id);
            }
        }
        for (user, role) in assignments {
            people.roles.entry(user).or_default().push(role);
        }
        people
    }
}

/// What roles grant, in the fields and entities of one version of the registry.
#[derive(Debug, Default)]
pub struct Rules {
    grants: BTreeMap<RecordId, Vec<GrantFact>>,
    following: BTreeMap<String, Vec<FollowingFact>>,
    off: BTreeSet<String>,
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
}

/// The compiled policy.
#[derive(Debug, Default)]
pub struct Policy {
    epoch: u64,
    people: Arc<People>,
    rules: Arc<Rules>,
    classes: Arc<ClassTable>,
    /// What was decided before. The facts do not change, so neither does a decision.
    rulings: RwLock<Rulings>,
    /// Whom each level reaches, by principal.
    scopes: RwLock<HashMap<(RecordId, Level), Scope>>,
    everything: OnceLock<Scope>,
}

/// By principal and action, then by name of the entity.
type Rulings = HashMap<(RecordId, Action), HashMap<String, Ruling>>;

/// What a permit is minted from.
#[derive(Debug, Clone)]
struct Ruling {
    scope: Scope,
    hidden: Arc<BTreeSet<FieldId>>,
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

    /// The policy of a later epoch that differs by further classes alone.
    #[must_use]
    pub fn of_epoch(&self, epoch: u64, further: &[(ClassId, AccessClass)]) -> Self {
        let (people, rules) = (Arc::clone(&self.people), Arc::clone(&self.rules));
        let classes = Arc::new(self.classes.with(further));
        Self { epoch, people, rules, classes, ..Self::default() }
    }

    /// The same policy where the registry, and with it the rules, has changed.
    #[must_use]
    pub fn with_rules(&self, rules: Rules) -> Self {
        let (people, classes) = (Arc::clone(&self.people), Arc::clone(&self.classes));
        Self { epoch: self.epoch, people, rules: Arc::new(rules), classes, ..Self::default() }
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

    /// Whether the user may do an action to any record of an entity at all.
    #[must_use]
    pub fn permits(&self, principal: RecordId, entity: &str, action: Action) -> bool {
        self.is_active(principal) && self.level(principal, entity, action) > Level::None
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
        let ruling = match self.known_ruling(principal, A::ACTION, entity_name) {
            Some(ruling) => ruling,
            None => self.rule(principal, A::ACTION, entity_name)?,
        };
        Ok(Permit::mint(entity, Some(principal), self.epoch, ruling.scope, ruling.hidden))
    }

    /// Why nobody, or somebody whose roles do not grant it, may do an action on an entity.
    #[must_use]
    pub fn refusal(&self, entity: &str, action: Action) -> Error {
        let code = if self.is_off(entity) { Code::ModuleOff } else { Code::NotPermitted };
        Error::new(code).entity(entity).rule(action.code())
    }

    fn is_off(&self, entity: &str) -> bool {
        self.rules.off.contains(entity)
    }

    fn known_ruling(&self, principal: RecordId, action: Action, entity: &str) -> Option<Ruling> {
        let rulings = self.rulings.read().unwrap_or_else(PoisonError::into_inner);
        rulings.get(&(principal, action))?.get(entity).cloned()
    }

    fn rule(&self, principal: RecordId, action: Action, entity: &str) -> Result<Ruling> {
        if !self.is_active(principal) {
            return Err(Error::new(Code::SessionEnded));
        }
        let level = self.level(principal, entity, action);
        if level == Level::None {
            return Err(self.refusal(entity, action));
        }
        let hidden = Arc::new(self.hidden(principal, entity));
        let ruling = Ruling { scope: self.scope(principal, level), hidden };
        let mut rulings = self.rulings.write().unwrap_or_else(PoisonError::into_inner);
        if rulings.len() >= MAX_RULINGS {
            rulings.clear();
        }
        rulings.entry((principal, action)).or_default().insert(entity.to_owned(), ruling.clone());
        Ok(ruling)
    }

    /// THE BOOTSTRAP PERMIT: everything of an entity, for the engine itself, which must read the
    /// policy's own facts before there is a policy, and verifies what nobody may see as a whole.
    #[must_use]
    pub(crate) fn bootstrap<A: ActionKind>(&self, entity: EntityId) -> Permit<A> {
        Permit::mint(entity, None, self.epoch, self.everything(), Arc::default())
    }

    /// The level of a principal. Nobody has one on an entity whose module is off.
    fn level(&self, principal: RecordId, entity: &str, action: Action) -> Level {
        if self.is_off(entity) {
            return Level::None;
        }
        self.grants_of(principal, entity)
            .filter(|grant| grant.action == action)
            .map(|grant| grant.level)
            .max()
            .unwrap_or(Level::None)
    }

    /// The fields that a principal does not see: those that grants hide, and those that follow from what is
    /// hidden in other entities.
    fn hidden(&self, principal: RecordId, entity: &str) -> BTreeSet<FieldId> {
        let mut hidden = self.hidden_by_grants(principal, entity);
        for fact in self.rules.following.get(entity).into_iter().flatten() {
            if self.follows_hidden(principal, fact, 0) {
                hidden.insert(fact.field);
            }
        }
        hidden
    }

    fn follows_hidden(&self, principal: RecordId, fact: &FollowingFact, step: usize) -> bool {
        let hides = |(entity, fields): &(String, BTreeSet<FieldId>)| {
            if self.level(principal, entity, Action::Read) == Level::None {
                return true;
            }
            let hidden = self.hidden_by_grants(principal, entity);
            let mut following = self.rules.following.get(entity).into_iter().flatten();
            !hidden.is_disjoint(fields)
                || following.any(|fact| {
                    fields.contains(&fact.field)
                        && self.follows_hidden(principal, fact, step.saturating_add(1))
                })
        };
        step > MAX_STEPS || fact.sources.iter().any(hides)
    }

    /// A field is hidden when every grant that lets the principal read the entity hides it.
    fn hidden_by_grants(&self, principal: RecordId, entity: &str) -> BTreeSet<FieldId> {
        let reads = self
            .grants_of(principal, entity)
            .filter(|grant| grant.action == Action::Read && grant.level > Level::None)
            .map(|grant| grant.hidden.clone());
        reads.reduce(|left, right| left.intersection(&right).copied().collect()).unwrap_or_default()
    }

    /// Grants of all roles of a principal for an entity. `*` is every entity but the organisation's
    /// own, which are granted by name or by `sys.*`, so that no wildcard hands out administration.
    fn grants_of<'a>(
        &'a self,
        principal: RecordId,
        entity: &'a str,
    ) -> impl Iterator<Item = &'a GrantFact> + 'a {
        let system = entity.starts_with("sys.");
        self.people
            .roles
            .get(&principal)
            .into_iter()
            .flatten()
            .filter_map(|role| self.rules.grants.get(role))
            .flatten()
            .filter(move |grant| match grant.entity.as_str() {
                "*" => !system,
                "sys.*" => system,
                named => named == entity,
            })
    }

    fn scope(&self, principal: RecordId, level: Level) -> Scope {
        if level == Level::All {
            return self.everything();
        }
        let known = self.scopes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(scope) = known.get(&(principal, level)) {
            return scope.clone();
        }
        drop(known);
        let scope = self.compile_scope(principal, level);
        let mut scopes = self.scopes.write().unwrap_or_else(PoisonError::into_inner);
        if scopes.len() >= MAX_RULINGS {
            scopes.clear();
        }
        scopes.insert((principal, level), scope.clone());
        scope
    }

    fn compile_scope(&self, principal: RecordId, level: Level) -> Scope {
        let mut owners = BTreeSet::from([principal]);
        let mut units = BTreeSet::new();
        if level >= Level::OwnAndSubordinates {
            owners = closure(principal, &self.people.reports);
        }
        if let Some(unit) = self.unit_of(principal) {
            if level >= Level::UnitAndChildren {
                units = closure(unit, &self.people.children);
            } else if level >= Level::Unit {
                units.insert(unit);
            }
        }
        let classes = self.classes.of(&owners, &units).into();
        Scope { all: false, owners: Arc::new(owners), units: Arc::new(units), classes }
    }

    fn everything(&self) -> Scope {
        let everything = || {
            let classes = self.classes.all().iter().copied().collect();
            Scope { all: true, owners: Arc::default(), units: Arc::default(), classes }
        };
        self.everything.get_or_init(everything).clone()
    }
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
