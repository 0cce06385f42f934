/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/token.h"

#include "base/limits.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_refuses(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",
      "[]",
      "{}",
      "<html>",
      "{\"token\":\"\"}",
      "{\"token\":null}",
      "{\"token\":5}",
      "{\"token\":[\"a\"]}",
      "{\"token\":{}}",
      "{\"token\":\"a b\"}",
      "{\"token\":\"x\\r\\nHost: y\"}",
      "{\"token\":\"x\\n\"}",
      "{\"token\":\"a\\u0000b\"}",
      "{\"token\":\"caf\\u00e9\"}",
      "{\"token\":\"a,b\"}",
      "{\"token\":\"a=b\"}",
      "{\"token\":\"=\"}",
      "{\"token\":\"a\",\"token\":\"b\"}",
      "{\"access_token\":\"a b\"}",
      "{\"token\":\"a b\",\"access_token\":\"good\"}",
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct sp_token token = SP_TOKEN_INIT;
    struct sp_err err = SP_ERR_INIT;
    if (sp_token_parse(sp_span_str(bad[i]), &token, &err) == 0)
      fail_msg("accepted: %s", bad[i]);
    assert_int_equal(err.code, SP_E_PROTOCOL);
    assert_true(sp_secret_is_empty(&token.bearer));
  }
}

static int parse_long(size_t len)
{
  char *text = calloc(1, len + 32);
  assert_non_null(text);
  memcpy(text, "{\"token\":\"", 10);
  memset(text + 10, 'a', len);
  memcpy(text + 10 + len, "\"}", 2);
  struct sp_token token = SP_TOKEN_INIT;
  struct sp_err err = SP_ERR_INIT;
  int rc = sp_token_parse(SP_SPAN(text, len + 12), &token, &err);
  sp_token_clear(&token);
  free(text);
  return rc;
}

static void test_length(void **state)
{
  (void)state;
  assert_int_equal(parse_long(SP_MAX_TOKEN_BYTES), 0);
  assert_int_equal(parse_long(SP_MAX_TOKEN_BYTES + 1), -1);
  assert_int_equal(parse_long(SP_MIB), -1);
}

static void test_reads(void **state)
{
  (void)state;
  static const struct {
    const char *text, *bearer, *refresh;
    int64_t lifetime_s;
  } rows[] = {
      {"{\"token\":\"a\"}", "a", "", 60},
      {"{\"access_token\":\"a.b-c_d~e+f/g==\"}", "a.b-c_d~e+f/g==", "", 60},
      {"{\"token\":\"t\",\"access_token\":\"u\"}", "t", "", 60},
      {"{\"token\":null,\"access_token\":\"u\"}", "u", "", 60},
      {"{\"token\":\"t\",\"expires_in\":300}", "t", "", 300},
      {"{\"token\":\"t\",\"expires_in\":2}", "t", "", 2},
      {"{\"token\":\"t\",\"expires_in\":0}", "t", "", 60},
      {"{\"token\":\"t\",\"expires_in\":-5}", "t", "", 60},
      {"{\"token\":\"t\",\"expires_in\":\"300\"}", "t", "", 60},
      {"{\"token\":\"t\",\"expires_in\":300.5}", "t", "", 300},
      {"{\"token\":\"t\",\"expires_in\":1e300}", "t", "", 86400},
      {"{\"token\":\"t\",\"expires_in\":9223372036854775807}", "t", "", 86400},
      {"{\"token\":\"t\",\"refresh_token\":\"r:1\"}", "t", "r:1", 60},
      {"{\"token\":\"t\",\"refresh_token\":\"r 1\"}", "t", "", 60},
      {"{\"token\":\"t\",\"refresh_token\":5}", "t", "", 60},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sp_token token = SP_TOKEN_INIT;
    struct sp_err err = SP_ERR_INIT;
    if (sp_token_parse(sp_span_str(rows[i].text), &token, &err) < 0)
      fail_msg("%s: %s", rows[i].text, err.msg);
    assert_true(sp_span_eq_str(sp_secret_reveal(&token.bearer), rows[i].bearer));
    assert_true(sp_span_eq_str(sp_secret_reveal(&token.refresh), rows[i].refresh));
    assert_int_equal(token.lifetime_ms, rows[i].lifetime_s * 1000);
    sp_token_clear(&token);
  }
}

static void test_fresh(void **state)
{
  (void)state;
  static const struct {
    int64_t lifetime_s, age_ms;
    bool is_upload, fresh;
  } rows[] = {
      {300, 0, false, true},           {300, 224999, false, true}, {300, 225000, false, false},
      {300, 149999, true, true},       {300, 150000, true, false}, {60, 44999, false, true},
      {60, 45000, false, false},       {60, 30000, true, false},   {30, 19999, false, true},
      {30, 20000, false, false},       {2, 0, false, true},        {2, 999, false, true},
      {2, 1000, false, false},         {2, 5000, false, false},    {86400, 64799999, false, true},
      {86400, 64800000, false, false},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    bool fresh = sp_token_is_fresh(rows[i].lifetime_s * 1000, rows[i].age_ms, rows[i].is_upload);
    if (fresh != rows[i].fresh)
      fail_msg("row %zu", i);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_length),
      cmocka_unit_test(test_reads),
      cmocka_unit_test(test_fresh),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
