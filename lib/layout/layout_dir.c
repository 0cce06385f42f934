/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/layout_dir.h"

#include <fcntl.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "layout/beneath.h"
#include "layout/index_cache.h"
#include "layout/index_file.h"
#include "layout/lock.h"
#include "layout/referrer_list.h"
#include "layout/sweep.h"

#define MARK_FILE "oci-layout"
#define MARK_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define MARK_MAX_BYTES 4096 /* real ones have 30 */

int sp_layout_dir_init(struct sp_layout_dir *dir, const char *name, enum sp_layout_mode mode,
                       const struct sp_layout_modes *modes, const struct sp_cancel *cancel,
                       struct sp_err *err)
{
  *dir = (struct sp_layout_dir){
      .fd = -1, .root_fd = -1, .mode = mode, .modes = *modes, .cancel = cancel};
  if (sp_subjects_new(&dir->subjects, err) < 0 || sp_index_cache_new(&dir->index, err) < 0 ||
      sp_index_queue_new(&dir->queue, err) < 0 || sp_referrer_list_new(&dir->referrers, err) < 0)
    return -1;
  return sp_text_dup(&dir->name, name, err);
}

void sp_layout_dir_clear(struct sp_layout_dir *dir)
{
  sp_scope_close_(&dir->fd);
  sp_scope_close_(&dir->root_fd);
  sp_subjects_free(dir->subjects);
  sp_index_cache_free(dir->index);
  sp_index_queue_free(dir->queue);
  sp_referrer_list_free(dir->referrers);
  free(dir->name);
  free(dir->known_as);
  *dir = SP_LAYOUT_DIR_INIT;
}

int sp_layout_dir_check_writable(const struct sp_layout_dir *dir, struct sp_err *err)
{
  if (dir->mode == SP_LAYOUT_WRITE)
    return 0;
  return sp_fail(err, SP_E_UNSUPPORTED, "cannot write to '%s': it was opened for reading",
                 dir->name);
}

/* -- the user's path */

/* Opens the nearest directory on the way to `path` that is there; *len bytes of the path lead to
 * it. */
static int open_nearest(const char *path, size_t *len, int *fd, struct sp_err *err)
{
  for (*len = strlen(path);;) {
    SP_AUTO_FREE char *prefix = NULL;
    struct sp_err why = SP_ERR_INIT;
    if (sp_text_dup_span(&prefix, *len > 0 ? SP_SPAN(path, *len) : SP_SPAN_LIT("."), err) < 0)
      return -1;
    if (sp_file_open_dir(AT_FDCWD, prefix, fd, &why) == 0)
      return 0;
    if (why.code != SP_E_NOT_FOUND || *len == 0) {
      sp_err_copy(err, &why);
      return -1;
    }
    while (*len > 0 && path[*len - 1] == '/')
      (*len)--;
    while (*len > 0 && path[*len - 1] != '/')
      (*len)--;
  }
}

int sp_layout_dir_open_path(const char *path, enum sp_layout_mode mode, mode_t dir_mode, int *fd,
                            struct sp_err *err)
{
  SP_AUTO_CLOSE int above = -1;
  size_t len;
  if (mode == SP_LAYOUT_READ || path[0] == '\0')
    return sp_file_open_dir(AT_FDCWD, path, fd, err);
  if (open_nearest(path, &len, &above, err) < 0)
    return -1;
  if (path[len] == '\0') {
    *fd = sp_steal_fd(&above);
    return 0;
  }
  if (sp_file_make_dirs(above, path + len, dir_mode, err) < 0)
    return -1;
  return sp_file_open_dir(above, path + len, fd, err);
}

/* -- oci-layout */

static int check_version(struct sp_span text, struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  const char *version = NULL;
  if (sp_json_parse(text, &doc, err) < 0 ||
      sp_json_get_string(doc, "imageLayoutVersion", &version, err) < 0)
    return sp_err_context(err, "cannot use '%s'", MARK_FILE);
  if (!version || strcmp(version, "1.0.0") != 0) {
    char shown[64];
    sp_text_escape(shown, sizeof shown, sp_span_str(version ? version : ""));
    return sp_fail(err, SP_E_INVALID, "'%s' names layout version '%s', not '1.0.0'", MARK_FILE,
                   shown);
  }
  return 0;
}

/* `*found` false: there is no oci-layout. */
static int read_mark(const struct sp_layout_dir *dir, bool *found, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, MARK_MAX_BYTES);
  struct sp_err why = SP_ERR_INIT;
  *found = sp_file_read(dir->fd, MARK_FILE, &text, &why) == 0;
  if (*found)
    return check_version(sp_buf_span(&text), err);
  if (why.code == SP_E_NOT_FOUND)
    return 0;
  sp_err_copy(err, &why);
  return -1;
}

static int make_parts(const struct sp_layout_dir *dir, struct sp_err *err)
{
  bool found;
  SP_AUTO_CLOSE int blobs = -1;
  if (sp_beneath_make_dir(dir->fd, SP_LAYOUT_BLOBS, dir->modes.dir, &blobs, err) < 0 ||
      sp_index_file_make(dir, err) < 0 || read_mark(dir, &found, err) < 0)
    return -1;
  if (found)
    return 0;
  return sp_file_replace(dir->fd, MARK_FILE, dir->modes.file, SP_SPAN_LIT(MARK_TEXT), err);
}

static int make_missing(const struct sp_layout_dir *dir, struct sp_err *err)
{
  SP_AUTO_LOCK struct sp_lock lock = SP_LOCK_INIT;
  if (sp_lock_take(&lock, dir->fd, dir->modes.file, dir->name, dir->cancel, err) < 0)
    return -1;
  return make_parts(dir, err);
}

static void sweep(const struct sp_layout_dir *dir)
{
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_CLOSE int blobs = -1;
  SP_AUTO_CLOSE int pool = -1;
  int64_t now_s = sp_clock_wall_s();
  sp_sweep_dir(dir->fd, now_s);
  if (sp_beneath_open_dir(dir->fd, SP_LAYOUT_BLOBS, &blobs, &ignored) == 0)
    sp_sweep_dir(blobs, now_s);
  if (!dir->pool)
    return;
  sp_sweep_dir(dir->root_fd, now_s); /* of the vault's id */
  if (sp_beneath_open_dir(dir->root_fd, dir->pool, &pool, &ignored) == 0)
    sp_sweep_dir(pool, now_s);
}

int sp_layout_dir_ready(struct sp_layout_dir *dir, struct sp_err *err)
{
  bool found;
  if (read_mark(dir, &found, err) < 0)
    return sp_err_context(err, "cannot use layout '%s'", dir->name);
  if (dir->mode == SP_LAYOUT_READ) {
    if (found)
      return 0;
    return sp_fail(err, SP_E_INVALID, "cannot use '%s': not an OCI image layout ('%s' is missing)",
                   dir->name, MARK_FILE);
  }
  if (make_missing(dir, err) < 0)
    return sp_err_context(err, "cannot write to layout '%s'", dir->name);
  sweep(dir);
  return 0;
}
