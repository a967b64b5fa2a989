//! Columns that are worked out from other columns of their row, once, when the row is stored; and anew for rows that
//! stand when a definition says another expression.

use std::collections::BTreeMap;

use crate::base::{Code, Date, Error, FieldId, Result, Timestamp, Value, ValueKind};
use crate::schema::expr::{Expression, Facts, Meaning, Names};
use crate::schema::rules::takes_of;
use crate::schema::{Entity, Field, FieldType, Registry, RegistryChange, RowColumn};

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

/// The columns of a field of rows that are worked out, made ready for many records.
#[derive(Debug)]
pub struct RowFormulas<'k> {
    columns: &'k [RowColumn],
    formulas: Vec<(&'k RowColumn, Expression)>,
}

impl<'k> RowFormulas<'k> {
    /// Those of a type; nothing for one whose rows have none.
    #[must_use]
    pub fn of(kind: &'k FieldType) -> Option<Self> {
        let FieldType::Rows { columns } = kind else { return None };
        let formulas = formulas_of(columns).ok()?;
        (!formulas.is_empty()).then_some(Self { columns, formulas })
    }

    /// The rows with what the expressions give now.
    #[must_use]
    pub fn renewed(&self, rows: &Value) -> Value {
        let Value::List(rows) = rows else { return rows.clone() };
        let renew = |row: &Value| match row {
            Value::Map(parts) => {
                let mut parts = parts.clone();
                work_out(self.columns, &self.formulas, &mut parts);
                Value::Map(parts)
            }
            other => other.clone(),
        };
        Value::List(rows.iter().map(renew).collect())
    }
}

impl Field {
    /// Whether rows of some records still have what an expression gave that has changed since.
    #[must_use]
    pub fn has_outdated_rows(&self) -> bool {
        self.rows_outdated
    }

    /// Whether rows that stand have to be worked out anew, by the field as it was before.
    #[must_use]
    pub fn renews_rows(&self, before: Option<&Self>) -> bool {
        let (FieldType::Rows { columns }, Some(FieldType::Rows { columns: old })) =
            (&self.definition.kind, before.map(|field| &field.definition.kind))
        else {
            return false;
        };
        let is_worked_out = |column: &RowColumn| matches!(column.kind, FieldType::Formula { .. });
        columns.iter().any(is_worked_out) && !columns.iter().map(said).eq(old.iter().map(said))
    }
}

/// What a column says that results follow from.
fn said(column: &RowColumn) -> (&str, &str, Option<&str>) {
    let expression = match &column.kind {
        FieldType::Formula { expression, .. } => Some(expression.as_str()),
        _ => None,
    };
    (&column.name, column.kind.name(), expression)
}

impl Entity {
    /// The fields whose rows have to be worked out anew, by the entity as it was before.
    pub fn renewing_rows<'e>(&'e self, before: &'e Self) -> impl Iterator<Item = &'e Field> {
        self.fields().iter().filter(|field| field.renews_rows(before.field_by_id(field.id())))
    }
}

impl Registry {
    /// Says of every field of rows that its columns are still to be worked out anew, and whether there is one.
    pub fn outdate_rows(&mut self) -> bool {
        let mut any = false;
        for field in self.entities_mut().flat_map(|entity| entity.fields_mut().iter_mut()) {
            let worked_out = RowFormulas::of(&field.definition.kind).is_some();
            field.rows_outdated |= worked_out;
            any |= worked_out;
        }
        if any {
            self.touch(RegistryChange::Changed);
        }
        any
    }

    /// Says of some fields of an entity whether rows of records are still to be worked out anew.
    ///
    /// # Errors
    /// `schema.unknown_entity`.
    pub fn set_rows_outdated(&mut self, entity: &str, numbers: &[FieldId], outdated: bool) -> Result<()> {
        let fields = self.entity_mut(entity)?.fields_mut().iter_mut();
        fields.filter(|field| numbers.contains(&field.id())).for_each(|field| field.rows_outdated = outdated);
        self.touch(RegistryChange::Changed);
        Ok(())
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
        let takes = takes_of(&column.kind, &BTreeMap::new());
        Some(Meaning { field: id_of(place), kind, takes, items: None })
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
