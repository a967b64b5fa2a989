//! What a query looks at, and through whose permits: one entity, and those that its references lead to.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Permit, Read};
use crate::base::{Code, EntityId, Error, FieldId, Patience, Result, Value};
use crate::records::classes::read_epoch;
use crate::records::query::far::fill;
use crate::records::{Filter, Moment, Record, Referring, SystemField};
use crate::schema::{Entity, Field, FieldType, Registry, translation};
use crate::storage::Snapshot;

/// The permits for entities that references lead to.
pub type FarPermits = BTreeMap<EntityId, Permit<Read>>;

/// An entity of a stable view, as the holder of a permit sees it.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// The view.
    pub snapshot: &'a dyn Snapshot,
    /// What entities there are.
    pub registry: &'a Registry,
    /// The entity that is asked for.
    pub entity: &'a Entity,
    /// The permit to read it.
    pub permit: &'a Permit<Read>,
    /// Permits for entities beyond references; without them no condition goes along a reference.
    pub far: Option<&'a FarPermits>,
    /// How long the query may take.
    pub patience: &'a Patience,
    /// What formulas take for now.
    pub moment: Moment,
    /// The language, as a BCP 47 tag, in which texts are compared, sorted and told where they have a translation
    /// that the reader sees; the texts themselves if none is asked for.
    pub(super) language: Option<&'a str>,
    /// Whether nothing is looked up in other records: this one is looked at for the sake of another.
    pub(super) alone: bool,
    /// What is read of records; everything where there is nothing here.
    pub(super) fields: Option<&'a BTreeSet<FieldId>>,
    /// Where records that are read are counted, if anybody wants to know.
    pub(super) read: Option<&'a Cell<u64>>,
}

impl<'a> Sight<'a> {
    /// An entity by itself.
    #[must_use]
    pub fn new(
        snapshot: &'a dyn Snapshot,
        registry: &'a Registry,
        entity: &'a Entity,
        permit: &'a Permit<Read>,
        patience: &'a Patience,
    ) -> Self {
        Self {
            snapshot,
            registry,
            entity,
            permit,
            far: None,
            patience,
            moment: Moment::ANY,
            language: None,
            alone: false,
            fields: None,
            read: None,
        }
    }

    /// With the moment that formulas take for now.
    #[must_use]
    pub fn at(self, moment: Moment) -> Self {
        Self { moment, ..self }
    }

    /// With the language, as a BCP 47 tag, in which texts are compared, sorted and told.
    #[must_use]
    pub fn speaking(self, language: Option<&'a str>) -> Self {
        Self { language, ..self }
    }

    /// The texts that are read in another language, each with the field that keeps its translations.
    pub(super) fn translated(&self) -> Vec<(FieldId, FieldId)> {
        let pair = |kept: &Field| {
            let field = self.entity.translates(kept).filter(|_| self.permit.shows(kept.id()))?;
            Some((field.id(), kept.id()))
        };
        let fields = self.language.map(|_| self.entity.fields()).unwrap_or_default();
        fields.iter().filter_map(pair).collect()
    }

    /// Puts translations in place of the texts of records that are complete: what formulas and lookups say follows
    /// from the texts themselves.
    pub(super) fn translate(&self, records: &mut [Record]) {
        let Some(tag) = self.language else { return };
        let translated = self.translated();
        for record in records {
            for (field, kept) in &translated {
                let text = translation(&record.peek(*kept), tag).map(str::to_owned);
                if let Some(text) = text {
                    record.set(*field, Value::Text(text));
                }
            }
        }
    }

    /// Counting the records that are read.
    #[must_use]
    pub fn counting<'c>(&self, read: &'c Cell<u64>) -> Sight<'c>
    where
        'a: 'c,
    {
        Sight { read: Some(read), ..*self }
    }

    /// Counts records that were read.
    pub(super) fn has_read(&self, records: usize) {
        if let Some(read) = self.read {
            read.set(read.get().saturating_add(u64::try_from(records).unwrap_or(u64::MAX)));
        }
    }

    /// Works out what is not stored of records that were read: formulas, and lookups and rollups before them
    /// if they are wanted.
    pub(super) fn complete(&self, records: &mut [Record], far: bool) -> Result<()> {
        if far && self.entity.has_far() && !self.alone && self.wants(&|field| self.entity.is_far(field)) {
            fill(self, records)?;
        }
        let is_formula = |field| self.entity.formulas().any(|(formula, _)| formula.id() == field);
        if self.entity.formulas().next().is_some() && self.wants(&is_formula) {
            records.iter_mut().for_each(|record| record.compute(self.entity, self.moment));
        }
        Ok(())
    }

    /// Whether such a field is among those that are read.
    fn wants(&self, such: &dyn Fn(FieldId) -> bool) -> bool {
        self.fields.is_none_or(|fields| fields.iter().any(|field| such(*field)))
    }

    /// These fields, with what they follow from.
    pub(super) fn with_inputs(&self, fields: BTreeSet<FieldId>) -> BTreeSet<FieldId> {
        let mut waiting: Vec<FieldId> = fields.into_iter().collect();
        let mut reached = BTreeSet::new();
        let translated = self.translated();
        while let Some(field) = waiting.pop() {
            if !reached.insert(field) {
                continue;
            }
            if let Some(formula) = self.entity.field_by_id(field).and_then(Field::formula) {
                waiting.extend(formula.fields());
            }
            let lookups = self.entity.lookups().iter().filter(|lookup| lookup.field == field);
            waiting.extend(lookups.map(|lookup| lookup.through));
            waiting.extend(translated.iter().filter(|(text, _)| *text == field).map(|(_, kept)| *kept));
        }
        reached
    }

    /// The permit for an entity that lookups and rollups lead to; nothing where the reader may not see it.
    pub(super) fn permit_for(&self, entity: EntityId) -> Option<&'a Permit<Read>> {
        if entity == self.entity.id() { Some(self.permit) } else { self.far.and_then(|far| far.get(&entity)) }
    }

    /// With the permits for entities beyond references.
    #[must_use]
    pub fn with_far(self, far: &'a FarPermits) -> Self {
        Self { far: Some(far), ..self }
    }

    /// The entity at the other end of a reference, through the permit for it.
    ///
    /// # Errors
    /// `input.invalid_filter` for a field that is no reference, `access.not_permitted`.
    pub(in crate::records) fn beyond(&self, field: FieldId) -> Result<Self> {
        let entity = target(self.registry, self.entity, field)?;
        let refused = || Error::new(Code::NotPermitted).entity(&entity.api_name).rule("read");
        let permit = if entity.id() == self.entity.id() {
            self.permit
        } else {
            self.far.and_then(|far| far.get(&entity.id())).ok_or_else(refused)?
        };
        Ok(Self { entity, permit, ..*self })
    }

    /// The entity whose records refer to those of this one, through the permit for it, and the field by which
    /// they do.
    ///
    /// # Errors
    /// `input.invalid_filter` for a field that does not refer to this entity, `access.not_permitted`,
    /// `schema.unknown_entity`.
    pub(super) fn referring(&self, referring: &Referring) -> Result<(Self, FieldId)> {
        let entity = self.registry.entity(&referring.entity)?;
        let refused = || Error::new(Code::NotPermitted).entity(&entity.api_name).rule("read");
        let permit = self.permit_for(entity.id()).ok_or_else(refused)?;
        check_refers(self.registry, (entity, referring.by), self.entity)?;
        Ok((Self { entity, permit, ..*self }, referring.by))
    }

    /// Refuses a stale permit, a condition that is too large, and fields that the reader does not see.
    pub(in crate::records) fn check(
        &self,
        filter: &Filter,
        sort: impl Iterator<Item = FieldId>,
    ) -> Result<()> {
        let epoch = read_epoch(self.snapshot)?;
        self.permit.check(self.entity.id(), epoch)?;
        filter.check()?;
        for field in sort {
            self.check_field(field)?;
        }
        self.check_filter(filter, epoch)
    }

    fn check_filter(&self, filter: &Filter, epoch: u64) -> Result<()> {
        match filter {
            Filter::Everything => Ok(()),
            Filter::All(parts) | Filter::Any(parts) => {
                parts.iter().try_for_each(|part| self.check_filter(part, epoch))
            }
            Filter::Not(inner) => self.check_filter(inner, epoch),
            Filter::Compare(field, ..)
            | Filter::In(field, _)
            | Filter::IsNull(field)
            | Filter::Near(field, _) => self.check_field(*field),
            Filter::HeldOn(_) => match self.entity.validity().map(|validity| (validity.from, validity.to)) {
                Some((Some(from), Some(to))) => {
                    let hidden = [from, to].into_iter().find_map(|day| self.check_field(day).err());
                    hidden.map_or(Ok(()), |error| match error.concealed() {
                        Some(happened) => Err(self.never_holds().concealing(happened)),
                        None => Err(error),
                    })
                }
                _ => Err(self.never_holds()),
            },
            Filter::Holds(stated) => match stated.expression() {
                Some(expression) => expression.fields().iter().try_for_each(|field| self.check_field(*field)),
                None => Err(Error::new(Code::InvalidFilter).rule("an expression is read before")),
            },
            Filter::Within(field, _) => {
                self.check_field(*field)?;
                Err(Error::new(Code::InvalidFilter).rule("a span of time is worked out before"))
            }
            Filter::Has(referring) => {
                let (beyond, by) = self.referring(referring)?;
                beyond.permit.check(beyond.entity.id(), epoch)?;
                beyond.check_field(by)?;
                beyond.check_filter(&referring.meets, epoch)
            }
            Filter::Through(field, inner) => {
                self.check_field(*field)?;
                let beyond = self.beyond(*field)?;
                beyond.permit.check(beyond.entity.id(), epoch)?;
                beyond.check_filter(inner, epoch)
            }
            Filter::Under(field, _) => {
                self.check_field(*field)?;
                if target(self.registry, self.entity, *field)?.id() == self.entity.id() {
                    return Ok(());
                }
                Err(Error::new(Code::InvalidFilter).rule("under takes a reference to the entity itself"))
            }
        }
    }

    fn never_holds(&self) -> Error {
        let refused = Error::new(Code::InvalidFilter).entity(&self.entity.api_name);
        refused.rule("its records have no days on which they hold")
    }

    fn check_field(&self, field: FieldId) -> Result<()> {
        let name = self.entity.field_by_id(field).map_or("", |field| field.api_name.as_str());
        self.permit.check_field(field, name).map_err(|error| error.entity(&self.entity.api_name))
    }
}

/// The entity that a field refers to.
///
/// # Errors
/// `input.invalid_filter` for a field that is no reference; `schema.unknown_entity`.
pub fn target<'r>(registry: &'r Registry, entity: &Entity, field: FieldId) -> Result<&'r Entity> {
    if let Some(name) = SystemField::from_id(field).and_then(SystemField::target) {
        return registry.entity(name);
    }
    let field = entity.field_by_id(field);
    match field.map(|field| &field.definition.kind) {
        Some(FieldType::Reference { entity }) => registry.entity(entity),
        _ => {
            let name = field.map_or("", |field| field.api_name.as_str());
            let refused = Error::new(Code::InvalidFilter).entity(&entity.api_name).field(name);
            Err(refused.rule("a path goes along references"))
        }
    }
}

/// Refuses a field that does not refer to records of an entity.
///
/// # Errors
/// `input.invalid_filter`.
pub fn check_refers(registry: &Registry, (entity, by): (&Entity, FieldId), to: &Entity) -> Result<()> {
    let field = entity.field_by_id(by);
    let is_to = |name: &&String| registry.entity(name).is_ok_and(|target| target.id() == to.id());
    if field.is_some_and(|field| field.definition.kind.targets().iter().any(is_to)) {
        return Ok(());
    }
    let name = field.map_or("", |field| field.api_name.as_str());
    let refused = Error::new(Code::InvalidFilter).entity(&entity.api_name).field(name);
    Err(refused.rule("has takes a field that refers to the records asked for"))
}

/// Works out what is not stored of a record: formulas, lookups and rollups.
///
/// # Errors
/// `storage.damaged`, `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
pub fn complete(sight: &Sight<'_>, record: &mut Record) -> Result<()> {
    sight.complete(std::slice::from_mut(record), true)
}
