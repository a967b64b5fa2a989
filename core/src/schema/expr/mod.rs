//! Expressions: one language for rules, defaults and formulas, typed before it runs.
//!
//! The language is the Common Expression Language (github.com/google/cel-spec), read by the parser of the
//! crate `cel`. What differs follows from what records hold. Numbers are exact decimals, so `0.1 + 0.2` is
//! `0.3` and `1 / 2` is `0.5`. Days, moments and money are values of their own. A field without value is
//! `null`, and what is worked out from it is `null` too, as in SQL: only `==`, `!=`, `coalesce`, `&&`, `||`
//! `? :`, and the macros over lists (`exists`, `all`, `existsOne`, `filter`), for which no value is an empty list,
//! know more. Whatever can go wrong with types is an error when an expression is compiled, with
//! the line and column where it stands.

mod bounds;
mod compile;
mod evaluate;
mod functions;
mod macros;
mod node;
mod parse;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Code, Date, Error, FieldId, Result, Timestamp, Value, ValueKind};

pub use bounds::{Bound, BoundKind};
pub use functions::{FunctionHelp, function_help};
use node::Node;

/// Longest source of an expression, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 4_096;

/// What a name in an expression means.
#[derive(Debug, Clone)]
pub struct Meaning {
    /// The field.
    pub field: FieldId,
    /// What values it has.
    pub kind: ValueKind,
    /// What it takes, beyond their kind.
    pub takes: Takes,
    /// What its values are one by one, where it has several.
    pub items: Option<Items>,
}

/// What a field takes beyond the kind of its values.
#[derive(Debug, Clone, Default)]
pub enum Takes {
    /// Whatever is of the kind.
    #[default]
    Anything,
    /// The codes of a closed list.
    Codes(BTreeSet<String>),
    /// References to records of these entities, by each of their names, with the name that stands in values.
    Entities(BTreeMap<String, String>),
}

/// What the values of a field of several values are, one by one.
#[derive(Debug, Clone)]
pub enum Items {
    /// Values of one kind, perhaps codes of a closed list.
    Values(ValueKind, Takes),
    /// Rows with columns.
    Rows(Vec<Column>),
}

/// A column of rows.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What values it has.
    pub kind: ValueKind,
    /// What it takes, beyond their kind.
    pub takes: Takes,
}

/// Who knows what names mean, as far as the author of an expression may know it.
pub trait Names {
    /// The field of a name with its points, as `amount` or `x.note`; `None` where there is none.
    fn field(&self, name: &str) -> Option<Meaning>;
}

/// What an expression is evaluated against.
pub trait Facts {
    /// The value of a field; [`Value::Null`] where it has none.
    ///
    /// # Errors
    /// Those of whoever keeps the values.
    fn value(&self, field: FieldId) -> Result<Value>;

    /// The moment that counts as now.
    fn now(&self) -> Timestamp;

    /// The day that counts as today.
    fn today(&self) -> Date;
}

/// An expression that was found right.
#[derive(Debug, Clone)]
pub struct Expression {
    source: String,
    root: Node,
    fields: BTreeSet<FieldId>,
    clock: bool,
}

impl Expression {
    /// Reads an expression and checks its names and types.
    ///
    /// # Errors
    /// [`Code::InvalidExpression`] with line and column; [`Code::LimitExceeded`] above 4 KiB.
    pub fn compile(source: &str, names: &dyn Names) -> Result<Self> {
        if source.len() > MAX_EXPRESSION_BYTES {
            let rule = format!("{} > {MAX_EXPRESSION_BYTES} bytes", source.len());
            return Err(Error::new(Code::LimitExceeded).field("expression").rule(&rule));
        }
        let parsed = parse::parse(source)?;
        let mut compiler = compile::Compiler::new(&parsed, names);
        let root = compiler.compile(&parsed.root)?;
        let (fields, clock) = (compiler.fields, compiler.clock);
        Ok(Self { source: source.to_owned(), root, fields, clock })
    }

    /// The text that it was read from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it gives, besides [`Value::Null`]; [`ValueKind::Null`] for one that gives nothing else.
    #[must_use]
    pub fn kind(&self) -> ValueKind {
        self.root.kind
    }

    /// The fields that it reads.
    #[must_use]
    pub fn fields(&self) -> &BTreeSet<FieldId> {
        &self.fields
    }

    /// Whether it gives other values at another time.
    #[must_use]
    pub fn reads_clock(&self) -> bool {
        self.clock
    }

    /// Works it out.
    ///
    /// # Errors
    /// [`Code::OutOfRange`], [`Code::CurrencyMismatch`], [`Code::WrongType`] for what only values show;
    /// [`Code::LimitExceeded`] where it would take too long; those of the facts.
    pub fn evaluate(&self, facts: &dyn Facts) -> Result<Value> {
        evaluate::evaluate(&self.root, facts)
    }

    /// Whether it is true, false, or unknown because a value is missing.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn holds(&self, facts: &dyn Facts) -> Result<Option<bool>> {
        match self.evaluate(facts)? {
            Value::Bool(held) => Ok(Some(held)),
            _ => Ok(None),
        }
    }
}
