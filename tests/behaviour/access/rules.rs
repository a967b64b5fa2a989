//! Sharing rules by criteria, records that follow others, and pools: who reaches what by them, in every way of asking,
//! and where it ends.

use guanxi::api::call;
use guanxi::base::Patience;
use guanxi::engine::{
    Action, At, Effect, Find, Level, NewInheritance, NewSharingRule, Pool, PoolMember, Principals, Role,
    ShareLevel, SharingRule, SharingRuleChange, Team, TeamMember, Unit, User, Verdict, pool, pool_member,
    role, sharing_rule, team, team_member, unit, user,
};
use guanxi::features::reports::{Figure, GroupBy, Measure, Report};
use guanxi::model::{Account, Contact, account};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session};
use guanxi_tests::{House, database, refusal};
use serde_json::{Value as Json, json};

const EVERYTHING: Condition = Condition::Everything;
const LARGE: &str = "employees >= 100";

fn account_of(session: &Session, name: &str, employees: i64) -> RecordId {
    let changes = Changes::new().set("name", name).set("employees", employees).set("city", "上海");
    session.write(|transaction| transaction.create_record(Account::NAME, changes.clone())).unwrap()
}

fn contact_of(session: &Session, name: &str, account: RecordId) -> RecordId {
    let changes = Changes::new().set("name", name).set("account", account);
    session.write(|transaction| transaction.create_record(Contact::NAME, changes.clone())).unwrap()
}

fn rule(criteria: &str, with: Principals, level: ShareLevel) -> NewSharingRule {
    let (name, entity) = ("large ones".to_owned(), "account".to_owned());
    NewSharingRule { name, entity, criteria: criteria.to_owned(), with, level, reason: None }
}

fn define(house: &House, criteria: &str, with: Principals, level: ShareLevel) -> RecordId {
    house.admin.define_sharing_rule(&rule(criteria, with, level)).unwrap()
}

fn follow(house: &House, entity: &str, field: &str, level: ShareLevel) -> guanxi::Result<RecordId> {
    let (entity, field) = (entity.to_owned(), field.to_owned());
    house.admin.inherit_access(&NewInheritance { entity, field, level, reason: None })
}

fn set(session: &Session, entity: &str, id: RecordId, changes: Changes) -> guanxi::Result<()> {
    session.write(|transaction| transaction.update_record(entity, id, changes.clone()).map(drop))
}

/// Every way in which somebody comes to know of an account: all say the same number.
fn ways(session: &Session) -> Vec<u64> {
    let report = |filter: Condition, group_by: Vec<GroupBy>| {
        let measures = vec![Measure::Count];
        let table = session.report(&Report { entity: "account".into(), filter, group_by, measures }).unwrap();
        table.rows.iter().fold(0, |sum, row| match row.figures.as_slice() {
            [Figure::Count(count)] => sum + count,
            _ => sum,
        })
    };
    let by = |field: &str| vec![GroupBy { path: vec![field.into()], bucket: None }];
    let rows = |find: &Find| u64::try_from(session.list(Account::NAME, find).unwrap().rows.len()).unwrap();
    let sorted = Find { sort: vec![account::EMPLOYEES.descending()], ..Find::default() };
    vec![
        rows(&Find::default()),
        rows(&sorted),
        rows(&Find { filter: account::CITY.is("上海"), ..Find::default() }),
        session.count(Account::NAME, &EVERYTHING).unwrap(),
        session.count(Account::NAME, &account::CITY.is("上海")).unwrap(),
        session.count(Account::NAME, &account::EMPLOYEES.at_least(1)).unwrap(),
        report(EVERYTHING, vec![]),
        report(EVERYTHING, by("owner")),
        report(EVERYTHING, by("kind")),
        session.search("加喜", None, 10, 0).unwrap().total,
    ]
}

#[test]
fn records_that_meet_a_rule_are_there_in_every_way_of_asking_and_gone_when_it_is_switched_off() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let large = account_of(&lin, "加喜 large", 500);
    let small = account_of(&lin, "加喜 small", 5);
    let _ = account_of(&wang, "加喜 own", 5);
    assert_eq!(ways(&wang), vec![1; 10]);
    let shared = define(&house, LARGE, Principals::User(wang.user()), ShareLevel::Read);
    assert_eq!(ways(&wang), vec![2; 10]);
    assert_eq!(wang.get(Account::NAME, large).unwrap().title(), "加喜 large");
    assert_eq!(refusal(wang.get(Account::NAME, small)), Code::RecordNotFound);
    assert_eq!(
        refusal(set(&wang, Account::NAME, large, Changes::new().set("note", "x"))),
        Code::NotPermitted
    );
    // A write moves a record into the rule and out of it.
    set(&lin, Account::NAME, small, Changes::new().set("employees", 100)).unwrap();
    let _ = account_of(&lin, "加喜 new", 101);
    assert_eq!(ways(&wang), vec![4; 10]);
    set(&lin, Account::NAME, large, Changes::new().set("employees", 99)).unwrap();
    assert_eq!(ways(&wang), vec![3; 10]);
    assert_eq!(refusal(wang.get(Account::NAME, large)), Code::RecordNotFound);
    // What the rule says of people holds from the next call on.
    let off = |off| SharingRuleChange { off: Some(off), ..SharingRuleChange::default() };
    assert_eq!(house.admin.change_sharing_rule(shared, &off(true)).unwrap(), shared);
    assert_eq!(ways(&wang), vec![1; 10]);
    // Records are marked for it all the same, so that it holds at once when it is on again.
    set(&lin, Account::NAME, large, Changes::new().set("employees", 200)).unwrap();
    let _ = house.admin.change_sharing_rule(shared, &off(false)).unwrap();
    assert_eq!(ways(&wang), vec![4; 10]);
    house.admin.remove_sharing_rule(shared).unwrap();
    assert_eq!(ways(&wang), vec![1; 10]);
    assert_eq!(ways(&lin), vec![3; 10]);
    let _ = house.verified();
}

#[test]
fn each_level_of_a_rule_gives_what_a_share_of_it_gives() {
    for (level, may) in [(ShareLevel::Read, 0), (ShareLevel::Edit, 1), (ShareLevel::Full, 3)] {
        let house = database();
        let (lin, wang) = (house.worker("lin"), house.worker("wang"));
        let id = account_of(&lin, "x", 500);
        let _ = define(&house, LARGE, Principals::User(wang.user()), level);
        let mut transaction = wang.begin(guanxi::WriteOptions::default()).unwrap();
        let mut done = 0;
        let point = transaction.savepoint();
        let changes = Changes::new().set("note", "x");
        done += usize::from(transaction.update_record(Account::NAME, id, changes).is_ok());
        transaction.roll_back_to(point);
        let given = Changes::new().owner(wang.user());
        done += usize::from(transaction.update_record(Account::NAME, id, given).is_ok());
        transaction.roll_back_to(point);
        done += usize::from(transaction.delete_record(Account::NAME, id).is_ok());
        assert_eq!(done, may, "{level:?}");
    }
}

#[test]
fn a_rule_shares_with_users_teams_roles_and_units_as_they_are_now() {
    let house = database();
    let (above, below) = (house.unit("above"), house.unit("below"));
    house.change(Unit::NAME, below, &Changes::new().set(unit::PARENT, above));
    let lin = house.worker("lin");
    let _ = account_of(&lin, "加喜", 500);
    let reader = house.role("reader", &[("crm.account", Action::Read, Level::Own)]);
    let other = house.role("other", &[]);
    let wang = house.user("wang", &[reader, other]);
    let team = house.create(Team::NAME, &Changes::new().set(team::NAME, "A"));
    let seen = || wang.count(Account::NAME, &EVERYTHING).unwrap();
    let move_to = |place: Option<RecordId>| {
        house.change(User::NAME, wang.user(), &Changes::new().set(user::UNIT, place));
    };
    let (exactly, with_below) =
        (Principals::Unit { unit: above, below: false }, Principals::Unit { unit: above, below: true });
    let id = define(&house, LARGE, exactly, ShareLevel::Read);
    let to = |with| {
        let change = SharingRuleChange { with: Some(with), ..SharingRuleChange::default() };
        assert_eq!(house.admin.change_sharing_rule(id, &change).unwrap(), id);
    };
    for (with, place, expected) in [
        (exactly, None, 0),
        (exactly, Some(above), 1),
        (exactly, Some(below), 0),
        (with_below, Some(below), 1),
        (with_below, Some(above), 1),
        (with_below, None, 0),
        (Principals::Role(other), None, 1),
        (Principals::User(lin.user()), None, 0),
        (Principals::Team(team), None, 0),
    ] {
        to(with);
        move_to(place);
        assert_eq!(seen(), expected, "{with:?} {place:?}");
    }
    let member = Changes::new().set(team_member::TEAM, team).set(team_member::USER, wang.user());
    let member = house.create(TeamMember::NAME, &member);
    assert_eq!(seen(), 1);
    house.admin.write(|transaction| transaction.delete_record(TeamMember::NAME, member)).unwrap();
    assert_eq!(seen(), 0);
}

#[test]
fn denials_partitions_and_missing_grants_win_over_a_rule() {
    let house = database();
    let lin = house.worker("lin");
    let id = account_of(&lin, "加喜", 500);
    let reader = house.role("reader", &[("crm.account", Action::Read, Level::Own)]);
    let wang = house.user("wang", &[reader]);
    let nothing =
        house.user("nothing", &[house.role("contacts", &[("crm.contact", Action::Read, Level::All)])]);
    for session in [&wang, &nothing] {
        let _ = define(&house, LARGE, Principals::User(session.user()), ShareLevel::Full);
    }
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 1);
    // A rule opens records and no kind of work.
    assert_eq!(refusal(nothing.get(Account::NAME, id)), Code::NotPermitted);
    assert_eq!(refusal(set(&wang, Account::NAME, id, Changes::new().set("note", "x"))), Code::NotPermitted);
    // What a grant forbids of its owner or unit stays forbidden.
    let unit = house.unit("far");
    house.change(User::NAME, lin.user(), &Changes::new().set(user::UNIT, unit));
    house.change(User::NAME, wang.user(), &Changes::new().set(user::UNIT, unit));
    house.change(Account::NAME, id, &Changes::new().owner(house.admin.user()));
    house.change(Account::NAME, id, &Changes::new().owner(lin.user()));
    house.grant(reader, Effect::Deny, ("crm.account", Action::Read, Level::Unit), "");
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 0);
    assert_eq!(refusal(wang.get(Account::NAME, id)), Code::RecordNotFound);
    // Beyond a partition nothing is reached.
    let far = house.user("far", &[house.role("reader there", &[("crm.account", Action::Read, Level::Own)])]);
    house.change(User::NAME, far.user(), &Changes::new().set(user::PARTITION, house.partition("north")));
    let _ = define(&house, LARGE, Principals::User(far.user()), ShareLevel::Read);
    assert_eq!(far.count(Account::NAME, &EVERYTHING).unwrap(), 0);
    assert_eq!(refusal(far.get(Account::NAME, id)), Code::RecordNotFound);
}

#[test]
fn a_record_that_a_rule_opens_shows_what_the_widest_grants_show() {
    let house = database();
    let lin = house.worker("lin");
    let id = account_of(&lin, "加喜", 500);
    let grants = [("crm.account", Action::Read, Level::Own), ("crm.account", Action::Update, Level::Own)];
    let wang = house.user("wang", &[house.role_hiding("hiding", &grants, "employees")]);
    let _ = define(&house, LARGE, Principals::User(wang.user()), ShareLevel::Edit);
    let row = wang.get(Account::NAME, id).unwrap();
    let employees =
        house.admin.read(|reader| reader.visible(reader.registry().entity("account")?, &"employees".into()));
    assert!(row.record.value(employees.unwrap()).is_null());
    assert_eq!(refusal(wang.count(Account::NAME, &account::EMPLOYEES.at_least(1))), Code::UnknownField);
    let refused = set(&wang, Account::NAME, id, Changes::new().set("employees", 1));
    assert_eq!(refusal(refused), Code::FieldNotPermitted);
    // Nor does the history tell by which rules a record is marked.
    let told = house.admin.history(Account::NAME, id, None, 0).unwrap();
    assert_eq!(told.versions.len(), 1, "to be marked is no version");
}

#[test]
fn criteria_speak_of_stored_fields_of_the_record_that_their_author_sees() {
    let house = database();
    let wang = house.worker("wang");
    let with = Principals::User(wang.user());
    let refused =
        |criteria: &str| refusal(house.admin.define_sharing_rule(&rule(criteria, with, ShareLevel::Read)));
    for criteria in [
        "account.name == 'x'",
        "parent.name == 'x'",
        "employees > today().year()",
        "employees",
        "no_such_field == 1",
        "true",
        "",
    ] {
        let code = refused(criteria);
        assert!(matches!(code, Code::InvalidExpression | Code::Required), "{criteria}: {code:?}");
    }
    for entity in ["sys.user", "sys.share", "nothing"] {
        let other = NewSharingRule { entity: entity.to_owned(), ..rule(LARGE, with, ShareLevel::Read) };
        let code = refusal(house.admin.define_sharing_rule(&other));
        assert!(matches!(code, Code::InvalidArgument | Code::UnknownEntity), "{entity}: {code:?}");
    }
    // A field that is hidden from the author is as one that is not there.
    let keeps = [
        ("*", Action::Read, Level::All),
        ("*", Action::Update, Level::All),
        ("sys.sharing_rule", Action::Create, Level::All),
        ("sys.*", Action::Read, Level::All),
    ];
    let author = house.user("author", &[house.role_hiding("keeper", &keeps, "employees")]);
    let by =
        |criteria: &str| author.define_sharing_rule(&rule(criteria, with, ShareLevel::Read)).unwrap_err();
    let (hidden, unknown) = (by(LARGE), by("employers >= 100"));
    assert_eq!((hidden.code(), unknown.code()), (Code::InvalidExpression, Code::InvalidExpression));
    assert_eq!(hidden.to_string().replace("employees", "employers"), unknown.to_string());
    // What is marked stays what it was: neither the entity nor the criteria of a rule change.
    let id = define(&house, LARGE, with, ShareLevel::Read);
    for changes in [
        Changes::new().set(sharing_rule::CRITERIA, "employees >= 0"),
        Changes::new().set(sharing_rule::ENTITY, "contact"),
        Changes::new().set(sharing_rule::USER, None::<RecordId>),
    ] {
        assert_eq!(refusal(set(&house.admin, SharingRule::NAME, id, changes)), Code::InvalidArgument);
    }
    house.admin.remove_sharing_rule(id).unwrap();
    let back = house.admin.write(|transaction| transaction.undelete_record(SharingRule::NAME, id));
    assert_eq!(refusal(back), Code::InvalidArgument);
}

#[test]
fn another_condition_is_another_rule_and_nothing_of_the_old_one_holds() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let (large, small) = (account_of(&lin, "large", 500), account_of(&lin, "small", 5));
    let first = define(&house, LARGE, Principals::User(wang.user()), ShareLevel::Read);
    let change =
        SharingRuleChange { criteria: Some("employees < 10".into()), ..SharingRuleChange::default() };
    let second = house.admin.change_sharing_rule(first, &change).unwrap();
    assert_ne!(first, second);
    assert_eq!(refusal(wang.get(Account::NAME, large)), Code::RecordNotFound);
    assert_eq!(wang.get(Account::NAME, small).unwrap().title(), "small");
    let rules = house.admin.sharing_rules().unwrap();
    let told: Vec<_> = rules.iter().map(|rule| (rule.id, rule.criteria.as_str(), rule.pending)).collect();
    assert_eq!(told, [(second, "employees < 10", None)]);
}

#[test]
fn nobody_opens_by_a_rule_what_they_may_not_do_to_all_records() {
    let house = database();
    let lin = house.worker("lin");
    let _ = account_of(&lin, "加喜", 500);
    let keeper = |name: &str, level: Level, hidden: &str| {
        let grants = [
            ("crm.account", Action::Read, level),
            ("sys.*", Action::Read, Level::All),
            ("sys.sharing_rule", Action::Create, Level::All),
            ("sys.sharing_rule", Action::Update, Level::All),
            ("sys.team_member", Action::Create, Level::All),
        ];
        house.user(name, &[house.role_hiding(name, &grants, hidden)])
    };
    let own = keeper("own", Level::Own, "");
    let all = keeper("all", Level::All, "");
    let hiding = keeper("hiding", Level::All, "phone");
    let wang = house.worker("wang");
    let with = Principals::User(wang.user());
    let by = |author: &Session, with, level| author.define_sharing_rule(&rule(LARGE, with, level));
    // Not to oneself either, nor more than one may, nor fields that one does not see.
    assert_eq!(refusal(by(&own, Principals::User(own.user()), ShareLevel::Read)), Code::BeyondOwnRights);
    assert_eq!(refusal(by(&own, with, ShareLevel::Read)), Code::BeyondOwnRights);
    assert_eq!(refusal(by(&all, with, ShareLevel::Edit)), Code::BeyondOwnRights);
    assert_eq!(refusal(by(&hiding, with, ShareLevel::Read)), Code::BeyondOwnRights);
    assert_eq!(refusal(by(&wang, with, ShareLevel::Read)), Code::NotPermitted);
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 0);
    let id = by(&all, with, ShareLevel::Read).unwrap();
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 1);
    let raised = SharingRuleChange { level: Some(ShareLevel::Full), ..SharingRuleChange::default() };
    assert_eq!(refusal(all.change_sharing_rule(id, &raised)), Code::BeyondOwnRights);
    // Nor by somebody else's rule: to let people into a team is to give what its rules open.
    let team = house.create(Team::NAME, &Changes::new().set(team::NAME, "A"));
    let _ = define(&house, LARGE, Principals::Team(team), ShareLevel::Read);
    let enter = |session: &Session, who: RecordId| {
        let member = Changes::new().set(team_member::TEAM, team).set(team_member::USER, who);
        session.write(|transaction| transaction.create_record(TeamMember::NAME, member.clone()))
    };
    assert_eq!(refusal(enter(&own, own.user())), Code::BeyondOwnRights);
    assert_eq!(own.count(Account::NAME, &EVERYTHING).unwrap(), 0);
    let _ = enter(&all, own.user()).unwrap();
    assert_eq!(own.count(Account::NAME, &EVERYTHING).unwrap(), 1);
}

#[test]
fn counts_by_bisection_tell_nothing_of_records_that_no_rule_opens() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let _ = account_of(&lin, "open", 500);
    let _ = account_of(&lin, "closed", 77);
    let _ = define(&house, LARGE, Principals::User(wang.user()), ShareLevel::Read);
    let at_least = |bound: i64| wang.count(Account::NAME, &account::EMPLOYEES.at_least(bound)).unwrap();
    for bound in [0, 50, 76, 77, 78, 99, 100, 500] {
        assert_eq!(at_least(bound), 1, "{bound}");
    }
    assert_eq!(at_least(501), 0);
}

#[test]
fn records_that_stand_are_marked_in_chunks_and_an_interrupted_pass_is_gone_on_with() {
    let house = House::with(|options| options.build_at_once(10));
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    for number in 0..45 {
        let _ = account_of(&lin, &format!("account {number}"), if number % 2 == 0 { 500 } else { 5 });
    }
    let token = guanxi::base::CancelToken::new();
    let patience = Patience::with_token(token.clone()).telling(move |progress| {
        if progress.phase == "access" && progress.done >= 20 {
            token.cancel();
        }
    });
    let admin = house.crm.session_for("admin").unwrap().with_patience(patience);
    let made = admin.define_sharing_rule(&rule(LARGE, Principals::User(wang.user()), ShareLevel::Read));
    assert_eq!(refusal(made), Code::Cancelled);
    let pending = house.admin.sharing_rules().unwrap()[0].pending.unwrap();
    assert_eq!((pending.done, pending.total), (20, 45));
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 10, "each is open as it is marked");
    // Whoever writes meanwhile is marked at once, before the pass comes to it.
    let late = account_of(&lin, "late", 900);
    assert_eq!(wang.get(Account::NAME, late).unwrap().title(), "late");
    drop((lin, wang, admin));
    let house = house.reopened();
    let told = call(&house.admin, "access.rules", &json!({})).unwrap();
    assert_eq!(told["rules"][0]["pending"], json!({"done": 20, "total": 46}));
    assert_eq!(call(&house.admin, "access.mark", &json!({})).unwrap(), json!({}));
    let told = call(&house.admin, "access.rules", &json!({})).unwrap();
    assert_eq!(told["rules"][0]["pending"], Json::Null);
    let wang = house.crm.session_for("wang").unwrap();
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 24);
    assert_eq!(refusal(wang.mark_records()), Code::NotPermitted);
    let _ = house.verified();
}

#[test]
fn records_follow_the_access_to_what_they_refer_to() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let mine = account_of(&wang, "mine", 5);
    let theirs = account_of(&lin, "theirs", 5);
    let contact = contact_of(&house.admin, "加喜 person", mine);
    let other = contact_of(&house.admin, "加喜 other", theirs);
    let seen = |session: &Session| {
        let find = Find::default();
        let rows = session.list(Contact::NAME, &find).unwrap().rows.len();
        let counted = session.count(Contact::NAME, &EVERYTHING).unwrap();
        let found = session.search("加喜", Some(Contact::NAME), 10, 0).unwrap().total;
        assert_eq!((u64::try_from(rows).unwrap(), counted), (counted, found));
        counted
    };
    assert_eq!(seen(&wang), 0);
    let setting = follow(&house, "contact", "account", ShareLevel::Read).unwrap();
    assert_eq!(seen(&wang), 1);
    assert_eq!(wang.get(Contact::NAME, contact).unwrap().title(), "加喜 person");
    assert_eq!(refusal(wang.get(Contact::NAME, other)), Code::RecordNotFound);
    let rename = || set(&wang, Contact::NAME, contact, Changes::new().set("position", "x"));
    assert_eq!(refusal(rename()), Code::NotPermitted);
    house.admin.change_inheritance(setting, Some(ShareLevel::Edit), None).unwrap();
    rename().unwrap();
    // It follows where the one beyond goes, and where the reference goes, in the same transaction.
    house.change(Account::NAME, mine, &Changes::new().owner(lin.user()));
    assert_eq!((seen(&wang), seen(&lin)), (0, 2));
    house.change(Contact::NAME, other, &Changes::new().set("account", None::<RecordId>));
    assert_eq!(seen(&lin), 1);
    // A rule on the one beyond reaches what follows it.
    let _ = define(&house, LARGE, Principals::User(wang.user()), ShareLevel::Read);
    set(&house.admin, Account::NAME, mine, Changes::new().set("employees", 500)).unwrap();
    assert_eq!(seen(&wang), 1);
    assert_eq!(refusal(rename()), Code::NotPermitted, "the rule lets the account be read alone");
    // Whoever may do nothing to contacts reaches none by accounts.
    let grants = [("crm.account", Action::Read, Level::All)];
    let clerk = house.user("clerk", &[house.role("accounts", &grants)]);
    assert_eq!(refusal(clerk.get(Contact::NAME, contact)), Code::NotPermitted);
    house.admin.change_inheritance(setting, None, Some(true)).unwrap();
    assert_eq!((seen(&wang), seen(&lin)), (0, 0));
    house.admin.change_inheritance(setting, None, Some(false)).unwrap();
    assert_eq!((seen(&wang), seen(&lin)), (1, 1));
    house.admin.stop_inheriting(setting).unwrap();
    assert_eq!((seen(&wang), seen(&lin)), (0, 0));
    let _ = house.verified();
}

#[test]
fn a_deleted_record_comes_back_to_who_reaches_the_one_beyond_now() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let account = account_of(&wang, "x", 5);
    let contact = contact_of(&house.admin, "person", account);
    let _ = follow(&house, "contact", "account", ShareLevel::Full).unwrap();
    house.admin.write(|transaction| transaction.delete_record(Contact::NAME, contact)).unwrap();
    house.change(Account::NAME, account, &Changes::new().owner(lin.user()));
    let back =
        |session: &Session| session.write(|transaction| transaction.undelete_record(Contact::NAME, contact));
    assert!(back(&wang).is_err());
    back(&house.admin).unwrap();
    assert_eq!(lin.get(Contact::NAME, contact).unwrap().title(), "person");
    assert_eq!(refusal(wang.get(Contact::NAME, contact)), Code::RecordNotFound);
    let _ = house.verified();
}

#[test]
fn entities_do_not_follow_each_other_in_circles_nor_by_other_fields_than_references() {
    let house = database();
    for (entity, field) in [("account", "parent"), ("account", "name"), ("sys.user", "unit")] {
        assert_eq!(
            refusal(follow(&house, entity, field, ShareLevel::Read)),
            Code::InvalidArgument,
            "{entity}"
        );
    }
    assert_eq!(refusal(follow(&house, "contact", "nothing", ShareLevel::Read)), Code::UnknownField);
    let _ = follow(&house, "opportunity", "account", ShareLevel::Read).unwrap();
    assert_eq!(refusal(follow(&house, "opportunity", "account", ShareLevel::Full)), Code::NotUnique);
    let wang = house.worker("wang");
    let setting = NewInheritance {
        entity: "contact".into(),
        field: "account".into(),
        level: ShareLevel::Read,
        reason: None,
    };
    assert_eq!(refusal(wang.inherit_access(&setting)), Code::NotPermitted);
    let told = call(&house.admin, "access.inherited", &json!({})).unwrap();
    assert_eq!(told["settings"][0]["parent"], json!("crm.account"));
}

#[test]
fn it_is_explained_by_which_rule_or_record_beyond_somebody_reaches_a_record() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let account = account_of(&lin, "x", 500);
    let contact = contact_of(&house.admin, "person", account);
    let shared = define(&house, LARGE, Principals::User(wang.user()), ShareLevel::Read);
    let setting = follow(&house, "contact", "account", ShareLevel::Edit).unwrap();
    let explain =
        |entity: &str, id, action| house.admin.explain_access(wang.user(), entity, id, action).unwrap();
    let told = explain(Account::NAME, account, Action::Read);
    assert_eq!((told.verdict, told.paths.len(), told.rules[0].rule), (Verdict::Granted, 0, shared));
    assert_eq!(explain(Account::NAME, account, Action::Update).verdict, Verdict::OutOfReach);
    let told = explain(Contact::NAME, contact, Action::Read);
    let beyond = &told.parents[0];
    assert_eq!((told.verdict, beyond.setting, beyond.record), (Verdict::Granted, setting, Some(account)));
    assert_eq!(explain(Contact::NAME, contact, Action::Update).verdict, Verdict::OutOfReach);
    assert_eq!(wang.explain_access(wang.user(), Contact::NAME, contact, Action::Read).unwrap(), told);
    let who = house.admin.who_may(Contact::NAME, contact, Action::Read, (None, 0)).unwrap();
    let rows: Vec<RecordId> = who.rows.iter().map(|row| row.user).collect();
    let mut expected = [house.admin.user(), lin.user(), wang.user()];
    expected.sort_unstable();
    assert_eq!(rows, expected, "in the order of their ids");
    let of_wang = who.rows.iter().find(|row| row.user == wang.user()).unwrap();
    assert_eq!(of_wang.parents, told.parents);
    let given = json!({"entity": "account", "id": account.to_string(), "user": "wang"});
    let told = call(&house.admin, "access.explain", &given).unwrap();
    assert_eq!(told["rules"][0]["rule"], json!(shared.to_string()));
    assert_eq!(told["rules"][0]["level"], json!("read"));
}

#[test]
fn a_planned_rule_is_simulated_with_what_it_would_open_and_nothing_of_it_is_kept() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let large = account_of(&lin, "large", 500);
    let _ = account_of(&lin, "small", 5);
    let _ = account_of(&wang, "own", 900);
    let planned = json!({"changes": [{"do": "create", "entity": "sys.sharing_rule", "values": {
        "name": "x", "entity": "account", "criteria": LARGE, "level": "read", "user": wang.user().to_string(),
    }}]});
    let told = call(&house.admin, "access.simulate", &planned).unwrap();
    let rows = told["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{told}");
    assert_eq!((&rows[0]["user"], &rows[0]["action"]), (&json!(wang.user().to_string()), &json!("read")));
    assert_eq!((&rows[0]["opened"], &rows[0]["closed"]), (&json!(1), &json!(0)));
    assert_eq!(rows[0]["opened_samples"], json!([large.to_string()]));
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 1);
    assert!(house.admin.sharing_rules().unwrap().is_empty());
    let id = define(&house, LARGE, Principals::User(wang.user()), ShareLevel::Read);
    let gone = json!({"changes": [{"do": "delete", "entity": "sys.sharing_rule", "id": id.to_string()}]});
    let told = call(&house.admin, "access.simulate", &gone).unwrap();
    assert_eq!((&told["rows"][0]["opened"], &told["rows"][0]["closed"]), (&json!(0), &json!(1)), "{told}");
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 2);
}

#[test]
fn members_of_a_pool_see_its_records_and_claim_them() {
    let house = database();
    let (lin, wang, far) = (house.worker("lin"), house.worker("wang"), house.worker("far"));
    let pool = house.create(Pool::NAME, &Changes::new().set(pool::NAME, "east"));
    for session in [&lin, &wang] {
        let member = Changes::new().set(pool_member::POOL, pool).set(pool_member::USER, session.user());
        let _ = house.create(PoolMember::NAME, &member);
    }
    let nobody = Changes::new().set(pool_member::POOL, pool);
    let refused =
        house.admin.write(|transaction| transaction.create_record(PoolMember::NAME, nobody.clone()));
    assert_eq!(refusal(refused), Code::InvalidArgument);
    let id = account_of(&house.admin, "加喜", 5);
    house.change(Account::NAME, id, &Changes::new().owner(pool));
    assert_eq!((ways(&lin), ways(&wang), ways(&far)), (vec![1; 10], vec![1; 10], vec![0; 10]));
    let change = |session: &Session| set(session, Account::NAME, id, Changes::new().set("note", "x"));
    assert_eq!(refusal(change(&lin)), Code::NotPermitted);
    let delete = lin.write(|transaction| transaction.delete_record(Account::NAME, id));
    assert_eq!(refusal(delete), Code::NotPermitted);
    let told = lin.explain_access(lin.user(), Account::NAME, id, Action::Read).unwrap();
    assert_eq!(told.paths[0].reason, guanxi::engine::Reason::Pool(pool));
    assert_eq!(refusal(far.claim(Account::NAME, id)), Code::RecordNotFound);
    lin.claim(Account::NAME, id).unwrap();
    change(&lin).unwrap();
    // Of two the first gets it.
    assert_eq!(refusal(wang.claim(Account::NAME, id)), Code::RecordNotFound);
    assert_eq!(refusal(lin.release(Account::NAME, id, far.user())), Code::NotPermitted);
    let given = json!({"entity": "account", "id": id.to_string(), "pool": pool.to_string()});
    assert_eq!(refusal(call(&wang, "record.release", &given)), Code::RecordNotFound);
    lin.release(Account::NAME, id, pool).unwrap();
    assert_eq!((ways(&wang), ways(&far)), (vec![1; 10], vec![0; 10]));
    let gone = house.admin.write(|transaction| transaction.delete_record(Pool::NAME, pool));
    assert_eq!(refusal(gone), Code::Referenced);
    wang.claim(Account::NAME, id).unwrap();
    house.admin.write(|transaction| transaction.delete_record(Pool::NAME, pool)).unwrap();
    let _ = house.verified();
}

#[test]
fn nobody_lets_people_into_a_pool_whose_records_they_do_not_see() {
    let house = database();
    let pool = house.create(Pool::NAME, &Changes::new().set(pool::NAME, "east"));
    let id = account_of(&house.admin, "x", 5);
    house.change(Account::NAME, id, &Changes::new().owner(pool));
    let grants = [
        ("crm.account", Action::Read, Level::Own),
        ("sys.*", Action::Read, Level::All),
        ("sys.pool_member", Action::Create, Level::All),
    ];
    let own = house.user("own", &[house.role("keeper", &grants)]);
    let member = Changes::new().set(pool_member::POOL, pool).set(pool_member::USER, own.user());
    let enter = own.write(|transaction| transaction.create_record(PoolMember::NAME, member.clone()));
    assert_eq!(refusal(enter), Code::BeyondOwnRights);
    assert_eq!(own.count(Account::NAME, &EVERYTHING).unwrap(), 0);
}

#[test]
fn a_role_that_goes_takes_the_rules_that_share_with_it_along() {
    let house = database();
    let wang = house.worker("wang");
    let role = house.create(Role::NAME, &Changes::new().set(role::NAME, "guests"));
    let id = define(&house, LARGE, Principals::Role(role), ShareLevel::Read);
    house.admin.write(|transaction| transaction.delete_record(Role::NAME, role)).unwrap();
    assert!(house.admin.sharing_rules().unwrap().is_empty());
    assert_eq!(refusal(house.admin.get(SharingRule::NAME, id)), Code::RecordNotFound);
    assert_eq!(refusal(wang.sharing_rules()), Code::NotPermitted);
}

#[test]
fn rollups_over_what_their_reader_sees_take_in_what_rules_open() {
    let house = database();
    let wang = house.worker("wang");
    let account = account_of(&wang, "x", 5);
    for position in ["1", "9"] {
        let id = contact_of(&house.admin, "person", account);
        house.change(Contact::NAME, id, &Changes::new().set("position", position));
    }
    let field = json!({
        "entity": "account", "name": "people", "label_zh": "人数", "label_en": "People", "field_type": "rollup",
        "child": "crm.contact", "by": "account", "function": "count", "readers": "visible",
    });
    let _ = call(&house.admin, "schema.define_field", &field).unwrap();
    let people = |session: &Session| {
        let asked = json!({"entity": "account", "id": account.to_string()});
        call(session, "record.get", &asked).unwrap()["values"]["x.people"].as_i64().unwrap_or(0)
    };
    assert_eq!((people(&house.admin), people(&wang)), (2, 0));
    let rule = NewSharingRule {
        entity: "contact".into(),
        ..rule("position >= '5'", Principals::User(wang.user()), ShareLevel::Read)
    };
    let _ = house.admin.define_sharing_rule(&rule).unwrap();
    assert_eq!((people(&house.admin), people(&wang)), (2, 1));
    let _ = follow(&house, "contact", "account", ShareLevel::Read).unwrap();
    assert_eq!((people(&house.admin), people(&wang)), (2, 2));
}

#[test]
fn what_a_rule_and_a_record_beyond_opened_is_told_of_the_time_at_which_they_did() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let large = account_of(&lin, "加喜", 500);
    let contact = contact_of(&lin, "林先生", large);
    let now = || At::Position(house.crm.head().unwrap().position);
    let verdicts = |at: At| {
        [(Account::NAME, large), (Contact::NAME, contact)].map(|(entity, id)| {
            let told = house.admin.explain_access_at(wang.user(), entity, id, (Action::Read, at)).unwrap();
            told.verdict == Verdict::Granted
        })
    };
    let none = now();
    let shared = define(&house, LARGE, Principals::User(wang.user()), ShareLevel::Read);
    let by_rule = now();
    let setting = follow(&house, "contact", "account", ShareLevel::Read).unwrap();
    let by_both = now();
    set(&lin, Account::NAME, large, Changes::new().set("employees", 5)).unwrap();
    let small = now();
    set(&lin, Account::NAME, large, Changes::new().set("employees", 900)).unwrap();
    let again = now();
    house.admin.remove_sharing_rule(shared).unwrap();
    let without = now();
    house.admin.stop_inheriting(setting).unwrap();
    let told = [none, by_rule, by_both, small, again, without, now()].map(verdicts);
    let (no, one, both) = ([false; 2], [true, false], [true; 2]);
    assert_eq!(told, [no, one, both, no, both, no, no]);
}
