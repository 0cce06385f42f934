/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a job: what its steps share. Failures are kept here as they come: those of a
 * destination end that destination, those of the source and a wish to stop end the run.
 *
 * Life cycle: sp_run_init, the steps, sp_run_clear. Threads: every function may be called from any
 * thread; image and facts say for themselves.
 */
#ifndef SP_TRANSFER_RUN_H
#define SP_TRANSFER_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "transfer/facts.h"
#include "transfer/job.h"
#include "transfer/watch.h"

/* What is lost there is sent so often: once more after damage, twice after a loss (a registry that
 * collects garbage meanwhile). */
#define SP_RUN_ROUNDS 3

struct sp_run {
  const struct sp_transfer *job; /* borrowed */
  struct sp_report *report;      /* borrowed */
  struct sp_image image;
  struct sp_facts facts;
  struct sp_watch watch;
  int round; /* from 0; SP_RUN_ROUNDS at most */
  pthread_mutex_t lock;
  atomic_bool is_stopped;
  atomic_bool is_out[SP_MAX_DESTINATIONS];   /* failed */
  atomic_bool is_again[SP_MAX_DESTINATIONS]; /* wants another round */
};

/* A run of job (borrowed) that reports into report (borrowed). */
void sp_run_init(struct sp_run *run, const struct sp_transfer *job, struct sp_report *report);
/* Frees what it holds; the report stays. */
void sp_run_clear(struct sp_run *run);

/* The run as a whole has failed (the source, no memory, a signal); the first failure counts. */
void sp_run_fail(struct sp_run *run, const struct sp_err *err);
/* A destination has failed, or, if err is SP_E_INTERRUPTED or SP_E_NOMEM, the run. The first
 * failure counts. */
void sp_run_fail_place(struct sp_run *run, size_t place, const struct sp_err *err);
/* Did the run fail, or was it asked to stop? Notices the latter as a failure. */
bool sp_run_is_stopped(struct sp_run *run);
/* May work for this destination go on: the run was not stopped, the destination neither failed nor
 * waits for another round? */
bool sp_run_is_open(struct sp_run *run, size_t place);
/* The destination's content was lost after it seemed to be there: asks for another round that
 * believes nothing. Fails it where there are to be no more: after damage in the second, with err;
 * after a loss (SP_E_BLOB_UNKNOWN) in the third, with SP_E_DIGEST and what may be the cause. */
void sp_run_want_again(struct sp_run *run, size_t place, const struct sp_err *err);
/* Adds a finding to the destination's report and fails it with SP_E_DIGEST and this message. */
void sp_run_damage(struct sp_run *run, size_t place, const struct sp_digest *digest,
                   const char *what, const char *finding, const char *message);
/* What to do about what the destination took and does not have: `of_registry`, or where it is a
 * disk, what helps there. For sp_run_damage. */
const char *sp_run_remedy(const struct sp_run *run, size_t place, const char *of_registry);
/* Tells whoever runs the job (struct sp_transfer, was_read). */
void sp_run_was_read(const struct sp_run *run, size_t place, const struct sp_digest *digest,
                     bool is_good);
/* The store of place, or the source for SP_PLAN_SOURCE. */
struct sp_store *sp_run_store(const struct sp_run *run, size_t place);

#endif
