/* SPDX-License-Identifier: Apache-2.0 */
/* Referrers and cosign tags, from every kind of source to every kind of destination. */
#include "fixture.h"

#include "base/json.h"

static void fallback_tag(const struct fx_ref *subject, char out[SP_MAX_TAG + 1])
{
  sp_ref_referrers_tag(&subject->digest, out);
}

struct signed_image {
  struct fx_ref index;
  struct fx_ref referrers[2]; /* of the index: an SBOM, and a signature */
  struct fx_ref nested;       /* a signature of the SBOM */
};

/* Without the API the lists are indexes under fallback tags, as a client writes them. */
static void add_lists(struct sp_store *memory, const struct signed_image *s)
{
  char tag[SP_MAX_TAG + 1];
  struct fx_ref list = fx_add_index(memory, s->referrers, 2);
  fallback_tag(&s->index, tag);
  fx_tag(memory, tag, &list);
  list = fx_add_index(memory, &s->nested, 1);
  fallback_tag(&s->referrers[0], tag);
  fx_tag(memory, tag, &list);
}

static struct signed_image add_signed(struct sp_store *memory, bool native)
{
  struct signed_image s;
  sp_memory_set_native_referrers(memory, native);
  s.index = fx_add_usual(memory);
  s.referrers[0] = fx_add_image(memory, 11, 1, &s.index);
  s.referrers[1] = fx_add_image(memory, 12, 2, &s.index);
  s.nested = fx_add_image(memory, 13, 1, &s.referrers[0]);
  if (!native)
    add_lists(memory, &s);
  return s;
}

/* How many entries the list under the fallback tag has; 0: there is none. */
static size_t count_listed(struct sp_store *memory, const struct fx_ref *subject)
{
  char tag[SP_MAX_TAG + 1];
  fallback_tag(subject, tag);
  struct sp_digest digest = fx_named(memory, tag);
  if (digest.alg == SP_DIGEST_NONE)
    return 0;
  struct sp_err err = SP_ERR_INIT;
  struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  struct sp_manifest manifest = {0};
  assert_int_equal(sp_store_get_manifest(memory, &digest, &bytes, &err), 0);
  assert_int_equal(
      sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(bytes.media_type), &manifest, &err),
      0);
  size_t count = manifest.child_count;
  sp_manifest_clear(&manifest);
  sp_manifest_bytes_clear(&bytes);
  return count;
}

static size_t count_native(struct sp_store *memory, const struct fx_ref *subject)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_referrers list = {0};
  if (sp_store_list_referrers(memory, &subject->digest, &list, &err) < 0)
    return 0;
  size_t count = list.count;
  sp_referrers_clear(&list);
  return count;
}

static void check_there(struct sp_store *memory, const struct signed_image *s, bool native)
{
  for (size_t i = 0; i < 2; i++)
    assert_true(fx_is_whole(memory, &s->referrers[i].digest));
  assert_true(fx_is_whole(memory, &s->nested.digest));
  assert_int_equal(native ? count_native(memory, &s->index) : count_listed(memory, &s->index), 2);
  assert_int_equal(
      native ? count_native(memory, &s->referrers[0]) : count_listed(memory, &s->referrers[0]), 1);
  if (native)
    assert_int_equal(count_listed(memory, &s->index), 0);
}

static void test_all_combinations(void **state)
{
  (void)state;
  for (int from = 0; from < 2; from++) {
    for (int to = 0; to < 2; to++) {
      struct fx fx;
      fx_init(&fx, 1);
      struct signed_image s = add_signed(fx.memory[0], from);
      sp_memory_set_native_referrers(fx.memory[1], to);
      struct sp_report *report = fx_run(&fx);
      if (report->exit_status != 0)
        fail_msg("%d to %d: %s", from, to, report->places[0].err.msg);
      assert_int_equal(report->referrers, 3);
      check_there(fx.memory[1], &s, to);
      sp_report_free(report);
      fx_forget_log(&fx);
      assert_int_equal(fx_run_status(&fx), 0);
      assert_int_equal(fx_writes(&fx, 1), 0);
      fx_clear(&fx);
    }
  }
}

/* Lists go over as they are where the destination has none: with their blanks. */
static void test_list_is_byte_identical(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct signed_image s = add_signed(fx.memory[0], false);
  sp_memory_set_native_referrers(fx.memory[1], false);
  char a[512];
  char b[512];
  char text[FX_TEXT];
  fx_describe(&s.referrers[0], a, sizeof a);
  fx_describe(&s.referrers[1], b, sizeof b);
  snprintf(text, sizeof text,
           "{ \"manifests\": [ %s,\n %s ], \"schemaVersion\": 2, \"mediaType\": \"%s\" }", a, b,
           SP_MEDIA_OCI_INDEX);
  struct fx_ref list = fx_add_json(fx.memory[0], SP_MEDIA_OCI_INDEX, text);
  char tag[SP_MAX_TAG + 1];
  fallback_tag(&s.index, tag);
  fx_tag(fx.memory[0], tag, &list);
  assert_int_equal(fx_run_status(&fx), 0);
  struct sp_digest there = fx_named(fx.memory[1], tag);
  assert_true(sp_digest_eq(&list.digest, &there));
  fx_clear(&fx);
}

/* A registry with a stale cache takes the list and has nothing, until it comes as a blob. */
static void forget_lists(struct fx_spy *spy, const char *op, const char *subject)
{
  struct fx *fx = spy->after_ctx;
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest;
  if (strcmp(op, "put_manifest") != 0 || sp_digest_parse(sp_span_str(subject), &digest, &err) < 0)
    return;
  bool was_uploaded = false;
  for (size_t i = 0; i < fx->log.count; i++)
    was_uploaded = was_uploaded || (strcmp(fx->log.events[i].op, "finish") == 0 &&
                                    strcmp(fx->log.events[i].subject, subject) == 0);
  if (!was_uploaded)
    sp_memory_wipe(spy->store.inner, &digest);
}

static void test_stale_cache_of_lists(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct fx_ref image = fx_add_image(fx.memory[0], 1, 1, NULL);
  fx_tag(fx.memory[0], "latest", &image);
  fx_add_image(fx.memory[0], 2, 1, &image);
  sp_memory_set_native_referrers(fx.memory[1], false);
  fx.spy[1]->after = forget_lists;
  fx.spy[1]->after_ctx = &fx;
  assert_int_equal(fx_run_status(&fx), 0);
  assert_true(fx_has(fx.memory[1], "latest", &image));
  assert_int_equal(count_listed(fx.memory[1], &image), 1);
  fx_clear(&fx);
}

/* A list at the destination with entries of others keeps them. */
static void test_merges_with_entries_of_others(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct signed_image s = add_signed(fx.memory[0], false);
  sp_memory_set_native_referrers(fx.memory[1], false);
  struct fx_ref foreign = fx_add_image(fx.memory[1], 40, 1, &s.index);
  struct fx_ref list = fx_add_index(fx.memory[1], &foreign, 1);
  char tag[SP_MAX_TAG + 1];
  fallback_tag(&s.index, tag);
  fx_tag(fx.memory[1], tag, &list);
  assert_int_equal(fx_run_status(&fx), 0);
  assert_int_equal(count_listed(fx.memory[1], &s.index), 3);
  fx_forget_log(&fx);
  assert_int_equal(fx_run_status(&fx), 0);
  assert_int_equal(fx_writes(&fx, 1), 0);
  fx_clear(&fx);
}

/* Annotations of entries survive a source with the API and a destination without. */
static void test_keeps_annotations(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct signed_image s = add_signed(fx.memory[0], true);
  sp_memory_set_native_referrers(fx.memory[1], false);
  assert_int_equal(fx_run_status(&fx), 0);
  char tag[SP_MAX_TAG + 1];
  fallback_tag(&s.index, tag);
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = fx_named(fx.memory[1], tag);
  struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  assert_int_equal(sp_store_get_manifest(fx.memory[1], &digest, &bytes, &err), 0);
  assert_non_null(strstr(sp_buf_str(&bytes.bytes), "\"n\":\"11\""));
  assert_non_null(strstr(sp_buf_str(&bytes.bytes), "application/x-test"));
  sp_manifest_bytes_clear(&bytes);
  fx_clear(&fx);
}

/* The list names a manifest that is gone: the rest goes over, and it is told. */
static void test_listed_but_gone(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct signed_image s = add_signed(fx.memory[0], false);
  sp_memory_set_native_referrers(fx.memory[1], false);
  assert_true(sp_memory_wipe(fx.memory[0], &s.referrers[1].digest));
  struct sp_report *report = fx_run(&fx);
  assert_int_equal(report->exit_status, 0);
  assert_true(fx_has_note(report, "listed but not stored"));
  assert_int_equal(count_listed(fx.memory[1], &s.index), 1);
  sp_report_free(report);
  fx_clear(&fx);
}

static void test_cosign_tags(void **state)
{
  (void)state;
  static const char *const suffixes[] = {".sig", ".att", ".sbom"};
  struct fx fx;
  fx_init(&fx, 1);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  char base[SP_MAX_TAG + 1];
  char tag[SP_MAX_TAG + 8];
  fallback_tag(&index, base);
  struct fx_ref signatures[3];
  for (unsigned i = 0; i < 3; i++) {
    signatures[i] = fx_add_image(fx.memory[0], 30 + i, 1, NULL);
    snprintf(tag, sizeof tag, "%s%s", base, suffixes[i]);
    fx_tag(fx.memory[0], tag, &signatures[i]);
  }
  assert_int_equal(fx_run_status(&fx), 0);
  size_t latest_at = 0;
  for (size_t i = 0; i < fx.log.count; i++) {
    const struct fx_event *e = &fx.log.events[i];
    if (strcmp(e->op, "set_tags") == 0)
      latest_at = strcmp(e->subject, "latest") == 0 ? i : 0;
  }
  assert_true(latest_at > 0); /* nothing came after it */
  for (unsigned i = 0; i < 3; i++) {
    snprintf(tag, sizeof tag, "%s%s", base, suffixes[i]);
    assert_true(fx_has(fx.memory[1], tag, &signatures[i]));
  }
  fx_forget_log(&fx);
  assert_int_equal(fx_run_status(&fx), 0);
  assert_int_equal(fx_writes(&fx, 1), 0);
  fx_clear(&fx);
}

static void test_no_referrers(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct signed_image s = add_signed(fx.memory[0], true);
  struct sp_transfer job;
  struct sp_transfer_destination to[FX_PLACES];
  fx_fill(&fx, &job, to);
  job.with_referrers = false;
  struct sp_report *report = fx_run_job(&job);
  assert_int_equal(report->exit_status, 0);
  assert_int_equal(report->referrers, 0);
  assert_false(fx_is_whole(fx.memory[1], &s.referrers[0].digest));
  assert_int_equal(fx_count(&fx, 0, "list_referrers"), 0);
  sp_report_free(report);
  fx_clear(&fx);
}

/* A source without the API is asked for it once a round at most per thread, then never again. */
static void test_remembers_that_there_is_no_api(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  add_signed(fx.memory[0], false);
  assert_int_equal(fx_run_status(&fx), 0);
  /* 3 manifests in the first round, 2 in the second, 1 in the third */
  assert_in_range(fx_count(&fx, 0, "list_referrers"), 1, 3);
  fx_clear(&fx);
}

/* A look-up that fails is no "there are none". */
static void test_failed_lookup(void **state)
{
  (void)state;
  static const char *const ops[] = {"list_referrers", "resolve"};
  for (size_t i = 0; i < 2; i++) {
    struct fx fx;
    fx_init(&fx, 1);
    add_signed(fx.memory[0], true);
    fx.spy[0]->fault = (struct fx_fault){.op = ops[i], .nth = 3, .code = SP_E_SERVER};
    struct sp_report *report = fx_run(&fx);
    assert_int_equal(report->exit_status, 4);
    assert_int_equal(fx_writes(&fx, 1), 0);
    sp_report_free(report);
    fx_clear(&fx);
  }
}

/* Signatures of signatures of ... end at the limit. */
static void test_endless_chain(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct fx_ref subject = fx_add_usual(fx.memory[0]);
  for (unsigned i = 0; i < SP_MAX_GRAPH_DEPTH + 1; i++)
    subject = fx_add_image(fx.memory[0], 200 + i, 1, &subject);
  struct sp_report *report = fx_run(&fx);
  assert_int_equal(report->err.code, SP_E_LIMIT);
  assert_int_equal(fx_writes(&fx, 1), 0);
  sp_report_free(report);
  fx_clear(&fx);
}

static size_t put_at(const struct fx *fx, const struct fx_ref *ref)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&ref->digest, text);
  for (size_t i = 0; i < fx->log.count; i++) {
    const struct fx_event *e = &fx->log.events[i];
    if (e->place == 1 && strcmp(e->op, "put_manifest") == 0 && strcmp(e->subject, text) == 0)
      return i;
  }
  fail_msg("%s was not put", text);
  return 0;
}

/* An image without its signature is better than a signature without its image. */
static void test_subject_before_referrer(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct signed_image s = add_signed(fx.memory[0], true);
  assert_int_equal(fx_run_status(&fx), 0);
  assert_true(put_at(&fx, &s.index) < put_at(&fx, &s.referrers[0]));
  assert_true(put_at(&fx, &s.index) < put_at(&fx, &s.referrers[1]));
  assert_true(put_at(&fx, &s.referrers[0]) < put_at(&fx, &s.nested));
  fx_clear(&fx);
}

/* A registry that got its API later learns of a manifest by another put. */
static void test_api_that_came_later(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  add_signed(fx.memory[0], true);
  assert_int_equal(fx_run_status(&fx), 0);
  fx.spy[1]->hides_referrers = true;
  fx_forget_log(&fx);
  assert_int_equal(fx_run_status(&fx), 0);
  assert_int_equal(fx_count(&fx, 1, "put_manifest"), 3);
  fx_clear(&fx);
}

/* -- a destination whose API leaves out what it should list */

static void test_list_that_leaves_out(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct signed_image s = add_signed(fx.memory[0], true);
  /* the referrer has no subject: no API can know of it, only a list can name it */
  struct fx_ref stray = fx_add_image(fx.memory[0], 45, 1, NULL);
  struct fx_ref list = fx_add_index(fx.memory[0], &stray, 1);
  char tag[SP_MAX_TAG + 1];
  fallback_tag(&s.nested, tag);
  fx_tag(fx.memory[0], tag, &list);
  sp_memory_set_native_referrers(fx.memory[0], false);
  add_lists(fx.memory[0], &s);
  for (int run = 0; run < 2; run++) {
    assert_int_equal(fx_run_status(&fx), 0);
    assert_int_equal(count_listed(fx.memory[1], &s.nested), 1);
    assert_true(fx_is_whole(fx.memory[1], &stray.digest));
  }
  fx_clear(&fx);
}

/* More than are looked up at once, each with one of its own. */
static void test_many(void **state)
{
  (void)state;
  enum { MANY = 300 };
  struct fx fx;
  fx_init(&fx, 1);
  sp_memory_set_native_referrers(fx.memory[0], true);
  sp_memory_set_native_referrers(fx.memory[1], true);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  struct fx_ref last = {0};
  for (unsigned i = 0; i < MANY; i++) {
    struct fx_ref referrer = fx_add_image(fx.memory[0], 1000 + i, 0, &index);
    last = fx_add_image(fx.memory[0], 5000 + i, 0, &referrer);
    assert_int_equal(count_native(fx.memory[0], &referrer), 1);
  }
  struct sp_report *report = fx_run(&fx);
  assert_int_equal(report->exit_status, 0);
  assert_int_equal(report->referrers, 2 * MANY);
  assert_int_equal(count_native(fx.memory[1], &index), MANY);
  assert_true(fx_is_whole(fx.memory[1], &last.digest));
  sp_report_free(report);
  fx_clear(&fx);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_combinations),
      cmocka_unit_test(test_list_is_byte_identical),
      cmocka_unit_test(test_stale_cache_of_lists),
      cmocka_unit_test(test_merges_with_entries_of_others),
      cmocka_unit_test(test_keeps_annotations),
      cmocka_unit_test(test_listed_but_gone),
      cmocka_unit_test(test_cosign_tags),
      cmocka_unit_test(test_no_referrers),
      cmocka_unit_test(test_remembers_that_there_is_no_api),
      cmocka_unit_test(test_failed_lookup),
      cmocka_unit_test(test_endless_chain),
      cmocka_unit_test(test_subject_before_referrer),
      cmocka_unit_test(test_api_that_came_later),
      cmocka_unit_test(test_list_that_leaves_out),
      cmocka_unit_test(test_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
