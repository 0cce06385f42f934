/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/trouble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_table(void **state)
{
  (void)state;
  static const struct {
    enum sp_code code;
    int http_status;
    bool of_place, damage;
  } cases[] = {
      {SP_OK, 0, false, false},           {SP_E_NOT_FOUND, 404, false, false},
      {SP_E_SERVER, 500, false, true},    {SP_E_SERVER, 0, false, true},
      {SP_E_SERVER, 502, true, false},    {SP_E_SERVER, 503, true, false},
      {SP_E_SERVER, 504, true, false},    {SP_E_SERVER, 507, false, true},
      {SP_E_DIGEST, 0, false, true},      {SP_E_INVALID, 0, false, true},
      {SP_E_LIMIT, 0, false, true},       {SP_E_AUTH, 401, true, false},
      {SP_E_UNREACHABLE, 0, true, false}, {SP_E_TLS, 0, true, false},
      {SP_E_REFUSED, 0, true, false},     {SP_E_THROTTLED, 429, true, false},
      {SP_E_NETWORK, 0, true, false},     {SP_E_STORE_FULL, 507, true, false},
      {SP_E_IO, 0, true, false},          {SP_E_INTERRUPTED, 0, true, false},
      {SP_E_PROTOCOL, 418, true, false},  {SP_E_UNSUPPORTED, 405, true, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sp_err err = {.code = cases[i].code, .http_status = cases[i].http_status};
    if (sp_trouble_is_of_place(&err) != cases[i].of_place ||
        sp_trouble_is_damage(&err) != cases[i].damage)
      fail_msg("%s %d", sp_code_name(err.code), err.http_status);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
