//! Methods by which rules give leads and accounts to people, and place them in territories.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::base::RecordId;
use crate::model::{Assigned, assignment, pool_policy, territory};

use super::bulk::{bulk, outcome_to_json, selection};
use super::records::write;

methods! {
    /// Gives a lead or an account to somebody by the assignment rules: the first one that it meets and that has somebody
    /// for it. It takes the right to assign the record. What the rule did is told as far as the user sees it.
    "assignment.assign" (session, given: AssignByRules {
        /// `account` or `lead`.
        of: String,
        /// The record.
        id: RecordId,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id, assignment: {rule, rule_name, to, at, passed_over: [{user, why}]}}" {
        let of = pool_policy::of_name(&given.of)?;
        let request = json!([given.of, given.id.to_string()]);
        write(session, "assignment.assign", given.idempotency_key.as_deref(), &request, |transaction| {
            let assigned = assignment::assign(transaction, of, given.id)?;
            Ok(json!({"id": given.id.to_string(), "assignment": assigned.as_ref().map(assigned_to_json)}))
        })
    }

    /// Tells what assignment rules have done with a lead or an account, the last first: which rule, to whom it gave the
    /// record, and who was passed over and why.
    "assignment.explain" (session, given: ExplainAssignment {
        /// `account` or `lead`.
        of: String,
        /// The record.
        id: RecordId,
    }) -> "{rows: [{rule, rule_name, to, at, passed_over: [{user, why}]}]}" {
        let of = pool_policy::of_name(&given.of)?;
        let rows = session.read(|reader| assignment::explain(&reader, of, given.id))?;
        Ok(json!({"rows": rows.iter().map(assigned_to_json).collect::<Vec<_>>()}))
    }

    /// Places leads or accounts in their territories anew, after these have changed; those that name one stay where they
    /// are. A call does at most 10,000 records; the cursor goes on.
    "territory.apply" (session, given: ApplyTerritories {
        /// `account` or `lead`.
        of: String,
        /// The condition; either this or `ids`.
        filter: Option<Json>,
        /// The records; either these or `filter`.
        ids: Option<Vec<Json>>,
        /// Most records of this call; 10,000 if not said.
        limit: Option<u64>,
        /// Where the call before stopped.
        cursor: Option<String>,
    }) -> "{batch, rows: [{id, outcome, error}], cursor, stopped}" {
        let of = pool_policy::of_name(&given.of)?;
        let records = selection(session, territory::entity_of(of), given.filter.as_ref(), given.ids.as_deref())?;
        let bulk = bulk(given.limit, given.cursor.as_deref())?;
        outcome_to_json(session, &session.apply_territories(of, &records, &bulk)?)
    }
}

fn assigned_to_json(assigned: &Assigned) -> Json {
    let passed = assigned.passed_over.iter();
    let passed = passed.map(|(user, why)| json!({"user": user.to_string(), "why": why.code()}));
    json!({
        "rule": assigned.rule.map(|rule| rule.to_string()),
        "rule_name": assigned.rule_name,
        "to": assigned.to.map(|to| to.to_string()),
        "at": assigned.at.map(|at| at.to_string()),
        "passed_over": passed.collect::<Vec<_>>(),
    })
}
