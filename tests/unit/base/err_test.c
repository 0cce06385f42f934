/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/limits.h"
#include "safeport/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_every_code_has_its_facts(void **state)
{
  (void)state;
  static const struct {
    enum sp_code code;
    int exit_status;
    bool retryable;
  } want[] = {
      {SP_OK, 0, false},           {SP_E_USAGE, 2, false},        {SP_E_NOT_FOUND, 1, false},
      {SP_E_DIGEST, 5, false},     {SP_E_INVALID, 1, false},      {SP_E_PROTOCOL, 1, false},
      {SP_E_AUTH, 8, false},       {SP_E_UNREACHABLE, 4, true},   {SP_E_TLS, 4, false},
      {SP_E_NETWORK, 4, true},     {SP_E_THROTTLED, 4, true},     {SP_E_SERVER, 4, true},
      {SP_E_STORE_FULL, 1, false}, {SP_E_BLOB_UNKNOWN, 1, false}, {SP_E_UNSUPPORTED, 1, false},
      {SP_E_LIMIT, 1, false},      {SP_E_REFUSED, 6, false},      {SP_E_LOCKED, 3, false},
      {SP_E_IO, 7, false},         {SP_E_NOMEM, 7, false},        {SP_E_INTERRUPTED, 130, false},
      {SP_E_INTERNAL, 7, false},
  };
  assert_int_equal(COUNT(want), SP_CODE_COUNT);
  for (size_t i = 0; i < COUNT(want); i++) {
    assert_int_equal(want[i].code, i);
    assert_int_equal(sp_code_exit_status(want[i].code), want[i].exit_status);
    assert_int_equal(sp_code_is_retryable(want[i].code), want[i].retryable);
    assert_true(sp_code_meaning(want[i].code)[0] != '\0');
    for (size_t k = 0; k < i; k++)
      assert_string_not_equal(sp_code_name(want[i].code), sp_code_name(want[k].code));
  }
}

static void test_unknown_code_is_a_mistake_of_ours(void **state)
{
  (void)state;
  assert_string_equal(sp_code_name((enum sp_code)999), "internal");
  assert_int_equal(sp_code_exit_status((enum sp_code) - 1), 7);
}

static void test_set_fills_every_member(void **state)
{
  (void)state;
  struct sp_err err = {.http_status = 500, .retry_after_ms = 7};
  assert_int_equal(sp_fail_sys(&err, SP_E_IO, EACCES, "cannot open '%s'", "x"), -1);
  assert_int_equal(err.code, SP_E_IO);
  assert_int_equal(err.sys, EACCES);
  assert_int_equal(err.http_status, 0);
  assert_int_equal(err.retry_after_ms, -1);
  assert_non_null(strstr(err.file, "err_test.c"));
  assert_true(err.line > 0);
  assert_string_equal(err.msg, "cannot open 'x': Permission denied");
}

static void test_enomem_and_signals(void **state)
{
  (void)state;
  struct sp_err err;
  sp_fail_sys(&err, SP_E_IO, ENOMEM, "cannot open");
  assert_int_equal(err.code, SP_E_NOMEM);
  /* A signal's number is no errno, whatever errno has that number (12 is ENOMEM and SIGUSR2). */
  sp_fail_sys(&err, SP_E_INTERRUPTED, 12, "interrupted");
  assert_int_equal(err.code, SP_E_INTERRUPTED);
  assert_string_equal(err.msg, "interrupted");
}

/* Cut at every length around the ceiling: a whole character or none, and the dots. */
static void test_cut_keeps_utf8_whole(void **state)
{
  (void)state;
  static const char euro[] = "\xe2\x82\xac";
  for (size_t shift = 0; shift < 3; shift++) {
    char text[3000] = "";
    memset(text, 'a', shift);
    for (size_t i = shift; i + 3 < sizeof text; i += 3)
      memcpy(text + i, euro, 4);
    struct sp_err err;
    sp_fail(&err, SP_E_USAGE, "%s", text);
    size_t len = strlen(err.msg);
    assert_true(len <= SP_ERR_MSG_MAX - 1 && len > SP_ERR_MSG_MAX - 5);
    assert_string_equal(err.msg + len - 3, "...");
    assert_int_equal((len - 3 - shift) % 3, 0);
  }
}

static void test_longest_message_is_not_cut(void **state)
{
  (void)state;
  char text[SP_ERR_MSG_MAX + 1];
  memset(text, 'x', sizeof text);
  text[SP_ERR_MSG_MAX - 1] = '\0';
  struct sp_err err;
  sp_fail(&err, SP_E_USAGE, "%s", text);
  assert_string_equal(err.msg, text);
  text[SP_ERR_MSG_MAX - 1] = 'x';
  text[SP_ERR_MSG_MAX] = '\0';
  sp_fail(&err, SP_E_USAGE, "%s", text);
  assert_string_equal(err.msg + SP_ERR_MSG_MAX - 4, "...");
}

static void test_reason_survives_a_cut(void **state)
{
  (void)state;
  char text[2000];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  struct sp_err err;
  sp_fail_sys(&err, SP_E_IO, ENOSPC, "%s", text);
  assert_non_null(strstr(err.msg, "...: No space left on device"));
}

static void test_context_goes_in_front(void **state)
{
  (void)state;
  struct sp_err err;
  sp_fail(&err, SP_E_AUTH, "registry answered 401");
  err.http_status = 401;
  assert_int_equal(sp_err_context(&err, "cannot push '%s'", "a"), -1);
  assert_string_equal(err.msg, "cannot push 'a': registry answered 401");
  assert_int_equal(err.http_status, 401);
  assert_int_equal(err.code, SP_E_AUTH);
  for (int i = 0; i < 200; i++)
    sp_err_context(&err, "layer %d", i);
  assert_int_equal(strncmp(err.msg, "layer 199: layer 198: ", 22), 0);
  assert_true(strlen(err.msg) < SP_ERR_MSG_MAX);
}

static void test_argument_may_be_the_message_itself(void **state)
{
  (void)state;
  struct sp_err err;
  sp_fail(&err, SP_E_USAGE, "inner");
  sp_fail(&err, SP_E_INVALID, "outer: %s", err.msg);
  assert_string_equal(err.msg, "outer: inner");
  sp_err_context(&err, "%s", err.msg);
  assert_string_equal(err.msg, "outer: inner: outer: inner");
}

static void test_copy_and_clear(void **state)
{
  (void)state;
  struct sp_err a;
  struct sp_err b = SP_ERR_INIT;
  sp_fail(&a, SP_E_TLS, "expired");
  sp_err_copy(&b, &a);
  assert_memory_equal(&a, &b, sizeof a);
  sp_err_clear(&b);
  assert_int_equal(b.code, SP_OK);
  assert_int_equal(b.retry_after_ms, -1);
  assert_string_equal(b.msg, "");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_code_has_its_facts),
      cmocka_unit_test(test_unknown_code_is_a_mistake_of_ours),
      cmocka_unit_test(test_set_fills_every_member),
      cmocka_unit_test(test_enomem_and_signals),
      cmocka_unit_test(test_cut_keeps_utf8_whole),
      cmocka_unit_test(test_longest_message_is_not_cut),
      cmocka_unit_test(test_reason_survives_a_cut),
      cmocka_unit_test(test_context_goes_in_front),
      cmocka_unit_test(test_argument_may_be_the_message_itself),
      cmocka_unit_test(test_copy_and_clear),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
