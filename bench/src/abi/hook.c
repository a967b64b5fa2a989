/*
 * What a hook adds to a save: hook FOLDER SAVES RUST_PLUGIN. Three databases are alike but for their plugins: one has none, one
 * a plugin in C with HOOKS hooks that read a field each, one the same in Rust, which is the file RUST_PLUGIN; without that file
 * it is left out. Prints one JSON object: the nanoseconds of a save without a hook, and what one hook adds in either language.
 */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guanxi.h"
#include "guanxi_plugin_helpers.h"

enum { HOOKS = 32, PASSES = 7 };

static guanxi_error *error = NULL;
static const guanxi_host *host;

static void must(int condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "%s: [%s] %s\n", what, guanxi_error_key(error), guanxi_error_message(error));
  exit(1);
}

static guanxi_status hook(void *user_data, guanxi_handle context, guanxi_handle record) {
  guanxi_str name;
  (void)user_data;
  (void)context;
  return guanxi_record_text(host, record, "name", &name);
}

static guanxi_status init(const guanxi_host *table, guanxi_handle registrar) {
  int number;
  host = table;
  for (number = 0; number < HOOKS; number++) {
    guanxi_status status = host->register_hook(registrar, guanxi_text("crm.account"), GUANXI_HOOK_BEFORE_SAVE, number,
                                               hook, NULL, NULL);
    if (status != GUANXI_OK) return status;
  }
  return GUANXI_OK;
}

static guanxi_status entry(void *information) {
  return guanxi_describe((guanxi_plugin_info *)information, 0, "cn.guanxi.bench", "1.0.0", "hook:crm.account", init);
}

static guanxi_session *database(const char *folder, const char *name) {
  static const uint8_t key[32] = {7};
  char path[4096];
  guanxi_open_options options = GUANXI_OPEN_OPTIONS_INIT;
  guanxi_engine *engine = NULL;
  guanxi_session *session = NULL;
  snprintf(path, sizeof path, "%s/%s.guanxi", folder, name);
  options.path = path;
  options.key = key;
  options.key_len = sizeof key;
  options.flags = GUANXI_OPEN_TRUST_HOST;
  options.administrator_name = "admin";
  options.administrator_password = "one long password";
  must(guanxi_create(&options, &engine, &error) == GUANXI_OK, "create");
  must(guanxi_session_for(engine, "admin", &session, &error) == GUANXI_OK, "session");
  return session;
}

static void link_plugin(guanxi_session *session, guanxi_status (*function)(void *)) {
  const char *manifest =
      "id = \"cn.guanxi.bench\"\nversion = \"1.0.0\"\nabi = \"1.0\"\ncapabilities = [\"hook:crm.account\"]\n"
      "on_fault = \"reject\"\nname = {zh = \"测\", en = \"Bench\"}\nbudget_ms = {hook = 10000, work = 10000}\n[files]\n";
  must(guanxi_plugin_link(session, manifest, function, &error) == GUANXI_OK, "plugin");
}

/* The nanoseconds of a save, of so many in one transaction, which is rolled back so that each pass finds the same. */
static double pass(guanxi_session *session, long saves) {
  struct timespec begun, ended;
  guanxi_record *record = guanxi_record_new("crm.account");
  guanxi_txn *txn = NULL;
  long save;
  guanxi_record_set_text(record, "name", "上海加喜企业服务有限公司");
  must(guanxi_txn_begin(session, "bench", 0, &txn, &error) == GUANXI_OK, "begin");
  clock_gettime(CLOCK_MONOTONIC, &begun);
  for (save = 0; save < saves; save++) must(guanxi_txn_create(txn, record, NULL, &error) == GUANXI_OK, "save");
  clock_gettime(CLOCK_MONOTONIC, &ended);
  must(guanxi_txn_rollback(txn, &error) == GUANXI_OK, "rollback");
  guanxi_record_free(record);
  return ((double)(ended.tv_sec - begun.tv_sec) * 1e9 + (double)(ended.tv_nsec - begun.tv_nsec)) / (double)saves;
}

int main(int argc, char **argv) {
  guanxi_session *sessions[3] = {NULL, NULL, NULL};
  double least[3] = {1e18, 1e18, 1e18};
  union {
    void *object;
    guanxi_status (*function)(void *);
  } rust;
  void *library;
  long saves;
  int round, side;
  if (argc != 4) return 2;
  saves = atol(argv[2]);
  sessions[0] = database(argv[1], "none");
  sessions[1] = database(argv[1], "c");
  link_plugin(sessions[1], entry);
  library = dlopen(argv[3], RTLD_NOW | RTLD_LOCAL);
  rust.object = library ? dlsym(library, "guanxi_plugin_entry_v1") : NULL;
  if (rust.object) {
    sessions[2] = database(argv[1], "rust");
    link_plugin(sessions[2], rust.function);
  } else {
    fprintf(stderr, "without a hook in Rust: %s\n", dlerror());
  }
  for (round = 0; round < PASSES; round++)
    for (side = 0; side < 3; side++)
      if (sessions[side]) {
        double spent = pass(sessions[side], saves);
        if (spent < least[side]) least[side] = spent;
      }
  printf("{\"save_ns\": %.1f, \"c_ns\": %.1f", least[0], (least[1] - least[0]) / HOOKS);
  if (sessions[2]) printf(", \"rust_ns\": %.1f", (least[2] - least[0]) / HOOKS);
  printf("}\n");
  return 0;
}
