//! Does one operation to the databases of a folder, and tells its progress to a file there: the crash tests
//! record it, make its calls fail, take its memory away, and kill it.
//!
//! Called with the folder, the operation, and its parameters. What is told is durable as the operation
//! promises; a refusal is printed with its stable code.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use guanxi::base::{Collation, Label};
use guanxi::engine::{BackupFolder, BackupKind, Find};
use guanxi::model::{Account, Contact, account, contact};
use guanxi::schema::{EntityType, FieldKeys, FieldType, IndexDefinition, RollupDefinition, RollupFunction};
use guanxi::{Changes, Code, Durability, Error, Key, RecordId, RestoreOptions, Result, Session, Value, api};
use guanxi_tests::{ADMIN, KEY, options};
use serde_json::json;

/// Commits of each thread that writes.
const COMMITS: u64 = 16;
/// Most commits beside another operation.
const MOST_BESIDE: u64 = 12;

struct Worker {
    root: PathBuf,
    told: Mutex<()>,
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    match work(&given) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("refused: {}", error.code().key());
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

fn work(given: &[String]) -> Result<()> {
    let missing = || Error::new(Code::MissingParameter).field("folder, operation");
    let (root, rest) = given.split_first().ok_or_else(missing)?;
    let worker = Worker { root: PathBuf::from(root), told: Mutex::new(()) };
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["create"] => options().create(worker.house()).map(drop)?,
        ["open"] => worker.open(Durability::Durable)?,
        ["write", "durable"] => worker.write(Durability::Durable)?,
        ["write", "relaxed"] => worker.write(Durability::Relaxed)?,
        ["hold"] => return worker.hold(),
        ["backup", kind] => worker.backup(kind)?,
        ["restore"] => worker.restore(&worker.root.join("restored.guanxi"), false)?,
        ["restore", "over"] => worker.restore(&worker.house(), true)?,
        ["keys"] => worker.keys()?,
        ["index"] => worker.index()?,
        ["figures"] => worker.figures()?,
        ["retain"] => worker.retain()?,
        ["compact"] => worker.session()?.compact().map(drop)?,
        ["rekey"] => worker.session()?.change_data_key(&[new_key()]).map(drop)?,
        [operation, "beside"] => worker.beside(operation)?,
        _ => return Err(missing()),
    }
    worker.tell("done")
}

/// A thread that panicked, which no operation may do.
fn panicked() -> Error {
    Error::new(Code::Panic)
}

fn new_key() -> Key {
    Key::raw([0x2A; 32])
}

impl Worker {
    fn house(&self) -> PathBuf {
        self.root.join("house.guanxi")
    }

    fn session(&self) -> Result<Session> {
        options().open(self.house())?.session_for(ADMIN)
    }

    /// One line, in one write.
    fn tell(&self, line: &str) -> Result<()> {
        let _turn = self.told.lock();
        let mut file = File::options().append(true).create(true).open(self.root.join(".acknowledged"))?;
        Ok(file.write_all(format!("{line}\n").as_bytes())?)
    }

    fn open(&self, durability: Durability) -> Result<()> {
        let session = options().durability(durability).open(self.house())?.session_for(ADMIN)?;
        session.write(|transaction| transaction.create(account::named("later"))).map(drop)
    }

    /// Keeps the database open until its input ends.
    fn hold(&self) -> Result<()> {
        let _session = self.session()?;
        self.tell("open")?;
        std::io::stdin().read_to_end(&mut Vec::new())?;
        Ok(())
    }

    /// Three threads: one with attachments, one that erases persons, and one that checkpoints.
    fn write(&self, durability: Durability) -> Result<()> {
        let session = options().durability(durability).open(self.house())?.session_for(ADMIN)?;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3_u64)
                .map(|thread| {
                    let session = &session;
                    scope.spawn(move || {
                        (0..COMMITS).try_for_each(|number| self.commit(session, thread, number))
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(panicked())))
        })
    }

    fn commit(&self, session: &Session, thread: u64, number: u64) -> Result<()> {
        let name = format!("thread {thread} number {number:04}");
        let person = session.write(|transaction| transaction.create(contact::named(&name)))?;
        self.tell(&format!("{thread} {number}"))?;
        match (thread, number % 8) {
            (0, 1 | 5) => {
                let mut content = std::io::repeat(u8::try_from(number).unwrap_or(0)).take(70_000);
                let attached = session.attach(Contact::NAME, person.id(), "a", "text/plain", &mut content)?;
                self.tell(&format!("attached {number}"))?;
                if number % 8 == 5 {
                    session.detach(Contact::NAME, person.id(), attached.id)?;
                    self.tell(&format!("detached {number}"))?;
                }
            }
            (1, 3) => {
                let name = format!("gone {number}");
                let gone = session.write(|transaction| transaction.create(contact::named(&name)))?;
                session.erase(Contact::NAME, gone.id())?;
                self.tell(&format!("erased {number}"))?;
            }
            (2, 4) => session.crm().checkpoint()?,
            (2, 6) => {
                session.crm().flush()?;
                self.tell(&format!("flushed {number}"))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn backup(&self, kind: &str) -> Result<()> {
        let session = self.session()?;
        self.backup_of(&session, kind)
    }

    fn backup_of(&self, session: &Session, kind: &str) -> Result<()> {
        let kind = match kind {
            "full" => BackupKind::Full,
            "incremental" => BackupKind::Incremental,
            _ => BackupKind::Keys,
        };
        let folder = BackupFolder::open(self.root.join("backups"))?;
        session.backup_to(&folder, kind).map(drop)
    }

    /// Restores the newest chain of the folder with the newest keys.
    fn restore(&self, path: &Path, replace: bool) -> Result<()> {
        let folder = BackupFolder::open(self.root.join("backups"))?;
        let catalogue = folder.list()?;
        let missing = || Error::new(Code::BackupChain);
        let database = catalogue.backups.first().ok_or_else(missing)?.header.database;
        let mut sources = Vec::new();
        for file in catalogue.chain(&database, None) {
            sources.push(folder.read(file)?);
        }
        let mut keys = folder.read(catalogue.newest_keys(&database).ok_or_else(missing)?)?;
        let sources = sources.iter_mut().map(|source| source as &mut dyn Read).collect();
        let options = RestoreOptions::from(options().cache_bytes(1 << 20)).replace(replace);
        guanxi::restore(sources, Some(&mut keys), &Key::raw(KEY), path, &options).map(drop)
    }

    /// Four changes of the keys, each told.
    fn keys(&self) -> Result<()> {
        let session = self.session()?;
        let (second, third) = (Key::raw([2; 32]), Key::raw([3; 32]));
        session.add_key(&second, "second")?;
        self.tell("added")?;
        session.change_key(&second, &third)?;
        self.tell("changed")?;
        session.crm().remove_key(&third)?;
        self.tell("removed")
    }

    /// Declares an index, a unique rule and a rollup over records that stand, each built in chunks of two; what
    /// was declared before is built to its end.
    /// Erases those who have left, two persons at a time.
    fn retain(&self) -> Result<()> {
        let session = self.session()?;
        let mut after = None;
        loop {
            let run = session.run_retention("gone", after, 2)?;
            self.tell(&format!("removed {}", run.removed))?;
            after = run.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    fn index(&self) -> Result<()> {
        let session = options().build_at_once(2).open(self.house())?.session_for(ADMIN)?;
        session.build_indexes()?;
        let registry = session.crm().registry();
        let firms = registry.entity(Account::NAME)?;
        if firms.indexes().iter().all(|index| index.api_name != "x.by_name") {
            let by_name = IndexDefinition::new("x", 0, "by_name").rising("name").collated(Collation::Pinyin);
            session.define_index(Account::NAME, by_name)?;
        }
        self.tell("index")?;
        if firms.unique_rules().is_empty() {
            let rule = json!({"name": "one_name", "fields": [{"field": "name"}]});
            api::call(&session, "schema.define_unique", &json!({"entity": Account::NAME, "rule": rule}))?;
        }
        self.tell("unique")?;
        if firms.field("x.people".into()).is_err() {
            let label = Label::new("人数", "People");
            let people = RollupDefinition::new(RollupFunction::Count, Contact::NAME, "account");
            let kind = FieldType::Rollup(people);
            session.define_field(Account::NAME, "people", label, kind, |field| field.indexed = true)?;
        }
        self.tell("rollup")?;
        if firms.field("x.mark".into()).is_err() {
            let label = Label::new("记号", "Mark");
            session.define_field(Account::NAME, "mark", label, FieldType::Text, |_| {})?;
        }
        let keys = FieldKeys { index: true, unique: true };
        session.index_field(Account::NAME, "x.mark", keys, None)?;
        self.tell("field")
    }

    /// Two threads that make, change, move and delete persons, of whom counters, rollups and indexes are kept. What
    /// each does follows from its number.
    fn figures(&self) -> Result<()> {
        let session = self.session()?;
        let firms = session.list(Account::NAME, &Find { limit: 3, ..Find::default() })?.rows;
        let firms: Vec<RecordId> = firms.iter().map(|row| row.record.id).collect();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2_u64)
                .map(|thread| {
                    let (session, firms) = (&session, &firms);
                    scope.spawn(move || {
                        let mut own = Vec::new();
                        (0..COMMITS).try_for_each(|number| {
                            self.figure(session, firms, &mut own, thread * 31 + number)
                        })
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(panicked())))
        })
    }

    fn figure(
        &self,
        session: &Session,
        firms: &[RecordId],
        own: &mut Vec<RecordId>,
        seed: u64,
    ) -> Result<()> {
        // A few bits for each choice, as Knuth's multiplier mixes them.
        let mixed =
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33;
        let pick = |of: usize, shift: u32| usize::try_from(mixed >> shift).unwrap_or(0) % of.max(1);
        let firm = firms.get(pick(firms.len(), 3)).copied().map_or(Value::Null, Value::Id);
        let weight = i64::try_from(pick(9, 7)).unwrap_or(0) - 3;
        let changes = Changes::new().set("account", firm).set("x.weight", weight);
        let which = own.get(pick(own.len(), 11)).copied();
        session.write(|transaction| match (pick(5, 0), which) {
            (0, Some(person)) => transaction.delete_record(Contact::NAME, person),
            (1 | 2, Some(person)) => {
                transaction.update_record(Contact::NAME, person, changes.clone()).map(drop)
            }
            _ => {
                for copy in 0..2 {
                    let name = format!("weighed {seed} {copy}");
                    own.push(transaction.create_record(Contact::NAME, changes.clone().set("name", name))?);
                }
                Ok(())
            }
        })?;
        own.retain(|person| session.get(Contact::NAME, *person).is_ok());
        self.tell(&format!("figure {seed}"))
    }

    /// An operation while another thread commits.
    fn beside(&self, operation: &str) -> Result<()> {
        let session = self.session()?;
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| {
                let mut numbers = (0..MOST_BESIDE).take_while(|_| !over.load(Ordering::SeqCst));
                numbers.try_for_each(|number| self.commit(&session, 9, number))
            });
            let done = match operation {
                "compact" => session.compact().map(drop),
                "rekey" => session.change_data_key(&[new_key()]).map(drop),
                _ => self.backup_of(&session, operation),
            };
            over.store(true, Ordering::SeqCst);
            done.and(writing.join().unwrap_or_else(|_| Err(panicked())))
        })
    }
}
