/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sync/told.h"
#include "transfer/report.h"

static const struct sp_digest digest_a = {.alg = SP_DIGEST_SHA256, .raw = {1}};
static const struct sp_digest none = {0};

static struct sp_sync_image *make(size_t places)
{
  static const char *const names[] = {"one", "two"};
  struct sp_err err = SP_ERR_INIT;
  struct sp_sync_image *image;
  assert_int_equal(sp_told_new("app", &image, &err), 0);
  assert_int_equal(sp_told_set_places(image, "ghcr.io/o/app", names, places, &err), 0);
  return image;
}

static int status_of(const struct sp_sync_image *image, int signal_number)
{
  struct sp_sync_totals totals = {.err = SP_ERR_INIT};
  sp_totals_add(&totals, image);
  if (signal_number) {
    (void)sp_fail(&totals.err, SP_E_INTERRUPTED, "interrupted");
    totals.err.sys = signal_number;
  }
  return sp_totals_exit_status(&totals, sp_told_classes(image), sp_told_has_success(image));
}

static void add(struct sp_sync_image *image, size_t place, const char *name,
                enum sp_sync_result result)
{
  const struct sp_told_tag tag = {.name = name, .result = result, .digest = &digest_a};
  sp_told_add_tag(image, place, &tag);
}

static void fail_at(struct sp_sync_image *image, size_t place, enum sp_code code)
{
  struct sp_err err = SP_ERR_INIT;
  (void)sp_fail(&err, code, "of the test");
  const struct sp_told_tag tag = {.name = "latest", .result = SP_SYNC_FAILED, .why = &err};
  sp_told_fail_place(image, place, &err);
  sp_told_add_tag(image, place, &tag);
}

static void test_exit_status(void **state)
{
  (void)state;
  static const struct {
    enum sp_code one, two; /* failures; OK: the tag was copied there */
    int status;
  } cases[] = {
      {SP_OK, SP_OK, 0},
      {SP_OK, SP_E_UNREACHABLE, 1},
      {SP_E_UNREACHABLE, SP_E_UNREACHABLE, 4},
      {SP_E_AUTH, SP_E_AUTH, 8},
      {SP_E_AUTH, SP_E_UNREACHABLE, 1},
      {SP_OK, SP_E_DIGEST, 5},
      {SP_E_THROTTLED, SP_E_THROTTLED, 1},
      {SP_E_DIGEST, SP_E_IO, 7},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sp_sync_image *image = make(2);
    const enum sp_code codes[] = {cases[i].one, cases[i].two};
    for (size_t place = 0; place < 2; place++) {
      if (codes[place] == SP_OK)
        add(image, place, "latest", SP_SYNC_COPIED);
      else
        fail_at(image, place, codes[place]);
    }
    if (status_of(image, 0) != cases[i].status)
      fail_msg("case %zu: %d", i, status_of(image, 0));
    assert_int_equal(status_of(image, SIGINT), 130);
    assert_int_equal(status_of(image, SIGTERM), 143);
    sp_told_free(image);
  }
}

static void test_safety_rules_are_six(void **state)
{
  (void)state;
  struct sp_sync_image *image = make(1);
  add(image, 0, "v1.0.0", SP_SYNC_NOT_FOLLOWED);
  assert_int_equal(status_of(image, 0), 6);
  sp_told_free(image);
  image = make(1);
  image->is_held = true;
  assert_int_equal(status_of(image, 0), 6);
  sp_told_free(image);
}

/* What is known to be damaged is no success of this run, whatever else it did. */
static void test_known_damage_is_five(void **state)
{
  (void)state;
  struct sp_sync_image *image = make(2);
  add(image, 0, "latest", SP_SYNC_DAMAGED);
  add(image, 1, "latest", SP_SYNC_COPIED);
  assert_int_equal(status_of(image, 0), 5);
  assert_true(sp_told_has_failure(image));
  assert_int_equal(image->places[0].tag_count, 1);
  sp_told_free(image);
}

static void test_lists_are_bounded(void **state)
{
  (void)state;
  const struct sp_told_tag moved = {
      .name = "t", .result = SP_SYNC_COPIED, .digest = &digest_a, .history_tag = "safeport-t-x"};
  struct sp_sync_image *image = make(1);
  for (int i = 0; i < 3 * SP_SYNC_TAGS_TOLD_MAX; i++) {
    sp_told_add_tag(image, 0, &moved);
    add(image, 0, "t", SP_SYNC_IN_STEP);
    sp_told_add_lost(image, "gone");
    sp_told_add_note(image, "the same");
  }
  assert_int_equal(image->places[0].tag_count, SP_SYNC_TAGS_TOLD_MAX);
  assert_int_equal(image->places[0].counts[SP_SYNC_COPIED], 3 * SP_SYNC_TAGS_TOLD_MAX);
  assert_int_equal(image->lost, 3 * SP_SYNC_TAGS_TOLD_MAX);
  assert_int_equal(image->lost_tag_count, SP_SYNC_LOST_TOLD_MAX);
  assert_int_equal(image->note_count, 1);
  sp_told_free(image);
}

static void test_json(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  const struct sp_told_tag odd = {.name = "bad\xff",
                                  .result = SP_SYNC_COPIED,
                                  .digest = &digest_a,
                                  .before = &none,
                                  .history_tag = "safeport-x-y"};
  struct sp_sync_image *image = make(2);
  sp_told_add_tag(image, 0, &odd);
  fail_at(image, 1, SP_E_AUTH);
  char *text;
  assert_int_equal(sp_sync_image_format_json(image, &text, &err), 0);
  json_t *doc = json_loads(text, 0, NULL);
  assert_non_null(doc);
  json_t *place = json_array_get(json_object_get(doc, "places"), 0);
  json_t *tag = json_array_get(json_object_get(place, "changes"), 0);
  assert_string_equal(json_string_value(json_object_get(tag, "tag")), "bad\\xff");
  assert_string_equal(json_string_value(json_object_get(tag, "result")), "copied");
  assert_string_equal(json_string_value(json_object_get(tag, "digest_before")), "");
  assert_true(json_is_null(json_object_get(tag, "error")));
  place = json_array_get(json_object_get(doc, "places"), 1);
  tag = json_array_get(json_object_get(place, "changes"), 0);
  json_t *why = json_object_get(tag, "error");
  assert_string_equal(json_string_value(json_object_get(why, "message")), "of the test");
  json_decref(doc);
  free(text);
  struct sp_sync_totals totals = {.err = SP_ERR_INIT, .started = "2026-01-01T00:00:00Z"};
  sp_totals_add(&totals, image);
  assert_int_equal(sp_sync_totals_format_json(&totals, &text, &err), 0);
  doc = json_loads(text, 0, NULL);
  assert_int_equal(json_integer_value(json_object_get(doc, "images_failed")), 1);
  assert_true(json_is_null(json_object_get(doc, "goes_on_at")));
  json_decref(doc);
  free(text);
  sp_told_free(image);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_exit_status),
      cmocka_unit_test(test_safety_rules_are_six),
      cmocka_unit_test(test_known_damage_is_five),
      cmocka_unit_test(test_lists_are_bounded),
      cmocka_unit_test(test_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
