/* SPDX-License-Identifier: Apache-2.0 */
/* What was not reached lies together, from one image on, in the order of that run: images after it,
 * and those before its own beginning. So the first of them, behind one that was reached, is where
 * it stopped. */
#include "verify/rotation.h"

#include <stdlib.h>
#include <string.h>

#include "journal/runs.h"

#define RUNS_BACK 100 /* of any command */

/* The names of images that waited for pulls. */
struct held {
  char **names;
  size_t count, cap;
};

static void held_clear(struct held *held)
{
  for (size_t i = 0; i < held->count; i++)
    free(held->names[i]);
  free(held->names);
}

static int on_image(void *ctx, const struct sp_run_image *image, struct sp_err *err)
{
  struct held *held = ctx;
  if (!image->why || image->why->code != SP_E_THROTTLED)
    return 0;
  if (held->count == held->cap) {
    size_t cap = held->cap ? held->cap * 2 : 16;
    char **names = reallocarray(held->names, cap, sizeof *names);
    if (!names)
      return sp_fail(err, SP_E_NOMEM, "out of memory");
    held->names = names;
    held->cap = cap;
  }
  held->names[held->count] = strdup(image->image);
  if (!held->names[held->count])
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  held->count++;
  return 0;
}

static int by_name(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_held(const struct held *held, const struct sp_sync_images *images, size_t number)
{
  const char *name = images->name(images->ctx, number);
  return held->count > 0 &&
         bsearch(&name, held->names, held->count, sizeof *held->names, by_name) != NULL;
}

/* Where the run stopped. False: it reached nothing. */
static bool find_first(const struct held *held, const struct sp_sync_images *images, size_t *first)
{
  *first = 0;
  if (held->count == 0)
    return true; /* it reached all */
  for (size_t i = 0; i < images->count; i++) {
    size_t before = (i + images->count - 1) % images->count;
    if (is_held(held, images, i) && !is_held(held, images, before)) {
      *first = i;
      return true;
    }
  }
  return false;
}

static int read_held(struct sp_journal *journal, int64_t run, struct held *held, struct sp_err *err)
{
  const struct sp_run_visitor visitor = {.image = on_image, .ctx = held};
  if (sp_runs_walk(journal, run, &visitor, err) < 0)
    return -1;
  if (held->count > 0)
    qsort(held->names, held->count, sizeof *held->names, by_name);
  return 0;
}

/* Goes back over runs of the same command and names, to the first that reached something. */
static int find_in_runs(const struct sp_sync *sync, const struct sp_run *runs, size_t count,
                        size_t *first, struct sp_err *err)
{
  const struct sp_run *own = NULL;
  for (size_t i = 0; i < count; i++) {
    SP_CLEANUP(held_clear) struct held held = {0};
    if (runs[i].id == sync->run_id)
      own = &runs[i];
    if (!own || own == &runs[i] || strcmp(runs[i].command, own->command) != 0 ||
        strcmp(runs[i].subject, own->subject) != 0)
      continue;
    if (read_held(sync->journal, runs[i].id, &held, err) < 0)
      return -1;
    if (find_first(&held, &sync->images, first))
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
