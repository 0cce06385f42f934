/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sync_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/scope.h"
#include "base/text.h"
#include "cli/fact.h"
#include "cli/sync_ci.h"
#include "cli/sync_counts.h"
#include "cli/terminal.h"

#define FAILED_SHOWN 20 /* of the tags that failed at a place */

void sync_output_init(struct sync_output *output, const char *command,
                      const struct common_args *common, const struct run *run, bool json)
{
  const struct series_settings settings = {.command = command,
                                           .kind = command,
                                           .progress = run->progress,
                                           .json = json,
                                           .tells_ci = true};
  series_init(&output->series, &settings);
  output->verbose = common->verbose || common->debug;
  progress_of_many(run->progress, PROGRESS_SENT);
}

void sync_output_clear(struct sync_output *output)
{
  series_clear(&output->series);
}

/* -- text */

static const char *result_text(const struct sp_sync_tag *tag)
{
  static const char *const texts[SP_SYNC_RESULT_COUNT] = {
      [SP_SYNC_IN_STEP] = N_("in step"),
      [SP_SYNC_PROVEN] = N_("in step, looked at again"),
      [SP_SYNC_COPIED] = N_("copied"),
      [SP_SYNC_PLANNED] = N_("would be copied"),
      [SP_SYNC_TO_PROVE] = N_("in step, would be looked at again"),
      [SP_SYNC_NOT_FOLLOWED] = N_("changed at the primary and is a fixed tag: tampered with, or "
                                  "rebuilt. Not followed; if it is meant"),
      [SP_SYNC_UNPROVEN] = N_("unproven, and left as it is"),
      [SP_SYNC_HELD] = N_("left as it is"),
      [SP_SYNC_REFUSED] = N_("names another image there, and stays. If it is to go: --force"),
      [SP_SYNC_DAMAGED] = N_("in step, and known to be damaged there"),
      [SP_SYNC_FAILED] = N_("failed"),
  };
  if (tag->is_replaced)
    return _("is a fixed tag that was replaced at the backup; at the primary it is what it was. "
             "Not set: look who may write to the backup; to set it right");
  return _(texts[tag->result]);
}

static bool is_worth_a_line(const struct sync_output *output, enum sp_sync_result result)
{
  return output->verbose ||
         (result != SP_SYNC_PROVEN && result != SP_SYNC_TO_PROVE && result != SP_SYNC_HELD);
}

static void print_names(const char *digest, const char *place)
{
  printf("      %s  ", digest[0] ? digest : _("nothing"));
  fact_print_escaped(stdout, place);
  putchar('\n');
}

static void print_tag(const struct sp_sync_image *image, const struct sp_sync_place *place,
                      const struct sp_sync_tag *tag)
{
  fputs("    ", stdout);
  fact_print_escaped(stdout, tag->name);
  printf(": %s", result_text(tag));
  if (tag->result == SP_SYNC_NOT_FOLLOWED) {
    fputs(": safeport sync ", stdout);
    fact_print_escaped(stdout, image->name);
    fputs(" --accept ", stdout);
    fact_print_escaped(stdout, tag->name);
  }
  if (tag->history_tag)
    printf(_("; what it was is kept as %s"), tag->history_tag);
  if ((tag->result == SP_SYNC_FAILED || tag->result == SP_SYNC_UNPROVEN) && tag->err) {
    fputs(": ", stdout);
    fact_print_escaped(stdout, tag->err->msg);
  }
  putchar('\n');
  if (tag->result != SP_SYNC_NOT_FOLLOWED && tag->result != SP_SYNC_REFUSED)
    return;
  print_names(tag->digest, image->primary);
  print_names(tag->digest_before, place->name);
}

/* A registry that is down fails every tag: the first say so. */
static void print_tags(const struct sync_output *output, const struct sp_sync_image *image,
                       const struct sp_sync_place *place)
{
  uint64_t failed = 0;
  for (size_t i = 0; i < place->tag_count; i++) {
    const struct sp_sync_tag *tag = &place->tags[i];
    bool is_failed = tag->result == SP_SYNC_FAILED;
    if ((is_failed && failed == FAILED_SHOWN) || !is_worth_a_line(output, tag->result))
      continue;
    failed += is_failed;
    print_tag(image, place, tag);
  }
  if (place->counts[SP_SYNC_FAILED] > failed)
    printf(_("    and %llu tags more that failed\n"),
           (unsigned long long)(place->counts[SP_SYNC_FAILED] - failed));
}

static void print_plan(const struct sp_sync_place *place)
{
  char bytes[SP_SIZE_TEXT_MAX];
  sp_text_format_size(bytes, place->bytes_to_send);
  printf(_("    %llu blobs to send (%s), %llu requests"), (unsigned long long)place->blobs_to_send,
         bytes, (unsigned long long)place->requests_planned);
  if (place->has_pulls_left)
    printf(_(", %llu pulls needed of %llu left (%llu are kept in reserve)"),
           (unsigned long long)place->pulls_planned, (unsigned long long)place->pulls_left,
           (unsigned long long)place->pulls_reserved);
  else if (place->pulls_planned > 0)
    printf(_(", %llu pulls needed"), (unsigned long long)place->pulls_planned);
  putchar('\n');
}

static bool is_plan(const struct sp_sync_place *place)
{
  return place->counts[SP_SYNC_PLANNED] + place->counts[SP_SYNC_TO_PROVE] > 0;
}

static void print_place(const struct sync_output *output, const struct sp_sync_image *image,
                        const struct sp_sync_place *place)
{
  char counts[SYNC_COUNTS_MAX];
  sync_counts_format_place(image, place, counts);
  fputs("  ", stdout);
  fact_print_escaped(stdout, place->name);
  fputs(": ", stdout);
  if (place->err.code != SP_OK)
    printf("%s%s%s; ", terminal_color(COLOR_BAD), _("failed"), terminal_color(COLOR_NONE));
  puts(counts);
  print_tags(output, image, place);
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
    fact_print_escaped(stdout, image->lost_tags[i]);
  }
  puts(image->lost > image->lost_tag_count ? " ..." : "");
  if (image->is_held)
    printf(
        _("  that is more than max-loss allows: nothing was written. Look at the primary; if the "
          "loss is meant: safeport sync %s --accept-loss\n"),
        image->name);
}

static void print_text(struct sync_output *output, const struct sp_sync_image *image)
{
  if (is_quiet_image(image) && !output->verbose)
    return;
  series_make_room(&output->series);
  fact_print_escaped(stdout, image->name);
  if (image->primary[0]) {
    fputs(" <- ", stdout);
    fact_print_escaped(stdout, image->primary);
  }
  if (image->err.code != SP_OK)
    printf(": %s%s%s", terminal_color(COLOR_BAD), _("failed"), terminal_color(COLOR_NONE));
  putchar('\n');
  print_lost(image);
  for (size_t i = 0; i < image->place_count; i++)
    print_place(output, image, &image->places[i]);
  for (size_t i = 0; i < image->note_count; i++) {
    printf("  %s ", _("note:"));
    fact_print_escaped(stdout, image->notes[i]);
    putchar('\n');
  }
}

static void add_json(struct sync_output *output, const struct sp_sync_image *image)
{
  SP_AUTO_FREE char *text = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (!series_wants_json(&output->series))
    return;
  if (sp_sync_image_format_json(image, &text, &err) == 0)
    series_add_json(&output->series, text);
  else
    series_error(&output->series, &err);
}

/* -- all */

void sync_output_image(void *ctx, const struct sp_sync_image *image)
{
  struct sync_output *output = ctx;
  add_json(output, image);
  if (!output->series.settings.json)
    print_text(output, image);
  series_error(&output->series, &image->err);
  for (size_t i = 0; i < image->place_count; i++)
    series_error(&output->series, &image->places[i].err);
  sync_ci_tell(&output->series, image);
  series_image_done(&output->series);
}

static void sum_up(struct series *series, const struct sp_sync_totals *totals)
{
  char bytes[SP_SIZE_TEXT_MAX];
  char counts[SYNC_COUNTS_MAX];
  sp_text_format_size(bytes, totals->dry_run ? totals->bytes_to_send : totals->bytes_sent);
  sync_counts_format(totals->counts, counts);
  series_sum(series, _("%llu images: "), (unsigned long long)totals->images);
  series_sum(series, "%s", counts);
  if (totals->dry_run)
    series_sum(series, _(" (%.1f s; %s would be sent)"), totals->seconds, bytes);
  else
    series_sum(series, _(" (%.1f s, %s sent)"), totals->seconds, bytes);
}

static void tell_reserve(struct series *series, const struct sp_sync_totals *totals)
{
  char at[SP_RFC3339_MAX];
  if (totals->goes_on_at_s == 0)
    return;
  sp_clock_format_rfc3339(totals->goes_on_at_s, at);
  series_sum(series, _("\npulls are held in reserve: goes on at %s"), at);
  series_finding(series, SERIES_WARNING,
                 _("%llu tags were not moved: to prove them would take pulls that are held in "
                   "reserve. Goes on at %s"),
                 (unsigned long long)totals->counts[SP_SYNC_UNPROVEN], at);
}

int sync_output_end(struct sync_output *output, const struct sp_sync_totals *totals)
{
  SP_AUTO_FREE char *text = NULL;
  struct sp_err err = SP_ERR_INIT;
  sum_up(&output->series, totals);
  tell_reserve(&output->series, totals);
  int failed = sp_sync_totals_format_json(totals, &text, &err);
  return series_end(&output->series, totals->exit_status, &totals->err, failed ? NULL : text);
}
