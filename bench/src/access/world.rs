//! The world of the group: an organisation, leads that its people own, and single leads that are shared, each made
//! from its number alone, so that both sides get the same ones.

use std::ops::Range;

use crate::crm::{account, draw};

/// Units below each unit.
const BELOW: usize = 10;
/// One of so many users works in a partition of their own.
const PARTED: usize = 100;
/// Codes of the stages of a lead.
pub const STAGES: [&str; 5] = ["new", "contacted", "qualified", "lost", "won"];
/// When the first lead was opened, 2024-01-01, in seconds since 1970.
const FIRST_SECOND: i64 = 1_704_067_200;
/// Seconds from one lead to the next, about.
const APART: i64 = 40;
/// What is looked for in names: three signs and more, as a trigram index needs.
pub const SOUGHT: [&str; 8] =
    ["加喜恒远", "明德瑞丰", "华盛天成", "中联东方", "新域嘉禾", "博雅金桥", "远航安信", "同创立信"];

/// How large the world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct World {
    /// Everybody who owns leads.
    pub users: usize,
    /// Units, each with as many people.
    pub units: usize,
    /// Leads.
    pub leads: usize,
    /// Leads that are shared singly, each with one person.
    pub shares: usize,
}

/// Whose records a role reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// One's own.
    Salesperson,
    /// One's own and those of everybody below in the line of reporting.
    Manager,
    /// Those of one's unit and of all units below it, too.
    DivisionHead,
    /// All of the partition.
    Director,
}

impl Role {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 4] = [Self::Salesperson, Self::Manager, Self::DivisionHead, Self::Director];

    /// The name, as both sides store it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Salesperson => "salesperson",
            Self::Manager => "manager",
            Self::DivisionHead => "division_head",
            Self::Director => "director",
        }
    }
}

/// A user.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// The unit.
    pub unit: usize,
    /// The superior; nobody has none but the head of the topmost unit.
    pub reports_to: Option<usize>,
    /// The role.
    pub role: Role,
    /// Whether the person works in the partition of an exhibition, out of sight of everybody else.
    pub parted: bool,
}

/// A lead, as a host holds it. Amounts are in whole yuan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lead {
    /// The company.
    pub name: String,
    /// Code of the stage.
    pub stage: String,
    /// What it may be worth.
    pub amount: i64,
    /// City.
    pub city: String,
    /// Telephone in E.164.
    pub phone: String,
    /// When it came in, in microseconds since 1970; later than the lead of the number before.
    pub opened_at: i64,
    /// A sentence or two.
    pub note: String,
}

/// A lead that is shared with somebody.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// The lead.
    pub lead: usize,
    /// With whom.
    pub with: usize,
}

impl World {
    /// A unit above another one.
    pub fn parent(unit: usize) -> Option<usize> {
        unit.checked_sub(1).map(|place| place / BELOW)
    }

    /// How many users work in the partition of an exhibition: the last ones.
    pub fn parted(self) -> usize {
        (self.users / PARTED).max(2)
    }

    /// The first of them.
    pub fn first_parted(self) -> usize {
        self.users.saturating_sub(self.parted())
    }

    /// A user by number. The first one of each unit is its head, to whom the others report.
    pub fn person(self, number: usize) -> Person {
        let unit = number % self.units.max(1);
        let is_head = number == unit;
        let depth = std::iter::successors(Some(unit), |unit| Self::parent(*unit)).count();
        let parted = number >= self.first_parted();
        let role = match depth {
            1 => Role::Director,
            2 => Role::DivisionHead,
            _ if is_head => Role::Manager,
            _ => Role::Salesperson,
        };
        let reports_to = if is_head { Self::parent(unit) } else { Some(unit) };
        // Somebody must bring in the records of the partition.
        let role = if number == self.first_parted() { Role::Director } else { role };
        Person { unit, reports_to: reports_to.filter(|_| !parted), role, parted }
    }

    /// Who asks, of each role: the head of the first unit of a depth, and a salesperson.
    pub fn asking(self, role: Role) -> usize {
        match role {
            Role::Director => 0,
            Role::DivisionHead => 1,
            Role::Manager => 1 + BELOW,
            Role::Salesperson => self.first_parted().saturating_sub(2),
        }
    }

    /// A salesperson with whom nothing is shared.
    pub fn unshared(self) -> usize {
        self.first_parted().saturating_sub(1)
    }

    /// People of a role beside the one who asks, as far as there are some.
    pub fn others(self, role: Role, most: usize) -> Vec<usize> {
        let is_other = |number: &usize| *number != self.asking(role) && self.person(*number).role == role;
        (0..self.first_parted()).filter(is_other).take(most).collect()
    }

    /// A salesperson who gets another superior, and that one: the head of the next unit, or on the way back that of
    /// the salesperson's own.
    pub fn moved(self, turn: usize, back: bool) -> (usize, usize) {
        let people = self.first_parted().saturating_sub(self.units).max(1);
        let moved = self.units + turn * 31 % people;
        let own = moved % self.units.max(1);
        (moved, if back { own } else { (own + 1) % self.units.max(1) })
    }

    /// A lead of which it is asked why somebody sees it: one of their own in every second turn.
    pub fn explained(self, asker: usize, turn: usize) -> usize {
        let rounds = (self.leads / self.users.max(1)).max(1);
        let any = turn * 7_919 % self.leads.max(1);
        // Of the partition of the exhibition the one who asks sees nothing.
        let any = any - (self.owner(any) + 1).saturating_sub(self.first_parted()).min(any);
        if turn.is_multiple_of(2) { (turn / 2 % rounds) * self.users + asker } else { any }
    }

    /// Who owns a lead.
    pub fn owner(self, lead: usize) -> usize {
        lead % self.users.max(1)
    }

    /// Leads by their numbers, with the numbers of their owners.
    pub fn leads(self, numbers: Range<usize>) -> Vec<(usize, Lead)> {
        numbers.map(|number| (self.owner(number), lead(number))).collect()
    }

    /// Shares with one user: leads all over the list, each once, and none of the partition of the exhibition.
    pub fn shares_with(self, user: usize) -> Vec<Share> {
        let first = self.first_parted();
        let people = first.saturating_sub(1).max(1);
        if user >= people {
            return Vec::new();
        }
        let count = self.shares / people + usize::from(user < self.shares % people);
        let stride = (self.leads / count.max(1)).max(1);
        let lead = |place: usize| {
            let within = draw(user * 131 + place, 41, stride as u64);
            place * stride + usize::try_from(within).unwrap_or(0)
        };
        let leads = (0..count.min(self.leads)).map(lead).filter(|lead| *lead < self.leads);
        let leads = leads.filter(|lead| self.owner(*lead) < first);
        leads.map(|lead| Share { lead, with: user }).collect()
    }
}

/// A lead by its number.
pub fn lead(number: usize) -> Lead {
    let account = account(number);
    let second = FIRST_SECOND + APART * i64::try_from(number).unwrap_or(0);
    Lead {
        name: account.name,
        stage: STAGES.get(below(number, 42, STAGES.len())).copied().unwrap_or("new").to_owned(),
        amount: 1_000 + i64::try_from(below(number, 43, 500_000)).unwrap_or(0),
        city: account.city.to_owned(),
        phone: account.phone,
        opened_at: (second + i64::try_from(below(number, 44, 40)).unwrap_or(0)) * 1_000_000,
        note: account.note,
    }
}

/// The name of a user.
pub fn user_name(number: usize) -> String {
    format!("user-{number:06}")
}

fn below(number: usize, salt: u64, limit: usize) -> usize {
    usize::try_from(draw(number, salt, limit as u64)).unwrap_or(0)
}
