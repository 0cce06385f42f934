/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/tags.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/pool.h"
#include "oci/media_type.h"
#include "oci/reference.h"
#include "policy/tag_kind.h"
#include "sync/losses.h"
#include "sync/told.h"
#include "sync/unlisted.h"
#include "sync/wanted.h"
#include "transfer/trouble.h"

#define STATES_BACK 100 /* of a fixed tag */
#define HEADS_AT_ONCE \
  SP_MAX_WORKERS /* over all sides; the gate of each registry says how many there */

void sp_tags_clear(struct sp_tags *tags)
{
  for (size_t i = 0; i < tags->count; i++) {
    free(tags->items[i].name);
    free(tags->items[i].at);
    free(tags->items[i].why);
  }
  free(tags->items);
  *tags = (struct sp_tags){0};
}

static int add(struct sp_work *work, const char *name, bool is_side, struct sp_err *err)
{
  struct sp_tags *tags = &work->tags;
  if (tags->count == tags->cap) {
    size_t cap = tags->cap ? tags->cap * 2 : 16;
    struct sp_pinned *items = reallocarray(tags->items, cap, sizeof *items);
    if (!items)
      return sp_fail(err, SP_E_NOMEM, "out of memory");
    tags->items = items;
    tags->cap = cap;
  }
  SP_AUTO_FREE struct sp_tag_at *at = calloc(work->backup_count + 1, sizeof *at);
  SP_AUTO_FREE char *copy = strdup(name);
  if (!at || !copy)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  tags->items[tags->count++] =
      (struct sp_pinned){.name = sp_steal(&copy),
                         .rank = sp_ref_tag_rank(name),
                         .is_side = is_side,
                         .is_fixed = !is_side && sp_tag_is_fixed(work->rules.fixed, name),
                         .at = sp_steal(&at)};
  return 0;
}

int sp_tags_add_side(struct sp_work *work, const char *name, struct sp_err *err)
{
  return add(work, name, true, err);
}

int sp_tags_add_past(struct sp_work *work, const char *name, const struct sp_digest *digest,
                     struct sp_err *err)
{
  if (add(work, name, false, err) < 0)
    return -1;
  struct sp_pinned *tag = &work->tags.items[work->tags.count - 1];
  tag->is_past = true;
  tag->primary = *digest;
  return 0;
}

/* -- selecting */

static int64_t first_seen_s(const struct sp_past *past, const char *tag)
{
  int64_t seen_s = sp_past_tag_first_seen_s(past, tag);
  return seen_s > 0 ? seen_s : SP_TIME_UNKNOWN;
}

static int select_tags(struct sp_work *work, const struct sp_selection *selection,
                       size_t *undecided, struct sp_err *err)
{
  const struct sp_side *side = &work->primary_side;
  SP_AUTO_FREE struct sp_tag_age *ages = calloc(side->tag_count + 1, sizeof *ages);
  SP_AUTO_FREE bool *selected = calloc(side->tag_count + 1, sizeof *selected);
  if (!ages || !selected)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < side->tag_count; i++)
    ages[i] = (struct sp_tag_age){.name = side->tags[i],
                                  .first_seen_s = first_seen_s(&work->past, side->tags[i])};
  if (sp_selection_apply(selection, ages, side->tag_count, work->now_s, selected, undecided, err) <
      0)
    return -1;
  for (size_t i = 0; i < side->tag_count; i++) {
    if (selected[i] && add(work, side->tags[i], false, err) < 0)
      return -1;
  }
  work->tags.selected_count = work->told->selected = work->tags.count;
  return 0;
}

/* Of what was named with the image, whatever the file selects. */
static int select_only(struct sp_work *work, size_t *undecided, struct sp_err *err)
{
  if (!work->rules.only)
    return 0;
  sp_tags_clear(&work->tags);
  return select_tags(work, work->rules.only, undecided, err);
}

static bool selects_any(const struct sp_pattern *pattern, const struct sp_side *side)
{
  for (size_t i = 0; i < side->tag_count; i++) {
    if (sp_pattern_matches(pattern, side->tags[i]))
      return true;
  }
  return false;
}

/* A word of `include` that is mistyped looks like this, too. */
static void note_unmatched(struct sp_work *work)
{
  const struct sp_pattern_list *include = &sp_wanted_selection(work)->include;
  for (size_t i = 0; i < include->count; i++) {
    const struct sp_pattern *pattern = &include->items[i];
    bool is_exact = pattern->kind == SP_PATTERN_EXACT;
    if (selects_any(pattern, &work->primary_side) ||
        (is_exact && sp_past_named(&work->past, pattern->text).alg != SP_DIGEST_NONE))
      continue; /* (a loss is told as one) */
    if (work->rules.only)
      sp_told_add_note(work->told, "the tag '%s' is not at the primary", pattern->text);
    else if (is_exact)
      sp_told_add_note(work->told, "the tag '%s' that 'include' names is not at the primary",
                       pattern->text);
    else
      sp_told_add_note(work->told, "'%s' of 'include' selects no tag of the primary",
                       pattern->text);
  }
}

/* -- when none is selected */

/* A tag that the file selects and the primary does not list; not one that is known to be gone. */
static bool is_left_alone(const struct sp_work *work, const char *tag)
{
  const struct sp_known_tag *known = sp_known_find_tag(&work->past.primary, tag);
  return !sp_tag_is_special(tag) && sp_selection_matches(sp_wanted_selection(work), tag) &&
         !sp_side_has(&work->primary_side, tag) && !(known && known->is_gone);
}

/* The backup that has the most of them; its tags are counted, and one is named. */
static size_t find_left_alone(const struct sp_work *work, size_t *backup, const char **tag)
{
  size_t most = 0;
  for (size_t i = 0; i < work->backup_count; i++) {
    const struct sp_side *side = &work->sides[i];
    size_t count = 0;
    const char *first = NULL;
    for (size_t k = 0; k < side->tag_count; k++) {
      if (is_left_alone(work, side->tags[k]) && count++ == 0)
        first = side->tags[k];
    }
    if (count <= most)
      continue;
    most = count;
    *backup = i;
    *tag = first;
  }
  return most;
}

/* There is no such repository, as far as anybody knows. */
static bool is_unheard_of(const struct sp_work *work)
{
  return !work->primary_side.is_there && work->past.primary.tag_count == 0 &&
         work->rules.origin != SP_ORIGIN_LISTED;
}

static int fail_empty(const struct sp_work *work, struct sp_err *err)
{
  if (is_unheard_of(work))
    return sp_fail(
        err, SP_E_NOT_FOUND,
        "there is no repository '%s', or nothing in it: is the name right, and may these "
        "credentials see it?",
        work->primary->name);
  return sp_fail(err, SP_E_NOT_FOUND,
                 "'%s' has no tag, so nothing of '%s' is backed up: is the name right? If it is to "
                 "stay empty, take '%s' out of safeport.yaml",
                 work->primary->name, work->name, work->name);
}

static int fail_left_alone(const struct sp_work *work, size_t count, size_t backup, const char *tag,
                           struct sp_err *err)
{
  return sp_fail(err, SP_E_REFUSED,
                 "'%s' has no tag that '%s' of safeport.yaml selects, and '%s' has %zu of them "
                 "('%s' among them): is the name right? If they were lost, safeport restore %s "
                 "--all brings them back; if there are to be none, take '%s' out of the file",
                 work->primary->name, work->name, work->backups[backup]->name, count, tag,
                 work->name, work->name);
}

/* What the backups are to keep of the tags that the primary had; one is named. */
static size_t count_kept(const struct sp_work *work, const char **tag)
{
  size_t count = 0;
  for (size_t i = 0; i < work->past.primary.tag_count; i++) {
    const struct sp_known_tag *known = &work->past.primary.tags[i];
    if (sp_wanted_is_kept(work, known) && count++ == 0)
      *tag = known->tag;
  }
  return count;
}

/* Nothing comes any more, and that was accepted; the backups' last copies are looked at for good.
 */
static void note_kept(const struct sp_work *work, size_t count, const char *tag)
{
  if (work->rules.origin == SP_ORIGIN_NAMED)
    sp_told_add_note(work->told,
                     "'%s' has no tag to back up, so nothing new comes; the backups' last copies "
                     "of %zu tags ('%s' among them) are kept, and looked at",
                     work->primary->name, count, tag);
}

static int fail_named(const struct sp_work *work, struct sp_err *err)
{
  return sp_fail(err, SP_E_NOT_FOUND,
                 "'%s' has no tag of those that were named with '%s', and is not known to have "
                 "lost one: safeport status %s shows what there is",
                 work->primary->name, work->name, work->name);
}

/* A run over no tag at all is no success: the file is wrong, or the primary lost everything and no
 * memory says so. Only a repository of a namespace may be empty, and one of which the backups keep
 * last copies. */
static int require_selected(const struct sp_work *work, struct sp_err *err)
{
  const struct sp_side *side = &work->primary_side;
  size_t backup = 0, ordinary = 0;
  const char *tag = NULL;
  size_t kept = count_kept(work, &tag);
  bool has_lost = work->rules.only ? kept > 0 : work->told->lost > 0;
  if (work->tags.count > 0 || has_lost || (work->sync->accept_loss && !is_unheard_of(work)))
    return 0;
  size_t left = find_left_alone(work, &backup, &tag);
  if (left > 0)
    return fail_left_alone(work, left, backup, tag, err);
  if (kept > 0) {
    note_kept(work, kept, tag);
    return 0;
  }
  for (size_t i = 0; i < side->tag_count; i++)
    ordinary += !sp_tag_is_special(side->tags[i]);
  if (ordinary == 0)
    return work->rules.origin == SP_ORIGIN_NAMED || is_unheard_of(work) ? fail_empty(work, err) : 0;
  if (work->rules.only)
    return fail_named(work, err);
  return sp_fail(
      err, SP_E_NOT_FOUND,
      "none of the %zu tags of '%s' is selected: look at 'tags' of '%s' in safeport.yaml", ordinary,
      work->primary->name, work->name);
}

/* -- both */

int sp_tags_select(struct sp_work *work, bool *is_bearable, struct sp_err *err)
{
  size_t undecided = 0;
  if (select_tags(work, work->rules.tags, &undecided, err) < 0 ||
      sp_losses_find(work, is_bearable, err) < 0 || select_only(work, &undecided, err) < 0)
    return -1;
  if (undecided > 0)
    sp_told_add_note(work->told,
                     "%zu tags are backed up only because nobody knows yet how old they are",
                     undecided);
  if (work->sync->restores)
    return 0;
  note_unmatched(work);
  return require_selected(work, err);
}

/* -- pinning */

struct pinning {
  struct sp_work *work;
  size_t first;           /* tags from here on */
  atomic_bool has_answer; /* the primary said of one what it names, or that it is not there */
};

/* A registry that rewrites a tag may say for a moment that it is not there, although it lists it.
 */
#define REWRITTEN_MS 250

static int resolve_listed(struct sp_work *work, const char *tag, struct sp_named *named,
                          struct sp_err *err)
{
  if (sp_store_resolve(work->primary, tag, named, err) == 0)
    return 0;
  if (err->code != SP_E_NOT_FOUND || !sp_side_has(&work->primary_side, tag))
    return -1;
  sp_err_clear(err);
  if (sp_cancel_sleep(work->sync->cancel, REWRITTEN_MS, err) < 0)
    return -1;
  return sp_store_resolve(work->primary, tag, named, err);
}

/* Does the failure say that there is no use in asking for others? Some registries refuse a single
 * tag, because of what is in its image. */
static bool is_of_all(const struct sp_err *err)
{
  return err->code != SP_E_AUTH && err->code != SP_E_PROTOCOL && sp_trouble_is_of_place(err);
}

static void pin_primary(struct pinning *pinning, struct sp_pinned *tag)
{
  struct sp_work *work = pinning->work;
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  if (tag->is_past)
    return;
  if (resolve_listed(work, tag->name, &named, &err) == 0) {
    atomic_store(&pinning->has_answer, true);
    tag->primary = named.digest;
    tag->is_index = !sp_media_is_manifest(sp_span_str(named.media_type));
    return;
  }
  if (!sp_trouble_is_of_place(&err))
    atomic_store(&pinning->has_answer, true);
  atomic_store(&work->has_tag_failures, true);
  tag->why = malloc(sizeof *tag->why);
  if (tag->why)
    *tag->why = err;
  SP_LOCK_SCOPE(&work->lock);
  if (work->told->err.code == SP_OK && (err.code == SP_E_INTERRUPTED || is_of_all(&err)))
    sp_err_copy(&work->told->err, &err);
  sp_told_add_note(work->told, "%s", err.msg);
}

/* A tag that is listed and cannot be served has an empty link (F05), and one that is not listed may
 * have one, too: it names nothing, and will be written. What it named is not forgotten for it. */
static void pin_backup(struct sp_work *work, struct sp_pinned *tag, size_t backup)
{
  struct sp_tag_at *at = &tag->at[backup];
  if (!sp_unlisted_is_asked(work, tag, backup)) {
    at->is_known = true;
    return;
  }
  if (!sp_work_is_open(work, backup))
    return;
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  if (sp_store_resolve(work->backups[backup], tag->name, &named, &err) == 0)
    at->now = named.digest;
  else if (sp_trouble_is_of_place(&err) || err.code == SP_E_INTERRUPTED) {
    sp_work_fail_place(work, backup, &err);
    return;
  } else if (err.code != SP_E_NOT_FOUND || sp_side_has(&work->sides[backup], tag->name))
    at->last = sp_past_named_at(&work->past, backup, tag->name);
  at->is_known = true;
}

static bool is_stopped(struct sp_work *work)
{
  if (sp_cancel_is_requested(work->sync->cancel))
    return true;
  SP_LOCK_SCOPE(&work->lock);
  return work->told->err.code != SP_OK;
}

static void pin_task(void *ctx, size_t i)
{
  struct pinning *pinning = ctx;
  struct sp_work *work = pinning->work;
  size_t sides = 1 + work->backup_count;
  struct sp_pinned *tag = &work->tags.items[pinning->first + i / sides];
  if (is_stopped(work))
    return;
  if (i % sides == 0)
    pin_primary(pinning, tag);
  else
    pin_backup(work, tag, i % sides - 1);
}

struct sp_digest sp_tags_before(const struct sp_work *work, const struct sp_pinned *tag)
{
  struct sp_digest before = sp_past_named_last(&work->past, tag->name);
  for (size_t i = 0; i < work->backup_count && before.alg == SP_DIGEST_NONE; i++) {
    const struct sp_digest *there = sp_tags_left(&tag->at[i]);
    if (!sp_digest_eq(there, &tag->primary))
      before = *there;
  }
  return before;
}

static void decide(struct sp_work *work, struct sp_pinned *tag)
{
  const struct sp_digest before = sp_tags_before(work, tag);
  for (size_t i = 0; i < work->backup_count; i++) {
    bool is_damaged = sp_past_needs_read(&work->past, i, &tag->at[i].now);
    const struct sp_tag_state state = {
        .primary = tag->primary,
        .backup = tag->at[i].now,
        .backup_last = tag->at[i].last,
        .before = before,
        .is_fixed = tag->is_fixed,
        .is_accepted =
            (tag->is_fixed || work->sync->restores) && sp_work_is_accepted(work, tag->name),
        .may_not_move = work->sync->restores,
        .is_damaged = is_damaged && !work->sync->restores,
        .proven_s = sp_past_proven_s(&work->past, i, &tag->primary),
        .now_s = work->now_s,
        .max_proof_age_s = work->sync->max_proof_age_s,
    };
    tag->at[i].action = sp_sync_decide(&state);
  }
}

static void decide_all(struct sp_work *work, size_t first)
{
  for (size_t i = first; i < work->tags.count; i++)
    decide(work, &work->tags.items[i]);
}

/* Is a fixed tag refused only because of what this host remembers? */
static bool is_alarm_of_memory(const struct sp_work *work, size_t first)
{
  for (size_t i = first; i < work->tags.count; i++) {
    const struct sp_pinned *tag = &work->tags.items[i];
    for (size_t k = 0; k < work->backup_count; k++) {
      if (sp_tags_is_refused(tag, k) && tag->at[k].now.alg == SP_DIGEST_NONE)
        return true;
    }
  }
  return false;
}

static void decide_with_records(struct sp_work *work, size_t first)
{
  bool has_news;
  struct sp_err err = SP_ERR_INIT;
  if (sp_work_ask_records(work, &has_news, &err) < 0)
    sp_err_copy(&work->told->err, &err);
  else if (has_news)
    decide_all(work, first);
}

bool sp_tags_is_refused(const struct sp_pinned *tag, size_t backup)
{
  return tag->primary.alg != SP_DIGEST_NONE && tag->at[backup].is_known &&
         tag->at[backup].action == SP_ACTION_REFUSE;
}

bool sp_tags_is_had(const struct sp_work *work, const struct sp_pinned *tag)
{
  const struct sp_digest before = sp_past_named_last(&work->past, tag->name);
  bool is_had = !tag->is_fixed || sp_digest_eq(&before, &tag->primary);
  for (size_t i = 0; i < work->backup_count; i++)
    is_had = is_had || tag->at[i].proven != SP_PROOF_NONE ||
             sp_digest_eq(&tag->at[i].now, &tag->primary);
  return is_had;
}

/* Is it known that the tag named this digest at the primary once? Then a backup that has it was
 * only out of reach when it was accepted that the tag changed. */
static bool has_named(const struct sp_work *work, const char *tag, const struct sp_digest *digest)
{
  struct sp_known_tag *states;
  size_t count;
  struct sp_err err = SP_ERR_INIT;
  bool has = false;
  if (sp_known_history(work->sync->journal, work->primary->name, tag, STATES_BACK, &states, &count,
                       &err) < 0)
    return true; /* (as far as this host can tell) */
  for (size_t i = 0; i < count; i++)
    has = has || sp_digest_eq(&states[i].digest, digest);
  sp_known_history_free(states, count);
  return has;
}

bool sp_tags_is_replaced(const struct sp_work *work, const struct sp_pinned *tag, size_t backup)
{
  const struct sp_digest *now = &tag->at[backup].now;
  const struct sp_digest at_primary = sp_past_named_last(&work->past, tag->name);
  const struct sp_digest there = sp_past_named_at(&work->past, backup, tag->name);
  return sp_tags_is_refused(tag, backup) && now->alg != SP_DIGEST_NONE &&
         sp_digest_eq(&at_primary, &tag->primary) && sp_digest_eq(&there, &tag->primary) &&
         !has_named(work, tag->name, now);
}

const struct sp_digest *sp_tags_left(const struct sp_tag_at *at)
{
  return at->now.alg != SP_DIGEST_NONE ? &at->now : &at->last;
}

int sp_tags_require_unmoved(const struct sp_work *work, const struct sp_pinned *tag, size_t backup,
                            struct sp_err *err)
{
  const struct sp_tag_at *at = &tag->at[backup];
  struct sp_named named = {0};
  struct sp_err why = SP_ERR_INIT;
  char text[SP_DIGEST_TEXT_MAX];
  if (!work->sync->restores || at->action != SP_ACTION_SET || sp_work_is_accepted(work, "*"))
    return 0;
  if (sp_store_resolve(work->backups[backup], tag->name, &named, &why) < 0) {
    if (why.code == SP_E_NOT_FOUND || sp_trouble_is_damage(&why))
      return 0;
    sp_err_copy(err, &why);
    return -1;
  }
  if (sp_digest_eq(&named.digest, sp_tags_left(at)) || sp_digest_eq(&named.digest, &tag->primary))
    return 0;
  sp_digest_format(&named.digest, text);
  return sp_fail(err, SP_E_REFUSED,
                 "'%s:%s' was pushed while the restore was under way: it names '%s' now, and stays "
                 "as it is; --force replaces it",
                 work->backups[backup]->name, tag->name, text);
}

/* The primary refused every tag: that is not about one of them. */
static void fail_if_all_refused(struct sp_work *work)
{
  for (size_t i = 0; i < work->tags.count && work->told->err.code == SP_OK; i++) {
    if (work->tags.items[i].why)
      sp_err_copy(&work->told->err, work->tags.items[i].why);
  }
}

void sp_tags_pin(struct sp_work *work, size_t first)
{
  struct pinning pinning = {.work = work, .first = first};
  if (first == 0)
    sp_unlisted_look(work);
  sp_pool_run((work->tags.count - first) * (1 + work->backup_count), HEADS_AT_ONCE, pin_task,
              &pinning);
  if (first == 0 && !atomic_load(&pinning.has_answer))
    fail_if_all_refused(work);
  decide_all(work, first);
  if (is_alarm_of_memory(work, first))
    decide_with_records(work, first);
}
