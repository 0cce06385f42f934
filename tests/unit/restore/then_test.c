/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "policy/tag_kind.h"
#include "restore/then.h"

static struct sp_digest digest_of(uint8_t n)
{
  return (struct sp_digest){.alg = n ? SP_DIGEST_SHA256 : SP_DIGEST_NONE, .raw = {n}};
}

static void add_left(struct sp_record *told, const char *tag, uint8_t n, int64_t since_s,
                     int64_t left_s)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_record_left left = {.digest = digest_of(n), .since_s = since_s, .left_s = left_s};
  snprintf(left.tag, sizeof left.tag, "%s", tag);
  assert_int_equal(sp_record_merge_left(told, &left, &err), 0);
}

static void add_last(struct sp_record *told, const char *tag, uint8_t n, int64_t since_s,
                     bool is_gone)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_record_tag last = {.digest = digest_of(n), .since_s = since_s, .is_gone = is_gone};
  snprintf(last.tag, sizeof last.tag, "%s", tag);
  assert_int_equal(sp_record_merge_tag(told, &last, &err), 0);
}

/* Digest 0: nobody knows. */
struct then_row {
  const char *tag;
  int64_t at_s;
  uint8_t want;
  bool is_last, is_gone;
};

static void check(const struct sp_record *told, const struct sp_known_tag *ended,
                  const struct then_row *rows, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    const struct sp_then then = sp_then_find(told, ended, rows[i].tag, rows[i].at_s);
    const struct sp_digest want = digest_of(rows[i].want);
    bool is_right = then.digest.alg == want.alg && then.is_last == rows[i].is_last &&
                    then.is_gone == rows[i].is_gone &&
                    (rows[i].want == 0 || sp_digest_eq(&then.digest, &want));
    if (!is_right)
      fail_msg("row %zu: %s at %d: digest %d", i, rows[i].tag, (int)rows[i].at_s,
               then.digest.raw[0]);
  }
}
#define CHECK(told, ended, rows) check(told, ended, rows, sizeof(rows) / sizeof(rows)[0])

/* The ordinary rollback: 1, 2, back to 1, back to 2, then 3 and 4. */
static void test_there_and_back(void **state)
{
  (void)state;
  SP_AUTO_RECORD struct sp_record told;
  sp_record_init(&told);
  add_left(&told, "latest", 1, 100, 200);
  add_left(&told, "latest", 2, 200, 300);
  add_left(&told, "latest", 1, 300, 400);
  add_left(&told, "latest", 2, 400, 500);
  add_left(&told, "latest", 3, 500, 600);
  add_last(&told, "latest", 4, 600, false);
  add_last(&told, "other", 9, 100, false);
  static const struct then_row rows[] = {
      {"latest", INT64_MIN, 0, false, false}, {"latest", 99, 0, false, false},
      {"latest", 100, 1, false, false},       {"latest", 199, 1, false, false},
      {"latest", 200, 2, false, false},       {"latest", 300, 1, false, false},
      {"latest", 399, 1, false, false},       {"latest", 400, 2, false, false},
      {"latest", 599, 3, false, false},       {"latest", 600, 4, true, false},
      {"latest", INT64_MAX, 4, true, false},  {"late", 300, 0, false, false},
      {"other", 300, 9, true, false},         {"other", 99, 0, false, false},
  };
  CHECK(&told, NULL, rows);
}

/* Where nobody saw the end, nobody knows what came after it: a run that moved the tag and came to
 * write no record, a list that was cut, a clock that was set back. */
static void test_gaps(void **state)
{
  (void)state;
  SP_AUTO_RECORD struct sp_record told;
  sp_record_init(&told);
  add_left(&told, "latest", 1, 100, 200);
  add_left(&told, "latest", 3, 300, 400);
  add_left(&told, "latest", 5, 700, 650); /* ends before it begins */
  add_last(&told, "latest", 6, 701, false);
  static const struct then_row rows[] = {
      {"latest", 199, 1, false, false}, {"latest", 200, 0, false, false},
      {"latest", 299, 0, false, false}, {"latest", 300, 3, false, false},
      {"latest", 400, 0, false, false}, {"latest", 660, 0, false, false},
      {"latest", 700, 0, false, false}, {"latest", 701, 6, true, false},
  };
  CHECK(&told, NULL, rows);
}

/* Of two that tell of one time, the one that looked later is right: here one record missed 2. */
static void test_overlaps(void **state)
{
  (void)state;
  SP_AUTO_RECORD struct sp_record told;
  sp_record_init(&told);
  add_left(&told, "latest", 1, 100, 400);
  add_left(&told, "latest", 2, 200, 300);
  add_left(&told, "latest", 3, 350, 500);
  add_last(&told, "latest", 4, 450, false);
  static const struct then_row rows[] = {
      {"latest", 150, 1, false, false}, {"latest", 250, 2, false, false},
      {"latest", 320, 1, false, false}, {"latest", 360, 3, false, false},
      {"latest", 450, 4, true, false},
  };
  CHECK(&told, NULL, rows);
}

static void test_gone_and_back(void **state)
{
  (void)state;
  SP_AUTO_RECORD struct sp_record told;
  sp_record_init(&told);
  add_last(&told, "v0", 1, 200, true); /* since when it named that, nobody knows */
  add_last(&told, "v1", 1, 100, false);
  add_last(&told, "v1", 1, 200, true);
  add_left(&told, "v2", 1, 100, 200);
  add_last(&told, "v2", 1, 300, false);
  static const struct then_row rows[] = {
      {"v0", 199, 0, false, false}, {"v0", 200, 1, true, true},   {"v1", 99, 0, false, false},
      {"v1", 100, 1, false, false}, {"v1", 199, 1, false, false}, {"v1", 200, 1, true, true},
      {"v2", 150, 1, false, false}, {"v2", 250, 0, false, false}, {"v2", 300, 1, true, false},
  };
  CHECK(&told, NULL, rows);
}

/* What this host's journal knows to have been, and to have ended. */
static void test_the_journal(void **state)
{
  (void)state;
  SP_AUTO_RECORD struct sp_record told;
  sp_record_init(&told);
  struct sp_known_tag ended = {.digest = digest_of(7), .since_s = 150};
  static const struct then_row alone[] = {{"latest", 160, 7, false, false}};
  CHECK(&told, &ended, alone);
  add_left(&told, "latest", 1, 100, 300);
  add_left(&told, "latest", 2, 200, 250);
  add_last(&told, "latest", 3, 400, false);
  static const struct then_row rows[] = {
      {"latest", 160, 7, false, false}, /* the later of both */
      {"latest", 220, 2, false, false},
      {"latest", 260, 7, false, false},
      {"latest", 400, 3, true, false},
  };
  CHECK(&told, &ended, rows);
  ended.is_gone = true;
  static const struct then_row gone[] = {{"latest", 160, 7, false, true}};
  CHECK(&told, &ended, gone);
}

/* latest left A at 100, B at 200, C at 300; and there is the history of another tag. */
static const char *find_next(const char *tag, int64_t at_s, int64_t *left_s)
{
  static char names[5][SP_MAX_TAG + 1];
  static char *tags[5];
  static const int64_t times[] = {100, 200, 300};
  for (size_t i = 0; i < 3; i++)
    sp_history_tag_format("latest", times[i], names[i]);
  sp_history_tag_format("latest-x", 150, names[3]);
  snprintf(names[4], sizeof names[4], "latest");
  for (size_t i = 0; i < 5; i++)
    tags[i] = names[(i * 3) % 5]; /* in no order */
  return sp_then_left_next(tags, 5, tag, at_s, left_s);
}

static void test_left_next(void **state)
{
  (void)state;
  static const struct {
    const char *tag;
    int64_t at_s, left_s; /* 0: none */
  } cases[] = {
      {"latest", 300, 0},   {"latest", 999, 0},   {"other", 1, 0},        {"late", 1, 0},
      {"latest", 0, 100},   {"latest", 99, 100},  {"latest", 100, 200},   {"latest", 199, 200},
      {"latest", 200, 300}, {"latest", 299, 300}, {"latest-x", 120, 150}, {"latest-x", 150, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char want[SP_MAX_TAG + 1];
    int64_t left_s = 0;
    const char *got = find_next(cases[i].tag, cases[i].at_s, &left_s);
    assert_int_equal(left_s, cases[i].left_s);
    if (cases[i].left_s == 0) {
      assert_null(got);
      continue;
    }
    sp_history_tag_format(cases[i].tag, left_s, want);
    assert_string_equal(got, want);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_gaps),
      cmocka_unit_test(test_overlaps),       cmocka_unit_test(test_gone_and_back),
      cmocka_unit_test(test_the_journal),    cmocka_unit_test(test_left_next),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
