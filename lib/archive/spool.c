/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "base/state_dir.h"
#include "base/text.h"

#define SPOOL_NAME "spool"
#define DIR_PREFIX SP_FILE_TEMP_PREFIX

struct sp_spool {
  int fd;
  char *path;
};

static int open_below(int state_fd, struct sp_spool *spool, struct sp_err *err)
{
  if (sp_file_make_dirs(state_fd, SPOOL_NAME, 0700, err) < 0 ||
      sp_file_open_dir(state_fd, SPOOL_NAME, &spool->fd, err) < 0)
    return sp_err_context(err, "cannot open '%s'", spool->path);
  return 0;
}

int sp_spool_open(struct sp_spool **out, struct sp_err *err)
{
  SP_AUTO_SPOOL struct sp_spool *spool = calloc(1, sizeof *spool);
  SP_AUTO_FREE char *state = NULL;
  SP_AUTO_CLOSE int state_fd = -1;
  if (!spool)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a spool");
  spool->fd = -1;
  if (sp_state_dir_find(&state, err) < 0 || sp_state_dir_open(state, &state_fd, err) < 0 ||
      sp_text_format(&spool->path, err, "%s/" SPOOL_NAME, state) < 0 ||
      open_below(state_fd, spool, err) < 0)
    return -1;
  *out = sp_steal(&spool);
  return 0;
}

void sp_spool_close(struct sp_spool *spool)
{
  if (!spool)
    return;
  sp_scope_close_(&spool->fd);
  free(spool->path);
  free(spool);
}

static int explain(const struct sp_spool *spool, int sys, struct sp_err *err)
{
  if (sys == ENOSPC || sys == EDQUOT)
    return sp_fail_sys(err, SP_E_IO, sys,
                       "disk full at '%s': free some room there, or set SAFEPORT_STATE to a "
                       "directory that has it, and run again",
                       spool->path);
  return sp_fail_sys(err, SP_E_IO, sys, "cannot write in '%s'", spool->path);
}

int sp_spool_file(const struct sp_spool *spool, int *fd, struct sp_err *err)
{
  *fd = openat(spool->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (*fd >= 0)
    return 0;
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
    return explain(spool, errno, err);
  /* A file system without nameless files: a name for a moment. */
  char name[SP_FILE_TEMP_NAME_MAX];
  if (sp_file_create_temp(spool->fd, 0600, name, fd, err) < 0)
    return sp_err_context(err, "cannot write in '%s'", spool->path);
  unlinkat(spool->fd, name, 0);
  return 0;
}

int sp_spool_write(const struct sp_spool *spool, int fd, uint64_t at, const void *bytes, size_t n,
                   struct sp_err *err)
{
  const char *from = bytes;
  while (n > 0) {
    ssize_t done = pwrite(fd, from, n, (off_t)at);
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return explain(spool, done < 0 ? errno : EIO, err);
    from += done;
    at += (uint64_t)done;
    n -= (size_t)done;
  }
  return 0;
}

/* -- directories */

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
  (void)facts, (void)kind, (void)where;
  return remove(path);
}

void sp_spool_remove_dir(const char *path)
{
  nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void close_listing(DIR **listing)
{
  if (*listing)
    closedir(*listing);
}

/* A living run holds a lock on its directory. */
static void remove_if_abandoned(const struct sp_spool *spool, const char *name)
{
  SP_AUTO_FREE char *path = NULL;
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_CLOSE int fd = openat(spool->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
      sp_text_format(&path, &ignored, "%s/%s", spool->path, name) < 0)
    return;
  sp_spool_remove_dir(path);
  sp_log(SP_LOG_INFO, "removed '%s', which an earlier run left behind", path);
}

static void sweep(const struct sp_spool *spool)
{
  SP_AUTO_CLOSE int fd = openat(spool->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  SP_CLEANUP(close_listing) DIR *listing = fd < 0 ? NULL : fdopendir(fd);
  if (!listing)
    return;
  fd = -1; /* the listing's now */
  const struct dirent *entry;
  while ((entry = readdir(listing))) {
    if (sp_span_has_prefix(sp_span_str(entry->d_name), DIR_PREFIX))
      remove_if_abandoned(spool, entry->d_name);
  }
}

/* Two runs that begin at the same moment: between mkdir and flock the other may take ours for
 * abandoned. It is made and locked under a lock on the spool itself, as is the sweep. */
static int make_dir(const struct sp_spool *spool, const char *name, int *fd, struct sp_err *err)
{
  SP_AUTO_CLOSE int lock = openat(spool->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock < 0 || flock(lock, LOCK_EX) < 0)
    return explain(spool, errno, err);
  sweep(spool);
  if (mkdirat(spool->fd, name, 0700) < 0)
    return explain(spool, errno, err);
  *fd = openat(spool->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (*fd < 0 || flock(*fd, LOCK_SH) < 0)
    return explain(spool, errno, err);
  return 0;
}

int sp_spool_dir(const struct sp_spool *spool, char **path, int *fd, struct sp_err *err)
{
  char name[SP_FILE_TEMP_NAME_MAX];
  snprintf(name, sizeof name, DIR_PREFIX "%016llx", (unsigned long long)sp_random_u64());
  SP_AUTO_CLOSE int made = -1;
  if (make_dir(spool, name, &made, err) < 0 ||
      sp_text_format(path, err, "%s/%s", spool->path, name) < 0)
    return -1;
  *fd = sp_steal_fd(&made);
  return 0;
}
