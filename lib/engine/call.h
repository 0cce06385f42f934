/* SPDX-License-Identifier: Apache-2.0 */
/* One request to an engine and its answer, both bodies as streams of a length that nobody knows.
 *
 * Not the client of http/: an engine is one fixed place, without redirects, tokens, limits or
 * sharing, and its bodies end in the thread that asks. So libcurl is driven by that thread itself,
 * whenever it reads or writes. A call has a connection of its own.
 *
 * Life cycle: sp_engine_call_begin, writes and sp_engine_call_end_body if it has a body,
 * sp_engine_call_answer, reads, sp_engine_call_free at any time (which hangs up). Threads: one call
 * belongs to one thread at a time.
 */
#ifndef SP_ENGINE_CALL_H
#define SP_ENGINE_CALL_H

#include "base/buf.h"
#include "base/cancel.h"
#include "engine/endpoint.h"

/* How to reach the engine; all borrowed for the life of a call. */
struct sp_engine_link {
  const struct sp_endpoint *endpoint;
  const char *user_agent;
  int64_t idle_timeout_ms;        /* > 0: nothing moves for so long: it has stalled */
  const struct sp_cancel *cancel; /* NULL = never */
};

struct sp_engine_call;
struct sp_engine_call_order {
  const char *method;    /* "GET"; "POST" with a body */
  const char *target;    /* "/v1.41/images/..."; for the call */
  const char *body_type; /* Content-Type of a body that is written; NULL: no body */
  int64_t patience_ms;   /* how much longer the answer may take to begin: engines pack and unpack
                            whole images before they answer */
};

/* Makes the request; nothing is sent before the first of the next functions. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_engine_call_begin(const struct sp_engine_link *link,
                                       const struct sp_engine_call_order *order,
                                       struct sp_engine_call **out, struct sp_err *err);
/* Hangs up, if it is not over, and frees. NULL is nothing. */
void sp_engine_call_free(struct sp_engine_call *call);

/* Sends bytes of the body; returns when they were taken. *answered (out): not all of them were, the
 * engine has answered and takes no more: what it says is why. Fails as sp_engine_call_answer. */
SP_MUST_CHECK int sp_engine_call_write(struct sp_engine_call *call, const void *bytes, size_t n,
                                       bool *answered, struct sp_err *err);
/* The body is complete. What the engine does with it may take `patience_ms` before it answers. */
void sp_engine_call_end_body(struct sp_engine_call *call, int64_t patience_ms);
/* Waits for the status of the answer.
 * Fails: SP_E_UNREACHABLE (nobody listens)    SP_E_AUTH (no permission on the socket)
 *        SP_E_TLS   SP_E_PROTOCOL (no HTTP)   SP_E_REFUSED (plain TCP would leave this host)
 *        SP_E_NETWORK (the engine went away, or nothing moved for too long)
 *        SP_E_INTERRUPTED */
SP_MUST_CHECK int sp_engine_call_answer(struct sp_engine_call *call, int *status,
                                        struct sp_err *err);
/* A header of the answer, borrowed until the next call; NULL if there is none. */
const char *sp_engine_call_header(struct sp_engine_call *call, const char *name);
/* Reads 1..n bytes of the answer's body; *got = 0 only at its proper end. Fails as above; an answer
 * that ends short is SP_E_NETWORK. */
SP_MUST_CHECK int sp_engine_call_read(struct sp_engine_call *call, void *buf, size_t n, size_t *got,
                                      struct sp_err *err);
/* Reads the rest of the body into `body`. Fails as sp_engine_call_read; SP_E_LIMIT (its ceiling).
 */
SP_MUST_CHECK int sp_engine_call_read_all(struct sp_engine_call *call, struct sp_buf *body,
                                          struct sp_err *err);

SP_DEFINE_AUTO_FREE(struct sp_engine_call, sp_engine_call_free)
#define SP_AUTO_ENGINE_CALL SP_CLEANUP(sp_engine_call_free_auto_)

#endif
