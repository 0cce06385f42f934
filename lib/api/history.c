/* SPDX-License-Identifier: Apache-2.0 */
#include "safeport/history.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/scope.h"
#include "base/state_dir.h"
#include "base/text.h"
#include "journal/runs.h"

SP_DEFINE_AUTO_FREE(struct sp_history, sp_history_free)

static int dup_time(char **out, int64_t unix_s, struct sp_err *err)
{
  char text[SP_RFC3339_MAX];
  sp_clock_format_rfc3339(unix_s, text);
  return sp_text_dup(out, text, err);
}

static int dup_digest(char **out, const struct sp_digest *digest, struct sp_err *err)
{
  char text[SP_DIGEST_TEXT_MAX] = "";
  if (digest->alg != SP_DIGEST_NONE)
    sp_digest_format(digest, text);
  return sp_text_dup(out, text, err);
}

/* -- what one run did */

static int add_image(void *ctx, const struct sp_run_image *image, struct sp_err *err)
{
  struct sp_history_run *run = ctx;
  struct sp_history_image *more = reallocarray(run->images, run->images_known + 1, sizeof *more);
  if (!more)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the images of a run");
  run->images = more;
  struct sp_history_image *made = &more[run->images_known++];
  *made = (struct sp_history_image){.err = SP_ERR_INIT};
  if (image->why)
    made->err = *image->why;
  if (sp_text_dup(&made->image, image->image, err) < 0 ||
      sp_text_dup(&made->place, image->place, err) < 0 ||
      sp_text_dup(&made->result, image->result, err) < 0)
    return -1;
  return dup_digest(&made->digest, &image->digest, err);
}

static int add_write(void *ctx, const struct sp_run_write *write, struct sp_err *err)
{
  struct sp_history_run *run = ctx;
  struct sp_history_write *more = reallocarray(run->writes, run->writes_known + 1, sizeof *more);
  if (!more)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the writes of a run");
  run->writes = more;
  struct sp_history_write *made = &more[run->writes_known++];
  *made = (struct sp_history_write){.size_bytes = write->size_bytes};
  if (sp_text_dup(&made->kind, sp_write_kind_name(write->kind), err) < 0 ||
      sp_text_dup(&made->place, write->place, err) < 0 ||
      sp_text_dup(&made->tag, write->tag, err) < 0 || dup_time(&made->at, write->at_s, err) < 0 ||
      dup_digest(&made->digest, &write->digest, err) < 0)
    return -1;
  return dup_digest(&made->digest_before, &write->before, err);
}

/* -- runs */

static int fill_run(struct sp_history_run *out, const struct sp_run *run, struct sp_err *err)
{
  *out = (struct sp_history_run){
      .id = run->id,
      .exit_status = run->exit_status,
      .image_count = run->images,
      .failed_count = run->failed,
      .write_count = run->writes,
      .bytes_sent = run->bytes_sent,
  };
  if (sp_text_dup(&out->command, run->command, err) < 0 ||
      sp_text_dup(&out->subject, run->subject, err) < 0 ||
      dup_time(&out->started, run->started_s, err) < 0)
    return -1;
  return run->ended_s ? dup_time(&out->ended, run->ended_s, err) : 0;
}

static int fill(struct sp_history *history, const struct sp_run *runs, size_t count,
                struct sp_err *err)
{
  history->runs = calloc(count ? count : 1, sizeof *history->runs);
  if (!history->runs)
    return sp_fail(err, SP_E_NOMEM, "out of memory for runs");
  for (size_t i = 0; i < count; i++) {
    history->run_count++;
    if (fill_run(&history->runs[i], &runs[i], err) < 0)
      return -1;
  }
  return 0;
}

static int read_list(struct sp_journal *journal, size_t limit, struct sp_history *history,
                     struct sp_err *err)
{
  struct sp_run *runs;
  size_t count;
  if (sp_runs_list(journal, limit, &runs, &count, err) < 0)
    return -1;
  int failed = fill(history, runs, count, err);
  sp_runs_free(runs, count);
  return failed;
}

static int read_one(struct sp_journal *journal, int64_t id, struct sp_history *history,
                    struct sp_err *err)
{
  struct sp_run *run;
  if (sp_runs_get(journal, id, &run, err) < 0)
    return -1;
  int failed = fill(history, run, 1, err);
  sp_runs_free(run, 1);
  if (failed)
    return -1;
  const struct sp_run_visitor visitor = {
      .image = add_image, .write = add_write, .ctx = &history->runs[0]};
  history->has_details = true;
  return sp_runs_walk(journal, id, &visitor, err);
}

/* Here, where history is all that was asked for, trouble is failure. */
static int check_trouble(struct sp_journal *journal, struct sp_err *err)
{
  struct sp_err trouble = SP_ERR_INIT;
  if (!sp_journal_trouble(journal, &trouble))
    return 0;
  sp_err_copy(err, &trouble);
  if (trouble.code == SP_E_INVALID || trouble.code == SP_E_UNSUPPORTED)
    err->code = SP_E_IO; /* local state, in any case */
  return sp_err_context(err, "cannot read the history of this host");
}

int sp_history_read(const char *state_dir, int64_t run, size_t limit, struct sp_history **out,
                    struct sp_err *err)
{
  SP_AUTO_FREE char *dir = NULL;
  SP_AUTO_JOURNAL struct sp_journal *journal = NULL;
  SP_CLEANUP(sp_history_free_auto_) struct sp_history *history = calloc(1, sizeof *history);
  if (!history)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the history");
  int found = state_dir ? sp_text_dup(&dir, state_dir, err) : sp_state_dir_find(&dir, err);
  if (found < 0 || sp_journal_open(dir, SP_JOURNAL_READ, &journal, err) < 0)
    return -1;
  struct sp_err why = SP_ERR_INIT;
  int failed =
      run ? read_one(journal, run, history, &why) : read_list(journal, limit, history, &why);
  /* A run that is "not there" may be one that cannot be read. */
  if (check_trouble(journal, err) < 0)
    return -1;
  if (failed) {
    sp_err_copy(err, &why);
    return -1;
  }
  *out = sp_steal(&history);
  return 0;
}

static void clear_run(struct sp_history_run *run)
{
  for (size_t i = 0; i < run->images_known; i++) {
    struct sp_history_image *image = &run->images[i];
    free(image->image);
    free(image->place);
    free(image->result);
    free(image->digest);
  }
  for (size_t i = 0; i < run->writes_known; i++) {
    struct sp_history_write *write = &run->writes[i];
    free(write->kind);
    free(write->at);
    free(write->place);
    free(write->tag);
    free(write->digest);
    free(write->digest_before);
  }
  free(run->images);
  free(run->writes);
  free(run->command);
  free(run->subject);
  free(run->started);
  free(run->ended);
}

void sp_history_free(struct sp_history *history)
{
  if (!history)
    return;
  for (size_t i = 0; i < history->run_count; i++)
    clear_run(&history->runs[i]);
  free(history->runs);
  free(history);
}
