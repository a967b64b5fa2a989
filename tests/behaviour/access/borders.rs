//! Where rights end: revocation, owners, hidden fields, and what no wildcard gives.

use guanxi::engine::{
    Action, Direction, Effect, Find, Grant, Level, Question, RoleAssignment, User, UserStatus, grant,
    role_assignment, user,
};
use guanxi::features::reports::{GroupBy, Measure, Report};
use guanxi::model::{Account, account, opportunity};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, Locale, Money, RecordId, Session};
use guanxi_tests::{House, database, refusal};
use serde_json::json;

const WORK: [(&str, Action, Level); 3] =
    [("*", Action::Read, Level::Own), ("*", Action::Create, Level::Own), ("*", Action::Update, Level::Own)];

fn everything() -> Condition {
    Condition::Everything
}

fn account_of(session: &Session, name: &str) -> RecordId {
    session.write(|transaction| Ok(transaction.create(account::named(name))?.id())).unwrap()
}

fn grants_of(house: &House, role: RecordId) -> Vec<RecordId> {
    let find = Find { filter: grant::ROLE.is(role), ..Find::default() };
    let page = house.admin.list(Grant::NAME, &find).unwrap();
    page.rows.iter().map(|row| row.record.id).collect()
}

#[test]
fn a_suspended_user_is_stopped_at_the_next_call_of_an_open_session() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let mine = account_of(&lin, "加喜");
    house.change(User::NAME, lin.user(), &Changes::new().set(user::STATUS, UserStatus::Suspended));
    assert_eq!(refusal(lin.get(Account::NAME, mine)), Code::SessionEnded);
    assert_eq!(refusal(lin.count(Account::NAME, &everything())), Code::SessionEnded);
    assert_eq!(refusal(lin.write(|_| Ok(()))), Code::SessionEnded);
    assert_eq!(refusal(house.crm.session_for("lin")), Code::SignInFailed);
    house.change(User::NAME, lin.user(), &Changes::new().set(user::STATUS, UserStatus::Active));
    assert_eq!(lin.get(Account::NAME, mine).unwrap().title(), "加喜");
}

#[test]
fn a_role_that_is_taken_away_no_longer_acts_at_the_next_call() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let find = Find { filter: role_assignment::USER.is(lin.user()), ..Find::default() };
    let page = house.admin.list(RoleAssignment::NAME, &find).unwrap();
    let assignment = page.rows[0].record.id;
    assert_eq!(lin.count(Account::NAME, &everything()).unwrap(), 0);
    house.admin.write(|transaction| transaction.delete_record(RoleAssignment::NAME, assignment)).unwrap();
    assert_eq!(refusal(lin.count(Account::NAME, &everything())), Code::NotPermitted);
    assert_eq!(refusal(lin.write(|transaction| transaction.create(account::named("x")))), Code::NotPermitted);
}

#[test]
fn a_changed_grant_acts_at_the_next_call_of_everybody_who_has_the_role() {
    let house = database();
    let role = house.role("reader", &[("crm.account", Action::Read, Level::Own)]);
    let lin = house.user("lin", &[role]);
    let theirs = house.create(Account::NAME, &Changes::new().set("name", "theirs"));
    assert_eq!(refusal(lin.get(Account::NAME, theirs)), Code::RecordNotFound);
    let grant = grants_of(&house, role)[0];
    house.change(Grant::NAME, grant, &Changes::new().set(grant::LEVEL, Level::All));
    assert_eq!(lin.get(Account::NAME, theirs).unwrap().title(), "theirs");
    house.change(Grant::NAME, grant, &Changes::new().set(grant::LEVEL, Level::None));
    assert_eq!(refusal(lin.get(Account::NAME, theirs)), Code::NotPermitted);
}

#[test]
fn a_salesperson_neither_deletes_nor_gives_away_even_what_is_their_own() {
    let house = database();
    let (lin, wang) = (house.user_as("lin", "salesperson"), house.user_as("wang", "salesperson"));
    let mine = account_of(&lin, "mine");
    let renamed = Changes::new().set("name", "renamed");
    lin.write(|transaction| transaction.update_record(Account::NAME, mine, renamed.clone())).unwrap();
    let deleted = lin.write(|transaction| transaction.delete_record(Account::NAME, mine));
    assert_eq!(refusal(deleted), Code::NotPermitted);
    let given = lin.write(|transaction| {
        transaction.update_record(Account::NAME, mine, Changes::new().owner(wang.user()))
    });
    assert_eq!(refusal(given), Code::NotPermitted);
    let made = lin.write(|transaction| transaction.create(account::named("x").owner(wang.user())));
    assert_eq!(refusal(made), Code::NotPermitted);
    let theirs = wang.write(|transaction| transaction.update_record(Account::NAME, mine, renamed.clone()));
    assert_eq!(refusal(theirs), Code::RecordNotFound);
}

#[test]
fn a_record_is_given_only_to_an_active_user() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let record = account_of(&house.admin, "someone's");
    house.change(User::NAME, lin.user(), &Changes::new().set(user::STATUS, UserStatus::Left));
    for owner in [lin.user(), record] {
        let given = house.admin.write(|transaction| {
            transaction.update_record(Account::NAME, record, Changes::new().owner(owner))
        });
        let error = given.unwrap_err();
        assert_eq!((error.code(), error.field_name()), (Code::ReferenceMissing, Some("owner")));
    }
}

/// A user who sees all accounts but not their revenue.
fn without_revenue(house: &House) -> Session {
    let grants = [
        ("crm.account", Action::Read, Level::All),
        ("crm.account", Action::Create, Level::All),
        ("crm.account", Action::Update, Level::All),
    ];
    house.user("lin", &[house.role_hiding("no revenue", &grants, "revenue, phone")])
}

#[test]
fn a_hidden_field_is_not_returned_by_any_read() {
    let house = database();
    let lin = without_revenue(&house);
    let changes = Changes::new().set("name", "加喜").set("revenue", Money::cny(5)).set("city", "上海");
    let id = house.create(Account::NAME, &changes);
    let row = lin.get(Account::NAME, id).unwrap();
    assert!(row.value("revenue").unwrap().is_null());
    assert_eq!(row.value("city").unwrap().as_text(), Some("上海"));
    let page = lin.list(Account::NAME, &Find::default()).unwrap();
    assert!(page.rows[0].value(account::REVENUE).unwrap().is_null());
    let json = guanxi::api::call(&lin, "record.get", &json!({"entity": "account", "id": id.to_string()}));
    assert!(json.unwrap()["values"].get("revenue").is_none());
    let described = guanxi::api::call(&lin, "schema.describe", &json!({"entity": "account"})).unwrap();
    let fields = described["entities"][0]["fields"].as_array().unwrap();
    assert!(fields.iter().all(|field| field["name"] != "revenue"));
    assert!(fields.iter().any(|field| field["name"] == "city"));
    lin.read(|reader| {
        reader.scan(Account::NAME, &everything(), &mut |row| {
            assert!(row.value("revenue")?.is_null());
            Ok(())
        })
    })
    .unwrap();
}

#[test]
fn a_hidden_field_is_neither_filtered_nor_sorted_nor_grouped_nor_summed_by() {
    let house = database();
    let lin = without_revenue(&house);
    let filters = [
        account::REVENUE.at_least(Money::cny(1)),
        account::REVENUE.is_empty(),
        account::REVENUE.is_not(Money::cny(1)),
        Condition::Any(vec![account::CITY.is("上海"), account::REVENUE.is(Money::cny(1))]),
    ];
    for filter in filters {
        assert_eq!(refusal(lin.count(Account::NAME, &filter)), Code::UnknownField);
        let find = Find { filter: filter.clone(), ..Find::default() };
        assert_eq!(refusal(lin.list(Account::NAME, &find)), Code::UnknownField);
        let share = Measure::Share(filter, everything());
        assert_eq!(refusal(lin.report(&report(share))), Code::UnknownField);
    }
    let find = Find { sort: vec![account::REVENUE.descending()], ..Find::default() };
    assert_eq!(refusal(lin.list(Account::NAME, &find)), Code::UnknownField);
    assert_eq!(refusal(lin.report(&report(Measure::Sum(account::REVENUE.into())))), Code::UnknownField);
    assert_eq!(refusal(lin.report(&report(Measure::Mean(account::REVENUE.into())))), Code::UnknownField);
    let by_phone = GroupBy { path: vec![account::PHONE.into()], bucket: None };
    let grouped = Report { group_by: vec![by_phone], ..report(Measure::Count) };
    assert_eq!(refusal(lin.report(&grouped)), Code::UnknownField);
}

fn report(measure: Measure) -> Report {
    let (entity, filter) = (Account::NAME.to_owned(), everything());
    Report { entity, filter, group_by: Vec::new(), measures: vec![measure] }
}

#[test]
fn a_hidden_field_cannot_be_set_and_survives_changes_of_the_others() {
    let house = database();
    let lin = without_revenue(&house);
    let made = lin
        .write(|transaction| transaction.create(account::named("x").with(account::REVENUE, Money::cny(1))));
    assert_eq!(refusal(made), Code::FieldNotPermitted);
    let id = house.create(Account::NAME, &Changes::new().set("name", "x").set("revenue", Money::cny(5)));
    let set = Changes::new().set("revenue", Money::cny(6));
    let changed = lin.write(|transaction| transaction.update_record(Account::NAME, id, set.clone()));
    assert_eq!(refusal(changed), Code::FieldNotPermitted);
    let renamed = Changes::new().set("name", "y");
    lin.write(|transaction| transaction.update_record(Account::NAME, id, renamed.clone())).unwrap();
    let row = house.admin.get(Account::NAME, id).unwrap();
    assert_eq!(row.value("revenue").unwrap(), Money::cny(5).into());
}

#[test]
fn a_title_that_is_hidden_cannot_be_probed_by_naming_it() {
    let house = database();
    let grants = [("crm.product", Action::Read, Level::All), ("crm.account", Action::Read, Level::All)];
    let lin = house.user("lin", &[house.role_hiding("no names", &grants, "name")]);
    let _ = house.create("crm.product", &Changes::new().set("name", "执照变更"));
    let _ = house.create("crm.account", &Changes::new().set("name", "加喜"));
    for (entity, title) in [("crm.product", "执照变更"), ("crm.account", "加喜")] {
        let found = lin.read(|reader| reader.find_by_title(entity, title));
        assert_eq!(refusal(found), Code::UnknownField, "{entity}");
        assert_eq!(lin.list(entity, &Find::default()).unwrap().rows[0].title(), "");
    }
}

#[test]
fn fields_that_rules_keep_may_be_hidden_from_those_whose_records_they_keep() {
    let house = database();
    let stages = [("crm.stage", Action::Read, Level::All)];
    let deals = [
        ("crm.opportunity", Action::Read, Level::Own),
        ("crm.opportunity", Action::Create, Level::Own),
        ("crm.opportunity", Action::Update, Level::Own),
    ];
    let roles = [house.role("stages", &stages), house.role_hiding("deals", &deals, "stage_since,closed_on")];
    let lin = house.user("lin", &roles);
    let deal = lin.write(|transaction| transaction.create(opportunity::titled("deal"))).unwrap();
    lin.write(|transaction| deal.win(transaction)).unwrap();
    let row = house.admin.get("opportunity", deal.id()).unwrap();
    assert_eq!(row.value("status").unwrap().as_text(), Some("won"));
    assert!(!row.value("closed_on").unwrap().is_null());
}

#[test]
fn a_field_that_one_role_hides_and_another_shows_is_shown_where_the_other_reaches() {
    let house = database();
    let grants = [("crm.account", Action::Read, Level::All)];
    let hiding = house.role_hiding("hiding", &grants, "city");
    let showing = house.role("showing", &[("crm.account", Action::Read, Level::Own)]);
    let both = house.user("both", &[hiding, showing]);
    let changes = Changes::new().set("name", "x").set("city", "上海");
    let id = house.create(Account::NAME, &changes);
    let mine = house.create(Account::NAME, &changes.owner(both.user()));
    let shown = |session: &Session, id| session.get(Account::NAME, id).unwrap().value("city").unwrap();
    let one = house.user("one", &[hiding]);
    assert!(shown(&one, id).is_null() && shown(&one, mine).is_null() && shown(&both, id).is_null());
    assert_eq!(shown(&both, mine).as_text(), Some("上海"));
    let wide = house.user("wide", &[hiding, house.role("wide", &grants)]);
    assert_eq!(shown(&wide, id).as_text(), Some("上海"));
}

#[test]
fn a_field_named_as_hidden_before_it_exists_is_hidden_from_its_first_moment() {
    let house = database();
    let lin = house.user("lin", &[house.role_hiding("r", &[("*", Action::Read, Level::All)], "x.salary")]);
    assert_eq!(lin.count(Account::NAME, &everything()).unwrap(), 0);
    let label = guanxi::base::Label::new("薪资", "Salary");
    let kind = guanxi::schema::FieldType::Int;
    let field = house.admin.define_field("account", "salary", label, kind, |_| {}).unwrap();
    let id = house.create(Account::NAME, &Changes::new().set("name", "x").set(field.as_str(), 5));
    assert!(lin.get(Account::NAME, id).unwrap().value(field.as_str()).unwrap().is_null());
}

#[test]
fn no_wildcard_hands_out_the_organisation_itself() {
    let house = database();
    let all = [
        Action::Create,
        Action::Read,
        Action::Update,
        Action::Delete,
        Action::Assign,
        Action::Export,
        Action::Import,
        Action::Administer,
    ];
    let lin = house.user("lin", &[house.role("all", &all.map(|action| ("*", action, Level::All)))]);
    for entity in ["sys.user", "sys.unit", "sys.role", "sys.grant", "sys.role_assignment"] {
        assert_eq!(refusal(lin.list(entity, &Find::default())), Code::NotPermitted, "{entity}");
        let made = lin.write(|transaction| transaction.create_record(entity, Changes::new()));
        assert_eq!(refusal(made), Code::NotPermitted, "{entity}");
    }
    for (method, parameters) in [
        ("ledger.list", json!({})),
        ("ledger.verify", json!({})),
        ("settings.set", json!({"settings": {"base_currency": "USD"}})),
        ("user.create", json!({"values": {"name": "x"}})),
    ] {
        let called = guanxi::api::call(&lin, method, &parameters);
        assert_eq!(refusal(called), Code::NotPermitted, "{method}");
    }
    assert_eq!(refusal(lin.set_password(house.admin.user(), "another password")), Code::NotPermitted);
}

#[test]
fn everybody_may_set_their_own_password() {
    let house = database();
    let lin = house.user("lin", &[]);
    lin.set_password(lin.user(), "a password of my own").unwrap();
    assert_eq!(house.crm.sign_in("lin", "a password of my own").unwrap().user(), lin.user());
    assert_eq!(refusal(house.crm.sign_in("lin", "another password")), Code::SignInFailed);
    assert_eq!(refusal(lin.set_password(lin.user(), "short")), Code::WeakPassword);
}

#[test]
fn a_reference_to_a_record_out_of_sight_is_missing_like_one_to_nothing() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let hidden = house.create(Account::NAME, &Changes::new().set("name", "hidden"));
    let nothing = RecordId::from_bytes([9; 16]);
    let error = |id: RecordId| {
        let made = lin.write(|transaction| {
            let changes = Changes::new().set("name", "x").set("account", id);
            transaction.create_record("contact", changes)
        });
        let error = made.unwrap_err();
        (error.code(), error.message(Locale::English).replace(&id.to_string(), "ID"))
    };
    assert_eq!(error(hidden), error(nothing));
    assert_eq!(error(hidden).0, Code::ReferenceMissing);
}

#[test]
fn a_record_is_not_found_alike_whether_it_is_missing_deleted_or_out_of_sight() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let hidden = house.create(Account::NAME, &Changes::new().set("name", "hidden"));
    let deleted = house.create(Account::NAME, &Changes::new().set("name", "deleted").owner(lin.user()));
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, deleted)).unwrap();
    let error = |id: RecordId| {
        let error = lin.get(Account::NAME, id).unwrap_err();
        let json = error.to_json(Locale::SimplifiedChinese).to_string();
        (error.code(), json.replace(&id.to_string(), "ID"))
    };
    let missing = error(RecordId::from_bytes([9; 16]));
    assert_eq!(missing.0, Code::RecordNotFound);
    assert_eq!(error(hidden), missing);
    assert_eq!(error(deleted), missing);
}

#[test]
fn an_external_id_of_a_record_out_of_sight_finds_nothing() {
    let house = database();
    let lin = house.user("lin", &[house.role("work", &WORK)]);
    let _ = house.create(Account::NAME, &Changes::new().set("name", "hidden").external_id("erp", "7"));
    let found = |session: &Session, key: &str| {
        session.read(|reader| reader.find_by_external_id("account", "erp", key)).unwrap()
    };
    assert!(found(&house.admin, "7").is_some());
    assert_eq!(found(&lin, "7"), found(&lin, "8"));
}

#[test]
fn search_counts_and_finds_only_what_its_user_sees() {
    let house = database();
    let (lin, wang) = (house.user_as("lin", "salesperson"), house.user_as("wang", "salesperson"));
    for (session, count) in [(&lin, 3), (&wang, 2), (&house.admin, 1)] {
        for number in 0..count {
            let _ = account_of(session, &format!("加喜企业 {number}"));
        }
    }
    for (session, seen) in [(&lin, 3), (&wang, 2), (&house.admin, 6)] {
        let page = session.search("加喜", None, 20, 0).unwrap();
        assert_eq!((page.total, page.hits.len()), (seen, usize::try_from(seen).unwrap()));
    }
    house.change(User::NAME, wang.user(), &Changes::new().set(user::REPORTS_TO, lin.user()));
    let manager = house.admin.read(|reader| reader.find_by_title("sys.role", "manager")).unwrap();
    let changes =
        Changes::new().set(role_assignment::USER, lin.user()).set(role_assignment::ROLE, manager[0]);
    let _ = house.create(RoleAssignment::NAME, &changes);
    assert_eq!(lin.search("加喜", None, 20, 0).unwrap().total, 5);
}

#[test]
fn what_one_role_forbids_no_other_allows() {
    let house = database();
    let open = house.role("open", &[("crm.account", Action::Read, Level::All)]);
    let lin = house.user("lin", &[open]);
    let mine = house.admin.write(|transaction| {
        transaction.create_record(Account::NAME, Changes::new().set("name", "加喜").owner(lin.user()))
    });
    let mine = mine.unwrap();
    let others = account_of(&house.admin, "其他");
    assert_eq!(lin.count(Account::NAME, &everything()).unwrap(), 2);
    house.grant(open, Effect::Deny, ("*", Action::Read, Level::Own), "");
    assert_eq!(refusal(lin.get(Account::NAME, mine)), Code::RecordNotFound);
    assert_eq!(lin.get(Account::NAME, others).unwrap().title(), "其他");
    assert_eq!(lin.count(Account::NAME, &everything()).unwrap(), 1);
    house.grant(open, Effect::Deny, ("crm.account", Action::Read, Level::All), "phone, email");
    assert_eq!(lin.count(Account::NAME, &everything()).unwrap(), 1, "only fields are forbidden by this");
    let by_phone = account::PHONE.is("+862164391234");
    assert_eq!(refusal(lin.count(Account::NAME, &by_phone)), Code::UnknownField);
    house.grant(open, Effect::Deny, ("crm.account", Action::Read, Level::All), "");
    assert_eq!(refusal(lin.get(Account::NAME, others)), Code::NotPermitted);
}

#[test]
fn nothing_crosses_a_partition_and_its_administrator_keeps_its_people_alone() {
    let house = database();
    let [north, south] = ["north", "south"].map(|name| house.partition(name));
    let all = [Action::Create, Action::Read, Action::Update, Action::Assign]
        .map(|action| ["*", "sys.*"].map(|of| (of, action, Level::All)));
    let keeper = house.role("keeper", &all.concat());
    let boss = house.user("boss", &[keeper]);
    house.change(User::NAME, boss.user(), &Changes::new().set(user::PARTITION, north));
    let beyond = account_of(&house.admin, "总部客户");
    let made = account_of(&boss, "展会客户");
    let lin = boss.write(|transaction| {
        let lin = transaction.create_record(User::NAME, Changes::new().set(user::NAME, "lin"))?;
        let role = Changes::new().set(role_assignment::USER, lin).set(role_assignment::ROLE, keeper);
        transaction.create_record(RoleAssignment::NAME, role)?;
        Ok(lin)
    });
    let lin = lin.unwrap();
    let elsewhere = Changes::new().set(user::NAME, "wang").set(user::PARTITION, south);
    let sent = boss.write(|transaction| transaction.create_record(User::NAME, elsewhere.clone()));
    assert_eq!(refusal(sent), Code::NotPermitted);
    for session in [&boss, &house.crm.session_for("lin").unwrap()] {
        assert_eq!(session.count(Account::NAME, &everything()).unwrap(), 1);
        assert_eq!(session.get(Account::NAME, made).unwrap().title(), "展会客户");
        assert_eq!(refusal(session.get(Account::NAME, beyond)), Code::RecordNotFound);
        assert_eq!(session.count(User::NAME, &everything()).unwrap(), 2, "boss and lin");
        let refers = Changes::new().set("name", "联系人").set("account", beyond);
        let refers = session.write(|transaction| transaction.create_record("crm.contact", refers.clone()));
        assert_eq!(refusal(refers), Code::ReferenceMissing);
        let given = Changes::new().owner(house.admin.user());
        let given =
            session.write(|transaction| transaction.update_record(Account::NAME, made, given.clone()));
        assert_eq!(refusal(given), Code::ReferenceMissing);
    }
    assert_eq!(house.admin.count(Account::NAME, &everything()).unwrap(), 1);
    assert_eq!(refusal(house.admin.get(Account::NAME, made)), Code::RecordNotFound);
    assert_eq!(house.admin.get(User::NAME, lin).unwrap().value(user::PARTITION).unwrap(), north.into());
    // Who moves to another partition leaves behind what is owned there.
    house.change(User::NAME, boss.user(), &Changes::new().set(user::PARTITION, south));
    assert_eq!(boss.count(Account::NAME, &everything()).unwrap(), 0);
    let _ = house.verified();
}

#[test]
fn a_masked_value_is_shown_as_a_mask_and_answers_no_question() {
    let house = database();
    let desk = house.role("desk", &[("crm.account", Action::Update, Level::All)]);
    let masks = Changes::new()
        .set(grant::MASKED_FIELDS, "phone")
        .set(grant::LIST_MASKED_FIELDS, "email")
        .set(grant::ROLE, desk)
        .set(grant::ENTITY, "crm.account")
        .set(grant::ACTION, Action::Read)
        .set(grant::LEVEL, Level::All);
    house.admin.write(|transaction| transaction.create_record(Grant::NAME, masks.clone())).unwrap();
    let lin = house.user("lin", &[desk]);
    let values = Changes::new().set("name", "加喜").set("phone", "13812345678").set("email", "lin@jiaxi.cn");
    let id =
        house.admin.write(|transaction| transaction.create_record(Account::NAME, values.clone())).unwrap();

    let row = lin.get(Account::NAME, id).unwrap();
    assert_eq!(row.value(account::PHONE).unwrap(), "+86138****5678".into());
    assert_eq!(row.value(account::EMAIL).unwrap(), "lin@jiaxi.cn".into());
    let fields = vec![account::PHONE.selector().into(), account::EMAIL.selector().into()];
    for question in [Question::from(Find::default()), Question { fields, ..Find::default().into() }] {
        let row = lin.query(Account::NAME, &question).unwrap().rows.remove(0);
        assert_eq!(row.value(account::PHONE).unwrap(), "+86138****5678".into());
        assert_eq!(row.value(account::EMAIL).unwrap(), "l****@jiaxi.cn".into());
    }
    for field in ["phone", "email"] {
        let known = Condition::Not(Box::new(Condition::IsNull(field.into())));
        assert_eq!(refusal(lin.count(Account::NAME, &known)), Code::FieldNotPermitted);
        let sorted = Find { sort: vec![(field.into(), Direction::Ascending)], ..Find::default() };
        assert_eq!(refusal(lin.list(Account::NAME, &sorted)), Code::FieldNotPermitted);
        let grouped = Report {
            entity: Account::NAME.to_owned(),
            filter: Condition::Everything,
            group_by: vec![GroupBy { path: vec![field.into()], bucket: None }],
            measures: vec![Measure::Count],
        };
        assert_eq!(refusal(lin.report(&grouped)), Code::FieldNotPermitted);
        let changed = Changes::new().set(field, "other@jiaxi.cn");
        let changed = lin.write(|transaction| transaction.update_record(Account::NAME, id, changed.clone()));
        assert_eq!(refusal(changed), Code::FieldNotPermitted);
    }
    for words in ["13812345678", "lin@jiaxi.cn"] {
        let found = guanxi::api::call(&lin, "search.find", &json!({"text": words})).unwrap();
        assert!(!found.to_string().contains("加喜"), "{found}");
        let found = guanxi::api::call(&house.admin, "search.find", &json!({"text": words})).unwrap();
        assert!(found.to_string().contains("加喜"), "{found}");
    }
    // A second role that shows the values shows them, until somebody forbids it.
    let open = house.role("open", &[("crm.account", Action::Read, Level::All)]);
    let both = house.user("both", &[desk, open]);
    assert_eq!(both.get(Account::NAME, id).unwrap().value(account::PHONE).unwrap(), "+8613812345678".into());
    let masks = masks.set(grant::EFFECT, Effect::Deny);
    house.admin.write(|transaction| transaction.create_record(Grant::NAME, masks.clone())).unwrap();
    let row = both.get(Account::NAME, id).unwrap();
    assert_eq!(row.value(account::PHONE).unwrap(), "+86138****5678".into());
    assert_eq!(row.value(account::EMAIL).unwrap(), "lin@jiaxi.cn".into());
    assert_eq!(
        house.admin.get(Account::NAME, id).unwrap().value(account::PHONE).unwrap(),
        "+8613812345678".into()
    );
}

#[test]
fn a_field_is_read_only_where_no_grant_to_change_sets_it() {
    let house = database();
    let read = ("crm.account", Action::Read, Level::All);
    let desk = house.role("desk", &[read, ("crm.account", Action::Create, Level::All)]);
    let update = Changes::new()
        .set(grant::READ_ONLY_FIELDS, "email")
        .set(grant::ROLE, desk)
        .set(grant::ENTITY, "crm.account")
        .set(grant::ACTION, Action::Update)
        .set(grant::LEVEL, Level::All);
    house.admin.write(|transaction| transaction.create_record(Grant::NAME, update.clone())).unwrap();
    let lin = house.user("lin", &[desk]);
    let values = Changes::new().set("name", "加喜").set("email", "lin@jiaxi.cn");
    let id = lin.write(|transaction| transaction.create_record(Account::NAME, values.clone())).unwrap();
    let set = |session: &Session, field: &str| {
        let changes = Changes::new().set(field, "wang@jiaxi.cn");
        session.write(|transaction| transaction.update_record(Account::NAME, id, changes.clone()))
    };
    assert!(set(&lin, "name").is_ok());
    assert_eq!(refusal(set(&lin, "email")), Code::FieldNotPermitted);
    assert_eq!(lin.get(Account::NAME, id).unwrap().value(account::EMAIL).unwrap(), "lin@jiaxi.cn".into());
    let free = house.role("free", &[("crm.account", Action::Update, Level::All)]);
    assert!(set(&house.user("both", &[desk, free]), "email").is_ok());
    // A grant to set it in one's own records does not set it in those of others.
    let own = house.role("own", &[("crm.account", Action::Update, Level::Own)]);
    assert_eq!(refusal(set(&house.user("other", &[desk, own]), "email")), Code::FieldNotPermitted);
}

#[test]
fn what_follows_from_a_masked_field_is_hidden() {
    let house = database();
    let formula = guanxi::schema::FieldType::Formula {
        expression: "employees * 2".to_owned(),
        gives: guanxi::base::ValueKind::Int,
    };
    let label = guanxi::base::Label::new("两倍", "Double");
    house.admin.define_field(Account::NAME, "double", label, formula, |_| ()).unwrap();
    let role = house.role("desk", &[]);
    let masks = Changes::new()
        .set(grant::MASKED_FIELDS, "employees")
        .set(grant::ROLE, role)
        .set(grant::ENTITY, "*")
        .set(grant::ACTION, Action::Read)
        .set(grant::LEVEL, Level::All);
    house.admin.write(|transaction| transaction.create_record(Grant::NAME, masks.clone())).unwrap();
    let values = Changes::new().set("name", "加喜").set("employees", 21);
    let id =
        house.admin.write(|transaction| transaction.create_record(Account::NAME, values.clone())).unwrap();
    let row = house.user("lin", &[role]).get(Account::NAME, id).unwrap();
    assert_eq!(row.value("employees").unwrap(), "****".into());
    assert!(row.value("double").unwrap().is_null());
    assert_eq!(house.admin.get(Account::NAME, id).unwrap().value("double").unwrap(), 42.into());
}

#[test]
fn nobody_says_who_made_a_record_or_gives_it_away_by_importing_it() {
    let house = database();
    let roles = [("*", Action::Import, Level::Own), ("sys.user", Action::Read, Level::All)];
    let lin = house.user("lin", &[house.role("work", &[&WORK[..], &roles].concat())]);
    for field in ["created_by", "created_at", "modified_by", "modified_at", "version", "partition", "unit"] {
        let given = json!({"entity": "account", "values": {"name": "x", field: "2001-01-01T00:00:00Z"}});
        assert!(guanxi::api::call(&lin, "record.create", &given).is_err(), "{field}");
    }
    let options = guanxi::features::exchange::ImportOptions::default();
    let file = "name,created_by,created_at\nforged,admin,2001-01-01T00:00:00Z\n";
    if let Ok(report) = lin.import_csv(Account::NAME, file.as_bytes(), &options, &mut |_| {}) {
        assert!(report.rejected + report.created == 1);
    }
    for row in lin.list(Account::NAME, &Find::default()).unwrap().rows {
        let envelope = &row.record.envelope;
        assert_eq!((envelope.created_by, envelope.owner), (lin.user(), lin.user()));
        assert_eq!(envelope.created.at(), house.crm.now());
    }
    let file = "name,owner\ngiven,admin\nkept,lin\n";
    let report = lin.import_csv(Account::NAME, file.as_bytes(), &options, &mut |_| {}).unwrap();
    assert_eq!((report.created, report.rejected), (1, 1));
    assert_eq!(house.admin.count(Account::NAME, &account::NAME.is("given")).unwrap(), 0);
}
