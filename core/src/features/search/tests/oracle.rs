//! Every kind of query against a plain walk over all records, with permissions, over random data that is
//! changed and deleted, partly in the index and partly in memory.

use super::tail::random;
use super::*;

use std::collections::{BTreeMap, BTreeSet};

use crate::base::RecordId;

/// A record as the oracle sees it: plain texts.
#[derive(Debug, Clone)]
pub(super) struct Plain {
    pub(super) class: u32,
    pub(super) name: String,
    pub(super) note: String,
    pub(super) phone: String,
    pub(super) email: String,
}

impl Plain {
    /// The texts with Chinese characters, of these fields.
    fn texts(&self, fields: &BTreeSet<u32>) -> Vec<&String> {
        let texts = [(NAME, &self.name), (NOTE, &self.note)];
        texts.into_iter().filter(|(field, _)| fields.contains(field)).map(|(_, text)| text).collect()
    }
}

pub(super) struct Person {
    pub(super) classes: BTreeSet<u32>,
    pub(super) fields: BTreeSet<u32>,
    /// Records of any class that are seen one by one.
    pub(super) singly: BTreeSet<u128>,
}

impl Person {
    pub(super) fn any(state: &mut u64) -> Self {
        let classes = (0..4).filter(|_| random(state, 3) > 0).collect();
        let fields = [NAME, NOTE, PHONE, EMAIL].into_iter().filter(|_| random(state, 4) > 0).collect();
        let singly = match random(state, 2) {
            0 => BTreeSet::new(),
            _ => (0..12).map(|_| u128::try_from(random(state, 160)).unwrap()).collect(),
        };
        Self { classes, fields, singly }
    }

    pub(super) fn sees(&self, number: u128, plain: &Plain) -> bool {
        self.classes.contains(&plain.class) || self.singly.contains(&number)
    }
}

impl Visibility for Person {
    fn allows(&self, _kind: u32, class: u32) -> bool {
        self.classes.contains(&class)
    }

    fn singly(&self) -> Vec<(u32, RecordId)> {
        self.singly.iter().map(|number| (ACCOUNT, id(*number))).collect()
    }

    fn reads(&self, _kind: u32, field: u32) -> bool {
        self.fields.contains(&field)
    }

    /// Those who see the same classes are one person to the index, which keeps what was worked out for them.
    fn number(&self) -> Option<u64> {
        self.singly.is_empty().then(|| self.classes.iter().map(|class| 1_u64 << class).sum())
    }
}

pub(super) fn text(state: &mut u64, alphabet: &[char], least: usize, most: usize) -> String {
    let length = least + random(state, most - least + 1);
    (0..length).map(|_| alphabet[random(state, alphabet.len())]).collect()
}

pub(super) const HAN: [char; 6] = ['金', '山', '水', '木', '火', '土'];
/// No syllable of pinyin begins with these, so that no reading of a name is met by chance.
pub(super) const LATIN: [char; 3] = ['i', 'u', 'v'];
const DIGITS: [char; 3] = ['1', '2', '3'];

pub(super) fn plain(state: &mut u64) -> Plain {
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

pub(super) fn document(number: u128, plain: &Plain) -> Document {
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
    Beginning(String),
    /// Characters of a name by their readings.
    Read(String),
    /// Characters at the beginning of a name by the first letters of their readings.
    Initials(String),
}

/// So many records that come, change or go, of so many numbers and one in so many for good, as changes of an index.
pub(super) fn happenings(
    state: &mut u64,
    records: &mut BTreeMap<u128, Plain>,
    (many, numbers, gone): (usize, usize, usize),
) -> Vec<Change> {
    let change = |_| {
        let number = u128::try_from(random(state, numbers)).unwrap();
        if random(state, gone) == 0 {
            records.remove(&number);
            return Change::Delete(id(number));
        }
        let plain = plain(state);
        let change = Change::Upsert(document(number, &plain));
        records.insert(number, plain);
        change
    };
    (0..many).map(change).collect()
}

/// How a character is read.
fn reading(character: char) -> &'static str {
    match character {
        '金' => "jin",
        '山' => "shan",
        '水' => "shui",
        '木' => "mu",
        '火' => "huo",
        _ => "tu",
    }
}

fn first_letters(text: &str) -> String {
    text.chars().map(|character| reading(character).chars().next().unwrap()).collect()
}

impl Ask {
    fn any(state: &mut u64) -> Self {
        match random(state, 9) {
            5 => Self::Beginning(text(state, &LATIN, 2, 3)),
            6 => Self::Read(text(state, &HAN, 2, 3)),
            7 => Self::Initials(text(state, &HAN, 2, 6)),
            0 => Self::Han(text(state, &HAN, 1, 9)),
            1 => Self::Latin(text(state, &LATIN, 2, 4)),
            2 => Self::Digits(text(state, &DIGITS, 3, 6)),
            3 => Self::Phrase(text(state, &LATIN, 2, 3), text(state, &LATIN, 2, 3)),
            4 => Self::Address(format!("{}@{}.cn", text(state, &LATIN, 2, 2), text(state, &LATIN, 2, 2))),
            _ => Self::Name(text(state, &HAN, 2, 7)),
        }
    }

    fn written(&self) -> String {
        match self {
            Self::Han(text) | Self::Latin(text) | Self::Digits(text) | Self::Address(text) => text.clone(),
            Self::Phrase(left, right) => format!("\"{left} {right}\""),
            Self::Name(text) => format!("name:{text}"),
            Self::Beginning(text) => format!("{text}*"),
            Self::Read(text) => text.chars().map(reading).collect(),
            Self::Initials(text) => first_letters(text),
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
            Self::Beginning(text) => {
                let begins =
                    |text: &str, beginning: &str| text.split(' ').any(|word| word.starts_with(beginning));
                let address = plain.email.split(['@', '.']).any(|part| part.starts_with(text));
                (reads(NAME) && plain.name.contains(text))
                    || (reads(NOTE) && begins(&plain.note, text))
                    || (reads(EMAIL) && address)
            }
            Self::Read(text) => reads(NAME) && plain.name.contains(text),
            Self::Initials(text) => {
                let characters = plain.name.split(' ').next().unwrap();
                reads(NAME) && first_letters(characters).starts_with(&first_letters(text))
            }
        }
    }

    /// Whether a record nearly meets it, where none does; nothing where that is not defined so plainly.
    fn nearly_meets(&self, plain: &Plain, fields: &BTreeSet<u32>, seen: &[&Plain]) -> Option<bool> {
        let texts = plain.texts(fields);
        let none = BTreeSet::new();
        let there = |fields: &BTreeSet<u32>| -> BTreeSet<String> {
            seen.iter().flat_map(|plain| plain.texts(fields)).flat_map(|text| pairs(text)).collect()
        };
        match self {
            Self::Latin(text) if text.len() >= 4 => {
                let near = |word: &str| distance(word, text) <= 1;
                Some(texts.iter().any(|text| text.split(' ').any(near)))
            }
            Self::Han(text) => Some(has_most_pairs(&texts, text, (&none, &there(fields)))),
            Self::Name(text) => {
                let name: BTreeSet<u32> = fields.intersection(&BTreeSet::from([NAME])).copied().collect();
                Some(has_most_pairs(&plain.texts(&name), text, (&none, &there(&name))))
            }
            _ => None,
        }
    }
}

/// The pairs of neighbouring characters of a text.
pub(super) fn pairs(text: &str) -> BTreeSet<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.windows(2).map(String::from_iter).collect()
}

/// Whether texts have most of the pairs of a text of three characters or more, those left aside that are common: all but the
/// two that a wrong character stands in, or three of five where that is less, and no more than `all` texts have together.
pub(super) fn has_most_pairs(
    texts: &[&String],
    text: &str,
    (common, all): (&BTreeSet<String>, &BTreeSet<String>),
) -> bool {
    if text.chars().count() < 3 {
        return false;
    }
    let telling: BTreeSet<String> = pairs(text).difference(common).cloned().collect();
    let (asked, there) = (telling.len(), telling.intersection(all).count());
    let least = (1..asked).find(|shared| shared + 2 >= asked || shared * 5 >= asked * 3).unwrap_or(1);
    let has = |pair: &&String| texts.iter().any(|other| other.contains(pair.as_str()));
    telling.iter().filter(has).count() >= least.min(there.max(1))
}

/// Insertions, deletions, substitutions and exchanges of neighbours that make one word the other (Damerau 1964), by
/// the plain recurrence.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows = vec![vec![0_usize; right.len() + 1]; left.len() + 1];
    for row in 0..=left.len() {
        for column in 0..=right.len() {
            rows[row][column] = if row == 0 || column == 0 {
                row.max(column)
            } else {
                let same = usize::from(left[row - 1] != right[column - 1]);
                let mut least = (rows[row - 1][column] + 1)
                    .min(rows[row][column - 1] + 1)
                    .min(rows[row - 1][column - 1] + same);
                let crossed = row > 1 && column > 1 && left[row - 1] == right[column - 2];
                if crossed && left[row - 2] == right[column - 1] {
                    least = least.min(rows[row - 2][column - 2] + 1);
                }
                least
            };
        }
    }
    rows[left.len()][right.len()]
}

/// How conditions are put together.
#[derive(Debug, Clone)]
enum Form {
    One(Ask),
    Both(Ask, Ask),
    Either(Ask, Ask),
    Without(Ask, Ask),
    /// The second word stands for the first one, too.
    Synonym(String, String),
    /// Both words, or where no record has both either of them.
    Closest(String, String),
}

impl Form {
    fn any(state: &mut u64) -> Self {
        let first = Ask::any(state);
        match random(state, 7) {
            0 | 4 => Self::One(first),
            5 => Self::Synonym(text(state, &LATIN, 2, 3), text(state, &LATIN, 2, 3)),
            6 => Self::Closest(text(state, &LATIN, 3, 3), text(state, &LATIN, 3, 3)),
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
            Self::Synonym(word, _) => format!("{word} "),
            Self::Closest(left, right) => format!("{left} {right} "),
        }
    }

    fn query(&self) -> Query {
        let query = Query::new(&self.written()).field("name", &[(ACCOUNT, NAME)]);
        match self {
            Self::Synonym(word, other) => query.synonyms(&[vec![word.clone(), other.clone()]]),
            Self::Closest(..) => query.closest(),
            _ => query,
        }
    }

    fn nearly_meets(&self, plain: &Plain, fields: &BTreeSet<u32>, seen: &[&Plain]) -> Option<bool> {
        let latin = |text: &String| Ask::Latin(text.clone()).meets(plain, fields);
        match self {
            Self::One(ask) => ask.nearly_meets(plain, fields, seen),
            Self::Closest(left, right) => Some(latin(left) || latin(right)),
            _ => None,
        }
    }

    fn meets(&self, plain: &Plain, fields: &BTreeSet<u32>) -> bool {
        match self {
            Self::One(ask) => ask.meets(plain, fields),
            Self::Both(left, right) => left.meets(plain, fields) && right.meets(plain, fields),
            Self::Either(left, right) => left.meets(plain, fields) || right.meets(plain, fields),
            Self::Without(left, right) => left.meets(plain, fields) && !right.meets(plain, fields),
            // What stands for a word is sought whole, as in quotation marks.
            Self::Synonym(word, other) => {
                let reads = |field: u32| fields.contains(&field);
                let whole = |text: &str| text.split([' ', '@', '.']).any(|part| part == other);
                Ask::Latin(word.clone()).meets(plain, fields)
                    || (reads(NAME) && whole(&plain.name))
                    || (reads(NOTE) && whole(&plain.note))
                    || (reads(EMAIL) && whole(&plain.email))
            }
            Self::Closest(left, right) => {
                [left, right].into_iter().all(|word| Ask::Latin(word.clone()).meets(plain, fields))
            }
        }
    }
}

fn check(index: &Index, records: &BTreeMap<u128, Plain>, state: &mut u64) -> (u64, u64) {
    let (mut asked, mut met) = (0, 0);
    for _ in 0..60 {
        let person = Person::any(state);
        let form = Form::any(state);
        let hits = index.search(&form.query(), &person, 5_000, 0).unwrap();
        let mut answered: Vec<u128> = hits.hits.iter().map(|hit| number_of(hit.record)).collect();
        answered.sort_unstable();
        let seen = || records.iter().filter(|(number, plain)| person.sees(**number, plain));
        let expected: Vec<u128> = seen()
            .filter(|(_, plain)| form.meets(plain, &person.fields))
            .map(|(number, _)| *number)
            .collect();
        let all: Vec<&Plain> = seen().map(|(_, plain)| plain).collect();
        let nearly = |plain: &Plain| form.nearly_meets(plain, &person.fields, &all);
        let near: Option<Vec<(u128, bool)>> =
            seen().map(|(number, plain)| nearly(plain).map(|meets| (*number, meets))).collect();
        // Where nothing is as it is written, what is nearest is answered, of what may be seen.
        if let Some(near) = near.filter(|_| expected.is_empty()) {
            let near: Vec<u128> =
                near.into_iter().filter(|(_, meets)| *meets).map(|(number, _)| number).collect();
            assert_eq!((answered.clone(), hits.near), (near.clone(), !near.is_empty()), "{form:?}");
        } else if hits.near {
            assert_eq!(expected, Vec::<u128>::new(), "{form:?}");
            let sees = |number: &u128| person.sees(*number, &records[number]);
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
        let changes = happenings(&mut state, &mut records, (12, 160, 6));
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
