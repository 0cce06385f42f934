/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void test_publishes_everywhere(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 3);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  struct sp_report *report = fx_run(&fx);
  assert_int_equal(report->exit_status, 0);
  for (size_t i = 1; i <= 3; i++) {
    assert_true(fx_has(fx.memory[i], "latest", &index));
    assert_true(fx_has(fx.memory[i], "main", &index));
    assert_true(fx_has(fx.memory[i], "v1.2.3", &index));
    assert_string_equal(report->places[i - 1].proof, "touched");
    assert_int_equal(report->places[i - 1].blobs_total, 8);
    assert_int_equal(report->places[i - 1].blobs_sent, 8);
    assert_int_equal(report->places[i - 1].manifests_put, 3);
    assert_int_equal(fx_result(report, i - 1, "latest"), SP_TAG_SET);
  }
  assert_string_equal(report->places[0].tags[0].name, "v1.2.3");
  assert_string_equal(report->places[0].tags[1].name, "main");
  assert_string_equal(report->places[0].tags[2].name, "latest");
  assert_string_equal(report->places[0].tags[0].digest_before, "");
  assert_int_equal(fx_count(&fx, 0, "open_read"), 8);
  assert_int_equal(report->repeated_reads, 0);
  sp_report_free(report);
  fx_clear(&fx);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_publishes_everywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
