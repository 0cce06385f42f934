/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of index.json once per tag costs what one tag costs: nothing here is timed, what is
 * read and parsed is counted. And what another process wrote is never overlooked, even by a clock
 * and a file system that show no difference. */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "layout/index_cache.h"
#include "layout/lock.h"
#include "oci/media_type.h"

#define TAGS 300
#define WORDS 3 /* images; the tags name them in turn */

SP_DEFINE_AUTO_CLEAR(struct fx_image, fx_image_clear)
#define AUTO_IMAGE SP_CLEANUP(fx_image_clear_auto_)

/* -- what is counted, and the clock and the looks that lie */

static atomic_size_t parses;   /* documents with entries */
static atomic_size_t reads;    /* of index.json, whole */
static atomic_size_t looks;    /* that were looked into */
static atomic_size_t replaced; /* index.json, by ours */
static int64_t passed_s;
static bool is_frozen; /* every look at index.json shows what the first one showed */
static struct stat frozen;

int __real_sp_json_parse(struct sp_span text, json_t **out, struct sp_err *err);
int __wrap_sp_json_parse(struct sp_span text, json_t **out, struct sp_err *err);
int __wrap_sp_json_parse(struct sp_span text, json_t **out, struct sp_err *err)
{
  int rc = __real_sp_json_parse(text, out, err);
  parses += rc == 0 && json_object_get(*out, "manifests");
  return rc;
}

int __real_sp_file_read(int dir_fd, const char *name, struct sp_buf *out, struct sp_err *err);
int __wrap_sp_file_read(int dir_fd, const char *name, struct sp_buf *out, struct sp_err *err);
int __wrap_sp_file_read(int dir_fd, const char *name, struct sp_buf *out, struct sp_err *err)
{
  reads += strcmp(name, SP_INDEX_FILE) == 0;
  return __real_sp_file_read(dir_fd, name, out, err);
}

int __real_sp_file_replace(int dir_fd, const char *name, mode_t mode, struct sp_span bytes,
                           struct sp_err *err);
int __wrap_sp_file_replace(int dir_fd, const char *name, mode_t mode, struct sp_span bytes,
                           struct sp_err *err);
int __wrap_sp_file_replace(int dir_fd, const char *name, mode_t mode, struct sp_span bytes,
                           struct sp_err *err)
{
  replaced += strcmp(name, SP_INDEX_FILE) == 0;
  return __real_sp_file_replace(dir_fd, name, mode, bytes, err);
}

int __real_sp_desc_from_json(const json_t *obj, struct sp_desc *out, struct sp_err *err);
int __wrap_sp_desc_from_json(const json_t *obj, struct sp_desc *out, struct sp_err *err);
int __wrap_sp_desc_from_json(const json_t *obj, struct sp_desc *out, struct sp_err *err)
{
  looks++;
  return __real_sp_desc_from_json(obj, out, err);
}

int64_t __real_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void)
{
  return __real_sp_clock_wall_s() + passed_s;
}

static char dir[FX_PATH_MAX];
static char index_path[FX_PATH_MAX];
static struct fx_place place;

static bool is_index(const struct stat *facts)
{
  struct stat now;
  return stat(index_path, &now) == 0 && now.st_ino == facts->st_ino;
}

int __real_fstat64(int fd, struct stat *facts);
int __wrap_fstat64(int fd, struct stat *facts);
int __wrap_fstat64(int fd, struct stat *facts)
{
  int rc = __real_fstat64(fd, facts);
  if (rc == 0 && is_frozen && is_index(facts))
    *facts = frozen;
  return rc;
}

/* -- a layout with many tags */

static void format_entry(char out[512], size_t i, size_t shift)
{
  char digest[SP_DIGEST_TEXT_MAX];
  char word[2] = {(char)('a' + (i + shift) % WORDS), '\0'};
  struct sp_digest named = fx_image_digest(word);
  sp_digest_format(&named, digest);
  snprintf(out, 512,
           "%s{\"mediaType\":\"" SP_MEDIA_OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":442,"
           "\"annotations\":{\"org.opencontainers.image.ref.name\":\"t%zu\"}}",
           i > 0 ? "," : "", digest, i);
}

/* Tag i names image (i + shift) % WORDS. The length does not depend on shift. */
static void write_index(const char *path, size_t shift)
{
  SP_AUTO_BUF struct sp_buf out;
  struct sp_err err = SP_ERR_INIT;
  sp_buf_init(&out, SIZE_MAX);
  fx_must(sp_buf_append_str(&out, "{\"schemaVersion\":2,\"manifests\":[", &err), &err);
  for (size_t i = 0; i < TAGS; i++) {
    char entry[512];
    format_entry(entry, i, shift);
    fx_must(sp_buf_append_str(&out, entry, &err), &err);
  }
  fx_must(sp_buf_append_str(&out, "]}", &err), &err);
  fx_write_file(path, out.data, out.len);
}

/* As another process would: by a rename, or in place. */
static void replace_index(size_t shift, bool in_place)
{
  char other[FX_PATH_MAX];
  fx_join(other, dir, "other");
  write_index(in_place ? index_path : other, shift);
  if (!in_place)
    assert_int_equal(rename(other, index_path), 0);
}

static int set_up(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  fx_make_dir(dir);
  fx_join(index_path, dir, SP_INDEX_FILE);
  place = (struct fx_place){.dir = dir};
  is_frozen = false;
  passed_s = 0;
  for (char word[] = "a"; word[0] < 'a' + WORDS; word[0]++)
    fx_must(fx_publish(&place, word, &err), &err);
  replace_index(0, false);
  return 0;
}

static int tear_down(void **state)
{
  (void)state;
  is_frozen = false;
  fx_remove_tree(dir);
  return 0;
}

static void start_counting(void)
{
  parses = 0;
  reads = 0;
  looks = 0;
  replaced = 0;
}

static void freeze(void)
{
  assert_int_equal(stat(index_path, &frozen), 0);
  is_frozen = true;
}

static struct sp_digest digest_of_tag(size_t i, size_t shift)
{
  char word[2] = {(char)('a' + (i + shift) % WORDS), '\0'};
  return fx_image_digest(word);
}

static int ask(struct sp_store *store, size_t i, struct sp_named *out, struct sp_err *err)
{
  char tag[32];
  snprintf(tag, sizeof tag, "t%zu", i);
  return sp_store_resolve(store, tag, out, err);
}

static void must_name(struct sp_store *store, size_t i, size_t shift)
{
  struct sp_digest want = digest_of_tag(i, shift);
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  fx_must(ask(store, i, &named, &err), &err);
  assert_true(sp_digest_eq(&named.digest, &want));
}

/* -- cost */

static void ask_all(struct sp_store *store)
{
  struct sp_err err = SP_ERR_INIT;
  for (size_t i = 0; i < TAGS; i++) {
    char word[2] = {(char)('a' + i % WORDS), '\0'};
    SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes bytes;
    struct sp_named named;
    struct sp_digest digest = fx_image_digest(word);
    sp_manifest_bytes_init(&bytes);
    must_name(store, i, 0);
    fx_must(sp_store_stat_manifest(store, &digest, &named, &err), &err);
    fx_must(sp_store_get_manifest(store, &digest, &bytes, &err), &err);
  }
}

static void test_parses_once_for_all_tags(void **state)
{
  (void)state;
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  passed_s = SP_INDEX_SETTLE_S + 1;
  start_counting();
  ask_all(store);
  assert_int_equal(parses, 1);
  assert_int_equal(reads, 1);
  assert_int_equal(looks, 3 * TAGS); /* each question looks into one of them */
}

static void test_a_file_that_is_young_is_read_and_not_parsed(void **state)
{
  (void)state;
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  start_counting();
  ask_all(store);
  assert_int_equal(parses, 1);
  assert_int_equal(reads, 3 * TAGS);
}

static void test_lists_referrers_without_going_through_all(void **state)
{
  struct sp_err err = SP_ERR_INIT;
  (void)state;
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  passed_s = SP_INDEX_SETTLE_S + 1;
  start_counting();
  for (size_t i = 0; i < TAGS; i++) {
    SP_CLEANUP(sp_referrers_clear_auto_) struct sp_referrers list = {0};
    struct sp_digest subject = fx_image_digest("a");
    subject.raw[0] ^= 1; /* nobody refers to it */
    fx_must(sp_store_list_referrers(store, &subject, &list, &err), &err);
    assert_int_equal(list.count, 0);
  }
  assert_in_range(looks, TAGS, 2 * TAGS);
  assert_int_equal(parses, 1);
}

static void test_sets_tags_without_parsing_again(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  (void)state;
  fx_image_make(&image, "a", NULL);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  start_counting();
  for (size_t i = 0; i < TAGS; i++) {
    char tag[32];
    struct sp_named named;
    snprintf(tag, sizeof tag, "new%zu", i);
    fx_must(fx_tag(store, &image, tag, &err), &err);
    fx_must(sp_store_resolve(store, tag, &named, &err), &err);
  }
  assert_int_equal(parses, 1);
  assert_true(looks < 12 * TAGS); /* there are some for each, and not all for each */
  fx_must_be(&place, "new0", "a");
  SP_AUTO_STORE struct sp_store *other = fx_open(&place, SP_LAYOUT_READ);
  must_name(other, TAGS - 1, 0); /* what was there is there */
}

/* -- changes by others */

/* The worst that a file system can do: the same length, inode and times. Only a file that was young
 * when it was read can come to look so. */
static void test_sees_a_change_that_cannot_be_seen_by_looks(void **state)
{
  (void)state;
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  freeze();
  must_name(store, 7, 0);
  replace_index(1, false);
  must_name(store, 7, 1);
  replace_index(2, true);
  must_name(store, 7, 2);
  /* Read as old, it looks the same only if it is: this proves that the freeze deceives. */
  passed_s = SP_INDEX_SETTLE_S + 1;
  must_name(store, 7, 2);
  replace_index(0, false);
  must_name(store, 7, 2);
}

/* A rename in the same second, the same length; and the old file was old. */
static void test_sees_a_change_of_a_file_that_was_old(void **state)
{
  (void)state;
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  passed_s = SP_INDEX_SETTLE_S + 1;
  for (size_t shift = 0; shift < 50; shift++) {
    must_name(store, 7, shift);
    replace_index(shift + 1, shift % 2 == 0);
  }
}

/* Who changes it reads its bytes, whatever it looks like: no tag of another process is lost. */
static void test_a_writer_believes_no_looks(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  (void)state;
  fx_image_make(&image, "a", NULL);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  freeze();
  passed_s = SP_INDEX_SETTLE_S + 1;
  must_name(store, 7, 0);
  replace_index(1, false);
  fx_must(fx_tag(store, &image, "mine", &err), &err);
  is_frozen = false;
  SP_AUTO_STORE struct sp_store *other = fx_open(&place, SP_LAYOUT_READ);
  must_name(other, 7, 1);
  fx_must_be(&place, "mine", "a");
}

static void test_sees_damage_and_that_it_is_mended(void **state)
{
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  (void)state;
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  passed_s = SP_INDEX_SETTLE_S + 1;
  must_name(store, 7, 0);
  fx_write_file(index_path, "{\"schemaVersion\":2,", 19);
  for (int again = 0; again < 2; again++) {
    fx_must_fail(sp_store_resolve(store, "t7", &named, &err), &err, SP_E_INVALID);
    assert_non_null(strstr(err.msg, "put back a copy"));
  }
  unlink(index_path);
  fx_must_fail(sp_store_resolve(store, "t7", &named, &err), &err, SP_E_INVALID);
  assert_non_null(strstr(err.msg, "has no 'index.json'"));
  fx_write_file(index_path, "", 0);
  fx_must_fail(sp_store_resolve(store, "t7", &named, &err), &err, SP_E_INVALID);
  replace_index(0, false);
  must_name(store, 7, 0);
}

/* -- threads: readers and a writer share states. They answer what they saw: only the thread of the
 * test may assert. */

static struct sp_digest wanted[TAGS];

/* Answers a wrong tag's number plus one, or NULL. */
static void *ask_until_told(void *store)
{
  for (size_t i = 0; i < 2000; i++) {
    struct sp_named named;
    struct sp_err err = SP_ERR_INIT;
    if (ask(store, i % TAGS, &named, &err) < 0 || !sp_digest_eq(&named.digest, &wanted[i % TAGS]))
      return (void *)(uintptr_t)(i % TAGS + 1);
  }
  return NULL;
}

static void test_threads_share_what_is_known(void **state)
{
  AUTO_IMAGE struct fx_image image;
  struct sp_err err = SP_ERR_INIT;
  pthread_t threads[4];
  (void)state;
  fx_image_make(&image, "a", NULL);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  for (size_t i = 0; i < TAGS; i++)
    wanted[i] = digest_of_tag(i, 0);
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, ask_until_told, store), 0);
  int rc = 0;
  for (size_t i = 0; i < 50 && rc == 0; i++) {
    char tag[32];
    snprintf(tag, sizeof tag, "new%zu", i % 10);
    rc = fx_tag(store, &image, tag, &err);
  }
  void *wrong[4];
  for (size_t i = 0; i < 4; i++)
    pthread_join(threads[i], &wrong[i]);
  for (size_t i = 0; i < 4; i++)
    assert_null(wrong[i]);
  fx_must(rc, &err);
  fx_must_be(&place, "new9", "a");
}

/* -- writers in one process wait for each other, and are written together */

#define WRITERS 8

static struct sp_store *shared;
static const struct fx_image *common;
static bool has_bad; /* one of them sets a name that no document can hold */

static void *set_own_tag(void *arg)
{
  struct sp_err err = SP_ERR_INIT;
  size_t i = (size_t)(uintptr_t)arg;
  bool is_bad = has_bad && i == 3;
  char tag[32];
  snprintf(tag, sizeof tag, is_bad ? "bad\xff%zu" : "own%zu", i);
  int rc = fx_tag(shared, common, tag, &err);
  return (void *)(uintptr_t)(rc == (is_bad ? -1 : 0));
}

/* Somebody has the lock until all of them wait (one that finds no memory does not: there is an end
 * to that). */
static void set_all_at_once(void)
{
  bool is_right = true;
  SP_AUTO_LOCK struct sp_lock lock = SP_LOCK_INIT;
  SP_AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct sp_err err = SP_ERR_INIT;
  pthread_t threads[WRITERS];
  start_counting();
  fx_must(sp_lock_take(&lock, fd, 0644, "test", NULL, &err), &err);
  for (size_t i = 0; i < WRITERS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, set_own_tag, (void *)(uintptr_t)i), 0);
  for (int ms = 0; reads < WRITERS && ms < 5000; ms++) /* each looks before it waits */
    usleep(1000);
  usleep(200000);
  sp_lock_clear(&lock);
  for (size_t i = 0; i < WRITERS; i++) {
    void *is_own_right;
    pthread_join(threads[i], &is_own_right);
    is_right = is_right && is_own_right;
  }
  assert_true(is_right);
}

static void write_all_at_once(bool with_bad)
{
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  AUTO_IMAGE struct fx_image image;
  fx_image_make(&image, "a", NULL);
  shared = store;
  common = &image;
  has_bad = with_bad;
  set_all_at_once();
}

static void must_have_own_tags(size_t but)
{
  for (size_t i = 0; i < WRITERS; i++) {
    char tag[32];
    snprintf(tag, sizeof tag, "own%zu", i);
    if (i != but)
      fx_must_be(&place, tag, "a");
  }
}

static void test_changes_that_wait_are_written_together(void **state)
{
  (void)state;
  write_all_at_once(false);
  assert_in_range(replaced, 1, WRITERS / 2);
  must_have_own_tags(WRITERS);
}

static void test_a_change_that_fails_fails_alone(void **state)
{
  (void)state;
  write_all_at_once(true);
  must_have_own_tags(3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_parses_once_for_all_tags),
      TEST(test_a_file_that_is_young_is_read_and_not_parsed),
      TEST(test_lists_referrers_without_going_through_all),
      TEST(test_sets_tags_without_parsing_again),
      TEST(test_sees_a_change_that_cannot_be_seen_by_looks),
      TEST(test_sees_a_change_of_a_file_that_was_old),
      TEST(test_a_writer_believes_no_looks),
      TEST(test_sees_damage_and_that_it_is_mended),
      TEST(test_threads_share_what_is_known),
      TEST(test_changes_that_wait_are_written_together),
      TEST(test_a_change_that_fails_fails_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
