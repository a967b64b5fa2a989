//! The organisation's facts, read from its records into a policy; and the roles of a new database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::{
    self, Action, DelegationFact, Effect, FollowingFact, GrantFact, HolderFact, Level, People, Policy,
    PoolCover, PoolFact, PositionFact, PositionFacts, PrivilegeRequest, Read, RecordShare, Rules, TeamFacts,
    UnitFact, UserFact, WaitingRole, delegation, grant, pool, pool_member, position, position_holder,
    position_role, role, role_assignment, share, team_member, team_role, unit, user,
};
use crate::base::{EntityId, FieldId, Label, Patience, RecordId, Result, Timestamp, Value};
use crate::engine::access_past::PastFacts;
use crate::engine::opening::{NamedPrincipals, Opened, StatedInheritance, StatedRule, principals_of};
use crate::engine::pool_views::CheckPool;
use crate::engine::service_accounts::CheckService;
use crate::engine::views::{CheckView, audiences};
use crate::engine::{
    BeforeSave, Changes, Command, CorrectionRequest, ErasureReceiptRecord, GuideProgress, Registrar,
    RightsRequest, Save, SavedSearchRecord, Transaction, View, comments, corrections, guides, privacy,
    rights,
};
use crate::records::{
    Filter, Marking, Record, Sight, Staleness, load_classes, read_epoch, read_facts_epoch, scan_all,
};
use crate::schema::{
    CUSTOM_MODULE, Codes, Entity, EntityType, FieldName, ModuleDefinition, Registry, SYSTEM_MODULE,
};
use crate::storage::Snapshot;

/// The namespace of entities whose records make the policy.
const NAMESPACE: &str = "sys";

/// What changes of an entity make stale. What is shared singly is read for each person alone, and so leaves the facts
/// of the policy as they are.
pub(super) fn stales(entity: &str) -> Staleness {
    match entity {
        View::NAME
        | SavedSearchRecord::NAME
        | ErasureReceiptRecord::NAME
        | RightsRequest::NAME
        | CorrectionRequest::NAME
        | PrivilegeRequest::NAME
        | GuideProgress::NAME => Staleness::None,
        name if privacy::ENTITIES.contains(&name) || comments::ENTITIES.contains(&name) => Staleness::None,
        RecordShare::NAME => Staleness::Permits,
        entity if entity.starts_with("sys.") => Staleness::Policy,
        _ => Staleness::None,
    }
}

/// Declares the organisation's own entities, through the registrar that extensions use too.
pub(super) fn declare(registrar: &mut Registrar) {
    registrar.extension = NAMESPACE.to_owned();
    let module = |name: &str, label, icon, order| ModuleDefinition::new(NAMESPACE, name, label, icon, order);
    registrar.module(module(SYSTEM_MODULE, Label::new("系统", "System"), "gear", 900));
    registrar.module(module(CUSTOM_MODULE, Label::new("自定义", "Custom"), "puzzle", 800));
    for (method, zh, en) in COMMANDS {
        let command = Command::new(method, Label::new(zh, en));
        registrar.command(command.needing(access::Role::NAME, Action::Administer));
    }
    registrar.command(Command::new("search.find", Label::new("搜索", "Search")));
    registrar.command(Command::new("configuration.describe", Label::new("设置", "Settings")));
    registrar.entity(access::Partition::definition());
    registrar.entity(access::User::definition());
    registrar.entity(access::Unit::definition());
    registrar.entity(access::Role::definition());
    registrar.entity(access::Grant::definition());
    registrar.entity(access::RoleAssignment::definition());
    registrar.entity(access::Team::definition());
    registrar.entity(access::TeamMember::definition());
    registrar.entity(access::TeamRole::definition());
    registrar.entity(RecordShare::definition());
    registrar.entity(access::Delegation::definition());
    registrar.entity(access::SharingRule::definition());
    registrar.entity(access::InheritedAccess::definition());
    registrar.entity(access::Pool::definition());
    registrar.before_save(access::Pool::NAME, 0, Arc::new(CheckPool));
    registrar.entity(access::PoolMember::definition());
    registrar.entity(access::PluginAccount::definition());
    registrar.entity(PrivilegeRequest::definition());
    registrar.entity(access::Position::definition());
    registrar.entity(access::PositionRole::definition());
    registrar.entity(access::PositionHolder::definition());
    registrar.entity(View::definition());
    registrar.entity(SavedSearchRecord::definition());
    registrar.entity(ErasureReceiptRecord::definition());
    rights::declare(registrar);
    comments::declare(registrar);
    guides::declare(registrar);
    corrections::declare(registrar);
    registrar.index(View::NAME, audiences());
    registrar.before_save(View::NAME, 0, Arc::new(CheckView));
    privacy::declare(registrar);
    registrar.before_save(access::User::NAME, 0, Arc::new(BeginActive));
    registrar.before_save(access::User::NAME, 1, Arc::new(CheckService));
    registrar.before_save(access::PositionHolder::NAME, 0, Arc::new(CheckService));
}

/// What administrators do by name: method, and what people read.
const COMMANDS: [(&str, &str, &str); 7] = [
    ("module.list", "功能模块", "Modules"),
    ("ledger.list", "审计日志", "Audit log"),
    ("database.inspect", "检查数据库", "Inspect the database"),
    ("database.verify", "校验数据库", "Verify the database"),
    ("database.compact", "压缩数据库", "Compact the database"),
    ("database.slow_queries", "慢查询", "Slow queries"),
    ("backup.create", "备份数据库", "Back up the database"),
];

/// A new user is active unless said otherwise; without role and password that opens nothing.
struct BeginActive;

impl BeforeSave for BeginActive {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if save.is_new() && save.value(user::STATUS)?.is_null() {
            save.set(user::STATUS, access::UserStatus::Active)?;
        }
        Ok(())
    }
}

/// The policy of a view, with what it takes to keep up with later ones.
#[derive(Debug, Clone)]
pub(super) struct KeptPolicy {
    pub policy: Arc<Policy>,
    /// What gives records their marks.
    pub marking: Arc<Marking>,
    /// The registry's version, in whose fields the rules are.
    registry: u32,
    /// The epoch of the facts, where a writer has said it.
    facts: Option<u64>,
    stated: Arc<Stated>,
    /// From when on its positions are held otherwise.
    next_turn: Option<Timestamp>,
}

/// What the policy's rules are made from, as records state it.
#[derive(Debug)]
struct Stated {
    grants: Vec<StatedGrant>,
    sharing: Vec<StatedRule>,
    inherited: Vec<StatedInheritance>,
    covers: Vec<StatedCover>,
}

/// A grant as its record states it.
#[derive(Debug)]
struct StatedGrant {
    id: RecordId,
    role: RecordId,
    entity: String,
    action: Action,
    level: Level,
    effect: Effect,
    /// Names of fields, separated by commas: hidden, masked, masked in lists, read only.
    hidden: String,
    masked: String,
    masked_in_lists: String,
    read_only: String,
    /// The only fields that it shows, and the only ones that it lets be set, if it names some.
    visible: String,
    writable: String,
}

impl StatedGrant {
    /// The same in the fields of a registry. What follows from masked fields is hidden, unless it is masked too.
    fn fact(&self, registry: &Registry) -> GrantFact {
        // The entity may have another name since the grant was made.
        let entity = registry.present_name(&self.entity);
        let fields = |names: &str| named_fields(registry, entity, names);
        let (masked, masked_in_lists) = (fields(&self.masked), fields(&self.masked_in_lists));
        let mut hidden = fields(&self.hidden);
        hidden.extend(unlisted(registry, entity, &self.visible));
        let following = |fields: &BTreeSet<FieldId>| follow(registry, entity, fields);
        hidden.extend(following(&hidden));
        let follow_masked = following(&masked).into_iter().chain(following(&masked_in_lists));
        hidden.extend(
            follow_masked.filter(|field| !masked.contains(field) && !masked_in_lists.contains(field)),
        );
        let mut read_only = fields(&self.read_only);
        read_only.extend(unlisted(registry, entity, &self.writable));
        GrantFact {
            id: self.id,
            role: self.role,
            entity: entity.to_owned(),
            action: self.action,
            level: self.level,
            effect: self.effect,
            read_only,
            hidden,
            masked,
            masked_in_lists,
            lists_fields: ![&self.visible, &self.writable].into_iter().all(|names| names.trim().is_empty()),
        }
    }
}

/// What a pool hides until the claim, as its record states it: names of fields, separated by commas.
#[derive(Debug)]
struct StatedCover {
    pool: RecordId,
    hidden: String,
    masked: String,
}

impl StatedCover {
    /// The same in the fields of a registry, of whatever entity a pool owns records. What follows from them is hidden,
    /// unless it is masked itself.
    fn in_fields(&self, registry: &Registry) -> PoolCover {
        let masked = named_fields(registry, "*", &self.masked);
        let mut hidden = named_fields(registry, "*", &self.hidden);
        hidden.extend(follow(registry, "*", &hidden));
        hidden.extend(follow(registry, "*", &masked).difference(&masked));
        PoolCover { hidden, masked }
    }
}

/// The fields that a list of the only ones leaves out; none where it names none.
fn unlisted(registry: &Registry, entity: &str, only: &str) -> BTreeSet<FieldId> {
    if only.trim().is_empty() {
        return BTreeSet::new();
    }
    let mut listed = named_fields(registry, entity, only);
    // Who sees or sets a text sees or sets what it is in other languages.
    for known in entities_of(registry, entity) {
        listed = with_translations(known, listed);
    }
    let every = entities_of(registry, entity).flat_map(Entity::fields).map(crate::schema::Field::id);
    every.filter(|field| !listed.contains(field)).collect()
}

impl KeptPolicy {
    /// Reads the policy of a view at a moment, through bootstrap permits.
    pub fn load(snapshot: &dyn Snapshot, registry: &Registry, moment: Timestamp) -> Result<Self> {
        let (epoch, classes) = (read_epoch(snapshot)?, load_classes(snapshot, None)?);
        // A policy of nothing but classes, whose bootstrap permit reads the rest.
        let bare = Policy::new(epoch, Arc::default(), Arc::default(), classes.clone());
        let loader = Loader { snapshot, registry, bare: &bare, past: None };
        let positions = loader.positions()?;
        let people = Arc::new(loader.people(&positions, moment)?);
        let stated = loader.stated()?;
        let (rules, marking) = rules(registry, &stated);
        Ok(Self {
            next_turn: positions.next_turn(moment),
            policy: Arc::new(Policy::new(epoch, people, Arc::new(rules), classes)),
            marking: Arc::new(marking),
            registry: registry.version(),
            facts: read_facts_epoch(snapshot)?,
            stated: Arc::new(stated),
        })
    }

    /// The policy of a place in the ledger, in the entities and fields of a registry.
    pub fn past(
        snapshot: &dyn Snapshot,
        registry: &Registry,
        (past, moment): (&PastFacts<'_>, Timestamp),
    ) -> Result<Policy> {
        let (epoch, classes) = (read_epoch(snapshot)?, load_classes(snapshot, None)?);
        let bare = Policy::new(epoch, Arc::default(), Arc::default(), classes.clone());
        let loader = Loader { snapshot, registry, bare: &bare, past: Some(past) };
        let people = Arc::new(loader.people(&loader.positions()?, moment)?);
        let (rules, _) = rules(registry, &loader.stated()?);
        Ok(Policy::new(epoch, people, Arc::new(rules), classes))
    }

    /// The policy of another view: this one, or as much of it as the facts have not changed since.
    pub fn of_view(&self, snapshot: &dyn Snapshot, registry: &Registry, moment: Timestamp) -> Result<Self> {
        let epoch = read_epoch(snapshot)?;
        let same_facts = self.facts.is_some() && self.facts == read_facts_epoch(snapshot)?;
        if epoch != self.policy.epoch() && !same_facts || !self.holds_at(moment) {
            return Self::load(snapshot, registry, moment);
        }
        let mut renewed = self.clone();
        if epoch != self.policy.epoch() {
            let further = load_classes(snapshot, self.policy.newest_class())?;
            renewed.policy = Arc::new(self.policy.of_epoch(epoch, &further));
        }
        // Grants name hidden fields, so a new field may change what the same facts mean.
        if registry.version() != self.registry {
            let (rules, marking) = rules(registry, &self.stated);
            renewed.policy = Arc::new(renewed.policy.with_rules(rules));
            renewed.marking = Arc::new(marking);
            renewed.registry = registry.version();
        }
        Ok(renewed)
    }

    /// Whether it is that of a view at a moment.
    pub fn is_of(&self, epoch: u64, registry: &Registry, moment: Timestamp) -> bool {
        (self.registry, self.policy.epoch()) == (registry.version(), epoch) && self.holds_at(moment)
    }

    /// Whether positions are held at a moment as it says.
    fn holds_at(&self, moment: Timestamp) -> bool {
        self.next_turn.is_none_or(|next| moment < next)
    }
}

/// What roles grant and what opens records beside them, in the fields of a registry, and what marks records.
fn rules(registry: &Registry, stated: &Stated) -> (Rules, Marking) {
    let off = registry.entities().iter().filter(|entity| registry.is_off(entity));
    let rules = Rules::new(
        stated.grants.iter().map(|grant| grant.fact(registry)).collect(),
        registry.entities().iter().flat_map(|entity| following(registry, entity)).collect(),
        off.map(|entity| entity.api_name.clone()).collect(),
    );
    let rules = rules.covering(stated.covers.iter().map(|cover| (cover.pool, cover.in_fields(registry))));
    let Opened { sharing, inherited, marking } = Opened::of(registry, (&stated.sharing, &stated.inherited));
    (rules.opening(sharing, inherited), marking.with_shares(share_place(registry)))
}

/// The entity of shares, and the field by which they name the record.
fn share_place(registry: &Registry) -> Option<(EntityId, FieldId)> {
    let entity = registry.entity(RecordShare::NAME).ok()?;
    Some((entity.id(), entity.field(share::RECORD.selector()).ok()?.id()))
}

/// The fields of an entity that follow from other records, with what each follows from.
fn following(registry: &Registry, entity: &Entity) -> Vec<FollowingFact> {
    let name = |entity| registry.entity_by_id(entity).map(|known| known.api_name.clone()).unwrap_or_default();
    let fact = |field, sources| FollowingFact { entity: entity.api_name.clone(), field, sources };
    let lookups = entity.lookups().iter().map(|lookup| {
        let (own, far) = (entity.api_name.clone(), name(lookup.target));
        fact(lookup.field, vec![(own, [lookup.through].into()), (far, [lookup.far].into())])
    });
    let rollups = entity.rollups().iter().map(|rollup| {
        let tree: BTreeSet<FieldId> = rollup.tree.into_iter().collect();
        fact(rollup.id(), vec![(name(rollup.child), rollup.inputs()), (entity.api_name.clone(), tree)])
    });
    let formulas = entity.formulas().filter(|(field, _)| entity.is_far(field.id()));
    let formulas =
        formulas.map(|(field, _)| fact(field.id(), vec![(entity.api_name.clone(), field.inputs().clone())]));
    lookups.chain(rollups).chain(formulas).collect()
}

/// What the records of one of the organisation's entities state, in the engine's own right.
pub(super) fn stated_of<E: EntityType, T>(
    snapshot: &dyn Snapshot,
    registry: &Registry,
    policy: &Policy,
    read: impl Fn(&Record, &dyn Fn(FieldName<'static>) -> Value) -> Option<T>,
) -> Result<Vec<T>> {
    Loader { snapshot, registry, bare: policy, past: None }.rows::<E, T>(read)
}

struct Loader<'a> {
    snapshot: &'a dyn Snapshot,
    registry: &'a Registry,
    bare: &'a Policy,
    /// Where they are read as they were.
    past: Option<&'a PastFacts<'a>>,
}

/// Who has which role.
struct Assignments {
    /// Those that count, as pairs of a user and a role.
    counting: Vec<(RecordId, RecordId)>,
    /// Those of users that wait until a guide is done.
    waiting: Vec<(RecordId, WaitingRole)>,
}

impl Loader<'_> {
    /// Who there is, and who has which role.
    fn people(&self, positions: &PositionFacts, moment: Timestamp) -> Result<People> {
        let (mut users, units, teams) = (self.users()?, self.units()?, self.teams()?);
        positions.place(&mut users, moment);
        let assignments = self.assignments()?;
        let people =
            People::new(users, units, assignments.counting, &teams).with_waiting(assignments.waiting);
        let people = people.with_positions(positions, moment).with_delegations(self.delegations()?);
        Ok(people.with_pools(self.pools()?))
    }

    fn stated(&self) -> Result<Stated> {
        Ok(Stated {
            grants: self.grants()?,
            sharing: self.rows::<access::SharingRule, _>(StatedRule::of)?,
            inherited: self.rows::<access::InheritedAccess, _>(StatedInheritance::of)?,
            covers: self.pool_covers()?,
        })
    }

    fn positions(&self) -> Result<PositionFacts> {
        Ok(PositionFacts {
            positions: self.rows::<access::Position, _>(|record, value| {
                Some(PositionFact {
                    id: record.id,
                    unit: value(position::UNIT.selector()).as_id(),
                    reports_to: value(position::REPORTS_TO.selector()).as_id(),
                })
            })?,
            roles: self.rows::<access::PositionRole, _>(|_, value| {
                let position = value(position_role::POSITION.selector()).as_id()?;
                Some((position, value(position_role::ROLE.selector()).as_id()?))
            })?,
            holders: self.holders()?.into_iter().map(|(_, holder)| holder).collect(),
        })
    }

    fn holders(&self) -> Result<Vec<(RecordId, HolderFact)>> {
        self.rows::<access::PositionHolder, _>(|record, value| {
            let holder = HolderFact {
                position: value(position_holder::POSITION.selector()).as_id()?,
                user: value(position_holder::USER.selector()).as_id()?,
                from: moment_of(value(position_holder::FROM.selector())),
                until: moment_of(value(position_holder::UNTIL.selector())),
            };
            Some((record.id, holder))
        })
    }

    fn rows<E: EntityType, T>(
        &self,
        read: impl Fn(&Record, &dyn Fn(FieldName<'static>) -> Value) -> Option<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        // An entity that this version brings is not there before the database has been opened by it.
        let Ok(entity) = self.registry.entity(E::NAME) else { return Ok(rows) };
        let mut take = |record: &Record| {
            let value = |name: FieldName<'static>| {
                entity.field(name).map(|field| record.value(field.id())).unwrap_or_default()
            };
            rows.extend(read(record, &value));
        };
        if let Some(past) = self.past {
            past.each((self.snapshot, self.registry, entity), self.bare, &mut take)?;
            return Ok(rows);
        }
        let permit = self.bare.bootstrap::<Read>(entity.id());
        let patience = Patience::default();
        let sight = Sight::new(self.snapshot, self.registry, entity, &permit, &patience);
        scan_all(&sight, &Filter::Everything, &mut |record| {
            take(record);
            Ok(())
        })?;
        Ok(rows)
    }

    fn users(&self) -> Result<Vec<UserFact>> {
        let partitions =
            self.rows::<access::Partition, _>(|record, _| Some((record.id, number_of(record))))?;
        let partitions: BTreeMap<RecordId, u32> = partitions.into_iter().collect();
        self.rows::<access::User, _>(|record, value| {
            let partition = value(user::PARTITION.selector()).as_id();
            Some(UserFact {
                // In a partition that is gone there is nothing.
                partition: partition.map_or(0, |id| partitions.get(&id).copied().unwrap_or(u32::MAX)),
                id: record.id,
                active: value(user::STATUS.selector()).as_text() == Some(access::UserStatus::Active.code()),
                unit: value(user::UNIT.selector()).as_id(),
                reports_to: value(user::REPORTS_TO.selector()).as_id(),
                service: value(user::KIND.selector()).as_text() == Some(access::UserKind::Service.code()),
            })
        })
    }

    fn units(&self) -> Result<Vec<UnitFact>> {
        self.rows::<access::Unit, _>(|record, value| {
            Some(UnitFact { id: record.id, parent: value(unit::PARENT.selector()).as_id() })
        })
    }

    /// Who has which role.
    fn assignments(&self) -> Result<Assignments> {
        let rows = self.rows::<access::RoleAssignment, _>(|_, value| {
            let user = value(role_assignment::USER.selector()).as_id()?;
            let role = value(role_assignment::ROLE.selector()).as_id()?;
            let is_done = !value(role_assignment::GUIDE_DONE_AT.selector()).is_null();
            let guide = value(role_assignment::GUIDE.selector()).as_text().map(str::to_owned);
            Some((user, role, guide.filter(|_| !is_done)))
        })?;
        let (mut counting, mut waiting) = (Vec::new(), Vec::new());
        for (user, role, guide) in rows {
            match guide {
                None => counting.push((user, role)),
                Some(guide) => waiting.push((user, WaitingRole { role, guide })),
            }
        }
        Ok(Assignments { counting, waiting })
    }

    fn teams(&self) -> Result<TeamFacts> {
        Ok(TeamFacts {
            members: self.rows::<access::TeamMember, _>(|_, value| {
                let team = value(team_member::TEAM.selector()).as_id()?;
                Some((team, value(team_member::USER.selector()).as_id()?))
            })?,
            roles: self.rows::<access::TeamRole, _>(|_, value| {
                let team = value(team_role::TEAM.selector()).as_id()?;
                Some((team, value(team_role::ROLE.selector()).as_id()?))
            })?,
        })
    }

    fn pools(&self) -> Result<Vec<PoolFact>> {
        let members = self.rows::<access::PoolMember, _>(|_, value| {
            let with = principals_of(value, &POOL_MEMBERS)?;
            Some((value(pool_member::POOL.selector()).as_id()?, with))
        })?;
        let mut by_pool: BTreeMap<RecordId, Vec<access::Principals>> = BTreeMap::new();
        for (pool, with) in members {
            by_pool.entry(pool).or_default().push(with);
        }
        self.rows::<access::Pool, _>(|record, value| {
            let members = by_pool.get(&record.id).cloned().unwrap_or_default();
            let views_per_day = match value(pool::VIEWS_PER_DAY.selector()) {
                Value::Int(most) => Some(most.unsigned_abs()),
                _ => None,
            };
            Some(PoolFact { id: record.id, partition: record.envelope.partition, members, views_per_day })
        })
    }

    fn pool_covers(&self) -> Result<Vec<StatedCover>> {
        self.rows::<access::Pool, _>(|record, value| {
            let text = |name| value(name).as_text().unwrap_or_default().to_owned();
            let (hidden, masked) =
                (text(pool::HIDDEN_FIELDS.selector()), text(pool::MASKED_FIELDS.selector()));
            Some(StatedCover { pool: record.id, hidden, masked })
        })
    }

    fn delegations(&self) -> Result<Vec<DelegationFact>> {
        self.rows::<access::Delegation, _>(|record, value| delegation_of(record.id, value))
    }

    fn grants(&self) -> Result<Vec<StatedGrant>> {
        self.rows::<access::Grant, _>(|record, value| {
            let text = |name| value(name).as_text().map(str::to_owned);
            Some(StatedGrant {
                id: record.id,
                role: value(grant::ROLE.selector()).as_id()?,
                action: choice::<Action>(&text(grant::ACTION.selector())?)?,
                level: choice::<Level>(&text(grant::LEVEL.selector())?)?,
                effect: text(grant::EFFECT.selector())
                    .map_or(Some(Effect::Allow), |code| choice::<Effect>(&code))?,
                hidden: text(grant::HIDDEN_FIELDS.selector()).unwrap_or_default(),
                masked: text(grant::MASKED_FIELDS.selector()).unwrap_or_default(),
                masked_in_lists: text(grant::LIST_MASKED_FIELDS.selector()).unwrap_or_default(),
                read_only: text(grant::READ_ONLY_FIELDS.selector()).unwrap_or_default(),
                visible: text(grant::VISIBLE_FIELDS.selector()).unwrap_or_default(),
                writable: text(grant::WRITABLE_FIELDS.selector()).unwrap_or_default(),
                entity: text(grant::ENTITY.selector())?,
            })
        })
    }
}

/// The fields that say who is a member of a pool.
pub(super) const POOL_MEMBERS: NamedPrincipals = NamedPrincipals {
    user: pool_member::USER.selector(),
    team: pool_member::TEAM.selector(),
    role: None,
    unit: pool_member::UNIT.selector(),
    below: pool_member::BELOW.selector(),
};

/// Who holds which position, whenever, by the records that say so.
pub(super) fn holders_of(
    snapshot: &dyn Snapshot,
    registry: &Registry,
) -> Result<Vec<(RecordId, HolderFact)>> {
    let bare =
        Policy::new(read_epoch(snapshot)?, Arc::default(), Arc::default(), load_classes(snapshot, None)?);
    Loader { snapshot, registry, bare: &bare, past: None }.holders()
}

/// What the record of a delegation says; nothing where it says nothing that can be understood.
pub(super) fn delegation_of(
    id: RecordId,
    value: &dyn Fn(FieldName<'static>) -> Value,
) -> Option<DelegationFact> {
    let entities = value(delegation::ENTITIES.selector());
    let names = entities.as_text().unwrap_or_default().split(',').map(str::trim);
    Some(DelegationFact {
        id,
        delegator: value(delegation::DELEGATOR.selector()).as_id()?,
        delegate: value(delegation::DELEGATE.selector()).as_id()?,
        from: moment_of(value(delegation::FROM.selector())),
        until: moment_of(value(delegation::UNTIL.selector()))?,
        entities: names.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
    })
}

pub(super) fn moment_of(value: Value) -> Option<Timestamp> {
    match value {
        Value::DateTime(moment) => Some(moment),
        _ => None,
    }
}

/// The number by which records name their partition.
pub(super) fn number_of(partition: &Record) -> u32 {
    u32::try_from(partition.envelope.record_number).unwrap_or(u32::MAX)
}

/// Field names as numbers, for one entity or, for `*`, for every entity that has a field of the name.
fn named_fields(registry: &Registry, entity: &str, names: &str) -> BTreeSet<FieldId> {
    let names: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return BTreeSet::new();
    }
    let named = entities_of(registry, entity).flat_map(|entity| {
        // A field stays hidden under a name that it bore, whoever bears that now.
        let named = names.iter().flat_map(|name| {
            let once = entity.fields().iter().filter(move |field| field.was_named(name));
            entity.field(FieldName::Name(name)).ok().into_iter().chain(once)
        });
        named.map(crate::schema::Field::id).collect::<Vec<_>>()
    });
    named.collect()
}

/// What keeps the translations of fields, and the fields that follow from them or from those.
fn follow(registry: &Registry, entity: &str, fields: &BTreeSet<FieldId>) -> BTreeSet<FieldId> {
    if fields.is_empty() {
        return BTreeSet::new();
    }
    let following = entities_of(registry, entity).flat_map(|entity| {
        let named = with_translations(entity, fields.clone());
        let kept = named.iter().filter(|field| !fields.contains(field)).copied();
        let following = entity.fields().iter().filter(|field| !field.inputs().is_disjoint(&named));
        kept.chain(following.map(crate::schema::Field::id)).collect::<Vec<_>>()
    });
    following.collect()
}

fn entities_of<'r>(registry: &'r Registry, name: &'r str) -> impl Iterator<Item = &'r Entity> {
    let named = move |known: &&Entity| match name {
        "*" => true,
        "sys.*" => known.api_name.starts_with("sys."),
        name => known.api_name == name,
    };
    registry.entities().iter().filter(named)
}

/// Fields together with what keeps their translations.
fn with_translations(entity: &Entity, named: BTreeSet<FieldId>) -> BTreeSet<FieldId> {
    let texts = entity.fields().iter().filter(|field| named.contains(&field.id()));
    let kept: Vec<FieldId> = texts.filter_map(|field| Some(entity.translations_of(field)?.id())).collect();
    named.into_iter().chain(kept).collect()
}

fn choice<C: Codes>(code: &str) -> Option<C> {
    C::ALL.iter().find(|(_, known, _, _)| *known == code).map(|(choice, _, _, _)| *choice)
}

/// A role of a new database: what it may do to which entity, at which level.
type Template = (&'static str, &'static [(&'static str, &'static [Action], Level)]);

const EVERYTHING: &[Action] = &[
    Action::Create,
    Action::Read,
    Action::Update,
    Action::Delete,
    Action::Assign,
    Action::Export,
    Action::Import,
    Action::Share,
    Action::Approve,
    Action::Lock,
    Action::Administer,
];
const WORK: &[Action] = &[Action::Create, Action::Read, Action::Update];
const LEAD: &[Action] =
    &[Action::Create, Action::Read, Action::Update, Action::Assign, Action::Export, Action::Import];
const SEE: &[Action] = &[Action::Read];

/// The administrator's role alone stands before the extensions seed theirs.
const ADMINISTRATOR: Template =
    ("administrator", &[("*", EVERYTHING, Level::All), ("sys.*", EVERYTHING, Level::All)]);

const TEMPLATES: &[Template] = &[
    ("director", &[("*", LEAD, Level::All), ("sys.user", SEE, Level::All), ("sys.unit", SEE, Level::All)]),
    (
        "manager",
        &[
            ("*", LEAD, Level::OwnAndSubordinates),
            ("sys.user", SEE, Level::All),
            ("sys.unit", SEE, Level::All),
        ],
    ),
    ("salesperson", &[("*", WORK, Level::Own), ("sys.user", SEE, Level::All), ("sys.unit", SEE, Level::All)]),
];

/// Writes the templates and makes the first user their administrator.
pub(super) fn seed(
    transaction: &mut Transaction<'_>,
    administrator: RecordId,
    shared: &[String],
) -> Result<()> {
    let mut roles = BTreeMap::new();
    for (name, grants) in std::iter::once(&ADMINISTRATOR).chain(TEMPLATES) {
        let role = transaction.create_record(access::Role::NAME, Changes::new().set(role::NAME, *name))?;
        roles.insert(*name, role);
        let own = grants.iter().map(|(entity, actions, level)| (*entity, *actions, *level));
        let everybody = shared.iter().map(|entity| (entity.as_str(), SEE, Level::All));
        for (entity, actions, level) in own.chain(everybody) {
            for action in actions {
                let changes = Changes::new()
                    .set(grant::ROLE, role)
                    .set(grant::ENTITY, entity)
                    .set(grant::ACTION, *action)
                    .set(grant::LEVEL, level);
                transaction.create_record(access::Grant::NAME, changes)?;
            }
        }
    }
    if let Some(role) = roles.get(ADMINISTRATOR.0) {
        let changes =
            Changes::new().set(role_assignment::USER, administrator).set(role_assignment::ROLE, *role);
        transaction.create_record(access::RoleAssignment::NAME, changes)?;
    }
    Ok(())
}
