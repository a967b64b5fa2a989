//! Texts between others, in expressions: an index answers them, and never leaves out what the expression is true of.

use guanxi::base::Label;
use guanxi::model::Account;
use guanxi::schema::{EntityType, FieldType};
use guanxi::{Changes, RecordId, api};
use guanxi_tests::{House, database};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

/// Letters that folding turns into others or joins with their neighbours: of half and of full width, capital ones,
/// ligatures, letters whose small ones are two, white space; and some of Chinese.
const LETTERS: [&str; 20] = [
    "A", "a", "B", "b", "C", "é", "É", "ß", "Σ", "ς", "Ａ", "ﬁ", "İ", "ｶ", "ﾞ", "カ", "中", "国", " ",
    "\u{3000}",
];

/// Conditions on one text, by code points.
#[derive(Debug, Clone)]
enum Ask {
    Below(String),
    UpTo(String),
    Above(String),
    From(String),
    Begins(String),
    Is(String),
    Not(Box<Ask>),
    Both(Box<Ask>, Box<Ask>),
    Either(Box<Ask>, Box<Ask>),
}

fn text() -> impl Strategy<Value = String> {
    vec(select(LETTERS.to_vec()), 1..4).prop_map(|letters| letters.concat())
}

/// Two texts that begin alike, as the ends of a range do that a caller means.
fn range() -> impl Strategy<Value = Ask> {
    (text(), text(), text()).prop_map(|(start, one, other)| {
        let (low, high) = (format!("{start}{one}"), format!("{start}{other}"));
        Ask::Both(Box::new(Ask::From(low)), Box::new(Ask::Below(high)))
    })
}

fn ask() -> impl Strategy<Value = Ask> {
    let leaf = prop_oneof![
        1 => text().prop_map(Ask::Below),
        1 => text().prop_map(Ask::UpTo),
        1 => text().prop_map(Ask::Above),
        1 => text().prop_map(Ask::From),
        2 => text().prop_map(Ask::Begins),
        1 => text().prop_map(Ask::Is),
        4 => range(),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            1 => inner.clone().prop_map(|inner| Ask::Not(Box::new(inner))),
            3 => (inner.clone(), inner.clone()).prop_map(|(one, other)| Ask::Both(Box::new(one), Box::new(other))),
            1 => (inner.clone(), inner).prop_map(|(one, other)| Ask::Either(Box::new(one), Box::new(other))),
        ]
    })
}

impl Ask {
    fn source(&self) -> String {
        match self {
            Self::Below(text) => format!("x.code < '{text}'"),
            Self::UpTo(text) => format!("'{text}' >= x.code"),
            Self::Above(text) => format!("x.code > '{text}'"),
            Self::From(text) => format!("'{text}' <= x.code"),
            Self::Begins(text) => format!("x.code.startsWith('{text}')"),
            Self::Is(text) => format!("x.code == '{text}'"),
            Self::Not(inner) => format!("!({})", inner.source()),
            Self::Both(one, other) => format!("({}) && ({})", one.source(), other.source()),
            Self::Either(one, other) => format!("({}) || ({})", one.source(), other.source()),
        }
    }

    fn holds(&self, code: &str) -> bool {
        let order = |text: &String| code.chars().cmp(text.chars());
        match self {
            Self::Below(text) => order(text).is_lt(),
            Self::UpTo(text) => order(text).is_le(),
            Self::Above(text) => order(text).is_gt(),
            Self::From(text) => order(text).is_ge(),
            Self::Begins(text) => code.starts_with(text.as_str()),
            Self::Is(text) => code == text,
            Self::Not(inner) => !inner.holds(code),
            Self::Both(one, other) => one.holds(code) && other.holds(code),
            Self::Either(one, other) => one.holds(code) || other.holds(code),
        }
    }
}

fn stage() -> House {
    let house = database();
    let label = Label::new("码", "Code");
    house
        .admin
        .define_field(Account::NAME, "code", label, FieldType::Text, |field| field.indexed = true)
        .unwrap();
    house
}

fn create(house: &House, code: &str) -> RecordId {
    house.create(Account::NAME, &Changes::new().set("name", "某公司").set("x.code", code))
}

fn ask_for(house: &House, method: &str, source: &str) -> Json {
    let given = json!({"entity": "account", "filter": {"expression": source}});
    api::call(&house.admin, method, &given).unwrap()
}

fn play(codes: &[String], asks: &[Ask]) {
    let house = stage();
    let ids: Vec<RecordId> = codes.iter().map(|code| create(&house, code)).collect();
    for ask in asks {
        let met = ids.iter().zip(codes).filter(|(_, code)| ask.holds(code));
        let expected: Vec<String> = met.map(|(id, _)| id.to_string()).collect();
        let told = ask_for(&house, "query.run", &ask.source());
        let mut found: Vec<String> = told["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect();
        found.sort();
        let mut expected = expected;
        expected.sort();
        assert_eq!(found, expected, "{}", ask.source());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 80, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_between_others_are_found_as_the_order_of_code_points_has_them(
        codes in vec(text(), 1..24),
        asks in vec(ask(), 1..24),
    ) {
        play(&codes, &asks);
    }
}

#[test]
fn a_range_of_texts_that_begin_alike_reads_an_index() {
    let house = stage();
    for code in ["A1", "A2", "a1", "B1", "AB", "中国", "中", "国"] {
        let _ = create(&house, code);
    }
    let explained = |source: &str| {
        let told = ask_for(&house, "query.explain", source);
        (told["scan"].as_bool().unwrap(), told["index"].as_str().unwrap().to_owned())
    };
    let count = |source: &str| ask_for(&house, "query.count", source)["count"].as_u64().unwrap();
    let index = (false, "x.code".to_owned());
    for (source, found) in [
        ("x.code >= 'A' && x.code < 'B'", 3),
        ("x.code >= 'A1' && x.code <= 'A2'", 2),
        ("'中' <= x.code && x.code < '丮'", 2),
        ("x.code.startsWith('A')", 3),
        ("!(x.code < 'A1' || x.code > 'A1')", 1),
        ("x.code > 'A1' && x.code >= 'A' && x.code < 'B' && x.code <= 'A9'", 1),
    ] {
        assert_eq!((explained(source), count(source)), (index.clone(), found), "{source}");
    }
    // What begins with anything, or may go on with what folding joins, is not bounded.
    for source in ["x.code >= 'A' && x.code < 'C'", "x.code > 'A'", "x.code.startsWith('ｶ')"] {
        assert!(explained(source).0, "{source}");
    }
}
