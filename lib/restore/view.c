/* SPDX-License-Identifier: Apache-2.0 */
#include "restore/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/pool.h"
#include "base/text.h"
#include "oci/reference.h"
#include "policy/tag_kind.h"
#include "restore/order.h"
#include "restore/then.h"
#include "store/any.h"
#include "sync/past.h"
#include "sync/side.h"
#include "transfer/trouble.h"

#define TAGS_AT_ONCE SP_MAX_WORKERS

/* A tag of the view. */
struct wanted {
  const char *name; /* borrowed from the request or a side */
  bool is_company;  /* a digest tag (cosign's, a list of referrers): what it names is asked later */
  struct sp_digest digest;
  bool is_found;
  bool was_gone;          /* then: the primary did not have it any more */
  struct sp_digest other; /* now: what the best copy names, if none names what the primary did */
  const char *other_at;   /* and that copy; borrowed */
};

/* The opening of a view. */
struct opening {
  struct sp_view *view;
  const struct sp_view_request *request;
  struct sp_store *stores[SP_MAX_DESTINATIONS]; /* owned; best first once ordered */
  struct sp_side sides[SP_MAX_DESTINATIONS];    /* of each */
  struct sp_err errs[SP_MAX_DESTINATIONS];
  size_t count;
  struct sp_past past;
  struct sp_known then;  /* tags of the primary at at_s, as the journal knows */
  struct sp_record told; /* then: what records tell of them, and what they name now */
  struct wanted *items;
  size_t item_count;
};

static bool is_now(const struct opening *opening)
{
  return opening->request->at_s == SP_KNOWN_NOW;
}

/* -- notes */

static void add_note(struct sp_view *view, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void add_note(struct sp_view *view, const char *fmt, ...)
{
  char text[SP_ERR_MSG_MAX + 512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  char **notes = reallocarray(view->notes, view->note_count + 1, sizeof *notes);
  if (!notes)
    return;
  view->notes = notes;
  notes[view->note_count] = strdup(text);
  view->note_count += notes[view->note_count] != NULL;
}

/* -- listing */

static void list_task(void *ctx, size_t i)
{
  struct opening *opening = ctx;
  opening->errs[i] = SP_ERR_INIT;
  if (sp_side_list(&opening->sides[i], opening->stores[i], opening->request->cancel,
                   &opening->errs[i]) < 0)
    opening->sides[i].is_there = false;
}

/* Keeps the copies that could be listed, and hold something. */
static int list_copies(struct opening *opening, struct sp_err *err)
{
  sp_pool_run(opening->count, opening->count, list_task, opening);
  const struct sp_err *first = NULL;
  size_t kept = 0;
  for (size_t i = 0; i < opening->count; i++) {
    struct sp_side side = opening->sides[i];
    opening->sides[i] = (struct sp_side){0};
    if (side.tag_count > 0) {
      opening->stores[kept] = opening->stores[i];
      opening->sides[kept] = side;
      opening->view->order[kept++] = i;
      continue;
    }
    if (opening->errs[i].code != SP_OK) {
      first = first ? first : &opening->errs[i];
      add_note(opening->view, _("not asked: %s"), opening->errs[i].msg);
    }
    sp_side_clear(&side);
    sp_store_close(opening->stores[i]);
  }
  opening->count = kept;
  if (kept > 0)
    return 0;
  if (!first)
    return sp_fail(err, SP_E_NOT_FOUND, "no backup of '%s' has any image", opening->request->image);
  sp_err_copy(err, first);
  return -1;
}

/* A run had a wrong clock, and dates around then may be its. */
static void tell_doubt(struct opening *opening, size_t copy)
{
  char from[SP_RFC3339_MAX];
  char until[SP_RFC3339_MAX];
  sp_clock_format_rfc3339(opening->told.doubt.from_s, from);
  sp_clock_format_rfc3339(opening->told.doubt.until_s, until);
  add_note(opening->view,
           _("a run had a wrong clock, says the record '%s:%s': what tags named between %s and %s "
             "nobody knows"),
           opening->stores[copy]->name, SP_RECORD_TAG, from, until);
}

/* What the copies' records tell; without a primary, the only copy's of whichever it has. */
static int read_told(struct opening *opening, struct sp_err *err)
{
  const struct sp_view_request *request = opening->request;
  struct sp_past *past = &opening->past;
  for (size_t i = 0; i < opening->count; i++) {
    struct sp_err why = SP_ERR_INIT;
    const struct sp_record *record = &past->records[i];
    if (sp_past_fetch_record(past, i, &opening->sides[i], &request->retry, &why) < 0)
      add_note(opening->view, _("what '%s' named before is not known from there: %s"),
               opening->stores[i]->name, why.msg);
    bool is_ours = !request->primary || strcmp(sp_record_primary(record), request->primary) == 0;
    if (is_ours && sp_record_merge(&opening->told, record, err) < 0)
      return -1;
    if (is_ours && sp_then_is_in_doubt(&opening->told, record, request->at_s))
      tell_doubt(opening, i);
  }
  for (size_t i = 0; i < past->primary.tag_count; i++) {
    const struct sp_known_tag *known = &past->primary.tags[i];
    struct sp_record_tag tag = {.digest = known->digest,
                                .since_s = known->since_s,
                                .is_gone = known->is_gone,
                                .named_since_s = known->named_s};
    snprintf(tag.tag, sizeof tag.tag, "%s", known->tag);
    if (sp_record_merge_tag(&opening->told, &tag, err) < 0)
      return -1;
  }
  return sp_cancel_check(request->cancel, err);
}

static void tell_owners(struct opening *opening)
{
  for (size_t i = 0; i < opening->count; i++) {
    struct sp_err why = SP_ERR_INIT;
    if (sp_past_check_owner(&opening->past, i, opening->stores[i]->name, opening->request->primary,
                            &why) < 0)
      add_note(opening->view, "%s", why.msg);
  }
}

/* The journal may be older than the backups, or another host's: a restore is rare, and what it
 * gives back is taken for the newest. So the records are always asked. */
static int read_past(struct opening *opening, struct sp_err *err)
{
  const struct sp_view_request *request = opening->request;
  bool has_news;
  opening->past.backup_count = opening->count;
  if (!request->primary)
    return 0;
  if (sp_past_read(&opening->past, request->journal, request->primary, opening->sides,
                   opening->count, &request->retry, err) < 0 ||
      sp_past_ask_records(&opening->past, request->journal, request->primary, opening->sides,
                          &request->retry, &has_news, err) < 0)
    return -1;
  tell_owners(opening);
  return sp_known_read(request->journal, request->primary, request->at_s, &opening->then, err);
}

/* -- which tags */

static int add_wanted(struct opening *opening, const char *name, struct sp_err *err)
{
  size_t count = opening->item_count;
  if ((count & (count - 1)) == 0) {
    struct wanted *items =
        reallocarray(opening->items, count ? count * 2 : 1, sizeof *opening->items);
    if (!items)
      return sp_fail(err, SP_E_NOMEM, "out of memory");
    opening->items = items;
  }
  opening->items[opening->item_count++] =
      (struct wanted){.name = name, .is_company = sp_ref_is_digest_tag(sp_span_str(name))};
  return 0;
}

static int by_name(const void *a, const void *b)
{
  return strcmp(((const struct wanted *)a)->name, ((const struct wanted *)b)->name);
}

static void sort(struct opening *opening)
{
  if (opening->item_count == 0)
    return;
  qsort(opening->items, opening->item_count, sizeof *opening->items, by_name);
  size_t kept = 1;
  for (size_t i = 1; i < opening->item_count; i++) {
    if (strcmp(opening->items[i].name, opening->items[kept - 1].name) != 0)
      opening->items[kept++] = opening->items[i];
  }
  opening->item_count = kept;
}

/* The wanted tags, and all digest tags: which of them follow is found with their subjects. */
static int choose_tags(struct opening *opening, struct sp_err *err)
{
  const struct sp_view_request *request = opening->request;
  for (size_t i = 0; i < request->tag_count; i++) {
    if (add_wanted(opening, request->tags[i], err) < 0)
      return -1;
  }
  for (size_t i = 0; i < opening->count; i++) {
    const struct sp_side *side = &opening->sides[i];
    for (size_t k = 0; k < side->tag_count; k++) {
      bool is_company = sp_ref_is_digest_tag(sp_span_str(side->tags[k]));
      bool is_wanted = is_company || (request->tag_count == 0 && !sp_tag_is_special(side->tags[k]));
      if (is_wanted && add_wanted(opening, side->tags[k], err) < 0)
        return -1;
    }
  }
  sort(opening);
  return 0;
}

/* -- the best copy first */

static int64_t proven_at(const struct opening *opening, size_t copy, const struct sp_digest *digest,
                         size_t *damaged)
{
  const struct sp_known_digest *known = sp_known_find_digest(&opening->past.backups[copy], digest);
  *damaged += sp_known_is_damaged(known);
  return sp_past_proven_s(&opening->past, copy, digest);
}

static struct sp_copy_facts facts_of(const struct opening *opening, size_t copy)
{
  struct sp_copy_facts facts = {
      .number = copy, .is_local = opening->stores[copy]->is_local, .proven_s = INT64_MAX};
  for (size_t i = 0; i < opening->item_count && opening->request->primary; i++) {
    const struct sp_known_tag *tag = sp_known_find_tag(&opening->then, opening->items[i].name);
    if (!tag || opening->items[i].is_company)
      continue;
    int64_t proven_s = proven_at(opening, copy, &tag->digest, &facts.damaged);
    facts.proven_s = proven_s < facts.proven_s ? proven_s : facts.proven_s;
  }
  return facts;
}

static void order_copies(struct opening *opening)
{
  struct sp_copy_facts facts[SP_MAX_DESTINATIONS];
  struct sp_store *stores[SP_MAX_DESTINATIONS];
  struct sp_side sides[SP_MAX_DESTINATIONS];
  size_t order[SP_MAX_DESTINATIONS];
  for (size_t i = 0; i < opening->count; i++)
    facts[i] = facts_of(opening, i);
  sp_copies_order(facts, opening->count);
  for (size_t i = 0; i < opening->count; i++) {
    stores[i] = opening->stores[facts[i].number];
    sides[i] = opening->sides[facts[i].number];
    order[i] = opening->view->order[facts[i].number];
  }
  memcpy(opening->stores, stores, opening->count * sizeof *stores);
  memcpy(opening->sides, sides, opening->count * sizeof *sides);
  memcpy(opening->view->order, order, opening->count * sizeof *order);
  opening->view->open_count = opening->count;
}

/* -- which digests */

/* Some copy has this manifest, or says so. */
static bool is_held(const struct opening *opening, const struct sp_digest *digest)
{
  for (size_t i = 0; i < opening->count; i++) {
    struct sp_named named;
    struct sp_err err = SP_ERR_INIT;
    if (sp_store_stat_manifest(opening->stores[i], digest, &named, &err) == 0)
      return true;
  }
  return false;
}

/* What the tag names at the best copy that has it; looks on for what the primary named last, if
 * that is known. */
static bool find_now(const struct opening *opening, struct wanted *item)
{
  const char *name = item->name;
  for (size_t i = 0; i < opening->count; i++) {
    struct sp_named named;
    struct sp_err err = SP_ERR_INIT;
    if (!sp_side_has(&opening->sides[i], name) ||
        sp_store_resolve(opening->stores[i], name, &named, &err) < 0)
      continue;
    if (item->digest.alg == SP_DIGEST_NONE || sp_digest_eq(&named.digest, &item->digest)) {
      item->digest = named.digest;
      item->other_at = NULL;
      return true;
    }
    if (!item->other_at) {
      item->other = named.digest;
      item->other_at = opening->stores[i]->name;
    }
  }
  if (item->digest.alg != SP_DIGEST_NONE && is_held(opening, &item->digest))
    return true;
  item->digest = item->other;
  return item->other_at;
}

/* Does no copy name something else there by now? */
static bool is_still_so(const struct opening *opening, const char *name,
                        const struct sp_digest *digest)
{
  bool is_other = false;
  for (size_t i = 0; i < opening->count; i++) {
    struct sp_named named;
    struct sp_err err = SP_ERR_INIT;
    if (!sp_side_has(&opening->sides[i], name) ||
        sp_store_resolve(opening->stores[i], name, &named, &err) < 0)
      continue;
    if (sp_digest_eq(&named.digest, digest))
      return true;
    is_other = true;
  }
  return !is_other;
}

/* What the tag named then, if anybody knows. */
static void find_then(const struct opening *opening, struct wanted *item)
{
  const struct sp_known_tag *state = sp_known_find_tag(&opening->then, item->name);
  const struct sp_known_tag *ended = state && state->left_s > 0 ? state : NULL;
  const struct sp_then then =
      sp_then_find(&opening->told, ended, item->name, opening->request->at_s);
  item->was_gone = then.digest.alg != SP_DIGEST_NONE && then.is_gone;
  if (then.digest.alg == SP_DIGEST_NONE || item->was_gone)
    return;
  bool is_there = is_held(opening, &then.digest);
  if (is_there && then.is_last && !is_still_so(opening, item->name, &then.digest))
    return;
  item->digest = then.digest;
  item->is_found = is_there;
}

static void find_task(void *ctx, size_t i)
{
  struct opening *opening = ctx;
  struct wanted *item = &opening->items[i];
  if (item->is_company || sp_cancel_is_requested(opening->request->cancel))
    return;
  if (!is_now(opening)) {
    find_then(opening, item);
    return;
  }
  const struct sp_known_tag *known = sp_known_find_tag(&opening->then, item->name);
  if (known)
    item->digest = known->digest; /* (one that is gone is wanted back) */
  item->is_found = find_now(opening, item);
}

/* Nobody knows; what it left next is named at least, if it has a name. */
static void tell_unknown(struct opening *opening, const char *tag, const char *at)
{
  const char *image = opening->request->image;
  const char *next = NULL;
  int64_t next_s = INT64_MAX;
  for (size_t i = 0; i < opening->count; i++) {
    const struct sp_side *side = &opening->sides[i];
    int64_t left_s;
    const char *history =
        sp_then_left_next(side->tags, side->tag_count, tag, opening->request->at_s, &left_s);
    if (!history || left_s >= next_s)
      continue;
    next = history;
    next_s = left_s;
  }
  struct sp_err *missing = &opening->view->missing;
  if (next)
    sp_fail(missing, SP_E_NOT_FOUND,
            "nobody knows what '%s:%s' named at %s; the first image that it is known to have left "
            "after that is '%s', named after the time at which it was left: '--tag %s' restores it",
            image, tag, at, next, next);
  else
    sp_fail(missing, SP_E_NOT_FOUND,
            "nobody knows what '%s:%s' named at %s: 'safeport status %s --history 20' shows what "
            "is known",
            image, tag, at, image);
}

static void tell_missing(struct opening *opening, const struct wanted *item)
{
  struct sp_err *missing = &opening->view->missing;
  const char *image = opening->request->image;
  char at[SP_RFC3339_MAX];
  if (opening->request->tag_count == 0 || missing->code != SP_OK)
    return;
  if (is_now(opening)) {
    sp_fail(missing, SP_E_NOT_FOUND, "no backup of '%s' has the tag '%s'", image, item->name);
    return;
  }
  sp_clock_format_rfc3339(opening->request->at_s, at);
  if (item->was_gone)
    sp_fail(missing, SP_E_NOT_FOUND, "'%s:%s' was not at the primary any more at %s", image,
            item->name, at);
  else if (item->digest.alg == SP_DIGEST_NONE)
    tell_unknown(opening, item->name, at);
  else
    sp_fail(missing, SP_E_NOT_FOUND, "no backup has what '%s:%s' named at %s any more", image,
            item->name, at);
}

/* Of all tags, those that were not there then are not missing; but who can say that of these? */
static void tell_left_out(struct opening *opening)
{
  const char *first = NULL;
  size_t count = 0;
  char at[SP_RFC3339_MAX];
  if (is_now(opening) || opening->request->tag_count > 0)
    return;
  for (size_t i = 0; i < opening->item_count; i++) {
    const struct wanted *item = &opening->items[i];
    if (item->is_company || item->is_found || item->was_gone)
      continue;
    first = first ? first : item->name;
    count++;
  }
  sp_clock_format_rfc3339(opening->request->at_s, at);
  if (count > 0)
    add_note(opening->view,
             _("left out, as '%s', of all tags: %zu that were not there at %s, or of which nobody "
               "knows what they named, or no backup has it any more"),
             first, count, at);
}

/* No backup names what the primary named last, as far as this host knows: where one has that, it is
 * restored all the same, but whoever moved the tag there may know more, and have left no record. */
static void tell_other(struct opening *opening, const struct wanted *item)
{
  char digest[SP_DIGEST_TEXT_MAX];
  char other[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&item->digest, digest);
  sp_digest_format(&item->other, other);
  if (sp_digest_eq(&item->digest, &item->other))
    add_note(opening->view,
             "no backup has what '%s' named last at the primary: %s is an older image", item->name,
             digest);
  else
    add_note(opening->view,
             _("'%s' named %s last at the primary, as far as this host knows; that is restored, "
               "but no backup names it, and '%s' names %s. If that is newer: safeport restore "
               "%s:%s --to REPO"),
             item->name, digest, item->other_at, other, item->other_at, item->name);
}

static int find_digests(struct opening *opening, struct sp_err *err)
{
  sp_pool_run(opening->item_count, TAGS_AT_ONCE, find_task, opening);
  if (sp_cancel_check(opening->request->cancel, err) < 0)
    return -1;
  size_t found = 0;
  for (size_t i = 0; i < opening->item_count; i++) {
    const struct wanted *item = &opening->items[i];
    if (item->is_company)
      continue;
    if (!item->is_found)
      tell_missing(opening, item);
    if (item->other_at)
      tell_other(opening, item);
    if (item->is_found)
      opening->view->only = found++ == 0 ? item->digest : (struct sp_digest){0};
  }
  tell_left_out(opening);
  if (found > 0)
    return 0;
  if (opening->view->missing.code == SP_OK)
    return sp_fail(err, SP_E_NOT_FOUND, "no backup of '%s' has any image to restore",
                   opening->request->image);
  sp_err_copy(err, &opening->view->missing);
  return -1;
}

/* -- the store */

static int make_store(struct opening *opening, struct sp_store **out, struct sp_err *err)
{
  char name[512];
  size_t len = 0;
  for (size_t i = 0; i < opening->count && len < sizeof name; i++)
    len += (size_t)snprintf(name + len, sizeof name - len, "%s%s", i ? ", " : "",
                            opening->stores[i]->name);
  const struct sp_any_settings settings = {.name = name,
                                           .retry_for_ms = opening->request->retry.retry_for_ms,
                                           .cancel = opening->request->cancel,
                                           .passed_over = sp_view_pass_over,
                                           .ctx = opening->view};
  size_t count = opening->count;
  opening->count = 0; /* they are the new store's */
  SP_AUTO_STORE struct sp_store *store = NULL;
  if (sp_any_new_take(&settings, opening->stores, count, &store, err) < 0)
    return -1;
  for (size_t i = 0; i < opening->item_count; i++) {
    const struct wanted *item = &opening->items[i];
    if ((item->is_found || item->is_company) &&
        sp_any_add_tag(store, item->name, &item->digest, err) < 0)
      return -1;
  }
  *out = sp_steal(&store);
  return 0;
}

static void opening_clear(struct opening *opening)
{
  for (size_t i = 0; i < opening->count; i++)
    sp_store_close(opening->stores[i]);
  for (size_t i = 0; i < SP_MAX_DESTINATIONS; i++)
    sp_side_clear(&opening->sides[i]);
  sp_past_clear(&opening->past);
  sp_known_clear(&opening->then);
  sp_record_clear(&opening->told);
  free(opening->items);
}

static void opening_free(struct opening **opening)
{
  if (*opening)
    opening_clear(*opening);
  free(*opening);
}

static int name_copies(struct sp_view *view, struct sp_store *const *copies, size_t count,
                       struct sp_err *err)
{
  for (; view->copy_count < count; view->copy_count++) {
    const struct sp_store *copy = copies[view->copy_count];
    if (sp_text_dup(&view->copies[view->copy_count], copy->name, err) < 0 ||
        sp_text_dup(&view->known_as[view->copy_count], sp_store_known_as(copy), err) < 0)
      return -1;
  }
  return 0;
}

void sp_view_init(struct sp_view *view)
{
  *view = (struct sp_view){.missing = SP_ERR_INIT};
  pthread_mutex_init(&view->lock, NULL);
}

int sp_view_open_take(struct sp_view *view, const struct sp_view_request *request,
                      struct sp_store *const *copies, size_t count, struct sp_store **out,
                      struct sp_err *err)
{
  SP_CLEANUP(opening_free) struct opening *opening = calloc(1, sizeof *opening);
  view->passed_over = calloc(SP_PASSED_OVER_MAX, sizeof *view->passed_over);
  if (!opening || !view->passed_over) {
    for (size_t i = 0; i < count; i++)
      sp_store_close(copies[i]);
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  }
  opening->view = view;
  opening->request = request;
  memcpy(opening->stores, copies, count * sizeof *copies);
  opening->count = count;
  if (name_copies(view, copies, count, err) < 0 || list_copies(opening, err) < 0 ||
      read_past(opening, err) < 0 || (!is_now(opening) && read_told(opening, err) < 0) ||
      choose_tags(opening, err) < 0)
    return -1;
  order_copies(opening);
  if (find_digests(opening, err) < 0)
    return -1;
  return make_store(opening, out, err);
}

void sp_view_clear(struct sp_view *view)
{
  for (size_t i = 0; i < view->note_count; i++)
    free(view->notes[i]);
  for (size_t i = 0; i < SP_MAX_DESTINATIONS; i++) {
    free(view->copies[i]);
    free(view->known_as[i]);
  }
  free(view->notes);
  free(view->passed_over);
  pthread_mutex_destroy(&view->lock);
}
