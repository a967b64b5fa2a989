//! Relations at the doors of a session: declared, linked, ended, and asked from either end.
//!
//! A link is a record, and is created, read, changed and deleted as one. What is here takes the two ends by
//! their ids, and walks from a record to what it is linked to.

use serde::{Deserialize, Serialize};

use crate::access::{Action, Permit, Read, Showing};
use crate::base::{Code, Date, Error, FieldId, Label, RecordId, Result, Value};
use crate::engine::audit_trail::Asked;
use crate::engine::reader::{found, is_out_of_reach};
use crate::engine::{Changes, FieldSelector, Listing, Reader, Session, Total, Transaction};
use crate::records::{self, FarPermits, Filter, LinkWalk, Period, Record};
use crate::schema::{
    CUSTOMER, Ends, Entity, EntityDefinition, FIRST_RELATION_FIELD, FieldDefinition, FieldName, FieldType,
    RecordReference, RelationDefinition,
};

/// Most links that one page looks at, those among them that its reader does not see.
const MAX_LOOKS: usize = 5_000;
/// Most links of one page.
const MAX_ROWS: usize = 1_000;

/// A relation of the customer's own, as it is defined.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRelation {
    /// Its name in the API, without namespace.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// Sides, cardinality and validity.
    pub relation: RelationDefinition,
    /// Its own fields. Their numbers are given here.
    pub fields: Vec<FieldDefinition>,
}

/// Which links of a record are asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LinkFind {
    /// The side at which the record stands, by the name of its field; either one if none is named.
    pub side: Option<String>,
    /// The day on which they hold; all that ever did or will if none is named.
    pub at: Option<Date>,
    /// Most links of the page; 0 means 100, 1,000 is the most.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<LinkCursor>,
}

/// Where a page of links ended. Opaque to callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCursor {
    side: u32,
    link: [u8; 16],
}

/// A link as it is seen from one of its ends.
#[derive(Debug)]
pub struct LinkedRecord {
    /// The link.
    pub link: Listing,
    /// The side at which the record stands that was asked for, by the name of its field.
    pub side: String,
    /// What people call the record at the other end.
    pub role: Label,
    /// The entity of the record at the other end.
    pub entity: String,
    /// That record.
    pub id: RecordId,
    /// Its title, where the reader sees it.
    pub title: String,
}

/// Links of a record.
#[derive(Debug)]
pub struct LinkPage {
    /// Those that the reader sees, in the order in which they were made. There may be none, and more to come.
    pub rows: Vec<LinkedRecord>,
    /// Where to go on, if there may be more.
    pub next: Option<LinkCursor>,
}

/// What became of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlinked {
    /// It holds no longer from a day on.
    Ended(Date),
    /// It was deleted.
    Deleted,
}

impl Session {
    /// Declares a relation of the customer's own, or changes the one of this name, and gives its API name.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `schema.unknown_entity` for a side;
    /// `schema.invalid_definition`, `schema.duplicate_definition`, `schema.invalid_expression`.
    pub fn define_relation(&self, relation: NewRelation) -> Result<String> {
        self.check_may("sys.role", Action::Administer)?;
        let registry = self.crm().registry();
        let NewRelation { name, label, relation: mut said, fields } = relation;
        for side in [&mut said.from, &mut said.to] {
            for entity in &mut side.entities {
                *entity = registry.entity(entity)?.api_name.clone();
            }
        }
        let namespace = CUSTOMER.to_owned();
        let known = registry.entity(&format!("{CUSTOMER}.{name}")).ok();
        let local = match known {
            Some(known) => known.definition.local,
            None => {
                let own = registry.entities().iter().map(|entity| &entity.definition);
                let own = own.filter(|entity| entity.namespace == CUSTOMER).map(|entity| entity.local);
                own.max().unwrap_or(0).saturating_add(1)
            }
        };
        let fields = numbered(known, fields);
        let title = known.map(|known| known.definition.title.clone()).unwrap_or_default();
        let relation = Some(said);
        let definition =
            EntityDefinition { namespace, local, name, label, title, relation, fields, ..Default::default() };
        self.crm().change_registry(self.user(), "schema.define_relation", |registry| {
            registry.declare_entity(&definition)
        })?;
        Ok(definition.api_name())
    }

    /// The links of a record. See [`Reader::links`].
    ///
    /// # Errors
    /// As [`Reader::links`].
    pub fn links(&self, relation: &str, entity: &str, id: RecordId, find: &LinkFind) -> Result<LinkPage> {
        self.read(|reader| reader.links(relation, entity, id, find))
    }
}

/// Fields with the numbers that they have, or that are next.
fn numbered(known: Option<&Entity>, fields: Vec<FieldDefinition>) -> Vec<FieldDefinition> {
    let standing = known.map(Entity::fields).unwrap_or_default();
    let own =
        || standing.iter().map(crate::schema::Field::declared).filter(|field| field.namespace == CUSTOMER);
    let last = own().map(|field| field.local).max().unwrap_or(0);
    let mut next = last.saturating_add(1).max(FIRST_RELATION_FIELD);
    let number = |field: FieldDefinition| {
        let local = own().find(|known| known.name == field.name).map_or(next, |known| known.local);
        next = next.max(local.saturating_add(1));
        FieldDefinition { namespace: CUSTOMER.to_owned(), local, ..field }
    };
    fields.into_iter().map(number).collect()
}

/// A relation with what is asked of it again and again.
struct Known<'r> {
    entity: &'r Entity,
    ends: Ends,
    permit: Permit<Read>,
    far: FarPermits,
}

impl Reader<'_> {
    /// The links of a record that the user sees, a page at a time, in the order in which they were made:
    /// those whose both ends the user sees. It costs what the record's own links cost, however many links
    /// others have.
    ///
    /// # Errors
    /// `schema.unknown_entity` for what is no relation; `schema.unknown_field` for a side;
    /// `record.not_found`, `access.not_permitted`, `access.field_not_permitted`, `input.invalid_cursor`.
    pub fn links(&self, relation: &str, entity: &str, id: RecordId, find: &LinkFind) -> Result<LinkPage> {
        let known = self.known(relation)?;
        let limit = if find.limit == 0 { 100 } else { find.limit.min(MAX_ROWS) };
        let mut found: Vec<(FieldId, Record)> = Vec::new();
        let walk = self.walk(&known, entity, id, find)?;
        let sight = self.sight(known.entity, &known.permit, &known.far);
        let next = records::walk_links(&sight, &walk, MAX_LOOKS, &mut |side, link| {
            if holds(known.entity, &link, find.at) {
                found.push((side, link));
            }
            Ok(found.len() < limit)
        })?;
        let rows = found.into_iter().map(|(side, link)| self.linked(&known, side, link));
        let next = next.map(|(side, link)| LinkCursor { side: side.number(), link: *link.as_bytes() });
        Ok(LinkPage { rows: rows.collect::<Result<_>>()?, next })
    }

    /// How many links of a record the user sees, up to so many. Where more than so many are looked at, it says
    /// that there may be more.
    ///
    /// # Errors
    /// As [`Reader::links`].
    pub fn count_links(
        &self,
        relation: &str,
        entity: &str,
        id: RecordId,
        find: &LinkFind,
        total: Total,
    ) -> Result<(u64, bool)> {
        let known = self.known(relation)?;
        let walk = self.walk(&known, entity, id, find)?;
        let most = match total {
            Total::None => return Ok((0, true)),
            Total::Bounded(most) => most,
            Total::Exact => u64::MAX,
        };
        let looks = usize::try_from(most).unwrap_or(usize::MAX);
        let sight = self.sight(known.entity, &known.permit, &known.far);
        let mut count = 0_u64;
        let next = records::walk_links(&sight, &walk, looks, &mut |_, link| {
            count = count.saturating_add(u64::from(holds(known.entity, &link, find.at)));
            Ok(true)
        })?;
        Ok((count, next.is_some()))
    }

    /// The link of two records that holds on a day, or the last one that there is, if the user sees it.
    ///
    /// # Errors
    /// `schema.unknown_entity` for what is no relation; `access.not_permitted`, `storage.damaged`.
    pub fn link_between(
        &self,
        relation: &str,
        from: RecordId,
        to: RecordId,
        at: Option<Date>,
    ) -> Result<Option<Listing>> {
        let known = self.known(relation)?;
        let ends = [Value::Id(from), Value::Id(to)];
        let Some(id) = records::find_held(self.snapshot, known.entity, &ends, at)? else { return Ok(None) };
        found(self.get(&known.entity.api_name, id))
    }

    fn known(&self, relation: &str) -> Result<Known<'_>> {
        let entity = self.registry().entity(relation)?;
        let none = || Error::new(Code::UnknownEntity).entity(&entity.api_name).rule("a relation");
        let ends = entity.ends().ok_or_else(none)?;
        let permit = self.permit(entity)?;
        let far = self.far_permits(entity, &Filter::Everything)?;
        Ok(Known { entity, ends, permit, far })
    }

    fn walk(&self, known: &Known<'_>, entity: &str, id: RecordId, find: &LinkFind) -> Result<LinkWalk> {
        if !self.reaches(entity, id)? {
            let name = &self.registry().entity(entity)?.api_name;
            return Err(Error::new(Code::RecordNotFound).entity(name).record(id));
        }
        let Ends { from, to } = known.ends;
        let sides = match &find.side {
            None => vec![from, to],
            Some(name) => {
                let side = known.entity.field(FieldName::Name(name))?.id();
                if ![from, to].contains(&side) {
                    let unknown = Error::new(Code::UnknownField).entity(&known.entity.api_name);
                    return Err(unknown.field(name).rule("a side of the relation"));
                }
                if known.entity.end_across(side).is_some() { vec![from, to] } else { vec![side] }
            }
        };
        let after = find.after.map(|after| (FieldId::new(after.side), RecordId::from_bytes(after.link)));
        if after.is_some_and(|(side, _)| !sides.contains(&side)) {
            return Err(Error::new(Code::InvalidCursor));
        }
        Ok(LinkWalk { of: id, sides, after })
    }

    fn linked(&self, known: &Known<'_>, side: FieldId, link: Record) -> Result<LinkedRecord> {
        let Ends { from, to } = known.ends;
        let other = if side == from { to } else { from };
        let field = |id: FieldId| known.entity.field_by_id(id);
        let (entity, id) = records::end(known.entity, &link, other)
            .ok_or_else(|| Error::new(Code::Damaged).entity(&known.entity.api_name).record(link.id))?;
        let title = self.titles_of(self.registry().entity(&entity)?, &[id], None)?;
        self.reads(known.entity, &[link.id], &Asked::by("links"))?;
        Ok(LinkedRecord {
            link: self.show_stored(&known.permit, known.entity, link, Showing::List)?,
            side: field(side).map(|side| side.api_name.clone()).unwrap_or_default(),
            role: field(other).map(|side| side.definition.label.clone()).unwrap_or_default(),
            entity,
            id,
            title: title.into_iter().map(|(_, title)| title).next().unwrap_or_default(),
        })
    }
}

fn holds(entity: &Entity, link: &Record, at: Option<Date>) -> bool {
    let period = entity.validity().map(|validity| Period::of(validity, link));
    at.is_none_or(|day| period.is_none_or(|period| period.contains(day)))
}

impl Transaction<'_> {
    /// Links two records. The fields of the relation's own, and the days on which the link holds
    /// (`valid_from`, `valid_to`), are among the changes.
    ///
    /// # Errors
    /// `schema.unknown_entity` for what is no relation; `record.reference_missing` for an end that is not
    /// there, or that the user does not see; `record.validity_overlap` where the two are linked on one of the
    /// days; `record.linked_already` where the relation has one link at an end; `record.linked_to_itself`;
    /// `schema.invalid_period`; as [`Transaction::create_record`].
    pub fn link(
        &mut self,
        relation: &str,
        from: RecordId,
        to: RecordId,
        changes: Changes,
    ) -> Result<RecordId> {
        let registry = std::sync::Arc::clone(&self.registry);
        let entity = registry.entity(relation)?;
        let none = || Error::new(Code::UnknownEntity).entity(&entity.api_name).rule("a relation");
        let ends = entity.ends().ok_or_else(none)?;
        let mut changes = changes;
        for (side, id) in [(ends.from, from), (ends.to, to)] {
            let field = entity.field_by_id(side).ok_or_else(none)?;
            let value = self.end_value(&field.definition.kind, id).map_err(|error| {
                error.entity(&entity.api_name).field(&field.api_name).value(&id.to_string())
            })?;
            changes = changes.set(FieldSelector::Name(field.api_name.clone()), value);
        }
        self.create_record(&entity.api_name, changes)
    }

    /// Ends the link of two records that holds on a day, today if none is said, or the last one that there is.
    /// Gives it with what became of it.
    ///
    /// # Errors
    /// As [`Transaction::unlink`].
    pub fn unlink_pair(
        &mut self,
        relation: &str,
        (from, to): (RecordId, RecordId),
        at: Option<Date>,
    ) -> Result<(RecordId, Unlinked)> {
        let day = at.map_or_else(|| self.moment().map(|moment| moment.today), Ok)?;
        let found = match self.reader().link_between(relation, from, to, Some(day))? {
            Some(found) => Some(found),
            None => self.reader().link_between(relation, from, to, None)?,
        };
        let link = found.ok_or_else(|| Error::new(Code::RecordNotFound).entity(relation))?.record.id;
        Ok((link, self.unlink(relation, link, at)?))
    }

    /// What a side says of a record: where it takes several entities, which of them the record is of.
    fn end_value(&self, kind: &FieldType, id: RecordId) -> Result<Value> {
        let FieldType::AnyReference { entities } = kind else { return Ok(Value::Id(id)) };
        for entity in entities {
            let reached = match self.reader().reaches(entity, id) {
                Err(error) if is_out_of_reach(error.code()) => false,
                reached => reached?,
            };
            if reached {
                return Ok(RecordReference::new(entity, id).into());
            }
        }
        Err(Error::new(Code::ReferenceMissing))
    }

    /// Ends a link on a day, from which on it no longer holds; today if none is said. One that would not have
    /// held on any day is deleted, and so is one of a relation without validity.
    ///
    /// # Errors
    /// `record.not_found`, `schema.unknown_entity` for what is no relation; as
    /// [`Transaction::update_record`] and [`Transaction::delete_record`].
    pub fn unlink(&mut self, relation: &str, link: RecordId, at: Option<Date>) -> Result<Unlinked> {
        let registry = std::sync::Arc::clone(&self.registry);
        let entity = registry.entity(relation)?;
        let none = || Error::new(Code::UnknownEntity).entity(&entity.api_name).rule("a relation");
        let validity = entity.validity().filter(|_| entity.ends().is_some()).ok_or_else(none)?;
        let record = self.readable(entity, link)?;
        let period = Period::of(validity, &record);
        let day = match at {
            Some(day) => day,
            None => self.moment()?.today,
        };
        let end = validity.to.and_then(|to| entity.field_by_id(to));
        let Some(end) = end.filter(|_| period.from.is_none_or(|from| from < day)) else {
            self.delete_record(&entity.api_name, link)?;
            return Ok(Unlinked::Deleted);
        };
        if period.to.is_some_and(|to| to <= day) {
            let over = Error::new(Code::RecordNotFound).entity(&entity.api_name).record(link);
            return Err(over.rule("a link that holds on the day before"));
        }
        let changes = Changes::new().set(FieldSelector::Name(end.api_name.clone()), day);
        self.update_record(&entity.api_name, link, changes)?;
        Ok(Unlinked::Ended(day))
    }
}
