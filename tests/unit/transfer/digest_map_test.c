/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/digest_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MANY 2000u

static struct sp_digest number(uint32_t n, enum sp_digest_alg alg)
{
  struct sp_digest digest = {.alg = alg};
  /* all collide in their first bytes but for one */
  digest.raw[0] = (uint8_t)n;
  digest.raw[20] = (uint8_t)(n >> 8);
  digest.raw[21] = (uint8_t)(n >> 16);
  return digest;
}

static void test_many(void **state)
{
  (void)state;
  SP_AUTO_DIGEST_MAP struct sp_digest_map map = {0};
  struct sp_err err = SP_ERR_INIT;
  bool added;
  for (uint32_t i = 0; i < MANY; i++) {
    struct sp_digest digest = number(i, SP_DIGEST_SHA256);
    assert_false(sp_digest_map_find(&map, &digest, NULL));
    assert_int_equal(sp_digest_map_add(&map, &digest, i, &added, &err), 0);
    assert_true(added);
  }
  for (uint32_t i = 0; i < MANY; i++) {
    struct sp_digest digest = number(i, SP_DIGEST_SHA256);
    size_t value = 0;
    assert_true(sp_digest_map_find(&map, &digest, &value));
    assert_int_equal(value, i);
  }
  assert_int_equal(map.count, MANY);
}

static void test_first_value_stays(void **state)
{
  (void)state;
  SP_AUTO_DIGEST_MAP struct sp_digest_map map;
  sp_digest_map_init(&map);
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = number(1, SP_DIGEST_SHA256);
  struct sp_digest other = number(1, SP_DIGEST_SHA512); /* same bytes, other algorithm */
  bool added;
  size_t value = 99;
  assert_int_equal(sp_digest_map_add(&map, &digest, 7, &added, &err), 0);
  assert_int_equal(sp_digest_map_add(&map, &digest, 8, &added, &err), 0);
  assert_false(added);
  assert_false(sp_digest_map_find(&map, &other, &value));
  assert_int_equal(value, 99);
  assert_true(sp_digest_map_find(&map, &digest, &value));
  assert_int_equal(value, 7);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_many),
      cmocka_unit_test(test_first_value_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
