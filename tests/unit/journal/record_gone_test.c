/* SPDX-License-Identifier: Apache-2.0 */
/* What a record keeps of tags that are gone. */
#include "journal/record.h"
#include "scratch.h"

#define T 1700000000

static void merge(struct sp_record *record, const char *name, int64_t since_s, bool is_gone,
                  bool is_meant)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_record_tag tag = {.digest = digest_of(1),
                              .since_s = T + since_s,
                              .first_seen_s = T,
                              .is_gone = is_gone,
                              .is_meant = is_meant};
  snprintf(tag.tag, sizeof tag.tag, "%s", name);
  must(sp_record_merge_tag(record, &tag, &err), &err);
}

static void test_that_it_was_meant(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record meant;
  SP_AUTO_RECORD struct sp_record read;
  SP_AUTO_RECORD struct sp_record not_meant;
  SP_AUTO_RECORD_ARTIFACT struct sp_record_artifact artifact = {0};
  sp_record_init(&meant);
  sp_record_init(&not_meant);
  sp_record_init(&read);
  merge(&meant, "a", 100, true, true);
  merge(&not_meant, "a", 100, true, false);
  assert_true(sp_record_is_news(&not_meant, &meant, 7 * SP_DAY_S));
  must(sp_record_encode(&meant, &artifact, &err), &err);
  static const char said[] = "\"gone\":true,\"meant\":true}";
  assert_non_null(memmem(artifact.body.data, artifact.body.len, said, strlen(said)));
  must(sp_record_decode(SP_SPAN(artifact.body.data, artifact.body.len), T + 200, &read, &err),
       &err);
  assert_true(read.tags[0].is_meant);
  must(sp_record_merge(&read, &not_meant, &err), &err); /* whoever knows more */
  assert_false(sp_record_is_news(&read, &meant, 7 * SP_DAY_S));
  merge(&read, "a", 200, false, false); /* it is back */
  assert_false(read.tags[0].is_gone || read.tags[0].is_meant);
  merge(&read, "a", 300, true, false);
  assert_true(read.tags[0].is_gone && !read.tags[0].is_meant);
}

static void test_what_is_gone_is_bounded(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record record;
  char name[32];
  sp_record_init(&record);
  for (int i = 0; i < SP_MAX_RECORD_GONE + 10; i++) {
    snprintf(name, sizeof name, "gone-%06d", i);
    merge(&record, name, SP_DAY_S + i / 3, true, false); /* three in a second */
    snprintf(name, sizeof name, "here-%06d", i);
    merge(&record, name, i, false, false);
  }
  must(sp_record_prune(&record, T + 2 * SP_DAY_S, &err), &err);
  assert_int_equal(record.count, 2 * SP_MAX_RECORD_GONE + 10);
  assert_null(sp_record_find(&record, "gone-000000"));
  snprintf(name, sizeof name, "gone-%06d", SP_MAX_RECORD_GONE - 1);
  assert_non_null(sp_record_find(&record, name));
  must(sp_record_prune(&record, T + SP_DAY_S + 500 + SP_KEEP_HISTORY_S, &err), &err);
  assert_null(sp_record_find(&record, "gone-001499"));
  assert_non_null(sp_record_find(&record, "gone-001500"));
  assert_non_null(sp_record_find(&record, "here-000000")); /* however old */
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_that_it_was_meant),
      cmocka_unit_test(test_what_is_gone_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
