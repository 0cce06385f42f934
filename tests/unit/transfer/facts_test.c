/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_order_of_tags(void **state)
{
  (void)state;
  static const char *const given[] = {"latest", "main", "v1.2.3", "0123456789abcdef",
                                      "latest", "edge", "main",   "1.0"};
  static const char *const want[] = {"0123456789abcdef", "v1.2.3", "1.0", "edge", "main", "latest"};
  struct sp_place_facts place = {0};
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_facts_set_tags(&place, given, NULL, 8, &err), 0);
  assert_int_equal(place.tag_count, 6);
  for (size_t i = 0; i < 6; i++)
    assert_string_equal(place.tags[i].name, want[i]);
  assert_int_equal(sp_facts_set_tags(&place, given, NULL, 1, &err), 0); /* replaces */
  assert_int_equal(place.tag_count, 1);
  free(place.tags);
}

static void test_forget(void **state)
{
  (void)state;
  struct sp_image image = {.blob_count = 2, .node_count = 1};
  struct sp_facts facts;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_facts_init(&facts, &image, 1, &err), 0);
  struct sp_place_facts *place = &facts.places[0];
  place->blobs[0] = (struct sp_blob_fact){.have = SP_HAVE_PRESENT, .is_sent = true};
  place->blobs[1] = (struct sp_blob_fact){.have = SP_HAVE_PRESENT, .was_damaged = true};
  place->nodes[0] = (struct sp_node_fact){.have = SP_HAVE_PRESENT, .is_read_back = true};
  sp_facts_forget(place, &image);
  assert_int_equal(place->blobs[0].have, SP_HAVE_ABSENT);
  assert_false(place->blobs[0].is_sent);
  assert_true(place->blobs[1].was_damaged); /* so that the new upload is looked at */
  assert_int_equal(place->nodes[0].have, SP_HAVE_ABSENT);
  assert_false(place->nodes[0].is_read_back);
  sp_facts_clear(&facts);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order_of_tags),
      cmocka_unit_test(test_forget),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
