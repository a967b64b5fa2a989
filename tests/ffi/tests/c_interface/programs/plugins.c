/* A host in C with two plugins: one in Rust and one in C, given as the paths of their packages. */
#include "database.h"

static int create(guanxi_session *session, const char *json) {
  guanxi_buffer *answer = NULL;
  int status = guanxi_call(session, "record.create", json, &answer, &err);
  guanxi_buffer_free(answer);
  return status;
}

static int32_t refuse_to_be(void *information) {
  (void)information;
  return GUANXI_ERR_PLUGIN_ABI_MISMATCH;
}

static const char *const LINKED =
    "id = \"cn.example.linked\"\nversion = \"1.0.0\"\nabi = \"1.0\"\ncapabilities = []\non_fault = \"reject\"\n"
    "name = {zh = \"内置\", en = \"Linked\"}\n[files]\n";

int main(int argc, char **argv) {
  guanxi_engine *engine = test_database();
  guanxi_session *session = test_session(engine);
  guanxi_buffer *answer = NULL;
  EXPECT(argc == 3);
  EXPECT_STATUS(GUANXI_ERR_PLUGIN_PATH, guanxi_plugin_load(session, "relative.gxplugin", NULL, &err));
  EXPECT_STATUS(GUANXI_ERR_PLUGIN_PATH, guanxi_plugin_load(session, argv[1], "/nowhere/trust.toml", &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_NULL_ARGUMENT, guanxi_plugin_load(session, NULL, NULL, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_INVALID_HANDLE, guanxi_plugin_load((guanxi_session *)engine, argv[1], NULL, &err));
  EXPECT_STATUS(GUANXI_ERR_PLUGIN_ABI_MISMATCH, guanxi_plugin_link(session, LINKED, refuse_to_be, &err));
  EXPECT_STATUS(GUANXI_ERR_INPUT_NULL_ARGUMENT, guanxi_plugin_link(session, LINKED, NULL, &err));
  EXPECT_STATUS(GUANXI_ERR_PLUGIN_MANIFEST, guanxi_plugin_link(session, "id = 1", refuse_to_be, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_plugin_load(session, argv[1], NULL, &err));
  EXPECT_STATUS(GUANXI_OK, guanxi_plugin_load(session, argv[2], NULL, &err));
  EXPECT_STATUS(GUANXI_ERR_PLUGIN_CONFLICT, guanxi_plugin_load(session, argv[2], NULL, &err));
  EXPECT_STATUS(GUANXI_OK, create(session, "{\"entity\": \"account\", \"values\": {\"name\": \"上海加喜企业服务有限公司\","
                                           " \"cn.guanxi.licence.unified_social_credit_code\": \"91110000600037341L\"}}"));
  EXPECT_STATUS(GUANXI_ERR_PLUGIN_REJECTED,
                create(session, "{\"entity\": \"account\", \"values\": {\"name\": \"加喜\","
                                " \"cn.guanxi.licence.unified_social_credit_code\": \"91110000600037341N\"}}"));
  EXPECT_STATUS(GUANXI_ERR_PLUGIN_REJECTED, create(session, "{\"entity\": \"account\", \"values\": {\"name\": \"test\"}}"));
  EXPECT_STATUS(GUANXI_OK, guanxi_call(session, "cn.example.score.limits", "{}", &answer, &err));
  EXPECT(strstr(guanxi_buffer_data(answer), "40") != NULL);
  guanxi_buffer_free(answer);
  guanxi_session_free(session);
  EXPECT_STATUS(GUANXI_OK, guanxi_close(engine, &err));
  puts("two plugins were obeyed");
  return 0;
}
