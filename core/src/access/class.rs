//! Access classes: records that the same people may see share one small number.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use crate::base::RecordId;

/// Number of an access class within one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(u32);

impl ClassId {
    /// The class with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// What makes records equal before the rules of access. Classes are disjoint: a record has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessClass {
    /// The partition that nothing crosses; 0 is the organisation's own.
    pub partition: u32,
    /// The unit that the record belongs to.
    pub unit: Option<RecordId>,
    /// The user who owns the record.
    pub owner: RecordId,
}

/// The classes of a database, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct ClassTable {
    all: Vec<(ClassId, AccessClass)>,
    /// Where the classes of an owner stand among all of them; made when it is first asked for.
    by_owner: OnceLock<HashMap<RecordId, Vec<usize>>>,
    /// The same by unit.
    by_unit: OnceLock<HashMap<RecordId, Vec<usize>>>,
}

impl ClassTable {
    pub fn new(all: Vec<(ClassId, AccessClass)>) -> Self {
        Self { all, by_owner: OnceLock::new(), by_unit: OnceLock::new() }
    }

    /// The same table with further classes, whose numbers are higher.
    pub fn with(&self, further: &[(ClassId, AccessClass)]) -> Self {
        let newest = self.newest();
        let newer = further.iter().filter(|(number, _)| newest.is_none_or(|newest| *number > newest));
        Self::new(self.all.iter().chain(newer).copied().collect())
    }

    pub fn all(&self) -> &[(ClassId, AccessClass)] {
        &self.all
    }

    /// The highest number.
    pub fn newest(&self) -> Option<ClassId> {
        self.all.last().map(|(number, _)| *number)
    }

    /// The classes of these owners and of these units, rising.
    pub fn of(&self, owners: &BTreeSet<RecordId>, units: &BTreeSet<RecordId>) -> Vec<(ClassId, AccessClass)> {
        let by_owner = self.by_owner.get_or_init(|| self.places(|class| Some(class.owner)));
        let by_unit = self.by_unit.get_or_init(|| self.places(|class| class.unit));
        let owned = owners.iter().filter_map(|owner| by_owner.get(owner));
        let within = units.iter().filter_map(|unit| by_unit.get(unit));
        let places: BTreeSet<usize> = owned.chain(within).flatten().copied().collect();
        places.into_iter().filter_map(|place| self.all.get(place).copied()).collect()
    }

    fn places(&self, key: impl Fn(&AccessClass) -> Option<RecordId>) -> HashMap<RecordId, Vec<usize>> {
        let mut places: HashMap<RecordId, Vec<usize>> = HashMap::new();
        for (place, (_, class)) in self.all.iter().enumerate() {
            if let Some(key) = key(class) {
                places.entry(key).or_default().push(place);
            }
        }
        places
    }
}
