//! Pool policy: when a pool takes back what nobody works at, and who may claim how much of it.
//!
//! Every write of an account or lead goes through one rule (`Hold`), whatever door it comes through, so the moment at
//! which a record goes back is always that which follows from its clocks: it stands in an index, and a tick takes what
//! has come. A policy that changes is brought to the records that stand in chunks, by the same tick.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Code, Error, RecordId, Result, Timestamp, Value};
use crate::engine::{
    BeforeSave, Changes, Comparison, Condition, Direction, DueDone, DueWork, Find, Listing, Page, PageCursor,
    Pool, Registrar, Save, Session, Transaction,
};
use crate::model::owner_change::{self, OwnerChange, OwnerChangeKind};
use crate::model::{Account, Lead, Opportunity, Status, account, lead, opportunity, task};
use crate::schema::declare::{codes, entity};
use crate::schema::{
    Bool, Choice, DateTime, EntityType, FieldName, IndexDefinition, Int, OnDelete, PhoneRegion,
    RecordReference, Reference, Text, normalize_value,
};
use crate::time::is_of_record;

/// The cause of what a pool takes back.
pub(super) const RECYCLE: &str = "pool.recycle";
/// The cause of what is brought to a policy that has changed.
const REFRESH: &str = "pool.refresh";
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// Records that one tick brings to a new policy, before others have their turn.
const CHUNK: usize = 200;
/// Longest term, in days.
const MAX_DAYS: i64 = 36_500;

codes! {
    /// What a policy is about.
    PooledEntity {
        /// Accounts.
        Account = "account", "客户", "Account";
        /// Leads.
        Lead = "lead", "线索", "Lead";
    }
}

entity! {
    /// When a pool takes records of one kind back, and who may claim how many.
    PoolPolicy = ("crm", 11, "pool_policy", "公海规则", "Pool policy",
        "公海何时收回某类记录，以及领取的限制。", title "name", data_subject false);
    /// What it is called.
    NAME: Text = 1, "name", "名称", "Name", "规则名称。", [required = true];
    /// The pool to which records go back.
    POOL: Reference<Pool> = 2, "pool", "公海", "Pool", "记录退回的公海。",
        [required = true, on_delete = OnDelete::Cascade];
    /// Of what.
    OF: Choice<PooledEntity> = 3, "of", "适用对象", "Of", "适用的记录类型。", [required = true];
    /// Whether records that name no pool are of this one; at most one policy for each kind.
    DEFAULT_OF: Choice<PooledEntity> = 4, "default_of", "默认适用", "Default of",
        "未指定公海的此类记录默认适用本规则；每类至多一条。", [unique = true, indexed = true];
    /// Whether it takes anything back; yes unless it is said.
    ACTIVE: Bool = 5, "active", "启用", "Active", "是否启用；未填写时为是。", [];
    /// Days without effective work after which a record goes back.
    FOLLOW_UP_DAYS: Int = 6, "follow_up_days", "未跟进天数", "Days without follow-up", "多少天无有效跟进后收回。", [];
    /// Days without a new deal after which a record goes back.
    OPPORTUNITY_DAYS: Int = 7, "opportunity_days", "无新商机天数", "Days without a new deal", "多少天无新商机后收回。", [];
    /// Days without a deal that was won, after which a record goes back.
    DEAL_DAYS: Int = 8, "deal_days", "未成交天数", "Days without a won deal", "多少天未成交后收回。", [];
    /// Days within which a record that was got is contacted for the first time.
    FIRST_CONTACT_DAYS: Int = 9, "first_contact_days", "首次跟进天数", "Days to the first contact",
        "获得后多少天内须首次跟进。", [];
    /// Days within which a lead is converted.
    CONVERSION_DAYS: Int = 10, "conversion_days", "转化天数", "Days to conversion", "线索须在多少天内转化。", [];
    /// Whether customers who have bought stay.
    KEEPS_WON: Bool = 11, "keeps_won", "已成交不收回", "Keeps won customers", "已成交客户是否不收回。", [];
    /// Whether customers with open deals stay.
    KEEPS_OPEN: Bool = 12, "keeps_open", "有商机不收回", "Keeps customers with open deals", "有进行中商机的客户是否不收回。", [];
    /// Days before the end at which the owner is warned, the largest first: `7 3 1`.
    WARN_DAYS: Text = 13, "warn_days", "预警天数", "Days of warning", "收回前多少天预警负责人，如 `7 3 1`。", [];
    /// Most records that one person claims in a day.
    CLAIMS_PER_DAY: Int = 14, "claims_per_day", "每日领取上限", "Claims per day", "每人每天最多领取数。", [];
    /// Most records of the pool that one person holds.
    CAPACITY: Int = 15, "capacity", "库容", "Capacity", "每人最多持有本公海的记录数。", [];
    /// Days for which the last owner may not claim a record again.
    COOL_DOWN_DAYS: Int = 16, "cool_down_days", "原负责人冷却天数", "Days of cool-down", "原负责人多少天内不得再次领取。", [];
    /// Longest protection of a record, in days; none where there is none.
    PROTECTION_DAYS: Int = 17, "protection_days", "保护期上限", "Days of protection", "保护期最长天数；为空则不可保护。", [];
    /// Most records that one person protects at a time.
    PROTECTION_MOST: Int = 18, "protection_most", "保护数量上限", "Most protected", "每人同时保护的最多记录数。", [];
    /// When records that stand are brought to it. The engine keeps it.
    REFRESH_AT: DateTime = 19, "refresh_at", "重算时间", "Refresh at", "按本规则重算现有记录的时刻，由引擎维护。",
        [read_only = true];
    /// Up to which record that is done.
    REFRESHED: Text = 20, "refreshed", "重算进度", "Refreshed", "重算的进度。", [];
    /// What stands once: the pool and the kind. The engine keeps it.
    KEY: Text = 21, "key", "唯一标识", "Key", "由公海与类型构成的唯一标识，由引擎维护。", [unique = true, read_only = true];
}

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(PoolPolicy::definition().in_module("parties"));
    registrar.entity(OwnerChange::definition().in_module("parties"));
    registrar.everybody_reads(PoolPolicy::NAME);
    registrar.before_save(PoolPolicy::NAME, 100, Arc::new(CheckPolicy));
    registrar.due(
        PoolPolicy::NAME,
        IndexDefinition::of_due("crm", 1, "refreshes", REFRESH_AT.name()),
        Arc::new(Refresh),
    );
    for held in HELD {
        registrar.before_save(held.entity, 200, Arc::new(Hold(held)));
        let recycle = IndexDefinition::of_due("crm", 51, "recycles", held.recycle_at);
        registrar.due(held.entity, recycle, Arc::new(Recycle(held)));
        let warn = IndexDefinition::of_due("crm", 52, "warnings", held.warn_at);
        registrar.due(held.entity, warn, Arc::new(Warn(held)));
    }
}

/// What pools hold, and the names of the fields by which they do.
#[derive(Debug, Clone, Copy)]
struct Held {
    entity: &'static str,
    of: PooledEntity,
    pool: &'static str,
    held_since: &'static str,
    last_activity_at: &'static str,
    recycle_at: &'static str,
    warn_at: &'static str,
    protected_until: &'static str,
}

const HELD: [Held; 2] = [
    Held {
        entity: Account::NAME,
        of: PooledEntity::Account,
        pool: account::POOL.name(),
        held_since: account::HELD_SINCE.name(),
        last_activity_at: account::LAST_ACTIVITY_AT.name(),
        recycle_at: account::RECYCLE_AT.name(),
        warn_at: account::WARN_AT.name(),
        protected_until: account::PROTECTED_UNTIL.name(),
    },
    Held {
        entity: Lead::NAME,
        of: PooledEntity::Lead,
        pool: lead::POOL.name(),
        held_since: lead::HELD_SINCE.name(),
        last_activity_at: lead::LAST_ACTIVITY_AT.name(),
        recycle_at: lead::RECYCLE_AT.name(),
        warn_at: lead::WARN_AT.name(),
        protected_until: lead::PROTECTED_UNTIL.name(),
    },
];

/// What a policy says, as far as it says it.
#[derive(Debug, Clone, Default)]
struct Terms {
    pool: Option<RecordId>,
    is_default: bool,
    active: bool,
    follow_up: Option<i64>,
    opportunity: Option<i64>,
    deal: Option<i64>,
    first_contact: Option<i64>,
    conversion: Option<i64>,
    keeps_won: bool,
    keeps_open: bool,
    warn: Vec<i64>,
    claims_per_day: Option<i64>,
    capacity: Option<i64>,
    cool_down: Option<i64>,
    protection: Option<i64>,
    protection_most: Option<i64>,
}

/// The clocks of a record that a pool looks at.
#[derive(Debug, Clone, Copy, Default)]
struct Clocks {
    held_since: Option<Timestamp>,
    last_activity: Option<Timestamp>,
    last_opportunity: Option<Timestamp>,
    last_deal: Option<Timestamp>,
    protected_until: Option<Timestamp>,
    is_over: bool,
}

impl Clocks {
    /// The clocks of a record's values, by the names of the fields.
    fn of(held: Held, value: &dyn Fn(&str) -> Result<Value>) -> Result<Self> {
        let moment = |name: &str| value(name).map(|value| moment_of(&value));
        let mut clocks = Self {
            held_since: moment(held.held_since)?,
            last_activity: moment(held.last_activity_at)?,
            protected_until: moment(held.protected_until)?,
            ..Self::default()
        };
        match held.of {
            PooledEntity::Account => {
                clocks.last_opportunity = moment(account::LAST_OPPORTUNITY_AT.name())?;
                clocks.last_deal = moment(account::LAST_DEAL_AT.name())?;
            }
            PooledEntity::Lead => clocks.is_over = lead::is_over(&value(lead::STATUS.name())?),
        }
        Ok(clocks)
    }
}

impl Terms {
    /// What a policy's values say, by the names of the fields.
    fn of(value: &dyn Fn(&str) -> Result<Value>) -> Result<Self> {
        let days = |name: &str| {
            Ok::<_, Error>(match value(name)? {
                Value::Int(number) => Some(number),
                _ => None,
            })
        };
        let says = |name: &str| Ok::<_, Error>(value(name)? == Value::Bool(true));
        Ok(Self {
            pool: value(POOL.name())?.as_id(),
            is_default: !value(DEFAULT_OF.name())?.is_null(),
            active: value(ACTIVE.name())? != Value::Bool(false),
            follow_up: days(FOLLOW_UP_DAYS.name())?,
            opportunity: days(OPPORTUNITY_DAYS.name())?,
            deal: days(DEAL_DAYS.name())?,
            first_contact: days(FIRST_CONTACT_DAYS.name())?,
            conversion: days(CONVERSION_DAYS.name())?,
            keeps_won: says(KEEPS_WON.name())?,
            keeps_open: says(KEEPS_OPEN.name())?,
            warn: warnings_of(value(WARN_DAYS.name())?.as_text().unwrap_or_default())?,
            claims_per_day: days(CLAIMS_PER_DAY.name())?,
            capacity: days(CAPACITY.name())?,
            cool_down: days(COOL_DOWN_DAYS.name())?,
            protection: days(PROTECTION_DAYS.name())?,
            protection_most: days(PROTECTION_MOST.name())?,
        })
    }

    /// The policy that a record is under: that of the pool which it names, or the default of its kind.
    fn for_save(save: &Save<'_>, held: Held) -> Result<Option<Self>> {
        let policy = match save.value(held.pool)?.as_id() {
            Some(pool) => save.find_unique(PoolPolicy::NAME, KEY, &key_of(pool, held.of.code()))?,
            None => save.find_unique(PoolPolicy::NAME, DEFAULT_OF, &Value::from(held.of.code()))?,
        };
        let Some(policy) = policy else { return Ok(None) };
        let policy = save.seen_one(PoolPolicy::NAME, policy)?;
        policy.map(|policy| Self::of(&|name| policy.value(name))).transpose()
    }

    /// The records that the policy is about: those that name its pool, and of a default one those that name none.
    fn records(&self, held: Held) -> Condition {
        let pool = self.pool.map_or(Value::Null, Value::Id);
        let named = Condition::Compare(held.pool.into(), Comparison::Equal, pool);
        match self.is_default {
            true => Condition::Any(vec![named, Condition::IsNull(held.pool.into())]),
            false => named,
        }
    }

    /// Whether somebody may hold one record more of those that the policy is about.
    fn has_room(&self, save: &Save<'_>, held: Held, user: RecordId) -> Result<bool> {
        let Some(most) = self.capacity else { return Ok(true) };
        Ok(save.count_owned(held.entity, user, &self.records(held))? < most.unsigned_abs())
    }

    /// When a record goes back by its clocks, if it ever does.
    fn recycle_at(&self, clocks: &Clocks) -> Option<Timestamp> {
        let since = clocks.held_since.filter(|_| self.active && !clocks.is_over)?;
        let after = |moment: Option<Timestamp>, days: Option<i64>| {
            Some(plus_days(moment.map_or(since, |moment| moment.max(since)), days?))
        };
        let worked_on = clocks.last_activity.is_some_and(|moment| moment >= since);
        let first = self.first_contact.filter(|_| !worked_on);
        let ends = [
            after(clocks.last_activity, self.follow_up),
            after(clocks.last_opportunity, self.opportunity),
            after(clocks.last_deal, self.deal),
            after(None, first),
            after(None, self.conversion),
        ];
        let end = ends.into_iter().flatten().min()?;
        Some(clocks.protected_until.map_or(end, |until| end.max(until)))
    }

    /// The next warning before an end.
    fn warn_at(&self, end: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let moments = self.warn.iter().map(|days| plus_days(end, days.saturating_neg()));
        moments.filter(|moment| *moment > now).min()
    }
}

/// The room that the policy of a record leaves to people.
pub(super) struct Room {
    held: Held,
    terms: Option<Terms>,
}

impl Room {
    pub fn of(save: &Save<'_>, of: PooledEntity) -> Result<Self> {
        let held = held_of(of);
        Ok(Self { held, terms: Terms::for_save(save, held)? })
    }

    /// Whether somebody has room for the record.
    pub fn is_left_to(&self, save: &Save<'_>, user: RecordId) -> Result<bool> {
        self.terms.as_ref().map_or(Ok(true), |terms| terms.has_room(save, self.held, user))
    }
}

/// The key of the policy of a pool for one kind of records.
fn key_of(pool: RecordId, kind: &str) -> Value {
    Value::Text(format!("{pool}.{kind}"))
}

fn plus_days(moment: Timestamp, days: i64) -> Timestamp {
    Timestamp::from_micros(moment.micros().saturating_add(days.saturating_mul(DAY)))
}

fn warnings_of(text: &str) -> Result<Vec<i64>> {
    let wrong = || Error::new(Code::InvalidArgument).field(WARN_DAYS.name()).rule("days: 7 3 1").value(text);
    let parts = text.split([' ', ',', '，', '、']).filter(|part| !part.is_empty());
    let days = parts.map(|part| part.parse::<i64>().ok().filter(|days| (1..=MAX_DAYS).contains(days)));
    let days: Option<Vec<i64>> = days.collect();
    days.filter(|days| days.len() <= 10).ok_or_else(wrong)
}

/// Holds a policy to what can be done, and lets records that stand be brought to it.
struct CheckPolicy;

impl BeforeSave for CheckPolicy {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        save.check_user_administers()?;
        if save.value(ACTIVE)?.is_null() {
            save.set(ACTIVE, true)?;
        }
        warnings_of(save.value(WARN_DAYS)?.as_text().unwrap_or_default())?;
        let terms = [
            FOLLOW_UP_DAYS,
            OPPORTUNITY_DAYS,
            DEAL_DAYS,
            FIRST_CONTACT_DAYS,
            CONVERSION_DAYS,
            CLAIMS_PER_DAY,
            CAPACITY,
            COOL_DOWN_DAYS,
            PROTECTION_DAYS,
            PROTECTION_MOST,
        ];
        for field in terms {
            let value = save.value(field)?;
            if matches!(value, Value::Int(days) if !(1..=MAX_DAYS).contains(&days)) {
                return Err(Error::new(Code::OutOfRange).field(field.name()).rule("1 to 36500"));
            }
        }
        let default = save.value(DEFAULT_OF)?;
        if !default.is_null() && default != save.value(OF)? {
            return Err(Error::new(Code::InvalidArgument).field(DEFAULT_OF.name()).rule("as in `of`"));
        }
        if let (Some(pool), Some(kind)) = (save.value(POOL)?.as_id(), save.value(OF)?.as_text()) {
            save.set(KEY, key_of(pool, kind))?;
        }
        if save.value(REFRESHED)? == save.old_value(REFRESHED)? {
            let now = save.now();
            save.set(REFRESHED, Value::Null)?;
            save.set(REFRESH_AT, now)?;
        }
        Ok(())
    }
}

/// The rule of owners: clocks, limits of claims, history, and when a record goes back.
struct Hold(Held);

impl BeforeSave for Hold {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let terms = Terms::for_save(save, self.0)?;
        let change = save.old_owner().filter(|from| *from != save.owner()).map(|from| (from, save.owner()));
        if let Some((from, to)) = change {
            if let Some(terms) = &terms {
                self.check_claim(save, terms, (from, to))?;
            }
            owner_change::note(save, (from, to))?;
        }
        // Protection is of the one who asked for it, and is held to the policy of the pool in which it was.
        let elsewhere = save.changes(self.0.pool)? && !save.changes(self.0.protected_until)?;
        if change.is_some() || elsewhere {
            save.set(self.0.protected_until, Value::Null)?;
        }
        let Some(terms) = terms else { return save.set(self.0.recycle_at, Value::Null) };
        // Time is counted from when the owner got it, and at the earliest from when there is a policy.
        if change.is_some() || save.value(self.0.held_since)?.is_null() {
            let now = save.now();
            save.set(self.0.held_since, now)?;
        }
        self.check_protection(save, &terms)?;
        self.plan(save, &terms)
    }
}

impl Hold {
    /// Finds when the record goes back, and when its owner is warned.
    fn plan(&self, save: &mut Save<'_>, terms: &Terms) -> Result<()> {
        let held = !save.is_pool(save.owner());
        let end = if held { terms.recycle_at(&Clocks::of(self.0, &|name| save.value(name))?) } else { None };
        let before = save.old_value(self.0.recycle_at)?;
        save.set(self.0.recycle_at, end)?;
        // A warning that was missed is still given, unless the end has moved or the policy has changed.
        if save.value(self.0.recycle_at)? != before || save.cause().ends_with(REFRESH) {
            let now = save.now();
            save.set(self.0.warn_at, end.and_then(|end| terms.warn_at(end, now)))?;
        }
        Ok(())
    }

    /// A person who gets a record has room for it; and who claims it has claims left today, and did not have it lately.
    fn check_claim(&self, save: &Save<'_>, terms: &Terms, (from, to): (RecordId, RecordId)) -> Result<()> {
        if save.is_pool(to) {
            return Ok(());
        }
        let refused = |code: Code| Err(Error::new(code).entity(self.0.entity).record(save.record()));
        if !terms.has_room(save, self.0, to)? {
            return refused(Code::PoolCapacity);
        }
        if owner_change::kind_of(save, (from, to)) != OwnerChangeKind::Claimed {
            return Ok(());
        }
        if let Some(most) = terms.claims_per_day {
            let today = save.today()?.start_in(&save.zone()?)?;
            let claimed = vec![
                owner_change::KIND.is(OwnerChangeKind::Claimed),
                owner_change::AT.at_least(today),
                owner_change::FROM.is(RecordReference::new(Pool::NAME, from)),
            ];
            if save.count_owned(OwnerChange::NAME, to, &Condition::All(claimed))? >= most.unsigned_abs() {
                return refused(Code::PoolClaims);
            }
        }
        if let Some(days) = terms.cool_down {
            let since = plus_days(save.now(), days.saturating_neg());
            let had = vec![
                owner_change::RECORD.is(save.record().to_string()),
                owner_change::FROM.is(RecordReference::new("sys.user", to)),
                owner_change::AT.at_least(since),
            ];
            if save.count_owned(OwnerChange::NAME, to, &Condition::All(had))? > 0 {
                return refused(Code::PoolCoolDown);
            }
        }
        Ok(())
    }

    fn check_protection(&self, save: &Save<'_>, terms: &Terms) -> Result<()> {
        if !save.changes(self.0.protected_until)? {
            return Ok(());
        }
        let Value::DateTime(until) = save.value(self.0.protected_until)? else { return Ok(()) };
        let refused = || Err(Error::new(Code::PoolProtection).entity(self.0.entity).record(save.record()));
        let Some(days) = terms.protection else { return refused() };
        if until > plus_days(save.now(), days) {
            return refused();
        }
        if let Some(most) = terms.protection_most {
            let field = || self.0.protected_until.into();
            let now = save.now();
            let protected = Condition::Compare(field(), Comparison::Greater, now.into());
            // The record itself is as it was before.
            let stood = matches!(save.old_value(self.0.protected_until)?, Value::DateTime(old) if old > now);
            let others = save.count_owned(self.0.entity, save.owner(), &protected)?;
            if others.saturating_sub(u64::from(stood)) >= most.unsigned_abs() {
                return refused();
            }
        }
        Ok(())
    }
}

/// The policy that a stored record is under.
fn terms_of(transaction: &Transaction<'_>, held: Held, row: &Listing) -> Result<Option<Terms>> {
    let met = match row.value(held.pool)?.as_id() {
        Some(pool) => Condition::All(vec![POOL.is(pool), OF.is(held.of)]),
        None => DEFAULT_OF.is(held.of),
    };
    let page =
        transaction.reader().find(PoolPolicy::NAME, &Find { filter: met, limit: 1, ..Find::default() })?;
    let policy = page.rows.first();
    policy.map(|policy| Terms::of(&|name| policy.value(name))).transpose()
}

/// Takes a record back whose time is up.
struct Recycle(Held);

impl DueWork for Recycle {
    fn name(&self) -> &'static str {
        RECYCLE
    }

    fn run(&self, transaction: &mut Transaction<'_>, record: RecordId) -> Result<DueDone> {
        let row = transaction.get_record(self.0.entity, record)?;
        let Some(terms) = terms_of(transaction, self.0, &row)? else { return Ok(DueDone::Again(None)) };
        let Some(pool) = terms.pool.filter(|_| terms.active) else { return Ok(DueDone::Again(None)) };
        let mut clocks = Clocks::of(self.0, &|name| row.value(name))?;
        if self.0.of == PooledEntity::Account {
            match terms.ask_deals(transaction, record, &mut clocks)? {
                Deals::Nothing => {}
                Deals::Keep => return Ok(DueDone::Again(None)),
                Deals::Until(moment) => return Ok(DueDone::Again(Some(moment))),
            }
        }
        // The policy may have changed, and the record may not have been brought to it yet.
        match terms.recycle_at(&clocks) {
            Some(end) if end <= transaction.now() => {}
            end => return Ok(DueDone::Again(end)),
        }
        transaction.update_record(self.0.entity, record, Changes::new().owner(pool))?;
        Ok(DueDone::Moved)
    }
}

/// What the deals of an account say to its going back.
enum Deals {
    Nothing,
    Keep,
    Until(Timestamp),
}

impl Terms {
    /// Whether the deals of an account that is due keep it, for good or for a while, and when there were any. The clocks
    /// of deals may be behind for deals from before there was a policy, so the deals themselves are asked.
    fn ask_deals(
        &self,
        transaction: &Transaction<'_>,
        account: RecordId,
        clocks: &mut Clocks,
    ) -> Result<Deals> {
        let newest = |status: Option<Status>| -> Result<Option<Listing>> {
            let mut met = vec![opportunity::ACCOUNT.is(account)];
            met.extend(status.map(|status| opportunity::STATUS.is(status)));
            let sort = vec![("created_at".into(), Direction::Descending)];
            let find = Find { filter: Condition::All(met), sort, limit: 1, ..Find::default() };
            match transaction.reader().find(Opportunity::NAME, &find) {
                // Where deals are switched off, none keeps anything.
                Err(error) if error.code() == Code::ModuleOff => Ok(None),
                page => Ok(page?.rows.into_iter().next()),
            }
        };
        if self.keeps_open && newest(Some(Status::Open))?.is_some() {
            // It is looked at again tomorrow, when the deal may have closed.
            return Ok(Deals::Until(plus_days(transaction.now(), 1)));
        }
        let won = newest(Some(Status::Won))?;
        if self.keeps_won && won.is_some() {
            return Ok(Deals::Keep);
        }
        let made = |row: &Listing| row.record.envelope.created.at();
        clocks.last_opportunity = clocks.last_opportunity.max(newest(None)?.as_ref().map(made));
        clocks.last_deal = clocks.last_deal.max(won.as_ref().map(made));
        Ok(Deals::Nothing)
    }
}

fn moment_of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::DateTime(moment) => Some(*moment),
        _ => None,
    }
}

/// Warns an owner that a record will go back, by a task that is due then.
struct Warn(Held);

impl DueWork for Warn {
    fn name(&self) -> &'static str {
        "pool.warn"
    }

    fn run(&self, transaction: &mut Transaction<'_>, record: RecordId) -> Result<DueDone> {
        let row = transaction.get_record(self.0.entity, record)?;
        let now = transaction.now();
        let end = moment_of(&row.value(self.0.recycle_at)?).filter(|end| *end > now);
        let Some(end) = end else { return Ok(DueDone::Again(None)) };
        let Some(terms) = terms_of(transaction, self.0, &row)? else { return Ok(DueDone::Again(None)) };
        let words = crate::base::Label::new("即将收回公海：", "Goes back to the pool soon: ");
        task::tell_owner(transaction, &words, &row, end)?;
        Ok(DueDone::Again(terms.warn_at(end, now)))
    }
}

/// Brings records that stand to a policy that has changed, a chunk at a time.
struct Refresh;

impl DueWork for Refresh {
    fn name(&self) -> &'static str {
        REFRESH
    }

    fn run(&self, transaction: &mut Transaction<'_>, record: RecordId) -> Result<DueDone> {
        let policy = transaction.get_record(PoolPolicy::NAME, record)?;
        let of = policy.value(OF)?;
        let held = held_of(of_name(of.as_text().unwrap_or_default())?);
        let met = Terms::of(&|name| policy.value(name))?.records(held);
        let broken = |error: serde_json::Error| Error::new(Code::InvalidCursor).because(error);
        let after = policy.value(REFRESHED)?;
        let after = after.as_text().map(serde_json::from_str).transpose().map_err(broken)?;
        let find = Find { filter: met, limit: CHUNK, after, ..Find::default() };
        let page = transaction.reader().find(held.entity, &find)?;
        for row in &page.rows {
            let point = transaction.savepoint();
            match transaction.update_record(held.entity, row.record.id, Changes::new()) {
                // One that is locked, or that a rule refuses, holds up no other; it is looked at when its time has come.
                Err(error) if is_of_record(&error) => transaction.roll_back_to(point),
                updated => drop(updated?),
            }
        }
        let Some(next) = page.next else { return Ok(DueDone::Again(None)) };
        let changes = Changes::new().set(REFRESHED, serde_json::to_string(&next).map_err(broken)?);
        transaction.update_record(PoolPolicy::NAME, record, changes)?;
        let soon = Timestamp::from_micros(transaction.now().micros().saturating_add(1));
        Ok(DueDone::Again(Some(soon)))
    }
}

/// The kind of records with this name.
///
/// # Errors
/// `input.invalid_argument`.
pub fn of_name(name: &str) -> Result<PooledEntity> {
    let wrong = || Error::new(Code::InvalidArgument).field(OF.name()).value(name);
    PooledEntity::from_code(name).ok_or_else(wrong)
}

/// A record that would go back under another policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recycled {
    /// The record.
    pub id: RecordId,
    /// Whose it is.
    pub owner: RecordId,
    /// When it would go back.
    pub then: Timestamp,
    /// When it goes back as things stand, if it does.
    pub now: Option<Timestamp>,
}

/// What another policy would take back.
#[derive(Debug)]
pub struct SimulatedPool {
    /// How many records were looked at.
    pub looked_at: u64,
    /// Those that would go back.
    pub rows: Vec<Recycled>,
    /// Where to go on, if there is more.
    pub next: Option<PageCursor>,
}

/// Most records of one simulation.
const MAX_SIMULATED: usize = 10_000;

impl Session {
    /// What pools would take back within some days as things stand, the first to go first. Open and won deals that would
    /// keep an account are asked for when its time has come, not here.
    ///
    /// # Errors
    /// As [`crate::engine::Reader::find`].
    pub fn forecast_pool(&self, of: PooledEntity, days: i64, find: Find) -> Result<Page> {
        let held = held_of(of);
        let until = plus_days(self.crm().now(), days.clamp(0, MAX_DAYS));
        let soon = Condition::Compare(held.recycle_at.into(), Comparison::LessOrEqual, until.into());
        let sort = vec![(held.recycle_at.into(), Direction::Ascending)];
        self.list(held.entity, &Find { filter: Condition::All(vec![soon, find.filter]), sort, ..find })
    }

    /// Which records would go back within some days if a policy were otherwise, in the order of their ids. Nothing is
    /// changed, and deals are not asked.
    ///
    /// # Errors
    /// `record.not_found`; `schema.unknown_field`; `input.invalid_argument`; as [`crate::engine::Reader::find`].
    pub fn simulate_pool(
        &self,
        policy: RecordId,
        changes: &BTreeMap<String, Value>,
        days: i64,
        after: Option<PageCursor>,
    ) -> Result<SimulatedPool> {
        let row = self.get(PoolPolicy::NAME, policy)?;
        let entity = row.entity()?;
        let normal = |(name, value): (&String, &Value)| {
            let field = entity.field(FieldName::Name(name))?;
            let value = normalize_value(field, value.clone(), PhoneRegion::default())?;
            Ok((field.api_name.clone(), value))
        };
        let normal = changes.iter().map(normal).collect::<Result<BTreeMap<_, _>>>();
        let changes = normal.map_err(|error| error.entity(PoolPolicy::NAME))?;
        let terms = Terms::of(&|name| match changes.get(name) {
            Some(changed) => Ok(changed.clone()),
            None => row.value(name),
        })?;
        let of = row.value(OF)?;
        let held = held_of(of_name(of.as_text().unwrap_or_default())?);
        let met = terms.records(held);
        let now = self.crm().now();
        let until = plus_days(now, days.clamp(0, MAX_DAYS));
        let mut simulated = SimulatedPool { looked_at: 0, rows: Vec::new(), next: after };
        loop {
            let find =
                Find { filter: met.clone(), limit: 1_000, after: simulated.next.take(), ..Find::default() };
            let page = self.list(held.entity, &find)?;
            for row in &page.rows {
                simulated.looked_at = simulated.looked_at.saturating_add(1);
                simulated.rows.extend(would_go(&terms, held, row, now)?.filter(|row| row.then <= until));
            }
            simulated.next = page.next;
            if simulated.next.is_none() || simulated.looked_at >= MAX_SIMULATED as u64 {
                return Ok(simulated);
            }
            self.patience().check()?;
        }
    }
}

/// When a record would go back under a policy. What no policy has looked at yet is held from now on.
fn would_go(terms: &Terms, held: Held, row: &Listing, now: Timestamp) -> Result<Option<Recycled>> {
    let mut clocks = Clocks::of(held, &|name| row.value(name))?;
    clocks.held_since = clocks.held_since.or(Some(now));
    let then = terms.recycle_at(&clocks);
    let stands = moment_of(&row.value(held.recycle_at)?);
    let owner = row.record.envelope.owner;
    Ok(then.filter(|_| Some(owner) != terms.pool).map(|then| Recycled {
        id: row.record.id,
        owner,
        then,
        now: stands,
    }))
}

fn held_of(of: PooledEntity) -> Held {
    let [account, lead] = HELD;
    match of {
        PooledEntity::Account => account,
        PooledEntity::Lead => lead,
    }
}
