//! How well real names and questions are found, as a table; without the shared data there is none.

use super::tail::random;
use super::*;

use std::io::Write as _;

use ::pinyin::ToPinyin;

use crate::base::Code;

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Every so many of some lines, so that there are at most so many.
fn sample(lines: &[String], most: usize) -> Vec<String> {
    let step = lines.len().div_ceil(most).max(1);
    lines.iter().step_by(step).cloned().collect()
}

fn company_names() -> Option<Vec<String>> {
    let text = shared("chinese/company_names/company_short_names_28w.txt")?;
    let names = text.lines().skip(3).map(str::trim).filter(|line| line.chars().count() >= 2);
    Some(names.map(str::to_owned).collect())
}

fn share_names() -> Option<Vec<String>> {
    let text = shared("chinese/a_share/code.csv")?;
    let names = text.lines().skip(1).filter_map(|line| line.split(',').nth(1));
    Some(names.filter(|name| !name.trim().is_empty()).map(str::to_owned).collect())
}

fn finds(index: &Index, text: &str, number: u128, within: usize) -> bool {
    match index.search(&Query::new(text), &Everything, within, 0) {
        Ok(hits) => hits.hits.iter().any(|hit| number_of(hit.record) == number),
        Err(error) if error.code() == Code::NothingMatches => false,
        Err(error) => panic!("{text}: {error}"),
    }
}

/// The share of some cases that hold, and a line of the table.
fn share(what: &str, target: f64, cases: impl Iterator<Item = (String, bool)>) -> f64 {
    let (mut held, mut all, mut missed) = (0_u32, 0_u32, Vec::new());
    for (case, holds) in cases {
        all += 1;
        held += u32::from(holds);
        if !holds && missed.len() < 5 {
            missed.push(case);
        }
    }
    let share = f64::from(held) / f64::from(all.max(1));
    say(&format!("{what:<58} {share:.4} of {all:>6}, wanted {target:.4} {missed:?}"));
    share
}

fn full_width(text: &str) -> String {
    let wide = |character: char| match character {
        '!'..='~' => char::from_u32(u32::from(character) + 0xfee0).unwrap(),
        other => other,
    };
    text.chars().map(wide).collect()
}

fn half_width(text: &str) -> String {
    let narrow = |character: char| match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap(),
        other => other,
    };
    text.chars().map(narrow).collect()
}

/// Initials as people type them: of each Chinese character its usual reading, letters and digits as they are.
fn initials(name: &str) -> String {
    let initial = |character: char| match character.to_pinyin() {
        Some(reading) => reading.plain().chars().next(),
        None => Some(character.to_ascii_lowercase()).filter(char::is_ascii_alphanumeric),
    };
    half_width(name).chars().filter_map(initial).take(8).collect()
}

fn substrings(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    let mut all = Vec::new();
    for length in 2..=characters.len() {
        all.extend(characters.windows(length).map(|window| window.iter().collect::<String>()));
    }
    all.retain(|piece| piece.chars().filter(|character| character.is_alphanumeric()).count() >= 2);
    all
}

#[test]
fn every_part_of_real_names_finds_them_in_any_width_and_by_their_initials() {
    let (Some(companies), Some(shares)) = (company_names(), share_names()) else { return };
    let mut names = sample(&companies, 500);
    names.extend(sample(&shares, 500));
    let numbered: Vec<(u128, &String)> = (0_u128..).zip(&names).collect();
    let index = index_of(numbered.iter().map(|(number, name)| named(*number, name)));
    let parts = numbered.iter().flat_map(|(number, name)| {
        substrings(name).into_iter().map(|part| (part.clone(), finds(&index, &part, *number, 5_000)))
    });
    let recall = share("every substring of 2 characters or more", 1.0, parts);
    let widths = numbered.iter().flat_map(|(number, name)| {
        [full_width(name), half_width(name)]
            .into_iter()
            .map(|text| (text.clone(), finds(&index, &text, *number, 5_000)))
            .collect::<Vec<_>>()
    });
    let width = share("the name in full width and in half width", 1.0, widths);
    let all = index_of((0_u128..).zip(&shares).map(|(number, name)| named(number, name)));
    let typed = (0_u128..).zip(&shares).map(|(number, name)| (number, initials(name)));
    let typed = typed.filter(|(_, typed)| typed.len() >= 2);
    let typed = typed.map(|(number, typed)| (typed.clone(), finds(&all, &typed, number, 5_000)));
    let initial = share("pinyin initials of every share's name", 0.995, typed);
    assert!(recall >= 1.0 && width >= 1.0 && initial >= 0.995);
}

#[test]
fn a_full_company_name_with_one_character_wrong_or_left_out_is_among_the_first_five() {
    let Some(companies) = company_names() else { return };
    let regions = ["上海", "深圳市", "北京", "江苏", "杭州"];
    let trades = ["科技", "企业服务", "贸易", "信息技术", "实业", "建筑工程"];
    let mut state = 28_u64;
    let full: Vec<String> = sample(&companies, 20_000)
        .iter()
        .map(|brand| {
            let region = regions[random(&mut state, regions.len())];
            format!("{region}{brand}{}有限公司", trades[random(&mut state, trades.len())])
        })
        .collect();
    let index = index_of((0_u128..).zip(&full).map(|(number, name)| named(number, name)));
    let others: Vec<char> = "的一是在不了有和人这中大为上个国我以要他".chars().collect();
    let step = full.len().div_ceil(1_000);
    let mut wrong = Vec::new();
    let mut dropped = Vec::new();
    for (number, name) in (0_u128..).zip(&full).step_by(step) {
        let characters: Vec<char> = name.chars().collect();
        let place = random(&mut state, characters.len());
        let mut other = characters.clone();
        other[place] = others[random(&mut state, others.len())];
        wrong.push((number, other.iter().collect::<String>()));
        let mut other = characters;
        other.remove(place);
        dropped.push((number, other.iter().collect::<String>()));
    }
    let top5 = |cases: Vec<(u128, String)>, what: &str| {
        share(
            what,
            0.97,
            cases.into_iter().map(|(number, text)| (text.clone(), finds(&index, &text, number, 5))),
        )
    };
    let wrong = top5(wrong, "one character of a full company name wrong, in the top 5");
    let dropped = top5(dropped, "one character of a full company name missing, in the top 5");
    assert!(wrong >= 0.97 && dropped >= 0.97);
}

/// success@1, success@10 and MRR@10 of the questions of one language.
fn questions(language: &str) -> Option<[f64; 3]> {
    let lines = |name: &str| -> Option<Vec<serde_json::Value>> {
        let text = shared(&format!("search/xquad/xquad.{language}.{name}.jsonl"))?;
        Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    };
    let documents = lines("docs")?.into_iter().map(|line| {
        let number = u128::from(line["id"].as_u64().unwrap());
        account(number, &[(NOTE, Analyzer::Text, line["text"].as_str().unwrap())])
    });
    let index = index_of(documents);
    let (mut first, mut tenth, mut reciprocal, mut all) = (0_u32, 0_u32, 0.0, 0_u32);
    for line in lines("queries")? {
        let relevant: Vec<u128> =
            line["relevant"].as_array().unwrap().iter().map(|id| u128::from(id.as_u64().unwrap())).collect();
        let query = Query::new(line["query"].as_str().unwrap()).closest();
        let hits = index.search(&query, &Everything, 10, 0).unwrap().hits;
        let place = hits.iter().position(|hit| relevant.contains(&number_of(hit.record)));
        all += 1;
        first += u32::from(place == Some(0));
        tenth += u32::from(place.is_some());
        reciprocal += place.map_or(0.0, |place| 1.0 / f64::from(u32::try_from(place + 1).unwrap()));
    }
    let all = f64::from(all);
    Some([f64::from(first) / all, f64::from(tenth) / all, reciprocal / all])
}

#[test]
fn questions_in_chinese_and_english_find_their_paragraph_as_well_as_plain_bm25() {
    // Figures of BM25 (k1 1.2, b 0.75) by the shared data's README: words, and single characters with pairs.
    for (language, plain) in [("en", [0.9202, 0.9916, 0.9498]), ("zh", [0.9336, 0.9933, 0.9584])] {
        let Some(found) = questions(language) else { return };
        say(&format!("xquad {language}: success@1, success@10, MRR@10: {found:.4?}; plain BM25 {plain:.4?}"));
        for (found, plain) in found.iter().zip(plain) {
            assert!(*found >= plain - 0.01, "{language}: {found} against {plain}");
        }
    }
}
