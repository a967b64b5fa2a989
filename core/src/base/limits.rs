//! The sizes beyond which input is refused, in one place so that documents and checks agree.

/// Largest key of the store, in bytes.
pub const MAX_KEY_BYTES: usize = 1_024;
/// Largest inline value of the store, in bytes; a larger record spills into continuation values.
pub const MAX_VALUE_BYTES: usize = 64 * 1_024;
/// Largest text of one field, in bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 1_024 * 1_024;
/// Largest JSON document that a named method accepts, in bytes.
pub const MAX_JSON_BYTES: usize = 16 * 1_024 * 1_024;
/// Most records that one deletion takes along or changes, or one move within a tree changes, beside the one
/// that it names.
pub const MAX_AFFECTED_RECORDS: usize = 10_000;
/// Most records above another one in a tree.
pub const MAX_TREE_DEPTH: usize = 256;
/// Most rows of one page of a query.
pub const MAX_PAGE_ROWS: usize = 10_000;
/// Deepest nesting of a filter.
pub const MAX_FILTER_DEPTH: usize = 32;
/// Most conditions in one filter.
pub const MAX_FILTER_NODES: usize = 1_000;
/// Most lists and maps around each other in one value.
pub const MAX_VALUE_DEPTH: usize = 16;
/// Most values of one list, and most parts of one map.
pub const MAX_LIST_ITEMS: usize = 1_000;
