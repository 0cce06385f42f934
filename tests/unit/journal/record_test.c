/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/record.h"
#include "journal/record_facts.h"
#include "records.h"
#include "scratch.h"

#include "oci/media_type.h"

/* -- bytes */

static void test_encode(void **state)
{
  (void)state;
  SP_AUTO_RECORD struct sp_record record;
  start(&record);
  merge(&record, make_tag("v1", 1, 60, 0, 0, 0));
  struct sp_record_tag gone = make_tag("latest", 1, 3600, 1, SP_DAY_S + 5, 2 * SP_DAY_S + 5);
  gone.is_gone = true;
  gone.named_since_s = T + 60;
  merge(&record, gone);
  char digest[SP_DIGEST_TEXT_MAX];
  struct sp_digest one = digest_of(1);
  sp_digest_format(&one, digest);
  char want[1024];
  snprintf(want, sizeof want,
           "{\"schema\":1,\"primary\":\"ghcr.io/acme/app\",\"tags\":[\n"
           "{\"tag\":\"latest\",\"digest\":\"%s\",\"since\":\"2023-11-15T01:00:00Z\","
           "\"first_seen\":\"2023-11-15T00:00:01Z\",\"touched\":\"2023-11-16\","
           "\"read\":\"2023-11-17\",\"named_since\":\"2023-11-15T00:01:00Z\",\"gone\":true},\n"
           "{\"tag\":\"v1\",\"digest\":\"%s\",\"since\":\"2023-11-15T00:01:00Z\"}\n"
           "]}\n",
           digest, digest);
  SP_AUTO_FREE char *body = body_of(&record);
  assert_string_equal(body, want);
}

/* The artifact is one that our own strict parser takes, and leads to its body. */
static void test_artifact(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record record;
  SP_AUTO_RECORD struct sp_record again;
  SP_AUTO_RECORD_ARTIFACT struct sp_record_artifact artifact = {0};
  SP_AUTO_MANIFEST struct sp_manifest manifest = {0};
  struct sp_desc body;
  start(&record);
  sp_record_init(&again);
  merge(&record, make_tag("v1", 1, 60, 60, 0, 0));
  must(sp_record_encode(&record, &artifact, &err), &err);
  must(sp_manifest_parse(sp_buf_span(&artifact.manifest), sp_span_str(SP_MEDIA_OCI_MANIFEST),
                         &manifest, &err),
       &err);
  must(sp_record_locate(&manifest, &body, &err), &err);
  assert_true(sp_digest_eq(&body.digest, &artifact.body_desc.digest));
  must(sp_digest_check(&body.digest, artifact.body.data, artifact.body.len, &err), &err);
  must(sp_digest_check(&artifact.config_desc.digest, artifact.config.data, artifact.config.len,
                       &err),
       &err);
  must(sp_digest_check(&artifact.digest, artifact.manifest.data, artifact.manifest.len, &err),
       &err);
  assert_int_equal(body.size_bytes, artifact.body.len);
  assert_true(sp_digest_eq(&manifest.blobs[0].digest, &artifact.config_desc.digest));
  must(sp_record_decode(sp_buf_span(&artifact.body), NOW, &again, &err), &err);
  assert_same_record(&record, &again);
}

static void test_locate_refuses(void **state)
{
  (void)state;
  struct sp_desc blobs[3] = {{.media_type = "application/vnd.oci.empty.v1+json"},
                             {.media_type = SP_RECORD_TYPE, .size_bytes = 100},
                             {.media_type = SP_RECORD_TYPE}};
  static const struct {
    const char *type, *layer;
    size_t blobs;
    uint64_t size_bytes;
    enum sp_code want;
  } rows[] = {
      {SP_RECORD_TYPE, SP_RECORD_TYPE, 2, 100, SP_OK},
      {"", SP_RECORD_TYPE, 2, 100, SP_E_INVALID},
      {"application/vnd.cncf.helm.config.v1+json", SP_RECORD_TYPE, 2, 100, SP_E_INVALID},
      {"application/vnd.safeport.record.v2+json", SP_RECORD_TYPE, 2, 100, SP_E_UNSUPPORTED},
      {SP_RECORD_TYPE, "application/json", 2, 100, SP_E_INVALID},
      {SP_RECORD_TYPE, SP_RECORD_TYPE, 1, 100, SP_E_INVALID},
      {SP_RECORD_TYPE, SP_RECORD_TYPE, 3, 100, SP_E_INVALID},
      {SP_RECORD_TYPE, SP_RECORD_TYPE, 2, SP_MAX_RECORD_BYTES + 1, SP_E_LIMIT},
      {SP_RECORD_TYPE, SP_RECORD_TYPE, 2, INT64_MAX, SP_E_LIMIT},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    struct sp_manifest manifest = {.blobs = blobs, .blob_count = rows[i].blobs};
    struct sp_desc body;
    snprintf(manifest.artifact_type, sizeof manifest.artifact_type, "%s", rows[i].type);
    snprintf(blobs[1].media_type, sizeof blobs[1].media_type, "%s", rows[i].layer);
    blobs[1].size_bytes = rows[i].size_bytes;
    assert_int_equal(sp_record_locate(&manifest, &body, &err), rows[i].want == SP_OK ? 0 : -1);
    assert_int_equal(err.code, rows[i].want);
  }
}

static void test_decode_refuses(void **state)
{
  (void)state;
  static const struct {
    const char *body;
    enum sp_code want;
  } rows[] = {
      {"", SP_E_INVALID},
      {"[]", SP_E_INVALID},
      {"{", SP_E_INVALID},
      {"{}", SP_E_INVALID},
      {"null", SP_E_INVALID},
      {"{\"schema\":2}", SP_E_UNSUPPORTED},
      {"{\"schema\":0,\"primary\":\"p\",\"tags\":[]}", SP_E_INVALID},
      {"{\"schema\":-1,\"primary\":\"p\",\"tags\":[]}", SP_E_INVALID},
      {"{\"schema\":\"1\",\"primary\":\"p\",\"tags\":[]}", SP_E_INVALID},
      {"{\"schema\":1,\"tags\":[]}", SP_E_INVALID},
      {"{\"schema\":1,\"primary\":\"p\"}", SP_E_INVALID},
      {"{\"schema\":1,\"primary\":7,\"tags\":[]}", SP_E_INVALID},
      {"{\"schema\":1,\"primary\":\"p\",\"tags\":{}}", SP_E_INVALID},
      {"{\"schema\":1,\"schema\":1,\"primary\":\"p\",\"tags\":[]}", SP_E_INVALID},
      {HEAD "7]}", SP_E_INVALID},
      {HEAD "],\"doubt\":7}", SP_E_INVALID},
      {HEAD "],\"doubt\":{\"from\":\"then\"}}", SP_E_INVALID},
      {HEAD "],\"doubt\":{\"until\":7}}", SP_E_INVALID},
      {HEAD "],\"doubt\":{\"until\":\"9999-12-31T23:59:59-23:59\"}}", SP_E_INVALID},
      {HEAD "{}]}", SP_E_INVALID},
      {HEAD "{\"tag\":\"a/b\",\"digest\":\"" SHA "\"," SINCE "}]}", SP_E_INVALID},
      {HEAD "{\"tag\":\"\",\"digest\":\"" SHA "\"," SINCE "}]}", SP_E_INVALID},
      {HEAD "{\"tag\":\"a\"," SINCE "}]}", SP_E_INVALID},
      {HEAD "{\"tag\":\"a\",\"digest\":\"sha256:00\"," SINCE "}]}", SP_E_INVALID},
      {HEAD "{\"tag\":\"a\",\"digest\":\"md5:00000000000000000000000000000000\"," SINCE "}]}",
       SP_E_INVALID},
      {HEAD "{\"tag\":\"a\",\"digest\":\"" SHA "\",\"since\":1700006400}]}", SP_E_INVALID},
      {HEAD "{\"tag\":\"a\",\"digest\":\"" SHA "\",\"since\":\"yesterday\"}]}", SP_E_INVALID},
      {HEAD "{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE ",\"read\":\"2023-13-01\"}]}",
       SP_E_INVALID},
      {HEAD "{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE ",\"read\":\"2023-11-15T\"}]}",
       SP_E_INVALID},
      {HEAD "{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE ",\"gone\":1}]}", SP_E_INVALID},
      {HEAD "{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE ",\"damaged\":true}]}", SP_E_INVALID},
      {HEAD "{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE ",\"damaged\":\"2023-11-16\"}]}",
       SP_E_INVALID},
      {HEAD "{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE ",\"damage_seen\":2}]}", SP_E_INVALID},
      {HEAD "{\"tag\":\"b\",\"digest\":\"" SHA "\"," SINCE "},{\"tag\":\"a\",\"digest\":\"" SHA
            "\"," SINCE "}]}",
       SP_E_INVALID}, /* not in order */
      {HEAD "{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE "},{\"tag\":\"a\",\"digest\":\"" SHA
            "\"," SINCE "}]}",
       SP_E_INVALID}, /* twice */
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    SP_AUTO_RECORD struct sp_record record;
    sp_record_init(&record);
    if (sp_record_decode(sp_span_str(rows[i].body), NOW, &record, &err) == 0)
      fail_msg("taken: %s", rows[i].body);
    if (err.code != rows[i].want)
      fail_msg("%s: %s: %s", rows[i].body, sp_code_name(err.code), err.msg);
    assert_int_equal(record.count, 0);
  }
}

static void test_decode_believes_no_date_ahead(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record record;
  sp_record_init(&record);
  static const char body[] =
      HEAD "{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE
           ",\"first_seen\":\"2099-01-01T00:00:00Z\",\"touched\":\"2099-01-01\",\"new\":{}},"
           "{\"tag\":\"b\",\"digest\":\"" SHA "\",\"since\":\"2099-01-01T00:00:00Z\"},"
           "{\"tag\":\"c\",\"digest\":\"" SHA "\"}],\"more\":1}";
  must(sp_record_decode(sp_span_str(body), NOW, &record, &err), &err);
  assert_int_equal(record.count, 2);
  const struct sp_record_tag *tag = sp_record_find(&record, "a");
  assert_non_null(tag);
  assert_int_equal(tag->since_s, T);
  assert_int_equal(tag->first_seen_s | tag->touched_s | tag->read_s, 0);
  tag = sp_record_find(&record, "b"); /* what it names is known all the same */
  assert_non_null(tag);
  assert_int_equal(tag->since_s, NOW - 1);
  assert_null(sp_record_find(&record, "c"));
  assert_int_equal(record.sure_s, T);
  assert_int_equal(record.ahead_s, 4070908800);
}

static void test_doubt(void **state)
{
  (void)state;
  enum { WEEK = 7 * 86400 };
  static const struct {
    struct sp_record was;
    struct sp_record_doubt want;
  } rows[] = {
      {{.sure_s = 100}, {0}},
      {{.sure_s = 100, .doubt = {7, 9}}, {7, 9}},
      {{.sure_s = T, .ahead_s = T + 9}, {T - WEEK, T + 9 + WEEK}},
      {{.sure_s = 100, .ahead_s = T}, {0, T + WEEK}},
      /* another one that was wrong */
      {{.sure_s = T, .ahead_s = T + 9, .doubt = {7, 9}}, {7, T + 9 + WEEK}},
      {{.sure_s = T, .ahead_s = T + 9, .doubt = {T, T + 9}}, {T - WEEK, T + 9 + WEEK}},
      {{.sure_s = T, .ahead_s = T + 9, .doubt = {7, 3LL * T}}, {7, 3LL * T}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_record_doubt got = sp_record_doubt(&rows[i].was);
    if (got.from_s != rows[i].want.from_s || got.until_s != rows[i].want.until_s)
      fail_msg("row %zu: from %lld until %lld", i, (long long)got.from_s, (long long)got.until_s);
    assert_true(sp_record_has_new_doubt(&rows[i].was) == (i > 1 && i < 6));
  }
  const struct sp_record was = {.sure_s = T, .ahead_s = T + 9000, .doubt = {T - 500, T - 400}};
  const struct sp_record_doubt back = sp_record_doubt_next(&was, T - 1000, 900, false);
  assert_true(back.from_s == T - 1000 - SP_CLOCK_SKEW_S &&
              back.until_s == T - 100 + SP_CLOCK_SKEW_S);
  const struct sp_record_doubt ahead = sp_record_doubt_next(&was, T + 1000, -900, false);
  assert_true(ahead.from_s == T - 500 && ahead.until_s == T + 1000 + SP_CLOCK_SKEW_S);
  const struct sp_record_doubt right = sp_record_doubt_next(&was, T, 0, false);
  assert_true(right.from_s == T - WEEK && right.until_s == T + 9000 + WEEK);
  const struct sp_record_doubt agreed = sp_record_doubt_next(&was, T, 0, true);
  assert_true(agreed.from_s == T - WEEK && agreed.until_s == T);
  const struct sp_record_doubt none = {0}, some = {100, 500};
  assert_false(sp_record_is_in_doubt(&none, 1) || sp_record_is_in_doubt(&some, 99));
  assert_true(sp_record_is_in_doubt(&some, 100) && sp_record_is_in_doubt(&some, 499));
  assert_false(sp_record_is_in_doubt(&some, 500));
}

static void test_doubt_is_written(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record record;
  SP_AUTO_RECORD struct sp_record again;
  SP_AUTO_RECORD_ARTIFACT struct sp_record_artifact artifact = {0};
  start(&record);
  sp_record_init(&again);
  merge(&record, make_tag("latest", 1, 1, 1, 0, 0));
  must(sp_record_merge(&again, &record, &err), &err);
  record.doubt = (struct sp_record_doubt){T, T + 9000};
  assert_true(sp_record_is_news(&again, &record, SP_DAY_S));
  must(sp_record_encode(&record, &artifact, &err), &err);
  sp_record_clear(&again);
  sp_record_init(&again);
  const struct sp_span body = {(char *)artifact.body.data, artifact.body.len};
  must(sp_record_decode(body, T + 5, &again, &err), &err);
  assert_int_equal(again.ahead_s, 0); /* its end may lie ahead */
  assert_false(sp_record_is_news(&again, &record, SP_DAY_S));
}

/* Nobody has proven anything on it. */
static void test_decode_leaves_out_a_day_that_has_not_begun(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  static const char body[] = HEAD "{\"tag\":\"a\",\"digest\":\"" SHA "\"," SINCE
                                  ",\"touched\":\"2023-11-16\",\"read\":\"2023-11-15\"}]}";
  for (int i = 0; i < 2; i++) {
    SP_AUTO_RECORD struct sp_record record;
    sp_record_init(&record);
    must(sp_record_decode(sp_span_str(body), T + SP_DAY_S - 2 + 2 * i, &record, &err), &err);
    const struct sp_record_tag *tag = sp_record_find(&record, "a");
    assert_non_null(tag);
    assert_int_equal(tag->touched_s, i * (T + SP_DAY_S));
    assert_int_equal(tag->read_s, T);
  }
}

static void test_too_large(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record record;
  SP_AUTO_RECORD_ARTIFACT struct sp_record_artifact artifact = {0};
  start(&record);
  for (unsigned n = 0; n < 40000; n++) {
    char name[SP_MAX_TAG + 1];
    snprintf(name, sizeof name, "%0128u", n);
    merge(&record, make_tag(name, 1, 1, 1, 1, 1));
  }
  assert_int_equal(sp_record_encode(&record, &artifact, &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_non_null(strstr(err.msg, PRIMARY));
}

/* -- merging */

struct merge_row {
  unsigned n;
  int since, first, touched, read; /* the latter two in days */
  bool is_gone;
  int named_since; /* 0: not known */
};

static void merge_row(struct sp_record *record, const struct merge_row *row)
{
  struct sp_record_tag tag =
      make_tag("t", row->n, row->since, row->first, row->touched * SP_DAY_S, row->read * SP_DAY_S);
  tag.is_gone = row->is_gone;
  tag.named_since_s = row->named_since ? T + row->named_since : 0;
  merge(record, tag);
}

static void test_merge(void **state)
{
  (void)state;
  static const struct {
    struct merge_row a, b, want;
  } rows[] = {
      /* the same digest: earliest and latest per fact */
      {{1, 20, 10, 7, 0, false, 0}, {1, 30, 8, 4, 6, false, 0}, {1, 20, 8, 7, 6, false, 0}},
      {{1, 20, 10, 5, 0, false, 0}, {1, 30, 8, 4, 6, false, 0}, {1, 20, 8, 6, 6, false, 0}},
      {{1, 20, 0, 0, 0, false, 0}, {1, 30, 8, 4, 6, false, 0}, {1, 20, 8, 6, 6, false, 0}},
      /* another: the newer, with what belongs to it alone */
      {{1, 20, 10, 5, 5, false, 0}, {2, 30, 25, 0, 0, false, 0}, {2, 30, 25, 0, 0, false, 0}},
      {{1, 20, 10, 5, 5, true, 0}, {2, 30, 25, 0, 0, false, 0}, {2, 30, 25, 0, 0, false, 0}},
      /* gone, and back */
      {{1, 20, 10, 5, 5, false, 0}, {1, 30, 10, 0, 0, true, 0}, {1, 30, 10, 5, 5, true, 20}},
      {{1, 40, 10, 5, 5, false, 0}, {1, 30, 10, 0, 0, true, 0}, {1, 40, 10, 5, 5, false, 0}},
      {{1, 20, 10, 0, 0, true, 0}, {1, 30, 10, 0, 0, true, 0}, {1, 20, 10, 0, 0, true, 0}},
      {{1, 20, 10, 0, 0, false, 0}, {1, 20, 10, 0, 0, true, 0}, {1, 20, 10, 0, 0, true, 0}},
      {{1, 20, 10, 0, 0, true, 15}, {1, 20, 10, 0, 0, true, 0}, {1, 20, 10, 0, 0, true, 15}},
      {{1, 20, 10, 0, 0, true, 15}, {1, 30, 10, 0, 0, true, 12}, {1, 20, 10, 0, 0, true, 12}},
      {{1, 20, 10, 0, 0, true, 15}, {1, 18, 10, 0, 0, false, 0}, {1, 20, 10, 0, 0, true, 15}},
      {{1, 40, 10, 0, 0, false, 0}, {1, 30, 10, 0, 0, true, 20}, {1, 40, 10, 0, 0, false, 0}},
      {{2, 40, 35, 0, 0, true, 0}, {1, 30, 10, 0, 0, true, 20}, {2, 40, 35, 0, 0, true, 0}},
      /* gone, back, and gone again */
      {{1, 20, 10, 5, 5, true, 15}, {1, 40, 10, 0, 0, true, 30}, {1, 40, 10, 5, 5, true, 30}},
      {{1, 20, 10, 0, 0, true, 0}, {1, 40, 10, 0, 0, true, 30}, {1, 40, 10, 0, 0, true, 30}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    for (int swap = 0; swap < 2; swap++) { /* who comes first does not matter */
      SP_AUTO_RECORD struct sp_record record;
      SP_AUTO_RECORD struct sp_record want;
      start(&record);
      start(&want);
      merge_row(&record, swap ? &rows[i].b : &rows[i].a);
      merge_row(&record, swap ? &rows[i].a : &rows[i].b);
      merge_row(&want, &rows[i].want);
      assert_same_record(&record, &want);
    }
  }
}

/* It was there again between two goings, of which the first was meant: in a record, and in the
 * journal that is told by both, in any order. */
static void test_what_was_meant_ends_when_it_comes_back(void **state)
{
  (void)state;
  for (int row = 0; row < 4; row++) {
    bool has_come_back = row & 1;
    struct sp_err err = SP_ERR_INIT;
    struct sp_record_tag tags[2] = {make_tag("t", 1, 20, 10, 0, 0), make_tag("t", 1, 40, 10, 0, 0)};
    SP_AUTO_JOURNAL struct sp_journal *journal = NULL;
    SP_AUTO_KNOWN struct sp_known known;
    SP_AUTO_RECORD struct sp_record merged;
    start(&merged);
    must(sp_journal_open(NULL, SP_JOURNAL_WRITE, &journal, &err), &err);
    tags[0].is_gone = tags[0].is_meant = tags[1].is_gone = true;
    tags[0].named_since_s = T + 10;
    tags[1].named_since_s = T + (has_come_back ? 30 : 10);
    for (int i = 0; i < 2; i++) {
      SP_AUTO_RECORD struct sp_record one;
      start(&one);
      merge(&one, tags[row & 2 ? 1 - i : i]);
      must(sp_record_merge(&merged, &one, &err), &err);
      must(sp_record_tell(&one, NULL, BACKUP, journal, &err), &err);
    }
    journal_flush_well(journal);
    must(sp_known_read(journal, PRIMARY, SP_KNOWN_NOW, &known, &err), &err);
    assert_int_equal(merged.tags[0].is_meant, !has_come_back);
    assert_int_equal(merged.tags[0].since_s, T + (has_come_back ? 40 : 20));
    assert_true(known.tags[0].is_gone);
    assert_int_equal(known.tags[0].is_meant, !has_come_back);
    assert_int_equal(known.tags[0].since_s, merged.tags[0].since_s);
    assert_int_equal(known.tags[0].named_s, merged.tags[0].named_since_s);
  }
}

/* Of a tag of which the host knows as much, or more, the record's word changes nothing: not even
 * where it went in the second in which the record has it there. */
static void test_what_is_known_as_late_is_not_told(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = NULL;
  SP_AUTO_KNOWN struct sp_known known = {0};
  SP_AUTO_KNOWN struct sp_known after = {0};
  SP_AUTO_RECORD struct sp_record record;
  const struct sp_record_tag gone = make_tag("gone", 1, 20, 10, 0, 0);
  start(&record);
  must(sp_journal_open(NULL, SP_JOURNAL_WRITE, &journal, &err), &err);
  must(sp_known_tell_tag(journal, PRIMARY, "gone", &gone.digest, T + 10, &err), &err);
  must(sp_known_tell_tag(journal, PRIMARY, "gone", NULL, T + 20, &err), &err);
  must(sp_known_tell_tag(journal, PRIMARY, "old", &gone.digest, T + 10, &err), &err);
  journal_flush_well(journal);
  must(sp_known_read(journal, PRIMARY, SP_KNOWN_NOW, &known, &err), &err);
  merge(&record, gone);
  merge(&record, make_tag("new", 2, 20, 20, 0, 0));
  merge(&record, make_tag("old", 2, 20, 20, 0, 0));
  must(sp_record_tell(&record, &known, BACKUP, journal, &err), &err);
  journal_flush_well(journal);
  must(sp_known_read(journal, PRIMARY, SP_KNOWN_NOW, &after, &err), &err);
  assert_true(sp_known_find_tag(&after, "gone")->is_gone);
  assert_int_equal(sp_known_find_tag(&after, "new")->since_s, T + 20);
  assert_int_equal(sp_known_find_tag(&after, "old")->since_s, T + 20);
}

/* Two different digests since the same second: both hosts come to the same. */
static void test_merge_ties(void **state)
{
  (void)state;
  SP_AUTO_RECORD struct sp_record left;
  SP_AUTO_RECORD struct sp_record right;
  start(&left);
  start(&right);
  merge(&left, make_tag("t", 1, 5, 1, 0, 0));
  merge(&left, make_tag("t", 2, 5, 2, 0, 0));
  merge(&right, make_tag("t", 2, 5, 2, 0, 0));
  merge(&right, make_tag("t", 1, 5, 1, 0, 0));
  assert_same_record(&left, &right);
}

static void test_merge_records(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_RECORD struct sp_record a;
  SP_AUTO_RECORD struct sp_record b;
  SP_AUTO_RECORD struct sp_record empty;
  start(&a);
  start(&b);
  sp_record_init(&empty);
  for (unsigned n = 0; n < 200; n++) {
    char name[16];
    snprintf(name, sizeof name, "t%u", n * 7919 % 200);
    merge(n % 3 ? &a : &b, make_tag(name, n, 1, 1, 0, 0));
  }
  must(sp_record_merge(&empty, &a, &err), &err);
  assert_string_equal(sp_record_primary(&empty), PRIMARY);
  must(sp_record_merge(&empty, &b, &err), &err);
  must(sp_record_merge(&b, &a, &err), &err);
  assert_int_equal(empty.count, 200);
  assert_same_record(&empty, &b);
  for (size_t i = 1; i < b.count; i++)
    assert_true(strcmp(b.tags[i - 1].tag, b.tags[i].tag) < 0);
  must(sp_record_set_primary(&a, "elsewhere", &err), &err);
  assert_int_equal(sp_record_merge(&b, &a, &err), -1);
  assert_int_equal(err.code, SP_E_USAGE);
}

static void test_news(void **state)
{
  (void)state;
  static const struct {
    unsigned n;
    int since, first, touched_day, read_day;
    bool is_gone, want;
  } rows[] = {
      {1, 10, 5, 20, 20, false, false}, {2, 10, 5, 20, 20, false, true},
      {1, 11, 5, 20, 20, false, true},  {1, 10, 4, 20, 20, false, true},
      {1, 10, 5, 20, 20, true, true},   {1, 10, 5, 21, 20, false, false},
      {1, 10, 5, 23, 20, false, false}, {1, 10, 5, 24, 20, false, true}, /* over 3.5 of 7 days */
      {1, 10, 5, 20, 24, false, true},  {1, 10, 5, 19, 0, false, false}, /* nothing newer */
  };
  SP_AUTO_RECORD struct sp_record old;
  start(&old);
  merge(&old, make_tag("t", 1, 10, 5, 20 * SP_DAY_S, 20 * SP_DAY_S));
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    SP_AUTO_RECORD struct sp_record now;
    start(&now);
    struct sp_record_tag tag =
        make_tag("t", rows[i].n, rows[i].since, rows[i].first,
                 rows[i].touched_day * SP_DAY_S + 86399, rows[i].read_day * SP_DAY_S + 1);
    tag.is_gone = rows[i].is_gone;
    merge(&now, tag);
    if (sp_record_is_news(&old, &now, 7 * SP_DAY_S) != rows[i].want)
      fail_msg("row %zu", i);
  }
  SP_AUTO_RECORD struct sp_record more;
  start(&more);
  merge(&more, make_tag("t", 1, 10, 5, 20 * SP_DAY_S, 20 * SP_DAY_S));
  assert_false(sp_record_is_news(&old, &more, 7 * SP_DAY_S));
  merge(&more, make_tag("u", 1, 10, 5, 0, 0));
  assert_true(sp_record_is_news(&old, &more, 7 * SP_DAY_S));
}

/* -- the journal and the record */

/* Point 10: a host that has no journal knows from the record what the one that wrote it knew. */
static void test_a_fresh_host_learns_from_the_record(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *fresh = NULL;
  SP_AUTO_RECORD struct sp_record written;
  SP_AUTO_RECORD struct sp_record read;
  SP_AUTO_KNOWN struct sp_known known;
  SP_AUTO_KNOWN struct sp_known copies;
  SP_AUTO_KNOWN struct sp_known before;
  struct sp_digest one = digest_of(1);
  struct sp_digest two = digest_of(2);
  start(&written);
  sp_record_init(&read);
  merge(&written, make_tag("latest", 1, 77, 77, SP_DAY_S, 0));
  struct sp_record_tag lost = make_tag("old", 2, 500, 78, 0, 0);
  lost.is_gone = true;
  merge(&written, lost);
  snprintf(lost.tag, sizeof lost.tag, "promoted"); /* a name that the digest got later */
  lost.named_since_s = T + 200;
  merge(&written, lost);
  SP_AUTO_FREE char *body = body_of(&written);
  must(sp_record_decode(sp_span_str(body), NOW, &read, &err), &err);
  must(sp_journal_open(NULL, SP_JOURNAL_WRITE, &fresh, &err), &err);
  must(sp_record_tell(&read, NULL, BACKUP, fresh, &err), &err);
  journal_flush_well(fresh);

  must(sp_known_read(fresh, PRIMARY, SP_KNOWN_NOW, &known, &err), &err);
  const struct sp_known_tag *latest = sp_known_find_tag(&known, "latest");
  const struct sp_known_tag *old = sp_known_find_tag(&known, "old");
  assert_non_null(latest);
  assert_int_equal(latest->since_s, T + 77);
  assert_int_equal(sp_known_find_digest(&known, &one)->first_seen_s, T + 77);
  assert_non_null(old); /* lost by the primary: its last digest is known all the same */
  assert_true(old->is_gone);
  assert_true(sp_digest_eq(&old->digest, &two));
  assert_int_equal(old->since_s, T + 500);
  assert_int_equal(sp_known_find_digest(&known, &two)->first_seen_s, T + 78);
  assert_int_equal(old->came_s, T + 499); /* since when it named that, nobody knows */
  assert_int_equal(sp_known_find_tag(&known, "promoted")->came_s, T + 200);
  must(sp_known_read(fresh, PRIMARY, T + 498, &before, &err), &err);
  assert_null(sp_known_find_tag(&before, "old"));
  must(sp_known_read(fresh, BACKUP, SP_KNOWN_NOW, &copies, &err), &err);
  assert_int_equal(copies.digest_count, 1); /* of what nobody proved, nothing is said */
  assert_int_equal(sp_known_find_digest(&copies, &one)->touched_s, T + SP_DAY_S);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_encode),
      TEST(test_artifact),
      TEST(test_locate_refuses),
      TEST(test_decode_refuses),
      TEST(test_decode_believes_no_date_ahead),
      TEST(test_doubt),
      TEST(test_doubt_is_written),
      TEST(test_decode_leaves_out_a_day_that_has_not_begun),
      TEST(test_too_large),
      TEST(test_merge),
      TEST(test_what_was_meant_ends_when_it_comes_back),
      TEST(test_what_is_known_as_late_is_not_told),
      TEST(test_merge_ties),
      TEST(test_merge_records),
      TEST(test_news),
      TEST(test_a_fresh_host_learns_from_the_record),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
