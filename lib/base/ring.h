/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of one blob on their way: a bounded ring between one producer and a few consumers, each
 * at its own place.
 *
 * It is how "read once, write to N" stays in bounded memory: the producer waits while the slowest
 * attached consumer is a whole ring behind. Ends live on different threads: an end that belongs to
 * an event loop never waits here, it is called back (its *waker*) when it may go on; an end that
 * blocks (a file, a hash) is pumped by the thread that runs the relay (store/relay.h), which waits
 * with sp_ring_wait.
 *
 * The *held tail*: of a blob that is not approved yet, consumers never see the last byte. So no
 * store can have been sent the whole of a blob whose hash turned out wrong. The consumer that
 * hashes is exempt.
 *
 * Threads: every function may be called from any thread; each end is used by one thread at a time.
 * Wakers are called without any lock of the ring held, and must not block.
 */
#ifndef SP_BASE_RING_H
#define SP_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scope.h"
#include "safeport/err.h"

#define SP_RING_CONSUMERS_MAX 34 /* SP_MAX_DESTINATIONS, the hash, and one to spare */

struct sp_ring;
typedef void sp_ring_waker(void *ctx);

/* A ring for a blob of exactly size_bytes. capacity_bytes is lowered to the blob's size where that
 * is less. Consumers 0..consumers-1 start attached, at position 0. `*out` is the caller's. Fails:
 * SP_E_NOMEM. */
SP_MUST_CHECK int sp_ring_new(uint64_t size_bytes, size_t capacity_bytes, size_t consumers,
                              struct sp_ring **out, struct sp_err *err);
/* All ends must have let go of it. */
void sp_ring_free(struct sp_ring *ring);

/* -- producer */
/* Takes all n bytes or none. False: no room now; the producer's waker is called (once) when there
 * is room for n (and for a piece worth a wake-up). n may not be larger than the capacity: callers
 * with larger pieces cut them (sp_ring_capacity). More bytes than the blob's size: taken as a
 * failure of the input (SP_E_DIGEST "longer than declared"), true. After the input was closed or
 * the ring aborted: dropped, true; sp_ring_input_state says so. */
bool sp_ring_write(struct sp_ring *ring, const void *bytes, size_t n);
/* For a producer that can write in place: contiguous room, never more than the blob still lacks. 0:
 * none now (waker as above for 1 byte), or nothing more is wanted (sp_ring_written is the size, or
 * the input is no longer open). */
size_t sp_ring_reserve(struct sp_ring *ring, char **ptr);
void sp_ring_commit(struct sp_ring *ring, size_t n);
/* The producer stops: err NULL = all bytes were written (fewer than the size is turned into
 * SP_E_NETWORK "short"), else why. Consumers see it by sp_ring_input_state. A new producer may go
 * on after sp_ring_reopen. */
void sp_ring_close_input(struct sp_ring *ring, const struct sp_err *err);
/* Makes a failed input good again for a second producer that continues at sp_ring_written(). The
 * first one must have let go. */
void sp_ring_reopen(struct sp_ring *ring);
/* Sets what is called when there is room again; an end without a waker is the pump's. Returns when
 * no call of the former waker is under way, so its ctx may be freed then; not to be called from a
 * waker. The same holds for sp_ring_set_consumer_waker. */
void sp_ring_set_producer_waker(struct sp_ring *ring, sp_ring_waker *waker, void *ctx);

/* -- consumers */
/* Contiguous bytes at consumer i's place; 0: nothing now (waker is called once when there is), or
 * `*end`: all size bytes were consumed, or `*aborted`: the ring was aborted and nothing more will
 * come (or i was detached). The bytes stay where they are until i's next call
 * of sp_ring_consume or sp_ring_peek. "When there is" means a piece worth a wake-up (64 KiB, or a
 * quarter of the ring where that is less), or all that will come for now. */
size_t sp_ring_peek(struct sp_ring *ring, size_t i, const char **ptr, bool *end, bool *aborted);
/* Passes the first n bytes of what the last peek gave. */
void sp_ring_consume(struct sp_ring *ring, size_t i, size_t n);
/* Consumer i stops caring; the producer no longer waits for it. err (may be NULL) is kept for
 * sp_ring_is_attached. Bytes that i had peeked at stay until its next call: no end holds them while
 * it waits for something, and the relay gives back those of an end that failed. */
void sp_ring_detach(struct sp_ring *ring, size_t i, const struct sp_err *err);
/* As sp_ring_set_producer_waker. */
void sp_ring_set_consumer_waker(struct sp_ring *ring, size_t i, sp_ring_waker *waker, void *ctx);
/* Consumer i may see the last byte before approval (the hash). */
void sp_ring_set_exempt(struct sp_ring *ring, size_t i);
/* All bytes are written and were checked: everyone may have the last one. */
void sp_ring_approve(struct sp_ring *ring);
/* Nothing more will come, for anyone: all consumers see `aborted`, an open input is closed with
 * SP_E_INTERRUPTED. */
void sp_ring_abort(struct sp_ring *ring);

/* -- looking on */
enum sp_ring_input { SP_RING_OPEN, SP_RING_COMPLETE, SP_RING_FAILED };
/* State of the input; if it failed and err is not NULL, why. */
enum sp_ring_input sp_ring_input_state(struct sp_ring *ring, struct sp_err *err);
/* Is consumer i still attached? If not and err is not NULL, *err is what it was detached with (code
 * SP_OK if none). */
bool sp_ring_is_attached(struct sp_ring *ring, size_t i, struct sp_err *err);
/* Is consumer i idle: was it told "nothing now", and was there nothing worth a wake-up since? */
bool sp_ring_is_idle(struct sp_ring *ring, size_t i);
uint64_t sp_ring_size(const struct sp_ring *ring);
size_t sp_ring_capacity(const struct sp_ring *ring);
uint64_t sp_ring_written(struct sp_ring *ring);            /* bytes so far */
uint64_t sp_ring_consumed(struct sp_ring *ring, size_t i); /* bytes so far */
/* Counts every change that a pump thread may care about. Wait until it is no longer `seen` or
 * timeout_ms is over; answers the present count. A change is signalled when the input ended, a
 * consumer was detached or has passed the last byte, or a blocked pump end has at least a quarter
 * of the ring (or all there will be) to work on. */
uint64_t sp_ring_wait(struct sp_ring *ring, uint64_t seen, int64_t timeout_ms);

SP_DEFINE_AUTO_FREE(struct sp_ring, sp_ring_free)
#define SP_AUTO_RING SP_CLEANUP(sp_ring_free_auto_)

#endif
