//! Writes of one record: what each verb does, in the caller's transaction or in one of its own.

use guanxi_core::engine::Upserted;
use guanxi_core::{Changes, Code, Error, RecordId, Result, Session, Transaction, WriteOptions};
use guanxi_plugin_abi::guanxi_status;
use serde_json::{Value as Json, json};

use crate::arguments::Out;
use crate::guard::Call;
use crate::handle::Shared;
use crate::record::Builder;
use crate::session::{SessionHandle, speaker};
use crate::writing::Writing;

/// What one write does, in a transaction of the caller's or of its own.
pub(crate) enum Verb<'a> {
    Create,
    Update(RecordId),
    Upsert(&'a str, &'a str),
}

impl Verb<'_> {
    fn run(&self, transaction: &mut Transaction<'_>, entity: &str, changes: Changes) -> Result<RecordId> {
        match self {
            Self::Create => transaction.create_record(entity, changes),
            Self::Update(id) => transaction.update_record(entity, *id, changes).map(Upserted::id),
            Self::Upsert(source, key) => {
                transaction.upsert_record(entity, source, key, changes).map(Upserted::id)
            }
        }
    }

    fn request(&self, record: &Builder) -> Json {
        match self {
            Self::Create => record.request("create", ""),
            Self::Update(id) => record.request("update", &id.to_string()),
            Self::Upsert(source, key) => record.request("upsert", &format!("{source}\n{key}")),
        }
    }
}

impl<'a> Verb<'a> {
    /// The upsert by an external key.
    ///
    /// # Errors
    /// Those of the arguments.
    pub fn upsert(source: Result<&'a str>, key: Result<&'a str>) -> Result<Self> {
        Ok(Self::Upsert(source?, key?))
    }
}

fn named(record: Result<Shared<Builder>>) -> Result<Shared<Builder>> {
    record.map_err(|error| error.field("record"))
}

/// Writes in the caller's transaction.
pub(crate) fn write_in(
    call: Call,
    txn: Result<&mut Writing>,
    record: Result<Shared<Builder>>,
    verb: Result<Verb<'_>>,
    id: Option<&Out<[u8; 16]>>,
) -> guanxi_status {
    call.run(|_| {
        let (txn, record, verb) = (txn?, named(record)?, verb?);
        let written = txn.writing(|transaction| {
            if record.idempotency_key.is_some() {
                let rule = "idempotency keys belong to writes without a transaction";
                return Err(Error::new(Code::InvalidArgument).field("idempotency_key").rule(rule));
            }
            verb.run(transaction, record.entity()?, record.changes())
        })?;
        if let Some(id) = id {
            id.set(*written.as_bytes());
        }
        Ok(())
    })
}

/// Writes in a transaction of its own.
pub(crate) fn write_alone(
    call: Call,
    session: Result<Shared<SessionHandle>>,
    record: Result<Shared<Builder>>,
    verb: Result<Verb<'_>>,
    id: Option<&Out<[u8; 16]>>,
) -> guanxi_status {
    call.run(|call| {
        let (speaker, record, verb) = (speaker(call, session)?, named(record)?, verb?);
        let running = speaker.enter()?;
        let entity = record.entity()?;
        let written = speaker.engine.writing(|| Ok(write_once(&running.session, &record, entity, &verb)?))?;
        if let Some(id) = id {
            id.set(*written.as_bytes());
        }
        Ok(())
    })
}

fn write_once(session: &Session, record: &Builder, entity: &str, verb: &Verb<'_>) -> Result<RecordId> {
    let Some(key) = &record.idempotency_key else {
        return session.write(|transaction| verb.run(transaction, entity, record.changes()));
    };
    let request = verb.request(record);
    let answer = session.write_once(key, &request, WriteOptions::default(), |transaction| {
        Ok(json!({"id": verb.run(transaction, entity, record.changes())?.to_string()}))
    })?;
    let id = answer.get("id").and_then(Json::as_str).unwrap_or_default();
    id.parse().map_err(|_| Error::new(Code::IdempotencyMismatch))
}
