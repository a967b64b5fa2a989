/* A plugin as one was written for version 1.0 of the interface, against the layouts of that version alone, so that no
   newer header changes what it is. It is built once, and the library of fixtures/ is never built again. Do not edit it. */
#include <stddef.h>
#include <stdint.h>

struct text { const char *data; size_t length; };
struct value { uint32_t kind, flags; union { int64_t integer; struct text text; uint8_t id[16]; } content; };
struct field { size_t struct_size; uint32_t local_id, flags; struct text name, type_name, label_zh, label_en; };
struct host {
  size_t struct_size;
  int32_t (*log)(uint32_t, struct text);
  int32_t (*register_field)(uint64_t, struct text, const struct field *);
  int32_t (*register_hook)(uint64_t, struct text, uint32_t, int32_t, int32_t (*)(void *, uint64_t, uint64_t), void *,
                           void (*)(void *));
  int32_t (*record_value)(uint64_t, struct text, struct value *);
  int32_t (*record_set)(uint64_t, struct text, const struct value *);
  int32_t (*reject)(uint64_t, struct text, struct text, struct text);
  int32_t (*warn)(uint64_t, struct text, struct text, struct text);
  int32_t (*locale)(uint64_t, struct text *);
};
struct information {
  size_t struct_size;
  uint32_t abi_major, abi_minor_required;
  struct text id, version, capabilities;
  int32_t (*init)(const struct host *, uint64_t);
};

#define S(literal) ((struct text){literal, sizeof literal - 1})

static const struct host *host;

/* Copies the name into the plugin's field, and refuses an account that is called "old". */
static int32_t hook(void *user_data, uint64_t context, uint64_t record) {
  struct value value;
  int32_t status = host->record_value(record, S("name"), &value);
  (void)user_data;
  if (status != 0) return status;
  if (value.kind == 5 && value.content.text.length == 3 && value.content.text.data[0] == 'o') {
    host->reject(context, S("name"), S("名称太旧"), S("the name is old"));
    return -707;
  }
  host->warn(context, S("copied"), S("已复制"), S("copied"));
  return host->record_set(record, S("copied"), &value);
}

static int32_t init(const struct host *table, uint64_t registrar) {
  struct field field = {sizeof field, 1, 4, S("copied"), S("text"), S("副本"), S("Copied")};
  int32_t status;
  host = table;
  status = host->register_field(registrar, S("crm.account"), &field);
  if (status != 0) return status;
  return host->register_hook(registrar, S("crm.account"), 1, 100, hook, 0, 0);
}

__attribute__((visibility("default"))) int32_t guanxi_plugin_entry_v1(struct information *information) {
  if (information->struct_size < sizeof *information) return -703;
  information->abi_major = 1;
  information->abi_minor_required = 0;
  information->id = S("cn.example.old");
  information->version = S("1.0.0");
  information->capabilities = S("schema:crm.account hook:crm.account");
  information->init = init;
  return 0;
}
