/* SPDX-License-Identifier: Apache-2.0 */
/* The order of things: signals are caught once there is a session that can be told, and progress is
 * taken from the screen before the result is printed. */
#include "cli/run.h"

#include "base/scope.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "oci/place.h"
#include "oci/reference.h"

void run_end(struct run *run)
{
  interrupt_forget();
  progress_end(run->progress);
}

void run_clear(struct run *run)
{
  interrupt_forget();
  sp_session_free(run->session);
  progress_free(run->progress);
  text_list_clear(&run->host_ca);
}

/* [HOST=]FILE: a part before '=' that can be a host is one. */
static int split_ca(struct run *run, const struct text_list *given, const char **ca_file,
                    struct sp_err *err)
{
  for (size_t i = 0; i < given->count; i++) {
    const char *text = given->items[i];
    const char *equals = strchr(text, '=');
    if (equals && sp_ref_is_host(SP_SPAN(text, (size_t)(equals - text)))) {
      if (text_list_add(&run->host_ca, text, err) < 0)
        return -1;
      continue;
    }
    if (*ca_file)
      return sp_fail(err, SP_E_USAGE,
                     "--ca FILE was given twice: put the certificates into one file, or say "
                     "which is for whom with --ca HOST=FILE");
    *ca_file = text;
  }
  return 0;
}

static int log_level(const struct common_args *common)
{
  if (common->debug)
    return 2;
  return common->verbose ? 1 : 0;
}

int run_begin(struct run *run, const struct common_args *common, const char *command,
              struct sp_err *err)
{
  const char *ca_file = NULL;
  if (common->timeout_ms == 0)
    return sp_fail(err, SP_E_USAGE, "--timeout: no connection can be that fast");
  if (split_ca(run, &common->ca, &ca_file, err) < 0)
    return -1;
  const struct progress_settings progress = {
      .command = command,
      .quiet = common->quiet,
      .verbose = common->verbose || common->debug,
  };
  if (progress_new(&progress, &run->progress, err) < 0)
    return -1;
  const struct sp_session_settings settings = {
      .ca_file = ca_file,
      .host_ca = run->host_ca.items,
      .insecure = common->insecure.items,
      .token_hosts = common->token_hosts.items,
      .upload_hosts = common->upload_hosts.items,
      .chunked = common->chunked.items,
      .vault_root = common->vault,
      .retry_for_ms = common->retry_for_ms,
      .idle_timeout_ms = common->timeout_ms < 0 ? 0 : common->timeout_ms,
      .log = common->quiet ? NULL : progress_log,
      .log_ctx = run->progress,
      .log_level = log_level(common),
  };
  if (sp_session_new(&settings, &run->session, err) < 0)
    return -1;
  interrupt_tell(run->session);
  return 0;
}

static int finish(struct run *run, int failed, struct sp_report *report, bool json,
                  const struct sp_err *err)
{
  run_end(run);
  if (failed)
    return command_fail(err);
  int status = output_report(report, json);
  sp_report_free(report);
  return status;
}

/* Does an archive go to standard output (`docker-archive:-`)? */
static bool takes_stdout(const struct sp_push_options *options)
{
  for (size_t i = 0; i < options->to_count; i++) {
    struct sp_place place;
    struct sp_err ignored;
    if (sp_place_parse(options->to[i], options->lower, &place, &ignored) == 0 &&
        strcmp(place.path, "-") == 0 && place.transport != SP_TRANSPORT_LAYOUT)
      return true;
  }
  return false;
}

int run_push(const struct common_args *common, struct sp_push_options *options, bool json)
{
  SP_CLEANUP(run_clear) struct run run = {0};
  struct sp_err err = SP_ERR_INIT;
  bool is_piped = takes_stdout(options);
  if (is_piped && json) {
    (void)sp_fail(&err, SP_E_USAGE,
                  "--json: standard output is the archive's: write that to a file");
    return command_fail(&err);
  }
  if (run_begin(&run, common, options->is_copy ? "copy" : "push", &err) < 0)
    return command_fail(&err);
  options->progress = progress_event;
  options->progress_ctx = run.progress;
  struct sp_report *report = NULL;
  int failed = sp_push(run.session, options, &report, &err);
  if (is_piped)
    dup2(STDERR_FILENO, STDOUT_FILENO); /* nothing may follow the archive: the report goes here */
  return finish(&run, failed, report, json, &err);
}

int run_verify(const struct common_args *common, struct sp_verify_options *options, bool json)
{
  SP_CLEANUP(run_clear) struct run run = {0};
  struct sp_err err = SP_ERR_INIT;
  if (run_begin(&run, common, "verify", &err) < 0)
    return command_fail(&err);
  options->progress = progress_event;
  options->progress_ctx = run.progress;
  struct sp_report *report = NULL;
  int failed = sp_verify(run.session, options, &report, &err);
  return finish(&run, failed, report, json, &err);
}

int run_ask(const struct common_args *common, const char *command, run_question *question,
            void *ctx)
{
  SP_CLEANUP(run_clear) struct run run = {0};
  struct sp_err err = SP_ERR_INIT;
  if (run_begin(&run, common, command, &err) < 0)
    return command_fail(&err);
  int failed = question(run.session, ctx, &err);
  run_end(&run);
  return failed ? command_fail(&err) : 0;
}
