//! What an expression is after its check: nodes with types, and no name that is still to be looked up.

use regex::Regex;

use crate::base::{FieldId, Value, ValueKind};
use crate::schema::expr::functions::Function;

/// A part of an expression.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// What it gives, besides null.
    pub kind: ValueKind,
    pub body: Body,
}

#[derive(Debug, Clone)]
pub(super) enum Body {
    Literal(Value),
    Field(FieldId),
    Now,
    Today,
    Not(Box<Node>),
    Negate(Box<Node>),
    Both(Box<Node>, Box<Node>),
    Either(Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Arithmetic(Operator, Box<Node>, Box<Node>),
    Choose(Box<Node>, Box<Node>, Box<Node>),
    OneOf(Box<Node>, Vec<Node>),
    Among(Box<Node>, Box<Node>),
    Matches(Box<Node>, Regex),
    Call(&'static Function, Vec<Node>),
    /// Something of the values of a list, by a condition on each.
    Each(Quantifier, Box<Node>, Box<Node>),
    /// The value at hand of the macro at this place, the outermost being the first.
    Item(usize),
    /// A column of the row at hand.
    Column(usize, String),
}

/// What is asked of the values of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    Exists,
    All,
    ExistsOne,
    Filter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}
