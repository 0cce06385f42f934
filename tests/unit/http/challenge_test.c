/* SPDX-License-Identifier: Apache-2.0 */
#include "http/challenge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NONE SP_CHALLENGE_NONE
#define BASIC SP_CHALLENGE_BASIC
#define BEARER SP_CHALLENGE_BEARER

static const struct {
  const char *value;
  enum sp_challenge_scheme scheme;
  const char *realm, *service, *scope;
} rows[] = {
    {"", NONE, "", "", ""},
    {",,, ,", NONE, "", "", ""},
    {"=", NONE, "", "", ""},
    {"realm=\"x\"", NONE, "", "", ""},
    {"\"Bearer\"", NONE, "", "", ""},
    {"Digest realm=\"x\"", NONE, "", "", ""},
    {"Bearer realm=\"x", NONE, "", "", ""},
    {"Bearer realm=\"x\\", NONE, "", "", ""},
    {"Bearer realm=\"x\"y", NONE, "", "", ""},
    {"Bearer realm=\"a\x01"
     "b\"",
     NONE, "", "", ""},
    {"Bearer realm=\"a\",realm=\"b\"", NONE, "", "", ""},
    {"Bearer realm=", NONE, "", "", ""},
    {"Bearer realm=\"a\", Basic realm=\"b", BEARER, "a", "", ""},
    {"Bearer", BEARER, "", "", ""},
    {"Basic", BASIC, "", "", ""},
    {"bEaReR realm=\"https://auth.test/token\",service=\"s\",scope=\"repository:a/b:pull,push\"",
     BEARER, "https://auth.test/token", "s", "repository:a/b:pull,push"},
    {"Bearer scope=\"a b\" , service=s,realm=https://auth.test/token?x=y", BEARER,
     "https://auth.test/token?x=y", "s", "a b"},
    {"Bearer REALM = \"a\\\"b\\\\c\"", BEARER, "a\"b\\c", "", ""},
    {"Basic realm=\"r\", Bearer realm=\"b\",service=\"s\"", BEARER, "b", "s", ""},
    {"Bearer realm=\"b\",service=\"s\", Basic realm=\"r\"", BEARER, "b", "s", ""},
    {"Negotiate, Basic realm=\"r\"", BASIC, "r", "", ""},
    {"Negotiate YIIabc+/==, Basic realm=\"r\"", BASIC, "r", "", ""},
    {"NTLM TlRM, Bearer realm=\"b\"", BEARER, "b", "", ""},
    {"Bearer realm=\"x\", error=\"invalid_token\", unknown=\"y\"", BEARER, "x", "", ""},
    {"Basic realm=\"b\",Basic realm=\"c\"", BASIC, "b", "", ""},
};

static void the_best_challenge_is_read(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_challenge got;
    sp_challenge_parse(sp_span_str(rows[i].value), &got);
    if (got.scheme != rows[i].scheme || strcmp(got.realm, rows[i].realm) != 0 ||
        strcmp(got.service, rows[i].service) != 0 || strcmp(got.scope, rows[i].scope) != 0)
      fail_msg("'%s': %d realm '%s' service '%s' scope '%s'", rows[i].value, got.scheme, got.realm,
               got.service, got.scope);
  }
}

static void errors_are_read(void **state)
{
  (void)state;
  struct sp_challenge got;
  sp_challenge_parse(sp_span_str("Bearer realm=\"x\",error=\"insufficient_scope\""), &got);
  assert_string_equal(got.error, "insufficient_scope");
}

static void too_long_is_unusable(void **state)
{
  (void)state;
  static char text[SP_CHALLENGE_PARAM_MAX + 64];
  struct sp_challenge got;
  for (int over = 0; over < 2; over++) {
    memset(text, 'x', sizeof text);
    memcpy(text, "Bearer realm=\"", 14);
    size_t n = 14 + SP_CHALLENGE_PARAM_MAX - 1 + (size_t)over;
    memcpy(text + n, "\", Basic realm=\"y\"", 19);
    sp_challenge_parse(sp_span_str(text), &got);
    assert_int_equal(got.scheme, over ? BASIC : BEARER);
  }
}

static void the_best_of_all_lines_counts(void **state)
{
  (void)state;
  struct sp_headers headers;
  struct sp_challenge got;
  struct sp_err err = SP_ERR_INIT;
  sp_headers_init(&headers);
  sp_challenge_of(&headers, &got);
  assert_int_equal(got.scheme, NONE);
  assert_int_equal(
      sp_headers_add_line(&headers, SP_SPAN_LIT("WWW-Authenticate: Basic realm=\"a\""), &err), 0);
  assert_int_equal(
      sp_headers_add_line(&headers, SP_SPAN_LIT("www-authenticate: Bearer realm=\"b\""), &err), 0);
  sp_challenge_of(&headers, &got);
  assert_int_equal(got.scheme, BEARER);
  assert_string_equal(got.realm, "b");
  sp_headers_clear(&headers);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_best_challenge_is_read),
      cmocka_unit_test(errors_are_read),
      cmocka_unit_test(too_long_is_unusable),
      cmocka_unit_test(the_best_of_all_lines_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
