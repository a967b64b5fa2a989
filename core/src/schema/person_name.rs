//! Names of persons: family and given name, in the order of the language that the name is written in.

use std::collections::BTreeMap;

use crate::base::Value;

/// Chinese family names of two characters: those of the Hundred Family Surnames (Bai Jia Xing).
const TWO_CHARACTERS: [&str; 34] = [
    "万俟", "司马", "上官", "欧阳", "夏侯", "诸葛", "闻人", "东方", "赫连", "皇甫", "尉迟", "公羊", "澹台",
    "公冶", "宗政", "濮阳", "淳于", "单于", "太叔", "申屠", "公孙", "仲孙", "轩辕", "令狐", "钟离", "宇文",
    "长孙", "慕容", "鲜于", "闾丘", "司徒", "司空", "南宫", "西门",
];

/// The orders in which a family name and a given name stand.
pub(super) const ORDERS: [&str; 2] = ["family_first", "given_first"];

/// A name of which only the whole is known, with its parts where they can be told: Chinese names by the
/// family name before, names in Latin letters by the family name behind.
pub(super) fn taken_apart(full: &str) -> Value {
    let full = full.trim();
    if full.is_empty() {
        return Value::Null;
    }
    let mut parts = BTreeMap::from([("full".to_owned(), Value::from(full))]);
    let split = match full.chars().all(is_han) {
        true => chinese(full).map(|(family, given)| (family, given, "family_first")),
        false => full.rsplit_once(' ').map(|(given, family)| (family, given.trim(), "given_first")),
    };
    if let Some((family, given, order)) =
        split.filter(|(family, given, _)| !family.is_empty() && !given.is_empty())
    {
        let told = [("family", family), ("given", given), ("order", order)];
        parts.extend(told.map(|(name, text)| (name.to_owned(), Value::from(text))));
    }
    Value::Map(parts)
}

/// A name with its whole, put together from its parts where nobody wrote it.
pub(super) fn completed(name: Value) -> Value {
    let Value::Map(mut parts) = name else { return name };
    if !parts.contains_key("full") {
        let whole = display_name(&Value::Map(parts.clone()));
        if parts.keys().all(|part| part == "order") || whole.is_empty() {
            return Value::Null;
        }
        parts.insert("full".to_owned(), Value::Text(whole));
    }
    Value::Map(parts)
}

/// A name as people write it: the whole if it is told, otherwise its parts in their order.
#[must_use]
pub fn display_name(name: &Value) -> String {
    if let Some(full) = name.part("full").as_text() {
        return full.to_owned();
    }
    let part = |part: &str| name.part(part).as_text().unwrap_or_default();
    let (family, given) = (part("family"), part("given"));
    let han = !family.is_empty() && family.chars().chain(given.chars()).all(is_han);
    let family_first = match part("order") {
        "family_first" => true,
        "given_first" => false,
        _ => han,
    };
    let pieces = match family_first {
        true => [part("prefix"), family, part("middle"), given, part("suffix")],
        false => [part("prefix"), given, part("middle"), family, part("suffix")],
    };
    let said: Vec<&str> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
    said.join(if han { "" } else { " " })
}

fn chinese(full: &str) -> Option<(&str, &str)> {
    let family = TWO_CHARACTERS.iter().find(|family| full.starts_with(**family) && full.len() > family.len());
    let length = family.map_or_else(|| full.chars().next().map_or(0, char::len_utf8), |family| family.len());
    full.split_at_checked(length)
}

/// Whether a character is a Chinese one (blocks of unified ideographs).
fn is_han(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_as_its_language_has_it() {
        for (full, family, given) in [
            ("王小明", "王", "小明"),
            ("欧阳修", "欧阳", "修"),
            ("Margaret Peacock", "Peacock", "Margaret"),
            ("Anne Marie Dodsworth", "Dodsworth", "Anne Marie"),
        ] {
            let name = taken_apart(full);
            let told = (name.part("family").as_text(), name.part("given").as_text());
            assert_eq!(told, (Some(family), Some(given)));
            assert_eq!(display_name(&name), full);
        }
        for single in ["Plato", "王"] {
            assert!(taken_apart(single).part("family").is_null(), "{single}");
        }
    }

    #[test]
    fn a_name_is_put_together_in_its_order() {
        let name = |parts: &[(&str, &str)]| {
            Value::Map(parts.iter().map(|(part, text)| ((*part).to_owned(), Value::from(*text))).collect())
        };
        for (parts, shown) in [
            (vec![("family", "王"), ("given", "小明")], "王小明"),
            (vec![("family", "Wang"), ("given", "Xiaoming"), ("order", "family_first")], "Wang Xiaoming"),
            (vec![("family", "Peacock"), ("given", "Margaret"), ("prefix", "Dr.")], "Dr. Margaret Peacock"),
        ] {
            assert_eq!(completed(name(&parts)).part("full").as_text(), Some(shown));
        }
        assert_eq!(completed(name(&[("order", "family_first")])), Value::Null);
    }
}
