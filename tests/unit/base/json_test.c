/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>

#include "base/json.h"
#include "base/limits.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_refuses(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",
      " ",
      "{",
      "{}x",
      "{} {}",
      "[1,]",
      "{\"a\":1,}",
      "{a:1}",
      "{'a':1}",
      "// c\n{}",
      "{\"a\":1,\"a\":1}",
      "{\"x\":{\"a\":1,\"\\u0061\":2}}", /* the same name, written twice in two ways */
      "{\"a\":\"x\\u0000y\"}",
      "{\"a\\u0000b\":1}",
      "{\"a\":\"\xff\"}",
      "{\"a\":\"\xc0\xaf\"}",
      "{\"a\":\"\xed\xa0\x80\"}",
      "{\"a\":\"\\ud800\"}",
      "{\"a\":\"\n\"}",
      "\xef\xbb\xbf{}",
      "{\"a\":9223372036854775808}",
      "{\"a\":1e999}",
      "{\"a\":NaN}",
      "{\"a\":Infinity}",
      "{\"a\":01}",
      "{\"a\":+1}",
      "{\"a\":0x10}",
      "{\"a\":.5}",
      "{\"a\":tru}",
      "null",
      "5",
      "\"text\"",
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct sp_err err;
    json_t *doc = NULL;
    if (sp_json_parse(sp_span_str(bad[i]), &doc, &err) == 0)
      fail_msg("accepted: %s", bad[i]);
    assert_int_equal(err.code, SP_E_INVALID);
    assert_null(doc);
  }
}

/* A zero byte in the text itself, and what follows it. */
static void test_refuses_raw_zero(void **state)
{
  (void)state;
  struct sp_err err;
  json_t *doc = NULL;
  assert_int_equal(sp_json_parse(SP_SPAN_LIT("{}\0"), &doc, &err), -1);
  assert_int_equal(sp_json_parse(SP_SPAN_LIT("{\"a\":\"\0\"}"), &doc, &err), -1);
  assert_int_equal(sp_json_parse(SP_SPAN(NULL, 0), &doc, &err), -1);
}

/* S07: a config.json with credentials that is broken must not be quoted. */
static void test_complaint_quotes_nothing(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "{\"auth\":\"c2VjcmV0",
      "{\"auth\":\"c2VjcmV0\n",
      "{\"auth\":\"c2VjcmV0\\q\"}",
      "{\"auth\" \"c2VjcmV0\"}",
      "{\"auth\":1 \"c2VjcmV0\"}",
      "{\"c2VjcmV0\":1,\"c2VjcmV0\":2}",
      "c2VjcmV0",
      "[]c2VjcmV0",
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct sp_err err;
    json_t *doc = NULL;
    assert_int_equal(sp_json_parse(sp_span_str(bad[i]), &doc, &err), -1);
    if (strstr(err.msg, "c2V") || !strstr(err.msg, "line "))
      fail_msg("%s", err.msg);
  }
}

static int parse_nested(size_t depth, const char *inside, struct sp_err *err)
{
  char text[1000] = "";
  memset(text, '[', depth);
  size_t n = depth + (size_t)snprintf(text + depth, 100, "%s", inside);
  memset(text + n, ']', depth);
  SP_AUTO_JSON json_t *doc = NULL;
  return sp_json_parse(SP_SPAN(text, n + depth), &doc, err);
}

static void test_depth(void **state)
{
  (void)state;
  struct sp_err err;
  assert_int_equal(parse_nested(SP_MAX_JSON_DEPTH, "", &err), 0);
  assert_int_equal(parse_nested(SP_MAX_JSON_DEPTH + 1, "", &err), -1);
  assert_int_equal(err.code, SP_E_INVALID);
  assert_non_null(strstr(err.msg, "64 levels"));
  /* Brackets in strings nest nothing, wherever the strings seem to end. */
  assert_int_equal(parse_nested(SP_MAX_JSON_DEPTH, "\"[[{{\\\"[[\\\\\",\"[\"", &err), 0);
  assert_int_equal(parse_nested(SP_MAX_JSON_DEPTH, "\"\\\\\",[]", &err), -1);
}

static void test_deep_bomb_is_cheap(void **state)
{
  (void)state;
  struct sp_err err;
  json_t *doc = NULL;
  SP_AUTO_FREE char *bomb = malloc(1 << 20);
  memset(bomb, '[', 1 << 20);
  assert_int_equal(sp_json_parse(SP_SPAN(bomb, 1 << 20), &doc, &err), -1);
}

/* [one,one,...] of about a MiB */
static char *repeated(const char *one, size_t *len)
{
  size_t n = strlen(one);
  size_t count = SP_MIB / (n + 1);
  char *text = malloc(count * (n + 1) + 2);
  assert_non_null(text);
  char *at = text;
  *at++ = '[';
  for (size_t i = 0; i < count; i++, at += n + 1) {
    memcpy(at, one, n);
    at[n] = ',';
  }
  at[-1] = ']';
  *len = (size_t)(at - text);
  return text;
}

#define DIGEST "sha256:0123456789012345678901234567890123456789012345678901234567890123"

/* S16: what is accepted takes no more than it may, and what real documents are made of is. */
static void test_memory_is_bounded(void **state)
{
  (void)state;
  static const struct {
    const char *one;
    bool is_refused;
  } rows[] = {
      {"{}", true},
      {"[]", true},
      {"0", true},
      {"\"\"", true},
      {"[{}]", true},
      {"{\"\":0}", true},
      {"-1.5", true},
      {"null", false},
      {"\"abcdef0\"", false},
      {"\"2026.11.25\"", false},
      {"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"" DIGEST
       "\",\"size\":1}",
       false},
      {"{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"" DIGEST
       "\",\"size\":1,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"}}",
       false},
      {"{\"Config\":\"" DIGEST "\",\"RepoTags\":[\"a:1\"],\"Layers\":[\"" DIGEST "\"]}", false},
      {"{\"created_by\":\"RUN a\",\"empty_layer\":true}", false},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sp_err err = SP_ERR_INIT;
    json_t *doc = NULL;
    size_t len;
    SP_AUTO_FREE char *text = repeated(rows[i].one, &len);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    int failed = sp_json_parse(SP_SPAN(text, len), &doc, &err);
    size_t taken = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    if ((failed != 0) != rows[i].is_refused)
      fail_msg("%s: %s", rows[i].one, failed ? err.msg : "accepted");
    if (failed)
      assert_int_equal(err.code, SP_E_LIMIT);
    if (taken > SP_JSON_FREE_BYTES + SP_JSON_MOST_TIMES * len)
      fail_msg("%s takes %zu bytes", rows[i].one, taken);
    json_decref(doc);
  }
}

static void test_complaint_has_a_place_and_is_safe(void **state)
{
  (void)state;
  struct sp_err err;
  json_t *doc = NULL;
  assert_int_equal(sp_json_parse(sp_span_str("{\n  \x1b[31m"), &doc, &err), -1);
  assert_non_null(strstr(err.msg, "line 2"));
  assert_null(strchr(err.msg, '\x1b'));
}

static void test_members(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_JSON json_t *doc = NULL;
  static const char text[] = "{\"s\":\"x\",\"i\":-9223372036854775808,\"r\":1.0,\"o\":{},"
                             "\"a\":[1],\"n\":null,\"b\":true}";
  assert_int_equal(sp_json_parse(sp_span_str(text), &doc, &err), 0);
  const char *s;
  int64_t i;
  json_t *v;
  assert_int_equal(sp_json_get_string(doc, "s", &s, &err), 0);
  assert_string_equal(s, "x");
  assert_int_equal(sp_json_get_int(doc, "i", 0, &i, &err), 0);
  assert_true(i == INT64_MIN);
  assert_int_equal(sp_json_get_object(doc, "o", &v, &err), 0);
  assert_non_null(v);
  assert_int_equal(sp_json_get_array(doc, "a", &v, &err), 0);
  assert_int_equal(json_array_size(v), 1);
  static const char *const absent[] = {"n", "missing"};
  for (size_t k = 0; k < COUNT(absent); k++) {
    assert_int_equal(sp_json_get_string(doc, absent[k], &s, &err), 0);
    assert_null(s);
    assert_int_equal(sp_json_get_int(doc, absent[k], 5, &i, &err), 0);
    assert_int_equal(i, 5);
    assert_int_equal(sp_json_get_object(doc, absent[k], &v, &err), 0);
    assert_null(v);
    assert_int_equal(sp_json_get_array(doc, absent[k], &v, &err), 0);
    assert_null(v);
  }
}

static void test_members_of_the_wrong_type(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_JSON json_t *doc = NULL;
  assert_int_equal(
      sp_json_parse(sp_span_str("{\"r\":1.0,\"s\":\"1\",\"b\":true,\"a\":[]}"), &doc, &err), 0);
  const char *s;
  int64_t i;
  json_t *v;
  assert_int_equal(sp_json_get_int(doc, "r", 0, &i, &err), -1);
  assert_int_equal(err.code, SP_E_INVALID);
  assert_non_null(strstr(err.msg, "'r'"));
  assert_int_equal(sp_json_get_int(doc, "s", 0, &i, &err), -1);
  assert_int_equal(sp_json_get_int(doc, "b", 0, &i, &err), -1);
  assert_int_equal(sp_json_get_string(doc, "b", &s, &err), -1);
  assert_int_equal(sp_json_get_object(doc, "a", &v, &err), -1);
  assert_int_equal(sp_json_get_array(doc, "s", &v, &err), -1);
  json_t *array;
  assert_int_equal(sp_json_get_array(doc, "a", &array, &err), 0);
  assert_int_equal(sp_json_get_string(array, "s", &s, &err), -1); /* no object at all */
  assert_int_equal(err.code, SP_E_INVALID);
}

static void test_text_of_anybody(void **state)
{
  (void)state;
  static const struct {
    const char *in, *want;
  } rows[] = {{"", ""}, {"\xe2\x82\xac", "\xe2\x82\xac"}, {"a\xff\x1b", "a\\xff\\x1b"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    SP_AUTO_JSON json_t *value = sp_json_text(rows[i].in);
    assert_string_equal(json_string_value(value), rows[i].want);
  }
  SP_AUTO_JSON json_t *nothing = sp_json_text(NULL);
  assert_true(json_is_null(nothing));
}

static void assert_document(json_t *value, const char *want)
{
  SP_AUTO_JSON json_t *owned = value;
  SP_AUTO_FREE char *text = sp_json_print(owned, 0);
  assert_string_equal(text, want);
}

static void test_what_documents_are_made_of(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  assert_document(sp_json_number(7), "7");
  assert_document(sp_json_number(UINT64_MAX), "9223372036854775807");
  assert_document(sp_json_time(1700000000), "\"2023-11-14T22:13:20Z\"");
  assert_document(sp_json_time(0), "null");
  assert_document(sp_json_time(-1), "null");
  assert_document(sp_json_error(&err), "null");
  (void)sp_fail(&err, SP_E_AUTH, "no");
  assert_document(sp_json_error(&err), "{\"code\": \"auth\", \"message\": \"no\", "
                                       "\"http_status\": null, \"retry_after_ms\": null}");
  err.http_status = 401;
  err.retry_after_ms = 0;
  assert_document(sp_json_error(&err), "{\"code\": \"auth\", \"message\": \"no\", "
                                       "\"http_status\": 401, \"retry_after_ms\": 0}");
}

/* jansson's own functions leave out a key that finds no room, and go on. */
static void test_what_is_written_is_whole(void **state)
{
  (void)state;
  static const char want[] = "{\"key\":[1,{\"other\":\"text\"}],\"more\":null}";
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JSON json_t *doc = json_loads(want, 0, NULL);
  for (size_t room = 0; room <= sizeof want; room++) {
    SP_AUTO_BUF struct sp_buf out;
    sp_buf_init(&out, room);
    int rc = sp_json_write(doc, JSON_COMPACT, &out, &err);
    assert_int_equal(rc, room < sizeof want - 1 ? -1 : 0);
    assert_string_equal(sp_buf_str(&out), rc < 0 ? "" : want);
  }
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_null(sp_json_print(NULL, 0));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text_of_anybody),
      cmocka_unit_test(test_what_documents_are_made_of),
      cmocka_unit_test(test_what_is_written_is_whole),
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_refuses_raw_zero),
      cmocka_unit_test(test_complaint_quotes_nothing),
      cmocka_unit_test(test_depth),
      cmocka_unit_test(test_deep_bomb_is_cheap),
      cmocka_unit_test(test_memory_is_bounded),
      cmocka_unit_test(test_complaint_has_a_place_and_is_safe),
      cmocka_unit_test(test_members),
      cmocka_unit_test(test_members_of_the_wrong_type),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
