/* SPDX-License-Identifier: Apache-2.0 */
/* A piece (a row, an entry, an output) that does not fit is left out whole. */
#include "cli/ci_result.h"

#include <stdlib.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/ci.h"
#include "cli/markdown.h"

#define PIECE_MAX_BYTES (64u * SP_KIB)

static const char *report_directory(void)
{
  static const char *const variables[] = {
      [CI_NONE] = NULL, [CI_GITHUB] = "RUNNER_TEMP", [CI_GITLAB] = "CI_PROJECT_DIR"};
  const char *variable = variables[ci_system()];
  const char *directory = variable ? getenv(variable) : NULL;
  return directory && *directory ? directory : NULL;
}

void ci_result_begin(struct ci_result *result, const char *command, const char *const *columns)
{
  struct sp_err err = SP_ERR_INIT;
  *result = (struct ci_result){.command = command,
                               .columns = columns,
                               .directory = report_directory(),
                               .report = CI_REPORT_NONE};
  sp_buf_init(&result->bad_rows, SP_MAX_STEP_SUMMARY_BYTES / 4);
  sp_buf_init(&result->rows, SP_MAX_STEP_SUMMARY_BYTES / 4);
  sp_buf_init(&result->findings, SP_MAX_STEP_SUMMARY_BYTES / 4);
  sp_buf_init(&result->outputs, SP_MAX_STEP_OUTPUT_BYTES / 2);
  if (result->directory && ci_report_begin(&result->report, result->directory, &err) < 0)
    ci_print_warning(err.msg);
}

void ci_result_clear(struct ci_result *result)
{
  sp_buf_clear(&result->bad_rows);
  sp_buf_clear(&result->rows);
  sp_buf_clear(&result->findings);
  sp_buf_clear(&result->outputs);
  ci_report_clear(&result->report);
}

/* -- pieces */

/* Moves a piece into `to`; one that does not fit, or could not be made, is counted. */
static void take_piece(struct ci_result *result, struct sp_buf *to, int failed,
                       const struct sp_buf *piece)
{
  struct sp_err ignored = SP_ERR_INIT;
  if (failed || sp_buf_append_span(to, sp_buf_span(piece), &ignored) < 0)
    ci_result_leave_out(result);
}

void ci_result_leave_out(struct ci_result *result)
{
  result->left_out++;
}

static int format_row(struct sp_buf *to, const char *const *columns, const struct ci_cell *cells,
                      struct sp_err *err)
{
  for (size_t i = 0; columns[i]; i++) {
    const char *text = cells[i].text ? cells[i].text : "";
    if (sp_buf_append_str(to, "| ", err) < 0 ||
        (cells[i].is_code ? markdown_append_code(to, text, true, err)
                          : sp_buf_append_str(to, text, err)) < 0 ||
        sp_buf_append_str(to, " ", err) < 0)
      return -1;
  }
  return sp_buf_append_str(to, "|\n", err);
}

void ci_result_add_row(struct ci_result *result, bool is_bad, const struct ci_cell *cells)
{
  if (ci_system() != CI_GITHUB)
    return;
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf piece;
  sp_buf_init(&piece, PIECE_MAX_BYTES);
  int failed = format_row(&piece, result->columns, cells, &ignored);
  take_piece(result, is_bad ? &result->bad_rows : &result->rows, failed, &piece);
}

void ci_result_add_finding(struct ci_result *result, const char *text)
{
  if (ci_system() != CI_GITHUB)
    return;
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf piece;
  sp_buf_init(&piece, PIECE_MAX_BYTES);
  int failed = sp_buf_append_str(&piece, "- ", &ignored) < 0 ||
               markdown_append_code(&piece, text, false, &ignored) < 0 ||
               sp_buf_append_str(&piece, "\n", &ignored) < 0;
  take_piece(result, &result->findings, failed, &piece);
}

void ci_result_add_output(struct ci_result *result, const char *name, const char *value)
{
  struct sp_err err = SP_ERR_INIT;
  if (ci_system() == CI_GITHUB && ci_file_format_output(&result->outputs, name, value, &err) < 0)
    ci_print_warning(err.msg);
}

void ci_result_add_json(struct ci_result *result, const char *text)
{
  ci_report_add(&result->report, text);
}

/* -- files */

static int format_heads(const struct ci_result *result, struct sp_buf *out, struct sp_err *err)
{
  static const struct ci_cell rules[CI_COLUMNS_MAX] = {
      {"---", false}, {"---", false}, {"---", false}, {"---", false},
      {"---", false}, {"---", false}, {"---", false}, {"---", false}};
  struct ci_cell heads[CI_COLUMNS_MAX];
  for (size_t i = 0; result->columns[i]; i++)
    heads[i] = (struct ci_cell){.text = _(result->columns[i])};
  if (format_row(out, result->columns, heads, err) < 0)
    return -1;
  return format_row(out, result->columns, rules, err);
}

static int format_table(const struct ci_result *result, struct sp_buf *out, struct sp_err *err)
{
  if (result->bad_rows.len + result->rows.len == 0)
    return 0;
  if (format_heads(result, out, err) < 0)
    return -1;
  return sp_buf_appendf(out, err, "%s%s\n", sp_buf_str(&result->bad_rows),
                        sp_buf_str(&result->rows));
}

static int format_summary(const struct ci_result *result, int exit_status, const char *intro,
                          struct sp_buf *out, struct sp_err *err)
{
  if (sp_buf_appendf(out, err, "### safeport %s: %s\n\n", result->command,
                     exit_status == 0 ? _("done") : _("not done, or only in part")) < 0)
    return -1;
  if (intro && sp_buf_appendf(out, err, "%s\n\n", intro) < 0)
    return -1;
  if (format_table(result, out, err) < 0)
    return -1;
  if (result->findings.len > 0 &&
      sp_buf_appendf(out, err, "%s\n\n%s\n", _("What went wrong, and what to do:"),
                     sp_buf_str(&result->findings)) < 0)
    return -1;
  if (result->left_out > 0)
    return sp_buf_appendf(out, err, _("%zu more lines are left out here; the report has them.\n\n"),
                          result->left_out);
  return 0;
}

static const char *file_of(const char *variable)
{
  const char *path = getenv(variable);
  return path && *path ? path : NULL;
}

static void write_summary(const struct ci_result *result, int exit_status, const char *intro)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_BUF struct sp_buf text;
  const char *path = file_of("GITHUB_STEP_SUMMARY");
  sp_buf_init(&text, SP_MAX_STEP_SUMMARY_BYTES);
  if (path && (format_summary(result, exit_status, intro, &text, &err) < 0 ||
               ci_file_append(path, sp_buf_span(&text), SP_MAX_STEP_SUMMARY_BYTES, &err) < 0))
    ci_print_warning(err.msg);
}

static void write_outputs(const struct ci_result *result)
{
  struct sp_err err = SP_ERR_INIT;
  const char *path = file_of("GITHUB_OUTPUT");
  if (path &&
      ci_file_append(path, sp_buf_span(&result->outputs), SP_MAX_STEP_OUTPUT_BYTES, &err) < 0)
    ci_print_warning(err.msg);
}

/* `*path` is the caller's; NULL: there is no report. */
static void write_report(struct ci_result *result, char **path)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_FREE char *name = NULL;
  *path = NULL;
  if (result->report.file && (ci_report_commit(&result->report, result->command, &name, &err) < 0 ||
                              sp_text_format(path, &err, "%s/%s", result->directory, name) < 0))
    ci_print_warning(err.msg);
}

void ci_result_publish(struct ci_result *result, int exit_status, const char *intro)
{
  SP_AUTO_FREE char *report = NULL;
  write_report(result, &report);
  if (ci_system() != CI_GITHUB)
    return;
  ci_result_add_output(result, "report", report ? report : "");
  write_summary(result, exit_status, intro);
  write_outputs(result);
}
