//! All that is about one person, one after the other: the person's record, records that refer to it, and records that
//! name it by its id.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Code, EntityId, Error, FieldId, RecordId, Result};
use crate::engine::{
    Action, Comparison, Condition, Find, Listing, PageCursor, Reader, ReferringCursor, Session, field_name,
};
use crate::schema::{Entity, Field, FieldName, FieldType, Registry};

/// The field by which records of the organisation name a person whom they are about by id.
const SUBJECT: &str = "subject";
/// Records of one page.
const PAGE: usize = 200;

/// What is left out of a package, without how much it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// Entities that the one who asks may not read.
    Entities,
    /// Records beyond reach.
    Records,
    /// Records of entities that the one who asks may not export.
    NotExportable,
    /// Fields that are hidden.
    HiddenFields,
    /// Fields of which only masks are shown.
    MaskedFields,
    /// What the ledger says beside changes.
    Ledger,
    /// Contents of attachments, where the package is one stream.
    AttachmentContents,
}

impl LeftOut {
    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Entities => "entities",
            Self::Records => "records",
            Self::NotExportable => "not_exportable",
            Self::HiddenFields => "hidden_fields",
            Self::MaskedFields => "masked_fields",
            Self::Ledger => "ledger",
            Self::AttachmentContents => "attachment_contents",
        }
    }
}

/// A record that is about the person.
pub(super) struct Found<'r> {
    pub entity: &'r Entity,
    pub row: Listing,
    /// The field by which it refers to the person; none for the person's own record.
    pub by: Option<String>,
}

/// The way through all of it, for one who asks.
pub(super) struct Walk<'s> {
    pub session: &'s Session,
    pub subject: RecordId,
    entity: &'s str,
    /// The fields that are shown of the entities that were met.
    shown: BTreeMap<EntityId, BTreeSet<FieldId>>,
    pub left_out: BTreeSet<LeftOut>,
}

/// What is done with each record.
pub(super) type Visit<'v> = dyn FnMut(&Walk<'_>, &Found<'_>) -> Result<()> + 'v;

impl<'s> Walk<'s> {
    pub fn new(session: &'s Session, entity: &'s str, subject: RecordId) -> Self {
        Self { session, subject, entity, shown: BTreeMap::new(), left_out: BTreeSet::new() }
    }

    /// Hands on every record that is about the person, each once, the person's own first.
    pub fn each(&mut self, registry: &Registry, visit: &mut Visit<'_>) -> Result<()> {
        let own = registry.entity(self.entity)?;
        self.hand(own, self.subject, None, visit)?;
        let mut after: Option<ReferringCursor> = None;
        loop {
            let page = self.session.referring(self.subject, after)?;
            if page.hides {
                self.left_out.insert(LeftOut::Records);
            }
            for found in page.records {
                let Ok(entity) = registry.entity_by_id(found.entity) else { continue };
                self.hand(entity, found.record, Some(field_name(entity, found.field)), visit)?;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        for entity in registry.entities().iter().filter(|entity| names_persons(entity)) {
            self.each_naming(entity, visit)?;
        }
        Ok(())
    }

    /// Hands on the records that name the person by id.
    fn each_naming(&mut self, entity: &Entity, visit: &mut Visit<'_>) -> Result<()> {
        if !self.session.read(|reader| Ok(reader.may(&entity.api_name, Action::Read)))? {
            self.left_out.insert(LeftOut::Entities);
            return Ok(());
        }
        let subject = self.subject.to_string();
        let filter = Condition::Compare(SUBJECT.into(), Comparison::Equal, subject.as_str().into());
        let mut after: Option<PageCursor> = None;
        loop {
            let find = Find { filter: filter.clone(), after, limit: PAGE, ..Find::default() };
            let page = match self.session.list(&entity.api_name, &find) {
                Err(error) if is_of_field(&error) => {
                    self.left_out.insert(LeftOut::HiddenFields);
                    return Ok(());
                }
                page => page?,
            };
            for row in page.rows {
                self.hand(entity, row.record.id, Some(SUBJECT.to_owned()), visit)?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    fn hand(
        &mut self,
        entity: &Entity,
        id: RecordId,
        by: Option<String>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        self.session.patience().check()?;
        let went = |error: &Error| error.code() == Code::RecordNotFound && by.is_some();
        let exports = match self.session.exports(&entity.api_name, id) {
            // It went while the package was made.
            Err(error) if went(&error) => return Ok(()),
            exports => exports?,
        };
        if !exports {
            self.left_out.insert(LeftOut::NotExportable);
            return Ok(());
        }
        self.learn_reach(entity)?;
        match self.session.get(&entity.api_name, id) {
            Err(error) if went(&error) => Ok(()),
            row => visit(self, &Found { entity, row: row?, by }),
        }
    }

    /// Looks once which fields of an entity are shown.
    fn learn_reach(&mut self, entity: &Entity) -> Result<()> {
        if self.shown.contains_key(&entity.id()) {
            return Ok(());
        }
        let name = &entity.api_name;
        let fields = |reader: Reader<'_>| Ok((reader.shown_fields(name)?, reader.readable_fields(name)?));
        let (shown, readable) = self.session.read(fields)?;
        let own =
            |fields: &[FieldId]| entity.fields().iter().filter(|field| fields.contains(&field.id())).count();
        if own(&readable) < entity.fields().len() {
            self.left_out.insert(LeftOut::HiddenFields);
        }
        if own(&shown) < own(&readable) {
            self.left_out.insert(LeftOut::MaskedFields);
        }
        self.shown.insert(entity.id(), shown.into_iter().collect());
        Ok(())
    }

    /// The fields of a record that go into a package.
    pub fn fields<'e>(&self, entity: &'e Entity) -> impl Iterator<Item = &'e Field> {
        let shown = self.shown.get(&entity.id()).cloned().unwrap_or_default();
        entity.fields().iter().filter(move |field| shown.contains(&field.id()))
    }

    /// Whether a field, or a fact of the envelope, goes into a package.
    pub fn shows(&self, entity: &Entity, field: FieldId) -> bool {
        let shown = self.shown.get(&entity.id()).is_some_and(|shown| shown.contains(&field));
        shown || entity.field_by_id(field).is_none()
    }
}

/// Whether records of an entity name a person whom they are about by id.
fn names_persons(entity: &Entity) -> bool {
    let field = entity.field(FieldName::Name(SUBJECT)).ok();
    let names = field.is_some_and(|field| matches!(field.definition.kind, FieldType::Text));
    names && entity.definition.namespace == "sys"
}

fn is_of_field(error: &Error) -> bool {
    matches!(error.code(), Code::UnknownField | Code::FieldNotPermitted)
}
