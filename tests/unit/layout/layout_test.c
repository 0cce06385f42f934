/* SPDX-License-Identifier: Apache-2.0 */
/* The store that is a layout: what it keeps, and that it can be led nowhere. */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
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

/* -- what it keeps */

static void test_publishes_and_reads_back(void **state)
{
  (void)state;
  publish("one");
  publish("two");
  fx_must_be(&place, "one", "one");
  fx_must_be(&place, "two", "two");
  fx_must_be(&place, "latest", "two");
  assert_null(fx_wrong_blob(dir));
  assert_int_equal(fx_count_temps(dir), 0);
}

static void test_lists_tags_sorted(void **state)
{
  SP_CLEANUP(sp_tag_page_clear_auto_) struct sp_tag_page page = {0};
  struct sp_err err = SP_ERR_INIT;
  (void)state;
  publish("zeta");
  publish("alpha");
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  fx_must(sp_store_list_tags(store, NULL, &page, &err), &err);
  assert_int_equal(page.count, 3);
  assert_string_equal(page.tags[0], "alpha");
  assert_string_equal(page.tags[1], "latest");
  assert_string_equal(page.tags[2], "zeta");
  assert_null(page.next);
}

static void test_reads_from_an_offset_and_empty_blobs(void **state)
{
  SP_AUTO_BUF struct sp_buf bytes;
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest;
  (void)state;
  sp_buf_init(&bytes, 4096);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  fx_must(fx_put_blob(store, "0123456789", 10, &digest, &err), &err);
  fx_must(fx_read_blob(store, &digest, 10, 7, &bytes, &err), &err);
  assert_string_equal(sp_buf_str(&bytes), "789");
  fx_must_fail(fx_read_blob(store, &digest, 11, 0, &bytes, &err), &err, SP_E_DIGEST);
  sp_buf_reset(&bytes);
  fx_must(fx_put_blob(store, "", 0, &digest, &err), &err);
  fx_must(fx_read_blob(store, &digest, 0, 0, &bytes, &err), &err);
  assert_int_equal(bytes.len, 0);
}

static void test_keeps_large_blobs_whole(void **state)
{
  size_t len = 20u * SP_MIB + 7; /* several windows of flushing */
  SP_AUTO_FREE char *bytes = malloc(len);
  SP_AUTO_BUF struct sp_buf back;
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest;
  (void)state;
  sp_buf_init(&back, len);
  for (size_t i = 0; i < len; i++)
    bytes[i] = (char)(i * 2654435761u >> 13);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  fx_must(fx_put_blob(store, bytes, len, &digest, &err), &err);
  fx_must(fx_read_blob(store, &digest, len, 0, &back, &err), &err);
  assert_int_equal(back.len, len);
  assert_memory_equal(back.data, bytes, len);
}

static void test_a_draft_that_is_given_up_leaves_nothing(void **state)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest;
  struct sp_writer *writer = NULL;
  struct sp_blob_state blob;
  (void)state;
  fx_must(sp_digest_of(SP_DIGEST_SHA256, "abc", 3, &digest, &err), &err);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  fx_must(sp_store_begin_write(store, &digest, 3, &writer, &err), &err);
  assert_int_equal(fx_count_temps(dir), 1);
  fx_must_fail(writer->ops->finish(writer, &err), &err, SP_E_INTERNAL); /* nothing was written */
  writer->ops->close(writer);
  assert_int_equal(fx_count_temps(dir), 0);
  fx_must(sp_store_check_blob(store, &digest, 3, SP_PROOF_TOUCHED, &blob, &err), &err);
  assert_int_equal(blob.state, SP_BLOB_ABSENT);
}

/* -- opening */

static const struct {
  const char *mark; /* oci-layout; NULL: missing */
  enum sp_code code;
} marks[] = {
    {"{\"imageLayoutVersion\":\"1.0.0\"}", SP_OK},
    {" {\"imageLayoutVersion\": \"1.0.0\", \"x\": 1}\n", SP_OK},
    {"{\"imageLayoutVersion\":\"2.0.0\"}", SP_E_INVALID},
    {"{\"imageLayoutVersion\":\"1.0.0-\\u001b[31m\"}", SP_E_INVALID},
    {"{\"imageLayoutVersion\":1}", SP_E_INVALID},
    {"{}", SP_E_INVALID},
    {"", SP_E_INVALID},
    {"1.0.0", SP_E_INVALID},
    {NULL, SP_E_INVALID},
};

static void test_opens_only_layouts_of_its_version(void **state)
{
  char path[FX_PATH_MAX];
  (void)state;
  publish("one");
  fx_join(path, dir, "oci-layout");
  for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
    SP_AUTO_STORE struct sp_store *store = NULL;
    struct sp_err err = SP_ERR_INIT;
    unlink(path);
    if (marks[i].mark)
      fx_write_file(path, marks[i].mark, strlen(marks[i].mark));
    (void)!fx_try_open(&place, SP_LAYOUT_READ, &store, &err);
    if (err.code != marks[i].code)
      fail_msg("case %zu: %s: %s", i, sp_code_name(err.code), err.msg);
    assert_null(strchr(err.msg, '\x1b'));
    if (!marks[i].mark || marks[i].code == SP_OK)
      continue;
    fx_must_fail(fx_try_open(&place, SP_LAYOUT_WRITE, &store, &err), &err, SP_E_INVALID);
    SP_AUTO_FREE char *text = fx_read_file(path, NULL);
    assert_string_equal(text, marks[i].mark); /* not ours to mend */
  }
}

static size_t count_names(const char *path)
{
  DIR *listing = opendir(path);
  size_t n = 0;
  while (readdir(listing))
    n++;
  closedir(listing);
  return n;
}

static void test_reading_makes_nothing(void **state)
{
  AUTO_IMAGE struct fx_image image;
  SP_AUTO_STORE struct sp_store *none = NULL;
  struct sp_err err = SP_ERR_INIT;
  struct sp_writer *writer = NULL;
  char path[FX_PATH_MAX];
  struct fx_place missing = {.dir = path};
  bool handled;
  (void)state;
  fx_join(path, dir, "not/there");
  fx_must_fail(fx_try_open(&missing, SP_LAYOUT_READ, &none, &err), &err, SP_E_NOT_FOUND);
  fx_must_fail(fx_try_open(&place, SP_LAYOUT_READ, &none, &err), &err, SP_E_INVALID);
  assert_int_equal(count_names(dir), 2);

  publish("one");
  fx_join(path, dir, ".safeport-lock");
  unlink(path);
  size_t before = count_names(dir);
  fx_image_make(&image, "one", NULL);
  fx_must_be(&place, "latest", "one");
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  fx_must_fail(sp_store_put_manifest(store, &image.manifest, &handled, &err), &err,
               SP_E_UNSUPPORTED);
  fx_must_fail(fx_tag(store, &image, "x", &err), &err, SP_E_UNSUPPORTED);
  fx_must_fail(sp_store_begin_write(store, &image.layer_digest, 3, &writer, &err), &err,
               SP_E_UNSUPPORTED);
  assert_int_equal(count_names(dir), before);
}

static void test_makes_the_directories_that_are_missing(void **state)
{
  static const char *const paths[] = {"a", "b/c/d", "b/../e/f", "g/", "./h"};
  char start[FX_PATH_MAX];
  (void)state;
  assert_non_null(getcwd(start, sizeof start));
  assert_int_equal(chdir(dir), 0);
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    struct fx_place relative = {.dir = paths[i]};
    struct sp_err err = SP_ERR_INIT;
    fx_must(fx_publish(&relative, "one", &err), &err);
    fx_must_be(&relative, "latest", "one");
  }
  struct fx_place astray = {.dir = "no/../such"};
  struct sp_store *store = NULL;
  struct sp_err err = SP_ERR_INIT;
  fx_must_fail(fx_try_open(&astray, SP_LAYOUT_WRITE, &store, &err), &err, SP_E_USAGE);
  assert_int_equal(chdir(start), 0);
}

/* -- hostile blobs: what stands in place of the layer */

static void plant_nothing(const char *path)
{
  (void)path;
}
static void plant_link(const char *path)
{
  assert_int_equal(symlink("/etc/passwd", path), 0);
}
static void plant_link_to_right_bytes(const char *path)
{
  char target[FX_PATH_MAX];
  fx_join(target, dir, "elsewhere");
  fx_write_file(target, "layer of one", 12);
  assert_int_equal(symlink(target, path), 0);
}
static void plant_hard_link(const char *path)
{
  char target[FX_PATH_MAX];
  fx_join(target, dir, "elsewhere");
  assert_int_equal(link(target, path), 0);
}
static void plant_fifo(const char *path)
{
  assert_int_equal(mkfifo(path, 0600), 0);
}
static void plant_device(const char *path)
{
  if (mknod(path, S_IFCHR | 0600, 0x105) < 0) /* only root may */
    plant_fifo(path);
}
static void plant_short(const char *path)
{
  fx_write_file(path, "layer", 5);
}
static void plant_long(const char *path)
{
  fx_write_file(path, "layer of one and more", 21);
}
static void plant_empty(const char *path)
{
  fx_write_file(path, "", 0);
}
static void plant_holes(const char *path)
{
  plant_empty(path);
  assert_int_equal(truncate(path, (off_t)1 << 40), 0);
}
static void plant_flipped(const char *path)
{
  fx_write_file(path, "layer of onf", 12);
}

static const struct {
  const char *what;
  void (*plant)(const char *path);
  int state;
  enum sp_code read; /* SP_OK: opens (its bytes are the caller's affair) */
} plants[] = {
    {"nothing", plant_nothing, SP_BLOB_ABSENT, SP_E_NOT_FOUND},
    {"link", plant_link, SP_BLOB_DAMAGED, SP_E_INVALID},
    {"link to right bytes", plant_link_to_right_bytes, SP_BLOB_DAMAGED, SP_E_INVALID},
    {"hard link", plant_hard_link, SP_BLOB_PRESENT, SP_OK},
    {"fifo", plant_fifo, SP_BLOB_DAMAGED, SP_E_INVALID},
    {"device", plant_device, SP_BLOB_DAMAGED, SP_E_INVALID},
    {"short", plant_short, SP_BLOB_DAMAGED, SP_E_DIGEST},
    {"long", plant_long, SP_BLOB_DAMAGED, SP_E_DIGEST},
    {"empty", plant_empty, SP_BLOB_DAMAGED, SP_E_DIGEST},
    {"holes of a terabyte", plant_holes, SP_BLOB_DAMAGED, SP_E_DIGEST},
    {"flipped", plant_flipped, SP_BLOB_PRESENT, SP_OK},
};

static void check_planted(struct sp_store *store, const struct fx_image *image, size_t i)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_blob_state blob;
  struct sp_reader *reader = NULL;
  uint64_t size_bytes = strlen(image->layer);
  fx_must(
      sp_store_check_blob(store, &image->layer_digest, size_bytes, SP_PROOF_TOUCHED, &blob, &err),
      &err);
  if ((int)blob.state != plants[i].state)
    fail_msg("%s: state %d", plants[i].what, (int)blob.state);
  if (sp_store_open_read(store, &image->layer_digest, size_bytes, 0, &reader, &err) == 0)
    reader->ops->close(reader);
  if (err.code != plants[i].read)
    fail_msg("%s: %s: %s", plants[i].what, sp_code_name(err.code), err.msg);
}

static void test_hostile_blobs_are_refused_and_healed(void **state)
{
  AUTO_IMAGE struct fx_image image;
  char path[FX_PATH_MAX];
  char elsewhere[FX_PATH_MAX];
  (void)state;
  publish("one");
  fx_image_make(&image, "one", NULL);
  fx_blob_path(&place, &image.layer_digest, path);
  fx_join(elsewhere, dir, "elsewhere");
  for (size_t i = 0; i < sizeof plants / sizeof plants[0]; i++) {
    SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
    struct sp_err err = SP_ERR_INIT;
    unlink(path);
    plants[i].plant(path);
    check_planted(store, &image, i);
    fx_must(fx_put_blob(store, image.layer, strlen(image.layer), &image.layer_digest, &err), &err);
    fx_must_be(&place, "latest", "one");
  }
  SP_AUTO_FREE char *text = fx_read_file(elsewhere, NULL);
  assert_string_equal(text, "layer of one"); /* nothing was written through a link */
}

static void test_a_directory_in_place_of_a_blob_is_an_error(void **state)
{
  AUTO_IMAGE struct fx_image image;
  char path[FX_PATH_MAX];
  struct sp_err err = SP_ERR_INIT;
  struct sp_blob_state blob;
  (void)state;
  publish("one");
  fx_image_make(&image, "one", NULL);
  fx_blob_path(&place, &image.layer_digest, path);
  unlink(path);
  assert_int_equal(mkdir(path, 0700), 0);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_WRITE);
  fx_must(sp_store_check_blob(store, &image.layer_digest, 12, SP_PROOF_CLAIMED, &blob, &err), &err);
  assert_int_equal(blob.state, SP_BLOB_DAMAGED);
  fx_must_fail(fx_put_blob(store, image.layer, 12, &image.layer_digest, &err), &err, SP_E_IO);
  assert_int_equal(fx_count_temps(dir), 0);
}

/* Directories on the way that are links lead nowhere, to read or to write. */
static void test_linked_directories_are_refused(void **state)
{
  static const char *const names[] = {"blobs/sha256", "blobs"};
  AUTO_IMAGE struct fx_image image;
  (void)state;
  fx_image_make(&image, "one", NULL);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    char path[FX_PATH_MAX];
    char outside[FX_PATH_MAX];
    SP_AUTO_STORE struct sp_store *store = NULL;
    struct sp_reader *reader = NULL;
    publish("one");
    fx_join(path, dir, names[i]);
    fx_join(outside, dir, "outside");
    assert_int_equal(rename(path, outside), 0);
    assert_int_equal(symlink(outside, path), 0);
    store = fx_open(&place, SP_LAYOUT_READ);
    fx_must_fail(sp_store_open_read(store, &image.layer_digest, 12, 0, &reader, &err), &err,
                 SP_E_INVALID);
    fx_must_fail(fx_publish(&place, "two", &err), &err, SP_E_INVALID);
    unlink(path);
    assert_int_equal(rename(outside, path), 0);
  }
}

/* A bad sector: the length is right, as a claim says, and the last byte does not come. */
static void test_touching_reads_the_last_byte(void **state)
{
  AUTO_IMAGE struct fx_image image;
  SP_AUTO_BUF struct sp_buf bytes;
  struct sp_err err = SP_ERR_INIT;
  struct sp_blob_state blob;
  (void)state;
  sp_buf_init(&bytes, 4096);
  publish("one");
  fx_image_make(&image, "one", NULL);
  SP_AUTO_STORE struct sp_store *store = fx_open(&place, SP_LAYOUT_READ);
  is_unreadable = true;
  int claimed = sp_store_check_blob(store, &image.layer_digest, 12, SP_PROOF_CLAIMED, &blob, &err);
  int state_claimed = blob.state;
  int touched = sp_store_check_blob(store, &image.layer_digest, 12, SP_PROOF_TOUCHED, &blob, &err);
  int read = fx_read_blob(store, &image.layer_digest, 12, 0, &bytes, &err);
  is_unreadable = false;
  assert_int_equal(claimed, 0);
  assert_int_equal(state_claimed, SP_BLOB_PRESENT);
  assert_int_equal(touched, 0);
  assert_int_equal(blob.state, SP_BLOB_DAMAGED);
  assert_int_equal(read, -1);
  assert_int_equal(err.code, SP_E_IO);
  fx_must(sp_store_check_blob(store, &image.layer_digest, 12, SP_PROOF_TOUCHED, &blob, &err), &err);
  assert_int_equal(blob.state, SP_BLOB_PRESENT);
  assert_int_equal(blob.proof, SP_PROOF_TOUCHED);
}

/* -- somebody who may write there too swaps a directory for a link, all the time (S31) */

static void swap_for_ever(const char *a, const char *b)
{
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails goes away without us */
  for (;;)
    (void)!renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

static void test_swapped_directories_lead_nowhere(void **state)
{
  char real[FX_PATH_MAX];
  char trap[FX_PATH_MAX];
  char outside[FX_PATH_MAX];
  unsigned failed = 0;
  (void)state;
  publish("old");
  fx_join(real, dir, "blobs/sha256");
  fx_join(trap, dir, "blobs/trap");
  fx_join(outside, dir, "outside");
  assert_int_equal(mkdir(outside, 0700), 0);
  assert_int_equal(symlink(outside, trap), 0);
  pid_t attacker = fork();
  if (attacker == 0)
    swap_for_ever(real, trap);
  for (unsigned i = 0; i < 300 || (failed == 0 && i < 5000); i++) {
    struct sp_err err = SP_ERR_INIT;
    char word[16];
    snprintf(word, sizeof word, "w%u", i);
    failed += fx_publish(&place, word, &err) < 0;
  }
  kill(attacker, SIGKILL);
  assert_int_equal(waitpid(attacker, NULL, 0), attacker);
  assert_true(failed > 0); /* or nobody attacked */
  assert_int_equal(count_names(outside), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_publishes_and_reads_back),
      TEST(test_lists_tags_sorted),
      TEST(test_reads_from_an_offset_and_empty_blobs),
      TEST(test_keeps_large_blobs_whole),
      TEST(test_a_draft_that_is_given_up_leaves_nothing),
      TEST(test_opens_only_layouts_of_its_version),
      TEST(test_reading_makes_nothing),
      TEST(test_makes_the_directories_that_are_missing),
      TEST(test_hostile_blobs_are_refused_and_healed),
      TEST(test_a_directory_in_place_of_a_blob_is_an_error),
      TEST(test_linked_directories_are_refused),
      TEST(test_swapped_directories_lead_nowhere),
      TEST(test_touching_reads_the_last_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
