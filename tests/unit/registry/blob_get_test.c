/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

static struct sp_digest digest;
#define MATCH "GET /v2/a/b/blobs/sha256:"
#define WHOLE "0123456789"

static void test_reads(void **state)
{
  (void)state;
  static const struct {
    size_t offset;
    const char *reply;
    enum sp_code code;
    const char *got;
  } rows[] = {
      {0, "200\n\n" WHOLE, SP_OK, WHOLE},
      {4, "206\nContent-Range: bytes 4-9/10\n\n456789", SP_OK, "456789"},
      {9, "206\nContent-Range: bytes 9-9/10\n\n9", SP_OK, "9"},
      /* Range ignored: what was not asked for is dropped */
      {4, "200\n\n" WHOLE, SP_OK, "456789"},
      {9, "200\n\n" WHOLE, SP_OK, "9"},
      {10, NULL, SP_OK, ""},
      /* row 07: never splice */
      {4, "206\nContent-Range: bytes 3-9/10\n\n3456789", SP_E_PROTOCOL, NULL},
      {4, "206\nContent-Range: bytes 4-8/10\n\n45678", SP_E_PROTOCOL, NULL},
      {4, "206\nContent-Range: bytes 4-9/*\n\n456789", SP_E_PROTOCOL, NULL},
      {4, "206\n\n456789", SP_E_PROTOCOL, NULL},
      {0, "206\nContent-Range: bytes 0-9/10\n\n" WHOLE, SP_E_PROTOCOL, NULL},
      /* row 13: another length is another blob */
      {0, "200\n\n012345678", SP_E_DIGEST, NULL},
      {0, "200\n\n" WHOLE "x", SP_E_DIGEST, NULL},
      {4, "206\nContent-Range: bytes 4-8/9\n\n45678", SP_E_DIGEST, NULL},
      {4, "416\n\n", SP_E_DIGEST, NULL},
      /* row 12: cut off */
      {0, "200\nContent-Length: 10\n\n01234", SP_E_NETWORK, NULL},
      {4, "206\nContent-Range: bytes 4-9/10\nContent-Length: 6\n\n456", SP_E_NETWORK, NULL},
      {4, "200\nContent-Length: 10\n\n012345", SP_E_NETWORK, NULL},
      {0, "404\n\n", SP_E_NOT_FOUND, NULL},
      {0, "500\n\n", SP_E_SERVER, NULL},
      {0, "200\nContent-Encoding: gzip\n\n" WHOLE, SP_E_PROTOCOL, NULL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {
        {.match = MATCH,
         .lacks = "\r\nRange:",
         .reply = rows[i].offset ? "599\n\n" : rows[i].reply},
        {.match = MATCH, .needs = "\r\nRange: bytes=", .reply = rows[i].reply},
    };
    struct world world;
    char got[64];
    WORLD_OPEN(&world, rules);
    int rc = read_blob(world.store, &digest, 10, rows[i].offset, got, &world.err);
    if (rows[i].code == SP_OK) {
      expect_ok(&world, rc);
      assert_string_equal(got, rows[i].got);
    } else {
      if (rc != -1 || world.err.code != rows[i].code)
        fail_msg("row %zu: %d %s %s", i, rc, sp_code_name(world.err.code), world.err.msg);
    }
    world_close(&world);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads)};
  digest.alg = SP_DIGEST_SHA256;
  setenv("DOCKER_CONFIG", "/nonexistent", 1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
