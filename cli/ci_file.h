/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a CI system: those that its runner reads after a step, and reports of our own.
 * Threads: none of its own. */
#ifndef CLI_CI_FILE_H
#define CLI_CI_FILE_H

#include "base/buf.h"
#include "base/span.h"
#include "safeport/err.h"

/* Appends to a file that others append to as well; after a failure the file is as it was.
 *   most_bytes   the file may not grow beyond this
 * Fails: SP_E_LIMIT; SP_E_INVALID (not a regular file); SP_E_IO. */
SP_MUST_CHECK int ci_file_append(const char *path, struct sp_span bytes, uint64_t most_bytes,
                                 struct sp_err *err);

/* Writes a new file "safeport-report-COMMAND-<random>.json" in directory; `*path` is the caller's.
 * Fails: SP_E_NOT_FOUND (no such directory); SP_E_IO; SP_E_NOMEM. */
SP_MUST_CHECK int ci_file_write_report(const char *directory, const char *command, const char *json,
                                       char **path, struct sp_err *err);

/* Appends one output of a step to `out`, in the form that $GITHUB_OUTPUT has: NAME=VALUE, or, for a
 * value of several lines, between two lines of a mark that nobody can guess. */
SP_MUST_CHECK int ci_file_format_output(struct sp_buf *out, const char *name, const char *value,
                                        struct sp_err *err);

#endif
