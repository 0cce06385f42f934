/* SPDX-License-Identifier: Apache-2.0 */
#include "../transfer/fixture.h"

#include "sync/side.h"

static void test_lists_sorted(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 0);
  struct fx_ref image = fx_add_image(fx.memory[0], 1, 1, NULL);
  static const char *const tags[] = {"v2", "latest", "v10", "a"};
  for (size_t i = 0; i < 4; i++)
    fx_tag(fx.memory[0], tags[i], &image);
  struct sp_err err = SP_ERR_INIT;
  struct sp_side side;
  assert_int_equal(sp_side_list(&side, &fx.spy[0]->store, NULL, &err), 0);
  assert_true(side.is_there);
  assert_int_equal(side.tag_count, 4);
  for (size_t i = 1; i < 4; i++)
    assert_true(strcmp(side.tags[i - 1], side.tags[i]) < 0);
  assert_true(sp_side_has(&side, "v10"));
  assert_false(sp_side_has(&side, "v1"));
  sp_side_clear(&side);
  fx_clear(&fx);
}

static void test_failures(void **state)
{
  (void)state;
  static const struct {
    enum sp_code code;
    int rc;
  } cases[] = {{SP_E_NOT_FOUND, 0}, {SP_E_SERVER, -1}, {SP_E_UNREACHABLE, -1}, {SP_E_AUTH, -1}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fx fx;
    fx_init(&fx, 0);
    struct sp_err err = SP_ERR_INIT;
    struct sp_side side;
    fx.spy[0]->fault = (struct fx_fault){.op = "list_tags", .nth = 1, .code = cases[i].code};
    assert_int_equal(sp_side_list(&side, &fx.spy[0]->store, NULL, &err), cases[i].rc);
    assert_int_equal(side.tag_count, 0);
    assert_false(cases[i].rc == 0 && side.is_there);
    assert_ptr_equal(side.store, &fx.spy[0]->store);
    sp_side_clear(&side);
    fx_clear(&fx);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists_sorted),
                                     cmocka_unit_test(test_failures)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
