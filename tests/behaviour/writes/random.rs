//! Random work on a database, after which every index, counter and link of the ledger holds.

use std::collections::BTreeMap;

use guanxi::engine::{Find, Transaction};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session, WriteOptions};
use guanxi_tests::options;
use proptest::collection::vec;
use proptest::prelude::*;

/// One piece of work on one of the standing records.
#[derive(Debug, Clone)]
enum Work {
    Create { contact: bool, name: u8, note: usize, owner: usize, link: Option<usize> },
    Rename { which: usize, name: u8, note: usize },
    Give { which: usize, owner: usize },
    Link { which: usize, to: Option<usize> },
    Delete { which: usize },
}

fn work() -> impl Strategy<Value = Work> {
    let note = || prop_oneof![4 => Just(0), 4 => 1_usize..100, 1 => 60_000_usize..150_000];
    prop_oneof![
        3 => (any::<bool>(), any::<u8>(), note(), 0_usize..3, any::<Option<usize>>())
            .prop_map(|(contact, name, note, owner, link)| Work::Create { contact, name, note, owner, link }),
        3 => (any::<usize>(), any::<u8>(), note()).prop_map(|(which, name, note)| Work::Rename { which, name, note }),
        1 => (any::<usize>(), 0_usize..3).prop_map(|(which, owner)| Work::Give { which, owner }),
        2 => (any::<usize>(), any::<Option<usize>>()).prop_map(|(which, to)| Work::Link { which, to }),
        2 => any::<usize>().prop_map(|which| Work::Delete { which }),
    ]
}

/// What becomes of a group of works.
#[derive(Debug, Clone, Copy)]
enum End {
    Commit,
    Drop,
    /// The second half is taken back, the first half committed.
    Half,
}

/// A record by hand: whether it is a contact, its name, its note, its owner and whom it refers to.
#[derive(Debug, Clone, PartialEq)]
struct Standing {
    contact: bool,
    name: String,
    note: String,
    owner: RecordId,
    link: Option<RecordId>,
}

type Model = BTreeMap<RecordId, Standing>;

impl Standing {
    fn entity(&self) -> &'static str {
        if self.contact { Contact::NAME } else { Account::NAME }
    }

    /// Contacts have no note, and keep it in their position.
    fn changes(&self) -> Changes {
        let (note, link) = if self.contact { ("position", "account") } else { ("note", "parent") };
        // The kind follows from the note, so that counters by kind move with it.
        let kind = ["person", "organisation"].get(self.note.chars().count() % 3);
        let start = Changes::new();
        let start = if self.contact { start } else { start.set("kind", kind.copied()) };
        start
            .set("name", self.name.as_str())
            .set(note, self.note.as_str())
            .set(link, self.link)
            .owner(self.owner)
    }
}

fn pick(model: &Model, which: usize) -> Option<(RecordId, Standing)> {
    let place = which.checked_rem(model.len())?;
    model.iter().nth(place).map(|(id, standing)| (*id, standing.clone()))
}

/// The account that a number names.
fn account(model: &Model, which: Option<usize>) -> Option<RecordId> {
    let accounts: Vec<RecordId> =
        model.iter().filter(|(_, standing)| !standing.contact).map(|(id, _)| *id).collect();
    which.and_then(|which| accounts.get(which.checked_rem(accounts.len())?).copied())
}

fn note(length: usize) -> String {
    "关系ab".chars().cycle().take(length).collect()
}

fn act(transaction: &mut Transaction<'_>, model: &mut Model, owners: &[RecordId], work: &Work) {
    let changed = match work {
        Work::Create { contact, name, note: length, owner, link } => {
            let made = Standing {
                contact: *contact,
                name: format!("name {name}"),
                note: note(*length),
                owner: owners[*owner],
                link: account(model, *link),
            };
            let id = transaction.create_record(made.entity(), made.changes()).unwrap();
            model.insert(id, made);
            return;
        }
        Work::Rename { which, name, note: length } => pick(model, *which).map(|(id, standing)| {
            (id, Standing { name: format!("name {name}"), note: note(*length), ..standing })
        }),
        Work::Give { which, owner } => {
            pick(model, *which).map(|(id, standing)| (id, Standing { owner: owners[*owner], ..standing }))
        }
        Work::Link { which, to } => {
            let link = account(model, *to);
            pick(model, *which).map(|(id, standing)| (id, Standing { link, ..standing }))
        }
        Work::Delete { which } => return delete(transaction, model, *which),
    };
    if let Some((id, standing)) = changed {
        if !standing.contact && is_above(model, id, standing.link) {
            let refused = transaction.update_record(standing.entity(), id, standing.changes()).unwrap_err();
            assert_eq!(refused.code(), Code::TreeCycle);
            return;
        }
        transaction.update_record(standing.entity(), id, standing.changes()).unwrap();
        model.insert(id, standing);
    }
}

/// Whether a record is another one or above it.
fn is_above(model: &Model, id: RecordId, of: Option<RecordId>) -> bool {
    let above = |of: &RecordId| model.get(of).and_then(|standing| standing.link);
    std::iter::successors(of, above).any(|passed| passed == id)
}

fn delete(transaction: &mut Transaction<'_>, model: &mut Model, which: usize) {
    let Some((id, standing)) = pick(model, which) else { return };
    let referred = model.iter().any(|(other, standing)| standing.link == Some(id) && *other != id);
    match transaction.delete_record(standing.entity(), id) {
        Ok(()) => {
            assert!(!referred, "a record that others refer to stays");
            model.remove(&id);
        }
        Err(error) => assert!(referred && error.code() == Code::Referenced, "{error}"),
    }
}

/// Everything that stands, read back through lists.
fn stored(session: &Session) -> Model {
    let mut model = Model::new();
    for (contact, entity) in [(false, Account::NAME), (true, Contact::NAME)] {
        let page = session.list(entity, &Find { limit: 10_000, ..Find::default() }).unwrap();
        assert_eq!(
            session.count(entity, &Condition::Everything).unwrap(),
            u64::try_from(page.rows.len()).unwrap()
        );
        for row in page.rows {
            let text = |field: &str| row.value(field).unwrap().as_text().unwrap_or_default().to_owned();
            let (note, link) = if contact { ("position", "account") } else { ("note", "parent") };
            let standing = Standing {
                contact,
                name: text("name"),
                note: text(note),
                owner: row.record.envelope.owner,
                link: row.value(link).unwrap().as_id(),
            };
            model.insert(row.record.id, standing);
        }
    }
    model
}

fn play(groups: &[(Vec<Work>, End)]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let crm = options().create(&path).unwrap();
    let session = crm.session_for("admin").unwrap();
    let user = |name: &str| {
        let changes = Changes::new().set("name", name).set("status", "active");
        session.write(|transaction| transaction.create_record("sys.user", changes.clone())).unwrap()
    };
    let owners = [session.user(), user("one"), user("two")];
    let mut model = Model::new();
    for (works, end) in groups {
        let mut transaction = session.begin(WriteOptions::default()).unwrap();
        let mut draft = model.clone();
        let (first, second) = works.split_at(works.len() / 2);
        first.iter().for_each(|work| act(&mut transaction, &mut draft, &owners, work));
        let (point, half) = (transaction.savepoint(), draft.clone());
        second.iter().for_each(|work| act(&mut transaction, &mut draft, &owners, work));
        match end {
            End::Commit => model = draft,
            End::Drop => continue,
            End::Half => {
                transaction.roll_back_to(point);
                model = half;
            }
        }
        transaction.commit().unwrap();
    }
    assert_eq!(stored(&session), model);
    drop((session, crm));
    let crm = options().open(&path).unwrap();
    assert_eq!(stored(&crm.session_for("admin").unwrap()), model);
    crm.verify(&guanxi::Patience::default()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn after_any_work_the_database_verifies_and_holds_what_a_hand_would(
        groups in vec((vec(work(), 1..10), prop_oneof![3 => Just(End::Commit), 1 => Just(End::Drop), 1 => Just(End::Half)]), 1..6)
    ) {
        play(&groups);
    }
}
