/* SPDX-License-Identifier: Apache-2.0 */
/* Event-driven ends are those of the scripted store, blocking ends those of the memory store. */
#include "store/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/pool.h"
#include "scripted_store.h"
#include "store/memory.h"

static struct sp_relay relay_of(struct sp_store *source, struct sp_relay_end *ends, size_t n)
{
  return (struct sp_relay){.source = source,
                           .digest = blob_digest,
                           .size_bytes = BLOB_BYTES,
                           .ends = ends,
                           .end_count = n,
                           .ring_bytes = 64 * SP_KIB,
                           .retry_for_ms = 5000};
}

static struct sp_store *memory(void)
{
  struct sp_store *store = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_memory_new("memory", &store, &err), 0);
  return store;
}

static struct sp_store *memory_with_blob(void)
{
  struct sp_digest digest;
  struct sp_err err = SP_ERR_INIT;
  struct sp_store *store = memory();
  assert_int_equal(sp_memory_add_blob(store, SP_SPAN(blob, BLOB_BYTES), &digest, &err), 0);
  return store;
}

static bool has_blob(struct sp_store *store)
{
  struct sp_blob_state state;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(
      sp_store_check_blob(store, &blob_digest, BLOB_BYTES, SP_PROOF_TOUCHED, &state, &err), 0);
  return state.state == SP_BLOB_PRESENT;
}

/* -- hostile sources */

static void wrong_bytes_are_read_twice_and_reach_nobody(void **state)
{
  (void)state;
  struct script source = SCRIPT(.wrong = 2);
  struct script fast = SCRIPT(.pause_us = 0);
  SP_AUTO_STORE struct sp_store *blocking = memory();
  struct sp_relay_end ends[] = {{.store = &fast.store}, {.store = blocking}};
  struct sp_relay relay = relay_of(&source.store, ends, 2);
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), -1);
  assert_int_equal(err.code, SP_E_DIGEST);
  assert_non_null(strstr(err.msg, "from 'script'"));
  assert_int_equal(source.opens, 2);
  assert_int_equal(fast.finished, 0);
  assert_true(fast.max_before_finish < BLOB_BYTES); /* the held tail */
  assert_false(has_blob(blocking));
  assert_int_equal(ends[0].result, SP_RELAY_DETACHED);
  assert_int_equal(ends[1].result, SP_RELAY_DETACHED);
  assert_int_equal(relay.read_bytes, 2 * BLOB_BYTES);
}

static void wrong_bytes_once_are_forgiven(void **state)
{
  (void)state;
  struct script source = SCRIPT(.wrong = 1);
  SP_AUTO_STORE struct sp_store *blocking = memory();
  struct sp_relay_end ends[] = {{.store = blocking}};
  struct sp_relay relay = relay_of(&source.store, ends, 1);
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), 0);
  assert_int_equal(err.code, SP_OK);
  assert_int_equal(ends[0].result, SP_RELAY_DONE);
  assert_true(has_blob(blocking));
}

static void a_longer_source_is_wrong(void **state)
{
  (void)state;
  struct script source = SCRIPT(.extra = 1, .late_us = 30000); /* says so after the right bytes */
  SP_AUTO_STORE struct sp_store *blocking = memory();
  struct sp_relay_end ends[] = {{.store = blocking}};
  struct sp_relay relay = relay_of(&source.store, ends, 1);
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), -1);
  assert_int_equal(err.code, SP_E_DIGEST);
  assert_false(has_blob(blocking));
}

static void an_empty_blob_is_judged_too(void **state)
{
  (void)state;
  struct script source = SCRIPT(.late_us = 30000);
  SP_AUTO_STORE struct sp_store *target = memory();
  struct sp_relay_end ends[] = {{.store = target}};
  struct sp_relay relay = relay_of(&source.store, ends, 1);
  struct sp_err err = SP_ERR_INIT;
  relay.size_bytes = 0; /* under a digest that is not that of nothing */
  assert_int_equal(sp_relay_run(&relay, &err), -1);
  assert_int_equal(err.code, SP_E_DIGEST);
  assert_int_equal(ends[0].result, SP_RELAY_DETACHED); /* was not finished */
}

static void an_end_that_failed_is_not_begun_for_the_second_reading(void **state)
{
  (void)state;
  struct script source = SCRIPT(.wrong = 1);
  struct script bad = SCRIPT(.fail_at = 100000);
  struct script good = SCRIPT(.pause_us = 0);
  struct sp_relay_end ends[] = {{.store = &bad.store}, {.store = &good.store}};
  struct sp_relay relay = relay_of(&source.store, ends, 2);
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), 0);
  assert_int_equal(ends[0].result, SP_RELAY_FAILED);
  assert_int_equal(bad.begins, 1);
  assert_int_equal(ends[1].result, SP_RELAY_DONE);
  assert_int_equal(good.begins, 2);
}

static void each_break_has_its_own_patience(void **state)
{
  (void)state;
  struct script source = SCRIPT(.breaks = 6, .break_after = 160000, .break_by = SP_E_NETWORK);
  struct sp_relay relay = relay_of(&source.store, NULL, 0);
  relay.retry_for_ms = 300; /* less than six waits */
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), 0);
  assert_int_equal(source.opens, 7);
}

static void a_broken_connection_goes_on_where_it_was(void **state)
{
  static const enum sp_code codes[] = {SP_OK, SP_E_NETWORK, SP_E_SERVER};
  (void)state;
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    struct script source = SCRIPT(.breaks = 2, .break_after = 300000, .break_by = codes[i]);
    struct script fast = SCRIPT(.pause_us = 0);
    SP_AUTO_STORE struct sp_store *blocking = memory();
    struct sp_relay_end ends[] = {{.store = &fast.store}, {.store = blocking}};
    struct sp_relay relay = relay_of(&source.store, ends, 2);
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_relay_run(&relay, &err), 0);
    assert_int_equal(source.opens, 3);
    assert_int_equal(relay.read_bytes, BLOB_BYTES); /* nothing twice */
    assert_int_equal(fast.finished, 1);
    assert_false(fast.is_corrupt);
    assert_true(has_blob(blocking));
  }
}

static void a_source_that_goes_on_failing_is_given_up(void **state)
{
  (void)state;
  struct script source = SCRIPT(.breaks = 1000, .break_after = 10, .break_by = SP_E_NETWORK);
  struct script end = SCRIPT(.pause_us = 0);
  struct sp_relay_end ends[] = {{.store = &end.store}};
  struct sp_relay relay = relay_of(&source.store, ends, 1);
  relay.retry_for_ms = 300;
  struct sp_err err = SP_ERR_INIT;
  int64_t begin = sp_clock_mono_ms();
  assert_int_equal(sp_relay_run(&relay, &err), -1);
  assert_int_equal(err.code, SP_E_NETWORK);
  assert_true(sp_clock_mono_ms() - begin < 5000);
  assert_int_equal(ends[0].result, SP_RELAY_DETACHED);
  assert_int_equal(end.finished, 0);
}

/* What one connection brought is there: that the next ones end early, and that not even the last
 * byte can be had, is the line's fault. */
static void a_line_that_cuts_is_not_a_short_source(void **state)
{
  (void)state;
  static const enum sp_code by[] = {SP_E_NETWORK, SP_OK};
  for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
    struct script source =
        SCRIPT(.breaks = 1000, .break_after = 10, .break_by = by[i], .is_short = true);
    struct sp_relay relay = relay_of(&source.store, NULL, 0);
    relay.retry_for_ms = 300;
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_relay_run(&relay, &err), -1);
    assert_int_equal(err.code, SP_E_NETWORK);
    assert_false(relay.is_short);
    assert_int_equal(relay.wrong_readings, 0);
    assert_true(source.opens > 1);
  }
}

static void a_source_that_is_short_each_time_is_damaged(void **state)
{
  (void)state;
  struct script source = SCRIPT(.breaks = 1000, .break_after = 10, .is_one_place = true,
                                .break_by = SP_E_NETWORK, .is_short = true);
  struct script end = SCRIPT(.pause_us = 0);
  struct sp_relay_end ends[] = {{.store = &end.store}};
  struct sp_relay relay = relay_of(&source.store, ends, 1);
  relay.retry_for_ms = 300;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), -1);
  assert_int_equal(err.code, SP_E_DIGEST);
  assert_true(relay.is_short);
  assert_int_equal(relay.wrong_readings, 1); /* and no second one: it was tried for long enough */
  assert_int_equal(end.finished, 0);
}

static void a_final_failure_is_final(void **state)
{
  (void)state;
  struct script source = SCRIPT(.breaks = 1, .break_after = 10, .break_by = SP_E_AUTH);
  struct sp_relay relay = relay_of(&source.store, NULL, 0);
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), -1);
  assert_int_equal(err.code, SP_E_AUTH);
  assert_int_equal(source.opens, 1);
}

static void an_absent_or_damaged_source_says_so(void **state)
{
  (void)state;
  SP_AUTO_STORE struct sp_store *source = memory_with_blob();
  SP_AUTO_STORE struct sp_store *target = memory();
  struct sp_relay_end ends[] = {{.store = target}};
  struct sp_relay relay = relay_of(source, ends, 1);
  struct sp_err err = SP_ERR_INIT;
  assert_true(sp_memory_flip(source, &blob_digest, 1000));
  assert_int_equal(sp_relay_run(&relay, &err), -1);
  assert_int_equal(err.code, SP_E_DIGEST);
  assert_true(sp_memory_truncate(source, &blob_digest, 2000));
  sp_err_clear(&err);
  assert_int_equal(sp_relay_run(&relay, &err), -1);
  assert_int_equal(err.code, SP_E_DIGEST);
  assert_true(sp_memory_wipe(source, &blob_digest));
  sp_err_clear(&err);
  assert_int_equal(sp_relay_run(&relay, &err), -1);
  assert_int_equal(err.code, SP_E_NOT_FOUND);
  assert_false(has_blob(target));
}

/* -- ends in trouble */

static void a_failing_end_does_not_hurt_the_others(void **state)
{
  (void)state;
  struct script source = SCRIPT(.breaks = 0);
  struct script bad[] = {SCRIPT(.fail_begin = true), SCRIPT(.fail_at = 100000),
                         SCRIPT(.finish_by = SP_E_SERVER)};
  struct script good = SCRIPT(.pause_us = 0);
  struct sp_relay_end ends[] = {{.store = &bad[0].store},
                                {.store = &bad[1].store},
                                {.store = &bad[2].store},
                                {.store = &good.store}};
  static const enum sp_code codes[] = {SP_E_AUTH, SP_E_SERVER, SP_E_SERVER};
  struct sp_relay relay = relay_of(&source.store, ends, 4);
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), 0);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(ends[i].result, SP_RELAY_FAILED);
    assert_int_equal(ends[i].err.code, codes[i]);
    assert_non_null(strstr(ends[i].err.msg, "to 'script'"));
  }
  assert_int_equal(ends[3].result, SP_RELAY_DONE);
  assert_int_equal(ends[3].sent_bytes, BLOB_BYTES);
  assert_int_equal(good.finished, 1);
  assert_int_equal(relay.read_bytes, BLOB_BYTES);
}

/* Everything is hashed for it, but what was there before is not counted as sent. */
static void an_end_may_go_on_where_another_ended(void **state)
{
  (void)state;
  struct script source = SCRIPT(.breaks = 0);
  struct script old = SCRIPT(.resumed = 70000);
  struct script new = SCRIPT(.resumed = 0);
  struct script failing = SCRIPT(.resumed = 70000, .fail_at = 30000);
  struct sp_relay_end ends[] = {
      {.store = &old.store}, {.store = &new.store}, {.store = &failing.store}};
  struct sp_relay relay = relay_of(&source.store, ends, 3);
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), 0);
  assert_int_equal(ends[0].resumed_bytes, 70000);
  assert_int_equal(ends[0].sent_bytes, BLOB_BYTES - 70000);
  assert_int_equal(ends[1].resumed_bytes, 0);
  assert_int_equal(ends[1].sent_bytes, BLOB_BYTES);
  assert_int_equal(ends[2].sent_bytes, 0);
  assert_int_equal(relay.read_bytes, BLOB_BYTES);
}

static void nobody_left_means_no_more_reading(void **state)
{
  (void)state;
  struct script source = SCRIPT(.breaks = 0);
  struct script bad = SCRIPT(.fail_at = 100000);
  struct sp_relay_end ends[] = {{.store = &bad.store}};
  struct sp_relay relay = relay_of(&source.store, ends, 1);
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), 0);
  assert_int_equal(ends[0].result, SP_RELAY_FAILED);
  assert_true(relay.read_bytes < BLOB_BYTES);
  bad.fail_begin = true;
  source.opens = 0;
  assert_int_equal(sp_relay_run(&relay, &err), 0);
  assert_int_equal(ends[0].result, SP_RELAY_FAILED);
  assert_int_equal(source.opens, 0);
}

static void a_slow_end_is_detached_if_another_is_fast(void **state)
{
  (void)state;
  struct script source = SCRIPT(.breaks = 0);
  struct script slow = SCRIPT(.pause_us = 50000);
  struct script fast = SCRIPT(.pause_us = 0);
  struct sp_relay_end ends[] = {{.store = &slow.store}, {.store = &fast.store}};
  struct sp_relay relay = relay_of(&source.store, ends, 2);
  relay.slow_after_ms = 500;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), 0);
  assert_int_equal(ends[0].result, SP_RELAY_DETACHED);
  assert_int_equal(ends[0].err.code, SP_OK);
  assert_true(ends[0].sent_bytes < BLOB_BYTES);
  assert_int_equal(ends[1].result, SP_RELAY_DONE);
}

static void a_slow_end_alone_or_among_slow_ones_is_left_in_peace(void **state)
{
  (void)state;
  for (size_t n = 1; n <= 2; n++) {
    struct script source = SCRIPT(.breaks = 0);
    struct script a = SCRIPT(.pause_us = 15000);
    struct script b = SCRIPT(.pause_us = 10000);
    struct sp_relay_end ends[] = {{.store = &a.store}, {.store = &b.store}};
    struct sp_relay relay = relay_of(&source.store, ends, n);
    relay.slow_after_ms = 200;
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_relay_run(&relay, &err), 0);
    for (size_t i = 0; i < n; i++)
      assert_int_equal(ends[i].result, SP_RELAY_DONE);
  }
}

/* -- plain use */

static void every_kind_of_end_at_once(void **state)
{
  static const size_t rings[] = {1, 777, 65536, 0, 8 * SP_MIB};
  (void)state;
  for (size_t i = 0; i < sizeof rings / sizeof rings[0]; i++) {
    SP_AUTO_STORE struct sp_store *source_memory = memory_with_blob();
    struct script source = SCRIPT(.breaks = 0);
    SP_AUTO_STORE struct sp_store *target = memory();
    struct script a = SCRIPT(.pause_us = 0);
    struct script b = SCRIPT(.pause_us = 100);
    struct sp_relay_end ends[] = {{.store = &a.store}, {.store = target}, {.store = &b.store}};
    struct sp_relay relay = relay_of(i % 2 ? source_memory : &source.store, ends, 3);
    relay.ring_bytes = rings[i];
    if (rings[i] == 1) { /* every byte a wake-up: a short blob will do */
      relay.size_bytes = 0;
      struct sp_err ignored = SP_ERR_INIT;
      assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, "", 0, &relay.digest, &ignored), 0);
      relay.source = &source.store;
      relay.ends = &ends[1];
      relay.end_count = 1;
    }
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_relay_run(&relay, &err), 0);
    for (size_t e = 0; e < relay.end_count; e++)
      assert_int_equal(relay.ends[e].result, SP_RELAY_DONE);
    assert_false(a.is_corrupt || b.is_corrupt);
  }
}

static void without_ends_it_proves_the_source(void **state)
{
  (void)state;
  SP_AUTO_STORE struct sp_store *source = memory_with_blob();
  struct sp_relay relay = relay_of(source, NULL, 0);
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), 0);
  assert_int_equal(relay.read_bytes, BLOB_BYTES);
  assert_true(sp_memory_flip(source, &blob_digest, BLOB_BYTES - 1));
  assert_int_equal(sp_relay_run(&relay, &err), -1);
  assert_int_equal(err.code, SP_E_DIGEST);
}

struct told {
  unsigned calls;
  uint64_t last;
};
static void note_progress(void *ctx, const struct sp_relay *relay, uint64_t read_bytes)
{
  struct told *told = ctx;
  assert_true(read_bytes >= told->last && relay->ends[0].sent_bytes <= read_bytes);
  told->calls++;
  told->last = read_bytes;
}

static void progress_is_told_a_few_times_a_second(void **state)
{
  (void)state;
  struct script source = SCRIPT(.breaks = 0);
  struct script end = SCRIPT(.pause_us = 10000);
  struct told told = {0};
  struct sp_relay_end ends[] = {{.store = &end.store}};
  struct sp_relay relay = relay_of(&source.store, ends, 1);
  relay.progress = note_progress;
  relay.progress_ctx = &told;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_relay_run(&relay, &err), 0);
  assert_int_equal(told.last, BLOB_BYTES);
  assert_in_range(told.calls, 2, 20);
}

static void *cancel_soon(void *ctx)
{
  usleep(50000);
  sp_cancel_request(ctx, 2);
  return NULL;
}

static void a_signal_ends_it_soon(void **state)
{
  (void)state;
  struct sp_cancel *cancel = NULL;
  struct sp_err err = SP_ERR_INIT;
  pthread_t thread;
  struct script source = SCRIPT(.is_silent = true);
  struct script end = SCRIPT(.pause_us = 0);
  struct sp_relay_end ends[] = {{.store = &end.store}};
  struct sp_relay relay = relay_of(&source.store, ends, 1);
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  relay.cancel = cancel;
  assert_int_equal(sp_pool_thread(cancel_soon, cancel, &thread, &err), 0);
  int64_t begin = sp_clock_mono_ms();
  assert_int_equal(sp_relay_run(&relay, &err), -1);
  assert_int_equal(err.code, SP_E_INTERRUPTED);
  assert_true(sp_clock_mono_ms() - begin < 2000);
  assert_int_equal(end.finished, 0);
  assert_int_equal(ends[0].result, SP_RELAY_DETACHED);
  pthread_join(thread, NULL);
  sp_cancel_free(cancel);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(wrong_bytes_are_read_twice_and_reach_nobody),
      cmocka_unit_test(wrong_bytes_once_are_forgiven),
      cmocka_unit_test(an_end_may_go_on_where_another_ended),
      cmocka_unit_test(a_longer_source_is_wrong),
      cmocka_unit_test(an_empty_blob_is_judged_too),
      cmocka_unit_test(an_end_that_failed_is_not_begun_for_the_second_reading),
      cmocka_unit_test(each_break_has_its_own_patience),
      cmocka_unit_test(a_broken_connection_goes_on_where_it_was),
      cmocka_unit_test(a_source_that_goes_on_failing_is_given_up),
      cmocka_unit_test(a_line_that_cuts_is_not_a_short_source),
      cmocka_unit_test(a_source_that_is_short_each_time_is_damaged),
      cmocka_unit_test(a_final_failure_is_final),
      cmocka_unit_test(an_absent_or_damaged_source_says_so),
      cmocka_unit_test(a_failing_end_does_not_hurt_the_others),
      cmocka_unit_test(nobody_left_means_no_more_reading),
      cmocka_unit_test(a_slow_end_is_detached_if_another_is_fast),
      cmocka_unit_test(a_slow_end_alone_or_among_slow_ones_is_left_in_peace),
      cmocka_unit_test(every_kind_of_end_at_once),
      cmocka_unit_test(without_ends_it_proves_the_source),
      cmocka_unit_test(progress_is_told_a_few_times_a_second),
      cmocka_unit_test(a_signal_ends_it_soon),
  };
  return cmocka_run_group_tests(tests, make_blob, NULL);
}
