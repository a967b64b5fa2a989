/*
 * The C interface beside SQLite's over the same rows: rows DATABASE ROWS SQLITE_FILE. Prints one JSON object of measures, in
 * nanoseconds for each row or call. Compiled with -DWITH_SQLCIPHER where the headers of SQLCipher are, else with plain SQLite
 * if WITH_SQLITE is defined; else that side is left out.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guanxi.h"

#ifdef WITH_SQLCIPHER
#define SQLITE_HAS_CODEC
#include <sqlcipher/sqlite3.h>
#define WITH_SQLITE
#elif defined WITH_SQLITE
#include <sqlite3.h>
#endif

enum { COLUMNS = 10, BLOCK = 256, UPSERTS = 2000 };
static const char *const fields[] = {"name",  "kind",        "industry", "city",     "phone",
                                     "email", "established", "revenue",  "employees"};

static guanxi_session *session;
static guanxi_error *error = NULL;
static long rows;
static volatile uint64_t kept; /* What was read is used, so that no compiler leaves it out. */

static double now(void) {
  struct timespec moment;
  clock_gettime(CLOCK_MONOTONIC, &moment);
  return (double)moment.tv_sec * 1e9 + (double)moment.tv_nsec;
}

/* The memory of this process that is written in no file, in MiB. */
static double memory(void) {
  char line[128];
  double kib = 0;
  FILE *status = fopen("/proc/self/status", "r");
  if (!status) return 0;
  while (fgets(line, sizeof line, status)) {
    if (!strncmp(line, "RssAnon:", 8)) kib = atof(line + 8);
  }
  fclose(status);
  return kib / 1024;
}

static void must(int condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "%s: [%s] %s\n", what, guanxi_error_key(error), guanxi_error_message(error));
  exit(1);
}

static guanxi_cursor *list(void) {
  guanxi_query *query = guanxi_query_new("crm.account");
  guanxi_cursor *cursor = NULL;
  int field;
  for (field = 0; field < COLUMNS - 1; field++) guanxi_query_field(query, fields[field]);
  must(guanxi_query_run(session, query, &cursor, &error) == GUANXI_OK, "query");
  guanxi_query_free(query);
  return cursor;
}

/* The least of five passes over all rows, for each row. */
static double best(long (*pass)(guanxi_cursor *)) {
  double least = 1e18;
  int round;
  for (round = 0; round < 5; round++) {
    double begun = now();
    guanxi_cursor *cursor = list();
    long read = pass(cursor);
    double spent = (now() - begun) / (double)rows;
    guanxi_cursor_free(cursor);
    must(read == rows, "a row for each record");
    if (spent < least) least = spent;
  }
  return least;
}

static long by_getters(guanxi_cursor *cursor) {
  long read = 0;
  uint64_t sum = 0;
  while (guanxi_cursor_next(cursor, &error) == GUANXI_ROW) {
    size_t length = 0, column;
    uint8_t id[16];
    guanxi_decimal money;
    guanxi_cursor_id(cursor, 0, id, NULL);
    for (column = 1; column <= 6; column++) {
      guanxi_cursor_text(cursor, column, &length);
      sum += length;
    }
    sum += (uint64_t)guanxi_cursor_int(cursor, 7) + (uint64_t)guanxi_cursor_int(cursor, 9) + id[15];
    guanxi_cursor_money(cursor, 8, &money, NULL);
    sum += money.low;
    read++;
  }
  kept += sum;
  return read;
}

static guanxi_value values[BLOCK * 64];

static long by_rows(guanxi_cursor *cursor) {
  long read = 0;
  size_t columns = guanxi_cursor_column_count(cursor);
  while (guanxi_cursor_next(cursor, &error) == GUANXI_ROW) {
    must(guanxi_cursor_row(cursor, values, columns, &error) == GUANXI_OK, "row");
    kept += values[1].content.text.length;
    read++;
  }
  return read;
}

static long by_blocks(guanxi_cursor *cursor) {
  long read = 0;
  size_t fetched = 0;
  while (guanxi_cursor_fetch(cursor, values, BLOCK, &fetched, &error) == GUANXI_ROW) {
    kept += values[1].content.text.length;
    read += (long)fetched;
  }
  return read;
}

static long by_json(guanxi_cursor *cursor) {
  long read = 0;
  guanxi_buffer *json = NULL;
  while (guanxi_cursor_json(cursor, BLOCK, &json, &error) == GUANXI_ROW) {
    kept += guanxi_buffer_length(json);
    guanxi_buffer_free(json);
    read += BLOCK;
  }
  guanxi_buffer_free(json);
  return read > rows ? rows : read;
}

static double bare_call(void) {
  const long calls = 20000000;
  long call;
  double begun = now();
  for (call = 0; call < calls; call++) kept += guanxi_abi_version();
  return (now() - begun) / (double)calls;
}

static double checked_call(guanxi_cursor *cursor) {
  const long calls = 20000000;
  long call;
  double begun = now();
  for (call = 0; call < calls; call++) kept += guanxi_cursor_column_count(cursor);
  return (now() - begun) / (double)calls;
}

/* What it makes is deleted again, since others read as many rows as they were told of. */
static double upsert(void) {
  static uint8_t made[UPSERTS][16];
  int number;
  double begun = now(), spent;
  for (number = 0; number < UPSERTS; number++) {
    char key[32];
    guanxi_record *record = guanxi_record_new("crm.account");
    sprintf(key, "c-%d", number);
    guanxi_record_set_text(record, "name", "一个客户");
    guanxi_record_set_text(record, "city", "上海");
    guanxi_record_set_int(record, "employees", number);
    must(guanxi_session_upsert(session, "bench", key, record, made[number], &error) == GUANXI_OK, "upsert");
    guanxi_record_free(record);
  }
  spent = (now() - begun) / UPSERTS;
  for (number = 0; number < UPSERTS; number++)
    must(guanxi_session_delete(session, "crm.account", made[number], &error) == GUANXI_OK, "delete");
  return spent;
}

#ifdef WITH_SQLITE
static sqlite3 *sqlite;

static void sql(const char *text) {
  char *problem = NULL;
  if (sqlite3_exec(sqlite, text, NULL, NULL, &problem) == SQLITE_OK) return;
  fprintf(stderr, "%s: %s\n", text, problem);
  exit(1);
}

/* A table of the same values: ids as 16 bytes, amounts as exact text. */
static void copy(const char *path) {
  guanxi_cursor *cursor = list();
  sqlite3_stmt *insert;
  must(sqlite3_open(path, &sqlite) == SQLITE_OK, "open");
#ifdef WITH_SQLCIPHER
  sql("PRAGMA key = \"x'0707070707070707070707070707070707070707070707070707070707070707'\"");
#endif
  sql("PRAGMA cache_size = -262144");
  sql("CREATE TABLE account (id BLOB, name TEXT, kind TEXT, industry TEXT, city TEXT, phone TEXT, email TEXT,"
      " established INTEGER, revenue TEXT, employees INTEGER)");
  sql("BEGIN");
  sqlite3_prepare_v2(sqlite, "INSERT INTO account VALUES (?,?,?,?,?,?,?,?,?,?)", -1, &insert, NULL);
  while (guanxi_cursor_next(cursor, &error) == GUANXI_ROW) {
    uint8_t id[16];
    guanxi_decimal money;
    char amount[64];
    int column;
    guanxi_cursor_id(cursor, 0, id, NULL);
    sqlite3_bind_blob(insert, 1, id, 16, SQLITE_TRANSIENT);
    for (column = 1; column <= 6; column++) {
      size_t length = 0;
      const char *text = guanxi_cursor_text(cursor, (size_t)column, &length);
      sqlite3_bind_text(insert, column + 1, text, (int)length, SQLITE_TRANSIENT);
    }
    sqlite3_bind_int64(insert, 8, guanxi_cursor_int(cursor, 7));
    guanxi_cursor_money(cursor, 8, &money, NULL);
    sprintf(amount, "%lu CNY", (unsigned long)money.low);
    sqlite3_bind_text(insert, 9, amount, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(insert, 10, guanxi_cursor_int(cursor, 9));
    must(sqlite3_step(insert) == SQLITE_DONE, "insert");
    sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  sql("COMMIT");
  guanxi_cursor_free(cursor);
}

static double by_sqlite(void) {
  double least = 1e18;
  int round;
  for (round = 0; round < 5; round++) {
    sqlite3_stmt *select;
    double begun = now(), spent;
    long read = 0;
    uint64_t sum = 0;
    sqlite3_prepare_v2(sqlite, "SELECT * FROM account", -1, &select, NULL);
    while (sqlite3_step(select) == SQLITE_ROW) {
      int column;
      sum += ((const uint8_t *)sqlite3_column_blob(select, 0))[15];
      for (column = 1; column <= 6; column++) {
        kept += *sqlite3_column_text(select, column);
        sum += (uint64_t)sqlite3_column_bytes(select, column);
      }
      sum += (uint64_t)sqlite3_column_int64(select, 7) + (uint64_t)sqlite3_column_int64(select, 9);
      sum += *sqlite3_column_text(select, 8);
      read++;
    }
    kept += sum;
    spent = (now() - begun) / (double)rows;
    sqlite3_finalize(select);
    must(read == rows, "a row of SQLite for each record");
    if (spent < least) least = spent;
  }
  sqlite3_close(sqlite);
  return least;
}
#endif

int main(int argc, char **argv) {
  guanxi_open_options options = GUANXI_OPEN_OPTIONS_INIT;
  guanxi_engine *engine = NULL;
  guanxi_cursor *cursor;
  uint8_t key[32];
  double loaded = memory();
  if (argc < 4) return 2;
  memset(key, 7, sizeof key);
  options.path = argv[1];
  options.key = key;
  options.key_len = sizeof key;
  options.flags = GUANXI_OPEN_TRUST_HOST;
  options.cache_bytes = 256 << 20;
  options.record_cache_bytes = 192 << 20;
  options.durability = GUANXI_DURABILITY_RELAXED;
  rows = atol(argv[2]);
  must(guanxi_open(&options, &engine, &error) == GUANXI_OK, "open");
  must(guanxi_session_for(engine, "admin", &session, &error) == GUANXI_OK, "session");
  printf("{\"loaded_MiB\":%.2f,\"opened_MiB\":%.2f,", loaded, memory());
  cursor = list();
  printf("\"bare_ns\":%.2f,\"checked_ns\":%.2f", bare_call(), checked_call(cursor));
  guanxi_cursor_free(cursor);
  printf(",\"getters_ns\":%.1f", best(by_getters));
  printf(",\"row_ns\":%.1f", best(by_rows));
  printf(",\"fetch_ns\":%.1f", best(by_blocks));
  printf(",\"json_ns\":%.1f", best(by_json));
#ifdef WITH_SQLITE
  copy(argv[3]);
  printf(",\"sqlite_ns\":%.1f", by_sqlite());
#endif
  printf(",\"upsert_us\":%.2f}\n", upsert() / 1e3);
  guanxi_session_free(session);
  must(guanxi_close(engine, &error) == GUANXI_OK, "close");
  return 0;
}
