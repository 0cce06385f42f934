/* SPDX-License-Identifier: Apache-2.0 */
/* All tags are listed into a set; of those that the filters let through a list is made, and dated,
 * sorted and cut. Where dates do not decide the order, the list is cut before they are asked for.
 */
#include "safeport/tags.h"

#include <stdlib.h>

#include "api/session.h"
#include "api/tag_dates.h"
#include "api/tag_set.h"
#include "oci/tag_order.h"
#include "policy/pattern.h"

struct shown {
  const char *name;               /* borrowed from the set */
  const struct sp_tag_date *date; /* borrowed from the listing's dates; NULL: not asked for */
};

struct sp_tag_listing {
  struct sp_pattern_list filters;
  char name[SP_PLACE_TEXT_MAX];
  struct sp_tag_set set;
  struct shown *shown; /* owned */
  size_t count;
  struct sp_tag_date *dates; /* owned; NULL: not asked for */
};

void sp_tag_listing_free(struct sp_tag_listing *listing)
{
  if (!listing)
    return;
  sp_pattern_list_clear(&listing->filters);
  sp_tag_set_clear(&listing->set);
  free(listing->shown);
  free(listing->dates);
  free(listing);
}
SP_DEFINE_AUTO_FREE(struct sp_tag_listing, sp_tag_listing_free)

/* -- listing */

static bool is_shown(const struct sp_tag_listing *listing, const char *tag)
{
  return listing->filters.count == 0 || sp_pattern_list_matches(&listing->filters, tag);
}

/* Every page must bring a tag that is new: a listing without end is none (S25). */
static int take_page(const struct sp_tag_page *page, struct sp_tag_listing *listing, size_t *found,
                     struct sp_err *err)
{
  size_t before = listing->set.count;
  for (size_t i = 0; i < page->count; i++) {
    bool is_new;
    if (sp_tag_set_add(&listing->set, page->tags[i], &is_new, err) < 0)
      return sp_err_context(err, "the listing of '%s' is incomplete", listing->name);
    *found += is_new && is_shown(listing, page->tags[i]);
  }
  if (page->next && listing->set.count == before)
    return sp_fail(err, SP_E_PROTOCOL,
                   "the listing of '%s' is incomplete: a page of it brings nothing new",
                   listing->name);
  return 0;
}

static int list(struct sp_session *session, struct sp_store *store,
                const struct sp_tags_options *options, struct sp_tag_listing *listing,
                struct sp_err *err)
{
  struct sp_tag_page page SP_CLEANUP(sp_tag_page_clear_auto_) = {0};
  bool stops_early = options->limit > 0 && options->sort == SP_TAGS_AS_LISTED && !options->reverse;
  size_t found = 0;
  do {
    SP_AUTO_FREE char *cursor = sp_steal(&page.next);
    if (sp_cancel_check(sp_session_cancel(session), err) < 0 ||
        sp_store_list_tags(store, cursor, &page, err) < 0 ||
        take_page(&page, listing, &found, err) < 0)
      return -1;
  } while (page.next && !(stops_early && found >= options->limit));
  return 0;
}

static int filter(struct sp_tag_listing *listing, struct sp_err *err)
{
  listing->shown = calloc(listing->set.count + 1, sizeof *listing->shown);
  if (!listing->shown)
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu tags", listing->set.count);
  for (size_t i = 0; i < listing->set.count; i++) {
    const char *tag = sp_tag_set_get(&listing->set, i);
    if (is_shown(listing, tag))
      listing->shown[listing->count++].name = tag;
  }
  return 0;
}

/* -- order */

static int by_name(const void *a, const void *b)
{
  return strcmp(((const struct shown *)a)->name, ((const struct shown *)b)->name);
}

static int by_version(const void *a, const void *b)
{
  return sp_tag_compare_version(((const struct shown *)a)->name, ((const struct shown *)b)->name);
}

static int by_date(const void *a, const void *b)
{
  int64_t date_a = ((const struct shown *)a)->date->created_s;
  int64_t date_b = ((const struct shown *)b)->date->created_s;
  if (date_a != date_b)
    return date_a < date_b ? -1 : 1;
  return by_version(a, b);
}

static void sort(const struct sp_tags_options *options, struct sp_tag_listing *listing)
{
  static int (*const orders[])(const void *, const void *) = {
      [SP_TAGS_AS_LISTED] = NULL,
      [SP_TAGS_BY_NAME] = by_name,
      [SP_TAGS_BY_VERSION] = by_version,
      [SP_TAGS_BY_DATE] = by_date,
  };
  if (orders[options->sort])
    qsort(listing->shown, listing->count, sizeof *listing->shown, orders[options->sort]);
  for (size_t i = 0; options->reverse && i < listing->count / 2; i++) {
    struct shown other = listing->shown[listing->count - 1 - i];
    listing->shown[listing->count - 1 - i] = listing->shown[i];
    listing->shown[i] = other;
  }
}

static void cut(const struct sp_tags_options *options, struct sp_tag_listing *listing)
{
  if (options->limit > 0 && listing->count > options->limit)
    listing->count = options->limit;
}

/* -- dates */

static int add_dates(struct sp_session *session, struct sp_store *store,
                     struct sp_tag_listing *listing, struct sp_err *err)
{
  if (listing->count > SP_MAX_DATED_TAGS)
    return sp_fail(err, SP_E_LIMIT,
                   "dates of %zu tags are too many to ask for (at most %d): choose with --filter "
                   "or --limit",
                   listing->count, SP_MAX_DATED_TAGS);
  listing->dates = calloc(listing->count + 1, sizeof *listing->dates);
  if (!listing->dates)
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu dates", listing->count);
  for (size_t i = 0; i < listing->count; i++) {
    listing->dates[i].tag = listing->shown[i].name;
    listing->shown[i].date = &listing->dates[i];
  }
  const struct sp_retry_policy policy = sp_session_retry(session);
  return sp_tag_dates_read(store, &policy, listing->dates, listing->count, err);
}

static int arrange(struct sp_session *session, struct sp_store *store,
                   const struct sp_tags_options *options, struct sp_tag_listing *listing,
                   struct sp_err *err)
{
  bool dates_first = options->sort == SP_TAGS_BY_DATE;
  if (filter(listing, err) < 0 || (dates_first && add_dates(session, store, listing, err) < 0))
    return -1;
  sort(options, listing);
  cut(options, listing);
  return options->dates && !dates_first ? add_dates(session, store, listing, err) : 0;
}

/* -- the whole */

static int read_options(const struct sp_tags_options *options, struct sp_tag_listing *listing,
                        struct sp_place *place, struct sp_err *err)
{
  if (options->sort == SP_TAGS_BY_DATE && !options->dates)
    return sp_fail(err, SP_E_USAGE,
                   "the order of dates costs requests, at Docker Hub pulls: ask for them with "
                   "--created");
  for (size_t i = 0; i < options->filter_count; i++) {
    if (sp_pattern_list_add(&listing->filters, sp_span_str(options->filters[i]), err) < 0)
      return sp_err_context(err, "--filter");
  }
  if (sp_place_parse(options->repository, options->lower, place, err) < 0)
    return -1;
  if (place->ref.tag[0] || place->ref.digest.alg != SP_DIGEST_NONE)
    return sp_fail(err, SP_E_USAGE, "'%s' names one image: write the repository alone",
                   options->repository);
  return 0;
}

int sp_tags(struct sp_session *session, const struct sp_tags_options *options,
            struct sp_tag_listing **out, struct sp_err *err)
{
  struct sp_place place;
  SP_AUTO_OPENED struct sp_opened opened = {0};
  SP_CLEANUP(sp_tag_listing_free_auto_) struct sp_tag_listing *listing = calloc(1, sizeof *listing);
  if (!listing)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a listing");
  sp_tag_set_init(&listing->set);
  if (read_options(options, listing, &place, err) < 0 ||
      sp_session_open_place(session, &place, SP_OPEN_READ, &opened, err) < 0)
    return -1;
  sp_place_format_name(&place, listing->name);
  if (list(session, opened.store, options, listing, err) < 0 ||
      arrange(session, opened.store, options, listing, err) < 0)
    return -1;
  *out = sp_steal(&listing);
  return 0;
}

const char *sp_tag_listing_name(const struct sp_tag_listing *listing)
{
  return listing->name;
}

size_t sp_tag_listing_count(const struct sp_tag_listing *listing)
{
  return listing->count;
}

struct sp_tag_entry sp_tag_listing_get(const struct sp_tag_listing *listing, size_t i)
{
  const struct shown *shown = &listing->shown[i];
  struct sp_tag_entry entry = {.name = shown->name, .digest = "", .created = ""};
  if (shown->date) {
    entry.digest = shown->date->digest_text;
    entry.created = shown->date->created;
  }
  return entry;
}
