//! Methods for whoever looks after a database: verification, sizes, reports, room given back, a new data
//! key. All of them need the right to administer everything. What takes long tells its progress to the
//! listener of the session, if the host has set one.

use serde_json::{Value as Json, json};

use crate::api::declare::{Secret, methods};
use crate::api::json::head_to_json;
use crate::base::{Code, Error, Result};
use crate::engine::{CopyReport, SlowQuery, VerifyReport, statistics_to_json};

use super::keys::key_from_json;

methods! {
    /// Verifies the database: `quick` reads every row and follows the ledger's chain; `full` also compares
    /// records with ledger, indexes, unique keys, counters and commitments, and reads every attachment.
    "database.verify" (session, given: VerifyDatabase {
        /// `quick` or `full`; `full` if not said.
        mode: Option<String>,
    }) -> "{mode, entries, head}, and for quick {rows}, for full {forgotten, records, derived_keys, attachments}" {
        let mut answer = match given.mode.as_deref() {
            None | Some("full") => report_to_json(&session.verify()?),
            Some("quick") => {
                let report = session.verify_quickly()?;
                json!({"entries": report.entries, "rows": report.rows, "head": head_to_json(report.head)})
            }
            Some(_) => return Err(Error::new(Code::InvalidArgument).field("mode").rule("quick or full")),
        };
        put(&mut answer, "mode", json!(given.mode.as_deref().unwrap_or("full")));
        Ok(answer)
    }

    /// Tells sizes of tables and files, and what was done since the open.
    "database.statistics" (session, _given: Statistics {}) -> "{tables: {name: {rows, stored_bytes, overhead_bytes}}, file_bytes, free_bytes, journal_bytes, memory_bytes, commits, changed_rows, changed_bytes, groups, syncs, checkpoints, slow_commits, longest_commit_micros, kept_bytes, cache_hits, cache_misses}" {
        Ok(statistics_to_json(&session.statistics()?))
    }

    /// Looks over the database: size, growth, records, empty fields, keys, age of the last backup.
    "database.inspect" (session, _given: Inspect {}) -> "{at, format, statistics, ledger: {entries, months: [{month, entries, bytes}]}, entities: [{entity, records, looked_at, fields: [{field, empty, empty_percent}]}], keys, last_backup, days_since_backup, unfinished_copy, recovery, slow_queries, text}" {
        let inspection = session.inspect()?;
        let mut answer = inspection.to_json();
        put(&mut answer, "text", json!(inspection.text(session.locale())));
        Ok(answer)
    }

    /// Tells the newest queries that took long or read much, newest first: entity, shape without values, plan, and
    /// what it took. What slow is, the settings `queries.slow_threshold_ms` and `queries.slow_threshold_rows` say.
    "database.slow_queries" (session, given: SlowQueriesOf {
        /// Most queries; 50 if not said. At most 200 are kept.
        limit: Option<u64>,
    }) -> "{threshold_micros, threshold_rows, total, queries: [{at, entity, kind, shape, plan: {index, scan}, rows_read, rows_given, micros, user}]}" {
        let slow = session.slow_queries()?;
        let limit = given.limit.map_or(50, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let threshold = session.crm().slow_threshold();
        Ok(json!({
            "threshold_micros": threshold.micros,
            "threshold_rows": threshold.rows,
            "total": slow.total,
            "queries": slow.queries.iter().take(limit).map(SlowQuery::to_json).collect::<Vec<_>>(),
        }))
    }

    /// Gives what support needs to know of the database, and nothing of the customers in it.
    "database.support_bundle" (session, _given: SupportBundle {}) -> "{guanxi, platform, database, inspection, settings, slow_queries, extensions, errors}" {
        let mut bundle = Vec::new();
        session.support_bundle(&mut bundle)?;
        serde_json::from_slice(&bundle).map_err(|error| Error::new(Code::Panic).because(error))
    }

    /// Writes the file with all records anew, without gaps, and gives the room back. Reads and writes go on.
    "database.compact" (session, _given: Compact {}) -> "{rows, bytes_before, bytes_after}" {
        Ok(copied(session.compact()?))
    }

    /// Encrypts everything anew under a new data key, which the given keys open and no others.
    "database.change_data_key" (session, given: ChangeDataKey {
        /// The keys that shall open the database, each in the form of `key.add`; eight at the most.
        keys: Secret<Vec<Json>>,
    }) -> "{rows, bytes_before, bytes_after}" {
        let refused = || Error::new(Code::InvalidArgument).field("keys").rule("a list of keys");
        let keys = given.keys.iter().map(|key| key_from_json("keys", key.as_object().ok_or_else(refused)?));
        Ok(copied(session.change_data_key(&keys.collect::<Result<Vec<_>>>()?)?))
    }

    /// Brings the journal into the tables, so that a reopen after a crash has nothing to do.
    "database.checkpoint" (session, _given: Checkpoint {}) -> "{}" {
        session.checkpoint()?;
        Ok(json!({}))
    }

    /// Makes durable what was committed so far, where the database is open with relaxed durability.
    "database.flush" (session, _given: Flush {}) -> "{position, hash}" {
        Ok(head_to_json(session.flush()?))
    }
}

fn copied(report: CopyReport) -> Json {
    let CopyReport { rows, bytes_before, bytes_after } = report;
    json!({"rows": rows, "bytes_before": bytes_before, "bytes_after": bytes_after})
}

/// What a full verification found.
pub(super) fn report_to_json(report: &VerifyReport) -> Json {
    json!({
        "entries": report.entries,
        "forgotten": report.forgotten,
        "records": report.records,
        "attachments": report.attachments,
        "derived_keys": report.derived_keys,
        "head": head_to_json(report.head),
    })
}

/// Adds a member to an answer, which is an object.
fn put(answer: &mut Json, name: &str, value: Json) {
    if let Some(members) = answer.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
