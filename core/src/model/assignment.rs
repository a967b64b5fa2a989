//! Assignment: to whom rules give leads and accounts, in turn, by weight, by territory or by load.
//!
//! A rule is a record, and so is the turn of each member: both change in the transaction that gives a record away, so
//! that no turn is given twice. Members take turns by virtual time. Each has come so far, and goes further by a stride
//! that is the smaller the more weight it has; the one who has come least far is next, and who was away goes on from
//! where the others are and does not catch up.

use std::sync::Arc;

use crate::base::{Code, Error, RecordId, Result, Timestamp, Value};
use crate::engine::{
    BeforeSave, Changes, Condition, Find, Listing, Reader, Registrar, Save, Seen, Transaction, User,
};
use crate::model::pool_policy::{self, PooledEntity, Room};
use crate::model::territory::{
    MAX_DEPTH, Territory, TerritoryMember, entity_of, members_of, territory_member,
};
use crate::model::{account, lead, territory};
use crate::schema::declare::{codes, entity};
use crate::schema::{Bool, Choice, DateTime, EntityType, Int, OnDelete, Reference, Text};

/// How far a turn takes a member of weight 1: it can be divided by every weight up to 20 without rest.
const STRIDE: i64 = 232_792_560;
/// Most assignments that are told of one record.
const MAX_TOLD: usize = 100;

codes! {
    /// How a rule chooses among those who are there.
    Spread {
        /// Each in turn.
        RoundRobin = "round_robin", "轮流", "Round robin";
        /// In turn, by weight.
        Weight = "weight", "按权重", "By weight";
        /// Who works at the fewest records, by weight.
        LeastLoaded = "least_loaded", "按负荷", "Least loaded";
    }
}

codes! {
    /// Why somebody was passed over.
    WhyNot {
        /// No active user of this partition.
        Inactive = "inactive", "未启用", "Not active";
        /// Away: somebody else acts for them.
        Away = "away", "不在岗", "Away";
        /// Has as many records as there may be.
        Full = "full", "已满额", "At capacity";
        /// Has the record already.
        Holds = "holds", "已是负责人", "Has it already";
    }
}

entity! {
    /// A rule by which leads or accounts are given to somebody. The first one by position that a record meets, and that
    /// has somebody for it, gives it away.
    AssignmentRule = ("crm", 15, "assignment_rule", "分配规则", "Assignment rule",
        "将线索或客户分配给人员的规则；按顺序取第一条符合且有人可分的规则。", title "name", data_subject false);
    /// What it is called.
    NAME: Text = 1, "name", "名称", "Name", "规则名称。", [required = true];
    /// Of what.
    OF: Choice<PooledEntity> = 2, "of", "适用对象", "Of", "适用的记录类型。", [required = true, indexed = true];
    /// Which rule is asked first: the one with the smaller position.
    POSITION: Int = 3, "position", "顺序", "Position", "规则的先后次序，小者优先。", [indexed = true];
    /// A condition that records meet; all do if not said.
    CONDITION: Text = 4, "condition", "条件", "Condition", "记录须满足的条件表达式；未填写时均符合。", [];
    /// The territory to which records belong, or to one below it.
    TERRITORY: Reference<Territory> = 5, "territory", "区域", "Territory", "记录须属于的区域，含下级。",
        [on_delete = OnDelete::Cascade];
    /// How it chooses; each in turn if not said.
    SPREAD: Choice<Spread> = 6, "spread", "分配方式", "Spread", "在可分配人员中如何选择；未填写时轮流。", [];
    /// Whether it chooses among the members of the record's territory, or of the nearest one above, and not among its
    /// own.
    BY_TERRITORY: Bool = 7, "by_territory", "按区域成员", "By territory", "是否在记录所属区域（或最近上级区域）的成员中选择。", [];
    /// Most records that a member works at, who has no limit of their own.
    CAPACITY: Int = 8, "capacity", "容量", "Capacity", "成员未另设容量时，每人最多同时跟进的记录数。", [];
    /// Whether it gives new records away at once, for which nobody named an owner.
    ON_CREATE: Bool = 9, "on_create", "新建时分配", "On create", "新建且未指定负责人的记录是否立即分配。", [];
    /// Whether it gives anything; yes unless it is said.
    ACTIVE: Bool = 10, "active", "启用", "Active", "是否启用；未填写时为是。", [];
    /// How far turns among its members have gone. The engine keeps it.
    TURN: Int = 11, "turn", "轮次", "Turn", "成员轮流分配的进度，由引擎维护。", [read_only = true];
}

/// To whom a rule gives records.
pub mod assignment_member {
    use super::{AssignmentRule, Int, OnDelete, Reference, Text, User, entity};

    entity! {
        /// Somebody to whom a rule gives records.
        AssignmentMember = ("crm", 16, "assignment_member", "分配成员", "Assignment member",
            "规则可将记录分配给的人员。", title "key", data_subject false);
        /// The rule.
        RULE: Reference<AssignmentRule> = 1, "rule", "规则", "Rule", "所属的分配规则。",
            [required = true, on_delete = OnDelete::Cascade];
        /// Who gets records.
        USER: Reference<User> = 2, "user", "成员", "User", "可分得记录的用户。",
            [required = true, on_delete = OnDelete::Cascade];
        /// How many turns the member has where another one has one, from 1 to 100; 1 if not said.
        WEIGHT: Int = 3, "weight", "权重", "Weight", "相对的分配份额，1 至 100；未填写时为 1。", [];
        /// Most records that the member works at, whatever the rule says.
        CAPACITY: Int = 4, "capacity", "容量", "Capacity", "该成员最多同时跟进的记录数，优先于规则的设定。", [];
        /// How far the member's own turns have gone. The engine keeps it.
        PASS: Int = 5, "pass", "已轮次", "Pass", "该成员的轮次进度，由引擎维护。", [read_only = true];
        /// What stands once: the rule and the user. The engine keeps it.
        KEY: Text = 6, "key", "唯一标识", "Key", "由规则与成员构成的唯一标识，由引擎维护。", [unique = true, read_only = true];
    }
}

pub use assignment_member::AssignmentMember;

/// What was given to whom by which rule.
pub mod given {
    use super::{AssignmentRule, DateTime, OnDelete, Reference, Text, User, entity};

    entity! {
        /// One record that a rule gave to somebody, or found nobody for; written by the rule and by nobody else.
        Assignment = ("crm", 17, "assignment", "分配记录", "Assignment",
            "按规则进行的一次分配及其依据，由规则自动写入。", title "rule_name", data_subject false);
        /// The id of what was given. It is a text, so that it outlives the record.
        RECORD: Text = 1, "record", "对象", "Record", "被分配的记录标识。",
            [required = true, indexed = true, read_only = true];
        /// The entity of what was given, by API name.
        ENTITY: Text = 2, "entity", "实体", "Entity", "被分配的记录所属实体的 API 名称。",
            [required = true, read_only = true];
        /// The rule; of several that found nobody, the first.
        RULE: Reference<AssignmentRule> = 3, "rule", "规则", "Rule", "依据的规则；均无人可分时为第一条。",
            [read_only = true, on_delete = OnDelete::SetNull];
        /// What the rule was called then.
        RULE_NAME: Text = 4, "rule_name", "规则名称", "Rule name", "分配时规则的名称。", [required = true, read_only = true];
        /// Who got it; nobody if nobody was there.
        TO: Reference<User> = 5, "to_user", "分配给", "To", "分得记录的用户；无人可分时为空。",
            [read_only = true, on_delete = OnDelete::SetNull];
        /// When.
        AT: DateTime = 6, "at", "时间", "At", "分配的时刻。", [required = true, indexed = true, read_only = true];
        /// Who was passed over, and why: `user=reason`, separated by blanks.
        PASSED_OVER: Text = 7, "passed_over", "跳过人员", "Passed over", "被跳过的人员及原因。", [read_only = true];
        /// Who had it assigned, or made it.
        BY: Reference<User> = 8, "by_user", "操作人", "By", "发起分配或新建记录的用户。",
            [read_only = true, on_delete = OnDelete::SetNull];
    }
}

pub use given::Assignment;

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(AssignmentRule::definition().in_module("parties"));
    registrar.entity(AssignmentMember::definition().in_module("parties"));
    registrar.entity(Assignment::definition().in_module("parties"));
    registrar.before_save(AssignmentRule::NAME, 100, Arc::new(CheckRule));
    let of_rule = CheckMember { of: assignment_member::RULE.name() };
    registrar.before_save(AssignmentMember::NAME, 100, Arc::new(of_rule));
    let of_territory = CheckMember { of: territory_member::TERRITORY.name() };
    registrar.before_save(TerritoryMember::NAME, 100, Arc::new(of_territory));
    for of in [PooledEntity::Account, PooledEntity::Lead] {
        registrar.before_save(entity_of(of), 300, Arc::new(Assign(of)));
    }
}

/// Holds a rule to what can be done; it is made by who administers rules.
struct CheckRule;

impl BeforeSave for CheckRule {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if !save.changes_what_is_said() {
            return Ok(());
        }
        save.check_user_administers()?;
        if save.value(ACTIVE)?.is_null() {
            save.set(ACTIVE, true)?;
        }
        check_range(save, CAPACITY.name(), i64::MAX)?;
        if let (Some(criteria), Some(of)) = (save.value(CONDITION)?.as_text(), save.value(OF)?.as_text()) {
            let entity = entity_of(pool_policy::of_name(of)?);
            save.check_criteria(entity, criteria).map_err(|error| error.field(CONDITION.name()))?;
        }
        Ok(())
    }
}

/// Holds a member to weights that are known, and to one place in what it is a member of.
struct CheckMember {
    of: &'static str,
}

impl BeforeSave for CheckMember {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if !save.changes_what_is_said() {
            return Ok(());
        }
        save.check_user_administers()?;
        check_range(save, assignment_member::WEIGHT.name(), 100)?;
        check_range(save, assignment_member::CAPACITY.name(), i64::MAX)?;
        let user = save.value(assignment_member::USER.name())?.as_id();
        if let (Some(of), Some(user)) = (save.value(self.of)?.as_id(), user) {
            save.set(assignment_member::KEY.name(), format!("{of}.{user}"))?;
        }
        Ok(())
    }
}

fn check_range(save: &Save<'_>, field: &'static str, most: i64) -> Result<()> {
    match save.value(field)? {
        Value::Int(number) if !(1..=most).contains(&number) => {
            Err(Error::new(Code::OutOfRange).field(field).rule(&format!("1 to {most}")))
        }
        _ => Ok(()),
    }
}

/// Where those are who may get a record: a rule or a territory with its members.
struct Source {
    entity: &'static str,
    holder: RecordId,
    members: &'static str,
}

impl Source {
    fn met(&self) -> Condition {
        match self.entity {
            Territory::NAME => members_of(self.holder),
            _ => assignment_member::RULE.is(self.holder),
        }
    }
}

/// Somebody who may get a record.
struct Candidate {
    member: RecordId,
    user: RecordId,
    weight: i64,
    capacity: Option<i64>,
    pass: i64,
    load: u64,
}

/// A rule that a record meets, as far as choosing takes it.
struct Rule {
    id: RecordId,
    name: String,
    spread: Spread,
    capacity: Option<i64>,
    by_territory: bool,
}

/// The rule of accounts and leads that gives them to somebody. Both name the fields alike.
struct Assign(PooledEntity);

impl BeforeSave for Assign {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let asked = save.value(account::ASSIGN.name())? == Value::Bool(true);
        if asked {
            save.check_user_assigns()?;
            save.set(account::ASSIGN.name(), Value::Null)?;
            if save.old_owner().is_some_and(|before| before != save.owner()) {
                return Err(Error::new(Code::InvalidArgument).field("assign").rule("an owner, or the rules"));
            }
        } else if !save.is_new() || save.names_owner() && !save.is_pool(save.owner()) {
            return Ok(());
        }
        self.assign(save, asked)
    }
}

impl Assign {
    /// Gives the record away by the first rule that has somebody for it, and writes down how that came about.
    fn assign(&self, save: &mut Save<'_>, asked: bool) -> Result<()> {
        let above = territories_above(save, save.value(account::TERRITORY.name())?.as_id())?;
        let rules = self.rules(save, asked, &above)?;
        let refused = |save: &Save<'_>, code: Code| Err(Error::new(code).record(save.record()));
        let Some(first) = rules.first() else {
            return if asked { refused(save, Code::AssignmentNoRule) } else { Ok(()) };
        };
        let room = Room::of(save, self.0)?;
        let mut passed = Vec::new();
        for rule in &rules {
            if let Some(to) = self.choose(save, (rule, &room), &above, &mut passed)? {
                let now = save.now();
                save.set(account::ASSIGNED_AT.name(), now)?;
                note(save, rule, Some(to), &passed);
                save.also_assign(to);
                return Ok(());
            }
        }
        if asked {
            return refused(save, Code::AssignmentNobody);
        }
        note(save, first, None, &passed);
        Ok(())
    }

    /// The rules that the record meets, in their order.
    fn rules(&self, save: &Save<'_>, asked: bool, above: &[RecordId]) -> Result<Vec<Rule>> {
        let mut met = vec![OF.is(self.0), ACTIVE.is(true)];
        if !asked {
            met.push(ON_CREATE.is(true));
        }
        let mut rules = Vec::new();
        for row in save.seen(AssignmentRule::NAME, &Condition::All(met), POSITION)? {
            let near = row.value(TERRITORY)?.as_id().is_none_or(|territory| above.contains(&territory));
            let condition = row.value(CONDITION)?;
            // A condition that is not understood any more, since a field has gone, is met by nothing.
            let meets = |criteria: &str| save.meets(criteria).unwrap_or(false);
            if near && condition.as_text().is_none_or(meets) {
                rules.push(rule_of(&row)?);
            }
        }
        Ok(rules)
    }

    /// Who gets the record by a rule, if anybody is there; the turn is the member's from then on.
    fn choose(
        &self,
        save: &mut Save<'_>,
        (rule, room): (&Rule, &Room),
        above: &[RecordId],
        passed: &mut Vec<(RecordId, WhyNot)>,
    ) -> Result<Option<RecordId>> {
        let of_territory = |holder: &RecordId| Source {
            entity: Territory::NAME,
            holder: *holder,
            members: TerritoryMember::NAME,
        };
        let own =
            || Source { entity: AssignmentRule::NAME, holder: rule.id, members: AssignmentMember::NAME };
        let sources = if rule.by_territory { above.iter().map(of_territory).collect() } else { vec![own()] };
        for source in sources {
            let turn = number(&save.value_of(source.entity, source.holder, TURN.name())?).unwrap_or(0);
            let there = self.candidates(save, (rule, room), &source, passed)?;
            let next = there.into_iter().min_by(|a, b| order(rule.spread, turn, a, b));
            let Some(next) = next else { continue };
            let reached = next.pass.max(turn);
            let stride = if rule.spread == Spread::Weight { STRIDE / next.weight } else { STRIDE };
            let pass = Changes::new().set(assignment_member::PASS.name(), reached.saturating_add(stride));
            save.also_update(source.members, next.member, pass);
            save.also_update(source.entity, source.holder, Changes::new().set(TURN.name(), reached));
            return Ok(Some(next.user));
        }
        Ok(None)
    }

    /// Those who are there, active and with room for the record.
    fn candidates(
        &self,
        save: &Save<'_>,
        (rule, room): (&Rule, &Room),
        source: &Source,
        passed: &mut Vec<(RecordId, WhyNot)>,
    ) -> Result<Vec<Candidate>> {
        let mut there = Vec::new();
        for row in save.seen(source.members, &source.met(), assignment_member::KEY.name())? {
            let Some(mut candidate) = candidate_of(&row, rule)? else { continue };
            match self.why_not(save, (rule, room), &mut candidate)? {
                Some(why) => passed.push((candidate.user, why)),
                None => there.push(candidate),
            }
        }
        Ok(there)
    }

    /// Why somebody does not get the record, if so; and how many they work at, where the rule asks for that.
    fn why_not(
        &self,
        save: &Save<'_>,
        (rule, room): (&Rule, &Room),
        candidate: &mut Candidate,
    ) -> Result<Option<WhyNot>> {
        let user = candidate.user;
        if !save.may_own(user) {
            return Ok(Some(WhyNot::Inactive));
        }
        if !save.is_new() && user == save.owner() {
            return Ok(Some(WhyNot::Holds));
        }
        if save.is_away(user) {
            return Ok(Some(WhyNot::Away));
        }
        // All that somebody owns is counted where that says something, and not for each record that comes in.
        if rule.spread == Spread::LeastLoaded || candidate.capacity.is_some() {
            candidate.load = save.count_owned(entity_of(self.0), user, &self.worked_at())?;
        }
        // A new record that is to be given away is nobody's load yet.
        let full = candidate.capacity.is_some_and(|most| candidate.load >= most.unsigned_abs());
        let is_full = full || !room.is_left_to(save, user)?;
        Ok(is_full.then_some(WhyNot::Full))
    }

    /// The records that somebody works at.
    fn worked_at(&self) -> Condition {
        match self.0 {
            PooledEntity::Account => Condition::Everything,
            PooledEntity::Lead => Condition::Not(Box::new(lead::STATUS.is_one_of(lead::OVER))),
        }
    }
}

/// Who of two is first.
fn order(spread: Spread, turn: i64, a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    let reached = |one: &Candidate| (one.pass.max(turn), one.member);
    let by_turn = reached(a).cmp(&reached(b));
    if spread != Spread::LeastLoaded {
        return by_turn;
    }
    let load =
        |one: &Candidate, other: &Candidate| u128::from(one.load) * u128::from(other.weight.unsigned_abs());
    load(a, b).cmp(&load(b, a)).then(by_turn)
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

fn rule_of(row: &Seen<'_>) -> Result<Rule> {
    Ok(Rule {
        id: row.id(),
        name: row.value(NAME)?.as_text().unwrap_or_default().to_owned(),
        spread: row.value(SPREAD)?.as_text().and_then(Spread::from_code).unwrap_or(Spread::RoundRobin),
        capacity: number(&row.value(CAPACITY)?),
        by_territory: row.value(BY_TERRITORY)? == Value::Bool(true),
    })
}

/// A member as it stands. Members of rules and of territories name the fields alike.
fn candidate_of(row: &Seen<'_>, rule: &Rule) -> Result<Option<Candidate>> {
    let named = |name: &str| Ok::<_, Error>(number(&row.value(name)?));
    let Some(user) = row.value(assignment_member::USER.name())?.as_id() else { return Ok(None) };
    Ok(Some(Candidate {
        member: row.id(),
        user,
        weight: named(assignment_member::WEIGHT.name())?.unwrap_or(1).clamp(1, 100),
        capacity: named(assignment_member::CAPACITY.name())?.or(rule.capacity),
        pass: named(assignment_member::PASS.name())?.unwrap_or(0),
        load: 0,
    }))
}

/// A territory and those above it, the nearest first.
fn territories_above(save: &Save<'_>, territory: Option<RecordId>) -> Result<Vec<RecordId>> {
    let mut above = Vec::new();
    let mut next = territory;
    while let (Some(at), true) = (next, above.len() < MAX_DEPTH) {
        above.push(at);
        next = save.value_of(Territory::NAME, at, territory::PARENT)?.as_id();
    }
    Ok(above)
}

/// Writes down what a rule did with the record that is being saved.
fn note(save: &mut Save<'_>, rule: &Rule, to: Option<RecordId>, passed: &[(RecordId, WhyNot)]) {
    let passed: Vec<String> = passed.iter().map(|(user, why)| format!("{user}={}", why.code())).collect();
    let user = save.user();
    let keeper = to.or(user).unwrap_or(save.owner());
    let changes = Changes::new()
        .owner(keeper)
        .set(given::RECORD, save.record().to_string())
        .set(given::ENTITY, save.entity())
        .set(given::RULE, rule.id)
        .set(given::RULE_NAME, rule.name.as_str())
        .set(given::TO, to)
        .set(given::AT, save.now())
        .set(given::PASSED_OVER, (!passed.is_empty()).then(|| passed.join(" ")))
        .set(given::BY, user);
    save.also_create(Assignment::NAME, changes);
}

/// How a record came to be given away by a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The rule, if it still stands.
    pub rule: Option<RecordId>,
    /// What it was called then.
    pub rule_name: String,
    /// Who got the record; nobody if nobody was there.
    pub to: Option<RecordId>,
    /// When.
    pub at: Option<Timestamp>,
    /// Who was passed over, and why.
    pub passed_over: Vec<(RecordId, WhyNot)>,
}

/// Gives a lead or an account to somebody by the rules, whether they give new ones away or not. What the rule did is
/// told as far as the user sees it.
///
/// # Errors
/// `access.not_permitted` without the right to assign the record; `assignment.no_rule` where it meets none;
/// `assignment.nobody` where nobody is there; as [`Transaction::update_record`].
pub fn assign(transaction: &mut Transaction<'_>, of: PooledEntity, id: RecordId) -> Result<Option<Assigned>> {
    let changes = Changes::new().set(account::ASSIGN.name(), true);
    let newest =
        |transaction: &Transaction<'_>| noted(&transaction.reader(), id).map(|rows| rows.into_iter().next());
    let before = newest(transaction)?.map(|row| row.record.id);
    transaction.update_record(entity_of(of), id, changes)?;
    // What the user sees may end with an earlier one, of which this is not the answer.
    let row = newest(transaction)?.filter(|row| Some(row.record.id) != before);
    row.as_ref().map(assigned_of).transpose()
}

/// What rules have done with a record, the last first, as far as the user sees the record and what is written down.
///
/// # Errors
/// `record.not_found`, `access.not_permitted`.
pub fn explain(reader: &Reader<'_>, of: PooledEntity, id: RecordId) -> Result<Vec<Assigned>> {
    reader.get(entity_of(of), id)?;
    noted(reader, id)?.iter().map(assigned_of).collect()
}

/// What is written down of a record and the user reads, the last first.
fn noted(reader: &Reader<'_>, id: RecordId) -> Result<Vec<Listing>> {
    let find = Find {
        filter: given::RECORD.is(id.to_string()),
        sort: vec![given::AT.descending()],
        limit: MAX_TOLD,
        ..Find::default()
    };
    let mut rows = match reader.find(Assignment::NAME, &find) {
        Err(error) if error.code() == Code::NotPermitted => return Ok(Vec::new()),
        page => page?.rows,
    };
    // Of several in one moment the newest has the highest id.
    rows.sort_by_key(|row| std::cmp::Reverse((row.record.envelope.created.at(), row.record.id)));
    Ok(rows)
}

fn assigned_of(row: &Listing) -> Result<Assigned> {
    let passed = row.value(given::PASSED_OVER)?;
    let passed = passed.as_text().unwrap_or_default().split_whitespace().filter_map(|one| {
        let (user, why) = one.split_once('=')?;
        Some((user.parse().ok()?, WhyNot::from_code(why)?))
    });
    Ok(Assigned {
        rule: row.value(given::RULE)?.as_id(),
        rule_name: row.title(),
        to: row.value(given::TO)?.as_id(),
        at: match row.value(given::AT)? {
            Value::DateTime(moment) => Some(moment),
            _ => None,
        },
        passed_over: passed.collect(),
    })
}
