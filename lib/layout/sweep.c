/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/scope.h"
#include "base/span.h"
#include "layout/beneath.h"

static void close_listing(DIR **listing)
{
  if (*listing)
    closedir(*listing);
}

static bool is_abandoned(int dir_fd, const char *name, int64_t now_s)
{
  SP_AUTO_CLOSE int fd = -1;
  struct sp_err ignored = SP_ERR_INIT;
  struct stat facts;
  uint64_t size_bytes;
  if (sp_beneath_open_file(dir_fd, name, &fd, &size_bytes, &ignored) < 0 || fstat(fd, &facts) < 0)
    return false;
  /* ctime: a second name made of an old blob is young, though its bytes are not. */
  if (now_s - (int64_t)facts.st_ctime < SP_SWEEP_AGE_S)
    return false;
  return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

void sp_sweep_dir(int dir_fd, int64_t now_s)
{
  /* A descriptor of its own: the position of a listing is shared by duplicates. */
  SP_AUTO_CLOSE int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  SP_CLEANUP(close_listing) DIR *listing = fd < 0 ? NULL : fdopendir(fd);
  if (!listing)
    return;
  fd = -1; /* the listing's now */
  const struct dirent *entry;
  while ((entry = readdir(listing))) {
    if (!sp_span_has_prefix(sp_span_str(entry->d_name), SP_FILE_TEMP_PREFIX) ||
        !is_abandoned(dir_fd, entry->d_name, now_s))
      continue;
    if (unlinkat(dir_fd, entry->d_name, 0) == 0)
      sp_log(SP_LOG_INFO, "removed '%s', which an earlier run left behind", entry->d_name);
  }
}
