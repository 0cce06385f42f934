/* SPDX-License-Identifier: Apache-2.0 */
/* status over many images, through the same window as sync: each is surveyed as sync would survey
 * it, told, and forgotten. Not here: opening (api/), showing (cli/). */
#ifndef SP_SYNC_STATUS_H
#define SP_SYNC_STATUS_H

#include "safeport/status.h"
#include "sync/sync.h"

struct sp_status_run {
  struct sp_sync sync; /* images, journal, max_proof_age_s, jobs, retry and cancel of it */
  bool (*is_required)(void *ctx, size_t number); /* ctx is sync.images.ctx */
  size_t history_limit;
  bool with_sizes;
  void (*done)(void *ctx, const struct sp_status_image *image); /* in order; one call at a time */
  void *ctx;
};

/* Runs it and fills totals, all but started and seconds. Blocks until done. */
void sp_status_look(const struct sp_status_run *run, struct sp_status_totals *totals);

#endif
