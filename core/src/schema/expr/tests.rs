//! Expressions as authors write them: values, unknown values, errors with their places, hostile texts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::base::{Decimal, MAX_TEXT_BYTES, Money};
use crate::schema::RecordReference;

const FIELDS: [(&str, ValueKind); 12] = [
    ("name", ValueKind::Text),
    ("quantity", ValueKind::Int),
    ("price", ValueKind::Decimal),
    ("amount", ValueKind::Money),
    ("signed_on", ValueKind::Date),
    ("changed_at", ValueKind::DateTime),
    ("active", ValueKind::Bool),
    ("stage", ValueKind::Text),
    ("x.note", ValueKind::Text),
    ("tags", ValueKind::List),
    ("lines", ValueKind::List),
    ("about", ValueKind::Map),
];

struct Deal;

impl Names for Deal {
    fn field(&self, name: &str) -> Option<Meaning> {
        let position = FIELDS.iter().position(|(known, _)| *known == name)?;
        let closed = |codes: &[&str]| Takes::Codes(codes.iter().map(|code| (*code).to_owned()).collect());
        let entities =
            [("crm.account", "crm.account"), ("crm.firm", "crm.account"), ("crm.contact", "crm.contact")];
        let takes = match name {
            "stage" => closed(&["open", "won"]),
            "about" => {
                Takes::Entities(entities.map(|(name, known)| (name.to_owned(), known.to_owned())).into())
            }
            _ => Takes::Anything,
        };
        let columns = [("quantity", ValueKind::Int), ("price", ValueKind::Money), ("kind", ValueKind::Text)];
        let column = |(name, kind): (&str, ValueKind)| {
            let takes = if name == "kind" { closed(&["hour", "piece"]) } else { Takes::Anything };
            Column { name: name.to_owned(), kind, takes }
        };
        let items = match name {
            "tags" => Some(Items::Values(ValueKind::Text, closed(&["a", "b", "c"]))),
            "lines" => Some(Items::Rows(columns.map(column).into())),
            _ => None,
        };
        Some(Meaning { field: number(position), kind: FIELDS[position].1, takes, items })
    }
}

fn number(position: usize) -> FieldId {
    FieldId::new(64 + u32::try_from(position).unwrap())
}

#[derive(Default)]
struct Values(BTreeMap<FieldId, Value>);

impl Values {
    fn of(pairs: &[(&str, Value)]) -> Self {
        Self(pairs.iter().map(|(name, value)| (Deal.field(name).unwrap().field, value.clone())).collect())
    }
}

impl Facts for Values {
    fn value(&self, field: FieldId) -> Result<Value> {
        Ok(self.0.get(&field).cloned().unwrap_or_default())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }

    fn today(&self) -> Date {
        "2026-11-22".parse().unwrap()
    }
}

fn about() -> Value {
    let id = "018f0000-0000-7000-8000-000000000001".parse().unwrap();
    RecordReference::new("crm.account", id).into()
}

fn deal() -> Values {
    Values::of(&[
        ("name", Value::from("上海加喜")),
        ("quantity", Value::Int(3)),
        ("price", Value::Decimal("19.99".parse().unwrap())),
        ("amount", Value::Money(Money::cny(12_800))),
        ("signed_on", Value::Date("2026-01-31".parse().unwrap())),
        ("active", Value::Bool(true)),
        ("stage", Value::from("open")),
        ("about", about()),
    ])
}

/// What an expression gives, as text; or the key of its error and the rule.
fn told(source: &str, facts: &Values) -> String {
    let given = Expression::compile(source, &Deal).and_then(|expression| expression.evaluate(facts));
    match given {
        Ok(Value::Null) => "null".into(),
        Ok(Value::Bool(value)) => value.to_string(),
        Ok(Value::Int(value)) => value.to_string(),
        Ok(Value::Decimal(value)) => format!("decimal {}", value.normalized()),
        Ok(Value::Money(value)) => format!("{} {}", value.currency, value.amount.normalized()),
        Ok(Value::Text(value)) => format!("'{value}'"),
        Ok(value) => value.to_string(),
        Err(error) => format!("{}: {}", error.code().key(), error.rule_name().unwrap_or_default()),
    }
}

#[test]
fn expressions_give_what_their_authors_mean() {
    for (source, expected) in [
        ("0.1 + 0.2 == 0.3", "true"),
        ("money(1, 'CNY') == money(1.00, 'CNY')", "true"),
        ("1 / 2", "decimal 0.5"),
        ("7 % 3", "1"),
        ("-quantity + 1", "-2"),
        ("quantity * price", "decimal 59.97"),
        ("amount * 0.13", "CNY 1664"),
        ("amount / money(6400, 'CNY')", "decimal 2"),
        ("amount > money(10000, 'CNY') && stage == 'open'", "true"),
        ("amount(amount) > 12800", "false"),
        ("currency(amount)", "'CNY'"),
        ("round(price * quantity, 1)", "decimal 60"),
        ("round(2.345, 2)", "decimal 2.35"),
        ("name + '（' + stage + '）'", "'上海加喜（open）'"),
        ("size(name)", "4"),
        ("name.contains('加') && name.startsWith('上') && name.endsWith('喜')", "true"),
        ("name.matches('^上.加喜$')", "true"),
        ("upper('ab') + lower('CD') + trim(' x ')", "'ABcdx'"),
        ("addMonths(signed_on, 1)", "2026-02-28"),
        ("signed_on + 30", "2026-03-02"),
        ("date('2026-03-01') - signed_on", "29"),
        ("year(today()) * 10000 + month(today()) * 100 + day(today())", "20261122"),
        ("signed_on < today() && !(signed_on >= today())", "true"),
        ("stage in ['open', 'won'] ? 'yes' : 'no'", "'yes'"),
        ("quantity in [1, 2.0, 3.0]", "true"),
        ("max(quantity, 3.5)", "decimal 3.5"),
        ("min('b', 'a')", "'a'"),
        ("abs(-3)", "3"),
        ("text(price) + text(quantity)", "'19.993'"),
        ("has(x.note)", "false"),
        ("about == reference('crm.account', '018f0000-0000-7000-8000-000000000001')", "true"),
        ("about == reference('crm.account', id('018f0000-0000-7000-8000-000000000001'))", "true"),
        ("about == reference('crm.firm', '018f0000-0000-7000-8000-000000000001')", "true"),
        ("about == reference('crm.contact', '018f0000-0000-7000-8000-000000000001')", "false"),
        ("reference('crm.account', '018f0000-0000-7000-8000-000000000002') != about", "true"),
        ("about in [reference('crm.firm', '018f0000-0000-7000-8000-000000000001'), null]", "true"),
        ("coalesce(x.note, name, '-')", "'上海加喜'"),
        ("99999999999999.999999999999 + 0.000000000001", "decimal 100000000000000"),
    ] {
        assert_eq!(told(source, &deal()), expected, "{source}");
    }
}

#[test]
fn what_follows_from_a_missing_value_is_missing_too() {
    let nothing = Values::default();
    for (source, expected) in [
        ("quantity + 1", "null"),
        ("quantity > 1", "null"),
        ("!active", "null"),
        ("quantity == null", "true"),
        ("quantity != null", "false"),
        ("quantity == 1", "false"),
        ("null == null", "true"),
        ("size(name)", "null"),
        ("active ? 1 : 2", "null"),
        ("stage in ['open']", "null"),
        ("name.matches('a')", "null"),
        ("coalesce(quantity, 0) + 1", "1"),
    ] {
        assert_eq!(told(source, &nothing), expected, "{source}");
    }
}

#[test]
fn and_and_or_follow_the_logic_of_three_values() {
    let written = |value: Option<bool>| {
        value.map_or("(active == null ? null : active)".into(), |value| value.to_string())
    };
    let all = [Some(true), Some(false), None];
    for (left, right) in all.iter().flat_map(|left| all.map(|right| (*left, right))) {
        // The minimum and the maximum of false < unknown < true, as Kleene defined them.
        let rank = |value: Option<bool>| value.map_or(1, |value| if value { 2 } else { 0 });
        let back = |rank| ["false", "null", "true"][rank];
        let both = format!("{} && {}", written(left), written(right));
        assert_eq!(told(&both, &Values::default()), back(rank(left).min(rank(right))), "{both}");
        let either = format!("{} || {}", written(left), written(right));
        assert_eq!(told(&either, &Values::default()), back(rank(left).max(rank(right))), "{either}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (source, place) in [
        ("quantity +", "line 1, column 11"),
        ("quantity >\n  missing", "line 2, column 3"),
        ("nothing.at.all == 1", "line 1, column"),
        ("name > 5", "line 1, column 6"),
        ("amount > 10000", "compared with `money"),
        ("stage == 'wonn'", "line 1, column 10: the field has no such code"),
        ("stage in ['open', 'lost']", "line 1, column 19: the field has no such code"),
        ("quantity && true", "line 1, column 1: this is neither true nor false"),
        ("name.matches(x.note)", "a pattern is written out"),
        ("name.matches('(')", "line 1, column 14: the pattern cannot be used"),
        ("frobnicate(1)", "there is no such function"),
        ("round('a', 1)", "it is used as round(number, digits)"),
        ("0.0000000000000000001", "line 1, column 1: a decimal has at most 18 digits"),
        ("1e5 > 1", "line 1, column 1: a decimal has at most 18 digits behind the point, and no exponent"),
        ("active ? 1 : 'a'", "both outcomes have one type"),
        ("active < true", "these have no order"),
        ("signed_on * 2", "cannot be worked out together"),
        ("[1, 2]", "lists stand behind `in` only"),
        ("[1].exists(x, x > 0)", "line 1, column"),
        ("{'a': 1}", "lists stand behind `in` only"),
        ("b'bytes'", "no field has values of this type"),
        ("", "line 1, column"),
    ] {
        let said = told(source, &deal());
        assert!(said.starts_with("schema.invalid_expression: ") && said.contains(place), "{source}: {said}");
    }
}

#[test]
fn what_only_values_show_is_an_error_of_its_own() {
    for (source, code) in [
        ("quantity / 0", "schema.out_of_range"),
        ("9223372036854775807 + 1", "schema.out_of_range"),
        ("amount + money(1, 'USD')", "schema.currency_mismatch"),
        ("amount < money(1, 'USD')", "schema.currency_mismatch"),
        ("money(1, 'ABCD')", "schema.unknown_currency"),
        ("date('2026-02-30')", "schema.wrong_type"),
        ("signed_on + 9000000000000000000", "schema.out_of_range"),
        ("addMonths(signed_on, 9223372036854775807)", "schema.out_of_range"),
        ("round(price, -1)", "schema.out_of_range"),
    ] {
        let said = told(source, &deal());
        assert!(said.starts_with(code), "{source}: {said}");
    }
    assert_eq!(told("amount == money(12800, 'USD')", &deal()), "false");
}

#[test]
fn an_expression_knows_what_it_reads() {
    let expression = Expression::compile("price * quantity > 5 && signed_on < today()", &Deal).unwrap();
    assert_eq!(expression.fields(), &[number(1), number(2), number(4)].into());
    assert!(expression.reads_clock());
    assert_eq!(expression.kind(), ValueKind::Bool);
    assert!(!Expression::compile("price", &Deal).unwrap().reads_clock());
}

/// Texts that would take other engines down, on the small stack of a thread and without optimisation.
#[test]
fn hostile_expressions_are_errors_and_nothing_worse() {
    let long = "x".repeat(2 * MAX_EXPRESSION_BYTES);
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    let texts = [
        "1+".repeat(2_000) + "1",
        "[".repeat(4_000),
        "quantity.".repeat(400) + "a",
        "true?".repeat(800),
        "coalesce(".repeat(400),
        "'".to_owned() + &long,
        format!("'{long}'"),
        "\u{0}\u{202e}".repeat(500),
        "name.matches('".to_owned() + &"(a{1000}){1000}".repeat(20) + "')",
    ];
    for text in texts {
        let error = Expression::compile(&text, &Deal)
            .map(drop)
            .expect_err(&text.chars().take(40).collect::<String>());
        assert!(matches!(error.code(), Code::InvalidExpression | Code::LimitExceeded), "{error:?}");
    }
    // The parser drops parentheses, takes such signs together, two by two, and hangs conditions in a
    // balanced tree.
    for text in [
        nested(2_000),
        "true&&".repeat(400) + "true",
        "!".repeat(4_000) + "true",
        "-".repeat(4_000) + "1",
        "- ".repeat(2_000) + "1.5",
    ] {
        let given = Expression::compile(&text, &Deal).and_then(|expression| expression.evaluate(&deal()));
        assert!(given.is_ok_and(|value| !value.is_null()));
    }
    let sums = |depth: usize| format!("{}1{}", "1+(".repeat(depth), ")".repeat(depth));
    let deepest = (1..200).take_while(|depth| Expression::compile(&sums(*depth), &Deal).is_ok()).count();
    assert!((20..100).contains(&deepest), "usual nesting is taken, and no other: {deepest}");
}

#[test]
fn the_work_of_an_expression_is_bounded_whatever_it_is() {
    let text = Value::Text("a".repeat(MAX_TEXT_BYTES));
    let facts = Values::of(&[("name", text)]);
    assert!(told("name + name", &facts).starts_with("input.limit_exceeded"));
    let catastrophic = "name.matches('(a+)+$') ".to_owned() + &"|| name.matches('(a*)*b') ".repeat(30);
    let said = told(&catastrophic, &facts);
    assert!(said == "true" || said.starts_with("input.limit_exceeded"), "{said}");
    let all = "name.contains('b') || ".repeat(40) + "name.contains('b')";
    assert!(told(&all, &facts).starts_with("input.limit_exceeded"), "each look at a megabyte is charged");
}

/// A sum of products of numbers with two digits after the point, in hundredths, without the decimals of
/// the engine.
#[derive(Debug, Clone)]
enum Sum {
    Number(i32),
    Add(Box<Sum>, Box<Sum>),
    Subtract(Box<Sum>, Box<Sum>),
    Times(Box<Sum>, u8),
}

impl Sum {
    fn written(&self) -> String {
        match self {
            Self::Number(hundredths) if *hundredths < 0 => format!("(-{})", written(-hundredths)),
            Self::Number(hundredths) => written(*hundredths),
            Self::Add(left, right) => format!("({} + {})", left.written(), right.written()),
            Self::Subtract(left, right) => format!("({} - {})", left.written(), right.written()),
            Self::Times(sum, factor) => format!("{} * {factor}", sum.written()),
        }
    }

    fn hundredths(&self) -> i128 {
        match self {
            Self::Number(hundredths) => i128::from(*hundredths),
            Self::Add(left, right) => left.hundredths() + right.hundredths(),
            Self::Subtract(left, right) => left.hundredths() - right.hundredths(),
            Self::Times(sum, factor) => sum.hundredths() * i128::from(*factor),
        }
    }
}

fn written(hundredths: i32) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn any_sum() -> impl Strategy<Value = Sum> {
    let leaf = (-1_000_000..1_000_000).prop_map(Sum::Number);
    leaf.prop_recursive(5, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| Sum::Add(left.into(), right.into())),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| Sum::Subtract(left.into(), right.into())),
            (inner, any::<u8>()).prop_map(|(sum, factor)| Sum::Times(sum.into(), factor)),
        ]
    })
}

proptest! {
    #[test]
    fn sums_and_products_are_exact(sum in any_sum()) {
        let expression = Expression::compile(&sum.written(), &Deal).unwrap();
        let given = expression.evaluate(&Values::default()).unwrap();
        let expected = Decimal::new(sum.hundredths(), 2).unwrap();
        prop_assert_eq!(given, Value::Decimal(expected), "{}", sum.written());
    }

    #[test]
    fn no_text_is_worse_than_an_error(tokens in prop::collection::vec(prop::sample::select(vec![
        "name", "quantity", "amount", "x.note", "stage", "1", "2.5", "'a'", "null", "true", "(", ")", "[", "]", "{",
        "}", "+", "-", "*", "/", "%", "==", "<", "&&", "||", "!", "?", ":", ",", ".", "in", "size(", "round(",
        "matches(", "today()", "has(", "\n", "//", "\"", "b'", "1u", "加",
    ]), 0..24)) {
        if let Ok(expression) = Expression::compile(&tokens.join(" "), &Deal) {
            let _ = expression.evaluate(&deal());
        }
    }

    #[test]
    fn what_compiles_gives_a_value_of_its_type_or_null(
        quantity in prop::option::of(any::<i64>()),
        active in prop::option::of(any::<bool>()),
        position in 0_usize..6,
    ) {
        let sources =
            ["quantity + 1", "active ? quantity : 0.5", "quantity in [1, 2] || active", "quantity / 3",
             "coalesce(quantity, 0)", "!active && quantity > 0"];
        let facts = Values::of(&[("quantity", Value::from(quantity)), ("active", Value::from(active))]);
        let expression = Expression::compile(sources[position], &Deal).unwrap();
        if let Ok(value) = expression.evaluate(&facts) {
            let number = [ValueKind::Int, ValueKind::Decimal];
            let fits = value.is_null()
                || value.kind() == expression.kind()
                || (expression.kind() == ValueKind::Decimal && number.contains(&value.kind()));
            prop_assert!(fits, "{} gave {value:?}", sources[position]);
        }
    }
}

#[test]
fn every_function_says_how_it_is_used_in_both_languages() {
    let mut usages = BTreeSet::new();
    for help in function_help() {
        assert!(usages.insert(help.usage), "{}", help.usage);
        assert!(help.label.zh.chars().any(|character| character > '\u{2e80}'), "{}", help.usage);
        assert!(help.label.en.is_ascii() && !help.label.en.is_empty(), "{}", help.usage);
    }
    for usage in ["round(number, digits)", "coalesce(first, second, …)", "today()", "text.matches('pattern')"]
    {
        assert!(usages.contains(usage), "{usage}");
    }
}

/// Rows of quantity, price in yuan and kind; what is below zero is no value.
fn lines(rows: &[(i64, i64, &str)]) -> Value {
    let row = |(quantity, price, kind): &(i64, i64, &str)| {
        let mut parts = BTreeMap::from([("kind".to_owned(), Value::from(*kind))]);
        if *quantity >= 0 {
            parts.insert("quantity".to_owned(), Value::Int(*quantity));
        }
        if *price >= 0 {
            parts.insert("price".to_owned(), Value::Money(Money::cny(*price)));
        }
        Value::Map(parts)
    };
    Value::List(rows.iter().map(row).collect())
}

fn asked(source: &str, facts: &Values) -> Value {
    Expression::compile(source, &Deal).unwrap().evaluate(facts).unwrap()
}

#[test]
fn lists_and_rows_are_asked_value_by_value() {
    let tags = Value::List(vec!["a".into(), "b".into()]);
    let facts = Values::of(&[
        ("tags", tags),
        ("quantity", Value::Int(3)),
        ("lines", lines(&[(1, 10, "hour"), (5, 20, "piece"), (3, 30, "piece")])),
    ]);
    for (source, wanted) in [
        ("lines.exists(l, l.quantity > 3)", true),
        ("lines.exists(l, l.quantity > 5)", false),
        ("lines.all(l, l.quantity > 0 && amount(l.price) >= 10)", true),
        ("lines.all(l, l.kind == 'piece')", false),
        ("lines.existsOne(l, l.kind == 'hour')", true),
        ("lines.existsOne(l, l.kind == 'piece')", false),
        ("lines.exists_one(l, l.quantity == quantity)", true),
        ("size(lines.filter(l, l.kind == 'piece')) == 2", true),
        ("lines.filter(l, l.kind == 'piece').all(l, l.quantity >= 3)", true),
        ("lines != null && lines.exists(l, has(l.price))", true),
        ("tags.exists(t, t == 'b') && !tags.exists(t, t == 'c')", true),
        ("tags.all(t, t in ['a', 'b'])", true),
        ("lines.exists(l, lines.all(m, m.quantity <= l.quantity) && tags.exists(t, t == 'a'))", true),
        ("'a' in tags.filter(t, t != 'b')", true),
        // The innermost name is meant, and a field of the same name is not.
        ("tags.exists(quantity, quantity == 'a')", true),
    ] {
        assert_eq!(asked(source, &facts), Value::Bool(wanted), "{source}");
    }
}

#[test]
fn no_value_is_an_empty_list_and_what_is_unknown_of_a_row_stays_so_unless_another_decides() {
    let empty = Values::default();
    for (source, wanted) in [
        ("lines.exists(l, l.quantity > 3)", Value::Bool(false)),
        ("lines.all(l, l.quantity > 3)", Value::Bool(true)),
        ("lines.existsOne(l, true)", Value::Bool(false)),
        ("lines.filter(l, true)", Value::Null),
    ] {
        assert_eq!(asked(source, &empty), wanted, "{source}");
    }
    let facts = Values::of(&[("lines", lines(&[(-1, 10, "hour"), (5, -1, "piece")]))]);
    for (source, wanted) in [
        ("lines.exists(l, l.quantity > 3)", Value::Bool(true)),
        ("lines.exists(l, l.quantity > 7)", Value::Null),
        ("lines.all(l, l.quantity > 7)", Value::Bool(false)),
        ("lines.all(l, l.quantity > 3)", Value::Null),
        ("lines.existsOne(l, l.quantity > 3)", Value::Null),
        ("size(lines.filter(l, l.quantity > 3))", Value::Int(1)),
    ] {
        assert_eq!(asked(source, &facts), wanted, "{source}");
    }
}

#[test]
fn macros_are_checked_when_they_are_written_with_the_place_of_what_is_wrong() {
    for (source, wanted) in [
        ("lines.exists(l, l.colour == 'red')", "line 1, column 18: the rows have no such column"),
        ("lines.exists(l, l.quantity)", "line 1, column 18: this is neither true nor false"),
        ("lines.exists(l, l.kind == 'day')", "line 1, column 27: the field has no such code"),
        ("lines.exists(l, l.quantity > 'a')", "line 1, column 28: these two have different types"),
        (
            "name.exists(c, c == 'a')",
            "line 1, column 1: a field of several values or of rows stands before it",
        ),
        ("tags.exists(t, t.x == 'a')", "line 1, column 17: only rows have columns"),
        ("tags.exists(t, t == 'z')", "line 1, column 21: the field has no such code"),
        (
            "tags.map(t, t + '!')",
            "line 1, column 9: over the values of a list there are exists, all, existsOne and filter",
        ),
        ("lines.exists(l, true) && l.quantity > 3", "line 1, column 27: there is no such field"),
    ] {
        let error = Expression::compile(source, &Deal).unwrap_err();
        assert_eq!((error.code(), error.rule_name()), (Code::InvalidExpression, Some(wanted)), "{source}");
    }
    let nested = "lines.exists(a, lines.exists(b, lines.exists(c, lines.exists(d, lines.exists(e, true)))))";
    assert!(Expression::compile(nested, &Deal).is_err());
}

#[test]
fn macros_within_each_other_stop_at_the_bound_of_one_evaluation() {
    let many: Vec<(i64, i64, &str)> = (0..400).map(|number| (number, 1, "hour")).collect();
    let facts = Values::of(&[("lines", lines(&many))]);
    let source = "lines.all(a, lines.all(b, lines.all(c, a.quantity + b.quantity + c.quantity >= 0)))";
    let error = Expression::compile(source, &Deal).unwrap().evaluate(&facts).unwrap_err();
    assert_eq!(error.code(), Code::LimitExceeded);
}
