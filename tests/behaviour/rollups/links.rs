//! What lookups and rollups say to whom, and how figures come to be built.

use std::sync::Arc;

use guanxi::base::{Label, ValueKind};
use guanxi::engine::{Action, At, Comparison, Direction, Extension, Level, Registrar, Session, Upserted};
use guanxi::schema::{
    FieldDefinition, FieldType, IndexDefinition, RollupDefinition, RollupFunction, RollupReaders,
    RuleDefinition, Severity,
};
use guanxi::{CancelToken, Changes, Code, Condition, Find, Patience, RecordId, Result, Value, api};
use guanxi_tests::{House, refusal};
use serde_json::{Value as Json, json};

use super::shop::{self, CUSTOMER, LINE, ORDER, Shop, World, shown};
use super::stage;

pub fn define(session: &Session, entity: &str, name: &str, kind: FieldType) -> Result<String> {
    session.define_field(entity, name, Label::new("字段", name), kind, |_| {})
}

pub fn over_lines(function: RollupFunction) -> RollupDefinition {
    RollupDefinition::new(function, LINE, "order")
}

/// A customer with two orders, the first of which has three lines; two of them are the clerk's.
pub fn furnished(house: &House, clerk: &Session) -> (RecordId, RecordId, Vec<RecordId>) {
    let customer = house.create(CUSTOMER, &Changes::new().set("name", "c"));
    let order = |state: &str| {
        let changes = Changes::new().set("name", "o").set("state", state).set("customer", customer);
        house.create(ORDER, &changes)
    };
    let (first, _) = (order("won"), order("open"));
    let line = |quantity: i64, owner: RecordId| {
        let changes = Changes::new().set("name", "l").set("order", first).set("quantity", quantity);
        house.create(LINE, &changes.set("state", "won").owner(owner))
    };
    let lines = vec![line(1, house.admin.user()), line(2, clerk.user()), line(4, clerk.user())];
    (customer, first, lines)
}

pub fn value(session: &Session, entity: &str, id: RecordId, name: &str) -> String {
    shown(&session.get(entity, id).unwrap().value(name).unwrap())
}

#[test]
fn a_reader_of_some_records_gets_figures_of_all_or_of_those_alone_as_was_declared() {
    let (house, clerk) = stage();
    shop::define(&house.admin);
    let (customer, order, lines) = furnished(&house, &clerk);
    let told = |session: &Session, name: &str| value(session, ORDER, order, name);
    assert_eq!((told(&clerk, "lines"), told(&clerk, "seen_lines")), ("3".into(), "2".into()));
    assert_eq!((told(&house.admin, "lines"), told(&house.admin, "seen_lines")), ("3".into(), "3".into()));
    assert_eq!(value(&clerk, CUSTOMER, customer, "total"), "7");
    // A list by what the reader sees is the reader's own.
    let seen = |session: &Session, count: i64| {
        session
            .count(ORDER, &Condition::Compare("seen_lines".into(), Comparison::Equal, count.into()))
            .unwrap()
    };
    assert_eq!((seen(&clerk, 2), seen(&house.admin, 2), seen(&house.admin, 3)), (1, 0, 1));
    house.change(LINE, lines[1], &Changes::new().owner(house.admin.user()));
    assert_eq!((told(&clerk, "lines"), told(&clerk, "seen_lines")), ("3".into(), "1".into()));
    let _ = house.verified();
}

#[test]
fn what_a_reader_may_not_see_of_the_far_records_hides_what_follows_from_it() {
    let (house, clerk) = stage();
    shop::define(&house.admin);
    let (customer, order, lines) = furnished(&house, &clerk);
    let read = |entity| (entity, Action::Read, Level::All);
    let orders = house.role("orders", &[read(ORDER), read(CUSTOMER)]);
    let hiding = |name: &str, hidden: &str| {
        let role = house.role_hiding(name, &[read(LINE)], hidden);
        house.user(name, &[orders, role])
    };
    let hides = |session: &Session, entity: &str, id: RecordId, name: &str| {
        let by = Find { sort: vec![(name.into(), Direction::Ascending)], ..Find::default() };
        let listed = session.list(entity, &by);
        let has_none = value(session, entity, id, name) == "-";
        assert_eq!(listed.is_err(), has_none, "{name}");
        let filtered = session.count(entity, &Condition::IsNull(name.into()));
        let code = if has_none { Some(Code::UnknownField) } else { None };
        assert_eq!(filtered.err().map(|error| error.code()), code, "{name}");
        has_none
    };
    let quantity = hiding("quantity", "quantity");
    for (name, hidden) in [
        ("lines", false),
        ("quantity", true),
        ("double", true),
        ("seen_lines", false),
        ("tenfold", false),
        ("won_lines", false),
    ] {
        assert_eq!(hides(&quantity, ORDER, order, name), hidden, "{name}");
    }
    for (name, hidden) in [("orders", false), ("total", true), ("tree_total", true), ("counted", false)] {
        assert_eq!(hides(&quantity, CUSTOMER, customer, name), hidden, "{name}");
    }
    let state = hiding("state", "state");
    assert!(hides(&state, ORDER, order, "won_lines") && !hides(&state, ORDER, order, "quantity"));
    let reference = hiding("reference", "order");
    assert!(hides(&reference, ORDER, order, "lines") && hides(&reference, LINE, lines[0], "order_state"));
    // Who may not read the lines at all gets no figure of theirs, nor what follows from one.
    let none = house.user("none", &[orders]);
    for name in ["lines", "quantity", "seen_lines", "tenfold"] {
        assert!(hides(&none, ORDER, order, name), "{name}");
    }
    assert!(hides(&none, CUSTOMER, customer, "total") && !hides(&none, CUSTOMER, customer, "orders"));
    // A lookup is hidden with the field, and with the entity, that it leads to.
    let only_lines = house.user("lines", &[house.role("only lines", &[read(LINE)])]);
    assert!(hides(&only_lines, LINE, lines[0], "order_state"));
    let hidden = house.role_hiding("hidden", &[read(ORDER)], "state");
    let half = house.user("half", &[house.role("lines too", &[read(LINE)]), hidden]);
    assert!(hides(&half, LINE, lines[0], "order_state") && !hides(&half, LINE, lines[0], "line_double"));
    // Nobody declares a field over what the author does not see.
    let administer = |entity| (entity, Action::Administer, Level::All);
    let author = house.role("author", &[read(ORDER), read(LINE), administer(ORDER), administer(LINE)]);
    let author = house.user("author", &[author]);
    let count = |filter: &str| FieldType::Rollup(over_lines(RollupFunction::Count).filtered(filter));
    define(&author, ORDER, "may", count("quantity > 1")).unwrap();
    let blind = house.role_hiding("blind", &[read(ORDER), administer(ORDER), read(LINE)], "quantity");
    let blind = house.user("blind", &[blind]);
    assert_eq!(refusal(define(&blind, ORDER, "may_not", count("quantity > 1"))), Code::InvalidExpression);
    let sum = over_lines(RollupFunction::Sum).of("quantity", ValueKind::Int);
    assert_eq!(refusal(define(&blind, ORDER, "may_not", FieldType::Rollup(sum))), Code::UnknownField);
    assert_eq!(refusal(define(&none, ORDER, "may_not", count("quantity > 1"))), Code::NotPermitted);
}

#[test]
fn a_lookup_is_a_path_in_conditions_and_has_no_value_where_nothing_is_seen() {
    let (house, clerk) = stage();
    shop::define(&house.admin);
    let (_, order, lines) = furnished(&house, &clerk);
    let alone = house.create(LINE, &Changes::new().set("name", "alone"));
    let equal = |name: &str, value: &str| Condition::Compare(name.into(), Comparison::Equal, value.into());
    let count = |filter: &Condition| house.admin.count(LINE, filter).unwrap();
    assert_eq!(count(&equal("order_state", "won")), 3);
    assert_eq!(count(&equal("order.state", "won")), 3);
    assert_eq!(count(&Condition::IsNull("order_state".into())), 1);
    assert_eq!(count(&Condition::Not(Box::new(equal("order_state", "won")))), 1);
    let unknown = house.admin.count(LINE, &equal("order_state", "nothing"));
    assert_eq!(refusal(unknown), Code::NotInValueSet);
    // Where the field that is looked up has an index, a condition on the lookup is answered by it.
    let won = Find { filter: equal("order_state", "won"), ..Find::default() };
    assert!(house.admin.explain(LINE, &won).unwrap().scan);
    house.admin.define_index(ORDER, IndexDefinition::new("x", 0, "by_state").rising("state")).unwrap();
    let told = house.admin.explain(LINE, &won).unwrap();
    assert_eq!((told.scan, told.index.as_str()), (false, "order"));
    assert_eq!(count(&equal("order_state", "won")), 3);
    assert_eq!(count(&Condition::Not(Box::new(equal("order_state", "won")))), 1);
    let sorted = Find { sort: vec![("order_state".into(), Direction::Descending)], ..Find::default() };
    let rows = house.admin.list(LINE, &sorted).unwrap().rows;
    assert_eq!((rows.len(), rows[3].record.id), (4, alone));
    assert!(house.admin.explain(LINE, &sorted).unwrap().scan);
    let kind = house.admin.formula(LINE, "coalesce(x.order_state, 'none') + '!'").unwrap();
    define(&house.admin, LINE, "loud", kind).unwrap();
    assert_eq!(value(&house.admin, LINE, lines[0], "loud"), "won!");
    assert_eq!(value(&house.admin, LINE, alone, "loud"), "none!");
    house.change(ORDER, order, &Changes::new().set("state", "lost"));
    assert_eq!(value(&house.admin, LINE, lines[0], "loud"), "lost!");
    // A clerk who sees no order of others sees nothing of them through a line.
    let own = [(LINE, Action::Read, Level::All), (ORDER, Action::Read, Level::Own)];
    let near = house.user("near", &[house.role("near", &own)]);
    assert_eq!(value(&near, LINE, lines[0], "order_state"), "-");
    assert_eq!(near.count(LINE, &equal("order_state", "lost")).unwrap(), 0);
    let lost = Find { filter: equal("order_state", "lost"), ..Find::default() };
    assert!(near.list(LINE, &lost).unwrap().rows.is_empty());
}

#[test]
fn rules_look_at_figures_of_all_records_and_the_past_has_none() {
    let (house, clerk) = stage();
    shop::define(&house.admin);
    let (_, order, _) = furnished(&house, &clerk);
    let before = house.crm.flush().unwrap().position;
    let same = Changes::new().set("state", "won");
    let saved = house.admin.write(|transaction| transaction.update_record(ORDER, order, same.clone()));
    assert_eq!(saved.unwrap(), Upserted::Unchanged(order), "figures are no change of the record");
    let rule = RuleDefinition {
        namespace: String::new(),
        name: "few".to_owned(),
        condition: "x.lines < 3".to_owned(),
        message: Label::new("太多", "Too many"),
        severity: Severity::Error,
        active: true,
    };
    house.admin.define_rule(ORDER, rule).unwrap();
    let rename = Changes::new().set("name", "renamed");
    let renamed = house.admin.write(|transaction| transaction.update_record(ORDER, order, rename.clone()));
    assert_eq!(refusal(renamed), Code::RuleBroken);
    let past = house.admin.get_as_of(ORDER, order, At::Position(before)).unwrap();
    for name in ["lines", "seen_lines", "tenfold"] {
        assert_eq!(past.value(name).unwrap(), guanxi::engine::PastValue::Known(Value::Null), "{name}");
    }
    let many = Condition::Compare("lines".into(), Comparison::Greater, 0.into());
    let listed = house.admin.list_as_of(ORDER, &many, At::Position(before), None, 0);
    assert_eq!(refusal(listed), Code::InvalidFilter);
}

/// All rollups at once, those over others before these.
struct Figures;

impl Extension for Figures {
    fn id(&self) -> &'static str {
        "figures"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        for (entity, rollups) in [(ORDER, shop::of_orders()), (CUSTOMER, shop::of_customers())] {
            for ((name, rollup), local) in rollups.into_iter().zip(1..) {
                let label = Label::new("汇总", name);
                let indexed = rollup.readers == RollupReaders::All;
                let kind = FieldType::Rollup(rollup);
                let field = FieldDefinition::new("figures", local, name, label, kind);
                registrar.field(entity, FieldDefinition { indexed, ..field });
            }
        }
        Ok(())
    }
}

/// A shop with many records, by steps that follow from numbers.
fn busy(house: &House, clerk: &Session) -> World {
    use shop::{Step, Values};
    let mut world = World::default();
    let owners = [house.admin.user(), clerk.user()];
    let values = |number: usize| Values {
        state: Some(number % 3),
        amount: Some((number as i64 * 37 % 91, !number.is_multiple_of(7))),
        quantity: (!number.is_multiple_of(5)).then_some(number as i64 % 11),
        price: Some(number as i64 * 333 % 1_000),
        day: Some(20_000 + (number % 9) as i32),
    };
    let mut steps: Vec<Step> =
        (0..4).map(|number| Step::Customer((number > 0).then_some(number / 2))).collect();
    steps.extend((0..9).map(|number| Step::Order(Some(number), number % 3)));
    steps.extend((0..40).map(|number| Step::Line(number, number % 2, values(number))));
    super::play(house, &owners, &mut world, &steps, true);
    world
}

fn looked_at(session: &Session) {
    let formula = session.formula(ORDER, "coalesce(lines, 0) * 10").unwrap();
    define(session, ORDER, "tenfold", formula).unwrap();
    let kind = session.lookup(LINE, "order", "state").unwrap();
    define(session, LINE, "order_state", kind).unwrap();
}

#[test]
fn rollups_over_rollups_that_come_together_are_built_over_standing_records() {
    let (house, clerk) = stage();
    let world = busy(&house, &clerk);
    house.crm.install(&Figures, "figures").unwrap();
    looked_at(&house.admin);
    world.check(&house.admin, None);
    world.check(&clerk, Some(1));
    let _ = house.verified();
}

#[test]
fn a_large_table_gets_its_figures_in_chunks_and_no_figure_shows_before_it_is_whole() {
    let house = House::with(|options| options.extension(Arc::new(Shop)).build_at_once(6));
    let clerk = super::clerk(&house);
    let mut world = busy(&house, &clerk);
    house.crm.install(&Figures, "figures").unwrap();
    looked_at(&house.admin);
    let order = *world.orders.keys().next().unwrap();
    assert_eq!(value(&house.admin, ORDER, order, "lines"), "-");
    assert_ne!(value(&house.admin, ORDER, order, "seen_lines"), "-");
    let _ = house.verified();
    let owners = [house.admin.user(), clerk.user()];
    // A listener that cancels stands for a process that ends; writes go on on both sides of the build.
    for limit in [30, 90, 150] {
        let token = CancelToken::default();
        let inner = token.clone();
        let impatient = Patience::with_token(token).telling(move |told| {
            if told.phase == "indexes" && told.done >= limit {
                inner.cancel();
            }
        });
        let stopped = house.admin.with_patience(impatient).build_indexes();
        assert_eq!(refusal(stopped), Code::Cancelled);
        let steps: Vec<shop::Step> = (0..12)
            .flat_map(|number| {
                let values = shop::Values { quantity: Some(number as i64), ..shop::Values::default() };
                [
                    shop::Step::ChangeLine(number * 7, values.clone()),
                    shop::Step::MoveLine(number * 11, Some(number)),
                    shop::Step::DeleteLine(number * 5),
                    shop::Step::Line(number, number % 2, values),
                    shop::Step::MoveCustomer(number, (number % 3 > 0).then_some(number / 2)),
                    shop::Step::ChangeOrder(number, Some(number * 3), number % 3),
                ]
            })
            .collect();
        super::play(&house, &owners, &mut world, &steps, true);
        let _ = house.verified();
    }
    house.admin.build_indexes().unwrap();
    world.check(&house.admin, None);
    world.check(&clerk, Some(1));
    let _ = house.verified();
    // One that is declared by a session is whole when the call returns.
    let late = FieldType::Rollup(over_lines(RollupFunction::Count));
    define(&house.admin, ORDER, "late", late).unwrap();
    let standing = world.orders.iter().find(|(_, order)| !order.deleted).unwrap().0;
    assert_eq!(value(&house.admin, ORDER, *standing, "late"), world.of_order(*standing, "lines", None));
}

#[test]
fn named_methods_declare_describe_and_ask() {
    let (house, clerk) = stage();
    let (_, order, _) = furnished(&house, &clerk);
    let call = |name: &str, given: Json| api::call(&house.admin, name, &given);
    let define = |name: &str, more: Json| {
        let mut given = json!({"entity": ORDER, "name": name, "label_zh": "字段", "label_en": "Field"});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Ok::<_, guanxi::Error>(call("schema.define_field", given)?["field"].clone())
    };
    let rollup = json!({
        "field_type": "rollup", "child": "shop.line", "by": "order", "function": "sum", "field": "quantity",
        "filter": "state == 'won'", "readers": "visible",
    });
    assert_eq!(define("won", rollup).unwrap(), "x.won");
    let lookup = json!({"field_type": "lookup", "through": "customer", "field": "name"});
    assert_eq!(define("customer_name", lookup).unwrap(), "x.customer_name");
    let described = call("schema.describe", json!({"entity": ORDER})).unwrap();
    let fields = described["entities"][0]["fields"].as_array().unwrap();
    let details = |name: &str| fields.iter().find(|field| field["name"] == name).unwrap()["details"].clone();
    assert_eq!(
        details("x.won"),
        json!({
            "child": "shop.line", "by": "order", "function": "sum", "field": "quantity",
            "filter": "state == 'won'", "readers": "visible", "tree": false, "gives": "int",
        })
    );
    assert_eq!(details("x.customer_name"), json!({"through": "customer", "field": "name", "gives": "text"}));
    let asked = json!({"entity": ORDER, "filter": {"won": 7, "customer_name": "c"}, "fields": ["x.won"]});
    let rows = call("query.run", asked).unwrap()["rows"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!((&rows[0]["id"], &rows[0]["values"]), (&json!(order.to_string()), &json!({"x.won": 7})));
    let types = call("schema.types", json!({})).unwrap();
    let names: Vec<&str> =
        types["types"].as_array().unwrap().iter().filter_map(|known| known["name"].as_str()).collect();
    assert!(names.contains(&"lookup") && names.contains(&"rollup"));
    let missing = define("bad", json!({"field_type": "rollup", "child": "shop.line", "by": "order"}));
    assert_eq!(refusal(missing), Code::MissingParameter);
    let odd = define(
        "bad",
        json!({"field_type": "rollup", "child": "shop.line", "by": "order", "function": "mode"}),
    );
    assert_eq!(refusal(odd), Code::InvalidArgument);
}
