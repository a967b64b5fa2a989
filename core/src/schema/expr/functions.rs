//! The functions of expressions, each declared once: its name, its types, what it does, and its help.

use crate::base::{
    Code, Currency, Date, Decimal, Error, Label, MAX_TEXT_BYTES, Money, Result, Timestamp, Value, ValueKind,
};
use crate::schema::{RecordReference, is_phone};

/// A function of expressions.
pub(super) struct Function {
    name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    help: (&'static str, &'static str),
    /// The type that it gives for types of arguments, if it takes them.
    pub gives: fn(&[ValueKind]) -> Option<ValueKind>,
    /// Works it out. Only `coalesce` is called with null.
    pub run: fn(&[Value]) -> Result<Value>,
}

impl Function {
    /// How an expression calls it.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Function {
    /// Whether it looks at null; all others give null for it.
    pub fn takes_null(&self) -> bool {
        self.name == "coalesce"
    }
}

/// The function that gives a reference to a record of one of several entities.
pub(super) const REFERENCE: &str = "reference";

/// What people read of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionHelp {
    /// How it is written, as `round(number, digits)`.
    pub usage: &'static str,
    /// What it gives.
    pub label: Label,
}

/// What the compiler itself knows, since it reads the clock, a name or a pattern.
const FORMS: [(&str, (&str, &str)); 8] = [
    ("now()", ("当前时刻", "the present moment")),
    ("today()", ("今天的日期", "the present day, in the zone of the organisation")),
    ("has(field)", ("字段是否有值", "whether a field has a value")),
    (
        "text.matches('pattern')",
        ("文本是否匹配正则表达式", "whether a regular expression finds something in a text"),
    ),
    (
        "list.exists(item, condition)",
        ("列表或明细行中是否有满足条件的项", "whether some value of a list, or some row, meets a condition"),
    ),
    (
        "list.all(item, condition)",
        ("列表或明细行是否全部满足条件", "whether every value of a list, or every row, meets a condition"),
    ),
    (
        "list.existsOne(item, condition)",
        (
            "列表或明细行中是否恰有一项满足条件",
            "whether one value of a list, or one row, meets a condition and no other",
        ),
    ),
    (
        "list.filter(item, condition)",
        ("列表或明细行中满足条件的项", "the values of a list, or the rows, that meet a condition"),
    ),
];

/// All functions.
pub fn function_help() -> impl Iterator<Item = FunctionHelp> {
    let functions = FUNCTIONS.iter().map(|function| (function.usage, function.help));
    functions.chain(FORMS).map(|(usage, (zh, en))| FunctionHelp { usage, label: Label::new(zh, en) })
}

pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

use ValueKind::{
    Bool, Date as Day, DateTime, Decimal as Number, Duration as Length, Int, List, Map, Money as Amount,
    Null, Text, Time,
};

macro_rules! functions {
    ($($name:literal, $usage:literal, [$zh:literal, $en:literal], $gives:expr, $run:expr;)+) => {
        static FUNCTIONS: &[Function] = &[$(Function {
            name: $name, usage: $usage, help: ($zh, $en), gives: $gives, run: $run,
        }),+];
    };
}

functions! {
    "size", "size(text or list)", ["文本的字符数或列表的项数", "characters of a text, values of a list"],
        |kinds| takes(kinds, &[&[Text, List]], Int), |values| {
            let size = match values.first() {
                Some(Value::List(items)) => items.len(),
                _ => text(values, 0).chars().count(),
            };
            Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
        };
    "isPhone", "isPhone(phone)", ["电话号码是否已识别为 E.164", "whether a phone number parsed, and is one in E.164"],
        |kinds| takes(kinds, &[&[Text]], Bool), |values| Ok(Value::Bool(is_phone(text(values, 0))));
    "contains", "text.contains(part)", ["文本是否包含片段", "whether a text has a part"],
        |kinds| takes(kinds, &[&[Text], &[Text]], Bool),
        |values| Ok(Value::Bool(text(values, 0).contains(text(values, 1))));
    "startsWith", "text.startsWith(part)", ["文本是否以片段开头", "whether a text begins with a part"],
        |kinds| takes(kinds, &[&[Text], &[Text]], Bool),
        |values| Ok(Value::Bool(text(values, 0).starts_with(text(values, 1))));
    "endsWith", "text.endsWith(part)", ["文本是否以片段结尾", "whether a text ends with a part"],
        |kinds| takes(kinds, &[&[Text], &[Text]], Bool),
        |values| Ok(Value::Bool(text(values, 0).ends_with(text(values, 1))));
    "lower", "lower(text)", ["转换为小写", "a text in lower case"],
        |kinds| takes(kinds, &[&[Text]], Text), |values| produced(text(values, 0).to_lowercase());
    "upper", "upper(text)", ["转换为大写", "a text in upper case"],
        |kinds| takes(kinds, &[&[Text]], Text), |values| produced(text(values, 0).to_uppercase());
    "trim", "trim(text)", ["去掉首尾空白", "a text without white space at its ends"],
        |kinds| takes(kinds, &[&[Text]], Text), |values| produced(text(values, 0).trim().to_owned());
    "coalesce", "coalesce(first, second, …)", ["第一个非空值", "the first of its arguments that has a value"],
        |kinds| kinds.iter().copied().reduce(|left, right| super::compile::common(left, right).unwrap_or(Null))
            .filter(|kind| kinds.iter().all(|other| super::compile::common(*kind, *other).is_some())),
        |values| Ok(values.iter().find(|value| !value.is_null()).cloned().unwrap_or_default());
    "round", "round(number, digits)", ["四舍五入到指定小数位", "a number or amount rounded half away from zero"],
        |kinds| keeps(kinds, &[Int, Number, Amount], &[&[Int]]), |values| {
            let digits = u32::try_from(integer(values, 1)).map_err(|_| out_of_range("digits"))?;
            map_number(values.first(), |number| Ok(number.rounded(digits)))
        };
    "abs", "abs(number)", ["绝对值", "a number or amount without its sign"],
        |kinds| keeps(kinds, &[Int, Number, Amount], &[]), |values| map_number(values.first(), |number| {
            if number < Decimal::ZERO { Decimal::ZERO.checked_sub(number) } else { Ok(number) }
        });
    "min", "min(first, second)", ["较小值", "the smaller of two"], pair, |values| extreme(values, true);
    "max", "max(first, second)", ["较大值", "the larger of two"], pair, |values| extreme(values, false);
    "amount", "amount(money)", ["金额的数值", "the number of an amount"],
        |kinds| takes(kinds, &[&[Amount]], Number), |values| match values.first() {
            Some(Value::Money(money)) => Ok(Value::Decimal(money.amount)),
            _ => Ok(Value::Null),
        };
    "currency", "currency(money)", ["金额的货币代码", "the currency code of an amount"],
        |kinds| takes(kinds, &[&[Amount]], Text), |values| match values.first() {
            Some(Value::Money(money)) => Ok(Value::Text(money.currency.code().to_owned())),
            _ => Ok(Value::Null),
        };
    "money", "money(number, code)", ["由数值和货币代码组成的金额", "an amount of a number and a currency code"],
        |kinds| takes(kinds, &[&[Int, Number], &[Text]], Amount), |values| {
            let currency = Currency::from_code(text(values, 1))?;
            Ok(Value::Money(Money::new(number(values.first()).unwrap_or_default(), currency)))
        };
    "date", "date(text)", ["日期", "a day written as YYYY-MM-DD"],
        |kinds| takes(kinds, &[&[Text]], Day), |values| Ok(Value::Date(text(values, 0).parse()?));
    "datetime", "datetime(text)", ["时刻", "a moment written as RFC 3339 has it"],
        |kinds| takes(kinds, &[&[Text]], DateTime),
        |values| Ok(Value::DateTime(text(values, 0).parse::<Timestamp>()?));
    "time", "time(text)", ["时间", "a time of day written as HH:MM:SS"],
        |kinds| takes(kinds, &[&[Text]], Time), |values| Ok(Value::Time(text(values, 0).parse()?));
    "duration", "duration(text)", ["时长", "a length of time written as PT1H30M"],
        |kinds| takes(kinds, &[&[Text]], Length), |values| Ok(Value::Duration(text(values, 0).parse()?));
    "part", "part(map, name)", ["地址、姓名等的组成部分", "a text within an address, a name or other parts"],
        |kinds| takes(kinds, &[&[Map], &[Text]], Text), |values| {
            let part = values.first().map_or(&Value::Null, |map| map.part(text(values, 1)));
            Ok(part.as_text().map_or(Value::Null, Value::from))
        };
    "year", "year(date)", ["年份", "the year of a day"],
        |kinds| takes(kinds, &[&[Day]], Int), |values| part(values, |day| i64::from(day.year()));
    "month", "month(date)", ["月份，从 1 开始", "the month of a day, from 1"],
        |kinds| takes(kinds, &[&[Day]], Int), |values| part(values, |day| i64::from(day.month()));
    "day", "day(date)", ["日，从 1 开始", "the day of the month, from 1"],
        |kinds| takes(kinds, &[&[Day]], Int), |values| part(values, |day| i64::from(day.day()));
    "addMonths", "addMonths(date, months)", ["加若干月，超出月末取月末", "a day some months later, the last one of a shorter month"],
        |kinds| takes(kinds, &[&[Day], &[Int]], Day), |values| match values.first() {
            Some(Value::Date(day)) => Ok(Value::Date(day.plus_months(integer(values, 1))?)),
            _ => Ok(Value::Null),
        };
    "id", "id(text)", ["记录编号", "a record id as it is written"],
        |kinds| takes(kinds, &[&[Text]], ValueKind::Id), |values| Ok(Value::Id(text(values, 0).parse()?));
    "reference", "reference(entity, id)",
        ["对多种实体之一的记录的引用", "a record with its entity, as a field has it that may refer to several entities"],
        |kinds| takes(kinds, &[&[Text], &[Text, ValueKind::Id]], Map), |values| {
            let id = match values.get(1) {
                Some(Value::Id(id)) => *id,
                _ => text(values, 1).parse()?,
            };
            Ok(RecordReference::new(text(values, 0), id).into())
        };
    "text", "text(value)", ["转换为文本", "a number, day or code as text"],
        |kinds| takes(kinds, &[&[Text, Int, Number, Day, Amount]], Text), |values| match values.first() {
            Some(Value::Text(text)) => produced(text.clone()),
            Some(Value::Int(number)) => produced(number.to_string()),
            Some(Value::Decimal(number)) => produced(number.to_string()),
            Some(Value::Date(day)) => produced(day.to_string()),
            Some(Value::Money(money)) => produced(money.to_string()),
            _ => Ok(Value::Null),
        };
}

/// The type that is given where each argument has one of its types, or is null.
fn takes(kinds: &[ValueKind], wanted: &[&[ValueKind]], gives: ValueKind) -> Option<ValueKind> {
    let right = kinds.len() == wanted.len()
        && kinds.iter().zip(wanted).all(|(kind, wanted)| *kind == Null || wanted.contains(kind));
    right.then_some(gives)
}

/// The type of the first argument, where it is one of some, and the rest as wanted.
fn keeps(kinds: &[ValueKind], first: &[ValueKind], rest: &[&[ValueKind]]) -> Option<ValueKind> {
    let (kind, others) = kinds.split_first()?;
    (*kind == Null || first.contains(kind)).then_some(())?;
    takes(others, rest, *kind)
}

/// Two of one type that has an order.
fn pair(kinds: &[ValueKind]) -> Option<ValueKind> {
    let [left, right] = kinds else { return None };
    let kind = super::compile::common(*left, *right)?;
    super::compile::has_order(kind).then_some(kind)
}

fn text(values: &[Value], position: usize) -> &str {
    values.get(position).and_then(Value::as_text).unwrap_or_default()
}

fn integer(values: &[Value], position: usize) -> i64 {
    match values.get(position) {
        Some(Value::Int(number)) => *number,
        _ => 0,
    }
}

/// A whole number or decimal as a decimal.
pub(super) fn number(value: Option<&Value>) -> Option<Decimal> {
    match value? {
        Value::Int(number) => Some(Decimal::from(*number)),
        Value::Decimal(number) => Some(*number),
        _ => None,
    }
}

/// A text that was put together, within the limit of every text.
pub(super) fn produced(text: String) -> Result<Value> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(Error::new(Code::LimitExceeded).rule("text <= 1 MiB"));
    }
    Ok(Value::Text(text))
}

/// A decimal as a whole number, where a whole number is what is wanted.
pub(super) fn whole(number: Decimal) -> Result<Value> {
    let whole = number.normalized();
    let fits = (whole.scale() == 0).then(|| i64::try_from(whole.mantissa()).ok()).flatten();
    fits.map(Value::Int).ok_or_else(|| out_of_range("64 bits"))
}

pub(super) fn out_of_range(rule: &str) -> Error {
    Error::new(Code::OutOfRange).rule(rule)
}

fn map_number(value: Option<&Value>, map: impl FnOnce(Decimal) -> Result<Decimal>) -> Result<Value> {
    match value {
        Some(Value::Int(number)) => whole(map(Decimal::from(*number))?),
        Some(Value::Decimal(number)) => Ok(Value::Decimal(map(*number)?)),
        Some(Value::Money(money)) => Ok(Value::Money(Money::new(map(money.amount)?, money.currency))),
        _ => Ok(Value::Null),
    }
}

fn part(values: &[Value], of: impl FnOnce(Date) -> i64) -> Result<Value> {
    Ok(match values.first() {
        Some(Value::Date(day)) => Value::Int(of(*day)),
        _ => Value::Null,
    })
}

fn extreme(values: &[Value], smaller: bool) -> Result<Value> {
    let [left, right] = values else { return Ok(Value::Null) };
    let left_is_smaller = super::evaluate::order(left, right)?.is_le();
    Ok(if left_is_smaller == smaller { left.clone() } else { right.clone() })
}
