/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/scope.h"
#include "base/text.h"
#include "cli/ci.h"
#include "cli/fact.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/verdict.h"

void verify_output_init(struct verify_output *output, bool json, bool verbose, bool quiet)
{
  *output = (struct verify_output){.json = json, .verbose = verbose};
  pthread_mutex_init(&output->lock, NULL);
  ci_result_begin(&output->ci, "verify");
  live_line_init(&output->line, quiet);
}

void verify_output_clear(struct verify_output *output)
{
  ci_result_clear(&output->ci);
  pthread_mutex_destroy(&output->lock);
}

/* -- progress */

static void show(struct verify_output *output)
{
  char bytes[SP_SIZE_TEXT_MAX];
  sp_text_format_size(bytes, output->bytes);
  if (live_line_is_due(&output->line))
    live_line_show(&output->line, _("verify: %llu images done, %llu blobs looked at, %s read"),
                   (unsigned long long)output->images, (unsigned long long)output->blobs, bytes);
}

void verify_output_event(void *ctx, const struct sp_event *event)
{
  struct verify_output *output = ctx;
  SP_LOCK_SCOPE(&output->lock);
  if (event->kind == SP_EVENT_BLOB_END) {
    output->blobs++;
    output->bytes += event->bytes_done;
  }
  show(output);
}

void verify_output_complaint(void *ctx, const char *text)
{
  (void)ctx;
  fputs(text, stderr);
}

/* -- text */

static void print_error(const struct sp_err *err)
{
  if (err->code != SP_OK)
    ci_print_error(err->msg);
}

static bool is_quiet_image(const struct sp_report *report)
{
  return report->exit_status == 0 && report->note_count == 0;
}

static void print_counts(const struct sp_report_place *place)
{
  printf(_("%llu of %llu tags proven (%s)"), (unsigned long long)place->tags_good,
         (unsigned long long)place->tags_total, place->proof);
  if (place->tags_skipped > 0)
    printf(_(", %llu of them before"), (unsigned long long)place->tags_skipped);
  if (place->blobs_read > 0)
    printf(_(", %llu of %llu blobs read"), (unsigned long long)place->blobs_read,
           (unsigned long long)place->blobs_total);
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
  fputs("  ", stdout);
  fact_print_escaped(stdout, place->name);
  printf(": %s%s%s, ", terminal_color(verdict.color), _(verdict.text), terminal_color(COLOR_NONE));
  print_counts(place);
  putchar('\n');
  for (size_t i = 0; i < place->damage_count; i++)
    print_damage(&place->damage[i]);
  if (place->damage_left_out > 0)
    printf(_("    and %llu findings more\n"), (unsigned long long)place->damage_left_out);
}

static void print_text(const struct verify_output *output, const struct sp_report *report)
{
  if (is_quiet_image(report) && !output->verbose)
    return;
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

static void print_sums(const struct sp_verify_totals *totals)
{
  char bytes[SP_SIZE_TEXT_MAX];
  sp_text_format_size(bytes, totals->bytes_read);
  printf(_("%llu images, %llu not whole: %llu of %llu tags proven, %llu of them before; %llu blobs "
           "looked at, %llu read (%s)"),
         (unsigned long long)totals->images, (unsigned long long)totals->images_failed,
         (unsigned long long)totals->tags_good, (unsigned long long)totals->tags,
         (unsigned long long)totals->tags_skipped, (unsigned long long)totals->blobs,
         (unsigned long long)totals->blobs_read, bytes);
  if (totals->damaged > 0)
    printf(_("; %llu findings"), (unsigned long long)totals->damaged);
  if (totals->repaired > 0)
    printf(_("; %llu repaired"), (unsigned long long)totals->repaired);
  printf(" (%.1f s)\n", totals->seconds);
  if (totals->goes_on_at_s > 0) {
    char at[SP_RFC3339_MAX];
    sp_clock_format_rfc3339(totals->goes_on_at_s, at);
    printf(_("unproven, goes on at %s: pulls are held in reserve\n"), at);
  }
}

/* -- JSON */

static void print_json_begin(const struct verify_output *output)
{
  if (output->images == 0)
    fputs("{\"schema\": 1, \"kind\": \"verify-images\", \"images\": [\n", stdout);
}

static void print_json(const struct verify_output *output, const struct sp_report *report)
{
  SP_AUTO_FREE char *text = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (sp_report_format_json(report, &text, &err) < 0)
    return;
  print_json_begin(output);
  if (output->images > 0)
    fputs(",\n", stdout);
  output_json(text);
}

static int print_json_end(const struct verify_output *output, const struct sp_verify_totals *totals)
{
  SP_AUTO_FREE char *text = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (sp_verify_totals_format_json(totals, &text, &err) < 0)
    return sp_code_exit_status(err.code);
  print_json_begin(output);
  fputs("],\n\"totals\": ", stdout);
  output_json(text);
  puts("}");
  return 0;
}

/* -- all */

void verify_output_image(void *ctx, const struct sp_report *report)
{
  struct verify_output *output = ctx;
  SP_LOCK_SCOPE(&output->lock);
  live_line_hide(&output->line);
  if (output->json)
    print_json(output, report);
  else
    print_text(output, report);
  fflush(stdout);
  print_error(&report->err);
  for (size_t i = 0; i < report->place_count; i++)
    print_error(&report->places[i].err);
  ci_result_add(&output->ci, report);
  output->images++;
  show(output);
}

int verify_output_end(struct verify_output *output, const struct sp_verify_totals *totals)
{
  live_line_hide(&output->line);
  int failed = 0;
  if (output->json)
    failed = print_json_end(output, totals);
  else
    print_sums(totals);
  int status = output_flush(failed ? failed : totals->exit_status);
  print_error(&totals->err);
  ci_result_publish(&output->ci, status, NULL);
  return status;
}
