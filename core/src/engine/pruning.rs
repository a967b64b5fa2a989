//! Values of versions that are older than what the settings keep are taken out of the ledger, in chunks between which
//! others write.

use std::collections::BTreeMap;

use crate::access::Action;
use crate::base::{EntityId, Result, Timestamp};
use crate::engine::history::kept_since;
use crate::engine::{At, Crm, EntryKind, Session};
use crate::records::{PRUNE_CHUNK, PruneChunk, empty_old, look_for_old, pruned_up_to, resolve};

/// What a pruning took out, or would take out, of the history of one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunedEntity {
    /// The entity.
    pub entity: String,
    /// Versions that were made before this moment are pruned.
    pub until: Timestamp,
    /// How many versions lost their values.
    pub versions: u64,
}

/// What is looked at in one walk over the ledger: entities that keep as many days, each with the entry up to which
/// its own were looked at before.
struct Walk {
    until: Timestamp,
    entities: BTreeMap<EntityId, u64>,
    /// The entry behind which the walk begins.
    after: u64,
    /// The entry with which it ends.
    last: u64,
}

impl Session {
    /// Takes the values of all versions out of the ledger that are older than the settings keep for their entity
    /// (`history_days`). What stands in the clear of each version stays, with the commitments to its values, so that
    /// the chain and every proof of it verify as before. Whoever asks for a time or a version that was pruned is
    /// told `history.expired`, whatever the settings say later; increments of backups begin behind a full backup
    /// that is newer. With `only_say` nothing is taken out.
    ///
    /// Of an entity of which anything is under a legal hold nothing is taken out.
    ///
    /// It goes in chunks of two thousand entries, between which others write, and tells the listener of the
    /// session's patience the phase `history`. A call that was interrupted is gone on with by the next one; one that
    /// was not looks at no entry twice, but where entities keep different numbers of days.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `engine.cancelled`,
    /// `engine.deadline_exceeded`; `storage.damaged`, `storage.io`.
    pub fn prune_history(&self, only_say: bool) -> Result<Vec<PrunedEntity>> {
        self.check_may("sys.role", Action::Administer)?;
        let walks = self.walks()?;
        let total =
            walks.iter().map(|walk| walk.last.saturating_sub(walk.after)).fold(0, u64::saturating_add);
        let (mut done, mut found) = (0_u64, BTreeMap::<EntityId, (Timestamp, u64)>::new());
        for walk in walks {
            found.extend(walk.entities.keys().map(|entity| (*entity, (walk.until, 0))));
            let mut after = walk.after;
            loop {
                let chunk = self.crm().prune_some(self, &walk, after, only_say)?;
                for (entity, (versions, _)) in &chunk.entities {
                    let known = found.entry(*entity).or_insert((walk.until, 0));
                    known.1 = known.1.saturating_add(*versions);
                }
                done = done.saturating_add(chunk.last.saturating_sub(after));
                after = chunk.last;
                self.patience().tell("history", done, total.max(done));
                if chunk.finished {
                    break;
                }
            }
        }
        let pruned = self.pruned_entities(found)?;
        if !only_say && pruned.iter().any(|entity| entity.versions > 0) {
            let text = pruned.iter().map(|entity| format!("{}: {}", entity.entity, entity.versions));
            let text = text.collect::<Vec<_>>().join(", ");
            self.crm().enter_note(self.user(), EntryKind::Settings, "history.prune", &text)?;
        }
        Ok(pruned)
    }

    /// The walks that are to be done, one for each number of days that entities keep.
    fn walks(&self) -> Result<Vec<Walk>> {
        let (registry, settings, now) = (self.crm().registry(), self.crm().settings(), self.crm().now());
        let snapshot = self.crm().snapshot()?;
        let mut walks = BTreeMap::<u32, Walk>::new();
        for entity in registry.entities() {
            let Some(days) = settings.history_days(&registry, &entity.api_name)? else { continue };
            if self.crm().is_any_held(snapshot.as_ref(), entity)? {
                continue;
            }
            let walked = pruned_up_to(snapshot.as_ref(), entity.id())?;
            let until = kept_since(now, days);
            let last = resolve(snapshot.as_ref(), At::Time(until))?;
            let fresh = Walk { until, entities: BTreeMap::new(), after: u64::MAX, last };
            let walk = walks.entry(days).or_insert(fresh);
            walk.after = walk.after.min(walked).min(last);
            walk.entities.insert(entity.id(), walked);
        }
        Ok(walks.into_values().collect())
    }

    fn pruned_entities(&self, found: BTreeMap<EntityId, (Timestamp, u64)>) -> Result<Vec<PrunedEntity>> {
        let registry = self.crm().registry();
        let told = found.into_iter().map(|(entity, (until, versions))| {
            let entity = registry.entity_by_id(entity)?.api_name.clone();
            Ok(PrunedEntity { entity, until, versions })
        });
        told.collect()
    }
}

impl Crm {
    /// Looks at some entries of a walk, and empties those that are old.
    fn prune_some(&self, session: &Session, walk: &Walk, after: u64, only_say: bool) -> Result<PruneChunk> {
        // Whoever wants small builds wants small chunks here too.
        let most = usize::try_from(self.inner.build_at_once.clamp(1, PRUNE_CHUNK)).unwrap_or(1);
        let place = (after, most, walk.until);
        if only_say {
            return look_for_old(self.snapshot()?.as_ref(), &walk.entities, place, session.patience());
        }
        let (mut told, registry) = (PruneChunk::default(), self.registry());
        self.engine_write(session.patience(), |view| {
            let chunk = look_for_old(view, &walk.entities, place, session.patience())?;
            told = PruneChunk {
                emptied: Vec::new(),
                entities: chunk.entities.clone(),
                last: chunk.last,
                finished: chunk.finished,
            };
            empty_old(view, &registry, &walk.entities, chunk)
        })?;
        Ok(told)
    }
}
