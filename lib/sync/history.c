/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/history.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "policy/tag_kind.h"
#include "sync/kept.h"
#include "sync/told.h"
#include "transfer/trouble.h"

#define NAMES_TRIED 100 /* seconds from now on */

/* A tag that names the digest there and is not about to leave it. */
static bool is_named_by_another(const struct sp_work *work, size_t backup,
                                const struct sp_pinned *tag)
{
  const struct sp_digest *left = sp_tags_left(&tag->at[backup]);
  for (size_t i = 0; i < work->tags.count; i++) {
    const struct sp_tag_at *at = &work->tags.items[i].at[backup];
    if (strcmp(work->tags.items[i].name, tag->name) != 0 && at->action != SP_ACTION_SET &&
        sp_digest_eq(&at->now, left))
      return true;
  }
  return false;
}

/* Looks at the newest history tags of this tag (the list is sorted, and so are their times). */
static bool is_in_history(struct sp_work *work, size_t backup, const struct sp_pinned *tag)
{
  const struct sp_side *side = &work->sides[backup];
  size_t len = strlen(tag->name);
  struct sp_span of = SP_SPAN(tag->name, len < SP_HISTORY_BASE_MAX ? len : SP_HISTORY_BASE_MAX);
  uint32_t looked = 0;
  for (size_t i = side->tag_count; i-- > 0 && looked < work->rules.keep_history;) {
    struct sp_span base;
    if (!sp_history_tag_parse(side->tags[i], &base, NULL) || !sp_span_eq(base, of))
      continue;
    looked++;
    struct sp_named named;
    struct sp_err err = SP_ERR_INIT;
    if (sp_store_resolve(work->backups[backup], side->tags[i], &named, &err) == 0 &&
        sp_digest_eq(&named.digest, sp_tags_left(&tag->at[backup])))
      return true;
  }
  return false;
}

/* The first name from now on that is free, or names the digest already (*is_named). Two tags may
 * leave within a second: of one tag when it moves again, of two where only the beginning of their
 * names went in; a name that another digest has is never taken from it. */
static int find_name(struct sp_work *work, size_t backup, const struct sp_pinned *tag,
                     char name[SP_MAX_TAG + 1], bool *is_named, struct sp_err *err)
{
  int64_t now_s = sp_clock_wall_s();
  *is_named = false;
  for (int64_t later_s = 0; later_s < NAMES_TRIED; later_s++) {
    struct sp_named named;
    struct sp_err why = SP_ERR_INIT;
    sp_history_tag_format(tag->name, now_s + later_s, name);
    bool is_taken = sp_store_resolve(work->backups[backup], name, &named, &why) == 0;
    if (!is_taken && why.code != SP_E_NOT_FOUND) {
      sp_err_copy(err, &why);
      return -1;
    }
    *is_named = is_taken && sp_digest_eq(&named.digest, sp_tags_left(&tag->at[backup]));
    if (!is_taken || *is_named)
      return 0;
  }
  return sp_fail(err, SP_E_LIMIT, "the next %d history tags of '%s' are all taken at '%s'",
                 NAMES_TRIED, tag->name, work->backups[backup]->name);
}

static int set_name(struct sp_work *work, size_t backup, const struct sp_pinned *tag,
                    const struct sp_manifest_bytes *manifest, char history[SP_MAX_TAG + 1],
                    struct sp_err *err)
{
  char name[SP_MAX_TAG + 1];
  const char *const names[] = {name};
  size_t done;
  bool is_named;
  if (find_name(work, backup, tag, name, &is_named, err) < 0)
    return -1;
  if (!is_named && sp_store_set_tags(work->backups[backup], names, 1, manifest, &done, err) < 0)
    return -1;
  memcpy(history, name, sizeof name);
  return 0;
}

/* Tags of one long beginning go one after the other. */
static int set_long_name(struct sp_work *work, size_t backup, const struct sp_pinned *tag,
                         const struct sp_manifest_bytes *manifest, char history[SP_MAX_TAG + 1],
                         struct sp_err *err)
{
  SP_LOCK_SCOPE(&work->history_lock);
  return set_name(work, backup, tag, manifest, history, err);
}

bool sp_history_is_due(struct sp_work *work, size_t backup, const struct sp_pinned *tag)
{
  const struct sp_digest *left = sp_tags_left(&tag->at[backup]);
  bool moves = left->alg != SP_DIGEST_NONE && !sp_digest_eq(left, &tag->primary) &&
               tag->at[backup].action == SP_ACTION_SET;
  return moves && work->rules.keep_history > 0 && !is_named_by_another(work, backup, tag) &&
         !is_in_history(work, backup, tag);
}

/* The manifest, and a name for it. *is_gone: that it fails is only that it is not there any more,
 * or not whole; where its manifest is kept here, the backup says so when it is to be named. */
static int keep(struct sp_work *work, size_t backup, const struct sp_pinned *tag,
                char history[SP_MAX_TAG + 1], bool *is_gone, struct sp_err *err)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  sp_manifest_bytes_init(&manifest);
  bool is_long = strlen(tag->name) > SP_HISTORY_BASE_MAX;
  if (sp_kept_get(work->backups[backup], sp_tags_left(&tag->at[backup]), &manifest, err) < 0) {
    *is_gone = err->code == SP_E_NOT_FOUND || sp_trouble_is_damage(err);
    return -1;
  }
  if ((is_long ? set_long_name : set_name)(work, backup, tag, &manifest, history, err) == 0)
    return 0;
  *is_gone = err->code == SP_E_BLOB_UNKNOWN;
  return -1;
}

int sp_history_keep(struct sp_work *work, size_t backup, const struct sp_pinned *tag,
                    char history[SP_MAX_TAG + 1], struct sp_err *err)
{
  history[0] = '\0';
  bool is_gone = false;
  struct sp_err why = SP_ERR_INIT;
  if (!sp_history_is_due(work, backup, tag) ||
      keep(work, backup, tag, history, &is_gone, &why) == 0)
    return 0;
  if (!is_gone) {
    sp_err_copy(err, &why);
    return -1;
  }
  SP_LOCK_SCOPE(&work->lock);
  sp_told_add_note(work->told, "what '%s' named before cannot be kept: %s", tag->name, why.msg);
  return 0;
}

int sp_history_keep_side(struct sp_work *work, size_t backup, const char *tag,
                         const struct sp_digest *next, struct sp_err *err)
{
  struct sp_named named;
  struct sp_err why = SP_ERR_INIT;
  char name[SP_MAX_TAG + 1], history[SP_MAX_TAG + 1];
  if (work->rules.keep_history == 0)
    return 0;
  if (sp_store_resolve(work->backups[backup], tag, &named, &why) < 0) {
    if (why.code == SP_E_NOT_FOUND || sp_trouble_is_damage(&why))
      return 0;
    sp_err_copy(err, &why);
    return -1;
  }
  snprintf(name, sizeof name, "%s", tag);
  struct sp_tag_at at[SP_MAX_DESTINATIONS] = {0};
  at[backup] = (struct sp_tag_at){.now = named.digest, .is_known = true, .action = SP_ACTION_SET};
  const struct sp_pinned side = {.name = name, .is_side = true, .primary = *next, .at = at};
  if (sp_history_keep(work, backup, &side, history, err) < 0)
    return -1;
  if (history[0]) {
    SP_LOCK_SCOPE(&work->lock);
    sp_told_add_note(work->told, "what '%s:%s' named is kept there as '%s'",
                     work->backups[backup]->name, tag, history);
  }
  return 0;
}
