/* SPDX-License-Identifier: Apache-2.0 */
/* A body on its way into a ring. Before it is started, and while the ring is full, the transfer is
 * paused; the ring's waker makes it go on.
 *
 * curl gives a piece again after a pause, from its first byte. A small ring may have taken a part
 * of it already: `ahead` counts the bytes that are to be passed over. */
#include "base/limits.h"
#include "http/client.h"
#include "http/journey.h"

struct sp_http_download {
  struct sp_http_request request; /* only site, method and purpose after the opening */
  struct sp_journey journey;

  pthread_mutex_t lock; /* start and end may meet */
  struct sp_ring *ring; /* NULL: not started */
  bool over;

  size_t ahead; /* the loop's thread alone */
};

static struct sp_ring *ring_of(struct sp_http_download *d)
{
  SP_LOCK_SCOPE(&d->lock);
  return d->ring;
}

/* -- on the loop's thread */

/* The rest of a piece into the ring; true if all of it was taken. */
static bool pour(struct sp_http_download *d, struct sp_ring *ring, const char *bytes, size_t n)
{
  size_t cap = sp_ring_capacity(ring);
  while (d->ahead < n) {
    size_t piece = n - d->ahead < cap ? n - d->ahead : cap;
    if (!sp_ring_write(ring, bytes + d->ahead, piece))
      return false;
    d->ahead += piece;
  }
  d->ahead -= n;
  return true;
}

static size_t take(struct sp_exchange *exchange, const char *bytes, size_t n)
{
  struct sp_http_download *d = exchange->order.stream_ctx;
  struct sp_ring *ring = ring_of(d);
  struct sp_err err = SP_ERR_INIT;
  if (!ring || !pour(d, ring, bytes, n))
    return CURL_WRITEFUNC_PAUSE;
  if (sp_ring_input_state(ring, &err) == SP_RING_OPEN)
    return n;
  sp_exchange_fail(exchange, &err); /* too long, or nobody wants it any more */
  return 0;
}

static void on_answered(struct sp_exchange *exchange)
{
  if (sp_exchange_is_streaming(exchange))
    sp_loop_announce(exchange->loop, &exchange->task);
}

static void close_input(const struct sp_exchange *exchange, struct sp_ring *ring)
{
  struct sp_err err = SP_ERR_INIT;
  sp_ring_close_input(ring, sp_exchange_result(exchange, &err) == 0 ? NULL : &err);
}

static void on_ended(struct sp_exchange *exchange)
{
  struct sp_http_download *d = exchange->order.stream_ctx;
  if (!sp_exchange_is_streaming(exchange))
    return; /* a redirect or a 401: the body comes with another exchange */
  pthread_mutex_lock(&d->lock);
  struct sp_ring *ring = d->ring;
  d->over = true;
  pthread_mutex_unlock(&d->lock);
  if (ring)
    close_input(exchange, ring);
}

static const struct sp_exchange_stream stream = {
    .take = take, .answered = on_answered, .ended = on_ended};

/* -- outside */

static void wake(void *ctx)
{
  struct sp_http_download *d = ctx;
  sp_loop_unpause(d->journey.exchange->loop, &d->journey.exchange->task);
}

int sp_http_download_open(struct sp_http *http, const struct sp_http_request *request,
                          struct sp_http_response *response, struct sp_http_download **out,
                          struct sp_err *err)
{
  struct sp_http_download *d = calloc(1, sizeof *d);
  *out = NULL;
  if (!d)
    return sp_fail(err, SP_E_NOMEM, "cannot open a download: out of memory");
  pthread_mutex_init(&d->lock, NULL);
  d->request = *request;
  d->journey = (struct sp_journey){.http = http,
                                   .request = &d->request,
                                   .lane = SP_LANE_READ,
                                   .stream = &stream,
                                   .stream_ctx = d};
  int rc = sp_journey_make(&d->journey, err);
  bool streams = rc == 0 && sp_exchange_is_streaming(d->journey.exchange);
  if (rc == 0)
    rc = sp_journey_answer(&d->journey, response, err);
  if (rc == 0 && streams)
    *out = d;
  else
    sp_http_download_close(d);
  return rc;
}

void sp_http_download_start(struct sp_http_download *download, struct sp_ring *ring)
{
  struct sp_exchange *exchange = download->journey.exchange;
  sp_ring_set_producer_waker(ring, wake, download);
  pthread_mutex_lock(&download->lock);
  download->ring = ring;
  bool over = download->over;
  pthread_mutex_unlock(&download->lock);
  if (over)
    close_input(exchange, ring);
  else
    sp_loop_unpause(exchange->loop, &exchange->task);
}

void sp_http_download_close(struct sp_http_download *download)
{
  if (!download)
    return;
  if (download->ring)
    sp_ring_set_producer_waker(download->ring, NULL, NULL);
  sp_journey_end(&download->journey);
  pthread_mutex_destroy(&download->lock);
  free(download);
}
