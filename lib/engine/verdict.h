/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine says while it loads an image: JSON objects, one a line, behind a 200 that was sent
 * before the work began. So a failure is one of the lines (Engine API "Import images"):
 * `{"errorDetail":{"message":"..."},"error":"..."}`.
 *
 * Life cycle: sp_verdict_init, feeds, sp_verdict_end, sp_verdict_clear. Threads: none of its own.
 */
#ifndef SP_ENGINE_VERDICT_H
#define SP_ENGINE_VERDICT_H

#include "base/buf.h"

#define SP_VERDICT_TEXT_MAX 512

struct sp_verdict {
  struct sp_buf line;              /* what came of the present line */
  char error[SP_VERDICT_TEXT_MAX]; /* the first one, escaped; "" none */
};

void sp_verdict_init(struct sp_verdict *verdict);
void sp_verdict_clear(struct sp_verdict *verdict);
/* Takes n bytes, cut anywhere. Fails: SP_E_PROTOCOL (a line that is no JSON object), SP_E_LIMIT (a
 * line over SP_MAX_ENGINE_LINE_BYTES), SP_E_NOMEM. */
SP_MUST_CHECK int sp_verdict_feed(struct sp_verdict *verdict, const char *bytes, size_t n,
                                  struct sp_err *err);
/* Nothing more comes. Fails, as the engine did: SP_E_STORE_FULL (it has no room), SP_E_INVALID (it
 * did not take the image); and as sp_verdict_feed. */
SP_MUST_CHECK int sp_verdict_end(struct sp_verdict *verdict, struct sp_err *err);

/* The same for the end of a stream that is no text: an engine that fails in the middle of a tar
 * puts such a line behind it. Writes the message, escaped, if `tail` ends in one; "" if not. */
void sp_verdict_find_in_tail(struct sp_span tail, char out[SP_VERDICT_TEXT_MAX]);

SP_DEFINE_AUTO_CLEAR(struct sp_verdict, sp_verdict_clear)
#define SP_AUTO_VERDICT SP_CLEANUP(sp_verdict_clear_auto_)

#endif
