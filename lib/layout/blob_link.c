/* SPDX-License-Identifier: Apache-2.0 */
/* A name that exists is replaced by a second name of the source that is renamed over it: at every
 * moment the name means one whole file. Temporary names stand in blobs/ (or pool/), never among the
 * blobs. */
#include "layout/blob_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "layout/beneath.h"
#include "layout/blob_draft.h"

#define RACE_TRIES 100

/* The directory in which temporary names stand, for a target below the layout or the pool. */
static int open_home(const struct sp_layout_dir *dir, const struct sp_blob_path *to, int *fd,
                     struct sp_err *err)
{
  const char *home = to->dir_fd == dir->fd ? SP_LAYOUT_BLOBS : dir->pool;
  return sp_beneath_open_dir(to->dir_fd, home, fd, err);
}

static bool is_same_file(int a_fd, const char *a, int b_fd, const char *b)
{
  struct stat x;
  struct stat y;
  return fstatat(a_fd, a, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
         fstatat(b_fd, b, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_dev == y.st_dev &&
         x.st_ino == y.st_ino;
}

/* renameat between two names of one file does nothing and leaves both: so the caller has looked. */
static int rename_second_name(int from_fd, const char *name, int home_fd, int to_fd)
{
  char temp[SP_FILE_TEMP_NAME_MAX];
  snprintf(temp, sizeof temp, SP_FILE_TEMP_PREFIX "%016llx", (unsigned long long)sp_random_u64());
  if (linkat(from_fd, name, home_fd, temp, 0) < 0)
    return -1;
  int failed = renameat(home_fd, temp, to_fd, name);
  int sys = errno;
  /* Also after success: another run may have given the name this very file meanwhile. */
  unlinkat(home_fd, temp, 0);
  errno = sys;
  return failed;
}

/* `*sys` 0: done. Else the errno of a link that could not be made. */
static int link_over(const struct sp_layout_dir *dir, int from_fd, const struct sp_blob_path *to,
                     int *sys, struct sp_err *err)
{
  SP_AUTO_CLOSE int to_fd = -1;
  SP_AUTO_CLOSE int home_fd = -1;
  if (sp_beneath_make_dir(to->dir_fd, to->parent, dir->modes.dir, &to_fd, err) < 0 ||
      open_home(dir, to, &home_fd, err) < 0)
    return -1;
  *sys = 0;
  if (linkat(from_fd, to->name, to_fd, to->name, 0) < 0)
    *sys = errno;
  if (*sys == EEXIST) {
    bool replace = !is_same_file(from_fd, to->name, to_fd, to->name);
    *sys = replace && rename_second_name(from_fd, to->name, home_fd, to_fd) < 0 ? errno : 0;
  }
  /* Synced even if the name was right already: who made it may not have come so far. */
  return *sys == 0 ? sp_file_sync_dir(to_fd, err) : 0;
}

/* Opens the directory of a file that is there with this length; else `*fd` stays -1. */
static int open_parent_if_whole(const struct sp_blob_path *path, uint64_t size_bytes, int *fd,
                                struct sp_err *err)
{
  SP_AUTO_CLOSE int file_fd = -1;
  uint64_t have_bytes = 0;
  struct sp_err why = SP_ERR_INIT;
  if (sp_beneath_open_file(path->dir_fd, path->text, &file_fd, &have_bytes, &why) < 0) {
    if (why.code == SP_E_NOT_FOUND || why.code == SP_E_INVALID)
      return 0;
    sp_err_copy(err, &why);
    return -1;
  }
  if (have_bytes != size_bytes)
    return 0;
  return sp_beneath_open_dir(path->dir_fd, path->parent, fd, err);
}

static int copy_from_pool(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                          const struct sp_blob_path *pool, struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  uint64_t size_bytes = 0;
  if (sp_beneath_open_file(pool->dir_fd, pool->text, &fd, &size_bytes, err) < 0)
    return -1;
  return sp_blob_draft_copy(dir, digest, fd, size_bytes, err);
}

/* One try. `*there` false: the pool has no file of this length; else `*sys` as of link_over. */
static int try_link(const struct sp_layout_dir *dir, const struct sp_blob_path *pool,
                    const struct sp_blob_path *own, uint64_t size_bytes, bool *there, int *sys,
                    struct sp_err *err)
{
  SP_AUTO_CLOSE int pool_fd = -1;
  if (open_parent_if_whole(pool, size_bytes, &pool_fd, err) < 0)
    return -1;
  *there = pool_fd >= 0;
  return *there ? link_over(dir, pool_fd, own, sys, err) : 0;
}

static bool cannot_be_linked(int sys)
{
  return sys == EMLINK || sys == EXDEV || sys == EPERM || sys == EOPNOTSUPP;
}

int sp_blob_link_from_pool(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                           uint64_t size_bytes, bool *linked, struct sp_err *err)
{
  struct sp_blob_path pool;
  struct sp_blob_path own;
  bool there = true;
  int sys = ENOENT;
  sp_blob_path_in_pool(dir, digest, &pool);
  sp_blob_path_in_layout(dir, digest, &own);
  *linked = false;
  /* A file that another run replaced between the look-up and the link has no name left, and the
   * link fails although the name is there all the time. */
  for (int i = 0; i < RACE_TRIES && there && sys == ENOENT; i++) {
    if (try_link(dir, &pool, &own, size_bytes, &there, &sys, err) < 0)
      return -1;
  }
  if (!there || sys == ENOENT)
    return 0;
  if (cannot_be_linked(sys) && copy_from_pool(dir, digest, &pool, err) < 0)
    return -1;
  if (sys != 0 && !cannot_be_linked(sys))
    return sp_fail_sys(err, SP_E_IO, sys, "cannot link '%s' into '%s'", pool.text, dir->name);
  *linked = true;
  return 0;
}

int sp_blob_link_to_pool(const struct sp_layout_dir *dir, const struct sp_layout_dir *from,
                         const struct sp_digest *digest, uint64_t size_bytes, bool *linked,
                         struct sp_err *err)
{
  SP_AUTO_CLOSE int from_fd = -1;
  struct sp_blob_path theirs;
  struct sp_blob_path pool;
  int sys = 0;
  sp_blob_path_in_layout(from, digest, &theirs);
  sp_blob_path_in_pool(dir, digest, &pool);
  *linked = false;
  if (open_parent_if_whole(&theirs, size_bytes, &from_fd, err) < 0)
    return -1;
  if (from_fd < 0)
    return 0;
  if (link_over(dir, from_fd, &pool, &sys, err) < 0)
    return -1;
  *linked = sys == 0;
  return 0;
}
