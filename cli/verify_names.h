/* SPDX-License-Identifier: Apache-2.0 */
/* verify over names of safeport.yaml: what it makes of the options. Of a pair: cmd_verify.c. */
#ifndef CLI_VERIFY_NAMES_H
#define CLI_VERIFY_NAMES_H

#include "cli/command.h"

struct verify_args {
  const char *read, *platform, *config, *jobs, *max_age;
  bool claimed, repair, lower, no_referrers, wait, json;
};

/* Verifies the operands (names; none: all images) and prints what it came to; answers the exit
 * status. */
int verify_names(const struct command_line *line, const struct verify_args *args);

#endif
