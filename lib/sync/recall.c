/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/recall.h"

#include <stdlib.h>
#include <string.h>

#include "policy/tag_kind.h"
#include "sync/gone.h"
#include "sync/losses.h"
#include "sync/strays.h"
#include "sync/wanted.h"

static bool is_of_run(const struct sp_err *err)
{
  return err->code == SP_E_NOMEM || err->code == SP_E_INTERRUPTED;
}

/* Was it found to be lost by this run, or is it a part of a loss that is not to be borne? */
static bool is_lost(const struct sp_work *work, const struct sp_known_tag *tag)
{
  return tag->is_gone ? work->loses_slowly && sp_losses_has_before(work, tag)
                      : !sp_side_has(&work->primary_side, tag->tag);
}

/* What is gone is added in any case: it is at the backups alone. */
static int add_known(struct sp_work *work, bool only_lost, struct sp_err *err)
{
  const struct sp_known *known = &work->past.primary;
  for (size_t i = 0; i < known->tag_count; i++) {
    const struct sp_known_tag *tag = &known->tags[i];
    bool is_added = only_lost ? is_lost(work, tag) : !tag->is_gone;
    if (!is_added && sp_wanted_is_kept(work, tag)) {
      if (sp_gone_add(work, tag, err) < 0)
        return -1;
      continue;
    }
    if (!is_added || !sp_wanted_is_looked_at(work, tag))
      continue;
    if (sp_tags_add_past(work, tag->tag, &tag->digest, err) < 0)
      return -1;
    work->tags.items[work->tags.count - 1].is_lost = only_lost;
  }
  work->tags.selected_count = work->tags.count;
  return 0;
}

static int read_past(struct sp_work *work, struct sp_err *err)
{
  if (work->past.backup_count > 0)
    return 0; /* the survey has */
  return sp_past_read(&work->past, work->sync->journal, work->primary->name, work->sides,
                      work->backup_count, &work->sync->retry, err) < 0
             ? -1
             : sp_strays_ask(work, err);
}

int sp_recall_survey(struct sp_work *work, size_t number, struct sp_outages *outages,
                     struct sp_pull_reserve *reserve, bool *is_bearable, struct sp_err *of_primary,
                     struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  if (sp_image_survey(work, number, outages, reserve, is_bearable, &why) == 0)
    return 0;
  if (work->told->place_count == 0 || is_of_run(&why)) {
    sp_err_copy(err, &why);
    return -1;
  }
  sp_err_copy(of_primary, &why);
  *is_bearable = true;
  sp_err_clear(&work->told->err); /* it would stop the pinning */
  return read_past(work, err) < 0 || sp_wanted_find(work, err) < 0 ||
                 add_known(work, false, err) < 0
             ? -1
             : 0;
}

int sp_recall_add_unknown(struct sp_work *work, struct sp_err *err)
{
  const struct sp_digest none = {0};
  for (size_t backup = 0; backup < work->backup_count; backup++) {
    const struct sp_side *side = &work->sides[backup];
    for (size_t i = 0; i < side->tag_count; i++) {
      const char *name = side->tags[i];
      if (sp_tag_is_special(name) || !sp_selection_matches(sp_wanted_selection(work), name) ||
          sp_known_find_tag(&work->past.primary, name) ||
          sp_side_any_has(work->sides, backup, name))
        continue;
      if (sp_tags_add_past(work, name, &none, err) < 0)
        return -1;
    }
  }
  work->tags.selected_count = work->tags.count;
  return 0;
}

static int by_name(const void *a, const void *b)
{
  return strcmp(((const struct sp_pinned *)a)->name, ((const struct sp_pinned *)b)->name);
}

int sp_recall_add_lost(struct sp_work *work, struct sp_err *err)
{
  if (add_known(work, true, err) < 0)
    return -1;
  if (work->tags.count > 0)
    qsort(work->tags.items, work->tags.count, sizeof *work->tags.items, by_name);
  return 0;
}

int sp_recall_refuse_loss(const struct sp_work *work, struct sp_err *err)
{
  const struct sp_sync_image *told = work->told;
  return sp_fail(
      err, SP_E_REFUSED,
      "'%s' lost %llu tags that it had ('%s' among them), more than max-loss allows: "
      "safeport restore %s --all brings them back; if the loss is meant: safeport sync %s "
      "--accept-loss",
      told->primary, (unsigned long long)told->lost,
      told->lost_tag_count > 0 ? told->lost_tags[0] : "", work->name, work->name);
}

int sp_recall_check_memory(const struct sp_work *work, struct sp_err *err)
{
  const struct sp_past *past = &work->past;
  if (past->unread.code == SP_OK || past->has_memory || work->sync->accept_loss ||
      work->sync->restores)
    return 0;
  return sp_fail(
      err, past->unread.code,
      "nothing of '%s' is written: what '%s' had is known only to the record '%s:%s', and that "
      "cannot be read. If it stays so, a sync on a host that knows '%s' writes it anew; to go on "
      "without that memory: safeport sync %s --accept-loss. The record: %s",
      work->name, work->told->primary, work->backups[past->unread_at]->name, SP_RECORD_TAG,
      work->name, work->name, past->unread.msg);
}

/* *of_primary: of a primary that failed meanwhile. */
static void pin(struct sp_work *work, struct sp_err *of_primary)
{
  sp_tags_pin(work, 0);
  if (work->told->err.code == SP_OK || is_of_run(&work->told->err))
    return;
  sp_err_copy(of_primary, &work->told->err);
  sp_err_clear(&work->told->err);
  for (size_t i = 0; i < work->tags.count; i++) {
    struct sp_pinned *tag = &work->tags.items[i];
    if (!tag->is_past && tag->primary.alg == SP_DIGEST_NONE)
      tag->primary = sp_past_named(&work->past, tag->name);
    tag->is_past = true;
  }
  sp_tags_pin(work, 0);
}

void sp_recall_pin(struct sp_work *work, struct sp_err *of_primary)
{
  pin(work, of_primary);
  sp_gone_note_nowhere(work);
}
