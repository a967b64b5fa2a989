//! Reads the text of an expression by the parser of `cel`, within bounds that no text can pass.

use cel::common::ast::{Expr, IdedExpr, SourceInfo};
use cel::parser::PrattParser;

use crate::base::{Code, Error, Result};

/// Deepest nesting. Evaluation calls itself as deep, so this bounds the stack that it needs.
const MAX_DEPTH: usize = 48;
/// Most parts of one expression.
const MAX_NODES: usize = 1_000;

/// The tree of an expression, and where its parts stand.
pub(super) struct Parsed<'a> {
    pub root: IdedExpr,
    pub source: &'a str,
    spans: SourceInfo,
}

impl Parsed<'_> {
    /// An error about a part.
    pub fn fault(&self, part: &IdedExpr, what: &str) -> Error {
        let start = self.span(part).map_or(0, |(start, _)| start);
        fault(self.source, start, what)
    }

    /// The digits of a decimal as they were written; `None` where it has an exponent. A sign belongs to
    /// the number where it stands right before it, and the parser tells the place of either.
    pub fn digits(&self, part: &IdedExpr) -> Option<&str> {
        let (start, _) = self.span(part)?;
        let written = self.source.get(start..)?.trim_start_matches(['-', ' ', '\t', '\r', '\n']);
        let end = written.find(|character: char| !character.is_ascii_digit() && character != '.');
        let (digits, rest) = written.split_at(end.unwrap_or(written.len()));
        (!rest.starts_with(['e', 'E'])).then_some(digits)
    }

    fn span(&self, part: &IdedExpr) -> Option<(usize, usize)> {
        let (start, end) = self.spans.offset_for(part.id)?;
        Some((usize::try_from(start).ok()?, usize::try_from(end).ok()?))
    }
}

fn fault(source: &str, at: usize, what: &str) -> Error {
    let before = source.get(..at.min(source.len())).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Error::new(Code::InvalidExpression).rule(&format!("line {line}, column {column}: {what}"))
}

fn parser() -> PrattParser {
    PrattParser::new()
        .max_recursion_depth(u16::try_from(2 * MAX_DEPTH).unwrap_or(u16::MAX))
        .max_expression_node_count(MAX_NODES)
}

/// Reads an expression.
///
/// # Errors
/// [`Code::InvalidExpression`].
pub(super) fn parse(source: &str) -> Result<Parsed<'_>> {
    let root = parser().parse(source).map_err(|errors| {
        let first = errors.errors.first();
        let (line, column) = first.map_or((1, 1), |error| error.pos);
        let what = first.map_or("it cannot be read", |error| error.msg.as_str());
        Error::new(Code::InvalidExpression).rule(&format!("line {line}, column {column}: {what}"))
    })?;
    let parsed = Parsed { spans: spans(source), root, source };
    check_depth(&parsed)?;
    Ok(parsed)
}

/// Where the parts of a right expression stand. The parser gives that away only with an error, so it
/// reads the same text once more with an error behind it; it numbers the parts in the same way.
fn spans(source: &str) -> SourceInfo {
    let broken = parser().parse(&format!("{source}\n)"));
    let errors = broken.map_or_else(|errors| errors.errors, |_| Vec::new());
    let known = errors.into_iter().find_map(|error| error.source_info);
    let mut spans = SourceInfo::default();
    if let Some(known) = known {
        let ids = 0..=u64::try_from(4 * MAX_NODES).unwrap_or(u64::MAX);
        for (id, (start, end)) in ids.filter_map(|id| Some((id, known.offset_for(id)?))) {
            spans.add_offset(id, start, end);
        }
    }
    spans
}

/// Refuses what is nested too deeply, without calling itself.
fn check_depth(parsed: &Parsed<'_>) -> Result<()> {
    let mut waiting: Vec<(usize, &IdedExpr)> = vec![(1, &parsed.root)];
    while let Some((depth, part)) = waiting.pop() {
        if depth > MAX_DEPTH {
            return Err(parsed.fault(part, "it is nested too deeply"));
        }
        waiting.extend(children(&part.expr).into_iter().map(|child| (depth + 1, child)));
    }
    Ok(())
}

fn children(expr: &Expr) -> Vec<&IdedExpr> {
    match expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Select(select) => vec![&*select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Comprehension(each) => vec![&each.iter_range, &each.loop_step],
        _ => Vec::new(),
    }
}

/// The name that selections on a name spell, as `account.city`.
pub(super) fn qualified_name(part: &IdedExpr) -> Option<String> {
    match &part.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", qualified_name(&select.operand)?, select.field))
        }
        _ => None,
    }
}
