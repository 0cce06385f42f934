/* SPDX-License-Identifier: Apache-2.0 */
/* The result on stdout: text for people, or the --json document with the same facts. Errors of the
 * report go to stderr in both cases, with what to do. What a CI system wants is told besides
 * (ci.h, output_ci.h). */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdio.h>

#include "safeport/report.h"

/* Prints the report; answers the exit status of the program: the report's, or 7 if the result could
 * not be written. */
int output_report(const struct sp_report *report, bool json);
/* Prints a JSON document, or a part of it. */
void output_json(FILE *to, const char *text);
/* Pushes out what was printed to stdout; answers `status`, or, if that failed (said on stderr,
 * once), 7 unless `status` is of a signal or 2, which come before it. */
int output_flush(int status);

#endif
