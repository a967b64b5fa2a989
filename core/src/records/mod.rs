//! Floor 3: rows, indexes, queries and the ledger.
//!
//! It deliberately does not decide who may: every function that touches data demands a permit, checks
//! it against entity, policy epoch and the images before and after, and trusts nothing else.
//! Invariants: indexes, counters and unique keys follow from the records in the same commit; every
//! change of a record is one ledger entry in that commit; a soft-deleted record is in no index.

mod attachment_texts;
mod attachments;
mod backup;
mod backup_items;
mod bulk;
mod cells;
mod chain_links;
mod checkpoints;
mod classes;
mod codec;
mod commitments;
mod computed;
mod derived;
mod due;
mod envelope;
mod filter;
mod history;
mod history_list;
mod history_match;
mod holds;
mod kept;
mod ledger;
mod ledger_blocks;
mod ledger_follow;
mod ledger_proof;
mod ledger_search;
mod marking;
mod merkle;
mod merkle_nodes;
mod near;
mod newest;
mod ordered;
mod prune;
mod purge;
mod query;
mod reindex;
mod replay;
mod restore;
mod rollup;
mod rollup_build;
mod row;
mod row_columns;
mod salvage;
mod serial;
mod shared;
mod suppressed;
mod survey;
mod tally;
mod temporal;
mod unique;
mod validity;
mod values;
mod verify;
mod view;
mod wide;
mod write;

pub use crate::schema::SystemField;
pub use attachment_texts::{
    MAX_TEXT_BYTES, WaitingText, any_text, await_text, await_text_again, count_waiting_texts, is_waiting,
    keep_text, needs_no_text, texts_of, waiting_texts, without_text,
};
pub use attachments::{
    ATTACHMENT_FIELDS, Attachment, Holder, MAX_INLINE_BYTES, NewContent, StoredContent, attach, attachments,
    check_changeable, check_names, detach, is_linked, missing_attachment, read_attachment,
};
pub use backup::{BackupSource, back_up_keys};
pub use backup_items::{BackupCounts, read_through};
pub use checkpoints::{Checkpoint, checkpoints, newest_checkpoint};
pub use classes::{Staleness, load_classes, read_epoch, read_facts_epoch};
pub use computed::{Moment, RecordFacts};
pub use derived::{Link, for_each_link, links_after, links_by, refers};
pub use due::{due_until, first_due};
pub use envelope::{Envelope, ExternalId, MARKED, Record, entered_name, is_restriction};
pub use filter::{Comparison, Filter, Referring, Stated, compare_values};
pub use history::{
    At, PastChange, PastState, PastValue, RecordVersion, Rewind, VersionKind, Versions, changed_since,
    check_place, resolve, stamp_at, was_erased,
};
pub use history_list::{PastChunk, PastOrder, PastQuery, list_deleted, list_past, list_past_sorted};
pub use holds::{Holds, Unasked, check_unheld};
pub use ledger::{
    CreatedRecord, EntryKind, FieldChange, LedgerEntry, LedgerReader, NAMED_RECORDS, OpenedEntry, RawChange,
    chain_link, changed_after, check_committed, created_after, headers_after, note_field, note_name,
    read_raw,
};
pub use ledger_blocks::{Summary, named_records};
pub use ledger_proof::{EntryProof, LedgerCheck, LedgerReport, hash_at, prove, verify_ledger};
pub use ledger_search::{LedgerFilter, LedgerWalk, search_ledger};
pub use marking::{Following, Marked, Marking, MarkingPass, mark_chunk};
pub use merkle::TreeHash;
pub use merkle_nodes::LedgerTree;
pub use near::Circle;
pub use newest::newest_records;
pub use prune::{
    PRUNE_CHUNK, PruneChunk, Pruned, archived_up_to, drop_values, dropped_up_to, empty_old, keep_archived,
    look_for_kinds, look_for_old, newest_pruned, pruned_up_to,
};
pub use purge::{PURGE_CHUNK, PurgeChunk, look_for_purgeable, purge, purge_begins};
pub use query::{
    CountSource, Counted, Direction, Explanation, FarPermits, LinkWalk, Matcher, PageCursor, Query, Sight,
    Size, SortField, Total, check_refers, check_standing, complete, count, end, explain, find, get, get_many,
    get_standing, groups, reaches, scan_all, sees_ends, shared_records, target, walk_links,
};
pub use reindex::{
    BUILD_CHUNK, Build, BuildKind, Built, MAX_RECORDS, added, build_chunk, clear_chunk, gaining, gains_keys,
    in_hand, is_large, next_records, records_made, reindex, sample_keys, unfinished,
};
pub use restore::{Restored, Restorer};
pub use rollup_build::build_rollups;
pub use row::{class_of, find_by_external_id, find_unique, get_for_rule, live_class_of, stored_for_rule};
pub use row_columns::{begin_rows_anew, renew_changed_rows};
pub use salvage::{SalvageLoss, SalvageReport, SalvagedItem, Salvager, salvage};
pub use serial::next_serial;
pub use shared::Shared;
pub use suppressed::{
    SuppressedHash, Suppressor, list_suppressed, name_of_suppressed, suppress, suppressed,
    suppressed_by_name, unsuppress,
};
pub use survey::{growth, live_records, newest_of, survey};
pub use tally::GroupSum;
pub use validity::{Period, facts_of, find_held};
pub use values::Values;
pub use verify::{QuickReport, VerifyReport, verify, verify_quickly};
pub use view::{Entered, Savepoint, Sealer, WriteView};
pub use write::{
    Note, WriteContext, check_deletes, create, delete, enter_note, erase, note, undelete, update,
};
