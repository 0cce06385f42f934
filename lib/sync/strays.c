/* SPDX-License-Identifier: Apache-2.0 */
/* The strays of a backup are kept as one digest of their names: another set is asked about again.
 */
#include "sync/strays.h"

#include <string.h>

#include "policy/tag_kind.h"
#include "sync/told.h"

static bool is_stray(const struct sp_work *work, const char *tag)
{
  return !sp_side_has(&work->primary_side, tag) && !sp_known_find_tag(&work->past.primary, tag) &&
         !sp_tag_is_special(tag) && sp_selection_matches(work->rules.tags, tag);
}

/* Of the names, which are sorted. alg NONE: there is none. */
static int digest_strays(const struct sp_work *work, const struct sp_side *side,
                         struct sp_digest *out, struct sp_err *err)
{
  SP_AUTO_HASHER struct sp_hasher *hasher = NULL;
  *out = (struct sp_digest){0};
  for (size_t i = 0; i < side->tag_count; i++) {
    if (!is_stray(work, side->tags[i]))
      continue;
    if (!hasher && sp_hasher_new(SP_DIGEST_SHA256, &hasher, err) < 0)
      return -1;
    sp_hasher_update(hasher, side->tags[i], strlen(side->tags[i]) + 1);
  }
  if (hasher)
    sp_hasher_finish(hasher, out);
  return 0;
}

static int find(const struct sp_work *work, struct sp_digest strays[SP_MAX_DESTINATIONS],
                bool *are_new, struct sp_err *err)
{
  *are_new = false;
  for (size_t i = 0; i < work->backup_count; i++) {
    struct sp_digest asked;
    if (digest_strays(work, &work->sides[i], &strays[i], err) < 0)
      return -1;
    if (strays[i].alg == SP_DIGEST_NONE)
      continue;
    if (sp_past_read_asked(work->sync->journal, sp_store_known_as(work->backups[i]), &asked, err) <
        0)
      return -1;
    *are_new = *are_new || !sp_digest_eq(&asked, &strays[i]);
  }
  return 0;
}

static void note_unread(struct sp_work *work)
{
  const struct sp_past *past = &work->past;
  sp_told_add_note(work->told,
                   "backups list tags of which this host knows nothing, and the record that may "
                   "tell of them cannot be read, '%s:%s': %s",
                   work->backups[past->unread_at]->name, SP_RECORD_TAG, past->unread.msg);
}

int sp_strays_ask(struct sp_work *work, struct sp_err *err)
{
  struct sp_digest strays[SP_MAX_DESTINATIONS];
  bool are_new, has_news;
  if (work->sync->restores)
    return 0;
  if (find(work, strays, &are_new, err) < 0)
    return -1;
  if (!are_new)
    return 0;
  if (sp_work_ask_records(work, &has_news, err) < 0 || find(work, strays, &are_new, err) < 0)
    return -1;
  if (work->past.unread.code != SP_OK) { /* it may know: it is asked again */
    if (are_new)
      note_unread(work);
    return 0;
  }
  for (size_t i = 0; i < work->backup_count; i++) {
    if (strays[i].alg != SP_DIGEST_NONE &&
        sp_past_tell_asked(work->sync->journal, sp_store_known_as(work->backups[i]), &strays[i],
                           err) < 0)
      return -1;
  }
  return 0;
}
