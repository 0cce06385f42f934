/* SPDX-License-Identifier: Apache-2.0 */
#include "http/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/pool.h"

static const struct sp_gate_report good = {200, 1, -1};

static struct sp_gate *new_gate(void)
{
  struct sp_gate *gate = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_gate_new(&gate, &err), 0);
  return gate;
}

static void pass(struct sp_gate *gate, int status, int64_t first_byte_ms, int64_t retry_after_ms)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_gate_report report = {status, first_byte_ms, retry_after_ms};
  assert_int_equal(sp_gate_enter(gate, SP_LANE_META, NULL, NULL, &err), 0);
  sp_gate_leave(gate, SP_LANE_META, NULL, &report);
}

static void width_grows_only_where_round_trips_are_long(void **state)
{
  (void)state;
  static const struct {
    int status;
    int64_t first_byte_ms;
    int width;
  } rows[] = {{200, 50, SP_MAX_CONNECTIONS},
              {404, 50, SP_MAX_CONNECTIONS},
              {200, 1, 8},
              {200, -1, 8},
              {500, 50, 8},
              {0, 50, 8}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_gate *gate = new_gate();
    for (int n = 0; n < 100; n++)
      pass(gate, rows[i].status, rows[i].first_byte_ms, -1);
    assert_int_equal(sp_gate_width(gate), rows[i].width);
    sp_gate_free(gate);
  }
}

static void width_halves_once_for_a_burst_and_comes_back(void **state)
{
  (void)state;
  static const int statuses[] = {429, 503};
  for (size_t i = 0; i < 2; i++) {
    struct sp_gate *gate = new_gate();
    for (int n = 0; n < 5; n++)
      pass(gate, statuses[i], 1, -1);
    assert_int_equal(sp_gate_width(gate), 4);
    for (int n = 0; n < 100; n++)
      pass(gate, 200, 1, -1);
    assert_int_equal(sp_gate_width(gate), 8);
    sp_gate_free(gate);
  }
}

static void retry_after_shuts_it_for_everyone(void **state)
{
  (void)state;
  struct sp_gate *gate = new_gate();
  struct sp_err err = SP_ERR_INIT;
  int64_t start = sp_clock_mono_ms();
  pass(gate, 429, 1, 300);
  assert_int_equal(sp_gate_enter(gate, SP_LANE_WRITE, NULL, NULL, &err), 0);
  int64_t waited = sp_clock_mono_ms() - start;
  assert_true(waited >= 300 && waited < 2000);
  sp_gate_leave(gate, SP_LANE_WRITE, NULL, &good);
  sp_gate_free(gate);
}

static void a_wish_to_stop_ends_the_wait(void **state)
{
  (void)state;
  struct sp_gate *gate = new_gate();
  struct sp_cancel *cancel = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  pass(gate, 429, 1, 3600000); /* shut for long */
  sp_cancel_request(cancel, 15);
  assert_int_equal(sp_gate_enter(gate, SP_LANE_META, NULL, cancel, &err), -1);
  assert_int_equal(err.code, SP_E_INTERRUPTED);
  sp_cancel_free(cancel);
  sp_gate_free(gate);
}

/* A registry that shuts the gate again whenever it opens is given up, not waited for once by each
 * who waits. A good answer in between makes it new. */
static void patience_with_pauses_ends_for_all_together(void **state)
{
  (void)state;
  struct sp_gate *gate = new_gate();
  struct sp_err err = SP_ERR_INIT;
  sp_gate_set_patience(gate, 300);
  int64_t start = sp_clock_mono_ms();
  pass(gate, 429, 1, 200);
  pass(gate, 429, 1, 200);
  assert_int_equal(sp_gate_enter(gate, SP_LANE_META, NULL, NULL, &err), -1);
  assert_int_equal(err.code, SP_E_THROTTLED);
  assert_int_equal(sp_gate_enter(gate, SP_LANE_READ, NULL, NULL, &err), -1);
  assert_true(sp_clock_mono_ms() - start < 2000);
  usleep(200000);
  pass(gate, 200, 1, -1);
  pass(gate, 429, 1, 200);
  pass(gate, 200, 1, -1);
  sp_gate_free(gate);
}

/* Nobody waits for an hour: everyone is told at once how long it is. A good answer that was under
 * way does not open it. */
static void a_long_pause_is_waited_for_by_nobody(void **state)
{
  (void)state;
  struct sp_gate *gate = new_gate();
  int64_t start = sp_clock_mono_ms();
  assert_int_equal(sp_gate_enter(gate, SP_LANE_READ, NULL, NULL, &(struct sp_err){0}), 0);
  pass(gate, 429, 1, 3600000);
  sp_gate_leave(gate, SP_LANE_READ, NULL, &good);
  for (int i = 0; i < 2; i++) {
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_gate_enter(gate, SP_LANE_META, NULL, NULL, &err), -1);
    assert_int_equal(err.code, SP_E_THROTTLED);
    assert_true(err.retry_after_ms > 3590000 && err.retry_after_ms <= 3600000);
  }
  assert_true(sp_clock_mono_ms() - start < 2000);
  sp_gate_free(gate);
}

static void cleaning_up_waits_only_briefly(void **state)
{
  (void)state;
  struct sp_gate *gate = new_gate();
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_gate_enter_soon(gate, SP_LANE_META, 100, &err), 0);
  sp_gate_leave(gate, SP_LANE_META, NULL, &good);
  for (int n = 0; n < 8; n++)
    assert_int_equal(sp_gate_enter_soon(gate, SP_LANE_META, 100, &err), 0);
  int64_t start = sp_clock_mono_ms();
  assert_int_equal(sp_gate_enter_soon(gate, SP_LANE_META, 100, &err), -1);
  assert_int_equal(err.code, SP_E_THROTTLED);
  assert_true(sp_clock_mono_ms() - start >= 100);
  for (int n = 0; n < 8; n++)
    sp_gate_leave(gate, SP_LANE_META, NULL, &good);
  pass(gate, 429, 1, 3600000); /* shut for longer: not worth any wait */
  start = sp_clock_mono_ms();
  assert_int_equal(sp_gate_enter_soon(gate, SP_LANE_META, 30000, &err), -1);
  assert_true(sp_clock_mono_ms() - start < 5000);
  sp_gate_free(gate);
}

struct crowd {
  struct sp_gate *gate;
  atomic_int inside, most;
};

static void go_through(void *ctx, size_t i)
{
  struct crowd *crowd = ctx;
  struct sp_err err = SP_ERR_INIT;
  (void)i;
  if (sp_gate_enter(crowd->gate, SP_LANE_READ, NULL, NULL, &err) != 0)
    return;
  int now = atomic_fetch_add(&crowd->inside, 1) + 1;
  int most = atomic_load(&crowd->most);
  while (most < now && !atomic_compare_exchange_weak(&crowd->most, &most, now))
    continue;
  int64_t start = sp_clock_mono_ms();
  while (atomic_load(&crowd->most) < 8 && sp_clock_mono_ms() - start < 10000)
    usleep(1000); /* the first ones wait for as many as may come */
  usleep(2000);
  atomic_fetch_sub(&crowd->inside, 1);
  sp_gate_leave(crowd->gate, SP_LANE_READ, NULL, &good);
}

static void no_more_than_width_are_inside_a_lane(void **state)
{
  (void)state;
  struct crowd crowd = {.gate = new_gate()};
  sp_pool_run(100, 20, go_through, &crowd);
  assert_int_equal(atomic_load(&crowd.most), 8);
  sp_gate_free(crowd.gate);
}

/* A lane that is full does not hold up the others: reads wait for writes, never for themselves. */
static void lanes_are_apart(void **state)
{
  (void)state;
  struct sp_gate *gate = new_gate();
  struct sp_err err = SP_ERR_INIT;
  for (int lane = 0; lane < SP_LANE_COUNT; lane++)
    for (int n = 0; n < 8; n++)
      assert_int_equal(sp_gate_enter(gate, (enum sp_lane)lane, NULL, NULL, &err), 0);
  sp_gate_free(gate);
}

static void *stop_soon(void *cancel)
{
  usleep(100000);
  sp_cancel_request(cancel, 15);
  return NULL;
}

/* Would this party have to wait? If not, it is inside now. */
static bool has_to_wait(struct sp_gate *gate, const void *party)
{
  struct sp_cancel *cancel = NULL;
  struct sp_err err = SP_ERR_INIT;
  pthread_t thread;
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  pthread_create(&thread, NULL, stop_soon, cancel);
  int rc = sp_gate_enter(gate, SP_LANE_WRITE, party, cancel, &err);
  pthread_join(thread, NULL);
  sp_cancel_free(cancel);
  return rc != 0;
}

/* Several destinations in one registry: a relay that holds one slot gets the others, whatever the
 * width, or it would wait for itself. */
static void a_party_inside_may_enter_again(void **state)
{
  (void)state;
  struct sp_gate *gate = new_gate();
  int relays[9];
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < 8; i++)
      assert_false(has_to_wait(gate, &relays[i]));
  assert_true(has_to_wait(gate, &relays[8]));
  assert_true(has_to_wait(gate, NULL));
  for (int i = 0; i < 8; i++)
    sp_gate_leave(gate, SP_LANE_WRITE, &relays[i], &good);
  assert_true(has_to_wait(gate, &relays[8])); /* each is still inside once */
  assert_false(has_to_wait(gate, &relays[7]));
  sp_gate_leave(gate, SP_LANE_WRITE, &relays[0], &good);
  assert_true(has_to_wait(gate, &relays[0])); /* it has left: like everyone */
  sp_gate_leave(gate, SP_LANE_WRITE, &relays[7], &good);
  assert_false(has_to_wait(gate, &relays[8]));
  sp_gate_free(gate);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(width_grows_only_where_round_trips_are_long),
      cmocka_unit_test(width_halves_once_for_a_burst_and_comes_back),
      cmocka_unit_test(retry_after_shuts_it_for_everyone),
      cmocka_unit_test(a_wish_to_stop_ends_the_wait),
      cmocka_unit_test(patience_with_pauses_ends_for_all_together),
      cmocka_unit_test(a_long_pause_is_waited_for_by_nobody),
      cmocka_unit_test(cleaning_up_waits_only_briefly),
      cmocka_unit_test(no_more_than_width_are_inside_a_lane),
      cmocka_unit_test(lanes_are_apart),
      cmocka_unit_test(a_party_inside_may_enter_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
