//! The front of a list whose records are of many classes: the first keys of all their ranges, merged and kept, so that
//! a page of it costs the same for whoever reaches ten thousand classes as for one who reaches two.
//!
//! Where something changed in a few of the classes, their keys are taken out and read again as far as the front goes;
//! the other keys stand. What lies behind the front is merged from the ranges as ever.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::ClassId;
use crate::base::{FieldId, RecordId, Result};
use crate::records::derived::index_front;
use crate::records::query::answers::{Answer, Basis, Changes, Known, Question};
use crate::records::query::lanes::Merge;
use crate::records::query::plan::Plan;
use crate::records::query::sight::Sight;
use crate::storage::{Family, Keyspace};

/// Most keys of a front.
const MOST: usize = 256;
/// From so many ranges on a front is kept; fewer are merged as quickly.
const MANY: usize = 8;
/// Most classes that are read again, rather than the whole front.
const FEW: usize = 64;
/// Bytes of a key in memory beside its own.
const KEY_BYTES: usize = 32;

/// A key without what stands before the components that order it, and its class.
type Place = (Vec<u8>, ClassId);

/// The first keys of a list.
pub(super) struct Heads {
    basis: Basis,
    index: FieldId,
    keys: Vec<Place>,
    /// Whether these are all.
    whole: bool,
}

impl Answer for Heads {
    fn basis(&self) -> &Basis {
        &self.basis
    }

    fn changes(&self, sight: &Sight<'_>, since: u64) -> Option<Changes> {
        let (family, _) = Family::of(Keyspace::Index, &index_front(sight.entity.id()))?;
        let classes = Basis::classes(sight, (family, Some(self.index)), since)?;
        Some(Changes { classes, records: false })
    }

    fn bytes(&self) -> usize {
        let keys = self.keys.iter().map(|(place, _)| place.capacity().saturating_add(KEY_BYTES));
        keys.fold(size_of::<Self>(), usize::saturating_add)
    }
}

impl Heads {
    /// The front of a list, if it is worth keeping one and it holds what is wanted.
    fn of(sight: &Sight<'_>, plan: &Plan<'_>, wanted: usize) -> Result<Option<Arc<Self>>> {
        let is_many = plan.lane_count() >= MANY && plan.classes.len() == sight.permit.classes().len();
        if !is_many || !plan.is_of_one_index() || plan.several || wanted > MOST / 2 {
            return Ok(None);
        }
        let Some(question) = Question::heads(sight, plan) else { return Ok(None) };
        let (heads, basis) = match question.recall::<Self>(sight) {
            Known::Nothing => return Ok(None),
            Known::Stands(heads) => return Ok(Some(heads)),
            Known::Stale(before, changes) if changes.classes.len() <= FEW => {
                let Some(basis) = Basis::of(sight) else { return Ok(None) };
                (before.renewed(sight, plan, &changes.classes)?, basis)
            }
            Known::Wanted | Known::Stale(..) => {
                let Some(basis) = Basis::of(sight) else { return Ok(None) };
                (read(sight, plan, None)?, basis)
            }
        };
        let (keys, whole) = match heads {
            (keys, false) if keys.len() < wanted => read(sight, plan, None)?,
            heads => heads,
        };
        let heads = Arc::new(Self { basis, index: plan.index.field, keys, whole });
        question.remember(sight, &heads);
        Ok(Some(heads))
    }

    /// The keys where some classes are read again.
    fn renewed(
        &self,
        sight: &Sight<'_>,
        plan: &Plan<'_>,
        changed: &BTreeSet<ClassId>,
    ) -> Result<(Vec<Place>, bool)> {
        let end = self.keys.last().filter(|_| !self.whole).map(|(place, _)| place.as_slice());
        let again = plan.of_classes(changed.iter().copied().collect());
        let (fresh, fresh_whole) = read(sight, &again, end)?;
        let stand = self.keys.iter().filter(|(_, class)| !changed.contains(class)).cloned();
        let mut keys: Vec<Place> = stand.chain(fresh).collect();
        keys.sort_by(|(left, _), (right, _)| plan.compare(left, right));
        let whole = self.whole && fresh_whole && keys.len() <= MOST;
        keys.truncate(MOST);
        Ok((keys, whole))
    }

    /// The places of the keys behind one.
    fn behind(&self, plan: &Plan<'_>, after: Option<&[u8]>) -> usize {
        let Some(after) = after else { return 0 };
        self.keys.partition_point(|(place, _)| plan.compare(place, after) != Ordering::Greater)
    }
}

/// The first keys of the ranges of a plan up to one, and whether these are all that there are.
fn read(sight: &Sight<'_>, plan: &Plan<'_>, end: Option<&[u8]>) -> Result<(Vec<Place>, bool)> {
    let mut merge = Merge::new(sight.snapshot, plan, None, MOST)?;
    let mut keys = Vec::new();
    while let Some((place, class)) = merge.next_place(sight.snapshot)? {
        let is_behind = |end: &[u8]| plan.compare(&place, end) == Ordering::Greater;
        if keys.len() == MOST || end.is_some_and(is_behind) {
            return Ok((keys, false));
        }
        keys.push((place, class));
    }
    Ok((keys, true))
}

/// The records of a plan in the order of its ranges: from the front that is kept, and then from the ranges.
pub(super) struct Stream<'a> {
    sight: &'a Sight<'a>,
    plan: &'a Plan<'a>,
    wanted: usize,
    after: Option<Vec<u8>>,
    /// The front, and the next of its keys.
    front: Option<(Arc<Heads>, usize)>,
    merge: Option<Merge>,
}

impl<'a> Stream<'a> {
    pub fn new(
        sight: &'a Sight<'a>,
        plan: &'a Plan<'a>,
        after: Option<Vec<u8>>,
        wanted: usize,
    ) -> Result<Self> {
        let heads = Heads::of(sight, plan, wanted)?;
        let front = heads.map(|heads| {
            let next = heads.behind(plan, after.as_deref());
            (heads, next)
        });
        Ok(Self { sight, plan, wanted, after, front, merge: None })
    }

    /// The next records, as many as are wanted or there are.
    pub fn batch(&mut self, most: usize) -> Result<Vec<RecordId>> {
        let mut ids = Vec::with_capacity(most.min(MOST));
        if let Some((heads, next)) = &mut self.front {
            for (place, _) in heads.keys.iter().skip(*next).take(most) {
                ids.extend(RecordId::from_suffix(place));
                *next = next.saturating_add(1);
            }
            if ids.len() == most || heads.whole {
                return Ok(ids);
            }
            // What follows is merged from the ranges, behind the front or behind where the page begins.
            let end = heads.keys.last().map(|(place, _)| place.clone());
            let is_further = |end: &Vec<u8>| {
                let after = self.after.as_ref();
                after.is_none_or(|after| self.plan.compare(end, after) == Ordering::Greater)
            };
            if let Some(end) = end.filter(is_further) {
                self.after = Some(end);
            }
            self.front = None;
        }
        let mut merge = match self.merge.take() {
            Some(merge) => merge,
            None => Merge::new(self.sight.snapshot, self.plan, self.after.as_deref(), self.wanted)?,
        };
        ids.extend(merge.batch(self.sight.snapshot, most.saturating_sub(ids.len()))?);
        self.merge = Some(merge);
        Ok(ids)
    }
}
