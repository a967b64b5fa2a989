/* What a host supplies and what it is told: clock, random bytes, a log, health, and the two kinds of panic. */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "database.h"

/* 2026-01-02T03:04:05Z. */
static const int64_t moment = 1767323045000000;

static int clock_is_broken = 0, random_is_broken = 0, randoms = 0;

static guanxi_status host_clock(int64_t *microseconds, void *user_data) {
  EXPECT(user_data == &moment);
  if (clock_is_broken) return -1;
  *microseconds = moment;
  return GUANXI_OK;
}

static guanxi_status host_random(uint8_t *bytes, size_t length, void *user_data) {
  static uint64_t state = 1;
  size_t place;
  EXPECT(user_data == &randoms);
  randoms++;
  if (random_is_broken) return -1;
  for (place = 0; place < length; place++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    bytes[place] = (uint8_t)(state >> 56);
  }
  return GUANXI_OK;
}

/* --- The log -------------------------------------------------------------------------------------- */

typedef struct told {
  int panics, stops, opened, closed, refusals, destroyed;
  guanxi_session *session;
} told;

static void host_log(int32_t level, const char *event, const char *text, void *user_data) {
  told *log = user_data;
  if (strcmp(event, "engine.panic") == 0) {
    EXPECT(level == GUANXI_LOG_ERROR && strstr(text, ".rs:") != NULL);
    log->panics++;
  }
  if (strcmp(event, "engine.stopped") == 0) log->stops++;
  if (strcmp(event, "engine.opened") == 0) log->opened++;
  if (strcmp(event, "engine.closed") == 0) log->closed++;
  if (strcmp(event, "call.failed") == 0) {
    log->refusals++;
    /* A call from within fails as it would anywhere, and is not told. */
    EXPECT(guanxi_call(log->session, "there.is_none", NULL, NULL, NULL) < 0);
  }
}

static void host_destroy(void *user_data) { ((told *)user_data)->destroyed++; }

/* --- The database --------------------------------------------------------------------------------- */

static guanxi_engine *opened(const char *path, int create) {
  guanxi_open_options options = test_options(path);
  guanxi_engine *engine = NULL;
  options.clock = host_clock;
  options.clock_user_data = (void *)&moment;
  options.random = host_random;
  options.random_user_data = &randoms;
  EXPECT_STATUS(GUANXI_OK, create ? guanxi_create(&options, &engine, &err) : guanxi_open(&options, &engine, &err));
  return engine;
}

static guanxi_status create_account(guanxi_session *session, const char *name, guanxi_error **error) {
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_status status;
  guanxi_record_set_text(record, "name", name);
  status = guanxi_session_create(session, record, NULL, error);
  guanxi_record_free(record);
  return status;
}

static guanxi_status count_accounts(guanxi_session *session, uint64_t *count, guanxi_error **error) {
  guanxi_query *query = guanxi_query_new("crm.account");
  guanxi_status status = guanxi_count(session, query, count, error);
  guanxi_query_free(query);
  return status;
}

static int healthy(guanxi_engine *engine, const char *words) {
  guanxi_buffer *health = NULL;
  int found;
  EXPECT_STATUS(GUANXI_OK, guanxi_health(engine, &health, &err));
  found = strstr(guanxi_buffer_data(health), words) != NULL;
  guanxi_buffer_free(health);
  return found;
}

static void moments_are_those_of_the_host(guanxi_session *session) {
  guanxi_query *query = guanxi_query_new("crm.account");
  guanxi_cursor *cursor = NULL;
  EXPECT_STATUS(GUANXI_OK, create_account(session, "加喜", &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_query_run(session, query, &cursor, &err));
  EXPECT_STATUS(GUANXI_ROW, guanxi_cursor_next(cursor, &err));
  EXPECT(guanxi_cursor_int(cursor, (size_t)guanxi_cursor_find(cursor, "created_at")) == moment);
  guanxi_cursor_free(cursor);
  guanxi_query_free(query);
  EXPECT(randoms > 0);
}

static void a_panic_of_a_read_ends_that_call_only(guanxi_engine *engine, guanxi_session *session) {
  uint64_t count = 0;
  clock_is_broken = 1;
  EXPECT_STATUS(GUANXI_ERR_ENGINE_PANIC, count_accounts(session, &count, &err));
  clock_is_broken = 0;
  EXPECT_STATUS(GUANXI_OK, count_accounts(session, &count, &err));
  EXPECT(count == 1);
  EXPECT_STATUS(GUANXI_OK, create_account(session, "关系", &err));
  EXPECT(healthy(engine, "\"state\":\"open\""));
}

static void a_panic_of_a_write_stops_the_engine_until_it_is_opened_again(const char *path) {
  guanxi_engine *engine = opened(path, 0);
  guanxi_session *session = test_session(engine);
  guanxi_cursor *cursor = NULL;
  guanxi_session *another = NULL;
  uint64_t count = 0;
  random_is_broken = 1;
  EXPECT_STATUS(GUANXI_ERR_ENGINE_PANIC, create_account(session, "never", &err));
  random_is_broken = 0;
  EXPECT_STATUS(GUANXI_ERR_ENGINE_PANIC, create_account(session, "nor this", &err));
  EXPECT_STATUS(GUANXI_ERR_ENGINE_PANIC, count_accounts(session, &count, &err));
  EXPECT_STATUS(GUANXI_ERR_ENGINE_PANIC, guanxi_search(session, NULL, "加喜", 0, &cursor, &err));
  EXPECT_STATUS(GUANXI_ERR_ENGINE_PANIC, guanxi_session_for(engine, admin, &another, &err));
  EXPECT(healthy(engine, "\"state\":\"stopped\""));
  EXPECT(!healthy(engine, "\"panics\":0,"));
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));

  engine = opened(path, 0);
  session = test_session(engine);
  EXPECT_STATUS(GUANXI_OK, count_accounts(session, &count, &err));
  EXPECT(count == 2);
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
}

/* Two databases are open in one process, and a fault of one is none of the other. */
static void another_engine_goes_on(const char *path, guanxi_session *other) {
  guanxi_engine *engine = opened(path, 0);
  guanxi_session *session = test_session(engine);
  uint64_t count = 0;
  random_is_broken = 1;
  EXPECT_STATUS(GUANXI_ERR_ENGINE_PANIC, create_account(session, "never", &err));
  random_is_broken = 0;
  EXPECT_STATUS(GUANXI_OK, create_account(other, "in the other database", &err));
  EXPECT_STATUS(GUANXI_OK, count_accounts(other, &count, &err));
  EXPECT(count == 1);
  EXPECT_STATUS(GUANXI_ERR_ENGINE_PANIC, count_accounts(session, &count, &err));
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
}

static void a_log_that_is_refused_is_taken_back(void) {
  static told refused;
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_set_log(host_log, &refused, host_destroy, 9, &err));
  EXPECT(refused.destroyed == 1);
}

int main(void) {
  char path[64];
  told log = {0, 0, 0, 0, 0, 0, NULL};
  guanxi_engine *engine, *second;
  guanxi_session *session, *other;
  sprintf(path, "observed-%ld.guanxi", (long)getpid());
  a_log_that_is_refused_is_taken_back();
  EXPECT_STATUS(GUANXI_OK, guanxi_set_log(host_log, &log, host_destroy, GUANXI_LOG_DEBUG, &err));
  engine = opened(path, 1);
  session = test_session(engine);
  log.session = session;
  moments_are_those_of_the_host(session);
  a_panic_of_a_read_ends_that_call_only(engine, session);
  EXPECT(log.panics == 1 && log.stops == 0 && log.refusals == 1);
  log.session = NULL;
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));

  a_panic_of_a_write_stops_the_engine_until_it_is_opened_again(path);
  EXPECT(log.panics == 2 && log.stops == 1);
  second = test_database();
  other = test_session(second);
  another_engine_goes_on(path, other);
  guanxi_session_free(other);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(second, &err));
  EXPECT(log.opened == 3 && log.closed == 5);

  EXPECT(log.destroyed == 0);
  EXPECT_STATUS(GUANXI_OK, guanxi_set_log(NULL, NULL, NULL, 0, &err));
  EXPECT(log.destroyed == 1);
  EXPECT(guanxi_debug_live_handles() == 0);
  return 0;
}
