/**
 * Guanxi (关系): an embeddable CRM engine over one encrypted database. The interface for hosts.
 *
 * Status: below 0 an error, 0 done, above 0 done with something to tell (GUANXI_ROW, GUANXI_DONE).
 * A number that is not known here counts by its sign.
 *
 * Errors: the last parameter `err` may be NULL. Otherwise it is set to NULL first, and to an error
 * on failure, which the caller frees with guanxi_error_free.
 *
 * Results: other out-parameters are written on success only; handles among them are set to NULL
 * first.
 *
 * Handles: each is freed once by its own function, which accepts NULL. One that was freed, or is of
 * another kind, is answered with input.invalid_handle as far as that can be told, never with a
 * crash that could be avoided. Which thread may use a handle stands at its type.
 *
 * Text in is UTF-8 that ends in a zero byte, and is copied where it is kept. Text out is borrowed
 * from the handle that gave it, for as long as its function says.
 *
 * Ids are the 16 bytes of a UUID in network order.
 *
 * fork: a child has no use of its parent's handles. Calls give engine.forked, and functions that
 * free do nothing.
 *
 * Faults of the engine stay inside: a call gives engine.panic. If it was a call that writes, every
 * later one does, until the database is closed and opened again.
 */

#ifndef GUANXI_H
#define GUANXI_H

/* Generated from the sources of the engine: do not edit. */

#include <stddef.h>
#include <stdint.h>
#include "guanxi_types.h"

#ifndef GUANXI_API
#if defined(_WIN32) && !defined(GUANXI_STATIC)
#define GUANXI_API __declspec(dllimport)
#else
#define GUANXI_API
#endif
#endif

/**
 * Begins a guanxi_open_options: its size, and zeros. Since 0.1.
 */
#define GUANXI_OPEN_OPTIONS_INIT \
  { sizeof(guanxi_open_options), NULL, NULL, 0, NULL, 0, 0, NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0 }

/**
 * Begins a guanxi_call_options: its size, and zeros. Since 0.1.
 */
#define GUANXI_CALL_OPTIONS_INIT { sizeof(guanxi_call_options), NULL, 0, NULL, NULL, NULL }

/**
 * Major version of the product that this header belongs to.
 */
#define GUANXI_VERSION_MAJOR 0

/**
 * Minor version of the product that this header belongs to.
 */
#define GUANXI_VERSION_MINOR 1

/**
 * Patch version of the product that this header belongs to.
 */
#define GUANXI_VERSION_PATCH 0

/**
 * Version of the C interface that this header describes; the shared library's name ends in it.
 */
#define GUANXI_ABI_VERSION 0

/**
 * Level of a log: a fault of the library, of the disk or of the host's own functions.
 */
#define GUANXI_LOG_ERROR 1

/**
 * Level of a log: something was mended, such as a database that had not been closed.
 */
#define GUANXI_LOG_WARN 2

/**
 * Level of a log: a database was created, opened or closed.
 */
#define GUANXI_LOG_INFO 3

/**
 * Level of a log: a call was refused, by the stable key of its error.
 */
#define GUANXI_LOG_DEBUG 4

/**
 * Open flag: the host may name its users without their passwords, with guanxi_session_for.
 */
#define GUANXI_OPEN_TRUST_HOST 1

/**
 * Open flag: every page is checked when the database is opened.
 */
#define GUANXI_OPEN_VERIFY 2

/**
 * Open flag: no record is kept in memory as it was decoded; every read finds and decodes what it reads.
 */
#define GUANXI_OPEN_NO_RECORD_CACHE 4

/**
 * Durability of open options: a write is durable when it returns.
 */
#define GUANXI_DURABILITY_DURABLE 0

/**
 * Durability of open options: a write is durable a little later. A power cut may take back the newest
 * ones, at most 1,000 of them or 1 MiB; guanxi_call with `database.flush` makes all of them durable.
 */
#define GUANXI_DURABILITY_RELAXED 1

/**
 * Text that a call gave. The caller owns it and frees it with guanxi_buffer_free; any thread, also
 * several at once.
 */
typedef struct guanxi_buffer guanxi_buffer;

/**
 * The rows of a result, before the first of which it stands at first. One thread at a time, and any.
 * Freed with guanxi_cursor_free; it keeps the database open.
 *
 * A call that goes on, while another one is inside, gives `engine.wrong_thread` and does nothing; a getter is told so
 * where the other call had begun before.
 *
 * Column 0 is the record's id. Then come the fields that the user may see, or those of them that the query
 * names, then the owner, the unit, and when the record was created and last changed; behind a reference its
 * title, if the query wants titles. The rows of a search have the columns `id`,
 * `entity` and `title`. Each page that the cursor reads ahead is one stable view of the database.
 *
 * Text that a cursor gives is borrowed until the next guanxi_cursor_next, guanxi_cursor_fetch or
 * guanxi_cursor_json on it, or until it is freed.
 */
typedef struct guanxi_cursor guanxi_cursor;

/**
 * An open database. Any thread, also several at once. Closed with guanxi_close.
 */
typedef struct guanxi_engine guanxi_engine;

/**
 * What went wrong in one call. The caller owns it and frees it with guanxi_error_free; any thread,
 * one at a time. Every function that reads it accepts NULL, and no text in it is ever NULL: texts end
 * in a zero byte and live as long as the error.
 */
typedef struct guanxi_error guanxi_error;

/**
 * Takes the text of an attachment, piece by piece, with guanxi_extraction_append. It is the library's, and good on the
 * thread of the function that it was given to, until that returns.
 */
typedef struct guanxi_extraction guanxi_extraction;

/**
 * What ends calls without a session from another thread, or from their progress function. Any thread, also
 * several at once. Freed with guanxi_interrupter_free, also while a call with it runs.
 */
typedef struct guanxi_interrupter guanxi_interrupter;

/**
 * A query: an entity, a filter, an order and a limit. One thread at a time while it is put together;
 * then any number of threads may run it at once, in sessions of any user. Freed with guanxi_query_free.
 *
 * The functions that set something report nothing. The first of their errors is kept, and every run of
 * the query reports it; once two threads have set something at once, every run gives `engine.wrong_thread`.
 */
typedef struct guanxi_query guanxi_query;

/**
 * A record that is being put together: what is not set stays as it is. One thread at a time. Freed
 * with guanxi_record_free; writing it does not change it, so it may be written again.
 *
 * The functions that set something report nothing. The first of their errors is kept, and every write
 * of the record reports it, naming the field; once two threads have set something at once, every write gives
 * `engine.wrong_thread`.
 */
typedef struct guanxi_record guanxi_record;

/**
 * A signed-in user. Any thread, also several at once. Freed with guanxi_session_free; it keeps the
 * database open.
 */
typedef struct guanxi_session guanxi_session;

/**
 * What changes in a database, for one user. Any thread, also several at once. Freed with guanxi_unsubscribe; it
 * keeps the database open.
 */
typedef struct guanxi_subscription guanxi_subscription;

/**
 * A transaction. It belongs to the thread that began it: on any other, every function gives
 * `engine.wrong_thread` and changes nothing. It holds the writer, so others wait until
 * guanxi_txn_commit or guanxi_txn_rollback consumes it.
 *
 * After a write that failed, the transaction takes no more writes, and its commit rolls back and
 * reports that first error again: nothing is ever half done. Reading goes on.
 */
typedef struct guanxi_txn guanxi_txn;

/**
 * A function that is told what happens: one of GUANXI_LOG_*, the event by a name that stays the same, and what it is
 * about. Events: `engine.created`, `engine.opened`, `engine.closed`, `engine.recovered`, `engine.panic` (the
 * line of the library's source), `engine.stopped`, `call.failed` (the key of the error). It runs on the thread
 * of the call, also on several at once; what it causes itself is not told. Texts are the library's, until the
 * function returns. Since 0.1.
 */
typedef void (*guanxi_log_function)(int32_t level,
                                    const char *event,
                                    const char *text,
                                    void *user_data);

/**
 * A function that is called once with its data when the library has no more use of them, whatever became of the call
 * that gave them. Since 0.1.
 */
typedef void (*guanxi_destroy_function)(void *user_data);

/**
 * A function that tells the present moment, in microseconds since 1970-01-01 in UTC. It returns GUANXI_OK; anything
 * else ends the call that asked with `engine.panic`, as no record may bear a moment that nobody knows. It runs
 * on any thread, also on several at once, and may not call the library. Since 0.1.
 */
typedef guanxi_status (*guanxi_clock_function)(int64_t *microseconds, void *user_data);

/**
 * A function that fills `length` bytes at `bytes` with random ones that are fit for keys. It returns GUANXI_OK;
 * anything else ends the call that asked with `engine.panic`, as no key or id may be made without chance. It
 * runs on any thread, also on several at once, and may not call the library. Since 0.1.
 */
typedef guanxi_status (*guanxi_random_function)(uint8_t *bytes, size_t length, void *user_data);

/**
 * A function that reads the text out of a content, hands it to `text` with guanxi_extraction_append in the order of reading,
 * and returns GUANXI_OK, also where there is no text. Anything else is a content that it could not read: what it
 * handed over is dropped, the log is told `attachment.unread`, and it is asked again by later calls of
 * guanxi_search_extract, three times in all. It runs on the thread of that call, outside of every transaction, on
 * several at once if the host does that, and may not call the library but for guanxi_extraction_append. The content is the
 * library's, until the function returns. Since 0.1.
 */
typedef guanxi_status (*guanxi_extract_function)(const char *media_type,
                                                 const uint8_t *content,
                                                 size_t content_len,
                                                 struct guanxi_extraction *text,
                                                 void *user_data);

/**
 * How a database is created or opened. Grows at the end; begin with GUANXI_OPEN_OPTIONS_INIT or
 * guanxi_open_options_init, which set the size and zeros. Everything in it is the caller's, and is
 * read before the call returns. Since 0.1.
 */
typedef struct guanxi_open_options {
  /**
   * Size in bytes of this structure. Since 0.1.
   */
  size_t struct_size;
  /**
   * The directory of the database, by convention `name.guanxi`. UTF-8, required. Since 0.1.
   */
  const char *path;
  /**
   * A key of 32 bytes from the host's own key store; or NULL with a passphrase. Since 0.1.
   */
  const uint8_t *key;
  /**
   * Length of the key in bytes: 32, or 0 with a passphrase. Since 0.1.
   */
  size_t key_len;
  /**
   * A passphrase in UTF-8; or NULL with a key. Since 0.1.
   */
  const char *passphrase;
  /**
   * Memory for pages and records in bytes; 0 for the default of 16 MiB. Since 0.1.
   */
  size_t cache_bytes;
  /**
   * Sum of GUANXI_OPEN_* flags; others are refused. Since 0.1.
   */
  uint64_t flags;
  /**
   * Language of sessions that choose none and of errors before there is one, as a BCP 47 tag such
   * as `zh-Hans`; NULL for English. Since 0.1.
   */
  const char *locale;
  /**
   * Name of the first user, who administers the new database; guanxi_create alone, required there.
   * Since 0.1.
   */
  const char *administrator_name;
  /**
   * Password of the first user, at least 8 characters; guanxi_create alone, required there.
   * Since 0.1.
   */
  const char *administrator_password;
  /**
   * When a write is durable: one of GUANXI_DURABILITY_*. It was not in the first layout of this
   * structure, which is taken as 0. Since 0.1.
   */
  uint64_t durability;
  /**
   * How much of the memory of `cache_bytes` is for records that are read often and kept as they were
   * decoded, in bytes; 0 for the default of an eighth of it, and with GUANXI_OPEN_NO_RECORD_CACHE. It was
   * not in the first layouts of this structure, which are taken as 0. Since 0.1.
   */
  uint64_t record_cache_bytes;
  /**
   * Where the present moment comes from; NULL for the system's clock. It must stay until guanxi_close has
   * succeeded. Since 0.1.
   */
  guanxi_clock_function clock;
  /**
   * What the clock is handed. Since 0.1.
   */
  void *clock_user_data;
  /**
   * Where random bytes come from; NULL for the system's. It must stay until guanxi_close has succeeded. Since 0.1.
   */
  guanxi_random_function random;
  /**
   * What the random source is handed. Since 0.1.
   */
  void *random_user_data;
  /**
   * Reads texts out of attachments, so that search finds records by them, when guanxi_search_extract is called; NULL
   * for none. It must stay until guanxi_close has succeeded. Since 0.1.
   */
  guanxi_extract_function extractor;
  /**
   * What the extractor is handed. Since 0.1.
   */
  void *extractor_user_data;
  /**
   * The media types that the extractor reads, with commas between them; one that ends in `*` is a
   * beginning. Required with an extractor. Since 0.1.
   */
  const char *extractor_media_types;
  /**
   * Largest content in bytes that the extractor is handed; 0 for the default of 32 MiB. Larger ones have no text.
   * Since 0.1.
   */
  uint64_t extractor_max_bytes;
} guanxi_open_options;

/**
 * A function that is told how far a long call is: what is being done, by a name that stays the same, such
 * as `rows` or `ledger`; how many steps are done; and how many there are, 0 where nobody knows. It runs on
 * the thread of the call. It may end the call with guanxi_session_interrupt or guanxi_interrupter_interrupt;
 * it may not begin a write. `phase` is the engine's, until the function returns.
 */
typedef void (*guanxi_progress_function)(const char *phase,
                                         uint64_t done,
                                         uint64_t total,
                                         void *user_data);

/**
 * A function that writes in a transaction. It may be called more than once, so it must not act on the
 * world outside. It returns GUANXI_OK to commit, and anything else to roll back. The transaction is
 * lent: the function neither commits nor rolls back, nor keeps it.
 */
typedef guanxi_status (*guanxi_write_function)(struct guanxi_txn *txn, void *user_data);

/**
 * A function that is told of changes: `json`, of `length` bytes with a zero byte behind them, as
 * guanxi_subscription_next gives it; or an object with `error` alone, as guanxi_error_json gives it, after which the
 * function is not called again. It runs on the one thread of its subscription, which holds no lock then, and may call
 * the library. `json` is the library's, until the function returns. Since 0.1.
 */
typedef void (*guanxi_changes_function)(const char *json, size_t length, void *user_data);

/**
 * How a method is called without a session. Grows at the end; begin with GUANXI_CALL_OPTIONS_INIT or
 * guanxi_call_options_init, which set the size and zeros. Everything in it is the caller's, and must stay
 * until the call returns. Since 0.1.
 */
typedef struct guanxi_call_options {
  /**
   * Size in bytes of this structure. Since 0.1.
   */
  size_t struct_size;
  /**
   * Language of the error, as a BCP 47 tag such as `zh-Hans`; NULL for English. Since 0.1.
   */
  const char *locale;
  /**
   * How long the call may take, in milliseconds; 0 is without end. Since 0.1.
   */
  uint64_t timeout_ms;
  /**
   * Who is told how far the call is; NULL for nobody. Since 0.1.
   */
  guanxi_progress_function progress;
  /**
   * What the progress function is handed. Since 0.1.
   */
  void *user_data;
  /**
   * What ends the call; NULL for nothing. Since 0.1.
   */
  struct guanxi_interrupter *interrupter;
} guanxi_call_options;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Version of the loaded library by semver.org, such as `0.1.0`: constant, ends in a zero byte.
 *
 * Any thread. Since 0.1.
 */
GUANXI_API const char *guanxi_version(void);

/**
 * Version of the C interface that the loaded library has. A program works with a library whose number
 * equals the GUANXI_ABI_VERSION that it was compiled with.
 *
 * Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
uint32_t guanxi_abi_version(void);

/**
 * How many handles of all kinds this process holds: 0 once everything is freed. For leak tests.
 *
 * Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API int64_t guanxi_debug_live_handles(void);

/**
 * The status number of the error; 0 for NULL. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API guanxi_status guanxi_error_code(const struct guanxi_error *error);

/**
 * The stable key of the error, such as `schema.required`; "" for NULL. Borrowed from the error.
 * Any thread. Since 0.1.
 */
GUANXI_API const char *guanxi_error_key(const struct guanxi_error *error);

/**
 * The sentence for people, in the language of the session (of the open options where there is none
 * yet). Borrowed from the error. Any thread. Since 0.1.
 */
GUANXI_API const char *guanxi_error_message(const struct guanxi_error *error);

/**
 * The entity that the error speaks of, such as `crm.account`, or "". Borrowed from the error.
 * Any thread. Since 0.1.
 */
GUANXI_API const char *guanxi_error_entity(const struct guanxi_error *error);

/**
 * The id of the record that the error speaks of, as text, or "". Borrowed from the error.
 * Any thread. Since 0.1.
 */
GUANXI_API const char *guanxi_error_record(const struct guanxi_error *error);

/**
 * The field, parameter or argument that the error speaks of, or "". Borrowed from the error.
 * Any thread. Since 0.1.
 */
GUANXI_API const char *guanxi_error_field(const struct guanxi_error *error);

/**
 * The rule that was broken, or "". Borrowed from the error. Any thread. Since 0.1.
 */
GUANXI_API const char *guanxi_error_rule(const struct guanxi_error *error);

/**
 * The id of the plugin that the error speaks of, or "". Borrowed from the error. Any thread. Since 0.1.
 */
GUANXI_API
const char *guanxi_error_plugin(const struct guanxi_error *error);

/**
 * 1 if the same call may succeed when it is made again, else 0. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
int32_t guanxi_error_retryable(const struct guanxi_error *error);

/**
 * Everything about the error as a JSON object, with cause and remedy; "" for NULL. Borrowed from the
 * error. Any thread. Since 0.1.
 */
GUANXI_API
const char *guanxi_error_json(const struct guanxi_error *error);

/**
 * Frees an error; NULL and an error that was freed already are left alone. Any thread. Since 0.1.
 */
GUANXI_API void guanxi_error_free(struct guanxi_error *error);

/**
 * Has a function told what happens in this process, up to a level: one of GUANXI_LOG_*. It takes the place of the
 * one before; NULL is for nobody. `destroy`, unless it is NULL, is called once with `user_data` when another function
 * has taken the place and no call uses this one any more, and also if this call fails. Without a log, panics
 * of the library are told to the standard error output, by the line of its source.
 *
 * Errors: `input.invalid_argument` for another level. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_set_log(guanxi_log_function function,
                             void *user_data,
                             guanxi_destroy_function destroy,
                             int32_t level,
                             struct guanxi_error **err);

/**
 * Takes a piece of the text of an attachment: `length` bytes of UTF-8, which are copied. A text has at most 1,048,576
 * bytes: of a longer one what fits is kept, the piece that does not fit and all behind it are answered by
 * `input.limit_exceeded`, and the function may as well return.
 *
 * Errors: `input.null_argument`, `input.invalid_utf8`, `input.limit_exceeded`, `engine.cancelled`,
 * `engine.deadline_exceeded`. The thread of the function that `text` was given to. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_extraction_append(struct guanxi_extraction *text,
                                       const char *piece,
                                       size_t length,
                                       struct guanxi_error **err);

/**
 * Writes `size` bytes of options: zeros, and the size. For languages that cannot use the macro.
 *
 * `options` leads to `size` bytes, of which the size itself is one; NULL or fewer bytes are left as
 * they are. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API void guanxi_open_options_init(struct guanxi_open_options *options, size_t size);

/**
 * Creates a database and opens it. `*out` is the caller's until guanxi_close, and NULL on failure.
 *
 * Errors: `storage.already_exists`, `storage.io`, `input.missing_parameter`, `access.weak_password`,
 * and those of the options. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_create(const struct guanxi_open_options *options,
                            struct guanxi_engine **out,
                            struct guanxi_error **err);

/**
 * Opens a database. `*out` is the caller's until guanxi_close, and NULL on failure.
 *
 * Errors: `storage.not_found`, `storage.wrong_key`, `storage.not_a_database`, `storage.damaged`,
 * `storage.newer_format`, `storage.locked`, `storage.io`, and those of the options. Any thread.
 * Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_open(const struct guanxi_open_options *options,
                          struct guanxi_engine **out,
                          struct guanxi_error **err);

/**
 * Closes a database and frees its handle. On any error the handle stays as it was.
 *
 * Errors: `storage.busy` while a session, transaction, cursor or subscription lives; `engine.forked`;
 * `input.invalid_handle` for one that is closed already; NULL is no error. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_close(struct guanxi_engine *engine,
                           struct guanxi_error **err);

/**
 * Says how a database and the library are, at little cost and without a session: a JSON object with `state`
 * (`open`, or `stopped` after a panic of a write), `sessions` (with the transactions, cursors and subscriptions
 * that keep theirs), `position` (the newest durable entry of the ledger; null once it has stopped), `recovery`
 * (what the open had to mend: `repaired`, `replayed_commits`, `upgraded_from`, `discarded_units`), and `process`:
 * `handles` that live, `panics` so far, and `failures`, the number of calls that ended with each error, by its
 * key. No name or value of a record is in it. More figures gives the method `database.statistics`, to whoever
 * administers. `*out` is the caller's until guanxi_buffer_free, and NULL on failure.
 *
 * Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_health(struct guanxi_engine *engine,
                            struct guanxi_buffer **out,
                            struct guanxi_error **err);

/**
 * Signs a user in by name and password. `*out` is the caller's until guanxi_session_free, and NULL
 * on failure.
 *
 * Errors: `access.sign_in_failed`, alike for an unknown name, a wrong password and a suspended user.
 * Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_sign_in(struct guanxi_engine *engine,
                             const char *name,
                             const char *password,
                             struct guanxi_session **out,
                             struct guanxi_error **err);

/**
 * Signs a user in who sets another password in the same call: needed where guanxi_sign_in answers
 * `access.password_expired`, and allowed at any time. `*out` is the caller's until guanxi_session_free, and NULL
 * on failure; the old password stays then.
 *
 * Errors: those of guanxi_sign_in; `access.password_reused`, `access.weak_password`. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_sign_in_with_new_password(struct guanxi_engine *engine,
                                               const char *name,
                                               const char *password,
                                               const char *new_password,
                                               struct guanxi_session **out,
                                               struct guanxi_error **err);

/**
 * Signs a user in by a code of the method `user.issue_recovery_code`, which is used up, and sets the password.
 * `*out` is the caller's until guanxi_session_free, and NULL on failure.
 *
 * Errors: `access.sign_in_failed`, alike for an unknown name and a code that is wrong, used up or over;
 * `access.sign_in_waits`, `access.password_reused`, `access.weak_password`, `input.invalid_argument`. Any
 * thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_recover(struct guanxi_engine *engine,
                             const char *name,
                             const char *code,
                             const char *new_password,
                             struct guanxi_session **out,
                             struct guanxi_error **err);

/**
 * A session for a user whom the host vouches for, in a database opened with GUANXI_OPEN_TRUST_HOST.
 * `*out` is the caller's until guanxi_session_free, and NULL on failure.
 *
 * Errors: `access.host_trust_required`, `access.sign_in_failed`. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_session_for(struct guanxi_engine *engine,
                                 const char *name,
                                 struct guanxi_session **out,
                                 struct guanxi_error **err);

/**
 * The id of the session's user, as 16 bytes. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_session_user(struct guanxi_session *session,
                                  uint8_t *id,
                                  struct guanxi_error **err);

/**
 * Sets the language of messages by a BCP 47 tag, `en` or `zh-Hans`, from the next call on.
 *
 * Errors: `input.invalid_argument` for another language. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_session_set_locale(struct guanxi_session *session,
                                        const char *locale,
                                        struct guanxi_error **err);

/**
 * Sets how long each call of the session may take, in milliseconds; 0 is without end. A call that
 * takes longer gives `engine.deadline_exceeded`. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_session_set_timeout_ms(struct guanxi_session *session,
                                            uint64_t timeout_ms,
                                            struct guanxi_error **err);

/**
 * Has a function told how far the long calls of the session are, such as guanxi_call with
 * `database.verify`, `database.compact` or `backup.create`; NULL for nobody. It holds for calls that begin
 * from now on, so function and `user_data` must stay until the calls that know them have ended. They are
 * used on the thread of each call. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_session_set_progress(struct guanxi_session *session,
                                          guanxi_progress_function function,
                                          void *user_data,
                                          struct guanxi_error **err);

/**
 * Ends the calls of this session that run now; each gives `engine.cancelled` at its next check. A call
 * that begins when none runs is not touched. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_session_interrupt(struct guanxi_session *session,
                                       struct guanxi_error **err);

/**
 * Frees a session; its transactions and cursors live on. NULL and a session that was freed already
 * are left alone. Any thread. Since 0.1.
 */
GUANXI_API void guanxi_session_free(struct guanxi_session *session);

/**
 * A new, empty builder for a record of an entity such as `crm.account`. It is the caller's until
 * guanxi_record_free. NULL only if memory runs out. Any thread. Since 0.1.
 */
GUANXI_API struct guanxi_record *guanxi_record_new(const char *entity);

/**
 * Sets a field to a text, a code of an enum, a phone number or an e-mail address. Copied.
 * The builder's thread. Since 0.1.
 */
GUANXI_API
void guanxi_record_set_text(struct guanxi_record *record,
                            const char *field,
                            const char *value);

/**
 * Sets a field to a whole number; a decimal field takes it too. The builder's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
void guanxi_record_set_int(struct guanxi_record *record,
                           const char *field,
                           int64_t value);

/**
 * Sets a field to true (not 0) or false (0). The builder's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
void guanxi_record_set_bool(struct guanxi_record *record,
                            const char *field,
                            int32_t value);

/**
 * Sets a field to an exact decimal, written as text such as `-12.50`. The builder's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
void guanxi_record_set_decimal(struct guanxi_record *record,
                               const char *field,
                               const char *value);

/**
 * Sets a field to an amount, written as text such as `12800.00`, in a currency by its ISO 4217 code
 * such as `CNY`. The builder's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
void guanxi_record_set_money(struct guanxi_record *record,
                             const char *field,
                             const char *amount,
                             const char *currency);

/**
 * Sets a field to a day, written as `2026-11-22`. The builder's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
void guanxi_record_set_date(struct guanxi_record *record,
                            const char *field,
                            const char *value);

/**
 * Sets a field to a moment, written by RFC 3339 as `2026-11-22T08:00:00+08:00`. The builder's thread.
 * Keeps no pointer. Since 0.1.
 */
GUANXI_API
void guanxi_record_set_datetime(struct guanxi_record *record,
                                const char *field,
                                const char *value);

/**
 * Sets a field to refer to a record by the 16 bytes of its id. The builder's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
void guanxi_record_set_reference(struct guanxi_record *record,
                                 const char *field,
                                 const uint8_t *id);

/**
 * Sets a field to refer to a record by its id as text, as JSON gives it. The builder's thread.
 * Keeps no pointer. Since 0.1.
 */
GUANXI_API
void guanxi_record_set_reference_text(struct guanxi_record *record,
                                      const char *field,
                                      const char *id);

/**
 * Empties a field. The builder's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API void guanxi_record_set_null(struct guanxi_record *record, const char *field);

/**
 * Sets a field to a value of any kind that a field takes; text in it is copied and may hold zero
 * bytes. The builder's thread. Since 0.1.
 */
GUANXI_API
void guanxi_record_set_value(struct guanxi_record *record,
                             const char *field,
                             const guanxi_value *value);

/**
 * Gives the record to an owner, by the 16 bytes of the user's id. A new record without one belongs to
 * the session's user. The builder's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
void guanxi_record_set_owner(struct guanxi_record *record,
                             const uint8_t *owner);

/**
 * Adds a key by which another system knows the record. Both texts are copied. The builder's thread.
 * Since 0.1.
 */
GUANXI_API
void guanxi_record_set_external_id(struct guanxi_record *record,
                                   const char *source,
                                   const char *key);

/**
 * Lets an update pass only if the stored record has this version (guanxi_cursor_version); otherwise it
 * gives `record.version_conflict`. The builder's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
void guanxi_record_expect_version(struct guanxi_record *record,
                                  uint64_t version);

/**
 * Makes a write of its own (guanxi_session_create, _update, _upsert) happen once: repeated with the same
 * key it gives the first answer and changes nothing, and with the same key for another request it gives
 * `record.idempotency_mismatch`. Inside a transaction it is refused. Copied. The builder's thread.
 * Since 0.1.
 */
GUANXI_API
void guanxi_record_set_idempotency_key(struct guanxi_record *record,
                                       const char *key);

/**
 * Frees a builder; NULL and one that was freed already are left alone. Any thread. Since 0.1.
 */
GUANXI_API void guanxi_record_free(struct guanxi_record *record);

/**
 * Begins a transaction, which waits for its turn to write. `cause` is what the ledger names as the
 * reason, or NULL. `timeout_ms` bounds the waiting and the whole transaction, after which it rolls
 * back at its next call; 0 is the session's own. `*out` is the caller's until commit or rollback, and
 * NULL on failure.
 *
 * Errors: `engine.reentrant` if this thread has a transaction already; `engine.deadline_exceeded`.
 * Any thread, to which the transaction then belongs. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_txn_begin(struct guanxi_session *session,
                               const char *cause,
                               uint64_t timeout_ms,
                               struct guanxi_txn **out,
                               struct guanxi_error **err);

/**
 * Makes everything that the transaction did durable, and frees the handle, also on failure, unless
 * the failure is `engine.wrong_thread`, `engine.forked` or `input.invalid_handle` (also for a lent one).
 *
 * Errors: the first error of a write of this transaction, after a rollback; `storage.io`,
 * `storage.conflict`, `engine.deadline_exceeded`. The transaction's thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_txn_commit(struct guanxi_txn *txn,
                                struct guanxi_error **err);

/**
 * Leaves nothing of the transaction behind and frees the handle. NULL is no error.
 *
 * Errors: `engine.wrong_thread`, `engine.forked`, `input.invalid_handle` (also for a lent one), and the
 * handle stays. The transaction's thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_txn_rollback(struct guanxi_txn *txn,
                                  struct guanxi_error **err);

/**
 * Creates a record. `id` is NULL or takes the 16 bytes of the new record's id.
 *
 * Errors: the record's own first error; `schema.*` naming entity and field, `access.not_permitted`,
 * `record.reference_missing`, and what rules refuse. The transaction's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_txn_create(struct guanxi_txn *txn,
                                const struct guanxi_record *record,
                                uint8_t *id,
                                struct guanxi_error **err);

/**
 * Changes the record with an id of 16 bytes; fields that are not set stay as they are.
 *
 * Errors: as guanxi_txn_create; `record.not_found`, `record.version_conflict`. The transaction's
 * thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_txn_update(struct guanxi_txn *txn,
                                const uint8_t *id,
                                const struct guanxi_record *record,
                                struct guanxi_error **err);

/**
 * Changes the record that another system knows by a key, or creates it with that key. `id` is NULL or
 * takes the 16 bytes of the record's id.
 *
 * Errors: as guanxi_txn_create and guanxi_txn_update. The transaction's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_txn_upsert(struct guanxi_txn *txn,
                                const char *source,
                                const char *key,
                                const struct guanxi_record *record,
                                uint8_t *id,
                                struct guanxi_error **err);

/**
 * Deletes the record with an id of 16 bytes, softly: the ledger keeps it.
 *
 * Errors: `record.not_found`, `record.referenced`, `access.not_permitted`. The transaction's thread.
 * Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_txn_delete(struct guanxi_txn *txn,
                                const char *entity,
                                const uint8_t *id,
                                struct guanxi_error **err);

/**
 * Reads the record with an id of 16 bytes, with the changes of this transaction, as a cursor with one
 * row. `*out` is the caller's until guanxi_cursor_free, and NULL on failure.
 *
 * Errors: `record.not_found`, `access.not_permitted`, `schema.unknown_entity`. The transaction's
 * thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_txn_get(struct guanxi_txn *txn,
                             const char *entity,
                             const uint8_t *id,
                             struct guanxi_cursor **out,
                             struct guanxi_error **err);

/**
 * What the transaction took but a person should look at, as a JSON list of objects with `entity`,
 * `field` and `message` in the session's language. `*out` is the caller's until guanxi_buffer_free,
 * and NULL on failure. The transaction's thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_txn_warnings(struct guanxi_txn *txn,
                                  struct guanxi_buffer **out,
                                  struct guanxi_error **err);

/**
 * Runs a function in a transaction, commits what it did, and runs it again if another change came
 * first. `user_data` is handed to it.
 *
 * Errors: the first error of a write of the transaction, also if the function returns GUANXI_OK; else
 * the error of the status that it returned, if that is one of the catalogue; else `engine.cancelled`.
 * Those of guanxi_txn_begin and guanxi_txn_commit. Any thread; the function runs on the same. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_write(struct guanxi_session *session,
                           guanxi_write_function function,
                           void *user_data,
                           struct guanxi_error **err);

/**
 * Creates a record in a transaction of its own. `id` is NULL or takes the 16 bytes of its id.
 *
 * Errors: as guanxi_txn_create and guanxi_txn_commit; `record.idempotency_mismatch`. Any thread; the
 * record is only read. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_session_create(struct guanxi_session *session,
                                    const struct guanxi_record *record,
                                    uint8_t *id,
                                    struct guanxi_error **err);

/**
 * Changes the record with an id of 16 bytes in a transaction of its own.
 *
 * Errors: as guanxi_txn_update and guanxi_txn_commit; `record.idempotency_mismatch`. Any thread; the
 * record is only read. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_session_update(struct guanxi_session *session,
                                    const uint8_t *id,
                                    const struct guanxi_record *record,
                                    struct guanxi_error **err);

/**
 * Changes the record that another system knows by a key, or creates it, in a transaction of its own.
 * `id` is NULL or takes the 16 bytes of the record's id.
 *
 * Errors: as guanxi_txn_upsert and guanxi_txn_commit; `record.idempotency_mismatch`. Any thread; the
 * record is only read. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_session_upsert(struct guanxi_session *session,
                                    const char *source,
                                    const char *key,
                                    const struct guanxi_record *record,
                                    uint8_t *id,
                                    struct guanxi_error **err);

/**
 * Deletes the record with an id of 16 bytes in a transaction of its own.
 *
 * Errors: as guanxi_txn_delete and guanxi_txn_commit. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_session_delete(struct guanxi_session *session,
                                    const char *entity,
                                    const uint8_t *id,
                                    struct guanxi_error **err);

/**
 * A new query for all records of an entity such as `crm.account`. It is the caller's until
 * guanxi_query_free. NULL only if memory runs out. Any thread. Since 0.1.
 */
GUANXI_API struct guanxi_query *guanxi_query_new(const char *entity);

/**
 * Sets the filter, a JSON object: `{"all": [...]}`, `{"any": [...]}`, `{"not": ...}`,
 * `{"field": ..., "op": ..., "value": ...}`, or `{"status": "open", "city": "上海"}`, which must all be
 * equal. Operators: `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `between`, `contains`, `starts_with`, `in`, `not_in`,
 * `within` (a span of time that `query.periods` lists), `under` (below a record of the same entity), `near` (within
 * `{"latitude": ..., "longitude": ..., "metres": ...}`), `is_null`; and `{"expression": "amount > 100"}`. A field may lie along at most three references, as `account.owner.name`. Copied. The query's thread. Since 0.1.
 */
GUANXI_API
void guanxi_query_filter_json(struct guanxi_query *query,
                              const char *filter);

/**
 * Adds a field to the order: smallest first, or largest first if `descending` is not 0. Without any,
 * records come in the order of their creation. Copied. The query's thread. Since 0.1.
 */
GUANXI_API
void guanxi_query_sort(struct guanxi_query *query,
                       const char *field,
                       int32_t descending);

/**
 * Sets how the texts among the fields of the order sort: `code_point`, as without this, `pinyin`, `stroke`, or
 * `surname` for names of persons. Codes keep their order. Copied. The query's thread. Since 0.1.
 */
GUANXI_API
void guanxi_query_collate(struct guanxi_query *query,
                          const char *collation);

/**
 * Sets the language, as a BCP 47 tag, in which texts are told, compared and sorted where they have a translation;
 * without it, and with NULL, the texts themselves are. Copied. The query's thread. Since 0.1.
 */
GUANXI_API
void guanxi_query_locale(struct guanxi_query *query,
                         const char *locale);

/**
 * Adds a field to the columns of the cursor, which then has those alone that were added, in their order, between the
 * id and the facts of every record; without any it has all that the user may see. No other values are read. Copied.
 * The query's thread. Since 0.1.
 */
GUANXI_API
void guanxi_query_field(struct guanxi_query *query,
                        const char *field);

/**
 * Sets whether the titles of the records that rows refer to come along, if `wanted` is not 0: behind the column of
 * each reference to one record, and of owner and unit, stands one of its name and `.title`, such as `account.title`.
 * It is null where the user may not see the title. The query's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
void guanxi_query_titles(struct guanxi_query *query,
                         int32_t wanted);

/**
 * Sets the day on which the records hold, as `2026-11-22`, where records of the entity hold on some days; NULL for
 * whenever, as without this. Copied. The query's thread. Since 0.1.
 */
GUANXI_API
void guanxi_query_valid_at(struct guanxi_query *query,
                           const char *day);

/**
 * Says how a query would be read, without reading a row: a JSON object with `index`, `components`, `ranges`, `lanes`,
 * `residual`, `order`, `scan` and `count`, as the method `query.explain` gives it. `*out` is the caller's until
 * guanxi_buffer_free, and NULL on failure.
 *
 * Errors: as guanxi_query_run. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_query_explain(struct guanxi_session *session,
                                   const struct guanxi_query *query,
                                   struct guanxi_buffer **out,
                                   struct guanxi_error **err);

/**
 * Sets the most rows that a run gives altogether; 0 is all. The query's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
void guanxi_query_limit(struct guanxi_query *query,
                        uint64_t rows);

/**
 * Runs a query. The cursor stands before its first row; it is the caller's until guanxi_cursor_free,
 * and NULL on failure.
 *
 * Errors: the query's own first error; `schema.unknown_entity`, `schema.unknown_field`,
 * `input.invalid_filter`, `access.not_permitted`, `access.field_not_permitted`. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_query_run(struct guanxi_session *session,
                               const struct guanxi_query *query,
                               struct guanxi_cursor **out,
                               struct guanxi_error **err);

/**
 * Counts the records that a query means; its order and limit do not matter. `*count` is written on
 * success only.
 *
 * Errors: as guanxi_query_run. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_count(struct guanxi_session *session,
                           const struct guanxi_query *query,
                           uint64_t *count,
                           struct guanxi_error **err);

/**
 * Reads the record with an id of 16 bytes, as a cursor with one row. `*out` is the caller's until
 * guanxi_cursor_free, and NULL on failure.
 *
 * Errors: `record.not_found`, `access.not_permitted`, `schema.unknown_entity`. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_session_get(struct guanxi_session *session,
                                 const char *entity,
                                 const uint8_t *id,
                                 struct guanxi_cursor **out,
                                 struct guanxi_error **err);

/**
 * Frees a query; NULL and one that was freed already are left alone. Any thread. Since 0.1.
 */
GUANXI_API void guanxi_query_free(struct guanxi_query *query);

/**
 * Goes to the next row: GUANXI_ROW, or GUANXI_DONE after the last. It reads further pages by itself.
 *
 * Errors: `engine.cancelled`, `engine.deadline_exceeded`, `access.not_permitted` if the right was taken
 * away meanwhile. The cursor's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_cursor_next(struct guanxi_cursor *cursor,
                                 struct guanxi_error **err);

/**
 * Every value of the current row, in the order of the columns. `capacity` is how many values there is
 * room for at `values`. Text in them is borrowed, see guanxi_cursor.
 *
 * Errors: `input.limit_exceeded` if there is room for less than a row. The cursor's thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_cursor_row(struct guanxi_cursor *cursor,
                                guanxi_value *values,
                                size_t capacity,
                                struct guanxi_error **err);

/**
 * Goes on by as many rows as there is room for, at most 10,000, and writes their values row by row.
 * `rows` is how many rows there is room for at `values`, each of guanxi_cursor_column_count values;
 * `*fetched` is how many were written. GUANXI_ROW if any, GUANXI_DONE if there are no more. The current
 * row is the last one written. Text in the values is borrowed, see guanxi_cursor.
 *
 * Errors: as guanxi_cursor_next; `input.limit_exceeded` if there is room for none. The cursor's thread.
 * Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_cursor_fetch(struct guanxi_cursor *cursor,
                                  guanxi_value *values,
                                  size_t rows,
                                  size_t *fetched,
                                  struct guanxi_error **err);

/**
 * Goes on by at most `rows` rows (10,000 if it is 0 or more than that) and gives them as a JSON list of
 * records, as the method `record.list` does. GUANXI_ROW if there are any, GUANXI_DONE with an empty list
 * if there are no more. `*out` is the caller's until guanxi_buffer_free, and NULL on failure.
 *
 * Errors: as guanxi_cursor_next. The cursor's thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_cursor_json(struct guanxi_cursor *cursor,
                                 size_t rows,
                                 struct guanxi_buffer **out,
                                 struct guanxi_error **err);

/**
 * Frees a cursor, and with it all text that it gave; NULL and one that was freed already are left alone.
 * Any thread. Since 0.1.
 */
GUANXI_API
void guanxi_cursor_free(struct guanxi_cursor *cursor);

/**
 * Goes on by at most `rows` rows (10,000 if it is 0 or more than that) and gives them as a JSON list of lists: of
 * each row the values of the first `columns` columns in their order, of all columns if it is 0 or more than there
 * are. Values are those that guanxi_cursor_json gives, null where there is none. GUANXI_ROW if there are any rows,
 * GUANXI_DONE with an empty list if there are no more. `*out` is the caller's until guanxi_buffer_free, and NULL
 * on failure.
 *
 * Errors: as guanxi_cursor_next. The cursor's thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_cursor_json_table(struct guanxi_cursor *cursor,
                                       size_t rows,
                                       size_t columns,
                                       struct guanxi_buffer **out,
                                       struct guanxi_error **err);

/**
 * How many columns the rows have; 0 for NULL. The cursor's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API size_t guanxi_cursor_column_count(const struct guanxi_cursor *cursor);

/**
 * The name of a column, which ends in a zero byte; "" if there is no such column. Borrowed from the
 * cursor. The cursor's thread. Since 0.1.
 */
GUANXI_API const char *guanxi_cursor_column_name(const struct guanxi_cursor *cursor, size_t column);

/**
 * The number of the column with a name, or -1. The cursor's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API int64_t guanxi_cursor_find(const struct guanxi_cursor *cursor, const char *name);

/**
 * The kind of value that a column holds when it holds one; GUANXI_VALUE_NULL if there is no such column.
 * The cursor's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_value_kind guanxi_cursor_type(const struct guanxi_cursor *cursor,
                                     size_t column);

/**
 * 1 if the current row has no value in a column, or there is no such row or column; else 0.
 * The cursor's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API int32_t guanxi_cursor_is_null(const struct guanxi_cursor *cursor, size_t column);

/**
 * The text in a column of the current row, or the JSON of a list or map: UTF-8 of `*length` bytes, without
 * a zero byte at its end; NULL and length 0 if there is none or the value is neither. `length` may be NULL. Borrowed, see
 * guanxi_cursor. The cursor's thread. Since 0.1.
 */
GUANXI_API
const char *guanxi_cursor_text(const struct guanxi_cursor *cursor,
                               size_t column,
                               size_t *length);

/**
 * The whole number in a column of the current row: an INT, a BOOL as 1 or 0, a DATE as days since
 * 1970-01-01, a DATETIME as microseconds since then in UTC, a TIME as microseconds since midnight, a
 * DURATION in microseconds; 0 if there is none or it is none of these.
 * The cursor's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
int64_t guanxi_cursor_int(const struct guanxi_cursor *cursor,
                          size_t column);

/**
 * 1 if the value in a column of the current row is true, else 0. The cursor's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
int32_t guanxi_cursor_bool(const struct guanxi_cursor *cursor,
                           size_t column);

/**
 * The exact decimal in a column of the current row; zero if there is none (guanxi_cursor_is_null).
 *
 * Errors: `schema.wrong_type` if the value is no DECIMAL. The cursor's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_cursor_decimal(struct guanxi_cursor *cursor,
                                    size_t column,
                                    guanxi_decimal *out,
                                    struct guanxi_error **err);

/**
 * The amount in a column of the current row, with its currency; zero and no currency if there is none.
 *
 * Errors: `schema.wrong_type` if the value is no MONEY. The cursor's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_cursor_money(struct guanxi_cursor *cursor,
                                  size_t column,
                                  guanxi_decimal *out,
                                  struct guanxi_error **err);

/**
 * The day in a column of the current row, as year, month 1 to 12 and day of month; all 0 if there is
 * none.
 *
 * Errors: `schema.wrong_type` if the value is no DATE. The cursor's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_cursor_date(struct guanxi_cursor *cursor,
                                 size_t column,
                                 int32_t *year,
                                 int32_t *month,
                                 int32_t *day,
                                 struct guanxi_error **err);

/**
 * The id in a column of the current row, as 16 bytes: column 0 is the record's own, others are
 * references; zeros if there is none.
 *
 * Errors: `schema.wrong_type` if the value is no ID. The cursor's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_cursor_id(struct guanxi_cursor *cursor,
                               size_t column,
                               uint8_t *id,
                               struct guanxi_error **err);

/**
 * The version of the current row's record, for guanxi_record_expect_version; 0 if there is no row, and
 * for the rows of a search. The cursor's thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
uint64_t guanxi_cursor_version(const struct guanxi_cursor *cursor);

/**
 * The value in a column of the current row, of whatever kind; GUANXI_VALUE_NULL if there is none. Text in
 * it is borrowed, see guanxi_cursor.
 *
 * Errors: `input.invalid_argument` if there is no such column. The cursor's thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_cursor_value(struct guanxi_cursor *cursor,
                                  size_t column,
                                  guanxi_value *out,
                                  struct guanxi_error **err);

/**
 * The first byte of the text, which ends in a zero byte; "" for NULL. Borrowed from the buffer.
 * Any thread. Since 0.1.
 */
GUANXI_API const char *guanxi_buffer_data(const struct guanxi_buffer *buffer);

/**
 * The length of the text in bytes, without the zero byte; 0 for NULL. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
size_t guanxi_buffer_length(const struct guanxi_buffer *buffer);

/**
 * Frees a buffer; NULL and one that was freed already are left alone. Any thread. Since 0.1.
 */
GUANXI_API void guanxi_buffer_free(struct guanxi_buffer *buffer);

/**
 * Calls a method by its name, such as `opportunity.win`, with a JSON object of its parameters; NULL or
 * "" is none. The answer is JSON. The method `api.describe` lists all methods with their parameters.
 * `*out` is the caller's until guanxi_buffer_free, and NULL on failure.
 *
 * Errors: `input.unknown_method`, `input.invalid_json`, `input.missing_parameter`,
 * `input.unknown_parameter`, `input.invalid_argument`, and those of the method. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_call(struct guanxi_session *session,
                          const char *method,
                          const char *parameters,
                          struct guanxi_buffer **out,
                          struct guanxi_error **err);

/**
 * Searches for words, parts of words and, in Chinese, their sounds, among what the user may see.
 * `entity` narrows it to one entity, or is NULL; `limit` is the most hits, 0 for the method's own. The
 * cursor's columns are `id`, `entity` and `title`, best hit first; it is the caller's until
 * guanxi_cursor_free, and NULL on failure.
 *
 * Errors: those of the method `search.find`. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_search(struct guanxi_session *session,
                            const char *entity,
                            const char *words,
                            uint64_t limit,
                            struct guanxi_cursor **out,
                            struct guanxi_error **err);

/**
 * Finds records that have telling words in common with one, of an entity, by its id of 16 bytes, the most alike first.
 * `among` narrows what is found to one entity, or is NULL; `limit` is the most hits, 0 for the method's own. The
 * cursor's columns are as those of guanxi_search; it is the caller's until guanxi_cursor_free, and NULL on failure.
 *
 * Errors: those of the method `search.similar`. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_search_similar(struct guanxi_session *session,
                                    const char *entity,
                                    const uint8_t *id,
                                    const char *among,
                                    uint64_t limit,
                                    struct guanxi_cursor **out,
                                    struct guanxi_error **err);

/**
 * Tells how far the search index has come. `*behind` is 1 while it is made anew or very much was written, and 0 where
 * it is complete; then the others are 0. `*done` are the records that are found already of the `*total` that there
 * are, and `*entries` the entries of the ledger that were not looked at yet. Each place may be NULL.
 *
 * Errors: `access.not_permitted` without the right to administer everything; `storage.io`. Any thread.
 * Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_search_progress(struct guanxi_session *session,
                                     int32_t *behind,
                                     uint64_t *done,
                                     uint64_t *total,
                                     uint64_t *entries,
                                     struct guanxi_error **err);

/**
 * Brings the search index up to date, however far it is behind, and makes it durable. It stops when the session is
 * interrupted, and what was done until then stays done. Others search meanwhile.
 *
 * Errors: those of the method `search.settle`. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_search_settle(struct guanxi_session *session,
                                   struct guanxi_error **err);

/**
 * Has the host's function of guanxi_open_options, `extractor`, read the texts of at most `limit` attachments that wait
 * for it, 0 for the method's own number, so that search finds the records by them. Unless `again` is 0, all
 * attachments without a text wait once more first: those that could not be read three times, and those that were
 * attached before there was a function. `*read` are those that have a text now, `*failed` those that could not be
 * read, and `*waiting` what the next calls read; each place may be NULL.
 *
 * Errors: those of the method `search.extract`. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_search_extract(struct guanxi_session *session,
                                    uint64_t limit,
                                    int32_t again,
                                    uint64_t *read,
                                    uint64_t *failed,
                                    uint64_t *waiting,
                                    struct guanxi_error **err);

/**
 * Follows what changes: `filter` is NULL or "" for all that the session's user may see, or a JSON object with
 * `entities`, a list of names such as `crm.account`, and `after`, a position behind which to begin, where without it
 * only what changes from now on is told. Changes are durable when they are told, and are held against the user's
 * permissions of that moment. A host that keeps the position of the last changes it has done with, and begins
 * there after a restart, misses none. `*out` is the caller's until guanxi_unsubscribe, and NULL on failure.
 *
 * Errors: `input.invalid_json`, `input.invalid_filter`, `schema.unknown_entity`, `access.not_permitted`. Any
 * thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_subscribe(struct guanxi_session *session,
                               const char *filter,
                               struct guanxi_subscription **out,
                               struct guanxi_error **err);

/**
 * Waits for changes: GUANXI_ROW with a JSON object of `changes`, a list of objects with `position`, `kind` (`create`,
 * `update`, `delete`, `erase`), `entity`, `id`, `at`, `actor` and `fields`, as the method `record.changes` gives it;
 * of `position`, where the next ones begin; and of `more`. GUANXI_DONE if there are none within
 * `timeout_ms` milliseconds, of which 0 does not wait. Several calls on one subscription wait for one another,
 * and none gets what another one got. `*out` is the caller's until guanxi_buffer_free, and NULL unless there is a row.
 *
 * Errors: `input.invalid_argument` once a function is told of the changes; `engine.cancelled` by
 * guanxi_session_interrupt, `access.session_ended`, `access.not_permitted` if the right was taken away. Any thread.
 * Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_subscription_next(struct guanxi_subscription *subscription,
                                       uint64_t timeout_ms,
                                       struct guanxi_buffer **out,
                                       struct guanxi_error **err);

/**
 * The position behind which the next changes are looked for; 0 for NULL. A host keeps it to begin there again.
 * Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
uint64_t guanxi_subscription_position(struct guanxi_subscription *subscription);

/**
 * Has a function told of the changes from now on, on a thread that the subscription begins for it. `destroy`, unless
 * it is NULL, is called once with `user_data` when the function will not be called any more, and also if this call
 * fails. Only one function can be told, and guanxi_subscription_next is refused then.
 *
 * Errors: `input.null_argument` without a function; `input.invalid_argument` if there is one already; `storage.io` if
 * the system gives no thread. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_subscription_listen(struct guanxi_subscription *subscription,
                                         guanxi_changes_function function,
                                         void *user_data,
                                         guanxi_destroy_function destroy,
                                         struct guanxi_error **err);

/**
 * Ends a subscription and frees its handle. A function that is told returns before this does, and is not called
 * again, unless this is called by the function itself. NULL and one that was freed already are left alone.
 * Any thread. Since 0.1.
 */
GUANXI_API
void guanxi_unsubscribe(struct guanxi_subscription *subscription);

/**
 * Makes an interrupter. `*out` is the caller's until guanxi_interrupter_free, and NULL on failure.
 * Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_interrupter_new(struct guanxi_interrupter **out,
                                     struct guanxi_error **err);

/**
 * Ends the calls that were given this interrupter and run now; each gives `engine.cancelled` at its next
 * check. A call that begins when none runs is not touched. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_interrupter_interrupt(struct guanxi_interrupter *interrupter,
                                           struct guanxi_error **err);

/**
 * Frees an interrupter; NULL and one that was freed already are left alone. Any thread. Since 0.1.
 */
GUANXI_API void guanxi_interrupter_free(struct guanxi_interrupter *interrupter);

/**
 * Writes `size` bytes of options: zeros, and the size. For languages that cannot use the macro.
 *
 * `options` leads to `size` bytes, of which the size itself is one; NULL or fewer bytes are left as
 * they are. Any thread. Keeps no pointer. Since 0.1.
 */
GUANXI_API void guanxi_call_options_init(struct guanxi_call_options *options, size_t size);

/**
 * Calls a method that needs no session, because no database is open, such as `backup.restore`,
 * `backup.verify`, `database.create` or `database.salvage`, with a JSON object of its parameters; NULL or ""
 * is none. The answer is JSON. The method `api.describe` lists all methods, and says of each whether its
 * `session` is `required` (guanxi_call), `none` (this function), or `optional` (both). `options` may be NULL.
 * `*out` is the caller's until guanxi_buffer_free, and NULL on failure. Keys and passwords stand in
 * `parameters`, which the caller wipes; the library wipes its copies.
 *
 * Errors: `input.unknown_method`, `input.session_required`, `input.invalid_json`, `input.missing_parameter`,
 * `input.unknown_parameter`, `input.invalid_argument`, `engine.cancelled`, `engine.deadline_exceeded`, and
 * those of the method. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_call_without_session(const char *method,
                                          const char *parameters,
                                          const struct guanxi_call_options *options,
                                          struct guanxi_buffer **out,
                                          struct guanxi_error **err);

/**
 * Loads a plugin from its package, a directory or one file, by its absolute path, into the database of a session.
 * Migrations that are due run in the right of the session's user. A library is never unloaded.
 *
 * `trust` is the absolute path of the host's trust store (`guanxi plugin trust`); with NULL a package is taken that
 * nobody has signed, and the host vouches for it. All text is copied.
 *
 * Errors: `plugin.path`, `plugin.signature`, `plugin.key_unknown`, `plugin.key_revoked`, `plugin.key_expired`,
 * `plugin.too_large`, `plugin.archive`, `plugin.manifest`, `plugin.abi_mismatch`, `plugin.conflict`,
 * `plugin.capability`, `plugin.wrong_target`, `plugin.hash_mismatch`, `plugin.revoked`, `plugin.requires`,
 * `plugin.excludes`, `plugin.downgrade`, `plugin.crashed`, `plugin.entry`, and what the plugin's registration gives. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_plugin_load(struct guanxi_session *session,
                                 const char *package,
                                 const char *trust,
                                 struct guanxi_error **err);

/**
 * Adds a plugin that is linked into the host to the database of a session. `manifest` is the text of its
 * `manifest.toml`, and is copied; `entry` is its entry function, a `guanxi_plugin_entry` of guanxi_plugin.h, cast to
 * this type.
 *
 * Errors: `input.null_argument`; those of guanxi_plugin_load but for packages. Any thread. Since 0.1.
 */
GUANXI_API
guanxi_status guanxi_plugin_link(struct guanxi_session *session,
                                 const char *manifest,
                                 guanxi_status (*entry)(void *information),
                                 struct guanxi_error **err);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* GUANXI_H */
