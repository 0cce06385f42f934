/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/record.h"
#include "records.h"
#include "scratch.h"

/* -- of images */

/* What one host saw damaged stays so until another has proven it since. */
static void test_merge_of_damage(void **state)
{
  (void)state;
  static const struct {
    int damaged, touched, read; /* the one's; the other's (all in days) */
    bool needs_read;
    const char *want;
  } rows[] = {
      {5, 9, 0, true, "damaged"},  {5, 9, 4, true, "damaged"}, {5, 9, 6, true, "whole"},
      {5, 4, 0, false, "damaged"}, {5, 6, 0, false, "whole"},  {5, 0, 0, true, "damaged"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    for (int swap = 0; swap < 2; swap++) {
      SP_AUTO_RECORD struct sp_record record;
      start(&record);
      struct sp_record_tag seen = make_tag("t", 1, 20, 10, 0, 0);
      struct sp_record_tag proven =
          make_tag("t", 1, 20, 10, rows[i].touched * SP_DAY_S, rows[i].read * SP_DAY_S);
      seen.damaged_s = T + rows[i].damaged * SP_DAY_S;
      seen.needs_read = rows[i].needs_read;
      merge(&record, swap ? seen : proven);
      merge(&record, swap ? proven : seen);
      const struct sp_known_digest copy = sp_record_copy(&record.tags[0]);
      bool is_damaged = sp_known_is_damaged(&copy);
      if (strcmp(is_damaged ? "damaged" : "whole", rows[i].want) != 0 ||
          (is_damaged && (copy.touched_s || copy.needs_read != rows[i].needs_read)))
        fail_msg("row %zu", i);
    }
  }
}

/* It is news that there is damage, or none any more; when it was last seen is not. */
static void test_news_of_damage(void **state)
{
  (void)state;
  SP_AUTO_RECORD struct sp_record whole;
  SP_AUTO_RECORD struct sp_record rotten;
  SP_AUTO_RECORD struct sp_record missing;
  SP_AUTO_RECORD struct sp_record later;
  struct sp_record_tag tag = make_tag("t", 1, 10, 5, 0, 0);
  start(&whole);
  start(&rotten);
  start(&missing);
  start(&later);
  merge(&whole, tag);
  tag.damaged_s = T + SP_DAY_S;
  merge(&missing, tag);
  tag.needs_read = true;
  merge(&rotten, tag);
  tag.damaged_s += 30 * SP_DAY_S;
  merge(&later, tag);
  assert_true(sp_record_is_news(&whole, &rotten, SP_DAY_S));
  assert_true(sp_record_is_news(&rotten, &whole, SP_DAY_S));
  assert_true(sp_record_is_news(&rotten, &missing, SP_DAY_S));
  assert_false(sp_record_is_news(&rotten, &later, SP_DAY_S));
}

static void test_damage_as_bytes(void **state)
{
  (void)state;
  static const struct {
    const char *members;
    int64_t damaged_s;
    bool needs_read;
  } rows[] = {
      {"", 0, false},
      {",\"damaged\":\"2023-11-16T00:00:01Z\",\"damage_seen\":\"read\"", T + SP_DAY_S + 1, true},
      {",\"damaged\":\"2023-11-16T00:00:01Z\",\"damage_seen\":\"touched\"", T + SP_DAY_S + 1,
       false},
      /* of a later version: nothing that this one knows disproves it, but reading */
      {",\"damaged\":\"2023-11-16T00:00:01Z\",\"damage_seen\":\"weighed\"", T + SP_DAY_S + 1, true},
      {",\"damaged\":\"2023-11-16T00:00:01Z\"", T + SP_DAY_S + 1, true},
      {",\"damage_seen\":\"read\"", 0, false},
      /* the clock of who saw it was ahead */
      {",\"damaged\":\"2099-11-16T00:00:01Z\",\"damage_seen\":\"read\"", NOW, true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    char body[512];
    SP_AUTO_RECORD struct sp_record record;
    SP_AUTO_RECORD struct sp_record again;
    sp_record_init(&record);
    sp_record_init(&again);
    snprintf(body, sizeof body,
             "{\"schema\":1,\"primary\":\"p\",\"tags\":[{\"tag\":\"a\",\"digest\":\"sha256:%064d\","
             "\"since\":\"2023-11-15T01:00:00Z\"%s}]}",
             1, rows[i].members);
    must(sp_record_decode(sp_span_str(body), NOW, &record, &err), &err);
    if (record.tags[0].damaged_s != rows[i].damaged_s ||
        record.tags[0].needs_read != rows[i].needs_read)
      fail_msg("row %zu", i);
    SP_AUTO_FREE char *written = body_of(&record);
    must(sp_record_decode(sp_span_str(written), NOW, &again, &err), &err);
    assert_int_equal(again.tags[0].damaged_s, rows[i].damaged_s);
    assert_int_equal(again.tags[0].needs_read, rows[i].needs_read);
  }
}

/* -- of blobs */

static void add_rot(struct sp_record *record, unsigned n, int64_t seen_s)
{
  struct sp_err err = SP_ERR_INIT;
  const struct sp_record_rot rot = {.digest = digest_of(n), .seen_s = T + seen_s};
  must(sp_record_add_rot(record, &rot, &err), &err);
}

static void test_rot(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record a, b, back;
  start(&a);
  start(&b);
  sp_record_init(&back);
  for (unsigned n = 1; n < 20; n++)
    add_rot(n % 2 ? &a : &b, n, n);
  add_rot(&b, 1, 50);
  assert_true(sp_record_is_news(&a, &b, 0));
  must(sp_record_merge(&a, &b, &err), &err);
  must(sp_record_merge(&b, &a, &err), &err);
  assert_same_record(&a, &b);
  assert_int_equal(a.rot_count, 19);
  SP_AUTO_FREE char *body = body_of(&a);
  must(sp_record_decode(sp_span_str(body), NOW, &back, &err), &err);
  assert_same_record(&a, &back);
  assert_false(sp_record_is_news(&a, &back, 0));
  const struct sp_digest one = digest_of(1);
  for (size_t i = 0; i < back.rot_count; i++) {
    if (sp_digest_eq(&back.rot[i].digest, &one))
      assert_int_equal(back.rot[i].seen_s, T + 50);
  }
  sp_record_drop_rot(&back, 18);
  sp_record_drop_rot(&back, 0);
  assert_int_equal(back.rot_count, 17);
  assert_true(sp_record_is_news(&a, &back, 0) && sp_record_is_news(&back, &a, 0));
  for (unsigned n = 100; n < 100 + SP_MAX_ROT; n++)
    add_rot(&back, n, 1);
  assert_int_equal(back.rot_count, SP_MAX_ROT);
}

static void add_elsewhere(struct sp_record *record, unsigned n, int64_t seen_s)
{
  struct sp_err err = SP_ERR_INIT;
  const struct sp_record_rot rot = {
      .digest = digest_of(n), .seen_s = T + seen_s, .is_elsewhere = true};
  must(sp_record_add_rot(record, &rot, &err), &err);
}

static void test_rot_elsewhere(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record record, back;
  start(&record);
  sp_record_init(&back);
  add_elsewhere(&record, 1, 5);
  SP_AUTO_FREE char *body = body_of(&record);
  assert_non_null(strstr(body, "\"elsewhere\":true"));
  must(sp_record_decode(sp_span_str(body), NOW, &back, &err), &err);
  assert_true(back.rot_count == 1 && back.rot[0].is_elsewhere && back.rot[0].seen_s == T + 5);
  assert_false(sp_record_is_rot_news(&record, &back));
  add_rot(&record, 1, 3); /* and here */
  assert_true(record.rot_count == 1 && !record.rot[0].is_elsewhere);
  assert_int_equal(record.rot[0].seen_s, T + 5);
  assert_true(sp_record_is_rot_news(&record, &back) && sp_record_is_news(&record, &back, 0));
  add_elsewhere(&record, 1, 9);
  assert_false(record.rot[0].is_elsewhere);
}

/* What is here stays, however old; of one second some do. */
static void test_rot_elsewhere_has_a_bound(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record record;
  start(&record);
  add_rot(&record, 0, 1);
  for (unsigned n = 1; n <= SP_MAX_RECORD_ELSEWHERE + 10; n++)
    add_elsewhere(&record, n, n <= 20 ? 2 : 2 + n);
  must(sp_record_prune_rot(&record, &err), &err);
  assert_int_equal(record.rot_count, 1 + SP_MAX_RECORD_ELSEWHERE);
  size_t here = 0, last = 0;
  for (size_t i = 0; i < record.rot_count; i++) {
    here += !record.rot[i].is_elsewhere;
    last += record.rot[i].seen_s == T + 2;
  }
  assert_true(here == 1 && last == 10);
  must(sp_record_prune_rot(&record, &err), &err);
  assert_int_equal(record.rot_count, 1 + SP_MAX_RECORD_ELSEWHERE);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_merge_of_damage), TEST(test_news_of_damage),
      TEST(test_damage_as_bytes), TEST(test_rot),
      TEST(test_rot_elsewhere),   TEST(test_rot_elsewhere_has_a_bound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
