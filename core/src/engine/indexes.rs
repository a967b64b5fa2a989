//! Indexes and counters declared while a database is in use, and built over what stands in it.

use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use crate::access::Action;
use crate::base::{Code, Error, FieldId, Patience, RecordId, Result};
use crate::engine::crm::{store_registry, told};
use crate::engine::{Crm, Session};
use crate::records::{
    Build, BuildKind, Built, EntryKind, SystemField, build_chunk, clear_chunk, in_hand, is_large, note,
    records_made, unfinished,
};
use crate::schema::{
    CUSTOMER, CounterDefinition, DeclaredCounter, DeclaredIndex, Entity, FieldDefinition, FieldKeys,
    IndexDefinition, Registry, Reveal, UniqueDefinition, UniqueRule,
};

/// Something that is being built over records that stood when it was declared, or swept away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingBuild {
    /// The entity whose records are taken in.
    pub entity: String,
    /// What is built: `index`, `counter`, `rollup`, `unique`, `field` (the index of a field, or that no two values
    /// of it are equal), `rows` (columns of rows that are worked out by another expression), `temporal` (the temporal
    /// index of the entity); or `sweep`, where keys of what was taken back go.
    pub kind: &'static str,
    /// Its API name, that of the field for a rollup and a field; empty for what has none any more.
    pub name: String,
    /// Records that are in.
    pub done: u64,
    /// Records that were ever made of the entity, all of which are looked at; 0 for a sweep, whose keys nobody has
    /// counted.
    pub total: u64,
}

/// Fewest records of a chunk whose rate is kept in mind.
const LEAST_MEASURED: u64 = 20;

impl Session {
    /// What is still being built, and how far it is. Without a call of [`Session::build_indexes`] nothing of it goes
    /// on.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `storage.damaged`, `storage.io`.
    ///
    /// ```
    /// # fn main() -> guanxi::Result<()> {
    /// let crm = guanxi::in_memory().create_in_memory()?;
    /// assert!(crm.session_for("admin@example.test")?.pending_builds()?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn pending_builds(&self) -> Result<Vec<PendingBuild>> {
        self.check_may("sys.role", Action::Administer)?;
        self.crm().pending_builds()
    }

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
        self.change_schema("schema.define_index", |registry| {
            registry.declare_index(&entity.api_name, &index)
        })?;
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
        self.change_schema("schema.define_counter", |registry| {
            registry.declare_counter(&entity.api_name, &counter)
        })?;
        Ok(counter.api_name())
    }

    /// Adds a unique rule of the customer's own to an entity, and gives its API name. It is built as an index is,
    /// and binds whatever is written from its declaration on. Where records that stand break it, it is taken
    /// back.
    ///
    /// # Errors
    /// As [`Session::define_index`]; `schema.invalid_expression`; `schema.not_unique` naming records that have
    /// what another one has.
    pub fn define_unique(&self, entity: &str, rule: UniqueDefinition) -> Result<String> {
        let registry = self.crm().registry();
        let entity = registry.entity(entity)?;
        self.check_fields(entity, rule.fields.iter().map(|field| &field.field))?;
        self.check_expressions(entity, rule.condition.as_deref().into_iter())?;
        let rule = UniqueDefinition { namespace: CUSTOMER.to_owned(), ..rule };
        self.change_schema("schema.define_unique", |registry| {
            registry.declare_unique(&entity.api_name, &rule)
        })?;
        Ok(rule.api_name())
    }

    /// Takes a unique rule of the customer's own back: its name is free again, and its keys are swept away in
    /// chunks.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; `schema.invalid_definition` for a name
    /// that no unique rule of the customer bears.
    pub fn remove_unique(&self, entity: &str, name: &str) -> Result<()> {
        let registry = self.crm().registry();
        let entity = registry.entity(entity)?;
        self.check_may(&entity.api_name, Action::Administer)?;
        let own = |rule: &&UniqueRule| {
            let known = &rule.definition;
            is_own(&known.namespace, &known.name, &known.api_name(), name)
        };
        let rule = entity.unique_rules().iter().find(own);
        let rule = rule.ok_or_else(|| no_such(entity, name, "a unique rule of the customer"))?;
        self.change_schema("schema.remove_unique", |registry| {
            registry.drop_unique(&entity.api_name, &[rule.id()])
        })
    }

    /// Switches the index of a field of the customer's own on, or that no two values of it are equal. It is built as
    /// an index is; values that stand may turn out to be equal, and then it is as before, but for the index. A field
    /// of another author gets an index by [`Session::define_index`], and a rule by [`Session::define_unique`]. What a
    /// unique field reveals to a refused writer stays as it was where nothing is said.
    ///
    /// # Errors
    /// As [`Session::define_index`]; `schema.invalid_definition` for a field of another author, and for one whose
    /// values have no order; `schema.not_unique` naming records that have the same value.
    pub fn index_field(
        &self,
        entity: &str,
        field: &str,
        keys: FieldKeys,
        reveal: Option<Reveal>,
    ) -> Result<()> {
        let registry = self.crm().registry();
        let known = registry.entity(entity)?;
        self.check_fields(known, std::iter::once(&field.to_owned()))?;
        let field = known.field(field.into())?;
        let own = field.declared();
        if own.namespace != CUSTOMER || field.is_withdrawn() {
            let error = Error::new(Code::InvalidDefinition).entity(&known.api_name).field(&field.api_name);
            return Err(error.rule("a field of the customer"));
        }
        let (indexed, unique) = (own.indexed || keys.index, own.unique || keys.unique);
        let definition =
            FieldDefinition { indexed, unique, reveal: reveal.unwrap_or(own.reveal), ..own.clone() };
        self.change_schema("schema.index_field", |registry| {
            registry.declare_field(&known.api_name, &definition)
        })
    }

    /// Gives an entity a temporal index: every version of its records is kept whole, so that a list of the past costs
    /// two keys for each record that changed since, and not its history. It takes as much space as all versions
    /// together. Versions of records that stand are taken in as those of an index are; what is not in yet is read from
    /// the ledger.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; `schema.unknown_entity`; those of
    /// [`Session::build_indexes`].
    pub fn define_temporal_index(&self, entity: &str) -> Result<()> {
        self.set_temporal_index(entity, true)
    }

    /// Takes the temporal index of the customer's own back; its keys are swept away in chunks.
    ///
    /// # Errors
    /// As [`Session::define_temporal_index`]; `schema.invalid_definition` where the customer has none.
    pub fn remove_temporal_index(&self, entity: &str) -> Result<()> {
        self.set_temporal_index(entity, false)
    }

    fn set_temporal_index(&self, entity: &str, wanted: bool) -> Result<()> {
        let registry = self.crm().registry();
        let entity = registry.entity(entity)?;
        self.check_may(&entity.api_name, Action::Administer)?;
        let cause = if wanted { "schema.define_temporal_index" } else { "schema.remove_temporal_index" };
        self.change_schema(cause, |registry| registry.set_temporal_index(&entity.api_name, wanted))
    }

    /// Takes an index of the customer's own back: no query reads it any more, and its keys are swept away in chunks
    /// between which others write. Neither its number nor its name's keys are used again.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; `schema.invalid_definition` for a name
    /// that no index of the customer bears; those of [`Session::build_indexes`].
    pub fn remove_index(&self, entity: &str, name: &str) -> Result<()> {
        let registry = self.crm().registry();
        let entity = registry.entity(entity)?;
        self.check_may(&entity.api_name, Action::Administer)?;
        let own = |index: &&DeclaredIndex| {
            let known = &index.definition;
            is_own(&known.namespace, &known.name, &index.api_name, name)
        };
        let index = entity.indexes().iter().find(own);
        let index = index.ok_or_else(|| no_such(entity, name, "an index of the customer"))?;
        self.change_schema("schema.remove_index", |registry| {
            registry.drop_kept(&entity.api_name, &[index.id()])
        })
    }

    /// Takes a counter of the customer's own back, as [`Session::remove_index`] takes an index back. Counts and reports
    /// of its shape read records again.
    ///
    /// # Errors
    /// As [`Session::remove_index`], for a name that no counter of the customer bears.
    pub fn remove_counter(&self, entity: &str, name: &str) -> Result<()> {
        let registry = self.crm().registry();
        let entity = registry.entity(entity)?;
        self.check_may(&entity.api_name, Action::Administer)?;
        let own = |counter: &&DeclaredCounter| {
            let known = &counter.definition;
            is_own(&known.namespace, &known.name, &counter.api_name, name)
        };
        let counter = entity.counters().iter().find(own);
        let counter = counter.ok_or_else(|| no_such(entity, name, "a counter of the customer"))?;
        self.change_schema("schema.remove_counter", |registry| {
            registry.drop_kept(&entity.api_name, &[counter.id()])
        })
    }

    /// Takes a rule of the customer's own back: records are held against it no more.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer the entity; `schema.invalid_definition` for a name
    /// that no rule of the customer bears.
    pub fn remove_rule(&self, entity: &str, name: &str) -> Result<()> {
        let registry = self.crm().registry();
        let entity = registry.entity(entity)?;
        self.check_may(&entity.api_name, Action::Administer)?;
        self.change_schema("schema.remove_rule", |registry| registry.remove_rule(&entity.api_name, name))
    }

    /// Takes a state machine of the customer's own back: records keep the codes that they have, and may go to any
    /// other.
    ///
    /// # Errors
    /// As [`Session::remove_rule`], for a name that no state machine of the customer bears.
    pub fn remove_states(&self, entity: &str, name: &str) -> Result<()> {
        let registry = self.crm().registry();
        let entity = registry.entity(entity)?;
        self.check_may(&entity.api_name, Action::Administer)?;
        self.change_schema("schema.remove_states", |registry| registry.remove_states(&entity.api_name, name))
    }

    /// Goes on with every index, counter and rollup that is not complete, because its build was interrupted or an
    /// extension declared it over a large table, and with every move of values into a field of another type.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `engine.cancelled`,
    /// `engine.deadline_exceeded`, after which the next call goes on where this one stopped.
    pub fn build_indexes(&self) -> Result<()> {
        self.check_may("sys.role", Action::Administer)?;
        self.crm().build_indexes(self.user(), self.patience())?;
        self.move_pending()
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

    fn pending_builds(&self) -> Result<Vec<PendingBuild>> {
        let (registry, snapshot) = (self.registry(), self.snapshot()?);
        let mut pending = Vec::new();
        for entity in registry.entities() {
            for build in unfinished(entity) {
                let sweeps = build.kind == BuildKind::Sweep;
                let total = if sweeps { 0 } else { records_made(snapshot.as_ref(), entity)? };
                pending.push(PendingBuild {
                    entity: entity.api_name.clone(),
                    kind: build.kind.name(),
                    name: name_of(&registry, entity, build),
                    done: build.done(snapshot.as_ref())?.min(total),
                    total,
                });
            }
        }
        Ok(pending)
    }

    /// Goes on with what is not complete. The listener of patience is told how many records were taken in by this
    /// call, once for each thing that is built, and how many there are to be taken in.
    pub(super) fn build_indexes(&self, actor: RecordId, patience: &Patience) -> Result<()> {
        let (mut done, mut broken) = (0_u64, None);
        let left = |build: PendingBuild| build.total.saturating_sub(build.done);
        let total = self.pending_builds()?.into_iter().map(left).fold(0, u64::saturating_add);
        let next = |registry: &Registry| -> Option<String> {
            let entity = registry.entities().iter().find(|entity| !unfinished(entity).is_empty());
            entity.map(|entity| entity.api_name.clone())
        };
        while let Some(entity) = next(&self.registry()) {
            patience.check()?;
            if self.clear_outdated(actor, &entity)? {
                continue;
            }
            let began = Instant::now();
            let built = self.build_some(actor, &entity, patience)?;
            self.remember_rate(built.records, began);
            broken = broken.or_else(|| built.broken.into_iter().next());
            done = done.saturating_add(built.records);
            // Meanwhile others may have made some more.
            patience.tell("indexes", done, total.max(done));
        }
        // All that can be built is, before anybody hears of what cannot.
        broken.map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Keeps in mind what a chunk took for each record, by which the next dry run estimates. A small one says too
    /// little.
    fn remember_rate(&self, records: u64, began: Instant) {
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if let Some(rate) = nanos.checked_div(records).filter(|rate| *rate > 0 && records >= LEAST_MEASURED) {
            self.inner.build_rate.store(rate, Ordering::Relaxed);
        }
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

    /// Takes a chunk of an entity's records into its indexes, counters and unique rules, keys of its fields and
    /// rollups of them. With the last one they are complete, which the same commit says; a unique rule that records
    /// break is taken back, and so is that no two values of a field are equal.
    fn build_some(&self, actor: RecordId, entity: &str, patience: &Patience) -> Result<Built> {
        let _alone = self.inner.changing_registry.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.registry();
        let (after, mut built) = (RefCell::new(None), Built::default());
        self.system_write_and(
            actor,
            "schema.build_indexes",
            |view, context| {
                let known = before.entity(entity)?;
                built = build_chunk(
                    (view, context, &self.inner.sealer),
                    known,
                    self.inner.build_at_once,
                    patience,
                )?;
                if !built.finished {
                    return Ok(());
                }
                let finished = finished(&before, entity, &built)?;
                store_registry(view, &finished.to_json()?);
                let said = match built.broken.is_empty() {
                    true => format!("version {}", finished.version()),
                    false => told(&before, &finished),
                };
                note(view, context, EntryKind::Schema, actor, &said);
                after.replace(Some(Arc::new(finished)));
                Ok(())
            },
            &mut || {
                if let Some(after) = after.take() {
                    *self.inner.registry.write().unwrap_or_else(PoisonError::into_inner) = after;
                }
            },
        )?;
        Ok(built)
    }
}

/// The name of what is built, as the API knows it.
fn name_of(registry: &Registry, entity: &Entity, build: Build) -> String {
    let number = build.number;
    let named = match build.kind {
        BuildKind::Index => {
            entity.indexes().iter().find(|index| index.id() == number).map(|index| &index.api_name)
        }
        BuildKind::Counter => {
            entity.counters().iter().find(|counter| counter.id() == number).map(|counter| &counter.api_name)
        }
        BuildKind::Unique => {
            let rule = entity.unique_rules().iter().find(|rule| rule.id() == number);
            return rule.map(|rule| rule.definition.api_name()).unwrap_or_default();
        }
        BuildKind::Rollup => {
            let field = registry.entities().iter().find_map(|entity| entity.field_by_id(number));
            field.map(|field| &field.api_name)
        }
        BuildKind::Temporal => return "temporal_index".to_owned(),
        BuildKind::Field | BuildKind::Rows | BuildKind::Sweep => {
            entity.field_by_id(number).map(|field| &field.api_name)
        }
    };
    named.cloned().unwrap_or_default()
}

/// Whether something that an author named is the customer's, and bears a name, with its namespace or without.
fn is_own(namespace: &str, name: &str, api_name: &str, asked: &str) -> bool {
    namespace == CUSTOMER && (name == asked || api_name == asked)
}

fn no_such(entity: &Entity, name: &str, rule: &str) -> Error {
    Error::new(Code::InvalidDefinition).entity(&entity.api_name).field(name).rule(rule)
}

/// The registry once all records are in.
fn finished(before: &Registry, entity: &str, built: &Built) -> Result<Registry> {
    let mut after = Registry::clone(before);
    let known = before.entity(entity)?;
    let builds = in_hand(known);
    let numbers = |wanted: &dyn Fn(BuildKind) -> bool| -> Vec<FieldId> {
        builds.iter().filter(|build| wanted(build.kind)).map(|build| build.number).collect()
    };
    let of_fields = |kind: BuildKind| matches!(kind, BuildKind::Field | BuildKind::Rows);
    after.set_complete(entity, &numbers(&|kind| !of_fields(kind)), true)?;
    if !numbers(&|kind| kind == BuildKind::Field).is_empty() {
        after.finish_keys(entity)?;
    }
    after.set_rows_outdated(entity, &numbers(&|kind| kind == BuildKind::Rows), false)?;
    let broken = built.broken.iter().map(|(number, _)| *number);
    let (fields, rules): (Vec<FieldId>, Vec<FieldId>) =
        broken.partition(|number| known.field_by_id(*number).is_some());
    if !rules.is_empty() {
        after.drop_unique(entity, &rules)?;
    }
    if !fields.is_empty() {
        after.allow_equal(entity, &fields)?;
    }
    Ok(after)
}
