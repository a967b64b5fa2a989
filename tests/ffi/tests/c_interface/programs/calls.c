/* Calls the methods that it reads, one in a line with its parameters behind a tab, in a database of its own, and writes
   each answer into a line. */
#include "database.h"

#define LONGEST_LINE 65536

int main(void) {
  static char line[LONGEST_LINE];
  guanxi_engine *engine = test_database();
  guanxi_session *session = test_session(engine);
  while (fgets(line, sizeof line, stdin) != NULL) {
    guanxi_buffer *answer = NULL;
    char *parameters = strchr(line, '\t');
    EXPECT(parameters != NULL && strchr(line, '\n') != NULL);
    *parameters++ = 0;
    EXPECT_STATUS(GUANXI_OK, guanxi_call(session, line, parameters, &answer, &err));
    EXPECT(printf("%s\n", guanxi_buffer_data(answer)) > 0 && fflush(stdout) == 0);
    guanxi_buffer_free(answer);
  }
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
  return 0;
}
