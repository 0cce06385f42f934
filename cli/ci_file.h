/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a CI system: those that its runner reads after a step, and reports of our own.
 * Threads: none of its own. */
#ifndef CLI_CI_FILE_H
#define CLI_CI_FILE_H

#include <stdio.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/span.h"
#include "safeport/err.h"

/* Appends to a file that others append to as well; after a failure the file is as it was.
 *   most_bytes   the file may not grow beyond this
 * Fails: SP_E_LIMIT; SP_E_INVALID (not a regular file); SP_E_IO. */
SP_MUST_CHECK int ci_file_append(const char *path, struct sp_span bytes, uint64_t most_bytes,
                                 struct sp_err *err);

/* A report that grows piece by piece and gets its name, "safeport-report-COMMAND-<random>.json",
 * when it is whole. {.dir_fd = -1} is none: nothing is written. */
struct ci_report {
  int dir_fd;
  FILE *file; /* NULL: none */
  char temp[SP_FILE_TEMP_NAME_MAX];
};
#define CI_REPORT_NONE ((struct ci_report){.dir_fd = -1})
/* Fails: SP_E_NOT_FOUND (no such directory); SP_E_IO; SP_E_NOMEM; the report is none then. */
SP_MUST_CHECK int ci_report_begin(struct ci_report *report, const char *directory,
                                  struct sp_err *err);
/* Adds a piece; what goes wrong is told by the commit. */
void ci_report_add(struct ci_report *report, const char *json);
/* `*name` is the caller's: the name in the directory. Fails: SP_E_IO; SP_E_NOMEM; nothing is left
 * behind then. */
SP_MUST_CHECK int ci_report_commit(struct ci_report *report, const char *command, char **name,
                                   struct sp_err *err);
/* Throws away what was not committed. */
void ci_report_clear(struct ci_report *report);

/* Appends one output of a step to `out`, in the form that $GITHUB_OUTPUT has: NAME=VALUE, or, for a
 * value of several lines, between two lines of a mark that nobody can guess. */
SP_MUST_CHECK int ci_file_format_output(struct sp_buf *out, const char *name, const char *value,
                                        struct sp_err *err);

#endif
