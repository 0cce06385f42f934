/* SPDX-License-Identifier: Apache-2.0 */
/* Every case runs twice: with openat2, and as on a kernel (or under a seccomp profile) without. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "layout/beneath.h"

static int refuse_with; /* errno of openat2; 0: let it through */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, long a, long b, long c, long d);
long __wrap_syscall(long number, long a, long b, long c, long d)
{
  if (refuse_with == 0)
    return __real_syscall(number, a, b, c, d);
  errno = refuse_with;
  return -1;
}

static char dir[FX_PATH_MAX];
static int dir_fd;

static void in_dir(const char *name, char out[FX_PATH_MAX])
{
  fx_join(out, dir, name);
}

static void make_socket(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%.*s", (int)sizeof address.sun_path - 1,
           path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  close(fd);
}

static int set_up(void **state)
{
  char path[FX_PATH_MAX];
  (void)state;
  fx_make_dir(dir);
  dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
  in_dir("d", path);
  mkdir(path, 0700);
  in_dir("d/file", path);
  fx_write_file(path, "abc", 3);
  in_dir("d/fifo", path);
  mkfifo(path, 0600);
  in_dir("d/socket", path);
  make_socket(path);
  in_dir("d/device", path);
  (void)mknod(path, S_IFCHR | 0600, 0x103); /* only root may: else "not found" */
  in_dir("d/link", path);
  assert_int_equal(symlink("file", path), 0);
  in_dir("d/out", path);
  assert_int_equal(symlink("/etc/passwd", path), 0);
  in_dir("link", path);
  assert_int_equal(symlink("d", path), 0);
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  close(dir_fd);
  fx_remove_tree(dir);
  return 0;
}

static const struct {
  const char *path;
  enum sp_code code; /* SP_OK: it opens */
} files[] = {
    {"d/file", SP_OK},
    {"d/nothing", SP_E_NOT_FOUND},
    {"nothing/file", SP_E_NOT_FOUND},
    {"d", SP_E_INVALID},
    {"d/fifo", SP_E_INVALID},
    {"d/socket", SP_E_INVALID},
    {"d/link", SP_E_INVALID},
    {"d/out", SP_E_INVALID},
    {"link/file", SP_E_INVALID},
    {"d/file/x", SP_E_INVALID},
    {"../d/file", SP_E_INVALID},
    {"d/../d/file", SP_E_INVALID},
    {"/etc/passwd", SP_E_INVALID},
};

static void check_files(void)
{
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    int fd = -1;
    uint64_t size_bytes = 0;
    int result = sp_beneath_open_file(dir_fd, files[i].path, &fd, &size_bytes, &err);
    if (err.code != files[i].code)
      fail_msg("'%s': %s, not %s: %s", files[i].path, sp_code_name(err.code),
               sp_code_name(files[i].code), err.msg);
    assert_int_equal(result, files[i].code == SP_OK ? 0 : -1);
    if (result < 0)
      continue;
    assert_int_equal(size_bytes, 3);
    close(fd);
  }
}

static void check_devices(void)
{
  struct sp_err err = SP_ERR_INIT;
  int fd = -1;
  uint64_t size_bytes;
  char path[FX_PATH_MAX];
  in_dir("d/device", path);
  if (fx_exists(path))
    fx_must_fail(sp_beneath_open_file(dir_fd, "d/device", &fd, &size_bytes, &err), &err,
                 SP_E_INVALID);
}

static void check_dirs(void)
{
  struct sp_err err = SP_ERR_INIT;
  int fd = -1;
  fx_must_fail(sp_beneath_open_dir(dir_fd, "link", &fd, &err), &err, SP_E_INVALID);
  fx_must_fail(sp_beneath_open_dir(dir_fd, "d/file", &fd, &err), &err, SP_E_INVALID);
  fx_must_fail(sp_beneath_make_dir(dir_fd, "link/new", 0700, &fd, &err), &err, SP_E_INVALID);
  fx_must_fail(sp_beneath_open_dir(dir_fd, "d/new", &fd, &err), &err, SP_E_NOT_FOUND);
  fx_must(sp_beneath_make_dir(dir_fd, "d/new/er", 0700, &fd, &err), &err);
  close(fd);
  fx_must(sp_beneath_open_dir(dir_fd, "d/new/er", &fd, &err), &err);
  close(fd);
  assert_int_equal(unlinkat(dir_fd, "d/new/er", AT_REMOVEDIR), 0);
  assert_int_equal(unlinkat(dir_fd, "d/new", AT_REMOVEDIR), 0);
}

static void test_opens_only_what_lies_below(void **state)
{
  static const int ways[] = {0, ENOSYS, EPERM};
  (void)state;
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    refuse_with = ways[i];
    check_files();
    check_devices();
    check_dirs();
  }
  refuse_with = 0;
}

static void test_gives_up_on_a_race_that_never_ends(void **state)
{
  struct sp_err err = SP_ERR_INIT;
  int fd = -1;
  (void)state;
  refuse_with = EAGAIN;
  fx_must_fail(sp_beneath_open_dir(dir_fd, "d", &fd, &err), &err, SP_E_IO);
  refuse_with = 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_opens_only_what_lies_below, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_gives_up_on_a_race_that_never_ends, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
