//! Methods on rules over the ledger, and on what they found.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::with;
use crate::base::{Code, Error, Result};
use crate::engine::{Anomaly, AnomalyRule, AuditedEntry, AuditedValue, EntryKind, LedgerQuery, note_field};

methods! {
    /// Lists the rules over the ledger: the usual ones, and what the organisation has set in place of them or beside.
    "audit.anomaly_rules" (session, _given: AnomalyRules {}) -> "{rules: [{name, kind, enabled, threshold, minutes, opens, closes}]}" {
        let rules = session.crm().settings().rules_of_anomalies();
        let rules = rules.iter().map(|(name, rule)| rule_to_json(name, rule)).collect::<Result<Vec<_>>>()?;
        Ok(json!({"rules": rules}))
    }

    /// Defines a rule over the ledger, or changes the one of this name; what is not said stays as it is. It never
    /// stands in anybody's way. The rules are a setting of the organisation, `audit.anomaly_rules`.
    "audit.define_anomaly_rule" (session, given: DefineAnomalyRule {
        /// The name, which for the usual rules is that of their kind.
        name: String,
        /// `mass_reads`, `reads_of_others`, `reads_outside_team`, `exports_outside_hours` or `failed_sign_ins`; needed
        /// for a new name.
        kind: Option<String>,
        /// Whether it is on.
        enabled: Option<bool>,
        /// From how many on.
        threshold: Option<u64>,
        /// Within how many minutes, up to 1440.
        minutes: Option<u64>,
        /// The hour with which business begins.
        opens: Option<u64>,
        /// The hour with which it ends. Saturday and Sunday are outside of business hours.
        closes: Option<u64>,
    }) -> "{name, kind, enabled, threshold, minutes, opens, closes}" {
        let known = session.crm().settings().rules_of_anomalies().remove(&given.name);
        let kind = match (&given.kind, &known) {
            (Some(kind), _) => json!(kind),
            (None, Some(known)) => json!(known.kind),
            (None, None) => return Err(Error::new(Code::MissingParameter).field("kind")),
        };
        let refused = || Error::new(Code::InvalidArgument).field("kind").rule("a kind of rules over the ledger");
        let kind = serde_json::from_value(kind).map_err(|_| refused())?;
        let usual = AnomalyRule::usual().into_values().find(|rule| rule.kind == kind).ok_or_else(refused)?;
        let base = known.filter(|known| known.kind == kind).unwrap_or(usual);
        let rule = AnomalyRule {
            kind,
            enabled: given.enabled.unwrap_or(base.enabled),
            threshold: given.threshold.unwrap_or(base.threshold),
            minutes: given.minutes.map_or(base.minutes, |minutes| u32::try_from(minutes).unwrap_or(u32::MAX)),
            opens: given.opens.map_or(base.opens, |hour| i8::try_from(hour).unwrap_or(i8::MAX)),
            closes: given.closes.map_or(base.closes, |hour| i8::try_from(hour).unwrap_or(i8::MAX)),
        };
        session.define_anomaly_rule(&given.name, Some(rule.clone()))?;
        rule_to_json(&given.name, &rule)
    }

    /// Lets the rules read what was entered in the ledger since they last did, and enters what they find as events
    /// of the kind `anomaly`. A host calls it from time to time, and again while there is more. Reads are known
    /// as far as a policy enters them.
    "audit.detect" (session, _given: Detect {}) -> "{raised: [{rule, person, count, first_entry, last_entry, since}], position, more}" {
        let found = session.detect_anomalies()?;
        let raised: Vec<Json> = found.raised.iter().map(anomaly_to_json).collect();
        Ok(json!({"raised": raised, "position": found.position, "more": found.more}))
    }

    /// Lists what rules over the ledger have found, newest first. A page may be empty, and more to come.
    "audit.anomalies" (session, given: Anomalies {
        /// The rule; all if not said.
        rule: Option<String>,
        /// Where the page before ended.
        after: Option<u64>,
        /// Most of them; 100 if not said, 1000 at the most.
        limit: Option<u64>,
    }) -> "{anomalies: [{position, at, rule, person, count, first_entry, last_entry, since}], after}" {
        let query = LedgerQuery {
            kinds: vec![EntryKind::Anomaly],
            cause: given.rule.map(|rule| format!("anomaly.{rule}")),
            falling: true,
            after: given.after,
            limit: given.limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            ..LedgerQuery::default()
        };
        let page = session.query_ledger(&query)?;
        let found: Vec<Json> = page.entries.iter().map(entry_to_json).collect();
        Ok(json!({"anomalies": found, "after": page.next}))
    }
}

fn rule_to_json(name: &str, rule: &AnomalyRule) -> Result<Json> {
    let told = serde_json::to_value(rule).map_err(|error| Error::new(Code::Panic).because(error))?;
    Ok(with(told, [("name", json!(name))]))
}

fn anomaly_to_json(anomaly: &Anomaly) -> Json {
    json!({
        "rule": anomaly.rule,
        "person": anomaly.person.to_string(),
        "count": anomaly.count,
        "first_entry": anomaly.first_entry,
        "last_entry": anomaly.last_entry,
        "since": anomaly.since.to_string(),
    })
}

fn entry_to_json(audited: &AuditedEntry) -> Json {
    let said = |name: &str| {
        let field = note_field(name);
        let found = audited.changes.iter().find(|change| Some(change.field) == field);
        match found.map(|change| &change.new) {
            Some(AuditedValue::Known(value)) => value.to_json(),
            _ => Json::Null,
        }
    };
    json!({
        "position": audited.entry.position,
        "at": audited.entry.stamp.at().to_string(),
        "rule": said("rule"),
        "person": said("person"),
        "count": said("count"),
        "first_entry": said("first_entry"),
        "last_entry": said("last_entry"),
        "since": said("since"),
    })
}
