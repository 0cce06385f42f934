/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/told.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/text.h"
#include "transfer/report.h"

#define NOTE_MAX_BYTES 2048

int sp_told_new(const char *name, struct sp_sync_image **out, struct sp_err *err)
{
  SP_CLEANUP(sp_told_free_auto_) struct sp_sync_image *image = calloc(1, sizeof *image);
  if (!image)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  image->err = SP_ERR_INIT;
  if (sp_text_dup(&image->name, name, err) < 0 || sp_text_dup(&image->primary, "", err) < 0)
    return -1;
  *out = sp_steal(&image);
  return 0;
}

static void clear_tag(struct sp_sync_tag *tag)
{
  free(tag->name);
  free(tag->digest);
  free(tag->digest_before);
  free(tag->history_tag);
  free(tag->err);
}

static void clear_place(struct sp_sync_place *place)
{
  for (size_t i = 0; i < place->tag_count; i++)
    clear_tag(&place->tags[i]);
  for (size_t i = 0; i < place->damage_count; i++) {
    free(place->damage[i].digest);
    free(place->damage[i].what);
    free(place->damage[i].finding);
  }
  free(place->tags);
  free(place->damage);
  free(place->name);
}

void sp_told_free(struct sp_sync_image *image)
{
  if (!image)
    return;
  for (size_t i = 0; i < image->place_count; i++)
    clear_place(&image->places[i]);
  for (size_t i = 0; i < image->lost_tag_count; i++)
    free(image->lost_tags[i]);
  for (size_t i = 0; i < image->note_count; i++)
    free(image->notes[i]);
  free(image->places);
  free(image->lost_tags);
  free(image->notes);
  free(image->primary);
  free(image->name);
  free(image);
}

int sp_told_set_places(struct sp_sync_image *image, const char *primary, const char *const *backups,
                       size_t count, struct sp_err *err)
{
  char *name = NULL;
  image->places = calloc(count + 1, sizeof *image->places);
  if (!image->places)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  if (sp_text_dup(&name, primary, err) < 0)
    return -1;
  free(image->primary); /* (whoever is told of the image counts on its name, and on those below) */
  image->primary = name;
  for (size_t i = 0; i < count; i++) {
    image->places[i].err = SP_ERR_INIT;
    if (sp_text_dup(&image->places[i].name, backups[i], err) < 0)
      return -1;
    image->place_count++;
  }
  return 0;
}

/* -- adding */

/* Room for one more item; false without memory. */
static bool grow(void *items, size_t count, size_t item_bytes)
{
  void **array = items;
  if (count & (count - 1)) /* capacities are powers of two */
    return true;
  void *more = reallocarray(*array, count ? count * 2 : 1, item_bytes);
  if (!more)
    return false;
  *array = more;
  return true;
}

static char *digest_text(const struct sp_digest *digest)
{
  char text[SP_DIGEST_TEXT_MAX] = "";
  if (digest && digest->alg != SP_DIGEST_NONE)
    sp_digest_format(digest, text);
  return strdup(text);
}

static struct sp_err *dup_err(const struct sp_err *err)
{
  struct sp_err *copy = err && err->code != SP_OK ? malloc(sizeof *copy) : NULL;
  if (copy)
    *copy = *err;
  return copy;
}

void sp_told_add_tag(struct sp_sync_image *image, size_t place, const struct sp_told_tag *tag)
{
  struct sp_sync_place *to = &image->places[place];
  to->counts[tag->result]++;
  if (tag->result == SP_SYNC_IN_STEP || to->tag_count == SP_SYNC_TAGS_TOLD_MAX ||
      !grow(&to->tags, to->tag_count, sizeof *to->tags))
    return;
  struct sp_sync_tag told = {.name = strdup(tag->name),
                             .result = tag->result,
                             .digest = digest_text(tag->digest),
                             .digest_before = digest_text(tag->before),
                             .history_tag = tag->history_tag ? strdup(tag->history_tag) : NULL,
                             .err = dup_err(tag->why),
                             .is_replaced = tag->is_replaced};
  if (told.name && told.digest && told.digest_before)
    to->tags[to->tag_count++] = told;
  else
    clear_tag(&told);
}

void sp_told_fail_place(struct sp_sync_image *image, size_t place, const struct sp_err *err)
{
  if (image->places[place].err.code == SP_OK)
    sp_err_copy(&image->places[place].err, err);
}

void sp_told_forget_lost(struct sp_sync_image *image, size_t notes)
{
  while (image->lost_tag_count > 0)
    free(image->lost_tags[--image->lost_tag_count]);
  while (image->note_count > notes)
    free(image->notes[--image->note_count]);
  image->lost = 0;
}

void sp_told_add_lost(struct sp_sync_image *image, const char *tag)
{
  image->lost++;
  if (image->lost_tag_count == SP_SYNC_LOST_TOLD_MAX ||
      !grow(&image->lost_tags, image->lost_tag_count, sizeof *image->lost_tags))
    return;
  image->lost_tags[image->lost_tag_count] = strdup(tag);
  image->lost_tag_count += image->lost_tags[image->lost_tag_count] != NULL;
}

void sp_told_add_note(struct sp_sync_image *image, const char *fmt, ...)
{
  char text[NOTE_MAX_BYTES];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, _(fmt), args);
  va_end(args);
  for (size_t i = 0; i < image->note_count; i++) {
    if (strcmp(image->notes[i], text) == 0)
      return;
  }
  if (!grow(&image->notes, image->note_count, sizeof *image->notes))
    return;
  image->notes[image->note_count] = strdup(text);
  image->note_count += image->notes[image->note_count] != NULL;
}

static void add_damage(struct sp_sync_place *to, const struct sp_report_damage *damage)
{
  for (size_t i = 0; i < to->damage_count; i++) {
    if (strcmp(to->damage[i].digest, damage->digest) == 0)
      return;
  }
  if (!grow(&to->damage, to->damage_count, sizeof *to->damage))
    return;
  struct sp_sync_damage told = {.digest = strdup(damage->digest),
                                .what = strdup(damage->what),
                                .finding = strdup(damage->finding)};
  if (told.digest && told.what && told.finding) {
    to->damage[to->damage_count++] = told;
    return;
  }
  free(told.digest);
  free(told.what);
  free(told.finding);
}

void sp_told_add_copy(struct sp_sync_image *image, size_t place,
                      const struct sp_report_place *report)
{
  struct sp_sync_place *to = &image->places[place];
  to->blobs_sent += report->blobs_sent;
  to->blobs_mounted += report->blobs_mounted;
  to->bytes_sent += report->bytes_sent;
  to->manifests_put += report->manifests_put;
  to->blobs_to_send += report->blobs_to_send;
  to->bytes_to_send += report->bytes_to_send;
  to->requests_planned += report->requests_planned;
  to->pulls_planned += report->pulls_planned;
  for (size_t i = 0; i < report->damage_count; i++)
    add_damage(to, &report->damage[i]);
}

static int by_name(const void *a, const void *b)
{
  return strcmp(((const struct sp_sync_tag *)a)->name, ((const struct sp_sync_tag *)b)->name);
}

void sp_told_sort(struct sp_sync_image *image)
{
  for (size_t i = 0; i < image->place_count; i++) {
    if (image->places[i].tag_count > 0)
      qsort(image->places[i].tags, image->places[i].tag_count, sizeof *image->places[i].tags,
            by_name);
  }
}

/* -- sums */

static bool is_good(enum sp_sync_result result)
{
  return result <= SP_SYNC_TO_PROVE;
}

bool sp_told_has_failure(const struct sp_sync_image *image)
{
  if (image->err.code != SP_OK || image->is_held)
    return true;
  for (size_t i = 0; i < image->place_count; i++) {
    const struct sp_sync_place *place = &image->places[i];
    if (place->err.code != SP_OK)
      return true;
    for (int result = 0; result < SP_SYNC_RESULT_COUNT; result++) {
      if (place->counts[result] > 0 && !is_good(result))
        return true;
    }
  }
  return false;
}

bool sp_told_has_success(const struct sp_sync_image *image)
{
  if (image->err.code != SP_OK)
    return false;
  for (size_t i = 0; i < image->place_count; i++) {
    const struct sp_sync_place *place = &image->places[i];
    if (place->err.code == SP_OK)
      return true;
    for (int result = 0; result < SP_SYNC_RESULT_COUNT; result++) {
      if (place->counts[result] > 0 && is_good(result))
        return true;
    }
  }
  return false;
}

unsigned sp_told_classes(const struct sp_sync_image *image)
{
  unsigned classes = sp_exit_class(&image->err);
  if (image->is_held)
    classes |= 1u << 6;
  for (size_t i = 0; i < image->place_count; i++) {
    const struct sp_sync_place *place = &image->places[i];
    classes |= sp_exit_class(&place->err);
    for (size_t k = 0; k < place->damage_count; k++)
      classes |= strcmp(place->damage[k].finding, SP_FINDING_MISSING) == 0 ? 1u << 1 : 1u << 5;
    if (place->counts[SP_SYNC_NOT_FOLLOWED] + place->counts[SP_SYNC_REFUSED] > 0)
      classes |= 1u << 6;
    if (place->counts[SP_SYNC_UNPROVEN] > 0)
      classes |= 1u << 1;
    if (place->counts[SP_SYNC_DAMAGED] > 0)
      classes |= 1u << 5;
  }
  return classes;
}

static bool has_changed(const struct sp_sync_image *image)
{
  for (size_t i = 0; i < image->place_count; i++) {
    if (image->places[i].counts[SP_SYNC_COPIED] > 0 || image->places[i].blobs_sent > 0)
      return true;
  }
  return false;
}

void sp_totals_add(struct sp_sync_totals *totals, const struct sp_sync_image *image)
{
  totals->images++;
  totals->images_failed += sp_told_has_failure(image);
  totals->images_changed += has_changed(image);
  totals->images_held += image->is_held;
  totals->lost += image->lost;
  for (size_t i = 0; i < image->place_count; i++) {
    const struct sp_sync_place *place = &image->places[i];
    for (int result = 0; result < SP_SYNC_RESULT_COUNT; result++)
      totals->counts[result] += place->counts[result];
    totals->blobs_sent += place->blobs_sent;
    totals->bytes_sent += place->bytes_sent;
    totals->bytes_to_send += place->bytes_to_send;
    totals->requests_planned += place->requests_planned;
    totals->pulls_planned += place->pulls_planned;
  }
}

int sp_totals_exit_status(const struct sp_sync_totals *totals, unsigned classes, bool has_success)
{
  int status = sp_exit_status_of(&totals->err, classes, has_success);
  return status == 0 && totals->images_failed > 0 ? 1 : status;
}
