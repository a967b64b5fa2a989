//! Columns that are worked out from other columns of their row, once, when the row is stored.

use std::collections::BTreeMap;

use crate::base::{Code, Date, Error, FieldId, Result, Timestamp, Value, ValueKind};
use crate::schema::expr::{Expression, Facts, Meaning, Names};
use crate::schema::rules::codes_of;
use crate::schema::{FieldType, RowColumn};

/// Most columns of rows that are worked out.
const MAX_FORMULAS: usize = 16;

/// The columns that are worked out, each with its expression. One may read every stored column, and those before it
/// that are worked out.
///
/// # Errors
/// `schema.invalid_expression`; `schema.invalid_definition` for one that changes with time.
pub(super) fn formulas_of(columns: &[RowColumn]) -> Result<Vec<(&RowColumn, Expression)>> {
    let mut formulas: Vec<(&RowColumn, Expression)> = Vec::new();
    for column in columns {
        let FieldType::Formula { expression, .. } = &column.kind else { continue };
        let compiled = Expression::compile(expression, &ColumnNames { columns, formulas: &formulas })?;
        if compiled.reads_clock() {
            let error = Error::new(Code::InvalidDefinition).value(&column.name);
            return Err(error.rule("a column does not change with time"));
        }
        if formulas.len() >= MAX_FORMULAS {
            let error = Error::new(Code::InvalidDefinition).value(&column.name);
            return Err(error.rule("at most 16 columns are worked out"));
        }
        formulas.push((column, compiled));
    }
    Ok(formulas)
}

/// The columns with what those give that are worked out.
pub(super) fn inferred_columns(columns: Vec<RowColumn>) -> Result<Vec<RowColumn>> {
    let gives: BTreeMap<String, ValueKind> = formulas_of(&columns)?
        .iter()
        .map(|(column, formula)| (column.name.clone(), formula.kind()))
        .collect();
    let infer = |column: RowColumn| match (column.kind, gives.get(&column.name)) {
        (FieldType::Formula { expression, .. }, Some(gives)) => {
            RowColumn { kind: FieldType::Formula { expression, gives: *gives }, ..column }
        }
        (kind, _) => RowColumn { kind, ..column },
    };
    Ok(columns.into_iter().map(infer).collect())
}

/// Works a row's columns out. One that cannot be worked out, as a division by zero, has no value.
pub(super) fn work_out(
    columns: &[RowColumn],
    formulas: &[(&RowColumn, Expression)],
    row: &mut BTreeMap<String, Value>,
) {
    for (column, formula) in formulas {
        let value = formula.evaluate(&RowFacts { columns, row }).unwrap_or_default();
        match value {
            Value::Null => drop(row.remove(&column.name)),
            value => drop(row.insert(column.name.clone(), value)),
        }
    }
}

/// A column stands for a field of the number of its place.
fn id_of(place: usize) -> FieldId {
    FieldId::new(u32::try_from(place).unwrap_or(u32::MAX))
}

struct ColumnNames<'c> {
    columns: &'c [RowColumn],
    formulas: &'c [(&'c RowColumn, Expression)],
}

impl Names for ColumnNames<'_> {
    fn field(&self, name: &str) -> Option<Meaning> {
        let (place, column) = self.columns.iter().enumerate().find(|(_, column)| column.name == name)?;
        let kind = match &column.kind {
            FieldType::Formula { .. } => {
                let known = self.formulas.iter().find(|(known, _)| known.name == name);
                known.map(|(_, formula)| formula.kind())?
            }
            stored => stored.value_kind(),
        };
        Some(Meaning { field: id_of(place), kind, codes: codes_of(&column.kind), items: None })
    }
}

struct RowFacts<'r> {
    columns: &'r [RowColumn],
    row: &'r BTreeMap<String, Value>,
}

impl Facts for RowFacts<'_> {
    fn value(&self, field: FieldId) -> Result<Value> {
        let place = usize::try_from(field.number()).unwrap_or(usize::MAX);
        let value = self.columns.get(place).and_then(|column| self.row.get(&column.name));
        Ok(value.cloned().unwrap_or_default())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }

    fn today(&self) -> Date {
        Date::EPOCH
    }
}
