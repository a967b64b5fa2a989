//! The typed face of the door: entities and fields that the compiler knows.

use std::marker::PhantomData;

use crate::base::{Collation, Date, RecordId, Result};
use crate::engine::{Changes, Condition, FieldSelector, Find, Listing, Session, Transaction};
use crate::records::{Counted, Direction, Explanation, Filter, Total};
use crate::schema::{EntityType, FieldKind, RecordReference, TypedField};

/// A record of an entity that the compiler knows, by its id. Verbs of the trade hang on it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Ref<E> {
    id: RecordId,
    entity: PhantomData<fn() -> E>,
}

impl<E> Clone for Ref<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Ref<E> {}

impl<E> Ref<E> {
    /// The record with this id.
    #[must_use]
    pub fn new(id: RecordId) -> Self {
        Self { id, entity: PhantomData }
    }

    /// The id.
    #[must_use]
    pub fn id(self) -> RecordId {
        self.id
    }
}

impl<E> From<Ref<E>> for RecordId {
    fn from(reference: Ref<E>) -> Self {
        reference.id
    }
}

impl RecordReference {
    /// A record of an entity that the compiler knows.
    #[must_use]
    pub fn to<E: EntityType>(record: Ref<E>) -> Self {
        Self::new(E::NAME, record.id)
    }
}

impl<E: EntityType> From<Ref<E>> for RecordReference {
    fn from(record: Ref<E>) -> Self {
        Self::to(record)
    }
}

/// Values for a record of an entity that the compiler knows.
#[derive(Debug, Clone)]
pub struct Draft<E> {
    changes: Changes,
    entity: PhantomData<fn() -> E>,
}

impl<E: EntityType> Default for Draft<E> {
    fn default() -> Self {
        Self { changes: Changes::new(), entity: PhantomData }
    }
}

impl<E: EntityType> Draft<E> {
    /// No values yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field.
    #[must_use]
    pub fn with<K: FieldKind>(self, field: TypedField<E, K>, value: impl Into<K::Value>) -> Self {
        self.adjust(|changes| changes.set(field, value.into()))
    }

    /// Gives the record to an owner.
    #[must_use]
    pub fn owner(self, owner: impl Into<RecordId>) -> Self {
        self.adjust(|changes| changes.owner(owner.into()))
    }

    /// Adds a key that another system knows the record by.
    #[must_use]
    pub fn external_id(self, source: &str, key: &str) -> Self {
        self.adjust(|changes| changes.external_id(source, key))
    }

    fn adjust(self, adjust: impl FnOnce(Changes) -> Changes) -> Self {
        Self { changes: adjust(self.changes), entity: PhantomData }
    }
}

impl Transaction<'_> {
    /// Creates a record.
    ///
    /// # Errors
    /// As [`Transaction::create_record`].
    pub fn create<E: EntityType>(&mut self, draft: Draft<E>) -> Result<Ref<E>> {
        self.create_record(E::NAME, draft.changes).map(Ref::new)
    }

    /// Changes a record.
    ///
    /// # Errors
    /// As [`Transaction::update_record`].
    pub fn update<E: EntityType>(&mut self, record: Ref<E>, draft: Draft<E>) -> Result<()> {
        self.update_record(E::NAME, record.id, draft.changes).map(|_| ())
    }

    /// Deletes a record.
    ///
    /// # Errors
    /// As [`Transaction::delete_record`].
    pub fn delete<E: EntityType>(&mut self, record: Ref<E>) -> Result<()> {
        self.delete_record(E::NAME, record.id)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// As [`crate::engine::Reader::get`].
    pub fn get<E: EntityType>(&self, record: Ref<E>) -> Result<Row<E>> {
        Ok(Row::new(self.get_record(E::NAME, record.id)?))
    }
}

/// A record read, of an entity that the compiler knows.
#[derive(Debug, Clone)]
pub struct Row<E> {
    listing: Listing,
    entity: PhantomData<fn() -> E>,
}

impl<E: EntityType> Row<E> {
    fn new(listing: Listing) -> Self {
        Self { listing, entity: PhantomData }
    }

    /// The value of a field, if it has one that the reader may see.
    ///
    /// # Errors
    /// `schema.unknown_field` if the database does not have the field.
    pub fn value<K: FieldKind>(&self, field: TypedField<E, K>) -> Result<Option<K::Value>> {
        Ok(K::read(&self.listing.value(field)?))
    }

    /// The record's reference.
    #[must_use]
    pub fn reference(&self) -> Ref<E> {
        Ref::new(self.listing.record.id)
    }

    /// The record as any caller reads it.
    #[must_use]
    pub fn listing(&self) -> &Listing {
        &self.listing
    }
}

/// A list that is being described.
#[derive(Debug, Clone)]
pub struct TypedFind<'s, E> {
    session: &'s Session,
    conditions: Vec<Condition>,
    sort: Vec<(FieldSelector, Direction)>,
    collation: Collation,
    locale: Option<String>,
    limit: usize,
    entity: PhantomData<fn() -> E>,
}

impl Session {
    /// Begins to describe a list of an entity that the compiler knows.
    #[must_use]
    pub fn find<E: EntityType>(&self) -> TypedFind<'_, E> {
        TypedFind {
            session: self,
            conditions: Vec::new(),
            sort: Vec::new(),
            collation: Collation::default(),
            locale: None,
            limit: 100,
            entity: PhantomData,
        }
    }
}

impl<E: EntityType> TypedFind<'_, E> {
    /// Adds a condition; all of them must be met.
    #[must_use]
    pub fn filter(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Adds an order, after those that stand already.
    #[must_use]
    pub fn sort(mut self, order: (FieldSelector, Direction)) -> Self {
        self.sort.push(order);
        self
    }

    /// How texts sort; by code points if not said.
    #[must_use]
    pub fn collate(mut self, collation: Collation) -> Self {
        self.collation = collation;
        self
    }

    /// The language, as a BCP 47 tag, in which texts are told, compared and sorted where they have a translation.
    #[must_use]
    pub fn locale(mut self, tag: &str) -> Self {
        self.locale = Some(tag.to_owned());
        self
    }

    /// Most rows; 100 if not said.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Those alone that hold on a day, of an entity whose records hold on some days.
    #[must_use]
    pub fn valid_at(mut self, day: Date) -> Self {
        self.conditions.push(Filter::HeldOn(day));
        self
    }

    /// The first page.
    ///
    /// # Errors
    /// As [`crate::engine::Reader::find`].
    pub fn fetch(self) -> Result<Vec<Row<E>>> {
        let session = self.session;
        Ok(session.list(E::NAME, &self.find())?.rows.into_iter().map(Row::new).collect())
    }

    /// How the list would be read.
    ///
    /// # Errors
    /// As [`crate::engine::Reader::explain`].
    pub fn explain(self) -> Result<Explanation> {
        let session = self.session;
        session.explain(E::NAME, &self.find())
    }

    fn find(self) -> Find {
        let filter = Filter::All(self.conditions);
        let Self { sort, collation, locale, limit, .. } = self;
        Find { filter, sort, collation, locale, limit, after: None }
    }

    /// How many there are, counted so far, and where the count comes from.
    ///
    /// # Errors
    /// As [`crate::engine::Reader::count_up_to`].
    pub fn count_up_to(self, total: Total) -> Result<Counted> {
        let condition = Filter::All(self.conditions);
        let locale = self.locale.as_deref();
        self.session.read(|reader| reader.count_in(locale, E::NAME, &condition, total))
    }

    /// How many there are.
    ///
    /// # Errors
    /// As [`crate::engine::Reader::count`].
    pub fn count(self) -> Result<u64> {
        Ok(self.count_up_to(Total::Exact)?.count)
    }
}
