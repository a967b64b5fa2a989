/* Plugins that misbehave, one for each number of BAD. All else in them is right.
   0 nothing          1 another major version   2 lies about its id        3 registers in another namespace
   4 beyond budget    5 keeps handles           6 writes without leave     7 fails in the middle of init
   8 aborts           9 leaks memory           10 fails in a hook         11 never returns
   12 ends the process 13 impossible arguments */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guanxi_plugin_helpers.h"

#ifndef BAD
#define BAD 0
#endif
#define ACCOUNT "crm.account"

static const guanxi_host *host;
#if BAD == 5
static guanxi_handle kept;
#endif

#if BAD == 4
/* Busy, as a slow plugin is, and longer than its 50 ms. */
static void dawdle(void) {
  clock_t until = clock() + CLOCKS_PER_SEC / 10;
  while (clock() < until) {
  }
}
#endif

static guanxi_status hook(void *user_data, guanxi_handle context, guanxi_handle record) {
  guanxi_str name;
  (void)user_data;
  (void)context;
#if BAD == 4
  dawdle();
#elif BAD == 5
  if (kept) guanxi_record_text(host, kept, "name", &name);
  kept = record;
#elif BAD == 6
  host->save(context, guanxi_text("crm.contact"), guanxi_text("k"), guanxi_text("{}"), NULL);
#elif BAD == 8
  abort();
#elif BAD == 9
  {
    char *lost = malloc(1 << 18);
    if (lost) memset(lost, 1, 1 << 18);
  }
#elif BAD == 10
  return GUANXI_ERR_PLUGIN_FAULT;
#elif BAD == 11
  for (;;) {
  }
#elif BAD == 12
  exit(0);
#elif BAD == 13
  host->record_value(record, guanxi_text("name"), NULL);
#endif
  return guanxi_record_text(host, record, "name", &name);
}

static guanxi_status init(const guanxi_host *table, guanxi_handle registrar) {
  guanxi_field_definition field = guanxi_field(1, "note", "text", "备注", "Note");
  guanxi_status status;
  host = table;
#if BAD == 3
  host->register_package(registrar, guanxi_text("{\"package\": \"cn.somebody.else\", \"version\": \"1.0.0\","
                                                " \"label\": {\"zh\": \"他\", \"en\": \"Other\"}}"));
#endif
  status = host->register_field(registrar, guanxi_text(ACCOUNT), &field);
#if BAD == 7
  if (status == GUANXI_OK) return -1;
#endif
  if (status != GUANXI_OK) return status;
  return host->register_hook(registrar, guanxi_text(ACCOUNT), BAD == 6 ? GUANXI_HOOK_AFTER_SAVE : GUANXI_HOOK_BEFORE_SAVE,
                             100, hook, NULL, NULL);
}

GUANXI_PLUGIN_ENTRY(information) {
  guanxi_status status = guanxi_describe(information, 2, BAD == 2 ? "cn.example.other" : "cn.example.bad", "1.0.0",
                                         "schema:" ACCOUNT " hook:" ACCOUNT " package", init);
#if BAD == 1
  information->abi_major = 2;
#endif
  return status;
}
