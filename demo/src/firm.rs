//! The firm: its units, people, territories, products and pool, as its administrator founds it before the history.

use guanxi::engine::{
    Find, Pool, PoolMember, Role, RoleAssignment, Unit, User, UserStatus, pool, pool_member, role_assignment,
    unit, user,
};
use guanxi::model::pool_policy::{self, PooledEntity};
use guanxi::model::territory::{self, territory_member};
use guanxi::model::{PoolPolicy, Stage, Status, Territory, TerritoryMember, product, stage};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Error, Money, RecordId, Result, Session, Transaction};

use crate::PEOPLE;
use crate::chance::Chance;
use crate::words::{self, MARKETS, PRODUCTS};

/// People above those who sell: the director, who leads all, the one who gives leads out, and a manager of each unit.
const ABOVE: usize = 2 + MARKETS.len();
/// Days without work after which an account goes back to the pool, and a lead.
pub const ACCOUNT_DAYS: u32 = 90;
pub const LEAD_DAYS: u32 = 30;
/// Days after which a deal at which nobody works is said to stagnate.
const STAGNANT_DAYS: i64 = 30;
/// Days before an account goes back on which its owner is warned.
const WARN_DAYS: &str = "7";
/// Accounts of a world for each claim that a person may make in a day, and the fewest claims.
const ACCOUNTS_PER_CLAIM: usize = 2_000;
const LEAST_CLAIMS: usize = 3;

/// Somebody who sells.
pub struct Seller {
    pub session: Session,
    /// The number of the unit and market.
    pub unit: usize,
}

/// The firm as it stands on its first day.
pub struct Firm {
    /// Who gives leads out.
    pub operations: Session,
    /// The managers, by unit.
    pub managers: Vec<Session>,
    pub sellers: Vec<Seller>,
    pub units: Vec<RecordId>,
    pub products: Vec<RecordId>,
    /// The open stages, in their order.
    pub stages: Vec<RecordId>,
}

/// A user before there is a session.
struct Hired {
    id: RecordId,
    name: String,
}

impl Firm {
    /// Founds the firm of a world with so many accounts.
    pub fn found(administrator: &Session, accounts: usize) -> Result<Self> {
        let (units, people) = administrator.write(|transaction| {
            let units = make_units(transaction)?;
            let people = hire(transaction, &units)?;
            Ok((units, people))
        })?;
        let crm = administrator.crm();
        let sessions: Vec<Session> =
            people.iter().map(|hired| crm.session_for(&hired.name)).collect::<Result<_>>()?;
        let (products, stages) = administrator.write(|transaction| {
            let sellers = people.get(ABOVE..).unwrap_or_default();
            divide(transaction, sellers)?;
            make_pool(transaction, sellers, accounts)?;
            Ok((make_products(transaction)?, open_stages(transaction)?))
        })?;
        let mut sessions = sessions.into_iter().skip(1);
        let nobody = || Error::new(Code::ReferenceMissing).entity(User::NAME);
        let operations = sessions.next().ok_or_else(nobody)?;
        let managers = sessions.by_ref().take(MARKETS.len()).collect();
        let sellers = sessions.enumerate().map(|(number, session)| Seller { session, unit: unit_of(number) });
        Ok(Self { operations, managers, sellers: sellers.collect(), units, products, stages })
    }
}

/// The unit of a seller.
fn unit_of(seller: usize) -> usize {
    seller % MARKETS.len()
}

fn make_units(transaction: &mut Transaction<'_>) -> Result<Vec<RecordId>> {
    let head = transaction.create_record(Unit::NAME, Changes::new().set(unit::NAME, "总部 Headquarters"))?;
    let unit = |market: &words::Market| {
        let changes = Changes::new().set(unit::NAME, market.name).set(unit::PARENT, head);
        transaction.create_record(Unit::NAME, changes)
    };
    MARKETS.iter().map(unit).collect()
}

/// Makes everybody: the director, operations, the managers by unit, and the sellers.
fn hire(transaction: &mut Transaction<'_>, units: &[RecordId]) -> Result<Vec<Hired>> {
    let mut people: Vec<Hired> = Vec::new();
    for number in 0..PEOPLE {
        let (role, unit, above) = match number {
            0 => ("director", None, None),
            1 => ("director", None, Some(0)),
            _ if number < ABOVE => ("manager", Some(number - 2), Some(0)),
            _ => ("salesperson", Some(unit_of(number - ABOVE)), Some(2 + unit_of(number - ABOVE))),
        };
        let is_chinese = unit.and_then(|unit| MARKETS.get(unit)).is_none_or(|market| market.is_chinese);
        let name = words::person(Chance::of(0, 0, 0), is_chinese, number as u64);
        let superior = above.and_then(|above: usize| people.get(above)).map(|above| above.id);
        let changes = Changes::new()
            .set(user::NAME, name.as_str())
            .set(user::STATUS, UserStatus::Active)
            .set(user::UNIT, unit.and_then(|unit| units.get(unit)).copied())
            .set(user::REPORTS_TO, superior);
        let id = transaction.create_record(User::NAME, changes)?;
        for role in transaction.reader().find_by_title(Role::NAME, role)? {
            let changes = Changes::new().set(role_assignment::USER, id).set(role_assignment::ROLE, role);
            transaction.create_record(RoleAssignment::NAME, changes)?;
        }
        people.push(Hired { id, name });
    }
    Ok(people)
}

/// Divides the market into territories, by city.
fn divide(transaction: &mut Transaction<'_>, sellers: &[Hired]) -> Result<()> {
    for (market_number, market) in MARKETS.iter().enumerate() {
        let changes = Changes::new()
            .set(territory::NAME, market.name)
            .set(territory::CITIES, market.cities.join("，"))
            .set(territory::POSITION, market_number as i64);
        let id = transaction.create_record(Territory::NAME, changes)?;
        let own = sellers.iter().enumerate().filter(|(number, _)| unit_of(*number) == market_number);
        for (_, seller) in own {
            let changes =
                Changes::new().set(territory_member::TERRITORY, id).set(territory_member::USER, seller.id);
            transaction.create_record(TerritoryMember::NAME, changes)?;
        }
    }
    Ok(())
}

/// Makes the pool, with rules for accounts and for leads.
fn make_pool(transaction: &mut Transaction<'_>, sellers: &[Hired], accounts: usize) -> Result<()> {
    let pool = transaction.create_record(Pool::NAME, Changes::new().set(pool::NAME, "公海 Open pool"))?;
    for seller in sellers {
        let changes = Changes::new().set(pool_member::POOL, pool).set(pool_member::USER, seller.id);
        transaction.create_record(PoolMember::NAME, changes)?;
    }
    let claims = LEAST_CLAIMS.max(accounts / ACCOUNTS_PER_CLAIM) as i64;
    let policy = |name: &str, of: PooledEntity, days: u32| {
        Changes::new()
            .set(pool_policy::NAME, name)
            .set(pool_policy::POOL, pool)
            .set(pool_policy::OF, of)
            .set(pool_policy::DEFAULT_OF, of)
            .set(pool_policy::FOLLOW_UP_DAYS, i64::from(days))
            .set(pool_policy::CLAIMS_PER_DAY, claims)
    };
    let of_accounts = policy("客户回收 Accounts", PooledEntity::Account, ACCOUNT_DAYS)
        .set(pool_policy::KEEPS_WON, true)
        .set(pool_policy::KEEPS_OPEN, true)
        .set(pool_policy::WARN_DAYS, WARN_DAYS);
    transaction.create_record(PoolPolicy::NAME, of_accounts)?;
    transaction.create_record(PoolPolicy::NAME, policy("线索回收 Leads", PooledEntity::Lead, LEAD_DAYS))?;
    Ok(())
}

fn make_products(transaction: &mut Transaction<'_>) -> Result<Vec<RecordId>> {
    let product = |(name, price): &(&str, i64)| {
        let draft = product::named(name).with(product::PRICE, Money::cny(*price));
        transaction.create(draft).map(|product| product.id())
    };
    PRODUCTS.iter().map(product).collect()
}

/// The open stages, in each of which deals stagnate from now on.
fn open_stages(transaction: &mut Transaction<'_>) -> Result<Vec<RecordId>> {
    let find = Find {
        filter: stage::OUTCOME.is(Status::Open),
        sort: vec![stage::POSITION.ascending()],
        ..Find::default()
    };
    let rows = transaction.reader().find(Stage::NAME, &find)?.rows;
    for row in &rows {
        let changes = Changes::new().set(stage::STAGNANT_DAYS, STAGNANT_DAYS);
        transaction.update_record(Stage::NAME, row.record.id, changes)?;
    }
    Ok(rows.iter().map(|row| row.record.id).collect())
}
