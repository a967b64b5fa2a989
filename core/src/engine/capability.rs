//! What features need from below, handed up narrowly: sealed files, the ledger, and who sees what.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::access::{Action, ClassId, Permit, Policy, Read, Showing};
use crate::base::{EntityId, FieldId, Patience, RecordId, Result, Value};
use crate::engine::audit_trail::Asked;
use crate::engine::reader::found;
use crate::engine::{Condition, Crm, FieldSelector, Listing, Reader, Session};
use crate::records::{
    ATTACHMENT_FIELDS, CreatedRecord, Matcher, Record, changed_after, complete, created_after, get_for_rule,
    live_records, newest_records, shared_records,
};
use crate::schema::{Entity, Registry};
use crate::storage::{Head, SealedFiles, Snapshot};

/// The number under which search finds an attachment that no field of its record names. It is one of those that the
/// ledger has for attachments, which no field has.
pub(crate) const ATTACHED: FieldId = {
    let [(field, _), ..] = ATTACHMENT_FIELDS;
    field
};

/// What a session may see of one entity.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    permit: Permit<Read>,
    /// Live records within reach one by one, beside those of the classes.
    pub singly: Vec<RecordId>,
    /// The fields that are shown, rising.
    pub fields: Vec<FieldId>,
}

impl Scope {
    /// Whether the records of a class are within reach.
    pub fn holds(&self, class: ClassId) -> bool {
        self.permit.classes().binary_search_by_key(&class, |(class, _)| *class).is_ok()
    }

    /// Whether a field is shown. Whoever sees a record sees what is attached to it, unless a field names that.
    pub fn shows(&self, field: FieldId) -> bool {
        field == ATTACHED || self.fields.binary_search(&field).is_ok()
    }

    fn is_alike(&self, other: &Self) -> bool {
        self.permit.basis() == other.permit.basis()
            && self.singly == other.singly
            && self.fields == other.fields
    }
}

/// What a session may see, as long as nothing changes that this follows from.
#[derive(Debug)]
pub(crate) struct Visibility {
    /// A number that no other one of this process has, by which anything else is seen.
    pub number: u64,
    /// By entity; an entity that is not here is out of reach.
    pub scopes: BTreeMap<EntityId, Scope>,
    /// The policy by which it was made, which goes when nobody decides by it any more.
    policy: Weak<Policy>,
    /// The newest entry of the ledger then, from which single records follow.
    position: u64,
    /// The registry by which it was made.
    pub registry: Arc<Registry>,
}

/// Whose it is: the user, on whose behalf, and of which entity alone.
type Viewer = (RecordId, Option<RecordId>, Option<EntityId>);

/// What those see who searched lately. What it holds, permits hold anyway.
#[derive(Default)]
struct Seen(Mutex<HashMap<Viewer, Arc<Visibility>>>);

/// Most people of whom it is kept what they see.
const MAX_SEEN: usize = 2_000;

impl Session {
    /// What this session may see now, of one entity or of all.
    ///
    /// # Errors
    /// `access.session_ended`, `storage.io`.
    pub(crate) fn visibility(&self, only: Option<EntityId>) -> Result<Arc<Visibility>> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let kept = self.crm().slot(|| Ok(Seen::default()))?;
        let viewer = (self.user(), self.delegator(), only);
        self.read(|reader| {
            let known = kept.0.lock().unwrap_or_else(PoisonError::into_inner).get(&viewer).cloned();
            let is_now = |known: &&Arc<Visibility>| {
                known.policy.as_ptr() == Arc::as_ptr(reader.policy)
                    && Arc::ptr_eq(&known.registry, reader.registry)
            };
            if let Some(known) = known.as_ref().filter(is_now) {
                return Ok(Arc::clone(known));
            }
            let (permits, position) = (permits(&reader, only)?, reader.snapshot.head()?.position);
            // Who has shares or acts for somebody has a policy of their own in each view.
            let is_same = |known: &&Arc<Visibility>| {
                let mut both = known.scopes.iter().zip(&permits);
                known.position == position
                    && Arc::ptr_eq(&known.registry, reader.registry)
                    && known.scopes.len() == permits.len()
                    && both.all(|((one, scope), (other, now))| {
                        *one == other.id() && scope.permit.is_same_as(now)
                    })
            };
            if let Some(known) = known.as_ref().filter(is_same) {
                return Ok(Arc::clone(known));
            }
            let scopes = scopes(&reader, permits)?;
            let is_alike = |known: &&Arc<Visibility>| {
                let mut both = known.scopes.iter().zip(&scopes);
                Arc::ptr_eq(&known.registry, reader.registry)
                    && known.scopes.len() == scopes.len()
                    && both.all(|((one, before), (other, now))| one == other && before.is_alike(now))
            };
            let number = known.as_ref().filter(is_alike).map(|known| known.number);
            let number = number.unwrap_or_else(|| LAST.fetch_add(1, Ordering::Relaxed).saturating_add(1));
            let (policy, registry) = (Arc::downgrade(reader.policy), Arc::clone(reader.registry));
            let seen = Arc::new(Visibility { number, scopes, policy, position, registry });
            let mut kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= MAX_SEEN {
                kept.clear();
            }
            kept.insert(viewer, Arc::clone(&seen));
            Ok(seen)
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

/// The permits of what may be read, by the numbers of the entities, rising.
fn permits<'r>(reader: &'r Reader<'_>, only: Option<EntityId>) -> Result<Vec<(&'r Entity, Permit<Read>)>> {
    let mut permits = Vec::new();
    let asked = |entity: &&Entity| only.is_none_or(|only| only == entity.id());
    for entity in reader.registry().entities().iter().filter(asked) {
        // Whether a link is seen follows from its ends, and not from its class.
        if entity.ends().is_none() && reader.may(&entity.api_name, Action::Read) {
            permits.push((entity, reader.permit(entity)?));
        }
    }
    permits.sort_by_key(|(entity, _)| entity.id());
    Ok(permits)
}

fn scopes(reader: &Reader<'_>, permits: Vec<(&Entity, Permit<Read>)>) -> Result<BTreeMap<EntityId, Scope>> {
    let mut scopes = BTreeMap::new();
    for (entity, permit) in permits {
        let mut fields = reader.shown_fields(&entity.api_name)?;
        fields.sort_unstable();
        let singly = shared_records(reader.snapshot, &permit, entity)?;
        scopes.insert(entity.id(), Scope { permit, singly, fields });
    }
    Ok(scopes)
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
    pub(crate) fn sealed_files(&self, folder: &str) -> SealedFiles {
        let key = self.inner.database.ring().derive(folder);
        let random = std::sync::Arc::clone(&self.inner.random);
        let gate = self.inner.gate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        SealedFiles::new(self.inner.path.join(folder), key, random).behind(gate)
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

    /// Live records of an entity, WITHOUT a permit, for the same readers: the newest first, those below an id or all,
    /// about as many as are asked for. Beside them the id below which to go on; nothing where none are left.
    ///
    /// # Errors
    /// `storage.damaged`, `engine.cancelled`.
    pub(crate) fn newest_unchecked(
        &self,
        entity: EntityId,
        (below, most): (Option<RecordId>, usize),
        patience: &Patience,
    ) -> Result<(Vec<Record>, Option<RecordId>)> {
        newest_records(self.durable_snapshot()?.as_ref(), entity, (below, most), patience)
    }

    /// How many live records an entity has, whoever may see them, for the same readers.
    ///
    /// # Errors
    /// `storage.damaged`.
    pub(crate) fn live_unchecked(&self, entity: &Entity) -> Result<u64> {
        live_records(self.durable_snapshot()?.as_ref(), entity)
    }
}
