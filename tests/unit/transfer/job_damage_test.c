/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations that lost or changed what they had, registries that keep bad bytes, and a bad
 * source. */
#include "fixture.h"

static struct sp_digest layer_of(struct sp_store *memory, const struct fx_ref *index)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  struct sp_manifest manifest = {0};
  assert_int_equal(sp_store_get_manifest(memory, &index->digest, &bytes, &err), 0);
  assert_int_equal(
      sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(bytes.media_type), &manifest, &err),
      0);
  struct sp_digest digest = manifest.is_index ? manifest.children[0].digest
                                              : manifest.blobs[manifest.blob_count - 1].digest;
  bool is_index = manifest.is_index;
  sp_manifest_clear(&manifest);
  sp_manifest_bytes_clear(&bytes);
  if (!is_index)
    return digest;
  return layer_of(memory, &(struct fx_ref){.digest = digest});
}

static void test_heals_wiped_and_short(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 2);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  struct sp_digest layer = layer_of(fx.memory[0], &index);
  for (int round = 0; round < 3; round++) {
    assert_int_equal(fx_run_status(&fx), 0);
    assert_true(fx_has(fx.memory[1], "latest", &index));
    if (round == 0)
      assert_true(sp_memory_wipe(fx.memory[1], &layer));
    if (round == 1)
      assert_true(sp_memory_truncate(fx.memory[1], &layer, 10));
    assert_true(round == 2 || !fx_has(fx.memory[1], "latest", &index));
  }
  fx_clear(&fx);
}

static void test_heals_manifests(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  for (int round = 0; round < 4; round++) {
    assert_int_equal(fx_run_status(&fx), 0);
    assert_true(fx_has(fx.memory[1], "latest", &index));
    if (round == 0)
      assert_true(sp_memory_wipe(fx.memory[1], &index.digest));
    if (round == 1)
      assert_true(sp_memory_truncate(fx.memory[1], &index.digest, 10));
    if (round == 2)
      assert_true(sp_memory_flip(fx.memory[1], &index.digest, 10));
    assert_true(round == 3 || !fx_has(fx.memory[1], "latest", &index));
  }
  fx_clear(&fx);
}

/* A registry that keeps bad bytes whatever is sent (docker-registry 2.8 after a full disk). */
struct stubborn {
  struct sp_store *memory;
  const char *op;
  struct sp_digest digest;
  bool short_bytes;
};

static void keep_bad(struct fx_spy *spy, const char *op, const char *subject)
{
  struct stubborn *stubborn = spy->after_ctx;
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&stubborn->digest, text);
  if (strcmp(op, stubborn->op) != 0 || strcmp(subject, text) != 0)
    return;
  if (stubborn->short_bytes)
    sp_memory_truncate(stubborn->memory, &stubborn->digest, 3);
  else
    sp_memory_flip(stubborn->memory, &stubborn->digest, 3);
}

static void check_kept_bad(struct fx *fx, const struct sp_digest *digest, const char *what)
{
  struct fx_ref old = fx_add_image(fx->memory[1], 50, 1, NULL);
  fx_tag(fx->memory[1], "latest", &old);
  struct sp_report *report = fx_run(fx);
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  assert_int_equal(report->exit_status, 5);
  assert_int_equal(report->places[0].err.code, SP_E_DIGEST);
  assert_non_null(strstr(report->places[0].err.msg, text));
  assert_non_null(strstr(report->places[0].err.msg, "remove"));
  assert_int_equal(report->places[0].damage_count, 1);
  assert_string_equal(report->places[0].damage[0].digest, text);
  assert_string_equal(report->places[0].damage[0].what, what);
  assert_string_equal(report->places[0].damage[0].finding, SP_FINDING_KEPT_BAD);
  assert_int_equal(fx_result(report, 0, "latest"), SP_TAG_NOT_SET);
  assert_true(fx_has(fx->memory[1], "latest", &old));
  assert_int_equal(fx_result(report, 1, "latest"), SP_TAG_SET);
  sp_report_free(report);
}

static void test_poisoned_manifest(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 2);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  struct stubborn stubborn = {fx.memory[1], "put_manifest", index.digest, false};
  sp_digest_format(&index.digest, fx.spy[1]->refused_blob);
  fx.spy[1]->after = keep_bad;
  fx.spy[1]->after_ctx = &stubborn;
  check_kept_bad(&fx, &index.digest, "index");
  fx_clear(&fx);
}

/* A registry with a stale cache: it takes the manifest and writes nothing, until an upload as a
 * blob puts the bytes there. */
static void forget_put(struct fx_spy *spy, const char *op, const char *subject)
{
  struct stubborn *stubborn = spy->after_ctx;
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&stubborn->digest, text);
  if (strcmp(subject, text) != 0)
    return;
  if (strcmp(op, "finish") == 0)
    stubborn->short_bytes = true; /* healed */
  if (strcmp(op, "put_manifest") == 0 && !stubborn->short_bytes)
    sp_memory_wipe(stubborn->memory, &stubborn->digest);
}

static void test_stale_cache_of_manifests(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  struct stubborn stubborn = {fx.memory[1], "put_manifest", index.digest, false};
  fx.spy[1]->after = forget_put;
  fx.spy[1]->after_ctx = &stubborn;
  assert_int_equal(fx_run_status(&fx), 0);
  assert_true(fx_has(fx.memory[1], "latest", &index));
  fx_clear(&fx);
}

static void test_blob_kept_bad(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 2);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  assert_int_equal(fx_run_status(&fx), 0);
  struct stubborn stubborn = {fx.memory[1], "finish", layer_of(fx.memory[0], &index), true};
  assert_true(sp_memory_truncate(fx.memory[1], &stubborn.digest, 3));
  fx.spy[1]->after = keep_bad;
  fx.spy[1]->after_ctx = &stubborn;
  struct sp_transfer job;
  struct sp_transfer_destination to[FX_PLACES];
  static const char *const tag = "v2";
  fx_fill(&fx, &job, to);
  to[0].tags = &tag;
  to[0].tag_count = 1;
  struct sp_report *report = fx_run_job(&job);
  assert_int_equal(report->exit_status, 5);
  assert_string_equal(report->places[0].damage[0].finding, SP_FINDING_KEPT_BAD);
  assert_int_equal(fx_result(report, 0, "v2"), SP_TAG_NOT_SET);
  assert_int_equal(fx_named(fx.memory[1], "v2").alg, SP_DIGEST_NONE);
  sp_report_free(report);
  fx_clear(&fx);
}

static void test_bad_source(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 2);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  struct sp_digest layer = layer_of(fx.memory[0], &index);
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&layer, text);
  assert_true(sp_memory_flip(fx.memory[0], &layer, 100));
  struct sp_report *report = fx_run(&fx);
  assert_int_equal(report->exit_status, 5);
  assert_int_equal(report->err.code, SP_E_DIGEST);
  assert_non_null(strstr(report->err.msg, text));
  for (size_t i = 1; i <= 2; i++) {
    assert_int_equal(fx_named(fx.memory[i], "latest").alg, SP_DIGEST_NONE);
    assert_int_equal(fx_count(&fx, (int)i, "put_manifest"), 0);
    assert_int_equal(fx_result(report, i - 1, "latest"), SP_TAG_NOT_SET);
  }
  sp_report_free(report);
  fx_clear(&fx);
}

/* MANIFEST_BLOB_UNKNOWN though everything seemed to be there: everything is sent once more, and
 * again; what is lost then has a collector at work. */
static void test_second_round(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 2);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  for (unsigned times = 1; times <= 3; times++) {
    struct fx_ref next = fx_add_image(fx.memory[0], 60 + times, 3, NULL);
    fx_tag(fx.memory[0], "latest", &next);
    fx.spy[1]->matched = 0;
    fx.spy[1]->fault = (struct fx_fault){
        .op = "put_manifest", .nth = 1, .times = times, .code = SP_E_BLOB_UNKNOWN};
    fx_forget_log(&fx);
    struct sp_report *report = fx_run(&fx);
    assert_int_equal(report->exit_status, times < 3 ? 0 : 5);
    assert_int_equal(fx_has(fx.memory[1], "latest", &next), times < 3);
    assert_true(fx_has(fx.memory[2], "latest", &next));
    /* the second image shares a layer with the first */
    assert_int_equal(fx_count(&fx, 1, "finish"), times == 1 ? 4 + 4 : 3 + 4 + 4);
    assert_int_equal(fx_count(&fx, 2, "finish"), times == 1 ? 4 : 3);
    if (times == 3)
      assert_non_null(strstr(report->places[0].err.msg, "garbage collection"));
    sp_report_free(report);
  }
  (void)index;
  fx_clear(&fx);
}

/* The second round does not mount either: what a sibling seems to have may be what is stale. */
static void test_second_round_mounts_nothing(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 2);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  sp_memory_set_group(fx.memory[1], "hub");
  sp_memory_set_group(fx.memory[2], "hub");
  fx.spy[2]->fault =
      (struct fx_fault){.op = "put_manifest", .nth = 1, .times = 1, .code = SP_E_BLOB_UNKNOWN};
  assert_int_equal(fx_run_status(&fx), 0);
  assert_int_equal(fx_count(&fx, 2, "mount_blob"), 8);
  assert_int_equal(fx_count(&fx, 2, "finish"), 8);
  assert_true(fx_has(fx.memory[2], "latest", &index));
  fx_clear(&fx);
}

/* A mount brings what the sibling has: short bytes are noticed, and then the source is at fault. */
static void test_mount_of_short_bytes(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  struct sp_digest layer = layer_of(fx.memory[0], &index);
  sp_memory_set_group(fx.memory[0], "hub");
  sp_memory_set_group(fx.memory[1], "hub");
  assert_true(sp_memory_truncate(fx.memory[0], &layer, 10));
  struct sp_report *report = fx_run(&fx);
  assert_int_not_equal(report->exit_status, 0);
  assert_int_equal(fx_named(fx.memory[1], "latest").alg, SP_DIGEST_NONE);
  sp_report_free(report);
  fx_clear(&fx);
}

/* Fault 11: reading by digest decides what a put did, not its answer. */
static void test_lost_answer_to_a_put(void **state)
{
  (void)state;
  for (unsigned nth = 1; nth <= 3; nth++) {
    struct fx fx;
    fx_init(&fx, 1);
    struct fx_ref index = fx_add_usual(fx.memory[0]);
    fx.spy[1]->fault = (struct fx_fault){
        .op = "put_manifest", .nth = nth, .times = 1, .after = true, .code = SP_E_NETWORK};
    struct sp_report *report = fx_run(&fx);
    assert_int_equal(report->exit_status, 0);
    assert_int_equal(report->places[0].manifests_put, 3);
    assert_int_equal(fx_count(&fx, 1, "put_manifest"), 3); /* not put twice blindly */
    assert_true(fx_has(fx.memory[1], "latest", &index));
    sp_report_free(report);
    fx_clear(&fx);
  }
}

/* Fault 10: a blob whose bytes all went, and then no answer came, is asked for and not sent again.
 */
static void test_lost_answer_to_a_blob(void **state)
{
  (void)state;
  for (int is_there = 0; is_there < 2; is_there++) {
    struct fx fx;
    fx_init(&fx, 1);
    struct fx_ref index = fx_add_usual(fx.memory[0]);
    fx.spy[1]->fault = (struct fx_fault){
        .op = "finish", .nth = 3, .times = 1, .after = is_there, .code = SP_E_NETWORK};
    assert_int_equal(fx_run_status(&fx), is_there ? 0 : 4); /* nothing is tried again here */
    assert_true(!is_there || fx_count(&fx, 1, "finish") == 8);
    assert_int_equal(fx_has(fx.memory[1], "latest", &index), is_there);
    fx_clear(&fx);
  }
}

/* A store that ignores Range can only claim: what this run did not send is read to the end. */
static void test_claims_are_read(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  fx.spy[1]->ignores_range = true;
  assert_int_equal(fx_run_status(&fx), 0);
  assert_int_equal(fx_count(&fx, 1, "open_read"), 0);
  struct sp_report *report = fx_run(&fx);
  assert_int_equal(report->exit_status, 0);
  assert_string_equal(report->places[0].proof, "read");
  assert_int_equal(fx_count(&fx, 1, "open_read"), 8);
  sp_report_free(report);
  /* and rot is found on the way, and healed by the second round */
  struct sp_digest layer = layer_of(fx.memory[0], &index);
  assert_true(sp_memory_flip(fx.memory[1], &layer, 5));
  assert_int_equal(fx_run_status(&fx), 0);
  assert_true(fx_has(fx.memory[1], "latest", &index));
  fx_clear(&fx);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_heals_wiped_and_short),
      cmocka_unit_test(test_heals_manifests),
      cmocka_unit_test(test_poisoned_manifest),
      cmocka_unit_test(test_stale_cache_of_manifests),
      cmocka_unit_test(test_blob_kept_bad),
      cmocka_unit_test(test_bad_source),
      cmocka_unit_test(test_second_round),
      cmocka_unit_test(test_second_round_mounts_nothing),
      cmocka_unit_test(test_mount_of_short_bytes),
      cmocka_unit_test(test_lost_answer_to_a_put),
      cmocka_unit_test(test_lost_answer_to_a_blob),
      cmocka_unit_test(test_claims_are_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
