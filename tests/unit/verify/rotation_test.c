/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that stop when pulls are used up, over lists that stay as they are and over lists that
 * change, with a journal of their own. */
#include "verify/rotation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/journal.h"
#include "journal/runs.h"

#define MANY 200

struct bench {
  char names[MANY][16]; /* the file's images, in its order */
  size_t count;
  unsigned made;               /* images so far */
  unsigned reached[MANY * 10]; /* how often, by the number in the name */
  struct sp_journal *journal;
  struct sp_verify verify;
  int64_t now_s;
};

static const char *name_of(void *ctx, size_t number)
{
  struct bench *bench = ctx;
  return bench->names[number];
}

/* Puts a new image at a place of the list. Those with `free_`s names need no pulls. */
static void add(struct bench *bench, size_t at, const char *kind)
{
  memmove(bench->names[at + 1], bench->names[at], (bench->count - at) * sizeof bench->names[0]);
  snprintf(bench->names[at], sizeof bench->names[at], "%s%04u", kind, bench->made++);
  bench->verify.sync.images.count = ++bench->count;
}

static void drop(struct bench *bench, size_t at)
{
  bench->count--;
  memmove(bench->names[at], bench->names[at + 1], (bench->count - at) * sizeof bench->names[0]);
  bench->verify.sync.images.count = bench->count;
}

static void bench_init(struct bench *bench, size_t images)
{
  struct sp_err err = SP_ERR_INIT;
  *bench = (struct bench){.now_s = 1000000};
  assert_int_equal(sp_journal_open(NULL, SP_JOURNAL_WRITE, &bench->journal, &err), 0);
  bench->verify.sync.journal = bench->journal;
  bench->verify.sync.images = (struct sp_sync_images){.name = name_of, .ctx = bench};
  for (size_t i = 0; i < images; i++)
    add(bench, i, "app");
}

static void bench_clear(struct bench *bench)
{
  sp_journal_close(bench->journal);
}

static int64_t begin(struct bench *bench, const char *command, const char *subject)
{
  struct sp_err err = SP_ERR_INIT;
  int64_t id;
  assert_int_equal(sp_runs_begin(bench->journal, command, subject, bench->now_s += 60, &id, &err),
                   0);
  return id;
}

static void end(struct bench *bench, int64_t id)
{
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_runs_end(bench->journal, id, 0, bench->now_s, &err), 0);
}

/* Of the primary, which counts none, and of the backup. */
static void tell(struct bench *bench, int64_t id, const char *name, bool is_held)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_err why = SP_ERR_INIT;
  (void)sp_fail(&why, SP_E_THROTTLED, "20 of 100 pulls are left");
  struct sp_run_image image = {.image = name, .place = "primary", .result = "proven"};
  assert_int_equal(sp_runs_tell_image(bench->journal, id, &image, &err), 0);
  image = (struct sp_run_image){.image = name,
                                .place = "backup",
                                .result = is_held ? "failed" : "proven",
                                .why = is_held ? &why : NULL,
                                .is_more = true};
  assert_int_equal(sp_runs_tell_image(bench->journal, id, &image, &err), 0);
}

static size_t find(struct bench *bench, int64_t id)
{
  struct sp_err err = SP_ERR_INIT;
  size_t first = SIZE_MAX;
  bench->verify.sync.run_id = id;
  assert_int_equal(sp_rotation_find(&bench->verify, &first, &err), 0);
  assert_true(first == 0 || first < bench->count);
  return first;
}

/* A run with pulls for so many images, `jobs` of which are told of in the wrong order; answers
 * where it began. */
static size_t run(struct bench *bench, size_t pulls, size_t jobs)
{
  int64_t id = begin(bench, "verify", "");
  size_t first = find(bench, id);
  for (size_t block = 0; block < bench->count; block += jobs) {
    bool is_held[MANY];
    size_t n = bench->count - block < jobs ? bench->count - block : jobs;
    for (size_t i = 0; i < n; i++) {
      const char *name = bench->names[(first + block + i) % bench->count];
      bool needs_pull = strncmp(name, "free", 4) != 0;
      is_held[i] = needs_pull && pulls == 0;
      pulls -= needs_pull && pulls > 0;
      bench->reached[strtoul(name + strcspn(name, "0123456789"), NULL, 10)] += !is_held[i];
    }
    for (size_t i = n; i-- > 0;)
      tell(bench, id, bench->names[(first + block + i) % bench->count], is_held[i]);
  }
  end(bench, id);
  return first;
}

/* -- the same list each time */

static void test_nothing_is_known(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 5);
  assert_int_equal(find(&bench, begin(&bench, "verify", "")), 0);
  assert_int_equal(find(&bench, 0), 0);
  bench_clear(&bench);
  bench_init(&bench, 0);
  assert_int_equal(find(&bench, begin(&bench, "verify", "")), 0);
  bench_clear(&bench);
}

static void test_each_run_goes_on_where_the_last_one_stopped(void **state)
{
  (void)state;
  for (size_t pulls = 1; pulls <= 9; pulls++) {
    struct bench bench;
    bench_init(&bench, 9);
    for (size_t i = 0; i < 40; i++)
      assert_int_equal(run(&bench, pulls, 1), i * pulls % 9);
    for (size_t i = 0; i < 9; i++)
      assert_in_range(bench.reached[i], 40 * pulls / 9, 40 * pulls / 9 + 1);
    bench_clear(&bench);
  }
}

static void test_a_run_that_reached_all_begins_anew(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 9);
  assert_int_equal(run(&bench, 4, 1), 0);
  assert_int_equal(run(&bench, 100, 1), 4);
  assert_int_equal(run(&bench, 4, 1), 0);
  bench_clear(&bench);
}

/* Runs that find no pull left, however many, forget nothing. */
static void test_runs_that_reach_nothing_change_nothing(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 9);
  run(&bench, 4, 1);
  for (int i = 0; i < 20; i++)
    assert_int_equal(run(&bench, 0, 3), 4);
  assert_int_equal(run(&bench, 4, 1), 4);
  assert_int_equal(run(&bench, 0, 1), 8);
  bench_clear(&bench);
}

static void test_runs_of_something_else_are_passed_over(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 9);
  run(&bench, 4, 1);
  int64_t sync = begin(&bench, "sync", ""), others = begin(&bench, "verify", "app0007");
  for (size_t i = 0; i < 9; i++) {
    tell(&bench, sync, bench.names[i], i > 1);
    tell(&bench, others, bench.names[i], i > 6);
  }
  end(&bench, sync);
  end(&bench, others);
  int64_t killed = begin(&bench, "verify", ""); /* before it told of anything */
  (void)killed;
  int64_t own = begin(&bench, "verify", "");
  int64_t later = begin(&bench, "verify", ""); /* beside it */
  tell(&bench, own, bench.names[0], true);
  tell(&bench, later, bench.names[0], false);
  tell(&bench, later, bench.names[1], true);
  assert_int_equal(find(&bench, own), 4);
  bench_clear(&bench);
}

/* Images that need no pulls stand between those that do, and are always reached. */
static void test_images_without_pulls_in_between(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 0);
  for (size_t i = 0; i < 10; i++)
    add(&bench, i, i % 2 ? "free" : "app");
  for (int i = 0; i < 30; i++)
    run(&bench, 2, 1);
  for (size_t i = 0; i < 10; i += 2)
    assert_int_equal(bench.reached[i], 12); /* 60 pulls, 5 images */
  bench_clear(&bench);
}

/* -- lists that change */

/* What is there for long enough is reached, whatever comes, where, and goes: in as many runs as its
 * turn can take, with all that came meanwhile before it. */
static void test_images_that_come_and_go(void **state)
{
  (void)state;
  static const struct {
    size_t pulls, jobs;
    int come, go; /* where: 0 the beginning, 1 the middle, 2 the end; -1 none */
  } rows[] = {{2, 1, 2, -1}, {2, 1, 0, -1}, {2, 1, 1, -1}, {3, 4, 2, 0},  {3, 4, 0, 2},
              {3, 4, 1, 1},  {2, 1, 2, 2},  {5, 4, 2, 1},  {2, 1, -1, 0}, {2, 1, -1, 2}};
  for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
    struct bench bench;
    bench_init(&bench, 40);
    for (int i = 0; i < 60; i++) {
      run(&bench, rows[row].pulls, rows[row].jobs);
      size_t middle = bench.count / 2;
      if (rows[row].go >= 0 && bench.count > 20)
        drop(&bench, rows[row].go == 0 ? 0 : rows[row].go == 1 ? middle : bench.count - 1);
      if (rows[row].come >= 0)
        add(&bench, rows[row].come == 0 ? 0 : rows[row].come == 1 ? middle : bench.count, "app");
    }
    for (size_t i = 0; i < bench.count; i++) {
      unsigned number = (unsigned)strtoul(bench.names[i] + 3, NULL, 10);
      if (number < 40 && bench.reached[number] == 0)
        fail_msg("row %zu: %s was never reached", row, bench.names[i]);
    }
    bench_clear(&bench);
  }
}

/* The one that it would go on with is gone: it goes on with the next. All that waited are. */
static void test_where_it_stopped_is_gone(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench, 9);
  run(&bench, 4, 1);
  drop(&bench, 4);
  assert_int_equal(find(&bench, begin(&bench, "verify", "")), 4);
  assert_string_equal(bench.names[4], "app0005");
  while (bench.count > 4)
    drop(&bench, 4);
  assert_int_equal(find(&bench, begin(&bench, "verify", "")), 0);
  while (bench.count > 0)
    drop(&bench, 0);
  assert_int_equal(find(&bench, begin(&bench, "verify", "")), 0);
  bench_clear(&bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nothing_is_known),
      cmocka_unit_test(test_each_run_goes_on_where_the_last_one_stopped),
      cmocka_unit_test(test_a_run_that_reached_all_begins_anew),
      cmocka_unit_test(test_runs_that_reach_nothing_change_nothing),
      cmocka_unit_test(test_runs_of_something_else_are_passed_over),
      cmocka_unit_test(test_images_without_pulls_in_between),
      cmocka_unit_test(test_images_that_come_and_go),
      cmocka_unit_test(test_where_it_stopped_is_gone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
