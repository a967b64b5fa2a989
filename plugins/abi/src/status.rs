//! The status numbers of the C interface, one for each code of the engine's error catalogue.
//!
//! Derived from `core/src/base/catalogue.rs`: an error's status is its number negated, its name its key
//! in capitals. A test compares the two; refresh this file with
//! `GUANXI_BLESS=1 cargo test -p guanxi-tests --test format`.
#![expect(non_camel_case_types, reason = "these are C types, and the header is generated from their names")]

/// What a call says of its outcome: 0 is success, above 0 is success with something to tell, below 0
/// is an error. A number that is not known here counts by its sign. Numbers never change. Since 1.0.
pub type guanxi_status = i32;

/// Done as asked.
pub const GUANXI_OK: i32 = 0;
/// There is a row to read.
pub const GUANXI_ROW: i32 = 1;
/// There are no more rows.
pub const GUANXI_DONE: i32 = 2;

/// `input.invalid_argument`: an argument is not acceptable
pub const GUANXI_ERR_INPUT_INVALID_ARGUMENT: i32 = -101;
/// `input.null_argument`: a required pointer is null
pub const GUANXI_ERR_INPUT_NULL_ARGUMENT: i32 = -102;
/// `input.invalid_handle`: a handle is not valid here
pub const GUANXI_ERR_INPUT_INVALID_HANDLE: i32 = -103;
/// `input.invalid_utf8`: text is not valid UTF-8
pub const GUANXI_ERR_INPUT_INVALID_UTF8: i32 = -104;
/// `input.invalid_json`: the JSON text is malformed
pub const GUANXI_ERR_INPUT_INVALID_JSON: i32 = -105;
/// `input.unknown_method`: there is no such method
pub const GUANXI_ERR_INPUT_UNKNOWN_METHOD: i32 = -106;
/// `input.missing_parameter`: a required parameter is missing
pub const GUANXI_ERR_INPUT_MISSING_PARAMETER: i32 = -107;
/// `input.unknown_parameter`: the method has no such parameter
pub const GUANXI_ERR_INPUT_UNKNOWN_PARAMETER: i32 = -108;
/// `input.limit_exceeded`: a size is above its limit
pub const GUANXI_ERR_INPUT_LIMIT_EXCEEDED: i32 = -109;
/// `input.invalid_id`: this is not a record id
pub const GUANXI_ERR_INPUT_INVALID_ID: i32 = -110;
/// `input.invalid_filter`: the filter cannot be understood
pub const GUANXI_ERR_INPUT_INVALID_FILTER: i32 = -111;
/// `input.invalid_cursor`: the page cursor does not belong to this query
pub const GUANXI_ERR_INPUT_INVALID_CURSOR: i32 = -112;
/// `input.invalid_csv`: the CSV line cannot be read
pub const GUANXI_ERR_INPUT_INVALID_CSV: i32 = -113;
/// `input.session_required`: the method needs a session
pub const GUANXI_ERR_INPUT_SESSION_REQUIRED: i32 = -114;
/// `input.session_not_taken`: the method is called without a session
pub const GUANXI_ERR_INPUT_SESSION_NOT_TAKEN: i32 = -115;
/// `input.invalid_configuration`: settings are unknown or do not take their values
pub const GUANXI_ERR_INPUT_INVALID_CONFIGURATION: i32 = -116;
/// `input.ambiguous_date`: the day could be two days
pub const GUANXI_ERR_INPUT_AMBIGUOUS_DATE: i32 = -117;
/// `storage.not_a_database`: this is not a Guanxi database
pub const GUANXI_ERR_STORAGE_NOT_A_DATABASE: i32 = -201;
/// `storage.wrong_key`: the key does not open this database
pub const GUANXI_ERR_STORAGE_WRONG_KEY: i32 = -202;
/// `storage.damaged`: stored bytes are damaged or were altered
pub const GUANXI_ERR_STORAGE_DAMAGED: i32 = -203;
/// `storage.newer_format`: the database was written by a newer version
pub const GUANXI_ERR_STORAGE_NEWER_FORMAT: i32 = -204;
/// `storage.locked`: another process has this database open
pub const GUANXI_ERR_STORAGE_LOCKED: i32 = -205;
/// `storage.already_exists`: there is a database or file already
pub const GUANXI_ERR_STORAGE_ALREADY_EXISTS: i32 = -206;
/// `storage.not_found`: there is no database at this path
pub const GUANXI_ERR_STORAGE_NOT_FOUND: i32 = -207;
/// `storage.io`: the operating system refused to read or write
pub const GUANXI_ERR_STORAGE_IO: i32 = -208;
/// `storage.stopped`: the database stopped after an earlier fault
pub const GUANXI_ERR_STORAGE_STOPPED: i32 = -209;
/// `storage.busy`: the database is in use
pub const GUANXI_ERR_STORAGE_BUSY: i32 = -210;
/// `storage.conflict`: another change came first
pub const GUANXI_ERR_STORAGE_CONFLICT: i32 = -211;
/// `storage.backup_chain`: these backups do not make a whole chain
pub const GUANXI_ERR_STORAGE_BACKUP_CHAIN: i32 = -212;
/// `storage.upgrade_needed`: the database has an older format
pub const GUANXI_ERR_STORAGE_UPGRADE_NEEDED: i32 = -214;
/// `schema.unknown_entity`: there is no such entity
pub const GUANXI_ERR_SCHEMA_UNKNOWN_ENTITY: i32 = -301;
/// `schema.unknown_field`: the entity has no such field
pub const GUANXI_ERR_SCHEMA_UNKNOWN_FIELD: i32 = -302;
/// `schema.wrong_type`: the value has the wrong type
pub const GUANXI_ERR_SCHEMA_WRONG_TYPE: i32 = -303;
/// `schema.required`: a required field is empty
pub const GUANXI_ERR_SCHEMA_REQUIRED: i32 = -304;
/// `schema.not_unique`: another record has this value
pub const GUANXI_ERR_SCHEMA_NOT_UNIQUE: i32 = -305;
/// `schema.not_in_value_set`: the value is not one of the field's codes
pub const GUANXI_ERR_SCHEMA_NOT_IN_VALUE_SET: i32 = -306;
/// `schema.out_of_range`: the number is out of range
pub const GUANXI_ERR_SCHEMA_OUT_OF_RANGE: i32 = -307;
/// `schema.unknown_currency`: ISO 4217 has no such currency
pub const GUANXI_ERR_SCHEMA_UNKNOWN_CURRENCY: i32 = -308;
/// `schema.currency_mismatch`: amounts of different currencies do not add
pub const GUANXI_ERR_SCHEMA_CURRENCY_MISMATCH: i32 = -309;
/// `schema.invalid_email`: this is not an e-mail address
pub const GUANXI_ERR_SCHEMA_INVALID_EMAIL: i32 = -310;
/// `schema.duplicate_definition`: the name is taken
pub const GUANXI_ERR_SCHEMA_DUPLICATE_DEFINITION: i32 = -311;
/// `schema.invalid_definition`: the definition is not acceptable
pub const GUANXI_ERR_SCHEMA_INVALID_DEFINITION: i32 = -312;
/// `schema.read_only_field`: the field is kept by the engine
pub const GUANXI_ERR_SCHEMA_READ_ONLY_FIELD: i32 = -313;
/// `schema.invalid_expression`: the expression is not right
pub const GUANXI_ERR_SCHEMA_INVALID_EXPRESSION: i32 = -314;
/// `schema.rule_broken`: a rule of the entity refuses the record
pub const GUANXI_ERR_SCHEMA_RULE_BROKEN: i32 = -315;
/// `schema.invalid_url`: this is not an absolute URL
pub const GUANXI_ERR_SCHEMA_INVALID_URL: i32 = -321;
/// `schema.invalid_identifier`: the identifier is not right for its scheme
pub const GUANXI_ERR_SCHEMA_INVALID_IDENTIFIER: i32 = -322;
/// `schema.code_not_allowed`: the code does not go with the other values
pub const GUANXI_ERR_SCHEMA_CODE_NOT_ALLOWED: i32 = -323;
/// `schema.package_missing`: the package is not installed
pub const GUANXI_ERR_SCHEMA_PACKAGE_MISSING: i32 = -324;
/// `schema.withdrawn`: the entity or field was withdrawn
pub const GUANXI_ERR_SCHEMA_WITHDRAWN: i32 = -325;
/// `schema.transition_not_allowed`: this state does not follow on that one
pub const GUANXI_ERR_SCHEMA_TRANSITION_NOT_ALLOWED: i32 = -326;
/// `schema.not_in_record_type`: the field does not belong to the record's type
pub const GUANXI_ERR_SCHEMA_NOT_IN_RECORD_TYPE: i32 = -327;
/// `schema.module_off`: the module is switched off
pub const GUANXI_ERR_SCHEMA_MODULE_OFF: i32 = -330;
/// `schema.module_required`: the module cannot be switched so
pub const GUANXI_ERR_SCHEMA_MODULE_REQUIRED: i32 = -331;
/// `schema.unknown_module`: there is no such module
pub const GUANXI_ERR_SCHEMA_UNKNOWN_MODULE: i32 = -332;
/// `schema.not_translatable`: the field has no translations
pub const GUANXI_ERR_SCHEMA_NOT_TRANSLATABLE: i32 = -333;
/// `schema.invalid_period`: the record ends to be valid before it begins
pub const GUANXI_ERR_SCHEMA_INVALID_PERIOD: i32 = -334;
/// `schema.key_fixed`: a fact keeps its key
pub const GUANXI_ERR_SCHEMA_KEY_FIXED: i32 = -335;
/// `schema.phone_unparsed`: the phone number is kept as it was written
pub const GUANXI_ERR_SCHEMA_PHONE_UNPARSED: i32 = -341;
/// `schema.unknown_value_set`: there is no such value set
pub const GUANXI_ERR_SCHEMA_UNKNOWN_VALUE_SET: i32 = -342;
/// `record.not_found`: there is no such record for you
pub const GUANXI_ERR_RECORD_NOT_FOUND: i32 = -401;
/// `record.version_conflict`: the record was changed meanwhile
pub const GUANXI_ERR_RECORD_VERSION_CONFLICT: i32 = -402;
/// `record.reference_missing`: the referenced record does not exist
pub const GUANXI_ERR_RECORD_REFERENCE_MISSING: i32 = -403;
/// `record.reference_ambiguous`: the reference matches more than one record
pub const GUANXI_ERR_RECORD_REFERENCE_AMBIGUOUS: i32 = -404;
/// `record.referenced`: other records refer to this one
pub const GUANXI_ERR_RECORD_REFERENCED: i32 = -405;
/// `record.idempotency_mismatch`: the idempotency key was used for another request
pub const GUANXI_ERR_RECORD_IDEMPOTENCY_MISMATCH: i32 = -406;
/// `history.expired`: that is further back than history is told
pub const GUANXI_ERR_HISTORY_EXPIRED: i32 = -407;
/// `record.tree_cycle`: a record cannot be above itself
pub const GUANXI_ERR_RECORD_TREE_CYCLE: i32 = -408;
/// `record.locked`: the record is locked
pub const GUANXI_ERR_RECORD_LOCKED: i32 = -409;
/// `record.validity_overlap`: another record says this of the same days
pub const GUANXI_ERR_RECORD_VALIDITY_OVERLAP: i32 = -411;
/// `record.linked_already`: the record is linked to another one on the same days
pub const GUANXI_ERR_RECORD_LINKED_ALREADY: i32 = -412;
/// `record.linked_to_itself`: a record is not linked to itself by this relation
pub const GUANXI_ERR_RECORD_LINKED_TO_ITSELF: i32 = -413;
/// `record.purged`: the record is gone for good
pub const GUANXI_ERR_RECORD_PURGED: i32 = -414;
/// `access.sign_in_failed`: name or password is wrong
pub const GUANXI_ERR_ACCESS_SIGN_IN_FAILED: i32 = -501;
/// `access.not_permitted`: you may not do this
pub const GUANXI_ERR_ACCESS_NOT_PERMITTED: i32 = -502;
/// `access.host_trust_required`: the host is not trusted to name its users
pub const GUANXI_ERR_ACCESS_HOST_TRUST_REQUIRED: i32 = -503;
/// `access.session_ended`: the session has ended
pub const GUANXI_ERR_ACCESS_SESSION_ENDED: i32 = -504;
/// `access.field_not_permitted`: you may not use this field
pub const GUANXI_ERR_ACCESS_FIELD_NOT_PERMITTED: i32 = -505;
/// `access.weak_password`: the password is too short
pub const GUANXI_ERR_ACCESS_WEAK_PASSWORD: i32 = -506;
/// `access.beyond_own_rights`: you may not give what you do not have yourself
pub const GUANXI_ERR_ACCESS_BEYOND_OWN_RIGHTS: i32 = -507;
/// `access.sign_in_waits`: this name has to wait before it signs in again
pub const GUANXI_ERR_ACCESS_SIGN_IN_WAITS: i32 = -508;
/// `access.password_expired`: the password has to be changed first
pub const GUANXI_ERR_ACCESS_PASSWORD_EXPIRED: i32 = -509;
/// `access.password_reused`: this password was used before
pub const GUANXI_ERR_ACCESS_PASSWORD_REUSED: i32 = -510;
/// `engine.cancelled`: the call was cancelled
pub const GUANXI_ERR_ENGINE_CANCELLED: i32 = -601;
/// `engine.deadline_exceeded`: the call took longer than its deadline
pub const GUANXI_ERR_ENGINE_DEADLINE_EXCEEDED: i32 = -602;
/// `engine.reentrant`: this thread is inside a transaction already
pub const GUANXI_ERR_ENGINE_REENTRANT: i32 = -603;
/// `engine.wrong_thread`: the handle belongs to another thread
pub const GUANXI_ERR_ENGINE_WRONG_THREAD: i32 = -604;
/// `engine.panic`: the engine met a fault of its own
pub const GUANXI_ERR_ENGINE_PANIC: i32 = -605;
/// `engine.forked`: the database was opened before fork()
pub const GUANXI_ERR_ENGINE_FORKED: i32 = -606;
/// `engine.nothing_matches`: nothing matches
pub const GUANXI_ERR_ENGINE_NOTHING_MATCHES: i32 = -607;
/// `plugin.manifest`: the plugin's manifest cannot be used
pub const GUANXI_ERR_PLUGIN_MANIFEST: i32 = -701;
/// `plugin.hash_mismatch`: the plugin's file is not the one that its manifest names
pub const GUANXI_ERR_PLUGIN_HASH_MISMATCH: i32 = -702;
/// `plugin.abi_mismatch`: the plugin was built for another plugin interface
pub const GUANXI_ERR_PLUGIN_ABI_MISMATCH: i32 = -703;
/// `plugin.wrong_target`: the plugin was built for another platform
pub const GUANXI_ERR_PLUGIN_WRONG_TARGET: i32 = -704;
/// `plugin.entry`: the plugin has no usable entry function
pub const GUANXI_ERR_PLUGIN_ENTRY: i32 = -705;
/// `plugin.fault`: the plugin failed
pub const GUANXI_ERR_PLUGIN_FAULT: i32 = -706;
/// `plugin.rejected`: a plugin refused the value
pub const GUANXI_ERR_PLUGIN_REJECTED: i32 = -707;
/// `plugin.conflict`: a plugin of this name is loaded already
pub const GUANXI_ERR_PLUGIN_CONFLICT: i32 = -708;
/// `model.invalid_transition`: the record cannot take this step from its present state
pub const GUANXI_ERR_MODEL_INVALID_TRANSITION: i32 = -801;
/// `model.reason_required`: this step needs a reason
pub const GUANXI_ERR_MODEL_REASON_REQUIRED: i32 = -802;
/// `ledger.broken`: the ledger does not verify
pub const GUANXI_ERR_LEDGER_BROKEN: i32 = -901;
/// `ledger.index_mismatch`: an index, counter or unique key does not follow from the records
pub const GUANXI_ERR_LEDGER_INDEX_MISMATCH: i32 = -902;
/// `ledger.checkpoint_invalid`: a checkpoint of the ledger does not hold
pub const GUANXI_ERR_LEDGER_CHECKPOINT_INVALID: i32 = -903;
/// `record.legal_hold`: the record is under a legal hold
pub const GUANXI_ERR_RECORD_LEGAL_HOLD: i32 = -430;
/// `access.four_eyes`: this change needs a second person
pub const GUANXI_ERR_ACCESS_FOUR_EYES: i32 = -531;
/// `access.request_closed`: the request is no longer open
pub const GUANXI_ERR_ACCESS_REQUEST_CLOSED: i32 = -532;
/// `privacy.suppressed`: the person is on the list of those who must not come back unnoticed
pub const GUANXI_ERR_PRIVACY_SUPPRESSED: i32 = -570;
/// `access.base_changed`: what the request rests on has changed
pub const GUANXI_ERR_ACCESS_BASE_CHANGED: i32 = -533;
/// `time.still_due`: the work left the record as due as before
pub const GUANXI_ERR_TIME_STILL_DUE: i32 = -640;
/// `time.lease_over`: the work is no longer this runner's
pub const GUANXI_ERR_TIME_LEASE_OVER: i32 = -641;
/// `pool.claims`: no claims are left today
pub const GUANXI_ERR_POOL_CLAIMS: i32 = -650;
/// `pool.capacity`: the person holds as many records of the pool as one may
pub const GUANXI_ERR_POOL_CAPACITY: i32 = -651;
/// `pool.cool_down`: who had the record lately does not claim it again yet
pub const GUANXI_ERR_POOL_COOL_DOWN: i32 = -652;
/// `pool.protection`: the record cannot be protected so
pub const GUANXI_ERR_POOL_PROTECTION: i32 = -653;
/// `pool.views`: no more records of the pool are opened today
pub const GUANXI_ERR_POOL_VIEWS: i32 = -715;
/// `model.ambiguous_match`: several records match, and none was chosen
pub const GUANXI_ERR_MODEL_AMBIGUOUS_MATCH: i32 = -660;
/// `model.exit_criteria`: the deal does not leave its stage yet
pub const GUANXI_ERR_MODEL_EXIT_CRITERIA: i32 = -670;
/// `assignment.no_rule`: no assignment rule gives the record away
pub const GUANXI_ERR_ASSIGNMENT_NO_RULE: i32 = -680;
/// `assignment.nobody`: nobody is there to whom the record could be given
pub const GUANXI_ERR_ASSIGNMENT_NOBODY: i32 = -681;
/// `model.team_shares`: the shares of the team are not the whole
pub const GUANXI_ERR_MODEL_TEAM_SHARES: i32 = -682;
/// `model.stage_of_another_pipeline`: the stage is one of another pipeline
pub const GUANXI_ERR_MODEL_STAGE_OF_ANOTHER_PIPELINE: i32 = -710;
/// `model.pipeline_inactive`: the pipeline takes no new deals
pub const GUANXI_ERR_MODEL_PIPELINE_INACTIVE: i32 = -711;
/// `model.pipeline_incomplete`: the pipeline lacks a stage
pub const GUANXI_ERR_MODEL_PIPELINE_INCOMPLETE: i32 = -712;
/// `model.pipeline_adopting`: another pipeline does not become the default one yet
pub const GUANXI_ERR_MODEL_PIPELINE_ADOPTING: i32 = -713;
/// `model.not_closed`: the deal is not closed
pub const GUANXI_ERR_MODEL_NOT_CLOSED: i32 = -714;
/// `guide.unknown`: there is no such guide, or no such step of it
pub const GUANXI_ERR_GUIDE_UNKNOWN: i32 = -740;
/// `guide.step_open`: the step is not done yet
pub const GUANXI_ERR_GUIDE_STEP_OPEN: i32 = -741;
/// `backup.running`: a backup is being written into the folder
pub const GUANXI_ERR_BACKUP_RUNNING: i32 = -742;
/// `plugin.not_admitted`: the plugin does not act on its own account
pub const GUANXI_ERR_PLUGIN_NOT_ADMITTED: i32 = -540;
/// `plugin.signature`: the plugin's signature does not hold
pub const GUANXI_ERR_PLUGIN_SIGNATURE: i32 = -610;
/// `plugin.key_unknown`: the plugin is signed with a key that this host does not trust
pub const GUANXI_ERR_PLUGIN_KEY_UNKNOWN: i32 = -611;
/// `plugin.key_revoked`: the plugin is signed with a key that was revoked
pub const GUANXI_ERR_PLUGIN_KEY_REVOKED: i32 = -612;
/// `plugin.key_expired`: the plugin is signed with a key that is not in force
pub const GUANXI_ERR_PLUGIN_KEY_EXPIRED: i32 = -613;
/// `plugin.revoked`: this version of the plugin was revoked
pub const GUANXI_ERR_PLUGIN_REVOKED: i32 = -614;
/// `plugin.downgrade`: a newer version of the plugin was loaded into this database before
pub const GUANXI_ERR_PLUGIN_DOWNGRADE: i32 = -615;
/// `plugin.requires`: the plugin needs something that is not there
pub const GUANXI_ERR_PLUGIN_REQUIRES: i32 = -616;
/// `plugin.excludes`: the plugin does not go together with another one
pub const GUANXI_ERR_PLUGIN_EXCLUDES: i32 = -617;
/// `plugin.capability`: the plugin asks for more than this host grants
pub const GUANXI_ERR_PLUGIN_CAPABILITY: i32 = -618;
/// `plugin.path`: the plugin's file is not safe from others
pub const GUANXI_ERR_PLUGIN_PATH: i32 = -619;
/// `plugin.too_large`: the plugin's file is too large
pub const GUANXI_ERR_PLUGIN_TOO_LARGE: i32 = -620;
/// `plugin.quarantined`: the plugin is in quarantine
pub const GUANXI_ERR_PLUGIN_QUARANTINED: i32 = -621;
/// `plugin.crashed`: the process ended inside of the plugin the last time
pub const GUANXI_ERR_PLUGIN_CRASHED: i32 = -622;
/// `plugin.required`: nothing is written here without a plugin that is not loaded
pub const GUANXI_ERR_PLUGIN_REQUIRED: i32 = -623;
/// `plugin.too_deep`: hooks wrote too deep within hooks
pub const GUANXI_ERR_PLUGIN_TOO_DEEP: i32 = -624;
/// `plugin.migration_needed`: the plugin has to bring its data to a newer form first
pub const GUANXI_ERR_PLUGIN_MIGRATION_NEEDED: i32 = -625;
/// `plugin.catalogue`: the catalogue of plugins cannot be used
pub const GUANXI_ERR_PLUGIN_CATALOGUE: i32 = -626;
/// `plugin.archive`: the plugin's package is no package
pub const GUANXI_ERR_PLUGIN_ARCHIVE: i32 = -627;
