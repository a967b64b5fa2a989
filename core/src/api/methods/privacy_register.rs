//! Methods on the register of purposes, on what people agreed to, and on what must be kept.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{cursor_from_text, cursor_to_text};
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::{
    Changes, Channel, ConsentStatement, Decision, Evidence, Hold, NewHold, PageCursor, RecordedConsent,
    RegisteredPurpose, purpose,
};

use super::audit::moment;
use super::records::write;

methods! {
    /// Puts a purpose into the register, or changes the one of its code; what is not said stays as it is.
    "purpose.define" (session, given: DefinePurpose {
        /// The stable code, by which fields and consents name it.
        code: String,
        /// What it is called in Chinese.
        name: Option<String>,
        /// What it is called in English.
        name_en: Option<String>,
        /// `consent`, `contract`, `legal_obligation`, `vital_interest`, `public_task`, `legitimate_interest`,
        /// `published_information`.
        legal_bases: Option<Vec<Json>>,
        /// What is done for it, in the words of the notice to people.
        description: Option<String>,
        /// How long data is kept for it, in words.
        retention: Option<String>,
        /// Whether data is still used for it.
        active: Option<bool>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let mut changes = Changes::new();
        for (field, value) in [
            (purpose::NAME, &given.name), (purpose::NAME_EN, &given.name_en),
            (purpose::DESCRIPTION, &given.description), (purpose::RETENTION, &given.retention),
        ] {
            if let Some(value) = value {
                changes = changes.set(field, value.as_str());
            }
        }
        if let Some(bases) = &given.legal_bases {
            let wrong = || Error::new(Code::InvalidArgument).field("legal_bases").rule("a list of codes");
            let code = |base: &Json| base.as_str().map(crate::base::Value::from).ok_or_else(wrong);
            let bases = bases.iter().map(code).collect::<Result<Vec<_>>>()?;
            changes = changes.set(purpose::LEGAL_BASES, crate::base::Value::List(bases));
        }
        if let Some(active) = given.active {
            changes = changes.set(purpose::ACTIVE, active);
        }
        let request = json!([
            given.code, given.name, given.name_en, given.legal_bases, given.description, given.retention,
            given.active,
        ]);
        write(session, "purpose.define", given.idempotency_key.as_deref(), &request, |transaction| {
            let id = transaction.define_purpose(&given.code, changes.clone())?;
            Ok(json!({"id": id.to_string()}))
        })
    }

    /// Lists the purposes of the register, and those that fields name without being in it (`id` is null), each with the
    /// fields that serve it and where the laws have its bases.
    "purpose.list" (session, _given: ListPurposes {}) -> "{purposes: [{id, code, name, name_en, legal_bases: [{code, pipl, gdpr}], active, fields: [{entity, field, privacy}]}]}" {
        let purposes = session.purposes()?;
        Ok(json!({"purposes": purposes.iter().map(purpose_to_json).collect::<Vec<_>>()}))
    }

    /// Records what a person said on the use of their data: giving and withdrawing are one call by one right, that to
    /// change the person's record. Nothing that was recorded is changed by it.
    "consent.record" (session, given: RecordConsent {
        /// The entity of the person.
        entity: String,
        /// The person.
        id: RecordId,
        /// The purpose; all of them if not said, which no consent is given for.
        purpose: Option<String>,
        /// `any`, `email`, `sms`, `phone`, `post`, `messenger`, `app`, `in_person`, `export` or `processing`.
        channel: String,
        /// `given`, `withdrawn`, `objected`, `objection_ended`, `restricted` or `restriction_ended`.
        decision: String,
        /// When the person said it, RFC 3339; now if not said.
        at: Option<String>,
        /// The text that the person was shown.
        shown: Option<String>,
        /// The version of that text.
        version: Option<String>,
        /// How it was said: a form, a call, a letter.
        method: Option<String>,
        /// An attachment of the person's record that shows it.
        attachment: Option<RecordId>,
        /// What else is to be said.
        note: Option<String>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let decision = Decision::from_code(&given.decision).ok_or_else(|| unknown("decision", &given.decision))?;
        let said = ConsentStatement {
            purpose: given.purpose.clone(),
            channel: channel_of(&given.channel)?,
            decision,
            at: moment("at", given.at.as_deref())?,
            evidence: Evidence {
                shown: given.shown.clone(),
                version: given.version.clone(),
                method: given.method.clone(),
                attachment: given.attachment,
                note: given.note.clone(),
            },
        };
        let request = json!([
            given.entity, given.id.to_string(), given.purpose, given.channel, given.decision, given.at, given.shown,
            given.version, given.method, given.attachment.map(|id| id.to_string()), given.note,
        ]);
        write(session, "consent.record", given.idempotency_key.as_deref(), &request, |transaction| {
            let id = transaction.record_consent(&given.entity, given.id, &said)?;
            Ok(json!({"id": id.to_string()}))
        })
    }

    /// Says whether data of a person may be used for a purpose by a channel, and why. A host asks before each message
    /// and each export. Of a person who was deleted or erased, or whom one does not see, it says `record.not_found`, so
    /// that nothing is sent.
    "consent.check" (session, given: CheckConsent {
        /// The entity of the person.
        entity: String,
        /// The person.
        id: RecordId,
        /// The purpose.
        purpose: String,
        /// One channel.
        channel: String,
        /// The moment, RFC 3339; now if not said.
        at: Option<String>,
    }) -> "{allowed, reason, basis, pipl, gdpr, statement, at}" {
        let at = moment("at", given.at.as_deref())?;
        let channel = channel_of(&given.channel)?;
        let answer = session.check_consent(&given.entity, given.id, (&given.purpose, channel), at)?;
        Ok(json!({
            "allowed": answer.allowed,
            "reason": answer.reason.code(),
            "basis": answer.basis.map(crate::engine::LegalBasis::code),
            "pipl": answer.basis.and_then(crate::engine::LegalBasis::pipl),
            "gdpr": answer.basis.and_then(crate::engine::LegalBasis::gdpr),
            "statement": answer.statement.map(|id| id.to_string()),
            "at": answer.at.to_string(),
        }))
    }

    /// Lists what a person said, in the order in which it was recorded, for whoever sees the person.
    "consent.list" (session, given: ListConsents {
        /// The entity of the person.
        entity: String,
        /// The person.
        id: RecordId,
        /// Most rows; 100 if not said, 1000 at the most.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{consents: [{id, purpose, channel, decision, at, shown, version, method, attachment, note, recorded_by, recorded_at}], cursor}" {
        let page = session.consents(&given.entity, given.id, cursor(given.cursor.as_deref())?, rows(given.limit))?;
        Ok(json!({
            "consents": page.rows.iter().map(consent_to_json).collect::<Vec<_>>(),
            "cursor": page.next.as_ref().map(cursor_to_text).transpose()?,
        }))
    }

    /// Places a legal hold on a record, or on the records of an entity that meet a condition, those that come later among
    /// them: while it holds, nobody deletes, purges or erases them. It takes the right to administer the record, or all
    /// records of the entity.
    "hold.place" (session, given: PlaceHold {
        /// The entity.
        entity: String,
        /// The record; records of the entity if not said.
        id: Option<RecordId>,
        /// Those of them alone for which this expression is true.
        condition: Option<String>,
        /// Why: the case, the order of a court, the inquiry.
        reason: String,
        /// From when on, RFC 3339; from now on if not said.
        from: Option<String>,
        /// From when on no longer, RFC 3339; until it is released if not said.
        until: Option<String>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let hold = NewHold {
            entity: given.entity.clone(),
            record: given.id,
            condition: given.condition.clone(),
            reason: given.reason.clone(),
            from: moment("from", given.from.as_deref())?,
            until: moment("until", given.until.as_deref())?,
        };
        let request = json!([
            given.entity, given.id.map(|id| id.to_string()), given.condition, given.reason, given.from, given.until,
        ]);
        write(session, "hold.place", given.idempotency_key.as_deref(), &request, |transaction| {
            Ok(json!({"id": transaction.place_hold(&hold)?.to_string()}))
        })
    }

    /// Releases a legal hold from now on. It stays among those that were, with who released it and why.
    "hold.release" (session, given: ReleaseHold {
        /// The hold.
        id: RecordId,
        /// Why.
        reason: String,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{}" {
        let request = json!([given.id.to_string(), given.reason]);
        write(session, "hold.release", given.idempotency_key.as_deref(), &request, |transaction| {
            transaction.release_hold(given.id, &given.reason)?;
            Ok(json!({}))
        })
    }

    /// Lists legal holds on the entities of which one administers all records. A page may be empty, and more to come.
    "hold.list" (session, given: ListHolds {
        /// The entity; all of them if not said.
        entity: Option<String>,
        /// Those that are over among them; no if not said.
        all: Option<bool>,
        /// Most rows; 100 if not said, 1000 at the most.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{holds: [{id, entity, record, condition, reason, from, until, placed_by, placed_at, released_by, released_at, release_reason, in_force}], cursor}" {
        let after = cursor(given.cursor.as_deref())?;
        let all = given.all.unwrap_or(false);
        let page = session.holds(given.entity.as_deref(), all, after, rows(given.limit))?;
        Ok(json!({
            "holds": page.rows.iter().map(hold_to_json).collect::<Vec<_>>(),
            "cursor": page.next.as_ref().map(cursor_to_text).transpose()?,
        }))
    }

    /// Lists the legal holds that keep a record now, for who administers it.
    "hold.on" (session, given: HoldsOn {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
    }) -> "{holds: [{id, entity, record, condition, reason, from, until, placed_by, placed_at, in_force}]}" {
        let holds = session.holds_on(&given.entity, given.id)?;
        Ok(json!({"holds": holds.iter().map(hold_to_json).collect::<Vec<_>>()}))
    }
}

fn unknown(field: &str, value: &str) -> Error {
    Error::new(Code::InvalidArgument).field(field).rule("one of the codes").value(value)
}

fn channel_of(code: &str) -> Result<Channel> {
    Channel::from_code(code).ok_or_else(|| unknown("channel", code))
}

fn cursor(text: Option<&str>) -> Result<Option<PageCursor>> {
    text.map(cursor_from_text).transpose()
}

fn rows(limit: Option<u64>) -> usize {
    limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

fn purpose_to_json(purpose: &RegisteredPurpose) -> Json {
    let bases = purpose.legal_bases.iter();
    let bases = bases.map(|base| json!({"code": base.code(), "pipl": base.pipl(), "gdpr": base.gdpr()}));
    let fields = purpose
        .fields
        .iter()
        .map(|field| json!({"entity": field.entity, "field": field.field, "privacy": field.privacy.name()}));
    json!({
        "id": purpose.id.map(|id| id.to_string()),
        "code": purpose.code,
        "name": purpose.name,
        "name_en": purpose.name_en,
        "legal_bases": bases.collect::<Vec<_>>(),
        "active": purpose.active,
        "fields": fields.collect::<Vec<_>>(),
    })
}

fn consent_to_json(row: &RecordedConsent) -> Json {
    let (said, evidence) = (&row.statement, &row.statement.evidence);
    json!({
        "id": row.id.to_string(),
        "purpose": said.purpose,
        "channel": said.channel.code(),
        "decision": said.decision.code(),
        "at": said.at.map(|at| at.to_string()),
        "shown": evidence.shown,
        "version": evidence.version,
        "method": evidence.method,
        "attachment": evidence.attachment.map(|id| id.to_string()),
        "note": evidence.note,
        "recorded_by": row.recorded_by.to_string(),
        "recorded_at": row.recorded_at.to_string(),
    })
}

fn hold_to_json(hold: &Hold) -> Json {
    let released = hold.released.as_ref();
    json!({
        "id": hold.id.to_string(),
        "entity": hold.entity,
        "record": hold.record.map(|id| id.to_string()),
        "condition": hold.condition,
        "reason": hold.reason,
        "from": hold.from.to_string(),
        "until": hold.until.map(|until| until.to_string()),
        "placed_by": hold.placed_by.to_string(),
        "placed_at": hold.placed_at.to_string(),
        "released_by": released.map(|(by, _, _)| by.to_string()),
        "released_at": released.map(|(_, at, _)| at.to_string()),
        "release_reason": released.map(|(_, _, reason)| reason),
        "in_force": hold.in_force,
    })
}
