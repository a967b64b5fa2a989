/* A plugin that reaches out of the database: a job that comes by a rule, a report, and a connector in both directions.
   RULE        the rule of the job
   JOB_FAILS   1 the job is refused, 2 it is a fault
   GOOD        no connector that writes what it has no leave to
   BAD_PULL    the second batch has a record that nobody can write */
#include <string.h>

#include "guanxi_plugin_helpers.h"

#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef RULE
#define RULE "FREQ=MINUTELY;INTERVAL=15"
#endif
#ifndef JOB_FAILS
#define JOB_FAILS 0
#endif
#define ACCOUNT "crm.account"
#define CONTACT "crm.contact"

static const guanxi_host *host;

static int has(guanxi_str text, const char *word) {
  size_t length = strlen(word), place;
  for (place = 0; place + length <= text.length; place++)
    if (memcmp(text.data + place, word, length) == 0) return 1;
  return 0;
}

/* Each run leaves a contact behind, by which runs are counted. */
static guanxi_status sweep(void *user_data, guanxi_handle context, guanxi_str input) {
  (void)user_data;
  (void)input;
  if (JOB_FAILS == 1) return guanxi_reject(host, context, "", "今天不行", "not today");
  if (JOB_FAILS == 2) return GUANXI_ERR_PLUGIN_FAULT;
  return host->save(context, guanxi_text(CONTACT), guanxi_text(""), guanxi_text("{\"name\": \"swept\"}"), NULL);
}

static guanxi_status pull(void *user_data, guanxi_handle context, guanxi_str input) {
  const char *answer;
  ++*(int *)user_data;
  if (has(input, "\"second\""))
    answer = "{\"records\": [], \"cursor\": \"second\"}";
  else if (has(input, "\"first\""))
#ifdef BAD_PULL
    answer = "{\"records\": [{\"entity\": \"" ACCOUNT "\", \"key\": \"two\", \"fields\": {\"name\": \"two\"}},"
             " {\"entity\": \"" ACCOUNT "\", \"key\": \"three\", \"fields\": {\"name\": null}}], \"cursor\": \"second\"}";
#else
    answer = "{\"records\": [{\"entity\": \"" ACCOUNT "\", \"key\": \"one\", \"fields\": {\"name\": \"one, changed\"}},"
             " {\"entity\": \"" ACCOUNT "\", \"key\": \"two\", \"fields\": {\"name\": \"two\"}}], \"cursor\": \"second\"}";
#endif
  else
    answer = "{\"records\": [{\"entity\": \"" ACCOUNT "\", \"key\": \"one\", \"fields\": {\"name\": \"one\"}}],"
             " \"cursor\": \"first\", \"more\": true}";
  return host->answer(context, guanxi_text(answer));
}

/* What it is told of leaves a contact behind, too. */
static guanxi_status push(void *user_data, guanxi_handle context, guanxi_str change) {
  const char *told = has(change, "\"kind\":\"delete\"") ? "{\"name\": \"gone\"}" : "{\"name\": \"told\"}";
  ++*(int *)user_data;
  if (has(change, "unsayable")) return guanxi_reject(host, context, "", "对方拒收", "the other side refuses");
  return host->save(context, guanxi_text(CONTACT), guanxi_text(""), guanxi_text(told), NULL);
}

#ifndef GOOD
static guanxi_status other(void *user_data, guanxi_handle context, guanxi_str input) {
  (void)user_data;
  (void)input;
  return host->answer(context, guanxi_text("{\"records\": [{\"entity\": \"crm.lead\", \"key\": \"a\"}]}"));
}
#endif

static int calls;
static void forget(void *user_data) { *(int *)user_data = 0; }

#define TRY(call)                        \
  do {                                   \
    guanxi_status status = (call);       \
    if (status != GUANXI_OK) return status; \
  } while (0)

static guanxi_status init(const guanxi_host *table, guanxi_handle registrar) {
  guanxi_action_definition connector = guanxi_action("far", "远方", "Far away");
  host = table;
  connector.details = guanxi_text(ACCOUNT);
  TRY(guanxi_add_job(host, registrar, "sweep", "清扫", "Sweep", RULE, sweep));
  TRY(guanxi_add_report(host, registrar, "cities", "城市分布", "Accounts by city",
                        "{\"entity\": \"" ACCOUNT "\", \"group_by\": [\"city\"]}"));
  TRY(host->register_connector(registrar, &connector, pull, push, &calls, forget));
#ifndef GOOD
  TRY(guanxi_add_connector(host, registrar, "over", "越权", "Overreaching", NULL, other, NULL));
#endif
  return GUANXI_OK;
}

GUANXI_PLUGIN_ENTRY(information) {
  return guanxi_describe(information, 3, "cn.example.outward", VERSION,
                         "job report connector write:" ACCOUNT " write:" CONTACT " read:" ACCOUNT, init);
}
