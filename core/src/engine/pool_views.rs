//! How many records of pools somebody opens in a day, where a pool sets a limit.
//!
//! What is counted are records that are opened one at a time, their history and attachments among it; one that is opened
//! again on the same day counts once, as long as it is remembered. Lists are not counted: what a pool wants to keep back
//! there, it hides or masks. The counters are of this process: a database that is opened anew begins to count anew, and
//! so does a day.
//! Invariants: of as many people and pools as are counted at once nobody opens more than the limit lets them while the
//! process runs; what is remembered is bounded, whatever the limits are; a refusal gives nothing of the record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use crate::access::pool;
use crate::base::{Code, Date, Error, RecordId, Result, Value};
use crate::engine::reader::Reader;
use crate::engine::{BeforeSave, Save};
use crate::records::Record;
use crate::schema::{Entity, FieldName};

/// Most views in a day that a pool may set as its limit.
const MAX_VIEWS: i64 = 10_000;
/// Most pairs of a person and a pool of which views are counted at once.
const MAX_COUNTED: usize = 100_000;
/// Most records that are remembered at once, so that they count once. Beyond that each view counts.
const MAX_REMEMBERED: usize = 1_000_000;

/// What was opened on a day.
#[derive(Debug, Default)]
pub(super) struct PoolViews {
    day: Option<Date>,
    /// By person and pool.
    opened: BTreeMap<(RecordId, RecordId), Opened>,
    /// How many records are remembered of all of them.
    remembered: usize,
}

/// What one person opened of one pool.
#[derive(Debug, Default)]
struct Opened {
    views: u64,
    records: BTreeSet<RecordId>,
}

impl PoolViews {
    /// Counts a record that somebody opens, and tells whether the limit lets them.
    fn open(&mut self, day: Date, (user, pool): (RecordId, RecordId), record: RecordId, most: u64) -> bool {
        if self.day != Some(day) {
            *self = Self { day: Some(day), ..Self::default() };
        }
        if self.opened.len() >= MAX_COUNTED && !self.opened.contains_key(&(user, pool)) {
            let gone = self.opened.pop_first().map_or(0, |(_, opened)| opened.records.len());
            self.remembered = self.remembered.saturating_sub(gone);
        }
        let opened = self.opened.entry((user, pool)).or_default();
        if opened.records.contains(&record) {
            return true;
        }
        if opened.views >= most {
            return false;
        }
        opened.views = opened.views.saturating_add(1);
        if self.remembered < MAX_REMEMBERED {
            self.remembered = self.remembered.saturating_add(1);
            opened.records.insert(record);
        }
        true
    }
}

impl Reader<'_> {
    /// Counts a record of a pool that the user is about to see by itself.
    ///
    /// # Errors
    /// `pool.views` when the user has opened as many today as the pool lets anybody.
    pub(super) fn opens(&self, entity: &Entity, record: &Record) -> Result<()> {
        let pool = record.envelope.owner;
        let Some(most) = self.policy.views_per_day(self.user, &entity.api_name, pool) else { return Ok(()) };
        let day = self.now.date_in(&self.settings.zone()?);
        let mut views = self.crm.inner.pool_views.lock().unwrap_or_else(PoisonError::into_inner);
        if views.open(day, (self.user, pool), record.id, most) {
            return Ok(());
        }
        let refused = Error::new(Code::PoolViews).entity(&entity.api_name).record(record.id);
        Err(refused.rule(&format!("{most} a day")))
    }
}

/// Holds a pool to fields that there are, and to a limit that can be counted.
pub(super) struct CheckPool;

impl BeforeSave for CheckPool {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        for field in [pool::HIDDEN_FIELDS, pool::MASKED_FIELDS] {
            let names = save.value(field)?;
            if !save.changes(field)? {
                continue;
            }
            let names = names.as_text().unwrap_or_default().split(',').map(str::trim);
            for name in names.filter(|name| !name.is_empty()) {
                if !save.is_field_of_any(name) {
                    return Err(Error::new(Code::UnknownField).field(field.name()).value(name));
                }
            }
        }
        match save.value(pool::VIEWS_PER_DAY)? {
            Value::Int(most) if !(1..=MAX_VIEWS).contains(&most) => {
                Err(Error::new(Code::OutOfRange).field(pool::VIEWS_PER_DAY.name()).rule("1 to 10000"))
            }
            _ => Ok(()),
        }
    }
}

impl Save<'_> {
    /// Whether an entity whose records pools may own has a field of a name.
    fn is_field_of_any(&self, name: &str) -> bool {
        let mut owned = self.registry.entities().iter().filter(|known| !known.api_name.starts_with("sys."));
        owned.any(|known| known.field(FieldName::Name(name)).is_ok())
    }
}
