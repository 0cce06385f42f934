/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "script.h"

#include "base/limits.h"

static struct sp_digest digest; /* of nothing in particular */

#define BLOB "/v2/a/b/blobs/sha256:"
#define SIZE 10

/* The touch of reliability.md section 2: what a registry with wiped or cut storage answers. */
static void test_touch(void **state)
{
  (void)state;
  static const struct {
    const char *reply;
    int answer; /* a blob state, or -1: a failure */
    enum sp_proof proof;
    enum sp_code code;
  } rows[] = {
      {"206\nContent-Range: bytes 9-9/10\n\nx", SP_BLOB_PRESENT, SP_PROOF_TOUCHED, SP_OK},
      {"206\nContent-Range: bytes 9-9/*\n\nx", SP_BLOB_PRESENT, SP_PROOF_CLAIMED, SP_OK},
      {"206\nContent-Range: bytes 9-9/11\n\nx", SP_BLOB_DAMAGED, SP_PROOF_NONE, SP_OK},
      {"206\nContent-Range: bytes 9-9/9\n\nx", -1, SP_PROOF_NONE, SP_E_PROTOCOL},
      {"206\nContent-Range: bytes 9-9/10\n\n", SP_BLOB_DAMAGED, SP_PROOF_NONE, SP_OK},
      {"206\nContent-Range: bytes 9-9/10\nContent-Length: 1\n\n", SP_BLOB_DAMAGED, SP_PROOF_NONE,
       SP_OK},
      {"206\nContent-Range: bytes 8-8/10\n\nx", -1, SP_PROOF_NONE, SP_E_PROTOCOL},
      {"206\n\nx", -1, SP_PROOF_NONE, SP_E_PROTOCOL},
      {"206\nContent-Range: rubbish\n\nx", -1, SP_PROOF_NONE, SP_E_PROTOCOL},
      /* Range ignored */
      {"200\n\n0123456789", SP_BLOB_PRESENT, SP_PROOF_TOUCHED, SP_OK},
      {"200\n\n012345678", SP_BLOB_DAMAGED, SP_PROOF_NONE, SP_OK},
      {"200\n\n01234567890", SP_BLOB_DAMAGED, SP_PROOF_NONE, SP_OK},
      {"200\nContent-Length: 10\n\n", SP_BLOB_DAMAGED, SP_PROOF_NONE, SP_OK},
      {"200\nContent-Length: 10\n\n01234", SP_BLOB_DAMAGED, SP_PROOF_NONE, SP_OK},
      {"200\nContent-Length: 5000000\n\n", SP_BLOB_DAMAGED, SP_PROOF_NONE, SP_OK},
      {"416\n\n", SP_BLOB_DAMAGED, SP_PROOF_NONE, SP_OK},
      {"404\n\n", SP_BLOB_ABSENT, SP_PROOF_NONE, SP_OK},
      {"500\n\n", -1, SP_PROOF_NONE, SP_E_SERVER},
      {"401\n\n", -1, SP_PROOF_NONE, SP_E_AUTH},
      {"429\n\n", -1, SP_PROOF_NONE, SP_E_THROTTLED},
      {"204\n\n", -1, SP_PROOF_NONE, SP_E_PROTOCOL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {
        {.match = "GET " BLOB, .needs = "\r\nRange: bytes=9-9\r\n", .reply = rows[i].reply}};
    struct world world;
    struct sp_blob_state got;
    WORLD_OPEN(&world, rules);
    int rc = sp_store_check_blob(world.store, &digest, SIZE, SP_PROOF_TOUCHED, &got, &world.err);
    if (rows[i].answer < 0) {
      expect_code(&world, rc, rows[i].code, NULL);
    } else {
      expect_ok(&world, rc);
      if ((int)got.state != rows[i].answer || got.proof != rows[i].proof)
        fail_msg("row %zu: state %d, %s", i, (int)got.state, sp_proof_name(got.proof));
    }
    assert_int_equal(script_count(&world.script, "HEAD "), 0);
    world_close(&world);
  }
}

/* Range ignored, and too large to read it all: only the length is known. */
static void test_touch_large(void **state)
{
  (void)state;
  static const struct {
    const char *reply;
    int answer;
  } rows[] = {
      {"200\nContent-Length: 5000000\n\nxxxx", SP_BLOB_PRESENT},
      {"200\nContent-Length: 5000001\n\nxxxx", SP_BLOB_DAMAGED},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {{.match = "GET " BLOB, .reply = rows[i].reply}};
    struct world world;
    struct sp_blob_state got;
    WORLD_OPEN(&world, rules);
    expect_ok(&world, sp_store_check_blob(world.store, &digest, 5000000, SP_PROOF_TOUCHED, &got,
                                          &world.err));
    assert_int_equal(got.state, rows[i].answer);
    if (got.state == SP_BLOB_PRESENT)
      assert_int_equal(got.proof, SP_PROOF_CLAIMED);
    world_close(&world);
  }
}

/* Cut off once is the line, not the blob. */
static void test_touch_cut_off_once(void **state)
{
  (void)state;
  static const struct rule rules[] = {
      {.match = "GET " BLOB,
       .reply = "206\nContent-Range: bytes 9-9/10\nContent-Length: 1\n\n",
       .times = 1},
      {.match = "GET " BLOB, .reply = "206\nContent-Range: bytes 9-9/10\n\nx"},
  };
  struct world world;
  struct sp_blob_state got;
  WORLD_OPEN(&world, rules);
  expect_ok(&world,
            sp_store_check_blob(world.store, &digest, SIZE, SP_PROOF_TOUCHED, &got, &world.err));
  assert_int_equal(got.state, SP_BLOB_PRESENT);
  assert_int_equal(got.proof, SP_PROOF_TOUCHED);
  world_close(&world);
}

static void test_claim(void **state)
{
  (void)state;
  static const struct {
    const char *reply;
    int answer;
    enum sp_code code;
  } rows[] = {
      {"200\nContent-Length: 10\n\n", SP_BLOB_PRESENT, SP_OK},
      {"200\nContent-Length: 9\n\n", SP_BLOB_DAMAGED, SP_OK},
      {"404\n\n", SP_BLOB_ABSENT, SP_OK},
      {"500\n\n", -1, SP_E_SERVER},
      {"403\n\n", -1, SP_E_AUTH},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {{.match = "HEAD " BLOB, .reply = rows[i].reply}};
    struct world world;
    struct sp_blob_state got;
    WORLD_OPEN(&world, rules);
    int rc = sp_store_check_blob(world.store, &digest, SIZE, SP_PROOF_CLAIMED, &got, &world.err);
    if (rows[i].answer < 0)
      expect_code(&world, rc, rows[i].code, NULL);
    else
      assert_int_equal(got.state, rows[i].answer);
    world_close(&world);
  }
}

/* A blob of no bytes has no last byte. */
static void test_empty(void **state)
{
  (void)state;
  static const struct rule rules[] = {{.match = "HEAD " BLOB, .reply = "200\n\n"}};
  struct world world;
  struct sp_blob_state got;
  WORLD_OPEN(&world, rules);
  expect_ok(&world,
            sp_store_check_blob(world.store, &digest, 0, SP_PROOF_TOUCHED, &got, &world.err));
  assert_int_equal(got.state, SP_BLOB_PRESENT);
  assert_int_equal(got.proof, SP_PROOF_TOUCHED);
  world_close(&world);
}

static void test_mount(void **state)
{
  (void)state;
  static const struct {
    const char *reply;
    enum sp_code code;
    bool mounted;
    int cancels;
  } rows[] = {
      {"201\n\n", SP_OK, true, 0},
      {"202\nLocation: /up/1?x=y\n\n", SP_OK, false, 1},
      {"202\n\n", SP_OK, false, 0},
      {"202\nLocation: http://127.0.0.2/up\n\n", SP_OK, false, 0},
      {"400\n\n", SP_OK, false, 0},
      {"401\n\n", SP_OK, false, 0},
      {"403\n\n", SP_OK, false, 0},
      {"404\n\n", SP_OK, false, 0},
      {"405\n\n", SP_OK, false, 0},
      {"429\n\n", SP_E_THROTTLED, false, 0},
      {"500\n\n", SP_E_SERVER, false, 0},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    const struct rule rules[] = {
        {.match = "POST /v2/a/b/blobs/uploads/?mount=sha256%3A0000000000000000000000000000000000000"
                  "000000000000000000000000000&from=c%2Fd ",
         .reply = rows[i].reply},
        {.match = "DELETE /up/1?x=y ", .reply = "204\n\n"},
    };
    struct world world;
    bool mounted;
    WORLD_OPEN(&world, rules);
    struct sp_store *from = world_other_repository(&world, "c/d");
    int rc = sp_store_mount_blob(world.store, &digest, SIZE, from, &mounted, &world.err);
    if (rows[i].code == SP_OK)
      expect_ok(&world, rc);
    else
      expect_code(&world, rc, rows[i].code, NULL);
    assert_int_equal(mounted, rows[i].mounted);
    assert_int_equal(script_count(&world.script, "DELETE "), rows[i].cancels);
    sp_store_close(from);
    world_close(&world);
  }
}

static void test_siblings(void **state)
{
  (void)state;
  static const struct rule rules[] = {{.match = "", .reply = "500\n\n"}};
  struct world world;
  struct world elsewhere;
  WORLD_OPEN(&world, rules);
  WORLD_OPEN(&elsewhere, rules);
  struct sp_store *same = world_other_repository(&world, "a/b");
  struct sp_store *other = world_other_repository(&world, "c");
  assert_false(sp_store_is_sibling(world.store, same));
  assert_true(sp_store_is_sibling(world.store, other));
  assert_false(sp_store_is_sibling(world.store, elsewhere.store));
  bool mounted = true;
  expect_ok(&world, sp_store_mount_blob(world.store, &digest, SIZE, same, &mounted, &world.err));
  assert_false(mounted);
  assert_string_equal(world.script.log, "");
  sp_store_close(same);
  sp_store_close(other);
  world_close(&world);
  world_close(&elsewhere);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_touch),
      cmocka_unit_test(test_touch_large),
      cmocka_unit_test(test_touch_cut_off_once),
      cmocka_unit_test(test_claim),
      cmocka_unit_test(test_empty),
      cmocka_unit_test(test_mount),
      cmocka_unit_test(test_siblings),
  };
  digest.alg = SP_DIGEST_SHA256;
  setenv("DOCKER_CONFIG", "/nonexistent", 1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
