/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/index.h"

#include "base/json.h"
#include "oci/media_type.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HEAD "{\"schemaVersion\":2,\"mediaType\":\"" SP_MEDIA_OCI_INDEX "\",\"manifests\":["
#define ENTRY(rest) "{\"mediaType\":\"a/b\",\"digest\":\"sha256:" HEX "\",\"size\":7" rest "}"
#define NAMED(name) ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" name "\"}"

static struct sp_desc desc_of(const char *content)
{
  struct sp_err err;
  struct sp_desc desc = {.media_type = "a/b", .size_bytes = 7};
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, content, strlen(content), &desc.digest, &err), 0);
  return desc;
}

static void assert_text(const struct sp_index *index, const char *want)
{
  struct sp_err err;
  SP_AUTO_BUF struct sp_buf buf;
  sp_buf_init(&buf, 10000);
  assert_int_equal(sp_index_format(index, &buf, &err), 0);
  assert_string_equal(sp_buf_str(&buf), want);
}

static void test_refuses(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",
      "{}",
      "[]",
      "{\"manifests\":[]}",
      "{\"schemaVersion\":1,\"manifests\":[]}",
      "{\"schemaVersion\":2}",
      "{\"schemaVersion\":2,\"manifests\":{}}",
      "{\"schemaVersion\":2,\"manifests\":[],\"manifests\":[]}",
      "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}",
      "{\"schemaVersion\":2,\"manifests\":[],\"config\":{}}",
      "{\"schemaVersion\":2,\"manifests\":[],\"mediaType\":\"" SP_MEDIA_OCI_MANIFEST "\"}",
      "{\"schemaVersion\":2,\"manifests\":[],\"mediaType\":1}",
      "{\"schemaVersion\":2,\"manifests\":[]", /* torn */
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct sp_err err;
    struct sp_index *index = NULL;
    if (sp_index_parse(sp_span_str(bad[i]), &index, &err) == 0)
      fail_msg("accepted %s", bad[i]);
    assert_int_equal(err.code, SP_E_INVALID);
    assert_null(index);
  }
}

static void test_bad_entries_are_refused_when_read(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_desc desc;
  SP_AUTO_INDEX struct sp_index *index = NULL;
  assert_int_equal(
      sp_index_parse(sp_span_str(HEAD "7,{},null," ENTRY(NAMED("ok")) "]}"), &index, &err), 0);
  assert_int_equal(sp_index_count(index), 4);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(sp_index_get(index, i, &desc, &err), -1);
    assert_int_equal(err.code, SP_E_INVALID);
  }
  assert_int_equal(sp_index_get(index, 99, &desc, &err), -1);
  assert_int_equal(sp_index_find_name(index, "ok", &desc, &err), 0);
}

static void test_unknown_members_survive(void **state)
{
  (void)state;
  static const char text[] =
      "{\"schemaVersion\":2,\"x-new\":{\"a\":[1,2.5,null,\"\xc3\xa9\"]},\"manifests\":["
      "{\"digest\":\"sha256:" HEX "\",\"size\":7,\"mediaType\":\"a/b\",\"x\":true,"
      "\"annotations\":{\"org.opencontainers.image.ref.name\":\"v1\",\"io.other\":\"kept\"}}]}";
  struct sp_err err;
  SP_AUTO_INDEX struct sp_index *index = NULL;
  assert_int_equal(sp_index_parse(sp_span_str(text), &index, &err), 0);
  assert_text(index, text);
  /* Setting what is so already changes nothing. */
  struct sp_desc same = desc_of("");
  assert_int_equal(sp_index_set_name(index, "v1", &same, &err), 0);
  assert_text(index, text);
}

static void test_names(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_desc found;
  struct sp_desc a = desc_of("a");
  struct sp_desc b = desc_of("b");
  SP_AUTO_INDEX struct sp_index *index = NULL;
  assert_int_equal(sp_index_new(&index, &err), 0);
  assert_text(index, HEAD "]}");
  assert_int_equal(sp_index_find_name(index, "v1", &found, &err), -1);
  assert_int_equal(err.code, SP_E_NOT_FOUND);
  assert_int_equal(sp_index_set_name(index, "v1", &a, &err), 0);
  assert_int_equal(sp_index_set_name(index, "latest", &a, &err), 0);
  assert_int_equal(sp_index_count(index), 2);
  assert_int_equal(sp_index_set_name(index, "v1", &b, &err), 0);
  assert_int_equal(sp_index_count(index), 2);
  assert_int_equal(sp_index_find_name(index, "v1", &found, &err), 0);
  assert_true(sp_digest_eq(&found.digest, &b.digest));
  assert_string_equal(found.ref_name, "v1");
  assert_int_equal(sp_index_find_name(index, "latest", &found, &err), 0);
  assert_true(sp_digest_eq(&found.digest, &a.digest));
  assert_int_equal(sp_index_find_name(index, "v", &found, &err), -1);
}

static void test_set_name_ends_ambiguity(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_desc b = desc_of("b");
  SP_AUTO_INDEX struct sp_index *index = NULL;
  assert_int_equal(sp_index_parse(sp_span_str(HEAD ENTRY(NAMED("v1")) "," ENTRY() "," ENTRY(
                                      NAMED("v1")) "," ENTRY(NAMED("v1")) "]}"),
                                  &index, &err),
                   0);
  assert_int_equal(sp_index_set_name(index, "v1", &b, &err), 0);
  assert_int_equal(sp_index_count(index), 2);
  struct sp_desc found;
  assert_int_equal(sp_index_get(index, 0, &found, &err), 0);
  assert_true(sp_digest_eq(&found.digest, &b.digest));
}

static void test_add_once(void **state)
{
  (void)state;
  struct sp_err err;
  bool added;
  struct sp_desc a = desc_of("a");
  struct sp_desc empty = desc_of("");
  SP_AUTO_INDEX struct sp_index *index = NULL;
  SP_AUTO_JSON json_t *raw = NULL;
  assert_int_equal(sp_index_new(&index, &err), 0);
  assert_int_equal(sp_index_add(index, &a, &added, &err), 0);
  assert_true(added);
  assert_int_equal(sp_index_add(index, &a, &added, &err), 0);
  assert_false(added);
  assert_int_equal(
      sp_json_parse(sp_span_str(ENTRY(",\"annotations\":{\"k\":\"v\"},\"n\":1")), &raw, &err), 0);
  assert_int_equal(sp_index_add_raw(index, raw, &added, &err), 0);
  assert_true(added);
  assert_int_equal(sp_index_add_raw(index, raw, &added, &err), 0);
  assert_false(added);
  assert_int_equal(sp_index_add(index, &empty, &added, &err), 0);
  assert_false(added);
  assert_int_equal(sp_index_count(index), 2);
  json_object_clear(raw); /* the index has a copy of its own */
  SP_AUTO_BUF struct sp_buf buf;
  sp_buf_init(&buf, 10000);
  assert_int_equal(sp_index_format(index, &buf, &err), 0);
  assert_non_null(strstr(sp_buf_str(&buf), ENTRY(",\"annotations\":{\"k\":\"v\"},\"n\":1")));
  assert_int_equal(sp_index_add_raw(index, raw, &added, &err), -1);
  assert_int_equal(err.code, SP_E_INVALID);
}

static void test_format_obeys_the_ceiling(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_INDEX struct sp_index *index = NULL;
  SP_AUTO_BUF struct sp_buf buf;
  assert_int_equal(sp_index_new(&index, &err), 0);
  sp_buf_init(&buf, 20);
  assert_int_equal(sp_buf_append_str(&buf, "kept", &err), 0);
  assert_int_equal(sp_index_format(index, &buf, &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_string_equal(sp_buf_str(&buf), "kept");
}

/* A piece that finds no room is not followed by one that does. */
static void test_format_is_whole_or_fails(void **state)
{
  (void)state;
  static const char text[] =
      "{\"schemaVersion\":2,\"manifests\":[],\"a-key-longer-than-what-follows\":1}";
  struct sp_err err;
  SP_AUTO_INDEX struct sp_index *index = NULL;
  assert_int_equal(sp_index_parse(sp_span_str(text), &index, &err), 0);
  assert_text(index, text);
  for (size_t max_bytes = 0; max_bytes < strlen(text); max_bytes++) {
    SP_AUTO_BUF struct sp_buf buf;
    sp_buf_init(&buf, max_bytes);
    if (sp_index_format(index, &buf, &err) == 0)
      fail_msg("%zu bytes: %s", max_bytes, sp_buf_str(&buf));
    assert_int_equal(err.code, SP_E_LIMIT);
    assert_int_equal(buf.len, 0);
  }
}

static void test_null_list(void **state)
{
  (void)state;
  struct sp_err err;
  bool added;
  struct sp_desc a = desc_of("a");
  SP_AUTO_INDEX struct sp_index *index = NULL;
  assert_int_equal(
      sp_index_parse(sp_span_str("{\"schemaVersion\":2,\"manifests\":null}"), &index, &err), 0);
  assert_int_equal(sp_index_count(index), 0);
  assert_int_equal(sp_index_add(index, &a, &added, &err), 0);
  assert_int_equal(sp_index_count(index), 1);
}

/* Who holds the document that another index was made of sees no change. */
static void test_a_change_leaves_what_it_was_made_of(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_desc a = desc_of("a");
  struct sp_desc b = desc_of("b");
  SP_AUTO_INDEX struct sp_index *before = NULL;
  SP_AUTO_INDEX struct sp_index *after = NULL;
  struct sp_desc found;
  bool added;
  assert_int_equal(sp_index_new(&before, &err), 0);
  assert_int_equal(sp_index_set_name(before, "v1", &a, &err), 0);
  assert_int_equal(sp_index_set_name(before, "v2", &a, &err), 0);
  SP_AUTO_FREE char *text = json_dumps(sp_index_doc(before), JSON_COMPACT);
  assert_int_equal(sp_index_of(sp_index_doc(before), &after, &err), 0);
  assert_text(after, text);
  assert_int_equal(sp_index_set_name(after, "v1", &b, &err), 0);
  assert_int_equal(sp_index_set_name(after, "v3", &b, &err), 0);
  assert_int_equal(sp_index_add(after, &b, &added, &err), 0);
  assert_text(before, text);
  assert_int_equal(sp_index_find_name(after, "v1", &found, &err), 0);
  assert_true(sp_digest_eq(&found.digest, &b.digest));
}

static void test_refuses_a_document_that_is_no_index(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_INDEX struct sp_index *index = NULL;
  SP_AUTO_JSON json_t *doc = json_pack("{s:i, s:[]}", "schemaVersion", 1, "manifests");
  assert_int_equal(sp_index_of(doc, &index, &err), -1);
  assert_int_equal(err.code, SP_E_INVALID);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_bad_entries_are_refused_when_read),
      cmocka_unit_test(test_unknown_members_survive),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_set_name_ends_ambiguity),
      cmocka_unit_test(test_add_once),
      cmocka_unit_test(test_format_obeys_the_ceiling),
      cmocka_unit_test(test_format_is_whole_or_fails),
      cmocka_unit_test(test_null_list),
      cmocka_unit_test(test_a_change_leaves_what_it_was_made_of),
      cmocka_unit_test(test_refuses_a_document_that_is_no_index),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
