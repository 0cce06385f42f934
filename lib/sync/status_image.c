/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/status_image.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/tag_kind.h"
#include "sync/followers.h"
#include "sync/gone.h"
#include "sync/sizes.h"
#include "sync/standing.h"

/* -- tags that sync would not look at */

static int by_name(const void *key, const void *item)
{
  return strcmp(key, ((const struct sp_pinned *)item)->name);
}

/* Among the first `count`, which are sorted. */
static bool is_among(const struct sp_tags *tags, size_t count, const char *name)
{
  return count > 0 && bsearch(name, tags->items, count, sizeof *tags->items, by_name);
}

int sp_status_add_tags(struct sp_work *work, struct sp_err *err)
{
  const struct sp_digest none = {0};
  size_t selected = work->tags.selected_count;
  for (size_t backup = 0; backup < work->backup_count; backup++) {
    const struct sp_side *side = &work->sides[backup];
    for (size_t i = 0; i < side->tag_count; i++) {
      const char *name = side->tags[i];
      if (!sp_tag_is_special(name) && !is_among(&work->tags, selected, name) &&
          !sp_side_any_has(work->sides, backup, name) &&
          sp_tags_add_past(work, name, &none, err) < 0)
        return -1;
    }
  }
  return 0;
}

/* -- the answer */

static int digest_text(const struct sp_digest *digest, char **out, struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX] = "";
  if (digest->alg != SP_DIGEST_NONE)
    sp_digest_format(digest, text);
  return sp_text_dup(out, text, err);
}

static int fill_at(const struct sp_status_run *run, struct sp_work *work,
                   const struct sp_pinned *tag, bool is_extra, size_t backup,
                   struct sp_status_at *out, struct sp_err *err)
{
  const struct sp_tag_at *at = &tag->at[backup];
  const struct sp_known_digest *known = sp_known_find_digest(&work->past.backups[backup], &at->now);
  const struct sp_known_tag *seen = sp_known_find_tag(&work->past.primary, tag->name);
  const struct sp_standing_facts facts = {
      .is_extra = is_extra,
      .is_gone = tag->is_gone,
      .is_missed = tag->is_gone && sp_gone_is_missing(work, tag, backup),
      .is_lost = tag->is_lost,
      .is_fixed = tag->is_fixed,
      .is_known = at->is_known && work->told->places[backup].err.code == SP_OK,
      .primary = tag->primary,
      .backup = at->now,
      .lacks_signatures = !is_extra && sp_followers_are_missing(work, backup, &tag->primary),
      .is_damaged = sp_known_is_damaged(known),
      .proven_s = sp_past_proven_s(&work->past, backup, &at->now),
      .now_s = work->now_s,
      .max_proof_age_s = run->sync.max_proof_age_s};
  out->standing = sp_standing_of(&facts);
  out->touched_s = known ? known->touched_s : 0;
  out->read_s = known ? known->read_s : 0;
  if (out->standing == SP_STANDING_BEHIND && seen && sp_digest_eq(&seen->digest, &tag->primary))
    out->since_s = seen->since_s;
  return digest_text(&at->now, &out->digest, err);
}

static int fill_states(const struct sp_status_run *run, const struct sp_work *work,
                       struct sp_status_tag *out, struct sp_err *err)
{
  struct sp_known_tag *states = NULL;
  size_t count = 0;
  if (run->history_limit == 0)
    return 0;
  if (sp_known_history(run->sync.journal, work->primary->name, out->name, run->history_limit,
                       &states, &count, err) < 0)
    return -1;
  int failed = 0;
  out->states = calloc(count + 1, sizeof *out->states);
  if (!out->states)
    failed = sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; !failed && i < count; i++) {
    struct sp_status_state *state = &out->states[out->state_count++];
    *state = (struct sp_status_state){.since_s = states[i].since_s,
                                      .is_gone = states[i].is_gone,
                                      .is_undated = states[i].is_undated};
    failed = digest_text(&states[i].digest, &state->digest, err);
  }
  sp_known_history_free(states, count);
  return failed;
}

static int fill_tag(const struct sp_status_run *run, struct sp_work *work, size_t number,
                    struct sp_status_image *image, struct sp_err *err)
{
  const struct sp_pinned *tag = &work->tags.items[number];
  bool is_extra = number >= work->tags.selected_count || tag->is_gone;
  const struct sp_digest none = {0};
  const struct sp_known_tag *seen = sp_known_find_tag(&work->past.primary, tag->name);
  struct sp_status_tag *out = &image->tags[image->tag_count++];
  *out = (struct sp_status_tag){.is_last_known = tag->is_past && !is_extra && !tag->is_lost,
                                .is_lost = tag->is_lost};
  out->at = calloc(work->backup_count + 1, sizeof *out->at);
  if (!out->at)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  if (seen && !seen->is_gone && sp_digest_eq(&seen->digest, &tag->primary))
    out->since_s = seen->since_s;
  if (seen && seen->is_gone && !seen->is_meant && !sp_side_has(&work->primary_side, tag->name))
    out->lost_s = seen->since_s;
  out->is_damaged = !tag->is_gone &&
                    sp_known_is_damaged(sp_known_find_digest(&work->past.primary, &tag->primary));
  if (sp_text_dup(&out->name, tag->name, err) < 0 ||
      digest_text(tag->is_gone ? &none : &tag->primary, &out->digest, err) < 0)
    return -1;
  for (size_t i = 0; i < work->backup_count; i++) {
    if (fill_at(run, work, tag, is_extra, i, &out->at[i], err) < 0)
      return -1;
    image->places[i].counts[out->at[i].standing]++;
  }
  return fill_states(run, work, out, err);
}

static uint64_t count_history(const struct sp_side *side)
{
  uint64_t count = 0;
  for (size_t i = 0; i < side->tag_count; i++)
    count += sp_history_tag_parse(side->tags[i], NULL, NULL);
  return count;
}

static int fill_places(const struct sp_work *work, struct sp_status_image *image,
                       struct sp_err *err)
{
  image->places = calloc(work->told->place_count + 1, sizeof *image->places);
  if (!image->places)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < work->told->place_count; i++) {
    struct sp_status_place *place = &image->places[i];
    sp_err_copy(&place->err, &work->told->places[i].err);
    place->history_tags = count_history(&work->sides[i]);
    if (sp_text_dup(&place->name, work->told->places[i].name, err) < 0)
      return -1;
    image->place_count++; /* (whoever prints it counts on its name) */
  }
  return 0;
}

static int fill_notes(const struct sp_sync_image *told, struct sp_status_image *image,
                      struct sp_err *err)
{
  image->notes = calloc(told->note_count + 1, sizeof *image->notes);
  if (!image->notes)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < told->note_count; i++) {
    if (sp_text_dup(&image->notes[i], told->notes[i], err) < 0)
      return -1;
    image->note_count++;
  }
  return 0;
}

static int by_tag(const void *a, const void *b)
{
  return strcmp(((const struct sp_status_tag *)a)->name, ((const struct sp_status_tag *)b)->name);
}

static int fill_size(const struct sp_status_run *run, const struct sp_work *work,
                     struct sp_status_image *image, struct sp_err *err)
{
  for (size_t i = 0; run->with_sizes && i < work->backup_count; i++) {
    if (!work->backups[i]->is_local || work->sides[i].tag_count == 0)
      continue;
    image->has_size = true;
    return sp_sizes_of(work, i, &image->size_bytes, &image->shared_bytes, err);
  }
  return 0;
}

int sp_status_image_new(const struct sp_status_run *run, struct sp_work *work,
                        struct sp_status_image **out, struct sp_err *err)
{
  SP_CLEANUP(sp_status_image_free_auto_)
  struct sp_status_image *image = calloc(1, sizeof *image);
  if (!image)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  image->err = SP_ERR_INIT;
  image->tags = calloc(work->tags.count + 1, sizeof *image->tags);
  if (!image->tags)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  if (sp_text_dup(&image->name, work->name, err) < 0 ||
      sp_text_dup(&image->primary, work->told->primary, err) < 0 ||
      fill_places(work, image, err) < 0 || fill_notes(work->told, image, err) < 0)
    return -1;
  for (size_t i = 0; i < work->tags.count; i++) {
    if (fill_tag(run, work, i, image, err) < 0)
      return -1;
  }
  qsort(image->tags, image->tag_count, sizeof *image->tags, by_tag);
  if (fill_size(run, work, image, err) < 0)
    return -1;
  *out = sp_steal(&image);
  return 0;
}

static void clear_tag(struct sp_status_tag *tag, size_t place_count)
{
  for (size_t i = 0; tag->at && i < place_count; i++)
    free(tag->at[i].digest);
  for (size_t i = 0; i < tag->state_count; i++)
    free(tag->states[i].digest);
  free(tag->at);
  free(tag->states);
  free(tag->name);
  free(tag->digest);
}

void sp_status_image_free(struct sp_status_image *image)
{
  if (!image)
    return;
  for (size_t i = 0; i < image->tag_count; i++)
    clear_tag(&image->tags[i], image->place_count);
  for (size_t i = 0; i < image->place_count; i++)
    free(image->places[i].name);
  for (size_t i = 0; i < image->note_count; i++)
    free(image->notes[i]);
  free(image->notes);
  free(image->tags);
  free(image->places);
  free(image->name);
  free(image->primary);
  free(image);
}
