/* SPDX-License-Identifier: Apache-2.0 */
/* What a CI system is told of one report (of push, copy, and verify of a pair): a row for each
 * place, what went wrong, and the outputs `digest` and `images` (PLACE@DIGEST, one a line, of every
 * place that holds the whole image now). Threads: none of its own. */
#ifndef CLI_OUTPUT_CI_H
#define CLI_OUTPUT_CI_H

#include "cli/ci_result.h"
#include "safeport/report.h"

/* Tells it. json: the --json document; NULL if there is none. */
void output_ci_tell(const struct sp_report *report, const char *json);

/* An entry for each finding of a place; DAMAGE_SHOWN at most: the report has all. */
void output_ci_add_damage(struct ci_result *result, const struct sp_report_place *place);

#endif
