/* A plugin that uses all that the interface has, steered by the names of the records that it is shown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guanxi_plugin_helpers.h"

#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef MIGRATIONS
#define MIGRATIONS 1
#endif
#define ACCOUNT "crm.account"
#define CONTACT "crm.contact"
#define TICKET "cn.example.full.ticket"

static const guanxi_host *host;
static guanxi_handle kept;

/* A later version has a field more. */
#ifdef WIDER
#define MORE ", {\"local\": 3, \"name\": \"note\", \"label\": {\"zh\": \"备注\", \"en\": \"Note\"}, \"kind\": {\"type\": \"text\"}}"
#define METADATA_VERSION "1.1.0"
#else
#define MORE ""
#define METADATA_VERSION "1.0.0"
#endif

static const char *const METADATA =
    "{\"package\": \"cn.example.full\", \"version\": \"" METADATA_VERSION "\", \"label\": {\"zh\": \"全\", \"en\": \"Full\"},"
    " \"entities\": [{\"local\": 1, \"name\": \"ticket\", \"label\": {\"zh\": \"工单\", \"en\": \"Ticket\","
    " \"others\": {\"fr\": \"Billet\"}},"
    " \"title\": \"name\", \"fields\": ["
    "{\"local\": 1, \"name\": \"name\", \"label\": {\"zh\": \"名称\", \"en\": \"Name\"}, \"kind\": {\"type\": \"text\"},"
    " \"required\": true, \"indexed\": true},"
    "{\"local\": 2, \"name\": \"state\", \"label\": {\"zh\": \"状态\", \"en\": \"State\"}, \"kind\": {\"type\": \"enum\","
    " \"codes\": [{\"code\": \"open\", \"label\": {\"zh\": \"开\", \"en\": \"Open\"}},"
    " {\"code\": \"closed\", \"label\": {\"zh\": \"关\", \"en\": \"Closed\"}}]}}" MORE "],"
    " \"rules\": [{\"name\": \"short\", \"condition\": \"size(name) < 40\","
    " \"message\": {\"zh\": \"名称过长\", \"en\": \"too long\"}}],"
    " \"states\": [{\"name\": \"life\", \"field\": \"state\", \"initial\": [\"open\"], \"transitions\": ["
    "{\"name\": \"close\", \"label\": {\"zh\": \"关闭\", \"en\": \"Close\"}, \"from\": [\"open\"], \"to\": \"closed\"}]}]}]}";

static int begins(guanxi_str text, const char *with) {
  return text.length >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

static guanxi_status after_save(void *user_data, guanxi_handle context, guanxi_handle record) {
  guanxi_str name;
  guanxi_value old;
  guanxi_str out;
  guanxi_status status = guanxi_record_text(host, record, "name", &name);
  (void)user_data;
  if (status != GUANXI_OK) return status;
  if (begins(name, "loop")) {
    host->save(context, guanxi_text(ACCOUNT), guanxi_text(""), guanxi_text("{\"name\": \"loop\"}"), NULL);
    return GUANXI_OK; /* which hides that it was too deep */
  }
  if (begins(name, "call"))
    return host->call(context, guanxi_text("api.describe"), guanxi_text("{}"), &out) == GUANXI_ERR_ENGINE_REENTRANT
               ? guanxi_reject(host, context, "name", "重入被拒", "reentrant")
               : GUANXI_ERR_PLUGIN_FAULT;
  if (begins(name, "late")) {
    host->save(context, guanxi_text(CONTACT), guanxi_text("late"), guanxi_text("{\"name\": \"late\"}"), NULL);
    return guanxi_reject(host, context, "name", "太晚", "too late");
  }
  if (begins(name, "set")) {
    old = guanxi_text_value(guanxi_text("x"));
    return host->record_set(record, guanxi_text("name"), &old) == GUANXI_ERR_SCHEMA_READ_ONLY_FIELD
               ? GUANXI_OK
               : GUANXI_ERR_PLUGIN_FAULT;
  }
  if (begins(name, "fault")) return GUANXI_ERR_PLUGIN_FAULT;
  if (begins(name, "stale")) {
    guanxi_value value;
    guanxi_handle before = kept;
    kept = record;
    if (before && host->record_value(before, guanxi_text("name"), &value) != GUANXI_ERR_INPUT_INVALID_HANDLE)
      return GUANXI_ERR_PLUGIN_FAULT;
    return GUANXI_OK;
  }
  status = host->record_old_value(record, guanxi_text("name"), &old);
  if (status != GUANXI_OK) return status;
  if (begins(name, "renamed") && begins(guanxi_text_of(&old), "final"))
    return guanxi_reject(host, context, "name", "名称已定", "the name is final");
  return GUANXI_OK;
}

static guanxi_status before_delete(void *user_data, guanxi_handle context, guanxi_handle record) {
  guanxi_str name;
  guanxi_status status = guanxi_record_text(host, record, "name", &name);
  (void)user_data;
  if (status == GUANXI_OK && begins(name, "keep"))
    return guanxi_reject(host, context, "name", "不可删除", "is kept");
  return status;
}

static guanxi_status after_delete(void *user_data, guanxi_handle context, guanxi_handle record) {
  guanxi_str name;
  guanxi_status status = guanxi_record_text(host, record, "name", &name);
  (void)user_data;
  if (status != GUANXI_OK || !begins(name, "traced")) return status;
  return host->save(context, guanxi_text(TICKET), guanxi_text("trace"), guanxi_text("{\"name\": \"deleted\"}"), NULL);
}

/* Behind the commit a hook may write and call, since no transaction is open. */
static guanxi_status after_commit(void *user_data, guanxi_handle context, guanxi_handle record) {
  guanxi_str name, out;
  guanxi_status status = guanxi_record_text(host, record, "name", &name);
  (void)user_data;
  if (status != GUANXI_OK) return status;
  if (begins(name, "again"))
    return host->save(context, guanxi_text(ACCOUNT), guanxi_text(""), guanxi_text("{\"name\": \"again\"}"), NULL);
  if (!begins(name, "told")) return status;
  status = host->call(context, guanxi_text("plugin.admitted"), guanxi_text("{}"), &out);
  if (status != GUANXI_OK) return status;
  return host->save(context, guanxi_text(TICKET), guanxi_text("told"), guanxi_text("{\"name\": \"told\"}"), NULL);
}

static guanxi_status before_transition(void *user_data, guanxi_handle context, guanxi_handle record) {
  guanxi_str name;
  guanxi_value from;
  guanxi_status status = guanxi_record_text(host, record, "name", &name);
  (void)user_data;
  if (status != GUANXI_OK) return status;
  status = host->record_old_value(record, guanxi_text("state"), &from);
  if (status != GUANXI_OK) return status;
  if (begins(name, "stuck") && begins(guanxi_text_of(&from), "open"))
    return guanxi_reject(host, context, "state", "不可关闭", "cannot be closed");
  return GUANXI_OK;
}

static guanxi_status echo(void *user_data, guanxi_handle context, guanxi_str input) {
  int64_t left = -1;
  ++*(int *)user_data;
  if (host->time_left_ms(context, &left) != GUANXI_OK || left < 0) return GUANXI_ERR_PLUGIN_FAULT;
  return host->answer(context, input);
}

static guanxi_status refuse(void *user_data, guanxi_handle context, guanxi_str input) {
  (void)user_data;
  (void)input;
  return guanxi_reject(host, context, "", "没有理由", "for no reason");
}

static guanxi_status nightly(void *user_data, guanxi_handle context, guanxi_str input) {
  (void)user_data;
  (void)input;
  return host->save(context, guanxi_text(TICKET), guanxi_text("nightly"), guanxi_text("{\"name\": \"nightly\"}"), NULL);
}

static guanxi_status as_self(void *user_data, guanxi_handle context, guanxi_str input) {
  guanxi_str out;
  guanxi_status status;
  (void)user_data;
  (void)input;
  status = host->call_as_self(context, guanxi_text("plugin.admitted"), guanxi_text("{}"), &out);
  return status == GUANXI_OK ? host->answer(context, out) : status;
}

static guanxi_status migrate(void *user_data, guanxi_handle context, guanxi_str input) {
  (void)user_data;
  (void)input;
  return host->save(context, guanxi_text(TICKET), guanxi_text("first"), guanxi_text("{\"name\": \"first\"}"), NULL);
}

static guanxi_status migrate_further(void *user_data, guanxi_handle context, guanxi_str input) {
  (void)user_data;
  (void)input;
#ifdef DYING_MIGRATION
  host->save(context, guanxi_text(TICKET), guanxi_text("first"), guanxi_text("{\"name\": \"half\"}"), NULL);
  abort();
#elif defined BROKEN_MIGRATION
  host->save(context, guanxi_text(TICKET), guanxi_text("first"), guanxi_text("{\"name\": \"half\"}"), NULL);
  return GUANXI_ERR_PLUGIN_FAULT;
#else
  return host->save(context, guanxi_text(TICKET), guanxi_text("first"), guanxi_text("{\"name\": \"second\"}"), NULL);
#endif
}

static guanxi_status score(void *user_data, guanxi_handle context, const guanxi_value *features, size_t count,
                           double *out) {
  (void)user_data;
  *out = count == 1 ? (double)guanxi_text_of(&features[0]).length : -1.0;
  return host->reason(context, guanxi_text("名称"), guanxi_text("the name"), *out);
}

static int calls;
static void forget(void *user_data) { *(int *)user_data = 0; }

#define TRY(call)                        \
  do {                                   \
    guanxi_status status = (call);       \
    if (status != GUANXI_OK) return status; \
  } while (0)

static guanxi_status hook(guanxi_handle registrar, const char *entity, uint32_t point, guanxi_hook function) {
  return host->register_hook(registrar, guanxi_text(entity), point, 10, function, NULL, NULL);
}

static guanxi_status init(const guanxi_host *table, guanxi_handle registrar) {
  guanxi_action_definition echo_it = guanxi_action("echo", "回声", "Echo");
  guanxi_action_definition refuse_it = guanxi_action("refuse", "拒绝", "Refuse");
  guanxi_action_definition self = guanxi_action("as_self", "自行", "As self");
  guanxi_action_definition job = guanxi_action("nightly", "夜间", "Nightly");
  guanxi_action_definition model = guanxi_action("chance", "可能", "Chance");
  host = table;
  echo_it.needs_entity = guanxi_text(ACCOUNT);
  echo_it.needs_action = guanxi_text("update");
  job.details = guanxi_text("0 3 * * *");
  model.needs_entity = guanxi_text(ACCOUNT);
  model.details = guanxi_text("name");
  TRY(host->register_package(registrar, guanxi_text(METADATA)));
  TRY(hook(registrar, ACCOUNT, GUANXI_HOOK_AFTER_SAVE, after_save));
  TRY(hook(registrar, ACCOUNT, GUANXI_HOOK_BEFORE_DELETE, before_delete));
  TRY(hook(registrar, ACCOUNT, GUANXI_HOOK_AFTER_DELETE, after_delete));
  TRY(hook(registrar, ACCOUNT, GUANXI_HOOK_AFTER_COMMIT, after_commit));
  TRY(hook(registrar, TICKET, GUANXI_HOOK_BEFORE_TRANSITION, before_transition));
  TRY(host->register_action(registrar, &echo_it, echo, &calls, forget));
  TRY(host->register_action(registrar, &refuse_it, refuse, NULL, NULL));
  TRY(host->register_action(registrar, &self, as_self, NULL, NULL));
  TRY(host->register_job(registrar, &job, nightly, NULL, NULL));
  TRY(host->register_model(registrar, &model, score, NULL, NULL));
  TRY(host->register_migration(registrar, 1, migrate, NULL, NULL));
  if (MIGRATIONS > 1) TRY(host->register_migration(registrar, 2, migrate_further, NULL, NULL));
  return GUANXI_OK;
}

GUANXI_PLUGIN_ENTRY(information) {
  return guanxi_describe(information, 2, "cn.example.full", VERSION,
                         "package action job model migration account hook:" ACCOUNT " hook:" TICKET " write:" ACCOUNT
                         " write:" TICKET " write:" CONTACT " call:api.describe call:plugin.admitted",
                         init);
}
