//! Personal data that nobody declared, looked for in several partitions by one call.
//!
//! Nothing crosses a partition, and this does not either: whoever answers for several has a user in each, and the call is
//! handed a session of every one of them. Each looks through its own partition with its own rights, one after the other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::discover::{Discover, DiscoverCursor, Discovered, most_looks};
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::Session;

/// How much of a partition the calls so far have covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// An earlier call came to its end.
    Before,
    /// This call came to its end.
    Complete,
    /// This call stopped within it.
    Part,
    /// A later call will come to it.
    Waiting,
}

impl Coverage {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Complete => "complete",
            Self::Part => "part",
            Self::Waiting => "waiting",
        }
    }
}

/// What one call found in one partition.
#[derive(Debug)]
pub struct DiscoveredIn {
    /// The partition by its folded name; none is the organisation's own.
    pub partition: Option<String>,
    /// The user who looked through it.
    pub user: RecordId,
    /// How far that came.
    pub coverage: Coverage,
    /// What this call found, skipped and looked at there.
    pub found: Discovered,
}

/// Where a call over several partitions stopped. Opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcrossCursor {
    partition: Option<String>,
    place: Option<DiscoverCursor>,
}

/// What one call over several partitions found.
#[derive(Debug)]
pub struct DiscoveredAcross {
    /// Each partition that a session was given of, the organisation's own first and the others by name.
    pub partitions: Vec<DiscoveredIn>,
    /// Where to go on, if there is more.
    pub next: Option<AcrossCursor>,
    /// Why it stopped before its limit: it was cancelled, or its time was up.
    pub stopped: Option<Error>,
}

impl Session {
    /// Looks through the partitions of several users for personal data that nobody declared, as
    /// [`Session::discover_personal_data`] does through one: through that of this session and those of others, of the
    /// same database, with no user beyond their own partition and rights. The limit is of the whole call. Who may not look
    /// through a partition is refused before anything is looked at. A call goes on in the partition where the one before
    /// stopped, and is to be given sessions of the same partitions.
    ///
    /// # Errors
    /// Those of [`Session::discover_personal_data`] for each of them; `input.invalid_argument` for a session of another
    /// database, and for two of one partition; `input.invalid_cursor` where none is of the partition where it goes on.
    pub fn discover_across(
        &self,
        others: &[Session],
        asked: &Discover,
        after: Option<&AcrossCursor>,
    ) -> Result<DiscoveredAcross> {
        let sessions = by_partition(self, others)?;
        if asked.after.is_some() || after.is_some_and(|after| !sessions.contains_key(&after.partition)) {
            return Err(Error::new(Code::InvalidCursor));
        }
        for session in sessions.values() {
            session.check_discovers()?;
        }
        let mut left = most_looks(asked.limit);
        let mut told = DiscoveredAcross { partitions: Vec::new(), next: None, stopped: None };
        for (partition, session) in sessions {
            let at = after.filter(|after| after.partition == partition);
            let is_before = after.is_some_and(|after| partition < after.partition);
            let is_waiting = told.next.is_some();
            let mut part = DiscoveredIn {
                partition,
                user: session.user(),
                coverage: if is_before { Coverage::Before } else { Coverage::Waiting },
                found: Discovered::default(),
            };
            if !is_before && !is_waiting {
                let place = at.and_then(|after| after.place.clone());
                left = part.look(session, (asked, place, left), &mut told)?;
            }
            told.partitions.push(part);
        }
        Ok(told)
    }
}

impl DiscoveredIn {
    /// Looks through the partition as far as there is room, and gives how much is left of it.
    fn look(
        &mut self,
        session: &Session,
        (asked, place, left): (&Discover, Option<DiscoverCursor>, usize),
        told: &mut DiscoveredAcross,
    ) -> Result<usize> {
        if left == 0 {
            told.next = Some(AcrossCursor { partition: self.partition.clone(), place });
            return Ok(0);
        }
        let within = Discover { entities: asked.entities.clone(), limit: left, after: place };
        self.found = session.discover_personal_data(&within)?;
        self.coverage = if self.found.next.is_some() { Coverage::Part } else { Coverage::Complete };
        let place = self.found.next.take();
        told.next = place.map(|place| AcrossCursor { partition: self.partition.clone(), place: Some(place) });
        told.stopped = self.found.stopped.take();
        let looked = usize::try_from(self.found.looked_at).unwrap_or(usize::MAX);
        Ok(left.saturating_sub(looked))
    }
}

/// Sessions by their partitions, one of each.
fn by_partition<'s>(
    own: &'s Session,
    others: &'s [Session],
) -> Result<BTreeMap<Option<String>, &'s Session>> {
    let refused = |rule: &str| Error::new(Code::InvalidArgument).field("sessions").rule(rule);
    let mut sessions = BTreeMap::new();
    for session in std::iter::once(own).chain(others) {
        if !own.crm().is_same(session.crm()) {
            return Err(refused("of one database"));
        }
        let partition = session.read(|reader| reader.partition())?;
        if sessions.insert(partition, session).is_some() {
            return Err(refused("one of each partition"));
        }
    }
    Ok(sessions)
}
