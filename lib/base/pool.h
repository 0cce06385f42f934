/* SPDX-License-Identifier: Apache-2.0 */
/* "Do these N things, at most K at a time": straight-line blocking work on short-lived threads with
 * small stacks.
 *
 * Blocks until all are done. Tasks are started in order of their number. It knows nothing of
 * errors: a task keeps its own result in ctx. With K = 1 or N = 1 everything runs on the caller's
 * thread.
 */
#ifndef SP_BASE_POOL_H
#define SP_BASE_POOL_H

#include <stddef.h>

#include "safeport/err.h"

/* Runs task number i (0 <= i < n). */
typedef void sp_pool_task(void *ctx, size_t i);

/* Runs task(ctx, 0..n-1) on at most max_threads threads (1..SP_MAX_WORKERS), the caller's among
 * them. All pools of the process together have SP_MAX_WORKERS threads besides their callers': one
 * inside a task of another gets what is left. If threads cannot be made it goes on with those it
 * has, the caller's at the least: it cannot fail. */
void sp_pool_run(size_t n, size_t max_threads, sp_pool_task *task, void *ctx);

/* A thread with SP_WORKER_STACK_BYTES and all signals blocked (signals belong to the main thread).
 */
SP_MUST_CHECK int sp_pool_thread(void *(*run)(void *), void *ctx, void *pthread_out,
                                 struct sp_err *err);

#endif
