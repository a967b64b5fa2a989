//! Methods on what an organisation shows of its handling of personal data.

use serde_json::{Map, Value as Json, json};
use zeroize::Zeroizing;

use crate::api::declare::methods;
use crate::api::json::{cursor_from_text, cursor_to_text, with};
use crate::base::{Code, Error, Result};
use crate::engine::Session;
use crate::features::privacy::{AcrossCursor, Discover, Discovered, Finding, ReportRequest};

use super::audit::moment;
use super::exchange::list;

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
        let asked = Discover {
            entities: list("entities", given.entities.as_deref())?,
            limit: given.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            after: given.cursor.as_deref().map(cursor_from_text).transpose()?,
        };
        let found = session.discover_personal_data(&asked)?;
        Ok(with(found_to_json(&found), [
            ("cursor", json!(found.next.as_ref().map(cursor_to_text).transpose()?)),
            ("stopped", json!(found.stopped.as_ref().map(|error| error.to_json(session.locale())))),
        ]))
    }

    /// The same as `privacy.discover` over several partitions: that of the user, and those of the service accounts whose
    /// tokens are given. Each account looks through its own partition with its own rights, and it is told of each what was
    /// found there and whether it was covered: `before`, `complete`, `part` or `waiting`.
    "privacy.discover_across" (session, given: DiscoverAcross {
        /// Tokens of service accounts, one of each other partition.
        tokens: Vec<Json>,
        /// These entities; all of them if not said.
        entities: Option<Vec<Json>>,
        /// Most records of this call; 10000 if not said, 100000 at the most.
        limit: Option<u64>,
        /// Where the call before stopped.
        cursor: Option<String>,
    }) -> "{partitions: [{partition, user, coverage, findings: [{entity, field, kind, count, records, ids}], skipped, looked_at}], cursor, stopped}" {
        let tokens = Zeroizing::new(list("tokens", Some(&given.tokens))?);
        let others = tokens.iter().map(|token| {
            let other = session.crm().sign_in_by_token(token)?;
            Ok(other.with_patience(session.patience().clone()))
        });
        let others = others.collect::<Result<Vec<Session>>>()?;
        let asked = Discover {
            entities: list("entities", given.entities.as_deref())?,
            limit: given.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            after: None,
        };
        let after: Option<AcrossCursor> = given.cursor.as_deref().map(cursor_from_text).transpose()?;
        let told = session.discover_across(&others, &asked, after.as_ref())?;
        let partitions = told.partitions.iter().map(|part| with(found_to_json(&part.found), [
            ("partition", json!(part.partition)),
            ("user", json!(part.user.to_string())),
            ("coverage", json!(part.coverage.name())),
        ]));
        Ok(json!({
            "partitions": partitions.collect::<Vec<_>>(),
            "cursor": told.next.as_ref().map(cursor_to_text).transpose()?,
            "stopped": told.stopped.as_ref().map(|error| error.to_json(session.locale())),
        }))
    }
}

fn found_to_json(found: &Discovered) -> Json {
    json!({
        "findings": found.findings.iter().map(finding_to_json).collect::<Vec<_>>(),
        "skipped": found.skipped,
        "looked_at": found.looked_at,
    })
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
