//! What a reader answers while the store refuses to read: the refusal, never that there is nothing. And how much a
//! reader reads before it says that there is nothing.

use std::cell::RefCell;
use std::sync::Arc;

use crate::access::{Action, Grant, Level, Role, RoleAssignment, User, grant, role, role_assignment, user};
use crate::base::{Code, Error, Label, RecordId, Result};
use crate::engine::{Changes, Extension, Key, KeyCost, Options, Reader, Registrar, Session};
use crate::schema::{
    EntityDefinition, EntityType, FieldDefinition, FieldType, RelationDefinition, RelationSide,
};
use crate::storage::{Head, Keyspace, LogEntry, Made, Page, RangeRequest, Recalled, Snapshot};

const BOOK: &str = "shelf.book";
const CITES: &str = "shelf.cites";

/// Books with a title of their own, that cite each other.
struct Shelf;

impl Extension for Shelf {
    fn id(&self) -> &str {
        "shelf"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        let title = FieldDefinition::new("shelf", 1, "title", Label::new("书名", "Title"), FieldType::Text);
        let side = |name: &str| RelationSide {
            name: name.to_owned(),
            ..RelationSide::new(&[BOOK], Label::new("书", "Book"))
        };
        registrar.entity(EntityDefinition {
            namespace: "shelf".to_owned(),
            local: 1,
            name: "book".to_owned(),
            label: Label::new("书", "Book"),
            title: "title".to_owned(),
            fields: vec![FieldDefinition { unique: true, ..title }],
            ..EntityDefinition::default()
        });
        registrar.entity(EntityDefinition {
            namespace: "shelf".to_owned(),
            local: 2,
            name: "cites".to_owned(),
            label: Label::new("引用", "Cites"),
            relation: Some(RelationDefinition {
                from: side("citing"),
                to: side("cited"),
                ..Default::default()
            }),
            ..EntityDefinition::default()
        });
        Ok(())
    }
}

/// A view whose records cannot be read.
struct Refusing<'s>(Box<dyn Snapshot + 's>);

impl Snapshot for Refusing<'_> {
    fn get_many(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Vec<u8>>>> {
        match keys.iter().any(|(keyspace, _)| *keyspace == Keyspace::Records) {
            true => Err(Error::new(Code::Io)),
            false => self.0.get_many(keys),
        }
    }

    fn scan(&self, range: &RangeRequest) -> Result<Page> {
        self.0.scan(range)
    }

    fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>> {
        self.0.read_log(after, max)
    }

    fn head(&self) -> Result<Head> {
        self.0.head()
    }
}

fn shelf() -> (tempfile::TempDir, Session, RecordId) {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::default()
        .key(Key::raw([7; 32]))
        .key_cost(KeyCost { memory_kib: 64, passes: 1, lanes: 1 })
        .administrator("admin", "a long password")
        .extension(Arc::new(Shelf))
        .trust_host();
    let crm = options.create(folder.path().join("shelf")).unwrap();
    let admin = crm.session_for("admin").unwrap();
    let link = admin.write(|transaction| {
        let citing = transaction.create_record(BOOK, Changes::new().set("title", "水经注"))?;
        let cited = transaction.create_record(BOOK, Changes::new().set("title", "水经"))?;
        transaction.link(CITES, citing, cited, Changes::new())
    });
    (folder, admin, link.unwrap())
}

#[test]
fn a_record_that_cannot_be_read_is_not_told_to_be_missing() {
    let (_folder, admin, link) = shelf();
    let crm = admin.crm().clone();
    admin
        .read(|reader| {
            let refusing = Refusing(crm.snapshot()?);
            let refused = Reader { snapshot: &refusing, ..reader };
            let nobody = RecordId::from_bytes([1; 16]);
            assert!(reader.reaches(CITES, link)? && !reader.reaches(CITES, nobody)?);
            assert_eq!(reader.find_by_title(BOOK, "水经")?.len(), 1);
            assert_eq!(reader.find_by_title(BOOK, "山海经")?, []);
            assert_eq!(refused.reaches(CITES, link).unwrap_err().code(), Code::Io);
            assert_eq!(refused.reaches(BOOK, nobody).unwrap_err().code(), Code::Io);
            assert_eq!(refused.find_by_title(BOOK, "水经").unwrap_err().code(), Code::Io);
            Ok(())
        })
        .unwrap();
}

/// A view that notes what is read of it: the table and the length of each key, and what is to be kept.
struct Noting<'s>(Box<dyn Snapshot + 's>, RefCell<Vec<String>>);

impl Noting<'_> {
    fn note(&self, what: String) {
        self.1.borrow_mut().push(what);
    }
}

impl Snapshot for Noting<'_> {
    fn get_many(&self, keys: &[(Keyspace, &[u8])]) -> Result<Vec<Option<Vec<u8>>>> {
        keys.iter().for_each(|(keyspace, key)| self.note(format!("get {keyspace:?} {}", key.len())));
        self.0.get_many(keys)
    }

    fn scan(&self, range: &RangeRequest) -> Result<Page> {
        self.note(format!("scan {:?}", range.keyspace));
        self.0.scan(range)
    }

    fn recall(&self, keyspace: Keyspace, key: &[u8]) -> Recalled {
        self.note(format!("recall {keyspace:?} {}", key.len()));
        self.0.recall(keyspace, key)
    }

    fn remember(&self, keyspace: Keyspace, key: &[u8], made: Made, bytes: usize) {
        self.note(format!("remember {keyspace:?}"));
        self.0.remember(keyspace, key, made, bytes);
    }

    fn read_log(&self, after: u64, max: usize) -> Result<Vec<LogEntry>> {
        self.note("read_log".to_owned());
        self.0.read_log(after, max)
    }

    fn head(&self) -> Result<Head> {
        self.0.head()
    }
}

/// A session of somebody who reads books of their own, of which there is one.
fn reader_of_own(admin: &Session) -> (Session, RecordId) {
    let made = admin.write(|transaction| {
        let user = Changes::new().set(user::NAME, "lin");
        let user = transaction.create_record(User::NAME, user)?;
        let role = transaction.create_record(Role::NAME, Changes::new().set(role::NAME, "own"))?;
        let grant = Changes::new().set(grant::ROLE, role).set(grant::ENTITY, BOOK);
        let grant = grant.set(grant::ACTION, Action::Read).set(grant::LEVEL, Level::Own);
        transaction.create_record(Grant::NAME, grant)?;
        let assigned = Changes::new().set(role_assignment::USER, user).set(role_assignment::ROLE, role);
        transaction.create_record(RoleAssignment::NAME, assigned)?;
        Ok(user)
    });
    // Only who is known when a transaction begins owns anything that it makes.
    let own = Changes::new().set("title", "own").owner(made.unwrap());
    let own = admin.write(|transaction| transaction.create_record(BOOK, own.clone()));
    (admin.crm().session_for("lin").unwrap(), own.unwrap())
}

#[test]
fn of_a_hidden_record_a_get_reads_as_much_as_of_one_that_is_not_there() {
    let (_folder, admin, _) = shelf();
    let (lin, own) = reader_of_own(&admin);
    let book = |title: &str| {
        let changes = Changes::new().set("title", title);
        admin.write(|transaction| transaction.create_record(BOOK, changes.clone())).unwrap()
    };
    let (small, kept, gone) = (book("small"), book("kept"), book("gone"));
    let large = book(&"large ".repeat(30_000));
    admin.write(|transaction| transaction.delete_record(BOOK, gone)).unwrap();
    for _ in 0..4 {
        admin.get(BOOK, kept).unwrap();
    }
    assert!(admin.crm().statistics().unwrap().kept_bytes > 0);
    let noted = |id: RecordId| {
        lin.read(|reader| {
            let noting = Noting(admin.crm().snapshot()?, RefCell::default());
            let found = Reader { snapshot: &noting, ..reader }.get(BOOK, id).map(drop);
            Ok((found.map_err(|error| error.code()), noting.1.into_inner()))
        })
        .unwrap()
    };
    let absent = noted(RecordId::from_bytes([1; 16]));
    assert_eq!(absent.0, Err(Code::RecordNotFound));
    assert!(absent.1.iter().any(|note| note.starts_with("get Records")), "{absent:?}");
    for hidden in [small, kept, large, gone] {
        assert_eq!(noted(hidden), absent);
    }
    assert_eq!(noted(own).0, Ok(()));
    assert_ne!(noted(own).1, absent.1);
    assert_eq!(admin.get(BOOK, large).unwrap().title().len(), 180_000);
}
