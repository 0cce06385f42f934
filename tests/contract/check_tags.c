/* SPDX-License-Identifier: Apache-2.0 */
/* Tags, and what an empty store says. */
#include "base/limits.h"
#include "check.h"

/* Fails with NOT_FOUND, and the message names the store. */
static void assert_not_found(int rc, const struct sp_err *err, const struct sp_store *store)
{
  assert_int_equal(rc, -1);
  assert_int_equal(err->code, SP_E_NOT_FOUND);
  assert_non_null(strstr(err->msg, store->name));
}

static void absent_things(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  struct sp_digest digest = drive_digest(SP_DIGEST_SHA256, "absent", 6);
  struct sp_named named;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
  sp_manifest_bytes_init(&bytes);
  struct sp_err err = SP_ERR_INIT;
  assert_not_found(sp_store_resolve(store, "absent", &named, &err), &err, store);
  sp_err_clear(&err);
  assert_not_found(sp_store_stat_manifest(store, &digest, &named, &err), &err, store);
  sp_err_clear(&err);
  assert_not_found(sp_store_get_manifest(store, &digest, &bytes, &err), &err, store);
  for (int proof = SP_PROOF_CLAIMED; proof <= SP_PROOF_TOUCHED; proof++)
    assert_int_equal(drive_state(store, &digest, 6, (enum sp_proof)proof).state, SP_BLOB_ABSENT);
  assert_int_equal(drive_read(store, &digest, "absent", 6, 0), SP_E_NOT_FOUND);
}

/* "No such repository" is never an empty list with an error swallowed; a store that was made empty
 * may say so. */
static void tags_of_an_empty_store(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page page = {0};
  struct sp_err err = SP_ERR_INIT;
  if (sp_store_list_tags(store, NULL, &page, &err) < 0)
    assert_int_equal(err.code, SP_E_NOT_FOUND);
  assert_int_equal(page.count, 0);
  assert_null(page.next);
}

static void assert_tag(struct sp_store *store, const char *tag,
                       const struct sp_manifest_bytes *manifest)
{
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  if (sp_store_resolve(store, tag, &named, &err) < 0)
    fail_msg("%s", err.msg);
  assert_true(sp_digest_eq(&named.digest, &manifest->digest));
  if (named.media_type[0])
    assert_string_equal(named.media_type, manifest->media_type);
  if (named.size_bytes != SP_SIZE_UNKNOWN)
    assert_int_equal(named.size_bytes, manifest->bytes.len);
}

static void set(struct sp_store *store, const char *const *tags, size_t n,
                const struct sp_manifest_bytes *manifest)
{
  struct sp_err err = SP_ERR_INIT;
  size_t done = 0;
  if (sp_store_set_tags(store, tags, n, manifest, &done, &err) < 0)
    fail_msg("%s", err.msg);
  assert_int_equal(done, n);
}

static void tags_are_set_and_set_again(struct sp_store *store,
                                       const struct contract_factory *factory)
{
  (void)factory;
  static const char *const tags[] = {"v1.0.0", "V1.0.0", "_under", "1", "latest"};
  char longest[SP_MAX_TAG + 1] = {0};
  memset(longest, 'x', SP_MAX_TAG);
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes first;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes second;
  drive_put_image(store, 1, &first);
  drive_put_image(store, 2, &second);
  set(store, tags, 5, &first);
  set(store, (const char *[]){longest}, 1, &first);
  for (size_t i = 0; i < 5; i++)
    assert_tag(store, tags[i], &first);
  set(store, tags, 1, &first); /* the same again */
  set(store, &tags[3], 2, &second);
  for (size_t i = 0; i < 5; i++)
    assert_tag(store, tags[i], i < 3 ? &first : &second);
  assert_tag(store, longest, &first);
  set(store, &tags[4], 1, &first); /* and back */
  assert_tag(store, "latest", &first);
}

static void no_tags_is_no_work(struct sp_store *store, const struct contract_factory *factory)
{
  (void)factory;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  drive_put_image(store, 1, &manifest);
  set(store, NULL, 0, &manifest);
}

/* Follows the pages; each tag is "t<number>" and is to come once. */
static void count_pages(struct sp_store *store, unsigned *seen, unsigned count)
{
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page page = {0};
  struct sp_err err = SP_ERR_INIT;
  unsigned pages = 0;
  do {
    if (sp_store_list_tags(store, page.next, &page, &err) < 0)
      fail_msg("%s", err.msg);
    for (size_t i = 0; i < page.count; i++) {
      unsigned long number = strtoul(page.tags[i] + 1, NULL, 10);
      assert_int_equal(page.tags[i][0], 't');
      assert_true(number < count);
      seen[number]++;
    }
    assert_true(++pages <= count + 1); /* no endless pages */
  } while (page.next);
}

static void pages_hold_every_tag_once(struct sp_store *store,
                                      const struct contract_factory *factory)
{
  enum { MOST = 1000 };
  unsigned count = factory->tags_count > 0 ? factory->tags_count : 130;
  char names[MOST][12];
  const char *tags[MOST];
  unsigned seen[MOST] = {0};
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  assert_in_range(count, 1, MOST);
  for (unsigned i = 0; i < count; i++) {
    snprintf(names[i], sizeof names[i], "t%u", i);
    tags[i] = names[i];
  }
  drive_put_image(store, 1, &manifest);
  set(store, tags, count, &manifest);
  count_pages(store, seen, count);
  for (unsigned i = 0; i < count; i++)
    assert_int_equal(seen[i], 1);
}

const struct contract_check contract_tag_checks[] = {
    {"absent things are not found", absent_things, 0, 0, true},
    {"tags of an empty store", tags_of_an_empty_store, CONTRACT_NO_LISTING, 0, true},
    {"tags are set, and set again", tags_are_set_and_set_again, 0, 0, false},
    {"no tags is no work", no_tags_is_no_work, 0, 0, false},
    {"pages hold every tag once", pages_hold_every_tag_once, CONTRACT_NO_LISTING, 0, false},
};
const size_t contract_tag_check_count = sizeof contract_tag_checks / sizeof contract_tag_checks[0];
