//! Who could do what at a moment of the past: a random play is noted while it goes on, and asked for when it is over.

use std::collections::BTreeSet;

use guanxi::api::call;
use guanxi::engine::{
    Action, At, Delegation, Effect, Grant, Level, NewDelegation, NewShare, RoleAssignment, ShareLevel,
    Sharee, Team, TeamMember, TeamRole, Unit, User, UserStatus, Verdict, grant, position_holder,
    role_assignment, team, team_member, team_role, unit, user,
};
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, RecordId, Session, Timestamp};
use guanxi_tests::{House, database, moment, refusal};
use proptest::prelude::*;
use serde_json::json;

/// What happens at a step. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Own { record: usize, owner: usize },
    Superior { user: usize, above: usize },
    UnitOf { user: usize, unit: usize },
    UnitAbove { unit: usize, above: usize },
    Status { user: usize, active: bool },
    Assign { user: usize, role: usize },
    Unassign { number: usize },
    Grant { role: usize, level: usize, deny: bool },
    Regrant { number: usize, level: usize },
    Ungrant { number: usize },
    Join { user: usize, team: usize },
    Leave { number: usize },
    TeamRole { team: usize, role: usize },
    Share { record: usize, with: usize, of_team: bool, ends: bool },
    Unshare { number: usize },
    Delegate { from: usize, to: usize },
    Undelegate { number: usize },
    Hold { user: usize, position: usize, ends: bool },
    Delete { record: usize },
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0..1_000_usize;
    prop_oneof![
        2 => (number.clone(), number.clone()).prop_map(|(record, owner)| Step::Own { record, owner }),
        2 => (number.clone(), number.clone()).prop_map(|(user, above)| Step::Superior { user, above }),
        2 => (number.clone(), number.clone()).prop_map(|(user, unit)| Step::UnitOf { user, unit }),
        1 => (number.clone(), number.clone()).prop_map(|(unit, above)| Step::UnitAbove { unit, above }),
        1 => (number.clone(), any::<bool>()).prop_map(|(user, active)| Step::Status { user, active }),
        3 => (number.clone(), number.clone()).prop_map(|(user, role)| Step::Assign { user, role }),
        2 => number.clone().prop_map(|number| Step::Unassign { number }),
        3 => (number.clone(), 0..6_usize, prop::bool::weighted(0.2))
            .prop_map(|(role, level, deny)| Step::Grant { role, level, deny }),
        1 => (number.clone(), 0..6_usize).prop_map(|(number, level)| Step::Regrant { number, level }),
        1 => number.clone().prop_map(|number| Step::Ungrant { number }),
        2 => (number.clone(), number.clone()).prop_map(|(user, team)| Step::Join { user, team }),
        1 => number.clone().prop_map(|number| Step::Leave { number }),
        1 => (number.clone(), number.clone()).prop_map(|(team, role)| Step::TeamRole { team, role }),
        3 => (number.clone(), number.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(record, with, of_team, ends)| Step::Share { record, with, of_team, ends }),
        1 => number.clone().prop_map(|number| Step::Unshare { number }),
        1 => (number.clone(), number.clone()).prop_map(|(from, to)| Step::Delegate { from, to }),
        1 => number.clone().prop_map(|number| Step::Undelegate { number }),
        2 => (number.clone(), number.clone(), any::<bool>())
            .prop_map(|(user, position, ends)| Step::Hold { user, position, ends }),
        1 => number.prop_map(|record| Step::Delete { record }),
        2 => Just(Step::Wait),
    ]
}

const LEVELS: [Level; 6] =
    [Level::None, Level::Own, Level::OwnAndSubordinates, Level::Unit, Level::UnitAndChildren, Level::All];

struct Play {
    house: House,
    users: Vec<RecordId>,
    sessions: Vec<Session>,
    units: Vec<RecordId>,
    roles: Vec<RecordId>,
    teams: Vec<RecordId>,
    positions: Vec<RecordId>,
    records: Vec<RecordId>,
    now: Timestamp,
}

impl Play {
    fn new() -> Self {
        let house = database();
        let roles: Vec<RecordId> = (0..3).map(|number| house.role(&format!("role {number}"), &[])).collect();
        let sessions: Vec<Session> = (0..4).map(|number| house.user(&format!("u{number}"), &[])).collect();
        let users: Vec<RecordId> = sessions.iter().map(Session::user).collect();
        let units = (0..3).map(|number| house.unit(&format!("unit {number}"))).collect();
        let named = |entity: &str, name: &str| house.create(entity, &Changes::new().set("name", name));
        let teams = (0..2).map(|number| named(Team::NAME, &format!("team {number}"))).collect();
        let above = named("sys.position", "above");
        let below = Changes::new().set("name", "below").set("reports_to", above);
        let positions = vec![above, house.create("sys.position", &below)];
        for (position, role) in positions.iter().zip(&roles) {
            let _ = house
                .create("sys.position_role", &Changes::new().set("position", *position).set("role", *role));
        }
        let record = |number: usize| {
            let changes = Changes::new().set("name", format!("a{number}")).owner(users[number % users.len()]);
            house.create(Account::NAME, &changes)
        };
        let records = (0..3).map(record).collect();
        let now = moment("2026-11-22T04:00:00Z");
        Self { house, users: users.clone(), sessions, units, roles, teams, positions, records, now }
    }

    fn ids_of(&self, entity: &str) -> Vec<RecordId> {
        let page = self.house.admin.list(entity, &guanxi::Find { limit: 1_000, ..guanxi::Find::default() });
        page.unwrap().rows.iter().map(|row| row.record.id).collect()
    }

    /// Deletes one of the records of an entity, by number.
    fn drop_one(&self, entity: &str, number: usize, own: &dyn Fn(RecordId) -> bool) {
        let ids: Vec<RecordId> = self.ids_of(entity).into_iter().filter(|id| own(*id)).collect();
        if let Some(id) = ids.get(number % ids.len().max(1)) {
            let _ = self.house.admin.write(|transaction| transaction.delete_record(entity, *id));
        }
    }

    fn make(&self, entity: &str, changes: &Changes) {
        let _ = self.house.admin.write(|transaction| transaction.create_record(entity, changes.clone()));
    }

    fn set(&self, entity: &str, id: RecordId, changes: &Changes) {
        let _ = self.house.admin.write(|transaction| transaction.update_record(entity, id, changes.clone()));
    }

    fn soon(&self) -> Timestamp {
        Timestamp::from_micros(self.now.micros() + 90_000_000)
    }

    fn user(&self, number: usize) -> RecordId {
        self.users[number % self.users.len()]
    }

    fn unit_at(&self, number: usize) -> RecordId {
        self.units[number % self.units.len()]
    }

    fn role(&self, number: usize) -> RecordId {
        self.roles[number % self.roles.len()]
    }

    fn team_at(&self, number: usize) -> RecordId {
        self.teams[number % self.teams.len()]
    }

    fn record(&self, number: usize) -> RecordId {
        self.records[number % self.records.len()]
    }

    /// Whether a grant or an assignment is of the play, and not of the house.
    fn is_of_play(&self, entity: &str, id: RecordId) -> bool {
        let row = self.house.admin.get(entity, id).unwrap();
        row.value("role").unwrap().as_id().is_some_and(|role| self.roles.contains(&role))
    }

    /// A minute passes, so that no two steps are of one moment, and something happens.
    fn take(&mut self, step: &Step) {
        self.now = Timestamp::from_micros(self.now.micros() + 60_000_000);
        self.house.clock.set(self.now);
        self.take_people(step);
        self.take_rights(step);
        self.take_single(step);
    }

    /// Owners, and the lines of the organisation.
    fn take_people(&self, step: &Step) {
        match step {
            Step::Own { record, owner } => {
                self.set(Account::NAME, self.record(*record), &Changes::new().owner(self.user(*owner)));
            }
            Step::Superior { user, above } => {
                let changes = Changes::new().set(user::REPORTS_TO, self.user(*above));
                self.set(User::NAME, self.user(*user), &changes);
            }
            Step::UnitOf { user, unit } => {
                let changes = Changes::new().set(user::UNIT, self.unit_at(*unit));
                self.set(User::NAME, self.user(*user), &changes);
            }
            Step::UnitAbove { unit, above } => {
                let changes = Changes::new().set(unit::PARENT, self.unit_at(*above));
                self.set(Unit::NAME, self.unit_at(*unit), &changes);
            }
            Step::Status { user, active } => {
                let status = if *active { UserStatus::Active } else { UserStatus::Suspended };
                self.set(User::NAME, self.user(*user), &Changes::new().set(user::STATUS, status));
            }
            Step::Hold { user, position, ends } => {
                let position = self.positions[position % self.positions.len()];
                let changes = Changes::new().set(position_holder::USER, self.user(*user));
                let changes = changes.set(position_holder::POSITION, position);
                let until = if *ends { changes.set(position_holder::UNTIL, self.soon()) } else { changes };
                self.make("sys.position_holder", &until);
            }
            _ => {}
        }
    }

    /// Roles, grants and teams.
    fn take_rights(&self, step: &Step) {
        match step {
            Step::Assign { user, role } => {
                let changes = Changes::new().set(role_assignment::USER, self.user(*user));
                self.make(RoleAssignment::NAME, &changes.set(role_assignment::ROLE, self.role(*role)));
            }
            Step::Unassign { number } => {
                self.drop_one(RoleAssignment::NAME, *number, &|id| self.is_of_play(RoleAssignment::NAME, id));
            }
            Step::Grant { role, level, deny } => {
                let effect = if *deny { Effect::Deny } else { Effect::Allow };
                let changes =
                    Changes::new().set(grant::ROLE, self.role(*role)).set(grant::ENTITY, Account::NAME);
                let changes = changes.set(grant::ACTION, Action::Read).set(grant::LEVEL, LEVELS[*level]);
                self.make(Grant::NAME, &changes.set(grant::EFFECT, effect));
            }
            Step::Regrant { number, level } => {
                let mut ids = self.ids_of(Grant::NAME);
                ids.retain(|id| self.is_of_play(Grant::NAME, *id));
                if let Some(id) = ids.get(number % ids.len().max(1)) {
                    self.set(Grant::NAME, *id, &Changes::new().set(grant::LEVEL, LEVELS[*level]));
                }
            }
            Step::Ungrant { number } => {
                self.drop_one(Grant::NAME, *number, &|id| self.is_of_play(Grant::NAME, id));
            }
            Step::Join { user, team } => {
                let changes = Changes::new().set(team_member::USER, self.user(*user));
                self.make(TeamMember::NAME, &changes.set(team_member::TEAM, self.team_at(*team)));
            }
            Step::Leave { number } => self.drop_one(TeamMember::NAME, *number, &|_| true),
            Step::TeamRole { team, role } => {
                let changes = Changes::new().set(team_role::TEAM, self.team_at(*team));
                self.make(TeamRole::NAME, &changes.set(team_role::ROLE, self.role(*role)));
            }
            _ => {}
        }
    }

    /// Shares, delegations and deletions.
    fn take_single(&self, step: &Step) {
        match step {
            Step::Share { record, with, of_team, ends } => {
                let with = match of_team {
                    true => Sharee::Team(self.team_at(*with)),
                    false => Sharee::User(self.user(*with)),
                };
                let share = NewShare::new(with, ShareLevel::Read);
                let share = if *ends { share.until(self.soon()) } else { share };
                let _ = self.house.admin.share(Account::NAME, self.record(*record), &share);
            }
            Step::Unshare { number } => self.drop_one("sys.share", *number, &|_| true),
            Step::Delegate { from, to } => {
                let delegator = Some(self.user(*from));
                let _ = self.house.admin.delegate(&NewDelegation {
                    delegator,
                    ..NewDelegation::new(self.user(*to), self.soon())
                });
            }
            Step::Undelegate { number } => self.drop_one(Delegation::NAME, *number, &|_| true),
            Step::Delete { record } => {
                let id = self.record(*record);
                let _ = self.house.admin.write(|transaction| transaction.delete_record(Account::NAME, id));
            }
            _ => {}
        }
    }

    /// Who sees each record now, by asking everybody's own session, and for whom delegates see it.
    fn seen(&self) -> Vec<Option<BTreeSet<usize>>> {
        let seen = |record: &RecordId| {
            self.house.admin.get(Account::NAME, *record).ok()?;
            let sees = |session: &&Session| {
                let own = session.get(Account::NAME, *record).is_ok();
                let for_others = self.users.iter().any(|other| {
                    let acting = session.act_for(*other);
                    acting.is_ok_and(|acting| acting.get(Account::NAME, *record).is_ok())
                });
                own || for_others
            };
            let all = self.sessions.iter().enumerate();
            Some(all.filter(|(_, session)| sees(session)).map(|(number, _)| number).collect())
        };
        self.records.iter().map(seen).collect()
    }

    /// Who could see a record then, by what the engine says now.
    fn told(&self, record: RecordId, at: At) -> guanxi::Result<BTreeSet<usize>> {
        let mut found = BTreeSet::new();
        let mut after = None;
        loop {
            let page = self.house.admin.who_might(Account::NAME, record, (Action::Read, at), (after, 2))?;
            assert!(page.undecided.is_empty());
            let numbers = page.rows.iter().filter_map(|row| self.users.iter().position(|id| *id == row.user));
            found.extend(numbers);
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        max_shrink_iters: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn who_could_see_a_record_is_told_of_every_moment_as_it_was_noted_then(
        steps in prop::collection::vec(step(), 12..28)
    ) {
        let mut play = Play::new();
        let mut noted = Vec::new();
        for step in &steps {
            play.take(step);
            // A look leaves an entry behind where it is refused, so the place is taken before it.
            let place = (At::Position(play.house.crm.head().unwrap().position), At::Time(play.now));
            noted.push((place, play.seen()));
        }
        for ((position, time), seen) in &noted {
            for (record, expected) in play.records.iter().zip(seen) {
                match (play.told(*record, *time), expected) {
                    (Ok(told), Some(expected)) => prop_assert_eq!(&told, expected),
                    (Err(error), None) => prop_assert_eq!(error.code(), Code::RecordNotFound),
                    (told, expected) => prop_assert!(false, "{:?} for {:?}", told, expected),
                }
                // By position, what had run out by the clock alone since the last entry still held.
                prop_assert_eq!(play.told(*record, *position).is_ok(), expected.is_some());
            }
        }
    }
}

#[test]
fn the_past_is_explained_by_the_roles_and_shares_of_then() {
    let house = database();
    let role = house.role("all", &[(Account::NAME, Action::Read, Level::All)]);
    let lin = house.user("lin", &[role]);
    let wang = house.user_as("wang", "salesperson");
    let record = house.create(Account::NAME, &Changes::new().set("name", "加喜"));
    house
        .admin
        .share(Account::NAME, record, &NewShare::new(Sharee::User(wang.user()), ShareLevel::Read))
        .unwrap();
    let then = At::Position(house.crm.head().unwrap().position);
    house.admin.unshare(Account::NAME, record, Sharee::User(wang.user())).unwrap();
    let find = guanxi::Find { filter: role_assignment::USER.is(lin.user()), ..guanxi::Find::default() };
    let assignment = house.admin.list(RoleAssignment::NAME, &find).unwrap().rows[0].record.id;
    house.admin.write(|transaction| transaction.delete_record(RoleAssignment::NAME, assignment)).unwrap();
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, record)).unwrap();
    let explain = |user: RecordId, at| {
        house.admin.explain_access_at(user, Account::NAME, record, (Action::Read, at)).unwrap()
    };
    let told = explain(lin.user(), then);
    assert_eq!((told.verdict, told.paths.len(), told.paths[0].role), (Verdict::Granted, 1, role));
    let told = explain(wang.user(), then);
    assert_eq!((told.verdict, told.shares.len()), (Verdict::Granted, 1));
    let given = json!({"entity": "account", "id": record.to_string(), "position": house.crm.head().unwrap().position});
    assert_eq!(refusal(call(&house.admin, "access.who_at", &given)), Code::RecordNotFound);
    let At::Position(position) = then else { panic!("a place by its position") };
    let given = json!({"entity": "account", "id": record.to_string(), "position": position, "user": "wang"});
    let told = call(&house.admin, "access.explain_at", &given).unwrap();
    assert_eq!(
        (told["verdict"].as_str(), told["shares"].as_array().map(Vec::len)),
        (Some("granted"), Some(1))
    );
}

#[test]
fn nobody_is_told_of_others_nor_of_what_is_not_kept_or_has_not_come() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let record = house.create(Account::NAME, &Changes::new().set("name", "加喜").owner(lin.user()));
    let hidden = house.create(Account::NAME, &Changes::new().set("name", "隐"));
    let now = At::Position(house.crm.head().unwrap().position);
    let about =
        |user: RecordId, id: RecordId| lin.explain_access_at(user, Account::NAME, id, (Action::Read, now));
    assert_eq!(about(lin.user(), record).unwrap().verdict, Verdict::Granted);
    assert_eq!(refusal(about(lin.user(), hidden)), Code::RecordNotFound);
    assert_eq!(refusal(about(house.admin.user(), record)), Code::NotPermitted);
    let who = |session: &Session, at| session.who_might(Account::NAME, record, (Action::Read, at), (None, 0));
    assert_eq!(refusal(who(&lin, now)), Code::NotPermitted);
    assert_eq!(refusal(who(&house.admin, At::Position(1_000_000))), Code::InvalidArgument);
    assert_eq!(refusal(who(&house.admin, At::Time(moment("2027-01-01T00:00:00Z")))), Code::InvalidArgument);
    // Of a user who was forgotten nobody can tell any more, and that is told.
    let gone = house.user_as("gone", "salesperson");
    house
        .admin
        .share(Account::NAME, record, &NewShare::new(Sharee::User(gone.user()), ShareLevel::Read))
        .unwrap();
    let then = At::Position(house.crm.head().unwrap().position);
    for (entity, id) in [("sys.role_assignment", "user"), ("sys.share", "user")] {
        let rows = house.admin.list(entity, &guanxi::Find::default()).unwrap().rows;
        for row in rows.iter().filter(|row| row.value(id).unwrap().as_id() == Some(gone.user())) {
            house.admin.write(|transaction| transaction.delete_record(entity, row.record.id)).unwrap();
        }
    }
    house.admin.erase(User::NAME, gone.user()).unwrap();
    assert_eq!(who(&house.admin, then).unwrap().undecided, [gone.user()]);
    let lost = house.admin.explain_access_at(gone.user(), Account::NAME, record, (Action::Read, then));
    assert_eq!(refusal(lost), Code::HistoryExpired);
    // What the settings do not keep is not told either.
    let mut settings = (*house.crm.settings()).clone();
    settings.history_days.insert(User::NAME.to_owned(), 1);
    house.admin.change_settings(settings).unwrap();
    house.clock.set(moment("2026-11-25T00:00:00Z"));
    assert_eq!(refusal(who(&house.admin, then)), Code::HistoryExpired);
    let _ = (team::NAME, house.verified());
}
