/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <signal.h>

#include "journal/known.h"

/* A primary of some tags: an index under latest, fixed tags, a moving one. */
static void fill(struct world *world)
{
  fx_add_usual(world->fx.memory[0]);
  for (unsigned i = 0; i < 8; i++) {
    struct fx_ref image = fx_add_image(world->fx.memory[0], 20 + i, 2, NULL);
    char tag[16];
    snprintf(tag, sizeof tag, "1.0.%u", i);
    fx_tag(world->fx.memory[0], tag, &image);
  }
  struct fx_ref image = fx_add_image(world->fx.memory[0], 40, 2, NULL);
  fx_tag(world->fx.memory[0], "main", &image);
}
#define TAGS 10

static void test_brings_up_to_date_then_asks_little(void **state)
{
  (void)state;
  struct world world;
  world_init(&world, 3);
  fill(&world);
  assert_int_equal(world_run(&world), 0);
  assert_int_equal(world.counts[SP_SYNC_COPIED], 3 * TAGS);
  for (size_t i = 1; i <= 3; i++)
    fx_assert_closed(world.fx.memory[i]);
  assert_int_equal(world_run(&world), 0);
  assert_int_equal(world.counts[SP_SYNC_IN_STEP], 3 * TAGS);
  for (int i = 0; i <= 3; i++) {
    assert_int_equal(fx_count(&world.fx, i, "resolve"), TAGS);
    assert_int_equal(fx_count(&world.fx, i, "list_tags"), 1);
  }
  assert_int_equal(world.fx.log.count, 4 * (TAGS + 1)); /* and nothing else */
  world_clear(&world);
}

/* `latest` is the last tag to move, and what is fixed the first to come. */
static void test_order_over_the_repository(void **state)
{
  (void)state;
  struct world world;
  world_init(&world, 1);
  fill(&world);
  assert_int_equal(world_run(&world), 0);
  size_t set = 0;
  for (size_t i = 0; i < world.fx.log.count; i++) {
    const struct fx_event *event = &world.fx.log.events[i];
    if (strcmp(event->op, "set_tags") != 0)
      continue;
    int want = set < 8 ? 0 : set == 8 ? 1 : 2;
    assert_int_equal(sp_ref_tag_rank(event->subject), want);
    set++;
  }
  assert_int_equal(set, TAGS);
  world_clear(&world);
}

/* The second image is told that the registry is down, and asks nothing there. */
static void test_backup_that_is_down_for_the_second_image_too(void **state)
{
  (void)state;
  struct world world;
  world_init(&world, 2);
  fill(&world);
  world.sync.images.count = 2;
  world.fx.spy[1]->store.name = "registry.example/app";
  world.fx.spy[1]->fault = (struct fx_fault){.op = "list_tags", .nth = 1, .code = SP_E_UNREACHABLE};
  assert_int_equal(world_run(&world), 1);
  assert_int_equal(world.totals.images, 2);
  assert_int_equal(fx_count(&world.fx, 1, "list_tags"), 1);
  assert_true(world.counts[SP_SYNC_COPIED] > 0);
  world_clear(&world);
}

static void test_empty_primary_changes_nothing(void **state)
{
  (void)state;
  struct world world;
  world_init(&world, 2);
  fill(&world);
  assert_int_equal(world_run(&world), 0);
  struct sp_digest before = fx_named(world.fx.memory[1], "latest");
  world.fx.spy[0]->fault = (struct fx_fault){.op = "list_tags", .nth = 1, .code = SP_E_NOT_FOUND};
  for (int again = 0; again < 2; again++) {
    assert_int_equal(world_run(&world), 6);
    assert_true(world.is_held);
    assert_int_equal(world.lost, TAGS);
    assert_int_equal(world_all_writes(&world), 0);
  }
  struct sp_digest after = fx_named(world.fx.memory[1], "latest");
  assert_true(sp_digest_eq(&before, &after));
  /* if it is meant, the backups still keep all of it, and the alarm ends */
  static const char *const all[] = {"*"};
  world.sync.accept = all;
  world.sync.accept_count = 1;
  assert_int_equal(world_run(&world), 6); /* that is about tags that changed */
  world.sync.accept_count = 0;
  world.sync.accept_loss = true;
  assert_int_equal(world_run(&world), 0);
  assert_int_equal(world_all_writes(&world), 0);
  world.sync.accept_loss = false;
  assert_int_equal(world_run(&world), 0); /* nothing comes any more; what there is is kept */
  assert_int_equal(world_all_writes(&world), 0);
  assert_int_equal(world.totals.images_failed, 0);
  assert_int_equal(world.lost, 0);
  world_clear(&world);
}

/* Of what is known nothing; what the backups have is then all that speaks. */
static void test_nothing_selected_is_no_success(void **state)
{
  (void)state;
  static const struct {
    bool is_there; /* the repository */
    bool has_backup;
    enum sp_sync_origin origin;
    bool accept;
    int status;
  } cases[] = {
      {true, false, SP_ORIGIN_NAMED, false, 1},   {false, false, SP_ORIGIN_NAMED, false, 1},
      {true, true, SP_ORIGIN_NAMED, false, 6},    {false, true, SP_ORIGIN_NAMED, false, 6},
      {true, false, SP_ORIGIN_LISTED, false, 0},  {true, true, SP_ORIGIN_LISTED, false, 6},
      {true, true, SP_ORIGIN_NAMED, true, 0},     {false, true, SP_ORIGIN_NAMED, true, 6},
      {false, false, SP_ORIGIN_LISTED, false, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct world world;
    world_init(&world, 2);
    if (cases[i].is_there)
      fx_add_image(world.fx.memory[0], 5, 2, NULL);
    if (cases[i].has_backup)
      fx_add_usual(world.fx.memory[2]);
    world.origin = cases[i].origin;
    world.sync.accept_loss = cases[i].accept;
    assert_int_equal(world_run(&world), cases[i].status);
    assert_int_equal(world_all_writes(&world), 0);
    world_clear(&world);
  }
}

static void test_failing_primary_changes_nothing(void **state)
{
  (void)state;
  struct world world;
  world_init(&world, 2);
  fill(&world);
  world.fx.spy[0]->fault = (struct fx_fault){.op = "list_tags", .nth = 1, .code = SP_E_UNREACHABLE};
  assert_int_equal(world_run(&world), 4);
  assert_int_equal(world_all_writes(&world), 0);
  world_clear(&world);
}

/* A registry that rewrites a tag may not have it for a moment: what is listed is asked for twice.
 */
static void test_listed_tag_that_is_not_there_once(void **state)
{
  (void)state;
  for (unsigned times = 1; times <= 2; times++) {
    struct world world;
    world_init(&world, 1);
    struct fx_ref index = fx_add_usual(world.fx.memory[0]);
    world.fx.spy[0]->fault =
        (struct fx_fault){.op = "resolve", .nth = 1, .times = times, .code = SP_E_NOT_FOUND};
    assert_int_equal(world_run(&world), times == 1 ? 0 : 1);
    assert_int_equal(fx_has(world.fx.memory[1], "latest", &index), times == 1);
    assert_int_equal(world.lost, 0);
    world_clear(&world);
  }
}

static void test_fixed_tag_that_changed(void **state)
{
  (void)state;
  struct world world;
  world_init(&world, 2);
  fill(&world);
  assert_int_equal(world_run(&world), 0);
  struct sp_digest good = fx_named(world.fx.memory[1], "1.0.3");
  struct fx_ref bad = fx_add_image(world.fx.memory[0], 77, 2, NULL);
  fx_tag(world.fx.memory[0], "1.0.3", &bad);
  for (int again = 0; again < 2; again++) {
    assert_int_equal(world_run(&world), 6);
    assert_int_equal(world.counts[SP_SYNC_NOT_FOLLOWED], 2);
    assert_int_equal(world_all_writes(&world), 0);
  }
  struct sp_digest still = fx_named(world.fx.memory[1], "1.0.3");
  assert_true(sp_digest_eq(&good, &still));
  static const char *const accept[] = {"app:1.0.3"};
  world.sync.accept = accept;
  world.sync.accept_count = 1;
  assert_int_equal(world_run(&world), 0);
  assert_true(fx_has(world.fx.memory[2], "1.0.3", &bad));
  world_clear(&world);
}

static size_t count_history(struct sp_store *memory, const struct fx_ref *of)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_tag_page page = {0};
  size_t n = 0;
  assert_int_equal(sp_store_list_tags(memory, NULL, &page, &err), 0);
  for (size_t i = 0; i < page.count; i++) {
    if (strncmp(page.tags[i], "safeport-latest-", 16) == 0)
      n += fx_has(memory, page.tags[i], of);
  }
  sp_tag_page_clear(&page);
  return n;
}

static void test_moving_tag_leaves_history(void **state)
{
  (void)state;
  struct world world;
  world_init(&world, 1);
  struct fx_ref first = fx_add_usual(world.fx.memory[0]);
  assert_int_equal(world_run(&world), 0);
  struct fx_ref second = fx_add_image(world.fx.memory[0], 50, 2, NULL);
  fx_tag(world.fx.memory[0], "latest", &second);
  assert_int_equal(world_run(&world), 0);
  assert_true(fx_has(world.fx.memory[1], "latest", &second));
  assert_int_equal(count_history(world.fx.memory[1], &first), 1);
  world_clear(&world);
}

/* The backup's content is gone under a tag that is right: nothing is found out before the proof is
 * old, and then it is mended. */
static void test_old_proof_finds_loss(void **state)
{
  (void)state;
  struct world world;
  world_init(&world, 1);
  struct fx_ref image = fx_add_image(world.fx.memory[0], 5, 2, NULL);
  fx_tag(world.fx.memory[0], "latest", &image);
  assert_int_equal(world_run(&world), 0);
  struct sp_digest layer = fx_add_blob(world.fx.memory[0], 7, 5000).digest;
  assert_true(sp_memory_wipe(world.fx.memory[1], &layer));
  world.sync.max_proof_age_s = 0;
  world_run(&world);
  assert_true(fx_has(world.fx.memory[1], "latest", &image));
  world_clear(&world);
}

/* F26: the tag moves and what it named is gone while it is copied. */
static void move_tag(struct fx_spy *spy, const char *op, const char *subject)
{
  (void)subject;
  struct world *world = spy->after_ctx;
  if (strcmp(op, "resolve") != 0)
    return;
  spy->after = NULL;
  struct sp_digest named = fx_named(world->fx.memory[0], "latest");
  struct fx_ref next = fx_add_image(world->fx.memory[0], 60, 2, NULL);
  fx_tag(world->fx.memory[0], "latest", &next);
  sp_memory_wipe(world->fx.memory[0], &named);
}

static void test_tag_that_moves_during_the_copy(void **state)
{
  (void)state;
  struct world world;
  world_init(&world, 1);
  struct fx_ref image = fx_add_image(world.fx.memory[0], 5, 2, NULL);
  fx_tag(world.fx.memory[0], "latest", &image);
  world.fx.spy[0]->after = move_tag;
  world.fx.spy[0]->after_ctx = &world;
  world_run(&world);
  struct fx_ref next = fx_add_image(world.fx.memory[0], 60, 2, NULL);
  assert_true(fx_has(world.fx.memory[1], "latest", &next));
  assert_int_equal(world.totals.exit_status, 0);
  world_clear(&world);
}

static void test_dry_run_writes_nothing(void **state)
{
  (void)state;
  struct world world;
  world_init(&world, 2);
  fill(&world);
  world.sync.dry_run = true;
  assert_int_equal(world_run(&world), 0);
  assert_int_equal(world.counts[SP_SYNC_PLANNED], 2 * TAGS);
  assert_int_equal(world_all_writes(&world), 0);
  assert_true(world.totals.bytes_to_send > 0);
  world_clear(&world);
}

/* A restore: all is read back before a tag is set; what is there stays; nothing is remembered of
 * what the backups made believe to be a primary. */
static void test_the_other_way_round(void **state)
{
  (void)state;
  static const char *const any[] = {"*"};
  struct world world;
  struct sp_err err = SP_ERR_INIT;
  world_init(&world, 1);
  fill(&world);
  world.sync.restores = true;
  world.sync.max_proof_age_s = 0;
  assert_int_equal(world_run(&world), 0);
  assert_int_equal(world.counts[SP_SYNC_COPIED], TAGS);
  fx_assert_closed(world.fx.memory[1]);
  assert_true(fx_count(&world.fx, 1, "open_read") > TAGS);
  SP_AUTO_KNOWN struct sp_known from = {0};
  SP_AUTO_KNOWN struct sp_known to = {0};
  assert_int_equal(
      sp_known_read(world.journal, world.fx.spy[0]->store.name, SP_KNOWN_NOW, &from, &err), 0);
  assert_int_equal(from.tag_count + from.digest_count, 0);
  assert_int_equal(
      sp_known_read(world.journal, world.fx.spy[1]->store.name, SP_KNOWN_NOW, &to, &err), 0);
  assert_int_equal(to.tag_count, TAGS);
  for (size_t i = 0; i < to.digest_count; i++)
    assert_true(to.digests[i].read_s > 0);
  struct fx_ref other = fx_add_image(world.fx.memory[0], 77, 2, NULL);
  fx_tag(world.fx.memory[0], "main", &other);
  assert_int_equal(world_run(&world), 6);
  assert_int_equal(world.counts[SP_SYNC_REFUSED], 1);
  assert_int_equal(world.counts[SP_SYNC_PROVEN], TAGS - 1);
  world.sync.accept = any;
  world.sync.accept_count = 1;
  assert_int_equal(world_run(&world), 0);
  assert_int_equal(world.counts[SP_SYNC_COPIED], 1);
  world_clear(&world);
}

/* What nobody looked at is in no report of an image: the totals say so. */
static void test_interruption_before_an_image(void **state)
{
  (void)state;
  struct world world;
  struct sp_err err = SP_ERR_INIT;
  struct sp_cancel *cancel;
  world_init(&world, 1);
  fill(&world);
  assert_int_equal(sp_cancel_new(&cancel, &err), 0);
  sp_cancel_request(cancel, SIGTERM);
  world.sync.cancel = cancel;
  assert_int_equal(world_run(&world), 143);
  assert_int_equal(world.totals.images, 0);
  assert_non_null(strstr(world.totals.err.msg, "1 of 1 images were not looked at"));
  sp_cancel_free(cancel);
  world_clear(&world);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_brings_up_to_date_then_asks_little),
      cmocka_unit_test(test_order_over_the_repository),
      cmocka_unit_test(test_backup_that_is_down_for_the_second_image_too),
      cmocka_unit_test(test_empty_primary_changes_nothing),
      cmocka_unit_test(test_nothing_selected_is_no_success),
      cmocka_unit_test(test_failing_primary_changes_nothing),
      cmocka_unit_test(test_listed_tag_that_is_not_there_once),
      cmocka_unit_test(test_fixed_tag_that_changed),
      cmocka_unit_test(test_moving_tag_leaves_history),
      cmocka_unit_test(test_old_proof_finds_loss),
      cmocka_unit_test(test_tag_that_moves_during_the_copy),
      cmocka_unit_test(test_dry_run_writes_nothing),
      cmocka_unit_test(test_the_other_way_round),
      cmocka_unit_test(test_interruption_before_an_image),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
