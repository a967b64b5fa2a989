//! What is typed: texts that are made from records that the manager sees, so that each finds something.

use crate::search::party::{
    TEAM, domain, is_chinese, is_company, latin_mark, mark, owner, party, person, phone, trade,
};
use crate::search::store::Question;

/// Common words of two characters and of four.
const COMMON: [&str; 8] = ["科技", "贸易", "上海", "北京", "实业", "管理", "咨询", "有限"];
const COMMON_LONG: [&str; 6] = ["信息科技", "企业服务", "投资管理", "建筑工程", "网络科技", "文化传媒"];
/// Steps from one record that is sought to the next.
const STRIDE: usize = 7_919;

/// What is typed in a turn.
pub fn text(question: Question, turn: usize, records: usize) -> String {
    let chinese_company = || nth(turn, records, |number| is_company(number) && is_chinese(number));
    let latin = || latin_mark(nth(turn, records, |number| is_company(number) && !is_chinese(number)));
    let chinese_person = || person(nth(turn, records, |number| !is_company(number) && is_chinese(number)));
    let any = || nth(turn, records, |_| true);
    match question {
        Question::Rare => mark(chinese_company()),
        Question::Common => of(&COMMON, turn),
        Question::CommonLong => of(&COMMON_LONG, turn),
        Question::TwoWords => {
            let number = chinese_company();
            format!("{} {}", trade(number), mark(number))
        }
        Question::FullName => {
            let name = party(chinese_company()).name;
            name.split('（').next().unwrap_or_default().to_owned()
        }
        Question::Person => chinese_person().0,
        Question::Phone => phone(any()).chars().skip(6).take(5).collect(),
        Question::Email => domain(any()),
        Question::Prefix => latin().to_lowercase().chars().take(5).collect(),
        Question::Initials => chinese_person().1,
        Question::Misspelt => misspelt(&latin()),
        Question::WrongCharacter => wrong(&party(chinese_company()).name),
    }
}

/// What is in the field while a name is typed, letter by letter: Latin names and Chinese ones in turn.
pub fn beginnings(turn: usize, records: usize) -> Vec<String> {
    let wanted = |number: &usize| is_company(*number) && (is_chinese(*number) == turn.is_multiple_of(2));
    let name = party(nth(turn, records, |number| wanted(&number))).name.to_lowercase();
    let letters: Vec<char> = name.chars().take(8).collect();
    (1..=letters.len()).filter_map(|length| letters.get(..length)).map(String::from_iter).collect()
}

/// A record that is as it is wanted, for a turn.
fn nth(turn: usize, records: usize, wanted: impl Fn(usize) -> bool) -> usize {
    let start = turn * STRIDE % records.max(1);
    let wanted = |number: &usize| owner(*number) < TEAM && wanted(*number);
    (start..start + 1_000).map(|number| number % records.max(1)).find(wanted).unwrap_or(0)
}

fn of(list: &[&str], turn: usize) -> String {
    list.get(turn % list.len().max(1)).copied().unwrap_or_default().to_owned()
}

/// One letter in the middle is another one.
fn misspelt(name: &str) -> String {
    let middle = name.chars().count() / 2;
    let letters = name.to_lowercase();
    let wrong = letters.chars().enumerate();
    wrong
        .map(|(place, letter)| if place == middle { if letter == 'x' { 'y' } else { 'x' } } else { letter })
        .collect()
}

/// The third character is one that no name has.
fn wrong(name: &str) -> String {
    name.chars().enumerate().map(|(place, sign)| if place == 2 { '错' } else { sign }).collect()
}
