//! Conditions on the links of a record, against looking at all links by hand for each reader.

use guanxi::base::Label;
use guanxi::engine::{Action, At, Level, NewRelation};
use guanxi::model::{Account, account};
use guanxi::schema::{EntityType, FieldDefinition, FieldType, OnDelete, RelationDefinition, RelationSide};
use guanxi::{Changes, Code, Condition, Date, RecordId, Session, api};
use guanxi_tests::{House, database, refusal};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// How many accounts a world has; those with odd numbers belong to somebody else.
const ACCOUNTS: usize = 6;
/// Directed: who holds shares of whom. Symmetric: who works with whom.
const RELATIONS: [(&str, [&str; 2]); 2] = [("x.holding", ["holder", "company"]), ("x.ally", ["from", "to"])];

/// A link by hand.
#[derive(Debug, Clone)]
struct Link {
    relation: usize,
    ends: [usize; 2],
    /// The first day and the day behind the last one, counted from the first of January.
    days: (Option<u8>, Option<u8>),
    share: u8,
    deleted: bool,
}

/// What is asked of a link, seen from one of its ends.
#[derive(Debug, Clone)]
enum Of {
    Anything,
    Share(u8),
    HeldOn(u8),
    /// The record at the other end is in a city.
    City(usize),
    /// The record at the other end has a link itself, at this side.
    OtherHas(usize, usize),
    Not(Box<Of>),
    Both(Box<Of>, Box<Of>),
}

/// A question about accounts.
#[derive(Debug, Clone)]
enum Ask {
    /// A relation, the side at which the account stands, and the link.
    Some(usize, usize, Of),
    None(usize, usize, Of),
    In(usize),
    Not(Box<Ask>),
    Both(Box<Ask>, Box<Ask>),
    Either(Box<Ask>, Box<Ask>),
}

fn of() -> impl Strategy<Value = Of> {
    let leaf = prop_oneof![
        Just(Of::Anything),
        (0_u8..4).prop_map(Of::Share),
        (0_u8..12).prop_map(Of::HeldOn),
        (0_usize..2).prop_map(Of::City),
        (0_usize..2, 0_usize..2).prop_map(|(relation, side)| Of::OtherHas(relation, side)),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Of::Not(Box::new(inner))),
            (inner.clone(), inner).prop_map(|(one, other)| Of::Both(Box::new(one), Box::new(other))),
        ]
    })
}

fn ask() -> impl Strategy<Value = Ask> {
    let leaf = prop_oneof![
        3 => (0_usize..2, 0_usize..2, of()).prop_map(|(relation, side, of)| Ask::Some(relation, side, of)),
        2 => (0_usize..2, 0_usize..2, of()).prop_map(|(relation, side, of)| Ask::None(relation, side, of)),
        1 => (0_usize..2).prop_map(Ask::In),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Ask::Not(Box::new(inner))),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| Ask::Both(Box::new(one), Box::new(other))),
            (inner.clone(), inner).prop_map(|(one, other)| Ask::Either(Box::new(one), Box::new(other))),
        ]
    })
}

fn link() -> impl Strategy<Value = Link> {
    let day = || option::of(0_u8..12);
    let parts =
        (0_usize..2, 0..ACCOUNTS, 0..ACCOUNTS, (day(), day()), 0_u8..4, proptest::bool::weighted(0.15));
    parts.prop_map(|(relation, from, to, days, share, deleted)| Link {
        relation,
        ends: [from, to],
        days,
        share,
        deleted,
    })
}

fn city(which: usize) -> &'static str {
    ["上海", "北京"][which / 2 % 2]
}

fn day(number: u8) -> Date {
    format!("2026-01-{:02}", number + 1).parse().unwrap()
}

impl Of {
    fn condition(&self, relation: usize, side: usize) -> Condition {
        let other = RELATIONS[relation].1[1 - side];
        match self {
            Self::Anything => Condition::Everything,
            Self::Share(least) => {
                let least = i64::from(*least).into();
                Condition::Compare("share".into(), guanxi::engine::Comparison::GreaterOrEqual, least)
            }
            Self::HeldOn(number) => Condition::HeldOn(day(*number)),
            Self::City(which) => {
                Condition::Through(other.into(), Box::new(account::CITY.is(city(*which * 2))))
            }
            Self::OtherHas(relation, side) => {
                let (name, sides) = RELATIONS[*relation];
                let has = Condition::of_some(name, sides[*side], Condition::Everything);
                Condition::Through(other.into(), Box::new(has))
            }
            Self::Not(inner) => Condition::Not(Box::new(inner.condition(relation, side))),
            Self::Both(one, two) => {
                Condition::All(vec![one.condition(relation, side), two.condition(relation, side)])
            }
        }
    }

    /// The same in JSON, where it can be said there: a day stands beside the condition.
    fn json(&self, relation: usize, side: usize) -> Option<Json> {
        let (name, sides) = RELATIONS[relation];
        let said = |parts: Json| {
            let mut has = json!({"entity": name, "by": sides[side]});
            has.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
            has
        };
        Some(match self {
            Self::Anything => said(json!({})),
            Self::Share(least) => said(json!({"where": {"field": "share", "op": "ge", "value": least}})),
            Self::HeldOn(number) => said(json!({"valid_at": day(*number).to_string()})),
            Self::City(which) => {
                let path = format!("{}.city", sides[1 - side]);
                said(json!({"where": {path: city(*which * 2)}}))
            }
            _ => return None,
        })
    }

    fn is_met(&self, world: &World<'_>, link: &Link, other: usize) -> bool {
        match self {
            Self::Anything => true,
            Self::Share(least) => link.share >= *least,
            Self::HeldOn(number) => {
                link.days.0.is_none_or(|first| first <= *number)
                    && link.days.1.is_none_or(|end| *number < end)
            }
            Self::City(which) => city(other) == city(*which * 2),
            Self::OtherHas(relation, side) => world.some(other, *relation, *side, &Self::Anything),
            Self::Not(inner) => !inner.is_met(world, link, other),
            Self::Both(one, two) => one.is_met(world, link, other) && two.is_met(world, link, other),
        }
    }
}

impl Ask {
    fn condition(&self) -> Condition {
        match self {
            Self::Some(relation, side, of) => {
                let (name, sides) = RELATIONS[*relation];
                Condition::of_some(name, sides[*side], of.condition(*relation, *side))
            }
            Self::None(relation, side, of) => {
                let (name, sides) = RELATIONS[*relation];
                Condition::of_none(name, sides[*side], of.condition(*relation, *side))
            }
            Self::In(which) => account::CITY.is(city(*which * 2)),
            Self::Not(inner) => Condition::Not(Box::new(inner.condition())),
            Self::Both(one, other) => Condition::All(vec![one.condition(), other.condition()]),
            Self::Either(one, other) => Condition::Any(vec![one.condition(), other.condition()]),
        }
    }

    fn json(&self) -> Option<Json> {
        Some(match self {
            Self::Some(relation, side, of) => json!({"has": of.json(*relation, *side)?}),
            Self::None(relation, side, of) => json!({"has_none": of.json(*relation, *side)?}),
            Self::In(which) => json!({"city": city(*which * 2)}),
            Self::Not(inner) => json!({"not": inner.json()?}),
            Self::Both(one, other) => json!({"all": [one.json()?, other.json()?]}),
            Self::Either(one, other) => json!({"any": [one.json()?, other.json()?]}),
        })
    }

    fn is_met(&self, world: &World<'_>, account: usize) -> bool {
        match self {
            Self::Some(relation, side, of) => world.some(account, *relation, *side, of),
            Self::None(relation, side, of) => !world.some(account, *relation, *side, of),
            Self::In(which) => city(account) == city(*which * 2),
            Self::Not(inner) => !inner.is_met(world, account),
            Self::Both(one, other) => one.is_met(world, account) && other.is_met(world, account),
            Self::Either(one, other) => one.is_met(world, account) || other.is_met(world, account),
        }
    }
}

/// What a reader sees: the accounts, and of the links those whose both ends are among these.
struct World<'w> {
    links: &'w [Link],
    sees: fn(usize) -> bool,
}

impl World<'_> {
    fn some(&self, account: usize, relation: usize, side: usize, of: &Of) -> bool {
        let symmetric = relation == 1;
        self.links.iter().filter(|link| link.relation == relation && !link.deleted).any(|link| {
            link.ends.iter().all(|end| (self.sees)(*end))
                && [side, 1 - side]
                    .into_iter()
                    .take(if symmetric { 2 } else { 1 })
                    .any(|side| link.ends[side] == account && of.is_met(self, link, link.ends[1 - side]))
        })
    }
}

fn define(house: &House) {
    let label = || Label::new("一端", "End");
    for (number, (name, sides)) in RELATIONS.into_iter().enumerate() {
        let side = |name: &str| RelationSide {
            name: name.to_owned(),
            on_delete: OnDelete::Cascade,
            ..RelationSide::new(&[Account::NAME], label())
        };
        let relation = RelationDefinition {
            symmetric: number == 1,
            validity: true,
            ..RelationDefinition::new(side(sides[0]), side(sides[1]))
        };
        let share = FieldDefinition::new("x", 0, "share", Label::new("比例", "Share"), FieldType::Int);
        let name = name.trim_start_matches("x.").to_owned();
        let label = Label::new("关系", "Relation");
        house.admin.define_relation(NewRelation { name, label, relation, fields: vec![share] }).unwrap();
    }
}

/// The accounts, and the links that the engine takes: those that say something again are left out.
fn world(house: &House, other: RecordId, links: &[Link]) -> (Vec<RecordId>, Vec<Link>) {
    define(house);
    let create = |number: usize| {
        let owner = if number.is_multiple_of(2) { house.admin.user() } else { other };
        let changes = Changes::new().set("name", format!("account {number}")).set("city", city(number));
        house.create(Account::NAME, &changes.owner(owner))
    };
    let ids: Vec<RecordId> = (0..ACCOUNTS).map(create).collect();
    let made = links.iter().filter(|link| {
        let (name, _) = RELATIONS[link.relation];
        let mut changes = Changes::new().set("share", i64::from(link.share));
        for (field, number) in [("valid_from", link.days.0), ("valid_to", link.days.1)] {
            if let Some(number) = number {
                changes = changes.set(field, day(number));
            }
        }
        let [from, to] = link.ends.map(|end| ids[end]);
        let made = house.admin.write(|transaction| transaction.link(name, from, to, changes.clone()));
        if let (Ok(id), true) = (&made, link.deleted) {
            house.admin.write(|transaction| transaction.delete_record(name, *id)).unwrap();
        }
        made.is_ok()
    });
    let made = made.cloned().collect();
    (ids, made)
}

fn check(session: &Session, ids: &[RecordId], world: &World<'_>, asks: &[Ask]) {
    for ask in asks {
        let met = ids.iter().enumerate();
        let met = met.filter(|(number, _)| (world.sees)(*number) && ask.is_met(world, *number));
        let expected: Vec<RecordId> = met.map(|(_, id)| *id).collect();
        let condition = ask.condition();
        let find = guanxi::engine::Find { filter: condition.clone(), ..Default::default() };
        let page = session.list(Account::NAME, &find).unwrap();
        let found: Vec<RecordId> = page.rows.iter().map(|row| row.record.id).collect();
        assert_eq!(found, expected, "{ask:?}");
        let count = session.count(Account::NAME, &condition).unwrap();
        assert_eq!(count, u64::try_from(expected.len()).unwrap(), "{ask:?}");
        let Some(json) = ask.json() else { continue };
        let told = api::call(session, "query.run", &json!({"entity": "account", "filter": json})).unwrap();
        let told: Vec<RecordId> = told["rows"].as_array().unwrap().iter().map(id_of).collect();
        assert_eq!(told, expected, "{json}");
    }
}

fn id_of(row: &Json) -> RecordId {
    row["id"].as_str().unwrap().parse().unwrap()
}

fn play(links: &[Link], asks: &[Ask]) {
    let house = database();
    let grants = [
        ("crm.account", Action::Read, Level::Own),
        ("x.holding", Action::Read, Level::All),
        ("x.ally", Action::Read, Level::All),
    ];
    let lin = house.user("lin", &[house.role("own accounts", &grants)]);
    let (ids, links) = world(&house, lin.user(), links);
    check(&house.admin, &ids, &World { links: &links, sees: |_| true }, asks);
    check(&lin, &ids, &World { links: &links, sees: |account| account % 2 == 1 }, asks);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_links_of_a_record_decide_on_it_from_either_end_as_by_hand(
        links in vec(link(), 0..14),
        asks in vec(ask(), 1..12),
    ) {
        play(&links, &asks);
    }
}

#[test]
fn what_a_condition_on_links_cannot_say_is_refused() {
    let house = database();
    define(&house);
    let count = |session: &Session, filter: Json| {
        api::call(session, "query.count", &json!({"entity": "account", "filter": filter}))
    };
    let has = |more: Json| {
        let mut has = json!({"entity": "x.ally", "by": "from"});
        has.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"has": has})
    };
    let ends = has(json!({"where": {"expression": "from != to"}}));
    assert_eq!(refusal(count(&house.admin, ends)), Code::InvalidFilter);
    assert!(count(&house.admin, has(json!({"where": {"expression": "share > 1"}}))).is_ok());
    assert_eq!(refusal(count(&house.admin, has(json!({"valid_at": "someday"})))), Code::InvalidArgument);
    assert_eq!(refusal(count(&house.admin, has(json!({"valid_at": 1})))), Code::InvalidFilter);
    let blind = house.user("blind", &[house.role("blind", &[("crm.account", Action::Read, Level::All)])]);
    assert_eq!(refusal(count(&blind, has(json!({})))), Code::NotPermitted);
    let now = At::Position(house.crm.head().unwrap().position);
    let condition = Condition::of_some("x.holding", "company", Condition::Everything);
    let past = house.admin.list_as_of(Account::NAME, &condition, now, None, 0);
    assert_eq!(refusal(past), Code::InvalidFilter, "nobody knows what referred to a record then");
}
