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
    /// They are of people whose processing is restricted: nobody reaches them but who handles requests of people.
    Restricted,
}

/// The entity of requests of people for rights of theirs, by API name: who handles all of them reaches what is restricted.
pub const RIGHTS_REQUESTS: &str = "sys.rights_request";

/// The label of what is restricted, which no rule has: these are counted from 1 on.
const RESTRICTED: u32 = u32::MAX;

impl Mark {
    /// The label, and the number of the class or 0: how a mark is stored.
    #[must_use]
    pub const fn parts(self) -> (u32, u32) {
        match self {
            Self::Rule(label) => (label, 0),
            Self::Parent(label, class) => (label, class.number()),
            Self::Restricted => (RESTRICTED, 0),
        }
    }

    /// The mark that is stored so. No class has the number 0.
    #[must_use]
    pub const fn of_parts((label, class): (u32, u32)) -> Self {
        match class {
            0 if label == RESTRICTED => Self::Restricted,
            0 => Self::Rule(label),
            class => Self::Parent(label, ClassId::new(class)),
        }
    }

    /// The same of every class.
    const fn label(self) -> Label {
        match self {
            Self::Rule(label) => Label::Rule(label),
            Self::Parent(label, _) => Label::Parent(label),
            Self::Restricted => Label::Restricted,
        }
    }
}

/// What marks have in common that one rule or setting gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Label {
    Rule(u32),
    Parent(u32),
    Restricted,
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

    /// Whether the records are of people whose processing is restricted.
    #[must_use]
    pub fn are_restricted(&self) -> bool {
        // It is the last one of its order.
        self.0.as_ref().and_then(|marks| marks.last()) == Some(&Mark::Restricted)
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

/// Classes beside those with indexes, from which on all are given indexes anew.
const MAX_BESIDE: usize = 2_000;
/// Most classes that are compared with one whose number is looked for.
const MAX_COMPARED: usize = 64;

/// The classes of a database, in the order of their numbers: most of them with indexes, and the newest beside, so that a
/// new class does not cost as much as there are old ones.
#[derive(Debug, Default)]
pub(super) struct ClassTable {
    indexed: Arc<Indexed>,
    /// Those with higher numbers.
    beside: Vec<(ClassId, AccessClass)>,
}

#[derive(Debug, Default)]
struct Indexed {
    all: Vec<(ClassId, AccessClass)>,
    /// Where the classes of an owner stand among all of them; made when it is first asked for.
    by_owner: OnceLock<HashMap<RecordId, Vec<usize>>>,
    /// The same by unit.
    by_unit: OnceLock<HashMap<RecordId, Vec<usize>>>,
    /// The same by what their marks have in common.
    by_label: OnceLock<HashMap<Label, Vec<usize>>>,
    /// Whether some are of people whose processing is restricted.
    restricted: OnceLock<bool>,
}

impl ClassTable {
    pub fn new(all: Vec<(ClassId, AccessClass)>) -> Self {
        Self { indexed: Arc::new(Indexed { all, ..Indexed::default() }), beside: Vec::new() }
    }

    /// The same table with further classes, whose numbers are higher.
    pub fn with(&self, further: &[(ClassId, AccessClass)]) -> Self {
        let newest = self.newest();
        let newer = further.iter().filter(|(number, _)| newest.is_none_or(|newest| *number > newest));
        let beside: Vec<_> = self.beside.iter().chain(newer).cloned().collect();
        if beside.len() > MAX_BESIDE.max(self.indexed.all.len() / 16) {
            return Self::new(self.indexed.all.iter().chain(&beside).cloned().collect());
        }
        Self { indexed: Arc::clone(&self.indexed), beside }
    }

    pub fn all(&self) -> impl Iterator<Item = &(ClassId, AccessClass)> {
        self.indexed.all.iter().chain(&self.beside)
    }

    /// Whether some are of people whose processing is restricted.
    pub fn has_restricted(&self) -> bool {
        let any = |classes: &[(ClassId, AccessClass)]| {
            classes.iter().any(|(_, class)| class.marks.are_restricted())
        };
        *self.indexed.restricted.get_or_init(|| any(&self.indexed.all)) || any(&self.beside)
    }

    /// The highest number.
    pub fn newest(&self) -> Option<ClassId> {
        self.beside.last().or(self.indexed.all.last()).map(|(number, _)| *number)
    }

    /// The class with a number.
    pub fn get(&self, number: ClassId) -> Option<&AccessClass> {
        let find = |classes: &'_ [(ClassId, AccessClass)]| {
            classes.binary_search_by_key(&number, |(number, _)| *number).ok()
        };
        let beside = || find(&self.beside).and_then(|place| self.beside.get(place));
        let known = find(&self.indexed.all).and_then(|place| self.indexed.all.get(place));
        known.or_else(beside).map(|(_, class)| class)
    }

    /// The number of a class, if it is one of those that are found at once: of an owner of few classes.
    pub fn number_of(&self, class: &AccessClass) -> Option<ClassId> {
        let by_owner = self.indexed.owners();
        let places = by_owner.get(&class.owner).map_or(&[][..], Vec::as_slice);
        if places.len() > MAX_COMPARED {
            return None;
        }
        let known = places.iter().filter_map(|place| self.indexed.all.get(*place));
        let beside = self.beside.iter().rev().take(MAX_COMPARED);
        known.chain(beside).find(|(_, known)| known == class).map(|(number, _)| *number)
    }

    /// The classes of these owners, of these units and with such labels, rising.
    pub fn of(
        &self,
        owners: &BTreeSet<RecordId>,
        units: &BTreeSet<RecordId>,
        labels: &[Label],
    ) -> Vec<(ClassId, AccessClass)> {
        let is_wanted = |class: &AccessClass| {
            owners.contains(&class.owner)
                || class.unit.is_some_and(|unit| units.contains(&unit))
                || class.marks.iter().any(|mark| labels.contains(&mark.label()))
        };
        let beside = self.beside.iter().filter(|(_, class)| is_wanted(class));
        let places = self.indexed.places_of(owners, units, labels).into_iter();
        let known = places.filter_map(|place| self.indexed.all.get(place));
        known.chain(beside).cloned().collect()
    }
}

impl Indexed {
    /// Where these classes stand, rising.
    fn places_of(
        &self,
        owners: &BTreeSet<RecordId>,
        units: &BTreeSet<RecordId>,
        labels: &[Label],
    ) -> Vec<usize> {
        let mut places: Vec<usize> = Vec::new();
        let by_owner = self.owners();
        places.extend(owners.iter().filter_map(|owner| by_owner.get(owner)).flatten());
        let by_unit = self.by_unit.get_or_init(|| self.places(|class| class.unit));
        places.extend(units.iter().filter_map(|unit| by_unit.get(unit)).flatten());
        if !labels.is_empty() {
            let by_label = self.by_label.get_or_init(|| {
                self.places(|class| class.marks.iter().map(Mark::label).collect::<BTreeSet<_>>())
            });
            places.extend(labels.iter().filter_map(|label| by_label.get(label)).flatten());
        }
        places.sort_unstable();
        places.dedup();
        places
    }

    fn owners(&self) -> &HashMap<RecordId, Vec<usize>> {
        self.by_owner.get_or_init(|| self.places(|class| [class.owner]))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_grew_says_what_one_says_that_was_made_whole() {
        let owner = |number: u32| {
            let mut bytes = [1; 16];
            bytes[12..].copy_from_slice(&number.to_be_bytes());
            RecordId::from_bytes(bytes)
        };
        let class = |number: u32| {
            let mark = match number {
                5_000 => Some(Mark::Restricted),
                _ => number.is_multiple_of(3).then_some(Mark::Rule(number % 5)),
            };
            let marks = Marks::new(mark.into_iter().collect());
            (ClassId::new(number), AccessClass { partition: 0, unit: None, owner: owner(number % 7), marks })
        };
        let all: Vec<_> = (1..=6_000).map(class).collect();
        let whole = ClassTable::new(all.clone());
        let mut grown = ClassTable::new(all[..100].to_vec());
        for some in all[100..].chunks(350) {
            // What it knows already is given again, as by a reader that comes late.
            grown = grown.with(&[&all[..50], some].concat());
        }
        assert!(grown.indexed.all.len() > 100 && !grown.beside.is_empty());
        assert!(grown.all().eq(whole.all()));
        assert_eq!(grown.newest(), whole.newest());
        assert!(grown.has_restricted() && whole.has_restricted());
        assert!(!ClassTable::new(all[..4_999].to_vec()).has_restricted());
        assert_eq!(Mark::of_parts(Mark::Restricted.parts()), Mark::Restricted);
        // An owner of more classes than are compared is looked up elsewhere, as is what is not among the newest.
        assert_eq!(grown.number_of(&all[0].1), None);
        let mut few = ClassTable::new(all[..200].to_vec()).with(&all[200..300]);
        for (number, class) in &all[..300] {
            let same = all.iter().find(|(_, other)| other == class).map(|(number, _)| *number);
            assert!(same <= Some(*number));
            assert_eq!(few.number_of(class), same);
        }
        few = ClassTable::new(Vec::new());
        assert_eq!(few.number_of(&all[0].1), None);
        let owners = [owner(2), owner(99)].into();
        for labels in [vec![], vec![Label::Rule(3)], vec![Label::Parent(3)]] {
            let of = |table: &ClassTable| table.of(&owners, &BTreeSet::new(), &labels);
            assert_eq!(of(&grown), of(&whole));
        }
        for number in [1, 100, 101, 5_999, 6_000, 6_001].map(ClassId::new) {
            assert_eq!(grown.get(number), whole.get(number));
        }
    }
}
