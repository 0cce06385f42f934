/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/i18n.h"
#include "base/json.h"
#include "cli/ci.h"
#include "cli/command.h"
#include "cli/inspect_text.h"
#include "cli/output.h"
#include "cli/run.h"
#include "safeport/inspect.h"

struct inspect_args {
  const char *platform;
  bool all, raw, config, lower, no_referrers, json;
};

static const struct option_row inspect_options[] = {
    {"platform", 0, OPTION_TEXT, offsetof(struct inspect_args, platform), N_("OS/ARCH[/VARIANT]"),
     N_("look into this platform of a multi-platform image")},
    {"all", 0, OPTION_FLAG, offsetof(struct inspect_args, all), NULL,
     N_("look into every platform")},
    {"raw", 0, OPTION_FLAG, offsetof(struct inspect_args, raw), NULL,
     N_("print the exact bytes of the manifest")},
    {"config", 0, OPTION_FLAG, offsetof(struct inspect_args, config), NULL,
     N_("print the exact bytes of the config")},
    {"lower", 0, OPTION_FLAG, offsetof(struct inspect_args, lower), NULL,
     N_("lower upper-case repository names instead of refusing them")},
    {"no-referrers", 0, OPTION_FLAG, offsetof(struct inspect_args, no_referrers), NULL,
     N_("do not look for signatures, attestations and other referrers")},
    {"json", 0, OPTION_FLAG, offsetof(struct inspect_args, json), NULL,
     N_("print the result as one JSON document")},
    OPTION_END};

/* The question and its answer. */
struct inspection {
  struct sp_inspect_options options;
  char *answer;
  size_t len;
};

static int ask(struct sp_session *session, void *ctx, struct sp_err *err)
{
  struct inspection *inspection = ctx;
  return sp_inspect(session, &inspection->options, &inspection->answer, &inspection->len, err);
}

static int check_args(const struct inspect_args *args, struct sp_err *err)
{
  if (args->raw + args->config + args->json > 1)
    return sp_fail(err, SP_E_USAGE, "only one of --raw, --config and --json");
  if ((args->raw || args->config) && args->all)
    return sp_fail(err, SP_E_USAGE, "--all: say which platform with --platform");
  return 0;
}

/* Problems were found on the way: they are told as errors are, and decide the exit status. */
static int print_problems(const json_t *doc)
{
  size_t i;
  json_t *problem;
  json_array_foreach(json_object_get(doc, "problems"), i, problem)
      ci_print_error(json_string_value(json_object_get(problem, "message")));
  return (int)json_integer_value(json_object_get(doc, "exit_status"));
}

static int print_document(const struct inspection *inspection, bool json)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JSON json_t *doc = NULL;
  if (sp_json_parse(SP_SPAN(inspection->answer, inspection->len), &doc, &err) < 0)
    return command_fail(&err);
  if (json) {
    output_json(stdout, inspection->answer);
    putchar('\n');
  } else {
    inspect_text_print(doc);
  }
  fflush(stdout);
  return print_problems(doc);
}

static int inspect_run(const struct command *self, int argc, char **argv)
{
  struct inspect_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  struct sp_err err = SP_ERR_INIT;
  if (check_args(&args, &err) < 0)
    return command_fail(&err);
  struct inspection inspection = {.options = {.place = line.operands.items[0],
                                              .platform = args.platform,
                                              .all = args.all,
                                              .lower = args.lower,
                                              .no_referrers = args.no_referrers,
                                              .want = args.raw      ? SP_INSPECT_RAW
                                                      : args.config ? SP_INSPECT_CONFIG
                                                                    : SP_INSPECT_FACTS}};
  status = run_ask(&line.common, self->name, ask, &inspection);
  SP_AUTO_FREE char *answer = inspection.answer;
  if (status != 0)
    return status;
  if (inspection.options.want == SP_INSPECT_FACTS)
    return print_document(&inspection, args.json);
  fwrite(answer, 1, inspection.len, stdout);
  return 0;
}

const struct command cmd_inspect = {
    .name = "inspect",
    .synopsis = N_("REF [--platform OS/ARCH | --all] [options]"),
    .summary = N_("show what an image is made of"),
    .about = N_(
        "Shows the platforms, sizes, layers, config and history of an image, and what refers to it "
        "(signatures, attestations, SBOMs). No image is changed or copied. To know the digests of "
        "uncompressed layers, in an archive or an engine, it compresses them, and remembers the "
        "digests in the state directory.\n\n"
        "On Docker Hub this costs one pull for REF, and one more for each platform that is looked "
        "into: the one of --platform, every one with --all, else the only one of an index that has "
        "no other."),
    .options = inspect_options,
    .has_network = true,
    .least_operands = 1,
    .most_operands = 1,
    .run = inspect_run,
};
