//! Guanxi's side: leads are an entity that a vendor declares, and the policy stands in users, units, roles and grants.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use guanxi::base::{FieldId, Label};
use guanxi::engine::{
    Action, Bulk, BulkDone, Direction, FieldSelector, Find, Grant, LedgerCheck, LedgerQuery, Level, Listing,
    NewShare, Partition, ReadMode, ReadPolicy, Registrar, Role as RoleRecord, RoleAssignment, ShareLevel,
    Sharee, Total, Transaction, Unit, User, grant, partition, role, role_assignment, unit, user,
};
use guanxi::schema::{
    EntityDefinition, EntityType, EnumCode, FieldDefinition, FieldName, FieldType, IndexDefinition,
    SearchClass,
};
use guanxi::{
    Changes, Condition, Crm, Durability, Extension, Money, Options, RecordId, Session, Timestamp, Value,
};

use crate::access::phases::HITS;
use crate::access::store::{Answer, Asker, Form, Question, Store};
use crate::access::world::{Lead, Role, SOUGHT, STAGES, World, user_name};
use crate::crm::PAGE_ROWS;
use crate::crm::guanxi::{ADMINISTRATOR, database, options};
use crate::crm::values::{moment, text_of, yuan};
use crate::harness::{Clock, Outcome, Spent};

const LEAD: &str = "bench.lead";
/// The fields in their order, as both sides call them.
const FIELDS: [&str; 7] = ["name", "stage", "amount", "city", "phone", "opened_at", "note"];
/// Entries of one page of the ledger.
const ENTRIES: usize = 1_000;
/// Users of one transaction of loading.
const USERS: usize = 2_000;

/// Declares leads, as a vendor would. An index on the owner stands without being asked for.
struct Leads;

impl Extension for Leads {
    fn id(&self) -> &'static str {
        "bench"
    }

    fn declare(&self, registrar: &mut Registrar) -> guanxi::Result<()> {
        let fields = FIELDS.iter().zip(1..).map(|(name, local)| FieldDefinition {
            required: matches!(*name, "name" | "stage"),
            search: (*name == "name").then_some(SearchClass::Title),
            ..FieldDefinition::new("bench", local, name, Label::new("字段", name), kind_of(name))
        });
        registrar.entity(EntityDefinition {
            namespace: "bench".to_owned(),
            local: 1,
            name: "lead".to_owned(),
            label: Label::new("线索", "Lead"),
            title: "name".to_owned(),
            data_subject: false,
            fields: fields.collect(),
            indexes: vec![IndexDefinition::new("bench", 1, "newest").falling("opened_at")],
            ..EntityDefinition::default()
        });
        Ok(())
    }
}

fn kind_of(name: &str) -> FieldType {
    let code = |code: &&str| EnumCode::new(code, Label::new("码", code));
    match name {
        "stage" => FieldType::Enum { codes: STAGES.iter().map(code).collect() },
        "amount" => FieldType::Money,
        "phone" => FieldType::Phone,
        "opened_at" => FieldType::DateTime,
        _ => FieldType::Text,
    }
}

/// The fields as a host names them that knows them when it is compiled.
fn selectors() -> Vec<FieldSelector> {
    let of = |(name, local)| FieldSelector::Identity(FieldName::Identity { namespace: "bench", local, name });
    FIELDS.into_iter().zip(1..).map(of).collect()
}

fn level(role: Role) -> Level {
    match role {
        Role::Salesperson => Level::Own,
        Role::Manager => Level::OwnAndSubordinates,
        Role::DivisionHead => Level::UnitAndChildren,
        Role::Director => Level::All,
    }
}

/// An open database of Guanxi.
pub struct Guanxi {
    crm: Crm,
    folder: PathBuf,
    world: World,
    administrator: Session,
    /// The one of the partition of the exhibition who brings in its leads.
    exhibitor: Session,
    users: Vec<RecordId>,
    leads: Vec<RecordId>,
    fields: Vec<FieldSelector>,
    /// The same as they are numbered, as a host looks them up once, like the place of a column in a statement.
    columns: Vec<FieldId>,
    sessions: BTreeMap<usize, Session>,
}

fn with_leads() -> Options {
    options().extension(Arc::new(Leads))
}

impl Store for Guanxi {
    fn create(folder: &Path, world: World) -> Outcome<()> {
        let new = with_leads().administrator(ADMINISTRATOR, "a long password");
        let administrator = new.create(database(folder))?.session_for(ADMINISTRATOR)?;
        let roles = administrator.write(|transaction| {
            Role::ALL.map(|role| roles(transaction, role)).into_iter().collect::<guanxi::Result<Vec<_>>>()
        })?;
        let exhibition = administrator.write(|transaction| {
            transaction.create_record(Partition::NAME, Changes::new().set(partition::NAME, "exhibition"))
        })?;
        let units = administrator.write(|transaction| units(transaction, world))?;
        let mut users = Vec::new();
        for first in (0..world.users).step_by(USERS) {
            let known = users.clone();
            let facts = (roles.as_slice(), units.as_slice(), exhibition);
            users.extend(administrator.write(|transaction| {
                let mut users: Vec<RecordId> = known.clone();
                for number in first..world.users.min(first + USERS) {
                    let made = person(transaction, world, (number, &users), facts)?;
                    users.push(made);
                }
                Ok(users.split_off(known.len()))
            })?);
        }
        Ok(())
    }

    fn open(folder: &Path, world: World, cache_bytes: usize, loading: bool) -> Outcome<Self> {
        let durability = if loading { Durability::Relaxed } else { Durability::Durable };
        let crm = with_leads().cache_bytes(cache_bytes).durability(durability).open(database(folder))?;
        let administrator = crm.session_for(ADMINISTRATOR)?;
        let user = |number| -> Outcome<RecordId> {
            let found = administrator.read(|reader| reader.find_by_title(User::NAME, &user_name(number)))?;
            Ok(*found.first().ok_or("a user is missing")?)
        };
        Ok(Self {
            users: (0..world.users).map(user).collect::<Outcome<_>>()?,
            exhibitor: crm.session_for(&user_name(world.first_parted()))?,
            leads: known_leads(folder)?,
            fields: selectors(),
            columns: columns(&administrator)?,
            sessions: BTreeMap::new(),
            folder: folder.to_owned(),
            administrator,
            crm,
            world,
        })
    }

    fn insert(&mut self, first: usize, leads: &[(usize, Lead)]) -> Outcome<()> {
        if let [(owner, lead)] = leads {
            return self.insert_one(*owner, lead);
        }
        let mut placed = BTreeMap::new();
        let parted = self.world.first_parted();
        for (session, is_parted) in [(&self.administrator, false), (&self.exhibitor, true)] {
            let own = || (first..).zip(leads).filter(|(_, (owner, _))| (*owner >= parted) == is_parted);
            let rows =
                own().map(|(_, (owner, lead))| self.changes(*owner, lead)).collect::<Outcome<Vec<_>>>()?;
            let outcome = session.bulk_create(LEAD, &rows, &Bulk::default())?;
            if outcome.next.is_some() {
                return Err("a batch that was not done at once".into());
            }
            for ((number, _), row) in own().zip(outcome.rows) {
                match row.outcome? {
                    BulkDone::Created => placed.insert(number, row.id),
                    other => return Err(format!("a lead that was not created: {other:?}").into()),
                };
            }
        }
        self.leads.extend(placed.into_values());
        Ok(())
    }

    fn share(&mut self, users: Range<usize>) -> Outcome<usize> {
        let shares: Vec<_> = users.flat_map(|user| self.world.shares_with(user)).collect();
        let mut transaction = self.administrator.begin(guanxi::WriteOptions::default().cause("import"))?;
        for share in &shares {
            let new = NewShare::new(Sharee::User(self.user(share.with)?), ShareLevel::Read);
            transaction.share_record(LEAD, self.lead(share.lead)?, &new)?;
        }
        transaction.commit()?;
        Ok(shares.len())
    }

    fn settle(&mut self) -> Outcome<()> {
        let bytes: Vec<u8> = self.leads.iter().flat_map(|id| *id.as_bytes()).collect();
        std::fs::write(ids(&self.folder), bytes)?;
        self.administrator.settle_search()?;
        Ok(self.crm.checkpoint()?)
    }

    fn leads(&mut self) -> Outcome<usize> {
        Ok(usize::try_from(self.administrator.count(LEAD, &Condition::Everything)?)?)
    }

    fn forms(&self, _: Question, _: Asker) -> Outcome<Vec<Form>> {
        Ok(vec![Form { name: "usual", kept: false, statement: String::new() }])
    }

    fn ask(&mut self, question: Question, asker: Asker, _: &Form, turn: usize) -> Outcome<Answer> {
        let number = asker.user(self.world);
        if question == Question::Explain {
            return self.explain(number, turn);
        }
        let session = self.session(number)?;
        Ok(match question {
            Question::Page => {
                let rows = session.list(LEAD, &newest())?.rows;
                Answer::Rows(rows.iter().map(|row| self.row(row)).collect::<Outcome<_>>()?)
            }
            Question::Count => Answer::Count(session.count(LEAD, &Condition::Everything)?),
            Question::Search | Question::Explain => {
                let sought = SOUGHT.get(turn % SOUGHT.len()).copied().unwrap_or_default();
                let page = session.search(sought, Some(LEAD), HITS, 0)?;
                // Where nothing matches as it is written, what nearly does is found; the other side finds nothing then.
                if page.near { Answer::Hits(0, 0) } else { Answer::Hits(page.total, page.hits.len()) }
            }
        })
    }

    fn compile(&mut self, people: &[usize]) -> Outcome<Spent> {
        let sessions: Vec<Session> =
            people.iter().map(|number| self.session(*number)).collect::<Outcome<_>>()?;
        self.administrator.read(|reader| reader.count_up_to(LEAD, &Condition::Everything, Total::None))?;
        let clock = Clock::start();
        for session in &sessions {
            session.read(|reader| reader.count_up_to(LEAD, &Condition::Everything, Total::None))?;
        }
        Ok(clock.stop())
    }

    fn reorganise(&mut self, turn: usize, back: bool) -> Outcome<()> {
        let (moved, superior) = self.world.moved(turn, back);
        let (id, above) = (self.user(moved)?, self.user(superior)?);
        let changes = Changes::new().set(user::REPORTS_TO, above);
        self.administrator.write(|transaction| transaction.update_record(User::NAME, id, changes.clone()))?;
        let session = self.session(superior)?;
        session.read(|reader| reader.count_up_to(LEAD, &Condition::Everything, Total::None))?;
        Ok(())
    }

    fn verify(&mut self) -> Outcome<usize> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let check = LedgerCheck { threads, ..LedgerCheck::default() };
        let report = self.administrator.verify_ledger(&check, &[])?;
        Ok(usize::try_from(report.last.saturating_sub(report.first) + 1)?)
    }

    fn entries(&mut self, most: usize) -> Outcome<usize> {
        let (mut after, mut read) = (None, 0);
        while read < most {
            let query = LedgerQuery { after, limit: ENTRIES, ..LedgerQuery::default() };
            let page = self.administrator.query_ledger(&query)?;
            read += page.entries.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(read)
    }

    fn watch_reads(&mut self, watched: bool) -> Outcome<()> {
        let policy = ReadPolicy { mode: ReadMode::Batched, fields: std::collections::BTreeSet::new() };
        Ok(self.administrator.define_read_policy(LEAD, watched.then_some(policy))?)
    }

    fn read_watched(&mut self, lead: usize) -> Outcome<()> {
        let (id, session) = (self.lead(lead)?, self.session(self.world.asking(Role::Director))?);
        std::hint::black_box(self.row(&session.get(LEAD, id)?)?);
        Ok(())
    }

    fn flush_reads(&mut self) -> Outcome<()> {
        Ok(self.administrator.flush_audit()?)
    }
}

impl Guanxi {
    fn user(&self, number: usize) -> Outcome<RecordId> {
        Ok(*self.users.get(number).ok_or("a user whom nobody knows")?)
    }

    fn lead(&self, number: usize) -> Outcome<RecordId> {
        Ok(*self.leads.get(number).ok_or("a lead that nobody knows")?)
    }

    /// The session of a user, which is opened once.
    fn session(&mut self, number: usize) -> Outcome<Session> {
        if let Some(open) = self.sessions.get(&number) {
            return Ok(open.clone());
        }
        let session = self.crm.session_for(&user_name(number))?;
        self.sessions.insert(number, session.clone());
        Ok(session)
    }

    fn insert_one(&mut self, owner: usize, lead: &Lead) -> Outcome<()> {
        let changes = self.changes(owner, lead)?;
        let is_parted = owner >= self.world.first_parted();
        let session = if is_parted { &self.exhibitor } else { &self.administrator };
        session.write(|transaction| transaction.create_record(LEAD, changes.clone()))?;
        Ok(())
    }

    /// Rows that commits have changed, bytes of their keys and values, and bytes of these that are the ledger's.
    pub fn changed(&self) -> Outcome<[u64; 3]> {
        self.crm.checkpoint()?;
        let statistics = self.crm.statistics()?;
        let log = statistics.tables.get("log").map_or(0, |log| log.stored_bytes);
        Ok([statistics.changed_rows, statistics.changed_bytes, log])
    }

    fn explain(&self, number: usize, turn: usize) -> Outcome<Answer> {
        let (user, lead) = (self.user(number)?, self.lead(self.world.explained(number, turn))?);
        let why = self.administrator.explain_access(user, LEAD, lead, Action::Read)?;
        Ok(Answer::Paths(why.paths.len(), why.shares.len()))
    }

    fn changes(&self, owner: usize, lead: &Lead) -> Outcome<Changes> {
        let values = [
            Value::from(lead.name.as_str()),
            Value::from(lead.stage.as_str()),
            Value::Money(Money::cny(lead.amount)),
            Value::from(lead.city.as_str()),
            Value::from(lead.phone.as_str()),
            Value::DateTime(Timestamp::from_micros(lead.opened_at)),
            Value::from(lead.note.as_str()),
        ];
        let set =
            |changes: Changes, (field, value): (&FieldSelector, Value)| changes.set(field.clone(), value);
        Ok(self.fields.iter().zip(values).fold(Changes::new(), set).owner(self.user(owner)?))
    }

    fn row(&self, row: &Listing) -> Outcome<Lead> {
        let mut values = self.columns.iter().map(|column| row.record.peek(*column));
        let mut next = || values.next().ok_or("a field is missing");
        Ok(Lead {
            name: text_of(next()?.as_ref())?,
            stage: text_of(next()?.as_ref())?,
            amount: yuan(next()?.as_ref())?,
            city: text_of(next()?.as_ref())?,
            phone: text_of(next()?.as_ref())?,
            opened_at: moment(next()?.as_ref())?,
            note: text_of(next()?.as_ref())?,
        })
    }
}

fn columns(session: &Session) -> Outcome<Vec<FieldId>> {
    let found = session.read(|reader| {
        let lead = reader.registry().entity(LEAD)?;
        selectors().iter().map(|field| reader.readable(lead, field)).collect()
    });
    Ok(found?)
}

/// Makes a role with what it is granted on leads, and on the organisation.
fn roles(transaction: &mut Transaction<'_>, granted: Role) -> guanxi::Result<RecordId> {
    let name = format!("bench {}", granted.name());
    let id = transaction.create_record(RoleRecord::NAME, Changes::new().set(role::NAME, name))?;
    let actions = [Action::Read, Action::Create, Action::Update, Action::Assign];
    let on_leads = actions.map(|action| (LEAD, action, level(granted)));
    for (entity, action, level) in on_leads
        .into_iter()
        .chain([(User::NAME, Action::Read, Level::All), (Unit::NAME, Action::Read, Level::All)])
    {
        let changes = Changes::new()
            .set(grant::ROLE, id)
            .set(grant::ENTITY, entity)
            .set(grant::ACTION, action)
            .set(grant::LEVEL, level);
        transaction.create_record(Grant::NAME, changes)?;
    }
    Ok(id)
}

fn units(transaction: &mut Transaction<'_>, world: World) -> guanxi::Result<Vec<RecordId>> {
    let mut units: Vec<RecordId> = Vec::with_capacity(world.units);
    for number in 0..world.units {
        let above = World::parent(number).and_then(|above| units.get(above).copied());
        let changes =
            Changes::new().set(unit::NAME, format!("unit-{number:05}")).set(unit::PARENT, Value::from(above));
        units.push(transaction.create_record(Unit::NAME, changes)?);
    }
    Ok(units)
}

/// Makes a user, to whom those who were made before may be superior.
fn person(
    transaction: &mut Transaction<'_>,
    world: World,
    (number, before): (usize, &[RecordId]),
    (roles, units, exhibition): (&[RecordId], &[RecordId], RecordId),
) -> guanxi::Result<RecordId> {
    let person = world.person(number);
    let superior = person.reports_to.and_then(|superior| before.get(superior).copied());
    let changes = Changes::new()
        .set(user::NAME, user_name(number))
        .set(user::UNIT, Value::from(units.get(person.unit).copied()))
        .set(user::REPORTS_TO, Value::from(superior))
        .set(user::PARTITION, Value::from(person.parted.then_some(exhibition)));
    let id = transaction.create_record(User::NAME, changes)?;
    if let Some(role) = Role::ALL.iter().zip(roles).find(|(role, _)| **role == person.role) {
        let changes = Changes::new().set(role_assignment::USER, id).set(role_assignment::ROLE, *role.1);
        transaction.create_record(RoleAssignment::NAME, changes)?;
    }
    Ok(id)
}

fn ids(folder: &Path) -> PathBuf {
    folder.join("leads.ids")
}

fn known_leads(folder: &Path) -> Outcome<Vec<RecordId>> {
    let bytes = match std::fs::read(ids(folder)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read?,
    };
    let (all, _) = bytes.as_chunks::<16>();
    Ok(all.iter().map(|id| RecordId::from_bytes(*id)).collect())
}

fn newest() -> Find {
    Find { sort: vec![("opened_at".into(), Direction::Descending)], limit: PAGE_ROWS, ..Find::default() }
}
