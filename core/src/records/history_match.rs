//! Conditions held against records as they were. What lies beyond a reference is looked at as it was then too, where
//! the reader may see it today; its past is kept as long as its own entity says.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::access::{Permit, Read};
use crate::base::{Code, EntityId, Error, FieldId, RecordId, Result, Stamp};
use crate::records::history::{At, PastState, Rewind};
use crate::records::row::load;
use crate::records::temporal::version_at;
use crate::records::view::Sealer;
use crate::records::{Filter, Matcher, Moment, Record, Sight, sees_ends};
use crate::schema::Entity;

/// Records beyond references that are kept for the rows to come.
const CACHED: usize = 4_096;

/// What a record beyond a reference was.
#[derive(Clone)]
enum Then {
    /// It was this.
    Was(Rc<Record>),
    /// It was not there, or its reader does not see it.
    Nothing,
    /// Nobody can tell any more.
    Lost,
}

/// A condition made ready.
enum Part<'a> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// What speaks of the record alone.
    Own(Box<Matcher<'a>>),
    Through(FieldId, Sight<'a>, Box<Self>),
}

/// Holds records as they were at a place of the ledger against a condition.
pub(super) struct PastMatcher<'a> {
    part: Part<'a>,
    sealer: &'a Sealer,
    place: (u64, Stamp),
    moment: Moment,
    cache: RefCell<HashMap<(EntityId, RecordId), Then>>,
}

impl<'a> PastMatcher<'a> {
    /// Makes a condition ready, whose fields the reader sees. `kept` refuses an entity whose past is not told so far
    /// back.
    ///
    /// # Errors
    /// `input.invalid_filter` for what nobody knows of the past; `access.field_not_permitted`,
    /// `access.not_permitted`; those of `kept`.
    pub fn new(
        (sight, sealer): (&Sight<'a>, &'a Sealer),
        filter: &Filter,
        (place, moment): ((u64, Stamp), Moment),
        kept: &dyn Fn(&Entity) -> Result<()>,
    ) -> Result<Self> {
        sight.check(filter, std::iter::empty())?;
        let part = ready(sight, filter, kept)?;
        Ok(Self { part, sealer, place, moment, cache: RefCell::default() })
    }

    /// Whether a past record met the condition; nothing where that depends on a person who was forgotten.
    ///
    /// # Errors
    /// `ledger.broken`, `storage.damaged`, `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
    pub fn matches(&self, record: &Record) -> Result<Option<bool>> {
        self.part.is_met(record, self)
    }

    /// A record beyond a reference as it was.
    fn look_up(&self, sight: &Sight<'a>, id: RecordId) -> Result<Then> {
        let key = (sight.entity.id(), id);
        if let Some(known) = self.cache.borrow().get(&key) {
            return Ok(known.clone());
        }
        let then = self.look_at(sight, id)?;
        let mut cache = self.cache.borrow_mut();
        if cache.len() >= CACHED {
            cache.clear();
        }
        cache.insert(key, then.clone());
        Ok(then)
    }

    fn look_at(&self, sight: &Sight<'a>, id: RecordId) -> Result<Then> {
        let Some(record) = load(sight.snapshot, sight.entity.id(), id)? else { return Ok(Then::Nothing) };
        let permit: &Permit<Read> = sight.permit;
        if !permit.allows(record.id, &record.envelope.access_class()) || !sees_ends(sight, &record)? {
            return Ok(Then::Nothing);
        }
        let source = (sight.snapshot, self.sealer);
        Ok(match past_of(source, &record, self.place, sight)? {
            None => Then::Nothing,
            Some(mut state) => {
                state.compute(sight.entity, self.moment);
                state.record.map_or(Then::Lost, |record| Then::Was(Rc::new(record)))
            }
        })
    }
}

/// The state of a record at a place; nothing where it was not there.
///
/// # Errors
/// `ledger.broken`, `storage.damaged`, `storage.io`, `engine.cancelled`, `engine.deadline_exceeded`.
pub(super) fn past_of(
    source: (&dyn crate::storage::Snapshot, &Sealer),
    record: &Record,
    (position, stamp): (u64, Stamp),
    sight: &Sight<'_>,
) -> Result<Option<PastState>> {
    if record.envelope.created > stamp {
        return Ok(None);
    }
    if record.envelope.modified < stamp {
        return Ok(PastState::present(record));
    }
    if let Some(known) = version_at(source.0, sight.entity, record, position)? {
        return Ok(known);
    }
    Rewind::of(source, record, sight.patience)?.to(At::Position(position))
}

fn ready<'a>(sight: &Sight<'a>, filter: &Filter, kept: &dyn Fn(&Entity) -> Result<()>) -> Result<Part<'a>> {
    let each =
        |parts: &[Filter]| parts.iter().map(|part| ready(sight, part, kept)).collect::<Result<Vec<_>>>();
    Ok(match filter {
        Filter::All(parts) => Part::All(each(parts)?),
        Filter::Any(parts) => Part::Any(each(parts)?),
        Filter::Not(inner) => Part::Not(Box::new(ready(sight, inner, kept)?)),
        Filter::Through(field, inner) => {
            let beyond = sight.beyond(*field)?;
            kept(beyond.entity)?;
            Part::Through(*field, beyond, Box::new(ready(&beyond, inner, kept)?))
        }
        Filter::Has(_) => {
            return Err(unknown(sight.entity, "a condition on what was knows nothing that refers to it"));
        }
        Filter::Under(..) => return Err(unknown(sight.entity, "a condition on what was knows no trees")),
        own if own.names(&|field| sight.entity.is_far(field)) => {
            return Err(unknown(sight.entity, "a condition on what was looks at no lookup and no rollup"));
        }
        own => Part::Own(Box::new(Matcher::new(sight, own)?)),
    })
}

fn unknown(entity: &Entity, rule: &str) -> Error {
    Error::new(Code::InvalidFilter).entity(&entity.api_name).rule(rule)
}

impl<'a> Part<'a> {
    fn is_met(&self, record: &Record, matcher: &PastMatcher<'a>) -> Result<Option<bool>> {
        match self {
            Self::All(parts) => among(parts, false, &|part| part.is_met(record, matcher)),
            Self::Any(parts) => among(parts, true, &|part| part.is_met(record, matcher)),
            Self::Not(inner) => Ok(inner.is_met(record, matcher)?.map(|met| !met)),
            Self::Own(own) => own.matches(record).map(Some),
            Self::Through(field, sight, inner) => {
                let Some(id) = record.peek(*field).as_id() else { return Ok(Some(inner.holds_of_nothing())) };
                match matcher.look_up(sight, id)? {
                    Then::Was(far) => inner.is_met(&far, matcher),
                    Then::Nothing => Ok(Some(inner.holds_of_nothing())),
                    Then::Lost => Ok(None),
                }
            }
        }
    }

    /// Whether the condition is met where there is no record.
    fn holds_of_nothing(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::holds_of_nothing),
            Self::Any(parts) => parts.iter().any(Self::holds_of_nothing),
            Self::Not(inner) => !inner.holds_of_nothing(),
            Self::Own(own) => own.holds_of_nothing(),
            Self::Through(_, _, inner) => inner.holds_of_nothing(),
        }
    }
}

/// Whether one of some parts is so: that one decides, then one of which nobody can tell.
fn among<'p, 'a>(
    parts: &'p [Part<'a>],
    wanted: bool,
    is_met: &dyn Fn(&'p Part<'a>) -> Result<Option<bool>>,
) -> Result<Option<bool>> {
    let mut lost = false;
    for part in parts {
        match is_met(part)? {
            Some(met) if met == wanted => return Ok(Some(wanted)),
            Some(_) => {}
            None => lost = true,
        }
    }
    Ok((!lost).then_some(!wanted))
}
