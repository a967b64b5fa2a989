//! Connectors: doors of extensions to systems outside, by name. A host drives them; nothing runs by itself.
//!
//! One direction brings records in: it is asked for what came behind a cursor, and records and cursor are written in one
//! transaction. So what a process that dies has asked for is asked for again, and the keys of the records make that the
//! same. The other one tells the system outside what has changed here, one change after the other as the ledger has them,
//! and where it has come to is remembered; a change may be told twice, and never left out. Both act on the account of the
//! extension, with what that may do and no more.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::{Action, Role};
use crate::base::{Code, Error, Label, RecordId, Result};
use crate::engine::{Changes, Crm, RecordChange, Registrar, Session, WriteOptions};
use crate::records::WriteView;
use crate::schema::EntityType;
use crate::storage::{Keyspace, Snapshot};

/// Where it is remembered how far a connector has come, before its name.
const STATE: &[u8] = b"connector.";
/// Most records of one pull.
const MAX_PULLED: usize = 10_000;
/// Longest cursor, in bytes.
const MAX_CURSOR: usize = 4_096;
/// Changes of one push if nothing is said.
const PUSHED: usize = 100;

/// What a connector is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorDefinition {
    /// The name, which begins with the id of the extension and a point.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// What it connects, for who sets it up.
    pub help: Label,
    /// Whether it brings records in.
    pub pulls: bool,
    /// The entities whose changes are told outside, by API name; none where it does not do that.
    pub pushes: Vec<String>,
}

/// What came from outside.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pulled {
    /// The records, in the order in which they are written.
    pub records: Vec<PulledRecord>,
    /// Where the next pull goes on; as before if nothing is said.
    pub cursor: Option<String>,
    /// Whether there is more behind it already.
    pub more: bool,
}

/// One record that came from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct PulledRecord {
    /// The entity, by API name.
    pub entity: String,
    /// What the extension knows it by for ever, so that it is the same record each time.
    pub key: String,
    /// Its values.
    pub changes: Changes,
}

/// The work of a connector.
pub trait Connect: Send + Sync {
    /// Gives what came behind a cursor, nothing for the first time. It writes nothing itself: what it gives is written.
    ///
    /// # Errors
    /// What the extension refuses; nothing is written then, and the cursor stays.
    fn pull(&self, session: &Session, cursor: Option<&str>) -> Result<Pulled>;

    /// Tells the system outside of one change. It may be told again, by the same position.
    ///
    /// # Errors
    /// What the extension refuses; the change is told again by the next push.
    fn push(&self, session: &Session, change: &RecordChange) -> Result<()>;
}

/// A connector with its work.
#[derive(Clone)]
pub(super) struct DeclaredConnector {
    pub extension: String,
    pub definition: ConnectorDefinition,
    work: Arc<dyn Connect>,
}

/// How far a connector has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectorState {
    /// Where the next pull goes on.
    pub cursor: Option<String>,
    /// The position of the ledger behind which the next push goes on.
    pub position: u64,
}

/// What a pull or a push has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pushed {
    /// How many records came in, or changes were told.
    pub done: u64,
    /// Whether there is more already.
    pub more: bool,
}

impl ConnectorState {
    fn of(snapshot: &dyn Snapshot, name: &str) -> Result<Self> {
        let Some(bytes) = snapshot.get(Keyspace::Meta, &place(name))? else { return Ok(Self::default()) };
        serde_json::from_slice(&bytes)
            .map_err(|error| Error::new(Code::Damaged).rule("connector state").because(error))
    }

    fn remember(&self, view: &mut WriteView<'_>, name: &str) -> Result<()> {
        let bytes = serde_json::to_vec(self).map_err(|error| Error::new(Code::Panic).because(error))?;
        view.put(Keyspace::Meta, place(name), bytes);
        Ok(())
    }
}

fn place(name: &str) -> Vec<u8> {
    [STATE, name.as_bytes()].concat()
}

impl Registrar {
    /// Adds a connector.
    pub fn connector(&mut self, definition: ConnectorDefinition, work: Arc<dyn Connect>) {
        self.connectors.push(DeclaredConnector { extension: self.extension.clone(), definition, work });
    }
}

impl Session {
    /// The connectors of extensions, with how far each has come.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything.
    pub fn connectors(&self) -> Result<Vec<(ConnectorDefinition, ConnectorState)>> {
        self.check_may(Role::NAME, Action::Administer)?;
        let (performers, snapshot) = (self.crm().performers(), self.crm().snapshot()?);
        let known = performers.connectors.iter().map(|known| {
            let state = ConnectorState::of(snapshot.as_ref(), &known.definition.name)?;
            Ok((known.definition.clone(), state))
        });
        known.collect()
    }

    /// Has a connector bring in what came from outside since the last time: on the account of its extension, in this
    /// user's name, all of it with the new cursor or nothing.
    ///
    /// # Errors
    /// `access.not_permitted` without the right to administer everything; `input.unknown_method` for no connector that
    /// does so; `plugin.not_admitted`; `engine.reentrant`; `record.version_conflict` where another pull was done meanwhile; those
    /// of the connector, and of the writes.
    pub fn pull(&self, connector: &str) -> Result<Pushed> {
        let (known, own) = self.connector(connector, |definition| definition.pulls)?;
        let before = ConnectorState::of(self.crm().snapshot()?.as_ref(), connector)?;
        let refused = |error: Error| error.plugin(&known.extension);
        let pulled = known.work.pull(&own, before.cursor.as_deref()).map_err(refused)?;
        check_pulled(&pulled).map_err(refused)?;
        let options = WriteOptions::default().cause(&format!("connector.pull {connector}"));
        own.write_with(options, |transaction| {
            let state = ConnectorState::of(transaction.view(), connector)?;
            if state.cursor != before.cursor {
                return Err(Error::new(Code::VersionConflict).field("cursor").value(connector));
            }
            for record in &pulled.records {
                let changes = record.changes.clone();
                transaction.upsert_record(&record.entity, &known.extension, &record.key, changes)?;
            }
            let cursor = pulled.cursor.clone().or(state.cursor);
            ConnectorState { cursor, ..state }.remember(transaction.view_mut(), connector)
        })?;
        Ok(Pushed { done: u64::try_from(pulled.records.len()).unwrap_or(u64::MAX), more: pulled.more })
    }

    /// Has a connector tell the system outside what has changed since the last time, at most so many changes; 0 means
    /// 100. It is told what the account of its extension sees, and not of what that has changed itself.
    ///
    /// # Errors
    /// As [`Session::pull`]. What was told by then is not told again.
    pub fn push(&self, connector: &str, limit: usize) -> Result<Pushed> {
        let (known, own) = self.connector(connector, |definition| !definition.pushes.is_empty())?;
        let before = ConnectorState::of(self.crm().snapshot()?.as_ref(), connector)?;
        let entities: Vec<&str> = known.definition.pushes.iter().map(String::as_str).collect();
        let limit = if limit == 0 { PUSHED } else { limit };
        let changes = own.changes_after(before.position, &entities, limit)?;
        let (mut done, mut reached, mut failed) = (0_u64, changes.position, None);
        for change in changes.changes.iter().filter(|change| change.actor != own.user()) {
            if let Err(error) = known.work.push(&own, change) {
                reached = change.position.saturating_sub(1);
                failed = Some(error.plugin(&known.extension));
                break;
            }
            done = done.saturating_add(1);
        }
        if reached > before.position {
            self.crm().remember_pushed(own.user(), connector, reached)?;
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(Pushed { done, more: changes.more }),
        }
    }

    /// A connector of one direction, and a session of its extension.
    fn connector(
        &self,
        name: &str,
        goes: impl FnOnce(&ConnectorDefinition) -> bool,
    ) -> Result<(DeclaredConnector, Self)> {
        self.check_may(Role::NAME, Action::Administer)?;
        let performers = self.crm().performers();
        let known = performers.connectors.iter().find(|known| known.definition.name == name);
        let known = known.filter(|known| goes(&known.definition));
        let known = known.ok_or_else(|| Error::new(Code::UnknownMethod).value(name))?;
        Ok((known.clone(), self.as_extension(&known.extension)?))
    }
}

fn check_pulled(pulled: &Pulled) -> Result<()> {
    let beyond = |rule: &str| Err(Error::new(Code::LimitExceeded).rule(rule));
    if pulled.records.len() > MAX_PULLED {
        return beyond("records <= 10000");
    }
    if pulled.cursor.as_ref().is_some_and(|cursor| cursor.len() > MAX_CURSOR) {
        return beyond("cursor <= 4 KiB");
    }
    match pulled.records.iter().any(|record| record.key.is_empty()) {
        true => Err(Error::new(Code::InvalidArgument).field("key").rule("a key")),
        false => Ok(()),
    }
}

impl Crm {
    /// Remembers how far a push has come. One that others have brought further stays there.
    fn remember_pushed(&self, actor: RecordId, connector: &str, position: u64) -> Result<()> {
        self.system_write(actor, &format!("connector.push {connector}"), |view, _| {
            let state = ConnectorState::of(view, connector)?;
            let position = state.position.max(position);
            ConnectorState { position, ..state }.remember(view, connector)
        })
    }
}
