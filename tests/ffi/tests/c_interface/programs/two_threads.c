/* Two threads use a cursor, a record and a query at once, which they must not: each call is answered, nothing is lost, and what
   came of it is not taken for what somebody said. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>

#include "database.h"

enum { ROWS = 3000, ROUNDS = 400, SETS = 20000 };

struct race {
  guanxi_cursor *cursor;
  guanxi_record *record;
  guanxi_query *query;
  /* Rows that this thread got, and how often it was told that another thread was inside. */
  long rows, told;
};

static int wrong_thread(int status) { return status == GUANXI_ERR_ENGINE_WRONG_THREAD; }

static void *read_all(void *given) {
  static const char one[] = "\"name\":\"row-of-";
  struct race *race = given;
  int status;
  do {
    guanxi_buffer *rows = NULL;
    guanxi_error *error = NULL;
    size_t length, place;
    status = guanxi_cursor_json(race->cursor, 100, &rows, &error);
    EXPECT(status == GUANXI_ROW || status == GUANXI_DONE || wrong_thread(status));
    EXPECT((status < 0) == (error != NULL) && (error == NULL || guanxi_error_code(error) == status));
    race->told += wrong_thread(status);
    /* Each record has one field of this name. */
    length = guanxi_buffer_length(rows);
    for (place = 0; rows && place + sizeof one <= length; place++)
      race->rows += memcmp(guanxi_buffer_data(rows) + place, one, sizeof one - 1) == 0;
    guanxi_buffer_free(rows);
    guanxi_error_free(error);
  } while (status != GUANXI_DONE);
  return NULL;
}

static void *change(void *given) {
  struct race *race = given;
  int set;
  for (set = 0; set < SETS; set++) {
    if (race->record) guanxi_record_set_int(race->record, "employees", set);
    if (race->query) guanxi_query_limit(race->query, 1);
  }
  return NULL;
}

static void run(void *(*function)(void *), struct race *one, struct race *other) {
  pthread_t threads[2];
  EXPECT(pthread_create(&threads[0], NULL, function, one) == 0);
  EXPECT(pthread_create(&threads[1], NULL, function, other) == 0);
  EXPECT(pthread_join(threads[0], NULL) == 0);
  EXPECT(pthread_join(threads[1], NULL) == 0);
}

static void no_row_of_a_cursor_is_lost_or_given_twice(guanxi_session *session) {
  long told = 0;
  int round;
  for (round = 0; round < ROUNDS && told == 0; round++) {
    struct race one = {NULL, NULL, NULL, 0, 0}, other;
    guanxi_query *query = guanxi_query_new("crm.account");
    guanxi_query_field(query, "name");
    EXPECT_STATUS(GUANXI_OK, guanxi_query_run(session, query, &one.cursor, &err));
    other = one;
    run(read_all, &one, &other);
    EXPECT(one.rows + other.rows == ROWS);
    told += one.told + other.told;
    /* The cursor is as good as before. */
    EXPECT_STATUS(GUANXI_DONE, guanxi_cursor_next(one.cursor, &err));
    guanxi_cursor_free(one.cursor);
    guanxi_query_free(query);
  }
  EXPECT(told > 0);
}

static void what_two_threads_set_at_once_is_refused_when_it_is_used(guanxi_session *session) {
  int round, refused = 0;
  for (round = 0; round < ROUNDS && refused != 3; round++) {
    struct race race = {NULL, NULL, NULL, 0, 0};
    guanxi_cursor *cursor = NULL;
    int status;
    race.record = guanxi_record_new("crm.account");
    guanxi_record_set_text(race.record, "name", "both");
    run(change, &race, &race);
    status = guanxi_session_create(session, race.record, NULL, &err);
    EXPECT(status == GUANXI_OK || wrong_thread(status));
    if (wrong_thread(status)) {
      refused |= 1;
      EXPECT_STATUS(GUANXI_ERR_ENGINE_WRONG_THREAD, status);
      EXPECT_STATUS(GUANXI_ERR_ENGINE_WRONG_THREAD, guanxi_session_create(session, race.record, NULL, &err));
    }
    guanxi_record_free(race.record);
    race.record = NULL;
    race.query = guanxi_query_new("crm.account");
    run(change, &race, &race);
    status = guanxi_query_run(session, race.query, &cursor, &err);
    EXPECT(status == GUANXI_OK || wrong_thread(status));
    if (wrong_thread(status)) {
      refused |= 2;
      EXPECT_STATUS(GUANXI_ERR_ENGINE_WRONG_THREAD, status);
    }
    guanxi_cursor_free(cursor);
    guanxi_query_free(race.query);
  }
  EXPECT(refused == 3);
}

int main(void) {
  guanxi_engine *engine = test_database();
  guanxi_session *session = test_session(engine);
  guanxi_txn *txn = NULL;
  int row;
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_begin(session, "test", 0, &txn, &err));
  for (row = 0; row < ROWS; row++) {
    guanxi_record *record = guanxi_record_new("crm.account");
    char name[32];
    sprintf(name, "row-of-%d", row);
    guanxi_record_set_text(record, "name", name);
    EXPECT_STATUS(GUANXI_OK, guanxi_txn_create(txn, record, NULL, &err));
    guanxi_record_free(record);
  }
  EXPECT_STATUS(GUANXI_OK, guanxi_txn_commit(txn, &err));
  no_row_of_a_cursor_is_lost_or_given_twice(session);
  what_two_threads_set_at_once_is_refused_when_it_is_used(session);
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
  return 0;
}
