/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/run.h"
#include "safeport/tags.h"

#define TAG_COLUMNS 34 /* a longer one has its date where it ends: a line keeps to 80 columns */

struct tags_args {
  struct text_list filters;
  const char *sort, *limit;
  bool reverse, created, lower, json;
};

static const struct option_row tags_options[] = {
    {"filter", 0, OPTION_LIST, offsetof(struct tags_args, filters), N_("PATTERN"),
     N_("only tags that one of these names or matches: TAG, glob:v*, semver:^1.2, git-sha; may be "
        "given many times")},
    {"sort", 0, OPTION_TEXT, offsetof(struct tags_args, sort), N_("name|version|date"),
     N_("in this order, not the registry's own; date needs --created")},
    {"reverse", 0, OPTION_FLAG, offsetof(struct tags_args, reverse), NULL,
     N_("the other way round: newest versions or dates first")},
    {"limit", 0, OPTION_TEXT, offsetof(struct tags_args, limit), N_("N"),
     N_("no more than the first N")},
    {"created", 0, OPTION_FLAG, offsetof(struct tags_args, created), NULL,
     N_("ask each image for its digest and for the time when it was created; this costs requests, "
        "at Docker Hub pulls")},
    {"lower", 0, OPTION_FLAG, offsetof(struct tags_args, lower), NULL,
     N_("lower upper-case repository names instead of refusing them")},
    {"json", 0, OPTION_FLAG, offsetof(struct tags_args, json), NULL,
     N_("print the result as one JSON document")},
    OPTION_END};

static void tags_args_clear(struct tags_args *args)
{
  text_list_clear(&args->filters);
}

/* The question and its answer. */
struct question {
  struct sp_tags_options options;
  struct sp_tag_listing *listing;
};

static void question_clear(struct question *question)
{
  sp_tag_listing_free(question->listing);
}

static int ask(struct sp_session *session, void *ctx, struct sp_err *err)
{
  struct question *question = ctx;
  return sp_tags(session, &question->options, &question->listing, err);
}

static int read_sort(const char *text, enum sp_tag_sort *out, struct sp_err *err)
{
  static const struct {
    const char *name;
    enum sp_tag_sort sort;
  } sorts[] = {
      {"name", SP_TAGS_BY_NAME}, {"version", SP_TAGS_BY_VERSION}, {"date", SP_TAGS_BY_DATE}};
  for (size_t i = 0; i < sizeof sorts / sizeof sorts[0]; i++) {
    if (text && strcmp(text, sorts[i].name) == 0) {
      *out = sorts[i].sort;
      return 0;
    }
  }
  return text ? sp_fail(err, SP_E_USAGE, "--sort: name, version or date, not '%s'", text) : 0;
}

static void print_text(const struct sp_tag_listing *listing, bool created)
{
  size_t widest = 0;
  for (size_t i = 0; created && i < sp_tag_listing_count(listing); i++) {
    size_t len = strlen(sp_tag_listing_get(listing, i).name);
    widest = len > widest && len <= TAG_COLUMNS ? len : widest;
  }
  for (size_t i = 0; i < sp_tag_listing_count(listing); i++) {
    struct sp_tag_entry tag = sp_tag_listing_get(listing, i);
    if (created)
      printf("%-*s  %-20.20s  %.19s\n", (int)widest, tag.name, *tag.created ? tag.created : "-",
             *tag.digest ? tag.digest : "-");
    else
      puts(tag.name);
  }
}

/* Written as it goes: a million tags need no document in memory. Tags, digests and dates have no
 * character that JSON would have to escape. */
static int print_json(const struct sp_tag_listing *listing, bool created)
{
  SP_AUTO_JSON json_t *name = sp_json_text(sp_tag_listing_name(listing));
  SP_AUTO_FREE char *text = sp_json_print(name, 0);
  struct sp_err err = SP_ERR_INIT;
  if (!text) {
    (void)sp_fail(&err, SP_E_NOMEM, "out of memory for the result");
    return command_fail(&err);
  }
  printf("{\n  \"schema\": 1,\n  \"kind\": \"tags\",\n  \"name\": ");
  output_json(stdout, text);
  printf(",\n  \"tags\": [");
  for (size_t i = 0; i < sp_tag_listing_count(listing); i++) {
    struct sp_tag_entry tag = sp_tag_listing_get(listing, i);
    printf("%s\n    {\"name\": \"%s\"", i > 0 ? "," : "", tag.name);
    if (created)
      printf(*tag.digest ? ", \"digest\": \"%s\"" : ", \"digest\": null", tag.digest);
    if (created)
      printf(*tag.created ? ", \"created\": \"%s\"" : ", \"created\": null", tag.created);
    putchar('}');
  }
  printf("%s]\n}\n", sp_tag_listing_count(listing) > 0 ? "\n  " : "");
  return 0;
}

static int tags_run(const struct command *self, int argc, char **argv)
{
  SP_CLEANUP(tags_args_clear) struct tags_args args = {0};
  SP_CLEANUP(command_line_clear) struct command_line line;
  int status;
  if (!command_line_read(&line, self, argc, argv, &args, &status))
    return status;
  SP_CLEANUP(question_clear)
  struct question question = {.options = {.repository = line.operands.items[0],
                                          .filters = args.filters.items,
                                          .filter_count = args.filters.count,
                                          .reverse = args.reverse,
                                          .dates = args.created,
                                          .lower = args.lower}};
  struct sp_err err = SP_ERR_INIT;
  uint64_t limit = 0;
  if (read_sort(args.sort, &question.options.sort, &err) < 0 ||
      options_parse_number("limit", args.limit, 1, INT64_MAX, &limit, &err) < 0)
    return command_fail(&err);
  question.options.limit = (size_t)limit;
  status = run_ask(&line.common, self->name, ask, &question);
  if (status != 0)
    return status;
  if (args.json)
    return print_json(question.listing, args.created);
  print_text(question.listing, args.created);
  return 0;
}

const struct command cmd_tags = {
    .name = "tags",
    .synopsis = N_("REPO [--filter PATTERN]... [--sort ORDER] [options]"),
    .summary = N_("list the tags of a repository"),
    .about = N_(
        "Lists all tags, in the registry's own order (GHCR: oldest first) or sorted. Versions are "
        "compared as people do: 1.9 comes before 1.10, and 1.0-rc1 before 1.0. A listing costs no "
        "pulls; registries keep no dates of tags, which is why --created has to ask the images."),
    .options = tags_options,
    .has_network = true,
    .least_operands = 1,
    .most_operands = 1,
    .run = tags_run,
};
