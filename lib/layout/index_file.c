/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/index_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/i18n.h"
#include "base/log.h"
#include "layout/beneath.h"
#include "layout/blob_file.h"
#include "layout/index_view.h"
#include "layout/lock.h"
#include "oci/index.h"

static int load(const struct sp_layout_dir *dir, struct sp_index **out, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_INDEX_JSON_BYTES);
  if (sp_file_read(dir->fd, SP_INDEX_FILE, &text, err) < 0)
    return -1;
  return sp_index_parse(sp_buf_span(&text), out, err);
}

static int sync_blob_dir(const struct sp_layout_dir *dir, enum sp_digest_alg alg,
                         struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  struct sp_digest any = {.alg = alg};
  struct sp_blob_path path;
  struct sp_err why = SP_ERR_INIT;
  sp_blob_path_in_layout(dir, &any, &path);
  if (sp_beneath_open_dir(path.dir_fd, path.parent, &fd, &why) == 0)
    return sp_file_sync_dir(fd, err);
  if (why.code == SP_E_NOT_FOUND)
    return 0;
  sp_err_copy(err, &why);
  return -1;
}

static int save(const struct sp_layout_dir *dir, const struct sp_index *index, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_INDEX_JSON_BYTES);
  if (sp_index_format(index, &text, err) < 0 || sync_blob_dir(dir, SP_DIGEST_SHA256, err) < 0 ||
      sync_blob_dir(dir, SP_DIGEST_SHA512, err) < 0)
    return -1;
  return sp_file_replace(dir->fd, SP_INDEX_FILE, dir->modes.file, sp_buf_span(&text), err);
}

/* Then tags were here, which only other places know now. */
static void note_lost_names(const struct sp_layout_dir *dir)
{
  static const enum sp_digest_alg algs[] = {SP_DIGEST_SHA256, SP_DIGEST_SHA512};
  bool has_blobs = false;
  for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
    SP_AUTO_CLOSE int fd = -1;
    struct sp_digest any = {.alg = algs[i]};
    struct sp_blob_path path;
    struct sp_err none = SP_ERR_INIT;
    sp_blob_path_in_layout(dir, &any, &path);
    has_blobs = has_blobs || sp_beneath_open_dir(path.dir_fd, path.parent, &fd, &none) == 0;
  }
  if (has_blobs)
    sp_log(SP_LOG_WARN,
           _("layout '%s' has blobs and no '%s': a new one is made. What only the old one named "
             "(history tags, tags that the primary lacks) is named by nothing now"),
           dir->name, SP_INDEX_FILE);
}

int sp_index_file_make(const struct sp_layout_dir *dir, struct sp_err *err)
{
  SP_AUTO_INDEX struct sp_index *index = NULL;
  struct stat facts;
  if (fstatat(dir->fd, SP_INDEX_FILE, &facts, AT_SYMLINK_NOFOLLOW) == 0)
    return 0;
  if (errno != ENOENT)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot look at '%s'", SP_INDEX_FILE);
  note_lost_names(dir);
  if (sp_index_new(&index, err) < 0)
    return -1;
  return save(dir, index, err);
}

/* -- changes: each says in *changed whether there is something to write */

struct change {
  int (*apply)(const struct change *change, struct sp_index *index, struct sp_err *err);
  const char *const *tags;
  size_t n;
  const struct sp_desc *desc;
  const json_t *raw;
  bool *changed;
};

static int apply_locked(const struct sp_layout_dir *dir, const struct change *change,
                        struct sp_err *err)
{
  SP_AUTO_LOCK struct sp_lock lock = SP_LOCK_INIT;
  SP_AUTO_INDEX struct sp_index *index = NULL;
  if (sp_lock_take(&lock, dir->fd, dir->modes.file, dir->name, dir->cancel, err) < 0 ||
      load(dir, &index, err) < 0 || change->apply(change, index, err) < 0)
    return -1;
  return *change->changed ? save(dir, index, err) : 0;
}

static int apply(const struct sp_layout_dir *dir, const struct change *change, struct sp_err *err)
{
  if (sp_layout_dir_check_writable(dir, err) < 0)
    return -1;
  if (apply_locked(dir, change, err) < 0)
    return sp_err_context(err, "cannot change '%s' of '%s'", SP_INDEX_FILE, dir->name);
  return 0;
}

static int set_all(const struct change *change, struct sp_index *index, struct sp_err *err)
{
  for (size_t i = 0; i < change->n; i++) {
    if (sp_index_set_name(index, change->tags[i], change->desc, err) < 0)
      return -1;
  }
  *change->changed = true;
  return 0;
}

static bool has_all(const struct sp_layout_dir *dir, const char *const *tags, size_t n,
                    const struct sp_desc *desc)
{
  SP_AUTO_INDEX_VIEW struct sp_index_view view = {0};
  struct sp_err ignored = SP_ERR_INIT;
  if (sp_index_view_load(dir, &view, &ignored) < 0)
    return false;
  for (size_t i = 0; i < n; i++) {
    if (!sp_index_view_has_tag(&view, tags[i], desc))
      return false;
  }
  return true;
}

int sp_index_file_set_tags(const struct sp_layout_dir *dir, const char *const *tags, size_t n,
                           const struct sp_desc *desc, struct sp_err *err)
{
  bool changed = false;
  struct change change = {
      .apply = set_all, .tags = tags, .n = n, .desc = desc, .changed = &changed};
  if (sp_layout_dir_check_writable(dir, err) < 0)
    return -1;
  /* Without the lock: what is right was right at this moment, which is all that is asked. */
  if (has_all(dir, tags, n, desc))
    return sp_file_sync_dir(dir->fd, err); /* who set them may not have come so far */
  return apply(dir, &change, err);
}

static int add_raw(const struct change *change, struct sp_index *index, struct sp_err *err)
{
  return sp_index_add_raw(index, change->raw, change->changed, err);
}

int sp_index_file_add(const struct sp_layout_dir *dir, const json_t *descriptor, struct sp_err *err)
{
  bool changed = false;
  struct change change = {.apply = add_raw, .raw = descriptor, .changed = &changed};
  return apply(dir, &change, err);
}
