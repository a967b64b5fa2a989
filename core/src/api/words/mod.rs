//! The texts of methods and parameters in Chinese, keyed by their English: what stands in many methods stands here
//! once. A test finds texts that have no Chinese, and Chinese that no text has any more.

mod access;
mod assignment;
mod comments;
mod database;
mod guides;
mod pipelines;
mod privacy;
mod privileges;
mod records;
mod registry;
mod rights;
mod suppression;
mod time;
mod trade;
mod work;

use std::collections::HashMap;
use std::sync::LazyLock;

/// A text in English and in Chinese.
type Words = (&'static str, &'static str);

/// Everything that there is, in its parts.
const ALL: [&[Words]; 15] = [
    access::WORDS,
    assignment::WORDS,
    privileges::WORDS,
    records::WORDS,
    registry::WORDS,
    database::WORDS,
    pipelines::WORDS,
    privacy::WORDS,
    rights::WORDS,
    suppression::WORDS,
    time::WORDS,
    trade::WORDS,
    comments::WORDS,
    guides::WORDS,
    work::WORDS,
];

static BY_ENGLISH: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| ALL.into_iter().flatten().copied().collect());

/// The Chinese of an English text.
pub(super) fn chinese(english: &str) -> Option<&'static str> {
    BY_ENGLISH.get(english).copied()
}

/// Declares a part: `"English" => "Chinese";`, where both may go on over lines that end with a backslash.
macro_rules! words {
    ($($english:literal => $chinese:literal;)*) => {
        /// The texts of this part.
        pub(super) const WORDS: &[super::Words] = &[$(($english, $chinese)),*];
    };
}

use words;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn said() -> BTreeSet<&'static str> {
        let methods = crate::api::methods();
        let parameters = methods.iter().flat_map(|method| method.parameters);
        let methods = methods.iter().map(|method| method.help);
        methods.chain(parameters.map(|parameter| parameter.help)).map(str::trim).collect()
    }

    #[test]
    fn every_text_of_a_method_has_its_chinese() {
        let missing: Vec<&str> = said().into_iter().filter(|text| chinese(text).is_none()).collect();
        assert!(missing.is_empty(), "{} without Chinese:\n{}", missing.len(), missing.join("\n"));
    }

    #[test]
    fn no_chinese_stands_for_a_text_that_no_method_has_and_none_twice() {
        let said = said();
        let all = || ALL.into_iter().flatten();
        let unused: Vec<&str> =
            all().map(|(english, _)| *english).filter(|text| !said.contains(text)).collect();
        assert!(unused.is_empty(), "{} unused:\n{}", unused.len(), unused.join("\n"));
        assert_eq!(all().count(), BY_ENGLISH.len());
    }

    #[test]
    fn what_stands_in_code_marks_is_the_same_in_both_languages() {
        let code = |text: &'static str| -> BTreeSet<&str> { text.split('`').skip(1).step_by(2).collect() };
        for (english, chinese) in ALL.into_iter().flatten() {
            let han = |character: char| ('\u{4e00}'..='\u{9fff}').contains(&character);
            assert!(chinese.chars().any(han), "{chinese}");
            assert_eq!(code(english), code(chinese), "{english}");
        }
    }
}
