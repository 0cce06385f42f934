/* SPDX-License-Identifier: Apache-2.0 */
/* A registry that counts pulls in windows, on a clock that the tests turn (-Wl,--wrap), and the
 * reserve in front of it. */
#include "store/pull_reserve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/pool.h"
#include "base/scope.h"

#define WINDOW_S 21600

/* -- the clock */

static _Atomic int64_t now_ms = 5000000;

int64_t __wrap_sp_clock_mono_ms(void);
int64_t __wrap_sp_clock_mono_ms(void)
{
  return now_ms;
}

static unsigned sleeps, stops_at; /* the sleep at which stopping is asked for; 0: none */

int __wrap_sp_cancel_sleep(const struct sp_cancel *cancel, int64_t ms, struct sp_err *err);
int __wrap_sp_cancel_sleep(const struct sp_cancel *cancel, int64_t ms, struct sp_err *err)
{
  (void)cancel;
  now_ms += ms;
  return ++sleeps == stops_at ? sp_fail(err, SP_E_INTERRUPTED, "stopped by the test") : 0;
}

/* -- the registry */

struct hub {
  struct sp_store store; /* first */
  pthread_mutex_t lock;
  uint64_t limit, window_s;
  unsigned percent;
  bool is_silent, fails; /* says nothing of pulls; cannot be reached */
  int64_t retry_after_ms;
  unsigned pause_us; /* each pull takes so long */
  /* what happened */
  uint64_t pulls, used; /* in all; in this window */
  int64_t window_ms;    /* when it began */
  uint64_t others;      /* pulls of somebody else, in this window */
  bool has_spoken;
  unsigned running, most_before_word;
};

static uint64_t left_of(const struct hub *hub)
{
  uint64_t used = hub->used + hub->others;
  return used < hub->limit ? hub->limit - used : 0;
}

static void begin_window(struct hub *hub)
{
  bool has_passed = hub->window_s > 0 && now_ms - hub->window_ms >= (int64_t)hub->window_s * 1000;
  if (hub->window_ms > 0 && !has_passed)
    return;
  hub->window_ms = now_ms;
  hub->used = hub->others = 0;
}

static int hub_get(struct sp_store *store, const struct sp_digest *digest,
                   struct sp_manifest_bytes *out, struct sp_err *err)
{
  struct hub *hub = (struct hub *)store;
  {
    SP_LOCK_SCOPE(&hub->lock);
    hub->running++;
    if (!hub->has_spoken && hub->running > hub->most_before_word)
      hub->most_before_word = hub->running;
  }
  usleep(hub->pause_us);
  SP_LOCK_SCOPE(&hub->lock);
  hub->running--;
  if (hub->fails)
    return sp_fail(err, SP_E_NETWORK, "down");
  begin_window(hub);
  if (hub->retry_after_ms > 0) {
    sp_fail(err, SP_E_THROTTLED, "refused");
    err->retry_after_ms = hub->retry_after_ms;
    return -1;
  }
  hub->pulls++;
  hub->used++;
  hub->has_spoken = !hub->is_silent;
  out->digest = *digest;
  return sp_buf_append_str(&out->bytes, "{}", err);
}

static int hub_resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                       struct sp_err *err)
{
  (void)tag;
  (void)err;
  struct hub *hub = (struct hub *)store;
  SP_LOCK_SCOPE(&hub->lock);
  begin_window(hub);
  hub->has_spoken = !hub->is_silent;
  *out = (struct sp_named){.digest = {.alg = SP_DIGEST_SHA256}};
  return 0;
}

static void hub_close(struct sp_store *store)
{
  (void)store;
}

static const struct sp_store_ops hub_ops = {
    .get_manifest = hub_get, .resolve = hub_resolve, .close = hub_close};

/* As registry/pulls.h: a window that has passed is a new one. */
static bool hub_ask(void *ctx, const struct sp_store *store, struct sp_pulls_said *out)
{
  (void)store;
  struct hub *hub = ctx;
  SP_LOCK_SCOPE(&hub->lock);
  if (!hub->has_spoken)
    return false;
  bool has_passed = hub->window_s > 0 && now_ms - hub->window_ms >= (int64_t)hub->window_s * 1000;
  *out = (struct sp_pulls_said){.limit = hub->limit,
                                .left = has_passed ? hub->limit : left_of(hub),
                                .window_s = hub->window_s,
                                .reserve_percent = hub->percent};
  return true;
}

/* -- the bench */

struct bench {
  struct hub hub;
  struct sp_pull_reserve reserve;
  struct sp_store *store;
  struct sp_digest digest; /* of "{}" */
  struct sp_err err;       /* of the last fetch */
};

static void bench_init(struct bench *bench, uint64_t limit, unsigned percent)
{
  *bench = (struct bench){.hub = {.store = {.ops = &hub_ops, .name = "hub.test/o/app"},
                                  .limit = limit,
                                  .window_s = WINDOW_S,
                                  .percent = percent}};
  struct sp_err err = SP_ERR_INIT;
  sleeps = stops_at = 0;
  pthread_mutex_init(&bench->hub.lock, NULL);
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, "{}", 2, &bench->digest, &err), 0);
  sp_pull_reserve_init(&bench->reserve, hub_ask, &bench->hub);
  assert_int_equal(
      sp_pull_reserve_wrap_take(&bench->reserve, &bench->hub.store, &bench->store, &err), 0);
}

static void bench_clear(struct bench *bench)
{
  sp_store_close(bench->store);
  sp_pull_reserve_clear(&bench->reserve);
  pthread_mutex_destroy(&bench->hub.lock);
}

static int fetch_from(struct bench *bench, struct sp_store *store, struct sp_err *err)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  *err = SP_ERR_INIT;
  return sp_store_get_manifest(store, &bench->digest, &bytes, err);
}

static bool fetch(struct bench *bench)
{
  return fetch_from(bench, bench->store, &bench->err) == 0;
}

/* Fetches until it fails, `most` times at most; answers how often it did not. */
static uint64_t fetch_all(struct bench *bench, uint64_t most)
{
  uint64_t count = 0;
  while (count < most && fetch(bench))
    count++;
  return count;
}

/* A HEAD: the registry says what it has to say. */
static void look(struct bench *bench)
{
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_store_resolve(bench->store, "latest", &named, &err), 0);
}

/* -- boundaries */

static void test_boundaries(void **state)
{
  (void)state;
  static const struct {
    uint64_t limit;
    unsigned percent;
    uint64_t reserved, pulls;
  } rows[] = {
      {100, 20, 20, 80}, {100, 0, 0, 100}, {100, 100, 100, 0}, {100, 1, 1, 99},   {10, 25, 2, 8},
      {99, 33, 32, 67},  {4, 20, 0, 4},    {5, 20, 1, 4},      {1, 20, 0, 1},     {1, 99, 0, 1},
      {1, 100, 1, 0},    {0, 0, 0, 0},     {0, 20, 0, 0},      {250, 7, 17, 233},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct bench bench;
    bench_init(&bench, rows[i].limit, rows[i].percent);
    look(&bench);
    const struct sp_pulls_said said = {.limit = rows[i].limit, .reserve_percent = rows[i].percent};
    assert_int_equal(sp_pulls_reserved(&said), rows[i].reserved);
    if (fetch_all(&bench, 1000) != rows[i].pulls)
      fail_msg("%zu: %llu pulls", i, (unsigned long long)bench.hub.pulls);
    assert_int_equal(bench.hub.pulls, rows[i].pulls); /* a refused one never reached the registry */
    assert_int_equal(bench.err.code, rows[i].pulls > 0 ? SP_E_THROTTLED : SP_E_UNSUPPORTED);
    bench_clear(&bench);
  }
}

/* What no window will change is waited for by nobody, and no date is told for it. */
static void test_without_a_pull_to_spare_nobody_waits(void **state)
{
  (void)state;
  static const struct {
    uint64_t limit;
    unsigned percent;
    const char *words;
  } rows[] = {{0, 20, "0 pulls in a window, and 20% of them"},
              {0, 0, "none is ever free: use credentials that may pull more (safeport login hub."},
              {10, 100, "10 pulls in a window, and 100% of them"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct bench bench;
    bench_init(&bench, rows[i].limit, rows[i].percent);
    sp_pull_reserve_wait(&bench.reserve, NULL);
    look(&bench);
    stops_at = 3; /* (it would wait for ever) */
    assert_false(fetch(&bench));
    assert_int_equal(bench.err.code, SP_E_UNSUPPORTED);
    assert_non_null(strstr(bench.err.msg, rows[i].words));
    assert_int_equal(sleeps, 0);
    assert_int_equal(sp_pull_reserve_take_held_s(&bench.reserve), 0);
    assert_int_equal(bench.hub.pulls, 0);
    bench_clear(&bench);
  }
}

/* What no registry means, but one may say. */
static void test_limits_that_are_no_numbers_of_pulls(void **state)
{
  (void)state;
  static const struct {
    uint64_t limit;
    unsigned percent;
    uint64_t reserved;
  } rows[] = {{UINT64_MAX, 100, UINT64_MAX},
              {UINT64_MAX, 50, UINT64_MAX / 2},
              {UINT64_MAX, 1, UINT64_MAX / 100},
              {UINT64_MAX, 0, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct sp_pulls_said said = {.limit = rows[i].limit, .reserve_percent = rows[i].percent};
    assert_true(sp_pulls_reserved(&said) == rows[i].reserved);
    struct bench bench;
    bench_init(&bench, rows[i].limit, rows[i].percent);
    look(&bench);
    assert_int_equal(fetch_all(&bench, 5), rows[i].percent == 100 ? 0 : 5);
    bench_clear(&bench);
  }
}

/* -- windows */

static void test_the_next_window_begins_when_it_is_there(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 10, 20);
  for (int window = 0; window < 3; window++) {
    int64_t began_ms = now_ms;
    assert_int_equal(fetch_all(&bench, 100), 8);
    assert_int_equal(bench.err.retry_after_ms, WINDOW_S * 1000);
    assert_non_null(strstr(bench.err.msg, "2 of 10 pulls are left at 'hub.test', and 20%"));
    assert_int_equal(sp_pull_reserve_take_held_s(&bench.reserve), WINDOW_S);
    assert_int_equal(sp_pull_reserve_take_held_s(&bench.reserve), 0);
    now_ms = began_ms + WINDOW_S * 1000 - 1;
    assert_false(fetch(&bench));
    now_ms = began_ms + WINDOW_S * 1000;
  }
  assert_int_equal(bench.hub.pulls, 24);
  assert_int_equal(fetch_all(&bench, 100), 8);
  bench_clear(&bench);
}

/* A window that nobody has used up is no credit for the next. */
static void test_what_is_left_over_is_gone(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 10, 20);
  assert_int_equal(fetch_all(&bench, 3), 3);
  now_ms += 5 * WINDOW_S * 1000;
  assert_int_equal(fetch_all(&bench, 100), 8);
  bench_clear(&bench);
}

/* Others use the same account: what the registry says is less than what we count. */
static void test_pulls_of_others_count(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 100, 20);
  assert_int_equal(fetch_all(&bench, 10), 10);
  bench.hub.others = 60;
  assert_int_equal(fetch_all(&bench, 100), 10);
  bench.hub.others = 0; /* a number that grows within a window is another server's: ours stands */
  assert_false(fetch(&bench));
  assert_int_equal(bench.hub.pulls, 20);
  bench_clear(&bench);
}

/* The clock cannot go back; if it did (a machine that was put back to an earlier state), nobody
 * would get a pull more for it. */
static void test_clock_that_goes_back_gives_no_pulls(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 10, 20);
  int64_t began_ms = now_ms;
  assert_int_equal(fetch_all(&bench, 5), 5);
  now_ms = began_ms - 3600000;
  assert_int_equal(fetch_all(&bench, 100), 3);
  assert_int_equal(bench.err.retry_after_ms, WINDOW_S * 1000);
  now_ms = began_ms + WINDOW_S * 1000;
  assert_int_equal(fetch_all(&bench, 100), 8);
  bench_clear(&bench);
}

/* -- registries that say little */

static void test_who_says_nothing_counts_nothing(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 10, 20);
  bench.hub.is_silent = true;
  assert_int_equal(fetch_all(&bench, 500), 500);
  assert_false(sp_pull_reserve_counts(&bench.reserve, bench.store));
  assert_int_equal(sp_pull_reserve_take_held_s(&bench.reserve), 0);
  bench.hub.is_silent = false; /* it begins to: what was before is not in its number */
  bench.hub.used = 0;
  look(&bench);
  assert_true(sp_pull_reserve_counts(&bench.reserve, bench.store));
  assert_int_equal(fetch_all(&bench, 500), 8);
  bench_clear(&bench);
}

/* A limit without a window: what is said last counts, and nobody is told to wait for a time. */
static void test_unknown_window(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 10, 20);
  bench.hub.window_s = 0;
  sp_pull_reserve_wait(&bench.reserve, NULL);
  assert_int_equal(fetch_all(&bench, 100), 8);
  assert_int_equal(bench.err.code, SP_E_THROTTLED);
  assert_int_equal(sleeps, 0);
  assert_int_equal(sp_pull_reserve_take_held_s(&bench.reserve), 0);
  bench.hub.used = 5; /* somebody gave it more */
  assert_int_equal(fetch_all(&bench, 100), 3);
  bench_clear(&bench);
}

static void test_without_anybody_to_ask_nothing_is_counted(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 3, 20);
  bench.reserve.ask = NULL;
  assert_int_equal(fetch_all(&bench, 50), 50);
  assert_false(sp_pull_reserve_counts(&bench.reserve, bench.store));
  bench_clear(&bench);
}

/* -- refusals and waiting */

static void test_the_longest_refusal_is_remembered(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 100, 20);
  static const int64_t refusals_ms[] = {1, 7001, 3000};
  for (size_t i = 0; i < 3; i++) {
    bench.hub.retry_after_ms = refusals_ms[i];
    assert_false(fetch(&bench));
    assert_int_equal(bench.err.retry_after_ms, refusals_ms[i]);
  }
  assert_int_equal(sp_pull_reserve_take_held_s(&bench.reserve), 8); /* whole seconds, not too few */
  bench.hub.retry_after_ms = 0;
  bench.hub.fails = true;
  assert_false(fetch(&bench));
  assert_int_equal(sp_pull_reserve_take_held_s(&bench.reserve), 0);
  bench_clear(&bench);
}

static void test_waiting(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 10, 20);
  sp_pull_reserve_wait(&bench.reserve, NULL);
  assert_int_equal(fetch_all(&bench, 20), 20);
  assert_int_equal(sleeps, 2);
  assert_int_equal(bench.hub.pulls, 20);
  stops_at = sleeps + 1;
  assert_int_equal(fetch_all(&bench, 20), 4); /* the rest of the third window */
  assert_int_equal(bench.err.code, SP_E_INTERRUPTED);
  bench.hub.fails = true; /* what waiting does not mend is not waited for */
  now_ms += WINDOW_S * 1000;
  assert_false(fetch(&bench));
  assert_int_equal(bench.err.code, SP_E_NETWORK);
  assert_int_equal(sleeps, 3);
  bench_clear(&bench);
}

/* -- many at once */

#define FETCHES 200
#define THREADS 32

struct crowd {
  struct bench *bench;
  atomic_uint good, throttled;
};

static void crowd_task(void *ctx, size_t i)
{
  struct crowd *crowd = ctx;
  struct sp_err err;
  if (i % 7 == 3)
    look(crowd->bench);
  if (fetch_from(crowd->bench, crowd->bench->store, &err) == 0)
    atomic_fetch_add(&crowd->good, 1);
  else if (err.code == SP_E_THROTTLED)
    atomic_fetch_add(&crowd->throttled, 1);
}

/* Not one too many. In the first window there may be some too few: what is under way when the
 * registry first speaks counts as not yet in its number, and may be. */
static void test_many_at_once(void **state)
{
  (void)state;
  for (unsigned round = 0; round < 20; round++) {
    struct bench bench;
    bench_init(&bench, 50 + round, 20);
    bench.hub.pause_us = round % 4 * 300;
    const unsigned of_window = (unsigned)(bench.hub.limit - bench.hub.limit / 5);
    for (unsigned window = 0; window < 3; window++) {
      struct crowd crowd = {.bench = &bench};
      uint64_t before = bench.hub.pulls;
      sp_pool_run(FETCHES, THREADS, crowd_task, &crowd);
      assert_int_equal(crowd.good + crowd.throttled, FETCHES);
      assert_int_equal(bench.hub.pulls - before, crowd.good);
      assert_in_range(crowd.good, of_window - (window == 0 ? THREADS : 0), of_window);
      now_ms += WINDOW_S * 1000;
    }
    bench_clear(&bench);
  }
}

static void first_task(void *ctx, size_t i)
{
  (void)i;
  struct crowd *crowd = ctx;
  struct sp_err err;
  if (fetch_from(crowd->bench, crowd->bench->store, &err) == 0)
    atomic_fetch_add(&crowd->good, 1);
}

/* Until a registry has said something its first fetch goes alone. One that is down holds up nobody
 * after the first. */
static void test_the_first_goes_alone(void **state)
{
  (void)state;
  for (int is_down = 0; is_down <= 1; is_down++) {
    struct bench bench;
    bench_init(&bench, 1000, 20);
    bench.hub.pause_us = 3000;
    bench.hub.fails = is_down;
    struct crowd crowd = {.bench = &bench};
    sp_pool_run(THREADS, THREADS, first_task, &crowd);
    assert_int_equal(crowd.good, is_down ? 0 : THREADS);
    assert_int_equal(bench.hub.most_before_word > 1, is_down);
    bench_clear(&bench);
  }
}

/* -- several registries */

/* Each by itself; what is beyond the table is not counted. */
static void test_registries_are_counted_apart(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 1000000, 20);
  struct sp_err err = SP_ERR_INIT;
  struct sp_store *stores[SP_METERED_REGISTRIES_MAX + 1];
  char names[SP_METERED_REGISTRIES_MAX + 1][32];
  struct hub hubs[SP_METERED_REGISTRIES_MAX + 1];
  for (size_t i = 0; i <= SP_METERED_REGISTRIES_MAX; i++) {
    snprintf(names[i], sizeof names[i], "r%zu.test/o/app", i);
    hubs[i] = bench.hub;
    hubs[i].store.name = names[i];
    assert_int_equal(sp_pull_reserve_wrap_take(&bench.reserve, &hubs[i].store, &stores[i], &err),
                     0);
  }
  for (size_t i = 0; i <= SP_METERED_REGISTRIES_MAX; i++) {
    struct sp_named named;
    assert_int_equal(sp_store_resolve(stores[i], "latest", &named, &err), 0);
  }
  look(&bench);
  bench.hub.limit = 10; /* of all of them: they are asked for with one context */
  for (size_t i = 0; i <= SP_METERED_REGISTRIES_MAX; i++) {
    unsigned good = 0;
    while (good < 100 && fetch_from(&bench, stores[i], &err) == 0)
      good++;
    assert_int_equal(good, i < SP_METERED_REGISTRIES_MAX ? 8 : 100);
    sp_store_close(stores[i]);
  }
  bench_clear(&bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_boundaries),
      cmocka_unit_test(test_without_a_pull_to_spare_nobody_waits),
      cmocka_unit_test(test_limits_that_are_no_numbers_of_pulls),
      cmocka_unit_test(test_the_next_window_begins_when_it_is_there),
      cmocka_unit_test(test_what_is_left_over_is_gone),
      cmocka_unit_test(test_pulls_of_others_count),
      cmocka_unit_test(test_clock_that_goes_back_gives_no_pulls),
      cmocka_unit_test(test_who_says_nothing_counts_nothing),
      cmocka_unit_test(test_unknown_window),
      cmocka_unit_test(test_without_anybody_to_ask_nothing_is_counted),
      cmocka_unit_test(test_the_longest_refusal_is_remembered),
      cmocka_unit_test(test_waiting),
      cmocka_unit_test(test_many_at_once),
      cmocka_unit_test(test_the_first_goes_alone),
      cmocka_unit_test(test_registries_are_counted_apart),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
