//! Works an expression out: exact numbers, null that spreads, and a bound on the work.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;

use crate::base::{Code, Date, Decimal, Duration, Error, Money, Result, Timestamp, Value};
use crate::schema::expr::Facts;
use crate::schema::expr::functions::{number, out_of_range, produced, whole};
use crate::schema::expr::node::{Body, Comparison, Node, Operator, Quantifier};

/// Most work of one evaluation: a step for each part, and one for each 64 bytes of text that it looks at.
const MAX_STEPS: u64 = 200_000;

/// Works out a node.
///
/// # Errors
/// Those of [`crate::schema::expr::Expression::evaluate`].
pub(super) fn evaluate(node: &Node, facts: &dyn Facts) -> Result<Value> {
    Evaluation { facts, steps: Cell::new(0), items: RefCell::default() }.value(node)
}

struct Evaluation<'a> {
    facts: &'a dyn Facts,
    steps: Cell<u64>,
    /// The values at hand of the macros around the part at hand, the outermost first.
    items: RefCell<Vec<Value>>,
}

impl Evaluation<'_> {
    fn charge(&self, steps: u64) -> Result<()> {
        let spent = self.steps.get().saturating_add(steps);
        self.steps.set(spent);
        if spent > MAX_STEPS {
            return Err(Error::new(Code::LimitExceeded).field("expression").rule("work of one evaluation"));
        }
        Ok(())
    }

    fn charge_for(&self, value: &Value) -> Result<()> {
        self.charge(size_of(value))
    }

    fn value(&self, node: &Node) -> Result<Value> {
        let value = self.uncharged(node)?;
        self.charge_for(&value)?;
        Ok(value)
    }

    fn uncharged(&self, node: &Node) -> Result<Value> {
        match &node.body {
            Body::Literal(value) => Ok(value.clone()),
            Body::Field(field) => self.facts.value(*field),
            Body::Now => Ok(Value::DateTime(self.facts.now())),
            Body::Today => Ok(Value::Date(self.facts.today())),
            Body::Not(inner) => Ok(truth(&self.value(inner)?).map_or(Value::Null, |held| Value::Bool(!held))),
            Body::Negate(inner) => negate(self.value(inner)?),
            Body::Both(left, right) => self.decided(left, right, false),
            Body::Either(left, right) => self.decided(left, right, true),
            Body::Compare(comparison, left, right) => {
                compare(*comparison, &self.value(left)?, &self.value(right)?)
            }
            Body::Arithmetic(operator, left, right) => {
                arithmetic(*operator, self.value(left)?, self.value(right)?)
            }
            Body::Choose(condition, yes, no) => match truth(&self.value(condition)?) {
                Some(true) => self.value(yes),
                Some(false) => self.value(no),
                None => Ok(Value::Null),
            },
            Body::OneOf(item, list) => self.one_of(item, list),
            Body::Among(item, list) => self.among(item, list),
            Body::Each(quantifier, list, condition) => self.each(*quantifier, list, condition),
            Body::Item(place) => Ok(self.items.borrow().get(*place).cloned().unwrap_or_default()),
            Body::Column(place, column) => {
                Ok(self.items.borrow().get(*place).map(|row| row.part(column).clone()).unwrap_or_default())
            }
            Body::Matches(text, pattern) => {
                let text = self.value(text)?;
                Ok(text.as_text().map_or(Value::Null, |text| Value::Bool(pattern.is_match(text))))
            }
            Body::Call(function, arguments) => {
                let values = arguments.iter().map(|node| self.value(node)).collect::<Result<Vec<_>>>()?;
                if !function.takes_null() && values.iter().any(Value::is_null) {
                    return Ok(Value::Null);
                }
                (function.run)(&values)
            }
        }
    }

    /// Kleene's logic, as SQL has it: one side may decide alone, and otherwise what is unknown stays so.
    fn decided(&self, left: &Node, right: &Node, deciding: bool) -> Result<Value> {
        let left = truth(&self.value(left)?);
        if left == Some(deciding) {
            return Ok(Value::Bool(deciding));
        }
        let right = truth(&self.value(right)?);
        Ok(match (left, right) {
            (_, Some(right)) if right == deciding => Value::Bool(deciding),
            (Some(_), Some(_)) => Value::Bool(!deciding),
            _ => Value::Null,
        })
    }

    fn one_of(&self, item: &Node, list: &[Node]) -> Result<Value> {
        let item = self.value(item)?;
        if item.is_null() {
            return Ok(Value::Null);
        }
        for node in list {
            if same(&item, &self.value(node)?)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }

    /// Asks something of each value. No value is an empty list here. A condition that is unknown of a value leaves
    /// the whole unknown, unless another value decides.
    fn each(&self, quantifier: Quantifier, list: &Node, condition: &Node) -> Result<Value> {
        let (mut held, mut unknown) = (Vec::new(), false);
        let list = self.value(list)?;
        let values = if list.is_null() { [].iter() } else { list_of(&list).iter() };
        for value in values {
            self.items.borrow_mut().push(value.clone());
            let outcome = self.value(condition);
            self.items.borrow_mut().pop();
            match (quantifier, truth(&outcome?)) {
                (Quantifier::Exists, Some(true)) => return Ok(Value::Bool(true)),
                (Quantifier::All, Some(false)) => return Ok(Value::Bool(false)),
                (_, Some(true)) => held.push(value),
                (_, Some(false)) => {}
                (_, None) => unknown = true,
            }
            if quantifier == Quantifier::ExistsOne && held.len() > 1 {
                return Ok(Value::Bool(false));
            }
        }
        Ok(match quantifier {
            Quantifier::Filter if held.is_empty() => Value::Null,
            Quantifier::Filter => Value::List(held.into_iter().cloned().collect()),
            _ if unknown => Value::Null,
            Quantifier::Exists => Value::Bool(false),
            Quantifier::All => Value::Bool(true),
            Quantifier::ExistsOne => Value::Bool(held.len() == 1),
        })
    }

    fn among(&self, item: &Node, list: &Node) -> Result<Value> {
        let (item, list) = (self.value(item)?, self.value(list)?);
        if item.is_null() || list.is_null() {
            return Ok(Value::Null);
        }
        for value in list.items() {
            if same(&item, value)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }
}

/// What looking at a value costs: a step, one for each 64 bytes of text, and one for each part.
fn size_of(value: &Value) -> u64 {
    match value {
        Value::Text(text) => 1 + u64::try_from(text.len() / 64).unwrap_or(u64::MAX),
        Value::List(items) => items.iter().fold(1, |sum: u64, item| sum.saturating_add(size_of(item))),
        Value::Map(parts) => parts.values().fold(1, |sum: u64, part| sum.saturating_add(size_of(part))),
        _ => 1,
    }
}

fn list_of(value: &Value) -> &[Value] {
    match value {
        Value::List(values) => values,
        single => std::slice::from_ref(single),
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(held) => Some(*held),
        _ => None,
    }
}

fn negate(value: Value) -> Result<Value> {
    match value {
        Value::Int(number) => number.checked_neg().map(Value::Int).ok_or_else(|| out_of_range("64 bits")),
        Value::Decimal(number) => Decimal::ZERO.checked_sub(number).map(Value::Decimal),
        Value::Money(money) => {
            Ok(Value::Money(Money::new(Decimal::ZERO.checked_sub(money.amount)?, money.currency)))
        }
        other => Ok(other),
    }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> Result<Value> {
    match comparison {
        Comparison::Equal => return Ok(Value::Bool(same(left, right)?)),
        Comparison::Unequal => return Ok(Value::Bool(!same(left, right)?)),
        _ if left.is_null() || right.is_null() => return Ok(Value::Null),
        _ => {}
    }
    let order = order(left, right)?;
    Ok(Value::Bool(match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        _ => order.is_ge(),
    }))
}

/// Whether two values are one. Nothing equals null but null; amounts of two currencies differ.
fn same(left: &Value, right: &Value) -> Result<bool> {
    match (number(Some(left)), number(Some(right))) {
        (Some(left), Some(right)) => Ok(left == right),
        _ => Ok(left == right),
    }
}

/// The order of two values of one type.
///
/// # Errors
/// [`Code::CurrencyMismatch`]; [`Code::WrongType`] where a stored value is not what its field takes.
pub(super) fn order(left: &Value, right: &Value) -> Result<Ordering> {
    if let (Some(left), Some(right)) = (number(Some(left)), number(Some(right))) {
        return Ok(left.cmp(&right));
    }
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Ok(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Ok(left.cmp(right)),
        (Value::DateTime(left), Value::DateTime(right)) => Ok(left.cmp(right)),
        (Value::Time(left), Value::Time(right)) => Ok(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Ok(left.cmp(right)),
        (Value::Money(left), Value::Money(right)) => {
            left.partial_cmp(right).ok_or_else(|| Error::new(Code::CurrencyMismatch))
        }
        _ => Err(Error::new(Code::WrongType).field("expression")),
    }
}

fn arithmetic(operator: Operator, left: Value, right: Value) -> Result<Value> {
    let wrong = || Error::new(Code::WrongType).field("expression");
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
        (Value::Text(left), Value::Text(right)) => produced(left + &right),
        (Value::Money(left), Value::Money(right)) => amounts(operator, left, right),
        (Value::Money(money), factor) | (factor, Value::Money(money)) => {
            let factor = number(Some(&factor)).ok_or_else(wrong)?;
            let amount = numbers(operator, money.amount, factor)?;
            Ok(Value::Money(Money::new(amount, money.currency)))
        }
        (Value::Date(left), Value::Date(right)) => {
            Ok(Value::Int(i64::from(left.days()) - i64::from(right.days())))
        }
        (Value::Date(day), Value::Int(days)) if operator == Operator::Subtract => {
            later(day, days.checked_neg().ok_or_else(|| out_of_range("64 bits"))?)
        }
        (Value::Date(day), Value::Int(days)) | (Value::Int(days), Value::Date(day)) => later(day, days),
        (Value::DateTime(left), Value::DateTime(right)) => {
            let between = left.micros().checked_sub(right.micros()).ok_or_else(|| out_of_range("64 bits"))?;
            Ok(Value::Duration(Duration::from_micros(between)))
        }
        (Value::DateTime(at), Value::Duration(length)) | (Value::Duration(length), Value::DateTime(at)) => {
            let moved = micros(operator, at.micros(), length.micros())?;
            Ok(Value::DateTime(Timestamp::from_micros(moved)))
        }
        (Value::Duration(left), Value::Duration(right)) => {
            Ok(Value::Duration(Duration::from_micros(micros(operator, left.micros(), right.micros())?)))
        }
        (Value::Int(left), Value::Int(right)) if operator != Operator::Divide => {
            whole(numbers(operator, Decimal::from(left), Decimal::from(right))?)
        }
        (left, right) => {
            let (left, right) = (number(Some(&left)), number(Some(&right)));
            let (left, right) = (left.ok_or_else(wrong)?, right.ok_or_else(wrong)?);
            Ok(Value::Decimal(numbers(operator, left, right)?))
        }
    }
}

fn numbers(operator: Operator, left: Decimal, right: Decimal) -> Result<Decimal> {
    match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => left.checked_div(right),
        Operator::Remainder => left.checked_rem(right),
    }
}

/// The sum of two lengths of time, or their difference.
fn micros(operator: Operator, left: i64, right: i64) -> Result<i64> {
    let sum = if operator == Operator::Subtract { left.checked_sub(right) } else { left.checked_add(right) };
    sum.ok_or_else(|| out_of_range("64 bits"))
}

fn amounts(operator: Operator, left: Money, right: Money) -> Result<Value> {
    if left.currency != right.currency {
        let pair = format!("{}, {}", left.currency, right.currency);
        return Err(Error::new(Code::CurrencyMismatch).value(&pair));
    }
    let worked_out = numbers(operator, left.amount, right.amount)?;
    Ok(match operator {
        Operator::Divide => Value::Decimal(worked_out),
        _ => Value::Money(Money::new(worked_out, left.currency)),
    })
}

fn later(day: Date, days: i64) -> Result<Value> {
    let sum = i64::from(day.days()).checked_add(days).and_then(|sum| i32::try_from(sum).ok());
    Ok(Value::Date(Date::from_days(sum.ok_or_else(|| out_of_range("days"))?)?))
}
