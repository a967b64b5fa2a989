//! Methods that are verbs of the trade.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::methods::reports::table_to_json;
use crate::base::{Code, Date, Decimal, Error, Money, RecordId, Result, Value};
use crate::engine::{Condition, Ref, Session, Transaction};
use crate::features::reports::{Bucket, Report};
use crate::model::quota::{self, QuotaOf};
use crate::model::{Attainment, ForecastOf, Opportunity, Pipeline, Quota, TeamMember, opportunity, pipeline};
use crate::schema::EntityType;

use super::records::write;
use super::sharing::share_level;
use super::work::condition_on;

methods! {
    /// Wins an opportunity.
    "opportunity.win" (session, given: Win {
        /// The opportunity.
        id: RecordId,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, status}" {
        step(session, "opportunity.win", given.id, given.idempotency_key, "won", |deal, transaction| {
            deal.win(transaction)
        })
    }

    /// Loses an opportunity.
    "opportunity.lose" (session, given: Lose {
        /// The opportunity.
        id: RecordId,
        /// Why.
        reason: String,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, status}" {
        step(session, "opportunity.lose", given.id, given.idempotency_key, "lost", |deal, transaction| {
            deal.lose(transaction, &given.reason)
        })
    }

    /// Voids an opportunity.
    "opportunity.void" (session, given: Void {
        /// The opportunity.
        id: RecordId,
        /// Why.
        reason: String,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, status}" {
        step(session, "opportunity.void", given.id, given.idempotency_key, "void", |deal, transaction| {
            deal.void(transaction, &given.reason)
        })
    }

    /// Gives a deal its team, in the place of the one that it had: who works at it, as what, and with which share in per
    /// cent. All shares together are 100, or nobody has one.
    "opportunity.set_team" (session, given: SetTeam {
        /// The opportunity.
        id: RecordId,
        /// The people: `{user, role, share}` of each.
        team: Vec<Json>,
        /// How the deal is shared with them: `read`, `edit` or `full`; not at all if not said.
        access: Option<String>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let team = given.team.iter().map(member_of_json).collect::<Result<Vec<_>>>()?;
        let access = given.access.as_deref().map(|level| share_level("access", level)).transpose()?;
        let request = json!([given.id.to_string(), given.team, given.access]);
        write(session, "opportunity.set_team", given.idempotency_key.as_deref(), &request, |transaction| {
            Ref::<Opportunity>::new(given.id).set_team(transaction, &team, access)?;
            Ok(json!({"id": given.id.to_string()}))
        })
    }

    /// What open deals are expected to bring in and won ones have, by span of time and category, from the deals that the
    /// user sees. Weighted amounts are multiplied by the chance of winning in each stage.
    "opportunity.forecast" (session, given: AskForecast {
        /// The first day, `2026-01-01`.
        from: String,
        /// The last day.
        to: String,
        /// The spans of time: `day`, `week`, `month`, `quarter` or `year`; months if not said.
        bucket: Option<String>,
        /// Whether it is told by person, with the shares of teams; no if not said.
        by_person: Option<bool>,
        /// The pipeline; all if not said.
        pipeline: Option<RecordId>,
        /// A condition on the deals.
        filter: Option<Json>,
    }) -> "{rows: [{period, person, category, deals, amounts, weighted}]}" {
        let of = ForecastOf {
            from: day("from", &given.from)?,
            to: day("to", &given.to)?,
            bucket: Bucket::from_name(given.bucket.as_deref().unwrap_or("month"))?,
            by_person: given.by_person.unwrap_or(false),
            filter: deals_of(session, given.pipeline, condition_on(session, Opportunity::NAME, given.filter.as_ref())?)?,
        };
        let rows = session.forecast(&of)?;
        let amounts = |amounts: &[Money]| amounts.iter().map(|one| Value::Money(*one).to_json()).collect::<Vec<_>>();
        let rows = rows.iter().map(|row| {
            json!({
                "period": row.period.to_string(),
                "person": row.person.map(|person| person.to_string()),
                "category": row.category.code(),
                "deals": row.deals,
                "amounts": amounts(&row.amounts),
                "weighted": amounts(&row.weighted),
            })
        });
        Ok(json!({"rows": rows.collect::<Vec<_>>()}))
    }

    /// Sets what a person or a unit is to bring in within some days. The quota of the same days and currency gets another
    /// amount, if there is one.
    "quota.set" (session, given: SetQuota {
        /// The person; either this or `unit`.
        user: Option<RecordId>,
        /// The unit, with those below it; either this or `user`.
        unit: Option<RecordId>,
        /// Whether what those bring in counts too who report to the person; no if not said.
        with_reports: Option<bool>,
        /// The first day, `2026-01-01`.
        from: String,
        /// The last day.
        to: String,
        /// How much: `CNY 128000`.
        amount: String,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let of = match (given.user, given.unit, given.with_reports.unwrap_or(false)) {
            (Some(user), None, false) => QuotaOf::User(user),
            (Some(user), None, true) => QuotaOf::WithReports(user),
            (None, Some(unit), false) => QuotaOf::Unit(unit),
            _ => return Err(Error::new(Code::InvalidArgument).field("user").rule("one of user and unit")),
        };
        let days = (day("from", &given.from)?, day("to", &given.to)?);
        let amount = given.amount.parse::<Money>().map_err(|error| error.field("amount"))?;
        let whose = [given.user, given.unit].map(|id| id.map(|id| id.to_string()));
        let request = json!([whose, given.with_reports, given.from, given.to, given.amount]);
        write(session, "quota.set", given.idempotency_key.as_deref(), &request, |transaction| {
            Ok(json!({"id": quota::set(transaction, of, days, amount)?.to_string()}))
        })
    }

    /// Tells how much of quotas has come by won deals, as far as the user reads the quotas and sees the deals; at most 100
    /// of them. A deal counts for those who have shares of it, or for its owner.
    "quota.attainment" (session, given: AskAttainment {
        /// A condition on the quotas.
        filter: Option<Json>,
    }) -> "{rows: [{quota, user, unit, from, to, target, won, deals, rate}]}" {
        let filter: Condition = condition_on(session, Quota::NAME, given.filter.as_ref())?;
        let rows = session.attainment(&filter)?;
        Ok(json!({"rows": rows.iter().map(attainment_to_json).collect::<Vec<_>>()}))
    }

    /// The pipeline: `stages` with count and amount; `totals` with count, win rate and mean days of all
    /// that closed; `won` with count, amount, mean amount and mean days.
    "opportunity.pipeline" (session, given: AskPipeline {
        /// The pipeline; all if not said.
        pipeline: Option<RecordId>,
    }) -> "{stages, totals, won}" {
        let table = |report: Report| {
            let filter = deals_of(session, given.pipeline, report.filter)?;
            session.report(&Report { filter, ..report }).map(|table| table_to_json(&table))
        };
        Ok(json!({
            "stages": table(opportunity::by_stage())?,
            "totals": table(opportunity::totals())?,
            "won": table(opportunity::won())?,
        }))
    }
}

/// Deals that meet a condition, of one pipeline where one is named.
fn deals_of(session: &Session, pipeline: Option<RecordId>, met: Condition) -> Result<Condition> {
    let Some(of) = pipeline else { return Ok(met) };
    let of = session.read(|reader| {
        reader.get(Pipeline::NAME, of)?;
        pipeline::of_pipeline(&reader, opportunity::PIPELINE.name(), of)
    })?;
    Ok(Condition::All(vec![of, met]))
}

fn day(name: &str, text: &str) -> Result<Date> {
    text.parse().map_err(|error: Error| error.field(name))
}

fn member_of_json(json: &Json) -> Result<TeamMember> {
    let wrong = |rule: &str| Error::new(Code::InvalidArgument).field("team").rule(rule);
    let user = json["user"].as_str().and_then(|id| id.parse().ok()).ok_or_else(|| wrong("user: an id"))?;
    let role = match &json["role"] {
        Json::Null => None,
        role => Some(role.as_str().ok_or_else(|| wrong("role: text"))?.to_owned()),
    };
    let number = |text: &str| text.parse::<Decimal>().map_err(|error| error.field("team"));
    let share = match &json["share"] {
        Json::Null => None,
        Json::String(share) => Some(number(share)?),
        share => Some(number(&share.to_string())?),
    };
    Ok(TeamMember { user, role, share })
}

fn attainment_to_json(row: &Attainment) -> Json {
    json!({
        "quota": row.quota.to_string(),
        "user": row.user.map(|user| user.to_string()),
        "unit": row.unit.map(|unit| unit.to_string()),
        "from": row.from.to_string(),
        "to": row.to.to_string(),
        "target": Value::Money(row.target).to_json(),
        "won": Value::Money(row.won).to_json(),
        "deals": row.deals,
        "rate": row.rate.to_string(),
    })
}

fn step(
    session: &Session,
    method: &str,
    id: RecordId,
    key: Option<String>,
    status: &str,
    mut change: impl FnMut(Ref<Opportunity>, &mut Transaction<'_>) -> Result<()>,
) -> Result<Json> {
    write(session, method, key.as_deref(), &json!(id.to_string()), |transaction| {
        change(Ref::new(id), transaction)?;
        Ok(json!({"id": id.to_string(), "status": status}))
    })
}
