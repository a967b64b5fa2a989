/* Subscriptions: changes that are asked for, and changes that are told on a thread of their own. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <time.h>

#include "database.h"

static void create_account(guanxi_session *session, const char *name) {
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_error *error = NULL;
  guanxi_record_set_text(record, "name", name);
  EXPECT(guanxi_session_create(session, record, NULL, &error) == GUANXI_OK);
  guanxi_record_free(record);
}

static void nap(void) {
  struct timespec length = {0, 2000000};
  nanosleep(&length, NULL);
}

static void changes_are_asked_for_in_their_order_and_once(guanxi_session *session) {
  guanxi_subscription *changes = NULL;
  guanxi_buffer *told = NULL;
  uint64_t position;
  EXPECT_STATUS(GUANXI_OK, guanxi_subscribe(session, "{\"entities\":[\"crm.account\"]}", &changes, &err));
  position = guanxi_subscription_position(changes);
  EXPECT_STATUS(GUANXI_DONE, guanxi_subscription_next(changes, 0, &told, &err));
  EXPECT(told == NULL);
  create_account(session, "加喜");
  EXPECT_STATUS(GUANXI_ROW, guanxi_subscription_next(changes, 1000, &told, &err));
  EXPECT(strstr(guanxi_buffer_data(told), "\"kind\":\"create\"") != NULL);
  EXPECT(strstr(guanxi_buffer_data(told), "加喜") == NULL); /* It tells no value. */
  guanxi_buffer_free(told);
  EXPECT(guanxi_subscription_position(changes) > position);
  EXPECT_STATUS(GUANXI_DONE, guanxi_subscription_next(changes, 1, &told, &err));
  guanxi_unsubscribe(changes);
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_HANDLE, guanxi_subscription_next(changes, 0, &told, &err));
  EXPECT(guanxi_subscription_position(changes) == 0);
}

static void who_begins_at_a_position_misses_nothing(guanxi_session *session) {
  guanxi_subscription *changes = NULL;
  guanxi_buffer *told = NULL;
  char filter[64];
  uint64_t position;
  EXPECT_STATUS(GUANXI_OK, guanxi_subscribe(session, NULL, &changes, &err));
  position = guanxi_subscription_position(changes);
  guanxi_unsubscribe(changes);
  create_account(session, "missed by nobody");
  sprintf(filter, "{\"after\":%lu}", (unsigned long)position);
  EXPECT_STATUS(GUANXI_OK, guanxi_subscribe(session, filter, &changes, &err));
  EXPECT_STATUS(GUANXI_ROW, guanxi_subscription_next(changes, 0, &told, &err));
  guanxi_buffer_free(told);
  guanxi_unsubscribe(changes);
}

static void bad_filters_are_refused(guanxi_session *session) {
  guanxi_subscription *changes = NULL;
  static const char *const filters[] = {"[]", "{\"entity\":\"crm.account\"}", "{\"entities\":\"crm.account\"}",
                                        "{\"after\":-1}", "{\"after\":\"3\"}"};
  size_t place;
  for (place = 0; place < sizeof filters / sizeof *filters; place++) {
    EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_FILTER, guanxi_subscribe(session, filters[place], &changes, &err));
    EXPECT(changes == NULL);
  }
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_JSON, guanxi_subscribe(session, "{", &changes, &err));
  EXPECT_STATUS(GUANXI_ERR_SCHEMA_UNKNOWN_ENTITY,
                guanxi_subscribe(session, "{\"entities\":[\"crm.nothing\"]}", &changes, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_subscribe(session, "{\"entities\":[1]}", &changes, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_NULL_ARGUMENT, guanxi_subscribe(NULL, NULL, &changes, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_NULL_ARGUMENT, guanxi_subscribe(session, NULL, NULL, &err));
}

/* --- Told ----------------------------------------------------------------------------------------- */

typedef struct heard {
  pthread_mutex_t lock;
  int calls, destroyed, errors, ends_itself;
  guanxi_session *session;
  guanxi_subscription *changes;
} heard;

static void hear(const char *json, size_t length, void *user_data) {
  heard *told = user_data;
  EXPECT(strlen(json) == length);
  pthread_mutex_lock(&told->lock);
  told->calls++;
  if (strncmp(json, "{\"error\":", 9) == 0) told->errors++;
  if (told->ends_itself) guanxi_unsubscribe(told->changes);
  pthread_mutex_unlock(&told->lock);
}

static void hear_no_more(void *user_data) {
  heard *told = user_data;
  pthread_mutex_lock(&told->lock);
  told->destroyed++;
  pthread_mutex_unlock(&told->lock);
}

static int reached(heard *told, int *number, int wanted) {
  int waits, found = 0;
  for (waits = 0; !found && waits < 10000; waits++) {
    pthread_mutex_lock(&told->lock);
    found = *number >= wanted;
    pthread_mutex_unlock(&told->lock);
    if (!found) nap();
  }
  return found;
}

static void changes_are_told_until_the_subscription_ends(guanxi_engine *engine, guanxi_session *session) {
  heard told = {PTHREAD_MUTEX_INITIALIZER, 0, 0, 0, 0, NULL, NULL};
  guanxi_buffer *buffer = NULL;
  EXPECT_STATUS(GUANXI_OK, guanxi_subscribe(session, NULL, &told.changes, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_subscription_listen(told.changes, hear, &told, hear_no_more, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT, guanxi_subscription_next(told.changes, 0, &buffer, &err));
  create_account(session, "told");
  EXPECT(reached(&told, &told.calls, 1));
  create_account(session, "told again");
  EXPECT(reached(&told, &told.calls, 2));
  EXPECT_STATUS(GUANXI_ERR_STORAGE_BUSY, guanxi_close(engine, &err));
  /* A second function is refused, and its data is taken back. */
  EXPECT(told.destroyed == 0);
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_ARGUMENT,
                guanxi_subscription_listen(told.changes, hear, &told, hear_no_more, &err));
  EXPECT(told.destroyed == 1);
  guanxi_unsubscribe(told.changes);
  EXPECT(told.destroyed == 2 && told.errors == 0);
  guanxi_unsubscribe(told.changes);
  EXPECT(told.destroyed == 2);
}

static void a_function_may_end_its_own_subscription(guanxi_session *session) {
  heard told = {PTHREAD_MUTEX_INITIALIZER, 0, 0, 0, 1, NULL, NULL};
  EXPECT_STATUS(GUANXI_OK, guanxi_subscribe(session, NULL, &told.changes, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_subscription_listen(told.changes, hear, &told, hear_no_more, &err));
  create_account(session, "the last one");
  EXPECT(reached(&told, &told.destroyed, 1));
  EXPECT(told.calls == 1);
}

static void no_function_is_no_listener(guanxi_session *session) {
  heard told = {PTHREAD_MUTEX_INITIALIZER, 0, 0, 0, 0, NULL, NULL};
  EXPECT_STATUS(GUANXI_OK, guanxi_subscribe(session, NULL, &told.changes, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_NULL_ARGUMENT,
                guanxi_subscription_listen(told.changes, NULL, &told, hear_no_more, &err));
  EXPECT(told.destroyed == 1);
  guanxi_unsubscribe(told.changes);
}

/* --- Threads -------------------------------------------------------------------------------------- */

typedef struct waiter {
  guanxi_subscription *changes;
  guanxi_status status;
  int done;
} waiter;

static void *wait_for_changes(void *user_data) {
  waiter *mine = user_data;
  guanxi_buffer *told = NULL;
  mine->status = guanxi_subscription_next(mine->changes, 600000, &told, NULL);
  guanxi_buffer_free(told);
  __atomic_store_n(&mine->done, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static void waiting_is_interrupted(guanxi_session *session) {
  waiter mine = {NULL, GUANXI_OK, 0};
  pthread_t thread;
  EXPECT_STATUS(GUANXI_OK, guanxi_subscribe(session, NULL, &mine.changes, &err));
  EXPECT(pthread_create(&thread, NULL, wait_for_changes, &mine) == 0);
  /* An interruption ends what runs, so it is tried until the thread runs. */
  while (!__atomic_load_n(&mine.done, __ATOMIC_SEQ_CST)) {
    EXPECT_STATUS(GUANXI_OK, guanxi_session_interrupt(session, &err));
    nap();
  }
  EXPECT(pthread_join(thread, NULL) == 0);
  EXPECT(mine.status == GUANXI_ERR_ENGINE_CANCELLED);
  guanxi_unsubscribe(mine.changes);
}

enum { THREADS = 64 };

static void *work(void *user_data) {
  guanxi_session *session = user_data;
  guanxi_query *query = guanxi_query_new("crm.account");
  int round;
  for (round = 0; round < 3; round++) {
    uint64_t count = 0;
    guanxi_cursor *rows = NULL;
    create_account(session, "by one of many");
    EXPECT(guanxi_count(session, query, &count, NULL) == GUANXI_OK && count > 0);
    EXPECT(guanxi_query_run(session, query, &rows, NULL) == GUANXI_OK);
    while (guanxi_cursor_next(rows, NULL) == GUANXI_ROW) EXPECT(guanxi_cursor_text(rows, 1, NULL) != (char *)1);
    guanxi_cursor_free(rows);
  }
  guanxi_query_free(query);
  return NULL;
}

static void sixty_four_threads_share_a_session_and_every_change_is_told_once(guanxi_session *session) {
  pthread_t threads[THREADS];
  guanxi_subscription *changes = NULL;
  guanxi_buffer *told = NULL;
  int number, seen = 0;
  EXPECT_STATUS(GUANXI_OK, guanxi_subscribe(session, "{\"entities\":[\"crm.account\"]}", &changes, &err));
  for (number = 0; number < THREADS; number++)
    EXPECT(pthread_create(&threads[number], NULL, work, session) == 0);
  for (number = 0; number < THREADS; number++) EXPECT(pthread_join(threads[number], NULL) == 0);
  while (guanxi_subscription_next(changes, 0, &told, &err) == GUANXI_ROW) {
    const char *place = guanxi_buffer_data(told);
    while ((place = strstr(place, "\"kind\":\"create\"")) != NULL) {
      place++;
      seen++;
    }
    guanxi_buffer_free(told);
  }
  EXPECT(err == NULL && seen == 3 * THREADS);
  guanxi_unsubscribe(changes);
}

int main(void) {
  guanxi_engine *engine = test_database();
  guanxi_session *session = test_session(engine);
  changes_are_asked_for_in_their_order_and_once(session);
  who_begins_at_a_position_misses_nothing(session);
  bad_filters_are_refused(session);
  changes_are_told_until_the_subscription_ends(engine, session);
  a_function_may_end_its_own_subscription(session);
  no_function_is_no_listener(session);
  waiting_is_interrupted(session);
  sixty_four_threads_share_a_session_and_every_change_is_told_once(session);
  guanxi_session_free(session);
  /* The thread of a subscription that ended itself may still be on its way out. */
  while (guanxi_close(engine, NULL) == GUANXI_ERR_STORAGE_BUSY) nap();
  EXPECT(guanxi_debug_live_handles() == 0);
  return 0;
}
