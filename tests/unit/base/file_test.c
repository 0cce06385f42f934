/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char root[64];
static int root_fd = -1;

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
  snprintf(root, sizeof root, "%s", "/tmp/safeport-file-XXXXXX");
  if (!mkdtemp(root))
    return -1;
  root_fd = open(root, O_RDONLY | O_DIRECTORY);
  return root_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
  (void)state;
  close(root_fd);
  return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *name, const char *text)
{
  int fd = openat(root_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  close(fd);
}

static void assert_holds(const char *name, const char *text)
{
  struct sp_err err;
  SP_AUTO_BUF struct sp_buf buf;
  sp_buf_init(&buf, 1000);
  assert_int_equal(sp_file_read(root_fd, name, &buf, &err), 0);
  assert_string_equal(sp_buf_str(&buf), text);
}

/* Names in the root that begin like our temporary files. */
static int count_temps(void)
{
  int n = 0;
  DIR *dir = opendir(root);
  assert_non_null(dir);
  for (struct dirent *e = readdir(dir); e; e = readdir(dir))
    n += strncmp(e->d_name, SP_FILE_TEMP_PREFIX, strlen(SP_FILE_TEMP_PREFIX)) == 0;
  closedir(dir);
  return n;
}

static void test_read_refuses_what_is_no_file(void **state)
{
  (void)state;
  put("secret", "other's");
  assert_int_equal(symlinkat("secret", root_fd, "link"), 0);
  assert_int_equal(symlinkat("nowhere", root_fd, "dangling"), 0);
  assert_int_equal(mkfifoat(root_fd, "fifo", 0600), 0);
  assert_int_equal(mkdirat(root_fd, "dir", 0700), 0);
  static const struct {
    const char *name;
    enum sp_code code;
  } cases[] = {{"link", SP_E_INVALID}, {"dangling", SP_E_INVALID},  {"fifo", SP_E_INVALID},
               {"dir", SP_E_INVALID},  {"missing", SP_E_NOT_FOUND}, {"dir/missing", SP_E_NOT_FOUND},
               {"secret/x", SP_E_IO},  {"/dev/zero", SP_E_INVALID}, {"", SP_E_NOT_FOUND}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sp_err err;
    SP_AUTO_BUF struct sp_buf buf;
    sp_buf_init(&buf, 100);
    assert_int_equal(sp_file_read(root_fd, cases[i].name, &buf, &err), -1);
    assert_int_equal(err.code, cases[i].code);
    assert_int_equal(buf.len, 0);
  }
}

static void test_read_ceiling(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_BUF struct sp_buf buf;
  sp_buf_init(&buf, 10);
  put("ten", "0123456789");
  put("eleven", "0123456789a");
  assert_int_equal(sp_file_read(root_fd, "ten", &buf, &err), 0);
  assert_int_equal(sp_file_read(root_fd, "ten", &buf, &err), -1); /* appends: full already */
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_string_equal(sp_buf_str(&buf), "0123456789");
  sp_buf_reset(&buf);
  assert_int_equal(sp_file_read(root_fd, "eleven", &buf, &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_int_equal(buf.len, 0);
  int fd = openat(root_fd, "sparse", O_WRONLY | O_CREAT, 0600); /* a terabyte of nothing */
  if (ftruncate(fd, (off_t)1 << 40) == 0) {
    assert_int_equal(sp_file_read(root_fd, "sparse", &buf, &err), -1);
    assert_int_equal(err.code, SP_E_LIMIT);
  }
  close(fd);
  /* Files of /proc say size 0 and are longer: the ceiling holds while reading too. */
  assert_int_equal(sp_file_read(AT_FDCWD, "/proc/self/status", &buf, &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_int_equal(buf.len, 0);
}

static void test_replace(void **state)
{
  (void)state;
  struct sp_err err;
  struct stat st;
  assert_int_equal(sp_file_replace(root_fd, "f", 0600, SP_SPAN_LIT("one"), &err), 0);
  assert_holds("f", "one");
  assert_int_equal(sp_file_replace(root_fd, "f", 0600, SP_SPAN_LIT("second"), &err), 0);
  assert_holds("f", "second");
  assert_int_equal(sp_file_replace(root_fd, "f", 0600, SP_SPAN(NULL, 0), &err), 0);
  assert_holds("f", "");
  assert_int_equal(fstatat(root_fd, "f", &st, 0), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  char path[128];
  snprintf(path, sizeof path, "%s/abs", root);
  assert_int_equal(sp_file_replace(AT_FDCWD, path, 0600, SP_SPAN_LIT("abs"), &err), 0);
  assert_holds("abs", "abs");
  assert_int_equal(count_temps(), 0);
}

/* A link at the name is replaced, never written through. */
static void test_replace_and_links(void **state)
{
  (void)state;
  struct sp_err err;
  struct stat st;
  put("victim", "untouched");
  assert_int_equal(symlinkat("victim", root_fd, "name"), 0);
  assert_int_equal(sp_file_replace(root_fd, "name", 0600, SP_SPAN_LIT("new"), &err), 0);
  assert_holds("victim", "untouched");
  assert_holds("name", "new");
  assert_int_equal(fstatat(root_fd, "name", &st, AT_SYMLINK_NOFOLLOW), 0);
  assert_true(S_ISREG(st.st_mode));
  /* Nor is a directory reached through a link below a descriptor of ours. */
  assert_int_equal(mkdirat(root_fd, "real", 0700), 0);
  assert_int_equal(symlinkat("real", root_fd, "way"), 0);
  assert_int_equal(sp_file_replace(root_fd, "way/x", 0600, SP_SPAN_LIT("new"), &err), -1);
  assert_int_equal(sp_file_replace(root_fd, "real/x", 0600, SP_SPAN_LIT("new"), &err), 0);
  assert_holds("real/x", "new");
  assert_int_equal(sp_file_replace(root_fd, "../x", 0600, SP_SPAN_LIT("new"), &err), -1);
  assert_int_equal(err.code, SP_E_USAGE);
}

/* Whichever step fails: the old bytes, and no rubbish. */
static void test_failed_replace_changes_nothing(void **state)
{
  (void)state;
  struct sp_err err;
  put("f", "old");
  assert_int_equal(mkdirat(root_fd, "d", 0700), 0);
  assert_int_equal(sp_file_replace(root_fd, "d", 0600, SP_SPAN_LIT("new"), &err), -1); /* rename */
  assert_int_equal(err.code, SP_E_IO);
  assert_int_equal(err.sys, EISDIR);
  assert_int_equal(sp_file_replace(root_fd, "no/f", 0600, SP_SPAN_LIT("new"), &err), -1);
  assert_int_equal(err.code, SP_E_NOT_FOUND);
  struct rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  struct rlimit small = {.rlim_cur = 4, .rlim_max = before.rlim_max};
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small); /* the write breaks off in the middle */
  int result = sp_file_replace(root_fd, "f", 0600, SP_SPAN_LIT("too long"), &err);
  setrlimit(RLIMIT_FSIZE, &before);
  assert_int_equal(result, -1);
  assert_int_equal(err.code, SP_E_IO);
  assert_int_equal(err.sys, EFBIG);
  assert_int_equal(strncmp(err.msg, "cannot write 'f': ", 18), 0);
  assert_holds("f", "old");
  assert_int_equal(count_temps(), 0);
}

static void test_write_to_a_full_disk(void **state)
{
  (void)state;
  struct sp_err err;
  SP_AUTO_CLOSE int fd = open("/dev/full", O_WRONLY);
  if (fd < 0)
    skip();
  assert_int_equal(sp_file_write_all(fd, "x", 1, &err), -1);
  assert_int_equal(err.code, SP_E_IO);
  assert_int_equal(err.sys, ENOSPC);
  assert_int_equal(sp_file_write_all(fd, "", 0, &err), 0);
}

static void test_temp_names(void **state)
{
  (void)state;
  struct sp_err err;
  char a[SP_FILE_TEMP_NAME_MAX];
  char b[SP_FILE_TEMP_NAME_MAX];
  SP_AUTO_CLOSE int fd_a = -1;
  SP_AUTO_CLOSE int fd_b = -1;
  assert_int_equal(sp_file_create_temp(root_fd, 0600, a, &fd_a, &err), 0);
  assert_int_equal(sp_file_create_temp(root_fd, 0600, b, &fd_b, &err), 0);
  assert_string_not_equal(a, b);
  assert_int_equal(count_temps(), 2);
  assert_true(fcntl(fd_a, F_GETFD) & FD_CLOEXEC);
  assert_int_equal(sp_file_sync(fd_a, &err), 0);
  assert_int_equal(sp_file_sync(-1, &err), -1);
  assert_int_equal(err.code, SP_E_IO);
  assert_int_equal(sp_file_sync_dir(root_fd, &err), 0);
  assert_int_equal(sp_file_sync_dir(AT_FDCWD, &err), 0);
}

static void test_make_dirs(void **state)
{
  (void)state;
  struct sp_err err;
  struct stat st;
  assert_int_equal(sp_file_make_dirs(root_fd, "a/b//c/./d/", 0700, &err), 0);
  assert_int_equal(fstatat(root_fd, "a/b/c/d", &st, 0), 0);
  assert_int_equal(st.st_mode & 0777, 0700);
  assert_int_equal(sp_file_make_dirs(root_fd, "a/b", 0700, &err), 0);
  static const char *const escapes[] = {"..", "a/../../x", "a/..", "/etc/x", "/"};
  for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
    assert_int_equal(sp_file_make_dirs(root_fd, escapes[i], 0700, &err), -1);
    assert_int_equal(err.code, SP_E_USAGE);
  }
  put("file", "x");
  assert_int_equal(sp_file_make_dirs(root_fd, "file/x", 0700, &err), -1);
  assert_int_equal(err.code, SP_E_IO);
  assert_int_equal(symlinkat("a", root_fd, "way"), 0);
  assert_int_equal(sp_file_make_dirs(root_fd, "way/new", 0700, &err), -1);
  assert_int_equal(fstatat(root_fd, "a/new", &st, 0), -1);
  char path[128]; /* a user's own path may go through links */
  snprintf(path, sizeof path, "%s/way/new", root);
  assert_int_equal(sp_file_make_dirs(AT_FDCWD, path, 0700, &err), 0);
  assert_int_equal(fstatat(root_fd, "a/new", &st, 0), 0);
  snprintf(path, sizeof path, "%s/../x", root);
  assert_int_equal(sp_file_make_dirs(AT_FDCWD, path, 0700, &err), -1);
}

static void test_open_dir(void **state)
{
  (void)state;
  struct sp_err err;
  int fd = -1;
  assert_int_equal(mkdirat(root_fd, "a", 0700), 0);
  assert_int_equal(mkdirat(root_fd, "a/b", 0700), 0);
  assert_int_equal(symlinkat("a", root_fd, "way"), 0);
  put("file", "x");
  static const struct {
    const char *path;
    enum sp_code code;
  } bad[] = {
      {"missing", SP_E_NOT_FOUND}, {"file", SP_E_IO},    {"way", SP_E_IO}, {"way/b", SP_E_IO},
      {"a/..", SP_E_USAGE},        {"/tmp", SP_E_USAGE}, {"", SP_E_USAGE}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_int_equal(sp_file_open_dir(root_fd, bad[i].path, &fd, &err), -1);
    assert_int_equal(err.code, bad[i].code);
    assert_int_equal(fd, -1);
  }
  assert_int_equal(sp_file_open_dir(root_fd, "a/b", &fd, &err), 0);
  assert_int_equal(sp_file_sync_dir(fd, &err), 0); /* a real descriptor, not O_PATH */
  close(fd);
  char path[128];
  snprintf(path, sizeof path, "%s/way/../a", root);
  assert_int_equal(sp_file_open_dir(AT_FDCWD, path, &fd, &err), 0);
  close(fd);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      CASE(test_read_refuses_what_is_no_file),
      CASE(test_read_ceiling),
      CASE(test_replace),
      CASE(test_replace_and_links),
      CASE(test_failed_replace_changes_nothing),
      CASE(test_write_to_a_full_disk),
      CASE(test_temp_names),
      CASE(test_make_dirs),
      CASE(test_open_dir),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
