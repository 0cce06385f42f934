/* SPDX-License-Identifier: Apache-2.0 */
/* What verify over names says of an image, in a series (series.h). As text an image gets lines only
 * if something is wrong or worth telling (or if verbose). Threads: none of its own. */
#ifndef CLI_VERIFY_OUTPUT_H
#define CLI_VERIFY_OUTPUT_H

#include "cli/run.h"
#include "cli/series.h"
#include "safeport/verify.h"

struct verify_output {
  struct series series;
  bool verbose;
};

/* run: whose progress it shows; borrowed. */
void verify_output_init(struct verify_output *output, const struct common_args *common,
                        const struct run *run, bool json);
void verify_output_clear(struct verify_output *output);
/* For struct sp_verify_images_options; ctx is the struct verify_output. */
void verify_output_image(void *ctx, const struct sp_report *report);
/* Prints the sums; answers the exit status of the program. */
int verify_output_end(struct verify_output *output, const struct sp_verify_totals *totals);

#endif
