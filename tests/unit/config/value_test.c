/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/value.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define DAY 86400

static void test_durations(void **state)
{
  (void)state;
  static const char *const bad[] = {"",
                                    "15",
                                    "m",
                                    "1",
                                    "1x",
                                    "1d1d",
                                    "1h1d",
                                    "-1d",
                                    "1 d",
                                    " 1d",
                                    "1d ",
                                    "1.5h",
                                    "1D",
                                    "1mo",
                                    "1dh",
                                    "1h 5m",
                                    "1y",
                                    "0x1d",
                                    "5300w",
                                    "99999999999999999999d",
                                    "9223372036854775807w"};
  static const struct {
    const char *text;
    int64_t seconds;
    const char *again;
  } good[] = {
      {"0s", 0, "0s"},
      {"15m", 900, "15m"},
      {"7d", 7 * DAY, "7d"},
      {"1w", 7 * DAY, "7d"},
      {"1h30m", 5400, "1h30m"},
      {"90s", 90, "1m30s"},
      {"24h", DAY, "1d"},
      {"1w1d1h1m1s", 8 * DAY + 3661, "8d1h1m1s"},
      {"0090d", 90 * DAY, "90d"},
  };
  int64_t seconds;
  for (size_t i = 0; i < COUNT(bad); i++) {
    if (sp_value_parse_duration(sp_span_str(bad[i]), &seconds))
      fail_msg("took '%s'", bad[i]);
  }
  for (size_t i = 0; i < COUNT(good); i++) {
    char text[SP_VALUE_TEXT_MAX];
    assert_true(sp_value_parse_duration(sp_span_str(good[i].text), &seconds));
    assert_int_equal(seconds, good[i].seconds);
    sp_value_format_duration(seconds, text);
    assert_string_equal(text, good[i].again);
  }
}

static void test_percents(void **state)
{
  (void)state;
  static const char *const bad[] = {"", "%", "101", "101%", "-1", "1.5%", "5 %", "%5", "5%%", "x"};
  uint32_t percent;
  for (size_t i = 0; i < COUNT(bad); i++) {
    if (sp_value_parse_percent(sp_span_str(bad[i]), &percent))
      fail_msg("took '%s'", bad[i]);
  }
  assert_true(sp_value_parse_percent(SP_SPAN_LIT("0"), &percent) && percent == 0);
  assert_true(sp_value_parse_percent(SP_SPAN_LIT("20%"), &percent) && percent == 20);
  assert_true(sp_value_parse_percent(SP_SPAN_LIT("100%"), &percent) && percent == 100);
}

static void test_dates(void **state)
{
  (void)state;
  static const char *const bad[] = {"",           "2026",       "2026-9-1",   "2026-13-01",
                                    "2026-02-30", "2025-02-29", "1969-12-31", "2026-09-01T",
                                    "2026-09-0x", "01.09.2026", "2026/09/01"};
  static const struct {
    const char *text;
    int64_t unix_s;
  } good[] = {{"1970-01-01", 0}, {"2024-02-29", 1709164800}, {"2026-09-01", 1788220800}};
  int64_t unix_s;
  for (size_t i = 0; i < COUNT(bad); i++) {
    if (sp_value_parse_date(sp_span_str(bad[i]), &unix_s))
      fail_msg("took '%s'", bad[i]);
  }
  for (size_t i = 0; i < COUNT(good); i++) {
    char text[SP_VALUE_TEXT_MAX];
    assert_true(sp_value_parse_date(sp_span_str(good[i].text), &unix_s));
    assert_int_equal(unix_s, good[i].unix_s);
    sp_value_format_date(unix_s, text);
    assert_string_equal(text, good[i].text);
  }
}

static void test_sizes(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",   "KiB",   "4MB",    "4 MiB",          "4mib",
      "4M", "-4MiB", "4.5MiB", "99999999999GiB", "18446744073709551616"};
  static const struct {
    const char *text;
    uint64_t bytes;
    const char *again;
  } good[] = {{"0", 0, "0"},
              {"1", 1, "1"},
              {"1023", 1023, "1023"},
              {"1024", 1024, "1KiB"},
              {"4MiB", 4194304, "4MiB"},
              {"1024MiB", UINT64_C(1) << 30, "1GiB"},
              {"1536KiB", 1572864, "1536KiB"}};
  uint64_t bytes;
  for (size_t i = 0; i < COUNT(bad); i++) {
    if (sp_value_parse_size(sp_span_str(bad[i]), &bytes))
      fail_msg("took '%s'", bad[i]);
  }
  for (size_t i = 0; i < COUNT(good); i++) {
    char text[SP_VALUE_TEXT_MAX];
    assert_true(sp_value_parse_size(sp_span_str(good[i].text), &bytes));
    assert_true(bytes == good[i].bytes);
    sp_value_format_size(bytes, text);
    assert_string_equal(text, good[i].again);
  }
}

static void test_variables(void **state)
{
  (void)state;
  static const char *const bad[] = {"",    "$",   "$$",    "$1",  "$a b", "$a-b",  "${", "${}",
                                    "${a", "$a}", "${1a}", "a$b", "$a$b", "${a}b", "x",  "${a b}"};
  struct sp_span name;
  for (size_t i = 0; i < COUNT(bad); i++) {
    if (sp_value_parse_variable(sp_span_str(bad[i]), &name))
      fail_msg("took '%s'", bad[i]);
  }
  assert_true(sp_value_parse_variable(SP_SPAN_LIT("$TOKEN_2"), &name));
  assert_true(sp_span_eq_str(name, "TOKEN_2"));
  assert_true(sp_value_parse_variable(SP_SPAN_LIT("${_x}"), &name));
  assert_true(sp_span_eq_str(name, "_x"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_durations), cmocka_unit_test(test_percents),
      cmocka_unit_test(test_dates),     cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_variables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
