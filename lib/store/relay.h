/* SPDX-License-Identifier: Apache-2.0 */
/* Moves one blob from a store to several others: read once, hashed on the way, in bounded memory.
 *
 * The calling thread is the relay's pump: it hashes, drives the ends that block (files, memory),
 * watches slow and failed destinations, and re-opens a source that broke off at the byte it had
 * reached. Event-driven ends (registries) run on their loop and never wait for each other but
 * through the ring.
 *
 * A destination that has held up the source for 5 s, and is slower than a quarter of what another
 * one could do, is detached, as is one that fails; the caller gives all of these one more read
 * together (transfer/move.h).
 */
#ifndef SP_STORE_RELAY_H
#define SP_STORE_RELAY_H

#include "base/cancel.h"
#include "store/store.h"

enum sp_relay_result { SP_RELAY_DONE, SP_RELAY_FAILED, SP_RELAY_DETACHED };

struct sp_relay_end {
  struct sp_store *store;      /* in: borrowed */
  enum sp_relay_result result; /* out */
  struct sp_err err;           /* out: why, if FAILED */
  uint64_t sent_bytes;         /* out: without the resumed ones */
  uint64_t resumed_bytes;      /* out: that an earlier writer had sent (struct sp_writer) */
  int64_t failing_since_ms;    /* out: monotonic, when begin_write was called that failed; else 0 */
};

struct sp_relay {
  struct sp_store *source; /* borrowed */
  struct sp_digest digest;
  uint64_t size_bytes;
  /* In this order they begin and start; where that means to wait for a slot of a registry, all
   * relays must have the registries in the same order (transfer/sending.c). */
  struct sp_relay_end *ends; /* borrowed; 0..SP_MAX_DESTINATIONS. None: the blob is only read and
                                hashed (proof READ) */
  size_t end_count;
  size_t ring_bytes;     /* 0 = the default, 512 KiB */
  int64_t retry_for_ms;  /* for re-opening the source */
  int64_t slow_after_ms; /* 0 = the default, 5000: how long an end may hold up the others */
  const struct sp_cancel *cancel;
  /* Called on the pump thread, a few times a second: bytes read so far and, per end, sent. May be
   * NULL. */
  void (*progress)(void *ctx, const struct sp_relay *relay, uint64_t read_bytes);
  void *progress_ctx;
  uint64_t read_bytes;     /* out: bytes that came from the source, repeats included */
  unsigned wrong_readings; /* out: times that the source's bytes were wrong */
  bool is_short;           /* out: the source answers, and its bytes end at the same place each
                              time, too early */
};

/* Runs it to its end. 0: each end has its own result, and if one is DONE (or there are none) the
 * source was read whole and has the right digest. When every end has failed or was detached the
 * source is not read on. Ends that had not failed by themselves when the source failed are
 * DETACHED. An end that FAILED with a retryable code is not tried again here.
 * Fails: SP_E_DIGEST       the source's bytes are wrong (twice: a first wrong reading is read
 *                          again), or is_short; no end is DONE
 *        SP_E_NOT_FOUND    the source does not have it
 *        SP_E_INTERRUPTED  and what else the source failed with
 * Blocks: until then; the source's silence ends by the store's own timeouts. */
SP_MUST_CHECK int sp_relay_run(struct sp_relay *relay, struct sp_err *err);

#endif
