/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static struct sp_report *compare_tags(struct fx *fx, const char *to, bool read)
{
  static const char *const names[] = {"source", "one"};
  struct sp_report *report;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_report_new(SP_REPORT_VERIFY, "source", names, 2, &report, &err), 0);
  struct sp_compare job = {.source = &fx->spy[0]->store,
                           .destination = &fx->spy[1]->store,
                           .source_tag = "latest",
                           .destination_tag = to,
                           .with_referrers = true,
                           .read = read};
  sp_compare_run(&job, report);
  report->exit_status = sp_report_exit_status(report);
  return report;
}

static struct sp_report *compare(struct fx *fx, bool read)
{
  return compare_tags(fx, "latest", read);
}

/* A source with a referrer, copied; returns the index. */
static struct fx_ref prepare(struct fx *fx)
{
  fx_init(fx, 1);
  struct fx_ref index = fx_add_usual(fx->memory[0]);
  fx_add_image(fx->memory[0], 5, 2, &index);
  assert_int_equal(fx_run_status(fx), 0);
  fx_forget_log(fx);
  return index;
}

static void test_equal_and_whole(void **state)
{
  (void)state;
  for (int read = 0; read < 2; read++) {
    struct fx fx;
    struct fx_ref index = prepare(&fx);
    char text[SP_DIGEST_TEXT_MAX];
    sp_digest_format(&index.digest, text);
    struct sp_report *report = compare(&fx, read);
    assert_int_equal(report->exit_status, 0);
    assert_string_equal(report->digest, text);
    assert_int_equal(report->referrers, 1);
    for (size_t i = 0; i < 2; i++) {
      assert_string_equal(report->places[i].proof, read ? "read" : "touched");
      assert_int_equal(report->places[i].blobs_total, 10);
      assert_int_equal(report->places[i].blobs_present, 10);
      assert_int_equal(report->places[i].manifests_present, 4);
      assert_int_equal(fx_count(&fx, (int)i, "open_read"), read ? 10 : 0);
    }
    assert_int_equal(fx_writes(&fx, 0) + fx_writes(&fx, 1), 0);
    sp_report_free(report);
    fx_clear(&fx);
  }
}

enum harm { WIPE, TRUNCATE, FLIP };

struct damage_case {
  const char *why;
  int place;        /* 0 source, 1 destination */
  const char *what; /* whose digest: "layer", "config", "manifest", "index", "referrer" */
  enum harm harm;
  bool read;
  const char *finding; /* NULL: cannot be seen at this level */
  int status;
};

static const struct damage_case damage_cases[] = {
    {"a layer is gone, claimed still", 1, "layer", WIPE, false, SP_FINDING_SHORT, 5},
    {"a layer is gone, found by reading", 1, "layer", WIPE, true, SP_FINDING_MISSING, 1},
    {"a short layer", 1, "layer", TRUNCATE, false, SP_FINDING_SHORT, 5},
    {"a short layer, found by reading", 1, "layer", TRUNCATE, true, SP_FINDING_SHORT, 5},
    {"a flipped byte cannot be touched", 1, "layer", FLIP, false, NULL, 0},
    {"a flipped byte", 1, "layer", FLIP, true, SP_FINDING_WRONG, 5},
    {"a flipped byte of the config", 1, "config", FLIP, true, SP_FINDING_WRONG, 5},
    {"a flipped byte at the source", 0, "layer", FLIP, true, SP_FINDING_WRONG, 5},
    {"a manifest is gone", 1, "manifest", WIPE, false, SP_FINDING_MISSING, 1},
    {"a flipped manifest", 1, "manifest", FLIP, false, SP_FINDING_WRONG, 5},
    {"a flipped index", 1, "index", FLIP, false, SP_FINDING_WRONG, 5},
    {"a flipped index at the source", 0, "index", FLIP, false, SP_FINDING_WRONG, 5},
    {"a referrer is gone", 1, "referrer", WIPE, false, SP_FINDING_MISSING, 1},
    {"a flipped referrer", 1, "referrer", FLIP, false, SP_FINDING_WRONG, 5},
};

static struct sp_digest first_of(struct sp_store *memory, const struct sp_digest *digest,
                                 bool config)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  struct sp_manifest m = {0};
  assert_int_equal(sp_store_get_manifest(memory, digest, &bytes, &err), 0);
  assert_int_equal(
      sp_manifest_parse(sp_buf_span(&bytes.bytes), sp_span_str(bytes.media_type), &m, &err), 0);
  struct sp_digest out = m.is_index ? m.children[0].digest
                         : config   ? m.blobs[0].digest
                                    : m.blobs[m.blob_count - 1].digest;
  sp_manifest_clear(&m);
  sp_manifest_bytes_clear(&bytes);
  return out;
}

static struct sp_digest find(struct fx *fx, const struct fx_ref *index, const char *what)
{
  struct sp_store *memory = fx->memory[0];
  struct sp_err err = SP_ERR_INIT;
  if (strcmp(what, "index") == 0)
    return index->digest;
  if (strcmp(what, "referrer") == 0) {
    struct sp_referrers list = {0};
    assert_int_equal(sp_store_list_referrers(memory, &index->digest, &list, &err), 0);
    struct sp_digest digest = list.items[0].digest;
    sp_referrers_clear(&list);
    return digest;
  }
  struct sp_digest manifest = first_of(memory, &index->digest, false);
  if (strcmp(what, "manifest") == 0)
    return manifest;
  return first_of(memory, &manifest, strcmp(what, "config") == 0);
}

static void check_damage(const struct damage_case *c)
{
  struct fx fx;
  struct fx_ref index = prepare(&fx);
  struct sp_digest digest = find(&fx, &index, c->what);
  struct sp_store *memory = fx.memory[c->place];
  bool (*const harms[])(struct sp_store *, const struct sp_digest *,
                        uint64_t) = {[TRUNCATE] = sp_memory_truncate, [FLIP] = sp_memory_flip};
  assert_true(c->harm == WIPE ? sp_memory_wipe(memory, &digest)
                              : harms[c->harm](memory, &digest, 7));
  struct sp_report *report = compare(&fx, c->read);
  const struct sp_report_place *place = &report->places[c->place];
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&digest, text);
  if (report->exit_status != c->status)
    fail_msg("%s: exit %d (%s)", c->why, report->exit_status, place->err.msg);
  assert_int_equal(place->damage_count, c->finding != NULL);
  assert_int_equal(report->places[1 - c->place].damage_count,
                   strcmp(c->what, "referrer") == 0 && c->place == 0);
  if (c->finding) {
    assert_string_equal(place->damage[0].digest, text);
    if (strcmp(place->damage[0].finding, c->finding) != 0)
      fail_msg("%s: '%s'", c->why, place->damage[0].finding);
    assert_string_equal(place->proof, "none");
  }
  assert_string_equal(report->places[1 - c->place].proof, c->read ? "read" : "touched");
  sp_report_free(report);
  fx_clear(&fx);
}

static void test_damage(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof damage_cases / sizeof damage_cases[0]; i++)
    check_damage(&damage_cases[i]);
}

static void test_different_images(void **state)
{
  (void)state;
  struct fx fx;
  prepare(&fx);
  struct fx_ref other = fx_add_image(fx.memory[1], 80, 2, NULL);
  fx_tag(fx.memory[1], "old", &other);
  struct sp_report *report = compare_tags(&fx, "old", false);
  assert_int_equal(report->exit_status, 1);
  assert_int_equal(report->places[1].damage_count, 1);
  assert_string_equal(report->places[1].damage[0].finding, SP_FINDING_DIFFERENT);
  sp_report_free(report);
  fx_clear(&fx);
}

static void test_no_such_tag(void **state)
{
  (void)state;
  struct fx fx;
  prepare(&fx);
  struct sp_report *report = compare_tags(&fx, "nowhere", false);
  assert_int_equal(report->exit_status, 1);
  assert_int_equal(report->places[1].err.code, SP_E_NOT_FOUND);
  assert_string_equal(report->places[1].damage[0].finding, SP_FINDING_MISSING);
  assert_string_equal(report->places[0].proof, "touched");
  sp_report_free(report);
  fx_clear(&fx);
}

static void test_referrers_differ(void **state)
{
  (void)state;
  struct fx fx;
  struct fx_ref index = prepare(&fx);
  struct fx_ref extra = fx_add_image(fx.memory[1], 81, 1, &index);
  struct sp_report *report = compare(&fx, false);
  assert_int_equal(report->exit_status, 0); /* a backup may have more */
  assert_true(fx_has_note(report, "referrers that the source does not have"));
  sp_report_free(report);
  (void)extra;
  fx_add_image(fx.memory[0], 82, 1, &index);
  report = compare(&fx, false);
  assert_int_equal(report->exit_status, 1);
  assert_string_equal(report->places[1].damage[0].what, "referrer");
  sp_report_free(report);
  fx_clear(&fx);
}

/* A side that cannot be asked is no damage. */
static void test_unreachable(void **state)
{
  (void)state;
  static const char *const ops[] = {"resolve", "get_manifest", "list_referrers", "check_blob"};
  for (size_t place = 0; place < 2; place++) {
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
      struct fx fx;
      prepare(&fx);
      fx.spy[place]->fault = (struct fx_fault){.op = ops[i], .nth = 1, .code = SP_E_UNREACHABLE};
      struct sp_report *report = compare(&fx, false);
      assert_int_equal(report->exit_status, 4);
      assert_int_equal(report->places[place].err.code, SP_E_UNREACHABLE);
      assert_int_equal(report->places[0].damage_count + report->places[1].damage_count, 0);
      assert_string_equal(report->places[1 - place].proof, "touched");
      sp_report_free(report);
      fx_clear(&fx);
    }
  }
}

/* A wrong reading that does not happen again is the line's. */
static void test_flaky_reading(void **state)
{
  (void)state;
  struct fx fx;
  prepare(&fx);
  fx.spy[1]->fault =
      (struct fx_fault){.op = "get_manifest", .nth = 1, .times = 1, .code = SP_E_DIGEST};
  struct sp_report *report = compare(&fx, false);
  assert_int_equal(report->exit_status, 0);
  sp_report_free(report);
  fx_clear(&fx);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_equal_and_whole),  cmocka_unit_test(test_damage),
      cmocka_unit_test(test_different_images), cmocka_unit_test(test_no_such_tag),
      cmocka_unit_test(test_referrers_differ), cmocka_unit_test(test_unreachable),
      cmocka_unit_test(test_flaky_reading),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
