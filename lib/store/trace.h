/* SPDX-License-Identifier: Apache-2.0 */
/* The wrapper that tells each operation to a listener after it ended: for tests of order and for
 * --debug. */
#ifndef SP_STORE_TRACE_H
#define SP_STORE_TRACE_H

#include "store/store.h"

/* One ended operation: its slot's name ("put_manifest"; "finish" of a writer), what it was about (a
 * tag or digest, may be
 * ""), and 0 or the error's code. Called from the thread that did it; one at a time. */
typedef void sp_trace_listener(void *ctx, const char *store, const char *operation,
                               const char *subject, enum sp_code code);
/* Wraps (takes) inner; on failure inner stays the caller's. */
SP_MUST_CHECK int sp_trace_wrap_take(struct sp_store *inner, sp_trace_listener *listener, void *ctx,
                                     struct sp_store **out, struct sp_err *err);

#endif
