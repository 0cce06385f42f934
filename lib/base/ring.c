/* SPDX-License-Identifier: Apache-2.0 */
/* One mutex, held for a few instructions; bytes are copied outside of it: the producer writes only
 * what no consumer may see yet, consumers read only what was published.
 *
 * Every change under the lock ends in leave(), which finds out who waits no more (an end is *armed*
 * when it was told "nothing now"), opens the lock and calls their wakers. Ends without a waker are
 * the pump's: for them the count of changes goes up.
 *
 * Wake-ups cost a context switch each, so nobody is woken for crumbs: a consumer when there is a
 * good piece, the producer when half of the ring is free. That cannot hang: a producer that is
 * blocked makes any byte worth a wake-up (is_ready), and when all is consumed the whole ring is
 * room. */
#include "base/ring.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"

#define GOOD_PIECE_BYTES (64u * SP_KIB) /* what is worth waking an event loop for */

struct bell {
  sp_ring_waker *waker; /* NULL: the pump's */
  void *ctx;
  bool armed;       /* was told "nothing now" */
  unsigned ringing; /* calls of the waker under way */
};

struct consumer {
  struct bell bell;
  uint64_t pos;
  bool attached;
  bool exempt;
  bool borrowing; /* between a peek that gave bytes and the next call: its bytes may not go away */
  struct sp_err err;
};

struct sp_ring {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint64_t size;
  size_t cap;
  char *bytes;

  uint64_t written;
  size_t wanted; /* of the producer, while its bell is armed */
  struct bell bell;
  enum sp_ring_input input;
  struct sp_err input_err;

  bool approved, aborted;
  uint64_t changes;
  unsigned waiting;  /* threads in sp_ring_wait */
  unsigned changing; /* threads in set_waker */
  size_t consumer_count;
  struct consumer consumers[];
};

static size_t min_size(uint64_t a, size_t b)
{
  return a < b ? (size_t)a : b;
}

static bool init_sync(struct sp_ring *ring)
{
  pthread_condattr_t attr;
  if (pthread_condattr_init(&attr) != 0)
    return false;
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  int sys = pthread_cond_init(&ring->changed, &attr);
  pthread_condattr_destroy(&attr);
  if (sys != 0)
    return false;
  if (pthread_mutex_init(&ring->lock, NULL) == 0)
    return true;
  pthread_cond_destroy(&ring->changed);
  return false;
}

int sp_ring_new(uint64_t size_bytes, size_t capacity_bytes, size_t consumers, struct sp_ring **out,
                struct sp_err *err)
{
  assert(capacity_bytes > 0 && consumers <= SP_RING_CONSUMERS_MAX);
  SP_AUTO_FREE struct sp_ring *ring =
      calloc(1, sizeof *ring + consumers * sizeof ring->consumers[0]);
  size_t cap = min_size(size_bytes, capacity_bytes);
  /* Not zeroed: pages that no byte reaches are never touched. */
  SP_AUTO_FREE char *bytes = malloc(cap > 0 ? cap : 1);
  if (!ring || !bytes || !init_sync(ring))
    return sp_fail(err, SP_E_NOMEM, "cannot make a ring of %zu bytes: out of memory", cap);
  ring->size = size_bytes;
  ring->cap = cap > 0 ? cap : 1;
  ring->bytes = sp_steal(&bytes);
  ring->consumer_count = consumers;
  for (size_t i = 0; i < consumers; i++)
    ring->consumers[i] = (struct consumer){.attached = true, .err = SP_ERR_INIT};
  *out = sp_steal(&ring);
  return 0;
}

void sp_ring_free(struct sp_ring *ring)
{
  if (!ring)
    return;
  pthread_mutex_destroy(&ring->lock);
  pthread_cond_destroy(&ring->changed);
  free(ring->bytes);
  free(ring);
}

/* -- what holds now (all with the lock held) */

static size_t room(const struct sp_ring *ring)
{
  uint64_t oldest = ring->written;
  for (size_t i = 0; i < ring->consumer_count; i++) {
    const struct consumer *c = &ring->consumers[i];
    if ((c->attached || c->borrowing) && c->pos < oldest)
      oldest = c->pos;
  }
  return ring->cap - (size_t)(ring->written - oldest);
}

/* Bytes that consumer c may see. */
static uint64_t visible(const struct sp_ring *ring, const struct consumer *c)
{
  bool held = !ring->approved && !c->exempt && ring->size > 0 && ring->written == ring->size;
  return (held ? ring->size - 1 : ring->written) - c->pos;
}

static size_t good_piece(const struct sp_ring *ring, const struct bell *bell)
{
  size_t quarter = ring->cap / 4 > 0 ? ring->cap / 4 : 1;
  return bell->waker && quarter > GOOD_PIECE_BYTES ? GOOD_PIECE_BYTES : quarter;
}

static bool is_ready(const struct sp_ring *ring, const struct consumer *c)
{
  if (ring->aborted || !c->attached || c->pos == ring->size)
    return true;
  uint64_t n = visible(ring, c);
  bool nothing_coming =
      ring->written == ring->size || ring->input != SP_RING_OPEN || ring->bell.armed;
  return n >= good_piece(ring, &c->bell) || (n > 0 && nothing_coming);
}

static bool has_room(const struct sp_ring *ring)
{
  if (ring->input != SP_RING_OPEN)
    return true;
  size_t half = ring->cap / 2; /* the other half keeps the consumers busy meanwhile */
  return room(ring) >= (ring->wanted > half ? ring->wanted : half);
}

/* -- leaving the lock */

static void note_change(struct sp_ring *ring)
{
  ring->changes++;
  if (ring->waiting > 0)
    pthread_cond_broadcast(&ring->changed);
}

/* Disarms; adds the bell to those to be rung, or tells the pump. */
static size_t take_bell(struct sp_ring *ring, struct bell *bell, struct bell **rung, size_t n)
{
  bell->armed = false;
  if (!bell->waker) {
    note_change(ring);
    return n;
  }
  bell->ringing++;
  rung[n] = bell;
  return n + 1;
}

/* Rings, outside of the lock, and lets go. */
static void ring_bells(struct sp_ring *ring, struct bell **rung, size_t n)
{
  for (size_t i = 0; i < n; i++)
    rung[i]->waker(rung[i]->ctx); /* cannot change while ringing > 0 */
  SP_LOCK_SCOPE(&ring->lock);
  for (size_t i = 0; i < n; i++)
    rung[i]->ringing--;
  if (ring->changing > 0)
    pthread_cond_broadcast(&ring->changed);
}

/* Ends every change: unlocks and wakes those who wait no more. */
static void leave(struct sp_ring *ring)
{
  struct bell *rung[SP_RING_CONSUMERS_MAX + 1];
  size_t n = 0;
  for (size_t i = 0; i < ring->consumer_count; i++) {
    struct consumer *c = &ring->consumers[i];
    if (c->bell.armed && is_ready(ring, c))
      n = take_bell(ring, &c->bell, rung, n);
  }
  if (ring->bell.armed && has_room(ring))
    n = take_bell(ring, &ring->bell, rung, n);
  pthread_mutex_unlock(&ring->lock);
  if (n > 0)
    ring_bells(ring, rung, n);
}

static void enter(struct sp_ring *ring)
{
  pthread_mutex_lock(&ring->lock);
}

static void set_waker(struct sp_ring *ring, struct bell *bell, sp_ring_waker *waker, void *ctx)
{
  SP_LOCK_SCOPE(&ring->lock);
  ring->changing++;
  while (bell->ringing > 0)
    pthread_cond_wait(&ring->changed, &ring->lock);
  ring->changing--;
  bell->waker = waker;
  bell->ctx = ctx;
}

/* -- producer */

static void fail_input(struct sp_ring *ring, const struct sp_err *err)
{
  ring->input = SP_RING_FAILED;
  sp_err_copy(&ring->input_err, err);
  note_change(ring);
}

static void fail_longer(struct sp_ring *ring)
{
  struct sp_err err = SP_ERR_INIT;
  sp_fail(&err, SP_E_DIGEST, "the source sent more than the %llu bytes that were declared",
          (unsigned long long)ring->size);
  fail_input(ring, &err);
}

static void copy_in(struct sp_ring *ring, uint64_t at, const char *bytes, size_t n)
{
  size_t offset = (size_t)(at % ring->cap);
  size_t first = min_size(ring->cap - offset, n);
  memcpy(ring->bytes + offset, bytes, first);
  memcpy(ring->bytes, bytes + first, n - first);
}

bool sp_ring_write(struct sp_ring *ring, const void *bytes, size_t n)
{
  enter(ring);
  bool takes = ring->input == SP_RING_OPEN && n > 0;
  if (takes && n > ring->size - ring->written) {
    fail_longer(ring);
    takes = false;
  }
  assert(!takes || n <= ring->cap);
  bool blocked = takes && room(ring) < n;
  if (blocked) {
    ring->wanted = n;
    ring->bell.armed = true;
  }
  uint64_t at = ring->written;
  leave(ring);
  if (blocked)
    return false;
  if (!takes)
    return true;
  copy_in(ring, at, bytes, n);
  sp_ring_commit(ring, n);
  return true;
}

size_t sp_ring_reserve(struct sp_ring *ring, char **ptr)
{
  enter(ring);
  size_t offset = (size_t)(ring->written % ring->cap);
  size_t n = min_size(ring->size - ring->written, min_size(room(ring), ring->cap - offset));
  if (ring->input != SP_RING_OPEN)
    n = 0;
  else if (n == 0 && ring->written < ring->size) {
    ring->wanted = 1;
    ring->bell.armed = true;
  }
  *ptr = ring->bytes + offset;
  leave(ring);
  return n;
}

void sp_ring_commit(struct sp_ring *ring, size_t n)
{
  enter(ring);
  /* Once the input was given up there may be others in the place of these bytes: none count. */
  if (ring->input == SP_RING_OPEN)
    ring->written += n;
  leave(ring);
}

void sp_ring_close_input(struct sp_ring *ring, const struct sp_err *why)
{
  enter(ring);
  if (ring->input == SP_RING_OPEN && why) {
    fail_input(ring, why);
  } else if (ring->input == SP_RING_OPEN && ring->written < ring->size) {
    struct sp_err err = SP_ERR_INIT;
    sp_fail(&err, SP_E_NETWORK, "the source ended short: %llu of %llu bytes",
            (unsigned long long)ring->written, (unsigned long long)ring->size);
    fail_input(ring, &err);
  } else if (ring->input == SP_RING_OPEN) {
    ring->input = SP_RING_COMPLETE;
    note_change(ring);
  }
  leave(ring);
}

void sp_ring_reopen(struct sp_ring *ring)
{
  enter(ring);
  assert(ring->input == SP_RING_FAILED);
  if (!ring->aborted)
    ring->input = SP_RING_OPEN;
  ring->bell.armed = false;
  leave(ring);
}

void sp_ring_set_producer_waker(struct sp_ring *ring, sp_ring_waker *waker, void *ctx)
{
  set_waker(ring, &ring->bell, waker, ctx);
}

/* -- consumers */

size_t sp_ring_peek(struct sp_ring *ring, size_t i, const char **ptr, bool *end, bool *aborted)
{
  assert(i < ring->consumer_count);
  struct consumer *c = &ring->consumers[i];
  enter(ring);
  size_t offset = (size_t)(c->pos % ring->cap);
  *ptr = ring->bytes + offset;
  *aborted = ring->aborted || !c->attached;
  *end = !*aborted && c->pos == ring->size;
  size_t n = *aborted ? 0 : min_size(visible(ring, c), ring->cap - offset);
  c->borrowing = n > 0;
  c->bell.armed = n == 0 && !*end && !*aborted;
  leave(ring);
  return n;
}

void sp_ring_consume(struct sp_ring *ring, size_t i, size_t n)
{
  assert(i < ring->consumer_count);
  struct consumer *c = &ring->consumers[i];
  enter(ring);
  assert(!c->attached || n <= visible(ring, c));
  c->borrowing = false;
  if (c->attached)
    c->pos += n;
  if (c->attached && n > 0 && c->pos == ring->size)
    note_change(ring);
  leave(ring);
}

void sp_ring_detach(struct sp_ring *ring, size_t i, const struct sp_err *err)
{
  assert(i < ring->consumer_count);
  struct consumer *c = &ring->consumers[i];
  enter(ring);
  if (c->attached) {
    c->attached = false;
    if (err)
      sp_err_copy(&c->err, err);
    note_change(ring);
  }
  leave(ring);
}

void sp_ring_set_consumer_waker(struct sp_ring *ring, size_t i, sp_ring_waker *waker, void *ctx)
{
  assert(i < ring->consumer_count);
  set_waker(ring, &ring->consumers[i].bell, waker, ctx);
}

void sp_ring_set_exempt(struct sp_ring *ring, size_t i)
{
  assert(i < ring->consumer_count);
  enter(ring);
  ring->consumers[i].exempt = true;
  leave(ring);
}

void sp_ring_approve(struct sp_ring *ring)
{
  enter(ring);
  assert(ring->written == ring->size);
  ring->approved = true;
  leave(ring);
}

void sp_ring_abort(struct sp_ring *ring)
{
  enter(ring);
  ring->aborted = true;
  if (ring->input == SP_RING_OPEN) {
    struct sp_err err = SP_ERR_INIT;
    sp_fail(&err, SP_E_INTERRUPTED, "the transfer was given up");
    fail_input(ring, &err);
  }
  note_change(ring);
  leave(ring);
}

/* -- looking on */

enum sp_ring_input sp_ring_input_state(struct sp_ring *ring, struct sp_err *err)
{
  SP_LOCK_SCOPE(&ring->lock);
  if (ring->input == SP_RING_FAILED && err)
    sp_err_copy(err, &ring->input_err);
  return ring->input;
}

bool sp_ring_is_attached(struct sp_ring *ring, size_t i, struct sp_err *err)
{
  assert(i < ring->consumer_count);
  SP_LOCK_SCOPE(&ring->lock);
  if (!ring->consumers[i].attached && err)
    sp_err_copy(err, &ring->consumers[i].err);
  return ring->consumers[i].attached;
}

bool sp_ring_is_idle(struct sp_ring *ring, size_t i)
{
  assert(i < ring->consumer_count);
  SP_LOCK_SCOPE(&ring->lock);
  return ring->consumers[i].bell.armed;
}

uint64_t sp_ring_size(const struct sp_ring *ring)
{
  return ring->size;
}

size_t sp_ring_capacity(const struct sp_ring *ring)
{
  return ring->cap;
}

uint64_t sp_ring_written(struct sp_ring *ring)
{
  SP_LOCK_SCOPE(&ring->lock);
  return ring->written;
}

uint64_t sp_ring_consumed(struct sp_ring *ring, size_t i)
{
  assert(i < ring->consumer_count);
  SP_LOCK_SCOPE(&ring->lock);
  return ring->consumers[i].pos;
}

static struct timespec deadline_in(int64_t ms)
{
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  at.tv_sec += ms / 1000;
  at.tv_nsec += ms % 1000 * 1000000;
  if (at.tv_nsec >= 1000000000) {
    at.tv_sec++;
    at.tv_nsec -= 1000000000;
  }
  return at;
}

uint64_t sp_ring_wait(struct sp_ring *ring, uint64_t seen, int64_t timeout_ms)
{
  struct timespec deadline = deadline_in(timeout_ms);
  SP_LOCK_SCOPE(&ring->lock);
  ring->waiting++;
  int sys = 0;
  while (ring->changes == seen && sys == 0)
    sys = pthread_cond_timedwait(&ring->changed, &ring->lock, &deadline);
  ring->waiting--;
  return ring->changes;
}
