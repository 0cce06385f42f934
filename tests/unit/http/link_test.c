/* SPDX-License-Identifier: Apache-2.0 */
#include "http/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
  const char *value, *want;
} rows[] = {
    {"", ""},
    {"</a>", ""},
    {"</a>; rel=prev", ""},
    {"</a>; rel=nextish", ""},
    {"</a; rel=next", ""},
    {"/a; rel=next", ""},
    {"</a>; title=\"; rel=next\"", ""},
    {"</a>; title=\"unclosed; rel=next", ""},
    {"</a>; rel=prev; rel=next", ""}, /* the first rel counts */
    {"</a>; rel", ""},
    {"</v2/a/tags/list?n=1&last=b>; rel=\"next\"", "/v2/a/tags/list?n=1&last=b"},
    {"</a>;rel=next", "/a"},
    {"</a> ; REL = \"NEXT\"", "/a"},
    {"</a>; rel=\"prev next\"", "/a"},
    {"</a>; rel=prev, </b>; rel=next", "/b"},
    {"</a>; title=\"x, </y>; rel=prev\"; rel=next", "/a"},
    {"</a,b;c>; rel=next", "/a,b;c"},
    {", ,</a>; rel=next", "/a"},
    {"<>; rel=next", ""},
    {"<http://169.254.169.254/>; rel=next", "http://169.254.169.254/"}, /* judged elsewhere */
};

static void next_is_found(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_span got = sp_link_next(sp_span_str(rows[i].value));
    if (!sp_span_eq_str(got, rows[i].want))
      fail_msg("'%s': '%.*s'", rows[i].value, (int)got.len, got.ptr ? got.ptr : "");
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(next_is_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
