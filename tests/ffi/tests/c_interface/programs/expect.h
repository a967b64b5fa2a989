/* What the test programs share: expectations that end the program, and who opens their databases. */
#ifndef GUANXI_TEST_EXPECT_H
#define GUANXI_TEST_EXPECT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guanxi.h"

#define EXPECT(condition)                                                                      \
  do {                                                                                         \
    if (!(condition)) {                                                                        \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                  \
      exit(1);                                                                                 \
    }                                                                                          \
  } while (0)

/* The call gives this status; an error is left that agrees with it, and is freed. */
#define EXPECT_STATUS(wanted, call) expect_status(__FILE__, __LINE__, #call, (wanted), (call))

static guanxi_error *err = NULL;

static void expect_status(const char *file, int line, const char *call, int wanted, int got) {
  if (got != wanted) {
    fprintf(stderr, "%s:%d: %s gave %d and not %d: %s %s\n", file, line, call, got, wanted,
            guanxi_error_key(err), guanxi_error_message(err));
    exit(1);
  }
  if (got < 0 && (err == NULL || guanxi_error_code(err) != got)) {
    fprintf(stderr, "%s:%d: %s left no error, or another\n", file, line, call);
    exit(1);
  }
  if (got >= 0 && err != NULL) {
    fprintf(stderr, "%s:%d: %s succeeded and left an error\n", file, line, call);
    exit(1);
  }
  guanxi_error_free(err);
  err = NULL;
}

static const uint8_t test_key[32] = "0123456789abcdef0123456789abcde";
static const char admin[] = "lin@jiaxi.cn";

#endif
