/* SPDX-License-Identifier: Apache-2.0 */
/* A ring's consumer on its way out as the body of a request. While the ring has nothing, the
 * transfer is paused; the ring's waker makes it go on.
 *
 * An answer that comes before the whole body was sent ends the sending: the consumer is detached at
 * once, so that nobody waits for it, and a paused transfer is made to go on so that curl sees its
 * end. */
#include "base/limits.h"
#include "http/client.h"
#include "http/journey.h"

struct sp_http_upload {
  struct sp_http_request request; /* only site, method and purpose after the start */
  struct sp_journey journey;
  struct sp_ring *ring;
  size_t consumer;
  uint64_t given; /* bytes that curl has taken; the loop's thread alone */
};

/* -- on the loop's thread */

static size_t give_up(struct sp_exchange *exchange)
{
  struct sp_err err = SP_ERR_INIT;
  if (!exchange->headers_ended) {
    sp_fail(&err, SP_E_INTERRUPTED, "the upload to '%s' was given up",
            exchange->order.url->origin.host);
    sp_exchange_fail(exchange, &err);
  }
  return CURL_READFUNC_ABORT;
}

static size_t give(struct sp_exchange *exchange, char *out, size_t n)
{
  struct sp_http_upload *u = exchange->order.stream_ctx;
  size_t total = 0;
  bool end = false;
  bool aborted = false;
  while (total < n) {
    const char *bytes;
    size_t piece = sp_ring_peek(u->ring, u->consumer, &bytes, &end, &aborted);
    if (piece == 0)
      break;
    piece = piece < n - total ? piece : n - total;
    memcpy(out + total, bytes, piece);
    sp_ring_consume(u->ring, u->consumer, piece);
    total += piece;
  }
  if (aborted)
    return give_up(exchange);
  u->given += total;
  exchange->all_given = u->given == exchange->order.upload_bytes;
  return total > 0 || end ? total : CURL_READFUNC_PAUSE;
}

static void on_answered(struct sp_exchange *exchange)
{
  struct sp_http_upload *u = exchange->order.stream_ctx;
  struct sp_err err = SP_ERR_INIT;
  if (exchange->all_given)
    return;
  if (exchange->status < 300) {
    sp_fail(&err, SP_E_PROTOCOL, "'%s' answered %d before it had the whole body",
            exchange->order.url->origin.host, exchange->status);
    sp_exchange_fail(exchange, &err);
    return;
  }
  sp_ring_detach(u->ring, u->consumer, NULL);
  sp_loop_unpause(exchange->loop, &exchange->task);
}

static void on_ended(struct sp_exchange *exchange)
{
  struct sp_http_upload *u = exchange->order.stream_ctx;
  struct sp_err err = SP_ERR_INIT;
  bool failed = sp_exchange_result(exchange, &err) != 0;
  if (failed || !exchange->all_given)
    sp_ring_detach(u->ring, u->consumer, failed ? &err : NULL);
}

static const struct sp_exchange_stream stream = {
    .give = give, .answered = on_answered, .ended = on_ended};

/* -- outside */

static void wake(void *ctx)
{
  struct sp_http_upload *u = ctx;
  sp_loop_unpause(u->journey.exchange->loop, &u->journey.exchange->task);
}

int sp_http_upload_start(struct sp_http *http, const struct sp_http_request *request,
                         struct sp_ring *ring, size_t consumer, struct sp_http_upload **out,
                         struct sp_err *err)
{
  struct sp_http_upload *u = calloc(1, sizeof *u);
  if (!u)
    return sp_fail(err, SP_E_NOMEM, "cannot start an upload: out of memory");
  u->request = *request;
  u->ring = ring;
  u->consumer = consumer;
  u->journey = (struct sp_journey){.http = http,
                                   .request = &u->request,
                                   .lane = SP_LANE_WRITE,
                                   .party = ring,
                                   .stream = &stream,
                                   .stream_ctx = u,
                                   .upload_bytes = sp_ring_size(ring)};
  if (sp_journey_make(&u->journey, err) != 0) {
    sp_http_upload_close(u);
    return -1;
  }
  /* The ring may call back from here on; what it had to say before is looked at once. */
  sp_ring_set_consumer_waker(ring, consumer, wake, u);
  sp_loop_unpause(u->journey.exchange->loop, &u->journey.exchange->task);
  *out = u;
  return 0;
}

int sp_http_upload_finish(struct sp_http_upload *upload, struct sp_http_response *response,
                          struct sp_err *err)
{
  sp_exchange_wait_end(upload->journey.exchange);
  if (sp_exchange_result(upload->journey.exchange, err) != 0 ||
      sp_journey_check_stay(&upload->journey, err) != 0)
    return -1;
  return sp_journey_answer(&upload->journey, response, err);
}

void sp_http_upload_close(struct sp_http_upload *upload)
{
  if (!upload)
    return;
  sp_ring_set_consumer_waker(upload->ring, upload->consumer, NULL, NULL);
  sp_journey_end(&upload->journey);
  free(upload);
}
