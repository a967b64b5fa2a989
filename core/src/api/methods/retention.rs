//! Methods on rules of retention, which are records of `sys.retention_rule`.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{cursor_from_text, cursor_to_text};
use crate::base::{Code, Error, Locale, Result};
use crate::engine::{Kept, RetentionRow, RetentionRun, Session};

methods! {
    /// Tells what a rule of retention would remove, and what of it stays and why: `hold`, `locked`, `minimum` with the
    /// rule that keeps it longer. Nothing is removed.
    "retention.preview" (session, given: PreviewRetention {
        /// The code of the rule.
        rule: String,
        /// Most rows; 100 if not said, 1000 at the most.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{until, due, rows: [{id, kept, rule, error}], cursor}" {
        let after = given.cursor.as_deref().map(cursor_from_text).transpose()?;
        let page = session.preview_retention(&given.rule, after, most(given.limit))?;
        Ok(json!({
            "until": page.until.to_string(),
            "due": page.due,
            "rows": rows_to_json(session, &page.rows),
            "cursor": page.next.as_ref().map(cursor_to_text).transpose()?,
        }))
    }

    /// Removes what active rules of retention are about, in chunks between which others write; each removal is in the
    /// ledger with the rule as its cause. What is held, locked, kept longer by another rule, or cannot be removed stays,
    /// and the first hundred of it are told. A host calls it from time to time, and again with the cursor of a rule
    /// while there is one.
    "retention.run" (session, given: RunRetention {
        /// The code of a rule; all active ones if not said.
        rule: Option<String>,
        /// Most records that are looked at; 10000 if not said, and at the most.
        limit: Option<u64>,
        /// Where the call before stopped, of one rule.
        cursor: Option<String>,
    }) -> "{runs: [{rule, removed, kept, rows: [{id, kept, rule, error}], cursor, stopped}]}" {
        let after = given.cursor.as_deref().map(cursor_from_text).transpose()?;
        let runs = match &given.rule {
            Some(rule) => vec![session.run_retention(rule, after, most(given.limit))?],
            None if after.is_some() => return Err(Error::new(Code::MissingParameter).field("rule")),
            None => session.run_due_retention(most(given.limit))?,
        };
        let told = runs.iter().map(|run| run_to_json(session, run)).collect::<Result<Vec<_>>>()?;
        Ok(json!({"runs": told}))
    }
}

fn most(limit: Option<u64>) -> usize {
    limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

fn rows_to_json(session: &Session, rows: &[RetentionRow]) -> Vec<Json> {
    rows.iter().map(|row| row_to_json(row, session.locale())).collect()
}

fn row_to_json(row: &RetentionRow, locale: Locale) -> Json {
    let (mut rule, mut error) = (None, None);
    match &row.kept {
        Some(Kept::Minimum(code)) => rule = Some(code),
        Some(Kept::Refused(refused)) => error = Some(refused.to_json(locale)),
        _ => {}
    }
    json!({
        "id": row.id.to_string(), "kept": row.kept.as_ref().map(Kept::name), "rule": rule, "error": error,
    })
}

fn run_to_json(session: &Session, run: &RetentionRun) -> Result<Json> {
    Ok(json!({
        "rule": run.rule,
        "removed": run.removed,
        "kept": run.kept,
        "rows": rows_to_json(session, &run.rows),
        "cursor": run.next.as_ref().map(cursor_to_text).transpose()?,
        "stopped": run.stopped.as_ref().map(|error| error.to_json(session.locale())),
    }))
}
