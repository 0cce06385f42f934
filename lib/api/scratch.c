/* SPDX-License-Identifier: Apache-2.0 */
#include "api/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "base/text.h"

#define DEPTH_FDS 16
#define SPARE_PERCENT 5 /* file systems keep books, and others write too */

int sp_scratch_make(struct sp_scratch *scratch, const char *parent, struct sp_err *err)
{
  SP_AUTO_FREE char *path = NULL;
  if (sp_text_format(&path, err, "%s/safeport-drill-XXXXXX", parent) < 0)
    return -1;
  if (!mkdtemp(path))
    return sp_fail_sys(err, SP_E_IO, errno, "cannot make a directory in '%s'", parent);
  scratch->path = sp_steal(&path);
  return 0;
}

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

void sp_scratch_remove(struct sp_scratch *scratch)
{
  if (scratch->path && nftw(scratch->path, remove_one, DEPTH_FDS, FTW_DEPTH | FTW_PHYS) != 0)
    sp_log(SP_LOG_WARN, "cannot remove '%s': %s", scratch->path, strerror(errno));
  free(scratch->path);
  scratch->path = NULL;
}
