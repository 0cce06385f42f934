/* SPDX-License-Identifier: Apache-2.0 */
/* An image that was named twice ("app app", "acme acme/web", "app:v1 app:v2") is one image: it
 * would wait for its own lock, and be counted twice. */
#include <stdlib.h>
#include <string.h>

#include "api/images_item.h"
#include "base/scope.h"

static int compare_images(const struct sp_images_item *a, const struct sp_images_item *b)
{
  if (a->image != b->image)
    return (a->image > b->image) - (a->image < b->image); /* of one array */
  if (!a->repo || !b->repo)
    return (a->repo != NULL) - (b->repo != NULL);
  return strcmp(a->repo, b->repo);
}

/* The first named comes first. */
static int by_image(const void *a, const void *b)
{
  const struct sp_images_item *const *x = a, *const *y = b;
  int order = compare_images(*x, *y);
  return order ? order : (*x > *y) - (*x < *y);
}

/* The tags of both; all of them if either means all. */
static int join_tags(struct sp_images_item *into, const struct sp_images_item *from,
                     struct sp_err *err)
{
  if (!into->only)
    return 0;
  if (!from->only) {
    sp_selection_clear(into->only);
    free(into->only);
    into->only = NULL;
    return 0;
  }
  for (size_t i = 0; i < from->only->include.count; i++) {
    const char *tag = from->only->include.items[i].text;
    if (sp_pattern_list_matches(&into->only->include, tag))
      continue;
    if (into->only->include.count >= SP_MAX_PATTERNS)
      return sp_fail(err, SP_E_USAGE, "'%s' is named with more than %d tags",
                     sp_images_item_name(into), SP_MAX_PATTERNS);
    if (sp_pattern_list_add(&into->only->include, sp_span_str(tag), err) < 0)
      return -1;
  }
  return 0;
}

/* What a list says of a repository is more than that somebody wrote its name. */
static int join(struct sp_images_item *into, struct sp_images_item *from, struct sp_err *err)
{
  if (into->origin == SP_ORIGIN_NAMED)
    into->origin = from->origin;
  if (into->is_shadow == from->is_shadow)
    return join_tags(into, from, err);
  if (into->is_shadow) {
    struct sp_selection *only = into->only;
    into->only = from->only;
    from->only = only;
    into->is_shadow = false;
  }
  return 0;
}

/* Joins into the first of each; what was joined is marked in `is_double`. */
static int join_doubles(struct sp_images *images, struct sp_images_item **order, bool *is_double,
                        struct sp_err *err)
{
  for (size_t i = 0; i < images->count; i++)
    order[i] = &images->items[i];
  qsort(order, images->count, sizeof *order, by_image);
  struct sp_images_item *first = order[0];
  for (size_t i = 1; i < images->count; i++) {
    if (compare_images(first, order[i]) != 0) {
      first = order[i];
      continue;
    }
    if (join(first, order[i], err) < 0)
      return -1;
    is_double[order[i] - images->items] = true;
  }
  return 0;
}

int sp_images_fold(struct sp_images *images, struct sp_err *err)
{
  if (images->count < 2)
    return 0;
  SP_AUTO_FREE struct sp_images_item **order = calloc(images->count, sizeof *order);
  SP_AUTO_FREE bool *is_double = calloc(images->count, sizeof *is_double);
  if (!order || !is_double)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the images");
  if (join_doubles(images, order, is_double, err) < 0)
    return -1;
  size_t kept = 0;
  for (size_t i = 0; i < images->count; i++) {
    if (is_double[i])
      sp_images_item_clear(&images->items[i]);
    else
      images->items[kept++] = images->items[i];
  }
  images->count = kept;
  return 0;
}
