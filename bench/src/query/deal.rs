//! The rows of the group: deals, each made from its number alone, so that both sides get the same ones.

use crate::crm::{account, draw};

/// People who own deals, in turn.
pub const OWNERS: usize = 200;
/// Owners under each manager; the one who reads has the first of them.
pub const TEAM: usize = 20;
/// Customers whose deals they are.
pub const CUSTOMERS: usize = 1_000;
/// The columns of a list as a screen shows it.
pub const COLUMNS: [&str; 6] = ["name", "stage", "amount", "city", "opened_at", "expected_on"];
/// Codes of the stages.
pub const STAGES: [&str; 6] = ["prospecting", "engaging", "proposing", "negotiating", "won", "lost"];
/// Codes of where deals come from.
pub const SOURCES: [&str; 5] = ["web", "fair", "partner", "call", "advertisement"];
/// Codes of what is sold.
pub const KINDS: [&str; 3] = ["new", "renewal", "upgrade"];
/// The fields in their order, as both sides call them. The last two are added by a customer.
pub const FIELDS: [&str; 20] = [
    "code",
    "name",
    "stage",
    "amount",
    "source",
    "kind",
    "city",
    "contact",
    "phone",
    "email",
    "opened_at",
    "expected_on",
    "closed_on",
    "seats",
    "probability",
    "cost",
    "renewal",
    "note",
    "town",
    "places",
];
/// When the first deal was opened, 2024-01-01, in seconds since 1970.
const FIRST_SECOND: i64 = 1_704_067_200;
/// Seconds from one deal to the next, about.
const APART: i64 = 60;
const CONTACTS: [&str; 8] =
    ["王芳", "李伟", "张敏", "陈静", "Anna Baker", "David Evans", "Iris Gray", "Leo Hughes"];

/// A deal, as a host holds it. Amounts are in whole yuan, days are counted from 1970.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Deal {
    /// The customer, by number.
    pub customer: usize,
    /// What no other deal has.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// Code of the stage.
    pub stage: String,
    /// What it is worth.
    pub amount: i64,
    /// Code of where it comes from.
    pub source: String,
    /// Code of what is sold.
    pub kind: String,
    /// City.
    pub city: String,
    /// Who is spoken to.
    pub contact: String,
    /// Telephone in E.164.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// When it was opened, in microseconds since 1970; later than the deal of the number before.
    pub opened_at: i64,
    /// When it is expected to close.
    pub expected_on: i64,
    /// When it was closed, of those that are.
    pub closed_on: Option<i64>,
    /// Seats that are sold.
    pub seats: i64,
    /// Probability in hundredths.
    pub probability: i64,
    /// What it costs.
    pub cost: i64,
    /// Whether it renews itself.
    pub renewal: bool,
    /// A sentence or two.
    pub note: String,
    /// The same as `city`, in a field that a customer has added.
    pub town: String,
    /// The same as `seats`, in a field that a customer has added.
    pub places: i64,
}

/// A deal by its number.
pub fn deal(number: usize) -> Deal {
    let account = account(number);
    let opened_at = FIRST_SECOND + APART * i64::try_from(number).unwrap_or(0) + below(number, 21, 60);
    let expected_on = opened_at / 86_400 + 20 + below(number, 22, 120);
    let stage = one_of(&STAGES, number, 23);
    let closed = stage == "won" || stage == "lost";
    let seats = below(number, 24, 10_000);
    Deal {
        customer: customer(number),
        code: format!("D-{number:09}"),
        name: account.name,
        stage: stage.to_owned(),
        amount: 1_000 + below(number, 25, 2_000_000),
        source: one_of(&SOURCES, number, 26).to_owned(),
        kind: one_of(&KINDS, number, 27).to_owned(),
        city: account.city.to_owned(),
        contact: one_of(&CONTACTS, number, 28).to_owned(),
        phone: account.phone,
        email: account.email,
        opened_at: opened_at * 1_000_000,
        expected_on,
        closed_on: closed.then_some(expected_on),
        seats,
        probability: below(number, 29, 101),
        cost: 100 + below(number, 30, 200_000),
        renewal: number.is_multiple_of(3),
        note: account.note,
        town: account.city.to_owned(),
        places: seats,
    }
}

/// The customer of a deal.
pub fn customer(number: usize) -> usize {
    usize::try_from(draw(number, 31, CUSTOMERS as u64)).unwrap_or(0)
}

/// A deal in a list on a screen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Summary {
    /// What people call it.
    pub name: String,
    /// Code of the stage.
    pub stage: String,
    /// What it is worth, in whole yuan.
    pub amount: i64,
    /// City.
    pub city: String,
    /// When it was opened, in microseconds since 1970.
    pub opened_at: i64,
    /// When it is expected to close, in days since 1970.
    pub expected_on: i64,
}

/// Deals by their numbers.
pub fn deals(numbers: std::ops::Range<usize>) -> Vec<(usize, Deal)> {
    numbers.map(|number| (number % OWNERS, deal(number))).collect()
}

/// A city, drawn by a number.
pub fn city(number: usize) -> &'static str {
    account(number).city
}

fn one_of(list: &[&'static str], number: usize, salt: u64) -> &'static str {
    let place = usize::try_from(draw(number, salt, list.len() as u64)).unwrap_or(0);
    list.get(place).copied().unwrap_or("")
}

fn below(number: usize, salt: u64, limit: u64) -> i64 {
    i64::try_from(draw(number, salt, limit)).unwrap_or(0)
}
