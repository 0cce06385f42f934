/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLACES 3

/* What places have of one blob of 1000 bytes: a letter each, '-' absent, '+' present, '!' damaged,
 * '?' not known, 'x' a place that failed. Siblings: places with the same digit (0: alone); the
 * fourth is the source. Plan: 'k' keep, 's' send, 'm' mount, 'l' mount later, with whom from. */
struct blob_case {
  const char *why;
  const char *have;
  const char *group;
  const char *plan;
  int from[PLACES]; /* of mounts; 9 is the source */
  unsigned read;    /* bytes from the source */
};

static const struct blob_case blob_cases[] = {
    {"nobody lacks it", "+++", "0000", "kkk", {0}, 0},
    {"everybody lacks it", "---", "0000", "sss", {0}, 1000},
    {"one lacks it", "+-+", "0000", "ksk", {0}, 1000},
    {"unknown counts as absent", "??+", "0000", "ssk", {0}, 1000},
    {"damaged is sent", "!++", "0000", "skk", {0}, 1000},
    {"a failed place is left alone", "x-x", "0000", "ksk", {0}, 1000},
    {"all have failed", "xxx", "0000", "kkk", {0}, 0},
    {"mounted from the source", "---", "1001", "mss", {9}, 1000},
    {"mounted from the source everywhere", "---", "1111", "mmm", {9, 9, 9}, 0},
    {"mounted from a sibling that has it", "+--", "1100", "kms", {0, 0}, 1000},
    {"from a later sibling", "--+", "1010", "msk", {2}, 1000},
    {"not from a damaged sibling", "!-+", "1100", "slk", {0, 0}, 1000},
    {"not from a failed sibling", "x-+", "1100", "ksk", {0}, 1000},
    {"damaged is never mounted", "!++", "1110", "skk", {0}, 1000},
    {"one of the siblings gets the bytes", "---", "1110", "sll", {0, 0, 0}, 1000},
    {"two groups", "---", "1212", "sml", {0, 9, 0}, 1000},
};

static void set_up(const struct blob_case *c, struct sp_image *image, struct sp_facts *facts,
                   struct sp_plan_traits *traits)
{
  struct sp_err err = SP_ERR_INIT;
  sp_image_init(image);
  image->blobs = calloc(1, sizeof *image->blobs);
  image->blobs[0].size_bytes = 1000;
  image->blob_count = 1;
  assert_int_equal(sp_facts_init(facts, image, PLACES, &err), 0);
  for (size_t i = 0; i < PLACES; i++) {
    struct sp_blob_fact *fact = &facts->places[i].blobs[0];
    fact->have = c->have[i] == '+'   ? SP_HAVE_PRESENT
                 : c->have[i] == '!' ? SP_HAVE_DAMAGED
                 : c->have[i] == '-' ? SP_HAVE_ABSENT
                                     : SP_HAVE_UNKNOWN;
    traits[i].is_out = c->have[i] == 'x';
    for (size_t k = 0; k < PLACES; k++)
      traits[i].is_sibling[k] = k != i && c->group[i] != '0' && c->group[i] == c->group[k];
    traits[i].is_sibling[SP_PLAN_SOURCE] = c->group[i] != '0' && c->group[i] == c->group[3];
  }
}

static void check_blob_case(const struct blob_case *c, const struct sp_plan *plan)
{
  static const char letters[] = {[SP_BLOB_KEEP] = 'k',
                                 [SP_BLOB_SEND] = 's',
                                 [SP_BLOB_MOUNT] = 'm',
                                 [SP_BLOB_MOUNT_LATER] = 'l'};
  for (size_t i = 0; i < PLACES; i++) {
    const struct sp_plan_blob *blob = &plan->places[i].blobs[0];
    if (letters[blob->action] != c->plan[i])
      fail_msg("%s: place %zu is '%c', not '%c'", c->why, i, letters[blob->action], c->plan[i]);
    size_t from = c->from[i] == 9 ? SP_PLAN_SOURCE : (size_t)c->from[i];
    if ((c->plan[i] == 'm' || c->plan[i] == 'l') && blob->from != from)
      fail_msg("%s: place %zu mounts from %zu", c->why, i, blob->from);
    assert_int_equal(plan->places[i].blobs_to_send, c->plan[i] == 's');
    assert_int_equal(plan->places[i].bytes_to_send, c->plan[i] == 's' ? 1000 : 0);
  }
  if (plan->bytes_to_read != c->read)
    fail_msg("%s: %u bytes are read", c->why, (unsigned)plan->bytes_to_read);
}

static void test_blobs(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof blob_cases / sizeof blob_cases[0]; i++) {
    struct sp_image image;
    struct sp_facts facts;
    struct sp_plan_traits traits[PLACES] = {0};
    struct sp_plan plan;
    struct sp_err err = SP_ERR_INIT;
    set_up(&blob_cases[i], &image, &facts, traits);
    image.node_count = 0;
    assert_int_equal(sp_plan_make(&image, &facts, traits, &plan, &err), 0);
    check_blob_case(&blob_cases[i], &plan);
    sp_plan_clear(&plan);
    sp_facts_clear(&facts);
    sp_image_clear(&image);
  }
}

/* The second round believes nothing. */
static void test_distrust_mounts_nothing(void **state)
{
  (void)state;
  static const struct blob_case c = {.have = "+--", .group = "1111"};
  struct sp_image image;
  struct sp_facts facts;
  struct sp_plan_traits traits[PLACES] = {0};
  struct sp_plan plan;
  struct sp_err err = SP_ERR_INIT;
  set_up(&c, &image, &facts, traits);
  for (size_t i = 0; i < PLACES; i++)
    traits[i].is_distrust = true;
  assert_int_equal(sp_plan_make(&image, &facts, traits, &plan, &err), 0);
  assert_int_equal(plan.places[1].blobs[0].action, SP_BLOB_SEND);
  assert_int_equal(plan.places[2].blobs[0].action, SP_BLOB_SEND);
  sp_plan_clear(&plan);
  sp_facts_clear(&facts);
  sp_image_clear(&image);
}

/* One blob at hand would be mounted; in doubt it is sent, and only there. */
static void test_doubt_mounts_nothing(void **state)
{
  (void)state;
  static const struct blob_case c = {.have = "+--", .group = "1111"};
  struct sp_image image;
  struct sp_facts facts;
  struct sp_plan_traits traits[PLACES] = {0};
  struct sp_plan plan;
  struct sp_err err = SP_ERR_INIT;
  set_up(&c, &image, &facts, traits);
  facts.places[1].blobs[0].doubt = SP_DOUBT_READ;
  facts.places[1].blobs[0].is_at_hand = true;
  assert_int_equal(sp_plan_make(&image, &facts, traits, &plan, &err), 0);
  assert_int_equal(plan.places[0].blobs[0].action, SP_BLOB_KEEP);
  assert_int_equal(plan.places[1].blobs[0].action, SP_BLOB_SEND);
  assert_int_equal(plan.places[2].blobs[0].action, SP_BLOB_MOUNT);
  sp_plan_clear(&plan);
  sp_facts_clear(&facts);
  sp_image_clear(&image);
}

static void test_lacking_foreign_layer(void **state)
{
  (void)state;
  static const struct {
    const char *have, *group;
    bool is_impossible;
  } cases[] = {{"+++", "0000", false},
               {"+-+", "0000", true},
               {"+-+", "1100", false},
               {"---", "1111", true},
               {"xx+", "0000", false}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct blob_case c = {.have = cases[i].have, .group = cases[i].group};
    struct sp_image image;
    struct sp_facts facts;
    struct sp_plan_traits traits[PLACES] = {0};
    struct sp_plan plan;
    struct sp_err err = SP_ERR_INIT;
    set_up(&c, &image, &facts, traits);
    image.blobs[0].is_foreign = image.blobs[0].is_lacking = true;
    assert_int_equal(sp_plan_make(&image, &facts, traits, &plan, &err), 0);
    assert_int_equal(plan.is_impossible, cases[i].is_impossible);
    sp_plan_clear(&plan);
    sp_facts_clear(&facts);
    sp_image_clear(&image);
  }
}

/* Two manifests, one with two referrer edges, one cosign tag, three tags. */
static void set_up_counts(struct sp_image *image, struct sp_facts *facts)
{
  static const struct blob_case c = {.have = "!-+", .group = "0000"};
  static const char *const tags[] = {"latest", "v1.0", "main", "latest"};
  struct sp_plan_traits traits[PLACES] = {0};
  struct sp_err err = SP_ERR_INIT;
  set_up(&c, image, facts, traits);
  sp_facts_clear(facts);
  image->nodes = calloc(2, sizeof *image->nodes);
  image->node_count = 2;
  for (size_t i = 0; i < 2; i++) {
    sp_manifest_bytes_init(&image->nodes[i].manifest);
    image->nodes[i].manifest.digest = (struct sp_digest){SP_DIGEST_SHA256, {(uint8_t)(i + 1)}};
  }
  image->edges = calloc(2, sizeof *image->edges);
  image->edge_count = 2;
  assert_int_equal(sp_image_add_side_tag(image, "sha256-00.sig", 1, &err), 0);
  assert_int_equal(sp_facts_init(facts, image, 1, &err), 0);
  assert_int_equal(sp_facts_set_tags(&facts->places[0], tags, NULL, 4, &err), 0);
}

static void test_counts(void **state)
{
  (void)state;
  struct sp_image image;
  struct sp_facts facts;
  set_up_counts(&image, &facts);
  struct sp_place_facts *place = &facts.places[0];
  place->blobs[0].have = SP_HAVE_DAMAGED;
  place->nodes[0].have = SP_HAVE_PRESENT;
  place->nodes[1].have = SP_HAVE_DAMAGED;
  place->tags[0] = (struct sp_tag_fact){"v1.0", true, image.nodes[0].manifest.digest};
  struct sp_plan_traits traits = {.is_metered = true};
  struct sp_plan plan;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_plan_make(&image, &facts, &traits, &plan, &err), 0);
  assert_int_equal(plan.places[0].manifests_present, 1);
  assert_int_equal(plan.places[0].manifests_to_put, 1);
  assert_int_equal(plan.places[0].tags_already, 1);
  assert_int_equal(plan.places[0].tags_to_set, 2);
  assert_int_equal(plan.places[0].pulls, 2);
  /* blob 2+1, manifests 1+2, tags 2*2, cosign 2, referrers of one subject 2 */
  assert_int_equal(plan.places[0].requests, 3 + 3 + 4 + 2 + 2);
  sp_plan_clear(&plan);
  sp_facts_clear(&facts);
  sp_image_clear(&image);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_blobs),
      cmocka_unit_test(test_distrust_mounts_nothing),
      cmocka_unit_test(test_doubt_mounts_nothing),
      cmocka_unit_test(test_lacking_foreign_layer),
      cmocka_unit_test(test_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
