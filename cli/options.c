/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables on getopt_long: its long options are numbered by group and row, so that what it
 * answers leads straight back to the row. */
#include "cli/options.h"

#include <getopt.h>

#include "base/checked.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "base/text.h"
#include "cli/terminal.h"

#define OPTIONS_MAX 64
#define LONG_BASE 256 /* above every letter */
#define SHOWN_MAX 64

int text_list_add(struct text_list *list, const char *text, struct sp_err *err)
{
  const char **items = reallocarray(list->items, list->count + 2, sizeof *items);
  if (!items)
    return sp_fail(err, SP_E_NOMEM, "out of memory for the arguments");
  list->items = items;
  items[list->count++] = text;
  items[list->count] = NULL;
  return 0;
}

void text_list_clear(struct text_list *list)
{
  free(list->items);
  *list = (struct text_list){0};
}

int options_parse_duration(const char *text, int64_t *ms, struct sp_err *err)
{
  static const struct {
    char letter;
    uint64_t seconds;
  } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
  static const uint64_t longest_s = 365u * 24 * 3600;
  struct sp_span digits = sp_span_str(text);
  uint64_t seconds_each = 1;
  for (size_t i = 0; i < sizeof units / sizeof units[0] && digits.len > 0; i++) {
    if (digits.ptr[digits.len - 1] != units[i].letter)
      continue;
    seconds_each = units[i].seconds;
    digits.len--;
    break;
  }
  uint64_t n, seconds;
  if (sp_text_parse_u64(digits, &n) < 0 || !sp_mul_u64(n, seconds_each, &seconds) ||
      seconds > longest_s)
    return sp_fail(err, SP_E_USAGE, "'%s' is not a duration: write seconds, 15s, 2m or 1h", text);
  *ms = (int64_t)seconds * 1000;
  return 0;
}

int options_parse_number(const char *option, const char *text, uint64_t least, uint64_t most,
                         uint64_t *n, struct sp_err *err)
{
  uint64_t number;
  char shown[SHOWN_MAX];
  if (!text)
    return 0;
  if (sp_text_parse_u64(sp_span_str(text), &number) == 0 && number >= least && number <= most) {
    *n = number;
    return 0;
  }
  sp_text_escape(shown, sizeof shown, sp_span_str(text));
  if (most >= INT64_MAX)
    return sp_fail(err, SP_E_USAGE, "--%s '%s': it is a number from %llu on", option, shown,
                   (unsigned long long)least);
  return sp_fail(err, SP_E_USAGE, "--%s '%s': it is a number from %llu to %llu", option, shown,
                 (unsigned long long)least, (unsigned long long)most);
}

int options_parse_jobs(const char *text, unsigned *jobs, struct sp_err *err)
{
  uint64_t n = *jobs;
  if (options_parse_number("jobs", text, 1, SP_MAX_WORKERS, &n, err) < 0)
    return -1;
  *jobs = (unsigned)n;
  return 0;
}

/* The tables as getopt_long wants them, and the way back. */
struct parser {
  struct option longs[OPTIONS_MAX + 1];
  char shorts[2 * OPTIONS_MAX + 4];
  const struct option_row *rows[OPTIONS_MAX];
  void *bases[OPTIONS_MAX];
  size_t count;
};

static void parser_add(struct parser *parser, const struct option_row *row, void *base)
{
  size_t i = parser->count++;
  bool has_value = row->kind != OPTION_FLAG;
  bool may_lack = row->kind == OPTION_MAYBE;
  parser->rows[i] = row;
  parser->bases[i] = base;
  parser->longs[i] = (struct option){
      .name = row->name,
      .has_arg = may_lack    ? optional_argument
                 : has_value ? required_argument
                             : no_argument,
      .val = LONG_BASE + (int)i,
  };
  if (!row->letter)
    return;
  size_t len = strlen(parser->shorts);
  parser->shorts[len] = row->letter;
  if (has_value)
    parser->shorts[len + 1] = ':';
}

static void parser_init(struct parser *parser, const struct option_group *groups,
                        size_t group_count)
{
  *parser = (struct parser){.shorts = ":"}; /* a missing value is answered with ':' */
  for (size_t g = 0; g < group_count; g++) {
    for (const struct option_row *row = groups[g].rows; row && row->name; row++) {
      if (parser->count < OPTIONS_MAX)
        parser_add(parser, row, groups[g].base);
    }
  }
}

static int find_row(const struct parser *parser, int answer)
{
  if (answer >= LONG_BASE)
    return answer - LONG_BASE;
  for (size_t i = 0; i < parser->count; i++) {
    if (parser->rows[i]->letter == answer)
      return (int)i;
  }
  return -1;
}

/* getopt_long takes any beginning of a name; here `--to` would then mean `--token-host` where there
 * is no `--to`. `word` is the argument that it took for the row. */
static bool is_whole_name(const char *word, const struct option_row *row)
{
  size_t dashes = strspn(word, "-");
  return strcspn(word + dashes, "=") == strlen(row->name);
}

static int fail_unknown(const struct parser *parser, const char *word, struct sp_err *err)
{
  char shown[128];
  if (optopt > 0 && optopt < LONG_BASE) {
    const char letter[] = {'-', (char)optopt, '\0'};
    sp_text_escape(shown, sizeof shown, sp_span_str(letter));
    return sp_fail(err, SP_E_USAGE, "unknown option '%s'", shown);
  }
  sp_text_escape(shown, sizeof shown, SP_SPAN(word, strcspn(word, "=")));
  if (optopt >= LONG_BASE)
    return sp_fail(err, SP_E_USAGE, "option '%s' takes no value", shown);
  const char *names[OPTIONS_MAX];
  for (size_t i = 0; i < parser->count; i++)
    names[i] = parser->rows[i]->name;
  const char *near = sp_nearest(shown + strspn(shown, "-"), names, parser->count);
  if (near)
    return sp_fail(err, SP_E_USAGE, "unknown option '%s': did you mean '--%s'?", shown, near);
  return sp_fail(err, SP_E_USAGE, "unknown option '%s'", shown);
}

static int fail_missing_value(const struct parser *parser, struct sp_err *err)
{
  int i = find_row(parser, optopt);
  if (i < 0)
    return sp_fail(err, SP_E_USAGE, "an option lacks its value");
  return sp_fail(err, SP_E_USAGE, "option '--%s' lacks its value: %s", parser->rows[i]->name,
                 _(parser->rows[i]->argument));
}

/* `--accept --config f`: the value was forgotten, and the next option is none. */
static int check_value(const struct option_row *row, const char *value, struct sp_err *err)
{
  char shown[128];
  if (strncmp(value, "--", 2) != 0)
    return 0;
  sp_text_escape(shown, sizeof shown, sp_span_str(value));
  return sp_fail(err, SP_E_USAGE,
                 "option '--%s' lacks its value: %s ('%s' is an option; if it is the value: "
                 "'--%s=%s')",
                 row->name, _(row->argument), shown, row->name, shown);
}

static int store(const struct option_row *row, void *base, const char *value, struct sp_err *err)
{
  void *at = (char *)base + row->at;
  switch (row->kind) {
  case OPTION_FLAG:
    *(bool *)at = true;
    return 0;
  case OPTION_TEXT:
    *(const char **)at = value;
    return 0;
  case OPTION_MAYBE:
    *(const char **)at = value ? value : "";
    return 0;
  case OPTION_LIST:
    return text_list_add(at, value, err);
  case OPTION_DURATION:
    if (options_parse_duration(value, at, err) < 0)
      return sp_err_context(err, "--%s", row->name);
    return 0;
  }
  return sp_fail(err, SP_E_INTERNAL, "option '%s' has no kind", row->name);
}

int options_parse(const struct option_group *groups, size_t group_count, int argc, char **argv,
                  struct text_list *operands, struct sp_err *err)
{
  struct parser parser;
  parser_init(&parser, groups, group_count);
  opterr = 0;
  optind = 0; /* begin anew */
  int answer;
  while ((answer = getopt_long(argc, argv, parser.shorts, parser.longs, NULL)) != -1) {
    if (answer == ':')
      return fail_missing_value(&parser, err);
    int i = answer == '?' ? -1 : find_row(&parser, answer);
    bool is_apart = optarg && optarg == argv[optind - 1]; /* from its option */
    const char *word = argv[is_apart ? optind - 2 : optind - 1];
    if (answer >= LONG_BASE && !is_whole_name(word, parser.rows[i])) {
      i = -1;
      optopt = 0;
    }
    if (i < 0)
      return fail_unknown(&parser, word, err);
    if (is_apart && check_value(parser.rows[i], optarg, err) < 0)
      return -1;
    if (store(parser.rows[i], parser.bases[i], optarg, err) < 0)
      return -1;
  }
  for (int i = optind; i < argc; i++) {
    if (text_list_add(operands, argv[i], err) < 0)
      return -1;
  }
  return 0;
}

static void print_row(const struct option_row *row)
{
  char head[128];
  char letter[8] = "    ";
  if (row->letter)
    snprintf(letter, sizeof letter, "-%c, ", row->letter);
  const char *separator = row->argument && row->kind != OPTION_MAYBE ? " " : "";
  snprintf(head, sizeof head, "  %s--%s%s%s", letter, row->name, separator,
           row->argument ? _(row->argument) : "");
  terminal_print_wrapped(head, _(row->help), 32, 80);
}

void options_print(const struct option_group *groups, size_t group_count)
{
  for (size_t g = 0; g < group_count; g++) {
    if (!groups[g].rows || !groups[g].rows->name)
      continue;
    printf("\n%s\n", _(groups[g].title));
    for (const struct option_row *row = groups[g].rows; row->name; row++)
      print_row(row);
  }
}
