/* Search: what is inside of attachments by the host's own function, what is alike, and the steps that a host drives. */
#include "database.h"

/* What the host's function does with the next content. */
typedef enum mode { READS, FAILS, NEVER_ENDS, HANDS_RUBBISH } mode;

typedef struct reader {
  mode mode;
  int calls;
  size_t handed;
} reader;

static guanxi_status read_out(const char *media_type, const uint8_t *content, size_t content_len, guanxi_extraction *text,
                              void *user_data) {
  reader *host = user_data;
  guanxi_error *error = NULL;
  guanxi_status status;
  host->calls++;
  EXPECT(strcmp(media_type, "text/plain") == 0);
  switch (host->mode) {
    case READS:
      EXPECT(guanxi_extraction_append(NULL, "x", 1, NULL) < 0);
      EXPECT(guanxi_extraction_append(text, NULL, 1, NULL) < 0);
      EXPECT(guanxi_extraction_append(text, NULL, 0, NULL) == GUANXI_OK);
      return guanxi_extraction_append(text, (const char *)content, content_len, NULL);
    case FAILS:
      guanxi_extraction_append(text, "handed before", 13, NULL);
      return -1;
    case NEVER_ENDS:
      while ((status = guanxi_extraction_append(text, "endless endless ", 16, &error)) == GUANXI_OK) host->handed += 16;
      EXPECT(status == GUANXI_ERR_INPUT_LIMIT_EXCEEDED && guanxi_error_code(error) == status);
      guanxi_error_free(error);
      return status;
    default:
      EXPECT(guanxi_extraction_append(text, "\xff\xfe", 2, &error) == GUANXI_ERR_INPUT_INVALID_UTF8);
      guanxi_error_free(error);
      return GUANXI_ERR_INPUT_INVALID_UTF8;
  }
}

static guanxi_engine *opened(reader *host) {
  static char path[32];
  guanxi_open_options options = test_options(path);
  guanxi_engine *engine = NULL;
  unsigned number = 0;
  FILE *taken;
  /* A name that no earlier run in this folder has used. */
  do {
    sprintf(path, "search-%u.guanxi", number++);
    taken = fopen(path, "rb");
    if (taken != NULL) fclose(taken);
  } while (taken != NULL);
  options.extractor = read_out;
  options.extractor_user_data = host;
  EXPECT_STATUS(GUANXI_ERR_INPUT_MISSING_PARAMETER, guanxi_create(&options, &engine, &err));
  options.extractor_media_types = "application/x-memo, text/*";
  options.extractor_max_bytes = 100000;
  EXPECT_STATUS(GUANXI_OK, guanxi_create(&options, &engine, &err));
  return engine;
}

static void create(guanxi_session *session, const char *name, uint8_t *id) {
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_record_set_text(record, "name", name);
  EXPECT_STATUS(GUANXI_OK, guanxi_session_create(session, record, id, &err));
  guanxi_record_free(record);
}

/* Attaches a content, which is given as base64. */
static void attach(guanxi_session *session, const uint8_t *record, const char *media_type, const char *content) {
  static const char digits[] = "0123456789abcdef";
  char id[37], call[512];
  size_t place, at = 0;
  guanxi_buffer *answer = NULL;
  for (place = 0; place < 16; place++) {
    if (place == 4 || place == 6 || place == 8 || place == 10) id[at++] = '-';
    id[at++] = digits[record[place] >> 4];
    id[at++] = digits[record[place] & 15];
  }
  id[at] = 0;
  sprintf(call, "{\"entity\":\"crm.account\",\"record\":\"%s\",\"name\":\"a.txt\",\"media_type\":\"%s\",\"content\":\"%s\"}",
          id, media_type, content);
  EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "attachment.add", call, &answer, &err));
  guanxi_buffer_free(answer);
}

static int count(guanxi_cursor *cursor) {
  int rows = 0;
  guanxi_status status;
  while ((status = guanxi_cursor_next(cursor, &err)) == GUANXI_ROW) rows++;
  EXPECT_STATUS(GUANXI_DONE, status);
  guanxi_cursor_free(cursor);
  return rows;
}

static int found(guanxi_session *session, const char *words) {
  guanxi_cursor *cursor = NULL;
  EXPECT_STATUS(GUANXI_OK, guanxi_search(session, NULL, words, 0, &cursor, &err));
  return count(cursor);
}

static void extract(guanxi_session *session, int again, uint64_t read, uint64_t failed, uint64_t waiting) {
  uint64_t got[3] = {99, 99, 99};
  EXPECT_STATUS(GUANXI_OK, guanxi_search_extract(session, 0, again, &got[0], &got[1], &got[2], &err));
  EXPECT(got[0] == read && got[1] == failed && got[2] == waiting);
  EXPECT_STATUS(GUANXI_OK, guanxi_search_extract(session, 1, 0, NULL, NULL, NULL, &err));
}

static void texts_are_read_by_the_hosts_function(guanxi_session *session, reader *host, const uint8_t *record) {
  attach(session, record, "text/plain", "6L+d57qm6YeR5p2h5qy+IHBlbmFsdHk="); /* 违约金条款 penalty */
  attach(session, record, "image/png", "6L+d57qm6YeR5p2h5qy+IHBlbmFsdHk=");
  EXPECT(found(session, "违约金") == 0 && host->calls == 0);
  extract(session, 0, 1, 0, 0);
  EXPECT(found(session, "违约金") == 1 && found(session, "penalty") == 1 && host->calls == 1);
}

static void a_function_that_fails_harms_nothing(guanxi_session *session, reader *host, const uint8_t *record) {
  int attempt;
  host->mode = FAILS;
  attach(session, record, "text/plain", "5L+d5a+G5Y2P6K6u"); /* 保密协议 */
  extract(session, 0, 0, 1, 1); /* The second call of `extract` is the second attempt. */
  EXPECT(found(session, "保密协议") == 0 && found(session, "handed") == 0);
  host->mode = HANDS_RUBBISH;
  for (attempt = 0; attempt < 3; attempt++) EXPECT_STATUS(GUANXI_OK, guanxi_search_extract(session, 0, 0, NULL, NULL, NULL, &err));
  attempt = host->calls;
  extract(session, 0, 0, 0, 0);
  EXPECT(host->calls == attempt);
  host->mode = READS;
  extract(session, 1, 1, 0, 0);
  EXPECT(found(session, "保密协议") == 1);
  host->mode = NEVER_ENDS;
  attach(session, record, "text/plain", "eA==");
  extract(session, 0, 1, 0, 0);
  EXPECT(host->handed > 1000000 && host->handed <= 1048576 && found(session, "endless") == 1);
}

static void what_is_alike_is_found(guanxi_session *session, const uint8_t *record) {
  static const char twin[] = "北京加喜企业服务";
  guanxi_cursor *cursor = NULL;
  size_t length = 0;
  const char *title;
  EXPECT_STATUS(GUANXI_OK, guanxi_search_similar(session, "crm.account", record, "crm.account", 0, &cursor, &err));
  EXPECT(guanxi_cursor_find(cursor, "title") == 2);
  EXPECT_STATUS(GUANXI_ROW, guanxi_cursor_next(cursor, &err));
  title = guanxi_cursor_text(cursor, 2, &length);
  EXPECT(length == sizeof twin - 1 && memcmp(title, twin, length) == 0);
  EXPECT(count(cursor) == 0);
  EXPECT_STATUS(GUANXI_OK, guanxi_search_similar(session, "crm.account", record, NULL, 1, &cursor, &err));
  EXPECT(count(cursor) == 1);
  EXPECT_STATUS(GUANXI_OK, guanxi_search_similar(session, "crm.account", record, "crm.contact", 5, &cursor, &err));
  EXPECT(count(cursor) == 0);
  EXPECT_STATUS(GUANXI_ERR_INPUT_NULL_ARGUMENT, guanxi_search_similar(session, "crm.account", NULL, NULL, 0, &cursor, &err));
  EXPECT(cursor == NULL);
}

static void the_index_is_brought_up_to_date(guanxi_session *session) {
  int32_t behind = 9;
  uint64_t done = 9, total = 9, entries = 9;
  uint8_t id[16];
  create(session, "恒远贸易", id);
  EXPECT_STATUS(GUANXI_OK, guanxi_search_progress(session, &behind, &done, &total, &entries, &err));
  EXPECT(behind == 1 && total > 0 && entries > 0);
  EXPECT_STATUS(GUANXI_OK, guanxi_search_settle(session, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_search_progress(session, &behind, &done, &total, &entries, &err));
  EXPECT(behind == 0 && done == 0 && total == 0 && entries == 0);
  EXPECT_STATUS(GUANXI_OK, guanxi_search_progress(session, NULL, NULL, NULL, NULL, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_NULL_ARGUMENT, guanxi_search_settle(NULL, &err));
}

int main(void) {
  reader host = {READS, 0, 0};
  guanxi_engine *engine = opened(&host);
  guanxi_session *session = test_session(engine);
  uint8_t record[16], other[16];
  create(session, "上海加喜企业服务", record);
  create(session, "北京加喜企业服务", other);
  create(session, "环球航运", other);
  texts_are_read_by_the_hosts_function(session, &host, record);
  a_function_that_fails_harms_nothing(session, &host, record);
  what_is_alike_is_found(session, record);
  the_index_is_brought_up_to_date(session);
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
  return 0;
}
