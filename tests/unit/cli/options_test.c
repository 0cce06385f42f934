/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define ARGV_MAX 8

struct args {
  bool flag, fast;
  const char *text, *maybe;
  struct text_list list;
  int64_t ms;
};

static const struct option_row rows[] = {
    {"flag", 'f', OPTION_FLAG, offsetof(struct args, flag), NULL, "help"},
    {"flagship", 0, OPTION_FLAG, offsetof(struct args, fast), NULL, "help"},
    {"text", 't', OPTION_TEXT, offsetof(struct args, text), "TEXT", "help"},
    {"maybe", 0, OPTION_MAYBE, offsetof(struct args, maybe), "[=N]", "help"},
    {"list", 0, OPTION_LIST, offsetof(struct args, list), "ITEM", "help"},
    {"wait", 0, OPTION_DURATION, offsetof(struct args, ms), "SECONDS", "help"},
    OPTION_END};

static int parse(const char *const *words, struct args *args, struct text_list *operands,
                 struct sp_err *err)
{
  char *argv[ARGV_MAX + 2] = {(char[]){"program"}};
  static char copies[ARGV_MAX][64];
  int argc = 1;
  for (; argc <= ARGV_MAX && words[argc - 1]; argc++) {
    snprintf(copies[argc - 1], sizeof copies[0], "%s", words[argc - 1]);
    argv[argc] = copies[argc - 1];
  }
  const struct option_group group = {"options:", rows, args};
  return options_parse(&group, 1, argc, argv, operands, err);
}

static void test_refuses(void **state)
{
  (void)state;
  static const struct {
    const char *words[ARGV_MAX];
    const char *say;
  } cases[] = {
      {{"--nothing"}, "unknown option '--nothing'"},
      {{"--flg"}, "did you mean '--flag'"},
      {{"--fla"}, "unknown option '--fla'"}, /* a beginning is not a name */
      {{"--te", "x"}, "unknown option '--te'"},
      {{"--te=x"}, "unknown option '--te'"},
      {{"--flag=1"}, "takes no value"},
      {{"--text"}, "'--text' lacks its value: TEXT"},
      {{"-t"}, "'--text' lacks its value: TEXT"},
      {{"--text", "--flag"}, "'--text' lacks its value: TEXT ('--flag' is an option"},
      {{"-t", "--flag"}, "if it is the value: '--text=--flag'"},
      {{"--list", "--text", "x"}, "'--list' lacks its value: ITEM ('--text' is an option"},
      {{"--list", "--"}, "'--list' lacks its value"},
      {{"-x"}, "unknown option '-x'"},
      {{"-fx"}, "unknown option '-x'"},
      {{"--\033[31m"}, "unknown option '--\\x1b[31m'"},
      {{"--wait", "soon"}, "--wait: 'soon' is not a duration"},
      {{"--wait", ""}, "not a duration"},
      {{"--wait", "s"}, "not a duration"},
      {{"--wait", "-1"}, "not a duration"},
      {{"--wait", "1.5"}, "not a duration"},
      {{"--wait", "1d"}, "not a duration"},
      {{"--wait", "1ms"}, "not a duration"},
      {{"--wait", "18446744073709551615m"}, "not a duration"},
      {{"--wait", "8761h"}, "not a duration"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct args args = {0};
    struct text_list operands = {0};
    struct sp_err err = SP_ERR_INIT;
    if (parse(cases[i].words, &args, &operands, &err) == 0)
      fail_msg("case %zu: accepted", i);
    assert_int_equal(err.code, SP_E_USAGE);
    if (!strstr(err.msg, cases[i].say))
      fail_msg("case %zu: '%s' does not say '%s'", i, err.msg, cases[i].say);
    text_list_clear(&args.list);
    text_list_clear(&operands);
  }
}

static void test_fills(void **state)
{
  (void)state;
  static const char *const words[] = {"one", "-ft", "a", "--list=x", "--list", "-y", "two", "--"};
  struct args args = {0};
  struct text_list operands = {0};
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(parse(words, &args, &operands, &err), 0);
  assert_true(args.flag);
  assert_false(args.fast);
  assert_string_equal(args.text, "a");
  assert_int_equal(args.list.count, 2);
  assert_string_equal(args.list.items[0], "x");
  assert_string_equal(args.list.items[1], "-y");
  assert_null(args.list.items[2]);
  assert_int_equal(operands.count, 2);
  assert_string_equal(operands.items[1], "two");
  text_list_clear(&args.list);
  text_list_clear(&operands);
}

static void test_after_two_dashes_all_are_operands(void **state)
{
  (void)state;
  static const char *const words[] = {"--flagship", "--", "--flag", "-", NULL};
  struct args args = {0};
  struct text_list operands = {0};
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(parse(words, &args, &operands, &err), 0);
  assert_true(args.fast);
  assert_false(args.flag);
  assert_int_equal(operands.count, 2);
  assert_string_equal(operands.items[0], "--flag");
  text_list_clear(&operands);
}

/* A value of its own only with '='; the word behind it is an operand. */
static void test_values_that_may_be_left_out(void **state)
{
  (void)state;
  static const struct {
    const char *words[ARGV_MAX];
    const char *want;
    size_t operands;
  } cases[] = {{{"--maybe", "3"}, "", 1}, {{"--maybe=3"}, "3", 0}, {{"x"}, NULL, 1}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct args args = {0};
    struct text_list operands = {0};
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(parse(cases[i].words, &args, &operands, &err), 0);
    if (cases[i].want)
      assert_string_equal(args.maybe, cases[i].want);
    else
      assert_null(args.maybe);
    assert_int_equal(operands.count, cases[i].operands);
    text_list_clear(&operands);
  }
}

static void test_durations(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    int64_t ms;
  } cases[] = {{"0", 0},        {"15", 15000}, {"15s", 15000},        {"2m", 120000},
               {"1h", 3600000}, {"007", 7000}, {"8760h", 31536000000}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t ms = -1;
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(options_parse_duration(cases[i].text, &ms, &err), 0);
    assert_int_equal(ms, cases[i].ms);
  }
}

static void test_numbers(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    uint64_t least, most;
    uint64_t n; /* 99: as it was */
    const char *said;
  } cases[] = {
      {NULL, 1, 9, 99, NULL},
      {"1", 1, 9, 1, NULL},
      {"9", 1, 9, 9, NULL},
      {"0", 0, UINT64_MAX, 0, NULL},
      {"18446744073709551615", 0, UINT64_MAX, UINT64_MAX, NULL},
      {"", 1, 9, 99, "--n '': it is a number from 1 to 9"},
      {"0", 1, 9, 99, "from 1 to 9"},
      {"10", 1, 9, 99, "'10'"},
      {"-1", 1, INT64_MAX, 99, "it is a number from 1 on"},
      {"1x", 1, 9, 99, "'1x'"},
      {"18446744073709551616", 0, UINT64_MAX, 99, "from 0 on"},
      {"\x1b[2J", 1, 9, 99, "\\x1b"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    uint64_t n = 99;
    struct sp_err err = SP_ERR_INIT;
    int rc = options_parse_number("n", cases[i].text, cases[i].least, cases[i].most, &n, &err);
    assert_int_equal(rc, cases[i].said ? -1 : 0);
    assert_true(n == cases[i].n);
    if (cases[i].said && (err.code != SP_E_USAGE || !strstr(err.msg, cases[i].said)))
      fail_msg("case %zu: %s", i, err.msg);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_fills),
      cmocka_unit_test(test_after_two_dashes_all_are_operands),
      cmocka_unit_test(test_values_that_may_be_left_out),
      cmocka_unit_test(test_durations),
      cmocka_unit_test(test_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
