/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "layout/sweep.h"

static void test_removes_only_what_is_ours_old_and_unlocked(void **state)
{
  static const struct {
    const char *name;
    bool stays;
  } files[] = {
      {SP_FILE_TEMP_PREFIX "0123", false},
      {SP_FILE_TEMP_PREFIX "locked", true},
      {"other", true},
      {".safeport-lock", true},
      {"x" SP_FILE_TEMP_PREFIX, true},
      {".safeport-tmp", true},
  };
  char dir[FX_PATH_MAX];
  char path[FX_PATH_MAX];
  (void)state;
  fx_make_dir(dir);
  int dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
    close(openat(dir_fd, files[i].name, O_CREAT | O_WRONLY, 0600));
  assert_int_equal(symlinkat("other", dir_fd, SP_FILE_TEMP_PREFIX "link"), 0);
  assert_int_equal(mkdirat(dir_fd, SP_FILE_TEMP_PREFIX "dir", 0700), 0);
  int locked = openat(dir_fd, SP_FILE_TEMP_PREFIX "locked", O_RDONLY);
  assert_int_equal(flock(locked, LOCK_EX), 0);

  sp_sweep_dir(dir_fd, sp_clock_wall_s()); /* all are young */
  fx_join(path, dir, SP_FILE_TEMP_PREFIX "0123");
  assert_true(fx_exists(path));

  sp_sweep_dir(dir_fd, sp_clock_wall_s() + SP_SWEEP_AGE_S + 1);
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    fx_join(path, dir, files[i].name);
    if (fx_exists(path) != files[i].stays)
      fail_msg("'%s' %s", files[i].name, files[i].stays ? "is gone" : "was left");
  }
  fx_join(path, dir, SP_FILE_TEMP_PREFIX "link");
  assert_true(fx_exists(path));
  fx_join(path, dir, SP_FILE_TEMP_PREFIX "dir");
  assert_true(fx_exists(path));
  close(locked);
  close(dir_fd);
  fx_remove_tree(dir);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_removes_only_what_is_ours_old_and_unlocked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
