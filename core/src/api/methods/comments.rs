//! Methods on comments, on who watches a record, and on notices.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;
use crate::api::json::{cursor_from_text, cursor_to_text};
use crate::base::RecordId;
use crate::engine::Comment;

use super::bulk::ids;

methods! {
    /// Says something about a record that the user reads, and tells those whom it mentions and those who watch the record,
    /// as far as they see it.
    "comment.add" (session, given: AddComment {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// What is said, at most 20,000 bytes.
        text: String,
        /// Ids of the users whom it mentions, at most 50.
        mentions: Option<Vec<Json>>,
        /// A repeated request with this key gets the first answer.
        idempotency_key: Option<String>,
    }) -> "{id}" {
        let mentions = ids("mentions", given.mentions.as_deref().unwrap_or_default())?;
        let key = given.idempotency_key.as_deref();
        let comment = session.comment_once((&given.entity, given.id), &given.text, &mentions, key)?;
        Ok(json!({"id": comment.to_string()}))
    }

    /// Lists what was said about a record that the user reads, the newest first.
    "comment.list" (session, given: ListComments {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
        /// Where the page before ended.
        cursor: Option<String>,
    }) -> "{rows: [{id, author, at, text, mentions}], cursor}" {
        let after = given.cursor.as_deref().map(cursor_from_text).transpose()?;
        let page = session.comments(&given.entity, given.id, rows(given.limit), after)?;
        Ok(json!({
            "rows": page.rows.iter().map(comment_to_json).collect::<Vec<_>>(),
            "cursor": page.next.as_ref().map(cursor_to_text).transpose()?,
        }))
    }

    /// Takes back a comment of one's own, with the notices of it.
    "comment.delete" (session, given: DeleteComment {
        /// The comment.
        id: RecordId,
    }) -> "{id}" {
        session.delete_comment(given.id)?;
        Ok(json!({"id": given.id.to_string()}))
    }

    /// Watches a record that the user reads, so that the user is told of comments on it.
    "comment.watch" (session, given: WatchRecord {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
    }) -> "{changed}" {
        Ok(json!({"changed": session.watch_record(&given.entity, given.id)?}))
    }

    /// Watches a record no longer.
    "comment.unwatch" (session, given: UnwatchRecord {
        /// The record.
        id: RecordId,
    }) -> "{changed}" {
        Ok(json!({"changed": session.unwatch_record(given.id)?}))
    }

    /// Lists who watches a record that the user reads, as far as they see it themselves.
    "comment.watchers" (session, given: ListWatchers {
        /// The entity.
        entity: String,
        /// The record.
        id: RecordId,
    }) -> "{users}" {
        let users = session.watchers(&given.entity, given.id)?;
        Ok(json!({"users": users.iter().map(RecordId::to_string).collect::<Vec<_>>()}))
    }

    /// Lists what the user is told of, the newest first: comments that mention the user, and those on records that the user
    /// watches. What has gone out of the user's reach is left out.
    "notice.list" (session, given: ListNotices {
        /// Whether those that were read are left out; no if not said.
        unread: Option<bool>,
        /// Most rows; 100 if not said.
        limit: Option<u64>,
    }) -> "{rows: [{id, kind, entity, record, comment, read_at}]}" {
        let notices = session.notices(given.unread.unwrap_or(false), rows(given.limit))?;
        let rows = notices.iter().map(|notice| {
            json!({
                "id": notice.id.to_string(),
                "kind": notice.kind.code(),
                "entity": notice.entity,
                "record": notice.record.to_string(),
                "comment": comment_to_json(&notice.comment),
                "read_at": notice.read_at.map(|at| at.to_string()),
            })
        });
        Ok(json!({"rows": rows.collect::<Vec<_>>()}))
    }

    /// Says that notices were read; those of others are passed over.
    "notice.read" (session, given: ReadNotices {
        /// The notices, at most 1,000.
        ids: Vec<Json>,
    }) -> "{read}" {
        Ok(json!({"read": session.read_notices(&ids("ids", &given.ids)?)?}))
    }
}

fn rows(limit: Option<u64>) -> usize {
    usize::try_from(limit.unwrap_or(100)).unwrap_or(usize::MAX)
}

fn comment_to_json(comment: &Comment) -> Json {
    json!({
        "id": comment.id.to_string(),
        "author": comment.author.to_string(),
        "at": comment.at.to_string(),
        "text": comment.text,
        "mentions": comment.mentions.iter().map(RecordId::to_string).collect::<Vec<_>>(),
    })
}
