/* SPDX-License-Identifier: Apache-2.0 */
/* Order is everything: bytes, fsync, rename, fsync of the directory; in a vault then the link, and
 * the fsync of its directory. A failed fsync means that the bytes are lost: the file is thrown
 * away, the fsync is never tried again. */
#include "layout/blob_draft.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/text.h"
#include "layout/beneath.h"
#include "layout/blob_link.h"

/* Written bytes are sent towards the disk in windows of this size, so that the fsync at the end of
 * a 10 GiB layer finds little left to do. */
#define FLUSH_BYTES (8u * SP_MIB)

/* Puts in front what was being written, and what to do about a full disk. */
static int explain(const struct sp_blob_draft *draft, struct sp_err *err)
{
  char digest[SP_DIGEST_TEXT_MAX];
  char size[SP_SIZE_TEXT_MAX];
  sp_digest_format(&draft->digest, digest);
  sp_text_format_size(size, draft->size_bytes);
  if (err->sys == ENOSPC || err->sys == EDQUOT)
    return sp_fail_sys(err, SP_E_IO, err->sys,
                       "disk full at '%s': cannot keep '%s' (%s): free some room and run again",
                       draft->dir->name, digest, size);
  return sp_err_context(err, "cannot keep '%s' in '%s'", digest, draft->dir->name);
}

/* A full disk is found before the bytes are sent, not at the last of them. */
static int reserve_room(const struct sp_blob_draft *draft, struct sp_err *err)
{
  int failed;
  if (draft->size_bytes == 0)
    return 0;
  do {
    failed = fallocate(draft->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)draft->size_bytes);
  } while (failed && errno == EINTR);
  if (!failed || errno == EOPNOTSUPP || errno == ENOSYS)
    return 0;
  return sp_fail_sys(err, SP_E_IO, errno, "cannot reserve room");
}

static int begin_temp(struct sp_blob_draft *draft, struct sp_err *err)
{
  const struct sp_layout_dir *dir = draft->dir;
  int from_fd = draft->is_pooled ? dir->root_fd : dir->fd;
  const char *home = draft->is_pooled ? dir->pool : SP_LAYOUT_BLOBS;
  if (sp_beneath_make_dir(from_fd, home, dir->modes.dir, &draft->home_fd, err) < 0 ||
      sp_file_create_temp(draft->home_fd, dir->modes.blob, draft->temp, &draft->fd, err) < 0)
    return -1;
  /* Where locks do not work, the age of the file alone protects it. */
  (void)flock(draft->fd, LOCK_EX | LOCK_NB);
  return reserve_room(draft, err);
}

static int begin_in(struct sp_blob_draft *draft, const struct sp_layout_dir *dir,
                    const struct sp_digest *digest, uint64_t size_bytes, bool is_pooled,
                    struct sp_err *err)
{
  if (sp_layout_dir_check_writable(dir, err) < 0)
    return -1;
  SP_AUTO_BLOB_DRAFT struct sp_blob_draft made = SP_BLOB_DRAFT_INIT;
  made.dir = dir;
  made.digest = *digest;
  made.size_bytes = size_bytes;
  made.is_pooled = is_pooled;
  if (begin_temp(&made, err) < 0)
    return explain(&made, err);
  *draft = made;
  made = SP_BLOB_DRAFT_INIT;
  return 0;
}

int sp_blob_draft_begin(struct sp_blob_draft *draft, const struct sp_layout_dir *dir,
                        const struct sp_digest *digest, uint64_t size_bytes, struct sp_err *err)
{
  return begin_in(draft, dir, digest, size_bytes, dir->pool != NULL, err);
}

static int flush_window(struct sp_blob_draft *draft, struct sp_err *err)
{
  uint64_t waiting = draft->written_bytes - draft->flushed_bytes;
  if (waiting < FLUSH_BYTES)
    return 0;
  int failed = sync_file_range(draft->fd, (off_t)draft->flushed_bytes, (off_t)waiting,
                               SYNC_FILE_RANGE_WRITE);
  draft->flushed_bytes = draft->written_bytes;
  if (failed && (errno == EIO || errno == ENOSPC || errno == EDQUOT))
    return sp_fail_sys(err, SP_E_IO, errno, "cannot bring bytes to disk");
  return 0; /* anything else says that the file system has no such call: fsync does it all */
}

int sp_blob_draft_write(struct sp_blob_draft *draft, const void *bytes, size_t len,
                        struct sp_err *err)
{
  if (len > draft->size_bytes - draft->written_bytes)
    return sp_fail(err, SP_E_INTERNAL, "a blob was given more bytes than it has");
  if (sp_file_write_all(draft->fd, bytes, len, err) < 0)
    return explain(draft, err);
  draft->written_bytes += len;
  return flush_window(draft, err) < 0 ? explain(draft, err) : 0;
}

/* -- commit */

static int rename_to(struct sp_blob_draft *draft, const struct sp_blob_path *path,
                     struct sp_err *err)
{
  SP_AUTO_CLOSE int parent_fd = -1;
  if (sp_beneath_make_dir(path->dir_fd, path->parent, draft->dir->modes.dir, &parent_fd, err) < 0)
    return -1;
  if (renameat(draft->home_fd, draft->temp, parent_fd, path->name) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot rename to '%s'", path->text);
  draft->temp[0] = '\0';
  return sp_file_sync_dir(parent_fd, err);
}

static int link_into_layout(const struct sp_blob_draft *draft, struct sp_err *err)
{
  bool linked;
  if (sp_blob_link_from_pool(draft->dir, &draft->digest, draft->size_bytes, &linked, err) < 0)
    return -1;
  if (!linked)
    return sp_fail(err, SP_E_IO, "the pool lost it while it was linked: run again");
  return 0;
}

static int commit(struct sp_blob_draft *draft, struct sp_err *err)
{
  struct sp_blob_path path;
  if (draft->written_bytes != draft->size_bytes)
    return sp_fail(err, SP_E_INTERNAL, "only %llu of its %llu bytes were written",
                   (unsigned long long)draft->written_bytes, (unsigned long long)draft->size_bytes);
  if (sp_file_sync(draft->fd, err) < 0)
    return -1;
  if (!draft->is_pooled) {
    sp_blob_path_in_layout(draft->dir, &draft->digest, &path);
    return rename_to(draft, &path, err);
  }
  sp_blob_path_in_pool(draft->dir, &draft->digest, &path);
  if (rename_to(draft, &path, err) < 0)
    return -1;
  return link_into_layout(draft, err);
}

int sp_blob_draft_commit(struct sp_blob_draft *draft, struct sp_err *err)
{
  return commit(draft, err) < 0 ? explain(draft, err) : 0;
}

void sp_blob_draft_clear(struct sp_blob_draft *draft)
{
  if (draft->temp[0] != '\0')
    unlinkat(draft->home_fd, draft->temp, 0);
  sp_scope_close_(&draft->fd);
  sp_scope_close_(&draft->home_fd);
  *draft = SP_BLOB_DRAFT_INIT;
}

/* -- whole */

int sp_blob_draft_put(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                      struct sp_span bytes, struct sp_err *err)
{
  SP_AUTO_BLOB_DRAFT struct sp_blob_draft draft = SP_BLOB_DRAFT_INIT;
  if (sp_blob_draft_begin(&draft, dir, digest, bytes.len, err) < 0 ||
      sp_blob_draft_write(&draft, bytes.ptr, bytes.len, err) < 0)
    return -1;
  return sp_blob_draft_commit(&draft, err);
}

static int copy_all(struct sp_blob_draft *draft, int from_fd, struct sp_err *err)
{
  char chunk[16384];
  while (draft->written_bytes < draft->size_bytes) {
    ssize_t n = pread(from_fd, chunk, sizeof chunk, (off_t)draft->written_bytes);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return sp_fail_sys(err, SP_E_IO, n < 0 ? errno : EIO, "cannot copy a blob from the pool");
    if (sp_blob_draft_write(draft, chunk, (size_t)n, err) < 0)
      return -1;
  }
  return 0;
}

int sp_blob_draft_copy(const struct sp_layout_dir *dir, const struct sp_digest *digest, int from_fd,
                       uint64_t size_bytes, struct sp_err *err)
{
  SP_AUTO_BLOB_DRAFT struct sp_blob_draft draft = SP_BLOB_DRAFT_INIT;
  if (begin_in(&draft, dir, digest, size_bytes, false, err) < 0 ||
      copy_all(&draft, from_fd, err) < 0)
    return -1;
  return sp_blob_draft_commit(&draft, err);
}
