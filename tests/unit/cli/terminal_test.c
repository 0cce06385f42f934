/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/terminal.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_width_and_cut(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    size_t columns;
    const char *cut; /* to 5 columns */
  } cases[] = {
      {"", 0, ""},
      {"abc", 3, "abc"},
      {"abcdefg", 7, "abcde"},
      {"\u4e2d\u6587", 4, "\u4e2d\u6587"},
      {"\u4e2d\u6587\u5b57", 6, "\u4e2d\u6587"}, /* no half characters */
      {"a\u4e2d\u6587", 5, "a\u4e2d\u6587"},
      {"e\u0301tude!", 6, "e\u0301tude"}, /* a combining accent takes none */
      {"\xff\xfe"
       "abcd",
       6,
       "\xff\xfe"
       "abc"},                     /* not UTF-8 */
      {"\xe4\xb8", 2, "\xe4\xb8"}, /* the beginning of a character */
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    assert_int_equal(terminal_width_of(cases[i].text), cases[i].columns);
    char text[64];
    snprintf(text, sizeof text, "%s", cases[i].text);
    terminal_cut(text, 5);
    assert_string_equal(text, cases[i].cut);
    terminal_cut(text, 0);
    assert_true(terminal_width_of(text) == 0);
  }
}

static void test_wrap(void **state)
{
  (void)state;
  static const struct {
    const char *head, *text, *want; /* at columns 6..20 */
  } cases[] = {
      {"", "", ""},
      {"  a", "b", "  a   b\n"},
      {"  a", "one two three four", "  a   one two three\n      four\n"},
      {"  a", "exactly-14-abc", "  a   exactly-14-abc\n"},
      {"  a", "a-word-longer-than-a-line", "  a   a-word-longer-\n      than-a-line\n"},
      {"  a long head", "text", "  a long head\n      text\n"},
      {"", "p\n\nq", "      p\n\n      q\n"},
      {"  a", "\u4e2d\u6587\u4e2d\u6587\u4e2d\u6587\u4e2d\u6587",
       "  a   \u4e2d\u6587\u4e2d\u6587\u4e2d\u6587\u4e2d\n      \u6587\n"},
      /* the comma does not begin a line: the character before it goes with it */
      {"  a", "\u4e2d\u6587\u4e2d\u6587\u4e2d\u6587\u4e2d\uff0c\u6587",
       "  a   \u4e2d\u6587\u4e2d\u6587\u4e2d\u6587\n      \u4e2d\uff0c\u6587\n"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char got[256] = "";
    FILE *real = stdout;
    stdout = fmemopen(got, sizeof got, "w");
    terminal_print_wrapped(cases[i].head, cases[i].text, 6, 20);
    fclose(stdout);
    stdout = real;
    if (strcmp(got, cases[i].want) != 0)
      fail_msg("case %zu: got\n%s\nnot\n%s", i, got, cases[i].want);
  }
}

int main(void)
{
  setlocale(LC_CTYPE, "C.UTF-8");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_width_and_cut),
      cmocka_unit_test(test_wrap),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
