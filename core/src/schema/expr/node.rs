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
