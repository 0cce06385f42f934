/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/tally.h"

#define MB 1000000u
#define BLOB "sha256:0123456789abcdef0123456789abcdef"

static void add(struct tally *tally, enum sp_event_kind kind, int place, const char *digest,
                uint64_t done, uint64_t total, int64_t now_ms)
{
  const struct sp_event event = {.kind = kind,
                                 .step = SP_STEP_MOVE,
                                 .destination = place,
                                 .digest = digest,
                                 .bytes_done = done,
                                 .bytes_total = total,
                                 .blobs_total = kind == SP_EVENT_PLAN ? 2 : 0,
                                 .ok = true};
  tally_add(tally, &event, now_ms);
  tally_measure(tally, now_ms);
}

static size_t running(const struct tally *tally)
{
  size_t n = 0;
  for (size_t i = 0; i < TALLY_RUNNING_MAX; i++)
    n += tally->running[i].is_used;
  return n;
}

static void test_odd_events_do_no_harm(void **state)
{
  (void)state;
  struct tally tally = TALLY_INIT;
  static const int places[] = {-1, -7, TALLY_PLACES_MAX, 1 << 30};
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    add(&tally, SP_EVENT_PLAN, places[i], NULL, 0, MB, 0);
    add(&tally, SP_EVENT_BLOB_BEGIN, places[i], BLOB, 0, MB, 0);
    add(&tally, SP_EVENT_BLOB_BYTES, places[i], NULL, 1, 0, 0);
    add(&tally, SP_EVENT_BLOB_END, places[i], BLOB, 1, MB, 0);
    add(&tally, SP_EVENT_BLOB_END, places[i], NULL, 1, MB, 0);
  }
  struct tally_sum sum = tally_sum(&tally);
  assert_int_equal(sum.total_bytes, 0);
  assert_int_equal(sum.done_blobs, 0);
}

static void test_more_blobs_than_lines(void **state)
{
  (void)state;
  struct tally tally = TALLY_INIT;
  add(&tally, SP_EVENT_PLAN, 0, NULL, 0, 1000 * MB, 0);
  for (int i = 0; i < 1000; i++) {
    char digest[32];
    snprintf(digest, sizeof digest, "sha256:%012d", i);
    add(&tally, SP_EVENT_BLOB_BYTES, 0, digest, MB / 2, MB, 0);
  }
  assert_int_equal(running(&tally), TALLY_RUNNING_MAX);
  for (int i = 0; i < 1000; i++) {
    char digest[32];
    snprintf(digest, sizeof digest, "sha256:%012d", i);
    add(&tally, SP_EVENT_BLOB_END, 0, digest, MB, MB, 0);
  }
  assert_int_equal(running(&tally), 0);
  assert_int_equal(tally_sum(&tally).done_bytes, 1000 * (uint64_t)MB);
  assert_int_equal(tally_sum(&tally).done_blobs, 1000);
}

static void test_sum_over_places(void **state)
{
  (void)state;
  struct tally tally = TALLY_INIT;
  add(&tally, SP_EVENT_PLAN, 0, NULL, 0, 10 * MB, 0);
  add(&tally, SP_EVENT_PLAN, 1, NULL, 0, 10 * MB, 0);
  add(&tally, SP_EVENT_BLOB_BEGIN, -1, BLOB, 0, 10 * MB, 0); /* no line of its own */
  assert_int_equal(running(&tally), 0);
  add(&tally, SP_EVENT_BLOB_BYTES, 0, BLOB, 4 * MB, 10 * MB, 100);
  add(&tally, SP_EVENT_BLOB_BYTES, 1, BLOB, 1 * MB, 10 * MB, 100);
  assert_int_equal(running(&tally), 2);
  struct tally_sum sum = tally_sum(&tally);
  assert_int_equal(sum.done_bytes, 5 * MB);
  assert_int_equal(sum.total_bytes, 20 * MB);
  assert_int_equal(sum.total_blobs, 4);
  add(&tally, SP_EVENT_BLOB_END, 0, BLOB, 10 * MB, 10 * MB, 200);
  sum = tally_sum(&tally);
  assert_int_equal(sum.done_bytes, 11 * MB);
  assert_int_equal(sum.done_blobs, 1);
  /* It failed at the other: what was moved there no longer counts. */
  const struct sp_event failed = {
      .kind = SP_EVENT_BLOB_END, .destination = 1, .digest = BLOB, .bytes_total = 10 * MB};
  tally_add(&tally, &failed, 300);
  sum = tally_sum(&tally);
  assert_int_equal(sum.done_bytes, 10 * MB);
  assert_int_equal(sum.done_blobs, 1);
  /* Sent again beyond the plan: never more than all. */
  add(&tally, SP_EVENT_BLOB_END, 1, BLOB, 10 * MB, 10 * MB, 400);
  add(&tally, SP_EVENT_BLOB_END, 1, BLOB, 10 * MB, 10 * MB, 400);
  assert_int_equal(tally_sum(&tally).done_bytes, 20 * MB);
}

static void test_rate(void **state)
{
  (void)state;
  struct tally tally = TALLY_INIT;
  add(&tally, SP_EVENT_PLAN, 0, NULL, 0, 100 * MB, 0);
  assert_int_equal(tally_seconds_left(&tally.rate, 100 * MB), -1); /* nobody can say yet */
  for (int64_t ms = 100; ms <= 5000; ms += 100)
    add(&tally, SP_EVENT_BLOB_BYTES, 0, BLOB, (uint64_t)ms * 10000, 100 * MB, ms); /* 10 MB/s */
  assert_true(tally.rate.per_s > 9.9e6 && tally.rate.per_s < 10.1e6);
  assert_int_equal(tally_seconds_left(&tally.rate, 50 * MB), 5);
  assert_int_equal(tally_seconds_left(&tally.rate, 0), 0);
  /* A stall shows within a few seconds; a blob that begins anew is no negative rate. */
  for (int64_t ms = 5100; ms <= 15000; ms += 100)
    tally_measure(&tally, ms);
  assert_true(tally.rate.per_s < 1.5e6);
  add(&tally, SP_EVENT_BLOB_BYTES, 0, BLOB, 0, 100 * MB, 16000);
  assert_true(tally.rate.per_s >= 0);
}

/* Over many images there is no plan; a blob counts once, on its way and when it is there. */
static void test_moved_bytes(void **state)
{
  (void)state;
  struct tally tally = TALLY_INIT;
  add(&tally, SP_EVENT_BLOB_BYTES, 0, BLOB, 3 * MB, 10 * MB, 0);
  assert_int_equal(tally_moved_bytes(&tally), 3 * MB);
  add(&tally, SP_EVENT_BLOB_END, 0, BLOB, 10 * MB, 10 * MB, 100);
  add(&tally, SP_EVENT_BLOB_END, 1, BLOB, 0, 10 * MB, 100); /* failed */
  assert_int_equal(tally_moved_bytes(&tally), 10 * MB);
  assert_int_equal(tally.ended_blobs, 2);
  add(&tally, SP_EVENT_TAG, 0, NULL, 0, 0, 200);
  assert_int_equal(tally.tags, 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_odd_events_do_no_harm), cmocka_unit_test(test_more_blobs_than_lines),
      cmocka_unit_test(test_sum_over_places),       cmocka_unit_test(test_rate),
      cmocka_unit_test(test_moved_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
