//! Saved searches: texts that a user keeps under a name, and about whose new matches the user wants to know.
//!
//! A saved search is a record of the entity `sys.saved_search`, which only administrators reach as such. Through the
//! calls of this file everybody keeps their own and nobody else's. What matches is worked out by the feature that
//! searches, as the user sees it at that moment; kept is only up to which entry of the ledger the user has looked.

use crate::access::Read;
use crate::base::{Code, Error, MAX_TEXT_BYTES, RecordId, Result, Value};
use crate::engine::{Changes, Reader, Session, WriteOptions};
use crate::records::{self, Record, links_by};
use crate::schema::{Entity, EntityType};

pub use saved_search::SavedSearchRecord;

/// Most saved searches of one user.
const MAX_OF_USER: usize = 100;

/// Texts that are searched for again.
pub mod saved_search {
    use crate::access::User;
    use crate::schema::declare::entity;
    use crate::schema::{Bool, Int, OnDelete, Reference, Text};

    entity! {
        /// A text that a user searches for again, and of whose new matches the user is told.
        SavedSearchRecord = ("sys", 65, "saved_search", "已保存的搜索", "Saved search",
            "用户按名称保存的搜索，可在出现新的匹配记录时得到提醒。", title "name", data_subject false);
        /// What the user calls it.
        NAME: Text = 1, "name", "名称", "Name",
            "用户对该搜索的叫法。", [required = true];
        /// The user whose it is.
        USER: Reference<User> = 2, "user", "用户", "User",
            "该搜索的所有者。", [required = true, on_delete = OnDelete::Cascade];
        /// What is searched for.
        TEXT: Text = 3, "text", "搜索内容", "Text",
            "搜索的文字，写法与搜索框相同。", [required = true];
        /// The one entity that is searched, by API name; all where there is none.
        ENTITY: Text = 4, "entity", "实体", "Entity",
            "只搜索某个实体时填写其 API 名称；为空时搜索全部。", [];
        /// Whether the user wants to know of new matches.
        ALERTS: Bool = 5, "alerts", "提醒", "Alerts",
            "出现新的匹配记录时是否提醒。", [];
        /// The entry of the ledger up to which the user has looked.
        SEEN: Int = 6, "seen", "已查看至", "Seen",
            "用户已查看到的账本条目位置。", [];
    }
}

/// A search that a user keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSearch {
    /// The record.
    pub id: RecordId,
    /// What the user calls it.
    pub name: String,
    /// What is searched for.
    pub text: String,
    /// The one entity that is searched, by API name.
    pub entity: Option<String>,
    /// Whether the user wants to know of new matches.
    pub alerts: bool,
    /// The entry of the ledger up to which the user has looked.
    pub seen: u64,
}

impl SavedSearch {
    fn of(known: &Entity, record: &Record) -> Result<Self> {
        let value = |field| Ok::<_, Error>(record.value(known.field(field)?.id()));
        let text = |field| Ok::<_, Error>(value(field)?.as_text().unwrap_or_default().to_owned());
        let seen = match value(saved_search::SEEN.selector())? {
            Value::Int(seen) => u64::try_from(seen).unwrap_or_default(),
            _ => 0,
        };
        Ok(Self {
            id: record.id,
            name: text(saved_search::NAME.selector())?,
            text: text(saved_search::TEXT.selector())?,
            entity: Some(text(saved_search::ENTITY.selector())?).filter(|name| !name.is_empty()),
            alerts: value(saved_search::ALERTS.selector())? == Value::Bool(true),
            seen,
        })
    }
}

impl Session {
    /// Keeps a search under a name, in place of the user's own one of this name. With `alerts` the user is told of
    /// records that match and are created from now on.
    ///
    /// # Errors
    /// `schema.required` without a name or a text; `schema.unknown_entity`, `access.not_permitted` for an entity that
    /// the user may not read; `input.limit_exceeded`, also for more than 100 searches.
    pub fn save_search(
        &self,
        name: &str,
        text: &str,
        entity: Option<&str>,
        alerts: bool,
    ) -> Result<RecordId> {
        let limit = |field| Error::new(Code::LimitExceeded).entity(SavedSearchRecord::NAME).field(field);
        if text.len() > MAX_TEXT_BYTES / 1_024 {
            return Err(limit("text").rule("text <= 1024 bytes"));
        }
        let entity = entity.map(|name| {
            self.check_may(name, crate::access::Action::Read)?;
            Ok::<_, Error>(self.crm().registry().entity(name)?.api_name.clone())
        });
        let entity = entity.transpose()?;
        let seen = i64::try_from(self.crm().head()?.position).unwrap_or(i64::MAX);
        self.write_with(WriteOptions::default().cause("search.save"), |transaction| {
            let standing = of_user(transaction.reader(), self.user())?;
            let same = standing.iter().find(|search| search.name == name);
            if same.is_none() && standing.len() >= MAX_OF_USER {
                return Err(limit("user").rule("saved searches of a user <= 100"));
            }
            let changes = Changes::new()
                .set(saved_search::NAME, name)
                .set(saved_search::USER, self.user())
                .set(saved_search::TEXT, text)
                .set(saved_search::ENTITY, entity.as_deref().map_or(Value::Null, Value::from))
                .set(saved_search::ALERTS, alerts)
                .set(saved_search::SEEN, seen);
            match same {
                Some(search) => transaction
                    .update_in_own_right(SavedSearchRecord::NAME, search.id, changes)
                    .map(|()| search.id),
                None => transaction.create_in_own_right(SavedSearchRecord::NAME, changes),
            }
        })
    }

    /// The searches that the user keeps, by name.
    ///
    /// # Errors
    /// `access.session_ended`, `storage.damaged`.
    pub fn saved_searches(&self) -> Result<Vec<SavedSearch>> {
        let mut searches = self.read(|reader| of_user(reader, self.user()))?;
        searches.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(searches)
    }

    /// Forgets a search that the user keeps.
    ///
    /// # Errors
    /// `record.not_found` alike for one that is not there, and for one of somebody else.
    pub fn delete_saved_search(&self, id: RecordId) -> Result<()> {
        let missing = || Error::new(Code::RecordNotFound).entity(SavedSearchRecord::NAME).record(id);
        self.write_with(WriteOptions::default().cause("search.forget"), |transaction| {
            let own = of_user(transaction.reader(), self.user())?;
            own.iter().find(|search| search.id == id).ok_or_else(missing)?;
            transaction.delete_in_own_right(SavedSearchRecord::NAME, id)
        })
    }

    /// Notes that the user has looked at the alerts of every search up to an entry of the ledger.
    ///
    /// # Errors
    /// `input.invalid_argument` for an entry that there is not yet.
    pub fn acknowledge_search_alerts(&self, until: u64) -> Result<()> {
        if until > self.crm().head()?.position {
            return Err(Error::new(Code::InvalidArgument).field("until").rule("an entry of the ledger"));
        }
        let seen = i64::try_from(until).unwrap_or(i64::MAX);
        self.write_with(WriteOptions::default().cause("search.acknowledge"), |transaction| {
            let own = of_user(transaction.reader(), self.user())?;
            for search in own.iter().filter(|search| search.alerts && search.seen < until) {
                let changes = Changes::new().set(saved_search::SEEN, seen);
                transaction.update_in_own_right(SavedSearchRecord::NAME, search.id, changes)?;
            }
            Ok(())
        })
    }
}

/// The searches of a user, in the engine's own right.
fn of_user(reader: Reader<'_>, user: RecordId) -> Result<Vec<SavedSearch>> {
    let known = reader.registry().entity(SavedSearchRecord::NAME)?;
    let permit = reader.policy.bootstrap::<Read>(known.id());
    let field = known.field(saved_search::USER.selector())?.id();
    let ids = links_by(reader.snapshot, user, (known.id(), field), MAX_OF_USER)?;
    let records = records::get_many(reader.snapshot, &permit, known, &ids)?;
    records.iter().map(|record| SavedSearch::of(known, record)).collect()
}
