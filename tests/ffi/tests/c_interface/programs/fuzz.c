/*
 * Random sequences of calls with arguments good and bad: fuzz SEED STEPS THREADS.
 *
 * Whatever is called with whatever, no call may crash, hang, panic, succeed with an error, fail without one, or leave a
 * handle behind that it did not give. Alone, a thread also uses handles that were freed, or are of another kind, or none
 * at all; several threads use handles that live, as stale ones may be another thread's by now.
 * It ends with 0, or tells the seed, the step and the function of the surprise.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <unistd.h>

#include "database.h"

enum { KINDS = 9, ROOM = 4096, CELLS = 20000, MAX_THREADS = 16 };
enum { SESSION, RECORD, QUERY, CURSOR, BUFFER, TXN, ERROR, SUBSCRIPTION, INTERRUPTER };

typedef struct player {
  uint64_t state, seed;
  unsigned long step, calls, successes;
  const char *function;
  int alone, depth;
  guanxi_status status;
  void *handles[KINDS][ROOM];
  int count[KINDS];
  uint8_t ids[64][16];
  guanxi_value cells[CELLS];
} player;

static guanxi_engine *the_engine;

static uint64_t chance(player *p) {
  uint64_t z = (p->state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static size_t below(player *p, size_t bound) { return (size_t)(chance(p) % bound); }

static void surprise(player *p, const char *what) {
  fprintf(stderr, "seed %lu, step %lu, %s: %s\n", (unsigned long)p->seed, p->step, p->function, what);
  abort();
}

/* --- Arguments ------------------------------------------------------------------------------------ */

static uint64_t rubbish[16] = {0x4758483147584831u, 7, 0xffffffffffffffffu, 42};

static void keep(player *p, int kind, void *handle) {
  if (handle == NULL) return;
  if (p->count[kind] == ROOM) surprise(p, "more handles than there is room for");
  p->handles[kind][p->count[kind]++] = handle;
}

/* A handle of a kind: mostly a recent one, at times an old one, another kind's, rubbish or NULL. */
static void *pick(player *p, int kind) {
  size_t dice = below(p, 40);
  int count = p->count[kind];
  if (p->alone && dice == 0) return NULL;
  if (p->alone && dice == 1) return &rubbish[below(p, 12)];
  if (p->alone && dice == 2) return (char *)rubbish + 1;
  if (p->alone && dice == 3) kind = (int)below(p, KINDS), count = p->count[kind];
  if (count == 0) return NULL;
  if (p->alone && dice < 8) return p->handles[kind][below(p, (size_t)count)];
  return p->handles[kind][count - 1 - (int)below(p, count < 4 ? (size_t)count : 4)];
}

static const char *const texts[] = {
    "crm.account", "crm.account", "crm.contact", "crm.opportunity", "sys.user", "name", "name", "city", "title", "amount",
    "account", "employees", "phone", "website", "加喜", "上海", "Harbour", "", "no.such", "CNY", "12.50", "-0.01",
    "99999999999999999999999999999999", "2026-11-22", "2026-02-30", "2026-11-22T08:00:00+08:00", "{}", "[]", "{",
    "{\"all\":[]}", "{\"name\":\"加喜\"}", "{\"field\":\"name\",\"op\":\"contains\",\"value\":\"喜\"}",
    "{\"field\":\"name\",\"op\":\"between\",\"value\":[1,2]}", "{\"not\":{\"city\":\"上海\"}}", "{\"entity\":\"crm.account\"}",
    "{\"expression\":\"name == 'x'\"}", "{\"expression\":\"((((((((((1\"}", "{\"entities\":[\"crm.account\"]}",
    "{\"after\":0}", "{\"entity\":\"crm.account\",\"values\":{\"name\":\"由方法\"}}", "{\"name\":\"\\u0000\"}",
    "{\"name\":1e999}", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "en", "zh-Hans", "xx-invalid-tag",
    "record.create", "record.list", "record.count", "api.describe", "ledger.verify", "search.find", "database.statistics",
    "record.changes", "opportunity.win", "schema.describe", "\xff\xfe", "\xed\xa0\x80", "\xe5\x8a", "pinyin", "stroke"};

static char long_text[70000];

static const char *words(player *p) {
  size_t dice = below(p, 60);
  if (dice == 0) return NULL;
  if (dice == 1) return long_text + below(p, sizeof long_text);
  return texts[below(p, sizeof texts / sizeof *texts)];
}

/* Mostly the right entity, so that something happens. */
static const char *entity(player *p) { return below(p, 4) ? "crm.account" : words(p); }

static uint64_t number(player *p) {
  static const uint64_t edges[] = {0, 1, 2, 3, 10, 255, 1000, 10000, 0x7fffffffu, 0x7fffffffffffffffu, 0x8000000000000000u,
                                   0xffffffffffffffffu};
  return edges[below(p, sizeof edges / sizeof *edges)];
}

static const uint8_t *id(player *p) { return below(p, 30) ? p->ids[below(p, 64)] : NULL; }

static uint8_t *id_place(player *p) { return below(p, 6) ? p->ids[below(p, 64)] : NULL; }

/* --- Outcomes ------------------------------------------------------------------------------------- */

/* Where a call leaves its error, at times nowhere. */
static guanxi_error **place(player *p, guanxi_error **error) {
  *error = (guanxi_error *)rubbish;
  return below(p, 10) ? error : NULL;
}

static guanxi_status outcome(player *p, guanxi_status status, guanxi_error **given, guanxi_error *error) {
  if (status == GUANXI_ERR_ENGINE_PANIC) surprise(p, "a panic");
  p->calls++;
  if (status >= 0) p->successes++;
  if (given == NULL) return status;
  if (status >= 0 && error != NULL) surprise(p, "a success with an error");
  if (status < 0 && error == NULL) surprise(p, "a failure without an error");
  if (status < 0 && guanxi_error_code(error) != status) surprise(p, "an error of another status");
  if (status < 0 && *guanxi_error_key(error) == 0) surprise(p, "an error without a key");
  keep(p, ERROR, error);
  return status;
}

static void given(player *p, int kind, guanxi_status status, int asked, void *handle) {
  if (!asked) {
    if (status >= 0) surprise(p, "a success without a place for the result");
    return;
  }
  if (status < 0 && handle != NULL) surprise(p, "a failure with a result");
  if (status == GUANXI_OK && handle == NULL) surprise(p, "a success without a result");
  keep(p, kind, handle);
}

#define CALL(name, ...)                                                                        \
  (p->function = #name, e = place(p, &error), p->status = name(__VA_ARGS__, e), outcome(p, p->status, e, error))
/* A call that gives a handle; its place is left out at times. */
#define MAKE(kind, type, name, ...)                                                            \
  do {                                                                                         \
    type *made = (type *)rubbish;                                                              \
    int asked = below(p, 20) != 0;                                                             \
    CALL(name, __VA_ARGS__, asked ? &made : NULL);                                             \
    given(p, kind, p->status, asked, made);                                                    \
  } while (0)

static void free_handle(int kind, void *handle) {
  switch (kind) {
    case SESSION: guanxi_session_free(handle); break;
    case RECORD: guanxi_record_free(handle); break;
    case QUERY: guanxi_query_free(handle); break;
    case CURSOR: guanxi_cursor_free(handle); break;
    case BUFFER: guanxi_buffer_free(handle); break;
    case TXN: guanxi_txn_rollback(handle, NULL); break;
    case ERROR: guanxi_error_free(handle); break;
    case SUBSCRIPTION: guanxi_unsubscribe(handle); break;
    default: guanxi_interrupter_free(handle); break;
  }
}

/* Frees a handle and forgets it, or keeps it as a stale one if this thread is alone. */
static void free_one(player *p, int kind) {
  size_t place;
  p->function = "free";
  if (p->alone && below(p, 20) == 0) {
    free_handle(kind, pick(p, kind));
    return;
  }
  if (p->count[kind] == 0 || (kind == SESSION && (!p->alone || below(p, 8) != 0))) return;
  place = below(p, (size_t)p->count[kind]);
  free_handle(kind, p->handles[kind][place]);
  if (!p->alone || below(p, 4) != 0) p->handles[kind][place] = p->handles[kind][--p->count[kind]];
}

/* --- Calls ---------------------------------------------------------------------------------------- */

static void build_record(player *p) {
  guanxi_record *record = pick(p, RECORD);
  guanxi_value value;
  memset(&value, 0, sizeof value);
  p->function = "guanxi_record_set_*";
  switch (below(p, 16)) {
    case 0: keep(p, RECORD, guanxi_record_new(entity(p))); break;
    case 1: case 2: case 3: guanxi_record_set_text(record, "name", words(p)); break;
    case 4: guanxi_record_set_text(record, words(p), words(p)); break;
    case 5: guanxi_record_set_int(record, words(p), (int64_t)number(p)); break;
    case 6: guanxi_record_set_bool(record, words(p), (int32_t)number(p)); break;
    case 7: guanxi_record_set_decimal(record, words(p), words(p)); break;
    case 8: guanxi_record_set_money(record, words(p), words(p), words(p)); break;
    case 9: guanxi_record_set_date(record, words(p), words(p)); break;
    case 10: guanxi_record_set_reference(record, words(p), id(p)); break;
    case 11: guanxi_record_set_null(record, words(p)); break;
    case 12: guanxi_record_set_owner(record, id(p)); break;
    case 13: guanxi_record_set_external_id(record, words(p), words(p)); break;
    case 14: guanxi_record_expect_version(record, number(p)); break;
    default:
      value.kind = (guanxi_value_kind)below(p, 16);
      value.content.integer = (int64_t)number(p);
      if (value.kind == GUANXI_VALUE_TEXT || value.kind == GUANXI_VALUE_BYTES || value.kind == GUANXI_VALUE_JSON) {
        value.content.text.data = long_text;
        value.content.text.length = below(p, 100);
      }
      guanxi_record_set_value(record, words(p), below(p, 10) ? &value : NULL);
  }
}

static void build_query(player *p) {
  guanxi_query *query = pick(p, QUERY);
  p->function = "guanxi_query_*";
  switch (below(p, 9)) {
    case 0: case 1: keep(p, QUERY, guanxi_query_new(entity(p))); break;
    case 2: guanxi_query_filter_json(query, words(p)); break;
    case 3: guanxi_query_sort(query, words(p), (int32_t)below(p, 3)); break;
    case 4: guanxi_query_collate(query, words(p)); break;
    case 5: guanxi_query_field(query, words(p)); break;
    case 6: guanxi_query_titles(query, (int32_t)below(p, 2)); break;
    case 7: guanxi_query_valid_at(query, words(p)); break;
    default: guanxi_query_limit(query, number(p));
  }
}

static void write_one(player *p) {
  guanxi_error *error = NULL, **e;
  guanxi_session *session = pick(p, SESSION);
  guanxi_record *record = pick(p, RECORD);
  guanxi_txn *txn = pick(p, TXN);
  switch (below(p, 11)) {
    case 0: CALL(guanxi_session_create, session, record, id_place(p)); break;
    case 1: CALL(guanxi_session_update, session, id(p), record); break;
    case 2: CALL(guanxi_session_upsert, session, words(p), words(p), record, id_place(p)); break;
    case 3: CALL(guanxi_session_delete, session, entity(p), id(p)); break;
    case 4: if (p->alone) MAKE(TXN, guanxi_txn, guanxi_txn_begin, session, words(p), below(p, 2)); break;
    case 5: CALL(guanxi_txn_create, txn, record, id_place(p)); break;
    case 6: CALL(guanxi_txn_update, txn, id(p), record); break;
    case 7: CALL(guanxi_txn_delete, txn, entity(p), id(p)); break;
    case 8: if (p->alone) CALL(guanxi_txn_commit, txn); break;
    case 9: MAKE(BUFFER, guanxi_buffer, guanxi_txn_warnings, txn); break;
    default: MAKE(CURSOR, guanxi_cursor, guanxi_txn_get, txn, entity(p), id(p));
  }
}

static void read_some(player *p) {
  guanxi_error *error = NULL, **e;
  guanxi_session *session = pick(p, SESSION);
  uint64_t count = 0;
  switch (below(p, 11)) {
    case 0: case 1: MAKE(CURSOR, guanxi_cursor, guanxi_query_run, session, pick(p, QUERY)); break;
    case 2: CALL(guanxi_count, session, pick(p, QUERY), below(p, 20) ? &count : NULL); break;
    case 3: MAKE(BUFFER, guanxi_buffer, guanxi_query_explain, session, pick(p, QUERY)); break;
    case 4: MAKE(CURSOR, guanxi_cursor, guanxi_session_get, session, entity(p), id(p)); break;
    case 5: MAKE(CURSOR, guanxi_cursor, guanxi_search, session, below(p, 2) ? NULL : entity(p), words(p), number(p)); break;
    case 6: MAKE(BUFFER, guanxi_buffer, guanxi_call, session, words(p), words(p)); break;
    case 7: MAKE(CURSOR, guanxi_cursor, guanxi_search_similar, session, entity(p), id(p), below(p, 2) ? NULL : entity(p), number(p)); break;
    case 8: CALL(guanxi_search_progress, session, NULL, &count, NULL, NULL); break;
    case 9: CALL(guanxi_search_extract, session, number(p), (int)below(p, 2), NULL, &count, NULL); break;
    default: MAKE(BUFFER, guanxi_buffer, guanxi_call_without_session, words(p), words(p), NULL);
  }
}

static void read_cells(player *p, guanxi_cursor *cursor) {
  guanxi_error *error = NULL, **e;
  size_t column = below(p, 40), length = 0;
  guanxi_decimal decimal;
  guanxi_value value;
  int32_t year, month, day;
  uint8_t found[16];
  const char *text;
  p->function = "getters";
  guanxi_cursor_is_null(cursor, column);
  guanxi_cursor_int(cursor, column);
  guanxi_cursor_bool(cursor, column);
  guanxi_cursor_type(cursor, column);
  guanxi_cursor_version(cursor);
  if (guanxi_cursor_find(cursor, guanxi_cursor_column_name(cursor, column)) < -1) surprise(p, "a column before the first");
  text = guanxi_cursor_text(cursor, column, &length);
  if (text == NULL && length != 0) surprise(p, "a text without an address");
  if (text != NULL && length > 0 && text[length - 1] == text[0] + 1) p->state++; /* Every byte can be read. */
  CALL(guanxi_cursor_decimal, cursor, column, &decimal);
  CALL(guanxi_cursor_money, cursor, column, &decimal);
  CALL(guanxi_cursor_date, cursor, column, &year, &month, &day);
  CALL(guanxi_cursor_id, cursor, column, found);
  CALL(guanxi_cursor_value, cursor, column, below(p, 10) ? &value : NULL);
}

static void go_through(player *p) {
  guanxi_error *error = NULL, **e;
  guanxi_cursor *cursor = pick(p, CURSOR);
  size_t columns = guanxi_cursor_column_count(cursor), fetched = 0;
  size_t most = columns == 0 ? 0 : CELLS / columns;
  guanxi_buffer *json = NULL;
  guanxi_status status;
  switch (below(p, 6)) {
    case 0: CALL(guanxi_cursor_next, cursor); break;
    case 1: CALL(guanxi_cursor_row, cursor, p->cells, below(p, CELLS)); break;
    case 2:
      status = CALL(guanxi_cursor_fetch, cursor, p->cells, below(p, most + 1), below(p, 20) ? &fetched : NULL);
      if (status >= 0 && fetched > most) surprise(p, "more rows than there is room for");
      break;
    case 3:
      CALL(guanxi_cursor_json, cursor, below(p, 300), &json);
      keep(p, BUFFER, json);
      break;
    case 4:
      CALL(guanxi_cursor_json_table, cursor, below(p, 300), below(p, 40), &json);
      keep(p, BUFFER, json);
      break;
    default: read_cells(p, cursor);
  }
}

static void follow(player *p) {
  guanxi_error *error = NULL, **e;
  guanxi_subscription *changes = pick(p, SUBSCRIPTION);
  guanxi_buffer *told = NULL;
  switch (below(p, 4)) {
    case 0: MAKE(SUBSCRIPTION, guanxi_subscription, guanxi_subscribe, pick(p, SESSION), words(p)); break;
    case 1:
      CALL(guanxi_subscription_next, changes, below(p, 2), &told);
      keep(p, BUFFER, told);
      break;
    case 2: guanxi_subscription_position(changes); break;
    default: free_one(p, SUBSCRIPTION);
  }
}

static void settings(player *p) {
  guanxi_error *error = NULL, **e;
  guanxi_session *session = pick(p, SESSION);
  guanxi_interrupter *switched = NULL;
  uint8_t user[16];
  switch (below(p, 9)) {
    case 0: CALL(guanxi_session_set_locale, session, words(p)); break;
    case 1: CALL(guanxi_session_set_timeout_ms, session, below(p, 2) ? 0 : 1000); break;
    case 2: CALL(guanxi_session_user, session, below(p, 10) ? user : NULL); break;
    case 3: CALL(guanxi_session_interrupt, session); break;
    case 4: CALL(guanxi_interrupter_new, &switched); keep(p, INTERRUPTER, switched); break;
    case 5: CALL(guanxi_interrupter_interrupt, pick(p, INTERRUPTER)); break;
    case 6: MAKE(SESSION, guanxi_session, guanxi_session_for, the_engine, below(p, 3) ? admin : words(p)); break;
    case 7: MAKE(BUFFER, guanxi_buffer, guanxi_health, the_engine); break;
    default: if (p->alone) MAKE(SESSION, guanxi_session, guanxi_session_for, pick(p, (int)below(p, KINDS)), words(p));
  }
}

static void a_step(player *p);

static guanxi_status in_a_write(guanxi_txn *txn, void *user_data) {
  player *p = user_data;
  int steps = (int)below(p, 6);
  keep(p, TXN, txn);
  while (steps-- > 0) a_step(p);
  return below(p, 2) ? GUANXI_OK : (guanxi_status)number(p);
}

static void write_with_a_function(player *p) {
  guanxi_error *error = NULL, **e;
  if (p->depth > 2 || !p->alone) return;
  p->depth++;
  CALL(guanxi_write, pick(p, SESSION), in_a_write, p);
  p->depth--;
}

static void a_step(player *p) {
  size_t dice = below(p, 100);
  p->step++;
  if (dice < 22) build_record(p);
  else if (dice < 32) build_query(p);
  else if (dice < 52) write_one(p);
  else if (dice < 65) read_some(p);
  else if (dice < 80) go_through(p);
  else if (dice < 84) follow(p);
  else if (dice < 88) settings(p);
  else if (dice < 90) write_with_a_function(p);
  else free_one(p, (int)below(p, KINDS));
}

/* --- Threads and their end ------------------------------------------------------------------------ */

static unsigned long steps;

/* Frees what is left. A transaction goes first, so that others may write. */
static void clear(player *p) {
  static const int order[KINDS] = {TXN, RECORD, QUERY, CURSOR, BUFFER, ERROR, SUBSCRIPTION, INTERRUPTER, SESSION};
  int place;
  p->function = "clear";
  for (place = 0; place < KINDS; place++) {
    int kind = order[place];
    while (p->count[kind] > 0) free_handle(kind, p->handles[kind][--p->count[kind]]);
  }
}

static void begin(player *p) {
  guanxi_session *session = NULL;
  guanxi_status status = guanxi_session_for(the_engine, admin, &session, NULL);
  /* To sign in is a write, which waits for no transaction of its own thread. */
  if (status != GUANXI_OK && status != GUANXI_ERR_ENGINE_REENTRANT) surprise(p, "no session");
  keep(p, SESSION, session);
}

static void *play(void *user_data) {
  player *p = user_data;
  unsigned long step;
  begin(p);
  for (step = 0; step < steps; step++) {
    int kind, full = 0;
    a_step(p);
    for (kind = 0; kind < KINDS; kind++) full |= p->count[kind] > ROOM - 64;
    if (full || step % 500 == 499) clear(p);
    if (step % 50 == 49) begin(p);
  }
  clear(p);
  return NULL;
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  int threads = argc > 3 ? atoi(argv[3]) : 1, thread;
  pthread_t running[MAX_THREADS];
  player *players[MAX_THREADS];
  guanxi_open_options options;
  guanxi_session *session;
  guanxi_buffer *verified = NULL;
  char path[64];
  unsigned long calls = 0, successes = 0;
  steps = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
  memset(long_text, 'x', sizeof long_text - 1);
  sprintf(path, "fuzz-%ld.guanxi", (long)getpid());
  options = test_options(path);
  options.durability = GUANXI_DURABILITY_RELAXED;
  EXPECT_STATUS(GUANXI_OK, guanxi_create(&options, &the_engine, &err));
  EXPECT(threads >= 1 && threads <= MAX_THREADS);
  for (thread = 0; thread < threads; thread++) {
    players[thread] = calloc(1, sizeof **players);
    EXPECT(players[thread] != NULL);
    players[thread]->seed = seed;
    players[thread]->state = seed * 1000003u + (uint64_t)thread;
    players[thread]->alone = threads == 1;
    EXPECT(pthread_create(&running[thread], NULL, play, players[thread]) == 0);
  }
  for (thread = 0; thread < threads; thread++) {
    EXPECT(pthread_join(running[thread], NULL) == 0);
    calls += players[thread]->calls;
    successes += players[thread]->successes;
    free(players[thread]);
  }
  session = test_session(the_engine);
  EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "database.verify", NULL, &verified, &err));
  guanxi_buffer_free(verified);
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(the_engine, &err));
  EXPECT(guanxi_debug_live_handles() == 0);
  printf("%lu calls, %lu succeeded\n", calls, successes);
  /* A sequence in which nearly nothing succeeds tries nothing. */
  EXPECT(successes * 8 > calls);
  return 0;
}
