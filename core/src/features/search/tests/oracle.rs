//! Every kind of query against a plain walk over all records, with permissions, over random data that is
//! changed and deleted, partly in the index and partly in memory.

use super::tail::random;
use super::*;

use std::collections::{BTreeMap, BTreeSet};

/// A record as the oracle sees it: plain texts.
#[derive(Debug, Clone)]
struct Plain {
    class: u32,
    name: String,
    note: String,
    phone: String,
    email: String,
}

struct Person {
    classes: BTreeSet<u32>,
    fields: BTreeSet<u32>,
}

impl Visibility for Person {
    fn allows(&self, _kind: u32, class: u32) -> bool {
        self.classes.contains(&class)
    }

    fn reads(&self, _kind: u32, field: u32) -> bool {
        self.fields.contains(&field)
    }
}

fn text(state: &mut u64, alphabet: &[char], least: usize, most: usize) -> String {
    let length = least + random(state, most - least + 1);
    (0..length).map(|_| alphabet[random(state, alphabet.len())]).collect()
}

const HAN: [char; 6] = ['金', '山', '水', '木', '火', '土'];
/// No syllable of pinyin begins with these, so that no reading of a name is met by chance.
const LATIN: [char; 3] = ['i', 'u', 'v'];
const DIGITS: [char; 3] = ['1', '2', '3'];

fn plain(state: &mut u64) -> Plain {
    let mut name = text(state, &HAN, 2, 6);
    if random(state, 2) == 0 {
        name = format!("{name} {}", text(state, &LATIN, 2, 5));
    }
    let words: Vec<String> = (0..3).map(|_| text(state, &LATIN, 2, 3)).collect();
    Plain {
        class: u32::try_from(random(state, 4)).unwrap(),
        name,
        note: format!("{} {}", text(state, &HAN, 1, 8), words.join(" ")),
        phone: format!("13{}", text(state, &DIGITS, 9, 9)),
        email: format!("{}@{}.cn", text(state, &LATIN, 2, 3), text(state, &LATIN, 2, 3)),
    }
}

fn document(number: u128, plain: &Plain) -> Document {
    let fields = [
        (NAME, Analyzer::Title, plain.name.as_str()),
        (NOTE, Analyzer::Text, plain.note.as_str()),
        (PHONE, Analyzer::Phone, plain.phone.as_str()),
        (EMAIL, Analyzer::Email, plain.email.as_str()),
    ];
    Document { class: plain.class, ..account(number, &fields) }
}

/// One condition of a query.
#[derive(Debug, Clone)]
enum Ask {
    Han(String),
    Latin(String),
    Digits(String),
    Phrase(String, String),
    Address(String),
    Name(String),
}

impl Ask {
    fn any(state: &mut u64) -> Self {
        match random(state, 6) {
            0 => Self::Han(text(state, &HAN, 1, 4)),
            1 => Self::Latin(text(state, &LATIN, 2, 4)),
            2 => Self::Digits(text(state, &DIGITS, 3, 6)),
            3 => Self::Phrase(text(state, &LATIN, 2, 3), text(state, &LATIN, 2, 3)),
            4 => Self::Address(format!("{}@{}.cn", text(state, &LATIN, 2, 2), text(state, &LATIN, 2, 2))),
            _ => Self::Name(text(state, &HAN, 2, 3)),
        }
    }

    fn written(&self) -> String {
        match self {
            Self::Han(text) | Self::Latin(text) | Self::Digits(text) | Self::Address(text) => text.clone(),
            Self::Phrase(left, right) => format!("\"{left} {right}\""),
            Self::Name(text) => format!("name:{text}"),
        }
    }

    /// Whether a record meets it by what the person may read.
    fn meets(&self, plain: &Plain, fields: &BTreeSet<u32>) -> bool {
        let reads = |field: u32| fields.contains(&field);
        let words = |text: &str, word: &str| text.split(' ').any(|other| other == word);
        match self {
            Self::Han(text) => {
                (reads(NAME) && plain.name.contains(text)) || (reads(NOTE) && plain.note.contains(text))
            }
            Self::Latin(text) => {
                let address = plain.email.split(['@', '.']).any(|part| part == text);
                (reads(NAME) && plain.name.contains(text))
                    || (reads(NOTE) && words(&plain.note, text))
                    || (reads(EMAIL) && address)
            }
            Self::Digits(text) => reads(PHONE) && plain.phone.contains(text),
            Self::Phrase(left, right) => {
                let neighbours = |text: &str| format!(" {text} ").contains(&format!(" {left} {right} "));
                (reads(NAME) && neighbours(&plain.name)) || (reads(NOTE) && neighbours(&plain.note))
            }
            Self::Address(text) => reads(EMAIL) && plain.email == *text,
            Self::Name(text) => reads(NAME) && plain.name.contains(text),
        }
    }
}

/// How conditions are put together.
#[derive(Debug, Clone)]
enum Form {
    One(Ask),
    Both(Ask, Ask),
    Either(Ask, Ask),
    Without(Ask, Ask),
}

impl Form {
    fn any(state: &mut u64) -> Self {
        let first = Ask::any(state);
        match random(state, 4) {
            0 => Self::One(first),
            1 => Self::Both(first, Ask::any(state)),
            2 => Self::Either(first, Ask::any(state)),
            // A minus before a digit is a sign like any other.
            _ => match Ask::any(state) {
                Ask::Digits(_) => Self::One(first),
                second => Self::Without(first, second),
            },
        }
    }

    /// As it is typed; the space at the end finishes the last word.
    fn written(&self) -> String {
        match self {
            Self::One(ask) => format!("{} ", ask.written()),
            Self::Both(left, right) => format!("{} {} ", left.written(), right.written()),
            Self::Either(left, right) => format!("{} OR {} ", left.written(), right.written()),
            Self::Without(left, right) => format!("{} -{} ", left.written(), right.written()),
        }
    }

    fn meets(&self, plain: &Plain, fields: &BTreeSet<u32>) -> bool {
        match self {
            Self::One(ask) => ask.meets(plain, fields),
            Self::Both(left, right) => left.meets(plain, fields) && right.meets(plain, fields),
            Self::Either(left, right) => left.meets(plain, fields) || right.meets(plain, fields),
            Self::Without(left, right) => left.meets(plain, fields) && !right.meets(plain, fields),
        }
    }
}

fn check(index: &Index, records: &BTreeMap<u128, Plain>, state: &mut u64) -> (u64, u64) {
    let (mut asked, mut met) = (0, 0);
    for _ in 0..60 {
        let classes = (0..4).filter(|_| random(state, 3) > 0).collect();
        let fields = [NAME, NOTE, PHONE, EMAIL].into_iter().filter(|_| random(state, 4) > 0).collect();
        let person = Person { classes, fields };
        let form = Form::any(state);
        let query = Query::new(&form.written()).field("name", &[(ACCOUNT, NAME)]);
        let hits = index.search(&query, &person, 5_000, 0).unwrap();
        let mut answered: Vec<u128> = hits.hits.iter().map(|hit| number_of(hit.record)).collect();
        answered.sort_unstable();
        let seen = |plain: &Plain| person.classes.contains(&plain.class) && form.meets(plain, &person.fields);
        let expected: Vec<u128> =
            records.iter().filter(|(_, plain)| seen(plain)).map(|(number, _)| *number).collect();
        // Where nothing is as it is written, what is nearest may be answered, of what may be seen.
        if hits.near {
            assert_eq!(expected, Vec::<u128>::new(), "{form:?}");
            let sees = |number: &u128| person.classes.contains(&records[number].class);
            assert!(answered.iter().all(sees), "{form:?}");
        } else {
            assert_eq!(answered, expected, "{form:?}");
        }
        assert_eq!(hits.total, u64::try_from(answered.len()).unwrap());
        assert_eq!(hits.kinds.values().sum::<u64>(), hits.total);
        asked += 1;
        met += u64::from(!expected.is_empty());
    }
    (asked, met)
}

#[test]
fn every_kind_of_query_finds_what_a_walk_over_the_visible_records_and_fields_finds() {
    let mut state = 20_261_130_u64;
    let mut records: BTreeMap<u128, Plain> = BTreeMap::new();
    let (mut index, _) = Index::open_or_create(Arc::new(MemoryFiles::new()), IDENTITY).unwrap();
    let (mut asked, mut met) = (0, 0);
    for round in 1..=25_u64 {
        let mut changes = Vec::new();
        for _ in 0..12 {
            let number = u128::try_from(random(&mut state, 160)).unwrap();
            if random(&mut state, 6) == 0 {
                records.remove(&number);
                changes.push(Change::Delete(id(number)));
            } else {
                let plain = plain(&mut state);
                changes.push(Change::Upsert(document(number, &plain)));
                records.insert(number, plain);
            }
        }
        match random(&mut state, 4) {
            0 => index.apply(&changes, at(round)).unwrap(),
            1 => {
                index.take(&changes, at(round)).unwrap();
                index.settle().unwrap();
            }
            _ => index.take(&changes, at(round)).unwrap(),
        }
        let (now_asked, now_met) = check(&index, &records, &mut state);
        (asked, met) = (asked + now_asked, met + now_met);
    }
    assert!(met > asked / 4, "{met} of {asked} queries found anything");
}
