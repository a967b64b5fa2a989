//! How many keys a plan reads, as far as that is known cheaply: from counters that writes keep, or from the keys
//! themselves, of which a bounded number is looked at. Both are of the classes that the reader reaches.

use crate::base::Result;
use crate::records::query::count::{known_count, live_in};
use crate::records::query::plan::Plan;
use crate::records::query::sight::Sight;
use crate::storage::RangeRequest;

/// Keys that an estimate reads at most: as many as the storage keeps in memory of a range that is read often.
const SAMPLE: u64 = 256;
/// Ranges that an estimate looks at, at most.
const SAMPLED_LANES: usize = 64;
/// Most classes whose counters an estimate reads.
const MAX_CLASSES: usize = 256;

/// About how many keys there are, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Counters say so.
    Counters(u64),
    /// They were counted.
    Index(u64),
    /// It was worked out from some of the ranges.
    Sample(u64),
    /// At least so many.
    More(u64),
}

impl Size {
    /// The stable name: `counters`, `index`, `sample`, `more`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counters(_) => "counters",
            Self::Index(_) => "index",
            Self::Sample(_) => "sample",
            Self::More(_) => "more",
        }
    }

    /// The number.
    #[must_use]
    pub fn keys(self) -> u64 {
        match self {
            Self::Counters(keys) | Self::Index(keys) | Self::Sample(keys) | Self::More(keys) => keys,
        }
    }

    /// The number, or the largest where there may be any number more.
    pub(super) fn at_most(self) -> u64 {
        if matches!(self, Self::More(_)) { u64::MAX } else { self.keys() }
    }

    /// Of two plans together.
    fn and(self, other: Self) -> Self {
        let keys = self.keys().saturating_add(other.keys());
        match (self, other) {
            (Self::More(_), _) | (_, Self::More(_)) => Self::More(keys),
            (Self::Sample(_), _) | (_, Self::Sample(_)) => Self::Sample(keys),
            (Self::Index(_), _) | (_, Self::Index(_)) => Self::Index(keys),
            (Self::Counters(_), Self::Counters(_)) => Self::Counters(keys),
        }
    }
}

impl Plan<'_> {
    /// About how many keys the plan reads if it is read to its end.
    pub fn size(&self, sight: &Sight<'_>) -> Result<Size> {
        if let Some(these) = &self.these {
            return Ok(Size::Index(u64::try_from(these.len()).unwrap_or(u64::MAX)));
        }
        if let Some(((first, _), rest)) = self.alternatives.split_first() {
            let mut size = first.own_size(sight)?;
            for (plan, _) in rest {
                size = size.and(plan.own_size(sight)?);
            }
            return Ok(size);
        }
        self.own_size(sight)
    }

    fn own_size(&self, sight: &Sight<'_>) -> Result<Size> {
        if self.used.is_empty() {
            return match self.classes.len() {
                0..=MAX_CLASSES => live_in(sight, &self.classes).map(Size::Counters),
                _ => Ok(Size::More(0)),
            };
        }
        match self.sampled(sight)? {
            Size::More(keys) => {
                Ok(known_count(sight, &self.said, &self.classes)?.map_or(Size::More(keys), Size::Counters))
            }
            size => Ok(size),
        }
    }

    fn sampled(&self, sight: &Sight<'_>) -> Result<Size> {
        let lanes = self.lane_count();
        let step = lanes.div_ceil(SAMPLED_LANES).max(1);
        let (mut looked_at, mut keys, mut whole) = (0_u64, 0_u64, step == 1);
        for (range, _) in self.lanes().step_by(step) {
            let rows = usize::try_from(SAMPLE.saturating_sub(keys)).unwrap_or(1).max(1);
            let page = sight.snapshot.scan_kept(&RangeRequest { max_rows: rows, ..range })?;
            looked_at = looked_at.saturating_add(1);
            keys = keys.saturating_add(u64::try_from(page.rows.len()).unwrap_or(u64::MAX));
            if page.more {
                return Ok(Size::More(keys));
            }
            if keys >= SAMPLE {
                whole = false;
                break;
            }
        }
        let lanes = u64::try_from(lanes).unwrap_or(u64::MAX);
        let all = keys.saturating_mul(lanes).checked_div(looked_at).unwrap_or(0);
        Ok(if whole { Size::Index(keys) } else { Size::Sample(all) })
    }
}
