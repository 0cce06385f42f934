/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/tar_path.h"

#include "base/limits.h"
#include "base/scope.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_names(void **state)
{
  (void)state;
  static const struct {
    const char *in, *want; /* NULL: refused */
  } cases[] = {
      {"/", NULL},      {"/a", NULL},
      {"//a", NULL},    {"..", NULL},
      {"../a", NULL},   {"a/..", NULL},
      {"a/../b", NULL}, {"./../a", NULL},
      {"", ""},         {".", ""},
      {"./", ""},       {"a", "a"},
      {"./a", "a"},     {"././a//b/./c/", "a/b/c"},
      {"...", "..."},   {"..a/b..", "..a/b.."},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    SP_AUTO_FREE char *name = NULL;
    struct sp_err err = SP_ERR_INIT;
    int failed = sp_tar_path_name(sp_span_str(cases[i].in), &name, &err);
    if (failed != (cases[i].want ? 0 : -1))
      fail_msg("'%s': %d", cases[i].in, failed);
    if (failed)
      assert_int_equal(err.code, SP_E_INVALID);
    else
      assert_string_equal(name, cases[i].want);
  }
}

static void test_links(void **state)
{
  (void)state;
  static const struct {
    const char *from, *target, *want; /* NULL: refused */
  } cases[] = {
      {"a", "/etc/passwd", NULL},
      {"a", "..", NULL},
      {"a", "../b", NULL},
      {"a/b", "../../c", NULL},
      {"a/b", "../../a/b", NULL},
      {"a/b/c", "../x/../../../y", NULL},
      {"a", "b", "b"},
      {"a/b", "c", "a/c"},
      {"a/b", "../c", "c"},
      {"a/b", "./../c/", "c"},
      {"id/layer.tar", "../hex.tar", "hex.tar"},
      {"id/layer.tar", "../other/layer.tar", "other/layer.tar"},
      {"a/b/c", "../../d/../e", "e"},
      {"a/b", "..", ""},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    SP_AUTO_FREE char *name = NULL;
    struct sp_err err = SP_ERR_INIT;
    int failed = sp_tar_path_link(cases[i].from, sp_span_str(cases[i].target), &name, &err);
    if (failed != (cases[i].want ? 0 : -1))
      fail_msg("'%s' -> '%s': %d", cases[i].from, cases[i].target, failed);
    if (failed)
      assert_int_equal(err.code, SP_E_INVALID);
    else
      assert_string_equal(name, cases[i].want);
  }
}

static void test_long_names(void **state)
{
  (void)state;
  char text[SP_MAX_ARCHIVE_NAME + 1];
  char *name = NULL;
  struct sp_err err = SP_ERR_INIT;
  memset(text, 'a', sizeof text);
  assert_int_equal(sp_tar_path_name(SP_SPAN(text, sizeof text), &name, &err), -1);
  assert_int_equal(sp_tar_path_name(SP_SPAN(text, sizeof text - 1), &name, &err), 0);
  assert_int_equal(strlen(name), SP_MAX_ARCHIVE_NAME);
  free(name);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_links),
      cmocka_unit_test(test_long_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
