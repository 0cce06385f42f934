/* SPDX-License-Identifier: Apache-2.0 */
/* The way of one request to its final answer: authorisation (once more after a 401), the gate, and
 * redirects. What goes over the wire at each hop is an exchange (http/exchange.h). Private to http.
 *
 * Life cycle: fill the first fields, sp_journey_make, look at the exchange, sp_journey_end.
 * Threads: one at a time. */
#ifndef SP_HTTP_JOURNEY_H
#define SP_HTTP_JOURNEY_H

#include "http/exchange.h"

struct sp_journey {
  /* set by the caller; borrowed */
  struct sp_http *http;
  const struct sp_http_request *request;
  enum sp_lane lane;
  const void *party; /* with whom it enters the gate (http/gate.h); NULL: alone */
  const struct sp_exchange_stream *stream; /* of the final answer; NULL: in memory */
  void *stream_ctx;
  uint64_t upload_bytes;

  /* the journey's own */
  struct sp_exchange *exchange; /* the last hop; owned */
  struct sp_url url;            /* where it went; owned */
  struct sp_secret secret;      /* the Authorization header; owned */
  bool at_home;                 /* no hop was to another origin: secrets may go along */
  bool inside;                  /* the gate's slot is held */
};

/* Checks where the request may go, and performs it up to its final answer. With a stream that takes
 * the body of a 200 or 206, the exchange still runs then; else it has ended. With a stream that
 * gives, it returns as soon as the exchange was started. The slot of the gate is held until
 * sp_journey_end. On failure nothing is left to be ended. Fails: as sp_http_perform. */
SP_MUST_CHECK int sp_journey_make(struct sp_journey *journey, struct sp_err *err);
/* Ends the exchange if it still runs, tells the gate how it went, and frees. */
void sp_journey_end(struct sp_journey *journey);
/* Moves status, headers, URL and (where it does not stream) body into the response, which is
 * emptied before; the slot of the gate is given back where nothing streams. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_journey_answer(struct sp_journey *journey, struct sp_http_response *response,
                                    struct sp_err *err);
/* Raises SP_E_PROTOCOL if a request that may not be redirected was answered so. */
SP_MUST_CHECK int sp_journey_check_stay(const struct sp_journey *journey, struct sp_err *err);

#endif
