//! What a condition says of single fields: the part of an expression that an index can answer.
//!
//! A record that meets the expression meets every bound; the reverse need not be so, and the expression itself
//! is held against what the bounds leave.
//!
//! Expressions compare texts by code points, and queries and their indexes compare them folded. Equal texts are equal
//! folded too, but their order is another one: what lies between two texts is bounded by how it begins, if both begin
//! alike, since whatever begins so begins folded as that does.

use std::collections::BTreeMap;

use crate::base::{FieldId, Value, ValueKind};
use crate::schema::expr::evaluate::evaluate;
use crate::schema::expr::node::{Body, Comparison, Node};
use crate::schema::expr::{Expression, Facts};

/// How a field is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundKind {
    /// It equals the value.
    Equal,
    /// It is less.
    Less,
    /// It is less or equal.
    LessOrEqual,
    /// It is greater.
    Greater,
    /// It is greater or equal.
    GreaterOrEqual,
    /// Its text begins with the value, in the sense of queries, which compare folded.
    StartsWith,
}

/// What a record that meets an expression has in one field.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// A value that compares so.
    Compare(FieldId, BoundKind, Value),
    /// One of some values.
    OneOf(FieldId, Vec<Value>),
    /// No value.
    Missing(FieldId),
    /// Any value.
    Present(FieldId),
    /// All bounds of at least one of these.
    OneOfThese(Vec<Vec<Bound>>),
}

/// Most alternatives that are told apart, and how deep they lie in each other.
const MAX_SIDES: usize = 32;
const MAX_DEPTH: usize = 3;

impl Expression {
    /// What every record has that meets it, at the moment that the facts tell. No field of theirs is read.
    #[must_use]
    pub fn bounds(&self, facts: &dyn Facts) -> Vec<Bound> {
        let mut found = Found::default();
        collect(&self.root, true, (facts, MAX_DEPTH), &mut found);
        found.settled()
    }
}

/// The greatest text that is not above the text of a field, and the least one that is not below it, with whether the
/// text may be that one.
type Limits = (Option<String>, Option<(String, bool)>);

/// The bounds of parts all of which are true, and between which texts the text of a field lies.
#[derive(Default)]
struct Found {
    bounds: Vec<Bound>,
    texts: BTreeMap<FieldId, Limits>,
}

impl Found {
    /// Takes in that the text of a field compares so with another one.
    fn take(&mut self, field: FieldId, kind: BoundKind, text: &str) {
        let (low, high) = self.texts.entry(field).or_default();
        match kind {
            BoundKind::Greater | BoundKind::GreaterOrEqual => {
                if low.as_deref().is_none_or(|known| known < text) {
                    *low = Some(text.to_owned());
                }
            }
            BoundKind::Less | BoundKind::LessOrEqual => {
                let may_be = kind == BoundKind::LessOrEqual;
                if high.as_ref().is_none_or(|(known, may)| (text, may_be) < (known.as_str(), *may)) {
                    *high = Some((text.to_owned(), may_be));
                }
            }
            BoundKind::Equal | BoundKind::StartsWith => {}
        }
    }

    fn settled(mut self) -> Vec<Bound> {
        for (field, limits) in self.texts {
            let (Some(low), Some((high, may_be))) = limits else { continue };
            self.bounds.extend(begins(field, &common_start(&low, (&high, may_be))));
        }
        self.bounds
    }
}

/// What all texts begin with that are not before the one and not behind the other.
fn common_start(low: &str, (high, may_be): (&str, bool)) -> String {
    let mut shared: String =
        low.chars().zip(high.chars()).take_while(|(one, other)| one == other).map(|(one, _)| one).collect();
    // What lies before a text of one character more lies before all that begin with that character, and so begins with
    // the one before it.
    let rest = |text: &str| text.get(shared.len()..).unwrap_or_default().to_owned();
    let (below, above) = (rest(low), rest(high));
    let mut above = above.chars();
    if let (false, Some(first), (Some(last), None)) =
        (may_be, below.chars().next(), (above.next(), above.next()))
        && next_character(first) == Some(last)
    {
        shared.push(first);
    }
    shared
}

/// The character behind another one, in the order of code points.
fn next_character(character: char) -> Option<char> {
    match character {
        // Between them lie the surrogates, which no text has.
        '\u{D7FF}' => Some('\u{E000}'),
        character => u32::from(character).checked_add(1).and_then(char::from_u32),
    }
}

/// The bound that follows where the text of a field begins with another one. Folding may join the last character of
/// that with what stands behind it, as a mark of half width; so it is cut behind one that nothing joins.
fn begins(field: FieldId, start: &str) -> Option<Bound> {
    let stands_alone = |character: char| {
        character.is_ascii_graphic() || matches!(character, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}')
    };
    let start = start.trim_end_matches(|character: char| !stands_alone(character));
    (!start.is_empty()).then(|| Bound::Compare(field, BoundKind::StartsWith, Value::from(start)))
}

type Known<'f> = (&'f dyn Facts, usize);

/// What follows from a part being true, or being false.
fn collect(node: &Node, is: bool, known: Known<'_>, found: &mut Found) {
    let (facts, _) = known;
    match &node.body {
        Body::Both(left, right) if is => {
            collect(left, is, known, found);
            collect(right, is, known, found);
        }
        Body::Either(left, right) if !is => {
            collect(left, is, known, found);
            collect(right, is, known, found);
        }
        Body::Both(..) | Body::Either(..) => found.bounds.extend(either(node, is, known)),
        Body::Field(field) if node.kind == ValueKind::Bool => {
            found.bounds.push(Bound::Compare(*field, BoundKind::Equal, Value::Bool(is)));
        }
        Body::Not(inner) => collect(inner, !is, known, found),
        Body::Compare(comparison, left, right) => {
            let comparison = if is { *comparison } else { opposite(*comparison) };
            let bound = compared(comparison, left, right, facts);
            match bound.or_else(|| compared(turned(comparison), right, left, facts)) {
                Some(Bound::Compare(field, kind, Value::Text(text))) if kind != BoundKind::Equal => {
                    found.take(field, kind, &text);
                }
                bound => found.bounds.extend(bound),
            }
        }
        Body::OneOf(item, list) if is => {
            let Body::Field(field) = item.body else { return };
            let values: Option<Vec<Value>> = list.iter().map(|node| constant(node, facts)).collect();
            let alike = |values: &Vec<Value>| values.iter().all(|value| value.kind() == item.kind);
            found.bounds.extend(values.filter(alike).map(|values| Bound::OneOf(field, values)));
        }
        Body::Call(function, arguments) if is && function.name() == "startsWith" => {
            if let [Node { body: Body::Field(field), .. }, start] = arguments.as_slice() {
                let start = constant(start, facts);
                found.bounds.extend(start.and_then(|start| begins(*field, start.as_text()?)));
            }
        }
        _ => {}
    }
}

/// What follows where one of several parts is enough, if each of them bounds something. Values of one field make
/// one bound.
fn either(node: &Node, is: bool, (facts, depth): Known<'_>) -> Option<Bound> {
    let depth = depth.checked_sub(1)?;
    let (mut waiting, mut sides) = (vec![node], Vec::new());
    while let Some(part) = waiting.pop() {
        match &part.body {
            Body::Either(left, right) if is => waiting.extend([&**right, &**left]),
            Body::Both(left, right) if !is => waiting.extend([&**right, &**left]),
            _ => {
                let mut found = Found::default();
                collect(part, is, (facts, depth), &mut found);
                sides.push(found.settled());
            }
        }
    }
    if sides.iter().any(Vec::is_empty) {
        return None;
    }
    one_field(&sides).or_else(|| (sides.len() <= MAX_SIDES).then_some(Bound::OneOfThese(sides)))
}

/// The values that one field has by all sides.
fn one_field(sides: &[Vec<Bound>]) -> Option<Bound> {
    let mut found: Option<(FieldId, Vec<Value>)> = None;
    for side in sides {
        let (field, values) = match side.as_slice() {
            [Bound::Compare(field, BoundKind::Equal, value)] => (*field, std::slice::from_ref(value)),
            [Bound::OneOf(field, values)] => (*field, values.as_slice()),
            _ => return None,
        };
        let (known, all) = found.get_or_insert_with(|| (field, Vec::new()));
        if *known != field {
            return None;
        }
        all.extend_from_slice(values);
    }
    found.map(|(field, values)| Bound::OneOf(field, values))
}

/// The bound of a field on the left, with what is compared on the right.
fn compared(comparison: Comparison, left: &Node, right: &Node, facts: &dyn Facts) -> Option<Bound> {
    let Body::Field(field) = left.body else { return None };
    let value = constant(right, facts)?;
    let kind = match comparison {
        Comparison::Equal if value.is_null() => return Some(Bound::Missing(field)),
        Comparison::Unequal if value.is_null() => return Some(Bound::Present(field)),
        Comparison::Unequal => return None,
        Comparison::Equal => BoundKind::Equal,
        Comparison::Less => BoundKind::Less,
        Comparison::LessOrEqual => BoundKind::LessOrEqual,
        Comparison::Greater => BoundKind::Greater,
        Comparison::GreaterOrEqual => BoundKind::GreaterOrEqual,
    };
    (value.kind() == left.kind).then_some(Bound::Compare(field, kind, value))
}

/// The comparison that holds of two values where this one does not.
fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::Unequal,
        Comparison::Unequal => Comparison::Equal,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
    }
}

/// The comparison with its sides exchanged.
fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

/// The value of a part that reads no field.
fn constant(node: &Node, facts: &dyn Facts) -> Option<Value> {
    if reads_fields(node) { None } else { evaluate(node, facts).ok() }
}

fn reads_fields(node: &Node) -> bool {
    match &node.body {
        Body::Field(_) | Body::Item(_) | Body::Column(..) => true,
        Body::Literal(_) | Body::Now | Body::Today => false,
        Body::Not(inner) | Body::Negate(inner) | Body::Matches(inner, _) => reads_fields(inner),
        Body::Both(left, right)
        | Body::Either(left, right)
        | Body::Compare(_, left, right)
        | Body::Arithmetic(_, left, right)
        | Body::Among(left, right)
        | Body::Each(_, left, right) => reads_fields(left) || reads_fields(right),
        Body::Choose(condition, yes, no) => [condition, yes, no].into_iter().any(|node| reads_fields(node)),
        Body::OneOf(item, list) => reads_fields(item) || list.iter().any(reads_fields),
        Body::Call(_, arguments) => arguments.iter().any(reads_fields),
    }
}
