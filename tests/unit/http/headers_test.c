/* SPDX-License-Identifier: Apache-2.0 */
#include "http/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"

static const struct {
  struct sp_span line;
  int rc;
  const char *name, *value;
} rows[] = {
    {SP_SPAN_LIT(""), -1, NULL, NULL},
    {SP_SPAN_LIT("\r\n"), -1, NULL, NULL},
    {SP_SPAN_LIT("no colon"), -1, NULL, NULL},
    {SP_SPAN_LIT(": value"), -1, NULL, NULL},
    {SP_SPAN_LIT(" Folded: value"), -1, NULL, NULL},
    {SP_SPAN_LIT("Na me: value"), -1, NULL, NULL},
    {SP_SPAN_LIT("Name : value"), -1, NULL, NULL},
    {SP_SPAN_LIT("Na\0me: value"), -1, NULL, NULL},
    {SP_SPAN_LIT("Name: va\0lue"), -1, NULL, NULL},
    {SP_SPAN_LIT("Name: va\rlue\r\n"), -1, NULL, NULL},
    {SP_SPAN_LIT("Name: va\nlue"), -1, NULL, NULL},
    {SP_SPAN_LIT("Name: \x1b[2J"), -1, NULL, NULL},
    {SP_SPAN_LIT("Name: \x7f"), -1, NULL, NULL},
    {SP_SPAN_LIT("Name: value\r\n"), 0, "NAME", "value"},
    {SP_SPAN_LIT("Name:value\n"), 0, "name", "value"},
    {SP_SPAN_LIT("Name:\t a: b\tc \t\r\n"), 0, "name", "a: b\tc"},
    {SP_SPAN_LIT("Name:"), 0, "name", ""},
    {SP_SPAN_LIT("X!#$%&'*+-.^_`|~9: \xc3\xa9"), 0, "x!#$%&'*+-.^_`|~9", "\xc3\xa9"},
};

static void lines_are_read_strictly(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_headers headers;
    struct sp_err err = SP_ERR_INIT;
    sp_headers_init(&headers);
    if (sp_headers_add_line(&headers, rows[i].line, &err) != rows[i].rc)
      fail_msg("row %zu", i);
    if (rows[i].rc == 0)
      assert_string_equal(sp_headers_get(&headers, rows[i].name), rows[i].value);
    else
      assert_int_equal(err.code, SP_E_PROTOCOL);
    assert_int_equal(headers.count, rows[i].rc == 0);
    sp_headers_clear(&headers);
  }
}

static void values_are_found_in_order(void **state)
{
  (void)state;
  struct sp_headers headers;
  struct sp_err err = SP_ERR_INIT;
  sp_headers_init(&headers);
  assert_null(sp_headers_get(&headers, "a"));
  assert_int_equal(sp_headers_add_line(&headers, SP_SPAN_LIT("A: 1"), &err), 0);
  assert_int_equal(sp_headers_add_line(&headers, SP_SPAN_LIT("AB: 2"), &err), 0);
  assert_int_equal(sp_headers_add_line(&headers, SP_SPAN_LIT("a: 3"), &err), 0);
  assert_string_equal(sp_headers_get(&headers, "a"), "1");
  assert_string_equal(sp_headers_get_nth(&headers, "A", 1), "3");
  assert_null(sp_headers_get_nth(&headers, "a", 2));
  assert_null(sp_headers_get(&headers, "1"));
  sp_headers_clear(&headers);
  assert_null(sp_headers_get(&headers, "a"));
}

static void there_are_limits(void **state)
{
  (void)state;
  static char line[SP_MAX_HEADER_BYTES];
  struct sp_headers headers;
  struct sp_err err = SP_ERR_INIT;
  sp_headers_init(&headers);
  for (int i = 0; i < SP_MAX_HEADER_LINES; i++)
    assert_int_equal(sp_headers_add_line(&headers, SP_SPAN_LIT("a: b"), &err), 0);
  assert_int_equal(sp_headers_add_line(&headers, SP_SPAN_LIT("a: b"), &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  sp_headers_clear(&headers);
  memset(line, 'x', sizeof line);
  line[1] = ':';
  assert_int_equal(sp_headers_add_line(&headers, SP_SPAN_LIT("a: b"), &err), 0);
  assert_int_equal(sp_headers_add_line(&headers, SP_SPAN(line, sizeof line), &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_int_equal(headers.count, 1); /* nothing half added */
  assert_string_equal(sp_headers_get(&headers, "a"), "b");
  sp_headers_clear(&headers);
}

static void unsafe_values_are_seen(void **state)
{
  (void)state;
  static char text[SP_MAX_HEADER_VALUE_BYTES + 1];
  memset(text, 'x', sizeof text);
  assert_true(sp_headers_is_safe_value(SP_SPAN(text, SP_MAX_HEADER_VALUE_BYTES)));
  assert_false(sp_headers_is_safe_value(SP_SPAN(text, SP_MAX_HEADER_VALUE_BYTES + 1)));
  assert_true(sp_headers_is_safe_value(SP_SPAN(NULL, 0)));
  for (int c = 0; c < 256; c++) {
    text[1] = (char)c;
    bool bad = c < 32 || c == 127;
    assert_int_equal(sp_headers_is_safe_value(SP_SPAN(text, 3)), !bad);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_read_strictly),
      cmocka_unit_test(values_are_found_in_order),
      cmocka_unit_test(there_are_limits),
      cmocka_unit_test(unsafe_values_are_seen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
