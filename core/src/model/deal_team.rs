//! The team of a deal: who works at it, and whose share of it is how large.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::{Code, Decimal, Error, Label, RecordId, Result, Value};
use crate::engine::{
    BeforeSave, Changes, Listing, NewShare, Ref, Registrar, Save, ShareLevel, Sharee, Transaction, User,
};
use crate::model::{Opportunity, opportunity};
use crate::schema::{Columns, EntityType, FieldType, RowColumn};

/// The columns of a team.
const USER: &str = "user";
const ROLE: &str = "role";
const SHARE: &str = "share";
/// Most people of one team.
const MAX_TEAM: usize = 50;

/// Who is in a team, as what, and with which share in per cent.
#[derive(Debug, Clone, Copy)]
pub struct TeamColumns;

impl Columns for TeamColumns {
    fn columns() -> Vec<RowColumn> {
        let column = |name: &str, label: Label, kind: FieldType, required: bool| RowColumn {
            name: name.to_owned(),
            label,
            kind,
            required,
        };
        vec![
            column(
                USER,
                Label::new("成员", "Member"),
                FieldType::Reference { entity: User::NAME.to_owned() },
                true,
            ),
            column(ROLE, Label::new("角色", "Role"), FieldType::Text, false),
            column(SHARE, Label::new("分成（%）", "Share in per cent"), FieldType::Decimal, false),
        ]
    }
}

/// Somebody in the team of a deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamMember {
    /// Who.
    pub user: RecordId,
    /// As what, in words.
    pub role: Option<String>,
    /// The share in per cent.
    pub share: Option<Decimal>,
}

impl TeamMember {
    fn to_row(&self) -> Value {
        let cells = [
            (USER, Value::Id(self.user)),
            (ROLE, self.role.clone().into()),
            (SHARE, self.share.map_or(Value::Null, Value::Decimal)),
        ];
        let cells = cells.into_iter().filter(|(_, value)| !value.is_null());
        Value::Map(cells.map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn of_row(row: &Value) -> Option<Self> {
        Some(Self {
            user: row.part(USER).as_id()?,
            role: row.part(ROLE).as_text().map(str::to_owned),
            share: decimal(row.part(SHARE)),
        })
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Decimal(number) => Some(*number),
        Value::Int(number) => Some(Decimal::from(*number)),
        _ => None,
    }
}

pub(super) fn declare(registrar: &mut Registrar) {
    registrar.before_save(Opportunity::NAME, 120, Arc::new(CheckTeam));
}

/// The members of a team, as a value of the field has them.
fn members(team: &Value) -> Vec<TeamMember> {
    team.items().filter_map(TeamMember::of_row).collect()
}

/// Holds a team to shares that are 100 together, and to people who stand in it once.
struct CheckTeam;

impl BeforeSave for CheckTeam {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        if !save.changes(opportunity::TEAM)? {
            return Ok(());
        }
        let team = members(&save.value(opportunity::TEAM)?);
        let refused = |code: Code, rule: &str| Err(Error::new(code).field("team").rule(rule));
        if team.len() > MAX_TEAM {
            return refused(Code::LimitExceeded, "people <= 50");
        }
        let people: BTreeSet<RecordId> = team.iter().map(|member| member.user).collect();
        if people.len() < team.len() {
            return refused(Code::NotUnique, "everybody once");
        }
        let shares: Vec<Decimal> = team.iter().filter_map(|member| member.share).collect();
        if shares.iter().any(|share| *share <= Decimal::ZERO) {
            return refused(Code::OutOfRange, "a share is above 0");
        }
        let mut sum = Decimal::ZERO;
        for share in &shares {
            sum = sum.checked_add(*share)?;
        }
        if !shares.is_empty() && sum != Decimal::from(100) {
            return refused(Code::TeamShares, "shares together are 100");
        }
        Ok(())
    }
}

/// Whose a deal is, by shares of one: those of its team, or all of it its owner's. The owner's too where the reader does
/// not see the team.
pub(super) fn credits(deal: &Listing) -> Result<Vec<(RecordId, Decimal)>> {
    let shared = members(&deal.value(opportunity::TEAM)?);
    let shared = shared.iter().filter_map(|member| Some((member.user, member.share?)));
    let mut credits = Vec::new();
    for (user, share) in shared {
        credits.push((user, share.checked_mul(Decimal::new(1, 2)?)?));
    }
    if credits.is_empty() {
        credits.push((deal.record.envelope.owner, Decimal::from(1)));
    }
    Ok(credits)
}

impl Ref<Opportunity> {
    /// Gives a deal its team, in the place of the one that it had. Where a level is said, the deal is shared so with
    /// everybody in it who is not its owner.
    ///
    /// # Errors
    /// `model.team_shares` unless the shares together are 100, or nobody has one; `schema.not_unique` for somebody twice;
    /// as [`Transaction::update_record`] and [`Transaction::share_record`].
    pub fn set_team(
        self,
        transaction: &mut Transaction<'_>,
        team: &[TeamMember],
        access: Option<ShareLevel>,
    ) -> Result<()> {
        let rows: Vec<Value> = team.iter().map(TeamMember::to_row).collect();
        let rows = if rows.is_empty() { Value::Null } else { Value::List(rows) };
        transaction.update_record(
            Opportunity::NAME,
            self.id(),
            Changes::new().set(opportunity::TEAM, rows),
        )?;
        let Some(level) = access else { return Ok(()) };
        let owner = transaction.get_record(Opportunity::NAME, self.id())?.record.envelope.owner;
        for member in team.iter().filter(|member| member.user != owner) {
            let share = NewShare::new(Sharee::User(member.user), level);
            transaction.share_record(Opportunity::NAME, self.id(), &share)?;
        }
        Ok(())
    }
}
