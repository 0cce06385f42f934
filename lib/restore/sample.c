/* SPDX-License-Identifier: Apache-2.0 */
#include "restore/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sp_sample_init(struct sp_sample *sample, size_t most, uint64_t seed, struct sp_err *err)
{
  *sample = (struct sp_sample){.seed = seed, .most = most < SP_MAX_SAMPLE ? most : SP_MAX_SAMPLE};
  sample->items = calloc(sample->most + 1, sizeof *sample->items);
  return sample->items ? 0 : sp_fail(err, SP_E_NOMEM, "out of memory");
}

void sp_sample_clear(struct sp_sample *sample)
{
  free(sample->items);
  *sample = (struct sp_sample){0};
}

/* FNV-1a, and a last mixing (of splitmix64), for its low bits are poor. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
  const unsigned char *at = bytes;
  for (size_t i = 0; i < len; i++)
    hash = (hash ^ at[i]) * 0x100000001b3u;
  return hash;
}

static uint64_t lot_of(uint64_t seed, size_t image, size_t backup, const char *tag)
{
  const uint64_t numbers[] = {seed, image, backup};
  uint64_t hash = mix(mix(0xcbf29ce484222325u, numbers, sizeof numbers), tag, strlen(tag));
  hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ hash >> 27) * 0x94d049bb133111ebu;
  return hash ^ hash >> 31;
}

/* Does a come before b in the sample? */
static bool is_better(const struct sp_sampled *a, const struct sp_sampled *b)
{
  return a->read_s != b->read_s ? a->read_s < b->read_s : a->lot < b->lot;
}

static void swap(struct sp_sampled *a, struct sp_sampled *b)
{
  struct sp_sampled kept = *a;
  *a = *b;
  *b = kept;
}

static void sift_up(struct sp_sample *sample, size_t i)
{
  for (; i > 0 && is_better(&sample->items[(i - 1) / 2], &sample->items[i]); i = (i - 1) / 2)
    swap(&sample->items[(i - 1) / 2], &sample->items[i]);
}

static void sift_down(struct sp_sample *sample)
{
  for (size_t i = 0;;) {
    size_t worst = i;
    for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < sample->count; child++) {
      if (is_better(&sample->items[worst], &sample->items[child]))
        worst = child;
    }
    if (worst == i)
      return;
    swap(&sample->items[i], &sample->items[worst]);
    i = worst;
  }
}

void sp_sample_offer(struct sp_sample *sample, size_t image, size_t backup, const char *tag,
                     int64_t read_s)
{
  struct sp_sampled item = {.image = image,
                            .backup = backup,
                            .read_s = read_s,
                            .lot = lot_of(sample->seed, image, backup, tag)};
  snprintf(item.tag, sizeof item.tag, "%s", tag);
  if (sample->count < sample->most) {
    sample->items[sample->count] = item;
    sift_up(sample, sample->count++);
  } else if (sample->most > 0 && is_better(&item, &sample->items[0])) {
    sample->items[0] = item;
    sift_down(sample);
  }
}

static int compare(const void *a, const void *b)
{
  const struct sp_sampled *x = a;
  const struct sp_sampled *y = b;
  if (x->image != y->image)
    return x->image < y->image ? -1 : 1;
  if (x->backup != y->backup)
    return x->backup < y->backup ? -1 : 1;
  return strcmp(x->tag, y->tag);
}

void sp_sample_sort(struct sp_sample *sample)
{
  if (sample->count > 0)
    qsort(sample->items, sample->count, sizeof *sample->items, compare);
}
