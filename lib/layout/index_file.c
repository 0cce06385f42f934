/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/index_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/i18n.h"
#include "base/log.h"
#include "layout/beneath.h"
#include "layout/blob_file.h"
#include "layout/index_cache.h"
#include "layout/lock.h"
#include "oci/index.h"

static int load(const struct sp_layout_dir *dir, struct sp_index **out, struct sp_err *err)
{
  SP_AUTO_INDEX_VIEW struct sp_index_view now = {0};
  if (sp_index_cache_read(dir, &now, err) < 0)
    return -1;
  return sp_index_of(sp_index_view_doc(&now), out, err);
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
  if (sp_file_replace(dir->fd, SP_INDEX_FILE, dir->modes.file, sp_buf_span(&text), err) < 0)
    return -1;
  sp_index_cache_put_take(dir, &text, sp_index_doc(index));
  return 0;
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

/* -- changes, which wait to be written together */

struct change {
  int (*apply)(struct change *change, struct sp_index *index, struct sp_err *err);
  const char *const *tags;
  size_t n;
  const struct sp_desc *desc;
  const json_t *raw;
  bool has_changed; /* apply: there is something to write */
  /* of the queue */
  struct change *next;
  bool is_done;
  int rc;
  struct sp_err why;
};

/* Changes live on the stacks of those who wait for them. */
struct sp_index_queue {
  pthread_mutex_t lock;
  pthread_cond_t turned; /* some are done, and who waits may be the next to write */
  struct change *first;
  struct change *last; /* if there is a first */
  bool is_writing;
};

int sp_index_queue_new(struct sp_index_queue **out, struct sp_err *err)
{
  struct sp_index_queue *queue = calloc(1, sizeof *queue);
  if (!queue)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a layout");
  pthread_mutex_init(&queue->lock, NULL);
  pthread_cond_init(&queue->turned, NULL);
  *out = queue;
  return 0;
}

void sp_index_queue_free(struct sp_index_queue *queue)
{
  if (!queue)
    return;
  pthread_cond_destroy(&queue->turned);
  pthread_mutex_destroy(&queue->lock);
  free(queue);
}

/* Writes n changes (or fewer, if there are no more) as one. The caller holds the layout's lock. */
static int write_changes(const struct sp_layout_dir *dir, struct change *first, size_t n,
                         struct sp_err *err)
{
  SP_AUTO_INDEX struct sp_index *index = NULL;
  bool has_changed = false;
  if (load(dir, &index, err) < 0)
    return -1;
  for (struct change *change = first; change && n > 0; change = change->next, n--) {
    if (change->apply(change, index, err) < 0)
      return -1;
    has_changed = has_changed || change->has_changed;
  }
  return has_changed ? save(dir, index, err) : 0;
}

/* Nobody fails for what another wanted: if they fail together, each is tried alone. Not where the
 * disk failed: an fsync that is tried again proves nothing. */
static void write_batch(const struct sp_layout_dir *dir, struct change *batch)
{
  SP_AUTO_LOCK struct sp_lock lock = SP_LOCK_INIT;
  struct sp_err why = SP_ERR_INIT;
  int locked = sp_lock_take(&lock, dir->fd, dir->modes.file, dir->name, dir->cancel, &why);
  bool is_written = locked == 0 && write_changes(dir, batch, SIZE_MAX, &why) == 0;
  bool is_of_one = locked == 0 && !is_written && batch->next && why.code != SP_E_IO;
  for (struct change *change = batch; change; change = change->next) {
    change->rc = is_written ? 0 : -1;
    if (is_of_one)
      change->rc = write_changes(dir, change, 1, &change->why);
    else if (!is_written)
      sp_err_copy(&change->why, &why);
  }
}

/* The caller holds the queue's lock, which is let go while what waits is written. */
static void write_waiting(const struct sp_layout_dir *dir, struct sp_index_queue *queue)
{
  struct change *batch = sp_steal(&queue->first);
  queue->is_writing = true;
  pthread_mutex_unlock(&queue->lock);
  write_batch(dir, batch);
  pthread_mutex_lock(&queue->lock);
  queue->is_writing = false;
  while (batch) {
    struct change *next = batch->next; /* who is done goes away */
    batch->is_done = true;
    batch = next;
  }
  pthread_cond_broadcast(&queue->turned);
}

static int apply(const struct sp_layout_dir *dir, struct change *change, struct sp_err *err)
{
  struct sp_index_queue *queue = dir->queue;
  if (sp_layout_dir_check_writable(dir, err) < 0)
    return -1;
  SP_LOCK_SCOPE(&queue->lock);
  *(queue->first ? &queue->last->next : &queue->first) = change;
  queue->last = change;
  while (!change->is_done && queue->is_writing)
    pthread_cond_wait(&queue->turned, &queue->lock);
  if (!change->is_done)
    write_waiting(dir, queue);
  if (change->rc == 0)
    return 0;
  sp_err_copy(err, &change->why);
  return sp_err_context(err, "cannot change '%s' of '%s'", SP_INDEX_FILE, dir->name);
}

static int set_all(struct change *change, struct sp_index *index, struct sp_err *err)
{
  for (size_t i = 0; i < change->n; i++) {
    if (sp_index_set_name(index, change->tags[i], change->desc, err) < 0)
      return -1;
  }
  change->has_changed = true;
  return 0;
}

static bool has_all(const struct sp_layout_dir *dir, const char *const *tags, size_t n,
                    const struct sp_desc *desc)
{
  SP_AUTO_INDEX_VIEW struct sp_index_view view = {0};
  struct sp_err ignored = SP_ERR_INIT;
  if (sp_index_cache_get(dir, &view, &ignored) < 0)
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
  struct change change = {.apply = set_all, .tags = tags, .n = n, .desc = desc};
  if (sp_layout_dir_check_writable(dir, err) < 0)
    return -1;
  /* Without the lock: what is right was right at this moment, which is all that is asked. */
  if (has_all(dir, tags, n, desc))
    return sp_file_sync_dir(dir->fd, err); /* who set them may not have come so far */
  return apply(dir, &change, err);
}

static int add_raw(struct change *change, struct sp_index *index, struct sp_err *err)
{
  return sp_index_add_raw(index, change->raw, &change->has_changed, err);
}

int sp_index_file_add(const struct sp_layout_dir *dir, const json_t *descriptor, struct sp_err *err)
{
  struct change change = {.apply = add_raw, .raw = descriptor};
  return apply(dir, &change, err);
}
