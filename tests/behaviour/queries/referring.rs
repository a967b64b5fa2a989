//! Conditions on the records and links that refer to one, against looking at all of them by hand for each reader.

use guanxi::base::Label;
use guanxi::engine::{Action, Circle, Level, Session, User, user};
use guanxi::model::{Account, Contact, Opportunity, account, contact, opportunity};
use guanxi::schema::{EntityType, FieldType};
use guanxi::{Changes, Code, Condition, Decimal, RecordId, Value, api};
use guanxi_tests::{House, database, refusal};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

const TITLES: [&str; 3] = ["director@jiaxi.cn", "buyer@jiaxi.cn", "clerk@jiaxi.cn"];

/// A contact by hand: whose it is, at which account, and with which address.
#[derive(Debug, Clone)]
struct Person {
    owner: usize,
    account: usize,
    title: usize,
}

/// A question about accounts.
#[derive(Debug, Clone)]
enum Ask {
    Some(Option<usize>),
    None(Option<usize>),
    /// A contact whose account is in a city: back, and forward again.
    City(usize),
    /// An account in a city.
    In(usize),
    /// An account below another one.
    Under(usize),
    /// An account within kilometres of another one.
    Near(usize, u32),
    Not(Box<Ask>),
    Both(Box<Ask>, Box<Ask>),
    Either(Box<Ask>, Box<Ask>),
}

fn ask() -> impl Strategy<Value = Ask> {
    let title = proptest::option::of(0_usize..3);
    let leaf = prop_oneof![
        title.clone().prop_map(Ask::Some),
        title.prop_map(Ask::None),
        (0_usize..2).prop_map(Ask::City),
        (0_usize..2).prop_map(Ask::In),
        (0_usize..ACCOUNTS).prop_map(Ask::Under),
        (0_usize..ACCOUNTS, 0_u32..50).prop_map(|(which, kilometres)| Ask::Near(which, kilometres)),
    ];
    leaf.prop_recursive(3, 10, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Ask::Not(Box::new(inner))),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| Ask::Both(Box::new(one), Box::new(other))),
            (inner.clone(), inner).prop_map(|(one, other)| Ask::Either(Box::new(one), Box::new(other))),
        ]
    })
}

/// How many accounts a world has; each but the first lies below the one of half its number, and a tenth of a degree
/// further north than the one before, which is 11,119 metres.
const ACCOUNTS: usize = 6;

fn latitude(which: usize) -> Decimal {
    Decimal::new(i128::try_from(310 + which).unwrap(), 1).unwrap()
}

fn is_below(account: usize, other: usize) -> bool {
    account > 0 && (account / 2 == other || is_below(account / 2, other))
}

fn city(which: usize) -> &'static str {
    ["上海", "北京"][which % 2]
}

impl Ask {
    fn condition(&self, ids: &[RecordId]) -> Condition {
        let titled = |title: &Option<usize>| match title {
            Some(title) => contact::EMAIL.is(TITLES[*title]),
            None => Condition::Everything,
        };
        match self {
            Self::Some(title) => contact::ACCOUNT.of_some(titled(title)),
            Self::None(title) => contact::ACCOUNT.of_none(titled(title)),
            Self::City(which) => {
                contact::ACCOUNT.of_some(contact::ACCOUNT.to(account::CITY.is(city(*which))))
            }
            Self::In(which) => account::CITY.is(city(*which)),
            Self::Under(which) => account::PARENT.under(ids[*which]),
            Self::Near(which, kilometres) => {
                let around = Circle::around(latitude(*which), Decimal::from(121), kilometres * 1_000);
                Condition::Near("x.seat".into(), around.unwrap())
            }
            Self::Not(inner) => Condition::Not(Box::new(inner.condition(ids))),
            Self::Both(one, other) => Condition::All(vec![one.condition(ids), other.condition(ids)]),
            Self::Either(one, other) => Condition::Any(vec![one.condition(ids), other.condition(ids)]),
        }
    }

    /// Whether an account is meant, of whose contacts a reader sees these.
    fn is_met(&self, account: usize, seen: &[&Person]) -> bool {
        let some = |title: &Option<usize>| {
            seen.iter()
                .any(|person| person.account == account && title.is_none_or(|title| person.title == title))
        };
        match self {
            Self::Some(title) => some(title),
            Self::None(title) => !some(title),
            Self::City(which) => some(&None) && city(account) == city(*which),
            Self::In(which) => city(account) == city(*which),
            Self::Under(which) => is_below(account, *which),
            Self::Near(which, kilometres) => {
                let steps = u32::try_from(account.abs_diff(*which)).unwrap();
                steps * 11_120 <= kilometres * 1_000
            }
            Self::Not(inner) => !inner.is_met(account, seen),
            Self::Both(one, other) => one.is_met(account, seen) && other.is_met(account, seen),
            Self::Either(one, other) => one.is_met(account, seen) || other.is_met(account, seen),
        }
    }
}

fn person() -> impl Strategy<Value = Person> {
    (0_usize..2, 0_usize..ACCOUNTS, 0_usize..3).prop_map(|(owner, account, title)| Person {
        owner,
        account,
        title,
    })
}

/// Accounts with people at them, of whom the first ones are gone again.
fn world(session: &Session, owners: [RecordId; 2], people: &[Person], gone: usize) -> Vec<RecordId> {
    let mut ids: Vec<RecordId> = Vec::new();
    let made = session.write(|transaction| {
        ids.clear();
        for number in 0..ACCOUNTS {
            let seat = [("latitude", latitude(number)), ("longitude", Decimal::from(121))];
            let seat = seat.map(|(name, degrees)| (name.to_owned(), Value::Decimal(degrees)));
            let mut changes = Changes::new()
                .set("name", format!("account {number}"))
                .set("city", city(number))
                .set("x.seat", Value::Map(seat.into()));
            if number > 0 {
                changes = changes.set("parent", ids[number / 2]);
            }
            ids.push(transaction.create_record(Account::NAME, changes)?);
        }
        let mut made = Vec::new();
        for person in people {
            let changes = Changes::new()
                .set("name", "somebody")
                .set("account", ids[person.account])
                .set("email", TITLES[person.title])
                .owner(owners[person.owner]);
            made.push(transaction.create_record(Contact::NAME, changes)?);
        }
        made.iter().take(gone).try_for_each(|id| transaction.delete_record(Contact::NAME, *id))
    });
    made.unwrap();
    ids
}

fn check(session: &Session, ids: &[RecordId], seen: &[&Person], asks: &[Ask]) {
    for ask in asks {
        let met = ids.iter().enumerate().filter(|(number, _)| ask.is_met(*number, seen));
        let expected: Vec<RecordId> = met.map(|(_, id)| *id).collect();
        let condition = ask.condition(ids);
        assert_eq!(pages(session, &condition), expected, "{ask:?}");
        let count = session.count(Account::NAME, &condition).unwrap();
        assert_eq!(count, u64::try_from(expected.len()).unwrap(), "{ask:?}");
    }
}

fn play(people: &[Person], gone: usize, asks: &[Ask]) {
    let house = database();
    let indexed = |field: &mut guanxi::schema::FieldDefinition| field.indexed = true;
    let label = Label::new("位置", "Seat");
    house.admin.define_field(Account::NAME, "seat", label, FieldType::GeoPoint, indexed).unwrap();
    let grants = [("crm.account", Action::Read, Level::All), ("crm.contact", Action::Read, Level::Own)];
    let lin = house.user("lin", &[house.role("own contacts", &grants)]);
    let ids = world(&house.admin, [house.admin.user(), lin.user()], people, gone);
    // The same people stand in another partition once more.
    let all = [Action::Create, Action::Read, Action::Delete].map(|action| ("*", action, Level::All));
    let boss = house.user("boss", &[house.role("boss", &all)]);
    let north = house.partition("north");
    house.change(User::NAME, boss.user(), &Changes::new().set(user::PARTITION, north));
    let theirs = world(&boss, [boss.user(); 2], people, gone);
    let standing: Vec<&Person> = people.iter().skip(gone).collect();
    let own: Vec<&Person> = standing.iter().copied().filter(|person| person.owner == 1).collect();
    check(&house.admin, &ids, &standing, asks);
    check(&lin, &ids, &own, asks);
    check(&boss, &theirs, &standing, asks);
}

/// The accounts of a condition, two to a page.
fn pages(session: &Session, condition: &Condition) -> Vec<RecordId> {
    let mut find = guanxi::engine::Find { filter: condition.clone(), limit: 2, ..Default::default() };
    let mut found = Vec::new();
    loop {
        let page = session.list(Account::NAME, &find).unwrap();
        found.extend(page.rows.iter().map(|row| row.record.id));
        match page.next {
            Some(next) => find.after = Some(next),
            None => return found,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_refers_to_a_record_decides_on_it_as_by_hand(
        people in vec(person(), 0..10),
        gone in 0_usize..2,
        asks in vec(ask(), 1..8),
    ) {
        play(&people, gone, &asks);
    }
}

fn accounts(house: &House, names: &[&str]) -> Vec<RecordId> {
    let create = |name: &&str| house.create(Account::NAME, &Changes::new().set("name", *name));
    names.iter().map(create).collect()
}

#[test]
fn a_list_in_json_has_those_to_whom_some_or_no_record_refers_and_says_so_of_nested_ones() {
    let house = database();
    let [one, two, _] = accounts(&house, &["a", "b", "c"])[..] else { panic!() };
    let deal = |account: RecordId, title: &str| {
        house
            .create(Opportunity::NAME, &Changes::new().set("title", title).set(opportunity::ACCOUNT, account))
    };
    deal(one, "执照变更");
    deal(two, "注册");
    let names = |filter: serde_json::Value| -> String {
        let given = json!({"entity": "account", "filter": filter, "sort": ["name"]});
        let rows = api::call(&house.admin, "query.run", &given).unwrap()["rows"].clone();
        rows.as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap().to_owned()).collect()
    };
    let by = |more: serde_json::Value| {
        let mut has = json!({"entity": "opportunity", "by": "account"});
        has.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        has
    };
    assert_eq!(names(json!({"has": by(json!({}))})), "ab");
    assert_eq!(names(json!({"has_none": by(json!({}))})), "c");
    assert_eq!(names(json!({"has": by(json!({"where": {"title": "执照变更"}}))})), "a");
    assert_eq!(names(json!({"has": by(json!({"where": {"account.name": "b"}}))})), "b");
    assert_eq!(
        names(json!({"any": [{"name": "c"}, {"has": by(json!({"where": {"title": "注册"}}))}]})),
        "bc"
    );
    let count = |session: &Session, filter: serde_json::Value| {
        api::call(session, "query.count", &json!({"entity": "account", "filter": filter}))
    };
    for wrong in [json!(1), json!({"entity": "opportunity"}), by(json!({"when": 1}))] {
        assert_eq!(refusal(count(&house.admin, json!({"has": wrong}))), Code::InvalidFilter);
    }
    let other = json!({"has": {"entity": "opportunity", "by": "title"}});
    assert_eq!(refusal(count(&house.admin, other)), Code::InvalidFilter);
    let deep = by(json!({"where": {"has": {"entity": "contact", "by": "account"}}}));
    assert_eq!(
        refusal(count(&house.admin, json!({"has": deep}))),
        Code::InvalidFilter,
        "no contact has a deal"
    );
    let reader = house.user("reader", &[house.role("reader", &[("crm.account", Action::Read, Level::All)])]);
    assert_eq!(refusal(count(&reader, json!({"has": by(json!({}))}))), Code::NotPermitted);
}
