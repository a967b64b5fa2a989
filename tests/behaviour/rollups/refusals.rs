//! What no lookup and no rollup may be, with the rule that each breaks.

use guanxi::base::{Label, ValueKind};
use guanxi::schema::{FieldType, IndexDefinition, RollupDefinition, RollupFunction};
use guanxi::{Changes, Code, RecordId, Result, Value};
use guanxi_tests::refusal;

use super::links::{define, furnished, over_lines};
use super::shop::{self, CUSTOMER, LINE, ORDER};
use super::stage;

use RollupFunction::{Avg, Count, Max, Min, Sum};

/// The code and the rule of a refusal.
fn refused(result: Result<String>) -> (Code, String) {
    let error = result.unwrap_err();
    (error.code(), error.rule_name().unwrap_or_default().to_owned())
}

/// An entity, a rollup, and how it is refused.
type Case = (&'static str, RollupDefinition, Code, &'static str);

fn of_one_entity() -> Vec<Case> {
    let by = |entity: &str, by: &str| RollupDefinition::new(Count, entity, by);
    let invalid = Code::InvalidDefinition;
    vec![
        (ORDER, by("shop.nothing", "order"), Code::UnknownEntity, ""),
        (ORDER, by(LINE, "nothing"), Code::UnknownField, ""),
        (ORDER, by(LINE, "state"), invalid, "a rollup goes along a reference to its own entity"),
        (CUSTOMER, by(LINE, "order"), invalid, "a rollup goes along a reference to its own entity"),
        (
            ORDER,
            over_lines(Count).of("quantity", ValueKind::Int),
            invalid,
            "count and exists take no field, sum, min, max and avg take one",
        ),
        (ORDER, over_lines(Sum), invalid, "count and exists take no field, sum, min, max and avg take one"),
        (
            ORDER,
            over_lines(Sum).of("day", ValueKind::Date),
            invalid,
            "sum and avg take numbers and amounts, min and max days and times too",
        ),
        (
            ORDER,
            over_lines(Min).of("name", ValueKind::Text),
            invalid,
            "sum and avg take numbers and amounts, min and max days and times too",
        ),
        (
            ORDER,
            over_lines(Avg).of("quantity", ValueKind::Money),
            invalid,
            "a rollup gives what it says that it gives",
        ),
        (ORDER, over_lines(Count).over_tree(), invalid, "an entity without a tree has no figures of one"),
    ]
}

fn over_figures_and_formulas() -> Vec<Case> {
    let invalid = Code::InvalidDefinition;
    let over_orders =
        |function, field| RollupDefinition::new(function, ORDER, "customer").of(field, ValueKind::Int);
    vec![
        (
            CUSTOMER,
            over_orders(Sum, "x.quantity").over_tree().of_visible(),
            invalid,
            "a rollup of rollups is for all readers",
        ),
        (
            CUSTOMER,
            over_orders(Sum, "x.quantity").of_visible(),
            invalid,
            "a rollup of rollups is for all readers",
        ),
        (CUSTOMER, over_orders(Sum, "x.seen_lines"), invalid, "a rollup of rollups is for all readers"),
        (
            ORDER,
            over_lines(Max).of("x.due", ValueKind::Int),
            invalid,
            "what changes with time is not rolled up",
        ),
        (
            ORDER,
            over_lines(Count).filtered("day == today()"),
            invalid,
            "what changes with time is not rolled up",
        ),
        (
            ORDER,
            over_lines(Count).filtered("x.looked_up"),
            invalid,
            "a rollup reads neither lookups nor formulas over other records",
        ),
        (
            CUSTOMER,
            over_orders(Sum, "x.tenfold"),
            invalid,
            "a rollup reads neither lookups nor formulas over other records",
        ),
        // A rollup over itself names what is not there yet.
        (
            CUSTOMER,
            RollupDefinition::new(Sum, CUSTOMER, "parent").of("x.own", ValueKind::Int),
            Code::UnknownField,
            "",
        ),
    ]
}

#[test]
fn a_rollup_that_cannot_be_kept_is_refused_with_the_rule_that_it_breaks() {
    let (house, _) = stage();
    shop::define(&house.admin);
    let admin = &house.admin;
    let formula = |name: &str, entity: &str, expression: &str| {
        let kind = admin.formula(entity, expression).unwrap();
        define(admin, entity, name, kind).unwrap()
    };
    formula("due", LINE, "year(today()) - year(day)");
    formula("looked_up", LINE, "x.order_state == 'won'");
    for (entity, rollup, code, rule) in of_one_entity().into_iter().chain(over_figures_and_formulas()) {
        let told = format!("{rollup:?}");
        let error = refused(define(admin, entity, "own", FieldType::Rollup(rollup)));
        assert_eq!(error, (code, rule.to_owned()), "{told}");
    }
    let unknown = define(admin, ORDER, "own", FieldType::Rollup(over_lines(Count).filtered("nothing > 1")));
    assert_eq!(refusal(unknown), Code::InvalidExpression);
    let _ = house.verified();
}

#[test]
fn a_lookup_that_leads_nowhere_and_an_index_on_what_others_say_are_refused() {
    let (house, _) = stage();
    shop::define(&house.admin);
    let admin = &house.admin;
    let lookup = |through: &str, field: &str, gives| FieldType::Lookup {
        through: through.to_owned(),
        field: field.to_owned(),
        gives,
    };
    let invalid = Code::InvalidDefinition;
    let links = "a lookup reads no field that follows from other records";
    for (entity, kind, code, rule) in [
        (
            LINE,
            lookup("name", "state", ValueKind::Text),
            invalid,
            "a lookup goes along a reference to one record",
        ),
        (LINE, lookup("order", "nothing", ValueKind::Text), Code::UnknownField, ""),
        (
            LINE,
            lookup("order", "state", ValueKind::Int),
            invalid,
            "a lookup gives what the field gives that it reads",
        ),
        (LINE, lookup("order", "x.lines", ValueKind::Int), invalid, links),
        (LINE, lookup("order", "x.tenfold", ValueKind::Int), invalid, links),
    ] {
        let told = format!("{kind:?}");
        assert_eq!(refused(define(admin, entity, "own", kind)), (code, rule.to_owned()), "{told}");
    }
    let asked = "a lookup has no index: the field that it looks up may have one";
    let kind = lookup("order", "state", ValueKind::Text);
    let indexed = admin.define_field(LINE, "own", Label::new("a", "a"), kind, |field| field.indexed = true);
    assert_eq!(refused(indexed), (invalid, asked.to_owned()));
    let asked = "what each reader sees otherwise has no index";
    let kind = FieldType::Rollup(over_lines(Count).of_visible());
    let indexed = admin.define_field(ORDER, "own", Label::new("a", "a"), kind, |field| field.indexed = true);
    assert_eq!(refused(indexed), (invalid, asked.to_owned()));
    let asked = "what follows from other records is not unique, and has no search, default or requirement";
    let kind = FieldType::Rollup(over_lines(Count));
    let unique = admin.define_field(ORDER, "own", Label::new("a", "a"), kind, |field| field.unique = true);
    assert_eq!(refused(unique), (invalid, asked.to_owned()));
    let kind = admin.formula(ORDER, "x.lines + 1").unwrap();
    let rule = "what follows from other records has no index";
    let indexed = admin.define_field(ORDER, "own", Label::new("a", "a"), kind, |field| field.indexed = true);
    assert_eq!(refused(indexed), (invalid, rule.to_owned()));
    for name in ["x.lines", "x.tenfold"] {
        let index = IndexDefinition::new("x", 0, "own").rising(name);
        assert_eq!(refused(admin.define_index(ORDER, index)), (invalid, rule.to_owned()));
    }
    let index = IndexDefinition::new("x", 0, "own").rising("x.order_state");
    assert_eq!(refused(admin.define_index(LINE, index)), (invalid, rule.to_owned()));
    let (_, order, lines) = furnished(&house, admin);
    let set = |entity: &str, id: RecordId, name: &str, to: Value| {
        admin.write(|transaction| transaction.update_record(entity, id, Changes::new().set(name, to.clone())))
    };
    assert_eq!(refusal(set(ORDER, order, "lines", 7.into())), Code::ReadOnlyField);
    assert_eq!(refusal(set(LINE, lines[0], "order_state", "won".into())), Code::ReadOnlyField);
}
