/* SPDX-License-Identifier: Apache-2.0 */
/* With --watch each look is written to memory first and then to the screen at once, so that a slow
 * registry does not make it flicker. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/session.h"
#include "base/clock.h"
#include "base/i18n.h"
#include "base/scope.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/run.h"
#include "cli/status_output.h"
#include "cli/terminal.h"

#define WATCH_EVERY_S 30
#define WATCH_MAX_S 86400

struct status_args {
  const char *config, *watch, *history;
  bool json, size;
};

static const struct option_row status_options[] = {
    {"history", 0, OPTION_TEXT, offsetof(struct status_args, history), N_("N"),
     N_("show the last N digests that each tag named, and since when")},
    {"size", 0, OPTION_FLAG, offsetof(struct status_args, size), NULL,
     N_("say how large each image is, and what its tags share, where a backup is on this host")},
    {"watch", 0, OPTION_MAYBE, offsetof(struct status_args, watch), N_("[=SECONDS]"),
     N_("look again and again, so often (30 if not said), until interrupted")},
    {"config", 0, OPTION_TEXT, offsetof(struct status_args, config), N_("FILE"),
     N_("the safeport.yaml to use; without it the one that 'safeport help sync' says")},
    {"json", 0, OPTION_FLAG, offsetof(struct status_args, json), NULL,
     N_("print the result as one JSON document")},
    OPTION_END};

struct question {
  struct sp_status_options options;
  const struct run *run;
  bool json, quiet;
  uint64_t every_s; /* 0: once */
};

/* One look. Answers the exit status; is_whole: whether it saw everything.
 *   to   borrowed   NULL: stdout */
static int look(struct question *question, FILE *to, bool *is_whole)
{
  SP_CLEANUP(status_output_clear) struct status_output output;
  const struct status_settings settings = {.progress = question->run->progress,
                                           .to = to,
                                           .columns = terminal_get_size(STDOUT_FILENO).columns,
                                           .json = question->json,
                                           .only_findings = question->quiet,
                                           .tells_ci = question->every_s == 0};
  struct sp_status_totals totals;
  struct sp_err err = SP_ERR_INIT;
  status_output_init(&output, &settings);
  question->options.image = status_output_image;
  question->options.ctx = &output;
  int failed = sp_status(question->run->session, &question->options, &totals, &err);
  *is_whole = !failed && totals.err.code == SP_OK;
  return failed ? series_fail(&output.series, &err) : status_output_end(&output, &totals);
}

/* -- again and again */

/* The screen has the newest look: what does not fit is cut, and said to be. */
static void redraw(const char *text)
{
  size_t rows = terminal_get_size(STDOUT_FILENO).rows;
  char now[SP_RFC3339_MAX];
  sp_clock_format_rfc3339(sp_clock_wall_s(), now);
  printf("\033[H\033[J%s\n", now);
  size_t lines = 0;
  for (const char *at = text; *at; at++)
    lines += *at == '\n';
  size_t shown = lines + 2 > rows && rows > 3 ? rows - 3 : lines;
  for (size_t i = 0; i < shown && *text; i++) {
    size_t len = strcspn(text, "\n");
    printf("%.*s\n", (int)len, text);
    text += len + (text[len] == '\n');
  }
  if (shown < lines)
    printf(_("... and %zu lines more: name images, or use --quiet\n"), lines - shown);
}

static void append(const char *text, bool json)
{
  char now[SP_RFC3339_MAX];
  sp_clock_format_rfc3339(sp_clock_wall_s(), now);
  if (!json)
    printf("%s\n", now);
  fputs(text, stdout);
}

static int look_once_more(struct question *question, bool *goes_on)
{
  SP_AUTO_FREE char *text = NULL;
  size_t len = 0;
  struct sp_err err = SP_ERR_INIT;
  FILE *to = open_memstream(&text, &len);
  *goes_on = false;
  if (!to) {
    (void)sp_fail(&err, SP_E_NOMEM, "out of memory");
    return command_fail(&err);
  }
  int status = look(question, to, goes_on);
  if (fclose(to) != 0 || (!*goes_on && !question->json))
    return status;
  if (terminal_is_live(STDOUT_FILENO) && !question->json)
    redraw(text);
  else
    append(text, question->json);
  command_forget_json();
  int flushed = output_flush(0);
  *goes_on = *goes_on && flushed == 0;
  return flushed ? flushed : status;
}

static int watch(struct question *question)
{
  struct sp_err err = SP_ERR_INIT;
  int64_t every_ms = (int64_t)question->every_s * 1000;
  bool goes_on;
  do {
    int status = look_once_more(question, &goes_on);
    if (!goes_on)
      return status;
  } while (sp_cancel_sleep(sp_session_cancel(question->run->session), every_ms, &err) == 0);
  return command_fail(&err);
}

/* -- the command */

static int status_run(const struct command *self, int argc, char **argv)
{
  struct status_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  SP_CLEANUP(run_clear) struct run run = {0};
  struct question question = {.run = &run,
                              .json = args.json,
                              .quiet = line.common.quiet,
                              .every_s = args.watch ? WATCH_EVERY_S : 0};
  uint64_t history = 0;
  const char *every = args.watch && *args.watch ? args.watch : NULL;
  struct sp_err err = SP_ERR_INIT;
  if (options_parse_number("watch", every, 1, WATCH_MAX_S, &question.every_s, &err) < 0 ||
      options_parse_number("history", args.history, 1, SP_MAX_KEPT_STATES, &history, &err) < 0 ||
      run_begin(&run, &line.common, "status", &err) < 0)
    return command_fail(&err);
  question.options = (struct sp_status_options){.of = series_images(args.config, &line),
                                                .history_limit = (size_t)history,
                                                .with_sizes = args.size};
  bool is_whole;
  return question.every_s == 0 ? look(&question, NULL, &is_whole) : watch(&question);
}

const struct command cmd_status = {
    .name = "status",
    .synopsis = N_("[NAME...] [options]"),
    .summary = N_("show where each image stands at its backups"),
    .about =
        N_("Shows for each image of safeport.yaml, tag by tag, what it names at the primary and at "
           "each backup: in step, behind since when, missing, damaged; and when that copy was last "
           "proven, and how well. It writes nothing, proves nothing, and costs no pull: tags are "
           "listed and asked for by HEAD. With --quiet only what is not as it should be is "
           "shown.\n\n"
           "Exit status 0: everything that is required (see 'required' in safeport.yaml) is in "
           "step, and proven within max-proof-age. 1: not all of it; 4: nothing could be "
           "reached."),
    .options = status_options,
    .has_network = true,
    .most_operands = 1000,
    .run = status_run,
};
