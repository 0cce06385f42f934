/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel resolves the whole path in one call where it can; containers whose seccomp profile is
 * older than openat2 answer EPERM or ENOSYS, and the slow way is as safe. */
#include "layout/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"

#define PATH_TEXT_MAX 1024 /* "repos/" + 255 + "/_/blobs/sha512/" + 128, with room */
#define RACE_TRIES 100     /* EAGAIN: somebody renamed a directory while the kernel walked */

static enum sp_code code_of(int sys)
{
  switch (sys) {
  case ENOENT:
    return SP_E_NOT_FOUND;
  case ELOOP:   /* a link */
  case EXDEV:   /* leads out */
  case ENOTDIR: /* a link or a file in place of a directory */
  case EISDIR:
  case ENXIO: /* a socket, or a FIFO opened for writing */
  case ENODEV:
    return SP_E_INVALID;
  default:
    return SP_E_IO;
  }
}

static int open_whole(int dir_fd, const char *path, int flags, mode_t mode)
{
  struct open_how how = {.flags = (unsigned)flags,
                         .mode = flags & O_CREAT ? mode : 0,
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
  int fd = -1;
  for (int i = 0; i < RACE_TRIES; i++) {
    fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
      return fd;
  }
  return fd;
}

static int open_stepwise(int dir_fd, const char *path, int flags, mode_t mode, int *fd,
                         struct sp_err *err)
{
  char parent[PATH_TEXT_MAX];
  SP_AUTO_CLOSE int parent_fd = -1;
  const char *leaf = path;
  int from = dir_fd;
  const char *slash = strrchr(path, '/');
  if (slash) {
    snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
    if (sp_file_open_dir(dir_fd, parent, &parent_fd, err) < 0) {
      err->code = code_of(err->sys);
      return -1;
    }
    from = parent_fd;
    leaf = slash + 1;
  }
  *fd = openat(from, leaf, flags, mode);
  if (*fd < 0)
    return sp_fail_sys(err, code_of(errno), errno, "cannot open '%s'", path);
  return 0;
}

int sp_beneath_open(int dir_fd, const char *path, int flags, mode_t mode, int *fd,
                    struct sp_err *err)
{
  if (path[0] == '/' || strlen(path) >= PATH_TEXT_MAX || strstr(path, ".."))
    return sp_fail(err, SP_E_INVALID, "cannot open '%s': it leads out of its directory", path);
  flags |= O_CLOEXEC | O_NOFOLLOW;
  int opened = open_whole(dir_fd, path, flags, mode);
  if (opened >= 0) {
    *fd = opened;
    return 0;
  }
  if (errno == ENOSYS || errno == EPERM)
    return open_stepwise(dir_fd, path, flags, mode, fd, err);
  return sp_fail_sys(err, code_of(errno), errno, "cannot open '%s'", path);
}

int sp_beneath_open_file(int dir_fd, const char *path, int *fd, uint64_t *size_bytes,
                         struct sp_err *err)
{
  SP_AUTO_CLOSE int opened = -1;
  struct stat facts;
  if (sp_beneath_open(dir_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &opened, err) < 0)
    return -1;
  if (fstat(opened, &facts) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot look at '%s'", path);
  if (!S_ISREG(facts.st_mode))
    return sp_fail(err, SP_E_INVALID, "cannot read '%s': not a regular file", path);
  *size_bytes = (uint64_t)facts.st_size;
  *fd = sp_steal_fd(&opened);
  return 0;
}

int sp_beneath_open_dir(int dir_fd, const char *path, int *fd, struct sp_err *err)
{
  return sp_beneath_open(dir_fd, path, O_RDONLY | O_DIRECTORY, 0, fd, err);
}

int sp_beneath_make_dir(int dir_fd, const char *path, mode_t mode, int *fd, struct sp_err *err)
{
  struct sp_err missing = SP_ERR_INIT;
  if (sp_beneath_open_dir(dir_fd, path, fd, &missing) == 0)
    return 0;
  if (missing.code != SP_E_NOT_FOUND) {
    sp_err_copy(err, &missing);
    return -1;
  }
  if (sp_file_make_dirs(dir_fd, path, mode, err) < 0)
    return -1;
  return sp_beneath_open_dir(dir_fd, path, fd, err);
}
