//! Single shares of a record that others follow: who reaches these by them, in every way of asking, and where it ends.

use guanxi::api::call;
use guanxi::engine::{
    Action, At, Effect, Find, Level, NewDelegation, NewInheritance, NewShare, ShareLevel, Sharee, Verdict,
};
use guanxi::features::reports::{Figure, GroupBy, Measure, Report};
use guanxi::model::{Account, Contact, Opportunity};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

const EVERYTHING: Condition = Condition::Everything;

/// Most records that one person reaches because they follow shared ones, as the security page says.
const MOST: usize = 10_000;

fn account_of(session: &Session, name: &str) -> RecordId {
    let changes = Changes::new().set("name", name);
    session.write(|transaction| transaction.create_record(Account::NAME, changes.clone())).unwrap()
}

fn contact_of(session: &Session, name: &str, account: RecordId) -> RecordId {
    let changes = Changes::new().set("name", name).set("account", account);
    session.write(|transaction| transaction.create_record(Contact::NAME, changes.clone())).unwrap()
}

fn follow(house: &House, entity: &str, field: &str, level: ShareLevel) -> RecordId {
    let (entity, field) = (entity.to_owned(), field.to_owned());
    house.admin.inherit_access(&NewInheritance { entity, field, level, reason: None }).unwrap()
}

fn with(session: &Session, level: ShareLevel) -> NewShare {
    NewShare::new(Sharee::User(session.user()), level)
}

fn set(session: &Session, entity: &str, id: RecordId, changes: Changes) -> guanxi::Result<()> {
    session.write(|transaction| transaction.update_record(entity, id, changes.clone()).map(drop))
}

/// Every way in which somebody comes to know of contacts: all say the same number.
fn seen(session: &Session) -> u64 {
    let sorted = Find { sort: vec![guanxi::model::contact::NAME.descending()], ..Find::default() };
    let rows = |find: &Find| u64::try_from(session.list(Contact::NAME, find).unwrap().rows.len()).unwrap();
    let report = |group_by: Vec<GroupBy>| {
        let measures = vec![Measure::Count];
        let report = Report { entity: Contact::NAME.into(), filter: EVERYTHING, group_by, measures };
        session.report(&report).unwrap().rows.iter().fold(0, |sum, row| match row.figures.as_slice() {
            [Figure::Count(count)] => sum + count,
            _ => sum,
        })
    };
    let owner = vec![GroupBy { path: vec!["owner".into()], bucket: None }];
    let counts = [
        rows(&Find::default()),
        rows(&sorted),
        session.count(Contact::NAME, &EVERYTHING).unwrap(),
        report(vec![]),
        report(owner),
        session.search("person", Some(Contact::NAME), 100, 0).unwrap().total,
    ];
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    counts[0]
}

#[test]
fn a_share_of_a_record_reaches_what_follows_it_as_long_as_both_hold() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let (account, other) = (account_of(&lin, "加喜"), account_of(&lin, "其他"));
    let contact = contact_of(&lin, "person one", account);
    let far = contact_of(&lin, "person two", other);
    let setting = follow(&house, "contact", "account", ShareLevel::Full);
    assert_eq!(seen(&wang), 0);
    let until = moment("2026-12-01T00:00:00Z");
    lin.share(Account::NAME, account, &with(&wang, ShareLevel::Read).until(until)).unwrap();
    assert_eq!(seen(&wang), 1);
    assert_eq!(wang.get(Contact::NAME, contact).unwrap().title(), "person one");
    assert_eq!(refusal(wang.get(Contact::NAME, far)), Code::RecordNotFound);
    // What comes to follow it is there with the next call, and what goes away is not.
    let third = contact_of(&lin, "person three", account);
    assert_eq!(seen(&wang), 2);
    set(&lin, Contact::NAME, far, Changes::new().set("account", account)).unwrap();
    assert_eq!(seen(&wang), 3);
    set(&lin, Contact::NAME, third, Changes::new().set("account", other)).unwrap();
    assert_eq!((seen(&wang), refusal(wang.get(Contact::NAME, third))), (2, Code::RecordNotFound));
    lin.write(|transaction| transaction.delete_record(Contact::NAME, far)).unwrap();
    assert_eq!(seen(&wang), 1);
    lin.write(|transaction| transaction.undelete_record(Contact::NAME, far)).unwrap();
    assert_eq!(seen(&wang), 2);
    // A switch of the setting, and the end of the share by its date and by hand, hold at once.
    house.admin.change_inheritance(setting, None, Some(true)).unwrap();
    assert_eq!(seen(&wang), 0);
    house.admin.change_inheritance(setting, None, Some(false)).unwrap();
    assert_eq!(seen(&wang), 2);
    house.clock.set(until);
    assert_eq!(seen(&wang), 0);
    let later = with(&wang, ShareLevel::Read).until(moment("2027-01-01T00:00:00Z"));
    lin.share(Account::NAME, account, &later).unwrap();
    assert_eq!(seen(&wang), 2);
    lin.unshare(Account::NAME, account, Sharee::User(wang.user())).unwrap();
    assert_eq!((seen(&wang), seen(&lin)), (0, 3));
    let _ = house.verified();
}

#[test]
fn each_level_gives_as_much_as_the_share_and_the_setting_both_give() {
    let levels = [ShareLevel::Read, ShareLevel::Edit, ShareLevel::Full];
    for (place, share) in levels.into_iter().enumerate() {
        for (other, setting) in levels.into_iter().enumerate() {
            let house = database();
            let (lin, wang) = (house.worker("lin"), house.worker("wang"));
            let account = account_of(&lin, "x");
            let contact = contact_of(&lin, "person", account);
            let _ = follow(&house, "contact", "account", setting);
            lin.share(Account::NAME, account, &with(&wang, share)).unwrap();
            let least = place.min(other);
            let told = |action| {
                let told = house.admin.explain_access(wang.user(), Contact::NAME, contact, action);
                told.unwrap().verdict == Verdict::Granted
            };
            assert_eq!((told(Action::Update), told(Action::Delete)), (least >= 1, least >= 2));
            let mut transaction = wang.begin(guanxi::WriteOptions::default()).unwrap();
            let changed =
                transaction.update_record(Contact::NAME, contact, Changes::new().set("position", "x"));
            assert_eq!(changed.is_ok(), least >= 1, "{share:?} {setting:?}");
            assert_eq!(transaction.delete_record(Contact::NAME, contact).is_ok(), least >= 2);
            drop(transaction);
            // What is reached by a share of another record is not shared on.
            let third = house.worker("third");
            let on = wang.share(Contact::NAME, contact, &with(&third, ShareLevel::Read));
            let code = refusal(on);
            assert!(matches!(code, Code::NotPermitted | Code::BeyondOwnRights), "{code:?}");
        }
    }
}

#[test]
fn it_opens_no_kind_of_work_and_what_is_forbidden_stays_so() {
    let house = database();
    let lin = house.worker("lin");
    let account = account_of(&lin, "x");
    let contact = contact_of(&lin, "person", account);
    let _ = follow(&house, "contact", "account", ShareLevel::Full);
    let share =
        |session: &Session| lin.share(Account::NAME, account, &with(session, ShareLevel::Full)).unwrap();
    let own = |entity| (entity, Action::Read, Level::Own);
    // Who reads no contacts, or no accounts, reaches none by it.
    let accounts = house.user("accounts", &[house.role("accounts", &[own(Account::NAME)])]);
    let contacts = house.user("contacts", &[house.role("contacts", &[own(Contact::NAME)])]);
    for session in [&accounts, &contacts] {
        let _ = share(session);
    }
    assert_eq!(refusal(accounts.get(Contact::NAME, contact)), Code::NotPermitted);
    assert_eq!(refusal(contacts.get(Contact::NAME, contact)), Code::RecordNotFound);
    // A denial of the account's owner closes the account and what follows it; one of the contact's the contact alone.
    for (name, entity) in [("closed", Account::NAME), ("shut", Contact::NAME)] {
        let unit = house.unit(name);
        house.change("sys.user", lin.user(), &Changes::new().set("unit", unit));
        let account = account_of(&lin, "y");
        let contact = contact_of(&lin, "person", account);
        let role = house.role(&format!("role {name}"), &[own(Account::NAME), own(Contact::NAME)]);
        house.grant(role, Effect::Deny, (entity, Action::Read, Level::Unit), "");
        let session = house.user(name, &[role]);
        house.change("sys.user", session.user(), &Changes::new().set("unit", unit));
        lin.share(Account::NAME, account, &with(&session, ShareLevel::Read)).unwrap();
        assert_eq!(refusal(session.get(Contact::NAME, contact)), Code::RecordNotFound, "{name}");
        assert_eq!(session.get(Account::NAME, account).is_ok(), entity == Contact::NAME);
        let told = house.admin.explain_access(session.user(), Contact::NAME, contact, Action::Read).unwrap();
        assert_ne!(told.verdict, Verdict::Granted, "{name}");
        // When the account goes to somebody of whom nothing is forbidden, it opens with the next call.
        house.change(Account::NAME, account, &Changes::new().owner(house.admin.user()));
        assert_eq!(session.get(Contact::NAME, contact).is_ok(), entity == Account::NAME, "{name}");
    }
    let _ = house.verified();
}

#[test]
fn it_goes_on_over_several_steps_and_by_teams_and_delegations() {
    let house = database();
    let (lin, wang, third) = (house.worker("lin"), house.worker("wang"), house.worker("third"));
    let buyer = json!({
        "entity": "opportunity", "name": "buyer", "field_type": "reference", "target": "contact",
        "label_zh": "买方", "label_en": "Buyer",
    });
    call(&house.admin, "schema.define_field", &buyer).unwrap();
    let account = account_of(&lin, "x");
    let contact = contact_of(&lin, "person", account);
    let deal = Changes::new().set("title", "deal").set("x.buyer", contact);
    let deal = house.create(Opportunity::NAME, &deal.owner(lin.user()));
    // The one of the deals is made first: what follows what does not depend on which was said first.
    let _ = follow(&house, "opportunity", "x.buyer", ShareLevel::Edit);
    let setting = follow(&house, "contact", "account", ShareLevel::Read);
    let team = house.create("sys.team", &Changes::new().set("name", "team"));
    lin.share(Account::NAME, account, &NewShare::new(Sharee::Team(team), ShareLevel::Full)).unwrap();
    assert_eq!(refusal(wang.get(Opportunity::NAME, deal)), Code::RecordNotFound);
    let member = house.create("sys.team_member", &Changes::new().set("team", team).set("user", wang.user()));
    assert_eq!(wang.get(Opportunity::NAME, deal).unwrap().title(), "deal");
    let note = || set(&wang, Opportunity::NAME, deal, Changes::new().set("note", "x"));
    assert_eq!(refusal(note()), Code::NotPermitted, "the contact is only read");
    house.admin.change_inheritance(setting, Some(ShareLevel::Edit), None).unwrap();
    note().unwrap();
    // A step in the middle that leads elsewhere closes what is behind it.
    let other = account_of(&lin, "other");
    set(&lin, Contact::NAME, contact, Changes::new().set("account", other)).unwrap();
    assert_eq!(refusal(wang.get(Opportunity::NAME, deal)), Code::RecordNotFound);
    set(&lin, Contact::NAME, contact, Changes::new().set("account", account)).unwrap();
    assert!(wang.get(Opportunity::NAME, deal).is_ok());
    let told = house.admin.explain_access(wang.user(), Opportunity::NAME, deal, Action::Read).unwrap();
    assert_eq!((told.verdict, told.shares.len(), told.parents.len()), (Verdict::Granted, 0, 1));
    assert_eq!((told.parents[0].record, told.parents[0].shared), (Some(contact), true));
    wang.delegate(&NewDelegation::new(third.user(), moment("2026-12-22T00:00:00Z"))).unwrap();
    let acting = third.act_for(wang.user()).unwrap();
    assert_eq!(seen(&acting), 1);
    house.admin.write(|transaction| transaction.delete_record("sys.team_member", member)).unwrap();
    assert_eq!((seen(&acting), seen(&wang)), (0, 0));
    let _ = house.verified();
}

#[test]
fn it_is_explained_today_and_of_the_past_listed_and_simulated() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let account = account_of(&lin, "x");
    let contact = contact_of(&lin, "person", account);
    let setting = follow(&house, "contact", "account", ShareLevel::Read);
    let before = house.crm.head().unwrap().position;
    let planned = json!({"changes": [{"do": "share", "entity": "account", "id": account.to_string(),
        "user": wang.user().to_string(), "level": "read"}]});
    house.change(Account::NAME, account, &Changes::new().owner(house.admin.user()));
    let told = call(&house.admin, "access.simulate", &planned).unwrap();
    let opened = |entity: &str| {
        let rows = told["rows"].as_array().unwrap();
        rows.iter().find(|row| row["entity"] == entity && row["action"] == "read").unwrap()["opened"].clone()
    };
    assert_eq!((opened(Account::NAME), opened(Contact::NAME)), (json!(1), json!(1)), "{told}");
    assert_eq!(seen(&wang), 0, "nothing of it is kept");
    house.admin.share(Account::NAME, account, &with(&wang, ShareLevel::Read)).unwrap();
    let after = house.crm.head().unwrap().position;
    let told = house.admin.explain_access(wang.user(), Contact::NAME, contact, Action::Read).unwrap();
    let path = &told.parents[0];
    assert_eq!(
        (told.verdict, path.setting, path.record, path.shared),
        (Verdict::Granted, setting, Some(account), true)
    );
    let who = house.admin.who_may(Contact::NAME, contact, Action::Read, (None, 0)).unwrap();
    let row = who.rows.iter().find(|row| row.user == wang.user()).unwrap();
    assert_eq!((row.parents.clone(), row.paths.len()), (told.parents, 0));
    let given = json!({"entity": "contact", "id": contact.to_string(), "user": "wang"});
    let told = call(&house.admin, "access.explain", &given).unwrap();
    assert_eq!(told["parents"][0]["shared"], json!(true));
    house.admin.unshare(Account::NAME, account, Sharee::User(wang.user())).unwrap();
    for (position, expected) in [(before, false), (after, true)] {
        let at = (Action::Read, At::Position(position));
        let told = house.admin.explain_access_at(wang.user(), Contact::NAME, contact, at).unwrap();
        assert_eq!(told.verdict == Verdict::Granted, expected, "{told:?}");
        let at = (Action::Read, At::Position(position));
        let might = house.admin.who_might(Contact::NAME, contact, at, (None, 0)).unwrap();
        assert_eq!(might.rows.iter().any(|row| row.user == wang.user()), expected);
    }
}

/// As many contacts of an account, made by the administrator.
fn many(house: &House, account: RecordId, count: usize) -> Vec<RecordId> {
    let mut made = Vec::new();
    for chunk in (0..count).collect::<Vec<_>>().chunks(2_000) {
        let some = house.admin.write(|transaction| {
            let contact = |number: &usize| {
                let changes = Changes::new().set("name", format!("person {number}")).set("account", account);
                transaction.create_record(Contact::NAME, changes)
            };
            chunk.iter().map(contact).collect::<guanxi::Result<Vec<_>>>()
        });
        made.extend(some.unwrap());
    }
    made
}

#[test]
fn beyond_ten_thousand_followers_a_share_reaches_none_of_them_and_the_class_of_the_one_stays() {
    let house = database();
    let wang = house.worker("wang");
    let (small, large) = (account_of(&house.admin, "small"), account_of(&house.admin, "large"));
    let near = contact_of(&house.admin, "person near", small);
    let contacts = many(&house, large, MOST);
    let _ = follow(&house, "contact", "account", ShareLevel::Edit);
    house.admin.share(Account::NAME, large, &with(&wang, ShareLevel::Read)).unwrap();
    let count = || wang.count(Contact::NAME, &EVERYTHING).unwrap();
    assert_eq!(count(), 10_000);
    // Those of the second record do not fit any more, and are out of reach by it; `explain` says so, too.
    house.admin.share(Account::NAME, small, &with(&wang, ShareLevel::Read)).unwrap();
    let verdict = |contact| {
        house.admin.explain_access(wang.user(), Contact::NAME, contact, Action::Read).unwrap().verdict
    };
    let seen = [near, contacts[0]].map(|contact| wang.get(Contact::NAME, contact).is_ok());
    assert_eq!(
        seen.map(|seen| if seen { Verdict::Granted } else { Verdict::OutOfReach }),
        [verdict(near), verdict(contacts[0])]
    );
    assert_eq!(seen.iter().filter(|seen| **seen).count(), 1, "as many as fit");
    // With 10,000 of them the one changes hands; with one more it does not, and nothing is changed.
    house.change(Account::NAME, large, &Changes::new().owner(wang.user()));
    house.change(Account::NAME, large, &Changes::new().owner(house.admin.user()));
    let _ = contact_of(&house.admin, "person too many", large);
    let given = set(&house.admin, Account::NAME, large, Changes::new().owner(wang.user()));
    assert_eq!(refusal(given), Code::LimitExceeded);
    assert_eq!(house.admin.get(Account::NAME, large).unwrap().record.envelope.owner, house.admin.user());
    let owned = house.admin.count(Contact::NAME, &EVERYTHING).unwrap();
    assert_eq!(owned, 10_002);
    assert_eq!(
        refusal(wang.get(Contact::NAME, contacts[0])),
        Code::RecordNotFound,
        "of one too many none is reached"
    );
    assert!(wang.get(Contact::NAME, near).is_ok(), "and there is room for the others");
    let _ = house.verified();
}

#[test]
fn of_the_past_it_is_told_by_the_same_bound() {
    let house = database();
    let wang = house.worker("wang");
    let (small, large) = (account_of(&house.admin, "small"), account_of(&house.admin, "large"));
    let near = contact_of(&house.admin, "person near", small);
    let contacts = many(&house, large, MOST);
    let _ = follow(&house, "contact", "account", ShareLevel::Read);
    let head = || house.crm.head().unwrap().position;
    let told = |contact: RecordId, position: u64| {
        let at = (Action::Read, At::Position(position));
        let verdict = house.admin.explain_access_at(wang.user(), Contact::NAME, contact, at).unwrap().verdict;
        let who = house.admin.who_might(Contact::NAME, contact, at, (None, 0)).unwrap().rows;
        assert_eq!(who.iter().any(|row| row.user == wang.user()), verdict == Verdict::Granted);
        verdict == Verdict::Granted
    };
    // At each place what is told later is what there was: as many as fit, as one more has come, and as some have gone.
    let mut noted = Vec::new();
    let mut note = || noted.push((head(), [near, contacts[0]].map(|id| wang.get(Contact::NAME, id).is_ok())));
    house.admin.share(Account::NAME, large, &with(&wang, ShareLevel::Read)).unwrap();
    note();
    house.admin.share(Account::NAME, small, &with(&wang, ShareLevel::Read)).unwrap();
    note();
    let one_more = contact_of(&house.admin, "one more", large);
    note();
    for id in [one_more, contacts[1]] {
        house.admin.write(|transaction| transaction.delete_record(Contact::NAME, id)).unwrap();
    }
    note();
    house.admin.unshare(Account::NAME, large, Sharee::User(wang.user())).unwrap();
    note();
    let seen: Vec<[bool; 2]> = noted.iter().map(|(_, seen)| *seen).collect();
    assert_eq!(
        (seen[0], seen[2], seen[3], seen[4]),
        ([false, true], [true, false], [true; 2], [true, false])
    );
    assert_ne!(seen[1][0], seen[1][1], "as many as fit");
    for (position, seen) in noted {
        assert_eq!([near, contacts[0]].map(|contact| told(contact, position)), seen, "at {position}");
    }
}

#[test]
fn a_page_looks_at_what_follows_ones_own_shares_however_many_others_have() {
    let house = database();
    let (lin, wang) = (house.worker("lin"), house.worker("wang"));
    let (mine, theirs) = (account_of(&lin, "mine"), account_of(&lin, "theirs"));
    let _ = follow(&house, "contact", "account", ShareLevel::Read);
    for number in 0..5 {
        let _ = contact_of(&lin, &format!("person {number}"), if number < 2 { mine } else { theirs });
    }
    lin.share(Account::NAME, mine, &with(&wang, ShareLevel::Read)).unwrap();
    let looked_at = || wang.explain(Contact::NAME, &Find::default()).unwrap().shared;
    assert_eq!(looked_at(), 2);
    for number in 0..20 {
        let other = house.worker(&format!("other {number}"));
        for account in [mine, theirs] {
            lin.share(Account::NAME, account, &with(&other, ShareLevel::Read)).unwrap();
        }
    }
    assert_eq!((looked_at(), seen(&wang)), (2, 2));
}
