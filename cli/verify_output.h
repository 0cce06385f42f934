/* SPDX-License-Identifier: Apache-2.0 */
/* What verify over names prints: each image as it ends, then the sums. As text an image gets lines
 * only if something is wrong or worth telling (or with --verbose); as JSON one document that grows
 * by an image at a time. Errors go to stderr in both cases, and all of it to the CI system. While
 * it runs, a line on stderr says how far it is.
 *
 * Threads: verify_output_image is called by one thread at a time, verify_output_event by any.
 */
#ifndef CLI_VERIFY_OUTPUT_H
#define CLI_VERIFY_OUTPUT_H

#include <pthread.h>

#include "cli/ci_result.h"
#include "cli/live_line.h"
#include "safeport/verify.h"

struct verify_output {
  bool json, verbose;
  pthread_mutex_t lock;
  struct ci_result ci;
  struct live_line line;
  uint64_t images, blobs, bytes;
};

void verify_output_init(struct verify_output *output, bool json, bool verbose, bool quiet);
void verify_output_clear(struct verify_output *output);
/* For struct sp_verify_images_options; ctx is the struct verify_output. */
void verify_output_image(void *ctx, const struct sp_report *report);
void verify_output_complaint(void *ctx, const char *text);
void verify_output_event(void *ctx, const struct sp_event *event);
/* Prints the sums; answers the exit status of the program. */
int verify_output_end(struct verify_output *output, const struct sp_verify_totals *totals);

#endif
