/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/reference.h"
#include "policy/tag_kind.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_special(void **state)
{
  (void)state;
  static const char *const special[] = {
      "safeport-record",
      "safeport-latest-20261123T101500Z",
      "safeport-a-b-20261123T101500Z",
      "sha256-" HEX,
      "sha256-" HEX ".sig",
      "safeport-x-19700101T000000Z",
      "safeport-_-20240229T235959Z",
  };
  /* A product of the name safeport has tags of its own. */
  static const char *const ordinary[] = {
      "safeport",
      "safeport-1.0",
      "safeport-records",
      "safeport-latest",
      "safeport-20261123T101500Z",
      "safeport--20261123T101500Z",
      "safeport-.-20261123T101500Z",
      "safeport-latest-20261123T101500",
      "safeport-latest-20261123T1015000",
      "safeport-latest-20261323T101500Z",
      "safeport-latest-20260230T101500Z",
      "safeport-latest-20261123T251500Z",
      "safeport-latest-2026112XT101500Z",
      "Safeport-latest-20261123T101500Z",
      "sha256-abc",
      "sha-a1b2c3d",
      "latest",
      "",
  };
  for (size_t i = 0; i < COUNT(special); i++) {
    if (!sp_tag_is_special(special[i]))
      fail_msg("'%s' is special", special[i]);
  }
  for (size_t i = 0; i < COUNT(ordinary); i++) {
    if (sp_tag_is_special(ordinary[i]))
      fail_msg("'%s' is an ordinary tag", ordinary[i]);
  }
}

static void check_history(const char *tag, int64_t unix_s, const char *want)
{
  char history[SP_MAX_TAG + 1];
  struct sp_span base;
  int64_t back_s = -1;
  sp_history_tag_format(tag, unix_s, history);
  if (want)
    assert_string_equal(history, want);
  if (!sp_ref_is_tag(sp_span_str(history)) || !sp_history_tag_parse(history, &base, &back_s))
    fail_msg("'%s' is no history tag", history);
  assert_int_equal(back_s, unix_s);
  assert_memory_equal(base.ptr, tag, base.len);
  assert_int_equal(base.len, strnlen(tag, SP_HISTORY_BASE_MAX));
}

static void test_history(void **state)
{
  (void)state;
  char longest[SP_MAX_TAG + 1];
  memset(longest, 'a', SP_MAX_TAG);
  longest[SP_MAX_TAG] = '\0';
  check_history("latest", 1795428900, "safeport-latest-20261123T101500Z");
  check_history("x", 0, "safeport-x-19700101T000000Z");
  check_history("a-b_c.d", 253402300799, "safeport-a-b_c.d-99991231T235959Z");
  check_history(longest, 1795428900, NULL);
}

static void test_fixed_by_default(void **state)
{
  (void)state;
  static const char *const fixed[] = {"1.2.3", "v1.2.3-rc1", "a1b2c3d", "sha-a1b2c3d"};
  static const char *const moving[] = {"latest",      "main",
                                       "v1",          "1.2",
                                       "sha256-" HEX, "safeport-record",
                                       "nightly",     "sha256-" HEX ".sig"};
  for (size_t i = 0; i < COUNT(fixed); i++)
    assert_true(sp_tag_is_fixed(NULL, fixed[i]));
  for (size_t i = 0; i < COUNT(moving); i++)
    assert_false(sp_tag_is_fixed(NULL, moving[i]));
}

static void test_fixed_as_declared(void **state)
{
  (void)state;
  SP_CLEANUP(sp_pattern_list_clear_auto_) struct sp_pattern_list list = {0};
  struct sp_err err = SP_ERR_INIT;
  assert_false(sp_tag_is_fixed(&list, "1.2.3"));
  assert_int_equal(sp_pattern_list_add(&list, SP_SPAN_LIT("glob:v*"), &err), 0);
  assert_true(sp_tag_is_fixed(&list, "v1"));
  assert_false(sp_tag_is_fixed(&list, "1.2.3"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_special),
      cmocka_unit_test(test_history),
      cmocka_unit_test(test_fixed_by_default),
      cmocka_unit_test(test_fixed_as_declared),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
