//! Methods on the attachments of records. A content stands in the JSON as base64; a larger one than a call
//! carries is read in pieces, and attached through the typed call.

use std::io::{Read as _, Seek as _, SeekFrom};

use serde_json::json;

use crate::api::declare::methods;
use crate::api::json::{attachment_to_json, with};
use crate::base::{Code, Error, RecordId, base64};

/// Most bytes of content that a call carries: 8 MiB.
const MAX_CONTENT: u64 = 8 << 20;

methods! {
    /// Lists the attachments of a record.
    "attachment.list" (session, given: ListAttachments {
        /// The entity.
        entity: String,
        /// The record.
        record: RecordId,
    }) -> "{attachments: [{id, name, media_type, size, sha256, created_at, created_by}]}" {
        let attachments = session.attachments(&given.entity, given.record)?;
        Ok(json!({"attachments": attachments.iter().map(attachment_to_json).collect::<Vec<_>>()}))
    }

    /// Attaches a content of at most 8 MiB to a record.
    "attachment.add" (session, given: AddAttachment {
        /// The entity.
        entity: String,
        /// The record.
        record: RecordId,
        /// What people call the file.
        name: String,
        /// Its media type; `application/octet-stream` if not said.
        media_type: Option<String>,
        /// The content as base64 with padding.
        content: String,
    }) -> "{id, name, media_type, size, sha256, created_at, created_by}" {
        let refused = || Error::new(Code::InvalidArgument).field("content").rule("base64 with padding");
        let content = base64::decode(&given.content).ok_or_else(refused)?;
        if content.len() as u64 > MAX_CONTENT {
            return Err(Error::new(Code::LimitExceeded).field("content").rule("at most 8 MiB in one call"));
        }
        let media_type = given.media_type.as_deref().unwrap_or("application/octet-stream");
        let content = &mut content.as_slice();
        Ok(attachment_to_json(&session.attach(&given.entity, given.record, &given.name, media_type, content)?))
    }

    /// Reads an attachment, or a piece of it.
    "attachment.get" (session, given: GetAttachment {
        /// The entity.
        entity: String,
        /// The record.
        record: RecordId,
        /// The attachment.
        attachment: RecordId,
        /// Where the piece begins, in bytes; 0 if not said.
        offset: Option<u64>,
        /// Most bytes of the piece; 8 MiB if not said, and at the most.
        length: Option<u64>,
    }) -> "{id, name, media_type, size, sha256, created_at, created_by, offset, content, more}" {
        let mut reader = session.read_attachment(&given.entity, given.record, given.attachment)?;
        let offset = given.offset.unwrap_or(0).min(reader.attachment().size);
        let length = given.length.unwrap_or(MAX_CONTENT).min(MAX_CONTENT);
        let mut content = Vec::new();
        let read = reader.seek(SeekFrom::Start(offset)).and_then(|_| (&mut reader).take(length).read_to_end(&mut content));
        read.map_err(own_error)?;
        let more = offset.saturating_add(content.len() as u64) < reader.attachment().size;
        let piece = [("offset", json!(offset)), ("more", json!(more)), ("content", json!(base64::encode(&content)))];
        Ok(with(attachment_to_json(reader.attachment()), piece))
    }

    /// Keeps a text of an attachment that the host has read itself, in place of the one before, so that search finds
    /// the record by it.
    "attachment.set_text" (session, given: SetAttachmentText {
        /// The entity.
        entity: String,
        /// The record.
        record: RecordId,
        /// The attachment.
        attachment: RecordId,
        /// The text, at most 1 MiB of UTF-8; an empty one takes the text away.
        text: String,
    }) -> "{}" {
        session.set_attachment_text(&given.entity, given.record, given.attachment, &given.text)?;
        Ok(json!({}))
    }

    /// Takes an attachment from a record.
    "attachment.remove" (session, given: RemoveAttachment {
        /// The entity.
        entity: String,
        /// The record.
        record: RecordId,
        /// The attachment.
        attachment: RecordId,
    }) -> "{}" {
        session.detach(&given.entity, given.record, given.attachment)?;
        Ok(json!({}))
    }
}

/// The engine's own error out of one of the system that wraps it.
fn own_error(error: std::io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(Error::from)
}
