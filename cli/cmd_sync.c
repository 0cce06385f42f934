/* SPDX-License-Identifier: Apache-2.0 */
#include "base/i18n.h"
#include "base/scope.h"
#include "cli/command.h"
#include "cli/run.h"
#include "cli/sync_output.h"

struct sync_args {
  const char *config, *jobs;
  struct text_list accept;
  bool accept_loss, dry_run, wait, json;
};

static const struct option_row sync_options[] = {
    {"config", 0, OPTION_TEXT, offsetof(struct sync_args, config), N_("FILE"),
     N_("the safeport.yaml to use; without it the one that 'safeport help sync' says")},
    {"jobs", 'j', OPTION_TEXT, offsetof(struct sync_args, jobs), N_("N"),
     N_("work on so many images at once (1 to 64), in place of what the file says")},
    {"accept", 0, OPTION_LIST, offsetof(struct sync_args, accept), N_("[IMAGE:]TAG"),
     N_("follow this fixed tag although it changed at the primary; '*' for every one")},
    {"accept-loss", 0, OPTION_FLAG, offsetof(struct sync_args, accept_loss), NULL,
     N_("what the primaries of these images lost is meant, however much it is; the backups keep "
        "it")},
    {"dry-run", 0, OPTION_FLAG, offsetof(struct sync_args, dry_run), NULL,
     N_("show what would be sent, and send nothing that writes")},
    {"wait", 0, OPTION_FLAG, offsetof(struct sync_args, wait), NULL,
     N_("wait for a run that works on the same image, and for pulls that are held in reserve")},
    {"json", 0, OPTION_FLAG, offsetof(struct sync_args, json), NULL,
     N_("print the result as one JSON document")},
    OPTION_END};

static void sync_args_clear(struct sync_args *args)
{
  text_list_clear(&args->accept);
}

/* What it came to is printed as it comes; at the end the sums. */
static int run_sync(const struct common_args *common, struct sp_sync_options *options, bool json)
{
  SP_CLEANUP(run_clear) struct run run = {0};
  SP_CLEANUP(sync_output_clear) struct sync_output output = {0};
  struct sp_sync_totals totals;
  struct sp_err err = SP_ERR_INIT;
  if (run_begin(&run, common, "sync", &err) < 0)
    return command_fail(&err);
  sync_output_init(&output, "sync", common, &run, json);
  options->image = sync_output_image;
  options->ctx = &output;
  options->progress = progress_event;
  options->progress_ctx = run.progress;
  int failed = sp_sync(run.session, options, &totals, &err);
  run_end(&run);
  return failed ? series_fail(&output.series, &err) : sync_output_end(&output, &totals);
}

static int sync_run(const struct command *self, int argc, char **argv)
{
  SP_CLEANUP(sync_args_clear) struct sync_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  struct sp_sync_options options = {
      .of = series_images(args.config, &line),
      .accept = args.accept.items,
      .accept_count = args.accept.count,
      .accept_loss = args.accept_loss,
      .dry_run = args.dry_run,
      .wait = args.wait,
  };
  struct sp_err err = SP_ERR_INIT;
  if (options_parse_jobs(args.jobs, &options.jobs, &err) < 0)
    return command_fail(&err);
  return run_sync(&line.common, &options, args.json);
}

const struct command cmd_sync = {
    .name = "sync",
    .synopsis = N_("[NAME...] [options]"),
    .summary = N_("bring the backups of safeport.yaml up to date"),
    .about =
        N_("Compares the tags of each image of safeport.yaml at its primary and at its backups, "
           "copies "
           "what is missing or has moved, and proves it. It only ever adds: there is no code in it "
           "that deletes, and a primary that lost its images changes nothing on a backup.\n\n"
           "The file is the one of --config, else of $SAFEPORT_CONFIG, else the first there is of "
           "./safeport.yaml, ~/.config/safeport/safeport.yaml and /etc/safeport/safeport.yaml. "
           "NAME is "
           "an image of it, or NAME/REPOSITORY of a namespace; without NAME all are synced.\n\n"
           "Exit status 0: every selected tag is on every backup, proven at level 'touched' within "
           "max-proof-age. 1: not all of it; 3: another run works on an image (see --wait); 6: a "
           "fixed tag changed, or the primary lost more than max-loss allows."),
    .options = sync_options,
    .has_network = true,
    .most_operands = 1000,
    .run = sync_run,
};
