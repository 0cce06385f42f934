/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays grow one by one: a report has a handful of tags, and a place with thousands of damaged
 * blobs has other worries. */
#include "transfer/report.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

#define NOTE_MAX_BYTES 2048

int sp_report_new(enum sp_report_kind kind, const char *source, const char *const *names,
                  size_t place_count, struct sp_report **out, struct sp_err *err)
{
  struct sp_report *report = calloc(1, sizeof *report);
  if (!report)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  report->kind = kind;
  report->err = SP_ERR_INIT;
  report->places = calloc(place_count ? place_count : 1, sizeof *report->places);
  int failed = report->places ? sp_text_dup(&report->source, source, err)
                              : sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; !failed && i < place_count; i++) {
    report->place_count++;
    report->places[i].err = SP_ERR_INIT;
    report->places[i].proof = "none";
    failed = sp_text_dup(&report->places[i].name, names[i], err);
  }
  if (failed) {
    sp_report_free(report);
    return -1;
  }
  *out = report;
  return 0;
}

static void clear_place(struct sp_report_place *place)
{
  for (size_t i = 0; i < place->tag_count; i++) {
    free(place->tags[i].name);
    free(place->tags[i].digest_before);
  }
  for (size_t i = 0; i < place->damage_count; i++) {
    free(place->damage[i].digest);
    free(place->damage[i].what);
    free(place->damage[i].finding);
    free(place->damage[i].tags);
  }
  free(place->tags);
  free(place->damage);
  free(place->by_tag);
  free(place->name);
}

void sp_report_free(struct sp_report *report)
{
  if (!report)
    return;
  for (size_t i = 0; i < report->place_count; i++)
    clear_place(&report->places[i]);
  for (size_t i = 0; i < report->note_count; i++)
    free(report->notes[i]);
  free(report->notes);
  free(report->places);
  free(report->source);
  free(report->digest);
  free(report->media_type);
  free(report->started);
  free(report);
}

void sp_report_add_note(struct sp_report *report, const char *fmt, ...)
{
  char text[NOTE_MAX_BYTES];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, _(fmt), args);
  va_end(args);
  for (size_t i = 0; i < report->note_count; i++) {
    if (strcmp(report->notes[i], text) == 0)
      return;
  }
  char **notes = realloc(report->notes, (report->note_count + 1) * sizeof *notes);
  if (!notes)
    return;
  report->notes = notes;
  char *copy = strdup(text);
  if (copy)
    notes[report->note_count++] = copy;
}

void sp_report_note_flaky(struct sp_report *report, const char *place)
{
  sp_report_add_note(report,
                     "flaky transport: '%s' sent wrong bytes once, and the right ones the second "
                     "time",
                     place);
}

static struct sp_report_damage *find_damage(const struct sp_report_place *place,
                                            const struct sp_digest *digest, const char *what,
                                            const char *finding)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  for (size_t i = 0; i < place->damage_count; i++) {
    struct sp_report_damage *known = &place->damage[i];
    if (strcmp(known->digest, text) == 0 && strcmp(known->what, what) == 0 &&
        strcmp(known->finding, finding) == 0)
      return known;
  }
  return NULL;
}

int sp_report_add_damage(struct sp_report_place *place, const struct sp_digest *digest,
                         const char *what, const char *finding, struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  if (find_damage(place, digest, what, finding))
    return 0;
  struct sp_report_damage *grown =
      realloc(place->damage, (place->damage_count + 1) * sizeof *place->damage);
  if (!grown)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  place->damage = grown;
  struct sp_report_damage entry = {0};
  if (sp_text_dup(&entry.digest, text, err) < 0 || sp_text_dup(&entry.what, what, err) < 0 ||
      sp_text_dup(&entry.finding, finding, err) < 0) {
    free(entry.digest);
    free(entry.what);
    return -1;
  }
  place->damage[place->damage_count++] = entry;
  return 0;
}

/* As far as people read. */
static int add_tag_name(struct sp_report_damage *damage, const char *tag, struct sp_err *err)
{
  if (!damage->tags && !(damage->tags = calloc(1, SP_REPORT_TAGS_MAX_BYTES)))
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  sp_text_append_name(damage->tags, SP_REPORT_TAGS_MAX_BYTES, tag);
  return 0;
}

int sp_report_add_damage_of(struct sp_report_place *place, const struct sp_digest *digest,
                            const char *what, const char *finding, const char *tag,
                            struct sp_err *err)
{
  struct sp_report_damage *known = find_damage(place, digest, what, finding);
  if (!known && place->damage_count == SP_REPORT_DAMAGE_MAX) {
    place->damage_left_out++;
    return 0;
  }
  if (!known) {
    if (sp_report_add_damage(place, digest, what, finding, err) < 0)
      return -1;
    known = &place->damage[place->damage_count - 1];
  }
  return add_tag_name(known, tag, err);
}

int sp_report_add_tag(struct sp_report_place *place, const char *name, struct sp_err *err)
{
  struct sp_report_tag *grown = realloc(place->tags, (place->tag_count + 1) * sizeof *place->tags);
  if (!grown)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  place->tags = grown;
  grown[place->tag_count] = (struct sp_report_tag){.result = SP_TAG_NOT_SET};
  if (sp_text_dup(&grown[place->tag_count].name, name, err) < 0)
    return -1;
  place->tag_count++;
  return 0;
}

int sp_report_set_before(struct sp_report_tag *tag, const struct sp_digest *digest,
                         struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX] = "";
  if (digest->alg != SP_DIGEST_NONE)
    sp_digest_format(digest, text);
  free(sp_steal(&tag->digest_before));
  return sp_text_dup(&tag->digest_before, text, err);
}

bool sp_report_is_place_done(const struct sp_report_place *place)
{
  if (place->err.code != SP_OK || place->damage_count > 0)
    return false;
  for (size_t i = 0; i < place->tag_count; i++) {
    enum sp_tag_result result = place->tags[i].result;
    if (result == SP_TAG_NOT_SET || result == SP_TAG_UNSURE)
      return false;
  }
  return true;
}

/* What the exit status depends on. */
struct tally {
  int signal;
  bool is_later;  /* the rest goes on in another window of pulls */
  bool seen[9];   /* exit classes 0..8 that a failure had */
  bool is_done;   /* something asked for was done */
  bool is_undone; /* something was not */
};

/* What waits for pulls is not out of reach. */
static int class_of(const struct tally *tally, const struct sp_err *err)
{
  return tally->is_later && err->code == SP_E_THROTTLED ? 1 : sp_code_exit_status(err->code);
}

static void count_err(struct tally *tally, const struct sp_err *err)
{
  if (err->code == SP_OK)
    return;
  tally->is_undone = true;
  if (err->code == SP_E_INTERRUPTED) {
    tally->signal = err->sys ? err->sys : SIGINT;
    return;
  }
  tally->seen[class_of(tally, err)] = true;
}

bool sp_report_is_wrong_bytes(const char *finding)
{
  return strcmp(finding, SP_FINDING_MISSING) != 0 && strcmp(finding, SP_FINDING_DIFFERENT) != 0;
}

static bool is_tag_set(const struct sp_report_place *place)
{
  for (size_t i = 0; i < place->tag_count; i++) {
    if (place->tags[i].result == SP_TAG_SET)
      return true;
  }
  return false;
}

static void count_place(struct tally *tally, const struct sp_report_place *place)
{
  count_err(tally, &place->err);
  for (size_t i = 0; i < place->damage_count; i++)
    tally->seen[sp_report_is_wrong_bytes(place->damage[i].finding) ? 5 : 1] = true;
  tally->is_undone = tally->is_undone || !sp_report_is_place_done(place);
  tally->is_done = tally->is_done || sp_report_is_place_done(place) || is_tag_set(place);
}

/* Exit statuses that come first, whatever else succeeded or failed. */
static const int precedence[] = {2, 7, 3, 6, 5};

unsigned sp_exit_class(const struct sp_err *err)
{
  if (err->code == SP_OK || err->code == SP_E_INTERRUPTED)
    return 0;
  return 1u << (err->code == SP_E_THROTTLED ? 1 : sp_code_exit_status(err->code));
}

int sp_exit_status_of(const struct sp_err *of_run, unsigned classes, bool has_success)
{
  if (of_run->code == SP_E_INTERRUPTED)
    return of_run->sys == SIGTERM ? 143 : 130;
  classes |= sp_exit_class(of_run);
  for (size_t i = 0; i < sizeof precedence / sizeof precedence[0]; i++) {
    if (classes & 1u << precedence[i])
      return precedence[i];
  }
  if (!has_success && (classes == 1u << 4 || classes == 1u << 8))
    return classes == 1u << 4 ? 4 : 8;
  return classes != 0;
}

int sp_report_exit_status(const struct sp_report *report)
{
  struct tally tally = {.is_later = report->goes_on_at_s > 0};
  count_err(&tally, &report->err);
  for (size_t i = 0; i < report->place_count; i++)
    count_place(&tally, &report->places[i]);
  if (tally.signal)
    return 128 + tally.signal;
  for (size_t i = 0; i < sizeof precedence / sizeof precedence[0]; i++) {
    if (tally.seen[precedence[i]])
      return precedence[i];
  }
  if (!tally.is_undone)
    return 0;
  /* The two sides of a verify are one thing: half of it is not a success. So is an image that could
   * not be read, whatever its destinations held before. */
  bool is_partial = tally.is_done && report->kind != SP_REPORT_VERIFY && report->err.code == SP_OK;
  if (is_partial || tally.seen[1] || tally.seen[4] == tally.seen[8])
    return 1;
  return tally.seen[4] ? 4 : 8;
}
