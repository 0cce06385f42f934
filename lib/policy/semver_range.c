/* SPDX-License-Identifier: Apache-2.0 */
/* Every form comes down to bounds: alternatives of "at least / above" and "below / at most". `^1.2`
 * is ">=1.2.0 <2.0.0-0"; the "-0" is the lowest pre-release, so that those of 2.0.0 stay out. */
#include "policy/semver_range.h"

#include "base/limits.h"
#include "base/text.h"

enum relation { BELOW, AT_MOST, EQUAL, AT_LEAST, ABOVE };

struct bound {
  enum relation relation;
  struct sp_semver version; /* pre: borrowed from the range's text, or static */
  size_t alternative;       /* bounds of one alternative all have to hold */
};

/* A range of n bytes has at most n / 2 + 1 versions, of two bounds each. */
#define BOUNDS_MAX (SP_MAX_PATTERN + 2)

struct sp_semver_range {
  char *text;
  size_t alternative_count;
  size_t bound_count;
  struct bound bounds[];
};

/* A version with numbers left out: "1", "1.x", "*". */
struct partial {
  struct sp_semver version;
  int given; /* numbers that are there: 0 to 3 */
};

struct parser {
  struct sp_span rest;
  struct bound bounds[BOUNDS_MAX];
  size_t count;
  size_t alternative;
};

static void skip_blanks(struct sp_span *rest)
{
  while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
    *rest = sp_span_skip(*rest, 1);
}

static bool take(struct sp_span *rest, const char *word)
{
  if (!sp_span_has_prefix(*rest, word))
    return false;
  *rest = sp_span_skip(*rest, strlen(word));
  return true;
}

static bool is_at_end(struct sp_span rest)
{
  return rest.len == 0 || sp_span_has_prefix(rest, "||");
}

static int refuse(struct sp_span rest, struct sp_err *err)
{
  char shown[64];
  sp_text_escape(shown, sizeof shown, rest);
  if (is_at_end(rest))
    return sp_fail(err, SP_E_USAGE, "a version is missing in the range");
  return sp_fail(err, SP_E_USAGE,
                 "'%s' cannot be read as a range of versions: write '^1.2', '~1.2.3', "
                 "'>=1.2 <2', '1.x' or '1.x || 2.x'",
                 shown);
}

static bool take_wildcard(struct sp_span *rest)
{
  return take(rest, "x") || take(rest, "X") || take(rest, "*");
}

/* "v1.2.3-rc.1", "1.2", "1.x", "*". */
static bool take_partial(struct sp_span *rest, struct partial *out)
{
  struct sp_span left = *rest;
  *out = (struct partial){0};
  bool is_open = false; /* after a wildcard only wildcards follow */
  (void)take(&left, "v");
  for (int i = 0; i < 3; i++) {
    if (i > 0 && !take(&left, "."))
      break;
    if (take_wildcard(&left)) {
      is_open = true;
      continue;
    }
    if (is_open || !sp_semver_take_number(&left, &out->version.number[i]))
      return false;
    out->given++;
  }
  if (out->given == 3 && !sp_semver_take_suffix(&left, &out->version.pre))
    return false;
  *rest = left;
  return true;
}

/* No release is below 0.0.0: that bound is none, or its pre-releases could not be named (as npm has
 * it). */
static bool is_no_bound(enum relation relation, const struct sp_semver *version)
{
  return relation == AT_LEAST && version->pre.len == 0 && version->number[0] == 0 &&
         version->number[1] == 0 && version->number[2] == 0;
}

static void add_bound(struct parser *parser, enum relation relation, struct sp_semver version)
{
  if (is_no_bound(relation, &version))
    return;
  parser->bounds[parser->count++] =
      (struct bound){.relation = relation, .version = version, .alternative = parser->alternative};
}

/* The first version behind all that share the first `kept` numbers: 1.2.3 keeping 1 gives 2.0.0-0.
 * Keeping none there is none. */
static struct sp_semver next_after(const struct sp_semver *version, int kept)
{
  struct sp_semver next = {.pre = SP_SPAN_LIT("0")};
  for (int i = 0; i < kept; i++)
    next.number[i] = version->number[i];
  next.number[kept - 1]++;
  return next;
}

/* At least the version, and below the next that changes one of the first `kept` numbers. */
static void add_series(struct parser *parser, const struct partial *partial, int kept)
{
  add_bound(parser, AT_LEAST, partial->version);
  if (kept > 0)
    add_bound(parser, BELOW, next_after(&partial->version, kept));
}

static void add_tilde(struct parser *parser, const struct partial *partial)
{
  add_series(parser, partial, partial->given < 2 ? partial->given : 2);
}

/* The leftmost number that is not zero stays. */
static void add_caret(struct parser *parser, const struct partial *partial)
{
  int kept = 0;
  while (kept < partial->given) {
    if (partial->version.number[kept++] != 0)
      break;
  }
  add_series(parser, partial, kept);
}

static void add_plain(struct parser *parser, const struct partial *partial)
{
  if (partial->given == 3)
    add_bound(parser, EQUAL, partial->version);
  else
    add_series(parser, partial, partial->given);
}

/* No version is below this one. */
static void add_nothing(struct parser *parser)
{
  add_bound(parser, BELOW, (struct sp_semver){.pre = SP_SPAN_LIT("0")});
}

/* ">1.2" is above all of 1.2; "<=1.2" has all of it; "<1.2" is below its first pre-release. */
static void add_relation(struct parser *parser, enum relation relation,
                         const struct partial *partial)
{
  if (partial->given == 3) {
    add_bound(parser, relation, partial->version);
    return;
  }
  if (partial->given == 0) {
    if (relation == ABOVE || relation == BELOW)
      add_nothing(parser);
    return;
  }
  struct sp_semver first = partial->version;
  struct sp_semver next = next_after(&partial->version, partial->given);
  switch (relation) {
  case ABOVE:
    next.pre = SP_SPAN(NULL, 0);
    add_bound(parser, AT_LEAST, next);
    return;
  case AT_LEAST:
    add_bound(parser, AT_LEAST, first);
    return;
  case AT_MOST:
    add_bound(parser, BELOW, next);
    return;
  case BELOW:
    first.pre = SP_SPAN_LIT("0");
    add_bound(parser, BELOW, first);
    return;
  case EQUAL:
    add_plain(parser, partial);
    return;
  }
}

/* One comparator: an operator, blanks, a version. */
static int parse_comparator(struct parser *parser, struct sp_err *err)
{
  static const struct {
    const char *word;
    enum relation relation;
  } relations[] = {{">=", AT_LEAST}, {"<=", AT_MOST}, {">", ABOVE}, {"<", BELOW}, {"=", EQUAL}};
  struct partial partial;
  struct sp_span begin = parser->rest;
  bool is_caret = take(&parser->rest, "^");
  bool is_tilde = !is_caret && (take(&parser->rest, "~>") || take(&parser->rest, "~"));
  enum relation relation = EQUAL;
  for (size_t i = 0; !is_caret && !is_tilde && i < sizeof relations / sizeof relations[0]; i++) {
    if (!take(&parser->rest, relations[i].word))
      continue;
    relation = relations[i].relation;
    break;
  }
  skip_blanks(&parser->rest);
  if (!take_partial(&parser->rest, &partial))
    return refuse(begin, err);
  if (is_caret)
    add_caret(parser, &partial);
  else if (is_tilde)
    add_tilde(parser, &partial);
  else
    add_relation(parser, relation, &partial);
  return 0;
}

/* "1.2 - 2.3": blanks around the hyphen. Answers whether there was one. */
static bool take_hyphen_range(struct parser *parser)
{
  struct sp_span left = parser->rest;
  struct partial from, to;
  if (!take_partial(&left, &from) || !(take(&left, " ") || take(&left, "\t")))
    return false;
  skip_blanks(&left);
  if (!take(&left, "- ") && !take(&left, "-\t"))
    return false;
  skip_blanks(&left);
  if (!take_partial(&left, &to))
    return false;
  skip_blanks(&left);
  if (!is_at_end(left))
    return false;
  add_relation(parser, AT_LEAST, &from);
  add_relation(parser, AT_MOST, &to);
  parser->rest = left;
  return true;
}

/* One alternative: comparators, all of which have to hold. */
static int parse_alternative(struct parser *parser, struct sp_err *err)
{
  skip_blanks(&parser->rest);
  if (is_at_end(parser->rest))
    return refuse(parser->rest, err);
  if (take_hyphen_range(parser))
    return 0;
  while (!is_at_end(parser->rest)) {
    struct sp_span before = parser->rest;
    if (parse_comparator(parser, err) < 0)
      return -1;
    size_t used = before.len - parser->rest.len;
    skip_blanks(&parser->rest);
    bool is_apart = before.len - parser->rest.len > used || is_at_end(parser->rest) ||
                    strchr("<>=^~", parser->rest.ptr[0]);
    if (!is_apart)
      return refuse(before, err);
  }
  return 0;
}

static int parse_all(struct parser *parser, struct sp_err *err)
{
  for (;;) {
    if (parse_alternative(parser, err) < 0)
      return -1;
    parser->alternative++;
    if (!take(&parser->rest, "||"))
      return 0;
  }
}

int sp_semver_range_parse(struct sp_span text, struct sp_semver_range **out, struct sp_err *err)
{
  if (text.len > SP_MAX_PATTERN)
    return sp_fail(err, SP_E_USAGE, "a range of versions has at most %d characters",
                   SP_MAX_PATTERN);
  SP_AUTO_FREE char *copy = NULL;
  if (sp_text_dup_span(&copy, text.ptr ? text : SP_SPAN_LIT(""), err) < 0)
    return -1;
  struct parser parser = {.rest = SP_SPAN(copy, text.len)};
  if (parse_all(&parser, err) < 0)
    return -1;
  size_t bytes = parser.count * sizeof parser.bounds[0];
  struct sp_semver_range *range = malloc(sizeof *range + bytes);
  if (!range)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a range of versions");
  range->alternative_count = parser.alternative;
  range->bound_count = parser.count;
  memcpy(range->bounds, parser.bounds, bytes);
  range->text = sp_steal(&copy);
  *out = range;
  return 0;
}

void sp_semver_range_free(struct sp_semver_range *range)
{
  if (!range)
    return;
  free(range->text);
  free(range);
}

static bool holds(const struct bound *bound, const struct sp_semver *version)
{
  int order = sp_semver_compare(version, &bound->version);
  switch (bound->relation) {
  case BELOW:
    return order < 0;
  case AT_MOST:
    return order <= 0;
  case EQUAL:
    return order == 0;
  case AT_LEAST:
    return order >= 0;
  case ABOVE:
    return order > 0;
  }
  return false;
}

/* Does this bound let pre-releases of the version's three numbers in? */
static bool names_pre_release(const struct bound *bound, const struct sp_semver *version)
{
  return bound->version.pre.len > 0 &&
         memcmp(bound->version.number, version->number, sizeof version->number) == 0;
}

bool sp_semver_range_has(const struct sp_semver_range *range, const struct sp_semver *version)
{
  size_t i = 0;
  for (size_t alternative = 0; alternative < range->alternative_count; alternative++) {
    bool is_in = true;
    bool is_named = version->pre.len == 0;
    for (; i < range->bound_count && range->bounds[i].alternative == alternative; i++) {
      is_in = is_in && holds(&range->bounds[i], version);
      is_named = is_named || names_pre_release(&range->bounds[i], version);
    }
    if (is_in && is_named)
      return true;
  }
  return false;
}
