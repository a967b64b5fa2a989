//! The method of the command palette.

use serde_json::{Value as Json, json};

use crate::api::declare::methods;

methods! {
    /// Finds what the user may do or open by the beginning of a word of its name, in Chinese, English or pinyin:
    /// commands, entities, saved views, and records looked at lately or kept at hand. Best first; with no text
    /// what is at hand comes first.
    "palette.find" (session, given: FindInPalette {
        /// What was typed.
        text: Option<String>,
        /// Most items; 20 if not said, 100 at the most.
        limit: Option<u64>,
    }) -> "{items: [{kind, label, method, entity, id}]}" {
        let limit = given.limit.map_or(20, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let items = session.palette(given.text.as_deref().unwrap_or_default(), limit)?;
        let items = items.iter().map(|item| json!({
            "kind": item.kind.name(),
            "label": item.label.text(session.locale()),
            "method": item.method,
            "entity": item.entity,
            "id": item.record.map(|id| id.to_string()),
        }));
        Ok(json!({"items": items.collect::<Vec<Json>>()}))
    }
}
