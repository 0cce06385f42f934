/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/scope.h"
#include "base/text.h"
#include "cli/config_file.h"
#include "cli/output.h"
#include "safeport/history.h"

#define DEFAULT_LIMIT 20
#define SHOWN_MAX 4608 /* a name with a path of 4 KiB */

struct log_args {
  const char *limit, *run;
  bool json;
};

static const struct option_row log_options[] = {
    {"limit", 0, OPTION_TEXT, offsetof(struct log_args, limit), N_("N"),
     N_("show the newest N runs (20 if not said)")},
    {"run", 0, OPTION_TEXT, offsetof(struct log_args, run), N_("ID"),
     N_("show one run: what came of each image, and every write")},
    {"json", 0, OPTION_FLAG, offsetof(struct log_args, json), NULL,
     N_("print the result as one JSON document")},
    OPTION_END};

/* -- for people */

/* Escaped, in one of a few buffers that take turns: a line has up to four texts. */
static const char *shown(const char *text)
{
  static char buffers[4][SHOWN_MAX];
  static size_t turn;
  char *out = buffers[turn++ % 4];
  sp_text_escape(out, SHOWN_MAX, sp_span_str(text));
  return out;
}

static void print_run(const struct sp_history_run *run)
{
  char bytes[SP_SIZE_TEXT_MAX];
  char status[32];
  sp_text_format_size(bytes, run->bytes_sent);
  if (run->ended)
    snprintf(status, sizeof status, _("exit %d"), run->exit_status);
  else
    snprintf(status, sizeof status, "%s", _("not ended"));
  printf("%-5lld %s  %s%s%s: ", (long long)run->id, run->started, shown(run->command),
         run->subject[0] ? " " : "", shown(run->subject));
  printf(_("%s, %llu images (%llu failed), %llu writes (%s)\n"), status,
         (unsigned long long)run->image_count, (unsigned long long)run->failed_count,
         (unsigned long long)run->write_count, bytes);
}

/* The words of the journal; one that another version wrote is shown as it is. */
static const char *result_text(const char *result)
{
  static const struct {
    const char *word, *text;
  } words[] = {
      {"in-step", N_("in step")},   {"proven", N_("in step, looked at again")},
      {"copied", N_("copied")},     {"failed", N_("failed")},
      {"damaged", N_("damaged")},   {"missing", N_("missing")},
      {"unproven", N_("unproven")}, {"held", N_("left as it is")},
      {"refused", N_("refused")},   {"tampered", N_("alarm: fixed tag changed")},
  };
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcmp(result, words[i].word) == 0)
      return _(words[i].text);
  }
  return shown(result);
}

static void print_image(const struct sp_history_image *image)
{
  const char *arrow = image->place[0] ? " -> " : ""; /* none: it failed before it had places */
  printf("  %s%s%s: %s\n", shown(image->image), arrow, shown(image->place),
         result_text(image->result));
  if (image->err.code != SP_OK)
    printf("    %s\n", shown(image->err.msg));
}

static void print_write(const struct sp_history_write *write)
{
  char bytes[SP_SIZE_TEXT_MAX];
  sp_text_format_size(bytes, write->size_bytes);
  printf("  %s  %-8s  %s%s%s  %s", write->at, write->kind, shown(write->place),
         write->tag[0] ? ":" : "", shown(write->tag), write->digest);
  if (write->digest_before[0])
    printf(_(" (before: %s)"), write->digest_before);
  if (write->size_bytes > 0)
    printf("  %s", bytes);
  putchar('\n');
}

static void print_details(const struct sp_history_run *run)
{
  if (run->images_known > 0)
    printf("%s\n", _("images:"));
  for (size_t i = 0; i < run->images_known; i++)
    print_image(&run->images[i]);
  if (run->writes_known > 0)
    printf("%s\n", _("writes:"));
  for (size_t i = 0; i < run->writes_known; i++)
    print_write(&run->writes[i]);
  if (run->images_known < run->image_count || run->writes_known < run->write_count)
    printf("%s\n", _("more was done; what is older than 90 days is only counted"));
}

static void print_text(const struct sp_history *history)
{
  if (history->run_count == 0)
    printf("%s\n", _("no runs yet on this host"));
  for (size_t i = 0; i < history->run_count; i++)
    print_run(&history->runs[i]);
  if (history->has_details)
    print_details(&history->runs[0]);
}

static int print_json(const struct sp_history *history)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_FREE char *text = NULL;
  if (sp_history_format_json(history, &text, &err) < 0)
    return command_fail(&err);
  fputs(text, stdout);
  return 0;
}

/* -- the command */

static int log_run(const struct command *self, int argc, char **argv)
{
  struct log_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  SP_CLEANUP(sp_config_free_auto_) struct sp_config *config = NULL;
  struct sp_err err = SP_ERR_INIT;
  struct sp_history *history;
  uint64_t limit = DEFAULT_LIMIT;
  uint64_t run = 0;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  if (options_parse_number("limit", args.limit, 1, INT64_MAX, &limit, &err) < 0 ||
      options_parse_number("run", args.run, 1, INT64_MAX, &run, &err) < 0)
    return command_fail(&err);
  if (!config_file_load_if_any(&line.common, &config, &status))
    return status;
  const char *state = config ? config->state.text : NULL;
  if (sp_history_read(state, (int64_t)run, (size_t)limit, &history, &err) < 0)
    return command_fail(&err);
  status = args.json ? print_json(history) : (print_text(history), 0);
  sp_history_free(history);
  return output_flush(status);
}

const struct command cmd_log = {
    .name = "log",
    .synopsis = N_("[--limit N] [--run ID] [--json] [--config FILE]"),
    .summary = N_("show what safeport did on this host"),
    .about = N_("Lists the runs that the journal in the state directory knows, newest first: when, "
                "which command, how it ended. With --run also what came of each image and every "
                "write to a place. Reads only."),
    .options = log_options,
    .has_config = true,
    .least_operands = 0,
    .most_operands = 0,
    .run = log_run,
};
