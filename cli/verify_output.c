/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/scope.h"
#include "base/text.h"
#include "cli/fact.h"
#include "cli/output_ci.h"
#include "cli/terminal.h"
#include "cli/verdict.h"

#define COUNTS_MAX 256

void verify_output_init(struct verify_output *output, const struct common_args *common,
                        const struct run *run, bool json)
{
  const struct series_settings settings = {.command = "verify",
                                           .kind = "verify-images",
                                           .progress = run->progress,
                                           .json = json,
                                           .tells_ci = true};
  series_init(&output->series, &settings);
  output->verbose = common->verbose || common->debug;
  progress_of_many(run->progress, PROGRESS_READ);
}

void verify_output_clear(struct verify_output *output)
{
  series_clear(&output->series);
}

/* -- text */

static bool is_quiet_image(const struct sp_report *report)
{
  return report->exit_status == 0 && report->note_count == 0;
}

static void format_counts(const struct sp_report_place *place, char out[COUNTS_MAX])
{
  out[0] = '\0';
  sp_text_append(out, COUNTS_MAX, _("%llu of %llu tags proven (%s)"),
                 (unsigned long long)place->tags_good, (unsigned long long)place->tags_total,
                 verdict_proof(place->proof));
  if (place->tags_skipped > 0)
    sp_text_append(out, COUNTS_MAX, _(", %llu of them before"),
                   (unsigned long long)place->tags_skipped);
  if (place->blobs_read > 0)
    sp_text_append(out, COUNTS_MAX, _(", %llu of %llu blobs read"),
                   (unsigned long long)place->blobs_read, (unsigned long long)place->blobs_total);
}

static void print_damage(const struct sp_report_damage *damage)
{
  printf("    %s%s (%s): %s%s", terminal_color(COLOR_BAD), damage->digest, _(damage->what),
         _(damage->finding), terminal_color(COLOR_NONE));
  if (damage->tags) {
    fputs(", ", stdout);
    fact_print_escaped(stdout, damage->tags);
  }
  putchar('\n');
}

static void print_place(const struct sp_report *report, const struct sp_report_place *place)
{
  struct verdict verdict = verdict_of(report, place);
  char counts[COUNTS_MAX];
  format_counts(place, counts);
  fputs("  ", stdout);
  fact_print_escaped(stdout, place->name);
  printf(": %s%s%s, %s\n", terminal_color(verdict.color), _(verdict.text),
         terminal_color(COLOR_NONE), counts);
  for (size_t i = 0; i < place->damage_count; i++)
    print_damage(&place->damage[i]);
  if (place->damage_left_out > 0)
    printf(_("    and %llu findings more\n"), (unsigned long long)place->damage_left_out);
}

static void print_text(struct verify_output *output, const struct sp_report *report)
{
  if (is_quiet_image(report) && !output->verbose)
    return;
  series_make_room(&output->series);
  fact_print_escaped(stdout, report->source);
  putchar('\n');
  for (size_t i = 0; i < report->place_count; i++)
    print_place(report, &report->places[i]);
  for (size_t i = 0; i < report->note_count; i++) {
    printf("  %s ", _("note:"));
    fact_print_escaped(stdout, report->notes[i]);
    putchar('\n');
  }
}

/* -- JSON */

static void add_json(struct verify_output *output, const struct sp_report *report)
{
  SP_AUTO_FREE char *text = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (!series_wants_json(&output->series))
    return;
  if (sp_report_format_json(report, &text, &err) == 0)
    series_add_json(&output->series, text);
  else
    series_error(&output->series, &err);
}

/* -- for the CI system */

/* One annotation for an image: where it is not whole, what was found first, and what to do. */
static void annotate(struct verify_output *output, const struct sp_report *report)
{
  char text[SP_ERR_MSG_MAX] = "";
  for (size_t i = 0; i < report->place_count; i++) {
    const struct sp_report_place *place = &report->places[i];
    if (place->damage_count == 0)
      continue;
    const struct sp_report_damage *first = &place->damage[0];
    sp_text_append(text, sizeof text, _("; '%s' is not whole: %s (%s): %s"), place->name,
                   first->digest, _(first->what), _(first->finding));
    if (place->damage_count + place->damage_left_out > 1)
      sp_text_append(text, sizeof text, _(", and %llu findings more"),
                     (unsigned long long)(place->damage_count + place->damage_left_out - 1));
  }
  if (!text[0])
    return;
  for (size_t i = 0; i < report->note_count; i++)
    sp_text_append(text, sizeof text, "; %s", report->notes[i]);
  series_finding(&output->series, SERIES_ERROR, "'%s': %s", report->source, text + strlen("; "));
}

static void tell_ci(struct verify_output *output, const struct sp_report *report)
{
  annotate(output, report);
  for (size_t i = 0; i < report->place_count; i++) {
    const struct sp_report_place *place = &report->places[i];
    struct verdict verdict = verdict_of(report, place);
    char counts[COUNTS_MAX];
    format_counts(place, counts);
    const struct ci_cell cells[] = {
        {report->source, true}, {place->name, true}, {_(verdict.text), false}, {counts, false}};
    ci_result_add_row(&output->series.ci, verdict.color == COLOR_BAD, cells);
    output_ci_add_damage(&output->series.ci, place);
  }
}

/* -- all */

void verify_output_image(void *ctx, const struct sp_report *report)
{
  struct verify_output *output = ctx;
  add_json(output, report);
  if (!output->series.settings.json)
    print_text(output, report);
  series_error(&output->series, &report->err);
  for (size_t i = 0; i < report->place_count; i++)
    series_error(&output->series, &report->places[i].err);
  tell_ci(output, report);
  series_image_done(&output->series);
}

static void sum_up(struct series *series, const struct sp_verify_totals *totals)
{
  char bytes[SP_SIZE_TEXT_MAX];
  sp_text_format_size(bytes, totals->bytes_read);
  series_sum(series,
             _("%llu images, %llu not whole: %llu of %llu tags proven, %llu of them before; %llu "
               "blobs looked at, %llu read (%s)"),
             (unsigned long long)totals->images, (unsigned long long)totals->images_failed,
             (unsigned long long)totals->tags_good, (unsigned long long)totals->tags,
             (unsigned long long)totals->tags_skipped, (unsigned long long)totals->blobs,
             (unsigned long long)totals->blobs_read, bytes);
  if (totals->damaged > 0)
    series_sum(series, _("; %llu findings"), (unsigned long long)totals->damaged);
  if (totals->repaired > 0)
    series_sum(series, _("; %llu repaired"), (unsigned long long)totals->repaired);
  series_sum(series, " (%.1f s)", totals->seconds);
}

static void tell_reserve(struct series *series, const struct sp_verify_totals *totals)
{
  char at[SP_RFC3339_MAX];
  if (totals->goes_on_at_s == 0)
    return;
  sp_clock_format_rfc3339(totals->goes_on_at_s, at);
  series_sum(series, _("\nunproven, goes on at %s: pulls are held in reserve"), at);
  series_finding(series, SERIES_WARNING,
                 _("not all was proven: that would take pulls that are held in reserve. Goes on at "
                   "%s"),
                 at);
}

int verify_output_end(struct verify_output *output, const struct sp_verify_totals *totals)
{
  SP_AUTO_FREE char *text = NULL;
  struct sp_err err = SP_ERR_INIT;
  sum_up(&output->series, totals);
  tell_reserve(&output->series, totals);
  int failed = sp_verify_totals_format_json(totals, &text, &err);
  return series_end(&output->series, totals->exit_status, &totals->err, failed ? NULL : text);
}
