/* SPDX-License-Identifier: Apache-2.0 */
/* What sync prints: each image as it ends, then the sums. As text an image gets lines only if
 * something happened to it (or with --verbose); as JSON one document that grows by an image at a
 * time. Errors go to stderr in both cases. While it runs, a line on stderr says how far it is.
 *
 * Threads: sync_output_image is called by one thread at a time, sync_output_event by any.
 */
#ifndef CLI_SYNC_OUTPUT_H
#define CLI_SYNC_OUTPUT_H

#include <pthread.h>

#include "cli/live_line.h"
#include "safeport/sync.h"

struct sync_output {
  const char *command; /* "sync", "restore": borrowed */
  bool json, verbose;
  pthread_mutex_t lock;
  uint64_t images, tags, bytes;
  struct live_line line;
};

void sync_output_init(struct sync_output *output, const char *command, bool json, bool verbose,
                      bool quiet);
void sync_output_clear(struct sync_output *output);
/* For struct sp_sync_options; ctx is the struct sync_output. */
void sync_output_image(void *ctx, const struct sp_sync_image *image);
void sync_output_complaint(void *ctx, const char *text);
void sync_output_event(void *ctx, const struct sp_event *event);
/* Prints the sums; answers the exit status of the program. */
int sync_output_end(struct sync_output *output, const struct sp_sync_totals *totals);

#endif
