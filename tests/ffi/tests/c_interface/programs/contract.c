/* What the header promises of values, transactions, cursors and sessions, seen from C. */
#include "database.h"

static uint8_t account[16];

/* The text in a column equals another. */
static int says(guanxi_cursor *cursor, const char *column, const char *wanted) {
  size_t length = 0;
  const char *text = guanxi_cursor_text(cursor, (size_t)guanxi_cursor_find(cursor, column), &length);
  return text != NULL && length == strlen(wanted) && memcmp(text, wanted, length) == 0;
}

static guanxi_cursor *read_account(guanxi_session *session) {
  guanxi_cursor *cursor = NULL;
  EXPECT_STATUS(GUANXI_OK, guanxi_session_get(session, "crm.account", account, &cursor, &err));
  EXPECT_STATUS(GUANXI_ROW, guanxi_cursor_next(cursor, &err));
  return cursor;
}

static void versions_agree_with_the_header(void) {
  char version[32];
  sprintf(version, "%d.%d.%d", GUANXI_VERSION_MAJOR, GUANXI_VERSION_MINOR, GUANXI_VERSION_PATCH);
  EXPECT(strcmp(version, guanxi_version()) == 0);
  EXPECT(guanxi_abi_version() == GUANXI_ABI_VERSION);
}

static void what_was_set_is_what_is_read(guanxi_session *session) {
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_cursor *cursor;
  guanxi_decimal money;
  guanxi_value value;
  uint8_t id[16], owner[16];
  size_t column, columns;
  guanxi_record_set_text(record, "name", "上海加喜企业服务有限公司");
  guanxi_record_set_int(record, "established", 2009);
  guanxi_record_set_money(record, "revenue", "-12800.50", "CNY");
  memset(&value, 0, sizeof value);
  value.kind = GUANXI_VALUE_TEXT;
  value.content.text.data = "Shanghai, and more";
  value.content.text.length = strlen("Shanghai");
  guanxi_record_set_value(record, "city", &value);
  EXPECT_STATUS(GUANXI_OK, guanxi_session_create(session, record, account, &err));
  guanxi_record_free(record);

  cursor = read_account(session);
  columns = guanxi_cursor_column_count(cursor);
  for (column = 0; column < columns; column++) {
    EXPECT(guanxi_cursor_find(cursor, guanxi_cursor_column_name(cursor, column)) == (int64_t)column);
  }
  EXPECT(guanxi_cursor_find(cursor, "colour") == -1);
  EXPECT(*guanxi_cursor_column_name(cursor, columns) == 0);
  EXPECT(says(cursor, "name", "上海加喜企业服务有限公司") && says(cursor, "city", "Shanghai"));
  EXPECT(guanxi_cursor_int(cursor, (size_t)guanxi_cursor_find(cursor, "established")) == 2009);
  EXPECT_STATUS(GUANXI_OK, guanxi_cursor_id(cursor, 0, id, &err));
  EXPECT(memcmp(id, account, 16) == 0);
  EXPECT_STATUS(GUANXI_OK, guanxi_session_user(session, owner, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_cursor_id(cursor, (size_t)guanxi_cursor_find(cursor, "owner"), id, &err));
  EXPECT(memcmp(id, owner, 16) == 0);

  column = (size_t)guanxi_cursor_find(cursor, "revenue");
  EXPECT(guanxi_cursor_type(cursor, column) == GUANXI_VALUE_MONEY);
  EXPECT_STATUS(GUANXI_OK, guanxi_cursor_money(cursor, column, &money, &err));
  EXPECT(money.low == 1280050 && money.high == 0 && money.scale_and_sign == (GUANXI_DECIMAL_NEGATIVE | 2));
  EXPECT(memcmp(money.currency, "CNY", 3) == 0);
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_WRONG_TYPE, guanxi_cursor_decimal(cursor, column, &money, &err));
  EXPECT(guanxi_cursor_text(cursor, column, NULL) == NULL && guanxi_cursor_int(cursor, column) == 0);

  column = (size_t)guanxi_cursor_find(cursor, "phone");
  EXPECT(guanxi_cursor_is_null(cursor, column) && guanxi_cursor_type(cursor, column) == GUANXI_VALUE_TEXT);
  EXPECT_STATUS(GUANXI_OK, guanxi_cursor_value(cursor, column, &value, &err));
  EXPECT(value.kind == GUANXI_VALUE_NULL);
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_cursor_value(cursor, columns, &value, &err));
  EXPECT_STATUS(GUANXI_DONE, guanxi_cursor_next(cursor, &err));
  EXPECT(guanxi_cursor_is_null(cursor, 0));
  guanxi_cursor_free(cursor);
}

static void days_come_back_as_year_month_and_day(guanxi_session *session) {
  guanxi_record *record = guanxi_record_new("crm.contact");
  guanxi_query *query = guanxi_query_new("crm.contact");
  guanxi_cursor *cursor = NULL;
  int32_t year = 7, month = 7, day = 7;
  guanxi_record_set_text(record, "name", "李雷");
  guanxi_record_set_date(record, "birthday", "1996-02-29");
  guanxi_record_set_reference(record, "account", account);
  EXPECT_STATUS(GUANXI_OK, guanxi_session_create(session, record, NULL, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_query_run(session, query, &cursor, &err));
  EXPECT_STATUS(GUANXI_ROW, guanxi_cursor_next(cursor, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_cursor_date(cursor, (size_t)guanxi_cursor_find(cursor, "birthday"), &year,
                                              &month, &day, &err));
  EXPECT(year == 1996 && month == 2 && day == 29);
  EXPECT(guanxi_cursor_int(cursor, (size_t)guanxi_cursor_find(cursor, "birthday")) == 9555);
  guanxi_cursor_free(cursor);
  guanxi_query_free(query);
  guanxi_record_free(record);
}

/* The first and the last number of a type are the same on both sides, and the one beyond is refused. */
static void numbers_are_exact_to_their_edges(guanxi_session *session) {
  static const int64_t years[2] = {INT64_MIN, INT64_MAX};
  static const char *const amounts[2] = {"-79228162514264337593543950335", "79228162514.264337593543950335"};
  static const uint8_t scales[2] = {GUANXI_DECIMAL_NEGATIVE, 18};
  uint8_t id[16];
  int place;
  for (place = 0; place < 2; place++) {
    guanxi_record *record = guanxi_record_new("crm.account");
    guanxi_cursor *cursor = NULL;
    guanxi_decimal money;
    guanxi_record_set_text(record, "name", "Edge");
    guanxi_record_set_int(record, "established", years[place]);
    guanxi_record_set_money(record, "revenue", amounts[place], "CNY");
    EXPECT_STATUS(GUANXI_OK, guanxi_session_create(session, record, id, &err));
    EXPECT_STATUS(GUANXI_OK, guanxi_session_get(session, "crm.account", id, &cursor, &err));
    EXPECT_STATUS(GUANXI_ROW, guanxi_cursor_next(cursor, &err));
    EXPECT(guanxi_cursor_int(cursor, (size_t)guanxi_cursor_find(cursor, "established")) == years[place]);
    EXPECT_STATUS(GUANXI_OK, guanxi_cursor_money(cursor, (size_t)guanxi_cursor_find(cursor, "revenue"), &money, &err));
    EXPECT(money.low == UINT64_MAX && money.high == UINT32_MAX && money.scale_and_sign == scales[place]);
    guanxi_cursor_free(cursor);
    guanxi_record_set_money(record, "revenue", "79228162514264337593543950336", "CNY");
    EXPECT_STATUS(GUANXI_ERR_SCHEMA_OUT_OF_RANGE, guanxi_session_create(session, record, id, &err));
    guanxi_record_free(record);
  }
}

static void a_stale_version_is_a_conflict(guanxi_session *session) {
  guanxi_cursor *cursor = read_account(session);
  guanxi_record *record = guanxi_record_new("crm.account");
  uint64_t version = guanxi_cursor_version(cursor);
  guanxi_cursor_free(cursor);
  guanxi_record_set_text(record, "city", "北京");
  guanxi_record_expect_version(record, version);
  EXPECT_STATUS(GUANXI_OK, guanxi_session_update(session, account, record, &err));
  guanxi_record_set_text(record, "city", "深圳");
  EXPECT(guanxi_session_update(session, account, record, &err) == GUANXI_ERR_RECORD_VERSION_CONFLICT);
  EXPECT(guanxi_error_retryable(err) == 1 && strlen(guanxi_error_record(err)) == 36);
  guanxi_error_free(err);
  err = NULL;
  guanxi_record_free(record);
  cursor = read_account(session);
  EXPECT(says(cursor, "city", "北京") && guanxi_cursor_version(cursor) == version + 1);
  guanxi_cursor_free(cursor);
}

static uint64_t count(guanxi_session *session, const char *entity, const char *filter) {
  guanxi_query *query = guanxi_query_new(entity);
  uint64_t found = 0;
  guanxi_query_filter_json(query, filter);
  EXPECT_STATUS(GUANXI_OK, guanxi_count(session, query, &found, &err));
  guanxi_query_free(query);
  return found;
}

static void a_repeated_request_happens_once(guanxi_session *session) {
  guanxi_record *record = guanxi_record_new("crm.product");
  guanxi_txn *txn = NULL;
  uint8_t first[16], again[16];
  guanxi_record_set_text(record, "name", "执照变更");
  guanxi_record_set_idempotency_key(record, "request-1");
  EXPECT_STATUS(GUANXI_OK, guanxi_session_create(session, record, first, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_session_create(session, record, again, &err));
  EXPECT(memcmp(first, again, 16) == 0 && count(session, "crm.product", "{}") == 1);
  guanxi_record_set_text(record, "series", "企业服务");
  EXPECT_STATUS(GUANXI_ERR_RECORD_IDEMPOTENCY_MISMATCH, guanxi_session_create(session, record, again, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_begin(session, NULL, 0, &txn, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_txn_create(txn, record, NULL, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_rollback(txn, &err));
  guanxi_record_free(record);
}

static void an_external_key_finds_its_record_again(guanxi_session *session) {
  guanxi_record *record = guanxi_record_new("crm.account");
  uint8_t first[16], again[16];
  guanxi_record_set_text(record, "name", "Acme");
  EXPECT_STATUS(GUANXI_OK, guanxi_session_upsert(session, "erp", "K-1", record, first, &err));
  guanxi_record_set_text(record, "name", "Acme Ltd");
  EXPECT_STATUS(GUANXI_OK, guanxi_session_upsert(session, "erp", "K-1", record, again, &err));
  EXPECT(memcmp(first, again, 16) == 0 && count(session, "crm.account", "{\"name\":\"Acme Ltd\"}") == 1);
  EXPECT_STATUS(GUANXI_OK, guanxi_session_delete(session, "crm.account", first, &err));
  EXPECT(count(session, "crm.account", "{\"name\":\"Acme Ltd\"}") == 0);
  EXPECT_STATUS(GUANXI_ERR_RECORD_NOT_FOUND, guanxi_session_delete(session, "crm.account", first, &err));
  guanxi_record_free(record);
}

static void a_transaction_is_whole_or_nothing(guanxi_session *session) {
  guanxi_record *good = guanxi_record_new("crm.product"), *bad = guanxi_record_new("crm.product");
  guanxi_txn *txn = NULL;
  guanxi_cursor *cursor = NULL;
  guanxi_buffer *warnings = NULL;
  uint8_t id[16];
  guanxi_record_set_text(good, "name", "Whole");

  /* It reads what it wrote, others do not, and a rollback leaves nothing. */
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_begin(session, "test", 0, &txn, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_create(txn, good, id, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_get(txn, "crm.product", id, &cursor, &err));
  EXPECT_STATUS(GUANXI_ROW, guanxi_cursor_next(cursor, &err));
  EXPECT(says(cursor, "name", "Whole"));
  guanxi_cursor_free(cursor);
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_warnings(txn, &warnings, &err));
  EXPECT(strcmp(guanxi_buffer_data(warnings), "[]") == 0 && guanxi_buffer_length(warnings) == 2);
  guanxi_buffer_free(warnings);
  EXPECT(count(session, "crm.product", "{\"name\":\"Whole\"}") == 0);
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_rollback(txn, &err));
  EXPECT(count(session, "crm.product", "{\"name\":\"Whole\"}") == 0);

  /* After a write that failed nothing more is taken, and the commit tells why. */
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_begin(session, "test", 0, &txn, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_create(txn, good, id, &err));
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_REQUIRED, guanxi_txn_create(txn, bad, NULL, &err));
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_REQUIRED, guanxi_txn_delete(txn, "crm.product", id, &err));
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_REQUIRED, guanxi_txn_commit(txn, &err));
  EXPECT(count(session, "crm.product", "{\"name\":\"Whole\"}") == 0);

  EXPECT_STATUS(GUANXI_OK, guanxi_txn_begin(session, "test", 0, &txn, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_create(txn, good, id, &err));
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_NOT_UNIQUE, guanxi_txn_upsert(txn, "erp", "P-1", good, NULL, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_rollback(txn, &err));

  EXPECT_STATUS(GUANXI_OK, guanxi_txn_begin(session, "test", 0, &txn, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_create(txn, good, id, &err));
  guanxi_record_set_text(bad, "series", "S");
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_update(txn, id, bad, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_commit(txn, &err));
  EXPECT(count(session, "crm.product", "{\"series\":\"S\",\"name\":\"Whole\"}") == 1);
  guanxi_record_free(good);
  guanxi_record_free(bad);
}

static guanxi_status create_and_return(guanxi_txn *txn, void *user_data) {
  guanxi_record *record = guanxi_record_new("crm.product");
  guanxi_record_set_text(record, "name", "Lent");
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_create(txn, record, NULL, &err));
  guanxi_record_free(record);
  return *(guanxi_status *)user_data;
}

static guanxi_status fail_and_return(guanxi_txn *txn, void *user_data) {
  guanxi_record *record = guanxi_record_new("crm.product");
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_REQUIRED, guanxi_txn_create(txn, record, NULL, &err));
  guanxi_record_free(record);
  return *(guanxi_status *)user_data;
}

static void a_function_decides_whether_its_writes_stay(guanxi_session *session) {
  guanxi_status returned = 5;
  EXPECT_STATUS(GUANXI_ERR_ENGINE_CANCELLED, guanxi_write(session, create_and_return, &returned, &err));
  returned = GUANXI_ERR_MODEL_REASON_REQUIRED;
  EXPECT_STATUS(GUANXI_ERR_MODEL_REASON_REQUIRED, guanxi_write(session, create_and_return, &returned, &err));
  EXPECT(count(session, "crm.product", "{\"name\":\"Lent\"}") == 0);
  returned = GUANXI_OK;
  EXPECT_STATUS(GUANXI_OK, guanxi_write(session, create_and_return, &returned, &err));
  EXPECT(count(session, "crm.product", "{\"name\":\"Lent\"}") == 1);

  /* A write that failed cannot be committed, and its error names the field. */
  EXPECT(guanxi_write(session, fail_and_return, &returned, &err) == GUANXI_ERR_SCHEMA_REQUIRED);
  EXPECT(strcmp(guanxi_error_field(err), "name") == 0);
  guanxi_error_free(err);
  err = NULL;
}

static void a_transaction_ends_with_its_time(guanxi_session *session) {
  guanxi_txn *txn = NULL;
  guanxi_record *record = guanxi_record_new("crm.product");
  guanxi_status status = GUANXI_OK;
  unsigned long tries = 0;
  guanxi_record_set_text(record, "name", "Late");
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_begin(session, NULL, 100, &txn, &err));
  while (status == GUANXI_OK && tries++ < 100000000ul) {
    guanxi_cursor *cursor = NULL;
    guanxi_error_free(err);
    err = NULL;
    status = guanxi_txn_get(txn, "crm.account", account, &cursor, &err);
    guanxi_cursor_free(cursor);
  }
  EXPECT_STATUS(GUANXI_ERR_ENGINE_DEADLINE_EXCEEDED, status);
  /* The writer is free for others although the handle is still there. */
  EXPECT_STATUS(GUANXI_OK, guanxi_session_create(session, record, NULL, &err));
  EXPECT_STATUS(GUANXI_ERR_ENGINE_DEADLINE_EXCEEDED, guanxi_txn_commit(txn, &err));
  guanxi_record_free(record);
}

enum { MANY = 700 };

static guanxi_status create_many(guanxi_txn *txn, void *user_data) {
  int number;
  (void)user_data;
  for (number = 0; number < MANY; number++) {
    guanxi_record *record = guanxi_record_new("crm.account");
    char name[32];
    sprintf(name, "Many %04d", number);
    guanxi_record_set_text(record, "name", name);
    guanxi_record_set_text(record, "industry", number % 2 ? "odd" : "even");
    EXPECT_STATUS(GUANXI_OK, guanxi_txn_create(txn, record, NULL, &err));
    guanxi_record_free(record);
  }
  return GUANXI_OK;
}

/* Every row once and in order, whether one by one, in blocks or as JSON. */
static void cursors_page_on_by_themselves(guanxi_session *session) {
  static guanxi_value values[100 * 64];
  guanxi_query *query = guanxi_query_new("crm.account");
  guanxi_cursor *cursor = NULL;
  guanxi_buffer *json = NULL;
  guanxi_value row[64];
  size_t columns, name, fetched = 0;
  int number = 0;
  EXPECT_STATUS(GUANXI_OK, guanxi_write(session, create_many, NULL, &err));
  guanxi_query_filter_json(query, "{\"field\":\"industry\",\"op\":\"in\",\"value\":[\"odd\",\"even\"]}");
  guanxi_query_sort(query, "name", 1);

  EXPECT_STATUS(GUANXI_OK, guanxi_query_run(session, query, &cursor, &err));
  columns = guanxi_cursor_column_count(cursor);
  name = (size_t)guanxi_cursor_find(cursor, "name");
  EXPECT(columns <= 64);
  EXPECT_STATUS(GUANXI_ERR_INPUT_LIMIT_EXCEEDED, guanxi_cursor_row(cursor, row, columns - 1, &err));
  while (guanxi_cursor_next(cursor, &err) == GUANXI_ROW) {
    char wanted[32];
    sprintf(wanted, "Many %04d", MANY - 1 - number++);
    EXPECT(says(cursor, "name", wanted));
    EXPECT_STATUS(GUANXI_OK, guanxi_cursor_row(cursor, row, 64, &err));
    EXPECT(row[name].content.text.length == strlen(wanted) && row[0].kind == GUANXI_VALUE_ID);
  }
  EXPECT(err == NULL && number == MANY);
  guanxi_cursor_free(cursor);

  EXPECT_STATUS(GUANXI_OK, guanxi_query_run(session, query, &cursor, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_LIMIT_EXCEEDED, guanxi_cursor_fetch(cursor, values, 0, &fetched, &err));
  for (number = 0; guanxi_cursor_fetch(cursor, values, 100, &fetched, &err) == GUANXI_ROW;) {
    size_t at;
    for (at = 0; at < fetched; at++) {
      char wanted[32];
      const guanxi_str *text = &values[at * columns + name].content.text;
      sprintf(wanted, "Many %04d", MANY - 1 - number++);
      EXPECT(text->length == strlen(wanted) && memcmp(text->data, wanted, text->length) == 0);
    }
  }
  EXPECT(err == NULL && fetched == 0 && number == MANY);
  EXPECT_STATUS(GUANXI_DONE, guanxi_cursor_json(cursor, 10, &json, &err));
  EXPECT(strcmp(guanxi_buffer_data(json), "[]") == 0);
  guanxi_buffer_free(json);
  guanxi_cursor_free(cursor);

  guanxi_query_limit(query, 301);
  EXPECT_STATUS(GUANXI_OK, guanxi_query_run(session, query, &cursor, &err));
  EXPECT_STATUS(GUANXI_ROW, guanxi_cursor_json(cursor, 1, &json, &err));
  EXPECT(strstr(guanxi_buffer_data(json), "\"Many 0699\"") != NULL);
  EXPECT(strstr(guanxi_buffer_data(json), "\"Many 0698\"") == NULL);
  guanxi_buffer_free(json);
  for (number = 1; guanxi_cursor_next(cursor, &err) == GUANXI_ROW; number++) {
  }
  EXPECT(err == NULL && number == 301);
  guanxi_cursor_free(cursor);
  guanxi_query_free(query);
}

/* A query names its columns, wants titles of what rows refer to, and says how it would be read. */
static void a_query_has_the_columns_and_titles_that_it_asks_for(guanxi_session *session) {
  guanxi_query *query = guanxi_query_new("crm.account");
  guanxi_cursor *cursor = NULL;
  guanxi_buffer *json = NULL;
  guanxi_value row[64];
  size_t owner, title;
  guanxi_query_filter_json(query, "{\"industry\":\"odd\"}");
  guanxi_query_field(query, "industry");
  guanxi_query_titles(query, 1);
  guanxi_query_limit(query, 2);
  EXPECT_STATUS(GUANXI_OK, guanxi_query_run(session, query, &cursor, &err));
  /* The id, the field, owner and unit with their titles, and two moments. */
  EXPECT(guanxi_cursor_column_count(cursor) == 8);
  owner = (size_t)guanxi_cursor_find(cursor, "owner");
  title = (size_t)guanxi_cursor_find(cursor, "owner.title");
  EXPECT(owner == 2 && title == 3 && guanxi_cursor_find(cursor, "name") < 0);
  EXPECT_STATUS(GUANXI_ROW, guanxi_cursor_next(cursor, &err));
  EXPECT(says(cursor, "industry", "odd"));
  EXPECT_STATUS(GUANXI_OK, guanxi_cursor_row(cursor, row, 64, &err));
  EXPECT(row[owner].kind == GUANXI_VALUE_ID && row[title].kind == GUANXI_VALUE_TEXT);
  EXPECT(row[title].content.text.length > 0);
  guanxi_cursor_free(cursor);

  EXPECT_STATUS(GUANXI_OK, guanxi_query_explain(session, query, &json, &err));
  EXPECT(strstr(guanxi_buffer_data(json), "\"scan\":") != NULL);
  guanxi_buffer_free(json);

  guanxi_query_valid_at(query, "2026-11-22");
  guanxi_query_valid_at(query, NULL);
  guanxi_query_field(query, "no_such");
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_UNKNOWN_FIELD, guanxi_query_run(session, query, &cursor, &err));
  guanxi_query_valid_at(query, "yesterday");
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_query_run(session, query, &cursor, &err));
  guanxi_query_free(query);
}

/* Told, compared and sorted as a translation says it, and counted so; what is no tag is the query's fault. */
static void texts_are_told_in_the_language_of_the_query(guanxi_session *session) {
  guanxi_query *query = guanxi_query_new("crm.product");
  guanxi_cursor *cursor = NULL;
  guanxi_buffer *json = NULL;
  char id[64], translate[256];
  uint64_t count = 77;
  EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "record.create",
                                       "{\"entity\":\"product\",\"values\":{\"name\":\"\xe5\x8d\xb0\xe7\xab\xa0\"}}",
                                       &json, &err));
  EXPECT(sscanf(strstr(guanxi_buffer_data(json), "\"id\":\"") + 6, "%63[^\"]", id) == 1);
  guanxi_buffer_free(json);
  sprintf(translate,
          "{\"entity\":\"product\",\"id\":\"%s\",\"field\":\"name\",\"texts\":{\"en\":\"Company seal\"}}", id);
  EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "record.translate", translate, &json, &err));
  guanxi_buffer_free(json);
  guanxi_query_filter_json(query, "{\"field\":\"name\",\"op\":\"starts_with\",\"value\":\"company\"}");
  guanxi_query_sort(query, "name", 0);
  EXPECT_STATUS(GUANXI_OK, guanxi_count(session, query, &count, &err));
  EXPECT(count == 0);
  guanxi_query_locale(query, "EN");
  EXPECT_STATUS(GUANXI_OK, guanxi_count(session, query, &count, &err));
  EXPECT(count == 1);
  EXPECT_STATUS(GUANXI_OK, guanxi_query_run(session, query, &cursor, &err));
  EXPECT_STATUS(GUANXI_ROW, guanxi_cursor_next(cursor, &err));
  EXPECT(says(cursor, "name", "Company seal"));
  guanxi_cursor_free(cursor);
  guanxi_query_locale(query, NULL);
  EXPECT_STATUS(GUANXI_OK, guanxi_count(session, query, &count, &err));
  EXPECT(count == 0);
  guanxi_query_locale(query, "english");
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_count(session, query, &count, &err));
  guanxi_query_free(query);
}

static void messages_speak_the_language_of_the_session(guanxi_session *session) {
  guanxi_buffer *buffer = NULL;
  EXPECT(guanxi_call(session, "no.such", NULL, &buffer, &err) == GUANXI_ERR_INPUT_UNKNOWN_METHOD);
  EXPECT(strstr(guanxi_error_message(err), "there is no such method") != NULL);
  guanxi_error_free(err);
  err = NULL;
  EXPECT_STATUS(GUANXI_OK, guanxi_session_set_locale(session, "zh-CN", &err));
  EXPECT(guanxi_call(session, "no.such", NULL, &buffer, &err) == GUANXI_ERR_INPUT_UNKNOWN_METHOD);
  EXPECT(strstr(guanxi_error_message(err), "没有该方法") != NULL);
  EXPECT(strcmp(guanxi_error_key(err), "input.unknown_method") == 0);
  guanxi_error_free(err);
  err = NULL;
  EXPECT_STATUS(GUANXI_OK, guanxi_session_set_locale(session, "en", &err));
}

/* What a listener was told. */
typedef struct told {
  unsigned calls;
  unsigned of_rows;
  guanxi_session *interrupt;
} told;

static void listen(const char *phase, uint64_t done, uint64_t total, void *user_data) {
  told *kept = user_data;
  EXPECT(phase != NULL && *phase != 0 && (total == 0 || done <= total));
  kept->calls++;
  if (strcmp(phase, "rows") == 0) kept->of_rows++;
  if (kept->interrupt != NULL) guanxi_session_interrupt(kept->interrupt, NULL);
}

static void long_calls_tell_how_far_they_are(guanxi_session *session) {
  told kept = {0, 0, NULL};
  unsigned before;
  guanxi_buffer *buffer = NULL;
  EXPECT_STATUS(GUANXI_OK, guanxi_session_set_progress(session, listen, &kept, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "database.compact", NULL, &buffer, &err));
  EXPECT(strstr(guanxi_buffer_data(buffer), "\"bytes_after\"") != NULL);
  guanxi_buffer_free(buffer);
  EXPECT(kept.of_rows > 0);

  kept.interrupt = session;
  EXPECT_STATUS(GUANXI_ERR_ENGINE_CANCELLED, guanxi_call(session, "database.verify", NULL, &buffer, &err));
  kept.interrupt = NULL;
  before = kept.calls;
  EXPECT_STATUS(GUANXI_OK, guanxi_session_set_progress(session, NULL, NULL, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "database.verify", NULL, &buffer, &err));
  guanxi_buffer_free(buffer);
  EXPECT(kept.calls == before);
  EXPECT_STATUS(GUANXI_ERR_INPUT_NULL_ARGUMENT, guanxi_session_set_progress(NULL, listen, &kept, &err));
}

static void relaxed_writes_are_made_durable_by_a_call(void) {
  guanxi_open_options options = test_options("relaxed.guanxi");
  guanxi_engine *engine = NULL;
  guanxi_session *session;
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_buffer *buffer = NULL;
  char path[40];
  unsigned number = 0;
  options.durability = 2;
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_create(&options, &engine, &err));
  options.durability = GUANXI_DURABILITY_RELAXED;
  do {
    sprintf(path, "relaxed-%u.guanxi", number++);
    options.path = path;
  } while (guanxi_create(&options, &engine, NULL) == GUANXI_ERR_STORAGE_ALREADY_EXISTS && number < 100);
  EXPECT(engine != NULL);
  session = test_session(engine);
  guanxi_record_set_text(record, "name", "relaxed");
  EXPECT_STATUS(GUANXI_OK, guanxi_session_create(session, record, account, &err));
  guanxi_record_free(record);
  EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "database.flush", NULL, &buffer, &err));
  EXPECT(strstr(guanxi_buffer_data(buffer), "\"position\"") != NULL);
  guanxi_buffer_free(buffer);
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
}

/* Opens a new database whose record cache has a size, reads a record twice, and says how much of it is used. */
static unsigned long kept_with(uint64_t record_cache_bytes, uint64_t flags) {
  guanxi_open_options options = test_options("kept.guanxi");
  guanxi_engine *engine = NULL;
  guanxi_session *session;
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_buffer *buffer = NULL;
  uint8_t id[16];
  char path[40];
  const char *kept;
  unsigned long bytes = 0;
  unsigned number = 0;
  options.record_cache_bytes = record_cache_bytes;
  options.flags |= flags;
  do {
    sprintf(path, "kept-%u.guanxi", number++);
    options.path = path;
  } while (guanxi_create(&options, &engine, NULL) == GUANXI_ERR_STORAGE_ALREADY_EXISTS && number < 100);
  EXPECT(engine != NULL);
  session = test_session(engine);
  guanxi_record_set_text(record, "name", "kept");
  EXPECT_STATUS(GUANXI_OK, guanxi_session_create(session, record, id, &err));
  guanxi_record_free(record);
  for (number = 0; number < 4; number++) {
    EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "query.run", "{\"entity\": \"account\"}", &buffer, &err));
    guanxi_buffer_free(buffer);
  }
  EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "database.statistics", NULL, &buffer, &err));
  kept = strstr(guanxi_buffer_data(buffer), "\"kept_bytes\":");
  EXPECT(kept != NULL);
  if (kept != NULL) bytes = strtoul(kept + strlen("\"kept_bytes\":"), NULL, 10);
  guanxi_buffer_free(buffer);
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
  return bytes;
}

static void the_record_cache_has_the_size_that_the_host_says(void) {
  guanxi_open_options options = test_options("kept.guanxi");
  guanxi_engine *engine = NULL;
  EXPECT(kept_with(0, 0) > 0);
  EXPECT(kept_with(1u << 20, 0) > 0);
  EXPECT(kept_with(1, 0) == 0);
  EXPECT(kept_with(0, GUANXI_OPEN_NO_RECORD_CACHE) == 0);
  options.record_cache_bytes = 1;
  options.flags |= GUANXI_OPEN_NO_RECORD_CACHE;
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_create(&options, &engine, &err));
}

static void host_trust_is_needed_to_name_users(void) {
  guanxi_open_options options = test_options("test-0.guanxi");
  guanxi_engine *engine = NULL;
  guanxi_session *session = NULL;
  unsigned number;
  options.flags = GUANXI_OPEN_VERIFY;
  for (number = 0; number < 100; number++) {
    static char path[32];
    sprintf(path, "test-%u.guanxi", number);
    options.path = path;
    if (guanxi_open(&options, &engine, NULL) == GUANXI_OK) break;
  }
  EXPECT(engine != NULL);
  EXPECT_STATUS(GUANXI_ERR_ACCESS_HOST_TRUST_REQUIRED, guanxi_session_for(engine, admin, &session, &err));
  EXPECT(session == NULL);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
}

int main(void) {
  guanxi_engine *engine = test_database();
  guanxi_session *session = test_session(engine);
  versions_agree_with_the_header();
  what_was_set_is_what_is_read(session);
  days_come_back_as_year_month_and_day(session);
  numbers_are_exact_to_their_edges(session);
  a_stale_version_is_a_conflict(session);
  a_repeated_request_happens_once(session);
  an_external_key_finds_its_record_again(session);
  a_transaction_is_whole_or_nothing(session);
  a_function_decides_whether_its_writes_stay(session);
  a_transaction_ends_with_its_time(session);
  cursors_page_on_by_themselves(session);
  a_query_has_the_columns_and_titles_that_it_asks_for(session);
  texts_are_told_in_the_language_of_the_query(session);
  messages_speak_the_language_of_the_session(session);
  long_calls_tell_how_far_they_are(session);
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
  host_trust_is_needed_to_name_users();
  relaxed_writes_are_made_durable_by_a_call();
  the_record_cache_has_the_size_that_the_host_says();
  EXPECT(guanxi_debug_live_handles() == 0);
  return 0;
}
