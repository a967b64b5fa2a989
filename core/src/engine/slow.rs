//! The log of slow queries: of queries above a threshold of time or of work, which entity was asked for in which
//! shape, how it was read, and what that took. No value of a condition is in it, since values are of customers.
//!
//! It is kept in memory alone, the newest of each engine, and counts all.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::PoisonError;

use serde_json::{Value as Json, json};

use crate::base::{FieldId, RecordId, Result, Timestamp};
use crate::engine::{Crm, Reader, Session, field_name};
use crate::records::{self, Comparison, Direction, Filter, Query, Sight, SortField, target};
use crate::schema::{Entity, Layer, Registry};

/// Most queries that are kept.
const KEPT: usize = 200;
/// Longest shape that is told, in characters.
const MAX_SHAPE: usize = 2_000;

/// What a query did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKind {
    /// It listed one page.
    List,
    /// It counted.
    Count,
    /// It handed every record that meets a condition to a report, an export or the like.
    Scan,
    /// It grouped.
    Group,
}

impl QueryKind {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Count => "count",
            Self::Scan => "scan",
            Self::Group => "group",
        }
    }
}

/// A query that was slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowQuery {
    /// When it began, by the database's clock.
    pub at: Timestamp,
    /// The entity, by API name.
    pub entity: String,
    /// What it did.
    pub kind: QueryKind,
    /// Its conditions and its order, by names of fields and without a value.
    pub shape: String,
    /// The index that was read, as [`Reader::explain`] tells it.
    pub index: String,
    /// Whether every record that its user sees was read.
    pub scan: bool,
    /// Records that were read.
    pub rows_read: u64,
    /// Rows that were given: records, or groups.
    pub rows_given: u64,
    /// How long it took, in microseconds of the database's clock.
    pub micros: u64,
    /// Who asked.
    pub user: RecordId,
    /// The same as entity and shape, with numbers in place of the names that vendors and customers gave.
    anonymous: (String, String),
}

impl SlowQuery {
    /// The query as data.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "at": self.at.to_string(),
            "entity": self.entity,
            "kind": self.kind.name(),
            "shape": self.shape,
            "plan": {"index": self.index, "scan": self.scan},
            "rows_read": self.rows_read,
            "rows_given": self.rows_given,
            "micros": self.micros,
            "user": self.user.to_string(),
        })
    }

    /// What support may know of it: nobody's name, and no name that a vendor or customer gave.
    pub(super) fn anonymous_to_json(&self) -> Json {
        let (entity, shape) = &self.anonymous;
        json!({
            "entity": entity,
            "kind": self.kind.name(),
            "shape": shape,
            "scan": self.scan,
            "rows_read": self.rows_read,
            "rows_given": self.rows_given,
            "micros": self.micros,
        })
    }
}

/// From when on a query is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowThreshold {
    /// Microseconds that it takes.
    pub micros: u64,
    /// Records that it reads.
    pub rows: u64,
}

/// The newest slow queries, and how many there were since the open.
#[derive(Debug, Clone, Default)]
pub struct SlowQueries {
    /// How many there were.
    pub total: u64,
    /// The newest, newest first.
    pub queries: Vec<SlowQuery>,
}

/// The log in memory, oldest first.
#[derive(Debug, Default)]
pub(super) struct SlowLog {
    total: u64,
    newest: VecDeque<SlowQuery>,
}

impl SlowLog {
    fn push(&mut self, query: SlowQuery) {
        self.total = self.total.saturating_add(1);
        if self.newest.len() >= KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back(query);
    }
}

impl Session {
    /// The slow queries since the open, at most the newest 200.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything.
    pub fn slow_queries(&self) -> Result<SlowQueries> {
        Ok(self.administered()?.slow_queries())
    }
}

impl Crm {
    pub(super) fn slow_queries(&self) -> SlowQueries {
        let log = self.inner.slow_log.lock().unwrap_or_else(PoisonError::into_inner);
        SlowQueries { total: log.total, queries: log.newest.iter().rev().cloned().collect() }
    }
}

/// A query on its way: what it asks, and of what.
pub(super) struct Watched<'q> {
    pub kind: QueryKind,
    pub filter: &'q Filter,
    pub sort: &'q [SortField],
}

impl Reader<'_> {
    /// Does a query, and enters it in the log if it was slow. The work says how many rows it gave.
    pub(super) fn watched<T>(
        &self,
        sight: &Sight<'_>,
        query: &Watched<'_>,
        work: impl FnOnce(&Sight<'_>) -> Result<(T, u64)>,
    ) -> Result<T> {
        let begun = self.crm.now();
        let read = Cell::new(0);
        let (value, given) = work(&sight.counting(&read))?;
        let took = self.crm.now().micros().saturating_sub(begun.micros());
        let (micros, rows) = (u64::try_from(took).unwrap_or(0), read.get());
        let threshold = self.crm.slow_threshold();
        if micros >= threshold.micros || rows >= threshold.rows {
            self.enter_slow(sight, query, (begun, micros, rows, given));
        }
        Ok(value)
    }

    fn enter_slow(
        &self,
        sight: &Sight<'_>,
        query: &Watched<'_>,
        (at, micros, rows_read, rows_given): (Timestamp, u64, u64, u64),
    ) {
        let asked = Query { filter: query.filter.clone(), sort: query.sort.to_vec(), ..Query::default() };
        // The query itself has been answered, so it can be explained.
        let plan = records::explain(sight, &asked).ok();
        let entity = sight.entity;
        let shape = |names: Names| names.shape(self.registry(), entity, query);
        let anonymous = (Names::Numbers.entity(entity), shape(Names::Numbers));
        let slow = SlowQuery {
            at,
            entity: entity.api_name.clone(),
            kind: query.kind,
            shape: shape(Names::All),
            index: plan.as_ref().map(|plan| plan.index.clone()).unwrap_or_default(),
            scan: plan.is_some_and(|plan| plan.scan),
            rows_read,
            rows_given,
            micros,
            user: self.user,
            anonymous,
        };
        self.crm.inner.slow_log.lock().unwrap_or_else(PoisonError::into_inner).push(slow);
    }
}

/// Which names a shape tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// All of them.
    All,
    /// Those of the engine itself; numbers in place of others.
    Numbers,
}

impl Names {
    fn entity(self, entity: &Entity) -> String {
        match self == Self::All || Layer::of(&entity.definition.namespace) == Layer::Core {
            true => entity.api_name.clone(),
            false => format!("entity {}", entity.id().number()),
        }
    }

    fn field(self, entity: &Entity, field: FieldId) -> String {
        let author = entity.field_by_id(field).map(|field| Layer::of(&field.definition.namespace));
        match self == Self::All || author.is_none_or(|layer| layer == Layer::Core) {
            true => field_name(entity, field),
            false => format!("field {}", field.number()),
        }
    }

    fn shape(self, registry: &Registry, entity: &Entity, query: &Watched<'_>) -> String {
        let mut shape = self.condition(registry, entity, query.filter);
        for sort in query.sort {
            let way = if sort.direction == Direction::Descending { "-" } else { "" };
            shape.push_str(&format!("; sort {way}{}", self.field(entity, sort.field)));
        }
        shape.chars().take(MAX_SHAPE).collect()
    }

    /// A condition without its values.
    fn condition(self, registry: &Registry, entity: &Entity, filter: &Filter) -> String {
        let field = |field: &FieldId| self.field(entity, *field);
        let parts = |parts: &[Filter]| -> String {
            let said: Vec<String> = parts.iter().map(|part| self.condition(registry, entity, part)).collect();
            said.join(", ")
        };
        match filter {
            Filter::Everything => "everything".to_owned(),
            Filter::All(all) => format!("all({})", parts(all)),
            Filter::Any(any) => format!("any({})", parts(any)),
            Filter::Not(inner) => format!("not({})", self.condition(registry, entity, inner)),
            Filter::Compare(of, comparison, _) => format!("{} {}", field(of), name_of(*comparison)),
            Filter::In(of, _) => format!("{} in", field(of)),
            Filter::IsNull(of) => format!("{} is null", field(of)),
            Filter::Within(of, _) => format!("{} within", field(of)),
            Filter::Through(of, inner) => match target(registry, entity, *of) {
                Ok(beyond) => format!("{}.({})", field(of), self.condition(registry, beyond, inner)),
                Err(_) => format!("{}.(…)", field(of)),
            },
            Filter::Has(referring) => match registry.entity(&referring.entity) {
                Ok(beyond) => {
                    let by = self.field(beyond, referring.by);
                    let meets = self.condition(registry, beyond, &referring.meets);
                    format!("has {} by {by} ({meets})", referring.entity)
                }
                Err(_) => format!("has {} (…)", referring.entity),
            },
            Filter::Under(of, _) => format!("under by {}", field(of)),
            Filter::HeldOn(_) => "held on a day".to_owned(),
            Filter::Near(of, _) => format!("near {}", field(of)),
            // An expression may hold values of its own.
            Filter::Holds(_) => "an expression".to_owned(),
        }
    }
}

fn name_of(comparison: Comparison) -> &'static str {
    Comparison::ALL.iter().find(|(known, _)| *known == comparison).map_or("", |(_, name)| name)
}
