//! Counts, first pages and the fronts of lists are kept in memory as they were answered; nobody can tell from what they
//! are told, whatever is written, shared or granted between two questions.

use std::collections::{BTreeMap, BTreeSet};

use guanxi::base::Label;
use guanxi::engine::{
    Action, Comparison, CountSource, Direction, Find, Grant, Level, NewShare, Reader, ShareLevel, Sharee,
    Total, grant,
};
use guanxi::schema::{
    CounterDefinition, EntityDefinition, EntityType, EnumCode, FieldDefinition, FieldType, IndexDefinition,
};
use guanxi::{Changes, Condition, RecordId, Session, Value};
use guanxi_tests::House;
use proptest::collection::vec;
use proptest::prelude::*;

const THING: &str = "x.thing";
const STAGES: [&str; 3] = ["new", "open", "done"];
/// People who own things; so many that the director's list is merged from many ranges.
const OWNERS: usize = 11;

#[derive(Debug, Clone)]
struct Thing {
    name: String,
    stage: usize,
    note: u8,
    owner: usize,
}

#[derive(Debug, Clone)]
enum Step {
    Create {
        name: u8,
        stage: usize,
        owner: usize,
    },
    Rename {
        which: usize,
        name: u8,
    },
    Stage {
        which: usize,
        stage: usize,
    },
    Note {
        which: usize,
        note: u8,
    },
    Give {
        which: usize,
        owner: usize,
    },
    Delete {
        which: usize,
    },
    Undelete {
        which: usize,
    },
    Share {
        which: usize,
    },
    Unshare {
        which: usize,
    },
    /// The reader's level goes from all to own, or back.
    TurnLevel,
    Hold,
    Checkpoint,
}

fn step() -> impl Strategy<Value = Step> {
    let which = any::<usize>;
    let (stage, owner) = (0..STAGES.len(), 0..OWNERS);
    prop_oneof![
        4 => (0_u8..30, stage.clone(), owner.clone())
            .prop_map(|(name, stage, owner)| Step::Create { name, stage, owner }),
        2 => (which(), 0_u8..30).prop_map(|(which, name)| Step::Rename { which, name }),
        2 => (which(), stage).prop_map(|(which, stage)| Step::Stage { which, stage }),
        2 => (which(), 0_u8..3).prop_map(|(which, note)| Step::Note { which, note }),
        1 => (which(), owner).prop_map(|(which, owner)| Step::Give { which, owner }),
        2 => which().prop_map(|which| Step::Delete { which }),
        1 => which().prop_map(|which| Step::Undelete { which }),
        2 => which().prop_map(|which| Step::Share { which }),
        1 => which().prop_map(|which| Step::Unshare { which }),
        1 => Just(Step::TurnLevel),
        1 => Just(Step::Hold),
        1 => Just(Step::Checkpoint),
    ]
}

/// What there is, by hand.
#[derive(Debug, Clone, Default)]
struct World {
    standing: BTreeMap<RecordId, Thing>,
    deleted: BTreeMap<RecordId, Thing>,
    shared: BTreeSet<RecordId>,
    narrow: bool,
}

fn pick(things: &BTreeMap<RecordId, Thing>, which: usize) -> Option<(RecordId, Thing)> {
    let place = which.checked_rem(things.len())?;
    things.iter().nth(place).map(|(id, thing)| (*id, thing.clone()))
}

struct Stage {
    house: House,
    grant: RecordId,
    owners: Vec<RecordId>,
    /// Who sees everything, until the level is turned; and one who sees what is owned or shared, always.
    director: Session,
    seller: Session,
}

fn field(local: u32, name: &str, kind: FieldType) -> FieldDefinition {
    FieldDefinition {
        indexed: name == "name",
        ..FieldDefinition::new("x", local, name, Label::new("栏", name), kind)
    }
}

impl Stage {
    fn set() -> Self {
        let house = House::with(|options| options.record_cache_bytes(1 << 20));
        let codes = STAGES.iter().map(|code| EnumCode::new(code, Label::new("码", code))).collect();
        let fields = vec![
            field(1, "name", FieldType::Text),
            field(2, "stage", FieldType::Enum { codes }),
            field(3, "note", FieldType::Int),
        ];
        house
            .admin
            .define_entity(EntityDefinition {
                name: "thing".to_owned(),
                label: Label::new("物", "Thing"),
                title: "name".to_owned(),
                fields,
                ..EntityDefinition::default()
            })
            .unwrap();
        let by_stage = IndexDefinition::new("x", 0, "by_stage").rising("stage").falling("name");
        house.admin.define_index(THING, by_stage).unwrap();
        house.admin.define_counter(THING, CounterDefinition::new("x", 0, "stages", &["stage"])).unwrap();
        let wide = house.role("wide", &[(THING, Action::Read, Level::All)]);
        let own = house.role("own", &[(THING, Action::Read, Level::Own)]);
        let grants = house.admin.list(Grant::NAME, &Find { limit: 10_000, ..Find::default() }).unwrap();
        let of_role = |row: &&guanxi::engine::Listing| {
            row.value("role").unwrap() == Value::Id(wide) && row.value("entity").unwrap() == THING.into()
        };
        let grant = grants.rows.iter().find(of_role).unwrap().record.id;
        let director = house.user("director", &[wide]);
        let seller = house.user("seller", &[own]);
        let mut owners = vec![seller.user(), director.user()];
        owners.extend((2..OWNERS).map(|number| house.user(&format!("owner {number}"), &[own]).user()));
        Self { house, grant, owners, director, seller }
    }

    fn take(&self, world: &mut World, step: &Step) {
        let mut change = |which: usize, changes: &dyn Fn(&mut Thing) -> Changes| {
            let Some((id, mut thing)) = pick(&world.standing, which) else { return };
            let changes = changes(&mut thing);
            self.house.change(THING, id, &changes);
            world.standing.insert(id, thing);
        };
        let named = |name: u8| format!("thing {name:02}");
        match step {
            Step::Create { name, stage, owner } => {
                let thing = Thing { name: named(*name), stage: *stage, note: 0, owner: *owner };
                let changes = Changes::new().set("name", thing.name.as_str()).set("stage", STAGES[*stage]);
                let changes = changes.set("note", 0).owner(self.owners[*owner]);
                world.standing.insert(self.house.create(THING, &changes), thing);
            }
            Step::Rename { which, name } => change(*which, &|thing| {
                thing.name = named(*name);
                Changes::new().set("name", thing.name.as_str())
            }),
            Step::Stage { which, stage } => change(*which, &|thing| {
                thing.stage = *stage;
                Changes::new().set("stage", STAGES[*stage])
            }),
            Step::Note { which, note } => change(*which, &|thing| {
                thing.note = *note;
                Changes::new().set("note", i64::from(*note))
            }),
            Step::Give { which, owner } => change(*which, &|thing| {
                thing.owner = *owner;
                Changes::new().owner(self.owners[*owner])
            }),
            Step::Delete { .. } | Step::Undelete { .. } => self.remove_or_bring_back(world, step),
            Step::Share { .. } | Step::Unshare { .. } => self.share_or_unshare(world, step),
            Step::TurnLevel => {
                world.narrow = !world.narrow;
                let level = if world.narrow { Level::Own } else { Level::All };
                self.house.change(Grant::NAME, self.grant, &Changes::new().set(grant::LEVEL, level));
            }
            Step::Checkpoint => self.house.crm.checkpoint().unwrap(),
            Step::Hold => {}
        }
    }

    fn remove_or_bring_back(&self, world: &mut World, step: &Step) {
        let admin = &self.house.admin;
        if let Step::Delete { which } = step {
            let Some((id, thing)) = pick(&world.standing, *which) else { return };
            admin.write(|transaction| transaction.delete_record(THING, id)).unwrap();
            world.standing.remove(&id);
            world.deleted.insert(id, thing);
        }
        if let Step::Undelete { which } = step {
            let Some((id, thing)) = pick(&world.deleted, *which) else { return };
            admin.write(|transaction| transaction.undelete_record(THING, id)).unwrap();
            world.deleted.remove(&id);
            world.standing.insert(id, thing);
        }
    }

    fn share_or_unshare(&self, world: &mut World, step: &Step) {
        let (admin, with) = (&self.house.admin, Sharee::User(self.seller.user()));
        if let Step::Share { which } = step
            && let Some((id, _)) = pick(&world.standing, *which)
            && world.shared.insert(id)
        {
            admin.share(THING, id, &NewShare::new(with, ShareLevel::Read)).unwrap();
        }
        if let Step::Unshare { which } = step {
            let standing = world.shared.iter().copied().filter(|id| world.standing.contains_key(id));
            let standing: Vec<RecordId> = standing.collect();
            let Some(place) = which.checked_rem(standing.len()) else { return };
            admin.unshare(THING, standing[place], with).unwrap();
            world.shared.remove(&standing[place]);
        }
    }

    /// Plays the steps, and looks at everything after each, with new readers and with those that were held.
    fn play(&self, steps: &[Step], mut world: World, held: &[(Reader<'_>, World, bool)]) {
        for (place, step) in steps.iter().enumerate() {
            self.take(&mut world, step);
            held.iter().for_each(|(reader, world, wide)| check(reader, world, *wide));
            for (session, wide) in [(&self.director, true), (&self.seller, false)] {
                let read = session.read(|reader| {
                    check(&reader, &world, wide);
                    Ok(())
                });
                read.unwrap();
            }
            if matches!(step, Step::Hold) {
                let rest = steps.get(place + 1..).unwrap_or_default();
                let ended = self.director.read(|wide| {
                    self.seller.read(|own| {
                        let mut more = held.to_vec();
                        more.extend([(wide, world.clone(), true), (own, world.clone(), false)]);
                        self.play(rest, world.clone(), &more);
                        Ok(())
                    })
                });
                return ended.unwrap();
            }
        }
    }
}

/// The things that a reader sees, in the order of their ids.
fn seen(world: &World, wide: bool) -> Vec<(RecordId, &Thing)> {
    let sees = |id: &RecordId, thing: &Thing| match wide {
        true => !world.narrow || thing.owner == 1,
        false => thing.owner == 0 || world.shared.contains(id),
    };
    let seen = world.standing.iter().filter(|(id, thing)| sees(id, thing));
    seen.map(|(id, thing)| (*id, thing)).collect()
}

/// Holds counts and pages against the world as it was when the reader began, and asks everything thrice: the second
/// time an answer is wanted, the third it is kept.
fn check(reader: &Reader<'_>, world: &World, wide: bool) {
    let things = seen(world, wide);
    for _ in 0..3 {
        check_counts(reader, &things);
        check_pages(reader, &things);
    }
}

fn equal(field: &str, value: impl Into<Value>) -> Condition {
    Condition::Compare(field.into(), Comparison::Equal, value.into())
}

fn check_counts(reader: &Reader<'_>, things: &[(RecordId, &Thing)]) {
    let count = |condition: &Condition| {
        let counted = reader.count_up_to(THING, condition, Total::USUAL).unwrap();
        (usize::try_from(counted.count).unwrap(), counted.source)
    };
    assert_eq!(count(&Condition::Everything), (things.len(), CountSource::Counters));
    for (number, stage) in STAGES.iter().enumerate() {
        let there = things.iter().filter(|(_, thing)| thing.stage == number).count();
        assert_eq!(count(&equal("stage", *stage)), (there, CountSource::Counters));
    }
    let noted = things.iter().filter(|(_, thing)| thing.note == 1).count();
    assert_eq!(count(&equal("note", 1)).0, noted);
}

/// The first pages in an order that an index has, in one that it has of some, in one for which all are gathered, and of
/// those that a field without an index picks; the first of them is walked to its end.
fn check_pages(reader: &Reader<'_>, things: &[(RecordId, &Thing)]) {
    let by = |field: &str, direction| vec![(field.into(), direction)];
    let find = |filter, sort| Find { filter, sort, limit: 4, ..Find::default() };
    let page = |find: &Find| reader.find(THING, find).unwrap();
    let ids = |find: &Find| page(find).rows.iter().map(|row| row.record.id).collect::<Vec<_>>();
    let falling = |wanted: &dyn Fn(&Thing) -> bool| {
        let mut ordered: Vec<(&str, RecordId)> = things
            .iter()
            .filter(|(_, thing)| wanted(thing))
            .map(|(id, thing)| (thing.name.as_str(), *id))
            .collect();
        ordered.sort_unstable_by(|left, right| right.cmp(left));
        ordered.into_iter().map(|(_, id)| id).collect::<Vec<_>>()
    };
    let all = falling(&|_| true);
    let mut by_name = find(Condition::Everything, by("name", Direction::Descending));
    let mut walked = Vec::new();
    loop {
        let page = page(&by_name);
        for row in &page.rows {
            let (_, thing) = things.iter().find(|(id, _)| *id == row.record.id).unwrap();
            assert_eq!(row.value("note").unwrap(), i64::from(thing.note).into());
            assert_eq!(row.value("name").unwrap(), thing.name.as_str().into());
        }
        walked.extend(page.rows.iter().map(|row| row.record.id));
        by_name.after = page.next;
        if by_name.after.is_none() {
            break;
        }
    }
    assert_eq!(walked, all);
    let first = |ids: &[RecordId]| ids.iter().take(4).copied().collect::<Vec<_>>();
    let open = find(equal("stage", "open"), by("name", Direction::Descending));
    assert_eq!(ids(&open), first(&falling(&|thing| thing.stage == 1)));
    let noted = find(equal("note", 1), by("name", Direction::Descending));
    assert_eq!(ids(&noted), first(&falling(&|thing| thing.note == 1)));
    let mut notes: Vec<(u8, RecordId)> = things.iter().map(|(id, thing)| (thing.note, *id)).collect();
    notes.sort_unstable();
    let notes: Vec<RecordId> = notes.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids(&find(Condition::Everything, by("note", Direction::Ascending))), first(&notes));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_told_what_no_longer_holds(steps in vec(step(), 10..70)) {
        Stage::set().play(&steps, World::default(), &[]);
    }
}

#[test]
fn a_long_list_of_many_owners_is_told_right_after_each_write_within_and_behind_its_front() {
    let stage = Stage::set();
    let mut world = World::default();
    // Far more than a front holds, so that pages go beyond it.
    let made = stage.house.admin.write(|transaction| {
        let mut made = Vec::new();
        for number in 0..600_usize {
            let thing = Thing {
                name: format!("thing {:04}", number * 7 % 600),
                stage: number % STAGES.len(),
                note: 0,
                owner: number % OWNERS,
            };
            let changes = Changes::new().set("name", thing.name.as_str()).set("stage", STAGES[thing.stage]);
            let changes = changes.set("note", 0).owner(stage.owners[thing.owner]);
            made.push((transaction.create_record(THING, changes)?, thing));
        }
        Ok(made)
    });
    world.standing.extend(made.unwrap());
    let look = |world: &World| {
        let read = stage.director.read(|reader| {
            check(&reader, world, true);
            Ok(())
        });
        read.unwrap();
    };
    look(&world);
    let last = world.standing.len() - 1;
    for turn in 0..12_usize {
        let which = turn * 50;
        stage.take(&mut world, &Step::Rename { which, name: u8::try_from(turn).unwrap() });
        look(&world);
        stage.take(&mut world, &Step::Delete { which: last - turn * 40 });
        look(&world);
        stage.take(&mut world, &Step::Give { which, owner: turn % OWNERS });
        look(&world);
    }
    // The front empties until it no longer holds a page.
    for turn in 0..270 {
        let by_name = |left: &(&RecordId, &Thing), right: &(&RecordId, &Thing)| {
            (&left.1.name, left.0).cmp(&(&right.1.name, right.0))
        };
        let first = *world.standing.iter().max_by(by_name).unwrap().0;
        let which = world.standing.keys().position(|id| *id == first).unwrap();
        stage.take(&mut world, &Step::Delete { which });
        if turn >= 249 {
            look(&world);
        }
    }
}
