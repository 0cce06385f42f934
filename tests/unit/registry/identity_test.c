/* SPDX-License-Identifier: Apache-2.0 */
/* Found once: counted by a helper that notes each time it is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/identity.h"

#include "scratch.h"

static long times_asked(void)
{
  struct stat facts;
  return stat(scratch_path("asked"), &facts) < 0 ? 0 : facts.st_size;
}

static struct sp_identities identities;

static int setup(void **state)
{
  (void)state;
  unlink(scratch_path("asked"));
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
  scratch_write("docker-credential-x", NOTE "echo '{\"Username\":\"bob\",\"Secret\":\"s3cret\"}'",
                0700);
  scratch_write("config.json", "{\"credsStore\":\"x\"}", 0700);
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
  scratch_write(
      "config.json",
      "{\"auths\":{\"h.io/ns\":{\"auth\":\"bnM6bnM=\"},\"h.io\":{\"auth\":\"aG86aG8=\"}}}", 0700);
  assert_string_equal(user_for("repository:other:pull"), "ho");
  assert_string_equal(user_for("repository:ns/app:pull"), "ns");
  assert_string_equal(user_for("repository:nsx:pull"), "ho");
  /* a mount: who writes is who we are */
  assert_string_equal(user_for("repository:ns/app:pull,push repository:other:pull"), "ns");
  scratch_write("config.json", "{}", 0700);
  assert_string_equal(user_for("repository:other:pull,push"), "ho"); /* not looked up again */
  assert_string_equal(user_for("repository:ns/app:pull,push"), "ns");
}

static void test_failure_once(void **state)
{
  (void)state;
  scratch_write("docker-credential-x", NOTE "exit 9", 0700);
  scratch_write("config.json", "{\"credsStore\":\"x\"}", 0700);
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
  scratch_write("config.json", "broken", 0700);
  struct sp_credential given = {.user = "me"};
  assert_int_equal(sp_secret_set(&given.password, SP_SPAN_LIT("s3cret"), &err), 0);
  assert_int_equal(sp_identities_set(&identities, &given, &err), 0);
  sp_credential_clear(&given);
  assert_string_equal(user_for("repository:a:pull"), "me");
  assert_string_equal(user_for(""), "me");
}

static int open_all(void **state)
{
  if (scratch_open(state) != 0)
    return -1;
  unsetenv("REGISTRY_AUTH_FILE");
  unsetenv("DOCKER_AUTH_CONFIG");
  setenv("XDG_RUNTIME_DIR", scratch_dir, 1);
  setenv("XDG_CONFIG_HOME", scratch_dir, 1);
  return setenv("DOCKER_CONFIG", scratch_dir, 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_once_for_the_host, setup, teardown),
      cmocka_unit_test_setup_teardown(test_once_for_a_namespace, setup, teardown),
      cmocka_unit_test_setup_teardown(test_failure_once, setup, teardown),
      cmocka_unit_test_setup_teardown(test_set, setup, teardown),
  };
  return cmocka_run_group_tests(tests, open_all, scratch_close);
}
