/* SPDX-License-Identifier: Apache-2.0 */
/* What a CI system is told when a command is done, in bounded memory however much it was about:
 *
 *   GitHub   in $GITHUB_STEP_SUMMARY a table for people, what went wrong first, and a list of what
 *            to do; outputs in $GITHUB_OUTPUT, among them `report`: the path of the --json
 * document, in $RUNNER_TEMP GitLab   the --json document as a file in $CI_PROJECT_DIR
 *
 * and nothing elsewhere. A file that cannot be written is a warning, never another exit status.
 *
 * Not here: what the table says of a report (output_ci.h) or of many images (series.h).
 * Life cycle: begin; adds; publish; clear. Threads: none of its own.
 */
#ifndef CLI_CI_RESULT_H
#define CLI_CI_RESULT_H

#include "base/buf.h"
#include "cli/ci_file.h"

struct ci_result {
  const char *command;
  const char *const *columns;
  struct sp_buf bad_rows, rows; /* of the table */
  struct sp_buf findings;       /* entries of the list */
  struct sp_buf outputs;        /* lines of $GITHUB_OUTPUT */
  size_t left_out;              /* what did not fit into one of these */
  const char *directory;        /* of the report */
  struct ci_report report;
};

/* A cell of the table: text from outside (is_code: escaped here), or Markdown of our own. */
struct ci_cell {
  const char *text; /* NULL: "" */
  bool is_code;
};
#define CI_COLUMNS_MAX 8

/*   command  borrowed   "push"
 *   columns  borrowed   headings of the table (N_), NULL after the last */
void ci_result_begin(struct ci_result *result, const char *command, const char *const *columns);
/* A row, with one cell for each column. is_bad: it belongs to those that come first. */
void ci_result_add_row(struct ci_result *result, bool is_bad, const struct ci_cell *cells);
/* An entry of the list of what went wrong: a text that may be from outside. */
void ci_result_add_finding(struct ci_result *result, const char *text);
/* Counts a row or an entry that was not added. */
void ci_result_leave_out(struct ci_result *result);
void ci_result_add_output(struct ci_result *result, const char *name, const char *value);
/* A piece of the --json document. */
void ci_result_add_json(struct ci_result *result, const char *text);
/* Writes the files. intro: a paragraph above the table, Markdown of our own; NULL: none. */
void ci_result_publish(struct ci_result *result, int exit_status, const char *intro);
void ci_result_clear(struct ci_result *result);

SP_DEFINE_AUTO_CLEAR(struct ci_result, ci_result_clear)

#endif
