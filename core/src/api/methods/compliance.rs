//! Methods on what an organisation shows of its handling of personal data.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{cursor_from_text, cursor_to_text};
use crate::base::{Code, Error, Result};
use crate::features::privacy::{Discover, Finding, ReportRequest};

use super::audit::moment;

methods! {
    /// The report of compliance: what is overdue, exported, changed in rights, shared without an end, without a purpose,
    /// withdrawn, without a contract, and held. A section that walks over much stops at its bound and says where to go
    /// on; counts are those of the part.
    "privacy.report" (session, given: ComplianceReport {
        /// From this moment on, in RFC 3339; the last thirty days if not said.
        from: Option<String>,
        /// Before this moment; up to now if not said.
        until: Option<String>,
        /// From how many days without a sign-in on a user is told; 90 if not said.
        inactive_days: Option<u64>,
        /// These sections alone, by code; all of them if not said.
        sections: Option<Vec<Json>>,
        /// Where sections of the call before stopped, by code.
        after: Option<Map<String, Json>>,
        /// Most rows of a section; 1000 if not said, and at the most.
        limit: Option<u64>,
        /// `json`, `csv` or `markdown`, of which the latter two come as `text`; `json` if not said.
        format: Option<String>,
    }) -> "{at, from, until, sections: [{code, label, columns: [{code, label}], rows, after}]} or {text}" {
        let text = |field: &'static str| {
            move |json: &Json| {
                let wrong = || Error::new(Code::InvalidArgument).field(field).rule("texts");
                json.as_str().map(str::to_owned).ok_or_else(wrong)
            }
        };
        let after = given.after.iter().flatten().map(|(code, json)| Ok((code.clone(), text("after")(json)?)));
        let request = ReportRequest {
            from: moment("from", given.from.as_deref())?,
            until: moment("until", given.until.as_deref())?,
            inactive_days: given.inactive_days.map_or(0, |days| u32::try_from(days).unwrap_or(u32::MAX)),
            sections: given.sections.iter().flatten().map(text("sections")).collect::<Result<_>>()?,
            after: after.collect::<Result<_>>()?,
            limit: given.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        };
        let report = session.compliance_report(&request)?;
        match given.format.as_deref().unwrap_or("json") {
            "json" => Ok(report.to_json()),
            "csv" => Ok(json!({"text": report.to_csv(session.locale())})),
            "markdown" => Ok(json!({"text": report.to_markdown(session.locale())})),
            other => {
                let wrong = Error::new(Code::InvalidArgument).field("format").value(other);
                Err(wrong.rule("json, csv or markdown"))
            }
        }
    }

    /// Looks through texts of fields whose class is none for what looks like personal data: phone numbers, e-mail
    /// addresses, identity numbers of residents of China and numbers of bank cards. It tells field, kind, how many, and
    /// some of the records, and never a value. Entities of which one does not read everything are skipped.
    "privacy.discover" (session, given: DiscoverPersonal {
        /// These entities; all of them if not said.
        entities: Option<Vec<Json>>,
        /// Most records of this call; 10000 if not said, 100000 at the most.
        limit: Option<u64>,
        /// Where the call before stopped.
        cursor: Option<String>,
    }) -> "{findings: [{entity, field, kind, count, records, ids}], skipped, looked_at, cursor, stopped}" {
        let wrong = || Error::new(Code::InvalidArgument).field("entities").rule("a list of names");
        let named = |name: &Json| name.as_str().map(str::to_owned).ok_or_else(wrong);
        let asked = Discover {
            entities: given.entities.iter().flatten().map(named).collect::<Result<_>>()?,
            limit: given.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            after: given.cursor.as_deref().map(cursor_from_text).transpose()?,
        };
        let found = session.discover_personal_data(&asked)?;
        Ok(json!({
            "findings": found.findings.iter().map(finding_to_json).collect::<Vec<_>>(),
            "skipped": found.skipped,
            "looked_at": found.looked_at,
            "cursor": found.next.as_ref().map(cursor_to_text).transpose()?,
            "stopped": found.stopped.as_ref().map(|error| error.to_json(session.locale())),
        }))
    }
}

fn finding_to_json(finding: &Finding) -> Json {
    json!({
        "entity": finding.entity,
        "field": finding.field,
        "kind": finding.kind.name(),
        "count": finding.count,
        "records": finding.records,
        "ids": finding.ids.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
