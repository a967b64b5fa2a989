//! The reader of the ledger that keeps the index in step: what changed is read again and indexed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use super::analysis::{ANALYZER_VERSION, Analyzer};
use super::directory::FileStore;
use super::index::{Change, Cursor, Identity, Index};
use super::schema::Document;
use crate::base::{EntityId, Patience, RecordId, Result, Value};
use crate::engine::{Crm, SealedFiles};
use crate::schema::{Field, Registry, SearchClass};

/// The folder of the index within the database.
const FOLDER: &str = "index";
/// Entries of the ledger that one commit of the index takes in.
const CHUNK: usize = 5_000;
/// Entries that change nothing which is searched, after which the index notes how far it has come all the same, so
/// that the next open does not read them again.
const FAR: u64 = 50_000;

/// Changed records that are written to the index at once. Fewer wait in memory, so that many small changes share one
/// write, which costs some ten files and as many waits for the disk, however small it is.
const MANY: usize = 1_000;

/// The index of one open database, and how far it has followed.
pub(super) struct Feed {
    state: Mutex<State>,
}

pub(super) struct State {
    pub index: Index,
    identity: Identity,
    files: Arc<dyn FileStore>,
    /// Position up to which nothing is missing; ahead of the index's own cursor where the last entries
    /// changed no record.
    seen: u64,
}

impl Feed {
    /// The feed of a database, opened at its first use.
    pub fn of(crm: &Crm) -> Result<Arc<Self>> {
        crm.slot(|| {
            let files: Arc<dyn FileStore> = Arc::new(crm.sealed_files(FOLDER)?);
            let identity = identity(crm);
            let (index, _) = Index::open_or_create(Arc::clone(&files), identity)?;
            let mut state = State { index, identity, files, seen: 0 };
            state.resume(crm)?;
            Ok(Self { state: Mutex::new(state) })
        })
    }

    /// The index, brought up to the newest durable entry of the ledger.
    pub fn caught_up(&self, crm: &Crm, patience: &Patience) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.catch_up(crm, patience).is_err() {
            // The index is a projection: whatever is wrong with it, it is made anew from the records.
            patience.check()?;
            state.index.reset()?;
            state.seen = 0;
            state.catch_up(crm, patience)?;
        }
        Ok(state)
    }
}

impl State {
    /// Goes on where the index stopped, if it followed this ledger and not one that was lost.
    fn resume(&mut self, crm: &Crm) -> Result<()> {
        self.seen = 0;
        let Some(cursor) = self.index.cursor() else { return Ok(()) };
        let known = crm.entry_at(cursor.position)?;
        if known.is_some_and(|head| head.position == cursor.position && head.hash == cursor.chain) {
            self.seen = cursor.position;
            return Ok(());
        }
        self.index.reset()
    }

    /// Takes out what the index still holds of records that changed or are gone. What is wrong with it makes it
    /// begin anew, which leaves nothing of them either.
    pub fn purge(&mut self) -> Result<u64> {
        let purged = self.index.settle().and_then(|()| self.index.purge());
        if purged.is_err() {
            self.seen = 0;
        }
        purged
    }

    fn catch_up(&mut self, crm: &Crm, patience: &Patience) -> Result<()> {
        let wanted = identity(crm);
        if wanted != self.identity {
            (self.index, _) = Index::open_or_create(Arc::clone(&self.files), wanted)?;
            self.identity = wanted;
            self.resume(crm)?;
        }
        if self.index.reached().is_none() {
            self.seen = 0;
        }
        let registry = crm.registry();
        while self.seen < crm.head()?.position {
            patience.check()?;
            let (changed, last) = crm.changed_after(self.seen, CHUNK)?;
            let changes = changes(crm, &registry, &changed)?;
            let kept = self.index.cursor().map_or(0, |cursor| cursor.position);
            let cursor = Cursor { position: last.position, chain: last.hash };
            if changes.len() >= MANY || last.position.saturating_sub(kept) >= FAR {
                self.index.apply(&changes, cursor)?;
            } else if !changes.is_empty() {
                self.index.take(&changes, cursor)?;
            }
            self.seen = last.position;
        }
        Ok(())
    }
}

/// Some records as the index would take them, those left out that are gone.
pub(super) fn created(crm: &Crm, records: &BTreeSet<(EntityId, RecordId)>) -> Result<Vec<Change>> {
    let mut changes = changes(crm, &crm.registry(), records)?;
    changes.retain(|change| matches!(change, Change::Upsert(_)));
    Ok(changes)
}

fn changes(crm: &Crm, registry: &Registry, changed: &BTreeSet<(EntityId, RecordId)>) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for (entity, id) in changed {
        if !is_searchable(registry, *entity) {
            continue;
        }
        changes.push(match crm.record_unchecked(*entity, *id)? {
            Some(record) => Change::Upsert(Document {
                record: *id,
                kind: entity.number(),
                class: record.envelope.class.number(),
                changed: record.envelope.modified.at().micros(),
                owner: *record.envelope.owner.as_bytes(),
                fields: texts(registry, *entity, &record),
            }),
            None => Change::Delete(*id),
        });
    }
    Ok(changes)
}

fn is_searchable(registry: &Registry, entity: EntityId) -> bool {
    let entity = registry.entity_by_id(entity);
    entity.is_ok_and(|entity| entity.fields().iter().any(|field| field.definition.search.is_some()))
}

fn texts(
    registry: &Registry,
    entity: EntityId,
    record: &crate::engine::Record,
) -> Vec<(u32, Analyzer, String)> {
    let fields = registry.entity_by_id(entity).map(crate::schema::Entity::fields).unwrap_or_default();
    let texts = fields.iter().filter_map(|field| {
        let analyzer = analyzer(field.definition.search?);
        let texts = text_in_all_languages(registry, entity, field, record);
        Some(texts.into_iter().map(move |text| (field.id().number(), analyzer, text)))
    });
    texts.flatten().collect()
}

/// The text of a field, and its translations, which are found as the text itself is.
fn text_in_all_languages(
    registry: &Registry,
    entity: EntityId,
    field: &Field,
    record: &crate::engine::Record,
) -> Vec<String> {
    let kept = registry.entity_by_id(entity).ok().and_then(|entity| entity.translations_of(field));
    let translations = match kept.map(|kept| record.value(kept.id())) {
        Some(Value::Map(texts)) => texts.into_values().collect(),
        _ => Vec::new(),
    };
    let texts = std::iter::once(record.value(field.id())).chain(translations);
    texts.filter_map(|text| text.as_text().map(str::to_owned)).collect()
}

fn analyzer(class: SearchClass) -> Analyzer {
    match class {
        SearchClass::Title => Analyzer::Title,
        SearchClass::Body => Analyzer::Text,
        SearchClass::Phone => Analyzer::Phone,
        SearchClass::Email => Analyzer::Email,
        SearchClass::Code => Analyzer::Code,
    }
}

/// What the index is built from: the database, and which of its fields are searchable how.
pub(super) fn identity(crm: &Crm) -> Identity {
    let registry = crm.registry();
    let mut hash = Sha256::new();
    for entity in registry.entities() {
        for field in entity.fields() {
            if let Some(class) = field.definition.search {
                hash.update(entity.id().number().to_be_bytes());
                hash.update(field.id().number().to_be_bytes());
                hash.update([class as u8]);
            }
        }
    }
    let digest: [u8; 32] = hash.finalize().into();
    let head = digest.first_chunk::<8>().copied().unwrap_or_default();
    Identity {
        database_id: *crm.identity().as_bytes(),
        schema_version: u64::from_be_bytes(head),
        analyzer_version: ANALYZER_VERSION,
    }
}

impl FileStore for SealedFiles {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(Self::read(self, name)?.map(|bytes| bytes.to_vec()))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        Self::write(self, name, bytes)
    }

    fn exists(&self, name: &str) -> Result<bool> {
        Self::exists(self, name)
    }

    fn delete(&self, name: &str) -> Result<()> {
        Self::delete(self, name).map(|_| ())
    }

    fn clear(&self) -> Result<()> {
        Self::clear(self)
    }

    fn is_authenticated(&self) -> bool {
        true
    }
}
