//! Guanxi's side: typed records through sessions, permissions and ledger on, as a host uses it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use guanxi::base::Date;
use guanxi::engine::{
    BackupScope, Comparison, Condition, Draft, Find, PageCursor, Role as RoleRecord, RoleAssignment,
    Transaction, User, UserStatus, role_assignment, user,
};
use guanxi::model::{Stage, account, contact, opportunity};
use guanxi::schema::EntityType;
use guanxi::{Changes, Crm, Durability, Key, KeyCost, Money, Options, RecordId, Session, Value};

use crate::crm::data::{OWNERS, STAGES, VISIBLE_OWNERS};
use crate::crm::{
    ANCHORS, Account, Contact, Opening, Opportunity, PAGE_ROWS, RAW_KEY, Role, Row, Rows, Store, Worker,
    folder_size,
};
use crate::harness::Outcome;

/// The user who loads for everybody.
pub const ADMINISTRATOR: &str = "admin";
/// Passwords are not measured, so this one costs nothing to make.
const NO_COST: KeyCost = KeyCost { memory_kib: 64, passes: 1, lanes: 1 };

/// An open database of Guanxi.
pub struct Guanxi {
    crm: Crm,
    folder: PathBuf,
    /// Read for the first worker, since to read this list is no part of an open.
    accounts: OnceLock<Arc<Vec<RecordId>>>,
}

/// Where a database lies in its folder.
pub fn database(folder: &Path) -> PathBuf {
    folder.join("bench.guanxi")
}

/// How every database is opened.
pub fn options() -> Options {
    guanxi::options().key(Key::raw(RAW_KEY)).key_cost(NO_COST).trust_host()
}

/// The name of a manager.
pub fn manager(number: usize) -> String {
    format!("manager-{number}")
}

/// The name of a salesperson.
pub fn seller(number: usize) -> String {
    format!("seller-{number:02}")
}

impl Store for Guanxi {
    type Worker<'a> = GuanxiWorker;

    fn create(folder: &Path) -> Outcome<()> {
        let crm = options().administrator(ADMINISTRATOR, "a long password").create(database(folder))?;
        let admin = crm.session_for(ADMINISTRATOR)?;
        admin.write(|transaction| {
            for half in 0..2 {
                let above = person(transaction, &manager(half), "manager", None)?;
                for number in 0..OWNERS / 2 {
                    person(transaction, &seller(half * OWNERS / 2 + number), "salesperson", Some(above))?;
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    fn open(folder: &Path, opening: Opening) -> Outcome<Self> {
        let durability = if opening.relaxed { Durability::Relaxed } else { Durability::Durable };
        let crm = options().cache_bytes(opening.cache_bytes).durability(durability).open(database(folder))?;
        Ok(Self { crm, folder: folder.to_owned(), accounts: OnceLock::new() })
    }

    fn worker(&self, role: Role) -> Outcome<GuanxiWorker> {
        let name = match role {
            Role::Administrator => ADMINISTRATOR.to_owned(),
            Role::Manager => manager(0),
        };
        let session = self.crm.session_for(&name)?;
        let titled = |entity: &str, title: &str| -> Outcome<RecordId> {
            let found = session.read(|reader| reader.find_by_title(entity, title))?;
            Ok(*found.first().ok_or("a record of the organisation is missing")?)
        };
        let people = (0..OWNERS).map(|number| titled(User::NAME, &seller(number))).collect::<Outcome<_>>()?;
        let stages = STAGES.iter().map(|(name, _)| titled(Stage::NAME, name)).collect::<Outcome<_>>()?;
        Ok(GuanxiWorker {
            session,
            accounts: self.accounts()?,
            stored: Vec::new(),
            people,
            stages,
            anchors: Vec::new(),
            owners: vec![None; VISIBLE_OWNERS],
        })
    }

    fn size(folder: &Path) -> Outcome<u64> {
        folder_size(&database(folder))
    }

    fn size_of_history(folder: &Path) -> Outcome<u64> {
        let store = Self::open(folder, Opening { cache_bytes: 64 << 20, relaxed: false })?;
        let log = store.crm.statistics()?.tables.get("log").copied();
        Ok(log.map_or(0, |log| log.stored_bytes + log.overhead_bytes))
    }

    fn compacted_size(folder: &Path, opening: Opening) -> Outcome<u64> {
        let store = Self::open(folder, opening)?;
        store.crm.session_for(ADMINISTRATOR)?.compact()?;
        drop(store);
        Self::size(folder)
    }

    fn backup_size(folder: &Path, opening: Opening) -> Outcome<u64> {
        let session = Self::open(folder, opening)?.crm.session_for(ADMINISTRATOR)?;
        let mut counted = CountedBytes(0);
        session.backup(&mut counted, BackupScope::Everything)?;
        session.backup_keys(&mut counted)?;
        Ok(counted.0)
    }

    fn flushes(&self) -> Outcome<u64> {
        Ok(self.crm.statistics()?.syncs)
    }
}

/// Takes a backup, and keeps its length alone.
struct CountedBytes(u64);

impl Write for CountedBytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Makes a user with a role, below another one.
pub fn person(
    transaction: &mut Transaction<'_>,
    name: &str,
    role: &str,
    above: Option<RecordId>,
) -> guanxi::Result<RecordId> {
    let changes = Changes::new()
        .set(user::NAME, name)
        .set(user::STATUS, UserStatus::Active)
        .set(user::REPORTS_TO, Value::from(above));
    let person = transaction.create_record(User::NAME, changes)?;
    for role in transaction.reader().find_by_title(RoleRecord::NAME, role)? {
        let changes = Changes::new().set(role_assignment::USER, person).set(role_assignment::ROLE, role);
        transaction.create_record(RoleAssignment::NAME, changes)?;
    }
    Ok(person)
}

fn ids(folder: &Path) -> PathBuf {
    folder.join("accounts.ids")
}

impl Guanxi {
    fn accounts(&self) -> Outcome<Arc<Vec<RecordId>>> {
        if let Some(known) = self.accounts.get() {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(known_accounts(&self.folder)?);
        Ok(Arc::clone(self.accounts.get_or_init(|| read)))
    }
}

fn known_accounts(folder: &Path) -> Outcome<Vec<RecordId>> {
    let bytes = match std::fs::read(ids(folder)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read?,
    };
    let (all, _) = bytes.as_chunks::<16>();
    Ok(all.iter().map(|id| RecordId::from_bytes(*id)).collect())
}

/// One thread's session.
pub struct GuanxiWorker {
    session: Session,
    /// The accounts that the database had when it was opened.
    accounts: Arc<Vec<RecordId>>,
    /// The accounts that this worker has stored since.
    stored: Vec<RecordId>,
    people: Vec<RecordId>,
    stages: Vec<RecordId>,
    anchors: Vec<Option<PageCursor>>,
    owners: Vec<Option<PageCursor>>,
}

impl GuanxiWorker {
    fn account(&self, number: usize) -> Outcome<RecordId> {
        let stored = || self.stored.get(number.checked_sub(self.accounts.len())?);
        let found = self.accounts.get(number).or_else(stored);
        Ok(*found.ok_or("an account that was not loaded")?)
    }

    fn owner(&self, number: usize) -> Outcome<RecordId> {
        Ok(*self.people.get(number).ok_or("an owner whom the workload does not have")?)
    }

    fn account_draft(&self, row: &Account) -> Outcome<Draft<account::Account>> {
        let kind = if row.person { account::Kind::Person } else { account::Kind::Organisation };
        let draft = account::named(&row.name)
            .with(account::KIND, kind)
            .with(account::INDUSTRY, row.industry)
            .with(account::CITY, row.city)
            .with(account::PHONE, row.phone.as_str())
            .with(account::EMAIL, row.email.as_str())
            .with(account::ESTABLISHED, row.established)
            .with(account::REVENUE, Money::cny(row.revenue))
            .with(account::EMPLOYEES, row.employees)
            .with(account::NOTE, row.note.as_str())
            .owner(self.owner(row.owner)?);
        Ok(match row.parent {
            Some(parent) => draft.with(account::PARENT, self.account(parent)?),
            None => draft,
        })
    }

    fn contact_draft(&self, row: &Contact) -> Outcome<Draft<contact::Contact>> {
        Ok(contact::named(&row.name)
            .with(contact::ACCOUNT, self.account(row.account)?)
            .with(contact::POSITION, row.position)
            .with(contact::PHONE, row.phone.as_str())
            .with(contact::EMAIL, row.email.as_str())
            .with(contact::BIRTHDAY, Date::from_days(row.birthday)?)
            .owner(self.owner(row.owner)?))
    }

    fn opportunity_draft(&self, row: &Opportunity) -> Outcome<Draft<opportunity::Opportunity>> {
        let stage = *self.stages.get(row.stage).ok_or("a stage that the workload does not have")?;
        let draft = opportunity::titled(&row.title)
            .with(opportunity::ACCOUNT, self.account(row.account)?)
            .with(opportunity::STAGE, stage)
            .with(opportunity::AMOUNT, Money::cny(row.amount))
            .with(opportunity::ENGAGED_ON, Date::from_days(row.engaged_on)?)
            .with(opportunity::EXPECTED_ON, Date::from_days(row.expected_on)?)
            .with(opportunity::NOTE, row.note.as_str())
            .owner(self.owner(row.owner)?);
        Ok(match row.closed_on {
            Some(day) => draft.with(opportunity::CLOSED_ON, Date::from_days(day)?),
            None => draft,
        })
    }

    fn page(&self, find: &Find) -> Outcome<(usize, Option<PageCursor>)> {
        let page = self.session.list(account::Account::NAME, find)?;
        let mut bytes = 0;
        for row in &page.rows {
            bytes += text_bytes(&row.record);
        }
        Ok((bytes, page.next))
    }
}

/// Bytes of all texts of a record, so that nothing that was read is thrown away unseen.
fn text_bytes(record: &guanxi::engine::Record) -> usize {
    record.values.iter().filter_map(|(_, value)| value.as_text()).map(str::len).sum()
}

fn by_name(limit: usize, after: Option<PageCursor>) -> Find {
    let sort = vec![account::NAME.ascending()];
    Find { sort, limit, after, ..Find::default() }
}

impl Worker for GuanxiWorker {
    fn store(&mut self, rows: &Rows) -> Outcome<()> {
        let session = self.session.clone();
        let mut transaction = session.begin(guanxi::WriteOptions::default().cause("import"))?;
        for row in rows {
            match row {
                Row::Account(row) => {
                    let stored = transaction.create(self.account_draft(row)?)?;
                    self.stored.push(stored.id());
                }
                Row::Contact(row) => {
                    transaction.create(self.contact_draft(row)?)?;
                }
                Row::Opportunity(row) => {
                    transaction.create(self.opportunity_draft(row)?)?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn change(&mut self, account: usize, phone: &str, note: &str) -> Outcome<()> {
        let id = self.account(account)?;
        let changes = Changes::new().set(account::PHONE, phone).set(account::NOTE, note);
        self.session.write(|transaction| {
            transaction.update_record(account::Account::NAME, id, changes.clone()).map(|_| ())
        })?;
        Ok(())
    }

    fn remember(&self, folder: &Path) -> Outcome<()> {
        let all = self.accounts.iter().chain(&self.stored);
        let bytes: Vec<u8> = all.flat_map(|id| *id.as_bytes()).collect();
        std::fs::write(ids(folder), bytes)?;
        Ok(())
    }

    fn read(&mut self, account: usize) -> Outcome<usize> {
        let read = self.session.get(account::Account::NAME, self.account(account)?)?;
        Ok(text_bytes(&read.record))
    }

    fn prepare_pages(&mut self, accounts: usize) -> Outcome<()> {
        let distance = accounts.div_ceil(2 * ANCHORS).clamp(1, guanxi::base::MAX_PAGE_ROWS);
        self.anchors = vec![None];
        while self.anchors.len() < ANCHORS {
            let last = self.anchors.last().cloned().flatten();
            let (_, next) = self.page(&by_name(distance, last))?;
            match next {
                Some(next) => self.anchors.push(Some(next)),
                None => break,
            }
        }
        Ok(())
    }

    fn page_by_name(&mut self, anchor: usize) -> Outcome<usize> {
        let place = anchor % self.anchors.len().max(1);
        let after = self.anchors.get(place).cloned().flatten();
        let (bytes, next) = self.page(&by_name(PAGE_ROWS, after))?;
        if let Some(anchor) = self.anchors.get_mut(place) {
            *anchor = next;
        }
        Ok(bytes)
    }

    fn page_by_owner(&mut self, owner: usize) -> Outcome<usize> {
        let place = owner % VISIBLE_OWNERS;
        let is_owner = Condition::Compare("owner".into(), Comparison::Equal, Value::Id(self.owner(place)?));
        let after = self.owners.get(place).cloned().flatten();
        let find = Find { filter: is_owner, limit: PAGE_ROWS, after, ..Find::default() };
        let (bytes, next) = self.page(&find)?;
        if let Some(owner) = self.owners.get_mut(place) {
            *owner = next;
        }
        Ok(bytes)
    }
}
