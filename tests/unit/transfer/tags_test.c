/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

struct tag_case {
  const char *why;
  struct fx_fault fault; /* of set_tags: v1.2.3, main, latest */
  enum sp_tag_result results[FX_TAG_COUNT];
  int status;
};

static const struct tag_case tag_cases[] = {
    {"first fails once",
     {.nth = 1, .times = 1, .code = SP_E_SERVER},
     {SP_TAG_SET, SP_TAG_SET, SP_TAG_SET},
     0},
    {"second fails for good",
     {.nth = 2, .code = SP_E_SERVER},
     {SP_TAG_SET, SP_TAG_NOT_SET, SP_TAG_NOT_SET},
     1},
    {"the answer to the last is lost",
     {.nth = 3, .after = true, .code = SP_E_SERVER},
     {SP_TAG_SET, SP_TAG_SET, SP_TAG_SET},
     0},
    {"all answers are lost",
     {.nth = 1, .after = true, .code = SP_E_NETWORK},
     {SP_TAG_SET, SP_TAG_SET, SP_TAG_SET},
     0},
    {"not permitted",
     {.nth = 1, .code = SP_E_AUTH},
     {SP_TAG_NOT_SET, SP_TAG_NOT_SET, SP_TAG_NOT_SET},
     8},
};

static void test_tags_that_fail(void **state)
{
  (void)state;
  static const char *const in_order[] = {"v1.2.3", "main", "latest"};
  for (size_t i = 0; i < sizeof tag_cases / sizeof tag_cases[0]; i++) {
    struct fx fx;
    fx_init(&fx, 1);
    struct fx_ref index = fx_add_usual(fx.memory[0]);
    fx.spy[1]->fault = tag_cases[i].fault;
    fx.spy[1]->fault.op = "set_tags";
    struct sp_report *report = fx_run(&fx);
    for (size_t t = 0; t < FX_TAG_COUNT; t++) {
      if (fx_result(report, 0, in_order[t]) != tag_cases[i].results[t])
        fail_msg("%s: '%s' is %d", tag_cases[i].why, in_order[t],
                 (int)fx_result(report, 0, in_order[t]));
      assert_int_equal(fx_has(fx.memory[1], in_order[t], &index),
                       tag_cases[i].results[t] == SP_TAG_SET);
    }
    assert_int_equal(report->exit_status, tag_cases[i].status);
    sp_report_free(report);
    fx_clear(&fx);
  }
}

/* Written, then neither answered nor readable: nobody can say. */
static void unreadable_after(struct fx_spy *spy, const char *op, const char *subject)
{
  (void)subject;
  if (strcmp(op, "set_tags") == 0)
    spy->fault = (struct fx_fault){.op = "resolve", .nth = 1, .code = SP_E_SERVER};
}

static void test_unsure_tag(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  fx_add_usual(fx.memory[0]);
  fx.spy[1]->fault =
      (struct fx_fault){.op = "set_tags", .nth = 1, .after = true, .code = SP_E_NETWORK};
  fx.spy[1]->after = unreadable_after;
  fx.spy[1]->matched = 0;
  struct sp_report *report = fx_run(&fx);
  /* the first try cannot be looked at; the second one succeeds or stays unsure */
  assert_int_not_equal(fx_result(report, 0, "v1.2.3"), SP_TAG_NOT_SET);
  assert_int_equal(report->exit_status == 0, fx_result(report, 0, "latest") == SP_TAG_SET);
  sp_report_free(report);
  fx_clear(&fx);
}

/* A tag that cannot be served (an empty link) is not "not there": it is not known, and written. */
static void test_tag_that_cannot_be_served(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  fx.spy[1]->fault = (struct fx_fault){.op = "resolve", .nth = 1, .code = SP_E_SERVER};
  struct sp_transfer job;
  struct sp_transfer_destination to[FX_PLACES];
  fx_fill(&fx, &job, to);
  job.with_referrers = false;
  struct sp_report *report = fx_run_job(&job);
  assert_int_equal(report->exit_status, 0);
  for (size_t i = 0; i < FX_TAG_COUNT; i++) {
    assert_null(report->places[0].tags[i].digest_before);
    assert_int_equal(report->places[0].tags[i].result, SP_TAG_SET);
  }
  assert_true(fx_has(fx.memory[1], "latest", &index));
  sp_report_free(report);
  fx_clear(&fx);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tags_that_fail),
      cmocka_unit_test(test_unsure_tag),
      cmocka_unit_test(test_tag_that_cannot_be_served),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
