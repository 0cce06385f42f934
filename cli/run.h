/* SPDX-License-Identifier: Apache-2.0 */
/* What push, copy and verify share: a session from the common options, signals, progress, the job,
 * its report. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/command.h"
#include "safeport/job.h"

/* Runs the job and prints what it came to (as JSON if `json`); answers the exit status. The
 * options' progress is filled in here. */
int run_push(const struct common_args *common, struct sp_push_options *options, bool json);
int run_verify(const struct common_args *common, struct sp_verify_options *options, bool json);

#endif
