/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/layer_record.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/span.h"

#define ID "gzip-4-0011223344556677"

static char state_dir[64];

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
  (void)facts, (void)kind, (void)where;
  return remove(path);
}

static int set_up(void **state)
{
  (void)state;
  snprintf(state_dir, sizeof state_dir, "/tmp/safeport-record-XXXXXX");
  return mkdtemp(state_dir) ? setenv("SAFEPORT_STATE", state_dir, 1) : -1;
}

static int tear_down(void **state)
{
  (void)state;
  return nftw(state_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct sp_digest digest_of(const char *text)
{
  struct sp_digest digest;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_digest_of(SP_DIGEST_SHA256, text, strlen(text), &digest, &err), 0);
  return digest;
}

static void path_of(const struct sp_digest *diff_id, char out[256])
{
  char hex[SP_DIGEST_HEX_MAX];
  sp_digest_format_hex(diff_id, hex);
  snprintf(out, 256, "%s/layers/%s.%s", state_dir, hex, ID);
}

static void test_remembers_and_forgets(void **state)
{
  (void)state;
  struct sp_digest diff_id = digest_of("layer"), other = digest_of("other");
  struct sp_layer_record record = {.digest = digest_of("packed"), .size_bytes = UINT64_MAX};
  struct sp_layer_record found;
  assert_false(sp_layer_record_get(&diff_id, ID, &found));
  sp_layer_record_put(&diff_id, ID, &record);
  assert_true(sp_layer_record_get(&diff_id, ID, &found));
  assert_true(sp_digest_eq(&found.digest, &record.digest));
  assert_int_equal(found.size_bytes, record.size_bytes);
  assert_false(sp_layer_record_get(&other, ID, &found));
  assert_false(sp_layer_record_get(&diff_id, "gzip-4-ffffffffffffffff", &found));
  record.size_bytes = 7;
  sp_layer_record_put(&diff_id, ID, &record);
  assert_true(sp_layer_record_get(&diff_id, ID, &found));
  assert_int_equal(found.size_bytes, 7);
  sp_layer_record_drop(&diff_id, ID);
  assert_false(sp_layer_record_get(&diff_id, ID, &found));
  sp_layer_record_drop(&diff_id, ID);
}

static void test_believes_no_other_byte(void **state)
{
  (void)state;
  struct sp_digest diff_id = digest_of("layer"), other = digest_of("other");
  struct sp_layer_record record = {.digest = digest_of("packed"), .size_bytes = 4711};
  struct sp_layer_record found;
  char path[256], elsewhere[256], text[512];
  sp_layer_record_put(&diff_id, ID, &record);
  path_of(&diff_id, path);
  path_of(&other, elsewhere);
  FILE *file = fopen(path, "r+");
  assert_non_null(file);
  size_t len = fread(text, 1, sizeof text, file);
  for (size_t i = 0; i < len; i++) {
    for (int bit = 0; bit < 8; bit++) {
      assert_int_equal(fseek(file, (long)i, SEEK_SET), 0);
      fputc(text[i] ^ (1 << bit), file);
      fflush(file);
      assert_false(sp_layer_record_get(&diff_id, ID, &found));
    }
    assert_int_equal(fseek(file, (long)i, SEEK_SET), 0);
    fputc(text[i], file);
    fflush(file);
  }
  fclose(file);
  assert_true(sp_layer_record_get(&diff_id, ID, &found));
  assert_int_equal(truncate(path, (off_t)len - 1), 0);
  assert_false(sp_layer_record_get(&diff_id, ID, &found));
  sp_layer_record_put(&diff_id, ID, &record);
  assert_int_equal(rename(path, elsewhere), 0); /* under another's name */
  assert_false(sp_layer_record_get(&other, ID, &found));
}

/* Pushes of years: the directory does not grow, and what is used stays. */
static void test_keeps_the_newest(void **state)
{
  (void)state;
  char path[300];
  struct sp_digest kept = digest_of("kept");
  struct sp_layer_record record = {.digest = digest_of("packed"), .size_bytes = 1};
  struct sp_layer_record found;
  sp_layer_record_put(&kept, ID, &record);
  path_of(&kept, path);
  struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
  assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
  for (int i = 0; i < SP_MAX_LAYER_RECORDS; i++) {
    snprintf(path, sizeof path, "%s/layers/%d", state_dir, i);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){{0}, {.tv_sec = 10 + i}}, 0),
                     0);
  }
  assert_true(sp_layer_record_get(&kept, ID, &found)); /* so it is the newest now */
  struct sp_digest more = digest_of("one more");
  sp_layer_record_put(&more, ID, &record);
  assert_true(sp_layer_record_get(&kept, ID, &found));
  assert_true(sp_layer_record_get(&more, ID, &found));
  snprintf(path, sizeof path, "%s/layers/%d", state_dir, SP_MAX_LAYER_RECORDS - 1);
  assert_int_equal(access(path, F_OK), 0);
  /* An eighth went, and the two that were too many. */
  snprintf(path, sizeof path, "%s/layers/%d", state_dir, SP_MAX_LAYER_RECORDS / 8 + 2);
  assert_int_equal(access(path, F_OK), 0);
  snprintf(path, sizeof path, "%s/layers/%d", state_dir, SP_MAX_LAYER_RECORDS / 8 + 1);
  assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_remembers_and_forgets, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_believes_no_other_byte, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_keeps_the_newest, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
