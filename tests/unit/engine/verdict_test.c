/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/verdict.h"

#include "base/limits.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
  const char *text;
  enum sp_code code;
  const char *words;
} rows[] = {
    {"no json\n", SP_E_PROTOCOL, "no json"},
    {"<html>502</html>", SP_E_PROTOCOL, "502"},
    {"[]\n", SP_E_PROTOCOL, "[]"},
    {"{\"stream\":\"a\"\n", SP_E_PROTOCOL, ""},
    {"{\"stream\":\"a\"}{\"error\":\"b\"}\n", SP_E_PROTOCOL, ""},
    {"{\"a\":1,\"a\":2}\n", SP_E_PROTOCOL, ""},
    {"{\"error\":\"bad tar\"}\n", SP_E_INVALID, "bad tar"},
    {"{\"error\":\"bad tar\"}", SP_E_INVALID, "bad tar"},
    {"{\"errorDetail\":{\"message\":\"deep\"}}\r\n", SP_E_INVALID, "deep"},
    {"{\"errorDetail\":{}}\r\n", SP_E_INVALID, "does not say why"},
    {"{\"errorDetail\":{\"message\":\"m\"},\"error\":\"e\"}\r\n{\"stream\":\"Loaded\"}\r\n",
     SP_E_INVALID, "e"},
    {"{\"error\":\"first\"}\n{\"error\":\"second\"}\n", SP_E_INVALID, "first"},
    {"{\"error\":\"\\u001b[2Jgone\"}\n", SP_E_INVALID, "\\x1b[2Jgone"},
    {"{\"error\":\"write /x: no space left on device\"}\n", SP_E_STORE_FULL, "docker system df"},
    {"", SP_OK, NULL},
    {"\r\n\n \n", SP_OK, NULL},
    {"{\"stream\":\"Loaded image: app:latest\\n\"}\r\n", SP_OK, NULL},
    {"{\"status\":\"Loading layer\",\"progressDetail\":{\"current\":1},\"id\":\"x\"}\n"
     "{\"stream\":\"Loaded\"}",
     SP_OK, NULL},
    {"{\"error\":\"\",\"stream\":\"x\"}\n", SP_OK, NULL},
};

/* However it is cut, it means the same. */
static void check(size_t row, size_t piece)
{
  struct sp_verdict verdict;
  struct sp_err err = SP_ERR_INIT;
  const char *text = rows[row].text;
  size_t len = strlen(text);
  int rc = 0;
  sp_verdict_init(&verdict);
  for (size_t at = 0; at < len && rc == 0; at += piece)
    rc = sp_verdict_feed(&verdict, text + at, len - at < piece ? len - at : piece, &err);
  if (rc == 0)
    rc = sp_verdict_end(&verdict, &err);
  enum sp_code code = rc < 0 ? err.code : SP_OK;
  if (code != rows[row].code || (rc < 0 && !strstr(err.msg, rows[row].words)))
    fail_msg("%s by %zu: %s: %s", text, piece, sp_code_name(code), err.msg);
  sp_verdict_clear(&verdict);
}

static void test_verdicts(void **state)
{
  (void)state;
  for (size_t row = 0; row < COUNT(rows); row++) {
    for (size_t piece = 1; piece <= strlen(rows[row].text) + 1; piece++)
      check(row, piece);
  }
}

static void test_endless_line(void **state)
{
  (void)state;
  struct sp_verdict verdict;
  struct sp_err err = SP_ERR_INIT;
  char chunk[4096];
  size_t fed = 0;
  memset(chunk, ' ', sizeof chunk);
  sp_verdict_init(&verdict);
  while (sp_verdict_feed(&verdict, chunk, sizeof chunk, &err) == 0)
    assert_true((fed += sizeof chunk) <= SP_MAX_ENGINE_LINE_BYTES);
  assert_int_equal(err.code, SP_E_LIMIT);
  sp_verdict_clear(&verdict);
}

static void tail(struct sp_span bytes, const char *expected)
{
  char out[SP_VERDICT_TEXT_MAX];
  sp_verdict_find_in_tail(bytes, out);
  assert_string_equal(out, expected);
}

static void test_tails(void **state)
{
  (void)state;
  char zeros[1024] = {0};
  tail(SP_SPAN(NULL, 0), "");
  tail(SP_SPAN(zeros, sizeof zeros), "");
  tail(SP_SPAN_LIT("}"), "");
  tail(SP_SPAN_LIT("{}"), "");
  tail(SP_SPAN_LIT("{\"errors\":1}"), "");
  tail(SP_SPAN_LIT("{\"error\":\"x\"} and more"), "");
  tail(SP_SPAN_LIT("{\"error\":\"x\"}\0"), ""); /* a file in a tar that ends here */
  tail(SP_SPAN_LIT("\0\0data{\"errorDetail\":{\"message\":\"gone\"},\"error\":\"gone\"}\r\n"),
       "gone");
  tail(SP_SPAN_LIT("{\"error\":\"gone\"}"), "gone");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_verdicts),
      cmocka_unit_test(test_endless_line),
      cmocka_unit_test(test_tails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
