/* SPDX-License-Identifier: Apache-2.0 */
/* What a record says of what tags left. */
#include "records.h"

struct left_row {
  const char *tag;
  unsigned n;
  int since, left;
};

static void merge_left(struct sp_record *record, const struct left_row *row)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_record_left left = {
      .digest = digest_of(row->n), .since_s = T + row->since, .left_s = T + row->left};
  snprintf(left.tag, sizeof left.tag, "%s", row->tag);
  must(sp_record_merge_left(record, &left, &err), &err);
}

static void assert_left(const struct sp_record *record, const struct left_row *want, size_t count)
{
  assert_int_equal(record->left_count, count);
  for (size_t i = 0; i < count; i++) {
    const struct sp_record_left *got = &record->left[i];
    const struct sp_digest digest = digest_of(want[i].n);
    if (strcmp(got->tag, want[i].tag) != 0 || !sp_digest_eq(&got->digest, &digest) ||
        got->since_s != T + want[i].since || got->left_s != T + want[i].left)
      fail_msg("item %zu: %s", i, got->tag);
  }
}

/* In whichever order, and from whichever host, the same comes out; and it goes through bytes. */
static void test_left(void **state)
{
  (void)state;
  static const struct left_row rows[] = {
      {"latest", 1, 100, 200}, {"latest", 2, 200, 300}, {"latest", 1, 300, 400},
      {"edge", 1, 100, 300},   {"latest", 1, 100, 250}, /* another host saw it end later */
      {"latest", 3, 400, 400}, {"latest", 4, 500, 450}, /* none */
  };
  static const struct left_row want[] = {{"latest", 1, 100, 200},
                                         {"edge", 1, 100, 300},
                                         {"latest", 2, 200, 300},
                                         {"latest", 1, 300, 400}};
  const size_t count = sizeof rows / sizeof rows[0];
  for (size_t first = 0; first < count; first++) {
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_RECORD struct sp_record here;
    SP_AUTO_RECORD struct sp_record there;
    SP_AUTO_RECORD struct sp_record again;
    start(&here);
    start(&there);
    sp_record_init(&again);
    for (size_t i = 0; i < count; i++)
      merge_left(i % 2 ? &here : &there, &rows[(first + i * 3) % count]);
    must(sp_record_merge(&here, &there, &err), &err);
    assert_left(&here, want, sizeof want / sizeof want[0]);
    SP_AUTO_FREE char *body = body_of(&here);
    must(sp_record_decode(sp_span_str(body), NOW, &again, &err), &err);
    assert_left(&again, want, sizeof want / sizeof want[0]);
    assert_false(sp_record_is_news(&here, &again, SP_DAY_S));
    merge_left(&again, &(struct left_row){"latest", 1, 100, 199});
    assert_true(sp_record_is_news(&here, &again, SP_DAY_S));
    merge_left(&again, &(struct left_row){"latest", 9, 1, 2});
    assert_true(sp_record_is_news(&here, &again, SP_DAY_S));
  }
}

/* Those that were left first go. */
static void test_left_is_bounded(void **state)
{
  (void)state;
  const int surplus = 50;
  SP_AUTO_RECORD struct sp_record record;
  start(&record);
  for (int i = 0; i < SP_MAX_RECORD_LEFT + surplus; i++)
    merge_left(&record, &(struct left_row){"latest", 1, i, i + 1});
  assert_int_equal(record.left_count, SP_MAX_RECORD_LEFT);
  assert_int_equal(record.left[0].since_s, T + surplus);
  merge_left(&record, &(struct left_row){"latest", 1, 0, 1});
  assert_int_equal(record.left_count, SP_MAX_RECORD_LEFT);
  assert_int_equal(record.left[0].since_s, T + surplus);
}

/* Of a list that another version may have kept longer, the end is taken. */
static void test_left_of_a_longer_list(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record record;
  SP_AUTO_RECORD struct sp_record again;
  SP_CLEANUP(sp_buf_clear_auto_) struct sp_buf longer;
  sp_buf_init(&longer, SP_MAX_RECORD_BYTES);
  start(&record);
  sp_record_init(&again);
  for (int i = 0; i < SP_MAX_RECORD_LEFT; i++)
    merge_left(&record, &(struct left_row){"latest", 1, i + 10, i + 11});
  SP_AUTO_FREE char *body = body_of(&record);
  char *first = strstr(body, "\"left\":[") + sizeof "\"left\":[" - 1;
  must(sp_buf_appendf(&longer, &err,
                      "%.*s{\"tag\":\"latest\",\"digest\":\"" SHA "\"," SINCE
                      ",\"left\":\"2023-11-15T00:00:05Z\"},%s",
                      (int)(first - body), body, first),
       &err);
  must(sp_record_decode(sp_buf_span(&longer), NOW, &again, &err), &err);
  assert_same_record(&record, &again);
}

static void test_left_as_bytes(void **state)
{
  (void)state;
  static const struct {
    const char *left;
    int want; /* items, or -1: refused */
  } rows[] = {
      {"[]", 0},
      {"{}", -1},
      {"[7]", -1},
      {"[{}]", -1},
      {"[{\"tag\":\"a\",\"digest\":\"" SHA "\"}]", 0},
      {"[{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE "}]", 0},
      {"[{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE ",\"left\":\"2023-11-15T00:00:00Z\"}]", 0},
      {"[{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE ",\"left\":\"2023-11-15T00:00:01Z\"}]", 1},
      {"[{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE ",\"left\":\"2099-01-01T00:00:00Z\"}]", 0},
      {"[{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE ",\"left\":\"2023-11-15\"}]", -1},
      {"[{\"tag\":\"a/b\",\"digest\":\"" SHA "\"," SINCE ",\"left\":\"2023-11-15T00:00:01Z\"}]",
       -1},
      {"[{\"tag\":\"a\",\"digest\":\"sha256:1\"," SINCE ",\"left\":\"2023-11-15T00:00:01Z\"}]", -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    char body[512];
    SP_AUTO_RECORD struct sp_record record;
    sp_record_init(&record);
    snprintf(body, sizeof body, HEAD "],\"left\":%s}", rows[i].left);
    int failed = sp_record_decode(sp_span_str(body), NOW, &record, &err);
    if (failed ? rows[i].want != -1 || err.code != SP_E_INVALID
               : (int)record.left_count != rows[i].want)
      fail_msg("row %zu: %s", i, err.msg);
  }
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_left),
      TEST(test_left_is_bounded),
      TEST(test_left_of_a_longer_list),
      TEST(test_left_as_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
