/* A plugin in C, whole: accounts get a score from their name, a switchboard is entered for a large one, and people can
   ask for the score and the reasons.

     cc -std=c99 -Wall -Wextra -Wpedantic -fPIC -shared -fvisibility=hidden -I include \
        -o score.so examples/c_plugin/score.c
     guanxi plugin pack score.so . --id cn.example.score --version 1.0.0 --name-zh 评分 --name-en Score \
        --abi-minor 2 --capability schema:crm.account --capability hook:crm.account \
        --capability write:crm.contact --capability action --capability model
     guanxi plugin conform cn.example.score-1.0.0.gxplugin --unsigned */
#include <stdio.h>

#include "guanxi_plugin_helpers.h"

#define ACCOUNT "crm.account"
/* From this score on, an account has a switchboard. */
#define LARGE 40

static const guanxi_host *host;

/* The score of a name: how many bytes it has, which is no great wisdom. */
static int64_t score_of(guanxi_str name) { return (int64_t)name.length; }

static guanxi_status before_save(void *user_data, guanxi_handle context, guanxi_handle record) {
  guanxi_str name;
  guanxi_value score;
  guanxi_status status = guanxi_record_text(host, record, "name", &name);
  (void)user_data;
  if (status != GUANXI_OK) return status;
  if (guanxi_text_is(name, "test"))
    return guanxi_reject(host, context, "name", "请填写真实名称", "give the real name");
  score = guanxi_int(score_of(name));
  return host->record_set(record, guanxi_text("score"), &score);
}

/* One contact for each account, however often it is saved: the key of the contact is the id of the account. */
static guanxi_status after_save(void *user_data, guanxi_handle context, guanxi_handle record) {
  guanxi_value score, id;
  char key[33];
  int i;
  guanxi_status status = host->record_value(record, guanxi_text("score"), &score);
  (void)user_data;
  if (status != GUANXI_OK) return status;
  if (score.kind != GUANXI_VALUE_INT || score.content.integer < LARGE) return GUANXI_OK;
  status = host->record_id(record, &id);
  if (status != GUANXI_OK) return status;
  for (i = 0; i < 16; i++) sprintf(key + 2 * i, "%02x", id.content.id[i]);
  return host->save(context, guanxi_text("crm.contact"), guanxi_text(key),
                    guanxi_text("{\"name\": \"总机\"}"), NULL);
}

static guanxi_status limits(void *user_data, guanxi_handle context, guanxi_str input) {
  char json[64];
  (void)user_data;
  (void)input;
  sprintf(json, "{\"large\": %d}", LARGE);
  return host->answer(context, guanxi_text(json));
}

static guanxi_status chance(void *user_data, guanxi_handle context, const guanxi_value *features, size_t count,
                            double *score) {
  (void)user_data;
  if (count != 1) return GUANXI_ERR_INPUT_INVALID_ARGUMENT;
  *score = (double)score_of(guanxi_text_of(&features[0]));
  return host->reason(context, guanxi_text("名称较长"), guanxi_text("a long name"), *score);
}

static guanxi_status init(const guanxi_host *table, guanxi_handle registrar) {
  guanxi_field_definition field = guanxi_field(1, "score", "int", "评分", "Score");
  guanxi_action_definition ask = guanxi_action("limits", "评分界限", "Limits of scores");
  guanxi_action_definition model = guanxi_action("chance", "成交可能", "Chance");
  guanxi_status status;
  host = table;
  field.flags = GUANXI_FIELD_INDEXED;
  model.needs_entity = guanxi_text(ACCOUNT);
  model.details = guanxi_text("name");
  status = host->register_field(registrar, guanxi_text(ACCOUNT), &field);
  if (status == GUANXI_OK)
    status = host->register_hook(registrar, guanxi_text(ACCOUNT), GUANXI_HOOK_BEFORE_SAVE, 100, before_save, NULL, NULL);
  if (status == GUANXI_OK)
    status = host->register_hook(registrar, guanxi_text(ACCOUNT), GUANXI_HOOK_AFTER_SAVE, 100, after_save, NULL, NULL);
  if (status == GUANXI_OK) status = host->register_action(registrar, &ask, limits, NULL, NULL);
  if (status == GUANXI_OK) status = host->register_model(registrar, &model, chance, NULL, NULL);
  return status;
}

GUANXI_PLUGIN_ENTRY(information) {
  return guanxi_describe(information, 2, "cn.example.score", "1.0.0",
                         "schema:" ACCOUNT " hook:" ACCOUNT " write:crm.contact action model", init);
}
