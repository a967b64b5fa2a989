/* Guanxi (关系): helpers for plugins in C and C++, all in this header and none of them needed.

   They make texts and values, ask whether a host has a function, and say who a plugin is. Nothing here
   allocates, and nothing keeps what it is given. C99 and C++11. */
#ifndef GUANXI_PLUGIN_HELPERS_H
#define GUANXI_PLUGIN_HELPERS_H

#include <stddef.h>
#include <string.h>

#include "guanxi_plugin.h"

/* Whether a host's table reaches to a function, which came after the version that the plugin requires:
   `if (GUANXI_HOST_HAS(host, save)) ...` */
#define GUANXI_HOST_HAS(host, function) \
  ((host)->struct_size >= offsetof(guanxi_host, function) + sizeof((host)->function))

/* A text of the interface out of one that ends with a zero; it borrows. */
static inline guanxi_str guanxi_text(const char *text) {
  guanxi_str view;
  view.data = text;
  view.length = text ? strlen(text) : 0;
  return view;
}

/* Whether a text is the same as one that ends with a zero. */
static inline int guanxi_text_is(guanxi_str view, const char *text) {
  size_t length = strlen(text);
  return view.length == length && (length == 0 || memcmp(view.data, text, length) == 0);
}

/* No value. */
static inline guanxi_value guanxi_null(void) {
  guanxi_value value;
  memset(&value, 0, sizeof value);
  value.kind = GUANXI_VALUE_NULL;
  return value;
}

/* A whole number. */
static inline guanxi_value guanxi_int(int64_t number) {
  guanxi_value value = guanxi_null();
  value.kind = GUANXI_VALUE_INT;
  value.content.integer = number;
  return value;
}

/* True or false. */
static inline guanxi_value guanxi_bool(int truth) {
  guanxi_value value = guanxi_int(truth != 0);
  value.kind = GUANXI_VALUE_BOOL;
  return value;
}

/* A text as a value; it borrows. */
static inline guanxi_value guanxi_text_value(guanxi_str text) {
  guanxi_value value = guanxi_null();
  value.kind = GUANXI_VALUE_TEXT;
  value.content.text = text;
  return value;
}

/* The text of a value; an empty one for a value of another kind. */
static inline guanxi_str guanxi_text_of(const guanxi_value *value) {
  guanxi_str none;
  none.data = NULL;
  none.length = 0;
  return value->kind == GUANXI_VALUE_TEXT || value->kind == GUANXI_VALUE_JSON ? value->content.text : none;
}

/* Reads a text field of a record; an empty text where it is empty. Borrowed as by `record_value`. */
static inline guanxi_status guanxi_record_text(const guanxi_host *host, guanxi_handle record, const char *field,
                                               guanxi_str *out) {
  guanxi_value value;
  guanxi_status status = host->record_value(record, guanxi_text(field), &value);
  if (status == GUANXI_OK) *out = guanxi_text_of(&value);
  return status;
}

/* Refuses the record with words in both languages; what a hook returns then. */
static inline guanxi_status guanxi_reject(const guanxi_host *host, guanxi_handle context, const char *field,
                                          const char *message_zh, const char *message_en) {
  guanxi_status status =
      host->reject(context, guanxi_text(field), guanxi_text(message_zh), guanxi_text(message_en));
  return status == GUANXI_OK ? GUANXI_ERR_PLUGIN_REJECTED : status;
}

/* Says who a plugin is, in its entry function. The texts live as long as the process. */
static inline guanxi_status guanxi_describe(guanxi_plugin_info *information, uint32_t abi_minor_required,
                                            const char *id, const char *version, const char *capabilities,
                                            guanxi_plugin_init init) {
  if (information == NULL) return GUANXI_ERR_INPUT_NULL_ARGUMENT;
  if (information->struct_size < sizeof *information) return GUANXI_ERR_PLUGIN_ABI_MISMATCH;
  information->abi_major = GUANXI_PLUGIN_ABI_MAJOR;
  information->abi_minor_required = abi_minor_required;
  information->id = guanxi_text(id);
  information->version = guanxi_text(version);
  information->capabilities = guanxi_text(capabilities);
  information->init = init;
  return GUANXI_OK;
}

/* A definition of a field with everything but help and flags. */
static inline guanxi_field_definition guanxi_field(uint32_t local_id, const char *name, const char *type_name,
                                                   const char *label_zh, const char *label_en) {
  guanxi_field_definition definition;
  memset(&definition, 0, sizeof definition);
  definition.struct_size = sizeof definition;
  definition.local_id = local_id;
  definition.name = guanxi_text(name);
  definition.type_name = guanxi_text(type_name);
  definition.label_zh = guanxi_text(label_zh);
  definition.label_en = guanxi_text(label_en);
  return definition;
}

/* A definition of an action, a report or a job that every user may call; the rest is set by hand. */
static inline guanxi_action_definition guanxi_action(const char *name, const char *label_zh,
                                                     const char *label_en) {
  guanxi_action_definition definition;
  memset(&definition, 0, sizeof definition);
  definition.struct_size = sizeof definition;
  definition.name = guanxi_text(name);
  definition.label_zh = guanxi_text(label_zh);
  definition.label_en = guanxi_text(label_en);
  return definition;
}

/* Adds a job that comes by the five fields of crontab, or with a host of 1.3 by a rule of RFC 5545. */
static inline guanxi_status guanxi_add_job(const guanxi_host *host, guanxi_handle registrar, const char *name,
                                           const char *label_zh, const char *label_en, const char *schedule,
                                           guanxi_perform work) {
  guanxi_action_definition definition = guanxi_action(name, label_zh, label_en);
  definition.details = guanxi_text(schedule);
  return host->register_job(registrar, &definition, work, NULL, NULL);
}

/* Adds a report that every user may call; `json` is what the method `report.run` takes. Needs a host of 1.3. */
static inline guanxi_status guanxi_add_report(const guanxi_host *host, guanxi_handle registrar, const char *name,
                                              const char *label_zh, const char *label_en, const char *json) {
  guanxi_action_definition definition = guanxi_action(name, label_zh, label_en);
  if (!GUANXI_HOST_HAS(host, register_report)) return GUANXI_ERR_PLUGIN_ABI_MISMATCH;
  return host->register_report(registrar, &definition, guanxi_text(json));
}

/* Adds a connector; `pushed` names the entities whose changes it tells outside, and is NULL where it does not.
   Needs a host of 1.3. */
static inline guanxi_status guanxi_add_connector(const guanxi_host *host, guanxi_handle registrar, const char *name,
                                                 const char *label_zh, const char *label_en, const char *pushed,
                                                 guanxi_perform pull, guanxi_perform push) {
  guanxi_action_definition definition = guanxi_action(name, label_zh, label_en);
  if (!GUANXI_HOST_HAS(host, register_connector)) return GUANXI_ERR_PLUGIN_ABI_MISMATCH;
  definition.details = guanxi_text(pushed);
  return host->register_connector(registrar, &definition, pull, push, NULL, NULL);
}

/* Adds an extractor for attachments of these media types, parted by single spaces; `most_bytes` is the largest content,
   and 0 leaves that to the host. Needs a host of 1.4. */
static inline guanxi_status guanxi_add_extractor(const guanxi_host *host, guanxi_handle registrar,
                                                 const char *media_types, uint64_t most_bytes,
                                                 guanxi_extract extract) {
  if (!GUANXI_HOST_HAS(host, register_extractor)) return GUANXI_ERR_PLUGIN_ABI_MISMATCH;
  return host->register_extractor(registrar, guanxi_text(media_types), most_bytes, extract, NULL, NULL);
}

#endif
