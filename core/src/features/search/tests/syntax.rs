//! The signs of a query, what is told of those that make no sense, and that no text costs much.

use super::*;

use super::super::syntax::parse;
use crate::base::Code;

fn trade() -> Index {
    index_of([
        account(
            1,
            &[
                (NAME, Analyzer::Title, "上海加喜企业服务有限公司 Jiaxi Global Trading"),
                (NOTE, Analyzer::Text, "执照变更 wants a licence change in spring"),
                (EMAIL, Analyzer::Email, "lin@jiaxi.cn"),
            ],
        ),
        account(
            2,
            &[
                (NAME, Analyzer::Title, "北京加喜贸易有限公司 Trading Global"),
                (NOTE, Analyzer::Text, "change of the licence, 变更执照"),
            ],
        ),
        account(3, &[(NAME, Analyzer::Title, "上海别家 Acme"), (NOTE, Analyzer::Text, "加喜 介绍")]),
    ])
}

fn asked(text: &str) -> Query {
    Query::new(text)
        .field("name", &[(ACCOUNT, NAME)])
        .field("note", &[(ACCOUNT, NOTE)])
        .field("email", &[(ACCOUNT, EMAIL)])
        .field("amount", &[])
}

fn answers(index: &Index, text: &str) -> Vec<u128> {
    let hits = index.search(&asked(text), &Everything, 100, 0).unwrap();
    let mut numbers: Vec<u128> = hits.hits.iter().map(|hit| number_of(hit.record)).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn phrases_exclusions_alternatives_groups_fields_and_beginnings_mean_what_they_say() {
    let index = trade();
    for (text, expected) in [
        ("加喜", vec![1, 2, 3]),
        ("\"global trading\"", vec![1]),
        ("\"trading global\"", vec![2]),
        ("global trading", vec![1, 2]),
        ("\"licence change\"", vec![1]),
        ("“licence change”", vec![1]),
        ("\"执照变更\"", vec![1]),
        ("\"licence wants\"", vec![]),
        ("加喜 -北京", vec![1, 3]),
        ("加喜 -\"global trading\"", vec![2, 3]),
        ("加喜 NOT acme", vec![1, 2]),
        ("加喜 AND acme", vec![3]),
        ("北京 OR acme", vec![2, 3]),
        ("北京 | acme", vec![2, 3]),
        ("加喜 北京 OR acme", vec![2, 3]),
        ("加喜 (北京 OR acme)", vec![2, 3]),
        ("(加喜 企业) OR (别家 acme)", vec![1, 3]),
        ("加喜 -(北京 OR acme)", vec![1]),
        ("name:加喜", vec![1, 2]),
        ("note:加喜", vec![3]),
        ("name：加喜", vec![1, 2]),
        ("NAME:加喜 note:licence", vec![1, 2]),
        ("name:(加喜 OR acme)", vec![1, 2, 3]),
        ("name:\"global trading\"", vec![1]),
        ("-name:加喜 加喜", vec![3]),
        ("email:lin", vec![1]),
        ("name:lin", vec![]),
        ("name: 北京", vec![2]),
        ("lic* change", vec![1, 2]),
        ("(加喜)(北京)", vec![2]),
        ("2026-01-31", vec![]),
    ] {
        assert_eq!(answers(&index, text), expected, "{text}");
    }
}

#[test]
fn what_makes_no_sense_is_told_by_its_place_and_the_rest_is_read() {
    let index = trade();
    for (text, rule, place, length, read_as, expected) in [
        ("加喜 \"北京", "unclosed_quote", 3, 1, "加喜 北京", vec![2]),
        ("加喜 (北京", "unclosed_group", 3, 1, "加喜 (北京)", vec![2]),
        ("加喜) 北京", "group_not_opened", 2, 1, "加喜 北京", vec![2]),
        ("加喜 () 北京", "empty_group", 3, 2, "加喜 北京", vec![2]),
        ("OR 北京", "or_without_word", 0, 2, "北京", vec![2]),
        ("北京 OR", "or_without_word", 3, 1, "北京", vec![2]),
        ("colour:北京", "unknown_field", 0, 6, "北京", vec![2]),
        ("北京 name:", "field_without_word", 3, 5, "北京", vec![2]),
        ("-北京", "nothing_wanted", 0, 1, "北京", vec![2]),
        ("北京 (amount:>5 加喜)", "range_inside_group", 4, 9, "北京 (加喜)", vec![2]),
    ] {
        let query = asked(text);
        let parsed = parse(&query).unwrap();
        let told: Vec<_> =
            parsed.faults.iter().map(|fault| (fault.rule, fault.place, fault.length)).collect();
        assert_eq!(told, [(rule, place, length)], "{text}");
        assert_eq!(parsed.read_as, read_as, "{text}");
        assert_eq!(answers(&index, text), expected, "{text}");
    }
    for text in ["https://jiaxi.cn", "10:30", "a - b", "+86 138", "R&D", "3/4", "name:加喜"] {
        assert!(parse(&asked(text)).unwrap().faults.is_empty(), "{text}");
    }
}

#[test]
fn comparisons_are_taken_out_of_the_words() {
    let read = |text: &str| {
        let parsed = parse(&asked(text)).unwrap();
        let comparisons = parsed.comparisons.iter().map(ToString::to_string).collect::<Vec<_>>();
        (parsed.node.is_some(), comparisons.join(" "))
    };
    assert_eq!(read("加喜 amount:>1000"), (true, "amount:>1000".to_owned()));
    assert_eq!(read("amount:10..20 加喜"), (true, "amount:10..20".to_owned()));
    assert_eq!(read("amount:..20"), (false, "amount:..20".to_owned()));
    assert_eq!(read("加喜 amount:won amount:<=3"), (true, "amount:=won amount:<=3".to_owned()));
    assert_eq!(read("加喜 amount:\"in two words\""), (true, "amount:=in two words".to_owned()));
}

#[test]
fn synonyms_stand_for_each_other_whole() {
    let index = index_of([named(1, "加喜股份公司"), named(2, "Jiaxi Group Limited"), named(3, "别家")]);
    let groups = [vec!["股份".to_owned(), "group limited".to_owned()]];
    let ask = |text: &str| {
        let hits = index.search(&Query::new(text).synonyms(&groups), &Everything, 10, 0).unwrap();
        let mut numbers: Vec<u128> = hits.hits.iter().map(|hit| number_of(hit.record)).collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(ask("股份"), [1, 2]);
    assert_eq!(ask("加喜"), [1]);
    assert_eq!(ask("limited"), [2], "a part of a synonym is none");
}

#[test]
fn the_closest_records_are_found_where_none_has_all_words_and_only_if_that_was_asked() {
    let index = trade();
    let words = "acme 介绍 钢铁厂";
    assert_eq!(found(&index, words), []);
    let hits = index.search(&Query::new(words).closest(), &Everything, 10, 0).unwrap();
    assert_eq!(number_of(hits.hits[0].record), 3);
    assert!(hits.near);
    let exact = index.search(&Query::new("acme 介绍").closest(), &Everything, 10, 0).unwrap();
    assert_eq!((exact.total, exact.near), (1, false));
}

#[test]
fn of_the_closest_records_those_with_a_frequent_word_alone_are_none_where_others_begin_like_another_word() {
    let noted = |number: u128, note: &str| account(number, &[(NOTE, Analyzer::Text, note)]);
    let index = index_of((1..=1_100).map(|number| noted(number, "有限")).chain([noted(2_000, "abcdefgh")]));
    let hits = index.search(&Query::new("有限 abcdef").closest(), &Everything, 10, 0).unwrap();
    assert_eq!((hits.total, number_of(hits.hits[0].record)), (1, 2_000));
}

#[test]
fn entities_recent_changes_and_own_records_come_earlier_as_much_as_is_said() {
    const DAY: i64 = 86_400_000_000;
    let now = 20_000 * DAY;
    let with = |number: u128, kind: u32, days: i64, owner: u8| Document {
        kind,
        changed: now - days * DAY,
        owner: u128::from(owner).to_be_bytes(),
        ..named(number, "加喜")
    };
    let documents = [with(1, 3, 400, 1), with(2, 4, 400, 1), with(3, 3, 0, 1), with(4, 4, 400, 2)];
    let order = |index: &Index, boosts: Boosts| -> Vec<u128> {
        let hits = index.search(&Query::new("加喜").boosts(boosts), &Everything, 10, 0).unwrap();
        hits.hits.iter().map(|hit| number_of(hit.record)).collect()
    };
    let indexed = index_of(documents.clone());
    let mut waiting = index_of([]);
    waiting.take(&upserts(documents), at(2)).unwrap();
    for index in [&indexed, &waiting] {
        assert_eq!(order(index, Boosts::default()), [1, 2, 3, 4]);
        let entities = [(4, 3.0)].into();
        assert_eq!(order(index, Boosts { entities, ..Boosts::default() })[0], 2);
        let recent = Boosts { recent: 1.0, half_life_days: 30.0, now, ..Boosts::default() };
        assert_eq!(order(index, recent)[0], 3);
        assert_eq!(
            order(index, Boosts { owned: Some((2_u128.to_be_bytes(), 1.0)), ..Boosts::default() })[0],
            4
        );
    }
}

#[test]
fn hits_are_counted_by_entity() {
    let of = |number: u128, kind: u32| Document { kind, ..named(number, "加喜") };
    let mut index = index_of([of(1, 3), of(2, 4), of(3, 4)]);
    index.take(&upserts([of(4, 5), of(3, 5)]), at(2)).unwrap();
    let hits = index.search(&Query::new("加喜"), &Everything, 1, 0).unwrap();
    assert_eq!(hits.kinds, [(3, 1), (4, 1), (5, 2)].into());
    assert_eq!(hits.total, 4);
}

#[test]
fn hostile_texts_are_answered_or_refused_and_leave_the_index_usable() {
    let index = trade();
    let deep = format!("{}加喜{}", "(".repeat(120), ")".repeat(120));
    let hostile = [
        "*".to_owned(),
        "a*".to_owned(),
        "加*".to_owned(),
        deep,
        "(".repeat(256),
        "\"".repeat(255),
        "-".repeat(256),
        "-(".repeat(100),
        "name:".repeat(50),
        "a OR ".repeat(51),
        "OR ".repeat(80),
        "a ".repeat(128),
        "\u{202e}加喜\u{202c}".to_owned(),
        "加\u{200f}喜".to_owned(),
        "👩‍👩‍👧‍👧 🇨🇳".to_owned(),
        "\u{fffd}\u{feff}".to_owned(),
        "\0\u{1}\u{85}".to_owned(),
        "amount:>".to_owned(),
        "amount:..".to_owned(),
        "name:-name:-加喜".to_owned(),
    ];
    for text in hostile {
        match index.search(&asked(&text), &Everything, 10, 0) {
            Ok(_) => {}
            Err(error) => assert!(
                matches!(error.code(), Code::InvalidArgument | Code::LimitExceeded | Code::NothingMatches),
                "{text:?}: {error}"
            ),
        }
    }
    let terms = "term ".repeat(10_000);
    let refused = index.search(&asked(&terms), &Everything, 10, 0).unwrap_err();
    assert_eq!(refused.code(), Code::LimitExceeded);
    assert_eq!(answers(&index, "加\u{200f}喜"), [1, 2, 3], "marks of direction are no letters");
    assert_eq!(answers(&index, "\u{202e}加喜\u{202c}"), [1, 2, 3]);
    let nested = parse(&asked(&format!("{}加喜", "(".repeat(40)))).unwrap();
    assert!(nested.faults.iter().any(|fault| fault.rule == "nested_too_deeply"), "{:?}", nested.faults);
}

#[test]
fn a_value_of_ten_megabytes_is_found_by_its_first_half_million_characters() {
    let mut text = "甲乙丙丁 ".repeat(99_999);
    text.push_str("加喜 ");
    text.push_str(&"戊己庚辛 ".repeat(700_000));
    text.push_str("末尾");
    assert!(text.len() > 10_000_000);
    let mut index = index_of([named(1, "别家")]);
    index.take(&upserts([account(2, &[(NOTE, Analyzer::Text, &text)])]), at(2)).unwrap();
    assert_eq!(index.waiting().0, 0, "it is too large to wait in memory");
    assert_eq!(found(&index, "加喜"), [2]);
    assert_eq!(found(&index, "末尾"), []);
}
