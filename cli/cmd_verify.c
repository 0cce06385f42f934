/* SPDX-License-Identifier: Apache-2.0 */
#include "base/i18n.h"
#include "base/scope.h"
#include "cli/command.h"
#include "cli/run.h"

struct verify_args {
  const char *platform;
  bool read, lower, no_referrers, json;
};

static const struct option_row verify_options[] = {
    {"read", 0, OPTION_FLAG, offsetof(struct verify_args, read), NULL,
     N_("read and hash every byte on both sides, not only the last one of each blob")},
    {"platform", 0, OPTION_TEXT, offsetof(struct verify_args, platform), N_("OS/ARCH[/VARIANT]"),
     N_("only this platform of a multi-platform image")},
    {"lower", 0, OPTION_FLAG, offsetof(struct verify_args, lower), NULL,
     N_("lower upper-case repository names instead of refusing them")},
    {"no-referrers", 0, OPTION_FLAG, offsetof(struct verify_args, no_referrers), NULL,
     N_("leave signatures, attestations and other referrers aside")},
    {"json", 0, OPTION_FLAG, offsetof(struct verify_args, json), NULL,
     N_("print the result as one JSON document")},
    OPTION_END};

static int verify_run(const struct command *self, int argc, char **argv)
{
  struct verify_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  struct sp_verify_options options = {
      .source = line.operands.items[0],
      .destination = line.operands.items[1],
      .platform = args.platform,
      .lower = args.lower,
      .no_referrers = args.no_referrers,
      .read = args.read,
  };
  return run_verify(&line.common, &options, args.json);
}

const struct command cmd_verify = {
    .name = "verify",
    .synopsis = N_("SRC DST [--read] [options]"),
    .summary = N_("prove that two places hold the same whole image"),
    .about = N_("Looks at everything that the image needs, on both sides, and compares. Writes "
                "nothing. Exit status 0: equal and whole; 1: something is missing or different; 5: "
                "wrong bytes were seen. Without a tag in DST it is SRC's."),
    .options = verify_options,
    .has_network = true,
    .least_operands = 2,
    .most_operands = 2,
    .run = verify_run,
};
