//! What a person may not see does not exist: neither as a hit nor in a total.

use super::*;

use std::collections::BTreeSet;

/// Sees some pairs of entity and class and some records, and reads some fields.
#[derive(Default)]
struct Person {
    pairs: BTreeSet<(u32, u32)>,
    singly: Vec<(u32, RecordId)>,
    fields: BTreeSet<(u32, u32)>,
}

impl Visibility for Person {
    fn allows(&self, kind: u32, class: u32) -> bool {
        self.pairs.contains(&(kind, class))
    }

    fn singly(&self) -> Vec<(u32, RecordId)> {
        self.singly.clone()
    }

    fn reads(&self, kind: u32, field: u32) -> bool {
        self.fields.contains(&(kind, field))
    }
}

fn person(pairs: &[(u32, u32)], fields: &[(u32, u32)]) -> Person {
    let (pairs, fields) = (pairs.iter().copied().collect(), fields.iter().copied().collect());
    Person { pairs, fields, ..Person::default() }
}

fn record(number: u128, kind: u32, class: u32, fields: &[(u32, Analyzer, &str)]) -> Document {
    Document { kind, class, ..account(number, fields) }
}

#[test]
fn a_hidden_class_neither_matches_nor_counts_whatever_mixture_of_segments_holds_it() {
    let (mut index, _) = Index::open_or_create(std::sync::Arc::new(MemoryFiles::new()), IDENTITY).unwrap();
    let commits: [&[(u128, u32, u32)]; 4] =
        [&[(1, 3, 0), (2, 3, 1)], &[(3, 3, 1)], &[(4, 3, 0), (5, 4, 0)], &[(6, 4, 1), (7, 3, 2)]];
    for (position, commit) in (1_u64..).zip(commits) {
        let documents = commit.iter().map(|(number, kind, class)| {
            record(*number, *kind, *class, &[(NAME, Analyzer::Title, "加喜 Acme")])
        });
        index.apply(&upserts(documents), at(position)).unwrap();
    }
    let fields = [(3, NAME), (4, NAME)];
    for text in ["加喜", "加", "acme", "ac", "acne ", "jiaxi", "jx"] {
        assert_eq!(found_by(&index, text, &person(&[(3, 0)], &fields)), [1, 4], "{text}");
        assert_eq!(found_by(&index, text, &person(&[(3, 1), (4, 1)], &fields)), [2, 3, 6], "{text}");
        assert_eq!(found_by(&index, text, &person(&[(3, 0), (4, 0)], &fields)), [1, 4, 5], "{text}");
        assert_eq!(found_by(&index, text, &person(&[(9, 9)], &fields)), [], "{text}");
        assert_eq!(found_by(&index, text, &Everything), [1, 2, 3, 4, 5, 6, 7], "{text}");
    }
    let only_four = index.search(&Query::new("加喜").within(&[4]), &Everything, 10, 0).unwrap();
    assert_eq!(only_four.hits.iter().map(|hit| hit.kind).collect::<Vec<_>>(), [4, 4]);
    assert_eq!(only_four.total, 2);
}

#[test]
fn a_record_that_is_seen_singly_matches_and_counts_beside_those_of_a_class_and_once() {
    let (mut index, _) = Index::open_or_create(std::sync::Arc::new(MemoryFiles::new()), IDENTITY).unwrap();
    for (position, number) in (1_u64..).zip([1_u128, 2, 3, 4]) {
        let class = u32::from(number > 2);
        let document = record(number, 3, class, &[(NAME, Analyzer::Title, "加喜 Acme")]);
        index.apply(&upserts([document]), at(position)).unwrap();
    }
    // A record that is written again lies in another segment, and counts there alone.
    let again = record(4, 3, 1, &[(NAME, Analyzer::Title, "加喜 Acme")]);
    index.apply(&upserts([again]), at(5)).unwrap();
    let sees = |singly: &[u128], pairs: &[(u32, u32)]| Person {
        singly: singly.iter().map(|number| (3, id(*number))).collect(),
        ..person(pairs, &[(3, NAME)])
    };
    assert_eq!(found_by(&index, "加喜", &sees(&[4], &[(3, 0)])), [1, 2, 4]);
    assert_eq!(found_by(&index, "加喜", &sees(&[1, 3], &[(3, 0)])), [1, 2, 3]);
    assert_eq!(found_by(&index, "acme", &sees(&[4, 9], &[])), [4]);
    assert_eq!(found_by(&index, "acme", &sees(&[], &[])), []);
}

#[test]
fn a_field_that_may_not_be_read_never_matches_by_any_way_of_searching() {
    let secret = [
        (NAME, Analyzer::Title, "公开"),
        (NOTE, Analyzer::Title, "机密收购案 Bluebird2"),
        (PHONE, Analyzer::Phone, "13812345678"),
        (EMAIL, Analyzer::Email, "boss@secret.cn"),
        (NUMBER, Analyzer::Code, "91310000MA1FL0XY7K"),
    ];
    let index = index_of([record(1, 3, 0, &secret)]);
    let clerk = person(&[(3, 0)], &[(3, NAME)]);
    let ways = [
        "机密",
        "密",
        "收购案",
        "bluebird2",
        "blue",
        "bluebrid ",
        "jimi",
        "jim",
        "jm",
        "jmsga",
        "13812345678",
        "138 1234 5678",
        "5678",
        "boss@secret.cn",
        "@secret",
        "boss",
        "MA1FL0",
        "公开 机密",
    ];
    for text in ways {
        assert_eq!(found_by(&index, text, &clerk), [], "{text}");
    }
    for text in ways {
        assert_eq!(found_by(&index, text, &Everything), [1], "{text}");
    }
    assert_eq!(found_by(&index, "公开", &clerk), [1]);
}

#[test]
fn the_same_word_in_a_readable_and_an_unreadable_field_matches_for_the_readable_one_only() {
    let index = index_of([
        record(1, 3, 0, &[(NAME, Analyzer::Title, "加喜 acme"), (NOTE, Analyzer::Text, "别家 other")]),
        record(2, 3, 0, &[(NAME, Analyzer::Title, "别家 other"), (NOTE, Analyzer::Text, "加喜 acme")]),
        record(3, 4, 0, &[(NAME, Analyzer::Title, "加喜 acme")]),
    ]);
    for text in ["加喜", "acme", "acm", "acmw "] {
        assert_eq!(found_by(&index, text, &person(&[(3, 0), (4, 0)], &[(3, NAME)])), [1], "{text}");
        assert_eq!(found_by(&index, text, &person(&[(3, 0), (4, 0)], &[(3, NOTE)])), [2], "{text}");
        assert_eq!(found_by(&index, text, &person(&[(3, 0), (4, 0)], &[(4, NAME)])), [3], "{text}");
    }
}

#[test]
fn fields_and_entities_with_large_numbers_are_told_apart() {
    let numbers = [0, 1, 10, 63, 64, 65, 4_095, 4_096, 70_000, u32::MAX - 1, u32::MAX];
    let documents =
        (0_u128..).zip(numbers.iter().flat_map(|kind| numbers.iter().map(move |field| (*kind, *field))));
    let index = index_of(
        documents
            .clone()
            .map(|(number, (kind, field))| record(number, kind, 0, &[(field, Analyzer::Title, "加喜")])),
    );
    for (number, scope) in documents {
        assert_eq!(found_by(&index, "加喜", &person(&[(scope.0, 0)], &[scope])), [number], "{scope:?}");
    }
}

#[test]
fn a_beginning_of_too_many_words_of_a_field_finds_what_it_finds_in_others_for_who_does_not_read_that_one() {
    let letter = |number: usize| char::from(b'a' + u8::try_from(number % 26).unwrap());
    let word = |number: usize| -> String {
        "uv".chars().chain([1, 26, 676, 17_576].map(|part| letter(number / part))).collect()
    };
    let many: Vec<String> = (0..60_000).map(word).collect();
    let many = many.join(" ");
    let index = index_of([
        account(1, &[(NOTE, Analyzer::Text, many.as_str())]),
        account(2, &[(NAME, Analyzer::Text, "uvzzzzz")]),
    ]);
    let all = person(&[(ACCOUNT, 0)], &[(ACCOUNT, NOTE), (ACCOUNT, NAME)]);
    let few = person(&[(ACCOUNT, 0)], &[(ACCOUNT, NAME)]);
    for _ in 0..2 {
        assert_eq!(found_by(&index, "uv* ", &few), [2]);
        assert_eq!(
            found_by(&index, "uv* ", &all),
            [] as [u128; 0],
            "it is looked up as a word, which nobody has"
        );
        assert_eq!(found_by(&index, "uvaaaa* ", &all), [1]);
    }
}
