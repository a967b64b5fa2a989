//! Declared indexes and counters: what a query reads, what it does not, and how they come to be built.

use std::sync::Arc;

use guanxi::base::Period;
use guanxi::engine::{Action, CountSource, Find, Level, Question, Session, Total};
use guanxi::model::{Account, Opportunity, account, opportunity};
use guanxi::schema::{CounterDefinition, EntityType, IndexDefinition};
use guanxi::{CancelToken, Changes, Code, Condition, Currency, Date, Money, Patience, RecordId, api};
use guanxi_tests::{House, database, refusal};
use serde_json::json;

use super::things::{self, Shelf};

fn find(filter: Condition, sort: Vec<(guanxi::engine::FieldSelector, guanxi::engine::Direction)>) -> Find {
    Find { filter, sort, ..Find::default() }
}

fn accounts(session: &Session, count: usize) -> Vec<RecordId> {
    let made = session.write(|transaction| {
        let named = |number: usize| {
            let city = ["上海", "北京", "广州"][number % 3];
            account::named(&format!("account {number:03}"))
                .with(account::CITY, city)
                .with(account::EMPLOYEES, i64::try_from(number * 7 % 50).unwrap())
        };
        (0..count)
            .map(|number| Ok(transaction.create(named(number))?.id()))
            .collect::<guanxi::Result<Vec<_>>>()
    });
    made.unwrap()
}

fn by_city() -> IndexDefinition {
    IndexDefinition::new("x", 0, "by_city").rising("city").falling("employees")
}

#[test]
fn a_list_says_which_index_it_reads_and_what_it_scans() {
    let house = database();
    accounts(&house.admin, 30);
    let in_shanghai = account::CITY.is("上海");
    let largest = vec![account::EMPLOYEES.descending()];
    let wanted = find(in_shanghai.clone(), largest);
    let before = house.admin.explain(Account::NAME, &wanted).unwrap();
    assert!(before.scan && !before.streamed && before.residual == 1, "{before:?}");
    assert_eq!(house.admin.define_index("account", by_city()).unwrap(), "x.by_city");
    let after = house.admin.explain(Account::NAME, &wanted).unwrap();
    assert_eq!(
        (after.index.as_str(), after.scan, after.streamed, after.residual),
        ("x.by_city", false, true, 0)
    );
    assert_eq!((after.components.len(), after.count), (1, CountSource::Index));
    // A range on the next component is part of the same index.
    let large = Condition::All(vec![in_shanghai.clone(), account::EMPLOYEES.at_least(20)]);
    let ranged =
        house.admin.explain(Account::NAME, &find(large, vec![account::EMPLOYEES.ascending()])).unwrap();
    assert_eq!((ranged.index.as_str(), ranged.components.len(), ranged.streamed), ("x.by_city", 2, true));
    // Some of several values are read side by side.
    let cities = account::CITY.is_one_of(["上海", "北京"]);
    let several =
        house.admin.explain(Account::NAME, &find(cities, vec![account::EMPLOYEES.descending()])).unwrap();
    assert_eq!((several.ranges, several.streamed, several.scan), (2, true, false));
    // The order of the second field alone is no order of the index.
    let sorted = find(Condition::Everything, vec![account::EMPLOYEES.descending()]);
    assert!(house.admin.explain(Account::NAME, &sorted).unwrap().scan);
    let _ = house.verified();
}

#[test]
fn counts_of_what_counters_know_read_no_record_and_follow_every_write() {
    let house = database();
    let count = |filter: &Condition| {
        house.admin.read(|reader| reader.count_up_to(Account::NAME, filter, Total::Bounded(5))).unwrap()
    };
    let ids = accounts(&house.admin, 12);
    let person = account::KIND.is(account::Kind::Person);
    assert_eq!((count(&person).count, count(&person).source), (0, CountSource::Counters));
    for id in &ids[..7] {
        house.change(Account::NAME, *id, &Changes::new().set(account::KIND, account::Kind::Person));
    }
    // Counters are exact beyond the bound of a count.
    assert_eq!((count(&person).count, count(&person).more), (7, false));
    assert_eq!(count(&account::KIND.is_empty()).count, 5);
    assert_eq!(count(&account::KIND.is_not(account::Kind::Person)).count, 5);
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, ids[0])).unwrap();
    assert_eq!(count(&person).count, 6);
    // Owner and unit are known of every class of records.
    let own = Condition::All(vec![
        person,
        Condition::Compare("owner".into(), guanxi::engine::Comparison::Equal, house.admin.user().into()),
    ]);
    assert_eq!((count(&own).count, count(&own).source), (6, CountSource::Counters));
    let scanned = count(&account::CITY.is("上海"));
    assert_eq!((scanned.count, scanned.more, scanned.source), (3, false, CountSource::Scan));
    let bounded = count(&account::EMPLOYEES.at_least(0));
    assert_eq!((bounded.count, bounded.more), (5, true));
    let _ = house.verified();
}

#[test]
fn a_seller_counts_the_deals_that_the_seller_sees() {
    let house = database();
    let deal = |session: &Session, yuan: i64| {
        let draft = opportunity::titled("deal").with(opportunity::AMOUNT, Money::cny(yuan));
        session.write(|transaction| transaction.create(draft.clone())).unwrap()
    };
    let (lin, wang) = (house.user_as("lin", "salesperson"), house.user_as("wang", "salesperson"));
    deal(&lin, 100);
    deal(&lin, 200);
    deal(&wang, 400).win_in(&wang);
    let open = opportunity::STATUS.is(guanxi::model::Status::Open);
    let count = |session: &Session| {
        session.read(|reader| reader.count_up_to(Opportunity::NAME, &open, Total::USUAL)).unwrap()
    };
    assert_eq!((count(&lin).count, count(&wang).count, count(&house.admin).count), (2, 0, 2));
    assert_eq!(count(&lin).source, CountSource::Counters);
    let table = house.admin.report(&opportunity::by_stage()).unwrap();
    let amounts: Vec<_> = table.rows.iter().map(|row| row.figures[1].clone()).collect();
    assert!(amounts.contains(&guanxi::features::reports::Figure::Amount(Money::cny(300))), "{amounts:?}");
    let _ = house.verified();
}

trait Win {
    fn win_in(self, session: &Session);
}

impl Win for guanxi::Ref<Opportunity> {
    fn win_in(self, session: &Session) {
        session.write(|transaction| self.win(transaction)).unwrap();
    }
}

#[test]
fn sums_of_two_currencies_are_kept_apart_and_refused_together() {
    let house = database();
    for (amount, currency) in [("0.10", Currency::CNY), ("0.20", Currency::CNY), ("5", Currency::USD)] {
        let money = Money::new(amount.parse().unwrap(), currency);
        let draft = opportunity::titled("deal").with(opportunity::AMOUNT, money);
        house.admin.write(|transaction| transaction.create(draft.clone())).unwrap();
    }
    assert_eq!(refusal(house.admin.report(&opportunity::by_stage())), Code::CurrencyMismatch);
    let _ = house.verified();
}

#[test]
fn a_large_table_gets_its_index_in_chunks_and_is_right_all_the_while() {
    let house = House::with(|options| options.build_at_once(10));
    let ids = accounts(&house.admin, 45);
    // A listener that cancels at the second chunk stands for a process that ends.
    let token = CancelToken::default();
    let inner = token.clone();
    let impatient = Patience::with_token(token).telling(move |told| {
        if told.phase == "indexes" && told.done >= 20 {
            inner.cancel();
        }
    });
    let interrupted = house.admin.with_patience(impatient);
    assert_eq!(refusal(interrupted.define_index("account", by_city())), Code::Cancelled);
    let counter = CounterDefinition::new("x", 0, "by_size", &["employees"]).summing("established");
    let crm = &house.crm;
    let declared = || crm.registry().entity("account").unwrap().indexes().last().unwrap().complete;
    assert!(!declared());
    let wanted = find(account::CITY.is("上海"), vec![account::EMPLOYEES.descending()]);
    let rows = || {
        let page = house.admin.list(Account::NAME, &wanted).unwrap();
        page.rows.iter().map(|row| row.record.id).collect::<Vec<_>>()
    };
    assert!(house.admin.explain(Account::NAME, &wanted).unwrap().scan);
    // Writes on both sides of where the build stands are kept up.
    house.change(Account::NAME, ids[0], &Changes::new().set(account::EMPLOYEES, 99));
    house.change(Account::NAME, ids[42], &Changes::new().set(account::CITY, "上海"));
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, ids[3])).unwrap();
    let _ = house.verified();
    let scanned = rows();
    house.admin.define_counter("account", counter).unwrap();
    assert!(declared());
    assert_eq!(house.admin.explain(Account::NAME, &wanted).unwrap().index, "x.by_city");
    assert_eq!(rows(), scanned);
    let size = house
        .admin
        .read(|reader| reader.count_up_to(Account::NAME, &account::EMPLOYEES.is(99), Total::USUAL));
    assert_eq!(size.map(|counted| (counted.count, counted.source)).unwrap(), (1, CountSource::Counters));
    let _ = house.verified();
}

#[test]
fn a_cursor_belongs_to_its_query_and_survives_writes_in_between() {
    let house = House::with(|options| options.extension(Arc::new(Shelf)));
    let owners =
        [house.admin.user(), house.admin.user(), house.admin.user(), house.admin.user(), house.admin.user()];
    let mut shelf = things::Things::default();
    house
        .admin
        .write(|transaction| {
            shelf = things::Things::default();
            (0..60).try_for_each(|number| shelf.create(transaction, &owners, &things::numbered(number)))
        })
        .unwrap();
    for sort in [
        vec![("rank".into(), guanxi::engine::Direction::Descending)],
        vec![("size".into(), guanxi::engine::Direction::Ascending)],
        vec![],
    ] {
        let mut find = Find { sort, limit: 7, ..Find::default() };
        let standing: Vec<RecordId> = house
            .admin
            .list(things::NAME, &Find { limit: 100, ..find.clone() })
            .unwrap()
            .rows
            .iter()
            .map(|row| row.record.id)
            .collect();
        let mut seen = Vec::new();
        loop {
            let page = house.admin.list(things::NAME, &find).unwrap();
            seen.extend(page.rows.iter().map(|row| row.record.id));
            // Rows come and go on both sides of the cursor.
            let made = house.admin.write(|transaction| {
                shelf.create(transaction, &owners, &things::numbered(seen.len() as i64))
            });
            made.unwrap();
            let Some(next) = page.next else { break };
            let other =
                Find { filter: Condition::IsNull("rank".into()), after: Some(next.clone()), ..find.clone() };
            assert_eq!(refusal(house.admin.list(things::NAME, &other)), Code::InvalidCursor);
            find.after = Some(next);
        }
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "no row comes twice");
        assert!(standing.iter().all(|id| seen.contains(id)), "no row is lost that stood all the time");
    }
}

#[test]
fn spans_of_time_follow_the_clock_and_the_zone_and_pages_keep_to_the_first() {
    let house = database();
    let day = |text: &str| text.parse::<Date>().unwrap();
    for (number, expected) in ["2026-11-01", "2026-11-22", "2026-11-30", "2026-12-01"].into_iter().enumerate()
    {
        let draft =
            opportunity::titled(&format!("deal {number}")).with(opportunity::EXPECTED_ON, day(expected));
        house.admin.write(|transaction| transaction.create(draft.clone())).unwrap();
    }
    let this_month = opportunity::EXPECTED_ON.within(Period::ThisMonth);
    let mut list = find(this_month.clone(), vec![opportunity::EXPECTED_ON.ascending()]);
    list.limit = 2;
    assert!(!house.admin.explain(Opportunity::NAME, &list).unwrap().scan);
    let first = house.admin.list(Opportunity::NAME, &list).unwrap();
    // 2026-11-30T16:30Z is December in Shanghai.
    house.clock.set(guanxi_tests::moment("2026-11-30T16:30:00Z"));
    list.after = first.next;
    assert_eq!(house.admin.list(Opportunity::NAME, &list).unwrap().rows.len(), 1);
    assert_eq!(house.admin.count(Opportunity::NAME, &this_month).unwrap(), 1);
    let made_today = Condition::Within("created_at".into(), Period::Today);
    assert_eq!(house.admin.count(Opportunity::NAME, &made_today).unwrap(), 0);
    let words = Condition::Within("title".into(), Period::Today);
    assert_eq!(refusal(house.admin.count(Opportunity::NAME, &words)), Code::InvalidFilter);
}

#[test]
fn a_screen_gets_fields_titles_and_a_total_in_one_call() {
    let house = database();
    let ids = accounts(&house.admin, 3);
    let deal = Changes::new().set("title", "代办").set("account", ids[0]).set("note", "long");
    let _ = house.create(Opportunity::NAME, &deal);
    let request = json!({
        "entity": "opportunity", "fields": ["title", "account"], "display": true, "total": "bounded",
        "filter": {"field": "account.city", "op": "in", "value": ["上海", "深圳"]},
    });
    let page = api::call(&house.admin, "query.run", &request).unwrap();
    assert_eq!(page["rows"][0]["values"], json!({"title": "代办", "account": ids[0].to_string()}));
    assert_eq!(page["titles"][ids[0].to_string()], "account 000");
    assert_eq!(page["titles"][house.admin.user().to_string()], "admin");
    assert_eq!(page["total"]["count"], 1);
    // A seller who does not see the account is not told its name.
    let none = house.role("deals only", &[("crm.opportunity", Action::Read, Level::All)]);
    let clerk = house.user("clerk", &[none]);
    let shown = Question { display: true, ..Question::from(Find::default()) };
    assert!(!clerk.query("opportunity", &shown).unwrap().titles.contains_key(&ids[0]));
    let refused = api::call(&clerk, "query.run", &request).unwrap_err();
    assert_eq!(refused.code(), Code::NotPermitted);
    let periods = api::call(&house.admin, "query.periods", &json!({})).unwrap();
    assert_eq!(periods["periods"].as_array().unwrap().len(), Period::ALL.len());
}

#[test]
fn definitions_that_no_index_can_follow_are_refused() {
    let house = database();
    let admin = &house.admin;
    let index = |name: &str| IndexDefinition::new("x", 0, name);
    assert_eq!(refusal(admin.define_index("account", index("none"))), Code::InvalidDefinition);
    assert_eq!(
        refusal(admin.define_index("account", index("twice").rising("name").falling("name"))),
        Code::InvalidDefinition
    );
    assert_eq!(refusal(admin.define_index("account", index("odd").rising("nothing"))), Code::UnknownField);
    let counter = |fields: &[&str]| CounterDefinition::new("x", 0, "odd", fields);
    assert_eq!(refusal(admin.define_counter("account", counter(&["name"]))), Code::InvalidDefinition);
    assert_eq!(
        refusal(admin.define_counter("account", counter(&["kind"]).summing("name"))),
        Code::InvalidDefinition
    );
    assert!(admin.define_index("account", index("once").rising("name")).is_ok());
    assert_eq!(
        refusal(admin.define_index("account", index("once").rising("city"))),
        Code::DuplicateDefinition
    );
    let seller = house.user_as("seller", "salesperson");
    assert_eq!(refusal(seller.define_index("account", index("mine").rising("city"))), Code::NotPermitted);
    assert_eq!(refusal(seller.build_indexes()), Code::NotPermitted);
}

#[test]
fn what_an_expression_says_of_single_fields_is_answered_by_an_index_and_hidden_fields_stay_hidden() {
    let house = database();
    for (name, industry, employees) in [("a", "IT", 5), ("b", "it", 50), ("c", "law", 500), ("d", "law", 7)] {
        let changes = Changes::new().set("name", name).set("industry", industry).set("employees", employees);
        let _ = house.create(Account::NAME, &changes);
    }
    let asked = |method: &str, expression: &str| {
        let given = json!({"entity": "account", "filter": {"expression": expression}});
        api::call(&house.admin, method, &given)
    };
    let names = |expression: &str| {
        let rows = asked("query.run", expression).unwrap()["rows"].clone();
        let mut names: Vec<String> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["values"]["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names.concat()
    };
    assert_eq!(names("industry == 'IT'"), "a", "an expression tells letters apart");
    assert_eq!(names("industry == 'law' && employees * 2 > 20"), "c");
    assert_eq!(names("industry in ['law', 'IT'] && employees < 10"), "ad");
    assert_eq!(names("size(name) == 1 || industry == 'none'"), "abcd");
    assert_eq!(names("name.startsWith('b')"), "b");
    let explained = asked("query.explain", "industry == 'law' && employees * 2 > 20").unwrap();
    assert_eq!((&explained["scan"], &explained["index"]), (&json!(false), &json!("industry")), "{explained}");
    assert!(asked("query.explain", "employees * 2 > 20").unwrap()["scan"].as_bool().unwrap());
    let error = asked("query.run", "industry = 'law'").unwrap_err();
    assert_eq!(error.code(), Code::InvalidExpression);
    assert!(error.rule_name().unwrap().starts_with("line 1"), "{error}");
    let role = house.role_hiding("clerk", &[("crm.account", Action::Read, Level::All)], "employees");
    let clerk = house.user("clerk", &[role]);
    let given = json!({"entity": "account", "filter": {"expression": "employees > 5"}});
    assert_eq!(api::call(&clerk, "query.run", &given).unwrap_err().code(), Code::InvalidExpression);
}

#[test]
fn each_of_several_codes_finds_its_records_once_and_no_record_is_read_to_count_them() {
    let house = database();
    let label = |text: &str| json!({"zh": "标记", "en": text});
    let codes: Vec<_> =
        ["gold", "late", "vip"].iter().map(|code| json!({"code": code, "label": label(code)})).collect();
    let define = |version: &str, indexed: bool| {
        let kind = json!({"type": "multi_enum", "codes": codes});
        let field =
            json!({"local": 1, "name": "marks", "label": label("Marks"), "kind": kind, "indexed": indexed});
        let package = json!({"package": "cn.marks", "version": version, "label": label("Marks"),
            "extends": [{"entity": "crm.account", "fields": [field]}]});
        api::call(&house.admin, "schema.install_package", &json!({"package": package})).unwrap();
    };
    define("1.0.0", false);
    let marks = [vec!["gold"], vec!["gold", "late"], vec!["late", "vip"], vec![]];
    for number in 0..40 {
        let values = json!({"name": format!("account {number:02}"), "cn.marks.marks": marks[number % 4]});
        api::call(&house.admin, "record.create", &json!({"entity": "account", "values": values})).unwrap();
    }
    let ask = |question: serde_json::Value| {
        let rows = api::call(&house.admin, "query.run", &question).unwrap();
        let names = rows["rows"].as_array().unwrap().iter();
        names.map(|row| row["values"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let one = json!({"entity": "account", "filter": {"field": "cn.marks.marks", "op": "eq", "value": "late"}, "limit": 100});
    let some = json!({"entity": "account", "limit": 100,
        "filter": {"field": "cn.marks.marks", "op": "in", "value": ["late", "gold", "vip"]}});
    let none =
        json!({"entity": "account", "filter": {"field": "cn.marks.marks", "op": "is_null"}, "limit": 100});
    let explain = |question: &serde_json::Value| {
        let mut asked = question.clone();
        asked.as_object_mut().unwrap().remove("limit");
        api::call(&house.admin, "query.explain", &asked).unwrap()
    };
    assert_eq!(explain(&one)["scan"], true);
    let before = [ask(one.clone()), ask(some.clone()), ask(none.clone())];
    assert_eq!(before.each_ref().map(Vec::len), [20, 30, 10]);
    define("1.1.0", true);
    for (question, before) in [one, some, none].iter().zip(before) {
        let told = explain(question);
        assert_eq!(
            (&told["index"], &told["scan"], &told["count"]),
            (&json!("cn.marks.marks"), &json!(false), &json!("index"))
        );
        assert_eq!(ask(question.clone()), before);
    }
    let paged = json!({"entity": "account", "limit": 7,
        "filter": {"field": "cn.marks.marks", "op": "in", "value": ["late", "gold"]}});
    let mut met = Vec::new();
    let mut page = api::call(&house.admin, "query.run", &paged).unwrap();
    loop {
        met.extend(page["rows"].as_array().unwrap().iter().map(|row| row["id"].clone()));
        let Some(next) = page["cursor"].as_str() else { break };
        let mut more = paged.clone();
        more["cursor"] = json!(next);
        page = api::call(&house.admin, "query.run", &more).unwrap();
    }
    let several = met.len();
    met.dedup();
    assert_eq!((several, met.len()), (30, 30), "a record with two of the codes stands on one page, once");
    let _ = house.verified();
}

#[test]
fn names_come_as_a_chinese_dictionary_has_them_by_reading_by_strokes_or_as_family_names() {
    let house = database();
    for name in ["曾国藩", "单田芳", "陈毅", "赵云", "一飞", "Ann"] {
        let given = json!({"entity": "account", "values": {"name": name, "city": "上海"}});
        api::call(&house.admin, "record.create", &given).unwrap();
    }
    // A dictionary by reading has zeng under c, as a word; one by strokes has 1, 8, 8 (CLDR counts three for the
    // left side of chen, as Taiwan does), 9 and 12.
    let orders = [
        (json!("pinyin"), "曾国藩 陈毅 单田芳 一飞 赵云 Ann"),
        (json!("surname"), "陈毅 单田芳 一飞 曾国藩 赵云 Ann"),
        (json!("stroke"), "一飞 单田芳 陈毅 赵云 曾国藩 Ann"),
        (json!(null), "Ann 一飞 单田芳 曾国藩 赵云 陈毅"),
    ];
    let told = |answer: &serde_json::Value| {
        let names = answer["rows"].as_array().unwrap().iter();
        names.map(|row| row["values"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (collation, expected) in &orders {
        let question = json!({"entity": "account", "sort": ["name"], "collation": collation});
        let all = api::call(&house.admin, "query.run", &question).unwrap();
        assert_eq!(told(&all).join(" "), *expected);
        let field = match collation.is_null() {
            true => json!("-name"),
            false => json!({"field": "name", "descending": true, "collation": collation}),
        };
        let name = collation.as_str().unwrap_or("by_point");
        let index = json!({"entity": "account", "name": name, "fields": ["city", field]});
        api::call(&house.admin, "schema.define_index", &index).unwrap();
        let filter = json!({"field": "city", "op": "eq", "value": "上海"});
        let mut question =
            json!({"entity": "account", "filter": filter, "sort": ["-name"], "collation": collation});
        let plan = api::call(&house.admin, "query.explain", &question).unwrap();
        assert_eq!((&plan["index"], &plan["order"]), (&json!(format!("x.{name}")), &json!("streamed")));
        question["limit"] = json!(2);
        let mut names = Vec::new();
        loop {
            let page = api::call(&house.admin, "query.run", &question).unwrap();
            names.extend(told(&page));
            question["cursor"] = page["cursor"].clone();
            if page["cursor"].is_null() {
                break;
            }
        }
        names.reverse();
        assert_eq!(names.join(" "), *expected, "pages of an index");
    }
    let view = json!({"name": "names", "entity": "account", "columns": ["name"], "sort": ["name"], "collation": "stroke"});
    api::call(&house.admin, "view.save", &view).unwrap();
    let shown = api::call(&house.admin, "view.run", &json!({"entity": "account", "name": "names"})).unwrap();
    assert_eq!(shown["rows"][0]["title"], "一飞");
    let wrong = json!({"entity": "account", "sort": ["name"], "collation": "zhuyin"});
    let error = api::call(&house.admin, "query.run", &wrong).unwrap_err();
    assert_eq!((error.code(), error.field_name()), (Code::InvalidArgument, Some("collation")));
    for (field, code) in [
        (json!({"field": "employees", "collation": "pinyin"}), Code::InvalidDefinition),
        (json!({"field": "name", "collation": "zhuyin"}), Code::InvalidArgument),
        (json!({"field": "name", "colation": "pinyin"}), Code::InvalidArgument),
        (json!(7), Code::InvalidArgument),
    ] {
        let index = json!({"entity": "account", "name": "wrong", "fields": [field]});
        assert_eq!(
            api::call(&house.admin, "schema.define_index", &index).unwrap_err().code(),
            code,
            "{index}"
        );
    }
    let _ = house.verified();
}

#[test]
fn an_index_with_a_field_of_several_codes_serves_lists_that_name_one_and_tells_no_record_twice() {
    let house = House::with(|options| options.extension(Arc::new(Shelf)));
    let owner = house.admin.user();
    let mut made = Vec::new();
    for (number, signs) in
        [vec!["small"], vec!["small", "large"], vec![], vec!["large", "medium"]].iter().enumerate()
    {
        let codes: Vec<guanxi::Value> = signs.iter().map(|code| (*code).into()).collect();
        let changes = Changes::new().set("name", "t").set("size", number as i64).owner(owner);
        made.push(house.create(things::NAME, &changes.set("signs", guanxi::Value::List(codes))));
    }
    let list = |codes: &[&str], total: u64| {
        let codes = codes.iter().map(|code| (*code).into()).collect();
        let filter = Condition::In("signs".into(), codes);
        let sort = vec![("size".into(), guanxi::engine::Direction::Descending)];
        let find = Find { filter: filter.clone(), sort, limit: 1, ..Find::default() };
        let told = house.admin.explain(things::NAME, &find).unwrap();
        assert_eq!((told.index.as_str(), told.scan), ("shelf.by_signs", false));
        assert_eq!(house.admin.count(things::NAME, &filter).unwrap(), total);
        let (mut found, mut find) = (Vec::new(), find);
        loop {
            let page = house.admin.list(things::NAME, &find).unwrap();
            found.extend(page.rows.iter().map(|row| row.record.id));
            match page.next {
                Some(next) => find.after = Some(next),
                None => break,
            }
        }
        found
    };
    assert_eq!(list(&["small"], 2), [made[1], made[0]]);
    assert_eq!(list(&["small", "large"], 3), [made[3], made[1], made[0]]);
    house.change(things::NAME, made[1], &Changes::new().set("signs", guanxi::Value::Null));
    assert_eq!(list(&["small", "large"], 2), [made[3], made[0]]);
    let both = IndexDefinition::new("x", 0, "both").rising("signs").rising("marks");
    assert_eq!(refusal(house.admin.define_index(things::NAME, both)), Code::InvalidDefinition);
    let _ = house.verified();
}
