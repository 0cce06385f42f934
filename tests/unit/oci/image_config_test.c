/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

static void test_refuses(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "",
      "x",
      "[]",
      "{} {}",
      "{\"a\":1,\"a\":2}",
      "{\"created\":1}",
      "{\"created\":\"a\\u0000b\"}",
      "{\"os\":{}}",
      "{\"config\":[]}",
      "{\"config\":{\"User\":7}}",
      "{\"config\":{\"Env\":\"A=1\"}}",
      "{\"config\":{\"Env\":[\"A=1\",2]}}",
      "{\"config\":{\"Cmd\":{}}}",
      "{\"config\":{\"Labels\":[]}}",
      "{\"config\":{\"Labels\":{\"a\":1}}}",
      "{\"config\":{\"Volumes\":[\"/x\"]}}",
      "{\"rootfs\":{\"diff_ids\":[null]}}",
      "{\"history\":{}}",
      "{\"history\":[1]}",
      "{\"history\":[{\"empty_layer\":1}]}",
      "{\"history\":[{\"created_by\":[]}]}",
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_JSON json_t *facts = NULL;
    if (sp_image_config_read(sp_span_str(texts[i]), &facts, &err) == 0)
      fail_msg("'%s' was read", texts[i]);
    assert_int_equal(err.code, SP_E_INVALID);
  }
}

static void check(const char *config, const char *want)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JSON json_t *facts = NULL;
  SP_AUTO_JSON json_t *wanted = NULL;
  assert_int_equal(sp_json_parse(sp_span_str(want), &wanted, &err), 0);
  if (sp_image_config_read(sp_span_str(config), &facts, &err) < 0)
    fail_msg("%s", err.msg);
  SP_AUTO_FREE char *got = json_dumps(facts, JSON_COMPACT | JSON_SORT_KEYS);
  SP_AUTO_FREE char *expected = json_dumps(wanted, JSON_COMPACT | JSON_SORT_KEYS);
  assert_string_equal(got, expected);
}

static void test_reads(void **state)
{
  (void)state;
  check("{}",
        "{\"created\":null,\"author\":null,\"platform\":\"unknown\",\"user\":null,\"working_dir\":"
        "null,\"stop_signal\":null,\"entrypoint\":[],\"cmd\":[],\"env\":[],\"exposed_ports\":[],"
        "\"volumes\":[],\"labels\":{},\"diff_ids\":[],\"history\":[]}");
  check(
      "{\"created\":\"2026-01-02T03:04:05Z\",\"author\":\"\",\"os\":\"linux\",\"architecture\":"
      "\"arm\",\"variant\":\"v7\",\"docker_version\":\"1\",\"config\":{\"User\":\"0:0\","
      "\"Entrypoint\":[\"/a\",\"b c\"],\"Cmd\":null,\"Env\":[\"A=1\"],\"ExposedPorts\":"
      "{\"80/tcp\":{}},\"Volumes\":null,\"Labels\":{\"x\":\"\\u001b[2J\"},\"StopSignal\":\"TERM\","
      "\"WorkingDir\":\"/w\"},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:1\"]},"
      "\"history\":[{\"created_by\":\"COPY\"},{\"empty_layer\":true,\"comment\":\"c\"}]}",
      "{\"created\":\"2026-01-02T03:04:05Z\",\"author\":null,\"platform\":\"linux/arm/v7\","
      "\"user\":\"0:0\",\"working_dir\":\"/w\",\"stop_signal\":\"TERM\",\"entrypoint\":[\"/a\","
      "\"b c\"],\"cmd\":[],\"env\":[\"A=1\"],\"exposed_ports\":[\"80/tcp\"],\"volumes\":[],"
      "\"labels\":{\"x\":\"\\u001b[2J\"},\"diff_ids\":[\"sha256:1\"],\"history\":[{\"created\":"
      "null,\"created_by\":\"COPY\",\"comment\":null,\"empty_layer\":false},{\"created\":null,"
      "\"created_by\":null,\"comment\":\"c\",\"empty_layer\":true}]}");
}

static void test_types(void **state)
{
  (void)state;
  static const struct {
    const char *type;
    bool want;
  } rows[] = {
      {"", false},
      {"application/json", false},
      {"application/vnd.oci.empty.v1+json", false},
      {"application/vnd.oci.image.config.v1+jsonx", false},
      {"application/vnd.oci.image.config.v1+json", true},
      {"Application/vnd.oci.image.config.v1+json; charset=utf-8", true},
      {"application/vnd.docker.container.image.v1+json", true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_int_equal(sp_image_config_is_type(sp_span_str(rows[i].type)), rows[i].want);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_refuses), cmocka_unit_test(test_reads),
                                     cmocka_unit_test(test_types)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
