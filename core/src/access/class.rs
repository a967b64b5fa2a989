//! Access classes: records that the same people may see share one small number.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

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

/// Something beside partition, unit and owner by which records are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// They meet the criteria of the sharing rule with this label.
    Rule(u32),
    /// They belong to a record of this class, by the setting with this label.
    Parent(u32, ClassId),
}

impl Mark {
    /// The label, and the number of the class or 0: how a mark is stored.
    #[must_use]
    pub const fn parts(self) -> (u32, u32) {
        match self {
            Self::Rule(label) => (label, 0),
            Self::Parent(label, class) => (label, class.number()),
        }
    }

    /// The mark that is stored so. No class has the number 0.
    #[must_use]
    pub const fn of_parts((label, class): (u32, u32)) -> Self {
        match class {
            0 => Self::Rule(label),
            class => Self::Parent(label, ClassId::new(class)),
        }
    }

    /// The same of every class.
    const fn label(self) -> Label {
        match self {
            Self::Rule(label) => Label::Rule(label),
            Self::Parent(label, _) => Label::Parent(label),
        }
    }
}

/// What marks have in common that one rule or setting gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Label {
    Rule(u32),
    Parent(u32),
}

/// The marks of a record, rising, each once. A class holds them whole, so that it says by itself who reaches it: a
/// permit decides about one that was interned a moment ago as about any other.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marks(Option<Arc<[Mark]>>);

impl Marks {
    /// These marks.
    #[must_use]
    pub fn new(marks: BTreeSet<Mark>) -> Self {
        Self((!marks.is_empty()).then(|| marks.into_iter().collect()))
    }

    /// The marks.
    pub fn iter(&self) -> impl Iterator<Item = Mark> + '_ {
        self.0.iter().flat_map(|marks| marks.iter().copied())
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// What makes records equal before the rules of access. Classes are disjoint: a record has one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessClass {
    /// The partition that nothing crosses; 0 is the organisation's own.
    pub partition: u32,
    /// The unit that the record belongs to.
    pub unit: Option<RecordId>,
    /// The user who owns the record, or the pool that does.
    pub owner: RecordId,
    /// The sharing rules that it meets, and the classes of the records that it belongs to.
    pub marks: Marks,
}

impl AccessClass {
    /// Whether it has the same owner, unit and partition as another one. What else differs follows from the records.
    #[must_use]
    pub fn is_placed_as(&self, other: &Self) -> bool {
        (self.partition, self.unit, self.owner) == (other.partition, other.unit, other.owner)
    }
}

/// The classes of a database, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct ClassTable {
    all: Vec<(ClassId, AccessClass)>,
    /// Where the classes of an owner stand among all of them; made when it is first asked for.
    by_owner: OnceLock<HashMap<RecordId, Vec<usize>>>,
    /// The same by unit.
    by_unit: OnceLock<HashMap<RecordId, Vec<usize>>>,
    /// The same by what their marks have in common.
    by_label: OnceLock<HashMap<Label, Vec<usize>>>,
}

impl ClassTable {
    pub fn new(all: Vec<(ClassId, AccessClass)>) -> Self {
        Self { all, ..Self::default() }
    }

    /// The same table with further classes, whose numbers are higher.
    pub fn with(&self, further: &[(ClassId, AccessClass)]) -> Self {
        let newest = self.newest();
        let newer = further.iter().filter(|(number, _)| newest.is_none_or(|newest| *number > newest));
        Self::new(self.all.iter().chain(newer).cloned().collect())
    }

    pub fn all(&self) -> &[(ClassId, AccessClass)] {
        &self.all
    }

    /// The highest number.
    pub fn newest(&self) -> Option<ClassId> {
        self.all.last().map(|(number, _)| *number)
    }

    /// The class with a number.
    pub fn get(&self, number: ClassId) -> Option<&AccessClass> {
        let place = self.all.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.all.get(place).map(|(_, class)| class)
    }

    /// The classes of these owners, of these units and with such labels, rising.
    pub fn of(
        &self,
        owners: &BTreeSet<RecordId>,
        units: &BTreeSet<RecordId>,
        labels: impl Iterator<Item = Label>,
    ) -> Vec<(ClassId, AccessClass)> {
        let by_owner = self.by_owner.get_or_init(|| self.places(|class| [class.owner]));
        let by_unit = self.by_unit.get_or_init(|| self.places(|class| class.unit));
        let by_label = self
            .by_label
            .get_or_init(|| self.places(|class| class.marks.iter().map(Mark::label).collect::<Vec<_>>()));
        let owned = owners.iter().filter_map(|owner| by_owner.get(owner));
        let within = units.iter().filter_map(|unit| by_unit.get(unit));
        let marked = labels.filter_map(|label| by_label.get(&label));
        let places: BTreeSet<usize> = owned.chain(within).chain(marked).flatten().copied().collect();
        places.into_iter().filter_map(|place| self.all.get(place).cloned()).collect()
    }

    fn places<K: Eq + std::hash::Hash, I: IntoIterator<Item = K>>(
        &self,
        keys: impl Fn(&AccessClass) -> I,
    ) -> HashMap<K, Vec<usize>> {
        let mut places: HashMap<K, Vec<usize>> = HashMap::new();
        for (place, (_, class)) in self.all.iter().enumerate() {
            for key in keys(class) {
                places.entry(key).or_default().push(place);
            }
        }
        places
    }
}
