/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "base/clock.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_rfc3339_refuses(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",
      "2026-11-23",
      "2026-11-23T10:15:00",
      "2026-11-23 10:15:00Z",
      "2026-11-23T10:15:00Zx",
      "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z",
      "2026-02-29T00:00:00Z",
      "2100-02-29T00:00:00Z",
      "2026-04-31T00:00:00Z",
      "2026-04-00T00:00:00Z",
      "2026-04-01T24:00:00Z",
      "2026-04-01T00:60:00Z",
      "2026-04-01T00:00:61Z",
      "2026-04-01T00:00:00.Z",
      "2026-04-01T00:00:00+0200",
      "2026-04-01T00:00:00+24:00",
      "2026-04-01T00:00:00+02:60",
      "+026-04-01T00:00:00Z",
      "2026-4-01T00:00:00Z",
      "20260401T000000Z",
      "2026-04-01T 0:00:00Z",
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    int64_t t = 42;
    assert_int_equal(sp_clock_parse_rfc3339(bad[i], &t), -1);
    assert_int_equal(t, 42);
  }
}

static void test_rfc3339_reads(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    int64_t want;
  } cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"1969-12-31T23:59:59Z", -1},
      {"2000-02-29T12:00:00Z", 951825600},
      {"2026-11-23T10:15:00Z", 1795428900},
      {"2026-11-23T10:15:00.123456789Z", 1795428900},
      {"2026-11-23t12:15:00.5+02:00", 1795428900},
      {"2026-11-23T04:45:00-05:30", 1795428900},
      {"2016-12-31T23:59:60z", 1483228800},
      {"0001-01-01T00:00:00Z", -62135596800}, /* Go's zero time */
      {"9999-12-31T23:59:59Z", 253402300799},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t t;
    assert_int_equal(sp_clock_parse_rfc3339(cases[i].text, &t), 0);
    assert_int_equal(t, cases[i].want);
  }
}

static void test_rfc3339_round_trip(void **state)
{
  (void)state;
  for (int64_t t = -62135596800; t < 253402300799; t += 86400 * 97 + 12345) {
    char text[SP_RFC3339_MAX];
    int64_t back;
    time_t libc = t;
    struct tm tm;
    sp_clock_format_rfc3339(t, text);
    if (t < -30610224000) /* before the year 1000 %Y is shorter: not a format we promise */
      continue;
    assert_int_equal(sp_clock_parse_rfc3339(text, &back), 0);
    assert_int_equal(back, t);
    assert_int_equal(timegm(gmtime_r(&libc, &tm)), back);
  }
  char text[SP_RFC3339_MAX];
  sp_clock_format_rfc3339(INT64_MAX, text); /* no such year: no text, no crash */
  assert_string_equal(text, "");
}

static void test_http_date(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",
      "0",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Nov 1994 08:49:37 UTC",
      "Sun, 06 Nov 1994 08:49:37 GMT ",
      "Sun, 31 Nov 1994 08:49:37 GMT",
      "Sun, 06 Foo 1994 08:49:37 GMT",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Xxx, 06 Nov 1994 08:49:37 GMT",
  };
  int64_t t = 42;
  for (size_t i = 0; i < COUNT(bad); i++)
    assert_int_equal(sp_clock_parse_http_date(bad[i], &t), -1);
  assert_int_equal(t, 42);
  assert_int_equal(sp_clock_parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", &t), 0);
  assert_int_equal(t, 784111777);
}

static void test_clocks_run(void **state)
{
  (void)state;
  int64_t mono = sp_clock_mono_ms();
  struct timespec nap = {.tv_nsec = 20 * 1000 * 1000};
  nanosleep(&nap, NULL);
  assert_true(sp_clock_mono_ms() - mono >= 19);
  assert_in_range(sp_clock_wall_s() - time(NULL) + 2, 0, 4);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rfc3339_refuses),    cmocka_unit_test(test_rfc3339_reads),
      cmocka_unit_test(test_rfc3339_round_trip), cmocka_unit_test(test_http_date),
      cmocka_unit_test(test_clocks_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
