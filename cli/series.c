/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/series.h"

#include <stdarg.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/ci.h"
#include "cli/output.h"

#define FINDING_MAX SP_ERR_MSG_MAX
#define OUTPUT_NAME_MAX 64

void series_init(struct series *series, const struct series_settings *settings)
{
  static const char *const columns[] = {N_("image"), N_("place"), N_("result"), N_("tags"), NULL};
  *series = (struct series){.settings = *settings};
  if (!settings->to)
    series->settings.to = stdout;
  if (settings->tells_ci)
    ci_result_begin(&series->ci, settings->command, columns);
}

void series_clear(struct series *series)
{
  if (series->settings.tells_ci)
    ci_result_clear(&series->ci);
}

/* -- of an image */

void series_make_room(struct series *series)
{
  progress_pause(series->settings.progress);
}

bool series_wants_json(const struct series *series)
{
  return series->settings.json || (series->settings.tells_ci && series->ci.report.file);
}

static void put_json(struct series *series, const char *text)
{
  if (series->settings.json)
    output_json(series->settings.to, text);
  if (series->settings.tells_ci)
    ci_result_add_json(&series->ci, text);
}

static void begin_json(struct series *series)
{
  char head[128];
  snprintf(head, sizeof head, "{\"schema\": 1, \"kind\": \"%s\", \"images\": [",
           series->settings.kind);
  put_json(series, head);
  series->is_begun = true;
}

void series_add_json(struct series *series, const char *text)
{
  if (series->settings.json)
    series_make_room(series);
  const char *separator = series->is_begun ? ",\n" : "\n";
  if (!series->is_begun)
    begin_json(series);
  put_json(series, separator);
  put_json(series, text);
}

void series_error(struct series *series, const struct sp_err *err)
{
  if (err->code == SP_OK)
    return;
  series_make_room(series);
  fflush(series->settings.to);
  ci_print_error(err->msg);
  if (series->settings.tells_ci)
    ci_result_add_finding(&series->ci, err->msg);
}

void series_finding(struct series *series, enum series_level level, const char *fmt, ...)
{
  char text[FINDING_MAX];
  va_list args;
  if (!series->settings.tells_ci || ci_system() == CI_NONE)
    return;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  series_make_room(series);
  if (level == SERIES_ERROR)
    ci_annotate_error(text);
  else
    ci_annotate_warning(text);
  ci_result_add_finding(&series->ci, text);
}

void series_image_done(struct series *series)
{
  fflush(series->settings.to);
  series->images++;
  progress_resume(series->settings.progress, 1);
}

/* -- at the end */

void series_sum(struct series *series, const char *fmt, ...)
{
  size_t len = strlen(series->sums);
  va_list args;
  va_start(args, fmt);
  vsnprintf(series->sums + len, sizeof series->sums - len, fmt, args);
  va_end(args);
}

/* The numbers of an object; those of an object in it, which are all of tags, as "tags_NAME". */
static void add_outputs(struct series *series, json_t *object, const char *prefix)
{
  const char *name;
  json_t *value;
  json_object_foreach(object, name, value)
  {
    char output[OUTPUT_NAME_MAX], number[32];
    snprintf(output, sizeof output, "%s%s", prefix, name);
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    if (json_is_integer(value))
      ci_result_add_output(&series->ci, output, number);
    else if (json_is_object(value) && strcmp(name, "error") != 0)
      add_outputs(series, value, "tags_");
  }
}

static void tell_ci(struct series *series, int exit_status, const char *totals)
{
  struct sp_err ignored = SP_ERR_INIT;
  SP_AUTO_JSON json_t *object = NULL;
  if (!series->settings.tells_ci || ci_system() == CI_NONE)
    return;
  if (totals && sp_json_parse(sp_span_str(totals), &object, &ignored) == 0)
    add_outputs(series, object, "");
  ci_result_publish(&series->ci, exit_status, series->sums[0] ? series->sums : NULL);
}

static void end_json(struct series *series, const char *totals)
{
  if (!series->is_begun)
    begin_json(series);
  put_json(series, "],\n\"totals\": ");
  put_json(series, totals ? totals : "null");
  put_json(series, "}\n");
}

int series_end(struct series *series, int exit_status, const struct sp_err *err, const char *totals)
{
  int status = totals ? exit_status : sp_code_exit_status(SP_E_NOMEM);
  series_make_room(series);
  end_json(series, totals);
  if (!series->settings.json)
    fprintf(series->settings.to, "%s\n", series->sums);
  if (series->settings.to == stdout)
    status = output_flush(status);
  series_error(series, err);
  tell_ci(series, status, totals);
  return status;
}

int series_fail(struct series *series, const struct sp_err *err)
{
  series_make_room(series);
  if (series->is_begun) {
    end_json(series, NULL);
    command_forget_json(); /* that was the one document */
  } else if (series->settings.tells_ci) {
    ci_report_clear(&series->ci.report);
  }
  int status = command_fail(err);
  if (series->settings.tells_ci)
    ci_result_add_finding(&series->ci, err->msg);
  tell_ci(series, status, NULL);
  return status;
}

static void print_complaint(void *ctx, const char *text)
{
  (void)ctx;
  fputs(text, stderr);
}

struct sp_wanted_images series_images(const char *config, const struct command_line *line)
{
  return (struct sp_wanted_images){.config = config,
                                   .names = line->operands.items,
                                   .name_count = line->operands.count,
                                   .complaint = print_complaint};
}
