//! An account at one look, alone and with its group, and the timeline of a group.

use std::collections::BTreeMap;

use guanxi::engine::{Action, Find, Level, Ref};
use guanxi::model::overview::PanelKind;
use guanxi::model::{Account, ActivityKind, Opportunity, activity, contact, event, opportunity, task};
use guanxi::schema::{EntityType, RecordReference};
use guanxi::{Changes, Code, Money, RecordId, Session, api};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

/// A group with a firm below it and one below that, the last of lin's, and something of each kind in all of them.
struct World {
    house: House,
    lin: Session,
    accounts: [RecordId; 3],
}

fn fill(session: &Session, account: Ref<Account>, number: i64) {
    let party = || RecordReference::new(Account::NAME, account.id());
    session
        .write(|transaction| {
            transaction
                .create(contact::named(&format!("person {number}")).with(contact::ACCOUNT, account.id()))?;
            let deal = |amount: i64| {
                opportunity::titled("deal")
                    .with(opportunity::ACCOUNT, account.id())
                    .with(opportunity::AMOUNT, Money::cny(amount))
            };
            transaction.create(deal(number))?;
            let won = transaction.create(deal(number * 10))?;
            won.win(transaction)?;
            let at = moment(&format!("2026-11-1{number}T04:00:00Z"));
            transaction.create(
                activity::with(ActivityKind::Call, &format!("call {number}"), account).with(activity::AT, at),
            )?;
            transaction.create(task::about("open").with(task::REGARDING, party()))?;
            let done = transaction.create(task::about("done").with(task::REGARDING, party()))?;
            transaction.update_record("crm.task", done.id(), Changes::new().set("status", "done"))?;
            let (from, to) = (moment("2026-12-01T04:00:00Z"), moment("2026-12-01T05:00:00Z"));
            transaction.create(event::between("coming", from, to).with(event::REGARDING, party()))?;
            let (from, to) = (moment("2026-11-01T04:00:00Z"), moment("2026-11-01T05:00:00Z"));
            transaction.create(event::between("over", from, to).with(event::REGARDING, party()))
        })
        .unwrap();
}

fn world() -> World {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let create = |session: &Session, name: &str, parent: Option<RecordId>| {
        let changes = Changes::new().set("name", name).set("parent", parent);
        // Who makes it need not see the one above.
        let id = house.create(Account::NAME, &changes.owner(session.user()));
        fill(
            session,
            Ref::new(id),
            match name {
                "集团" => 1,
                "公司" => 2,
                _ => 3,
            },
        );
        id
    };
    let group = create(&house.admin, "集团", None);
    let firm = create(&house.admin, "公司", Some(group));
    let branch = create(&lin, "分公司", Some(firm));
    World { house, lin, accounts: [group, firm, branch] }
}

type Told = BTreeMap<&'static str, (u64, String)>;

fn told(session: &Session, account: RecordId, with_group: bool) -> Told {
    let overview = session.overview(account, with_group, 10).unwrap();
    let panel = |panel: &guanxi::model::overview::Panel| {
        assert_eq!(panel.rows.len() as u64, panel.count);
        let totals: Vec<String> = panel.totals.iter().map(Money::to_string).collect();
        (panel.kind.code(), (panel.count, totals.join("+")))
    };
    overview.panels.iter().map(panel).collect()
}

fn expected(numbers: &[(&'static str, u64, &str)]) -> Told {
    numbers.iter().map(|(kind, count, totals)| (*kind, (*count, (*totals).to_owned()))).collect()
}

#[test]
fn an_account_at_one_look_has_its_parts_with_totals_alone_and_with_its_group() {
    let world = world();
    let [group, firm, branch] = world.accounts;
    let of = |count: u64, below: u64, open: &'static str, won: &'static str| {
        expected(&[
            ("contacts", count, ""),
            ("subsidiaries", below, ""),
            ("open_deals", count, open),
            ("won_deals", count, won),
            ("lost_deals", 0, ""),
            ("activities", count, ""),
            ("open_tasks", count, ""),
            ("coming_events", count, ""),
            ("leads", 0, ""),
        ])
    };
    let admin = &world.house.admin;
    assert_eq!(told(admin, group, false), of(1, 1, "CNY 1", "CNY 10"));
    assert_eq!(told(admin, group, true), of(3, 2, "CNY 6", "CNY 60"));
    assert_eq!(told(admin, firm, true), of(2, 1, "CNY 5", "CNY 50"));
    assert_eq!(told(&world.lin, branch, true), of(1, 0, "CNY 3", "CNY 30"));
    assert_eq!(refusal(world.lin.overview(group, true, 10)), Code::RecordNotFound);
    // What of another's group one does not see is in no figure.
    let share = guanxi::engine::NewShare::new(
        guanxi::engine::Sharee::User(world.lin.user()),
        guanxi::engine::ShareLevel::Read,
    );
    admin.share(Account::NAME, group, &share).unwrap();
    // What stands below one that is not seen is of no group that is.
    assert_eq!(told(&world.lin, group, true)["contacts"].0, 0);
    admin.share(Account::NAME, firm, &share).unwrap();
    let shared = told(&world.lin, group, true);
    assert_eq!((shared["open_deals"].clone(), shared["contacts"].0), ((1, "CNY 3".to_owned()), 1));
    let given = json!({"id": group.to_string(), "group": true, "rows": 1});
    let answer = api::call(admin, "account.overview", &given).unwrap();
    assert_eq!(answer["account"]["title"], "集团");
    assert_eq!(answer["accounts"].as_array().unwrap().len(), 3);
    let open =
        answer["panels"].as_array().unwrap().iter().find(|panel| panel["kind"] == "open_deals").unwrap();
    assert_eq!((&open["count"], open["rows"].as_array().unwrap().len()), (&json!(3), 1));
    assert_eq!(open["label"], "Open deals");
}

#[test]
fn parts_that_one_may_not_see_are_not_there_and_hidden_amounts_are_in_no_total() {
    let world = world();
    let rights = [(Account::NAME, Action::Read, Level::All), (Opportunity::NAME, Action::Read, Level::All)];
    let role = world.house.role_hiding("no amounts", &rights, "amount");
    let reader = world.house.user("reader", &[role]);
    let seen = told(&reader, world.accounts[0], true);
    let kinds: Vec<&str> = seen.keys().copied().collect();
    assert_eq!(kinds, ["lost_deals", "open_deals", "subsidiaries", "won_deals"]);
    assert_eq!(seen["won_deals"], (3, String::new()));
    let role = world.house.role_hiding("no status", &rights, "status");
    let blind = world.house.user("blind", &[role]);
    assert_eq!(told(&blind, world.accounts[0], true).keys().copied().collect::<Vec<_>>(), ["subsidiaries"]);
    assert_eq!(PanelKind::from_code("open_deals"), Some(PanelKind::OpenDeals));
}

#[test]
fn the_timeline_of_a_group_has_what_was_done_with_all_of_it_newest_first() {
    let world = world();
    let [group, firm, branch] = world.accounts;
    let titles = |session: &Session, account: RecordId, group: bool| -> Vec<String> {
        let given = json!({"entity": "account", "id": account.to_string(), "group": group});
        let rows = api::call(session, "party.timeline", &given).unwrap()["rows"].clone();
        rows.as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap().to_owned()).collect()
    };
    let admin = &world.house.admin;
    assert_eq!(titles(admin, group, true), ["call 3", "call 2", "call 1"]);
    assert_eq!(titles(admin, group, false), ["call 1"]);
    assert_eq!(titles(admin, firm, true), ["call 3", "call 2"]);
    assert_eq!(titles(&world.lin, branch, true), ["call 3"]);
    assert_eq!(refusal(world.lin.group_timeline(group, Find::default())), Code::RecordNotFound);
    let first = admin.group_timeline(group, Find { limit: 2, ..Find::default() }).unwrap();
    let rest = admin.group_timeline(group, Find { limit: 2, after: first.next, ..Find::default() }).unwrap();
    assert_eq!((first.rows.len(), rest.rows.len(), rest.next.is_some()), (2, 1, false));
}
