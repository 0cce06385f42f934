/* SPDX-License-Identifier: Apache-2.0 */
/* A tag with its digest is a line; each backup below it is one, in columns where there is room for
 * them, else (a narrow terminal) the place on a line of its own and what is to be said below. */
#include "cli/status_output.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/scope.h"
#include "base/text.h"
#include "cli/terminal.h"

#define SHOWN_MAX 4608
#define SHORT_DIGEST 19 /* "sha256:0123456789ab" */
#define NARROW 60       /* columns: fewer, and places stand on lines of their own */
#define PLACE_MAX 40    /* columns of the column of places */
#define STATE_MAX 256
#define COUNTS_MAX 512

void status_output_init(struct status_output *output, const struct status_settings *settings)
{
  const struct series_settings of_series = {.command = "status",
                                            .kind = "status",
                                            .progress = settings->progress,
                                            .to = settings->to,
                                            .json = settings->json,
                                            .tells_ci = settings->tells_ci};
  *output = (struct status_output){.columns = settings->columns,
                                   .only_findings = settings->only_findings};
  series_init(&output->series, &of_series);
}

void status_output_clear(struct status_output *output)
{
  series_clear(&output->series);
}

static void say(const struct status_output *output, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void say(const struct status_output *output, const char *fmt, ...)
{
  va_list args;
  va_start(args, fmt);
  vfprintf(output->series.settings.to, fmt, args);
  va_end(args);
}

static void say_escaped(const struct status_output *output, const char *text)
{
  char shown[SHOWN_MAX];
  sp_text_escape(shown, sizeof shown, sp_span_str(text));
  fputs(shown, output->series.settings.to);
}

/* -- words */

static bool is_finding(enum sp_standing standing)
{
  return standing != SP_STANDING_IN_STEP && standing != SP_STANDING_EXTRA &&
         standing != SP_STANDING_ABSENT;
}

static const char *standing_text(enum sp_standing standing)
{
  static const char *const texts[SP_STANDING_COUNT] = {
      [SP_STANDING_IN_STEP] = N_("in step"),
      [SP_STANDING_UNPROVEN] = N_("in step, unproven"),
      [SP_STANDING_DAMAGED] = N_("damaged"),
      [SP_STANDING_BEHIND] = N_("behind"),
      [SP_STANDING_CHANGED] = N_("changed"),
      [SP_STANDING_MISSING] = N_("missing"),
      [SP_STANDING_EXTRA] = N_("extra"),
      [SP_STANDING_ABSENT] = N_("not here"),
      [SP_STANDING_UNSIGNED] = N_("signatures missing"),
      [SP_STANDING_LOST] = N_("lost at the primary"),
      [SP_STANDING_UNKNOWN] = N_("unknown")};
  return _(texts[standing]);
}

/* "2026-11-23 10:15" */
static void format_minute(int64_t unix_s, char out[SP_RFC3339_MAX])
{
  sp_clock_format_rfc3339(unix_s, out);
  out[10] = ' ';
  out[16] = '\0';
}

static void format_day(int64_t unix_s, char out[SP_RFC3339_MAX])
{
  sp_clock_format_rfc3339(unix_s, out);
  out[10] = '\0';
}

/* "behind since 2026-11-23 10:15 (sha256:0123456789ab), read 2026-11-20" */
static void format_state(const struct sp_status_image *image, const struct sp_status_at *at,
                         char out[STATE_MAX])
{
  char when[SP_RFC3339_MAX];
  snprintf(out, STATE_MAX, "%s", standing_text(at->standing));
  if (at->since_s > 0) {
    format_minute(at->since_s, when);
    sp_text_append(out, STATE_MAX, _(" since %s"), when);
  } else if (at->standing == SP_STANDING_BEHIND && image->last_sync_s > 0) {
    format_minute(image->last_sync_s, when);
    sp_text_append(out, STATE_MAX, _(" (since unknown; last sync %s)"), when);
  }
  if (at->standing == SP_STANDING_BEHIND || at->standing == SP_STANDING_CHANGED ||
      at->standing == SP_STANDING_EXTRA)
    sp_text_append(out, STATE_MAX, " (%.*s)", SHORT_DIGEST, at->digest);
  if (at->touched_s > at->read_s) { /* reading proves more: an older touch says nothing beside it */
    format_day(at->touched_s, when);
    sp_text_append(out, STATE_MAX, _(", touched %s"), when);
  }
  if (at->read_s > 0) {
    format_day(at->read_s, when);
    sp_text_append(out, STATE_MAX, _(", read %s"), when);
  }
}

/* -- layout */

static size_t place_columns(const struct status_output *output, const struct sp_status_image *image)
{
  size_t widest = 0;
  size_t most = output->columns / 2 < PLACE_MAX ? output->columns / 2 : PLACE_MAX;
  for (size_t i = 0; i < image->place_count; i++) {
    size_t width = terminal_width_of(image->places[i].name);
    widest = width > widest ? width : widest;
  }
  return widest < most ? widest : most;
}

/* Indented by 6; goes on below where a comma is the last one before the edge. */
static void say_state(const struct status_output *output, const char *state)
{
  size_t room = output->columns > 6 ? output->columns - 6 : 1;
  size_t used = 0;
  while (*state) {
    const char *comma = strstr(state, ", ");
    size_t len = comma ? (size_t)(comma - state) + 1 : strlen(state);
    char part[STATE_MAX];
    snprintf(part, sizeof part, "%.*s", (int)len, state);
    size_t width = terminal_width_of(part);
    if (used > 0 && used + 1 + width > room) {
      say(output, "\n      ");
      used = 0;
    }
    say(output, "%s%s", used > 0 ? " " : "", part);
    used += (used > 0) + width;
    state += len + (comma != NULL);
  }
}

static void say_at(const struct status_output *output, const struct sp_status_image *image,
                   size_t place, const struct sp_status_at *at)
{
  char state[STATE_MAX];
  char name[SHOWN_MAX];
  size_t width = place_columns(output, image);
  format_state(image, at, state);
  sp_text_escape(name, sizeof name, sp_span_str(image->places[place].name));
  size_t taken = terminal_width_of(name);
  bool is_apart = output->columns < NARROW || taken > width ||
                  4 + width + 2 + terminal_width_of(state) > output->columns;
  const char *on = is_finding(at->standing) ? terminal_color(COLOR_BAD) : "";
  if (is_apart) {
    say(output, "    %s\n      %s", name, on);
    say_state(output, state);
    say(output, "%s\n", on[0] ? terminal_color(COLOR_NONE) : "");
    return;
  }
  say(output, "    %s%*s  %s%s%s\n", name, (int)(width - taken), "", on, state,
      on[0] ? terminal_color(COLOR_NONE) : "");
}

static bool has_finding(const struct sp_status_image *image, const struct sp_status_tag *tag)
{
  if (tag->is_damaged)
    return true;
  for (size_t i = 0; i < image->place_count; i++) {
    if (is_finding(tag->at[i].standing))
      return true;
  }
  return false;
}

static void say_history(const struct status_output *output, const struct sp_status_tag *tag)
{
  for (size_t i = 0; i < tag->state_count; i++) {
    const struct sp_status_state *state = &tag->states[i];
    char when[SP_RFC3339_MAX];
    format_minute(state->since_s, when);
    say(output, _("    from %s  %.*s"), when, SHORT_DIGEST,
        state->is_gone ? _("(gone)") : state->digest);
    say(output, "%s\n", state->is_undated ? _("  (a clock was wrong: date not sure)") : "");
  }
}

/* Red while it is a finding; what a sync has told before is kept in mind. */
static void say_lost(const struct status_output *output, const struct sp_status_tag *tag)
{
  char when[SP_RFC3339_MAX];
  format_minute(tag->lost_s, when);
  say(output, "%s", tag->is_lost ? terminal_color(COLOR_BAD) : "");
  if (tag->lost_s > 0)
    say(output, _(" (lost at the primary, seen %s)"), when);
  else if (tag->is_lost)
    say(output, "%s", _(" (lost at the primary)"));
  say(output, "%s", tag->is_lost ? terminal_color(COLOR_NONE) : "");
}

static void say_tag(const struct status_output *output, const struct sp_status_image *image,
                    const struct sp_status_tag *tag)
{
  say(output, "  ");
  say_escaped(output, tag->name);
  if (tag->digest[0])
    say(output, "  %.*s", SHORT_DIGEST, tag->digest);
  if (tag->is_last_known)
    say(output, _(" (last known)"));
  say_lost(output, tag);
  if (tag->is_damaged)
    say(output, "%s%s%s", terminal_color(COLOR_BAD), _(" (damaged at the primary)"),
        terminal_color(COLOR_NONE));
  say(output, "\n");
  for (size_t i = 0; i < image->place_count; i++)
    say_at(output, image, i, &tag->at[i]);
  say_history(output, tag);
}

static void say_error(const struct status_output *output, const char *place,
                      const struct sp_err *err)
{
  if (err->code == SP_OK)
    return;
  say(output, "  %s%s: ", terminal_color(COLOR_BAD), place);
  say_escaped(output, err->msg);
  say(output, "%s\n", terminal_color(COLOR_NONE));
}

static void say_image(const struct status_output *output, const struct sp_status_image *image)
{
  say_escaped(output, image->name);
  say(output, "  ");
  say_escaped(output, image->primary);
  say(output, "%s\n", image->is_required ? "" : _("  (not required)"));
  if (image->last_sync_s > 0) {
    char when[SP_RFC3339_MAX];
    format_minute(image->last_sync_s, when);
    say(output, _("  last sync ended %s\n"), when);
  } else
    say(output, "%s", _("  no sync of it is known here\n"));
  say_error(output, _("primary"), &image->err);
  for (size_t i = 0; i < image->place_count; i++)
    say_error(output, _("backup"), &image->places[i].err);
  for (size_t i = 0; i < image->note_count; i++) {
    say(output, "  %s ", _("note:"));
    say_escaped(output, image->notes[i]);
    say(output, "\n");
  }
  for (size_t i = 0; i < image->tag_count; i++) {
    if (!output->only_findings || has_finding(image, &image->tags[i]))
      say_tag(output, image, &image->tags[i]);
  }
  if (!image->has_size)
    return;
  char size[SP_SIZE_TEXT_MAX];
  char shared[SP_SIZE_TEXT_MAX];
  sp_text_format_size(size, image->size_bytes);
  sp_text_format_size(shared, image->shared_bytes);
  say(output, _("  %s in all; %s more if nothing were shared\n"), size, shared);
}

static bool is_quiet(const struct sp_status_image *image)
{
  if (image->err.code != SP_OK || image->note_count > 0)
    return false;
  for (size_t i = 0; i < image->place_count; i++) {
    if (image->places[i].err.code != SP_OK)
      return false;
  }
  for (size_t i = 0; i < image->tag_count; i++) {
    if (has_finding(image, &image->tags[i]))
      return false;
  }
  return true;
}

static void add_json(struct status_output *output, const struct sp_status_image *image)
{
  SP_AUTO_FREE char *text = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (!series_wants_json(&output->series))
    return;
  if (sp_status_image_format_json(image, &text, &err) == 0)
    series_add_json(&output->series, text);
  else
    series_error(&output->series, &err);
}

/* -- for the CI system */

static void format_counts(const uint64_t counts[SP_STANDING_COUNT], char out[COUNTS_MAX])
{
  out[0] = '\0';
  for (int i = 0; i < SP_STANDING_COUNT; i++) {
    if (counts[i] > 0 && i != SP_STANDING_ABSENT)
      sp_text_append(out, COUNTS_MAX, "%s%llu %s", out[0] ? ", " : "",
                     (unsigned long long)counts[i], standing_text(i));
  }
}

static bool is_good_place(const struct sp_status_image *image, const struct sp_status_place *place)
{
  if (image->err.code != SP_OK || place->err.code != SP_OK)
    return false;
  for (int i = 0; i < SP_STANDING_COUNT; i++) {
    if (place->counts[i] > 0 && is_finding(i))
      return false;
  }
  return true;
}

/* What is to be done about a place that is not in step; the image's name follows. */
static const char *remedy(const struct sp_status_place *place)
{
  static const struct {
    enum sp_standing standing;
    const char *remedy;
  } remedies[] = {
      {SP_STANDING_DAMAGED, "safeport verify --repair"},
      {SP_STANDING_CHANGED, N_("look at both; to follow the primary: safeport sync --accept TAG")},
  };
  for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
    if (place->counts[remedies[i].standing] > 0)
      return _(remedies[i].remedy);
  }
  return "safeport sync";
}

static void annotate(struct status_output *output, const struct sp_status_image *image,
                     const struct sp_status_place *place, const char *counts)
{
  enum series_level level = image->is_required ? SERIES_ERROR : SERIES_WARNING;
  if (place->err.code != SP_OK) {
    series_finding(&output->series, level, "'%s': %s", image->name, place->err.msg);
    return;
  }
  series_finding(&output->series, level, _("'%s' at '%s': %s: %s %s"), image->name, place->name,
                 counts, remedy(place), image->name);
}

static void tell_ci(struct status_output *output, const struct sp_status_image *image)
{
  if (image->err.code != SP_OK)
    series_finding(&output->series, image->is_required ? SERIES_ERROR : SERIES_WARNING, "'%s': %s",
                   image->name, image->err.msg);
  for (size_t i = 0; i < image->place_count; i++) {
    const struct sp_status_place *place = &image->places[i];
    char counts[COUNTS_MAX];
    bool is_good = is_good_place(image, place);
    format_counts(place->counts, counts);
    const struct ci_cell cells[] = {{image->name, true},
                                    {place->name, true},
                                    {is_good ? _("in step") : _("not in step"), false},
                                    {counts, false}};
    ci_result_add_row(&output->series.ci, !is_good, cells);
    if (!is_good && image->err.code == SP_OK)
      annotate(output, image, place, counts);
  }
}

/* -- all */

void status_output_image(void *ctx, const struct sp_status_image *image)
{
  struct status_output *output = ctx;
  add_json(output, image);
  if (!output->series.settings.json && (!output->only_findings || !is_quiet(image))) {
    series_make_room(&output->series);
    say_image(output, image);
  }
  if (output->series.settings.tells_ci)
    tell_ci(output, image);
  series_image_done(&output->series);
}

static void sum_up(struct series *series, const struct sp_status_totals *totals)
{
  char counts[COUNTS_MAX];
  format_counts(totals->counts, counts);
  series_sum(series, _("%llu of %llu images in step"), (unsigned long long)totals->images_good,
             (unsigned long long)totals->images);
  series_sum(series, "%s%s", counts[0] ? ": " : "", counts);
}

int status_output_end(struct status_output *output, const struct sp_status_totals *totals)
{
  SP_AUTO_FREE char *text = NULL;
  struct sp_err err = SP_ERR_INIT;
  sum_up(&output->series, totals);
  int failed = sp_status_totals_format_json(totals, &text, &err);
  return series_end(&output->series, totals->exit_status, &totals->err, failed ? NULL : text);
}
