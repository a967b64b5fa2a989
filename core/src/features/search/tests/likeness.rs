//! Records that are like another, and beginnings that very many have, against a plain walk over all records.

use super::index::Page;
use super::like::Sample;
use super::oracle::{HAN, LATIN, Person, Plain, document, happenings, has_most_pairs, pairs, plain, text};
use super::tail::random;
use super::*;

use std::collections::{BTreeMap, BTreeSet};

const EVERY: Page = Page { limit: 5_000, offset: 0 };

/// What two texts may have in common: two neighbouring characters, and words of letters.
fn pieces(text: &str) -> BTreeSet<String> {
    let mut pieces = BTreeSet::new();
    for word in text.split(' ') {
        let characters: Vec<char> = word.chars().collect();
        if characters.first().is_some_and(|first| HAN.contains(first)) {
            pieces.extend(characters.windows(2).map(String::from_iter));
        } else if !word.is_empty() {
            pieces.insert(word.to_owned());
        }
    }
    pieces
}

/// The texts of a record that a person may read and by which records are alike.
fn read(plain: &Plain, person: &Person) -> Vec<(u32, Analyzer, String)> {
    let texts = [(NAME, Analyzer::Title, &plain.name), (NOTE, Analyzer::Text, &plain.note)];
    let shown = texts.into_iter().filter(|(field, ..)| person.fields.contains(field));
    shown.map(|(field, analyzer, text)| (field, analyzer, text.clone())).collect()
}

fn all_pieces(plain: &Plain, person: &Person) -> BTreeSet<String> {
    read(plain, person).iter().flat_map(|(_, _, text)| pieces(text)).collect()
}

/// What the index finds like a record, the most alike first.
fn like(index: &Index, number: u128, plain: &Plain, person: &Person) -> Vec<u128> {
    let samples: Vec<Sample> =
        read(plain, person).into_iter().map(|(_, analyzer, text)| (analyzer, text)).collect();
    let hits = index.like(&Query::new(""), (id(number), &samples), person, EVERY).unwrap();
    assert_eq!(hits.total, u64::try_from(hits.hits.len()).unwrap());
    hits.hits.iter().map(|hit| number_of(hit.record)).collect()
}

/// Those who share a quarter of what of a record is in any field of more than one visible record.
fn expected(records: &BTreeMap<u128, Plain>, number: u128, person: &Person) -> BTreeSet<u128> {
    let seen = || records.iter().filter(|(number, plain)| person.sees(**number, plain));
    let is_telling = |piece: &String| {
        [NAME, NOTE].into_iter().any(|field| {
            let texts = seen().flat_map(|(_, plain)| read(plain, person));
            texts.filter(|(of, _, text)| *of == field && pieces(text).contains(piece)).count() > 1
        })
    };
    let mut telling = all_pieces(&records[&number], person);
    telling.retain(is_telling);
    assert!(telling.len() <= 24, "more than are asked for");
    let least = telling.len().div_ceil(4).max(1);
    let shared = |plain: &Plain| all_pieces(plain, person).intersection(&telling).count();
    let alike = seen().filter(|(other, plain)| **other != number && shared(plain) >= least);
    alike.map(|(other, _)| *other).collect()
}

#[test]
fn records_that_are_alike_are_those_that_share_a_quarter_of_the_telling_words_in_what_may_be_read() {
    let mut state = 20_261_201_u64;
    let (mut asked, mut met) = (0, 0);
    for round in 0..12_u64 {
        let records: BTreeMap<u128, Plain> = (0..60).map(|number| (number, plain(&mut state))).collect();
        let documents: Vec<Document> =
            records.iter().map(|(number, plain)| document(*number, plain)).collect();
        let (first, second) = documents.split_at(random(&mut state, 60));
        let mut index = index_of(first.to_vec());
        index.take(&upserts(second.to_vec()), at(round + 2)).unwrap();
        for _ in 0..30 {
            let person = Person { singly: BTreeSet::new(), ..Person::any(&mut state) };
            let number = u128::try_from(random(&mut state, 60)).unwrap();
            if !person.sees(number, &records[&number]) {
                continue;
            }
            let found: BTreeSet<u128> =
                like(&index, number, &records[&number], &person).into_iter().collect();
            assert_eq!(found, expected(&records, number, &person), "{number}: {:?}", records[&number]);
            (asked, met) = (asked + 1, met + usize::from(!found.is_empty()));
        }
    }
    assert!(met > asked / 2 && asked > 100, "{met} of {asked} records had any like them");
}

#[test]
fn what_is_alike_is_visible_shares_a_word_and_is_another_record_while_records_come_change_and_go() {
    let mut state = 7_u64;
    let mut records: BTreeMap<u128, Plain> = BTreeMap::new();
    let (mut index, _) = Index::open_or_create(Arc::new(MemoryFiles::new()), IDENTITY).unwrap();
    let mut met = 0;
    for round in 1..=20_u64 {
        let changes = happenings(&mut state, &mut records, (10, 100, 5));
        if random(&mut state, 3) == 0 {
            index.apply(&changes, at(round)).unwrap();
        } else {
            index.take(&changes, at(round)).unwrap();
        }
        for (number, plain) in &records {
            let person = Person::any(&mut state);
            for other in like(&index, *number, plain, &person) {
                let found = &records[&other];
                assert!(other != *number && person.sees(other, found), "{other} is like {number}");
                let (left, right) = (all_pieces(plain, &person), all_pieces(found, &person));
                assert!(!left.is_disjoint(&right), "{found:?} is like {plain:?}");
                met += 1;
            }
        }
    }
    assert!(met > 1_000, "{met} were alike");
}

#[test]
fn of_records_of_equal_length_one_that_shares_everything_that_another_shares_and_more_is_ahead_of_it() {
    const CHARACTERS: [char; 9] = ['金', '山', '水', '木', '火', '土', '日', '月', '风'];
    let mut state = 99_u64;
    let person =
        Person { classes: BTreeSet::from([0]), fields: BTreeSet::from([NAME]), singly: BTreeSet::new() };
    for _ in 0..10 {
        let mut names: BTreeMap<u128, String> = BTreeMap::new();
        while names.len() < 80 {
            let name = text(&mut state, &CHARACTERS, 6, 6);
            // Nothing is there twice, so that every piece counts once.
            let different: BTreeSet<char> = name.chars().collect();
            if different.len() == 6 {
                names.insert(u128::try_from(names.len()).unwrap(), name);
            }
        }
        let twin = names[&0].clone();
        names.insert(80, twin);
        let index = index_of(names.iter().map(|(number, name)| named(*number, name)));
        let of = |name: &String| -> BTreeSet<String> {
            let characters: Vec<char> = name.chars().collect();
            characters.windows(2).map(String::from_iter).collect()
        };
        for number in [0, 80, 17, 42] {
            let name = &names[&number];
            let plain = Plain {
                class: 0,
                name: name.clone(),
                note: String::new(),
                phone: String::new(),
                email: String::new(),
            };
            let order = like(&index, number, &plain, &person);
            let shared: Vec<BTreeSet<String>> = order
                .iter()
                .map(|other| of(&names[other]).intersection(&of(name)).cloned().collect())
                .collect();
            for (place, behind) in shared.iter().enumerate() {
                let ahead = &shared[..place];
                assert!(!ahead.iter().any(|one| one.is_subset(behind) && one != behind), "{order:?}");
            }
            if number == 0 {
                assert_eq!(order.first(), Some(&80), "what is the same is the most alike");
            }
        }
    }
}

#[test]
fn a_beginning_that_very_many_records_have_finds_each_of_them_once() {
    let mut state = 5_u64;
    let name = |state: &mut u64| -> String {
        let words: Vec<String> = (0..2).map(|_| text(state, &LATIN, 3, 5)).collect();
        words.join(" ")
    };
    let names: BTreeMap<u128, String> = (0..9_000).map(|number| (number, name(&mut state))).collect();
    let index = index_of(
        names.iter().map(|(number, name)| account(*number, &[(NOTE, Analyzer::Text, name.as_str())])),
    );
    for beginning in ["u", "uv", "uvi", "iiv", "v"] {
        let expected =
            names.iter().filter(|(_, name)| name.split(' ').any(|word| word.starts_with(beginning)));
        let expected: Vec<u128> = expected.map(|(number, _)| *number).collect();
        let hits = index.search(&Query::new(&format!("{beginning}* ")), &Everything, 10_000, 0).unwrap();
        let mut found: Vec<u128> = hits.hits.iter().map(|hit| number_of(hit.record)).collect();
        found.sort_unstable();
        assert_eq!((found, hits.total), (expected.clone(), expected.len() as u64), "{beginning}");
    }
}

/// Names of eight characters and more with one wrong, left out, added or doubled, and some with two.
fn damaged(state: &mut u64, name: &str, alphabet: &[char]) -> String {
    let mut characters: Vec<char> = name.chars().collect();
    for _ in 0..1 + random(state, 2) {
        let place = random(state, characters.len());
        match random(state, 4) {
            0 => characters[place] = alphabet[random(state, alphabet.len())],
            1 => characters[place] = '错',
            2 => drop(characters.remove(place)),
            _ => characters.insert(place, characters[place]),
        }
    }
    characters.into_iter().collect()
}

/// Pairs of a text that more than a tenth of the visible records have in a field that may be read; none where nothing
/// else of it is visible.
fn common_pairs(records: &BTreeMap<u128, Plain>, typed: &str, person: &Person) -> BTreeSet<String> {
    let seen: Vec<&Plain> = records
        .iter()
        .filter(|(number, plain)| person.sees(**number, plain))
        .map(|(_, plain)| plain)
        .collect();
    if seen.len() < 1_000 {
        return BTreeSet::new();
    }
    let mut counts: BTreeMap<(u32, String), usize> = BTreeMap::new();
    for (field, _, text) in seen.iter().flat_map(|plain| read(plain, person)) {
        for pair in pairs(&text).intersection(&pairs(typed)) {
            *counts.entry((field, pair.clone())).or_default() += 1;
        }
    }
    let all: BTreeSet<&String> = counts.keys().map(|(_, pair)| pair).collect();
    let common = counts.iter().filter(|(_, count)| **count > seen.len() / 10);
    let common: BTreeSet<String> = common.map(|((_, pair), _)| pair.clone()).collect();
    if all.len() == common.len() { BTreeSet::new() } else { common }
}

#[test]
fn a_longer_name_with_wrong_characters_finds_those_that_share_most_of_its_telling_pairs_and_no_others() {
    // A few characters are in nearly all names, as those of legal forms are, and the others in few.
    let rare: Vec<char> = ('一'..='世').filter(|sign| sign.is_alphabetic()).take(24).collect();
    let alphabet: Vec<char> = rare.iter().copied().chain(HAN).collect();
    let mut state = 20_261_202_u64;
    let (mut asked, mut met, mut aside) = (0, 0, 0);
    for many in [40, 400, 1_800] {
        let mut made = |number: u128| {
            let mark = text(&mut state, &rare, 2, 5);
            let form = if random(&mut state, 4) == 0 { "木金" } else { "金山水" };
            let name = format!("{mark}{}{form}", text(&mut state, &alphabet, 1, 3));
            let note = text(&mut state, &alphabet, 0, 6);
            let class = u32::try_from(random(&mut state, 4)).unwrap();
            (number, Plain { class, name, note, phone: String::new(), email: String::new() })
        };
        let records: BTreeMap<u128, Plain> = (0..many).map(&mut made).collect();
        let documents: Vec<Document> =
            records.iter().map(|(number, plain)| document(*number, plain)).collect();
        let (first, second) = documents.split_at(documents.len() * 2 / 3);
        let mut index = index_of(first.to_vec());
        index.take(&upserts(second.to_vec()), at(2)).unwrap();
        for _ in 0..400 {
            let classes = (0..4).filter(|_| random(&mut state, 5) > 0).collect();
            let fields = [NAME, NOTE].into_iter().filter(|_| random(&mut state, 4) > 0).collect();
            let person = Person { classes, fields, singly: BTreeSet::new() };
            let name = &records[&u128::try_from(random(&mut state, records.len())).unwrap()].name;
            let typed = damaged(&mut state, name, &alphabet);
            let hits = index.search(&Query::new(&typed), &person, 5_000, 0).unwrap();
            if hits.total > 0 && !hits.near {
                continue;
            }
            let mut found: Vec<u128> = hits.hits.iter().map(|hit| number_of(hit.record)).collect();
            found.sort_unstable();
            let common = common_pairs(&records, &typed, &person);
            let seen = || records.iter().filter(|(number, plain)| person.sees(**number, plain));
            let all = seen().flat_map(|(_, plain)| read(plain, &person));
            let all: BTreeSet<String> = all.flat_map(|(_, _, text)| pairs(&text)).collect();
            let expected = seen().filter(|(_, plain)| {
                let texts = read(plain, &person);
                let texts: Vec<&String> = texts.iter().map(|(_, _, text)| text).collect();
                has_most_pairs(&texts, &typed, (&common, &all))
            });
            let expected: Vec<u128> = expected.map(|(number, _)| *number).collect();
            assert_eq!(found, expected, "{typed} of {many} by {:?} and {:?}", person.classes, person.fields);
            asked += 1;
            met += usize::from(!expected.is_empty());
            aside += usize::from(!common.is_empty());
        }
    }
    assert!(
        asked > 900 && met > asked / 2 && aside > 100,
        "{met} of {asked} names found any, {aside} left a pair aside"
    );
}
