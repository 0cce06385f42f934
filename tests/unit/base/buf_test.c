/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void test_ceiling_is_exact(void **state)
{
  (void)state;
  struct sp_err err;
  for (size_t max = 0; max < 200; max++) {
    SP_AUTO_BUF struct sp_buf buf;
    sp_buf_init(&buf, max);
    for (size_t i = 0; i < max; i++)
      assert_int_equal(sp_buf_append(&buf, "x", 1, &err), 0);
    assert_int_equal(sp_buf_append(&buf, "y", 1, &err), -1);
    assert_int_equal(err.code, SP_E_LIMIT);
    assert_int_equal(buf.len, max);
    assert_int_equal(strlen(sp_buf_str(&buf)), max);
    assert_null(strchr(sp_buf_str(&buf), 'y'));
  }
}

static void test_sizes_that_overflow(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_BUF struct sp_buf buf;
  sp_buf_init(&buf, SIZE_MAX);
  assert_int_equal(sp_buf_append(&buf, "abc", 3, &err), 0);
  assert_int_equal(sp_buf_append(&buf, "", SIZE_MAX - 3, &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_int_equal(sp_buf_append(&buf, "", SIZE_MAX, &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_string_equal(sp_buf_str(&buf), "abc");
}

static void test_format_is_all_or_nothing(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_BUF struct sp_buf buf;
  sp_buf_init(&buf, 8);
  assert_int_equal(sp_buf_appendf(&buf, &err, "%d-%s", 42, "abc"), 0);
  assert_int_equal(sp_buf_appendf(&buf, &err, "%s", "xyz"), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_string_equal(sp_buf_str(&buf), "42-abc");
  assert_int_equal(sp_buf_appendf(&buf, &err, "%s", "xy"), 0);
  assert_string_equal(sp_buf_str(&buf), "42-abcxy");
}

static void test_zero_bytes_are_bytes(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_BUF struct sp_buf buf;
  sp_buf_init(&buf, 100);
  assert_string_equal(sp_buf_str(&buf), "");
  assert_int_equal(sp_buf_append_span(&buf, SP_SPAN("a\0b", 3), &err), 0);
  assert_int_equal(sp_buf_append_str(&buf, "c", &err), 0);
  assert_true(sp_span_eq(sp_buf_span(&buf), SP_SPAN("a\0bc", 4)));
}

static void test_take_truncate_and_reuse(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_BUF struct sp_buf buf;
  sp_buf_init(&buf, 10);
  size_t len = 99;
  assert_null(sp_buf_take(&buf, &len));
  assert_int_equal(len, 0);
  assert_int_equal(sp_buf_append_str(&buf, "hello", &err), 0);
  sp_buf_truncate(&buf, 4);
  assert_string_equal(sp_buf_str(&buf), "hell");
  SP_AUTO_FREE char *taken = sp_buf_take(&buf, &len);
  assert_string_equal(taken, "hell");
  assert_int_equal(len, 4);
  assert_int_equal(buf.len, 0);
  assert_int_equal(sp_buf_append_str(&buf, "0123456789", &err), 0);
  assert_int_equal(sp_buf_append_str(&buf, "0", &err), -1); /* the ceiling stayed */
  sp_buf_reset(&buf);
  assert_string_equal(sp_buf_str(&buf), "");
  assert_int_equal(sp_buf_append_str(&buf, "again", &err), 0);
  sp_buf_clear(&buf);
  assert_int_equal(sp_buf_append_str(&buf, "0123456789a", &err), -1);
}

/* What a secret buffer lets go of is wiped: looked for in all of the heap that was in use. */
static void test_secret_leaves_no_trace(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_buf buf;
  sp_buf_init_secret(&buf, 100000);
  char *before[8];
  size_t count = 0;
  for (int i = 0; i < 2000; i++) {
    assert_int_equal(sp_buf_append_str(&buf, "canary-", &err), 0);
    if (count < 8 && (count == 0 || before[count - 1] != buf.data))
      before[count++] = buf.data;
  }
  assert_true(count > 4); /* it grew and moved */
  assert_int_equal(buf.len, 14000);
  assert_true(strncmp(buf.data, "canary-canary-", 14) == 0);
  sp_buf_clear(&buf);
  assert_true(buf.is_secret);
#if !defined(__SANITIZE_ADDRESS__)
  /* freed memory is looked at on purpose: nowhere else could a trace be */
  for (size_t i = 0; i < count; i++) {
    const char *volatile freed = before[i];
    assert_true(memcmp(freed + 16, "canary-canary-", 14) != 0);
    assert_true(memcmp(freed + 17, "anary-canary-", 13) != 0);
  }
#endif
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ceiling_is_exact),
      cmocka_unit_test(test_sizes_that_overflow),
      cmocka_unit_test(test_format_is_all_or_nothing),
      cmocka_unit_test(test_zero_bytes_are_bytes),
      cmocka_unit_test(test_take_truncate_and_reuse),
      cmocka_unit_test(test_secret_leaves_no_trace),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
