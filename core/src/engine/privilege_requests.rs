//! Requests for privileges: changes that one person asks for and another one agrees to, who could have made them
//! alone. They are stored as they will be done, with what they rest on, and are done in one transaction or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::access::{
    Action, InheritedAccess, Policy, PoolMember, PrivilegeKind, PrivilegeRequest, Read, RequestStatus,
    ShareLevel, Sharee, SharingRule, User, privilege_request as request,
};
use crate::base::{Code, Currency, Error, MAX_PAGE_ROWS, MAX_TEXT_BYTES, RecordId, Result, Timestamp, Value};
use crate::engine::configuration::{self, Configuration};
use crate::engine::four_eyes::named_by;
use crate::engine::organisation::KeptPolicy;
use crate::engine::{
    Changes, FieldSelector, NewDelegation, NewShare, Reader, Session, Transaction, WriteOptions,
};
use crate::records::{self, Comparison, Filter, Record, Sight, scan_all};
use crate::schema::{Entity, EntityType, FieldName, FieldNames, compile_condition, parse_as};

/// Most changes of one request.
const MAX_CHANGES: usize = 100;
/// For how long a request waits, in microseconds, if nothing else is said, and at the most.
const USUAL_WAIT: i64 = 7 * DAY;
const LONGEST_WAIT: i64 = 90 * DAY;
const DAY: i64 = 86_400_000_000;

/// A change that a second person is asked to agree to.
#[derive(Debug, Clone, PartialEq)]
pub enum PrivilegeChange {
    /// A record of the organisation is made.
    Create {
        /// The entity, of `sys`.
        entity: String,
        /// The id that it gets, by which other changes of the request may name it.
        id: RecordId,
        /// Its values.
        values: Changes,
    },
    /// A record of the organisation is changed.
    Update {
        /// The entity, of `sys`.
        entity: String,
        /// The record.
        id: RecordId,
        /// The values that it gets.
        values: Changes,
    },
    /// A record of the organisation is deleted.
    Delete {
        /// The entity, of `sys`.
        entity: String,
        /// The record.
        id: RecordId,
    },
    /// A record is shared.
    Share {
        /// The entity of the record.
        entity: String,
        /// The record.
        id: RecordId,
        /// With whom, and how.
        share: NewShare,
    },
    /// Somebody may act for somebody else, for who asks if nobody is named.
    Delegate(NewDelegation),
    /// The list of changes that need a second person becomes this one.
    FourEyes(BTreeSet<PrivilegeKind>),
}

/// A request as it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestedPrivileges {
    /// The request.
    pub id: RecordId,
    /// The changes in JSON, exactly as they are done.
    pub changes: Json,
    /// Why.
    pub reason: Option<String>,
    /// What has become of it; one that is pending may have expired.
    pub status: RequestStatus,
    /// From when on nobody can agree to it any more.
    pub expires: Timestamp,
    /// Who asks; nobody where the user is gone.
    pub requester: Option<RecordId>,
    /// Who has decided.
    pub decided_by: Option<RecordId>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// What they said.
    pub note: Option<String>,
    /// Whether it can still be decided.
    pub is_open: bool,
}

/// A page of requests.
#[derive(Debug, Clone, PartialEq)]
pub struct PrivilegeRequestPage {
    /// The requests, in the order in which they were made.
    pub rows: Vec<RequestedPrivileges>,
    /// Behind which the next page goes on, if there is more.
    pub next: Option<RecordId>,
}

impl Session {
    /// A change that makes a record of the organisation, with the id that it will have.
    #[must_use]
    pub fn privilege_to_create(&self, entity: &str, values: Changes) -> (RecordId, PrivilegeChange) {
        let id = self.crm().new_id();
        (id, PrivilegeChange::Create { entity: entity.to_owned(), id, values })
    }

    /// Asks a second person to agree to changes, at most 100, all of which this user could make if no second person
    /// were needed. Nothing of them is done yet. Without a moment the request waits for seven days, and for 90 at the
    /// most. It gives the id of the request.
    ///
    /// # Errors
    /// What the changes themselves are refused for; `access.not_permitted` while acting for another one;
    /// `input.limit_exceeded`, `input.invalid_argument`.
    pub fn request_privileges(
        &self,
        changes: &[PrivilegeChange],
        reason: Option<&str>,
        expires: Option<Timestamp>,
    ) -> Result<RecordId> {
        let options = WriteOptions::default().cause("access.request");
        self.write_with(options, |transaction| transaction.request_privileges(changes, reason, expires))
    }

    /// Agrees to a request and does what it asks for, all of it in one transaction, whose entries in the ledger name
    /// this user and who asked. It is for somebody else than who asked or gains by it, who could have made the
    /// changes alone, has the right to approve requests, and acts for nobody. Where it makes a sharing rule or lets
    /// records follow others, it marks the records that stand as [`Session::define_sharing_rule`] does.
    ///
    /// # Errors
    /// `record.not_found`; `access.not_permitted` for who asked, who gains, who may not approve, and who acts for
    /// another one; `access.request_closed` for one that was decided or has expired; `access.base_changed` where
    /// what it rests on is not what it was; `access.beyond_own_rights`, and what the changes are refused for.
    pub fn approve_privileges(&self, id: RecordId, note: Option<&str>) -> Result<()> {
        let shown = std::cell::RefCell::new(None);
        let options = WriteOptions::default().cause("access.approve");
        self.write_until(
            options,
            |transaction| {
                *shown.borrow_mut() = transaction.approve_privileges(id, note)?;
                Ok(())
            },
            &mut || {
                if let Some(configuration) = shown.borrow_mut().take() {
                    self.crm().show_configuration(configuration);
                }
            },
        )?;
        self.crm().mark_records(self.user(), self.patience())
    }

    /// Refuses a request, for who could approve it.
    ///
    /// # Errors
    /// As [`Session::approve_privileges`], but for those of the changes.
    pub fn refuse_privileges(&self, id: RecordId, note: Option<&str>) -> Result<()> {
        let options = WriteOptions::default().cause("access.refuse");
        self.write_with(options, |transaction| {
            let (_, asked) = transaction.decidable(id)?;
            transaction.check_second_person(&asked)?;
            transaction.close(id, RequestStatus::Refused, note)
        })
    }

    /// Takes back a request that this user has made.
    ///
    /// # Errors
    /// `record.not_found` for one of somebody else; `access.request_closed`; `access.not_permitted` while acting for
    /// another one.
    pub fn withdraw_privileges(&self, id: RecordId) -> Result<()> {
        let options = WriteOptions::default().cause("access.withdraw");
        self.write_with(options, |transaction| {
            let asked = transaction.asked(id)?;
            if asked.requester != Some(transaction.user()) {
                return Err(missing(id));
            }
            transaction.in_person()?;
            transaction.check_open(&asked)?;
            transaction.close(id, RequestStatus::Withdrawn, None)
        })
    }

    /// A request that one may read, or has made.
    ///
    /// # Errors
    /// `record.not_found`.
    pub fn privilege_request(&self, id: RecordId) -> Result<RequestedPrivileges> {
        self.read(|reader| reader.privilege_request(id))
    }

    /// Requests that one may read, in the order in which they were made; for who may read none, those that one has
    /// made.
    ///
    /// # Errors
    /// `access.session_ended`, `storage.io`.
    pub fn privilege_requests(
        &self,
        status: Option<RequestStatus>,
        (after, limit): (Option<RecordId>, usize),
    ) -> Result<PrivilegeRequestPage> {
        self.read(|reader| {
            let limit = if limit == 0 { 100 } else { limit.min(MAX_PAGE_ROWS) };
            let mut rows = reader.known_requests(status, (after, limit.saturating_add(1)))?;
            let more = rows.len() > limit;
            rows.truncate(limit);
            let next = rows.last().filter(|_| more).map(|row| row.id);
            Ok(PrivilegeRequestPage { rows, next })
        })
    }
}

impl Reader<'_> {
    fn privilege_request(&self, id: RecordId) -> Result<RequestedPrivileges> {
        let entity = self.registry.entity(PrivilegeRequest::NAME)?;
        let record = records::get_for_rule(self.snapshot, entity.id(), id)?.ok_or_else(|| missing(id))?;
        let told = told(entity, &record, self.crm.moment_of_access())?;
        let permit = self.permit(entity).ok();
        let reads = permit.is_some_and(|permit| permit.allows(id, &record.envelope.access_class()));
        match reads || told.requester == Some(self.user) {
            true => Ok(told),
            false => Err(missing(id)),
        }
    }

    /// The first requests behind one that the user may read, or has made.
    fn known_requests(
        &self,
        status: Option<RequestStatus>,
        (after, most): (Option<RecordId>, usize),
    ) -> Result<Vec<RequestedPrivileges>> {
        let entity = self.registry.entity(PrivilegeRequest::NAME)?;
        let field = |name: FieldName<'static>| entity.field(name).map(crate::schema::Field::id);
        let mut filters = Vec::new();
        if let Some(status) = status {
            let code = Value::from(status.code());
            filters.push(Filter::Compare(field(request::STATUS.selector())?, Comparison::Equal, code));
        }
        let own = self.permit(entity);
        let permit = match &own {
            Ok(permit) => permit.clone(),
            Err(_) => {
                let mine = Value::Id(self.user);
                filters.push(Filter::Compare(field(request::REQUESTER.selector())?, Comparison::Equal, mine));
                self.policy.bootstrap::<Read>(entity.id())
            }
        };
        let sight = Sight::new(self.snapshot, self.registry, entity, &permit, self.patience);
        let (mut rows, now) = (BTreeMap::new(), self.crm.moment_of_access());
        scan_all(&sight, &Filter::All(filters), &mut |record| {
            if after.is_none_or(|after| record.id > after) {
                rows.extend(told(entity, record, now).ok().map(|told| (record.id, told)));
            }
            if rows.len() > most {
                rows.pop_last();
            }
            Ok(())
        })?;
        Ok(rows.into_values().collect())
    }
}

impl Transaction<'_> {
    /// As [`Session::request_privileges`].
    fn request_privileges(
        &mut self,
        changes: &[PrivilegeChange],
        reason: Option<&str>,
        expires: Option<Timestamp>,
    ) -> Result<RecordId> {
        self.in_person()?;
        if changes.is_empty() || changes.len() > MAX_CHANGES {
            let rule = format!("1 to {MAX_CHANGES} changes");
            return Err(Error::new(Code::LimitExceeded).entity(PrivilegeRequest::NAME).rule(&rule));
        }
        let now = self.crm().moment_of_access();
        let wait = |micros: i64| Timestamp::from_micros(now.micros().saturating_add(micros));
        let expires = expires.unwrap_or(wait(USUAL_WAIT));
        if expires <= now || expires > wait(LONGEST_WAIT) {
            let refused = Error::new(Code::InvalidArgument).entity(PrivilegeRequest::NAME).field("expires");
            return Err(refused.rule("later than now, within 90 days"));
        }
        let stated = self.stated_changes(changes)?;
        let text = stated.to_string();
        if text.len() > MAX_TEXT_BYTES {
            return Err(Error::new(Code::LimitExceeded).entity(PrivilegeRequest::NAME).field("changes"));
        }
        // It is tried as it would be done, by who asks, and taken back.
        let requester = self.user();
        let base = self.base_of(&stated, requester)?;
        let point = self.savepoint();
        let tried = self.do_changes(&stated, requester).and_then(|_| self.check_bounds());
        self.roll_back_to(point);
        tried?;
        let changes = Changes::new()
            .set(request::CHANGES, text)
            .set(request::REASON, reason.map_or(Value::Null, Value::from))
            .set(request::STATUS, RequestStatus::Pending)
            .set(request::EXPIRES, expires)
            .set(request::BASE, base)
            .set(request::REQUESTER, requester);
        self.create_in_own_right(PrivilegeRequest::NAME, changes)
    }

    /// As [`Session::approve_privileges`]; it gives the configuration where that becomes another one.
    fn approve_privileges(&mut self, id: RecordId, note: Option<&str>) -> Result<Option<Configuration>> {
        let (record, asked) = self.decidable(id)?;
        self.check_second_person(&asked)?;
        let Some(requester) = asked.requester else { return Err(base_changed(id)) };
        let entity = self.registry.entity(PrivilegeRequest::NAME)?;
        let base = record.peek(entity.field(request::BASE.selector())?.id()).into_owned();
        if base.as_text() != Some(&self.base_of(&asked.changes, requester)?) {
            return Err(base_changed(id));
        }
        self.act_on_request_of(requester);
        let configuration = self.do_changes(&asked.changes, requester)?;
        self.check_gains_nothing()?;
        self.close(id, RequestStatus::Approved, note)?;
        Ok(configuration)
    }

    /// A request that this user may decide about as far as rights go, while it is open.
    fn decidable(&self, id: RecordId) -> Result<(Record, RequestedPrivileges)> {
        let registry = Arc::clone(&self.registry);
        let entity = registry.entity(PrivilegeRequest::NAME)?;
        let record = match self.readable(entity, id) {
            Err(error) if error.code() == Code::NotPermitted => return Err(missing(id)),
            found => found?,
        };
        self.in_person()?;
        let place = (id, &record.envelope.access_class());
        let known = (entity.id(), entity.api_name.as_str());
        if self.policy.way_to(self.user(), known, Action::Approve, place).is_none() {
            return Err(refused(id, Action::Approve.code()));
        }
        let asked = told(entity, &record, self.crm().moment_of_access())?;
        self.check_open(&asked)?;
        Ok((record, asked))
    }

    fn asked(&self, id: RecordId) -> Result<RequestedPrivileges> {
        self.reader().privilege_request(id)
    }

    fn check_open(&self, asked: &RequestedPrivileges) -> Result<()> {
        if asked.is_open {
            return Ok(());
        }
        let rule = if asked.status == RequestStatus::Pending { "expired" } else { asked.status.code() };
        let error = Error::new(Code::RequestClosed).entity(PrivilegeRequest::NAME).record(asked.id);
        Err(error.rule(rule))
    }

    /// A second person is somebody else than who asks and whom the changes name.
    fn check_second_person(&self, asked: &RequestedPrivileges) -> Result<()> {
        let user = self.user();
        if asked.requester == Some(user) {
            return Err(refused(asked.id, "somebody else than who asks"));
        }
        let gains = changes_of(&asked.changes).any(|change| gainer(&self.registry, change) == Some(user));
        if gains { Err(refused(asked.id, "somebody else than who gains")) } else { Ok(()) }
    }

    /// A second person has nothing more by what was done.
    fn check_gains_nothing(&self) -> Result<()> {
        let (user, before) = (self.user(), self.base_policy());
        if !self.view().changes_policy() {
            return Ok(());
        }
        let moment = self.crm().moment_of_access();
        let after: Arc<Policy> = KeptPolicy::load(self.view(), &self.registry, moment)?.policy;
        let entities: Vec<&str> =
            self.registry.entities().iter().map(|known| known.api_name.as_str()).collect();
        if before.has_more_by(&after, user, &entities) {
            let error = Error::new(Code::NotPermitted).entity(PrivilegeRequest::NAME);
            return Err(error.rule("somebody else than who gains"));
        }
        Ok(())
    }

    /// Requests are made and decided by people for themselves.
    fn in_person(&self) -> Result<()> {
        match self.session().delegator() {
            None => Ok(()),
            Some(_) => {
                let error = Error::new(Code::NotPermitted).entity(PrivilegeRequest::NAME);
                Err(error.rule("on behalf of another one"))
            }
        }
    }

    fn close(&mut self, id: RecordId, status: RequestStatus, note: Option<&str>) -> Result<()> {
        let changes = Changes::new()
            .set(request::STATUS, status)
            .set(request::DECIDED_BY, self.user())
            .set(request::DECIDED_AT, self.crm().moment_of_access())
            .set(request::NOTE, note.map_or(Value::Null, Value::from));
        self.update_in_own_right(PrivilegeRequest::NAME, id, changes)
    }

    /// What a request rests on, as a hash: the records that it changes or names as they are, what the policy says of
    /// them, and who asks.
    fn base_of(&self, stated: &Json, requester: RecordId) -> Result<String> {
        let mut named = BTreeSet::from([requester]);
        let mut hash = Sha256::new().chain_update(b"guanxi.privilege-request.v1");
        for change in changes_of(stated) {
            if let Some(record) = self.shared_record(change)? {
                hash.update(format!("{record:?}"));
            }
            named.extend(ids_in(change));
            if let Some(meaning) = meaning_of(&self.registry, change) {
                hash.update(meaning);
                hash.update(self.base_policy().said_of_opened(&ids_in(change).collect()));
            }
        }
        for entity in self.registry.entities().iter().filter(|known| known.api_name.starts_with("sys.")) {
            for id in &named {
                if let Some(record) = records::get_for_rule(self.view(), entity.id(), *id)? {
                    hash.update(format!("{} {id} {}\n", entity.api_name, record.envelope.version));
                }
            }
        }
        hash.update(self.base_policy().said_of(&named));
        let needed = self.crm().configuration();
        hash.update(format!("{:?}", needed.four_eyes()));
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The access class of a record of the trade that a change shares.
    fn shared_record(&self, change: &Map<String, Json>) -> Result<Option<crate::access::AccessClass>> {
        if text(change, "do") != Some("share") {
            return Ok(None);
        }
        let entity = self.registry.entity(text(change, "entity").unwrap_or_default())?.id();
        match id(change, "id") {
            Some(id) => records::class_of(self.view(), entity, id),
            None => Ok(None),
        }
    }

    /// The changes in JSON, with values as their fields take them.
    fn stated_changes(&self, changes: &[PrivilegeChange]) -> Result<Json> {
        let stated = changes.iter().map(|change| match change {
            PrivilegeChange::Create { entity, id, values } => {
                self.stated_record("create", entity, *id, values)
            }
            PrivilegeChange::Update { entity, id, values } => {
                self.stated_record("update", entity, *id, values)
            }
            PrivilegeChange::Delete { entity, id } => {
                self.stated_record("delete", entity, *id, &Changes::new())
            }
            PrivilegeChange::Share { entity, id, share } => {
                let entity = &self.registry.entity(entity)?.api_name;
                let (user, team) = match share.with {
                    Sharee::User(user) => (Some(user.to_string()), None),
                    Sharee::Team(team) => (None, Some(team.to_string())),
                };
                Ok(json!({
                    "do": "share", "entity": entity, "id": id.to_string(), "user": user, "team": team,
                    "level": share.level.code(), "from": share.from.map(|from| from.to_string()),
                    "until": share.until.map(|until| until.to_string()), "reason": share.reason,
                }))
            }
            PrivilegeChange::Delegate(delegation) => Ok(json!({
                "do": "delegate",
                "delegator": delegation.delegator.unwrap_or(self.user()).to_string(),
                "delegate": delegation.delegate.to_string(),
                "from": delegation.from.map(|from| from.to_string()),
                "until": delegation.until.to_string(),
                "entities": delegation.entities, "note": delegation.note,
            })),
            PrivilegeChange::FourEyes(kinds) => {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.code()).collect();
                Ok(json!({"do": "four_eyes", "kinds": kinds}))
            }
        });
        Ok(Json::Array(stated.collect::<Result<_>>()?))
    }

    fn stated_record(&self, verb: &str, entity: &str, id: RecordId, changes: &Changes) -> Result<Json> {
        let entity = self.registry.entity(entity)?;
        if !entity.api_name.starts_with("sys.") {
            let error = Error::new(Code::InvalidArgument).entity(&entity.api_name).field("changes");
            return Err(error.rule("an entity of sys"));
        }
        let only_values = Changes { values: changes.values.clone(), owner: changes.owner, ..Changes::new() };
        if only_values != *changes {
            let error = Error::new(Code::InvalidArgument).entity(&entity.api_name).field("changes");
            return Err(error.rule("values and an owner"));
        }
        let mut values = Map::new();
        for (selector, value) in &changes.values {
            let field = selector.field(entity).map_err(|error| error.entity(&entity.api_name))?;
            values.insert(field.api_name.clone(), value.to_json());
        }
        let owner = changes.owner.map(|owner| owner.to_string());
        Ok(json!({
            "do": verb, "entity": entity.api_name, "id": id.to_string(), "values": values, "owner": owner,
        }))
    }

    /// Does what stated changes say, through the doors that any change goes through; it gives the configuration
    /// where that becomes another one.
    fn do_changes(&mut self, stated: &Json, requester: RecordId) -> Result<Option<Configuration>> {
        let mut configuration = None;
        for change in changes_of(stated) {
            match self.read_change(change, requester)? {
                PrivilegeChange::FourEyes(kinds) => configuration = Some(self.put_four_eyes(&kinds)?),
                change => self.do_change(&change)?,
            }
        }
        Ok(configuration)
    }

    /// Does one change; the list of what needs a second person is none that this does.
    pub(crate) fn do_change(&mut self, change: &PrivilegeChange) -> Result<()> {
        match change {
            PrivilegeChange::Create { entity, id, values } => {
                let known = self.registry.entity(entity)?.id();
                if records::stored_for_rule(self.view(), known, *id)?.is_some() {
                    return Err(Error::new(Code::NotUnique).entity(entity).record(*id));
                }
                self.create_as(entity, *id, values.clone()).map(drop)
            }
            PrivilegeChange::Update { entity, id, values } => {
                self.update_record(entity, *id, values.clone()).map(|_| ())
            }
            PrivilegeChange::Delete { entity, id } => self.delete_record(entity, *id),
            PrivilegeChange::Share { entity, id, share } => self.share_record(entity, *id, share).map(drop),
            PrivilegeChange::Delegate(delegation) => self.delegate(delegation).map(drop),
            PrivilegeChange::FourEyes(_) => {
                let error = Error::new(Code::InvalidArgument).entity(PrivilegeRequest::NAME);
                Err(error.field("changes").rule("four_eyes"))
            }
        }
    }

    /// A change as it was stated.
    fn read_change(&self, change: &Map<String, Json>, requester: RecordId) -> Result<PrivilegeChange> {
        let entity = text(change, "entity").unwrap_or_default().to_owned();
        let verb = text(change, "do").unwrap_or_default();
        Ok(match (verb, id(change, "id")) {
            ("create", Some(id)) => {
                let values = self.values_of(&entity, change)?;
                PrivilegeChange::Create { entity, id, values }
            }
            ("update", Some(id)) => {
                let values = self.values_of(&entity, change)?;
                PrivilegeChange::Update { entity, id, values }
            }
            ("delete", Some(id)) => PrivilegeChange::Delete { entity, id },
            ("share", Some(id)) => PrivilegeChange::Share { entity, id, share: share_of(change)? },
            ("delegate", _) => PrivilegeChange::Delegate(delegation_of(change, requester)?),
            ("four_eyes", _) => {
                let kinds = change.get("kinds").unwrap_or(&Json::Null);
                PrivilegeChange::FourEyes(configuration::privileges_of(kinds))
            }
            _ => return Err(damaged()),
        })
    }

    fn put_four_eyes(&mut self, kinds: &BTreeSet<PrivilegeKind>) -> Result<Configuration> {
        if !self.base_policy().administers(self.user()) {
            return Err(Error::new(Code::NotPermitted).entity("sys.role").rule(Action::Administer.code()));
        }
        self.crm().check_two_approve(self.view(), kinds)?;
        let context = self.context().clone();
        configuration::put_four_eyes(self.view_mut(), &context, kinds)
    }

    fn values_of(&self, entity: &str, change: &Map<String, Json>) -> Result<Changes> {
        let entity = self.registry.entity(entity)?;
        let currency = Currency::from_code("CNY")?;
        let mut changes = Changes { owner: id(change, "owner"), ..Changes::new() };
        for (name, json) in change.get("values").and_then(Json::as_object).into_iter().flatten() {
            let field = entity.field(FieldName::Name(name))?;
            let value = match json {
                Json::String(text) => parse_as(field.definition.kind.value_kind(), text, currency)?,
                json => Value::from_json(json)?,
            };
            changes = changes.set(FieldSelector::Name(name.clone()), value);
        }
        Ok(changes)
    }
}

fn changes_of(stated: &Json) -> impl Iterator<Item = &Map<String, Json>> {
    stated.as_array().into_iter().flatten().filter_map(Json::as_object)
}

fn text<'j>(change: &'j Map<String, Json>, name: &str) -> Option<&'j str> {
    change.get(name).and_then(Json::as_str)
}

fn id(change: &Map<String, Json>, name: &str) -> Option<RecordId> {
    text(change, name).and_then(|text| text.parse().ok())
}

fn moment(change: &Map<String, Json>, name: &str) -> Result<Option<Timestamp>> {
    text(change, name).map(str::parse).transpose().map_err(|_| damaged())
}

/// Every record that a change names.
fn ids_in(change: &Map<String, Json>) -> impl Iterator<Item = RecordId> + '_ {
    let values = change.get("values").and_then(Json::as_object).into_iter().flatten();
    let all = change.iter().chain(values).filter_map(|(_, value)| value.as_str());
    all.filter_map(|text| text.parse().ok())
}

/// Whom a change gives something by name.
fn gainer(registry: &crate::schema::Registry, change: &Map<String, Json>) -> Option<RecordId> {
    match text(change, "do")? {
        "share" => id(change, "user"),
        "delegate" => id(change, "delegate"),
        "create" | "update" => {
            let entity = registry.entity(text(change, "entity")?).ok()?;
            if entity.api_name == User::NAME {
                return id(change, "id");
            }
            let field = entity.field(named_by(&entity.api_name)?).ok()?;
            id(change.get("values")?.as_object()?, &field.api_name)
        }
        _ => None,
    }
}

/// What a change means that opens records: the numbers of the entity and the fields that it names, since their names may
/// have changed hands before it is done.
fn meaning_of(registry: &crate::schema::Registry, change: &Map<String, Json>) -> Option<String> {
    let entity = text(change, "entity")?;
    if ![SharingRule::NAME, InheritedAccess::NAME, PoolMember::NAME].contains(&entity) {
        return None;
    }
    let said = change.get("values").and_then(Json::as_object);
    let said = |name: &str| said.and_then(|values| text(values, name));
    let opened = said("entity").and_then(|name| registry.entity(name).ok());
    let criteria = opened.zip(said("criteria"));
    let criteria = criteria.and_then(|(entity, said)| compile_condition(said, &FieldNames::of(entity)).ok());
    let field = opened.zip(said("field")).and_then(|(entity, name)| entity.field(FieldName::Name(name)).ok());
    let fields = criteria.iter().flat_map(|criteria| criteria.fields()).copied();
    let fields: BTreeSet<_> = fields.chain(field.map(crate::schema::Field::id)).collect();
    Some(format!("{:?} {fields:?}\n", opened.map(Entity::id)))
}

fn share_of(change: &Map<String, Json>) -> Result<NewShare> {
    let with = match (id(change, "user"), id(change, "team")) {
        (Some(user), None) => Sharee::User(user),
        (None, Some(team)) => Sharee::Team(team),
        _ => return Err(damaged()),
    };
    let level = text(change, "level").and_then(ShareLevel::from_code).ok_or_else(damaged)?;
    let reason = text(change, "reason").map(str::to_owned);
    Ok(NewShare { with, level, from: moment(change, "from")?, until: moment(change, "until")?, reason })
}

fn delegation_of(change: &Map<String, Json>, requester: RecordId) -> Result<NewDelegation> {
    let entities = change.get("entities").and_then(Json::as_array).into_iter().flatten();
    Ok(NewDelegation {
        delegator: Some(id(change, "delegator").unwrap_or(requester)),
        delegate: id(change, "delegate").ok_or_else(damaged)?,
        from: moment(change, "from")?,
        until: moment(change, "until")?.ok_or_else(damaged)?,
        entities: entities.filter_map(Json::as_str).map(str::to_owned).collect(),
        note: text(change, "note").map(str::to_owned),
    })
}

/// What the record of a request says.
fn told(entity: &Entity, record: &Record, now: Timestamp) -> Result<RequestedPrivileges> {
    let values: BTreeMap<u8, Value> = [
        (0, request::CHANGES.selector()),
        (1, request::REASON.selector()),
        (2, request::STATUS.selector()),
        (3, request::EXPIRES.selector()),
        (4, request::REQUESTER.selector()),
        (5, request::DECIDED_BY.selector()),
        (6, request::DECIDED_AT.selector()),
        (7, request::NOTE.selector()),
    ]
    .into_iter()
    .map(|(place, name)| Ok((place, record.value(entity.field(name)?.id()))))
    .collect::<Result<_>>()?;
    let text = |place: u8| values.get(&place).and_then(Value::as_text);
    let moment = |place: u8| match values.get(&place) {
        Some(Value::DateTime(moment)) => Some(*moment),
        _ => None,
    };
    let status = text(2).and_then(RequestStatus::from_code).ok_or_else(damaged)?;
    let expires = moment(3).ok_or_else(damaged)?;
    Ok(RequestedPrivileges {
        id: record.id,
        changes: text(0).and_then(|text| serde_json::from_str(text).ok()).ok_or_else(damaged)?,
        reason: text(1).map(str::to_owned),
        status,
        expires,
        requester: values.get(&4).and_then(Value::as_id),
        decided_by: values.get(&5).and_then(Value::as_id),
        decided_at: moment(6),
        note: text(7).map(str::to_owned),
        is_open: status == RequestStatus::Pending && now < expires,
    })
}

fn missing(id: RecordId) -> Error {
    Error::new(Code::RecordNotFound).entity(PrivilegeRequest::NAME).record(id)
}

fn refused(id: RecordId, rule: &str) -> Error {
    Error::new(Code::NotPermitted).entity(PrivilegeRequest::NAME).record(id).rule(rule)
}

fn base_changed(id: RecordId) -> Error {
    Error::new(Code::BaseChanged).entity(PrivilegeRequest::NAME).record(id)
}

fn damaged() -> Error {
    Error::new(Code::Damaged).rule("a request for privileges")
}
