//! Positions: whoever holds one has its roles, and reports to who holds the one above.

use guanxi::engine::{
    Action, Level, Position, PositionHolder, PositionRole, User, UserStatus, Verdict, position,
    position_holder, position_role, user,
};
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session, Timestamp};
use guanxi_tests::{House, database, moment, refusal};

const EVERYTHING: Condition = Condition::Everything;

fn post(house: &House, name: &str, above: Option<RecordId>) -> RecordId {
    let changes = Changes::new().set(position::NAME, name);
    let changes = match above {
        Some(above) => changes.set(position::REPORTS_TO, above),
        None => changes,
    };
    house.create(Position::NAME, &changes)
}

fn give(house: &House, position: RecordId, role: RecordId) {
    let changes = Changes::new().set(position_role::POSITION, position).set(position_role::ROLE, role);
    let _ = house.create(PositionRole::NAME, &changes);
}

fn holding(position: RecordId, user: RecordId) -> Changes {
    Changes::new().set(position_holder::POSITION, position).set(position_holder::USER, user)
}

fn counts(session: &Session) -> Option<u64> {
    session.count(Account::NAME, &EVERYTHING).ok()
}

#[test]
fn the_roles_of_a_position_follow_its_holder_for_as_long_as_it_is_held() {
    let house = database();
    let _ = house.create(Account::NAME, &Changes::new().set("name", "x"));
    let reads = house.role("reads", &[(Account::NAME, Action::Read, Level::All)]);
    let desk = post(&house, "desk", None);
    give(&house, desk, reads);
    let (lin, wang) = (house.user("lin", &[]), house.user("wang", &[]));
    assert_eq!((counts(&lin), counts(&wang)), (None, None));
    let (begins, ends) = (moment("2026-11-23T00:00:00Z"), moment("2026-11-24T00:00:00Z"));
    let _ =
        house.create(PositionHolder::NAME, &holding(desk, lin.user()).set(position_holder::UNTIL, begins));
    let later =
        holding(desk, wang.user()).set(position_holder::FROM, begins).set(position_holder::UNTIL, ends);
    let _ = house.create(PositionHolder::NAME, &later);
    assert_eq!((counts(&lin), counts(&wang)), (Some(1), None));
    house.clock.set(begins);
    assert_eq!((counts(&lin), counts(&wang)), (None, Some(1)));
    let record = house.admin.list(Account::NAME, &guanxi::Find::default()).unwrap().rows[0].record.id;
    let told = house.admin.explain_access(wang.user(), Account::NAME, record, Action::Read).unwrap();
    assert_eq!(
        (told.verdict, told.paths[0].position, told.paths[0].team),
        (Verdict::Granted, Some(desk), None)
    );
    house.clock.set(ends);
    assert_eq!((counts(&lin), counts(&wang)), (None, None));
}

#[test]
fn who_has_no_superior_reports_to_the_holder_of_the_position_above_and_past_a_vacant_one() {
    let house = database();
    let line = house.role("line", &[(Account::NAME, Action::Read, Level::OwnAndSubordinates)]);
    let (head, middle) = (house.user("head", &[line]), house.user("middle", &[line]));
    let (clerk, other) = (house.user("clerk", &[line]), house.user("other", &[line]));
    let top = post(&house, "top", None);
    let centre = post(&house, "centre", Some(top));
    let desk = post(&house, "desk", Some(centre));
    let _ = house.create(Account::NAME, &Changes::new().set("name", "x").owner(clerk.user()));
    for (position, user) in [(top, head.user()), (desk, clerk.user())] {
        let _ = house.create(PositionHolder::NAME, &holding(position, user));
    }
    let seen = || [&head, &middle, &clerk, &other].map(|session| counts(session).unwrap());
    assert_eq!(seen(), [1, 0, 1, 0], "the position between is vacant");
    let held = house.create(PositionHolder::NAME, &holding(centre, middle.user()));
    assert_eq!(seen(), [1, 1, 1, 0]);
    // A superior of one's own goes before that of the position.
    house.change(User::NAME, clerk.user(), &Changes::new().set(user::REPORTS_TO, other.user()));
    assert_eq!(seen(), [0, 0, 1, 1]);
    house.change(User::NAME, clerk.user(), &Changes::new().set(user::REPORTS_TO, guanxi::Value::Null));
    house.admin.write(|transaction| transaction.delete_record(PositionHolder::NAME, held)).unwrap();
    assert_eq!(seen(), [1, 0, 1, 0]);
    // Circles of positions end.
    house.change(Position::NAME, top, &Changes::new().set(position::REPORTS_TO, desk));
    let _ = seen();
}

#[test]
fn a_position_is_given_within_ones_own_rights_and_from_now_on() {
    let house = database();
    let keeps: Vec<_> = ["sys.user", "sys.position", "sys.position_holder", "sys.position_role", "sys.role"]
        .into_iter()
        .flat_map(|entity| {
            [Action::Create, Action::Read, Action::Update].map(|action| (entity, action, Level::All))
        })
        .collect();
    let keeper = house.user("keeper", &[house.role("keeper", &keeps)]);
    let lin = house.user("lin", &[]);
    let (all, none) = (house.role("all", &[("*", Action::Read, Level::All)]), house.role("none", &[]));
    let (strong, weak) = (post(&house, "strong", None), post(&house, "weak", None));
    give(&house, strong, all);
    give(&house, weak, none);
    let gives = |changes: Changes| {
        keeper.write(|transaction| transaction.create_record(PositionHolder::NAME, changes.clone()))
    };
    gives(holding(weak, lin.user())).unwrap();
    for user in [lin.user(), keeper.user()] {
        assert_eq!(refusal(gives(holding(strong, user))), Code::BeyondOwnRights);
        let later = holding(strong, user).set(position_holder::FROM, moment("2027-01-01T00:00:00Z"));
        assert_eq!(refusal(gives(later)), Code::BeyondOwnRights, "nor for later on");
    }
    let role = Changes::new().set(position_role::POSITION, weak).set(position_role::ROLE, all);
    let given = keeper.write(|transaction| transaction.create_record(PositionRole::NAME, role.clone()));
    assert_eq!(refusal(given), Code::BeyondOwnRights);
}

#[test]
fn who_leaves_holds_no_position_any_more() {
    let house = database();
    let role = house.role("all", &[("*", Action::Read, Level::All)]);
    let desk = post(&house, "desk", None);
    give(&house, desk, role);
    let lin = house.user("lin", &[]);
    let _ = house.create(PositionHolder::NAME, &holding(desk, lin.user()));
    house.admin.offboard(lin.user(), &guanxi::engine::OffboardingPlan::default()).unwrap();
    house.change(User::NAME, lin.user(), &Changes::new().set(user::STATUS, UserStatus::Active));
    let back = house.crm.session_for("lin").unwrap();
    assert_eq!(counts(&back), None, "who comes back begins with nothing");
    let _: Timestamp = moment("2026-11-22T04:00:00Z");
    let _ = house.verified();
}
