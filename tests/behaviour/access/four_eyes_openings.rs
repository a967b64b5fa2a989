//! Two people for what opens records beside roles, and for packages that carry grants: sharing rules, references by which
//! records follow others, and members of pools.

use guanxi::api::call;
use guanxi::engine::{
    Action, Bulk, ConfigurationChange, InheritedAccess, Level, NewInheritance, NewSharingRule, Pool,
    PoolMember, Principals, Selection, ShareLevel, SharingRule, SharingRuleChange, pool, pool_member,
    sharing_rule,
};
use guanxi::features::exchange::ImportOptions;
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Result, Session};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

fn set_policy(house: &House, kinds: &[&str]) {
    let values = [("access.four_eyes".to_owned(), Some(json!(kinds)))].into();
    let change = ConfigurationChange { values, ..ConfigurationChange::default() };
    let _ = house.admin.change_configuration(&change).unwrap();
}

fn rule(name: &str, with: Principals, level: ShareLevel) -> NewSharingRule {
    let (name, entity) = (name.to_owned(), "account".to_owned());
    NewSharingRule { name, entity, criteria: "employees >= 100".to_owned(), with, level, reason: None }
}

/// A house in which two people decide what opens records, with a rule that is on and one that is off, a reference by
/// which contacts follow, and a pool with a member.
struct Guarded {
    house: House,
    second: Session,
    lin: Session,
    on: RecordId,
    off: RecordId,
    follows: RecordId,
    pool: RecordId,
    member: RecordId,
    team: RecordId,
}

fn guarded() -> Guarded {
    let house = database();
    let (second, lin) = (house.user_as("second", "administrator"), house.user_as("lin", "salesperson"));
    let team = house.create("sys.team", &Changes::new().set("name", "team"));
    let admin = &house.admin;
    let with = Principals::User(lin.user());
    let on = admin.define_sharing_rule(&rule("on", with, ShareLevel::Edit)).unwrap();
    let off = admin.define_sharing_rule(&rule("off", with, ShareLevel::Edit)).unwrap();
    let change = SharingRuleChange { off: Some(true), ..SharingRuleChange::default() };
    let _ = admin.change_sharing_rule(off, &change).unwrap();
    let (entity, field) = ("contact".to_owned(), "account".to_owned());
    let setting = NewInheritance { entity, field, level: ShareLevel::Edit, reason: None };
    let follows = admin.inherit_access(&setting).unwrap();
    let pool = house.create(Pool::NAME, &Changes::new().set(pool::NAME, "east"));
    let member = Changes::new().set(pool_member::POOL, pool).set(pool_member::USER, lin.user());
    let member = house.create(PoolMember::NAME, &member);
    set_policy(&house, &["sharing_rules", "inherited_access", "pools"]);
    Guarded { house, second, lin, on, off, follows, pool, member, team }
}

impl Guarded {
    fn refuses<T>(&self, door: &str, outcome: Result<T>) {
        match outcome {
            Err(error) => assert_eq!(error.code(), Code::FourEyes, "{door}: {error}"),
            Ok(_) => panic!("{door} is open"),
        }
    }

    fn set(&self, entity: &str, id: RecordId, changes: &Changes) -> Result<()> {
        let admin = &self.house.admin;
        admin.write(|transaction| transaction.update_record(entity, id, changes.clone()).map(drop))
    }

    fn make(&self, entity: &str, changes: &Changes) -> Result<RecordId> {
        self.house.admin.write(|transaction| transaction.create_record(entity, changes.clone()))
    }

    fn remove(&self, entity: &str, id: RecordId) -> Result<()> {
        self.house.admin.write(|transaction| transaction.delete_record(entity, id))
    }
}

#[test]
fn what_opens_records_waits_for_a_second_person_whatever_the_verb() {
    let house = guarded();
    let (admin, lin) = (&house.house.admin, house.lin.user());
    let with = Principals::User(lin);
    house.refuses("a rule", admin.define_sharing_rule(&rule("new", with, ShareLevel::Read)));
    let change = SharingRuleChange::default;
    for (door, id, change) in [
        ("a higher level", house.on, SharingRuleChange { level: Some(ShareLevel::Full), ..change() }),
        ("others", house.on, SharingRuleChange { with: Some(Principals::Team(house.team)), ..change() }),
        (
            "another condition",
            house.on,
            SharingRuleChange { criteria: Some("employees >= 1".into()), ..change() },
        ),
        ("one that is switched on", house.off, SharingRuleChange { off: Some(false), ..change() }),
    ] {
        house.refuses(door, admin.change_sharing_rule(id, &change));
    }
    let (entity, field) = ("opportunity".to_owned(), "account".to_owned());
    let setting = NewInheritance { entity, field, level: ShareLevel::Read, reason: None };
    house.refuses("a reference", admin.inherit_access(&setting));
    house.refuses("a higher level", admin.change_inheritance(house.follows, Some(ShareLevel::Full), None));
    let member = Changes::new().set(pool_member::POOL, house.pool).set(pool_member::TEAM, house.team);
    house.refuses("a member", house.make(PoolMember::NAME, &member));
    let other = Changes::new().set(pool_member::USER, house.second.user());
    house.refuses("another member", house.set(PoolMember::NAME, house.member, &other));
    // One that was switched off in the same transaction as it was made is on, as far as the commit is concerned.
    let both = admin.write(|transaction| {
        let off = Changes::new().set(sharing_rule::OFF, true);
        transaction.update_record(SharingRule::NAME, house.on, off)?;
        transaction.update_record(SharingRule::NAME, house.on, Changes::new().set(sharing_rule::OFF, false))
    });
    house.refuses("off and on", both);
}

#[test]
fn the_doors_of_all_records_and_of_methods_are_closed_as_well() {
    let house = guarded();
    let (admin, lin) = (&house.house.admin, house.lin.user());
    let stated = Changes::new()
        .set(sharing_rule::NAME, "by the door of all records")
        .set(sharing_rule::ENTITY, "account")
        .set(sharing_rule::CRITERIA, "employees >= 1")
        .set(sharing_rule::LEVEL, ShareLevel::Read)
        .set(sharing_rule::USER, lin);
    house.refuses("a rule", house.make(SharingRule::NAME, &stated));
    house.refuses(
        "on",
        house.set(SharingRule::NAME, house.off, &Changes::new().set(sharing_rule::OFF, false)),
    );
    let upserted = admin.write(|transaction| {
        transaction.upsert_record(SharingRule::NAME, "x", "1", stated.clone()).map(drop)
    });
    house.refuses("an upsert", upserted);
    let (on, off, follows) = (house.on.to_string(), house.off.to_string(), house.follows.to_string());
    for (method, given) in [
        (
            "access.rule.define",
            json!({"name": "x", "entity": "account", "criteria": "employees >= 1", "level": "read", "user": "lin"}),
        ),
        ("access.rule.change", json!({"id": on, "level": "full"})),
        ("access.rule.change", json!({"id": off, "off": false})),
        ("access.inherit.define", json!({"entity": "opportunity", "field": "account", "level": "read"})),
        ("access.inherit.change", json!({"id": follows, "level": "full"})),
        (
            "record.create",
            json!({"entity": "sys.pool_member", "values": {"pool": house.pool.to_string(), "user": lin.to_string()}}),
        ),
        (
            "record.update",
            json!({"entity": "sys.inherited_access", "id": follows, "values": {"level": "full"}}),
        ),
    ] {
        house.refuses(method, call(admin, method, &given));
    }
    let csv = format!("pool,user\n{},{}\n", house.pool, house.second.user());
    let imported = admin.import_csv(PoolMember::NAME, csv.as_bytes(), &ImportOptions::default(), &mut |_| {});
    assert!(imported.is_err() || imported.unwrap().taken == 0, "an import");
    let all = Selection::Matching(Condition::Everything);
    let higher = Changes::new().set("level", "full");
    for entity in [SharingRule::NAME, InheritedAccess::NAME] {
        let bulk = admin.bulk_update(entity, &all, &higher, &Bulk::default());
        assert!(
            bulk.is_err() || bulk.unwrap().rows.iter().all(|row| row.outcome.is_err()),
            "{entity} in bulk"
        );
    }
    let standing = admin.sharing_rules().unwrap();
    assert!(standing.iter().all(|rule| rule.level == ShareLevel::Edit) && standing.len() == 2);
    assert_eq!(admin.inheritances().unwrap()[0].level, ShareLevel::Edit);
    assert_eq!(admin.count(PoolMember::NAME, &Condition::Everything).unwrap(), 1);
    let _ = house.house.verified();
}

#[test]
fn what_closes_records_waits_for_nobody() {
    let house = guarded();
    let admin = &house.house.admin;
    let change = SharingRuleChange::default;
    let lower = SharingRuleChange { level: Some(ShareLevel::Read), ..change() };
    let _ = admin.change_sharing_rule(house.on, &lower).unwrap();
    let named = SharingRuleChange { name: Some("renamed".into()), reason: Some("x".into()), ..change() };
    let _ = admin.change_sharing_rule(house.on, &named).unwrap();
    // Of one that is off nothing opens, whatever it says; to switch it on is what waits.
    let wider = SharingRuleChange { level: Some(ShareLevel::Full), ..change() };
    let _ = admin.change_sharing_rule(house.off, &wider).unwrap();
    let off = SharingRuleChange { off: Some(true), ..change() };
    let _ = admin.change_sharing_rule(house.on, &off).unwrap();
    admin.remove_sharing_rule(house.on).unwrap();
    admin.change_inheritance(house.follows, Some(ShareLevel::Read), None).unwrap();
    admin.change_inheritance(house.follows, None, Some(true)).unwrap();
    admin.stop_inheriting(house.follows).unwrap();
    let narrower = Changes::new().set(pool_member::NOTE, "x");
    house.set(PoolMember::NAME, house.member, &narrower).unwrap();
    house.remove(PoolMember::NAME, house.member).unwrap();
    // What comes back opens again.
    let back = admin.write(|transaction| transaction.undelete_record(PoolMember::NAME, house.member));
    house.refuses("a member who comes back", back);
    house.remove(Pool::NAME, house.pool).unwrap();
    // A pool that nobody is a member of opens nothing.
    let _ = house.make(Pool::NAME, &Changes::new().set(pool::NAME, "west")).unwrap();
}

#[test]
fn a_second_person_opens_records_by_a_rule_that_means_what_it_meant_when_it_was_asked_for() {
    let house = guarded();
    let Guarded { house, second, lin, .. } = &house;
    let large = house.create(Account::NAME, &Changes::new().set("name", "加喜").set("employees", 50));
    let values = Changes::new()
        .set(sharing_rule::NAME, "small ones")
        .set(sharing_rule::ENTITY, "account")
        .set(sharing_rule::CRITERIA, "employees >= 10")
        .set(sharing_rule::LEVEL, ShareLevel::Read)
        .set(sharing_rule::USER, lin.user());
    let ask = |values: Changes| {
        let (_, change) = house.admin.privilege_to_create(SharingRule::NAME, values);
        house.admin.request_privileges(&[change], None, None)
    };
    let id = ask(values.clone()).unwrap();
    assert_eq!(refusal(lin.get(Account::NAME, large)), Code::RecordNotFound, "nothing is done by asking");
    second.approve_privileges(id, None).unwrap();
    assert!(lin.get(Account::NAME, large).is_ok(), "records that stand are marked");
    // Who gains by it does not agree to it: neither by name nor by a role of theirs.
    let keeps: Vec<_> = ["sys.sharing_rule", "sys.privilege_request"]
        .into_iter()
        .flat_map(|entity| {
            [Action::Create, Action::Read, Action::Approve].map(|action| (entity, action, Level::All))
        })
        .chain([(Account::NAME, Action::Read, Level::Own), ("sys.role", Action::Read, Level::All)])
        .collect();
    let keeper_role = house.role("keeper", &keeps);
    let keeper = house.user("keeper", &[keeper_role]);
    let of_role =
        values.clone().set(sharing_rule::USER, None::<RecordId>).set(sharing_rule::ROLE, keeper_role);
    for values in [values.clone().set(sharing_rule::USER, keeper.user()), of_role] {
        let id = ask(values).unwrap();
        let code = refusal(keeper.approve_privileges(id, None));
        assert!(matches!(code, Code::NotPermitted | Code::BeyondOwnRights), "{code:?}");
        second.approve_privileges(id, None).unwrap();
    }
    // The people whom a rule means are part of what is agreed to.
    let role = house.role("meant", &[]);
    let of_role = values.set(sharing_rule::USER, None::<RecordId>).set(sharing_rule::ROLE, role);
    let id = ask(of_role).unwrap();
    let _ = house.user("one more", &[role]);
    assert_eq!(refusal(second.approve_privileges(id, None)), Code::BaseChanged);
    let _ = house.verified();
}

#[test]
fn a_condition_whose_field_is_another_one_by_now_is_not_agreed_to() {
    let house = guarded();
    let Guarded { house, second, lin, .. } = &house;
    let grade =
        json!({"entity": "account", "name": "grade", "field_type": "int", "label_zh": "甲", "label_en": "A"});
    call(&house.admin, "schema.define_field", &grade).unwrap();
    let values = Changes::new()
        .set(sharing_rule::NAME, "by grade")
        .set(sharing_rule::ENTITY, "account")
        .set(sharing_rule::CRITERIA, "x.grade >= 10")
        .set(sharing_rule::LEVEL, ShareLevel::Read)
        .set(sharing_rule::USER, lin.user());
    let (_, change) = house.admin.privilege_to_create(SharingRule::NAME, values);
    let id = house.admin.request_privileges(&[change], None, None).unwrap();
    // Another field takes the place of the one of that name.
    let retyped = json!({"entity": "account", "field": "x.grade", "field_type": "decimal"});
    call(&house.admin, "schema.retype_field", &retyped).unwrap();
    assert_eq!(refusal(second.approve_privileges(id, None)), Code::BaseChanged);
}

fn desk(version: &str, level: &str) -> Json {
    json!({
        "package": "cn.desk", "version": version, "label": {"zh": "前台", "en": "Desk"},
        "roles": [{"name": "Front desk", "grants": [{"entity": "account", "action": "read", "level": level}]}],
    })
}

#[test]
fn a_package_that_brings_grants_waits_for_a_second_person_and_leaves_nothing_behind() {
    let house = database();
    drop(house.user_as("second", "administrator"));
    let install = |package: &Json| call(&house.admin, "schema.install_package", &json!({"package": package}));
    install(&desk("1.0.0", "own")).unwrap();
    set_policy(&house, &["grants"]);
    let version = house.crm.registry().version();
    for package in [desk("1.1.0", "all"), {
        let mut other = desk("1.0.0", "own");
        other["package"] = json!("cn.other");
        other["roles"][0]["name"] = json!("Other desk");
        other
    }] {
        assert_eq!(refusal(install(&package)), Code::FourEyes);
    }
    let mut second_grant = desk("1.1.0", "own");
    second_grant["roles"][0]["grants"]
        .as_array_mut()
        .unwrap()
        .push(json!({"entity": "contact", "action": "read", "level": "all"}));
    assert_eq!(refusal(install(&second_grant)), Code::FourEyes);
    assert_eq!(house.crm.registry().version(), version, "nothing of the package is there");
    assert!(house.admin.read(|reader| reader.find_by_title("sys.role", "Other desk")).unwrap().is_empty());
    let listed = call(&house.admin, "schema.packages", &json!({})).unwrap();
    assert!(!listed.to_string().contains("cn.other") && !listed.to_string().contains("1.1.0"), "{listed}");
    // A package without grants comes alone, and one that takes its grants back waits for nobody.
    let mut plain = desk("1.0.0", "own");
    (plain["package"], plain["roles"]) = (json!("cn.plain"), json!([]));
    install(&plain).unwrap();
    call(&house.admin, "schema.remove_package", &json!({"package": "cn.desk"})).unwrap();
    // To bring them back is to give them.
    assert_eq!(refusal(install(&desk("1.2.0", "own"))), Code::FourEyes);
    let house = house.reopened();
    let again = call(&house.admin, "schema.install_package", &json!({"package": desk("1.2.0", "own")}));
    assert_eq!(refusal(again), Code::FourEyes, "and when the database was opened anew");
    let _ = house.verified();
}

#[test]
fn a_package_whose_denial_goes_waits_as_well() {
    let house = database();
    let _second = house.user_as("second", "administrator");
    let mut package = desk("1.0.0", "own");
    package["roles"][0]["grants"][0]["effect"] = json!("deny");
    let install = |package: &Json| call(&house.admin, "schema.install_package", &json!({"package": package}));
    install(&package).unwrap();
    set_policy(&house, &["grants"]);
    let removed = call(&house.admin, "schema.remove_package", &json!({"package": "cn.desk"}));
    assert_eq!(refusal(removed), Code::FourEyes);
    (package["version"], package["roles"][0]["grants"]) = (json!("1.1.0"), json!([]));
    assert_eq!(refusal(install(&package)), Code::FourEyes);
}
