/* SPDX-License-Identifier: Apache-2.0 */
/* When the last sync of an image ended on this host, as the journal knows. Life cycle:
 * sp_last_runs_read, sp_last_runs_clear. Threads: read-only once read. */
#ifndef SP_SYNC_LAST_RUN_H
#define SP_SYNC_LAST_RUN_H

#include "journal/runs.h"

struct sp_last_runs {
  struct sp_run *runs; /* newest first */
  size_t count;
};

/* Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_last_runs_read(struct sp_last_runs *last, struct sp_journal *journal,
                                    struct sp_err *err);
void sp_last_runs_clear(struct sp_last_runs *last);
/* Of the last sync that was not interrupted and was about all images, or about this one, or its
 * namespace; 0: none is known. */
int64_t sp_last_runs_ended_s(const struct sp_last_runs *last, const char *image);

#endif
