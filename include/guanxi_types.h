/**
 * Guanxi (关系): the values and status numbers that guanxi.h and guanxi_plugin.h share.
 *
 * What stands here is frozen once released.
 */

#ifndef GUANXI_TYPES_H
#define GUANXI_TYPES_H

/* Generated from the sources of the engine: do not edit. */

#include <stddef.h>
#include <stdint.h>


/**
 * Done as asked.
 */
#define GUANXI_OK 0

/**
 * There is a row to read.
 */
#define GUANXI_ROW 1

/**
 * There are no more rows.
 */
#define GUANXI_DONE 2

/**
 * `input.invalid_argument`: an argument is not acceptable
 */
#define GUANXI_ERR_INPUT_INVALID_ARGUMENT -101

/**
 * `input.null_argument`: a required pointer is null
 */
#define GUANXI_ERR_INPUT_NULL_ARGUMENT -102

/**
 * `input.invalid_handle`: a handle is not valid here
 */
#define GUANXI_ERR_INPUT_INVALID_HANDLE -103

/**
 * `input.invalid_utf8`: text is not valid UTF-8
 */
#define GUANXI_ERR_INPUT_INVALID_UTF8 -104

/**
 * `input.invalid_json`: the JSON text is malformed
 */
#define GUANXI_ERR_INPUT_INVALID_JSON -105

/**
 * `input.unknown_method`: there is no such method
 */
#define GUANXI_ERR_INPUT_UNKNOWN_METHOD -106

/**
 * `input.missing_parameter`: a required parameter is missing
 */
#define GUANXI_ERR_INPUT_MISSING_PARAMETER -107

/**
 * `input.unknown_parameter`: the method has no such parameter
 */
#define GUANXI_ERR_INPUT_UNKNOWN_PARAMETER -108

/**
 * `input.limit_exceeded`: a size is above its limit
 */
#define GUANXI_ERR_INPUT_LIMIT_EXCEEDED -109

/**
 * `input.invalid_id`: this is not a record id
 */
#define GUANXI_ERR_INPUT_INVALID_ID -110

/**
 * `input.invalid_filter`: the filter cannot be understood
 */
#define GUANXI_ERR_INPUT_INVALID_FILTER -111

/**
 * `input.invalid_cursor`: the page cursor does not belong to this query
 */
#define GUANXI_ERR_INPUT_INVALID_CURSOR -112

/**
 * `input.invalid_csv`: the CSV line cannot be read
 */
#define GUANXI_ERR_INPUT_INVALID_CSV -113

/**
 * `input.session_required`: the method needs a session
 */
#define GUANXI_ERR_INPUT_SESSION_REQUIRED -114

/**
 * `input.session_not_taken`: the method is called without a session
 */
#define GUANXI_ERR_INPUT_SESSION_NOT_TAKEN -115

/**
 * `input.invalid_configuration`: settings are unknown or do not take their values
 */
#define GUANXI_ERR_INPUT_INVALID_CONFIGURATION -116

/**
 * `input.ambiguous_date`: the day could be two days
 */
#define GUANXI_ERR_INPUT_AMBIGUOUS_DATE -117

/**
 * `storage.not_a_database`: this is not a Guanxi database
 */
#define GUANXI_ERR_STORAGE_NOT_A_DATABASE -201

/**
 * `storage.wrong_key`: the key does not open this database
 */
#define GUANXI_ERR_STORAGE_WRONG_KEY -202

/**
 * `storage.damaged`: stored bytes are damaged or were altered
 */
#define GUANXI_ERR_STORAGE_DAMAGED -203

/**
 * `storage.newer_format`: the database was written by a newer version
 */
#define GUANXI_ERR_STORAGE_NEWER_FORMAT -204

/**
 * `storage.locked`: another process has this database open
 */
#define GUANXI_ERR_STORAGE_LOCKED -205

/**
 * `storage.already_exists`: there is a database or file already
 */
#define GUANXI_ERR_STORAGE_ALREADY_EXISTS -206

/**
 * `storage.not_found`: there is no database at this path
 */
#define GUANXI_ERR_STORAGE_NOT_FOUND -207

/**
 * `storage.io`: the operating system refused to read or write
 */
#define GUANXI_ERR_STORAGE_IO -208

/**
 * `storage.stopped`: the database stopped after an earlier fault
 */
#define GUANXI_ERR_STORAGE_STOPPED -209

/**
 * `storage.busy`: the database is in use
 */
#define GUANXI_ERR_STORAGE_BUSY -210

/**
 * `storage.conflict`: another change came first
 */
#define GUANXI_ERR_STORAGE_CONFLICT -211

/**
 * `storage.backup_chain`: these backups do not make a whole chain
 */
#define GUANXI_ERR_STORAGE_BACKUP_CHAIN -212

/**
 * `storage.upgrade_needed`: the database has an older format
 */
#define GUANXI_ERR_STORAGE_UPGRADE_NEEDED -214

/**
 * `schema.unknown_entity`: there is no such entity
 */
#define GUANXI_ERR_SCHEMA_UNKNOWN_ENTITY -301

/**
 * `schema.unknown_field`: the entity has no such field
 */
#define GUANXI_ERR_SCHEMA_UNKNOWN_FIELD -302

/**
 * `schema.wrong_type`: the value has the wrong type
 */
#define GUANXI_ERR_SCHEMA_WRONG_TYPE -303

/**
 * `schema.required`: a required field is empty
 */
#define GUANXI_ERR_SCHEMA_REQUIRED -304

/**
 * `schema.not_unique`: another record has this value
 */
#define GUANXI_ERR_SCHEMA_NOT_UNIQUE -305

/**
 * `schema.not_in_value_set`: the value is not one of the field's codes
 */
#define GUANXI_ERR_SCHEMA_NOT_IN_VALUE_SET -306

/**
 * `schema.out_of_range`: the number is out of range
 */
#define GUANXI_ERR_SCHEMA_OUT_OF_RANGE -307

/**
 * `schema.unknown_currency`: ISO 4217 has no such currency
 */
#define GUANXI_ERR_SCHEMA_UNKNOWN_CURRENCY -308

/**
 * `schema.currency_mismatch`: amounts of different currencies do not add
 */
#define GUANXI_ERR_SCHEMA_CURRENCY_MISMATCH -309

/**
 * `schema.invalid_email`: this is not an e-mail address
 */
#define GUANXI_ERR_SCHEMA_INVALID_EMAIL -310

/**
 * `schema.duplicate_definition`: the name is taken
 */
#define GUANXI_ERR_SCHEMA_DUPLICATE_DEFINITION -311

/**
 * `schema.invalid_definition`: the definition is not acceptable
 */
#define GUANXI_ERR_SCHEMA_INVALID_DEFINITION -312

/**
 * `schema.read_only_field`: the field is kept by the engine
 */
#define GUANXI_ERR_SCHEMA_READ_ONLY_FIELD -313

/**
 * `schema.invalid_expression`: the expression is not right
 */
#define GUANXI_ERR_SCHEMA_INVALID_EXPRESSION -314

/**
 * `schema.rule_broken`: a rule of the entity refuses the record
 */
#define GUANXI_ERR_SCHEMA_RULE_BROKEN -315

/**
 * `schema.invalid_url`: this is not an absolute URL
 */
#define GUANXI_ERR_SCHEMA_INVALID_URL -321

/**
 * `schema.invalid_identifier`: the identifier is not right for its scheme
 */
#define GUANXI_ERR_SCHEMA_INVALID_IDENTIFIER -322

/**
 * `schema.code_not_allowed`: the code does not go with the other values
 */
#define GUANXI_ERR_SCHEMA_CODE_NOT_ALLOWED -323

/**
 * `schema.package_missing`: the package is not installed
 */
#define GUANXI_ERR_SCHEMA_PACKAGE_MISSING -324

/**
 * `schema.withdrawn`: the entity or field was withdrawn
 */
#define GUANXI_ERR_SCHEMA_WITHDRAWN -325

/**
 * `schema.transition_not_allowed`: this state does not follow on that one
 */
#define GUANXI_ERR_SCHEMA_TRANSITION_NOT_ALLOWED -326

/**
 * `schema.not_in_record_type`: the field does not belong to the record's type
 */
#define GUANXI_ERR_SCHEMA_NOT_IN_RECORD_TYPE -327

/**
 * `schema.module_off`: the module is switched off
 */
#define GUANXI_ERR_SCHEMA_MODULE_OFF -330

/**
 * `schema.module_required`: the module cannot be switched so
 */
#define GUANXI_ERR_SCHEMA_MODULE_REQUIRED -331

/**
 * `schema.unknown_module`: there is no such module
 */
#define GUANXI_ERR_SCHEMA_UNKNOWN_MODULE -332

/**
 * `schema.not_translatable`: the field has no translations
 */
#define GUANXI_ERR_SCHEMA_NOT_TRANSLATABLE -333

/**
 * `schema.invalid_period`: the record ends to be valid before it begins
 */
#define GUANXI_ERR_SCHEMA_INVALID_PERIOD -334

/**
 * `schema.key_fixed`: a fact keeps its key
 */
#define GUANXI_ERR_SCHEMA_KEY_FIXED -335

/**
 * `schema.phone_unparsed`: the phone number is kept as it was written
 */
#define GUANXI_ERR_SCHEMA_PHONE_UNPARSED -341

/**
 * `schema.unknown_value_set`: there is no such value set
 */
#define GUANXI_ERR_SCHEMA_UNKNOWN_VALUE_SET -342

/**
 * `record.not_found`: there is no such record for you
 */
#define GUANXI_ERR_RECORD_NOT_FOUND -401

/**
 * `record.version_conflict`: the record was changed meanwhile
 */
#define GUANXI_ERR_RECORD_VERSION_CONFLICT -402

/**
 * `record.reference_missing`: the referenced record does not exist
 */
#define GUANXI_ERR_RECORD_REFERENCE_MISSING -403

/**
 * `record.reference_ambiguous`: the reference matches more than one record
 */
#define GUANXI_ERR_RECORD_REFERENCE_AMBIGUOUS -404

/**
 * `record.referenced`: other records refer to this one
 */
#define GUANXI_ERR_RECORD_REFERENCED -405

/**
 * `record.idempotency_mismatch`: the idempotency key was used for another request
 */
#define GUANXI_ERR_RECORD_IDEMPOTENCY_MISMATCH -406

/**
 * `history.expired`: that is further back than history is told
 */
#define GUANXI_ERR_HISTORY_EXPIRED -407

/**
 * `record.tree_cycle`: a record cannot be above itself
 */
#define GUANXI_ERR_RECORD_TREE_CYCLE -408

/**
 * `record.locked`: the record is locked
 */
#define GUANXI_ERR_RECORD_LOCKED -409

/**
 * `record.validity_overlap`: another record says this of the same days
 */
#define GUANXI_ERR_RECORD_VALIDITY_OVERLAP -411

/**
 * `record.linked_already`: the record is linked to another one on the same days
 */
#define GUANXI_ERR_RECORD_LINKED_ALREADY -412

/**
 * `record.linked_to_itself`: a record is not linked to itself by this relation
 */
#define GUANXI_ERR_RECORD_LINKED_TO_ITSELF -413

/**
 * `record.purged`: the record is gone for good
 */
#define GUANXI_ERR_RECORD_PURGED -414

/**
 * `access.sign_in_failed`: name or password is wrong
 */
#define GUANXI_ERR_ACCESS_SIGN_IN_FAILED -501

/**
 * `access.not_permitted`: you may not do this
 */
#define GUANXI_ERR_ACCESS_NOT_PERMITTED -502

/**
 * `access.host_trust_required`: the host is not trusted to name its users
 */
#define GUANXI_ERR_ACCESS_HOST_TRUST_REQUIRED -503

/**
 * `access.session_ended`: the session has ended
 */
#define GUANXI_ERR_ACCESS_SESSION_ENDED -504

/**
 * `access.field_not_permitted`: you may not use this field
 */
#define GUANXI_ERR_ACCESS_FIELD_NOT_PERMITTED -505

/**
 * `access.weak_password`: the password is too short
 */
#define GUANXI_ERR_ACCESS_WEAK_PASSWORD -506

/**
 * `access.beyond_own_rights`: you may not give what you do not have yourself
 */
#define GUANXI_ERR_ACCESS_BEYOND_OWN_RIGHTS -507

/**
 * `access.sign_in_waits`: this name has to wait before it signs in again
 */
#define GUANXI_ERR_ACCESS_SIGN_IN_WAITS -508

/**
 * `access.password_expired`: the password has to be changed first
 */
#define GUANXI_ERR_ACCESS_PASSWORD_EXPIRED -509

/**
 * `access.password_reused`: this password was used before
 */
#define GUANXI_ERR_ACCESS_PASSWORD_REUSED -510

/**
 * `engine.cancelled`: the call was cancelled
 */
#define GUANXI_ERR_ENGINE_CANCELLED -601

/**
 * `engine.deadline_exceeded`: the call took longer than its deadline
 */
#define GUANXI_ERR_ENGINE_DEADLINE_EXCEEDED -602

/**
 * `engine.reentrant`: this thread is inside a transaction already
 */
#define GUANXI_ERR_ENGINE_REENTRANT -603

/**
 * `engine.wrong_thread`: the handle belongs to another thread
 */
#define GUANXI_ERR_ENGINE_WRONG_THREAD -604

/**
 * `engine.panic`: the engine met a fault of its own
 */
#define GUANXI_ERR_ENGINE_PANIC -605

/**
 * `engine.forked`: the database was opened before fork()
 */
#define GUANXI_ERR_ENGINE_FORKED -606

/**
 * `engine.nothing_matches`: nothing matches
 */
#define GUANXI_ERR_ENGINE_NOTHING_MATCHES -607

/**
 * `plugin.manifest`: the plugin's manifest cannot be used
 */
#define GUANXI_ERR_PLUGIN_MANIFEST -701

/**
 * `plugin.hash_mismatch`: the plugin's file is not the one that its manifest names
 */
#define GUANXI_ERR_PLUGIN_HASH_MISMATCH -702

/**
 * `plugin.abi_mismatch`: the plugin was built for another plugin interface
 */
#define GUANXI_ERR_PLUGIN_ABI_MISMATCH -703

/**
 * `plugin.wrong_target`: the plugin was built for another platform
 */
#define GUANXI_ERR_PLUGIN_WRONG_TARGET -704

/**
 * `plugin.entry`: the plugin has no usable entry function
 */
#define GUANXI_ERR_PLUGIN_ENTRY -705

/**
 * `plugin.fault`: the plugin failed
 */
#define GUANXI_ERR_PLUGIN_FAULT -706

/**
 * `plugin.rejected`: a plugin refused the value
 */
#define GUANXI_ERR_PLUGIN_REJECTED -707

/**
 * `plugin.conflict`: a plugin of this name is loaded already
 */
#define GUANXI_ERR_PLUGIN_CONFLICT -708

/**
 * `model.invalid_transition`: the record cannot take this step from its present state
 */
#define GUANXI_ERR_MODEL_INVALID_TRANSITION -801

/**
 * `model.reason_required`: this step needs a reason
 */
#define GUANXI_ERR_MODEL_REASON_REQUIRED -802

/**
 * `ledger.broken`: the ledger does not verify
 */
#define GUANXI_ERR_LEDGER_BROKEN -901

/**
 * `ledger.index_mismatch`: an index, counter or unique key does not follow from the records
 */
#define GUANXI_ERR_LEDGER_INDEX_MISMATCH -902

/**
 * `ledger.checkpoint_invalid`: a checkpoint of the ledger does not hold
 */
#define GUANXI_ERR_LEDGER_CHECKPOINT_INVALID -903

/**
 * `record.legal_hold`: the record is under a legal hold
 */
#define GUANXI_ERR_RECORD_LEGAL_HOLD -430

/**
 * `access.four_eyes`: this change needs a second person
 */
#define GUANXI_ERR_ACCESS_FOUR_EYES -531

/**
 * `access.request_closed`: the request is no longer open
 */
#define GUANXI_ERR_ACCESS_REQUEST_CLOSED -532

/**
 * `privacy.suppressed`: the person is on the list of those who must not come back unnoticed
 */
#define GUANXI_ERR_PRIVACY_SUPPRESSED -570

/**
 * `access.base_changed`: what the request rests on has changed
 */
#define GUANXI_ERR_ACCESS_BASE_CHANGED -533

/**
 * `time.still_due`: the work left the record as due as before
 */
#define GUANXI_ERR_TIME_STILL_DUE -640

/**
 * `time.lease_over`: the work is no longer this runner's
 */
#define GUANXI_ERR_TIME_LEASE_OVER -641

/**
 * `pool.claims`: no claims are left today
 */
#define GUANXI_ERR_POOL_CLAIMS -650

/**
 * `pool.capacity`: the person holds as many records of the pool as one may
 */
#define GUANXI_ERR_POOL_CAPACITY -651

/**
 * `pool.cool_down`: who had the record lately does not claim it again yet
 */
#define GUANXI_ERR_POOL_COOL_DOWN -652

/**
 * `pool.protection`: the record cannot be protected so
 */
#define GUANXI_ERR_POOL_PROTECTION -653

/**
 * `pool.views`: no more records of the pool are opened today
 */
#define GUANXI_ERR_POOL_VIEWS -715

/**
 * `model.ambiguous_match`: several records match, and none was chosen
 */
#define GUANXI_ERR_MODEL_AMBIGUOUS_MATCH -660

/**
 * `model.exit_criteria`: the deal does not leave its stage yet
 */
#define GUANXI_ERR_MODEL_EXIT_CRITERIA -670

/**
 * `assignment.no_rule`: no assignment rule gives the record away
 */
#define GUANXI_ERR_ASSIGNMENT_NO_RULE -680

/**
 * `assignment.nobody`: nobody is there to whom the record could be given
 */
#define GUANXI_ERR_ASSIGNMENT_NOBODY -681

/**
 * `model.team_shares`: the shares of the team are not the whole
 */
#define GUANXI_ERR_MODEL_TEAM_SHARES -682

/**
 * `model.stage_of_another_pipeline`: the stage is one of another pipeline
 */
#define GUANXI_ERR_MODEL_STAGE_OF_ANOTHER_PIPELINE -710

/**
 * `model.pipeline_inactive`: the pipeline takes no new deals
 */
#define GUANXI_ERR_MODEL_PIPELINE_INACTIVE -711

/**
 * `model.pipeline_incomplete`: the pipeline lacks a stage
 */
#define GUANXI_ERR_MODEL_PIPELINE_INCOMPLETE -712

/**
 * `model.pipeline_adopting`: another pipeline does not become the default one yet
 */
#define GUANXI_ERR_MODEL_PIPELINE_ADOPTING -713

/**
 * `model.not_closed`: the deal is not closed
 */
#define GUANXI_ERR_MODEL_NOT_CLOSED -714

/**
 * `guide.unknown`: there is no such guide, or no such step of it
 */
#define GUANXI_ERR_GUIDE_UNKNOWN -740

/**
 * `guide.step_open`: the step is not done yet
 */
#define GUANXI_ERR_GUIDE_STEP_OPEN -741

/**
 * `backup.running`: a backup is being written into the folder
 */
#define GUANXI_ERR_BACKUP_RUNNING -742

/**
 * `plugin.not_admitted`: the plugin does not act on its own account
 */
#define GUANXI_ERR_PLUGIN_NOT_ADMITTED -540

/**
 * `plugin.signature`: the plugin's signature does not hold
 */
#define GUANXI_ERR_PLUGIN_SIGNATURE -610

/**
 * `plugin.key_unknown`: the plugin is signed with a key that this host does not trust
 */
#define GUANXI_ERR_PLUGIN_KEY_UNKNOWN -611

/**
 * `plugin.key_revoked`: the plugin is signed with a key that was revoked
 */
#define GUANXI_ERR_PLUGIN_KEY_REVOKED -612

/**
 * `plugin.key_expired`: the plugin is signed with a key that is not in force
 */
#define GUANXI_ERR_PLUGIN_KEY_EXPIRED -613

/**
 * `plugin.revoked`: this version of the plugin was revoked
 */
#define GUANXI_ERR_PLUGIN_REVOKED -614

/**
 * `plugin.downgrade`: a newer version of the plugin was loaded into this database before
 */
#define GUANXI_ERR_PLUGIN_DOWNGRADE -615

/**
 * `plugin.requires`: the plugin needs something that is not there
 */
#define GUANXI_ERR_PLUGIN_REQUIRES -616

/**
 * `plugin.excludes`: the plugin does not go together with another one
 */
#define GUANXI_ERR_PLUGIN_EXCLUDES -617

/**
 * `plugin.capability`: the plugin asks for more than this host grants
 */
#define GUANXI_ERR_PLUGIN_CAPABILITY -618

/**
 * `plugin.path`: the plugin's file is not safe from others
 */
#define GUANXI_ERR_PLUGIN_PATH -619

/**
 * `plugin.too_large`: the plugin's file is too large
 */
#define GUANXI_ERR_PLUGIN_TOO_LARGE -620

/**
 * `plugin.quarantined`: the plugin is in quarantine
 */
#define GUANXI_ERR_PLUGIN_QUARANTINED -621

/**
 * `plugin.crashed`: the process ended inside of the plugin the last time
 */
#define GUANXI_ERR_PLUGIN_CRASHED -622

/**
 * `plugin.required`: nothing is written here without a plugin that is not loaded
 */
#define GUANXI_ERR_PLUGIN_REQUIRED -623

/**
 * `plugin.too_deep`: hooks wrote too deep within hooks
 */
#define GUANXI_ERR_PLUGIN_TOO_DEEP -624

/**
 * `plugin.migration_needed`: the plugin has to bring its data to a newer form first
 */
#define GUANXI_ERR_PLUGIN_MIGRATION_NEEDED -625

/**
 * `plugin.catalogue`: the catalogue of plugins cannot be used
 */
#define GUANXI_ERR_PLUGIN_CATALOGUE -626

/**
 * `plugin.archive`: the plugin's package is no package
 */
#define GUANXI_ERR_PLUGIN_ARCHIVE -627

/**
 * Bit of guanxi_decimal::scale_and_sign that makes the number negative.
 */
#define GUANXI_DECIMAL_NEGATIVE 128

/**
 * Bits of guanxi_decimal::scale_and_sign that hold the scale.
 */
#define GUANXI_DECIMAL_SCALE 127

/**
 * The kind of a guanxi_value: one of the `GUANXI_VALUE_*` numbers. Since 1.0.
 */
typedef uint32_t guanxi_value_kind;

/**
 * What a call says of its outcome: 0 is success, above 0 is success with something to tell, below 0
 * is an error. A number that is not known here counts by its sign. Numbers never change. Since 1.0.
 */
typedef int32_t guanxi_status;

/**
 * UTF-8 text or bytes by address and length in bytes; not terminated by zero. Since 1.0.
 *
 * `data` may be null when `length` is 0. Whoever made the text owns it: as an argument it is
 * borrowed until the call returns, as a result for as long as the function that gave it says.
 * 16 bytes on 64-bit platforms, 8 on 32-bit ones. Readable on any thread while it lives.
 */
typedef struct guanxi_str {
  /**
   * First byte.
   */
  const char *data;
  /**
   * Length in bytes.
   */
  size_t length;
} guanxi_str;

/**
 * An exact decimal, with a currency if it is money: `±(high·2^64 + low) · 10^-scale`. Since 1.0.
 *
 * 16 bytes on every platform, and it holds nothing but numbers, so it may be copied freely. A scale
 * above 18, a currency that ISO 4217 does not list in a value of kind MONEY, or a currency other
 * than zeros in one of kind DECIMAL is refused as an argument.
 */
typedef struct guanxi_decimal {
  /**
   * Bits 0 to 63 of the mantissa.
   */
  uint64_t low;
  /**
   * Bits 64 to 95 of the mantissa.
   */
  uint32_t high;
  /**
   * Bit 7: negative. Bits 0 to 6: digits after the point, 0 to 18.
   */
  uint8_t scale_and_sign;
  /**
   * The three letters of an ISO 4217 code such as `CNY`, or three zero bytes.
   */
  uint8_t currency[3];
} guanxi_decimal;

/**
 * The content of a guanxi_value; which member counts follows from the kind. Since 1.0.
 */
typedef union guanxi_value_content {
  /**
   * BOOL, INT, DATE, DATETIME, TIME and DURATION.
   */
  int64_t integer;
  /**
   * REAL, which is reserved.
   */
  double real;
  /**
   * TEXT, BYTES and JSON.
   */
  struct guanxi_str text;
  /**
   * DECIMAL and MONEY.
   */
  struct guanxi_decimal decimal;
  /**
   * ID.
   */
  uint8_t id[16];
} guanxi_value_content;

/**
 * One value of one field. Since 1.0; its 24 bytes are frozen.
 *
 * The content lies at offset 8 everywhere; the whole is aligned to 8 bytes, and on i386, whose C
 * aligns 64-bit numbers to 4, to 4. A value owns nothing: text in it is a guanxi_str and is
 * borrowed by that type's rule. It may be copied and read on any thread while its text lives.
 */
typedef struct guanxi_value {
  /**
   * Which kind of value this is: one of the `GUANXI_VALUE_*` numbers.
   */
  guanxi_value_kind kind;
  /**
   * Zero. Whoever writes a value writes 0 here, and whoever reads one ignores it.
   */
  uint32_t flags;
  /**
   * The content.
   */
  union guanxi_value_content content;
} guanxi_value;

/**
 * No value. The content is ignored.
 */
#define GUANXI_VALUE_NULL 0

/**
 * True or false: `integer` is 1 or 0.
 */
#define GUANXI_VALUE_BOOL 1

/**
 * A whole number, in `integer`.
 */
#define GUANXI_VALUE_INT 2

/**
 * An exact decimal, in `decimal`, with a currency of three zero bytes.
 */
#define GUANXI_VALUE_DECIMAL 3

/**
 * An amount with its currency, in `decimal`.
 */
#define GUANXI_VALUE_MONEY 4

/**
 * UTF-8 text, the code of an enum, a phone number in E.164 or an e-mail address, in `text`.
 */
#define GUANXI_VALUE_TEXT 5

/**
 * A day of the Gregorian calendar, in `integer` as days since 1970-01-01.
 */
#define GUANXI_VALUE_DATE 6

/**
 * A moment, in `integer` as microseconds since 1970-01-01T00:00:00 UTC, without leap seconds.
 */
#define GUANXI_VALUE_DATETIME 7

/**
 * A record, in `id` as the 16 bytes of its UUID in network order (RFC 9562).
 */
#define GUANXI_VALUE_ID 8

/**
 * Bytes of any kind, in `text`.
 */
#define GUANXI_VALUE_BYTES 9

/**
 * A JSON document (RFC 8259) in UTF-8, in `text`.
 */
#define GUANXI_VALUE_JSON 10

/**
 * Reserved for a binary floating-point number, in `real`. Nothing gives or takes it today; money
 * and quantities are decimals.
 */
#define GUANXI_VALUE_REAL 11

/**
 * A time of day, in `integer` as microseconds since midnight.
 */
#define GUANXI_VALUE_TIME 12

/**
 * A length of time, in `integer` as microseconds.
 */
#define GUANXI_VALUE_DURATION 13

#endif  /* GUANXI_TYPES_H */
