/* SPDX-License-Identifier: Apache-2.0 */
/* The door: what it makes of stores that lie, fail without a reason, or forget things. */
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"

struct liar {
  struct sp_store store; /* first */
  bool fails;            /* -1 without a code */
  const char *bytes;     /* what get_manifest sends */
  size_t tags_done;
  struct sp_blob_state blob;
  unsigned calls;
};

static int answer(struct liar *liar)
{
  liar->calls++;
  return liar->fails ? -1 : 0;
}

static int liar_resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                        struct sp_err *err)
{
  (void)tag;
  (void)out;
  (void)err;
  return answer((struct liar *)store);
}

static int liar_get_manifest(struct sp_store *store, const struct sp_digest *digest,
                             struct sp_manifest_bytes *out, struct sp_err *err)
{
  (void)digest;
  struct liar *liar = (struct liar *)store;
  if (liar->bytes && sp_buf_append_str(&out->bytes, liar->bytes, err) < 0)
    return -1;
  return answer(liar);
}

static int liar_put_manifest(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                             bool *subject_handled, struct sp_err *err)
{
  (void)manifest;
  (void)subject_handled;
  (void)err;
  return answer((struct liar *)store);
}

static int liar_set_tags(struct sp_store *store, const char *const *tags, size_t n,
                         const struct sp_manifest_bytes *manifest, size_t *done, struct sp_err *err)
{
  (void)tags;
  (void)n;
  (void)manifest;
  (void)err;
  *done = ((struct liar *)store)->tags_done;
  return answer((struct liar *)store);
}

/* Three pages of one tag; fails if the cursor is not that of the page before. */
static int liar_list_tags(struct sp_store *store, const char *cursor, struct sp_tag_page *out,
                          struct sp_err *err)
{
  static const char *const cursors[] = {NULL, "one", "two"};
  struct liar *liar = (struct liar *)store;
  unsigned page = liar->calls++;
  if (liar->fails)
    return sp_fail(err, SP_E_SERVER, "broken");
  if (page > 2 || (cursors[page] && strcmp(cursor, cursors[page]) != 0))
    return sp_fail(err, SP_E_INTERNAL, "unexpected cursor");
  if (sp_tag_page_add(out, SP_SPAN_LIT("tag"), err) < 0)
    return -1;
  if (page == 2)
    return 0;
  out->next = strdup(cursors[page + 1]);
  return 0;
}

static int liar_check_blob(struct sp_store *store, const struct sp_digest *digest,
                           uint64_t size_bytes, enum sp_proof want, struct sp_blob_state *out,
                           struct sp_err *err)
{
  (void)digest;
  (void)size_bytes;
  (void)want;
  (void)err;
  *out = ((struct liar *)store)->blob;
  return answer((struct liar *)store);
}

static const struct sp_store_ops liar_ops = {
    .resolve = liar_resolve,
    .get_manifest = liar_get_manifest,
    .put_manifest = liar_put_manifest,
    .set_tags = liar_set_tags,
    .list_tags = liar_list_tags,
    .check_blob = liar_check_blob,
};
#define LIAR(...) ((struct liar){.store = {.ops = &liar_ops, .name = "liar"}, __VA_ARGS__})

static struct sp_digest digest_of(const char *text)
{
  struct sp_digest digest;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, text, strlen(text), &digest, &err), 0);
  return digest;
}

static void a_failure_without_a_reason_is_a_mistake_of_ours(void **state)
{
  (void)state;
  struct liar liar = LIAR(.fails = true);
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_store_resolve(&liar.store, "v1", &named, &err), -1);
  assert_int_equal(err.code, SP_E_INTERNAL);
  assert_non_null(strstr(err.msg, "cannot resolve tag 'v1' at 'liar': "));
}

static void a_tag_that_names_nothing_is_no_answer(void **state)
{
  (void)state;
  struct liar liar = LIAR(.fails = false);
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_store_resolve(&liar.store, "v1", &named, &err), -1);
  assert_int_equal(err.code, SP_E_INTERNAL);
}

static void wrong_manifest_bytes_never_get_out(void **state)
{
  static const char *const wrong[] = {"", "{}", "{\"a\":1} "};
  (void)state;
  struct sp_digest digest = digest_of("{\"a\":1}");
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct liar liar = LIAR(.bytes = wrong[i]);
    SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes got;
    sp_manifest_bytes_init(&got);
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_store_get_manifest(&liar.store, &digest, &got, &err), -1);
    assert_int_equal(err.code, SP_E_DIGEST);
    assert_int_equal(got.bytes.len, 0);
    assert_int_equal(got.digest.alg, SP_DIGEST_NONE);
    char want[200];
    char text[SP_DIGEST_TEXT_MAX];
    sp_digest_format(&digest, text);
    snprintf(want, sizeof want, "cannot get manifest %s from 'liar': ", text);
    assert_int_equal(strncmp(err.msg, want, strlen(want)), 0);
  }
}

static void right_manifest_bytes_replace_what_was_there(void **state)
{
  (void)state;
  struct liar liar = LIAR(.bytes = "{\"a\":1}");
  struct sp_digest digest = digest_of("{\"a\":1}");
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes got;
  sp_manifest_bytes_init(&got);
  struct sp_err err = SP_ERR_INIT;
  for (int i = 0; i < 2; i++)
    assert_int_equal(sp_store_get_manifest(&liar.store, &digest, &got, &err), 0);
  assert_string_equal(sp_buf_str(&got.bytes), "{\"a\":1}");
  assert_true(sp_digest_eq(&got.digest, &digest));
}

static void a_manifest_without_its_digest_is_not_sent(void **state)
{
  (void)state;
  struct liar liar = LIAR(.fails = false);
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  sp_manifest_bytes_init(&manifest);
  struct sp_err err = SP_ERR_INIT;
  bool handled;
  assert_int_equal(sp_buf_append_str(&manifest.bytes, "{}", &err), 0);
  manifest.digest = digest_of("{} ");
  assert_int_equal(sp_store_put_manifest(&liar.store, &manifest, &handled, &err), -1);
  assert_int_equal(err.code, SP_E_DIGEST);
  assert_int_equal(liar.calls, 0);
}

static void tags_that_were_not_set_are_noticed(void **state)
{
  static const char *const tags[] = {"a", "b", "c"};
  static const struct {
    size_t n, done;
    bool fails;
    int rc;
    unsigned calls;
    const char *msg;
  } rows[] = {
      {3, 3, false, 0, 1, ""},
      {0, 0, true, 0, 0, ""},
      {3, 2, false, -1, 1, "'liar' set 2 of 3"},
      {3, 1, true, -1, 1, "cannot set tag 'b' at 'liar': "},
      {3, 3, true, -1, 1, "cannot set tag 'c' at 'liar': "},
  };
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct liar liar = LIAR(.fails = rows[i].fails, .tags_done = rows[i].done);
    struct sp_manifest_bytes manifest = {0};
    struct sp_err err = SP_ERR_INIT;
    size_t done = 99;
    assert_int_equal(sp_store_set_tags(&liar.store, tags, rows[i].n, &manifest, &done, &err),
                     rows[i].rc);
    assert_int_equal(done, rows[i].done);
    assert_int_equal(liar.calls, rows[i].calls);
    assert_non_null(strstr(err.msg, rows[i].msg));
  }
}

static void the_cursor_may_be_that_of_the_page_it_replaces(void **state)
{
  (void)state;
  struct liar liar = LIAR(.fails = false);
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page page = {0};
  struct sp_err err = SP_ERR_INIT;
  for (int i = 0; i < 3; i++) {
    assert_int_equal(sp_store_list_tags(&liar.store, page.next, &page, &err), 0);
    assert_int_equal(page.count, 1);
  }
  assert_null(page.next);
  liar.fails = true;
  assert_int_equal(sp_store_list_tags(&liar.store, NULL, &page, &err), -1);
  assert_string_equal(err.msg, "cannot list tags of 'liar': broken");
  assert_int_equal(page.count, 1); /* as it was */
}

static void a_blob_of_another_length_is_damaged_whoever_says_what(void **state)
{
  static const struct {
    struct sp_blob_state said;
    int state;
    enum sp_proof proof;
  } rows[] = {
      {{SP_BLOB_PRESENT, SP_PROOF_TOUCHED, 10, false}, SP_BLOB_PRESENT, SP_PROOF_TOUCHED},
      {{SP_BLOB_PRESENT, SP_PROOF_CLAIMED, SP_SIZE_UNKNOWN, false},
       SP_BLOB_PRESENT,
       SP_PROOF_CLAIMED},
      {{SP_BLOB_PRESENT, SP_PROOF_TOUCHED, 9, false}, SP_BLOB_DAMAGED, SP_PROOF_NONE},
      {{SP_BLOB_DAMAGED, SP_PROOF_TOUCHED, 10, false}, SP_BLOB_DAMAGED, SP_PROOF_NONE},
      {{SP_BLOB_ABSENT, SP_PROOF_CLAIMED, SP_SIZE_UNKNOWN, false}, SP_BLOB_ABSENT, SP_PROOF_NONE},
  };
  (void)state;
  struct sp_digest digest = digest_of("");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct liar liar = LIAR(.blob = rows[i].said);
    struct sp_blob_state got;
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_store_check_blob(&liar.store, &digest, 10, SP_PROOF_TOUCHED, &got, &err),
                     0);
    assert_int_equal(got.state, rows[i].state);
    assert_int_equal(got.proof, rows[i].proof);
  }
}

static void a_store_that_cannot_mount_is_not_asked(void **state)
{
  (void)state;
  struct liar liar = LIAR(.fails = true);
  struct sp_digest digest = digest_of("");
  struct sp_err err = SP_ERR_INIT;
  bool mounted = true;
  assert_false(sp_store_is_sibling(&liar.store, &liar.store));
  assert_int_equal(sp_store_mount_blob(&liar.store, &digest, 0, &liar.store, &mounted, &err), 0);
  assert_false(mounted);
}

static void referrers_grow_and_keep_their_json(void **state)
{
  (void)state;
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  struct sp_err err = SP_ERR_INIT;
  struct sp_desc desc = {.digest = digest_of("x"), .size_bytes = 1};
  snprintf(desc.media_type, sizeof desc.media_type, "application/x");
  json_t *raw = json_pack("{s:s}", "unknown", "kept");
  for (int i = 0; i < 40; i++)
    assert_int_equal(sp_referrers_add(&list, &desc, i % 2 ? raw : NULL, &err), 0);
  json_decref(raw);
  assert_int_equal(list.count, 40);
  assert_string_equal(json_string_value(json_object_get(list.raw[39], "unknown")), "kept");
  assert_int_equal(json_integer_value(json_object_get(list.raw[38], "size")), 1);
  while (list.count < SP_MAX_GRAPH_NODES)
    assert_int_equal(sp_referrers_add(&list, &desc, NULL, &err), 0);
  assert_int_equal(sp_referrers_add(&list, &desc, NULL, &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_failure_without_a_reason_is_a_mistake_of_ours),
      cmocka_unit_test(a_tag_that_names_nothing_is_no_answer),
      cmocka_unit_test(wrong_manifest_bytes_never_get_out),
      cmocka_unit_test(right_manifest_bytes_replace_what_was_there),
      cmocka_unit_test(a_manifest_without_its_digest_is_not_sent),
      cmocka_unit_test(tags_that_were_not_set_are_noticed),
      cmocka_unit_test(the_cursor_may_be_that_of_the_page_it_replaces),
      cmocka_unit_test(a_blob_of_another_length_is_damaged_whoever_says_what),
      cmocka_unit_test(a_store_that_cannot_mount_is_not_asked),
      cmocka_unit_test(referrers_grow_and_keep_their_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
