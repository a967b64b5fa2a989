//! What extensions do around a change of a record: behind its save, before and behind its deletion, before a step from
//! state to state, and behind the commit.
//!
//! A hook that refuses takes back the change that it was asked about, whole, and the transaction goes on without it.
//! Hooks write through the transaction at hand, in the right of whoever acts, and what they write has hooks of its own;
//! the circle ends at a depth, and a transaction that reached it is never committed. What is written behind a commit is
//! told of to the same depth. Records that the engine writes in its own right, erasures and purges are not told of.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{Permit, Policy, Read};
use crate::base::{Code, EntityId, Error, FieldId, Label, Locale, RecordId, Result, Value};
use crate::engine::extension::{Hook, HookRule};
use crate::engine::{FieldSelector, Session, Transaction, Warning};
use crate::records::{self, Record};
use crate::schema::{Entity, FieldName, StateMachine};

/// How deep hooks may write within hooks.
pub const MAX_HOOK_DEPTH: usize = 8;

/// When an extension is asked about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookPoint {
    /// The record is new or changed, and stored in the open transaction.
    AfterSave,
    /// The record is about to be deleted softly.
    BeforeDelete,
    /// It is deleted, in the open transaction.
    AfterDelete,
    /// A state machine is about to take the record to another state.
    BeforeTransition,
}

/// A step of a state machine that is about to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The field whose values are the states, by API name.
    pub field: String,
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
}

/// Something that an extension does around a change of a record, within its transaction.
pub trait RecordHook: Send + Sync {
    /// Looks at one record. It may run again for the same change when the transaction is repeated.
    ///
    /// # Errors
    /// Refuses the change, which is taken back whole.
    fn run(&self, happening: &mut Happening<'_, '_>) -> Result<()>;
}

/// Something that an extension does when a change is durable: in no transaction, on the thread that committed, and
/// without a say in what was committed.
pub trait AfterCommit: Send + Sync {
    /// Is told of one record that was saved or deleted. Sessions that it writes with begin transactions of their own, of
    /// which it is told in turn; [`MAX_HOOK_DEPTH`] within each other, and of what lies deeper nobody is told.
    fn after_commit(&self, session: &Session, entity: &str, record: RecordId);
}

/// A record that something happens to, as hooks see it.
pub struct Happening<'t, 's> {
    transaction: &'t mut Transaction<'s>,
    entity: &'t Entity,
    point: HookPoint,
    old: Option<&'t Record>,
    record: &'t Record,
    transition: Option<&'t Transition>,
}

impl<'s> Happening<'_, 's> {
    /// The entity's API name.
    #[must_use]
    pub fn entity(&self) -> &str {
        &self.entity.api_name
    }

    /// What happens.
    #[must_use]
    pub fn point(&self) -> HookPoint {
        self.point
    }

    /// The record's id.
    #[must_use]
    pub fn record(&self) -> RecordId {
        self.record.id
    }

    /// Whether the record is new.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.old.is_none()
    }

    /// The language of the acting session.
    #[must_use]
    pub fn locale(&self) -> Locale {
        self.transaction.locale()
    }

    /// The step that is about to be taken, at [`HookPoint::BeforeTransition`].
    #[must_use]
    pub fn transition(&self) -> Option<&Transition> {
        self.transition
    }

    /// The value of a field: as it is saved, or as it was at the deletion.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn value(&self, field: impl Into<FieldSelector>) -> Result<Value> {
        Ok(self.record.value(field.into().resolve(self.entity)?))
    }

    /// The value that a field had before the save; [`Value::Null`] for a new record.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn old_value(&self, field: impl Into<FieldSelector>) -> Result<Value> {
        let field = field.into().resolve(self.entity)?;
        Ok(self.old.map(|old| old.value(field)).unwrap_or_default())
    }

    /// Refuses a field of which the user who acts does not see the value in clear. A hook reads in its own right; what
    /// acts on the user's behalf, as a plugin does, asks this first.
    ///
    /// # Errors
    /// `access.field_not_permitted`, `access.not_permitted`, `schema.unknown_field`.
    pub fn check_user_reads(&self, field: impl Into<FieldSelector>) -> Result<()> {
        if self.transaction.is_founding() {
            return Ok(());
        }
        let field = field.into().field(self.entity)?.id();
        self.check_reads(field)
    }

    /// The entity's number and the version of the registry: within both, a name stands for the same field.
    #[must_use]
    pub fn schema(&self) -> (EntityId, u32) {
        (self.entity.id(), self.transaction.registry.version())
    }

    /// The number of a field of the registry, for who asks for it again and again.
    ///
    /// # Errors
    /// `schema.unknown_field`.
    pub fn field(&self, name: &str) -> Result<FieldId> {
        Ok(self.entity.field(FieldName::Name(name))?.id())
    }

    /// As [`Happening::value`] for a field by its number, without a copy of what is stored.
    #[must_use]
    pub fn peek(&self, field: FieldId) -> Cow<'_, Value> {
        self.record.peek(field)
    }

    /// As [`Happening::old_value`] for a field by its number, without a copy of what is stored.
    #[must_use]
    pub fn peek_old(&self, field: FieldId) -> Cow<'_, Value> {
        self.old.map_or(Cow::Owned(Value::Null), |old| old.peek(field))
    }

    /// As [`Happening::check_user_reads`] for a field by its number.
    ///
    /// # Errors
    /// `access.field_not_permitted`, `access.not_permitted`.
    pub fn check_reads(&self, field: FieldId) -> Result<()> {
        let transaction = &self.transaction;
        if transaction.is_founding() {
            return Ok(());
        }
        let who = (&transaction.policy, transaction.user());
        transaction.kept_permit.check_reads(who, self.entity, self.record, field)
    }

    /// Lets the change stand, and tells the caller to look at a field.
    pub fn warn(&mut self, field: &str, message: Label) {
        let entity = self.entity.api_name.clone();
        self.transaction.warn(Warning {
            code: Code::PluginRejected,
            entity,
            field: field.to_owned(),
            message,
        });
    }

    /// The transaction, in which the hook reads and writes in the right of whoever acts.
    pub fn transaction(&mut self) -> &mut Transaction<'s> {
        self.transaction
    }
}

/// The permit to read of whoever acts, of the entity of which it was asked last: a hook asks for each field, of one record
/// after the other.
#[derive(Default)]
pub(super) struct KeptPermit(RefCell<Option<Decided>>);

/// A permit, of which policy and for which entity.
type Decided = (Arc<Policy>, EntityId, Permit<Read>);

impl KeptPermit {
    /// Refuses a field of which a user does not see the value in clear in a record.
    pub fn check_reads(
        &self,
        (policy, user): (&Arc<Policy>, RecordId),
        entity: &Entity,
        record: &Record,
        field: FieldId,
    ) -> Result<()> {
        let mut kept = self.0.borrow_mut();
        let is_of = |(of, known, _): &Decided| Arc::ptr_eq(of, policy) && *known == entity.id();
        let permit = match kept.take().filter(is_of) {
            Some((.., permit)) => permit,
            None => policy.decide::<Read>(user, entity.id(), &entity.api_name)?,
        };
        let shows = permit.shows_in(|| record.envelope.access_class(), field);
        *kept = Some((Arc::clone(policy), entity.id(), permit));
        match (shows, entity.field_by_id(field)) {
            (true, _) => Ok(()),
            (false, named) => {
                let refused = Error::new(Code::FieldNotPermitted).entity(&entity.api_name);
                Err(refused.field(named.map_or("", |field| &field.api_name)))
            }
        }
    }
}

/// What a transaction keeps for hooks.
#[derive(Debug, Default)]
pub(super) struct HookState {
    /// How many hooks are running within each other.
    depth: usize,
    /// Whether the depth was passed: then nothing of the transaction is kept, whatever hooks made of the refusal.
    too_deep: bool,
    /// What is told when everything is durable: entity, record, and the version from which on it is so.
    committed: Vec<(String, RecordId, u64)>,
}

/// Which hooks stand at a point of an entity.
fn at<'h>(
    hooks: &'h [Hook],
    entity: &'h Entity,
    point: HookPoint,
) -> impl Iterator<Item = &'h Arc<dyn RecordHook>> {
    // Most hooks stand before a save, and no name is compared for these.
    hooks.iter().filter_map(move |hook| match &hook.rule {
        HookRule::At(known, rule) if *known == point && entity.is_called(&hook.entity) => Some(rule),
        _ => None,
    })
}

fn tells_of_commits(hooks: &[Hook], entity: &Entity) -> bool {
    hooks.iter().any(|hook| matches!(hook.rule, HookRule::AfterCommit(_)) && entity.is_called(&hook.entity))
}

impl Transaction<'_> {
    /// Does a work upon a record, all of it or nothing where there are hooks that may refuse, be they of records of other
    /// entities that rules change along with it.
    pub(super) fn with_hooks<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        match self.hooks().iter().any(|hook| matches!(hook.rule, HookRule::At(..))) {
            true => self.all_or_nothing(work),
            false => work(self),
        }
    }

    /// Asks the hooks behind a save.
    pub(super) fn after_save(&mut self, entity: &Entity, old: Option<&Record>, id: RecordId) -> Result<()> {
        let hooks = self.hooks();
        let asked = at(&hooks, entity, HookPoint::AfterSave).next().is_some();
        if !asked && !tells_of_commits(&hooks, entity) {
            return Ok(());
        }
        let stored = records::get_for_rule(self.view(), entity.id(), id)?;
        let Some(record) = stored else { return Ok(()) };
        self.note_commit(&hooks, entity, (record.id, record.envelope.version));
        self.ask(entity, HookPoint::AfterSave, (old, &record), None)
    }

    /// Asks the hooks before a deletion.
    pub(super) fn before_delete(&mut self, entity: &Entity, old: &Record) -> Result<()> {
        self.ask(entity, HookPoint::BeforeDelete, (Some(old), old), None)
    }

    /// Asks the hooks behind a deletion.
    pub(super) fn after_delete(&mut self, entity: &Entity, old: &Record) -> Result<()> {
        let hooks = self.hooks();
        // The deletion made the next version, by which one that is taken back is told apart.
        self.note_commit(&hooks, entity, (old.id, old.envelope.version.saturating_add(1)));
        self.ask(entity, HookPoint::AfterDelete, (Some(old), old), None)
    }

    /// Asks the hooks before each step that a save is about to take.
    pub(super) fn before_transition(
        &mut self,
        entity: &Entity,
        old: Option<&Record>,
        record: &Record,
    ) -> Result<()> {
        let hooks = self.hooks();
        let Some(old) = old.filter(|_| at(&hooks, entity, HookPoint::BeforeTransition).next().is_some())
        else {
            return Ok(());
        };
        for step in entity.machines().iter().filter_map(|machine| step_of(entity, machine, old, record)) {
            self.ask(entity, HookPoint::BeforeTransition, (Some(old), record), Some(&step))?;
        }
        Ok(())
    }

    fn ask(
        &mut self,
        entity: &Entity,
        point: HookPoint,
        (old, record): (Option<&Record>, &Record),
        transition: Option<&Transition>,
    ) -> Result<()> {
        let hooks = self.hooks();
        let mut asked = at(&hooks, entity, point).peekable();
        if asked.peek().is_none() {
            return Ok(());
        }
        let state = self.hook_state();
        if state.depth >= MAX_HOOK_DEPTH {
            state.too_deep = true;
            return Err(too_deep().entity(&entity.api_name));
        }
        state.depth += 1;
        let answered = asked.try_for_each(|hook| {
            let mut happening = Happening { transaction: self, entity, point, old, record, transition };
            hook.run(&mut happening).map_err(|error| error.entity(&entity.api_name))
        });
        let state = self.hook_state();
        state.depth = state.depth.saturating_sub(1);
        answered
    }

    fn note_commit(&mut self, hooks: &[Hook], entity: &Entity, (record, version): (RecordId, u64)) {
        if tells_of_commits(hooks, entity) {
            self.hook_state().committed.push((entity.api_name.clone(), record, version));
        }
    }

    /// Refuses to commit what hooks have driven too deep.
    pub(super) fn check_hooks(&mut self) -> Result<()> {
        if self.hook_state().too_deep { Err(too_deep()) } else { Ok(()) }
    }

    /// What is to be told when everything is durable.
    pub(super) fn take_commits(&mut self) -> Vec<(String, RecordId, u64)> {
        std::mem::take(&mut self.hook_state().committed)
    }
}

fn too_deep() -> Error {
    Error::new(Code::PluginDepth).rule(&format!("hooks within hooks <= {MAX_HOOK_DEPTH}"))
}

fn step_of(entity: &Entity, machine: &StateMachine, old: &Record, record: &Record) -> Option<Transition> {
    let field = entity.field_by_id(machine.field()?)?;
    let state = |record: &Record| record.peek(field.id()).as_text().unwrap_or_default().to_owned();
    let (from, to) = (state(old), state(record));
    (from != to).then(|| Transition { field: field.api_name.clone(), from, to })
}

thread_local! {
    /// How many commits are being told of within each other on this thread.
    static TELLING: Cell<usize> = const { Cell::new(0) };
}

/// One more telling within the others, for as long as it lasts.
struct Telling;

impl Telling {
    /// Nothing where there are as many as there may be.
    fn begin() -> Option<Self> {
        let within = TELLING.get();
        (within < MAX_HOOK_DEPTH).then(|| {
            TELLING.set(within.saturating_add(1));
            Self
        })
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        TELLING.set(TELLING.get().saturating_sub(1));
    }
}

/// Tells the extensions of what is durable. A save that was taken back within its transaction is not told of, and neither
/// is one of a record that cannot be read: what was committed stays so whatever comes of this.
pub(super) fn tell_committed(session: &Session, hooks: &[Hook], mut committed: Vec<(String, RecordId, u64)>) {
    if committed.is_empty() {
        return;
    }
    let (Some(_telling), Ok(snapshot)) = (Telling::begin(), session.crm().snapshot()) else { return };
    let registry = session.crm().registry();
    let mut told = BTreeSet::new();
    committed.retain(|(entity, record, version)| {
        let Ok(known) = registry.entity(entity) else { return false };
        let stored = records::stored_for_rule(snapshot.as_ref(), known.id(), *record);
        let stands = |stored: Record| stored.envelope.version >= *version;
        stored.is_ok_and(|stored| stored.is_some_and(stands)) && told.insert((known.id(), *record))
    });
    drop(snapshot);
    for (entity, record, _) in committed {
        let Ok(known) = registry.entity(&entity) else { continue };
        for hook in hooks {
            if let HookRule::AfterCommit(rule) = &hook.rule
                && known.is_called(&hook.entity)
            {
                rule.after_commit(session, &entity, record);
            }
        }
    }
}
