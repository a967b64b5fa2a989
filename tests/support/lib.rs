//! What the tests share: a database in a temporary folder, its people, and the way to the real data.
//!
//! Everything here goes through the public API of the engine, as a host would.
#![expect(clippy::expect_used, reason = "a test whose stage cannot be set has nothing to say")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use guanxi::base::{ManualClock, Timestamp};
use guanxi::engine::{Action, Effect, Grant, Level, Partition, Role, RoleAssignment, Unit, User, UserStatus};
use guanxi::engine::{grant, partition, role, role_assignment, unit, user};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Crm, Key, KeyCost, Options, Patience, RecordId, Result, Session};
use tempfile::TempDir;

/// The name of the first administrator.
pub const ADMIN: &str = "admin";
/// The first administrator's password.
pub const PASSWORD: &str = "a long password";
/// The key of every database of the tests.
pub const KEY: [u8; 32] = [0x07; 32];
/// The moment at which the clock of a test stands, 2026-11-22T00:00:00Z.
pub const NOON: &str = "2026-11-22T04:00:00Z";

/// A cost at which a guess takes no time, for tests only.
#[must_use]
pub fn no_cost() -> KeyCost {
    KeyCost { memory_kib: 64, passes: 1, lanes: 1 }
}

/// Options for a database of the built-in model that trusts its host and costs no time to open.
#[must_use]
pub fn options() -> Options {
    guanxi::options()
        .key(Key::raw(KEY))
        .key_cost(no_cost())
        .administrator(ADMIN, PASSWORD)
        .cache_bytes(4 << 20)
        .trust_host()
}

/// An open database in a folder that goes when this goes.
pub struct House {
    /// The database.
    pub crm: Crm,
    /// The first administrator's session.
    pub admin: Session,
    /// The clock, which stands still until a test moves it.
    pub clock: Arc<ManualClock>,
    folder: TempDir,
}

/// A new database of the built-in model.
#[must_use]
pub fn database() -> House {
    House::with(|options| options)
}

/// The moment that a text names.
#[must_use]
pub fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment in RFC 3339")
}

impl House {
    /// A new database with further options.
    #[must_use]
    pub fn with(adjust: impl FnOnce(Options) -> Options) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(ManualClock::at(moment(NOON)));
        let options = adjust(options().clock(clock.clone()));
        let crm = options.create(folder.path().join("house.guanxi")).expect("a new database");
        let admin = crm.session_for(ADMIN).expect("the administrator's session");
        Self { crm, admin, clock, folder }
    }

    /// The same database, closed and opened anew.
    #[must_use]
    pub fn reopened(self) -> Self {
        self.reopened_after(|| {})
    }

    /// The same database, opened anew after something was done to its files while it was closed.
    #[must_use]
    pub fn reopened_after(self, meanwhile: impl FnOnce()) -> Self {
        self.reopened_with(|options| {
            meanwhile();
            options
        })
    }

    /// The same database, opened anew with further options.
    #[must_use]
    pub fn reopened_with(self, adjust: impl FnOnce(Options) -> Options) -> Self {
        let (path, clock, folder) = (self.path(), self.clock, self.folder);
        drop((self.admin, self.crm));
        let crm = adjust(options().clock(clock.clone())).open(path).expect("the database once more");
        let admin = crm.session_for(ADMIN).expect("the administrator's session");
        Self { crm, admin, clock, folder }
    }

    /// Where the database lies.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.crm.path().to_owned()
    }

    /// The folder around the database.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Creates a role with grants: entity, action, level.
    #[must_use]
    pub fn role(&self, name: &str, grants: &[(&str, Action, Level)]) -> RecordId {
        self.role_hiding(name, grants, "")
    }

    /// Creates a role whose grants hide fields, which are named with commas between them.
    #[must_use]
    pub fn role_hiding(&self, name: &str, grants: &[(&str, Action, Level)], hidden: &str) -> RecordId {
        let made = self.admin.write(|transaction| {
            let role = transaction.create_record(Role::NAME, Changes::new().set(role::NAME, name))?;
            for (entity, action, level) in grants {
                let grant = Changes::new()
                    .set(grant::ROLE, role)
                    .set(grant::ENTITY, *entity)
                    .set(grant::ACTION, *action)
                    .set(grant::LEVEL, *level)
                    .set(grant::HIDDEN_FIELDS, hidden);
                transaction.create_record(Grant::NAME, grant)?;
            }
            Ok(role)
        });
        made.expect("a role")
    }

    /// Lets a role do something, or forbids it: entity, action, level, and fields that are hidden.
    pub fn grant(&self, role: RecordId, effect: Effect, given: (&str, Action, Level), hidden: &str) {
        let (entity, action, level) = given;
        let grant = Changes::new()
            .set(grant::ROLE, role)
            .set(grant::ENTITY, entity)
            .set(grant::ACTION, action)
            .set(grant::LEVEL, level)
            .set(grant::EFFECT, effect)
            .set(grant::HIDDEN_FIELDS, hidden);
        let made = self.admin.write(|transaction| transaction.create_record(Grant::NAME, grant.clone()));
        made.expect("a grant");
    }

    /// Creates a partition.
    #[must_use]
    pub fn partition(&self, name: &str) -> RecordId {
        let made = Changes::new().set(partition::NAME, name);
        let made = self.admin.write(|transaction| transaction.create_record(Partition::NAME, made.clone()));
        made.expect("a partition")
    }

    /// Creates a unit.
    #[must_use]
    pub fn unit(&self, name: &str) -> RecordId {
        let unit = Changes::new().set(unit::NAME, name);
        self.admin.write(|transaction| transaction.create_record(Unit::NAME, unit.clone())).expect("a unit")
    }

    /// Creates an active user who has roles, and gives the user's session.
    #[must_use]
    pub fn user(&self, name: &str, roles: &[RecordId]) -> Session {
        let made = self.admin.write(|transaction| {
            let changes = Changes::new().set(user::NAME, name).set(user::STATUS, UserStatus::Active);
            let user = transaction.create_record(User::NAME, changes)?;
            for role in roles {
                let changes =
                    Changes::new().set(role_assignment::USER, user).set(role_assignment::ROLE, *role);
                transaction.create_record(RoleAssignment::NAME, changes)?;
            }
            Ok(user)
        });
        made.expect("a user");
        self.crm.session_for(name).expect("the user's session")
    }

    /// Creates an active user who has one of the roles that a new database begins with.
    #[must_use]
    pub fn user_as(&self, name: &str, role: &str) -> Session {
        let found = self.admin.read(|reader| reader.find_by_title(Role::NAME, role)).expect("the roles");
        self.user(name, &found)
    }

    /// Creates a user with a role that lets actions be done to records of one's own, whatever the entity.
    #[must_use]
    pub fn user_who_may(&self, name: &str, actions: &[Action]) -> Session {
        let own: Vec<_> = actions.iter().map(|action| ("*", *action, Level::Own)).collect();
        self.user(name, &[self.role(&format!("role of {name}"), &own)])
    }

    /// Somebody who does all work to their own records, and may share them.
    #[must_use]
    pub fn worker(&self, name: &str) -> Session {
        use Action::{Assign, Create, Delete, Lock, Read, Share, Update};
        self.user_who_may(name, &[Create, Read, Update, Delete, Assign, Share, Lock])
    }

    /// Changes one record as the administrator.
    pub fn change(&self, entity: &str, id: RecordId, changes: &Changes) {
        let changed = self.admin.write(|transaction| transaction.update_record(entity, id, changes.clone()));
        changed.expect("a change by the administrator");
    }

    /// Creates one record as the administrator.
    #[must_use]
    pub fn create(&self, entity: &str, changes: &Changes) -> RecordId {
        let made = self.admin.write(|transaction| transaction.create_record(entity, changes.clone()));
        made.expect("a record by the administrator")
    }

    /// Verifies the whole database, and gives the number of its records.
    #[must_use]
    pub fn verified(&self) -> u64 {
        let report = self.crm.verify(&Patience::default());
        report.expect("a database that verifies").records
    }
}

/// The code of a refusal; a success is a failure of the test.
#[must_use]
pub fn refusal<T>(result: Result<T>) -> Code {
    result.err().expect("a refusal").code()
}

/// A place among the real data beside the repository. Where there is no such data, it says that the test is
/// skipped; where there is and this place is absent, the test fails.
///
/// # Panics
/// Where `../shared` is there without this place.
#[must_use]
pub fn shared_data(place: &str) -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let path = shared.join("data").join(place);
    if path.exists() {
        return Some(path);
    }
    assert!(!shared.exists(), "../shared is there, and data/{place} is not");
    // The harness keeps what the macros print of a test that passes to itself.
    let _ = writeln!(std::io::stderr(), "skipped: ../shared/data/{place} is absent");
    None
}
