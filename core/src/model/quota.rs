//! Quota: what somebody, or a unit, is to bring in within some days, and how much of it has come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{Code, Date, Decimal, Error, Money, RecordId, Result, Value};
use crate::engine::{
    BeforeSave, Changes, Condition, Find, Listing, Reader, Registrar, Save, Session, Transaction, Unit, User,
    unit, user,
};
use crate::model::forecast::{Sums, up_to};
use crate::model::{Opportunity, Status, deal_team, opportunity};
use crate::schema::declare::entity;
use crate::schema::{Bool, DateOnly, EntityType, MoneyAmount, OnDelete, Reference, Text};

/// Most quotas of one answer.
const MAX_QUOTAS: usize = 100;
/// Longest time of a quota, in days.
const MAX_DAYS: i32 = 3_700;

entity! {
    /// What a person or a unit is to bring in by won deals within some days. Its owner reads it, so that of a person is
    /// best that person's own. Nobody changes a quota of their own, but for those who administer quotas.
    Quota = ("crm", 18, "quota", "业绩目标", "Quota",
        "个人或部门在某段时间内应达成的赢单金额；除管理员外，本人不可修改自己的目标。", title "key", data_subject false);
    /// Whose; one of user and unit.
    USER: Reference<User> = 1, "user", "人员", "User", "目标所属的人员；人员与部门二选一。", [on_delete = OnDelete::Cascade];
    /// Of which unit, with those below it.
    UNIT: Reference<Unit> = 2, "of_unit", "部门", "Unit", "目标所属的部门，含下级。", [on_delete = OnDelete::Cascade];
    /// The first day.
    FROM: DateOnly = 3, "from_day", "开始日期", "From", "目标期间的第一天。", [required = true, indexed = true];
    /// The last day.
    TO: DateOnly = 4, "to_day", "结束日期", "To", "目标期间的最后一天。", [required = true, indexed = true];
    /// How much.
    AMOUNT: MoneyAmount = 5, "amount", "目标金额", "Amount", "应达成的金额。", [required = true];
    /// Whether what those bring in counts too who report to the person, at any distance.
    WITH_REPORTS: Bool = 6, "with_reports", "含下属", "With reports", "是否计入直接和间接下属的业绩。", [];
    /// What stands once: who, from when to when, in which currency. The engine keeps it.
    KEY: Text = 7, "key", "唯一标识", "Key", "由对象、期间与币种构成的唯一标识，由引擎维护。", [unique = true, read_only = true];
}

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.entity(Quota::definition().in_module("sales"));
    registrar.before_save(Quota::NAME, 100, Arc::new(CheckQuota));
}

struct CheckQuota;

impl BeforeSave for CheckQuota {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let (user, unit) = (save.value(USER)?.as_id(), save.value(UNIT)?.as_id());
        let whose = match (user, unit) {
            (Some(user), None) => user,
            (None, Some(unit)) => unit,
            _ => return Err(Error::new(Code::InvalidArgument).field("user").rule("one of user and unit")),
        };
        let own =
            [user, save.old_value(USER)?.as_id()].into_iter().flatten().any(|one| save.user() == Some(one));
        if own {
            save.check_user_administers()?;
        }
        let (from, to) = (save.value(FROM)?, save.value(TO)?);
        if let (Value::Date(from), Value::Date(to)) = (&from, &to)
            && !(0..=MAX_DAYS).contains(&to.days().saturating_sub(from.days()))
        {
            return Err(Error::new(Code::OutOfRange).field("to_day").rule("0 to 3700 days after from_day"));
        }
        let Value::Money(amount) = save.value(AMOUNT)? else { return Ok(()) };
        if amount.amount <= Decimal::ZERO {
            return Err(Error::new(Code::OutOfRange).field("amount").rule("above 0"));
        }
        if let (Value::Date(from), Value::Date(to)) = (from, to) {
            save.set(KEY, format!("{whose}.{from}.{to}.{}", amount.currency))?;
        }
        Ok(())
    }
}

/// How much of a quota has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Attainment {
    /// The quota.
    pub quota: RecordId,
    /// Whose, if it is a person's.
    pub user: Option<RecordId>,
    /// Of which unit, if it is one's.
    pub unit: Option<RecordId>,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// How much is to come.
    pub target: Money,
    /// How much of won deals has come, as far as the one who asks sees them.
    pub won: Money,
    /// By how many deals.
    pub deals: u64,
    /// How large a part of the target that is, to 4 digits.
    pub rate: Decimal,
}

/// A quota that is being filled.
struct Filling {
    told: Attainment,
    people: BTreeSet<RecordId>,
    won: Sums,
}

impl Session {
    /// How much of the quotas that meet a condition has come, in the order of their days: at most 100 of those that the
    /// user reads, by the won deals that the user sees. A deal counts for those who have shares of it, or for its owner.
    ///
    /// # Errors
    /// As [`Reader::find`].
    pub fn attainment(&self, filter: &Condition) -> Result<Vec<Attainment>> {
        self.read(|reader| {
            let find = Find {
                filter: filter.clone(),
                sort: vec![FROM.ascending()],
                limit: MAX_QUOTAS,
                ..Find::default()
            };
            let page = reader.find(Quota::NAME, &find)?;
            let people = People::of(&reader, &page.rows)?;
            let quotas = page.rows.iter().map(|row| filling(row, &people));
            let mut quotas: Vec<Filling> = quotas.filter_map(Result::transpose).collect::<Result<_>>()?;
            let (Some(from), Some(to)) = (
                quotas.iter().map(|quota| quota.told.from).min(),
                quotas.iter().map(|quota| quota.told.to).max(),
            ) else {
                return Ok(Vec::new());
            };
            let won = Condition::All(vec![
                opportunity::STATUS.is(Status::Won),
                opportunity::CLOSED_ON.at_least(from),
                up_to(opportunity::CLOSED_ON, to),
            ]);
            reader.scan(Opportunity::NAME, &won, &mut |deal| {
                let Some(deal) = Won::of(&deal)? else { return Ok(()) };
                quotas.iter_mut().try_for_each(|quota| quota.add(&deal))
            })?;
            quotas.into_iter().map(Filling::told).collect()
        })
    }
}

/// What of a won deal counts, and for whom.
struct Won {
    day: Date,
    amount: Money,
    credits: Vec<(RecordId, Decimal)>,
}

impl Won {
    /// Nothing for a deal of which the reader sees no day or no amount.
    fn of(deal: &Listing) -> Result<Option<Self>> {
        match (deal.value(opportunity::CLOSED_ON)?, deal.value(opportunity::AMOUNT)?) {
            (Value::Date(day), Value::Money(amount)) => {
                Ok(Some(Self { day, amount, credits: deal_team::credits(deal)? }))
            }
            _ => Ok(None),
        }
    }
}

impl Filling {
    /// Adds what of a won deal counts.
    fn add(&mut self, deal: &Won) -> Result<()> {
        let in_time = (self.told.from..=self.told.to).contains(&deal.day);
        if !in_time || deal.amount.currency != self.told.target.currency {
            return Ok(());
        }
        let mut counts = false;
        for (_, part) in deal.credits.iter().filter(|(user, _)| self.people.contains(user)) {
            counts = true;
            self.won.add(deal.amount, *part)?;
        }
        self.told.deals = self.told.deals.saturating_add(u64::from(counts));
        Ok(())
    }

    fn told(self) -> Result<Attainment> {
        let target = self.told.target;
        let won = self.won.of(target.currency);
        let rate = won.checked_div(target.amount)?.rounded(4);
        let won = Money::new(won.rounded(target.currency.minor_digits().unwrap_or(2)), target.currency);
        Ok(Attainment { won, rate, ..self.told })
    }
}

/// A quota with nothing in it yet; nothing where the reader does not see what it is.
fn filling(row: &Listing, people: &People) -> Result<Option<Filling>> {
    let (user, unit) = (row.value(USER)?.as_id(), row.value(UNIT)?.as_id());
    let (Value::Date(from), Value::Date(to), Value::Money(target)) =
        (row.value(FROM)?, row.value(TO)?, row.value(AMOUNT)?)
    else {
        return Ok(None);
    };
    let with_reports = row.value(WITH_REPORTS)? == Value::Bool(true);
    let counted = match (user, unit) {
        (Some(user), _) if with_reports => people.below(&people.reports, user),
        (Some(user), _) => [user].into(),
        (None, Some(unit)) => {
            let units = people.below(&people.subunits, unit);
            units.iter().filter_map(|unit| people.in_unit.get(unit)).flatten().copied().collect()
        }
        (None, None) => return Ok(None),
    };
    let told = Attainment {
        quota: row.record.id,
        user,
        unit,
        from,
        to,
        target,
        won: Money::new(Decimal::ZERO, target.currency),
        deals: 0,
        rate: Decimal::ZERO,
    };
    Ok(Some(Filling { told, people: counted, won: Sums::default() }))
}

/// Who reports to whom and is of which unit, as far as the reader sees it.
#[derive(Default)]
struct People {
    reports: BTreeMap<RecordId, Vec<RecordId>>,
    subunits: BTreeMap<RecordId, Vec<RecordId>>,
    in_unit: BTreeMap<RecordId, Vec<RecordId>>,
}

impl People {
    /// Those who are asked for by quotas; nobody is looked at where each is of one person.
    fn of(reader: &Reader<'_>, quotas: &[Listing]) -> Result<Self> {
        let mut people = Self::default();
        let of_several = |row: &Listing| {
            Ok::<_, Error>(!row.value(UNIT)?.is_null() || row.value(WITH_REPORTS)? == Value::Bool(true))
        };
        if !quotas.iter().map(of_several).collect::<Result<Vec<_>>>()?.contains(&true) {
            return Ok(people);
        }
        reader.scan(User::NAME, &Condition::Everything, &mut |row| {
            if let Some(superior) = row.value(user::REPORTS_TO)?.as_id() {
                people.reports.entry(superior).or_default().push(row.record.id);
            }
            if let Some(unit) = row.value(user::UNIT)?.as_id() {
                people.in_unit.entry(unit).or_default().push(row.record.id);
            }
            Ok(())
        })?;
        reader.scan(Unit::NAME, &Condition::Everything, &mut |row| {
            if let Some(parent) = row.value(unit::PARENT)?.as_id() {
                people.subunits.entry(parent).or_default().push(row.record.id);
            }
            Ok(())
        })?;
        Ok(people)
    }

    /// One and all below it.
    fn below(&self, tree: &BTreeMap<RecordId, Vec<RecordId>>, root: RecordId) -> BTreeSet<RecordId> {
        let mut found = BTreeSet::new();
        let mut next = vec![root];
        while let Some(one) = next.pop() {
            if found.insert(one) {
                next.extend(tree.get(&one).into_iter().flatten());
            }
        }
        found
    }
}

/// Whose a quota is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaOf {
    /// A person's alone.
    User(RecordId),
    /// A person's, with what those bring in who report to them.
    WithReports(RecordId),
    /// A unit's, with those below it.
    Unit(RecordId),
}

/// Sets a quota: the one of the same days and currency gets another amount, if there is one. A person's own is owned by
/// that person, so that it is read there.
///
/// # Errors
/// `access.not_permitted` for one's own, and without the right to make or change it; `schema.out_of_range` for days that
/// end before they begin, and for an amount that is not above 0.
pub fn set(
    transaction: &mut Transaction<'_>,
    of: QuotaOf,
    (from, to): (Date, Date),
    amount: Money,
) -> Result<RecordId> {
    let (user, unit, with_reports) = match of {
        QuotaOf::User(user) => (Some(user), None, false),
        QuotaOf::WithReports(user) => (Some(user), None, true),
        QuotaOf::Unit(unit) => (None, Some(unit), false),
    };
    let whose = match of {
        QuotaOf::User(one) | QuotaOf::WithReports(one) | QuotaOf::Unit(one) => one,
    };
    let key = format!("{whose}.{from}.{to}.{}", amount.currency);
    let find = Find { filter: KEY.is(key), limit: 1, ..Find::default() };
    let standing = transaction.reader().find(Quota::NAME, &find)?.rows.first().map(|row| row.record.id);
    let changes = Changes::new().set(AMOUNT, amount).set(WITH_REPORTS, with_reports);
    match standing {
        Some(id) => {
            transaction.update_record(Quota::NAME, id, changes)?;
            Ok(id)
        }
        None => {
            let changes = changes.set(USER, user).set(UNIT, unit).set(FROM, from).set(TO, to);
            let changes = match user {
                Some(user) => changes.owner(user),
                None => changes,
            };
            transaction.create_record(Quota::NAME, changes)
        }
    }
}
