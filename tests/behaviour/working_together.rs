//! Comments, mentions, watchers and notices, and reports of what was done.

use std::collections::BTreeMap;

use guanxi::engine::{Action, Level, NoticeKind, Sharee};
use guanxi::engine::{NewShare, ShareLevel};
use guanxi::model::work_report::{self, ReportSpan, ReportStatus};
use guanxi::model::{
    Account, ActivityKind, Contact, Lead, WorkReport, account, activity, contact, lead, opportunity, task,
};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session, Value, api};
use guanxi_tests::{House, database, moment, refusal};
use serde_json::json;

/// An account of lin's, which the director sees and wang does not.
struct World {
    house: House,
    lin: Session,
    wang: Session,
    director: Session,
    account: RecordId,
}

fn world() -> World {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let wang = house.user_as("wang", "salesperson");
    let director = house.user_as("director", "director");
    let account = lin.write(|transaction| transaction.create(account::named("加喜"))).unwrap().id();
    World { house, lin, wang, director, account }
}

impl World {
    fn say(&self, session: &Session, text: &str, mentions: &[RecordId]) -> RecordId {
        session.comment(Account::NAME, self.account, text, mentions).unwrap()
    }

    fn told(&self, session: &Session) -> Vec<(NoticeKind, String)> {
        let notices = session.notices(false, 100).unwrap();
        notices.into_iter().map(|notice| (notice.kind, notice.comment.text)).collect()
    }

    fn share(&self, with: &Session) {
        let share = NewShare::new(Sharee::User(with.user()), ShareLevel::Read);
        self.house.admin.share(Account::NAME, self.account, &share).unwrap();
    }
}

#[test]
fn who_reads_a_record_says_something_about_it_and_reads_what_others_say() {
    let world = world();
    let first = world.say(&world.lin, "  客户要发票  ", &[]);
    world.house.clock.advance_micros(1);
    let _ = world.say(&world.director, "已安排", &[]);
    let page = world.lin.comments(Account::NAME, world.account, 1, None).unwrap();
    assert_eq!((page.rows[0].text.as_str(), page.rows[0].author), ("已安排", world.director.user()));
    let rest = world.lin.comments(Account::NAME, world.account, 10, page.next).unwrap();
    assert_eq!((rest.rows.len(), rest.rows[0].id, rest.rows[0].text.as_str()), (1, first, "客户要发票"));
    // To others it is not there, and neither is what is said of it.
    assert_eq!(refusal(world.wang.comments(Account::NAME, world.account, 10, None)), Code::RecordNotFound);
    assert_eq!(refusal(world.wang.comment(Account::NAME, world.account, "x", &[])), Code::RecordNotFound);
    let nobody = world.house.user("nobody", &[]);
    assert_eq!(refusal(nobody.comment(Account::NAME, world.account, "x", &[])), Code::NotPermitted);
    for entity in ["sys.comment", "sys.watcher", "sys.notice"] {
        assert_eq!(refusal(world.lin.count(entity, &Condition::Everything)), Code::NotPermitted);
    }
    assert_eq!(refusal(world.lin.comment(Account::NAME, world.account, "  ", &[])), Code::Required);
    let long = "长".repeat(7_000);
    assert_eq!(refusal(world.lin.comment(Account::NAME, world.account, &long, &[])), Code::LimitExceeded);
    for name in ["sys.user", "user"] {
        let me = world.lin.user();
        assert_eq!(refusal(world.lin.comment(name, me, "x", &[])), Code::InvalidArgument);
        assert_eq!(refusal(world.lin.watch_record(name, me)), Code::InvalidArgument);
    }
    let _ = world.house.verified();
}

#[test]
fn a_mention_tells_who_sees_the_record_and_nobody_else_and_the_author_does_not_learn_whom() {
    let world = world();
    let everyone = [world.director.user(), world.wang.user(), world.lin.user()];
    let given = json!({"entity": "account", "id": world.account.to_string(), "text": "请看",
        "mentions": everyone.map(|user| user.to_string())});
    let told = api::call(&world.lin, "comment.add", &given).unwrap();
    assert_eq!(told.as_object().unwrap().keys().collect::<Vec<_>>(), ["id"]);
    assert_eq!(world.told(&world.director), [(NoticeKind::Mention, "请看".to_owned())]);
    assert!(world.told(&world.wang).is_empty() && world.told(&world.lin).is_empty());
    // What was not told then is not told later either, when the record is seen.
    world.share(&world.wang);
    assert!(world.told(&world.wang).is_empty());
    let _ = world.say(&world.lin, "再看", &[world.wang.user()]);
    assert_eq!(world.told(&world.wang), [(NoticeKind::Mention, "再看".to_owned())]);
    // And out of reach again, nothing of it is shown.
    world.house.admin.unshare(Account::NAME, world.account, Sharee::User(world.wang.user())).unwrap();
    assert!(world.told(&world.wang).is_empty());
    let unknown = world.lin.comment(Account::NAME, world.account, "x", &[world.account]);
    assert_eq!(refusal(unknown), Code::ReferenceMissing);
}

#[test]
fn who_watches_a_record_is_told_of_comments_as_long_as_they_see_it() {
    let world = world();
    assert_eq!(refusal(world.wang.watch_record(Account::NAME, world.account)), Code::RecordNotFound);
    world.share(&world.wang);
    assert!(world.wang.watch_record(Account::NAME, world.account).unwrap());
    assert!(!world.wang.watch_record(Account::NAME, world.account).unwrap(), "once");
    assert!(world.director.watch_record(Account::NAME, world.account).unwrap());
    let watchers = world.lin.watchers(Account::NAME, world.account).unwrap();
    assert_eq!(watchers.len(), 2);
    let _ = world.say(&world.lin, "一", &[world.director.user()]);
    assert_eq!(world.told(&world.wang), [(NoticeKind::Watched, "一".to_owned())]);
    assert_eq!(world.told(&world.director), [(NoticeKind::Mention, "一".to_owned())], "told once");
    // A watch from before tells nothing of what is out of reach by now.
    world.house.admin.unshare(Account::NAME, world.account, Sharee::User(world.wang.user())).unwrap();
    assert_eq!(world.lin.watchers(Account::NAME, world.account).unwrap(), [world.director.user()]);
    let _ = world.say(&world.lin, "二", &[]);
    world.share(&world.wang);
    assert_eq!(world.told(&world.wang), [(NoticeKind::Watched, "一".to_owned())]);
    assert!(world.director.unwatch_record(world.account).unwrap());
    assert!(!world.director.unwatch_record(world.account).unwrap());
    let _ = world.say(&world.lin, "三", &[]);
    assert_eq!(world.told(&world.director).len(), 2);
}

#[test]
fn notices_are_read_by_whose_they_are_and_comments_taken_back_by_who_wrote_them() {
    let world = world();
    let comment = world.say(&world.lin, "请看", &[world.director.user()]);
    let notice = world.director.notices(true, 10).unwrap()[0].id;
    assert_eq!(world.lin.read_notices(&[notice]).unwrap(), 0);
    assert_eq!(world.director.notices(true, 10).unwrap().len(), 1);
    let given = json!({"ids": [notice.to_string()]});
    assert_eq!(api::call(&world.director, "notice.read", &given).unwrap()["read"], 1);
    assert_eq!(api::call(&world.director, "notice.read", &given).unwrap()["read"], 0);
    assert_eq!(
        api::call(&world.director, "notice.list", &json!({"unread": true})).unwrap()["rows"],
        json!([])
    );
    let told = api::call(&world.director, "notice.list", &json!({})).unwrap();
    assert_eq!(
        (&told["rows"][0]["kind"], &told["rows"][0]["comment"]["text"]),
        (&json!("mention"), &json!("请看"))
    );
    assert_eq!(refusal(world.director.delete_comment(comment)), Code::RecordNotFound);
    world.lin.delete_comment(comment).unwrap();
    assert!(world.told(&world.director).is_empty());
    assert!(world.lin.comments(Account::NAME, world.account, 10, None).unwrap().rows.is_empty());
    assert_eq!(refusal(world.lin.delete_comment(comment)), Code::RecordNotFound);
}

#[test]
fn what_was_said_about_a_person_is_forgotten_with_the_person() {
    let world = world();
    let person = world.house.admin.write(|transaction| transaction.create(contact::named("王芳"))).unwrap();
    for text in ["喜欢茶", "孩子三岁"] {
        world.house.admin.comment(Contact::NAME, person.id(), text, &[world.director.user()]).unwrap();
    }
    assert_eq!(world.told(&world.director).len(), 2);
    world.house.admin.erase(Contact::NAME, person.id()).unwrap();
    assert!(world.told(&world.director).is_empty());
    let left = world.house.admin.count("sys.comment", &Condition::Everything).unwrap();
    assert_eq!(left, 0);
    let _ = world.house.verified();
}

fn counts(house: &House, report: RecordId) -> BTreeMap<String, i64> {
    let row = house.admin.get(WorkReport::NAME, report).unwrap();
    let counts = row.value(work_report::COUNTS).unwrap();
    let count = |row: &Value| match row.part("count") {
        Value::Int(count) => (row.part("what").as_text().unwrap().to_owned(), *count),
        other => panic!("{other:?}"),
    };
    counts.items().map(count).collect()
}

/// Work of lin's in the week of Monday the 23rd of November, and a little before and after it.
fn work(house: &House, lin: &Session) {
    let account = lin.write(|transaction| transaction.create(account::named("加喜"))).unwrap();
    let done = |kind: ActivityKind, at: &str| {
        let draft = activity::with(kind, "x", account).with(activity::AT, moment(at));
        lin.write(|transaction| transaction.create(draft.clone())).unwrap();
    };
    // In Shanghai, Monday begins at 16:00 of Sunday.
    done(ActivityKind::Call, "2026-11-22T15:59:59Z");
    done(ActivityKind::Call, "2026-11-22T16:00:00Z");
    done(ActivityKind::Visit, "2026-11-24T02:00:00Z");
    done(ActivityKind::Note, "2026-11-24T03:00:00Z");
    done(ActivityKind::Call, "2026-11-29T15:59:59Z");
    done(ActivityKind::Call, "2026-11-29T16:00:00Z");
    let others = activity::with(ActivityKind::Call, "not lin's", account)
        .with(activity::AT, moment("2026-11-24T02:00:00Z"));
    house.admin.write(|transaction| transaction.create(others.clone())).unwrap();
    house.clock.set(moment("2026-11-25T02:00:00Z"));
    let task = lin.write(|transaction| transaction.create(task::about("offer"))).unwrap();
    let finished = Changes::new().set("status", "done");
    lin.write(|transaction| transaction.update_record("crm.task", task.id(), finished.clone())).unwrap();
    let deal = lin.write(|transaction| transaction.create(opportunity::titled("deal"))).unwrap();
    lin.write(|transaction| deal.win(transaction)).unwrap();
}

fn expected(counts: &[(&str, i64)]) -> BTreeMap<String, i64> {
    counts.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect()
}

#[test]
fn a_report_counts_what_its_author_did_in_its_days_and_no_more() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    house.clock.set(moment("2026-11-30T02:00:00Z"));
    work(&house, &lin);
    let report = |span: ReportSpan, day: &str| {
        let draft = work_report::of(span, day.parse().unwrap());
        lin.write(|transaction| transaction.create(draft.clone())).unwrap().id()
    };
    let week = report(ReportSpan::Week, "2026-11-26");
    let row = house.admin.get(WorkReport::NAME, week).unwrap();
    let days = [work_report::FROM, work_report::TO].map(|field| row.value(field).unwrap());
    assert_eq!(days, ["2026-11-23", "2026-11-29"].map(|day| Value::Date(day.parse().unwrap())));
    let all =
        [("calls", 2), ("visits", 1), ("notes", 1), ("effective", 3), ("tasks_done", 1), ("deals_won", 1)];
    assert_eq!(counts(&house, week), expected(&all));
    let day = report(ReportSpan::Day, "2026-11-24");
    assert_eq!(counts(&house, day), expected(&[("visits", 1), ("notes", 1), ("effective", 1)]));
    let draft = work_report::of(ReportSpan::Week, "2026-11-29".parse().unwrap());
    let again = lin.write(|transaction| transaction.create(draft.clone()));
    assert_eq!(refusal(again), Code::NotUnique);
    // Handed in, it is counted once more, and not after that.
    let late = |text: &str| {
        let account = lin.list(Account::NAME, &guanxi::engine::Find::default()).unwrap().rows[0].record.id;
        let party = guanxi::schema::RecordReference::new(Account::NAME, account);
        let draft = activity::with(ActivityKind::Mail, text, party)
            .with(activity::AT, moment("2026-11-24T05:00:00Z"));
        lin.write(|transaction| transaction.create(draft.clone())).unwrap();
    };
    late("one");
    let submitted = Changes::new().set(work_report::STATUS, ReportStatus::Submitted);
    lin.write(|transaction| transaction.update_record(WorkReport::NAME, day, submitted.clone())).unwrap();
    late("two");
    let counted = expected(&[("visits", 1), ("notes", 1), ("mails", 1), ("effective", 2)]);
    assert_eq!(counts(&house, day), counted);
    let _ = house.verified();
}

#[test]
fn every_step_of_a_report_is_taken_by_whom_it_is_for_and_refused_otherwise() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let manager = house.user_as("manager", "manager");
    house.change("sys.user", lin.user(), &Changes::new().set("reports_to", manager.user()));
    let stranger = house.user_as("stranger", "salesperson");
    let ways: [(&str, &[&str]); 3] =
        [("draft", &[]), ("submitted", &["submitted"]), ("read", &["submitted", "read"])];
    let mut day: guanxi::Date = "2026-01-01".parse().unwrap();
    let set = |session: &Session, id: RecordId, status: &str| {
        let changes = Changes::new().set("status", status);
        session
            .write(|transaction| transaction.update_record(WorkReport::NAME, id, changes.clone()))
            .map(drop)
    };
    for (from, way) in ways {
        for to in ["draft", "submitted", "read"].into_iter().filter(|to| *to != from) {
            for (name, session) in [("author", &lin), ("superior", &manager), ("stranger", &stranger)] {
                day = day.plus_days(1).unwrap();
                let draft = work_report::of(ReportSpan::Day, day);
                let id = lin.write(|transaction| transaction.create(draft.clone())).unwrap().id();
                for step in way {
                    set(if *step == "read" { &manager } else { &lin }, id, step).unwrap();
                }
                let expected = match (name, from, to) {
                    ("stranger", ..) => Some(Code::RecordNotFound),
                    (_, "draft", "submitted")
                    | ("author", "submitted", "draft")
                    | ("superior", "submitted", "read") => None,
                    ("author", "submitted" | "draft", "read") | ("superior", "submitted", "draft") => {
                        Some(Code::NotPermitted)
                    }
                    _ => Some(Code::TransitionNotAllowed),
                };
                let outcome = set(session, id, to).err().map(|error| error.code());
                assert_eq!(outcome, expected, "{from} -> {to} by the {name}");
            }
        }
    }
}

#[test]
fn a_lead_s_comments_stay_with_it_when_it_changes_hands() {
    let world = world();
    let lead = world.lin.write(|transaction| transaction.create(lead::named("李雷"))).unwrap();
    world.lin.comment(Lead::NAME, lead.id(), "要报价", &[]).unwrap();
    world.house.change(Lead::NAME, lead.id(), &Changes::new().owner(world.wang.user()));
    let told = world.wang.comments(Lead::NAME, lead.id(), 10, None).unwrap();
    assert_eq!((told.rows.len(), told.rows[0].author), (1, world.lin.user()));
    assert_eq!(refusal(world.lin.comments(Lead::NAME, lead.id(), 10, None)), Code::RecordNotFound);
    // A role that forbids the entity forbids what is said of its records.
    let role = world.house.role("accounts alone", &[(Account::NAME, Action::Read, Level::All)]);
    let reader = world.house.user("reader", &[role]);
    assert_eq!(refusal(reader.comments(Lead::NAME, lead.id(), 10, None)), Code::NotPermitted);
}
