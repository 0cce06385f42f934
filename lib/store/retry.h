/* SPDX-License-Identifier: Apache-2.0 */
/* The wrapper that tries again. The only place where whole operations are repeated.
 *
 * An operation that failed with a retryable code is repeated with growing, jittered waits (250 ms
 * doubling, at most 10 s; what the other side asked for where it asked) until `retry_for_ms` has
 * passed since its first failure. A wait that a throttling store asked for does not count against
 * it, up to SP_RETRY_AFTER_MAX_MS in all; what asks for more is not tried again: the error says how
 * long (retry_after_ms). set_tags goes on where it stopped. Readers and writers in
 * the middle of a blob are not repeated here (store/relay.h, transfer/move.h).
 */
#ifndef SP_STORE_RETRY_H
#define SP_STORE_RETRY_H

#include "base/cancel.h"
#include "store/store.h"

struct sp_retry_policy {
  int64_t retry_for_ms;           /* >= 0 */
  const struct sp_cancel *cancel; /* borrowed for the store's life; may be NULL */
};
/* Wraps (takes) inner; on failure inner stays the caller's. */
SP_MUST_CHECK int sp_retry_wrap_take(struct sp_store *inner, const struct sp_retry_policy *policy,
                                     struct sp_store **out, struct sp_err *err);

/* The waiting itself, for loops that repeat something else: decides after a failure whether to try
 * again, and sleeps. Answers true after the sleep; false if it is final (then *err is as it was, or
 * SP_E_INTERRUPTED). */
struct sp_retry_wait {
  int64_t first_failure_ms; /* -1 before */
  int64_t throttled_ms;     /* waited because asked to */
  int tries;
};
#define SP_RETRY_WAIT_INIT ((struct sp_retry_wait){.first_failure_ms = -1})
bool sp_retry_wait(struct sp_retry_wait *wait, const struct sp_retry_policy *policy,
                   struct sp_err *err);

#endif
