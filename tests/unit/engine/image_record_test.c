/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/image_record.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/file.h"
#include "oci/media_type.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char folder[] = "/tmp/sp-record-XXXXXX";
static struct sp_digest id;

static int make_folder(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  memset(folder + strlen(folder) - 6, 'X', 6);
  if (!mkdtemp(folder) || sp_digest_parse(SP_SPAN_LIT("sha256:" HEX), &id, &err) < 0)
    return -1;
  return setenv("SAFEPORT_STATE", folder, 1);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *at)
{
  (void)facts, (void)kind, (void)at;
  return remove(path);
}

static int remove_folder(void **state)
{
  (void)state;
  return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *compressor, const char *text)
{
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  struct sp_err err = SP_ERR_INIT;
  sp_manifest_bytes_init(&manifest);
  snprintf(manifest.media_type, sizeof manifest.media_type, "%s", SP_MEDIA_OCI_MANIFEST);
  assert_int_equal(sp_buf_append_str(&manifest.bytes, text, &err), 0);
  sp_image_record_put(&id, compressor, &manifest);
}

/* What is remembered; NULL: nothing. */
static const char *get(const char *compressor)
{
  static char text[256];
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  struct sp_digest digest;
  struct sp_err err = SP_ERR_INIT;
  sp_manifest_bytes_init(&manifest);
  if (!sp_image_record_get(&id, compressor, &manifest)) {
    assert_int_equal(manifest.bytes.len, 0);
    return NULL;
  }
  snprintf(text, sizeof text, "%s", sp_buf_str(&manifest.bytes));
  assert_string_equal(manifest.media_type, SP_MEDIA_OCI_MANIFEST);
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, text, strlen(text), &digest, &err), 0);
  assert_true(sp_digest_eq(&digest, &manifest.digest));
  return text;
}

static void record_path(const char *compressor, char out[256])
{
  snprintf(out, 256, "%s/images/" HEX ".%s", folder, compressor);
}

static void test_remembers_and_forgets(void **state)
{
  (void)state;
  assert_null(get("gzip-4-a"));
  put("gzip-4-a", "{\"one\":1}");
  put("zstd-3-b", "{\"two\":2}");
  assert_string_equal(get("gzip-4-a"), "{\"one\":1}");
  assert_string_equal(get("zstd-3-b"), "{\"two\":2}");
  put("gzip-4-a", "{\"three\":\"\\n\"}\n\n");
  assert_string_equal(get("gzip-4-a"), "{\"three\":\"\\n\"}\n\n");
  sp_image_record_drop(&id, "gzip-4-a");
  assert_null(get("gzip-4-a"));
  assert_non_null(get("zstd-3-b"));
}

/* Every byte of a record counts, and so does its length. */
static void test_believes_no_damaged_record(void **state)
{
  (void)state;
  char path[256];
  char bytes[512];
  struct sp_err err = SP_ERR_INIT;
  put("gzip-4-a", "{\"one\":1}");
  record_path("gzip-4-a", path);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  ssize_t n = read(fd, bytes, sizeof bytes);
  assert_true(n > 0);
  for (ssize_t i = 0; i < n; i++) {
    char flipped = (char)(bytes[i] ^ 1);
    assert_int_equal(pwrite(fd, &flipped, 1, i), 1);
    assert_null(get("gzip-4-a"));
    assert_int_equal(pwrite(fd, &bytes[i], 1, i), 1);
  }
  assert_non_null(get("gzip-4-a"));
  for (ssize_t cut = n - 1; cut >= 0; cut--) {
    assert_int_equal(ftruncate(fd, cut), 0);
    assert_null(get("gzip-4-a"));
  }
  close(fd);
  /* whole, under the name of another */
  char other[256];
  record_path("zstd-3-b", other);
  assert_int_equal(sp_file_replace(AT_FDCWD, other, 0600, SP_SPAN(bytes, (size_t)n), &err), 0);
  assert_null(get("zstd-3-b"));
}

/* No state directory is no failure: the engine is asked again. */
static void test_without_a_state_directory(void **state)
{
  (void)state;
  setenv("SAFEPORT_STATE", "/dev/null/x", 1);
  put("gzip-4-a", "{\"one\":1}");
  assert_null(get("gzip-4-a"));
  sp_image_record_drop(&id, "gzip-4-a");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_remembers_and_forgets, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_believes_no_damaged_record, make_folder, remove_folder),
      cmocka_unit_test_setup_teardown(test_without_a_state_directory, make_folder, remove_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
