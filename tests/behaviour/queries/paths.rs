//! Conditions along references and within trees, against walking there by hand for each reader.

use std::collections::BTreeMap;

use guanxi::engine::{Action, Comparison, Filter, Find, Level, Session};
use guanxi::model::{Account, Contact, account};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId};
use guanxi_tests::{House, database, refusal};
use proptest::collection::vec;
use proptest::prelude::*;

/// The cities of accounts; the first is none.
const CITIES: [&str; 3] = ["", "上海", "北京"];

/// An account or a contact by hand: its owner's place, its city's place, and whom it refers to.
#[derive(Debug, Clone)]
struct Thing {
    owner: usize,
    city: usize,
    above: Option<RecordId>,
}

#[derive(Debug, Default)]
struct World {
    accounts: BTreeMap<RecordId, Thing>,
    contacts: BTreeMap<RecordId, Thing>,
    users: Vec<RecordId>,
}

/// A question about contacts.
#[derive(Debug, Clone)]
enum Ask {
    /// The city of the account, the account's parent or grandparent.
    City(usize, usize),
    NoCity(usize),
    /// Who owns the account.
    Owner(usize),
    /// Whether the contact's account lies below one.
    Under(usize),
    Not(Box<Ask>),
    Both(Box<Ask>, Box<Ask>),
    Either(Box<Ask>, Box<Ask>),
}

fn ask() -> impl Strategy<Value = Ask> {
    let leaf = prop_oneof![
        (0_usize..3, 1_usize..3).prop_map(|(up, city)| Ask::City(up, city)),
        (0_usize..3).prop_map(Ask::NoCity),
        (0_usize..2).prop_map(Ask::Owner),
        any::<usize>().prop_map(Ask::Under),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Ask::Not(Box::new(inner))),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| Ask::Both(Box::new(one), Box::new(other))),
            (inner.clone(), inner).prop_map(|(one, other)| Ask::Either(Box::new(one), Box::new(other))),
        ]
    })
}

impl World {
    fn root(&self, which: usize) -> RecordId {
        *self.accounts.keys().nth(which % self.accounts.len()).unwrap()
    }

    /// An account as a reader sees it: `None` for the reader who sees only what is the reader's own.
    fn seen(&self, id: Option<RecordId>, reader: Option<usize>) -> Option<&Thing> {
        let account = self.accounts.get(&id?)?;
        reader.is_none_or(|reader| account.owner == reader).then_some(account)
    }

    fn far(&self, contact: &Thing, up: usize, reader: Option<usize>) -> Option<&Thing> {
        let mut here = self.seen(contact.above, reader)?;
        for _ in 0..up {
            here = self.seen(here.above, reader)?;
        }
        Some(here)
    }

    fn holds(&self, ask: &Ask, contact: &Thing, reader: Option<usize>) -> bool {
        match ask {
            Ask::City(up, city) => {
                self.far(contact, *up, reader).is_some_and(|account| account.city == *city)
            }
            Ask::NoCity(up) => self.far(contact, *up, reader).is_none_or(|account| account.city == 0),
            Ask::Owner(owner) => self.far(contact, 0, reader).is_some_and(|account| account.owner == *owner),
            Ask::Under(root) => {
                let root = self.root(*root);
                let mut here = self.far(contact, 0, reader);
                for _ in 0..64 {
                    match here {
                        Some(account) if account.above == Some(root) => return true,
                        Some(account) => here = self.seen(account.above, reader),
                        None => return false,
                    }
                }
                false
            }
            Ask::Not(inner) => !self.holds(inner, contact, reader),
            Ask::Both(one, other) => self.holds(one, contact, reader) && self.holds(other, contact, reader),
            Ask::Either(one, other) => self.holds(one, contact, reader) || self.holds(other, contact, reader),
        }
    }

    fn condition(&self, ask: &Ask) -> Condition {
        let path = |up: usize| format!("account{}.city", ".parent".repeat(up));
        match ask {
            Ask::City(up, city) => Filter::Compare(path(*up).into(), Comparison::Equal, CITIES[*city].into()),
            Ask::NoCity(up) => Filter::IsNull(path(*up).into()),
            Ask::Owner(owner) => {
                Filter::Compare("account.owner".into(), Comparison::Equal, self.users[*owner].into())
            }
            Ask::Under(root) => Filter::Under("account.parent".into(), self.root(*root)),
            Ask::Not(inner) => Filter::Not(Box::new(self.condition(inner))),
            Ask::Both(one, other) => Filter::All(vec![self.condition(one), self.condition(other)]),
            Ask::Either(one, other) => Filter::Any(vec![self.condition(one), self.condition(other)]),
        }
    }

    fn check(&self, session: &Session, reader: Option<usize>, asks: &[Ask]) {
        for ask in asks {
            let condition = self.condition(ask);
            let met = self.contacts.iter().filter(|(_, contact)| {
                reader.is_none_or(|reader| contact.owner == reader) && self.holds(ask, contact, reader)
            });
            let expected: Vec<RecordId> = met.map(|(id, _)| *id).collect();
            let find = Find { filter: condition.clone(), limit: 1_000, ..Find::default() };
            let page = session.list(Contact::NAME, &find).unwrap();
            let ids: Vec<RecordId> = page.rows.iter().map(|row| row.record.id).collect();
            assert_eq!(ids, expected, "{ask:?} for {reader:?}");
            assert_eq!(session.count(Contact::NAME, &condition).unwrap(), expected.len() as u64);
        }
    }
}

/// Owner, city, and whom it refers to among the accounts before it or, for the first one, behind it.
type Plan = (usize, usize, Option<usize>);

fn build(house: &House, users: Vec<RecordId>, accounts: &[Plan], contacts: &[Plan]) -> World {
    let mut world = World { users, ..World::default() };
    let changes = |thing: &Thing, name: &str, link: &str, users: &[RecordId]| {
        let named = Changes::new().set("name", name).set(link, thing.above).owner(users[thing.owner]);
        if link == "parent" && thing.city > 0 { named.set("city", CITIES[thing.city]) } else { named }
    };
    let mut ids = Vec::new();
    for (owner, city, above) in accounts {
        let above = above.and_then(|above| ids.get(above % (ids.len() + 1)).copied());
        let thing = Thing { owner: *owner, city: *city, above };
        let id = house.create(Account::NAME, &changes(&thing, "account", "parent", &world.users));
        ids.push(id);
        world.accounts.insert(id, thing);
    }
    // The first account refers to the last one, unless that closes a circle.
    if let (Some((2, ..)), Some(last)) = (accounts.first(), ids.last()) {
        let upwards = Changes::new().set("parent", *last);
        let moved = house.admin.write(|txn| txn.update_record(Account::NAME, ids[0], upwards.clone()));
        match moved {
            Ok(_) => world.accounts.get_mut(&ids[0]).unwrap().above = Some(*last),
            Err(error) => assert_eq!(error.code(), Code::TreeCycle),
        }
    }
    for (owner, city, above) in contacts {
        let above = above.map(|above| ids[above % ids.len()]);
        let thing = Thing { owner: *owner, city: *city, above };
        let id = house.create(Contact::NAME, &changes(&thing, "contact", "account", &world.users));
        world.contacts.insert(id, thing);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_lies_beyond_a_reference_is_seen_as_a_direct_look_would_see_it(
        accounts in vec((0_usize..3, 0_usize..3, any::<Option<usize>>()), 1..14),
        contacts in vec((0_usize..3, 0_usize..3, any::<Option<usize>>()), 0..14),
        asks in vec(ask(), 1..6),
    ) {
        let house = database();
        let (one, two) = (house.user_as("one", "salesperson"), house.user_as("two", "salesperson"));
        let users = vec![one.user(), two.user(), house.admin.user()];
        let world = build(&house, users, &accounts, &contacts);
        world.check(&house.admin, None, &asks);
        world.check(&one, Some(0), &asks);
        world.check(&two, Some(1), &asks);
    }
}

#[test]
fn few_records_beyond_a_reference_are_looked_up_first() {
    let house = database();
    let hundred = house.admin.write(|transaction| {
        let ids =
            (0..100).map(|number| Ok(transaction.create(account::named(&format!("account {number}")))?.id()));
        ids.collect::<guanxi::Result<Vec<RecordId>>>()
    });
    for id in hundred.unwrap() {
        let _ = house.create(Contact::NAME, &Changes::new().set("name", "contact").set("account", id));
    }
    let named = |name: &str| Find {
        filter: Filter::Compare("account.name".into(), Comparison::Equal, name.into()),
        ..Find::default()
    };
    let explained = house.admin.explain(Contact::NAME, &named("account 7")).unwrap();
    assert_eq!((explained.index.as_str(), explained.scan, explained.residual), ("account", false, 0));
    assert_eq!(house.admin.list(Contact::NAME, &named("account 7")).unwrap().rows.len(), 1);
    assert!(house.admin.list(Contact::NAME, &named("nobody")).unwrap().rows.is_empty());
}

#[test]
fn a_path_is_refused_where_its_end_is_hidden_or_it_is_too_long() {
    let house = database();
    let read = |entity| (entity, Action::Read, Level::All);
    let hiding = house.role_hiding("hiding", &[read("crm.account")], "city");
    let contacts = house.role("contacts", &[read("crm.contact")]);
    let clerk = house.user("clerk", &[hiding, contacts]);
    let other = house.user("other", &[contacts]);
    let city = |path: &str| Filter::Compare(path.into(), Comparison::Equal, "上海".into());
    assert_eq!(refusal(clerk.count(Contact::NAME, &city("account.city"))), Code::UnknownField);
    assert_eq!(refusal(other.count(Contact::NAME, &city("account.city"))), Code::NotPermitted);
    assert_eq!(house.admin.count(Contact::NAME, &city("account.parent.parent.city")).unwrap(), 0);
    let long = city("account.parent.parent.parent.city");
    assert_eq!(refusal(house.admin.count(Contact::NAME, &long)), Code::InvalidFilter);
    assert_eq!(refusal(house.admin.count(Contact::NAME, &city("name.city"))), Code::UnknownField);
    let under = Filter::Under("account".into(), house.admin.user());
    assert_eq!(refusal(house.admin.count(Contact::NAME, &under)), Code::InvalidFilter);
}
