/* SPDX-License-Identifier: Apache-2.0 */
#include "api/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

#define PREFIX "safeport-drill-"
#define DEPTH_FDS 16
#define SPARE_PERCENT 5 /* file systems keep books, and others write too */

int sp_scratch_check_room(const struct sp_scratch *scratch, uint64_t bytes, struct sp_err *err)
{
  struct statvfs facts;
  if (statvfs(scratch->path, &facts) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot ask how much room there is in '%s'",
                       scratch->path);
  uint64_t room = (uint64_t)facts.f_bavail * facts.f_frsize;
  if (bytes <= room / 100 * (100 - SPARE_PERCENT))
    return 0;
  char needed[SP_SIZE_TEXT_MAX];
  char there[SP_SIZE_TEXT_MAX];
  sp_text_format_size(needed, bytes);
  sp_text_format_size(there, room);
  return sp_fail(err, SP_E_IO,
                 "a drill needs %s in '%s' and there are %s: name a larger directory with "
                 "--scratch",
                 needed, scratch->path, there);
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *where)
{
  (void)facts;
  (void)type;
  (void)where;
  return remove(path);
}

static void remove_all(const char *path)
{
  if (nftw(path, remove_one, DEPTH_FDS, FTW_DEPTH | FTW_PHYS) != 0)
    sp_log(SP_LOG_WARN, "cannot remove '%s': %s", path, strerror(errno));
}

void sp_scratch_remove(struct sp_scratch *scratch)
{
  if (!scratch->path)
    return;
  remove_all(scratch->path);
  if (scratch->fd >= 0)
    close(scratch->fd);
  free(scratch->path);
  scratch->path = NULL;
}

/* -- making */

/* Locked without waiting; -1 if it is no directory of ours, or somebody has it. */
static int open_locked(int parent_fd, const char *name)
{
  int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat facts;
  if (fd >= 0 && fstat(fd, &facts) == 0 && facts.st_uid == geteuid() &&
      flock(fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  if (fd >= 0)
    close(fd);
  return -1;
}

static void sweep(int parent_fd, const char *parent)
{
  int fd = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *listing = fd < 0 ? NULL : fdopendir(fd);
  if (!listing) {
    if (fd >= 0)
      close(fd);
    return;
  }
  for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
    SP_AUTO_FREE char *path = NULL;
    struct sp_err no_memory = SP_ERR_INIT;
    if (fnmatch(PREFIX "??????", entry->d_name, 0) != 0)
      continue;
    SP_AUTO_CLOSE int left = open_locked(parent_fd, entry->d_name);
    if (left >= 0 && sp_text_format(&path, &no_memory, "%s/%s", parent, entry->d_name) == 0)
      remove_all(path);
  }
  closedir(listing);
}

/* Between mkdtemp and its lock another might take ours for abandoned: both are done, as is the
 * sweep, under a lock on the parent. Where a file system has no locks nothing is swept. */
int sp_scratch_make(struct sp_scratch *scratch, const char *parent, struct sp_err *err)
{
  SP_AUTO_FREE char *path = NULL;
  SP_AUTO_CLOSE int parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (sp_text_format(&path, err, "%s/" PREFIX "XXXXXX", parent) < 0)
    return -1;
  if (parent_fd >= 0 && flock(parent_fd, LOCK_EX) == 0)
    sweep(parent_fd, parent);
  if (!mkdtemp(path))
    return sp_fail_sys(err, SP_E_IO, errno, "cannot make a directory in '%s'", parent);
  scratch->fd = open_locked(AT_FDCWD, path);
  scratch->path = sp_steal(&path);
  return 0;
}
