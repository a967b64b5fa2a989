//! Guanxi's side: companies and people are entities that a vendor declares, and one box searches both.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use guanxi::base::Label;
use guanxi::engine::{
    Action, Bulk, BulkDone, Grant, Level, Registrar, Role as RoleRecord, Transaction, User, grant, role,
};
use guanxi::schema::{EntityDefinition, EntityType, FieldDefinition, FieldType, SearchClass};
use guanxi::{Changes, Condition, Crm, Durability, Extension, Options, RecordId, Session, Value};

use crate::crm::folder_size;
use crate::crm::guanxi::{ADMINISTRATOR, database, manager, options, person, seller};
use crate::crm::values::text_of;
use crate::harness::{Clock, Outcome};
use crate::search::party::{OWNERS, Party, TEAM};
use crate::search::phases::{COMPLETED, HITS};
use crate::search::store::{Answer, Asker, Built, Form, Question, Store};

const COMPANY: &str = "bench.company";
const PERSON: &str = "bench.person";
const ROLE: &str = "bench manager";
/// The fields in their order, and how they are searched.
const FIELDS: [(&str, SearchClass); 4] = [
    ("name", SearchClass::Title),
    ("phone", SearchClass::Phone),
    ("email", SearchClass::Email),
    ("note", SearchClass::Body),
];

/// Declares the entities, as a vendor would.
struct Parties;

impl Extension for Parties {
    fn id(&self) -> &'static str {
        "bench"
    }

    fn declare(&self, registrar: &mut Registrar) -> guanxi::Result<()> {
        for (local, name) in [(1, "company"), (2, "person")] {
            let fields = FIELDS.iter().zip(1..).map(|((field, class), local)| FieldDefinition {
                required: *field == "name",
                search: Some(*class),
                ..FieldDefinition::new("bench", local, field, Label::new("字段", field), kind_of(field))
            });
            registrar.entity(EntityDefinition {
                namespace: "bench".to_owned(),
                local,
                name: name.to_owned(),
                label: Label::new("对象", name),
                title: "name".to_owned(),
                data_subject: false,
                fields: fields.collect(),
                ..EntityDefinition::default()
            });
        }
        Ok(())
    }
}

fn kind_of(field: &str) -> FieldType {
    match field {
        "phone" => FieldType::Phone,
        "email" => FieldType::Email,
        _ => FieldType::Text,
    }
}

/// An open database of Guanxi.
pub struct Guanxi {
    crm: Crm,
    folder: PathBuf,
    administrator: Session,
    manager: Session,
    owners: Vec<RecordId>,
}

fn with_parties() -> Options {
    options().extension(Arc::new(Parties))
}

impl Store for Guanxi {
    fn create(folder: &Path) -> Outcome<()> {
        let new = with_parties().administrator(ADMINISTRATOR, "a long password");
        let administrator = new.create(database(folder))?.session_for(ADMINISTRATOR)?;
        administrator.write(|transaction| {
            reading(transaction)?;
            // The first owner is the manager, so that the team is as large as the other side's.
            let above = person(transaction, &manager(0), ROLE, None)?;
            for number in 1..OWNERS {
                person(transaction, &seller(number), ROLE, Some(above).filter(|_| number < TEAM))?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn open(folder: &Path, cache_bytes: usize, loading: bool) -> Outcome<Self> {
        let durability = if loading { Durability::Relaxed } else { Durability::Durable };
        let crm = with_parties().cache_bytes(cache_bytes).durability(durability).open(database(folder))?;
        let administrator = crm.session_for(ADMINISTRATOR)?;
        let owner = |number: usize| -> Outcome<RecordId> {
            let name = if number == 0 { manager(0) } else { seller(number) };
            let found = administrator.read(|reader| reader.find_by_title(User::NAME, &name))?;
            Ok(*found.first().ok_or("an owner is missing")?)
        };
        let owners = (0..OWNERS).map(owner).collect::<Outcome<_>>()?;
        Ok(Self {
            manager: crm.session_for(&manager(0))?,
            owners,
            folder: folder.to_owned(),
            administrator,
            crm,
        })
    }

    fn insert(&mut self, _: usize, parties: &[Party]) -> Outcome<()> {
        if let [party] = parties {
            let changes = self.changes(party)?;
            let entity = entity_of(party);
            self.administrator.write(|transaction| transaction.create_record(entity, changes.clone()))?;
            return Ok(());
        }
        for entity in [COMPANY, PERSON] {
            let rows = parties.iter().filter(|party| entity_of(party) == entity);
            let rows = rows.map(|party| self.changes(party)).collect::<Outcome<Vec<_>>>()?;
            let outcome = self.administrator.bulk_create(entity, &rows, &Bulk::default())?;
            if outcome.next.is_some() {
                return Err("a batch that was not done at once".into());
            }
            for row in outcome.rows {
                match row.outcome? {
                    BulkDone::Created => {}
                    other => return Err(format!("a record that was not created: {other:?}").into()),
                }
            }
        }
        Ok(())
    }

    fn records(&mut self) -> Outcome<usize> {
        let count = |entity| self.administrator.count(entity, &Condition::Everything);
        Ok(usize::try_from(count(COMPANY)? + count(PERSON)?)?)
    }

    fn index(&mut self, records: usize) -> Outcome<Vec<(&'static str, Built)>> {
        let clock = Clock::start();
        self.administrator.settle_search()?;
        let micros_each = clock.stop().processor_micros_each(records);
        let bytes = folder_size(&database(&self.folder).join("index"))?;
        Ok(vec![("index", Built { bytes, micros_each })])
    }

    fn settle(&mut self) -> Outcome<()> {
        Ok(self.crm.checkpoint()?)
    }

    fn forms(&self, _: Question) -> Vec<Form> {
        vec![Form { name: "usual" }]
    }

    fn ask(&mut self, _: &Form, question: Question, asker: Asker, text: &str) -> Outcome<Answer> {
        let page = self.session(asker).search(text, None, HITS, 0)?;
        for hit in &page.hits {
            std::hint::black_box(text_of(&hit.listing.record.value(hit.listing.entity()?.title()?.id()))?);
        }
        let forgiving = matches!(question, Question::Misspelt | Question::WrongCharacter);
        // What nearly matches is found where nothing does as it is written; the other side finds nothing then.
        if page.near && !forgiving {
            return Ok(Answer { total: 0, shown: 0 });
        }
        Ok(Answer { total: page.total, shown: page.hits.len() })
    }

    fn complete(&mut self, asker: Asker, text: &str) -> Outcome<usize> {
        Ok(self.session(asker).complete(text, None, COMPLETED)?.len())
    }
}

impl Guanxi {
    fn session(&self, asker: Asker) -> &Session {
        match asker {
            Asker::Manager => &self.manager,
            Asker::Everybody => &self.administrator,
        }
    }

    fn changes(&self, party: &Party) -> Outcome<Changes> {
        let values = [&party.name, &party.phone, &party.email, &party.note];
        let set = |changes: Changes, ((field, _), text): (&(&'static str, SearchClass), &String)| {
            if text.is_empty() { changes } else { changes.set(*field, Value::from(text.as_str())) }
        };
        let owner = *self.owners.get(party.owner).ok_or("an owner whom nobody knows")?;
        Ok(FIELDS.iter().zip(values).fold(Changes::new(), set).owner(owner))
    }
}

fn entity_of(party: &Party) -> &'static str {
    if party.company { COMPANY } else { PERSON }
}

/// A role that reads one's own records and those of one's team.
fn reading(transaction: &mut Transaction<'_>) -> guanxi::Result<()> {
    let role = transaction.create_record(RoleRecord::NAME, Changes::new().set(role::NAME, ROLE))?;
    for entity in [COMPANY, PERSON] {
        let granted = Changes::new()
            .set(grant::ROLE, role)
            .set(grant::ENTITY, entity)
            .set(grant::ACTION, Action::Read)
            .set(grant::LEVEL, Level::OwnAndSubordinates);
        transaction.create_record(Grant::NAME, granted)?;
    }
    Ok(())
}
