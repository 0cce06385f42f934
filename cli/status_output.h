/* SPDX-License-Identifier: Apache-2.0 */
/* What status prints, to any stream: of each image a line for each tag, and below it one for each
 * backup; then the sums. As JSON one document. Errors stand in the text, beside what they are
 * about.
 *
 * Threads: none of its own.
 */
#ifndef CLI_STATUS_OUTPUT_H
#define CLI_STATUS_OUTPUT_H

#include <stdio.h>

#include "safeport/status.h"

struct status_output {
  FILE *to;
  size_t columns; /* to lay the text out for */
  bool json;
  bool only_findings; /* leave out what is as it should be */
  bool color;
  uint64_t images;
};

/* For struct sp_status_options; ctx is the struct status_output. */
void status_output_image(void *ctx, const struct sp_status_image *image);
/* Prints the sums. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int status_output_end(struct status_output *output,
                                    const struct sp_status_totals *totals, struct sp_err *err);

#endif
