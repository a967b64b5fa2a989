//! Indexes and counters declared while a database is in use, and built over what stands in it.

use std::cell::Cell;
use std::sync::{Arc, PoisonError};

use crate::access::Action;
use crate::base::{Patience, RecordId, Result};
use crate::engine::crm::store_registry;
use crate::engine::{Crm, Session};
use crate::records::{EntryKind, SystemField, build_chunk, clear_chunk, is_large, note, unfinished};
use crate::schema::{CUSTOMER, CounterDefinition, DeclaredIndex, Entity, IndexDefinition, Registry};

impl Session {
    /// Adds an index of the customer's own to an entity, and gives its API name. Where the entity has more
    /// records than [`Options::build_at_once`](crate::Options::build_at_once), it is built in chunks
    /// between which others write, and no query reads it before it is complete; the listener of the
    /// session's patience is told of the phase `indexes`. If that is interrupted,
    /// [`Session::build_indexes`] goes on with it.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; `access.field_not_permitted`;
    /// `schema.unknown_field`, `schema.invalid_definition`, `schema.duplicate_definition`; those of
    /// [`Session::build_indexes`].
    pub fn define_index(&self, entity: &str, index: IndexDefinition) -> Result<String> {
        let registry = self.crm().registry();
        let entity = registry.entity(entity)?;
        self.check_fields(entity, index.fields.iter().map(|field| &field.field))?;
        let local = registry.next_local_index(&entity.api_name, CUSTOMER)?;
        let index = IndexDefinition { namespace: CUSTOMER.to_owned(), local, ..index };
        self.crm().change_registry(self.user(), "schema.define_index", |registry| {
            registry.declare_index(&entity.api_name, &index)
        })?;
        self.crm().build_indexes(self.user(), self.patience())?;
        Ok(index.api_name())
    }

    /// Adds a counter of the customer's own to an entity, and gives its API name. It is built as an index is.
    ///
    /// # Errors
    /// As [`Session::define_index`].
    pub fn define_counter(&self, entity: &str, counter: CounterDefinition) -> Result<String> {
        let registry = self.crm().registry();
        let entity = registry.entity(entity)?;
        self.check_fields(entity, counter.group_by.iter().chain(&counter.sums))?;
        let local = registry.next_local_counter(&entity.api_name, CUSTOMER)?;
        let counter = CounterDefinition { namespace: CUSTOMER.to_owned(), local, ..counter };
        self.crm().change_registry(self.user(), "schema.define_counter", |registry| {
            registry.declare_counter(&entity.api_name, &counter)
        })?;
        self.crm().build_indexes(self.user(), self.patience())?;
        Ok(counter.api_name())
    }

    /// Goes on with every index, counter and rollup that is not complete, because its build was interrupted or an
    /// extension declared it over a large table.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `engine.cancelled`,
    /// `engine.deadline_exceeded`, after which the next call goes on where this one stopped.
    pub fn build_indexes(&self) -> Result<()> {
        self.check_may("sys.role", Action::Administer)?;
        self.crm().build_indexes(self.user(), self.patience())
    }

    /// An index over a field that its author does not see would tell of it.
    fn check_fields<'n>(&self, entity: &Entity, names: impl Iterator<Item = &'n String>) -> Result<()> {
        self.check_may(&entity.api_name, Action::Administer)?;
        self.read(|reader| {
            for name in names {
                if SystemField::from_name(name).is_none() {
                    reader.check_field(entity, entity.field(name.as_str().into())?.id())?;
                }
            }
            Ok(())
        })
    }
}

impl Crm {
    /// Indexes whose keys came from other tables of collation than those of this engine are made anew: at once
    /// where few records are in them, else by the next [`Session::build_indexes`]. No query reads them before.
    pub(super) fn renew_indexes(&self) -> Result<()> {
        let registry = self.registry();
        let outdated =
            || registry.entities().iter().filter(|entity| entity.outdated_indexes().next().is_some());
        if outdated().next().is_none() {
            return Ok(());
        }
        let nobody = RecordId::from_bytes([0; 16]);
        self.change_registry(nobody, "schema.collation", |registry| Ok(registry.suspend_outdated()))?;
        let snapshot = self.snapshot()?;
        for entity in outdated() {
            if is_large(snapshot.as_ref(), entity, self.inner.build_at_once)? {
                return Ok(());
            }
        }
        drop(snapshot);
        self.build_indexes(nobody, &Patience::default())
    }

    pub(super) fn build_indexes(&self, actor: RecordId, patience: &Patience) -> Result<()> {
        let mut done = 0_u64;
        let next = |registry: &Registry| -> Option<String> {
            let entity = registry.entities().iter().find(|entity| !unfinished(entity).is_empty());
            entity.map(|entity| entity.api_name.clone())
        };
        while let Some(entity) = next(&self.registry()) {
            patience.check()?;
            if self.clear_outdated(actor, &entity)? {
                continue;
            }
            done = done.saturating_add(self.build_some(actor, &entity, patience)?);
            patience.tell("indexes", done, 0);
        }
        Ok(())
    }

    /// Takes a chunk of the keys away that other tables of collation made, if there are any, and says so.
    fn clear_outdated(&self, actor: RecordId, entity: &str) -> Result<bool> {
        let _alone = self.inner.changing_registry.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.registry();
        let known = before.entity(entity)?;
        let Some(number) = known.outdated_indexes().next().map(DeclaredIndex::id) else { return Ok(false) };
        let mut after = Registry::clone(&before);
        after.renew_index(entity, number)?;
        let (json, after) = (after.to_json()?, Arc::new(after));
        let cleared = Cell::new(false);
        self.system_write_and(
            actor,
            "schema.build_indexes",
            |view, _| {
                cleared.set(clear_chunk(view, known, number)?);
                if cleared.get() {
                    store_registry(view, &json);
                }
                Ok(())
            },
            &mut || {
                if cleared.get() {
                    *self.inner.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&after);
                }
            },
        )?;
        Ok(true)
    }

    /// Takes a chunk of an entity's records into its indexes and counters, and rollups of them. With the last one they are
    /// complete, which the same commit says.
    fn build_some(&self, actor: RecordId, entity: &str, patience: &Patience) -> Result<u64> {
        let _alone = self.inner.changing_registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records = 0;
        let before = self.registry();
        let mut after = Registry::clone(&before);
        let numbers = unfinished(before.entity(entity)?);
        after.set_complete(entity, &numbers, true)?;
        let (json, after) = (after.to_json()?, Arc::new(after));
        let version = after.version();
        let done = Cell::new(false);
        self.system_write_and(
            actor,
            "schema.build_indexes",
            |view, context| {
                let built = build_chunk(view, before.entity(entity)?, self.inner.build_at_once, patience)?;
                records = built.records;
                if built.finished {
                    store_registry(view, &json);
                    note(view, context, EntryKind::Schema, actor, &format!("version {version}"));
                    done.set(true);
                }
                Ok(())
            },
            &mut || {
                if done.get() {
                    *self.inner.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&after);
                }
            },
        )?;
        Ok(records)
    }
}
