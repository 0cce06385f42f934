/* SPDX-License-Identifier: Apache-2.0 */
#include "store/any.h"

#include <string.h>

#include "sample.h"
#include "store/relay.h"

#define COPIES 3
#define TEXT "a blob of some bytes"

struct rig {
  struct sample samples[COPIES];
  struct sp_store *any;
  struct sp_digest blob; /* TEXT, at every copy */
  unsigned passed[COPIES];
};

static void note(void *ctx, size_t copy, const struct sp_digest *digest, const struct sp_err *why)
{
  (void)digest;
  assert_int_not_equal(why->code, SP_OK);
  ((struct rig *)ctx)->passed[copy]++;
}

static void rig_init(struct rig *rig)
{
  struct sp_store *copies[COPIES];
  struct sp_err err = SP_ERR_INIT;
  memset(rig, 0, sizeof *rig);
  for (size_t i = 0; i < COPIES; i++) {
    sample_init(&rig->samples[i]);
    sample_put(&rig->samples[i]);
    copies[i] = rig->samples[i].memory;
    assert_int_equal(sp_memory_add_blob(copies[i], sp_span_str(TEXT), &rig->blob, &err), 0);
  }
  const struct sp_any_settings settings = {.name = "any", .passed_over = note, .ctx = rig};
  assert_int_equal(sp_any_new_take(&settings, copies, COPIES, &rig->any, &err), 0);
}

static void rig_clear(struct rig *rig)
{
  sp_store_close(rig->any);
  for (size_t i = 0; i < COPIES; i++)
    sample_clear(&rig->samples[i]);
}

/* Reads the blob as transfers do: it is read twice if it comes out wrong. */
static enum sp_code read_blob(struct rig *rig)
{
  struct sp_relay relay = {
      .source = rig->any, .digest = rig->blob, .size_bytes = strlen(TEXT), .retry_for_ms = 2000};
  struct sp_err err = SP_ERR_INIT;
  return sp_relay_run(&relay, &err) == 0 ? SP_OK : err.code;
}

/* Each copy is damaged in a way of its own ('-' whole, 'f' flipped, 'c' cut, 'w' wiped). */
static void test_one_whole_copy_is_enough(void **state)
{
  (void)state;
  static const struct {
    const char *damage;
    enum sp_code want;
  } cases[] = {{"fff", SP_E_DIGEST}, {"ff-", SP_OK}, {"cf-", SP_OK}, {"fc-", SP_OK},
               {"wf-", SP_OK},       {"fw-", SP_OK}, {"f--", SP_OK}, {"-ff", SP_OK},
               {"ww-", SP_OK},       {"cw-", SP_OK}, {"---", SP_OK}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct rig rig;
    rig_init(&rig);
    for (size_t k = 0; k < COPIES; k++) {
      struct sp_store *copy = rig.samples[k].memory;
      char how = cases[i].damage[k];
      if (how == 'f')
        assert_true(sp_memory_flip(copy, &rig.blob, 3));
      if (how == 'c')
        assert_true(sp_memory_truncate(copy, &rig.blob, 3));
      if (how == 'w')
        assert_true(sp_memory_wipe(copy, &rig.blob));
    }
    enum sp_code got = read_blob(&rig);
    if (got != cases[i].want)
      fail_msg("%s: %s", cases[i].damage, sp_code_name(got));
    /* what is whole and was not asked is not blamed */
    for (size_t k = 0; k < COPIES; k++) {
      if (cases[i].damage[k] == '-')
        assert_int_equal(rig.passed[k], 0);
    }
    rig_clear(&rig);
  }
}

static void test_manifest_of_the_next(void **state)
{
  (void)state;
  struct rig rig;
  struct sp_err err = SP_ERR_INIT;
  rig_init(&rig);
  const struct sp_digest digest = rig.samples[0].manifest.digest;
  assert_true(sp_memory_flip(rig.samples[0].memory, &digest, 5));
  assert_true(sp_memory_wipe(rig.samples[1].memory, &digest));
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes got;
  sp_manifest_bytes_init(&got);
  assert_int_equal(sp_store_get_manifest(rig.any, &digest, &got, &err), 0);
  assert_int_equal(rig.passed[0], 1);
  assert_int_equal(rig.passed[1], 1);
  assert_true(sp_memory_flip(rig.samples[2].memory, &digest, 5));
  assert_int_equal(sp_store_get_manifest(rig.any, &digest, &got, &err), -1);
  assert_int_equal(err.code, SP_E_DIGEST); /* the first copy's */
  rig_clear(&rig);
}

static void test_tags_are_those_that_were_told(void **state)
{
  (void)state;
  static const char *const names[] = {"latest"};
  struct rig rig;
  struct sp_err err = SP_ERR_INIT;
  struct sp_named named;
  size_t done;
  rig_init(&rig);
  assert_int_equal(
      sp_store_set_tags(rig.samples[2].memory, names, 1, &rig.samples[2].manifest, &done, &err), 0);
  assert_int_equal(sp_any_add_tag(rig.any, "fixed", &rig.blob, &err), 0);
  assert_int_equal(sp_any_add_tag(rig.any, "latest", &(struct sp_digest){0}, &err), 0);
  assert_int_equal(sp_store_resolve(rig.any, "fixed", &named, &err), 0);
  assert_true(sp_digest_eq(&named.digest, &rig.blob));
  assert_int_equal(sp_store_resolve(rig.any, "latest", &named, &err), 0); /* the third copy's */
  assert_true(sp_digest_eq(&named.digest, &rig.samples[2].manifest.digest));
  assert_int_equal(sp_store_resolve(rig.any, "other", &named, &err), -1);
  assert_int_equal(err.code, SP_E_NOT_FOUND);
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page page = {0};
  sp_err_clear(&err);
  assert_int_equal(sp_store_list_tags(rig.any, NULL, &page, &err), 0);
  assert_int_equal(page.count, 2);
  rig_clear(&rig);
}

static void test_writes_nothing(void **state)
{
  (void)state;
  enum sp_code codes[SAMPLE_OPERATIONS];
  struct rig rig;
  struct sp_err err = SP_ERR_INIT;
  rig_init(&rig);
  assert_int_equal(sp_any_add_tag(rig.any, "latest", &rig.samples[0].manifest.digest, &err), 0);
  sample_call_all(&rig.samples[0], rig.any, codes);
  for (size_t i = 0; i < SAMPLE_OPERATIONS; i++) {
    const char *name = sample_operations[i];
    bool writes = strcmp(name, "put_manifest") == 0 || strcmp(name, "set_tags") == 0 ||
                  strcmp(name, "begin_write") == 0;
    assert_int_equal(codes[i], writes ? SP_E_UNSUPPORTED : SP_OK);
  }
  rig_clear(&rig);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_whole_copy_is_enough),
      cmocka_unit_test(test_manifest_of_the_next),
      cmocka_unit_test(test_tags_are_those_that_were_told),
      cmocka_unit_test(test_writes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
