/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/platform.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_refuses(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",
      "linux",
      "/",
      "linux/",
      "/amd64",
      "linux//v7",
      "linux/arm/",
      "linux/arm/v7/x",
      "li nux/a",
      "linux/a\x1b",
      "linux/amd64\n",
      "0123456789012345678901234567890123456789012345678901234567890123/amd64"};
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct sp_err err;
    struct sp_platform platform;
    if (sp_platform_parse(sp_span_str(bad[i]), &platform, &err) == 0)
      fail_msg("accepted '%s'", bad[i]);
    assert_int_equal(err.code, SP_E_USAGE);
    assert_null(strchr(err.msg, '\x1b'));
  }
}

static void test_round_trip(void **state)
{
  (void)state;
  static const char *const good[] = {"linux/amd64", "linux/arm/v7", "windows/amd64",
                                     "unknown/unknown", "linux/riscv64/rva20u64"};
  for (size_t i = 0; i < COUNT(good); i++) {
    struct sp_err err;
    struct sp_platform platform;
    char text[SP_PLATFORM_TEXT_MAX];
    assert_int_equal(sp_platform_parse(sp_span_str(good[i]), &platform, &err), 0);
    sp_platform_format(&platform, text);
    assert_string_equal(text, good[i]);
  }
}

static void test_format_of_half_a_platform(void **state)
{
  (void)state;
  char text[SP_PLATFORM_TEXT_MAX];
  sp_platform_format(&(struct sp_platform){0}, text);
  assert_string_equal(text, "unknown");
  sp_platform_format(&(struct sp_platform){.architecture = "amd64"}, text);
  assert_string_equal(text, "unknown/amd64");
}

static void test_matches(void **state)
{
  (void)state;
  static const struct {
    const char *have, *want;
    bool matches;
  } cases[] = {
      {"linux/amd64", "linux/arm64", false},       {"windows/amd64", "linux/amd64", false},
      {"linux/amd64", "linux/amd64", true},        {"linux/arm64", "linux/arm64/v8", true},
      {"linux/arm64/v8", "linux/arm64", true},     {"linux/arm64/v9", "linux/arm64", true},
      {"linux/arm64/v9", "linux/arm64/v8", false}, {"linux/amd64", "linux/amd64/v1", true},
      {"linux/amd64", "linux/amd64/v3", false},    {"linux/arm/v6", "linux/arm/v7", false},
      {"linux/arm", "linux/arm/v7", false},        {"linux/arm/v7", "linux/arm", true},
      {"unknown/unknown", "linux/amd64", false},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct sp_err err;
    struct sp_platform have;
    struct sp_platform want;
    assert_int_equal(sp_platform_parse(sp_span_str(cases[i].have), &have, &err), 0);
    assert_int_equal(sp_platform_parse(sp_span_str(cases[i].want), &want, &err), 0);
    assert_int_equal(sp_platform_matches(&have, &want), cases[i].matches);
  }
  struct sp_platform old = {.os = "windows", .architecture = "amd64", .os_version = "10.0.1"};
  struct sp_platform any = {.os = "windows", .architecture = "amd64"};
  struct sp_platform new = {.os = "windows", .architecture = "amd64", .os_version = "10.0.2"};
  assert_true(sp_platform_matches(&old, &any));
  assert_false(sp_platform_matches(&old, &new));
  assert_false(sp_platform_matches(&any, &new));
}

static void test_unknown(void **state)
{
  (void)state;
  assert_true(
      sp_platform_is_unknown(&(struct sp_platform){.os = "unknown", .architecture = "unknown"}));
  assert_false(
      sp_platform_is_unknown(&(struct sp_platform){.os = "linux", .architecture = "unknown"}));
  assert_false(sp_platform_is_unknown(&(struct sp_platform){0}));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_format_of_half_a_platform),
      cmocka_unit_test(test_matches),
      cmocka_unit_test(test_unknown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
