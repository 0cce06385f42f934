/* SPDX-License-Identifier: Apache-2.0 */
/* Found once: counted by a helper that notes each time it is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static char dir[] = "/tmp/sp-identity-XXXXXX";

static void write_file(const char *name, const char *text)
{
  char path[128];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  assert_int_equal(chmod(path, 0700), 0);
}

static long times_asked(void)
{
  struct stat facts;
  char path[128];
  snprintf(path, sizeof path, "%s/asked", dir);
  return stat(path, &facts) < 0 ? 0 : facts.st_size;
}

static struct sp_identities identities;

static int setup(void **state)
{
  (void)state;
  char path[128];
  snprintf(path, sizeof path, "%s/asked", dir);
  unlink(path);
  sp_identities_init(&identities, "h.io", NULL);
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  sp_identities_clear(&identities);
  return 0;
}

static const char *user_for(const char *scope)
{
  struct sp_identity *who;
  struct sp_err err = SP_ERR_INIT;
  if (sp_identities_find(&identities, scope, &who, &err) < 0)
    fail_msg("%s: %s", scope, err.msg);
  return who->credential.user;
}

#define NOTE "#!/bin/sh\nprintf x >> \"$(dirname \"$0\")/asked\"\n"

static void test_once_for_the_host(void **state)
{
  (void)state;
  write_file("docker-credential-x", NOTE "echo '{\"Username\":\"bob\",\"Secret\":\"s3cret\"}'");
  write_file("config.json", "{\"credsStore\":\"x\"}");
  assert_false(sp_identities_has(&identities, "a/b"));
  assert_string_equal(user_for("repository:a/b:pull"), "bob");
  assert_string_equal(user_for("repository:c:pull,push repository:d:pull"), "bob");
  assert_string_equal(user_for(""), "bob");
  assert_string_equal(user_for(NULL), "bob");
  assert_true(sp_identities_has(&identities, "e"));
  assert_int_equal(times_asked(), 1);
}

static void test_once_for_a_namespace(void **state)
{
  (void)state;
  /* {"user":"user"} each */
  write_file("config.json",
             "{\"auths\":{\"h.io/ns\":{\"auth\":\"bnM6bnM=\"},\"h.io\":{\"auth\":\"aG86aG8=\"}}}");
  assert_string_equal(user_for("repository:other:pull"), "ho");
  assert_string_equal(user_for("repository:ns/app:pull"), "ns");
  assert_string_equal(user_for("repository:nsx:pull"), "ho");
  /* a mount: who writes is who we are */
  assert_string_equal(user_for("repository:ns/app:pull,push repository:other:pull"), "ns");
  write_file("config.json", "{}");
  assert_string_equal(user_for("repository:other:pull,push"), "ho"); /* not looked up again */
  assert_string_equal(user_for("repository:ns/app:pull,push"), "ns");
}

static void test_failure_once(void **state)
{
  (void)state;
  write_file("docker-credential-x", NOTE "exit 9");
  write_file("config.json", "{\"credsStore\":\"x\"}");
  struct sp_identity *who;
  for (int i = 0; i < 3; i++) {
    struct sp_err err = SP_ERR_INIT;
    const char *scope = i == 1 ? "repository:b:pull" : "repository:a:pull";
    assert_int_equal(sp_identities_find(&identities, scope, &who, &err), -1);
    assert_int_equal(err.code, SP_E_AUTH);
    assert_non_null(strstr(err.msg, "exit status 9"));
  }
  assert_int_equal(times_asked(), 1);
  assert_false(sp_identities_has(&identities, "a"));
}

static void test_set(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  write_file("config.json", "broken");
  struct sp_credential given = {.user = "me"};
  assert_int_equal(sp_secret_set(&given.password, SP_SPAN_LIT("s3cret"), &err), 0);
  assert_int_equal(sp_identities_set(&identities, &given, &err), 0);
  sp_credential_clear(&given);
  assert_string_equal(user_for("repository:a:pull"), "me");
  assert_string_equal(user_for(""), "me");
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
      cmocka_unit_test_setup_teardown(test_once_for_the_host, setup, teardown),
      cmocka_unit_test_setup_teardown(test_once_for_a_namespace, setup, teardown),
      cmocka_unit_test_setup_teardown(test_failure_once, setup, teardown),
      cmocka_unit_test_setup_teardown(test_set, setup, teardown),
  };
  if (!mkdtemp(dir))
    return 1;
  char path[sizeof dir + 32];
  snprintf(path, sizeof path, "%s:/usr/bin:/bin", dir);
  setenv("PATH", path, 1);
  setenv("DOCKER_CONFIG", dir, 1);
  setenv("XDG_RUNTIME_DIR", dir, 1);
  setenv("XDG_CONFIG_HOME", dir, 1);
  unsetenv("REGISTRY_AUTH_FILE");
  unsetenv("DOCKER_AUTH_CONFIG");
  return cmocka_run_group_tests(tests, NULL, remove_dir);
}
