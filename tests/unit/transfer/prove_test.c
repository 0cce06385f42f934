/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/prove.h"

#include "fixture.h"

#include "base/clock.h"

/* -- the level: two manifests ('r' read back, '-' not), three blobs ('-' absent, '!' damaged, 'c'
 * claimed, 't' touched, 'R' read) */

struct level_case {
  const char *nodes, *blobs;
  enum sp_proof level;
};

static const struct level_case level_cases[] = {
    {"rr", "ttt", SP_PROOF_TOUCHED}, {"rr", "RRR", SP_PROOF_READ}, {"rr", "RtR", SP_PROOF_TOUCHED},
    {"rr", "ctR", SP_PROOF_CLAIMED}, {"rr", "t-t", SP_PROOF_NONE}, {"rr", "tt!", SP_PROOF_NONE},
    {"r-", "ttt", SP_PROOF_NONE},    {"--", "RRR", SP_PROOF_NONE},
};

static void test_level(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof level_cases / sizeof level_cases[0]; i++) {
    struct sp_image image = {.node_count = 2, .blob_count = 3};
    struct sp_facts facts;
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_facts_init(&facts, &image, 1, &err), 0);
    for (size_t n = 0; n < 2; n++)
      facts.places[0].nodes[n].is_read_back = level_cases[i].nodes[n] == 'r';
    for (size_t b = 0; b < 3; b++) {
      char c = level_cases[i].blobs[b];
      facts.places[0].blobs[b] = (struct sp_blob_fact){.have = c == '-'   ? SP_HAVE_ABSENT
                                                               : c == '!' ? SP_HAVE_DAMAGED
                                                                          : SP_HAVE_PRESENT,
                                                       .proof = c == 'R'   ? SP_PROOF_READ
                                                                : c == 't' ? SP_PROOF_TOUCHED
                                                                           : SP_PROOF_CLAIMED};
    }
    if (sp_prove_level(&image, &facts.places[0]) != level_cases[i].level)
      fail_msg("case %zu", i);
    sp_facts_clear(&facts);
  }
  struct sp_image nothing = {0};
  struct sp_place_facts no_facts = {0};
  assert_int_equal(sp_prove_level(&nothing, &no_facts), SP_PROOF_NONE);
}

/* -- refresh: garbage collection during a long run */

struct world {
  struct fx fx;
  struct sp_transfer job;
  struct sp_transfer_destination to[FX_PLACES];
  struct sp_report *report;
  struct sp_run run;
};

/* A run in which one blob was touched at destination one, and is there. */
static void begin(struct world *w)
{
  static const char *const name = "one";
  struct sp_err err = SP_ERR_INIT;
  fx_init(&w->fx, 1);
  fx_fill(&w->fx, &w->job, w->to);
  assert_int_equal(sp_report_new(SP_REPORT_PUSH, "source", &name, 1, &w->report, &err), 0);
  sp_run_init(&w->run, &w->job, w->report);
  struct fx_ref blob = fx_add_blob(w->fx.memory[1], 1, 1000);
  w->run.image.blobs = calloc(1, sizeof *w->run.image.blobs);
  w->run.image.blob_count = 1;
  w->run.image.blobs[0].digest = blob.digest;
  w->run.image.blobs[0].size_bytes = 1000;
  assert_int_equal(sp_facts_init(&w->run.facts, &w->run.image, 1, &err), 0);
  w->run.facts.places[0].blobs[0] = (struct sp_blob_fact){
      .have = SP_HAVE_PRESENT, .proof = SP_PROOF_TOUCHED, .seen_ms = sp_clock_mono_ms()};
}

static void end(struct world *w)
{
  sp_run_clear(&w->run);
  sp_report_free(w->report);
  fx_clear(&w->fx);
}

static void test_fresh_is_not_touched_again(void **state)
{
  (void)state;
  struct world w;
  begin(&w);
  sp_prove_refresh(&w.run, sp_clock_mono_ms() + SP_PROVE_MAX_AGE_MS - 10000);
  assert_int_equal(fx_count(&w.fx, 1, "check_blob"), 0);
  sp_prove_refresh(&w.run, sp_clock_mono_ms() + SP_PROVE_MAX_AGE_MS + 10000);
  assert_int_equal(fx_count(&w.fx, 1, "check_blob"), 1);
  assert_true(sp_run_is_open(&w.run, 0));
  end(&w);
}

static void test_lost_meanwhile(void **state)
{
  (void)state;
  for (int damaged = 0; damaged < 2; damaged++) {
    for (int round = 0; round < SP_RUN_ROUNDS; round++) {
      bool last = damaged ? round > 0 : round == SP_RUN_ROUNDS - 1;
      struct world w;
      begin(&w);
      w.run.round = round;
      if (damaged)
        sp_memory_truncate(w.fx.memory[1], &w.run.image.blobs[0].digest, 10);
      else
        w.run.image.blobs[0].digest.raw[0] ^= 1;
      sp_prove_refresh(&w.run, sp_clock_mono_ms() + SP_PROVE_MAX_AGE_MS + 10000);
      assert_false(sp_run_is_open(&w.run, 0));
      assert_int_equal(atomic_load(&w.run.is_again[0]), !last);
      assert_int_equal(w.report->places[0].err.code, last ? SP_E_DIGEST : SP_OK);
      assert_int_equal(strstr(w.report->places[0].err.msg, "garbage collection") != NULL,
                       last && !damaged);
      end(&w);
    }
  }
}

/* -- what is in doubt is read, and what is bad is not sent again */

static int told_good, told_bad;

static void was_read(void *ctx, size_t destination, const struct sp_digest *digest, bool is_good)
{
  const struct world *w = ctx;
  assert_int_equal(destination, 0);
  assert_true(sp_digest_eq(digest, &w->run.image.blobs[0].digest));
  *(is_good ? &told_good : &told_bad) += 1;
}

static void test_doubt(void **state)
{
  (void)state;
  static const struct {
    enum sp_doubt doubt;
    bool is_flipped, read_back;
    int reads, good, bad;
    bool is_again; /* a second round sends it */
  } cases[] = {
      {SP_DOUBT_NONE, true, false, 0, 0, 0, false}, /* a touch does not see it */
      {SP_DOUBT_READ, false, false, 1, 1, 0, false}, {SP_DOUBT_READ, true, false, 2, 0, 1, false},
      {SP_DOUBT_BAD, false, false, 0, 0, 1, false}, /* as it is known */
      {SP_DOUBT_BAD, false, true, 1, 1, 0, false},  /* a restore reads all of it */
      {SP_DOUBT_BAD, true, true, 2, 0, 0, true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct world w;
    begin(&w);
    told_good = told_bad = 0;
    w.job.was_read = was_read;
    w.job.ctx = &w;
    w.to[0].read_back = cases[i].read_back;
    w.run.facts.places[0].blobs[0].doubt = cases[i].doubt;
    if (cases[i].is_flipped)
      sp_memory_flip(w.fx.memory[1], &w.run.image.blobs[0].digest, 10);
    sp_prove_refresh(&w.run, sp_clock_mono_ms());
    assert_int_equal(fx_count(&w.fx, 1, "open_read"), cases[i].reads);
    assert_int_equal(told_good, cases[i].good);
    assert_int_equal(told_bad, cases[i].bad);
    assert_int_equal(w.report->places[0].err.code, cases[i].bad ? SP_E_DIGEST : SP_OK);
    assert_int_equal(atomic_load(&w.run.is_again[0]), cases[i].is_again);
    end(&w);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_level),
      cmocka_unit_test(test_fresh_is_not_touched_again),
      cmocka_unit_test(test_lost_meanwhile),
      cmocka_unit_test(test_doubt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
