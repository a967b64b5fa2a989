//! The rows of the workload, made from their numbers alone, so that both sides get the same ones.

/// People who own accounts; there is one manager for each half of them.
pub const OWNERS: usize = 16;
/// The owners whom the reading manager sees: the first half.
pub const VISIBLE_OWNERS: usize = OWNERS / 2;
/// Names of the stages, as a new Guanxi database has them, and what each comes to.
pub const STAGES: [(&str, &str); 4] =
    [("Prospecting", "open"), ("Engaging", "open"), ("Negotiating", "open"), ("Won", "won")];
/// The day from which dates are counted, 2024-01-01, in days since 1970.
const FIRST_DAY: i32 = 19_723;

const PLACES: [&str; 16] = [
    "上海", "北京", "广州", "深圳", "杭州", "南京", "成都", "武汉", "西安", "苏州", "天津", "重庆", "青岛",
    "宁波", "无锡", "长沙",
];
const WORDS: [&str; 24] = [
    "加喜", "恒远", "明德", "瑞丰", "华盛", "天成", "中联", "东方", "新域", "嘉禾", "博雅", "金桥", "远航",
    "安信", "同创", "立信", "鼎新", "汇通", "长青", "启明", "联创", "宏图", "德邦", "万里",
];
const TRADES: [&str; 12] = [
    "企业服务",
    "信息科技",
    "贸易",
    "医疗器械",
    "餐饮管理",
    "物流",
    "建筑工程",
    "文化传媒",
    "教育咨询",
    "电子商务",
    "新材料",
    "食品",
];
const LATIN: [&str; 20] = [
    "Acme",
    "Boreal",
    "Cascade",
    "Delphi",
    "Eastlake",
    "Fairmont",
    "Granite",
    "Harbour",
    "Iverson",
    "Juniper",
    "Kestrel",
    "Lakeside",
    "Meridian",
    "Northwind",
    "Orchard",
    "Pinnacle",
    "Quarry",
    "Riverton",
    "Summit",
    "Tideway",
];
const FORMS: [&str; 6] = ["Holdings", "Logistics", "Systems", "Trading", "Foods", "Partners"];
const SURNAMES: [&str; 16] =
    ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林"];
const GIVEN: [&str; 16] =
    ["伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明"];
const FIRST: [&str; 12] =
    ["Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Henry", "Iris", "Jack", "Kate", "Leo"];
const LAST: [&str; 12] = [
    "Adams", "Baker", "Clarke", "Dixon", "Evans", "Foster", "Gray", "Hughes", "Irwin", "Jones", "Keller",
    "Lewis",
];
const POSITIONS: [&str; 6] = ["总经理", "采购经理", "财务主管", "Director", "Buyer", "法务"];

/// An account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Name, Chinese for two of three.
    pub name: String,
    /// Whether it is a person.
    pub person: bool,
    /// Industry.
    pub industry: &'static str,
    /// City.
    pub city: &'static str,
    /// Mobile number in E.164.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// Year of establishment.
    pub established: i64,
    /// Yearly revenue in yuan.
    pub revenue: i64,
    /// Number of employees.
    pub employees: i64,
    /// For one of ten, the account before it.
    pub parent: Option<usize>,
    /// A sentence or two.
    pub note: String,
    /// Owner.
    pub owner: usize,
}

/// A contact.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Name.
    pub name: String,
    /// The account.
    pub account: usize,
    /// Position.
    pub position: &'static str,
    /// Mobile number in E.164.
    pub phone: String,
    /// E-mail address.
    pub email: String,
    /// Birthday, in days since 1970.
    pub birthday: i32,
    /// Owner.
    pub owner: usize,
}

/// An opportunity.
#[derive(Debug, Clone)]
pub struct Opportunity {
    /// Title.
    pub title: String,
    /// The account.
    pub account: usize,
    /// Stage, by its place in [`STAGES`].
    pub stage: usize,
    /// Amount in yuan.
    pub amount: i64,
    /// When work began, in days since 1970.
    pub engaged_on: i32,
    /// When it is expected to close, in days since 1970.
    pub expected_on: i32,
    /// When a won one closed, in days since 1970.
    pub closed_on: Option<i32>,
    /// A sentence.
    pub note: String,
    /// Owner.
    pub owner: usize,
}

/// One row.
#[derive(Debug, Clone)]
pub enum Row {
    /// An account.
    Account(Account),
    /// A contact.
    Contact(Contact),
    /// An opportunity.
    Opportunity(Opportunity),
}

/// Rows of one transaction.
pub type Rows = Vec<Row>;

/// The rows of a database, by its number of accounts: one contact and one opportunity for two accounts.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    accounts: usize,
}

impl Workload {
    /// The workload of so many accounts.
    pub fn of(accounts: usize) -> Self {
        Self { accounts }
    }

    /// How many rows there are.
    pub fn rows(self) -> usize {
        self.accounts + 2 * self.halves()
    }

    /// A row, accounts first and opportunities last, as an import brings them in.
    pub fn row(self, number: usize) -> Row {
        let after_accounts = number.checked_sub(self.accounts);
        match (after_accounts, after_accounts.and_then(|rest| rest.checked_sub(self.halves()))) {
            (None, _) => Row::Account(account(number)),
            (Some(contact), None) => Row::Contact(self.contact(contact)),
            (_, Some(opportunity)) => Row::Opportunity(self.opportunity(opportunity)),
        }
    }

    /// All rows in batches.
    pub fn batches(self, size: usize) -> impl Iterator<Item = Rows> {
        let starts = (0..self.rows()).step_by(size);
        starts
            .map(move |start| (start..self.rows().min(start + size)).map(|number| self.row(number)).collect())
    }

    /// An account that the reading manager sees, drawn by a number.
    pub fn visible_account(self, draw: usize) -> usize {
        let drawn = usize::try_from(mixed(draw, 77) % as_u64(self.accounts)).unwrap_or(0);
        let seen = drawn - drawn % OWNERS + drawn % VISIBLE_OWNERS;
        seen.min(self.accounts.saturating_sub(1))
    }

    fn halves(self) -> usize {
        self.accounts / 2
    }

    fn contact(self, number: usize) -> Contact {
        let chinese = !number.is_multiple_of(3);
        let name = if chinese {
            format!("{}{}{}", pick(&SURNAMES, number, 1), pick(&GIVEN, number, 2), pick(&GIVEN, number, 3))
        } else {
            format!("{} {}", pick(&FIRST, number, 1), pick(&LAST, number, 2))
        };
        let account = number * 2;
        Contact {
            name,
            account,
            position: pick(&POSITIONS, number, 4),
            phone: phone(number, 5),
            email: format!("c{number}@{}.example.cn", draw(number, 6, 5_000)),
            birthday: small(draw(number, 7, 14_000)),
            owner: account % OWNERS,
        }
    }

    fn opportunity(self, number: usize) -> Opportunity {
        let account = number * 2 + 1;
        let stage = usize::try_from(draw(number, 1, as_u64(STAGES.len()))).unwrap_or(0);
        let engaged_on = FIRST_DAY + small(draw(number, 2, 900));
        let expected_on = engaged_on + 20 + small(draw(number, 3, 120));
        let won = STAGES.get(stage).is_some_and(|(_, outcome)| *outcome == "won");
        Opportunity {
            title: format!("{} {number:06}", pick(&TRADES, number, 4)),
            account: account.min(self.accounts.saturating_sub(1)),
            stage,
            amount: 1_000 + whole(draw(number, 5, 2_000_000)),
            engaged_on,
            expected_on,
            closed_on: won.then_some(expected_on),
            note: format!("第{}次沟通，{}。", draw(number, 6, 9) + 1, pick(&TRADES, number, 7)),
            owner: account % OWNERS,
        }
    }
}

/// An account by its number.
pub fn account(number: usize) -> Account {
    let name = if number.is_multiple_of(3) {
        format!("{} {} {}", pick(&LATIN, number, 1), pick(&FORMS, number, 2), draw(number, 3, 100_000))
    } else {
        let (place, word, trade) =
            (pick(&PLACES, number, 1), pick(&WORDS, number, 2), pick(&TRADES, number, 3));
        format!("{place}{word}{}{trade}有限公司", pick(&WORDS, number, 12))
    };
    Account {
        name,
        person: number.is_multiple_of(11),
        industry: pick(&TRADES, number, 4),
        city: pick(&PLACES, number, 5),
        phone: phone(number, 6),
        email: format!("a{number}@{}.example.com", draw(number, 7, 50_000)),
        established: 1_980 + whole(draw(number, 8, 45)),
        revenue: 10_000 * whole(draw(number, 9, 100_000)),
        employees: whole(draw(number, 10, 5_000)),
        parent: number.checked_sub(1).filter(|_| number.is_multiple_of(10)),
        note: note(number),
        owner: number % OWNERS,
    }
}

/// A note of one or two sentences.
pub fn note(number: usize) -> String {
    let (city, trade) = (pick(&PLACES, number, 13), pick(&TRADES, number, 14));
    format!(
        "在{city}的{trade}客户，每季度回访一次。 Reference {:08x}.",
        draw(number, 11, u64::from(u32::MAX))
    )
}

/// A mobile number of mainland China, in E.164.
pub fn phone(number: usize, salt: u64) -> String {
    format!("+8613{:09}", draw(number, salt, 1_000_000_000))
}

/// One of a list, drawn by a number and a salt.
pub fn pick(list: &[&'static str], number: usize, salt: u64) -> &'static str {
    let place = usize::try_from(draw(number, salt, as_u64(list.len()))).unwrap_or(0);
    list.get(place).copied().unwrap_or("")
}

/// A number below another one, drawn by a number and a salt.
pub fn draw(number: usize, salt: u64, below: u64) -> u64 {
    mixed(number, salt) % below.max(1)
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn mixed(number: usize, salt: u64) -> u64 {
    let mut state = as_u64(number).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(salt << 32 | salt);
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn small(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
