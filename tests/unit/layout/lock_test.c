/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "layout/lock.h"

static char dir[FX_PATH_MAX];
static int dir_fd;
static int64_t jump_ms; /* added to the clock at each look */
static int64_t jumped_ms;

int64_t __real_sp_clock_mono_ms(void);
int64_t __wrap_sp_clock_mono_ms(void);
int64_t __wrap_sp_clock_mono_ms(void)
{
  jumped_ms += jump_ms;
  return __real_sp_clock_mono_ms() + jumped_ms;
}

static int set_up(void **state)
{
  (void)state;
  jump_ms = 0;
  fx_make_dir(dir);
  dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  close(dir_fd);
  fx_remove_tree(dir);
  return 0;
}

static void test_one_holder_at_a_time(void **state)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_LOCK struct sp_lock first = SP_LOCK_INIT;
  SP_AUTO_LOCK struct sp_lock second = SP_LOCK_INIT;
  (void)state;
  fx_must(sp_lock_take(&first, dir_fd, 0600, "x", NULL, &err), &err);
  jump_ms = 10000;
  fx_must_fail(sp_lock_take(&second, dir_fd, 0600, "x", NULL, &err), &err, SP_E_LOCKED);
  assert_non_null(strstr(err.msg, SP_LOCK_FILE));
  assert_int_equal(second.fd, -1);
  jump_ms = 0;
  sp_lock_clear(&first);
  fx_must(sp_lock_take(&second, dir_fd, 0600, "x", NULL, &err), &err);
}

static void test_a_signal_ends_the_wait(void **state)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_LOCK struct sp_lock first = SP_LOCK_INIT;
  SP_AUTO_LOCK struct sp_lock second = SP_LOCK_INIT;
  struct sp_cancel *cancel = NULL;
  (void)state;
  fx_must(sp_cancel_new(&cancel, &err), &err);
  fx_must(sp_lock_take(&first, dir_fd, 0600, "x", cancel, &err), &err);
  sp_cancel_request(cancel, SIGTERM);
  fx_must_fail(sp_lock_take(&second, dir_fd, 0600, "x", cancel, &err), &err, SP_E_INTERRUPTED);
  sp_cancel_free(cancel);
}

static void test_ends_with_its_holder(void **state)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_LOCK struct sp_lock lock = SP_LOCK_INIT;
  int ready[2];
  char byte;
  (void)state;
  assert_int_equal(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    struct sp_lock held = SP_LOCK_INIT;
    if (sp_lock_take(&held, dir_fd, 0600, "x", NULL, &err) == 0 && write(ready[1], "x", 1) == 1)
      pause();
    _exit(1);
  }
  assert_int_equal(read(ready[0], &byte, 1), 1);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  fx_must(sp_lock_take(&lock, dir_fd, 0600, "x", NULL, &err), &err);
  close(ready[0]);
  close(ready[1]);
}

static void test_refuses_odd_lock_files(void **state)
{
  static const char *const kinds[] = {"link", "fifo", "directory"};
  char path[FX_PATH_MAX];
  (void)state;
  fx_join(path, dir, SP_LOCK_FILE);
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    struct sp_lock lock = SP_LOCK_INIT;
    int made = i == 0   ? symlink("/etc/hostname", path)
               : i == 1 ? mkfifo(path, 0600)
                        : mkdir(path, 0700);
    assert_int_equal(made, 0);
    fx_must_fail(sp_lock_take(&lock, dir_fd, 0600, "x", NULL, &err), &err, SP_E_INVALID);
    remove(path);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_one_holder_at_a_time, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_signal_ends_the_wait, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_ends_with_its_holder, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_refuses_odd_lock_files, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
