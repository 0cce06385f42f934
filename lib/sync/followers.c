/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/followers.h"

#include <stdlib.h>
#include <string.h>

#include "base/lower_bound.h"
#include "base/pool.h"
#include "oci/reference.h"
#include "sync/children.h"
#include "sync/remember.h"
#include "sync/told.h"
#include "transfer/digest_map.h"

#define LISTS_AT_ONCE 32

static bool is_kept(const struct sp_pinned *tag, size_t backup)
{
  return tag->at[backup].is_known && tag->at[backup].action == SP_ACTION_KEEP;
}

static bool is_kept_anywhere(const struct sp_work *work, const struct sp_pinned *tag)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    if (is_kept(tag, i))
      return true;
  }
  return false;
}

static void prove_again(struct sp_work *work, struct sp_pinned *tag)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    if (is_kept(tag, i))
      tag->at[i].action = SP_ACTION_PROVE;
  }
}

/* -- tags */

static int add_fallback(struct sp_work *work, const char *name, size_t subject, struct sp_err *err)
{
  struct sp_fallback *more =
      reallocarray(work->fallbacks, work->fallback_count + 1, sizeof *work->fallbacks);
  if (!more)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  work->fallbacks = more;
  more[work->fallback_count++] = (struct sp_fallback){.name = name, .subject = subject};
  return 0;
}

/* The index under a fallback tag: has it changed since it was looked at? It was looked at with its
 * subject, whose name it bears. */
static void fallback_task(void *ctx, size_t i)
{
  struct sp_work *work = ctx;
  struct sp_fallback *fallback = &work->fallbacks[i];
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest before = sp_past_named(&work->past, fallback->name);
  if (sp_cancel_is_requested(work->sync->cancel) ||
      sp_store_resolve(work->primary, fallback->name, &named, &err) < 0)
    return;
  fallback->digest = named.digest;
  if (!sp_digest_eq(&named.digest, &before))
    prove_again(work, &work->tags.items[fallback->subject]);
}

/* Of tags that name one digest the first; one that is kept, if there is one. */
static int map_selected(const struct sp_work *work, bool kept, struct sp_digest_map *map,
                        struct sp_err *err)
{
  for (size_t i = 0; i < work->tags.selected_count; i++) {
    const struct sp_pinned *tag = &work->tags.items[i];
    bool added;
    if (tag->primary.alg != SP_DIGEST_NONE && is_kept_anywhere(work, tag) == kept &&
        sp_digest_map_add(map, &tag->primary, i, &added, err) < 0)
      return -1;
  }
  return 0;
}

/* Children go with their index. */
static int map_children(const struct sp_work *work, bool kept, struct sp_digest_map *map,
                        struct sp_err *err)
{
  for (size_t i = 0; i < work->child_count; i++) {
    const struct sp_child *child = &work->children[i];
    size_t number;
    bool added;
    if (sp_digest_map_find(map, &child->index, &number) &&
        is_kept_anywhere(work, &work->tags.items[number]) == kept &&
        sp_digest_map_add(map, &child->digest, number, &added, err) < 0)
      return -1;
  }
  return 0;
}

/* A side tag is compared only where its subject is not copied anyway, and never proven by itself:
 * its subject's proof is its own. */
static void settle_side(struct sp_work *work, const struct sp_digest_map *map,
                        struct sp_pinned *tag)
{
  struct sp_digest digest;
  bool is_fallback;
  size_t number;
  if (!sp_ref_digest_tag_subject(sp_span_str(tag->name), &digest, &is_fallback) ||
      !sp_digest_map_find(map, &digest, &number))
    return;
  for (size_t i = 0; i < work->backup_count; i++) {
    if (!is_kept(&work->tags.items[number], i) || tag->at[i].action == SP_ACTION_PROVE)
      tag->at[i].action = SP_ACTION_KEEP;
  }
}

static int pin_tags(struct sp_work *work, const struct sp_digest_map *map, struct sp_err *err)
{
  const struct sp_side *side = &work->primary_side;
  size_t first = work->tags.count;
  for (size_t i = 0; i < side->tag_count; i++) {
    struct sp_digest digest;
    bool is_fallback;
    size_t number;
    if (!sp_ref_digest_tag_subject(sp_span_str(side->tags[i]), &digest, &is_fallback) ||
        !sp_digest_map_find(map, &digest, &number))
      continue;
    bool is_followed = is_kept_anywhere(work, &work->tags.items[number]);
    if ((is_fallback && add_fallback(work, side->tags[i], number, err) < 0) ||
        (!is_fallback && is_followed && sp_tags_add_side(work, side->tags[i], err) < 0))
      return -1;
  }
  sp_pool_run(work->fallback_count, LISTS_AT_ONCE, fallback_task, work);
  if (work->tags.count == first)
    return 0;
  sp_tags_pin(work, first);
  for (size_t i = first; i < work->tags.count; i++)
    settle_side(work, map, &work->tags.items[i]);
  return 0;
}

static int compare_tags(const void *tag, const void *name)
{
  return strcmp(*(char *const *)tag, name);
}

/* The first of the side's tags that is not before `name`. */
static size_t lower_bound(const struct sp_side *side, const char *name)
{
  return sp_lower_bound(side->tags, side->tag_count, sizeof *side->tags, name, compare_tags);
}

/* `prefix` ends with the dot. */
static bool lacks_cosign_tag(const struct sp_work *work, size_t backup, const char *prefix)
{
  const struct sp_side *primary = &work->primary_side;
  size_t len = strlen(prefix);
  for (size_t i = lower_bound(primary, prefix);
       i < primary->tag_count && strncmp(primary->tags[i], prefix, len) == 0; i++) {
    if (sp_ref_is_digest_tag(sp_span_str(primary->tags[i])) &&
        !sp_side_has(&work->sides[backup], primary->tags[i]))
      return true;
  }
  return false;
}

static bool has_fallback_tags(const struct sp_side *side)
{
  for (size_t i = lower_bound(side, "sha"); i < side->tag_count; i++) {
    struct sp_digest subject;
    bool is_fallback;
    if (strncmp(side->tags[i], "sha", 3) != 0)
      return false;
    if (sp_ref_digest_tag_subject(sp_span_str(side->tags[i]), &subject, &is_fallback) &&
        is_fallback)
      return true;
  }
  return false;
}

/* A backup with the referrers API needs no fallback tags, and one that lists some may have got it
 * since. One that lists none is asked for one list, to know whether it has it, and for those that
 * no run has followed. */
static bool is_to_be_asked(const struct sp_work *work, size_t backup, const char *tag)
{
  return work->backups[backup]->is_local || has_fallback_tags(&work->sides[backup]) ||
         work->apis[backup] == SP_API_UNKNOWN ||
         sp_past_named(&work->past, tag).alg == SP_DIGEST_NONE;
}

static bool lacks_fallback_tag(struct sp_work *work, size_t backup, const struct sp_digest *subject)
{
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  struct sp_err err = SP_ERR_INIT;
  char tag[SP_MAX_TAG + 1];
  sp_ref_referrers_tag(subject, tag);
  if (!sp_side_has(&work->primary_side, tag) || sp_side_has(&work->sides[backup], tag))
    return false;
  if (work->apis[backup] == SP_API_LACKING)
    return true;
  if (!is_to_be_asked(work, backup, tag))
    return false;
  if (sp_store_list_referrers(work->backups[backup], subject, &list, &err) == 0) {
    work->apis[backup] = SP_API_THERE;
    return list.count == 0;
  }
  if (err.code == SP_E_UNSUPPORTED)
    work->apis[backup] = SP_API_LACKING;
  return err.code == SP_E_UNSUPPORTED || err.code == SP_E_NOT_FOUND;
}

static bool lacks_any(struct sp_work *work, size_t backup, const struct sp_digest *subject)
{
  char cosign[SP_DIGEST_TEXT_MAX + 1]; /* what its tags begin with */
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(subject, text);
  *strchr(text, ':') = '-';
  snprintf(cosign, sizeof cosign, "%s.", text);
  return lacks_cosign_tag(work, backup, cosign) || lacks_fallback_tag(work, backup, subject);
}

bool sp_followers_are_missing(struct sp_work *work, size_t backup, const struct sp_digest *subject)
{
  size_t count;
  if (!work->rules.with_referrers || subject->alg == SP_DIGEST_NONE ||
      !work->sides[backup].is_listed)
    return false;
  bool are_missing = lacks_any(work, backup, subject);
  const struct sp_child *children = sp_children_of(work, subject, &count);
  for (size_t i = 0; !are_missing && i < count; i++)
    are_missing = lacks_any(work, backup, &children[i].digest);
  return are_missing;
}

/* -- the referrers API */

static bool is_due(const struct sp_work *work, const struct sp_digest *digest)
{
  const struct sp_known_digest *known = sp_known_find_digest(&work->past.primary, digest);
  return !sp_sync_is_fresh(known ? known->referrers_s : 0, work->now_s,
                           work->rules.referrers_every_s);
}

static bool has_all(struct sp_work *work, size_t backup, const struct sp_referrers *list)
{
  for (size_t i = 0; i < list->count; i++) {
    struct sp_named named;
    struct sp_err err = SP_ERR_INIT;
    if (sp_store_stat_manifest(work->backups[backup], &list->items[i].digest, &named, &err) < 0)
      return false;
  }
  return true;
}

/* The tag is not fully looked at, and the next run asks again. */
static void note_no_list(struct sp_pinned *tag, struct sp_err *err)
{
  (void)sp_err_context(err, "cannot look up referrers");
  tag->has_no_list = true;
  tag->why = malloc(sizeof *tag->why);
  if (tag->why)
    *tag->why = *err;
}

static void ask(struct sp_work *work, struct sp_pinned *tag)
{
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  struct sp_err err = SP_ERR_INIT;
  int failed = 0;
  if (!atomic_load(&work->view.is_without_api))
    failed = sp_store_list_referrers(work->primary, &tag->primary, &list, &err);
  if (failed && err.code == SP_E_UNSUPPORTED)
    atomic_store(&work->view.is_without_api, true);
  else if (failed && err.code != SP_E_NOT_FOUND) {
    if (err.code != SP_E_INTERRUPTED)
      note_no_list(tag, &err);
    return;
  }
  sp_remember_referrers(work, &tag->primary);
  for (size_t i = 0; i < work->backup_count; i++) {
    if (is_kept(tag, i) && !has_all(work, i, &list))
      tag->at[i].action = SP_ACTION_PROVE;
  }
}

struct asking {
  struct sp_work *work;
  const struct sp_digest_map *map;
};

static void ask_task(void *ctx, size_t i)
{
  struct asking *asking = ctx;
  struct sp_work *work = asking->work;
  struct sp_pinned *tag = &work->tags.items[i];
  size_t number;
  bool is_first = sp_digest_map_find(asking->map, &tag->primary, &number) && number == i;
  if (is_first && is_kept_anywhere(work, tag) && is_due(work, &tag->primary) &&
      !sp_cancel_is_requested(work->sync->cancel))
    ask(work, tag);
}

static void tell_no_list(struct sp_work *work)
{
  size_t count = 0;
  for (size_t i = 0; i < work->tags.selected_count; i++)
    count += work->tags.items[i].has_no_list;
  if (count > 0)
    sp_told_add_note(work->told,
                     "'%s' could not be asked what refers to %zu images: what is new of their "
                     "signatures and other referrers did not come; the next sync asks again",
                     work->primary->name, count);
}

int sp_followers_pin(struct sp_work *work, struct sp_err *err)
{
  if (!work->rules.with_referrers)
    return 0;
  SP_AUTO_DIGEST_MAP struct sp_digest_map map;
  sp_digest_map_init(&map);
  if (map_selected(work, true, &map, err) < 0 || map_selected(work, false, &map, err) < 0 ||
      sp_children_find(work, err) < 0 || map_children(work, true, &map, err) < 0 ||
      map_children(work, false, &map, err) < 0 || pin_tags(work, &map, err) < 0)
    return -1;
  struct asking asking = {.work = work, .map = &map};
  sp_pool_run(work->tags.selected_count, LISTS_AT_ONCE, ask_task, &asking);
  tell_no_list(work);
  return 0;
}
