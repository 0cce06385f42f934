/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "fixture.h"

static void test_publishes_everywhere(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 3);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  struct sp_report *report = fx_run(&fx);
  assert_int_equal(report->exit_status, 0);
  for (size_t i = 1; i <= 3; i++) {
    for (size_t t = 0; t < FX_TAG_COUNT; t++) {
      assert_true(fx_has(fx.memory[i], fx_tags[t], &index));
      assert_int_equal(fx_result(report, i - 1, fx_tags[t]), SP_TAG_SET);
    }
    assert_string_equal(report->places[i - 1].proof, "touched");
    assert_int_equal(report->places[i - 1].blobs_total, 8);
    assert_int_equal(report->places[i - 1].blobs_sent, 8);
    assert_int_equal(report->places[i - 1].manifests_put, 3);
  }
  /* the order in which they were set */
  assert_string_equal(report->places[0].tags[0].name, "v1.2.3");
  assert_string_equal(report->places[0].tags[1].name, "main");
  assert_string_equal(report->places[0].tags[2].name, "latest");
  assert_string_equal(report->places[0].tags[0].digest_before, "");
  sp_report_free(report);
  fx_clear(&fx);
}

/* Every blob is read once, whatever the number of destinations. */
static void test_reads_once(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 3);
  fx_add_usual(fx.memory[0]);
  struct sp_report *report = fx_run(&fx);
  assert_int_equal(fx_count(&fx, 0, "open_read"), 8);
  assert_int_equal(report->repeated_reads, 0);
  uint64_t total = report->size_bytes;
  for (size_t i = 0; i < fx.log.count; i++) {
    if (fx.log.events[i].place == 0 && strcmp(fx.log.events[i].op, "open_read") == 0)
      assert_int_equal(fx.log.events[i].code, SP_OK);
  }
  assert_true(report->bytes_read < total && report->bytes_read > total / 2);
  sp_report_free(report);
  fx_clear(&fx);
}

/* -- I2: in every prefix of the log */

struct order {
  size_t tags_set[FX_PLACES];
  bool latest_set[FX_PLACES];
  bool any_tag;
};

static bool was_done(const struct fx *fx, size_t before, int place, const char *op,
                     const struct sp_digest *digest)
{
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  for (size_t i = 0; i < before; i++) {
    const struct fx_event *e = &fx->log.events[i];
    if (e->place == place && e->code == SP_OK && strcmp(e->op, op) == 0 &&
        strcmp(e->subject, text) == 0)
      return true;
  }
  return false;
}

/* The whole closure was put and read back, children first, before event `before`. */
static void assert_read_back(const struct fx *fx, size_t before, int place,
                             const struct sp_digest *digest)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  struct sp_manifest manifest = {0};
  assert_true(was_done(fx, before, place, "get_manifest", digest));
  assert_int_equal(sp_store_get_manifest(fx->memory[0], digest, &bytes, &err), 0);
  assert_int_equal(
      sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(bytes.media_type), &manifest, &err),
      0);
  size_t put = before;
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  for (size_t i = 0; i < before; i++) {
    const struct fx_event *e = &fx->log.events[i];
    if (e->place == place && strcmp(e->op, "put_manifest") == 0 && strcmp(e->subject, text) == 0)
      put = i;
  }
  for (size_t i = 0; i < manifest.child_count; i++)
    assert_read_back(fx, put, place, &manifest.children[i].digest);
  for (size_t i = 0; i < manifest.blob_count; i++)
    assert_true(was_done(fx, put, place, "finish", &manifest.blobs[i].digest));
  sp_manifest_clear(&manifest);
  sp_manifest_bytes_clear(&bytes);
}

static void see_tag(const struct fx *fx, struct order *order, size_t i,
                    const struct sp_digest *root)
{
  const struct fx_event *e = &fx->log.events[i];
  assert_false(order->latest_set[e->place]);
  order->latest_set[e->place] = strcmp(e->subject, "latest") == 0;
  order->tags_set[e->place]++;
  order->any_tag = true;
  assert_read_back(fx, i, e->place, root);
}

static void test_order(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 3);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  assert_int_equal(fx_run_status(&fx), 0);
  struct order order = {0};
  for (size_t i = 0; i < fx.log.count; i++) {
    const char *op = fx.log.events[i].op;
    if (strcmp(op, "set_tags") == 0)
      see_tag(&fx, &order, i, &index.digest);
    /* content everywhere first */
    bool is_content = strcmp(op, "put_manifest") == 0 || strcmp(op, "begin_write") == 0 ||
                      strcmp(op, "finish") == 0;
    assert_false(is_content && order.any_tag);
  }
  for (size_t i = 1; i <= 3; i++) {
    assert_int_equal(order.tags_set[i], 3);
    assert_true(order.latest_set[i]);
  }
  fx_clear(&fx);
}

static void test_second_run_writes_nothing(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 2);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  fx_add_image(fx.memory[0], 5, 2, &index);
  assert_int_equal(fx_run_status(&fx), 0);
  fx_forget_log(&fx);
  struct sp_report *report = fx_run(&fx);
  assert_int_equal(report->exit_status, 0);
  for (int i = 1; i <= 2; i++) {
    assert_int_equal(fx_writes(&fx, i), 0);
    assert_int_equal(fx_result(report, (size_t)i - 1, "latest"), SP_TAG_ALREADY);
    assert_string_equal(report->places[i - 1].proof, "touched");
    assert_int_equal(report->places[i - 1].blobs_present, report->places[i - 1].blobs_total);
    assert_int_equal(fx_count(&fx, i, "check_blob"), report->places[i - 1].blobs_total);
    assert_int_equal(fx_count(&fx, i, "get_manifest"), 4);
  }
  assert_int_equal(fx_count(&fx, 0, "open_read"), 0);
  sp_report_free(report);
  fx_clear(&fx);
}

static void test_dry_run_writes_nothing(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 2);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  struct sp_transfer job;
  struct sp_transfer_destination to[FX_PLACES];
  fx_fill(&fx, &job, to);
  job.dry_run = true;
  struct sp_report *report = fx_run_job(&job);
  assert_int_equal(report->exit_status, 0);
  assert_true(report->dry_run);
  for (int i = 1; i <= 2; i++) {
    assert_int_equal(fx_writes(&fx, i), 0);
    assert_int_equal(fx_result(report, (size_t)i - 1, "latest"), SP_TAG_PLANNED);
    assert_int_equal(report->places[i - 1].blobs_to_send, 8);
    assert_true(report->places[i - 1].requests_planned > 8);
    assert_int_equal(report->places[i - 1].blobs_sent, 0);
  }
  assert_int_equal(fx_count(&fx, 0, "open_read"), 0);
  sp_report_free(report);
  job.dry_run = false;
  sp_report_free(fx_run_job(&job));
  job.dry_run = true;
  report = fx_run_job(&job);
  assert_int_equal(fx_result(report, 0, "latest"), SP_TAG_ALREADY);
  assert_int_equal(report->places[0].blobs_to_send, 0);
  sp_report_free(report);
  assert_true(fx_has(fx.memory[1], "latest", &index));
  fx_clear(&fx);
}

static void test_atomic(void **state)
{
  (void)state;
  for (int atomic = 0; atomic < 2; atomic++) {
    struct fx fx;
    fx_init(&fx, 2);
    struct fx_ref index = fx_add_usual(fx.memory[0]);
    struct fx_ref signature = fx_add_image(fx.memory[0], 9, 1, NULL);
    char cosign[SP_MAX_TAG + 1];
    sp_ref_referrers_tag(&index.digest, cosign);
    snprintf(cosign + strlen(cosign), sizeof cosign - strlen(cosign), ".sig");
    fx_tag(fx.memory[0], cosign, &signature);
    struct sp_transfer job;
    struct sp_transfer_destination to[FX_PLACES];
    fx_fill(&fx, &job, to);
    job.atomic = atomic;
    fx.spy[2]->fault = (struct fx_fault){.op = "put_manifest", .nth = 3, .code = SP_E_STORE_FULL};
    struct sp_report *report = fx_run_job(&job);
    assert_int_equal(report->exit_status, 1);
    assert_int_equal(fx_has(fx.memory[1], "latest", &index), !atomic);
    assert_int_equal(fx_has(fx.memory[1], cosign, &signature), !atomic);
    assert_int_equal(fx_result(report, 0, "latest"), atomic ? SP_TAG_NOT_SET : SP_TAG_SET);
    assert_int_equal(fx_has_note(report, "--atomic"), atomic);
    assert_int_equal(fx_named(fx.memory[2], "latest").alg, SP_DIGEST_NONE);
    sp_report_free(report);
    fx_clear(&fx);
  }
}

static void test_mounts_between_siblings(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 3);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  sp_memory_set_group(fx.memory[1], "hub");
  sp_memory_set_group(fx.memory[2], "hub");
  sp_memory_set_group(fx.memory[3], "hub");
  struct sp_report *report = fx_run(&fx);
  assert_int_equal(report->exit_status, 0);
  assert_int_equal(report->places[0].blobs_sent, 8);
  for (size_t i = 1; i < 3; i++) {
    assert_int_equal(report->places[i].blobs_mounted, 8);
    assert_int_equal(report->places[i].blobs_sent, 0);
    assert_int_equal(report->places[i].bytes_sent, 0);
    assert_true(fx_has(fx.memory[i + 1], "latest", &index));
    assert_int_equal(fx_count(&fx, (int)i + 1, "check_blob"), 16); /* every mount is proven */
  }
  sp_report_free(report);
  fx_clear(&fx);
}

/* A mount that fails, or does nothing, is a blob to send. */
static void test_mount_that_fails(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 2);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  sp_memory_set_group(fx.memory[1], "hub");
  sp_memory_set_group(fx.memory[2], "hub");
  fx.spy[2]->fault = (struct fx_fault){.op = "mount_blob", .nth = 1, .code = SP_E_AUTH};
  assert_int_equal(fx_run_status(&fx), 0);
  assert_true(fx_has(fx.memory[2], "latest", &index));
  assert_int_equal(fx_count(&fx, 2, "finish"), 8);
  fx_clear(&fx);
}

/* -- re-reads */

static void test_failed_ends_share_one_more_read(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 3);
  struct fx_ref image = fx_add_image(fx.memory[0], 1, 1, NULL);
  fx_tag(fx.memory[0], "latest", &image);
  for (int i = 1; i <= 2; i++)
    fx.spy[i]->fault =
        (struct fx_fault){.op = "finish", .nth = 1, .times = 1, .code = SP_E_NETWORK};
  struct sp_transfer job;
  struct sp_transfer_destination to[FX_PLACES];
  fx_fill(&fx, &job, to);
  job.retry.retry_for_ms = 5000;
  struct sp_report *report = fx_run_job(&job);
  assert_int_equal(report->exit_status, 0);
  assert_in_range(report->repeated_reads, 1, 2); /* 1 if both failed at the same blob */
  assert_int_equal(fx_count(&fx, 0, "open_read"), 2 + report->repeated_reads);
  assert_int_equal(fx_count(&fx, 3, "finish"), 2);
  sp_report_free(report);
  fx_clear(&fx);
}

static void test_second_read_from_a_local_destination(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 2);
  struct fx_ref image = fx_add_image(fx.memory[0], 1, 1, NULL);
  fx_tag(fx.memory[0], "latest", &image);
  fx.spy[2]->store.is_local = true;
  fx.spy[1]->fault = (struct fx_fault){.op = "finish", .nth = 1, .times = 2, .code = SP_E_NETWORK};
  struct sp_transfer job;
  struct sp_transfer_destination to[FX_PLACES];
  fx_fill(&fx, &job, to);
  job.retry.retry_for_ms = 5000;
  struct sp_report *report = fx_run_job(&job);
  assert_int_equal(report->exit_status, 0);
  assert_int_equal(report->repeated_reads, 0);
  assert_int_equal(fx_count(&fx, 0, "open_read"), 2);
  assert_true(fx_count(&fx, 2, "open_read") >= 1);
  sp_report_free(report);
  fx_clear(&fx);
}

static void flip_after_finish(struct fx_spy *spy, const char *op, const char *subject)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest;
  if (strcmp(op, "finish") != 0)
    return;
  assert_int_equal(sp_digest_parse(sp_span_str(subject), &digest, &err), 0);
  sp_memory_flip(spy->store.inner, &digest, 1);
}

/* A destination that turns out to be bad is no source. */
static void test_second_read_falls_back_to_the_source(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 2);
  struct fx_ref image = fx_add_image(fx.memory[0], 1, 1, NULL);
  fx_tag(fx.memory[0], "latest", &image);
  fx.spy[2]->store.is_local = true;
  fx.spy[2]->after = flip_after_finish;
  fx.spy[1]->fault = (struct fx_fault){.op = "finish", .nth = 1, .times = 2, .code = SP_E_NETWORK};
  struct sp_transfer job;
  struct sp_transfer_destination to[FX_PLACES];
  fx_fill(&fx, &job, to);
  job.retry.retry_for_ms = 5000;
  struct sp_report *report = fx_run_job(&job);
  assert_int_equal(report->exit_status, 0);
  assert_true(report->repeated_reads >= 1);
  assert_true(fx_has(fx.memory[1], "latest", &image));
  sp_report_free(report);
  fx_clear(&fx);
}

/* A destination that calls our bytes wrong, which we had hashed, is sent them once more. */
static void test_wrong_digest_at_an_end(void **state)
{
  (void)state;
  for (unsigned times = 0; times < 2; times++) {
    struct fx fx;
    fx_init(&fx, 2);
    struct fx_ref index = fx_add_usual(fx.memory[0]);
    fx.spy[1]->fault =
        (struct fx_fault){.op = "finish", .nth = 1, .times = times, .code = SP_E_DIGEST};
    struct sp_transfer job;
    struct sp_transfer_destination to[FX_PLACES];
    fx_fill(&fx, &job, to);
    job.retry.retry_for_ms = 2000;
    struct sp_report *report = fx_run_job(&job);
    assert_int_equal(report->exit_status, times ? 0 : 5);
    assert_int_equal(fx_has(fx.memory[1], "latest", &index), times);
    assert_true(fx_has(fx.memory[2], "latest", &index));
    sp_report_free(report);
    fx_clear(&fx);
  }
}

/* -- the source's tag */

static void move_tag(struct fx_spy *spy, const char *op, const char *subject)
{
  (void)subject;
  if (strcmp(op, "open_read") == 0)
    fx_tag(spy->store.inner, "latest", spy->after_ctx);
}

static void test_tag_moves_meanwhile(void **state)
{
  (void)state;
  struct fx fx;
  fx_init(&fx, 1);
  struct fx_ref index = fx_add_usual(fx.memory[0]);
  struct fx_ref other = fx_add_image(fx.memory[0], 70, 2, NULL);
  fx.spy[0]->after = move_tag;
  fx.spy[0]->after_ctx = &other;
  struct sp_report *report = fx_run(&fx);
  assert_int_equal(report->exit_status, 0);
  assert_true(fx_has(fx.memory[1], "latest", &index));
  assert_true(fx_has_note(report, "moved at the source"));
  sp_report_free(report);
  fx_clear(&fx);
}

/* -- interrupted */

struct interrupting {
  struct sp_cancel *cancel;
  enum sp_event_kind at;
};

static void interrupt(void *ctx, const struct sp_event *event)
{
  struct interrupting *it = ctx;
  if (event->kind == it->at)
    sp_cancel_request(it->cancel, SIGTERM);
}

static void test_interrupted(void **state)
{
  (void)state;
  static const enum sp_event_kind kinds[] = {SP_EVENT_STEP, SP_EVENT_PLAN, SP_EVENT_BLOB_BEGIN,
                                             SP_EVENT_BLOB_END, SP_EVENT_MANIFEST};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    struct fx fx;
    fx_init(&fx, 2);
    fx_add_usual(fx.memory[0]);
    struct sp_err err = SP_ERR_INIT;
    struct interrupting it = {.at = kinds[i]};
    assert_int_equal(sp_cancel_new(&it.cancel, &err), 0);
    struct sp_transfer job;
    struct sp_transfer_destination to[FX_PLACES];
    fx_fill(&fx, &job, to);
    job.cancel = it.cancel;
    job.progress = interrupt;
    job.progress_ctx = &it;
    struct sp_report *report = fx_run_job(&job);
    assert_int_equal(report->exit_status, 143);
    assert_int_equal(report->err.code, SP_E_INTERRUPTED);
    assert_int_equal(report->places[1].tag_count, 3);
    fx_assert_closed(fx.memory[1]);
    sp_report_free(report);
    sp_cancel_free(it.cancel);
    assert_int_equal(fx_run_status(&fx), 0);
    fx_clear(&fx);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_publishes_everywhere),
      cmocka_unit_test(test_reads_once),
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_second_run_writes_nothing),
      cmocka_unit_test(test_dry_run_writes_nothing),
      cmocka_unit_test(test_atomic),
      cmocka_unit_test(test_mounts_between_siblings),
      cmocka_unit_test(test_mount_that_fails),
      cmocka_unit_test(test_failed_ends_share_one_more_read),
      cmocka_unit_test(test_second_read_from_a_local_destination),
      cmocka_unit_test(test_second_read_falls_back_to_the_source),
      cmocka_unit_test(test_wrong_digest_at_an_end),
      cmocka_unit_test(test_tag_moves_meanwhile),
      cmocka_unit_test(test_interrupted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
