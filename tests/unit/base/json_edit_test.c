/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json_edit.h"

#include "base/json.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Section "auths", key "h.io", value {"auth":"x"}. */
#define VALUE "{\"auth\":\"x\"}"

struct row {
  const char *before, *after;
};

static void check(const struct row *row, bool set)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf out;
  sp_buf_init(&out, 4096);
  int rc = set ? sp_json_edit_set(&out, sp_span_str(row->before), "auths", "h.io",
                                  SP_SPAN_LIT(VALUE), &err)
               : sp_json_edit_remove(&out, sp_span_str(row->before), "auths", "h.io", &err);
  if (rc < 0)
    fail_msg("%s: %s", row->before, err.msg);
  assert_string_equal(sp_buf_str(&out), row->after);
  SP_AUTO_JSON json_t *doc = NULL;
  if (sp_json_parse(sp_buf_span(&out), &doc, &err) < 0)
    fail_msg("%s: %s", row->before, err.msg);
}

static void test_set(void **state)
{
  (void)state;
  static const struct row rows[] = {
      /* made, as docker writes it */
      {"", "{\n\t\"auths\": {\n\t\t\"h.io\": " VALUE "\n\t}\n}\n"},
      {" \n", "{\n\t\"auths\": {\n\t\t\"h.io\": " VALUE "\n\t}\n}\n"},
      {"{}", "{\n\t\"auths\": {\n\t\t\"h.io\": " VALUE "\n\t}\n}"},
      {"{\n\t\"auths\": {}\n}", "{\n\t\"auths\": {\n\t\t\"h.io\": " VALUE "\n\t}\n}"},
      {"{\"auths\":null}", "{\"auths\":{\n\t\t\"h.io\": " VALUE "\n\t}}"},
      /* beside others: what is there keeps every byte */
      {"{\"n\":1e3,\"auths\":{\"a\":{}}, \"z\" :9007199254740993 }",
       "{\"n\":1e3,\"auths\":{\"a\":{},\"h.io\": " VALUE "}, \"z\" :9007199254740993 }"},
      {"{\n  \"auths\": {\n    \"a\": {\n      \"auth\": \"b\"\n    }\n  }\n}\n",
       "{\n  \"auths\": {\n    \"a\": {\n      \"auth\": \"b\"\n    },\n    \"h.io\": " VALUE
       "\n  }\n}\n"},
      {"{\n  \"x\": [\n    {\"auths\": 1}\n  ]\n}",
       "{\n  \"x\": [\n    {\"auths\": 1}\n  ],\n  \"auths\": {\n\t\t\"h.io\": " VALUE "\n\t}\n}"},
      /* replaced in its place */
      {"{\"auths\":{\"a\":1,\"h.io\" : {\"auth\":\"o}l,d\\\"\"} ,\"b\":2}}",
       "{\"auths\":{\"a\":1,\"h.io\" : " VALUE " ,\"b\":2}}"},
      {"{\"auths\":{\"h.io\":null}}", "{\"auths\":{\"h.io\":" VALUE "}}"},
      {"{\"auths\":{\"h\\u002eio\":{}}}", "{\"auths\":{\"h\\u002eio\":" VALUE "}}"},
      /* the same names elsewhere mean nothing */
      {"{\"h.io\":1,\"a\":{\"auths\":{\"h.io\":2}},\"auths\":{\"x\":{\"h.io\":3}}}",
       "{\"h.io\":1,\"a\":{\"auths\":{\"h.io\":2}},\"auths\":{\"x\":{\"h.io\":3},\"h.io\": " VALUE
       "}}"},
  };
  for (size_t i = 0; i < COUNT(rows); i++)
    check(&rows[i], true);
}

static void test_remove(void **state)
{
  (void)state;
  static const struct row rows[] = {
      {"{}", "{}"},
      {"{\"auths\":null}", "{\"auths\":null}"},
      {"{\"h.io\":1,\"auths\":{\"a\":{\"h.io\":2}}}",
       "{\"h.io\":1,\"auths\":{\"a\":{\"h.io\":2}}}"},
      {"{ \"auths\": {\n \"h.io\": {}\n} }", "{ \"auths\": {} }"},
      {"{\"auths\":{ \"h.io\": {\"a\":[\"}\"]}, \"b\": 1 }}", "{\"auths\":{ \"b\": 1 }}"},
      {"{\"auths\":{ \"b\": 1 , \"h.io\": 5 }}", "{\"auths\":{ \"b\": 1 }}"},
      {"{\"auths\":{\n\t\"a\": 1,\n\t\"h.io\": {},\n\t\"b\": 2\n}}",
       "{\"auths\":{\n\t\"a\": 1,\n\t\"b\": 2\n}}"},
  };
  for (size_t i = 0; i < COUNT(rows); i++)
    check(&rows[i], false);
}

static void test_refuses(void **state)
{
  (void)state;
  static const char *const rows[] = {
      "[]", "1", "\"x\"", "{\"auths\":[]}", "{\"auths\":\"{}\"}", "{\"auths\":1}"};
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_BUF struct sp_buf out;
    sp_buf_init(&out, 4096);
    struct sp_span doc = sp_span_str(rows[i]);
    if (sp_json_edit_set(&out, doc, "auths", "h.io", SP_SPAN_LIT("1"), &err) == 0 ||
        sp_json_edit_remove(&out, doc, "auths", "h.io", &err) == 0)
      fail_msg("%s was edited", rows[i]);
    assert_int_equal(err.code, SP_E_INVALID);
  }
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf out;
  sp_buf_init(&out, 8);
  assert_int_equal(
      sp_json_edit_set(&out, SP_SPAN_LIT("{}"), "auths", "h.io", SP_SPAN_LIT("1"), &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_set),
      cmocka_unit_test(test_remove),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
