/* Getters take no memory: every request for some is counted while rows are read. It is run without valgrind, which has
 * the functions of memory for itself. */
#include "database.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *place, size_t size);

static int counting = 0, requests = 0;

void *malloc(size_t size) {
  if (counting) requests++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  if (counting) requests++;
  return __libc_calloc(count, size);
}

void *realloc(void *place, size_t size) {
  if (counting) requests++;
  return __libc_realloc(place, size);
}

int main(void) {
  guanxi_engine *engine = test_database();
  guanxi_session *session = test_session(engine);
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_query *query = guanxi_query_new("crm.account");
  guanxi_cursor *cursor = NULL;
  guanxi_value row[128];
  size_t columns, column;
  guanxi_record_set_text(record, "name", "加喜");
  guanxi_record_set_text(record, "city", "上海");
  EXPECT_STATUS(GUANXI_OK, guanxi_session_create(session, record, NULL, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_query_run(session, query, &cursor, &err));

  counting = 1;
  free(malloc(1));
  counting = 0;
  EXPECT(requests == 1);
  requests = 0;

  EXPECT_STATUS(GUANXI_ROW, guanxi_cursor_next(cursor, &err));
  columns = guanxi_cursor_column_count(cursor);
  EXPECT(columns <= sizeof row / sizeof *row);
  counting = 1;
  EXPECT(guanxi_cursor_find(cursor, "name") > 0);
  EXPECT(guanxi_cursor_version(cursor) == 1);
  for (column = 0; column < columns; column++) {
    size_t length = 0;
    guanxi_value value;
    uint8_t id[16];
    guanxi_cursor_column_name(cursor, column);
    guanxi_cursor_is_null(cursor, column);
    guanxi_cursor_text(cursor, column, &length);
    guanxi_cursor_int(cursor, column);
    guanxi_cursor_bool(cursor, column);
    EXPECT(guanxi_cursor_value(cursor, column, &value, NULL) == GUANXI_OK);
    if (guanxi_cursor_type(cursor, column) == GUANXI_VALUE_ID)
      EXPECT(guanxi_cursor_id(cursor, column, id, NULL) == GUANXI_OK);
  }
  EXPECT(guanxi_cursor_row(cursor, row, columns, NULL) == GUANXI_OK);
  counting = 0;
  if (requests != 0) fprintf(stderr, "getters asked for memory %d times\n", requests);
  EXPECT(requests == 0);

  guanxi_cursor_free(cursor);
  guanxi_query_free(query);
  guanxi_record_free(record);
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
  return 0;
}
