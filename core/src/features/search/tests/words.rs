//! Latin words, e-mail addresses, pinyin and initials, and the order of what is found.

use super::*;

use crate::base::Code;

fn first(index: &Index, text: &str) -> u128 {
    number_of(index.search(&Query::new(text), &Everything, 10, 0).unwrap().hits[0].record)
}

#[test]
fn the_last_word_of_a_query_may_be_unfinished_and_in_prose_no_other() {
    let prose = |number, text| account(number, &[(NOTE, Analyzer::Text, text)]);
    let index = index_of([prose(1, "Global Trading Limited"), prose(2, "Globe Traders")]);
    assert_eq!(found(&index, "glob"), [1, 2]);
    assert_eq!(found(&index, "global tra"), [1]);
    assert_eq!(found(&index, "tra glob"), []);
    assert_eq!(found(&index, "tra* glob"), [1, 2]);
    assert_eq!(found(&index, "trading lim"), [1]);
    assert_eq!(found(&index, "trading lim "), []);
    assert_eq!(found(&index, "rading"), [1], "a letter is missing, and so it is misspelt");
    assert_eq!(found(&index, "ading"), []);
}

#[test]
fn a_word_of_a_name_is_found_by_any_two_of_its_letters_and_later_than_by_its_beginning() {
    let index =
        index_of([named(1, "Global Trading"), named(2, "Trinity"), named(3, "TCL科技"), named(4, "XL 科技")]);
    assert_eq!(found(&index, "ading"), [1]);
    assert_eq!(found(&index, "ra lob"), [1]);
    assert_eq!(found(&index, "tri"), [2]);
    assert_eq!(found(&index, "in"), [1, 2]);
    assert_eq!(found(&index, "CL科"), [3]);
    assert_eq!(found(&index, "L科"), [3, 4]);
    assert_eq!(found(&index, "l"), [], "a single letter alone is only a beginning");
    let index = index_of([named(1, "Trinity"), named(2, "Inland Revenue")]);
    assert_eq!(first(&index, "in"), 2);
}

#[test]
fn names_that_are_padded_with_spaces_are_found_without_them() {
    let index = index_of([named(1, "万  科Ａ"), named(2, "万家 科技")]);
    assert_eq!(found(&index, "万科"), [1]);
    assert_eq!(found(&index, "万 科"), [1, 2]);
    assert_eq!(found(&index, "wka"), [1]);
    assert_eq!(found(&index, "wk"), [1]);
}

#[test]
fn every_word_must_match_though_in_any_field() {
    let index = index_of([
        account(
            1,
            &[
                (NAME, Analyzer::Title, "Acme 上海"),
                (NOTE, Analyzer::Text, "wants a licence change 执照变更"),
            ],
        ),
        account(2, &[(NAME, Analyzer::Title, "Acme 北京"), (NOTE, Analyzer::Text, "nothing")]),
    ]);
    assert_eq!(found(&index, "acme licence"), [1]);
    assert_eq!(found(&index, "执照 acme"), [1]);
    assert_eq!(found(&index, "执照 北京"), []);
}

#[test]
fn camel_case_digits_and_accents_part_and_fold_words() {
    let index = index_of([named(1, "GuanXi2026"), named(2, "Café Zoë GmbH"), named(3, "Straße 3M")]);
    for typed in ["guanxi2026", "guanxi", "GuanXi", "xi", "2026", "guan 2026"] {
        assert_eq!(found(&index, typed), [1], "{typed}");
    }
    assert_eq!(found(&index, "cafe"), [2]);
    assert_eq!(found(&index, "cafe\u{301} ZOE"), [2]);
    assert_eq!(found(&index, "strasse 3m"), [3]);
}

#[test]
fn one_wrong_letter_is_forgiven_only_where_nothing_is_right() {
    let index = index_of([named(1, "Microsoft"), named(2, "Siemens"), named(3, "Sienens Fake")]);
    for typed in ["microsfot", "micrsoft", "micrrosoft", "mikrosoft "] {
        assert_eq!(found(&index, typed), [1], "{typed}");
    }
    assert_eq!(found(&index, "siemens"), [2]);
    assert_eq!(found(&index, "simens "), [2]);
    assert_eq!(found(&index, "mcrsoft "), []);
    assert_eq!(found(&index, "siw "), []);
    let hits = index.search(&Query::new("mikrosoft 2"), &Everything, 10, 0).unwrap();
    assert_eq!((hits.total, hits.near), (0, false));
    let hits = index.search(&Query::new("Mikrosoft"), &Everything, 10, 0).unwrap();
    assert_eq!((hits.near, hits.corrected.as_deref()), (true, Some("microsoft")));
    let hits = index.search(&Query::new("siemens"), &Everything, 10, 0).unwrap();
    assert_eq!((hits.near, hits.corrected), (false, None));
}

#[test]
fn a_word_of_records_that_are_gone_corrects_nothing_although_the_index_still_counts_them() {
    let word = |number: u128, word: &str| account(number, &[(NOTE, Analyzer::Text, word)]);
    let mut index = index_of([word(1, "planit"), word(2, "planit"), word(3, "planet")]);
    let corrected = |index: &Index| {
        let hits = index.search(&Query::new("planot "), &Everything, 10, 0).unwrap();
        (hits.total, hits.corrected)
    };
    assert_eq!(corrected(&index), (3, Some("planit".to_owned())));
    index.take(&[Change::Delete(id(1)), Change::Delete(id(2))], at(2)).unwrap();
    assert_eq!(corrected(&index), (1, Some("planet".to_owned())));
}

#[test]
fn a_wrong_missing_or_added_character_of_a_name_is_forgiven_where_nothing_is_right() {
    let index = index_of([
        named(1, "上海加喜企业服务有限公司"),
        named(2, "上海家禧贸易有限公司"),
        named(3, "北京同仁堂药业"),
    ]);
    for typed in ["上海加西企业服务有限公司", "上海喜企业服务有限公司", "上海加喜喜企业服务有限公司"]
    {
        assert_eq!(first(&index, typed), 1, "{typed}");
    }
    assert_eq!(found(&index, "北京同人堂药业"), [3]);
    assert_eq!(found(&index, "同仁唐"), [3]);
    assert_eq!(found(&index, "广州酒家"), []);
    assert_eq!(found(&index, "\"北京同人堂药业\""), [], "what is quoted is meant as it is written");
}

#[test]
fn three_digits_of_a_telephone_number_find_it_wherever_they_stand() {
    let phone = |number, text| account(number, &[(PHONE, Analyzer::Phone, text)]);
    let index = index_of([phone(1, "13812345678"), phone(2, "021-5888 1234")]);
    for (typed, expected) in [("138", vec![1]), ("678", vec![1]), ("345", vec![1]), ("123", vec![1, 2])] {
        assert_eq!(found(&index, typed), expected, "{typed}");
    }
    assert_eq!(found(&index, "987"), []);
}

#[test]
fn an_address_is_found_whole_by_domain_and_by_part() {
    let mail = |number, text| account(number, &[(EMAIL, Analyzer::Email, text)]);
    let index = index_of([mail(1, "Li.Lei@jiaxi.cn"), mail(2, "han@jiaxi.com; office@example.org")]);
    for typed in ["li.lei@jiaxi.cn", "LI.LEI@JIAXI.CN", "lei@jiaxi", "li.lei@", "@jiaxi.cn", "lei", "li.lei"]
    {
        assert_eq!(found(&index, typed), [1], "{typed}");
    }
    assert_eq!(found(&index, "@jiaxi"), [1, 2]);
    assert_eq!(found(&index, "office@example.org"), [2]);
    assert_eq!(found(&index, "wei@jiaxi.cn"), []);
}

#[test]
fn a_name_is_found_by_its_pinyin_typed_in_any_usual_way() {
    let index = index_of([named(1, "上海加喜企业服务有限公司"), named(2, "西安饮食"), named(3, "吕绿洲")]);
    for typed in ["jiaxi", "jia xi", "jiax", "shanghaijiaxi", "JiaXi", "jiaxiqiye"] {
        assert_eq!(found(&index, typed), [1], "{typed}");
    }
    assert_eq!(found(&index, "xian"), [1, 2], "西安 and 有限");
    assert_eq!(found(&index, "xianyin"), [2]);
    assert_eq!(found(&index, "lvlv"), [3]);
    assert_eq!(found(&index, "lulu"), [3]);
    assert_eq!(found(&index, "xijia"), []);
}

#[test]
fn surnames_and_places_are_read_as_people_read_them() {
    let cases = [
        ("单田芳", "shantianfang"),
        ("曾国藩", "zengguo"),
        ("仇英", "qiuying"),
        ("翟志刚", "zhaizhigang"),
        ("查良镛", "zhaliang"),
        ("区文诗", "ouwen"),
        ("解晓东", "xiexiao"),
        ("朴树", "piaoshu"),
        ("尉迟恭", "yuchigong"),
        ("重庆火锅", "chongqing"),
        ("长沙银行", "changshayinhang"),
        ("厦门航空", "xiamen"),
    ];
    let index = index_of((0_u128..).zip(cases).map(|(number, (name, _))| named(number, name)));
    for (number, (name, typed)) in (0_u128..).zip(cases) {
        assert_eq!(found(&index, typed), [number], "{name} by {typed}");
    }
}

#[test]
fn a_name_is_found_by_its_initials_with_and_without_the_region() {
    let index = index_of([named(1, "张三丰"), named(2, "上海加喜企业服务有限公司"), named(3, "李四")]);
    assert_eq!(found(&index, "zs"), [1]);
    assert_eq!(found(&index, "zsf"), [1]);
    assert_eq!(found(&index, "jx"), [2]);
    assert_eq!(found(&index, "shjx"), [2]);
    assert_eq!(found(&index, "ls"), [3]);
}

#[test]
fn a_name_outranks_the_same_words_in_a_note() {
    let note = |number: u128| {
        account(number, &[(NAME, Analyzer::Title, "别家公司"), (NOTE, Analyzer::Text, "联系加喜 acme 处理")])
    };
    let index = index_of((1..6).map(note).chain([named(9, "加喜 Acme")]));
    assert_eq!(first(&index, "加喜"), 9);
    assert_eq!(first(&index, "acme"), 9);
}

#[test]
fn equally_good_hits_come_by_record_and_pages_join_without_gap() {
    let (mut index, _) = Index::open_or_create(std::sync::Arc::new(MemoryFiles::new()), IDENTITY).unwrap();
    let numbers = [40_u128, 10, 70, 20, 60, 30, 50];
    for (position, chunk) in (1_u64..).zip(numbers.chunks(3)) {
        index.apply(&upserts(chunk.iter().map(|number| named(*number, "加喜"))), at(position)).unwrap();
    }
    let mut pages = Vec::new();
    for offset in (0..9).step_by(2) {
        let page = index.search(&Query::new("加喜"), &Everything, 2, offset).unwrap();
        assert_eq!(page.total, 7);
        for (rank, hit) in (u64::try_from(offset).unwrap()..).zip(&page.hits) {
            assert_eq!(hit.score_rank, rank);
        }
        pages.extend(page.hits.into_iter().map(|hit| number_of(hit.record)));
    }
    assert_eq!(pages, [10, 20, 30, 40, 50, 60, 70]);
    let counted = index.search(&Query::new("加喜"), &Everything, 0, 0).unwrap();
    assert_eq!((counted.hits.len(), counted.total), (0, 7));
}

#[test]
fn queries_without_anything_to_look_up_are_refused_by_code() {
    let index = index_of([named(1, "加喜")]);
    let code = |text: &str, limit| index.search(&Query::new(text), &Everything, limit, 0).unwrap_err().code();
    assert_eq!(code("", 10), Code::InvalidArgument);
    assert_eq!(code(" \u{3000}\t", 10), Code::InvalidArgument);
    assert_eq!(code("！？…", 10), Code::NothingMatches);
    assert_eq!(code("@", 10), Code::NothingMatches);
    assert_eq!(code(&"加".repeat(257), 10), Code::LimitExceeded);
    assert_eq!(code("加", 10_001), Code::LimitExceeded);
    assert_eq!(found(&index, "加喜"), [1], "a refused query leaves the index usable");
}

#[test]
fn no_string_however_naughty_breaks_index_or_query() {
    let mut strings: Vec<String> = match shared("robustness/blns/blns.json") {
        Some(text) => serde_json::from_str(&text).unwrap(),
        None => Vec::new(),
    };
    strings.extend(
        ["a\0b", "\u{85}1\tx", "x@\u{1}y", "ﷺ", "İI ẞ", "\u{301}", "각가", "👩‍👩‍👧‍👧加"].map(str::to_owned),
    );
    let analyzers = [Analyzer::Title, Analyzer::Text, Analyzer::Phone, Analyzer::Email, Analyzer::Code];
    let documents = (0_u128..).zip(&strings).map(|(number, text)| {
        let fields: Vec<_> =
            (1..).zip(analyzers).map(|(field, analyzer)| (field, analyzer, text.as_str())).collect();
        account(number, &fields)
    });
    let index = index_of(documents);
    for (number, text) in (0_u128..).zip(&strings) {
        match index.search(&Query::new(text), &Everything, 1_000, 0) {
            // What is excluded by its signs, as the `-e` of a command line, may be what the text itself has.
            Ok(_) if text.contains(" -") => {}
            Ok(hits) => assert!(hits.hits.iter().any(|hit| hit.record == id(number)), "{text:?}"),
            Err(error) => assert!(
                matches!(error.code(), Code::InvalidArgument | Code::LimitExceeded | Code::NothingMatches),
                "{text:?}: {error}"
            ),
        }
    }
}
