/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/side.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

static int by_text(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Moves the page's tags over. */
static int take_page(struct sp_side *side, struct sp_tag_page *page, struct sp_err *err)
{
  if (page->count == 0)
    return 0;
  if (side->tag_count + page->count > SP_MAX_TAGS)
    return sp_fail(err, SP_E_LIMIT, "'%s' has more than %d tags", side->store->name, SP_MAX_TAGS);
  char **tags = reallocarray(side->tags, side->tag_count + page->count, sizeof *tags);
  if (!tags)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  side->tags = tags;
  memcpy(tags + side->tag_count, page->tags, page->count * sizeof *tags);
  side->tag_count += page->count;
  page->count = 0;
  return 0;
}

static int fetch_pages(struct sp_side *side, const struct sp_cancel *cancel, struct sp_err *err)
{
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page page = {0};
  for (int pages = 0;; pages++) {
    if (pages == SP_MAX_TAG_PAGES)
      return sp_fail(err, SP_E_LIMIT, "the list of tags of '%s' does not end", side->store->name);
    if (sp_cancel_check(cancel, err) < 0 ||
        sp_store_list_tags(side->store, page.next, &page, err) < 0 ||
        take_page(side, &page, err) < 0)
      return -1;
    if (!page.next)
      return 0;
  }
}

static void sort(struct sp_side *side)
{
  if (side->tag_count == 0)
    return;
  qsort(side->tags, side->tag_count, sizeof *side->tags, by_text);
  size_t kept = 1;
  for (size_t i = 1; i < side->tag_count; i++) {
    if (strcmp(side->tags[i], side->tags[kept - 1]) == 0)
      free(side->tags[i]);
    else
      side->tags[kept++] = side->tags[i];
  }
  side->tag_count = kept;
}

int sp_side_list(struct sp_side *side, struct sp_store *store, const struct sp_cancel *cancel,
                 struct sp_err *err)
{
  *side = (struct sp_side){.store = store, .is_there = true, .is_listed = true};
  struct sp_err failure = SP_ERR_INIT;
  int failed = fetch_pages(side, cancel, &failure);
  sort(side);
  if (!failed)
    return 0;
  if (failure.code == SP_E_NOT_FOUND && side->tag_count == 0) {
    side->is_there = false;
    return 0;
  }
  sp_side_clear(side);
  side->store = store;
  sp_err_copy(err, &failure);
  return -1;
}

void sp_side_clear(struct sp_side *side)
{
  for (size_t i = 0; i < side->tag_count; i++)
    free(side->tags[i]);
  free(side->tags);
  *side = (struct sp_side){0};
}

bool sp_side_has(const struct sp_side *side, const char *tag)
{
  return side->tag_count > 0 &&
         bsearch(&tag, side->tags, side->tag_count, sizeof *side->tags, by_text) != NULL;
}

bool sp_side_any_has(const struct sp_side *sides, size_t count, const char *tag)
{
  for (size_t i = 0; i < count; i++) {
    if (sp_side_has(&sides[i], tag))
      return true;
  }
  return false;
}
