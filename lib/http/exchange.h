/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its one answer: no redirects, no authorisation, no gate (http/journey.h has
 * those). Here is everything that libcurl is told and everything that its callbacks do: limits on
 * headers and bodies, the guard on addresses, the watchdog.
 *
 * Life cycle: sp_exchange_new, sp_exchange_start, then sp_exchange_wait_end (or _wait_answer
 * first), then look at it, sp_exchange_free. Private to http.
 *
 * Threads: between start and end it belongs to the loop's thread, except what _wait_answer says. */
#ifndef SP_HTTP_EXCHANGE_H
#define SP_HTTP_EXCHANGE_H

#include <stdatomic.h>

#include "http/client.h"
#include "http/loop.h"
#include "http/proxy.h"
#include "http/site.h"

/* The client, as its parts see it. Constant after sp_http_new, except the list of sites. */
struct sp_http {
  char *user_agent, *ca_file; /* owned; ca_file NULL: the system's */
  int64_t connect_timeout_ms;
  int64_t idle_timeout_ms;
  int64_t commit_timeout_ms;
  const struct sp_cancel *cancel;
  _Atomic int64_t stopping_ms; /* monotonic, when a wish to stop was first seen; 0: not yet */
  struct sp_proxy proxy;
  struct sp_loop *meta; /* HTTP/2 where offered: small answers of https */
  struct sp_loop *bulk; /* HTTP/1.1: everything else */
  pthread_mutex_t lock; /* of the list */
  struct sp_http_site *sites;
};

struct sp_exchange;

/* Bodies that are not held in memory. Called on the loop's thread; any may be NULL. */
struct sp_exchange_stream {
  /* Bytes of the body of a 200 or 206: answers n, CURL_WRITEFUNC_PAUSE, or 0 after sp_exchange_fail
   */
  size_t (*take)(struct sp_exchange *exchange, const char *bytes, size_t n);
  /* Fills `out` with bytes of the request's body: answers how many, CURL_READFUNC_PAUSE, or
   * CURL_READFUNC_ABORT after sp_exchange_fail. */
  size_t (*give)(struct sp_exchange *exchange, char *out, size_t n);
  /* The headers of the final answer are there. */
  void (*answered)(struct sp_exchange *exchange);
  /* It is over (sp_exchange_result tells how); nobody has been told yet. */
  void (*ended)(struct sp_exchange *exchange);
};

/* What is to be sent, all borrowed until the end. */
struct sp_exchange_order {
  struct sp_http *http;
  const struct sp_http_request *request;   /* site, method, headers, body, ceiling */
  const struct sp_url *url;                /* in place of the request's */
  const struct sp_secret *authorization;   /* NULL or empty: none */
  const struct sp_exchange_stream *stream; /* NULL: both bodies are in memory */
  void *stream_ctx;
  uint64_t upload_bytes; /* with stream->give */
};

struct sp_exchange {
  struct sp_loop_task task; /* first: tasks are cast back */
  struct sp_exchange_order order;
  struct sp_loop *loop;
  bool submitted;
  bool is_own; /* to the site's own origin */
  const char *proxy;
  struct curl_slist *lines; /* owned; holds the Authorization header */

  /* the answer */
  int status; /* of the final answer; 0: none yet */
  struct sp_headers headers;
  struct sp_buf body;
  bool headers_ended; /* of the final answer */
  bool in_headers;    /* of any answer, 1xx too */
  bool cut;           /* an error's body was longer than its ceiling */
  size_t header_bytes;
  int64_t first_byte_ms; /* from the end of connecting; -1: none yet */

  /* how it goes */
  struct sp_err failure;                            /* code SP_OK: none */
  struct sp_err refusal;                            /* the guard turned an address down */
  int64_t started_ms, sent_ms, give_up_ms, mark_ms; /* monotonic; 0: not yet */
  uint64_t mark_bytes;
  bool paused;    /* by us: time does not count */
  bool all_given; /* the last byte of an upload is with curl */
  char detail[CURL_ERROR_SIZE];
};

/* Prepares one. `*out` is the caller's. Fails: SP_E_USAGE (a header's value is not safe),
 * SP_E_NOMEM. */
SP_MUST_CHECK int sp_exchange_new(const struct sp_exchange_order *order, struct sp_exchange **out,
                                  struct sp_err *err);
/* Hands it to the loop. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_exchange_start(struct sp_exchange *exchange, struct sp_err *err);
/* Waits until the headers of a 200 or 206 with a stream are there (status, headers and
 * first_byte_ms may be read then), or until the end. */
void sp_exchange_wait_answer(struct sp_exchange *exchange);
/* Waits for the end. */
void sp_exchange_wait_end(struct sp_exchange *exchange);
/* 0 if there was a whole answer, else why not. Only after the end, or from stream->ended. */
SP_MUST_CHECK int sp_exchange_result(const struct sp_exchange *exchange, struct sp_err *err);
/* Cancels what still runs, waits, frees. NULL is nothing. */
void sp_exchange_free(struct sp_exchange *exchange);

/* -- for streams, on the loop's thread */
/* Gives up: the first error counts. */
void sp_exchange_fail(struct sp_exchange *exchange, const struct sp_err *err);
/* Its body streams: the answer is a 200 or 206 and there is someone to take it. */
bool sp_exchange_is_streaming(const struct sp_exchange *exchange);

SP_DEFINE_AUTO_FREE(struct sp_exchange, sp_exchange_free)

#endif
