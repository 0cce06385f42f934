/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/credential.h"

#include "scratch.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define ALICE "YWxpY2U6czNjcmV0" /* alice:s3cret */

static const char *const variables[] = {
    "DOCKER_AUTH_CONFIG", "DOCKER_CONFIG",      "HOME",
    "GITHUB_ACTOR",       "GITHUB_TOKEN",       "DOCKERHUB_USERNAME",
    "DOCKERHUB_TOKEN",    "SAFEPORT_AUTH_H_IO", "SAFEPORT_AUTH_127_0_0_1_5000",
    "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR",    "XDG_CONFIG_HOME",
};
static void write_config(const char *text)
{
  scratch_write("config.json", text, 0600);
}

static int setup(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(variables); i++)
    unsetenv(variables[i]);
  setenv("DOCKER_CONFIG", scratch_dir, 1);
  setenv("XDG_RUNTIME_DIR", scratch_path("run"), 1);
  setenv("XDG_CONFIG_HOME", scratch_path("config"), 1);
  write_config("{}");
  unlink(scratch_path("run/containers/auth.json"));
  unlink(scratch_path("config/containers/auth.json"));
  return 0;
}

static struct sp_credential find(const char *host, const char *repository)
{
  struct sp_credential got;
  struct sp_err err = SP_ERR_INIT;
  const struct sp_credential_query query = {.host = host, .repository = repository};
  if (sp_credential_find(&query, &got, &err) < 0)
    fail_msg("%s: %s", host, err.msg);
  return got;
}

static void expect_at(const char *host, const char *repository, const char *user,
                      const char *password, const char *source)
{
  struct sp_credential got = find(host, repository);
  assert_string_equal(got.user, user);
  assert_true(sp_span_eq_str(sp_secret_reveal(&got.password), password));
  assert_true(sp_credential_is_anonymous(&got) == (*user == '\0'));
  if (source)
    assert_string_equal(got.source, source);
  sp_credential_clear(&got);
}

static void expect(const char *host, const char *user, const char *password)
{
  expect_at(host, "ns/app", user, password, NULL);
}

static void expect_failure(const char *host, const char *part)
{
  struct sp_credential got;
  struct sp_err err = SP_ERR_INIT;
  const struct sp_credential_query query = {.host = host};
  assert_int_equal(sp_credential_find(&query, &got, &err), -1);
  assert_int_equal(err.code, SP_E_AUTH);
  assert_true(sp_credential_is_anonymous(&got));
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

#define ENTRY(key, auth) "{\"auths\":{\"" key "\":{\"auth\":\"" auth "\"}}}"

/* docker's file, then podman's two; one that was named comes alone. */
static void test_files(void **state)
{
  (void)state;
  scratch_write("config/containers/auth.json", ENTRY("h.io", "Yzpj"), 0600);
  expect_at("h.io", "x", "c", "c", "podman's auth.json");
  scratch_write("run/containers/auth.json", ENTRY("h.io", "cjpy"), 0600);
  expect_at("h.io", "x", "r", "r", "podman's auth.json");
  write_config(ENTRY("h.io", ALICE));
  expect_at("h.io", "x", "alice", "s3cret", "docker's config.json");
  scratch_write("named.json", ENTRY("g.io", "ZzpH"), 0600);
  setenv("REGISTRY_AUTH_FILE", scratch_path("named.json"), 1);
  expect("h.io", "", "");
  expect_at("g.io", "x", "g", "G", "REGISTRY_AUTH_FILE");
  setenv("REGISTRY_AUTH_FILE", scratch_path("absent.json"), 1);
  expect("h.io", "", "");
}

/* A namespace beats the host, in its own file. */
static void test_namespaces(void **state)
{
  (void)state;
  scratch_write("run/containers/auth.json", ENTRY("h.io/ns/user", "bjpu"), 0600);
  scratch_write("config/containers/auth.json", ENTRY("h.io", "Yzpj"), 0600);
  expect_at("h.io", "ns/user/app", "n", "n", NULL);
  expect_at("h.io", "ns/other", "c", "c", NULL);
  expect_at("h.io", NULL, "c", "c", NULL);
  struct sp_credential got = find("h.io", "ns/other");
  assert_false(got.is_of_host);
  sp_credential_clear(&got);
  got = find("g.io", "ns/other");
  assert_true(got.is_of_host);
  write_config(ENTRY("h.io", ALICE));
  got = find("h.io", "ns/user/app");
  assert_string_equal(got.user, "alice");
  assert_true(got.is_of_host); /* podman's files are never asked */
  sp_credential_clear(&got);
}

static void test_links_are_followed(void **state)
{
  (void)state;
  scratch_write("real.json", ENTRY("h.io", ALICE), 0600);
  unlink(scratch_path("config.json"));
  assert_int_equal(symlink("real.json", scratch_path("config.json")), 0);
  expect("h.io", "alice", "s3cret");
  unlink(scratch_path("real.json"));
  expect("h.io", "", "");
  unlink(scratch_path("config.json"));
  assert_int_equal(mkdir(scratch_path("config.json"), 0700), 0);
  expect_failure("h.io", "not a regular file");
  rmdir(scratch_path("config.json"));
}

#define HELPER(body) "#!/bin/sh\n[ \"$1\" = get ] && read -r url\n" body "\n"

static void test_helper(void **state)
{
  (void)state;
  scratch_write(
      "docker-credential-good",
      HELPER("printf '{\"ServerURL\":\"%s\",\"Username\":\"bob\",\"Secret\":\"x\"}' $url"), 0700);
  scratch_write("docker-credential-empty",
                HELPER("echo 'credentials not found in native keychain'; exit 1"), 0700);
  write_config("{\"credsStore\":\"good\",\"auths\":{\"h.io\":{\"auth\":\"" ALICE "\"}}}");
  expect_at("h.io", "x", "bob", "x", "docker's config.json");
  expect_at("docker.io", "x", "bob", "x", "docker's config.json");
  setenv("SAFEPORT_AUTH_H_IO", "u:p", 1); /* comes before, and the helper is not asked */
  write_config("{\"credsStore\":\"absent\"}");
  expect("h.io", "u", "p");
  unsetenv("SAFEPORT_AUTH_H_IO");
  expect_failure("h.io", "'docker-credential-absent'");
  expect_failure("h.io", "config.json'");
  /* it has nothing: what the file has, then the next source */
  write_config("{\"credsStore\":\"empty\",\"auths\":{\"h.io\":{\"auth\":\"" ALICE "\"}}}");
  expect("h.io", "alice", "s3cret");
  write_config("{\"credHelpers\":{\"ghcr.io\":\"empty\"},\"credsStore\":\"absent\"}");
  setenv("GITHUB_ACTOR", "actor", 1);
  setenv("GITHUB_TOKEN", "ghs_x", 1);
  expect("ghcr.io", "actor", "ghs_x");
}

static int open_all(void **state)
{
  static const char *const names[] = {"run", "run/containers", "config", "config/containers"};
  int rc = scratch_open(state);
  for (size_t i = 0; i < COUNT(names) && rc == 0; i++)
    rc = mkdir(scratch_path(names[i]), 0700);
  return rc;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_anonymous, setup),
      cmocka_unit_test_setup(test_order, setup),
      cmocka_unit_test_setup(test_empty_secret, setup),
      cmocka_unit_test_setup(test_bad_file, setup),
      cmocka_unit_test_setup(test_files, setup),
      cmocka_unit_test_setup(test_namespaces, setup),
      cmocka_unit_test_setup(test_links_are_followed, setup),
      cmocka_unit_test_setup(test_helper, setup),
  };
  return cmocka_run_group_tests(tests, open_all, scratch_close);
}
