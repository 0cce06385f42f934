/* SPDX-License-Identifier: Apache-2.0 */
/* Text that may come from outside stands in code spans: there Markdown knows no links, no markup
 * and no HTML. A piece (a row, an entry, a line) that does not fit is left out whole. */
#include "cli/ci_result.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/ci.h"
#include "cli/ci_file.h"
#include "cli/verdict.h"

#define PIECE_MAX_BYTES (64u * SP_KIB)
#define CODE_MAX_BYTES 2048
#define DAMAGE_SHOWN 20 /* of one place: the report has all */

void ci_result_begin(struct ci_result *result, const char *command)
{
  *result = (struct ci_result){.command = command};
  sp_buf_init(&result->rows, SP_MAX_STEP_SUMMARY_BYTES / 4);
  sp_buf_init(&result->errors, SP_MAX_STEP_SUMMARY_BYTES / 4);
  sp_buf_init(&result->images, SP_MAX_STEP_OUTPUT_BYTES / 2);
}

void ci_result_clear(struct ci_result *result)
{
  sp_buf_clear(&result->rows);
  sp_buf_clear(&result->errors);
  sp_buf_clear(&result->images);
}

/* -- pieces */

/* Moves a piece into `to`; one that does not fit, or could not be made, is counted. */
static void take_piece(struct ci_result *result, struct sp_buf *to, int failed,
                       const struct sp_buf *piece)
{
  struct sp_err ignored = SP_ERR_INIT;
  if (failed || sp_buf_append_span(to, sp_buf_span(piece), &ignored) < 0)
    result->left_out++;
}

/* A code span. A backtick would end it and is shown as a quote; in a table "|" would end the cell.
 */
static int append_code(struct sp_buf *to, const char *text, bool in_table, struct sp_err *err)
{
  char shown[CODE_MAX_BYTES];
  sp_text_escape(shown, sizeof shown, sp_span_str(text));
  if (sp_buf_append_str(to, "`", err) < 0)
    return -1;
  for (const char *c = shown; *c; c++) {
    const char byte[] = {*c == '`' ? '\'' : *c, '\0'};
    if (sp_buf_append_str(to, *c == '|' && in_table ? "\\|" : byte, err) < 0)
      return -1;
  }
  return sp_buf_append_str(to, "`", err);
}

static int append_tags(struct sp_buf *to, const struct sp_report_place *place, struct sp_err *err)
{
  for (size_t i = 0; i < place->tag_count; i++) {
    if (sp_buf_append_str(to, i > 0 ? "<br>" : "", err) < 0 ||
        append_code(to, place->tags[i].name, true, err) < 0 ||
        sp_buf_appendf(to, err, " %s", _(verdict_tag_text(place->tags[i].result))) < 0)
      return -1;
  }
  return 0;
}

static int format_row(struct sp_buf *to, const struct sp_report *report,
                      const struct sp_report_place *place, struct sp_err *err)
{
  if (sp_buf_append_str(to, "| ", err) < 0 || append_code(to, report->source, true, err) < 0 ||
      sp_buf_append_str(to, " | ", err) < 0 || append_code(to, place->name, true, err) < 0 ||
      sp_buf_appendf(to, err, " | %s | ", _(verdict_of(report, place).text)) < 0 ||
      append_tags(to, place, err) < 0)
    return -1;
  return sp_buf_appendf(to, err, " | %s |\n", report->dry_run || !place->proof ? "" : place->proof);
}

static void add_row(struct ci_result *result, const struct sp_report *report,
                    const struct sp_report_place *place)
{
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf piece;
  sp_buf_init(&piece, PIECE_MAX_BYTES);
  int failed = format_row(&piece, report, place, &ignored);
  take_piece(result, &result->rows, failed, &piece);
}

/* An entry of the list of errors. */
static void add_entry(struct ci_result *result, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void add_entry(struct ci_result *result, const char *fmt, ...)
{
  char text[CODE_MAX_BYTES];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf piece;
  sp_buf_init(&piece, PIECE_MAX_BYTES);
  int failed = sp_buf_append_str(&piece, "- ", &ignored) < 0 ||
               append_code(&piece, text, false, &ignored) < 0 ||
               sp_buf_append_str(&piece, "\n", &ignored) < 0;
  take_piece(result, &result->errors, failed, &piece);
}

static void add_errors(struct ci_result *result, const struct sp_report_place *place)
{
  if (place->err.code != SP_OK)
    add_entry(result, "%s", place->err.msg);
  for (size_t i = 0; i < place->damage_count; i++) {
    const struct sp_report_damage *damage = &place->damage[i];
    if (i < DAMAGE_SHOWN)
      add_entry(result, "%s: %s (%s): %s", place->name, damage->digest, _(damage->what),
                _(damage->finding));
    else
      result->left_out++;
  }
}

/* Only what is there now: a consumer of this output deploys it. */
static void add_image(struct ci_result *result, const struct sp_report *report,
                      const struct sp_report_place *place)
{
  bool is_verify_of_unlike = report->kind == SP_REPORT_VERIFY && report->exit_status != 0;
  if (!report->digest || report->dry_run || is_verify_of_unlike || !verdict_is_good(report, place))
    return;
  struct sp_err ignored = SP_ERR_INIT;
  if (sp_buf_appendf(&result->images, &ignored, "%s%s@%s", result->images.len > 0 ? "\n" : "",
                     place->name, report->digest) < 0)
    result->left_out++;
}

void ci_result_add(struct ci_result *result, const struct sp_report *report)
{
  result->reports++;
  snprintf(result->digest, sizeof result->digest, "%s", report->digest ? report->digest : "");
  if (report->err.code != SP_OK)
    add_entry(result, "%s", report->err.msg);
  for (size_t i = 0; i < report->place_count; i++) {
    add_row(result, report, &report->places[i]);
    add_errors(result, &report->places[i]);
    add_image(result, report, &report->places[i]);
  }
}

/* -- files */

static int format_summary(const struct ci_result *result, int exit_status, struct sp_buf *out,
                          struct sp_err *err)
{
  if (sp_buf_appendf(out, err, "### safeport %s: %s\n\n", result->command,
                     exit_status == 0 ? _("done") : _("not done, or only in part")) < 0)
    return -1;
  if (result->reports == 1 && result->digest[0] &&
      sp_buf_appendf(out, err, "%s `%s`\n\n", _("digest"), result->digest) < 0)
    return -1;
  if (sp_buf_appendf(out, err, "| %s | %s | %s | %s | %s |\n|---|---|---|---|---|\n%s\n",
                     _("source"), _("place"), _("result"), _("tags"), _("proof"),
                     sp_buf_str(&result->rows)) < 0)
    return -1;
  if (result->errors.len > 0 &&
      sp_buf_appendf(out, err, "%s\n\n%s\n", _("What went wrong, and what to do:"),
                     sp_buf_str(&result->errors)) < 0)
    return -1;
  if (result->left_out > 0)
    return sp_buf_appendf(out, err, _("%zu more lines are left out here; the report has them.\n\n"),
                          result->left_out);
  return 0;
}

/* Appends a text that was made, or says why it could not be made. */
static void append_to(const char *path, int failed, const struct sp_buf *text, uint64_t most_bytes,
                      struct sp_err *err)
{
  if (failed || ci_file_append(path, sp_buf_span(text), most_bytes, err) < 0)
    ci_print_warning(err->msg);
}

static void write_summary(const struct ci_result *result, int exit_status)
{
  const char *path = getenv("GITHUB_STEP_SUMMARY");
  if (!path || !*path)
    return;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_STEP_SUMMARY_BYTES);
  int failed = format_summary(result, exit_status, &text, &err);
  append_to(path, failed, &text, SP_MAX_STEP_SUMMARY_BYTES, &err);
}

static int format_outputs(const struct ci_result *result, const char *report, struct sp_buf *out,
                          struct sp_err *err)
{
  if (result->reports == 1 && ci_file_format_output(out, "digest", result->digest, err) < 0)
    return -1;
  if (ci_file_format_output(out, "images", sp_buf_str(&result->images), err) < 0)
    return -1;
  return ci_file_format_output(out, "report", report ? report : "", err);
}

static void write_outputs(const struct ci_result *result, const char *report)
{
  const char *path = getenv("GITHUB_OUTPUT");
  if (!path || !*path)
    return;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_STEP_OUTPUT_BYTES);
  int failed = format_outputs(result, report, &text, &err);
  append_to(path, failed, &text, SP_MAX_STEP_OUTPUT_BYTES, &err);
}

static void write_report(const struct ci_result *result, const char *variable, const char *json,
                         char **path)
{
  const char *directory = getenv(variable);
  if (!directory || !*directory || !json)
    return;
  struct sp_err err = SP_ERR_INIT;
  if (ci_file_write_report(directory, result->command, json, path, &err) < 0)
    ci_print_warning(err.msg);
}

void ci_result_publish(const struct ci_result *result, int exit_status, const char *json)
{
  SP_AUTO_FREE char *report = NULL;
  if (ci_system() == CI_GITLAB)
    write_report(result, "CI_PROJECT_DIR", json, &report);
  if (ci_system() != CI_GITHUB)
    return;
  write_report(result, "RUNNER_TEMP", json, &report);
  write_summary(result, exit_status);
  write_outputs(result, report);
}

void ci_result_tell(const struct sp_report *report, const char *json)
{
  static const char *const commands[] = {
      [SP_REPORT_PUSH] = "push", [SP_REPORT_COPY] = "copy", [SP_REPORT_VERIFY] = "verify"};
  if (ci_system() == CI_NONE)
    return;
  SP_CLEANUP(ci_result_clear_auto_) struct ci_result result;
  ci_result_begin(&result, commands[report->kind]);
  ci_result_add(&result, report);
  ci_result_publish(&result, report->exit_status, json);
}
