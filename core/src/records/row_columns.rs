//! Rows of records whose columns are worked out by another expression than before: worked out anew, with an entry of
//! the ledger for each record that changes, at once where records are few and in chunks otherwise.
//!
//! Deleted records stay as they are, since an entry of theirs would say that they are there; their rows are worked out
//! when they come back.

use crate::base::{FieldId, Patience, Result};
use crate::records::reindex::{Build, BuildKind};
use crate::records::row::for_each_record;
use crate::records::view::WriteView;
use crate::records::write::put_worked_out;
use crate::records::{Record, WriteContext};
use crate::schema::{Entity, Registry, RowFormulas};
use crate::storage::Snapshot;

impl Record {
    /// Works the columns of its rows out anew, of one field or of all.
    pub fn renew_rows(&mut self, entity: &Entity, only: Option<FieldId>) {
        for field in entity.fields().iter().filter(|field| only.is_none_or(|only| only == field.id())) {
            let Some(formulas) = RowFormulas::of(&field.definition.kind) else { continue };
            let renewed = self.stored(field.id()).map(|rows| formulas.renewed(rows));
            renewed.into_iter().for_each(|rows| self.set(field.id(), rows));
        }
    }
}

/// Works the rows of live records out anew that a changed registry asks for, within the transaction that publishes it;
/// those that are put off begin with the first record.
///
/// # Errors
/// `storage.damaged`, `storage.io`.
pub fn renew_changed_rows(
    (view, context): (&mut WriteView<'_>, &WriteContext),
    before: &Registry,
    after: &Registry,
) -> Result<()> {
    for entity in after.entities() {
        let Ok(old) = before.entity_by_id(entity.id()) else { continue };
        for field in entity.renewing_rows(old) {
            Build { kind: BuildKind::Rows, number: field.id() }.forget(view);
            if field.has_outdated_rows() {
                continue;
            }
            let mut outdated = Vec::new();
            let snapshot: &dyn Snapshot = view;
            for_each_record(snapshot, entity.id(), &Patience::default(), &mut |record| {
                if record.stored(field.id()).is_some() {
                    outdated.push(record);
                }
                Ok(())
            })?;
            renew_rows((view, context), entity, field.id(), &outdated)?;
        }
    }
    Ok(())
}

/// Lets the work on rows that a registry calls outdated begin with the first record.
pub fn begin_rows_anew(view: &mut WriteView<'_>, registry: &Registry) {
    let fields = registry.entities().iter().flat_map(Entity::fields);
    for field in fields.filter(|field| field.has_outdated_rows()) {
        Build { kind: BuildKind::Rows, number: field.id() }.forget(view);
    }
}

/// Works the rows of some records out anew. What the store refuses of one record, as a key that another one has by the
/// new result, concerns that one alone, which keeps its rows as they are until it is saved.
pub(super) fn renew_rows(
    (view, context): (&mut WriteView<'_>, &WriteContext),
    entity: &Entity,
    number: FieldId,
    records: &[Record],
) -> Result<()> {
    let kind = entity.field_by_id(number).map(|field| &field.definition.kind);
    let Some(formulas) = kind.and_then(RowFormulas::of) else { return Ok(()) };
    for old in records.iter().filter(|record| !record.is_deleted()) {
        let Some(rows) = old.stored(number) else { continue };
        let mut new = old.clone();
        new.set(number, formulas.renewed(rows));
        let point = view.savepoint();
        if let Err(error) = put_worked_out(view, context, entity, old, new) {
            if !error.code().is_of_record() {
                return Err(error);
            }
            view.roll_back_to(point);
        }
    }
    Ok(())
}
