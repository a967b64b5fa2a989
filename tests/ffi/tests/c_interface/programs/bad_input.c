/* Bad input through every door: each is answered with the right error, and nothing crashes. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "database.h"

#define NULL_ARGUMENT GUANXI_ERR_INPUT_NULL_ARGUMENT
#define INVALID_HANDLE GUANXI_ERR_INPUT_INVALID_HANDLE

static const char not_utf8[] = "\xff\xfe";
static const uint8_t nobody[16] = {0};

/* Functions that free or read take NULL and say nothing. */
static void null_handles_are_freed_and_read_as_nothing(void) {
  guanxi_error_free(NULL);
  guanxi_session_free(NULL);
  guanxi_record_free(NULL);
  guanxi_query_free(NULL);
  guanxi_cursor_free(NULL);
  guanxi_buffer_free(NULL);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(NULL, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_rollback(NULL, &err));
  EXPECT(guanxi_error_code(NULL) == GUANXI_OK);
  EXPECT(*guanxi_error_key(NULL) == 0 && *guanxi_error_message(NULL) == 0);
  EXPECT(*guanxi_error_entity(NULL) == 0 && *guanxi_error_record(NULL) == 0);
  EXPECT(*guanxi_error_field(NULL) == 0 && *guanxi_error_rule(NULL) == 0);
  EXPECT(*guanxi_error_plugin(NULL) == 0 && *guanxi_error_json(NULL) == 0);
  EXPECT(guanxi_error_retryable(NULL) == 0);
  EXPECT(*guanxi_buffer_data(NULL) == 0 && guanxi_buffer_length(NULL) == 0);
  EXPECT(guanxi_cursor_column_count(NULL) == 0 && *guanxi_cursor_column_name(NULL, 0) == 0);
  EXPECT(guanxi_cursor_find(NULL, "name") == -1 && guanxi_cursor_type(NULL, 0) == GUANXI_VALUE_NULL);
  EXPECT(guanxi_cursor_is_null(NULL, 0) == 1 && guanxi_cursor_text(NULL, 0, NULL) == NULL);
  EXPECT(guanxi_cursor_int(NULL, 0) == 0 && guanxi_cursor_bool(NULL, 0) == 0);
  EXPECT(guanxi_cursor_version(NULL) == 0);
  guanxi_open_options_init(NULL, 100);
  guanxi_record_set_text(NULL, "name", "value");
  guanxi_record_set_null(NULL, NULL);
  guanxi_record_expect_version(NULL, 1);
  guanxi_query_filter_json(NULL, "{}");
  guanxi_query_sort(NULL, "name", 0);
  guanxi_query_locale(NULL, "en");
  guanxi_query_limit(NULL, 1);
}

/* Functions that work refuse NULL, for each argument that must be there. */
static void null_arguments_are_refused(guanxi_engine *engine, guanxi_session *session) {
  guanxi_engine *no_engine = NULL;
  guanxi_session *no_session = NULL;
  guanxi_txn *txn = NULL;
  guanxi_cursor *cursor = NULL;
  guanxi_buffer *buffer = NULL;
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_query *query = guanxi_query_new("crm.account");
  guanxi_open_options options = test_options("null.guanxi");
  uint64_t count = 77;

  EXPECT_STATUS(NULL_ARGUMENT, guanxi_create(NULL, &no_engine, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_create(&options, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_open(&options, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_sign_in(NULL, "a", "b", &no_session, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_sign_in(engine, NULL, "b", &no_session, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_sign_in(engine, "a", NULL, &no_session, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_sign_in(engine, "a", "b", NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_for(NULL, "a", &no_session, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_user(session, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_set_locale(session, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_set_timeout_ms(NULL, 1, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_interrupt(NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_create(NULL, record, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_create(session, NULL, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_update(session, NULL, record, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_upsert(session, NULL, "k", record, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_delete(session, NULL, nobody, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_get(session, "crm.account", NULL, &cursor, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_txn_begin(NULL, NULL, 0, &txn, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_txn_begin(session, NULL, 0, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_txn_commit(NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_txn_create(NULL, record, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_txn_update(NULL, nobody, record, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_txn_upsert(NULL, "s", "k", record, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_txn_delete(NULL, "crm.account", nobody, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_txn_get(NULL, "crm.account", nobody, &cursor, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_txn_warnings(NULL, &buffer, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_write(session, NULL, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_query_run(session, NULL, &cursor, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_query_run(session, query, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_count(session, query, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_count(session, NULL, &count, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_cursor_next(NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_cursor_json(NULL, 1, &buffer, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_call(NULL, "api.describe", NULL, &buffer, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_call(session, NULL, NULL, &buffer, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_call(session, "api.describe", NULL, NULL, &err));
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_search(session, NULL, NULL, 1, &cursor, &err));
  EXPECT(count == 77 && cursor == NULL && buffer == NULL && txn == NULL);

  /* Who passes NULL for the error gets the status alone. */
  EXPECT(guanxi_cursor_next(NULL, NULL) == NULL_ARGUMENT);
  guanxi_record_free(record);
  guanxi_query_free(query);

  /* A builder without entity or with a null field reports it at the write. */
  record = guanxi_record_new(NULL);
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_create(session, record, NULL, &err));
  guanxi_record_free(record);
  record = guanxi_record_new("crm.account");
  guanxi_record_set_text(record, "city", NULL);
  EXPECT(guanxi_session_create(session, record, NULL, &err) == NULL_ARGUMENT);
  EXPECT(strcmp(guanxi_error_field(err), "city") == 0);
  guanxi_error_free(err);
  err = NULL;
  EXPECT_STATUS(NULL_ARGUMENT, guanxi_session_create(session, record, NULL, &err));
  guanxi_record_free(record);
}

static void text_that_is_not_utf8_is_refused(guanxi_engine *engine, guanxi_session *session) {
  guanxi_open_options options = test_options(not_utf8);
  guanxi_engine *no_engine = NULL;
  guanxi_session *no_session = NULL;
  guanxi_cursor *cursor = NULL;
  guanxi_buffer *buffer = NULL;
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_query *query = guanxi_query_new(not_utf8);

  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_UTF8, guanxi_open(&options, &no_engine, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_UTF8, guanxi_sign_in(engine, not_utf8, "b", &no_session, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_UTF8, guanxi_call(session, "record.list", not_utf8, &buffer, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_UTF8, guanxi_search(session, NULL, not_utf8, 1, &cursor, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_UTF8, guanxi_query_run(session, query, &cursor, &err));
  guanxi_record_set_text(record, "name", not_utf8);
  EXPECT(guanxi_session_create(session, record, NULL, &err) == GUANXI_ERR_INPUT_INVALID_UTF8);
  EXPECT(strcmp(guanxi_error_entity(err), "crm.account") == 0);
  EXPECT(strcmp(guanxi_error_field(err), "name") == 0);
  guanxi_error_free(err);
  err = NULL;
  guanxi_record_free(record);
  guanxi_query_free(query);
}

static void malformed_requests_are_refused(guanxi_session *session) {
  guanxi_buffer *buffer = NULL;
  guanxi_cursor *cursor = NULL;
  guanxi_query *query = guanxi_query_new("crm.account");
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_JSON, guanxi_call(session, "record.list", "{\"entity\":", &buffer, &err));
  /* JSON has no such numbers, and none beyond what a float holds. */
  {
    static const char *const numbers[5] = {"NaN", "Infinity", "-Infinity", "1e400", "-"};
    char text[64];
    int place;
    for (place = 0; place < 5; place++) {
      sprintf(text, "{\"entity\":\"account\",\"limit\":%s}", numbers[place]);
      EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_JSON, guanxi_call(session, "record.list", text, &buffer, &err));
    }
  }
  EXPECT_STATUS(GUANXI_ERR_INPUT_UNKNOWN_METHOD, guanxi_call(session, "no.such", "{}", &buffer, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_call(session, "record.list", "[]", &buffer, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_MISSING_PARAMETER, guanxi_call(session, "record.list", "{}", &buffer, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_UNKNOWN_PARAMETER,
                guanxi_call(session, "session.whoami", "{\"x\":1}", &buffer, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_session_set_locale(session, "tlh", &err));
  EXPECT(buffer == NULL);

  guanxi_query_filter_json(query, "{\"city\":");
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_JSON, guanxi_query_run(session, query, &cursor, &err));
  guanxi_query_free(query);
  query = guanxi_query_new("crm.account");
  guanxi_query_filter_json(query, "{\"field\":\"city\",\"op\":\"resembles\",\"value\":\"x\"}");
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_FILTER, guanxi_query_run(session, query, &cursor, &err));
  guanxi_query_free(query);
  query = guanxi_query_new("crm.account");
  guanxi_query_sort(query, "colour", 0);
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_UNKNOWN_FIELD, guanxi_query_run(session, query, &cursor, &err));
  guanxi_query_free(query);
  query = guanxi_query_new("crm.unicorn");
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_UNKNOWN_ENTITY, guanxi_query_run(session, query, &cursor, &err));
  guanxi_query_free(query);
}

static void values_of_the_wrong_kind_are_refused(guanxi_session *session) {
  guanxi_value value;
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_record_set_int(record, "name", 7);
  EXPECT(guanxi_session_create(session, record, NULL, &err) == GUANXI_ERR_SCHEMA_WRONG_TYPE);
  EXPECT(strcmp(guanxi_error_field(err), "name") == 0);
  EXPECT(strstr(guanxi_error_json(err), "schema.wrong_type") != NULL);
  guanxi_error_free(err);
  err = NULL;
  guanxi_record_free(record);

  record = guanxi_record_new("crm.product");
  guanxi_record_set_text(record, "name", "x");
  guanxi_record_set_money(record, "price", "12,5", "CNY");
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_WRONG_TYPE, guanxi_session_create(session, record, NULL, &err));
  guanxi_record_free(record);

  record = guanxi_record_new("crm.product");
  guanxi_record_set_text(record, "name", "x");
  guanxi_record_set_money(record, "price", "12.5", "ZZZ");
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_UNKNOWN_CURRENCY, guanxi_session_create(session, record, NULL, &err));
  guanxi_record_free(record);

  record = guanxi_record_new("crm.account");
  memset(&value, 0, sizeof value);
  value.kind = 77;
  guanxi_record_set_value(record, "name", &value);
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_WRONG_TYPE, guanxi_session_create(session, record, NULL, &err));
  guanxi_record_free(record);

  /* The first error is the one that is reported, whatever is set after it. */
  record = guanxi_record_new("crm.account");
  guanxi_record_set_date(record, "established", "yesterday");
  guanxi_record_set_text(record, "name", not_utf8);
  guanxi_record_set_text(record, "name", "fine");
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_WRONG_TYPE, guanxi_session_create(session, record, NULL, &err));
  guanxi_record_free(record);

  record = guanxi_record_new("crm.account");
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_REQUIRED, guanxi_session_create(session, record, NULL, &err));
  guanxi_record_free(record);
}

static void bad_options_are_refused(void) {
  guanxi_engine *engine = NULL;
  guanxi_open_options options = test_options("options.guanxi");
  options.struct_size = offsetof(guanxi_open_options, durability) - 1;
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_open(&options, &engine, &err));
  options = test_options("options.guanxi");
  options.flags = 1u << 30;
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_open(&options, &engine, &err));
  options = test_options("options.guanxi");
  options.key_len = 31;
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_open(&options, &engine, &err));
  options = test_options("options.guanxi");
  options.passphrase = "as well as a key";
  EXPECT_STATUS(GUANXI_ERR_INPUT_MISSING_PARAMETER, guanxi_open(&options, &engine, &err));
  options = test_options("options.guanxi");
  options.locale = "tlh";
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_open(&options, &engine, &err));
  options = test_options("options.guanxi");
  EXPECT_STATUS(GUANXI_ERR_STORAGE_NOT_FOUND, guanxi_open(&options, &engine, &err));
  options.administrator_password = NULL;
  EXPECT_STATUS(GUANXI_ERR_INPUT_MISSING_PARAMETER, guanxi_create(&options, &engine, &err));
  options.administrator_password = "short";
  EXPECT_STATUS(GUANXI_ERR_ACCESS_WEAK_PASSWORD, guanxi_create(&options, &engine, &err));
  EXPECT(engine == NULL);
}

static void freed_and_foreign_handles_are_refused(guanxi_engine *engine, guanxi_session *session) {
  guanxi_session *second = test_session(engine);
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_query *query = guanxi_query_new("crm.account");
  guanxi_cursor *cursor = NULL;
  guanxi_buffer *buffer = NULL;
  guanxi_error *error = NULL;
  uint64_t count = 0;

  /* A handle of another kind. */
  EXPECT_STATUS(INVALID_HANDLE, guanxi_session_create(session, (guanxi_record *)query, NULL, &err));
  EXPECT_STATUS(INVALID_HANDLE, guanxi_count((guanxi_session *)engine, query, &count, &err));

  /* Freed once, freed twice, used afterwards. */
  guanxi_session_free(second);
  guanxi_session_free(second);
  EXPECT_STATUS(INVALID_HANDLE, guanxi_count(second, query, &count, &err));
  guanxi_record_free(record);
  guanxi_record_free(record);
  guanxi_record_set_text(record, "name", "too late");
  EXPECT_STATUS(INVALID_HANDLE, guanxi_session_create(session, record, NULL, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_query_run(session, query, &cursor, &err));
  guanxi_cursor_free(cursor);
  guanxi_cursor_free(cursor);
  EXPECT_STATUS(INVALID_HANDLE, guanxi_cursor_next(cursor, &err));
  EXPECT(guanxi_cursor_column_count(cursor) == 0);
  EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "session.whoami", NULL, &buffer, &err));
  guanxi_buffer_free(buffer);
  guanxi_buffer_free(buffer);
  EXPECT(guanxi_buffer_length(buffer) == 0);
  EXPECT(guanxi_call(session, "no.such", NULL, &buffer, &error) < 0);
  guanxi_error_free(error);
  guanxi_error_free(error);
  EXPECT(guanxi_error_code(error) == GUANXI_OK);
  guanxi_query_free(query);
  guanxi_query_free(query);
  EXPECT_STATUS(INVALID_HANDLE, guanxi_count(session, query, &count, &err));
}

static void *use_from_another_thread(void *txn) {
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_buffer *buffer = NULL;
  guanxi_record_set_text(record, "name", "elsewhere");
  EXPECT_STATUS(GUANXI_ERR_ENGINE_WRONG_THREAD, guanxi_txn_create(txn, record, NULL, &err));
  EXPECT_STATUS(GUANXI_ERR_ENGINE_WRONG_THREAD, guanxi_txn_warnings(txn, &buffer, &err));
  EXPECT_STATUS(GUANXI_ERR_ENGINE_WRONG_THREAD, guanxi_txn_commit(txn, &err));
  EXPECT_STATUS(GUANXI_ERR_ENGINE_WRONG_THREAD, guanxi_txn_rollback(txn, &err));
  guanxi_record_free(record);
  return NULL;
}

static guanxi_status commit_what_is_lent(guanxi_txn *txn, void *user_data) {
  (void)user_data;
  EXPECT_STATUS(INVALID_HANDLE, guanxi_txn_commit(txn, &err));
  EXPECT_STATUS(INVALID_HANDLE, guanxi_txn_rollback(txn, &err));
  return GUANXI_OK;
}

static void transactions_stay_with_their_thread_and_their_owner(guanxi_session *session) {
  guanxi_txn *txn = NULL, *second = NULL;
  guanxi_record *record = guanxi_record_new("crm.account");
  pthread_t thread;
  guanxi_record_set_text(record, "name", "inside");
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_begin(session, "test", 0, &txn, &err));
  EXPECT_STATUS(GUANXI_ERR_ENGINE_REENTRANT, guanxi_txn_begin(session, "test", 0, &second, &err));
  EXPECT_STATUS(GUANXI_ERR_ENGINE_REENTRANT, guanxi_session_create(session, record, NULL, &err));
  EXPECT_STATUS(GUANXI_ERR_ENGINE_REENTRANT, guanxi_write(session, commit_what_is_lent, NULL, &err));
  EXPECT(second == NULL);
  EXPECT(pthread_create(&thread, NULL, use_from_another_thread, txn) == 0);
  EXPECT(pthread_join(thread, NULL) == 0);
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_create(txn, record, NULL, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_rollback(txn, &err));
  EXPECT_STATUS(INVALID_HANDLE, guanxi_txn_rollback(txn, &err));
  EXPECT_STATUS(INVALID_HANDLE, guanxi_txn_commit(txn, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_write(session, commit_what_is_lent, NULL, &err));
  guanxi_record_free(record);
}

static void a_forked_child_is_refused_and_does_no_harm(guanxi_engine *engine, guanxi_session *session) {
  guanxi_query *query = guanxi_query_new("crm.account");
  guanxi_cursor *cursor = NULL;
  int status = 0;
  pid_t child;
  EXPECT_STATUS(GUANXI_OK, guanxi_query_run(session, query, &cursor, &err));
  fflush(NULL);
  child = fork();
  EXPECT(child >= 0);
  if (child == 0) {
    guanxi_session *no_session = NULL;
    uint64_t count = 0;
    EXPECT_STATUS(GUANXI_ERR_ENGINE_FORKED, guanxi_sign_in(engine, "a", "b", &no_session, &err));
    EXPECT_STATUS(GUANXI_ERR_ENGINE_FORKED, guanxi_count(session, query, &count, &err));
    EXPECT_STATUS(GUANXI_ERR_ENGINE_FORKED, guanxi_cursor_next(cursor, &err));
    EXPECT_STATUS(GUANXI_ERR_ENGINE_FORKED, guanxi_close(engine, &err));
    guanxi_cursor_free(cursor);
    guanxi_session_free(session);
    guanxi_query_free(query);
    _exit(0);
  }
  EXPECT(waitpid(child, &status, 0) == child);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT(guanxi_cursor_next(cursor, &err) >= 0);
  guanxi_cursor_free(cursor);
  guanxi_query_free(query);
}

static void an_engine_in_use_is_not_closed(guanxi_engine *engine, guanxi_session *session) {
  guanxi_query *query = guanxi_query_new("crm.account");
  guanxi_cursor *cursor = NULL;
  EXPECT_STATUS(GUANXI_OK, guanxi_query_run(session, query, &cursor, &err));
  EXPECT_STATUS(GUANXI_ERR_STORAGE_BUSY, guanxi_close(engine, &err));
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_ERR_STORAGE_BUSY, guanxi_close(engine, &err));
  guanxi_cursor_free(cursor);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
  EXPECT_STATUS(INVALID_HANDLE, guanxi_close(engine, &err));
  guanxi_query_free(query);
}

int main(void) {
  guanxi_engine *engine;
  guanxi_session *session;
  null_handles_are_freed_and_read_as_nothing();
  bad_options_are_refused();
  engine = test_database();
  session = test_session(engine);
  null_arguments_are_refused(engine, session);
  text_that_is_not_utf8_is_refused(engine, session);
  malformed_requests_are_refused(session);
  values_of_the_wrong_kind_are_refused(session);
  freed_and_foreign_handles_are_refused(engine, session);
  transactions_stay_with_their_thread_and_their_owner(session);
  a_forked_child_is_refused_and_does_no_harm(engine, session);
  an_engine_in_use_is_not_closed(engine, session);
  EXPECT(guanxi_debug_live_handles() == 0);
  return 0;
}
