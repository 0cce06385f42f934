/* SPDX-License-Identifier: Apache-2.0 */
#include "http/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void content_ranges(void **state)
{
  (void)state;
  static const struct {
    const char *value;
    int rc;
    struct sp_content_range want;
  } rows[] = {
      {"", -1, {0}},
      {"bytes", -1, {0}},
      {"bytes */100", -1, {0}},
      {"bytes 0-99", -1, {0}},
      {"bytes 5-4/100", -1, {0}},
      {"bytes 0-100/100", -1, {0}},
      {"bytes 0-99/", -1, {0}},
      {"bytes -5-99/100", -1, {0}},
      {"bytes 0-+9/100", -1, {0}},
      {"bytes 0-99/100 ", -1, {0}},
      {"bytes 0 - 99/100", -1, {0}},
      {"items 0-99/100", -1, {0}},
      {"bytes=0-99/100", -1, {0}},
      {"bytes 0-18446744073709551615/*", -1, {0}},
      {"bytes 0-18446744073709551616/*", -1, {0}},
      {"bytes 0-99/1000", 0, {0, 99, true, 1000}},
      {"Bytes 99-99/100", 0, {99, 99, true, 100}},
      {"bytes 7-18446744073709551614/*", 0, {7, UINT64_MAX - 1, false, 0}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_content_range got = {0};
    if (sp_range_parse_content_range(sp_span_str(rows[i].value), &got) != rows[i].rc)
      fail_msg("'%s'", rows[i].value);
    assert_int_equal(got.first, rows[i].want.first);
    assert_int_equal(got.last, rows[i].want.last);
    assert_int_equal(got.has_total, rows[i].want.has_total);
    assert_int_equal(got.total, rows[i].want.total);
  }
}

static void upload_ranges(void **state)
{
  (void)state;
  static const struct {
    const char *value;
    int rc;
    uint64_t held;
  } rows[] = {
      {"", -1, 0},
      {"0-0", -1, 0},
      {"1-5", -1, 0},
      {"0", -1, 0},
      {"-5", -1, 0},
      {"0-x", -1, 0},
      {"0--1", -1, 0},
      {"0-18446744073709551615", -1, 0},
      {"0-1", 0, 2},
      {"0-1023", 0, 1024},
      {"bytes=0-1023", 0, 1024},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    uint64_t held = 0;
    if (sp_range_parse_upload(sp_span_str(rows[i].value), &held) != rows[i].rc)
      fail_msg("'%s'", rows[i].value);
    assert_int_equal(held, rows[i].held);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(content_ranges),
      cmocka_unit_test(upload_ranges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
