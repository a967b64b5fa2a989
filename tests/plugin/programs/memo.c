/* A plugin that reads memos: a byte says how one is to be read, and its text follows.
   t  as it is
   p  in two pieces
   n  there is no text
   r  it is refused, after a piece
   f  it is a fault
   e  without end
   b  a piece that is no text, which the plugin does not mind
   w  it tries to write a record meanwhile
   s  it takes longer than it may
   k  the context is kept, and used when the next one is read */
#define _POSIX_C_SOURCE 199309L
#include <string.h>
#include <time.h>

#include "guanxi_plugin_helpers.h"

static const guanxi_host *host;
static guanxi_handle kept;
static int alive;

static void forget(void *user_data) { --*(int *)user_data; }

static guanxi_status extract(void *user_data, guanxi_handle context, guanxi_str media_type, const uint8_t *content,
                             size_t length) {
  guanxi_str text, half;
  guanxi_status status = GUANXI_OK;
  (void)user_data;
  (void)media_type;
  if (kept) {
    status = host->extracted(kept, guanxi_text("stale"));
    kept = 0;
    if (status != GUANXI_ERR_INPUT_INVALID_HANDLE) return GUANXI_ERR_PLUGIN_FAULT;
    status = GUANXI_OK;
  }
  if (length == 0) return GUANXI_OK;
  text.data = (const char *)content + 1;
  text.length = length - 1;
  switch (content[0]) {
    case 't': return host->extracted(context, text);
    case 'p':
      half = guanxi_text("first ");
      status = host->extracted(context, half);
      return status == GUANXI_OK ? host->extracted(context, text) : status;
    case 'n': return GUANXI_OK;
    case 'r':
      host->extracted(context, text);
      return guanxi_reject(host, context, "", "已加密", "is encrypted");
    case 'f': return GUANXI_ERR_PLUGIN_FAULT;
    case 'e':
      while (status == GUANXI_OK) status = host->extracted(context, text);
      return status;
    case 'b':
      half.data = "\xff";
      half.length = 1;
      if (host->extracted(context, half) != GUANXI_ERR_INPUT_INVALID_UTF8) return GUANXI_ERR_PLUGIN_FAULT;
      return host->extracted(context, text);
    case 'w':
      status = host->save(context, guanxi_text("crm.account"), guanxi_text("a"), guanxi_text("{\"name\": \"a\"}"), NULL);
      if (status != GUANXI_ERR_ENGINE_REENTRANT) return GUANXI_ERR_PLUGIN_FAULT;
      return host->extracted(context, text);
    case 's': {
      struct timespec wait = {0, 20000000};
      nanosleep(&wait, NULL);
      return host->extracted(context, text);
    }
    case 'k': kept = context; return host->extracted(context, text);
    default: return GUANXI_ERR_PLUGIN_FAULT;
  }
}

static guanxi_status init(const guanxi_host *table, guanxi_handle registrar) {
  guanxi_status status;
  host = table;
  if (!GUANXI_HOST_HAS(host, register_extractor)) return GUANXI_ERR_PLUGIN_ABI_MISMATCH;
#ifdef BAD_TYPE
  return guanxi_add_extractor(host, registrar, BAD_TYPE, 0, extract);
#endif
  ++alive;
  status = host->register_extractor(registrar, guanxi_text("application/x-memo image/*"), 2000000, extract, &alive, forget);
  return status;
}

GUANXI_PLUGIN_ENTRY(information) {
  return guanxi_describe(information, 4, "cn.example.memo", "1.0.0",
                         "extract:application/x-memo extract:image/* write:crm.account", init);
}
