/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers as they are, and as they should not be: scripts that hang, flood, lie, fail, are not
 * there or are killed. No word and no secret of theirs may show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/credential_helper.h"

#include <fcntl.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "scratch.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define CANARY "canary-secret-7"

static void write_helper(const char *name, const char *body)
{
  char program[64], text[512];
  snprintf(program, sizeof program, "docker-credential-%s", name);
  snprintf(text, sizeof text, "#!/bin/sh\n%s\n", body);
  scratch_write(program, text, 0700);
}

static struct sp_helper helper_of(const char *name)
{
  return (struct sp_helper){.name = name, .host = "h.io"};
}

static void expect_auth(const struct sp_err *err, const char *part)
{
  assert_int_equal(err->code, SP_E_AUTH);
  if (!strstr(err->msg, part))
    fail_msg("no '%s' in: %s", part, err->msg);
  assert_null(strstr(err->msg, "canary"));
}

static void expect_failure(const char *name, const char *part)
{
  struct sp_helper helper = helper_of(name);
  struct sp_credential got = SP_CREDENTIAL_INIT;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_helper_get(&helper, &got, &err), -1);
  assert_true(sp_credential_is_anonymous(&got));
  expect_auth(&err, part);
}

static void test_names(void **state)
{
  (void)state;
  static const char *const rows[] = {
      "/bin/sh", "../x",     "a/b",
      "-x y",    "",         "a.b",
      "A",       "a_b",      "a;b",
      "a\nb",    "\xc3\xa9", "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg"};
  for (size_t i = 0; i < COUNT(rows); i++)
    expect_failure(rows[i], "is not run");
}

static void test_bad_helpers(void **state)
{
  (void)state;
  write_helper("failing", "echo " CANARY "; echo " CANARY " >&2; exit 7");
  expect_failure("failing", "failed (exit status 7)");
  write_helper("killed", "echo " CANARY "; kill -9 $$");
  expect_failure("killed", "signal");
  write_helper("flooding", "while :; do echo " CANARY "; done");
  expect_failure("flooding", "64 KiB");
  expect_failure("absent", "not installed");
  write_helper("plain", "");
  assert_int_equal(chmod(scratch_path("docker-credential-plain"), 0600), 0);
  expect_failure("plain", "cannot be run");
}

static void test_hanging(void **state)
{
  (void)state;
  write_helper("hanging", "echo " CANARY "; sleep 1000");
  int64_t start = sp_clock_mono_ms();
  expect_failure("hanging", "10 s");
  int64_t took_ms = sp_clock_mono_ms() - start;
  assert_true(took_ms >= SP_HELPER_TIMEOUT_MS && took_ms < 4 * SP_HELPER_TIMEOUT_MS);
}

static void test_lies(void **state)
{
  (void)state;
  static const struct {
    const char *answer, *part;
  } rows[] = {
      {"", "did not answer with credentials"},
      {CANARY, "did not answer with credentials"},
      {"[\"" CANARY "\"]", "did not answer with credentials"},
      {"{\"Username\":\"bob\"}", "did not answer with credentials"},
      {"{\"Secret\":\"" CANARY "\"}", "did not answer with credentials"},
      {"{\"Username\":5,\"Secret\":\"" CANARY "\"}", "did not answer with credentials"},
      {"{\"Username\":\"a:b\",\"Secret\":\"" CANARY "\"}", "did not answer with credentials"},
      {"{\"Username\":\"bob\",\"Secret\":\"" CANARY "\\u0000x\"}",
       "did not answer with credentials"},
      {"{\"Username\":\"bob\",\"Secret\":\"" CANARY "\",\"Secret\":\"x\"}",
       "did not answer with credentials"},
      {"{\"ServerURL\":\"evil.io\",\"Username\":\"bob\",\"Secret\":\"" CANARY "\"}",
       "another registry"},
      {"{\"ServerURL\":\"h.io:5000\",\"Username\":\"bob\",\"Secret\":\"" CANARY "\"}",
       "another registry"},
      {"{\"ServerURL\":\"h.io/ns\",\"Username\":\"bob\",\"Secret\":\"" CANARY "\"}",
       "another registry"},
  };
  struct sp_helper helper = helper_of("lying");
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct sp_credential got = SP_CREDENTIAL_INIT;
    struct sp_err err = SP_ERR_INIT;
    if (sp_helper_parse(&helper, sp_span_str(rows[i].answer), &got, &err) == 0)
      fail_msg("accepted: %s", rows[i].answer);
    assert_true(sp_credential_is_anonymous(&got));
    expect_auth(&err, rows[i].part);
  }
}

static void test_good(void **state)
{
  (void)state;
  struct sp_credential got;
  struct sp_err err = SP_ERR_INIT;
  struct sp_helper helper = helper_of("good");
  write_helper("good",
               "[ $# = 1 ] && [ \"$1\" = get ] && printf "
               "'{\"ServerURL\":\"%s\",\"Username\":\"bob\",\"Secret\":\"s3cret\"}' \"$(cat)\"");
  assert_int_equal(sp_helper_get(&helper, &got, &err), 0);
  assert_string_equal(got.user, "bob");
  assert_true(sp_span_eq_str(sp_secret_reveal(&got.password), "s3cret"));
  sp_credential_clear(&got);
  /* docker's name of Docker Hub is what is asked for */
  helper.host = "docker.io";
  write_helper("good", "[ \"$(cat)\" = https://index.docker.io/v1/ ] && printf "
                       "'{\"Username\":\"<token>\",\"Secret\":\"idtok\"}'");
  assert_int_equal(sp_helper_get(&helper, &got, &err), 0);
  assert_string_equal(got.user, "");
  assert_true(sp_span_eq_str(sp_secret_reveal(&got.identity_token), "idtok"));
  sp_credential_clear(&got);
  write_helper("good", "echo 'credentials not found in native keychain'; exit 1");
  assert_int_equal(sp_helper_get(&helper, &got, &err), 0);
  assert_true(sp_credential_is_anonymous(&got));
  write_helper("good", "echo '{\"Username\":\"\",\"Secret\":\"\"}'");
  assert_int_equal(sp_helper_get(&helper, &got, &err), 0);
  assert_true(sp_credential_is_anonymous(&got));
}

static void expect_file(const char *name, const char *text)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf got;
  sp_buf_init(&got, 4096);
  assert_int_equal(sp_file_read(AT_FDCWD, scratch_path(name), &got, &err), 0);
  assert_string_equal(sp_buf_str(&got), text);
}

static void test_store_and_erase(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_helper helper = helper_of("keeper");
  write_helper("keeper", "cat > \"$(dirname \"$0\")/$1.in\"");
  struct sp_credential who = SP_CREDENTIAL_INIT;
  memcpy(who.user, "bob", 4);
  assert_int_equal(sp_secret_set(&who.password, SP_SPAN_LIT("a\"b\\c"), &err), 0);
  assert_int_equal(sp_helper_store(&helper, &who, &err), 0);
  expect_file("store.in",
              "{\"ServerURL\":\"h.io\",\"Username\":\"bob\",\"Secret\":\"a\\\"b\\\\c\"}");
  bool was_there = false;
  assert_int_equal(sp_helper_erase(&helper, &was_there, &err), 0);
  assert_true(was_there);
  expect_file("erase.in", "h.io");
  write_helper("keeper", "echo 'credentials not found in native keychain'; exit 1");
  assert_int_equal(sp_helper_erase(&helper, &was_there, &err), 0);
  assert_false(was_there);
  write_helper("keeper", "cat; exit 3");
  assert_int_equal(sp_helper_store(&helper, &who, &err), -1);
  expect_auth(&err, "failed (exit status 3)");
  assert_int_equal(sp_helper_erase(&helper, &was_there, &err), -1);
  assert_int_equal(sp_secret_set(&who.password, SP_SPAN_LIT("\xff\xfe\xfd\xfc"), &err), 0);
  assert_int_equal(sp_helper_store(&helper, &who, &err), -1);
  assert_int_equal(err.code, SP_E_USAGE);
  sp_credential_clear(&who);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names), cmocka_unit_test(test_bad_helpers),
      cmocka_unit_test(test_lies),  cmocka_unit_test(test_hanging),
      cmocka_unit_test(test_good),  cmocka_unit_test(test_store_and_erase),
  };
  return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
