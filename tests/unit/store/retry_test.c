/* SPDX-License-Identifier: Apache-2.0 */
#include "store/retry.h"

#include "base/clock.h"
#include "base/limits.h"
#include "sample.h"
#include "store/fault.h"

static struct sp_err failure(enum sp_code code, int64_t retry_after_ms)
{
  struct sp_err err = SP_ERR_INIT;
  sp_fail(&err, code, "failed");
  err.retry_after_ms = retry_after_ms;
  return err;
}

/* -- the waiting */

static void what_is_final_is_not_waited_for(void **state)
{
  static const struct {
    enum sp_code code;
    int64_t retry_for_ms;
  } rows[] = {{SP_E_NOT_FOUND, 10000}, {SP_E_DIGEST, 10000}, {SP_E_AUTH, 10000},
              {SP_E_NETWORK, 0},       {SP_E_SERVER, 0},     {SP_E_THROTTLED, 0}};
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_retry_policy policy = {.retry_for_ms = rows[i].retry_for_ms};
    struct sp_retry_wait wait = SP_RETRY_WAIT_INIT;
    struct sp_err err = failure(rows[i].code, 10);
    int64_t begin = sp_clock_mono_ms();
    assert_false(sp_retry_wait(&wait, &policy, &err));
    assert_true(sp_clock_mono_ms() - begin < 100);
    assert_int_equal(err.code, rows[i].code);
    assert_string_equal(err.msg, "failed");
  }
}

static void waits_grow_and_end_in_time(void **state)
{
  (void)state;
  struct sp_retry_policy policy = {.retry_for_ms = 700};
  struct sp_retry_wait wait = SP_RETRY_WAIT_INIT;
  struct sp_err err = failure(SP_E_NETWORK, -1);
  int64_t begin = sp_clock_mono_ms();
  assert_true(sp_retry_wait(&wait, &policy, &err));
  int64_t first = sp_clock_mono_ms() - begin;
  assert_in_range(first, 124, 400);
  while (sp_retry_wait(&wait, &policy, &err))
    ;
  int64_t all = sp_clock_mono_ms() - begin;
  assert_in_range(all, 699, 1500);
  assert_in_range(wait.tries, 2, 6);
  assert_int_equal(err.code, SP_E_NETWORK);
}

static void what_was_asked_for_is_waited_and_not_counted(void **state)
{
  (void)state;
  struct sp_retry_policy policy = {.retry_for_ms = 300};
  struct sp_retry_wait wait = SP_RETRY_WAIT_INIT;
  struct sp_err err = failure(SP_E_THROTTLED, 400);
  for (int i = 0; i < 3; i++) {
    int64_t begin = sp_clock_mono_ms();
    assert_true(sp_retry_wait(&wait, &policy, &err));
    assert_true(sp_clock_mono_ms() - begin >= 399);
  }
  assert_true(wait.throttled_ms >= 1200);
}

static void patience_with_throttling_ends(void **state)
{
  (void)state;
  struct sp_retry_policy policy = {.retry_for_ms = 1000};
  struct sp_retry_wait wait = SP_RETRY_WAIT_INIT;
  wait.throttled_ms = SP_RETRY_AFTER_MAX_MS;
  struct sp_err err = failure(SP_E_THROTTLED, 1);
  assert_false(sp_retry_wait(&wait, &policy, &err));
}

static void a_pause_beyond_patience_is_final_at_once(void **state)
{
  (void)state;
  struct sp_retry_policy policy = {.retry_for_ms = 15000};
  struct sp_retry_wait wait = SP_RETRY_WAIT_INIT;
  struct sp_err err = failure(SP_E_THROTTLED, SP_RETRY_AFTER_MAX_MS + 1);
  int64_t begin = sp_clock_mono_ms();
  assert_false(sp_retry_wait(&wait, &policy, &err));
  assert_true(sp_clock_mono_ms() - begin < 1000);
  assert_int_equal(err.retry_after_ms, SP_RETRY_AFTER_MAX_MS + 1);
}

static void a_signal_ends_the_wait(void **state)
{
  (void)state;
  struct sp_cancel *cancel = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  sp_cancel_request(cancel, 2);
  struct sp_retry_policy policy = {.retry_for_ms = 60000, .cancel = cancel};
  struct sp_retry_wait wait = SP_RETRY_WAIT_INIT;
  err = failure(SP_E_THROTTLED, 60000);
  assert_false(sp_retry_wait(&wait, &policy, &err));
  assert_int_equal(err.code, SP_E_INTERRUPTED);
  sp_cancel_free(cancel);
}

/* -- the wrapper */

/* retry around fault around memory */
static struct sp_store *stack(struct sample *sample, const struct sp_fault_plan *plan,
                              int64_t retry_for_ms, struct sp_store **fault)
{
  struct sp_store *store = NULL;
  struct sp_err err = SP_ERR_INIT;
  struct sp_retry_policy policy = {.retry_for_ms = retry_for_ms};
  sample_init(sample);
  assert_int_equal(sp_fault_wrap_take(sample->memory, plan, fault, &err), 0);
  assert_int_equal(sp_retry_wrap_take(*fault, &policy, &store, &err), 0);
  return store;
}

static void every_operation_is_tried_again(void **state)
{
  (void)state;
  for (size_t i = 0; i < SAMPLE_OPERATIONS; i++) {
    struct sp_fault_plan plan = {sample_operations[i], 1, 1, i % 2, SP_E_SERVER};
    struct sample sample;
    struct sp_store *fault = NULL;
    SP_AUTO_STORE struct sp_store *store = stack(&sample, &plan, 5000, &fault);
    enum sp_code codes[SAMPLE_OPERATIONS];
    sample_call_all(&sample, store, codes);
    for (size_t k = 0; k < SAMPLE_OPERATIONS; k++)
      assert_int_equal(codes[k], SP_OK);
    assert_int_equal(sp_fault_calls(fault), 2);
    sample_clear(&sample);
  }
}

static void final_failures_are_passed_on_at_once(void **state)
{
  (void)state;
  struct sp_fault_plan plan = {NULL, 1, 0, false, SP_E_AUTH};
  struct sample sample;
  struct sp_store *fault = NULL;
  SP_AUTO_STORE struct sp_store *store = stack(&sample, &plan, 60000, &fault);
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_store_resolve(store, "v1", &named, &err), -1);
  assert_int_equal(err.code, SP_E_AUTH);
  assert_string_equal(err.msg, "cannot resolve tag 'v1' at 'memory': "
                               "fault injected before resolve"); /* explained once */
  assert_int_equal(sp_fault_calls(fault), 1);
  sample_clear(&sample);
}

static void it_gives_up_with_the_last_failure(void **state)
{
  (void)state;
  struct sp_fault_plan plan = {NULL, 1, 0, false, SP_E_UNREACHABLE};
  struct sample sample;
  struct sp_store *fault = NULL;
  SP_AUTO_STORE struct sp_store *store = stack(&sample, &plan, 300, &fault);
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  int64_t begin = sp_clock_mono_ms();
  assert_int_equal(sp_store_resolve(store, "v1", &named, &err), -1);
  assert_int_equal(err.code, SP_E_UNREACHABLE);
  assert_in_range(sp_clock_mono_ms() - begin, 299, 1500);
  assert_in_range(sp_fault_calls(fault), 2, 6);
  sample_clear(&sample);
}

/* A store that sets one tag per call and then breaks. */
static unsigned one_tag_calls;
static int one_tag_a_call(struct sp_store *store, const char *const *tags, size_t n,
                          const struct sp_manifest_bytes *manifest, size_t *done,
                          struct sp_err *err)
{
  static const char *const order[] = {"a", "b", "c"};
  (void)store;
  (void)manifest;
  assert_string_equal(tags[0], order[one_tag_calls]);
  one_tag_calls++;
  *done = 1;
  return n == 1 ? 0 : sp_fail(err, SP_E_NETWORK, "reset");
}

static void keep_open(struct sp_store *store)
{
  (void)store;
}

static void tags_go_on_where_they_stopped(void **state)
{
  static const struct sp_store_ops ops = {.set_tags = one_tag_a_call, .close = keep_open};
  static const char *const tags[] = {"a", "b", "c"};
  (void)state;
  struct sp_store inner = {.ops = &ops, .name = "one"};
  struct sp_retry_policy policy = {.retry_for_ms = 5000};
  struct sp_store *store = NULL;
  struct sp_manifest_bytes manifest = {0};
  struct sp_err err = SP_ERR_INIT;
  size_t done = 0;
  assert_int_equal(sp_retry_wrap_take(&inner, &policy, &store, &err), 0);
  assert_int_equal(sp_store_set_tags(store, tags, 3, &manifest, &done, &err), 0);
  assert_int_equal(done, 3);
  assert_int_equal(one_tag_calls, 3);
  assert_int_equal(err.code, SP_OK);
  sp_store_close(store);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_final_is_not_waited_for),
      cmocka_unit_test(waits_grow_and_end_in_time),
      cmocka_unit_test(what_was_asked_for_is_waited_and_not_counted),
      cmocka_unit_test(patience_with_throttling_ends),
      cmocka_unit_test(a_pause_beyond_patience_is_final_at_once),
      cmocka_unit_test(a_signal_ends_the_wait),
      cmocka_unit_test(every_operation_is_tried_again),
      cmocka_unit_test(final_failures_are_passed_on_at_once),
      cmocka_unit_test(it_gives_up_with_the_last_failure),
      cmocka_unit_test(tags_go_on_where_they_stopped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
