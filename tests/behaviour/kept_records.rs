//! Records that are read often are kept in memory as they were decoded; nobody can tell from what they read.

use std::collections::BTreeMap;

use guanxi::base::Label;
use guanxi::engine::{
    Action, Comparison, CountSource, Direction, Find, Grant, Level, Question, Reader, Total, Transaction,
    grant,
};
use guanxi::model::{Account, Contact};
use guanxi::schema::{CounterDefinition, EntityType, FieldType};
use guanxi::{Changes, Code, Condition, RecordId, Session, Value, WriteOptions};
use guanxi_tests::{House, database};
use proptest::collection::vec;
use proptest::prelude::*;

/// Names that the administrator's own field has in turn.
const OWN: [&str; 2] = ["remark", "memo"];

/// Accounts that people join, by which they are counted.
const ACCOUNTS: usize = 3;

/// One piece of work within a transaction.
#[derive(Debug, Clone)]
enum Work {
    Create { name: u8, mine: bool },
    Rename { which: usize, name: u8 },
    Post { which: usize, length: usize },
    Remark { which: usize, text: u8 },
    Give { which: usize, mine: bool },
    Join { which: usize, account: usize },
    Delete { which: usize },
    Undelete { which: usize },
}

/// What becomes of a transaction.
#[derive(Debug, Clone, Copy)]
enum End {
    Commit,
    Drop,
    /// The second half is taken back, the first half committed.
    Half,
}

/// One step of a play.
#[derive(Debug, Clone)]
enum Step {
    Write(Vec<Work>, End),
    Erase(usize),
    /// The administrator's own field gets its other name.
    RenameField,
    /// It is removed, or comes back.
    TurnField,
    /// The salesperson's role hides the position, or shows it.
    TurnHidden,
    /// The salesperson sees everybody's records, or their own.
    TurnLevel,
    /// What both see now is held open until the end of the play.
    Hold,
    Checkpoint,
}

fn work() -> impl Strategy<Value = Work> {
    let which = any::<usize>;
    prop_oneof![
        3 => (any::<u8>(), any::<bool>()).prop_map(|(name, mine)| Work::Create { name, mine }),
        2 => (which(), any::<u8>()).prop_map(|(which, name)| Work::Rename { which, name }),
        2 => (which(), prop_oneof![8 => 0_usize..60, 1 => 60_000_usize..150_000])
            .prop_map(|(which, length)| Work::Post { which, length }),
        2 => (which(), any::<u8>()).prop_map(|(which, text)| Work::Remark { which, text }),
        1 => (which(), any::<bool>()).prop_map(|(which, mine)| Work::Give { which, mine }),
        2 => (which(), 0..ACCOUNTS).prop_map(|(which, account)| Work::Join { which, account }),
        1 => which().prop_map(|which| Work::Delete { which }),
        1 => which().prop_map(|which| Work::Undelete { which }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![4 => Just(End::Commit), 1 => Just(End::Drop), 1 => Just(End::Half)];
    prop_oneof![
        8 => (vec(work(), 1..5), end).prop_map(|(works, end)| Step::Write(works, end)),
        1 => any::<usize>().prop_map(Step::Erase),
        1 => Just(Step::RenameField),
        1 => Just(Step::TurnField),
        1 => Just(Step::TurnHidden),
        1 => Just(Step::TurnLevel),
        2 => Just(Step::Hold),
        1 => Just(Step::Checkpoint),
    ]
}

/// A contact by hand.
#[derive(Debug, Clone, PartialEq)]
struct Person {
    name: String,
    position: String,
    remark: String,
    mine: bool,
    account: Option<usize>,
}

/// Everything that there is, by hand.
#[derive(Debug, Clone, Default)]
struct World {
    standing: BTreeMap<RecordId, Person>,
    deleted: BTreeMap<RecordId, Person>,
    erased: Vec<RecordId>,
    /// The name of the administrator's own field, by its place in `OWN`.
    named: usize,
    withdrawn: bool,
    hidden: bool,
    all: bool,
    accounts: Vec<RecordId>,
}

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Who {
    Administrator,
    Salesperson,
}

impl World {
    fn pick(people: &BTreeMap<RecordId, Person>, which: usize) -> Option<(RecordId, Person)> {
        let place = which.checked_rem(people.len())?;
        people.iter().nth(place).map(|(id, person)| (*id, person.clone()))
    }

    fn sees(&self, who: Who, person: &Person) -> bool {
        who == Who::Administrator || self.all || person.mine
    }

    /// A person as somebody sees them.
    fn seen(&self, who: Who, person: &Person) -> Person {
        let hidden = who == Who::Salesperson && self.hidden;
        let position = if hidden { String::new() } else { person.position.clone() };
        let remark = if self.withdrawn { String::new() } else { person.remark.clone() };
        Person { position, remark, ..person.clone() }
    }
}

/// The stage: a database, the grant by which the salesperson reads, and both sessions.
struct Stage {
    house: House,
    grant: RecordId,
    seller: Session,
}

impl Stage {
    fn set() -> Self {
        let house = House::with(|options| options.record_cache_bytes(1 << 20));
        let grants = [(Contact::NAME, Action::Read, Level::Own), (Account::NAME, Action::Read, Level::All)];
        let role = house.role("reads", &grants);
        let grants = house.admin.list(Grant::NAME, &Find { limit: 10_000, ..Find::default() }).unwrap();
        let of_role = |row: &&guanxi::engine::Listing| {
            row.value("role").unwrap() == Value::Id(role)
                && row.value("entity").unwrap() == Contact::NAME.into()
        };
        let grant = grants.rows.iter().find(of_role).unwrap().record.id;
        let seller = house.user("seller", &[role]);
        let (text, label) = (FieldType::Text, Label::new("备注", "Remark"));
        house.admin.define_field(Contact::NAME, OWN[0], label, text, |_| ()).unwrap();
        let counter = CounterDefinition::new("x", 0, "by_account", &["account"]);
        house.admin.define_counter(Contact::NAME, counter).unwrap();
        Self { house, grant, seller }
    }

    /// The world in which there is nobody yet.
    fn world(&self) -> World {
        let account = |number: usize| {
            let changes = Changes::new().set("name", format!("公司 {number}"));
            self.house
                .admin
                .write(|transaction| transaction.create_record(Account::NAME, changes.clone()))
                .unwrap()
        };
        World { accounts: (0..ACCOUNTS).map(account).collect(), ..World::default() }
    }

    fn owner(&self, mine: bool) -> RecordId {
        if mine { self.seller.user() } else { self.house.admin.user() }
    }

    fn act(&self, transaction: &mut Transaction<'_>, world: &mut World, work: &Work) {
        let text = |letter: &str, length: usize| letter.repeat(length);
        let (id, person, changes) = match work {
            Work::Create { name, mine } => {
                let name = format!("人 {name}");
                let changes = Changes::new().set("name", name.as_str()).owner(self.owner(*mine));
                let id = transaction.create_record(Contact::NAME, changes).unwrap();
                let nothing = String::new();
                let person =
                    Person { name, position: nothing.clone(), remark: nothing, mine: *mine, account: None };
                world.standing.insert(id, person);
                return;
            }
            Work::Delete { which } => {
                let Some((id, person)) = World::pick(&world.standing, *which) else { return };
                transaction.delete_record(Contact::NAME, id).unwrap();
                world.standing.remove(&id);
                world.deleted.insert(id, person);
                return;
            }
            Work::Undelete { which } => {
                let Some((id, person)) = World::pick(&world.deleted, *which) else { return };
                transaction.undelete_record(Contact::NAME, id).unwrap();
                world.deleted.remove(&id);
                world.standing.insert(id, person);
                return;
            }
            Work::Rename { which, name } => {
                let Some((id, person)) = World::pick(&world.standing, *which) else { return };
                let name = format!("人 {name}");
                (id, Person { name: name.clone(), ..person }, Changes::new().set("name", name.as_str()))
            }
            Work::Post { which, length } => {
                let Some((id, person)) = World::pick(&world.standing, *which) else { return };
                let position = text("厂", *length / 3);
                let changes = Changes::new().set("position", position.as_str());
                (id, Person { position, ..person }, changes)
            }
            Work::Remark { which, text } => {
                let Some((id, person)) = World::pick(&world.standing, *which) else { return };
                if world.withdrawn {
                    return;
                }
                let (field, remark) = (format!("x.{}", OWN[world.named]), format!("remark {text}"));
                let changes = Changes::new().set(field.as_str(), remark.as_str());
                (id, Person { remark, ..person }, changes)
            }
            Work::Join { which, account } => {
                let Some((id, person)) = World::pick(&world.standing, *which) else { return };
                let changes = Changes::new().set("account", Value::Id(world.accounts[*account]));
                (id, Person { account: Some(*account), ..person }, changes)
            }
            Work::Give { which, mine } => {
                let Some((id, person)) = World::pick(&world.standing, *which) else { return };
                (id, Person { mine: *mine, ..person }, Changes::new().owner(self.owner(*mine)))
            }
        };
        transaction.update_record(Contact::NAME, id, changes).unwrap();
        world.standing.insert(id, person);
        // The writer sees what was not committed yet.
        let expected = world.seen(Who::Administrator, &world.standing[&id]);
        assert_eq!(read(world, &transaction.get_record(Contact::NAME, id).unwrap()), expected);
    }

    fn write(&self, world: &mut World, works: &[Work], end: End) {
        let mut transaction = self.house.admin.begin(WriteOptions::default()).unwrap();
        let mut draft = world.clone();
        let (first, second) = works.split_at(works.len() / 2);
        first.iter().for_each(|work| self.act(&mut transaction, &mut draft, work));
        let (point, half) = (transaction.savepoint(), draft.clone());
        second.iter().for_each(|work| self.act(&mut transaction, &mut draft, work));
        match end {
            End::Commit => *world = draft,
            End::Drop => return,
            End::Half => {
                transaction.roll_back_to(point);
                check(&transaction.reader(), &half, Who::Administrator);
                *world = half;
            }
        }
        transaction.commit().unwrap();
    }

    fn erase(&self, world: &mut World, which: usize) {
        let Some((id, _)) = World::pick(&world.standing, which) else { return };
        self.house.admin.erase(Contact::NAME, id).unwrap();
        world.standing.remove(&id);
        world.erased.push(id);
    }

    fn change_grant(&self, changes: Changes) {
        self.house.change(Grant::NAME, self.grant, &changes);
    }

    fn take(&self, world: &mut World, step: &Step) {
        let field = format!("x.{}", OWN[world.named]);
        let admin = &self.house.admin;
        match step {
            Step::Write(works, end) => self.write(world, works, *end),
            Step::Erase(which) => self.erase(world, *which),
            Step::RenameField if world.withdrawn => {}
            Step::RenameField => {
                world.named = 1 - world.named;
                admin.rename_field(Contact::NAME, &field, OWN[world.named]).unwrap();
            }
            Step::TurnField => {
                world.withdrawn = !world.withdrawn;
                if world.withdrawn {
                    admin.remove_field(Contact::NAME, &field).unwrap();
                } else {
                    admin.restore_field(Contact::NAME, &field).unwrap();
                }
            }
            Step::TurnHidden => {
                world.hidden = !world.hidden;
                let hidden = if world.hidden { "position" } else { "" };
                self.change_grant(Changes::new().set(grant::HIDDEN_FIELDS, hidden));
            }
            Step::TurnLevel => {
                world.all = !world.all;
                let level = if world.all { Level::All } else { Level::Own };
                self.change_grant(Changes::new().set(grant::LEVEL, level));
            }
            Step::Checkpoint => self.house.crm.checkpoint().unwrap(),
            Step::Hold => {}
        }
    }

    /// Plays the steps; whatever is held open is looked at after each of them, as are two new readers.
    fn play(&self, steps: &[Step], mut world: World, held: &[(Reader<'_>, World, Who)]) -> World {
        for (place, step) in steps.iter().enumerate() {
            self.take(&mut world, step);
            for (reader, world, who) in held {
                check(reader, world, *who);
            }
            for (session, who) in [(&self.house.admin, Who::Administrator), (&self.seller, Who::Salesperson)]
            {
                let read = session.read(|reader| {
                    check(&reader, &world, who);
                    Ok(())
                });
                read.unwrap();
            }
            if matches!(step, Step::Hold) {
                return self.hold(&steps[place + 1..], world, held);
            }
        }
        world
    }

    fn hold(&self, steps: &[Step], world: World, held: &[(Reader<'_>, World, Who)]) -> World {
        let ended = self.house.admin.read(|all| {
            self.seller.read(|own| {
                let mut more: Vec<(Reader<'_>, World, Who)> = held.to_vec();
                more.push((all, world.clone(), Who::Administrator));
                more.push((own, world.clone(), Who::Salesperson));
                Ok(self.play(steps, world.clone(), &more))
            })
        });
        ended.unwrap()
    }
}

/// A contact as it is read.
fn read(world: &World, row: &guanxi::engine::Listing) -> Person {
    let text = |field: &str| row.value(field).unwrap().as_text().unwrap_or_default().to_owned();
    let own = format!("x.{}", OWN[world.named]);
    let remark = if world.withdrawn { String::new() } else { text(&own) };
    let name = text("name");
    // Whose it is follows from what is seen of it.
    let mine = world.standing.get(&row.record.id).is_some_and(|person| person.mine);
    let account = row.value("account").unwrap();
    let account = world.accounts.iter().position(|known| Value::Id(*known) == account);
    Person { name, position: text("position"), remark, mine, account }
}

/// Holds everything that a reader is told against the world as it was when the reader began.
fn check(reader: &Reader<'_>, world: &World, who: Who) {
    let expected: BTreeMap<RecordId, Person> = world
        .standing
        .iter()
        .filter(|(_, person)| world.sees(who, person))
        .map(|(id, person)| (*id, world.seen(who, person)))
        .collect();
    let find = Find { limit: 10_000, ..Find::default() };
    // The second time they are wanted, the third they are kept.
    for _ in 0..3 {
        let page = reader.find(Contact::NAME, &find).unwrap();
        let found: BTreeMap<RecordId, Person> =
            page.rows.iter().map(|row| (row.record.id, read(world, row))).collect();
        assert_eq!(found, expected);
    }
    let names = Question { fields: vec!["name".into()], ..find.into() };
    for row in reader.query(Contact::NAME, &names).unwrap().rows {
        let person = &expected[&row.record.id];
        let nothing = String::new();
        let alone = Person { position: nothing.clone(), remark: nothing, account: None, ..person.clone() };
        assert_eq!(read(world, &row), alone);
    }
    check_counts(reader, world, &expected);
    check_pages(reader, &expected);
    let all = world.standing.keys().chain(world.deleted.keys()).chain(&world.erased);
    for id in all {
        match (reader.get(Contact::NAME, *id), expected.get(id)) {
            (Ok(row), Some(person)) => assert_eq!(&read(world, &row), person),
            (Err(error), None) => assert_eq!(error.code(), Code::RecordNotFound),
            (other, expected) => panic!("{other:?} where {expected:?} was expected"),
        }
    }
}

/// Holds the counts of everybody and by account against those who are seen.
fn check_counts(reader: &Reader<'_>, world: &World, expected: &BTreeMap<RecordId, Person>) {
    let count = |condition: &Condition| reader.count_up_to(Contact::NAME, condition, Total::USUAL).unwrap();
    assert_eq!(count(&Condition::Everything).count, u64::try_from(expected.len()).unwrap());
    for (number, account) in world.accounts.iter().enumerate() {
        let there = expected.values().filter(|person| person.account == Some(number)).count();
        let counted = count(&Condition::Compare("account".into(), Comparison::Equal, Value::Id(*account)));
        assert_eq!((counted.count, counted.source), (u64::try_from(there).unwrap(), CountSource::Counters));
    }
}

/// Walks by small pages in the order of names, which is that of an index, to the end.
fn check_pages(reader: &Reader<'_>, expected: &BTreeMap<RecordId, Person>) {
    let mut walked = Vec::new();
    let mut find = Find { limit: 2, sort: vec![("name".into(), Direction::Descending)], ..Find::default() };
    loop {
        let page = reader.find(Contact::NAME, &find).unwrap();
        walked.extend(page.rows.iter().map(|row| row.record.id));
        match page.next {
            Some(next) => find.after = Some(next),
            None => break,
        }
    }
    let mut ordered: Vec<(&str, RecordId)> =
        expected.iter().map(|(id, person)| (person.name.as_str(), *id)).collect();
    ordered.sort_unstable_by(|left, right| right.cmp(left));
    let ordered: Vec<RecordId> = ordered.into_iter().map(|(_, id)| id).collect();
    assert_eq!(walked, ordered);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whoever_reads_sees_the_world_of_the_moment_at_which_they_began(steps in vec(step(), 1..24)) {
        let stage = Stage::set();
        let world = stage.play(&steps, stage.world(), &[]);
        let house = stage.house;
        drop(stage.seller);
        let house = house.reopened();
        let read = house.admin.read(|reader| { check(&reader, &world, Who::Administrator); Ok(()) });
        read.unwrap();
    }
}

fn kept_bytes(house: &House) -> u64 {
    house.crm.statistics().unwrap().kept_bytes
}

fn read_often(house: &House) {
    for _ in 0..4 {
        let page = house.admin.list(Contact::NAME, &Find { limit: 10_000, ..Find::default() }).unwrap();
        assert!(!page.rows.is_empty());
    }
}

#[test]
fn what_is_kept_takes_no_more_memory_than_it_may() {
    let room: u64 = 300_000;
    let house = House::with(|options| options.record_cache_bytes(usize::try_from(room).unwrap()));
    let position = "p".repeat(1_000);
    let made = house.admin.write(|transaction| {
        for number in 0..2_000 {
            let changes = Changes::new().set("name", format!("{number}")).set("position", position.as_str());
            transaction.create_record(Contact::NAME, changes)?;
        }
        Ok(())
    });
    made.unwrap();
    let page = |after| Find { limit: 50, after, ..Find::default() };
    let first = house.admin.list(Contact::NAME, &page(None)).unwrap();
    let mut after = first.next.clone();
    for _ in 0..4 {
        house.admin.list(Contact::NAME, &page(None)).unwrap();
    }
    let of_a_page = kept_bytes(&house);
    assert!(of_a_page > 50 * 1_000 && of_a_page <= room, "{of_a_page}");
    while let Some(place) = after {
        for _ in 0..3 {
            house.admin.list(Contact::NAME, &page(Some(place.clone()))).unwrap();
        }
        assert!(kept_bytes(&house) <= room);
        after = house.admin.list(Contact::NAME, &page(Some(place))).unwrap().next;
    }
}

#[test]
fn nothing_is_kept_where_that_is_switched_off() {
    let house = House::with(|options| options.record_cache_bytes(0));
    let _ = house.create(Contact::NAME, &Changes::new().set("name", "林"));
    read_often(&house);
    assert_eq!(kept_bytes(&house), 0);
}

#[test]
fn what_a_person_said_is_not_kept_after_the_person_is_erased_or_deleted() {
    let long = 20_000_u64;
    let position = "p".repeat(usize::try_from(long).unwrap());
    for erased in [true, false] {
        let house = database();
        let changes = Changes::new().set("name", "林").set("position", position.as_str());
        let id = house.create(Contact::NAME, &changes);
        read_often(&house);
        assert!(kept_bytes(&house) > long);
        if erased {
            house.admin.erase(Contact::NAME, id).unwrap();
        } else {
            house.admin.write(|transaction| transaction.delete_record(Contact::NAME, id)).unwrap();
        }
        assert!(kept_bytes(&house) < long);
    }
}

#[test]
fn a_reader_of_an_earlier_moment_puts_nothing_in_the_place_of_what_is_there_now() {
    let house = database();
    let id = house.create(Contact::NAME, &Changes::new().set("name", "before"));
    let name = |reader: &Reader<'_>| reader.get(Contact::NAME, id).unwrap().value("name").unwrap();
    let read = house.admin.read(|earlier| {
        house.change(Contact::NAME, id, &Changes::new().set("name", "after"));
        for _ in 0..4 {
            assert_eq!(name(&earlier), Value::from("before"));
            let now = house.admin.read(|now| Ok(name(&now)))?;
            assert_eq!(now, Value::from("after"));
        }
        Ok(())
    });
    read.unwrap();
}

#[test]
fn a_commit_so_large_that_it_goes_past_the_journal_is_seen_by_those_who_read_after_it() {
    let house = database();
    let many: u64 = 64;
    let position = "p".repeat(40_000);
    let made = house.admin.write(|transaction| {
        let ids = (0..many).map(|number| {
            let changes = Changes::new().set("name", format!("{number}")).set("position", "small");
            transaction.create_record(Contact::NAME, changes)
        });
        ids.collect::<guanxi::Result<Vec<RecordId>>>()
    });
    let ids = made.unwrap();
    read_often(&house);
    let checkpoints = || house.crm.statistics().unwrap().checkpoints;
    let lengths = |reader: &Reader<'_>| {
        let page = reader.find(Contact::NAME, &Find { limit: 10_000, ..Find::default() }).unwrap();
        let texts = page.rows.iter().map(|row| row.value("position").unwrap());
        texts.map(|text| text.as_text().unwrap().len()).collect::<Vec<_>>()
    };
    let read = house.admin.read(|earlier| {
        let before = checkpoints();
        house.admin.write(|transaction| {
            ids.iter().try_for_each(|id| {
                let changes = Changes::new().set("position", position.as_str());
                transaction.update_record(Contact::NAME, *id, changes).map(drop)
            })
        })?;
        assert_eq!(checkpoints(), before + 1);
        for _ in 0..4 {
            assert_eq!(lengths(&earlier), vec![5; ids.len()]);
            let now = house.admin.read(|now| Ok(lengths(&now)))?;
            assert_eq!(now, vec![40_000; ids.len()]);
        }
        Ok(())
    });
    read.unwrap();
}
