/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/pool.h"

static struct sp_ring *make(uint64_t size, size_t cap, size_t consumers)
{
  struct sp_ring *ring = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_ring_new(size, cap, consumers, &ring, &err), 0);
  return ring;
}

static void count_ring(void *ctx)
{
  atomic_fetch_add((atomic_int *)ctx, 1);
}

/* What a peek answers, in one struct. */
struct look {
  size_t n;
  bool end, aborted;
  const char *ptr;
};
static struct look look(struct sp_ring *ring, size_t i)
{
  struct look l = {0};
  l.n = sp_ring_peek(ring, i, &l.ptr, &l.end, &l.aborted);
  return l;
}

/* Takes everything that consumer i may see now. */
static size_t drain(struct sp_ring *ring, size_t i)
{
  size_t total = 0;
  for (struct look l = look(ring, i); l.n > 0; l = look(ring, i)) {
    sp_ring_consume(ring, i, l.n);
    total += l.n;
  }
  return total;
}

static void longer_than_declared_fails_the_input(void **state)
{
  (void)state;
  SP_AUTO_RING struct sp_ring *ring = make(4, 64, 1);
  struct sp_err err = SP_ERR_INIT;
  assert_true(sp_ring_write(ring, "abc", 3));
  assert_true(sp_ring_write(ring, "de", 2));
  assert_int_equal(sp_ring_input_state(ring, &err), SP_RING_FAILED);
  assert_int_equal(err.code, SP_E_DIGEST);
  assert_int_equal(sp_ring_written(ring), 3);
  assert_true(sp_ring_write(ring, "d", 1)); /* dropped */
  assert_int_equal(sp_ring_written(ring), 3);
}

static void short_input_is_a_network_failure(void **state)
{
  (void)state;
  SP_AUTO_RING struct sp_ring *ring = make(4, 64, 1);
  struct sp_err err = SP_ERR_INIT;
  assert_true(sp_ring_write(ring, "abc", 3));
  sp_ring_close_input(ring, NULL);
  assert_int_equal(sp_ring_input_state(ring, &err), SP_RING_FAILED);
  assert_int_equal(err.code, SP_E_NETWORK);
  sp_ring_reopen(ring);
  assert_int_equal(sp_ring_input_state(ring, NULL), SP_RING_OPEN);
  assert_int_equal(sp_ring_written(ring), 3);
  assert_true(sp_ring_write(ring, "d", 1));
  sp_ring_close_input(ring, NULL);
  assert_int_equal(sp_ring_input_state(ring, NULL), SP_RING_COMPLETE);
}

static void the_first_reason_of_a_failure_stays(void **state)
{
  (void)state;
  SP_AUTO_RING struct sp_ring *ring = make(4, 64, 1);
  struct sp_err err = SP_ERR_INIT;
  struct sp_err got = SP_ERR_INIT;
  sp_fail(&err, SP_E_SERVER, "first");
  sp_ring_close_input(ring, &err);
  sp_ring_close_input(ring, NULL);
  sp_ring_abort(ring);
  assert_int_equal(sp_ring_input_state(ring, &got), SP_RING_FAILED);
  assert_string_equal(got.msg, "first");
  sp_ring_reopen(ring); /* of an aborted ring: stays closed */
  assert_int_equal(sp_ring_input_state(ring, NULL), SP_RING_FAILED);
}

static void the_last_byte_is_held_until_approval(void **state)
{
  static const uint64_t sizes[] = {1, 2, 100};
  (void)state;
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    char bytes[100] = {0};
    size_t size = (size_t)sizes[s];
    atomic_int rings = 0;
    SP_AUTO_RING struct sp_ring *ring = make(size, 4096, 2);
    sp_ring_set_exempt(ring, 0);
    sp_ring_set_consumer_waker(ring, 1, count_ring, &rings);
    assert_true(sp_ring_write(ring, bytes, size));
    sp_ring_close_input(ring, NULL);
    assert_int_equal(drain(ring, 0), size);
    assert_true(look(ring, 0).end);
    assert_int_equal(drain(ring, 1), size - 1);
    assert_false(look(ring, 1).end);
    assert_int_equal(rings, 0);
    sp_ring_approve(ring);
    assert_int_equal(rings, 1);
    assert_int_equal(drain(ring, 1), 1);
    assert_true(look(ring, 1).end);
  }
}

static void an_empty_blob_ends_at_once(void **state)
{
  (void)state;
  SP_AUTO_RING struct sp_ring *ring = make(0, 4096, 1);
  char *ptr = NULL;
  assert_true(look(ring, 0).end);
  assert_int_equal(sp_ring_reserve(ring, &ptr), 0);
  sp_ring_close_input(ring, NULL);
  assert_int_equal(sp_ring_input_state(ring, NULL), SP_RING_COMPLETE);
  sp_ring_approve(ring);
}

static void bytes_survive_the_wrap(void **state)
{
  (void)state;
  SP_AUTO_RING struct sp_ring *ring = make(1000, 7, 2);
  sp_ring_set_exempt(ring, 0);
  sp_ring_set_exempt(ring, 1);
  unsigned char next_in = 0;
  unsigned char next_out[2] = {0, 0};
  while (sp_ring_written(ring) < 1000) {
    unsigned char piece[5];
    size_t n = 1 + sp_ring_written(ring) % 5;
    if (n > 1000 - sp_ring_written(ring))
      n = 1;
    for (size_t i = 0; i < n; i++)
      piece[i] = (unsigned char)(next_in + i);
    if (sp_ring_write(ring, piece, n))
      next_in = (unsigned char)(next_in + n);
    for (size_t c = 0; c < 2; c++) {
      struct look l = look(ring, c);
      size_t take = l.n > c + 2 ? c + 2 : l.n;
      for (size_t i = 0; i < take; i++)
        assert_int_equal((unsigned char)l.ptr[i], next_out[c]++);
      sp_ring_consume(ring, c, take);
    }
  }
}

static void the_slowest_attached_consumer_holds_the_producer(void **state)
{
  (void)state;
  char piece[16] = {0};
  atomic_int rings = 0;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RING struct sp_ring *ring = make(1000, 16, 2);
  sp_ring_set_producer_waker(ring, count_ring, &rings);
  assert_true(sp_ring_write(ring, piece, 16));
  assert_int_equal(drain(ring, 0), 16);
  assert_false(sp_ring_write(ring, piece, 10));
  assert_int_equal(look(ring, 1).n, 16);
  sp_ring_consume(ring, 1, 9); /* room for 9 */
  assert_int_equal(rings, 0);
  look(ring, 1);
  sp_ring_consume(ring, 1, 1); /* for 10 */
  assert_int_equal(rings, 1);
  look(ring, 1);
  sp_ring_consume(ring, 1, 1); /* only once */
  assert_int_equal(rings, 1);
  assert_true(sp_ring_write(ring, piece, 10));
  drain(ring, 0);
  assert_false(sp_ring_write(ring, piece, 10));
  sp_fail(&err, SP_E_NETWORK, "slow");
  sp_ring_detach(ring, 1, &err);
  assert_int_equal(rings, 2);
  assert_true(look(ring, 1).aborted);
  struct sp_err why = SP_ERR_INIT;
  assert_false(sp_ring_is_attached(ring, 1, &why));
  assert_string_equal(why.msg, "slow");
  assert_true(sp_ring_is_attached(ring, 0, NULL));
  assert_true(sp_ring_write(ring, piece, 10));
}

static void bytes_lent_to_a_detached_consumer_stay(void **state)
{
  (void)state;
  SP_AUTO_RING struct sp_ring *ring = make(1000, 4, 1);
  assert_true(sp_ring_write(ring, "abcd", 4));
  assert_int_equal(look(ring, 0).n, 4);
  sp_ring_detach(ring, 0, NULL);
  assert_false(sp_ring_write(ring, "e", 1));
  sp_ring_consume(ring, 0, 4); /* gives them back, moves nothing */
  assert_int_equal(sp_ring_consumed(ring, 0), 0);
  assert_true(sp_ring_write(ring, "e", 1));
}

static void nobody_is_woken_for_crumbs(void **state)
{
  (void)state;
  char piece[64] = {0};
  atomic_int rings = 0;
  SP_AUTO_RING struct sp_ring *ring = make(1000, 64, 2);
  sp_ring_set_consumer_waker(ring, 0, count_ring, &rings);
  assert_false(sp_ring_is_idle(ring, 0));
  assert_int_equal(look(ring, 0).n, 0);
  assert_int_equal(look(ring, 1).n, 0);
  uint64_t seen = sp_ring_wait(ring, UINT64_MAX, 0);
  assert_true(sp_ring_write(ring, piece, 15));
  assert_int_equal(rings, 0);
  assert_true(sp_ring_is_idle(ring, 0));
  assert_int_equal(sp_ring_wait(ring, seen, 0), seen);
  assert_true(sp_ring_write(ring, piece, 1)); /* a quarter */
  assert_int_equal(rings, 1);
  assert_false(sp_ring_is_idle(ring, 0));
  assert_true(sp_ring_wait(ring, seen, 0) != seen);
}

static void a_blocked_producer_makes_crumbs_worth_it(void **state)
{
  (void)state;
  char piece[64] = {0};
  atomic_int rings = 0;
  SP_AUTO_RING struct sp_ring *ring = make(1000, 64, 1);
  sp_ring_set_consumer_waker(ring, 0, count_ring, &rings);
  assert_int_equal(look(ring, 0).n, 0);
  assert_true(sp_ring_write(ring, piece, 1));
  assert_int_equal(rings, 0);
  assert_false(sp_ring_write(ring, piece, 64));
  assert_int_equal(rings, 1);
}

static void the_end_of_input_is_worth_a_wakeup(void **state)
{
  (void)state;
  atomic_int rings = 0;
  SP_AUTO_RING struct sp_ring *ring = make(1000, 64, 1);
  struct sp_err err = SP_ERR_INIT;
  sp_ring_set_consumer_waker(ring, 0, count_ring, &rings);
  assert_int_equal(look(ring, 0).n, 0);
  assert_true(sp_ring_write(ring, "a", 1));
  sp_fail(&err, SP_E_NETWORK, "reset");
  sp_ring_close_input(ring, &err);
  assert_int_equal(rings, 1);
  assert_int_equal(drain(ring, 0), 1);
  sp_ring_abort(ring);
  assert_int_equal(rings, 2);
  assert_true(look(ring, 0).aborted);
}

static void reserve_writes_in_place(void **state)
{
  (void)state;
  char *room = NULL;
  SP_AUTO_RING struct sp_ring *ring = make(10, 8, 1);
  sp_ring_set_exempt(ring, 0);
  assert_int_equal(sp_ring_reserve(ring, &room), 8);
  memcpy(room, "abcdef", 6);
  sp_ring_commit(ring, 6);
  assert_int_equal(drain(ring, 0), 6);
  assert_int_equal(sp_ring_reserve(ring, &room), 2); /* up to the wrap */
  memcpy(room, "gh", 2);
  sp_ring_commit(ring, 2);
  assert_int_equal(sp_ring_reserve(ring, &room), 2); /* up to the blob's end */
  memcpy(room, "ij", 2);
  struct look l = look(ring, 0);
  assert_memory_equal(l.ptr, "gh", 2);
  sp_ring_commit(ring, 2);
  sp_ring_close_input(ring, NULL);
  assert_int_equal(sp_ring_input_state(ring, NULL), SP_RING_COMPLETE);
}

static void wait_ends_by_time(void **state)
{
  (void)state;
  SP_AUTO_RING struct sp_ring *ring = make(10, 8, 1);
  uint64_t seen = sp_ring_wait(ring, UINT64_MAX, 0);
  int64_t begin = sp_clock_mono_ms();
  assert_int_equal(sp_ring_wait(ring, seen, 30), seen);
  assert_true(sp_clock_mono_ms() - begin >= 29);
}

/* -- threads: a producer that is woken, two consumers that are woken, one that is pumped */

#define THREAD_BYTES (8u * SP_MIB + 13)

struct gate { /* a thread that sleeps until its waker was called */
  pthread_mutex_t lock;
  pthread_cond_t cond;
  bool open;
};
static void gate_open(void *ctx)
{
  struct gate *gate = ctx;
  SP_LOCK_SCOPE(&gate->lock);
  gate->open = true;
  pthread_cond_signal(&gate->cond);
}
static void gate_pass(struct gate *gate)
{
  SP_LOCK_SCOPE(&gate->lock);
  while (!gate->open)
    pthread_cond_wait(&gate->cond, &gate->lock);
  gate->open = false;
}

struct crew {
  struct sp_ring *ring;
  struct gate gates[3]; /* producer, consumers 1 and 2 */
  atomic_bool wrong;
};

static unsigned char byte_at(uint64_t pos)
{
  return (unsigned char)(pos * 31 + pos / 257);
}

static void produce(struct crew *crew)
{
  unsigned char piece[3001];
  uint64_t pos = 0;
  while (pos < THREAD_BYTES) {
    size_t n = THREAD_BYTES - pos < sizeof piece ? (size_t)(THREAD_BYTES - pos) : sizeof piece;
    for (size_t i = 0; i < n; i++)
      piece[i] = byte_at(pos + i);
    while (!sp_ring_write(crew->ring, piece, n))
      gate_pass(&crew->gates[0]);
    pos += n;
  }
  sp_ring_close_input(crew->ring, NULL);
}

/* Checks what is there; answers false at the end. */
static bool check(struct crew *crew, size_t i, uint64_t *pos, bool *idle)
{
  struct look l = look(crew->ring, i);
  for (size_t k = 0; k < l.n; k++)
    if ((unsigned char)l.ptr[k] != byte_at(*pos + k))
      crew->wrong = true;
  *pos += l.n;
  *idle = l.n == 0;
  sp_ring_consume(crew->ring, i, l.n);
  if (l.aborted)
    crew->wrong = true;
  return !l.end && !l.aborted;
}

static void consume(struct crew *crew, size_t i)
{
  uint64_t pos = 0;
  bool idle = false;
  while (check(crew, i, &pos, &idle))
    if (idle)
      gate_pass(&crew->gates[i]);
  if (pos != THREAD_BYTES)
    crew->wrong = true;
}

static void pump(struct crew *crew)
{
  uint64_t pos = 0;
  uint64_t seen = 0;
  bool idle = false;
  while (check(crew, 0, &pos, &idle))
    if (idle)
      seen = sp_ring_wait(crew->ring, seen, 10000);
  sp_ring_approve(crew->ring);
}

static void crew_member(void *ctx, size_t i)
{
  if (i == 0)
    produce(ctx);
  else if (i < 3)
    consume(ctx, i);
  else
    pump(ctx);
}

static void threads_see_every_byte_once(void **state)
{
  static const size_t capacities[] = {3001, 65536, 524288};
  (void)state;
  for (size_t k = 0; k < sizeof capacities / sizeof capacities[0]; k++) {
    SP_AUTO_RING struct sp_ring *ring = make(THREAD_BYTES, capacities[k], 3);
    struct crew crew = {.ring = ring};
    for (size_t i = 0; i < 3; i++) {
      pthread_mutex_init(&crew.gates[i].lock, NULL);
      pthread_cond_init(&crew.gates[i].cond, NULL);
    }
    sp_ring_set_exempt(ring, 0);
    sp_ring_set_producer_waker(ring, gate_open, &crew.gates[0]);
    sp_ring_set_consumer_waker(ring, 1, gate_open, &crew.gates[1]);
    sp_ring_set_consumer_waker(ring, 2, gate_open, &crew.gates[2]);
    int64_t begin = sp_clock_mono_ms();
    sp_pool_run(4, 4, crew_member, &crew);
    assert_false(crew.wrong);
    assert_true(sp_clock_mono_ms() - begin < 9000); /* nobody slept through a wake-up */
    for (size_t i = 1; i < 3; i++)
      assert_int_equal(sp_ring_consumed(ring, i), THREAD_BYTES);
  }
}

static void *write_pieces(void *ctx)
{
  struct sp_ring *ring = ctx;
  for (int i = 0; i < 2000; i++)
    sp_ring_write(ring, "abcd", 4);
  return NULL;
}

/* A consumer that takes its waker back may free what the waker points to. */
static void a_waker_taken_back_is_never_called_again(void **state)
{
  (void)state;
  SP_AUTO_RING struct sp_ring *ring = make(8000, 8192, 1);
  struct sp_err err = SP_ERR_INIT;
  pthread_t writer;
  assert_int_equal(sp_pool_thread(write_pieces, ring, &writer, &err), 0);
  for (int i = 0; i < 500; i++) {
    atomic_int *rings = calloc(1, sizeof *rings);
    sp_ring_set_consumer_waker(ring, 0, count_ring, rings);
    drain(ring, 0);
    sp_ring_set_consumer_waker(ring, 0, NULL, NULL);
    free(rings);
  }
  pthread_join(writer, NULL);
  assert_int_equal(sp_ring_written(ring), 8000);
}

static void ring_slowly(void *ctx)
{
  atomic_int *step = ctx;
  atomic_store(step, 1);
  usleep(50000);
  atomic_store(step, 2);
}

static void *write_one_piece(void *ctx)
{
  sp_ring_write(ctx, "abcd", 4);
  return NULL;
}

static void taking_a_waker_back_waits_for_its_call(void **state)
{
  (void)state;
  SP_AUTO_RING struct sp_ring *ring = make(8000, 4, 1);
  struct sp_err err = SP_ERR_INIT;
  pthread_t writer;
  atomic_int step = 0;
  sp_ring_set_consumer_waker(ring, 0, ring_slowly, &step);
  assert_int_equal(look(ring, 0).n, 0);
  assert_int_equal(sp_pool_thread(write_one_piece, ring, &writer, &err), 0);
  while (atomic_load(&step) == 0)
    usleep(100);
  sp_ring_set_consumer_waker(ring, 0, NULL, NULL);
  assert_int_equal(atomic_load(&step), 2);
  pthread_join(writer, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(longer_than_declared_fails_the_input),
      cmocka_unit_test(short_input_is_a_network_failure),
      cmocka_unit_test(the_first_reason_of_a_failure_stays),
      cmocka_unit_test(the_last_byte_is_held_until_approval),
      cmocka_unit_test(an_empty_blob_ends_at_once),
      cmocka_unit_test(bytes_survive_the_wrap),
      cmocka_unit_test(the_slowest_attached_consumer_holds_the_producer),
      cmocka_unit_test(bytes_lent_to_a_detached_consumer_stay),
      cmocka_unit_test(nobody_is_woken_for_crumbs),
      cmocka_unit_test(a_blocked_producer_makes_crumbs_worth_it),
      cmocka_unit_test(the_end_of_input_is_worth_a_wakeup),
      cmocka_unit_test(reserve_writes_in_place),
      cmocka_unit_test(wait_ends_by_time),
      cmocka_unit_test(threads_see_every_byte_once),
      cmocka_unit_test(a_waker_taken_back_is_never_called_again),
      cmocka_unit_test(taking_a_waker_back_waits_for_its_call),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
