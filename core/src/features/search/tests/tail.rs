//! What waits in memory answers as the index does, supersedes what the index has, and stays bounded.

use super::*;

/// A number below `end`, by a plain generator (Knuth's MMIX constants).
pub(super) fn random(state: &mut u64, end: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap() % end
}

const QUERIES: [&str; 24] = [
    "加喜",
    "喜",
    "上海 加喜",
    "企业服务",
    "acme",
    "ac",
    "cme",
    "acne",
    "jiaxi",
    "shjx",
    "jx",
    "13812345678",
    "5678",
    "678",
    "lin@jiaxi.cn",
    "@jiaxi",
    "\"acme trading\"",
    "加喜 -acme",
    "acme OR 北京",
    "name:加喜",
    "note:加喜",
    "上海加西企业服务",
    "91310000MA",
    "trading 变更",
];

fn documents(seed: u64, count: u128) -> Vec<Document> {
    let mut state = seed;
    let regions = ["上海", "北京", "深圳"];
    let brands = ["加喜", "别家", "同仁堂", "Acme", "Acme Trading", "喜加"];
    let trades = ["企业服务有限公司", "贸易", "", "科技"];
    let notes = ["执照变更", "加喜 介绍", "trading in spring", "acme", ""];
    (0..count)
        .map(|number| {
            let pick = |list: &[&str], state: &mut u64| list[random(state, list.len())].to_owned();
            let name = format!(
                "{}{}{}",
                pick(&regions, &mut state),
                pick(&brands, &mut state),
                pick(&trades, &mut state)
            );
            let note = pick(&notes, &mut state);
            let phone = format!("138{:08}", random(&mut state, 3) * 12_345_678);
            let email = pick(&["lin@jiaxi.cn", "info@acme.com", "x@y.z"], &mut state);
            let code = pick(&["91310000MA1FL0XY7K", "A-1"], &mut state);
            let fields = [
                (NAME, Analyzer::Title, name.as_str()),
                (NOTE, Analyzer::Text, note.as_str()),
                (PHONE, Analyzer::Phone, phone.as_str()),
                (EMAIL, Analyzer::Email, email.as_str()),
                (NUMBER, Analyzer::Code, code.as_str()),
            ];
            Document { class: u32::try_from(random(&mut state, 4)).unwrap(), ..account(number, &fields) }
        })
        .collect()
}

fn asked(text: &str) -> Query {
    Query::new(text).field("name", &[(ACCOUNT, NAME)]).field("note", &[(ACCOUNT, NOTE)])
}

/// Sees two of the four classes, and every field but the e-mail address.
struct Half;

impl Visibility for Half {
    fn allows(&self, _kind: u32, class: u32) -> bool {
        class < 2
    }

    fn reads(&self, _kind: u32, field: u32) -> bool {
        field != EMAIL
    }
}

#[test]
fn what_waits_answers_and_ranks_as_the_index_does_however_it_is_parted() {
    let all = documents(7, 120);
    let indexed = index_of(all.clone());
    let mut waiting = index_of([]);
    waiting.take(&upserts(all.clone()), at(2)).unwrap();
    assert_eq!(waiting.waiting().0, 120);
    let mut parted = index_of(all[..60].to_vec());
    parted.take(&upserts(all[60..].to_vec()), at(2)).unwrap();
    let mut found_any = 0;
    for text in QUERIES {
        for visible in [&Everything as &dyn Visibility, &Half] {
            let ask = |index: &Index| index.search(&asked(text), visible, 200, 0).unwrap();
            let expected = ask(&indexed);
            found_any += expected.total;
            assert_eq!(ask(&waiting), expected, "{text}");
            assert_eq!(ask(&parted), expected, "{text}");
        }
    }
    assert!(found_any > 500, "{found_any}");
}

#[test]
fn a_change_that_waits_takes_the_place_of_what_the_index_has_of_the_record() {
    let mut index = index_of([named(1, "加喜"), named(2, "加喜"), named(3, "加喜")]);
    index.take(&[Change::Upsert(named(1, "别家")), Change::Delete(id(2))], at(2)).unwrap();
    assert_eq!((found(&index, "加喜"), found(&index, "别家")), (vec![3], vec![1]));
    index.take(&[Change::Upsert(named(1, "加喜二")), Change::Upsert(named(2, "回来"))], at(3)).unwrap();
    assert_eq!((found(&index, "加喜"), found(&index, "别家")), (vec![1, 3], vec![]));
    assert_eq!(found(&index, "回来"), [2]);
    assert_eq!(index.cursor(), Some(at(1)), "nothing of it is durable");
    assert_eq!(index.reached(), Some(at(3)));
    index.settle().unwrap();
    assert_eq!((index.cursor(), index.reached()), (Some(at(3)), Some(at(3))));
    assert_eq!((found(&index, "加喜"), found(&index, "回来")), (vec![1, 3], vec![2]));
    assert_eq!(index.waiting(), (0, 0));
}

#[test]
fn what_waits_and_is_not_settled_is_not_in_the_files() {
    let files = Arc::new(MemoryFiles::new());
    let (mut index, _) = Index::open_or_create(files.clone(), IDENTITY).unwrap();
    index.apply(&upserts([named(1, "加喜")]), at(1)).unwrap();
    let written: Vec<_> = files.names();
    index.take(&upserts([named(2, "加喜")]), at(2)).unwrap();
    assert_eq!(files.names(), written, "a change costs no file");
    drop(index);
    let (index, cursor) = Index::open_or_create(files, IDENTITY).unwrap();
    assert_eq!((cursor, found(&index, "加喜")), (Some(at(1)), vec![1]));
}

#[test]
fn records_and_memory_that_wait_are_bounded() {
    let mut index = index_of([]);
    let mut most = 0;
    for number in 0..4_500_u128 {
        let cursor = at(u64::try_from(number).unwrap() + 2);
        index.take(&upserts([named(number, "上海加喜企业服务有限公司")]), cursor).unwrap();
        let (records, bytes) = index.waiting();
        most = most.max(records);
        assert!(records < 2_000 && bytes < 8_000_000, "{records} {bytes}");
    }
    assert!(most > 1_000, "{most}");
    assert_eq!(index.search(&Query::new("加喜"), &Everything, 0, 0).unwrap().total, 4_500);
    // The same record again and again takes the place of itself.
    let before = index.waiting();
    for step in 0..5_u64 {
        index.take(&upserts([named(1, "上海加喜")]), at(9_000 + step)).unwrap();
    }
    assert!(index.waiting().0 <= before.0 + 1);
}

#[test]
fn a_purge_after_settling_leaves_nothing_of_what_waited_and_is_gone() {
    let mut index = index_of([named(1, "加喜")]);
    index.take(&upserts([named(2, "zyxwvutsrq")]), at(2)).unwrap();
    let holds = |index: &Index| index.terms().iter().any(|term| term.windows(4).any(|part| part == b"zyxw"));
    assert!(holds(&index));
    index.take(&[Change::Delete(id(2))], at(3)).unwrap();
    assert!(!holds(&index), "what waits in memory goes with the record");
}

#[test]
fn a_failure_while_settling_is_told_and_everything_is_to_be_fed_again() {
    let files = Arc::new(life::Failing::default());
    let (mut index, _) = Index::open_or_create(files.clone(), IDENTITY).unwrap();
    index.apply(&upserts([named(1, "加喜")]), at(1)).unwrap();
    index.take(&upserts([named(2, "加喜")]), at(2)).unwrap();
    files.fail(true);
    assert_eq!(found(&index, "加喜"), [1, 2], "what waits and what is open needs no file");
    assert!(index.settle().is_err());
    assert_eq!((index.cursor(), index.reached()), (None, None));
    assert_eq!((found(&index, "加喜"), index.stands_in()), (vec![], true));
    files.fail(false);
    index.reset().unwrap();
    index.take(&upserts([named(1, "加喜"), named(2, "加喜")]), at(2)).unwrap();
    assert_eq!(found(&index, "加喜"), [1, 2]);
}

#[test]
fn a_long_text_of_one_character_is_found_by_its_phrases_while_it_waits() {
    let piece = "长".repeat(90_000);
    let (mut index, _) = Index::open_or_create(Arc::new(MemoryFiles::new()), IDENTITY).unwrap();
    let document = account(1, &[(NOTE, Analyzer::Text, &piece), (NOTE, Analyzer::Text, &piece)]);
    index.take(&upserts([document, account(2, &[(NOTE, Analyzer::Text, "长长")])]), at(1)).unwrap();
    assert_eq!((found(&index, "长长长"), found(&index, "长长")), (vec![1], vec![1, 2]));
}
