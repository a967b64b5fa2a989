//! Who refers to a person's record, for what is handed out of that person and for what is put right in copies.

use crate::access::Action;
use crate::base::{Code, EntityId, Error, FieldId, RecordId, Result};
use crate::engine::reader::is_out_of_reach;
use crate::engine::{Reader, Session};
use crate::records::{Link, links_after, refers};

/// References of one page.
const PAGE: usize = 256;

/// Where the references to a record go on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReferringCursor(Link);

/// A record that refers to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReferringRecord {
    /// Its entity.
    pub entity: EntityId,
    /// The first of the fields by which it refers.
    pub field: FieldId,
    /// The record.
    pub record: RecordId,
}

/// A page of them.
#[derive(Debug, Default)]
pub(crate) struct ReferringPage {
    /// Those that the user sees, each once.
    pub records: Vec<ReferringRecord>,
    /// Whether there are others.
    pub hides: bool,
    /// Where to go on, if there are more.
    pub next: Option<ReferringCursor>,
}

impl Session {
    /// Refuses who may not take all that is kept of a person out of the database: it takes the rights to administer the
    /// entity and to export it, and an entity of persons.
    pub(crate) fn check_takes_out(&self, entity: &str, id: RecordId) -> Result<()> {
        self.check_administers(entity, id)?;
        self.check_may(entity, Action::Export)?;
        if !self.crm().registry().entity(entity)?.definition.data_subject {
            return Err(Error::new(Code::InvalidDefinition).entity(entity).rule("data subject"));
        }
        match self.exports(entity, id)? {
            true => Ok(()),
            false => {
                Err(Error::new(Code::NotPermitted).entity(entity).record(id).rule(Action::Export.code()))
            }
        }
    }

    /// Whether the user may take a record out of the database that the user sees.
    pub(crate) fn exports(&self, entity: &str, id: RecordId) -> Result<bool> {
        self.read(|reader| {
            let known = reader.registry().entity(entity)?;
            let record = reader.standing(&reader.permit(known)?, known, id)?;
            Ok(reader.way_to(known, &record, Action::Export).is_some())
        })
    }

    /// Records that refer to one, by references, rows and links of relations, a page at a time.
    pub(crate) fn referring(
        &self,
        target: RecordId,
        after: Option<ReferringCursor>,
    ) -> Result<ReferringPage> {
        self.read(|reader| {
            let (links, next) =
                links_after(reader.snapshot, target, after.map(|ReferringCursor(link)| link), PAGE)?;
            let mut page = ReferringPage { next: next.map(ReferringCursor), ..ReferringPage::default() };
            for link in links {
                if link.source == target || !reader.is_first(target, link)? {
                    continue;
                }
                match reader.sees(link)? {
                    true => page.records.push(ReferringRecord {
                        entity: link.entity,
                        field: link.field,
                        record: link.source,
                    }),
                    false => page.hides = true,
                }
            }
            Ok(page)
        })
    }
}

impl Reader<'_> {
    /// Whether no field before it refers, so that a record comes once.
    fn is_first(&self, target: RecordId, link: Link) -> Result<bool> {
        let Ok(entity) = self.registry().entity_by_id(link.entity) else { return Ok(true) };
        for field in entity.fields().iter().filter(|field| field.id() < link.field) {
            let refers_by = !field.definition.kind.targets().is_empty()
                && refers(self.snapshot, target, Link { field: field.id(), ..link })?;
            if refers_by {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn sees(&self, link: Link) -> Result<bool> {
        let Ok(entity) = self.registry().entity_by_id(link.entity) else { return Ok(false) };
        match self.reaches(&entity.api_name, link.source) {
            Err(error) if is_out_of_reach(error.code()) => Ok(false),
            reached => reached,
        }
    }
}
