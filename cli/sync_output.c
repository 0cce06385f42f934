/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sync_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/scope.h"
#include "base/span.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/terminal.h"

#define SHOWN_MAX 4608

void sync_output_init(struct sync_output *output, const char *command, bool json, bool verbose,
                      bool quiet)
{
  *output = (struct sync_output){.command = command, .json = json, .verbose = verbose};
  live_line_init(&output->line, quiet);
  pthread_mutex_init(&output->lock, NULL);
}

void sync_output_clear(struct sync_output *output)
{
  pthread_mutex_destroy(&output->lock);
}

static void print_escaped(FILE *to, const char *text)
{
  char shown[SHOWN_MAX];
  sp_text_escape(shown, sizeof shown, sp_span_str(text ? text : ""));
  fputs(shown, to);
}

/* -- the line of progress; all with the lock held */

static void show(struct sync_output *output)
{
  char bytes[SP_SIZE_TEXT_MAX];
  sp_text_format_size(bytes, output->bytes);
  if (live_line_is_due(&output->line))
    live_line_show(&output->line, _("%s: %llu images done, %llu tags set, %s sent"),
                   output->command, (unsigned long long)output->images,
                   (unsigned long long)output->tags, bytes);
}

void sync_output_event(void *ctx, const struct sp_event *event)
{
  struct sync_output *output = ctx;
  SP_LOCK_SCOPE(&output->lock);
  if (event->kind == SP_EVENT_BLOB_END && event->ok)
    output->bytes += event->bytes_total;
  if (event->kind == SP_EVENT_TAG)
    output->tags++;
  if (event->kind == SP_EVENT_RETRY && output->verbose && event->text) {
    live_line_hide(&output->line);
    print_escaped(stderr, event->text);
    fputc('\n', stderr);
  }
  show(output);
}

/* -- text */

static void print_error(const struct sp_err *err)
{
  if (err->code == SP_OK)
    return;
  fputs("safeport: ", stderr);
  print_escaped(stderr, err->msg);
  fputc('\n', stderr);
}

static const char *result_text(enum sp_sync_result result)
{
  static const char *const texts[SP_SYNC_RESULT_COUNT] = {
      [SP_SYNC_IN_STEP] = N_("in step"),
      [SP_SYNC_PROVEN] = N_("in step, looked at again"),
      [SP_SYNC_COPIED] = N_("copied"),
      [SP_SYNC_PLANNED] = N_("would be copied"),
      [SP_SYNC_TO_PROVE] = N_("in step, would be looked at again"),
      [SP_SYNC_NOT_FOLLOWED] = N_("changed at the primary and is a fixed tag: tampered with, or "
                                  "rebuilt. Not followed; if it is meant: --accept"),
      [SP_SYNC_UNPROVEN] = N_("not moved: to prove it would take pulls that are held in reserve"),
      [SP_SYNC_HELD] = N_("left as it is"),
      [SP_SYNC_REFUSED] = N_("names another image there, and stays. If it is to go: --force"),
      [SP_SYNC_DAMAGED] = N_("in step, and known to be damaged there"),
      [SP_SYNC_FAILED] = N_("failed"),
  };
  return _(texts[result]);
}

static bool is_worth_a_line(const struct sync_output *output, enum sp_sync_result result)
{
  return output->verbose || (result != SP_SYNC_PROVEN && result != SP_SYNC_TO_PROVE &&
                             result != SP_SYNC_HELD && result != SP_SYNC_FAILED);
}

static void print_counts(const uint64_t counts[SP_SYNC_RESULT_COUNT])
{
  const char *separator = "";
  for (int result = 0; result < SP_SYNC_RESULT_COUNT; result++) {
    static const char *const words[SP_SYNC_RESULT_COUNT] = {
        [SP_SYNC_IN_STEP] = N_("in step"),
        [SP_SYNC_PROVEN] = N_("in step, looked at again"),
        [SP_SYNC_COPIED] = N_("copied"),
        [SP_SYNC_PLANNED] = N_("to copy"),
        [SP_SYNC_TO_PROVE] = N_("to look at again"),
        [SP_SYNC_NOT_FOLLOWED] = N_("not followed"),
        [SP_SYNC_UNPROVEN] = N_("unproven"),
        [SP_SYNC_HELD] = N_("left as they are"),
        [SP_SYNC_REFUSED] = N_("refused"),
        [SP_SYNC_DAMAGED] = N_("damaged"),
        [SP_SYNC_FAILED] = N_("failed"),
    };
    if (counts[result] == 0)
      continue;
    fputs(separator, stdout);
    printf(_("%llu %s"), (unsigned long long)counts[result], _(words[result]));
    separator = ", ";
  }
  if (separator[0] == '\0')
    fputs(_("no tags"), stdout);
}

static void print_tag(const struct sp_sync_tag *tag)
{
  fputs("    ", stdout);
  print_escaped(stdout, tag->name);
  printf(": %s", result_text(tag->result));
  if (tag->history_tag)
    printf(_("; what it was is kept as %s"), tag->history_tag);
  putchar('\n');
}

static void print_plan(const struct sp_sync_place *place)
{
  char bytes[SP_SIZE_TEXT_MAX];
  sp_text_format_size(bytes, place->bytes_to_send);
  printf(_("    %llu blobs to send (%s), %llu requests"), (unsigned long long)place->blobs_to_send,
         bytes, (unsigned long long)place->requests_planned);
  if (place->has_pulls_left)
    printf(_(", %llu pulls needed of %llu left"), (unsigned long long)place->pulls_planned,
           (unsigned long long)place->pulls_left);
  else if (place->pulls_planned > 0)
    printf(_(", %llu pulls needed"), (unsigned long long)place->pulls_planned);
  putchar('\n');
}

static bool is_plan(const struct sp_sync_place *place)
{
  return place->counts[SP_SYNC_PLANNED] + place->counts[SP_SYNC_TO_PROVE] > 0;
}

static void print_place(const struct sync_output *output, const struct sp_sync_place *place)
{
  fputs("  ", stdout);
  print_escaped(stdout, place->name);
  fputs(": ", stdout);
  if (place->err.code != SP_OK)
    printf("%s%s%s; ", terminal_color(COLOR_BAD), _("failed"), terminal_color(COLOR_NONE));
  print_counts(place->counts);
  putchar('\n');
  for (size_t i = 0; i < place->tag_count; i++) {
    if (is_worth_a_line(output, place->tags[i].result))
      print_tag(&place->tags[i]);
  }
  if (is_plan(place))
    print_plan(place);
  for (size_t i = 0; i < place->damage_count; i++)
    printf("    %s%s (%s): %s%s\n", terminal_color(COLOR_BAD), place->damage[i].digest,
           _(place->damage[i].what), _(place->damage[i].finding), terminal_color(COLOR_NONE));
}

static bool is_quiet_image(const struct sp_sync_image *image)
{
  if (image->err.code != SP_OK || image->is_held || image->lost > 0 || image->note_count > 0)
    return false;
  for (size_t i = 0; i < image->place_count; i++) {
    const struct sp_sync_place *place = &image->places[i];
    for (int result = SP_SYNC_COPIED; result < SP_SYNC_RESULT_COUNT; result++) {
      if (place->counts[result] > 0)
        return false;
    }
    if (place->err.code != SP_OK)
      return false;
  }
  return true;
}

static void print_lost(const struct sp_sync_image *image)
{
  if (image->lost == 0)
    return;
  printf(_("  %s%llu tags that '%s' had are gone there%s; the backups keep them:"),
         terminal_color(COLOR_BAD), (unsigned long long)image->lost, image->primary,
         terminal_color(COLOR_NONE));
  for (size_t i = 0; i < image->lost_tag_count; i++) {
    putchar(' ');
    print_escaped(stdout, image->lost_tags[i]);
  }
  puts(image->lost > image->lost_tag_count ? " ..." : "");
  if (image->is_held)
    puts(_("  that is more than max-loss allows: nothing was written. Look at the primary; if the "
           "loss is meant: --accept '*'"));
}

static void print_text(const struct sync_output *output, const struct sp_sync_image *image)
{
  if (is_quiet_image(image) && !output->verbose)
    return;
  print_escaped(stdout, image->name);
  if (image->primary[0]) {
    fputs(" <- ", stdout);
    print_escaped(stdout, image->primary);
  }
  if (image->err.code != SP_OK)
    printf(": %s%s%s", terminal_color(COLOR_BAD), _("failed"), terminal_color(COLOR_NONE));
  putchar('\n');
  print_lost(image);
  for (size_t i = 0; i < image->place_count; i++)
    print_place(output, &image->places[i]);
  for (size_t i = 0; i < image->note_count; i++) {
    printf("  %s ", _("note:"));
    print_escaped(stdout, image->notes[i]);
    putchar('\n');
  }
}

/* -- JSON */

static void print_json_begin(const struct sync_output *output)
{
  printf("{\"schema\": 1, \"kind\": \"%s\", \"images\": [", output->command);
}

static void print_json(const struct sync_output *output, const struct sp_sync_image *image)
{
  SP_AUTO_FREE char *text = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (sp_sync_image_format_json(image, &text, &err) < 0)
    return;
  if (output->images == 0)
    print_json_begin(output);
  fputs(output->images == 0 ? "\n" : ",\n", stdout);
  fputs(text, stdout);
}

static int print_json_end(const struct sync_output *output, const struct sp_sync_totals *totals)
{
  SP_AUTO_FREE char *text = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (sp_sync_totals_format_json(totals, &text, &err) < 0)
    return sp_code_exit_status(err.code);
  if (output->images == 0)
    print_json_begin(output);
  printf("],\n\"totals\": %s}\n", text);
  return 0;
}

/* -- all */

void sync_output_image(void *ctx, const struct sp_sync_image *image)
{
  struct sync_output *output = ctx;
  SP_LOCK_SCOPE(&output->lock);
  live_line_hide(&output->line);
  if (output->json)
    print_json(output, image);
  else
    print_text(output, image);
  fflush(stdout);
  print_error(&image->err);
  for (size_t i = 0; i < image->place_count; i++)
    print_error(&image->places[i].err);
  output->images++;
  show(output);
}

void sync_output_complaint(void *ctx, const char *text)
{
  (void)ctx;
  fputs(text, stderr);
}

static void print_sums(const struct sp_sync_totals *totals)
{
  char bytes[SP_SIZE_TEXT_MAX];
  sp_text_format_size(bytes, totals->dry_run ? totals->bytes_to_send : totals->bytes_sent);
  printf(_("%llu images: "), (unsigned long long)totals->images);
  print_counts(totals->counts);
  if (totals->dry_run)
    printf(_(" (%.1f s; %s would be sent)\n"), totals->seconds, bytes);
  else
    printf(_(" (%.1f s, %s sent)\n"), totals->seconds, bytes);
  if (totals->goes_on_at_s) {
    char at[SP_RFC3339_MAX];
    sp_clock_format_rfc3339(totals->goes_on_at_s, at);
    printf(_("pulls are held in reserve: goes on at %s\n"), at);
  }
}

int sync_output_end(struct sync_output *output, const struct sp_sync_totals *totals)
{
  live_line_hide(&output->line);
  int failed = 0;
  if (output->json)
    failed = print_json_end(output, totals);
  else
    print_sums(totals);
  int status = output_flush(failed ? failed : totals->exit_status);
  print_error(&totals->err);
  return status;
}
