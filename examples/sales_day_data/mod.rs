//! A bilingual data set made from a seed, in the four files that the example reads.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A sequence that repeats itself for a seed (SplitMix64, Steele et al. 2014).
struct Sequence(u64);

impl Sequence {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % below.max(1) as u64).unwrap_or(0)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let at = self.next(from.len());
        from.get(at).copied().unwrap_or_default()
    }
}

const CITIES: [&str; 8] = ["上海", "北京", "深圳", "杭州", "成都", "Singapore", "London", "Sydney"];
const BRANDS: [&str; 12] = [
    "加喜",
    "星河",
    "云帆",
    "启明",
    "瑞丰",
    "华盛",
    "Harbour",
    "Northwind",
    "Blue Finch",
    "Redwood",
    "Orchid",
    "Summit",
];
const TRADES: [&str; 6] = ["科技", "贸易", "企业服务", "Logistics", "Trading", "Foods"];
const PRODUCTS: [(&str, &str, u32); 6] = [
    ("执照变更代办", "注册", 1_280),
    ("代理记账", "财税", 3_600),
    ("商标注册", "知识产权", 1_999),
    ("Company formation", "Registration", 8_800),
    ("Annual audit", "Finance", 12_500),
    ("Trademark filing", "Property", 2_400),
];
const FAMILIES: [&str; 10] = ["王", "李", "张", "刘", "陈", "杨", "Lin", "Zhao", "Smith", "Garcia"];
const GIVEN: [&str; 8] = ["伟", "芳", "秀英", "敏", "Anna", "Tom", "Mei", "Oliver"];
const STAGES: [&str; 5] = ["Prospecting", "Engaging", "Won", "Won", "Lost"];

/// Writes the four files into a new folder and gives it: 400 accounts, 6 products, 35 salespeople in 7
/// teams, and as many deals as asked.
pub fn write(place: &Path, deals: usize) -> std::io::Result<PathBuf> {
    let folder = place.join("data");
    fs::create_dir(&folder)?;
    let mut sequence = Sequence(20_261_122);
    let accounts: Vec<String> = (0..400).map(|number| account(&mut sequence, number)).collect();
    let people: Vec<String> = (0..35).map(|number| person(&mut sequence, number)).collect();
    let file = |name: &str| fs::File::create(folder.join(name)).map(std::io::BufWriter::new);

    let mut out = file("accounts.csv")?;
    writeln!(out, "account,sector,office_location")?;
    for name in &accounts {
        writeln!(out, "{name},{},{}", sequence.pick(&TRADES), sequence.pick(&CITIES))?;
    }
    let mut out = file("products.csv")?;
    writeln!(out, "product,series,sales_price")?;
    for (name, series, price) in PRODUCTS {
        writeln!(out, "{name},{series},{price}")?;
    }
    let mut out = file("sales_teams.csv")?;
    writeln!(out, "sales_agent,manager,regional_office")?;
    for (number, name) in people.iter().enumerate() {
        writeln!(
            out,
            "{name},Manager {},{}",
            number % 7 + 1,
            ["华东", "华南", "North"].get(number % 3).unwrap_or(&"")
        )?;
    }
    let mut out = file("sales_pipeline.csv")?;
    writeln!(
        out,
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value"
    )?;
    for number in 0..deals {
        let deal = deal(&mut sequence, number, &accounts, &people);
        writeln!(out, "{deal}")?;
    }
    Ok(folder)
}

fn account(sequence: &mut Sequence, number: usize) -> String {
    let (city, brand, trade) = (sequence.pick(&CITIES), sequence.pick(&BRANDS), sequence.pick(&TRADES));
    if brand.is_ascii() {
        format!("{brand} {trade} {number:03} Ltd")
    } else {
        format!("{city}{brand}{trade}{number:03}有限公司")
    }
}

fn person(sequence: &mut Sequence, number: usize) -> String {
    let (family, given) = (sequence.pick(&FAMILIES), sequence.pick(&GIVEN));
    if family.is_ascii() {
        format!("{given} {family} {number:02}")
    } else {
        format!("{family}{given}{number:02}")
    }
}

fn deal(sequence: &mut Sequence, number: usize, accounts: &[String], people: &[String]) -> String {
    let text = |from: &[String], at: usize| from.get(at).cloned().unwrap_or_default();
    let person = text(people, sequence.next(people.len()));
    let account = text(accounts, sequence.next(accounts.len()));
    let stage = sequence.pick(&STAGES);
    let product = PRODUCTS.get(sequence.next(PRODUCTS.len())).map_or("", |(name, _, _)| name);
    let (month, day) = (sequence.next(6) + 1, sequence.next(28) + 1);
    let (close, value) = match stage {
        "Won" => (format!("2026-{:02}-{day:02}", month + 3), (sequence.next(9_000) + 500).to_string()),
        "Lost" => (format!("2026-{:02}-{day:02}", month + 2), "0".to_owned()),
        _ => (String::new(), String::new()),
    };
    format!("D{number:05},{person},{product},{account},{stage},2026-{month:02}-{day:02},{close},{value}")
}
