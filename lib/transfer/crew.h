/* SPDX-License-Identifier: Apache-2.0 */
/* The crew: works through many blobs at once in bounded memory. Who is next is decided by size:
 * large blobs first, a few at a time, and small ones beside them, so that neither wait for the
 * other.
 */
#ifndef SP_TRANSFER_CREW_H
#define SP_TRANSFER_CREW_H

#include <stddef.h>
#include <stdint.h>

#include "safeport/err.h"

#define SP_CREW_WORKERS 32
#define SP_CREW_LARGE_BYTES (256u * 1024) /* larger blobs are "large" */
#define SP_CREW_LARGE_AT_ONCE 4
#define SP_CREW_RING_MAX_BYTES (512u * 1024)
#define SP_CREW_SMALL_RINGS_BYTES (2u * 1024 * 1024) /* of all small blobs on their way */

/* Works on blob number i with a ring of ring_bytes. Returns at once if there is nothing to do any
 * more. */
typedef void sp_crew_task(void *ctx, size_t i, size_t ring_bytes);

/* The ring that a blob of this size gets: its size in pages, SP_CREW_RING_MAX_BYTES at most. */
size_t sp_crew_ring_bytes(uint64_t size_bytes);

/* Runs the task once for each of n blobs. At no time are the rings given out larger than
 * SP_CREW_LARGE_AT_ONCE * SP_CREW_RING_MAX_BYTES + SP_CREW_SMALL_RINGS_BYTES together. Blocks until
 * all are done. Fails: SP_E_NOMEM (nothing was run). */
SP_MUST_CHECK int sp_crew_run(const uint64_t *sizes, size_t n, sp_crew_task *task, void *ctx,
                              struct sp_err *err);

#endif
