//! What a record refers to stands, and is within reach of whoever refers to it.

use std::collections::BTreeSet;

use crate::base::{Code, Error, RecordId, Result};
use crate::engine::Transaction;
use crate::records::{self, Record};
use crate::schema::{Entity, Field, FieldType};

impl Transaction<'_> {
    /// A reference may only be set to a record that stands and that the user may see.
    pub(super) fn check_references(&self, entity: &Entity, old: Option<&Record>, new: &Record) -> Result<()> {
        self.check_references_but(entity, old, new, &BTreeSet::new())
    }

    /// As [`Transaction::check_references`], but for records that are about to be there.
    pub(super) fn check_references_but(
        &self,
        entity: &Entity,
        old: Option<&Record>,
        new: &Record,
        coming: &BTreeSet<RecordId>,
    ) -> Result<()> {
        for field in entity.fields() {
            let kind = &field.definition.kind;
            let value = new.peek(field.id());
            let before = old.map(|old| old.value(field.id())).unwrap_or_default();
            if matches!(kind, FieldType::Attachment) && before != *value {
                self.check_attachment(entity, field, (old, new))?;
            }
            let stood: Vec<RecordId> = kind.references(&before).map(|(_, id)| id).collect();
            for (target, id) in kind.references(&value) {
                if self.is_founding() || id == new.id || stood.contains(&id) || coming.contains(&id) {
                    continue;
                }
                let missing = || {
                    Error::new(Code::ReferenceMissing)
                        .entity(&entity.api_name)
                        .field(&field.api_name)
                        .value(&id.to_string())
                };
                let unreached = |error: Error| match error.code() {
                    Code::NotPermitted | Code::UnknownEntity => missing(),
                    _ => error,
                };
                if !self.reader().reaches(target, id).map_err(unreached)? {
                    return Err(missing());
                }
            }
        }
        Ok(())
    }

    /// A field of an attachment names one that the record has and that the user saw before.
    fn check_attachment(
        &self,
        entity: &Entity,
        field: &Field,
        (old, new): (Option<&Record>, &Record),
    ) -> Result<()> {
        let Some(id) = new.peek(field.id()).as_id() else { return Ok(()) };
        let is_there = records::attachments(self.view(), new)?.iter().any(|attachment| attachment.id == id);
        let old = old.filter(|_| !self.is_founding());
        let sees = |old: &Record| self.reader().check_sees_attachment(entity, old, id).is_ok();
        if is_there && old.is_none_or(sees) {
            return Ok(());
        }
        let missing = Error::new(Code::ReferenceMissing).entity(&entity.api_name).field(&field.api_name);
        Err(missing.rule("an attachment of the record").value(&id.to_string()))
    }
}
