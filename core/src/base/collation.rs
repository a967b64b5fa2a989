//! The order of texts as people expect it, by the tables of the Unicode CLDR.

use icu_collator::options::CollatorOptions;
use icu_collator::{CollatorBorrowed, CollatorPreferences};
use icu_locale_core::{Locale as Tag, locale};
use serde::{Deserialize, Serialize};

use crate::base::{Code, Error, Result, fold};

/// By which tables keys are made. It rises with every version of the tables that makes another key of any text;
/// indexes whose keys came from another version are made anew. 1 is CLDR 49, as icu_collator 2.4 has it.
pub const COLLATION_VERSION: u32 = 1;

/// How texts sort. Width, case and runs of white space make no difference in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collation {
    /// By code points: the same on every engine, and of no use to people but for Latin letters and digits.
    #[default]
    CodePoint,
    /// Chinese by pinyin, as CLDR's `zh-u-co-pinyin`: the general reading of each character.
    Pinyin,
    /// Chinese by the number of strokes, as CLDR's `zh-u-co-stroke`.
    Stroke,
    /// Names of persons by pinyin, with the readings that characters have as family names, such as Shan and Zeng
    /// where a word would be read dan and ceng.
    Surname,
}

impl Collation {
    /// The stable names.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::CodePoint, "code_point"),
        (Self::Pinyin, "pinyin"),
        (Self::Stroke, "stroke"),
        (Self::Surname, "surname"),
    ];

    /// The collation of a name.
    ///
    /// # Errors
    /// `input.invalid_argument` for an unknown one.
    pub fn from_name(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|(_, known)| *known == name);
        known
            .map(|(collation, _)| collation)
            .ok_or_else(|| Error::new(Code::InvalidArgument).field("collation").value(name))
    }

    /// Whether it is the order by code points, which needs no tables.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::CodePoint
    }

    /// Adds to a key what sorts a text among others; no byte of it is zero. Nothing for the order by code points,
    /// and where the program was built without tables.
    pub fn write_key(self, key: &mut Vec<u8>, text: &str) {
        let folded = fold(text);
        let (tag, folded) = match self {
            Self::CodePoint => return,
            Self::Pinyin => (locale!("zh-u-co-pinyin"), folded),
            Self::Stroke => (locale!("zh-u-co-stroke"), folded),
            Self::Surname => (locale!("zh-u-co-pinyin"), as_surname(&folded)),
        };
        if let Some(collator) = collator(tag) {
            let Ok(()) = collator.write_sort_key_to(&folded, key);
        }
    }
}

/// Making one looks up tables that are part of the program, and allocates nothing.
fn collator(tag: Tag) -> Option<CollatorBorrowed<'static>> {
    CollatorBorrowed::try_new(CollatorPreferences::from(tag), CollatorOptions::default()).ok()
}

/// A name whose family name is written with characters that sound so.
fn as_surname(name: &str) -> String {
    let stands_for = SURNAMES.iter().find_map(|(surname, sounds)| {
        let rest = name.strip_prefix(surname)?;
        Some(format!("{sounds}{rest}"))
    });
    stands_for.unwrap_or_else(|| name.to_owned())
}

/// Family names whose reading is not the general one of their characters, with characters of the reading that
/// they have (Xiandai Hanyu Cidian, entries marked as family names). Those of two characters come first.
const SURNAMES: [(&str, &str); 35] = [
    ("尉迟", "玉池"),
    ("万俟", "末其"),
    ("长孙", "掌孙"),
    ("澹台", "谈台"),
    ("单于", "缠于"),
    ("令狐", "零狐"),
    ("单", "善"),
    ("曾", "增"),
    ("仇", "求"),
    ("翟", "宅"),
    ("查", "渣"),
    ("区", "欧"),
    ("解", "谢"),
    ("朴", "瓢"),
    ("乐", "月"),
    ("盖", "舸"),
    ("葛", "舸"),
    ("召", "绍"),
    ("员", "运"),
    ("种", "虫"),
    ("缪", "妙"),
    ("隗", "伟"),
    ("折", "舌"),
    ("覃", "秦"),
    ("卜", "补"),
    ("祭", "债"),
    ("秘", "必"),
    ("任", "人"),
    ("华", "话"),
    ("燕", "烟"),
    ("应", "英"),
    ("盛", "胜"),
    ("过", "锅"),
    ("句", "勾"),
    ("冼", "显"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(collation: Collation, texts: &str) -> String {
        let mut texts: Vec<&str> = texts.split(' ').collect();
        let key = |text: &&str| {
            let mut key = Vec::new();
            collation.write_key(&mut key, text);
            assert!(!key.contains(&0), "zero ends a key");
            key
        };
        texts.sort_by_key(key);
        texts.join(" ")
    }

    /// Orders as Xinhua Zidian has them, by reading and tone, and by number of strokes.
    #[test]
    fn chinese_sorts_by_reading_or_by_strokes() {
        assert_eq!(sorted(Collation::Pinyin, "张 王 李 赵 安 陈 白"), "安 白 陈 李 王 张 赵");
        assert_eq!(sorted(Collation::Pinyin, "马 妈 骂 麻"), "妈 麻 马 骂");
        assert_eq!(sorted(Collation::Stroke, "鑫 三 一 龘 二 王 上海"), "一 二 三 上海 王 鑫 龘");
        assert_eq!(sorted(Collation::Pinyin, "b10 B2 a 北京 1 安徽"), "1 安徽 北京 a b10 B2");
    }

    #[test]
    fn a_family_name_sorts_by_its_own_reading_and_a_word_by_the_general_one() {
        assert_eq!(
            sorted(Collation::Surname, "曾国藩 单田芳 陈毅 赵云 尉迟恭 于谦"),
            "陈毅 单田芳 于谦 尉迟恭 曾国藩 赵云"
        );
        assert_eq!(sorted(Collation::Pinyin, "曾国藩 单田芳 陈毅 赵云"), "曾国藩 陈毅 单田芳 赵云");
    }

    /// Stored keys are made by one version of the tables. Where this fails, the tables have changed: the version
    /// rises with the digest.
    #[test]
    fn the_version_names_the_tables() {
        let mut all = Vec::new();
        for collation in [Collation::Pinyin, Collation::Stroke, Collation::Surname] {
            for character in ('\u{4E00}'..='\u{9FFF}').chain(' '..='\u{2FF}') {
                collation.write_key(&mut all, &character.to_string());
                all.push(0);
            }
        }
        let digest = twox_hash::XxHash3_128::oneshot(&all);
        assert_eq!((COLLATION_VERSION, digest), (1, 27_522_668_095_772_441_365_748_635_854_656_667_333));
    }
}
