/* SPDX-License-Identifier: Apache-2.0 */
/* A glob is kept as text and matched by walking pattern and tag once; on a mismatch the walk goes
 * back to the last `*` and lets it take one character more. Earlier stars never have to be tried
 * again: what they took first leaves the most for the rest. */
#include "policy/pattern.h"

#include <ctype.h>
#include <strings.h>

#include "base/limits.h"
#include "base/text.h"
#include "oci/reference.h"
#include "policy/tag_kind.h"

#define GLOB_PREFIX "glob:"
#define SEMVER_PREFIX "semver:"

static bool is_tag_char(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

/* -- globs */

/* Length of the set at p ("[...]", checked before). */
static size_t set_len(const char *p)
{
  size_t n = p[1] == '!' ? 2 : 1;
  return (size_t)(strchr(p + n, ']') - p) + 1;
}

static bool set_has(const char *p, size_t len, char c)
{
  bool is_negated = p[1] == '!';
  bool is_in = false;
  for (size_t i = is_negated ? 2 : 1; i < len - 1; i++) {
    bool is_range = i + 3 < len && p[i + 1] == '-';
    is_in = is_in || (is_range ? c >= p[i] && c <= p[i + 2] : c == p[i]);
    i += is_range ? 2 : 0;
  }
  return is_in != is_negated;
}

/* Does the element at p (not a star) take c? *len is its length in the pattern. */
static bool element_takes(const char *p, char c, size_t *len)
{
  *len = *p == '[' ? set_len(p) : 1;
  if (*p == '[')
    return set_has(p, *len, c);
  return *p == '?' || *p == c;
}

static bool glob_matches(const char *p, const char *tag)
{
  const char *star = NULL;     /* behind the last star */
  const char *star_tag = NULL; /* the first character that it does not take */
  while (*tag) {
    size_t len = 0;
    if (*p == '*') {
      star = ++p;
      star_tag = tag;
      continue;
    }
    if (*p && element_takes(p, *tag, &len)) {
      p += len;
      tag++;
      continue;
    }
    if (!star)
      return false;
    p = star;
    tag = ++star_tag;
  }
  while (*p == '*')
    p++;
  return *p == '\0';
}

/* The set at p: closed, not empty, only characters of tags, ranges that go up. */
static int check_set(const char *p, size_t *len, struct sp_err *err)
{
  size_t first = p[1] == '!' ? 2 : 1;
  const char *end = strchr(p + first, ']');
  if (!end)
    return sp_fail(err, SP_E_USAGE, "a '[' is not closed");
  if (end == p + first)
    return sp_fail(err, SP_E_USAGE, "'[]' holds nothing");
  *len = (size_t)(end - p) + 1;
  for (size_t i = first; i < *len - 1; i++) {
    if (!is_tag_char(p[i]))
      return sp_fail(err, SP_E_USAGE, "no tag has a '%c' in it", p[i]);
    bool is_range = i + 3 < *len && p[i + 1] == '-';
    if (is_range && p[i + 2] < p[i])
      return sp_fail(err, SP_E_USAGE, "the range '%.3s' goes down", p + i);
  }
  return 0;
}

static int check_glob(const char *glob, struct sp_err *err)
{
  if (!*glob)
    return sp_fail(err, SP_E_USAGE, "nothing follows 'glob:'");
  for (const char *p = glob; *p;) {
    size_t len = 1;
    if (*p == '[') {
      if (check_set(p, &len, err) < 0)
        return -1;
    } else if (!is_tag_char(*p) && *p != '*' && *p != '?') {
      char shown[8];
      sp_text_escape(shown, sizeof shown, SP_SPAN(p, 1));
      return sp_fail(err, SP_E_USAGE, "no tag has a '%s' in it", shown);
    }
    p += len;
  }
  return 0;
}

/* -- patterns */

static const struct {
  const char *prefix;
  enum sp_pattern_kind kind;
} kinds[] = {{GLOB_PREFIX, SP_PATTERN_GLOB}, {SEMVER_PREFIX, SP_PATTERN_SEMVER}};

static enum sp_pattern_kind kind_of(struct sp_span text)
{
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (sp_span_has_prefix(text, kinds[i].prefix))
      return kinds[i].kind;
  }
  return sp_span_eq_str(text, "git-sha") ? SP_PATTERN_GIT_SHA : SP_PATTERN_EXACT;
}

/* "git_sha", "GitSha": a tag to the letter, and surely none that anybody has. */
static bool is_like_git_sha(struct sp_span text)
{
  static const char letters[] = "gitsha";
  size_t n = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] == '-' || text.ptr[i] == '_')
      continue;
    if (n == sizeof letters - 1 || tolower((unsigned char)text.ptr[i]) != letters[n++])
      return false;
  }
  return n == sizeof letters - 1;
}

/* "GLOB:v*", "re:.*" */
static int fail_kind(struct sp_span text, size_t kind_len, struct sp_err *err)
{
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    size_t len = strlen(kinds[i].prefix);
    if (kind_len + 1 == len && strncasecmp(text.ptr, kinds[i].prefix, len) == 0)
      return sp_fail(err, SP_E_USAGE, "this is no tag: write '%s' in small letters",
                     kinds[i].prefix);
  }
  if ((kind_len == 2 || kind_len >= 5) && strncasecmp(text.ptr, "regex", kind_len) == 0)
    return sp_fail(err, SP_E_USAGE,
                   "regular expressions are not taken: write 'glob:v*', or 'semver:>=1.2'");
  return sp_fail(err, SP_E_USAGE,
                 "there is no such kind of pattern: there are 'glob:...', 'semver:...' and "
                 "'git-sha'");
}

static int check_exact(struct sp_span text, struct sp_err *err)
{
  const char *colon = memchr(text.ptr, ':', text.len);
  if (sp_span_eq_str(text, SP_RECORD_TAG))
    return sp_fail(err, SP_E_USAGE, "safeport writes this tag itself, on each backup");
  if (is_like_git_sha(text))
    return sp_fail(err, SP_E_USAGE,
                   "did you mean 'git-sha'? If there is a tag of this name: 'glob:%.*s'",
                   (int)text.len, text.ptr);
  if (sp_ref_is_tag(text))
    return 0;
  if (colon && colon > text.ptr)
    return fail_kind(text, (size_t)(colon - text.ptr), err);
  if (memchr(text.ptr, '*', text.len) || memchr(text.ptr, '?', text.len) ||
      memchr(text.ptr, '[', text.len))
    return sp_fail(err, SP_E_USAGE, "this is no tag: write 'glob:' in front of it");
  if (memchr("<>=^~", text.ptr[0], 5))
    return sp_fail(err, SP_E_USAGE, "this is no tag: write 'semver:' in front of it");
  return sp_fail(err, SP_E_USAGE,
                 "this is no tag, nor 'glob:...', 'semver:...' or 'git-sha': a tag has at most "
                 "128 letters, digits, '_', '.' and '-', and begins with none of the last two");
}

static int fill(struct sp_pattern *pattern, struct sp_span text, struct sp_err *err)
{
  switch (pattern->kind) {
  case SP_PATTERN_EXACT:
    return check_exact(text, err);
  case SP_PATTERN_GLOB:
    return check_glob(pattern->text + strlen(GLOB_PREFIX), err);
  case SP_PATTERN_SEMVER:
    return sp_semver_range_parse(sp_span_skip(text, strlen(SEMVER_PREFIX)), &pattern->range, err);
  case SP_PATTERN_GIT_SHA:
    return 0;
  }
  return sp_fail(err, SP_E_INTERNAL, "a pattern without a kind");
}

int sp_pattern_parse(struct sp_span text, struct sp_pattern *out, struct sp_err *err)
{
  char shown[SP_MAX_PATTERN];
  sp_text_escape(shown, sizeof shown, text);
  if (text.len == 0)
    return sp_fail(err, SP_E_USAGE, "a pattern is empty");
  if (text.len > SP_MAX_PATTERN)
    return sp_fail(err, SP_E_USAGE, "'%.40s...': a pattern has at most %d characters", shown,
                   SP_MAX_PATTERN);
  if (memchr(text.ptr, '\0', text.len))
    return sp_fail(err, SP_E_USAGE, "'%s': a pattern has a zero byte in it", shown);
  SP_CLEANUP(sp_pattern_clear_auto_) struct sp_pattern pattern = {.kind = kind_of(text)};
  if (sp_text_dup_span(&pattern.text, text, err) < 0)
    return -1;
  if (fill(&pattern, SP_SPAN(pattern.text, text.len), err) < 0)
    return sp_err_context(err, "'%s'", shown);
  *out = pattern;
  pattern = (struct sp_pattern){0};
  return 0;
}

void sp_pattern_clear(struct sp_pattern *pattern)
{
  free(pattern->text);
  sp_semver_range_free(pattern->range);
  *pattern = (struct sp_pattern){0};
}

bool sp_pattern_matches(const struct sp_pattern *pattern, const char *tag)
{
  struct sp_semver version;
  if (pattern->kind == SP_PATTERN_EXACT)
    return strcmp(pattern->text, tag) == 0;
  if (sp_tag_is_special(tag))
    return false;
  switch (pattern->kind) {
  case SP_PATTERN_EXACT:
    break;
  case SP_PATTERN_GLOB:
    return glob_matches(pattern->text + strlen(GLOB_PREFIX), tag);
  case SP_PATTERN_SEMVER:
    return sp_semver_parse(sp_span_str(tag), &version) &&
           sp_semver_range_has(pattern->range, &version);
  case SP_PATTERN_GIT_SHA:
    return sp_ref_is_git_sha(sp_span_str(tag));
  }
  return false;
}

/* -- lists */

int sp_pattern_list_add(struct sp_pattern_list *list, struct sp_span text, struct sp_err *err)
{
  if (list->count >= SP_MAX_PATTERNS)
    return sp_fail(err, SP_E_LIMIT, "more than %d patterns in one list", SP_MAX_PATTERNS);
  struct sp_pattern *items = reallocarray(list->items, list->count + 1, sizeof *items);
  if (!items)
    return sp_fail(err, SP_E_NOMEM, "out of memory for patterns");
  list->items = items;
  if (sp_pattern_parse(text, &items[list->count], err) < 0)
    return -1;
  list->count++;
  return 0;
}

void sp_pattern_list_clear(struct sp_pattern_list *list)
{
  for (size_t i = 0; i < list->count; i++)
    sp_pattern_clear(&list->items[i]);
  free(list->items);
  *list = (struct sp_pattern_list){0};
}

bool sp_pattern_list_matches(const struct sp_pattern_list *list, const char *tag)
{
  for (size_t i = 0; i < list->count; i++) {
    if (sp_pattern_matches(&list->items[i], tag))
      return true;
  }
  return false;
}
