//! A permission as a value: minted by the policy, demanded by every function that touches records.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::access::class::Label;
use crate::access::{AccessClass, Action, ClassId, Mark, Marks, Numbered};
use crate::base::{Code, EntityId, Error, FieldId, RecordId, Result};

/// An action as a type, so that a permit to read is no permit to change.
pub trait ActionKind: Copy + 'static {
    /// The action.
    const ACTION: Action;
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl ActionKind for $name {
            const ACTION: Action = Action::$name;
        }
    )+};
}

actions! {
    /// To make records.
    Create;
    /// To see records.
    Read;
    /// To change records.
    Update;
    /// To delete records.
    Delete;
    /// To give records to another owner.
    Assign;
    /// To lock records.
    Lock;
    /// To let others see or change single records.
    Share;
    /// To keep records as an administrator does.
    Administer;
}

/// Whose records a level reaches.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// Everybody's.
    pub all: bool,
    /// Records of these owners.
    pub owners: BTreeSet<RecordId>,
    /// Records of these units.
    pub units: BTreeSet<RecordId>,
}

impl Reach {
    pub fn contains(&self, class: &AccessClass) -> bool {
        self.all
            || self.owners.contains(&class.owner)
            || class.unit.is_some_and(|unit| self.units.contains(&unit))
    }
}

/// Classes, rising.
pub(super) type Classes = Numbered<(ClassId, AccessClass)>;

/// The marks by which records are reached, whoever owns them.
#[derive(Debug, Default)]
pub(super) struct Marked {
    /// Labels of sharing rules.
    pub rules: BTreeSet<u32>,
    /// Labels of settings, and the classes of the records beyond that are within reach, rising.
    pub parents: Vec<(u32, Classes)>,
}

impl Marked {
    pub fn open(&self, marks: &Marks) -> bool {
        marks.iter().any(|mark| match mark {
            Mark::Rule(label) => self.rules.contains(&label),
            Mark::Parent(label, class) => self.parents.iter().any(|(known, classes)| {
                *known == label && classes.binary_search_by_key(&class, |(number, _)| *number).is_ok()
            }),
            Mark::Restricted => false,
        })
    }

    /// What their marks begin with.
    pub fn labels(&self) -> Vec<Label> {
        let rules = self.rules.iter().map(|label| Label::Rule(*label));
        rules.chain(self.parents.iter().map(|(label, _)| Label::Parent(*label))).collect()
    }
}

/// The partitions whose records a permit reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Partitions {
    /// All of them.
    All,
    /// One.
    One(u32),
    /// One, and that of the organisation.
    OneAndOwn(u32),
}

impl Partitions {
    pub fn contain(self, partition: u32) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => partition == one,
            Self::OneAndOwn(one) => partition == one || partition == 0,
        }
    }
}

/// The records that a permit reaches.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// What grants allow.
    pub allowed: Arc<Reach>,
    /// What rules open beside it, and records that others belong to, if any do.
    pub marked: Option<Arc<Marked>>,
    /// What grants forbid of it, if any do.
    pub denied: Option<Arc<Reach>>,
    /// What nothing crosses.
    pub partitions: Partitions,
    /// Whether records of people whose processing is restricted are out of reach, whatever allows them.
    pub hides_restricted: bool,
    /// These classes alone, where a permit was narrowed.
    pub only: Option<Arc<BTreeSet<AccessClass>>>,
    /// The classes that this comes to, rising, as of the permit's epoch.
    pub classes: Classes,
}

impl Scope {
    pub fn contains(&self, class: &AccessClass) -> bool {
        self.admits(class)
            && (self.allowed.contains(class) || self.opens(class))
            && self.only.as_ref().is_none_or(|only| only.contains(class))
    }

    /// Whether a mark opens a class.
    fn opens(&self, class: &AccessClass) -> bool {
        !class.marks.is_empty() && self.marked.as_ref().is_some_and(|marked| marked.open(&class.marks))
    }

    /// Whether nothing forbids records of a class, whatever allows them: no denial, no border of partitions, and no
    /// restriction.
    pub fn admits(&self, class: &AccessClass) -> bool {
        self.partitions.contain(class.partition)
            && !(self.hides_restricted && class.marks.are_restricted())
            && !self.denied.as_ref().is_some_and(|denied| denied.contains(class))
    }
}

/// What is not to be seen, or not as it is, of the fields of an entity, and what is not to be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldProfile {
    pub hidden: BTreeSet<FieldId>,
    pub masked: BTreeSet<FieldId>,
    pub masked_in_lists: BTreeSet<FieldId>,
    pub read_only: BTreeSet<FieldId>,
}

impl FieldProfile {
    /// The fields that are not to be changed, be it that they are read only or not seen as they are.
    pub fn unset(&self) -> impl Iterator<Item = FieldId> + '_ {
        let all = [&self.hidden, &self.masked, &self.masked_in_lists, &self.read_only];
        all.into_iter().flatten().copied()
    }

    /// Whether masks stand for the values of a field.
    fn masks(&self, field: FieldId, showing: Showing) -> bool {
        self.masked.contains(&field) || showing == Showing::List && self.masked_in_lists.contains(&field)
    }
}

/// The field profiles of a permit. A grant shows a field of the records that it reaches and of no others; each
/// level contains the one before it, so the records lie in rings, and what is shown of them grows inwards.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Of the records that only the widest grants reach, and so of all questions that are asked of all records.
    pub outermost: FieldProfile,
    /// Of those within, the innermost first; none where all grants show the same.
    pub rings: Vec<(Arc<Reach>, FieldProfile)>,
    /// Of the records of pools that hide something until the claim, whatever ring they lie in.
    pub pools: Vec<PoolProfile>,
}

/// What is shown of the records that a pool owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PoolProfile {
    /// The pool.
    pub pool: RecordId,
    /// What is shown of them.
    pub profile: FieldProfile,
    /// The fields that the pool hides or masks.
    pub covered: BTreeSet<FieldId>,
}

impl Fields {
    /// Of records of a class. One that is shared singly, and that no grant reaches, shows what the widest grants show.
    pub fn of(&self, class: &AccessClass) -> &FieldProfile {
        if let Some(pool) = self.pools.iter().find(|pool| pool.pool == class.owner) {
            return &pool.profile;
        }
        let ring = self.rings.iter().find(|(reach, _)| reach.contains(class));
        ring.map_or(&self.outermost, |(_, profile)| profile)
    }

    /// Of the records of an owner in any unit, as far as rings tell owners apart.
    pub fn of_owner(&self, owner: RecordId) -> &FieldProfile {
        let ring = self.rings.iter().find(|(reach, _)| reach.all || reach.owners.contains(&owner));
        ring.map_or(&self.outermost, |(_, profile)| profile)
    }

    /// Whether a pool hides or masks a field of its records.
    fn are_covered(&self, field: FieldId) -> bool {
        self.pools.iter().any(|pool| pool.covered.contains(&field))
    }

    /// Of the records of which the most is shown.
    fn innermost(&self) -> &FieldProfile {
        self.rings.first().map_or(&self.outermost, |(_, profile)| profile)
    }
}

/// Where a record is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Showing {
    /// By itself.
    Detail,
    /// Among others.
    List,
}

/// The right of one principal to one action on one entity, for one policy epoch.
///
/// Only [`crate::access::Policy`] makes one.
#[derive(Debug, Clone)]
pub struct Permit<A> {
    entity: EntityId,
    /// Who holds it; nobody for a bootstrap permit, which is the engine's own.
    principal: Option<RecordId>,
    epoch: u64,
    scope: Scope,
    /// Records that are shared with the holder singly, rising, at the level that the action needs.
    shared: Numbered<RecordId>,
    fields: Arc<Fields>,
    action: PhantomData<fn() -> A>,
}

impl<A: ActionKind> Permit<A> {
    pub(super) fn mint(
        entity: EntityId,
        principal: Option<RecordId>,
        epoch: u64,
        (scope, shared): (Scope, Numbered<RecordId>),
        fields: Arc<Fields>,
    ) -> Self {
        Self { entity, principal, epoch, scope, shared, fields, action: PhantomData }
    }

    /// Refuses to act for anybody but its holder.
    ///
    /// # Errors
    /// `access.not_permitted`.
    pub fn check_actor(&self, actor: RecordId) -> Result<()> {
        match self.principal {
            Some(principal) if principal != actor => {
                Err(Error::new(Code::NotPermitted).rule("permit of another principal"))
            }
            _ => Ok(()),
        }
    }

    /// The classes that scans may enter, rising, with what each stands for.
    #[must_use]
    pub fn classes(&self) -> &[(ClassId, AccessClass)] {
        &self.scope.classes
    }

    /// Whether a record of a class is within reach: by its class, or because it is shared with the holder. What is
    /// forbidden of its class, and what is of another partition, no share opens.
    #[must_use]
    pub fn allows(&self, record: RecordId, class: &AccessClass) -> bool {
        self.covers(class) || self.scope.admits(class) && self.shared.binary_search(&record).is_ok()
    }

    /// Whether all records of a class are within reach. It looks at what the class says rather than at the
    /// class number, because a transaction may have interned the class a moment ago.
    #[must_use]
    pub fn covers(&self, class: &AccessClass) -> bool {
        self.scope.contains(class)
    }

    /// The records that are shared with the holder singly, rising. Some of them may be within reach by their class,
    /// too, and some out of it all the same: see [`Permit::allows`].
    #[must_use]
    pub fn shared(&self) -> &[RecordId] {
        &self.shared
    }

    /// Whether records of every class are within reach.
    #[must_use]
    pub fn reaches_everything(&self) -> bool {
        let Scope { allowed, denied, partitions, only, hides_restricted, .. } = &self.scope;
        allowed.all
            && denied.is_none()
            && only.is_none()
            && *partitions == Partitions::All
            && !hides_restricted
    }

    /// The same for these classes alone, as far as they are within reach, and for no record that is shared singly.
    #[must_use]
    pub fn narrowed(&self, classes: &[(ClassId, AccessClass)]) -> Self {
        let within = classes.iter().filter(|(_, class)| self.covers(class));
        let classes: Vec<(ClassId, AccessClass)> = within.cloned().collect();
        let only = Some(Arc::new(classes.iter().map(|(_, class)| class.clone()).collect()));
        let scope = Scope { only, classes: classes.into_iter().collect(), ..self.scope.clone() };
        Self { scope, shared: Numbered::default(), ..self.clone() }
    }

    /// The same for what is within reach by its class alone.
    #[must_use]
    pub fn of_classes(&self) -> Self {
        Self { shared: Numbered::default(), ..self.clone() }
    }

    /// Who holds it, if it was not narrowed; nobody for one of the engine's own.
    pub(crate) fn holder(&self) -> Option<RecordId> {
        self.principal.filter(|_| self.scope.only.is_none())
    }

    /// The numbers of what says which records are within reach: of the classes that scans may enter, and of the records
    /// that are shared with the holder singly. As long as the policy is the same, every permit of the holder's for the
    /// action and entity has the same two.
    pub(crate) fn basis(&self) -> (u64, u64) {
        (self.scope.classes.number(), self.shared.number())
    }

    /// Whether another permit was made by the very same decision: the same records are within reach, and the same
    /// fields are shown.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.basis() == other.basis() && Arc::ptr_eq(&self.fields, &other.fields)
    }

    /// Whether it is the engine's own.
    #[must_use]
    pub fn is_bootstrap(&self) -> bool {
        self.principal.is_none()
    }

    /// Whether the holder sees the values of a field in every record within reach, and may therefore ask by them. A
    /// field of which masks are shown, be it in lists alone or of some records alone, is neither found nor
    /// filtered, sorted, grouped or summed by.
    #[must_use]
    pub fn shows(&self, field: FieldId) -> bool {
        let fields = &self.fields.outermost;
        !fields.hidden.contains(&field)
            && !fields.masks(field, Showing::List)
            && !self.fields.are_covered(field)
    }

    /// Whether the holder sees something of a field in some records: its values, or masks of them.
    #[must_use]
    pub fn reads(&self, field: FieldId) -> bool {
        !self.fields.innermost().hidden.contains(&field)
    }

    /// Whether there is a field of which the holder sees nothing in any record.
    #[must_use]
    pub fn hides_any(&self) -> bool {
        !self.fields.innermost().hidden.is_empty()
    }

    /// The fields of a record of which the holder sees nothing.
    #[must_use]
    pub fn hidden_in(&self, class: &AccessClass) -> &BTreeSet<FieldId> {
        &self.fields.of(class).hidden
    }

    /// The fields of a record for whose values masks stand.
    pub fn masked_in(&self, class: &AccessClass, showing: Showing) -> impl Iterator<Item = FieldId> + '_ {
        let fields = self.fields.of(class);
        let in_lists = (showing == Showing::List).then_some(&fields.masked_in_lists);
        fields.masked.iter().chain(in_lists.into_iter().flatten()).copied()
    }

    /// Whether the holder sees the value of a field as it is in a record of a class, shown by itself. The class is asked
    /// for only where it makes a difference.
    #[must_use]
    pub fn shows_in(&self, class: impl FnOnce() -> AccessClass, field: FieldId) -> bool {
        let profile = match self.fields.rings.is_empty() && self.fields.pools.is_empty() {
            true => &self.fields.outermost,
            false => self.fields.of(&class()),
        };
        !profile.hidden.contains(&field) && !profile.masks(field, Showing::Detail)
    }

    /// Refuses a field whose values the holder does not see, under the name by which it was asked for: one of
    /// which nothing is seen as if there were no field of this name.
    ///
    /// # Errors
    /// `schema.unknown_field`; `access.field_not_permitted` for a field that is masked.
    pub fn check_field(&self, field: FieldId, name: &str) -> Result<()> {
        self.check_reads(field, name)?;
        if self.shows(field) { Ok(()) } else { Err(Error::new(Code::FieldNotPermitted).field(name)) }
    }

    /// Refuses a field of which the holder sees nothing, as if there were no field of this name.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn check_reads(&self, field: FieldId, name: &str) -> Result<()> {
        let unknown = || Error::new(Code::UnknownField).field(name).concealing(Code::FieldNotPermitted);
        if self.reads(field) { Ok(()) } else { Err(unknown()) }
    }

    /// Refuses a field that the holder may not set in records of a class.
    ///
    /// # Errors
    /// `access.field_not_permitted` naming the field.
    pub fn check_sets(&self, class: &AccessClass, field: FieldId, name: &str) -> Result<()> {
        let fields = self.fields.of(class);
        let refused = || Error::new(Code::FieldNotPermitted).field(name);
        match fields {
            fields if fields.hidden.contains(&field) || fields.masks(field, Showing::List) => Err(refused()),
            fields if fields.read_only.contains(&field) => Err(refused().rule("read only")),
            _ => Ok(()),
        }
    }

    /// Refuses a permit that was minted for another entity or an older policy.
    ///
    /// # Errors
    /// `storage.conflict` when the policy has changed, which the session answers with a new permit.
    pub fn check(&self, entity: EntityId, epoch: u64) -> Result<()> {
        if self.entity != entity {
            return Err(Error::new(Code::NotPermitted).rule("permit of another entity"));
        }
        if self.epoch != epoch {
            return Err(Error::new(Code::Conflict).rule("policy epoch"));
        }
        Ok(())
    }
}
