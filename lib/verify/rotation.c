/* SPDX-License-Identifier: Apache-2.0 */
/* A run takes its images in a circle and tells of them about in that order. So it began near the
 * first that it told of, and the first from there on that had to wait is where it stopped. That
 * holds for the images that were there then; new ones in between say nothing, nor do those that
 * need no pulls and never wait. */
#include "verify/rotation.h"

#include <stdlib.h>
#include <string.h>

#include "journal/runs.h"

#define RUNS_BACK 100 /* of any command */

/* What a run told of an image. */
struct told {
  char *name;
  size_t number; /* in the order of telling */
  bool is_held;  /* it waited for pulls, at one of its places at the least */
};

struct told_list {
  struct told *items; /* sorted by name when they are looked for */
  size_t count, cap, held;
};

static void told_clear(struct told_list *told)
{
  for (size_t i = 0; i < told->count; i++)
    free(told->items[i].name);
  free(told->items);
}

static int on_image(void *ctx, const struct sp_run_image *image, struct sp_err *err)
{
  struct told_list *told = ctx;
  if (told->count == told->cap) {
    size_t cap = told->cap ? told->cap * 2 : 16;
    struct told *items = reallocarray(told->items, cap, sizeof *items);
    if (!items)
      return sp_fail(err, SP_E_NOMEM, "out of memory");
    told->items = items;
    told->cap = cap;
  }
  struct told *item = &told->items[told->count];
  *item = (struct told){.name = strdup(image->image),
                        .number = told->count,
                        .is_held = image->why && image->why->code == SP_E_THROTTLED};
  if (!item->name)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  told->count++;
  return 0;
}

static int by_name(const void *a, const void *b)
{
  const struct told *x = a, *y = b;
  return strcmp(x->name, y->name);
}

/* Each image once, however many places were told of. */
static void merge(struct told_list *told)
{
  size_t kept = 0;
  qsort(told->items, told->count, sizeof *told->items, by_name);
  for (size_t i = 0; i < told->count; i++) {
    struct told *item = &told->items[i];
    struct told *last = kept > 0 ? &told->items[kept - 1] : NULL;
    if (!last || strcmp(last->name, item->name) != 0) {
      told->items[kept++] = *item;
      continue;
    }
    last->is_held = last->is_held || item->is_held;
    last->number = item->number < last->number ? item->number : last->number;
    free(item->name);
  }
  told->count = kept;
  for (size_t i = 0; i < kept; i++)
    told->held += told->items[i].is_held;
}

static int read_told(struct sp_journal *journal, int64_t run, struct told_list *told,
                     struct sp_err *err)
{
  const struct sp_run_visitor visitor = {.image = on_image, .ctx = told};
  if (sp_runs_walk(journal, run, &visitor, err) < 0)
    return -1;
  if (told->count > 0)
    merge(told);
  return 0;
}

/* NULL: the run told nothing of it. */
static const struct told *find(const struct told_list *told, const struct sp_sync_images *images,
                               size_t number)
{
  const struct told key = {.name = (char *)(uintptr_t)images->name(images->ctx, number)};
  return bsearch(&key, told->items, told->count, sizeof *told->items, by_name);
}

static size_t find_beginning(const struct told_list *told, const struct sp_sync_images *images)
{
  size_t beginning = 0, least = SIZE_MAX;
  for (size_t i = 0; i < images->count; i++) {
    const struct told *item = find(told, images, i);
    if (!item || item->number >= least)
      continue;
    least = item->number;
    beginning = i;
  }
  return beginning;
}

/* Where the run stopped. False: it reached nothing. */
static bool find_first(const struct told_list *told, const struct sp_sync_images *images,
                       size_t *first)
{
  if (told->held == told->count)
    return false;
  size_t beginning = find_beginning(told, images);
  for (size_t i = 0; told->held > 0 && i < images->count; i++) {
    size_t number = (beginning + i) % images->count;
    const struct told *item = find(told, images, number);
    if (!item || !item->is_held)
      continue;
    *first = number;
    return true;
  }
  return true; /* it reached all that there are */
}

/* Goes back over runs of the same command and names, to the first that reached something. */
static int find_in_runs(const struct sp_sync *sync, const struct sp_run *runs, size_t count,
                        size_t *first, struct sp_err *err)
{
  const struct sp_run *own = NULL;
  for (size_t i = 0; i < count; i++) {
    SP_CLEANUP(told_clear) struct told_list told = {0};
    if (runs[i].id == sync->run_id)
      own = &runs[i];
    if (!own || own == &runs[i] || strcmp(runs[i].command, own->command) != 0 ||
        strcmp(runs[i].subject, own->subject) != 0)
      continue;
    if (read_told(sync->journal, runs[i].id, &told, err) < 0)
      return -1;
    if (find_first(&told, &sync->images, first))
      return 0;
  }
  return 0;
}

int sp_rotation_find(const struct sp_verify *verify, size_t *first, struct sp_err *err)
{
  const struct sp_sync *sync = &verify->sync;
  struct sp_run *runs;
  size_t count;
  *first = 0;
  if (sp_runs_list(sync->journal, RUNS_BACK, &runs, &count, err) < 0)
    return -1;
  int failed = find_in_runs(sync, runs, count, first, err);
  sp_runs_free(runs, count);
  return failed;
}
