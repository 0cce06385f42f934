/* SPDX-License-Identifier: Apache-2.0 */
/* What sync and restore say of an image, in a series (series.h). As text an image gets lines only
 * if something happened to it (or if verbose). Threads: none of its own. */
#ifndef CLI_SYNC_OUTPUT_H
#define CLI_SYNC_OUTPUT_H

#include "cli/run.h"
#include "cli/series.h"
#include "safeport/sync.h"

struct sync_output {
  struct series series;
  bool verbose;
};

/* command: "sync" or "restore". run: whose progress it shows; borrowed. */
void sync_output_init(struct sync_output *output, const char *command,
                      const struct common_args *common, const struct run *run, bool json);
void sync_output_clear(struct sync_output *output);
/* For struct sp_sync_options; ctx is the struct sync_output. */
void sync_output_image(void *ctx, const struct sp_sync_image *image);
/* Prints the sums; answers the exit status of the program. */
int sync_output_end(struct sync_output *output, const struct sp_sync_totals *totals);

#endif
