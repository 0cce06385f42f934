/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

#define HEX "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define ITEM(size) \
  "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:" HEX \
  "\",\"size\":" #size ",\"artifactType\":\"a/b\",\"annotations\":{\"k\":\"v\"}}"
#define INDEX(items) \
  "{\"schemaVersion\":2,\"mediaType\":\"application/" \
  "vnd.oci.image.index.v1+json\",\"manifests\":" items "}"
#define MATCH "GET /v2/a/b/referrers/sha256:"

static void test_lists(void **state)
{
  (void)state;
  static const struct {
    const char *reply;
    enum sp_code code;
    size_t count;
    int asked; /* of two calls */
  } rows[] = {
      {"200\n\n" INDEX("[" ITEM(5) "]"), SP_OK, 1, 2},
      {"200\n\n" INDEX("[]"), SP_OK, 0, 2},
      {"200\n\n" INDEX("null"), SP_OK, 0, 2},
      {"200\n\n{\"manifests\":[]}", SP_OK, 0, 2},
      /* no such API: asked once */
      {"404\nContent-Type: text/plain\n\n404 page not found", SP_E_UNSUPPORTED, 0, 1},
      {"405\n\n", SP_E_UNSUPPORTED, 0, 1},
      {"200\nContent-Type: text/html\n\n<html>", SP_E_UNSUPPORTED, 0, 1},
      {"200\n\n{\"tags\":[]}", SP_E_UNSUPPORTED, 0, 1},
      {"200\n\n{\"manifests\":5}", SP_E_UNSUPPORTED, 0, 1},
      /* this once */
      {"404\n\n{\"errors\":[{\"code\":\"NAME_UNKNOWN\"}]}", SP_E_UNSUPPORTED, 0, 2},
      {"404\n\n{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\"}]}", SP_E_UNSUPPORTED, 0, 2},
      {"400\n\n", SP_E_UNSUPPORTED, 0, 2},
      {"500\n\n", SP_E_SERVER, 0, 2},
      {"403\n\n", SP_E_AUTH, 0, 2},
      {"200\n\n" INDEX("[{}]"), SP_E_INVALID, 0, 2},
      {"200\n\n" INDEX("[" ITEM(-5) "]"), SP_E_INVALID, 0, 2},
      {"200\nLink: <http://127.0.0.2/x>; rel=next\n\n" INDEX("[]"), SP_E_REFUSED, 0, 2},
      {"200\nLink: <?x=1>; rel=next\n\n" INDEX("[" ITEM(1) "]"), SP_E_PROTOCOL, 0, 4},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {{.match = MATCH HEX, .reply = rows[i].reply}};
    struct world world;
    struct sp_digest digest;
    WORLD_OPEN(&world, rules);
    assert_int_equal(sp_digest_parse(SP_SPAN_LIT("sha256:" HEX), &digest, &world.err), 0);
    for (int call = 0; call < 2; call++) {
      SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
      int rc = sp_store_list_referrers(world.store, &digest, &list, &world.err);
      if (rows[i].code == SP_OK)
        expect_ok(&world, rc);
      else
        expect_code(&world, rc, rows[i].code, NULL);
      assert_int_equal(list.count, rows[i].count);
      if (list.count > 0)
        assert_non_null(json_object_get(list.raw[0], "annotations"));
    }
    assert_int_equal(script_count(&world.script, MATCH), rows[i].asked);
    world_close(&world);
  }
}

static void test_pages(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = MATCH HEX " ", .reply = "200\nLink: <?p=2>; rel=next\n\n" INDEX("[" ITEM(1) "]")},
      {.match = MATCH HEX "?p=2", .reply = "200\n\n" INDEX("[" ITEM(2) "," ITEM(3) "]")},
  };
  struct world world;
  struct sp_digest digest;
  WORLD_OPEN(&world, rules);
  assert_int_equal(sp_digest_parse(SP_SPAN_LIT("sha256:" HEX), &digest, &world.err), 0);
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  expect_ok(&world, sp_store_list_referrers(world.store, &digest, &list, &world.err));
  assert_int_equal(list.count, 3);
  assert_int_equal(list.items[2].size_bytes, 3);
  world_close(&world);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists), cmocka_unit_test(test_pages)};
  setenv("DOCKER_CONFIG", "/nonexistent", 1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
