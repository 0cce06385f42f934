/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/credential.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define ALICE "YWxpY2U6czNjcmV0" /* alice:s3cret */

static const char *const variables[] = {
    "DOCKER_AUTH_CONFIG", "DOCKER_CONFIG",      "HOME",
    "GITHUB_ACTOR",       "GITHUB_TOKEN",       "DOCKERHUB_USERNAME",
    "DOCKERHUB_TOKEN",    "SAFEPORT_AUTH_H_IO", "SAFEPORT_AUTH_127_0_0_1_5000",
};
static char dir[] = "/tmp/sp-credential-XXXXXX";

static void write_config(const char *text)
{
  char path[64];
  snprintf(path, sizeof path, "%s/config.json", dir);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

static int setup(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(variables); i++)
    unsetenv(variables[i]);
  setenv("DOCKER_CONFIG", dir, 1);
  write_config("{}");
  return 0;
}

static void expect(const char *host, const char *user, const char *password)
{
  struct sp_credential got;
  struct sp_err err = SP_ERR_INIT;
  if (sp_credential_find(host, &got, &err) < 0)
    fail_msg("%s: %s", host, err.msg);
  assert_string_equal(got.user, user);
  assert_true(sp_span_eq_str(sp_secret_reveal(&got.password), password));
  assert_true(sp_credential_is_anonymous(&got) == (*user == '\0'));
  sp_credential_clear(&got);
}

static void expect_failure(const char *host, const char *part)
{
  struct sp_credential got;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_credential_find(host, &got, &err), -1);
  assert_int_equal(err.code, SP_E_AUTH);
  if (!strstr(err.msg, part))
    fail_msg("no '%s' in: %s", part, err.msg);
}

static void test_anonymous(void **state)
{
  (void)state;
  expect("ghcr.io", "", "");
  unsetenv("DOCKER_CONFIG");
  expect("ghcr.io", "", "");
  setenv("HOME", "/nonexistent", 1);
  expect("ghcr.io", "", "");
}

static void test_order(void **state)
{
  (void)state;
  setenv("GITHUB_ACTOR", "actor", 1);
  setenv("GITHUB_TOKEN", "ghs_x", 1);
  expect("ghcr.io", "actor", "ghs_x");
  expect("docker.io", "", "");
  write_config("{\"auths\":{\"ghcr.io\":{\"auth\":\"" ALICE "\"},\"h.io\":{\"auth\":\"" ALICE
               "\"}}}");
  expect("ghcr.io", "alice", "s3cret");
  setenv("SAFEPORT_AUTH_H_IO", "bob:b:2", 1);
  expect("h.io", "bob", "b:2");
  expect("x.h.io", "", "");
  setenv("DOCKER_AUTH_CONFIG", "{\"auths\":{\"h.io\":{\"auth\":\"YTpi\"}}}", 1);
  expect("h.io", "a", "b");
  expect("ghcr.io", "alice", "s3cret");
  /* malformed: a warning, and the next source */
  setenv("DOCKER_AUTH_CONFIG", "{\"auths\":{\"h.io\":{\"auth\":\"YTpi\"}},\"x\":1}", 1);
  expect("h.io", "bob", "b:2");
  setenv("SAFEPORT_AUTH_127_0_0_1_5000", "u:p", 1);
  expect("127.0.0.1:5000", "u", "p");
  expect("127.0.0.1:5001", "", "");
}

static void test_empty_secret(void **state)
{
  (void)state;
  setenv("GITHUB_TOKEN", "", 1);
  expect("ghcr.io", "", "");
  setenv("GITHUB_ACTOR", "actor", 1);
  expect_failure("ghcr.io", "fork");
  expect("docker.io", "", "");
  setenv("DOCKERHUB_USERNAME", "u", 1);
  expect("docker.io", "", "");
  setenv("DOCKERHUB_TOKEN", "", 1);
  expect_failure("docker.io", "DOCKERHUB_TOKEN");
  setenv("SAFEPORT_AUTH_H_IO", "bob:", 1);
  expect_failure("h.io", "SAFEPORT_AUTH_H_IO");
  setenv("SAFEPORT_AUTH_H_IO", "", 1);
  expect("h.io", "", "");
  setenv("SAFEPORT_AUTH_H_IO", "bob", 1);
  expect_failure("h.io", "user:secret");
}

static void test_bad_file(void **state)
{
  (void)state;
  write_config("{\"auths\":{\"h.io\":{\"auth\":\"!!\"}}");
  expect_failure("h.io", "config.json");
  write_config("not json");
  expect_failure("h.io", "config.json");
}

static int remove_dir(void **state)
{
  (void)state;
  char path[64];
  snprintf(path, sizeof path, "%s/config.json", dir);
  unlink(path);
  return rmdir(dir);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_anonymous, setup),
      cmocka_unit_test_setup(test_order, setup),
      cmocka_unit_test_setup(test_empty_secret, setup),
      cmocka_unit_test_setup(test_bad_file, setup),
  };
  if (!mkdtemp(dir))
    return 1;
  return cmocka_run_group_tests(tests, NULL, remove_dir);
}
