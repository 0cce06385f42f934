/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/secret.h"

static void test_empty_secret(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_SECRET struct sp_secret secret = SP_SECRET_INIT;
  assert_true(sp_secret_is_empty(&secret));
  assert_string_equal(sp_secret_reveal(&secret).ptr, "");
  assert_int_equal(sp_secret_set(&secret, SP_SPAN("", 0), &err), 0);
  assert_true(sp_secret_is_empty(&secret));
  sp_secret_clear(&secret);
  sp_secret_clear(&secret);
}

static void test_set_replaces_and_registers(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_SECRET struct sp_secret secret = SP_SECRET_INIT;
  assert_int_equal(sp_secret_set(&secret, SP_SPAN("first-value-xx", 11), &err), 0);
  assert_true(sp_span_eq_str(sp_secret_reveal(&secret), "first-value"));
  assert_int_equal(sp_secret_reveal(&secret).ptr[11], '\0');
  assert_int_equal(sp_secret_set(&secret, SP_SPAN_LIT("second-value"), &err), 0);
  assert_true(sp_span_eq_str(sp_secret_reveal(&secret), "second-value"));
  char line[] = "first-value second-value";
  sp_log_redact(line);
  assert_string_equal(line, "*** ***");
}

static void test_dup_is_a_copy_of_its_own(void **state)
{
  (void)state;
  struct sp_err err;
  struct sp_secret a = SP_SECRET_INIT;
  SP_AUTO_SECRET struct sp_secret b = SP_SECRET_INIT;
  assert_int_equal(sp_secret_set(&a, SP_SPAN_LIT("the value"), &err), 0);
  assert_int_equal(sp_secret_dup(&b, &a, &err), 0);
  sp_secret_clear(&a);
  assert_true(sp_secret_is_empty(&a));
  assert_true(sp_span_eq_str(sp_secret_reveal(&b), "the value"));
  assert_int_equal(sp_secret_dup(&b, &b, &err), 0); /* of itself */
  assert_true(sp_span_eq_str(sp_secret_reveal(&b), "the value"));
}

static void test_large_secret(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_SECRET struct sp_secret secret = SP_SECRET_INIT;
  static char bytes[4096 * 3];
  memset(bytes, 'q', sizeof bytes); /* whole pages: the terminator needs one more */
  assert_int_equal(sp_secret_set(&secret, SP_SPAN(bytes, sizeof bytes), &err), 0);
  assert_int_equal(strlen(sp_secret_reveal(&secret).ptr), sizeof bytes);
}

/* "dd" in VmFlags: this mapping is not written to a core dump. */
static void test_pages_are_left_out_of_dumps(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_SECRET struct sp_secret secret = SP_SECRET_INIT;
  assert_int_equal(sp_secret_set(&secret, SP_SPAN_LIT("not in a dump"), &err), 0);
  char want[32];
  snprintf(want, sizeof want, "%lx-", (unsigned long)(uintptr_t)sp_secret_reveal(&secret).ptr);
  FILE *maps = fopen("/proc/self/smaps", "r");
  if (!maps)
    skip();
  char line[512];
  bool inside = false;
  bool marked = false;
  while (fgets(line, sizeof line, maps)) {
    unsigned long first;
    unsigned long last;
    uintptr_t at = (uintptr_t)sp_secret_reveal(&secret).ptr;
    if (sscanf(line, "%lx-%lx ", &first, &last) == 2 && strchr(line, '-') < strchr(line, ' '))
      inside = at >= first && at < last;
    if (inside && strncmp(line, "VmFlags:", 8) == 0)
      marked = strstr(line, " dd") != NULL;
  }
  fclose(maps);
  assert_true(marked);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_empty_secret),
      cmocka_unit_test(test_set_replaces_and_registers),
      cmocka_unit_test(test_dup_is_a_copy_of_its_own),
      cmocka_unit_test(test_large_secret),
      cmocka_unit_test(test_pages_are_left_out_of_dumps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
