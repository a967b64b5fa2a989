//! Comments on records, who watches a record, and notices that tell somebody of a comment.
//!
//! Who reads a record reads its comments, and writes some; that is the one right that it takes. These are records of the
//! organisation's own, so that they follow the access of what they are about at the moment of each call, and nobody
//! comes to them by a list. Somebody who may not see a record is told nothing of it: a mention of them, or a watch that
//! they kept from before, makes no notice, and notices of what has gone out of their reach are not shown. Whoever writes
//! the mention is not told either whom it reached.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{Read, User};
use crate::base::{Code, Error, RecordId, Result, Timestamp, Value};
use crate::engine::own_records::Own;
use crate::engine::reader::is_out_of_reach;
use crate::engine::{Changes, FieldSelector, Reader, Registrar, Session, Transaction, WriteOptions};
use crate::records::{self, Direction, PageCursor, Query, Record, SortField};
use crate::schema::declare::codes;
use crate::schema::{Entity, EntityType, FieldName, IndexDefinition};

/// Longest comment, in bytes.
const MAX_TEXT: usize = 20_000;
/// Most people of one mention.
const MAX_MENTIONS: usize = 50;
/// Most people who watch one record.
const MAX_WATCHERS: usize = 500;
/// Most rows of one answer.
const MAX_ROWS: usize = 100;
/// Most notices that are looked at for one answer.
const MAX_LOOKED_AT: usize = 1_000;

codes! {
    /// Why somebody is told.
    NoticeKind {
        /// The comment mentions them.
        Mention = "mention", "提及", "Mention";
        /// They watch the record.
        Watched = "watched", "关注", "Watched";
    }
}

/// What somebody says about a record.
pub mod comment {
    use crate::schema::declare::entity;
    use crate::schema::{DateTime, Text};

    entity! {
        /// What somebody says about a record.
        Comment = ("sys", 124, "comment", "评论", "Comment",
            "对某条记录的评论。", title "text", data_subject false);
        /// The id of what it is about.
        RECORD: Text = 1, "record", "对象", "Record", "所评论记录的标识。", [required = true, read_only = true];
        /// The entity of what it is about, by API name.
        ENTITY: Text = 2, "entity", "实体", "Entity", "所评论记录的实体，为其 API 名称。", [required = true, read_only = true];
        /// What is said.
        TEXT: Text = 3, "text", "内容", "Text", "评论的内容。", [required = true, read_only = true];
        /// The ids of whom it mentions, separated by blanks.
        MENTIONS: Text = 4, "mentions", "提及", "Mentions", "所提及用户的标识，以空格分隔。", [read_only = true];
        /// When it was said.
        AT: DateTime = 5, "at", "时间", "At", "评论的时刻。", [required = true, read_only = true];
    }
}

/// Who watches a record.
pub mod watcher {
    use crate::access::User;
    use crate::schema::declare::entity;
    use crate::schema::{OnDelete, Reference, Text};

    entity! {
        /// Somebody who watches a record, and is told of comments on it.
        Watcher = ("sys", 125, "watcher", "关注人", "Watcher",
            "关注某条记录的用户，有新评论时会收到通知。", title "key", data_subject false);
        /// The id of what is watched.
        RECORD: Text = 1, "record", "对象", "Record", "所关注记录的标识。", [required = true, indexed = true, read_only = true];
        /// The entity of what is watched, by API name.
        ENTITY: Text = 2, "entity", "实体", "Entity", "所关注记录的实体，为其 API 名称。", [required = true, read_only = true];
        /// Who watches.
        USER: Reference<User> = 3, "user", "用户", "User", "关注该记录的用户。",
            [required = true, read_only = true, on_delete = OnDelete::Cascade];
        /// What stands once: the record and the user.
        KEY: Text = 4, "key", "唯一标识", "Key", "由记录与用户构成的唯一标识。", [unique = true, read_only = true];
    }
}

/// What somebody is told.
pub mod notice {
    use super::NoticeKind;
    use crate::access::User;
    use crate::schema::declare::entity;
    use crate::schema::{Choice, DateTime, OnDelete, Reference, Text};

    entity! {
        /// What somebody is told of a comment.
        Notice = ("sys", 126, "notice", "通知", "Notice",
            "向用户告知的一条评论。", title "kind", data_subject false);
        /// Who is told.
        TO: Reference<User> = 1, "to_user", "接收人", "To", "接收通知的用户。",
            [required = true, read_only = true, on_delete = OnDelete::Cascade];
        /// Why they are told.
        KIND: Choice<NoticeKind> = 2, "kind", "原因", "Kind", "收到通知的原因。", [required = true, read_only = true];
        /// The id of what the comment is about.
        RECORD: Text = 3, "record", "对象", "Record", "评论所涉记录的标识。", [required = true, read_only = true];
        /// The entity of what the comment is about, by API name.
        ENTITY: Text = 4, "entity", "实体", "Entity", "评论所涉记录的实体，为其 API 名称。", [required = true, read_only = true];
        /// The comment.
        COMMENT: Text = 5, "comment", "评论", "Comment", "所告知评论的标识。", [required = true, indexed = true, read_only = true];
        /// When.
        AT: DateTime = 6, "at", "时间", "At", "通知的时刻。", [required = true, read_only = true];
        /// When it was read.
        READ_AT: DateTime = 7, "read_at", "已读时间", "Read at", "阅读通知的时刻。", [read_only = true];
    }
}

pub use comment::Comment as CommentRecord;
pub use notice::Notice as NoticeRecord;
pub use watcher::Watcher;

/// The entities of this room.
pub(super) const ENTITIES: [&str; 3] = [CommentRecord::NAME, Watcher::NAME, NoticeRecord::NAME];

pub(super) fn declare(registrar: &mut Registrar) {
    let by_record = IndexDefinition::new("sys", 1, "by_record").rising("record").falling("at");
    registrar.entity(CommentRecord::definition().with_index(by_record));
    registrar.entity(Watcher::definition());
    let of_user = IndexDefinition::new("sys", 1, "of_user").rising("to_user").falling("at");
    registrar.entity(NoticeRecord::definition().with_index(of_user));
}

/// What somebody said about a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The comment.
    pub id: RecordId,
    /// Who said it.
    pub author: RecordId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
    /// Whom it mentions.
    pub mentions: Vec<RecordId>,
}

/// One page of comments, the newest first.
#[derive(Debug)]
pub struct CommentPage {
    /// The comments.
    pub rows: Vec<Comment>,
    /// Where to go on, if there is more.
    pub next: Option<PageCursor>,
}

/// What somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The notice.
    pub id: RecordId,
    /// Why.
    pub kind: NoticeKind,
    /// The entity of what the comment is about, by API name.
    pub entity: String,
    /// What it is about.
    pub record: RecordId,
    /// The comment.
    pub comment: Comment,
    /// When it was read, if it was.
    pub read_at: Option<Timestamp>,
}

impl Session {
    /// Says something about a record that the user reads, and tells those whom it mentions and those who watch the
    /// record, as far as they see it.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`; `schema.required` without text; `input.limit_exceeded` for a text of
    /// more than 20,000 bytes and more than 50 mentions; `input.invalid_argument` for the organisation's own records;
    /// `record.reference_missing` for a mention of somebody whom the user does not know.
    pub fn comment(&self, entity: &str, id: RecordId, text: &str, mentions: &[RecordId]) -> Result<RecordId> {
        self.comment_once((entity, id), text, mentions, None)
    }

    /// As [`Session::comment`]: a repeated request with the same key gets the first comment, and says nothing again.
    ///
    /// # Errors
    /// As [`Session::comment`]; `record.idempotency_mismatch` for another request with the same key.
    pub fn comment_once(
        &self,
        (entity, id): (&str, RecordId),
        text: &str,
        mentions: &[RecordId],
        key: Option<&str>,
    ) -> Result<RecordId> {
        let text = text.trim();
        check_text(text, mentions)?;
        let mentions: BTreeSet<RecordId> = mentions.iter().copied().collect();
        let told = self.read(|reader| reader.told_of(entity, id, &mentions))?;
        let options = WriteOptions::default().cause("comment.add");
        let Some(key) = key else {
            return self.write_with(options, |transaction| {
                transaction.write_comment((entity, id), text, &mentions, &told)
            });
        };
        let named: Vec<String> = mentions.iter().map(RecordId::to_string).collect();
        let request = serde_json::json!(["comment.add", entity, id.to_string(), text, named]);
        let answer = self.write_once(key, &request, options, |transaction| {
            let comment = transaction.write_comment((entity, id), text, &mentions, &told)?;
            Ok(serde_json::json!(comment.to_string()))
        })?;
        answer.as_str().unwrap_or_default().parse()
    }

    /// What was said about a record that the user reads, the newest first; at most 100.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`, `input.invalid_cursor`.
    pub fn comments(
        &self,
        entity: &str,
        id: RecordId,
        limit: usize,
        after: Option<PageCursor>,
    ) -> Result<CommentPage> {
        self.read(|reader| {
            reader.get(entity, id)?;
            let own = reader.own(CommentRecord::NAME)?;
            let query = own.query(&[(comment::RECORD.selector(), id.to_string().into())])?;
            let query = Query {
                sort: vec![SortField::new(own.field(comment::AT.selector())?, Direction::Descending)],
                limit: limit.clamp(1, MAX_ROWS),
                after,
                ..query
            };
            let (records, next) = own.find(&query)?;
            Ok(CommentPage {
                rows: records.iter().filter_map(|record| comment_of(&own, record)).collect(),
                next,
            })
        })
    }

    /// Takes back a comment of one's own, with the notices of it.
    ///
    /// # Errors
    /// `record.not_found`, alike for one that is not there and one of somebody else.
    pub fn delete_comment(&self, id: RecordId) -> Result<()> {
        let options = WriteOptions::default().cause("comment.delete");
        self.write_with(options, |transaction| transaction.delete_comment(id))
    }

    /// Watches a record that the user reads: whoever watches it is told of comments. Says whether that is new.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`; `input.limit_exceeded` beyond 500 people; `input.invalid_argument` for
    /// the organisation's own records.
    pub fn watch_record(&self, entity: &str, id: RecordId) -> Result<bool> {
        let options = WriteOptions::default().cause("comment.watch");
        self.write_with(options, |transaction| transaction.watch_record(entity, id))
    }

    /// Watches a record no longer. Says whether it was watched.
    ///
    /// # Errors
    /// What a transaction gives.
    pub fn unwatch_record(&self, id: RecordId) -> Result<bool> {
        let options = WriteOptions::default().cause("comment.unwatch");
        self.write_with(options, |transaction| transaction.unwatch_record(id))
    }

    /// Who watches a record that the user reads, as far as they see it themselves.
    ///
    /// # Errors
    /// `record.not_found`, `access.not_permitted`.
    pub fn watchers(&self, entity: &str, id: RecordId) -> Result<Vec<RecordId>> {
        self.read(|reader| {
            reader.get(entity, id)?;
            let mut seeing = Vec::new();
            for user in reader.watching(id)? {
                if reader.is_seen_by(user, entity, id)? {
                    seeing.push(user);
                }
            }
            Ok(seeing)
        })
    }

    /// What the user is told of, the newest first, of records alone that the user sees: at most 100, of the newest 1,000.
    ///
    /// # Errors
    /// What reading gives.
    pub fn notices(&self, unread_alone: bool, limit: usize) -> Result<Vec<Notice>> {
        self.read(|reader| {
            let own = reader.own(NoticeRecord::NAME)?;
            let query = own.query(&[(notice::TO.selector(), self.user().into())])?;
            let sort = vec![SortField::new(own.field(notice::AT.selector())?, Direction::Descending)];
            let mut query = Query { sort, limit: MAX_ROWS, ..query };
            let (mut told, limit) = (Vec::new(), limit.clamp(1, MAX_ROWS));
            for _ in 0..MAX_LOOKED_AT / MAX_ROWS {
                let (records, next) = own.find(&query)?;
                for record in &records {
                    let notice = reader.notice(&own, record)?;
                    told.extend(notice.filter(|notice| !unread_alone || notice.read_at.is_none()));
                    if told.len() >= limit {
                        return Ok(told);
                    }
                }
                let Some(next) = next else { break };
                query.after = Some(next);
            }
            Ok(told)
        })
    }

    /// Says that notices were read. Those that are somebody else's, or not there, are passed over. Says how many were
    /// not read before.
    ///
    /// # Errors
    /// `input.limit_exceeded` for more than 1,000; what a transaction gives.
    pub fn read_notices(&self, ids: &[RecordId]) -> Result<u64> {
        if ids.len() > MAX_LOOKED_AT {
            return Err(Error::new(Code::LimitExceeded).field("ids").rule("ids <= 1000"));
        }
        let options = WriteOptions::default().cause("notice.read");
        self.write_with(options, |transaction| {
            let mut read = 0_u64;
            for id in ids {
                read = read.saturating_add(u64::from(transaction.read_notice(*id)?));
            }
            Ok(read)
        })
    }
}

fn check_text(text: &str, mentions: &[RecordId]) -> Result<()> {
    let refused = |code: Code, field: &str, rule: &str| {
        Err(Error::new(code).entity(CommentRecord::NAME).field(field).rule(rule))
    };
    match () {
        () if text.is_empty() => refused(Code::Required, "text", "a text"),
        () if text.len() > MAX_TEXT => refused(Code::LimitExceeded, "text", "text <= 20000 bytes"),
        () if mentions.len() > MAX_MENTIONS => refused(Code::LimitExceeded, "mentions", "people <= 50"),
        () => Ok(()),
    }
}

/// The organisation's own records are not spoken about, whichever of their names is said.
fn check_entity(entity: &Entity) -> Result<()> {
    match entity.api_name.starts_with("sys.") {
        true => Err(Error::new(Code::InvalidArgument).field("entity").rule("records of the trade")),
        false => Ok(()),
    }
}

/// What of a watcher stands once.
fn watch_key(record: RecordId, user: RecordId) -> Value {
    Value::Text(format!("{record}.{user}"))
}

/// What a comment says.
fn comment_of(own: &Own<'_>, record: &Record) -> Option<Comment> {
    let Value::DateTime(at) = own.value(record, comment::AT.selector()) else { return None };
    let mentions = own.text(record, comment::MENTIONS.selector());
    Some(Comment {
        id: record.id,
        author: record.envelope.created_by,
        at,
        text: own.text(record, comment::TEXT.selector()),
        mentions: mentions.split_whitespace().filter_map(|id| id.parse().ok()).collect(),
    })
}

impl Reader<'_> {
    /// Whether somebody else sees a record now.
    fn is_seen_by(&self, user: RecordId, entity: &str, id: RecordId) -> Result<bool> {
        if !self.policy.is_active(user) {
            return Ok(false);
        }
        // What is committed is looked at: what somebody sees of it is kept beside it for their next call.
        let committed = self.crm.snapshot()?;
        let policy = self.crm.policy_for(committed.as_ref(), user)?;
        let theirs = Reader { snapshot: committed.as_ref(), policy: &policy, user, ..*self };
        seen(theirs.reaches(entity, id))
    }

    /// Whether somebody else sees the values of a field of a record in clear.
    ///
    /// # Errors
    /// `schema.unknown_entity`, `schema.unknown_field`, `storage.damaged`.
    pub(crate) fn shows_to(
        &self,
        user: RecordId,
        entity: &str,
        id: RecordId,
        field: impl Into<FieldSelector>,
    ) -> Result<bool> {
        if !self.is_seen_by(user, entity, id)? {
            return Ok(false);
        }
        let known = self.registry.entity(entity)?;
        let field = field.into().resolve(known)?;
        let permit = self.policy.decide::<Read>(user, known.id(), &known.api_name)?;
        Ok(permit.shows(field))
    }

    /// Those who watch a record.
    fn watching(&self, id: RecordId) -> Result<Vec<RecordId>> {
        let own = self.own(Watcher::NAME)?;
        let (records, _) = own.find(&own.query(&[(watcher::RECORD.selector(), id.to_string().into())])?)?;
        let user = |record: &Record| own.value(record, watcher::USER.selector()).as_id();
        Ok(records.iter().filter_map(user).collect())
    }

    /// Who is told of a comment on a record that the user reads, and why.
    fn told_of(
        &self,
        entity: &str,
        id: RecordId,
        mentions: &BTreeSet<RecordId>,
    ) -> Result<Vec<(RecordId, NoticeKind)>> {
        check_entity(self.registry.entity(entity)?)?;
        self.get(entity, id)?;
        let mut told = Vec::new();
        for user in mentions {
            // Whoever is mentioned is somebody whom the author knows.
            if !seen(self.reaches(User::NAME, *user))? {
                let missing =
                    Error::new(Code::ReferenceMissing).entity(CommentRecord::NAME).field("mentions");
                return Err(missing.value(&user.to_string()));
            }
            told.push((*user, NoticeKind::Mention));
        }
        let watching = self.watching(id)?.into_iter().filter(|user| !mentions.contains(user));
        told.extend(watching.map(|user| (user, NoticeKind::Watched)));
        let mut seeing = Vec::new();
        for (user, kind) in told {
            if user != self.user && self.is_seen_by(user, entity, id)? {
                seeing.push((user, kind));
            }
        }
        Ok(seeing)
    }

    /// What a notice tells; nothing where the user does not see the record any more, or the comment is gone.
    fn notice(&self, own: &Own<'_>, record: &Record) -> Result<Option<Notice>> {
        let entity = own.text(record, notice::ENTITY.selector());
        let ids = [notice::RECORD.selector(), notice::COMMENT.selector()];
        let [Ok(about), Ok(said)] = ids.map(|name| own.text(record, name).parse::<RecordId>()) else {
            return Ok(None);
        };
        if !seen(self.reaches(&entity, about))? {
            return Ok(None);
        }
        let comments = self.own(CommentRecord::NAME)?;
        let comment = records::get_for_rule(self.snapshot, comments.entity.id(), said)?;
        let Some(comment) = comment.and_then(|record| comment_of(&comments, &record)) else {
            return Ok(None);
        };
        let kind = own.text(record, notice::KIND.selector());
        let kind = NoticeKind::from_code(&kind).unwrap_or(NoticeKind::Watched);
        let read_at = match own.value(record, notice::READ_AT.selector()) {
            Value::DateTime(moment) => Some(moment),
            _ => None,
        };
        Ok(Some(Notice { id: record.id, kind, entity, record: about, comment, read_at }))
    }
}

/// Whether somebody reaches a record; one of an entity of which they read nothing is out of reach too.
fn seen(reached: Result<bool>) -> Result<bool> {
    match reached {
        Err(error) if is_out_of_reach(error.code()) => Ok(false),
        reached => reached,
    }
}

impl Transaction<'_> {
    fn write_comment(
        &mut self,
        (entity, id): (&str, RecordId),
        text: &str,
        mentions: &BTreeSet<RecordId>,
        told: &[(RecordId, NoticeKind)],
    ) -> Result<RecordId> {
        let registry = Arc::clone(&self.registry);
        let about = registry.entity(entity)?;
        let record = self.readable(about, id)?;
        // What is said about a person goes with the person.
        let subject = if about.definition.data_subject { Some(id) } else { record.envelope.subject };
        let now = self.crm().now();
        let mentioned: Vec<String> = mentions.iter().map(RecordId::to_string).collect();
        let of_record =
            |changes: Changes| changes.set("record", id.to_string()).set("entity", about.api_name.as_str());
        let changes = of_record(Changes::new())
            .set(comment::TEXT, text)
            .set(comment::MENTIONS, (!mentioned.is_empty()).then(|| mentioned.join(" ")))
            .set(comment::AT, now);
        let comment = self.create_about(subject, CommentRecord::NAME, changes)?;
        for (user, kind) in told {
            let changes = of_record(Changes::new().owner(*user))
                .set(notice::TO, *user)
                .set(notice::KIND, *kind)
                .set(notice::COMMENT, comment.to_string())
                .set(notice::AT, now);
            self.create_in_own_right(NoticeRecord::NAME, changes)?;
        }
        Ok(comment)
    }

    fn delete_comment(&mut self, id: RecordId) -> Result<()> {
        let registry = Arc::clone(&self.registry);
        let missing = || Error::new(Code::RecordNotFound).entity(CommentRecord::NAME).record(id);
        let comment = records::get_for_rule(self.view(), registry.entity(CommentRecord::NAME)?.id(), id)?;
        comment.filter(|comment| comment.envelope.created_by == self.user()).ok_or_else(missing)?;
        self.delete_notices_of(id)?;
        self.delete_in_own_right(CommentRecord::NAME, id)
    }

    fn watch_record(&mut self, entity: &str, id: RecordId) -> Result<bool> {
        let registry = Arc::clone(&self.registry);
        let about = registry.entity(entity)?;
        check_entity(about)?;
        self.readable(about, id)?;
        if self.watch_of(id)?.is_some() {
            return Ok(false);
        }
        if self.reader().watching(id)?.len() >= MAX_WATCHERS {
            let full = Error::new(Code::LimitExceeded).entity(entity).record(id);
            return Err(full.rule("watchers <= 500"));
        }
        let changes = Changes::new()
            .set(watcher::RECORD, id.to_string())
            .set(watcher::ENTITY, about.api_name.as_str())
            .set(watcher::USER, self.user())
            .set(watcher::KEY, watch_key(id, self.user()));
        self.create_in_own_right(Watcher::NAME, changes)?;
        Ok(true)
    }

    /// That the user watches a record, by what stands once.
    fn watch_of(&self, id: RecordId) -> Result<Option<RecordId>> {
        let watchers = self.registry.entity(Watcher::NAME)?;
        let key = watchers.field(watcher::KEY.selector())?.id();
        records::find_unique(self.view(), watchers.id(), key, &watch_key(id, self.user()))
    }

    fn unwatch_record(&mut self, id: RecordId) -> Result<bool> {
        let Some(watch) = self.watch_of(id)? else { return Ok(false) };
        self.delete_in_own_right(Watcher::NAME, watch)?;
        Ok(true)
    }

    fn read_notice(&mut self, id: RecordId) -> Result<bool> {
        let registry = Arc::clone(&self.registry);
        let notices: &Entity = registry.entity(NoticeRecord::NAME)?;
        let record = records::get_for_rule(self.view(), notices.id(), id)?;
        let to = notices.field(notice::TO.selector())?.id();
        let read_at = notices.field(notice::READ_AT.selector())?.id();
        let mine = |record: &Record| record.value(to).as_id() == Some(self.user());
        let Some(record) = record.filter(mine) else { return Ok(false) };
        if !record.value(read_at).is_null() {
            return Ok(false);
        }
        let now = self.crm().now();
        self.update_in_own_right(NoticeRecord::NAME, id, Changes::new().set(notice::READ_AT, now))?;
        Ok(true)
    }

    /// Empties what was said about a person who is forgotten, and what tells of it.
    pub(super) fn erase_comments(&mut self, id: RecordId) -> Result<()> {
        loop {
            let comments = self.own_ids(CommentRecord::NAME, comment::RECORD.selector(), id)?;
            if comments.is_empty() {
                return Ok(());
            }
            for comment in comments {
                self.delete_notices_of(comment)?;
                self.erase_in_own_right(CommentRecord::NAME, comment)?;
            }
        }
    }

    fn delete_notices_of(&mut self, comment: RecordId) -> Result<()> {
        let notices = self.own_ids(NoticeRecord::NAME, notice::COMMENT.selector(), comment)?;
        notices.into_iter().try_for_each(|notice| self.delete_in_own_right(NoticeRecord::NAME, notice))
    }

    /// The records of an entity of this room that name an id in a field.
    fn own_ids(&self, entity: &str, field: FieldName<'static>, id: RecordId) -> Result<Vec<RecordId>> {
        let reader = self.reader();
        let own = reader.own(entity)?;
        let (records, _) = own.find(&own.query(&[(field, id.to_string().into())])?)?;
        Ok(records.iter().map(|record| record.id).collect())
    }
}
