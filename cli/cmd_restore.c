/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/random.h"
#include "base/scope.h"
#include "base/span.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/run.h"
#include "cli/sync_output.h"
#include "safeport/restore.h"

struct restore_args {
  const char *config, *to, *from, *at, *sample, *seed, *scratch;
  struct text_list tags;
  bool all, force, dry_run, wait, json, drill;
};

static const struct option_row restore_options[] = {
    {"to", 0, OPTION_TEXT, offsetof(struct restore_args, to), N_("REPO"),
     N_("where to; {name} in it is the image's name; without it to the primary")},
    {"tag", 't', OPTION_LIST, offsetof(struct restore_args, tags), N_("TAG"),
     N_("restore this tag (latest if nothing is said)")},
    {"all", 0, OPTION_FLAG, offsetof(struct restore_args, all), NULL,
     N_("restore every tag that a backup has")},
    {"at", 0, OPTION_TEXT, offsetof(struct restore_args, at), N_("DATE"),
     N_("what the tags named at that time: 2026-11-23 or 2026-11-23T10:15:00Z")},
    {"from", 0, OPTION_TEXT, offsetof(struct restore_args, from), N_("REPO"),
     N_("read only from here, in place of the backups of safeport.yaml")},
    {"force", 0, OPTION_FLAG, offsetof(struct restore_args, force), NULL,
     N_("move tags that name another image at the destination")},
    {"dry-run", 0, OPTION_FLAG, offsetof(struct restore_args, dry_run), NULL,
     N_("show what would be sent, and send nothing that writes")},
    {"wait", 0, OPTION_FLAG, offsetof(struct restore_args, wait), NULL,
     N_("wait for a run that works on the same image")},
    {"drill", 0, OPTION_FLAG, offsetof(struct restore_args, drill), NULL,
     N_("restore a sample into a scratch directory, read every byte, and remove it again")},
    {"sample", 0, OPTION_TEXT, offsetof(struct restore_args, sample), N_("N"),
     N_("of a drill: how many images, each a tag on a backup (5 if not said)")},
    {"seed", 0, OPTION_TEXT, offsetof(struct restore_args, seed), N_("N"),
     N_("of a drill: choose the same sample again")},
    {"scratch", 0, OPTION_TEXT, offsetof(struct restore_args, scratch), N_("DIR"),
     N_("of a drill: where there is room, in place of the state directory")},
    {"config", 0, OPTION_TEXT, offsetof(struct restore_args, config), N_("FILE"),
     N_("the safeport.yaml to use; without it the one that 'safeport help sync' says")},
    {"json", 0, OPTION_FLAG, offsetof(struct restore_args, json), NULL,
     N_("print the result as one JSON document")},
    OPTION_END};

/* -- values */

static int read_date(const char *text, int64_t *unix_s, struct sp_err *err)
{
  SP_AUTO_FREE char *day = NULL;
  *unix_s = 0;
  if (!text)
    return 0;
  if (sp_text_format(&day, err, "%sT00:00:00Z", text) < 0)
    return -1;
  int failed = sp_clock_parse_rfc3339(text, unix_s) < 0 && sp_clock_parse_rfc3339(day, unix_s) < 0;
  if (!failed && *unix_s <= 0)
    return sp_fail(err, SP_E_USAGE, "--at '%s': that is before there were images", text);
  if (failed)
    return sp_fail(err, SP_E_USAGE, "--at '%s': write 2026-11-23 or 2026-11-23T10:15:00Z", text);
  return 0;
}

/* -- running */

static int run_restore(const struct command_line *line, const struct restore_args *args,
                       struct run *run, struct sync_output *output, struct sp_err *err)
{
  struct sp_sync_totals totals;
  struct sp_restore_options options = {.of = series_images(args->config, line),
                                       .tags = args->tags.items,
                                       .tag_count = args->tags.count,
                                       .all = args->all,
                                       .to = args->to,
                                       .from = args->from,
                                       .force = args->force,
                                       .dry_run = args->dry_run,
                                       .wait = args->wait,
                                       .image = sync_output_image,
                                       .ctx = output,
                                       .progress = progress_event,
                                       .progress_ctx = run->progress};
  int failed = read_date(args->at, &options.at_s, err);
  if (!failed)
    failed = sp_restore(run->session, &options, &totals, err);
  run_end(run);
  return failed ? series_fail(&output->series, err) : sync_output_end(output, &totals);
}

static int run_drill(const struct command_line *line, const struct restore_args *args,
                     struct run *run, struct sync_output *output, struct sp_err *err)
{
  uint64_t sample = 0;
  struct sp_sync_totals totals;
  struct sp_drill_options options = {.of = series_images(args->config, line),
                                     .scratch = args->scratch,
                                     .seed = sp_random_below(1000000),
                                     .image = sync_output_image,
                                     .ctx = output,
                                     .progress = progress_event,
                                     .progress_ctx = run->progress};
  if (options_parse_number("sample", args->sample, 1, INT64_MAX, &sample, err) < 0 ||
      options_parse_number("seed", args->seed, 0, UINT64_MAX, &options.seed, err) < 0)
    return series_fail(&output->series, err);
  options.sample = (size_t)sample;
  if (!line->common.quiet)
    fprintf(stderr, _("drill with --seed %llu\n"), (unsigned long long)options.seed);
  int failed = sp_drill(run->session, &options, &totals, err);
  run_end(run);
  return failed ? series_fail(&output->series, err) : sync_output_end(output, &totals);
}

/* A drill restores nothing to anywhere. */
static int check(const struct restore_args *args, struct sp_err *err)
{
  bool restores = args->to || args->from || args->at || args->tags.count > 0 || args->all ||
                  args->force || args->dry_run;
  if (args->drill && restores)
    return sp_fail(err, SP_E_USAGE,
                   "a drill takes names, --sample, --seed and --scratch, and nothing else");
  if (!args->drill && (args->sample || args->seed || args->scratch))
    return sp_fail(err, SP_E_USAGE, "--sample, --seed and --scratch are of --drill");
  return 0;
}

static int run_args(const struct command_line *line, const struct restore_args *args)
{
  SP_CLEANUP(run_clear) struct run run = {0};
  SP_CLEANUP(sync_output_clear) struct sync_output output = {0};
  struct sp_err err = SP_ERR_INIT;
  if (check(args, &err) < 0 || run_begin(&run, &line->common, "restore", &err) < 0)
    return command_fail(&err);
  sync_output_init(&output, "restore", &line->common, &run, args->json);
  return args->drill ? run_drill(line, args, &run, &output, &err)
                     : run_restore(line, args, &run, &output, &err);
}

static int restore_run(const struct command *self, int argc, char **argv)
{
  struct restore_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  int status;
  if (command_line_read(&line, self, argc, argv, &args, &status))
    status = run_args(&line, &args);
  text_list_clear(&args.tags);
  return status;
}

const struct command cmd_restore = {
    .name = "restore",
    .synopsis = N_("NAME...|SRC [--tag T|--all] [--to REPO] [options]"),
    .summary = N_("bring images back from their backups"),
    .about = N_(
        "Copies images from the best backup to the primary or to any other place: content "
        "first, every byte read back there, tags last. What one backup does not have whole is "
        "taken from the next. Signatures and other referrers come back too. A tag that names "
        "another image at the destination stays as it is without --force; nothing is ever "
        "deleted.\n\n"
        "NAME is an image of safeport.yaml, also NAME:TAG; SRC is a place (ghcr.io/o/app:v1, "
        "vault:app) and needs no safeport.yaml.\n\n"
        "With --drill nothing is restored: a sample is, into a scratch directory that is removed "
        "again, to prove that it could be.\n\n"
        "Exit status 0: all of it is there, at level 'read'. 1: not all of it; 5: wrong bytes "
        "and no good copy; 6: a tag names another image there."),
    .options = restore_options,
    .has_network = true,
    .most_operands = 1000,
    .run = restore_run,
};
