//! Random work of every kind, backed up in parts and restored: every row comes back byte for byte.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use crate::access::User;
use crate::base::{Label, ManualClock, Patience, RecordId, Result, Timestamp, ValueKind};
use crate::engine::{
    BackupScope, Changes, Crm, Extension, Key, KeyCost, Options, Registrar, RestoreOptions, Session,
    Transaction, WriteOptions, restore,
};
use crate::records::chain_link;
use crate::schema::{
    CounterDefinition, EntityDefinition, EntityType, FieldDefinition, FieldType, IndexDefinition,
    RollupDefinition, RollupFunction,
};
use crate::storage::{Keyspace, RangeRequest};

const PERSON: &str = "house.person";
const THING: &str = "house.thing";

/// Persons, who may be forgotten, and things, which may not.
struct House;

impl Extension for House {
    fn id(&self) -> &str {
        "house"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        for (local, name, data_subject) in [(1, "person", true), (2, "thing", false)] {
            let field = |local, name: &str, kind| {
                FieldDefinition::new("house", local, name, Label::new("字段", name), kind)
            };
            let link = FieldType::Reference { entity: THING.to_owned() };
            registrar.entity(EntityDefinition {
                namespace: "house".to_owned(),
                local,
                name: name.to_owned(),
                label: Label::new("物", name),
                title: "name".to_owned(),
                data_subject,
                fields: vec![
                    FieldDefinition { indexed: true, ..field(1, "name", FieldType::Text) },
                    field(2, "note", FieldType::Text),
                    field(3, "link", link),
                    FieldDefinition { unique: true, ..field(4, "number", FieldType::Int) },
                ],
                indexes: vec![IndexDefinition::new("house", 1, "by_note").rising("note").falling("number")],
                counters: vec![
                    CounterDefinition::new("house", 1, "by_number", &["number"]).summing("number"),
                ],
                ..EntityDefinition::default()
            });
        }
        // Two levels of rollups, over persons who may be forgotten and over things.
        let over = |function, entity| RollupDefinition::new(function, entity, "link");
        let rollups = [
            ("persons", over(RollupFunction::Count, PERSON)),
            ("most", over(RollupFunction::Max, PERSON).of("number", ValueKind::Int)),
            ("mean", over(RollupFunction::Avg, PERSON).of("number", ValueKind::Int)),
            ("below", over(RollupFunction::Sum, THING).of("persons", ValueKind::Int)),
            ("largest", over(RollupFunction::Max, THING).of("most", ValueKind::Int).filtered("note != null")),
        ];
        for ((name, rollup), local) in rollups.into_iter().zip(5..) {
            let label = Label::new("汇总", name);
            registrar
                .field(THING, FieldDefinition::new("house", local, name, label, FieldType::Rollup(rollup)));
        }
        Ok(())
    }
}

fn options() -> Options {
    let clock = ManualClock::at(Timestamp::from_micros(1_795_000_000_000_000));
    Options::default()
        .key(Key::raw([7; 32]))
        .key_cost(KeyCost { memory_kib: 64, passes: 1, lanes: 1 })
        .extension(Arc::new(House))
        .clock(Arc::new(clock))
        .trust_host()
}

/// One piece of work on one of the standing records, chosen by `which`.
#[derive(Debug, Clone)]
enum Work {
    Create { person: bool, number: i64, note: usize, tags: usize, external: bool, owner: usize },
    Change { which: usize, name: u8, note: usize },
    Describe { which: usize, tags: usize, external: u8, original: bool },
    Give { which: usize, owner: usize },
    Link { which: usize, to: usize },
    Delete { which: usize },
    Erase { which: usize },
    TakeBack { which: usize },
    DefineField,
    Hire,
}

fn work() -> impl Strategy<Value = Work> {
    let note = || prop_oneof![4 => Just(0), 4 => 1_usize..50, 1 => 66_000_usize..140_000];
    let which = any::<usize>;
    prop_oneof![
        4 => (any::<bool>(), any::<i64>(), note(), 0_usize..3, any::<bool>(), which()).prop_map(
            |(person, number, note, tags, external, owner)| Work::Create { person, number, note, tags, external, owner }
        ),
        3 => (which(), any::<u8>(), note()).prop_map(|(which, name, note)| Work::Change { which, name, note }),
        2 => (which(), 0_usize..3, any::<u8>(), any::<bool>())
            .prop_map(|(which, tags, external, original)| Work::Describe { which, tags, external, original }),
        2 => (which(), which()).prop_map(|(which, owner)| Work::Give { which, owner }),
        2 => (which(), which()).prop_map(|(which, to)| Work::Link { which, to }),
        2 => which().prop_map(|which| Work::Delete { which }),
        1 => which().prop_map(|which| Work::Erase { which }),
        1 => which().prop_map(|which| Work::TakeBack { which }),
        1 => Just(Work::DefineField),
        1 => Just(Work::Hire),
    ]
}

/// Who works, and on what. What a rule refuses, as a deletion while others refer, is no fault.
struct Scene {
    crm: Crm,
    admin: Session,
    users: Vec<RecordId>,
    standing: Vec<(&'static str, RecordId)>,
}

fn words(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("标签 \"{number}\"")).collect()
}

impl Scene {
    fn new(path: &Path) -> Self {
        let crm = options().administrator("admin", "a long password").create(path).unwrap();
        let admin = crm.session_for("admin").unwrap();
        let users = vec![admin.user()];
        Self { crm, admin, users, standing: Vec::new() }
    }

    fn pick(&self, which: usize) -> Option<(&'static str, RecordId)> {
        self.standing.get(which.checked_rem(self.standing.len())?).copied()
    }

    fn user(&self, which: usize) -> RecordId {
        self.users[which % self.users.len()]
    }

    fn write<T>(&self, change: impl FnMut(&mut Transaction<'_>) -> Result<T>) -> Option<T> {
        self.admin.write(change).ok()
    }

    fn update(&self, which: usize, changes: &Changes) {
        if let Some((entity, id)) = self.pick(which) {
            self.write(|transaction| transaction.update_record(entity, id, changes.clone()));
        }
    }

    fn act(&mut self, work: &Work) {
        match work {
            Work::Create { person, number, note, tags, external, owner } => {
                let entity = if *person { PERSON } else { THING };
                let mut changes = Changes::new()
                    .set("name", format!("name {number}"))
                    .set("number", *number)
                    .set("note", "关".repeat(*note))
                    .owner(self.user(*owner))
                    .tags(words(*tags));
                if *external {
                    changes = changes.external_id("erp", &number.to_string());
                }
                let made = self.write(|transaction| transaction.create_record(entity, changes.clone()));
                self.standing.extend(made.map(|id| (entity, id)));
            }
            Work::Change { which, name, note } => {
                self.update(
                    *which,
                    &Changes::new().set("name", format!("{name}")).set("note", "x".repeat(*note)),
                );
            }
            Work::Describe { which, tags, external, original } => {
                let mut changes =
                    Changes::new().tags(words(*tags)).external_id("旧\"系统", &external.to_string());
                if *original {
                    changes = changes.original("某人", Timestamp::from_micros(-7));
                }
                self.update(*which, &changes);
            }
            Work::Give { which, owner } => self.update(*which, &Changes::new().owner(self.user(*owner))),
            Work::Link { which, to } => {
                let things: Vec<_> = self.standing.iter().filter(|(entity, _)| *entity == THING).collect();
                let link = to.checked_rem(things.len()).map(|place| things[place].1);
                self.update(*which, &Changes::new().set("link", link));
            }
            Work::Delete { which } => {
                let Some((entity, id)) = self.pick(*which) else { return };
                self.write(|transaction| transaction.delete_record(entity, id));
            }
            Work::Erase { which } => {
                let Some((entity, id)) = self.pick(*which) else { return };
                let _ = self.admin.erase(entity, id);
            }
            Work::TakeBack { which } => self.take_back(*which),
            Work::DefineField => {
                let name = format!("extra_{}", self.crm.registry().version());
                let label = Label::new("字段", "extra");
                let indexed = self.standing.len().is_multiple_of(2);
                self.admin
                    .define_field(PERSON, &name, label, FieldType::Int, |field| field.indexed = indexed)
                    .unwrap();
            }
            Work::Hire => {
                let changes = Changes::new().set("name", format!("user {}", self.users.len()));
                self.users
                    .extend(self.write(|transaction| transaction.create_record(User::NAME, changes.clone())));
            }
        }
    }

    /// Work that is taken back leaves no entry and no number; what came before it in the transaction stays.
    fn take_back(&mut self, which: usize) {
        let mut transaction = self.admin.begin(WriteOptions::default()).unwrap();
        let id = transaction.create_record(THING, Changes::new().set("name", "kept")).unwrap();
        let point = transaction.savepoint();
        transaction.create_record(THING, Changes::new().set("name", "gone").owner(self.user(which))).unwrap();
        transaction.roll_back_to(point);
        transaction.commit().unwrap();
        self.standing.push((THING, id));
    }
}

type Rows = BTreeMap<(Keyspace, Vec<u8>), Vec<u8>>;

/// Every row of a database. A counter of zero is as good as none.
fn rows(crm: &Crm) -> Rows {
    let snapshot = crm.snapshot().unwrap();
    let mut rows = Rows::new();
    for keyspace in Keyspace::ALL {
        let page = snapshot.scan(&RangeRequest::prefix(keyspace, &[], 1_000_000)).unwrap();
        let kept = |(key, value): &(Vec<u8>, Vec<u8>)| {
            !(key.starts_with(b"idempotency.") || keyspace == Keyspace::Aggregate && *value == [0; 8])
        };
        rows.extend(page.rows.into_iter().filter(kept).map(|(key, value)| ((keyspace, key), value)));
    }
    rows
}

fn compare(found: &Rows, expected: &Rows) {
    for (place, value) in expected {
        assert_eq!(found.get(place), Some(value), "{place:?}");
    }
    assert_eq!(found.len(), expected.len());
}

/// Backs up all, then works, then backs up the changes, then works and backs up again, and restores.
fn play(parts: &[Vec<Work>; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(&folder.path().join("a.guanxi"));
    let mut backups: Vec<Vec<u8>> = Vec::new();
    let mut before = None;
    for part in parts {
        part.iter().for_each(|work| scene.act(work));
        let mut bytes = Vec::new();
        let scope = before.as_ref().map_or(BackupScope::Everything, BackupScope::Since);
        before = Some(scene.admin.backup(&mut bytes, scope).unwrap().header);
        backups.push(bytes);
    }
    let expected = rows(&scene.crm);
    let end = scene.crm.head().unwrap();
    let mut keys = Vec::new();
    scene.admin.backup_keys(&mut keys).unwrap();

    let path = folder.path().join("b.guanxi");
    let mut readers: Vec<&[u8]> = backups.iter().map(Vec::as_slice).collect();
    let sources = readers.iter_mut().map(|reader| reader as &mut dyn Read).collect();
    let key = Key::raw([7; 32]);
    let report = restore(sources, Some(&mut &keys[..]), &key, &path, &RestoreOptions::default()).unwrap();
    assert_eq!((report.restored_to, report.emptied), (end, 0));
    // Opened as it stands, without the extensions that declare anew what the backup brought.
    let crm = Options::default().key(key).trust_host().open(&path).unwrap();
    compare(&rows(&crm), &expected);
    let log = |crm: &Crm| crm.snapshot().unwrap().read_log(0, usize::MAX >> 1).unwrap();
    let (source, restored) = (log(&scene.crm), log(&crm));
    let shared = usize::try_from(end.position).unwrap();
    assert_eq!(source[..shared], restored[..shared]);
    assert_eq!(restored.len(), shared + 1);
    crm.verify(&Patience::default()).unwrap();
    let last = restored.last().unwrap();
    assert_eq!(chain_link(&end.hash, last.position, &last.record.chained), last.hash);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 16,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_was_written_between_backups_comes_back_byte_for_byte(
        parts in [prop::collection::vec(work(), 0..25), prop::collection::vec(work(), 0..25), prop::collection::vec(work(), 0..25)]
    ) {
        play(&parts);
    }
}
