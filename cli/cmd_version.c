/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/i18n.h"
#include "base/scope.h"
#include "cli/command.h"
#include "safeport_version.h"

struct version_args {
  bool json;
};

static const struct option_row version_options[] = {{"json", 0, OPTION_FLAG,
                                                     offsetof(struct version_args, json), NULL,
                                                     N_("print the result as one JSON document")},
                                                    OPTION_END};

static int version_run(const struct command *self, int argc, char **argv)
{
  struct version_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  if (args.json)
    puts("{\"schema\": 1, \"kind\": \"version\", \"version\": \"" SAFEPORT_VERSION "\"}");
  else
    puts("safeport " SAFEPORT_VERSION);
  return 0;
}

const struct command cmd_version = {
    .name = "version",
    .synopsis = N_("[--json]"),
    .summary = N_("print the version"),
    .options = version_options,
    .least_operands = 0,
    .most_operands = 0,
    .run = version_run,
};
