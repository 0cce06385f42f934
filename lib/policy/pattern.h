/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of tags, as safeport.yaml writes them:
 *
 *   latest          exactly this tag
 *   glob:v*         `*` any characters, `?` one, `[a-z0-9]` and `[!...]` one of (not of) a set; the
 *                   whole tag must match; there is no escape, for no tag has a special character
 *   semver:^1.2     a range of versions in npm's grammar: ^ ~ > >= < <= =, x-ranges ("1.x", "*"),
 *                   "1.2 - 1.4", blanks for "and", "||" for "or". Tags are versions of semver 2.0.0
 *                   with three numbers, with or without "v"; pre-releases belong to a range only
 *                   where it names one of the same three numbers (as npm does)
 *   git-sha         7 to 64 lower-case hexadecimal digits, "sha-" in front allowed
 *                   (sp_ref_is_git_sha)
 *
 * Safeport's own tags and digest tags ("safeport-record", "safeport-latest-20261123T101500Z",
 * "sha256-...", tag_kind.h) match no pattern but an exact one.
 *
 * Matching never backs up further than to the last `*`: at most pattern x tag steps, both bounded.
 * Pure. Life cycle: _parse, any number of _matches, _clear. Threads: a parsed pattern is read-only.
 */
#ifndef SP_POLICY_PATTERN_H
#define SP_POLICY_PATTERN_H

#include <stdbool.h>

#include "policy/semver_range.h"

enum sp_pattern_kind {
  SP_PATTERN_EXACT,
  SP_PATTERN_GLOB,
  SP_PATTERN_SEMVER,
  SP_PATTERN_GIT_SHA,
};

struct sp_pattern {
  enum sp_pattern_kind kind;
  char *text;                    /* as it was written, prefix included */
  struct sp_semver_range *range; /* SEMVER only */
};

/* Reads one pattern. `text` is copied. Fails: SP_E_USAGE, saying what is wrong and what was likely
 * meant ("v*" wants "glob:"); SP_E_NOMEM. */
SP_MUST_CHECK int sp_pattern_parse(struct sp_span text, struct sp_pattern *out, struct sp_err *err);
void sp_pattern_clear(struct sp_pattern *pattern);
bool sp_pattern_matches(const struct sp_pattern *pattern, const char *tag);
SP_DEFINE_AUTO_CLEAR(struct sp_pattern, sp_pattern_clear)

/* Patterns in order; SP_MAX_PATTERNS at most. {0} is an empty list. */
struct sp_pattern_list {
  struct sp_pattern *items;
  size_t count;
};

/* Adds one. Fails: as sp_pattern_parse; SP_E_LIMIT. */
SP_MUST_CHECK int sp_pattern_list_add(struct sp_pattern_list *list, struct sp_span text,
                                      struct sp_err *err);
void sp_pattern_list_clear(struct sp_pattern_list *list);
/* Does one of them match? An empty list matches nothing. */
bool sp_pattern_list_matches(const struct sp_pattern_list *list, const char *tag);
SP_DEFINE_AUTO_CLEAR(struct sp_pattern_list, sp_pattern_list_clear)

#endif
