/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/state_dir.h"

static char root[64];
static const char *const variables[] = {"SAFEPORT_STATE", "STATE_DIRECTORY", "XDG_STATE_HOME",
                                        "HOME"};
#define VARIABLES (sizeof variables / sizeof variables[0])

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
  (void)st;
  (void)flag;
  (void)ftw;
  return remove(path);
}

static int setup(void **state)
{
  (void)state;
  snprintf(root, sizeof root, "%s", "/tmp/safeport-state-XXXXXX");
  for (size_t i = 0; i < VARIABLES; i++)
    unsetenv(variables[i]);
  return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
  (void)state;
  return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *below_root(const char *name)
{
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", root, name);
  return path;
}

static void test_find(void **state)
{
  (void)state;
  static const struct {
    const char *values[VARIABLES]; /* NULL: not set */
    const char *want;
  } rows[] = {
      {{"there", "/b", "/c", "/d"}, "there"},
      {{"", "/b", "/c", "/d"}, "/b"},
      {{NULL, "b", "/c", "/d"}, "/c/safeport"},
      {{NULL, NULL, "c", "/d"}, "/d/.local/state/safeport"},
      {{NULL, NULL, "", "/d"}, "/d/.local/state/safeport"},
  };
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
    for (size_t i = 0; i < VARIABLES; i++) {
      unsetenv(variables[i]);
      if (rows[r].values[i])
        setenv(variables[i], rows[r].values[i], 1);
    }
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_FREE char *path = NULL;
    assert_int_equal(sp_state_dir_find(&path, &err), 0);
    assert_string_equal(path, rows[r].want);
  }
}

/* Runs `check` as another user than root, if we are root; its failed assertion is its status. */
static void as_nobody(int (*check)(void))
{
  pid_t child = fork();
  if (child == 0)
    _exit(geteuid() == 0 && setuid(65534) < 0 ? 99 : check());
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static int finds_none(void)
{
  struct sp_err err = SP_ERR_INIT;
  char *path = NULL;
  return sp_state_dir_find(&path, &err) == -1 && err.code == SP_E_USAGE ? 0 : 1;
}

static void test_find_none(void **state)
{
  (void)state;
  as_nobody(finds_none);
  if (geteuid() != 0)
    return;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_FREE char *path = NULL;
  assert_int_equal(sp_state_dir_find(&path, &err), 0);
  assert_string_equal(path, "/var/lib/safeport");
}

static void test_open_makes_it_private(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct stat facts;
  SP_AUTO_CLOSE int made = -1;
  SP_AUTO_CLOSE int again = -1;
  assert_int_equal(sp_state_dir_open(below_root("a/b/safeport"), &made, &err), 0);
  assert_int_equal(fstat(made, &facts), 0);
  assert_int_equal(facts.st_mode & 07777, 0700);
  assert_int_equal(fchmod(made, 0755), 0); /* systemd's default for StateDirectory= */
  assert_int_equal(sp_state_dir_open(below_root("a/b/safeport"), &again, &err), 0);
  assert_int_equal(fstat(again, &facts), 0);
  assert_int_equal(facts.st_mode & 07777, 0700);
}

static void test_open_refuses_what_others_may_write(void **state)
{
  (void)state;
  static const mode_t modes[] = {0770, 0702, 0777};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    struct stat facts;
    int fd = -1;
    (void)mkdir(below_root("loose"), 0700);
    assert_int_equal(chmod(below_root("loose"), modes[i]), 0);
    assert_int_equal(sp_state_dir_open(below_root("loose"), &fd, &err), -1);
    assert_int_equal(err.code, SP_E_REFUSED);
    assert_int_equal(fd, -1);
    assert_int_equal(stat(below_root("loose"), &facts), 0);
    assert_int_equal(facts.st_mode & 07777, modes[i]); /* as it was */
  }
}

static int refuses_roots(void)
{
  struct sp_err err = SP_ERR_INIT;
  int fd = -1;
  if (sp_state_dir_open("/usr", &fd, &err) == 0 || err.code != SP_E_REFUSED)
    return 1;
  return strstr(err.msg, "another user") ? 0 : 2;
}

static void test_open_refuses_another_users(void **state)
{
  (void)state;
  as_nobody(refuses_roots);
}

static void test_open_refuses_a_file(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  int fd = open(below_root("file"), O_WRONLY | O_CREAT, 0600);
  assert_true(fd >= 0);
  close(fd);
  fd = -1;
  assert_int_equal(sp_state_dir_open(below_root("file"), &fd, &err), -1);
  assert_int_equal(fd, -1);
  assert_non_null(strstr(err.msg, "state directory"));
}

static void test_open_below(void **state)
{
  (void)state;
  SP_AUTO_CLOSE int fd = -1;
  struct sp_err err = SP_ERR_INIT;
  struct stat facts;
  setenv("SAFEPORT_STATE", "/dev/null", 1);
  assert_int_equal(sp_state_dir_open_below("images", &fd, &err), -1);
  setenv("SAFEPORT_STATE", below_root("state"), 1);
  assert_int_equal(sp_state_dir_open_below("images", &fd, &err), 0);
  assert_int_equal(stat(below_root("state/images"), &facts), 0);
  assert_int_equal(facts.st_mode & 07777, 0700);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_find, setup, teardown),
      cmocka_unit_test_setup_teardown(test_find_none, setup, teardown),
      cmocka_unit_test_setup_teardown(test_open_makes_it_private, setup, teardown),
      cmocka_unit_test_setup_teardown(test_open_refuses_what_others_may_write, setup, teardown),
      cmocka_unit_test_setup_teardown(test_open_refuses_another_users, setup, teardown),
      cmocka_unit_test_setup_teardown(test_open_refuses_a_file, setup, teardown),
      cmocka_unit_test_setup_teardown(test_open_below, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
