//! Single records that are shared: who sees and changes them by that, in every way there is, and where it ends.

use guanxi::api::call;
use guanxi::engine::{
    Action, At, Effect, Find, Level, LinkFind, NewShare, RecordShare, ShareLevel, Sharee, User, UserStatus,
    user,
};
use guanxi::features::reports::{Figure, GroupBy, Measure, Report};
use guanxi::model::{Account, Contact, account, contact};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, Locale, RecordId, Session, Value};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

const EVERYTHING: Condition = Condition::Everything;

/// Somebody who reads and changes their own records, and no more.
fn clerk(house: &House, name: &str) -> Session {
    house.user_who_may(name, &[Action::Create, Action::Read, Action::Update])
}

fn account_of(session: &Session, name: &str) -> RecordId {
    let changes = Changes::new().set("name", name).set("employees", 50).set("city", "上海");
    session.write(|transaction| transaction.create_record(Account::NAME, changes.clone())).unwrap()
}

fn with(session: &Session, level: ShareLevel) -> NewShare {
    NewShare::new(Sharee::User(session.user()), level)
}

fn rename(session: &Session, id: RecordId) -> guanxi::Result<()> {
    let changes = Changes::new().set("name", "renamed");
    session.write(|transaction| transaction.update_record(Account::NAME, id, changes.clone()).map(drop))
}

fn listed(session: &Session, find: &Find) -> Vec<RecordId> {
    let page = session.list(Account::NAME, find).unwrap();
    page.rows.iter().map(|row| row.record.id).collect()
}

fn found(session: &Session, text: &str) -> (Vec<RecordId>, u64) {
    let page = session.search(text, None, 10, 0).unwrap();
    (page.hits.iter().map(|hit| hit.listing.record.id).collect(), page.total)
}

/// Every way in which somebody comes to know of an account of the city: all say the same number.
fn ways(session: &Session) -> Vec<u64> {
    let in_city = account::CITY.is("上海");
    let report = |filter: &Condition, group_by: Vec<GroupBy>| {
        let measures = vec![Measure::Count];
        let table =
            session.report(&Report { entity: "account".into(), filter: filter.clone(), group_by, measures });
        table.unwrap().rows.iter().fold(0, |sum, row| match row.figures.as_slice() {
            [Figure::Count(count)] => sum + count,
            _ => sum,
        })
    };
    let owner = || vec![GroupBy { path: vec!["owner".into()], bucket: None }];
    let sum = Report {
        entity: "account".into(),
        filter: EVERYTHING,
        group_by: vec![],
        measures: vec![Measure::Sum("employees".into())],
    };
    let sum = match session.report(&sum).unwrap().rows[0].figures.as_slice() {
        [Figure::Number(sum)] => sum.to_string().parse::<u64>().unwrap() / 50,
        _ => 0,
    };
    let find = |filter: &Condition| Find { filter: filter.clone(), ..Find::default() };
    let mut scanned = 0;
    session
        .read(|reader| {
            reader.scan(Account::NAME, &EVERYTHING, &mut |_| {
                scanned += 1;
                Ok(())
            })
        })
        .unwrap();
    let past =
        session.list_as_of(Account::NAME, &EVERYTHING, At::Time(session.crm().now()), None, 0).unwrap();
    vec![
        u64::try_from(listed(session, &find(&EVERYTHING)).len()).unwrap(),
        u64::try_from(listed(session, &find(&in_city)).len()).unwrap(),
        session.count(Account::NAME, &EVERYTHING).unwrap(),
        session.count(Account::NAME, &in_city).unwrap(),
        session.count(Account::NAME, &account::EMPLOYEES.at_least(1)).unwrap(),
        report(&EVERYTHING, vec![]),
        report(&EVERYTHING, owner()),
        report(&in_city, owner()),
        sum,
        found(session, "加喜").1,
        scanned,
        u64::try_from(past.rows.len()).unwrap(),
    ]
}

#[test]
fn a_shared_record_is_there_in_every_way_of_asking_and_gone_when_it_is_taken_back() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), clerk(&house, "wang"));
    let theirs = account_of(&lin, "加喜 one");
    let _ = account_of(&lin, "加喜 two");
    let _ = account_of(&wang, "加喜 three");
    assert_eq!(ways(&wang), vec![1; 12]);
    assert_eq!(refusal(wang.get(Account::NAME, theirs)), Code::RecordNotFound);
    let share = lin.share(Account::NAME, theirs, &with(&wang, ShareLevel::Read)).unwrap();
    assert_eq!(ways(&wang), vec![2; 12]);
    assert_eq!(wang.get(Account::NAME, theirs).unwrap().title(), "加喜 one");
    assert_eq!(wang.history(Account::NAME, theirs, None, 0).unwrap().versions.len(), 1);
    assert_eq!(refusal(rename(&wang, theirs)), Code::NotPermitted);
    assert_eq!(ways(&lin), vec![2; 12]);
    let told = wang.shares(Account::NAME, theirs).unwrap();
    assert_eq!((told[0].id, told[0].by, told[0].holds), (share, lin.user(), true));
    lin.unshare(Account::NAME, theirs, Sharee::User(wang.user())).unwrap();
    assert_eq!(ways(&wang), vec![1; 12]);
    assert_eq!(refusal(wang.get(Account::NAME, theirs)), Code::RecordNotFound);
    let _ = house.verified();
}

#[test]
fn each_level_lets_be_done_what_it_says_and_no_more() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let li = house.worker("li");
    let attach = |session: &Session, id: RecordId| {
        session.attach(Account::NAME, id, "a.txt", "text/plain", &mut b"x".as_slice()).map(drop)
    };
    let lock = |session: &Session, id: RecordId| {
        session.write(|transaction| {
            transaction.lock_record(Account::NAME, id, None)?;
            transaction.unlock_record(Account::NAME, id, None).map(drop)
        })
    };
    let give = |session: &Session, id: RecordId, owner: RecordId| {
        let changes = Changes::new().owner(owner);
        session.write(|transaction| transaction.update_record(Account::NAME, id, changes.clone()).map(drop))
    };
    let delete = |session: &Session, id: RecordId| {
        session.write(|transaction| transaction.delete_record(Account::NAME, id))
    };
    for (level, edits, all) in
        [(ShareLevel::Read, false, false), (ShareLevel::Edit, true, false), (ShareLevel::Full, true, true)]
    {
        let record = account_of(&lin, "shared");
        lin.share(Account::NAME, record, &with(&wang, level)).unwrap();
        let is = |allowed: bool| if allowed { None } else { Some(Code::NotPermitted) };
        let code = |result: guanxi::Result<()>| result.err().map(|error| error.code());
        assert_eq!(code(rename(&wang, record)), is(edits), "{level:?}");
        assert_eq!(code(attach(&wang, record)), is(edits), "{level:?}");
        assert_eq!(code(lock(&wang, record)), is(all), "{level:?}");
        assert_eq!(code(wang.share(Account::NAME, record, &with(&li, ShareLevel::Read)).map(drop)), is(all));
        assert_eq!(code(give(&wang, record, li.user())), is(all), "{level:?}");
        assert_eq!(code(delete(&wang, record)), is(all), "{level:?}");
    }
}

#[test]
fn a_share_needs_a_grant_of_the_action_at_some_level() {
    let house = database();
    let lin = house.worker("lin");
    let reader = house.user("reader", &[house.role("reads", &[("crm.account", Action::Read, Level::Own)])]);
    let nobody = house.user("nobody", &[]);
    let record = account_of(&lin, "加喜");
    for session in [&reader, &nobody] {
        lin.share(Account::NAME, record, &with(session, ShareLevel::Full)).unwrap();
    }
    assert_eq!(reader.get(Account::NAME, record).unwrap().title(), "加喜");
    assert_eq!(refusal(rename(&reader, record)), Code::NotPermitted);
    assert_eq!(
        refusal(reader.share(Account::NAME, record, &with(&nobody, ShareLevel::Read))),
        Code::NotPermitted
    );
    assert_eq!(refusal(nobody.get(Account::NAME, record)), Code::NotPermitted);
    assert_eq!(refusal(nobody.count(Account::NAME, &EVERYTHING)), Code::NotPermitted);
}

#[test]
fn nobody_shares_what_they_do_not_see_nor_more_than_they_have() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let li = clerk(&house, "li");
    let theirs = account_of(&lin, "加喜");
    // One that is hidden is told of in the words of one that is not there.
    let told = |id: RecordId| {
        let error = wang.share(Account::NAME, id, &with(&li, ShareLevel::Read)).unwrap_err();
        (error.code(), error.to_json(Locale::English).to_string().replace(&id.to_string(), "ID"))
    };
    assert_eq!(told(theirs), told(RecordId::from_bytes([9; 16])));
    assert_eq!(told(theirs).0, Code::RecordNotFound);
    assert_eq!(refusal(wang.shares(Account::NAME, theirs)), Code::RecordNotFound);
    assert_eq!(refusal(wang.unshare(Account::NAME, theirs, Sharee::User(li.user()))), Code::RecordNotFound);
    // Without the right to share nobody shares, not even what is theirs.
    let mine = account_of(&li, "mine");
    assert_eq!(refusal(li.share(Account::NAME, mine, &with(&wang, ShareLevel::Read))), Code::NotPermitted);
    // Who may not delete gives no level that deletes.
    let shares =
        [Action::Create, Action::Read, Action::Update, Action::Share].map(|it| ("*", it, Level::Own));
    let zhao = house.user("zhao", &[house.role("shares", &shares)]);
    let record = account_of(&zhao, "zhao's");
    let error = zhao.share(Account::NAME, record, &with(&wang, ShareLevel::Full)).unwrap_err();
    assert_eq!((error.code(), error.rule_name()), (Code::BeyondOwnRights, Some("delete")));
    zhao.share(Account::NAME, record, &with(&wang, ShareLevel::Edit)).unwrap();
    // What is deleted, and what is the organisation's, is not shared; nor is anything with oneself or a stranger.
    zhao.unshare(Account::NAME, record, Sharee::User(wang.user())).unwrap();
    let admin = |entity: &str, id: RecordId, share: &NewShare| refusal(house.admin.share(entity, id, share));
    assert_eq!(admin(User::NAME, lin.user(), &with(&wang, ShareLevel::Read)), Code::InvalidArgument);
    assert_eq!(admin(Account::NAME, record, &with(&house.admin, ShareLevel::Read)), Code::InvalidArgument);
    let stranger = NewShare::new(Sharee::User(record), ShareLevel::Read);
    assert_eq!(admin(Account::NAME, record, &stranger), Code::ReferenceMissing);
    let stranger = NewShare::new(Sharee::Team(record), ShareLevel::Read);
    assert_eq!(admin(Account::NAME, record, &stranger), Code::ReferenceMissing);
    house.change(User::NAME, li.user(), &Changes::new().set(user::STATUS, UserStatus::Left));
    assert_eq!(admin(Account::NAME, record, &with(&li, ShareLevel::Read)), Code::ReferenceMissing);
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, record)).unwrap();
    assert_eq!(admin(Account::NAME, record, &with(&wang, ShareLevel::Read)), Code::RecordNotFound);
}

#[test]
fn a_record_that_is_shared_on_is_shared_no_wider_and_no_longer() {
    let house = database();
    let (lin, wang, li) = (house.worker("lin"), house.worker("wang"), house.worker("li"));
    let record = account_of(&lin, "加喜");
    let until = moment("2026-12-01T00:00:00Z");
    lin.share(Account::NAME, record, &with(&wang, ShareLevel::Full).until(until)).unwrap();
    let on = |share: NewShare| wang.share(Account::NAME, record, &share);
    let error = on(with(&li, ShareLevel::Read)).unwrap_err();
    assert_eq!((error.code(), error.rule_name()), (Code::BeyondOwnRights, Some("until")));
    let later = moment("2026-12-01T00:00:01Z");
    assert_eq!(refusal(on(with(&li, ShareLevel::Read).until(later))), Code::BeyondOwnRights);
    on(with(&li, ShareLevel::Read).until(until)).unwrap();
    assert_eq!(li.count(Account::NAME, &EVERYTHING).unwrap(), 1);
    // Whoever made a share takes it back, and so does whom it is with; what was shared on stays.
    li.unshare(Account::NAME, record, Sharee::User(li.user())).unwrap();
    assert_eq!(li.count(Account::NAME, &EVERYTHING).unwrap(), 0);
    on(with(&li, ShareLevel::Edit).until(until)).unwrap();
    lin.unshare(Account::NAME, record, Sharee::User(wang.user())).unwrap();
    assert_eq!(refusal(wang.get(Account::NAME, record)), Code::RecordNotFound);
    rename(&li, record).unwrap();
    // To share again changes the share that there is.
    let first = lin.share(Account::NAME, record, &with(&li, ShareLevel::Read)).unwrap();
    assert_eq!(lin.share(Account::NAME, record, &with(&li, ShareLevel::Read)).unwrap(), first);
    assert_eq!(refusal(rename(&li, record)), Code::NotPermitted);
    assert_eq!(lin.shares(Account::NAME, record).unwrap().len(), 1);
}

#[test]
fn a_share_holds_from_its_beginning_up_to_its_end_and_does_not_live_again_by_a_clock_set_back() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), clerk(&house, "wang"));
    let record = account_of(&lin, "加喜");
    let share = NewShare {
        from: Some(moment("2026-11-23T00:00:00Z")),
        until: Some(moment("2026-11-24T00:00:00Z")),
        ..with(&wang, ShareLevel::Edit)
    };
    lin.share(Account::NAME, record, &share).unwrap();
    let sees =
        || (wang.get(Account::NAME, record).is_ok(), wang.count(Account::NAME, &EVERYTHING).unwrap() == 1);
    assert_eq!(sees(), (false, false));
    house.clock.set(moment("2026-11-22T23:59:59.999999Z"));
    assert_eq!(sees(), (false, false));
    house.clock.set(moment("2026-11-23T00:00:00Z"));
    assert_eq!(sees(), (true, true));
    rename(&wang, record).unwrap();
    house.clock.set(moment("2026-11-23T23:59:59.999999Z"));
    assert_eq!(sees(), (true, true));
    house.clock.set(moment("2026-11-24T00:00:00Z"));
    assert_eq!(sees(), (false, false));
    assert_eq!(refusal(rename(&wang, record)), Code::RecordNotFound);
    house.clock.set(moment("2026-11-23T12:00:00Z"));
    assert_eq!(sees(), (false, false));
    // An end that lies behind the newest moment that the ledger knows is refused, whatever the clock says now.
    let over = with(&wang, ShareLevel::Read).until(moment("2026-11-23T18:00:00Z"));
    assert_eq!(refusal(lin.share(Account::NAME, record, &over)), Code::InvalidArgument);
    house.clock.set(moment("2026-11-24T00:00:01Z"));
    let _ = account_of(&lin, "later");
    house.clock.set(moment("2026-11-23T12:00:00Z"));
    drop((lin, wang));
    let house = house.reopened();
    let wang = house.crm.session_for("wang").unwrap();
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 0);
}

#[test]
fn denials_partitions_masks_hidden_fields_and_modules_win_over_a_share() {
    let house = database();
    let lin = house.worker("lin");
    let role = house.role("denied", &[("crm.account", Action::Read, Level::Own)]);
    house.grant(role, Effect::Deny, ("crm.account", Action::Read, Level::OwnAndSubordinates), "");
    let boss = house.user("boss", &[role]);
    house.change(User::NAME, lin.user(), &Changes::new().set(user::REPORTS_TO, boss.user()));
    let record = account_of(&lin, "加喜");
    lin.share(Account::NAME, record, &with(&boss, ShareLevel::Full)).unwrap();
    assert_eq!(refusal(boss.get(Account::NAME, record)), Code::RecordNotFound);
    assert_eq!(boss.count(Account::NAME, &EVERYTHING).unwrap(), 0);
    assert_eq!(found(&boss, "加喜"), (Vec::new(), 0));
    // Hidden from the widest grant, hidden in what is shared, though the person's own show it.
    let reads = house.role_hiding("reads", &[("crm.account", Action::Read, Level::Unit)], "city");
    house.grant(reads, Effect::Allow, ("crm.account", Action::Read, Level::Own), "");
    let wang = house.user("wang", &[reads]);
    lin.share(Account::NAME, record, &with(&wang, ShareLevel::Read)).unwrap();
    let row = wang.get(Account::NAME, record).unwrap();
    assert!(row.value("city").unwrap().is_null() && !row.value("name").unwrap().is_null());
    let find = Find { filter: account::CITY.is("上海"), ..Find::default() };
    assert_eq!(refusal(wang.list(Account::NAME, &find)), Code::FieldNotPermitted);
    assert_eq!(found(&wang, "上海"), (Vec::new(), 0));
    // Nobody beyond a partition is known, and who goes there leaves what is shared behind.
    let north = house.partition("north");
    let zhao = clerk(&house, "zhao");
    lin.share(Account::NAME, record, &with(&zhao, ShareLevel::Read)).unwrap();
    assert_eq!(zhao.count(Account::NAME, &EVERYTHING).unwrap(), 1);
    house.change(User::NAME, zhao.user(), &Changes::new().set(user::PARTITION, north));
    assert_eq!(zhao.count(Account::NAME, &EVERYTHING).unwrap(), 0);
    assert_eq!(refusal(zhao.get(Account::NAME, record)), Code::RecordNotFound);
    let refused = lin.share(Account::NAME, record, &with(&zhao, ShareLevel::Read));
    assert_eq!(refusal(refused), Code::ReferenceMissing);
}

#[test]
fn pages_sorted_either_way_meet_each_shared_record_once_in_its_place() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), clerk(&house, "wang"));
    let mut all = Vec::new();
    for number in 0..12_i64 {
        let maker = if number % 3 == 0 { &wang } else { &lin };
        let changes = Changes::new()
            .set("name", format!("account {:02}", (number * 7) % 12))
            .set("employees", number % 4);
        let id =
            maker.write(|transaction| transaction.create_record(Account::NAME, changes.clone())).unwrap();
        if number % 3 == 1 {
            lin.share(Account::NAME, id, &with(&wang, ShareLevel::Read)).unwrap();
        }
        if number % 3 != 2 {
            all.push((format!("account {:02}", (number * 7) % 12), number % 4, id));
        }
    }
    let sorts: [(&str, bool); 3] = [("name", false), ("employees", true), ("employees", false)];
    for (field, falling) in sorts {
        let direction = if falling {
            guanxi::engine::Direction::Descending
        } else {
            guanxi::engine::Direction::Ascending
        };
        for limit in [1, 2, 3, 5, 100] {
            let mut expected = all.clone();
            expected.sort_by(|left, right| {
                let key = |row: &(String, i64, RecordId)| match field {
                    "name" => (row.0.clone(), 0, row.2),
                    _ => (String::new(), row.1, row.2),
                };
                if falling { key(right).cmp(&key(left)) } else { key(left).cmp(&key(right)) }
            });
            let mut find = Find { sort: vec![(field.into(), direction)], limit, ..Find::default() };
            let mut met = Vec::new();
            loop {
                let page = wang.list(Account::NAME, &find).unwrap();
                met.extend(page.rows.iter().map(|row| row.record.id));
                match page.next {
                    Some(next) => find.after = Some(next),
                    None => break,
                }
            }
            let expected: Vec<RecordId> = expected.iter().map(|row| row.2).collect();
            assert_eq!(met, expected, "{field} {falling} {limit}");
        }
    }
    let ids: Vec<RecordId> = all.iter().map(|row| row.2).collect();
    assert_eq!(listed(&wang, &Find::default()), ids);
}

#[test]
fn what_refers_to_a_shared_record_leads_to_it_and_asks_back_along_it() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), clerk(&house, "wang"));
    let company = account_of(&lin, "加喜");
    let person = |session: &Session, name: &str| {
        let changes = Changes::new().set("name", name).set("account", company);
        session.write(|transaction| transaction.create_record(Contact::NAME, changes.clone()))
    };
    assert_eq!(refusal(person(&wang, "before")), Code::ReferenceMissing);
    lin.share(Account::NAME, company, &with(&wang, ShareLevel::Read)).unwrap();
    let mine = person(&wang, "mine").unwrap();
    let theirs = person(&lin, "theirs").unwrap();
    let of_city = contact::ACCOUNT.to(account::CITY.is("上海"));
    let find = |filter: Condition| Find { filter, ..Find::default() };
    let people = |filter: Condition| -> Vec<RecordId> {
        let page = wang.list(Contact::NAME, &find(filter)).unwrap();
        page.rows.iter().map(|row| row.record.id).collect()
    };
    assert_eq!(people(of_city.clone()), [mine]);
    lin.share(Contact::NAME, theirs, &with(&wang, ShareLevel::Read)).unwrap();
    assert_eq!(people(of_city.clone()), [mine, theirs]);
    lin.unshare(Account::NAME, company, Sharee::User(wang.user())).unwrap();
    assert_eq!(people(of_city), []);
}

#[test]
fn every_share_is_in_the_ledger_and_a_refusal_too() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), clerk(&house, "wang"));
    let record = account_of(&lin, "加喜");
    let share = lin.share(Account::NAME, record, &with(&wang, ShareLevel::Read)).unwrap();
    lin.unshare(Account::NAME, record, Sharee::User(wang.user())).unwrap();
    let query = json!({"entity": "sys.share", "record": share.to_string()});
    let told = call(&house.admin, "ledger.query", &query).unwrap();
    let causes: Vec<&str> =
        told["entries"].as_array().unwrap().iter().map(|entry| entry["cause"].as_str().unwrap()).collect();
    assert!(causes.contains(&"record.share") && causes.contains(&"record.unshare"), "{told}");
}

#[test]
fn the_door_of_all_records_holds_shares_to_the_same_rules() {
    let house = database();
    let keeps = [Action::Create, Action::Read, Action::Update, Action::Delete]
        .map(|action| ("sys.share", action, Level::All));
    let lin = house.user(
        "lin",
        &[
            house.role("keeps", &keeps),
            house.role(
                "own",
                &[
                    ("*", Action::Read, Level::Own),
                    ("*", Action::Create, Level::Own),
                    ("sys.user", Action::Read, Level::All),
                ],
            ),
        ],
    );
    let wang = clerk(&house, "wang");
    let (mine, hidden) = (account_of(&lin, "mine"), account_of(&house.admin, "hidden"));
    let stated = |record: RecordId, level: &str| {
        let changes = Changes::new()
            .set("entity", "crm.account")
            .set("record", record.to_string())
            .set("level", level)
            .set("user", wang.user());
        lin.write(|transaction| transaction.create_record(RecordShare::NAME, changes.clone()))
    };
    assert_eq!(refusal(stated(hidden, "read")), Code::RecordNotFound);
    assert_eq!(refusal(stated(mine, "read")), Code::NotPermitted);
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 0);
    let changes = Changes::new().set("entity", "crm.account").set("record", "nothing").set("level", "read");
    let made = house.admin.write(|transaction| transaction.create_record(RecordShare::NAME, changes.clone()));
    assert_eq!(refusal(made), Code::InvalidArgument);
    let share = house.admin.share(Account::NAME, hidden, &with(&wang, ShareLevel::Read)).unwrap();
    let wider = Changes::new().set("level", "full");
    let changed = lin.write(|transaction| transaction.update_record(RecordShare::NAME, share, wider.clone()));
    assert_eq!(refusal(changed), Code::RecordNotFound);
    assert_eq!(refusal(rename(&wang, hidden)), Code::NotPermitted);
}

#[test]
fn hosts_share_by_named_methods() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), clerk(&house, "wang"));
    let record = account_of(&lin, "加喜");
    let given = json!({
        "entity": "account", "id": record.to_string(), "user": wang.user().to_string(), "level": "edit",
        "until": "2026-12-01T00:00:00Z", "reason": "代班",
    });
    let share = call(&lin, "record.share", &given).unwrap();
    let told = call(&lin, "record.shares", &json!({"entity": "account", "id": record.to_string()})).unwrap();
    let row = &told["shares"][0];
    assert_eq!(row["id"], share["id"]);
    assert_eq!((row["level"].as_str(), row["reason"].as_str()), (Some("edit"), Some("代班")));
    assert_eq!((row["user"].as_str(), row["holds"].as_bool()), (Some(&*wang.user().to_string()), Some(true)));
    rename(&wang, record).unwrap();
    let both = json!({"entity": "account", "id": record.to_string(), "level": "read"});
    assert_eq!(refusal(call(&lin, "record.share", &both)), Code::InvalidArgument);
    let taken = json!({"entity": "account", "id": record.to_string(), "user": wang.user().to_string()});
    call(&lin, "record.unshare", &taken).unwrap();
    assert_eq!(refusal(call(&lin, "record.unshare", &taken)), Code::RecordNotFound);
    assert_eq!(refusal(rename(&wang, record)), Code::RecordNotFound);
}

#[test]
fn shares_are_bounded_for_each_person_and_record_and_those_that_have_ended_make_room() {
    let house = House::with(|options| options.most_shares(3, 2));
    let lin = house.worker("lin");
    let people = ["wang", "li", "zhao"].map(|name| clerk(&house, name));
    let share =
        |id: RecordId, session: &Session| lin.share(Account::NAME, id, &with(session, ShareLevel::Read));
    let record = account_of(&lin, "of many");
    for session in &people[..2] {
        share(record, session).unwrap();
    }
    let error = share(record, &people[2]).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::LimitExceeded, Some("record")));
    assert!(error.rule_name().unwrap().contains('2'), "the limit is named");
    let ends = with(&people[0], ShareLevel::Read).until(moment("2026-11-23T00:00:00Z"));
    lin.share(Account::NAME, account_of(&lin, "ends"), &ends).unwrap();
    share(account_of(&lin, "third"), &people[0]).unwrap();
    let fourth = account_of(&lin, "fourth");
    let error = share(fourth, &people[0]).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::LimitExceeded, Some("user")));
    assert_eq!(people[0].count(Account::NAME, &EVERYTHING).unwrap(), 3);
    house.clock.set(moment("2026-11-23T00:00:00Z"));
    share(fourth, &people[0]).unwrap();
    assert_eq!(people[0].count(Account::NAME, &EVERYTHING).unwrap(), 3);
}

#[test]
fn many_shares_of_one_transaction_are_bounded_as_those_of_several_are() {
    let house = House::with(|options| options.most_shares(3, 2));
    let (lin, wang) = (house.worker("lin"), clerk(&house, "wang"));
    let records: Vec<RecordId> = (0..5).map(|number| account_of(&lin, &format!("no. {number}"))).collect();
    let share = with(&wang, ShareLevel::Read);
    lin.write(|transaction| {
        let give = |transaction: &mut guanxi::Transaction<'_>, place: usize| {
            transaction.share_record(Account::NAME, records[place], &share)
        };
        give(transaction, 0)?;
        let point = transaction.savepoint();
        give(transaction, 1)?;
        transaction.roll_back_to(point);
        give(transaction, 1)?;
        give(transaction, 2)?;
        assert_eq!(refusal(give(transaction, 3)), Code::LimitExceeded);
        transaction.unshare_record(Account::NAME, records[0], share.with)?;
        give(transaction, 3)?;
        assert_eq!(refusal(give(transaction, 4)), Code::LimitExceeded);
        Ok(())
    })
    .unwrap();
    assert_eq!(wang.count(Account::NAME, &EVERYTHING).unwrap(), 3);
}

#[test]
fn conditions_tell_nothing_of_records_that_a_share_does_not_open() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), clerk(&house, "wang"));
    let (shared, hidden) = (account_of(&lin, "shared"), account_of(&lin, "hidden"));
    lin.share(Account::NAME, shared, &with(&wang, ShareLevel::Read)).unwrap();
    let employees = |count: i64| {
        let changes = Changes::new().set("employees", count);
        lin.write(|transaction| transaction.update_record(Account::NAME, hidden, changes.clone()).map(drop))
            .unwrap();
    };
    let asked = || {
        let counts = (0..64).map(|least| {
            let filter = account::EMPLOYEES.at_least(least);
            let some = Find { filter: filter.clone(), limit: 1, ..Find::default() };
            (
                wang.count(Account::NAME, &filter).unwrap(),
                listed(&wang, &some),
                wang.list(Account::NAME, &some).unwrap().next.is_some(),
            )
        });
        (counts.collect::<Vec<_>>(), found(&wang, "hidden"), found(&wang, "shared"))
    };
    employees(1);
    let before = asked();
    employees(60);
    assert_eq!(asked(), before);
    assert_eq!(before.1, (Vec::new(), 0));
}

#[test]
fn alternatives_and_conditions_asked_back_take_shared_records_in_once() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), clerk(&house, "wang"));
    let (company, other) = (account_of(&lin, "加喜"), account_of(&lin, "other"));
    let mine = account_of(&wang, "mine");
    let person = |session: &Session, of: RecordId| {
        let changes = Changes::new().set("name", "somebody").set("account", of);
        session.write(|transaction| transaction.create_record(Contact::NAME, changes.clone())).unwrap()
    };
    let theirs = person(&lin, company);
    let _ = person(&wang, mine);
    lin.share(Account::NAME, company, &with(&wang, ShareLevel::Read)).unwrap();
    let named = |name: &str| account::NAME.is(name);
    let either = Condition::Any(vec![named("加喜"), account::CITY.is("上海"), named("other")]);
    let has = || contact::ACCOUNT.of_some(contact::NAME.is("somebody"));
    let none = || contact::ACCOUNT.of_none(contact::NAME.is("somebody"));
    let ids = |filter: &Condition| {
        let found = listed(&wang, &Find { filter: filter.clone(), ..Find::default() });
        assert_eq!(wang.count(Account::NAME, filter).unwrap(), u64::try_from(found.len()).unwrap());
        found
    };
    assert_eq!(ids(&either), [company, mine]);
    assert_eq!((ids(&has()), ids(&none())), (vec![mine], vec![company]));
    lin.share(Contact::NAME, theirs, &with(&wang, ShareLevel::Read)).unwrap();
    assert_eq!((ids(&has()), ids(&none())), (vec![company, mine], vec![]));
    lin.share(Account::NAME, other, &with(&wang, ShareLevel::Read)).unwrap();
    assert_eq!(ids(&either), [company, other, mine]);
}

#[test]
fn a_link_is_seen_by_whom_it_and_both_of_its_ends_are_shared_with() {
    let house = database();
    let relation = json!({
        "name": "holding", "label_zh": "持股", "label_en": "Holding", "validity": false,
        "from": {"name": "holder", "entities": ["account"], "label": {"zh": "股东", "en": "Shareholder"}},
        "to": {"name": "company", "entities": ["account"], "label": {"zh": "公司", "en": "Company"}},
    });
    call(&house.admin, "schema.define_relation", &relation).unwrap();
    let (lin, wang) = (house.worker("lin"), clerk(&house, "wang"));
    let (holder, company) = (account_of(&lin, "holder"), account_of(&lin, "company"));
    let link =
        lin.write(|transaction| transaction.link("x.holding", holder, company, Changes::new())).unwrap();
    let links = || wang.links("x.holding", Account::NAME, holder, &LinkFind::default());
    let give = |entity: &str, id: RecordId| {
        lin.share(entity, id, &with(&wang, ShareLevel::Read)).unwrap();
    };
    give("x.holding", link);
    assert_eq!(wang.count("x.holding", &EVERYTHING).unwrap(), 0);
    give(Account::NAME, holder);
    assert_eq!((links().unwrap().rows.len(), wang.count("x.holding", &EVERYTHING).unwrap()), (0, 0));
    assert_eq!(refusal(wang.get("x.holding", link)), Code::RecordNotFound);
    give(Account::NAME, company);
    assert_eq!((links().unwrap().rows.len(), wang.count("x.holding", &EVERYTHING).unwrap()), (1, 1));
    assert_eq!(wang.get("x.holding", link).unwrap().record.id, link);
    lin.unshare("x.holding", link, Sharee::User(wang.user())).unwrap();
    assert_eq!((links().unwrap().rows.len(), wang.count("x.holding", &EVERYTHING).unwrap()), (0, 0));
}

#[test]
fn a_rollup_as_its_reader_sees_it_goes_over_shared_children_and_once() {
    let house = database();
    let rollup = json!({
        "entity": "account", "name": "people", "label_zh": "人数", "label_en": "People",
        "field_type": "rollup", "child": "contact", "by": "account", "function": "count", "readers": "visible",
    });
    call(&house.admin, "schema.define_field", &rollup).unwrap();
    let (lin, wang) = (house.worker("lin"), clerk(&house, "wang"));
    let companies = ["one", "two"].map(|name| account_of(&lin, name));
    for company in companies {
        lin.share(Account::NAME, company, &with(&wang, ShareLevel::Read)).unwrap();
    }
    let person = |session: &Session, of: RecordId| {
        let changes = Changes::new().set("name", "somebody").set("account", of);
        session.write(|transaction| transaction.create_record(Contact::NAME, changes.clone())).unwrap()
    };
    let theirs: Vec<RecordId> = [0, 0, 1].map(|place: usize| person(&lin, companies[place])).to_vec();
    let _ = person(&wang, companies[0]);
    let seen = |session: &Session| {
        companies.map(|company| session.get(Account::NAME, company).unwrap().value("x.people").unwrap())
    };
    assert_eq!(seen(&wang), [Value::Int(1), Value::Int(0)]);
    lin.share(Contact::NAME, theirs[0], &with(&wang, ShareLevel::Read)).unwrap();
    lin.share(Contact::NAME, theirs[2], &with(&wang, ShareLevel::Read)).unwrap();
    assert_eq!(seen(&wang), [Value::Int(2), Value::Int(1)]);
    assert_eq!(seen(&lin), [Value::Int(2), Value::Int(1)], "of lin's own three");
}

#[test]
fn many_records_are_shared_at_once_or_none_of_them() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let make = |name: String| {
        let changes = Changes::new().set("name", name);
        lin.write(|transaction| transaction.create_record(Account::NAME, changes.clone())).unwrap()
    };
    let own: Vec<RecordId> = (0..300).map(|number| make(format!("a{number}"))).collect();
    let foreign = house.create(Account::NAME, &Changes::new().set("name", "foreign"));
    let share = NewShare::new(Sharee::User(wang.user()), ShareLevel::Read);
    let count = || wang.count(Account::NAME, &Condition::Everything).unwrap();
    let with_foreign: Vec<RecordId> = own.iter().chain([&foreign]).copied().collect();
    assert_eq!(refusal(lin.share_all(Account::NAME, &with_foreign, &share)), Code::RecordNotFound);
    assert_eq!(count(), 0, "none of them");
    let made = lin.share_all(Account::NAME, &own, &share).unwrap();
    assert_eq!((made.len(), count()), (300, 300));
    let again = lin.share_all(Account::NAME, &own[..2], &share).unwrap();
    assert_eq!(again, &made[..2], "once said it stands");
    let given = json!({
        "entity": "account", "ids": [own[0].to_string(), own[1].to_string()],
        "user": wang.user().to_string(), "level": "edit",
    });
    let told = call(&lin, "record.share_all", &given).unwrap();
    assert_eq!(told["ids"], json!([made[0].to_string(), made[1].to_string()]));
    assert_eq!(lin.shares(Account::NAME, own[0]).unwrap()[0].level, ShareLevel::Edit);
    let many = vec![own[0]; 10_001];
    assert_eq!(refusal(lin.share_all(Account::NAME, &many, &share)), Code::LimitExceeded);
    let wrong = json!({"entity": "account", "ids": ["x"], "team": "none", "level": "read"});
    assert_eq!(refusal(call(&lin, "record.share_all", &wrong)), Code::InvalidArgument);
    let _ = house.verified();
}
