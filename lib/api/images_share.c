/* SPDX-License-Identifier: Apache-2.0 */
/* Two images with one backup would set each other's tags. What the file says is complained about
 * when it is read (config/check.h); what registries list can only be looked at here. Slashes become
 * '-' where a registry has two levels, so "a/b" and "a-b" may come to one name. */
#include <stdlib.h>
#include <string.h>

#include "api/images_item.h"
#include "oci/place_key.h"

struct taken {
  char *place; /* its key */
  size_t item;
};

static int by_place(const void *a, const void *b)
{
  const struct taken *x = a, *y = b;
  int order = strcmp(x->place, y->place);
  return order ? order : (x->item > y->item) - (x->item < y->item);
}

/* The backups of one image; what is no place will be said when it is opened. */
static int take_backups(const struct sp_images *images, size_t number, struct taken *all,
                        size_t *count, struct sp_err *err)
{
  const struct sp_images_item *item = &images->items[number];
  for (size_t i = 0; !item->why && i < item->image->backups.count; i++) {
    struct sp_place place;
    struct sp_err no_place = SP_ERR_INIT;
    if (sp_config_place_get(&item->image->backups.items[i], item->repo, &place, &no_place) < 0)
      continue;
    all[*count].item = number;
    if (sp_place_key(&place, &all[*count].place, err) < 0)
      return -1;
    (*count)++;
  }
  return 0;
}

static const char *name_at(const struct sp_images *images, const struct taken *taken)
{
  return sp_images_item_name(&images->items[taken->item]);
}

/* Those with one place: each that has another image beside it is given up, for nobody knows who was
 * first. One image may have a place twice. */
static int refuse(struct sp_images *images, const struct taken *run, size_t count,
                  struct sp_err *err)
{
  for (size_t i = 0; i < count; i++) {
    const char *name = name_at(images, &run[i]);
    struct sp_err why = SP_ERR_INIT;
    size_t other = 0;
    while (other < count && strcmp(name_at(images, &run[other]), name) == 0)
      other++;
    if (other == count)
      return 0; /* all are one image */
    (void)sp_fail(&why, SP_E_REFUSED, "'%s' and '%s' would share the backup '%s'", name,
                  name_at(images, &run[other]), run->place);
    if (sp_images_item_give_up(&images->items[run[i].item], &why, err) < 0)
      return -1;
  }
  return 0;
}

static int find_shared(struct sp_images *images, struct taken *all, size_t *count,
                       struct sp_err *err)
{
  for (size_t i = 0; i < images->count; i++) {
    if (take_backups(images, i, all, count, err) < 0)
      return -1;
  }
  if (*count > 0)
    qsort(all, *count, sizeof *all, by_place);
  for (size_t i = 0, end; i < *count; i = end) {
    for (end = i + 1; end < *count && strcmp(all[i].place, all[end].place) == 0;)
      end++;
    if (end > i + 1 && refuse(images, &all[i], end - i, err) < 0)
      return -1;
  }
  return 0;
}

int sp_images_refuse_shared(struct sp_images *images, struct sp_err *err)
{
  size_t most = 1;
  for (size_t i = 0; i < images->count; i++)
    most += images->items[i].image->backups.count;
  SP_AUTO_FREE struct taken *all = calloc(most, sizeof *all);
  size_t count = 0;
  if (!all)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the images");
  int failed = find_shared(images, all, &count, err);
  for (size_t i = 0; i < count; i++)
    free(all[i].place);
  return failed;
}
