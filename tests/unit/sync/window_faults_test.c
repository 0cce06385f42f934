/* SPDX-License-Identifier: Apache-2.0 */
/* Call N of each operation fails, N = 1, 2, 3 ... until the run succeeds: after each, what the
 * backups' tags name is whole, nothing was deleted or moved to something unproven, the exit status
 * is honest, and the next run brings all of it to the same state. */
#include "world.h"

static const char *const operations[] = {
    "resolve",     "get_manifest", "list_tags",    "stat_manifest", "check_blob",    "open_read",
    "begin_write", "finish",       "put_manifest", "set_tags",      "list_referrers"};

struct refs {
  struct fx_ref latest, fixed;
};

static struct refs fill(struct world *world, unsigned seed)
{
  struct sp_store *memory = world->fx.memory[0];
  struct refs refs = {.latest = fx_add_image(memory, seed, 2, NULL),
                      .fixed = fx_add_image(memory, 99, 2, NULL)};
  fx_tag(memory, "latest", &refs.latest);
  fx_tag(memory, "1.0.0", &refs.fixed);
  return refs;
}

/* One run with a fault, then one without. Answers whether the fault was hit. */
static bool try_fault(int place, const char *op, unsigned nth, enum sp_code code, bool after)
{
  struct world world;
  world_init(&world, 2);
  fill(&world, 1);
  assert_int_equal(world_run(&world), 0);
  struct refs refs = fill(&world, 2); /* latest is to move, with history */
  world.fx.spy[place]->fault =
      (struct fx_fault){.op = op, .nth = nth, .times = 1, .code = code, .after = after};
  world.fx.spy[place]->matched = 0;
  int status = world_run(&world);
  bool was_hit = world.fx.spy[place]->matched >= nth;
  bool is_done = fx_has(world.fx.memory[1], "latest", &refs.latest) &&
                 fx_has(world.fx.memory[2], "latest", &refs.latest);
  for (int i = 1; i <= 2; i++) {
    fx_assert_closed(world.fx.memory[i]);
    struct sp_digest latest = fx_named(world.fx.memory[i], "latest");
    assert_int_not_equal(latest.alg, SP_DIGEST_NONE);
  }
  if (status == 0 && !is_done)
    fail_msg("exit 0 and not done: %s %u at %d", op, nth, place);
  world.fx.spy[place]->fault = (struct fx_fault){0};
  if (world_run(&world) != 0)
    fail_msg("the next run does not finish: %s %u at %d: %s", op, nth, place, world.totals.err.msg);
  for (int i = 1; i <= 2; i++) {
    assert_true(fx_has(world.fx.memory[i], "latest", &refs.latest));
    assert_true(fx_has(world.fx.memory[i], "1.0.0", &refs.fixed));
  }
  world_clear(&world);
  return was_hit;
}

static void test_every_call_fails_once(void **state)
{
  (void)state;
  static const enum sp_code codes[] = {SP_E_SERVER, SP_E_NETWORK, SP_E_AUTH};
  for (int place = 0; place <= 1; place++) {
    for (size_t op = 0; op < sizeof operations / sizeof operations[0]; op++) {
      for (size_t code = 0; code < sizeof codes / sizeof codes[0]; code++) {
        unsigned nth = 1;
        while (nth < 100 && try_fault(place, operations[op], nth, codes[code], false))
          nth++;
        assert_true(nth < 100);
      }
    }
  }
}

/* Done, and the answer was lost. */
static void test_every_answer_is_lost_once(void **state)
{
  (void)state;
  static const char *const writes[] = {"finish", "put_manifest", "set_tags"};
  for (size_t op = 0; op < sizeof writes / sizeof writes[0]; op++) {
    unsigned nth = 1;
    while (nth < 100 && try_fault(1, writes[op], nth, SP_E_NETWORK, true))
      nth++;
    assert_true(nth > 1 && nth < 100);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_call_fails_once),
                                     cmocka_unit_test(test_every_answer_is_lost_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
