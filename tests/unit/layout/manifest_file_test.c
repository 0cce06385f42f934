/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests of a layout: strict when they come, hashed when they go, and who refers to whom. */
#include "fixture.h"

#include <errno.h>
#include <unistd.h>

#include "oci/media_type.h"

SP_DEFINE_AUTO_CLEAR(struct fx_image, fx_image_clear)
#define AUTO_IMAGE SP_CLEANUP(fx_image_clear_auto_)

static bool is_unreadable; /* every byte of every file */

ssize_t __real_pread64(int fd, void *to, size_t len, off_t at);
ssize_t __wrap_pread64(int fd, void *to, size_t len, off_t at);
ssize_t __wrap_pread64(int fd, void *to, size_t len, off_t at)
{
  if (!is_unreadable)
    return __real_pread64(fd, to, len, at);
  errno = EIO;
  return -1;
}

static char dir[FX_PATH_MAX];
static struct fx_place place;

static int set_up(void **state)
{
  (void)state;
  fx_make_dir(dir);
  place = (struct fx_place){.dir = dir};
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  fx_remove_tree(dir);
  return 0;
}

static void publish(const char *word)
{
  struct sp_err err = SP_ERR_INIT;
  fx_must(fx_publish(&place, word, &err), &err);
}

static void test_lists_referrers(void **state)
{
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest subject = fx_image_digest("one");
  (void)state;
  publish("one");
  publish("one"); /* again: nothing is listed twice */
  publish("two");
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  fx_must(sp_store_list_referrers(store, &subject, &list, &err), &err);
  assert_int_equal(list.count, 1);
  assert_string_equal(list.items[0].artifact_type, "application/vnd.test.config+json");
  assert_string_equal(
      json_string_value(json_object_get(json_object_get(list.raw[0], "annotations"), "word")),
      "signature of one");
  subject.raw[0] ^= 1;
  fx_must(sp_store_list_referrers(store, &subject, &list, &err), &err);
  assert_int_equal(list.count, 0);
}

static void test_an_entry_that_is_not_whole_costs_no_other(void **state)
{
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  struct sp_digest one = fx_image_digest("one");
  struct sp_digest two = fx_image_digest("two");
  struct sp_err err = SP_ERR_INIT;
  char path[FX_PATH_MAX];
  (void)state;
  publish("one");
  publish("two");
  SP_AUTO_STORE struct sp_store *before = fx_open(&place, SP_LAYOUT_READ);
  fx_must(sp_store_list_referrers(before, &two, &list, &err), &err);
  assert_int_equal(list.count, 1);
  fx_blob_path(&place, &list.items[0].digest, path);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  for (int is_wrong = 0; is_wrong < 2; is_wrong++) {
    unlink(path);
    if (is_wrong)
      fx_write_file(path, "{}", 2);
    fx_must(sp_store_list_referrers(store, &one, &list, &err), &err);
    assert_int_equal(list.count, 1);
    fx_must(sp_store_list_referrers(store, &two, &list, &err), &err);
    assert_int_equal(list.count, 0);
  }
  publish("two"); /* whole again, it is listed to who had the layout open all the time */
  fx_must(sp_store_list_referrers(store, &two, &list, &err), &err);
  assert_int_equal(list.count, 1);
}

/* One that does not refer to the subject is read once, not at each listing. */
static void test_reads_each_manifest_once_to_list(void **state)
{
  SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest unknown = fx_image_digest("two");
  (void)state;
  publish("one");
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  fx_must(sp_store_list_referrers(store, &unknown, &list, &err), &err);
  is_unreadable = true;
  int again = sp_store_list_referrers(store, &unknown, &list, &err);
  struct sp_digest known = fx_image_digest("one");
  int other = sp_store_list_referrers(store, &known, &list, &err);
  is_unreadable = false;
  assert_int_equal(again, 0);
  assert_int_equal(other, -1); /* that one is read */
  assert_int_equal(err.code, SP_E_IO);
}

static void test_tells_manifests_from_blobs(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  struct sp_named named;
  (void)state;
  publish("one");
  fx_image_make(&image, "one", NULL);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  fx_must(sp_store_stat_manifest(store, &image.manifest.digest, &named, &err), &err);
  assert_string_equal(named.media_type, SP_MEDIA_OCI_MANIFEST);
  assert_int_equal(named.size_bytes, image.manifest.bytes.len);
  fx_must_fail(sp_store_stat_manifest(store, &image.layer_digest, &named, &err), &err,
               SP_E_NOT_FOUND);
  image.manifest.digest.raw[3] ^= 1;
  fx_must_fail(sp_store_stat_manifest(store, &image.manifest.digest, &named, &err), &err,
               SP_E_NOT_FOUND);
  fx_must_fail(sp_store_resolve(store, "two", &named, &err), &err, SP_E_NOT_FOUND);
}

static void test_knows_the_type_of_a_manifest_no_tag_names(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  struct sp_named named;
  (void)state;
  fx_image_make(&image, "one", NULL);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  fx_must(fx_image_put(store, &image, &err), &err);
  fx_must(sp_store_stat_manifest(store, &image.manifest.digest, &named, &err), &err);
  assert_string_equal(named.media_type, SP_MEDIA_OCI_MANIFEST);
}

static void test_refuses_manifests_of_missing_content(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest;
  bool handled;
  char path[FX_PATH_MAX];
  char hex[SP_DIGEST_HEX_MAX];
  size_t done;
  const char *tag = "x";
  (void)state;
  fx_image_make(&image, "one", NULL);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  fx_must(fx_put_blob(store, image.config, strlen(image.config), &digest, &err), &err);
  fx_must_fail(sp_store_put_manifest(store, &image.manifest, &handled, &err), &err,
               SP_E_BLOB_UNKNOWN);
  sp_digest_format_hex(&image.layer_digest, hex);
  assert_non_null(strstr(err.msg, hex));
  fx_must_fail(sp_store_set_tags(store, &tag, 1, &image.manifest, &done, &err), &err,
               SP_E_NOT_FOUND);
  /* There, and too short: as good as missing. */
  fx_blob_path(&place, &image.layer_digest, path);
  fx_write_file(path, image.layer, strlen(image.layer) - 1);
  fx_must_fail(sp_store_put_manifest(store, &image.manifest, &handled, &err), &err,
               SP_E_BLOB_UNKNOWN);
}

static void test_hashes_manifests_before_they_are_kept(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  bool handled;
  (void)state;
  fx_image_make(&image, "one", NULL);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  fx_must(fx_image_put(store, &image, &err), &err);
  image.manifest.bytes.data[image.manifest.bytes.len - 3] ^= 1;
  /* Past the facade, which checks too. */
  fx_must_fail(store->ops->put_manifest(store, &image.manifest, &handled, &err), &err, SP_E_DIGEST);
}

static void test_damaged_manifests_are_found_and_healed(void **state)
{
  AUTO_IMAGE struct fx_image image;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes have;
  struct sp_err err = SP_ERR_INIT;
  char path[FX_PATH_MAX];
  (void)state;
  sp_manifest_bytes_init(&have);
  publish("one");
  fx_image_make(&image, "one", NULL);
  fx_blob_path(&place, &image.manifest.digest, path);
  SP_AUTO_FREE char *bytes = fx_read_file(path, NULL);
  bytes[40] ^= 1;
  fx_write_file(path, bytes, image.manifest.bytes.len);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  fx_must_fail(sp_store_get_manifest(store, &image.manifest.digest, &have, &err), &err,
               SP_E_DIGEST);
  assert_int_equal(truncate(path, (off_t)1 << 40), 0);
  fx_must_fail(sp_store_get_manifest(store, &image.manifest.digest, &have, &err), &err, SP_E_LIMIT);
  publish("one");
  fx_must_be(&place, "latest", "one");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_lists_referrers),
      TEST(test_an_entry_that_is_not_whole_costs_no_other),
      TEST(test_reads_each_manifest_once_to_list),
      TEST(test_tells_manifests_from_blobs),
      TEST(test_knows_the_type_of_a_manifest_no_tag_names),
      TEST(test_refuses_manifests_of_missing_content),
      TEST(test_hashes_manifests_before_they_are_kept),
      TEST(test_damaged_manifests_are_found_and_healed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
