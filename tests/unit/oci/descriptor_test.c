/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "oci/descriptor.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define GOOD "\"mediaType\":\"a/b\",\"digest\":\"" DIGEST "\",\"size\":3"

static int read_desc(const char *text, struct sp_desc *out, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  if (sp_json_parse(sp_span_str(text), &doc, err) < 0)
    fail_msg("not JSON: %s", text);
  return sp_desc_from_json(doc, out, err);
}

static void test_refuses(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    enum sp_code code;
  } cases[] = {
      {"{}", SP_E_INVALID},
      {"[]", SP_E_INVALID},
      {"{\"digest\":\"" DIGEST "\",\"size\":3}", SP_E_INVALID},
      {"{\"mediaType\":\"\",\"digest\":\"" DIGEST "\",\"size\":3}", SP_E_INVALID},
      {"{\"mediaType\":7,\"digest\":\"" DIGEST "\",\"size\":3}", SP_E_INVALID},
      {"{\"mediaType\":\"text\",\"digest\":\"" DIGEST "\",\"size\":3}", SP_E_INVALID},
      {"{\"mediaType\":\"a/b\\r\\nX: y\",\"digest\":\"" DIGEST "\",\"size\":3}", SP_E_INVALID},
      {"{\"mediaType\":\"a/b; x=\\r\\ny\",\"digest\":\"" DIGEST "\",\"size\":3}", SP_E_INVALID},
      {"{\"mediaType\":\"a/b\",\"size\":3}", SP_E_INVALID},
      {"{\"mediaType\":\"a/b\",\"digest\":null,\"size\":3}", SP_E_INVALID},
      {"{\"mediaType\":\"a/b\",\"digest\":\"sha256:../../x\",\"size\":3}", SP_E_INVALID},
      {"{\"mediaType\":\"a/b\",\"digest\":\"md5:abc\",\"size\":3}", SP_E_UNSUPPORTED},
      {"{\"mediaType\":\"a/b\",\"digest\":\"" DIGEST "\"}", SP_E_INVALID},
      {"{\"mediaType\":\"a/b\",\"digest\":\"" DIGEST "\",\"size\":-1}", SP_E_INVALID},
      {"{\"mediaType\":\"a/b\",\"digest\":\"" DIGEST "\",\"size\":1.5}", SP_E_INVALID},
      {"{\"mediaType\":\"a/b\",\"digest\":\"" DIGEST "\",\"size\":1e3}", SP_E_INVALID},
      {"{\"mediaType\":\"a/b\",\"digest\":\"" DIGEST "\",\"size\":\"3\"}", SP_E_INVALID},
      {"{" GOOD ",\"platform\":\"linux\"}", SP_E_INVALID},
      {"{" GOOD ",\"platform\":{\"os\":1}}", SP_E_INVALID},
      {"{" GOOD ",\"urls\":\"http://x\"}", SP_E_INVALID},
      {"{" GOOD ",\"annotations\":[]}", SP_E_INVALID},
      {"{" GOOD ",\"artifactType\":\"no type\"}", SP_E_INVALID},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_err err;
    struct sp_desc desc;
    if (read_desc(cases[i].text, &desc, &err) == 0)
      fail_msg("accepted %s", cases[i].text);
    assert_int_equal(err.code, cases[i].code);
  }
}

static void test_reads_all_members(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_desc desc;
  assert_int_equal(
      read_desc("{\"mediaType\":\"text/plain; charset=x\",\"digest\":\"" DIGEST
                "\",\"size\":9223372036854775807,\"artifactType\":\"x/y\",\"urls\":[\"http://z\"],"
                "\"platform\":{\"os\":\"windows\",\"architecture\":\"amd64\",\"variant\":\"v2\","
                "\"os.version\":\"10.0\",\"os.features\":[\"w\"]},"
                "\"annotations\":{\"org.opencontainers.image.ref.name\":\"v1\"},\"data\":\"e30=\"}",
                &desc, &err),
      0);
  assert_string_equal(desc.media_type, "text/plain; charset=x");
  assert_string_equal(desc.artifact_type, "x/y");
  assert_true(desc.size_bytes == INT64_MAX);
  assert_true(desc.has_urls);
  assert_true(desc.has_platform);
  assert_string_equal(desc.platform.os, "windows");
  assert_string_equal(desc.platform.variant, "v2");
  assert_string_equal(desc.platform.os_version, "10.0");
  assert_string_equal(desc.ref_name, "v1");
}

static void test_harmless_oddities(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_desc desc;
  assert_int_equal(read_desc("{" GOOD ",\"urls\":[],\"platform\":null,\"artifactType\":\"\","
                             "\"annotations\":{\"org.opencontainers.image.ref.name\":"
                             "\"docker.io/library/x:1\"}}",
                             &desc, &err),
                   0);
  assert_false(desc.has_urls);
  assert_false(desc.has_platform);
  assert_string_equal(desc.ref_name, ""); /* a name, but no tag */
  assert_string_equal(desc.artifact_type, "");
  assert_int_equal(read_desc("{" GOOD ",\"platform\":{\"os\":\"\\u001b[31m\"}}", &desc, &err), 0);
  assert_string_equal(desc.platform.os, "\\x1b[31m");
  assert_int_equal(read_desc("{" GOOD
                             ",\"platform\":{\"os\":\"0123456789012345678901234567890123456789"
                             "0123456789012345678901234567890123456789\"}}",
                             &desc, &err),
                   0);
  assert_string_equal(desc.platform.os + SP_PLATFORM_PART_MAX - 4, "...");
}

static void test_round_trip(void **state)
{
  (void)state;
  static const char *const texts[] = {
      "{" GOOD "}",
      "{" GOOD ",\"artifactType\":\"x/y\"}",
      "{" GOOD ",\"platform\":{\"architecture\":\"arm\",\"os\":\"linux\",\"variant\":\"v7\"}}",
  };
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct sp_err err;
    struct sp_desc desc;
    SP_AUTO_JSON json_t *obj = NULL;
    assert_int_equal(read_desc(texts[i], &desc, &err), 0);
    assert_int_equal(sp_desc_to_json(&desc, &obj, &err), 0);
    SP_AUTO_FREE char *text = json_dumps(obj, JSON_COMPACT);
    assert_string_equal(text, texts[i]);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_reads_all_members),
      cmocka_unit_test(test_harmless_oddities),
      cmocka_unit_test(test_round_trip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
