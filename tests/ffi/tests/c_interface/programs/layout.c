/* Prints the size of every structure that crosses the C interface, and where its members lie. */
#include <stddef.h>
#include <stdio.h>

#include "guanxi.h"
#include "guanxi_plugin.h"

#define SIZE(type) printf(#type " %lu\n", (unsigned long)sizeof(type))
#define AT(type, member) printf(#type "." #member " %lu\n", (unsigned long)offsetof(type, member))

int main(void) {
  SIZE(guanxi_str);
  AT(guanxi_str, data);
  AT(guanxi_str, length);

  SIZE(guanxi_decimal);
  AT(guanxi_decimal, low);
  AT(guanxi_decimal, high);
  AT(guanxi_decimal, scale_and_sign);
  AT(guanxi_decimal, currency);

  SIZE(guanxi_value_content);
  AT(guanxi_value_content, integer);
  AT(guanxi_value_content, real);
  AT(guanxi_value_content, text);
  AT(guanxi_value_content, decimal);
  AT(guanxi_value_content, id);

  SIZE(guanxi_value);
  AT(guanxi_value, kind);
  AT(guanxi_value, flags);
  AT(guanxi_value, content);

  SIZE(guanxi_plugin_info);
  AT(guanxi_plugin_info, struct_size);
  AT(guanxi_plugin_info, abi_major);
  AT(guanxi_plugin_info, abi_minor_required);
  AT(guanxi_plugin_info, id);
  AT(guanxi_plugin_info, version);
  AT(guanxi_plugin_info, capabilities);
  AT(guanxi_plugin_info, init);

  SIZE(guanxi_field_definition);
  AT(guanxi_field_definition, struct_size);
  AT(guanxi_field_definition, local_id);
  AT(guanxi_field_definition, flags);
  AT(guanxi_field_definition, name);
  AT(guanxi_field_definition, type_name);
  AT(guanxi_field_definition, label_zh);
  AT(guanxi_field_definition, label_en);
  AT(guanxi_field_definition, help_zh);
  AT(guanxi_field_definition, help_en);

  SIZE(guanxi_action_definition);
  AT(guanxi_action_definition, struct_size);
  AT(guanxi_action_definition, name);
  AT(guanxi_action_definition, label_zh);
  AT(guanxi_action_definition, label_en);
  AT(guanxi_action_definition, help_zh);
  AT(guanxi_action_definition, help_en);
  AT(guanxi_action_definition, needs_entity);
  AT(guanxi_action_definition, needs_action);
  AT(guanxi_action_definition, details);

  SIZE(guanxi_host);
  AT(guanxi_host, struct_size);
  AT(guanxi_host, log);
  AT(guanxi_host, register_field);
  AT(guanxi_host, register_hook);
  AT(guanxi_host, record_value);
  AT(guanxi_host, record_set);
  AT(guanxi_host, reject);
  AT(guanxi_host, warn);
  AT(guanxi_host, locale);
  AT(guanxi_host, register_package);
  AT(guanxi_host, register_action);
  AT(guanxi_host, register_job);
  AT(guanxi_host, register_migration);
  AT(guanxi_host, register_model);
  AT(guanxi_host, record_old_value);
  AT(guanxi_host, record_id);
  AT(guanxi_host, read);
  AT(guanxi_host, save);
  AT(guanxi_host, call);
  AT(guanxi_host, call_as_self);
  AT(guanxi_host, answer);
  AT(guanxi_host, reason);
  AT(guanxi_host, time_left_ms);
  AT(guanxi_host, register_report);
  AT(guanxi_host, register_connector);
  AT(guanxi_host, register_extractor);
  AT(guanxi_host, extracted);

  SIZE(guanxi_open_options);
  AT(guanxi_open_options, struct_size);
  AT(guanxi_open_options, path);
  AT(guanxi_open_options, key);
  AT(guanxi_open_options, key_len);
  AT(guanxi_open_options, passphrase);
  AT(guanxi_open_options, cache_bytes);
  AT(guanxi_open_options, flags);
  AT(guanxi_open_options, locale);
  AT(guanxi_open_options, administrator_name);
  AT(guanxi_open_options, administrator_password);
  AT(guanxi_open_options, durability);
  AT(guanxi_open_options, record_cache_bytes);
  AT(guanxi_open_options, clock);
  AT(guanxi_open_options, clock_user_data);
  AT(guanxi_open_options, random);
  AT(guanxi_open_options, random_user_data);
  AT(guanxi_open_options, extractor);
  AT(guanxi_open_options, extractor_user_data);
  AT(guanxi_open_options, extractor_media_types);
  AT(guanxi_open_options, extractor_max_bytes);

  SIZE(guanxi_call_options);
  AT(guanxi_call_options, struct_size);
  AT(guanxi_call_options, locale);
  AT(guanxi_call_options, timeout_ms);
  AT(guanxi_call_options, progress);
  AT(guanxi_call_options, user_data);
  AT(guanxi_call_options, interrupter);
  return 0;
}
