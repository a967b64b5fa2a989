//! What features need from below, handed up narrowly: sealed files, the ledger, and who sees what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use crate::access::{Action, ClassId, Showing};
use crate::base::{EntityId, FieldId, RecordId, Result, Value};
use crate::engine::audit_trail::Asked;
use crate::engine::reader::found;
use crate::engine::{Condition, Crm, FieldSelector, Listing, Session};
use crate::records::{
    CreatedRecord, Matcher, Record, changed_after, complete, created_after, get_for_rule, shared_records,
};
use crate::schema::Entity;
use crate::storage::{Head, SealedFiles, Snapshot};

/// What a session may see of one entity.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The access classes within reach.
    pub classes: BTreeSet<ClassId>,
    /// Live records within reach one by one, beside those of the classes.
    pub singly: Vec<RecordId>,
    /// The fields that are shown.
    pub fields: BTreeSet<FieldId>,
}

/// What a session may see, for one policy epoch.
#[derive(Debug, Clone)]
pub struct Visibility {
    /// The policy epoch.
    pub epoch: u64,
    /// By entity; an entity that is not here is out of reach.
    pub scopes: BTreeMap<EntityId, Scope>,
}

impl Session {
    /// What this session may see now, of one entity or of all.
    ///
    /// # Errors
    /// `access.session_ended`, `storage.io`.
    pub(crate) fn visibility(&self, only: Option<EntityId>) -> Result<Visibility> {
        self.read(|reader| {
            let mut scopes = BTreeMap::new();
            let asked = |entity: &&Entity| only.is_none_or(|only| only == entity.id());
            for entity in reader.registry().entities().iter().filter(asked) {
                // Whether a link is seen follows from its ends, and not from its class.
                if entity.ends().is_some() || !reader.may(&entity.api_name, Action::Read) {
                    continue;
                }
                let permit = reader.permit(entity)?;
                let classes = permit.classes().iter().map(|(class, _)| *class).collect();
                let fields = reader.shown_fields(&entity.api_name)?.into_iter().collect();
                let singly = shared_records(reader.snapshot, &permit, entity)?;
                scopes.insert(entity.id(), Scope { classes, singly, fields });
            }
            Ok(Visibility { epoch: reader.policy.epoch(), scopes })
        })
    }

    /// Several records of one entity as this session sees them, in the order asked; what is out of
    /// reach, deleted or gone is left out.
    ///
    /// # Errors
    /// `access.not_permitted`, `storage.damaged`.
    pub(crate) fn get_many(&self, entity: EntityId, ids: &[RecordId]) -> Result<Vec<Listing>> {
        self.read(|reader| {
            let entity = reader.registry().entity_by_id(entity)?;
            let permit = reader.permit(entity)?;
            let mut rows = Vec::with_capacity(ids.len());
            for id in ids {
                if let Some(record) = found(reader.stored(&permit, entity, *id))? {
                    rows.push(reader.show_stored(&permit, entity, record, Showing::List)?);
                }
            }
            let given: Vec<RecordId> = rows.iter().map(|row| row.record.id).collect();
            reader.reads(entity, &given, &Asked::by("search"))?;
            Ok(rows)
        })
    }
}

/// A record that meets a condition, and its values of the fields that were asked for with it.
pub(crate) struct Met {
    /// The record.
    pub id: RecordId,
    /// A value for each field, in their order.
    pub values: Vec<Value>,
}

impl Session {
    /// Those of some records that this session sees and that meet a condition, in their order, with the values of
    /// some fields. No record is handed out, so no read is entered.
    ///
    /// # Errors
    /// As [`crate::engine::Reader::find`].
    pub(crate) fn meeting(
        &self,
        entity: EntityId,
        ids: &[RecordId],
        condition: &Condition,
        fields: &[FieldSelector],
    ) -> Result<Vec<Met>> {
        self.read(|reader| {
            let entity = reader.registry().entity_by_id(entity)?;
            let permit = reader.permit(entity)?;
            let asked = fields.iter().map(|field| reader.comparable(entity, field));
            let asked: Vec<FieldId> = asked.collect::<Result<_>>()?;
            let filter = reader.resolve(entity, condition, reader.now)?;
            let far = reader.far_permits(entity, &filter)?;
            let sight = reader.sight(entity, &permit, &far);
            let matcher = Matcher::new(&sight, &filter)?;
            let mut met = Vec::new();
            for id in ids {
                reader.patience.check()?;
                let Some(mut record) = found(reader.stored(&permit, entity, *id))? else { continue };
                complete(&sight, &mut record)?;
                if matcher.matches(&record)? {
                    met.push(Met {
                        id: *id,
                        values: asked.iter().map(|field| record.value(*field)).collect(),
                    });
                }
            }
            Ok(met)
        })
    }
}

impl Crm {
    /// Encrypted files in a folder of the database, under a key of their own.
    ///
    /// # Errors
    /// `storage.io`.
    pub(crate) fn sealed_files(&self, folder: &str) -> Result<SealedFiles> {
        let key = self.inner.database.ring().derive(folder);
        let random = std::sync::Arc::clone(&self.inner.random);
        let gate = self.inner.gate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(SealedFiles::new(self.inner.path.join(folder), key, random)?.behind(gate))
    }

    /// A view that no power cut takes back, for readers that tell others what they read.
    pub(super) fn durable_snapshot(&self) -> Result<Box<dyn Snapshot + '_>> {
        self.inner.database.store.durable_snapshot()
    }

    /// Which records changed after a position, and the entry up to which this tells, at most `max`
    /// entries later. Values are not opened.
    ///
    /// # Errors
    /// `storage.damaged`.
    pub(crate) fn changed_after(
        &self,
        position: u64,
        max: usize,
    ) -> Result<(BTreeSet<(EntityId, RecordId)>, Head)> {
        changed_after(self.durable_snapshot()?.as_ref(), position, max)
    }

    /// Which records were created after a position, by the positions of the entries that tell of it, and the entry up to
    /// which this tells, at most `max` entries later.
    ///
    /// # Errors
    /// `storage.damaged`.
    pub(crate) fn created_after(&self, position: u64, max: usize) -> Result<(Vec<CreatedRecord>, Head)> {
        created_after(self.durable_snapshot()?.as_ref(), position, max)
    }

    /// The entry at a position, by which a reader knows whether it followed this ledger or a lost one.
    ///
    /// # Errors
    /// `storage.damaged`.
    pub(crate) fn entry_at(&self, position: u64) -> Result<Option<Head>> {
        let entries = self.durable_snapshot()?.read_log(position.saturating_sub(1), 1)?;
        Ok(entries.first().map(|entry| Head { position: entry.position, hash: entry.hash }))
    }

    /// The newest durable entry of the ledger.
    ///
    /// # Errors
    /// `storage.io`.
    pub fn head(&self) -> Result<Head> {
        self.durable_snapshot()?.head()
    }

    /// A live record, WITHOUT a permit, for the same readers.
    ///
    /// # Errors
    /// `storage.damaged`.
    pub(crate) fn record_unchecked(&self, entity: EntityId, id: RecordId) -> Result<Option<Record>> {
        get_for_rule(self.durable_snapshot()?.as_ref(), entity, id)
    }
}
