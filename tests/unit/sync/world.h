/* SPDX-License-Identifier: Apache-2.0 */
/* A little world for the tests of the window: one image, a primary and up to three backups in
 * memory, with the spies of transfer's fixture around them, which outlive a run; a journal of its
 * own; and what the last run told. */
#ifndef SP_TEST_SYNC_WORLD_H
#define SP_TEST_SYNC_WORLD_H

#include "../transfer/fixture.h"

#include "sync/sync.h"

struct world {
  struct fx fx;
  struct sp_journal *journal;
  struct sp_selection selection;
  enum sp_sync_origin origin;
  struct sp_sync sync;
  struct sp_sync_totals totals;
  uint64_t counts[SP_SYNC_RESULT_COUNT]; /* over all backups */
  bool is_held;
  uint64_t lost;
};

FX void world_keep_open(struct sp_store *store)
{
  (void)store;
}

FX const char *world_name(void *ctx, size_t number)
{
  (void)ctx;
  (void)number;
  return "app";
}

FX int world_open(void *ctx, size_t number, struct sp_pull_reserve *reserve,
                  struct sp_sync_entry *out, struct sp_err *err)
{
  (void)reserve;
  (void)number;
  (void)err;
  struct world *world = ctx;
  *out = (struct sp_sync_entry){.rules = {.origin = world->origin,
                                          .tags = &world->selection,
                                          .with_referrers = true,
                                          .referrers_every_s = 86400,
                                          .keep_history = 5},
                                .primary = &world->fx.spy[0]->store,
                                .backup_count = world->fx.destinations};
  for (size_t i = 0; i < world->fx.destinations; i++)
    out->backups[i] = &world->fx.spy[i + 1]->store;
  return 0;
}

FX void world_done(void *ctx, const struct sp_sync_image *image)
{
  struct world *world = ctx;
  world->is_held = image->is_held;
  world->lost = image->lost;
  for (size_t i = 0; i < image->place_count; i++) {
    for (int result = 0; result < SP_SYNC_RESULT_COUNT; result++)
      world->counts[result] += image->places[i].counts[result];
  }
}

FX void world_init(struct world *world, size_t backups)
{
  static struct sp_store_ops ops;
  struct sp_err err = SP_ERR_INIT;
  *world = (struct world){0};
  fx_init(&world->fx, backups);
  ops = fx_spy_ops;
  ops.close = world_keep_open;
  for (size_t i = 0; i <= backups; i++)
    world->fx.spy[i]->store.ops = &ops;
  assert_int_equal(sp_journal_open(NULL, SP_JOURNAL_WRITE, &world->journal, &err), 0);
  world->sync =
      (struct sp_sync){.images = {.count = 1, .name = world_name, .open = world_open, .ctx = world},
                       .journal = world->journal,
                       .max_proof_age_s = 86400,
                       .max_loss_percent = 20,
                       .jobs = 1,
                       .done = world_done,
                       .ctx = world};
}

/* The spies' own closing again. */
FX void world_clear(struct world *world)
{
  for (size_t i = 0; i <= world->fx.destinations; i++)
    world->fx.spy[i]->store.ops = &fx_spy_ops;
  sp_journal_close(world->journal);
  fx_clear(&world->fx);
}

/* Runs once; answers the exit status. */
FX int world_run(struct world *world)
{
  memset(world->counts, 0, sizeof world->counts);
  fx_forget_log(&world->fx);
  sp_sync_run(&world->sync, &world->totals);
  sp_journal_flush(world->journal);
  return world->totals.exit_status;
}

FX size_t world_all_writes(const struct world *world)
{
  size_t writes = 0;
  for (size_t i = 1; i <= world->fx.destinations; i++)
    writes += fx_writes(&world->fx, (int)i);
  return writes;
}

#endif
