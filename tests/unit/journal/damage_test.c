/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's file as bytes from outside: flipped, cut, overwritten, mixed with an older one,
 * with a rollback journal that is not its own. A thousand seeds; the seed is in every message.
 * Whatever the file is: no crash, no invented fact, and after the next run a journal that works. */
#include "story.h"

#include "base/limits.h"

#ifdef SP_TORTURE_H /* each of its allocations fails once: it runs hundreds of times */
#define SEEDS 40
#else
#define SEEDS 1000
#endif

static uint64_t dice; /* splitmix64: the same on every machine */
static uint64_t roll(uint64_t below)
{
  uint64_t z = (dice += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (z ^ (z >> 31)) % below;
}

struct bytes {
  char *data;
  size_t len;
};

static struct bytes whole, older; /* the file after all steps, and after half of them */

static struct bytes read_file(const char *path)
{
  struct bytes bytes = {.data = malloc(1 << 20)};
  int fd = open(path, O_RDONLY);
  assert_true(fd >= 0 && bytes.data);
  ssize_t n = read(fd, bytes.data, 1 << 20);
  close(fd);
  assert_true(n > 0 && n < 1 << 20);
  bytes.len = (size_t)n;
  return bytes;
}

static void write_file(const char *name, const char *data, size_t len)
{
  int fd = open(scratch_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, data, len), len);
  close(fd);
}

static int make_story(void **state)
{
  if (scratch_make(state) < 0)
    return -1;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  for (unsigned step = 0; step < STORY_STEPS; step++) {
    if (step == STORY_STEPS / 2) {
      sp_journal_close(journal);
      older = read_file(scratch_path("journal.db"));
      journal = journal_open_well(SP_JOURNAL_WRITE);
    }
    story_tell(journal, step);
  }
  assert_int_equal(story_check(journal), STORY_FACTS);
  sp_journal_close(journal);
  whole = read_file(scratch_path("journal.db"));
  return 0;
}

static int forget_story(void **state)
{
  free(whole.data);
  free(older.data);
  return scratch_remove(state);
}

/* -- kinds of damage: each changes a copy of the whole file */

static void flip(struct bytes *file)
{
  for (uint64_t n = 1 + roll(8); n > 0; n--)
    file->data[roll(file->len)] ^= (char)(1u << roll(8));
}
static void overwrite(struct bytes *file)
{
  size_t at = roll(file->len);
  size_t len = 1 + roll(64);
  for (size_t i = at; i < file->len && i < at + len; i++)
    file->data[i] = (char)roll(256);
}
static void cut(struct bytes *file)
{
  file->len = roll(file->len);
}
static void zero_a_page(struct bytes *file)
{
  memset(file->data + roll(file->len / 4096) * 4096, 0, 4096);
}
static void swap_pages(struct bytes *file)
{
  char page[4096];
  char *a = file->data + roll(file->len / 4096) * 4096;
  char *b = file->data + roll(file->len / 4096) * 4096;
  memcpy(page, a, 4096);
  memmove(a, b, 4096);
  memcpy(b, page, 4096);
}
static void page_of_older(struct bytes *file)
{
  size_t at = roll(older.len / 4096) * 4096;
  memcpy(file->data + at, older.data + at, 4096);
}
static void flip_the_head(struct bytes *file)
{
  file->data[roll(100)] ^= (char)(1u << roll(8));
}
static void become_older(struct bytes *file)
{
  memcpy(file->data, older.data, older.len);
  file->len = older.len;
}

static void (*const damages[])(struct bytes *) = {
    flip,        flip,       flip,          overwrite,     cut,
    zero_a_page, swap_pages, page_of_older, flip_the_head, become_older};
#define DAMAGES (sizeof damages / sizeof damages[0])

static void check_both_ways(void)
{
  /* Reading first: nothing may be moved or made by it. */
  struct sp_journal *journal = journal_open(SP_JOURNAL_READ);
  story_check(journal);
  sp_journal_close(journal);
  assert_false(scratch_has("journal.db.bad"));
  journal = journal_open(SP_JOURNAL_WRITE);
  story_check(journal);
  story_tell(journal, STORY_STEPS - 1);
  sp_journal_flush(journal);
  story_check(journal);
  enum sp_code trouble = journal_trouble(journal);
  assert_true(trouble == SP_OK || trouble == SP_E_INVALID || trouble == SP_E_UNSUPPORTED);
  sp_journal_close(journal);
  /* And the run after that has a journal that works (a newer version's stays what it is). */
  journal = journal_open(SP_JOURNAL_WRITE);
  story_check(journal);
  story_tell(journal, STORY_STEPS - 1);
  sp_journal_flush(journal);
  assert_true(story_check(journal) >= 2 * STORY_PLACES * STORY_TAGS);
  sp_journal_close(journal);
}

static void test_damage(void **state)
{
  (void)state;
  SP_AUTO_FREE char *copy = malloc(whole.len);
  for (unsigned seed = 0; seed < SEEDS; seed++) {
    struct bytes file = {.data = copy, .len = whole.len};
    memcpy(copy, whole.data, whole.len);
    dice = seed;
    damages[seed % DAMAGES](&file);
    print_message("# seed %u\n", seed); /* the last one is the one that failed */
    write_file("journal.db", file.data, file.len);
    (void)unlink(scratch_path("journal.db-journal"));
    (void)unlink(scratch_path("journal.db.bad"));
    if (roll(4) == 0) { /* a rollback journal that nobody of ours wrote */
      for (size_t i = 0; i < 4096 && i < file.len; i++)
        file.data[i] = (char)roll(256);
      write_file("journal.db-journal", file.data, roll(4096));
    }
    check_both_ways();
  }
}

/* Every byte of the first kilobytes of each page kind would take long; every bit of a few rows does
 * not: a flip in a row is always seen. */
static void test_every_bit_of_some_rows(void **state)
{
  (void)state;
  SP_AUTO_FREE char *copy = malloc(whole.len);
  size_t start = 0;
  for (size_t i = 4096; i + 5 < whole.len && !start; i++) {
    if (memcmp(whole.data + i, "tag-9", 5) == 0)
      start = i - 16;
  }
  assert_true(start > 0);
  for (size_t bit = 0; bit < 120 * 8; bit++) {
    memcpy(copy, whole.data, whole.len);
    copy[start + bit / 8] ^= (char)(1u << bit % 8);
    write_file("journal.db", copy, whole.len);
    (void)unlink(scratch_path("journal.db-journal"));
    struct sp_journal *journal = journal_open(SP_JOURNAL_READ);
    story_check(journal);
    sp_journal_close(journal);
  }
}

static void test_not_a_file(void **state)
{
  (void)state;
  static const char *const kinds[] = {"missing", "empty", "link", "directory", "fifo", "text"};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    const char *path = scratch_path("journal.db");
    (void)remove(scratch_path("journal.db.bad"));
    path = scratch_path("journal.db");
    (void)remove(path);
    if (i == 1)
      write_file("journal.db", "", 0);
    if (i == 2)
      assert_int_equal(symlink("/etc/passwd", path), 0);
    if (i == 3)
      assert_int_equal(mkdir(path, 0700), 0);
    if (i == 4)
      assert_int_equal(mkfifo(path, 0600), 0);
    if (i == 5)
      write_file("journal.db",
                 "not a database, and longer than its head: xxxxxxxxxxxxxxxxxxxxx"
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                 120);
    struct sp_journal *journal = journal_open(SP_JOURNAL_WRITE);
    if (journal_trouble(journal) != (i < 2 ? SP_OK : SP_E_INVALID))
      fail_msg("%s: %d", kinds[i], (int)journal_trouble(journal));
    story_tell(journal, 0);
    assert_int_equal(story_check(journal), 2 * STORY_PLACES * STORY_TAGS);
    sp_journal_close(journal);
    assert_int_equal(scratch_has("journal.db.bad"), i >= 2);
    journal = journal_open_well(SP_JOURNAL_READ);
    assert_int_equal(story_check(journal), 2 * STORY_PLACES * STORY_TAGS);
    sp_journal_close(journal);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_damage),
      cmocka_unit_test(test_every_bit_of_some_rows),
      cmocka_unit_test(test_not_a_file),
  };
  return cmocka_run_group_tests(tests, make_story, forget_story);
}
