/* SPDX-License-Identifier: Apache-2.0 */
/* What a CI system is told when a command is done:
 *
 *   GitHub   a table for people in $GITHUB_STEP_SUMMARY; in $GITHUB_OUTPUT `digest` (of a command
 *            about one image), `images` (PLACE@DIGEST, one a line, of every place that holds the
 *            whole image now) and `report` (the path of the --json document, in $RUNNER_TEMP)
 *   GitLab   the --json document as a file in $CI_PROJECT_DIR
 *
 * and nothing elsewhere. A file that cannot be written is a warning, never another exit status.
 * A command about one image makes one call, ci_result_tell; one about many begins, adds each report
 * as it comes, and publishes, in bounded memory. Threads: none of its own.
 */
#ifndef CLI_CI_RESULT_H
#define CLI_CI_RESULT_H

#include "base/buf.h"
#include "oci/digest.h"
#include "safeport/report.h"

struct ci_result {
  const char *command;             /* "push"; borrowed */
  struct sp_buf rows;              /* of the table */
  struct sp_buf errors;            /* a list */
  struct sp_buf images;            /* lines of the output `images` */
  size_t left_out;                 /* what did not fit into one of these */
  size_t reports;                  /* that were added */
  char digest[SP_DIGEST_TEXT_MAX]; /* of the latest one; "" if it has none */
};

void ci_result_begin(struct ci_result *result, const char *command);
void ci_result_add(struct ci_result *result, const struct sp_report *report);
/* Writes the files. json: the --json document of the command; NULL if there is none. */
void ci_result_publish(const struct ci_result *result, int exit_status, const char *json);
void ci_result_clear(struct ci_result *result);

/* All of that for one report. */
void ci_result_tell(const struct sp_report *report, const char *json);

SP_DEFINE_AUTO_CLEAR(struct ci_result, ci_result_clear)

#endif
