/* SPDX-License-Identifier: Apache-2.0 */
/* The clock is turned forward day by day; each day the journal is opened and closed once, as a
 * scheduled sync would. */
#include "journal/known.h"
#include "journal/runs.h"
#include "journal/uploads.h"
#include "scratch.h"

#include "base/limits.h"

static int64_t clock_ahead_s;
int64_t __real_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void)
{
  return __real_sp_clock_wall_s() + clock_ahead_s;
}

static int setup(void **state)
{
  clock_ahead_s = -800 * SP_DAY_S;
  return scratch_make(state);
}

/* A month passes; every ten days the journal is used. */
static void let_days_pass(int days)
{
  int64_t until_s = clock_ahead_s + days * SP_DAY_S;
  while (clock_ahead_s < until_s) {
    clock_ahead_s += 10 * SP_DAY_S;
    sp_journal_close(journal_open_well(SP_JOURNAL_WRITE));
  }
}

static void tell_tag(const char *place, const char *tag, unsigned n)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  struct sp_digest digest = digest_of(n);
  must(sp_known_tell_tag(journal, place, tag, &digest, sp_clock_wall_s(), &err), &err);
  must(sp_known_tell_blob(journal, place, &digest, sp_clock_wall_s(), &err), &err);
  journal_flush_well(journal);
  sp_journal_close(journal);
}

static size_t states_of(const char *place, const char *tag)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_READ);
  struct sp_known_tag *states;
  size_t count;
  must(sp_known_history(journal, place, tag, 100, &states, &count, &err), &err);
  sp_known_history_free(states, count);
  return count;
}

static bool knows_blob(const char *place, unsigned n)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_READ);
  struct sp_digest digest = digest_of(n);
  int64_t read_s;
  must(sp_known_read_blobs(journal, place, &digest, 1, &read_s, &err), &err);
  return read_s != 0;
}

static bool knows_digest(const char *place, unsigned n)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_READ);
  SP_AUTO_KNOWN struct sp_known known;
  struct sp_digest digest = digest_of(n);
  must(sp_known_read(journal, place, SP_KNOWN_NOW, &known, &err), &err);
  return sp_known_find_digest(&known, &digest) != NULL;
}

static void test_old_states_go(void **state)
{
  (void)state;
  tell_tag("p", "latest", 1);
  let_days_pass(100);
  tell_tag("p", "latest", 2);
  let_days_pass(100);
  tell_tag("p", "latest", 3);
  let_days_pass(290);
  assert_int_equal(states_of("p", "latest"), 3); /* 1 was in force 400 days ago */
  assert_false(knows_digest("p", 1));
  assert_false(knows_blob("p", 1));
  assert_true(knows_digest("p", 3));
  tell_tag("p", "other", 4); /* the place is in use */
  let_days_pass(30);
  assert_int_equal(states_of("p", "latest"), 2);
  let_days_pass(360);
  assert_int_equal(states_of("p", "latest"), 1); /* the present is never too old */
}

static void test_idle_places_go(void **state)
{
  (void)state;
  tell_tag("gone", "latest", 1);
  tell_tag("used", "latest", 1);
  let_days_pass(300);
  tell_tag("used", "v2", 2);
  let_days_pass(130);
  assert_int_equal(states_of("gone", "latest"), 0);
  assert_int_equal(states_of("used", "latest"), 1);
}

/* What is known of a run: the run, its images and its writes, as bits. */
static int remains_of(int64_t id);
static int see_image(void *ctx, const struct sp_run_image *image, struct sp_err *err)
{
  (void)image;
  (void)err;
  *(int *)ctx |= 2;
  return 0;
}
static int see_write(void *ctx, const struct sp_run_write *write, struct sp_err *err)
{
  (void)write;
  (void)err;
  *(int *)ctx |= 4;
  return 0;
}
static int remains_of(int64_t id)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_READ);
  struct sp_run *run;
  int found = 0;
  const struct sp_run_visitor visitor = {.image = see_image, .write = see_write, .ctx = &found};
  must(sp_runs_walk(journal, id, &visitor, &err), &err);
  if (sp_runs_get(journal, id, &run, &err) < 0)
    return found;
  sp_runs_free(run, 1);
  return found | 1;
}

static int64_t make_run(void)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  const struct sp_run_image image = {.image = "i", .place = "p", .result = "copied"};
  const struct sp_run_write write = {.kind = SP_WRITE_BLOB, .place = "p", .digest = digest_of(1)};
  int64_t id;
  must(sp_runs_begin(journal, "sync", "", sp_clock_wall_s(), &id, &err), &err);
  must(sp_runs_tell_image(journal, id, &image, &err), &err);
  must(sp_runs_tell_write(journal, id, &write, &err), &err);
  must(sp_runs_end(journal, id, 0, sp_clock_wall_s(), &err), &err);
  return id;
}

static void test_old_runs_go(void **state)
{
  (void)state;
  int64_t first = make_run();
  let_days_pass(80);
  assert_int_equal(remains_of(first), 7);
  let_days_pass(20);
  assert_int_equal(remains_of(first), 1); /* only that it was */
  int64_t second = make_run();
  assert_int_equal(second, first + 1);
  let_days_pass(310);
  assert_int_equal(remains_of(first), 0);
  assert_int_equal(remains_of(second), 1);
}

static void test_old_uploads_go(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  char url[] = "https://r.example/u";
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  const struct sp_upload_session session = {
      .digest = digest_of(1), .size_bytes = 1, .location = url, .at_s = sp_clock_wall_s()};
  must(sp_uploads_tell(journal, "p", &session, &err), &err);
  sp_journal_close(journal);
  let_days_pass(20);
  clock_ahead_s -= 20 * SP_DAY_S; /* reading leaves old ones out: look whether it is there */
  struct sp_upload_session *sessions;
  size_t count;
  journal = journal_open_well(SP_JOURNAL_READ);
  must(sp_uploads_read(journal, "p", &sessions, &count, &err), &err);
  sp_uploads_free(sessions, count);
  sp_journal_close(journal);
  assert_int_equal(count, 0);
}

/* F25: one run with a clock that is ten years ahead throws nothing away. */
static void test_a_clock_that_jumps(void **state)
{
  (void)state;
  int64_t id = make_run();
  tell_tag("p", "latest", 1);
  let_days_pass(20);
  clock_ahead_s += 3650 * SP_DAY_S;
  sp_journal_close(journal_open_well(SP_JOURNAL_WRITE));
  sp_journal_close(journal_open_well(SP_JOURNAL_WRITE));
  clock_ahead_s -= 3650 * SP_DAY_S;
  let_days_pass(20);
  assert_int_equal(states_of("p", "latest"), 1);
  assert_true(knows_digest("p", 1));
  assert_int_equal(remains_of(id), 7);
}

static void tell_gone(const char *place, const char *tag)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  must(sp_known_tell_tag(journal, place, tag, NULL, sp_clock_wall_s(), &err), &err);
  sp_journal_close(journal);
}

static void test_what_is_gone_goes(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest third = digest_of(3);
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  must(sp_known_tell_tag_late(journal, "p", "pr-3", &third, sp_clock_wall_s(), &err), &err);
  sp_journal_close(journal);
  tell_tag("p", "pr-1", 1);
  let_days_pass(10);
  tell_gone("p", "pr-1");
  let_days_pass(380);
  tell_tag("p", "pr-2", 2); /* the place is in use */
  let_days_pass(10);
  assert_int_equal(states_of("p", "pr-1"), 2);
  let_days_pass(30);
  assert_int_equal(states_of("p", "pr-1"), 0);
  assert_int_equal(states_of("p", "pr-2"), 1);
  assert_int_equal(states_of("p", "pr-3"), 1); /* (found late) it is there all the same */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, scratch_remove)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_old_states_go),  TEST(test_idle_places_go),     TEST(test_old_runs_go),
      TEST(test_old_uploads_go), TEST(test_a_clock_that_jumps), TEST(test_what_is_gone_goes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
