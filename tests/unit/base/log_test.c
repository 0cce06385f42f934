/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/pool.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_patterns(void **state)
{
  (void)state;
  static const struct {
    const char *in, *want;
  } cases[] = {
      {"Authorization: Basic dXNlcjpwYXNz", "Authorization: ***"},
      {"> authorization:Bearer abc.def\r\nHost: x", "> authorization:***\r\nHost: x"},
      {"AUTHORIZATION: x, and more", "AUTHORIZATION: ***"},
      {"sent Bearer eyJhbGci.x.y to", "sent Bearer *** to"},
      {"bearer eyJ", "bearer ***"},
      {"BASIC dXNlcjpwYXNz\"", "BASIC ***\""},
      {"https://s3/x?X-Amz-Signature=abcd&X-Amz-Credential=AKIA%2Fx&x-amz-security-token=qqq",
       "https://s3/x?X-Amz-Signature=***&X-Amz-Credential=***&x-amz-security-token=***"},
      {"?token=abcdef&sig=ghijkl&se=2026", "?token=***&sig=***&se=2026"},
      {"access_token=abcdef refresh_token=xyz1", "access_token=*** refresh_token=***"},
      {"password=hunter2 secret=\"two words\" next", "password=*** secret=\"***\" next"},
      {"Location: /v2/a/blobs/uploads/1?_state=AbC-9_==",
       "Location: /v2/a/blobs/uploads/1?_state=***"},
      {"{\"token\":\"eyJ\",\"access_token\": \"abc\"}",
       "{\"token\":\"***\",\"access_token\": \"***\"}"},
      {"token=a&b", "token=*&b"},
      {"token=ab", "token=**"},
      {"token=", "token="},
      {"password=\"unterminated", "password=\"***"},
      {"token=token=token=x", "token=***"},
      {"Bearer realm=\"https://auth.docker.io/token\",service=\"x\"",
       "Bearer realm=\"https://auth.docker.io/token\",service=\"x\""},
      {"no basic auth credentials", "no basic auth credentials"},
      {"the bearer token has expired", "the bearer token has expired"},
      {"Basically fine, forbearers too", "Basically fine, forbearers too"},
      {"Bearer", "Bearer"},
      {"", ""},
      {"nothing to hide", "nothing to hide"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char *text = strdup(cases[i].in); /* exact size: ASan sees one byte too far */
    sp_log_redact(text);
    assert_string_equal(text, cases[i].want);
    sp_log_redact(text); /* twice changes nothing */
    assert_string_equal(text, cases[i].want);
    free(text);
  }
}

static void test_registered_values(void **state)
{
  (void)state;
  sp_log_add_secret(SP_SPAN_LIT("hunter22"));
  sp_log_add_secret(SP_SPAN_LIT("hunter22"));
  sp_log_add_secret(SP_SPAN_LIT("hunter22-and-longer"));
  sp_log_add_secret(SP_SPAN_LIT("longer-tail"));
  sp_log_add_secret(SP_SPAN_LIT("abc")); /* too short: would redact half the log */
  sp_log_add_secret(SP_SPAN_LIT(""));
  static const struct {
    const char *in, *want;
  } cases[] = {
      {"x hunter22 y", "x *** y"},
      {"hunter22", "***"},
      {"hunter2", "hunter2"},
      {"Hunter22", "Hunter22"},
      {"a hunter22-and-longer b", "a *** b"},
      {"a hunter22-and-longer-tail b", "a *** b"}, /* two values that overlap */
      {"hunter22hunter22x", "***x"},
      {"abc", "abc"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char *text = strdup(cases[i].in);
    sp_log_redact(text);
    /* Values that touch may show one or two runs of stars; never a byte of the value. */
    assert_null(strstr(text, "hunter22"));
    if (strcmp(cases[i].in, "hunter22hunter22x") != 0)
      assert_string_equal(text, cases[i].want);
    else
      assert_string_equal(text + strlen(text) - 1, "x");
    free(text);
  }
}

static struct {
  int lines;
  enum sp_log_level level;
  char last[256];
} seen;

static void remember(void *ctx, enum sp_log_level level, const char *line)
{
  assert_ptr_equal(ctx, &seen);
  seen.lines++;
  seen.level = level;
  size_t len = strlen(line); /* the end of it */
  size_t skip = len < sizeof seen.last ? 0 : len - sizeof seen.last + 1;
  snprintf(seen.last, sizeof seen.last, "%s", line + skip);
}

static void test_levels_and_sink(void **state)
{
  (void)state;
  seen.lines = 0;
  sp_log(SP_LOG_WARN, "nobody listens");
  assert_false(sp_log_is_on(SP_LOG_WARN));
  sp_log_set_sink(remember, &seen, SP_LOG_INFO);
  sp_log(SP_LOG_DEBUG, "too fine");
  assert_int_equal(seen.lines, 0);
  sp_log_add_secret(SP_SPAN_LIT("s3cr3t-value"));
  sp_log(SP_LOG_INFO, "with %s and token=%s", "s3cr3t-value", "other");
  assert_int_equal(seen.lines, 1);
  assert_int_equal(seen.level, SP_LOG_INFO);
  assert_string_equal(seen.last, "with *** and token=***");
  sp_log_set_sink(NULL, NULL, SP_LOG_DEBUG);
  assert_false(sp_log_is_on(SP_LOG_WARN));
  sp_log(SP_LOG_WARN, "silence");
  assert_int_equal(seen.lines, 1);
}

/* A value at the end of a very long line is not cut in half and so is recognised. */
static void test_long_lines(void **state)
{
  (void)state;
  static char filler[9001];
  memset(filler, ' ', sizeof filler - 1);
  sp_log_set_sink(remember, &seen, SP_LOG_INFO);
  sp_log_add_secret(SP_SPAN_LIT("tail-secret"));
  sp_log(SP_LOG_INFO, "%s%s", filler, "tail-secret");
  assert_string_equal(seen.last + strlen(seen.last) - 5, "  ***");
  sp_log_set_sink(NULL, NULL, SP_LOG_WARN);
}

static void count_line(void *ctx, enum sp_log_level level, const char *line)
{
  (void)level;
  assert_null(strstr(line, "thread-secret-"));
  (*(int *)ctx)++; /* no lock here: the log promises one line at a time */
}

static void log_and_register(void *ctx, size_t i)
{
  (void)ctx;
  char secret[32];
  int n = snprintf(secret, sizeof secret, "thread-secret-%zu", i);
  sp_log_add_secret(SP_SPAN(secret, (size_t)n));
  sp_log(SP_LOG_INFO, "a %s b", secret);
}

static void test_threads(void **state)
{
  (void)state;
  int lines = 0;
  sp_log_set_sink(count_line, &lines, SP_LOG_INFO);
  sp_pool_run(40, 8, log_and_register, NULL);
  sp_log_set_sink(NULL, NULL, SP_LOG_WARN);
  assert_int_equal(lines, 40);
}

/* The newest value is always known; the first ones stay. Last test: it fills the list. */
static void test_list_is_bounded(void **state)
{
  (void)state;
  char text[64];
  sp_log_add_secret(SP_SPAN_LIT("hunter22"));
  for (int i = 0; i < 1000; i++) {
    int n = snprintf(text, sizeof text, "token-number-%04d", i);
    sp_log_add_secret(SP_SPAN(text, (size_t)n));
    sp_log_redact(text);
    assert_string_equal(text, "***");
  }
  snprintf(text, sizeof text, "hunter22");
  sp_log_redact(text);
  assert_string_equal(text, "***");
  snprintf(text, sizeof text, "token-number-0500");
  sp_log_redact(text);
  assert_string_equal(text, "token-number-0500");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_patterns),        cmocka_unit_test(test_registered_values),
      cmocka_unit_test(test_levels_and_sink), cmocka_unit_test(test_long_lines),
      cmocka_unit_test(test_threads),         cmocka_unit_test(test_list_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
