/* SPDX-License-Identifier: Apache-2.0 */
/* One image, its primary and two backups in memory: damage of each kind at each place, calls that
 * fail, a line that is flaky, repairs. System tests do the same with real registries. */
#include "../sync/world.h"

#include "verify/verify.h"

#define PLACES 3

struct bench {
  struct world world;
  struct sp_verify verify;
  struct sp_verify_totals totals;
  struct fx_ref latest, fixed;
  /* of the latest report */
  size_t damage[PLACES];
  char finding[PLACES][64], tags[PLACES][64];
  enum sp_code code[PLACES];
  uint64_t good[PLACES], skipped[PLACES];
  const char *proof[PLACES];
  bool is_flaky, has_restore, has_repair, has_kept;
};

static void on_report(void *ctx, const struct sp_report *report)
{
  struct bench *bench = ctx;
  for (size_t i = 0; i < report->place_count; i++) {
    const struct sp_report_place *place = &report->places[i];
    bench->damage[i] = place->damage_count;
    bench->code[i] = place->err.code;
    bench->good[i] = place->tags_good;
    bench->skipped[i] = place->tags_skipped;
    bench->proof[i] = place->proof;
    snprintf(bench->finding[i], sizeof bench->finding[i], "%s",
             place->damage_count ? place->damage[0].finding : "");
    snprintf(bench->tags[i], sizeof bench->tags[i], "%s",
             place->damage_count ? place->damage[0].tags : "");
  }
  bench->is_flaky = fx_has_note(report, "flaky transport");
  bench->has_restore = fx_has_note(report, "safeport restore app --tag");
  bench->has_repair = fx_has_note(report, "repaired at");
  bench->has_kept = fx_has_note(report, "cannot be repaired through its API");
}

/* Two tags, in step at two backups. They share layer 0. */
static void bench_init(struct bench *bench)
{
  memset(bench, 0, sizeof *bench);
  world_init(&bench->world, PLACES - 1);
  struct sp_store *memory = bench->world.fx.memory[0];
  bench->latest = fx_add_image(memory, 1, 3, NULL);
  bench->fixed = fx_add_image(memory, 2, 2, NULL);
  fx_tag(memory, "latest", &bench->latest);
  fx_tag(memory, "1.0.0", &bench->fixed);
  fx_add_image(memory, 5, 1, &bench->fixed); /* a referrer */
  assert_int_equal(world_run(&bench->world), 0);
  bench->verify = (struct sp_verify){.sync = bench->world.sync,
                                     .level = SP_PROOF_TOUCHED,
                                     .percent = 100,
                                     .done = on_report,
                                     .ctx = bench};
}

static int run(struct bench *bench)
{
  fx_forget_log(&bench->world.fx);
  sp_verify_run(&bench->verify, &bench->totals);
  sp_journal_flush(bench->world.journal);
  return bench->totals.exit_status;
}

static void bench_clear(struct bench *bench)
{
  world_clear(&bench->world);
}

/* A layer of `latest` alone, and the one that both have. */
static struct sp_digest layer_of(unsigned seed, size_t size)
{
  struct sp_store *memory;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_memory_new("scratch", &memory, &err), 0);
  struct fx_ref ref = fx_add_blob(memory, seed, size);
  sp_store_close(memory);
  return ref.digest;
}

static struct sp_digest own_layer(void)
{
  return layer_of(101, 3001);
}

static struct sp_digest shared_layer(void)
{
  return layer_of(7, 5000);
}

/* -- levels */

static void test_whole(void **state)
{
  (void)state;
  static const enum sp_proof levels[] = {SP_PROOF_TOUCHED, SP_PROOF_READ, SP_PROOF_CLAIMED};
  for (size_t i = 0; i < 3; i++) {
    struct bench bench;
    bench_init(&bench);
    bench.verify.level = levels[i];
    assert_int_equal(run(&bench), 0);
    for (size_t place = 0; place < PLACES; place++) {
      assert_int_equal(bench.damage[place], 0);
      assert_int_equal(bench.good[place], 2);
      assert_string_equal(bench.proof[place], sp_proof_name(levels[i]));
      assert_int_equal(fx_writes(&bench.world.fx, (int)place), 0);
    }
    /* 2 configs, 3 + 2 layers of which one is shared; the referrer's config, its layer is that one
     */
    assert_int_equal(bench.totals.blobs, PLACES * 7);
    assert_int_equal(bench.totals.blobs_read, levels[i] == SP_PROOF_READ ? PLACES * 7 : 0);
    if (levels[i] == SP_PROOF_CLAIMED)
      assert_int_equal(fx_count(&bench.world.fx, 1, "get_manifest"), 0);
    bench_clear(&bench);
  }
}

/* -- damage */

enum kind { WIPE, CUT, FLIP };

static void damage(struct bench *bench, int place, enum kind kind, const struct sp_digest *digest)
{
  struct sp_store *memory = bench->world.fx.memory[place];
  bool done = kind == WIPE  ? sp_memory_wipe(memory, digest)
              : kind == CUT ? sp_memory_truncate(memory, digest, 9)
                            : sp_memory_flip(memory, digest, 9);
  assert_true(done);
}

static void test_damage_is_found_where_it_is(void **state)
{
  (void)state;
  static const struct {
    enum kind kind;
    enum sp_proof level;
    bool is_manifest;
    int status;
  } cases[] = {
      {CUT, SP_PROOF_TOUCHED, false, 5},  {WIPE, SP_PROOF_TOUCHED, false, 5},
      {FLIP, SP_PROOF_TOUCHED, false, 0}, /* that is what level read is for */
      {FLIP, SP_PROOF_READ, false, 5},    {CUT, SP_PROOF_READ, false, 5},
      {FLIP, SP_PROOF_TOUCHED, true, 5},  {CUT, SP_PROOF_TOUCHED, true, 5},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    for (int place = 0; place < PLACES; place++) {
      struct bench bench;
      bench_init(&bench);
      struct sp_digest layer = own_layer();
      damage(&bench, place, cases[i].kind, cases[i].is_manifest ? &bench.latest.digest : &layer);
      bench.verify.level = cases[i].level;
      if (run(&bench) != cases[i].status)
        fail_msg("case %zu at %d: %d", i, place, bench.totals.exit_status);
      for (int k = 0; cases[i].status && k < PLACES; k++) {
        assert_int_equal(bench.damage[k], k == place);
        assert_int_equal(bench.good[k], k == place ? 1 : 2);
      }
      if (cases[i].status)
        assert_string_equal(bench.tags[place], "latest");
      assert_int_equal(bench.has_restore, cases[i].status != 0 && place == 0);
      bench_clear(&bench);
    }
  }
}

static void test_damage_hurts_every_tag_that_has_it(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench);
  struct sp_digest layer = shared_layer();
  damage(&bench, 1, CUT, &layer);
  assert_int_equal(run(&bench), 5);
  assert_int_equal(bench.damage[1], 1);
  assert_string_equal(bench.tags[1], "1.0.0, latest");
  assert_int_equal(bench.good[1], 0);
  bench_clear(&bench);
}

/* -- a flaky line (F14) */

struct flaky {
  struct sp_digest layer;
  int readings;
};

/* Wrong bytes are opened for the first reading, the right ones for the second. It is called on a
 * thread that works for the run, where nothing may be asserted: the test sees what came of it. */
static void put_right_again(struct fx_spy *spy, const char *op, const char *subject)
{
  struct flaky *flaky = spy->after_ctx;
  char text[SP_DIGEST_TEXT_MAX];
  if (strcmp(op, "open_read") != 0 || strcmp(subject, fx_text(&flaky->layer, text)) != 0)
    return;
  if (++flaky->readings == 1)
    (void)sp_memory_flip(spy->store.inner, &flaky->layer, 9);
}

static void test_second_reading_decides(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench);
  struct flaky flaky = {.layer = own_layer()};
  damage(&bench, 1, FLIP, &flaky.layer);
  bench.world.fx.spy[1]->after_ctx = &flaky;
  bench.world.fx.spy[1]->after = put_right_again;
  bench.verify.level = SP_PROOF_READ;
  assert_int_equal(run(&bench), 0);
  assert_int_equal(flaky.readings, 2);
  assert_true(bench.is_flaky);
  assert_int_equal(bench.damage[1], 0);
  bench.world.fx.spy[1]->after = NULL;
  assert_int_equal(run(&bench), 0);
  assert_false(bench.is_flaky);
  bench_clear(&bench);
}

/* -- what is known */

static void test_max_age_and_what_damage_does_to_it(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench);
  bench.verify.max_age_s = 3600;
  bench.verify.level = SP_PROOF_READ;
  assert_int_equal(run(&bench), 0);
  assert_int_equal(bench.skipped[1], 0); /* sync touched it */
  assert_int_equal(run(&bench), 0);
  assert_int_equal(bench.skipped[1], 2);
  assert_int_equal(bench.totals.blobs, 0);
  bench.verify.max_age_s = 0;
  struct sp_digest layer = own_layer();
  damage(&bench, 1, FLIP, &layer);
  assert_int_equal(run(&bench), 5);
  bench.verify.max_age_s = 3600;
  assert_int_equal(run(&bench), 5);
  assert_int_equal(bench.skipped[0], 2);
  assert_int_equal(bench.skipped[1], 1);
  bench_clear(&bench);
}

/* -- repair */

static void test_repair_of_missing_and_different(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench);
  struct sp_store *memory = bench.world.fx.memory[1];
  struct fx_ref other = fx_add_image(memory, 8, 1, NULL);
  fx_tag(memory, "latest", &other);
  struct fx_ref more = fx_add_image(bench.world.fx.memory[0], 9, 1, NULL);
  fx_tag(bench.world.fx.memory[0], "2.0.0", &more);
  bench.verify.repair = true;
  assert_int_equal(run(&bench), 1); /* what names something else is left to sync */
  assert_int_equal(bench.damage[1], 1);
  assert_string_equal(bench.finding[1], SP_FINDING_DIFFERENT);
  assert_true(fx_has(memory, "latest", &other));
  assert_true(fx_has(memory, "2.0.0", &more));
  assert_true(fx_has(bench.world.fx.memory[2], "2.0.0", &more));
  assert_int_equal(bench.damage[2], 0);
  fx_assert_closed(memory);
  bench_clear(&bench);
}

/* A memory store keeps the bytes that it has, as a registry does. */
static void test_repair_of_a_wiped_blob(void **state)
{
  (void)state;
  for (int bad_too = 0; bad_too <= 1; bad_too++) {
    struct bench bench;
    bench_init(&bench);
    struct sp_digest layer = own_layer();
    damage(&bench, 1, WIPE, &layer);
    if (bad_too) /* the other backup must help out */
      damage(&bench, 0, CUT, &layer);
    bench.verify.repair = true;
    assert_int_equal(run(&bench), bad_too ? 5 : 0);
    assert_int_equal(bench.damage[1], 0);
    assert_true(bench.has_repair);
    assert_int_equal(bench.totals.repaired, 1);
    assert_true(fx_is_whole(bench.world.fx.memory[1], &bench.latest.digest));
    assert_int_equal(fx_writes(&bench.world.fx, 0), 0);
    assert_int_equal(fx_writes(&bench.world.fx, 2), 0);
    bench_clear(&bench);
  }
}

static void test_nothing_good_is_left(void **state)
{
  (void)state;
  struct bench bench;
  bench_init(&bench);
  struct sp_digest layer = own_layer();
  for (int place = 0; place < PLACES; place++)
    damage(&bench, place, FLIP, &layer);
  bench.verify.level = SP_PROOF_READ;
  bench.verify.repair = true;
  assert_int_equal(run(&bench), 5);
  assert_false(bench.has_restore);
  assert_int_equal(bench.totals.repaired, 0);
  for (int place = 0; place < PLACES; place++) {
    assert_int_equal(bench.damage[place], 1);
    assert_int_equal(fx_writes(&bench.world.fx, place), 0);
  }
  bench_clear(&bench);
}

/* -- calls that fail */

/* With damage there and a call that fails, nobody is told that all is well. */
static bool try_fault(int place, const char *op, unsigned nth, enum sp_code code, bool repair)
{
  struct bench bench;
  bench_init(&bench);
  struct sp_digest layer = own_layer();
  damage(&bench, 1, WIPE, &layer);
  bench.verify.repair = repair;
  bench.world.fx.spy[place]->fault =
      (struct fx_fault){.op = op, .nth = nth, .times = 1, .code = code};
  bench.world.fx.spy[place]->matched = 0;
  int status = run(&bench);
  bool was_hit = bench.world.fx.spy[place]->matched >= nth;
  bool is_whole = fx_is_whole(bench.world.fx.memory[1], &bench.latest.digest);
  if (status == 0 && !is_whole)
    fail_msg("exit 0 and damaged: %s %u at %d", op, nth, place);
  fx_assert_closed(bench.world.fx.memory[2]);
  bench.world.fx.spy[place]->fault = (struct fx_fault){0};
  /* What is known to be bad is read: then it is missing, and no more a claim that is not true. */
  if ((run(&bench) == 0) != (repair || is_whole))
    fail_msg("the next run ends %d: %s %u at %d", bench.totals.exit_status, op, nth, place);
  bench_clear(&bench);
  return was_hit;
}

static void test_every_call_fails_once(void **state)
{
  (void)state;
  static const char *const operations[] = {"resolve",    "get_manifest", "list_tags",
                                           "check_blob", "open_read",    "list_referrers",
                                           "begin_write"};
  static const enum sp_code codes[] = {SP_E_SERVER, SP_E_NETWORK, SP_E_AUTH};
  for (int place = 0; place <= 1; place++) {
    for (size_t op = 0; op < sizeof operations / sizeof operations[0]; op++) {
      for (size_t code = 0; code < sizeof codes / sizeof codes[0]; code++) {
        for (int repair = 0; repair <= 1; repair++) {
          unsigned nth = 1;
          while (nth < 100 && try_fault(place, operations[op], nth, codes[code], repair))
            nth++;
          assert_true(nth < 100);
        }
      }
    }
  }
}

static void test_exit_statuses(void **state)
{
  (void)state;
  static const struct {
    enum sp_code code;
    int everywhere, at_one;
  } cases[] = {{SP_E_NETWORK, 4, 1}, {SP_E_AUTH, 8, 1}, {SP_E_THROTTLED, 1, 1}, {SP_E_IO, 7, 7}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct bench bench;
    bench_init(&bench);
    const struct fx_fault down = {.op = "list_tags", .nth = 1, .code = cases[i].code};
    bench.world.fx.spy[1]->fault = down;
    assert_int_equal(run(&bench), cases[i].at_one);
    assert_int_equal(bench.code[1], cases[i].code);
    assert_int_equal(bench.damage[1], 0); /* that it lists nothing is no finding */
    assert_int_equal(bench.good[2], 2);
    for (size_t place = 0; place < PLACES; place++)
      bench.world.fx.spy[place]->fault = down;
    assert_int_equal(run(&bench), cases[i].everywhere);
    bench_clear(&bench);
  }
}

/* It lists its tags and then goes away: what it named last stands for it. */
static void test_primary_fails_in_the_middle(void **state)
{
  (void)state;
  for (int nth = 1; nth <= 2; nth++) {
    struct bench bench;
    bench_init(&bench);
    bench.world.fx.spy[0]->fault =
        (struct fx_fault){.op = "resolve", .nth = nth, .code = SP_E_NETWORK};
    assert_int_equal(run(&bench), 1);
    assert_int_equal(bench.code[0], SP_E_NETWORK);
    for (size_t place = 1; place < PLACES; place++) {
      assert_int_equal(bench.good[place], 2);
      assert_string_equal(bench.proof[place], "touched");
    }
    bench_clear(&bench);
  }
}

/* Nobody knows what it named: each backup is proven by itself, and nothing is missed at it. */
static void test_primary_that_is_gone_where_nothing_is_known(void **state)
{
  (void)state;
  struct bench bench;
  struct sp_err err = SP_ERR_INIT;
  bench_init(&bench);
  sp_journal_close(bench.world.journal);
  assert_int_equal(sp_journal_open(NULL, SP_JOURNAL_WRITE, &bench.world.journal, &err), 0);
  bench.verify.sync.journal = bench.world.journal;
  bench.world.fx.spy[0]->fault =
      (struct fx_fault){.op = "list_tags", .nth = 1, .code = SP_E_NOT_FOUND};
  assert_int_equal(run(&bench), 6);
  assert_int_equal(bench.code[0], SP_E_REFUSED);
  for (size_t place = 0; place < PLACES; place++) {
    assert_int_equal(bench.damage[place], 0);
    assert_int_equal(bench.good[place], place == 0 ? 0 : 2);
  }
  bench_clear(&bench);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_whole),
      cmocka_unit_test(test_damage_is_found_where_it_is),
      cmocka_unit_test(test_damage_hurts_every_tag_that_has_it),
      cmocka_unit_test(test_second_reading_decides),
      cmocka_unit_test(test_max_age_and_what_damage_does_to_it),
      cmocka_unit_test(test_repair_of_missing_and_different),
      cmocka_unit_test(test_repair_of_a_wiped_blob),
      cmocka_unit_test(test_nothing_good_is_left),
      cmocka_unit_test(test_every_call_fails_once),
      cmocka_unit_test(test_exit_statuses),
      cmocka_unit_test(test_primary_fails_in_the_middle),
      cmocka_unit_test(test_primary_that_is_gone_where_nothing_is_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
