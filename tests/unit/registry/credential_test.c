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
    "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR",    "XDG_CONFIG_HOME",
};
static char dir[] = "/tmp/sp-credential-XXXXXX";

static const char *path_of(const char *name)
{
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
  const char *path = path_of(name);
  unlink(path); /* a link, from another test */
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

static void write_config(const char *text)
{
  write_file("config.json", text, 0600);
}

static int setup(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(variables); i++)
    unsetenv(variables[i]);
  setenv("DOCKER_CONFIG", dir, 1);
  setenv("XDG_RUNTIME_DIR", path_of("run"), 1);
  setenv("XDG_CONFIG_HOME", path_of("config"), 1);
  setenv("PATH", path_of("bin:/usr/bin:/bin"), 1);
  write_config("{}");
  unlink(path_of("run/containers/auth.json"));
  unlink(path_of("config/containers/auth.json"));
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
  write_file("config/containers/auth.json", ENTRY("h.io", "Yzpj"), 0600);
  expect_at("h.io", "x", "c", "c", "podman's auth.json");
  write_file("run/containers/auth.json", ENTRY("h.io", "cjpy"), 0600);
  expect_at("h.io", "x", "r", "r", "podman's auth.json");
  write_config(ENTRY("h.io", ALICE));
  expect_at("h.io", "x", "alice", "s3cret", "docker's config.json");
  write_file("named.json", ENTRY("g.io", "ZzpH"), 0600);
  setenv("REGISTRY_AUTH_FILE", path_of("named.json"), 1);
  expect("h.io", "", "");
  expect_at("g.io", "x", "g", "G", "REGISTRY_AUTH_FILE");
  setenv("REGISTRY_AUTH_FILE", path_of("absent.json"), 1);
  expect("h.io", "", "");
}

/* A namespace beats the host, in its own file. */
static void test_namespaces(void **state)
{
  (void)state;
  write_file("run/containers/auth.json", ENTRY("h.io/ns/user", "bjpu"), 0600);
  write_file("config/containers/auth.json", ENTRY("h.io", "Yzpj"), 0600);
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
  write_file("real.json", ENTRY("h.io", ALICE), 0600);
  unlink(path_of("config.json"));
  assert_int_equal(symlink("real.json", path_of("config.json")), 0);
  expect("h.io", "alice", "s3cret");
  unlink(path_of("real.json"));
  expect("h.io", "", "");
  unlink(path_of("config.json"));
  assert_int_equal(mkdir(path_of("config.json"), 0700), 0);
  expect_failure("h.io", "not a regular file");
  rmdir(path_of("config.json"));
}

#define HELPER(body) "#!/bin/sh\n[ \"$1\" = get ] && read -r url\n" body "\n"

static void test_helper(void **state)
{
  (void)state;
  write_file("bin/docker-credential-good",
             HELPER("printf '{\"ServerURL\":\"%s\",\"Username\":\"bob\",\"Secret\":\"x\"}' $url"),
             0700);
  write_file("bin/docker-credential-empty",
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

static int make_dirs(void)
{
  static const char *const names[] = {"bin", "run", "run/containers", "config",
                                      "config/containers"};
  if (!mkdtemp(dir))
    return -1;
  for (size_t i = 0; i < COUNT(names); i++) {
    if (mkdir(path_of(names[i]), 0700) < 0)
      return -1;
  }
  return 0;
}

static int remove_dir(void **state)
{
  (void)state;
  char command[sizeof dir + 16];
  snprintf(command, sizeof command, "rm -r %s", dir);
  return system(command);
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
  if (make_dirs() < 0)
    return 1;
  return cmocka_run_group_tests(tests, NULL, remove_dir);
}
