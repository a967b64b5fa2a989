//! How a query would be answered, said before it runs.

use crate::base::{FieldId, Result};
use crate::records::query::count::source;
use crate::records::query::ends::may_hide_ends;
use crate::records::query::plan::{Order, Plan};
use crate::records::query::{CountSource, Matcher, Query, Sight, Size};

/// How a query would be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The index that is read: `id`, the name of a field, or that of a declared index.
    pub index: String,
    /// The fields of the index that the conditions fix or bound, in the order of the index.
    pub components: Vec<FieldId>,
    /// Ranges of the index that are read for each access class.
    pub ranges: usize,
    /// Ranges of all access classes, which are merged into one list.
    pub lanes: usize,
    /// Conditions that are held against each record that is read.
    pub residual: usize,
    /// Whether rows come in the order of the index; otherwise all are read, and the best page kept.
    pub streamed: bool,
    /// Whether every record that the reader sees is read.
    pub scan: bool,
    /// The indexes that are read for the alternatives of a condition, if those are answered by an index each:
    /// the name of each, and the fields of it that are fixed or bound. The name of the whole is `any` then.
    pub alternatives: Vec<(String, Vec<FieldId>)>,
    /// About how many keys are read if the list is read to its end, by what the choice of an index knows of the
    /// records that the reader sees. Nothing of links, whose ends the reader may not see.
    pub keys: Option<Size>,
    /// Records that are shared with the reader singly, each of which is read and held against the condition.
    pub shared: usize,
    /// Where a count of the same records comes from.
    pub count: CountSource,
}

/// Says how a query would be answered. It reads no more than the choice of an index does.
///
/// # Errors
/// As [`super::find`].
pub fn explain(sight: &Sight<'_>, query: &Query) -> Result<Explanation> {
    sight.check(&query.filter, query.sort.iter().map(|sort| sort.field))?;
    let matcher = Matcher::new(sight, &query.filter)?;
    let plan = Plan::choose(sight, &matcher.test, &query.sort)?;
    let scan = plan.is_scan();
    Ok(Explanation {
        ranges: plan
            .alternatives
            .iter()
            .fold(plan.ranges.len(), |sum, (plan, _)| sum.saturating_add(plan.ranges.len())),
        lanes: plan.lane_count(),
        keys: if may_hide_ends(sight) { None } else { Some(plan.size(sight)?) },
        alternatives: plan
            .alternatives
            .iter()
            .map(|(plan, _)| (plan.name.clone(), plan.used.clone()))
            .collect(),
        residual: plan.residual,
        streamed: plan.order == Order::Streamed,
        scan,
        shared: sight.permit.shared().len(),
        count: source(sight, &matcher.test)?,
        index: plan.name,
        components: plan.used,
    })
}
