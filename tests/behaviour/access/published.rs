//! Decisions that others have published: the tests of casbin's models, as far as they say something of this one.
//!
//! The data has requests and answers; what policy each of them is asked against is said here, in the words of roles,
//! denials, partitions and shares. A resource is an entity with one record; to read it is to read that record, and to
//! write it is to make another one, since whoever changes a record has to see it first.

use std::fs;

use guanxi::engine::{
    Action, Effect, Level, NewShare, RoleAssignment, ShareLevel, Sharee, User, role_assignment, user,
};
use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{Changes, RecordId, Session, WriteOptions};
use guanxi_tests::{House, database, shared_data};
use serde_json::Value as Json;

/// Models whose rules this one does not have; docs/security.md says why.
const OF_OTHER_MODELS: [&str; 8] = [
    // Whatever is not forbidden is allowed.
    "TestRBACModelWithOnlyDeny",
    // Nobody in particular asks.
    "TestBasicModelWithoutUsers",
    // Patterns over paths and addresses.
    "TestKeyMatchModel",
    "TestKeyMatch2Model",
    "TestIPMatchModel",
    "TestGlobMatchModel",
    // The first rule that says something decides.
    "TestPriorityModel",
    "TestPriorityModelIndeterminate",
];

/// What a case is asked of.
struct Stage {
    house: House,
    alice: Session,
    bob: Session,
    data: [RecordId; 2],
    docs: [RecordId; 3],
}

const READ: Action = Action::Read;
const WRITE: Action = Action::Create;

impl Stage {
    fn empty() -> Self {
        let house = database();
        let [alice, bob] = ["alice", "bob"].map(|name| house.user(name, &[]));
        let record = |entity: &str, name: &str| house.create(entity, &Changes::new().set("name", name));
        let data = [record(Account::NAME, "data1"), record(Contact::NAME, "data2")];
        let docs = ["doc1", "doc2", "doc3"].map(|name| record(Account::NAME, name));
        Self { house, alice, bob, data, docs }
    }

    /// Gives somebody a role with one grant.
    fn lets(&self, who: &Session, effect: Effect, (entity, action, level): (&str, Action, Level)) {
        let role = self.house.role(&format!("{entity} {} {}", action.code(), who.user()), &[]);
        self.house.grant(role, effect, (entity, action, level), "");
        let assigned = Changes::new().set(role_assignment::USER, who.user()).set(role_assignment::ROLE, role);
        let _ = self.house.create(RoleAssignment::NAME, &assigned);
    }

    fn allows(&self, who: &Session, entity: &str, action: Action) {
        self.lets(who, Effect::Allow, (entity, action, Level::All));
    }

    /// Alice reads the first resource and Bob writes the second one.
    fn basic() -> Self {
        let stage = Self::empty();
        stage.allows(&stage.alice, Account::NAME, READ);
        stage.allows(&stage.bob, Contact::NAME, WRITE);
        stage
    }

    /// Alice administers the second resource, too, by a role.
    fn with_roles() -> Self {
        let stage = Self::basic();
        let all = [READ, WRITE].map(|action| (Contact::NAME, action, Level::All));
        let administers = stage.house.role("data2_admin", &all);
        let assigned = Changes::new()
            .set(role_assignment::USER, stage.alice.user())
            .set(role_assignment::ROLE, administers);
        let _ = stage.house.create(RoleAssignment::NAME, &assigned);
        stage
    }

    /// Each works in a partition of their own, where they administer one resource.
    fn with_domains() -> Self {
        let mut stage = Self::empty();
        let kept = [(Account::NAME, 0_usize), (Contact::NAME, 1)];
        for ((entity, place), name) in kept.into_iter().zip(["domain1", "domain2"]) {
            let partition = stage.house.partition(name);
            let who = if place == 0 { &stage.alice } else { &stage.bob };
            stage.house.change(User::NAME, who.user(), &Changes::new().set(user::PARTITION, partition));
            stage.allows(who, entity, READ);
            stage.allows(who, entity, WRITE);
            let made = who
                .write(|transaction| transaction.create_record(entity, Changes::new().set("name", "data")));
            stage.data[place] = made.unwrap();
        }
        stage
    }

    /// Single records are shared with whoever works on them.
    fn with_relations() -> Self {
        let stage = Self::empty();
        for (who, record) in [(&stage.alice, stage.docs[0]), (&stage.bob, stage.docs[1])] {
            for action in [Action::Read, Action::Update] {
                stage.lets(who, Effect::Allow, (Account::NAME, action, Level::Own));
            }
            let share = NewShare::new(Sharee::User(who.user()), ShareLevel::Read);
            stage.house.admin.share(Account::NAME, record, &share).unwrap();
        }
        stage
    }

    /// The policy of a case; nothing for one of another model.
    fn of(case: &str) -> Option<Self> {
        Some(match case {
            "TestBasicModel"
            | "TestBasicModelWithoutSpaces"
            | "TestCommentModel"
            | "TestBasicModelWithRoot" => Self::basic(),
            "TestBasicModelNoPolicy" | "TestBasicModelWithRootNoPolicy" => Self::empty(),
            "TestBasicModelWithoutResources" => {
                let stage = Self::empty();
                stage.allows(&stage.alice, "*", READ);
                stage.allows(&stage.bob, "*", WRITE);
                stage
            }
            "TestRBACModel" | "TestRBACModelInMultiLines" => Self::with_roles(),
            "TestRBACModelWithResourceRoles" => {
                // Both resources are in the one group that there is.
                let stage = Self::basic();
                stage.allows(&stage.alice, "*", WRITE);
                stage
            }
            "TestRBACModelWithDeny" => {
                let stage = Self::with_roles();
                stage.lets(&stage.alice, Effect::Deny, (Contact::NAME, WRITE, Level::All));
                stage
            }
            "TestRBACModelWithDomains" => Self::with_domains(),
            "TestReBACModel" => Self::with_relations(),
            _ => return None,
        })
    }

    /// What is decided of a request: who, where that is said, what, where that is said, and the action.
    fn decides(&self, request: &[&str]) -> bool {
        let (who, what, action) = match request {
            [who, action] => (who, &"data1", action),
            [who, .., what, action] => (who, what, action),
            _ => panic!("{request:?}"),
        };
        let session = match *who {
            "alice" => &self.alice,
            "bob" => &self.bob,
            "root" => &self.house.admin,
            other => panic!("{other}"),
        };
        let (entity, record) = match *what {
            "data1" => (Account::NAME, self.data[0]),
            "data2" => (Contact::NAME, self.data[1]),
            doc => (Account::NAME, self.docs[doc.trim_start_matches("doc").parse::<usize>().unwrap() - 1]),
        };
        let mut transaction = session.begin(WriteOptions::default()).unwrap();
        match *action {
            "read" => session.get(entity, record).is_ok(),
            "write" if what.starts_with("doc") => {
                transaction.update_record(entity, record, Changes::new().set("name", "changed")).is_ok()
            }
            "write" => transaction.create_record(entity, Changes::new().set("name", "new")).is_ok(),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn what_others_decided_in_published_cases_is_decided_here_alike() {
    let Some(path) = shared_data("authz/casbin_vectors.json") else { return };
    let cases: Json = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let (mut decided, mut of_others) = (0, 0);
    for case in cases["cases"].as_array().unwrap() {
        let name = case["test"].as_str().unwrap();
        let Some(stage) = Stage::of(name) else {
            assert!(
                OF_OTHER_MODELS.contains(&name),
                "{name} is neither decided nor said to be of another model"
            );
            of_others += 1;
            continue;
        };
        for vector in case["vectors"].as_array().unwrap() {
            let request = vector[0].as_array().unwrap().iter().map(|part| part.as_str().unwrap());
            let request: Vec<&str> = request.collect();
            assert_eq!(Json::from(stage.decides(&request)), vector[1], "{name}: {request:?}");
            decided += 1;
        }
    }
    assert_eq!((decided, of_others), (112, OF_OTHER_MODELS.len()));
}
