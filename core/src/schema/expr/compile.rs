//! Turns a parsed expression into nodes: names looked up, types checked, patterns compiled.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use regex::RegexBuilder;

use crate::base::{Decimal, FieldId, Result, Value, ValueKind};
use crate::schema::expr::functions::{self, REFERENCE};
use crate::schema::expr::macros::Variable;
use crate::schema::expr::node::{Body, Comparison, Node, Operator};
use crate::schema::expr::parse::{Parsed, qualified_name};
use crate::schema::expr::{Items, Meaning, Names, Takes};

/// Most bytes of a compiled pattern.
const MAX_PATTERN_BYTES: usize = 64 * 1_024;

/// The state of one compilation.
pub(super) struct Compiler<'a> {
    pub(super) parsed: &'a Parsed<'a>,
    names: &'a dyn Names,
    /// The fields that were read so far.
    pub fields: BTreeSet<FieldId>,
    /// Whether the clock was read.
    pub clock: bool,
    /// The names of the macros around the part at hand, the outermost first.
    pub(super) variables: Vec<Variable>,
}

/// A node, what it takes beyond the kind of its values, and what these are, if it has several.
pub(super) struct Typed {
    pub node: Node,
    pub takes: Takes,
    pub items: Option<Items>,
}

impl<'a> Compiler<'a> {
    pub fn new(parsed: &'a Parsed<'a>, names: &'a dyn Names) -> Self {
        Self { parsed, names, fields: BTreeSet::new(), clock: false, variables: Vec::new() }
    }

    pub fn compile(&mut self, part: &IdedExpr) -> Result<Node> {
        Ok(self.typed(part)?.node)
    }

    pub(super) fn typed(&mut self, part: &IdedExpr) -> Result<Typed> {
        let node = match &part.expr {
            Expr::Literal(literal) => self.literal(part, literal)?,
            Expr::Ident(_) | Expr::Select(_) => return self.name(part),
            Expr::Call(call) => self.call(part, call)?,
            Expr::Comprehension(each) => return self.each(part, each),
            _ => return Err(self.parsed.fault(part, "lists stand behind `in` only, and maps nowhere")),
        };
        Ok(Typed { node, takes: Takes::Anything, items: None })
    }

    fn literal(&self, part: &IdedExpr, literal: &LiteralValue) -> Result<Node> {
        let value = match literal {
            LiteralValue::Null => Value::Null,
            LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
            LiteralValue::Int(value) => Value::Int(*value.inner()),
            LiteralValue::String(value) => Value::Text(value.inner().to_owned()),
            // The tree has a binary fraction here; what was written is exact.
            LiteralValue::Double(fraction) => {
                let number = self.parsed.digits(part).and_then(|digits| digits.parse::<Decimal>().ok());
                let number = number.ok_or_else(|| {
                    self.parsed
                        .fault(part, "a decimal has at most 18 digits behind the point, and no exponent")
                })?;
                let negative = fraction.inner().is_sign_negative();
                Value::Decimal(if negative { Decimal::ZERO.checked_sub(number)? } else { number })
            }
            LiteralValue::UInt(_) | LiteralValue::Bytes(_) => {
                return Err(self.parsed.fault(part, "no field has values of this type"));
            }
        };
        Ok(Node { kind: value.kind(), body: Body::Literal(value) })
    }

    fn name(&mut self, part: &IdedExpr) -> Result<Typed> {
        if let Expr::Select(select) = &part.expr
            && select.test
        {
            let field = self.named(part, qualified_name(&select.operand), Some(&select.field))?;
            let null = Node { kind: ValueKind::Null, body: Body::Literal(Value::Null) };
            let body = Body::Compare(Comparison::Unequal, Box::new(field.node), Box::new(null));
            let node = Node { kind: ValueKind::Bool, body };
            return Ok(Typed { node, takes: Takes::Anything, items: None });
        }
        self.named(part, qualified_name(part), None)
    }

    fn named(&mut self, part: &IdedExpr, name: Option<String>, last: Option<&str>) -> Result<Typed> {
        let name = name.map(|name| last.map_or(name.clone(), |last| format!("{name}.{last}")));
        if let Some(name) = &name
            && let Some(variable) = self.variable(part, name)?
        {
            return Ok(variable);
        }
        let known = name.as_deref().and_then(|name| self.names.field(name));
        let Some(Meaning { field, kind, takes, items }) = known else {
            return Err(self.parsed.fault(part, "there is no such field"));
        };
        self.fields.insert(field);
        Ok(Typed { node: Node { kind, body: Body::Field(field) }, takes, items })
    }

    fn call(&mut self, part: &IdedExpr, call: &CallExpr) -> Result<Node> {
        let arguments: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        match (call.func_name.as_str(), arguments.as_slice()) {
            (operators::LOGICAL_AND, [left, right]) => {
                let (left, right) = (self.condition(left)?, self.condition(right)?);
                Ok(boolean(Body::Both(left, right)))
            }
            (operators::LOGICAL_OR, [left, right]) => {
                let (left, right) = (self.condition(left)?, self.condition(right)?);
                Ok(boolean(Body::Either(left, right)))
            }
            (operators::LOGICAL_NOT, [inner]) => Ok(boolean(Body::Not(self.condition(inner)?))),
            (operators::NEGATE, [inner]) => self.negation(part, inner),
            (operators::CONDITIONAL, [condition, yes, no]) => self.choice(part, condition, yes, no),
            (operators::IN, [item, list]) => self.one_of(part, item, list),
            ("matches", [text, pattern]) => self.matches(part, text, pattern),
            ("now", []) => Ok(self.clock(ValueKind::DateTime, Body::Now)),
            ("today", []) => Ok(self.clock(ValueKind::Date, Body::Today)),
            (name, [left, right]) if comparison(name).is_some() => {
                self.comparison(part, comparison(name).unwrap_or(Comparison::Equal), left, right)
            }
            (name, [left, right]) if operator(name).is_some() => {
                self.arithmetic(part, operator(name).unwrap_or(Operator::Add), left, right)
            }
            (name, arguments) => self.function(part, name, arguments),
        }
    }

    fn clock(&mut self, kind: ValueKind, body: Body) -> Node {
        self.clock = true;
        Node { kind, body }
    }

    pub(super) fn condition(&mut self, part: &IdedExpr) -> Result<Box<Node>> {
        let node = self.compile(part)?;
        match node.kind {
            ValueKind::Bool | ValueKind::Null => Ok(Box::new(node)),
            _ => Err(self.parsed.fault(part, "this is neither true nor false")),
        }
    }

    fn negation(&mut self, part: &IdedExpr, inner: &IdedExpr) -> Result<Node> {
        let node = self.compile(inner)?;
        match node.kind {
            ValueKind::Int | ValueKind::Decimal | ValueKind::Money | ValueKind::Null => {
                Ok(Node { kind: node.kind, body: Body::Negate(Box::new(node)) })
            }
            _ => Err(self.parsed.fault(part, "only numbers and amounts have a sign")),
        }
    }

    fn choice(
        &mut self,
        part: &IdedExpr,
        condition: &IdedExpr,
        yes: &IdedExpr,
        no: &IdedExpr,
    ) -> Result<Node> {
        let condition = self.condition(condition)?;
        let (yes, no) = (self.compile(yes)?, self.compile(no)?);
        let kind = common(yes.kind, no.kind)
            .ok_or_else(|| self.parsed.fault(part, "both outcomes have one type"))?;
        Ok(Node { kind, body: Body::Choose(condition, Box::new(yes), Box::new(no)) })
    }

    fn one_of(&mut self, part: &IdedExpr, item: &IdedExpr, list: &IdedExpr) -> Result<Node> {
        let Expr::List(list) = &list.expr else { return self.among(part, item, list) };
        let item = self.typed(item)?;
        let mut nodes = Vec::with_capacity(list.elements.len());
        for element in &list.elements {
            let mut node = self.compile(element)?;
            self.fit(element, &item.takes, &mut node)?;
            if common(item.node.kind, node.kind).is_none() {
                return Err(self.parsed.fault(element, "this has another type than what is looked for"));
            }
            nodes.push(node);
        }
        Ok(boolean(Body::OneOf(Box::new(item.node), nodes)))
    }

    /// Whether a value is among those of a field that takes several.
    fn among(&mut self, part: &IdedExpr, item: &IdedExpr, list: &IdedExpr) -> Result<Node> {
        let (mut item, field) = (self.compile(item)?, self.typed(list)?);
        if field.node.kind != ValueKind::List || matches!(item.kind, ValueKind::List | ValueKind::Map) {
            let what = "a list in brackets or a field of several values stands behind `in`";
            return Err(self.parsed.fault(part, what));
        }
        self.fit(part, &field.takes, &mut item)?;
        Ok(boolean(Body::Among(Box::new(item), Box::new(field.node))))
    }

    fn matches(&mut self, part: &IdedExpr, text: &IdedExpr, pattern: &IdedExpr) -> Result<Node> {
        let text = self.compile(text)?;
        let Expr::Literal(LiteralValue::String(written)) = &pattern.expr else {
            return Err(self.parsed.fault(pattern, "a pattern is written out"));
        };
        if !matches!(text.kind, ValueKind::Text | ValueKind::Null) {
            return Err(self.parsed.fault(part, "only text matches a pattern"));
        }
        // The engine of this crate takes time that is linear in the text, whatever the pattern.
        let compiled = RegexBuilder::new(written.inner()).size_limit(MAX_PATTERN_BYTES).build();
        let compiled = compiled
            .map_err(|error| self.parsed.fault(pattern, "the pattern cannot be used").because(error))?;
        Ok(boolean(Body::Matches(Box::new(text), compiled)))
    }

    fn comparison(
        &mut self,
        part: &IdedExpr,
        comparison: Comparison,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Result<Node> {
        let (mut first, mut second) = (self.typed(left)?, self.typed(right)?);
        self.fit(right, &first.takes, &mut second.node)?;
        self.fit(left, &second.takes, &mut first.node)?;
        let (one, other) = (first.node.kind, second.node.kind);
        let equality = matches!(comparison, Comparison::Equal | Comparison::Unequal);
        let Some(kind) = common(one, other) else {
            let money = [one, other].contains(&ValueKind::Money);
            let what = if money {
                "an amount is compared with `money(…)`, or its number by `amount(…)`"
            } else {
                "these two have different types"
            };
            return Err(self.parsed.fault(part, what));
        };
        if !equality && !has_order(kind) {
            return Err(self.parsed.fault(part, "these have no order"));
        }
        Ok(boolean(Body::Compare(comparison, Box::new(first.node), Box::new(second.node))))
    }

    /// A literal beside a field with a closed list is one of its codes. An entity that a reference beside a field
    /// names is one to which the field may refer, and gets the name by which the field calls it.
    fn fit(&self, part: &IdedExpr, takes: &Takes, beside: &mut Node) -> Result<()> {
        match (takes, &mut beside.body) {
            (Takes::Codes(codes), Body::Literal(Value::Text(code))) if !codes.contains(code) => {
                Err(self.parsed.fault(part, "the field has no such code"))
            }
            (Takes::Entities(names), Body::Call(function, arguments)) if function.name() == REFERENCE => {
                let entity = arguments.first_mut().map(|entity| &mut entity.body);
                let Some(Body::Literal(Value::Text(entity))) = entity else { return Ok(()) };
                let known = names.get(entity.as_str());
                *entity = known
                    .ok_or_else(|| self.parsed.fault(part, "the field refers to no such entity"))?
                    .clone();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn arithmetic(
        &mut self,
        part: &IdedExpr,
        operator: Operator,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Result<Node> {
        let (left, right) = (self.compile(left)?, self.compile(right)?);
        let kind = result(operator, left.kind, right.kind)
            .ok_or_else(|| self.parsed.fault(part, "these two cannot be worked out together"))?;
        Ok(Node { kind, body: Body::Arithmetic(operator, Box::new(left), Box::new(right)) })
    }

    fn function(&mut self, part: &IdedExpr, name: &str, arguments: &[&IdedExpr]) -> Result<Node> {
        let Some(function) = functions::find(name) else {
            return Err(self.parsed.fault(part, "there is no such function"));
        };
        let arguments = arguments.iter().map(|part| self.compile(part)).collect::<Result<Vec<_>>>()?;
        let is_written = |entity: &Node| matches!(entity.body, Body::Literal(Value::Text(_)));
        if name == REFERENCE && !arguments.first().is_some_and(is_written) {
            return Err(self.parsed.fault(part, "the entity of a reference is written out"));
        }
        let kinds: Vec<ValueKind> = arguments.iter().map(|argument| argument.kind).collect();
        let kind = (function.gives)(&kinds)
            .ok_or_else(|| self.parsed.fault(part, &format!("it is used as {}", function.usage)))?;
        Ok(Node { kind, body: Body::Call(function, arguments) })
    }
}

fn boolean(body: Body) -> Node {
    Node { kind: ValueKind::Bool, body }
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::Unequal,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Remainder,
        _ => return None,
    })
}

/// The type that two values have together: their own, that of the other beside null, decimal for numbers.
pub(super) fn common(left: ValueKind, right: ValueKind) -> Option<ValueKind> {
    match (left, right) {
        (ValueKind::Null, other) | (other, ValueKind::Null) => Some(other),
        (ValueKind::Int, ValueKind::Decimal) | (ValueKind::Decimal, ValueKind::Int) => {
            Some(ValueKind::Decimal)
        }
        (left, right) if left == right => Some(left),
        _ => None,
    }
}

/// Whether values of a type have an order.
pub(super) fn has_order(kind: ValueKind) -> bool {
    !matches!(kind, ValueKind::Bool | ValueKind::Id | ValueKind::List | ValueKind::Map)
}

/// What an operator gives for two types. Days differ by days, and amounts take plain factors.
fn result(operator: Operator, left: ValueKind, right: ValueKind) -> Option<ValueKind> {
    use ValueKind::{Date, DateTime, Decimal, Duration, Int, Money, Null, Text};
    let number = |kind| matches!(kind, Int | Decimal);
    match (operator, left, right) {
        (_, Null, other) | (_, other, Null) => Some(other),
        (Operator::Add, Text, Text) => Some(Text),
        (Operator::Add, Date, Int) | (Operator::Add, Int, Date) | (Operator::Subtract, Date, Int) => {
            Some(Date)
        }
        (Operator::Subtract, Date, Date) | (Operator::Remainder, Int, Int) => Some(Int),
        (Operator::Subtract, DateTime, DateTime) => Some(Duration),
        (Operator::Add | Operator::Subtract, DateTime, Duration) | (Operator::Add, Duration, DateTime) => {
            Some(DateTime)
        }
        (Operator::Add | Operator::Subtract, Duration, Duration) => Some(Duration),
        (Operator::Add | Operator::Subtract, Money, Money) => Some(Money),
        (Operator::Multiply | Operator::Divide, Money, factor) if number(factor) => Some(Money),
        (Operator::Multiply, factor, Money) if number(factor) => Some(Money),
        (Operator::Divide, Money, Money) => Some(Decimal),
        (Operator::Divide, left, right) if number(left) && number(right) => Some(Decimal),
        (Operator::Add | Operator::Subtract | Operator::Multiply, left, right)
            if number(left) && number(right) =>
        {
            common(left, right)
        }
        _ => None,
    }
}
