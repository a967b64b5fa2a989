//! Floor 4: the only door. Open a database, sign in, read, write, extend.
//!
//! It deliberately knows no noun of the trade and no feature: those declare themselves through
//! [`Extension`], as a vendor's plugin does, and use the capabilities that this room hands up.
//! Invariants: there is no ambient user; every read and write goes through a permit minted for the
//! session's user under the newest policy; a closure that fails leaves nothing behind.

mod attachments;
mod backup;
mod backup_folder;
mod backup_rotation;
mod bulk;
mod bulk_undo;
mod capability;
mod changes;
#[cfg(test)]
mod collation_tests;
mod condition;
mod configuration;
mod credentials;
mod crm;
mod deletion;
mod evolution;
mod extension;
mod facts;
mod history;
mod indexes;
mod inspect;
mod keys;
mod layout;
mod layout_overrides;
mod links;
mod maintenance;
mod modules;
mod options;
mod organisation;
mod packages;
mod palette;
mod query;
mod reader;
#[cfg(test)]
mod reader_tests;
mod recent;
mod record_types;
mod rehearsal;
mod relations;
mod restore;
mod restore_administrator;
mod restore_sources;
#[cfg(test)]
mod restore_tests;
mod retype;
#[cfg(test)]
mod rollup_tests;
mod rules;
mod salvage;
mod session;
mod settings;
mod slow;
mod states;
mod support;
mod transaction;
mod translations;
mod tree;
mod typed;
mod views;

pub use crate::access::{
    Action, ClassId, Effect, Grant, Level, Partition, Role, RoleAssignment, Unit, User, UserStatus,
};
pub use crate::access::{grant, partition, role, role_assignment, unit, user};
pub(crate) use crate::records::Matcher;
pub use crate::records::{
    At, Attachment, BackupCounts, Circle, Comparison, CountSource, Counted, Direction, EntryKind,
    Explanation, ExternalId, FieldChange, Filter, LedgerEntry, PageCursor, PastChange, PastState, PastValue,
    QuickReport, Record, RecordVersion, SalvageLoss, SalvageReport, SalvagedItem, Salvager, Savepoint,
    Stated, SystemField, Total, VerifyReport, VersionKind,
};
pub use crate::schema::LayoutKind;
pub use crate::storage::{
    BackupHeader, BackupKind, CommitId, CopyReport, DatabaseIdentity, Durability, Head, Key, KeyCost,
    KeyKind, KeyProvider, KeySlot, LostRange, RecoveryInfo, RecoveryKey, SealedFiles, Settled,
    StoreStatistics, SweptBlobs, TableSize, UpgradePolicy, WreckState,
};
pub use attachments::AttachmentReader;
pub use backup::{BackupReport, BackupScope, verify_backup};
pub(crate) use backup_folder::header_to_json;
pub use backup_folder::{BackupCatalogue, BackupFile, BackupFolder};
pub use backup_rotation::{Rotation, RotationPolicy};
pub use bulk::{Bulk, BulkCursor, BulkDone, BulkOutcome, BulkRow, MAX_BULK, Selection};
pub use capability::{Scope, Visibility};
pub use changes::Changes;
pub use condition::{Condition, FieldSelector};
pub(crate) use condition::{Path, follow};
pub use configuration::{ConfigurationChange, ConfiguredSetting, SettingChange};
pub use crm::Crm;
pub use extension::{BeforeSave, Extension, Registrar, Save, Warning};
pub use history::{DeletedPage, Difference, History, PastCursor, PastPage, PastRecord};
pub(crate) use inspect::statistics_to_json;
pub use inspect::{EntityInspection, FieldInspection, Inspection, MonthInspection};
pub use layout::{Layout, LayoutSection, NavigationItem};
pub use modules::ModuleState;
pub use options::Options;
pub use packages::PackageStep;
pub use palette::Command;
pub use query::{Answer, Question};
pub use reader::{Find, Listing, Page, Reader};
pub(crate) use reader::{GroupFigures, field_name};
pub use recent::{MAX_FAVOURITES, MAX_RECENT};
pub use rehearsal::SchemaPlan;
pub use relations::{LinkCursor, LinkFind, LinkPage, LinkedRecord, NewRelation, Unlinked};
pub use restore::{RestoreOptions, RestoreReport, restore};
pub(crate) use restore_sources::open_backup;
pub use restore_sources::{RestoreSource, restore_from};
pub use retype::{Retyped, Unconverted};
pub use salvage::salvage;
pub use session::Session;
pub use settings::Settings;
pub use slow::{QueryKind, SlowQueries, SlowQuery, SlowThreshold};
pub use states::OpenStep;
pub use transaction::{Transaction, Upserted, WriteOptions};
pub use tree::{Tree, TreeNode};
pub use typed::{Draft, Ref, Row, TypedFind};
pub use views::{Audience, SavedView, View, ViewDefinition, view};
