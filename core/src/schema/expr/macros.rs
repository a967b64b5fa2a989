//! The macros over lists: `exists`, `all`, `existsOne` and `filter`, over fields of several values and over rows.
//!
//! The parser writes each of them as a loop. What a loop means is read off its step, and any other loop is
//! refused. Nothing is looked up while one runs: a name stands for the value at hand, and the columns of a row
//! are parts of it.

use cel::common::ast::{ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::base::{Result, ValueKind};
use crate::schema::expr::compile::{Compiler, Typed};
use crate::schema::expr::node::{Body, Node, Quantifier};
use crate::schema::expr::{Column, Items, Takes};

/// Most macros within each other: what they cost multiplies.
const MAX_NESTED: usize = 4;

/// A name that stands for one value of a list.
pub(super) struct Variable {
    name: String,
    items: Items,
}

impl Compiler<'_> {
    pub(super) fn each(&mut self, part: &IdedExpr, each: &ComprehensionExpr) -> Result<Typed> {
        let Some((quantifier, condition)) = meaning(each) else {
            let what = "over the values of a list there are exists, all, existsOne and filter";
            return Err(self.parsed.fault(part, what));
        };
        let list = self.typed(&each.iter_range)?;
        let Some(items) = list.items else {
            let what = "a field of several values or of rows stands before it";
            return Err(self.parsed.fault(&each.iter_range, what));
        };
        if self.variables.len() >= MAX_NESTED {
            return Err(self.parsed.fault(part, "it is nested too deeply"));
        }
        self.variables.push(Variable { name: each.iter_var.clone(), items: items.clone() });
        let condition = self.condition(condition);
        self.variables.pop();
        let (kind, items) = match quantifier {
            Quantifier::Filter => (ValueKind::List, Some(items)),
            _ => (ValueKind::Bool, None),
        };
        let body = Body::Each(quantifier, Box::new(list.node), condition?);
        Ok(Typed { node: Node { kind, body }, takes: Takes::Anything, items })
    }

    /// What a name means within macros: the value at hand, or a column of the row at hand.
    pub(super) fn variable(&self, part: &IdedExpr, name: &str) -> Result<Option<Typed>> {
        let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
        let Some(place) = self.variables.iter().rposition(|known| known.name == first) else {
            return Ok(None);
        };
        let Some(variable) = self.variables.get(place) else { return Ok(None) };
        let typed = |kind: ValueKind, body: Body| Node { kind, body };
        Ok(Some(match (&variable.items, rest) {
            (Items::Values(kind, takes), None) => {
                Typed { node: typed(*kind, Body::Item(place)), takes: takes.clone(), items: None }
            }
            (Items::Rows(_), None) => {
                Typed { node: typed(ValueKind::Map, Body::Item(place)), takes: Takes::Anything, items: None }
            }
            (Items::Rows(columns), Some(name)) => {
                let column = columns.iter().find(|column| column.name == name);
                let Some(Column { name, kind, takes }) = column else {
                    return Err(self.parsed.fault(part, "the rows have no such column"));
                };
                let body = Body::Column(place, name.clone());
                match kind {
                    // Several codes of one row are looked for by `in`.
                    ValueKind::List => {
                        let items = Some(Items::Values(ValueKind::Text, takes.clone()));
                        Typed { node: typed(*kind, body), takes: takes.clone(), items }
                    }
                    kind => Typed { node: typed(*kind, body), takes: takes.clone(), items: None },
                }
            }
            (Items::Values(..), Some(_)) => {
                return Err(self.parsed.fault(part, "only rows have columns"));
            }
        }))
    }
}

/// What a loop asks of the values of its list, and the condition on each.
fn meaning(each: &ComprehensionExpr) -> Option<(Quantifier, &IdedExpr)> {
    let Expr::Call(step) = &each.loop_step.expr else { return None };
    match (step.func_name.as_str(), step.args.as_slice(), &each.accu_init.expr) {
        (operators::LOGICAL_OR, [_, condition], _) => Some((Quantifier::Exists, condition)),
        (operators::LOGICAL_AND, [_, condition], _) => Some((Quantifier::All, condition)),
        (operators::CONDITIONAL, [condition, _, _], Expr::Literal(LiteralValue::Int(_))) => {
            Some((Quantifier::ExistsOne, condition))
        }
        (operators::CONDITIONAL, [condition, added, _], Expr::List(_)) => {
            adds_itself(added, &each.iter_var).then_some((Quantifier::Filter, condition))
        }
        _ => None,
    }
}

/// Whether a step adds the value itself to the list, and not what is made of it.
fn adds_itself(step: &IdedExpr, variable: &str) -> bool {
    let Expr::Call(sum) = &step.expr else { return false };
    let Some(Expr::List(list)) = sum.args.get(1).map(|added| &added.expr) else { return false };
    let [element] = list.elements.as_slice() else { return false };
    matches!(&element.expr, Expr::Ident(name) if name == variable)
}
