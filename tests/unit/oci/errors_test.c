/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "oci/errors.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_bodies(void **state)
{
  (void)state;
  static const struct {
    const char *body, *code, *text;
  } cases[] = {
      /* hostile */
      {"{\"errors\":[{\"code\":\"\\u001b[31mX\",\"message\":\"a\\nb\\u202e\"}]}", "\\x1b[31mX",
       "\\x1b[31mX: a\\x0ab\\xe2\\x80\\xae"},
      {"{\"errors\":[7,null,[]]}", "", "{\"errors\":[7,null,[]]}"},
      {"{\"errors\":{}}", "", "{\"errors\":{}}"},
      {"{\"errors\":[{\"code\":5,\"message\":[]}]}", "",
       "{\"errors\":[{\"code\":5,\"message\":[]}]}"},
      {"{\"errors\":[]}", "", "{\"errors\":[]}"},
      {"[]", "", "[]"},
      {"{", "", "{"},
      {"", "", ""},
      {"\xff\xfe\x01", "", "\\xff\\xfe"},
      {"<title>unclosed", "", "unclosed"},
      {"<title", "", "<title"},
      {"<", "", "<"},
      {"a < b > c", "", "a < b > c"},
      /* the distribution-spec */
      {"{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}",
       "MANIFEST_UNKNOWN", "MANIFEST_UNKNOWN: manifest unknown"},
      {"{\"errors\":[{\"code\":\"DENIED\"}]}", "DENIED", "DENIED"},
      {"{\"errors\":[{\"message\":\"only text\"}]}", "", "only text"},
      {"{\"errors\":[{\"code\":\"REQUESTED_RANGE_NOT_SATISFIABLE\",\"message\":\"r\"}]}",
       "REQUESTED_RANGE_NOT_SATISFIABLE", "REQUESTED_RANGE_NOT_SATISFIABLE: r"},
      {"{\"errors\":[{\"code\":\"A\",\"message\":\"1\"},{\"code\":\"B\",\"message\":\"2\"}]}", "A",
       "A: 1; B: 2"},
      {"{\"errors\":[{\"code\":\"MANIFEST_BLOB_UNKNOWN\",\"message\":\"m\",\"detail\":{\"digest\":"
       "\"sha256:ab\"}}]}",
       "MANIFEST_BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN: m ({\"digest\":\"sha256:ab\"})"},
      {"{\"errors\":[{\"code\":\"U\",\"message\":\"m\",\"detail\":\"why\"}]}", "U", "U: m (why)"},
      {"{\"errors\":[{\"code\":\"U\",\"message\":\"m\",\"detail\":null}]}", "U", "U: m"},
      {"{\"errors\":[{\"code\":\"U\",\"message\":\"m\",\"detail\":{}}]}", "U", "U: m"},
      /* others */
      {"{\"details\":\"incorrect username or password\"}", "", "incorrect username or password"},
      {"{\"message\":\"Not Found\",\"documentation_url\":\"x\"}", "", "Not Found"},
      {"{\"detail\":\"throttled\"}", "", "throttled"},
      {"{\"error\":\"invalid_grant\",\"error_description\":\"expired\"}", "", "expired"},
      {"You have reached your pull rate limit.\n", "", "You have reached your pull rate limit."},
      {"<html>\r\n<head><TITLE>502 Bad\n Gateway</Title></head><body><h1>x</h1></body>", "",
       "502 Bad Gateway"},
      {"<html><body><p>no   title</p><hr>nginx</body></html>", "", "no title nginx"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_oci_error error;
    memset(&error, 'Z', sizeof error);
    sp_oci_error_parse(sp_span_str(cases[i].body), &error);
    assert_string_equal(error.code, cases[i].code);
    assert_string_equal(error.text, cases[i].text);
  }
}

static void test_secrets_that_come_back_are_hidden(void **state)
{
  (void)state;
  struct sp_oci_error error;
  sp_log_add_secret(SP_SPAN_LIT("dckr_pat_12345"));
  sp_oci_error_parse(SP_SPAN_LIT("bad token dckr_pat_12345 and password=hunter2"), &error);
  assert_string_equal(error.text, "bad token *** and password=***");
}

static void test_long_bodies(void **state)
{
  (void)state;
  static char body[2 * SP_MAX_ERROR_BODY_BYTES];
  struct sp_oci_error error;
  memset(body, 'x', sizeof body);
  sp_oci_error_parse(SP_SPAN(body, sizeof body), &error);
  assert_int_equal(strlen(error.text), SP_OCI_ERROR_TEXT_MAX - 1);
  assert_string_equal(error.text + SP_OCI_ERROR_TEXT_MAX - 4, "...");
  static const char begin[] = "{\"errors\":[{\"code\":\"";
  memcpy(body, begin, sizeof begin - 1);
  memcpy(body + 1000, "\"}]}", 4);
  sp_oci_error_parse(SP_SPAN(body, 1004), &error);
  assert_int_equal(strlen(error.code), SP_OCI_ERROR_CODE_MAX - 1);
  /* Nested deeper than we parse: still some text. */
  memset(body, '[', sizeof body);
  sp_oci_error_parse(SP_SPAN(body, sizeof body), &error);
  assert_int_equal(error.text[0], '[');
}

/* Anything gives printable text, within its array. */
static void test_noise(void **state)
{
  (void)state;
  static const char pieces[][12] = {"<title>", "</title>", "{\"errors\":", "[{", "}]", "\"code\":",
                                    "\"x\"",   "\xe2\x80", "\x1b[",        "<",  ">",  "\0",
                                    "token=",  "Bearer ",  "\\",           ","};
  for (int i = 0; i < 20000; i++) {
    char *body = malloc(200);
    size_t len = 0;
    for (size_t n = sp_random_below(12); n > 0; n--) {
      const char *piece = pieces[sp_random_below(COUNT(pieces))];
      size_t piece_len = piece[0] ? strlen(piece) : 1;
      memcpy(body + len, piece, piece_len);
      len += piece_len;
    }
    char *exact = realloc(body, len ? len : 1);
    struct sp_oci_error error;
    sp_oci_error_parse(SP_SPAN(exact, len), &error);
    for (const char *p = error.text; *p; p++)
      assert_true((unsigned char)*p >= 0x20);
    assert_true(strlen(error.text) < SP_OCI_ERROR_TEXT_MAX);
    free(exact);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bodies),
      cmocka_unit_test(test_secrets_that_come_back_are_hidden),
      cmocka_unit_test(test_long_bodies),
      cmocka_unit_test(test_noise),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
