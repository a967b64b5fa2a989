//! Methods that hand out all that is kept of one person, and put a value right where it is kept and in its copies.

use serde_json::{Map, Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::value_from_json;
use crate::base::{Code, Error, RecordId, Result};
use crate::engine::Session;
use crate::features::rights::{CopyPlace, PackageReport, Rectification};
use crate::schema::FieldName;

methods! {
    /// Writes all that is kept of one person, as far as the user may see and export it, into a new folder:
    /// `package.json` with its schema, `index.html` for people in the session's language, and attachments. Without a
    /// folder, `document` is the text of `package.json`, without the contents of attachments, at most 16 MiB. It is
    /// entered in the ledger as an export. Of what is left out only the kinds are told.
    "privacy.package" (session, given: PackagePerson {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The folder that is made.
        folder: Option<String>,
    }) -> "{records, versions, attachments, comments, corrections, entries, left_out, document}" {
        match &given.folder {
            Some(folder) => Ok(report_to_json(&session.personal_package(&given.entity, given.id, folder)?, None)),
            None => {
                let mut out = Bounded(Vec::new());
                let report = session.write_personal_package(&given.entity, given.id, &mut out)?;
                let unreadable = |error| Error::new(Code::Panic).because(error);
                Ok(report_to_json(&report, Some(String::from_utf8(out.0).map_err(unreadable)?)))
            }
        }
    }

    /// Shows copies of a value of a person that is wrong, in texts of the person's record and of records about the
    /// person. Nothing is changed.
    "privacy.copies" (session, given: CopiesOfValue {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The field that is wrong.
        field: String,
        /// The value that is right.
        value: Json,
        /// What was wrong, where the field has been put right already.
        old: Option<String>,
    }) -> "{copies: [{entity, record, field, text, becomes, whole, read_only}], more}" {
        let wrong = rectification(session, (&given.entity, given.id), (&given.field, &given.value), given.old.as_deref())?;
        let page = session.copies_of(&wrong)?;
        let copies = page.copies.iter().map(|copy| json!({
            "entity": copy.place.entity,
            "record": copy.place.record.to_string(),
            "field": copy.place.field,
            "text": copy.text,
            "becomes": copy.becomes,
            "whole": copy.is_whole,
            "read_only": copy.read_only,
        }));
        Ok(json!({"copies": copies.collect::<Vec<_>>(), "more": page.more}))
    }

    /// Puts a value of a person right, and the copies of it that are named, in one transaction with one cause.
    "privacy.rectify" (session, given: RectifyPerson {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// The field that is wrong.
        field: String,
        /// The value that is right.
        value: Json,
        /// What was wrong, where the field has been put right already.
        old: Option<String>,
        /// The copies that are changed, as {entity, record, field} of `privacy.copies`; none if not said.
        copies: Option<Vec<Json>>,
    }) -> "{records, copies}" {
        let wrong = rectification(session, (&given.entity, given.id), (&given.field, &given.value), given.old.as_deref())?;
        let chosen = given.copies.iter().flatten().map(place_from_json).collect::<Result<Vec<_>>>()?;
        let done = session.rectify(&wrong, &chosen)?;
        Ok(json!({"records": done.records, "copies": done.copies}))
    }
}

/// As much of a document as one answer takes.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > crate::base::MAX_JSON_BYTES {
            let full = Error::new(Code::LimitExceeded).rule("a document <= 16 MiB; name a folder");
            return Err(std::io::Error::other(full));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn report_to_json(report: &PackageReport, document: Option<String>) -> Json {
    json!({
        "records": report.records,
        "versions": report.versions,
        "attachments": report.attachments,
        "comments": report.comments,
        "corrections": report.corrections,
        "entries": report.entries,
        "left_out": report.left_out.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
        "document": document,
    })
}

fn rectification(
    session: &Session,
    (entity, id): (&str, RecordId),
    (field, value): (&str, &Json),
    old: Option<&str>,
) -> Result<Rectification> {
    session.read(|reader| {
        let known = reader.registry().entity(entity)?;
        // What is hidden is told before what its type takes.
        reader.comparable(known, &field.into())?;
        let value = value_from_json(&reader, known.field(FieldName::Name(field))?, value)
            .map_err(|error| error.entity(&known.api_name).field(field))?;
        Ok(Rectification {
            entity: entity.to_owned(),
            id,
            field: field.to_owned(),
            value,
            old: old.map(str::to_owned),
        })
    })
}

fn place_from_json(json: &Json) -> Result<CopyPlace> {
    let refused = || Error::new(Code::InvalidArgument).field("copies").rule("{entity, record, field}");
    let members: &Map<String, Json> = json.as_object().ok_or_else(refused)?;
    let text = |name: &str| members.get(name).and_then(Json::as_str).ok_or_else(refused);
    Ok(CopyPlace {
        entity: text("entity")?.to_owned(),
        record: text("record")?.parse().map_err(|_| refused())?,
        field: text("field")?.to_owned(),
    })
}
