//! Answers that are kept in memory as long as nothing changes what they follow from: how many records meet a
//! condition, and the first page of a list.
//!
//! Whether an answer may be given is decided before it is looked for, by the permit and by the fields that the reader
//! sees. It is given to the holder of the very same classes and shares alone, within the same registry, and it follows
//! from the rows that the view sees: what commits have changed since is told by the storage, and only where that is
//! nothing that the answer looked at does it stand. A count is brought up to date by the classes in which something
//! changed, so that it costs the same for whoever reaches ten thousand of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::access::ClassId;
use crate::base::{FieldId, RecordId, Value};
use crate::records::codec::encode_value;
use crate::records::derived::index_front;
use crate::records::query::plan::Plan;
use crate::records::query::sight::Sight;
use crate::records::query::{PageCursor, Query};
use crate::records::row::record_key;
use crate::records::{Comparison, Filter};
use crate::storage::{Family, Keyspace, Recalled};

/// Most bytes of the name of a question.
const MAX_NAME: usize = 2_048;
/// What the names of questions begin with, by what is asked.
const COUNT: u8 = 1;
const PAGE: u8 = 2;
const HEADS: u8 = 3;

/// A question by a name that no other question has.
pub(super) struct Question(Vec<u8>);

impl Question {
    /// How many records meet a condition; nothing where the answer follows from more than the records themselves.
    pub fn count(sight: &Sight<'_>, filter: &Filter) -> Option<Self> {
        Self::about(sight, COUNT, filter)
    }

    /// The first page of a list; nothing where it follows from more than the records themselves, or is no first one.
    pub fn page(sight: &Sight<'_>, query: &Query) -> Option<Self> {
        let entity = sight.entity;
        let is_plain = sight.language.is_none() && !entity.has_far() && entity.formulas().next().is_none();
        if !is_plain || query.after.is_some() {
            return None;
        }
        let Self(mut name) = Self::about(sight, PAGE, &query.filter)?;
        name.extend(u32::try_from(query.limit).ok()?.to_be_bytes());
        for sort in &query.sort {
            if !sort.collation.is_plain() {
                return None;
            }
            name.push(1 + u8::from(sort.falls()));
            name.extend(sort.field.number().to_be_bytes());
        }
        name.push(0);
        query.fields.iter().for_each(|field| name.extend(field.number().to_be_bytes()));
        (name.len() <= MAX_NAME).then_some(Self(name))
    }

    /// The front of the list that a plan merges from the ranges of all classes of the reader.
    pub fn heads(sight: &Sight<'_>, plan: &Plan<'_>) -> Option<Self> {
        let Self(mut name) = Self::about(sight, HEADS, &Filter::Everything)?;
        name.push(u8::from(plan.reverse));
        name.extend(plan.index.field.number().to_be_bytes());
        for range in &plan.ranges {
            name.extend(u32::try_from(range.lead).ok()?.to_be_bytes());
            for bound in [&range.low, &range.high] {
                name.extend(u32::try_from(bound.len()).ok()?.to_be_bytes());
                name.extend_from_slice(bound);
            }
        }
        (name.len() <= MAX_NAME).then_some(Self(name))
    }

    fn about(sight: &Sight<'_>, what: u8, filter: &Filter) -> Option<Self> {
        let holder = sight.permit.holder()?;
        sight.snapshot.sequence()?;
        if sight.entity.ends().is_some() {
            return None;
        }
        let mut name = Vec::with_capacity(64);
        name.push(what);
        name.extend(sight.registry.version().to_be_bytes());
        name.extend_from_slice(holder.as_bytes());
        name.extend(sight.entity.id().number().to_be_bytes());
        write_filter(&mut name, filter)?;
        (name.len() <= MAX_NAME).then_some(Self(name))
    }

    /// What is kept of it.
    pub fn recall<T: Answer>(&self, sight: &Sight<'_>) -> Known<T> {
        match sight.snapshot.recall_answer(&self.0) {
            Recalled::Nothing => Known::Nothing,
            Recalled::Wanted => Known::Wanted,
            Recalled::Made(made) => match made.downcast::<T>() {
                Ok(answer) => Known::of(answer, sight),
                Err(_) => Known::Nothing,
            },
        }
    }

    /// Keeps an answer.
    pub fn remember<T: Answer>(&self, sight: &Sight<'_>, answer: &Arc<T>) {
        let made = Arc::clone(answer);
        sight.snapshot.remember_answer(&self.0, made, answer.bytes());
    }
}

/// Writes a condition so that no other one is written alike; says nothing of one that looks beyond the record.
fn write_filter(name: &mut Vec<u8>, filter: &Filter) -> Option<()> {
    let value = |name: &mut Vec<u8>, value: &Value| {
        let bytes = encode_value(value);
        name.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        name.extend(bytes);
    };
    let field = |name: &mut Vec<u8>, kind: u8, field: FieldId| {
        name.push(kind);
        name.extend(field.number().to_be_bytes());
    };
    let count = |name: &mut Vec<u8>, kind: u8, count: usize| {
        name.push(kind);
        name.extend(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
    };
    if name.len() > MAX_NAME {
        return None;
    }
    match filter {
        Filter::Everything => name.push(1),
        Filter::All(parts) | Filter::Any(parts) => {
            count(name, if matches!(filter, Filter::All(_)) { 2 } else { 3 }, parts.len());
            for part in parts {
                write_filter(name, part)?;
            }
        }
        Filter::Not(inner) => {
            name.push(4);
            write_filter(name, inner)?;
        }
        Filter::Compare(of, comparison, with) => {
            field(name, 5, *of);
            name.push(number_of(*comparison));
            value(name, with);
        }
        Filter::In(of, values) => {
            field(name, 6, *of);
            count(name, 0, values.len());
            values.iter().for_each(|one| value(name, one));
        }
        Filter::IsNull(of) => field(name, 7, *of),
        Filter::HeldOn(_)
        | Filter::Within(..)
        | Filter::Through(..)
        | Filter::Has(_)
        | Filter::Under(..)
        | Filter::Near(..)
        | Filter::Holds(_) => return None,
    }
    Some(())
}

fn number_of(comparison: Comparison) -> u8 {
    match comparison {
        Comparison::Equal => 1,
        Comparison::Less => 2,
        Comparison::LessOrEqual => 3,
        Comparison::Greater => 4,
        Comparison::GreaterOrEqual => 5,
        Comparison::Contains => 6,
        Comparison::StartsWith => 7,
    }
}

/// What is known of the answer to a question.
pub(super) enum Known<T> {
    /// It stands.
    Stands(Arc<T>),
    /// It stood once, and could be brought up to date.
    Stale(Arc<T>, Changes),
    /// Nothing, but it is asked for so often that it should be kept.
    Wanted,
    /// Nothing.
    Nothing,
}

impl<T: Answer> Known<T> {
    fn of(answer: Arc<T>, sight: &Sight<'_>) -> Self {
        let basis = answer.basis();
        let Some(sequence) = sight.snapshot.sequence() else { return Self::Nothing };
        if basis.reach != sight.permit.basis() {
            return Self::Wanted;
        }
        let upto = basis.upto.load(Ordering::Acquire);
        if sequence < basis.from {
            return Self::Nothing;
        }
        if sequence <= upto {
            return Self::Stands(answer);
        }
        let Some(changes) = answer.changes(sight, upto) else { return Self::Wanted };
        if changes.is_empty() {
            basis.upto.fetch_max(sequence, Ordering::AcqRel);
            return Self::Stands(answer);
        }
        Self::Stale(answer, changes)
    }

    /// Whether what is read now should be kept.
    pub fn is_wanted(&self) -> bool {
        matches!(self, Self::Wanted | Self::Stale(..))
    }
}

/// What changed of what an answer follows from.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Classes of the reader in which something changed.
    pub classes: BTreeSet<ClassId>,
    /// Whether a record changed that the answer looked at by itself.
    pub records: bool,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.classes.is_empty() && !self.records
    }
}

/// An answer that is kept.
pub(super) trait Answer: Send + Sync + 'static {
    fn basis(&self) -> &Basis;

    /// What commits behind one changed of what it follows from; nothing where that is not known.
    fn changes(&self, sight: &Sight<'_>, since: u64) -> Option<Changes>;

    /// The bytes that it takes, about.
    fn bytes(&self) -> usize;
}

/// Whose answer it is, and of which commits.
#[derive(Debug)]
pub(super) struct Basis {
    /// The numbers of the classes and shares of the reader.
    reach: (u64, u64),
    /// The commit whose view it was made from.
    from: u64,
    /// The newest commit up to which it is known to stand.
    upto: AtomicU64,
}

impl Basis {
    pub fn of(sight: &Sight<'_>) -> Option<Self> {
        let from = sight.snapshot.sequence()?;
        Some(Self { reach: sight.permit.basis(), from, upto: AtomicU64::new(from) })
    }

    /// The classes of the reader in which the rows of a number changed, in a family whose keys have the number, if there
    /// is one, and the class behind their front.
    pub fn classes(
        sight: &Sight<'_>,
        (family, number): (Family, Option<FieldId>),
        since: u64,
    ) -> Option<BTreeSet<ClassId>> {
        let class_of = |rest: [u8; 16]| -> Option<ClassId> {
            let (first, behind) = rest.split_first_chunk::<4>()?;
            let class = match number {
                Some(number) if u32::from_be_bytes(*first) != number.number() => return None,
                Some(_) => *behind.first_chunk::<4>()?,
                None => *first,
            };
            let class = ClassId::new(u32::from_be_bytes(class));
            let known = sight.permit.classes().binary_search_by_key(&class, |(known, _)| *known);
            known.is_ok().then_some(class)
        };
        let changed = sight.snapshot.changed_since(family, since)?;
        Some(changed.into_iter().filter_map(class_of).collect())
    }

    /// The records of the entity that changed.
    fn records(sight: &Sight<'_>, since: u64) -> Option<Vec<RecordId>> {
        let key = record_key(sight.entity.id(), RecordId::from_bytes([0; 16]));
        let (family, _) = Family::of(Keyspace::Records, &key)?;
        let changed = sight.snapshot.changed_since(family, since)?;
        Some(changed.into_iter().map(RecordId::from_bytes).collect())
    }

    /// Whether a record that is shared with the reader changed.
    fn shared(sight: &Sight<'_>, since: u64) -> Option<bool> {
        let shared = sight.permit.shared();
        if shared.is_empty() {
            return Some(false);
        }
        Some(Self::records(sight, since)?.iter().any(|record| shared.binary_search(record).is_ok()))
    }
}

/// How many records of the reader's meet a condition, by counters.
pub(super) struct KeptCount {
    pub basis: Basis,
    /// The counters, and the number of theirs if they have one.
    pub counter: (Option<Family>, Option<FieldId>),
    /// The counts of the classes, in their order.
    pub by_class: Box<[u64]>,
    /// How many there are in all the classes.
    pub within: u64,
    /// How many of those meet it that are shared singly.
    pub beside: u64,
}

impl Answer for KeptCount {
    fn basis(&self) -> &Basis {
        &self.basis
    }

    fn changes(&self, sight: &Sight<'_>, since: u64) -> Option<Changes> {
        let (family, number) = self.counter;
        let classes = Basis::classes(sight, (family?, number), since)?;
        Some(Changes { classes, records: Basis::shared(sight, since)? })
    }

    fn bytes(&self) -> usize {
        size_of::<Self>().saturating_add(size_of_val(&*self.by_class))
    }
}

impl KeptCount {
    pub fn count(&self) -> u64 {
        self.within.saturating_add(self.beside)
    }
}

/// The first page of a list. It names its records: what they say is kept with their rows alone, which go at once when
/// somebody is deleted or forgotten.
pub(super) struct KeptPage {
    pub basis: Basis,
    /// The number of the index that it was read from.
    pub index: FieldId,
    /// Whether the index alone decides which records are of the list, and in which order.
    pub exact: bool,
    pub ids: Vec<RecordId>,
    pub next: Option<PageCursor>,
}

impl Answer for KeptPage {
    fn basis(&self) -> &Basis {
        &self.basis
    }

    fn changes(&self, sight: &Sight<'_>, since: u64) -> Option<Changes> {
        let (family, _) = Family::of(Keyspace::Index, &index_front(sight.entity.id()))?;
        let classes = Basis::classes(sight, (family, Some(self.index)), since)?;
        let records = match self.exact {
            true => Basis::shared(sight, since)?,
            false => !Basis::records(sight, since)?.is_empty(),
        };
        Some(Changes { classes, records })
    }

    fn bytes(&self) -> usize {
        let next = self.next.as_ref().map_or(0, PageCursor::heap_bytes);
        size_of::<Self>().saturating_add(size_of_val(&*self.ids)).saturating_add(next)
    }
}
