//! Random work on several records against a model that keeps every state in memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use guanxi::base::{ManualClock, Timestamp};
use guanxi::engine::{At, Comparison, PastCursor, PastRecord, PastValue, Transaction, VersionKind};
use guanxi::model::Contact;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, Crm, Patience, RecordId, Result, Session, Value};
use guanxi_tests::{ADMIN, NOON, moment, options};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

/// The fields that the model knows.
const FIELDS: [&str; 2] = ["name", "position"];

#[derive(Debug, Clone)]
enum Step {
    Create(u8),
    Update(usize, u8),
    Empty(usize),
    Delete(usize),
    Undelete(usize),
}

#[derive(Debug, Clone)]
enum Work {
    /// One transaction.
    Commit(Vec<Step>),
    Erase(usize),
    /// The files are copied as they lie, and the work goes on with the copy.
    PowerCut,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => any::<u8>().prop_map(Step::Create),
        4 => (any::<usize>(), any::<u8>()).prop_map(|(which, text)| Step::Update(which, text)),
        1 => any::<usize>().prop_map(Step::Empty),
        2 => any::<usize>().prop_map(Step::Delete),
        2 => any::<usize>().prop_map(Step::Undelete),
    ]
}

fn work() -> impl Strategy<Value = Work> {
    prop_oneof![
        8 => vec(step(), 1..5).prop_map(Work::Commit),
        1 => any::<usize>().prop_map(Work::Erase),
        1 => Just(Work::PowerCut),
    ]
}

type Values = BTreeMap<&'static str, String>;

/// One record, in memory.
#[derive(Debug, Clone, Default)]
struct Kept {
    live: bool,
    values: Values,
    /// Fields that ever had a value.
    touched: Vec<&'static str>,
    version: u64,
}

/// The state of every record after an entry of the ledger.
struct State {
    position: u64,
    at: Timestamp,
    records: Vec<Kept>,
}

struct Stage {
    folder: TempDir,
    clock: Arc<ManualClock>,
    crm: Crm,
    admin: Session,
    copies: u32,
    ids: Vec<RecordId>,
    now: Vec<Kept>,
    states: Vec<State>,
    /// For each record, position and kind of its entries.
    entries: Vec<Vec<(u64, VersionKind)>>,
    erased: Vec<bool>,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(moment(NOON)));
        let crm = options().clock(clock.clone()).create(folder.path().join("0.guanxi")).unwrap();
        let admin = crm.session_for(ADMIN).unwrap();
        let (ids, now, entries, erased) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { folder, clock, crm, admin, copies: 0, ids, now, states: Vec::new(), entries, erased }
    }

    fn play(&mut self, work: &Work) {
        self.clock.advance_micros(7_000);
        match work {
            Work::Commit(steps) => {
                let session = self.admin.clone();
                let mut position = self.crm.head().unwrap().position;
                session
                    .write(|transaction| {
                        steps.iter().try_for_each(|step| self.step(transaction, step, &mut position))
                    })
                    .unwrap();
                assert_eq!(self.crm.head().unwrap().position, position, "an entry for each change");
            }
            Work::Erase(which) => self.erase(*which),
            Work::PowerCut => self.cut_power(),
        }
    }

    fn pick(&self, which: usize, wanted: impl Fn(usize) -> bool) -> Option<usize> {
        let found: Vec<usize> = (0..self.ids.len()).filter(|index| wanted(*index)).collect();
        (!found.is_empty()).then(|| found[which % found.len()])
    }

    fn step(&mut self, transaction: &mut Transaction<'_>, step: &Step, position: &mut u64) -> Result<()> {
        match step {
            Step::Create(text) => {
                let name = format!("name {text}");
                let id =
                    transaction.create_record(Contact::NAME, Changes::new().set("name", name.as_str()))?;
                self.ids.push(id);
                self.now.push(Kept::default());
                self.entries.push(Vec::new());
                self.erased.push(false);
                self.set(self.ids.len() - 1, "name", Some(name));
                self.entered(self.ids.len() - 1, VersionKind::Created, position);
            }
            Step::Update(which, text) => {
                let Some(index) = self.pick(*which, |index| self.now[index].live) else { return Ok(()) };
                let field = FIELDS[usize::from(text % 2)];
                let value = format!("text {}", text % 7);
                transaction.update_record(
                    Contact::NAME,
                    self.ids[index],
                    Changes::new().set(field, value.as_str()),
                )?;
                if self.set(index, field, Some(value)) {
                    self.entered(index, VersionKind::Updated, position);
                }
            }
            Step::Empty(which) => {
                let Some(index) = self.pick(*which, |index| self.now[index].live) else { return Ok(()) };
                let changes = Changes::new().set("position", Value::Null);
                transaction.update_record(Contact::NAME, self.ids[index], changes)?;
                if self.set(index, "position", None) {
                    self.entered(index, VersionKind::Updated, position);
                }
            }
            Step::Delete(which) => {
                let Some(index) = self.pick(*which, |index| self.now[index].live) else { return Ok(()) };
                transaction.delete_record(Contact::NAME, self.ids[index])?;
                self.now[index].live = false;
                self.entered(index, VersionKind::Deleted, position);
            }
            Step::Undelete(which) => {
                let deleted = |index: usize| !self.now[index].live && !self.erased[index];
                let Some(index) = self.pick(*which, deleted) else { return Ok(()) };
                transaction.undelete_record(Contact::NAME, self.ids[index])?;
                self.now[index].live = true;
                self.entered(index, VersionKind::Undeleted, position);
            }
        }
        Ok(())
    }

    fn set(&mut self, index: usize, field: &'static str, value: Option<String>) -> bool {
        let record = &mut self.now[index];
        let before = record.values.get(field).cloned();
        let changed = before != value;
        match value {
            Some(value) => drop(record.values.insert(field, value)),
            None => drop(record.values.remove(field)),
        }
        if changed && !record.touched.contains(&field) {
            record.touched.push(field);
        }
        changed
    }

    fn entered(&mut self, index: usize, kind: VersionKind, position: &mut u64) {
        *position += 1;
        let record = &mut self.now[index];
        record.version += u64::from(kind != VersionKind::Erased);
        record.live = !matches!(kind, VersionKind::Deleted | VersionKind::Erased);
        self.entries[index].push((*position, kind));
        let at = guanxi::base::Clock::now(self.clock.as_ref());
        self.states.push(State { position: *position, at, records: self.now.clone() });
    }

    fn erase(&mut self, which: usize) {
        let Some(index) = self.pick(which, |index| !self.erased[index]) else { return };
        let mut position = self.crm.head().unwrap().position;
        let live = self.now[index].live;
        self.admin.erase(Contact::NAME, self.ids[index]).unwrap();
        if live {
            self.entered(index, VersionKind::Deleted, &mut position);
        }
        self.erased[index] = true;
        self.entered(index, VersionKind::Erased, &mut position);
    }

    fn cut_power(&mut self) {
        self.copies += 1;
        let path = self.folder.path().join(format!("{}.guanxi", self.copies));
        copy_folder(self.crm.path(), &path);
        self.crm = options().clock(self.clock.clone()).open(&path).unwrap();
        self.admin = self.crm.session_for(ADMIN).unwrap();
    }

    /// The state of the model that holds at a place.
    fn at(&self, at: At) -> Vec<Kept> {
        let holds = |state: &&State| match at {
            At::Position(position) => state.position <= position,
            At::Time(moment) => state.at <= moment,
        };
        let found = self.states.iter().rev().find(holds).map(|state| state.records.clone());
        let mut records = found.unwrap_or_default();
        records.resize(self.ids.len(), Kept::default());
        records
    }

    fn check_place(&self, at: At) {
        let then = self.at(at);
        for (index, record) in then.iter().enumerate() {
            let (read, session) = self.counting();
            let found = session.get_as_of(Contact::NAME, self.ids[index], at);
            match found {
                Err(error) => {
                    assert_eq!(error.code(), Code::RecordNotFound);
                    assert!(!record.live, "{at:?} {index} {record:?}");
                }
                Ok(past) => self.check_record(index, record, &past),
            }
            // The entries behind the place, and the one that made the state; of a forgotten person all.
            let behind = self.entries[index].iter().filter(|(position, _)| !self.covers(at, *position));
            let most = match behind.count() {
                _ if self.erased[index] => self.entries[index].len(),
                0 => 0,
                count => (count + 1).min(self.entries[index].len()),
            };
            assert!(read.load(Ordering::SeqCst) <= most as u64, "{at:?} {index} {read:?} <= {most}");
        }
        self.check_list(at, &then);
    }

    fn covers(&self, at: At, position: u64) -> bool {
        let state = self.states.iter().find(|state| state.position == position).unwrap();
        match at {
            At::Position(newest) => position <= newest,
            At::Time(moment) => state.at <= moment,
        }
    }

    /// A session that counts the entries that its call reads.
    fn counting(&self) -> (Arc<AtomicU64>, Session) {
        let read = Arc::new(AtomicU64::new(0));
        let heard = Arc::clone(&read);
        let patience = Patience::default().telling(move |progress| {
            if progress.phase == "history" {
                heard.store(progress.done, Ordering::SeqCst);
            }
        });
        (read, self.admin.with_patience(patience))
    }

    fn check_record(&self, index: usize, record: &Kept, past: &PastRecord) {
        assert!(record.live, "{index} {past:?}");
        assert_eq!(past.state.version, record.version);
        for field in FIELDS {
            let expected = match record.values.get(field) {
                _ if self.erased[index] && record.touched.contains(&field) => PastValue::Erased,
                value => PastValue::Known(value.map(String::as_str).into()),
            };
            assert_eq!(past.value(field).unwrap(), expected, "{index} {field}");
        }
    }

    fn check_list(&self, at: At, then: &[Kept]) {
        let live = |index: &usize| then[*index].live;
        let all: Vec<usize> = (0..then.len()).filter(live).collect();
        assert_eq!(self.listed(at, &Condition::Everything), all);
        let wanted = "text 3";
        let condition = Condition::Compare("position".into(), Comparison::Equal, wanted.into());
        let position = |index: &usize| then[*index].values.get("position").map(String::as_str);
        let meeting = all.into_iter().filter(|index| !self.erased[*index] && position(index) == Some(wanted));
        assert_eq!(self.listed(at, &condition), meeting.collect::<Vec<_>>());
    }

    fn listed(&self, at: At, condition: &Condition) -> Vec<usize> {
        let (mut found, mut cursor): (Vec<RecordId>, Option<PastCursor>) = (Vec::new(), None);
        loop {
            let page = self.admin.list_as_of(Contact::NAME, condition, at, cursor, 2).unwrap();
            assert!(page.looked_at <= 2);
            found.extend(page.rows.iter().map(|row| row.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let index = |id: &RecordId| self.ids.iter().position(|known| known == id).unwrap();
        let mut found: Vec<usize> = found.iter().map(index).collect();
        found.sort_unstable();
        found
    }

    fn check_versions(&self) {
        for (index, entries) in self.entries.iter().enumerate() {
            let (mut told, mut before) = (Vec::new(), None);
            loop {
                let page = self.admin.history(Contact::NAME, self.ids[index], before, 2).unwrap();
                told.extend(page.versions.iter().map(|version| (version.position, version.kind)));
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            told.reverse();
            assert_eq!(&told, entries);
        }
    }

    fn check_deleted(&self) {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.admin.deleted(Contact::NAME, after, 3).unwrap();
            found.extend(page.rows.iter().map(|row| row.record.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut expected: Vec<RecordId> =
            (0..self.ids.len()).filter(|index| !self.now[*index].live).map(|index| self.ids[index]).collect();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_is_at_every_entry_and_moment_as_a_memory_of_all_states_has_it(
        works in vec(work(), 1..14)
    ) {
        let mut stage = Stage::new();
        let begin = stage.crm.head().unwrap().position;
        works.iter().for_each(|work| stage.play(work));
        for position in begin..=stage.crm.head().unwrap().position {
            stage.check_place(At::Position(position));
        }
        for state in &stage.states {
            stage.check_place(At::Time(state.at));
            stage.check_place(At::Time(Timestamp::from_micros(state.at.micros() - 1)));
        }
        stage.check_versions();
        stage.check_deleted();
        stage.crm.verify(&Patience::default()).unwrap();
    }
}
