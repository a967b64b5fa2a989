/* What is done while no database is open: creating one, checking a backup, restoring with progress and a
   cancel, salvaging; and how each call says what is wrong with it. */
#include "expect.h"

#define KEY "\"key\": {\"raw\": \"3031323334353637383961626364656630313233343536373839616263646500\"}"
#define COMPANIES 40

/* The folder of this run, which no earlier one has used. */
static char folder[32];

static char *said(const char *format) {
  static char text[1024];
  sprintf(text, format, folder, folder);
  return text;
}

static int called(const char *method, const char *parameters, const guanxi_call_options *options,
                  guanxi_buffer **out) {
  return guanxi_call_without_session(method, parameters, options, out, &err);
}

/* Calls a method that succeeds, and looks for some text in its answer. */
static void answers(const char *method, const char *parameters, const guanxi_call_options *options,
                    const char *wanted) {
  guanxi_buffer *buffer = NULL;
  EXPECT_STATUS(GUANXI_OK, called(method, parameters, options, &buffer));
  if (strstr(guanxi_buffer_data(buffer), wanted) == NULL) {
    fprintf(stderr, "%s: `%s` is not in %s\n", method, wanted, guanxi_buffer_data(buffer));
    exit(1);
  }
  guanxi_buffer_free(buffer);
}

/* Calls a method that is refused with this status, and leaves no answer. */
static void refuses(int status, const char *method, const char *parameters,
                    const guanxi_call_options *options) {
  guanxi_buffer *buffer = (guanxi_buffer *)&buffer;
  EXPECT_STATUS(status, called(method, parameters, options, &buffer));
  EXPECT(buffer == NULL);
}

/* What a listener was told, and in which phase it ends the call. */
typedef struct told {
  unsigned calls;
  unsigned backup;
  const char *end_at;
  guanxi_interrupter *interrupter;
} told;

static void listen(const char *phase, uint64_t done, uint64_t total, void *user_data) {
  told *kept = user_data;
  EXPECT(phase != NULL && *phase != 0 && (total == 0 || done <= total));
  kept->calls++;
  if (strcmp(phase, "backup") == 0) kept->backup++;
  if (kept->end_at != NULL && strcmp(phase, kept->end_at) == 0)
    EXPECT(guanxi_interrupter_interrupt(kept->interrupter, NULL) == GUANXI_OK);
}

static guanxi_session *signed_in(const char *name, guanxi_engine **engine) {
  char path[64];
  guanxi_session *session = NULL;
  guanxi_open_options options = GUANXI_OPEN_OPTIONS_INIT;
  sprintf(path, "%s/%s", folder, name);
  options.path = path;
  options.key = test_key;
  options.key_len = sizeof test_key;
  EXPECT_STATUS(GUANXI_OK, guanxi_open(&options, engine, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_sign_in(*engine, admin, "a long password", &session, &err));
  return session;
}

static void closed(guanxi_engine *engine, guanxi_session *session) {
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
}

/* A folder is made by the engine too: a salvage makes one, of a database that is made for it. */
static void a_database_is_created(void) {
  unsigned number = 0;
  int status;
  const char *given = "{\"path\": \"%s.guanxi\", " KEY ", \"administrator_name\": \"lin@jiaxi.cn\", "
                      "\"administrator_password\": \"a long password\"}";
  do {
    guanxi_buffer *buffer = NULL;
    guanxi_error_free(err);
    err = NULL;
    sprintf(folder, "alone-%u", number++);
    status = called("database.create", said(given), NULL, &buffer);
    guanxi_buffer_free(buffer);
  } while (status == GUANXI_ERR_STORAGE_ALREADY_EXISTS && number < 100);
  EXPECT(status == GUANXI_OK && err == NULL);
  refuses(GUANXI_ERR_STORAGE_ALREADY_EXISTS, "database.create", said(given), NULL);
  answers("database.salvage", said("{\"path\": \"%s.guanxi\", " KEY ", \"folder\": \"%s\"}"), NULL,
          "\"whole\":true");
  answers("database.create",
          said("{\"path\": \"%s/crm.guanxi\", " KEY ", \"administrator_name\": \"lin@jiaxi.cn\", "
               "\"administrator_password\": \"a long password\"}"),
          NULL, "\"identity\"");
}

/* Writes companies, backs the database up, and tells where the backups lie by their names. */
static void it_is_filled_and_backed_up(char *full) {
  guanxi_engine *engine = NULL;
  guanxi_session *session = signed_in("crm.guanxi", &engine);
  guanxi_buffer *buffer = NULL;
  const char *name;
  size_t length;
  unsigned number;
  for (number = 0; number < COMPANIES; number++) {
    guanxi_record *record = guanxi_record_new("crm.account");
    uint8_t id[16];
    char title[32];
    sprintf(title, "Company %u", number);
    guanxi_record_set_text(record, "name", title);
    EXPECT_STATUS(GUANXI_OK, guanxi_session_create(session, record, id, &err));
    guanxi_record_free(record);
  }
  EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "backup.create", said("{\"folder\": \"%s\", \"kind\": \"keys\"}"),
                                       &buffer, &err));
  guanxi_buffer_free(buffer);
  EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "backup.create", said("{\"folder\": \"%s\", \"kind\": \"full\"}"),
                                       &buffer, &err));
  name = strstr(guanxi_buffer_data(buffer), "\"name\":\"") + 8;
  length = (size_t)(strchr(name, '"') - name);
  EXPECT(length < 96);
  memcpy(full, name, length);
  full[length] = 0;
  guanxi_buffer_free(buffer);

  /* A method is called with a session or without, and says so when it is the other one. */
  EXPECT_STATUS(GUANXI_ERR_INPUT_SESSION_NOT_TAKEN,
                guanxi_call(session, "backup.restore", NULL, &buffer, &err));
  refuses(GUANXI_ERR_INPUT_SESSION_REQUIRED, "backup.create", NULL, NULL);
  refuses(GUANXI_ERR_STORAGE_LOCKED, "database.salvage",
          said("{\"path\": \"%s/crm.guanxi\", " KEY ", \"folder\": \"%s/salvaged\"}"), NULL);
  closed(engine, session);
}

static void the_backup_is_looked_at(const char *full) {
  char given[512];
  sprintf(given, "{\"file\": \"%s/%s\"}", folder, full);
  answers("backup.inspect", given, NULL, "\"kind\":\"full\"");
  refuses(GUANXI_ERR_INPUT_MISSING_PARAMETER, "backup.verify", given, NULL);
  sprintf(given, "{\"file\": \"%s/%s\", " KEY "}", folder, full);
  answers("backup.verify", given, NULL, "\"records\"");
  sprintf(given, "{\"file\": \"%s/%s\", \"key\": {\"passphrase\": \"wrong\"}}", folder, full);
  refuses(GUANXI_ERR_STORAGE_WRONG_KEY, "backup.verify", given, NULL);
}

static void it_is_restored_with_progress_and_ended_when_asked(void) {
  const char *given = "{\"path\": \"%s/back.guanxi\", \"sources\": [\"%s\"], " KEY "}";
  guanxi_call_options options = GUANXI_CALL_OPTIONS_INIT;
  guanxi_engine *engine = NULL;
  guanxi_session *session;
  guanxi_buffer *buffer = NULL;
  told kept = {0, 0, NULL, NULL};
  options.progress = listen;
  options.user_data = &kept;
  EXPECT_STATUS(GUANXI_OK, guanxi_interrupter_new(&kept.interrupter, &err));
  options.interrupter = kept.interrupter;

  kept.end_at = "indexes";
  refuses(GUANXI_ERR_ENGINE_CANCELLED, "backup.restore", said(given), &options);
  EXPECT(kept.calls > 0);
  kept.end_at = NULL;
  /* An interruption while nothing runs means no call that comes later. */
  EXPECT_STATUS(GUANXI_OK, guanxi_interrupter_interrupt(kept.interrupter, &err));
  answers("backup.restore", said(given), &options, "\"emptied\":0");
  EXPECT(kept.backup > 0);
  guanxi_interrupter_free(kept.interrupter);
  refuses(GUANXI_ERR_INPUT_INVALID_HANDLE, "backup.restore", said(given), &options);
  options.interrupter = NULL;
  refuses(GUANXI_ERR_STORAGE_ALREADY_EXISTS, "backup.restore", said(given), &options);

  session = signed_in("back.guanxi", &engine);
  EXPECT_STATUS(GUANXI_OK,
                guanxi_call(session, "record.count", "{\"entity\": \"account\"}", &buffer, &err));
  EXPECT(strcmp(guanxi_buffer_data(buffer), "{\"count\":40}") == 0);
  guanxi_buffer_free(buffer);
  printf("restored %d companies\n", COMPANIES);
  closed(engine, session);
}

static void what_cannot_be_done_is_named(void) {
  guanxi_call_options options = GUANXI_CALL_OPTIONS_INIT;
  guanxi_buffer *buffer = NULL;
  const char *wrong = "{\"path\": \"%s/no.guanxi\", \"sources\": [\"%s\"], \"key\": {\"passphrase\": \"wrong\"}}";
  const char *gone = "{\"path\": \"%s/no.guanxi\", \"sources\": [\"%s/gone.gxb\"], " KEY "}";
  refuses(GUANXI_ERR_STORAGE_WRONG_KEY, "backup.restore", said(wrong), NULL);
  EXPECT(called("backup.restore", said(gone), NULL, &buffer) == GUANXI_ERR_INPUT_INVALID_ARGUMENT);
  EXPECT(strcmp(guanxi_error_field(err), "sources") == 0);
  guanxi_error_free(err);
  err = NULL;
  refuses(GUANXI_ERR_INPUT_UNKNOWN_METHOD, "backup.fly", NULL, NULL);
  refuses(GUANXI_ERR_INPUT_INVALID_JSON, "backup.restore", "{", NULL);
  refuses(GUANXI_ERR_INPUT_NULL_ARGUMENT, NULL, NULL, NULL);
  EXPECT_STATUS(GUANXI_ERR_INPUT_NULL_ARGUMENT, called("api.describe", NULL, NULL, NULL));
  answers("api.describe", "", NULL, "\"session\":\"none\"");

  guanxi_call_options_init(&options, sizeof options);
  options.timeout_ms = 1;
  options.locale = "zh-Hans";
  EXPECT(called("backup.fly", NULL, &options, &buffer) == GUANXI_ERR_INPUT_UNKNOWN_METHOD);
  EXPECT(strstr(guanxi_error_message(err), "没有该方法") != NULL);
  guanxi_error_free(err);
  err = NULL;
  options.locale = "tlh";
  refuses(GUANXI_ERR_INPUT_INVALID_ARGUMENT, "api.describe", NULL, &options);
  options.locale = NULL;
  options.struct_size = 8;
  refuses(GUANXI_ERR_INPUT_INVALID_ARGUMENT, "api.describe", NULL, &options);
  guanxi_call_options_init(NULL, 64);
  EXPECT_STATUS(GUANXI_ERR_INPUT_NULL_ARGUMENT, guanxi_interrupter_new(NULL, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_NULL_ARGUMENT, guanxi_interrupter_interrupt(NULL, &err));
  guanxi_interrupter_free(NULL);
}

int main(void) {
  char full[96];
  a_database_is_created();
  it_is_filled_and_backed_up(full);
  the_backup_is_looked_at(full);
  it_is_restored_with_progress_and_ended_when_asked();
  what_cannot_be_done_is_named();
  return 0;
}
