/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/image.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID "\"Id\":\"sha256:" HEX "\""

static const struct {
  const char *text;
  int64_t size_bytes; /* -1: refused */
} rows[] = {
    {"", -1},
    {"[]", -1},
    {"{}", -1},
    {"{\"Id\":7}", -1},
    {"{\"Id\":null}", -1},
    {"{\"Id\":\"" HEX "\"}", -1},
    {"{\"Id\":\"sha256:../../x\"}", -1},
    {"{\"Id\":\"md5:" HEX "\"}", -1},
    {"{" ID ",\"Size\":\"1\"}", -1},
    {"{" ID ",\"Size\":1.5}", -1},
    {"{" ID ",\"Size\":99999999999999999999}", -1},
    {"{" ID "," ID "}", -1},
    {"{" ID "}", 0},
    {"{" ID ",\"Size\":-5,\"RootFS\":null}", 0},
    {"{" ID ",\"Size\":5,\"New\":{}}", 5},
};

static void test_parse(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sp_engine_image image;
    struct sp_err err = SP_ERR_INIT;
    int rc = sp_engine_image_parse(sp_span_str(rows[i].text), &image, &err);
    if ((rc == 0) != (rows[i].size_bytes >= 0))
      fail_msg("%s: %d %s", rows[i].text, rc, err.msg);
    if (rc == 0)
      assert_int_equal(image.size_bytes, rows[i].size_bytes);
    else
      assert_true(err.code == SP_E_INVALID || err.code == SP_E_UNSUPPORTED);
  }
}

static void test_platform(void **state)
{
  (void)state;
  static const struct {
    const char *text, *platform; /* NULL: refused */
  } versions[] = {
      {"", NULL},
      {"[]", NULL},
      {"{\"Os\":\"linux\"}", NULL},
      {"{\"Os\":\"\",\"Arch\":\"amd64\"}", NULL},
      {"{\"Os\":\"linux\",\"Arch\":7}", NULL},
      {"{\"Os\":\"linux\",\"Arch\":\"" HEX HEX "\"}", NULL},
      {"{\"Os\":\"linux\",\"Arch\":\"arm64\",\"Version\":\"20.10.24\"}", "linux/arm64"},
  };
  for (size_t i = 0; i < COUNT(versions); i++) {
    struct sp_platform platform = {0};
    struct sp_err err = SP_ERR_INIT;
    char text[SP_PLATFORM_TEXT_MAX];
    int rc = sp_engine_platform_parse(sp_span_str(versions[i].text), &platform, &err);
    if ((rc == 0) != (versions[i].platform != NULL))
      fail_msg("%s: %d %s", versions[i].text, rc, err.msg);
    if (rc < 0) {
      assert_int_equal(err.code, SP_E_PROTOCOL);
      assert_string_equal(platform.os, "");
      continue;
    }
    sp_platform_format(&platform, text);
    assert_string_equal(text, versions[i].platform);
  }
}

static void near(const char *list, const char *wanted, const char *expected)
{
  char out[SP_ENGINE_NEAR_MAX];
  sp_engine_image_near(sp_span_str(list), wanted, out);
  assert_string_equal(out, expected);
}

static void test_near(void **state)
{
  (void)state;
  near("", "library/app", "");
  near("{}", "library/app", "");
  near("[7,{\"RootFS\":{}},{\"RepoTags\":null},{\"RepoTags\":[7,\"<none>:<none>\"]}]",
       "library/app", "");
  near("[{\"RepoTags\":[\"other:1\",\"app:v2\"]},{\"RepoTags\":[\"localhost/app:latest\"]}]",
       "library/app", "'app:v2', 'localhost/app:latest'");
  near("[{\"RepoTags\":[\"app:1\",\"app:2\",\"app:3\",\"app:4\"]}]", "library/app",
       "'app:1', 'app:2', 'app:3'");
  near("[{\"RepoTags\":[\"ghcr.io/o/app:1\"]}]", "me/app", "'ghcr.io/o/app:1'");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse),
      cmocka_unit_test(test_platform),
      cmocka_unit_test(test_near),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
