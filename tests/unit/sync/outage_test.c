/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sync/outage.h"

static int note(struct sp_outages *outages, const char *place, enum sp_code code)
{
  struct sp_err err = SP_ERR_INIT;
  (void)sp_fail(&err, code, "down");
  sp_outages_note(outages, place, &err);
  err = SP_ERR_INIT;
  return sp_outages_check(outages, place, &err);
}

static void test_registries(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_outages outages;
  sp_outages_init(&outages);
  assert_int_equal(sp_outages_check(&outages, "ghcr.io/a/b", &err), 0);
  assert_int_equal(note(&outages, "ghcr.io/a/b", SP_E_NOT_FOUND), 0);
  assert_int_equal(note(&outages, "ghcr.io/a/b", SP_E_AUTH), 0);
  assert_int_equal(note(&outages, "vault:a/b", SP_E_UNREACHABLE), 0);
  assert_int_equal(note(&outages, "oci:/srv/x", SP_E_UNREACHABLE), 0);
  assert_int_equal(note(&outages, "ghcr.io/a/b", SP_E_UNREACHABLE), -1);
  assert_int_equal(sp_outages_check(&outages, "ghcr.io/c/d", &err), -1);
  assert_int_equal(err.code, SP_E_UNREACHABLE);
  err = SP_ERR_INIT;
  assert_int_equal(sp_outages_check(&outages, "ghcr.io.evil/c/d", &err), 0);
  sp_outages_clear(&outages);
}

static void test_is_bounded(void **state)
{
  (void)state;
  struct sp_outages outages;
  sp_outages_init(&outages);
  for (int i = 0; i < 2 * SP_OUTAGES_MAX; i++) {
    char place[64];
    snprintf(place, sizeof place, "r%d.example/a", i);
    assert_int_equal(note(&outages, place, SP_E_UNREACHABLE), i < SP_OUTAGES_MAX ? -1 : 0);
  }
  sp_outages_clear(&outages);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_registries),
                                     cmocka_unit_test(test_is_bounded)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
