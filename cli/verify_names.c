/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify_names.h"

#include <string.h>

#include "base/i18n.h"
#include "base/scope.h"
#include "base/span.h"
#include "base/text.h"
#include "cli/run.h"
#include "cli/verify_output.h"
#include "config/value.h"

static int read_percent(const char *text, unsigned *percent, struct sp_err *err)
{
  size_t len = strlen(text);
  uint64_t n = 100;
  if (len > 0 && text[len - 1] == '%')
    len--;
  if (*text && (sp_text_parse_u64(SP_SPAN(text, len), &n) < 0 || n < 1 || n > 100))
    return sp_fail(err, SP_E_USAGE, "--read '%s': it is a share from 1%% to 100%%", text);
  *percent = (unsigned)n;
  return 0;
}

static int read_names_args(const struct verify_args *args, struct sp_verify_images_options *options,
                           struct sp_err *err)
{
  if (args->platform || args->lower || args->no_referrers)
    return sp_fail(err, SP_E_USAGE,
                   "--platform, --lower and --no-referrers are for a pair of references; of names "
                   "safeport.yaml says it");
  if (args->claimed && (args->read || args->repair))
    return sp_fail(err, SP_E_USAGE, "--claimed proves too little for --read or --repair");
  if (args->max_age && (!sp_value_parse_duration(sp_span_str(args->max_age), &options->max_age_s) ||
                        options->max_age_s <= 0))
    return sp_fail(err, SP_E_USAGE, "--max-age '%s': it is a duration such as 12h or 30d",
                   args->max_age);
  if (args->claimed)
    options->level = SP_VERIFY_CLAIMED;
  if (args->read)
    options->level = SP_VERIFY_READ;
  if (args->read && read_percent(args->read, &options->percent, err) < 0)
    return -1;
  return options_parse_jobs(args->jobs, &options->jobs, err);
}

int verify_names(const struct command_line *line, const struct verify_args *args)
{
  SP_CLEANUP(run_clear) struct run run = {0};
  SP_CLEANUP(verify_output_clear) struct verify_output output = {0};
  struct sp_verify_totals totals;
  struct sp_err err = SP_ERR_INIT;
  struct sp_verify_images_options options = {
      .of = series_images(args->config, line), .repair = args->repair, .wait = args->wait};
  if (read_names_args(args, &options, &err) < 0 ||
      run_begin(&run, &line->common, "verify", &err) < 0)
    return command_fail(&err);
  verify_output_init(&output, &line->common, &run, args->json);
  options.image = verify_output_image;
  options.ctx = &output;
  options.progress = progress_event;
  options.progress_ctx = run.progress;
  int failed = sp_verify_images(run.session, &options, &totals, &err);
  run_end(&run);
  return failed ? series_fail(&output.series, &err) : verify_output_end(&output, &totals);
}
