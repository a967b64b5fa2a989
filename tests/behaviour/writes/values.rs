//! What a value must be, field by field, and what becomes of large and of later fields.

use guanxi::base::Label;
use guanxi::engine::{Comparison, Filter, Find};
use guanxi::features::reports::{Figure, GroupBy, Measure, Report};
use guanxi::model::{Account, Contact, Opportunity, Product, account, contact};
use guanxi::schema::{EntityType, FieldType};
use guanxi::{Changes, Code, Condition, Decimal, Money, RecordId, Value};
use guanxi_tests::{House, PASSWORD, database, options, refusal};

/// The refusal of a new record: code, entity and field.
fn refused(house: &House, entity: &str, changes: Changes) -> (Code, String, String) {
    let made = house.admin.write(|transaction| transaction.create_record(entity, changes.clone()));
    let error = made.unwrap_err();
    let text = |name: Option<&str>| name.unwrap_or_default().to_owned();
    (error.code(), text(error.entity_name()), text(error.field_name()))
}

fn named(name: &str) -> Changes {
    Changes::new().set("name", name)
}

fn place(code: Code, entity: &str, field: &str) -> (Code, String, String) {
    (code, entity.to_owned(), field.to_owned())
}

#[test]
fn a_refused_value_names_its_entity_and_field() {
    let house = database();
    let refused = |changes| refused(&house, "account", changes);
    let at = |code, field| place(code, "crm.account", field);
    assert_eq!(refused(Changes::new()), at(Code::Required, "name"));
    assert_eq!(refused(named("")), at(Code::Required, "name"));
    assert_eq!(refused(named("x").set("kind", "alien")), at(Code::NotInValueSet, "kind"));
    assert_eq!(refused(named("x").set("employees", "many")), at(Code::WrongType, "employees"));
    assert_eq!(refused(named("x").set("name", 5)), at(Code::WrongType, "name"));
    assert_eq!(refused(named("x").set("revenue", 5)), at(Code::WrongType, "revenue"));
    assert_eq!(refused(named("x").set("colour", "red")), at(Code::UnknownField, "colour"));
    assert_eq!(refused(named("x").set("email", "lin@")), at(Code::InvalidEmail, "email"));
    let long = "字".repeat(400_000);
    assert_eq!(refused(named("x").set("note", long)), at(Code::LimitExceeded, "note"));
    assert_eq!(house.admin.count(Account::NAME, &Condition::Everything).unwrap(), 0);
}

#[test]
fn what_the_engine_keeps_is_not_set_by_a_caller() {
    let house = database();
    let deal = Changes::new().set("title", "x").set("status", "won");
    assert_eq!(refused(&house, "opportunity", deal), place(Code::ReadOnlyField, "crm.opportunity", "status"));
}

#[test]
fn an_entity_that_nobody_declared_is_unknown() {
    let house = database();
    assert_eq!(refused(&house, "planet", named("x")).0, Code::UnknownEntity);
    assert_eq!(refusal(house.admin.list("planet", &Find::default())), Code::UnknownEntity);
}

#[test]
fn a_required_field_cannot_be_emptied() {
    let house = database();
    let id = house.create(Account::NAME, &named("x"));
    let emptied = house.admin.write(|transaction| transaction.update_record(Account::NAME, id, named("")));
    assert_eq!(refusal(emptied), Code::Required);
}

#[test]
fn a_unique_value_is_one_however_it_is_written() {
    let house = database();
    let first = house.create(Product::NAME, &named("GTX Pro"));
    for name in ["gtx pro", "ＧＴＸ　Ｐｒｏ", "  GTX   PRO "] {
        assert_eq!(
            refused(&house, "product", named(name)),
            place(Code::NotUnique, "crm.product", "name"),
            "{name}"
        );
    }
    // The record itself may be written otherwise, and a deleted one gives its name back.
    house.change(Product::NAME, first, &named("gtx pro"));
    house.admin.write(|transaction| transaction.delete_record(Product::NAME, first)).unwrap();
    let _ = house.create(Product::NAME, &named("GTX PRO"));
    let _ = house.verified();
}

#[test]
fn long_unique_values_differ_to_their_last_letter() {
    let house = database();
    let long = "关".repeat(300);
    let _ = house.create(Product::NAME, &named(&format!("{long}甲")));
    let _ = house.create(Product::NAME, &named(&format!("{long}乙")));
    assert_eq!(refused(&house, "product", named(&format!("{long}甲"))).0, Code::NotUnique);
}

#[test]
fn phones_and_addresses_are_stored_in_one_form_and_text_in_form_c() {
    let house = database();
    let changes = named("e\u{301}")
        .set("phone", "138-1234-5678")
        .set("email", "Lin@JiaXi.CN")
        .set("note", " as it came ");
    let id = house.create(Account::NAME, &changes);
    let row = house.admin.get(Account::NAME, id).unwrap();
    let text = |field: &str| row.value(field).unwrap().as_text().unwrap().to_owned();
    assert_eq!(text("name"), "\u{e9}");
    assert_eq!(text("phone"), "+8613812345678");
    assert_eq!(text("email"), "Lin@jiaxi.cn");
    assert_eq!(text("note"), " as it came ");
}

#[test]
fn a_reference_needs_a_record_of_its_entity_that_stands() {
    let house = database();
    let person = house.create(Contact::NAME, &named("林"));
    let gone = house.create(Account::NAME, &named("gone"));
    house.admin.write(|transaction| transaction.delete_record(Account::NAME, gone)).unwrap();
    for target in [RecordId::from_bytes([1; 16]), person, gone] {
        assert_eq!(
            refused(&house, "contact", named("x").set("account", target)),
            place(Code::ReferenceMissing, "crm.contact", "account")
        );
    }
}

#[test]
fn a_record_that_others_refer_to_is_not_deleted() {
    let house = database();
    let (buyer, person) = house
        .admin
        .write(|transaction| {
            let buyer = transaction.create(account::named("加喜"))?;
            let person = transaction.create(contact::named("林").with(contact::ACCOUNT, buyer))?;
            Ok((buyer, person))
        })
        .unwrap();
    assert_eq!(refusal(house.admin.write(|transaction| transaction.delete(buyer))), Code::Referenced);
    house.change(Contact::NAME, person.id(), &Changes::new().set("account", Value::Null));
    house.admin.write(|transaction| transaction.delete(buyer)).unwrap();
    let _ = house.verified();
}

#[test]
fn a_record_that_refers_to_itself_is_deleted_like_any_other() {
    let house = database();
    let kind = FieldType::Reference { entity: Account::NAME.to_owned() };
    let label = Label::new("担保", "Guarantor");
    house.admin.define_field(Account::NAME, "guarantor", label, kind, |_| ()).unwrap();
    let id = house.create(Account::NAME, &named("加喜"));
    house.change(Account::NAME, id, &Changes::new().set("guarantor", id));
    let other = house.create(Account::NAME, &named("other").set("guarantor", id));
    let delete = || house.admin.write(|transaction| transaction.delete_record(Account::NAME, id));
    assert_eq!(refusal(delete()), Code::Referenced);
    house.change(Account::NAME, other, &Changes::new().set("guarantor", Value::Null));
    delete().unwrap();
    let _ = house.verified();
}

#[test]
fn a_record_and_all_that_refer_to_it_go_in_one_transaction() {
    let house = database();
    let buyer = house.create(Account::NAME, &named("加喜"));
    let person = house.create(Contact::NAME, &named("林").set("account", buyer));
    house
        .admin
        .write(|transaction| {
            transaction.delete_record(Contact::NAME, person)?;
            transaction.delete_record(Account::NAME, buyer)
        })
        .unwrap();
    let _ = house.verified();
}

#[test]
fn a_version_that_was_overtaken_is_refused() {
    let house = database();
    let id = house.create(Account::NAME, &named("one"));
    let version = || house.admin.get(Account::NAME, id).unwrap().record.envelope.version;
    let change = |name: &str, version: u64| {
        let changes = named(name).expect_version(version);
        house.admin.write(|transaction| transaction.update_record(Account::NAME, id, changes.clone()))
    };
    assert_eq!(version(), 1);
    change("two", 1).unwrap();
    assert_eq!(version(), 2);
    assert_eq!(refusal(change("three", 1)), Code::VersionConflict);
    // A change to what stands already is no change, and makes no version.
    change("two", 2).unwrap();
    assert_eq!(version(), 2);
    assert_eq!(house.admin.get(Account::NAME, id).unwrap().title(), "two");
}

#[test]
fn a_large_text_is_stored_found_and_shrunk_again() {
    let house = database();
    let id = house.create(Account::NAME, &named("x"));
    let part = "The quick brown fox. 敏捷的棕色狐狸。";
    for length in [200 * 1_024, 64 * 1_024, 1_000_000, 70 * 1_024, 10, 0, 65 * 1_024] {
        let mut text = part.repeat(length / part.len());
        text.push_str(&format!("end of {length}"));
        house.change(Account::NAME, id, &Changes::new().set("note", text.as_str()));
        let row = house.admin.get(Account::NAME, id).unwrap();
        assert_eq!(row.value("note").unwrap().as_text(), Some(text.as_str()));
        let ends = Value::from(format!("end of {length}"));
        let filter = Filter::Compare("note".into(), Comparison::Contains, ends);
        assert_eq!(house.admin.count(Account::NAME, &filter).unwrap(), 1);
        let _ = house.verified();
    }
}

#[test]
fn a_field_added_while_running_is_stored_filtered_sorted_and_reported() {
    let house = database();
    let old = house.create(Account::NAME, &named("old"));
    let label = Label::new("评分", "Score");
    let field = house.admin.define_field("account", "score", label, FieldType::Int, |_| {}).unwrap();
    assert_eq!(field, "x.score");
    for (name, score) in [("low", 1), ("high", 9), ("middle", 5)] {
        let _ = house.create(Account::NAME, &named(name).set("score", score));
    }
    let filter = Filter::Compare("x.score".into(), Comparison::GreaterOrEqual, Value::Int(5));
    assert_eq!(house.admin.count(Account::NAME, &filter).unwrap(), 2);
    let sort = vec![("score".into(), guanxi::engine::Direction::Descending)];
    let page = house.admin.list(Account::NAME, &Find { sort, ..Find::default() }).unwrap();
    let titles: Vec<String> = page.rows.iter().map(guanxi::engine::Listing::title).collect();
    assert_eq!(titles, ["high", "middle", "low", "old"]);
    house.change(Account::NAME, old, &Changes::new().set("x.score", 7));
    let report = Report {
        entity: Account::NAME.to_owned(),
        filter: Condition::Everything,
        group_by: vec![GroupBy { path: vec!["score".into()], bucket: None }],
        measures: vec![Measure::Count, Measure::Sum("score".into())],
    };
    let table = house.admin.report(&report).unwrap();
    let figures: Vec<_> =
        table.rows.iter().map(|row| (row.labels[0].as_str(), row.figures.clone())).collect();
    let one = |score: i64| vec![Figure::Count(1), Figure::Number(Decimal::from(score))];
    assert_eq!(figures, [("1", one(1)), ("5", one(5)), ("7", one(7)), ("9", one(9))]);
    let _ = house.verified();
}

#[test]
fn a_field_added_while_running_stands_after_the_database_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.guanxi");
    let crm = options().create(&path).unwrap();
    let session = crm.sign_in("admin", PASSWORD).unwrap();
    let label = Label::new("评分", "Score");
    let field = session
        .define_field("account", "score", label, FieldType::Int, |field| field.indexed = true)
        .unwrap();
    let id = session
        .write(|transaction| transaction.create_record("account", named("x").set(field.as_str(), 5)))
        .unwrap();
    drop((session, crm));
    let session = options().open(&path).unwrap().session_for("admin").unwrap();
    assert_eq!(session.get("account", id).unwrap().value("x.score").unwrap(), Value::Int(5));
    let sort = vec![("x.score".into(), guanxi::engine::Direction::Ascending)];
    let page = session.list("account", &Find { sort, ..Find::default() }).unwrap();
    assert_eq!(page.rows.len(), 1);
}

#[test]
fn a_later_field_cannot_ask_of_records_what_they_do_not_have() {
    let house = database();
    let _ = house.create(Account::NAME, &named("x"));
    let define = |name: &str, adjust: fn(&mut guanxi::schema::FieldDefinition)| {
        house.admin.define_field("account", name, Label::new("字段", "Field"), FieldType::Text, adjust)
    };
    assert_eq!(refusal(define("one", |field| field.required = true)), Code::InvalidDefinition);
    // Records that stand have no value in it, so no two of them have the same.
    define("two", |field| field.unique = true).unwrap();
    assert_eq!(refusal(define("owner", |_| {})), Code::InvalidDefinition);
    assert_eq!(refusal(define("Big Name", |_| {})), Code::InvalidDefinition);
    define("four", |_| {}).unwrap();
    assert_eq!(refusal(define("four", |_| {})), Code::DuplicateDefinition);
    let seller = house.user_as("lin", "salesperson");
    let made = seller.define_field("account", "five", Label::new("字", "F"), FieldType::Text, |_| {});
    assert_eq!(refusal(made), Code::NotPermitted);
}

#[test]
fn an_index_added_over_records_that_stand_gives_them_in_order() {
    let house = database();
    let wanted: Vec<i64> = (0..150).map(|number| number * 37 % 150).collect();
    let define = |indexed: bool, name: &str| {
        house
            .admin
            .define_field("account", name, Label::new("数", "Number"), FieldType::Int, |field| {
                field.indexed = indexed;
            })
            .unwrap()
    };
    let early = define(false, "early");
    house
        .admin
        .write(|transaction| {
            wanted.iter().try_for_each(|number| {
                let changes = named("x").set(early.as_str(), *number);
                transaction.create_record(Account::NAME, changes).map(|_| ())
            })
        })
        .unwrap();
    let late = define(true, "late");
    let half = Filter::Compare(early.as_str().into(), Comparison::Less, Value::Int(75));
    let page =
        house.admin.list(Account::NAME, &Find { filter: half, limit: 200, ..Find::default() }).unwrap();
    for row in &page.rows {
        let number = row.value(early.as_str()).unwrap();
        house.change(Account::NAME, row.record.id, &Changes::new().set(late.as_str(), number));
    }
    let sort = vec![(late.as_str().into(), guanxi::engine::Direction::Descending)];
    let page = house.admin.list(Account::NAME, &Find { sort, limit: 200, ..Find::default() }).unwrap();
    let found: Vec<Value> = page.rows.iter().map(|row| row.value(late.as_str()).unwrap()).collect();
    let expected = (0..75).rev().map(Value::Int).chain(std::iter::repeat_n(Value::Null, 75));
    assert_eq!(found, expected.collect::<Vec<_>>());
    let _ = house.verified();
}

#[test]
fn a_bare_name_that_two_fields_bear_means_the_entity_s_own() {
    let house = database();
    let label = Label::new("备注", "Note");
    let field = house.admin.define_field("account", "note", label, FieldType::Text, |_| {}).unwrap();
    let id = house.create(Account::NAME, &named("x").set("note", "own").set(field.as_str(), "custom"));
    let row = house.admin.get(Account::NAME, id).unwrap();
    assert_eq!(row.value("note").unwrap().as_text(), Some("own"));
    assert_eq!(row.value("x.note").unwrap().as_text(), Some("custom"));
}

#[test]
fn amounts_of_two_currencies_are_never_summed() {
    let house = database();
    for amount in [Money::cny(5), "USD 5.25".parse().unwrap()] {
        let deal = Changes::new().set("title", "deal").set("amount", amount);
        let _ = house.create(Opportunity::NAME, &deal);
    }
    let report = Report {
        entity: Opportunity::NAME.to_owned(),
        filter: Condition::Everything,
        group_by: Vec::new(),
        measures: vec![Measure::Sum("amount".into())],
    };
    assert_eq!(refusal(house.admin.report(&report)), Code::CurrencyMismatch);
    let dollars = guanxi::model::opportunity::AMOUNT.is("USD 5.250".parse::<Money>().unwrap());
    let table = house.admin.report(&Report { filter: dollars, ..report }).unwrap();
    assert_eq!(table.rows[0].figures, [Figure::Amount("USD 5.25".parse().unwrap())]);
}
