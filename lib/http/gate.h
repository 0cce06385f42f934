/* SPDX-License-Identifier: Apache-2.0 */
/* The limit of one registry, shared by all work in the process: how many requests at once, and when
 * nobody may.
 *
 * Three lanes (metadata, reading blobs, writing blobs), each at most `width` at once. The width
 * adapts: it grows by one per good answer up to SP_MAX_CONNECTIONS where round trips are long
 * enough for that to help (over 4 ms), else up to 8; it halves on 429 and 503, and the gate is shut
 * for what Retry-After asked, for everyone, once. A pause longer than SP_RETRY_AFTER_MAX_MS is
 * waited for by nobody.
 *
 * The request that opens an upload goes by the lane of uploads: it is as much of their work as the
 * bytes, and many small blobs would else fill the lane of metadata.
 *
 * Lanes make waiting safe: a relay takes its write slots, registry by registry in one order for all
 * relays (transfer/sending.c), then its read slot, and metadata holds nothing while waiting. A
 * relay with several destinations in one registry needs several write slots before any of them can
 * be given back: it enters as a *party*, and a party that is inside a lane may always enter it
 * again. Threads: any.
 */
#ifndef SP_HTTP_GATE_H
#define SP_HTTP_GATE_H

#include <stdint.h>

#include "base/cancel.h"
#include "safeport/err.h"

enum sp_lane { SP_LANE_META, SP_LANE_READ, SP_LANE_WRITE, SP_LANE_COUNT };

struct sp_gate;

SP_MUST_CHECK int sp_gate_new(struct sp_gate **out, struct sp_err *err);
void sp_gate_free(struct sp_gate *gate);
/* Waits for a slot. `party` is only compared (NULL: of none). Fails: SP_E_INTERRUPTED;
 * SP_E_THROTTLED if the gate is shut for longer than SP_RETRY_AFTER_MAX_MS (with what is left of it
 * in retry_after_ms), or has been shut again and again for that long without a good answer in
 * between. */
SP_MUST_CHECK int sp_gate_enter(struct sp_gate *gate, enum sp_lane lane, const void *party,
                                const struct sp_cancel *cancel, struct sp_err *err);
/* The same for what is not worth a long wait (cleaning up), and which a wish to stop does not end:
 * waits no longer than `wait_ms`. Fails: SP_E_THROTTLED. */
SP_MUST_CHECK int sp_gate_enter_soon(struct sp_gate *gate, enum sp_lane lane, int64_t wait_ms,
                                     struct sp_err *err);
/* Another patience than SP_RETRY_AFTER_MAX_MS, for tests. */
void sp_gate_set_patience(struct sp_gate *gate, int64_t patience_ms);
/* How it went. */
struct sp_gate_report {
  int http_status;        /* 0: there was no answer */
  int64_t first_byte_ms;  /* < 0: not measured */
  int64_t retry_after_ms; /* < 0: the answer did not say */
};
/* Gives the slot back; `party` as on entering. */
void sp_gate_leave(struct sp_gate *gate, enum sp_lane lane, const void *party,
                   const struct sp_gate_report *report);
/* Present width, for the plan and for tests. */
int sp_gate_width(struct sp_gate *gate);

#endif
