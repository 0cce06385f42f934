/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands with a session share: a session from the common options, signals, progress; for
 * push, copy and verify also the job and its report. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/command.h"
#include "safeport/job.h"

/* One job's session, and what it shows on stderr while it runs. */
struct run {
  struct sp_session *session;
  struct progress *progress;
  struct text_list host_ca;
};
/* A session from the common options (borrowed for the run's life), which signals now stop. `run` is
 * {0} before, and needs run_clear in any case. command: its name, for a CI system's log. */
SP_MUST_CHECK int run_begin(struct run *run, const struct common_args *common, const char *command,
                            struct sp_err *err);
/* The job is done: signals end the program again, and nothing of its progress is on the screen. */
void run_end(struct run *run);
void run_clear(struct run *run);

/* Runs the job and prints what it came to (as JSON if `json`); answers the exit status. The
 * options' progress is filled in here. */
int run_push(const struct common_args *common, struct sp_push_options *options, bool json);
int run_verify(const struct common_args *common, struct sp_verify_options *options, bool json);

/* Asks something of a session. Fails like the functions of the library. */
typedef int run_question(struct sp_session *session, void *ctx, struct sp_err *err);
/* Asks; if that failed, says why. command: "inspect". Answers the exit status: 0, and the answer is
 * in ctx, or that of the failure. */
int run_ask(const struct common_args *common, const char *command, run_question *question,
            void *ctx);

#endif
