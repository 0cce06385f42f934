/* SPDX-License-Identifier: Apache-2.0 */
/* What status says of an image, in a series (series.h): a line for each tag, and below it one for
 * each backup. Errors stand in the text, beside what they are about. Threads: none of its own. */
#ifndef CLI_STATUS_OUTPUT_H
#define CLI_STATUS_OUTPUT_H

#include <stdio.h>

#include "cli/series.h"
#include "safeport/status.h"

struct status_output {
  struct series series;
  size_t columns;     /* to lay the text out for */
  bool only_findings; /* leave out what is as it should be */
};

struct status_settings {
  struct progress *progress;
  FILE *to; /* NULL: stdout */
  size_t columns;
  bool json, only_findings, tells_ci;
};
void status_output_init(struct status_output *output, const struct status_settings *settings);
void status_output_clear(struct status_output *output);
/* For struct sp_status_options; ctx is the struct status_output. */
void status_output_image(void *ctx, const struct sp_status_image *image);
/* Prints the sums; answers the exit status of the program. */
int status_output_end(struct status_output *output, const struct sp_status_totals *totals);

#endif
