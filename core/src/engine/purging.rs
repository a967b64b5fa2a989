//! Records that were deleted longer ago than the settings keep them go for good, in chunks between which others write.

use crate::access::Action;
use crate::base::{RecordId, Result, Timestamp};
use crate::engine::history::kept_since;
use crate::engine::privacy::forget_consents;
use crate::engine::{Crm, Session};
use crate::records::{self, PURGE_CHUNK, PurgeChunk, WriteContext, look_for_purgeable, purge_begins};
use crate::schema::Entity;
use crate::storage::Snapshot;

/// What the ledger names.
const CAUSE: &str = "record.purge";

/// What a purge took of one entity, or would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgedEntity {
    /// The entity.
    pub entity: String,
    /// Records that were deleted before this moment go.
    pub until: Timestamp,
    /// How many went.
    pub records: u64,
    /// How many stay though they were deleted before it, because somebody has locked them.
    pub locked: u64,
    /// How many stay because they are under a legal hold.
    pub held: u64,
}

impl Session {
    /// Purges the records that were deleted longer ago than the settings keep them for their entity (`purge_days`):
    /// their rows, keys, kept versions and attachments. What the ledger says of them stays as long as `history_days`
    /// keeps it; entries of the kind `purge` name them. Whoever might have seen one is told `record.purged` when
    /// asking for its past or to have it back, and lists of the past no longer have it. Records that somebody has
    /// locked stay, and so do those under a legal hold, and what is left of a person who was forgotten. With `only_say` nothing is taken.
    ///
    /// It looks at all records of the entities, in chunks of two thousand between which others write, and tells the
    /// listener of the session's patience the phase `purge`. A call that was interrupted is gone on with by the next
    /// one.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `engine.cancelled`,
    /// `engine.deadline_exceeded`; `storage.damaged`, `storage.io`.
    pub fn purge_deleted(&self, only_say: bool) -> Result<Vec<PurgedEntity>> {
        self.check_may("sys.role", Action::Administer)?;
        let (registry, settings, now) = (self.crm().registry(), self.crm().settings(), self.crm().now());
        let (mut purged, mut done) = (Vec::new(), 0_u64);
        for entity in registry.entities() {
            let Some(days) = settings.purge_days(&registry, &entity.api_name)? else { continue };
            let until = kept_since(now, days);
            let mut told =
                PurgedEntity { entity: entity.api_name.clone(), until, records: 0, locked: 0, held: 0 };
            let mut after = match only_say {
                true => RecordId::from_bytes([0; 16]),
                false => purge_begins(self.crm().snapshot()?.as_ref(), entity.id())?,
            };
            loop {
                let chunk = self.crm().purge_some(self, entity, (after, until), only_say)?;
                let count = u64::try_from(chunk.ids.len()).unwrap_or(u64::MAX);
                told.records = told.records.saturating_add(count);
                told.locked = told.locked.saturating_add(chunk.locked);
                told.held = told.held.saturating_add(chunk.held);
                done = done.saturating_add(chunk.looked_at);
                self.patience().tell("purge", done, 0);
                match chunk.last.filter(|_| !chunk.finished) {
                    Some(last) => after = last,
                    None => break,
                }
            }
            purged.push(told);
        }
        Ok(purged)
    }
}

impl Crm {
    /// Looks at some records, and purges those of them that go.
    fn purge_some(
        &self,
        session: &Session,
        entity: &Entity,
        (after, until): (RecordId, Timestamp),
        only_say: bool,
    ) -> Result<PurgeChunk> {
        session.patience().check()?;
        // Whoever wants small builds wants small chunks here too.
        let most = usize::try_from(self.inner.build_at_once.clamp(1, PURGE_CHUNK)).unwrap_or(1);
        let sealer = &self.inner.sealer;
        let place = (after, most, until);
        if only_say {
            let snapshot = self.snapshot()?;
            let holds = self.legal_holds(snapshot.as_ref())?;
            let source = (snapshot.as_ref(), sealer, holds.as_ref());
            return look_for_purgeable(source, entity, place, session.patience());
        }
        let (mut chunk, mut files) = (PurgeChunk::default(), Vec::new());
        self.system_write(session.user(), CAUSE, |view, context| {
            let policy = self.policy(view)?;
            let context = WriteContext { holds: self.legal_holds(view)?, ..context.clone() };
            let source = (&*view as &dyn Snapshot, sealer, context.holds.as_ref());
            chunk = look_for_purgeable(source, entity, place, session.patience())?;
            files = records::purge(view, &context, entity, &chunk)?;
            if entity.definition.data_subject {
                let registry = self.registry();
                for person in &chunk.ids {
                    forget_consents(view, &context, (&registry, &policy), *person)?;
                }
            }
            Ok(())
        })?;
        self.delete_unlinked(&files, session.patience());
        Ok(chunk)
    }
}
