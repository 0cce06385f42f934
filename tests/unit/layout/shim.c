/* SPDX-License-Identifier: Apache-2.0 */
/* Single-threaded, as the tests that use it are. With 64-bit offsets the C library's names of some
 * calls end in 64. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- failing */

static bool armed;
static bool full; /* the disk, from the failure on */
static bool stays_full;
static unsigned long fail_at;
static unsigned long calls;
static int fail_with;
static long clock_ahead_s;

void shim_arm(unsigned long nth, int sys, bool stays)
{
  armed = true;
  full = false;
  stays_full = stays;
  fail_at = nth;
  fail_with = sys;
  calls = 0;
}

unsigned long shim_disarm(void)
{
  armed = false;
  full = false;
  return calls;
}

void shim_set_clock_ahead(long seconds)
{
  clock_ahead_s = seconds;
}

/* True: the call must fail; errno is set. Calls that give room back work on a full disk. */
static bool must_fail(bool needs_room)
{
  if (!armed)
    return false;
  if (++calls == fail_at) {
    if (fail_with == SHIM_KILL)
      raise(SIGKILL);
    full = stays_full;
    errno = fail_with;
    return true;
  }
  if (full && needs_room)
    errno = fail_with;
  return full && needs_room;
}

/* -- writing down */

static char record_root[256]; /* "" when not recording */
static struct shim_event *events;
static size_t event_count;
static size_t event_cap;

void shim_record_begin(const char *root)
{
  for (size_t i = 0; i < event_count; i++)
    free(events[i].bytes);
  event_count = 0;
  snprintf(record_root, sizeof record_root, "%s", root);
}

const struct shim_event *shim_record_end(size_t *count)
{
  record_root[0] = '\0';
  *count = event_count;
  return events;
}

/* The path of name in dir_fd (name NULL: of the descriptor itself), relative to the root; false if
 * it is elsewhere. */
static bool locate(int dir_fd, const char *name, char out[256])
{
  char link[64];
  char path[1024];
  snprintf(link, sizeof link, "/proc/self/fd/%d", dir_fd);
  ssize_t n = readlink(link, path, sizeof path - 300);
  size_t root_len = strlen(record_root);
  if (root_len == 0 || n < 0)
    return false;
  path[n] = '\0';
  if (name)
    snprintf(path + n, sizeof path - (size_t)n, "/%.255s", name);
  if (strncmp(path, record_root, root_len) != 0 ||
      (path[root_len] != '/' && path[root_len] != '\0'))
    return false;
  snprintf(out, 256, "%.255s", path[root_len] == '/' ? path + root_len + 1 : "");
  return true;
}

static struct shim_event *note(enum shim_kind kind, const char *path, unsigned long inode)
{
  if (event_count == event_cap) {
    event_cap = event_cap ? event_cap * 2 : 64;
    events = realloc(events, event_cap * sizeof *events);
    if (!events)
      abort();
  }
  struct shim_event *event = &events[event_count++];
  *event = (struct shim_event){.kind = kind, .inode = inode};
  snprintf(event->path, sizeof event->path, "%s", path);
  return event;
}

static unsigned long inode_at(int dir_fd, const char *name)
{
  struct stat facts;
  return fstatat(dir_fd, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 ? facts.st_ino : 0;
}

static unsigned long inode_of(int fd)
{
  struct stat facts;
  return fstat(fd, &facts) == 0 ? facts.st_ino : 0;
}

static void note_name(enum shim_kind kind, int dir_fd, const char *name, unsigned long inode)
{
  char path[256];
  if (locate(dir_fd, name, path))
    note(kind, path, inode);
}

/* -- the calls */

int __real_openat64(int dir_fd, const char *name, int flags, ...);
int __wrap_openat64(int dir_fd, const char *name, int flags, ...);
int __wrap_openat64(int dir_fd, const char *name, int flags, ...)
{
  va_list args;
  va_start(args, flags);
  mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
  va_end(args);
  if (!(flags & O_CREAT))
    return __real_openat64(dir_fd, name, flags);
  if (must_fail(true))
    return -1;
  int fd = __real_openat64(dir_fd, name, flags, mode);
  if (fd >= 0)
    note_name(SHIM_NEW, dir_fd, name, inode_of(fd));
  return fd;
}

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
  char path[256];
  if (must_fail(true)) {
    int sys = errno;
    (void)!__real_write(fd, bytes, len / 2); /* a part of it went out before */
    errno = sys;
    return -1;
  }
  ssize_t n = __real_write(fd, bytes, len);
  if (n > 0 && locate(fd, NULL, path)) {
    struct shim_event *event = note(SHIM_DATA, path, inode_of(fd));
    event->bytes = malloc((size_t)n);
    event->len = (size_t)n;
    memcpy(event->bytes, bytes, (size_t)n);
  }
  return n;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
  char path[256];
  struct stat facts;
  if (must_fail(true))
    return -1;
  int failed = __real_fsync(fd);
  if (!failed && locate(fd, NULL, path) && fstat(fd, &facts) == 0)
    note(S_ISDIR(facts.st_mode) ? SHIM_SYNC_DIR : SHIM_SYNC, path, facts.st_ino);
  return failed;
}

int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
  unsigned long inode = inode_at(from_fd, from);
  if (must_fail(true))
    return -1;
  int failed = __real_renameat(from_fd, from, to_fd, to);
  if (!failed) {
    note_name(SHIM_ADD, to_fd, to, inode);
    note_name(SHIM_DROP, from_fd, from, inode);
  }
  return failed;
}

int __real_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags);
int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags);
int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
  if (must_fail(true))
    return -1;
  int failed = __real_linkat(from_fd, from, to_fd, to, flags);
  if (!failed)
    note_name(SHIM_ADD, to_fd, to, inode_at(to_fd, to));
  return failed;
}

int __real_unlinkat(int dir_fd, const char *name, int flags);
int __wrap_unlinkat(int dir_fd, const char *name, int flags);
int __wrap_unlinkat(int dir_fd, const char *name, int flags)
{
  if (must_fail(false))
    return -1;
  int failed = __real_unlinkat(dir_fd, name, flags);
  if (!failed)
    note_name(SHIM_DROP, dir_fd, name, 0);
  return failed;
}

int __real_mkdirat(int dir_fd, const char *name, mode_t mode);
int __wrap_mkdirat(int dir_fd, const char *name, mode_t mode);
int __wrap_mkdirat(int dir_fd, const char *name, mode_t mode)
{
  if (must_fail(true))
    return -1;
  int failed = __real_mkdirat(dir_fd, name, mode);
  if (!failed)
    note_name(SHIM_DIR, dir_fd, name, 0);
  return failed;
}

int __real_fallocate64(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate64(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate64(int fd, int mode, off_t offset, off_t len)
{
  if (must_fail(true))
    return -1;
  return __real_fallocate64(fd, mode, offset, len);
}

/* openat2, by which the layer opens what is there. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, long a, long b, long c, long d);
long __wrap_syscall(long number, long a, long b, long c, long d)
{
  /* It changes nothing: to die before it is to die before the next call that does. */
  if (fail_with != SHIM_KILL && must_fail(false))
    return -1;
  return __real_syscall(number, a, b, c, d);
}

int64_t __real_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void)
{
  return __real_sp_clock_wall_s() + clock_ahead_s;
}
