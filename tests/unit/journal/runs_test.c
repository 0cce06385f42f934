/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/runs.h"
#include "scratch.h"

#include "base/buf.h"
#include "base/limits.h"

#define T 1700000000

static int64_t begin(struct sp_journal *journal, const char *command)
{
  struct sp_err err = SP_ERR_INIT;
  int64_t id;
  must(sp_runs_begin(journal, command, "app", T, &id, &err), &err);
  assert_true(id > 0);
  return id;
}

static void tell_write(struct sp_journal *journal, int64_t id, enum sp_write_kind kind,
                       uint64_t size_bytes)
{
  struct sp_err err = SP_ERR_INIT;
  const struct sp_run_write write = {.kind = kind,
                                     .at_s = T + 1,
                                     .place = "docker.io/u/app",
                                     .tag = kind == SP_WRITE_TAG ? "latest" : NULL,
                                     .digest = digest_of(1),
                                     .before = kind == SP_WRITE_TAG ? digest_of(7)
                                                                    : (struct sp_digest){0},
                                     .size_bytes = size_bytes};
  must(sp_runs_tell_write(journal, id, &write, &err), &err);
}

static void tell_image(struct sp_journal *journal, int64_t id, const struct sp_err *why)
{
  struct sp_err err = SP_ERR_INIT;
  const struct sp_run_image image = {.image = "ghcr.io/acme/app:v1",
                                     .place = "docker.io/u/app",
                                     .result = why ? "failed" : "copied",
                                     .digest = digest_of(2),
                                     .why = why};
  must(sp_runs_tell_image(journal, id, &image, &err), &err);
}

static void end(struct sp_journal *journal, int64_t id, int exit_status)
{
  struct sp_err err = SP_ERR_INIT;
  must(sp_runs_end(journal, id, exit_status, T + 9, &err), &err);
}

/* What a walk passes, a line each. */
struct story {
  struct sp_buf text;
  int stop_after; /* calls; -1 = never */
};

static int count_down(struct story *story, struct sp_err *err)
{
  if (story->stop_after == 0)
    return sp_fail(err, SP_E_INTERRUPTED, "enough");
  story->stop_after--;
  return 0;
}

static int note_image(void *ctx, const struct sp_run_image *image, struct sp_err *err)
{
  struct story *story = ctx;
  if (count_down(story, err) < 0)
    return -1;
  return sp_buf_appendf(&story->text, err, "%s|%s|%s|%d|%s\n", image->image, image->place,
                        image->result, image->digest.alg == SP_DIGEST_SHA256,
                        image->why ? image->why->msg : "");
}

static int note_write(void *ctx, const struct sp_run_write *write, struct sp_err *err)
{
  struct story *story = ctx;
  if (count_down(story, err) < 0)
    return -1;
  return sp_buf_appendf(&story->text, err, "%s|%s|%s|%d|%llu\n", sp_write_kind_name(write->kind),
                        write->place, write->tag, write->before.alg == SP_DIGEST_SHA512,
                        (unsigned long long)write->size_bytes);
}

static void walk(struct sp_journal *journal, int64_t id, struct story *story, enum sp_code want)
{
  struct sp_err err = SP_ERR_INIT;
  const struct sp_run_visitor visitor = {.image = note_image, .write = note_write, .ctx = story};
  sp_buf_init(&story->text, 1 << 16);
  assert_int_equal(sp_runs_walk(journal, id, &visitor, &err), want == SP_OK ? 0 : -1);
  assert_int_equal(err.code, want);
}

static void test_a_run(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_err why = SP_ERR_INIT;
  struct story story = {.stop_after = -1};
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  sp_fail(&why, SP_E_AUTH, "registry answered 401 \xff\x1b[31m");
  int64_t id = begin(journal, "sync");
  tell_write(journal, id, SP_WRITE_BLOB, 100);
  tell_image(journal, id, &why);
  tell_write(journal, id, SP_WRITE_TAG, 0);
  tell_image(journal, id, NULL);
  tell_write(journal, id, SP_WRITE_MANIFEST, 20);
  end(journal, id, 1);
  sp_journal_close(journal);

  journal = journal_open_well(SP_JOURNAL_READ);
  struct sp_run *run;
  must(sp_runs_get(journal, id, &run, &err), &err);
  assert_string_equal(run->command, "sync");
  assert_string_equal(run->subject, "app");
  assert_int_equal(run->started_s, T);
  assert_int_equal(run->ended_s, T + 9);
  assert_int_equal(run->exit_status, 1);
  assert_int_equal(run->images, 2);
  assert_int_equal(run->failed, 1);
  assert_int_equal(run->writes, 3);
  assert_int_equal(run->bytes_sent, 120);
  sp_runs_free(run, 1);
  walk(journal, id, &story, SP_OK);
  assert_string_equal(sp_buf_str(&story.text),
                      "ghcr.io/acme/app:v1|docker.io/u/app|failed|1|registry answered 401 "
                      "\xff\x1b[31m\n"
                      "ghcr.io/acme/app:v1|docker.io/u/app|copied|1|\n"
                      "blob|docker.io/u/app||0|100\n"
                      "tag|docker.io/u/app|latest|1|0\n"
                      "manifest|docker.io/u/app||0|20\n");
  sp_buf_clear(&story.text);
  assert_int_equal(sp_runs_get(journal, id + 1, &run, &err), -1);
  assert_int_equal(err.code, SP_E_NOT_FOUND);
  sp_journal_close(journal);
}

/* Two places of one image are one image; it failed when it did at either. */
static void test_images_are_counted_once(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_err why = SP_ERR_INIT;
  struct story story = {.stop_after = -1};
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  sp_fail(&why, SP_E_AUTH, "no");
  int64_t id = begin(journal, "sync");
  const struct sp_run_image rows[] = {
      {.image = "app", .place = "one", .result = "copied", .has_failed = true},
      {.image = "app", .place = "two", .result = "failed", .why = &why, .is_more = true},
      {.image = "web", .place = "one", .result = "copied"},
      {.image = "web", .place = "two", .result = "copied", .is_more = true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    must(sp_runs_tell_image(journal, id, &rows[i], &err), &err);
  end(journal, id, 1);
  struct sp_run *run;
  must(sp_runs_get(journal, id, &run, &err), &err);
  assert_int_equal(run->images, 2);
  assert_int_equal(run->failed, 1);
  sp_runs_free(run, 1);
  walk(journal, id, &story, SP_OK);
  assert_string_equal(sp_buf_str(&story.text), "app|one|copied|0|\napp|two|failed|0|no\n"
                                               "web|one|copied|0|\nweb|two|copied|0|\n");
  sp_buf_clear(&story.text);
  sp_journal_close(journal);
}

static void test_a_visitor_of_images_alone(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  struct story story = {.stop_after = -1};
  int64_t id = begin(journal, "verify");
  tell_image(journal, id, NULL);
  tell_write(journal, id, SP_WRITE_BLOB, 1);
  end(journal, id, 0);
  sp_buf_init(&story.text, 1 << 16);
  const struct sp_run_visitor of_images = {.image = note_image, .ctx = &story};
  must(sp_runs_walk(journal, id, &of_images, &err), &err);
  assert_string_equal(sp_buf_str(&story.text), "ghcr.io/acme/app:v1|docker.io/u/app|copied|1|\n");
  sp_buf_clear(&story.text);
  sp_buf_init(&story.text, 1 << 16);
  const struct sp_run_visitor of_writes = {.write = note_write, .ctx = &story};
  must(sp_runs_walk(journal, id, &of_writes, &err), &err);
  assert_string_equal(sp_buf_str(&story.text), "blob|docker.io/u/app||0|1\n");
  sp_buf_clear(&story.text);
}

/* A visitor's failure is its own: the journal stays as good as it was. */
static void test_a_visitor_that_stops(void **state)
{
  (void)state;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  int64_t id = begin(journal, "sync");
  tell_image(journal, id, NULL);
  tell_write(journal, id, SP_WRITE_BLOB, 1);
  end(journal, id, 0);
  for (int calls = 0; calls < 2; calls++) {
    struct story story = {.stop_after = calls};
    walk(journal, id, &story, SP_E_INTERRUPTED);
    sp_buf_clear(&story.text);
  }
  assert_int_equal(journal_trouble(journal), SP_OK);
}

static void test_killed_runs_leave_a_trace(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_run *runs;
  size_t count;
  SP_AUTO_JOURNAL struct sp_journal *dying = journal_open_well(SP_JOURNAL_WRITE);
  begin(dying, "sync"); /* neither flushed nor ended */
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_READ);
  must(sp_runs_list(journal, 10, &runs, &count, &err), &err);
  assert_int_equal(count, 1);
  assert_int_equal(runs[0].ended_s, 0);
  assert_int_equal(runs[0].exit_status, -1);
  sp_runs_free(runs, count);
}

static void test_list(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  struct sp_run *runs;
  size_t count;
  must(sp_runs_list(journal, 10, &runs, &count, &err), &err);
  assert_int_equal(count, 0);
  sp_runs_free(runs, count);
  for (int i = 0; i < 5; i++)
    begin(journal, "sync");
  static const struct {
    size_t limit, want;
  } rows[] = {{0, 0}, {1, 1}, {4, 4}, {5, 5}, {6, 5}, {SIZE_MAX, 5}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    must(sp_runs_list(journal, rows[i].limit, &runs, &count, &err), &err);
    assert_int_equal(count, rows[i].want);
    for (size_t n = 0; n < count; n++)
      assert_int_equal(runs[n].id, 5 - (int64_t)n);
    sp_runs_free(runs, count);
  }
}

static void test_no_run(void **state)
{
  (void)state;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  tell_image(journal, 0, NULL);
  tell_write(journal, 77, SP_WRITE_TAG, 0);
  end(journal, 0, 0);
  assert_int_equal(journal_trouble(journal), SP_OK);
}

static void test_long_texts_are_cut(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  size_t len = 2 * SP_MAX_JOURNAL_TEXT;
  SP_AUTO_FREE char *text = malloc(len + 1);
  struct sp_run *run;
  int64_t id;
  assert_non_null(text);
  memset(text, 'x', len);
  text[len] = '\0';
  must(sp_runs_begin(journal, text, text, T, &id, &err), &err);
  const struct sp_run_image image = {.image = text, .place = text, .result = text};
  must(sp_runs_tell_image(journal, id, &image, &err), &err);
  end(journal, id, 0);
  must(sp_runs_get(journal, id, &run, &err), &err);
  assert_int_equal(strlen(run->subject), SP_MAX_JOURNAL_TEXT);
  assert_int_equal(run->images, 1);
  sp_runs_free(run, 1);
  assert_int_equal(journal_trouble(journal), SP_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_a_run),
      TEST(test_images_are_counted_once),
      TEST(test_a_visitor_of_images_alone),
      TEST(test_a_visitor_that_stops),
      TEST(test_killed_runs_leave_a_trace),
      TEST(test_list),
      TEST(test_no_run),
      TEST(test_long_texts_are_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
