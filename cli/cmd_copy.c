/* SPDX-License-Identifier: Apache-2.0 */
#include "base/i18n.h"
#include "base/scope.h"
#include "cli/command.h"
#include "cli/run.h"

struct copy_args {
  const char *platform, *compress;
  bool lower, no_referrers, dry_run, wait, json;
};

static const struct option_row copy_options[] = {
    {"platform", 0, OPTION_TEXT, offsetof(struct copy_args, platform), N_("OS/ARCH[/VARIANT]"),
     N_("only this platform of a multi-platform image")},
    {"compress", 0, OPTION_TEXT, offsetof(struct copy_args, compress), N_("METHOD[:LEVEL]"),
     N_("how layers that come uncompressed (docker save) are compressed: gzip, gzip:1 to gzip:12, "
        "zstd, zstd:1 to zstd:19. Default: gzip:4")},
    {"lower", 0, OPTION_FLAG, offsetof(struct copy_args, lower), NULL,
     N_("lower upper-case repository names instead of refusing them")},
    {"no-referrers", 0, OPTION_FLAG, offsetof(struct copy_args, no_referrers), NULL,
     N_("leave signatures, attestations and other referrers behind")},
    {"dry-run", 0, OPTION_FLAG, offsetof(struct copy_args, dry_run), NULL,
     N_("show what would be sent, and send nothing that writes")},
    {"wait", 0, OPTION_FLAG, offsetof(struct copy_args, wait), NULL,
     N_("wait for pulls that are held in reserve")},
    {"json", 0, OPTION_FLAG, offsetof(struct copy_args, json), NULL,
     N_("print the result as one JSON document")},
    OPTION_END};

static int copy_run(const struct command *self, int argc, char **argv)
{
  struct copy_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  struct sp_push_options options = {
      .source = line.operands.items[0],
      .to = &line.operands.items[1],
      .to_count = 1,
      .platform = args.platform,
      .compress = args.compress,
      .lower = args.lower,
      .no_referrers = args.no_referrers,
      .dry_run = args.dry_run,
      .wait = args.wait,
      .is_copy = true,
  };
  return run_push(&line.common, &options, args.json);
}

const struct command cmd_copy = {
    .name = "copy",
    .synopsis = N_("SRC DST [options]"),
    .summary = N_("copy one image from one place to another"),
    .about = N_("As 'safeport push' with one destination. Without a tag in DST it gets SRC's."),
    .options = copy_options,
    .has_network = true,
    .least_operands = 2,
    .most_operands = 2,
    .run = copy_run,
};
