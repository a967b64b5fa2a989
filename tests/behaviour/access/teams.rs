//! Teams: their members have their roles, and what is shared with them.

use guanxi::engine::{
    Action, Level, NewShare, ShareLevel, Sharee, Team, TeamMember, TeamRole, Verdict, team, team_member,
    team_role,
};
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session};
use guanxi_tests::{House, database, refusal};
use serde_json::json;

const EVERYTHING: Condition = Condition::Everything;

fn team_of(house: &House, name: &str) -> RecordId {
    house.create(Team::NAME, &Changes::new().set(team::NAME, name))
}

fn join(house: &House, team: RecordId, session: &Session) -> RecordId {
    let member = Changes::new().set(team_member::TEAM, team).set(team_member::USER, session.user());
    house.create(TeamMember::NAME, &member)
}

fn leave(house: &House, member: RecordId) {
    house.admin.write(|transaction| transaction.delete_record(TeamMember::NAME, member)).unwrap();
}

fn account(house: &House) -> RecordId {
    house.create(Account::NAME, &Changes::new().set("name", "加喜"))
}

#[test]
fn a_member_has_the_roles_of_the_team_from_the_next_call_on_and_no_longer_than_that() {
    let house = database();
    let record = account(&house);
    let wang = house.user("wang", &[]);
    let team = team_of(&house, "south");
    let reads = house.role("reads", &[("crm.account", Action::Read, Level::All)]);
    let has = Changes::new().set(team_role::TEAM, team).set(team_role::ROLE, reads);
    let has = house.create(TeamRole::NAME, &has);
    assert_eq!(refusal(wang.get(Account::NAME, record)), Code::NotPermitted);
    let member = join(&house, team, &wang);
    assert_eq!(wang.get(Account::NAME, record).unwrap().title(), "加喜");
    let told = house.admin.explain_access(wang.user(), Account::NAME, record, Action::Read).unwrap();
    assert_eq!((told.verdict, told.paths[0].role, told.paths[0].team), (Verdict::Granted, reads, Some(team)));
    leave(&house, member);
    assert_eq!(refusal(wang.get(Account::NAME, record)), Code::NotPermitted);
    let _ = join(&house, team, &wang);
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 1);
    house.admin.write(|transaction| transaction.delete_record(TeamRole::NAME, has)).unwrap();
    assert_eq!(refusal(wang.count(Account::NAME, &EVERYTHING)), Code::NotPermitted);
    house.admin.write(|transaction| transaction.delete_record(Team::NAME, team)).unwrap();
    let _ = house.verified();
}

#[test]
fn what_is_shared_with_a_team_is_shared_with_whoever_belongs_to_it_now() {
    let house = database();
    let record = account(&house);
    let reads = house.role("reads", &[("crm.account", Action::Read, Level::Own)]);
    let (wang, li) = (house.user("wang", &[reads]), house.user("li", &[reads]));
    let team = team_of(&house, "south");
    let member = join(&house, team, &wang);
    let with = Sharee::Team(team);
    house.admin.share(Account::NAME, record, &NewShare::new(with, ShareLevel::Read)).unwrap();
    let counts = || [&wang, &li].map(|session| session.count(Account::NAME, &EVERYTHING).unwrap());
    assert_eq!(counts(), [1, 0]);
    let told = house.admin.explain_access(wang.user(), Account::NAME, record, Action::Read).unwrap();
    assert_eq!((told.paths.len(), told.shares[0].team), (0, Some(team)));
    leave(&house, member);
    assert_eq!(counts(), [0, 0]);
    let _ = join(&house, team, &li);
    assert_eq!(counts(), [0, 1]);
    house.admin.unshare(Account::NAME, record, with).unwrap();
    assert_eq!(counts(), [0, 0]);
}

#[test]
fn who_keeps_teams_gives_by_them_nothing_that_they_have_not() {
    let house = database();
    let keeps = ["sys.team", "sys.team_member", "sys.team_role", "sys.user", "sys.role"];
    let keeps: Vec<(&str, Action, Level)> = keeps
        .iter()
        .flat_map(|entity| [Action::Create, Action::Read].map(|action| (*entity, action, Level::All)))
        .collect();
    let keeper = house.user("keeper", &[house.role("keeper", &keeps)]);
    let wang = house.user("wang", &[]);
    let wide = house.role("wide", &[("*", Action::Read, Level::All)]);
    let team = team_of(&house, "wide");
    let _ =
        house.create(TeamRole::NAME, &Changes::new().set(team_role::TEAM, team).set(team_role::ROLE, wide));
    for session in [&keeper, &wang] {
        let member = Changes::new().set(team_member::TEAM, team).set(team_member::USER, session.user());
        let joined = keeper.write(|transaction| transaction.create_record(TeamMember::NAME, member.clone()));
        assert_eq!(refusal(joined), Code::BeyondOwnRights);
    }
    let own = team_of(&house, "own");
    let _ = join(&house, own, &wang);
    let has = Changes::new().set(team_role::TEAM, own).set(team_role::ROLE, wide);
    let given = keeper.write(|transaction| transaction.create_record(TeamRole::NAME, has.clone()));
    assert_eq!(refusal(given), Code::BeyondOwnRights);
}

#[test]
fn a_simulation_tells_what_memberships_and_shares_would_open_and_close() {
    let house = database();
    let record = account(&house);
    let _ = account(&house);
    let reads = house.role("reads", &[("crm.account", Action::Read, Level::Own)]);
    let wang = house.user("wang", &[reads]);
    let team = team_of(&house, "south");
    let simulate = |changes: serde_json::Value| {
        let told = guanxi::api::call(&house.admin, "access.simulate", &json!({"changes": changes})).unwrap();
        let rows = told["rows"].as_array().unwrap().clone();
        let of_wang = |row: &&serde_json::Value| row["user"] == json!(wang.user().to_string());
        rows.iter().find(of_wang).map(|row| {
            (row["opened"].as_u64().unwrap(), row["closed"].as_u64().unwrap(), row["opened_samples"].clone())
        })
    };
    let ids = json!([record.to_string()]);
    let share = json!([{"do": "create", "entity": "sys.share", "values": {
        "entity": "crm.account", "record": record.to_string(), "level": "read", "user": wang.user().to_string(),
    }}]);
    assert_eq!(simulate(share), Some((1, 0, ids.clone())));
    let with = Sharee::Team(team);
    let share = house.admin.share(Account::NAME, record, &NewShare::new(with, ShareLevel::Read)).unwrap();
    let joins = json!([{"do": "create", "entity": "sys.team_member", "values": {
        "team": team.to_string(), "user": wang.user().to_string(),
    }}]);
    assert_eq!(simulate(joins), Some((1, 0, ids)));
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 0);
    let _ = join(&house, team, &wang);
    let taken = json!([{"do": "delete", "entity": "sys.share", "id": share.to_string()}]);
    assert_eq!(simulate(taken), Some((0, 1, json!([]))));
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 1);
}
