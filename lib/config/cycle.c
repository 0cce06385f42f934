/* SPDX-License-Identifier: Apache-2.0 */
/* Images are followed from a primary to its backups, and on where one of those is the primary of
 * another image. Who comes back to where he is on the way has gone in a circle. A namespace without
 * a list is one image with a hole, which meets whatever may lie there. The way is kept in the stops
 * (`from`), not on the stack: it may be as long as the file. */
#include <stdlib.h>

#include "base/i18n.h"
#include "config/check.h"
#include "config/image_place.h"

/* One repository: an image, or one that a namespace lists. */
struct stop {
  const struct sp_config_image *image;
  const char *repo; /* NULL: of no list */
  char *primary;    /* keys */
  char **backups;   /* of each backup of the image; NULL: it has none, and that was said */
  struct stop *from;
  size_t backup, candidate; /* that is looked at next */
  enum { STOP_NEW, STOP_ON_THE_WAY, STOP_DONE } state;
};

struct map {
  struct stop *stops; /* in the order of the file */
  size_t count;
  struct stop **sorted; /* all of them, by their primaries */
  struct stop **holes;  /* those with a hole in it */
  size_t hole_count;
  struct sp_config_at told; /* where the last complaint was: a list says it for each repository */
};

static void map_clear(struct map *map)
{
  for (size_t i = 0; i < map->count; i++) {
    struct stop *stop = &map->stops[i];
    for (size_t k = 0; stop->backups && k < stop->image->backups.count; k++)
      free(stop->backups[k]);
    free(stop->backups);
    free(stop->primary);
  }
  free(map->stops);
  free(map->sorted);
  free(map->holes);
}

/* -- the map */

static bool add_stop(struct sp_reader *reader, struct map *map, const struct sp_config_image *image,
                     const char *repo)
{
  struct stop *stop = &map->stops[map->count++];
  *stop = (struct stop){.image = image, .repo = repo};
  stop->primary = sp_check_key(reader, &image->primary, repo, image->primary.at);
  stop->backups = calloc(image->backups.count + 1, sizeof *stop->backups);
  if (!stop->backups)
    sp_reader_fail(reader);
  for (size_t i = 0; stop->backups && i < image->backups.count; i++)
    stop->backups[i] =
        sp_check_key(reader, &image->backups.items[i], repo, image->backups.items[i].at);
  return stop->primary && stop->backups;
}

static int by_primary(const void *a, const void *b)
{
  return strcmp((*(struct stop *const *)a)->primary, (*(struct stop *const *)b)->primary);
}

static void sort(struct map *map)
{
  for (size_t i = 0; i < map->count; i++) {
    map->sorted[i] = &map->stops[i];
    if (strstr(map->stops[i].primary, SP_HOLE))
      map->holes[map->hole_count++] = &map->stops[i];
  }
  qsort(map->sorted, map->count, sizeof *map->sorted, by_primary);
}

static bool make_map(struct sp_reader *reader, const struct sp_config *config, struct map *map)
{
  size_t most = 1;
  for (size_t i = 0; i < config->image_count; i++)
    most += 1 + config->images[i].repositories.count;
  map->stops = calloc(most, sizeof *map->stops);
  map->sorted = calloc(most, sizeof(struct stop *));
  map->holes = calloc(most, sizeof(struct stop *));
  if (!map->stops || !map->sorted || !map->holes) {
    sp_reader_fail(reader);
    return false;
  }
  for (size_t i = 0; i < config->image_count; i++) {
    const struct sp_config_image *image = &config->images[i];
    if (image->repositories.count == 0 && !add_stop(reader, map, image, NULL))
      return false;
    for (size_t k = 0; k < image->repositories.count; k++) {
      if (!add_stop(reader, map, image, image->repositories.items[k]))
        return false;
    }
  }
  sort(map);
  return true;
}

/* -- the way */

/* The first whose primary does not stand before this text. */
static size_t first_not_before(const struct map *map, const char *text, size_t len)
{
  size_t low = 0, high = map->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strncmp(map->sorted[middle]->primary, text, len) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The stop of a number among those that the key may meet; NULL: they are at an end. */
static struct stop *candidate(const struct map *map, const char *key, size_t number)
{
  if (number < map->hole_count)
    return map->holes[number];
  const char *hole = strstr(key, SP_HOLE);
  size_t len = hole ? (size_t)(hole - key) : strlen(key) + 1;
  size_t at = first_not_before(map, key, len) + number - map->hole_count;
  return at < map->count && strncmp(map->sorted[at]->primary, key, len) == 0 ? map->sorted[at]
                                                                             : NULL;
}

/* Where the way leads from here next, by backup `*backup`; NULL: nowhere any more. */
static struct stop *next(const struct map *map, struct stop *stop, size_t *backup)
{
  for (; stop->backup < stop->image->backups.count; stop->backup++, stop->candidate = 0) {
    const char *key = stop->backups[stop->backup];
    struct stop *to;
    while (key && (to = candidate(map, key, stop->candidate))) {
      stop->candidate++;
      *backup = stop->backup;
      if (sp_config_keys_meet(key, to->primary))
        return to;
    }
  }
  return NULL;
}

static void complain(struct sp_reader *reader, struct map *map, const struct stop *from,
                     size_t backup, const struct stop *to)
{
  struct sp_config_at at = from->image->backups.items[backup].at;
  if (at.line == map->told.line && at.column == map->told.column)
    return;
  map->told = at;
  SP_COMPLAIN_AT(reader, at,
                 _("this is the primary of '%s', whose backups lead to the primary of '%s': in a "
                   "circle each would set back the tags of the other"),
                 to->image->name, from->image->name);
}

static void follow(struct sp_reader *reader, struct map *map, struct stop *start)
{
  start->state = STOP_ON_THE_WAY;
  for (struct stop *at = start; at;) {
    size_t backup = 0;
    struct stop *to = next(map, at, &backup);
    if (!to) {
      at->state = STOP_DONE;
      at = at->from;
    } else if (to->state == STOP_ON_THE_WAY) {
      complain(reader, map, at, backup, to);
    } else if (to->state == STOP_NEW) {
      to->state = STOP_ON_THE_WAY;
      to->from = at;
      at = to;
    }
  }
}

void sp_check_cycles(struct sp_reader *reader, const struct sp_config *config)
{
  SP_CLEANUP(map_clear) struct map map = {0};
  if (!make_map(reader, config, &map))
    return;
  for (size_t i = 0; i < map.count; i++) {
    if (map.stops[i].state == STOP_NEW)
      follow(reader, &map, &map.stops[i]);
  }
}
