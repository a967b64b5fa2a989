//! Floor 4: the only door. Open a database, sign in, read, write, extend.
//!
//! It deliberately knows no noun of the trade and no feature: those declare themselves through
//! [`Extension`], as a vendor's plugin does, and use the capabilities that this room hands up.
//! Invariants: there is no ambient user; every read and write goes through a permit minted for the
//! session's user under the newest policy; a closure that fails leaves nothing behind.

mod access_past;
mod access_paths;
mod actions;
mod anomalies;
mod attachment_texts;
mod attachments;
mod audit_trail;
mod backup;
mod backup_folder;
mod backup_rotation;
mod bounds;
mod bulk;
mod bulk_create;
mod bulk_undo;
mod capability;
mod changes;
mod checkpoints;
#[cfg(test)]
mod collation_tests;
mod comments;
mod condition;
mod configuration;
mod connectors;
mod corrections;
mod credentials;
mod crm;
mod delegating;
mod deletion;
mod due;
mod erasing;
mod evolution;
mod extension;
mod facts;
mod followed_shares;
mod four_eyes;
mod guides;
mod history;
mod history_sorted;
mod holders;
mod indexes;
mod inspect;
mod installing;
mod involving;
mod keys;
mod layout;
mod layout_overrides;
mod ledger;
mod ledger_archive;
mod ledger_archive_check;
mod ledger_export;
mod links;
mod locks;
mod maintenance;
mod modules;
mod moving;
#[cfg(test)]
mod newer_tests;
mod nobodys;
mod offboarding;
mod opening;
mod options;
mod organisation;
mod own_json;
mod own_layouts;
mod own_preferences;
mod own_records;
mod own_right;
mod package_records;
mod packages;
mod palette;
mod passwords;
mod plugin_accounts;
mod plugin_states;
mod pool_views;
mod pools;
mod privacy;
mod privilege_requests;
mod pruning;
mod purging;
mod query;
mod read_policy;
mod reader;
#[cfg(test)]
mod reader_tests;
mod recent;
mod record_hooks;
mod record_types;
mod references;
mod referring;
mod rehearsal;
mod relations;
mod restore;
mod restore_administrator;
mod restore_sources;
#[cfg(test)]
mod restore_tests;
mod retype;
mod rights;
#[cfg(test)]
mod rollup_tests;
mod rule_sight;
mod rules;
mod salvage;
mod saved_searches;
mod service_accounts;
mod session;
mod sessions;
mod settings;
mod sharing;
mod sharing_rules;
mod sign_in;
mod signing;
mod simulate;
mod slow;
mod states;
mod support;
mod transaction;
mod translations;
mod tree;
mod typed;
mod value_sets;
mod views;
mod watch;

pub use crate::access::{
    AccessPath, Action, ClassId, Delegation, Effect, Grant, InheritedAccess, Level, Partition, PluginAccount,
    Pool, PoolMember, Position, PositionHolder, PositionRole, Principals, PrivilegeKind, PrivilegeRequest,
    Process, Reason, RecordShare, RequestStatus, Role, RoleAssignment, RulePath, ShareLevel, SharePath,
    Sharee, SharingRule, Team, TeamMember, TeamRole, Unit, User, UserKind, UserStatus, Verdict, WaitingRole,
};
pub use crate::access::{
    delegation, grant, inherited_access, partition, plugin_account, pool, pool_member, position,
    position_holder, position_role, privilege_request, role, role_assignment, share, sharing_rule, team,
    team_member, team_role, unit, user,
};
pub use crate::records::{
    At, Attachment, BackupCounts, Checkpoint, Circle, Comparison, CountSource, Counted, Direction, EntryKind,
    EntryProof, Explanation, ExternalId, FieldChange, Filter, LedgerCheck, LedgerEntry, LedgerReport,
    PageCursor, PastChange, PastState, PastValue, QuickReport, Record, RecordVersion, Referring, SalvageLoss,
    SalvageReport, SalvagedItem, Salvager, Savepoint, Shared, Size, Stated, SystemField, Total, VerifyReport,
    VersionKind,
};
pub(crate) use crate::records::{Matcher, compare_values, note_field, note_name};
pub use crate::schema::{Device, LayoutKind};
#[cfg(test)]
pub(crate) use crate::storage::everything;
pub use crate::storage::{
    BackupHeader, BackupKind, CommitId, CopyReport, DatabaseIdentity, Durability, Head, Key, KeyCost,
    KeyKind, KeyProvider, KeySlot, LostRange, RecoveryInfo, RecoveryKey, SealedFiles, Settled,
    StoreStatistics, SweptBlobs, TableSize, UpgradePolicy, WreckState,
};
pub use access_past::PastEntitledPage;
pub use access_paths::{AccessExplanation, Entitled, EntitledPage, ParentRecord};
pub use actions::{ActionDefinition, JobDefinition, Perform, PerformKind};
pub use anomalies::{Anomaly, AnomalyKind, AnomalyRule, AnomalySubscription, Detection};
pub use attachment_texts::{
    ExtractedText, MAX_TEXT_BYTES, TextExtractor, TextsExtracted, TextsWaiting, USUAL_CONTENT_BYTES,
};
pub use attachments::AttachmentReader;
pub use audit_trail::Carried;
pub use backup::{BackupReport, BackupScope, verify_backup};
pub(crate) use backup_folder::header_to_json;
pub use backup_folder::{BackupCatalogue, BackupFile, BackupFolder};
pub use backup_rotation::{Rotation, RotationPolicy};
pub use bulk::{Bulk, BulkCursor, BulkDone, BulkOutcome, BulkRow, BulkWork, MAX_BULK, Selection};
pub(crate) use capability::{ATTACHED, Met, Visibility};
pub use changes::Changes;
pub(crate) use checkpoints::is_good;
pub use comments::{
    Comment, CommentPage, CommentRecord, Notice, NoticeKind, NoticeRecord, Watcher, comment, notice, watcher,
};
pub use condition::{Condition, FieldSelector};
pub(crate) use condition::{Path, follow};
pub use configuration::{ConfigurationChange, ConfiguredSetting, SettingChange, SuppressionMode};
pub use connectors::{Connect, ConnectorDefinition, ConnectorState, Pulled, PulledRecord, Pushed};
pub use corrections::{
    Correction, CorrectionPage, CorrectionRequest, CorrectionStatus, CorrectionsOf, MAX_OPEN_BY_PERSON,
    MAX_OPEN_OF_PERSON, MAX_OPEN_OF_RECORD, correction,
};
pub use crm::Crm;
pub use delegating::{Delegated, NewDelegation};
pub(crate) use due::DueHook;
pub use due::{DueDone, DueWork, Lease};
pub use erasing::{
    AffectedRecords, ErasureReason, ErasureReceipt, ErasureReceiptRecord, ErasureStatement, ReceiptCheck,
    Remaining, erasure_receipt,
};
pub use extension::{BeforeSave, Extension, Registrar, Save, Warning};
pub use guides::{GuideProgress, GuideState, guide_progress};
pub use history::{DeletedPage, Difference, History, PastCursor, PastPage, PastRecord};
pub use history_sorted::{SortedPastCursor, SortedPastPage};
pub use indexes::PendingBuild;
pub(crate) use inspect::statistics_to_json;
pub use inspect::{EntityInspection, FieldInspection, Inspection, MonthInspection};
pub use layout::{Layout, LayoutFor, LayoutSection, NavigationItem, ShownWhen};
pub use ledger::{AuditPage, AuditedChange, AuditedEntry, AuditedValue, LedgerQuery};
pub use ledger_archive::{DroppedValues, LedgerClass};
pub use ledger_archive_check::LedgerArchiveCheck;
pub use ledger_export::{LedgerExport, LedgerExportOptions};
pub use modules::ModuleState;
pub use moving::Moved;
pub use offboarding::{HandedOver, Offboarding, OffboardingPlan};
pub use options::Options;
pub use packages::PackageStep;
pub use palette::Command;
pub use passwords::RecoveryCode;
pub use plugin_accounts::AdmittedPlugin;
pub use plugin_states::PluginState;
pub use privacy::{
    Administrator, AdministratorPage, Channel, Consent, ConsentAnswer, ConsentPage, ConsentReason,
    ConsentStatement, DataClass, Decision, Evidence, FieldPurpose, Hold, HoldPage, IdentifierOfRecord, Kept,
    LegalBasis, LegalHold, NewHold, Processor, ProcessorRole, Purpose, RecordedConsent, RegisteredPurpose,
    RetentionAction, RetentionPage, RetentionRow, RetentionRule, RetentionRun, SuppressedIdentifier,
    SuppressionCause, SuppressionPage, SuppressionReason, Term, Transfer, consent, legal_hold, processor,
    purpose, retention_rule,
};
pub use privilege_requests::{PrivilegeChange, PrivilegeRequestPage, RequestedPrivileges};
pub use pruning::PrunedEntity;
pub use purging::PurgedEntity;
pub use query::{Answer, Question};
pub use read_policy::{ReadMode, ReadPolicy};
pub use reader::{Find, Listing, Page, Reader};
pub(crate) use reader::{GroupFigures, field_name};
pub use recent::{MAX_FAVOURITES, MAX_RECENT};
pub use record_hooks::{AfterCommit, Happening, HookPoint, MAX_HOOK_DEPTH, RecordHook, Transition};
pub(crate) use referring::ReferringCursor;
pub use rehearsal::{CostEstimate, RateBasis, SchemaPlan};
pub use relations::{LinkCursor, LinkFind, LinkPage, LinkedRecord, NewRelation, Unlinked};
pub use restore::{RestoreOptions, RestoreReport, restore};
pub(crate) use restore_sources::open_backup;
pub use restore_sources::{RestoreSource, restore_from};
pub use retype::{Retyped, Unconverted};
pub use rights::{
    FlagKind, NewRightsRequest, PrivacyFlag, PrivacyLaw, RequestChannel, RightsKind, RightsPage,
    RightsRecord, RightsRequest, RightsStatus, RightsStep, rights_request,
};
pub use rule_sight::Seen;
pub use salvage::salvage;
pub use saved_searches::{SavedSearch, SavedSearchRecord, saved_search};
pub use service_accounts::{KnownToken, ServiceToken};
pub use session::Session;
pub use sessions::OpenSession;
pub use settings::Settings;
pub use sharing::{MAX_SHARES, MAX_SHARES_OF_RECORD, NewShare, SharedWith};
pub use sharing_rules::{
    CriteriaRule, InheritanceSetting, MarkingProgress, NewInheritance, NewSharingRule, SharingRuleChange,
};
pub use signing::{CheckpointSigner, ED25519, Ed25519Key, SignatureOf};
pub use simulate::{AccessChange, AccessImpact};
pub use slow::{QueryKind, SlowQueries, SlowQuery, SlowThreshold};
pub use states::OpenStep;
pub use transaction::{Transaction, Upserted, WriteOptions};
pub use tree::{Tree, TreeNode};
pub use typed::{Draft, Ref, Row, TypedFind};
pub use views::{Audience, SavedView, View, ViewDefinition, view};
pub use watch::{RecordChange, RecordChanges};
