//! The commands, a file for each: its arguments beside what it does with them.

pub mod access;
pub mod audit;
pub mod backup;
pub mod backups;
pub mod call;
pub mod compact;
pub mod compliance;
pub mod config;
pub mod correction;
pub mod create;
pub mod demo;
pub mod describe;
pub mod find;
pub mod import;
pub mod key;
pub mod look;
pub mod plugin;
pub mod privacy;
pub mod purge;
pub mod query;
pub mod report;
pub mod restore;
pub mod rules;
pub mod salvage;
pub mod schema;
pub mod search;
pub mod suppression;
pub mod user;
pub mod verify;
pub mod view;

use serde_json::Value as Json;

/// A text of an answer; empty if it is absent or no text.
fn text<'json>(answer: &'json Json, name: &str) -> &'json str {
    answer.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// A list of an answer; empty if it is absent or no list.
fn list<'json>(answer: &'json Json, name: &str) -> &'json [Json] {
    answer.get(name).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}
