//! What plugins of the tests ask leave for, for each who packs them.

/// What the plugin asks leave for that uses everything (`tests/plugin/programs/full.c`).
pub const FULL: [&str; 13] = [
    "package",
    "action",
    "job",
    "model",
    "migration",
    "account",
    "hook:crm.account",
    "hook:cn.example.full.ticket",
    "write:crm.account",
    "write:cn.example.full.ticket",
    "write:crm.contact",
    "call:api.describe",
    "call:plugin.admitted",
];
