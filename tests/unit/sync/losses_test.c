/* SPDX-License-Identifier: Apache-2.0 */
/* Months of a primary, a run a day: tags come and go, and what is remembered of them is what the
 * journal would. */
#include "sync/losses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "sync/tags.h"
#include "sync/told.h"

#define MOST 4000
#define DAY_ONE (1700000000 / SP_DAY_S * SP_DAY_S)

static void test_peak(void **state)
{
  (void)state;
  enum { STAYS = INT16_MAX }; /* it is there */
  static const struct {
    int16_t stays[4][2];
    int from, want;
  } cases[] = {
      {{{0}}, 0, 0},
      {{{1, STAYS}, {1, STAYS}}, 0, 2},
      {{{1, 5}, {1, STAYS}, {5, STAYS}}, 0, 2}, /* one for another in one run */
      {{{1, 5}, {1, STAYS}, {4, STAYS}}, 0, 3},
      {{{1, 5}, {6, 9}, {7, 8}}, 0, 2},
      {{{1, 5}, {1, 6}, {1, 7}}, 5, 2}, /* what went before the window is nothing */
      {{{1, 5}, {1, 6}, {1, 7}}, 6, 1},
      {{{1, 5}, {1, 6}, {1, 7}}, 7, 0},
      {{{3, 3}, {3, STAYS}}, 0, 1}, /* of one that is gone nobody knows since when it was there */
      {{{3, 3}, {4, 4}, {5, 5}}, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sp_stay stays[4];
    size_t count = 0;
    uint64_t peak;
    struct sp_err err = SP_ERR_INIT;
    for (size_t k = 0; k < 4 && cases[i].stays[k][1] > 0; k++)
      stays[count++] = (struct sp_stay){
          cases[i].stays[k][0], cases[i].stays[k][1] == STAYS ? INT64_MAX : cases[i].stays[k][1]};
    assert_int_equal(sp_losses_peak(stays, count, cases[i].from, &peak, &err), 0);
    if (peak != (uint64_t)cases[i].want)
      fail_msg("case %zu: %llu", i, (unsigned long long)peak);
  }
}

/* -- months */

struct months {
  struct sp_known_tag known[MOST]; /* by name, which is by number */
  size_t count;                    /* that ever were */
  bool is_there[MOST];
  char names[MOST][16];
  struct sp_selection selection;
  struct sp_sync sync;
  int day;
  uint64_t told_lost; /* by the last run */
};

static void come(struct months *months, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    assert_true(months->count < MOST);
    snprintf(months->names[months->count], sizeof months->names[0], "v1.0.%zu",
             100000 + months->count); /* versions, and their names in their order */
    months->is_there[months->count++] = true;
  }
}

/* The oldest that are there. */
static void go(struct months *months, size_t count)
{
  for (size_t i = 0; i < months->count && count > 0; i++) {
    count -= months->is_there[i];
    months->is_there[i] = false;
  }
}

static struct months *begin(size_t tags)
{
  struct months *months = calloc(1, sizeof *months);
  assert_non_null(months);
  months->sync.max_loss_percent = 20;
  come(months, tags);
  return months;
}

/* As sync remembers it when it follows the primary. */
static void remember(struct months *months, int64_t now_s)
{
  for (size_t i = 0; i < months->count; i++) {
    struct sp_known_tag *tag = &months->known[i];
    bool was_there = tag->tag && !tag->is_gone;
    if (!months->is_there[i] && months->sync.accept_loss)
      tag->is_meant = true;
    if (was_there == months->is_there[i])
      continue;
    tag->tag = months->names[i];
    tag->is_gone = was_there;
    tag->since_s = now_s;
    if (!was_there)
      tag->came_s = now_s;
  }
}

/* A run; is the loss borne? */
static bool run(struct months *months)
{
  struct sp_err err = SP_ERR_INIT;
  static char *listed[MOST];
  struct sp_work *work = calloc(1, sizeof *work);
  assert_non_null(work);
  work->sync = &months->sync;
  work->rules.tags = &months->selection;
  work->now_s = DAY_ONE + months->day * SP_DAY_S;
  work->primary_side.tags = listed;
  for (size_t i = 0; i < months->count; i++) {
    if (months->is_there[i])
      listed[work->primary_side.tag_count++] = months->names[i];
    if (months->known[i].tag)
      work->past.primary.tag_count = i + 1; /* (what was never seen is behind) */
  }
  work->past.primary.tags = months->known;
  assert_int_equal(sp_told_new("app", &work->told, &err), 0);
  bool is_bearable;
  assert_int_equal(sp_tags_select(work, &is_bearable, &err), 0);
  months->told_lost = work->told->lost;
  if (is_bearable)
    remember(months, work->now_s);
  sp_told_free(work->told);
  sp_tags_clear(&work->tags);
  free(work->is_wanted);
  free(work);
  months->day++;
  return is_bearable;
}

/* Runs until one is held; answers how many were not, `days` at most. */
static int run_on(struct months *months, int days, size_t comes, size_t goes)
{
  for (int day = 0; day < days; day++) {
    go(months, goes);
    come(months, comes);
    if (!run(months))
      return day;
  }
  return days;
}

static void test_a_little_each_day_is_a_loss(void **state)
{
  (void)state;
  struct months *months = begin(100);
  assert_true(run(months));
  assert_int_equal(run_on(months, 30, 0, 10), 2); /* 90, 80, and not 70 */
  assert_int_equal(months->told_lost, 30);        /* all of them */
  months->sync.accept_loss = true;
  assert_true(run(months));
  months->sync.accept_loss = false;
  assert_true(run(months));
  assert_int_equal(months->told_lost, 0);
  assert_int_equal(run_on(months, 30, 0, 7), 2); /* 63, 56, and not 49 of 70 */
  free(months);
}

static void test_a_loss_is_settled_after_the_window(void **state)
{
  (void)state;
  static const struct {
    int days;
    bool is_bearable;
  } cases[] = {{1, false}, {10, false}, {28, false}, {31, true}, {100, true}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct months *months = begin(100);
    assert_true(run(months));
    go(months, 15);
    assert_int_equal(run_on(months, cases[i].days, 0, 0), cases[i].days);
    go(months, 15);
    assert_int_equal(run(months), cases[i].is_bearable);
    free(months);
  }
}

/* Old tags go while new ones come: each day, each month, after a few days already. */
static void test_retention_is_no_loss(void **state)
{
  (void)state;
  static const struct {
    size_t tags, each_day;
  } cases[] = {{100, 5}, {60, 12}, {600, 20}, {10, 2}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct months *months = begin(cases[i].tags);
    assert_true(run(months));
    assert_int_equal(run_on(months, 150, cases[i].each_day, cases[i].each_day), 150);
    free(months);
  }
  struct months *months = begin(200);
  assert_true(run(months));
  for (int month = 0; month < 12; month++) {
    assert_int_equal(run_on(months, 29, 1, 0), 29);
    assert_int_equal(run_on(months, 1, 0, 29), 1);
  }
  free(months);
}

/* What came back is there, and what came back and went again is lost once. */
static void test_what_comes_back(void **state)
{
  (void)state;
  struct months *months = begin(10);
  assert_true(run(months));
  for (int i = 0; i < 5; i++) {
    months->is_there[i] = false;
    assert_true(run(months));
    months->is_there[i] = true;
    assert_true(run(months));
  }
  go(months, 2);
  assert_true(run(months));
  go(months, 1);
  assert_false(run(months));
  come(months, 1); /* another one in its place */
  assert_true(run(months));
  free(months);
}

/* What `newest` thins out is no loss, however much it is; what it would still select is one. */
static void test_what_is_thinned_out_is_no_loss(void **state)
{
  (void)state;
  struct months *months = begin(60);
  months->selection.newest = 10;
  assert_true(run(months));
  assert_int_equal(run_on(months, 10, 0, 5), 10); /* the ten that are selected are left */
  assert_int_equal(months->told_lost, 0);
  assert_int_equal(run_on(months, 10, 10, 10), 10); /* each day ten new ones for the ten */
  come(months, 100);
  assert_true(run(months));
  months->is_there[months->count - 1] = false; /* a broken build */
  assert_true(run(months));
  assert_int_equal(months->told_lost, 1);
  for (size_t i = 2; i <= 4; i++)
    months->is_there[months->count - i] = false;
  assert_false(run(months));
  assert_int_equal(months->told_lost, 4); /* and the one before */
  free(months);
}

/* All at once, and at last. */
static void test_nothing_left_is_never_borne(void **state)
{
  (void)state;
  struct months *months = begin(4);
  months->sync.max_loss_percent = 100;
  assert_true(run(months));
  assert_int_equal(run_on(months, 4, 0, 1), 3);
  assert_int_equal(months->told_lost, 4);
  assert_int_equal(run_on(months, 100, 0, 0), 0);
  free(months);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_peak),
      cmocka_unit_test(test_a_little_each_day_is_a_loss),
      cmocka_unit_test(test_a_loss_is_settled_after_the_window),
      cmocka_unit_test(test_retention_is_no_loss),
      cmocka_unit_test(test_what_comes_back),
      cmocka_unit_test(test_what_is_thinned_out_is_no_loss),
      cmocka_unit_test(test_nothing_left_is_never_borne),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
