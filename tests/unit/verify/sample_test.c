/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "verify/sample.h"

#define COUNT 97

static void fill(struct sp_site_blob blobs[COUNT])
{
  memset(blobs, 0, COUNT * sizeof *blobs);
  for (size_t i = 0; i < COUNT; i++) {
    blobs[i].blob.digest.alg = SP_DIGEST_SHA256;
    blobs[i].blob.digest.raw[0] = (uint8_t)i;
    blobs[i].blob.size_bytes = 1 + i * i * 10;
  }
}

static void choose(struct sp_site_blob *blobs, size_t count, unsigned percent, int64_t not_since_s,
                   uint64_t seed)
{
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_sample_choose(blobs, count, percent, not_since_s, seed, &err), 0);
}

static size_t count_chosen(const struct sp_site_blob *blobs, size_t count)
{
  size_t chosen = 0;
  for (size_t i = 0; i < count; i++)
    chosen += blobs[i].is_to_read;
  return chosen;
}

/* 100 / percent runs read all of it, and none a second time before. */
static void test_every_blob_in_its_turn(void **state)
{
  (void)state;
  static const unsigned percents[] = {1, 3, 5, 33, 50, 99, 100};
  for (size_t p = 0; p < sizeof percents / sizeof percents[0]; p++) {
    struct sp_site_blob blobs[COUNT];
    unsigned reads[COUNT] = {0};
    fill(blobs);
    unsigned runs = (100 + percents[p] - 1) / percents[p];
    for (unsigned run = 1; run <= runs; run++) {
      bool all_before = true;
      for (size_t i = 0; i < COUNT; i++)
        all_before = all_before && reads[i] > 0;
      choose(blobs, COUNT, percents[p], INT64_MAX, run * 77);
      for (size_t i = 0; i < COUNT; i++) {
        if (!blobs[i].is_to_read)
          continue;
        if (!all_before && reads[i] > 0) {
          for (size_t k = 0; k < COUNT; k++)
            assert_true(blobs[k].read_s > 0 || blobs[k].is_to_read);
        }
        reads[i]++;
      }
      for (size_t i = 0; i < COUNT; i++)
        blobs[i].read_s = blobs[i].is_to_read ? run : blobs[i].read_s;
    }
    for (size_t i = 0; i < COUNT; i++)
      assert_true(reads[i] > 0);
  }
}

/* -- blobs that come and go */

#define ROOM 600

struct place {
  struct sp_site_blob blobs[ROOM];
  unsigned since[ROOM]; /* the run that read it last; or the one before it came */
  size_t count;
  unsigned made;
  int64_t now_s;
};

static void come(struct place *place, unsigned run, uint64_t size_bytes)
{
  assert_true(place->count < ROOM);
  struct sp_site_blob *blob = &place->blobs[place->count];
  *blob = (struct sp_site_blob){.known_s = place->now_s};
  blob->blob.size_bytes = size_bytes;
  blob->blob.digest.alg = SP_DIGEST_SHA256;
  memcpy(blob->blob.digest.raw, &place->made, sizeof place->made);
  place->made++;
  place->since[place->count++] = run;
}

static void go(struct place *place, size_t number)
{
  place->count--;
  place->blobs[number] = place->blobs[place->count];
  place->since[number] = place->since[place->count];
}

/* One run; answers for how many runs a blob has waited that was not read now: the most. */
static unsigned run_share(struct place *place, unsigned percent, unsigned run)
{
  unsigned most = 0;
  choose(place->blobs, place->count, percent, INT64_MAX, run * 31);
  for (size_t i = 0; i < place->count; i++) {
    if (place->blobs[i].is_to_read) {
      place->blobs[i].read_s = place->now_s;
      place->since[i] = run;
    }
    most = run - place->since[i] > most ? run - place->since[i] : most;
  }
  return most;
}

/* 20 runs of 5% read whatever is there all that time, however much comes and goes. */
static void test_every_blob_in_its_turn_though_others_come_and_go(void **state)
{
  (void)state;
  static const struct {
    unsigned percent, come, go; /* of 100, a run */
    bool is_large_last;         /* what comes grows */
  } rows[] = {{5, 0, 0, false}, {5, 1, 1, false}, {5, 5, 5, false},    {5, 4, 0, false},
              {5, 8, 8, false}, {5, 8, 6, true},  {20, 30, 30, false}, {1, 3, 3, false},
              {33, 7, 7, true}, {50, 9, 1, true}};
  for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
    static struct place place;
    place = (struct place){.now_s = 1000};
    unsigned turn = (100 + rows[row].percent - 1) / rows[row].percent;
    for (unsigned i = 0; i < 100; i++)
      come(&place, 0, 1000);
    for (unsigned run = 1; run <= 3 * turn; run++) {
      place.now_s += 86400;
      unsigned waited = run_share(&place, rows[row].percent, run);
      if (waited >= turn)
        fail_msg("row %zu, run %u: not read for %u runs", row, run, waited);
      for (unsigned i = 0; i < rows[row].go && place.count > 100; i++)
        go(&place, (run * 7919u + i * 104729u) % place.count);
      for (unsigned i = 0; i < rows[row].come && place.count < ROOM; i++)
        come(&place, run, rows[row].is_large_last ? 1000 + run * 100 : 1000);
    }
  }
}

/* The clock is put back by 6 hours of hourly runs: by so much later it is read, and no more. */
static void test_a_clock_that_is_put_back_delays(void **state)
{
  (void)state;
  for (unsigned at = 1; at <= 40; at += 3) {
    static struct place place;
    place = (struct place){.now_s = 1000000};
    for (unsigned i = 0; i < 100; i++)
      come(&place, 0, 1000);
    for (unsigned run = 1; run <= 120; run++) {
      place.now_s += run == at ? -6 * 3600 : 3600;
      assert_in_range(run_share(&place, 5, run), 0, 20 + 7);
    }
  }
}

static void test_the_share_is_of_the_bytes(void **state)
{
  (void)state;
  struct sp_site_blob blobs[COUNT];
  fill(blobs);
  uint64_t total = 0, chosen = 0, largest = blobs[COUNT - 1].blob.size_bytes;
  choose(blobs, COUNT, 20, INT64_MAX, 1);
  for (size_t i = 0; i < COUNT; i++) {
    total += blobs[i].blob.size_bytes;
    chosen += blobs[i].is_to_read ? blobs[i].blob.size_bytes : 0;
  }
  assert_true(chosen * 100 >= total * 20);
  assert_true((chosen - largest) * 100 < total * 20);
}

static void test_a_host_without_memory_reads_others_each_time(void **state)
{
  (void)state;
  struct sp_site_blob blobs[COUNT];
  bool seen[COUNT] = {false};
  size_t all = 0;
  fill(blobs);
  for (size_t i = 0; i < COUNT; i++)
    blobs[i].known_s = 1 + (int64_t)i; /* that it has from the record of a backup */
  for (uint64_t seed = 1; seed <= 400; seed++) {
    choose(blobs, COUNT, 5, INT64_MAX, seed);
    for (size_t i = 0; i < COUNT; i++)
      seen[i] = seen[i] || blobs[i].is_to_read;
  }
  for (size_t i = 0; i < COUNT; i++)
    all += seen[i];
  assert_int_equal(all, COUNT);
}

static void test_what_was_read_since_is_left_alone(void **state)
{
  (void)state;
  struct sp_site_blob blobs[COUNT];
  fill(blobs);
  for (size_t i = 0; i < COUNT; i++)
    blobs[i].read_s = i < 10 ? 99 : 100;
  choose(blobs, COUNT, 100, 100, 1);
  assert_int_equal(count_chosen(blobs, COUNT), 10);
  for (size_t i = 0; i < 10; i++)
    assert_true(blobs[i].is_to_read);
}

static void test_edges(void **state)
{
  (void)state;
  struct sp_site_blob blobs[COUNT];
  fill(blobs);
  choose(blobs, 0, 5, INT64_MAX, 1);
  choose(blobs, 1, 1, INT64_MAX, 1);
  assert_int_equal(count_chosen(blobs, 1), 1);
  choose(blobs, COUNT, 100, INT64_MAX, 1);
  assert_int_equal(count_chosen(blobs, COUNT), COUNT);
  for (size_t i = 0; i < COUNT; i++)
    blobs[i].blob.size_bytes = INT64_MAX; /* as a hostile manifest says */
  choose(blobs, COUNT, 100, INT64_MAX, 1);
  assert_int_equal(count_chosen(blobs, COUNT), COUNT);
  for (size_t i = 0; i < COUNT; i++)
    blobs[i].blob.size_bytes = 0;
  choose(blobs, COUNT, 5, INT64_MAX, 1);
  assert_true(count_chosen(blobs, COUNT) >= 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_blob_in_its_turn),
      cmocka_unit_test(test_every_blob_in_its_turn_though_others_come_and_go),
      cmocka_unit_test(test_a_clock_that_is_put_back_delays),
      cmocka_unit_test(test_the_share_is_of_the_bytes),
      cmocka_unit_test(test_a_host_without_memory_reads_others_each_time),
      cmocka_unit_test(test_what_was_read_since_is_left_alone),
      cmocka_unit_test(test_edges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
