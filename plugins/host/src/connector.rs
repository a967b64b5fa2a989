//! A connector of a plugin: what it answers is read here, and written by the engine.

use std::sync::Arc;

use guanxi::base::{Code, Error, Result};
use guanxi::engine::{Connect, Pulled, PulledRecord, Reader, RecordChange};
use guanxi::{Session, api};
use guanxi_plugin_abi::guanxi_perform;
use serde_json::{Map, Value as Json, json};

use crate::bridge::perform;
use crate::contain::Plugin;
use crate::frame::{Callback, Directions, Scene};

/// A connector of a plugin.
pub(crate) struct Connector {
    pub plugin: Arc<Plugin>,
    pub work: Callback<Directions>,
}

impl Connector {
    fn ask(&self, function: Option<guanxi_perform>, session: &Session, given: &Json) -> Result<Json> {
        self.plugin.check()?;
        let function = function.ok_or_else(|| Error::new(Code::UnknownMethod))?;
        perform(&self.plugin, &self.work, function, Scene::Asked(session), given)
    }

    /// One record of an answer, of an entity that the plugin has leave to write.
    fn record(&self, reader: &Reader<'_>, json: &Json) -> Result<PulledRecord> {
        let text = |name: &str| json.get(name).and_then(Json::as_str).ok_or_else(|| answer(name));
        let (entity, key) = (text("entity")?, text("key")?);
        self.plugin.check_capability(&format!("write:{entity}"))?;
        let none = Map::new();
        let fields = match json.get("fields") {
            Some(Json::Object(fields)) => fields,
            None => &none,
            Some(_) => return Err(answer("fields")),
        };
        let changes = api::changes_from_json(reader, reader.registry().entity(entity)?, fields)?;
        Ok(PulledRecord { entity: entity.to_owned(), key: key.to_owned(), changes })
    }
}

/// An answer that is none of a pull.
fn answer(field: &str) -> Error {
    Error::new(Code::InvalidArgument).field(field).rule("{records: [{entity, key, fields}], cursor, more}")
}

impl Connect for Connector {
    fn pull(&self, session: &Session, cursor: Option<&str>) -> Result<Pulled> {
        let given = cursor.map_or_else(|| json!({}), |cursor| json!({"cursor": cursor}));
        let answered = self.ask(self.work.function.pull, session, &given)?;
        let records = match answered.get("records") {
            Some(Json::Array(records)) => records.as_slice(),
            None | Some(Json::Null) => &[],
            Some(_) => return Err(answer("records")),
        };
        let records = session
            .read(|reader| records.iter().map(|json| self.record(&reader, json)).collect::<Result<_>>())?;
        let cursor = match answered.get("cursor") {
            Some(Json::String(cursor)) => Some(cursor.clone()),
            None | Some(Json::Null) => None,
            Some(_) => return Err(answer("cursor")),
        };
        Ok(Pulled { records, cursor, more: answered.get("more").and_then(Json::as_bool).unwrap_or(false) })
    }

    fn push(&self, session: &Session, change: &RecordChange) -> Result<()> {
        let values = match session.get(&change.entity, change.record) {
            Ok(row) => Some(api::listing_to_json(&row)?),
            Err(error) if matches!(error.code(), Code::RecordNotFound | Code::RecordPurged) => None,
            Err(error) => return Err(error),
        };
        let given = json!({
            "position": change.position,
            "kind": change.kind.name(),
            "entity": change.entity,
            "record": change.record.to_string(),
            "at": change.at.to_string(),
            "fields": change.fields,
            "values": values,
        });
        self.ask(self.work.function.push, session, &given).map(drop)
    }
}
