/* SPDX-License-Identifier: Apache-2.0 */
#include "http/retry_after.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW 1700000000 /* Tue, 14 Nov 2023 22:13:20 GMT */

static void one_value(void **state)
{
  (void)state;
  static const struct {
    const char *value;
    int64_t ms;
  } rows[] = {
      {"", -1},
      {" ", -1},
      {"-5", -1},
      {"soon", -1},
      {".", -1},
      {"1x", -1},
      {"1.2.3", -1},
      {"1m-1s", -1},
      {"s", -1},
      {"0", 0},
      {"2", 2000},
      {" 2 ", 2000},
      {"0.5", 500},
      {"1.0001", 1001},
      {"985.86us", 1},
      {"1ns", 1},
      {"0s", 0},
      {"15ms", 15},
      {"1m30s", 90000},
      {"1h", 3600000},
      {"1.5s", 1500},
      {"3\xC2\xB5s", 1},
      {"1000000000", 1000000000000},
      {"1700000060", 60000},
      {"1699999999", 0},
      {"99999999999999999999", 9000000000000000},
      {"Tue, 14 Nov 2023 22:14:20 GMT", 60000},
      {"Tue, 14 Nov 2023 22:12:20 GMT", 0},
      {"Tue, 14 Nov 2023", -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int64_t ms = sp_retry_after_parse(sp_span_str(rows[i].value), NOW);
    if (ms != rows[i].ms)
      fail_msg("'%s': %lld", rows[i].value, (long long)ms);
  }
}

static void a_whole_answer(void **state)
{
  (void)state;
  static const struct {
    const char *lines[3];
    const char *body;
    int64_t ms;
  } rows[] = {
      {{NULL}, "", -1},
      {{"Retry-After: 2"}, "retry-after: 9", 2000},
      {{"Retry-After: soon"}, "", -1},
      {{"Retry-After: -1", "X-Retry-After: 1700000005"}, "", 5000},
      {{"X-Retry-After: 1700000005"}, "", 5000},
      {{"X-RateLimit-Reset: 1700000007", "X-RateLimit-Remaining: 0"}, "", 7000},
      {{"X-RateLimit-Reset: 1700000007", "X-RateLimit-Remaining: 3"}, "", -1},
      {{"X-RateLimit-Reset: 1700000007"}, "", -1},
      {{"RateLimit-Reset: 7", "RateLimit-Remaining: 0;w=21600"}, "", 7000},
      {{"RateLimit-Reset: 7", "RateLimit-Remaining: 01"}, "", -1},
      {{NULL},
       "{\"message\":\"toomanyrequests: Retry-After: 985.86us, allowed: 44000/minute\"}",
       1},
      {{NULL}, "retry-after: 1m30s\"}", 90000},
      {{NULL}, "retry-after:", -1},
      {{NULL}, "retry-after: ,", -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_headers headers;
    struct sp_err err = SP_ERR_INIT;
    sp_headers_init(&headers);
    for (size_t l = 0; l < 3 && rows[i].lines[l]; l++)
      assert_int_equal(sp_headers_add_line(&headers, sp_span_str(rows[i].lines[l]), &err), 0);
    int64_t ms = sp_retry_after_of(&headers, sp_span_str(rows[i].body), NOW);
    if (ms != rows[i].ms)
      fail_msg("row %zu: %lld", i, (long long)ms);
    sp_headers_clear(&headers);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_value),
      cmocka_unit_test(a_whole_answer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
