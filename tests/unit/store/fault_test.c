/* SPDX-License-Identifier: Apache-2.0 */
/* The wrapper itself, and the relay under it: whichever call fails, a blob is there whole or not at
 * all. */
#include "store/fault.h"

#include "base/limits.h"
#include "sample.h"
#include "store/relay.h"

#define BLOB_BYTES (96u * SP_KIB + 5)

static struct sp_store *wrap(struct sp_store *inner, const struct sp_fault_plan *plan)
{
  struct sp_store *store = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_fault_wrap_take(inner, plan, &store, &err), 0);
  return store;
}

static void the_nth_call_fails_and_no_other(void **state)
{
  static const struct {
    const char *operation;
    unsigned nth, times;
    unsigned first, last; /* of SAMPLE_OPERATIONS calls, 1-based; those that fail. 0: none */
    unsigned calls;
  } rows[] = {
      {NULL, 0, 0, 0, 0, 10},        {NULL, 5, 1, 5, 5, 10},  {NULL, 5, 2, 5, 6, 10},
      {NULL, 9, 0, 9, 10, 10},       {NULL, 11, 0, 0, 0, 10}, {"check_blob", 1, 0, 8, 8, 1},
      {"check_blob", 2, 0, 0, 0, 1}, {"read", 1, 0, 0, 0, 0},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_fault_plan plan = {rows[i].operation, rows[i].nth, rows[i].times, true, SP_E_SERVER};
    struct sample sample;
    enum sp_code codes[SAMPLE_OPERATIONS];
    sample_init(&sample);
    SP_AUTO_STORE struct sp_store *store = wrap(sample.memory, &plan);
    sample_call_all(&sample, store, codes);
    for (unsigned k = 1; k <= SAMPLE_OPERATIONS; k++)
      assert_int_equal(codes[k - 1], k >= rows[i].first && k <= rows[i].last ? SP_E_SERVER : SP_OK);
    assert_int_equal(sp_fault_calls(store), rows[i].calls);
    sample_clear(&sample);
  }
}

static void before_it_is_not_done_and_after_it_is(void **state)
{
  (void)state;
  for (int after = 0; after <= 1; after++) {
    struct sp_fault_plan plan = {"set_tags", 1, 1, after, SP_E_NETWORK};
    struct sample sample;
    struct sp_err err = SP_ERR_INIT;
    struct sp_named named;
    size_t done = 9;
    sample_init(&sample);
    sample_put(&sample);
    SP_AUTO_STORE struct sp_store *store = wrap(sample.memory, &plan);
    assert_int_equal(
        sp_store_set_tags(store, (const char *[]){"v1"}, 1, &sample.manifest, &done, &err), -1);
    assert_int_equal(err.code, SP_E_NETWORK);
    assert_int_equal(done, 0); /* lost, if it was done */
    assert_int_equal(sp_store_resolve(store, "v1", &named, &err), after ? 0 : -1);
    sample_clear(&sample);
  }
}

/* -- the relay, N = 1, 2, 3 ... until success */

static char blob[BLOB_BYTES];

struct round {
  const char *operation;
  bool at_source, after;
  unsigned nth;
};

/* Does the target have the blob whole, or not at all? */
static bool check_target(struct sp_store *target, const struct sp_digest *digest)
{
  struct sp_blob_state blob_state;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(
      sp_store_check_blob(target, digest, BLOB_BYTES, SP_PROOF_TOUCHED, &blob_state, &err), 0);
  assert_int_not_equal(blob_state.state, SP_BLOB_DAMAGED);
  if (blob_state.state == SP_BLOB_ABSENT)
    return false;
  struct sp_relay proof = {.source = target, .digest = *digest, .size_bytes = BLOB_BYTES};
  assert_int_equal(sp_relay_run(&proof, &err), 0);
  return true;
}

/* One relay with one fault. Answers whether the fault was beyond the last call. */
static bool run_round(const struct round *round)
{
  struct sp_fault_plan plan = {round->operation, round->nth, 1, round->after, SP_E_NETWORK};
  struct sp_digest digest;
  struct sp_err err = SP_ERR_INIT;
  struct sp_store *memories[2] = {NULL, NULL};
  for (size_t i = 0; i < 2; i++)
    assert_int_equal(sp_memory_new("memory", &memories[i], &err), 0);
  assert_int_equal(sp_memory_add_blob(memories[0], SP_SPAN(blob, BLOB_BYTES), &digest, &err), 0);
  struct sp_store *faulty = wrap(memories[round->at_source ? 0 : 1], &plan);
  SP_AUTO_STORE struct sp_store *source = round->at_source ? faulty : memories[0];
  SP_AUTO_STORE struct sp_store *target = round->at_source ? memories[1] : faulty;
  struct sp_relay_end end = {.store = target};
  struct sp_relay relay = {.source = source,
                           .digest = digest,
                           .size_bytes = BLOB_BYTES,
                           .ends = &end,
                           .end_count = 1,
                           .ring_bytes = 32 * SP_KIB,
                           .retry_for_ms = 2000};
  int rc = sp_relay_run(&relay, &err);
  bool beyond = sp_fault_calls(faulty) < round->nth;
  bool done = rc == 0 && end.result == SP_RELAY_DONE;
  bool present = check_target(memories[1], &digest);
  assert_true(present || !done);
  assert_true(done || err.code == SP_E_NETWORK || end.err.code == SP_E_NETWORK);
  if (beyond || strcmp(round->operation, "read") == 0)
    assert_true(done); /* a source that broke off is read on */
  return beyond;
}

static void whichever_call_fails_the_blob_is_whole_or_absent(void **state)
{
  static const struct round rounds[] = {
      {"open_read", true, false, 0},    {"open_read", true, true, 0},
      {"read", true, false, 0},         {"read", true, true, 0},
      {"begin_write", false, false, 0}, {"begin_write", false, true, 0},
      {"write", false, false, 0},       {"write", false, true, 0},
      {"finish", false, false, 0},      {"finish", false, true, 0},
  };
  (void)state;
  for (size_t i = 0; i < BLOB_BYTES; i++)
    blob[i] = (char)(i * 7 + i / 251);
  for (size_t i = 0; i < sizeof rounds / sizeof rounds[0]; i++) {
    struct round round = rounds[i];
    bool beyond = false;
    while (!beyond) {
      round.nth++;
      assert_true(round.nth < 50);
      beyond = run_round(&round);
    }
    assert_true(round.nth > 1); /* the fault was met at all */
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_nth_call_fails_and_no_other),
      cmocka_unit_test(before_it_is_not_done_and_after_it_is),
      cmocka_unit_test(whichever_call_fails_the_blob_is_whole_or_absent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
