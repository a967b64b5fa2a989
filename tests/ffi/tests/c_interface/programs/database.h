/* A new database for the test programs, and a session of its administrator. */
#ifndef GUANXI_TEST_DATABASE_H
#define GUANXI_TEST_DATABASE_H

#include "expect.h"

static inline guanxi_open_options test_options(const char *path) {
  guanxi_open_options options = GUANXI_OPEN_OPTIONS_INIT;
  options.path = path;
  options.key = test_key;
  options.key_len = sizeof test_key;
  options.flags = GUANXI_OPEN_TRUST_HOST;
  options.administrator_name = admin;
  options.administrator_password = "a long password";
  return options;
}

/* A new database in the current folder, under a name that no earlier run has used. */
static inline guanxi_engine *test_database(void) {
  static char path[32];
  guanxi_engine *engine = NULL;
  unsigned number = 0;
  int status;
  do {
    guanxi_open_options options;
    guanxi_error_free(err);
    err = NULL;
    sprintf(path, "test-%u.guanxi", number++);
    options = test_options(path);
    status = guanxi_create(&options, &engine, &err);
  } while (status == GUANXI_ERR_STORAGE_ALREADY_EXISTS && number < 100);
  expect_status(__FILE__, __LINE__, "guanxi_create", GUANXI_OK, status);
  return engine;
}

static inline guanxi_session *test_session(guanxi_engine *engine) {
  guanxi_session *session = NULL;
  EXPECT_STATUS(GUANXI_OK, guanxi_session_for(engine, admin, &session, &err));
  return session;
}

#endif
