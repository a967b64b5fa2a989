/**
 * Guanxi (关系): the interface for native plugins, version 1.
 *
 * Structures begin with their size and only ever grow at the end. Errors are returned: nothing may
 * unwind, throw or longjmp across a call in either direction. Nobody frees what the other allocated.
 * A plugin is never unloaded.
 */

#ifndef GUANXI_PLUGIN_H
#define GUANXI_PLUGIN_H

/* Generated from the sources of the engine: do not edit. */

#include <stddef.h>
#include <stdint.h>
#include "guanxi_types.h"

/**
 * Name of the one symbol that a plugin exports; its type is guanxi_plugin_entry. Since 1.0.
 */
#define GUANXI_PLUGIN_ENTRY_SYMBOL "guanxi_plugin_entry_v1"

#if defined(_WIN32)
#define GUANXI_PLUGIN_EXPORT __declspec(dllexport)
#else
#define GUANXI_PLUGIN_EXPORT __attribute__((visibility("default")))
#endif

/**
 * Major version of the plugin interface. A plugin of another major version is refused. Since 1.0.
 */
#define GUANXI_PLUGIN_ABI_MAJOR 1

/**
 * Minor version of the plugin interface that these declarations describe. A plugin names the lowest
 * one it needs; a host with a lower one refuses it. Since 1.0.
 */
#define GUANXI_PLUGIN_ABI_MINOR 4

/**
 * Hook point: before a new or changed record is checked against its schema and written. Since 1.0.
 *
 * The transaction is open; the hook may read and set fields of this record, warn, and refuse it.
 * It may run again for the same save when the transaction is repeated, so it must have no effect
 * outside of the record.
 */
#define GUANXI_HOOK_BEFORE_SAVE 1

/**
 * Hook point: a new or changed record is stored in the open transaction, which may still be rolled back. The hook
 * may read, write other records with save, warn, and refuse, which takes the save back whole. Since 1.2.
 */
#define GUANXI_HOOK_AFTER_SAVE 2

/**
 * Hook point: a change of a record is durable. There is no transaction; the hook may begin others through
 * call and save, and has no say in what was saved. `record` is
 * its handle; its values are as the acting user sees them now, and are missing if it was deleted. Since 1.2.
 */
#define GUANXI_HOOK_AFTER_COMMIT 3

/**
 * Hook point: a record is about to be deleted softly, in the open transaction; the hook may refuse. Since 1.2.
 */
#define GUANXI_HOOK_BEFORE_DELETE 4

/**
 * Hook point: a record was deleted softly, in the open transaction; the hook may refuse. Since 1.2.
 */
#define GUANXI_HOOK_AFTER_DELETE 5

/**
 * Hook point: a state machine is about to take a record to another state; `record_old_value` of the field of the
 * state gives the one before, `record_value` the one after. The hook may refuse. Since 1.2.
 */
#define GUANXI_HOOK_BEFORE_TRANSITION 6

/**
 * Level of a log line: something failed. Since 1.0.
 */
#define GUANXI_LOG_ERROR 1

/**
 * Level of a log line: something looks wrong and went on. Since 1.0.
 */
#define GUANXI_LOG_WARNING 2

/**
 * Level of a log line: something happened that an administrator may want to know. Since 1.0.
 */
#define GUANXI_LOG_INFORMATION 3

/**
 * Level of a log line: detail for the plugin's own vendor. Since 1.0.
 */
#define GUANXI_LOG_DEBUG 4

/**
 * Field flag: a record without a value is refused. Since 1.0.
 */
#define GUANXI_FIELD_REQUIRED 1

/**
 * Field flag: no two records have the same value. Since 1.0.
 */
#define GUANXI_FIELD_UNIQUE 2

/**
 * Field flag: lists filter and sort by the field through an index. Since 1.0.
 */
#define GUANXI_FIELD_INDEXED 4

/**
 * Field flag: full-text search finds records by the field. Since 1.0.
 */
#define GUANXI_FIELD_SEARCHABLE 8

/**
 * A number that stands for something of the host's, checked at every use. Since 1.0.
 *
 * It is valid on the thread and for the duration of the call that brought it, and 0 never is. Later
 * use, or use on another thread, returns GUANXI_ERR_INPUT_INVALID_HANDLE.
 */
typedef uint64_t guanxi_handle;

/**
 * A field that a plugin adds to an entity. Since 1.0; grows at the end.
 *
 * Everything in it is read before register_field returns.
 */
typedef struct guanxi_field_definition {
  /**
   * Size in bytes of this structure. Written by the plugin. Since 1.0.
   */
  size_t struct_size;
  /**
   * The field's identity within the plugin: chosen once, above 0, never given to another field,
   * also when the name changes or the field is gone. Since 1.0.
   */
  uint32_t local_id;
  /**
   * Sum of `GUANXI_FIELD_*` flags; others are refused. Since 1.0.
   */
  uint32_t flags;
  /**
   * Name in lower-case ASCII letters, digits and underscores, such as `tax_office`. Since 1.0.
   */
  guanxi_str name;
  /**
   * Name of the type, such as `text`, `int`, `decimal`, `money`, `bool`, `date` or `datetime`, as
   * the engine's schema calls it. Since 1.0.
   */
  guanxi_str type_name;
  /**
   * What people see in Chinese. Since 1.0.
   */
  guanxi_str label_zh;
  /**
   * What people see in English. Since 1.0.
   */
  guanxi_str label_en;
  /**
   * What the field is for, in Chinese, for people who fill it in; empty for none. A host of 1.0 does not read
   * it. Since 1.1.
   */
  guanxi_str help_zh;
  /**
   * The same in English; both are empty, or neither is. Since 1.1.
   */
  guanxi_str help_en;
} guanxi_field_definition;

/**
 * A hook. Since 1.0.
 *
 * `user_data` is what was registered with it. `context` stands for the running operation and
 * `record` for the record in question; both are valid during the call. The host calls it on whatever
 * thread saves, and possibly on several at the same time.
 *
 * Returns GUANXI_OK to agree, and GUANXI_ERR_PLUGIN_REJECTED after
 * reject to refuse. Any other error counts as a fault of the plugin. It must not
 * unwind, and must not call the engine's own interface for this database.
 */
typedef guanxi_status (*guanxi_hook)(void *user_data, guanxi_handle context, guanxi_handle record);

/**
 * What a plugin does by name: an action, a job, a model, a report or a connector. Since 1.2; grows at the end.
 *
 * Everything in it is read before the function that takes it returns.
 */
typedef struct guanxi_action_definition {
  /**
   * Size in bytes of this structure. Written by the plugin. Since 1.2.
   */
  size_t struct_size;
  /**
   * Name in lower-case ASCII letters, digits and underscores; people call `<plugin id>.<name>`. Since 1.2.
   */
  guanxi_str name;
  /**
   * What people see in Chinese. Since 1.2.
   */
  guanxi_str label_zh;
  /**
   * What people see in English. Since 1.2.
   */
  guanxi_str label_en;
  /**
   * What it does and takes, in Chinese; may be empty. Since 1.2.
   */
  guanxi_str help_zh;
  /**
   * The same in English. Since 1.2.
   */
  guanxi_str help_en;
  /**
   * The entity on which the caller must be allowed `needs_action`; for a model, that of its records. Empty for
   * none, where every user may call. Since 1.2.
   */
  guanxi_str needs_entity;
  /**
   * What the caller must be allowed: `read`, `create`, `update`, `delete` or `administer`; empty is `read`. Since 1.2.
   */
  guanxi_str needs_action;
  /**
   * For a job, when it is due, in the five fields of crontab; since 1.3 a rule of RFC 5545 too, such as
   * `FREQ=MINUTELY;INTERVAL=15`. For a model, the fields that it is given, and for a connector the entities whose
   * changes it tells outside, parted by single spaces. Empty for an action and a report. Since 1.2.
   */
  guanxi_str details;
} guanxi_action_definition;

/**
 * The work of an action, a job, a migration, or of one direction of a connector. Since 1.2.
 *
 * `user_data` is what was registered with it; `context` stands for the call and is valid during it. `input` is a JSON
 * object of the parameters, `{}` for none, borrowed during the call. An action answers with
 * answer; without an answer it has answered `null`. The host calls it on whatever thread asks, possibly
 * on several at the same time; a migration runs alone.
 *
 * Returns GUANXI_OK, GUANXI_ERR_PLUGIN_REJECTED after reject, or an error. It
 * must not unwind.
 */
typedef guanxi_status (*guanxi_perform)(void *user_data, guanxi_handle context, guanxi_str input);

/**
 * A scoring or recommendation model. Since 1.2.
 *
 * `features` are the values of the fields that were registered with it, in their order, as the asking user sees
 * them, borrowed during the call; `count` says how many there are. It writes the score to `score` and may say why with
 * reason. It must have no effect, and must not unwind. Status as of a guanxi_perform.
 */
typedef guanxi_status (*guanxi_score)(void *user_data,
                                      guanxi_handle context,
                                      const guanxi_value *features,
                                      size_t count,
                                      double *score);

/**
 * Reads the text out of the content of an attachment. Since 1.4.
 *
 * `media_type` is as the caller of the host said it when the content was attached, and `content` has `length` bytes; both
 * are borrowed during the call. The text is handed over with extracted, piece by piece, in the order of
 * reading; nothing at all is a content without text. The host calls it when it is driven to read texts, outside of every
 * transaction, and possibly on several threads at the same time. What a call that fails has handed over is dropped. Status
 * as of a guanxi_perform.
 */
typedef guanxi_status (*guanxi_extract)(void *user_data,
                                        guanxi_handle context,
                                        guanxi_str media_type,
                                        const uint8_t *content,
                                        size_t length);

/**
 * The functions of the host. Since 1.0; grows at the end, and nothing in it ever moves or goes.
 *
 * The table is the host's, constant, and lives as long as the process. A plugin that wants a function
 * of a later version than it requires checks that `struct_size` reaches beyond it. No function here
 * unwinds, each is bounded in time, and none is null. Where a function names no other error, a bad
 * handle gives GUANXI_ERR_INPUT_INVALID_HANDLE, a null where none may be
 * GUANXI_ERR_INPUT_NULL_ARGUMENT, and text in another encoding than UTF-8
 * GUANXI_ERR_INPUT_INVALID_UTF8.
 */
typedef struct guanxi_host {
  /**
   * Size in bytes of the table. Since 1.0.
   */
  size_t struct_size;
  /**
   * Writes a line to the host's log: a `GUANXI_LOG_*` level and a text, which is copied. Any
   * thread, also one of the plugin's own. Since 1.0.
   */
  guanxi_status (*log)(uint32_t level, guanxi_str text);
  /**
   * Adds a field to an entity such as `crm.account`. Inside init only. Everything is copied.
   * Returns `schema.unknown_entity`, `schema.duplicate_definition`, `schema.invalid_definition`,
   * or `access.not_permitted` without the capability `schema:<entity>`. Since 1.0.
   */
  guanxi_status (*register_field)(guanxi_handle registrar,
                                  guanxi_str entity,
                                  const struct guanxi_field_definition *definition);
  /**
   * Adds a hook at a `GUANXI_HOOK_*` point of an entity. Inside init only. Hooks run by rising
   * `order`, then by plugin id, then in the order of registration.
   *
   * `user_data` passes to the host in every case: `destroy`, which may be null, runs on it exactly
   * once, and before the return if the registration fails. Returns `schema.unknown_entity`,
   * `input.invalid_argument` for an unknown point, or `access.not_permitted` without the
   * capability `hook:<entity>`. Since 1.0.
   */
  guanxi_status (*register_hook)(guanxi_handle registrar,
                                 guanxi_str entity,
                                 uint32_t point,
                                 int32_t order,
                                 guanxi_hook hook,
                                 void *user_data,
                                 void (*destroy)(void *user_data));
  /**
   * Reads a field of the record as it would be saved now; an empty field is a value of kind NULL.
   * A plain name is a field of the plugin's own if there is one, else of the entity; the field of
   * another plugin is named `<plugin id>/<name>`.
   *
   * `out` is written only on success. Text in it is the host's, and borrowed until the hook returns
   * or the field is set. Returns `schema.unknown_field`, or `access.field_not_permitted`. Inside
   * hooks only, on the hook's thread. Since 1.0.
   */
  guanxi_status (*record_value)(guanxi_handle record, guanxi_str field, guanxi_value *out);
  /**
   * Sets a field of the record, copying the value; kind NULL empties it. Names as in
   * `record_value`. Returns `schema.unknown_field`, `schema.wrong_type`, `schema.read_only_field`
   * or `access.field_not_permitted`. Inside hooks only, on the hook's thread. Since 1.0.
   */
  guanxi_status (*record_set)(guanxi_handle record, guanxi_str field, const guanxi_value *value);
  /**
   * Says why the record is refused, in both languages; the texts are copied, `field` may be empty.
   * Of several calls the first counts. The hook then returns
   * GUANXI_ERR_PLUGIN_REJECTED. Inside hooks only, on the hook's thread. Since 1.0.
   */
  guanxi_status (*reject)(guanxi_handle context,
                          guanxi_str field,
                          guanxi_str message_zh,
                          guanxi_str message_en);
  /**
   * Adds a warning to the outcome of the save, which goes on; the texts are copied, `field` may be
   * empty. Inside hooks only, on the hook's thread. Since 1.0.
   */
  guanxi_status (*warn)(guanxi_handle context,
                        guanxi_str field,
                        guanxi_str message_zh,
                        guanxi_str message_en);
  /**
   * The language of the acting session as a BCP 47 tag, `zh-Hans` or `en`. `out` is written only
   * on success; its text is constant and lives as long as the process. Inside hooks only, on the
   * hook's thread. Since 1.0.
   */
  guanxi_status (*locale)(guanxi_handle context, guanxi_str *out);
  /**
   * Adds a package of metadata: JSON in the format of the engine's packages, whose `package` is the plugin's id. Its
   * entities, fields, indexes, rules of validation, states, layouts, value sets, settings, commands and labels are in
   * force together with the rest. A plugin declares its fields here or with `register_field`, not in both ways.
   * Inside init only. Returns `input.invalid_json`, `schema.invalid_definition`, or `access.not_permitted` without
   * the capability `package`, or `schema:<entity>` for each entity that it extends. Since 1.2.
   */
  guanxi_status (*register_package)(guanxi_handle registrar, guanxi_str json);
  /**
   * Adds an action, which users call by `<plugin id>.<name>`, in their own right. Inside init only. `user_data` is
   * the host's as in `register_hook`. Returns `schema.invalid_definition`, or `access.not_permitted` without the
   * capability `action`. Since 1.2.
   */
  guanxi_status (*register_action)(guanxi_handle registrar,
                                   const struct guanxi_action_definition *definition,
                                   guanxi_perform perform,
                                   void *user_data,
                                   void (*destroy)(void *user_data));
  /**
   * Adds a job, which runs on the plugin's own account when its time has come: the engine plans it and does it under a
   * lease, whenever the host lets it do what is due, and switches it off after five failures in a row. As
   * `register_action`, with the capability `job`. Since 1.2; a host of 1.2 does it only when somebody calls it.
   */
  guanxi_status (*register_job)(guanxi_handle registrar,
                                const struct guanxi_action_definition *definition,
                                guanxi_perform perform,
                                void *user_data,
                                void (*destroy)(void *user_data));
  /**
   * Adds the migration that brings what the plugin has stored from version `to_version - 1` to `to_version`. All
   * that are due run once, rising, in one transaction of the administrator who loads the plugin, before any hook of it.
   * Inside init only. Returns `input.invalid_argument` for version 0 or one given twice, or `access.not_permitted`
   * without the capability `migration`. Since 1.2.
   */
  guanxi_status (*register_migration)(guanxi_handle registrar,
                                      uint32_t to_version,
                                      guanxi_perform perform,
                                      void *user_data,
                                      void (*destroy)(void *user_data));
  /**
   * Adds a model that scores records of `needs_entity`: users call `<plugin id>.<name>` with `{"record": id}` and
   * get `{"score": number, "reasons": [{"zh", "en", "weight"}]}`. As `register_action`, with the capability `model`.
   * Since 1.2.
   */
  guanxi_status (*register_model)(guanxi_handle registrar,
                                  const struct guanxi_action_definition *definition,
                                  guanxi_score score,
                                  void *user_data,
                                  void (*destroy)(void *user_data));
  /**
   * Reads the value that a field had before the save; kind NULL for a new record. As `record_value`. Since 1.2.
   */
  guanxi_status (*record_old_value)(guanxi_handle record, guanxi_str field, guanxi_value *out);
  /**
   * Gives the record's id, a value of kind ID. `out` is written only on success. Inside hooks only. Since 1.2.
   */
  guanxi_status (*record_id)(guanxi_handle record, guanxi_value *out);
  /**
   * Reads a record as the acting user sees it: a JSON object with its fields by name. `id` is its id as text. `out` is
   * written only on success; its text is borrowed until the call of the plugin returns. Not before a save. Returns
   * `record.not_found`, or `access.not_permitted` without the capability `read:<entity>`. Since 1.2.
   */
  guanxi_status (*read)(guanxi_handle context, guanxi_str entity, guanxi_str id, guanxi_str *out);
  /**
   * Creates or changes a record in the right of whoever acts: `fields` is a JSON object. `key` names the record for
   * ever within the plugin, so that a repeated call changes the same one; with an empty key there is a new
   * record each time. In a hook it is part of the open transaction, and its hooks run; deeper than eight
   * is refused, and nothing of the transaction is kept. `out` gets the id as text, borrowed until the call of the
   * plugin returns; it may be null. Not before a save or a transition. Returns what a save returns, or
   * `access.not_permitted` without the capability `write:<entity>`. Since 1.2.
   */
  guanxi_status (*save)(guanxi_handle context,
                        guanxi_str entity,
                        guanxi_str key,
                        guanxi_str fields,
                        guanxi_str *out);
  /**
   * Calls a method of the engine in the right of whoever acts, with parameters as JSON; `out` gets the answer as JSON,
   * borrowed until the call of the plugin returns, and may be null. Within a transaction, so in every hook but
   * that behind the commit, it returns `engine.reentrant`. Returns what the method returns, or
   * `access.not_permitted` without the capability `call:<method>`. Since 1.2.
   */
  guanxi_status (*call)(guanxi_handle context,
                        guanxi_str method,
                        guanxi_str parameters,
                        guanxi_str *out);
  /**
   * As `call`, but on the plugin's own account, in the name of whoever acts, which gives it nothing: the
   * account has what its roles grant. Needs the capability `account` beside `call:<method>`; returns
   * `plugin.not_admitted` where an administrator has given the plugin no account. Since 1.2.
   */
  guanxi_status (*call_as_self)(guanxi_handle context,
                                guanxi_str method,
                                guanxi_str parameters,
                                guanxi_str *out);
  /**
   * Answers the caller of an action or a job with JSON, which is copied; the last answer counts. Returns
   * `input.invalid_json`. Since 1.2.
   */
  guanxi_status (*answer)(guanxi_handle context, guanxi_str json);
  /**
   * Says why a model gave its score: in both languages, and how much of the score it is. Copied. Since 1.2.
   */
  guanxi_status (*reason)(guanxi_handle context,
                          guanxi_str text_zh,
                          guanxi_str text_en,
                          double weight);
  /**
   * How long the call may still take, in milliseconds; below 0 once the budget is spent, which counts as a fault of
   * the plugin. `out` is written only on success. Since 1.2.
   */
  guanxi_status (*time_left_ms)(guanxi_handle context, int64_t *out);
  /**
   * Adds a report, which users call by `<plugin id>.<name>` without parameters, and which counts what each of them may
   * see. `json` is what the method `report.run` takes: entity, filter, groups and measures; it is copied. Inside init
   * only. Returns `input.invalid_json`, `schema.invalid_definition`, `schema.unknown_entity`, or
   * `access.not_permitted` without the capability `report`. Since 1.3.
   */
  guanxi_status (*register_report)(guanxi_handle registrar,
                                   const struct guanxi_action_definition *definition,
                                   guanxi_str json);
  /**
   * Adds a connector: a door to a system outside, which the host drives by `<plugin id>.<name>`, and which works on the
   * plugin's own account. Either function may be null, and not both; they share `user_data`, which is the host's as in
   * `register_hook`.
   *
   * `pull` is given `{"cursor": text}`, and `{}` for the first time. It writes nothing, and answers with
   * `{"records": [{"entity", "key", "fields"}], "cursor": text, "more": bool}`: the host writes records and cursor in
   * one transaction, each record by its key as `save` does. What was not written is asked for again by the same cursor.
   *
   * `push` is given one change of a record of the entities in `details`:
   * `{"position", "kind", "entity", "record", "at", "fields": [names], "values"}`, where `kind` is `create`, `update`,
   * `delete` or `erase`, and `values` is the record as the account sees it, if it is there. A change that fails, or of
   * which it is not known that it was told, is told again by the same `position`. What the account itself changed is
   * not told.
   *
   * Needs the capability `connector`, `write:<entity>` for each entity that is pulled, and `read:<entity>` for each
   * that is pushed. Inside init only. Returns `schema.invalid_definition`, `schema.unknown_entity`, or
   * `access.not_permitted`. Since 1.3.
   */
  guanxi_status (*register_connector)(guanxi_handle registrar,
                                      const struct guanxi_action_definition *definition,
                                      guanxi_status (*pull)(void *user_data,
                                                            guanxi_handle context,
                                                            guanxi_str input),
                                      guanxi_status (*push)(void *user_data,
                                                            guanxi_handle context,
                                                            guanxi_str input),
                                      void *user_data,
                                      void (*destroy)(void *user_data));
  /**
   * Adds an extractor: it reads the texts out of attachments of some media types, so that search finds records by what
   * is written inside. `media_types` are parted by single spaces, in small letters, such as `application/pdf`, where a star
   * may stand for the second half; `most_bytes` is the largest content that it is handed, and 0 leaves that to the host.
   * Needs the capability `extract:<media type>` for each. `user_data` and `destroy` as in `register_hook`. Inside init
   * only. Returns `schema.invalid_definition`, or `access.not_permitted`. Since 1.4.
   */
  guanxi_status (*register_extractor)(guanxi_handle registrar,
                                      guanxi_str media_types,
                                      uint64_t most_bytes,
                                      guanxi_extract extract,
                                      void *user_data,
                                      void (*destroy)(void *user_data));
  /**
   * Hands over a piece of the text that an extractor reads: whole characters, of 1,048,576 bytes at most, copied. Returns `input.limit_exceeded` when
   * the text is as long as it may be, 1,048,576 bytes, and `engine.cancelled` or `engine.deadline_exceeded` when nobody
   * waits for it any more; the extractor returns such a status, and what fitted is kept. Since 1.4.
   */
  guanxi_status (*extracted)(guanxi_handle context, guanxi_str piece);
} guanxi_host;

/**
 * What a plugin says of itself. Since 1.0; grows at the end.
 *
 * The texts are the plugin's and live as long as the process. They must equal what the plugin's
 * manifest says, which was checked before the plugin was loaded.
 */
typedef struct guanxi_plugin_info {
  /**
   * Size in bytes of the structure that the host gave. Written by the host. Since 1.0.
   */
  size_t struct_size;
  /**
   * GUANXI_PLUGIN_ABI_MAJOR as the plugin was built with. Since 1.0.
   */
  uint32_t abi_major;
  /**
   * The lowest minor version that the plugin can work with. Since 1.0.
   */
  uint32_t abi_minor_required;
  /**
   * Identifier in reversed domain order, such as `cn.example.score`; the namespace of the plugin's
   * fields. Since 1.0.
   */
  guanxi_str id;
  /**
   * Version by semver.org, such as `1.2.0`. Since 1.0.
   */
  guanxi_str version;
  /**
   * What the plugin asks leave for, parted by single spaces, such as
   * `schema:crm.account hook:crm.account`. Registering anything else is refused. Since 1.0.
   */
  guanxi_str capabilities;
  /**
   * Registers what the plugin brings; not null. Since 1.0.
   */
  guanxi_status (*init)(const struct guanxi_host *host, guanxi_handle registrar);
} guanxi_plugin_info;

/**
 * The exported function of a plugin, `guanxi_plugin_entry_v1`. Since 1.0.
 *
 * The host calls it once for each process, on any thread, right after loading. `information` is the
 * host's, zeroed but for `struct_size`, and valid during the call. The plugin checks `struct_size`,
 * fills the rest and returns GUANXI_OK; if the size is less than it needs, it writes
 * nothing and returns GUANXI_ERR_PLUGIN_ABI_MISMATCH. It must not unwind.
 */
typedef guanxi_status (*guanxi_plugin_entry)(struct guanxi_plugin_info *information);

/**
 * The function with which a plugin registers what it brings. Since 1.0.
 *
 * The host calls it once for each database that is opened with the plugin, on the thread that opens;
 * two databases may be opened at the same time. `host` lives as long as the process. `registrar` is
 * valid during the call. Registrations are collected and take effect together when it returns
 * GUANXI_OK; any other result drops them all and fails the opening. It must not unwind.
 */
typedef guanxi_status (*guanxi_plugin_init)(const struct guanxi_host *host, guanxi_handle registrar);

/**
 * Frees the `user_data` of a registration. Since 1.0.
 *
 * The host calls it exactly once for each registration that named it: when the database closes, when
 * the plugin's registrations are dropped, or before a registration that failed returns. No hook runs
 * with that `user_data` then or later. Any thread. It must not unwind.
 */
typedef void (*guanxi_destroy)(void *user_data);

/**
 * Head of the one function that a plugin exports. Since 1.0.
 */
#ifdef __cplusplus
#define GUANXI_PLUGIN_ENTRY(information) \
  extern "C" GUANXI_PLUGIN_EXPORT guanxi_status guanxi_plugin_entry_v1(guanxi_plugin_info *information)
#else
#define GUANXI_PLUGIN_ENTRY(information) \
  GUANXI_PLUGIN_EXPORT guanxi_status guanxi_plugin_entry_v1(guanxi_plugin_info *information)
#endif

#endif  /* GUANXI_PLUGIN_H */
