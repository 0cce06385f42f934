/* SPDX-License-Identifier: Apache-2.0 */
/* The times of a file move in steps (the kernel's tick, two seconds on FAT), and the number of an
 * inode that was replaced is given to the next file. So a file that is changed twice within a step
 * can look as it did after the first change, as git's index knows ("racy"). A look proves nothing
 * but of a file that was older than any step before its bytes were read.
 *
 * It is opened to be looked at: a client of NFS asks its server then, and not for stat(2).
 */
#include "layout/index_cache.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "layout/beneath.h"

/* How the file looks. */
struct look {
  bool is_settled; /* a later change cannot look the same; false: nothing is known of it */
  struct stat facts;
};

struct sp_index_cache {
  pthread_mutex_t lock;
  struct sp_buf text;        /* the bytes that are known */
  struct sp_index_view view; /* what they say */
  struct look look;          /* at the file, before these bytes were read from it */
};

int sp_index_cache_new(struct sp_index_cache **out, struct sp_err *err)
{
  struct sp_index_cache *cache = calloc(1, sizeof *cache);
  if (!cache)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a layout");
  pthread_mutex_init(&cache->lock, NULL);
  sp_buf_init(&cache->text, SP_MAX_INDEX_JSON_BYTES);
  *out = cache;
  return 0;
}

void sp_index_cache_free(struct sp_index_cache *cache)
{
  if (!cache)
    return;
  sp_index_view_clear(&cache->view);
  sp_buf_clear(&cache->text);
  pthread_mutex_destroy(&cache->lock);
  free(cache);
}

/* -- is it the same file? */

/* What is wrong with it, reading it will tell. */
static struct look look_at(const struct sp_layout_dir *dir)
{
  struct look look = {0};
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_CLOSE int fd = -1;
  int64_t now_s = sp_clock_wall_s(); /* before the look: a file may only seem too young */
  if (sp_beneath_open(dir->fd, SP_INDEX_FILE, O_RDONLY | O_NONBLOCK, 0, &fd, &ignored) == 0 &&
      fstat(fd, &look.facts) == 0)
    look.is_settled = now_s - (int64_t)look.facts.st_ctime >= SP_INDEX_SETTLE_S;
  return look;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
  return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_known(const struct sp_index_cache *cache, const struct look *now)
{
  const struct stat *a = &cache->look.facts;
  const struct stat *b = &now->facts;
  return cache->look.is_settled && a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
         a->st_size == b->st_size && is_same_time(&a->st_mtim, &b->st_mtim) &&
         is_same_time(&a->st_ctim, &b->st_ctim);
}

/* -- bytes */

/* Makes these bytes, which become the cache's, and what they say known. */
static void keep(struct sp_index_cache *cache, struct sp_buf *text, struct sp_index_view *view)
{
  sp_index_view_clear(&cache->view);
  sp_buf_clear(&cache->text);
  cache->view = *view;
  cache->text = *text;
  *view = (struct sp_index_view){0};
  sp_buf_init(text, text->max_bytes);
}

static int read_again(struct sp_index_cache *cache, const struct sp_layout_dir *dir,
                      const struct look *look, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  SP_AUTO_INDEX_VIEW struct sp_index_view view = {0};
  sp_buf_init(&text, SP_MAX_INDEX_JSON_BYTES);
  if (sp_file_read(dir->fd, SP_INDEX_FILE, &text, err) < 0)
    return -1;
  if (text.len == 0 || !sp_span_eq(sp_buf_span(&text), sp_buf_span(&cache->text))) {
    if (sp_index_view_parse(sp_buf_span(&text), dir->name, &view, err) < 0)
      return -1;
    keep(cache, &text, &view);
  }
  cache->look = *look;
  return 0;
}

int sp_index_cache_read(const struct sp_layout_dir *dir, struct sp_index_view *out,
                        struct sp_err *err)
{
  struct sp_index_cache *cache = dir->index;
  SP_LOCK_SCOPE(&cache->lock);
  struct look now = look_at(dir);
  if (read_again(cache, dir, &now, err) < 0)
    return -1;
  sp_index_view_share(&cache->view, out);
  return 0;
}

/* The layout is there, and broken. */
static int explain(const struct sp_layout_dir *dir, const struct sp_err *why, struct sp_err *err)
{
  if (why->code == SP_E_NOT_FOUND)
    return sp_fail(err, SP_E_INVALID,
                   "layout '%s' has no '%s': its blobs may be whole, and nothing names them. The "
                   "next run that writes there makes a new one, with what it knows to name",
                   dir->name, SP_INDEX_FILE);
  if (why->code == SP_E_INVALID)
    return sp_fail(err, SP_E_INVALID,
                   "cannot use '%s' of layout '%s': %s. Its blobs may be whole: put back a copy of "
                   "that file, or move it away, and the next run that writes there makes a new one",
                   SP_INDEX_FILE, dir->name, why->msg);
  sp_err_copy(err, why);
  return sp_err_context(err, "cannot use '%s' of layout '%s'", SP_INDEX_FILE, dir->name);
}

int sp_index_cache_get(const struct sp_layout_dir *dir, struct sp_index_view *out,
                       struct sp_err *err)
{
  struct sp_index_cache *cache = dir->index;
  struct sp_err why = SP_ERR_INIT;
  SP_LOCK_SCOPE(&cache->lock);
  struct look now = look_at(dir);
  if (!is_known(cache, &now) && read_again(cache, dir, &now, &why) < 0)
    return explain(dir, &why, err);
  sp_index_view_share(&cache->view, out);
  return 0;
}

void sp_index_cache_put_take(const struct sp_layout_dir *dir, struct sp_buf *text, json_t *doc)
{
  struct sp_index_cache *cache = dir->index;
  SP_AUTO_INDEX_VIEW struct sp_index_view view = {0};
  struct sp_err ignored = SP_ERR_INIT;
  if (sp_index_view_of(doc, dir->name, &view, &ignored) < 0)
    return;
  SP_LOCK_SCOPE(&cache->lock);
  cache->look = (struct look){0};
  keep(cache, text, &view);
}
