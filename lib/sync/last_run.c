/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/last_run.h"

#include <string.h>

#define RUNS_BACK 200

int sp_last_runs_read(struct sp_last_runs *last, struct sp_journal *journal, struct sp_err *err)
{
  return sp_runs_list(journal, RUNS_BACK, &last->runs, &last->count, err);
}

void sp_last_runs_clear(struct sp_last_runs *last)
{
  sp_runs_free(last->runs, last->count);
  *last = (struct sp_last_runs){0};
}

/* subject: names, as they were written, with blanks between; "" = all. */
static bool is_about(const char *subject, const char *image)
{
  size_t whole = strlen(image);
  size_t space = strcspn(image, "/");
  if (!*subject)
    return true;
  for (const char *word = subject; *word; word += strspn(word, " ")) {
    size_t len = strcspn(word, " ");
    if ((len == whole || len == space) && strncmp(word, image, len) == 0)
      return true;
    word += len;
  }
  return false;
}

int64_t sp_last_runs_ended_s(const struct sp_last_runs *last, const char *image)
{
  for (size_t i = 0; i < last->count; i++) {
    const struct sp_run *run = &last->runs[i];
    if (strcmp(run->command, "sync") == 0 && run->ended_s > 0 && run->exit_status < 128 &&
        is_about(run->subject, image))
      return run->ended_s;
  }
  return 0;
}
