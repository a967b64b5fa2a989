//! Pinyin: readings of names for the index, and typed Latin letters cut into syllables for the query.

use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::LazyLock;

use pinyin::ToPinyin;

use super::folding::{Class, fold, folded, runs, spell};
use super::readings::{LONGEST_SURNAME, LONGEST_WORD, is_region, surname, word};

/// Stands between two syllables of one term; no syllable contains it.
pub(super) const JOINT: char = '|';
/// Longest run of letters that is cut into syllables; longer ones are not typed by people.
const LONGEST_TYPED: usize = 40;
/// Most ways to cut one typed word that a query follows.
const MOST_CUTS: usize = 16;
/// Longest string of initials; more would never be typed.
const LONGEST_INITIALS: usize = 8;
/// Most strings of initials that one name gets through characters of several readings.
const MOST_INITIALS: usize = 8;

/// The readings of each character of a name, the usual one first; empty where it has none.
///
/// The name is folded text. `ü` is spelt both `v` and `u`, as keyboards and passports do.
pub(super) fn readings(name: &[char]) -> Vec<Vec<&'static str>> {
    let mut readings: Vec<Vec<&'static str>> = name.iter().map(|character| usual(*character)).collect();
    for length in 1..=LONGEST_SURNAME {
        let head: String = name.iter().take(length).collect();
        add(&mut readings, 0, surname(&head));
    }
    for start in 0..name.len() {
        for length in 2..=LONGEST_WORD {
            let piece: String = name.iter().skip(start).take(length).collect();
            add(&mut readings, start, word(&piece));
        }
    }
    readings
}

/// Names with their readings, as [`read_otherwise`] holds them against others.
pub(super) fn folded_names(readings: &[(String, Vec<String>)]) -> Vec<(String, Vec<String>)> {
    readings.iter().map(|(name, reading)| (folded(name), reading.clone())).collect()
}

/// How a name is read with some folded names within it read otherwise, as syllables with spaces between, for each run
/// of characters that has one of these; of the others the usual readings are taken.
pub(super) fn read_otherwise(name: &str, others: &[(String, Vec<String>)]) -> Vec<String> {
    let mut found = Vec::new();
    let letters = fold(name);
    for (class, run) in runs(&letters) {
        let text = spell(run);
        if class != Class::Ideograph || !others.iter().any(|(name, _)| text.contains(name)) {
            continue;
        }
        let characters: Vec<char> = text.chars().collect();
        let usual = readings(&characters);
        let mut syllables: Vec<String> =
            usual.iter().map(|choices| choices.first().copied().unwrap_or("-").to_owned()).collect();
        for (name, reading) in others {
            let length = reading.len();
            let places = characters.windows(length).enumerate();
            let places = places.filter(|(_, window)| window.iter().copied().eq(name.chars()));
            for start in places.map(|(start, _)| start).collect::<Vec<_>>() {
                for (syllable, other) in syllables.iter_mut().skip(start).zip(reading) {
                    syllable.clone_from(other);
                }
            }
        }
        found.push(syllables.join(" "));
    }
    found
}

/// The terms of a name: joined pairs of neighbouring syllables at the position of the first one, and
/// the last syllable of each unbroken run alone. One name may have several terms at one position.
pub(super) fn syllable_terms(readings: &[Vec<&str>]) -> Vec<(String, u32)> {
    let mut terms = Vec::new();
    for (position, here) in (0_u32..).zip(readings) {
        let next = usize::try_from(position).ok().and_then(|at| readings.get(at.saturating_add(1)));
        match next.filter(|next| !next.is_empty()) {
            Some(next) => {
                let pairs = here.iter().flat_map(|left| next.iter().map(move |right| pair(left, right)));
                terms.extend(pairs.map(|pair| (pair, position)));
            }
            None => terms.extend(here.iter().map(|last| ((*last).to_owned(), position))),
        }
    }
    terms
}

/// Two neighbouring syllables as one term.
pub(super) fn pair(left: &str, right: &str) -> String {
    format!("{left}{JOINT}{right}")
}

/// The strings of initials that a name is looked for by: of the name, and of the name without the
/// region that it begins with (`上海加喜` is sought as `shjx` and as `jx`).
pub(super) fn initials(name: &[char], readings: &[Vec<&'static str>]) -> BTreeSet<String> {
    let mut found = strings_of_initials(readings);
    for length in 2..=3 {
        let head: String = name.iter().take(length).collect();
        if is_region(&head) {
            let rest: Vec<_> = readings.iter().skip(length).cloned().collect();
            found.extend(strings_of_initials(&rest));
        }
    }
    found
}

/// The strings of initials of a name of several scripts, `万科A` as `wka`; none of a name of one script.
pub(super) fn initials_of_mixed(name: &[char]) -> BTreeSet<String> {
    let written = |character: &char| character.is_ascii_alphanumeric();
    if !name.iter().any(written) || name.iter().all(written) {
        return BTreeSet::new();
    }
    let letters = |(character, choices): (&char, Vec<&'static str>)| match written(character) {
        true => vec![*character],
        false => choices.iter().filter_map(|reading| reading.chars().next()).collect(),
    };
    strings(name.iter().zip(readings(name)).map(letters))
}

/// The strings of first letters of syllables.
pub(super) fn strings_of_initials(readings: &[Vec<&str>]) -> BTreeSet<String> {
    let first = |reading: &&str| reading.chars().next();
    strings(readings.iter().map(|choices| choices.iter().filter_map(first).collect()))
}

/// Every way to take one letter of each place, up to the first place without one.
fn strings(places: impl Iterator<Item = Vec<char>>) -> BTreeSet<String> {
    let mut strings = vec![String::new()];
    for letters in places.take_while(|letters| !letters.is_empty()).take(LONGEST_INITIALS) {
        // In the order of the readings, so that the usual ones are among those that are kept.
        let mut once: Vec<char> = Vec::with_capacity(letters.len());
        letters.into_iter().for_each(|letter| {
            if !once.contains(&letter) {
                once.push(letter);
            }
        });
        strings = strings
            .iter()
            .flat_map(|string| once.iter().map(move |letter| format!("{string}{letter}")))
            .take(MOST_INITIALS)
            .collect();
    }
    strings.into_iter().filter(|string| string.len() >= 2).collect()
}

/// One way to read typed letters as syllables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cut {
    /// The whole syllables.
    pub(super) syllables: Vec<String>,
    /// What was typed of one syllable more.
    pub(super) begun: Option<String>,
}

/// Every way to read a folded word as syllables, `xian` as xian and as xi'an, at most sixteen.
///
/// With `open_end` the last syllable may be unfinished. A cut has at least one whole syllable.
pub(super) fn cuts(typed: &str, open_end: bool) -> Vec<Cut> {
    let mut found = Vec::new();
    if typed.len() <= LONGEST_TYPED && typed.bytes().all(|byte| byte.is_ascii_lowercase()) {
        let mut hopeless = HashSet::new();
        cut(typed, open_end, &mut Vec::new(), &mut hopeless, &mut found);
    }
    found
}

/// Follows every syllable that the rest begins with. Says whether anything was found, and remembers
/// the rests that lead nowhere, so that the walk stays linear in the number of answers.
fn cut<'a>(
    rest: &'a str,
    open_end: bool,
    taken: &mut Vec<&'a str>,
    hopeless: &mut HashSet<usize>,
    found: &mut Vec<Cut>,
) -> bool {
    if found.len() >= MOST_CUTS {
        return true;
    }
    if rest.is_empty() {
        found.push(Cut { syllables: owned(taken), begun: None });
        return true;
    }
    if hopeless.contains(&rest.len()) {
        return false;
    }
    let mut any = false;
    for length in (1..=6).rev() {
        let Some((head, tail)) = rest.split_at_checked(length) else { continue };
        if SYLLABLES.contains(head) {
            taken.push(head);
            any |= cut(tail, open_end, taken, hopeless, found);
            taken.pop();
        }
    }
    if open_end && !taken.is_empty() && begins_a_syllable(rest) {
        found.push(Cut { syllables: owned(taken), begun: Some(rest.to_owned()) });
        any = true;
    }
    if !any && !taken.is_empty() {
        hopeless.insert(rest.len());
    }
    any
}

fn owned(taken: &[&str]) -> Vec<String> {
    taken.iter().map(|syllable| (*syllable).to_owned()).collect()
}

fn begins_a_syllable(typed: &str) -> bool {
    SYLLABLES
        .range::<str, _>((Bound::Excluded(typed), Bound::Unbounded))
        .next()
        .is_some_and(|next| next.starts_with(typed))
}

/// Every syllable that the dictionary of characters knows, in the spelling of keyboards. Those
/// without a vowel (`hm`, `n`) are left out: they are interjections and would cut any English word.
static SYLLABLES: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    ('\u{3400}'..='\u{9fff}')
        .flat_map(usual)
        .filter(|syllable| syllable.contains(['a', 'e', 'i', 'o', 'u', 'v']))
        .collect()
});

fn usual(character: char) -> Vec<&'static str> {
    match character.to_pinyin().map(pinyin::Pinyin::plain) {
        None => Vec::new(),
        Some("lü") => vec!["lv", "lu"],
        Some("lüe") => vec!["lve", "lue"],
        Some("nü") => vec!["nv", "nu"],
        Some("nüe") => vec!["nve", "nue"],
        Some(plain) => vec![plain],
    }
}

fn add(readings: &mut [Vec<&'static str>], start: usize, more: Option<&'static [&'static str]>) {
    for (choices, reading) in readings.iter_mut().skip(start).zip(more.unwrap_or_default()) {
        if !choices.contains(reading) {
            choices.push(reading);
        }
    }
}
